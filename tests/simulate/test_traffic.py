"""Drawn traffic follows, brakes and waits, and its truth is what its road users did."""

import math
from collections import Counter
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from placewatch.core.kinds import Direction, Kind
from placewatch.core.space import Point
from placewatch.simulate.drawn import STREETS, Street
from placewatch.simulate.traffic import (
    SIZES,
    GroundLine,
    RoadUser,
    Route,
    Stream,
    Traffic,
    TrueCrossing,
    path,
)

NAMES = sorted(STREETS)


def traffic_of(street: Street, seed: int, settle_s: float = 60.0) -> Traffic:
    return Traffic(street.streams, street.signals, street.ground_lines(), seed, settle_s)


def lone(kind: Kind, line: GroundLine, speed_m_s: float = 10.0) -> Traffic:
    """A straight street along x with one kind of road user and one counting line."""
    stream = Stream("s", "p", (Route(path((0, 0), (200, 0))),), {kind: 1}, 6.0, speed_m_s)
    return Traffic([stream], {}, [line], seed=5, settle_s=0.0)


def test_whoever_drives_east_over_a_line_drawn_north_passes_from_its_left_to_its_right() -> None:
    north = GroundLine("north", Point(50, -5), Point(50, 5))
    south = GroundLine("south", Point(50, 5), Point(50, -5))
    for line, direction in ((north, Direction.LEFT_TO_RIGHT), (south, Direction.RIGHT_TO_LEFT)):
        crossings = lone(Kind.CAR, line).crossings(60.0)
        assert crossings
        assert {crossing.direction for crossing in crossings} == {direction}


def test_a_line_beside_the_lane_is_never_crossed() -> None:
    assert not lone(Kind.CAR, GroundLine("far", Point(50, 3), Point(50, 9))).crossings(60.0)


def test_nothing_is_counted_before_media_time_zero() -> None:
    for crossing in traffic_of(STREETS["main"], 1).crossings(20.0):
        assert 0.0 <= crossing.media_s <= 20.0


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_is_the_same_day_and_another_is_another(name: str) -> None:
    street = STREETS[name]
    once, again = traffic_of(street, 3), traffic_of(street, 3)
    other = traffic_of(street, 4)
    assert once.at(20.0) == again.at(20.0)
    assert once.crossings(60.0) == again.crossings(60.0)
    assert once.crossings(60.0) != other.crossings(60.0)


@pytest.mark.parametrize("name", NAMES)
def test_the_day_does_not_depend_on_how_often_somebody_looks(name: str) -> None:
    seen, unseen = traffic_of(STREETS[name], 2), traffic_of(STREETS[name], 2)
    for step in range(300):
        seen.at(step / 13.7)
    assert seen.crossings(25.0) == unseen.crossings(25.0)


def test_crossings_may_be_asked_from_any_moment_on() -> None:
    traffic = traffic_of(STREETS["quay"], 1)
    everything = traffic.crossings(50.0)
    later = [crossing for crossing in everything if crossing.media_s >= 20.0]
    assert traffic.noticed(50.0, 20.0) == later
    assert traffic.noticed(20.0) == [c for c in everything if c.media_s <= 20.0]


@pytest.mark.parametrize("name", NAMES)
def test_the_truth_is_what_the_feet_on_the_picture_do(name: str) -> None:
    """Every true crossing is one of the projected ground point over the line in pixels, at that
    time and in that direction, and there is no other."""
    street = STREETS[name]
    camera = street.camera()
    traffic = traffic_of(street, 6)
    ended_s, step_s = 40.0, 0.04
    before: dict[int, tuple[float, float]] = {}
    seen: list[tuple[float, str, Kind, Direction]] = []
    for step in range(round(ended_s / step_s) + 1):
        here: dict[int, tuple[float, float]] = {}
        for user in traffic.at(step * step_s):
            if camera.view(_ground(user))[0, 2] < 1.0:
                continue
            pixel = camera.project(_ground(user))[0]
            here[user.look] = (float(pixel[0]), float(pixel[1]))
            if user.look in before:
                for line, a, b in street.lines_px():
                    side_before = _side(a, b, before[user.look])
                    side_now = _side(a, b, here[user.look])
                    on_line = _between(a, b, before[user.look], here[user.look])
                    if (side_before > 0) != (side_now > 0) and on_line:
                        # y is down: positive is on the right of somebody who walks along.
                        direction = (
                            Direction.LEFT_TO_RIGHT if side_before < 0 else Direction.RIGHT_TO_LEFT
                        )
                        seen.append((step * step_s, line, user.kind, direction))
        before = here
    truth = traffic.crossings(ended_s)
    assert len(truth) > 10
    assert Counter((c.line, c.kind, c.direction) for c in truth) == Counter(s[1:] for s in seen)
    for crossing in truth:
        assert any(
            line == crossing.line and abs(at_s - crossing.media_s) <= step_s + 1e-6
            for at_s, line, _, _ in seen
        )


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6))
def test_nobody_ever_runs_into_anybody(name: str, seed: int) -> None:
    traffic = traffic_of(STREETS[name], seed, settle_s=20.0)
    for step in range(250):
        users = traffic.at(step * 0.2)
        wheels = [user for user in users if user.kind is not Kind.PEDESTRIAN]
        feet = [user for user in users if user.kind is Kind.PEDESTRIAN]
        for index, user in enumerate(wheels):
            for other in wheels[index + 1 :]:
                assert not _overlap(user, other), (seed, step, user, other)
            for other in feet:
                assert not _overlap(user, other), (seed, step, user, other)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_nobody_drives_backwards_or_faster_than_the_street_allows(seed: int) -> None:
    traffic = traffic_of(STREETS["main"], seed, settle_s=10.0)
    for step in range(200):
        for user in traffic.at(step * 0.2):
            assert 0.0 <= user.speed_m_s <= 15.0


def test_at_a_red_light_vehicles_wait_before_the_stop_line() -> None:
    street = STREETS["main"]
    traffic = traffic_of(street, 1)
    waited = 0
    for step in range(600):
        at_s = step * 0.1
        for user in traffic.at(at_s):
            lane = user.kind is not Kind.PEDESTRIAN and -5.4 < user.y_m < -2.0
            front_m = user.x_m + SIZES[user.kind].length_m / 2
            standing = user.speed_m_s == 0.0 and 10.0 < front_m < 24.0
            if lane and standing and traffic.colour("zebra", "wheels", at_s) == "red":
                waited += 1
                assert front_m < 15.6
    assert waited > 20


@pytest.mark.parametrize("name", NAMES)
def test_a_minute_holds_every_kind_of_the_street_several_times(name: str) -> None:
    street = STREETS[name]
    crossings = traffic_of(street, 1).crossings(180.0)
    kinds = Counter(crossing.kind for crossing in crossings)
    for kind in {kind for stream in street.streams for kind in stream.kinds}:
        assert kinds[kind] >= 3, kind
    assert {crossing.line for crossing in crossings} == {line for line, _, _ in street.lines}


def test_speeds_are_those_at_the_line() -> None:
    for crossing in _all_crossings():
        assert 0.0 < crossing.speed_m_s < 15.0


def _all_crossings() -> Iterator[TrueCrossing]:
    for street in STREETS.values():
        yield from traffic_of(street, 9).crossings(30.0)


def _ground(user: RoadUser) -> npt.NDArray[np.float64]:

    return np.array([[user.x_m, user.y_m, 0.0]])


def _side(a: tuple[int, int], b: tuple[int, int], p: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def _between(
    a: tuple[int, int], b: tuple[int, int], p: tuple[float, float], q: tuple[float, float]
) -> bool:
    """Whether the way from p to q passes the line from a to b between its ends."""
    return (_side_of(p, q, a) > 0) != (_side_of(p, q, b) > 0)


def _side_of(p: tuple[float, float], q: tuple[float, float], a: tuple[int, int]) -> float:
    return (q[0] - p[0]) * (a[1] - p[1]) - (q[1] - p[1]) * (a[0] - p[0])


def _overlap(a: RoadUser, b: RoadUser) -> bool:
    """Whether the rectangles that two road users cover touch (separating axes)."""
    if math.hypot(a.x_m - b.x_m, a.y_m - b.y_m) > 13.0:
        return False
    for one in (a, b):
        for turn in (0.0, math.pi / 2):
            axis = (math.cos(one.heading_rad + turn), math.sin(one.heading_rad + turn))
            apart = abs((a.x_m - b.x_m) * axis[0] + (a.y_m - b.y_m) * axis[1])
            if apart > _reach(a, axis) + _reach(b, axis):
                return False
    return True


def _reach(user: RoadUser, axis: tuple[float, float]) -> float:
    size = SIZES[user.kind]
    along = math.cos(user.heading_rad) * axis[0] + math.sin(user.heading_rad) * axis[1]
    across = -math.sin(user.heading_rad) * axis[0] + math.cos(user.heading_rad) * axis[1]
    return size.length_m / 2 * abs(along) + size.width_m / 2 * abs(across)
