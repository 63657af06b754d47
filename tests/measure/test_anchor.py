"""The measured point: the middle of a footprint, wherever a vehicle heads, and without leaps."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from placewatch.core.ids import CameraId, TrackId
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Box, Track
from placewatch.core.space import PicturePoint, Point
from placewatch.core.time import UtcMicros
from placewatch.measure.anchor import LENGTH_M_S
from placewatch.measure.ground import Ground, Lens
from placewatch.measure.scene import Mover
from placewatch.measure.stage import Stage
from placewatch.simulate.pinhole import Pinhole
from placewatch.simulate.traffic import SIZES

FPS = 10.0
STRAIGHT = Pinhole(-45.0, -45.0, 16.0, 45.0, 15.7, 0.62, 1920, 1080)
BENT = Pinhole(-30.0, -30.0, 10.0, 45.0, 15.0, 0.36, 1920, 1080, k1=-0.1, k2=0.012)


def ground_of(camera: Pinhole) -> Ground:
    places = [Point(x, y) for x in (-15.0, -5.0, 5.0, 15.0) for y in (-15.0, -5.0, 5.0, 15.0)]
    seen = [camera.to_picture(place) for place in places]
    lens = Lens(camera.focal_px, (960.0, 540.0), camera.k1, camera.k2)
    return Ground.fit(
        [(point.x_px, point.y_px) for point in seen],
        [(place.x_m, place.y_m) for place in places],
        lens=lens,
    )


def box_of(camera: Pinhole, kind: Kind, x_m: float, y_m: float, heading_rad: float) -> Box:
    size = SIZES[kind]
    cos, sin = math.cos(heading_rad), math.sin(heading_rad)
    corners = [
        (x_m + a * cos - b * sin, y_m + a * sin + b * cos, up)
        for a in (-0.5 * size.length_m, 0.5 * size.length_m)
        for b in (-0.5 * size.width_m, 0.5 * size.width_m)
        for up in (0.0, size.height_m)
    ]
    seen = camera.project(np.array(corners))
    (left, top), (right, bottom) = seen.min(axis=0), seen.max(axis=0)
    return Box(float(left), float(top), float(right), float(bottom))


def drive(
    camera: Pinhole,
    kind: Kind,
    way: Sequence[tuple[float, float, float]],
    told: Sequence[Kind] | None = None,
) -> list[Mover]:
    """What the stage says of somebody who is at (x, y, heading), frame by frame; `told`: as what a
    detector sees it."""
    stage = Stage(ground_of(camera), CameraId("t"), sorts=True, recognises=True)
    movers, before = [], None
    for frame, (x_m, y_m, heading_rad) in enumerate(way):
        box = box_of(camera, kind, x_m, y_m, heading_rad)
        here = box.bottom_centre
        velocity = (0.0, 0.0)
        if before is not None:
            velocity = (here.x_px - before.x_px) * FPS, (here.y_px - before.y_px) * FPS
        before = here
        kind_told = kind if told is None else told[frame]
        track = Track(TrackId("a"), kind_told, box, velocity, 1.0, True, True)
        at_s = frame / FPS
        scene = stage.place([track], UtcMicros(round(at_s * 1e6)), at_s, frame, after_gap=False)
        movers.append(scene.movers[0])
    return movers


def straight_way(heading_rad: float, seconds: float = 4.0) -> list[tuple[float, float, float]]:
    """At 6 m/s over the middle."""
    steps = np.arange(round(seconds * FPS)) / FPS * 6.0 - 3.0 * seconds
    return [(s * math.cos(heading_rad), s * math.sin(heading_rad), heading_rad) for s in steps]


def off_m(camera: Pinhole, point: PicturePoint, x_m: float, y_m: float) -> float:
    there = camera.to_ground(point)
    return math.hypot(there.x_m - x_m, there.y_m - y_m)


@pytest.mark.parametrize("camera", [STRAIGHT, BENT], ids=["straight", "bent"])
@pytest.mark.parametrize("kind", [Kind.CAR, Kind.VAN, Kind.TRUCK, Kind.BUS])
def test_the_middle_of_a_vehicle_is_found_wherever_it_heads(camera: Pinhole, kind: Kind) -> None:
    offs, edges = [], []
    for heading_rad in np.arange(0.1, 2 * math.pi, math.pi / 6):
        way = straight_way(heading_rad)
        for mover, (x_m, y_m, _) in list(zip(drive(camera, kind, way), way, strict=True))[15:]:
            offs.append(off_m(camera, mover.anchor, x_m, y_m))
            edges.append(off_m(camera, mover.box.bottom_centre, x_m, y_m))
    assert np.mean(offs) < 0.12 * SIZES[kind].length_m
    assert np.mean(offs) < 0.4 * np.mean(edges)


def test_a_kind_that_is_told_anew_makes_no_leap() -> None:
    way = straight_way(0.5, 6.0)
    told = [Kind.CAR if frame < 30 or frame >= 45 else Kind.BUS for frame in range(len(way))]
    steady = drive(STRAIGHT, Kind.CAR, way)
    changing = drive(STRAIGHT, Kind.CAR, way, told)
    apart_m = [
        off_m(STRAIGHT, there.anchor, *place_of(here.anchor))
        for here, there in zip(steady, changing, strict=True)
    ]
    assert max(apart_m) > 0.3  # what was told did change something
    assert np.abs(np.diff(apart_m)).max() < 0.2  # a step of 0.6 m stays one
    speeds = [mover.speed_m_s for mover in changing[15:]]
    # While the footprint grows its middle moves by half of that.
    assert speeds == pytest.approx([6.0] * len(speeds), abs=0.5 * LENGTH_M_S + 0.1)


def place_of(point: PicturePoint) -> tuple[float, float]:
    there = STRAIGHT.to_ground(point)
    return there.x_m, there.y_m


def test_who_turns_keeps_the_middle_of_its_lane() -> None:
    """A lorry turns left by a quarter of a circle of 12 m: the middle of its box's lower edge
    swings, the middle of its footprint does not."""
    way = []
    for step in np.arange(-18.0, 18.0 + 12.0 * math.pi / 2, 0.5):
        if step < 0.0:
            way.append((step, -12.0, 0.0))
        elif step < 12.0 * math.pi / 2:
            turn = step / 12.0
            way.append((12.0 * math.sin(turn), -12.0 * math.cos(turn), turn))
        else:
            way.append((12.0, step - 12.0 * math.pi / 2, math.pi / 2))
    movers = drive(STRAIGHT, Kind.TRUCK, way)
    off = [off_m(STRAIGHT, one.anchor, x, y) for one, (x, y, _) in zip(movers, way, strict=True)]
    edge = [
        off_m(STRAIGHT, one.box.bottom_centre, x, y)
        for one, (x, y, _) in zip(movers, way, strict=True)
    ]
    assert max(off[20:]) < 1.3
    assert max(edge[20:]) > 2.5


def test_who_stands_stays_where_it_is() -> None:
    way = straight_way(0.3)
    way += [way[-1]] * 30
    anchors = [mover.anchor for mover in drive(STRAIGHT, Kind.BUS, way)[-25:]]
    assert max(abs(one.x_px - anchors[0].x_px) for one in anchors) < 3.0
    assert max(abs(one.y_px - anchors[0].y_px) for one in anchors) < 1.0


def test_people_stand_where_their_box_ends() -> None:
    for mover in drive(STRAIGHT, Kind.PEDESTRIAN, straight_way(0.4)):
        assert mover.anchor == mover.box.bottom_centre
