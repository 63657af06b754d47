"""Movements at a junction: by which arm somebody comes in, and by which they leave."""

import math

import numpy as np
import pytest
from tests.measure.test_flow import NOON, car, scene

from placewatch.core.facts import Crossing, MovementCount
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.space import PicturePoint
from placewatch.core.time import MINUTE_US, UtcMicros
from placewatch.measure.flow import FlowMeter
from placewatch.measure.line import CountingLine
from placewatch.measure.movement import Arms, Origins
from placewatch.measure.scene import STEP_COLUMNS, STEP_S, STEP_SIZE
from placewatch.measure.ways import place_of

CAMERA = CameraId("t")


def across(name: str, arm: str | None, y_px: float) -> CountingLine:
    return CountingLine(name, PicturePoint(200, y_px), PicturePoint(400, y_px), arm)


TOP, BOTTOM = across("top", "North", 200), across("bottom", "South", 500)


def drive(
    meter: FlowMeter, name: str, from_px: float, to_px: float, at_s: float, ends: bool = True
) -> list[Crossing]:
    """A car from one height of the picture to another at 100 px/s, 10 frames a second."""
    steps = round(abs(to_px - from_px) / 10)
    crossings = []
    for step in range(steps + 1):
        y_px = from_px + math.copysign(10.0, to_px - from_px) * step + 0.01
        crossings += meter.measure(scene(at_s + step / 10, [car(name, y_px)]))
    if ends:
        crossings += meter.measure(scene(at_s + steps / 10 + 0.1))
    return crossings


def minutes(meter: FlowMeter, until_min: int) -> dict[tuple[str | None, str], int]:
    """What was counted in all closed minutes, zeros left out."""
    meter.close_minutes(UtcMicros(NOON + until_min * MINUTE_US + 6_000_000))
    counts: dict[tuple[str | None, str], int] = {}
    for row in meter.take_movements():
        if row.count:
            way = row.from_arm, row.to_arm
            counts[way] = counts.get(way, 0) + row.count
    return counts


def test_inwards_is_where_the_other_arms_lie_however_a_line_was_drawn() -> None:
    backwards = CountingLine("bottom", BOTTOM.b, BOTTOM.a, "South")
    assert Arms.of([TOP, BOTTOM]).inwards == (Direction.LEFT_TO_RIGHT, Direction.RIGHT_TO_LEFT)
    assert Arms.of([TOP, backwards]).inwards == (Direction.LEFT_TO_RIGHT, Direction.LEFT_TO_RIGHT)


def test_a_junction_needs_two_arms() -> None:
    lonely = Arms.of([TOP, across("path", None, 500)])
    assert lonely.names == lonely.inwards == (None, None)
    assert not lonely.all


def test_who_comes_in_by_one_arm_and_leaves_by_another_is_one_movement() -> None:
    meter = FlowMeter(CAMERA, [TOP, BOTTOM], NOON)
    crossings = drive(meter, "a", 100, 600, 0.0) + meter.leave()
    assert [one.movement for one in crossings] == [None, ("North", "South")]
    assert minutes(meter, 1) == {("North", "South"): 1}


def test_who_turns_back_leaves_by_the_arm_it_came_by() -> None:
    meter = FlowMeter(CAMERA, [TOP, BOTTOM], NOON)
    drive(meter, "a", 100, 400, 0.0, ends=False)
    drive(meter, "a", 390, 100, 3.1)
    meter.leave()
    assert minutes(meter, 1) == {("North", "North"): 1}


def test_who_was_not_seen_to_come_in_leaves_from_an_unknown_arm() -> None:
    meter = FlowMeter(CAMERA, [TOP, BOTTOM], NOON)
    drive(meter, "a", 350, 600, 0.0)
    meter.leave()
    assert minutes(meter, 1) == {(None, "South"): 1}


def test_who_is_lost_inside_is_found_again_by_place_and_not_by_chance() -> None:
    for begins_px, came_by in ((350, "North"), (480, None)):
        meter = FlowMeter(CAMERA, [TOP, BOTTOM], NOON)
        drive(meter, "a", 100, 300, 0.0)  # is lost at 300; a second later it must be near 400
        drive(meter, "b", begins_px - 20, 600, 2.2 if came_by else 30.0)
        meter.leave()
        assert minutes(meter, 1) == {(came_by, "South"): 1}


def test_who_is_found_again_is_told_however_late_it_leaves() -> None:
    meter = FlowMeter(CAMERA, [TOP, BOTTOM], NOON)
    drive(meter, "a", 100, 300, 0.0)
    drive(meter, "b", 330, 400, 2.2, ends=False)
    for second in range(4, 70):
        meter.measure(scene(second, [car("b", 400.01)]))
    drive(meter, "b", 410, 600, 70.0)
    meter.leave()
    assert minutes(meter, 2) == {("North", "South"): 1}


def test_nobody_who_leaves_is_taken_for_who_came_by_the_same_arm_and_was_lost() -> None:
    meter = FlowMeter(CAMERA, [TOP, BOTTOM], NOON)
    drive(meter, "a", 600, 400, 0.0)  # is lost inside
    drive(meter, "b", 410, 600, 2.5)
    meter.leave()
    assert minutes(meter, 1) == {(None, "South"): 1}


def test_a_place_tells_by_which_arms_one_comes_there() -> None:
    origins = Origins(("N", "E", "S"))
    lane, middle = place_of(0.0, 20.0, 0.0, -5.0), place_of(0.0, 0.0, 0.0, -5.0)
    for user in range(20):
        for arm, at in (("N", lane), ("N", middle), ("E", middle)):
            origins.begin(user, first_step(0.0), False)
            origins.enter(user, arm)
            origins.drive(user, at)
            assert origins.leave(user, "S") == arm
    for at, came_by in ((lane, "N"), (middle, None), (place_of(0.0, 20.0, 0.0, 5.0), None)):
        origins.begin(30, first_step(100.0), False)
        origins.drive(30, at)
        assert origins.leave(30, "S") == came_by


def first_step(media_s: float) -> np.ndarray:
    step = np.zeros(STEP_COLUMNS)
    step[STEP_S], step[STEP_SIZE] = media_s, 40.0
    return step


def test_who_was_lost_is_forgotten_though_nobody_else_comes() -> None:
    meter = FlowMeter(CAMERA, [TOP, BOTTOM], NOON)
    drive(meter, "a", 100, 300, 0.0)
    assert meter._origins._lost
    for tenth in range(22, 260):
        meter.measure(scene(tenth / 10))
    assert not meter._origins._lost


def test_two_passages_of_one_track_are_two_movements() -> None:
    meter = FlowMeter(CAMERA, [TOP, BOTTOM], NOON)
    drive(meter, "a", 100, 600, 0.0)
    drive(meter, "a", 590, 100, 5.2)
    meter.leave()
    assert minutes(meter, 1) == {("North", "South"): 1, ("South", "North"): 1}


def test_a_movement_counts_in_the_minute_in_which_it_leaves() -> None:
    meter = FlowMeter(CAMERA, [TOP, BOTTOM], NOON)
    drive(meter, "a", 100, 600, 57.5)
    meter.leave()
    meter.close_minutes(UtcMicros(NOON + 2 * MINUTE_US + 6_000_000))
    (counted,) = [row for row in meter.take_movements() if row.count]
    assert (counted.at, counted.kind) == (NOON + MINUTE_US, Kind.CAR)


def test_each_pair_of_arms_and_kind_has_a_row_which_is_unknown_where_nothing_was_seen() -> None:
    meter = FlowMeter(CAMERA, [TOP, BOTTOM], NOON)
    for tenth in range(601):
        meter.measure(scene(tenth / 10))
    meter.close_minutes(UtcMicros(NOON + 2 * MINUTE_US + 6_000_000))
    rows = meter.take_movements()
    seen, unseen = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    assert len(seen) == len(unseen) == 2 * 2 * len(Kind)
    assert {(row.count, row.coverage_s) for row in seen} == {(0, 60.0)}
    assert {(row.count, row.coverage_s) for row in unseen} == {(None, 0.0)}
    assert meter.take_movements() == []


@pytest.mark.parametrize("arm", ["North", None])
def test_lines_across_no_arm_count_as_ever(arm: str | None) -> None:
    meter = FlowMeter(CAMERA, [across("only", arm, 200)], NOON)
    crossings = drive(meter, "a", 100, 300, 0.0) + meter.leave()
    assert [one.movement for one in crossings] == [None]
    rows: list[MovementCount] = []
    meter.close_minutes(UtcMicros(NOON + 2 * MINUTE_US))
    rows += meter.take_movements()
    assert rows == []
