"""The bench of queues, on one signal for a few minutes: its truth, and that it can fail."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from placewatch.bench import BENCHES, queues
from placewatch.bench.page import accuracy_page
from placewatch.bench.queues import (
    Cycle,
    Delayed,
    Queued,
    figures_of,
    queue_up,
    seen_m,
)
from placewatch.bench.record import record
from placewatch.bench.run import _meant
from placewatch.simulate.poses import camera_at
from placewatch.simulate.queues import Jams, _red, stop_lines
from placewatch.simulate.streets import street_named
from placewatch.simulate.sumo import build_network

pytest.importorskip("sumo", reason="SUMO is not installed: placewatch[simulate]")

ROOT = Path(__file__).parents[2]
SCHEMA = Draft202012Validator(json.loads((ROOT / "docs/spec/bench.schema.json").read_text("utf-8")))


def test_queues_of_perfect_tracks_are_those_of_sumos_detectors() -> None:
    run = queue_up("wye-signal", 7, 0.06, warm_s=60.0)
    assert len(run.perfect) >= 4  # a whole cycle or two of three lanes
    assert sum(cycle.true > 0 for cycle in run.perfect) >= 3
    assert all(abs(cycle.found - cycle.true) <= 1 for cycle in run.perfect)
    assert len(run.camera) == len(run.perfect)
    off = [abs(cycle.found - cycle.true) for cycle in run.camera]
    assert sum(off) / len(off) < 1.5
    assert len(run.perfect_delays) == 3
    assert all(delay.true_s > 0.0 for delay in run.perfect_delays)
    document = record(figures_of([run], "for a moment"))
    SCHEMA.validate(document)
    told = {figure["name"]: figure for figure in document["figures"]}
    assert told["accuracy.queues.perfect"]["passed"]
    page = accuracy_page(document)
    assert all(f"`{name}`" in page for name in told)


def test_the_lanes_before_a_signal_are_found_with_their_red(tmp_path: Path) -> None:
    street = street_named("cross-signal-2")
    network = build_network(street, tmp_path)
    lines = stop_lines(street, network, tmp_path / "net.xml", 50.0)
    assert [(line.edge, len(line.lanes)) for line in lines] == [
        ("N_in", 2), ("E_in", 2), ("S_in", 2), ("W_in", 2),
    ]  # fmt: skip
    # Of the two streets one has red while the other has green, 45 s each.
    assert [(line.cycle_s, line.red_s) for line in lines] == [(90, 45), (90, 0), (90, 45), (90, 0)]
    assert lines[0].stop.y_m < lines[0].begin.y_m == pytest.approx(lines[0].stop.y_m + 50.0)
    assert stop_lines(street, network, tmp_path / "net.xml", {"E_in": 20.0})[0].reach_m == 20.0
    reach = seen_m(camera_at(street, "roof"), lines)
    assert all(25.0 <= reach_m <= 80.0 for reach_m in reach.values())
    ring = street_named("ring-4")
    network = build_network(ring, tmp_path)
    assert stop_lines(ring, network, tmp_path / "net.xml", 50.0) == ()


def test_red_begins_when_nobody_may_go_any_more() -> None:
    signal = ET.fromstring(
        '<tlLogic offset="10"><phase duration="30" state="Gr"/><phase duration="4" state="yr"/>'
        '<phase duration="20" state="rG"/><phase duration="6" state="ry"/></tlLogic>'
    )
    assert _red(signal, [0]) == (60.0, 44.0)
    assert _red(signal, [1]) == (60.0, 10.0)
    assert _red(signal, [0, 1]) == (60.0, 0.0)


def test_a_jam_is_that_of_its_cycle() -> None:
    jams = Jams(np.arange(10.0), np.array([0, 1, 2, 3, 0, 0, 5, 1, 0, 0.0]), np.arange(10.0))
    assert jams.most(0.0, 4.0) == (3, 3.0)
    assert jams.most(4.0, 8.0) == (5, 7.0)
    assert jams.most(20.0, 30.0) == (0, 0.0)


def test_a_wrong_queue_is_not_passed() -> None:
    right = Cycle(3, 3, 20.0, 20.5, 1)
    run = Queued("t", 1, [right] * 9 + [Cycle(5, 2, 30.0, 12.0, 2)], [right] * 19 + [right])
    run.camera_delays = [Delayed(20.0, 23.0, 100), Delayed(20.0, 19.0, 100), Delayed(9.0, None, 0)]
    told = {figure.name: figure for figure in figures_of([run], "")}
    assert told["accuracy.queues.perfect"].value == 90.0
    assert not told["accuracy.queues.perfect"].passed
    assert told["accuracy.queues.camera"].passed
    assert told["accuracy.queues.recognised"].value == 90.0
    assert told["accuracy.delays.camera"].value == 2.0
    assert "+1 s in sum" in told["accuracy.delays.camera"].how
    assert told["accuracy.delays.perfect"].value is None
    SCHEMA.validate(record(list(told.values())))
    nothing = figures_of([Queued("t", 1)], "")
    assert not any(figure.passed for figure in nothing)
    SCHEMA.validate(record(nothing))


def test_the_bench_is_only_run_when_it_is_named() -> None:
    assert "accuracy.queues" in BENCHES
    assert "accuracy.queues" in _meant("accuracy")
    assert "accuracy.queues" not in _meant("core")
    assert set(queues._BOUNDS) == {figure.name for figure in figures_of([], "")}
