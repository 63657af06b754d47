"""Street net: placewatch's own detector, which sees the picture and the street without anybody.

It comes with the package; `tools/train` made it and docs/design/street-net.md is its model card.
It sees brightness only, at the size of the background model, and forgets what it saw at once.
"""

from functools import cache
from importlib import resources

import numba
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
        if high < rows:
            plane[high:, :wide] = picture[-1]
        if wide < columns:
            plane[:, wide:] = plane[:, wide - 1 : wide]
    found = _net().run(planes)[0][0]
    return _apart(found, score_min, high, wide)


_SAME = 0.55  # overlap from which two boxes are one road user


@numba.njit(cache=True, nogil=True)
def _apart(found: Floats, score_min: float, high: int, wide: int) -> Floats:
    """The cells that hold somebody, cut to the picture, strongest first; of boxes that overlap
    much only the strongest."""
    count = 0
    for y in range(found.shape[1]):
        for x in range(found.shape[2]):
            count += found[0, y, x] >= score_min
    cells = np.empty((count, found.shape[0]), np.float32)
    k = 0
    for y in range(found.shape[1]):
        for x in range(found.shape[2]):
            if found[0, y, x] >= score_min:
                cells[k] = found[:, y, x]
                k += 1
    cells = cells[np.argsort(-cells[:, 0], kind="mergesort")]
    kept = 0
    for k in range(count):
        cell = cells[k]
        cell[1], cell[3] = max(np.float32(0), cell[1]), min(np.float32(wide), cell[3])
        cell[2], cell[4] = max(np.float32(0), cell[2]), min(np.float32(high), cell[4])
        if cell[3] - cell[1] < 2 or cell[4] - cell[2] < 2:
            continue
        free = True
        for other in range(kept):
            one = cells[other]
            across = min(cell[3], one[3]) - max(cell[1], one[1])
            down = min(cell[4], one[4]) - max(cell[2], one[2])
            if across > 0 and down > 0:
                both = across * down
                mine = (cell[3] - cell[1]) * (cell[4] - cell[2])
                theirs = (one[3] - one[1]) * (one[4] - one[2])
                if both >= _SAME * (mine + theirs - both):
                    free = False
        if free:
            cells[kept] = cell
            kept += 1
    return cells[:kept]


@cache
def _net() -> Net:
    """One for all cameras of the process, on whatever it runs best."""
    return open_net(resources.files("placewatch.perceive").joinpath("street.onnx").read_bytes())
