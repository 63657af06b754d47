"""Bins: counts of one place over a window, as other people's tools ask for them.

A bin is what minutes of facts add up to. Its peak hour and its peak hour factor are those of the
Highway Capacity Manual (HCM 2016, chapter 4): the four consecutive quarters of an hour with the
largest sum, and that sum by four times the largest of them.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import MINUTE_US, UtcMicros

QUARTER_US = 15 * MINUTE_US
WATCHED_SHARE_MIN = 0.95
"""A quarter of an hour of which less was watched cannot belong to a peak hour."""


@dataclass(frozen=True, slots=True)
class Bin:
    """How many of a kind passed one element of a view in [start, end), and how much was seen.

    An element is a counting line and one way over it (`movement` is then a direction, and an arm is
    named where the line lies across one: `from_arm` on the way in, `to_arm` on the way out), or a
    movement between two arms (`movement` is L, T, R or U where the arms' bearings are known, else
    empty). `count` is None, unknown, where nothing was seen; where `coverage_s` is less than the
    window it is of the part that was seen, and is not scaled up. `lo`, `hi`: its 95 % interval,
    where the facts say one.
    """

    site: str
    view: CameraId
    element: str
    movement: str
    from_arm: str | None
    to_arm: str | None
    kind: Kind
    start: UtcMicros
    end: UtcMicros
    count: int | None
    coverage_s: float
    lo: float | None = None
    hi: float | None = None
    speed_count: int = 0
    speed_m_s_mean: float | None = None  # time mean of spot speeds
    speed_m_s_p85: float | None = (
        None  # weighted mean of the minutes' 85th percentiles: an estimate
    )
    occupancy: float | None = (
        None  # share of the watched time in which vehicles of any kind covered the line this way
    )

    @property
    def window_s(self) -> float:
        return (self.end - self.start) / 1e6


@dataclass(frozen=True, slots=True)
class PeakHour:
    """The busiest hour: when it begins, its `volume`, and the four quarters that make it up."""

    start: UtcMicros
    quarters: tuple[int, int, int, int]

    @property
    def volume(self) -> int:
        return sum(self.quarters)

    @property
    def factor(self) -> float | None:
        """The peak hour factor, 0.25..1; None where nobody came."""
        return peak_hour_factor(self.quarters)


def peak_hour_factor(quarters: Iterable[int]) -> float | None:
    """V / (4 V15), 0.25..1, of the four quarters of an hour; None where nobody came."""
    counts = tuple(quarters)
    assert len(counts) == 4
    return sum(counts) / (4 * max(counts)) if any(counts) else None


def volumes(quarters: Iterable[Bin], kinds: frozenset[Kind]) -> dict[UtcMicros, int | None]:
    """What bins of a quarter of an hour add up to over these kinds, by their start: None, unknown,
    where one of them is unknown or too little of the quarter was watched."""
    found: dict[UtcMicros, int | None] = {}
    for one in quarters:
        if one.kind in kinds:
            before = found.get(one.start, 0)
            watched = one.coverage_s * 1e6 >= WATCHED_SHARE_MIN * QUARTER_US
            if before is None or one.count is None or not watched:
                found[one.start] = None
            else:
                found[one.start] = before + one.count
    return found


def peak_hour(quarters: Mapping[UtcMicros, int | None]) -> PeakHour | None:
    """The busiest hour of quarters of an hour, the first of equal ones; None where no hour was
    watched from end to end."""
    best: PeakHour | None = None
    for start in sorted(quarters):
        counts = [quarters.get(UtcMicros(start + step * QUARTER_US)) for step in range(4)]
        known = tuple(count for count in counts if count is not None)
        if len(known) == 4:
            hour = PeakHour(start, (known[0], known[1], known[2], known[3]))
            if best is None or hour.volume > best.volume:
                best = hour
    return best


Part = tuple[CameraId, str]  # a view and one of its lines


def screenline(name: str, bins: Iterable[Bin], reversed_: Mapping[Part, bool]) -> Iterator[Bin]:
    """What several lines add up to, as bins of an element `name` of no view: one for each window,
    kind and way. `bins` are of lines and in order of time; `reversed_` names the parts, and which
    of them were drawn the other way round.

    The sum is unknown, None, where one part was not watched at all; else it is of what was seen,
    and covered for as long as the part that was seen least. It has no speed.
    """
    back = {
        Direction.LEFT_TO_RIGHT.value: Direction.RIGHT_TO_LEFT.value,
        Direction.RIGHT_TO_LEFT.value: Direction.LEFT_TO_RIGHT.value,
    }
    for (start, end), window in itertools.groupby(bins, lambda one: (one.start, one.end)):
        found: dict[tuple[Kind, str], dict[Part, Bin]] = {}
        site = ""
        for one in window:
            part = one.view, one.element
            if part in reversed_ and one.movement in back:
                way = back[one.movement] if reversed_[part] else one.movement
                found.setdefault((one.kind, way), {})[part] = one
                site = one.site
        for (kind, way), parts in sorted(found.items(), key=lambda item: (item[0][1], item[0][0])):
            counts = [one.count for one in parts.values() if one.count is not None]
            whole = len(counts) == len(reversed_)
            yield Bin(
                site=site,
                view=CameraId(""),
                element=name,
                movement=way,
                from_arm=None,
                to_arm=None,
                kind=kind,
                start=start,
                end=end,
                count=sum(counts) if whole else None,
                coverage_s=min(one.coverage_s for one in parts.values()) if whole else 0.0,
            )
