"""Looks in batches: what is told with CUDA and without, on windows that are small and few."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from placewatch.bench import Extent, Figure, Looks, gpu
from placewatch.bench.page import page
from placewatch.bench.record import record
from placewatch.bench.run import run_benches
from placewatch.core.errors import Misconfigured
from placewatch.perceive.runtime import Net, open_net

ROOT = Path(__file__).parents[2]
SCHEMA = Draft202012Validator(json.loads((ROOT / "docs/spec/bench.schema.json").read_text("utf-8")))
WHY = "the street net cannot run by CUDA: no session comes to run on it"


FEW = Looks(windows_px=((64, 64),), batches=(1, 3), runs=2)


def valid(figures: list[Figure]) -> tuple[dict[str, Figure], str]:
    """The figures by name and their page, after the published form of them was in order."""
    document = record(figures)
    SCHEMA.validate(document)
    return {figure.name: figure for figure in figures}, page(document)


def without(source: Any, **wishes: Any) -> Net:
    if wishes["backend"] == "cuda":
        raise Misconfigured(WHY, hint="take another")
    return open_net(source, **wishes)


def stand_in(source: Any, **wishes: Any) -> Net:
    """The processor in the place of CUDA, which few have."""
    return open_net(source, **{**wishes, "backend": "onnxruntime"})


def test_without_cuda_a_sentence_says_so_and_the_processor_is_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gpu, "open_net", without)
    told: list[str] = []
    figures, text = valid(gpu.measure(Extent(looks=FEW, told=told.append)))
    assert set(figures) == {"gpu", "gpu.64x64.processor.1", "gpu.64x64.processor.3"}
    assert figures["gpu"].how == f"there is no usable CUDA here: {WHY}"
    assert figures["gpu"].how in told
    assert not figures["gpu"].passed
    assert (figures["gpu.64x64.processor.3"].value or 0.0) > 0.0
    assert "| 64x64 | 3 |  |  | " in text
    assert "| `gpu` |  |  | not measured | **not passed** |" in text


def test_with_cuda_each_batch_stands_beside_the_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "open_net", stand_in)
    told: list[str] = []
    figures, text = valid(gpu.measure(Extent(looks=FEW, told=told.append)))
    for batch in (1, 3):
        for where in ("cuda", "processor"):
            one = figures[f"gpu.64x64.{where}.{batch}"]
            assert one.value is not None
            assert one.low is not None
            assert one.high is not None
            assert 0.0 < one.low <= one.value <= one.high
    assert (figures["gpu.64x64"].value or 0.0) > 0.0
    assert figures["gpu.64x64.first"].value is not None
    assert [figures[f"gpu.same.{name}"].value for name in ("score", "box")] == [0, 0]
    assert all(figure.passed for figure in figures.values())
    assert text.count("| 64x64 | ") == 2


def test_road_users_are_drawn_that_the_net_sees() -> None:
    net = open_net(ROOT / "src/placewatch/perceive/street.onnx", backend="onnxruntime")
    for wide, high in Looks().windows_px:
        planes = gpu.draw(16, wide, high)
        assert planes.shape == (16, 3, high, wide)
        scores = net.run(planes)[0][:, 0]  # logits
        assert ((scores > 0.0).any(axis=(1, 2))).mean() > 0.9, f"in {wide}x{high}"


def test_more_windows_than_are_drawn_are_the_same_again() -> None:
    planes = gpu.draw(100, 64, 64)
    assert (planes[64:] == planes[:36]).all()


def test_another_answer_does_not_pass() -> None:
    ours = np.full((1, 12, 2, 2), -8.0, np.float32)
    ours[0, :5, 0, 0] = 2.0, 0.0, 0.0, 1.0, 0.0
    theirs = ours.copy()
    theirs[0, 0, 0, 0] = 1.6
    theirs[0, 3, 0, 0] = 1.1
    told = {figure.name: figure for figure in gpu.compare([(ours, theirs)])}
    assert told["gpu.same.score"].value == pytest.approx(0.0488, abs=1e-4)
    assert told["gpu.same.box"].value == pytest.approx(8 * (math.exp(1.1) - math.e), abs=1e-3)
    assert not any(figure.passed for figure in told.values())


def test_nothing_found_is_no_agreement() -> None:
    empty = np.full((1, 12, 2, 2), -8.0, np.float32)
    assert not any(figure.passed for figure in gpu.compare([(empty, empty)]))


def test_alone_it_prints_a_table_and_writes_the_record(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(gpu, "open_net", without)
    monkeypatch.setattr(gpu, "Looks", lambda: FEW)
    gpu.main(["--json", str(tmp_path / "gpu.json")])
    printed = capsys.readouterr().out
    assert printed.startswith("| window | a run |")
    assert f"gpu: not measured (not passed): there is no usable CUDA here: {WHY}\n" in printed
    SCHEMA.validate(json.loads((tmp_path / "gpu.json").read_text("utf-8")))


def test_it_needs_nothing_but_numpy_numba_and_a_library_for_nets() -> None:
    """A machine with a graphics processor may have no other of placewatch's libraries."""
    program = """
import sys
for name in ("av", "cv2", "deltalake", "pyarrow", "pydantic", "rich", "typer"):
    sys.modules[name] = None
from placewatch.bench import Looks, gpu
gpu.measure_looks(Looks(((64, 64),), (1,), 1), print)
gpu.record([])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_it_runs_only_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    def note(name: str) -> Any:
        def measure(extent: Extent) -> list[Figure]:
            ran.append(name)
            return []

        return measure

    names = ("core.main", "core.start", "gpu")
    monkeypatch.setattr("placewatch.bench.run.BENCHES", {name: note(name) for name in names})
    assert run_benches([], None)
    assert ran == ["core.main", "core.start"]
    assert run_benches(["gpu"], None)
    assert ran[2:] == ["gpu"]
