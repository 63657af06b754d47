"""Headway: how vehicles follow each other over a line, and in which bands of speed.

How this works. Of the open minutes every passing of a line is kept: when, what kind, how fast. When
a minute closes they stand in order of time, and the time from the front of each to that of the next
is known, as well as from the rear of the one before, by the usual length of its kind and its speed.
Over a break in watching, in which somebody may have passed unseen, nothing is known.
"""

import bisect
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from placewatch.core.facts import Crossing, LineFlow, SpeedCount
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import UtcMicros
from placewatch.measure.size import USUAL_SIZES_M

SPEED_BAND_M_S = 0.5
FREE_S = 5.0  # with nobody less than this ahead a driver goes as fast as he likes
SLOWEST_M_S = 0.5  # whoever passes a line moves; slower is taken for this
WINDOW_S = 60.0

Way = tuple[str, Direction]


class Passed(NamedTuple):
    """A vehicle passed a line."""

    at: UtcMicros
    kind: Kind
    speed_m_s: float | None


@dataclass(slots=True)
class Minute:
    """Who passed which line which way in a minute."""

    passed: dict[Way, list[Passed]] = field(default_factory=dict)

    def add(self, crossing: Crossing) -> None:
        one = Passed(crossing.at, crossing.kind, crossing.speed_m_s)
        self.passed.setdefault((crossing.line, crossing.direction), []).append(one)


class Headways:
    """Tells of closed minutes how vehicles followed each other. It remembers the last of each line
    and way, and when watching began anew."""

    def __init__(self, camera: CameraId, lines: Sequence[str], start: UtcMicros) -> None:
        self._camera = camera
        self._ways = [(line, direction) for line in lines for direction in Direction]
        self._begins: list[UtcMicros] = [start]  # of watching; the newest of closed minutes is kept
        self._last: dict[Way, Passed] = {}

    def begin(self, at: UtcMicros) -> None:
        """Watching begins anew at `at`: nothing is known of just before."""
        bisect.insort(self._begins, at)

    def close(
        self, at: UtcMicros, minute: Minute, coverage_s: float
    ) -> list[LineFlow | SpeedCount]:
        """The facts of the minute that began at `at`, which is over."""
        told: list[LineFlow | SpeedCount] = []
        for way in self._ways:
            told += self._way(at, way, sorted(minute.passed.get(way, ())), coverage_s)
        over = bisect.bisect_right(self._begins, at) - 1
        del self._begins[: max(0, over)]
        return told

    def _way(
        self, at: UtcMicros, way: Way, passed: list[Passed], coverage_s: float
    ) -> list[LineFlow | SpeedCount]:
        bands: Counter[tuple[Kind, bool, int]] = Counter()
        headways_s: list[float] = []
        gaps_s: list[float] = []
        speeds_m_s: list[float] = []
        occupied_s = 0.0
        vehicles = 0
        for one in passed:
            free, ahead_s, gap_s = False, None, None
            if one.kind is not Kind.PEDESTRIAN:
                free, ahead_s, gap_s = self._follow(way, one)
                vehicles += 1
            headways_s += [] if ahead_s is None else [ahead_s]
            gaps_s += [] if gap_s is None else [gap_s]
            if one.speed_m_s is None:
                continue
            bands[one.kind, free, math.floor(one.speed_m_s / SPEED_BAND_M_S)] += 1
            if one.kind is not Kind.PEDESTRIAN:
                speeds_m_s.append(max(one.speed_m_s, SLOWEST_M_S))
                occupied_s += _covers_s(one)
        line, direction = way
        flow = LineFlow(
            at=at,
            window_s=WINDOW_S,
            coverage_s=coverage_s,
            camera=self._camera,
            line=line,
            direction=direction,
            vehicles=vehicles if coverage_s or vehicles else None,
            headway_count=len(headways_s),
            headway_s_mean=_mean(headways_s),
            gap_count=len(gaps_s),
            gap_s_mean=_mean(gaps_s),
            speed_count=len(speeds_m_s),
            speed_m_s_time_mean=_mean(speeds_m_s),
            speed_m_s_space_mean=_harmonic_mean(speeds_m_s),
            occupied_s=occupied_s if speeds_m_s else None,
        )
        counts = [
            SpeedCount(
                at=at,
                window_s=WINDOW_S,
                coverage_s=coverage_s,
                camera=self._camera,
                line=line,
                kind=kind,
                direction=direction,
                free=free,
                speed_m_s_from=band * SPEED_BAND_M_S,
                speed_m_s_to=(band + 1) * SPEED_BAND_M_S,
                count=count,
            )
            for (kind, free, band), count in sorted(bands.items())
        ]
        return [flow, *counts]

    def _follow(self, way: Way, one: Passed) -> tuple[bool, float | None, float | None]:
        """Whether `one` was free; its headway and its gap, s, where they are known."""
        before, self._last[way] = self._last.get(way), one
        began = self._begins[max(0, bisect.bisect_right(self._begins, one.at) - 1)]
        if before is not None and before.at > one.at:  # frames of a minute that was closed before
            self._last[way] = before
            return False, None, None
        if before is None or before.at < began:
            return (one.at - began) / 1e6 >= FREE_S, None, None
        ahead_s = (one.at - before.at) / 1e6
        gap_s = None if before.speed_m_s is None else max(0.0, ahead_s - _covers_s(before))
        return ahead_s >= FREE_S, ahead_s, gap_s


def _covers_s(one: Passed) -> float:
    """How long a vehicle covers the line."""
    assert one.speed_m_s is not None
    return USUAL_SIZES_M[one.kind][0] / max(one.speed_m_s, SLOWEST_M_S)


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _harmonic_mean(values: list[float]) -> float | None:
    return len(values) / sum(1.0 / value for value in values) if values else None
