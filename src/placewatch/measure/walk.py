"""Walk: the last seconds of one road user's path on the picture, without steps that leapt.

A walk is kept as numbers: a row of WALK_COLUMNS beside a path, up to PATH_STEPS_MAX rows of
STEP_COLUMNS with the oldest first.
"""

import math

import numba
import numpy as np
import numpy.typing as npt

from placewatch.measure.scene import STEP_COLUMNS, STEP_S, STEP_SIZE, STEP_X, STEP_Y

MEMORY_S = 2.0
MEMORY_STEPS = 3  # however long ago: a velocity needs them
PATH_STEPS_MAX = 640  # the memory and half a second at 240 frames a second
VELOCITY_S = 0.4  # the velocity at a step is taken over this
LEAP_SIZES = 0.5  # a step this far off the way from the last to the next has leapt away and back,
LEAP_SHARE = 0.6  # if that is also far for who moves so; a leap that lasts is about half
STANDS_SIZES_S = 0.2  # own sizes a second
UNDERWAY_SIZES_S = 0.6  # faster than who has just set off
TAKEN_UP_S = 2.0  # a track that broke while it moved is taken up again within this,
STANDING_TAKEN_UP_S = 120.0  # and one that stood (a red light, absorbed by the background)
TAKEN_UP_SIZES = 0.6  # how far from where it must be by now

STEPS = 0  # how many steps the path has
_WAITS = 1  # 1 while the newest step waits for the next one before it joins the path
_NEWEST = 2
WALK_COLUMNS = _NEWEST + STEP_COLUMNS

Floats = npt.NDArray[np.float64]


@numba.njit(cache=True, nogil=True)
def add_step(walk: Floats, path: Floats, step: Floats) -> bool:
    """Whether the path has grown: by the step before this one, unless that one leapt away
    and back. A step that is not later than the last is dropped."""
    newest, count = walk[_NEWEST:], int(walk[STEPS])
    last_s = -math.inf
    if walk[_WAITS] == 1.0:
        last_s = newest[STEP_S]
    elif count:
        last_s = path[count - 1, STEP_S]
    if step[STEP_S] <= last_s:
        return False
    grows = walk[_WAITS] == 1.0 and not _leapt_and_back(path[:count], newest, step)
    if grows:
        _grow(walk, path, newest)
    newest[:] = step
    walk[_WAITS] = 1.0
    return grows


@numba.njit(cache=True, nogil=True)
def end_walk(walk: Floats, path: Floats) -> bool:
    """No step will come, so the newest is the last: whether the path has grown by it."""
    if walk[_WAITS] == 0.0:
        return False
    _grow(walk, path, walk[_NEWEST:])
    walk[_WAITS] = 0.0
    return True


@numba.njit(cache=True, nogil=True)
def is_forgotten(path: Floats, media_s: float) -> bool:
    """Whether it ended, at the end of `path`, too long ago to be taken up again."""
    patience_s = STANDING_TAKEN_UP_S if _stands(path) else TAKEN_UP_S
    return bool(media_s - path[-1, STEP_S] > patience_s)


@numba.njit(cache=True, nogil=True)
def sizes_off(path: Floats, step: Floats) -> float:
    """How far `step` is from where an ended walk must be by now, in own sizes."""
    last = path[-1]
    size_px = min(last[STEP_SIZE], step[STEP_SIZE])
    if size_px <= 0.0 or max(last[STEP_SIZE], step[STEP_SIZE]) > 2 * size_px:
        return math.inf
    right, down = 0.0, 0.0
    began = approach_of(path)
    if began < len(path) - 1 and not _stands(path):
        right, down = velocity_px_s(path[began], last)
    return float(_off_px(last, step, right, down) / size_px)


@numba.njit(cache=True, nogil=True)
def approach_of(path: Floats) -> int:
    """The row from which the velocity at the end of `path` is taken: at least the last but one,
    where there is one."""
    last = len(path) - 1
    began = max(0, last - 1)
    for row in range(last, -1, -1):
        if path[row, STEP_S] < path[last, STEP_S] - VELOCITY_S:
            break
        if path[row, STEP_S] < path[began, STEP_S]:
            began = row
    return began


@numba.njit(cache=True, nogil=True)
def velocity_px_s(from_: Floats, to: Floats) -> tuple[float, float]:
    """(right, down) on the way from one step to a later one."""
    passed_s = to[STEP_S] - from_[STEP_S]
    return (to[STEP_X] - from_[STEP_X]) / passed_s, (to[STEP_Y] - from_[STEP_Y]) / passed_s


@numba.njit(cache=True, nogil=True)
def _stands(path: Floats) -> bool:
    """Whether it stood when it was last seen."""
    began, last = approach_of(path), len(path) - 1
    if began == last:
        return False
    right, down = velocity_px_s(path[began], path[last])
    return bool(math.hypot(right, down) < STANDS_SIZES_S * path[last, STEP_SIZE])


@numba.njit(cache=True, nogil=True)
def has_stood(path: Floats) -> bool:
    """Whether who took `path` stood at its end."""
    return bool(_stands(path))


@numba.njit(cache=True, nogil=True)
def is_underway(path: Floats) -> bool:
    """Whether who took `path` drove faster at its beginning than who sets off."""
    first, until = path[0], 0
    while until < len(path) - 1 and path[until + 1, STEP_S] <= first[STEP_S] + VELOCITY_S:
        until += 1
    if until == 0:
        return False
    right, down = velocity_px_s(first, path[until])
    return bool(math.hypot(right, down) > UNDERWAY_SIZES_S * first[STEP_SIZE])


@numba.njit(cache=True, nogil=True)
def _leapt_and_back(path: Floats, step: Floats, after: Floats) -> bool:
    if len(path) == 0:
        return False
    before = path[-1]
    most_px = LEAP_SIZES * max(before[STEP_SIZE], after[STEP_SIZE])
    moved_px = math.hypot(after[STEP_X] - before[STEP_X], after[STEP_Y] - before[STEP_Y])
    right, down = velocity_px_s(before, after)
    off_px = _off_px(before, step, right, down)
    if off_px <= most_px or off_px <= LEAP_SHARE * moved_px:
        return False
    # It may be the next step that leaps: this one has not if it went on as before.
    began = approach_of(path)
    if began == len(path) - 1:
        return True
    right, down = velocity_px_s(path[began], before)
    return bool(_off_px(before, step, right, down) > most_px)


@numba.njit(cache=True, nogil=True)
def _grow(walk: Floats, path: Floats, step: Floats) -> None:
    count = int(walk[STEPS])
    drop = 0
    if count and path[0, STEP_S] < step[STEP_S] - MEMORY_S - 0.5:
        while drop < count and path[drop, STEP_S] < step[STEP_S] - MEMORY_S:
            drop += 1
        drop = max(0, min(drop, count - MEMORY_STEPS))
    elif count == len(path):
        drop = count // 2
    if drop:
        for row in range(count - drop):
            path[row] = path[row + drop]
        count -= drop
    path[count] = step
    walk[STEPS] = count + 1


@numba.njit(cache=True, nogil=True)
def _off_px(from_: Floats, to: Floats, right_px_s: float, down_px_s: float) -> float:
    """How far `to` is from where that velocity would have led."""
    passed_s = to[STEP_S] - from_[STEP_S]
    return math.hypot(
        to[STEP_X] - from_[STEP_X] - right_px_s * passed_s,
        to[STEP_Y] - from_[STEP_Y] - down_px_s * passed_s,
    )
