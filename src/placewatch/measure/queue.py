"""Queue: how many wait in a lane before a stop line, how far back, and how long it costs them.

How this works. Everybody in an approach has a distance along it, from the stop line to the middle
of the vehicle, and is as long as its kind usually is: a camera knows no better.

    stands   slower than 5 km/h for a second, until it is faster for half a second
    queue    standing vehicles behind each other with gaps of at most 10 m; the longest of a lane
    back     how far the rear of its last vehicle is from the stop line

These are the bounds of SUMO's lane area detector (E2), so that a queue means here what it means
there. In a lane that a signal or a right of way stops, time falls into cycles: the head of the lane
stands, the queue grows, somebody departs (green, or a gap), the queue dissolves, and the last one
departs before a head stands again. A cycle lasts from one such last departure to the next:

    departures  │ │││││ │                │ │ │││ │
    the head            ╵ ▁▁▁▁▁▁▁▁▁▁▁▁▁▁ ╵       ╵
                      start            green    end

That a cycle is over is known once a head stands and for 10 s nobody has departed from the lane, nor
been just beyond the line: who waits there to turn left has green.

Control delay is the time from the upstream end of the approach to the stop line less the time that
who is undisturbed takes (Highway Capacity Manual 2000, chapter 16 and its appendix A). Undisturbed
is who came in 4 s or more after the one before it in its lane and took as long for the second half
of the approach as for the first, within 15 %; the median of the last 200 such is the free time,
once there are 10.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.errors import Misconfigured
from placewatch.core.facts import LaneQueue
from placewatch.core.ids import CameraId
from placewatch.core.kinds import KINDS, NUMBER_OF, Kind
from placewatch.core.space import Point
from placewatch.core.time import UtcMicros
from placewatch.measure.anchor import LAID
from placewatch.measure.flow import UNSEEN_AFTER_S
from placewatch.measure.ground import VIEW_COLUMNS, Ground, place
from placewatch.measure.roster import Roster
from placewatch.measure.scene import EAST, KIND, NORTH, SEEN, SPEED, Movers, Scene, X, Y
from placewatch.measure.stage import longer

STANDS_M_S = 5.0 / 3.6  # E2's speedThreshold
STANDS_S = 1.0  # E2's timeThreshold
MOVES_S = 0.5  # who is faster for this long has moved off; one frame is noise
GAP_M = 10.0  # E2's jamThreshold
HEAD_M = 10.0  # who is first in its lane and this near to the stop line waits at it
RED_S = 10.0  # without a departure and with somebody waiting: shorter is no signal's red
STOP_M = 3.0  # who has moved less than this since its last stop has not stopped again
CYCLE_S_MAX = 300.0  # where nobody waits a cycle ends after this, so that there are figures
TURNING_M = 3.0  # beside the approach, somebody beyond the stop line is still of it
BEYOND_M = 15.0  # of the way after the stop line and before the approach are followed, too
ASIDE_S = 0.7  # over which it is judged in which lane somebody is
BESIDE_M = 1.0  # a car and a bicycle beside each other are farther apart; nearer it is one vehicle
ENTERED_SHARE = 0.9  # of the approach: who is first seen this far up has come in at its end
HEADWAY_S = 4.0
UNDISTURBED = 1.15  # how much longer one half of the approach may take than the other
FREE_MIN, FREE_KEPT = 10, 200  # of ten whose speeds differ by 10 %, the median is off by 4 %
POINTS_MAX = 16  # of an approach

USUAL_SIZES_M = {
    Kind.PEDESTRIAN: (0.5, 0.5),
    Kind.BICYCLE: (1.8, 0.6),
    Kind.MOTORCYCLE: (2.1, 0.8),
    Kind.CAR: (4.5, 1.8),
    Kind.VAN: (5.5, 2.0),
    Kind.BUS: (12.0, 2.5),
    Kind.TRUCK: (8.5, 2.5),
    Kind.UNKNOWN: (4.5, 1.8),
}
"""How long and wide each kind usually is, with what drives in a town in mind."""

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

_SIZES: Floats = np.array([USUAL_SIZES_M[kind] for kind in KINDS])
_DEEP = np.where(np.array(LAID)[:, None], 0.0, _SIZES)  # behind where it is seen to stand
_ON_FOOT = NUMBER_OF[Kind.PEDESTRIAN]

# Of an approach: how long, how wide, how many lanes, the number of its first lane, how many points.
_LENGTH, _WIDTH, _LANES, _FIRST_LANE, _POINTS = range(5)
_OF_APPROACH = 5

# Of each road user: its approach and its lane (-1: none), how far its middle is from the stop line,
# how far to the right of the approach's middle, when that was; since when it has been slow or,
# while it stands, fast (NaN: is not), 1 while it stands, where it stood last (NaN: never), the
# least distance so far, 1 once it has passed the stop line (_ELSEWHERE: it was never before it);
# when it came in, how long after the one before it, when it was half way; its highest speed so
# far, how long it is, and 1 where it is seen.
(
    _APPROACH, _LANE, _S, _ASIDE, _LAST_S, _SLOW_S, _FAST_S, _STANDS, _STOOD_M, _LEAST_M, _PASSED,
    _ENTERED_S, _HEADWAY, _HALF_S, _HIGHEST, _LONG, _SEEN,
) = range(17)  # fmt: skip
_OF_USER = 17
_ELSEWHERE = 2.0

# Of each lane, what adds up: seconds watched, vehicles waiting times seconds, metres times seconds,
# stops, departures; and what is a maximum: vehicles, metres from the head to the back, metres from
# the stop line to the back, 1 if the queue reached the end of the approach.
_WATCHED, _VEHICLE_S, _METRE_S, _STOPS, _DEPARTED, _VEHICLES, _METRES, _BACK, _REACHED = range(9)
_SUMS = 5
_OF_LANE = 9

# Of each lane just now: how many wait, how long that queue is, how far back it reaches, 1 while its
# head waits at the stop line, 1 while somebody who came from it is just beyond.
_NOW_VEHICLES, _NOW_METRES, _NOW_BACK, _NOW_WAITS, _NOW_BEYOND = range(5)
_NOW = 5

# Of a departure: lane, moment, travel time (NaN: not seen to come in), 1 if it was undisturbed.
_D_LANE, _D_S, _D_TRAVEL, _D_FREE = range(4)
_OF_DEPARTURE = 4


@dataclass(frozen=True, slots=True)
class QueueCycle:
    """One lane from the last departure of one cycle to the last of the next; see the module.

    `whole` is false where watching began, was interrupted or ended within it: then maxima are at
    least what stands here. `at_least`: the queue reached the upstream end of the approach.
    """

    at: UtcMicros  # start: the last departure of the cycle before
    end: UtcMicros
    green: UtcMicros | None  # the first departure after the head stood; None where nobody waited
    coverage_s: float  # seconds of it that were watched
    camera: CameraId
    approach: str
    lane: int  # 0 is the one farthest right for who drives in it
    whole: bool
    vehicles_max: int
    vehicles_mean: float  # over time
    length_m_max: float  # from the front of the first to the rear of the last
    length_m_mean: float
    back_m_max: float  # from the stop line to the rear of the last
    at_least: bool
    departures: int
    stops: int
    travel_s_mean: float | None  # from the upstream end to the stop line; of delay_count vehicles
    free_s: float | None  # that of who is undisturbed; None while too few were
    delay_s_mean: float | None  # control delay; None where either of these is unknown
    delay_count: int  # departures that were seen to come in


@dataclass(frozen=True, slots=True)
class Signal:
    """When a signal's cycles begin, where that is known: at `at` and every `cycle_s` from then."""

    at: UtcMicros
    cycle_s: float


@dataclass(frozen=True, slots=True)
class Approach:
    """A way up to a stop line: `middle` are points of its middle from the stop line upstream,
    `width_m` is that of its `lanes` together, all as wide.

    `free_m_s` is the speed of who is undisturbed, where one would rather say than measure it.
    With `signal` cycles are as it says, not as they are seen. Raises Misconfigured.
    """

    name: str
    middle: tuple[Point, ...]
    width_m: float = 3.2
    lanes: int = 1
    free_m_s: float | None = None
    signal: Signal | None = None

    def __post_init__(self) -> None:
        if not 2 <= len(self.middle) <= POINTS_MAX:
            raise Misconfigured(
                f'approach "{self.name}" has {len(self.middle)} points',
                hint=f"give 2 to {POINTS_MAX}, the first at the stop line",
            )
        if not (self.width_m > 0.0 and self.lanes >= 1 and self.length_m > 0.0):
            raise Misconfigured(
                f'approach "{self.name}" has no length, width or lane',
                hint="give the width of all lanes together in metres, as in 3.2",
            )
        if self.free_m_s is not None and not self.free_m_s > 0.0:
            raise Misconfigured(f'the free speed of approach "{self.name}" is not above 0')
        if self.signal is not None and not self.signal.cycle_s > 0.0:
            raise Misconfigured(f'the signal of approach "{self.name}" has no cycle')

    @property
    def length_m(self) -> float:
        return float(np.hypot(*np.diff(self._points, axis=0).T).sum())

    @property
    def _points(self) -> Floats:
        return np.array([(point.x_m, point.y_m) for point in self.middle])

    @classmethod
    def of_corners(cls, name: str, corners: Sequence[Point], lanes: int = 1) -> "Approach":
        """A straight one from its four corners: left and right end of the stop line as who comes
        sees it, then the right and the left corner upstream."""
        if len(corners) != 4:
            raise Misconfigured(
                f'approach "{name}" has {len(corners)} corners',
                hint="give 4: left and right at the stop line, right and left upstream",
            )
        a, b, c, d = corners
        if _cross(a, d, b, c) or _cross(a, b, c, d):
            raise Misconfigured(
                f'the sides of approach "{name}" cross each other',
                hint="give left and right at the stop line, then right and left upstream",
            )
        near = Point((a.x_m + b.x_m) / 2, (a.y_m + b.y_m) / 2)
        far = Point((c.x_m + d.x_m) / 2, (c.y_m + d.y_m) / 2)
        widths = (math.dist((p.x_m, p.y_m), (q.x_m, q.y_m)) for p, q in ((a, b), (c, d)))
        return cls(name, (near, far), sum(widths) / 2, lanes)


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether the straight ways from `a` to `b` and from `c` to `d` cross."""

    def side(p: Point, q: Point, r: Point) -> float:
        return (q.x_m - p.x_m) * (r.y_m - p.y_m) - (q.y_m - p.y_m) * (r.x_m - p.x_m)

    return side(a, b, c) * side(a, b, d) < 0.0 and side(c, d, a) * side(c, d, b) < 0.0


@dataclass(frozen=True, slots=True)
class DelayTable:
    """Levels of service by control delay: `levels` from the best, and the longest delay of each
    but the last. `source` is where the bounds stand."""

    name: str
    source: str
    delay_s_max: tuple[float, ...]
    levels: tuple[str, ...] = ("A", "B", "C", "D", "E", "F")

    def level(self, delay_s: float) -> str:
        """The letter of a delay; on a bound, the better of the two."""
        return self.levels[int(np.searchsorted(self.delay_s_max, delay_s))]


HCM_SIGNAL = DelayTable(
    "HCM, signal",
    "Highway Capacity Manual 2000, exhibit 16-2; the same in its 6th edition, chapter 19",
    (10.0, 20.0, 35.0, 55.0, 80.0),
)

HCM_STOP = DelayTable(
    "HCM, stop or right of way",
    "Highway Capacity Manual 2000, exhibit 17-2; the same in its 6th edition, chapter 20",
    (10.0, 15.0, 25.0, 35.0, 50.0),
)

DELAY_TABLES = {"hcm-signal": HCM_SIGNAL, "hcm-stop": HCM_STOP}
"""The tables there are, by the name that settings use."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Mean control delay of `count` vehicles, and its letter. None is unknown; `why` is a sentence
    that says why then."""

    delay_s: float | None
    count: int
    level: str | None
    why: str | None = None


NOBODY_CAME = (
    "Nobody was seen from the upstream end to the stop line; let the approach begin where vehicles "
    "are seen to come in."
)
NO_FREE_TIME = (
    f"It needs {FREE_MIN} vehicles that came undisturbed, to know the time that takes; wait for "
    "more, or set free_m_s."
)


def delay_of(cycles: Iterable[QueueCycle | LaneQueue], table: DelayTable = HCM_SIGNAL) -> Delay:
    """The delay of all vehicles in `cycles`: of a lane, or of all lanes of an approach.

    The free time of the last cycle that knows one holds for those before in which too few were
    undisturbed yet; for approaches apart, ask apart.
    """
    told = sorted(cycles, key=lambda cycle: cycle.at)
    free_s = next((one.free_s for one in reversed(told) if one.free_s is not None), None)
    total_s, count = 0.0, 0
    for one in told:
        delay_s = one.delay_s_mean
        if delay_s is None and one.travel_s_mean is not None and free_s is not None:
            delay_s = max(0.0, one.travel_s_mean - free_s)
        if delay_s is not None:
            total_s += delay_s * one.delay_count
            count += one.delay_count
    if not count:
        through = sum(one.delay_count for one in told)
        return Delay(None, 0, None, NO_FREE_TIME if through else NOBODY_CAME)
    return Delay(total_s / count, count, table.level(total_s / count))


@dataclass(frozen=True, slots=True)
class Waiting:
    """A lane just now."""

    approach: str
    lane: int
    vehicles: int
    length_m: float
    back_m: float


@dataclass
class _Lane:
    """What is known of a lane's running cycle: `settled` until its last departure, `since` then.
    Times are of the source."""

    approach: int
    number: int
    start_s: float
    whole: bool = False
    waits: bool = False  # a head has stood, and nobody has departed since
    green_s: float | None = None
    departed_s: float | None = None
    beyond_s: float = -math.inf  # when somebody who came from it was last just beyond the line
    turn: int | None = None  # which cycle of a signal whose times are given
    settled: Floats = field(default_factory=lambda: np.zeros(_OF_LANE))
    travels_s: list[float] = field(default_factory=list)


class QueueMeter:
    """Follows the vehicles of one camera up to the stop lines of its approaches.

    `ground` is that of the view, so that the middle of a vehicle is known: the place of a box is at
    its near end. Without it, as for recorded tracks, the place is the middle. All memory is of who
    is in view, for 10 s longer, of the running cycles, and of 200 free times without who or when.
    """

    def __init__(
        self, camera: CameraId, approaches: Sequence[Approach], ground: Ground | None = None
    ) -> None:
        self.camera = camera
        self.approaches = tuple(approaches)
        self._view = np.zeros(VIEW_COLUMNS) if ground is None else ground.view
        self._shapes = np.zeros((len(self.approaches), _OF_APPROACH))
        self._middles = np.zeros((len(self.approaches), POINTS_MAX, 2))
        self._owners: list[tuple[int, int]] = []
        for number, one in enumerate(self.approaches):
            points = one._points
            self._shapes[number] = (
                one.length_m, one.width_m, one.lanes, len(self._owners), len(points),
            )  # fmt: skip
            self._middles[number, : len(points)] = points
            self._owners += [(number, lane) for lane in range(one.lanes)]
        self._roster = Roster()
        self._states = np.zeros((0, _OF_USER))
        self._since = np.zeros((len(self._owners), _OF_LANE))
        self._now = np.zeros((len(self._owners), _NOW))
        self._entered_s = np.full(len(self._owners), -math.inf)  # when somebody came in last
        self._departures = np.zeros((0, _OF_DEPARTURE))
        self._order = np.zeros(0, np.int64)
        self._lanes: list[_Lane] = []
        self._free_s: list[deque[float]] = [deque(maxlen=FREE_KEPT) for _ in self.approaches]
        self._last: Scene | None = None

    def measure(self, scene: Scene) -> list[QueueCycle]:
        """The cycles that `scene` ends. Scenes come in order, and also when empty."""
        last = self._last
        ended = []
        elapsed_s = 0.0 if last is None else scene.media_s - last.media_s
        if last is None or scene.after_gap or not 0.0 <= elapsed_s <= UNSEEN_AFTER_S:
            ended = self.leave()
            elapsed_s = 0.0
            self._lanes = [_Lane(*owner, start_s=scene.media_s) for owner in self._owners]
        self._last = scene
        movers = Movers.of(scene.movers)
        new, gone = self._roster.follow(movers, scene.media_s)
        while (had := len(self._states)) < len(self._roster):
            self._states = longer(self._states)
            self._states[had:, _APPROACH] = -1.0
        if gone:
            self._states[gone] = math.nan
            self._states[gone, _APPROACH] = -1.0
        if new:
            self._states[new] = math.nan
            self._states[new, _APPROACH] = -1.0
        lost = self._roster.lost
        if len(self._order) < len(movers) + len(lost):
            self._order = np.zeros(2 * (len(movers) + len(lost)), np.int64)
            self._departures = np.zeros((len(self._order), _OF_DEPARTURE))
        count = _follow(
            self._roster.users, movers.rows, lost, self._states, self._shapes, self._middles,
            self._view, scene.media_s, self._entered_s, self._since, self._departures,
        )  # fmt: skip
        # Time in which frames were skipped was not watched, and nothing is booked for it.
        watched_s = 0.0 if scene.starved else elapsed_s
        _wait(self._roster.users, lost, self._states, self._shapes, watched_s, self._order,
              self._since, self._now)  # fmt: skip
        if count:
            for lane, at_s, travel_s, free in self._departures[:count].tolist():
                self._depart(int(lane), at_s, travel_s, free == 1.0)
        for number, one in enumerate(self._lanes):
            if (cycle := self._turn(number, one, scene)) is not None:
                ended.append(cycle)
        return ended

    def leave(self) -> list[QueueCycle]:
        """The view is lost, or the recording ends: all cycles end here, and are not whole."""
        last, self._last = self._last, None
        self._roster.clear()
        self._states[:] = math.nan
        self._states[:, _APPROACH] = -1.0
        ended = []
        if last is not None:
            for number, one in enumerate(self._lanes):
                self._settle(number, one)
                one.whole = False
                if one.settled[_WATCHED] > 0.0:
                    ended.append(self._cycle(one, last.media_s, last))
        self._lanes = []
        self._since[:] = 0.0
        self._now[:] = 0.0
        self._entered_s[:] = -math.inf
        return ended

    def waiting(self) -> tuple[Waiting, ...]:
        """All lanes just now."""
        return tuple(
            Waiting(
                self.approaches[approach].name,
                lane,
                int(now[_NOW_VEHICLES]),
                float(now[_NOW_METRES]),
                float(now[_NOW_BACK]),
            )
            for (approach, lane), now in zip(self._owners, self._now, strict=True)
        )

    def free_s(self, approach: int) -> float | None:
        """How long who is undisturbed takes through that approach, by its number; None while too
        few were."""
        one = self.approaches[approach]
        if one.free_m_s is not None:
            return one.length_m / one.free_m_s
        times_s = self._free_s[approach]
        return float(np.median(times_s)) if len(times_s) >= FREE_MIN else None

    def _depart(self, number: int, at_s: float, travel_s: float, free: bool) -> None:
        one = self._lanes[number]
        if not math.isnan(travel_s):
            one.travels_s.append(travel_s)
            if free:
                self._free_s[one.approach].append(travel_s)
        if one.waits:
            one.waits = False
            if one.green_s is None:
                one.green_s = at_s
        one.departed_s = at_s
        self._settle(number, one)

    def _settle(self, number: int, one: _Lane) -> None:
        """What was seen since the last departure belongs to the running cycle."""
        since = self._since[number]
        one.settled[:_SUMS] += since[:_SUMS]
        np.maximum(one.settled[_SUMS:], since[_SUMS:], out=one.settled[_SUMS:])
        since[:] = 0.0

    def _turn(self, number: int, one: _Lane, scene: Scene) -> QueueCycle | None:
        """The cycle of a lane that is over, if one is."""
        signal = self.approaches[one.approach].signal
        waits = self._now[number, _NOW_WAITS] == 1.0
        if signal is not None:
            one.waits = one.waits or waits
            turn = math.floor((scene.at - signal.at) / (signal.cycle_s * 1e6))
            if one.turn is None or turn == one.turn:
                one.turn = turn
                return None
            one.turn = turn
            self._settle(number, one)
            return self._next(number, one, scene.media_s, scene)
        if self._now[number, _NOW_BEYOND] == 1.0:
            one.beyond_s = scene.media_s
        if waits and not one.waits:
            departed_s = one.departed_s
            if departed_s is None:
                one.waits = True
            elif scene.media_s - max(departed_s, one.beyond_s) >= RED_S:
                one.waits = True
                if departed_s > one.start_s:  # all before the standstill was the cycle before
                    return self._next(number, one, departed_s, scene)
        if not one.waits and scene.media_s - one.start_s >= CYCLE_S_MAX:
            self._settle(number, one)
            return self._next(number, one, scene.media_s, scene)
        return None

    def _next(self, number: int, one: _Lane, end_s: float, scene: Scene) -> QueueCycle:
        """The running cycle, ended at `end_s`; another begins there."""
        cycle = self._cycle(one, end_s, scene)
        self._lanes[number] = _Lane(
            one.approach, one.number, end_s, whole=True, waits=one.waits,
            departed_s=one.departed_s, beyond_s=one.beyond_s, turn=one.turn,
        )  # fmt: skip
        return cycle

    def _cycle(self, one: _Lane, end_s: float, scene: Scene) -> QueueCycle:
        def at(media_s: float) -> UtcMicros:
            return UtcMicros(scene.at - round((scene.media_s - media_s) * 1e6))

        seen_s, vehicle_s, metre_s, stops, departed, vehicles, metres, back, reached = (
            one.settled.tolist()
        )
        free_s = self.free_s(one.approach)
        travels_s = one.travels_s
        delay_s = None
        if travels_s and free_s is not None:
            delay_s = sum(max(0.0, travel - free_s) for travel in travels_s) / len(travels_s)
        return QueueCycle(
            at=at(one.start_s),
            end=at(end_s),
            green=None if one.green_s is None else at(one.green_s),
            coverage_s=seen_s,
            camera=self.camera,
            approach=self.approaches[one.approach].name,
            lane=one.number,
            whole=one.whole,
            vehicles_max=int(vehicles),
            vehicles_mean=vehicle_s / seen_s if seen_s else 0.0,
            length_m_max=metres,
            length_m_mean=metre_s / seen_s if seen_s else 0.0,
            back_m_max=back,
            at_least=reached == 1.0,
            departures=int(departed),
            stops=int(stops),
            travel_s_mean=sum(travels_s) / len(travels_s) if travels_s else None,
            free_s=free_s,
            delay_s_mean=delay_s,
            delay_count=len(travels_s),
        )


@numba.njit(cache=True, nogil=True)
def _follow(
    users: Whole,
    movers: Floats,
    lost: Whole,
    states: Floats,
    shapes: Floats,
    middles: Floats,
    view: Floats,
    media_s: float,
    entered_s: Floats,
    since: Floats,
    departures: Floats,
) -> int:
    """The step of everybody; how many rows of `departures` are those of this scene."""
    count = 0
    for user in lost:
        states[user, _SEEN] = 0.0
    for row in range(len(users)):
        mover, state = movers[row], states[users[row]]
        kind = int(mover[KIND])
        east, north = mover[EAST], mover[NORTH]
        if kind == _ON_FOOT or math.isnan(east):
            state[_APPROACH] = -1.0
            continue
        away_x, away_y = _away(view, mover[X], mover[Y])
        best, best_s, best_aside = -1, 0.0, math.inf
        for number in range(len(shapes)):
            shape = shapes[number]
            s, aside = _along(
                middles[number, : int(shape[_POINTS])], east, north, away_x, away_y, kind
            )
            if not -BEYOND_M <= s <= shape[_LENGTH] + BEYOND_M:
                continue
            # Who has passed the line may turn and is still just beyond it, even where that is
            # before another line, too.
            is_here = state[_APPROACH] == number
            turns = is_here and s <= 0.0
            wide_m = 0.5 * shape[_WIDTH] + (TURNING_M if turns else 0.0)
            if abs(aside) <= wide_m and (is_here or abs(aside) < abs(best_aside)):
                best, best_s, best_aside = number, s, aside
                if is_here:
                    break
        if best < 0:
            # Out of it; where it comes back at once it goes on.
            if state[_APPROACH] >= 0.0 and media_s - state[_LAST_S] > STANDS_S:
                state[_APPROACH] = -1.0
            continue
        if state[_APPROACH] != best:
            _arrive(state, best, best_s, best_aside, media_s)
        if _step(
            state, shapes[best], best_s, best_aside, mover, media_s, entered_s, since,
            departures[count],
        ):  # fmt: skip
            count += 1
    return count


@numba.njit(cache=True, nogil=True)
def _arrive(state: Floats, approach: int, s: float, aside: float, media_s: float) -> None:
    state[:] = math.nan
    state[_APPROACH], state[_S], state[_ASIDE], state[_LAST_S] = approach, s, aside, media_s
    state[_STANDS] = 0.0
    state[_LEAST_M] = math.inf
    state[_PASSED] = _ELSEWHERE if s <= 0.0 else 0.0
    state[_HIGHEST] = 0.0


@numba.njit(cache=True, nogil=True)
def _step(
    state: Floats,
    shape: Floats,
    s: float,
    aside: float,
    mover: Floats,
    media_s: float,
    entered_s: Floats,
    since: Floats,
    departure: Floats,
) -> bool:
    """One step of who is in an approach; whether it passed the stop line by it, in `departure`."""
    first = math.isinf(state[_LEAST_M])
    before_m, before_s = state[_S], state[_LAST_S]
    elapsed_s = media_s - before_s
    if elapsed_s > 0.0:
        state[_ASIDE] += (1.0 - math.exp(-elapsed_s / ASIDE_S)) * (aside - state[_ASIDE])
    share = state[_ASIDE] / shape[_WIDTH] + 0.5  # 1 at the right edge
    lanes = shape[_LANES]
    number = int(min(lanes - 1.0, max(0.0, math.floor((1.0 - share) * lanes))))
    lane = int(shape[_FIRST_LANE]) + number
    state[_LANE], state[_S], state[_LAST_S] = lane, s, media_s
    state[_LONG], state[_SEEN] = _SIZES[int(mover[KIND]), 0], mover[SEEN]
    state[_LEAST_M] = min(state[_LEAST_M], s)
    speed, length_m = mover[SPEED], shape[_LENGTH]

    # Coming in.
    if first and ENTERED_SHARE * length_m <= s <= length_m and speed > STANDS_M_S:
        state[_ENTERED_S] = media_s - (length_m - s) / speed
    elif not first and before_m > length_m >= s and s > 0.5 * length_m:
        gone = (before_m - length_m) / (before_m - s)
        state[_ENTERED_S] = before_s + gone * elapsed_s
    if math.isnan(state[_HEADWAY]) and not math.isnan(state[_ENTERED_S]):
        state[_HEADWAY] = state[_ENTERED_S] - entered_s[lane]
        entered_s[lane] = state[_ENTERED_S]

    if not first and before_m > 0.5 * length_m >= s:
        gone = (before_m - 0.5 * length_m) / (before_m - s)
        state[_HALF_S] = before_s + gone * elapsed_s

    # Standing and moving off. Of who has no known speed nothing new is known.
    if 0.0 < s <= length_m and not math.isnan(speed):
        state[_HIGHEST] = max(state[_HIGHEST], speed)
    if speed < STANDS_M_S:
        state[_FAST_S] = math.nan
        if math.isnan(state[_SLOW_S]):
            state[_SLOW_S] = media_s
        if state[_STANDS] == 0.0 and media_s - state[_SLOW_S] >= STANDS_S:
            state[_STANDS] = 1.0
            again = math.isnan(state[_STOOD_M]) or state[_STOOD_M] - s >= STOP_M
            # Who was never seen to move has not stopped here as far as is known.
            if again and 0.0 < s <= length_m and state[_HIGHEST] >= STANDS_M_S:
                since[lane, _STOPS] += 1.0
                state[_STOOD_M] = s
    elif speed >= STANDS_M_S:
        if math.isnan(state[_FAST_S]):
            state[_FAST_S] = media_s
        if state[_STANDS] == 0.0 or media_s - state[_FAST_S] >= MOVES_S:
            state[_STANDS], state[_SLOW_S] = 0.0, math.nan

    if state[_PASSED] != 0.0 or s > 0.0:
        return False
    state[_PASSED] = 1.0
    since[lane, _DEPARTED] += 1.0
    gone = before_m / (before_m - s) if before_m > s else 1.0
    departure[_D_LANE], departure[_D_S] = lane, before_s + gone * elapsed_s
    departure[_D_TRAVEL] = departure[_D_S] - state[_ENTERED_S]
    one_s, other_s = state[_HALF_S] - state[_ENTERED_S], departure[_D_S] - state[_HALF_S]
    even = one_s <= UNDISTURBED * other_s and other_s <= UNDISTURBED * one_s
    departure[_D_FREE] = 1.0 if even and state[_HEADWAY] >= HEADWAY_S else 0.0
    return True


@numba.njit(cache=True, nogil=True)
def _wait(
    users: Whole,
    lost: Whole,
    states: Floats,
    shapes: Floats,
    elapsed_s: float,
    order: Whole,
    since: Floats,
    now: Floats,
) -> None:
    """Who waits in each lane, booked for the `elapsed_s` before."""
    now[:] = 0.0
    for number in range(len(shapes)):
        length_m = shapes[number, _LENGTH]
        first_lane = int(shapes[number, _FIRST_LANE])
        for lane in range(first_lane, first_lane + int(shapes[number, _LANES])):
            count = _queue_of(users, lost, states, number, lane, length_m, order)
            _longest(states, order[:count], now[lane])
            for user in users:
                one = states[user]
                if one[_APPROACH] == number and one[_LANE] == lane and one[_PASSED] == 1.0:
                    now[lane, _NOW_BEYOND] = 1.0
            book = since[lane]
            book[_WATCHED] += elapsed_s
            book[_VEHICLE_S] += elapsed_s * now[lane, _NOW_VEHICLES]
            book[_METRE_S] += elapsed_s * now[lane, _NOW_METRES]
            book[_VEHICLES] = max(book[_VEHICLES], now[lane, _NOW_VEHICLES])
            book[_METRES] = max(book[_METRES], now[lane, _NOW_METRES])
            book[_BACK] = max(book[_BACK], now[lane, _NOW_BACK])
            if now[lane, _NOW_BACK] > length_m - GAP_M:
                book[_REACHED] = 1.0


@numba.njit(cache=True, nogil=True)
def _queue_of(
    users: Whole,
    lost: Whole,
    states: Floats,
    approach: int,
    lane: int,
    length_m: float,
    order: Whole,
) -> int:
    """Puts the rows of who is in `lane` before the stop line into `order`, the nearest first; of
    two at one place the one that is seen. Of the lost those who stood are where they were."""
    count = 0
    for group in range(2):
        members = users if group == 0 else lost
        for user in members:
            state = states[user]
            if state[_APPROACH] != approach or state[_LANE] != lane or state[_PASSED] != 0.0:
                continue
            if group == 1 and state[_STANDS] == 0.0:
                continue
            # Who goes back where it came from waits for nothing.
            front_m = state[_S] - 0.5 * state[_LONG]
            if front_m > length_m or state[_S] > state[_LEAST_M] + GAP_M:
                continue
            at = count
            while at > 0 and states[order[at - 1], _S] > state[_S]:
                order[at] = order[at - 1]
                at -= 1
            order[at] = user
            count += 1
    kept = 0
    for at in range(count):
        if kept:
            one, other = states[order[at]], states[order[kept - 1]]
            same = one[_S] - other[_S] < 0.5 * min(one[_LONG], other[_LONG])
            if same and abs(one[_ASIDE] - other[_ASIDE]) < BESIDE_M:
                if one[_SEEN] > other[_SEEN]:
                    order[kept - 1] = order[at]
                continue
        order[kept] = order[at]
        kept += 1
    return kept


@numba.njit(cache=True, nogil=True)
def _longest(states: Floats, order: Whole, now: Floats) -> None:
    """The longest queue of a lane whose vehicles are `order`, the nearest first, into `now`."""
    if len(order):
        head = states[order[0]]
        waits = head[_STANDS] == 1.0 and head[_S] - 0.5 * head[_LONG] <= HEAD_M
        now[_NOW_WAITS] = 1.0 if waits else 0.0
    vehicles, front_m, rear_m = 0, 0.0, -math.inf
    for user in order:
        one = states[user]
        if one[_STANDS] != 1.0:
            continue
        its_front_m, its_rear_m = one[_S] - 0.5 * one[_LONG], one[_S] + 0.5 * one[_LONG]
        if its_front_m - rear_m > GAP_M:
            vehicles, front_m, rear_m = 0, its_front_m, its_rear_m
        vehicles += 1
        rear_m = max(rear_m, its_rear_m)
        if vehicles > now[_NOW_VEHICLES]:
            now[_NOW_VEHICLES] = vehicles
            now[_NOW_METRES], now[_NOW_BACK] = rear_m - front_m, rear_m


@numba.njit(cache=True, nogil=True)
def _away(view: Floats, x_px: float, y_px: float) -> tuple[float, float]:
    """Which way on the ground leads away from the camera at a point of the picture, as (east,
    north) of length 1; (0, 0) where the ground is unknown."""
    here_x, here_y = place(view, x_px, y_px)
    there_x, there_y = place(view, x_px, y_px - 1.0)
    right, up = there_x - here_x, there_y - here_y
    length = math.hypot(right, up)
    if not 0.0 < length < math.inf:
        return 0.0, 0.0
    return right / length, up / length


@numba.njit(cache=True, nogil=True)
def _along(
    points: Floats, east: float, north: float, away_x: float, away_y: float, kind: int
) -> tuple[float, float]:
    """Where the middle of a vehicle is on an approach whose middle are `points`: how far before the
    stop line, and how far to the right of the middle, for who drives there.

    Where no footprint is laid (anchor.py) it is the lower edge of its box that is there: at its
    nearest corner, so its middle is half of what it shows of its length and its width farther away.
    """
    best_s, best_aside = math.nan, math.inf
    begin_m = 0.0
    for corner in range(len(points) - 1):
        up_x, up_y = (
            points[corner + 1, 0] - points[corner, 0],
            points[corner + 1, 1] - points[corner, 1],
        )
        side_m = math.hypot(up_x, up_y)
        if side_m == 0.0:
            continue
        up_x, up_y = up_x / side_m, up_y / side_m
        lengthwise = abs(up_x * away_x + up_y * away_y)
        across = abs(up_x * away_y - up_y * away_x)
        half_m = 0.5 * (_DEEP[kind, 0] * lengthwise + _DEEP[kind, 1] * across)
        off_x = east + half_m * away_x - points[corner, 0]
        off_y = north + half_m * away_y - points[corner, 1]
        along_m = off_x * up_x + off_y * up_y
        if (along_m < 0.0 and corner > 0) or (along_m > side_m and corner < len(points) - 2):
            along_m = min(max(along_m, 0.0), side_m)
        beside_x, beside_y = off_x - along_m * up_x, off_y - along_m * up_y
        beside_m = math.hypot(beside_x, beside_y)
        if beside_m < abs(best_aside):
            # Upstream is behind whoever drives here, so its right hand is on the left of upstream.
            right = -beside_x * up_y + beside_y * up_x
            best_s, best_aside = begin_m + along_m, math.copysign(beside_m, right)
        begin_m += side_m
    return best_s, best_aside
