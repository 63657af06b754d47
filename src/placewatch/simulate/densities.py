"""Densities: how many people are in each area of a place, each second."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from placewatch.core.kinds import NUMBER_OF, Kind
from placewatch.simulate.crowd import Area, inside, surface_m2
from placewatch.simulate.sumo import Everybody, Piece

_PERSON = NUMBER_OF[Kind.PEDESTRIAN]


@dataclass
class Densities:
    """The people in `areas` at each whole second. Pieces come in order.

    `rows` are (seconds, area, people, people a square metre): the classic density, heads by ground
    (Steffen and Seyfried 2010, Physica A 389, 1902).
    Of a step that hits no whole second the first one after it counts.
    """

    COLUMNS: ClassVar = ("at_s", "area", "people", "per_m2")

    areas: Sequence[Area]
    rows: list[tuple[float, str, int, float]] = field(default_factory=list, init=False)
    _next_s: float = field(default=0.0, init=False)

    def look(self, piece: Piece, everybody: Everybody) -> None:
        if not self.areas:
            return
        wanted = []
        for at_s in piece.moments_s.tolist():
            if at_s >= self._next_s - 1e-6:
                wanted.append(at_s)
                self._next_s = np.floor(at_s + 1e-6) + 1.0
        if not wanted:
            return
        x_m, y_m = piece.middles_m(everybody.lengths_m())
        people = everybody.kind_numbers()[piece.who] == _PERSON if len(piece) else piece.who == 0
        begins = np.searchsorted(piece.at_s, wanted)
        ends = np.searchsorted(piece.at_s, wanted, side="right")
        for at_s, begin, end in zip(wanted, begins, ends, strict=True):
            rows = np.flatnonzero(people[begin:end]) + begin
            for area in self.areas:
                count = int(inside(area.corners, x_m[rows], y_m[rows]).sum())
                self.rows.append((at_s, area.name, count, count / surface_m2(area.corners)))
