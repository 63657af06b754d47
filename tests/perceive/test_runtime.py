"""Runtime: one seam for three libraries; what runs a net, and what is no net, is said."""

import importlib.util
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from tests.perceive import nets

from placewatch.core.errors import Misconfigured
from placewatch.perceive import runtime
from placewatch.perceive.runtime import Backend, Expected, backends, open_net

onnxruntime = runtime.library()
HERE: list[Backend] = ["onnxruntime", "openvino"]


@pytest.fixture(params=HERE)
def backend(request: pytest.FixtureRequest) -> Backend:
    name: Backend = request.param
    if name == "openvino" and importlib.util.find_spec("openvino") is None:
        pytest.skip("OpenVINO is not installed here")
    return name


@pytest.mark.parametrize("shape", [(1, 3, 8, 16), (4, 3, 8, 16), (2, 3, 32, 8)])
def test_batch_and_size_may_change_from_run_to_run(
    backend: Backend, shape: tuple[int, ...]
) -> None:
    net = open_net(nets.double(), backend=backend)
    assert net.inputs[0].shape == (None, 3, None, None)
    rng = np.random.default_rng(3)
    for _ in range(2):
        picture = rng.random(shape, np.float32)
        (result,) = net.run(picture)
        np.testing.assert_allclose(result, 2 * picture, rtol=1e-6)


def test_a_result_stays_when_the_net_runs_again(backend: Backend) -> None:
    net = open_net(nets.double(), backend=backend)
    (first,) = net.run(np.full((1, 3, 8, 8), 1.0, np.float32))
    net.run(np.full((1, 3, 8, 8), 5.0, np.float32))
    assert (first == 2.0).all()


def test_cameras_share_what_one_file_needs_and_run_it_side_by_side(
    backend: Backend, tmp_path: Path
) -> None:
    for name in ("a.onnx", "b.onnx"):
        (tmp_path / name).write_bytes(nets.double())
    one = open_net(tmp_path / "a.onnx", backend=backend)
    other = open_net(tmp_path / "b.onnx", backend=backend)
    assert one._engine is other._engine
    assert (one.name, other.name) == ("a.onnx", "b.onnx")
    wrong: list[float] = []

    def camera(number: int) -> None:
        for _ in range(30):
            (result,) = other.run(np.full((1, 3, 16, 16), number, np.float32))
            wrong.extend(result[result != 2 * number].ravel())

    threads = [threading.Thread(target=camera, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_nothing_is_kept_of_a_net_that_nobody_uses() -> None:
    net = open_net(nets.double(batch=7))
    before = len(runtime._ENGINES)
    del net
    assert len(runtime._ENGINES) < before


def test_other_inputs_or_outputs_than_expected_are_told_with_both() -> None:
    square = (None, 3, None, None)
    open_net(nets.double(), expects=Expected((square,), (square,)))
    with pytest.raises(Misconfigured, match=r"inputs.*x \?x3x\?x\? float32; expected 1x1x\?x\?"):
        open_net(nets.double(), name="n", expects=Expected(((1, 1, None, None),), (square,)))
    with pytest.raises(Misconfigured, match="other outputs than expected"):
        open_net(nets.double(), expects=Expected((square,), (square, square)))


def test_a_file_that_ends_early_is_told_by_name(backend: Backend, tmp_path: Path) -> None:
    path = nets.net(tmp_path / "cut.onnx", (64, 64), nets.yolox())
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(Misconfigured, match=r"cut\.onnx is no ONNX model"):
        open_net(path, backend=backend)


def test_weights_that_stayed_behind_are_asked_for(backend: Backend, tmp_path: Path) -> None:
    path = nets.apart(tmp_path / "net.onnx", "net.onnx.data")
    open_net(path, backend=backend)
    (tmp_path / "net.onnx.data").unlink()
    with pytest.raises(Misconfigured, match=r"net\.onnx keeps its weights in a second file"):
        open_net(path, backend=backend)


def test_a_net_that_never_answers_is_ended(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "_TRIAL_WALL_S", 0.2)
    net = open_net(nets.endless(), name="endless.onnx", backend=backend)
    with pytest.raises(Misconfigured, match=r"endless\.onnx did not come to an end"):
        net.try_out(np.zeros(1, np.float32))


def test_a_net_is_slow_by_its_second_run() -> None:
    net = open_net(nets.double(), name="slow.onnx")
    picture = np.zeros((1, 3, 8, 8), np.float32)
    for first_s, then_s, slow in ((9.0, 0.1, False), (0.1, 9.0, False), (9.0, 3.5, True)):
        times = iter([0.0, first_s, first_s, first_s + then_s])
        if slow:
            with pytest.raises(Misconfigured, match=r"slow\.onnx takes 3\.5 s"):
                net.try_out(picture, cpu_s=lambda times=times: next(times))  # type: ignore[misc]
        else:
            net.try_out(picture, cpu_s=lambda times=times: next(times))  # type: ignore[misc]


def test_numbers_that_are_none_are_told(backend: Backend) -> None:
    net = open_net(nets.double(), backend=backend, name="n.onnx")
    net.run(np.full((1, 3, 8, 8), 1e37, np.float32))  # their sum is none, but each of them is
    with pytest.raises(Misconfigured, match=r"n\.onnx answers with numbers that are none"):
        net.run(np.full((1, 3, 8, 8), 3e38, np.float32))


def test_what_is_not_installed_is_said_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "openvino" else found(name)
    )
    with pytest.raises(Misconfigured) as told:
        open_net(nets.double(), backend="openvino")
    assert "placewatch[openvino]" in told.value.hint
    with pytest.raises(Misconfigured, match='no back end "tpu"'):
        open_net(nets.double(), backend="tpu")  # type: ignore[arg-type]


class Held:
    """A session of a machine with other providers than this one."""

    def __init__(self, holds: list[str]) -> None:
        self.holds = holds
        self.real = onnxruntime.InferenceSession
        self.asked: list[Any] = []

    def __call__(self, content: Any, options: Any, *, providers: list[Any], **more: Any) -> Any:
        self.asked.append(providers)
        session = self.real(content, options, providers=["CPUExecutionProvider"])
        names = [one if isinstance(one, str) else one[0] for one in providers]
        session.get_providers = lambda: [name for name in names if name in self.holds]
        return session


def with_providers(monkeypatch: pytest.MonkeyPatch, listed: list[str], holds: list[str]) -> Held:
    """A machine whose library lists some providers, and whose sessions hold others."""
    held = Held([*holds, "CPUExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: listed)
    monkeypatch.setattr(onnxruntime, "InferenceSession", held)
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: print("not found: libcudnn"))
    monkeypatch.setattr(onnxruntime, "set_default_logger_severity", lambda level: None)
    return held


CUDA = "CUDAExecutionProvider"


def test_a_graphics_processor_is_taken_where_a_session_runs_on_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_providers(monkeypatch, [CUDA, "CPUExecutionProvider"], [CUDA])
    net = open_net(nets.double(batch=2))
    assert net.runs_on.endswith("CUDA")
    assert {one.backend: one.usable for one in backends()}["cuda"]
    assert capsys.readouterr().out == "", "on stdout there may be JSON"
    assert "processor" in open_net(nets.double(batch=2), backend="onnxruntime").runs_on


def test_a_graphics_processor_that_is_only_listed_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_providers(monkeypatch, [CUDA, "CPUExecutionProvider"], [])
    net = open_net(nets.double(batch=3))
    assert "processor (CUDA is installed, but no session" in net.runs_on
    with pytest.raises(Misconfigured, match="cannot run by CUDA"):
        open_net(nets.double(batch=3), backend="cuda")


def test_what_cuda_says_is_told_without_places_and_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with_providers(monkeypatch, [CUDA], [CUDA])

    def fail(*arguments: Any, **more: Any) -> Any:
        raise RuntimeError(
            "/src/cuda_call.cc:154 Status onnxruntime::CudaCall(int) [with ERRTYPE = cudaError] "
            "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; "
            "GPU=-1 ; hostname=kista ; file=/src/cuda_execution_provider.cc ; line=355"
        )

    monkeypatch.setattr(onnxruntime, "InferenceSession", fail)
    (cuda,) = [one for one in backends() if one.backend == "cuda"]
    assert not cuda.usable
    assert cuda.told == (
        "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version"
    )


def test_a_library_that_lies_over_the_other_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    held = with_providers(monkeypatch, ["CPUExecutionProvider"], [])
    monkeypatch.setattr(runtime, "_has", lambda name: name == "onnxruntime-gpu")
    (cuda,) = [one for one in backends() if one.backend == "cuda"]
    assert not cuda.usable
    assert "pip uninstall -y onnxruntime" in cuda.told
    assert held.asked == []


def test_a_net_that_is_none_is_no_fault_of_the_graphics_processor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_providers(monkeypatch, [CUDA], [CUDA])
    with pytest.raises(Misconfigured, match="is no ONNX model"):
        open_net(b"hello")


def test_the_probe_is_a_sound_model() -> None:
    onnx.checker.check_model(onnx.load_from_string(runtime._PROBE))
    (result,) = open_net(runtime._PROBE).run(np.array([-1.0], np.float32))
    assert result == [0.0]


def test_no_library_tells_anybody_or_leaves_anything_behind(
    backend: Backend, tmp_path: Path
) -> None:
    """ONNX Runtime would tell Microsoft, OpenVINO Google."""
    (tmp_path / "net.onnx").write_bytes(nets.double())
    script = f"""
import socket, sys
from pathlib import Path

class Closed(socket.socket):
    def __init__(self, *_, **__):
        raise AssertionError("somebody opens a socket")

socket.socket = Closed
import numpy as np
from placewatch.perceive.runtime import open_net
open_net(Path("net.onnx"), backend="{backend}").try_out(np.zeros((1, 3, 8, 8), np.float32))
assert "{backend}" in sys.modules
"""
    home = tmp_path / "home"
    home.mkdir()
    # Nothing else, above all no CI=true, for which ONNX Runtime keeps quiet by itself.
    environment = {name: str(home) for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(home.rglob("*")) == []
