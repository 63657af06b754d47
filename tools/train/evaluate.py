"""Evaluate: how well a trained net does on cameras it has never seen, for its model card.

    python -m tools.train.evaluate --net street.onnx --data DIR

DIR holds frames as cut.py wrote them, of cameras that were held back.
"""

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from tools.train.net import KINDS
from tools.train.samples import UNSPECIFIED, Scene, Stock

from placewatch.perceive import street_net

SCORE_MIN = 0.4
OVERLAP_MIN = 0.4

Floats = npt.NDArray[np.float32]


@dataclass
class Tally:
    """Found, missed and false road users, and what they were taken for."""

    found: int = 0
    missed: int = 0
    false: int = 0
    kinds: npt.NDArray[np.int64] = field(
        default_factory=lambda: np.zeros((len(KINDS), len(KINDS)), np.int64)
    )

    def add(self, scene: Scene, found: Floats) -> None:
        """Matches boxes best first; what lies mostly in `ignore` is neither right nor wrong."""
        free = list(range(len(scene.boxes)))
        for one in found:
            likes = [(_overlap(one[1:5], scene.boxes[k]), k) for k in free]
            like, k = max(likes, default=(0.0, -1))
            if like >= OVERLAP_MIN:
                free.remove(k)
                self.found += 1
                if scene.kinds[k] < UNSPECIFIED:
                    self.kinds[scene.kinds[k], int(one[5:].argmax())] += 1
            elif not any(_inside(one[1:5], box) > 0.3 for box in scene.ignore):
                self.false += 1
        self.missed += len(free)


def look(session: onnxruntime.InferenceSession, scene: Scene) -> Floats:
    """Rows of score, left, top, right, bottom and shares of kinds, best first."""
    now, street = scene.now.astype(np.float32), scene.street.astype(np.float32)
    raw = session.run(None, {"seen": street_net.compared(now, street)})[0][0]
    return street_net.read(raw, SCORE_MIN, *now.shape)


def _overlap(a: Floats, b: Floats) -> float:
    both = _both(a, b)
    return both / float((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both + 1e-6)


def _inside(a: Floats, b: Floats) -> float:
    return _both(a, b) / float((a[2] - a[0]) * (a[3] - a[1]) + 1e-6)


def _both(a: Floats, b: Floats) -> float:
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    return float(across * down) if across > 0 and down > 0 else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--net", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(options.net), settings)
    stock = Stock.read(options.data)
    total = Tally()
    for camera, scenes in sorted(stock.scenes.items()):
        tally = Tally()
        for scene in scenes:
            found = look(session, scene)
            tally.add(scene, found)
            total.add(scene, found)
        _tell(camera, tally)
    _tell("all", total)
    print("taken for      " + " ".join(f"{name[:6]:>6}" for name in KINDS))
    for name, row in zip(KINDS, total.kinds.tolist(), strict=True):
        print(f"{name:14} " + " ".join(f"{count:6}" for count in row))


def _tell(camera: str, tally: Tally) -> None:
    precision = tally.found / max(1, tally.found + tally.false)
    recall = tally.found / max(1, tally.found + tally.missed)
    print(
        f"{camera:40} precision {precision:.2f} recall {recall:.2f} "
        f"of {tally.found + tally.missed}, false {tally.false}"
    )


if __name__ == "__main__":
    main()
