"""Movement: who comes in by one arm of a junction and leaves by another.

How this works. Some counting lines lie across the arms of a junction. Inwards of such a line is the
side on which the others lie. Whoever passes one inwards has come in by its arm, and whoever then
passes one outwards has left by that: one movement of one road user in one view, counted when it
leaves. Who was not seen to come in is counted too, from an unknown arm: movements to an arm add up
to what left by it.

Tracks break inside a junction more than elsewhere: there road users turn, stand and hide each
other. So who came in and was lost there is remembered for a while by its last place and velocity,
and who began inside and leaves is taken for the one that fits best: by place, time and size in this
one view, as little as by which it is counted. Where the ground is known, the places over which it
drives tell as well by which arms it may have come in (ways.py), often by a single one.
"""

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from placewatch.core.kinds import Direction
from placewatch.core.space import PicturePoint
from placewatch.measure.course import LOOK_DOWN, LOOK_RIGHT, Reversal
from placewatch.measure.line import CountingLine
from placewatch.measure.scene import STEP_COLUMNS, STEP_S, STEP_SIZE, STEP_X, STEP_Y
from placewatch.measure.walk import STANDS_SIZES_S, approach_of, velocity_px_s
from placewatch.measure.ways import LIKELIER, RARE_SHARE, Place, Ways

Floats = npt.NDArray[np.float64]

LOST_S = 20.0  # who was lost inside on the move is found again within this,
LOST_STANDING_S = 120.0  # and who was lost while it stood: behind a bus, at a red light
KEPT_S = 300.0  # from when it began, somebody may take so long to leave
TIDY_EVERY_S = 1.0
BEFORE_S = 0.5  # a track may begin so long before the one that it follows is lost
PARTED_S = 3.0  # or, where two tracks changed places, before the other has
AHEAD_S = 1.0  # for so long somebody is taken to go on as before
OFF_SIZES = 1.5  # from where it must be by now, in own sizes,
OFF_SIZES_S = 3.0  # and more with each second that it was lost,
OFF_SIZES_MAX = 12.0  # up to so much
SIZE_RATIO_MAX = 2.0
SET_OFF_SIZES = 4.0  # what it weighs that who stood drives when it is found
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
    left_by: int | None = None  # the user whose track has gone over to somebody else there

    @property
    def stood(self) -> bool:
        speed_px_s = math.hypot(self.right_px_s, self.down_px_s)
        return speed_px_s < STANDS_SIZES_S * float(self.step[STEP_SIZE])


@dataclass
class Origins:
    """By which of the arms `names` each road user inside came in. Users are numbers that live as
    long as they."""

    names: tuple[str, ...]
    _arms: dict[int, str] = field(default_factory=dict)
    _seen_in: set[int] = field(default_factory=set)  # users who were seen to pass a line inwards
    _began: dict[int, Floats] = field(default_factory=dict)
    _rode: set[int] = field(default_factory=set)  # users who drove when they were first seen
    _lost: list[_Lost] = field(default_factory=list)
    _may: dict[int, Floats] = field(default_factory=dict)  # how likely by each arm, by the ways
    _hidden: dict[int, _Lost] = field(default_factory=dict)  # users whose tracks wait for them
    _ways: Ways = field(init=False)
    _tidied_s: float = -math.inf

    def __post_init__(self) -> None:
        self._ways = Ways(len(self.names))

    def begin(self, user: int, step: Floats, rides: bool) -> None:
        """`user` is seen for the first time; `rides`: at some speed."""
        self._began[user] = step.copy()
        if rides:
            self._rode.add(user)

    def enter(self, user: int, arm: str) -> None:
        """`user` has come in by `arm`."""
        self._arms[user] = arm
        self._seen_in.add(user)
        self._may.pop(user, None)

    def drive(self, user: int, at: Place) -> None:
        """`user` drives over a place."""
        arm = self._arms.get(user)
        if arm is not None:
            if user in self._seen_in:
                self._ways.learn(at, self.names.index(arm))
            return
        shares = self._ways.shares(at) if user in self._began else None
        if shares is not None:
            may = self._may.get(user)
            both = shares if may is None else np.minimum(shares, may)
            self._may[user] = both if both.max() > RARE_SHARE else shares

    def came_by(self, user: int) -> str | None:
        """By which arm `user` came in, as far as is known."""
        return self._arms.get(user)

    def part(self, user: int, reversal: Reversal) -> None:
        """The track of `user` has gone over to somebody else: who it was is lost there, and of who
        it is now it is not known by which arm it came in."""
        before, arm = reversal.before, self._arms.pop(user)
        self._drop(user)
        right_px_s, down_px_s = float(before[LOOK_RIGHT]), float(before[LOOK_DOWN])
        step = before[:STEP_COLUMNS].copy()
        self._lost.append(_Lost(None, arm, step, right_px_s, down_px_s, left_by=user))
        self._began[user] = reversal.after[:STEP_COLUMNS].copy()
        self._rode.add(user)
        for place in reversal.places:
            self.drive(user, place)

    def doubt(self, user: int) -> None:
        """By which arm `user` came in is not known, nor where its track began."""
        self._arms.pop(user, None)
        self._began.pop(user, None)
        self._drop(user)

    def hide(self, user: int, path: Floats) -> None:
        """`user` has not been seen for a moment, since the end of `path`; it may be lost."""
        if user in self._arms and user not in self._hidden:
            self._hidden[user] = _lost(user, self._arms[user], path)

    def show(self, users: Container[int]) -> None:
        """`users` are seen."""
        for user in [user for user in self._hidden if user in users]:
            del self._hidden[user]

    def leave(self, user: int, by: str) -> str | None:
        """`user` has left by the arm `by`: by which it had come; None where that is not known."""
        arm = self._arms.pop(user, None)
        began = self._began.pop(user, None)  # who turns round outside comes in by an arm again
        may = self._may.pop(user, None)
        rode = user in self._rode
        self._drop(user)
        if arm is not None or began is None:
            return arm
        found = self._found(user, began, rode, may, by)
        if found is not None or may is None:
            return found
        return self._likely(may, by)  # nobody who was lost fits: it came in unseen

    def end(self, user: int, path: Floats) -> None:
        """`user` is seen no more, unless it is taken up. `path` are its last steps, the oldest
        first."""
        arm = self._arms.pop(user, None)
        may = self._may.pop(user, None)
        if arm is None and user in self._began:
            arm = self._found(user, self._began[user], user in self._rode, may)
            if arm is None and may is not None:
                arm = self._likely(may)
        self._drop(user)
        if arm is not None and len(path):
            self._lost.append(_lost(user, arm, path))

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
        self._may.pop(user, None)
        self._drop(user)
        for one in self._lost:
            if one.user == user:
                one.user = None
            if one.left_by == user:
                one.left_by = None

    def clear(self) -> None:
        """Nothing is known of the time that comes: nobody who was lost is found in it."""
        self._lost.clear()
        self._hidden.clear()

    def _likely(self, may: Floats, by: str | None = None) -> str | None:
        """By which arm one gets to where somebody drove who left by another; None where several
        are as likely."""
        likely = np.where([name == by for name in self.names], 0.0, may)
        best = int(np.argmax(likely))
        others = float(likely.sum() - likely[best])
        return self.names[best] if likely[best] > max(RARE_SHARE, LIKELIER * others) else None

    def _drop(self, user: int) -> None:
        self._seen_in.discard(user)
        self._rode.discard(user)
        self._hidden.pop(user, None)

    def tidy(self, media_s: float) -> None:
        """Forgets who was lost too long ago."""
        if not self._lost or media_s - self._tidied_s < TIDY_EVERY_S:
            return
        self._tidied_s = media_s
        # Who began in time, and has not left yet, may still be one of them.
        known = {*self._arms, *(one.user for one in self._lost)}
        open_s = [float(step[STEP_S]) for user, step in self._began.items() if user not in known]
        first_s = max(min(open_s, default=media_s), media_s - KEPT_S)
        self._lost = [one for one in self._lost if first_s - one.step[STEP_S] <= _found_s(one)]

    def _found(
        self,
        user: int,
        began: Floats,
        rode: bool,
        may: Floats | None,
        by: str | None = None,
    ) -> str | None:
        """The arm of the lost one that fits `user` best, who began like that, may have come in by
        those arms and left by another; it is lost no more."""
        lost = [*self._lost, *self._hidden.values()]
        costs = [
            (_cost(one, began) + (SET_OFF_SIZES if rode and one.stood else 0.0), number)
            for number, one in enumerate(lost)
            if one.arm != by
            and one.left_by != user
            and (may is None or may[self.names.index(one.arm)] > RARE_SHARE)
        ]
        cost, number = min(costs, default=(math.inf, -1))
        if not math.isfinite(cost):
            return None
        one = lost[number]
        if number < len(self._lost):
            del self._lost[number]
        elif one.user is not None:  # it was not where its track waited
            del self._hidden[one.user]
            self._arms.pop(one.user, None)
            self._seen_in.discard(one.user)
        return one.arm


def _lost(user: int, arm: str, path: Floats) -> _Lost:
    first = approach_of(path)
    right, down = velocity_px_s(path[first], path[-1]) if first < len(path) - 1 else (0.0, 0.0)
    return _Lost(user, arm, path[-1].copy(), right, down)


def _found_s(lost: _Lost) -> float:
    return LOST_STANDING_S if lost.stood else LOST_S


def _cost(lost: _Lost, began: Floats) -> float:
    """How badly the two fit, in own sizes; infinity where they cannot be the same."""
    passed_s = float(began[STEP_S] - lost.step[STEP_S])
    size_px, other_px = float(lost.step[STEP_SIZE]), float(began[STEP_SIZE])
    before_s = BEFORE_S if lost.left_by is None else PARTED_S
    if not -before_s <= passed_s <= _found_s(lost) or min(size_px, other_px) <= 0.0:
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
