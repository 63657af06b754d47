"""Letters for densities, and forecasts that speak only when the rise is certain."""

import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placewatch.core.errors import Misconfigured
from placewatch.measure.service import (
    BLOCK_S,
    BLOCKS_MIN,
    DENSITY_PER_M2_STANDING_CRITICAL,
    DENSITY_PER_M2_WALKING_DANGEROUS,
    FRUIN_QUEUE,
    FRUIN_WALKWAY,
    HCM_WALKWAY,
    TABLES,
    Reach,
    ServiceTable,
    time_to_density_s,
)

Floats = npt.NDArray[np.float64]

DANGEROUS = DENSITY_PER_M2_WALKING_DANGEROUS


# Levels of service


@pytest.mark.parametrize(
    ("table", "density_per_m2_max"),
    [
        (FRUIN_WALKWAY, (0.31, 0.43, 0.72, 1.08, 2.15)),
        (FRUIN_QUEUE, (0.83, 1.08, 1.54, 3.59, 5.38)),
        (HCM_WALKWAY, (0.18, 0.27, 0.45, 0.72, 1.35)),
    ],
)
def test_the_tables_say_in_square_metres_what_their_books_say_in_feet(
    table: ServiceTable, density_per_m2_max: tuple[float, ...]
) -> None:
    assert table.density_per_m2_max == pytest.approx(density_per_m2_max, abs=0.005)
    assert table.source


@pytest.mark.parametrize(
    ("density_per_m2", "walkway", "queue"),
    [(0.0, "A", "A"), (0.5, "C", "A"), (1.0, "D", "B"), (2.0, "E", "D"), (9.0, "F", "F")],
)
def test_the_same_density_is_worse_for_walking_than_for_waiting(
    density_per_m2: float, walkway: str, queue: str
) -> None:
    assert FRUIN_WALKWAY.level(density_per_m2) == walkway
    assert FRUIN_QUEUE.level(density_per_m2) == queue


def test_on_a_bound_it_is_the_better_level() -> None:
    table = ServiceTable("ours", "the city's own", (1.0, 2.0), ("good", "fair", "bad"))
    assert [table.level(density) for density in (1.0, 1.0001, 2.0, 2.0001)] == [
        "good",
        "fair",
        "fair",
        "bad",
    ]


@given(densities=st.tuples(st.floats(0, 20), st.floats(0, 20)))
def test_denser_is_never_better(densities: tuple[float, float]) -> None:
    low, high = sorted(densities)
    for table in TABLES.values():
        assert table.level(low) <= table.level(high)


def test_danger_begins_beyond_the_last_level() -> None:
    for table in TABLES.values():
        assert table.level(DENSITY_PER_M2_WALKING_DANGEROUS) == "F"
    assert DENSITY_PER_M2_WALKING_DANGEROUS < DENSITY_PER_M2_STANDING_CRITICAL


@pytest.mark.parametrize(
    "bounds", [(0.5, 0.4), (0.5, 0.5), (0.0, 0.5), (-1.0, 0.5), (0.5, math.nan), (0.5, math.inf)]
)
def test_bounds_that_do_not_rise_are_refused(bounds: tuple[float, float]) -> None:
    with pytest.raises(Misconfigured, match='bounds of service table "x" do not rise'):
        ServiceTable("x", "nowhere", bounds, ("a", "b", "c"))


def test_a_table_needs_a_bound_between_any_two_levels() -> None:
    with pytest.raises(Misconfigured, match="6 levels and 2 bounds"):
        ServiceTable("x", "nowhere", (0.5, 0.6))


@pytest.mark.parametrize("room_m2", [0.0, -1.0, math.nan])
def test_a_level_needs_room(room_m2: float) -> None:
    with pytest.raises(Misconfigured, match="without room"):
        ServiceTable.by_room("x", "nowhere", (5.0, 4.0, 3.0, 2.0, room_m2))


# When a density is reached


def filling(
    rise_per_s: float,
    scatter: float = 0.0,
    memory_s: float = 0.0,
    now: float = 3.0,
    duration_s: float = 180.0,
    seed: int = 1,
) -> Floats:
    """A density that is `now` at the end, every half second; its scatter fades with `memory_s`."""
    dice = np.random.default_rng(seed)
    at_s = np.arange(0.0, duration_s + 0.25, 0.5)
    keep = math.exp(-0.5 / memory_s) if memory_s else 0.0
    fresh = dice.normal(size=len(at_s)) * math.sqrt(1 - keep**2)
    noise = itertools.accumulate(fresh, lambda before, new: keep * before + new)
    density = now + rise_per_s * (at_s - duration_s) + scatter * np.array(list(noise))
    return np.column_stack([at_s, density])


def test_a_steady_rise_is_reached_when_its_line_says() -> None:
    reach = time_to_density_s(filling(0.01, now=3.55), DANGEROUS)
    assert reach is not None
    assert reach.s == pytest.approx(200.0)
    assert reach.s_low == pytest.approx(200.0, abs=0.1)
    assert reach.s_high == pytest.approx(200.0, abs=0.1)


@pytest.mark.parametrize("rise_per_s", [0.0, -0.01])
def test_what_does_not_rise_is_never_reached(rise_per_s: float) -> None:
    assert time_to_density_s(filling(rise_per_s, scatter=0.05), DANGEROUS) is None


@pytest.mark.parametrize("rise_per_s", [-0.001, 0.0, 0.001])
def test_what_is_there_already_is_reached_now(rise_per_s: float) -> None:
    series = filling(rise_per_s, scatter=0.05, now=6.0)
    assert time_to_density_s(series, DANGEROUS) == Reach(0.0, 0.0, 0.0)


def test_too_short_a_series_says_nothing() -> None:
    long_enough_s = BLOCKS_MIN * BLOCK_S
    assert time_to_density_s(np.zeros((0, 2)), DANGEROUS) is None
    assert time_to_density_s([(0.0, 3.0)], DANGEROUS) is None
    short = filling(0.02, duration_s=long_enough_s - 2 * BLOCK_S)
    assert time_to_density_s(short, DANGEROUS) is None
    assert time_to_density_s(filling(0.02, duration_s=long_enough_s), DANGEROUS) is not None


def test_only_the_last_minutes_count() -> None:
    # It fell for ten minutes and has risen for three.
    fell = filling(-0.02, now=1.0, duration_s=600.0)
    rose = filling(0.01, scatter=0.02, now=2.8)
    rose[:, 0] += 600.5
    reach = time_to_density_s(np.vstack([fell, rose]), DANGEROUS)
    assert reach is not None
    assert reach.s == pytest.approx((DANGEROUS - 2.8) / 0.01, rel=0.1)


def test_false_readings_and_gaps_do_not_carry_the_forecast_off() -> None:
    clean = filling(0.01, scatter=0.1)
    dice = np.random.default_rng(5)
    spoilt = clean.copy()
    spoilt[dice.random(len(spoilt)) < 0.1, 1] = 0.0  # a detector that is dazzled
    spoilt[60:80, 1] = 15.0  # a lorry, taken for a crowd for ten seconds
    spoilt[dice.random(len(spoilt)) < 0.1, 1] = math.nan
    spoilt = np.delete(spoilt, slice(200, 240), axis=0)
    one, other = (time_to_density_s(series, DANGEROUS) for series in (clean, spoilt))
    assert one is not None
    assert other is not None
    assert other.s == pytest.approx(one.s, rel=0.1)
    assert other.s_low <= one.s <= other.s_high


@given(rise=st.floats(0.005, 0.1), shift_s=st.floats(0, 1e6), scale=st.floats(0.1, 10))
def test_a_forecast_does_not_depend_on_units_or_the_clock(
    rise: float, shift_s: float, scale: float
) -> None:
    series = filling(rise, scatter=0.1, memory_s=3.0)
    one = time_to_density_s(series, DANGEROUS)
    other = time_to_density_s(series * [1.0, scale] + [round(shift_s), 0.0], scale * DANGEROUS)
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert [other.s, other.s_low, other.s_high] == pytest.approx([one.s, one.s_low, one.s_high])


@given(seed=st.integers(0, 10_000), rise=st.floats(0.002, 0.05), memory_s=st.floats(0, 20))
def test_the_estimate_lies_within_its_interval(seed: int, rise: float, memory_s: float) -> None:
    reach = time_to_density_s(filling(rise, 0.3, memory_s, seed=seed), DANGEROUS)
    if reach is not None:
        assert 0.0 <= reach.s_low <= reach.s <= reach.s_high < math.inf


@pytest.mark.parametrize("memory_s", [0.0, 2.0, 5.0, 10.0])
def test_the_interval_holds_the_truth_in_95_of_100_cases(memory_s: float) -> None:
    held, told, runs = 0, 0, 400
    for seed in range(runs):
        reach = time_to_density_s(filling(0.04, 0.3, memory_s, now=1.55, seed=seed), DANGEROUS)
        told += reach is not None
        held += reach is not None and reach.s_low <= 100.0 <= reach.s_high
    assert told >= 0.8 * runs  # the longer a scatter's memory, the harder to tell from a rise
    assert 0.91 <= held / told <= 0.99  # 95 %, and three standard errors of 400 draws


@pytest.mark.parametrize("memory_s", [0.0, 5.0, 20.0])
def test_a_level_density_is_seldom_taken_for_a_rise(memory_s: float) -> None:
    runs = 400
    told = sum(
        time_to_density_s(filling(0.0, 0.3, memory_s, seed=seed), DANGEROUS) is not None
        for seed in range(runs)
    )
    assert told / runs <= 0.05  # 2.5 % of one tail, and three standard errors
