"""The net that is shipped is the one that was trained, with its wide layers in bytes."""

from pathlib import Path

import numpy as np
import onnx
from tools.train.quantize import wide_layers, windows
from tools.train.samples import Scene, Stock

from placewatch.perceive import street_net
from placewatch.perceive.runtime import open_net

ROOT = Path(__file__).parents[2]
TRAINED = ROOT / "tools/train/street-float.onnx"
SHIPPED = ROOT / "src/placewatch/perceive/street.onnx"


def scene(seed: int) -> Scene:
    """A dark car and a person on an even street with grain."""
    dice = np.random.default_rng(seed)
    street = np.clip(dice.normal(130, 3, (96, 160)), 0, 255).astype(np.uint8)
    now = np.clip(street + dice.normal(0, 2, street.shape), 0, 255).astype(np.uint8)
    now[40:60, 30:70], now[30:60, 110:120] = 50, 210
    now[43:50, 36:62] = 90
    boxes = np.array([[30, 40, 70, 60], [110, 30, 120, 60]], np.float32)
    return Scene(now, street, boxes, np.array([3, 0]), np.zeros((0, 4), np.float32))


def test_six_wide_layers_have_nine_tenths_of_the_weights() -> None:
    net = onnx.load(TRAINED)
    for number, node in enumerate(net.graph.node):
        node.name = str(number)
    wide = wide_layers(net)
    weights = {one.name: int(np.prod(one.dims)) for one in net.graph.initializer}
    of = {node.name: weights.get(node.input[1], 0) for node in net.graph.node if node.input[1:]}
    assert len(wide) == 6
    assert sum(of[name] for name in wide) > 0.88 * sum(of.values())


def test_the_windows_are_the_same_from_the_same_seed() -> None:
    stock = Stock(scenes={"a": [scene(k) for k in range(30)], "b": [scene(99)]})
    one, again, other = (list(windows(stock, seed)) for seed in (1, 1, 2))
    assert len(one) == 22  # twenty of the first camera, both of the second
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert all(
        seen.shape[2] % street_net.SIDE == 0 == seen.shape[3] % street_net.SIDE for seen in one
    )


def test_what_is_shipped_says_what_was_trained() -> None:
    trained, shipped = (open_net(path, backend="onnxruntime") for path in (TRAINED, SHIPPED))
    for seed in range(5):
        one = scene(seed)
        now, street = one.now.astype(np.float32), one.street.astype(np.float32)
        seen = street_net.compared(now, street)
        told = [
            street_net.read(net.run(seen)[0][0], 0.42, *now.shape) for net in (trained, shipped)
        ]
        assert len(told[0]) == len(told[1]) > 0
        assert np.abs(told[0][:, 0] - told[1][:, 0]).max() < 0.03
        assert np.abs(told[0][:, 1:5] - told[1][:, 1:5]).max() < 1.5  # small pixels
    assert SHIPPED.stat().st_size < 0.4 * TRAINED.stat().st_size
