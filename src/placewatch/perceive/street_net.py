"""Street net: placewatch's own detector, which sees the picture and the street without anybody.

It comes with the package; `tools/train` made it and docs/design/street-net.md is its model card.
It sees brightness only, at the size of the background model, and forgets what it saw at once.
"""

from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from placewatch.core.kinds import Kind
from placewatch.perceive.runtime import Net, open_net

KINDS = (
    Kind.PEDESTRIAN,
    Kind.BICYCLE,
    Kind.MOTORCYCLE,
    Kind.CAR,
    Kind.VAN,
    Kind.BUS,
    Kind.TRUCK,
)
CELL = 4
SIDE = 32  # pictures must be so many times high and wide

Floats = npt.NDArray[np.float32]


def look(now: Floats, street: Floats, score_min: float) -> Floats:
    """Road users in `now` (h, w) that are not in `street`: rows of score, left, top, right,
    bottom in pixels, and a share of each kind of `KINDS`; (N, 12), best first.
    """
    high, wide = now.shape
    rows, columns = -(-high // SIDE) * SIDE, -(-wide // SIDE) * SIDE
    planes = np.empty((1, 2, rows, columns), np.float32)
    for plane, picture in zip(planes[0], (now, street), strict=True):
        plane[:high, :wide] = picture
        plane[high:, :wide] = picture[-1]
        plane[:, wide:] = plane[:, wide - 1 : wide]
    found = _net().run(planes)[0][0]
    down, across = np.nonzero(found[0] >= score_min)
    cells: Floats = found[:, down, across].T
    cells[:, 1:5] = np.clip(cells[:, 1:5], 0, (wide, high, wide, high))
    good = (cells[:, 3] - cells[:, 1] >= 2) & (cells[:, 4] - cells[:, 2] >= 2)
    cells = cells[good]
    return _apart(cells[np.argsort(-cells[:, 0], kind="stable")])


_SAME = 0.55  # overlap from which two boxes are one road user


def _apart(cells: Floats) -> Floats:
    """The strongest of boxes that overlap much."""
    kept: list[int] = []
    for k in range(len(cells)):
        if all(_overlap(cells[k, 1:5], cells[other, 1:5]) < _SAME for other in kept):
            kept.append(k)
    return cells[kept]


def _overlap(a: Floats, b: Floats) -> float:
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    if across <= 0 or down <= 0:
        return 0.0
    both = across * down
    return float(both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both))


@cache
def _net() -> Net:
    """One for all cameras of the process, on whatever it runs best."""
    return open_net(resources.files("placewatch.perceive").joinpath("street.onnx").read_bytes())
