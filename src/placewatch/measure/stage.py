"""Stage: tracks in, a scene out: who stands where on the ground, how fast and which way.

How this works. All tracks of a frame are placed in one compiled call. What is known of each, and
its steps of the last two seconds, stays in a row of its own until it ends.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.ids import CameraId, TrackId
from placewatch.core.sightings import (
    BOTTOM,
    CERTAIN,
    DOWN_PX_S,
    LEFT,
    OFF_X,
    OFF_Y,
    RIGHT,
    RIGHT_PX_S,
    TOP,
    TRACK_COLUMNS,
    UNSEEN_S,
    Track,
    Tracks,
)
from placewatch.core.sightings import KIND as TRACK_KIND
from placewatch.core.time import UtcMicros
from placewatch.measure.anchor import ANCHOR_COLUMNS, LAID, anchor_of
from placewatch.measure.ground import VIEW_COLUMNS, Ground, place
from placewatch.measure.scene import (
    EAST,
    HEADING,
    KIND,
    MOVER_COLUMNS,
    NORTH,
    SEEN,
    SIZE,
    SPEED,
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
    Step,
    X,
    Y,
    step_of,
)
from placewatch.measure.size import NOT_TOLD, VOTES_COLUMNS, agreed, elected, vote

SPEED_WINDOW_S = 0.8  # long enough to average a pixel of jitter, short enough to follow braking
SPEED_EVERY_S = 0.2
SORT_EVERY_S = 0.08
SPEED_STEPS_MIN = 4
SPEED_SPAN_S_MIN = 0.3
MEMORY_S = 2.0  # a slow camera gives its four steps within this, or no speed
STEPS_MAX = 512  # of a path: the whole memory at 240 frames a second
SPOTS_S = (0.4, 0.6, 0.8, 1.0)  # before and after the moment of a spot speed
SPOT_ERROR_M_S = 0.1  # so well known, more of its path would only make it less that of the moment
SPEED_ERROR_M_S_MAX = 1.5  # a speed worse known than this (5 km/h) is unknown
STANDS_SIZES_S = (
    0.15  # own sizes a second below which somebody stands: a car 0.5, a person 0.15 m/s
)

# What is known of a track: how many steps it took and where the next one goes (a ring), 1 once it
# was shown, when its speed was measured and what it was (NaN: unknown), its anchor and its votes.
_STEPS, _NEXT, _SHOWN, _SINCE_S, _SPEED = range(5)
_ANCHOR = 5
_VOTES = _ANCHOR + ANCHOR_COLUMNS
_COLUMNS = _VOTES + VOTES_COLUMNS

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
T = TypeVar("T", bound=np.generic)


@dataclass
class Stage:
    """Places the tracks of one view on its ground, where that is known.

    It remembers the last two seconds of every track's path, and forgets a track that ended.
    `sorts`: the size in metres tells the kind, where the detector does not (`recognises`: then it
    helps), which takes a known ground.
    """

    ground: Ground | None
    camera: CameraId
    sorts: bool = False
    recognises: bool = False
    _ids: list[TrackId] = field(default_factory=list, init=False)
    _users: Whole = field(init=False)  # the row of each of them in these two:
    _known: Floats = field(init=False)
    _paths: Floats = field(init=False)
    _free: list[int] = field(default_factory=list, init=False)  # rows that belong to nobody
    _view: Floats = field(init=False)
    _back: Floats = field(init=False)
    _sorted_s: float = field(default=-math.inf, init=False)
    _last_s: float = field(default=math.nan, init=False)
    _shown_ids: list[TrackId] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._users = np.zeros(0, np.int64)
        self._known = np.zeros((0, _COLUMNS))
        self._paths = np.zeros((0, STEPS_MAX, STEP_COLUMNS))
        # Where the ground is unknown every point lies above the horizon.
        self._view = np.zeros(VIEW_COLUMNS) if self.ground is None else self.ground.view
        to_metres = np.eye(3) if self.ground is None else self.ground.to_metres
        self._back = np.ascontiguousarray(np.linalg.inv(to_metres)).ravel()

    def place(
        self,
        tracks: Sequence[Track],
        at: UtcMicros,
        media_s: float,
        frame: int,
        after_gap: bool,
        starved: bool = False,
    ) -> Scene:
        """The scene of one frame. Only tracks that are certain to be road users are in it."""
        told = Tracks.of(tracks)
        if after_gap:
            self._follow([])
        others = told.ids is not self._ids
        if others:
            self._follow(told.ids)
        rows = np.ascontiguousarray(told.rows, np.float64).reshape(-1, TRACK_COLUMNS)
        sorts = self.sorts and self.ground is not None
        votes = sorts and not 0.0 <= media_s - self._sorted_s < SORT_EVERY_S
        if votes:
            self._sorted_s = media_s
        elapsed_s = max(0.0, media_s - self._last_s) if media_s > self._last_s else 0.0
        self._last_s = media_s
        shown = np.empty((len(rows), MOVER_COLUMNS))
        fresh = np.empty((len(rows), 2), np.int64)
        count, new = _place(
            rows, self._users, self._known, self._paths, self._view, self._back, at, media_s,
            frame, elapsed_s, sorts, votes, self.recognises, shown, fresh,
        )  # fmt: skip
        if others or new:
            certain = (rows[:, CERTAIN] == 1.0).tolist()
            ids = [one for one, sure in zip(told.ids, certain, strict=True) if sure]
            if ids != self._shown_ids:
                self._shown_ids = ids
        before = {}
        if new:
            for row, at_row in fresh[:new].tolist():
                if steps := self._before(row, media_s, rows[row, UNSEEN_S] == 0.0):
                    before[at_row] = steps
        movers = Movers(self._shown_ids, shown[:count], before)
        return Scene(at, media_s, frame, self.camera, movers, after_gap, starved)

    def _follow(self, ids: list[TrackId]) -> None:
        """Gives a row to who is new among `ids`, and takes it from who is not there any more."""
        rows = dict(zip(self._ids, self._users.tolist(), strict=True))
        users = [rows.pop(track, -1) for track in ids]
        for user in rows.values():
            self._known[user] = self._paths[user] = 0.0
        self._free += rows.values()
        self._users = np.array([self._new() if user < 0 else user for user in users], np.int64)
        self._ids = ids

    def _new(self) -> int:
        """A row in which nothing is known."""
        if not self._free:
            had = len(self._known)
            self._known, self._paths = longer(self._known), longer(self._paths)
            self._free = list(range(had, len(self._known)))
        user = self._free.pop()
        self._known[user, _SINCE_S], self._known[user, _SPEED] = -math.inf, math.nan
        return user

    def _before(self, row: int, media_s: float, seen: bool) -> tuple[Step, ...]:
        """The remembered steps of the track in `row`, without the one it has just taken."""
        user = self._users[row]
        steps = _in_order(self._known[user], self._paths[user], media_s - MEMORY_S)
        return tuple(step_of(step) for step in (steps[:-1] if seen else steps))


def longer(rows: npt.NDArray[T]) -> npt.NDArray[T]:
    """`rows` and as many again."""
    more = np.zeros((max(8, 2 * len(rows)), *rows.shape[1:]), rows.dtype)
    more[: len(rows)] = rows
    return more


@numba.njit(cache=True, nogil=True)
def _place(
    tracks: Floats,
    users: Whole,
    known: Floats,
    paths: Floats,
    view: Floats,
    back: Floats,
    at: int,
    media_s: float,
    frame: int,
    elapsed_s: float,
    sorts: bool,
    votes: bool,
    recognises: bool,
    shown: Floats,
    fresh: npt.NDArray[np.int64],
) -> tuple[int, int]:
    """Tells in `shown` those of `tracks` that are certain, and in `fresh` those that were not shown
    before: their rows in `tracks` and in `shown`. `users` are the rows of all in `known` and
    `paths`. Says how many there are of either."""
    count = new = 0
    for row in range(len(tracks)):
        track, one, path = tracks[row], known[users[row]], paths[users[row]]
        wide, high = track[RIGHT] - track[LEFT], track[BOTTOM] - track[TOP]
        size = math.sqrt(wide * high) if wide > 0.0 and high > 0.0 else 0.0
        seen = track[UNSEEN_S] == 0.0
        velocity = track[RIGHT_PX_S], track[DOWN_PX_S]
        moves = math.hypot(*velocity) >= STANDS_SIZES_S * size
        kind = int(track[TRACK_KIND])
        if sorts:
            kind = _kind_of(one, kind, recognises)
        x, y = anchor_of(
            one[_ANCHOR:], view, back, track[:4], velocity, seen and moves, kind, elapsed_s, seen
        )
        east, north = place(view, x, y)
        if LAID[kind]:
            # Where it was seen, and not where it is told: what is smooth on the picture lags behind
            # who drives straight away. Who is slow is better known by what is smooth.
            east, north = place(view, x + track[OFF_X], y + track[OFF_Y])
        if seen:
            step = path[int(one[_NEXT])]
            step[STEP_AT], step[STEP_S], step[STEP_FRAME] = at, media_s, frame
            step[STEP_X], step[STEP_Y], step[STEP_SIZE] = x, y, size
            step[STEP_EAST], step[STEP_NORTH] = east, north
            one[_NEXT] = (one[_NEXT] + 1) % STEPS_MAX
            one[_STEPS] = min(STEPS_MAX, one[_STEPS] + 1)
        if track[CERTAIN] != 1.0:
            continue
        if one[_SHOWN] == 0.0:
            one[_SHOWN] = 1.0
            fresh[new, 0], fresh[new, 1] = row, count
            new += 1
        _measure(one, path, media_s)
        if sorts and votes and seen:
            vote(one[_VOTES:], view, track[:4], velocity, one[_SPEED])
            kind = _kind_of(one, int(track[TRACK_KIND]), recognises)
        out = shown[count]
        count += 1
        out[:4] = track[:4]
        out[X], out[Y], out[SIZE], out[EAST], out[NORTH] = x, y, size, east, north
        out[SPEED], out[SEEN], out[KIND] = one[_SPEED], seen, kind
        out[HEADING] = math.nan
        if moves:
            out[HEADING] = math.degrees(math.atan2(velocity[1], velocity[0])) % 360.0
    return count, new


@numba.njit(cache=True, nogil=True)
def _kind_of(one: Floats, recognised: int, recognises: bool) -> int:
    votes = one[_VOTES:]
    sized = elected(votes)
    return int(agreed(recognised, votes) if recognises or sized == NOT_TOLD else sized)


@numba.njit(cache=True, nogil=True)
def _measure(one: Floats, path: Floats, media_s: float) -> None:
    """The speed of one track, a few times a second: in between it hardly changes."""
    if one[_STEPS] == 0.0:
        return
    due = media_s - one[_SINCE_S] >= SPEED_EVERY_S
    if not due and not math.isnan(one[_SPEED]):
        return
    steps = _in_order(one, path, media_s - MEMORY_S)
    if not due and (len(steps) == 0 or media_s - steps[0, STEP_S] >= SPEED_WINDOW_S):
        return
    first = 0
    while first < len(steps) and steps[first, STEP_S] < media_s - SPEED_WINDOW_S:
        first += 1
    if 0 < len(steps) - first < SPEED_STEPS_MIN:  # a low frame rate: the last few of the memory
        first = max(0, len(steps) - SPEED_STEPS_MIN)
    one[_SINCE_S], one[_SPEED] = media_s, speed_m_s(steps[first:])


@numba.njit(cache=True, nogil=True)
def _in_order(one: Floats, path: Floats, since_s: float) -> Floats:
    """The steps of a ring that are not before `since_s`, oldest first."""
    count, end = 0, int(one[_NEXT])
    while count < one[_STEPS] and path[end - 1 - count, STEP_S] >= since_s:
        count += 1
    steps = np.empty((count, STEP_COLUMNS))
    for k in range(count):
        steps[k] = path[end - count + k]
    return steps


@numba.njit(cache=True, nogil=True)
def speed_m_s(steps: Floats) -> float:
    """The speed along `steps` (N, STEP_COLUMNS): least squares, once more without outliers.

    0.0 where it does not differ from standing; NaN where the ground is unknown, the steps are
    too few or too close in time, or the speed would be worse known than 1.5 m/s.
    """
    return _speed_of(steps)[0]


@numba.njit(cache=True, nogil=True)
def spot_speed_m_s(path: Floats, media_s: float) -> float:
    """The speed of who went along `path` (N, STEP_COLUMNS) at the moment `media_s`: that of what
    lies as long before it as after, as much as it takes to know it well (braking does not change
    it then), but no more. 0.0 and NaN as in `speed_m_s`."""
    speed, error_m_s = math.nan, math.inf
    for spot_s in SPOTS_S:
        found, wrong_m_s = _speed_of(path[np.abs(path[:, STEP_S] - media_s) <= spot_s])
        if wrong_m_s < error_m_s:
            speed, error_m_s = found, wrong_m_s
        if error_m_s < SPOT_ERROR_M_S:
            break
    return speed


@numba.njit(cache=True, nogil=True)
def _speed_of(steps: Floats) -> tuple[float, float]:
    """The speed, and its standard error (infinite where the speed is NaN)."""
    placed = np.empty((len(steps), 3))
    count = 0
    for step in steps:
        if not math.isnan(step[STEP_EAST]):
            placed[count, 0] = step[STEP_S]
            placed[count, 1], placed[count, 2] = step[STEP_EAST], step[STEP_NORTH]
            count += 1
    placed = placed[:count]
    if count < SPEED_STEPS_MIN or placed[-1, 0] - placed[0, 0] < SPEED_SPAN_S_MIN:
        return math.nan, math.inf
    east, north, error_m_s, off = _slope(placed)
    # A step off by more than three (robust) standard deviations is a box that jumped.
    kept = off <= 3 * 1.4826 * np.sort(off)[len(off) // 2] + 1e-9
    if SPEED_STEPS_MIN <= kept.sum() < len(placed):
        east, north, error_m_s, _ = _slope(placed[kept])
    if error_m_s > SPEED_ERROR_M_S_MAX:
        return math.nan, math.inf
    speed = math.hypot(east, north)
    return (0.0 if speed < 2 * error_m_s else speed), error_m_s


@numba.njit(cache=True, nogil=True)
def _slope(placed: Floats) -> tuple[float, float, float, Floats]:
    """Least squares over rows of (s, m east, m north): (m/s east, m/s north, their standard error,
    distance of each row, m)."""
    number = len(placed)
    t = placed[:, 0] - placed[:, 0].mean()
    x = placed[:, 1] - placed[:, 1].mean()
    y = placed[:, 2] - placed[:, 2].mean()
    spread = (t * t).sum()
    east, north = (t * x).sum() / spread, (t * y).sum() / spread
    off = np.hypot(x - east * t, y - north * t)
    variance = (off * off).sum() / (2 * number - 4)
    return east, north, math.sqrt(variance / spread), off
