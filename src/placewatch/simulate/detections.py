"""Detections: what a detector that errs would see of simulated road users, without a picture.

How this works. Everybody is an upright box of its kind's size, seen by a camera; what is nearer
covers what is farther. The detector misses in stretches, sees nobody of whom too much is covered,
and only the free part of whom enough is; its sides tremble and drift, it takes kinds for others and
sees what is not there. All of it happens in seconds, so that another frame rate is as hard.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.kinds import KINDS, NUMBER_OF, Kind
from placewatch.core.sightings import DETECTION_COLUMNS
from placewatch.simulate.pinhole import Pinhole
from placewatch.simulate.traffic import SIZES

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

NEAREST_M = 1.5  # nearer than this to the camera, nobody is in the picture whole
INSIDE_MIN = 0.35  # of a box; less of somebody at the picture's edge is nobody's duty to find
HEIGHT_PX_MIN = 8.0
GRID = 8  # points each way in a box, at which it is covered or not
BODY = 0.1  # of a box's sides: a body leaves that much of it free
NOBODY = -1


@dataclass(frozen=True, slots=True)
class Faults:
    """How a detector errs. `miss` and `false` are shares of the road users in a frame; `jitter_px`
    is the standard deviation of each side of a box, half of its variance slow (`drift_s`)."""

    miss: float = 0.05
    miss_s: float = 0.3  # how long a miss lasts on average
    false: float = 0.01
    false_s: float = 0.3
    jitter_px: float = 1.5
    drift_s: float = 0.4
    mistaken: float = 0.05
    hidden: float = 0.6  # covered more than this, somebody is not seen
    whole: float = 0.4  # covered less than this, the whole box is


PERFECT = Faults(miss=0.0, false=0.0, jitter_px=0.0, mistaken=0.0, hidden=1.1, whole=1.1)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen in a stretch of time: `rows` (N, DETECTION_COLUMNS) of all moments, of which
    the k-th has those from `begins[k]` to `begins[k + 1]`; `who` each is, or NOBODY."""

    at_s: Floats
    begins: Whole
    rows: Floats
    who: Whole

    def __len__(self) -> int:
        return len(self.at_s)

    def at(self, moment: int) -> Floats:
        """The detections of one moment, as a tracker takes them."""
        rows: Floats = self.rows[self.begins[moment] : self.begins[moment + 1]]
        return rows


class Eye:
    """A camera with a detector. It remembers whom it misses just now; pieces come in order."""

    def __init__(self, camera: Pinhole, faults: Faults, seed: int) -> None:
        self.camera, self._faults = camera, faults
        self._dice = np.random.default_rng([seed, 77])
        self._lens = np.array(
            [
                camera.x_m, camera.y_m, camera.height_m, camera.focal_px,
                camera.width_px, camera.height_px, camera.k1, camera.k2,
            ]
        )  # fmt: skip
        self._turn = np.ascontiguousarray(camera.turn)
        self._sizes = np.array(
            [
                (SIZES[k].length_m, SIZES[k].width_m, SIZES[k].height_m)
                if k in SIZES
                else (1.0, 1.0, 1.0)
                for k in KINDS
            ]
        )
        # Of each road user: 1 while it is missed (-1: not seen yet), and how its sides drift.
        self._states = np.zeros((0, 5))
        self._ghosts = np.zeros((64, 7))  # left, top, right, bottom, score, kind, until when
        self._last_s = math.nan

    def look(
        self,
        moments_s: Floats,
        at_s: Floats,
        who: Whole,
        x_m: Floats,
        y_m: Floats,
        heading_rad: Floats,
        kinds: Whole,
    ) -> Seen:
        """What is seen at `moments_s` of road users whose middles are at (x_m, y_m), each row at
        one of the moments and in order of time. `kinds` are the numbers of theirs in KINDS."""
        most = int(who.max(initial=-1)) + 1
        if most > len(self._states):
            more = np.zeros((max(2 * len(self._states), most, 64), 5))
            more[:, 0] = -1.0
            more[: len(self._states)] = self._states
            self._states = more
        begins = np.append(np.searchsorted(at_s, moments_s), len(at_s))
        boxes, depths = _boxes(x_m, y_m, heading_rad, self._sizes[kinds], self._lens, self._turn)
        faults = self._faults
        rows = np.empty((len(at_s) + len(self._ghosts) * len(begins), DETECTION_COLUMNS))
        names = np.empty(len(rows), np.int64)
        ends = np.zeros(len(begins), np.int64)
        _look(
            moments_s, who, begins, boxes, depths, kinds, self._states, self._ghosts, self._last_s,
            np.array(
                [
                    faults.miss, faults.miss_s, faults.false, faults.false_s, faults.jitter_px,
                    faults.drift_s, faults.mistaken, faults.hidden, faults.whole,
                ]
            ),
            self._lens[4], self._lens[5], _TAKEN_FOR, self._dice, rows, names, ends,
        )  # fmt: skip
        self._last_s = float(moments_s[-1])
        count = int(ends[-1])
        return Seen(moments_s, ends, rows[:count], names[:count])


TAKEN_FOR: Mapping[Kind, tuple[Kind, Kind]] = {
    Kind.PEDESTRIAN: (Kind.BICYCLE, Kind.UNKNOWN),
    Kind.BICYCLE: (Kind.PEDESTRIAN, Kind.MOTORCYCLE),
    Kind.MOTORCYCLE: (Kind.BICYCLE, Kind.CAR),
    Kind.CAR: (Kind.VAN, Kind.TRUCK),
    Kind.VAN: (Kind.CAR, Kind.TRUCK),
    Kind.BUS: (Kind.TRUCK, Kind.VAN),
    Kind.TRUCK: (Kind.VAN, Kind.BUS),
    Kind.UNKNOWN: (Kind.UNKNOWN, Kind.UNKNOWN),
}
"""What a detector takes each kind for, when it is mistaken."""

_TAKEN_FOR: Whole = np.array([[NUMBER_OF[other] for other in TAKEN_FOR[kind]] for kind in KINDS])


@numba.njit(cache=True, nogil=True)
def _boxes(
    x_m: Floats, y_m: Floats, heading_rad: Floats, sizes: Floats, lens: Floats, turn: Floats
) -> tuple[Floats, Floats]:
    """(N, 4) sides of everybody in px, NaN where too much is outside; (N,) how far off each is."""
    boxes, depths = np.empty((len(x_m), 4)), np.empty(len(x_m))
    focal, wide, high, k1, k2 = lens[3], lens[4], lens[5], lens[6], lens[7]
    for n in range(len(x_m)):
        length, width, height = sizes[n]
        cos, sin = math.cos(heading_rad[n]), math.sin(heading_rad[n])
        left = top = math.inf
        right = bottom = -math.inf
        depth, behind = 0.0, False
        for corner in range(8):
            along = (0.5 if corner & 1 else -0.5) * length
            aside = (0.5 if corner & 2 else -0.5) * width
            east = x_m[n] + along * cos - aside * sin - lens[0]
            north = y_m[n] + along * sin + aside * cos - lens[1]
            up = (height if corner & 4 else 0.0) - lens[2]
            forward = turn[2, 0] * east + turn[2, 1] * north + turn[2, 2] * up
            if forward < NEAREST_M:
                behind = True
                break
            across = (turn[0, 0] * east + turn[0, 1] * north + turn[0, 2] * up) / forward
            down = (turn[1, 0] * east + turn[1, 1] * north + turn[1, 2] * up) / forward
            r2 = across * across + down * down
            bend = 1.0 + r2 * (k1 + r2 * k2)
            if bend < 0.5:  # so far outside that the bend has turned back
                behind = True
                break
            px, py = across * bend * focal + 0.5 * wide, down * bend * focal + 0.5 * high
            left, right = min(left, px), max(right, px)
            top, bottom = min(top, py), max(bottom, py)
            depth += forward / 8.0
        depths[n] = depth
        boxes[n] = math.nan
        if behind or bottom - top < HEIGHT_PX_MIN:
            continue
        inside = (min(right, wide) - max(left, 0.0)) * (min(bottom, high) - max(top, 0.0))
        if min(right, wide) <= max(left, 0.0) or min(bottom, high) <= max(top, 0.0):
            continue
        if inside < INSIDE_MIN * (right - left) * (bottom - top):
            continue
        boxes[n, 0], boxes[n, 1] = max(left, 0.0), max(top, 0.0)
        boxes[n, 2], boxes[n, 3] = min(right, wide), min(bottom, high)
    return boxes, depths


@numba.njit(cache=True, nogil=True)
def _free_part(
    boxes: Floats, depths: Floats, one: int, begin: int, end: int, part: Floats
) -> float:
    """The share of a box that nothing nearer covers; `part` becomes the sides of what is free."""
    left, top, right, bottom = boxes[one]
    part[:] = boxes[one]
    covered = np.zeros((GRID, GRID), np.bool_)
    anything = False
    for other in range(begin, end):
        if other == one or not depths[other] < depths[one] or math.isnan(boxes[other, 0]):
            continue
        o_left, o_top, o_right, o_bottom = boxes[other]
        if o_left >= right or o_right <= left or o_top >= bottom or o_bottom <= top:
            continue
        beside, above = BODY * (o_right - o_left), BODY * (o_bottom - o_top)
        for row in range(GRID):
            y = top + (row + 0.5) / GRID * (bottom - top)
            if not o_top + above < y < o_bottom:
                continue
            for column in range(GRID):
                x = left + (column + 0.5) / GRID * (right - left)
                if o_left + beside < x < o_right - beside:
                    covered[row, column] = True
                    anything = True
    if not anything:
        return 1.0
    free = 0
    first_row, last_row, first_column, last_column = GRID, -1, GRID, -1
    for row in range(GRID):
        for column in range(GRID):
            if not covered[row, column]:
                free += 1
                first_row, last_row = min(first_row, row), max(last_row, row)
                first_column, last_column = min(first_column, column), max(last_column, column)
    if free:
        part[0] = left + (right - left) * first_column / GRID
        part[2] = left + (right - left) * (last_column + 1) / GRID
        part[1] = top + (bottom - top) * first_row / GRID
        part[3] = top + (bottom - top) * (last_row + 1) / GRID
    return free / (GRID * GRID)


@numba.njit(cache=True, nogil=True)
def _look(
    moments_s: Floats,
    who: Whole,
    begins: Whole,
    boxes: Floats,
    depths: Floats,
    kinds: Whole,
    states: Floats,
    ghosts: Floats,
    last_s: float,
    faults: Floats,
    wide: float,
    high: float,
    taken_for: Whole,
    dice: np.random.Generator,
    rows: Floats,
    names: Whole,
    ends: Whole,
) -> None:
    miss, miss_s, false, false_s, jitter, drift_s, mistaken, hidden, whole = faults
    steady, slow = jitter * math.sqrt(0.5), jitter * math.sqrt(0.5)
    part = np.empty(4)
    count = 0
    for moment in range(len(begins) - 1):
        begin, end = begins[moment], begins[moment + 1]
        now_s = moments_s[moment]
        step_s = now_s - last_s if now_s > last_s else 0.1
        last_s = now_s
        fade = math.exp(-step_s / drift_s)
        over = min(1.0, step_s / miss_s)
        present = 0
        for n in range(begin, end):
            if math.isnan(boxes[n, 0]):
                continue
            present += 1
            state = states[who[n]]
            if state[0] < 0.0:
                state[0] = 1.0 if dice.random() < miss else 0.0
                for side in range(4):
                    state[1 + side] = dice.normal(0.0, slow)
            elif state[0] == 1.0:
                state[0] = 0.0 if dice.random() < over * (1.0 - miss) else 1.0
            elif dice.random() < over * miss:
                state[0] = 1.0
            for side in range(4):
                state[1 + side] = fade * state[1 + side] + math.sqrt(1.0 - fade**2) * dice.normal(
                    0.0, slow
                )
            if state[0] == 1.0:
                continue
            free = _free_part(boxes, depths, n, begin, end, part)
            if 1.0 - free > hidden:
                continue
            row = rows[count]
            for side in range(4):
                at_px = part[side] if 1.0 - free > whole else boxes[n, side]
                row[side] = at_px + state[1 + side] + dice.normal(0.0, steady)
            for side in range(2):
                most = wide if side == 0 else high
                row[side] = min(max(row[side], 0.0), most)
                row[side + 2] = min(max(row[side + 2], 0.0), most)
            if row[2] - row[0] < 2.0 or row[3] - row[1] < 2.0:
                continue
            small = min(1.0, (boxes[n, 3] - boxes[n, 1]) / 60.0)
            sure = 0.35 + 0.3 * free + 0.22 * small + dice.normal(0.0, 0.09)
            row[4] = min(0.98, max(0.05, sure))
            row[5] = kinds[n]
            if mistaken > 0.0 and dice.random() < mistaken:
                row[5] = taken_for[kinds[n], dice.integers(0, 2)]
            names[count] = who[n]
            count += 1
        if false > 0.0 and dice.random() < false * present * min(1.0, step_s / false_s):
            _raise_ghost(ghosts, now_s, false_s, wide, high, dice)
        for ghost in ghosts:
            if ghost[6] < now_s or ghost[2] <= ghost[0]:
                continue
            for side in range(4):
                rows[count, side] = ghost[side] + dice.normal(0.0, jitter)
            rows[count, 4], rows[count, 5] = ghost[4], ghost[5]
            names[count] = NOBODY
            count += 1
        ends[moment + 1] = count


@numba.njit(cache=True, nogil=True)
def _raise_ghost(
    ghosts: Floats,
    now_s: float,
    false_s: float,
    wide: float,
    high: float,
    dice: np.random.Generator,
) -> None:
    """Something that is not there is seen for a while, where there is room for it."""
    for ghost in ghosts:
        if ghost[6] < now_s or ghost[2] <= ghost[0]:
            tall = dice.uniform(0.03, 0.2) * high
            broad = tall * dice.uniform(0.4, 2.0)
            ghost[0] = dice.uniform(0.0, wide - broad)
            ghost[1] = dice.uniform(0.15 * high, high - tall)
            ghost[2], ghost[3] = ghost[0] + broad, ghost[1] + tall
            ghost[4], ghost[5] = dice.uniform(0.3, 0.75), dice.integers(0, 7)
            ghost[6] = now_s + dice.exponential(false_s)
            return
