"""Lanelet: a road as pieces of lane, each with a left and a right bound, and how they join.

A lanelet is driven one way, from its first points to its last (Bender, Ziegler and Stiller:
Lanelets: efficient map representation for autonomous driving. IEEE IV 2014). This is all that the
mode `crime` of the encounters asks of a road: on which lanelets somebody is, what lies before and
after them, which of them cross on a junction, and how far along a lane a place is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from placewatch.core.errors import Rejected

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

BESIDE_M = 20.0
"""Who is further beside the middle of a way is not on it."""

AROUND = 2  # lanelets before and after one, that make its way
CUT = 0.25  # of each side, from either end, where the corners of a way are rounded
OUT = 10.0  # of its last side, by which the end of one lanelet is drawn out
_STEP_M = 2.0  # between points of a way


@dataclass(frozen=True, slots=True, eq=False)
class Lanelet:
    """A piece of one lane. Bounds are (N, 2) each, N at least 2, metres east and north, in the
    direction of travel. The numbers of others need not be known ones: a map ends somewhere."""

    number: int
    left_m: Floats
    right_m: Floats
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    beside_left: int | None = None
    beside_right: int | None = None
    opposite_left: bool = False  # the lanelet beside it is driven the other way
    opposite_right: bool = False

    def __post_init__(self) -> None:
        shapes = {self.left_m.shape, self.right_m.shape}
        if len(shapes) > 1 or len(self.left_m) < 2 or self.left_m.shape[1:] != (2,):
            raise Rejected(
                f"lanelet {self.number} has bounds of {len(self.left_m)} and {len(self.right_m)} "
                "points: as many on either side are needed, two at least"
            )
        if not (np.isfinite(self.left_m).all() and np.isfinite(self.right_m).all()):
            raise Rejected(f"lanelet {self.number} has a point that is no number")

    @property
    def middle_m(self) -> Floats:
        """(N, 2)"""
        return 0.5 * (self.left_m + self.right_m)

    @property
    def shape(self) -> shapely.Polygon:
        return shapely.Polygon(np.concatenate([self.left_m, self.right_m[::-1]]))


class Way:
    """A line along a lane, through `points_m` (N, 2).

    Its direction turns evenly between two points, from the mean of the sides that meet at one to
    that at the next, and a place is where the line is seen squarely from (Héry, Xu and Bonnifait:
    Map-based curvilinear coordinates for autonomous vehicles. IEEE ITSC 2017). So who drives past a
    bend does not leap along the way.
    """

    def __init__(self, points_m: Floats) -> None:
        sides = np.diff(points_m, axis=0)
        self.points_m, self._sides = points_m, sides
        self._lengths_m = np.hypot(*sides.T)
        self._along_m = np.concatenate([[0.0], np.cumsum(self._lengths_m)])
        ahead = sides / np.maximum(self._lengths_m, 1e-12)[:, None]
        mean = np.concatenate([ahead[:1], ahead[:-1] + ahead[1:], ahead[-1:]])
        self._ahead = mean / np.maximum(np.hypot(*mean.T), 1e-12)[:, None]

    def place(self, x_m: Floats, y_m: Floats) -> tuple[Floats, Floats]:
        """Of points (M,): metres along the way, and its direction there, radians from east to
        north. Both NaN of points before it, after it, or too far beside."""
        off = np.stack([x_m, y_m], axis=-1)[:, None, :] - self.points_m[:-1]
        ahead, turn = self._ahead[:-1], np.diff(self._ahead, axis=0)
        # (off - share side) . (ahead + share turn) = 0, a parabola in the share of each side.
        constant = (off * ahead).sum(axis=-1)
        linear = (off * turn).sum(axis=-1) - (self._sides * ahead).sum(axis=-1)
        square = np.broadcast_to(-(self._sides * turn).sum(axis=-1), linear.shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            root = np.sqrt(linear**2 - 4.0 * square * constant)
            # The stable form, of which one holds for a straight side, too.
            half = -0.5 * (linear + np.copysign(root, linear))
            shares = np.stack([constant / half, half / square])
        shares[~np.isfinite(shares)] = -1.0
        away_m = np.hypot(*(off - shares[..., None] * self._sides).transpose(3, 0, 1, 2))
        slack = 1e-6
        away_m[~((shares >= -slack) & (shares <= 1.0 + slack))] = np.inf
        away_m = away_m.transpose(1, 0, 2).reshape(len(x_m), -1)
        nearest = away_m.argmin(axis=1)
        row, side = np.arange(len(x_m)), nearest % len(self._sides)
        share = np.clip(shares.transpose(1, 0, 2).reshape(len(x_m), -1)[row, nearest], 0.0, 1.0)
        along: Floats = self._along_m[side] + share * self._lengths_m[side]
        points = ahead[side] + share[:, None] * turn[side]
        heading: Floats = np.arctan2(points[:, 1], points[:, 0])
        out = ~(away_m[row, nearest] <= BESIDE_M)
        along[out] = heading[out] = np.nan
        return along, heading


class LaneMap:
    """All lanelets of a place. `arms` says of a lanelet that leads onto a junction, by which arm of
    it: two by the same arm come from one road. `turns` are the lanelets on junctions."""

    def __init__(
        self,
        lanelets: Iterable[Lanelet],
        arms: Mapping[int, int] | None = None,
        turns: Iterable[int] = (),
    ) -> None:
        self.lanelets = {one.number: one for one in lanelets}
        self.arms = dict(arms or {})
        self.turns = frozenset(turns) & frozenset(self.lanelets)
        self.numbers = list(self.lanelets)
        self.shapes = [one.shape for one in self.lanelets.values()]
        self._tree = shapely.STRtree(self.shapes)
        self._ways: dict[int, Way] = {}
        self._drawn_out: dict[int, Way] = {}
        self._shape_of = dict(zip(self.numbers, self.shapes, strict=True))

    def __len__(self) -> int:
        return len(self.lanelets)

    def at(self, x_m: Floats, y_m: Floats) -> list[list[int]]:
        """The lanelets in which each of the points (M,) lies, in no order."""
        return self._found(shapely.points(x_m, y_m), len(x_m))

    def under(self, corners_m: Floats) -> list[list[int]]:
        """The lanelets that each of the shapes (M, N, 2) touches."""
        return self._found(shapely.polygons(corners_m), len(corners_m))

    def joined(self, numbers: Iterable[int]) -> frozenset[int]:
        """`numbers`, with all that lie just before and just after."""
        found = set(numbers)
        for number in list(found):
            one = self.lanelets[number]
            found.update(one.before)
            found.update(one.after)
        return frozenset(found)

    def best(self, numbers: Iterable[int], x_m: float, y_m: float, turn_rad: float) -> int | None:
        """Which of the lanelets `numbers` somebody drives along who points that way."""

        def off(number: int) -> float:
            middle = Way(self.lanelets[number].middle_m)
            _, turn = middle.place(np.array([x_m]), np.array([y_m]))
            if np.isnan(turn[0]):
                return np.inf
            return abs((turn_rad - float(turn[0]) + np.pi) % (2 * np.pi) - np.pi)

        return min(numbers, key=lambda number: (off(number), number), default=None)

    def way(self, number: int) -> Way:
        """Along the middle of a lanelet and of `AROUND` others before it and after it, the first
        named where there are several; its corners are rounded."""
        known = self._ways.get(number)
        if known is not None:
            return known
        parts = [self.lanelets[number].middle_m]
        for later in (False, True):
            at = self.lanelets[number]
            for _ in range(AROUND):
                ahead = at.after if later else at.before
                if not ahead or ahead[0] not in self.lanelets:
                    break
                at = self.lanelets[ahead[0]]
                parts = [*parts, at.middle_m] if later else [at.middle_m, *parts]
        way = self._ways[number] = Way(_even(_rounded(np.concatenate(parts))))
        return way

    def drawn_out(self, number: int) -> Way:
        """Along the middle of one lanelet alone, which goes on straight at its ends."""
        known = self._drawn_out.get(number)
        if known is not None:
            return known
        middle = self.lanelets[number].middle_m
        before, after = middle[0] - middle[1], middle[-1] - middle[-2]
        ends = middle[:1] + before, middle[-1:] + OUT * after
        way = self._drawn_out[number] = Way(_even(np.concatenate([ends[0], middle, ends[1]])))
        return way

    def shared(self, one: int, other: int) -> Any:
        """What two lanelets have in common: a shapely geometry, which may be empty."""
        return self._shape_of[one].intersection(self._shape_of[other])

    def arm_of(self, number: int) -> tuple[bool, int | None]:
        """By which arm one comes onto the junction on which a lanelet lies; (False, None) where
        none leads there, and (True, None) where what leads there is of no arm."""
        seen = set()
        while number in self.turns:
            seen.add(number)
            before = self.lanelets[number].before
            if not before or before[0] in seen or before[0] not in self.lanelets:
                return False, None
            number = before[0]
        return True, self.arms.get(number)

    def _found(self, shapes: Any, count: int) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in range(count)]
        for row, number in zip(*self._tree.query(shapes, predicate="intersects"), strict=True):
            found[int(row)].append(self.numbers[int(number)])
        return found


def _rounded(points_m: Floats) -> Floats:
    """A line whose corners are cut once (Chaikin 1974); it begins and ends where it did."""
    first, last = points_m[:-1], points_m[1:]
    cut = np.stack([first + CUT * (last - first), last - CUT * (last - first)], axis=1)
    return np.concatenate([points_m[:1], cut.reshape(-1, 2), points_m[-1:]])


def _even(points_m: Floats) -> Floats:
    """The same line by points of about `_STEP_M`, evenly."""
    along_m = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points_m, axis=0).T))])
    at_m = np.linspace(0.0, along_m[-1], max(2, int(np.ceil(along_m[-1] / _STEP_M + 1))))
    return np.column_stack([np.interp(at_m, along_m, points_m[:, axis]) for axis in (0, 1)])
