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
from collections.abc import Sequence
from dataclasses import dataclass, field

from placewatch.core.errors import Misconfigured
from placewatch.core.kinds import Direction
from placewatch.core.space import PicturePoint
from placewatch.core.time import UtcMicros
from placewatch.measure.scene import Step
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
    """A line from `a` to `b`, in pixels of the camera's picture."""

    name: str
    a: PicturePoint
    b: PicturePoint
    _across: tuple[float, float, float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise Misconfigured("a counting line has no name", hint="give it one, as in East arm")
        if not math.isfinite(self.length_px) or self.length_px < 1:
            raise Misconfigured(
                f'counting line "{self.name}" is a point',
                hint="its two ends must be at least a pixel apart",
            )
        right = (self.a.y_px - self.b.y_px) / self.length_px
        down = (self.b.x_px - self.a.x_px) / self.length_px
        off_px = -right * self.a.x_px - down * self.a.y_px
        object.__setattr__(self, "_across", (right, down, off_px))

    @property
    def length_px(self) -> float:
        return math.hypot(self.b.x_px - self.a.x_px, self.b.y_px - self.a.y_px)

    def off_px(self, x_px: float, y_px: float) -> float:
        """How far right of the line, for somebody who walks it from a to b; negative: left."""
        right, down, off_px = self._across
        return right * x_px + down * y_px + off_px

    def along_px(self, x_px: float, y_px: float) -> float:
        """How far along the line from a, 0 to `length_px` between its ends."""
        along_x, along_y = self.b.x_px - self.a.x_px, self.b.y_px - self.a.y_px
        along = along_x * (x_px - self.a.x_px) + along_y * (y_px - self.a.y_px)
        return along / math.hypot(along_x, along_y)

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


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of side, not yet settled."""

    to: int
    passing: Passing
    inside: bool  # between the line's ends
    before: Step
    after: Step
    moved_on: bool | None  # as the velocity before it foretold; None where there was none
    speed_px_s: float  # across the line, towards `to`, on the approach and over the line
    speed_before_px_s: float  # on the approach alone


@dataclass
class Passage:
    """One road user and one line: where it is, and whether it has passed.

    Feed it every step once, with the path so far; it remembers sides, not the path.
    """

    line: CountingLine
    _side: int = field(default=0, init=False)  # last clear side: -1 left, 1 right, 0 none yet
    _sign: int = field(default=0, init=False)  # side of the last step, however close
    _begun: bool = field(default=False, init=False)
    _began_well: int = field(default=0, init=False)  # first steps clearly on the near side
    _change: _Change | None = field(default=None, init=False)
    _off_px: float = field(default=0.0, init=False)
    _band_px: float = field(default=BAND_PX_MIN, init=False)
    _clear_steps: int = field(default=0, init=False)  # in a row, beyond the band, not on `_side`
    _clear_since_s: float = field(default=0.0, init=False)
    _far_steps: int = field(default=0, init=False)  # in a row since the last change of side
    _well_since_s: float | None = field(default=None, init=False)  # half a band beyond the change

    def step(self, path: Sequence[Step]) -> Passing | None:
        """Takes the newest step of `path`, oldest first; the passing that it settles, if any."""
        step = path[-1]
        right, down, off_px = self.line._across
        before_px = self._off_px
        self._off_px = off_px = right * step.x_px + down * step.y_px + off_px
        if (
            self._sign == self._side != 0
            and self._change is None
            and off_px * self._side > FAR_SIZES * step.size_px + FAR_PX
        ):
            # Far out on its own side there is nothing to decide, and most are, at most lines.
            self._band_px = max(BAND_PX_MIN, BAND_SIZES * step.size_px)
            self._far_steps, self._clear_steps = self._far_steps + 1, 0
            if self._well_since_s is None:
                self._well_since_s = step.media_s
            return None
        self._band_px = self._band(path)
        sign = _sign(self._off_px) or self._sign
        if self._begun and sign != self._sign != 0:
            self._change = self._changed(sign, before_px, path)
            self._far_steps, self._clear_steps, self._well_since_s = 0, 0, None
        self._sign = sign
        self._far_steps += 1
        if abs(self._off_px) < 0.5 * self._band_px:
            self._well_since_s = None
        elif self._well_since_s is None:
            self._well_since_s = step.media_s
        clear = abs(self._off_px) > self._band_px
        if not self._begun:
            self._begun = True
            self._side = sign if clear else 0
        if self._side == 0 and self._change is None and abs(self._off_px) >= 0.5 * self._band_px:
            self._began_well += 1

        if not clear:
            self._clear_steps = 0
            return None
        if sign == self._side:
            self._clear_steps, self._change = 0, None
            return None
        if self._clear_steps == 0:
            self._clear_since_s = step.media_s
        self._clear_steps += 1
        clear_s = step.media_s - self._clear_since_s
        brisk = abs(self._off_px) >= 2 * self._band_px and clear_s >= SETTLE_BRISK_S
        if self._clear_steps < 2 or not (brisk or clear_s >= SETTLE_S):
            return None
        return self._settle(path)

    def end(self, path: Sequence[Step]) -> Passing | None:
        """The road user is seen no more: the passing that its last steps amount to, if any."""
        change = self._change
        if change is None or self._sign != change.to or change.to == self._side:
            return None
        if self._side == 0 and self._clear_steps == 0:
            return None  # never clear on either side
        if self._far_steps < 2 and not (
            change.moved_on and self._is_brisk(change.speed_before_px_s)
        ):
            return None
        brisk = self._is_brisk(change.speed_px_s)
        stayed = self._well_since_s is not None and (
            path[-1].media_s - self._well_since_s >= SETTLE_S
        )
        return self._settle(path) if brisk or stayed else None

    def _settle(self, path: Sequence[Step]) -> Passing | None:
        change, was = self._change, self._side
        self._side, self._change, self._clear_steps = self._sign, None, 0
        if change is None or not change.inside or _leapt(change, path):
            return None
        if was == 0 and self._began_well < 2 and not self._is_brisk(change.speed_px_s):
            return None
        if change.moved_on is None and not self._is_brisk(self._speed_onward_px_s(change, path)):
            return None
        return change.passing

    def _is_brisk(self, speed_px_s: float) -> bool:
        return speed_px_s * BRISK_S >= self._band_px

    def _speed_onward_px_s(self, change: _Change, path: Sequence[Step]) -> float:
        later = _later(change.after, path)
        if later is None:
            return 0.0
        passed_px = self.line.off_px(later.x_px, later.y_px) - self.line.off_px(
            change.after.x_px, change.after.y_px
        )
        return change.to * passed_px / (later.media_s - change.after.media_s)

    def _changed(self, to: int, before_px: float, path: Sequence[Step]) -> _Change:
        before, after = path[-2], path[-1]
        share = before_px / (before_px - self._off_px)
        x_px = before.x_px + share * (after.x_px - before.x_px)
        y_px = before.y_px + share * (after.y_px - before.y_px)
        beside_px = END_SIZES * after.size_px
        along_px = self.line.along_px(x_px, y_px)
        passing = Passing(
            at=UtcMicros(before.at + round(share * (after.at - before.at))),
            media_s=before.media_s + share * (after.media_s - before.media_s),
            frame=before.frame + round(share * (after.frame - before.frame)),
            direction=Direction.LEFT_TO_RIGHT if to > 0 else Direction.RIGHT_TO_LEFT,
        )
        began = approach_of(path[:-1])
        began_px = self.line.off_px(began.x_px, began.y_px)
        velocity = None if began is before else velocity_px_s(began, before)
        return _Change(
            to=to,
            passing=passing,
            inside=-beside_px <= along_px <= self.line.length_px + beside_px,
            before=before,
            after=after,
            moved_on=None if velocity is None else _foretold(before, after, velocity),
            speed_px_s=to * (self._off_px - began_px) / (after.media_s - began.media_s),
            speed_before_px_s=0.0
            if began is before
            else to * (before_px - began_px) / (before.media_s - began.media_s),
        )

    def _band(self, path: Sequence[Step]) -> float:
        size_px = path[-1].size_px
        band_px = BAND_SIZES * size_px
        if band_px < BAND_PX_MIN:
            band_px = BAND_PX_MIN
        most_px = max(band_px, BAND_NOISE_SIZES_MAX * size_px)
        # Further out the trembling cannot matter, and most road users are further out.
        if abs(self._off_px) > 2 * most_px:
            return band_px
        return max(band_px, min(NOISE_BANDS * self._noise_px(path), most_px))

    def _noise_px(self, path: Sequence[Step]) -> float:
        """Robust standard deviation of the distance to the line, steady movement apart."""
        off = [self.line.off_px(step.x_px, step.y_px) for step in path[-9:]]
        bends = sorted(
            abs(one - 2 * two + three)
            for one, two, three in zip(off, off[1:], off[2:], strict=False)
        )
        if len(bends) < 3:
            return 0.0
        return 1.4826 * bends[len(bends) // 2] / math.sqrt(6)


def _leapt(change: _Change, path: Sequence[Step]) -> bool:
    """Whether the box leapt over the line: neither velocity foretold the step."""
    if change.moved_on:
        return False
    later = _later(change.after, path)
    if later is not None:
        return not _foretold(change.before, change.after, velocity_px_s(change.after, later))
    # The path ended with this step, or is long past: somebody stood on the line.
    return path[-1] is change.after or change.moved_on is False


def _later(from_: Step, path: Sequence[Step]) -> Step | None:
    """The step to which the velocity after `from_` is taken; None where `path` has none."""
    if path[0].media_s > from_.media_s:
        return None
    later = None
    for step in path:
        if step.media_s > from_.media_s:
            if later is not None and step.media_s > from_.media_s + VELOCITY_S:
                break
            later = step
    return later


def _foretold(before: Step, after: Step, velocity_px_s: tuple[float, float]) -> bool:
    passed_s = after.media_s - before.media_s
    right, down = velocity_px_s
    allowed_px = (LEAP_SIZES + LEAP_SIZES_S * passed_s) * max(before.size_px, after.size_px)
    allowed_px += LEAP_SPEED_SHARE * math.hypot(right, down) * passed_s
    off_px = math.hypot(
        after.x_px - before.x_px - right * passed_s, after.y_px - before.y_px - down * passed_s
    )
    return off_px <= allowed_px


def _sign(value: float) -> int:
    return 1 if value > 0 else -1 if value < 0 else 0
