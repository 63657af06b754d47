"""The bench of accuracy, on two streets for a few minutes: its form, and that it can fail."""

import json
from collections import Counter
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from placewatch.bench import BENCHES, Extent, accuracy
from placewatch.bench.accuracy import Counted, count, measure_counts
from placewatch.bench.page import accuracy_page
from placewatch.bench.record import record
from placewatch.bench.run import _meant
from placewatch.core.kinds import Kind
from placewatch.simulate.layouts import layouts

pytest.importorskip("sumo", reason="SUMO is not installed: placewatch[simulate]")

ROOT = Path(__file__).parents[2]
SCHEMA = Draft202012Validator(json.loads((ROOT / "docs/spec/bench.schema.json").read_text("utf-8")))


def test_perfect_tracks_are_counted_exactly_and_the_page_says_so() -> None:
    figures = measure_counts(Extent(streets=1, seeds=1, hours=0.1))
    document = record(figures)
    SCHEMA.validate(document)
    told = {figure.name: figure for figure in figures}
    assert told["accuracy.counts.perfect"].value == 0.0
    assert told["accuracy.counts.perfect"].passed
    total = told["accuracy.counts.total"].value
    assert total is not None
    assert total < 10.0
    page = accuracy_page(document)
    for name in told:
        assert f"`{name}`" in page


@pytest.mark.parametrize("street", ["cross-signal-2", "ring-4", "tee-priority", "cross-right"])
def test_movements_from_perfect_tracks_are_those_of_sumos_loops(street: str) -> None:
    run = count(street, 7, 0.1)
    assert sum(run.true.values()) > 20
    assert run.perfect == run.true


@pytest.mark.long
@pytest.mark.parametrize("layout", [layout.name for layout in layouts()])
def test_every_layout_is_counted_exactly_for_an_hour(layout: str) -> None:
    run = count(layout, 11, 1.0)
    assert run.perfect == run.true


def test_a_miscount_is_not_passed() -> None:
    cell = (0, "N", "S", Kind.CAR)
    run = Counted("t", 1, Counter({cell: 40}), Counter({cell: 39}), Counter({cell: 30}))
    assert not accuracy._perfect([run], "").passed
    told = {figure.name: figure for figure in accuracy._by_camera([run], "")}
    assert told["accuracy.counts.total"].value == pytest.approx(25.0)
    assert told["accuracy.counts.geh"].value == pytest.approx((2 * 100 / 70) ** 0.5)
    assert told["accuracy.counts.bins"].value == 100.0
    assert not any(told[f"accuracy.counts.{name}"].passed for name in ("total", "geh", "bins"))


def test_intervals_that_hold_the_truth_are_told_and_can_be_written() -> None:
    """Two runs of a quarter of an hour in which every twentieth vehicle is missed."""
    true: Counter[accuracy.Cell] = Counter(
        {(minute, "N", "S", Kind.CAR): 20 for minute in range(15)}
    )
    seen: Counter[accuracy.Cell] = Counter(
        {(minute, "N", "S", Kind.CAR): 19 for minute in range(15)}
    )
    runs = [Counted("cross-signal", seed, true, true, seen) for seed in (1, 2)]
    figure = accuracy._intervals(runs, "")
    assert figure.value == pytest.approx(5.0), "all bins hold it: 100 % of the time, not 95 %"
    assert not figure.passed
    assert "of 32 quarters" in figure.how, "each arm to each arm, also where nobody drove"
    assert "of 2 with 5 vehicles or more 100.0 %" in figure.how
    assert json.loads(json.dumps(record([figure])))["figures"][0]["passed"] is False


def test_the_bench_is_only_run_when_it_is_named() -> None:
    assert "accuracy.counts" in BENCHES
    assert "accuracy.counts" in _meant("accuracy")
    assert "accuracy.counts" not in _meant("core")
