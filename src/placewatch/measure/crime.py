"""Crime: the measures of CommonRoad-CriMe between road users on lanes, by its definitions.

How this works. CriMe asks of one vehicle, the ego, how critical its state is with regard to another
at each step (Lin and Althoff: CommonRoad-CriMe: a toolbox for criticality measures of autonomous
vehicles. IEEE IV 2023). Everything is measured along the ego's lane, the lanelets before and after
it included, and only against who is on the same lane: both touch a lanelet, or one that joins it.

    headway HW     bumper to bumper along the lane
    THW            until the ego's front, as it really goes on, is where the other's rear is now
    TTC            until HW is closed, both keeping speed and acceleration along the lane (Jansson
                   2005, eq. 5.24 to 5.26); where accelerations differ by 0.1 m/s² at most, speeds
    a_long,req     the acceleration of the ego that just avoids it: a_o - (v_o - v_e)² / (2 HW),
                   where it closes in (Jansson 2005, sec. 5.3.5)
    DST            3/2 (v_e - v_o)² / (HW - v_o 2 s): to keep a safety time of 2 s (Schubert,
                   Schulze and Wanielik 2010, eq. 17, as CriMe has it)
    TET, TIT       how long TTC is at most 2 s, and the area between (Minderhoud and Bovy 2001)
    PET            on a junction: what the two lanelets share that they come by from different arms
                   is the conflict area; from when the first has left it until the second comes to
                   it. The last step before it touches is when somebody comes (Allen 1978)

Where the program departs from its definitions. CriMe 0.4.5 adds half a length to both coordinates
instead of along the lane, so that its HW is right only on lanes that run due east, and takes the
cosine of the lane's direction against east for that of the vehicle against the lane; braking of the
other is taken for speeding up; DST takes the eastward parts of the speeds; its lane is that of the
ego's first step for ever; two who come by one arm have a PET where their lane lies across another,
since an area is that of any lanelet the ego's middle was in; it leaves a PET out where the ego is
still on the area at the end; and it does not look at the last step. `as_released` does all of this,
and is there to compare with the program; an engineer wants it off.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from placewatch.measure.lanelet import LaneMap

Floats = npt.NDArray[np.float64]

TAU_S = 2.0  # a TTC of at most this counts in TET and TIT
SAFETY_S = 2.0  # of DST
EVEN_M_S2 = 0.1  # accelerations that differ by less are alike


@dataclass(frozen=True, slots=True, eq=False)
class User:
    """One road user, looked at in even steps: arrays (N,), from the step `first` on. `turn_rad` is
    where it points, from east to north, `speed_m_s` and `acceleration_m_s2` are along it."""

    first: int
    x_m: Floats
    y_m: Floats
    turn_rad: Floats
    speed_m_s: Floats
    acceleration_m_s2: Floats
    length_m: float
    width_m: float

    def __len__(self) -> int:
        return len(self.x_m)

    @property
    def corners_m(self) -> Floats:
        """(N, 4, 2)"""
        cos, sin = np.cos(self.turn_rad)[:, None], np.sin(self.turn_rad)[:, None]
        ahead = 0.5 * self.length_m * np.array([1.0, -1.0, -1.0, 1.0])
        aside = 0.5 * self.width_m * np.array([1.0, 1.0, -1.0, -1.0])
        return np.stack(
            [
                self.x_m[:, None] + ahead * cos - aside * sin,
                self.y_m[:, None] + ahead * sin + aside * cos,
            ],
            axis=-1,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Criticality:
    """Of one ego with regard to one other: arrays (N,), at the steps from `first` on at which both
    are there. Infinite is what does not occur; `required_m_s2` is then 0, `dst_m_s2` 0."""

    first: int
    headway_m: Floats
    thw_s: Floats
    ttc_s: Floats
    required_m_s2: Floats  # a_long,req: at most 0
    dst_m_s2: Floats
    step_s: float

    @property
    def tet_s(self) -> float:
        return float((self.ttc_s <= TAU_S).sum() * self.step_s)

    @property
    def tit_s2(self) -> float:
        return float(np.maximum(0.0, TAU_S - self.ttc_s).sum() * self.step_s)


@dataclass(frozen=True, slots=True, eq=False)
class Crossed:
    """How two came over what their lanes share: the steps at which the first left and the second
    came. `ego_first`: the ego was the first of them."""

    ego_first: bool
    left: int
    came: int
    area: Any = field(repr=False)


class _On:
    """Where one road user is on a map."""

    def __init__(self, user: User, lanes: LaneMap, as_released: bool) -> None:
        self.user = user
        self._lanes, self._released = lanes, as_released

    @cached_property
    def at(self) -> list[list[int]]:
        """The lanelets that hold its middle, step by step."""
        return self._lanes.at(self.user.x_m, self.user.y_m)

    @cached_property
    def every(self) -> frozenset[int]:
        end = len(self.at) - int(self._released)
        return frozenset(number for numbers in self.at[:end] for number in numbers)

    @cached_property
    def driven(self) -> list[int]:
        """The lanelets of junctions that it drives along, in order of time."""
        along = (
            self.along(step)
            for step, numbers in enumerate(self.at)
            if not self._lanes.turns.isdisjoint(numbers)
        )
        return [one for one in dict.fromkeys(along) if one in self._lanes.turns]

    @cached_property
    def touched(self) -> list[frozenset[int]]:
        """Those that it touches, and those that join them."""
        known: dict[tuple[int, ...], frozenset[int]] = {}
        told = []
        for numbers in self._lanes.under(self.user.corners_m):
            key = tuple(numbers)
            if key not in known:
                known[key] = self._lanes.joined(numbers)
            told.append(known[key])
        return told

    @cached_property
    def ever(self) -> frozenset[int]:
        return frozenset().union(*self.touched)

    @cached_property
    def lane(self) -> list[int | None]:
        """The one that it drives along."""
        told: list[int | None] = []
        for step in range(len(self.user)):
            numbers = self.at[step]
            told.append(numbers[0] if len(numbers) == 1 else self._likely(step))
        return told

    @cached_property
    def shapes(self) -> Any:
        return shapely.polygons(self.user.corners_m)

    def _likely(self, step: int) -> int | None:
        user = self.user
        return self._lanes.best(
            self.at[step], float(user.x_m[step]), float(user.y_m[step]), float(user.turn_rad[step])
        )

    def along(self, step: int) -> int | None:
        """The lanelet that it drives along at a step: of those that it is on, the one that leads to
        the next one it comes onto; else the one that runs as it points."""
        now = frozenset(self.at[step])
        for numbers in self.at[step : len(self.at) - int(self._released)]:
            for number in numbers:
                if number in now:
                    continue
                before = frozenset(self._lanes.lanelets[number].before)
                # The program takes a lanelet that leads there and that one was not on.
                leads = before - now if self._released else before & now
                if leads:
                    return min(leads)
        return self._likely(step)


class Crime:
    """The measures of all pairs of `users` on the lanes of one place, looked at every `step_s`."""

    def __init__(
        self, users: Sequence[User], lanes: LaneMap, step_s: float, *, as_released: bool = False
    ) -> None:
        self.users, self.lanes, self.step_s = list(users), lanes, step_s
        self._released = as_released
        self._on = [_On(user, lanes, as_released) for user in self.users]

    def apart(self, ego: int, other: int, within_s: float) -> bool:
        """Whether two can have nothing to do with each other: they were never on lanelets that join
        or cross, or one had left that long before the other came."""
        one, two = self.users[ego], self.users[other]
        gap = max(one.first, two.first) - min(one.first + len(one), two.first + len(two))
        return gap * self.step_s > within_s or not self._on[ego].ever & self._on[other].ever

    def pair(self, ego: int, other: int) -> Criticality | None:
        """Of the user `ego` with regard to `other`; None where they were never there together."""
        one, two = self.users[ego], self.users[other]
        first = max(one.first, two.first)
        count = min(one.first + len(one), two.first + len(two)) - first
        if count <= 0:
            return None
        mine = slice(first - one.first, first - one.first + count)
        its = slice(first - two.first, first - two.first + count)
        headway, ttc = np.full(count, np.inf), np.full(count, np.inf)
        thw, required, dst = np.full(count, np.inf), np.zeros(count), np.zeros(count)
        lanes = self._on[ego].lane[mine]
        same = np.array(
            [
                bool(a & b)
                for a, b in zip(
                    self._on[ego].touched[mine], self._on[other].touched[its], strict=True
                )
            ]
        )
        if self._released:
            lanes = [self._on[ego].lane[0]] * count
        for number in {number for number in lanes if number is not None}:
            rows = np.flatnonzero(same & np.array([lane == number for lane in lanes]))
            if not len(rows):
                continue
            way = self.lanes.way(number)
            fronts, turn = way.place(one.x_m, one.y_m)
            rears, its_turn = way.place(two.x_m[its][rows], two.y_m[its][rows])
            fronts, rears = fronts + 0.5 * one.length_m, rears - 0.5 * two.length_m
            gap = rears - fronts[mine][rows]
            thw[rows] = _until_s(fronts, mine.start + rows, rears, self.step_s)
            turn = turn[mine][rows]
            if self._released:
                gap = self._diagonal_m(way, one, two, mine, its, rows)
                self._turn_as_released(ego, other, first + rows, turn, its_turn)
            gap = np.where(np.isnan(gap) | (gap < 0.0), np.inf, gap)
            headway[rows] = gap
            v_e, a_e = _along(one, mine, rows, turn, self._released)
            v_o, a_o = _along(two, its, rows, its_turn, self._released)
            if self._released:  # of the ego the sign of what is eastward counts
                east = np.cos(one.turn_rad[mine][rows])
                v_e = np.sign(one.speed_m_s[mine][rows] * east) * v_e
                a_ego = np.sign(one.acceleration_m_s2[mine][rows] * east) * a_e
            else:
                a_ego = a_e
            ttc[rows] = closed_s(gap, v_o - v_e, a_o - a_ego)
            v_req = np.abs(one.speed_m_s[mine][rows]) * np.cos(turn) if self._released else v_e
            required[rows] = required_m_s2(gap, v_o - v_req, a_o, self._released)
            if self._released:
                v_e = one.speed_m_s[mine][rows] * np.cos(one.turn_rad[mine][rows])
                v_o = two.speed_m_s[its][rows] * np.cos(two.turn_rad[its][rows])
            with np.errstate(divide="ignore", invalid="ignore"):
                dst[rows] = 1.5 * (v_e - v_o) ** 2 / (gap - v_o * SAFETY_S)
        return Criticality(first, headway, thw, ttc, required, dst, self.step_s)

    def crossed(self, ego: int, other: int) -> Crossed | None:
        """How the two passed a junction one after the other; None where they did not."""
        area = self._area(ego, other)
        if area is None or area.is_empty:
            return None
        since = self._since(ego, other)
        came, left = self._times(self._on[ego], since, area)
        its_came, its_left = self._times(self._on[other], since, area)
        if self._released:
            if its_came is None or left is None:
                return None
            if its_came >= left:
                return Crossed(True, left, its_came, area)
            if came is None or its_left is None or came < its_left:
                return None
            return Crossed(False, its_left, came, area)
        if its_came is not None and left is not None and its_came >= left:
            return Crossed(True, left, its_came, area)
        if came is not None and its_left is not None and came >= its_left:
            return Crossed(False, its_left, came, area)
        return None

    def pet_s(self, ego: int, other: int) -> float:
        """Infinite where there is none."""
        crossed = self.crossed(ego, other)
        return math.inf if crossed is None else (crossed.came - crossed.left) * self.step_s

    def _area(self, ego: int, other: int) -> Any:
        """What the lanelets share by which two come to a junction from different arms."""
        mine, its = self._on[ego], self._on[other]
        if not self._released:
            for number in mine.driven:
                for its_own in its.driven:
                    if its_own != number and not self._from_one_arm(its_own, number):
                        area = self.lanes.shared(its_own, number)
                        if area.area > 0.0:
                            return area
            return None
        area = None
        begin = max(self._since(ego, other) - its.user.first, 0)
        for step in range(begin, len(its.at) - int(self._released)):
            for number in mine.every.intersection(its.at[step]) & self.lanes.turns:
                along = its.along(step)
                if along is None or along == number or self._from_one_arm(along, number):
                    continue
                area = self.lanes.shared(along, number)
        return area

    def _since(self, ego: int, other: int) -> int:
        """The step from which the program looks at two: it knows them while both are there."""
        one, two = self.users[ego], self.users[other]
        return max(one.first, two.first) if self._released else 0

    def _from_one_arm(self, number: int, other: int) -> bool:
        leads, arm = self.lanes.arm_of(number)
        its_leads, its_arm = self.lanes.arm_of(other)
        if not leads or not its_leads:
            return False
        return arm is None or its_arm is None or arm == its_arm

    def _times(self, on: _On, since: int, area: Any) -> tuple[int | None, int | None]:
        """When somebody comes to an area and when it leaves it, as steps."""
        begin = max(since - on.user.first, 0)
        first, end = on.user.first + begin, len(on.user) - int(self._released)
        touches = shapely.intersects(on.shapes[begin:end], area)
        inside = np.flatnonzero(touches)
        if not len(inside):
            return None, None
        came = max(first + int(inside[0]) - 1, 0)
        out = np.flatnonzero(~touches[inside[0] :])
        return came, first + int(inside[0] + out[0]) if len(out) else None

    def _turn_as_released(
        self, ego: int, other: int, steps: Any, turn: Floats, its_turn: Floats
    ) -> None:
        """The program takes directions not of the way but of the lanelet that the ego is on just
        then, the first it finds, drawn out at its ends; where that has none they stay."""
        on, one, two = self._on[ego], self.users[ego], self.users[other]
        for row, step in enumerate(steps.tolist()):
            if numbers := on.at[step - one.first]:
                way = self.lanes.drawn_out(numbers[0])
                for user, turns in ((one, turn), (two, its_turn)):
                    now = slice(step - user.first, step - user.first + 1)
                    _, found = way.place(user.x_m[now], user.y_m[now])
                    turns[row] = turns[row] if np.isnan(found[0]) else found[0]

    def _diagonal_m(
        self, way: Any, one: User, two: User, mine: slice, its: slice, rows: Any
    ) -> Floats:
        """HW as the program has it."""
        ahead, back = 0.5 * one.length_m, 0.5 * two.length_m
        front, _ = way.place(one.x_m[mine][rows] + ahead, one.y_m[mine][rows] + ahead)
        rear, _ = way.place(two.x_m[its][rows] - back, two.y_m[its][rows] - back)
        gap: Floats = rear - front
        return gap


def closed_s(gap_m: Floats, opens_m_s: Floats, opens_m_s2: Floats) -> Floats:
    """When gaps (N,) are closed that open at these speeds and accelerations; infinite: never. An
    infinite gap never is."""
    told = np.full(len(gap_m), np.inf)
    finite = np.isfinite(gap_m) & np.isfinite(opens_m_s) & np.isfinite(opens_m_s2)
    even = finite & (np.abs(opens_m_s2) <= EVEN_M_S2) & (opens_m_s < 0.0)
    told[even] = -gap_m[even] / opens_m_s[even]
    root = np.zeros(len(gap_m))
    root[finite] = opens_m_s[finite] ** 2 - 2.0 * gap_m[finite] * opens_m_s2[finite]
    bent = finite & ~even & (root >= 0.0) & (np.abs(opens_m_s2) > 1e-9)
    bent &= (opens_m_s < 0.0) | (opens_m_s2 < 0.0)
    told[bent] = (-opens_m_s[bent] - np.sqrt(root[bent])) / opens_m_s2[bent]
    return told


def required_m_s2(
    gap_m: Floats, opens_m_s: Floats, its_m_s2: Floats, as_released: bool = False
) -> Floats:
    """The acceleration, at most 0, that avoids that gaps (N,) are closed, if the one ahead keeps
    its own. 0 where it does not close in; the program asks for it where it opens, too."""
    with np.errstate(divide="ignore", invalid="ignore"):
        asked = its_m_s2 - opens_m_s**2 / (2.0 * gap_m)
    needed = np.ones(len(gap_m), bool) if as_released else (opens_m_s < 0.0) & np.isfinite(gap_m)
    told: Floats = np.where(needed & ~np.isnan(asked), np.minimum(asked, 0.0), 0.0)
    return told


def _along(
    user: User, span: slice, rows: Any, lane_rad: Floats, as_released: bool
) -> tuple[Floats, Floats]:
    """Speed and acceleration along the lane."""
    speed, acceleration = user.speed_m_s[span][rows], user.acceleration_m_s2[span][rows]
    if as_released:
        return np.abs(speed) * np.cos(lane_rad), np.abs(acceleration) * np.cos(lane_rad)
    cos = np.cos(user.turn_rad[span][rows] - lane_rad)
    return speed * cos, acceleration * cos


def _until_s(fronts_m: Floats, now: Any, rears_m: Floats, step_s: float) -> Floats:
    """Until the front, (N,) over time, is beyond each of the places `rears_m`, from the moments
    `now` on; infinite where it is already, or never will be."""
    told = np.full(len(now), np.inf)
    for row, (step, rear) in enumerate(zip(now.tolist(), rears_m.tolist(), strict=True)):
        if not fronts_m[step] <= rear:
            continue
        beyond = np.flatnonzero(fronts_m[step + 1 :] > rear)
        if len(beyond):
            told[row] = (int(beyond[0]) + 1) * step_s
    return told
