"""Roads: a network of SUMO's as something that can be painted: ground, kerbs and markings."""

import itertools
import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from placewatch.simulate.crowd import Crowd
from placewatch.simulate.furniture import along, houses_of, lamps_of, lane_length_m
from placewatch.simulate.scenery import Corner, Paint, Surface, Terrace, Tree, View
from placewatch.simulate.street import Street
from placewatch.simulate.sumo import Lane, Network

Floats = npt.NDArray[np.float64]

_STRIPE_M, _MARK_M = 0.5, 0.12
_DASH_M, _GAP_M = 3.0, 6.0
_KERB_M = 0.15
_TREES_EVERY_M = 17.0
_BENT_EVERY_M = 3.0
_SUN = (0.58, -0.36, 0.73)  # it stands beside what the cameras look at


def view_of(street: Street, network: Network) -> View:
    """What stands still in `street`: its carriageways, pavements, crossings and markings, and trees
    behind them; of a square or a platform what its crowd says."""
    if street.crowd is not None:
        return _place(street.crowd)
    walked = [lane for lane in network.lanes if lane.walked and not lane.inside]
    driven = [lane for lane in network.lanes if not lane.walked and not lane.inside]
    crossings = [lane for lane in network.lanes if lane.crosses]
    surfaces = [Surface("pavement", _band(lane, _KERB_M)) for lane in walked]
    # A junction holds its corners, where people wait: the carriageway is laid over them.
    surfaces += [Surface("pavement", _as_corners(corners)) for corners in network.junctions]
    surfaces += [Surface("kerb", _band(lane, _KERB_M)) for lane in driven]
    inside = [lane for lane in network.lanes if lane.inside and not lane.walked]
    surfaces += [Surface("asphalt", _band(lane, 0.6)) for lane in inside]
    surfaces += [Surface("asphalt", _band(lane, 0.02)) for lane in driven]
    surfaces += [Surface("asphalt", _band(lane, 0.3)) for lane in crossings]
    paints = [stripe for lane in crossings for stripe in _zebra(lane)]
    for before, after in itertools.pairwise([*driven, *driven[:1]]):
        if before.edge == after.edge:
            paints += _dashes(after)
        elif network.has_opposite(before):
            paints.append(_middle_line(before))
    paints += [_stop(lane) for lane in driven if any(arm.into == lane.edge for arm in street.arms)]
    return View(
        tuple(surfaces),
        tuple(paints),
        terraces=houses_of(street, network),
        trees=tuple(_trees(walked or driven, street)),
        lamps=lamps_of(street, network),
        sun=_SUN,
        casts=True,
    )


def _place(crowd: Crowd) -> View:
    return View(
        tuple(Surface(material, corners) for material, corners in crowd.surfaces),
        tuple(Paint(corners, 0.15, colour) for corners, colour in crowd.paints),
        tuple(Terrace(start, end, number) for number, (start, end) in enumerate(crowd.houses)),
        tuple(Tree(at, 6.5 + n % 3, 4.2, n % 4) for n, at in enumerate(crowd.trees)),
        lamps=crowd.lamps,
        blocks=crowd.blocks,
        base="pavement" if crowd.trains is None else "grass",
        casts=True,
    )


def _band(lane: Lane, beside_m: float) -> tuple[Corner, ...]:
    """The ground that a lane takes, and so much more on either side."""
    left, right = _sides(_finer(lane.shape), lane.width_m / 2 + beside_m)
    return _as_corners(np.concatenate([left, right[::-1]]))


def _finer(shape: Floats) -> Floats:
    """The same line with a corner every few metres: a lens that bends bends it, too."""
    points = [shape[:1]]
    for a, b in itertools.pairwise(shape):
        count = max(1, math.ceil(float(np.hypot(*(b - a))) / _BENT_EVERY_M))
        points.append(a + (b - a) * (np.arange(1, count + 1) / count)[:, None])
    return np.concatenate(points)


def _sides(shape: Floats, off_m: float) -> tuple[Floats, Floats]:
    """(N, 2) points to the left of a line's corners, and to the right."""
    steps = np.diff(shape, axis=0)
    ways = steps / np.maximum(1e-9, np.hypot(*steps.T))[:, None]
    at = np.vstack([ways[:1], ways[:-1] + ways[1:], ways[-1:]])
    at /= np.maximum(0.3, np.hypot(*at.T))[:, None]
    left = np.column_stack([-at[:, 1], at[:, 0]])
    return shape + off_m * left, shape - off_m * left


def _as_corners(points: Floats) -> tuple[Corner, ...]:
    return tuple((float(x), float(y)) for x, y in points)


def _oblong(middle: Floats, way: Floats, long_m: float, wide_m: float) -> tuple[Corner, ...]:
    aside = np.array([-way[1], way[0]]) * wide_m / 2
    ahead = way * long_m / 2
    corners = [middle - ahead - aside, middle + ahead - aside, middle + ahead + aside]
    return _as_corners(np.array([*corners, middle - ahead + aside]))


def _zebra(lane: Lane) -> Iterator[Paint]:
    """Stripes across a crossing, side by side along the way that people take."""
    length_m = lane_length_m(lane)
    count = max(1, round(length_m / (2 * _STRIPE_M)))
    for number in range(count):
        middle, way = along(lane, (number + 0.5) * length_m / count)
        yield Paint(_oblong(middle, way, _STRIPE_M, lane.width_m), 0.2)


def _dashes(lane: Lane) -> Iterator[Paint]:
    """The broken line on the right of a lane that has another beside it."""
    at_m = _GAP_M / 2
    while at_m + _DASH_M < lane_length_m(lane):
        middle, way = along(lane, at_m + _DASH_M / 2)
        right = np.array([way[1], -way[0]]) * lane.width_m / 2
        yield Paint(_oblong(middle + right, way, _DASH_M, _MARK_M), 0.3)
        at_m += _DASH_M + _GAP_M


def _middle_line(lane: Lane) -> Paint:
    """The line on the left of the lane that lies beside those of the other way."""
    middle = _sides(_finer(lane.shape), lane.width_m / 2 - _MARK_M)[0]
    left, right = _sides(middle, _MARK_M / 2)
    return Paint(_as_corners(np.concatenate([left, right[::-1]])), 0.3)


def _stop(lane: Lane) -> Paint:
    """The bar at the end of a lane that leads into a junction."""
    middle, way = along(lane, max(0.0, lane_length_m(lane) - 0.4))
    return Paint(_oblong(middle, way, 0.4, lane.width_m - 0.3), 0.25)


def _trees(lanes: list[Lane], street: Street) -> Iterator[Tree]:
    """Trees behind the pavements, none near the middle, where they would hide the street."""
    for number, lane in enumerate(lanes):
        at_m = 8.0
        while at_m < lane_length_m(lane):
            middle, way = along(lane, at_m)
            right = np.array([way[1], -way[0]]) * (lane.width_m / 2 + 4.5)
            x, y = middle + right
            off_m = math.hypot(x - street.middle_m[0], y - street.middle_m[1])
            if off_m > 55.0:
                yield Tree((float(x), float(y)), 6.5 + (number * 7 + at_m) % 2.5, 4.5, number % 4)
            at_m += _TREES_EVERY_M
