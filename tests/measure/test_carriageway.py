"""People who cross a road: where, after what wait, in which gap, and who let them."""

import dataclasses
import math
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placewatch.core.errors import Misconfigured
from placewatch.core.ids import CameraId, TrackId
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Box
from placewatch.core.space import Point
from placewatch.core.time import MINUTE_US, UtcMicros
from placewatch.measure.carriageway import (
    GAP_S_EDGES,
    NO_GROUND,
    SETTLE_S,
    SPEED_M_S_EDGES,
    WAIT_S_EDGES,
    Across,
    Carriageway,
    CarriagewayMeter,
    CrossingBehaviour,
    MarkedCrossing,
)
from placewatch.measure.scene import Mover, Scene

NOON = UtcMicros(1_767_268_800_000_000)  # 2026-01-01 12:00 UTC
CAMERA = CameraId("t")


def box(west_m: float, east_m: float, south_m: float, north_m: float) -> tuple[Point, ...]:
    return (
        Point(west_m, south_m), Point(east_m, south_m), Point(east_m, north_m),
        Point(west_m, north_m),
    )  # fmt: skip


# 60 m of a road 7 m wide, with a zebra from 28 to 32 m.
ROAD = Carriageway("road", box(0, 60, 0, 7), (MarkedCrossing("zebra", box(28, 32, 0, 7)),))

Way = Callable[[float], tuple[float, float] | None]


def walk(
    at_m: float = 30.0, *, comes_s: float = 5.0, waits_s: float = 7.0, speed_m_s: float = 1.4,
    back: bool = False, ends_m: float = 12.0,
) -> Way:  # fmt: skip
    """Comes to half a metre before the southern kerb (the northern, `back`) at `comes_s`, stands
    there and then walks straight across, on to `ends_m` from that kerb."""

    def place(at_s: float) -> tuple[float, float] | None:
        if at_s < comes_s:
            y = -0.5 - 1.4 * (comes_s - at_s)
        else:
            y = -0.5 + speed_m_s * max(0.0, at_s - comes_s - waits_s)
        if not -8.0 < y < ends_m:
            return None
        return at_m, 7.0 - y if back else y

    return place


def drive(
    arrives_s: float, speed_m_s: float = 10.0, at_m: float = 30.0, lane_m: float = 2.0
) -> Way:
    """At `at_m` at `arrives_s`, eastwards (negative: westwards), never slower or faster."""

    def place(at_s: float) -> tuple[float, float] | None:
        x = at_m + speed_m_s * (at_s - arrives_s)
        return (x, lane_m) if -40.0 < x < 100.0 else None

    return place


def scenes(
    users: Mapping[str, tuple[Kind, Way]], until_s: float, fps: float = 10.0, from_s: float = 0.0
) -> Iterator[Scene]:
    for frame in range(round(from_s * fps), round(until_s * fps) + 1):
        at_s = frame / fps
        movers = []
        for name, (kind, way) in users.items():
            here, before = way(at_s), way(at_s - 0.02)
            if here is None:
                continue
            speed = 0.0 if before is None else math.dist(here, before) / 0.02
            movers.append(mover(name, kind, here, speed))
        yield scene(at_s, movers)


def mover(name: str, kind: Kind, here: tuple[float, float], speed_m_s: float | None) -> Mover:
    on_picture = Box(here[0] * 20 - 5, -here[1] * 20 - 20, here[0] * 20 + 5, -here[1] * 20)
    return Mover(
        TrackId(name), kind, on_picture, on_picture.bottom_centre, Point(*here), speed_m_s, 0.0,
        True,
    )  # fmt: skip


def scene(at_s: float, movers: Sequence[Mover] = (), after_gap: bool = False) -> Scene:
    at = UtcMicros(NOON + round(at_s * 1e6))
    return Scene(at, at_s, round(at_s * 25), CAMERA, tuple(movers), after_gap)


def meter(road: Carriageway = ROAD, window_s: float = 60.0) -> CarriagewayMeter:
    return CarriagewayMeter(CAMERA, road, NOON, window_s=window_s)


def across(
    users: Mapping[str, tuple[Kind, Way]],
    until_s: float = 60.0,
    fps: float = 10.0,
    road: Carriageway = ROAD,
) -> list[Across]:
    """All passages of a street that is watched until `until_s`."""
    one = meter(road)
    told = []
    for each in scenes(users, until_s, fps):
        told += one.measure(each)
    return told + one.leave()


def person(way: Way) -> tuple[Kind, Way]:
    return Kind.PEDESTRIAN, way


def car(way: Way) -> tuple[Kind, Way]:
    return Kind.CAR, way


# One person, and what is known of it


def test_wait_gaps_speed_and_place_are_those_that_the_walker_and_the_cars_had() -> None:
    (one,) = across(
        {"a": person(walk()), "1": car(drive(8.0)), "2": car(drive(11.0)), "3": car(drive(22.0))}
    )
    assert one.crossing == "zebra"
    assert one.to_left
    assert one.along_m == pytest.approx(30.0)
    assert one.place.x_m == pytest.approx(30.0)
    assert one.place.y_m == pytest.approx(3.5, abs=0.05)
    assert one.wait_s == pytest.approx(7.0, abs=0.11)
    assert one.speed_m_s == pytest.approx(1.4, abs=1e-6)
    assert one.stepped_out_s == pytest.approx(12.0 + 0.5 / 1.4, abs=1e-6)
    assert one.took_s == pytest.approx(5.0, abs=1e-6)
    # A lag of 3 s until the first car, a gap of 3 s to the second: both passed by.
    assert (one.rejected, one.rejected_s) == pytest.approx((2, 6.0), abs=0.11)
    assert one.accepted_s == pytest.approx(22.0 - 12.0 - 0.5 / 1.4, abs=1e-6)
    assert (one.open_gap, one.given) == (False, False)
    assert (one.due, one.yielded, one.excused, one.unhindered) == (2, 0, 0, 0)


def test_a_gap_after_which_nobody_comes_is_open() -> None:
    (one,) = across({"a": person(walk())})
    assert (one.accepted_s, one.open_gap, one.rejected) == (None, True, 0)


def test_when_the_recording_ends_first_the_gap_is_not_known() -> None:
    (one,) = across({"a": person(walk())}, until_s=18.0)
    assert (one.accepted_s, one.open_gap) == (None, False)


def slows_for(stops_m: float, from_s: float, until_s: float) -> Way:
    """At 10 m/s to `stops_m`, braking by 2 m/s2, and on from there by 1 m/s2 after `until_s`."""

    def place(at_s: float) -> tuple[float, float] | None:
        begins_m = stops_m - 25.0
        if at_s < from_s:
            x = begins_m - 10.0 * (from_s - at_s)
        elif at_s < from_s + 5.0:
            passed = at_s - from_s
            x = begins_m + 10.0 * passed - passed * passed
        else:
            x = stops_m + 0.5 * max(0.0, at_s - max(until_s, from_s + 5.0)) ** 2
        return (x, 2.0) if -40.0 < x < 100.0 else None

    return place


def test_a_car_that_stops_for_somebody_who_waits_has_yielded() -> None:
    way = walk(comes_s=5.0, waits_s=5.0)
    (one,) = across({"a": person(way), "1": car(slows_for(26.0, 5.0, 14.0))})
    assert (one.due, one.yielded, one.given) == (1, 1, True)
    assert one.accepted_s is None  # it needed no gap
    assert (one.rejected, one.excused, one.unhindered) == (0, 0, 0)


def test_a_car_that_could_not_have_stopped_in_comfort_did_not_have_to() -> None:
    (one,) = across({"a": person(walk()), "1": car(drive(7.0))})  # 20 m away; it needs 26.7
    assert (one.due, one.excused) == (0, 1)
    assert one.rejected == 1


def test_a_car_that_comes_after_somebody_was_across_anyway_did_not_yield() -> None:
    """It is 4.9 s away when somebody steps out fast, and finds the road free."""
    way = walk(waits_s=0.0, speed_m_s=2.0)
    (one,) = across({"a": person(way), "1": car(drive(9.9, lane_m=2.0))})
    assert (one.yielded, one.due, one.unhindered) == (0, 0, 1)
    assert one.accepted_s == pytest.approx(9.9 - 5.25, abs=0.01)


def test_only_the_first_of_a_queue_has_to_yield() -> None:
    queue = {str(n): car(drive(9.0 + n)) for n in range(3)}
    (one,) = across({"a": person(walk(comes_s=4.0, waits_s=9.0)), **queue})
    # The others are a second behind each other: nobody can stop within 10 m.
    assert (one.due, one.excused, one.rejected) == (1, 2, 3)


def test_people_are_no_traffic_and_a_bicycle_is() -> None:
    others = {
        "p": person(drive(8.0, 1.2)),
        "b": (Kind.BICYCLE, drive(9.0, 5.0)),
        "u": (Kind.UNKNOWN, drive(10.0, 5.0)),
    }
    (one,) = across({"a": person(walk()), **others})
    assert (one.rejected, one.rejected_s) == pytest.approx((1, 4.0), abs=0.11)


def test_cars_of_both_lanes_arrive() -> None:
    (one,) = across(
        {"a": person(walk()), "1": car(drive(8.0)), "2": car(drive(10.0, -10.0, lane_m=5.0))}
    )
    assert (one.rejected, one.rejected_s) == pytest.approx((2, 5.0), abs=0.11)


# Who crosses, and who does not


def test_off_the_crossing_is_mid_block_and_the_crossing_is_so_far() -> None:
    (one,) = across({"a": person(walk(10.0))})
    assert one.crossing is None
    assert one.away_m == pytest.approx(18.0)
    (beside,) = across({"a": person(walk(32.9))})  # beside its edge
    assert beside.crossing == "zebra"
    (off,) = across({"a": person(walk(33.2))})
    assert off.crossing is None


def test_who_turns_back_walks_along_or_leaves_by_an_end_crosses_nothing() -> None:
    def turns(at_s: float) -> tuple[float, float]:
        return 30.0, 5.0 - abs(1.2 * (at_s - 8.0))  # as far as 5 m of 7

    def strolls(at_s: float) -> tuple[float, float]:
        return 1.3 * at_s, -0.8

    def by_the_end(at_s: float) -> tuple[float, float]:
        return 50.0 + 1.3 * (at_s - 5.0), min(3.0, -2.0 + at_s)

    for way in (turns, strolls, by_the_end):
        assert across({"a": person(way)}, 20.0) == []


def test_who_comes_to_the_other_kerb_and_goes_back_crosses_twice() -> None:
    def way(at_s: float) -> tuple[float, float]:
        return 30.0, 6.8 - abs(1.2 * (at_s - 8.0))

    there, back = across({"a": person(way)}, 40.0)
    assert (there.to_left, back.to_left) == (True, False)


def test_a_pushed_bicycle_walks_and_a_ridden_one_does_not() -> None:
    (pushed,) = across({"a": (Kind.BICYCLE, walk(speed_m_s=1.2))})
    assert pushed.speed_m_s == pytest.approx(1.2)
    assert across({"a": (Kind.BICYCLE, walk(speed_m_s=3.5))}) == []
    assert across({"a": car(walk(speed_m_s=1.2))}) == []


def test_who_is_slow_across_and_fast_along_the_road_does_not_walk() -> None:
    def slants(along_m_s: float) -> Way:
        return lambda at_s: (5.0 + along_m_s * at_s, -2.0 + 1.3 * at_s)

    (one,) = across({"a": person(slants(3.0))}, 8.0)  # runs slantwise
    assert one.speed_m_s == pytest.approx(math.hypot(3.0, 1.3))
    assert across({"a": person(slants(5.7))}, 8.0) == []  # drives, and was taken for a person


def test_who_stands_on_the_road_has_no_walking_speed() -> None:
    def way(at_s: float) -> tuple[float, float]:
        return 30.0, 1.4 * (min(at_s, 5.0) + max(0.0, at_s - 8.0)) - 3.5

    (one,) = across({"a": person(way)}, 30.0)
    assert one.speed_m_s is None
    assert one.took_s == pytest.approx(8.0)


def test_waiting_in_the_gutter_is_waiting() -> None:
    def way(at_s: float) -> tuple[float, float]:
        y = min(0.3, -6.0 + 1.4 * at_s)
        return 30.0, y + 1.4 * max(0.0, at_s - 12.0)

    (one,) = across({"a": person(way), "1": car(drive(9.0))}, 40.0)
    assert one.wait_s == pytest.approx(12.0 - 4.5, abs=0.15)
    assert one.stepped_out_s == pytest.approx(12.0, abs=0.15)
    assert one.rejected == 1


def test_a_chat_further_along_the_kerb_is_no_wait() -> None:
    def way(at_s: float) -> tuple[float, float]:
        if at_s < 10.0:
            return 20.0, -0.5
        x = min(30.0, 20.0 + 1.4 * (at_s - 10.0))
        return x, -0.5 + 1.4 * max(0.0, at_s - 18.0)

    (one,) = across({"a": person(way), "1": car(drive(5.0, at_m=20.0))}, 40.0)
    assert one.along_m == pytest.approx(30.0)
    assert one.wait_s == pytest.approx(18.0 - 10.0 - 10 / 1.4, abs=0.15)
    assert one.rejected == 0


@settings(max_examples=40)
@given(
    at_m=st.floats(3.0, 57.0),
    speed_m_s=st.floats(0.6, 2.4),
    waits_s=st.floats(0.0, 12.0),
    fps=st.sampled_from([5.0, 10.0, 25.0]),
    back=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_whoever_crosses_counts_once_however_fast_and_however_their_place_trembles(
    at_m: float, speed_m_s: float, waits_s: float, fps: float, back: bool, seed: int
) -> None:
    dice = np.random.default_rng(seed)
    way = walk(at_m, waits_s=waits_s, speed_m_s=speed_m_s, back=back)

    def trembles(at_s: float) -> tuple[float, float] | None:
        here = way(at_s)
        return None if here is None else (here[0] + off(at_s)[0], here[1] + off(at_s)[1])

    shift = dice.uniform(-0.1, 0.1, (4000, 2))

    def off(at_s: float) -> tuple[float, float]:
        x, y = shift[round(at_s * fps) % 4000]
        return float(x), float(y)

    one = meter()
    told = []
    for each in scenes({"a": person(trembles)}, 6.0 + waits_s + 13.0 / speed_m_s, fps):
        # A stage does not take trembling for speed: what it tells is the steady one.
        moved = [
            dataclasses.replace(who, speed_m_s=_steady(way, each.media_s)) for who in each.movers
        ]
        told += one.measure(dataclasses.replace(each, movers=tuple(moved)))
    told += one.leave()
    assert len(told) == 1
    assert abs(told[0].place.x_m - at_m) <= 0.3
    assert told[0].speed_m_s == pytest.approx(speed_m_s, abs=0.05 + 0.03 * speed_m_s)
    assert told[0].to_left != back


def _steady(way: Way, at_s: float) -> float:
    here, before = way(at_s), way(at_s - 0.02)
    return 0.0 if here is None or before is None else math.dist(here, before) / 0.02


# What tracks and cameras do


@pytest.mark.parametrize("lost_s", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("breaks_s", [4.0, 11.0, 12.3, 13.0, 14.0, 15.0, 16.0, 17.2, 18.0])
def test_a_track_that_breaks_anywhere_is_one_passage(breaks_s: float, lost_s: float) -> None:
    def first(at_s: float) -> tuple[float, float] | None:
        return walk()(at_s) if at_s < breaks_s else None

    def then(at_s: float) -> tuple[float, float] | None:
        return walk()(at_s) if at_s >= breaks_s + lost_s else None

    told = across({"a": person(first), "b": person(then)})
    assert len(told) == 1
    assert told[0].wait_s == pytest.approx(7.0, abs=0.2 + lost_s)


def test_two_who_change_tracks_where_they_meet_are_two_passages() -> None:
    """Each track turns back where the two meet, near the northern kerb."""
    one, other = walk(30.0, waits_s=0.0), walk(30.3, waits_s=0.0, comes_s=9.6, back=True)

    def swapped(mine: Way, theirs: Way) -> Way:
        return lambda at_s: mine(at_s) if at_s < 10.1 else theirs(at_s)

    told = across({"a": person(swapped(one, other)), "b": person(swapped(other, one))})
    assert sorted(each.to_left for each in told) == [False, True]


def test_a_box_that_leaps_over_the_road_and_back_crosses_nothing() -> None:
    def way(at_s: float) -> tuple[float, float]:
        return 30.0, 8.5 if 5.0 <= at_s < 5.6 else -1.0

    assert across({"a": person(way)}, 20.0) == []


def test_who_was_seen_over_most_of_the_road_counts_and_half_of_it_does_not() -> None:
    def late(from_m: float) -> Way:
        def way(at_s: float) -> tuple[float, float] | None:
            here = walk(waits_s=0.0)(at_s)
            return here if here is not None and here[1] > from_m else None

        return way

    (one,) = across({"a": person(late(2.0))})
    assert one.wait_s is None  # it was not seen to come
    assert across({"a": person(late(3.5))}) == []


def test_steps_before_a_track_was_certain_are_taken() -> None:
    from placewatch.measure.scene import Step

    one, told = meter(), []
    way = walk(waits_s=0.0)
    for each in scenes({"a": person(way)}, 30.0):
        if each.media_s < 6.5:
            told += one.measure(dataclasses.replace(each, movers=()))
            continue
        movers = each.movers
        if each.media_s == 6.5:
            before = []
            for tenth in range(45, 65):
                here = way(tenth / 10)
                assert here is not None
                at = UtcMicros(NOON + tenth * 100_000)
                before.append(Step(at, tenth / 10, tenth, 0.0, 0.0, 20.0, Point(*here)))
            movers = (dataclasses.replace(movers[0], before=tuple(before)),)
        told += one.measure(dataclasses.replace(each, movers=movers))
    (passage,) = told + one.leave()
    assert passage.wait_s is not None
    assert passage.stepped_out_s == pytest.approx(5.0 + 0.5 / 1.4, abs=1e-6)


def test_nothing_is_measured_across_a_gap() -> None:
    for gap_s, count in ((14.0, 0), (18.0, 1)):
        one, told = meter(), []
        for each in scenes({"a": person(walk())}, 40.0):
            if not gap_s <= each.media_s < gap_s + 3.0:
                told += one.measure(each)
        told += one.leave()
        # On the road when the picture was lost: not seen across. Across before: it was.
        assert len(told) == count
        assert all(not passage.open_gap for passage in told)
        (minute, _) = [row for row in one.close(UtcMicros(NOON + 41_000_000)) if row.at == NOON]
        assert minute.coverage_s == pytest.approx(40.0 - 3.1)


def test_a_scene_that_says_so_ends_all_paths_too() -> None:
    one, told = meter(), []
    for each in scenes({"a": person(walk())}, 40.0):
        told += one.measure(dataclasses.replace(each, after_gap=each.media_s == 15.0))
    assert told + one.leave() == []


@pytest.mark.parametrize("step_s", [-30.0, 3600.0])
def test_a_clock_that_is_set_changes_no_duration_and_makes_no_time(step_s: float) -> None:
    one, told = meter(), []
    for each in scenes({"a": person(walk()), "1": car(drive(22.0))}, 40.0):
        shift_us = round(step_s * 1e6) if each.media_s >= 10.0 else 0
        told += one.measure(dataclasses.replace(each, at=UtcMicros(each.at + shift_us)))
    (passage,) = told + one.leave()
    assert passage.wait_s == pytest.approx(7.0, abs=0.11)
    assert passage.accepted_s == pytest.approx(22.0 - 12.0 - 0.5 / 1.4)
    rows = one.close(UtcMicros(NOON + 7200 * 1_000_000))
    seen_s = sum(row.coverage_s for row in rows if row.crossing is None)
    assert seen_s == pytest.approx(39.9)
    assert sum(row.count or 0 for row in rows) == 1


# What leaves


def rows_at(
    rows: Sequence[CrossingBehaviour], at: UtcMicros
) -> dict[str | None, CrossingBehaviour]:
    return {row.crossing: row for row in rows if row.at == at}


def test_a_window_sums_what_people_did_by_crossing() -> None:
    users = {
        "a": person(walk()),
        "b": person(walk(31.0, comes_s=25.0, waits_s=2.0, speed_m_s=1.0)),
        "c": person(walk(10.0, waits_s=0.0, speed_m_s=1.5, back=True)),
        "1": car(drive(8.0)),
        "2": car(drive(11.0)),
        "3": car(drive(22.0)),
    }
    one = meter()
    for each in scenes(users, 130.0):
        one.measure(each)
    first = rows_at(one.close_windows(UtcMicros(NOON + 140_000_000)), NOON)
    zebra, off = first["zebra"], first[None]
    assert (zebra.count, off.count) == (2, 1)
    assert (zebra.to_left, off.to_left) == (2, 0)
    assert (zebra.window_s, zebra.coverage_s, zebra.why) == (60.0, 60.0, "")
    assert zebra.wait_count == 2
    assert zebra.wait_s_mean == pytest.approx(4.5, abs=0.11)
    assert zebra.speed_m_s_mean == pytest.approx(1.2)
    assert zebra.rejected_count == 2
    assert (zebra.accepted_count, zebra.open_count, zebra.given_count) == (1, 1, 0)
    assert (zebra.due_count, zebra.yielded_count, zebra.yielding_rate) == (2, 0, 0.0)
    assert off.yielding_rate is None
    for bins, edges, values in (
        (zebra.wait_s_bins, WAIT_S_EDGES, (7.0, 2.05)),
        (zebra.speed_m_s_bins, SPEED_M_S_EDGES, (1.4, 1.0001)),
        (zebra.accepted_s_bins, GAP_S_EDGES, (9.64,)),
        (zebra.rejected_s_bins, GAP_S_EDGES, (3.05, 3.0)),
    ):
        expected = [0] * (len(edges) + 1)
        for value in values:
            expected[sum(edge <= value for edge in edges)] += 1
        assert bins is not None
        assert sum(bins) == len(values)
        assert len(bins) == len(expected)
    assert off.away_m_bins == (0, 0, 1, 0, 0, 0, 0)  # 18 m
    assert (off.length_m, zebra.per_100_m_h) == (60.0, None)
    assert off.per_100_m_h == pytest.approx(1 / 0.6 * 60)


def test_a_quiet_window_is_zero_and_an_unseen_one_unknown() -> None:
    one = meter()
    for each in scenes({}, 60.0):
        one.measure(each)
    rows = one.close_windows(UtcMicros(NOON + 3 * MINUTE_US))
    quiet, unseen = rows_at(rows, NOON)[None], rows_at(rows, UtcMicros(NOON + MINUTE_US))[None]
    assert (quiet.count, quiet.wait_s_sum, quiet.why) == (0, 0.0, "")
    assert quiet.per_100_m_h == 0.0
    assert (unseen.count, unseen.wait_s_sum, unseen.speed_m_s_bins) == (None, None, None)
    assert unseen.why.endswith(".")
    assert unseen.per_100_m_h is None
    assert {row.at for row in rows} == {NOON, NOON + MINUTE_US}  # the third is open in its grace


def test_a_passage_that_settles_after_its_window_ended_is_in_it() -> None:
    one, rows = meter(), []
    for each in scenes({"a": person(walk(comes_s=45.0))}, 90.0):
        one.measure(each)
        rows += one.close_windows(each.at)
    assert rows_at(rows, NOON)["zebra"].count == 1  # left at 57 s, settled at 67 s
    assert one.close_windows(UtcMicros(NOON + 90_000_000)) == []


def test_windows_of_a_quarter_fill_the_day_and_others_are_refused() -> None:
    one = meter(window_s=900.0)
    for each in scenes({"a": person(walk())}, 40.0):
        one.measure(each)
    one.leave()
    rows = one.close(UtcMicros(NOON + 41_000_000))
    assert [(row.at, row.window_s, row.crossing, row.count) for row in rows] == [
        (NOON, 900.0, "zebra", 1),
        (NOON, 900.0, None, 0),
    ]
    for window_s in (0.0, -60.0, 7.0e4):
        with pytest.raises(Misconfigured):
            meter(window_s=window_s)


def test_without_ground_there_is_a_sentence_and_no_number() -> None:
    one = CarriagewayMeter(CAMERA, ROAD, NOON, window_s=60.0, ground_known=False)
    for each in scenes({"a": person(walk())}, 70.0):
        movers = [dataclasses.replace(who, point=None, speed_m_s=None) for who in each.movers]
        assert one.measure(dataclasses.replace(each, movers=tuple(movers))) == []
    rows = one.close_windows(UtcMicros(NOON + 80_000_000))
    assert {row.why for row in rows} == {NO_GROUND}
    numbers = {name for row in rows for name in row.__slots__ if getattr(row, name) is not None} - {
        "at",
        "window_s",
        "coverage_s",
        "camera",
        "carriageway",
        "length_m",
        "crossing",
        "why",
    }
    assert numbers == set()
    assert all(row.coverage_s == 0.0 and row.per_100_m_h is None for row in rows)


def test_a_place_above_the_horizon_is_no_place() -> None:
    one = meter()
    for each in scenes({"a": person(walk())}, 30.0):
        movers = [dataclasses.replace(who, point=None, speed_m_s=None) for who in each.movers]
        assert one.measure(dataclasses.replace(each, movers=tuple(movers))) == []
    assert one.leave() == []


def test_what_leaves_is_made_of_plain_values_and_names_no_track() -> None:
    one = meter()
    for each in scenes({"a": person(walk())}, 40.0):
        one.measure(each)
    one.leave()
    for row in one.close(UtcMicros(NOON + 41_000_000)):
        for value in dataclasses.astuple(row):
            plain = value if isinstance(value, tuple) else (value,)
            assert all(type(each) in (int, float, str, type(None)) for each in plain)
        assert not {"track", "place", "point", "user"} & set(row.__slots__)


def test_a_passage_of_one_person_is_neither_stored_nor_sent() -> None:
    (one,) = across({"a": person(walk())})
    with pytest.raises(TypeError, match="memory"):
        pickle.dumps(one)


def test_nothing_is_remembered_of_who_left_the_view_ten_seconds_ago() -> None:
    one = meter()
    users = {"a": person(walk()), "1": car(drive(12.0))}
    for each in scenes(users, 25.0 + SETTLE_S):
        one.measure(each)
    assert not one._present
    assert not one._ended
    assert not one._tries.any()
    assert not one._pairs.any()
    assert len(one._free) == len(one._users)
    assert not one._users.any()


# The carriageway


def test_metres_follow_a_bent_road() -> None:
    """A quarter of a ring, 30 m around its middle line, 6 m wide."""
    turns = np.linspace(0.0, math.pi / 2, 19)
    outer = [Point(33 * math.cos(turn), 33 * math.sin(turn)) for turn in turns]
    inner = [Point(27 * math.cos(turn), 27 * math.sin(turn)) for turn in turns]
    middle = tuple(Point(30 * math.cos(turn), 30 * math.sin(turn)) for turn in turns)
    road = Carriageway("bend", (*outer, *inner[::-1]), (), middle)
    assert road.length_m == pytest.approx(30 * math.pi / 2, rel=0.003)
    assert road.width_m == pytest.approx(6.0, rel=0.01)

    def outwards(at_s: float) -> tuple[float, float]:
        away = 24.0 + 1.3 * at_s
        return away * math.cos(0.7), away * math.sin(0.7)

    (one,) = across({"a": person(outwards)}, 30.0, road=road)
    assert one.along_m == pytest.approx(30 * 0.7, abs=0.1)
    assert one.speed_m_s == pytest.approx(1.3, abs=0.01)
    assert not one.to_left  # the road leads against the clock: outwards is to its right


def test_the_middle_of_a_road_is_found_and_leads_east() -> None:
    turned = [(x * 0.8 - y * 0.6, x * 0.6 + y * 0.8) for x, y in ((0, 0), (50, 0), (50, 8), (0, 8))]
    road = Carriageway("askew", tuple(Point(x, y) for x, y in turned))
    start, end = road.middle
    assert start.x_m < end.x_m
    assert (road.length_m, road.width_m) == pytest.approx((50.0, 8.0))
    north = Carriageway("north", box(0, 8, 0, 50))
    assert north.middle[0].y_m < north.middle[1].y_m


@pytest.mark.parametrize(
    ("corners", "crossings", "middle"),
    [
        (box(0, 0, 0, 7), (), ()),
        ((Point(0, 0), Point(9, 9), Point(9, 0), Point(0, 9)), (), ()),
        (box(0, 60, 0, math.nan), (), ()),
        (box(0, 60, 0, 7), (MarkedCrossing("z", box(80, 84, 0, 7)),), ()),
        (box(0, 60, 0, 7), (MarkedCrossing("z", box(0, 4, 0, 7)),) * 2, ()),
        (box(0, 60, 0, 7), (), (Point(0, 20), Point(60, 20))),  # beside the road
        (box(0, 60, 0, 7), (), (Point(0, 3), Point(0, 3))),
        (box(0, 60, 0, 7), (), (Point(0, 3),)),
    ],
)
def test_a_carriageway_that_is_none_is_refused(
    corners: tuple[Point, ...], crossings: tuple[MarkedCrossing, ...], middle: tuple[Point, ...]
) -> None:
    with pytest.raises(Misconfigured):
        Carriageway("road", corners, crossings, middle)


# SUMO's streets, by SUMO's own truth


@pytest.mark.parametrize(("street", "least"), [("zebra", 25), ("school", 15), ("open", 15)])
def test_perfect_tracks_are_measured_as_sumo_had_them(street: str, least: int) -> None:
    pytest.importorskip("sumo", reason="SUMO is not installed: placewatch[simulate]")
    from placewatch.bench import walkers

    roads = walkers.roads_of(street)
    truth, plan = walkers._Truth(roads), walkers._Plan(roads)
    run = walkers.CountedRun(walkers.street_of(street), 240.0, 5)
    with run:
        for piece in run:
            truth.follow(piece, run.everybody)
            plan.follow(piece, run.everybody)
        counted = run.walked()
    total = 0
    for road in roads:
        true = truth.passages(road, run.until_s)
        found = plan.passages(road.name, run.until_s)
        assert len(found) == len(true) == sum(counted[name] for name, _, _ in road.crossings)
        for one, other in walkers.paired(true, found):
            assert one is not None
            assert other is not None
            assert one.crossing == other.crossing
            assert abs(one.x_m - other.x_m) <= 1.0
            if one.speed_m_s is not None and other.speed_m_s is not None:
                assert abs(one.speed_m_s - other.speed_m_s) <= 0.05
        total += len(true)
    assert total >= least
