"""Walk: the last seconds of one road user's path on the picture, without steps that leapt."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from placewatch.measure.scene import Step

MEMORY_S = 2.0
MEMORY_STEPS = 3  # however long ago: a velocity needs them
VELOCITY_S = 0.4  # the velocity at a step is taken over this
LEAP_SIZES = 0.5  # a step this far off the way from the last to the next has leapt away and back,
LEAP_SHARE = 0.6  # if that is also far for who moves so; a leap that lasts is about half
STANDS_SIZES_S = 0.2  # own sizes a second
TAKEN_UP_S = 2.0  # a track that broke while it moved is taken up again within this,
STANDING_TAKEN_UP_S = 120.0  # and one that stood (a red light, absorbed by the background)
TAKEN_UP_SIZES = 0.6  # how far from where it must be by now


@dataclass
class Walk:
    """One road user's path. The newest step waits for the next one before it joins the path."""

    path: list[Step] = field(default_factory=list)
    _newest: Step | None = field(default=None, init=False)

    def add(self, step: Step) -> bool:
        """Whether the path has grown: by the step before this one, unless that one leapt away
        and back. A step that is not later than the last is dropped."""
        newest = self._newest
        last = newest or (self.path[-1] if self.path else None)
        if last is not None and step.media_s <= last.media_s:
            return False
        self._newest = step
        if newest is None or self._leapt_and_back(newest, step):
            return False
        self._grow(newest)
        return True

    def end(self) -> bool:
        """No step will come, so the newest is the last: whether the path has grown by it."""
        newest, self._newest = self._newest, None
        if newest is not None:
            self._grow(newest)
        return newest is not None

    def stands(self) -> bool:
        """Whether it stood when it was last seen."""
        velocity = self._velocity_px_s()
        return velocity is not None and (
            math.hypot(*velocity) < STANDS_SIZES_S * self.path[-1].size_px
        )

    def is_forgotten(self, media_s: float) -> bool:
        """Whether it ended too long ago to be taken up again."""
        patience_s = STANDING_TAKEN_UP_S if self.stands() else TAKEN_UP_S
        return media_s - self.path[-1].media_s > patience_s

    def sizes_off(self, step: Step) -> float:
        """How far `step` is from where this ended walk must be by now, in own sizes."""
        last = self.path[-1]
        passed_s = step.media_s - last.media_s
        size_px = min(last.size_px, step.size_px)
        if size_px <= 0 or max(last.size_px, step.size_px) > 2 * size_px:
            return math.inf
        right, down = (0.0, 0.0) if self.stands() else self._velocity_px_s() or (0.0, 0.0)
        return _off_px(last, step, (right, down), passed_s) / size_px

    def _velocity_px_s(self) -> tuple[float, float] | None:
        began, last = approach_of(self.path), self.path[-1]
        return None if began is last else velocity_px_s(began, last)

    def _leapt_and_back(self, step: Step, after: Step) -> bool:
        if not self.path:
            return False
        before = self.path[-1]
        most_px = LEAP_SIZES * max(before.size_px, after.size_px)
        moved_px = math.hypot(after.x_px - before.x_px, after.y_px - before.y_px)
        off_px = _off_px(before, step, velocity_px_s(before, after), step.media_s - before.media_s)
        if off_px <= most_px or off_px <= LEAP_SHARE * moved_px:
            return False
        # It may be the next step that leaps: this one has not if it went on as before.
        went = self._velocity_px_s()
        return went is None or _off_px(before, step, went, step.media_s - before.media_s) > most_px

    def _grow(self, step: Step) -> None:
        if self.path and self.path[0].media_s < step.media_s - MEMORY_S - 0.5:
            recent = [s for s in self.path if s.media_s >= step.media_s - MEMORY_S]
            self.path = recent if len(recent) > MEMORY_STEPS else self.path[-MEMORY_STEPS:]
        self.path.append(step)


def approach_of(path: Sequence[Step]) -> Step:
    """The step from which the velocity at the end of `path` is taken: at least the last but one,
    where there is one."""
    began = path[-2:][0]
    for step in reversed(path):
        if step.media_s < path[-1].media_s - VELOCITY_S:
            break
        began = step if step.media_s < began.media_s else began
    return began


def velocity_px_s(from_: Step, to: Step) -> tuple[float, float]:
    """(right, down) on the way from one step to a later one."""
    passed_s = to.media_s - from_.media_s
    return (to.x_px - from_.x_px) / passed_s, (to.y_px - from_.y_px) / passed_s


def _off_px(from_: Step, to: Step, velocity: tuple[float, float], passed_s: float) -> float:
    right, down = velocity
    return math.hypot(
        to.x_px - from_.x_px - right * passed_s, to.y_px - from_.y_px - down * passed_s
    )
