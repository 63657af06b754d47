"""Traffic: a small street whose road users follow, brake, walk and wait, and whose truth is known.

How this works: everybody travels along a path in metres on the ground. New ones come to a stream
at random with a least headway. Vehicles follow the Intelligent Driver Model (Treiber, Hennecke
and Helbing 2000, Phys. Rev. E 62, 1805); people keep a distance from who walks ahead. Where
parties meet, a gate on each path holds its users while the light is not theirs or while another
party is inside. Time advances in steps of `STEP_S`; between two steps everybody moves evenly along
the path, so positions and crossings are exact at every instant. The same seed gives the same day.
"""

import bisect
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from placewatch.core.kinds import Direction, Kind
from placewatch.core.space import Point

STEP_S = 0.04

_COMFORT_M_S2 = 2.5  # whoever would have to brake harder than this is not walked in front of
_HARDEST_M_S2 = 7.0  # an emergency stop on a dry street
_CAN_STOP_M_S2 = 4.0  # harder than this at amber: drive on


@dataclass(frozen=True, slots=True)
class Path:
    """A line on the ground, travelled from its first corner to its last."""

    corners: tuple[Point, ...]
    _along_m: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        along_m = [0.0]
        for a, b in zip(self.corners, self.corners[1:], strict=False):
            along_m.append(along_m[-1] + math.hypot(b.x_m - a.x_m, b.y_m - a.y_m))
        object.__setattr__(self, "_along_m", tuple(along_m))

    @property
    def length_m(self) -> float:
        return self._along_m[-1]

    def at(self, s_m: float) -> tuple[float, float]:
        """The point `s_m` from the start; beyond either end the path goes straight on."""
        along_m = self._along_m
        index = min(max(bisect.bisect_right(along_m, s_m) - 1, 0), len(along_m) - 2)
        a, b = self.corners[index], self.corners[index + 1]
        share = (s_m - along_m[index]) / (along_m[index + 1] - along_m[index])
        return a.x_m + (b.x_m - a.x_m) * share, a.y_m + (b.y_m - a.y_m) * share

    def reversed(self) -> "Path":
        return Path(self.corners[::-1])

    def nearest_m(self, x_m: float, y_m: float) -> float:
        """How far along the path its point nearest to (x_m, y_m) lies."""
        best_m, nearest = 0.0, math.inf
        for index, (a, b) in enumerate(zip(self.corners, self.corners[1:], strict=False)):
            dx, dy = b.x_m - a.x_m, b.y_m - a.y_m
            share = ((x_m - a.x_m) * dx + (y_m - a.y_m) * dy) / (dx * dx + dy * dy)
            share = min(1.0, max(0.0, share))
            away = math.hypot(a.x_m + share * dx - x_m, a.y_m + share * dy - y_m)
            if away < nearest:
                nearest = away
                best_m = self._along_m[index] + share * math.hypot(dx, dy)
        return best_m


def path(*corners: tuple[float, float], radius_m: float = 0.0) -> Path:
    """A path through (x, y) corners; inner corners are rounded with about `radius_m`."""
    points: list[Point] = [Point(*corners[0])]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        reach_m = min(radius_m, math.dist(before, corner) * 0.49, math.dist(corner, after) * 0.49)
        start = _toward(corner, before, reach_m)
        end = _toward(corner, after, reach_m)
        steps = 12 if reach_m > 0 else 0
        for step in range(steps + 1):  # a quadratic Bézier curve: no jump in the heading
            u = step / steps if steps else 0.0
            points.append(
                Point(
                    (1 - u) ** 2 * start[0] + 2 * u * (1 - u) * corner[0] + u * u * end[0],
                    (1 - u) ** 2 * start[1] + 2 * u * (1 - u) * corner[1] + u * u * end[1],
                )
            )
    points.append(Point(*corners[-1]))
    return Path(tuple(points))


def _toward(a: tuple[float, float], b: tuple[float, float], by_m: float) -> tuple[float, float]:
    share = by_m / math.dist(a, b)
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


@dataclass(frozen=True, slots=True)
class Signal:
    """A fixed-time light: each party has its window of green in the cycle, then amber."""

    cycle_s: float
    green_s: Mapping[str, tuple[float, float]]  # party → start and end of its green
    amber_s: float = 3.0

    def colour(self, party: str, at_s: float) -> str:
        """`green`, `amber` or `red`."""
        start_s, end_s = self.green_s[party]
        phase_s = (at_s - start_s) % self.cycle_s
        if phase_s < end_s - start_s:
            return "green"
        return "amber" if phase_s < end_s - start_s + self.amber_s else "red"


@dataclass(frozen=True, slots=True)
class Gate:
    """Where the users of a path may have to wait for a zone that others also pass.

    It is shut while `signal` does not show green to the party, and while anybody of another
    party is in the zone. Without a signal, `gives_way` says who lets the others pass first.
    """

    zone: str
    stop_m: float  # where the foremost part stops
    clear_m: float  # where the hindmost part has left the zone
    gives_way: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One way through the street. `slow` holds (from_m, to_m, speed_m_s), such as a bend."""

    path: Path
    share: float = 1.0
    gates: tuple[Gate, ...] = ()
    slow: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """Road users who come one after the other over the same way in.

    `per_min` is how many come; never two within `headway_s`. `kinds` are the cards of a deck from
    which they are dealt. `spread_m` is how far people walk
    beside the path at most, `stand_share` how many of them stop on the way to wait and look.
    """

    name: str
    party: str
    routes: tuple[Route, ...]
    kinds: Mapping[Kind, int]
    per_min: float
    speed_m_s: float
    headway_s: float = 2.0
    spread_m: float = 0.0
    stand_share: float = 0.0
    stand_m: tuple[float, float] = (0.0, 0.0)  # from, to: where on the path they stand


@dataclass(frozen=True, slots=True)
class GroundLine:
    """A counting line on the ground, with the direction in which it was drawn."""

    name: str
    start: Point
    end: Point


@dataclass(frozen=True, slots=True)
class TrueCrossing:
    """Somebody's middle on the ground passed a counting line."""

    media_s: float
    line: str
    kind: Kind
    direction: Direction
    speed_m_s: float


@dataclass(frozen=True, slots=True)
class RoadUser:
    """Somebody at one moment, as the picture is drawn from it.

    (x_m, y_m) is the middle of what touches the ground. `travelled_m` drives legs and wheels,
    `look` chooses colours. There is no name: `look` says nothing beyond this drawing.
    """

    kind: Kind
    x_m: float
    y_m: float
    heading_rad: float
    speed_m_s: float
    braking: bool
    travelled_m: float
    look: int


@dataclass(frozen=True, slots=True)
class Size:
    """How much room a kind takes."""

    length_m: float
    width_m: float
    height_m: float


SIZES: Mapping[Kind, Size] = {
    Kind.PEDESTRIAN: Size(0.5, 0.5, 1.75),
    Kind.BICYCLE: Size(1.8, 0.6, 1.75),
    Kind.MOTORCYCLE: Size(2.1, 0.8, 1.6),
    Kind.CAR: Size(4.4, 1.8, 1.48),
    Kind.VAN: Size(5.6, 2.0, 2.3),
    Kind.BUS: Size(11.5, 2.5, 2.95),
    Kind.TRUCK: Size(8.4, 2.5, 3.0),
    Kind.UNKNOWN: Size(0.6, 0.5, 0.45),  # a dropped box
}


@dataclass(frozen=True, slots=True)
class _Manner:
    """How a kind drives: the parameters of the Intelligent Driver Model."""

    push_m_s2: float
    brake_m_s2: float
    gap_s: float
    gap_m: float


_MANNERS: Mapping[Kind, _Manner] = {
    Kind.BICYCLE: _Manner(0.9, 1.8, 1.6, 2.6),
    Kind.MOTORCYCLE: _Manner(2.2, 2.5, 1.4, 2.4),
    Kind.CAR: _Manner(1.7, 2.2, 1.4, 2.4),
    Kind.VAN: _Manner(1.5, 2.1, 1.5, 2.5),
    Kind.BUS: _Manner(1.1, 1.7, 1.7, 2.8),
    Kind.TRUCK: _Manner(1.0, 1.7, 1.8, 2.8),
}
_PEOPLE_GAP_M = 1.9
_KNOWN_S = 2 * 86_400.0


@dataclass(slots=True, eq=False)
class _User:
    """The state of one road user. `s_m` is where its middle is on its route's path."""

    stream: Stream
    route: Route
    kind: Kind
    s_m: float
    speed_m_s: float
    wish_m_s: float
    aside_m: float  # to the left of the path
    look: int
    stand_at_m: float  # where to stop and look; infinity for most
    stand_s: float
    half_m: float
    before_m: float = 0.0  # `s_m` one step ago
    push_m_s2: float = 0.0

    @property
    def front_m(self) -> float:
        return self.s_m + self.half_m

    @property
    def rear_m(self) -> float:
        return self.s_m - self.half_m

    def place(self, s_m: float) -> tuple[float, float, float]:
        """(x_m, y_m, heading_rad) with the middle at `s_m`. Long vehicles cut bends a little."""
        axle_m = max(0.25, self.half_m * 0.6)
        rear_x, rear_y = self.route.path.at(s_m - axle_m)
        front_x, front_y = self.route.path.at(s_m + axle_m)
        heading_rad = math.atan2(front_y - rear_y, front_x - rear_x)
        return (
            (rear_x + front_x) / 2 - math.sin(heading_rad) * self.aside_m,
            (rear_y + front_y) / 2 + math.cos(heading_rad) * self.aside_m,
            heading_rad,
        )


class Traffic:
    """A street's road users from media time 0 on. Time only moves forward.

    `lines` are watched for crossings; `settle_s` of traffic pass before time 0, and whoever is
    then at a point for which `empty_at` holds is taken out. Remembers everybody who is there and
    every crossing so far.
    """

    def __init__(
        self,
        streams: Sequence[Stream],
        signals: Mapping[str, Signal],
        lines: Sequence[GroundLine],
        seed: int,
        settle_s: float = 60.0,
        empty_at: Callable[[float, float], bool] = lambda x_m, y_m: False,
    ) -> None:
        self._streams = tuple(streams)
        self._signals = dict(signals)
        self._lines = tuple(lines)
        self._crossings: list[TrueCrossing] = []
        self._users: list[_User] = []
        self._settle_steps = round(settle_s / STEP_S)
        self._steps = -self._settle_steps
        self._dice = {stream.name: random.Random(f"{seed}/{stream.name}") for stream in streams}
        self._decks: dict[str, list[Kind]] = {}
        self._due_s = {
            stream.name: self._steps * STEP_S + self._pause_s(stream) for stream in streams
        }
        self._shared = _shared_ways([r for s in streams for r in s.routes])
        self._zones = sorted({g.zone for s in streams for r in s.routes for g in r.gates})
        self._advance_to_step(0)
        self._crossings.clear()
        self._users = [u for u in self._users if not empty_at(*u.place(u.s_m)[:2])]

    @property
    def media_s(self) -> float:
        """The time of the last step."""
        return self._steps * STEP_S

    def at(self, media_s: float) -> list[RoadUser]:
        """Everybody at `media_s`, which may not lie before the last call's."""
        self._advance_to_step(math.ceil(media_s / STEP_S - 1e-9))
        share = 1.0 - (self.media_s - media_s) / STEP_S
        assert -1e-6 <= share <= 1 + 1e-6, "time only moves forward"
        there: list[RoadUser] = []
        for user in self._users:
            s_m = user.before_m + (user.s_m - user.before_m) * share
            x_m, y_m, heading_rad = user.place(s_m)
            there.append(
                RoadUser(
                    user.kind,
                    x_m,
                    y_m,
                    heading_rad,
                    user.speed_m_s,
                    user.push_m_s2 < -0.6 or (user.speed_m_s < 0.3 and user.half_m > 0.5),
                    s_m,
                    user.look,
                )
            )
        return there

    def crossings(self, until_media_s: float, since_media_s: float = 0.0) -> list[TrueCrossing]:
        """All crossings after `since_media_s` and up to `until_media_s`, in order of time.

        They are known for two days; older ones are forgotten.
        """
        self._advance_to_step(math.ceil(until_media_s / STEP_S - 1e-9))
        return self.noticed(until_media_s, since_media_s)

    def noticed(self, until_media_s: float, since_media_s: float = 0.0) -> list[TrueCrossing]:
        """The same without letting time pass: what happened up to now. Any thread may ask."""
        crossings = self._crossings  # is only added to, or replaced as a whole
        first = bisect.bisect_left(crossings, since_media_s, key=_media_s)
        last = bisect.bisect_right(crossings, until_media_s, key=_media_s)
        return crossings[first:last]

    def colour(self, zone: str, party: str, media_s: float) -> str:
        """What the light of `zone` shows to `party`."""
        return self._signals[zone].colour(party, media_s)

    def _advance_to_step(self, step: int) -> None:
        while self._steps < step:
            self._step()

    def _step(self) -> None:
        at_s = self._steps * STEP_S
        for stream in self._streams:
            self._let_in(stream, at_s)
        inside = self._inside()
        ways = self._ways()
        for user in self._users:
            if user.kind is Kind.PEDESTRIAN:
                self._walk(user, at_s, inside, ways)
            else:
                self._drive(user, at_s, inside, ways)
        self._steps += 1
        for user in self._users:
            user.before_m = user.s_m
            user.s_m += user.speed_m_s * STEP_S
        self._notice_crossings()
        self._users = [u for u in self._users if u.rear_m < u.route.path.length_m]

    # Who comes

    def _pause_s(self, stream: Stream) -> float:
        """Seconds to the next arrival: an exponential beyond the least headway."""
        mean_s = max(0.05, 60.0 / stream.per_min - stream.headway_s)
        return stream.headway_s + self._dice[stream.name].expovariate(1.0 / mean_s)

    def _let_in(self, stream: Stream, at_s: float) -> None:
        if at_s < self._due_s[stream.name]:
            return
        ahead = [u for u in self._users if u.stream is stream]
        nearest_m = min((u.rear_m for u in ahead), default=math.inf)
        if nearest_m < 8.0 + stream.speed_m_s * 1.6 and stream.party != "feet":
            return  # the queue reaches back to the way in; whoever comes waits there
        dice = self._dice[stream.name]
        self._due_s[stream.name] = at_s + self._pause_s(stream)
        kind = self._deal(stream)
        route = dice.choices(stream.routes, weights=[r.share for r in stream.routes])[0]
        wish_m_s = stream.speed_m_s * dice.uniform(0.86, 1.1)
        if kind in (Kind.BUS, Kind.TRUCK):
            wish_m_s *= 0.9
        stands = dice.random() < stream.stand_share
        stand_at_m = dice.uniform(*stream.stand_m) if stands else math.inf
        half_m = SIZES[kind].length_m / 2
        aside_m = dice.uniform(-stream.spread_m, stream.spread_m)
        speed_m_s = wish_m_s
        for leader in ahead:
            if leader.rear_m < 60.0:
                speed_m_s = min(speed_m_s, leader.speed_m_s + 1.0)
        self._users.append(
            _User(
                stream,
                route,
                kind,
                -half_m,
                speed_m_s,
                wish_m_s,
                aside_m,
                dice.getrandbits(30),
                stand_at_m,
                dice.uniform(6.0, 25.0) if stands else 0.0,
                half_m,
                before_m=-half_m,
            )
        )

    def _deal(self, stream: Stream) -> Kind:
        """The next kind, from a shuffled deck: each kind comes as often as its share, and soon."""
        deck = self._decks.setdefault(stream.name, [])
        if not deck:
            deck += [kind for kind, cards in stream.kinds.items() for _ in range(cards)]
            self._dice[stream.name].shuffle(deck)
        return deck.pop()

    # Who is ahead

    def _ways(self) -> dict[int, list[tuple[float, float, float]]]:
        """For each route in use: (middle, rear, speed) of all who are on its way, far to near."""
        routes = {id(user.route): user.route for user in self._users}
        ways: dict[int, list[tuple[float, float, float]]] = {key: [] for key in routes}
        for user in self._users:
            for key, prefix_m, shift_m, suffix_from_m in self._shared[id(user.route)]:
                if key not in ways:
                    continue
                if user.rear_m < prefix_m:
                    s_m = user.s_m
                elif user.front_m > suffix_from_m:
                    s_m = user.s_m + shift_m
                else:
                    continue
                ways[key].append((s_m, s_m - user.half_m, user.speed_m_s))
        for way in ways.values():
            way.sort()
        return ways

    def _leader(
        self, user: _User, ways: dict[int, list[tuple[float, float, float]]]
    ) -> tuple[float, float]:
        """(gap_m, speed_m_s) of who is next ahead; the gap is infinite when nobody is."""
        way = ways[id(user.route)]
        index = bisect.bisect_right(way, (user.s_m + 1e-6, math.inf, math.inf))
        if index == len(way):
            return math.inf, 0.0
        return way[index][1] - user.front_m, way[index][2]

    # Where parties meet

    def _inside(self) -> dict[str, set[str]]:
        """Which parties are in each zone just now."""
        inside: dict[str, set[str]] = {zone: set() for zone in self._zones}
        for user in self._users:
            for gate in user.route.gates:
                if user.front_m > gate.stop_m + 0.05 and user.rear_m < gate.clear_m:
                    inside[gate.zone].add(user.stream.party)
        return inside

    def _shut(self, user: _User, gate: Gate, at_s: float, inside: dict[str, set[str]]) -> bool:
        """Whether `user`, still before `gate`, must wait."""
        party = user.stream.party
        if inside[gate.zone] - {party}:
            return True
        signal = self._signals.get(gate.zone)
        if signal is not None:
            return signal.colour(party, at_s) != "green"
        return gate.gives_way and self._somebody_comes(gate.zone, party)

    def _somebody_comes(self, zone: str, party: str) -> bool:
        """Whether anybody of another party would have to brake hard for us at `zone`."""
        for user in self._users:
            if user.stream.party == party:
                continue
            for gate in user.route.gates:
                gap_m = gate.stop_m - user.front_m
                if gate.zone != zone or gap_m < -0.05:
                    continue
                if user.speed_m_s**2 / (2 * max(0.1, gap_m)) > _COMFORT_M_S2 * 0.8:
                    return True
        return False

    # How they move

    def _drive(
        self,
        user: _User,
        at_s: float,
        inside: dict[str, set[str]],
        ways: dict[int, list[tuple[float, float, float]]],
    ) -> None:
        """Sets the speed that `user` has during this step, by the Intelligent Driver Model."""
        manner = _MANNERS[user.kind]
        v = user.speed_m_s
        wish_m_s = user.wish_m_s
        for from_m, to_m, slow_m_s in user.route.slow:
            if user.rear_m < to_m:
                ahead_m = max(0.0, from_m - user.front_m)
                wish_m_s = min(wish_m_s, math.sqrt(slow_m_s**2 + 2 * 1.6 * ahead_m))
        free = (v / wish_m_s) ** 4 if v <= wish_m_s else (v / wish_m_s) ** 2
        push = manner.push_m_s2 * (1 - free)

        obstacles = [self._leader(user, ways)]
        for gate in user.route.gates:
            gap_m = gate.stop_m - user.front_m
            if gap_m < -0.05 or gap_m > 80.0:
                continue
            must_m_s2 = v * v / (2 * max(0.05, gap_m))
            if must_m_s2 <= _CAN_STOP_M_S2 and self._shut(user, gate, at_s, inside):
                obstacles.append((gap_m + manner.gap_m * 0.75, 0.0))
        for gap_m, leader_m_s in obstacles:
            if gap_m == math.inf:
                continue
            closing = v * (v - leader_m_s) / (2 * math.sqrt(manner.push_m_s2 * manner.brake_m_s2))
            wanted_m = manner.gap_m + max(0.0, v * manner.gap_s + closing)
            held = manner.push_m_s2 * (1 - free - (wanted_m / max(0.1, gap_m)) ** 2)
            push = min(push, held)
        user.push_m_s2 = max(-_HARDEST_M_S2, push)
        user.speed_m_s = max(0.0, v + user.push_m_s2 * STEP_S)
        if user.speed_m_s < 0.02 and push < 0.05:
            user.speed_m_s = 0.0

    def _walk(
        self,
        user: _User,
        at_s: float,
        inside: dict[str, set[str]],
        ways: dict[int, list[tuple[float, float, float]]],
    ) -> None:
        """Sets the speed that somebody on foot has during this step."""
        wish_m_s = user.wish_m_s
        gap_m, leader_m_s = self._leader(user, ways)
        if gap_m < _PEOPLE_GAP_M:
            wish_m_s = min(wish_m_s, leader_m_s * 0.9)
        if user.s_m >= user.stand_at_m and user.stand_s > 0:
            user.stand_s -= STEP_S
            wish_m_s = 0.0
        for gate in user.route.gates:
            gap_m = gate.stop_m - user.front_m
            if -0.05 <= gap_m < 0.35 and self._shut(user, gate, at_s, inside):
                wish_m_s = 0.0
        change = min(2.0 * STEP_S, max(-4.0 * STEP_S, wish_m_s - user.speed_m_s))
        user.speed_m_s = max(0.0, user.speed_m_s + change)

    # What is counted

    def _notice_crossings(self) -> None:
        ended_s = self._steps * STEP_S
        found: list[TrueCrossing] = []
        for user in self._users:
            if user.s_m == user.before_m:
                continue
            ax, ay, _ = user.place(user.before_m)
            bx, by, _ = user.place(user.s_m)
            for line in self._lines:
                hit = crossed(line, ax, ay, bx, by)
                if hit is not None:
                    share, direction = hit
                    at_s = ended_s - STEP_S * (1 - share)
                    found.append(
                        TrueCrossing(at_s, line.name, user.kind, direction, user.speed_m_s)
                    )
        found.sort(key=_media_s)
        self._crossings.extend(found)
        if self._crossings and self._crossings[0].media_s < ended_s - 2 * _KNOWN_S:
            self._crossings = self.noticed(ended_s, ended_s - _KNOWN_S)


def _media_s(crossing: TrueCrossing) -> float:
    return crossing.media_s


def crossed(
    line: GroundLine, ax: float, ay: float, bx: float, by: float
) -> tuple[float, Direction] | None:
    """Where on the way from a to b (0..1) `line` is crossed, and which way; None if it is not."""
    sx, sy = line.start.x_m, line.start.y_m
    dx, dy = line.end.x_m - sx, line.end.y_m - sy
    # Positive is on the left of somebody who walks along the line, seen from above.
    before = dx * (ay - sy) - dy * (ax - sx)
    after = dx * (by - sy) - dy * (bx - sx)
    if (before > 0) == (after > 0):
        return None
    share = before / (before - after)
    x, y = ax + (bx - ax) * share, ay + (by - ay) * share
    along = (dx * (x - sx) + dy * (y - sy)) / (dx * dx + dy * dy)
    if not 0 <= along <= 1:
        return None
    return share, Direction.LEFT_TO_RIGHT if before > 0 else Direction.RIGHT_TO_LEFT


def _shared_ways(
    routes: Sequence[Route],
) -> dict[int, tuple[tuple[int, float, float, float], ...]]:
    """For each route: (other route, shared up to, shift into the other, shared again from)."""
    shared: dict[int, tuple[tuple[int, float, float, float], ...]] = {}
    for route in routes:
        rows = [(id(route), math.inf, 0.0, math.inf)]
        for other in routes:
            if other is not route:
                prefix_m = _together_m(route.path, other.path)
                suffix_m = _together_m(route.path.reversed(), other.path.reversed())
                length_m, other_m = route.path.length_m, other.path.length_m
                if prefix_m > 0 or suffix_m > 0:
                    shift_m = other_m - length_m
                    from_m = length_m - suffix_m if suffix_m > 0 else math.inf
                    rows.append((id(other), prefix_m, shift_m, from_m))
        shared[id(route)] = tuple(rows)
    return shared


def _together_m(a: Path, b: Path) -> float:
    """How far two paths run within 1.5 m of each other from their starts."""
    s_m = 0.0
    shorter_m = min(a.length_m, b.length_m)
    while s_m < shorter_m and math.dist(a.at(s_m), b.at(s_m)) < 1.5:
        s_m += 0.25
    return s_m
