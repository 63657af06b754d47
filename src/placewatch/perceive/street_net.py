"""Street net: placewatch's own detector, which sees the picture and the street without anybody.

It comes with the package; `tools/train` made it and docs/design/street-net.md is its model card.
It sees brightness only, at the size of the background model, and forgets what it saw at once.
"""

import math
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
SIDE_PX = 8.0  # a box's side is exp(number) times so far from the cell's middle

Floats = npt.NDArray[np.float32]


def look(now: Floats, street: Floats, score_min: float) -> Floats:
    """Road users in `now` (h, w) that are not in `street`: rows of score, left, top, right,
    bottom in pixels, and a share of each kind of `KINDS`; (N, 12), best first.
    """
    raw = _net().run(compared(now, street))[0][0]
    return read(raw, score_min, *now.shape)


@numba.njit(cache=True, nogil=True)
def compared(now: Floats, street: Floats) -> Floats:
    """What the net sees, (1, 3, H, W), H and W multiples of `SIDE`: both pictures, -1..1, and how
    much they differ, 0..2. What is added to the right and below repeats the last pixels."""
    high, wide = now.shape
    rows, columns = -(-high // SIDE) * SIDE, -(-wide // SIDE) * SIDE
    seen = np.empty((1, 3, rows, columns), np.float32)
    scale = np.float32(2 / 255)
    for y in range(rows):
        from_y = min(y, high - 1)
        for x in range(wide):
            seen[0, 0, y, x] = scale * now[from_y, x] - np.float32(1)
            seen[0, 1, y, x] = scale * street[from_y, x] - np.float32(1)
        for x in range(wide, columns):
            seen[0, 0, y, x] = seen[0, 0, y, wide - 1]
            seen[0, 1, y, x] = seen[0, 1, y, wide - 1]
        for x in range(columns):
            step = np.float32(2) * abs(seen[0, 0, y, x] - seen[0, 1, y, x])
            seen[0, 2, y, x] = min(step, np.float32(2))
    return seen


_STRIDE = 4  # of the net's cells
_SAME = 0.55  # overlap from which two boxes are one road user


@numba.njit(cache=True, nogil=True)
def read(raw: Floats, score_min: float, high: int, wide: int) -> Floats:
    """What the net's numbers (12, H / 4, W / 4) say, as `look` does: the cells that are surer than
    their neighbours hold somebody; cut to the picture; of boxes that overlap much only the
    strongest."""
    least = np.float32(math.log(score_min / (1 - score_min)))
    rows, columns = raw.shape[1:]
    cells = np.empty((rows * columns, raw.shape[0]), np.float32)
    count = 0
    for y in range(rows):
        for x in range(columns):
            logit = raw[0, y, x]
            if logit < least:
                continue
            best = logit
            for row in range(max(0, y - 1), min(rows, y + 2)):
                for column in range(max(0, x - 1), min(columns, x + 2)):
                    best = max(best, raw[0, row, column])
            if logit < best:
                continue
            cell = cells[count]
            count += 1
            cell[0] = 1 / (1 + math.exp(-logit))
            middle_x, middle_y = (x + 0.5) * _STRIDE, (y + 0.5) * _STRIDE
            for side in range(4):
                reach = math.exp(min(5.0, max(-4.0, raw[1 + side, y, x]))) * SIDE_PX
                middle = middle_x if side % 2 == 0 else middle_y
                cell[1 + side] = middle - reach if side < 2 else middle + reach
            most = raw[5:, y, x].max()
            total = 0.0
            for kind in range(5, raw.shape[0]):
                cell[kind] = math.exp(raw[kind, y, x] - most)
                total += cell[kind]
            cell[5:] /= np.float32(total)
    found = cells[np.argsort(-cells[:count, 0], kind="mergesort")]
    kept = 0
    for k in range(count):
        cell = found[k]
        cell[1], cell[3] = max(np.float32(0), cell[1]), min(np.float32(wide), cell[3])
        cell[2], cell[4] = max(np.float32(0), cell[2]), min(np.float32(high), cell[4])
        if cell[3] - cell[1] < 2 or cell[4] - cell[2] < 2:
            continue
        free = True
        for other in range(kept):
            one = found[other]
            across = min(cell[3], one[3]) - max(cell[1], one[1])
            down = min(cell[4], one[4]) - max(cell[2], one[2])
            if across > 0 and down > 0:
                both = across * down
                mine = (cell[3] - cell[1]) * (cell[4] - cell[2])
                theirs = (one[3] - one[1]) * (one[4] - one[2])
                if both >= _SAME * (mine + theirs - both):
                    free = False
        if free:
            found[kept] = cell
            kept += 1
    return found[:kept]


@cache
def _net() -> Net:
    """One for all cameras of the process. It runs on the processor also where there is CUDA: one
    usual window took 0.55 ms by an H200, and 0.15 ms on the processor beside it."""
    content = resources.files("placewatch.perceive").joinpath("street.onnx").read_bytes()
    return open_net(content, backend="onnxruntime")
