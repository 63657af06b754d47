"""Drawn road: approaches and carriageways as a technician draws them, and what they are in metres.

They are drawn on the picture and measured on the ground, so that each may be wrong in a way that
the picture does not show: a corner in the sky, sides that cross, a kerb that is missing. Each is
therefore looked at alone, and its own sentence says what it is, or why it cannot be measured.
"""

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from placewatch.core.errors import Misconfigured, PlacewatchError
from placewatch.core.space import Point
from placewatch.measure.carriageway import Carriageway
from placewatch.measure.ground import Ground
from placewatch.measure.queue import Approach
from placewatch.measure.roadway import Road
from placewatch.measure.standpoint import standpoint_of
from placewatch.node import config as settings
from placewatch.node import views
from placewatch.node.equip import ground_of, road_of
from placewatch.node.outlines import approach_outline_px

LANE_M = (1.0, 6.0)
"""Between a cycle lane and a lane that vehicles park beside; others were drawn or counted wrong."""

NO_GROUND = ("it is measured in metres, and there are no ground points", "place four or more first")


def standpoint_words(ground: Ground, size_px: tuple[int, int]) -> tuple[str, bool] | None:
    """Where the ground puts its camera, in words, and whether no camera hangs there; None where it
    does not tell."""
    stands = standpoint_of(ground, size_px)
    if stands is None or not stands.known:
        return None
    high_m = f"{stands.height_m:,.{1 if stands.height_m < 10 else 0}f}"
    told = f"the ground points put the camera {high_m} m"
    if not stands.plausible:
        return f"{told} above the street: are they in metres?", True
    return (
        f"{told} above the street, with a view {stands.angle_deg:.0f}° wide: where that is not so, "
        "they are in feet, or wrong"
    ), False


def check_standpoint(ground: Ground | None, size_px: tuple[int, int]) -> None:
    """Raises Misconfigured where `ground` puts its camera where none hangs."""
    told = None if ground is None else standpoint_words(ground, size_px)
    if told is not None and told[1]:
        raise Misconfigured(told[0], hint="give x_m and y_m in metres east and north")


class WrongSetting(Misconfigured):
    """A part of what was to be set up is wrong; `path` names it, such as `approaches.0`."""

    def __init__(self, path: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.path = path


def approach_views(camera: settings.CameraSettings) -> tuple[views.ApproachView, ...]:
    """The camera's approaches as the console shows them."""
    return tuple(
        views.ApproachView(
            one.name, one.corners_px, one.middle_px, one.width_m, one.lanes, one.signal,
            one.free_m_s,
        )
        for one in camera.approach
    )  # fmt: skip


def carriageway_views(camera: settings.CameraSettings) -> tuple[views.CarriagewayView, ...]:
    """The camera's carriageways as the console shows them."""
    return tuple(
        views.CarriagewayView(
            one.name,
            one.corners_px,
            one.middle_px,
            tuple(views.AreaView(mark.name, mark.corners_px) for mark in one.crossing),
        )
        for one in camera.carriageway
    )


def road_tables(setup: views.Setup) -> dict[str, list[dict[str, Any]]]:
    """What of the road `setup` holds, as tables of the TOML; values that are the default are left
    out. A sort that it does not hold is not there: it stays as it is."""
    tables: dict[str, list[dict[str, Any]]] = {}
    if setup.approaches is not None:
        tables["approach"] = [
            {
                "name": one.name,
                "corners_px": _plain(one.corners_px) or None,
                "middle_px": _plain(one.middle_px) or None,
                "width_m": one.width_m,
                "lanes": one.lanes if one.lanes != 1 else None,
                "signal": None if one.signal else False,
                "free_m_s": one.free_m_s,
            }
            for one in setup.approaches
        ]
    if setup.carriageways is not None:
        tables["carriageway"] = [
            {
                "name": one.name,
                "corners_px": _plain(one.corners_px),
                "middle_px": _plain(one.middle_px) or None,
                "crossing": [
                    {"name": mark.name, "corners_px": _plain(mark.corners_px)}
                    for mark in one.crossings
                ]
                or None,
            }
            for one in setup.carriageways
        ]
    return tables


def with_road(
    camera: settings.CameraSettings, setup: views.Setup, ground: Sequence[Any]
) -> settings.CameraSettings:
    """`camera` as `setup` would have its road, on `ground` points of its settings."""
    changed = replace(camera, ground=tuple(ground))
    if setup.approaches is not None:
        changed = replace(
            changed,
            approach=tuple(
                settings.ApproachSettings(
                    one.name, one.corners_px, one.middle_px, one.width_m, one.lanes, one.signal,
                    one.free_m_s,
                )
                for one in setup.approaches
            ),
        )  # fmt: skip
    if setup.carriageways is not None:
        changed = replace(
            changed,
            carriageway=tuple(
                settings.CarriagewaySettings(
                    one.name,
                    one.corners_px,
                    one.middle_px,
                    tuple(
                        settings.MarkedCrossingSettings(mark.name, mark.corners_px)
                        for mark in one.crossings
                    ),
                )
                for one in setup.carriageways
            ),
        )
    return changed


def check_road(
    camera: settings.CameraSettings,
    origin: settings.OriginSettings | None,
    size_px: tuple[int, int] | None,
) -> views.RoadCheck:
    """What each approach and each carriageway of `camera` is on its ground, or why it is none."""
    try:
        ground = _ground(replace(camera, approach=(), carriageway=(), line=(), area=()), origin,
                         size_px)  # fmt: skip
    except PlacewatchError as error:
        ground, none = None, (error.message, error.hint or "")
    else:
        none = NO_GROUND
    approaches, carriageways = [], []
    for way in camera.approach:
        road = _alone(replace(camera, approach=(way,), carriageway=()), ground)
        if ground is None or isinstance(road, Misconfigured):
            approaches.append(_refused(road, none))
        else:
            told, note = approach_words(road.approaches[0])
            outline = way.corners_px or approach_outline_px(road.approaches[0], ground)
            width_m = round(road.approaches[0].width_m, 1)
            approaches.append(views.ShapeCheck(None, None, told, note, outline, width_m))
    for piece in camera.carriageway:
        road = _alone(replace(camera, approach=(), carriageway=(piece,)), ground)
        if ground is None or isinstance(road, Misconfigured):
            carriageways.append(_refused(road, none))
        else:
            (found,) = road.carriageways
            middle, width_m = _seen(found.middle, ground), round(found.width_m, 1)
            told = carriageway_words(found)
            carriageways.append(views.ShapeCheck(None, None, told, None, middle, width_m))
    return views.RoadCheck(tuple(approaches), tuple(carriageways))


def refuse_wrong(check: views.RoadCheck) -> None:
    """Raises WrongSetting for the first shape of `check` that cannot be measured."""
    for sort, shapes in (("approaches", check.approaches), ("carriageways", check.carriageways)):
        for number, one in enumerate(shapes):
            if one.why is not None:
                raise WrongSetting(f"{sort}.{number}", one.why, one.hint or "")


def approach_words(way: Approach) -> tuple[str, str | None]:
    """How long an approach is and how wide its lanes; and, where no lane is as wide, what to look
    at."""
    lane_m = way.width_m / way.lanes
    lanes = "1 lane" if way.lanes == 1 else f"{way.lanes} lanes"
    told = f"{way.length_m:.0f} m long, {lanes} of {lane_m:.1f} m"
    if LANE_M[0] <= lane_m <= LANE_M[1]:
        return told, None
    sort = "wider" if lane_m > LANE_M[1] else "narrower"
    return told, (
        f"{sort} than lanes are: does it reach beyond the kerb, is the number of lanes right, and "
        "are the ground points?"
    )


def carriageway_words(piece: Carriageway) -> str:
    """How wide a carriageway is, and how much of the road it is."""
    return f"{piece.width_m:.1f} m from kerb to kerb, {piece.length_m:.0f} m of road"


def _alone(camera: settings.CameraSettings, ground: Ground | None) -> Road | Misconfigured:
    """The one shape of `camera` on `ground`, or what is wrong with it."""
    try:
        return road_of(camera, ground)
    except Misconfigured as error:
        return error


def _refused(found: Road | Misconfigured, none: tuple[str, str]) -> views.ShapeCheck:
    message, hint = none
    if isinstance(found, Misconfigured):
        message, hint = found.message, found.hint or ""
    return views.ShapeCheck(message, hint or None, None, None, (), None)


@functools.lru_cache(maxsize=8)
def _ground(
    camera: settings.CameraSettings,
    origin: settings.OriginSettings | None,
    size_px: tuple[int, int] | None,
) -> Ground | None:
    """That of the last that were asked for: while a corner is dragged the ground stays."""
    return ground_of(camera, origin, size_px)


def _seen(points: Sequence[Point], ground: Ground) -> tuple[settings.Pixel, ...]:
    seen = [ground.to_picture(point) for point in points]
    return tuple((round(one.x_px, 1), round(one.y_px, 1)) for one in seen if one is not None)


def _plain(points: Sequence[settings.Pixel]) -> list[list[float]]:
    return [list(point) for point in points]
