"""Hot spots: where events lie thickest, and that nobody alone is ever seen in them."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placewatch.core.errors import Misconfigured
from placewatch.core.space import Point
from placewatch.core.time import UtcMicros
from placewatch.measure.hotspot import (
    K_MIN,
    ROUND_M,
    HotSpotMeter,
    HotSpots,
    Spot,
    overlap,
)

START, END = UtcMicros(0), UtcMicros(86_400_000_000)
WIDE_M, HIGH_M = 30.0, 12.0


def spots_of(places: list[Point], k_min: int = K_MIN, step_m: float = 1.0) -> HotSpots:
    corner = Point(WIDE_M, HIGH_M)
    meter = HotSpotMeter(Point(0.0, 0.0), corner, START, step_m=step_m, k_min=k_min)
    meter.add(places)
    return meter.close(END)


def within(found: HotSpots, row: int, column: int, places: list[Point]) -> int:
    """How many of `places`, rounded, a cell has in its reach."""
    middle = found.middle(row, column)
    return sum(
        math.hypot(_round(one.x_m) - middle.x_m, _round(one.y_m) - middle.y_m) < found.reach_m
        for one in places
    )


def _round(metres: float) -> float:
    return round(metres / ROUND_M) * ROUND_M


def shown(found: HotSpots) -> set[tuple[int, int]]:
    return {
        (row, column)
        for row, values in enumerate(found.per_m2)
        for column, value in enumerate(values)
        if value is not None
    }


metres = st.floats(-3.0, 33.0, allow_nan=False)
places_drawn = st.lists(st.builds(Point, metres, st.floats(-3.0, 15.0)), max_size=18)


@given(places=places_drawn, k_min=st.integers(K_MIN, 8))
def test_a_cell_is_shown_exactly_where_k_events_are_within_its_reach(
    places: list[Point], k_min: int
) -> None:
    found = spots_of(places, k_min, step_m=3.0)
    for row in range(4):
        for column in range(10):
            told = found.per_m2[row][column]
            assert (told is not None) == (within(found, row, column, places) >= k_min)


@given(places=places_drawn.filter(bool), which=st.integers(0, 1000))
def test_without_any_one_event_what_is_shown_still_has_k_others_behind_it(
    places: list[Point], which: int
) -> None:
    """And who is within reach of no shown cell leaves no trace at all."""
    gone = which % len(places)
    others = places[:gone] + places[gone + 1 :]
    whole, less = spots_of(places, step_m=2.0), spots_of(others, step_m=2.0)
    assert shown(less) <= shown(whole)
    for row, column in shown(less):
        assert within(less, row, column, others) >= K_MIN
    for row, column in shown(whole) - shown(less):
        assert within(whole, row, column, places) == K_MIN
    if not any(within(whole, row, column, [places[gone]]) for row, column in shown(whole)):
        assert whole.per_m2 == less.per_m2


@given(places=places_drawn, dice=st.randoms(use_true_random=False))
def test_what_is_finer_than_half_a_metre_and_the_order_change_nothing(
    places: list[Point], dice: random.Random
) -> None:
    rounded = [Point(_round(one.x_m), _round(one.y_m)) for one in places]
    dice.shuffle(rounded)
    assert spots_of(places, step_m=3.0) == spots_of(rounded, step_m=3.0)


@given(places=places_drawn)
def test_no_number_of_the_whole_tells_fewer_than_k(places: list[Point]) -> None:
    found = spots_of(places, step_m=3.0)
    assert (found.events is None) == (len(places) < K_MIN)
    assert found.events in (None, len(places))
    assert found.left_out is None or found.left_out >= K_MIN


def test_a_period_is_told_once_and_the_next_begins_from_nothing() -> None:
    meter = HotSpotMeter(Point(0, 0), Point(WIDE_M, HIGH_M), START)
    meter.add([Point(5.0, 5.0)] * 5)
    first = meter.close(END)
    assert (first.start, first.end, first.events) == (START, END, 5)
    meter.add([Point(5.0, 5.0)] * 4)
    second = meter.close(UtcMicros(2 * END))
    assert (second.start, second.events) == (END, None)
    assert not shown(second)


def test_the_density_of_many_adds_up_to_their_number() -> None:
    found = spots_of([Point(15.0, 6.0)] * 40)
    total = sum(value or 0.0 for values in found.per_m2 for value in values) * found.step_m**2
    assert total == pytest.approx(40, rel=0.02)
    peak = max(value or 0.0 for values in found.per_m2 for value in values)
    # The nearest middle of a cell lies (0.5, 0.5) from the place.
    assert peak == pytest.approx(40 * 3 / (math.pi * 25) * (1 - 0.5 / 25) ** 2, rel=0.03)


def test_the_top_spots_are_apart_and_the_densest_is_first() -> None:
    places = [Point(4.2, 6.2)] * 30 + [Point(15.2, 6.2)] * 20 + [Point(25.2, 6.2)] * 10
    top = spots_of(places).top(3)
    for spot, x_m in zip(top, (4.0, 15.0, 25.0), strict=True):
        assert math.hypot(spot.place.x_m - x_m, spot.place.y_m - 6.0) < 1.0
    assert top[0].per_m2 > top[1].per_m2 > top[2].per_m2
    assert len(spots_of(places).top(2)) == 2
    assert len(spots_of(places[:30]).top(3)) == 1


def test_the_overlap_of_spots_is_that_of_jaccard() -> None:
    one = [Spot(Point(x, 0.0), 1.0) for x in (0.0, 10.0, 20.0)]
    assert overlap(one, one, 2.0) == 1.0
    assert overlap(one, [Spot(Point(1.0, 0.0), 1.0), Spot(Point(40.0, 0.0), 1.0)], 2.0) == 0.25
    assert overlap(one, [], 2.0) == 0.0
    assert overlap([], [], 2.0) == 1.0
    # One spot of theirs answers for one of ours.
    near = [Spot(Point(0.0, 0.0), 1.0), Spot(Point(1.0, 0.0), 1.0)]
    assert overlap(near, [Spot(Point(0.5, 0.0), 1.0)], 2.0) == 0.5


def test_a_tenth_of_the_data_finds_the_same_three() -> None:
    """Three places that are crossed more than the rest of the road, 20 draws of a tenth."""
    dice = np.random.default_rng(8)
    at = np.concatenate(
        [dice.normal(x, 1.2, count) for x, count in ((4.0, 300), (13.0, 400), (24.0, 260))]
        + [dice.uniform(0.0, 30.0, 240)]
    )
    places = [Point(float(x), float(dice.normal(6.0, 0.5))) for x in at]
    whole = spots_of(places).top(3)
    found = [
        overlap(
            whole,
            spots_of([places[n] for n in dice.choice(len(places), 120, replace=False)]).top(3),
            2.5,
        )
        for _ in range(20)
    ]
    assert np.mean(found) >= 0.9


@pytest.mark.parametrize(
    ("corner", "more"),
    [
        (Point(30, 12), {"k_min": 4}),
        (Point(-1, 12), {}),
        (Point(math.nan, 12), {}),
        (Point(30, 12), {"step_m": 0.0}),
        (Point(30, 12), {"reach_m": 0.1}),
        (Point(3000, 3000), {}),
    ],
)
def test_a_grid_that_would_show_single_events_or_is_none_is_refused(
    corner: Point, more: dict[str, float]
) -> None:
    with pytest.raises(Misconfigured):
        HotSpotMeter(Point(0, 0), corner, START, **more)  # type: ignore[arg-type]
