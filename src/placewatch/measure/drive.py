"""Drive: the path of who drives or rides, as one that steers, fitted to its boxes all at once.

How this works. From a mast a place is known three times better across the view than along it, and a
trembling place tells no heading. But who drives goes where it points, and turns and brakes no
faster than wheels do. So the state of a road user (place, heading, speed, how it steers, how it
accelerates) is carried from look to look by that rule, and each look says where its footprint,
laid by this place and heading, meets the lower edge and the middle of the box. The best path
through all looks is found by an extended Kalman filter forwards and a smoother backwards (Bierman
1973, which inverts no matrix), around the path of the round before (Bell 1994). Looks that fit
badly (a box that is half covered) count less with each round.

    state   x  y  heading  speed  steering (1/m)  acceleration
    look    middle of the box's sides, lower edge, px

It leads on through moments at which nobody was seen. The length is what all the boxes' widths say
together, within the bounds of its kind (anchor.py).
"""

import math
from functools import lru_cache

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.kinds import NUMBER_OF, Kind
from placewatch.measure.anchor import (
    BOUNDS_M,
    LAID,
    LENGTH_DOUBT_M,
    NARROW_SHARE_MAX,
    WIDTH_ERROR_PX,
    WIDTH_ERROR_SHARE,
    wide_m,
)
from placewatch.measure.ground import centre_of, straight
from placewatch.measure.size import USUAL_SIZES_M
from placewatch.measure.standpoint import upwards

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

# What steers and brakes: how much, and within which way or time it becomes another.
STEERS_1_M, STEERS_WITHIN_M = 0.08, 5.0  # a turn at a junction has a radius of 8 to 15 m
ACCELERATES_M_S2, ACCELERATES_WITHIN_S = 1.5, 1.5
SLIPS_M, SLIPS_RAD = 0.1, 0.02  # in a second, beside the rule
# A look: a side trembles by two pixels, and half of that drifts for some 0.4 s, so that ten looks
# in a second are worth three: of so many seconds each.
LOOK_PX, LOOK_S, LOOK_M = 2.0, 0.35, 0.05
DOUBT = 3.0  # a look that is further off than so many deviations counts less
ROUNDS = 3
EVERY_S = 0.12  # where nobody was seen for longer, there are moments in between,
BETWEEN_MAX = 30  # so many at most
LEADS_S, LEADS = 0.5, 5  # and so long before and after: who is lost from sight goes on
MOVES_M_S = 1.0  # of who is slower, the heading and hence the length is not seen

# How high each of KINDS usually is, with its rider.
HEIGHTS_M = (1.7, 1.7, 1.6, 1.5, 2.2, 3.1, 3.2, 1.5)

_LEADS_S: Floats = np.linspace(0.0, LEADS_S, LEADS + 1)[1:]
_X, _Y, _TURN, _SPEED, _STEER, _ACCELERATION = range(6)
_STATE = 6
_NUDGE_M, _NUDGE_RAD = 0.05, 0.02

DRIVES = tuple(kind not in (Kind.PEDESTRIAN, Kind.UNKNOWN) for kind in Kind)
"""For each of KINDS whether it goes where it points."""


def driven(
    t_s: Floats, places: Floats, boxes: Floats, began: Floats, kind: Kind, view: Floats
) -> tuple[Floats, Floats, float, float]:
    """The path of who drives: moments (M,), of which all of `t_s` (N,) are some; states (M, 6) of
    place, heading, speed, steering and acceleration; length and width, m.

    `places` (N, 2) are those of the footprint as each look had it, and `boxes` (N, 5) the point of
    the picture that was told as such, and left, right and bottom of the box; `began` (N, 4) is a
    first guess of place, heading and speed.
    """
    number = NUMBER_OF[kind]
    back = _back(view.tobytes(), HEIGHTS_M[number])
    looks, wide_px = _looks(places, boxes, view, back)
    moments, look_of = _moments(t_s)
    states = np.zeros((len(moments), _STATE))
    states[:, _X], states[:, _Y], states[:, _TURN], states[:, _SPEED] = (
        np.interp(moments, t_s, column) for column in began.T
    )
    length_m, width_m = USUAL_SIZES_M[kind]
    gap_s = np.diff(t_s, prepend=t_s[0] - (t_s[1] - t_s[0]))
    looks_s = np.minimum(gap_s, LOOK_S)
    for round_ in range(ROUNDS):
        if LAID[number] and round_ > 0:
            length_m = _length_m(states, look_of, looks, wide_px, back, BOUNDS_M[number])
        if LAID[number]:
            width_m = wide_m(length_m)[0]
        doubts = DOUBT if round_ > 0 else math.inf
        states = _fitted(moments, states, look_of, looks, looks_s, back, length_m, width_m, doubts)
    return moments, states, length_m, width_m


@lru_cache(maxsize=64)  # it takes longer than to fit a short path
def _back(view: bytes, height_m: float) -> Floats:
    """From metres to pixels (9,), and what that height adds (3,)."""
    of_ground = np.frombuffer(view)
    to_pixels = np.linalg.inv(of_ground[:9].reshape(3, 3)).astype(np.float64)
    return np.concatenate([to_pixels.ravel(), height_m * upwards(to_pixels, centre_of(of_ground))])


@numba.njit(cache=True, nogil=True)
def _looks(places: Floats, boxes: Floats, view: Floats, back: Floats) -> tuple[Floats, Floats]:
    """Where the middle and the lower edge of each box are on a straight picture (N, 2), as it was
    seen and not as it is told; and how wide it is (N,), px."""
    looks, wide_px = np.empty((len(boxes), 2)), np.empty(len(boxes))
    for look in range(len(boxes)):
        x_px, y_px, left, right, bottom = boxes[look]
        east, north = places[look]
        # The place is where it was seen, the point where it is told: so far they are apart.
        depth = back[6] * east + back[7] * north + back[8]
        u = (back[0] * east + back[1] * north + back[2]) / depth
        v = (back[3] * east + back[4] * north + back[5]) / depth
        told_x, told_y = straight(view, x_px, y_px)
        edge_x, edge_y = straight(view, 0.5 * (left + right), bottom)
        looks[look, 0], looks[look, 1] = edge_x + u - told_x, edge_y + v - told_y
        wide_px[look] = right - left
    return looks, wide_px


def _moments(t_s: Floats) -> tuple[Floats, Whole]:
    """`t_s` and moments in between, before and after, and for each of them which of `t_s` it is, or
    -1."""
    parts = np.clip(np.ceil(np.diff(t_s) / EVERY_S), 1, BETWEEN_MAX).astype(np.int64)
    begins = np.append(0, np.cumsum(parts))
    inner_s = np.interp(np.arange(begins[-1] + 1), begins, t_s)
    moments = np.concatenate([t_s[0] - _LEADS_S[::-1], inner_s, t_s[-1] + _LEADS_S])
    look_of = np.full(len(moments), -1, np.int64)
    look_of[begins + LEADS] = np.arange(len(t_s))
    return moments, look_of


@numba.njit(cache=True, nogil=True)
def _length_m(
    states: Floats,
    look_of: Whole,
    looks: Floats,
    wide_px: Floats,
    back: Floats,
    bounds: Floats,
) -> float:
    """What the widths of all boxes say of its length, and what is usual for its kind."""
    length_m, variance = bounds[1], LENGTH_DOUBT_M**2
    for moment in range(len(states)):
        look = look_of[moment]
        if look < 0 or states[moment, _SPEED] < MOVES_M_S:
            continue
        x, y, turn = states[moment, _X], states[moment, _Y], states[moment, _TURN]
        wide, grows = wide_m(length_m)
        foretold = _seen(x, y, turn, length_m, wide, back)[2]
        off = wide_px[look] - foretold
        if not off >= -NARROW_SHARE_MAX * foretold:  # nor where it is NaN
            continue
        longer = _seen(x, y, turn, length_m + 0.1, wide + 0.1 * grows, back)[2]
        slope = (longer - foretold) / 0.1
        error = WIDTH_ERROR_PX + WIDTH_ERROR_SHARE * foretold
        gain = variance * slope / (variance * slope**2 + error**2)
        length_m += gain * off
        variance *= 1.0 - gain * slope
    return float(min(max(length_m, bounds[0]), bounds[2]))


@numba.njit(cache=True, nogil=True)
def _seen(
    x_m: float, y_m: float, turn: float, length_m: float, width_m: float, back: Floats
) -> tuple[float, float, float]:
    """Of an upright box on a straight picture: the middle of its sides, its lower edge, its
    width."""
    cos, sin = math.cos(turn), math.sin(turn)
    left, right, bottom = math.inf, -math.inf, -math.inf
    for corner in range(4):
        ahead = 0.5 * length_m if corner & 1 else -0.5 * length_m
        aside = 0.5 * width_m if corner & 2 else -0.5 * width_m
        e, n = x_m + ahead * cos - aside * sin, y_m + ahead * sin + aside * cos
        depth = back[6] * e + back[7] * n + back[8]
        u = (back[0] * e + back[1] * n + back[2]) / depth
        left, right = min(left, u), max(right, u)
        bottom = max(bottom, (back[3] * e + back[4] * n + back[5]) / depth)
        # back[9:]: what the height adds, for the corner of the roof above.
        depth += back[11]
        u = (back[0] * e + back[1] * n + back[2] + back[9]) / depth
        left, right = min(left, u), max(right, u)
    return 0.5 * (left + right), bottom, right - left


@numba.njit(cache=True, nogil=True)
def _step(state: Floats, lasts_s: float, next_: Floats, slope: Floats, noise: Floats) -> None:
    """The state after `lasts_s`, how it depends on that before (6, 6), and what it does not know
    of it (6,)."""
    turn, speed, steer, braking = state[_TURN], state[_SPEED], state[_STEER], state[_ACCELERATION]
    way = speed * lasts_s + 0.5 * braking * lasts_s * lasts_s
    way_braking = 0.5 * lasts_s * lasts_s
    middle = turn + 0.5 * steer * way
    cos, sin = math.cos(middle), math.sin(middle)
    keeps = math.exp(-lasts_s / ACCELERATES_WITHIN_S)
    keeps_steer = math.exp(-abs(way) / STEERS_WITHIN_M)
    next_[_X], next_[_Y] = state[_X] + way * cos, state[_Y] + way * sin
    next_[_TURN], next_[_SPEED] = turn + steer * way, speed + braking * lasts_s
    next_[_STEER], next_[_ACCELERATION] = steer * keeps_steer, braking * keeps
    slope[:] = 0.0
    slope[_X, _X] = slope[_Y, _Y] = slope[_TURN, _TURN] = slope[_SPEED, _SPEED] = 1.0
    by_way_x, by_way_y = cos - 0.5 * steer * way * sin, sin + 0.5 * steer * way * cos
    slope[_X, _TURN], slope[_Y, _TURN] = -way * sin, way * cos
    slope[_X, _SPEED], slope[_Y, _SPEED] = lasts_s * by_way_x, lasts_s * by_way_y
    slope[_X, _STEER], slope[_Y, _STEER] = -0.5 * way * way * sin, 0.5 * way * way * cos
    slope[_X, _ACCELERATION] = way_braking * by_way_x
    slope[_Y, _ACCELERATION] = way_braking * by_way_y
    slope[_TURN, _SPEED], slope[_TURN, _STEER] = steer * lasts_s, way
    slope[_TURN, _ACCELERATION] = steer * way_braking
    slope[_SPEED, _ACCELERATION] = lasts_s
    slope[_STEER, _STEER], slope[_ACCELERATION, _ACCELERATION] = keeps_steer, keeps
    noise[_X] = noise[_Y] = SLIPS_M**2 * lasts_s
    noise[_TURN] = SLIPS_RAD**2 * lasts_s
    noise[_SPEED] = 1e-6
    noise[_STEER] = STEERS_1_M**2 * (1.0 - keeps_steer**2) + 1e-9
    noise[_ACCELERATION] = ACCELERATES_M_S2**2 * (1.0 - keeps**2) + 1e-9


@numba.njit(cache=True, nogil=True)
def _fitted(
    moments: Floats,
    states: Floats,
    look_of: Whole,
    looks: Floats,
    looks_s: Floats,
    back: Floats,
    length_m: float,
    width_m: float,
    doubt: float,
) -> Floats:
    """The states of the best path, from a first guess of them."""
    count = len(moments)
    after = np.empty((count, _STATE))  # by all looks until then
    doubts = np.zeros((count, _STATE, _STATE))  # of that, as covariances
    slopes = np.zeros((count, _STATE, _STATE))
    gradients, gains = np.zeros((count, 2, _STATE)), np.zeros((count, 2, _STATE))
    news = np.zeros((count, 2))
    next_, noise, led = np.empty(_STATE), np.empty(_STATE), np.empty((_STATE, _STATE))
    for moment in range(count):
        doubts_here = doubts[moment]
        if moment == 0:
            after[0] = states[0]
            first = (3.0, 3.0, 0.5, 5.0, STEERS_1_M, ACCELERATES_M_S2)
            for k in range(_STATE):
                doubts_here[k, k] = first[k] ** 2
        else:
            slope = slopes[moment]
            lasts_s = moments[moment] - moments[moment - 1]
            _step(states[moment - 1], lasts_s, next_, slope, noise)
            for k in range(_STATE):
                after[moment, k] = next_[k]
                for j in range(_STATE):
                    after[moment, k] += slope[k, j] * (after[moment - 1, j] - states[moment - 1, j])
            _times(slope, doubts[moment - 1], led)
            _times(led, slope.T, doubts_here)
            for k in range(_STATE):
                doubts_here[k, k] += noise[k]
        look = look_of[moment]
        if look < 0:
            continue
        state = states[moment]
        x, y, turn = state[_X], state[_Y], state[_TURN]
        here = gradients[moment]
        u, v, _ = _seen(x, y, turn, length_m, width_m, back)
        right_u, right_v, _ = _seen(x + _NUDGE_M, y, turn, length_m, width_m, back)
        up_u, up_v, _ = _seen(x, y + _NUDGE_M, turn, length_m, width_m, back)
        on_u, on_v, _ = _seen(x, y, turn + _NUDGE_RAD, length_m, width_m, back)
        off_u, off_v, _ = _seen(x, y, turn - _NUDGE_RAD, length_m, width_m, back)
        here[0, _X], here[1, _X] = (right_u - u) / _NUDGE_M, (right_v - v) / _NUDGE_M
        here[0, _Y], here[1, _Y] = (up_u - u) / _NUDGE_M, (up_v - v) / _NUDGE_M
        here[0, _TURN] = 0.5 * (on_u - off_u) / _NUDGE_RAD
        here[1, _TURN] = 0.5 * (on_v - off_v) / _NUDGE_RAD
        # A look that is nowhere on a straight picture says nothing.
        if not math.isfinite(u + v + here.sum() + looks[look, 0] + looks[look, 1]):
            here[:] = 0.0
            continue
        px_m = math.hypot(here[0, _X], here[0, _Y])  # px across the view in a metre
        spread = LOOK_PX**2 + (LOOK_M * px_m) ** 2
        wrong_u, wrong_v = looks[look, 0] - u, looks[look, 1] - v
        # It is worth as much as it lasts, and less where it does not fit.
        errs = (wrong_u**2 + wrong_v**2) / spread
        spread *= LOOK_S / max(looks_s[look], 1e-3)
        spread *= max(1.0, errs / doubt**2)
        for row in range(2):
            gradient, gain = here[row], gains[moment, row]
            wrong, total = wrong_u if row == 0 else wrong_v, spread
            for k in range(_STATE):
                wrong -= gradient[k] * (after[moment, k] - state[k])
                for j in range(_STATE):
                    gain[k] += doubts_here[k, j] * gradient[j]
                total += gradient[k] * gain[k]
            news[moment, row] = wrong / total
            for k in range(_STATE):
                after[moment, k] += gain[k] * news[moment, row]
            for k in range(_STATE):
                for j in range(_STATE):
                    doubts_here[k, j] -= gain[k] * gain[j] / total
            for k in range(_STATE):
                gain[k] /= total
    # Backwards: what later looks ask of each state (Bierman's lambda, with its sign turned).
    asks, before = np.zeros(_STATE), np.empty(_STATE)
    for moment in range(count - 1, -1, -1):
        for k in range(_STATE):
            for j in range(_STATE):
                next_[j] = doubts[moment, k, j] * asks[j]
            after[moment, k] += next_.sum()
        for row in range(1, -1, -1):
            told = news[moment, row]
            for k in range(_STATE):
                told -= gains[moment, row, k] * asks[k]
            for k in range(_STATE):
                asks[k] += gradients[moment, row, k] * told
        before[:] = 0.0
        for k in range(_STATE):
            for j in range(_STATE):
                before[j] += slopes[moment, k, j] * asks[k]
        asks[:] = before
    return after


@numba.njit(cache=True, nogil=True)
def _times(one: Floats, other: Floats, product: Floats) -> None:
    """The product of two (6, 6): so small that a library takes longer to be called."""
    for k in range(_STATE):
        for j in range(_STATE):
            total = 0.0
            for i in range(_STATE):
                total += one[k, i] * other[i, j]
            product[k, j] = total
