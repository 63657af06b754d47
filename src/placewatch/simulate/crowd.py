"""Crowd: what fills a square or a platform with people, and where they are counted.

How this works. People walk on polygons, around what stands on them, by JuPedSim, which SUMO has
built in. SUMO knows them by short edges, the ways: a route is a few of them, and from one to the
next everybody finds its own path. The last way of a stand is so slow that who comes to it stands:
in the way of others, as people do, until it is sent on (`standing.py`).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

import numpy as np
import numpy.typing as npt

from placewatch.core.kinds import Kind
from placewatch.simulate.materials import Rgb
from placewatch.simulate.scenery import Block, Corner, Lamp

Floats = npt.NDArray[np.float64]
Corners = tuple[Corner, ...]

WALKS_M_S = 2.0  # as fast as a way allows: faster than anybody walks
STANDS_M_S = 0.0005  # a centimetre in twenty seconds: nobody sees it
BODY_M = 0.3  # across: what JuPedSim keeps free around the middle of a person is half of it
AWAY = "away"
"""A way that is far from everywhere: a new route that begins with it takes effect at once, since
SUMO sets a person's pace where it leaves one way for the next."""
_AWAY_AT = ((900.0, 900.0), (902.0, 900.0))
_RAMP_S = 60.0  # a rate that changes is even for so long


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the ground in which people are counted, by its corners in metres."""

    name: str
    corners: Corners


@dataclass(frozen=True, slots=True)
class Way:
    """An edge of a route. People pass within half of `width_m` of its middle."""

    name: str
    start: Corner
    end: Corner
    width_m: float = 2.0
    speed_m_s: float = WALKS_M_S


@dataclass(frozen=True, slots=True)
class Inflow:
    """People who come at random and take `ways` one after the other.

    `ramp` holds (seconds, people an hour) and is even in between; it repeats each `every_s`.
    """

    ways: tuple[str, ...]
    ramp: tuple[tuple[float, float], ...]
    every_s: float = 1800.0

    def per_h(self, at_s: float) -> float:
        """How many come, people an hour, at a time that may lie before 0."""
        at_s %= self.every_s
        before_s, before = self.ramp[-1][0] - self.every_s, self.ramp[-1][1]
        for after_s, after in (*self.ramp, (self.ramp[0][0] + self.every_s, self.ramp[0][1])):
            if at_s <= after_s:
                share = (at_s - before_s) / max(1e-9, after_s - before_s)
                return before + share * (after - before)
            before_s, before = after_s, after
        return before


@dataclass(frozen=True, slots=True)
class Stand:
    """Where people stand on the slow way `way`, for `stays_s` on average, then go on by one of
    `onwards`; or, with a `door`, until a train is there, which they board by it: who is too late
    goes on by `onwards`."""

    way: str
    stays_s: float = 60.0
    onwards: tuple[tuple[str, ...], ...] = ()
    door: str = ""


@dataclass(frozen=True, slots=True)
class Trains:
    """Trains that come from the west each `every_s`, stop for `stop_s`, and go on.

    The track's middle lies at `y_m`; a train has carriages at `carriages_m` where it stops.
    `alighting` take `alight` ways, so many from each; doors are open but for `doors_s` at either
    end of the stop.
    """

    first_s: float
    every_s: float
    stop_s: float
    y_m: float
    carriages_m: tuple[float, ...]
    alight: tuple[tuple[str, ...], ...]
    alighting: int = 8
    doors_s: float = 2.0
    brakes_m_s2: float = 0.9
    fast_m_s: float = 14.0

    def stops_s(self, begin_s: float, end_s: float) -> Iterator[float]:
        """When trains stop, from `begin_s` to `end_s`."""
        number = math.ceil((begin_s - self.first_s) / self.every_s)
        while (at_s := self.first_s + number * self.every_s) < end_s:
            yield at_s
            number += 1

    def off_m(self, at_s: float) -> float | None:
        """How far east of its stop the train is, where one can be seen; below 0: it comes."""
        far_m = 150.0
        number = round((at_s - self.first_s - self.stop_s / 2) / self.every_s)
        since_s = at_s - self.first_s - number * self.every_s
        away_s = -since_s if since_s < 0.0 else since_s - self.stop_s
        if away_s <= 0.0:
            return 0.0
        slow_s = self.fast_m_s / self.brakes_m_s2
        off_m = 0.5 * self.brakes_m_s2 * min(away_s, slow_s) ** 2
        off_m += self.fast_m_s * max(0.0, away_s - slow_s)
        if off_m > far_m:
            return None
        return -off_m if since_s < 0.0 else off_m


@dataclass(frozen=True, slots=True)
class Surge:
    """What a crowd surge does at a place: whoever is there takes `ways`, and `more` come by each of
    `sources` within `within_s`, and take them, too."""

    ways: tuple[str, ...]
    sources: tuple[str, ...]
    more: int = 80
    within_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """A place on foot: its ground, what stands on it, ways, who comes, and who stands.

    `grounds` are walked on; of the rest of the ground `surfaces` are (material, corners) and
    `paints` are markings, later ones over earlier ones. Who is outside of `seen` (west, south,
    east, north) is around a corner or in a train, and not told. `houses` are rows of fronts.
    """

    grounds: tuple[Corners, ...]
    ways: tuple[Way, ...]
    inflows: tuple[Inflow, ...]
    seen: tuple[float, float, float, float]
    areas: tuple[Area, ...]
    obstacles: tuple[Corners, ...] = ()
    stands: tuple[Stand, ...] = ()
    surges: tuple[tuple[str, Surge], ...] = ()  # by place, the first is the usual one
    left: tuple[str, ...] = ()  # ways at whose start a box may be left, the first is the usual one
    trains: Trains | None = None
    surfaces: tuple[tuple[str, Corners], ...] = ()
    paints: tuple[tuple[Corners, Rgb], ...] = ()
    blocks: tuple[Block, ...] = ()
    houses: tuple[tuple[Corner, Corner], ...] = ()
    trees: tuple[Corner, ...] = ()
    lamps: tuple[Lamp, ...] = ()


def nodes_xml(crowd: Crowd) -> str:
    """The ends of its ways, as SUMO's plain XML."""
    rows = [
        f'<node id={quoteattr(way.name + end)} x="{at[0]:.3f}" y="{at[1]:.3f}"/>'
        for way in _ways(crowd)
        for end, at in (("_a", way.start), ("_b", way.end))
    ]
    return f"<nodes>{''.join(rows)}</nodes>"


def edges_xml(crowd: Crowd) -> str:
    """Its ways, as SUMO's plain XML."""
    rows = [
        f"<edge id={quoteattr(way.name)} from={quoteattr(way.name + '_a')} "
        f'to={quoteattr(way.name + "_b")} numLanes="1" speed="{way.speed_m_s:g}" '
        f'width="{way.width_m:g}" allow="pedestrian" spreadType="center"/>'
        for way in _ways(crowd)
    ]
    return f"<edges>{''.join(rows)}</edges>"


def _ways(crowd: Crowd) -> Iterator[Way]:
    yield from crowd.ways
    yield Way(AWAY, *_AWAY_AT)


def grounds_xml(crowd: Crowd) -> str:
    """What is walked on and what stands there, as polygons for JuPedSim."""
    rows = [
        f'<poly id="{kind}{number}" type="jupedsim.{kind}" color="1,1,1" '
        f'shape="{_shape(corners)}"/>'
        for kind, shapes in (("walkable_area", crowd.grounds), ("obstacle", crowd.obstacles))
        for number, corners in enumerate(shapes)
    ]
    return "".join(rows)


def _shape(corners: Corners) -> str:
    return " ".join(f"{x:.3f},{y:.3f}" for x, y in (*corners, corners[0]))


def types_xml() -> str:
    """Who there is: people, and a dropped box, which goes nowhere."""
    return (
        f'<vType id="{Kind.PEDESTRIAN}" vClass="pedestrian" length="{BODY_M}" width="{BODY_M}"/>'
        f'<vType id="{Kind.UNKNOWN}" vClass="pedestrian" length="{BODY_M}" width="{BODY_M}" '
        f'maxSpeed="0.0001" desiredMaxSpeed="0.0001"/>'
    )


def demand_xml(crowd: Crowd, warm_s: float, duration_s: float) -> str:
    """Who comes until the end, as flows of SUMO's, whose time 0 lies `warm_s` before ours."""
    rows = []
    ways = {way.name: way for way in crowd.ways}
    for number, inflow in enumerate(crowd.inflows):
        begin_s = -warm_s
        window = 0
        while begin_s < duration_s:
            end_s = min(duration_s, begin_s + _RAMP_S)
            per_h = inflow.per_h((begin_s + end_s) / 2)
            if per_h > 0.0:
                rows.append(
                    f'<personFlow id="{Kind.PEDESTRIAN}_-1_{number}_{window}_" '
                    f'type="{Kind.PEDESTRIAN}" begin="{begin_s + warm_s:.3f}" '
                    f'end="{end_s + warm_s:.3f}" period="exp({per_h / 3600.0:.8f})">'
                    f"{_walk(inflow.ways, ways[inflow.ways[-1]])}</personFlow>"
                )
            begin_s, window = end_s, window + 1
    trains = crowd.trains
    if trains is not None:
        for train, at_s in enumerate(trains.stops_s(-warm_s, duration_s)):
            begin_s = at_s + trains.doors_s + warm_s
            for number, route in enumerate(trains.alight):
                rows.append(
                    f'<personFlow id="{Kind.PEDESTRIAN}_-1_t{train}_{number}_" '
                    f'type="{Kind.PEDESTRIAN}" begin="{begin_s:.3f}" '
                    f'end="{begin_s + trains.stop_s / 2:.3f}" number="{trains.alighting}">'
                    f"{_walk(route, ways[route[-1]])}</personFlow>"
                )
    # SUMO wants them by when they begin.
    rows.sort(key=lambda row: float(row.split('begin="')[1].split('"')[0]))
    return "".join(rows)


def _walk(route: tuple[str, ...], last: Way) -> str:
    attributes = f'edges="{" ".join(route)}" departPosLat="random"'
    if last.speed_m_s != STANDS_M_S:
        return f'<walk {attributes} arrivalPos="-0.1"/>'
    # Whoever has arrived is gone: at a stand nobody shall, so its goal is small, and out of reach.
    goal_m = math.dist(last.start, last.end) / 2
    return (
        f'<walk {attributes} arrivalPos="{goal_m:g}">'
        '<param key="jupedsim.waypoint.radius" value="0.2"/></walk>'
    )


def inside(corners: Corners, x_m: Floats, y_m: Floats) -> npt.NDArray[np.bool_]:
    """Which of the points lie in an area, by the even-odd rule."""
    within = np.zeros(len(x_m), np.bool_)
    for (ax, ay), (bx, by) in zip(corners, (*corners[1:], corners[0]), strict=True):
        if ay != by:
            level = (ay > y_m) != (by > y_m)
            within ^= level & (x_m < ax + (y_m - ay) * (bx - ax) / (by - ay))
    return within


def surface_m2(corners: Corners) -> float:
    """How large an area is (the surveyor's formula)."""
    pairs = zip(corners, (*corners[1:], corners[0]), strict=True)
    return abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairs)) / 2
