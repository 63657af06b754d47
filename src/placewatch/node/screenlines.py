"""Screenlines: lines of several cameras, added up of what is stored."""

import heapq
from collections.abc import Iterator

from placewatch.core.bins import Bin, screenline
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import MINUTE_US, UtcMicros
from placewatch.node import config as settings
from placewatch.node import views
from placewatch.publish.screenlines import Screenline, ScreenlinePart
from placewatch.store.bins import stored_bins
from placewatch.store.store import Store

HOUR_US = 60 * MINUTE_US


def screenlines_at(
    store: Store,
    site: settings.Settings,
    camera: CameraId,
    since: UtcMicros,
    until: UtcMicros,
    every_us: int,
) -> Iterator[Screenline]:
    """Those that a line of `camera` is a part of, in windows of `every_us` from `since`."""
    for one in site.screenline:
        parts = tuple(_part(site, named, named in one.reversed) for named in one.lines)
        if camera not in {part.camera for part in parts}:
            continue
        of_parts = [
            stored_bins(store.facts, since, until, every_us, site.site, of)
            for of in sorted({part.camera for part in parts})
        ]
        bins = heapq.merge(*of_parts, key=lambda bin_: bin_.start)
        reversed_ = {(part.camera, part.line): part.reversed for part in parts}
        yield Screenline(one.name, parts, tuple(screenline(one.name, bins, reversed_)))


def screenline_views(
    store: Store, site: settings.Settings, camera: CameraId, since: UtcMicros, until: UtcMicros
) -> tuple[views.ScreenlineView, ...]:
    """The same for the console: by the hours of the clock that begin in the time."""
    begin = UtcMicros(-(-since // HOUR_US) * HOUR_US)
    starts = tuple(UtcMicros(at) for at in range(begin, until, HOUR_US))
    return tuple(
        views.ScreenlineView(
            name=one.name,
            parts=tuple(
                views.ScreenlinePart(part.camera, part.place, part.line, part.reversed)
                for part in one.parts
            ),
            profile=_profile(one, starts),
        )
        for one in screenlines_at(store, site, camera, begin, until, HOUR_US)
    )


def _profile(one: Screenline, starts: tuple[UtcMicros, ...]) -> views.Profile:
    cells: dict[tuple[str, Kind], dict[UtcMicros, Bin]] = {}
    for bin_ in one.quarters:
        cells.setdefault((bin_.movement, bin_.kind), {})[bin_.start] = bin_
    coverage_s = {bin_.start: bin_.coverage_s for bin_ in one.quarters}
    return views.Profile(
        step_s=HOUR_US // 1_000_000,
        at=starts,
        coverage_s=tuple(coverage_s.get(at, 0.0) for at in starts),
        series=tuple(
            views.ProfileSeries(
                one.name,
                kind,
                Direction(movement),
                tuple(found[at].count if at in found else None for at in starts),
                (None,) * len(starts),
            )
            for (movement, kind), found in cells.items()
        ),
    )


def _part(site: settings.Settings, named: str, reversed_: bool) -> ScreenlinePart:
    of, name = settings.camera_and_line(named)
    camera = next(one for one in site.camera if one.id == of)  # settings are checked
    line = next(one for one in camera.line if one.name == name)
    place = camera.id if camera.notice is None else camera.notice.place
    return ScreenlinePart(CameraId(of), place, name, reversed_, line.from_px, line.to_px)
