"""Furniture: what stands beside a simulated street: lamps, and houses that hide nothing of it."""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from placewatch.simulate.poses import POSES, camera_at
from placewatch.simulate.scenery import Corner, Lamp, Terrace
from placewatch.simulate.street import Street
from placewatch.simulate.sumo import Lane, Network

Floats = npt.NDArray[np.float64]

_LAMPS_EVERY_M = 30.0
_LAMP_M = 8.0
_HOUSE_M = (9.0, 12.5)  # how high houses are
_ROOF_M = 4.0
_DEEP_M = 9.5
_ROW_M = 26.0  # houses stand in rows so long
_BACK_M = 8.0  # from the middle of a lane to the fronts
_CLEAR_M = 6.0  # from any lane to any wall
_SEEN_M = 75.0  # so far from the middle nothing is hidden by a house
_SAMPLE_M = 4.0


def lamps_of(street: Street, network: Network) -> tuple[Lamp, ...]:
    """Lamps along the lanes of a street that people walk in or that has signals."""
    outer = _outer_lanes(street, network)
    lamps = []
    for lane in outer:
        # On the kerb: on the left of a pavement, on the right of a carriageway.
        aside_m = lane.width_m / 2 - 0.35 if lane.walked else -lane.width_m / 2 - 0.8
        at_m = _LAMPS_EVERY_M / 2
        while at_m < lane_length_m(lane):
            middle, way = along(lane, at_m)
            left = np.array([-way[1], way[0]])
            at, over = middle + left * aside_m, middle + left * (aside_m + 4.0)
            lamps.append(Lamp(_corner(at), _corner(over), _LAMP_M))
            at_m += _LAMPS_EVERY_M
    return tuple(lamps)


def houses_of(street: Street, network: Network) -> tuple[Terrace, ...]:
    """Rows of houses behind the pavements, wherever no camera of the street misses anything near
    its middle because of them."""
    walked = [lane for lane in network.lanes if lane.walked and not lane.inside]
    if not walked:
        return ()
    ground = np.concatenate([_sampled(lane) for lane in network.lanes])
    middle = np.array(street.middle_m)
    near = ground[np.hypot(*(ground - middle).T) < _SEEN_M]
    eyes = [camera_at(street, pose) for pose in POSES]
    rows: list[Terrace] = []
    taken: list[Floats] = []
    for number, lane in enumerate(walked):
        at_m = 2.0
        while at_m + _ROW_M <= lane_length_m(lane):
            (start, way), (end, _) = along(lane, at_m), along(lane, at_m + _ROW_M)
            right = np.array([way[1], -way[0]])
            front = np.array([start, end]) + right * _BACK_M
            block = np.concatenate([front, front[::-1] + right * _DEEP_M])
            free = (
                _apart_m(block, ground) > _CLEAR_M
                and all(_apart_m(block, _filled(other)) > 1.0 for other in taken)
                and not any(
                    _hides(block, np.array([eye.x_m, eye.y_m]), eye.height_m, near) for eye in eyes
                )
            )
            if free:
                # Its street lies on the right hand of who goes from its start to its end.
                seed = 17 * number + int(at_m)
                rows.append(Terrace(_corner(front[1]), _corner(front[0]), seed, _HOUSE_M))
                taken.append(block)
                at_m += _ROW_M
            else:
                at_m += 6.0
    return tuple(rows)


def along(lane: Lane, at_m: float) -> tuple[Floats, Floats]:
    """The point `at_m` along a lane, and the way it leads there."""
    for a, b in itertools.pairwise(lane.shape):
        length_m = float(np.hypot(*(b - a)))
        if at_m <= length_m:
            way = (b - a) / max(1e-9, length_m)
            return a + way * at_m, way
        at_m -= length_m
    last = lane.shape[-1] - lane.shape[-2]
    return lane.shape[-1], last / max(1e-9, float(np.hypot(*last)))


def lane_length_m(lane: Lane) -> float:
    return float(np.hypot(*np.diff(lane.shape, axis=0).T).sum())


def _outer_lanes(street: Street, network: Network) -> Sequence[Lane]:
    walked = [lane for lane in network.lanes if lane.walked and not lane.inside]
    if walked or "traffic_light" not in street.nodes:
        return walked
    driven = [lane for lane in network.lanes if not lane.inside]
    first: dict[str, Lane] = {}
    for lane in driven:  # SUMO counts the lanes of an edge from the right
        first.setdefault(lane.edge, lane)
    return list(first.values())


def _sampled(lane: Lane) -> Floats:
    """(N, 2) points along a lane."""
    return np.array([along(lane, at_m)[0] for at_m in _steps(lane_length_m(lane))])


def _steps(length_m: float) -> Iterator[float]:
    count = max(1, math.ceil(length_m / _SAMPLE_M))
    return (length_m * number / count for number in range(count + 1))


def _filled(block: Floats) -> Floats:
    """(N, 2) points all over a block of four corners."""
    shares = np.linspace(0.0, 1.0, 6)
    a, b, c, d = block
    lower = a + np.multiply.outer(shares, b - a)
    upper = d + np.multiply.outer(shares, c - d)
    return np.concatenate([lower + (upper - lower) * share for share in shares])


def _apart_m(block: Floats, points: Floats) -> float:
    """How far the nearest of `points` is from a block; 0 inside."""
    (a, b, _, d) = block
    east, north = b - a, d - a
    wide, deep = float(np.hypot(*east)), float(np.hypot(*north))
    off = points - a
    x, y = off @ (east / wide), off @ (north / deep)
    beside = np.maximum(np.maximum(-x, x - wide), 0.0)
    behind = np.maximum(np.maximum(-y, y - deep), 0.0)
    return float(np.hypot(beside, behind).min())


def _hides(block: Floats, eye: Floats, height_m: float, points: Floats) -> bool:
    """Whether the block, with its roof, stands between an eye and any of `points`."""
    top_m = _HOUSE_M[1] + _ROOF_M
    if _apart_m(block, eye[None, :]) < 4.0:
        return True
    a, b, _, d = block
    axes = np.array([b - a, d - a])
    size = np.hypot(*axes.T)
    units = axes / size[:, None]
    begin = units @ (eye - a)
    ways = (points - eye) @ units.T
    # Where each ray enters and leaves the block (Kay and Kajiya 1986).
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = (0.0 - begin) / ways, (size - begin) / ways
    enters = np.nan_to_num(np.minimum(low, high), nan=-np.inf).max(axis=1)
    leaves = np.nan_to_num(np.maximum(low, high), nan=np.inf).min(axis=1)
    met = (enters < leaves) & (leaves > 0.0) & (enters < 1.0)
    lowest_m = height_m * (1.0 - np.minimum(1.0, leaves))
    return bool((met & (lowest_m < top_m)).any())


def _corner(point: Floats) -> Corner:
    return float(point[0]), float(point[1])
