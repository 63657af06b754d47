"""The benches of what measuring costs, and of recorded tracks: their form, and that they can
fail."""

from pathlib import Path

import pytest

from placewatch.bench import BENCHES, Extent, measuring, reference
from placewatch.bench.measuring import measure_cost
from placewatch.bench.page import accuracy_page
from placewatch.bench.record import record
from placewatch.bench.reference import measure_reference

SHARED = Path(__file__).parents[2] / "../shared/data"


def test_the_cost_of_all_measures_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sumo", reason="SUMO is not installed: placewatch[simulate]")
    monkeypatch.setattr(measuring, "RUN_S", 4.0)
    monkeypatch.setattr(measuring, "WARM_S", 1.0)
    monkeypatch.setattr(measuring, "REPLAY_S_MAX", 0.0)
    figures = measure_cost(Extent(seeds=1, hours=0.05))
    told = {figure.name: figure for figure in figures}
    share, replay = told["accuracy.cost.measures"].value, told["accuracy.cost.replay"]
    assert share is not None
    assert 0.0 < share < 100.0
    assert replay.value is not None
    assert replay.value > 0.0
    assert not replay.passed
    assert "`accuracy.cost.replay`" in accuracy_page(record(figures))
    assert {"accuracy.cost", "accuracy.reference"} <= BENCHES.keys()


def test_without_the_recorded_tracks_it_is_said_how_to_give_them() -> None:
    figures = measure_reference(Extent())
    assert len(figures) == 4
    for figure in figures:
        assert figure.value is None
        assert not figure.passed
        assert "--data" in figure.how


def test_a_folder_without_them_is_said(tmp_path: Path) -> None:
    for figure in measure_reference(Extent(data=tmp_path)):
        assert figure.value is None
        assert str(tmp_path) in figure.how


@pytest.mark.skipif(not SHARED.exists(), reason="the recorded tracks are not on this machine")
def test_what_was_published_of_recorded_tracks_is_found_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    figures = measure_reference(Extent(data=SHARED))
    assert all(figure.passed for figure in figures), [figure.how for figure in figures]
    monkeypatch.setattr(reference, "F1_MIN", 1.1)
    assert not measure_reference(Extent(data=SHARED))[0].passed
