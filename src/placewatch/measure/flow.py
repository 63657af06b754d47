"""Flow: who crosses which line, minute by minute, and how much of each minute was seen.

How this works. Every road user in the scene has a walk, the last two seconds of its path, and a
passage of each line (see walk.py, line.py). One that ends is remembered for a moment, so that a
road user whose track breaks and is taken up again where it must be by now goes on with what was
known of it: it counts neither twice nor never. Then it is forgotten.

Crossings and seen time are booked into open minutes. `close_minutes` closes those that ended
`GRACE_S` ago; that is longer than a crossing needs to settle while somebody moves. Who stood on
the line for longer counts in the oldest minute still open, though `Crossing.at` tells the moment
itself. Frames that arrive for a closed minute open it again: its rows add up.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from placewatch.core.facts import Crossing, LineCount
from placewatch.core.ids import CameraId, TrackId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import MINUTE_US, UtcMicros, minute_of
from placewatch.measure.line import CountingLine, Passage, Passing
from placewatch.measure.scene import Mover, Scene, Step
from placewatch.measure.stage import size_of, speed_m_s
from placewatch.measure.walk import TAKEN_UP_SIZES, Walk

# Frames further apart: what happened between them was not watched. Sleeping cameras, which are
# seen by their key frames and the sizes of all packets, have those two seconds apart, and jitter.
UNSEEN_AFTER_S = 2.1
GRACE_S = 5.0  # a minute stays open for late frames and crossings that settle
SPOT_S = 0.4  # the spot speed is that of the path this long before and after the line
SPEEDS_FOR_P85 = 5
DAY_US = 1440 * MINUTE_US

Cell = tuple[str, Kind, Direction]


@dataclass(frozen=True, slots=True)
class LineTotals:
    """One line's counters: every kind with its number."""

    name: str
    left_to_right: dict[Kind, int]
    right_to_left: dict[Kind, int]
    speed_m_s_p85: float | None


@dataclass(frozen=True, slots=True)
class Totals:
    """What was counted since 00:00 UTC, or since the start where that is later."""

    since: UtcMicros
    lines: tuple[LineTotals, ...]


@dataclass
class _RoadUser:
    """One road user of the scene: its walk, and its passage of each line."""

    walk: Walk
    passages: list[Passage]
    kind: Kind


@dataclass
class _Minute:
    seen_us: int = 0
    counts: dict[Cell, int] = field(default_factory=dict)
    speeds: dict[Cell, list[float]] = field(default_factory=dict)


class FlowMeter:
    """Counts the road users of one camera over its lines, and keeps minutes of it.

    `start` is when watching began: the minute it lies in is the first that is reported. All
    memory is of the last seconds, the open minutes, and today's totals.
    """

    def __init__(self, camera: CameraId, lines: Sequence[CountingLine], start: UtcMicros) -> None:
        self.camera = camera
        self.lines = tuple(lines)
        self._present: dict[TrackId, _RoadUser] = {}
        self._ended: list[_RoadUser] = []
        self._last: Scene | None = None
        self._minutes: dict[UtcMicros, _Minute] = {}
        self._first_open = minute_of(start)  # the oldest minute not yet reported
        self._since = start
        self._today = self._nothing_counted()

    def measure(self, scene: Scene) -> list[Crossing]:
        """The crossings that `scene` settles. Scenes come in order, and also when empty."""
        last, self._last = self._last, scene
        crossings: list[Crossing] = []
        self._start_day(scene.at)
        if last is None or scene.after_gap or scene.at - last.at > UNSEEN_AFTER_S * 1e6:
            crossings += self._leave()
        else:
            self._watched(last.at, scene.at)

        present = {mover.track for mover in scene.movers}
        for track in [track for track in self._present if track not in present]:
            crossings += self._end(self._present.pop(track))
        self._ended = [u for u in self._ended if not u.walk.is_forgotten(scene.media_s)]

        for mover in scene.movers:
            crossings += self._follow(mover, scene)
        for crossing in crossings:
            self._book(crossing)
        return crossings

    def leave(self) -> list[Crossing]:
        """The view is lost, or the recording ends: every path ends here. What that settles."""
        crossings = self._leave()
        for crossing in crossings:
            self._book(crossing)
        self._last = None
        return crossings

    def close_minutes(self, before: UtcMicros) -> list[LineCount]:
        """All minutes that ended `GRACE_S` before `before` and were not reported yet.

        A minute in which nothing was seen is among them: unknown, not zero.
        """
        self._start_day(before)
        end = minute_of(UtcMicros(before - round(GRACE_S * 1e6)))
        return self._report(end)

    def close(self, at: UtcMicros) -> list[LineCount]:
        """All minutes to the one that `at` lies in, with what was seen of it: the last report.

        Whoever goes on, perhaps after a restart, adds rows to that minute.
        """
        return self._report(UtcMicros(minute_of(at) + MINUTE_US))

    def totals(self) -> Totals:
        """Today's counters."""
        lines = []
        for line in self.lines:
            ways = {
                way: {kind: self._today.counts[line.name, kind, way] for kind in Kind}
                for way in Direction
            }
            speeds = [
                speed
                for kind in Kind
                for way in Direction
                for speed in self._today.speeds[line.name, kind, way]
            ]
            lines.append(
                LineTotals(
                    line.name,
                    ways[Direction.LEFT_TO_RIGHT],
                    ways[Direction.RIGHT_TO_LEFT],
                    _p85(speeds),
                )
            )
        return Totals(self._since, tuple(lines))

    def _follow(self, mover: Mover, scene: Scene) -> list[Crossing]:
        steps = [*mover.before, _step(mover, scene)] if mover.seen else list(mover.before)
        user = self._present.get(mover.track)
        if user is None:
            if not steps:
                return []
            user = self._taken_up(steps[0]) or _RoadUser(
                Walk(), [Passage(line) for line in self.lines], mover.kind
            )
            self._present[mover.track] = user
        user.kind = mover.kind
        return [
            crossing for step in steps if user.walk.add(step) for crossing in self._passed(user)
        ]

    def _passed(self, user: _RoadUser) -> list[Crossing]:
        return [
            self._crossing(passage.line, user, passing)
            for passage in user.passages
            if (passing := passage.step(user.walk.path)) is not None
        ]

    def _end(self, user: _RoadUser) -> list[Crossing]:
        crossings = self._passed(user) if user.walk.end() else []
        crossings += [
            self._crossing(passage.line, user, passing)
            for passage in user.passages
            if (passing := passage.end(user.walk.path)) is not None
        ]
        self._ended.append(user)
        return crossings

    def _leave(self) -> list[Crossing]:
        crossings = [crossing for user in self._present.values() for crossing in self._end(user)]
        self._present.clear()
        self._ended.clear()
        return crossings

    def _taken_up(self, step: Step) -> _RoadUser | None:
        """The ended road user that must be where `step` is by now; it goes on."""
        offs = [(user.walk.sizes_off(step), index) for index, user in enumerate(self._ended)]
        nearest = min(offs, default=(math.inf, 0))
        return self._ended.pop(nearest[1]) if nearest[0] <= TAKEN_UP_SIZES else None

    def _crossing(self, line: CountingLine, user: _RoadUser, passing: Passing) -> Crossing:
        around = [step for step in user.walk.path if abs(step.media_s - passing.media_s) <= SPOT_S]
        return Crossing(
            at=passing.at,
            media_s=passing.media_s,
            frame=passing.frame,
            camera=self.camera,
            line=line.name,
            kind=user.kind,
            direction=passing.direction,
            speed_m_s=speed_m_s(around),
        )

    def _watched(self, since: UtcMicros, until: UtcMicros) -> None:
        while since < until:
            minute = minute_of(since)
            end = min(until, UtcMicros(minute + MINUTE_US))
            self._minutes.setdefault(minute, _Minute()).seen_us += end - since
            since = end

    def _book(self, crossing: Crossing) -> None:
        minute = minute_of(crossing.at)
        if minute < self._first_open and minute not in self._minutes:
            minute = min(self._minutes, default=self._first_open)
        cell = crossing.line, crossing.kind, crossing.direction
        books = [self._minutes.setdefault(minute, _Minute())]
        if crossing.at >= self._since:
            books.append(self._today)
        for book in books:
            book.counts[cell] = book.counts.get(cell, 0) + 1
            if crossing.speed_m_s is not None:
                book.speeds.setdefault(cell, []).append(crossing.speed_m_s)

    def _report(self, end: UtcMicros) -> list[LineCount]:
        due = set(range(self._first_open, end, MINUTE_US))
        due |= {minute for minute in self._minutes if minute < end}
        self._first_open = max(self._first_open, end)
        return [
            self._row(UtcMicros(minute), book, line.name, kind, way)
            for minute in sorted(due)
            for book in [self._minutes.pop(UtcMicros(minute), _Minute())]
            for line in self.lines
            for kind in Kind
            for way in Direction
        ]

    def _row(
        self, at: UtcMicros, book: _Minute, line: str, kind: Kind, direction: Direction
    ) -> LineCount:
        count: int | None = book.counts.get((line, kind, direction), 0)
        if book.seen_us == 0 and not count:
            count = None
        speeds = book.speeds.get((line, kind, direction), [])
        return LineCount(
            at=at,
            window_s=60.0,
            coverage_s=book.seen_us / 1e6,
            camera=self.camera,
            line=line,
            kind=kind,
            direction=direction,
            count=count,
            speed_count=len(speeds),
            speed_m_s_mean=sum(speeds) / len(speeds) if speeds else None,
            speed_m_s_p85=_p85(speeds),
        )

    def _start_day(self, at: UtcMicros) -> None:
        midnight = UtcMicros(at - at % DAY_US)
        if midnight > self._since:
            self._since, self._today = midnight, self._nothing_counted()

    def _nothing_counted(self) -> _Minute:
        cells = [
            (line.name, kind, way) for line in self.lines for kind in Kind for way in Direction
        ]
        return _Minute(counts=dict.fromkeys(cells, 0), speeds={cell: [] for cell in cells})


def _step(mover: Mover, scene: Scene) -> Step:
    return Step(
        scene.at,
        scene.media_s,
        scene.frame,
        mover.anchor.x_px,
        mover.anchor.y_px,
        size_of(mover.box),
        mover.point,
    )


def _p85(speeds: list[float]) -> float | None:
    return float(np.percentile(speeds, 85)) if len(speeds) >= SPEEDS_FOR_P85 else None
