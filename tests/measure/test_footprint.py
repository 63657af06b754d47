"""When two footprints touch, how far apart they are, and how near they will come."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from placewatch.measure.footprint import (
    HEADING,
    NEVER,
    SPEED,
    X,
    Y,
    closest_m,
    corners_m,
    distance_m,
    distances_m,
    spot_between,
    time_to_collision_s,
    times_to_collision_s,
)

Floats = npt.NDArray[np.float64]

NORTH, WEST = math.pi / 2, math.pi


def car(
    x_m: float,
    y_m: float,
    heading_rad: float = 0.0,
    speed_m_s: float = 0.0,
    length_m: float = 4.0,
    width_m: float = 2.0,
) -> Floats:
    return np.array([x_m, y_m, heading_rad, length_m, width_m, speed_m_s])


footprints = st.builds(
    car,
    x_m=st.floats(-40, 40),
    y_m=st.floats(-40, 40),
    heading_rad=st.floats(-math.pi, math.pi).map(lambda turn: round(turn, 3)),
    speed_m_s=st.floats(0, 20).map(lambda speed: round(speed, 3)),
    length_m=st.floats(0.3, 12),
    width_m=st.floats(0.3, 3),
)


def after(footprint: Floats, passed_s: float) -> Floats:
    """Where it is when it has kept its velocity."""
    later = footprint.copy()
    later[X] += passed_s * footprint[SPEED] * math.cos(footprint[HEADING])
    later[Y] += passed_s * footprint[SPEED] * math.sin(footprint[HEADING])
    return later


def seen_from(footprint: Floats, turn_rad: float, x_m: float, y_m: float) -> Floats:
    """The same footprint on a map that is turned and shifted."""
    cos, sin = math.cos(turn_rad), math.sin(turn_rad)
    turned = footprint.copy()
    turned[X] = x_m + cos * footprint[X] - sin * footprint[Y]
    turned[Y] = y_m + sin * footprint[X] + cos * footprint[Y]
    turned[HEADING] += turn_rad
    return turned


def test_head_on_the_gap_is_closed_by_both() -> None:
    one, other = car(0, 0, 0.0, 10.0), car(54, 0, WEST, 15.0)
    assert time_to_collision_s(one, other) == pytest.approx(2.0)


def test_who_follows_closes_the_gap_by_the_difference_of_speeds() -> None:
    follower, leader = car(0, 0, 0.0, 15.0), car(19, 0, 0.0, 10.0)
    assert time_to_collision_s(follower, leader) == pytest.approx(3.0)


def test_who_follows_at_the_same_speed_never_collides() -> None:
    assert time_to_collision_s(car(0, 0, 0.0, 10.0), car(5, 0, 0.0, 10.0)) == NEVER


def test_at_a_right_angle_corners_meet() -> None:
    # Each reaches the other's way 3 m before the middle of the crossing.
    one, other = car(-23, 0, 0.0, 10.0), car(0, -23, NORTH, 10.0)
    assert time_to_collision_s(one, other) == pytest.approx(2.0)


def test_in_opposite_lanes_three_metres_apart_nobody_collides() -> None:
    assert time_to_collision_s(car(-30, 0, 0.0, 14.0), car(30, 3, WEST, 14.0)) == NEVER
    assert closest_m(car(-30, 0, 0.0, 14.0), car(30, 3, WEST, 14.0)) == pytest.approx(1.0)


def test_who_drives_away_does_not_collide() -> None:
    assert time_to_collision_s(car(0, 0, WEST, 10.0), car(20, 0, 0.0, 10.0)) == NEVER


def test_parked_cars_do_not_collide() -> None:
    assert time_to_collision_s(car(0, 0), car(0, 2.5)) == NEVER


def test_who_touches_already_has_no_time_left() -> None:
    one, other = car(0, 0, 0.0, 10.0), car(3, 1, NORTH, 0.0)
    assert time_to_collision_s(one, other) == 0.0
    assert distance_m(one, other) == 0.0


def test_one_within_the_other_touches() -> None:
    assert distance_m(car(0, 0, 0.3, length_m=12, width_m=3), car(1, 0, length_m=1)) == 0.0


def test_a_corner_is_as_far_from_a_corner_as_pythagoras_says() -> None:
    assert distance_m(car(0, 0), car(7, 6)) == pytest.approx(5.0)
    apart_m, x_m, y_m = spot_between(car(0, 0), car(7, 6))
    assert (apart_m, x_m, y_m) == pytest.approx((5.0, 3.5, 3.0))


def test_the_spot_where_two_touch_is_within_what_they_share() -> None:
    assert spot_between(car(0, 0), car(3, 1)) == pytest.approx((0.0, 1.5, 0.5))


def test_corners_go_round_from_the_left_of_the_front() -> None:
    assert corners_m(car(1, 2, NORTH)) == pytest.approx(np.array([[0, 4], [0, 0], [2, 0], [2, 4]]))


@given(one=footprints, other=footprints)
def test_they_touch_at_the_time_to_collision_and_not_before(one: Floats, other: Floats) -> None:
    until_s = time_to_collision_s(one, other)
    if until_s < 1000.0:
        assert distance_m(after(one, until_s), after(other, until_s)) < 1e-6
    for share in np.linspace(0.0, 0.98, 8):
        passed_s = share * min(until_s, 10.0)
        if until_s - passed_s > 1e-6:
            assert distance_m(after(one, passed_s), after(other, passed_s)) > 0.0


@given(one=footprints, other=footprints)
def test_they_are_never_nearer_than_they_will_come(one: Floats, other: Floats) -> None:
    least_m = closest_m(one, other)
    seen_m = [distance_m(after(one, s), after(other, s)) for s in np.linspace(0.0, 8.0, 81)]
    assert min(seen_m) >= least_m - 1e-6


@given(one=footprints, other=footprints)
def test_how_near_they_come_is_reached(one: Floats, other: Floats) -> None:
    least_m = closest_m(one, other)
    assume(least_m > 0.0)
    # It is convex in time: narrow down where it is least.
    low_s, high_s = 0.0, 200.0
    for _ in range(200):
        left_s, right_s = low_s + (high_s - low_s) / 3, high_s - (high_s - low_s) / 3
        left_m = distance_m(after(one, left_s), after(other, left_s))
        right_m = distance_m(after(one, right_s), after(other, right_s))
        low_s, high_s = (low_s, right_s) if left_m <= right_m else (left_s, high_s)
    slow = np.hypot(*(after(one, 1) - one - after(other, 1) + other)[:2]) < 1.0
    assume(not slow)  # within 200 s
    assert distance_m(after(one, low_s), after(other, low_s)) == pytest.approx(least_m, abs=1e-5)


@given(
    one=footprints,
    other=footprints,
    turn_rad=st.floats(-math.pi, math.pi),
    x_m=st.floats(-500, 500),
    y_m=st.floats(-500, 500),
)
def test_it_does_not_matter_how_the_map_lies(
    one: Floats, other: Floats, turn_rad: float, x_m: float, y_m: float
) -> None:
    turned = [seen_from(each, turn_rad, x_m, y_m) for each in (one, other)]
    assert distance_m(*turned) == pytest.approx(distance_m(one, other), abs=1e-6)
    assert closest_m(*turned) == pytest.approx(closest_m(one, other), abs=1e-6)


@given(one=footprints, other=footprints)
def test_it_does_not_matter_who_is_named_first(one: Floats, other: Floats) -> None:
    assert distance_m(one, other) == pytest.approx(distance_m(other, one), abs=1e-9)
    assert time_to_collision_s(one, other) == pytest.approx(time_to_collision_s(other, one))


def test_many_rows_are_done_as_one_is() -> None:
    one = np.array([car(0, 0, 0.0, 15.0), car(0, 0), car(0, 0, 0.0, 10.0)])
    other = np.array([car(19, 0, 0.0, 10.0), car(0, 5), car(3, 0)])
    assert times_to_collision_s(one, other) == pytest.approx([3.0, NEVER, 0.0])
    assert distances_m(one, other) == pytest.approx([15.0, 3.0, 0.0])
