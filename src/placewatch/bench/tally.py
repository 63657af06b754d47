"""Tally: counts against the truth, one road user at a time, not by totals that cancel errors."""

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from placewatch.bench.analysis import Boxes
from placewatch.core.kinds import MOTOR_VEHICLES, Direction, Kind

NEAR_S = 1.5
"""A crossing that is told this long before or after the true one is that one: a long vehicle is on
the line for as long, and where its middle is differs between whoever measures."""

MOMENT_S = 0.07
"""Of 25 frames a second two passes need not analyse the same; nearer than this they have a frame in
common, or neighbours."""

COVERED_SHARE = 0.5  # of the moments in which a road user was seen


class AnyCrossing(Protocol):
    """What a crossing has, true or told."""

    @property
    def media_s(self) -> float: ...
    @property
    def line(self) -> str: ...
    @property
    def direction(self) -> Direction: ...
    @property
    def kind(self) -> Kind: ...


@dataclass(frozen=True, slots=True)
class Tally:
    """Crossings that were found, missed and counted without there being any."""

    true: int
    found: int
    extra: int
    kind_right: int  # of those found

    @property
    def missed(self) -> int:
        return self.true - self.found

    @property
    def wrong(self) -> int:
        return self.missed + self.extra

    @property
    def share_wrong(self) -> float:
        """Missed and extra by true crossings; not bounded by 1."""
        return self.wrong / self.true if self.true else float(self.extra > 0)

    def __str__(self) -> str:
        return (
            f"{self.found} of {self.true} found, {self.extra} extra, {self.kind_right} kinds right"
        )


def tally(truth: Iterable[AnyCrossing], told: Iterable[AnyCrossing]) -> Tally:
    """Pairs true and told crossings of the same line and way, the nearest in time first."""
    left, right = list(truth), list(told)
    found = pairs(left, right)
    return Tally(
        len(left),
        len(found),
        len(right) - len(found),
        sum(left[i].kind is right[j].kind for i, j in found.items()),
    )


def pairs(truth: Sequence[AnyCrossing], told: Sequence[AnyCrossing]) -> dict[int, int]:
    """Which told crossing is which true one, by their places in the two lists: of the same line and
    way, at most `NEAR_S` apart, the nearest in time first."""
    near = sorted(
        (abs(a.media_s - b.media_s), i, j)
        for i, a in enumerate(truth)
        for j, b in enumerate(told)
        if a.line == b.line and a.direction is b.direction and abs(a.media_s - b.media_s) <= NEAR_S
    )
    found: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in near:
        if i not in found and j not in taken:
            found[i] = j
            taken.add(j)
    return found


def motor_vehicles(crossings: Iterable[AnyCrossing], lines: Iterable[str]) -> list[AnyCrossing]:
    """Those on lines that only motor vehicles pass, whatever kind they were taken for."""
    only = set(lines)
    return [crossing for crossing in crossings if crossing.line in only]


def lines_of_vehicles(truth: Sequence[AnyCrossing]) -> set[str]:
    """The lines that nobody but motor vehicles crosses."""
    return {one.line for one in truth} - {
        one.line for one in truth if one.kind not in MOTOR_VEHICLES
    }


def missed(reference: Iterable[Boxes], told: Iterable[Boxes]) -> int:
    """How many paths of the reference no told path covers for half of their time.

    A moment is covered where its box and the one nearest in time, told at most `MOMENT_S` before or
    after, overlap by 0.3 or more of their union. Paths are in order of time.
    """
    others = [(path, [at_s for at_s, *_ in path]) for path in told]
    return sum(
        not any(
            sum(_covers(other, times_s, moment) for moment in path) >= COVERED_SHARE * len(path)
            for other, times_s in others
        )
        for path in reference
    )


def _covers(
    path: Boxes, times_s: Sequence[float], moment: tuple[float, float, float, float, float]
) -> bool:
    at_s, *box = moment
    after = bisect.bisect_left(times_s, at_s)
    near = range(max(0, after - 1), min(len(path), after + 1))
    which = min(near, key=lambda index: abs(times_s[index] - at_s), default=None)
    if which is None or abs(times_s[which] - at_s) > MOMENT_S:
        return False
    return _overlap(box, path[which][1:]) >= 0.3


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes."""
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    if across <= 0 or down <= 0:
        return 0.0
    both = across * down
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)
