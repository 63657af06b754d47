"""Quantize: a trained net with most of its weights in bytes, for a processor that has other work.

    python -m tools.train.quantize --net trained.onnx --data DIR --out street.onnx

Between two looks a picture is decoded, and the caches hold nothing of the net: most of a small
look is waiting for its weights. So the wide layers, nine tenths of all weights, are quantized to 8
bits; the first and the last, which say where a side is, stay as they are. What values pass through
them is seen in windows around road users of DIR, which cut.py and render.py wrote. Weights take 7
bits of 8: processors without VNNI add two products in 16 bits, and 8 would overflow there.
"""

import argparse
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from tools.train.samples import Stock

from placewatch.perceive import street_net

WIDE = 96  # channels: from here a layer has weights worth it
MARGIN_PX = 10
A_CAMERA = 20  # windows

Planes = npt.NDArray[np.float32]


def windows(stock: Stock, seed: int) -> Iterator[Planes]:
    """What the net sees around some road users of every camera."""
    dice = random.Random(seed)
    for _, scenes in sorted(stock.scenes.items()):
        users = [(scene, box) for scene in scenes for box in scene.boxes.tolist()]
        for scene, box in dice.sample(users, min(A_CAMERA, len(users))):
            left, top = (max(0, int(side) - MARGIN_PX) for side in box[:2])
            right, bottom = (int(side) + MARGIN_PX for side in box[2:])
            part = (slice(top, bottom), slice(left, right))
            yield street_net.compared(
                np.ascontiguousarray(scene.now[part], np.float32),
                np.ascontiguousarray(scene.street[part], np.float32),
            )


class _Reader(CalibrationDataReader):
    def __init__(self, seen: Iterator[Planes]) -> None:
        self._seen = seen

    def get_next(self) -> dict[str, Planes] | None:
        seen = next(self._seen, None)
        return None if seen is None else {"seen": seen}


def wide_layers(net: onnx.ModelProto) -> list[str]:
    """The names of the layers that are quantized."""
    shapes = {one.name: list(one.dims) for one in net.graph.initializer}
    return [
        node.name
        for node in net.graph.node
        if node.op_type == "Conv"
        and shapes[node.input[1]][0] >= WIDE
        and shapes[node.input[1]][2] > 1
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--net", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        quant_pre_process(str(options.net), str(plain), skip_symbolic_shape=True)
        layers = wide_layers(onnx.load(plain))
        quantize_static(
            str(plain),
            str(options.out),
            _Reader(windows(Stock.read(options.data), options.seed)),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            nodes_to_quantize=layers,
        )
    print(f"{options.out}: {len(layers)} layers in bytes, {options.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
