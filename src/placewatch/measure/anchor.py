"""Anchor: where a road user stands: the middle of its footprint, by its box, course and length.

How this works. The middle of a box's lower edge is no point of a long vehicle: seen askew it lies
beside it, seen from behind at its tail, and while it turns it wanders around it. So a footprint,
a rectangle on the ground that points along the course, is laid where its lowest and its outermost
corners on the picture are those of the box (Newton's steps), and its middle is what is measured.

Nothing of it leaps. The course is smoothed over the metres that are driven, as a vehicle turns. The
length is estimated from how wide the box is, look by look, for all kinds alike; the kind only says
within which bounds it may be, and what it says anew is approached at walking pace.
"""

import math

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.kinds import KINDS, Kind
from placewatch.measure.ground import place_straight, straight

Floats = npt.NDArray[np.float64]

COURSE_M = 2.5  # driven, over which a course settles: about a car's wheelbase
LENGTH_DOUBT_M = 1.5  # of whom nothing but its kind is known: how far from usual it may be
LENGTH_M_S = 1.5  # how fast a footprint grows or shrinks where its kind is told anew
WIDTH_ERROR_PX, WIDTH_ERROR_SHARE = 4.0, 0.06  # of a box beside its footprint: looks are alike
SURE_MIN = 0.3  # of a course
NARROW_SHARE_MAX = 0.3  # of the width: who looks narrower by more is covered or cut
LAID_STEPS = 3

# Lengths of footprints (m) and how wide each is; between them in proportion.
_LONG = np.array([0.0, 2.1, 4.4, 8.4])
_WIDE = np.array([0.0, 0.8, 1.8, 2.5])

# The least length, the usual one and the most, by number in KINDS. Who is slim stands in the middle
# of the box's lower edge, and so does who is not recognised.
_BOUNDS = {
    Kind.CAR: (3.4, 4.4, 5.4),
    Kind.VAN: (4.6, 5.6, 7.0),
    Kind.TRUCK: (5.5, 8.4, 18.0),
    Kind.BUS: (8.0, 11.5, 18.0),
}
BOUNDS_M: Floats = np.array([_BOUNDS.get(kind, (0.0, 4.4, 0.0)) for kind in KINDS])

LAID = tuple(kind in _BOUNDS for kind in KINDS)
"""For each of KINDS whether a footprint is laid, so that it stands in the middle of that."""

# What is known of one road user: its course as a vector on the ground, as long as it is sure (0:
# not at all, 1); its length and the variance of that; the length of its footprint.
_EAST, _NORTH, _LENGTH, _VARIANCE, _FOOTPRINT = range(5)
ANCHOR_COLUMNS = 5


@numba.njit(cache=True, nogil=True)
def anchor_of(
    anchor: Floats,
    view: Floats,
    back: Floats,
    box: Floats,
    velocity_px_s: tuple[float, float],
    moves: bool,
    kind: int,
    elapsed_s: float,
    looks: bool,
) -> tuple[float, float]:
    """Where on the picture the middle of a road user's footprint is; takes note of its course and,
    where it `looks`, of its length. `anchor` (ANCHOR_COLUMNS,), all 0 at first; `view` that of the
    ground and `back` (9,) its homography's inverse; `box` left, top, right, bottom in px; `kind` a
    number in KINDS. The middle of the lower edge where the ground is unknown."""
    x_px, y_px = 0.5 * (box[0] + box[2]), box[3]
    x, y = straight(view, x_px, y_px)
    east, north = place_straight(view, x, y)
    if math.isnan(east):
        return x_px, y_px
    scale = view[6] * x + view[7] * y + view[8]
    # On the ground, one pixel to the right and one down.
    right_e, right_n = (view[0] - east * view[6]) / scale, (view[3] - north * view[6]) / scale
    down_e, down_n = (view[1] - east * view[7]) / scale, (view[4] - north * view[7]) / scale
    if moves:
        way_e = right_e * velocity_px_s[0] + down_e * velocity_px_s[1]
        way_n = right_n * velocity_px_s[0] + down_n * velocity_px_s[1]
        speed = math.hypot(way_e, way_n)
        if speed > 0.0:
            share = 1.0 - math.exp(-speed * elapsed_s / COURSE_M)
            anchor[_EAST] += share * (way_e / speed - anchor[_EAST])
            anchor[_NORTH] += share * (way_n / speed - anchor[_NORTH])
    least, usual, most = BOUNDS_M[kind]
    if anchor[_LENGTH] == 0.0:
        anchor[_LENGTH], anchor[_VARIANCE] = usual, LENGTH_DOUBT_M**2
    wished = min(max(anchor[_LENGTH], least), most)
    sure = math.hypot(anchor[_EAST], anchor[_NORTH])
    # As long as its course is hardly known, its footprint hardly matters, and may leap.
    step = LENGTH_M_S * elapsed_s if sure > SURE_MIN else math.inf
    anchor[_FOOTPRINT] += min(max(wished - anchor[_FOOTPRINT], -step), step)
    if sure < 1e-3:
        return x_px, y_px
    cos, sin = anchor[_EAST] / sure, anchor[_NORTH] / sure
    # On the picture, how far right a metre along the course and one across it lead.
    turned = right_e * down_n - right_n * down_e
    if turned == 0.0:
        return x_px, y_px
    along = abs((cos * down_n - sin * down_e) / turned)
    across = abs((sin * down_n + cos * down_e) / turned)
    if looks and moves:
        wide, grows = wide_m(anchor[_LENGTH])
        foretold = anchor[_LENGTH] * along + wide * across
        off = (box[2] - box[0]) - foretold
        if off > -NARROW_SHARE_MAX * foretold:
            slope = along + grows * across
            error = WIDTH_ERROR_PX + WIDTH_ERROR_SHARE * foretold
            gain = anchor[_VARIANCE] * slope / (anchor[_VARIANCE] * slope**2 + error**2)
            anchor[_LENGTH] += gain * off
            anchor[_VARIANCE] *= 1.0 - gain * slope
    long = anchor[_FOOTPRINT]
    if long <= 0.0:
        return x_px, y_px
    wide = wide_m(long)[0]
    at_e, at_n = east, north
    for _ in range(LAID_STEPS):
        left, right, bottom = math.inf, -math.inf, -math.inf
        for corner in range(4):
            ahead = 0.5 * long if corner & 1 else -0.5 * long
            aside = 0.5 * wide if corner & 2 else -0.5 * wide
            e, n = at_e + ahead * cos - aside * sin, at_n + ahead * sin + aside * cos
            depth = back[6] * e + back[7] * n + back[8]
            u = (back[0] * e + back[1] * n + back[2]) / depth
            left, right = min(left, u), max(right, u)
            bottom = max(bottom, (back[3] * e + back[4] * n + back[5]) / depth)
        off_x, off_y = x - 0.5 * (left + right), y - bottom
        at_e += right_e * off_x + down_e * off_y
        at_n += right_n * off_x + down_n * off_y
    share = sure
    at_e, at_n = east + share * (at_e - east), north + share * (at_n - north)
    depth = back[6] * at_e + back[7] * at_n + back[8]
    u = (back[0] * at_e + back[1] * at_n + back[2]) / depth
    v = (back[3] * at_e + back[4] * at_n + back[5]) / depth
    shown_x, shown_y = x_px + u - x, y_px + v - y
    for _ in range(2):  # no more than a step where the lens does not bend
        there_x, there_y = straight(view, shown_x, shown_y)
        shown_x, shown_y = shown_x + u - there_x, shown_y + v - there_y
    if math.isnan(shown_x + shown_y):
        return x_px, y_px
    return shown_x, shown_y


@numba.njit(cache=True, nogil=True)
def wide_m(length_m: float) -> tuple[float, float]:
    """How wide who is so long is, and how much wider with each metre."""
    for row in range(1, len(_LONG)):
        if length_m < _LONG[row]:
            grows = (_WIDE[row] - _WIDE[row - 1]) / (_LONG[row] - _LONG[row - 1])
            return _WIDE[row - 1] + grows * (length_m - _LONG[row - 1]), grows
    return _WIDE[-1], 0.0
