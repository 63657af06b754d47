"""Runtime: nets in ONNX files, run on one thread of whatever this machine has.

ONNX Runtime on the processor is the default: it was the fastest with most nets, and starts in a
tenth of the time of OpenVINO, which is there to be chosen. A graphics processor is taken where
CUDA really runs: that a library lists its provider says little, so a session is asked what it
holds. Cameras of one process share what one file needs, and its memory.
"""

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from placewatch.core.errors import Misconfigured
from placewatch.core.time import thread_cpu_s

Backend = Literal["auto", "onnxruntime", "openvino", "cuda"]
"""What a net runs on. `auto` is CUDA where it is usable, else ONNX Runtime on the processor."""

Array = npt.NDArray[Any]
Shape = tuple[int | None, ...]

RUN_S_MAX = 2.0
"""Processor seconds for one run: who takes longer has seen half a dozen cars pass meanwhile."""

_TRIAL_WALL_S = 20.0  # also a first run on a graphics processor, which prepares much, is shorter
_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a net. `shape` holds None where the file leaves a side open; `dtype`
    is as numpy calls it."""

    name: str
    shape: Shape
    dtype: str

    def __str__(self) -> str:
        sides = "x".join("?" if side is None else str(side) for side in self.shape)
        return f"{self.name} {sides or 'of any shape'} {self.dtype}"

    def matches(self, wanted: Shape) -> bool:
        """Whether it may be of shape `wanted`; None there, and open sides here, match any size."""
        return len(self.shape) == len(wanted) and all(
            None in (side, want) or side == want
            for side, want in zip(self.shape, wanted, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Expected:
    """What a net must take and give: a shape each, None where any size will do, all float32."""

    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]


class Net:
    """A net that is ready to run; any thread may. What it needs is shared with all others that
    were opened from the same file, and freed with the last."""

    def __init__(self, name: str, engine: "Engine") -> None:
        self.name = name
        self._engine = engine
        self._run = engine.run

    @property
    def inputs(self) -> tuple[Port, ...]:
        return self._engine.inputs

    @property
    def outputs(self) -> tuple[Port, ...]:
        return self._engine.outputs

    @property
    def runs_on(self) -> str:
        """What runs it, in words for a log: `ONNX Runtime 1.32.0, processor`."""
        return self._engine.what

    def run(self, *arrays: Array) -> list[Array]:
        """The outputs for `arrays`, one for each input, of float32 and contiguous.

        Batch and size may change from run to run where the file leaves them open. Raises
        Misconfigured where it fails, or answers with NaN or infinity.
        """
        return self._checked(arrays, None)

    def try_out(self, *arrays: Array, cpu_s: Callable[[], float] = thread_cpu_s) -> list[Array]:
        """Like `run`, and raises Misconfigured where it takes longer than `RUN_S_MAX`, or forever.

        A file can hold anything; this is to be done once with each that is not ours.
        """
        for _ in range(2):  # the first run prepares, so that only the second counts against it
            began_s = cpu_s()
            result = self._checked(arrays, _TRIAL_WALL_S)
            took_s = cpu_s() - began_s
            if took_s <= RUN_S_MAX:
                return result
        raise too_slow(self.name, took_s)

    def _checked(self, arrays: tuple[Array, ...], limit_s: float | None) -> list[Array]:
        try:
            results = self._run(arrays, limit_s)
        except TimeoutError as error:
            raise Misconfigured(
                f"{self.name} did not come to an end of one run within {limit_s:g} s",
                hint="take a net for live video, or a smaller one",
            ) from error
        except Exception as error:  # these libraries raise classes of their own, few of them public
            raise Misconfigured(
                f"{self.name} does not run: {_first_line(error)}",
                hint="is it complete? `placewatch models list` names nets that are known to work",
            ) from error
        for result in results:
            if not is_finite(result):
                raise Misconfigured(
                    f"{self.name} answers with numbers that are none (NaN or infinite)",
                    hint="the file is damaged or was converted wrongly; fetch it again",
                )
        return results


class Engine(Protocol):
    """A library that has loaded one net."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    what: str

    def run(self, arrays: tuple[Array, ...], limit_s: float | None) -> list[Array]:
        """Raises TimeoutError where it took longer than `limit_s` of wall time."""
        ...


def open_net(
    source: Path | bytes,
    *,
    expects: Expected | None = None,
    backend: Backend = "auto",
    name: str | None = None,
) -> Net:
    """The net in the ONNX file `source`, or in its bytes, ready to run. `name` is for messages;
    the file's unless told otherwise.

    Raises Misconfigured where there is no such file, where it is no net, where it is not what
    `expects` says, and where `backend` cannot be had.
    """
    if isinstance(source, bytes):
        name = name or "the net"
        key = hashlib.sha256(source).hexdigest()
    else:
        name = name or source.name
        key = _digest_of(source) + str(source.resolve().parent)  # weights may lie beside it
    with _LOADING:
        engine = _ENGINES.get((key, backend))
        if engine is None:
            engine = _load(source, name, backend)
            _ENGINES[(key, backend)] = engine
    if expects is not None:
        _check(name, engine, expects)
    return Net(name, engine)


_ENGINES: "weakref.WeakValueDictionary[tuple[str, str], Engine]" = weakref.WeakValueDictionary()
_LOADING = threading.Lock()  # or two cameras that start together would load the same net twice


def library() -> Any:
    """ONNX Runtime, told to keep to itself. Nobody imports it but by this.

    From 1.29 on its wheels send events and an identity of the machine to Microsoft, and keep both
    in the home folder, unless this is set before it is first loaded (its docs/Privacy.md).
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    # Only now: it takes a while to load, and `motion` does without.
    import onnxruntime

    return onnxruntime


_MANY = 20_000  # numbers


def is_finite(values: Array) -> bool:
    """Whether no value is NaN or infinite. Of many, a sum tells in a third of the time, nearly
    always."""
    if values.size < _MANY:
        return bool(np.isfinite(values).all())
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum())) or bool(np.isfinite(values).all())


def too_slow(name: str, took_s: float) -> Misconfigured:
    """What to say of a net whose run takes `took_s` of processor time."""
    return Misconfigured(
        f"{name} takes {took_s:.1f} s of processor time for one look; {RUN_S_MAX:g} s is the most",
        hint="take a smaller net (`placewatch models list`), or the same one for smaller pictures",
    )


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a back end is usable here, and its version or what is missing."""

    backend: Backend
    usable: bool
    told: str


def backends() -> list[Availability]:
    """All back ends, and which are usable here."""
    version = library().__version__
    found = [Availability("onnxruntime", True, f"ONNX Runtime {version}, processor")]
    if importlib.util.find_spec("openvino") is None:
        found.append(Availability("openvino", False, f"not installed: {_GET_OPENVINO}"))
    else:
        told = f"OpenVINO {importlib.metadata.version('openvino')}, processor"
        found.append(Availability("openvino", True, told))
    try:
        told = _load_cuda(_PROBE).what
        found.append(Availability("cuda", True, told))
    except _Unusable as error:
        found.append(Availability("cuda", False, str(error)))
    return found


_GET_OPENVINO = 'pip install "placewatch[openvino]"'
_GET_CUDA = 'pip install "placewatch[gpu]", and see docs/guide/detectors.md'

# y = Relu(x), one number: as an ONNX file (IR 8, operators of version 13).
_PROBE = bytes.fromhex(
    "08083a370a0c0a0178120179220452656c75120570726f62655a0f0a0178120a0a08080112040a"
    "020801620f0a0179120a0a08080112040a02080142040a00100d"
)


def _load(source: Path | bytes, name: str, backend: Backend) -> Engine:
    if backend not in get_args(Backend):
        raise Misconfigured(
            f'there is no back end "{backend}" for nets',
            hint=f"take one of {', '.join(get_args(Backend))}",
        )
    if backend == "openvino":
        return _load_openvino(source, name)
    why = ""
    if backend in ("auto", "cuda"):
        try:
            return _translated(name, lambda: _load_cuda(source))
        except _Unusable as error:
            if backend == "cuda":
                raise Misconfigured(
                    f"{name} cannot run by CUDA: {error}", hint='take "auto", or another back end'
                ) from error
            why = f" (CUDA is installed, but {error})" if error.installed else ""
    return _translated(name, lambda: _OnnxRuntime(source, [_CPU], f"processor{why}"))


def _translated(name: str, load: Callable[[], Engine]) -> Engine:
    try:
        return load()
    except (_Unusable, Misconfigured):
        raise
    except Exception as error:  # these libraries raise classes of their own, few of them public
        text = _first_line(error)
        if "external" in str(error).lower():
            raise Misconfigured(
                f"{name} keeps its weights in a second file, which is missing or cut short: {text}",
                hint="put that file, often called like this one with .data, beside it",
            ) from error
        raise Misconfigured(
            f"{name} is no ONNX model: {text}",
            hint="is the file whole? a detector is an .onnx file; `placewatch models list` names "
            "nets that are known to work",
        ) from error


class _Unusable(Exception):
    """CUDA cannot be had here. `installed` where somebody took the trouble."""

    def __init__(self, why: str, installed: bool) -> None:
        super().__init__(why)
        self.installed = installed


def _load_cuda(source: Path | bytes) -> "_OnnxRuntime":
    """A session on the graphics processor. Raises _Unusable."""
    onnxruntime = library()
    if _CUDA not in onnxruntime.get_available_providers():
        if _has("onnxruntime-gpu"):
            raise _Unusable(
                "onnxruntime lies over onnxruntime-gpu: pip uninstall -y onnxruntime, then "
                "pip install --force-reinstall --no-deps onnxruntime-gpu",
                installed=True,
            )
        raise _Unusable(f"not installed: {_GET_CUDA}", installed=False)
    onnxruntime.set_default_logger_severity(4)  # we say it in our words, once
    with contextlib.suppress(Exception), _quiet():
        # Finds CUDA and cuDNN where they came by pip; says on stdout what it does not find.
        onnxruntime.preload_dlls()
    # A new size must not start a search for the fastest algorithm that lasts seconds.
    provider = (_CUDA, {"cudnn_conv_algo_search": "HEURISTIC"})
    try:
        engine = _OnnxRuntime(source, [provider, _CPU], "CUDA")
        held = engine.providers()
    except Exception as error:
        if _CUDA not in str(error) and "cuda" not in str(error).lower():
            raise
        raise _Unusable(_first_line(error), installed=True) from error
    if _CUDA not in held:
        raise _Unusable(
            "no session comes to run on it: is there a device (nvidia-smi), and are CUDA and cuDNN "
            "of the versions that onnxruntime-gpu asks for?",
            installed=True,
        )
    return engine


def _has(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Nothing is printed within: on stdout there may be JSON."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


class _OnnxRuntime:
    """ONNX Runtime, one thread."""

    def __init__(self, source: Path | bytes, providers: list[Any], where: str) -> None:
        onnxruntime = library()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # Patterns of memory are kept for each size of picture; without them it is no slower. The
        # arena is worth 4 to 13 % of the time, and there is one for all cameras.
        options.enable_mem_pattern = False
        content = source if isinstance(source, bytes) else str(source)
        self._session = onnxruntime.InferenceSession(
            content, options, providers=providers, enable_fallback=False
        )
        self._run_options = onnxruntime.RunOptions
        self.inputs = tuple(_port(one) for one in self._session.get_inputs())
        self.outputs = tuple(_port(one) for one in self._session.get_outputs())
        self._names = [one.name for one in self.inputs]
        self._wanted = [one.name for one in self.outputs]
        self.what = f"ONNX Runtime {onnxruntime.__version__}, {where}"

    def providers(self) -> list[str]:
        """What really runs it, in order."""
        return list(self._session.get_providers())

    def run(self, arrays: tuple[Array, ...], limit_s: float | None) -> list[Array]:
        feed = dict(zip(self._names, arrays, strict=True))
        if limit_s is None:
            results: list[Array] = self._session.run(self._wanted, feed)
            return results
        options = self._run_options()

        def end() -> None:
            options.terminate = True

        with _ended_after(limit_s, end):
            results = self._session.run(self._wanted, feed, options)
        return results


@contextlib.contextmanager
def _ended_after(limit_s: float, end: Callable[[], None]) -> Iterator[None]:
    """Calls `end` when `limit_s` have passed within; what that breaks is a TimeoutError."""
    over = threading.Event()

    def give_up() -> None:
        over.set()
        end()

    timer = threading.Timer(limit_s, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as error:
        if over.is_set():
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()


def _port(told: Any) -> Port:
    sides = tuple(side if isinstance(side, int) else None for side in told.shape or [])
    dtype = told.type.removeprefix("tensor(").removesuffix(")")
    return Port(told.name, sides, {"float": "float32", "double": "float64"}.get(dtype, dtype))


def _load_openvino(source: Path | bytes, name: str) -> Engine:
    if importlib.util.find_spec("openvino") is None:
        raise Misconfigured(f"{name} cannot run: OpenVINO is not installed", hint=_GET_OPENVINO)
    return _translated(name, lambda: _OpenVino(source))


def _openvino() -> Any:
    """OpenVINO without `openvino_telemetry`, which would tell Google of each import of it."""
    # An import that fails: OpenVINO then takes a stub of its own.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino

    return openvino


class _OpenVino:
    """OpenVINO on the processor, one thread: the one that calls."""

    def __init__(self, source: Path | bytes) -> None:
        openvino = _openvino()
        self._source = source
        core = openvino.Core()
        model = core.read_model(source if isinstance(source, bytes) else str(source))
        settings: dict[str, Any] = {
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # cameras move between cores as the system wants
            "INFERENCE_PRECISION_HINT": "f32",  # bf16 would give other boxes on some processors
        }
        self._compiled = core.compile_model(model, "CPU", settings)
        self.inputs = tuple(_openvino_port(one, k) for k, one in enumerate(self._compiled.inputs))
        self.outputs = tuple(_openvino_port(one, k) for k, one in enumerate(self._compiled.outputs))
        self.what = f"OpenVINO {importlib.metadata.version('openvino')}, processor"
        self._own = threading.local()  # a request may serve one thread at a time

    def run(self, arrays: tuple[Array, ...], limit_s: float | None) -> list[Array]:
        request = getattr(self._own, "request", None)
        if request is None:
            request = self._own.request = self._compiled.create_infer_request()
        if limit_s is not None:
            # A loop in a net cannot be interrupted here; there it can.
            _OnnxRuntime(self._source, [_CPU], "").run(arrays, limit_s)
        results = request.infer(list(arrays), share_inputs=True, share_outputs=True)
        # The next run writes where these lie.
        return [np.array(results[k]) for k in range(len(self.outputs))]


def _openvino_port(told: Any, number: int) -> Port:
    sides = told.get_partial_shape()
    shape: Shape = ()
    if sides.rank.is_static:
        shape = tuple(side.get_length() if side.is_static else None for side in sides)
    name = told.get_any_name() if told.get_names() else str(number)
    return Port(name, shape, np.dtype(told.get_element_type().to_dtype()).name)


def _check(name: str, engine: Engine, expects: Expected) -> None:
    for what, ports, shapes in (
        ("inputs", engine.inputs, expects.inputs),
        ("outputs", engine.outputs, expects.outputs),
    ):
        fits = len(ports) == len(shapes) and all(
            (not port.shape or port.matches(shape)) and port.dtype == "float32"
            for port, shape in zip(ports, shapes, strict=True)
        )
        if not fits:
            wanted = ", ".join(
                "x".join("?" if side is None else str(side) for side in shape) for shape in shapes
            )
            raise Misconfigured(
                f"{name} has other {what} than expected: {', '.join(str(port) for port in ports)}; "
                f"expected {wanted} float32",
                hint="is it the right file, of this version?",
            )


def _digest_of(path: Path) -> str:
    if not path.is_file():
        raise Misconfigured(
            f"no detector file {path}", hint="give a catalogue name or the path of an .onnx file"
        )
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Misconfigured(
            f"{path} cannot be read: {error.strerror}", hint="may you read it?"
        ) from error


_OF_CUDA = re.compile(r"(?:CUDA|CUDNN|CUBLAS)\w* failure [^;\n]*[^;\s]")


def _first_line(error: Exception) -> str:
    """The library's own words, the first line that says something, without places in its source."""
    if failure := _OF_CUDA.search(str(error)):  # after it comes the name of the machine, too
        return failure[0][:160]
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(("Exception from", "Check '"))]
    text = (telling or lines or [type(error).__name__])[0]
    return text.removeprefix("[ONNXRuntimeError] : ")[:160]
