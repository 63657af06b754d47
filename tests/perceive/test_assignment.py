"""Assignment: no other pairing costs less."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placewatch.perceive.assignment import assign


@settings(max_examples=150, deadline=None)
@given(rows=st.integers(1, 5), columns=st.integers(1, 5), seed=st.integers(0, 1 << 30))
def test_no_other_pairing_costs_less(rows: int, columns: int, seed: int) -> None:
    cost = np.random.default_rng(seed).uniform(-1, 1, (rows, columns)).round(1)
    chosen = assign(cost)
    pairs = [(i, int(j)) for i, j in enumerate(chosen) if j >= 0]
    assert len(pairs) == min(rows, columns)
    assert len({j for _, j in pairs}) == len(pairs)
    small = cost if rows <= columns else cost.T
    least = min(
        sum(small[i, j] for i, j in enumerate(way))
        for way in itertools.permutations(range(small.shape[1]), small.shape[0])
    )
    assert sum(cost[pair] for pair in pairs) == pytest.approx(least)
