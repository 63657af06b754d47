"""Trajectory: the smooth path of a footprint on the ground, from where its box stood.

How this works. What a camera knows of a road user is a point at its feet, frame by frame, which
trembles. At each moment a parabola through the points of about a second before and after it, the
near ones weighing more, tells place, velocity and acceleration (local polynomial regression;
Cleveland 1979). The course is that of the way from a metre behind to a metre ahead, however long
that takes: who stands keeps it, and what trembles does not turn it. Of whom no footprint is laid
the point at the feet is the edge that faces the camera: the middle lies behind it, seen from the
camera, by half of what the usual footprint of its kind is deep that way.

Of who drives or rides, where a camera's boxes are known, this is only the first guess: its path is
then fitted as one that steers (drive.py).
"""

import math

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.kinds import NUMBER_OF, Kind
from placewatch.measure import scene
from placewatch.measure.anchor import LAID
from placewatch.measure.drive import DRIVES, LEADS_S, driven
from placewatch.measure.encounter import Path
from placewatch.measure.ground import place
from placewatch.measure.size import USUAL_SIZES_M

Floats = npt.NDArray[np.float64]

# A sample: when, where on the picture, where on the ground, and sides of the box, px (all 0: not
# known).
T, X_PX, Y_PX, EAST, NORTH, LEFT, RIGHT, BOTTOM = range(8)
SAMPLE_COLUMNS = 8
OF_MOVER = (
    scene.X,
    scene.Y,
    scene.EAST,
    scene.NORTH,
    scene.LEFT,
    scene.RIGHT,
    scene.BOTTOM,
)
"""The columns of `Movers.rows` that a sample has after its time."""

WITHIN_S = 1.0  # so far before and after a moment points tell of it
SAMPLES_MIN = 5
SPAN_S_MIN = 0.6
CHORD_M = 1.0  # so far behind and ahead the course is taken from
TRAVELS_M_MIN = 2.5  # who gets no further has no course, and is no path
DEEP_M_MAX = 0.25  # where a pixel is deeper than this on the ground, a box that trembles leaps


def path_of(samples: Floats, kind: Kind, view: Floats | None = None) -> Path | None:
    """The path of one road user from its samples (N, SAMPLE_COLUMNS) in order of time.

    Samples are the middle of the footprint. With `view`, that of a Ground, they are the edge that
    faces a camera for kinds of which no footprint is laid (anchor.py), and those so far away that a
    pixel is deep on the ground are left out.
    Of who drives it then begins a little before the first of them and ends a little after the last.
    None where they are too few, span too little time, or lead nowhere.
    """
    if view is not None and len(samples):
        away, deep_m = _away(samples, view)
        samples, away = samples[deep_m <= DEEP_M_MAX], away[deep_m <= DEEP_M_MAX]
    if len(samples) < SAMPLES_MIN or samples[-1, T] - samples[0, T] < SPAN_S_MIN:
        return None
    length_m, width_m = USUAL_SIZES_M[kind]
    smooth = _smooth(np.ascontiguousarray(samples, np.float64), WITHIN_S)
    spread_m = np.ptp(smooth[:, :2], axis=0)
    if math.hypot(*spread_m) < TRAVELS_M_MIN:
        return None
    heading, speed, acceleration = _course(smooth, CHORD_M)
    if view is not None and DRIVES[NUMBER_OF[kind]] and samples[0, RIGHT] > samples[0, LEFT]:
        began = np.column_stack([smooth[:, :2], np.unwrap(heading), speed])
        return _driven(samples, began, kind, view)
    x_m, y_m = smooth[:, 0].copy(), smooth[:, 1].copy()
    if view is not None and not LAID[NUMBER_OF[kind]]:
        off = away - heading
        behind_m = 0.5 * (length_m * np.abs(np.cos(off)) + width_m * np.abs(np.sin(off)))
        x_m += behind_m * np.cos(away)
        y_m += behind_m * np.sin(away)
    return Path(
        t_s=samples[:, T].copy(),
        x_m=x_m,
        y_m=y_m,
        heading_rad=heading,
        speed_m_s=speed,
        length_m=length_m,
        width_m=width_m,
        kind=kind,
        acceleration_m_s2=acceleration,
    )


def _driven(samples: Floats, began: Floats, kind: Kind, view: Floats) -> Path:
    """The path of who drives, from a first guess of places, headings and speeds."""
    boxes = samples[:, [X_PX, Y_PX, LEFT, RIGHT, BOTTOM]]
    places = samples[:, [EAST, NORTH]]
    t_s, states, length_m, width_m = driven(samples[:, T], places, boxes, began, kind, view)
    x_m, y_m, heading, speed, _, acceleration = states.T.copy()
    return Path(
        t_s, x_m, y_m, heading, speed, length_m, width_m, kind, acceleration, leads_s=LEADS_S
    )


@numba.njit(cache=True, nogil=True)
def _smooth(samples: Floats, within_s: float) -> Floats:
    """(N, 6): place, velocity and acceleration east and north at each sample."""
    number = len(samples)
    smooth = np.empty((number, 6))
    begin = 0
    for at in range(number):
        now = samples[at, T]
        while samples[begin, T] < now - within_s:
            begin += 1
        # Sums of weight * t^k, and of weight * t^k * value.
        s0 = s1 = s2 = s3 = s4 = 0.0
        x0 = x1 = x2 = y0 = y1 = y2 = 0.0
        base_x, base_y = samples[at, EAST], samples[at, NORTH]
        count = 0
        for other in range(begin, number):
            t = samples[other, T] - now
            if t > within_s:
                break
            near = abs(t) / (within_s * 1.000001)
            weight = (1.0 - near * near * near) ** 3
            x, y = samples[other, EAST] - base_x, samples[other, NORTH] - base_y
            count += 1
            s0 += weight
            s1 += weight * t
            s2 += weight * t * t
            s3 += weight * t * t * t
            s4 += weight * t * t * t * t
            x0 += weight * x
            x1 += weight * t * x
            x2 += weight * t * t * x
            y0 += weight * y
            y1 += weight * t * y
            y2 += weight * t * t * y
        out = smooth[at]
        out[:] = 0.0
        out[0], out[1] = base_x, base_y
        # Cramer's rule for the three unknowns of either parabola.
        det = s0 * (s2 * s4 - s3 * s3) - s1 * (s1 * s4 - s2 * s3) + s2 * (s1 * s3 - s2 * s2)
        if count >= 4 and det > 1e-9 * s0 * s0 * s0:
            a0, a1, a2 = s2 * s4 - s3 * s3, s2 * s3 - s1 * s4, s1 * s3 - s2 * s2
            b1, b2 = s0 * s4 - s2 * s2, s1 * s2 - s0 * s3
            c2 = s0 * s2 - s1 * s1
            out[0] += (a0 * x0 + a1 * x1 + a2 * x2) / det
            out[1] += (a0 * y0 + a1 * y1 + a2 * y2) / det
            out[2] = (a1 * x0 + b1 * x1 + b2 * x2) / det
            out[3] = (a1 * y0 + b1 * y1 + b2 * y2) / det
            out[4] = 2.0 * (a2 * x0 + b2 * x1 + c2 * x2) / det
            out[5] = 2.0 * (a2 * y0 + b2 * y1 + c2 * y2) / det
            continue
        spread = s0 * s2 - s1 * s1
        if count >= 2 and spread > 0.0:
            out[2] = (s0 * x1 - s1 * x0) / spread
            out[3] = (s0 * y1 - s1 * y0) / spread
            out[0] += (x0 - out[2] * s1) / s0
            out[1] += (y0 - out[3] * s1) / s0
    return smooth


@numba.njit(cache=True, nogil=True)
def _course(smooth: Floats, chord_m: float) -> tuple[Floats, Floats, Floats]:
    """Heading, speed along it and acceleration along it."""
    number = len(smooth)
    heading, speed, acceleration = np.empty(number), np.empty(number), np.empty(number)
    back, ahead = 0, 0
    for at in range(number):
        # The last sample that is a chord behind, and the first that is one ahead.
        while back + 1 < at and _apart(smooth, back + 1, at) >= chord_m:
            back += 1
        ahead = max(ahead, at)
        while ahead + 1 < number and _apart(smooth, ahead, at) < chord_m:
            ahead += 1
        x = smooth[ahead, 0] - smooth[back, 0]
        y = smooth[ahead, 1] - smooth[back, 1]
        if math.hypot(x, y) >= 0.5 * chord_m or at == 0:
            heading[at] = math.atan2(y, x)
        else:
            heading[at] = heading[at - 1]
        cos, sin = math.cos(heading[at]), math.sin(heading[at])
        speed[at] = smooth[at, 2] * cos + smooth[at, 3] * sin
        acceleration[at] = smooth[at, 4] * cos + smooth[at, 5] * sin
    return heading, speed, acceleration


@numba.njit(cache=True, nogil=True)
def _apart(smooth: Floats, one: int, two: int) -> float:
    return math.hypot(smooth[two, 0] - smooth[one, 0], smooth[two, 1] - smooth[one, 1])


@numba.njit(cache=True, nogil=True)
def _away(samples: Floats, view: Floats) -> tuple[Floats, Floats]:
    """The way from the camera at each sample, from east to north: upwards on the picture; and how
    deep a pixel is on the ground that way, m."""
    away, deep_m = np.empty(len(samples)), np.empty(len(samples))
    for at in range(len(samples)):
        x_px, y_px = samples[at, X_PX], samples[at, Y_PX]
        here = place(view, x_px, y_px + 0.5)
        there = place(view, x_px, y_px - 0.5)
        east, north = there[0] - here[0], there[1] - here[1]
        deep_m[at] = math.hypot(east, north)
        away[at] = math.atan2(north, east)
        if math.isnan(deep_m[at]):  # at the horizon
            deep_m[at] = math.inf
    return away, deep_m
