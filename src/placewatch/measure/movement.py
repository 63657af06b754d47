"""Movement: who comes in by one arm of a junction and leaves by another.

How this works. Some counting lines lie across the arms of a junction. Inwards of such a line is the
side on which the others lie. Whoever passes one inwards has come in by its arm, and whoever then
passes one outwards has left by that: one movement of one road user in one view, counted when it
leaves. Who was not seen to come in is counted too, from an unknown arm: movements to an arm add up
to what left by it.

Tracks break inside a junction more than elsewhere: there road users turn, stand and hide each
other. So who came in and was lost there is remembered for a while by its last place and velocity,
and who began inside and leaves is taken for the one that fits best: by place, time and size in this
one view, as little as by which it is counted.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from placewatch.core.kinds import Direction
from placewatch.core.space import PicturePoint
from placewatch.measure.line import CountingLine
from placewatch.measure.scene import STEP_S, STEP_SIZE, STEP_X, STEP_Y
from placewatch.measure.walk import STANDS_SIZES_S, approach_of, velocity_px_s

Floats = npt.NDArray[np.float64]

LOST_S = 10.0  # who was lost inside on the move is found again within this,
LOST_STANDING_S = 120.0  # and who was lost while it stood: behind a bus, at a red light
BEFORE_S = 0.5  # a track may begin so long before the one that it follows is lost
AHEAD_S = 1.0  # for so long somebody is taken to go on as before
OFF_SIZES = 1.5  # from where it must be by now, in own sizes,
OFF_SIZES_S = 3.0  # and more with each second that it was lost,
OFF_SIZES_MAX = 12.0  # up to so much
SIZE_RATIO_MAX = 2.0
WAIT_SIZES_S = 0.05  # what a second of being lost weighs beside sizes of distance


@dataclass(frozen=True, slots=True)
class Arms:
    """The lines of a view that lie across arms: for each of its lines the name of its arm, None
    where it has none, and the direction that leads inwards."""

    names: tuple[str | None, ...]
    inwards: tuple[Direction | None, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """The names of the arms, each once."""
        return tuple(dict.fromkeys(name for name in self.names if name is not None))

    @classmethod
    def of(cls, lines: Sequence[CountingLine]) -> "Arms":
        """Two arms at least make a junction; with fewer there are no movements."""
        names = tuple(line.arm for line in lines)
        if len({name for name in names if name is not None}) < 2:
            return cls((None,) * len(lines), (None,) * len(lines))
        return cls(names, tuple(_inwards(line, lines) for line in lines))


def _inwards(line: CountingLine, lines: Sequence[CountingLine]) -> Direction | None:
    if line.arm is None:
        return None
    others = [_middle(other) for other in lines if other.arm not in (None, line.arm)]
    there = PicturePoint(
        sum(point.x_px for point in others) / len(others),
        sum(point.y_px for point in others) / len(others),
    )
    right_px = line.right_of(there)
    return Direction.LEFT_TO_RIGHT if right_px > 0.0 else Direction.RIGHT_TO_LEFT


def _middle(line: CountingLine) -> PicturePoint:
    return PicturePoint((line.a.x_px + line.b.x_px) / 2, (line.a.y_px + line.b.y_px) / 2)


@dataclass(slots=True)
class _Lost:
    """Somebody who came in by `arm` and was lost inside: its last step, and its velocity. `user`
    is None once nothing else is known of it."""

    user: int | None
    arm: str
    step: Floats
    right_px_s: float
    down_px_s: float

    @property
    def stood(self) -> bool:
        speed_px_s = math.hypot(self.right_px_s, self.down_px_s)
        return speed_px_s < STANDS_SIZES_S * float(self.step[STEP_SIZE])


@dataclass
class Origins:
    """By which arm each road user inside came in. Users are numbers that live as long as they."""

    _arms: dict[int, str] = field(default_factory=dict)
    _began: dict[int, Floats] = field(default_factory=dict)
    _lost: list[_Lost] = field(default_factory=list)

    def begin(self, user: int, step: Floats) -> None:
        """`user` is seen for the first time."""
        self._began[user] = step.copy()

    def enter(self, user: int, arm: str) -> None:
        """`user` has come in by `arm`."""
        self._arms[user] = arm

    def leave(self, user: int) -> str | None:
        """`user` has left by some arm: by which it had come; None where that is not known."""
        arm = self._arms.pop(user, None)
        began = self._began.pop(user, None)  # who turns round outside comes in by an arm again
        return self._found(began) if arm is None and began is not None else arm

    def end(self, user: int, path: Floats) -> None:
        """`user` is seen no more, unless it is taken up. `path` are its last steps, the oldest
        first."""
        arm = self._arms.pop(user, None)
        if arm is None and user in self._began:
            arm = self._found(self._began[user])
        if arm is None or not len(path):
            return
        first = approach_of(path)
        right, down = velocity_px_s(path[first], path[-1]) if first < len(path) - 1 else (0.0, 0.0)
        self._lost.append(_Lost(user, arm, path[-1].copy(), right, down))

    def take_up(self, user: int) -> None:
        """`user` is seen again after all."""
        for number, one in enumerate(self._lost):
            if one.user == user:
                self._arms[user] = self._lost.pop(number).arm
                return

    def forget(self, user: int) -> None:
        """`user` will not be taken up any more, and its number may be given to others."""
        self._arms.pop(user, None)
        self._began.pop(user, None)
        for one in self._lost:
            if one.user == user:
                one.user = None

    def clear(self) -> None:
        """Nothing is known of the time that comes: nobody who was lost is found in it."""
        self._lost.clear()

    def tidy(self, media_s: float) -> None:
        """Forgets who was lost too long ago."""
        if self._lost:
            self._lost = [one for one in self._lost if media_s - one.step[STEP_S] <= _kept_s(one)]

    def _found(self, began: Floats) -> str | None:
        """The arm of the lost one that fits best who began like that; it is lost no more."""
        costs = [(_cost(one, began), number) for number, one in enumerate(self._lost)]
        cost, number = min(costs, default=(math.inf, -1))
        return self._lost.pop(number).arm if math.isfinite(cost) else None


def _kept_s(lost: _Lost) -> float:
    return LOST_STANDING_S if lost.stood else LOST_S


def _cost(lost: _Lost, began: Floats) -> float:
    """How badly the two fit, in own sizes; infinity where they cannot be the same."""
    passed_s = float(began[STEP_S] - lost.step[STEP_S])
    size_px, other_px = float(lost.step[STEP_SIZE]), float(began[STEP_SIZE])
    if not -BEFORE_S <= passed_s <= _kept_s(lost) or min(size_px, other_px) <= 0.0:
        return math.inf
    if max(size_px, other_px) > SIZE_RATIO_MAX * min(size_px, other_px):
        return math.inf
    ahead_s = max(0.0, min(passed_s, AHEAD_S))
    off_px = math.hypot(
        began[STEP_X] - lost.step[STEP_X] - lost.right_px_s * ahead_s,
        began[STEP_Y] - lost.step[STEP_Y] - lost.down_px_s * ahead_s,
    )
    off = off_px / (0.5 * (size_px + other_px))
    if off > min(OFF_SIZES_MAX, OFF_SIZES + OFF_SIZES_S * max(0.0, passed_s)):
        return math.inf
    return off + WAIT_SIZES_S * max(0.0, passed_s)
