"""How vehicles follow each other over a line."""

import pytest

from placewatch.core.facts import Crossing, LineFlow, SpeedCount
from placewatch.core.ids import camera_id
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import MINUTE_US, UtcMicros
from placewatch.measure.headway import SPEED_BAND_M_S, Headways, Minute

CAMERA = camera_id("road")
NOON = UtcMicros(1_800_000_000_000_000 - 1_800_000_000_000_000 % MINUTE_US)
EAST = Direction.LEFT_TO_RIGHT


def crossed(at_s: float, speed_m_s: float | None = 10.0, kind: Kind = Kind.CAR) -> Crossing:
    at = UtcMicros(NOON + round(at_s * 1e6))
    return Crossing(at, at_s, round(at_s * 10), CAMERA, "Road", kind, EAST, speed_m_s)


def of_minute(
    headways: Headways, crossings: list[Crossing], number: int = 0, coverage_s: float = 60.0
) -> tuple[LineFlow, list[SpeedCount]]:
    minute = Minute()
    for one in crossings:
        minute.add(one)
    told = headways.close(UtcMicros(NOON + number * MINUTE_US), minute, coverage_s)
    flows = [one for one in told if isinstance(one, LineFlow) and one.direction is EAST]
    return flows[0], [one for one in told if isinstance(one, SpeedCount)]


def test_headways_are_from_front_to_front_and_gaps_from_rear_to_front() -> None:
    headways = Headways(CAMERA, ["Road"], NOON)
    flow, _ = of_minute(headways, [crossed(10.0), crossed(12.0), crossed(18.0)])
    assert (flow.vehicles, flow.headway_count, flow.gap_count) == (3, 2, 2)
    assert flow.headway_s_mean == pytest.approx((2.0 + 6.0) / 2)
    assert flow.gap_s_mean == pytest.approx((2.0 - 0.44 + 6.0 - 0.44) / 2)  # a car of 4.4 m
    assert flow.occupied_s == pytest.approx(3 * 0.44)


def test_the_space_mean_is_harmonic_and_the_time_mean_is_not() -> None:
    headways = Headways(CAMERA, ["Road"], NOON)
    flow, _ = of_minute(headways, [crossed(10.0, 10.0), crossed(12.0, 20.0)])
    assert flow.speed_m_s_time_mean == pytest.approx(15.0)
    assert flow.speed_m_s_space_mean == pytest.approx(2 / (1 / 10 + 1 / 20))


def test_a_headway_goes_over_the_end_of_a_minute_and_not_over_a_break() -> None:
    headways = Headways(CAMERA, ["Road"], NOON)
    of_minute(headways, [crossed(58.0)])
    flow, _ = of_minute(headways, [crossed(61.0)], 1)
    assert flow.headway_s_mean == pytest.approx(3.0)
    headways.begin(UtcMicros(NOON + 130_000_000))
    flow, _ = of_minute(headways, [crossed(131.0), crossed(133.0)], 2, 50.0)
    assert flow.headway_count == 1
    assert flow.headway_s_mean == pytest.approx(2.0)


def test_who_had_nobody_ahead_for_five_seconds_was_free() -> None:
    headways = Headways(CAMERA, ["Road"], NOON)
    _, speeds = of_minute(
        headways, [crossed(3.0, 8.2), crossed(20.0, 9.9), crossed(24.0, 9.8), crossed(40.0, 9.7)]
    )
    counted = {(one.free, one.speed_m_s_from): one.count for one in speeds}
    assert counted == {(False, 8.0): 1, (True, 9.5): 2, (False, 9.5): 1}
    assert all(one.speed_m_s_to == one.speed_m_s_from + SPEED_BAND_M_S for one in speeds)


def test_people_on_foot_are_no_traffic_that_follows() -> None:
    headways = Headways(CAMERA, ["Road"], NOON)
    walker = crossed(11.0, 1.3, Kind.PEDESTRIAN)
    flow, speeds = of_minute(headways, [crossed(10.0), walker, crossed(12.0)])
    assert (flow.vehicles, flow.headway_count) == (2, 1)
    assert flow.headway_s_mean == pytest.approx(2.0)
    assert flow.speed_m_s_time_mean == pytest.approx(10.0)
    assert {one.kind for one in speeds} == {Kind.CAR, Kind.PEDESTRIAN}


def test_without_a_ground_headways_are_known_and_speeds_are_not() -> None:
    headways = Headways(CAMERA, ["Road"], NOON)
    flow, speeds = of_minute(headways, [crossed(10.0, None), crossed(12.0, None)])
    assert flow.headway_s_mean == pytest.approx(2.0)
    assert (flow.gap_s_mean, flow.occupied_s, flow.speed_m_s_space_mean) == (None, None, None)
    assert speeds == []


def test_a_minute_that_nobody_watched_is_unknown() -> None:
    flow, speeds = of_minute(Headways(CAMERA, ["Road"], NOON), [], coverage_s=0.0)
    assert (flow.vehicles, flow.headway_s_mean, speeds) == (None, None, [])


def test_frames_of_a_closed_minute_make_no_headway_backwards() -> None:
    headways = Headways(CAMERA, ["Road"], NOON)
    of_minute(headways, [crossed(61.0)], 1)
    flow, _ = of_minute(headways, [crossed(30.0)], 0)
    assert (flow.vehicles, flow.headway_count) == (1, 0)
    flow, _ = of_minute(headways, [crossed(125.0)], 2)
    assert flow.headway_s_mean == pytest.approx(64.0)
