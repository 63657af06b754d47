"""Equip: from a camera's settings to what the stages need."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from placewatch.capture.address import DRAWN, SIMULATED
from placewatch.capture.controller import Controller, Demands
from placewatch.capture.policy import Policy, Steady
from placewatch.core.errors import Misconfigured
from placewatch.core.ids import CameraId, camera_id
from placewatch.core.space import PicturePoint, Point
from placewatch.core.time import UtcMicros
from placewatch.measure.carriageway import Carriageway, MarkedCrossing
from placewatch.measure.ground import Ground
from placewatch.measure.line import CountingLine
from placewatch.measure.linked import LinkedLines
from placewatch.measure.meters import Meters
from placewatch.measure.queue import Approach
from placewatch.measure.roadway import Road
from placewatch.measure.span import Way
from placewatch.measure.stage import Stage
from placewatch.measure.zone import Zone
from placewatch.node import config as settings
from placewatch.perceive.detectors import BUILT_IN
from placewatch.perceive.tempo import Tempo
from placewatch.perceive.tracker import BEHIND_S, Tracker
from placewatch.register.notices import Notice

SIDE_PX_MIN = 16
"""A picture that is lower or narrower shows no street."""

APPROACH_M_MAX = 500.0
"""An approach that is longer was drawn towards the horizon."""

SURVEY_M = 0.05
"""How well ground points are surveyed, standard deviation; off a map it is more like 0.3 m."""


def counting_lines(camera: settings.CameraSettings) -> list[CountingLine]:
    """The camera's counting lines."""
    return [
        CountingLine(line.name, PicturePoint(*line.from_px), PicturePoint(*line.to_px), line.arm)
        for line in camera.line
    ]


def zones_of(camera: settings.CameraSettings, ground: Ground | None) -> list[Zone]:
    """The camera's areas: on the ground where all their corners are known there, else on the
    picture."""
    zones = []
    for area in camera.area:
        corners = [PicturePoint(*corner) for corner in area.corners_px]
        placed = [] if ground is None else [ground.to_ground(corner) for corner in corners]
        known = tuple(point for point in placed if point is not None)
        whole = len(known) == len(corners)
        zones.append(Zone(area.name, known if whole else tuple(corners)))
    return zones


def road_of(camera: settings.CameraSettings, ground: Ground | None) -> Road:
    """The camera's approaches and carriageways in metres; none while the ground is unknown. Raises
    Misconfigured where one of them reaches into the sky, or is nothing that could be measured."""
    if ground is None:
        return Road()
    approaches = []
    for way in camera.approach:
        what = f"the approach {way.name}"
        if way.corners_px:
            corners = _on_ground(ground, way.corners_px, what)
            straight = Approach.of_corners(way.name, corners, way.lanes)
            approaches.append(replace(straight, free_m_s=way.free_m_s))
        else:
            middle = _on_ground(ground, way.middle_px, what)
            assert way.width_m is not None, "parsed settings have one"
            approaches.append(Approach(way.name, middle, way.width_m, way.lanes, way.free_m_s))
        if approaches[-1].length_m > APPROACH_M_MAX:
            raise Misconfigured(
                f"{what} is {approaches[-1].length_m:.0f} m long: its far end lies close to the "
                "horizon, where nothing can be told apart",
                hint=f"let it end nearer, within {APPROACH_M_MAX:.0f} m",
            )
    return Road(
        tuple(approaches),
        tuple(
            Carriageway(
                road.name,
                _on_ground(ground, road.corners_px, f"the carriageway {road.name}"),
                tuple(
                    MarkedCrossing(
                        one.name, _on_ground(ground, one.corners_px, f"the crossing {one.name}")
                    )
                    for one in road.crossing
                ),
                _on_ground(ground, road.middle_px, f"the middle of {road.name}"),
            )
            for road in camera.carriageway
        ),
    )


def _on_ground(ground: Ground, pixels: tuple[settings.Pixel, ...], what: str) -> tuple[Point, ...]:
    placed = []
    for x_px, y_px in pixels:
        point = ground.to_ground(PicturePoint(x_px, y_px))
        if point is None:
            raise Misconfigured(
                f"{what} has a point at ({x_px:g}, {y_px:g}), which is no ground but sky",
                hint="move it down below the horizon, or correct the ground points",
            )
        placed.append(point)
    return tuple(placed)


def meters_of(
    camera: settings.CameraSettings,
    start: UtcMicros,
    ground: Ground | None,
    links: Sequence[settings.LinkSettings] = (),
) -> Meters:
    """All that is measured of the camera from `start` on, with what `links` need of it."""
    zones, road = zones_of(camera, ground), road_of(camera, ground)
    linked = linked_lines(camera.id, links)
    return Meters(camera_id(camera.id), counting_lines(camera), start, ground, zones, road, linked)


def linked_lines(camera: str, links: Sequence[settings.LinkSettings]) -> LinkedLines:
    """What the links that begin or end at lines of `camera` are measured by."""
    ways, spans = [], []
    for link in links:
        if not link.through:
            (from_camera, begin), (to_camera, end) = ends_of(link)
            if camera == from_camera == to_camera:
                spans.append((begin, end))
            else:
                ways += [begin] if camera == from_camera else []
                ways += [end] if camera == to_camera else []
    return LinkedLines(ways, spans)


def ends_of(link: settings.LinkSettings) -> tuple[tuple[CameraId, Way], tuple[CameraId, Way]]:
    """The camera and the way over its line at which a link begins, and at which it ends."""
    assert link.from_line is not None, "a route has links"
    assert link.to_line is not None
    assert link.from_direction is not None
    assert link.to_direction is not None
    (from_camera, begin), (to_camera, end) = map(
        settings.camera_and_line, (link.from_line, link.to_line)
    )
    return (
        (camera_id(from_camera), (begin, link.from_direction)),
        (camera_id(to_camera), (end, link.to_direction)),
    )


def ground_of(
    camera: settings.CameraSettings,
    origin: settings.OriginSettings | None,
    size_px: tuple[int, int] | None = None,
) -> Ground | None:
    """The ground under `camera`; None where it has no ground points. With the size of its picture
    a lens that bends is found out, where there are points enough. Raises Misconfigured."""
    pairs = settings.ground_pairs(camera, origin)
    if not pairs:
        return None
    return Ground.fit(
        np.array([(picture.x_px, picture.y_px) for picture, _ in pairs]),
        np.array([(ground.x_m, ground.y_m) for _, ground in pairs]),
        survey_m=SURVEY_M,
        size_px=size_px,
    )


def stage_of(
    camera: settings.CameraSettings,
    origin: settings.OriginSettings | None,
    size_px: tuple[int, int] | None = None,
) -> Stage:
    """The camera's stage. Where the ground is known, sizes in metres help to sort road users."""
    ground = ground_of(camera, origin, size_px)
    return Stage(
        ground,
        camera_id(camera.id),
        sorts=True,
        recognises=camera.detector != "motion",
    )


def policy_of(camera: settings.CameraSettings) -> Policy:
    """How much of a live camera's stream is decoded. `auto` sleeps between key frames, where the
    camera has proven that nobody is missed; the rest is decoded bit-exact."""
    drawn = camera.url.startswith((DRAWN, SIMULATED))  # nothing is decoded
    if camera.decode in ("auto", "keyframes") and not drawn:
        # Chance decides only what is audited: it need not be secret, and can be repeated.
        dice = random.Random(f"audit {camera.id}")
        return Controller(dice, Demands(audit_share=camera.decode_audit_share))
    return steady(camera.decode)


def steady(decode: settings.Decode) -> Policy:
    """The same for every packet. `auto` is `full` here: that five clips count the same without the
    loop filter is too little to choose it for people (docs/design/capture.md)."""
    return Steady(loop_filter=decode != "no_loop_filter", references_only=decode == "non_reference")


def tracker_of(camera: settings.CameraSettings) -> Tracker:
    """The camera's tracker. Nets that know COCO's classes see a rider as a person and a machine,
    and of whom somebody covers what is seen."""
    net = camera.detector not in BUILT_IN
    return Tracker(riders_seem_walkers=net, behind_s=BEHIND_S if net else 0.0)


def tempo_of(camera: settings.CameraSettings) -> Tempo:
    """How many of the camera's frames are analysed."""
    return Tempo(camera.analysed_fps)


def notice_of(camera: settings.CameraSettings) -> Notice | None:
    """The camera's notice, if it has one."""
    one = camera.notice
    if one is None:
        return None
    return Notice(
        camera=camera_id(camera.id),
        place=one.place,
        purpose=one.purpose,
        legal_basis=one.legal_basis,
        owner=one.owner,
        contact=one.contact,
        until=one.until,
        since=one.since,
    )


def address_of(url: str, folder: Path) -> str:
    """`url` as it is opened; a file's path is relative to `folder`, that of the TOML."""
    if ":" in url.split("/")[0] or url.startswith("/"):
        return url
    return str(folder / url)


def scaled(camera: settings.CameraSettings, x: float, y: float) -> settings.CameraSettings:
    """`camera` with all its pixels times `x` across and `y` down.

    People set a camera up on the picture of its main stream; a small stream shows the same street
    in fewer pixels, and not always in the same proportions.
    """
    if (x, y) == (1.0, 1.0):
        return camera

    def moved(point: settings.Pixel) -> settings.Pixel:
        return point[0] * x, point[1] * y

    return replace(
        camera,
        line=tuple(
            replace(one, from_px=moved(one.from_px), to_px=moved(one.to_px)) for one in camera.line
        ),
        area=tuple(
            replace(one, corners_px=tuple(moved(corner) for corner in one.corners_px))
            for one in camera.area
        ),
        approach=tuple(
            replace(
                one,
                corners_px=tuple(moved(corner) for corner in one.corners_px),
                middle_px=tuple(moved(point) for point in one.middle_px),
            )
            for one in camera.approach
        ),
        carriageway=tuple(
            replace(
                one,
                corners_px=tuple(moved(corner) for corner in one.corners_px),
                middle_px=tuple(moved(point) for point in one.middle_px),
                crossing=tuple(
                    replace(mark, corners_px=tuple(moved(corner) for corner in mark.corners_px))
                    for mark in one.crossing
                ),
            )
            for one in camera.carriageway
        ),
        ground=tuple(replace(one, x_px=one.x_px * x, y_px=one.y_px * y) for one in camera.ground),
    )


def check_picture(camera: settings.CameraSettings, width_px: int, height_px: int) -> None:
    """Raises Misconfigured where a picture of this size is none, or a line, an approach or a
    carriageway lies outside it."""
    if min(width_px, height_px) < SIDE_PX_MIN:
        raise Misconfigured(
            f"the picture is {width_px} by {height_px} pixels: too small to watch",
            hint="take the camera's larger stream",
        )
    for text in shapes_outside(camera, width_px, height_px):
        raise Misconfigured(text, hint="draw it where it is seen: nothing is measured elsewhere")


def _shapes_of(
    camera: settings.CameraSettings,
) -> list[tuple[str, tuple[settings.Pixel, ...]]]:
    """What of the road is drawn on the picture, by its name."""
    ways = [
        (f"the approach {one.name}", one.corners_px or one.middle_px) for one in camera.approach
    ]
    roads = [(f"the carriageway {one.name}", one.corners_px) for one in camera.carriageway]
    return [*ways, *roads]


def lines_in_the_sky(camera: settings.CameraSettings, ground: Ground | None) -> list[str]:
    """A sentence for each counting line no part of which any ground reaches."""
    if ground is None:
        return []
    return [
        f"the line {line.name} lies above the horizon: no ground reaches it, and nobody can pass it"
        for line in camera.line
        if not any(
            ground.to_ground(PicturePoint(x_px, y_px)) for x_px, y_px in (line.from_px, line.to_px)
        )
    ]


def shapes_outside(camera: settings.CameraSettings, width_px: int, height_px: int) -> list[str]:
    """A sentence for each end or corner of what is measured that lies outside the picture."""
    lines = [(f"the line {one.name} has an end", (one.from_px, one.to_px)) for one in camera.line]
    roads = [(f"{what} has a corner", corners) for what, corners in _shapes_of(camera)]
    return [
        f"{what} at ({x_px:g}, {y_px:g}), outside the picture, which is {width_px} by {height_px} "
        "pixels"
        for what, corners in (*lines, *roads)
        for x_px, y_px in corners
        if not (0 <= x_px <= width_px and 0 <= y_px <= height_px)
    ]
