"""Nets: tiny ONNX files for tests, sound ones and bad ones."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Floats = npt.NDArray[np.float32]


def yolox(size: int = 64) -> Floats:
    """What a YOLOX net answers where it sees nobody."""
    return np.zeros((1, sum((size // s) ** 2 for s in (8, 16, 32)), 85), np.float32)


def crowd(size: int = 64, score: float = 0.9) -> Floats:
    """What a YOLOX net answers that sees a car in every cell."""
    answer = yolox(size)
    answer[0, :, 4] = score
    answer[0, :, 5 + 2] = 1.0
    return answer


def net(
    path: Path,
    size: tuple[int, int],
    answer: Floats,
    *,
    inputs: int = 1,
    dtype: int = TensorProto.FLOAT,
    sound: tuple[float, float] | None = None,
) -> Path:
    """A net that gives `answer` whatever it sees; with `sound`, NaN for pictures whose mean
    brightness lies outside of it."""
    height, width = size
    low, high = sound or (-1e9, 1e9)
    constants = {"zero": 0.0, "low": low, "high": high}
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["mean"], keepdims=0),
        helper.make_node("Sub", ["mean", "low"], ["above"]),
        helper.make_node("Sub", ["high", "mean"], ["below"]),
        helper.make_node("Sqrt", ["above"], ["root_above"]),  # of less than 0: NaN
        helper.make_node("Sqrt", ["below"], ["root_below"]),
        helper.make_node("Add", ["root_above", "root_below"], ["roots"]),
        helper.make_node("Mul", ["roots", "zero"], ["nought"]),
        helper.make_node("Add", ["answer", "nought"], ["output"]),
    ]
    shapes = [
        helper.make_tensor_value_info(
            "images" if k == 0 else f"more{k}", dtype, [1, 3, height, width]
        )
        for k in range(inputs)
    ]
    result = helper.make_tensor_value_info("output", TensorProto.FLOAT, list(answer.shape))
    weights = [numpy_helper.from_array(np.array(v, np.float32), k) for k, v in constants.items()]
    weights.append(numpy_helper.from_array(answer, "answer"))
    onnx.save(_model(nodes, shapes, [result], weights), str(path))
    return path


def double(batch: int | None = None) -> bytes:
    """y = 2 x for pictures of any size, and any number of them unless `batch` says how many."""
    sides: list[Any] = [batch or "n", 3, "h", "w"]
    nodes = [helper.make_node("Add", ["x", "x"], ["y"])]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name in "xy"]
    return bytes(_model(nodes, ports[:1], ports[1:], []).SerializeToString())


def endless() -> bytes:
    """A net that counts to 2^60 before it answers."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Add", ["value", "one"], ["more"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("value", TensorProto.FLOAT, [1]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]),
        ],
        [helper.make_tensor("one", TensorProto.FLOAT, [], [1.0])],
    )
    nodes = [helper.make_node("Loop", ["turns", "true", "x"], ["y"], body=body)]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    weights = [
        helper.make_tensor("turns", TensorProto.INT64, [], [2**60]),
        helper.make_tensor("true", TensorProto.BOOL, [], [True]),
    ]
    return bytes(_model(nodes, ports[:1], ports[1:], weights).SerializeToString())


def apart(path: Path, weights: str) -> Path:
    """y = x + w, w in a file called `weights` beside it."""
    nodes = [helper.make_node("Add", ["x", "w"], ["y"])]
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, 64, 64]) for n in "xy"]
    initial = [numpy_helper.from_array(np.ones((1, 3, 64, 64), np.float32), "w")]
    onnx.save(
        _model(nodes, ports[:1], ports[1:], initial),
        str(path),
        save_as_external_data=True,
        location=weights,
        size_threshold=16,
    )
    return path


def _model(nodes: Any, inputs: Any, outputs: Any, weights: Any) -> Any:
    graph = helper.make_graph(nodes, "net", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
