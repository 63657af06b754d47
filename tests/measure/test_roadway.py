"""The road of one camera: queues that stand and dissolve, people who cross, and what leaves."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placewatch.core.facts import Fact, FootCrossings, LaneQueue
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Kind
from placewatch.core.space import Point
from placewatch.core.time import MINUTE_US, UtcMicros
from placewatch.measure.carriageway import Carriageway, CrossingBehaviour, MarkedCrossing
from placewatch.measure.ground import Ground
from placewatch.measure.meters import Meters
from placewatch.measure.queue import Approach, QueueCycle
from placewatch.measure.replay import GroundTracks, Replay, on_plan
from placewatch.measure.roadway import WALKERS_MIN, Road, foot_crossings, lane_queue

Floats = npt.NDArray[np.float64]
CAMERA = CameraId("road")
QUARTER_US = 15 * MINUTE_US
NOON = UtcMicros(1_767_268_800_000_000)  # 2026-01-01 12:00 UTC
EAST = Approach("East", (Point(60, 0), Point(0, 0)), width_m=4.0, free_m_s=10.0)
ROAD = Carriageway(
    "Mill Road",
    (Point(70, -20), Point(77, -20), Point(77, 20), Point(70, 20)),
    (MarkedCrossing("Zebra", (Point(70, -2), Point(77, -2), Point(77, 2), Point(70, 2))),),
)
BOTH = Road((EAST,), (ROAD,))


def plan() -> Ground:
    metres = np.array([(0.0, -40.0), (80.0, -40.0), (80.0, 40.0), (0.0, 40.0)])
    pixels = [(point.x_px, point.y_px) for point in (on_plan(Point(x, y)) for x, y in metres)]
    return Ground.fit(np.array(pixels), metres)


def street(cars: int = 3, walkers: int = 6, until_s: float = 120.0) -> GroundTracks:
    """Cars that come at 10 m/s, stand behind each other from x = 57 m on and depart from 40 s on;
    and walkers who cross the carriageway eastwards at 1.5 m/s, the last one off the zebra."""
    moments = np.arange(0.0, until_s, 0.2)
    parts: list[tuple[Floats, Floats, Floats, Floats]] = []
    for number in range(cars):
        stops_m, comes_s, goes_s = 57.0 - 7.0 * number, 5.0 + 3.0 * number, 40.0 + 2.0 * number
        x = np.minimum(10.0 * (moments - comes_s), stops_m)
        x = np.where(moments > goes_s, stops_m + (moments - goes_s) ** 2, x)
        there = (moments >= comes_s) & (x < 69.0)
        speed = np.where(x == stops_m, 0.0, np.where(x > stops_m, 2 * (moments - goes_s), 10.0))
        parts.append((moments[there], x[there], np.zeros(there.sum()), speed[there]))
    for number in range(walkers):
        x = 66.0 + 1.5 * (moments - 50.0 - 4.0 * number)
        there = (x >= 66.0) & (x < 79.5)
        aside_m = 10.0 if number == walkers - 1 else 0.0
        ones = np.ones(there.sum())
        parts.append((moments[there], x[there], aside_m * ones, 1.5 * ones))
    who = np.concatenate([np.full(len(part[0]), n) for n, part in enumerate(parts)])
    at_s, x, y, speed = (np.concatenate([part[of] for part in parts]) for of in range(4))
    kinds = [Kind.CAR] * cars + [Kind.PEDESTRIAN] * walkers
    sizes = np.array([(4.5, 1.8)] * cars + [(0.5, 0.5)] * walkers)
    return GroundTracks(moments, at_s, who, x, y, np.zeros(len(who)), speed, kinds, sizes)


def facts_of(meters: Meters, tracks: GroundTracks) -> list[Fact]:
    for scene in Replay(CAMERA, NOON).scenes(tracks):
        meters.measure(scene)
    meters.leave()
    return meters.close(UtcMicros(NOON + 120_000_000))


def test_a_queue_that_dissolved_and_people_who_crossed_become_facts() -> None:
    told = facts_of(Meters(CAMERA, [], NOON, plan(), road=BOTH), street())
    (queue,) = (fact for fact in told if isinstance(fact, LaneQueue))
    assert (queue.approach, queue.lane, queue.vehicles_max) == ("East", 0, 3)
    assert (queue.departures, queue.stops, queue.whole) == (3, 3, False)
    assert queue.back_m_max == pytest.approx(60.0 - 43.0 + 2.25, abs=0.8), "rear of the third"
    assert not queue.at_least
    assert queue.coverage_s == pytest.approx(120.0, abs=0.5)
    assert queue.stood_s == pytest.approx(41.0, abs=2.0)
    zebra, beside = (fact for fact in told if isinstance(fact, FootCrossings))
    assert (zebra.carriageway, zebra.crossing, zebra.count) == ("Mill Road", "Zebra", 5)
    assert zebra.speed_m_s_sum == pytest.approx(5 * 1.5, abs=0.1)
    assert (beside.crossing, beside.count, beside.speed_m_s_sum) == (None, 1, None)
    assert zebra.window_s == 900.0
    assert zebra.coverage_s == pytest.approx(120.0, abs=0.5)


def test_where_nothing_is_configured_there_are_no_such_facts() -> None:
    told = facts_of(Meters(CAMERA, [], NOON, plan()), street())
    assert not [fact for fact in told if isinstance(fact, LaneQueue | FootCrossings)]


def test_a_break_in_watching_ends_the_cycle_and_is_no_time_that_was_watched() -> None:
    meters = Meters(CAMERA, [], NOON, plan(), road=BOTH)
    for scene in Replay(CAMERA, NOON).scenes(street()):
        gone = 20.0 < scene.media_s < 30.0
        if not gone:
            meters.measure(dataclasses.replace(scene, after_gap=abs(scene.media_s - 30.0) < 0.05))
    meters.leave()
    told = meters.close(UtcMicros(NOON + 120_000_000))
    queues = [fact for fact in told if isinstance(fact, LaneQueue)]
    assert len(queues) == 2
    assert not any(queue.whole for queue in queues)
    assert sum(queue.coverage_s for queue in queues) == pytest.approx(110.0, abs=0.6)
    crossings = next(fact for fact in told if isinstance(fact, FootCrossings))
    assert crossings.coverage_s == pytest.approx(110.0, abs=0.6)


def test_another_ground_ends_what_ran_and_tells_it_once() -> None:
    meters = Meters(CAMERA, [], NOON, plan(), road=BOTH)
    told: list[Fact] = []
    for scene in Replay(CAMERA, NOON).scenes(street()):
        if abs(scene.media_s - 60.0) < 0.05:
            meters.stand_on(plan(), [], scene.at, BOTH)
        meters.measure(scene)
        told += meters.close_minutes(scene.at)
    meters.leave()
    told += meters.close(UtcMicros(NOON + 120_000_000))
    queues = [fact for fact in told if isinstance(fact, LaneQueue)]
    assert [queue.departures for queue in queues] == [3, 0]
    crossings = [fact for fact in told if isinstance(fact, FootCrossings)]
    assert {fact.at for fact in crossings} == {NOON}
    assert sum(fact.coverage_s for fact in crossings) == pytest.approx(2 * 120.0, abs=1.0)
    assert sum(fact.count or 0 for fact in crossings) >= 4, "who was on the road is cut in two"


def test_a_quarter_is_told_once_it_is_over_and_what_was_not_watched_is_unknown() -> None:
    meters = Meters(CAMERA, [], NOON, plan(), road=Road((), (ROAD,)))
    for scene in Replay(CAMERA, NOON).scenes(street()):
        meters.measure(scene)
    assert not [
        fact
        for fact in meters.close_minutes(UtcMicros(NOON + QUARTER_US))
        if isinstance(fact, FootCrossings)
    ]
    told = meters.close_minutes(UtcMicros(NOON + 2 * QUARTER_US + MINUTE_US))
    crossings = [fact for fact in told if isinstance(fact, FootCrossings)]
    assert [(fact.at - NOON) // QUARTER_US for fact in crossings] == [0, 0, 1, 1]
    assert [fact.count for fact in crossings] == [5, 1, None, None]


def behaviour(count: int, waits: int, speeds: int, accepted: int) -> CrossingBehaviour:
    def bins(number: int) -> tuple[int, ...]:
        return (number, 0)

    return CrossingBehaviour(
        NOON, 900.0, 900.0, CAMERA, "Mill Road", 40.0, None, "", count, count, bins(count),
        waits, 3.25, bins(waits), speeds, 1.5, bins(speeds), 2, 3.0, bins(2), accepted, 6.5,
        bins(accepted), 1, 0, 2, 1, 1, 0,
    )  # fmt: skip


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_nothing_is_told_of_fewer_than_five_walkers_but_how_many_they_were(
    count: int, waits: int, speeds: int, accepted: int
) -> None:
    each = [min(count, number) for number in (waits, speeds, accepted)]
    told = foot_crossings(behaviour(count, *each))
    assert told.count == count
    names = [field.name for field in dataclasses.fields(told)]
    for name in names[names.index("count") + 1 :]:
        group = next(
            (n for of, n in zip(("wait", "speed", "accepted"), each, strict=True) if of in name),
            count,
        )
        known = min(count, group) >= WALKERS_MIN
        assert (getattr(told, name) is not None) == known, name


@given(st.integers(0, 10**9), st.floats(0.0, 900.0), st.floats(0.0, 200.0), st.floats(0.0, 1000.0))
def test_of_a_cycle_leaves_no_moment_within_its_minute_and_no_place_within_half_a_metre(
    after_us: int, lasted_s: float, metres: float, took_s: float
) -> None:
    at = UtcMicros(NOON + after_us)
    end = UtcMicros(at + round(lasted_s * 1e6))
    told = lane_queue(
        QueueCycle(
            at, end, end, lasted_s, CAMERA, "East", 1, True, 2, 1.234567, metres, metres, metres,
            False, 2, 2, took_s, None, None, 2,
        )
    )  # fmt: skip
    assert told.at % MINUTE_US == 0
    assert 0 <= at - told.at < MINUTE_US
    for seconds in (told.window_s, told.stood_s or 0.0):
        assert seconds.is_integer()
    for place in (told.length_m_max, told.back_m_max):
        assert (2 * place).is_integer()
    assert abs(told.back_m_max - metres) <= 0.25
    assert told.travel_s_mean == round(took_s, 1)
