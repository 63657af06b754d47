"""Zone: who is in an area, for how long, how dense and how fast, minute by minute.

How this works. From frame to frame everybody goes straight from where it was to where it is, and
the share of that way within the area is the share of that time it was in. Times and ways add up to
Edie's quantities, which need no moment and no line at which one would have to look: over an area A
and a time T they are

    flow q = Σd / (A T)      density k = Σt / (A T)      speed v = Σd / Σt = q / k

with d the way and t the time that each road user spent inside (L. C. Edie: Discussion of traffic
stream measurements and definitions. Proc. 2nd Int. Symposium on the Theory of Traffic Flow, 1963).
Where the area is a stretch of lanes, A is its metres of lane; on a square it is square metres.

The way is speed times time: a box that trembles walks far without moving, its speed is 0. Who has
no known speed is in the area all the same, and not in the speed.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.errors import Misconfigured
from placewatch.core.facts import ZoneCount, ZoneUse
from placewatch.core.ids import CameraId
from placewatch.core.kinds import KINDS, Kind
from placewatch.core.space import PicturePoint, Point
from placewatch.core.time import MINUTE_US, UtcMicros, minute_of
from placewatch.measure.flow import GRACE_S, UNSEEN_AFTER_S
from placewatch.measure.roster import Roster
from placewatch.measure.scene import EAST, KIND, NORTH, SPEED, Movers, Scene, X, Y
from placewatch.measure.stage import longer

EDGE_S = 1.0  # who is out for less than this has not left: it stands on the edge and trembles
KIND_S = 1.0  # after somebody came in its kind is told: it becomes surer with every look
FIRST_S = 1.0  # who is in an area this soon after watching began was there before
CORNERS_MAX = 64  # of an area

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

# What is booked of each area and kind: seconds of presence, those of them with a known speed,
# metres, seconds in which one at least was in. The row after the last kind is of everybody.
_PRESENCE, _TIMED, _WAY, _OCCUPIED = range(4)
_BOOKED = 4
_ANYBODY = len(KINDS)

# Of each road user: when it was placed last (NaN: never yet), its speed then, and on each area's
# plane where it was, 1 while it is in, when it was last in (-inf: never).
_LAST_S, _SPEED = range(2)
_EAST, _NORTH, _IN, _IN_S = range(4)
_AREAS = 2
_OF_AREA = 4

# Around each area, and 1 where it is convex.
_LEFT, _LOWER, _RIGHT, _UPPER, _CONVEX = range(5)


@dataclass(frozen=True, slots=True)
class Zone:
    """An area, `corners` of a simple polygon either way around: on the ground in metres, or on the
    picture where the ground is not calibrated (then there is no density).

    `lane_m` makes it a stretch of road: its lanes times its length. Raises Misconfigured where
    the corners make no area.
    """

    name: str
    corners: tuple[Point, ...] | tuple[PicturePoint, ...]
    lane_m: float | None = None

    def __post_init__(self) -> None:
        if not 3 <= len(self.corners) <= CORNERS_MAX:
            raise Misconfigured(
                f'area "{self.name}" has {len(self.corners)} corners',
                hint=f"give 3 to {CORNERS_MAX}",
            )
        if len({type(corner) for corner in self.corners}) > 1:
            raise Misconfigured(
                f'area "{self.name}" lies partly on the ground and partly on the picture',
                hint="give all corners in metres, or all in pixels",
            )
        if self._size == 0.0:
            raise Misconfigured(f'the corners of area "{self.name}" lie on a line')
        if self.lane_m is not None and not 0.0 < self.lane_m < math.inf:
            raise Misconfigured(
                f'area "{self.name}" has {self.lane_m:g} m of lane',
                hint="give the number of lanes times the length, as in 2 x 40 m = 80",
            )

    @property
    def on_ground(self) -> bool:
        return isinstance(self.corners[0], Point)

    @property
    def area_m2(self) -> float | None:
        """Square metres; None on the picture."""
        return self._size if self.on_ground else None

    @property
    def _size(self) -> float:
        x, y = self.places.T
        return float(abs((x * np.roll(y, -1) - np.roll(x, -1) * y).sum()) / 2)

    @property
    def places(self) -> Floats:
        """(N, 2) corners on their plane."""
        return np.array(
            [(c.x_m, c.y_m) if isinstance(c, Point) else (c.x_px, c.y_px) for c in self.corners]
        )


@dataclass(frozen=True, slots=True)
class Edie:
    """Flow, density and space mean speed of an area over a time. Per metre of lane where the area
    has lanes: road users per second and lane, and per metre of lane. Else per square metre: per
    second and metre across, and per m2. None is unknown."""

    flow_per_s: float | None
    density_per_m: float | None
    speed_m_s: float | None

    @property
    def flow_per_h(self) -> float | None:
        return None if self.flow_per_s is None else 3600.0 * self.flow_per_s

    @property
    def density_per_km(self) -> float | None:
        """Per kilometre of lane."""
        return None if self.density_per_m is None else 1000.0 * self.density_per_m


def edie(counts: Iterable[ZoneCount], zone: Zone) -> Edie:
    """Edie's quantities of all rows of `zone` among `counts`: of as many kinds and minutes as they
    are. Where some of the presence has no known speed, the others' speed is taken for it.
    """
    watched: dict[tuple[UtcMicros, Kind], float] = {}
    presence_s = timed_s = way_m = 0.0
    for row in counts:
        if row.zone != zone.name:
            continue
        watched[row.at, row.kind] = watched.get((row.at, row.kind), 0.0) + row.coverage_s
        presence_s += row.presence_s or 0.0
        timed_s += row.speed_s
        way_m += row.speed_s * (row.speed_m_s_mean or 0.0)
    minutes: dict[UtcMicros, float] = {}
    for (at, _), coverage_s in watched.items():
        minutes[at] = max(minutes.get(at, 0.0), coverage_s)
    seen_s = sum(minutes.values())
    size = zone.lane_m if zone.lane_m is not None else zone.area_m2
    speed = way_m / timed_s if timed_s > 0.0 else None
    if size is None or seen_s <= 0.0:
        return Edie(None, None, speed)
    density = presence_s / (size * seen_s)
    if presence_s == 0.0:
        return Edie(0.0, 0.0, None)
    return Edie(None if speed is None else density * speed, density, speed)


@dataclass
class _Minute:
    """What is booked of a minute: seconds watched, (areas, kinds + 1, _BOOKED), entries by area
    and kind, and the most who were in an area at once."""

    booked: Floats
    entries: Whole
    most: Whole
    seen_us: int = 0


@dataclass(slots=True)
class _Entry:
    """Somebody came into an area, and what it is will be told."""

    user: int
    area: int
    minute: UtcMicros
    media_s: float
    kind: int | None = None  # once nothing more will be learnt of it


@dataclass
class ZoneMeter:
    """Follows the road users of one camera through its areas.

    `start` is when watching began. All memory is of who is in view, for 10 s longer, and of the
    open minutes. Time within a minute goes by `media_s`, so a clock that is set does not end it;
    which minute it is goes by `at`.
    """

    camera: CameraId
    zones: Sequence[Zone]
    start: UtcMicros
    _roster: Roster = field(default_factory=Roster, init=False)
    _states: Floats = field(init=False)
    _corners: Floats = field(init=False)
    _sides: Whole = field(init=False)
    _bounds: Floats = field(init=False)
    _grounds: npt.NDArray[np.bool_] = field(init=False)
    _now: Whole = field(init=False)  # who is in each area just now, by kind
    _came: Whole = field(init=False)
    _entries: list[_Entry] = field(default_factory=list, init=False)
    _last: Scene | None = field(default=None, init=False)
    _since_s: float = field(default=0.0, init=False)
    _minutes: dict[UtcMicros, _Minute] = field(default_factory=dict, init=False)
    _first_open: UtcMicros = field(init=False)
    _uses: list[ZoneUse] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        count = len(self.zones)
        self._states = np.zeros((0, _AREAS + _OF_AREA * count))
        self._corners = np.zeros((count, CORNERS_MAX, 2))
        for number, zone in enumerate(self.zones):
            self._corners[number, : len(zone.corners)] = zone.places
        self._sides = np.array([len(zone.corners) for zone in self.zones], np.int64)
        self._bounds = np.array([_bounds_of(zone.places) for zone in self.zones]).reshape(-1, 5)
        self._grounds = np.array([zone.on_ground for zone in self.zones], np.bool_)
        self._now = np.zeros((count, len(KINDS)), np.int64)
        self._came = np.zeros((0, 2), np.int64)
        self._first_open = minute_of(self.start)

    def measure(self, scene: Scene) -> None:
        """Takes the next scene. Scenes come in order, and also when empty."""
        last = self._last
        elapsed_s = 0.0 if last is None else scene.media_s - last.media_s
        if last is None or scene.after_gap or not 0.0 <= elapsed_s <= UNSEEN_AFTER_S:
            self.leave()
            self._since_s, elapsed_s = scene.media_s, 0.0
        elif scene.starved:
            elapsed_s = 0.0
        self._last = scene
        movers = Movers.of(scene.movers)
        new, gone = self._roster.follow(movers, scene.media_s)
        self._name(gone)
        self._states[gone] = 0.0
        if len(self._states) < len(self._roster):
            while len(self._states) < len(self._roster):
                self._states = longer(self._states)
        for user in new:
            self._begin(user)
        if len(self._came) < len(movers) * len(self.zones):
            self._came = np.zeros((2 * len(movers) * len(self.zones), 2), np.int64)

        watched = scene.media_s - self._since_s >= FIRST_S
        came = 0
        self._now[:] = 0
        # Of the time since the last scene the share in each minute is booked there.
        for book, begin, end, seen_us in self._books(scene.at, elapsed_s):
            book.seen_us += seen_us
            last_one = end == 1.0
            came = _follow(
                self._roster.users, movers.rows, self._states, self._corners, self._sides,
                self._bounds, self._grounds, scene.media_s, elapsed_s, begin, end, last_one,
                watched, book.booked, self._now, self._came,
            )  # fmt: skip
            if last_one:
                np.maximum(book.most, self._now.sum(axis=1), out=book.most)
        minute = minute_of(scene.at)
        for user, area in self._came[:came].tolist():
            self._entries.append(_Entry(user, area, minute, scene.media_s))
        if self._entries:
            self._book_entries(scene.media_s)

    def leave(self) -> None:
        """The view is lost, or the recording ends: everybody is forgotten."""
        self._name(self._roster.clear())
        self._states[:] = 0.0
        self._book_entries(math.inf)
        self._now[:] = 0
        self._last = None

    def counts(self) -> dict[str, dict[Kind, int]]:
        """How many of each kind are in each area just now, those hidden for a moment included."""
        return {
            zone.name: {kind: int(row[number]) for number, kind in enumerate(KINDS)}
            for zone, row in zip(self.zones, self._now, strict=True)
        }

    def close_minutes(self, before: UtcMicros) -> list[ZoneCount]:
        """All minutes that ended 5 s before `before` and were not reported yet. A minute in which
        nothing was seen is among them: unknown, not zero."""
        return self._report(minute_of(UtcMicros(before - round(GRACE_S * 1e6))))

    def close(self, at: UtcMicros) -> list[ZoneCount]:
        """All minutes to the one that `at` lies in, with what was seen of it."""
        return self._report(UtcMicros(minute_of(at) + MINUTE_US))

    def take_uses(self) -> list[ZoneUse]:
        """The areas as a whole in the minutes that were closed since the last call."""
        taken, self._uses = self._uses, []
        return taken

    def _begin(self, user: int) -> None:
        state = self._states[user]
        state[:] = math.nan
        state[_AREAS + _IN :: _OF_AREA] = 0.0
        state[_AREAS + _IN_S :: _OF_AREA] = -math.inf

    def _books(self, at: UtcMicros, elapsed_s: float) -> list[tuple[_Minute, float, float, int]]:
        """The minutes in which the `elapsed_s` before `at` lie: from which share of it to which,
        and how many microseconds of them are new."""
        elapsed_us = round(elapsed_s * 1e6)
        since = UtcMicros(at - elapsed_us)
        pieces = []
        begin = since
        while True:
            minute = minute_of(begin)
            end = min(at, UtcMicros(minute + MINUTE_US))
            book = self._minutes.get(minute)
            if book is None:
                book = self._minutes[minute] = self._nothing()
            first, last = 0.0, 1.0
            if elapsed_us:
                first, last = (begin - since) / elapsed_us, (end - since) / elapsed_us
            # A clock that was set back lives some seconds of a minute twice: they count once.
            new_us = min(end - begin, MINUTE_US - book.seen_us)
            pieces.append((book, first, last if end < at else 1.0, new_us))
            if end >= at:
                return pieces
            begin = end

    def _nothing(self) -> _Minute:
        count = len(self.zones)
        return _Minute(
            np.zeros((count, len(KINDS) + 1, _BOOKED)),
            np.zeros((count, len(KINDS)), np.int64),
            np.zeros(count, np.int64),
        )

    def _name(self, users: list[int]) -> None:
        """Tells the kinds of those who are forgotten; nothing more is learnt of them."""
        for entry in self._entries if users else ():
            if entry.kind is None and entry.user in users:
                entry.kind = self._roster.kind(entry.user)

    def _book_entries(self, media_s: float) -> None:
        waits = []
        for entry in self._entries:
            if entry.kind is None and entry.media_s <= media_s < entry.media_s + KIND_S:
                waits.append(entry)
                continue
            kind = self._roster.kind(entry.user) if entry.kind is None else entry.kind
            minute = entry.minute
            if minute < self._first_open and minute not in self._minutes:
                minute = min(self._minutes, default=self._first_open)
            self._minutes.setdefault(minute, self._nothing()).entries[entry.area, kind] += 1
        self._entries = waits

    def _report(self, end: UtcMicros) -> list[ZoneCount]:
        due = set(range(self._first_open, end, MINUTE_US))
        due |= {minute for minute in self._minutes if minute < end}
        self._first_open = max(self._first_open, end)
        rows = []
        for minute in sorted(due):
            at, book = UtcMicros(minute), self._minutes.pop(UtcMicros(minute), self._nothing())
            for area, zone in enumerate(self.zones):
                rows += [self._row(at, book, area, zone, kind) for kind in range(len(KINDS))]
                self._uses.append(self._use(at, book, area, zone))
        return rows

    def _row(self, at: UtcMicros, book: _Minute, area: int, zone: Zone, kind: int) -> ZoneCount:
        presence_s, timed_s, way_m, occupied_s = book.booked[area, kind].tolist()
        entries, seen_s = int(book.entries[area, kind]), book.seen_us / 1e6
        return ZoneCount(
            at=at,
            window_s=60.0,
            coverage_s=seen_s,
            camera=self.camera,
            zone=zone.name,
            kind=KINDS[kind],
            entries=entries if seen_s or entries else None,
            presence_s=presence_s if seen_s else None,
            occupancy=min(1.0, occupied_s / seen_s) if seen_s else None,
            speed_s=timed_s,
            speed_m_s_mean=way_m / timed_s if timed_s > 0.0 else None,
        )

    def _use(self, at: UtcMicros, book: _Minute, area: int, zone: Zone) -> ZoneUse:
        presence_s, _, _, occupied_s = book.booked[area, _ANYBODY].tolist()
        seen_s = book.seen_us / 1e6
        return ZoneUse(
            at=at,
            window_s=60.0,
            coverage_s=seen_s,
            camera=self.camera,
            zone=zone.name,
            occupancy=min(1.0, occupied_s / seen_s) if seen_s else None,
            count_mean=presence_s / seen_s if seen_s else None,
            count_max=int(book.most[area]) if seen_s else None,
        )


@numba.njit(cache=True, nogil=True)
def _follow(
    users: Whole,
    movers: Floats,
    states: Floats,
    corners: Floats,
    sides: Whole,
    bounds: Floats,
    grounds: npt.NDArray[np.bool_],
    media_s: float,
    elapsed_s: float,
    begin: float,
    end: float,
    last: bool,
    watched: bool,
    booked: Floats,
    now: Whole,
    came: Whole,
) -> int:
    """Books from share `begin` to `end` of everybody's step. With the `last` share it is taken:
    `came` has rows of (user, area) of those who came in, and the number of those is the answer."""
    count = 0
    occupied = np.zeros((len(sides), _ANYBODY + 1))
    cuts = np.empty(CORNERS_MAX + 2)
    for row in range(len(users)):
        state, mover = states[users[row]], movers[row]
        kind = int(mover[KIND])
        # Who was lost for a while and taken up again was somewhere between all that time.
        own_s = media_s - state[_LAST_S]
        speed = state[_SPEED] if math.isnan(mover[SPEED]) else mover[SPEED]
        if not math.isnan(state[_SPEED]):
            speed = 0.5 * (speed + state[_SPEED])
        for area in range(len(sides)):
            x = mover[EAST] if grounds[area] else mover[X]
            y = mover[NORTH] if grounds[area] else mover[Y]
            of = state[_AREAS + area * _OF_AREA : _AREAS + (area + 1) * _OF_AREA]
            shape, bound = corners[area, : sides[area]], bounds[area]
            inside, share = False, 0.0
            if _reaches(bound, x, y, x, y):
                inside = _inside(shape, x, y)
            if inside and of[_IN] == 1.0 and bound[_CONVEX] == 1.0:
                share = end - begin
            elif _reaches(bound, of[_EAST], of[_NORTH], x, y):
                share = _share_inside(shape, of[_EAST], of[_NORTH], x, y, begin, end, cuts)
            if share > 0.0 and own_s > 0.0:
                for what in (kind, _ANYBODY):
                    one = booked[area, what]
                    one[_PRESENCE] += share * own_s
                    if not math.isnan(speed):
                        one[_TIMED] += share * own_s
                        one[_WAY] += share * own_s * speed
                    occupied[area, what] = max(occupied[area, what], share)
            if not last:
                continue
            if inside:
                now[area, kind] += 1
            if (inside or share > 0.0) and of[_IN] == 0.0:
                # Who appears inside has come in, unless watching has just begun.
                appeared = math.isnan(of[_EAST])
                if media_s - of[_IN_S] >= EDGE_S and (watched or not appeared):
                    came[count, 0], came[count, 1] = users[row], area
                    count += 1
            if inside or share > 0.0:
                of[_IN_S] = media_s
            of[_IN] = 1.0 if inside else 0.0
            of[_EAST], of[_NORTH] = x, y
        if last:
            state[_LAST_S], state[_SPEED] = media_s, mover[SPEED]
    for area in range(len(sides)):
        for what in range(_ANYBODY + 1):
            booked[area, what, _OCCUPIED] += occupied[area, what] * elapsed_s
    return count


def _bounds_of(shape: Floats) -> tuple[float, ...]:
    """The sides of the upright rectangle around a polygon, and 1 where it is convex."""
    sides = np.roll(shape, -1, axis=0) - shape
    after = np.roll(sides, -1, axis=0)
    turns = sides[:, 0] * after[:, 1] - sides[:, 1] * after[:, 0]
    convex = bool((turns >= 0.0).all() or (turns <= 0.0).all())
    return *shape.min(axis=0), *shape.max(axis=0), float(convex)


@numba.njit(cache=True, nogil=True)
def _reaches(bound: Floats, ax: float, ay: float, bx: float, by: float) -> bool:
    """Whether the way from a to b may touch an area within `bound`; not where a place is NaN."""
    return bool(
        min(ax, bx) <= bound[_RIGHT]
        and max(ax, bx) >= bound[_LEFT]
        and min(ay, by) <= bound[_UPPER]
        and max(ay, by) >= bound[_LOWER]
    )


@numba.njit(cache=True, nogil=True)
def _inside(shape: Floats, x: float, y: float) -> bool:
    """Whether a point is in a polygon, by the sides that a ray to its right passes; on an edge it
    is in one of the two areas that share it."""
    inside = False
    before = len(shape) - 1
    for corner in range(len(shape)):
        ax, ay = shape[corner, 0], shape[corner, 1]
        bx, by = shape[before, 0], shape[before, 1]
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            inside = not inside
        before = corner
    return inside


@numba.njit(cache=True, nogil=True)
def _share_inside(
    shape: Floats,
    ax: float,
    ay: float,
    bx: float,
    by: float,
    begin: float,
    end: float,
    cuts: Floats,
) -> float:
    """Which share of the way from a to b lies in a polygon, of that from share `begin` to `end`.
    `cuts` is room for where it passes the sides."""
    cuts[0], cuts[1] = begin, end
    count = 2
    right, up = bx - ax, by - ay
    before = len(shape) - 1
    for corner in range(len(shape)):
        px, py = shape[before, 0], shape[before, 1]
        side_x, side_y = shape[corner, 0] - px, shape[corner, 1] - py
        before = corner
        cross = right * side_y - up * side_x
        if cross == 0.0:
            continue
        share = ((px - ax) * side_y - (py - ay) * side_x) / cross
        beside = ((px - ax) * up - (py - ay) * right) / cross
        if begin < share < end and 0.0 <= beside <= 1.0:
            cuts[count] = share
            count += 1
    cuts[:count].sort()
    within = 0.0
    for piece in range(count - 1):
        middle = 0.5 * (cuts[piece] + cuts[piece + 1])
        if _inside(shape, ax + middle * right, ay + middle * up):
            within += cuts[piece + 1] - cuts[piece]
    return within
