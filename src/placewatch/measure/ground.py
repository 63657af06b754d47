"""Ground: from the picture to metres on the ground and back, with the error of doing so.

How this works. A straight lens shows flat ground by a homography, and that is fitted first. What a
lens bends is straightened around the picture's middle before. Who knows the lens says so; otherwise
one number of bend is fitted together with the plane, and kept only where the points demand it.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial

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
GRID_PIECES = 10  # of a bent grid line: then it is off by a pixel or two where it is bent most
SEEN_MIN = 14  # numbers seen: two a point, one a length; with fewer, any clicks look bent
# How often the clicks on a straight lens may look bent. Most lenses bend a little, and to overlook
# that is worse than to fit a number in vain, which makes places 6 % worse where it is always done.
BEND_CHANCE = 0.1
BEND_MIN, BEND_MAX = -0.8, 0.3  # as `Ground.bend`: a fisheye that sees half of the world has -0.8

# A view is what `place` needs: a homography, row by row, then how the lens bends: around which
# point, and how much, per px², px² and px⁴. All zeros are a lens that does not bend.
VIEW_COLUMNS = 14
_BEND = 9
_CENTRE_X, _CENTRE_Y, _DIVISION, _K1, _K2 = range(VIEW_COLUMNS - _BEND)


@dataclass(frozen=True, slots=True)
class Lens:
    """A lens that bends what is off `centre_px`: a point that a straight lens shows at the distance
    r from there, in focal lengths, is shown at r (1 + k1 r² + k2 r⁴) (Brown 1971)."""

    focal_px: float
    centre_px: tuple[float, float]
    k1: float
    k2: float = 0.0


class Ground:
    """The ground of one view as a plane: a homography, a lens and what is known of their error.

    `residuals_px` (N,) say how far each point is from where the plane puts it on the picture: 0
    with four points, which any plane fits. `left_out[i]` is what the other points say of point
    i: its error in px and in m; None below five points, or where the others do not suffice.
    `to_metres` (3, 3) is the homography from straightened px to m, positive before the camera.
    `bend` is the bend that was estimated: by which share the lens shows at the corners what a
    straight one shows farther from the middle (negative: closer); 0 where none was.
    `view` (VIEW_COLUMNS,) is all of this, for `place`; `centre_of` a view is the middle of its
    picture.
    """

    def __init__(self, observed: "_Observed", plane: "_Plane") -> None:
        self._observed, self._plane = observed, plane
        self.to_metres = plane.to_metres
        self.view = plane.view
        self.bend = plane.bend
        self._to_pixels = _facing(_inverse(self.to_metres), observed.metres)
        self.residuals_px: Floats = np.hypot(*(self.pixels_of(observed.metres) - observed.pixels).T)
        self.click_px = math.sqrt(
            (CLICK_TRUST * observed.click_px**2 + plane.misfit_px2) / (CLICK_TRUST + plane.spare)
        )

    @cached_property
    def _nudged(self) -> list[Floats]:
        return self._plane.nudged()

    @cached_property
    def left_out(self) -> tuple[tuple[float, float] | None, ...]:
        return tuple(
            _left_out(self._observed, self._plane, index)
            for index in range(len(self._observed.pixels))
        )

    @classmethod
    def fit(
        cls,
        pixels: npt.ArrayLike,
        metres: npt.ArrayLike,
        click_px: float = CLICK_PX,
        *,
        survey_m: float = 0.0,
        lens: Lens | None = None,
        size_px: tuple[int, int] | None = None,
        lengths: Sequence[tuple[tuple[float, float], tuple[float, float], float]] = (),
    ) -> "Ground":
        """The plane through ≥ 4 point pairs. `pixels` (N, 2), `metres` (N, 2) east and north.

        `click_px` and `survey_m` are the standard deviations of each coordinate. `lengths` are two
        points of the picture each, on the ground, and how many metres they are apart, to
        `survey_m`. A `lens` is taken as known. Without one, `size_px`, the picture's width and
        height, has a bend around its middle fitted together with the plane, from SEEN_MIN numbers
        on: 7 points, which leave 5 for the test. It is kept where clicks on a straight lens would
        look as bent less often than BEND_CHANCE.

        Raises Misconfigured where the points do not determine a plane in front of the camera, or
        where a length, the lens or the size is none. Points alone are joined by Hartley &
        Zisserman 2004, algorithm 4.2 (normalised DLT), points and anything else by least squares on
        the picture (section 4.5). The bend is the division model (Fitzgibbon 2001).
        """
        refined = lens is not None or size_px is not None
        observed = _observed(pixels, metres, lengths, click_px, survey_m, refined)
        if lens is not None:
            return cls(observed, _plane(observed, _known(lens)))
        return cls(observed, _plane_or_bent(observed, size_px))

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
        return _placed(self.view, pixels)

    def pixels_of(self, metres: Floats) -> Floats:
        """`to_picture` of many: (N, 2) m to (N, 2) px, NaN behind the camera."""
        return _bent(self.view[_BEND:], _project(self._to_pixels, metres))

    def error_m(self, point: PicturePoint) -> float | None:
        """Standard error in metres of `to_ground(point)`; None at the horizon and above it.

        It joins the error of the plane and of its bend, propagated from that of its points (their
        residuals, shrunk towards `click_px` while they are few), with that of `point` itself.
        """
        here = np.array([[point.x_px, point.y_px]])
        place = self.metres_of(here)[0]
        if np.isnan(place[0]):
            return None
        moved = np.array([_placed(nudged, here)[0] for nudged in self._nudged])
        beside = self.metres_of(here + _NUDGE_PX * np.eye(2))
        change = (np.concatenate([moved, beside]) - place) / _NUDGE_PX
        error_m = self.click_px * math.sqrt(float((change**2).sum()))
        return math.inf if math.isnan(error_m) else error_m

    def error_of(self, told: Callable[[Floats], float]) -> float:
        """Standard error of what is `told` of a `to_metres`, by the errors of the points that it
        comes of; NaN where that is not told of all that are as likely."""
        here = told(self.to_metres)
        changes = [told(nudged[:_BEND].reshape(3, 3)) - here for nudged in self._nudged]
        return self.click_px * math.hypot(*changes) / _NUDGE_PX

    def speed_error_m_s(
        self, since: PicturePoint, until: PicturePoint, over_s: float, sightings: int
    ) -> float | None:
        """Standard error in m/s of the speed of somebody who was seen to go from `since` to `until`
        within `over_s`, by a line through so many evenly spread `sightings`, each as wrong as a
        click; None where one of both lies at the horizon or above it, or they are one.
        """
        ends = np.array([[since.x_px, since.y_px], [until.x_px, until.y_px]])
        places = self.metres_of(ends)
        far_m = float(np.hypot(*(places[1] - places[0])))
        if math.isnan(far_m) or far_m == 0.0 or over_s <= 0.0 or sightings < 2:
            return None
        moved = np.array([_placed(nudged, ends) for nudged in self._nudged])
        farther = (np.hypot(*(moved[:, 1] - moved[:, 0]).T) - far_m) / _NUDGE_PX
        middle = ends.mean(axis=0, keepdims=True)
        beside = self.metres_of(middle + _NUDGE_PX * np.eye(2)) - self.metres_of(middle)
        along = beside @ ((places[1] - places[0]) / far_m) / _NUDGE_PX
        plane = float((farther**2).sum()) / over_s**2
        seen = 12.0 * float((along**2).sum()) / (sightings * over_s**2)
        error_m_s = self.click_px * math.sqrt(plane + seen)
        return None if math.isnan(error_m_s) else error_m_s

    def grid_px(
        self, width_px: int, height_px: int, step_m: float = 5.0
    ) -> list[tuple[tuple[float, float], tuple[float, float]]]:
        """Lines of a grid on the ground every `step_m`, clipped to the picture; several pieces each
        where the lens bends them.

        The grid reaches as far beyond the fitted points as they lie apart.
        """
        metres = self._observed.metres
        low, high = metres.min(axis=0), metres.max(axis=0)
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
                for piece in self._pieces(self._seen_part(ends), width_px, height_px):
                    line = _clipped(piece, (0.0, 0.0), (width_px, height_px))
                    if line is not None:
                        lines.append(line)
        return lines

    def _pieces(self, ends: Floats, width_px: int, height_px: int) -> list[Floats]:
        """A line of the straightened picture as the lens shows it: straight pieces, (2, 2) px."""
        bend = self.view[_BEND:]
        if not _bends(bend):
            return [ends]
        # Only what can be in the picture is cut up: close to the camera a line is endless.
        around = np.array([(x, y) for x in (0.0, 0.5, 1.0) for y in (0.0, 0.5, 1.0)])
        border = _straightened(bend, around * (width_px, height_px))
        if np.isnan(border).any():
            fold_px = math.sqrt(_fold2(bend))
            border = bend[: _CENTRE_Y + 1] + fold_px * np.array([[-1.0, -1.0], [1.0, 1.0]])
        line = _clipped(ends, border.min(axis=0).tolist(), border.max(axis=0).tolist())
        if line is None:
            return []
        shares = np.linspace(0.0, 1.0, GRID_PIECES + 1)[:, None]
        knots = _bent(bend, (1.0 - shares) * line[0] + shares * line[1])
        return [knots[index : index + 2] for index in range(GRID_PIECES)]

    def _seen_part(self, ends_m: Floats) -> Floats:
        """The part of a straight line on the ground that lies before the camera, in straightened
        px."""
        scales = (np.column_stack([ends_m, np.ones(2)]) @ self._to_pixels[2])[:, None]
        front = 2 * FARTHEST
        if scales.max() <= front:
            return np.full((2, 2), np.nan)
        if scales.min() <= front:
            behind = int(scales.argmin())
            share = (front - scales[behind]) / (scales[1 - behind] - scales[behind])
            ends_m = ends_m.copy()
            ends_m[behind] += share * (ends_m[1 - behind] - ends_m[behind])
        return _project(self._to_pixels, ends_m)


@dataclass(frozen=True, slots=True)
class PointError:
    """What the other points say of one point."""

    error_px: float
    error_m: float


@dataclass(frozen=True, slots=True)
class GroundCheck:
    """How good a set of ground points is. `why` says what is wrong when it is not `usable`.
    `bend` is that of the lens as the points show it (see Ground); 0 where they show none.
    `suspect` is the point that alone is wrong, where there is one: `points` then says of each other
    what the rest says of it without that one. `ground` is what they make; None where they make
    none."""

    usable: bool
    why: str | None
    error_m_rms: float | None
    points: tuple[PointError | None, ...]
    grid_px: list[tuple[tuple[float, float], tuple[float, float]]]
    bend: float = 0.0
    suspect: int | None = None
    ground: Ground | None = None


def check_ground(
    points: Sequence[tuple[PicturePoint, Point]],
    width_px: int,
    height_px: int,
) -> GroundCheck:
    """What a person who places `points` on the picture needs to know; never raises.

    Where one point alone is wrong, the others are compared without it: else they would be blamed
    for what it pulls the plane away from them.
    """
    size_px = (width_px, height_px)
    unknown: tuple[PointError | None, ...] = (None,) * len(points)
    try:
        ground = Ground.fit(
            [(pixel.x_px, pixel.y_px) for pixel, _ in points],
            [(place.x_m, place.y_m) for _, place in points],
            size_px=size_px,
        )
    except Misconfigured as error:
        return GroundCheck(False, str(error), None, unknown, [])
    errors = tuple(pair and PointError(*pair) for pair in ground.left_out)
    alone = wrong_alone(ground, size_px)
    if alone is not None:
        index, rest = alone
        others = [pair and PointError(*pair) for pair in rest.left_out]
        errors = (*others[:index], errors[index], *others[index:])
    why = None
    if ground.residuals_px.max() > DISAGREE_SHARE * math.hypot(width_px, height_px):
        worst = most_suspect(ground, size_px)
        off = errors[worst]
        far = "" if off is None else f", {off.error_m:.1f} m from where the others say it is"
        why = (
            f"the points do not agree: point {worst + 1} fits least{far} "
            "(was it placed at the right spot, with the right coordinates?)"
        )
    grid_px = ground.grid_px(width_px, height_px)
    suspect = None if alone is None else alone[0]
    return GroundCheck(
        why is None, why, ground.error_m_rms, errors, grid_px, ground.bend, suspect, ground
    )


@dataclass(frozen=True, slots=True)
class VanishingPoint:
    """Where lines that are parallel on the ground meet on the picture, and the standard error of
    it: far larger along the lines than across."""

    at: PicturePoint
    error_px: float


def vanishing_point(
    lines: Sequence[tuple[tuple[float, float], tuple[float, float]]],
    click_px: float = CLICK_PX,
    lens: Lens | None = None,
) -> VanishingPoint:
    """Where ≥ 2 `lines` meet. Each is two points of the picture in px, placed with the standard
    deviation `click_px`; with a `lens` the answer lies on the straightened picture.

    Least squares of the distances from the lines, each by its error there. Raises Misconfigured
    where there are no two lines, or where they meet is not known to half its distance. Hartley &
    Zisserman 2004, section 8.6.1.
    """
    ends = np.array(lines, dtype=np.float64).reshape(-1, 2, 2)
    if lens is not None:
        ends = _straightened(_known(lens), ends.reshape(-1, 2)).reshape(-1, 2, 2)
        if np.isnan(ends).any():
            raise Misconfigured(
                f"the lens shows nothing where line {int(np.isnan(ends).argmax()) // 4 + 1} ends",
                hint="correct the numbers of the lens",
            )
    along = ends[:, 1] - ends[:, 0]
    long_px = np.hypot(*along.T)
    if len(ends) < 2 or not (np.isfinite(ends).all() and long_px.all()):
        raise Misconfigured(
            "a vanishing point needs two lines", hint="give two or more, each by two places"
        )
    normals = np.column_stack([-along[:, 1], along[:, 0]]) / long_px[:, None]
    middle = ends.mean(axis=(0, 1))
    aside = (normals * (ends[:, 0] - middle)).sum(axis=1)
    at, errors = np.zeros(2), np.ones(len(ends))
    for _ in range(_MEETINGS):
        weighted = normals / errors[:, None]
        turn, widths, back = np.linalg.svd(weighted, full_matrices=False)
        if widths[1] <= 1e-12 * widths[0]:
            break
        at = back.T @ (turn.T @ (aside / errors) / widths)
        share = ((at + middle - ends[:, 0]) * along).sum(axis=1) / long_px**2
        errors = np.hypot(1.0 - share, share)
    misfit_px2 = float((((normals @ at - aside) / errors) ** 2).sum())
    spread_px2 = (CLICK_TRUST * click_px**2 + misfit_px2) / (CLICK_TRUST + len(ends) - 2)
    error_px = math.sqrt(spread_px2 * float((1.0 / np.maximum(widths, 1e-12) ** 2).sum()))
    if error_px > 0.5 * float(np.hypot(*at)):
        raise Misconfigured(
            "the lines are too parallel on the picture to tell where they meet",
            hint="give longer lines, farther apart",
        )
    return VanishingPoint(PicturePoint(*(at + middle).tolist()), error_px)


def most_suspect(ground: Ground, size_px: tuple[int, int] | None) -> int:
    """The point without which the others agree best."""
    agreement = []
    for index in range(len(ground.residuals_px)):
        try:
            others = ground._observed.without(index)
            rest = Ground(others, _plane_or_bent(others, size_px))
        except Misconfigured:
            agreement.append(math.inf)
            continue
        agreement.append(float(np.nan_to_num(rest.residuals_px, nan=1e9).max()))
    if min(agreement) < 0.5 * float(ground.residuals_px.max()):
        return int(np.argmin(agreement))
    return int(ground.residuals_px.argmax())


def wrong_alone(ground: Ground, size_px: tuple[int, int] | None) -> tuple[int, Ground] | None:
    """The point without which the others agree so much better that chance would do it less often
    than once in 1 / `ALONE_CHANCE` times; and the ground without it. None where no single one is to
    blame, or fewer than `ALONE_MIN` points could tell: any four fit.

    It is the F test of two more numbers, by the best of N points, where the variance of a click is
    that of the rest, shrunk towards the usual one as `click_px` is.
    """
    count = len(ground.residuals_px)
    if count < ALONE_MIN:
        return None
    index = most_suspect(ground, size_px)
    try:
        others = ground._observed.without(index)
        rest = Ground(others, _plane_or_bent(others, size_px))
    except Misconfigured:
        return None
    with_px2, without_px2 = (float((one.residuals_px**2).sum()) for one in (ground, rest))
    spare = CLICK_TRUST + 2 * (count - 1) - 8
    variance_px2 = (CLICK_TRUST * CLICK_PX**2 + without_px2) / spare
    gain = max(0.0, with_px2 - without_px2) / 2.0 / variance_px2
    chance = count * (1.0 + 2.0 * gain / spare) ** (-spare / 2.0)
    return (index, rest) if chance < ALONE_CHANCE else None


ALONE_MIN, ALONE_CHANCE = 6, 1e-3

_NUDGE_PX = 1e-3
_STEPS_MAX = 60
_MEETINGS = 10  # in which the errors of lines where they meet settle
_UNDETERMINED, _SPREAD = "the ground points do not determine a plane", "spread them over the street"
_BEND_GUESSES = (0.0, -0.04, -0.1, -0.2, -0.4, -0.6, 0.05, 0.15)  # at the farthest point


@dataclass(frozen=True, slots=True)
class _Observed:
    """What a person said of the ground: pairs of points (N, 2), and lengths (M,) between `ends`
    (M, 2, 2) on the picture; and how well. `refined`: least squares on the picture join them."""

    pixels: Floats
    metres: Floats
    ends: Floats
    lengths_m: Floats
    click_px: float
    survey_m: float
    refined: bool

    @property
    def count(self) -> int:
        """How many numbers that is, beside those that are taken as exact."""
        return 2 * len(self.pixels) + len(self.lengths_m)

    def points_only(self) -> "_Observed":
        """The same without lengths, as if points on the ground were exact."""
        none = self.lengths_m[:0]
        return replace(self, ends=self.ends[:0], lengths_m=none, survey_m=0.0, refined=False)

    def without(self, index: int) -> "_Observed":
        """The same without a point. Raises Misconfigured where too little remains."""
        others = np.arange(len(self.pixels)) != index
        pixels, metres = _pairs(self.pixels[others], self.metres[others])
        return replace(self, pixels=pixels, metres=metres)


def _observed(
    pixels: npt.ArrayLike,
    metres: npt.ArrayLike,
    lengths: Sequence[tuple[tuple[float, float], tuple[float, float], float]],
    click_px: float,
    survey_m: float,
    refined: bool,
) -> _Observed:
    pixels_, metres_ = _pairs(pixels, metres)
    ends = np.array([(a, b) for a, b, _ in lengths], dtype=np.float64).reshape(-1, 2, 2)
    lengths_m = np.array([length_m for _, _, length_m in lengths], dtype=np.float64)
    for index, (pair, length_m) in enumerate(zip(ends, lengths_m, strict=True)):
        if not (np.isfinite(pair).all() and math.isfinite(length_m) and length_m > 0.0):
            raise Misconfigured(
                f"length {index + 1} is no length", hint="give finite px and more than 0 m"
            )
        if np.array_equal(pair[0], pair[1]):
            raise Misconfigured(
                f"both ends of length {index + 1} are at the same place", hint="move one of them"
            )
    if not (math.isfinite(survey_m) and survey_m >= 0.0):
        raise Misconfigured("the error of surveying is none", hint="give 0 m or more")
    refined = refined or survey_m > 0.0 or len(lengths_m) > 0
    return _Observed(pixels_, metres_, ends, lengths_m, click_px, survey_m, refined)


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
        raise Misconfigured(_UNDETERMINED, hint=_SPREAD)
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
def place(view: Floats, x_px: float, y_px: float) -> tuple[float, float]:
    """Metres east and north of one point of the picture; NaN at the horizon and above it.

    `view` (VIEW_COLUMNS,) is that of a Ground; all zeros are a ground that is unknown.
    """
    x, y = straight(view, x_px, y_px)
    return place_straight(view, x, y)


def centre_of(view: Floats) -> tuple[float, float] | None:
    """The middle of the picture, px; None where the ground was fitted without its size."""
    x_px, y_px = float(view[_BEND + _CENTRE_X]), float(view[_BEND + _CENTRE_Y])
    return (x_px, y_px) if x_px > 0.0 and y_px > 0.0 else None


@numba.njit(cache=True, nogil=True)
def straight(view: Floats, x_px: float, y_px: float) -> tuple[float, float]:
    """Where a straight lens would show what is at one point of the picture; NaN where the lens
    shows nothing."""
    division, k1, k2 = view[_BEND + _DIVISION], view[_BEND + _K1], view[_BEND + _K2]
    if division == 0.0 and k1 == 0.0 and k2 == 0.0:
        return x_px, y_px
    # No slice of the view: to count who holds it would take longer than all the rest.
    centre_x, centre_y = view[_BEND + _CENTRE_X], view[_BEND + _CENTRE_Y]
    return _straight(x_px, y_px, centre_x, centre_y, division, k1, k2)


@numba.njit(cache=True, nogil=True)
def place_straight(view: Floats, x: float, y: float) -> tuple[float, float]:
    """`place` of a point as a straight lens shows it."""
    scale = view[6] * x + view[7] * y + view[8]
    if not scale > FARTHEST:  # nor where it is NaN
        return math.nan, math.nan
    return (
        (view[0] * x + view[1] * y + view[2]) / scale,
        (view[3] * x + view[4] * y + view[5]) / scale,
    )


@numba.njit(cache=True, nogil=True)
def _straight(
    x_px: float,
    y_px: float,
    centre_x: float,
    centre_y: float,
    division: float,
    k1: float,
    k2: float,
) -> tuple[float, float]:
    """Where a straight lens shows what this one shows at (x, y); NaN where it shows nothing."""
    right, down = x_px - centre_x, y_px - centre_y
    shown2 = right * right + down * down
    if division != 0.0:
        share = 1.0 + division * shown2
        if not share > 0.0:
            return math.nan, math.nan
        return centre_x + right / share, centre_y + down / share
    shown = math.sqrt(shown2)
    r = shown
    for _ in range(50):  # Newton's steps: five mostly, more where the lens folds its picture
        r2 = r * r
        steep = 1.0 + r2 * (3.0 * k1 + r2 * 5.0 * k2)
        if not steep > 0.0:
            return math.nan, math.nan
        step = (r * (1.0 + r2 * (k1 + r2 * k2)) - shown) / steep
        r -= step
        if abs(step) <= 1e-10 * shown:
            longer = r / shown if shown > 0.0 else 1.0
            return centre_x + right * longer, centre_y + down * longer
    return math.nan, math.nan


@numba.njit(cache=True, nogil=True)
def _straight_all(bend: Floats, pixels: Floats) -> Floats:
    straight = np.empty_like(pixels)
    for row in range(len(pixels)):
        straight[row, 0], straight[row, 1] = _straight(
            pixels[row, 0], pixels[row, 1], bend[0], bend[1], bend[2], bend[3], bend[4]
        )
    return straight


def _bends(bend: Floats) -> bool:
    return bool(bend[_DIVISION:].any())


def _straightened(bend: Floats, pixels: Floats) -> Floats:
    """(N, 2) px as a straight lens would show them; NaN where this one shows nothing."""
    return np.asarray(_straight_all(bend, pixels)) if _bends(bend) else pixels


def _bent(bend: Floats, straight: Floats) -> Floats:
    """The inverse of `_straightened`; NaN where this lens does not show it."""
    if not _bends(bend):
        return straight
    centre = bend[: _CENTRE_Y + 1]
    off = straight - centre
    r2 = (off**2).sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        if bend[_DIVISION] != 0.0:
            return np.asarray(
                centre + off * 2.0 / (1.0 + np.sqrt(1.0 - 4.0 * bend[_DIVISION] * r2))
            )
        k1, k2 = bend[_K1], bend[_K2]
        shown = centre + off * (1.0 + r2 * (k1 + r2 * k2))
    return np.asarray(np.where(r2 < _fold2(bend), shown, np.nan))


def _fold2(bend: Floats) -> float:
    """The square of the distance from which on Brown's formula leads back to the middle."""
    k1, k2 = float(bend[_K1]), float(bend[_K2])
    root = 9.0 * k1 * k1 - 20.0 * k2
    turn = math.sqrt(root) - 3.0 * k1 if root >= 0.0 else 0.0
    return 2.0 / turn if turn > 0.0 else math.inf


def _known(lens: Lens) -> Floats:
    """The bend of a lens that is known, as a view has it."""
    numbers = (lens.focal_px, *lens.centre_px, lens.k1, lens.k2)
    if not (all(map(math.isfinite, numbers)) and lens.focal_px > 0.0):
        raise Misconfigured("the lens is none", hint="give finite numbers and a focal length > 0")
    return np.array([*lens.centre_px, 0.0, lens.k1 / lens.focal_px**2, lens.k2 / lens.focal_px**4])


def _placed(view: Floats, pixels: Floats) -> Floats:
    """`place` of many: (N, 2) px to (N, 2) m."""
    return _project(view[:_BEND].reshape(3, 3), _straightened(view[_BEND:], pixels))


@dataclass(frozen=True, slots=True)
class _Plane:
    """A fitted view. `misfit_px2` is the sum of its squared residuals, each as if a click had
    caused it, and `spare` how many more of them there are than numbers fitted. `nudged` are views
    that clicks off by _NUDGE_PX lead to, or others that say the same together. `bend` is that of
    Ground."""

    view: Floats
    misfit_px2: float
    spare: int
    nudged: Callable[[], list[Floats]]
    bend: float = 0.0

    @property
    def to_metres(self) -> Floats:
        return self.view[:_BEND].reshape(3, 3)


def _plane_or_bent(observed: _Observed, size_px: tuple[int, int] | None) -> _Plane:
    """The plane, with a bend where the picture's size is known and the points demand it."""
    straight = np.zeros(VIEW_COLUMNS - _BEND)
    if size_px is None:
        return _plane(observed, straight)
    width_px, height_px = size_px
    if not (width_px > 0 and height_px > 0):
        raise Misconfigured(
            f"a picture of {width_px} by {height_px} pixels is none", hint="give its real size"
        )
    centre = np.array([width_px / 2, height_px / 2])
    straight[: _CENTRE_Y + 1] = centre  # it bends nothing there, but who asks what is up needs it
    plane = _plane(observed, straight)
    if observed.count < SEEN_MIN:
        return plane
    bent = _bent_plane(observed, centre)
    if bent is None or not _demanded(plane, bent, observed.click_px):
        return plane
    return bent


def _plane(observed: _Observed, bend: Floats) -> _Plane:
    """The plane behind a lens that is known."""
    straight = _straightened(bend, observed.pixels)
    if np.isnan(straight).any():
        worst = int(np.isnan(straight).any(axis=1).argmax())
        raise Misconfigured(
            f"the lens shows nothing where ground point {worst + 1} is",
            hint="correct the numbers of the lens",
        )
    to_metres = _homography(straight, observed.metres)
    to_pixels = _facing(_inverse(to_metres), observed.metres)
    view = np.concatenate([to_metres.ravel(), bend])
    nowhere = np.isnan(_spans(view, observed.ends))
    if nowhere.any():
        raise Misconfigured(
            f"length {int(nowhere.argmax()) + 1} does not lie on the ground",
            hint="both its ends must be below the horizon",
        )
    if observed.refined:
        # Where points contradict each other, all that is least may be a plane that has one of them
        # in the sky: the first plane shows better which.
        with suppress(Misconfigured):
            return _least_squares(observed, to_metres, bend)
    off_px = _bent(bend, _project(to_pixels, observed.metres)) - observed.pixels
    return _Plane(
        view,
        float((off_px**2).sum()),
        2 * len(observed.pixels) - 8,
        partial(_nudged, observed, bend),
    )


def _nudged(observed: _Observed, bend: Floats) -> list[Floats]:
    """The view again with each picture coordinate moved a little: its derivatives."""
    moved = []
    for index, axis in itertools.product(range(len(observed.pixels)), (0, 1)):
        there = observed.pixels.copy()
        there[index, axis] += _NUDGE_PX
        to_metres = _homography(_straightened(bend, there), observed.metres)
        moved.append(np.concatenate([to_metres.ravel(), bend]))
    return moved


def _bent_plane(observed: _Observed, centre_px: Floats) -> _Plane | None:
    """The plane and the bend that fit best; None where there are none, or no such lens is made."""
    reach_px2 = float(((observed.pixels - centre_px) ** 2).sum(axis=1).max())
    best, least = None, math.inf
    for guess in _BEND_GUESSES:
        bend = np.array([*centre_px, guess / reach_px2, 0.0, 0.0])
        try:
            plane = _plane(observed.points_only(), bend)
        except Misconfigured:
            continue
        if plane.misfit_px2 < least:  # nor where it is NaN
            best, least = plane, plane.misfit_px2
    if best is None:
        return None
    try:
        plane = _least_squares(observed, best.to_metres, best.view[_BEND:], bends=True)
    except Misconfigured:
        return None
    bend_at_corner = float(plane.view[_BEND + _DIVISION] * (centre_px**2).sum())
    if not BEND_MIN <= bend_at_corner <= BEND_MAX:
        return None
    return replace(plane, bend=bend_at_corner)


def _demanded(flat: _Plane, bent: _Plane, click_px: float) -> bool:
    """Whether the points are unlikely to be those of a straight lens: an F test of one number,
    which is Student's t squared. Points that fit by chance are no better than clicks can be."""
    variance_px2 = max(
        bent.misfit_px2 / bent.spare,
        (CLICK_TRUST * click_px**2 + bent.misfit_px2) / (CLICK_TRUST + bent.spare),
    )
    gain_px2 = flat.misfit_px2 - bent.misfit_px2
    if gain_px2 <= 0.0 or variance_px2 == 0.0:
        return False
    return _chance(math.sqrt(gain_px2 / variance_px2), bent.spare) < BEND_CHANCE


def _chance(t: float, freedom: int) -> float:
    """How often Student's t is beyond ±t (Abramowitz & Stegun 1964, 26.7.3 and 26.7.4)."""
    angle = math.atan2(t, math.sqrt(freedom))
    odd = freedom % 2
    term, total = (math.cos(angle) if odd else 1.0), 0.0
    for index in range(2 + odd, freedom + 1, 2):
        total += term
        term *= math.cos(angle) ** 2 * (index - 1) / index
    total *= math.sin(angle)
    return 1.0 - (2.0 / math.pi * (angle + total) if odd else total)


def _least_squares(
    observed: _Observed, to_metres: Floats, bend: Floats, bends: bool = False
) -> _Plane:
    """The plane (`bends`: and its bend) for which points and lengths fit best: on the picture, each
    by its standard error (Hartley & Zisserman 2004, 4.5 and A6.2)."""
    search = _Search.near(observed, to_metres, bend, bends)
    numbers = search.numbers(to_metres)
    for _ in range(2):  # the second time with errors as they are where the first one led
        weights = search.weights(numbers)
        numbers, slopes, left = _least(partial(search.off, weights), numbers)
    if not np.isfinite(left).all() or len(left) < len(numbers):
        raise Misconfigured(_UNDETERMINED, hint=_SPREAD)
    return _Plane(
        search.view(numbers),
        float((left**2).sum()) * search.click_px**2,
        len(left) - len(numbers),
        partial(search.nudged, numbers, slopes),
    )


@dataclass(frozen=True, slots=True)
class _Search:
    """Least squares of a view. What it varies are eight numbers of the homography from metres to
    straightened px, both moved and scaled by `from_` and `back`, and where it `bends` the division
    of `start`, at the farthest point."""

    observed: _Observed
    from_: Floats
    back: Floats
    start: Floats
    bends: bool
    reach_px2: float
    click_px: float

    @classmethod
    def near(cls, observed: _Observed, to_metres: Floats, bend: Floats, bends: bool) -> "_Search":
        off_px = observed.pixels - bend[: _CENTRE_Y + 1]
        return cls(
            observed,
            _normaliser(observed.metres),
            _inverse(_normaliser(_straightened(bend, observed.pixels))),
            bend,
            bends,
            float((off_px**2).sum(axis=1).max()),
            max(observed.click_px, _NUDGE_PX),
        )

    def numbers(self, to_metres: Floats) -> Floats:
        """Where the search starts."""
        scaled = _inverse(self.back) @ _inverse(to_metres) @ _inverse(self.from_)
        numbers: Floats = (scaled / scaled[2, 2]).ravel()[:8]
        if not self.bends:
            return numbers
        return np.append(numbers, self.start[_DIVISION] * self.reach_px2)

    def bend(self, numbers: Floats) -> Floats:
        if not self.bends:
            return self.start
        bend = self.start.copy()
        bend[_DIVISION] = numbers[8] / self.reach_px2
        return bend

    def to_pixels(self, numbers: Floats) -> Floats:
        # The points' centre is 0 here, so they lie before the camera by 1 on average.
        to_pixels: Floats = self.back @ np.append(numbers[:8], 1.0).reshape(3, 3) @ self.from_
        return to_pixels

    def seen(self, numbers: Floats, metres: Floats) -> Floats:
        """Where (N, 2) points of the ground are on the picture."""
        return _bent(self.bend(numbers), _project(self.to_pixels(numbers), metres))

    def view(self, numbers: Floats) -> Floats:
        """The view. Raises Misconfigured where it is none."""
        bend = self.bend(numbers)
        straight = _straightened(bend, self.observed.pixels)
        to_metres = _facing(_inverse(self.to_pixels(numbers)), straight)
        return np.concatenate([to_metres.ravel(), bend])

    def weights(self, numbers: Floats) -> tuple[Floats, Floats]:
        """What takes the residuals of points (N, 2, 2) and of lengths (M,) to 1 standard error."""
        observed = self.observed
        step_m = 1e-6 * float(np.abs(observed.metres - observed.metres.mean(axis=0)).max())
        here = self.seen(numbers, observed.metres)
        aside = [self.seen(numbers, observed.metres + step) for step in step_m * np.eye(2)]
        slopes = np.stack([(there - here) / step_m for there in aside], axis=2)
        if np.isnan(slopes).any():
            raise Misconfigured(_UNDETERMINED, hint=_SPREAD)
        spread = self.click_px**2 * np.eye(2) + observed.survey_m**2 * (
            slopes @ slopes.transpose(0, 2, 1)
        )
        points = np.linalg.inv(np.linalg.cholesky(spread))
        if not len(observed.lengths_m):
            return points, observed.lengths_m
        view = self.view(numbers)
        spans_m = _spans(view, observed.ends)
        if np.isnan(spans_m).any():
            raise Misconfigured(_UNDETERMINED, hint=_SPREAD)
        nudges = _NUDGE_PX * np.eye(4).reshape(4, 1, 2, 2)
        slopes_m = np.array([_spans(view, observed.ends + nudge) for nudge in nudges]) - spans_m
        errors_m2 = ((slopes_m * self.click_px / _NUDGE_PX) ** 2).sum(axis=0)
        return points, 1.0 / np.sqrt(errors_m2 + observed.survey_m**2)

    def off(self, weights: tuple[Floats, Floats], numbers: Floats) -> Floats:
        """The residuals in standard errors; NaN where `numbers` are no view."""
        observed = self.observed
        points = weights[0] @ (self.seen(numbers, observed.metres) - observed.pixels)[:, :, None]
        if not len(observed.lengths_m):
            return points.ravel()
        try:
            spans_m = _spans(self.view(numbers), observed.ends)
        except (Misconfigured, np.linalg.LinAlgError):
            spans_m = np.full(len(observed.lengths_m), np.nan)
        return np.concatenate([points.ravel(), weights[1] * (spans_m - observed.lengths_m)])

    def nudged(self, numbers: Floats, slopes: Floats) -> list[Floats]:
        """The view moved along each axis of its error by a click of _NUDGE_PX."""
        try:
            _, upright = np.linalg.qr(slopes)
            axes = _inverse(upright) * _NUDGE_PX / self.click_px
            return [self.view(numbers + axis) for axis in axes.T]
        except (Misconfigured, np.linalg.LinAlgError):  # it can be anything
            return [np.full(VIEW_COLUMNS, np.nan)]


def _spans(view: Floats, ends: Floats) -> Floats:
    """The metres between (M, 2, 2) pairs of points on the picture."""
    places = _placed(view, ends.reshape(-1, 2)).reshape(-1, 2, 2)
    return np.asarray(np.hypot(*(places[:, 1] - places[:, 0]).T))


def _least(off: Callable[[Floats], Floats], numbers: Floats) -> tuple[Floats, Floats, Floats]:
    """The numbers for which the squares of `off` are least, its slopes (N, numbers) and itself
    there (Marquardt 1963)."""
    left, damping = off(numbers), 1e-3
    slopes = _slopes(off, numbers)
    for _ in range(_STEPS_MAX):
        normal, down = slopes.T @ slopes, slopes.T @ left
        try:
            step = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), down)
        except np.linalg.LinAlgError:
            break
        there = off(numbers - step)
        gain = float((left**2).sum() - (there**2).sum())
        if not gain >= 0.0:  # nor where it is NaN
            damping *= 10.0
            if damping > 1e9:
                break
            continue
        numbers, left, damping = numbers - step, there, damping / 10.0
        slopes = _slopes(off, numbers)
        if gain <= 1e-9 * (1e-9 + float((left**2).sum())):
            break
    return numbers, slopes, left


def _slopes(off: Callable[[Floats], Floats], numbers: Floats) -> Floats:
    steps = 1e-6 * np.eye(len(numbers))
    return np.column_stack([(off(numbers + step) - off(numbers - step)) / 2e-6 for step in steps])


def _left_out(observed: _Observed, plane: _Plane, index: int) -> tuple[float, float] | None:
    if len(observed.pixels) < 5:
        return None
    try:
        others = observed.without(index)
        bend = plane.view[_BEND:]
        if plane.bend != 0.0 and others.count >= SEEN_MIN:
            rest = _least_squares(others, plane.to_metres, bend, bends=True)
        else:
            rest = _plane(others, bend)
        to_pixels = _facing(_inverse(rest.to_metres), others.metres)
    except Misconfigured:
        return None
    here, there = observed.pixels[[index]], observed.metres[[index]]
    back = _bent(rest.view[_BEND:], _project(to_pixels, there))
    error_px = float(np.hypot(*(back - here)[0]))
    error_m = float(np.hypot(*(_placed(rest.view, here) - there)[0]))
    return None if math.isnan(error_px) or math.isnan(error_m) else (error_px, error_m)


def _clipped(
    ends: Floats, low: Sequence[float], high: Sequence[float]
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """The part of a line that lies in a rectangle (Liang & Barsky 1984)."""
    if np.isnan(ends).any():
        return None
    (x, y), (dx, dy) = ends[0], ends[1] - ends[0]
    enter, leave = 0.0, 1.0
    rooms = ((-dx, x - low[0]), (dx, high[0] - x), (-dy, y - low[1]), (dy, high[1] - y))
    for step, room in rooms:
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
