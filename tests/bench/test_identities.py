"""Identities: the measures of the field, where their value is known."""

from pathlib import Path

import numpy as np
import pytest

from placewatch.bench.identities import score, score_all
from placewatch.bench.simulated import simulate

SHARED = Path(__file__).parents[3] / "shared" / "data" / "tracks" / "tud-campus"


def row(who: int, left: float) -> list[float]:
    return [who, left, 0.0, left + 10, 20.0]


TRUTH = [np.array([row(0, 0.0), row(1, 100.0)]) for _ in range(10)]


def test_who_tells_the_truth_has_all() -> None:
    it = score(TRUTH, [np.array([row(7, 100.0), row(3, 0.0)]) for _ in range(10)])
    assert (it.hota, it.idf1, it.mota) == pytest.approx((1.0, 1.0, 1.0))
    assert (it.switches, it.fragments, it.boxes) == (0, 0, 20)


def test_who_tells_nothing_has_nothing() -> None:
    it = score(TRUTH, [np.zeros((0, 5)) for _ in range(10)])
    assert (it.hota, it.idf1, it.mota, it.switches) == (0.0, 0.0, 0.0, 0)


def test_two_that_swap_halfway_are_two_switches_and_half_the_identity() -> None:
    told = [
        np.array([row(0, 0.0 if n < 5 else 100.0), row(1, 100.0 if n < 5 else 0.0)])
        for n in range(10)
    ]
    it = score(TRUTH, told)
    assert it.switches == 2
    assert it.deta == pytest.approx(1.0)
    assert it.assa == pytest.approx(5 / 15)  # 5 together, 10 + 10 - 5 in all
    assert it.idf1 == pytest.approx(0.5)
    assert it.mota == pytest.approx(1 - 2 / 20)


def test_sequences_together_are_weighed_by_their_boxes() -> None:
    good = (TRUTH, TRUTH)
    empty = (TRUTH, [np.zeros((0, 5)) for _ in range(10)])
    assert score_all([good, empty]).mota == pytest.approx(0.5)


def test_the_same_street_is_simulated_again_and_another_seed_is_another() -> None:
    one, again, other = (simulate("road", 5.0, seed, 6.0) for seed in (1, 1, 2))
    for a, b in zip(one.seen, again.seen, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(
        a.shape != b.shape or (a != b).any() for a, b in zip(one.seen, other.seen, strict=True)
    )


@pytest.mark.skipif(not SHARED.exists(), reason="needs the sequence TUD-Campus")
def test_the_published_figures_of_tud_campus_come_out() -> None:
    def read(name: str) -> list[np.ndarray]:
        rows = np.loadtxt(SHARED / name, delimiter=",")
        rows[:, 4:6] += rows[:, 2:4]
        return [rows[rows[:, 0] == number, 1:6] for number in range(1, 72)]

    it = score(read("TUD-Campus_gt.txt"), read("TUD-Campus_test.txt"))
    assert round(100 * it.idf1, 1) == 55.8
    assert round(100 * it.mota, 1) == 52.6
    assert it.switches == 7
