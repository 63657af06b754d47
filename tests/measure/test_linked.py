"""What a view tells of its linked lines: counts a second, in memory, of which none is of one."""

import gc
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placewatch.core.facts import Crossing
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import UtcMicros
from placewatch.measure.journey import CrossingSeries
from placewatch.measure.linked import KEPT_S, LinkedLines
from placewatch.measure.span import SPAN_WINDOW_S, Spans, spans_of

START_S = 1_767_225_600
START = UtcMicros(START_S * 1_000_000)
EAST = "East arm", Direction.LEFT_TO_RIGHT
WEST = "West arm", Direction.LEFT_TO_RIGHT
BACK = "East arm", Direction.RIGHT_TO_LEFT


def at(second: float) -> UtcMicros:
    return UtcMicros(START + round(second * 1e6))


def crossing(second: float, way: tuple[str, Direction] = EAST, kind: Kind = Kind.CAR) -> Crossing:
    return Crossing(at(second), second, 0, CameraId("a"), way[0], kind, way[1], None)


def watch(
    linked: LinkedLines,
    moments: Sequence[float],
    seconds: int,
    unseen: range = range(0),
    way: tuple[str, Direction] = EAST,
) -> None:
    """Two scenes a second; each crossing is told with the scene after it."""
    waiting = sorted(moments)
    for step in range(2 * seconds + 1):
        told = [crossing(one, way) for one in waiting if one <= step / 2]
        waiting = waiting[len(told) :]
        if step // 2 not in unseen:
            linked.measure(at(step / 2), False, told)


def test_seconds_hold_counts_of_one_way_and_of_all_that_drives() -> None:
    linked = LinkedLines([EAST, BACK])
    for step in range(601):
        told = [crossing(step - 0.5, kind=kind) for kind in Kind] if step == 100 else []
        told += [crossing(step - 0.25, BACK)] * 5 if step == 200 else []
        linked.measure(at(step), False, told)
    series = linked.series("a", EAST, START, 300)
    assert series.counts[99] == len(Kind) - 2, "all but pedestrian and bicycle"
    assert sum(series.counts) == series.counts[99]
    assert series.watched_s == (1.0,) * 300
    back = linked.series("a", BACK, START, 300)
    assert (back.counts[199], sum(back.counts)) == (5, 5)
    assert type(series) is CrossingSeries


def test_what_was_not_seen_is_unknown_and_no_zero() -> None:
    linked = LinkedLines([EAST])
    watch(linked, [10.0 + number for number in range(250)], 300, unseen=range(100, 160))
    watched_s = linked.watched_s(START, 300)
    assert sum(watched_s) == pytest.approx(240.0 - 1.0, abs=1.0)
    assert sum(watched_s[100:159]) == 0.0
    assert linked.watched_s(UtcMicros(START - 300_000_000), 300) == (0.0,) * 300
    later = linked.watched_s(UtcMicros(START + 300_000_000), 300)
    assert sum(later) == 0.0, "what has not come yet"


def test_a_gap_that_the_stream_tells_is_not_seen() -> None:
    linked = LinkedLines([EAST])
    linked.measure(at(0.0), False, [])
    linked.measure(at(1.0), False, [])
    linked.measure(at(2.0), True, [])
    linked.measure(at(3.0), False, [])
    linked.leave([])
    linked.measure(at(4.0), False, [])
    assert linked.watched_s(START, 300)[:5] == (1.0, 0.0, 1.0, 0.0, 0.0)


def test_nobody_is_alone_in_what_is_kept() -> None:
    linked = LinkedLines([EAST])
    few, many = [20.0, 90.0, 150.0, 280.0], [310.0, 320.0, 330.0, 340.0, 350.0]
    watch(linked, [*few, *many], 700)
    assert int(linked._counts.sum()) == 5, "four of five minutes are not kept"
    series = linked.series("a", EAST, START, 600)
    assert sum(series.counts[:300]) == 0
    assert sum(series.watched_s[:300]) == 0.0, "unknown, not empty"
    assert sum(series.counts[300:]) == 5
    assert sum(linked.watched_s(START, 600)) == 600.0, "but it was watched"


@settings(deadline=None, max_examples=20)
@given(moments=st.lists(st.integers(0, 1499), max_size=60), late_s=st.integers(0, 400))
def test_no_window_that_is_over_keeps_fewer_than_five(moments: list[int], late_s: int) -> None:
    linked = LinkedLines([EAST])
    for second in range(0, 1520, 2):
        told = [crossing(one) for one in moments if second - 2 < one + late_s <= second]
        linked.measure(at(second), False, told)
    counts = linked.copy()._counts[0]
    for window in range(5):
        places = np.arange(START_S + 300 * window, START_S + 300 * (window + 1)) % KEPT_S
        kept = int(counts[places].sum())
        assert kept == 0 or kept >= 5


def test_after_an_hour_and_a_half_a_second_is_forgotten() -> None:
    linked = LinkedLines([EAST])
    watch(linked, [float(number) for number in range(1, 290)], 300)
    assert linked.series("a", EAST, START, 300).counts[10] == 1
    linked.measure(at(KEPT_S + 400), False, [])
    assert int(linked._counts.sum()) == 0
    assert sum(linked.watched_s(START, 300)) == 0.0
    assert linked.series("a", EAST, START, 300).watched_s == (0.0,) * 300


def test_a_copy_does_not_change_and_an_unknown_line_is_unknown() -> None:
    linked = LinkedLines([EAST])
    watch(linked, [float(number) for number in range(1, 290)], 300)
    copy = linked.copy()
    linked.measure(at(KEPT_S + 400), False, [])
    assert sum(copy.series("a", EAST, START, 300).counts) == 289
    other = copy.series("a", WEST, START, 300)
    assert (sum(other.counts), sum(other.watched_s)) == (0, 0.0)


def test_the_time_between_two_lines_of_one_view_is_a_sum_of_a_window() -> None:
    spans = spans_of([(WEST, EAST)])
    for user in range(6):
        spans.passed(user, crossing(10.0 + user, WEST))
        spans.passed(user, crossing(30.0 + 2 * user, EAST))
        spans.forget(user)
    spans.passed(7, crossing(50.0, EAST))  # was not seen at the first line
    spans.passed(8, crossing(60.0, EAST))
    spans.passed(8, crossing(70.0, WEST))  # the other way round
    walker = Kind.PEDESTRIAN
    spans.passed(9, crossing(10.0, WEST, walker))
    spans.passed(9, crossing(90.0, EAST, walker))
    assert spans.windows((WEST, EAST), START, 3600) == [(6, sum(20.0 + n for n in range(6)))]


def test_the_line_that_is_told_first_does_not_matter() -> None:
    spans = spans_of([(WEST, EAST)])
    spans.passed(1, crossing(30.0, EAST))
    spans.passed(1, crossing(10.0, WEST))
    assert spans.windows((WEST, EAST), START, 180) == [(1, 20.0)]


def test_a_window_of_few_is_forgotten_and_so_is_whoever_left() -> None:
    spans = spans_of([(WEST, EAST)])
    for user in range(4):
        spans.passed(user, crossing(10.0, WEST))
        spans.passed(user, crossing(30.0, EAST))
    spans.passed(4, crossing(40.0, WEST))
    for user in range(5):
        spans.forget(user)
    spans.tidy(at(SPAN_WINDOW_S))
    assert spans.windows((WEST, EAST), START, 180), "its crossings may still be told"
    spans.tidy(at(SPAN_WINDOW_S + 30.0))
    assert spans.windows((WEST, EAST), START, 180) == []
    moments = [one for one in gc.get_referents(spans) if isinstance(one, dict)]
    assert all(not one or set(one) <= {(WEST, EAST)} for one in moments), "somebody is left"


def test_without_links_nothing_is_kept() -> None:
    linked = LinkedLines()
    watch(linked, [1.0, 2.0], 5)
    assert linked._last is None
    assert Spans().ways == ()


def test_what_is_known_of_a_way_stays_when_another_goes_and_a_new_one_is_unknown() -> None:
    east, west = ("East", Direction.LEFT_TO_RIGHT), ("West", Direction.LEFT_TO_RIGHT)
    linked = LinkedLines((east, west))
    for tenth in range(6000):
        linked.measure(UtcMicros(tenth * 100_000), tenth == 0, [])
    fewer = linked.rewired((west,))
    assert sum(fewer.watched_s(UtcMicros(0), 600)) == pytest.approx(599.9)
    more = linked.rewired((west, ("South", Direction.LEFT_TO_RIGHT)))
    assert sum(more.watched_s(UtcMicros(0), 600)) == 0.0, "zero and unknown are different things"
    assert linked.rewired(()).ways == ()
