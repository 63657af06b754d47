"""Site: the stored facts of one camera over days become a report of its place."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from placewatch.core.acts import SHELL
from placewatch.core.errors import Misconfigured
from placewatch.core.facts import FootCrossings, LaneQueue
from placewatch.core.ids import CameraId
from placewatch.core.kinds import MOTOR_VEHICLES, ConflictType, Direction, Kind
from placewatch.core.space import PicturePoint, Point
from placewatch.core.time import MINUTE_US, SystemClock, UtcMicros
from placewatch.measure.ground import Ground
from placewatch.measure.hotspot import HotSpotMeter
from placewatch.measure.interval import CLIPS, Check, count_between
from placewatch.node import config as settings
from placewatch.node import views
from placewatch.node.acts import perform
from placewatch.node.equip import ends_of, ground_of
from placewatch.node.export import instant
from placewatch.node.outlines import shapes_of
from placewatch.node.road import (
    approaches_told,
    carriageways_told,
    foot_sums,
    queue_sums,
)
from placewatch.node.screenlines import screenline_views, screenlines_at
from placewatch.publish.journeys import Journey, JourneyWindow
from placewatch.publish.site import (
    Bands,
    Following,
    Range,
    SiteReport,
    Spot,
    Way,
    write_site_report,
)
from placewatch.publish.watch import WatchedLine
from placewatch.register.journal import Journal
from placewatch.store.bins import stored_bins
from placewatch.store.rows import (
    CONFLICTS,
    FOOT_CROSSINGS,
    JOURNEYS,
    LANE_QUEUES,
    LINE_FLOWS,
    MOVEMENT_COUNTS,
    SPEED_COUNTS,
    Shape,
)
from placewatch.store.store import Store

SEEN_SHARE_MIN = 0.5  # of less nothing is said of the whole time
QUARTER_US = 15 * MINUTE_US
SPOT_STEP_M, SPOT_REACH_M = 1.0, 3.0
SPOTS_MOST = 400  # on a picture
SIZE_UNKNOWN = (1280, 720)


def report_site(
    config: Path,
    camera: str,
    since: str,
    until: str,
    out: Path,
    limit_km_h: float | None = None,
) -> Path:
    """Writes the report of `camera` from `since` up to `until` to `out`. A node may run meanwhile.
    Raises Misconfigured."""
    loaded = settings.load(config)
    one = next((one for one in loaded.camera if one.id == camera), None)
    if one is None:
        known = ", ".join(one.id for one in loaded.camera) or "none"
        raise Misconfigured(f'{config} has no camera "{camera}"', hint=f"it has {known}")
    begin, end = instant("--from", since), instant("--to", until)
    if end <= begin:
        raise Misconfigured(
            f"nothing lies from {since} to {until}", hint="--to must be later than --from"
        )
    if limit_km_h is not None and not 5.0 <= limit_km_h <= 200.0:
        raise Misconfigured(
            f"a limit of {limit_km_h:g} km/h cannot be", hint="5 to 200 can; leave it out for none"
        )
    folder = config.parent / loaded.data
    store = Store(folder, writes=False)
    journal = Journal(folder / "journal", SystemClock())
    limit_m_s = None if limit_km_h is None else limit_km_h / 3.6
    try:
        perform(
            journal,
            SHELL,
            "site.report",
            {"camera": camera, "from": since, "to": until},
            lambda: write_site_report(
                site_report(store, loaded, one, begin, end, limit_m_s=limit_m_s), out
            ),
        )
    finally:
        journal.close()
        store.close()
    return out


def site_report(
    store: Store,
    site: settings.Settings,
    camera: settings.CameraSettings,
    since: UtcMicros,
    until: UtcMicros,
    *,
    backdrop_jpeg: bytes | None = None,
    limit_m_s: float | None = None,
    screenlines: bool = True,
) -> SiteReport:
    """What is stored of `camera` with since ≤ at < until; of other cameras only what is added up
    with it, where `screenlines` are wanted."""
    name = CameraId(camera.id)
    memory = store.ledger.camera(name)
    size_px = SIZE_UNKNOWN
    if memory is not None and memory.width_px is not None and memory.height_px is not None:
        size_px = memory.width_px, memory.height_px
    lines = tuple(WatchedLine(x.name, x.from_px, x.to_px, (), x.arm) for x in camera.line)
    ground = ground_of(camera, site.origin, size_px)
    rows = store.facts.between(since, until, name)
    check = _check_of(camera)
    movements = store.table(MOVEMENT_COUNTS)
    bins = tuple(stored_bins(store.facts, since, until, QUARTER_US, site.site, name))
    conflicts = _rows(store, CONFLICTS, since, until, name)
    queues = _queues(_rows(store, LANE_QUEUES, since, until, name))
    approaches = approaches_told(queues, camera, since, until)
    walks = _walks(_rows(store, FOOT_CROSSINGS, since, until, name))
    carriageways = carriageways_told(walks, camera)
    # Lines say best what was seen; a camera without any may have a road.
    watched_s = [lane.watched_s for way in approaches for lane in way.lanes]
    watched_s += [place.watched_s for piece in carriageways for place in piece.places]
    coverage_s = _coverage_s(rows) or min((until - since) / 1e6, max(watched_s, default=0.0))
    return SiteReport(
        site=site.site,
        place=camera.notice.place if camera.notice is not None else camera.id,
        camera=camera.id,
        since=since,
        until=until,
        coverage_s=coverage_s,
        width_px=size_px[0],
        height_px=size_px[1],
        lines=lines,
        quarters=bins,
        movements=()
        if movements is None
        else tuple(stored_bins(movements, since, until, QUARTER_US, site.site, name)),
        totals=_totals(rows, (until - since) / 1e6, check),
        speeds=_speeds(_rows(store, SPEED_COUNTS, since, until, name)),
        following=_following(_rows(store, LINE_FLOWS, since, until, name)),
        conflicts=_conflicts(conflicts),
        spots=() if ground is None else tuple(_spots(conflicts, ground, size_px, since, until)),
        approaches=approaches,
        carriageways=carriageways,
        shapes=shapes_of(camera, ground),
        calibrated=ground is not None,
        expected_error_m=None if ground is None else _error_m(ground, lines, size_px),
        backdrop_jpeg=backdrop_jpeg,
        detector=camera.detector,
        checked=_checked_words(camera),
        limit_m_s=limit_m_s,
        notice=_notice(camera),
        journeys=tuple(_journeys(store, site, name, since, until)),
        screenlines=tuple(screenlines_at(store, site, name, since, until, QUARTER_US))
        if screenlines
        else (),
    )


def place_view(
    store: Store,
    site: settings.Settings,
    camera: settings.CameraSettings,
    since: UtcMicros,
    until: UtcMicros,
) -> views.PlaceView:
    """The sums of `site_report` that the console shows."""
    report = site_report(store, site, camera, since, until, screenlines=False)
    moved: dict[tuple[str | None, str], int] = {}
    for one in report.movements:
        if one.to_arm is not None and one.count:
            moved[one.from_arm, one.to_arm] = moved.get((one.from_arm, one.to_arm), 0) + one.count
    return views.PlaceView(
        since=since,
        until=until,
        coverage_s=report.coverage_s,
        movements=tuple(views.MovementSum(*way, count) for way, count in moved.items()),
        speeds=tuple(
            views.SpeedBand(*way, low, high, count, sum(n for a, _, n in bands.free if a == low))
            for way, bands in report.speeds.items()
            for low, high, count in bands.all
        ),
        conflicts=tuple(
            views.ConflictSum(*of, count) for of, count in sorted(report.conflicts.items())
        ),
        spots=tuple(views.ConflictSpot(one.x_px, one.y_px, one.share) for one in report.spots),
        queues=queue_sums(report.approaches),
        crossings_on_foot=foot_sums(report.carriageways),
        journeys=report.journeys,
        screenlines=screenline_views(store, site, CameraId(camera.id), since, until),
    )


def _rows(
    store: Store, shape: Shape, since: UtcMicros, until: UtcMicros, camera: CameraId
) -> pa.Table:
    table = store.table(shape)
    if table is None:  # written by a version that knew no such facts
        return shape.schema.empty_table()
    return table.between(since, until, camera)


def _queues(rows: pa.Table) -> list[LaneQueue]:
    """The facts that are in rows of the shape `queues`."""
    return [LaneQueue(**row) for row in _plain(rows)]


def _walks(rows: pa.Table) -> list[FootCrossings]:
    """The facts that are in rows of the shape `crossings_on_foot`."""
    told = []
    for row in _plain(rows):
        row |= {name: tuple(value) for name, value in row.items() if isinstance(value, list)}
        told.append(FootCrossings(**row))
    return told


def _plain(rows: pa.Table) -> list[dict[str, Any]]:
    """Rows as facts have them: `at` is a number again."""
    at = pc.cast(rows["at"], pa.int64())
    told: list[dict[str, Any]] = rows.set_column(
        rows.schema.get_field_index("at"), "at", at
    ).to_pylist()
    return told


def _coverage_s(rows: pa.Table) -> float:
    """Seconds that were watched: each minute once, however many lines and kinds it has."""
    if not rows.num_rows:
        return 0.0
    cells = ["at", "line", "kind", "direction"]
    by_cell = rows.group_by(cells, use_threads=False).aggregate([("coverage_s", "sum")])
    minutes = by_cell.group_by("at", use_threads=False).aggregate([("coverage_s_sum", "max")])
    return float(pc.sum(minutes["coverage_s_sum_max"]).as_py() or 0.0)


def _totals(
    rows: pa.Table, window_s: float, check: Check
) -> dict[tuple[str, Direction, Kind], Range]:
    sums = rows.group_by(["line", "direction", "kind"], use_threads=False).aggregate(
        [("count", "sum"), ("coverage_s", "sum")]
    )
    told = {}
    for row in sums.to_pylist():
        key = row["line"], Direction(row["direction"]), Kind(row["kind"])
        count = row["count_sum"]
        if count is None:
            told[key] = Range(None)
            continue
        coverage_s = min(window_s, row["coverage_s_sum"])
        if coverage_s < SEEN_SHARE_MIN * window_s:
            told[key] = Range(count)
            continue
        between = count_between(count, coverage_s, window_s, check)
        told[key] = Range(count, *((between.low, between.high) if between else (None, None)))
    return told


def _speeds(rows: pa.Table) -> dict[Way, Bands]:
    motors = pc.is_in(rows["kind"], pa.array([str(kind) for kind in MOTOR_VEHICLES]))
    keys = ["line", "direction", "free", "speed_m_s_from", "speed_m_s_to"]
    sums = rows.filter(motors).group_by(keys, use_threads=False).aggregate([("count", "sum")])
    found: dict[Way, tuple[dict[tuple[float, float], int], dict[tuple[float, float], int]]] = {}
    for row in sums.to_pylist():
        every, free = found.setdefault((row["line"], Direction(row["direction"])), ({}, {}))
        band = row["speed_m_s_from"], row["speed_m_s_to"]
        every[band] = every.get(band, 0) + row["count_sum"]
        if row["free"]:
            free[band] = free.get(band, 0) + row["count_sum"]
    return {way: Bands(_in_order(every), _in_order(free)) for way, (every, free) in found.items()}


def _in_order(bands: dict[tuple[float, float], int]) -> tuple[tuple[float, float, int], ...]:
    return tuple((low, high, count) for (low, high), count in sorted(bands.items()))


def _following(rows: pa.Table) -> dict[Way, Following]:
    """Means of minutes, weighted by their numbers; the harmonic one by its inverse."""
    found: dict[Way, list[dict[str, Any]]] = {}
    for row in rows.to_pylist():
        found.setdefault((row["line"], Direction(row["direction"])), []).append(row)
    told = {}
    for way, minutes in found.items():
        coverage_s = sum(row["coverage_s"] for row in minutes)
        occupied_s = sum(row["occupied_s"] or 0.0 for row in minutes)
        speeds = [
            (row["speed_count"], 1.0 / row["speed_m_s_space_mean"])
            for row in minutes
            if row["speed_m_s_space_mean"]
        ]
        slowness = _weighted(speeds)
        told[way] = Following(
            headway_s=_mean(minutes, "headway"),
            gap_s=_mean(minutes, "gap"),
            space_mean_m_s=None if slowness is None else 1.0 / slowness,
            occupancy=occupied_s / coverage_s if coverage_s > 0.0 and speeds else None,
        )
    return told


def _mean(minutes: list[dict[str, Any]], of: str) -> float | None:
    return _weighted(
        [
            (row[f"{of}_count"], row[f"{of}_s_mean"])
            for row in minutes
            if row[f"{of}_s_mean"] is not None
        ]
    )


def _weighted(values: list[tuple[int, float]]) -> float | None:
    total = sum(number for number, _ in values)
    return sum(number * value for number, value in values) / total if total else None


def _conflicts(rows: pa.Table) -> dict[tuple[ConflictType, int], int]:
    told: dict[tuple[ConflictType, int], int] = {}
    for row in rows.select(["type", "severity"]).to_pylist():
        key = ConflictType(row["type"]), int(row["severity"])
        told[key] = told.get(key, 0) + 1
    return told


def _spots(
    rows: pa.Table,
    ground: Ground,
    size_px: tuple[int, int],
    since: UtcMicros,
    until: UtcMicros,
) -> Iterator[Spot]:
    """Where conflicts lie thickest, as spots on the picture; each stands for five of them."""
    places = [Point(row["x_m"], row["y_m"]) for row in rows.select(["x_m", "y_m"]).to_pylist()]
    if not places:
        return
    xs, ys = [place.x_m for place in places], [place.y_m for place in places]
    reach = SPOT_REACH_M
    meter = HotSpotMeter(
        Point(min(xs) - reach, min(ys) - reach),
        Point(max(xs) + reach, max(ys) + reach),
        since,
        step_m=SPOT_STEP_M,
        reach_m=reach,
    )
    meter.add(places)
    found = meter.close(until)
    shown = [
        (value, found.middle(row, column))
        for row, values in enumerate(found.per_m2)
        for column, value in enumerate(values)
        if value is not None
    ]
    shown.sort(key=lambda one: -one[0])
    for value, place in shown[:SPOTS_MOST]:
        picture = ground.to_picture(place)
        if picture is not None and _inside(picture, size_px):
            yield Spot(picture.x_px, picture.y_px, value / shown[0][0])


def _inside(point: PicturePoint, size_px: tuple[int, int]) -> bool:
    return 0.0 <= point.x_px <= size_px[0] and 0.0 <= point.y_px <= size_px[1]


def _error_m(
    ground: Ground, lines: tuple[WatchedLine, ...], size_px: tuple[int, int]
) -> float | None:
    """How well a place is known, m: the median at the lines; without lines below the middle."""
    spots = [
        PicturePoint((x.from_px[0] + x.to_px[0]) / 2, (x.from_px[1] + x.to_px[1]) / 2)
        for x in lines
    ] or [PicturePoint(size_px[0] / 2, size_px[1] * 0.75)]
    errors = [error for spot in spots if (error := ground.error_m(spot)) is not None]
    return float(np.median(errors)) if errors else None


def _check_of(camera: settings.CameraSettings) -> Check:
    if camera.check is None:
        return CLIPS
    return Check(camera.check.passages, camera.check.missed, camera.check.extra)


def _checked_words(camera: settings.CameraSettings) -> str:
    if camera.check is None:
        return (
            "Nobody has compared this camera with a count by hand: it is taken to err as on the "
            f"clips that were counted by hand, of whose {CLIPS.passages} passages it missed none."
        )
    one = camera.check
    return (
        f"Compared with a count by hand: of {one.passages} passages {one.missed} were missed, and "
        f"{one.extra} were counted that were none."
    )


def _notice(camera: settings.CameraSettings) -> tuple[tuple[str, str], ...]:
    one = camera.notice
    if one is None:
        return ()
    return (
        ("Purpose", one.purpose),
        ("Legal basis", one.legal_basis),
        ("Who answers", f"{one.owner}, {one.contact}"),
    )


def _journeys(
    store: Store, site: settings.Settings, camera: CameraId, since: UtcMicros, until: UtcMicros
) -> Iterator[Journey]:
    """The links that begin or end at `camera`, with those windows that lie in the time as a
    whole."""
    table = store.table(JOURNEYS)
    rows = [] if table is None or not site.link else table.between(since, until).to_pylist()
    windows = [(row["link"], _journey_window(row)) for row in rows]
    for link in site.link:
        parts = settings.parts_of(link, site.link)
        from_camera, to_camera = ends_of(parts[0])[0][0], ends_of(parts[-1])[1][0]
        if camera not in (from_camera, to_camera):
            continue
        within = not link.through and from_camera == to_camera
        yield Journey(
            link=link.name,
            how="parts" if link.through else "view" if within else "counts",
            from_camera=from_camera,
            from_place=_place(site, from_camera),
            to_camera=to_camera,
            to_place=_place(site, to_camera),
            length_m=sum(part.length_m or 0.0 for part in parts),
            windows=tuple(one for of, one in windows if of == link.name and one.end <= until),
        )


def last_journeys(store: Store, now: UtcMicros) -> dict[str, JourneyWindow]:
    """The last window of each link that ended within the last hour, by the link's name."""
    table = store.table(JOURNEYS)
    if table is None:
        return {}
    rows = table.between(UtcMicros(now - 8 * QUARTER_US), now).to_pylist()  # in order of time
    windows = [(row["link"], _journey_window(row)) for row in rows]
    return {link: one for link, one in windows if now - 4 * QUARTER_US <= one.end <= now}


def _journey_window(row: dict[str, Any]) -> JourneyWindow:
    of = "mean_s" if row["median_s"] is None else "median_s"
    start_s = round(row["at"].replace(tzinfo=datetime.UTC).timestamp())
    return JourneyWindow(
        end=UtcMicros(round((start_s + row["window_s"]) * 1e6)),
        window_s=row["window_s"],
        coverage_s=row["coverage_s"],
        time_s=row[of],
        time_s_low=row[f"{of}_low"],
        time_s_high=row[f"{of}_high"],
        mean_s=row["mean_s"],
        why=row["why"],
        sentence=row["sentence"],
        through_share=row["through_share"],
        through_share_low=row["through_share_low"],
        through_share_high=row["through_share_high"],
    )


def _place(site: settings.Settings, camera: CameraId) -> str:
    """What the public calls it."""
    one = next((one for one in site.camera if one.id == camera), None)
    return one.notice.place if one is not None and one.notice is not None else camera
