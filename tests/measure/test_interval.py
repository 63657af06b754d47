"""Between which numbers a count lies: how often that holds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placewatch.measure.interval import Between, Check, count_between


def test_what_was_not_watched_is_unknown() -> None:
    assert count_between(0, 0.0, 900.0) is None


def test_a_count_without_errors_that_was_watched_throughout_is_the_truth() -> None:
    assert count_between(7, 900.0, 900.0, Check(100_000, 0, 0)) == Between(7, 7)


@pytest.mark.parametrize("watched", [1.0, 0.8, 0.4])
@pytest.mark.parametrize("rate", [4, 40, 300])
def test_the_truth_lies_within_in_19_of_20_bins(rate: int, watched: float) -> None:
    dice = np.random.default_rng([rate, round(10 * watched)])
    held, bins, missed, extra = 0, 600, 0.05, 0.01
    for _ in range(bins):
        check = Check(300, int(dice.binomial(300, missed)), int(dice.binomial(300, extra)))
        seen, unseen = dice.poisson(rate * watched), dice.poisson(rate * (1 - watched))
        count = dice.binomial(seen, 1 - missed) + dice.poisson(seen * extra)
        told = count_between(int(count), 900 * watched, 900, check)
        assert told is not None
        held += told.low <= seen + unseen <= told.high
    assert 0.91 <= held / bins <= 0.985  # three standard errors about 93 to 97 %


@given(st.integers(0, 5000), st.floats(1.0, 900.0), st.integers(0, 100), st.integers(0, 100))
def test_more_certainty_never_makes_it_wider(
    count: int, coverage_s: float, missed: int, extra: int
) -> None:
    check = Check(1000, missed, extra)
    half = count_between(count, coverage_s, 900.0, check)
    whole = count_between(count, 900.0, 900.0, check)
    assert half is not None
    assert whole is not None
    assert 0 <= half.low <= half.high
    assert whole.high - whole.low <= half.high - half.low + 1


def test_platoons_make_what_was_not_watched_less_certain() -> None:
    even, platoons = (count_between(40, 600.0, 900.0, varies=varies) for varies in (1.0, 4.0))
    assert even is not None
    assert platoons is not None
    assert platoons.high - platoons.low > even.high - even.low


@pytest.mark.parametrize("bad", [(10, 11, 0), (10, -1, 0), (10, 0, -1)])
def test_a_check_that_cannot_be_is_refused(bad: tuple[int, int, int]) -> None:
    with pytest.raises(AssertionError):
        Check(*bad)
