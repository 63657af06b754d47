"""Footprint: oriented rectangles on the ground, and when two of them touch.

How this works. Two rectangles are apart exactly when their shadows are apart on one of four axes,
those of their sides (separating axes; Gottschalk, Lin and Manocha 1996, section 5). While both
move at constant velocity, each pair of shadows overlaps during one interval of time, and the
rectangles touch during what the four intervals share: found by algebra, never by stepping.

    along the first  ────┤▒▒▒▒▒▒▒▒▒▒├────────▶ time
    across it        ──────┤▒▒▒▒▒▒▒▒▒▒▒▒├────▶
    along the second ┤▒▒▒▒▒▒▒▒▒▒▒▒├──────────▶
    across it        ───┤▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒├────▶
    they touch       ──────┤▒▒▒▒▒▒├──────────▶

A footprint is kept as numbers, a row of FOOTPRINT_COLUMNS, so that thousands are done at once.
"""

import math

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

X, Y = 0, 1  # of the middle, m
HEADING = 2  # rad, from east to north
LENGTH, WIDTH = 3, 4  # m
SPEED = 5  # m/s along the heading; negative backwards
FOOTPRINT_COLUMNS = 6

NEVER = math.inf
_TOUCHING = 1e-9  # m; who is nearer than this is kept apart by rounding alone
_STILL_M_S = 1e-9  # and who comes nearer by less than this, is moved by it


@numba.njit(cache=True, nogil=True)
def times_to_collision_s(first: Floats, second: Floats) -> Floats:
    """When the footprints (N, FOOTPRINT_COLUMNS) of each row will touch if both keep velocity and
    heading: (N,) seconds from now, 0 for those that touch, infinity for those that never will.

    Time to collision of Hayward (1972, TTSC 7115), for footprints instead of points.
    """
    times_s = np.empty(len(first))
    for row in range(len(first)):
        times_s[row] = time_to_collision_s(first[row], second[row])
    return times_s


@numba.njit(cache=True, nogil=True)
def distances_m(first: Floats, second: Floats) -> Floats:
    """How far apart the footprints (N, FOOTPRINT_COLUMNS) of each row are: (N,) metres, 0 for
    those that touch."""
    apart_m = np.empty(len(first))
    for row in range(len(first)):
        apart_m[row] = distance_m(first[row], second[row])
    return apart_m


@numba.njit(cache=True, nogil=True)
def time_to_collision_s(first: Floats, second: Floats) -> float:
    """One row of `times_to_collision_s`."""
    cos_1, sin_1 = math.cos(first[HEADING]), math.sin(first[HEADING])
    cos_2, sin_2 = math.cos(second[HEADING]), math.sin(second[HEADING])
    return time_left_s(
        second[X] - first[X],
        second[Y] - first[Y],
        second[SPEED] * cos_2 - first[SPEED] * cos_1,
        second[SPEED] * sin_2 - first[SPEED] * sin_1,
        cos_1,
        sin_1,
        0.5 * first[LENGTH],
        0.5 * first[WIDTH],
        cos_2,
        sin_2,
        0.5 * second[LENGTH],
        0.5 * second[WIDTH],
    )


@numba.njit(cache=True, nogil=True)
def axis_of(
    axis: int,
    cos_1: float,
    sin_1: float,
    ahead_1_m: float,
    aside_1_m: float,
    cos_2: float,
    sin_2: float,
    ahead_2_m: float,
    aside_2_m: float,
) -> tuple[float, float, float]:
    """One of the four axes on which two rectangles are apart unless they touch, as (right, up), and
    how far apart their middles may be on it: each points along (cos, sin) and reaches ahead_m and
    aside_m from its middle (separating axis theorem)."""
    cos = abs(cos_1 * cos_2 + sin_1 * sin_2)
    sin = abs(cos_1 * sin_2 - sin_1 * cos_2)
    if axis == 0:
        return cos_1, sin_1, ahead_1_m + ahead_2_m * cos + aside_2_m * sin
    if axis == 1:
        return -sin_1, cos_1, aside_1_m + ahead_2_m * sin + aside_2_m * cos
    if axis == 2:
        return cos_2, sin_2, ahead_2_m + ahead_1_m * cos + aside_1_m * sin
    return -sin_2, cos_2, aside_2_m + ahead_1_m * sin + aside_1_m * cos


@numba.njit(cache=True, nogil=True)
def time_left_s(
    x_m: float,
    y_m: float,
    x_m_s: float,
    y_m_s: float,
    cos_1: float,
    sin_1: float,
    ahead_1_m: float,
    aside_1_m: float,
    cos_2: float,
    sin_2: float,
    ahead_2_m: float,
    aside_2_m: float,
) -> float:
    """The time to collision of two rectangles. The second lies at (x_m, y_m) from the first and
    moves by (x_m_s, y_m_s) relative to it; each points along (cos, sin) and reaches ahead_m and
    aside_m from its middle."""
    still = x_m_s * x_m_s + y_m_s * y_m_s < _STILL_M_S * _STILL_M_S
    begin_s, end_s = 0.0, NEVER
    for axis in range(4):
        right, up, reach_m = axis_of(
            axis, cos_1, sin_1, ahead_1_m, aside_1_m, cos_2, sin_2, ahead_2_m, aside_2_m
        )
        off_m = x_m * right + y_m * up
        off_m_s = x_m_s * right + y_m_s * up
        if still or off_m_s == 0.0:
            if abs(off_m) > reach_m:
                return NEVER
            continue
        one_s, other_s = (-reach_m - off_m) / off_m_s, (reach_m - off_m) / off_m_s
        begin_s = max(begin_s, min(one_s, other_s))
        end_s = min(end_s, max(one_s, other_s))
        if begin_s > end_s:
            return NEVER
    return begin_s


@numba.njit(cache=True, nogil=True)
def distance_m(first: Floats, second: Floats) -> float:
    """One row of `distances_m`."""
    return float(spot_between(first, second)[0])


@numba.njit(cache=True, nogil=True)
def spot_between(first: Floats, second: Floats) -> tuple[float, float, float]:
    """How far apart two footprints are, in metres, and the spot between them: half way between
    their nearest points, or the middle of what they share."""
    one, other = corners_m(first), corners_m(second)
    shared = _shared(one, other)
    if len(shared):
        x_m, y_m = shared[:, 0], shared[:, 1]
        return 0.0, 0.5 * (x_m.min() + x_m.max()), 0.5 * (y_m.min() + y_m.max())
    least_m, between_x_m, between_y_m = NEVER, 0.0, 0.0
    for turn in range(2):
        if turn == 1:
            one, other = other, one
        for corner in range(4):
            for side in range(4):
                from_, to = other[side], other[(side + 1) % 4]
                near_x_m, near_y_m = _on_side(one[corner], from_, to)
                apart_m = math.hypot(one[corner, 0] - near_x_m, one[corner, 1] - near_y_m)
                if apart_m < least_m:
                    least_m = apart_m
                    between_x_m = 0.5 * (one[corner, 0] + near_x_m)
                    between_y_m = 0.5 * (one[corner, 1] + near_y_m)
    return least_m, between_x_m, between_y_m


@numba.njit(cache=True, nogil=True)
def closest_m(first: Floats, second: Floats) -> float:
    """How near two footprints will come, in metres from now on, if both keep velocity and heading;
    0 if they will touch."""
    if time_to_collision_s(first, second) < NEVER:
        return 0.0
    one, other = corners_m(first), corners_m(second)
    x_m_s = first[SPEED] * math.cos(first[HEADING]) - second[SPEED] * math.cos(second[HEADING])
    y_m_s = first[SPEED] * math.sin(first[HEADING]) - second[SPEED] * math.sin(second[HEADING])
    least_m = distance_m(first, second)
    # Apart from now on, they are nearest where a corner of one passes a corner of the other (a
    # corner that passes a side runs along it, or is nearer at one of its ends or just now).
    square = x_m_s * x_m_s + y_m_s * y_m_s
    if square >= _STILL_M_S * _STILL_M_S:
        for corner in range(4):
            for opposite in range(4):
                x_m = other[opposite, 0] - one[corner, 0]
                y_m = other[opposite, 1] - one[corner, 1]
                after_s = max(0.0, (x_m * x_m_s + y_m * y_m_s) / square)
                apart_m = math.hypot(x_m - after_s * x_m_s, y_m - after_s * y_m_s)
                least_m = min(least_m, apart_m)
    return float(least_m)


@numba.njit(cache=True, nogil=True)
def corners_m(footprint: Floats) -> Floats:
    """(4, 2), counter-clockwise from the left of the front."""
    cos, sin = math.cos(footprint[HEADING]), math.sin(footprint[HEADING])
    ahead_m, aside_m = 0.5 * footprint[LENGTH], 0.5 * footprint[WIDTH]
    corners = np.empty((4, 2))
    for corner in range(4):
        along_m = ahead_m if corner in (0, 3) else -ahead_m
        left_m = aside_m if corner < 2 else -aside_m
        corners[corner, 0] = footprint[X] + along_m * cos - left_m * sin
        corners[corner, 1] = footprint[Y] + along_m * sin + left_m * cos
    return corners


@numba.njit(cache=True, nogil=True)
def clip(polygon: Floats, count: int, right: float, up: float, most: float, clipped: Floats) -> int:
    """Cuts the convex `polygon`, its first `count` rows (x, y), down to where right x + up y is
    at most `most`: how many rows of `clipped` are what is left (Sutherland and Hodgman 1974)."""
    left = 0
    for corner in range(count):
        x, y = polygon[corner, 0], polygon[corner, 1]
        next_ = corner + 1 if corner + 1 < count else 0
        next_x, next_y = polygon[next_, 0], polygon[next_, 1]
        inside = most - right * x - up * y
        next_inside = most - right * next_x - up * next_y
        if inside >= 0.0:
            clipped[left, 0], clipped[left, 1] = x, y
            left += 1
        if (inside > 0.0 and next_inside < 0.0) or (inside < 0.0 and next_inside > 0.0):
            share = inside / (inside - next_inside)
            clipped[left, 0] = x + share * (next_x - x)
            clipped[left, 1] = y + share * (next_y - y)
            left += 1
    return left


@numba.njit(cache=True, nogil=True)
def _shared(one: Floats, other: Floats) -> Floats:
    """Corners of what two rectangles share, (N, 2); none where they are apart."""
    polygon, clipped = np.empty((12, 2)), np.empty((12, 2))
    polygon[:4] = one
    count = 4
    for side in range(4):
        from_, to = other[side], other[(side + 1) % 4]
        right, up = to[1] - from_[1], from_[0] - to[0]
        most = right * from_[0] + up * from_[1] + _TOUCHING * math.hypot(right, up)
        count = clip(polygon, count, right, up, most, clipped)
        polygon, clipped = clipped, polygon
    return polygon[:count]


@numba.njit(cache=True, nogil=True)
def _on_side(point: Floats, from_: Floats, to: Floats) -> tuple[float, float]:
    """The point of a side that is nearest to `point`."""
    x_m, y_m = to[0] - from_[0], to[1] - from_[1]
    share = ((point[0] - from_[0]) * x_m + (point[1] - from_[1]) * y_m) / (x_m * x_m + y_m * y_m)
    share = min(1.0, max(0.0, share))
    return from_[0] + share * x_m, from_[1] + share * y_m
