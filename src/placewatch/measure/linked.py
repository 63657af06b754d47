"""Linked: what a view tells of its lines at which links to other places begin or end.

How this works. For each such line, one way, it counts in every second how many vehicles
crossed, of no kind and of no track, and how much of the second was watched. Of that it keeps the
last hour and a half in memory, and nothing on a disk. Five minutes in which fewer than five crossed
are emptied as soon as they are over: nobody is alone in what is kept. A second that was not watched
is unknown, not empty.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from placewatch.core.facts import Crossing
from placewatch.core.time import UtcMicros
from placewatch.measure.flow import UNSEEN_AFTER_S
from placewatch.measure.span import SETTLED_S, SLOW_KINDS, Spans, Way, spans_of

if TYPE_CHECKING:
    from placewatch.measure.journey import CrossingSeries

KEPT_S = 5400
FEW_WINDOW_S = 300  # as in measure/journey.py, from which a series is refused
FEW_VEHICLES_MIN = 5  # otherwise, too
SECOND_US = 1_000_000


class LinkedLines:
    """The last hour and a half of some `ways` over lines, and of `spans` from one to another."""

    def __init__(self, ways: Iterable[Way] = (), spans: Iterable[tuple[Way, Way]] = ()) -> None:
        self.ways = tuple(dict.fromkeys(ways))
        self.spans: Spans = spans_of(spans)
        self._rows = {way: row for row, way in enumerate(self.ways)}
        self._counts: npt.NDArray[np.int64] = np.zeros((len(self.ways), KEPT_S), np.int64)
        self._watched_us: npt.NDArray[np.int64] = np.zeros(KEPT_S, np.int64)
        self._newest = -1  # the last second that has a place
        self._emptied = -1  # the last window of which it was looked whether they are few
        self._last: UtcMicros | None = None

    def measure(self, at: UtcMicros, after_gap: bool, crossings: Sequence[Crossing]) -> None:
        """A scene at `at`, and the crossings that are told with it."""
        if not self.ways and not self.spans.ways:
            return
        last, self._last = self._last, at
        self._advance(at // SECOND_US)
        if last is not None and not after_gap and 0 < at - last <= UNSEEN_AFTER_S * 1e6:
            self._watch(last, at)
        self._cross(crossings)

    def leave(self, crossings: Sequence[Crossing]) -> None:
        """The view is lost; these are told at its end."""
        self._last = None
        self._cross(crossings)

    def series(self, camera: str, way: Way, since: UtcMicros, seconds: int) -> "CrossingSeries":
        """How many crossed in each of the `seconds` from `since` on, which begins a window of five
        minutes. What is not kept is unknown."""
        from placewatch.measure.journey import CrossingSeries  # SciPy loads when it is asked

        assert since % (FEW_WINDOW_S * SECOND_US) == 0, "whoever is few is few in these windows"
        places, kept = self._places(since, seconds)
        row = self._rows.get(way)
        counts = np.zeros(seconds, np.int64)
        if row is not None:
            counts[kept] = self._counts[row, places]
        watched_s = self.watched_s(since, seconds) if row is not None else (0.0,) * seconds
        name = f"{camera}/{way[0]}, {way[1]}"[:200]
        return CrossingSeries(name, since, 1.0, tuple(counts.tolist()), watched_s)

    def watched_s(self, since: UtcMicros, seconds: int) -> tuple[float, ...]:
        """How much of each of the `seconds` from `since` on was watched, 0..1."""
        places, kept = self._places(since, seconds)
        watched = np.zeros(seconds)
        watched[kept] = np.minimum(self._watched_us[places] / SECOND_US, 1.0)
        return tuple(watched.tolist())

    def copy(self) -> "LinkedLines":
        """What is known now; it does not change any more."""
        other = LinkedLines(self.ways)
        other.spans = self.spans.copy()
        other._counts, other._watched_us = self._counts.copy(), self._watched_us.copy()
        other._newest = self._newest
        return other

    def rewired(self, ways: Iterable[Way]) -> "LinkedLines":
        """The same for other `ways`, with the spans as they are. What is known stays where all of
        them were known; with a new one all begin anew, since seconds before it are unknown of it.
        """
        other = LinkedLines(ways)
        other.spans = self.spans
        if all(way in self._rows for way in other.ways):
            other._watched_us, other._newest = self._watched_us, self._newest
            other._emptied, other._last = self._emptied, self._last
            for way, row in other._rows.items():
                other._counts[row] = self._counts[self._rows[way]]
        return other

    def _places(self, since: UtcMicros, seconds: int) -> tuple[npt.NDArray[np.int64], slice]:
        """Where the seconds that are kept lie in the ring, and which they are of those asked."""
        first = since // SECOND_US
        begin = max(first, self._newest - KEPT_S + 1, 0)
        end = max(begin, min(first + seconds, self._newest + 1))
        return np.arange(begin, end) % KEPT_S, slice(begin - first, end - first)

    def _advance(self, second: int) -> None:
        if second <= self._newest:
            return
        fresh = np.arange(max(self._newest + 1, second - KEPT_S + 1), second + 1) % KEPT_S
        self._counts[:, fresh] = 0
        self._watched_us[fresh] = 0
        self._newest = second
        over = (second - SETTLED_S) // FEW_WINDOW_S - 1  # the last window that is over
        if over > self._emptied:
            oldest = (second - KEPT_S) // FEW_WINDOW_S + 1
            for window in range(max(self._emptied + 1, oldest, 0), over + 1):
                self._empty_few(window)
            self._emptied = over
        self.spans.tidy(UtcMicros(second * SECOND_US))

    def _empty_few(self, window: int) -> None:
        begin = window * FEW_WINDOW_S
        places = np.arange(begin, begin + FEW_WINDOW_S) % KEPT_S
        few = self._counts[:, places].sum(axis=1) < FEW_VEHICLES_MIN
        self._counts[np.ix_(few, places)] = 0

    def _watch(self, since: UtcMicros, until: UtcMicros) -> None:
        while since < until:
            second = since // SECOND_US
            end = min(until, UtcMicros((second + 1) * SECOND_US))
            self._watched_us[second % KEPT_S] += end - since
            since = end

    def _cross(self, crossings: Sequence[Crossing]) -> None:
        for one in crossings:
            row = self._rows.get((one.line, one.direction))
            second = one.at // SECOND_US
            # Who stood on a line is told when it is over: too late for a window that was emptied.
            late = second // FEW_WINDOW_S <= self._emptied
            if row is None or one.kind in SLOW_KINDS or late:
                continue
            if self._newest - KEPT_S < second <= self._newest:
                self._counts[row, second % KEPT_S] += 1
