"""The bench of walkers, on one street for a few minutes: its form, and that it can fail."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from placewatch.bench import BENCHES, Extent
from placewatch.bench.page import accuracy_page
from placewatch.bench.record import record
from placewatch.bench.run import _meant
from placewatch.bench.walkers import Passage, Walked, figures_of, measure_walkers, paired

ROOT = Path(__file__).parents[2]
SCHEMA = Draft202012Validator(json.loads((ROOT / "docs/spec/bench.schema.json").read_text("utf-8")))


def test_perfect_tracks_are_exact_and_the_page_says_so() -> None:
    pytest.importorskip("sumo", reason="SUMO is not installed: placewatch[simulate]")
    figures = measure_walkers(Extent(streets=1, seeds=1, hours=0.08))
    document = record(figures)
    SCHEMA.validate(document)
    told = {figure.name: figure for figure in figures}
    assert told["accuracy.walkers.counts.perfect"].value == 0.0
    assert told["accuracy.walkers.place.perfect"].value == pytest.approx(0.0, abs=0.05)
    for name in ("counts", "place", "speed", "midblock"):
        assert told[f"accuracy.walkers.{name}.perfect"].passed
    counts = told["accuracy.walkers.counts.camera"].value
    assert counts is not None
    assert counts < 20.0
    page = accuracy_page(document)
    for name in told:
        assert f"`{name}`" in page


def passage(left_s: float, x_m: float, speed: float = 1.3, crossing: str | None = "z") -> Passage:
    return Passage(left_s, x_m, 0.0, speed, crossing)


def test_each_true_passage_is_met_by_the_nearest_and_each_told_one_once() -> None:
    true = [passage(10.0, 0.0), passage(12.0, 0.0), passage(100.0, 0.0)]
    found = [passage(10.1, 0.1), passage(11.9, 0.0), passage(100.0, 9.0)]
    pairs = paired(true, found)
    assert pairs == [
        (true[0], found[0]), (true[1], found[1]), (true[2], None), (None, found[2]),
    ]  # fmt: skip


def test_what_is_missed_misplaced_or_mistaken_is_not_passed() -> None:
    run = Walked("t", 1)
    run.true["road"] = [passage(20.0 * n, 0.0, crossing=None) for n in range(1, 41)]
    run.camera["road"] = [passage(20.0 * n, 2.0, 1.5, None if n % 2 else "z") for n in range(1, 39)]
    told = {figure.name.split(".", 2)[2]: figure for figure in figures_of([run], "camera", "")}
    assert told["counts.camera"].value == pytest.approx(5.0)
    assert told["place.camera"].value == pytest.approx(2.0)
    assert told["speed.camera"].value == pytest.approx(0.2)
    assert told["speed.each.camera"].value == pytest.approx(0.2)
    assert told["midblock.camera"].value == pytest.approx(19 / 40)
    for name in ("counts", "place", "speed", "midblock"):
        assert not told[f"{name}.camera"].passed


def test_the_bench_is_only_run_when_it_is_named() -> None:
    assert "accuracy.walkers" in BENCHES
    assert "accuracy.walkers" in _meant("accuracy")
    assert "accuracy.walkers" not in _meant("core")
