"""Hotspot: where events of a period lie thickest, shown only where at least five made it so.

How this works. Places of events (mid-block crossings, conflicts) are rounded to half a metre as
they come, and only how many fell on each such spot is kept: no time, no kind, no order. At the end
of the period each cell of a grid gets the density of events around it, by a quartic kernel
(Silverman 1986, Density estimation, eq. 4.5 [M]): an event counts by (1 - d2/h2)2 within `reach_m`
of a cell's middle and not at all beyond it. So it is plain which events make a cell, and

- a cell is None unless at least `k_min` events lie within its reach; k is 5, never less;
- who is in no shown cell's reach leaves no trace: the grid is the same without it;
- densities are rounded to two digits, so that a cell cannot be taken apart into its events;
- a period is told once and forgotten, and periods do not overlap: of two grids that differ by one
  event nobody could be kept from subtracting them.

What it does not protect from: somebody who knows all other events of a shown cell learns that one
more was there. No density without noise does; the counts are of places, and of nobody.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from placewatch.core.errors import Misconfigured
from placewatch.core.space import Point
from placewatch.core.time import UtcMicros

Floats = npt.NDArray[np.float64]

ROUND_M = 0.5
K_MIN = 5
REACH_M = 5.0
DIGITS = 2
CELLS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Spot:
    """A cell where events lie thickest within its reach."""

    place: Point  # the middle of the cell
    per_m2: float


@dataclass(frozen=True, slots=True)
class HotSpots:
    """Density of the events of one period on a grid: rows from the south, each from the west.

    `per_m2` is None in a cell that fewer than `k_min` events lie within reach of. `left_out` says
    how many events lay outside the grid; it is None below `k_min`, as `events` is.
    """

    start: UtcMicros
    end: UtcMicros
    west_m: float
    south_m: float
    step_m: float
    reach_m: float
    k_min: int
    events: int | None
    left_out: int | None
    per_m2: tuple[tuple[float | None, ...], ...]

    def middle(self, row: int, column: int) -> Point:
        """The middle of a cell."""
        return Point(
            self.west_m + (column + 0.5) * self.step_m, self.south_m + (row + 0.5) * self.step_m
        )

    def top(self, count: int = 3) -> list[Spot]:
        """At most `count` spots, the densest first: cells that none beside them outdoes, and none
        in the reach of a denser spot."""
        shown = [
            (-value, row, column)
            for row, values in enumerate(self.per_m2)
            for column, value in enumerate(values)
            if value is not None and value >= self._most_around(row, column)
        ]
        spots: list[Spot] = []
        for value, row, column in sorted(shown):
            place = self.middle(row, column)
            if all(_away_m(place, spot.place) > self.reach_m for spot in spots):
                spots.append(Spot(place, -value))
                if len(spots) == count:
                    break
        return spots

    def _most_around(self, row: int, column: int) -> float:
        return max(
            value or 0.0
            for values in self.per_m2[max(0, row - 1) : row + 2]
            for value in values[max(0, column - 1) : column + 2]
        )


def overlap(one: Sequence[Spot], other: Sequence[Spot], within_m: float) -> float:
    """Jaccard overlap, 0..1, of two sets of spots: those that both have by those that either has.
    A spot of one is in the other if the other has one at most `within_m` away, each used once, the
    nearest first. 1 where both are empty."""
    offs = sorted(
        (_away_m(a.place, b.place), i, j)
        for i, a in enumerate(one)
        for j, b in enumerate(other)
        if _away_m(a.place, b.place) <= within_m
    )
    mine: set[int] = set()
    theirs: set[int] = set()
    for _, i, j in offs:
        if i not in mine and j not in theirs:
            mine.add(i)
            theirs.add(j)
    either = len(one) + len(other) - len(mine)
    return len(mine) / either if either else 1.0


@dataclass
class HotSpotMeter:
    """Gathers the places of events between two corners, `southwest` and `northeast`, in metres.

    Raises Misconfigured where they hold no cell or more than a million, or `k_min` is below 5.
    """

    southwest: Point
    northeast: Point
    start: UtcMicros
    step_m: float = 1.0
    reach_m: float = REACH_M
    k_min: int = K_MIN
    _spots: Counter[tuple[int, int]] = field(default_factory=Counter, init=False)
    _rows: int = field(init=False)
    _columns: int = field(init=False)

    def __post_init__(self) -> None:
        if self.k_min < K_MIN:
            raise Misconfigured(
                f"a hot spot of {self.k_min} events would show single ones",
                hint=f"k_min is {K_MIN} or more",
            )
        wide_m = self.northeast.x_m - self.southwest.x_m
        high_m = self.northeast.y_m - self.southwest.y_m
        fits = 0.0 < self.step_m < math.inf and ROUND_M <= self.reach_m < math.inf
        if not (fits and 0.0 < wide_m < math.inf and 0.0 < high_m < math.inf):
            raise Misconfigured(
                "the grid of hot spots is none",
                hint="its second corner lies north-east of its first, as in (0, 0) and (60, 20)",
            )
        self._columns = math.ceil(wide_m / self.step_m - 1e-9)
        self._rows = math.ceil(high_m / self.step_m - 1e-9)
        if self._rows * self._columns > CELLS_MAX:
            raise Misconfigured(
                f"the grid of hot spots has {self._rows * self._columns} cells",
                hint=f"a wider step than {self.step_m:g} m",
            )

    def add(self, places: Iterable[Point]) -> None:
        """Events, one place each. What is finer than half a metre is forgotten here and now."""
        for place in places:
            self._spots[round(place.x_m / ROUND_M), round(place.y_m / ROUND_M)] += 1

    def close(self, end: UtcMicros) -> HotSpots:
        """The hot spots of the period that ends at `end`. The next one begins there, from
        nothing."""
        places = np.array(list(self._spots), np.float64).reshape(-1, 2) * ROUND_M
        times = np.array(list(self._spots.values()), np.int64)
        corner = np.array([self.southwest.x_m, self.southwest.y_m])
        size = np.array([self._columns, self._rows]) * self.step_m
        inside = ((places >= corner) & (places <= corner + size)).all(axis=1)
        density, near = self._density(places, times)
        total, outside = int(times.sum()), int(times[~inside].sum())
        told = HotSpots(
            start=self.start,
            end=end,
            west_m=self.southwest.x_m,
            south_m=self.southwest.y_m,
            step_m=self.step_m,
            reach_m=self.reach_m,
            k_min=self.k_min,
            events=total if total >= self.k_min else None,
            left_out=outside if outside >= self.k_min else None,
            per_m2=tuple(
                tuple(
                    _rounded(value) if count >= self.k_min else None
                    for value, count in zip(values, counts, strict=True)
                )
                for values, counts in zip(density.tolist(), near.tolist(), strict=True)
            ),
        )
        self._spots = Counter()
        self.start = end
        return told

    def _density(self, places: Floats, times: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        """(R, C) density at the middle of each cell, and how many events are in its reach."""
        density, near = np.zeros((self._rows, self._columns)), np.zeros((self._rows, self._columns))
        x_m = self.southwest.x_m + (np.arange(self._columns) + 0.5) * self.step_m
        y_m = self.southwest.y_m + (np.arange(self._rows) + 0.5) * self.step_m
        # In one order, whatever came first: sums of floats depend on it.
        for number in np.lexsort(places.T).tolist():
            east, north = places[number]
            columns = slice(*np.searchsorted(x_m, (east - self.reach_m, east + self.reach_m)))
            rows = slice(*np.searchsorted(y_m, (north - self.reach_m, north + self.reach_m)))
            away2 = (x_m[None, columns] - east) ** 2 + (y_m[rows, None] - north) ** 2
            share = 1.0 - away2 / self.reach_m**2
            weight = np.where(share > 0.0, share, 0.0) ** 2
            density[rows, columns] += times[number] * weight
            near[rows, columns] += times[number] * (weight > 0.0)
        return density * 3.0 / (math.pi * self.reach_m**2), near


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _away_m(one: Point, other: Point) -> float:
    return math.hypot(one.x_m - other.x_m, one.y_m - other.y_m)
