"""Carriageway: how people walk across a road: where, after what wait, in which gap, who let them.

How this works. A carriageway is a piece of road between two kerbs, with a line along its middle by
which places are told: metres along it, and metres to its left. Every road user of a scene stands
somewhere by these; all are followed in one compiled call, as rows of numbers. Whoever comes to a
kerb on foot begins an attempt:

    away ──▶ at the kerb ──▶ on the carriageway ──▶ left at the other kerb: a passage
                 ▲                  │                (settles when the next vehicle has come,
                 └── turned back ◀──┘                 at the latest 10 s later)

For each attempt and each vehicle that comes, it is known when the vehicle arrives at the place of
the attempt, and whether it had to give way there. A vehicle is where its anchor is
(`Mover.anchor`), and a gap is from anchor to anchor.

Definitions. Those marked [V] were read in the source, [M] are remembered and not read again, and
[ours] is what no source fixes.

- Passage: from one kerb to the other; where only a part was seen, at least 0.6 of the width
  [ours]. Who turns back, or leaves by an end of the carriageway, made none.
- On foot is who is a pedestrian, and a bicycle or somebody unknown who crosses no faster than
  2 m/s: a bicycle that is pushed, or a walker who was taken for one [ours]. Nobody walks whose way
  on the carriageway, along it and across, is faster than 5 m/s [ours]. A bicycle is a vehicle
  where it rides on the carriageway, along it and faster than that.
- Place: half way between where it stepped out and where it got off. On a marked crossing is who
  has half of its steps on the carriageway within 1 m of it [ours]; all others cross mid-block.
- Waiting time: how long somebody stood (slower than 0.4 m/s) within 2 m before the kerb or 0.8 m
  behind it, before it stepped out [ours; HCM's delay is also time, but a computed one, M].
- Walking speed: least squares through the places on the carriageway; none for who stopped there
  for more than a second. HCM 2000 divides the crossing distance by it [V, in NCHRP Report 674,
  p. 35].
- Lag and gap: seconds from coming to stand at the kerb, or from the last vehicle's arrival at the
  place, to the next vehicle's arrival, on any lane of the carriageway. All that ended while it
  stood there were rejected. The accepted one counts from stepping out. (Kadali and Vedagiri 2016,
  Asian Transport Studies 4, 261, compare ways to a critical gap from both; their paper was not
  read beyond its abstract.)
- Had to yield: a vehicle that would have arrived within 5 s at its speed, with nobody between, and
  could have stopped by 3 m/s2 after 1 s of reaction, when somebody waited or walked there. (The
  idea of a distance from which drivers could have stopped, by the formula for a signal's amber, is
  that of Van Houten and Malenfant 2004 [M]; the numbers are ours.)
- Yielded: the walker passed its path first, and it came a second later than at its old speed
  [ours]. NCHRP Report 562 (TCRP 112), table 15 [V]: the cars that stopped or yielded by those
  that should have. Here pairs of a vehicle and a walker who did cross are counted.

Whoever asks for one number: a critical gap is not told, since it takes a model; histograms of
rejected and accepted gaps are what all models start from. Crossing at red is not told either:
nobody here knows the signal.

All that is remembered is of the view and ten seconds more, in memory. `CrossingBehaviour` is all
that may leave: sums and histograms of a window and a crossing.
"""

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import numba
import numpy as np
import numpy.typing as npt
import shapely

from placewatch.core.errors import Misconfigured
from placewatch.core.ids import CameraId, TrackId
from placewatch.core.kinds import NUMBER_OF, Kind
from placewatch.core.space import Point
from placewatch.core.time import UtcMicros
from placewatch.measure.flow import UNSEEN_AFTER_S
from placewatch.measure.scene import EAST, KIND, NORTH, SEEN, SPEED, Movers, Scene
from placewatch.measure.stage import longer

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

KERB_M = 2.0  # so near before a kerb somebody is at it
STANDS_M_S = 0.4
OUT_M = 0.8  # who stands no further behind it still waits; a place is known no better
EDGE_S = OUT_M / STANDS_M_S  # who is longer so near to a kerb walks along it, not across
ONWARD_M = 3.0  # who walks so far along the kerb waits for something else
SEEN_SHARE = 0.6  # of the width: more than half, so that a broken track counts once at most
BESIDE_M = 1.0  # beside a marked crossing that is still used
PAUSE_S = 1.0
ON_FOOT_M_S_MAX = 5.0
PUSHED_M_S_MAX = 2.0  # slower than people ride
LEAP_M, LEAP_S = 1.0, 1.0  # a step further than this and 5 m/s leapt; who stays there is there
SETTLE_S = 10.0  # after the carriageway was left
GRACE_S = SETTLE_S + 2.0  # a window stays open for passages that settle
LOST_S, LOST_STANDING_S = 2.0, 10.0  # who is lost is taken up again within this
LOST_M, LOST_M_S = 0.7, 0.7  # where it must be, on foot,
LOST_VEHICLE_M, LOST_VEHICLE_SHARE = 2.5, 0.35  # and a vehicle: and a share of its way
YIELD_WITHIN_S = 5.0
REACTION_S, COMFORT_M_S2 = 1.0, 3.0
YIELD_DELAY_S = 1.0
COMES_M_S = 1.0  # a slower vehicle does not arrive in a time that could be told
NEAR_M = 2.0  # a vehicle's anchor may lie so far beside the carriageway that it drives on
LANE_M = 1.7  # vehicles further apart across the road do not follow each other

WAIT_S_EDGES = (1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0)
SPEED_M_S_EDGES = (0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0)
GAP_S_EDGES = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0)
AWAY_M_EDGES = (5.0, 10.0, 20.0, 30.0, 50.0, 100.0)
"""Where the bins of the histograms end: a bin holds its lower edge and not its upper one, and one
bin more is open."""

NO_GROUND = "The ground of this camera is not calibrated, so nothing is known in metres on it."

_ON_FOOT, _UNKNOWN = NUMBER_OF[Kind.PEDESTRIAN], NUMBER_OF[Kind.UNKNOWN]
_BICYCLE = NUMBER_OF[Kind.BICYCLE]
_SLOW = (_ON_FOOT, _UNKNOWN, _BICYCLE)
_LEFT, _RIGHT, _END = 1.0, -1.0, 0.0


@dataclass(frozen=True, slots=True)
class MarkedCrossing:
    """A crossing that is painted on a carriageway; `corners` go around it once, in metres."""

    name: str
    corners: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Carriageway:
    """A piece of road between two kerbs: `corners` go around it once, in metres on the ground.

    `middle` is a line along the middle of the road that comes in by one end of the piece and leaves
    by the other; metres along it are counted from its first point. Empty: the middle of the
    narrowest rectangle around the piece, from west to east (from south to north where it leads
    straight north). Where there is a refuge each side of it is a carriageway.

    Raises Misconfigured where the corners are no polygon or the line does not lead through it.
    """

    name: str
    corners: tuple[Point, ...]
    crossings: tuple[MarkedCrossing, ...] = ()
    middle: tuple[Point, ...] = ()

    def __post_init__(self) -> None:
        polygon = _polygon(self.corners, f'the carriageway "{self.name}"')
        for crossing in self.crossings:
            mark = _polygon(crossing.corners, f'the crossing "{crossing.name}"')
            if not shapely.intersects(polygon, mark):
                raise Misconfigured(
                    f'the crossing "{crossing.name}" is not on the carriageway "{self.name}"',
                    hint="both are drawn in metres on the ground of the same camera",
                )
        if len({crossing.name for crossing in self.crossings}) < len(self.crossings):
            raise Misconfigured(
                f'two crossings of "{self.name}" bear the same name', hint="give each its own"
            )
        drawn = bool(self.middle)
        if not drawn:
            object.__setattr__(self, "middle", _middle_of(polygon))
        sides = _sides(self.corners, self.middle)
        ends = int((sides == _END).sum())
        whole = ends == 2 and (sides == _LEFT).any() and (sides == _RIGHT).any()
        if not drawn and not whole:
            raise Misconfigured(
                f'the corners of "{self.name}" make no piece of a road with two kerbs',
                hint="draw them along one kerb and back along the other; where the road bends, "
                "give it a middle line",
            )
        if ends == 2 and not ((sides == _LEFT).any() and (sides == _RIGHT).any()):
            raise Misconfigured(
                f'the middle line of "{self.name}" has no carriageway on one of its sides',
                hint="draw it along the middle of the road, with a kerb to its left and its right",
            )
        if ends != 2:
            raise Misconfigured(
                f'the middle line of "{self.name}" passes {ends} of its edges, not 2',
                hint="draw it along the road, in by one end of the piece and out by the other",
            )

    @property
    def length_m(self) -> float:
        """How much of the road it is, along its middle line."""
        line = shapely.LineString(_far(self.middle))
        inside = shapely.intersection(line, shapely.Polygon(_pairs(self.corners)))
        return float(shapely.length(inside))

    @property
    def width_m(self) -> float:
        """Its mean width."""
        return float(shapely.area(shapely.Polygon(_pairs(self.corners)))) / self.length_m

    def along(self, point: Point) -> tuple[float, float]:
        """How far along the middle line `point` lies, and how far to its left, in metres."""
        along_m, left_m = _along(_axis(self.middle), point.x_m, point.y_m)
        return float(along_m), float(left_m)


@dataclass(frozen=True, slots=True)
class Across:
    """One passage of somebody on foot. It is no fact: it stays in the memory of the process, where
    hot spots are made of it, and refuses to be pickled."""

    at: UtcMicros  # when it left the carriageway
    stepped_out_s: float  # media time
    took_s: float
    crossing: str | None  # None: mid-block
    along_m: float
    place: Point
    away_m: float | None  # along the road to the nearest marked crossing; None where there is none
    to_left: bool
    wait_s: float | None  # None where it was not seen to come to the kerb
    speed_m_s: float | None
    rejected: int
    rejected_s: float  # the sum
    accepted_s: float | None  # None: open, given or unknown
    open_gap: bool  # no vehicle came until ten seconds after
    given: bool  # a vehicle yielded to it
    due: int  # vehicles that had to yield to it
    yielded: int
    excused: int  # could not have stopped in comfort any more
    unhindered: int  # it was across before they would have come

    def __reduce__(self) -> NoReturn:
        raise TypeError("a passage of one person stays in memory: it is neither stored nor sent")


@dataclass(frozen=True, slots=True)
class CrossingBehaviour:
    """How people crossed a carriageway in a window, on one marked crossing or off all of them.

    `count` and all below are 0 where nobody came and None where nothing of the window was seen;
    `why` says then why, as a sentence. Rows of the same window and place add up. Histograms have a
    bin up to each of their edges and one beyond (`WAIT_S_EDGES` and so on).
    """

    at: UtcMicros  # start of the window
    window_s: float
    coverage_s: float
    camera: CameraId
    carriageway: str
    length_m: float  # of the carriageway, along the road
    crossing: str | None  # None: mid-block, off all marked crossings
    why: str
    count: int | None  # passages
    to_left: int | None  # of these, to the left of the carriageway's middle line
    away_m_bins: tuple[int, ...] | None  # from the nearest marked crossing, along the road
    wait_count: int | None  # whose wait is known
    wait_s_sum: float | None
    wait_s_bins: tuple[int, ...] | None
    speed_count: int | None  # who walked on without a stop
    speed_m_s_sum: float | None
    speed_m_s_bins: tuple[int, ...] | None
    rejected_count: int | None  # gaps
    rejected_s_sum: float | None
    rejected_s_bins: tuple[int, ...] | None
    accepted_count: int | None
    accepted_s_sum: float | None
    accepted_s_bins: tuple[int, ...] | None
    open_count: int | None  # accepted gaps whose end was not waited for
    given_count: int | None  # who crossed because a vehicle yielded: no gap was needed
    due_count: int | None  # vehicles that had to yield, by walker
    yielded_count: int | None  # of these
    excused_count: int | None  # vehicles that could not have stopped in comfort
    unhindered_count: int | None  # that would have come later anyway

    @property
    def wait_s_mean(self) -> float | None:
        return _mean(self.wait_s_sum, self.wait_count)

    @property
    def speed_m_s_mean(self) -> float | None:
        """Mean of the walking speeds of persons."""
        return _mean(self.speed_m_s_sum, self.speed_count)

    @property
    def yielding_rate(self) -> float | None:
        """Share, 0..1, of the vehicles that had to; None where none had."""
        return _mean(self.yielded_count, self.due_count)

    @property
    def per_100_m_h(self) -> float | None:
        """Passages an hour and 100 m of road; None where nothing was seen, and on a marked
        crossing, which has no length."""
        if self.count is None or self.crossing is not None or self.coverage_s <= 0.0:
            return None
        return self.count / (self.length_m / 100.0) / (self.coverage_s / 3600.0)


@dataclass
class _Sums:
    """What is known of all passages of a window at one place together: nothing of a single one."""

    count: int = 0
    to_left: int = 0
    away: Whole = field(default_factory=lambda: np.zeros(len(AWAY_M_EDGES) + 1, np.int64))
    wait_count: int = 0
    wait_s: float = 0.0
    waits: Whole = field(default_factory=lambda: np.zeros(len(WAIT_S_EDGES) + 1, np.int64))
    speed_count: int = 0
    speed_m_s: float = 0.0
    speeds: Whole = field(default_factory=lambda: np.zeros(len(SPEED_M_S_EDGES) + 1, np.int64))
    rejected_count: int = 0
    rejected_s: float = 0.0
    rejected: Whole = field(default_factory=lambda: np.zeros(len(GAP_S_EDGES) + 1, np.int64))
    accepted_count: int = 0
    accepted_s: float = 0.0
    accepted: Whole = field(default_factory=lambda: np.zeros(len(GAP_S_EDGES) + 1, np.int64))
    open_count: int = 0
    given_count: int = 0
    due_count: int = 0
    yielded_count: int = 0
    excused_count: int = 0
    unhindered_count: int = 0

    def add(self, one: Across, rejected: Whole) -> None:
        self.count += 1
        self.to_left += one.to_left
        if one.away_m is not None:
            self.away[_bin(one.away_m, AWAY_M_EDGES)] += 1
        if one.wait_s is not None:
            self.wait_count += 1
            self.wait_s += one.wait_s
            self.waits[_bin(one.wait_s, WAIT_S_EDGES)] += 1
        if one.speed_m_s is not None:
            self.speed_count += 1
            self.speed_m_s += one.speed_m_s
            self.speeds[_bin(one.speed_m_s, SPEED_M_S_EDGES)] += 1
        self.rejected_count += one.rejected
        self.rejected_s += one.rejected_s
        self.rejected += rejected
        if one.accepted_s is not None:
            self.accepted_count += 1
            self.accepted_s += one.accepted_s
            self.accepted[_bin(one.accepted_s, GAP_S_EDGES)] += 1
        self.open_count += one.open_gap
        self.given_count += one.given
        self.due_count += one.due
        self.yielded_count += one.yielded
        self.excused_count += one.excused
        self.unhindered_count += one.unhindered


@dataclass
class _Window:
    seen_us: int = 0
    across: dict[str | None, _Sums] = field(default_factory=dict)


class CarriagewayMeter:
    """Measures how people cross one carriageway in one view.

    Give it every scene in order, also empty ones. `start` is when watching began, `window_s` how
    long a window is, a divisor of a day. Where `ground_known` is false all rows are unknown and say
    so. Memory is of who is in view, and of ten seconds more.
    """

    def __init__(
        self,
        camera: CameraId,
        carriageway: Carriageway,
        start: UtcMicros,
        *,
        window_s: float = 900.0,
        ground_known: bool = True,
    ) -> None:
        if window_s <= 0.0 or 86_400.0 % window_s:
            raise Misconfigured(
                f"windows of {window_s:g} s do not fill a day", hint="as in 60 or 900"
            )
        self.camera, self.carriageway = camera, carriageway
        self.window_s, self.ground_known = window_s, ground_known
        self._window_us = round(window_s * 1e6)
        self._length_m, self._width_m = carriageway.length_m, carriageway.width_m
        self._axis = _axis(carriageway.middle)
        self._edges = _edges_of(
            carriageway.corners, _sides(carriageway.corners, carriageway.middle)
        )
        marks = carriageway.crossings
        self._marks = np.concatenate(
            [np.zeros((0, 6)), *(_edges_of(m.corners, np.zeros(len(m.corners)), n)
             for n, m in enumerate(marks))]
        )  # fmt: skip
        spans = [[carriageway.along(corner)[0] for corner in mark.corners] for mark in marks]
        self._spans = [(min(span), max(span)) for span in spans]
        self._users = np.zeros((0, _USER_COLUMNS))
        self._free: list[int] = []
        self._tries = np.zeros((0, _TRY_COLUMNS))
        self._bins = np.zeros((0, len(GAP_S_EDGES) + 1), np.int64)
        self._on_marks = np.zeros((0, len(marks)), np.int64)
        self._pairs = np.zeros((0, 0, 3))
        self._gap_edges = np.array(GAP_S_EDGES)
        self._spare = 0  # rows of attempts that belong to nobody
        self._present: dict[TrackId, int] = {}
        self._ended: list[int] = []
        self._ids: list[TrackId] | None = None
        self._rows = np.zeros(0, np.int64)
        self._last: Scene | None = None
        self._windows: dict[int, _Window] = {}
        self._first_open = self._window_of(start)

    def measure(self, scene: Scene) -> list[Across]:
        """The passages that `scene` settles. They are for what lies beside this in the process; no
        part of them is stored or sent but by `close_windows`."""
        last, self._last = self._last, scene
        if not self.ground_known:
            return []
        told: list[Across] = []
        if (
            last is None
            or scene.after_gap
            or not (0.0 < scene.media_s - last.media_s <= UNSEEN_AFTER_S)
        ):
            told += self._leave()
        else:
            # A clock that is set makes no time that was watched, and ends no path.
            passed_us = scene.at - last.at
            if 0 < passed_us <= UNSEEN_AFTER_S * 1e6 and not scene.starved:
                self._watched(last.at, scene.at)
        movers = Movers.of(scene.movers)
        told += self._forget(scene.media_s)
        if movers.ids is not self._ids:
            self._meet(movers, scene)
        if self._spare < len(movers):
            self._make_room(len(movers))
        settled, self._spare = _follow(
            self._rows, movers.rows, self._users, self._tries, self._bins, self._on_marks,
            self._pairs, self._axis, self._edges, self._marks, self._gap_edges, scene.at,
            scene.media_s,
        )  # fmt: skip
        if settled:
            for number in np.flatnonzero(self._tries[:, _STATE] == _SETTLED).tolist():
                told += self._tell(number, known=True)
        return told

    def leave(self) -> list[Across]:
        """The view is lost, or the recording ends: what was half known is told as far as it is."""
        told = self._leave()
        self._last = None
        return told

    def close_windows(self, before: UtcMicros) -> list[CrossingBehaviour]:
        """All windows that ended `GRACE_S` before `before` and were not told yet: a row for each
        marked crossing and one for all that is off them, also where nobody came."""
        return self._report(self._window_of(UtcMicros(before - round(GRACE_S * 1e6))))

    def close(self, at: UtcMicros) -> list[CrossingBehaviour]:
        """All windows to the one that `at` lies in, with what was seen of it: the last report."""
        return self._report(self._window_of(at) + self._window_us)

    def _window_of(self, at: UtcMicros) -> int:
        return at - at % self._window_us

    def _make_room(self, wished: int) -> None:
        """Rows for new attempts: as many as there are road users."""
        free = int((self._tries[:, _STATE] == _NOTHING).sum())
        while free < wished:
            had = len(self._tries)
            self._tries, self._bins = longer(self._tries), longer(self._bins)
            more = np.zeros((len(self._tries), self._on_marks.shape[1]), np.int64)
            more[:had] = self._on_marks
            self._on_marks = more
            free += len(self._tries) - had
        if self._pairs.shape[:2] != (len(self._tries), len(self._users)):
            pairs = np.zeros((len(self._tries), len(self._users), 3))
            pairs[: self._pairs.shape[0], : self._pairs.shape[1]] = self._pairs
            self._pairs = pairs

    def _meet(self, movers: Movers, scene: Scene) -> None:
        """Gives a row to who is new, and takes note of who is not there any more."""
        here = set(movers.ids)
        for track in [track for track in self._present if track not in here]:
            self._ended.append(self._present.pop(track))
        self._ids = movers.ids
        rows = np.empty(len(movers.ids), np.int64)
        for row, track in enumerate(movers.ids):
            user = self._present.get(track)
            if user is None:
                user = self._begin(movers, row, scene)
                self._present[track] = user
            rows[row] = user
        self._rows = rows
        self._make_room(len(movers))

    def _begin(self, movers: Movers, row: int, scene: Scene) -> int:
        one = movers.rows[row]
        steps = [step for step in movers.before.get(row, ()) if step.point is not None]
        first = steps[0] if steps else None
        if first is not None and first.point is not None:
            place, at_s = first.point, first.media_s
        else:
            place, at_s = Point(float(one[EAST]), float(one[NORTH])), scene.media_s
        user = self._taken_up(place, at_s, int(one[KIND]))
        if user is None:
            if not self._free:
                had = len(self._users)
                self._users = longer(self._users)
                self._free = list(range(had, len(self._users)))
            user = self._free.pop()
            self._users[user] = 0.0
            self._users[user, _T] = self._users[user, _LEAPT] = math.nan
            self._users[user, _TRY] = -1.0
        self._make_room(len(movers))
        for step in steps:
            if step.point is not None and step.media_s < scene.media_s:
                _take(
                    user, step.point.x_m, step.point.y_m, math.nan, int(one[KIND]), self._users,
                    self._tries, self._bins, self._on_marks, self._pairs, self._axis, self._edges,
                    self._marks, step.at, step.media_s,
                )  # fmt: skip
                self._make_room(len(movers))
        return user

    def _taken_up(self, place: Point, at_s: float, kind: int) -> int | None:
        """Who was lost and must be where somebody appears; by place and time in this one view."""
        best, nearest = None, math.inf
        walks = kind in _SLOW
        for user in self._ended:
            one = self._users[user]
            lost_s = at_s - one[_T]
            if not lost_s >= 0.0 or (one[_KIND] in _SLOW) != walks:
                continue
            ahead_s = min(lost_s, LOST_S)
            off_m = math.hypot(
                one[_X] + one[_VX] * ahead_s - place.x_m, one[_Y] + one[_VY] * ahead_s - place.y_m
            )
            way_m = math.hypot(one[_VX], one[_VY]) * ahead_s
            most_m = LOST_VEHICLE_M + LOST_VEHICLE_SHARE * way_m
            if walks:
                most_m = LOST_M + LOST_M_S * ahead_s
            if off_m <= most_m and off_m < nearest:
                best, nearest = user, off_m
        if best is not None:
            self._ended.remove(best)
        return best

    def _forget(self, media_s: float) -> list[Across]:
        over = []
        for user in self._ended:
            one = self._users[user]
            stood = math.hypot(one[_VX], one[_VY]) < STANDS_M_S
            if not (media_s - one[_T] <= (LOST_STANDING_S if stood else LOST_S)):
                over.append(user)
        if not over:
            return []
        self._ended = [user for user in self._ended if user not in over]
        return self._release(over)

    def _release(self, users: list[int]) -> list[Across]:
        """Nothing is left of `users`; what they had begun ends as far as it was seen."""
        told = []
        for user in users:
            number = int(self._users[user, _TRY])
            if number >= 0 and self._tries[number, _STATE] == _OUT:
                told += self._tell(number, known=False)
            elif number >= 0:
                self._tries[number] = 0.0
            self._users[user] = 0.0
            self._pairs[:, user] = 0.0
        self._free += users
        return told

    def _leave(self) -> list[Across]:
        told = []
        for number in np.flatnonzero(self._tries[:, _STATE] == _GONE).tolist():
            told += self._tell(number, known=False)
        told += self._release([*self._present.values(), *self._ended])
        self._present.clear()
        self._ended, self._ids = [], None
        self._rows = np.zeros(0, np.int64)
        self._tries[:] = 0.0
        self._pairs[:] = 0.0
        return told

    def _tell(self, number: int, known: bool) -> list[Across]:
        """Books an attempt that is over, where it was a passage; its row is free again. `known`:
        the traffic was watched until all was settled."""
        one, bins = self._tries[number].copy(), self._bins[number].copy()
        on_marks = self._on_marks[number].copy()
        self._tries[number] = 0.0
        self._pairs[number] = 0.0
        across = self._across(one, on_marks, known)
        if across is None:
            return []
        window = self._window_of(across.at)
        if window < self._first_open and window not in self._windows:
            window = min(self._windows, default=self._first_open)
        book = self._windows.setdefault(window, _Window())
        book.across.setdefault(across.crossing, _Sums()).add(across, bins)
        return [across]

    def _across(self, one: Floats, on_marks: Whole, known: bool) -> Across | None:
        steps = int(one[_N])
        took_s = float(one[_LEFT_S] - one[_OUT_S])
        way_m = abs(float(one[_LEFT_O] - one[_OUT_O]))
        whole = one[_SIDE] != _END and one[_LEFT_SIDE] == -one[_SIDE]
        if steps < 1 or took_s <= 0.0 or (not whole and way_m < SEEN_SHARE * self._width_m):
            return None
        walks = 2 * one[_FOOT_STEPS] >= steps
        if way_m / took_s > (ON_FOOT_M_S_MAX if walks else PUSHED_M_S_MAX):
            return None
        # Nor does anybody walk who is slow across the road and fast along it: a vehicle that drives
        # over it and was taken for a person.
        speed_m_s = _speed(one, took_s)
        if speed_m_s is not None and speed_m_s > ON_FOOT_M_S_MAX:
            return None
        crossing = None
        if len(on_marks) and 2 * int(on_marks.max()) >= steps:
            crossing = self.carriageway.crossings[int(on_marks.argmax())].name
        along_m = 0.5 * float(one[_OUT_ALONG] + one[_LEFT_ALONG])
        away_m = min(
            (max(low - along_m, along_m - high, 0.0) for low, high in self._spans), default=None
        )
        accepted_s = float(one[_ACCEPTED])
        yielded = int(one[_YIELDED])
        return Across(
            at=UtcMicros(int(one[_LEFT_AT])),
            stepped_out_s=float(one[_OUT_S]),
            took_s=took_s,
            crossing=crossing,
            along_m=along_m,
            place=Point(
                0.5 * float(one[_OUT_X] + one[_LEFT_X]), 0.5 * float(one[_OUT_Y] + one[_LEFT_Y])
            ),
            away_m=away_m,
            to_left=bool(one[_LEFT_O] > one[_OUT_O]),
            wait_s=float(one[_WAIT]) if one[_CAME] == 1.0 else None,
            speed_m_s=speed_m_s,
            rejected=int(one[_REJECTED]),
            rejected_s=float(one[_REJECTED_S]),
            accepted_s=None if math.isnan(accepted_s) or yielded else accepted_s,
            open_gap=known and math.isnan(accepted_s) and not yielded,
            given=yielded > 0,
            due=yielded + int(one[_REFUSED]),
            yielded=yielded,
            excused=int(one[_EXCUSED]),
            unhindered=int(one[_UNHINDERED]),
        )

    def _watched(self, since: int, until: int) -> None:
        while since < until:
            window = self._window_of(UtcMicros(since))
            end = min(until, window + self._window_us)
            self._windows.setdefault(window, _Window()).seen_us += end - since
            since = end

    def _report(self, end: int) -> list[CrossingBehaviour]:
        due = set(range(self._first_open, end, self._window_us))
        due |= {window for window in self._windows if window < end}
        self._first_open = max(self._first_open, end)
        names: list[str | None] = [crossing.name for crossing in self.carriageway.crossings]
        rows = []
        for window in sorted(due):
            book = self._windows.pop(window, _Window())
            for name in [*names, None]:
                rows.append(self._row(UtcMicros(window), book, name))
        return rows

    def _row(self, at: UtcMicros, book: _Window, crossing: str | None) -> CrossingBehaviour:
        sums = book.across.get(crossing, _Sums())
        unseen = book.seen_us == 0 and not sums.count
        why = ""
        if unseen:
            why = NO_GROUND if not self.ground_known else "Nothing of this time was seen."

        def number(count: int) -> int | None:
            return None if unseen else count

        def total(value: float) -> float | None:
            return None if unseen else round(value, 2)

        def bins(counts: Whole) -> tuple[int, ...] | None:
            return None if unseen else tuple(counts.tolist())

        return CrossingBehaviour(
            at=at,
            window_s=self.window_s,
            coverage_s=book.seen_us / 1e6,
            camera=self.camera,
            carriageway=self.carriageway.name,
            length_m=round(self._length_m, 2),
            crossing=crossing,
            why=why,
            count=number(sums.count),
            to_left=number(sums.to_left),
            away_m_bins=bins(sums.away),
            wait_count=number(sums.wait_count),
            wait_s_sum=total(sums.wait_s),
            wait_s_bins=bins(sums.waits),
            speed_count=number(sums.speed_count),
            speed_m_s_sum=total(sums.speed_m_s),
            speed_m_s_bins=bins(sums.speeds),
            rejected_count=number(sums.rejected_count),
            rejected_s_sum=total(sums.rejected_s),
            rejected_s_bins=bins(sums.rejected),
            accepted_count=number(sums.accepted_count),
            accepted_s_sum=total(sums.accepted_s),
            accepted_s_bins=bins(sums.accepted),
            open_count=number(sums.open_count),
            given_count=number(sums.given_count),
            due_count=number(sums.due_count),
            yielded_count=number(sums.yielded_count),
            excused_count=number(sums.excused_count),
            unhindered_count=number(sums.unhindered_count),
        )


# A road user: when and where it was last, along the road and to its left, 1 on the carriageway, on
# which side of it else (_END: beyond an end), how far from the nearest kerb, its speed (NaN:
# unknown) and kind, which way along the road it goes (1, -1; 0 unknown), where it was before and
# when, its attempt (-1: none), since when it seems to have leapt, its velocity.
_T, _X, _Y, _ALONG, _O, _IN, _AT_SIDE, _OFF, _SPEED, _KIND, _WAY = range(11)
_ALONG_BEFORE, _T_BEFORE, _TRY, _LEAPT, _VX, _VY, _NOW = range(11, 18)
_USER_COLUMNS = 18

# An attempt to cross. Of _STATE: at the kerb, out on the carriageway, gone from it, all is known.
_NOTHING, _KERB, _OUT, _GONE, _SETTLED = 0.0, 1.0, 2.0, 3.0, 4.0
(
    _STATE,
    _USER,
    _SIDE,  # by which kerb it steps out; _END: it was not seen to
    _CAME,  # 1: it was seen to come to the kerb
    _PLACE,  # along the road, where vehicles arrive
    _STOOD_SINCE,  # NaN: it has not stood yet
    _WAIT,
    _WAITS,  # 1 while it has not stepped out
    _OUT_S, _OUT_X, _OUT_Y, _OUT_ALONG, _OUT_O,
    _ARRIVED_S,  # the last vehicle; NaN: none
    _REJECTED, _REJECTED_S,
    _ACCEPTED,  # NaN: no vehicle has come since
    _YIELDED, _REFUSED, _EXCUSED, _UNHINDERED,
    _NEAR,  # 1 while near the other kerb
    _LEFT_S, _LEFT_AT, _LEFT_X, _LEFT_Y, _LEFT_ALONG, _LEFT_O, _LEFT_SIDE,
    _N, _FOOT_STEPS, _PAUSED,
    _ST, _STT, _SX, _SXT, _SY, _SYT,  # sums for the walking speed, from where it stepped out
    _THEN,  # all from _LEFT_S on, as it was when it came near the other kerb
) = range(39)  # fmt: skip
_KEPT = _THEN - _LEFT_S
_TRY_COLUMNS = _THEN + _KEPT

# An attempt and a vehicle: how they stand, when it would have arrived, 1 once its path is passed.
_UNMET, _COMES, _DUE, _TOO_NEAR, _OVER = 0.0, 1.0, 2.0, 3.0, 4.0


@numba.njit(cache=True, nogil=True)
def _follow(
    rows: Whole,
    movers: Floats,
    users: Floats,
    tries: Floats,
    bins: Whole,
    on_marks: Whole,
    pairs: Floats,
    axis: Floats,
    edges: Floats,
    marks: Floats,
    gap_edges: Floats,
    at: int,
    media_s: float,
) -> tuple[bool, int]:
    """Takes one scene: every road user's step, and then what vehicles do at each attempt. Whether
    anybody is settled, and how many rows of attempts are free."""
    drivers = np.empty(len(rows), np.int64)
    count = 0
    for row in range(len(rows)):
        user, mover = rows[row], movers[row]
        users[user, _NOW] = 0.0
        if mover[SEEN] == 1.0 and not math.isnan(mover[EAST]):
            _take(
                user, mover[EAST], mover[NORTH], mover[SPEED], int(mover[KIND]), users, tries,
                bins, on_marks, pairs, axis, edges, marks, at, media_s,
            )  # fmt: skip
            if users[user, _NOW] == 1.0 and _drives(users[user]):
                drivers[count] = user
                count += 1
    drivers = drivers[:count]
    settled, spare = False, 0
    for number in range(len(tries)):
        one = tries[number]
        if one[_STATE] == _NOTHING:
            spare += 1
            continue
        if one[_STATE] == _KERB and math.isnan(one[_STOOD_SINCE]):
            continue
        for driver in range(count):
            vehicle = int(drivers[driver])
            if pairs[number, vehicle, 0] != _OVER and vehicle != int(one[_USER]):
                _pair(number, vehicle, drivers, users, tries, bins, pairs, gap_edges, media_s)
        if one[_STATE] == _GONE and _is_settled(one, pairs[number], media_s):
            one[_STATE] = _SETTLED
            settled = True
    return settled, spare


@numba.njit(cache=True, nogil=True)
def _is_settled(one: Floats, pairs: Floats, media_s: float) -> bool:
    """Whether nothing more is to be learnt of somebody who is gone."""
    if media_s - one[_LEFT_S] >= SETTLE_S:
        return True
    if math.isnan(one[_ACCEPTED]):
        return False
    open_ = 0
    for user in range(len(pairs)):
        open_ += pairs[user, 0] == _DUE
    return open_ == 0


@numba.njit(cache=True, nogil=True)
def _drives(one: Floats) -> bool:
    """Whether somebody is traffic on this carriageway."""
    if one[_WAY] == 0.0 or one[_KIND] == _ON_FOOT or one[_KIND] == _UNKNOWN:
        return False
    on_road = one[_IN] == 1.0 or one[_AT_SIDE] == _END  # or on its way to this piece of it
    if one[_KIND] == _BICYCLE:
        return bool(on_road and one[_SPEED] > PUSHED_M_S_MAX)
    return bool(on_road or one[_OFF] <= NEAR_M)


@numba.njit(cache=True, nogil=True)
def _pair(
    number: int,
    user: int,
    drivers: Whole,
    users: Floats,
    tries: Floats,
    bins: Whole,
    pairs: Floats,
    gap_edges: Floats,
    media_s: float,
) -> None:
    """What one vehicle has done at the place of one attempt since its last step."""
    one, vehicle, pair = tries[number], users[user], pairs[number, user]
    way = vehicle[_WAY]
    left_m = (one[_PLACE] - vehicle[_ALONG]) * way
    before_m = (one[_PLACE] - vehicle[_ALONG_BEFORE]) * way
    if pair[0] == _UNMET:
        if before_m <= 0.0:
            return
        pair[0], pair[2] = _COMES, 0.0
    if one[_STATE] == _GONE:
        pair[2] = 1.0
    elif one[_STATE] == _OUT and one[_SIDE] != _END and one[_WAITS] == 0.0:
        walker = users[int(one[_USER])]
        if (walker[_O] - vehicle[_O]) * one[_SIDE] < 0.0:
            pair[2] = 1.0
    if (
        pair[0] == _COMES
        and pair[2] == 0.0
        and left_m > 0.0
        and vehicle[_SPEED] > COMES_M_S
        and left_m <= YIELD_WITHIN_S * vehicle[_SPEED]
        and not _behind(user, left_m, one[_PLACE], drivers, users)
    ):
        speed = vehicle[_SPEED]
        stops_m = speed * REACTION_S + speed * speed / (2.0 * COMFORT_M_S2)
        pair[0] = _DUE if left_m >= stops_m else _TOO_NEAR
        pair[1] = media_s + left_m / speed
    if pair[0] == _DUE and pair[2] == 1.0 and media_s >= pair[1] + YIELD_DELAY_S:
        one[_YIELDED] += 1.0
        pair[0] = _COMES  # it has only its arrival left to tell, for the gap
        pair[1] = math.inf
    if left_m > 0.0 or before_m <= 0.0:
        return
    share = before_m / (before_m - left_m)
    arrived_s = vehicle[_T_BEFORE] + share * (vehicle[_T] - vehicle[_T_BEFORE])
    if pair[0] == _DUE:
        if pair[2] == 0.0:
            one[_REFUSED] += 1.0
        elif arrived_s >= pair[1] + YIELD_DELAY_S:
            one[_YIELDED] += 1.0
        else:
            one[_UNHINDERED] += 1.0
    elif pair[0] == _TOO_NEAR and pair[2] == 0.0:
        one[_EXCUSED] += 1.0
    pair[0] = _OVER
    if one[_STATE] == _KERB or one[_WAITS] == 1.0:
        since_s = one[_STOOD_SINCE]
        if not math.isnan(one[_ARRIVED_S]):
            since_s = max(since_s, one[_ARRIVED_S])
        if arrived_s > since_s:
            gap_s = arrived_s - since_s
            one[_REJECTED] += 1.0
            one[_REJECTED_S] += gap_s
            bins[number, np.searchsorted(gap_edges, gap_s, side="right")] += 1
        one[_ARRIVED_S] = arrived_s
    elif math.isnan(one[_ACCEPTED]) and arrived_s >= one[_OUT_S]:
        one[_ACCEPTED] = arrived_s - one[_OUT_S]


@numba.njit(cache=True, nogil=True)
def _behind(user: int, left_m: float, place_m: float, drivers: Whole, users: Floats) -> bool:
    """Whether another vehicle drives between this one and the place."""
    for driver in drivers:
        other = users[driver]
        if (
            driver != user
            and other[_WAY] == users[user, _WAY]
            and abs(other[_O] - users[user, _O]) < LANE_M
            and 0.0 < (place_m - other[_ALONG]) * other[_WAY] < left_m
        ):
            return True
    return False


@numba.njit(cache=True, nogil=True)
def _take(
    user: int,
    x_m: float,
    y_m: float,
    speed_m_s: float,
    kind: int,
    users: Floats,
    tries: Floats,
    bins: Whole,
    on_marks: Whole,
    pairs: Floats,
    axis: Floats,
    edges: Floats,
    marks: Floats,
    at: int,
    media_s: float,
) -> None:
    """One step of one road user: where it is now, and what that makes of its attempt."""
    one = users[user]
    walks = kind in (_ON_FOOT, _UNKNOWN, _BICYCLE)
    fresh = math.isnan(one[_T])
    passed_s = 0.0 if fresh else media_s - one[_T]
    if not fresh and passed_s <= 0.0:
        return
    if not fresh and kind in (_ON_FOOT, _UNKNOWN):
        moved_m = math.hypot(x_m - one[_X], y_m - one[_Y])
        if moved_m > LEAP_M + ON_FOOT_M_S_MAX * passed_s:
            if math.isnan(one[_LEAPT]):
                one[_LEAPT] = media_s
            if media_s - one[_LEAPT] < LEAP_S:
                return
            if one[_TRY] >= 0.0:  # it is somebody else, or was never there
                _clear(tries[int(one[_TRY])], 0)
                one[_TRY] = -1.0
            fresh = True
    one[_LEAPT] = math.nan
    was_in, was_side, was_off_m = one[_IN], one[_AT_SIDE], one[_OFF]
    was_x, was_y, was_along, was_o = one[_X], one[_Y], one[_ALONG], one[_O]
    was_s = one[_T]
    along_m, o_m = _along(axis, x_m, y_m)
    inside, side, off_m = _where(edges, 0, x_m, y_m)
    one[_T_BEFORE], one[_ALONG_BEFORE] = (
        media_s if fresh else was_s,
        along_m if fresh else was_along,
    )
    one[_T], one[_X], one[_Y], one[_ALONG], one[_O] = media_s, x_m, y_m, along_m, o_m
    one[_IN], one[_AT_SIDE], one[_OFF] = 1.0 if inside else 0.0, side, off_m
    one[_SPEED], one[_KIND], one[_NOW] = speed_m_s, kind, 1.0
    if fresh:
        one[_VX] = one[_VY] = 0.0
    else:
        fade = math.exp(-passed_s / 0.4)
        one[_VX] = fade * one[_VX] + (1.0 - fade) * (x_m - was_x) / passed_s
        one[_VY] = fade * one[_VY] + (1.0 - fade) * (y_m - was_y) / passed_s
        if abs(along_m - was_along) > 0.2 * passed_s and not (speed_m_s < STANDS_M_S):
            one[_WAY] = math.copysign(1.0, along_m - was_along)
    if not walks and one[_TRY] < 0.0:
        return

    number = int(one[_TRY])
    stands = speed_m_s < STANDS_M_S
    at_kerb = not inside and side != _END and off_m <= KERB_M
    if number < 0:
        if not at_kerb and not inside:
            return
        number = _begin(user, at_kerb, side, along_m, users, tries, bins, on_marks, pairs)
        new = tries[number]
        if inside:
            if not fresh and was_in == 0.0 and was_side != _END:
                new[_SIDE] = was_side  # from further away than the kerb's reach, in one step
            _step_out(new, media_s, x_m, y_m, along_m, o_m)
    trial = tries[number]

    if trial[_STATE] == _KERB:
        if at_kerb and side == trial[_SIDE]:
            _wait(trial, number, stands, passed_s, along_m, media_s, bins, pairs)
            return
        if not inside:  # gone elsewhere
            _clear(trial, 0)
            one[_TRY] = -1.0
            return
        share = was_off_m / max(1e-9, was_off_m + off_m)
        out_along = was_along + share * (along_m - was_along)
        trial[_STATE] = _OUT
        if abs(out_along - trial[_PLACE]) > ONWARD_M:
            _forget_wait(trial, number, bins, pairs)
        trial[_PLACE] = out_along
        _step_out(
            trial, was_s + share * passed_s, was_x + share * (x_m - was_x),
            was_y + share * (y_m - was_y), out_along, was_o + share * (o_m - was_o),
        )  # fmt: skip
        _add(trial, number, kind, stands, 0.0, x_m, y_m, media_s, marks, on_marks)
        return

    if inside:
        if side == trial[_SIDE] != _END and off_m <= OUT_M:
            trial[_NEAR] = 0.0
            if stands:  # in the gutter, or its place is not known better: it has not stepped out
                _wait(trial, number, stands, passed_s, along_m, media_s, bins, pairs)
            if stands or media_s - trial[_OUT_S] > EDGE_S:
                trial[_WAITS] = 1.0 if stands else trial[_WAITS]
                _step_out(trial, media_s, x_m, y_m, along_m, o_m)
                return
        elif side == -trial[_SIDE] != _END and off_m <= OUT_M:
            if trial[_NEAR] == 0.0:
                for column in range(_KEPT):
                    trial[_THEN + column] = trial[_LEFT_S + column]
            elif media_s - trial[_THEN] > EDGE_S:
                for column in range(_KEPT):
                    trial[_LEFT_S + column] = trial[_THEN + column]
                trial[_LEFT_SIDE] = side
                _go(trial, one)
                return
            trial[_NEAR] = 1.0
        elif trial[_NEAR] == 1.0:
            back_m = (o_m - trial[_THEN + _LEFT_O - _LEFT_S]) * trial[_SIDE]
            if back_m > OUT_M:
                # It was across, and goes back; or its track is somebody else's now, whom it met.
                came_from = trial[_SIDE]
                for column in range(_KEPT):
                    trial[_LEFT_S + column] = trial[_THEN + column]
                trial[_LEFT_SIDE] = -came_from
                _go(trial, one)
                number = _begin(user, False, _END, along_m, users, tries, bins, on_marks, pairs)
                trial = tries[number]
                trial[_SIDE] = -came_from
                _step_out(trial, media_s, x_m, y_m, along_m, o_m)
        trial[_WAITS] = 0.0
        _add(trial, number, kind, stands, passed_s, x_m, y_m, media_s, marks, on_marks)
        trial[_LEFT_S], trial[_LEFT_AT] = media_s, at
        trial[_LEFT_X], trial[_LEFT_Y] = x_m, y_m
        trial[_LEFT_ALONG], trial[_LEFT_O], trial[_LEFT_SIDE] = along_m, o_m, _END
        return

    if side == trial[_SIDE] and side != _END:
        # Turned back; at the kerb it goes on waiting.
        if at_kerb:
            trial[_STATE], trial[_WAITS] = _KERB, 0.0
            _wait(trial, number, stands, passed_s, along_m, media_s, bins, pairs)
        else:
            _clear(trial, 0)
            one[_TRY] = -1.0
        return
    share = was_off_m / max(1e-9, was_off_m + off_m) if was_in == 1.0 else 1.0
    trial[_LEFT_S] = was_s + share * passed_s
    trial[_LEFT_AT] = at - round((1.0 - share) * passed_s * 1e6)
    trial[_LEFT_X], trial[_LEFT_Y] = was_x + share * (x_m - was_x), was_y + share * (y_m - was_y)
    trial[_LEFT_ALONG] = was_along + share * (along_m - was_along)
    trial[_LEFT_O] = was_o + share * (o_m - was_o)
    trial[_LEFT_SIDE] = side
    _go(trial, one)


@numba.njit(cache=True, nogil=True)
def _begin(
    user: int,
    at_kerb: bool,
    side: float,
    along_m: float,
    users: Floats,
    tries: Floats,
    bins: Whole,
    on_marks: Whole,
    pairs: Floats,
) -> int:
    """A new attempt of a road user, in a row that belongs to nobody."""
    number = 0
    while tries[number, _STATE] != _NOTHING:
        number += 1
    users[user, _TRY] = number
    new = tries[number]
    _clear(new, 0)
    _unmeet(number, bins, pairs)
    _clear_marks(number, on_marks)
    new[_USER], new[_STATE] = user, _KERB if at_kerb else _OUT
    new[_SIDE] = side if at_kerb else _END
    new[_CAME] = 1.0 if at_kerb else 0.0
    new[_PLACE] = along_m
    new[_STOOD_SINCE] = new[_ARRIVED_S] = new[_ACCEPTED] = math.nan
    return number


@numba.njit(cache=True, nogil=True)
def _go(trial: Floats, one: Floats) -> None:
    """The attempt of a road user is over; its vehicles are still to come."""
    trial[_STATE], trial[_WAITS], trial[_USER] = _GONE, 0.0, -1.0
    one[_TRY] = -1.0


@numba.njit(cache=True, nogil=True)
def _wait(
    trial: Floats,
    number: int,
    stands: bool,
    passed_s: float,
    along_m: float,
    media_s: float,
    bins: Whole,
    pairs: Floats,
) -> None:
    """A step at the kerb."""
    if abs(along_m - trial[_PLACE]) > ONWARD_M:
        _forget_wait(trial, number, bins, pairs)
        trial[_PLACE] = along_m
    if not stands:
        if math.isnan(trial[_STOOD_SINCE]):
            trial[_PLACE] = along_m
        return
    if math.isnan(trial[_STOOD_SINCE]):
        _forget_wait(trial, number, bins, pairs)
        trial[_STOOD_SINCE], trial[_PLACE] = media_s - passed_s, along_m
    trial[_WAIT] += passed_s


@numba.njit(cache=True, nogil=True)
def _forget_wait(trial: Floats, number: int, bins: Whole, pairs: Floats) -> None:
    trial[_WAIT] = trial[_REJECTED] = trial[_REJECTED_S] = 0.0
    trial[_REFUSED] = trial[_EXCUSED] = trial[_YIELDED] = trial[_UNHINDERED] = 0.0
    trial[_STOOD_SINCE] = trial[_ARRIVED_S] = math.nan
    _unmeet(number, bins, pairs)


@numba.njit(cache=True, nogil=True)
def _clear(row: Floats, first: int) -> None:
    for column in range(first, len(row)):
        row[column] = 0.0


@numba.njit(cache=True, nogil=True)
def _unmeet(number: int, bins: Whole, pairs: Floats) -> None:
    """Nothing is known of vehicles at an attempt."""
    for column in range(bins.shape[1]):
        bins[number, column] = 0
    for user in range(pairs.shape[1]):
        for column in range(3):
            pairs[number, user, column] = 0.0


@numba.njit(cache=True, nogil=True)
def _clear_marks(number: int, on_marks: Whole) -> None:
    for mark in range(on_marks.shape[1]):
        on_marks[number, mark] = 0


@numba.njit(cache=True, nogil=True)
def _step_out(
    trial: Floats, media_s: float, x_m: float, y_m: float, along_m: float, o_m: float
) -> None:
    trial[_OUT_S], trial[_OUT_X], trial[_OUT_Y] = media_s, x_m, y_m
    trial[_OUT_ALONG], trial[_OUT_O] = along_m, o_m
    _clear(trial, _LEFT_S)


@numba.njit(cache=True, nogil=True)
def _add(
    trial: Floats,
    number: int,
    kind: int,
    stands: bool,
    passed_s: float,
    x_m: float,
    y_m: float,
    media_s: float,
    marks: Floats,
    on_marks: Whole,
) -> None:
    """A step on the carriageway."""
    if trial[_N] == 0.0:
        _clear_marks(number, on_marks)
    trial[_N] += 1.0
    trial[_FOOT_STEPS] += 1.0 if kind == _ON_FOOT else 0.0
    if stands:
        trial[_PAUSED] += passed_s
    t, x, y = media_s - trial[_OUT_S], x_m - trial[_OUT_X], y_m - trial[_OUT_Y]
    trial[_ST] += t
    trial[_STT] += t * t
    trial[_SX] += x
    trial[_SXT] += x * t
    trial[_SY] += y
    trial[_SYT] += y * t
    for mark in range(on_marks.shape[1]):
        inside, _, off_m = _where(marks, mark, x_m, y_m)
        if inside or off_m <= BESIDE_M:
            on_marks[number, mark] += 1


@numba.njit(cache=True, nogil=True)
def _along(axis: Floats, x_m: float, y_m: float) -> tuple[float, float]:
    """How far along a line, rows of (x, y, metres from its start), a point lies, and how far to its
    left; the line goes straight on beyond its ends."""
    best, along_m, left_m = math.inf, 0.0, 0.0
    last = len(axis) - 2
    for row in range(last + 1):
        step_x, step_y = axis[row + 1, 0] - axis[row, 0], axis[row + 1, 1] - axis[row, 1]
        length = axis[row + 1, 2] - axis[row, 2]
        off_x, off_y = x_m - axis[row, 0], y_m - axis[row, 1]
        on = (off_x * step_x + off_y * step_y) / length
        aside = (step_x * off_y - step_y * off_x) / length
        beyond = 0.0
        if on < 0.0 and row > 0:
            beyond = -on
        elif on > length and row < last:
            beyond = on - length
        away = math.hypot(aside, beyond)
        if away < best:
            best, left_m = away, aside
            along_m = axis[row, 2] + on
            if beyond > 0.0:
                along_m = axis[row, 2] + min(max(on, 0.0), length)
    return along_m, left_m


@numba.njit(cache=True, nogil=True)
def _where(edges: Floats, which: int, x_m: float, y_m: float) -> tuple[bool, float, float]:
    """Whether a point is inside one of some polygons, rows of (x, y, x, y, what the edge is, which
    polygon), what its nearest edge is, and how far that is."""
    inside = False
    nearest, what = math.inf, 0.0
    for row in range(len(edges)):
        if edges[row, 5] != which:
            continue
        x1, y1, x2, y2 = edges[row, 0], edges[row, 1], edges[row, 2], edges[row, 3]
        if (y1 <= y_m) != (y2 <= y_m) and x_m < x1 + (y_m - y1) * (x2 - x1) / (y2 - y1):
            inside = not inside
        step_x, step_y = x2 - x1, y2 - y1
        share = ((x_m - x1) * step_x + (y_m - y1) * step_y) / (step_x * step_x + step_y * step_y)
        share = min(1.0, max(0.0, share))
        away = math.hypot(x1 + share * step_x - x_m, y1 + share * step_y - y_m)
        if away < nearest - 1e-9:
            nearest, what = away, edges[row, 4]
    return inside, what, nearest


def _speed(one: Floats, took_s: float) -> float | None:
    """The walking speed of an attempt that is over."""
    n, st, stt = float(one[_N]), float(one[_ST]), float(one[_STT])
    spread = n * stt - st * st
    if one[_PAUSED] > PAUSE_S:
        return None
    if n < 4 or spread <= 1e-6:
        way_m = math.hypot(one[_LEFT_X] - one[_OUT_X], one[_LEFT_Y] - one[_OUT_Y])
        return float(way_m / took_s)
    east = (n * one[_SXT] - one[_SX] * st) / spread
    north = (n * one[_SYT] - one[_SY] * st) / spread
    return float(math.hypot(east, north))


def _bin(value: float, edges: Sequence[float]) -> int:
    return bisect.bisect_right(edges, value)


def _mean(total: float | None, count: int | None) -> float | None:
    return total / count if total is not None and count else None


def _pairs(points: Sequence[Point]) -> list[tuple[float, float]]:
    return [(point.x_m, point.y_m) for point in points]


def _polygon(corners: Sequence[Point], what: str) -> shapely.Polygon:
    pairs = _pairs(corners)
    if len(set(pairs)) < 3 or not all(math.isfinite(x) and math.isfinite(y) for x, y in pairs):
        raise Misconfigured(f"{what} has fewer than three corners", hint="as in a rectangle")
    polygon = shapely.Polygon(pairs)
    if not polygon.is_valid:
        raise Misconfigured(
            f"{what} is not a simple polygon: {shapely.is_valid_reason(polygon)}",
            hint="go around its corners once, without crossing an edge",
        )
    return polygon


def _middle_of(polygon: shapely.Polygon) -> tuple[Point, ...]:
    """The middle of the narrowest rectangle around `polygon`, along it."""
    corners = np.array(shapely.oriented_envelope(polygon).exterior.coords)[:4]
    sides = np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)
    first = 0 if sides[0] <= sides[1] else 1
    one = 0.5 * (corners[first] + corners[(first + 1) % 4])
    other = 0.5 * (corners[(first + 2) % 4] + corners[(first + 3) % 4])
    ends = sorted([(round(float(x), 6), round(float(y), 6)) for x, y in (one, other)])
    return tuple(Point(x, y) for x, y in ends)


def _far(middle: Sequence[Point]) -> list[tuple[float, float]]:
    """`middle` as pairs, gone on for a kilometre beyond both ends."""
    points = np.array(_pairs(middle))
    first, last = points[0] - points[1], points[-1] - points[-2]
    before = points[0] + 1000.0 * first / math.hypot(*first)
    after = points[-1] + 1000.0 * last / math.hypot(*last)
    return [tuple(point) for point in np.vstack([before, points, after])]


def _axis(middle: Sequence[Point]) -> Floats:
    """(K, 3): the points of a line, and how far along it each lies."""
    points = np.array(_pairs(middle))
    steps = np.hypot(*np.diff(points, axis=0).T) if len(points) > 1 else np.zeros(0)
    if len(points) < 2 or not np.isfinite(points).all() or not (steps > 0.0).all():
        raise Misconfigured(
            "a middle line needs two points at least, each unlike the one before it",
            hint="draw it along the road",
        )
    return np.column_stack([points, np.concatenate([[0.0], np.cumsum(steps)])])


def _sides(corners: Sequence[Point], middle: Sequence[Point]) -> Floats:
    """What each edge of a carriageway is, from each corner to the next: a kerb on the left or on
    the right of its middle line, or an end, which the line passes."""
    axis = _axis(middle)
    line = shapely.LineString(_far(middle))
    sides = np.empty(len(corners))
    ring = [*corners, corners[0]]
    for number, (a, b) in enumerate(itertools.pairwise(ring)):
        if shapely.intersects(line, shapely.LineString(_pairs([a, b]))):
            sides[number] = _END
        else:
            _, left_m = _along(axis, 0.5 * (a.x_m + b.x_m), 0.5 * (a.y_m + b.y_m))
            sides[number] = math.copysign(1.0, left_m)
    return sides


def _edges_of(corners: Sequence[Point], what: Floats, which: int = 0) -> Floats:
    """(K, 6): both ends of each edge of a polygon, what it is, and of which polygon."""
    points = np.array(_pairs(corners))
    number = np.full(len(points), float(which))
    return np.column_stack([points, np.roll(points, -1, axis=0), what, number])
