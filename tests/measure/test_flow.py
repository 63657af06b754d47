"""Minutes of a street: counted, quiet, and not seen are three different things."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placewatch.core.facts import Crossing, LineCount
from placewatch.core.ids import CameraId, TrackId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.sightings import Box
from placewatch.core.space import PicturePoint, Point
from placewatch.core.time import MINUTE_US, UtcMicros
from placewatch.measure.flow import GRACE_S, KIND_S, UNKNOWN_S, UNSEEN_AFTER_S, FlowMeter
from placewatch.measure.line import CountingLine
from placewatch.measure.scene import Mover, Scene

NOON = UtcMicros(1_767_268_800_000_000)  # 2026-01-01 12:00 UTC
CAMERA = CameraId("t")
LINE = CountingLine("East arm", PicturePoint(0, 200), PicturePoint(600, 200))
DOWN, UP = Direction.LEFT_TO_RIGHT, Direction.RIGHT_TO_LEFT


def scene(
    at_s: float, movers: Sequence[Mover] = (), after_gap: bool = False, noon: UtcMicros = NOON
) -> Scene:
    at = UtcMicros(noon + round(at_s * 1e6))
    return Scene(at, at_s, round(at_s * 10), CAMERA, tuple(movers), after_gap)


def car(name: str, y_px: float, metres_by_px: float | None = None, kind: Kind = Kind.CAR) -> Mover:
    box = Box(280, y_px - 40, 320, y_px)
    point = None if metres_by_px is None else Point(0.0, -y_px * metres_by_px)
    return Mover(TrackId(name), kind, box, box.bottom_centre, point, None, 90.0, True)


def drive_by(
    meter: FlowMeter,
    at_s: float,
    speed_px_s: float = 100.0,
    metres_by_px: float | None = None,
    kind: Kind = Kind.CAR,
) -> list[Crossing]:
    """A car that passes the line at `at_s`, seen ten times a second two seconds around it."""
    crossings = []
    for step in range(-20, 21):
        mover = car(f"car{at_s}", 200.01 + step / 10 * speed_px_s, metres_by_px, kind)
        crossings += meter.measure(scene(at_s + step / 10, [mover]))
    return crossings


def watch(meter: FlowMeter, from_s: float, to_s: float) -> None:
    for tenth in range(round(from_s * 10), round(to_s * 10) + 1):
        meter.measure(scene(tenth / 10))


def row(
    rows: list[LineCount], minute: int, kind: Kind = Kind.CAR, way: Direction = DOWN
) -> LineCount:
    (found,) = [
        fact
        for fact in rows
        if (fact.at, fact.kind, fact.direction) == (NOON + minute * MINUTE_US, kind, way)
    ]
    return found


def test_a_quiet_minute_is_zero_and_an_unseen_minute_is_unknown() -> None:
    meter = FlowMeter(CAMERA, [LINE], NOON)
    watch(meter, 0, 60)
    rows = meter.close_minutes(UtcMicros(NOON + 3 * MINUTE_US))
    assert (row(rows, 0).count, row(rows, 0).coverage_s) == (0, 60.0)
    assert (row(rows, 1).count, row(rows, 1).coverage_s) == (None, 0.0)
    assert {fact.at for fact in rows} == {NOON, NOON + MINUTE_US}  # the third is open in its grace


def test_every_line_kind_and_way_has_a_row_in_every_minute() -> None:
    lines = [LINE, CountingLine("West arm", PicturePoint(0, 300), PicturePoint(600, 300))]
    meter = FlowMeter(CAMERA, lines, NOON)
    watch(meter, 0, 61)
    rows = meter.close_minutes(UtcMicros(NOON + MINUTE_US + 5_000_000))
    cells = {(fact.line, fact.kind, fact.direction) for fact in rows}
    assert len(rows) == len(cells) == 2 * len(Kind) * len(Direction)
    assert all(fact.window_s == 60.0 for fact in rows)


def test_each_crossing_lands_in_its_own_minute() -> None:
    meter = FlowMeter(CAMERA, [LINE], NOON)
    told = drive_by(meter, 30.0) + drive_by(meter, 59.9) + drive_by(meter, 65.0)
    watch(meter, 67.5, 130)
    rows = meter.close_minutes(UtcMicros(NOON + 2 * MINUTE_US + 5_000_000))
    assert [crossing.direction for crossing in told] == [DOWN] * 3
    assert (row(rows, 0).count, row(rows, 1).count) == (2, 1)
    assert row(rows, 0, way=UP).count == 0
    assert row(rows, 0, Kind.PEDESTRIAN).count == 0


def test_minutes_close_once_and_not_before_their_grace() -> None:
    meter = FlowMeter(CAMERA, [LINE], NOON)
    watch(meter, 0, 70)
    early = UtcMicros(NOON + MINUTE_US + round(GRACE_S * 1e6) - 1)
    assert meter.close_minutes(early) == []
    assert len(meter.close_minutes(UtcMicros(early + 1))) == 16
    assert meter.close_minutes(UtcMicros(early + 1)) == []


def test_a_crossing_that_settles_after_its_minute_ended_is_still_in_it() -> None:
    meter = FlowMeter(CAMERA, [LINE], NOON)
    drive_by(meter, 59.95, speed_px_s=12.0)  # a walker: clear of the line a second later
    rows = meter.close_minutes(UtcMicros(NOON + MINUTE_US + 5_000_000))
    assert row(rows, 0).count == 1


def test_who_stood_on_the_line_for_a_minute_is_not_lost() -> None:
    meter = FlowMeter(CAMERA, [LINE], NOON)
    rows: list[LineCount] = []
    crossings = []
    for tenth in range(0, 1800):
        at_s = tenth / 10
        y_px = 100 + 20 * at_s if at_s < 5.2 else 204.0 if at_s < 100 else 204 + 20 * (at_s - 100)
        crossings += meter.measure(scene(at_s, [car("a", y_px)]))
        rows += meter.close_minutes(scene(at_s).at)
    rows += meter.close(scene(180).at)
    (crossing,) = crossings
    assert crossing.media_s == pytest.approx(5.0, abs=0.01)
    assert sum(fact.count or 0 for fact in rows) == 1
    assert row(rows, 1).count == 1  # the minute that was open when it was certain


def test_the_last_minute_tells_how_much_of_it_was_seen() -> None:
    meter = FlowMeter(CAMERA, [LINE], UtcMicros(NOON + 20_000_000))
    watch(meter, 20, 90)
    rows = meter.close(scene(90).at)
    assert (row(rows, 0).coverage_s, row(rows, 1).coverage_s) == (40.0, 30.0)
    assert meter.close(scene(90).at) == []


def test_a_minute_that_is_taken_up_again_adds_up() -> None:
    meter = FlowMeter(CAMERA, [LINE], NOON)
    drive_by(meter, 10.0)
    first = meter.close(scene(12).at)
    drive_by(meter, 20.0)
    second = meter.close(scene(22).at)
    assert (row(first, 0).count, row(second, 0).count) == (1, 1)
    assert row(first, 0).coverage_s == pytest.approx(4.0)
    assert row(second, 0).coverage_s == pytest.approx(4.0)  # 12 s to 18 s was not watched


def test_frames_that_arrive_after_their_minute_was_closed_add_rows_to_it() -> None:
    meter = FlowMeter(CAMERA, [LINE], NOON)
    watch(meter, 0, 50)
    early = meter.close_minutes(UtcMicros(NOON + 2 * MINUTE_US))
    watch(meter, 50.1, 70)
    late = meter.close_minutes(UtcMicros(NOON + 2 * MINUTE_US + 10_000_000))
    assert row(early, 0).coverage_s == 50.0
    assert row(late, 0).coverage_s == 10.0
    assert row(late, 1).coverage_s == 10.0


def test_a_gap_is_not_coverage_and_nobody_crosses_in_it() -> None:
    meter = FlowMeter(CAMERA, [LINE], NOON)
    for at_s, y_px in ((0, 100), (0.5, 120), (1, 140), (3.5, 300), (4, 320), (4.5, 340)):
        assert meter.measure(scene(at_s, [car("a", y_px)])) == []
    meter.measure(scene(5, after_gap=True))
    meter.measure(scene(6))
    (fact,) = [fact for fact in meter.close(scene(6).at) if fact.kind is Kind.CAR][:1]
    assert fact.coverage_s == pytest.approx(1 + 1 + 1)  # 0-1 s, 3.5-4.5 s, 5-6 s


def test_spot_speeds_are_those_at_the_line() -> None:
    meter = FlowMeter(CAMERA, [LINE], NOON)
    speeds = [8.0, 9.0, 10.0, 11.0, 12.0, 13.0]
    told = []
    for index, speed_m_s in enumerate(speeds):
        told += drive_by(meter, 3.0 + 5 * index, metres_by_px=speed_m_s / 100)
    assert [crossing.speed_m_s for crossing in told] == pytest.approx(speeds)
    fact = row(meter.close(scene(40).at), 0)
    assert fact.speed_count == 6
    assert fact.speed_m_s_mean == pytest.approx(10.5)
    assert fact.speed_m_s_p85 == pytest.approx(12.25)


def test_the_speed_of_who_brakes_is_that_at_the_line() -> None:
    meter = FlowMeter(CAMERA, [LINE], NOON)
    told = []
    for tenth in range(60):  # from 15 m/s, braking at 3 m/s²; the line is 21 m away
        at_s = tenth / 10
        passed_m = 15 * min(at_s, 5) - 1.5 * min(at_s, 5) ** 2
        told += meter.measure(scene(at_s, [car("a", 200 + 10 * (passed_m - 21.0), 0.1)]))
    (crossing,) = told
    exact = 15 - 3 * crossing.media_s
    assert crossing.speed_m_s == pytest.approx(exact, abs=0.9)


def test_without_calibration_speeds_are_unknown_and_with_few_the_percentile_is() -> None:
    meter = FlowMeter(CAMERA, [LINE], NOON)
    drive_by(meter, 5.0)
    drive_by(meter, 10.0, metres_by_px=0.1)
    fact = row(meter.close(scene(12).at), 0)
    assert (fact.count, fact.speed_count) == (2, 1)
    assert fact.speed_m_s_mean == pytest.approx(10.0)
    assert fact.speed_m_s_p85 is None


def test_totals_tick_with_every_crossing_and_begin_anew_at_midnight() -> None:
    midnight = UtcMicros(NOON + 720 * MINUTE_US)
    meter = FlowMeter(CAMERA, [LINE], UtcMicros(midnight - 60_000_000))
    for step in range(-20, 21):
        meter.measure(scene(-30 + step / 10, [car("a", 200.01 + 10 * step)], noon=midnight))
    totals = meter.totals()
    assert totals.since == midnight - 60_000_000
    assert totals.lines[0].name == "East arm"
    assert totals.lines[0].left_to_right[Kind.CAR] == 1
    assert totals.lines[0].right_to_left == dict.fromkeys(Kind, 0)
    assert totals.lines[0].speed_m_s_p85 is None
    meter.measure(scene(1, noon=midnight))
    totals = meter.totals()
    assert totals.since == midnight
    assert sum(totals.lines[0].left_to_right.values()) == 0


def drive_on(meter: FlowMeter, kind: Kind, until_s: float, known_s: float = 0.0) -> list[Crossing]:
    """A car that passes the line at 1 s, `unknown` before `known_s`; nobody may be told at once."""
    told = []
    for tenth in range(round(until_s * 10)):
        at_s = tenth / 10
        known = kind if at_s >= known_s else Kind.UNKNOWN
        mover = car("car", 200.01 + (at_s - 1) * 100.0, kind=known)
        told += [(at_s, one) for one in meter.measure(scene(at_s, [mover]))]
    assert all(at_s >= one.media_s + KIND_S for at_s, one in told)
    return [one for _, one in told]


@pytest.mark.parametrize("late_s", [0.6, UNKNOWN_S - 0.3])
def test_a_crossing_is_told_with_the_kind_that_is_known_a_moment_later(late_s: float) -> None:
    meter = FlowMeter(CAMERA, [LINE], NOON)
    (told,) = drive_on(meter, Kind.CAR, 6.0, known_s=1 + late_s)
    assert told.kind is Kind.CAR
    assert told.media_s == pytest.approx(1.0, abs=0.1)
    assert sum(row.count or 0 for row in meter.close(NOON) if row.kind is Kind.CAR) == 1


def test_who_is_never_known_is_told_as_unknown() -> None:
    meter = FlowMeter(CAMERA, [LINE], NOON)
    (told,) = drive_on(meter, Kind.UNKNOWN, 6.0)
    assert told.kind is Kind.UNKNOWN


def test_whoever_leaves_at_once_is_told_all_the_same() -> None:
    meter = FlowMeter(CAMERA, [LINE], NOON)
    assert not drive_on(meter, Kind.BUS, 1.6)
    (told,) = meter.leave()
    assert told.kind is Kind.BUS


def test_a_meter_without_lines_measures_nothing() -> None:
    meter = FlowMeter(CAMERA, [], NOON)
    watch(meter, 0, 61)
    assert meter.close(scene(61).at) == []
    assert meter.totals().lines == ()


@given(
    steps=st.lists(
        st.tuples(st.floats(0.001, 2.0) | st.floats(2.01, 200.0), st.booleans()), max_size=60
    ),
    start_s=st.floats(0, 300),
    closing=st.booleans(),
)
def test_the_coverage_of_all_minutes_is_the_time_that_was_watched(
    steps: list[tuple[float, bool]], start_s: float, closing: bool
) -> None:
    """Gaps, slow frames and minutes that close meanwhile included, exact to the microsecond."""
    meter = FlowMeter(CAMERA, [LINE], UtcMicros(NOON + round(start_s * 1e6)))
    rows: list[LineCount] = []
    last = scene(start_s)
    meter.measure(last)
    watched_us = 0
    for passed_s, gap in steps:
        now = scene(last.media_s + passed_s, after_gap=gap)
        if not gap and now.at - last.at <= round(UNSEEN_AFTER_S * 1e6):
            watched_us += now.at - last.at
        meter.measure(now)
        last = now
        if closing:
            rows += meter.close_minutes(now.at)
    rows += meter.close(last.at)
    one_cell = [fact for fact in rows if (fact.kind, fact.direction) == (Kind.CAR, DOWN)]
    assert sum(round(fact.coverage_s * 1e6) for fact in one_cell) == watched_us
    assert all(0 <= fact.coverage_s <= fact.window_s for fact in rows)
    assert all((fact.count is None) == (fact.coverage_s == 0) for fact in rows)
    first = NOON + round(start_s * 1e6) // MINUTE_US * MINUTE_US
    minutes = {fact.at for fact in one_cell}
    assert minutes == set(range(first, last.at + 1, MINUTE_US))  # every minute has its row


@pytest.mark.parametrize("seed", range(5))
def test_the_minutes_add_up_to_the_crossings_and_to_the_totals(seed: int) -> None:
    dice = random.Random(seed)
    meter = FlowMeter(CAMERA, [LINE], NOON)
    told: list[Crossing] = []
    rows: list[LineCount] = []
    at_s = 3.0
    while at_s < 400:
        told += drive_by(meter, at_s, dice.uniform(30, 200), kind=dice.choice(list(Kind)))
        rows += meter.close_minutes(scene(at_s + 2).at)
        at_s += dice.uniform(4.1, 30)
    told += meter.leave()
    rows += meter.close(scene(at_s).at)
    assert len(told) > 15
    for kind in Kind:
        counted = sum(fact.count or 0 for fact in rows if fact.kind is kind)
        assert counted == sum(crossing.kind is kind for crossing in told)
        assert counted == meter.totals().lines[0].left_to_right[kind]
