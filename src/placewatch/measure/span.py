"""Span: how long vehicles take from one line to another inside one view, summed in windows.

Inside one view the same track passes both lines, so that nothing has to be guessed: its time is the
difference of two moments. They are forgotten with the track, or when it has arrived; what is kept
is, for each window of some minutes, how many went through and the sum of their seconds.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from placewatch.core.facts import Crossing
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import UtcMicros

Way = tuple[str, Direction]
"""A line, and which way it is crossed."""

SLOW_KINDS = frozenset({Kind.PEDESTRIAN, Kind.BICYCLE})  # their times are not those of the street
SPAN_WINDOW_S = 180  # a cycle of a signal or more: who waited together is in one window
SPAN_KEPT_S = 5400
SPAN_VEHICLES_MIN = 5  # of a window that is kept once it is over
SETTLED_S = 10  # after a window no crossing of it is told any more


@dataclass
class Spans:
    """The `ways` from one line to another that are timed in this view, of all but `SLOW_KINDS`.
    `user` is a number that lives as long as a road user is followed."""

    ways: tuple[tuple[Way, Way], ...] = ()
    _moments: dict[int, dict[Way, UtcMicros]] = field(default_factory=dict)
    _sums: dict[tuple[Way, Way], dict[int, tuple[int, int]]] = field(default_factory=dict)  # µs

    def passed(self, user: int, crossing: Crossing) -> None:
        """`user` passed a line. Which of the two is told first does not matter."""
        way = crossing.line, crossing.direction
        if not any(way in span for span in self.ways):
            return
        moments = self._moments.setdefault(user, {})
        moments[way] = crossing.at
        for span in self.ways:
            if way in span and all(one in moments for one in span):
                took_us = moments[span[1]] - moments[span[0]]
                if took_us > 0:
                    if crossing.kind not in SLOW_KINDS:
                        self._add(span, moments[span[1]], took_us)
                    del moments[span[0]]  # once around the block is a passage of its own

    def forget(self, user: int) -> None:
        """`user` is not followed any more."""
        self._moments.pop(user, None)

    def tidy(self, now: UtcMicros) -> None:
        """Forgets windows that are old, and those that are over and hold fewer than five."""
        second = now // 1_000_000
        for windows in self._sums.values():
            for window in list(windows):
                over = second >= (window + 1) * SPAN_WINDOW_S + SETTLED_S
                few = windows[window][0] < SPAN_VEHICLES_MIN
                if (over and few) or second - window * SPAN_WINDOW_S > SPAN_KEPT_S:
                    del windows[window]

    def windows(
        self, span: tuple[Way, Way], since: UtcMicros, seconds: int
    ) -> list[tuple[int, float]]:
        """How many arrived, and the sum of their seconds, in each window of the `seconds` from
        `since` on that holds anybody: what `view_time` takes."""
        first = since // 1_000_000 // SPAN_WINDOW_S
        kept = self._sums.get(span, {})
        numbers = range(first, first + seconds // SPAN_WINDOW_S)
        return [(kept[one][0], kept[one][1] / 1e6) for one in numbers if one in kept]

    def copy(self) -> "Spans":
        """The sums as they are now; of those who are under way nothing is in it."""
        return Spans(self.ways, {}, {span: dict(one) for span, one in self._sums.items()})

    def _add(self, span: tuple[Way, Way], at: UtcMicros, took_us: int) -> None:
        windows = self._sums.setdefault(span, {})
        window = at // 1_000_000 // SPAN_WINDOW_S
        count, sum_us = windows.get(window, (0, 0))
        windows[window] = count + 1, sum_us + took_us


def spans_of(ways: Iterable[tuple[Way, Way]]) -> Spans:
    """Spans for `ways`, each once."""
    return Spans(tuple(dict.fromkeys(ways)))
