"""Line: a counting line on the picture, and when somebody has passed it.

How this works. Along a line lies a band. Whoever has been clear of the band on one side and is
then clear of it on the other has passed; what happens inside the band changes nothing. So a
vehicle that creeps or stands on the line counts once, and who turns back in the band not at all.

    clear on one side ──▶ in the band ──▶ clear on the other, for a moment ──▶ settled: counted
           ▲                   │
           └── turned back ◀───┘

The band is a share of the road user's own size, and wider where its box trembles. The moment of
passing is that of the last change of side, interpolated between the two frames around it.

Three things could deceive the band, and each has its rule:
- A box that leaps (to another road user, or to a shadow) has not moved. A step far off what the
  velocity before it and the velocity after it both foretell carries nobody over a line; nor does
  a single step on either side, unless who took it was on the move.
- A path that begins in the band has no side yet. It counts if it began well on the near side or
  came through briskly.
- A path that ends in the band on the far side counts if it had been clear on the near side and
  came through briskly, or stayed well on the far side. (At the picture's edge a box is clipped,
  and its lower edge stops there: such a path never gets clear.)
"""

import math
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.errors import Misconfigured
from placewatch.core.kinds import Direction
from placewatch.core.space import PicturePoint
from placewatch.core.time import UtcMicros
from placewatch.measure.scene import (
    STEP_AT,
    STEP_COLUMNS,
    STEP_FRAME,
    STEP_S,
    STEP_SIZE,
    STEP_X,
    STEP_Y,
)
from placewatch.measure.walk import VELOCITY_S, approach_of, velocity_px_s

BAND_SIZES = 0.15  # of the road user's size: beyond what a box trembles, below half a car's gap
BAND_PX_MIN = 1.5
BAND_NOISE_SIZES_MAX = 0.5  # however much a box trembles: half its size is the other side
FAR_SIZES = 2 * BAND_NOISE_SIZES_MAX  # whoever is further from a line than this, and
FAR_PX = 2 * BAND_PX_MIN  # this, is beyond all trembling
NOISE_BANDS = 3.0  # standard deviations of trembling that the band is wide
END_SIZES = 0.15  # who passes this far beside an end still passes the line
SETTLE_S = 0.4  # clear for this long is passed; a flicker is shorter
SETTLE_BRISK_S = 0.1  # and this is enough for who is two bands away already
BRISK_S = 0.5  # who would cross the band in this time means to cross it
LEAP_SIZES = 0.75  # how far off its foretold place, in own sizes, a box may be seen,
LEAP_SIZES_S = 1.5  # and more with each second that it was hidden
LEAP_SPEED_SHARE = 0.5  # and with a change of speed


@dataclass(frozen=True, slots=True)
class CountingLine:
    """A line from `a` to `b`, in pixels of the camera's picture; `arm` names the arm of a junction
    that it lies across."""

    name: str
    a: PicturePoint
    b: PicturePoint
    arm: str | None = None

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise Misconfigured("a counting line has no name", hint="give it one, as in East arm")
        if not math.isfinite(self.length_px) or self.length_px < 1:
            raise Misconfigured(
                f'counting line "{self.name}" is a point',
                hint="its two ends must be at least a pixel apart",
            )

    @property
    def length_px(self) -> float:
        return math.hypot(self.b.x_px - self.a.x_px, self.b.y_px - self.a.y_px)

    @property
    def row(self) -> tuple[float, ...]:
        """The line in numbers, LINE_COLUMNS: how far right of it, for somebody who walks from a to
        b, lies (x, y): _RIGHT x + _DOWN y + _OFF; how far along it from a: _ALONG_X x + _ALONG_Y y
        + _ALONG; and its length."""
        along_x = (self.b.x_px - self.a.x_px) / self.length_px
        along_y = (self.b.y_px - self.a.y_px) / self.length_px
        right, down = -along_y, along_x
        return (
            right,
            down,
            -right * self.a.x_px - down * self.a.y_px,
            along_x,
            along_y,
            -along_x * self.a.x_px - along_y * self.a.y_px,
            self.length_px,
        )

    def right_of(self, point: PicturePoint) -> float:
        """How far right of the line, in px, `point` lies for somebody who walks from a to b."""
        right, down, off, *_ = self.row
        return right * point.x_px + down * point.y_px + off

    def check_inside(self, width_px: int, height_px: int) -> None:
        """Raises Misconfigured unless both ends lie in a picture of this size."""
        for end in (self.a, self.b):
            if not (0 <= end.x_px <= width_px and 0 <= end.y_px <= height_px):
                raise Misconfigured(
                    f'counting line "{self.name}" leaves the picture: '
                    f"{end.x_px:g},{end.y_px:g} is not within {width_px} x {height_px} px",
                    hint="draw it in pixels of the camera's own picture, x to the right, y down",
                )


@dataclass(frozen=True, slots=True)
class Passing:
    """The moment somebody passed a line, between two frames; `frame` is the nearer one."""

    at: UtcMicros
    media_s: float
    frame: int
    direction: Direction


_RIGHT, _DOWN, _OFF, _ALONG_X, _ALONG_Y, _ALONG, _LENGTH = range(7)
LINE_COLUMNS = 7

# One road user and one line: where it is, and whether it has passed. It remembers sides, no path.
_SIDE = 0  # last clear side: -1 left, 1 right, 0 none yet
_SIGN = 1  # side of the last step, however close
_BEGUN = 2
_BEGAN_WELL = 3  # first steps clearly on the near side
_OFF_PX = 4  # of the last step
_BAND_PX = 5
_CLEAR_STEPS = 6  # in a row, beyond the band, not on that side
_CLEAR_SINCE_S = 7
_FAR_STEPS = 8  # in a row since the last change of side
_WELL = 9  # 1 while it is half a band beyond the change,
_WELL_SINCE_S = 10  # since when
# A change of side, not yet settled, and the moment of it.
_CHANGE = 11  # 1 while there is one
_TO = 12
_AT, _MEDIA_S, _FRAME = 13, 14, 15
_INSIDE = 16  # 1: between the line's ends
_MOVED_ON = 17  # as the velocity before it foretold: 1, 0; -1 where there was none
_SPEED = 18  # px/s across the line, towards that side, on the approach and over the line
_SPEED_BEFORE = 19  # on the approach alone
_BEFORE = 20  # the step before it,
_AFTER = _BEFORE + STEP_COLUMNS  # and after it
PASSAGE_COLUMNS = _AFTER + STEP_COLUMNS

Floats = npt.NDArray[np.float64]


@numba.njit(cache=True, nogil=True)
def step_over(passage: Floats, line: Floats, path: Floats) -> bool:
    """Takes the newest step of `path` (N, STEP_COLUMNS), oldest first: whether it settles a
    passing, which `passing_of` tells. To be called for every step once."""
    now = path[-1]
    before_px = passage[_OFF_PX]
    off_px = line[_RIGHT] * now[STEP_X] + line[_DOWN] * now[STEP_Y] + line[_OFF]
    passage[_OFF_PX] = off_px
    if (
        passage[_SIGN] == passage[_SIDE] != 0.0
        and passage[_CHANGE] == 0.0
        and off_px * passage[_SIDE] > FAR_SIZES * now[STEP_SIZE] + FAR_PX
    ):
        # Far out on its own side there is nothing to decide, and most are, at most lines.
        passage[_BAND_PX] = max(BAND_PX_MIN, BAND_SIZES * now[STEP_SIZE])
        passage[_FAR_STEPS] += 1.0
        passage[_CLEAR_STEPS] = 0.0
        if passage[_WELL] == 0.0:
            passage[_WELL], passage[_WELL_SINCE_S] = 1.0, now[STEP_S]
        return False
    band_px = passage[_BAND_PX] = _band(line, path, off_px)
    sign = math.copysign(1.0, off_px) if off_px != 0.0 else passage[_SIGN]
    if passage[_BEGUN] == 1.0 and passage[_SIGN] != 0.0 and sign != passage[_SIGN]:
        _change(passage, line, path, sign, before_px)
        passage[_FAR_STEPS] = passage[_CLEAR_STEPS] = passage[_WELL] = 0.0
    passage[_SIGN] = sign
    passage[_FAR_STEPS] += 1.0
    if abs(off_px) < 0.5 * band_px:
        passage[_WELL] = 0.0
    elif passage[_WELL] == 0.0:
        passage[_WELL], passage[_WELL_SINCE_S] = 1.0, now[STEP_S]
    clear = abs(off_px) > band_px
    if passage[_BEGUN] == 0.0:
        passage[_BEGUN] = 1.0
        passage[_SIDE] = sign if clear else 0.0
    if passage[_SIDE] == 0.0 and passage[_CHANGE] == 0.0 and abs(off_px) >= 0.5 * band_px:
        passage[_BEGAN_WELL] += 1.0

    if not clear:
        passage[_CLEAR_STEPS] = 0.0
        return False
    if sign == passage[_SIDE]:
        passage[_CLEAR_STEPS] = passage[_CHANGE] = 0.0
        return False
    if passage[_CLEAR_STEPS] == 0.0:
        passage[_CLEAR_SINCE_S] = now[STEP_S]
    passage[_CLEAR_STEPS] += 1.0
    clear_s = now[STEP_S] - passage[_CLEAR_SINCE_S]
    brisk = abs(off_px) >= 2 * band_px and clear_s >= SETTLE_BRISK_S
    if passage[_CLEAR_STEPS] < 2.0 or not (brisk or clear_s >= SETTLE_S):
        return False
    return _settle(passage, line, path)


@numba.njit(cache=True, nogil=True)
def end_at(passage: Floats, line: Floats, path: Floats) -> bool:
    """The road user is seen no more: whether its last steps amount to a passing."""
    if passage[_CHANGE] == 0.0 or passage[_SIGN] != passage[_TO] or passage[_TO] == passage[_SIDE]:
        return False
    if passage[_SIDE] == 0.0 and passage[_CLEAR_STEPS] == 0.0:
        return False  # never clear on either side
    if passage[_FAR_STEPS] < 2.0 and not (
        passage[_MOVED_ON] == 1.0 and _is_brisk(passage, passage[_SPEED_BEFORE])
    ):
        return False
    stayed = passage[_WELL] == 1.0 and path[-1, STEP_S] - passage[_WELL_SINCE_S] >= SETTLE_S
    if not (stayed or _is_brisk(passage, passage[_SPEED])):
        return False
    return _settle(passage, line, path)


def passing_of(passage: Floats) -> Passing:
    """The passing that was settled last."""
    return Passing(
        at=UtcMicros(int(passage[_AT])),
        media_s=float(passage[_MEDIA_S]),
        frame=int(passage[_FRAME]),
        direction=Direction.LEFT_TO_RIGHT if passage[_TO] > 0.0 else Direction.RIGHT_TO_LEFT,
    )


@numba.njit(cache=True, nogil=True)
def _settle(passage: Floats, line: Floats, path: Floats) -> bool:
    changed, was = passage[_CHANGE] == 1.0, passage[_SIDE]
    passage[_SIDE] = passage[_SIGN]
    passage[_CHANGE] = passage[_CLEAR_STEPS] = 0.0
    if not changed or passage[_INSIDE] == 0.0 or _leapt(passage, path):
        return False
    if was == 0.0 and passage[_BEGAN_WELL] < 2.0 and not _is_brisk(passage, passage[_SPEED]):
        return False
    if passage[_MOVED_ON] < 0.0:
        return _is_brisk(passage, _speed_onward_px_s(passage, line, path))
    return True


@numba.njit(cache=True, nogil=True)
def _is_brisk(passage: Floats, speed_px_s: float) -> bool:
    return bool(speed_px_s * BRISK_S >= passage[_BAND_PX])


@numba.njit(cache=True, nogil=True)
def _speed_onward_px_s(passage: Floats, line: Floats, path: Floats) -> float:
    after = passage[_AFTER:]
    later = _later(after[STEP_S], path)
    if later < 0:
        return 0.0
    right, down = velocity_px_s(after, path[later])
    return float(passage[_TO] * (line[_RIGHT] * right + line[_DOWN] * down))


@numba.njit(cache=True, nogil=True)
def _change(passage: Floats, line: Floats, path: Floats, to: float, before_px: float) -> None:
    before, after = path[-2], path[-1]
    off_px = passage[_OFF_PX]
    share = before_px / (before_px - off_px)
    x_px = before[STEP_X] + share * (after[STEP_X] - before[STEP_X])
    y_px = before[STEP_Y] + share * (after[STEP_Y] - before[STEP_Y])
    beside_px = END_SIZES * after[STEP_SIZE]
    along_px = line[_ALONG_X] * x_px + line[_ALONG_Y] * y_px + line[_ALONG]
    passage[_CHANGE], passage[_TO] = 1.0, to
    passage[_AT] = before[STEP_AT] + round(share * (after[STEP_AT] - before[STEP_AT]))
    passage[_MEDIA_S] = before[STEP_S] + share * (after[STEP_S] - before[STEP_S])
    passage[_FRAME] = before[STEP_FRAME] + round(share * (after[STEP_FRAME] - before[STEP_FRAME]))
    passage[_INSIDE] = -beside_px <= along_px <= line[_LENGTH] + beside_px
    approach = path[:-1]
    began = approach[approach_of(approach)]
    began_px = line[_RIGHT] * began[STEP_X] + line[_DOWN] * began[STEP_Y] + line[_OFF]
    passage[_MOVED_ON], passage[_SPEED_BEFORE] = -1.0, 0.0
    if began[STEP_S] < before[STEP_S]:
        right, down = velocity_px_s(began, before)
        passage[_MOVED_ON] = _foretold(before, after, right, down)
        passage[_SPEED_BEFORE] = to * (before_px - began_px) / (before[STEP_S] - began[STEP_S])
    passage[_SPEED] = to * (off_px - began_px) / (after[STEP_S] - began[STEP_S])
    passage[_BEFORE : _BEFORE + STEP_COLUMNS] = before
    passage[_AFTER : _AFTER + STEP_COLUMNS] = after


@numba.njit(cache=True, nogil=True)
def _band(line: Floats, path: Floats, off_px: float) -> float:
    size_px = path[-1, STEP_SIZE]
    band_px = max(BAND_PX_MIN, BAND_SIZES * size_px)
    most_px = max(band_px, BAND_NOISE_SIZES_MAX * size_px)
    # Further out the trembling cannot matter, and most road users are further out.
    if abs(off_px) > 2 * most_px:
        return float(band_px)
    return float(max(band_px, min(NOISE_BANDS * _noise_px(line, path), most_px)))


@numba.njit(cache=True, nogil=True)
def _noise_px(line: Floats, path: Floats) -> float:
    """Robust standard deviation of the distance to the line, steady movement apart."""
    last = path[-9:]
    off = line[_RIGHT] * last[:, STEP_X] + line[_DOWN] * last[:, STEP_Y]
    if len(off) < 5:
        return 0.0
    bends = np.sort(np.abs(off[:-2] - 2 * off[1:-1] + off[2:]))
    return float(1.4826 * bends[len(bends) // 2] / math.sqrt(6))


@numba.njit(cache=True, nogil=True)
def _leapt(passage: Floats, path: Floats) -> bool:
    """Whether the box leapt over the line: neither velocity foretold the step."""
    if passage[_MOVED_ON] == 1.0:
        return False
    before, after = passage[_BEFORE:_AFTER], passage[_AFTER:]
    later = _later(after[STEP_S], path)
    if later >= 0:
        right, down = velocity_px_s(after, path[later])
        return not _foretold(before, after, right, down)
    # The path ended with this step, or is long past: somebody stood on the line.
    return bool(path[-1, STEP_S] == after[STEP_S] or passage[_MOVED_ON] == 0.0)


@numba.njit(cache=True, nogil=True)
def _later(media_s: float, path: Floats) -> int:
    """The row of the step to which the velocity after the step at `media_s` is taken; -1 where
    `path` has none."""
    later = -1
    if path[0, STEP_S] > media_s:
        return later
    for row in range(len(path)):
        if path[row, STEP_S] > media_s:
            if later >= 0 and path[row, STEP_S] > media_s + VELOCITY_S:
                break
            later = row
    return later


@numba.njit(cache=True, nogil=True)
def _foretold(before: Floats, after: Floats, right_px_s: float, down_px_s: float) -> bool:
    passed_s = after[STEP_S] - before[STEP_S]
    allowed_px = (LEAP_SIZES + LEAP_SIZES_S * passed_s) * max(before[STEP_SIZE], after[STEP_SIZE])
    allowed_px += LEAP_SPEED_SHARE * math.hypot(right_px_s, down_px_s) * passed_s
    off_px = math.hypot(
        after[STEP_X] - before[STEP_X] - right_px_s * passed_s,
        after[STEP_Y] - before[STEP_Y] - down_px_s * passed_s,
    )
    return bool(off_px <= allowed_px)
