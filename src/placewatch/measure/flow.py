"""Flow: who crosses which line, minute by minute, and how much of each minute was seen.

How this works. Every road user in the scene has a walk, the last two seconds of its path, and a
passage of each line (see walk.py, line.py), as rows of numbers; all of a scene are followed in one
compiled call. One that ends is remembered for a moment, so that a road user whose track breaks and
is taken up again where it must be by now goes on with what was known of it: it counts neither twice
nor never. Then it is forgotten. A crossing is told a moment after it settled, since the kind of a
road user becomes surer with every look: `KIND_S` later, `UNKNOWN_S` where nothing is known of it,
or when its path ends.

Crossings and seen time are booked into open minutes. `close_minutes` closes those that ended
`GRACE_S` ago; that is longer than a crossing needs to settle while somebody moves. Who stood on
the line for longer counts in the oldest minute still open, though `Crossing.at` tells the moment
itself. Frames that arrive for a closed minute open it again: its rows add up.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.facts import (
    Crossing,
    LineCount,
    LineFlow,
    Movement,
    MovementCount,
    SpeedCount,
)
from placewatch.core.ids import CameraId, TrackId
from placewatch.core.kinds import KINDS, Direction, Kind
from placewatch.core.time import MINUTE_US, UtcMicros, minute_of
from placewatch.measure import headway
from placewatch.measure.course import Courses, look
from placewatch.measure.line import (
    LINE_COLUMNS,
    PASSAGE_COLUMNS,
    CountingLine,
    end_at,
    passing_of,
    step_over,
)
from placewatch.measure.movement import PARTED_S, Arms, Origins
from placewatch.measure.scene import (
    EAST,
    KIND,
    NORTH,
    SEEN,
    SIZE,
    STEP_AT,
    STEP_COLUMNS,
    STEP_EAST,
    STEP_FRAME,
    STEP_NORTH,
    STEP_S,
    STEP_SIZE,
    STEP_X,
    STEP_Y,
    Movers,
    Scene,
    X,
    Y,
    row_of,
)
from placewatch.measure.span import Spans
from placewatch.measure.stage import longer, spot_speed_m_s
from placewatch.measure.walk import (
    PATH_STEPS_MAX,
    STEPS,
    TAKEN_UP_SIZES,
    WALK_COLUMNS,
    add_step,
    approach_of,
    end_walk,
    has_stood,
    is_forgotten,
    is_underway,
    sizes_off,
    velocity_px_s,
)
from placewatch.measure.ways import place_of

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

# Frames further apart: what happened between them was not watched. Sleeping cameras, which are
# seen by their key frames and the sizes of all packets, have those two seconds apart, and jitter.
UNSEEN_AFTER_S = 2.1
GRACE_S = 5.0  # a minute stays open for late frames and crossings that settle
KIND_S = 1.0  # after somebody passed a line its kind is told
UNKNOWN_S = 2.5  # or, where it is still unknown, so long after
SPEEDS_FOR_P85 = 5
WAYS_EVERY_S = 0.25
HIDDEN_S = 1.0
WAYS_M_S_MIN = 2.0  # who is slower has no sure direction
DAY_US = 1440 * MINUTE_US

Cell = tuple[str, Kind, Direction]
Way = tuple[str | None, str, Kind]  # from which arm, to which
_NOBODY = -1  # any more: a road user that is forgotten
_WAITS, _DRIVES, _HIDES = range(3)


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
class _Minute:
    seen_us: int = 0
    counts: dict[Cell, int] = field(default_factory=dict)
    movements: dict[Way, int] = field(default_factory=dict)
    speeds: dict[Cell, list[float]] = field(default_factory=dict)
    passed: headway.Minute = field(default_factory=headway.Minute)


class FlowMeter:
    """Counts the road users of one camera over its lines, and keeps minutes of it.

    `start` is when watching began: the minute it lies in is the first that is reported. `spans`
    are told who passed what. All memory is of the last seconds, the open minutes, and today's
    totals.
    """

    def __init__(
        self,
        camera: CameraId,
        lines: Sequence[CountingLine],
        start: UtcMicros,
        spans: Spans | None = None,
    ) -> None:
        self.camera = camera
        self.lines = tuple(lines)
        self._spans = spans or Spans()
        self._arms = Arms.of(self.lines)
        self._origins = Origins(self._arms.all)
        self._courses = Courses()
        self._ways_s = -math.inf  # when it was last looked who drives where
        self._headways = headway.Headways(camera, [line.name for line in self.lines], start)
        self._movements: list[MovementCount] = []  # of closed minutes, not taken yet
        self._followed: list[LineFlow | SpeedCount] = []
        self._rows = np.array([line.row for line in self.lines]).reshape(-1, LINE_COLUMNS)
        self._walks = np.zeros((0, WALK_COLUMNS))
        self._paths = np.zeros((0, PATH_STEPS_MAX, STEP_COLUMNS))
        self._passages = np.zeros((0, len(self.lines), PASSAGE_COLUMNS))
        self._kinds = np.zeros(0, np.int64)
        self._free: list[int] = []  # rows of these four that belong to nobody
        self._present: dict[TrackId, int] = {}
        self._ended: list[int] = []
        self._ids: list[TrackId] | None = None
        self._users = np.zeros(0, np.int64)  # the row of each mover; -1 until it is seen
        self._unmet = False  # whether there are any such
        self._passed = np.zeros((0, 2), np.int64)
        self._held: list[tuple[Crossing, int]] = []  # not told yet, and whose they are
        self._last: Scene | None = None
        self._minutes: dict[UtcMicros, _Minute] = {}
        self._first_open = minute_of(start)  # the oldest minute not yet reported
        self._since = start
        self._today = self._nothing_counted()

    def measure(self, scene: Scene) -> list[Crossing]:
        """The crossings that `scene` settles. Scenes come in order, and also when empty."""
        last, self._last = self._last, scene
        self._start_day(scene.at)
        if last is None or scene.after_gap or scene.at - last.at > UNSEEN_AFTER_S * 1e6:
            self._leave()
            self._headways.begin(scene.at)
        elif not scene.starved:
            self._watched(last.at, scene.at)

        self._origins.tidy(scene.media_s)
        if self._ended:
            self._forget(scene.media_s)
        movers = Movers.of(scene.movers)
        if movers.ids is not self._ids:
            self._meet(movers.ids)
        if self._unmet:
            self._begin(movers, scene)
        count = _follow(
            self._users, movers.rows, self._walks, self._paths, self._passages, self._kinds,
            self._rows, scene.at, scene.media_s, scene.frame, self._passed,
        )  # fmt: skip
        if count:
            self._hold(count)
        if self._arms.all and not 0.0 <= scene.media_s - self._ways_s < WAYS_EVERY_S:
            self._ways_s = scene.media_s
            self._drive(scene.media_s)
        return self._told(scene.media_s) if self._held else []

    def leave(self) -> list[Crossing]:
        """The view is lost, or the recording ends: every path ends here. What that settles."""
        self._leave()
        self._last = None
        return self._told(math.inf)

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

    def take_movements(self) -> list[MovementCount]:
        """The movements between arms in the minutes that were closed since the last call."""
        taken, self._movements = self._movements, []
        return taken

    def take_followed(self) -> list[LineFlow | SpeedCount]:
        """Headways and bands of speed in the minutes that were closed since the last call."""
        taken, self._followed = self._followed, []
        return taken

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

    def _meet(self, ids: list[TrackId]) -> None:
        """Takes note of who is in the scene now, and of who is not any more."""
        here = set(ids)
        for track in [track for track in self._present if track not in here]:
            self._end(self._present.pop(track))
        self._ids = ids
        users = [self._present.get(track, -1) for track in ids]
        self._users, self._unmet = np.array(users, np.int64), -1 in users
        self._passed = np.zeros((max(1, len(ids)) * len(self.lines), 2), np.int64)

    def _begin(self, movers: Movers, scene: Scene) -> None:
        """Gives a row to everybody who is seen for the first time, and takes its first steps."""
        for row in np.flatnonzero(self._users < 0).tolist():
            steps = [row_of(step) for step in movers.before.get(row, ())]
            mover = movers.rows[row]
            if mover[SEEN] == 1.0:
                where = mover[[X, Y, SIZE, EAST, NORTH]].tolist()
                steps.append([scene.at, scene.media_s, scene.frame, *where])
            if not steps:
                continue
            rides = bool(self._arms.all) and is_underway(np.array(steps))
            user = self._taken_up(np.array(steps[0]), rides)
            if user is None:
                user = self._new()
                self._origins.begin(user, np.array(steps[0], np.float64), rides)
            else:
                self._origins.take_up(user)
            self._present[movers.ids[row]] = self._users[row] = user
            self._kinds[user] = mover[KIND]
            for step in steps:
                count = _take(
                    user, np.array(step, np.float64), self._walks, self._paths, self._passages,
                    self._rows, self._passed, 0,
                )  # fmt: skip
                self._hold(count)
        self._unmet = bool((self._users < 0).any())

    def _drive(self, media_s: float) -> None:
        """Tells where on the ground everybody drives who moves, and who is hidden inside."""
        users = np.array(list(self._present.values()), np.int64)
        told = _drives(
            users, media_s, self._walks, self._paths, self._courses.looks, self._courses.legs,
            self._courses.counts,
        )  # fmt: skip
        self._origins.show(set(users[told[:, 0] != _HIDES].tolist()))
        for user, (does, *at) in zip(users.tolist(), told.tolist(), strict=True):
            if does == _HIDES:
                self._origins.hide(user, self._path(user))
            elif does == _DRIVES:
                self._origins.drive(user, (at[0], at[1], at[2]))

    def _end(self, user: int) -> None:
        count = _finish(user, self._walks, self._paths, self._passages, self._rows, self._passed)
        self._hold(count)
        self._ended.append(user)
        if self._arms.all:
            self._origins.end(user, self._path(user))

    def _leave(self) -> None:
        for user in self._present.values():
            self._end(user)
        self._name(self._ended)
        self._present.clear()
        self._release(self._ended)
        self._origins.clear()
        self._ended, self._ids = [], None

    def _new(self) -> int:
        """A row for a road user of whom nothing is known."""
        if not self._free:
            had = len(self._walks)
            self._walks, self._paths = longer(self._walks), longer(self._paths)
            self._passages, self._kinds = longer(self._passages), longer(self._kinds)
            self._free = list(range(had, len(self._walks)))
            if self._arms.all:
                self._courses.make_room(len(self._walks))
        return self._free.pop()

    def _release(self, users: list[int]) -> None:
        """Nothing is left of those who are forgotten."""
        for user in users:
            self._walks[user] = self._paths[user] = self._passages[user] = 0.0
            self._origins.forget(user)
            self._courses.forget(user)
            self._spans.forget(user)
        self._free += users

    def _path(self, user: int) -> Floats:
        path: Floats = self._paths[user, : int(self._walks[user, STEPS])]
        return path

    def _forget(self, media_s: float) -> None:
        """Those who ended too long ago to be taken up again."""
        over = [user for user in self._ended if is_forgotten(self._path(user), media_s)]
        if over:
            self._name(over)
            self._ended = [user for user in self._ended if user not in over]
            self._release(over)

    def _taken_up(self, step: Floats, rides: bool) -> int | None:
        """The ended road user that must be where `step` is by now; it goes on. Nobody who stood is
        found driving by."""
        offs = [
            (sizes_off(self._path(user), step), at)
            for at, user in enumerate(self._ended)
            if not (rides and has_stood(self._path(user)))
        ]
        nearest = min(offs, default=(math.inf, 0))
        return self._ended.pop(nearest[1]) if nearest[0] <= TAKEN_UP_SIZES else None

    def _hold(self, count: int) -> None:
        """Keeps the crossings of the first `count` of those who passed a line just now."""
        for user, line in self._passed[:count].tolist():
            self._held.append((self._crossing(user, line), user))
            self._spans.passed(user, self._held[-1][0])

    def _name(self, users: list[int]) -> None:
        """Tells the kinds of those who are about to be forgotten; nothing is learnt of them."""
        self._held = [
            (self._known(one, user), _NOBODY) if user in users else (one, user)
            for one, user in self._held
        ]

    def _told(self, media_s: float) -> list[Crossing]:
        """The crossings that wait no longer, booked, each with what its road user is by now."""
        held, told = [], []
        for one, user in self._held:
            kind = one.kind if user == _NOBODY else KINDS[self._kinds[user]]
            wait_s = UNKNOWN_S if kind is Kind.UNKNOWN else KIND_S
            if user != _NOBODY and one.media_s <= media_s < one.media_s + wait_s:
                held.append((one, user))
            else:
                told.append(one if user == _NOBODY else self._known(one, user))
                self._book(told[-1])
        self._held = held
        return told

    def _known(self, crossing: Crossing, user: int) -> Crossing:
        """What is known of a crossing by now: its kind, and its speed with what came after it."""
        speed = self._spot_speed(user, crossing.media_s)
        return replace(
            crossing,
            kind=KINDS[self._kinds[user]],
            speed_m_s=crossing.speed_m_s if speed is None else speed,
        )

    def _spot_speed(self, user: int, media_s: float) -> float | None:
        speed = spot_speed_m_s(self._path(user), media_s)
        return None if math.isnan(speed) else speed

    def _crossing(self, user: int, line: int) -> Crossing:
        passing = passing_of(self._passages[user, line])
        return Crossing(
            at=passing.at,
            media_s=passing.media_s,
            frame=passing.frame,
            camera=self.camera,
            line=self.lines[line].name,
            kind=KINDS[self._kinds[user]],
            direction=passing.direction,
            speed_m_s=self._spot_speed(user, passing.media_s),
            movement=self._movement(user, line, passing.direction),
        )

    def _movement(self, user: int, line: int, direction: Direction) -> Movement | None:
        """What a passing ends, if it leads out of the junction; one inwards is remembered."""
        arm = self._arms.names[line]
        if arm is None:
            return None
        if direction is self._arms.inwards[line]:
            self._origins.enter(user, arm)
            return None
        on_foot = KINDS[self._kinds[user]] is Kind.PEDESTRIAN  # may turn on the spot
        if self._origins.came_by(user) == arm and not on_foot:
            self._part(user)
        return Movement(self._origins.leave(user, arm), arm)

    def _part(self, user: int) -> None:
        """If the track of `user` has gone over to somebody else, so has that one's, most likely. If
        nobody saw it turn, it is not known who left there."""
        reversal = self._courses.reversal(user)
        if reversal is None:
            if self._courses.turned(user) is False:
                self._origins.doubt(user)
            return
        self._origins.part(user, reversal)
        for other in self._present.values():
            back = self._courses.reversal(other)
            if (
                back is not None
                and abs(back.before[STEP_S] - reversal.before[STEP_S]) <= PARTED_S
                and self._origins.came_by(other) is not None
            ):
                self._origins.part(other, back)

    def _watched(self, since: UtcMicros, until: UtcMicros) -> None:
        while since < until:
            minute = minute_of(since)
            end = min(until, UtcMicros(minute + MINUTE_US))
            book = self._minutes.get(minute)
            if book is None:
                book = self._minutes[minute] = _Minute()
            book.seen_us += end - since
            since = end

    def _book(self, crossing: Crossing) -> None:
        minute = minute_of(crossing.at)
        if minute < self._first_open and minute not in self._minutes:
            minute = min(self._minutes, default=self._first_open)
        cell = crossing.line, crossing.kind, crossing.direction
        books = [self._minutes.setdefault(minute, _Minute())]
        if crossing.at >= self._since:
            books.append(self._today)
        books[0].passed.add(crossing)
        for book in books:
            book.counts[cell] = book.counts.get(cell, 0) + 1
            if crossing.speed_m_s is not None:
                book.speeds.setdefault(cell, []).append(crossing.speed_m_s)
            if crossing.movement is not None:
                way = *crossing.movement, crossing.kind
                book.movements[way] = book.movements.get(way, 0) + 1

    def _report(self, end: UtcMicros) -> list[LineCount]:
        due = set(range(self._first_open, end, MINUTE_US))
        due |= {minute for minute in self._minutes if minute < end}
        self._first_open = max(self._first_open, end)
        rows: list[LineCount] = []
        for minute in sorted(due):
            at, book = UtcMicros(minute), self._minutes.pop(UtcMicros(minute), _Minute())
            rows += [
                self._row(at, book, line.name, kind, way)
                for line in self.lines
                for kind in Kind
                for way in Direction
            ]
            self._movements += self._moved(at, book)
            self._followed += self._headways.close(at, book.passed, book.seen_us / 1e6)
        return rows

    def _moved(self, at: UtcMicros, book: _Minute) -> list[MovementCount]:
        """A row for each pair of arms and kind, and those from an unknown arm that there are."""
        ways = dict.fromkeys(
            ((a, b, kind) for a in self._arms.all for b in self._arms.all for kind in Kind), 0
        )
        return [
            MovementCount(
                at=at,
                window_s=60.0,
                coverage_s=book.seen_us / 1e6,
                camera=self.camera,
                from_arm=from_arm,
                to_arm=to_arm,
                kind=kind,
                count=count if book.seen_us or count else None,
            )
            for (from_arm, to_arm, kind), count in (ways | book.movements).items()
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


@numba.njit(cache=True, nogil=True)
def _drives(
    users: Whole,
    media_s: float,
    walks: Floats,
    paths: Floats,
    looks: Floats,
    legs: Floats,
    counts: Whole,
) -> Whole:
    """What each of `users` does, and where on the ground who drives is (see ways.place_of). Fills
    what is known of their courses."""
    told = np.zeros((len(users), 4), np.int64)
    for row in range(len(users)):
        user = users[row]
        path = paths[user, : int(walks[user, STEPS])]
        if len(path) < 2:
            continue
        last, first = path[-1], path[approach_of(path)]
        passed_s = last[STEP_S] - first[STEP_S]
        if media_s - last[STEP_S] > HIDDEN_S:
            told[row, 0] = _HIDES
            continue
        east_m, north_m = last[STEP_EAST], last[STEP_NORTH]
        right_m, up_m = east_m - first[STEP_EAST], north_m - first[STEP_NORTH]
        if math.isfinite(east_m + north_m):
            look(looks[user], legs[user], counts[user], last, velocity_px_s(first, last))
        if math.hypot(right_m, up_m) > WAYS_M_S_MIN * passed_s:  # nor where it is NaN
            told[row, 0] = _DRIVES
            told[row, 1], told[row, 2], told[row, 3] = place_of(east_m, north_m, right_m, up_m)
    return told


@numba.njit(cache=True, nogil=True)
def _follow(
    users: Whole,
    movers: Floats,
    walks: Floats,
    paths: Floats,
    passages: Floats,
    kinds: Whole,
    lines: Floats,
    at: int,
    media_s: float,
    frame: int,
    passed: Whole,
) -> int:
    """Takes the step of every mover that is seen and has a row. Fills `passed` with rows of (user,
    line) of those who have passed one, and says how many there are."""
    count = 0
    step = np.empty(STEP_COLUMNS)
    step[STEP_AT], step[STEP_S], step[STEP_FRAME] = at, media_s, frame
    for row in range(len(users)):
        user, mover = users[row], movers[row]
        if user < 0:
            continue
        kinds[user] = int(mover[KIND])
        if mover[SEEN] == 1.0:
            step[STEP_X], step[STEP_Y], step[STEP_SIZE] = mover[X], mover[Y], mover[SIZE]
            step[STEP_EAST], step[STEP_NORTH] = mover[EAST], mover[NORTH]
            count = _take(user, step, walks, paths, passages, lines, passed, count)
    return count


@numba.njit(cache=True, nogil=True)
def _take(
    user: int,
    step: Floats,
    walks: Floats,
    paths: Floats,
    passages: Floats,
    lines: Floats,
    passed: Whole,
    count: int,
) -> int:
    """One step of one road user; `count` with the lines that it passes."""
    if add_step(walks[user], paths[user], step):
        path = paths[user, : int(walks[user, STEPS])]
        for index in range(len(lines)):
            if step_over(passages[user, index], lines[index], path):
                passed[count, 0], passed[count, 1] = user, index
                count += 1
    return count


@numba.njit(cache=True, nogil=True)
def _finish(
    user: int,
    walks: Floats,
    paths: Floats,
    passages: Floats,
    lines: Floats,
    passed: Whole,
) -> int:
    """The end of one road user: its last step, and what that amounts to at each line."""
    count = 0
    grown = end_walk(walks[user], paths[user])
    path = paths[user, : int(walks[user, STEPS])]
    for index in range(len(lines)):
        passage = passages[user, index]
        # A line that its last step passes has nothing left to settle.
        if (grown and step_over(passage, lines[index], path)) or end_at(
            passage, lines[index], path
        ):
            passed[count, 0], passed[count, 1] = user, index
            count += 1
    return count


def _p85(speeds: list[float]) -> float | None:
    return float(np.percentile(speeds, 85)) if len(speeds) >= SPEEDS_FOR_P85 else None
