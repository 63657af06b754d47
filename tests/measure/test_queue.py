"""Queues: of cars whose every metre is known, how many wait, how far back, how long, and when."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placewatch.core.errors import Misconfigured
from placewatch.core.ids import CameraId, TrackId
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Box
from placewatch.core.space import PicturePoint, Point
from placewatch.core.time import UtcMicros
from placewatch.measure.ground import Ground
from placewatch.measure.queue import (
    HCM_SIGNAL,
    HCM_STOP,
    USUAL_SIZES_M,
    Approach,
    QueueCycle,
    QueueMeter,
    Signal,
    delay_of,
)
from placewatch.measure.scene import Mover, Scene

NOON = UtcMicros(1_767_268_800_000_000)  # 2026-01-01 12:00 UTC
CAMERA = CameraId("t")
LONG_M = USUAL_SIZES_M[Kind.CAR][0]
FAST_M_S = 14.0
WEST = Approach("West", (Point(0, 0), Point(-100, 0)), free_m_s=FAST_M_S)


@dataclass
class Car:
    """Comes from 120 m at `comes_s`, stops with its front `stops_m` before the line, and departs
    at `goes_s`; drives on without a stop where there is none."""

    name: str
    comes_s: float
    stops_m: float | None = None
    goes_s: float = 0.0
    kind: Kind = Kind.CAR
    aside_m: float = 0.0

    def at(self, s: float) -> tuple[float, float] | None:
        """(metres along the axis, of its middle; m/s), or None where it is not there."""
        half_m = USUAL_SIZES_M[self.kind][0] / 2
        if s < self.comes_s:
            return None
        if self.stops_m is None:
            x, v = -120.0 + FAST_M_S * (s - self.comes_s), FAST_M_S
        else:
            stop_x = -self.stops_m - half_m
            brakes_m = FAST_M_S**2 / 4.0  # at 2 m/s2
            cruise_s = (120.0 + stop_x - brakes_m) / FAST_M_S
            after_s = s - self.comes_s
            if after_s < cruise_s:
                x, v = -120.0 + FAST_M_S * after_s, FAST_M_S
            elif after_s < cruise_s + FAST_M_S / 2.0:
                left_s = cruise_s + FAST_M_S / 2.0 - after_s
                x, v = stop_x - left_s**2, 2.0 * left_s
            else:
                x, v = stop_x, 0.0
            if s >= self.goes_s:
                gone_s = s - self.goes_s
                x, v = stop_x + gone_s**2, 2.0 * gone_s
        return None if x > 30.0 else (x, v)

    def passes_s(self) -> float:
        if self.stops_m is None:
            return self.comes_s + 120.0 / FAST_M_S
        return self.goes_s + math.sqrt(self.stops_m + USUAL_SIZES_M[self.kind][0] / 2)

    def travels_s(self) -> float:
        """From 100 m to the stop line, by its middle."""
        return self.passes_s() - self.comes_s - 20.0 / FAST_M_S


Change = Callable[[float, Car], tuple[str, float] | None]  # its name on a track, metres added


def scenes(
    cars: Sequence[Car],
    until_s: float,
    fps: float = 10.0,
    change: Change | None = None,
    clock: Callable[[float], float] = lambda media_s: media_s,
    y_m: float = 0.0,
) -> list[Scene]:
    told = []
    for frame in range(round(until_s * fps) + 1):
        media_s = frame / fps
        movers = []
        for car in cars:
            name, off_m = car.name, 0.0
            place = car.at(media_s)
            if place is None:
                continue
            if change is not None:
                changed = change(media_s, car)
                if changed is None:
                    continue
                name, off_m = changed
            x, v = place[0] + off_m, place[1]
            y = y_m + car.aside_m
            half = USUAL_SIZES_M[car.kind][0] * 10 / 2
            box = Box(x * 10 - half, -y * 10 - 10, x * 10 + half, -y * 10 + 10)
            movers.append(
                Mover(
                    TrackId(name), car.kind, box, PicturePoint(x * 10, -y * 10), Point(x, y), v,
                    None, True,
                )
            )  # fmt: skip
        at = UtcMicros(NOON + round(clock(media_s) * 1e6))
        told.append(Scene(at, media_s, frame, CAMERA, tuple(movers), False))
    return told


def run(meter: QueueMeter, told: Sequence[Scene]) -> list[QueueCycle]:
    cycles = []
    for scene in told:
        cycles += meter.measure(scene)
    return cycles + meter.leave()


def platoon(
    first: str, comes_s: float, goes_s: float, count: int, apart_m: float = 7.0
) -> list[Car]:
    return [
        Car(f"{first}{n}", comes_s + 3 * n, 1.0 + apart_m * n, goes_s + 2 * n) for n in range(count)
    ]


def seconds(at: UtcMicros | None) -> float:
    assert at is not None
    return (at - NOON) / 1e6


def test_a_queue_of_known_cars_grows_and_dissolves() -> None:
    cars = [*platoon("a", 5, 60, 3), *platoon("b", 90, 150, 5), *platoon("c", 180, 230, 2)]
    cycles = run(QueueMeter(CAMERA, [WEST]), scenes(cars, 260.0))
    assert [cycle.vehicles_max for cycle in cycles] == [3, 5, 2]
    assert [cycle.departures for cycle in cycles] == [3, 5, 2]
    assert [cycle.stops for cycle in cycles] == [3, 5, 2]
    assert [cycle.whole for cycle in cycles] == [False, True, False]
    middle = cycles[1]
    assert seconds(middle.at) == pytest.approx(cars[2].passes_s(), abs=0.05)
    assert seconds(middle.green) == pytest.approx(cars[3].passes_s(), abs=0.05)
    assert seconds(middle.end) == pytest.approx(cars[7].passes_s(), abs=0.05)
    assert middle.coverage_s == pytest.approx(seconds(middle.end) - seconds(middle.at), abs=0.11)
    # The last one rolls its last half metre slower than 5 km/h.
    assert middle.back_m_max == pytest.approx(1.0 + 4 * 7.0 + LONG_M, abs=0.6)
    # And the first is half a second on its way before it is taken for gone.
    assert 4 * 7.0 + LONG_M <= middle.length_m_max <= 4 * 7.0 + LONG_M + 1.5
    assert not middle.at_least


def test_delay_is_time_beyond_free_time_and_has_a_letter() -> None:
    cars = [*platoon("a", 5, 40, 3), Car("b", 60), *platoon("c", 90, 150, 5)]
    cycles = run(QueueMeter(CAMERA, [WEST]), scenes(cars, 180.0))
    free_s = 100.0 / FAST_M_S
    first = [car.travels_s() - free_s for car in cars[:4]]
    assert cycles[0].free_s == pytest.approx(free_s)
    assert cycles[0].delay_count == 4  # who came by without a stop is of the same cycle
    assert cycles[0].delay_s_mean == pytest.approx(sum(first) / 4, abs=0.02)
    found = delay_of(cycles)
    all_s = [car.travels_s() - free_s for car in cars]
    assert (found.count, found.level) == (9, HCM_SIGNAL.level(sum(all_s) / 9))
    assert found.delay_s == pytest.approx(sum(all_s) / 9, abs=0.02)


def test_free_time_is_measured_of_who_is_undisturbed_once_they_are_ten() -> None:
    approach = Approach("West", (Point(0, 0), Point(-100, 0)))
    meter = QueueMeter(CAMERA, [approach])
    cars = [Car(f"f{n}", 6.0 * n) for n in range(9)]
    for scene in scenes(cars, 59.0):
        meter.measure(scene)
    assert meter.free_s(0) is None
    more = [Car("f10", 0.0)]
    for scene in scenes(more, 20.0):
        at = UtcMicros(scene.at + 59_100_000)
        meter.measure(Scene(at, scene.media_s + 59.1, scene.frame, CAMERA, scene.movers, False))
    assert meter.free_s(0) == pytest.approx(100.0 / FAST_M_S, abs=1e-6)
    # Who follows close, and who stops, is disturbed.
    close = [*platoon("a", 5, 60, 3), *[Car(f"c{n}", 80.0 + 2.0 * n) for n in range(30)]]
    meter = QueueMeter(CAMERA, [approach])
    cycles = run(meter, scenes(close, 160.0))
    assert meter.free_s(0) is None
    assert {cycle.delay_s_mean for cycle in cycles} == {None}
    assert sum(cycle.delay_count for cycle in cycles) == 33
    assert cycles[0].travel_s_mean is not None
    # What is known in the end holds for what came before.
    late = replace(cycles[-1], delay_s_mean=0.0, delay_count=0, free_s=100.0 / FAST_M_S)
    all_s = [car.travels_s() - 100.0 / FAST_M_S for car in close]
    assert delay_of([*cycles, late]).delay_s == pytest.approx(sum(all_s) / 33, abs=0.02)


def test_a_gap_in_the_middle_ends_the_queue_until_somebody_fills_it() -> None:
    near = platoon("a", 5, 90, 3)
    far = [Car(f"b{n}", 20 + 3 * n, 38.0 + 7 * n, 94 + 2 * n) for n in range(2)]
    cycles = run(QueueMeter(CAMERA, [WEST]), scenes([*near, *far], 130.0))
    assert cycles[0].vehicles_max == 3  # 17.5 m free: two queues of 3 and 2
    filled = Car("c", 40, 1.0 + 7 * 3 + 2, 93)
    meter = QueueMeter(CAMERA, [WEST])
    (cycle,) = run(meter, scenes([*near, *far, filled], 130.0))
    assert cycle.vehicles_max == 6
    assert cycle.back_m_max == pytest.approx(45.0 + LONG_M, abs=0.6)


def test_what_is_queued_now_is_told() -> None:
    meter = QueueMeter(CAMERA, [WEST])
    for scene in scenes(platoon("a", 5, 60, 3), 50.0):
        meter.measure(scene)
    (now,) = meter.waiting()
    assert (now.approach, now.lane, now.vehicles) == ("West", 0, 3)
    assert now.back_m == pytest.approx(15.0 + LONG_M)
    assert now.length_m == pytest.approx(14.0 + LONG_M)


@settings(max_examples=8, deadline=None)
@given(
    counts=st.lists(st.integers(1, 8), min_size=2, max_size=3),
    apart_m=st.floats(5.5, LONG_M + 9.5),
    fps=st.sampled_from([6.0, 10.0, 15.0]),
)
def test_any_queue_is_counted_at_any_frame_rate(
    counts: list[int], apart_m: float, fps: float
) -> None:
    cars: list[Car] = []
    for number, count in enumerate(counts):
        cars += platoon(f"p{number}-", 5 + 90 * number, 55 + 90 * number, count, apart_m)
    approach = Approach("West", (Point(0, 0), Point(-119, 0)), free_m_s=FAST_M_S)
    cycles = run(QueueMeter(CAMERA, [approach]), scenes(cars, 90.0 * len(counts), fps))
    assert [cycle.vehicles_max for cycle in cycles] == counts
    assert [cycle.departures for cycle in cycles] == counts


def test_a_track_that_breaks_in_the_queue_is_still_one_vehicle() -> None:
    cars = platoon("a", 5, 60, 4)

    def broken(at_s: float, car: Car) -> tuple[str, float] | None:
        if car.name == "a1":
            if 30 <= at_s < 37:
                return None
            return ("a1" if at_s < 30 else "again"), 0.0
        if car.name == "a2":  # and here the new track is there before the old one ends
            return ("a2", 0.0)
        return car.name, 0.0

    told = scenes(cars, 90.0, change=broken)
    two = [
        replace(one, movers=(*one.movers, *(twin(m) for m in one.movers if m.track == "a2")))
        if 35 < one.media_s < 37
        else one
        for one in told
    ]
    meter = QueueMeter(CAMERA, [WEST])
    cycles = []
    for scene in two:
        cycles += meter.measure(scene)
        if 27 <= scene.media_s <= 59:
            assert meter.waiting()[0].vehicles == 4, scene.media_s
    cycles += meter.leave()
    assert [(cycle.vehicles_max, cycle.departures, cycle.stops) for cycle in cycles] == [(4, 4, 4)]
    assert cycles[0].delay_count == 4


def twin(one: Mover) -> Mover:
    """The same one again, half a metre aside, as a tracker has it that lost and found it."""
    assert one.point is not None
    return Mover(
        TrackId("twin"), one.kind, one.box, one.anchor,
        Point(one.point.x_m + 0.5, one.point.y_m), one.speed_m_s, None, False,
    )  # fmt: skip


def test_who_is_gone_for_longer_than_ten_seconds_is_not_claimed() -> None:
    cars = platoon("a", 5, 60, 3)
    meter = QueueMeter(CAMERA, [WEST])
    for scene in scenes(
        cars,
        59.0,
        change=lambda at_s, car: None if car.name == "a1" and at_s > 30 else (car.name, 0.0),
    ):
        meter.measure(scene)
        if scene.media_s == 39.0:
            assert meter.waiting()[0].vehicles == 3
    assert meter.waiting()[0].vehicles == 2  # the gap that it leaves is 9.5 m


@pytest.mark.parametrize("by_s", [-2.0, 30.0, -3600.0])
def test_a_clock_that_is_set_does_not_end_a_queue(by_s: float) -> None:
    cars = [*platoon("a", 5, 60, 3), *platoon("b", 90, 150, 5), *platoon("c", 180, 230, 1)]

    def clock(at_s: float) -> float:
        return at_s + (by_s if at_s >= 110 else 0.0)

    _, cycle, _ = run(QueueMeter(CAMERA, [WEST]), scenes(cars, 260.0, clock=clock))
    assert (cycle.vehicles_max, cycle.departures, cycle.whole) == (5, 5, True)
    assert seconds(cycle.green) - seconds(cycle.at) == pytest.approx(
        cars[3].passes_s() - cars[2].passes_s(), abs=0.1
    )
    assert seconds(cycle.end) == pytest.approx(cars[7].passes_s() + by_s, abs=0.1)


def test_a_gap_ends_what_is_known() -> None:
    cars = [*platoon("a", 5, 60, 3), *platoon("b", 90, 150, 5), *platoon("c", 180, 230, 1)]
    told = [scene for scene in scenes(cars, 260.0) if not 120 < scene.media_s < 125]
    cycles = run(QueueMeter(CAMERA, [WEST]), told)
    assert [cycle.whole for cycle in cycles] == [False, False, False, False]
    assert [cycle.vehicles_max for cycle in cycles] == [3, 5, 5, 1]
    assert [cycle.green is None for cycle in cycles] == [False, True, False, False]
    assert cycles[2].delay_count == 0  # of none is it known when it came
    assert sum(cycle.coverage_s for cycle in cycles) == pytest.approx(255.0, abs=0.01)


def test_where_nobody_waits_there_are_figures_all_the_same() -> None:
    cars = [Car(f"f{n}", 20.0 * n) for n in range(40)]
    cycles = run(QueueMeter(CAMERA, [WEST]), scenes(cars, 800.0))
    assert [seconds(cycle.at) for cycle in cycles] == pytest.approx([0, 300, 600])
    assert [(c.green, c.vehicles_max, c.stops, c.back_m_max) for c in cycles] == [
        (None, 0, 0, 0.0)
    ] * 3
    assert sum(cycle.departures for cycle in cycles) == 40
    assert delay_of(cycles).level == "A"


def test_cycles_whose_times_are_given_are_taken() -> None:
    signal = Signal(UtcMicros(NOON - 500_000_000), 60.0)  # and so at 40 s, 100 s, 160 s
    approach = Approach("West", WEST.middle, signal=signal)
    cars = [*platoon("a", 5, 60, 3), *platoon("b", 120, 150, 2)]
    cycles = run(QueueMeter(CAMERA, [approach]), scenes(cars, 230.0))
    assert [seconds(cycle.at) for cycle in cycles] == pytest.approx(
        [0, 40, 100, 160, 220], abs=0.11
    )
    assert [cycle.vehicles_max for cycle in cycles] == [3, 3, 2, 0, 0]
    assert [cycle.departures for cycle in cycles] == [0, 3, 2, 0, 0]
    assert [cycle.whole for cycle in cycles] == [False, True, True, True, False]
    assert seconds(cycles[2].green) == pytest.approx(cars[3].passes_s(), abs=0.05)


def test_lanes_are_queues_of_their_own() -> None:
    approach = Approach("West", (Point(0, 0), Point(-100, 0)), 6.4, lanes=2, free_m_s=FAST_M_S)
    right = [Car(f"r{n}", 5 + 3 * n, 1 + 7 * n, 60 + 2 * n, aside_m=-1.6) for n in range(4)]
    left = [Car(f"l{n}", 5 + 3 * n, 1 + 7 * n, 75 + 2 * n, aside_m=1.5) for n in range(2)]
    cycles = run(QueueMeter(CAMERA, [approach]), scenes([*right, *left], 120.0))
    assert {cycle.lane: cycle.vehicles_max for cycle in cycles} == {0: 4, 1: 2}
    beside = run(QueueMeter(CAMERA, [approach]), scenes(right, 120.0, y_m=-5.0))
    assert {cycle.vehicles_max for cycle in beside} == {0}


def test_an_approach_may_bend() -> None:
    bent = Approach("West", (Point(0, 0), Point(-30, 0), Point(-30, -70)), free_m_s=FAST_M_S)
    cars = platoon("a", 5, 60, 6)

    def around(scene: Scene) -> Scene:
        movers = []
        for one in scene.movers:
            assert one.point is not None
            x = one.point.x_m
            point = one.point if x > -30 else Point(-30, x + 30)
            movers.append(
                Mover(one.track, one.kind, one.box, one.anchor, point, one.speed_m_s, None, True)
            )
        return Scene(scene.at, scene.media_s, scene.frame, CAMERA, tuple(movers), False)

    (cycle,) = run(QueueMeter(CAMERA, [bent]), [around(one) for one in scenes(cars, 110.0)])
    assert (cycle.vehicles_max, cycle.departures, cycle.delay_count) == (6, 6, 6)
    assert cycle.back_m_max == pytest.approx(36 + LONG_M, abs=0.6)


def test_a_queue_up_to_the_end_of_the_view_is_at_least_so_long() -> None:
    short = Approach("West", (Point(0, 0), Point(-40, 0)), free_m_s=FAST_M_S)
    (cycle,) = run(QueueMeter(CAMERA, [short]), scenes(platoon("a", 5, 90, 9), 140.0))
    assert cycle.at_least
    assert cycle.vehicles_max < 9
    assert cycle.departures == 9


def test_people_and_who_goes_away_do_not_queue() -> None:
    walker = Car("w", 5, 3.0, 200.0, kind=Kind.PEDESTRIAN)
    meter = QueueMeter(CAMERA, [WEST])
    for scene in scenes([walker], 60.0):
        meter.measure(scene)
    assert meter.waiting()[0].vehicles == 0

    def away(at_s: float) -> Scene:
        x = -10.0 - min(40.0, 2.0 * at_s)
        box = Box(0, 0, 45, 20)
        speed = 2.0 if at_s < 20 else 0.0
        car = Mover(TrackId("a"), Kind.CAR, box, PicturePoint(0, 0), Point(x, 0), speed, None, True)
        return Scene(UtcMicros(NOON + round(at_s * 1e6)), at_s, 0, CAMERA, (car,), False)

    meter = QueueMeter(CAMERA, [WEST])
    for step in range(400):
        meter.measure(away(step / 10))
    assert meter.waiting()[0].vehicles == 0


def test_a_box_without_a_footprint_stands_for_a_whole_vehicle() -> None:
    """Seen from ahead, the foot of a motorcycle's box is its front; a car is where it is told."""
    pixels = [(0.0, 600.0), (1000.0, 600.0), (300.0, 100.0), (700.0, 100.0)]
    metres = [(5.0, 10.0), (5.0, -10.0), (-100.0, 12.0), (-100.0, -12.0)]  # the camera is east
    ground = Ground.fit(pixels, metres)

    def seen(meter: QueueMeter) -> float:
        for step in range(50):
            movers = []
            for name, kind, front in (("a", Kind.CAR, -1.0), ("b", Kind.MOTORCYCLE, -8.0)):
                at = ground.to_picture(Point(front, 0.0))
                assert at is not None
                box = Box(at.x_px - 20, at.y_px - 30, at.x_px + 20, at.y_px)
                movers.append(
                    Mover(TrackId(name), kind, box, at, Point(front, 0.0), 0.0, None, True)
                )
            at_us = UtcMicros(NOON + step * 100_000)
            meter.measure(Scene(at_us, step / 10, step, CAMERA, tuple(movers), False))
        assert meter.waiting()[0].vehicles == 2
        return meter.waiting()[0].back_m

    long_m = USUAL_SIZES_M[Kind.MOTORCYCLE][0]
    assert seen(QueueMeter(CAMERA, [WEST], ground)) == pytest.approx(8.0 + long_m, abs=0.1)
    assert seen(QueueMeter(CAMERA, [WEST])) == pytest.approx(8.0 + long_m / 2)


def test_time_in_which_frames_were_skipped_was_not_watched() -> None:
    meter = QueueMeter(CAMERA, [Approach("West", (Point(0, 0), Point(-100, 0)))])
    for second in range(11):
        at = UtcMicros(NOON + second * 1_000_000)
        starved = second > 4
        meter.measure(Scene(at, float(second), second, CAMERA, (), False, starved))
    assert [cycle.coverage_s for cycle in meter.leave()] == [4.0]


def test_a_box_that_trembles_stands() -> None:
    dice = np.random.default_rng(3)
    cars = platoon("a", 5, 60, 5)
    told = scenes(cars, 100.0, change=lambda _, car: (car.name, float(dice.normal(0.0, 0.5))))
    (cycle,) = run(QueueMeter(CAMERA, [WEST]), told)
    assert (cycle.vehicles_max, cycle.departures, cycle.stops) == (5, 5, 5)


def test_nothing_is_kept_of_who_is_gone() -> None:
    meter = QueueMeter(CAMERA, [WEST])
    cars = [Car(f"f{n}", 5.0 * n) for n in range(100)]
    for scene in scenes(cars, 530.0):
        meter.measure(scene)
    assert len(meter._roster) <= 16
    assert len(meter._roster.lost) == 0
    assert (meter._states[:, 0] == -1.0).all()  # nobody is in any approach


def test_letters_change_at_the_bounds_of_the_manual() -> None:
    delays = [0.0, 10.0, 10.1, 20.0, 35.0, 35.1, 55.0, 80.0, 80.1]
    assert "".join(HCM_SIGNAL.level(delay) for delay in delays) == "AABBCDDEF"
    assert [HCM_STOP.level(delay) for delay in (10.0, 15.0, 25.0, 35.0, 50.0, 50.1)] == list(
        "ABCDEF"
    )
    assert delay_of([]).level is None


@pytest.mark.parametrize(
    "refused",
    [
        lambda: Approach("a", (Point(0, 0),)),
        lambda: Approach("a", (Point(0, 0), Point(0, 0))),
        lambda: Approach("a", (Point(0, 0), Point(-9, 0)), width_m=0.0),
        lambda: Approach("a", (Point(0, 0), Point(-9, 0)), lanes=0),
        lambda: Approach("a", (Point(0, 0), Point(-9, 0)), free_m_s=0.0),
        lambda: Approach("a", (Point(0, 0), Point(-9, 0)), signal=Signal(NOON, 0.0)),
        lambda: Approach.of_corners("a", [Point(0, 0)] * 3),
    ],
)
def test_what_is_no_approach_is_refused(refused: Callable[[], Approach]) -> None:
    with pytest.raises(Misconfigured):
        refused()


def test_an_approach_of_four_corners_is_straight() -> None:
    corners = [Point(0, 3), Point(0, -3), Point(-50, -3), Point(-50, 3)]
    one = Approach.of_corners("a", corners, 2)
    assert (one.middle, one.width_m) == ((Point(0, 0), Point(-50, 0)), 6.0)
    assert one.length_m == pytest.approx(50.0)


def test_an_approach_whose_sides_cross_is_refused() -> None:
    a, b, c, d = Point(0, 3), Point(0, 0), Point(30, 0), Point(30, 3)
    assert Approach.of_corners("fine", (a, b, c, d)).length_m == pytest.approx(30.0)
    for crossed in ((b, a, c, d), (a, c, b, d)):
        with pytest.raises(Misconfigured, match="cross each other"):
            Approach.of_corners("bow", crossed)
