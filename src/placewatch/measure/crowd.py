"""Crowd: how dense people stand on a piece of ground at one moment, and how they move.

How this works. Everybody owns the ground that is nearer to them than to anybody else, up to the
walls of the walkable ground and, where a cut-off is set, no farther than that. One person on A
square metres is a density of 1/A there. So density has a value at every point, a person at the
edge counts in part, and figures do not leap when somebody steps over it; whoever counts heads in
an area instead has to say what happens on its edge.

    classic    heads in the area / its square metres       leaps by 1/A, exact as a count
    Voronoi    mean over the area of the density at each point       smooth; Steffen & Seyfried 2010
    field      people weighted by a bell around each point of a grid       Helbing et al. 2007

Sources. B. Steffen, A. Seyfried: Methods for measuring pedestrian density, flow, speed and
direction with minimal scatter. Physica A 389 (2010) 1902-1910. D. Helbing, A. Johansson, H. Z.
Al-Abideen: Dynamics of crowd disasters. Physical Review E 75 (2007) 046109.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from placewatch.core.errors import Misconfigured
from placewatch.core.space import Point

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]

PRESSURE_PER_S2_TURBULENT = 0.02
"""Crowd pressure over time above which Helbing et al. 2007 saw turbulence in a dense crowd."""

CUT_OFF_EDGES = 12  # corners of the polygon that stands for the cut-off's circle, as JPSreport's
SAME_PLACE_DIGITS = 6  # of a metre: whoever stands nearer shares one cell; all noise is larger
LEAST_M2 = 1e-12  # of ground, when rounding has put a person into a wall
UNCOVERED = 1e-9  # share of an area that no cell reaches, above rounding
OPEN_CUT_OFFS = 3.1  # who reaches an area is nearer than 1, its own ground ends at 2, and who
# bounds that is nearer than 3; the rest is for the corners of round shapes
TIME_ROUNDING_S = 1e-6  # by which two times that mean the same may differ
BELL_M = 1.0  # R of Helbing et al.: wide enough for several people, narrow enough for a crush
WALL_NODES = 32  # along each wall, by which the bell's part behind it is summed up, to 1e-3
BELL_REACH = 3.0  # R beyond which the bell has lost all but 1e-4 of its weight


@dataclass(frozen=True, slots=True)
class Crowd:
    """The figures of one area at one moment. None is unknown, and not zero.

    `count` heads are in the area, by the rule of `inside`; `outside` people of all that were given
    are not on walkable ground, and left out of everything. `covered` is the share of the area's
    ground, 0..1, that is somebody's: 1 without a cut-off, while anybody is there.

    `density_per_m2_min` and `_max` are the lowest and the highest density at any point of the
    area; the highest is that of the person with the least room, and follows every error of
    position. Speeds are those of who has a known velocity: `_classic` the mean of those in the
    area, `_voronoi` the mean over its covered ground. (JPSreport and PedPy count uncovered ground
    as speed 0: theirs is ours times `covered`.) `flow_per_m_s` is the specific flow, density times
    speed, both Voronoi's: people a second through each metre of width, if all went one way.

    `pressure_per_s2` is the Voronoi density times the variance of velocity, in m2/s2, among the
    people on this ground (the sum over both axes). It knows no time: people who each walk at their
    own pace, or in opposite ways, have a variance too, and it stands above the paper's threshold
    in orderly crowds. It compares a place with itself; `pressure_over_time_per_s2` is the paper's.
    """

    count: int
    outside: int
    covered: float
    density_per_m2_classic: float
    density_per_m2_voronoi: float
    density_per_m2_min: float
    density_per_m2_max: float
    speed_m_s_classic: float | None
    speed_m_s_voronoi: float | None
    flow_per_m_s: float | None
    pressure_per_s2: float | None


class CrowdArea:
    """A piece of ground that is measured, with the walkable ground around it.

    `area` and `walkable` are the corners of simple polygons, either way around; what of `area` is
    not walkable does not count as ground, so densities are people per walkable square metre.
    `cut_off_m` is how far a person's own ground reaches at most. Without `walkable` the ground is
    open on all sides and needs a cut-off. Walls cut cells, and of the pieces the one with the
    person is theirs; but who is nearest is measured straight through walls.

    Raises Misconfigured where a polygon is not simple or has no ground, where `area` has no part
    on `walkable`, and where the cut-off is missing or not above zero.
    """

    def __init__(
        self,
        area: Sequence[Point],
        walkable: Sequence[Point] | None = None,
        cut_off_m: float | None = None,
        cut_off_edges: int = CUT_OFF_EDGES,
    ) -> None:
        if cut_off_m is not None and not 0 < cut_off_m < math.inf:
            raise Misconfigured(f"a cut-off of {cut_off_m:g} m is none", hint="as in 1.0")
        if cut_off_edges < 3:
            raise Misconfigured(f"a circle with {cut_off_edges} edges is none", hint="as in 12")
        polygon = _polygon(area, "the area")
        self._corners = np.array([(corner.x_m, corner.y_m) for corner in area])
        if walkable is None:
            if cut_off_m is None:
                raise Misconfigured(
                    "open ground needs a cut-off",
                    hint="give the walkable ground, or how far a person's own ground reaches",
                )
            self._walkable = polygon.buffer(OPEN_CUT_OFFS * cut_off_m)
        else:
            self._walkable = _polygon(walkable, "the walkable ground")
        self.has_walls = walkable is not None
        self._ground = _surface(shapely.intersection(polygon, self._walkable))
        self.ground_m2 = float(shapely.area(self._ground))
        if self.ground_m2 == 0.0:
            raise Misconfigured("no part of the area is walkable", hint="are both in metres?")
        self._cut_off = _ring(cut_off_m, cut_off_edges) if cut_off_m is not None else None
        # Cells are made around (0, 0): far from it floats are coarse.
        self._origin = np.array(self._walkable.centroid.coords[0])
        self._near_walkable = _moved(self._walkable, self._origin)
        self._near_ground = _moved(self._ground, self._origin)
        for shape in (self._walkable, self._near_walkable, self._near_ground):
            shapely.prepare(shape)

    def measure(self, positions_m: Floats, velocities_m_s: Floats | None = None) -> Crowd:
        """The figures of people at `positions_m` (N, 2), east and north, all of one moment.

        Give everybody who is on the walkable ground, not only who is in the area: those around it
        take their part of its ground. `velocities_m_s` (N, 2) may be NaN where unknown. N may be 0.
        """
        given = len(positions_m)
        if velocities_m_s is None:
            velocities_m_s = np.full((given, 2), np.nan)
        assert positions_m.shape == velocities_m_s.shape == (given, 2)
        assert np.isfinite(positions_m).all()
        kept = self._matters(positions_m)
        positions, velocities = positions_m[kept], velocities_m_s[kept]
        speeds = np.hypot(*velocities.T)
        here = inside(self._corners, positions)
        own_m2, of_area_m2 = self._cells(positions)
        people = of_area_m2 / own_m2  # of each person, how much is in the area
        density = float(people.sum()) / self.ground_m2
        covered = min(1.0, float(of_area_m2.sum()) / self.ground_m2)
        local = 1.0 / own_m2[people > 0.0]
        speed = _mean(speeds, of_area_m2)
        variance = _variance(velocities, people)
        return Crowd(
            count=int(here.sum()),
            outside=given - len(positions) if self.has_walls else 0,
            covered=covered,
            density_per_m2_classic=float(here.sum()) / self.ground_m2,
            density_per_m2_voronoi=density,
            density_per_m2_min=0.0 if covered < 1.0 - UNCOVERED else float(local.min()),
            density_per_m2_max=float(local.max(initial=0.0)),
            speed_m_s_classic=_mean(speeds, here.astype(np.float64)),
            speed_m_s_voronoi=speed,
            flow_per_m_s=None if speed is None else density * speed,
            pressure_per_s2=None if variance is None else density * variance,
        )

    def densities_per_m2(self, positions_m: Floats) -> Floats:
        """The density (N,) at each person who is in the area, 1 / the ground that is theirs; NaN
        for the others of `positions_m` (N, 2), who are given as for `measure`."""
        densities: Floats = np.full(len(positions_m), np.nan)
        kept = self._matters(positions_m)
        densities[kept] = 1.0 / self._cells(positions_m[kept])[0]
        densities[~inside(self._corners, positions_m)] = np.nan
        return densities

    def on_walkable(self, positions_m: Floats) -> Flags:
        """Who (N,) of `positions_m` (N, 2) is on walkable ground, its edge included."""
        return self._matters(positions_m) if self.has_walls else np.full(len(positions_m), True)

    def on_ground(self, positions_m: Floats) -> Flags:
        """Which (N,) of `positions_m` (N, 2) are walkable ground of the area."""
        return inside(self._corners, positions_m) & self.on_walkable(positions_m)

    @property
    def bounds_m(self) -> tuple[float, float, float, float]:
        """West, south, east and north end of the walkable ground of the area."""
        west, south, east, north = self._ground.bounds
        return float(west), float(south), float(east), float(north)

    @property
    def wall_corners_m(self) -> Floats | None:
        """Corners (K, 2) of the walkable ground, each different from the one before it, counter
        clockwise; None on open ground."""
        if not self.has_walls:
            return None
        corners: Floats = shapely.get_coordinates(shapely.orient_polygons(self._walkable))[:-1]
        turns: Flags = (corners != np.roll(corners, 1, axis=0)).any(axis=1)
        return corners[turns]

    def _matters(self, positions_m: Floats) -> Flags:
        """Who is on the walkable ground; on open ground, near enough to play a part."""
        flags: Flags = shapely.intersects_xy(self._walkable, positions_m[:, 0], positions_m[:, 1])
        return flags

    def _cells(self, positions_m: Floats) -> tuple[Floats, Floats]:
        """Of everybody on walkable ground: the ground that is theirs, and its part in the area,
        (N,) m2 each."""
        if len(positions_m) == 0:
            return np.zeros(0), np.zeros(0)
        near = np.round(positions_m - self._origin, SAME_PLACE_DIGITS)
        places, place_of, heads = np.unique(near, axis=0, return_inverse=True, return_counts=True)
        cells = shapely.get_parts(
            shapely.voronoi_polygons(
                shapely.MultiPoint(places), extend_to=self._near_walkable, ordered=True
            )
        )
        # Most cells touch no wall and lie within their cut-off: only the others are cut.
        walled = ~shapely.contains_properly(self._near_walkable, cells)
        cells[walled] = shapely.intersection(cells[walled], self._near_walkable)
        if self._cut_off is not None:
            corners, of_cell = shapely.get_coordinates(cells, return_index=True)
            far = np.hypot(*(corners - places[of_cell]).T) > self._cut_off[1]
            wide = np.unique(of_cell[far])
            rings = shapely.polygons(places[wide, None, :] + self._cut_off[0])
            cells[wide] = shapely.intersection(cells[wide], rings)
        for split in np.flatnonzero(shapely.get_type_id(cells) != _POLYGON):
            cells[split] = _piece_at(cells[split], places[split])
        of_area_m2 = shapely.area(cells)
        own_m2 = np.maximum(of_area_m2, LEAST_M2)
        edge = ~shapely.contains_properly(self._near_ground, cells)
        of_area_m2[edge] = shapely.area(shapely.intersection(cells[edge], self._near_ground))
        share = heads[place_of]
        return own_m2[place_of] / share, of_area_m2[place_of] / share


@dataclass(frozen=True, slots=True)
class Field:
    """A crowd at the points of a grid, row by row from the south, each from the west; NaN outside
    the area, and velocities also where nobody with a known one is near.

    `density_per_m2` (R, C); `velocity_m_s` (R, C, 2), the mean of people around, east and north.
    """

    density_per_m2: Floats
    velocity_m_s: Floats


class CrowdGrid:
    """The points of an area, every `step_m`, where density and velocity are looked at.

    People count by a bell around each point, exp(-d2/R2) / (pi R2), R being `bell_m` (Helbing et
    al. 2007). The part of the bell behind walls is given back to the part before them, so that a
    crowd against a wall does not seem half as dense as it is; people are seen through walls, so a
    thin one that has people on both sides blurs them. `x_m` (C,) and `y_m` (R,) are where the
    points lie.

    Raises Misconfigured where `step_m` or `bell_m` is not above zero.
    """

    def __init__(self, area: CrowdArea, step_m: float = 0.5, bell_m: float = BELL_M) -> None:
        if not (0 < step_m < math.inf and 0 < bell_m < math.inf):
            raise Misconfigured(
                f"a grid every {step_m:g} m with a bell of {bell_m:g} m is none",
                hint="as in 0.5 and 1.0",
            )
        west, south, east, north = area.bounds_m
        self.x_m = _middles(west, east, step_m)
        self.y_m = _middles(south, north, step_m)
        self.area = area
        self.bell_m = bell_m
        self._points = np.stack(np.meshgrid(self.x_m, self.y_m), axis=-1).reshape(-1, 2)
        self._here = area.on_ground(self._points)
        self._points = self._points[self._here]
        self._before_walls = self._share_before_walls()

    def measure(self, positions_m: Floats, velocities_m_s: Floats) -> Field:
        """The field of people at `positions_m` (N, 2) with `velocities_m_s` (N, 2), NaN where
        unknown; all of one moment. Who is not on walkable ground is left out."""
        on_ground = self.area.on_walkable(positions_m)
        positions, velocities = positions_m[on_ground], velocities_m_s[on_ground]
        weights = self._bell(positions)
        known = ~np.isnan(velocities).any(axis=1)
        total = weights[:, known].sum(axis=1, keepdims=True)
        moved = weights[:, known] @ velocities[known]
        with np.errstate(invalid="ignore"):  # 0/0 where nobody is near: NaN, unknown
            mean = moved / total
        return Field(
            self._on_grid(weights.sum(axis=1) / self._before_walls),
            self._on_grid(mean),
        )

    def _bell(self, positions_m: Floats) -> Floats:
        away2 = ((self._points[:, None, :] - positions_m[None, :, :]) ** 2).sum(axis=2)
        r2 = self.bell_m**2
        away2[away2 > BELL_REACH**2 * r2] = np.inf
        bell: Floats = np.exp(-away2 / r2) / (math.pi * r2)
        return bell

    def _share_before_walls(self) -> Floats:
        """How much of the bell around each point lies on walkable ground, 0..1: the integral over
        a polygon as one along its edges (Green's theorem), where a bell's is known."""
        ring = self.area.wall_corners_m
        if ring is None:
            return np.ones(len(self._points))
        behind = np.zeros(len(self._points))
        nodes, weights = np.polynomial.legendre.leggauss(WALL_NODES)
        for start, end in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            along = (end - start) / math.hypot(*(end - start))
            from_start = start - self._points
            # Seen from a point, a wall is `off` away to its right, and goes from angle to angle.
            # (A point that is exactly a corner is taken for one on a straight wall.)
            off = from_start[:, 0] * along[1] - from_start[:, 1] * along[0]
            first = np.arctan2(from_start @ along, np.abs(off))
            last = np.arctan2((end - self._points) @ along, np.abs(off))
            angles = (first + last)[:, None] / 2 + (last - first)[:, None] / 2 * nodes
            far = off[:, None] / np.cos(angles) / self.bell_m
            sweep = (last - first) / 2 * (np.exp(-(far**2)) @ weights)
            behind += np.where(off >= 0.0, sweep, -sweep)
        return 1.0 - behind / (2 * math.pi)

    def _on_grid(self, values: Floats) -> Floats:
        grid = np.full((len(self._here), *values.shape[1:]), np.nan)
        grid[self._here] = values
        return grid.reshape(len(self.y_m), len(self.x_m), *values.shape[1:])


def pressure_over_time_per_s2(fields: Sequence[Field]) -> Floats:
    """Crowd pressure (R, C) at each point of the grid, from the fields of the last seconds.

    The mean density there times the variance over time of the velocity there (the sum over both
    axes): how much the crowd as a whole is shoved to and fro (Helbing et al. 2007).
    Above PRESSURE_PER_S2_TURBULENT the paper saw turbulence, in a dense crowd; where few people
    are, one passer-by after another shoves the mean as well, so ask for density too. NaN where
    fewer than two moments have a velocity. There must be a field at least.
    """
    assert fields
    velocities = np.array([field.velocity_m_s for field in fields])
    densities = np.array([field.density_per_m2 for field in fields])
    known = ~np.isnan(velocities).any(axis=-1)
    moments = known.sum(axis=0)
    with np.errstate(invalid="ignore"):
        filled = np.where(known[..., None], velocities, 0.0)
        mean = filled.sum(axis=0) / moments[..., None]
        off2 = np.where(known, ((velocities - mean) ** 2).sum(axis=-1), 0.0).sum(axis=0)
        pressure: Floats = densities.mean(axis=0) * off2 / moments
    pressure[moments < 2] = np.nan
    return pressure


def inside(corners_m: Floats, positions_m: Floats) -> Flags:
    """Who (N,) of `positions_m` (N, 2) is in the polygon with `corners_m` (K, 2).

    Who stands exactly on an edge is in one of the two areas that share it and not in both: western
    and southern edges belong to an area, eastern and northern ones do not. So areas that cover a
    square between them count everybody in it exactly once.
    """
    ends = np.stack([corners_m, np.roll(corners_m, -1, axis=0)], axis=1)
    # Both neighbours see an edge from the same end: their arithmetic, and so its rounding, agree.
    lower = np.lexsort((ends[:, :, 0], ends[:, :, 1]), axis=1)
    ends = np.take_along_axis(ends, lower[:, :, None], axis=1)
    (x1, y1), (x2, y2) = ends[:, 0].T, ends[:, 1].T
    x, y = positions_m[:, :1], positions_m[:, 1:]
    abreast = (y1 <= y) & (y < y2)
    rise = np.where(y2 > y1, y2 - y1, 1.0)
    left = x < x1 + (y - y1) * (x2 - x1) / rise
    flags: Flags = (abreast & left).sum(axis=1) % 2 == 1
    return flags


def velocities_m_s(at_s: Floats, who: Whole, positions_m: Floats, over_s: float) -> Floats:
    """The velocity (N, 2) of each row: from where the same person was half of `over_s` before to
    where it is half of it later, as far as it was seen; NaN for who was seen once.

    Rows are of person `who` (N,) at `at_s` (N,) at `positions_m` (N, 2), in any order. `early_s`
    is how far times may be rounded.
    """
    order = np.lexsort((at_s, who))
    times, places = at_s[order], positions_m[order]
    # One axis of time on which persons lie apart: one search finds everybody's rows.
    number = np.unique(who[order], return_inverse=True)[1]
    begun = np.min(at_s, initial=0.0)
    apart_s = float(np.max(at_s, initial=0.0) - begun) + over_s + 1.0
    axis = number * apart_s + (times - begun)
    half_s = over_s / 2 + TIME_ROUNDING_S
    first = np.searchsorted(axis, axis - half_s)
    last = np.searchsorted(axis, axis + half_s, side="right") - 1
    took_s = (times[last] - times[first])[:, None]
    velocities: Floats = np.full((len(at_s), 2), np.nan)
    with np.errstate(invalid="ignore"):  # 0/0 of who was seen once
        velocities[order] = (places[last] - places[first]) / took_s
    return velocities


_POLYGON = 3  # shapely's number of the type


def _polygon(corners: Sequence[Point], what: str) -> Any:
    points = np.array([(corner.x_m, corner.y_m) for corner in corners]).reshape(-1, 2)
    if not np.isfinite(points).all():
        raise Misconfigured(f"a corner of {what} is no number", hint="give finite metres")
    if len(np.unique(points, axis=0)) < 3:
        raise Misconfigured(f"{what} has fewer than three corners", hint="as in a triangle")
    polygon = shapely.Polygon(points)
    if not shapely.is_valid(polygon):
        why = shapely.is_valid_reason(polygon)
        raise Misconfigured(
            f"{what} is not a simple polygon: {why}",
            hint="go around its corners once, without crossing an edge",
        )
    return polygon


def _ring(radius_m: float, edges: int) -> tuple[Floats, float]:
    """Corners (edges, 2) of the cut-off around (0, 0), and the radius that fits into it."""
    turns = 2 * math.pi * np.arange(edges) / edges
    corners = radius_m * np.column_stack([np.cos(turns), np.sin(turns)])
    return corners, radius_m * math.cos(math.pi / edges)


def _moved(shape: Any, origin: Floats) -> Any:
    return shapely.transform(shape, lambda corners: corners - origin)


def _surface(shape: Any) -> Any:
    """A shape without the lines and points in which polygons only touch."""
    pieces = shapely.get_parts(shape)
    return shapely.union_all(pieces[shapely.get_type_id(pieces) == _POLYGON])


def _piece_at(cell: Any, place: Floats) -> Any:
    """Of a cell that walls have cut to pieces, the one with its person."""
    pieces = shapely.get_parts(cell)
    pieces = pieces[shapely.get_type_id(pieces) == _POLYGON]
    if len(pieces) == 0:
        return cell
    return pieces[int(np.argmin(shapely.distance(pieces, shapely.Point(place))))]


def _middles(low: float, high: float, step: float) -> Floats:
    """Points every `step` that lie around the middle of `low` to `high`."""
    count = max(1, math.floor((high - low) / step + 1e-9))
    steps: Floats = np.arange(count, dtype=np.float64) - (count - 1) / 2
    return steps * step + (low + high) / 2


def _mean(values: Floats, weights: Floats) -> float | None:
    known = ~np.isnan(values) & (weights > 0.0)
    if not known.any():
        return None
    return float(np.average(values[known], weights=weights[known]))


def _variance(velocities: Floats, weights: Floats) -> float | None:
    """Of at least two people."""
    known = ~np.isnan(velocities).any(axis=1) & (weights > 0.0)
    if known.sum() < 2:
        return None
    mean = np.average(velocities[known], axis=0, weights=weights[known])
    off2 = ((velocities[known] - mean) ** 2).sum(axis=1)
    return float(np.average(off2, weights=weights[known]))
