"""Incidents: planted into a simulated street on request, each with its time, place and truth.

How this works. Each incident is an actor that gives SUMO orders (`director.py`): a vehicle that was
on its way is made to stop, somebody is moved step by step along a line where nobody should be, or a
small thing is put down. Everybody else reacts as SUMO has it: brakes, waits, passes beside. What is
told as truth is when and where it came about, not what was asked for.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from placewatch.core.errors import Misconfigured
from placewatch.core.kinds import Kind
from placewatch.simulate.crowd import Surge
from placewatch.simulate.director import Actor
from placewatch.simulate.standing import send
from placewatch.simulate.street import Arm, Street
from placewatch.simulate.sumo import Lane, SumoRun
from placewatch.simulate.traffic import SIZES

Floats = npt.NDArray[np.float64]

_PATIENCE_S = 180.0  # so long a vehicle is waited for
_LOOK_EVERY_S = 0.5
_STANDS_M_S = 0.1
_WALKS_M_S = 1.2
_TURNS_RAD_S = 2.5
_WRONG_SHARE = 0.7  # of the speed limit
_BRAKES_M_S2 = 2.5
_TURNS_AT_M, _TURNS_M = 55.0, 25.0  # before the junction, back over the middle line
_LONG_M = 400.0  # out of sight of any camera
_CLEAR_M = 30.0  # nobody steps before a vehicle that is nearer, or three seconds away


class IncidentKind(StrEnum):
    """What can be planted."""

    STOPPED_VEHICLE = "stopped_vehicle"
    WRONG_WAY = "wrong_way"
    PERSON_ON_CARRIAGEWAY = "person_on_carriageway"
    DROPPED_BOX = "dropped_box"
    CROWD_SURGE = "crowd_surge"


_LASTS_S = {
    IncidentKind.STOPPED_VEHICLE: 60.0,
    IncidentKind.WRONG_WAY: 0.0,
    IncidentKind.PERSON_ON_CARRIAGEWAY: 20.0,
    IncidentKind.DROPPED_BOX: 60.0,
    IncidentKind.CROWD_SURGE: 60.0,
}


@dataclass(frozen=True, slots=True)
class Wish:
    """An incident that is asked for: its kind, when (seconds of the simulation), for how long, and
    where ("": the usual place)."""

    kind: IncidentKind
    at_s: float
    lasts_s: float
    place: str = ""


@dataclass(frozen=True, slots=True)
class Planted:
    """An incident that came about: from when until when, where on the ground, in which lane."""

    kind: IncidentKind
    begin_s: float
    end_s: float
    x_m: float
    y_m: float
    lane: str


def wish_of(text: str) -> Wish:
    """The incident that `KIND@SECONDS[+LASTS][:PLACE]` asks for. Raises Misconfigured."""
    match = re.fullmatch(r"([a-z_]+)@(\d+(?:\.\d+)?)(?:\+(\d+(?:\.\d+)?))?(?::(.+))?", text)
    if match is None:
        raise Misconfigured(
            f'"{text}" asks for no incident', hint="write it as in stopped_vehicle@120+45:W"
        )
    if match[1] not in set(IncidentKind):
        raise Misconfigured(
            f'there is no incident "{match[1]}"', hint=f"there are {', '.join(IncidentKind)}"
        )
    kind = IncidentKind(match[1])
    lasts_s = float(match[3]) if match[3] else _LASTS_S[kind]
    return Wish(kind, float(match[2]), lasts_s, match[4] or "")


class Plants:
    """The incidents of one run, as actors of it. Raises Misconfigured where one cannot be."""

    def __init__(self, run: SumoRun, wishes: Iterable[Wish]) -> None:
        self._plants = [_plant(run, wish, number) for number, wish in enumerate(wishes)]
        run.actors += self._plants

    def planted(self) -> list[Planted]:
        """What came about, in order of time; after the run is over. Raises Misconfigured where
        something did not."""
        return sorted(
            (plant.planted() for plant in self._plants), key=lambda planted: planted.begin_s
        )


def _plant(run: SumoRun, wish: Wish, number: int) -> "_Plant":
    street = run.street
    if wish.at_s >= run.duration_s:
        raise Misconfigured(
            f"{wish.kind} at {wish.at_s:g} s cannot be planted: the simulation ends after "
            f"{run.duration_s:g} s",
            hint="ask for an earlier time, or more --hours",
        )
    if wish.kind is IncidentKind.CROWD_SURGE:
        return _SurgePlant(run, wish, number, *_surge(street, wish))
    if street.crowd is not None:
        if wish.kind is not IncidentKind.DROPPED_BOX:
            raise Misconfigured(
                f"{wish.kind} cannot be planted: nobody drives in the street {street.name}",
                hint="crowd_surge and dropped_box can",
            )
        return _LeftBox(run, wish, number, _way(street, wish))
    if wish.kind is IncidentKind.WRONG_WAY:
        return _WrongWay(run, wish, number, *_wrong(run, wish))
    lane, at_m = _spot(run, wish)
    if wish.kind is IncidentKind.STOPPED_VEHICLE:
        return _Stopped(run, wish, number, lane, at_m)
    if wish.kind is IncidentKind.DROPPED_BOX:
        return _Box(run, wish, number, lane, at_m)
    return _OnCarriageway(run, wish, number, lane, at_m)


# Places


def _driven(run: SumoRun, edge: str) -> list[Lane]:
    """The lanes of an edge that are driven on, from the right to the left."""
    return [lane for lane in run.network.lanes if lane.edge == edge and not lane.walked]


def _spot(run: SumoRun, wish: Wish) -> tuple[Lane, float]:
    """The lane that a wish names, and how far along: by its arm, its edge or itself, and metres
    from its start after a plus."""
    street = run.street
    name, _, metres = wish.place.partition("+")
    arms = [arm for arm in street.arms if name in ("", arm.name) and (arm.into or arm.out_of)]
    lanes = [lane for lane in run.network.lanes if name in (lane.name, lane.edge)]
    lanes = [lane for lane in lanes if not lane.walked and not lane.inside]
    at_m = math.nan
    if arms:
        met = run.network.met(arms[0].into or arms[0].out_of, arms[0])
        lanes = [lane for lane in run.network.lanes if met and lane.name == met[0][0]]
        at_m = met[0][1] if met else math.nan
    if not lanes:
        raise _nowhere(street, wish, "lane")
    if metres:
        at_m = float(metres) if re.fullmatch(r"\d+(\.\d+)?", metres) else math.inf
    elif math.isnan(at_m):
        at_m = lanes[0].length_m / 2
    if not 8.0 < at_m < lanes[0].length_m - 1.0:
        raise Misconfigured(
            f"{wish.kind} cannot be planted at {wish.place}: the lane {lanes[0].name} is "
            f"{lanes[0].length_m:.0f} m long",
            hint="more than 8 m from its start, less than its length",
        )
    return lanes[0], at_m


def _nowhere(street: Street, wish: Wish, what: str) -> Misconfigured:
    names = ", ".join(arm.name for arm in street.arms)
    return Misconfigured(
        f'{wish.kind} cannot be planted: there is no {what} "{wish.place}" in the street '
        f"{street.name}",
        hint=f"its arms are {names}",
    )


def _wrong(run: SumoRun, wish: Wish) -> tuple[Lane, Lane | None]:
    """The lane that is driven the wrong way, and the one beside it that is the right one."""
    arms = [arm for arm in run.street.arms if wish.place in ("", arm.name)]
    arms = sorted(arms, key=lambda arm: not (arm.into and arm.out_of))
    if not arms:
        raise _nowhere(run.street, wish, "arm")
    arm: Arm = arms[0]
    wrong = _driven(run, arm.out_of or arm.into)
    right = _driven(run, arm.into) if arm.out_of and arm.into else []
    return wrong[-1], right[-1] if right else None


def _surge(street: Street, wish: Wish) -> tuple[str, Surge]:
    surges = street.crowd.surges if street.crowd is not None else ()
    if not surges:
        raise Misconfigured(
            f"{wish.kind} cannot be planted: there is no crowd in the street {street.name}",
            hint="there is in market-square and station-platform",
        )
    for name, surge in surges:
        if wish.place in ("", name):
            return name, surge
    raise _nowhere(street, wish, "place")


def _way(street: Street, wish: Wish) -> str:
    crowd = street.crowd
    assert crowd is not None
    name = wish.place or crowd.left[0]
    if name not in crowd.left:
        raise Misconfigured(
            f'{wish.kind} cannot be planted: there is no place "{wish.place}" in the street '
            f"{street.name}",
            hint=f"there are {', '.join(crowd.left)}",
        )
    return name


def _at(lane: Lane, at_m: float) -> tuple[Floats, Floats]:
    """The point `at_m` along a lane, and the way it leads there, one metre."""
    steps = np.hypot(*np.diff(lane.shape, axis=0).T)
    gone_m = np.concatenate([[0.0], np.cumsum(steps)])
    at_m *= gone_m[-1] / lane.length_m
    number = min(max(int(np.searchsorted(gone_m, at_m)) - 1, 0), len(steps) - 1)
    way = (lane.shape[number + 1] - lane.shape[number]) / steps[number]
    return lane.shape[number] + way * (at_m - gone_m[number]), way


def _with_those_before(run: SumoRun, lane: Lane) -> Lane:
    """A lane that begins some lanes earlier, where it is led to without a bend."""
    shape = lane.shape
    length_m = lane.length_m
    while length_m < _LONG_M:
        way = shape[1] - shape[0]
        before = [
            other
            for other in run.network.lanes
            if not other.walked
            and float(np.hypot(*(other.shape[-1] - shape[0]))) < 0.5
            and float((other.shape[-1] - other.shape[-2]) @ way) > 0.0
        ]
        if not before:
            break
        one = min(before, key=lambda other: abs(_bend(other.shape[-2:], shape[:2])))
        shape = np.concatenate([one.shape[:-1], shape])
        length_m += one.length_m
    return replace(lane, shape=shape, length_m=length_m)


def _bend(a: Floats, b: Floats) -> float:
    one, other = a[1] - a[0], b[1] - b[0]
    return math.atan2(one[0] * other[1] - one[1] * other[0], float(one @ other))


def _index(lane: Lane) -> int:
    return int(lane.name.rsplit("_", 1)[1])


# What is planted


class _Plant(Actor):
    """An incident as an actor. Times of SUMO begin `warm_s` before ours."""

    def __init__(self, run: SumoRun, wish: Wish, number: int) -> None:
        self.wish, self.number = wish, number
        self.warm_s, self.end_s, self.step_s = run.warm_s, run.duration_s, run.step_s
        self.next_at_s = run.warm_s + wish.at_s
        self.begin_s = self.until_s = math.nan  # ours
        self.where = (math.nan, math.nan)
        self.lane = ""
        self.begun = False  # whether the first orders were given

    def next_s(self) -> float:
        return self.next_at_s

    def act(self, sumo: Any, at_s: float) -> None:
        self.step(sumo, at_s - self.warm_s)
        self.begun = True

    def step(self, sumo: Any, at_s: float) -> None:
        raise NotImplementedError

    def again(self, at_s: float, after_s: float) -> None:
        """Asks to be asked again, `after_s` after our time `at_s`."""
        self.next_at_s = at_s + self.warm_s + after_s

    def over(self, at_s: float) -> None:
        self.until_s, self.next_at_s = at_s, math.inf

    def waited_for(self) -> str:
        return "there was no room for it"

    def planted(self) -> Planted:
        if math.isnan(self.begin_s):
            raise Misconfigured(
                f"{self.wish.kind} at {self.wish.at_s:g} s could not be planted: "
                f"{self.waited_for()}",
                hint="ask for another time or place",
            )
        until_s = self.end_s if math.isnan(self.until_s) else self.until_s
        return Planted(
            self.wish.kind, self.begin_s, min(until_s, self.end_s), *self.where, self.lane
        )


class _Stopped(_Plant):
    """The next vehicle that can stop at a place does so."""

    def __init__(self, run: SumoRun, wish: Wish, number: int, lane: Lane, at_m: float) -> None:
        super().__init__(run, wish, number)
        self.lane, self._edge, self._index, self._at_m = lane.name, lane.edge, _index(lane), at_m
        self._who = ""

    def waited_for(self) -> str:
        return f"no vehicle came that could stop in lane {self.lane}"

    def step(self, sumo: Any, at_s: float) -> None:
        if not self._who:
            self._choose(sumo)
            late = not self._who and at_s > self.wish.at_s + _PATIENCE_S
            if late:
                self.over(at_s)
            else:
                self.again(at_s, _LOOK_EVERY_S)
            return
        if self._who not in sumo.vehicle.getIDList():
            self.over(at_s)
            return
        self.again(at_s, self.step_s)
        stands = sumo.vehicle.getSpeed(self._who) < _STANDS_M_S
        if math.isnan(self.begin_s):
            if stands and sumo.vehicle.isStopped(self._who):
                self.begin_s = at_s
                self.where = _middle(sumo, self._who)
        elif not stands:
            self.over(at_s)

    def _choose(self, sumo: Any) -> None:
        for who in reversed(sumo.lane.getLastStepVehicleIDs(self.lane)):
            gap_m = self._at_m - sumo.vehicle.getLanePosition(who)
            speed = sumo.vehicle.getSpeed(who)
            kind, flow = who.split("_", 2)[:2]
            planted = flow == "-1"
            if planted or kind in (Kind.BICYCLE, Kind.MOTORCYCLE):
                continue
            if gap_m < 5.0 + speed**2 / (2 * _BRAKES_M_S2):
                continue
            sumo.vehicle.setStop(
                who, self._edge, self._at_m, self._index, duration=self.wish.lasts_s
            )
            self._who = who
            return


def _middle(sumo: Any, who: str) -> tuple[float, float]:
    x_m, y_m = sumo.vehicle.getPosition(who)
    back_m = sumo.vehicle.getLength(who) / 2
    angle = math.radians(sumo.vehicle.getAngle(who))
    return x_m - back_m * math.sin(angle), y_m - back_m * math.cos(angle)


class _Box(_Plant):
    """A small thing lies in a lane: for SUMO a vehicle that does not move."""

    def __init__(self, run: SumoRun, wish: Wish, number: int, lane: Lane, at_m: float) -> None:
        super().__init__(run, wish, number)
        self.lane, self._edge, self._index, self._at_m = lane.name, lane.edge, _index(lane), at_m
        self._who = f"{Kind.UNKNOWN}_-1_box{number}"

    def step(self, sumo: Any, at_s: float) -> None:
        there = self._who in sumo.vehicle.getIDList()
        if not self.begun:
            sumo.route.add(self._who, [self._edge])
            sumo.vehicle.add(
                self._who, self._who, typeID=str(Kind.UNKNOWN), departLane=str(self._index),
                departPos=f"{self._at_m:.3f}", departSpeed="0",
            )  # fmt: skip
            sumo.vehicle.setSpeedMode(self._who, 0)
            sumo.vehicle.setSpeed(self._who, 0.0)
        elif there and math.isnan(self.begin_s):
            self.begin_s, self.where = at_s, _middle(sumo, self._who)
            self.begin_s -= self.step_s  # it is told since the step before
        late_s = self.begin_s + self.wish.lasts_s if there else self.wish.at_s + _PATIENCE_S
        if self.begun and at_s >= late_s:
            sumo.vehicle.remove(self._who)
            self.over(at_s)
            return
        self.again(at_s, self.step_s)


class _LeftBox(_Plant):
    """A small thing stands among people: for JuPedSim somebody who does not move."""

    def __init__(self, run: SumoRun, wish: Wish, number: int, way: str) -> None:
        super().__init__(run, wish, number)
        self.lane = way
        self._who = f"{Kind.UNKNOWN}_-1_box{number}"

    def step(self, sumo: Any, at_s: float) -> None:
        there = self._who in sumo.person.getIDList()
        if not self.begun:
            sumo.person.add(self._who, self.lane, 0.0, typeID=str(Kind.UNKNOWN))
            sumo.person.appendWalkingStage(self._who, [self.lane], -0.1)
        elif there and math.isnan(self.begin_s):
            self.begin_s, self.where = at_s - self.step_s, sumo.person.getPosition(self._who)
        elif there and at_s >= self.begin_s + self.wish.lasts_s:
            sumo.person.removeStages(self._who)
            self.over(at_s)
            return
        self.again(at_s, self.step_s)


class _OnCarriageway(_Plant):
    """Somebody steps from the kerb into a lane, stays there, and goes back."""

    def __init__(self, run: SumoRun, wish: Wish, number: int, lane: Lane, at_m: float) -> None:
        super().__init__(run, wish, number)
        # From the right-hand side: the kerb is beside the rightmost lane.
        self._lane = _driven(run, lane.edge)[0]
        self.lane, self._at_m = self._lane.name, at_m
        place, way = _at(self._lane, at_m)
        self._place, self._way = place, way
        self._out = np.array([way[1], -way[0]])  # to the right
        self._kerb_m = self._lane.width_m / 2
        self._off_m = self._kerb_m + 1.2
        self._heading_rad = math.atan2(-self._out[1], -self._out[0])
        self._who = f"{Kind.PEDESTRIAN}_-1_stray{number}"
        self._back = False
        self._held: set[str] = set()

    def step(self, sumo: Any, at_s: float) -> None:
        if not self.begun:
            sumo.person.add(self._who, self._lane.edge, self._at_m, typeID=str(Kind.PEDESTRIAN))
            sumo.person.appendWaitingStage(self._who, self.end_s + self.warm_s)
        elif self._who not in sumo.person.getIDList():
            _free(sumo, self._held)
            self.over(at_s)
            return
        on = self._off_m < self._kerb_m
        step_m = _WALKS_M_S * self.step_s
        if on and math.isnan(self.begin_s):
            self.begin_s = at_s
            middle = self._place
            self.where = float(middle[0]), float(middle[1])
        elif on and not self._back and at_s >= self.begin_s + self.wish.lasts_s:
            self._back = True
        if self._back:
            self._off_m += step_m
            if self._off_m > self._kerb_m and math.isnan(self.until_s):
                self.until_s = at_s
            if self._off_m > self._kerb_m + 1.2:
                sumo.person.removeStages(self._who)
                _free(sumo, self._held)
                self.next_at_s = math.inf
                return
        elif self._off_m > self._kerb_m + 0.4 or on or self._can_step(sumo):
            self._off_m = max(0.0, self._off_m - step_m)
        if on or self._off_m <= self._kerb_m + 0.4:
            self._hold(sumo)
        at = self._place + self._out * self._off_m
        moves = self._back or self._off_m > 0.0
        wished = (self._out if self._back else -self._out) if moves else self._way
        self._turn(wished)
        towards = np.array([math.cos(self._heading_rad), math.sin(self._heading_rad)])
        at = at + towards * SIZES[Kind.PEDESTRIAN].length_m / 2  # SUMO tells where the front is
        angle = math.degrees(math.atan2(towards[0], towards[1]))
        sumo.person.moveToXY(self._who, "", float(at[0]), float(at[1]), angle, 2)
        self.again(at_s, self.step_s)

    def _turn(self, towards: Floats) -> None:
        """Turns as fast as people do."""
        more_rad = math.atan2(towards[1], towards[0]) - self._heading_rad
        more_rad = (more_rad + math.pi) % (2 * math.pi) - math.pi
        most_rad = _TURNS_RAD_S * self.step_s
        self._heading_rad += min(max(more_rad, -most_rad), most_rad)

    def _hold(self, sumo: Any) -> None:
        """Vehicles brake for whoever stands in their lane."""
        held = set()
        for who in sumo.lane.getLastStepVehicleIDs(self.lane):
            gap_m = self._at_m - 2.0 - sumo.vehicle.getLanePosition(who)
            if 0.0 < gap_m < 80.0:
                sumo.vehicle.setSpeed(who, math.sqrt(2 * _BRAKES_M_S2 * max(0.0, gap_m - 3.0)))
                held.add(who)
        _free(sumo, self._held - held)
        self._held = held

    def waited_for(self) -> str:
        return f"nobody could step into lane {self.lane} before the next vehicle"

    def _can_step(self, sumo: Any) -> bool:
        for who in sumo.lane.getLastStepVehicleIDs(self.lane):
            gap_m = self._at_m - sumo.vehicle.getLanePosition(who)
            length_m = sumo.vehicle.getLength(who)
            if -length_m - 2.0 < gap_m < max(_CLEAR_M, 3.0 * sumo.vehicle.getSpeed(who)):
                return False
        return True


class _WrongWay(_Plant):
    """A car comes along a lane against its direction; where there is a right side, it changes to it
    before the junction and drives on as it should."""

    def __init__(
        self, run: SumoRun, wish: Wish, number: int, wrong: Lane, right: Lane | None
    ) -> None:
        super().__init__(run, wish, number)
        self.lane = wrong.name
        self._wrong, self._right = wrong, right
        self._lanes = _driven(run, wrong.edge)
        if right is None:  # it has nowhere to turn to: as far as the lanes before this one lead
            self._wrong = _with_those_before(run, wrong)
        self._before_m = self._wrong.length_m - wrong.length_m
        self._who = f"{Kind.CAR}_-1_wrong{number}"
        self._speed = 10.0 if right is not None else 20.0
        self._gone_m = 1.0
        self._held: set[str] = set()
        ends = [flow.end for flow in run.street.flows if right and flow.begin == right.edge]
        self._onwards = [right.edge, ends[0]] if right is not None and ends else []
        self._turned = False

    def waited_for(self) -> str:
        return f"lane {self.lane} was never free"

    def step(self, sumo: Any, at_s: float) -> None:
        self.again(at_s, self.step_s)
        if math.isnan(self.begin_s):
            self._enter(sumo, at_s)
            return
        if self._turned or self._who not in sumo.vehicle.getIDList():
            if self._turned:
                self._go_on(sumo)
            self._leave(sumo, at_s)
            return
        self._gone_m += self._speed * self.step_s
        along_m = self._wrong.length_m - self._gone_m
        share = 0.0
        if self._right is not None:
            share = min(1.0, max(0.0, (_TURNS_AT_M - along_m) / _TURNS_M))
        if share >= 0.5 and math.isnan(self.until_s):
            self.until_s = at_s
        if along_m <= 1.0:
            sumo.vehicle.remove(self._who)
            self._leave(sumo, at_s)
            return
        self._move(sumo, along_m, share)
        self._turned = share >= 1.0
        self._warn(sumo, along_m)

    def _go_on(self, sumo: Any) -> None:
        """From now on SUMO drives it."""
        assert self._right is not None
        if self._onwards and sumo.vehicle.getRoadID(self._who) == self._right.edge:
            sumo.vehicle.setRoute(self._who, self._onwards)
        else:
            sumo.vehicle.remove(self._who)

    def _enter(self, sumo: Any, at_s: float) -> None:
        """Comes when nobody is in the lane any more: who is about to enter it waits."""
        self._hold(sumo)
        near = (
            sumo.vehicle.getLanePosition(who) < self._wrong.length_m - 20.0
            for who in sumo.lane.getLastStepVehicleIDs(self.lane)
        )
        if self._right is not None and any(near):
            self.again(at_s, _LOOK_EVERY_S)
            if at_s > self.wish.at_s + _PATIENCE_S:
                self._leave(sumo, at_s)
            return
        sumo.route.add(self._who, [self._wrong.edge])
        sumo.vehicle.add(self._who, self._who, typeID=str(Kind.CAR), departSpeed="0")
        self._move(sumo, self._wrong.length_m - self._gone_m, 0.0)
        at, way = _at(self._wrong, self._wrong.length_m - self._gone_m)
        at = at + way * SIZES[Kind.CAR].length_m / 2
        self.begin_s = at_s
        self.where = float(at[0]), float(at[1])

    def _move(self, sumo: Any, along_m: float, share: float) -> None:
        at, way = _at(self._wrong, along_m)
        towards = -way
        if self._right is not None and share > 0.0:
            # Smoothly over the middle line: half a wave of a cosine.
            left = np.array([-towards[1], towards[0]])
            over_m = float((self._right.shape[0] - at) @ left)
            at = at + left * over_m * (1.0 - math.cos(math.pi * share)) / 2.0
            lean = over_m * math.pi / 2.0 * math.sin(math.pi * share) / _TURNS_M
            towards = towards + left * lean
        angle = math.degrees(math.atan2(towards[0], towards[1]))
        sumo.vehicle.moveToXY(self._who, "", -1, float(at[0]), float(at[1]), angle, 2)

    def _warn(self, sumo: Any, along_m: float) -> None:
        """Who comes towards it changes lanes where there are others."""
        self._hold(sumo)
        if len(self._lanes) == 1:
            return
        for who in sumo.lane.getLastStepVehicleIDs(self.lane):
            gap_m = along_m - self._before_m - sumo.vehicle.getLanePosition(who)
            if who != self._who and 0.0 < gap_m < 150.0:
                sumo.vehicle.changeLane(who, _index(self._lanes[-2]), 4.0)

    def _hold(self, sumo: Any) -> None:
        """Who would turn into the lane's road waits before the junction."""
        if self._right is None:
            return
        held = set()
        for who in sumo.vehicle.getIDList():
            edge = sumo.vehicle.getRoadID(who)
            if who == self._who or edge.startswith(":") or edge == self._wrong.edge:
                continue
            route, number = sumo.vehicle.getRoute(who), sumo.vehicle.getRouteIndex(who)
            if number + 1 >= len(route) or route[number + 1] != self._wrong.edge:
                continue
            gap_m = sumo.lane.getLength(sumo.vehicle.getLaneID(who))
            gap_m -= sumo.vehicle.getLanePosition(who)
            if gap_m < 60.0:
                sumo.vehicle.setSpeed(who, math.sqrt(2 * _BRAKES_M_S2 * max(0.0, gap_m - 1.0)))
                held.add(who)
        _free(sumo, self._held - held)
        self._held = held

    def _leave(self, sumo: Any, at_s: float) -> None:
        _free(sumo, self._held)
        self.over(at_s if math.isnan(self.until_s) else self.until_s)


def _free(sumo: Any, held: set[str]) -> None:
    """Lets vehicles drive on that were made to wait."""
    there = set(sumo.vehicle.getIDList())
    for who in sorted(held & there):
        sumo.vehicle.setSpeed(who, -1.0)


class _SurgePlant(_Plant):
    """Everybody heads for one way out, and more come and do the same."""

    def __init__(self, run: SumoRun, wish: Wish, number: int, place: str, surge: Surge) -> None:
        super().__init__(run, wish, number)
        (arm,) = [arm for arm in run.street.arms if arm.name == place]
        self.lane = place
        self.where = (arm.start.x_m + arm.end.x_m) / 2, (arm.start.y_m + arm.end.y_m) / 2
        self._surge = surge
        self._come = 0
        self._who: set[str] = set()

    def step(self, sumo: Any, at_s: float) -> None:
        there = set(sumo.person.getIDList())
        if math.isnan(self.begin_s):
            self.begin_s = at_s
            self._who = {who for who in there if who.startswith(Kind.PEDESTRIAN)}
            for who in sorted(self._who):
                send(sumo, who, self._surge.ways)
        share = (at_s - self.begin_s) / self._surge.within_s
        due = round(min(1.0, share) * self._surge.more * len(self._surge.sources))
        while self._come < due:
            source = self._surge.sources[self._come % len(self._surge.sources)]
            who = f"{Kind.PEDESTRIAN}_-1_surge{self.number}_{self._come}"
            sumo.person.add(who, source, 0.0, typeID=str(Kind.PEDESTRIAN))
            sumo.person.appendWalkingStage(who, [source, *self._surge.ways], -0.1)
            self._who.add(who)
            self._come += 1
        if share > 1.0 and not self._who & there:
            self.over(at_s)
            return
        self.again(at_s, _LOOK_EVERY_S)
