"""Links: the ways between lines whose journey time is told, as a technician sets them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np
import shapely

from placewatch.core.errors import Misconfigured, PlacewatchError
from placewatch.core.kinds import Direction
from placewatch.core.space import PicturePoint
from placewatch.node import config as settings
from placewatch.node.drawn_road import WrongSetting
from placewatch.node.equip import ground_of
from placewatch.publish.journeys import JourneyWindow

SHORTER_SHARE, SHORTER_M = 0.97, 2.0
"""How much shorter than the straight line a link may seem, since the ground is not exact."""
LONGER_TIMES, LONGER_M = 1.5, 5.0
"""How much longer than the straight line a way inside one view may be: a turn at a junction is up
to 1.4 times as long, and the lines have a width."""
AGAINST = -0.5
"""Cosine: who drives over both lines of a link by more than 120° off the way to its end goes the
other way, however the street winds."""

_WORDS = {
    "name": "the name",
    "from_line": "the line at which it begins",
    "from_direction": "the way over the line at which it begins",
    "to_line": "the line at which it ends",
    "to_direction": "the way over the line at which it ends",
    "length_m": "the length",
    "speed_m_s_max": "the fastest",
    "through": "the route",
}
_DEFAULTS = {one.name: one.default for one in fields(settings.LinkSettings)}


@dataclass(frozen=True, slots=True)
class LinkView:
    """A link or a route as the settings have it; lines are `camera/line`. `straight_m` is how near
    to each other its two lines lie on the ground, and `note` says what is odd about it."""

    name: str
    from_line: str | None
    from_direction: Direction | None
    to_line: str | None
    to_direction: Direction | None
    length_m: float | None
    speed_m_s_min: float
    speed_m_s_max: float
    through: tuple[str, ...]
    straight_m: float | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class LinksView:
    """All links and routes, in the order of the settings; and the last `times` of those that have
    any, by name. Where what is stored of them cannot be read, `missing` is a sentence that says so,
    and there are no times."""

    links: tuple[LinkView, ...]
    times: Mapping[str, JourneyWindow] = field(default_factory=dict)
    missing: str | None = None


def links_view(
    site: settings.Settings,
    times: Mapping[str, JourneyWindow] | None = None,
    missing: str | None = None,
) -> LinksView:
    """The links of `site`, with what they are on the ground, and `times` of them."""
    shown = []
    for link in site.link:
        straight_m = None if link.through else straight_line_m(site, link)
        note = None if straight_m is None else length_note(link, straight_m)
        if note is None and not link.through:
            note = against_note(site, link)
        shown.append(
            LinkView(
                **asdict(link),
                straight_m=None if straight_m is None else round(straight_m, 1),
                note=note,
            )
        )
    names = {one.name for one in shown}
    told = {name: one for name, one in (times or {}).items() if name in names}
    return LinksView(tuple(shown), told, missing)


def missing_times(error: PlacewatchError) -> str:
    """What `error` keeps from being told of the links, as a sentence."""
    return (
        "The links are as they are set, but the times that were measured of them cannot be read: "
        f"{error.message.rstrip('.')}."
    )


def link_tables(links: Sequence[settings.LinkSettings]) -> list[dict[str, Any]]:
    """`links` as tables of the TOML; what is not given, or is the default, is left out."""
    tables = []
    for link in links:
        values = asdict(link)
        values["through"] = list(link.through)
        tables.append(
            {
                key: str(value) if isinstance(value, Direction) else value
                for key, value in values.items()
                if value != _DEFAULTS[key] and value != []
            }
        )
    return tables


def check_links(site: settings.Settings, links: Sequence[settings.LinkSettings]) -> None:
    """Raises WrongSetting for the first of `links` that `site` could not measure, or that is newly
    shorter than a bird would fly."""
    drawn = replace(site, link=tuple(links))
    for number, link in enumerate(links):
        try:
            settings.check_link("", link, drawn)
        except Misconfigured as error:
            key, _, text = error.message.removeprefix(", ").partition(": ")
            if text.startswith(("is ", "names ")):
                text = f"{_WORDS.get(key, key)} {text}"
            raise WrongSetting(f"links.{number}.{key}", text, error.hint or "") from error
        straight_m = None if link.through else straight_line_m(drawn, link)
        # One that was set so in the file, or before the ground was, keeps nobody from other links.
        if straight_m is not None and too_short(link, straight_m) and link not in site.link:
            raise WrongSetting(
                f"links.{number}.length_m",
                f"{link.length_m:g} m are shorter than a straight line: its lines lie "
                f"{straight_m:.0f} m apart on the ground",
                hint="measure it along the street, or correct the ground points",
            )


def line_in_use(site: settings.Settings, camera: str, lines: Sequence[str]) -> tuple[str, str]:
    """A line of `camera` that is none of `lines` any more, and what needs it as the end of a
    sentence; ("", "") where there is none."""
    for link in site.link:
        for end in (link.from_line, link.to_line):
            where, line = settings.camera_and_line(end or "")
            if where == camera and line not in lines:
                return line, f'the link "{link.name}" begins or ends there'
    for screenline in site.screenline:
        for named in screenline.lines:
            where, line = settings.camera_and_line(named)
            if where == camera and line not in lines:
                return line, f'the screenline "{screenline.name}" adds it up'
    return "", ""


def too_short(link: settings.LinkSettings, straight_m: float) -> bool:
    """Whether `link` is shorter than a bird would fly, by more than the ground may be wrong."""
    return (link.length_m or 0.0) < SHORTER_SHARE * straight_m - SHORTER_M


def too_long(link: settings.LinkSettings, straight_m: float) -> bool:
    """Whether `link` leads inside one view, and is much longer than its lines lie apart: no street
    winds so within a picture."""
    ends = [settings.camera_and_line(line or "")[0] for line in (link.from_line, link.to_line)]
    longest_m = LONGER_TIMES * straight_m + LONGER_M
    return ends[0] == ends[1] and (link.length_m or 0.0) > longest_m


def length_note(link: settings.LinkSettings, straight_m: float) -> str | None:
    """What is odd about how long `link` is, as a sentence; None where nothing is."""
    apart = f"its lines lie {straight_m:.0f} m apart in a straight line on the ground"
    if too_short(link, straight_m):
        return (
            f"No street is shorter than a straight line: {apart}, and it is to be "
            f"{link.length_m:g} m long. No time of it can be right. Measure it along the street, "
            "or correct the ground points."
        )
    if too_long(link, straight_m):
        return (
            f"Hardly so long inside one view: {apart}, and it is to be {link.length_m:g} m long. "
            "Times are looked for, and speeds told, by that length: measure it along the street, "
            "or correct the ground points."
        )
    return None


def straight_line_m(site: settings.Settings, link: settings.LinkSettings) -> float | None:
    """How near to each other the two lines of `link` lie; None where that is not known: grounds of
    two cameras are one only by the site's origin."""
    ends = _ends(site, link)
    return None if ends is None else float(shapely.distance(ends[0].line, ends[1].line))


def against_note(site: settings.Settings, link: settings.LinkSettings) -> str | None:
    """That `link` seems to lead the other way: who crosses its first line drives away from the
    second, and at the second comes from where the first is not. None where it does not, or that is
    not known."""
    ends = _ends(site, link)
    if ends is None or ends[0].way is None or ends[1].way is None:
        return None
    (east_m, north_m), (to_east_m, to_north_m) = (end.line.centroid.coords[0] for end in ends)
    there = to_east_m - east_m, to_north_m - north_m
    apart_m = math.hypot(*there)
    along = [end.way[0] * there[0] + end.way[1] * there[1] for end in ends if end.way is not None]
    if max(along) > AGAINST * apart_m:
        return None
    return (
        f"It seems to lead the other way: who crosses {link.from_line} {link.from_direction} "
        f"drives away from {link.to_line}, and reaches that from its far side. Are the "
        "directions turned round?"
    )


@dataclass(frozen=True, slots=True)
class _End:
    """A line of a link on the ground, and the unit vector along which it is crossed."""

    line: shapely.LineString
    way: tuple[float, float] | None


def _ends(site: settings.Settings, link: settings.LinkSettings) -> list[_End] | None:
    cameras = {one.id: one for one in site.camera}
    named = [settings.camera_and_line(line or "") for line in (link.from_line, link.to_line)]
    if named[0][0] != named[1][0] and site.origin is None:
        return None
    ways = link.from_direction, link.to_direction
    ends = []
    for (camera, name), direction in zip(named, ways, strict=True):
        try:
            ground = ground_of(cameras[camera], site.origin)
        except PlacewatchError:
            return None
        line = next(one for one in cameras[camera].line if one.name == name)
        (x_px, y_px), (to_x_px, to_y_px) = line.from_px, line.to_px
        spots = [
            None if ground is None else ground.to_ground(PicturePoint(*end))
            for end in (line.from_px, line.to_px)
        ]
        known = [(spot.x_m, spot.y_m) for spot in spots if spot is not None]
        if ground is None or len(known) < 2:
            return None
        # To the right of who walks along it on the picture, whose y points down.
        side = 1.0 if direction is Direction.LEFT_TO_RIGHT else -1.0
        middle = (x_px + to_x_px) / 2, (y_px + to_y_px) / 2
        long_px = math.hypot(to_x_px - x_px, to_y_px - y_px)
        across = -side * (to_y_px - y_px) / long_px, side * (to_x_px - x_px) / long_px
        here, beyond = ground.metres_of(
            np.array([middle, (middle[0] + across[0], middle[1] + across[1])])
        )
        step = beyond - here
        long_m = float(np.hypot(*step))
        way = (float(step[0] / long_m), float(step[1] / long_m)) if long_m > 0.0 else None
        ends.append(_End(shapely.LineString(known), way))
    return ends
