"""Size: what a road user is by its width in metres, its course and its speed.

How this works. Where the ground is known, a pixel at somebody's feet has a width in metres. How
wide a road user looks depends on its course: a car that comes towards the camera shows its width,
one that crosses the view its length. So what is seen is compared with what each sort would show on
that course, and each look at somebody who moves is a vote. Who stands still casts none.
"""

import math

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.kinds import KINDS, NUMBER_OF, Kind
from placewatch.measure.ground import place

# Between which widths, seen along and across the course, one sort ends and the next begins: the
# geometric mean of usual sizes (a bicycle 0.7 x 1.8 m, a car 1.8 x 4.4 m, a lorry 2.5 x 8 m).
SLIM_M = (1.15, 2.8)
HEAVY_M = (2.4, 6.6)
LONG_M = (3.2, 10.0)  # longer than a rigid lorry: a bus, or a lorry with a trailer
WALK_M_S_MAX = 2.6  # who is faster rides (HCM: walking 1.2, brisk 1.8, few joggers 2.5)
RUN_M_S_MAX = 4.5  # a group that is seen as one is wide, and runs no faster
RIDE_M_S_MAX = 9.5  # 34 km/h: who is faster and slim has a motor
PERSON_M_MIN = 1.0  # lower than this is an animal, a shadow or a part
SPEED_M_S_MIN = 0.5  # slower, the course is noise
VOTES_MIN = 4
TREMBLE_PX_S = 5.0  # so fast those seem who tremble by a pixel or two: nobody rides by that
RODE_SHARE = 0.3  # of the looks at somebody who moves: then it rides
VOTES_KEPT = 0.98  # a vote's weight after each further one: the last seconds decide

# A row of votes: the weight of each kind, how many were cast, the top speed lately in m/s, and the
# weight of those looks at which it was faster than people walk.
_CAST = len(KINDS)
_FAST, _RODE = range(_CAST + 1, _CAST + 3)
VOTES_COLUMNS = _RODE + 1

# Length and width of a usual one, m; of an unknown one those of a car.
USUAL_SIZES_M = {
    Kind.PEDESTRIAN: (0.5, 0.5),
    Kind.BICYCLE: (1.8, 0.7),
    Kind.MOTORCYCLE: (2.2, 0.9),
    Kind.CAR: (4.4, 1.8),
    Kind.VAN: (5.5, 2.0),
    Kind.BUS: (12.0, 2.5),
    Kind.TRUCK: (10.0, 2.5),
    Kind.UNKNOWN: (4.4, 1.8),
}

NOT_TOLD = -1

_PEDESTRIAN, _BICYCLE = NUMBER_OF[Kind.PEDESTRIAN], NUMBER_OF[Kind.BICYCLE]
_MOTORCYCLE, _CAR = NUMBER_OF[Kind.MOTORCYCLE], NUMBER_OF[Kind.CAR]
_TRUCK, _BUS, _UNKNOWN = NUMBER_OF[Kind.TRUCK], NUMBER_OF[Kind.BUS], NUMBER_OF[Kind.UNKNOWN]

Floats = npt.NDArray[np.float64]


@numba.njit(cache=True, nogil=True)
def vote(
    votes: Floats,
    view: Floats,
    box: Floats,
    velocity_px_s: tuple[float, float],
    speed_m_s: float,
) -> None:
    """One look at a road user: adds to its row of VOTES_COLUMNS what it looks like now.

    `view` is that of the ground; `box` left, top, right, bottom in px.
    """
    if not speed_m_s >= SPEED_M_S_MIN:  # nor where it is NaN
        return
    right_m, course_px_m, across = _scale(view, box, velocity_px_s)
    if not right_m * course_px_m > 0.0:
        return
    votes[_FAST] = max(0.97 * votes[_FAST], speed_m_s)
    sure_m_s = speed_m_s - TREMBLE_PX_S * course_px_m
    seen_as = _seen_as(right_m, across, box, votes[_FAST])
    if seen_as == NOT_TOLD:
        return
    for kind in range(_CAST):
        votes[kind] *= VOTES_KEPT
    votes[_RODE] = VOTES_KEPT * votes[_RODE] + (sure_m_s > WALK_M_S_MAX)
    votes[seen_as] += 1.0
    votes[_CAST] += 1.0


@numba.njit(cache=True, nogil=True)
def elected(votes: Floats) -> int:
    """The number of the kind that has most of the votes, or NOT_TOLD."""
    if votes[_CAST] < VOTES_MIN:
        return NOT_TOLD
    best, total = 0, 0.0
    for kind in range(_CAST):
        total += votes[kind]
        if votes[kind] > votes[best]:
            best = kind
    return best if votes[best] > 0.5 * total else NOT_TOLD


@numba.njit(cache=True, nogil=True)
def agreed(recognised: int, votes: Floats) -> int:
    """What a detector that knows kinds and the votes of sizes say together, as numbers in KINDS.

    A look tells more than a size, but not how fast somebody is: a person who is faster than
    people walk rides, or it was somebody else who was recognised before the track went over to a
    car; and a bicycle that is faster than people pedal has a motor.
    """
    sized = elected(votes)
    if sized == NOT_TOLD:
        return recognised
    if recognised == _UNKNOWN:
        return sized
    if recognised == _PEDESTRIAN and (
        (sized in (_BICYCLE, _MOTORCYCLE) and votes[_RODE] > RODE_SHARE * votes[:_CAST].sum())
        or (sized in (_CAR, _TRUCK, _BUS) and votes[_FAST] > RUN_M_S_MAX)
    ):
        return sized
    if recognised == _BICYCLE and sized == _MOTORCYCLE:
        return sized
    return recognised


@numba.njit(cache=True, nogil=True)
def _scale(
    view: Floats, box: Floats, velocity_px_s: tuple[float, float]
) -> tuple[float, float, float]:
    """Of somebody who moves, at its feet: metres of a pixel to the right, metres of a pixel on its
    course, and which share of its course goes across the view. NaN where there is no ground."""
    x, y = 0.5 * (box[0] + box[2]), box[3]
    here_x, here_y = place(view, x, y)
    there_x, there_y = place(view, x + 1.0, y)
    below_x, below_y = place(view, x, y + 1.0)
    # On the ground, one pixel to the right and one pixel down, at its feet.
    right_x, right_y = there_x - here_x, there_y - here_y
    down_x, down_y = below_x - here_x, below_y - here_y
    right_m = math.hypot(right_x, right_y)
    east = velocity_px_s[0] * right_x + velocity_px_s[1] * down_x
    north = velocity_px_s[0] * right_y + velocity_px_s[1] * down_y
    speed = math.hypot(east, north)
    if not speed * right_m > 0.0:
        return math.nan, math.nan, math.nan
    across = min(1.0, abs(east * right_x + north * right_y) / (speed * right_m))
    return right_m, speed / math.hypot(*velocity_px_s), across


@numba.njit(cache=True, nogil=True)
def _seen_as(right_m: float, across: float, box: Floats, fast_m_s: float) -> int:
    """What a moving road user looks like in this frame."""
    width_m, height_m = (box[2] - box[0]) * right_m, (box[3] - box[1]) * right_m
    along = math.sqrt(1.0 - across**2)
    if width_m < _between(SLIM_M, along, across) or (
        fast_m_s < WALK_M_S_MAX and width_m < SLIM_M[0]
    ):
        if height_m < PERSON_M_MIN:
            return NOT_TOLD
        if fast_m_s < WALK_M_S_MAX:
            return _PEDESTRIAN
        return _BICYCLE if fast_m_s < RIDE_M_S_MAX else _MOTORCYCLE
    if width_m < _between(HEAVY_M, along, across):
        return _CAR
    return _TRUCK if width_m < _between(LONG_M, along, across) else _BUS


@numba.njit(cache=True, nogil=True)
def _between(sizes_m: tuple[float, float], along: float, across: float) -> float:
    """The width at which a sort ends, for a course `along` the view and `across` it (shares)."""
    return sizes_m[0] * along + sizes_m[1] * across
