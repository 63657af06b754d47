"""Benches in a file: when each begins and ends is told where no terminal is."""

import pytest

from placewatch.bench import BENCHES, Extent, Figure
from placewatch.bench.run import run_benches


def test_without_a_terminal_each_bench_says_when_it_begins_and_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []

    def measured(extent: Extent) -> list[Figure]:
        told.append(capsys.readouterr().err)
        extent.told("half")
        return []

    monkeypatch.setitem(BENCHES, "slow", measured)
    assert run_benches(["slow"], "-")
    assert told == ["measuring slow …\n"], "before it is waited for"
    assert capsys.readouterr().err.startswith("measured slow in 0")
