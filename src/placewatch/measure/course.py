"""Course: whether somebody who leaves by where it came in was seen to turn round.

How this works. Two road users meet on the picture, one hides the other, and their tracks change
places: so each of them seems to go back to where it came from. Or a box leaps over the line while
its road user waits there. Nothing on the picture tells it, but the ground does: who turns round
drives on all courses in between, one after the other. A course is taken over some metres that
were covered look by look, since a box that leaps there and back is no drive. Only the last courses
of who is in view are kept.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from placewatch.measure.ways import Place, place_of

Floats = npt.NDArray[np.float64]

LEG_M, LEG_S, LEG_S_MAX = 3.0, 1.0, 2.0  # a course is taken over so much, in at most such a time
STEP_SHARE_MAX = 0.75  # of it that may lie between two looks
LOOKS_MAX = 16
LEGS_MAX = 64
TURN_RAD_MAX = math.radians(90.0)  # from one course to the next: nobody turns as fast
BACK_RAD = math.radians(135.0)  # and the way back


@dataclass(frozen=True, slots=True)
class Look:
    """Where somebody was on the ground: its last `step` there, of STEP_COLUMNS, and its velocity on
    the picture."""

    at_s: float
    east_m: float
    north_m: float
    step: Floats
    right_px_s: float
    down_px_s: float

    def away_m(self, other: "Look") -> float:
        return math.hypot(self.east_m - other.east_m, self.north_m - other.north_m)


@dataclass(frozen=True, slots=True)
class _Leg:
    course_rad: float
    begin: Look
    end: Look

    @property
    def place(self) -> Place:
        return place_of(
            self.end.east_m, self.end.north_m, math.cos(self.course_rad), math.sin(self.course_rad)
        )


@dataclass(frozen=True, slots=True)
class Reversal:
    """A track that was on one course and then on quite another, and on none in between: the last
    look `before`, the first one `after`, and over which places it has gone since."""

    before: Look
    after: Look
    places: list[Place]


@dataclass
class _Drive:
    looks: deque[Look] = field(default_factory=lambda: deque(maxlen=LOOKS_MAX))
    legs: deque[_Leg] = field(default_factory=lambda: deque(maxlen=LEGS_MAX))


@dataclass
class Courses:
    """The last courses of everybody in view. Users are numbers."""

    _drives: dict[int, _Drive] = field(default_factory=dict)

    def look(self, user: int, look: Look) -> None:
        """`user` was seen there."""
        drive = self._drives.setdefault(user, _Drive())
        drive.looks.append(look)
        leg = _leg(drive.looks)
        if leg is not None:
            drive.legs.append(leg)

    def reversal(self, user: int) -> Reversal | None:
        """Where the course of `user` jumped, as nobody can turn, since it came; None where it did
        not."""
        since: list[_Leg] = []
        after = 0  # of `since`: what follows this leg, with no look in common
        for leg in reversed(self._legs(user)):
            while after + 1 < len(since) and since[after + 1].begin.at_s >= leg.end.at_s:
                after += 1
            if (
                since
                and since[after].begin.at_s >= leg.end.at_s
                and _turn_rad(leg.course_rad, since[after].course_rad) > TURN_RAD_MAX
            ):
                places = [one.place for one in since[: after + 1]]
                return Reversal(leg.end, since[after].begin, places)
            if since and _turn_rad(leg.course_rad, since[0].course_rad) >= BACK_RAD:
                return None
            since.append(leg)
        return None

    def turned(self, user: int) -> bool | None:
        """Whether `user` was seen to go the opposite way at last, without a jump; None where no
        course of it is known."""
        legs = self._legs(user)
        if not legs:
            return None
        back = any(_turn_rad(leg.course_rad, legs[-1].course_rad) >= BACK_RAD for leg in legs)
        return back and self.reversal(user) is None

    def _legs(self, user: int) -> Sequence[_Leg]:
        drive = self._drives.get(user)
        return () if drive is None else drive.legs

    def forget(self, user: int) -> None:
        """`user` is gone."""
        self._drives.pop(user, None)


def _leg(looks: deque[Look]) -> _Leg | None:
    """The course up to the last look; None where it was not driven steadily."""
    last = looks[-1]
    longest_m = length_m = 0.0
    newer = last
    for number, look in enumerate(reversed(looks)):
        before_m, length_m = length_m, last.away_m(look)
        if last.at_s - look.at_s > LEG_S_MAX or length_m < before_m:
            return None
        longest_m = max(longest_m, newer.away_m(look))
        newer = look
        if (
            number > 1
            and length_m >= LEG_M
            and last.at_s - look.at_s >= LEG_S
            and longest_m <= STEP_SHARE_MAX * length_m
        ):
            course_rad = math.atan2(last.north_m - look.north_m, last.east_m - look.east_m)
            return _Leg(course_rad, look, last)
    return None


def _turn_rad(one_rad: float, other_rad: float) -> float:
    return abs((other_rad - one_rad + math.pi) % (2.0 * math.pi) - math.pi)
