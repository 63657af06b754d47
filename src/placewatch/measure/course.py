"""Course: whether somebody who leaves by where it came in was seen to turn round.

How this works. Two road users meet on the picture, one hides the other, and their tracks change
places: so each of them seems to go back to where it came from. Nothing on the picture tells it, but
the ground does: who turns round drives across in between. A course is taken over some metres that
were covered look by look, since a box that leaps there and back is no drive. Only the last courses
of who is in view are kept.
"""

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from placewatch.measure.ways import Place, place_of

Floats = npt.NDArray[np.float64]

LEG_M, LEG_S = 3.0, 2.0  # a course is taken over so much in at most such a time
STEP_SHARE_MAX = 0.75  # of it that may lie between two looks
LOOKS_MAX = 16
LEGS_MAX = 64
ALONG_RAD = math.radians(45.0)  # of a course: still the same way
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
    end: Look

    @property
    def place(self) -> Place:
        return place_of(
            self.end.east_m, self.end.north_m, math.cos(self.course_rad), math.sin(self.course_rad)
        )


@dataclass(frozen=True, slots=True)
class Reversal:
    """A track that was on one course and then on the opposite one, and on none in between: the last
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
        course_rad = _course_rad(drive.looks)
        if course_rad is not None:
            drive.legs.append(_Leg(course_rad, look))

    def reversal(self, user: int) -> Reversal | None:
        """Where `user` came to go back without having been seen to turn; None where it was seen to,
        or did not go back."""
        drive = self._drives.get(user)
        if drive is None or not drive.legs:
            return None
        since: list[_Leg] = []
        for leg in reversed(drive.legs):
            turn_rad = _turn_rad(leg.course_rad, drive.legs[-1].course_rad)
            if turn_rad <= ALONG_RAD:
                since.append(leg)
            elif turn_rad >= BACK_RAD:
                return Reversal(leg.end, since[-1].end, [one.place for one in since])
            else:
                return None
        return None

    def forget(self, user: int) -> None:
        """`user` is gone."""
        self._drives.pop(user, None)


def _course_rad(looks: deque[Look]) -> float | None:
    """The course up to the last look; None where it was not driven steadily."""
    last = looks[-1]
    longest_m = length_m = 0.0
    newer = last
    for number, look in enumerate(reversed(looks)):
        before_m, length_m = length_m, last.away_m(look)
        if last.at_s - look.at_s > LEG_S or length_m < before_m:
            return None
        longest_m = max(longest_m, newer.away_m(look))
        newer = look
        if number > 1 and length_m >= LEG_M and longest_m <= STEP_SHARE_MAX * length_m:
            return math.atan2(last.north_m - look.north_m, last.east_m - look.east_m)
    return None


def _turn_rad(one_rad: float, other_rad: float) -> float:
    return abs((other_rad - one_rad + math.pi) % (2.0 * math.pi) - math.pi)
