"""Course: whether somebody who leaves by where it came in was seen to turn round.

How this works. Two road users meet on the picture, one hides the other, and their tracks change
places: so each of them seems to go back to where it came from. Or a box leaps over the line while
its road user waits there. Nothing on the picture tells it, but the ground does: who turns round
drives on all courses in between, one after the other. A course is taken over some metres that
were covered look by look, since a box that leaps there and back is no drive. Only the last courses
of who is in view are kept.
"""

import math
from dataclasses import dataclass, field

import numba
import numpy as np
import numpy.typing as npt

from placewatch.measure.scene import STEP_COLUMNS, STEP_EAST, STEP_NORTH, STEP_S
from placewatch.measure.stage import longer
from placewatch.measure.ways import Place, place_of

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

LEG_M, LEG_S, LEG_S_MAX = 3.0, 1.0, 3.0  # a course is taken over so much, in at most such a time
STEP_SHARE_MAX = 0.75  # of it that may lie between two looks
LOOKS_MAX = 16
LEGS_MAX, LEG_EVERY_M = 192, 1.5  # are kept: the way through a wide roundabout and to it
TURN_RAD_MAX = math.radians(90.0)  # from one course to the next: nobody turns as fast
BACK_RAD = math.radians(135.0)  # and the way back

# A look is a step with the velocity on the picture; a leg is a course from look to look. The last
# of both are kept, each in the place of the oldest.
LOOK_RIGHT, LOOK_DOWN = STEP_COLUMNS, STEP_COLUMNS + 1
LOOK_COLUMNS = STEP_COLUMNS + 2
_COURSE, _BEGIN, _END = 0, 1, 1 + LOOK_COLUMNS
_LEG_COLUMNS = 1 + 2 * LOOK_COLUMNS
_LOOKS, _LEGS = range(2)  # how many there were


@dataclass(frozen=True, slots=True)
class Reversal:
    """A track that was on one course and then on quite another, and on none in between: the last
    look `before`, the first one `after` (LOOK_COLUMNS), and over which places it has gone since."""

    before: Floats
    after: Floats
    places: list[Place]


@dataclass
class Courses:
    """The last courses of everybody in view. Users are numbers from 0, of which there is room for
    `len(counts)`."""

    looks: Floats = field(default_factory=lambda: np.zeros((0, LOOKS_MAX, LOOK_COLUMNS)))
    legs: Floats = field(default_factory=lambda: np.zeros((0, LEGS_MAX, _LEG_COLUMNS)))
    counts: Whole = field(default_factory=lambda: np.zeros((0, 2), np.int64))

    def make_room(self, users: int) -> None:
        """Has room for so many users at least."""
        while len(self.counts) < users:
            self.looks, self.legs = longer(self.looks), longer(self.legs)
            self.counts = longer(self.counts)

    def reversal(self, user: int) -> Reversal | None:
        """Where the course of `user` jumped, as nobody can turn, since it came; None where it did
        not."""
        legs = self._newest(user)
        after = 0  # of the newer ones: what follows this leg, with no look in common
        for at, leg in enumerate(legs):
            while after + 1 < at and _begin_s(legs[after + 1]) >= _end_s(leg):
                after += 1
            if at == 0:
                continue
            newer = legs[after]
            if _begin_s(newer) >= _end_s(leg) and _turn_rad(leg, newer) > TURN_RAD_MAX:
                places = [_place(one) for one in legs[: after + 1]]
                return Reversal(leg[_END:], newer[_BEGIN:_END], places)
            if _turn_rad(leg, legs[0]) >= BACK_RAD:
                return None
        return None

    def turned(self, user: int) -> bool | None:
        """Whether `user` was seen to go the opposite way at last, without a jump; None where no
        course of it is known, or its way was too long to be kept."""
        legs = self._newest(user)
        if not legs:
            return None
        if any(_turn_rad(leg, legs[0]) >= BACK_RAD for leg in legs):
            return self.reversal(user) is None
        return None if self.counts[user, _LEGS] > LEGS_MAX else False

    def forget(self, user: int) -> None:
        """`user` is gone."""
        if user < len(self.counts):
            self.counts[user] = 0

    def _newest(self, user: int) -> list[Floats]:
        """The legs of `user`, the newest first."""
        if user >= len(self.counts):
            return []
        count = int(self.counts[user, _LEGS])
        rows = (np.arange(count - 1, max(-1, count - 1 - LEGS_MAX), -1)) % LEGS_MAX
        return list(self.legs[user, rows])


@numba.njit(cache=True, nogil=True)
def look(
    looks: Floats, legs: Floats, counts: Whole, step: Floats, velocity_px_s: tuple[float, float]
) -> None:
    """Somebody was seen at `step`: what its rows of `Courses` hold by now."""
    number = counts[_LOOKS]
    last = looks[number % LOOKS_MAX]
    last[:STEP_COLUMNS] = step
    last[LOOK_RIGHT], last[LOOK_DOWN] = velocity_px_s
    counts[_LOOKS] = number + 1
    longest_m = length_m = 0.0
    newer = last
    for back in range(min(number + 1, LOOKS_MAX)):
        one = looks[(number - back) % LOOKS_MAX]
        before_m, length_m = length_m, _away_m(last, one)
        lasts_s = last[STEP_S] - one[STEP_S]
        if lasts_s > LEG_S_MAX or length_m < before_m:
            return
        longest_m = max(longest_m, _away_m(newer, one))
        newer = one
        if (
            back > 1
            and length_m >= LEG_M
            and lasts_s >= LEG_S
            and longest_m <= STEP_SHARE_MAX * length_m
        ):
            count = counts[_LEGS]
            if count and _away_m(legs[(count - 1) % LEGS_MAX, _END:], last) < LEG_EVERY_M:
                return
            leg = legs[count % LEGS_MAX]
            leg[_COURSE] = math.atan2(
                last[STEP_NORTH] - one[STEP_NORTH], last[STEP_EAST] - one[STEP_EAST]
            )
            leg[_BEGIN:_END], leg[_END:] = one, last
            counts[_LEGS] = count + 1
            return


@numba.njit(cache=True, nogil=True)
def _away_m(one: Floats, other: Floats) -> float:
    return math.hypot(other[STEP_EAST] - one[STEP_EAST], other[STEP_NORTH] - one[STEP_NORTH])


def _begin_s(leg: Floats) -> float:
    return float(leg[_BEGIN + STEP_S])


def _end_s(leg: Floats) -> float:
    return float(leg[_END + STEP_S])


def _place(leg: Floats) -> Place:
    course_rad = float(leg[_COURSE])
    east_m, north_m = float(leg[_END + STEP_EAST]), float(leg[_END + STEP_NORTH])
    return place_of(east_m, north_m, math.cos(course_rad), math.sin(course_rad))


def _turn_rad(one: Floats, other: Floats) -> float:
    return float(abs((other[_COURSE] - one[_COURSE] + math.pi) % (2.0 * math.pi) - math.pi))
