"""Where a camera stands, as its ground tells, and what is above a point of it."""

import math

import numpy as np
import pytest

from placewatch.core.space import PicturePoint
from placewatch.measure.ground import Ground
from placewatch.measure.standpoint import standpoint_of, upwards
from placewatch.simulate.pinhole import Pinhole

SIZE_PX = (1280, 720)
FEET = 1.0 / 0.3048


def camera(height_m: float, pitch_deg: float, yaw_deg: float, focal: float) -> Pinhole:
    return Pinhole(3.0, -7.0, height_m, yaw_deg, pitch_deg, focal, *SIZE_PX)


def ground(seen_by: Pinhole, unit: float = 1.0, off_px: float = 0.0) -> Ground:
    """Nine points of its picture, placed on the ground in units of which a metre has `unit`."""
    pixels = np.array([(x, y) for x in (100.0, 640.0, 1180.0) for y in (330.0, 480.0, 690.0)])
    places = [seen_by.to_ground(PicturePoint(x, y)) for x, y in pixels.tolist()]
    metres = np.array([(place.x_m, place.y_m) for place in places]) * unit
    clicks = np.random.default_rng(1).normal(0.0, off_px, pixels.shape) if off_px else 0.0
    return Ground.fit(pixels + clicks, metres, size_px=SIZE_PX)


POSES = [
    (6.0, 25.0, 90.0, 0.8),
    (9.0, 35.0, 30.0, 1.1),
    (4.0, 22.0, 200.0, 0.6),
    (22.0, 40.0, -75.0, 1.6),
]


@pytest.mark.parametrize("pose", POSES)
def test_the_ground_tells_where_its_camera_stands_and_how_wide_it_sees(
    pose: tuple[float, float, float, float],
) -> None:
    found = standpoint_of(ground(camera(*pose)), SIZE_PX)
    assert found is not None
    assert found.known
    assert found.plausible
    assert found.height_m == pytest.approx(pose[0], rel=1e-3)
    assert (found.at.x_m, found.at.y_m) == pytest.approx((3.0, -7.0), abs=0.02)
    assert found.angle_deg == pytest.approx(2 * math.degrees(math.atan(0.5 / pose[3])), abs=0.05)


@pytest.mark.parametrize("pose", POSES)
def test_its_own_error_is_that_of_clicks(pose: tuple[float, float, float, float]) -> None:
    found = standpoint_of(ground(camera(*pose), off_px=2.0), SIZE_PX)
    assert found is not None
    assert abs(found.height_m - pose[0]) < 3.0 * found.height_error_m < 0.6 * pose[0]


def test_feet_make_the_pole_three_times_as_high_and_centimetres_a_hundred_times() -> None:
    seen_by = camera(*POSES[0])
    feet, centimetres = (standpoint_of(ground(seen_by, unit), SIZE_PX) for unit in (FEET, 100.0))
    assert feet is not None
    assert feet.height_m == pytest.approx(6.0 * FEET, rel=1e-3)
    assert centimetres is not None
    assert centimetres.known
    assert not centimetres.plausible


def test_seen_from_straight_above_nothing_is_told() -> None:
    # Any lens shows a plane so that it looks at squarely.
    pixels = np.array([(100.0, 100.0), (900.0, 100.0), (900.0, 600.0), (100.0, 600.0)])
    above = Ground.fit(pixels, pixels * np.array([0.1, -0.1]))
    assert standpoint_of(above, SIZE_PX) is None
    assert not upwards(np.diag([10.0, -10.0, 1.0]), (500.0, 400.0)).any()


def test_without_the_middle_of_the_picture_nothing_is_above() -> None:
    assert not upwards(np.eye(3), None).any()


@pytest.mark.parametrize("pose", POSES)
def test_what_is_above_a_point_of_the_ground_is_known_from_the_ground_alone(
    pose: tuple[float, float, float, float],
) -> None:
    seen_by = camera(*pose)
    to_pixels = np.linalg.inv(ground(seen_by).to_metres).astype(np.float64)
    up = upwards(to_pixels, (SIZE_PX[0] / 2, SIZE_PX[1] / 2))
    for x_px, y_px in ((640.0, 500.0), (300.0, 400.0)):
        foot = seen_by.to_ground(PicturePoint(x_px, y_px))
        point = to_pixels @ np.array([foot.x_m, foot.y_m, 1.0]) + 1.5 * up
        there = seen_by.project(np.array([[foot.x_m, foot.y_m, 1.5]]))[0]
        assert point[:2] / point[2] == pytest.approx(there, abs=0.1)
