"""Ground: from the picture to metres on the ground and back, with the error of doing so."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.errors import Misconfigured
from placewatch.core.space import PicturePoint, Point

Floats = npt.NDArray[np.float64]

IN_LINE = 0.01  # a triangle flatter than this, height by longest side, is a line
FARTHEST = 0.01  # scale, relative to the fitted points, below which a point counts as horizon
CLICK_PX = 1.0  # how well people place a point on a picture, standard deviation
CLICK_TRUST = 4.0  # degrees of freedom that this assumption is worth beside the residuals
DISAGREE_SHARE = 0.03  # of the picture's diagonal: residuals above it are a mistaken pair
GRID_LINES_MAX = 60  # each way; more would be a grey area near the horizon


class Ground:
    """The ground of one view as a plane: a homography and what is known of its error.

    `residuals_px` (N,) say how far each point is from where the plane puts it on the picture: 0
    with four points, which any plane fits. `left_out[i]` is what the other points say of point
    i: its error in px and in m; None below five points, or where the others do not suffice.
    `to_metres` (3, 3) is the homography from px to m, positive before the camera.
    """

    def __init__(self, pixels: Floats, metres: Floats, to_metres: Floats, click_px: float) -> None:
        self._pixels, self._metres = pixels, metres
        self.to_metres = to_metres
        self._to_pixels = _facing(_inverse(to_metres), metres)
        self.residuals_px: Floats = np.hypot(*(self.pixels_of(metres) - pixels).T)
        spare = 2 * len(pixels) - 8
        self.click_px = math.sqrt(
            (CLICK_TRUST * click_px**2 + float((self.residuals_px**2).sum()))
            / (CLICK_TRUST + spare)
        )
        self._nudged = _nudged(pixels, metres, to_metres)

    @cached_property
    def left_out(self) -> tuple[tuple[float, float] | None, ...]:
        return tuple(
            _left_out(self._pixels, self._metres, index) for index in range(len(self._pixels))
        )

    @classmethod
    def fit(
        cls, pixels: npt.ArrayLike, metres: npt.ArrayLike, click_px: float = CLICK_PX
    ) -> "Ground":
        """The plane through ≥ 4 point pairs. `pixels` (N, 2), `metres` (N, 2) east and north.

        Raises Misconfigured where the points do not determine a plane in front of the camera.
        Hartley & Zisserman 2004, algorithm 4.2 (normalised DLT).
        """
        pixels_, metres_ = _pairs(pixels, metres)
        return cls(pixels_, metres_, _homography(pixels_, metres_), click_px)

    @property
    def error_m_rms(self) -> float | None:
        """Root mean square over the points of what the others say of each; None below five."""
        known = [pair[1] for pair in self.left_out if pair is not None]
        if not known:
            return None
        return math.sqrt(sum(error_m**2 for error_m in known) / len(known))

    def to_ground(self, point: PicturePoint) -> Point | None:
        """Where `point` lies on the ground; None at the horizon and above it."""
        x_m, y_m = self.metres_of(np.array([[point.x_px, point.y_px]]))[0]
        return None if math.isnan(x_m) else Point(float(x_m), float(y_m))

    def to_picture(self, point: Point) -> PicturePoint | None:
        """Where `point` is seen; None where it lies behind the camera."""
        x_px, y_px = self.pixels_of(np.array([[point.x_m, point.y_m]]))[0]
        return None if math.isnan(x_px) else PicturePoint(float(x_px), float(y_px))

    def metres_of(self, pixels: Floats) -> Floats:
        """`to_ground` of many: (N, 2) px to (N, 2) m, NaN at the horizon and above it."""
        return _project(self.to_metres, pixels)

    def pixels_of(self, metres: Floats) -> Floats:
        """`to_picture` of many: (N, 2) m to (N, 2) px, NaN behind the camera."""
        return _project(self._to_pixels, metres)

    def error_m(self, point: PicturePoint) -> float | None:
        """Standard error in metres of `to_ground(point)`; None at the horizon and above it.

        It joins the error of the plane, propagated from that of its points (their residuals,
        shrunk towards `click_px` while they are few), with that of `point` itself.
        """
        here = np.array([[point.x_px, point.y_px]])
        place = self.metres_of(here)[0]
        if np.isnan(place[0]):
            return None
        moved = np.array([_project(nudged, here)[0] for nudged in self._nudged])
        beside = self.metres_of(here + _NUDGE_PX * np.eye(2))
        change = (np.concatenate([moved, beside]) - place) / _NUDGE_PX
        return float(self.click_px * math.sqrt(float((change**2).sum())))

    def grid_px(
        self, width_px: int, height_px: int, step_m: float = 5.0
    ) -> list[tuple[tuple[float, float], tuple[float, float]]]:
        """Lines of a grid on the ground every `step_m`, clipped to the picture.

        The grid reaches as far beyond the fitted points as they lie apart.
        """
        low, high = self._metres.min(axis=0), self._metres.max(axis=0)
        apart = float((high - low).max())
        reach = min(apart, step_m * GRID_LINES_MAX / 2 - apart / 2)
        first = np.floor((low - reach) / step_m).astype(int)
        last = np.ceil((high + reach) / step_m).astype(int)
        lines = []
        for axis in (0, 1):
            for index in range(first[axis], last[axis] + 1):
                ends = np.empty((2, 2))
                ends[:, axis] = index * step_m
                ends[:, 1 - axis] = first[1 - axis] * step_m, last[1 - axis] * step_m
                line = _clipped(self._seen_part(ends), width_px, height_px)
                if line is not None:
                    lines.append(line)
        return lines

    def _seen_part(self, ends_m: Floats) -> Floats:
        """The part of a straight line on the ground that lies before the camera, in px."""
        scales = (np.column_stack([ends_m, np.ones(2)]) @ self._to_pixels[2])[:, None]
        front = 2 * FARTHEST
        if scales.max() <= front:
            return np.full((2, 2), np.nan)
        if scales.min() <= front:
            behind = int(scales.argmin())
            share = (front - scales[behind]) / (scales[1 - behind] - scales[behind])
            ends_m = ends_m.copy()
            ends_m[behind] += share * (ends_m[1 - behind] - ends_m[behind])
        return self.pixels_of(ends_m)


@dataclass(frozen=True, slots=True)
class PointError:
    """What the other points say of one point."""

    error_px: float
    error_m: float


@dataclass(frozen=True, slots=True)
class GroundCheck:
    """How good a set of ground points is. `why` says what is wrong when it is not `usable`."""

    usable: bool
    why: str | None
    error_m_rms: float | None
    points: tuple[PointError | None, ...]
    grid_px: list[tuple[tuple[float, float], tuple[float, float]]]


def check_ground(
    points: Sequence[tuple[PicturePoint, Point]], width_px: int, height_px: int
) -> GroundCheck:
    """What a person who places `points` on the picture needs to know; never raises."""
    unknown: tuple[PointError | None, ...] = (None,) * len(points)
    try:
        ground = Ground.fit(
            [(pixel.x_px, pixel.y_px) for pixel, _ in points],
            [(place.x_m, place.y_m) for _, place in points],
        )
    except Misconfigured as error:
        return GroundCheck(False, str(error), None, unknown, [])
    errors = tuple(pair and PointError(*pair) for pair in ground.left_out)
    worst = _most_suspect(ground)
    why = None
    if ground.residuals_px.max() > DISAGREE_SHARE * math.hypot(width_px, height_px):
        why = (
            f"the points do not agree: point {worst + 1} fits least "
            "(was it placed at the right spot, with the right coordinates?)"
        )
    return GroundCheck(
        why is None, why, ground.error_m_rms, errors, ground.grid_px(width_px, height_px)
    )


def _most_suspect(ground: Ground) -> int:
    """The point without which the others agree best."""
    pixels, metres = ground._pixels, ground._metres
    agreement = []
    for index in range(len(pixels)):
        others = np.arange(len(pixels)) != index
        try:
            rest = _homography(*_pairs(pixels[others], metres[others]))
        except Misconfigured:
            agreement.append(math.inf)
            continue
        back = _project(_facing(_inverse(rest), metres[others]), metres[others])
        agreement.append(float(np.nan_to_num(np.hypot(*(back - pixels[others]).T), nan=1e9).max()))
    if min(agreement) < 0.5 * float(ground.residuals_px.max()):
        return int(np.argmin(agreement))
    return int(ground.residuals_px.argmax())


_NUDGE_PX = 1e-3


def _pairs(pixels: npt.ArrayLike, metres: npt.ArrayLike) -> tuple[Floats, Floats]:
    pixels_ = np.asarray(pixels, dtype=np.float64).reshape(-1, 2)
    metres_ = np.asarray(metres, dtype=np.float64).reshape(-1, 2)
    if len(pixels_) != len(metres_):
        raise Misconfigured(
            f"{len(pixels_)} points on the picture but {len(metres_)} on the ground",
            hint="give every point both",
        )
    if len(pixels_) < 4:
        raise Misconfigured(
            f"{len(pixels_)} ground points are too few", hint="place at least 4, better 6 to 8"
        )
    if not (np.isfinite(pixels_).all() and np.isfinite(metres_).all()):
        raise Misconfigured("a ground point is no number", hint="give finite px and m")
    _spread_out(pixels_, "on the picture")
    _spread_out(metres_, "on the ground")
    return pixels_, metres_


def _spread_out(points: Floats, where: str) -> None:
    """Raises Misconfigured unless four of `points` have no three in line."""
    for i, j in itertools.combinations(range(len(points)), 2):
        if len(points) == 4 and np.array_equal(points[i], points[j]):
            raise Misconfigured(
                f"ground points {i + 1} and {j + 1} are at the same place {where}",
                hint="move one of them",
            )
    if len(points) == 4:
        for triple in itertools.combinations(range(4), 3):
            if _flat(points[list(triple)]):
                named = ", ".join(str(index + 1) for index in triple[:2])
                raise Misconfigured(
                    f"ground points {named} and {triple[2] + 1} lie in line {where}",
                    hint="move one aside, so that no three lie in line, or add points",
                )
        return
    # With more points it is enough that no line holds all of them but one.
    for i, j in itertools.combinations(range(len(points)), 2):
        off = sum(not _flat(points[[i, j, k]]) for k in range(len(points)) if k not in (i, j))
        if off < 2 and not np.array_equal(points[i], points[j]):
            raise Misconfigured(
                f"almost all ground points lie in line {where}",
                hint="place at least two away from that line, apart from each other",
            )


def _flat(triangle: Floats) -> bool:
    (ax, ay), (bx, by), (cx, cy) = triangle.tolist()
    longest = max(
        math.hypot(bx - ax, by - ay), math.hypot(cx - bx, cy - by), math.hypot(ax - cx, ay - cy)
    )
    doubled_area = abs((bx - ax) * (cy - ay) - (by - ay) * (cx - ax))
    return bool(doubled_area <= IN_LINE * longest**2)


def _homography(pixels: Floats, metres: Floats) -> Floats:
    """(3, 3) from px to m, scaled so that its third row is 1 on average over `pixels`."""
    from_, to = _normaliser(pixels), _normaliser(metres)
    x, y = _affine(from_, pixels).T
    u, v = _affine(to, metres).T
    one, zero = np.ones_like(x), np.zeros_like(x)
    rows = np.concatenate(
        [
            np.column_stack([zero, zero, zero, -x, -y, -one, v * x, v * y, v]),
            np.column_stack([x, y, one, zero, zero, zero, -u * x, -u * y, -u]),
        ]
    )
    _, scales, axes = np.linalg.svd(rows)
    if scales[7] <= 1e-9 * scales[0]:
        raise Misconfigured(
            "the ground points do not determine a plane", hint="spread them over the street"
        )
    return _facing(_inverse(to) @ axes[-1].reshape(3, 3) @ from_, pixels)


def _facing(homography: Floats, points: Floats) -> Floats:
    """The same mapping, scaled so that `points` lie before the camera. Raises Misconfigured."""
    scales = np.column_stack([points, np.ones(len(points))]) @ homography[2]
    if scales.min() * scales.max() <= 0:
        raise Misconfigured(
            "the ground points lie on both sides of the horizon",
            hint="two of them are probably swapped: check the order of the coordinates",
        )
    return np.asarray(homography / scales.mean(), dtype=np.float64)


def _inverse(matrix: Floats) -> Floats:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def _normaliser(points: Floats) -> Floats:
    """Moves the centroid to 0 and the mean distance from it to √2."""
    centre = points.mean(axis=0)
    scale = math.sqrt(2) / float(np.hypot(*(points - centre).T).mean())
    return np.array(
        [[scale, 0.0, -scale * centre[0]], [0.0, scale, -scale * centre[1]], [0.0, 0.0, 1.0]]
    )


def _affine(matrix: Floats, points: Floats) -> Floats:
    return points @ matrix[:2, :2].T + matrix[:2, 2]


def _project(homography: Floats, points: Floats) -> Floats:
    placed = points @ homography[:, :2].T + homography[:, 2]
    scales = placed[:, 2:]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(scales > FARTHEST, placed[:, :2] / scales, np.nan)


@numba.njit(cache=True, nogil=True)
def place(homography: Floats, x_px: float, y_px: float) -> tuple[float, float]:
    """Metres east and north of one point of the picture; NaN at the horizon and above it."""
    scale = homography[2, 0] * x_px + homography[2, 1] * y_px + homography[2, 2]
    if not scale > FARTHEST:
        return math.nan, math.nan
    return (
        (homography[0, 0] * x_px + homography[0, 1] * y_px + homography[0, 2]) / scale,
        (homography[1, 0] * x_px + homography[1, 1] * y_px + homography[1, 2]) / scale,
    )


def _nudged(pixels: Floats, metres: Floats, fitted: Floats) -> list[Floats]:
    """The homography again with each picture coordinate moved a little: its derivatives."""
    moved = []
    for index, axis in itertools.product(range(len(pixels)), (0, 1)):
        there = pixels.copy()
        there[index, axis] += _NUDGE_PX
        moved.append(_homography(there, metres))
    return moved


def _left_out(pixels: Floats, metres: Floats, index: int) -> tuple[float, float] | None:
    others = np.arange(len(pixels)) != index
    if others.sum() < 4:
        return None
    try:
        there, place = _pairs(pixels[others], metres[others])
        to_metres = _homography(there, place)
        to_pixels = _facing(_inverse(to_metres), place)
    except Misconfigured:
        return None
    error_px = float(np.hypot(*(_project(to_pixels, metres[[index]])[0] - pixels[index])))
    error_m = float(np.hypot(*(_project(to_metres, pixels[[index]])[0] - metres[index])))
    return None if math.isnan(error_px) or math.isnan(error_m) else (error_px, error_m)


def _clipped(
    ends: Floats, width_px: int, height_px: int
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """The part of a line that lies in the picture (Liang & Barsky 1984)."""
    if np.isnan(ends).any():
        return None
    (x, y), (dx, dy) = ends[0], ends[1] - ends[0]
    enter, leave = 0.0, 1.0
    for step, room in ((-dx, x), (dx, width_px - x), (-dy, y), (dy, height_px - y)):
        if step == 0:
            if room < 0:
                return None
        elif step < 0:
            enter = max(enter, room / step)
        else:
            leave = min(leave, room / step)
    if enter >= leave:
        return None
    return (
        (float(x + enter * dx), float(y + enter * dy)),
        (float(x + leave * dx), float(y + leave * dy)),
    )
