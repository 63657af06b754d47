"""Courses: who turns round drives across in between; two tracks that change places do not."""

import math
from collections.abc import Iterable

import numpy as np
from tests.measure.test_flow import NOON
from tests.measure.test_movement import BOTTOM, CAMERA, TOP, minutes

from placewatch.core.ids import TrackId
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Box
from placewatch.core.space import PicturePoint, Point
from placewatch.core.time import UtcMicros
from placewatch.measure.course import Courses, look
from placewatch.measure.flow import FlowMeter
from placewatch.measure.scene import (
    STEP_COLUMNS,
    STEP_EAST,
    STEP_NORTH,
    STEP_S,
    Mover,
    Scene,
)

FPS = 10
Place = tuple[float, float]


def looked(places: Iterable[Place], every_s: float = 0.25) -> Courses:
    courses = Courses()
    courses.make_room(8)
    for number, (east_m, north_m) in enumerate(places):
        step = np.full(STEP_COLUMNS, float(number))
        step[STEP_S], step[STEP_EAST], step[STEP_NORTH] = number * every_s, east_m, north_m
        look(courses.looks[7], courses.legs[7], courses.counts[7], step, (0.0, 0.0))
    return courses


def round_(radius_m: float, speed_m_s: float = 4.0) -> list[Place]:
    """Northwards to the origin, half a circle to the left, and back."""
    turn = [
        (-radius_m + radius_m * math.cos(angle), radius_m * math.sin(angle))
        for angle in np.arange(0.0, math.pi, 0.25 * speed_m_s / radius_m)
    ]
    in_ = [(0.0, -20.0 + 0.25 * speed_m_s * k) for k in range(20)]
    out = [(-2 * radius_m, -0.25 * speed_m_s * k) for k in range(20)]
    return [*in_, *turn, *out]


def test_who_turns_round_is_seen_to_turn() -> None:
    for radius_m in (3.0, 5.0, 9.0):
        assert looked(round_(radius_m)).turned(7) is True


def test_who_turns_round_is_seen_to_turn_though_boxes_tremble() -> None:
    dice = np.random.default_rng(1)
    for _ in range(50):
        places = np.array(round_(5.0)) + dice.normal(0.0, 0.3, (len(round_(5.0)), 2))
        assert looked(places.tolist()).turned(7) is True


def test_who_turns_round_slowly_and_far_is_seen_to_turn() -> None:
    assert looked(round_(22.0, 1.5)).turned(7) is True
    assert looked(round_(200.0, 10.0)).turned(7) is None  # more than is kept of its way


def test_who_goes_on_or_waits_has_not_come_back() -> None:
    straight = [(0.0, 2.5 * k) for k in range(20)]
    dice = np.random.default_rng(1)
    waits = [*straight, *((x, 50.0 + y) for x, y in dice.normal(0.0, 0.5, (200, 2)).tolist())]
    for courses in (looked(straight), looked(waits)):
        assert courses.reversal(7) is None
        assert courses.turned(7) is False
    assert Courses().reversal(7) is None
    assert Courses().turned(7) is None


def test_a_track_that_waits_and_goes_over_to_who_turns_left_has_not_turned_round() -> None:
    waits = [*((0.0, -30.0 + 2.0 * k) for k in range(15)), *((0.0, 0.0) for _ in range(20))]
    left = [(3.0 - 8.0 * math.cos(a), 8.0 * math.sin(a)) for a in np.arange(3.14, 4.71, 0.12)]
    away = [(left[-1][0] + 0.2 * k, left[-1][1] - 1.5 * k) for k in range(1, 15)]
    assert looked([*waits, *left, *away]).turned(7) is False


def test_a_track_that_goes_over_to_who_comes_towards_it_has_not_turned() -> None:
    there = [(0.0, -30.0 + 2.5 * k) for k in range(12)]
    back = [(3.5, -2.5 - 2.5 * k) for k in range(10)]
    reversal = looked([*there, *back]).reversal(7)
    assert reversal is not None
    assert reversal.before[0] <= 12 <= reversal.after[0] + 2
    assert {place[2] for place in reversal.places} == {6}  # south, of eight


def test_nothing_is_known_of_who_is_forgotten() -> None:
    courses = looked([(0.0, -2.5 * abs(12 - k)) for k in range(24)])
    assert courses.reversal(7) is not None
    courses.forget(7)
    assert courses.reversal(7) is None


def car(name: str, x_px: float, y_px: float, kind: Kind = Kind.CAR) -> Mover:
    box = Box(x_px - 20, y_px - 40, x_px + 20, y_px)
    place = Point(x_px / 10.0, -y_px / 10.0)
    return Mover(TrackId(name), kind, box, PicturePoint(x_px, y_px), place, 10.0, None, True)


def test_two_tracks_that_change_places_count_two_movements_and_no_turn() -> None:
    meter = FlowMeter(CAMERA, [TOP, BOTTOM], NOON)
    for frame in range(65):
        down, up = 100.0 + 8.0 * frame, 612.0 - 8.0 * frame
        swapped = down > up  # from where they meet each box is told under the other's name
        names = ("b", "a") if swapped else ("a", "b")
        movers = [car(names[0], 270.0, down), car(names[1], 310.0, up)]
        at = UtcMicros(NOON + frame * 100_000)
        meter.measure(Scene(at, frame / FPS, frame, CAMERA, movers, False))
    meter.leave()
    assert minutes(meter, 2) == {("North", "South"): 1, ("South", "North"): 1}


def test_who_really_turns_round_counts_as_such() -> None:
    meter = FlowMeter(CAMERA, [TOP, BOTTOM], NOON)
    places = [(250.0 - 10 * x, 300.0 - 10 * y) for x, y in round_(5.0)]
    for frame, (x_px, y_px) in enumerate(places):
        at = UtcMicros(NOON + frame * 250_000)
        scene = Scene(at, frame / 4, frame, CAMERA, [car("a", x_px, 600.0 - y_px)], False)
        meter.measure(scene)
    meter.leave()
    assert list(minutes(meter, 2)) in ([("North", "North")], [("South", "South")])


def test_a_box_that_leaps_back_over_its_line_is_nobody_who_turned_round() -> None:
    meter = FlowMeter(CAMERA, [TOP, BOTTOM], NOON)
    for frame in range(120):
        y_px = min(100.0 + 5.0 * frame, 235.0)
        if frame >= 70:
            y_px = max(160.0, 235.0 - 25.0 * (frame - 70))
        at = UtcMicros(NOON + frame * 100_000)
        meter.measure(Scene(at, frame / FPS, frame, CAMERA, [car("a", 300.0, y_px)], False))
    meter.leave()
    assert minutes(meter, 2) == {(None, "North"): 1}


def test_who_is_on_foot_may_turn_on_the_spot() -> None:
    for kind, came_by in ((Kind.PEDESTRIAN, "North"), (Kind.CAR, None)):
        meter = FlowMeter(CAMERA, [TOP, BOTTOM], NOON)
        for frame in range(80):
            y_px = 340.0 - 5.0 * abs(40 - frame)
            mover = car("a", 300.0, y_px, kind)
            at = UtcMicros(NOON + frame * 100_000)
            meter.measure(Scene(at, frame / FPS, frame, CAMERA, [mover], False))
        meter.leave()
        assert minutes(meter, 2) == {(came_by, "North"): 1}
