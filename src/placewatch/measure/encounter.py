"""Encounter: two road users who come near each other, and how near it was.

How this works. Every measure is taken between footprints, oriented rectangles on the ground, and
between two moments of a path it is interpolated, so that it does not depend on the frame rate.

- Time to collision, TTC: at every moment, when the two would touch if both kept their velocity.
- Post-encroachment time, PET: the time between the first user's last occupancy of a spot and the
  second's first arrival at it, least over all spots; 0 if they touched. A spot is shared by the
  first at one moment and by the second at a later one, so we seek the least time between two such
  moments. Between two frames of each, both are straight lines, the footprints that touch are a
  polygon in their two times, and the least time between lies at one of its corners:

        second's time ▲      ╱▒▒▒▒╲
                      │     ╱▒▒▒▒▒▒╲        ▒  they share a spot
                      │     ╲▒▒▒▒▒▒╱        ╱  the same moment
                      │   ╱  ●▒▒▒▒╱         ●  PET: the least above it
                      │ ╱
                      └──────────────▶ first's time

An encounter is kept if its TTC or its PET is within some seconds. It is no conflict yet: most are
people who follow each other. It bears no name of a track: who it was ends here.

Which definitions, is a mode: `footprint` is the above, `ssam` is SSAM 3.0's (see ssam.py), `crime`
CommonRoad-CriMe's, which need lanelets (see crime.py).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.errors import Misconfigured
from placewatch.core.kinds import ConflictType, Kind
from placewatch.core.space import Point
from placewatch.measure.crime import TAU_S, Crime, Criticality, Crossed, User
from placewatch.measure.footprint import (
    FOOTPRINT_COLUMNS,
    HEADING,
    LENGTH,
    NEVER,
    SPEED,
    WIDTH,
    X,
    Y,
    axis_of,
    clip,
    spot_between,
    time_left_s,
)
from placewatch.measure.lanelet import LaneMap
from placewatch.measure.ssam import (
    PET_S_MAX,
    REAR_END_DEG_MAX,
    TTC_S_MAX,
    Trajectories,
    conflicts,
    type_of,
)

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Mode = Literal["footprint", "ssam", "crime"]

NEAR_M = 30.0  # who never had the other's middle nearer than this met nobody
WITHIN_S = 5.0  # and what is later than this is no encounter
SSAM_STEP_S = 0.1  # at which SSAM looks at paths
CRIME_STEP_S = 0.1  # and CriMe, if its scenario does not say otherwise

# Mass with those within, kg: typical ones, for who is pushed how much. Their ratio decides: a
# quarter more on one of two cars changes each DeltaV by about a tenth.
MASS_KG = {
    Kind.PEDESTRIAN: 75.0,
    Kind.BICYCLE: 90.0,
    Kind.MOTORCYCLE: 280.0,
    Kind.CAR: 1500.0,
    Kind.VAN: 2500.0,
    Kind.BUS: 13000.0,
    Kind.TRUCK: 16000.0,
    Kind.UNKNOWN: 1500.0,
}


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """Where one road user was: arrays (N,), N at least 1, of rising moments `t_s`.

    `x_m`, `y_m` are the middle of its footprint of `length_m` by `width_m`; `heading_rad` is the
    way it points, from east to north; `speed_m_s` is along it, negative backwards. Without
    `acceleration_m_s2` it is taken from the speeds. `lanes` (N, 2), link and lane, both whole
    numbers and link 0 unknown, are read by the mode `ssam` alone. It was not seen yet in its first
    `leads_s`, nor any more in its last.
    """

    t_s: Floats
    x_m: Floats
    y_m: Floats
    heading_rad: Floats
    speed_m_s: Floats
    length_m: float
    width_m: float
    kind: Kind = Kind.UNKNOWN
    acceleration_m_s2: Floats | None = None
    lanes: Whole | None = None
    leads_s: float = 0.0

    def __post_init__(self) -> None:
        columns = [self.t_s, self.x_m, self.y_m, self.heading_rad, self.speed_m_s]
        assert len(self.t_s) > 0, "a path of nobody"
        assert all(column.shape == self.t_s.shape for column in columns), "columns of many lengths"
        assert bool((np.diff(self.t_s) > 0).all()), "a path goes back in time"
        assert min(self.length_m, self.width_m) > 0, "a footprint without area"

    def __len__(self) -> int:
        return len(self.t_s)

    def accelerations_m_s2(self) -> Floats:
        """(N,): as given, else as the speeds change."""
        if self.acceleration_m_s2 is not None:
            return self.acceleration_m_s2
        if len(self) < 2:
            return np.zeros(len(self))
        return np.gradient(self.speed_m_s, self.t_s).astype(np.float64)

    def rows(self) -> Floats:
        """(N, PATH_COLUMNS): time, place, heading without leaps, speed, acceleration, and cosine
        and sine of the heading."""
        heading = np.unwrap(self.heading_rad)
        columns = (
            self.t_s, self.x_m, self.y_m, heading, self.speed_m_s, self.accelerations_m_s2()
        )  # fmt: skip
        turned = np.cos(heading), np.sin(heading)
        return np.column_stack([*columns, *turned]).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Encounter:
    """How near two road users came. The second is who gets to a spot after the first.

    None stands for what did not occur: `ttc_s` if the two never were on a collision course of at
    most `WITHIN_S`, `pet_s` if neither got to where the other had been `WITHIN_S` before.
    Definitions: FHWA-HRT-08-051, chapter 2, where no other is named; all between footprints, but in
    the mode `crime` along lanes.
    """

    at_s: float  # of the smallest TTC, else of the second's arrival; on the clock of the paths
    place: Point  # the spot of the PET, else of the collision that the smallest TTC foretold
    kinds: tuple[Kind, Kind]
    type: ConflictType
    angle_deg: float  # from the first's heading to the second's, -180..180: at that moment or,
    # where it is less and there is a PET, where the second gets to it: one follows round a bend too
    ttc_s: float | None
    pet_s: float | None
    drac_m_s2: float | None  # following: the greatest (v_f - v_l)^2 / (2 gap)
    delta_s_m_s: float  # difference of velocities at `at_s`, and
    max_s_m_s: float  # greatest speed of either, from the first danger to the second's arrival
    dr_m_s2: float | None  # first braking of the second in that time, negative
    max_d_m_s2: float  # least acceleration of the second in that time
    delta_v_m_s: tuple[float, float]  # of the first, of the second, if they stuck together
    tet_s: float | None  # time below a TTC of 1.5 s (Minderhoud and Bovy 2001)
    tit_s2: float | None  # and how far below it, by time

    @property
    def max_delta_v_m_s(self) -> float:
        return max(self.delta_v_m_s)

    @property
    def severity(self) -> int:
        """0 none, 1 potential, 2 slight, 3 serious: the TTC or the PET is at most 2 s, at most
        1.5 s, less than 1 s. Our own steps around SSAM's threshold of 1.5 s; no standard has any.
        They tell how near it was, and `delta_v_m_s` how hard it would have been."""
        nearest_s = min(each for each in (self.ttc_s, self.pet_s, NEVER) if each is not None)
        return sum(nearest_s <= most_s for most_s in (2.0, 1.5)) + int(nearest_s < 1.0)


def encounters(
    paths: Sequence[Path],
    mode: Mode = "footprint",
    of: Sequence[bool] | None = None,
    lanes: LaneMap | None = None,
) -> list[Encounter]:
    """All encounters between `paths`, in order of time; with `of` (in the mode `footprint` alone)
    only those of which at least one is of a path that is marked there.

    In the mode `ssam` these are the conflicts of SSAM 3.0, TTC at most 1.5 s and PET below 5 s, of
    paths that are looked at every 0.1 s; what SSAM does not measure is None. In the mode `crime`
    those on `lanes`, looked at every 0.1 s: TTC of who follows whom on a lane, PET of who come over
    a junction from different arms; `drac_m_s2` is then the braking that CriMe's a_long,req asks
    for, `tet_s` and `tit_s2` are below a TTC of 2 s. Raises Misconfigured without lanes.
    """
    if mode == "footprint":
        return [each for each, _, _ in met(paths, of)]
    return _by_ssam(paths) if mode == "ssam" else [each for each, _, _ in met_on(paths, lanes)]


def met(
    paths: Sequence[Path], of: Sequence[bool] | None = None
) -> list[tuple[Encounter, Path, Path]]:
    """The same in the mode `footprint`, each with the path of the first and of the second."""
    found, sorted_ = _found(paths, of)
    told = (
        (_encounter(row, sorted_), sorted_[int(row[_FIRST])], sorted_[int(row[_SECOND])])
        for row in found
    )
    return sorted(told, key=lambda each: each[0].at_s)


def left_and_came_s(one: Path, other: Path) -> tuple[float, float] | None:
    """When the first of two left the spot of their PET, and when the second came there, by the
    mode `footprint`; None where there is no PET."""
    found, _ = _found([one, other], None)
    if not len(found) or found[0, _PET] == NEVER:
        return None
    return float(found[0, _FIRST_AT]), float(found[0, _SECOND_AT])


def _found(paths: Sequence[Path], of: Sequence[bool] | None) -> tuple[Floats, list[Path]]:
    """What is found of every pair, and the paths in the order in which they are numbered there."""
    order = sorted(range(len(paths)), key=lambda number: float(paths[number].t_s[0]))
    sorted_ = [paths[number] for number in order]
    if len(sorted_) < 2:
        return np.empty((0, _FOUND_COLUMNS)), sorted_
    every = [path.rows() for path in sorted_]
    begins = np.cumsum([0, *map(len, every)])
    sizes = np.array([(path.length_m, path.width_m) for path in sorted_])
    rows = np.concatenate(every)
    knots, knot_begins = _all_knots(rows, begins)
    wanted = np.ones(len(order), bool) if of is None else np.array(of, bool)[order]
    return (
        _search(rows, begins, sizes, knots, knot_begins, wanted, NEAR_M, WITHIN_S, TTC_S_MAX),
        sorted_,
    )


def met_on(
    paths: Sequence[Path], lanes: LaneMap | None, step_s: float = CRIME_STEP_S
) -> list[tuple[Encounter, Path, Path]]:
    """The same in the mode `crime`, each with the path of the first and of the second."""
    if lanes is None or not len(lanes):
        raise Misconfigured(
            "the definitions of CommonRoad-CriMe are along lanelets, and none are known",
            hint="give a scenario of CommonRoad that has some, or take footprint or ssam",
        )
    begin_s = _begin_s(paths)
    users = [_user(path, begin_s, step_s) for path in paths]
    seen = [number for number, user in enumerate(users) if user is not None]
    crime = Crime([user for user in users if user is not None], lanes, step_s)
    found = []
    for one, number in enumerate(seen):
        for other in range(one + 1, len(seen)):
            if crime.apart(one, other, WITHIN_S):
                continue
            told = _on_lanes(crime, one, other, paths[number], paths[seen[other]], begin_s)
            if told is not None:
                found.append(told)
    return sorted(found, key=lambda each: each[0].at_s)


def encounter(first: Path, second: Path) -> Encounter | None:
    """What passed between two road users, if anything did. Their order does not matter."""
    found = encounters([first, second])
    return found[0] if found else None


def paths_of(trajectories: Trajectories) -> list[Path]:
    """A path for every vehicle of a `.trj` file, in order of their numbers. A vehicle that was
    away for a while is two."""
    if not len(trajectories):
        return []
    order = np.lexsort((trajectories.step, trajectories.vehicle))
    vehicle, step = trajectories.vehicle[order], trajectories.step[order]
    breaks = (vehicle[1:] != vehicle[:-1]) | (step[1:] != step[:-1] + 1)
    return [_path_of(trajectories, rows) for rows in np.split(order, np.flatnonzero(breaks) + 1)]


def trajectories_of(paths: Sequence[Path], step_s: float = SSAM_STEP_S) -> Trajectories:
    """`paths` as the rows of a `.trj` file, one look each `step_s`. Vehicles are numbered by their
    order here, and time counts from the whole second at or before the first moment: a file has
    too few digits for a time of day."""
    begin_s = _begin_s(paths)
    last_s = max((path.t_s[-1] for path in paths), default=0.0) - begin_s
    at_s = step_s * np.arange(round(last_s / step_s) + 1)
    nobody = np.empty((0, _LOOK_COLUMNS))
    looks = [_looks(number, path, begin_s + at_s) for number, path in enumerate(paths)]
    table = np.concatenate([nobody, *looks])
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    step, vehicle, link, lane = table[:, :4].astype(np.int64).T
    x_m, y_m, heading, speed, acceleration, length, width = table[:, 4:].T
    flat = np.zeros(len(table))
    middle = np.column_stack([x_m, y_m, flat])
    ahead = 0.5 * length[:, None] * np.column_stack([np.cos(heading), np.sin(heading), flat])
    reach_m = 0.5 * np.hypot(length, width).max(initial=0.0) + 1.0
    least = middle.min(axis=0, initial=math.inf if len(table) else 0.0) - reach_m
    most = middle.max(axis=0, initial=-math.inf if len(table) else 0.0) + reach_m
    return Trajectories(
        at_s=at_s.astype(np.float32),
        step=step,
        vehicle=vehicle,
        link=link,
        lane=lane,
        front_m=(middle + ahead).astype(np.float32),
        rear_m=(middle - ahead).astype(np.float32),
        length_m=length.astype(np.float32),
        width_m=width.astype(np.float32),
        speed_m_s=speed.astype(np.float32),
        acceleration_m_s2=acceleration.astype(np.float32),
        bounds_m=(
            math.floor(least[0]),
            math.floor(least[1]),
            math.ceil(most[0]),
            math.ceil(most[1]),
        ),
    )


def _path_of(trajectories: Trajectories, rows: Whole) -> Path:
    front, rear = trajectories.front_m[rows, :2], trajectories.rear_m[rows, :2]
    ahead = (front - rear).astype(float)
    middle = rear + 0.5 * ahead
    return Path(
        t_s=trajectories.at_s[trajectories.step[rows]].astype(float),
        x_m=middle[:, 0],
        y_m=middle[:, 1],
        heading_rad=np.arctan2(ahead[:, 1], ahead[:, 0]),
        speed_m_s=trajectories.speed_m_s[rows].astype(float),
        length_m=float(trajectories.length_m[rows[0]]),
        width_m=float(trajectories.width_m[rows[0]]),
        acceleration_m_s2=trajectories.acceleration_m_s2[rows].astype(float),
        lanes=np.column_stack([trajectories.link[rows], trajectories.lane[rows]]),
    )


_LOOK_COLUMNS = 11  # step, who, link, lane, x, y, heading, speed, acceleration, length, width


def _looks(number: int, path: Path, at_s: Floats) -> Floats:
    """A row for each of `at_s` at which the path is there."""
    slack_s = 1e-6  # a moment that is a step but for rounding
    here = np.flatnonzero((at_s >= path.t_s[0] - slack_s) & (at_s <= path.t_s[-1] + slack_s))
    table = np.empty((len(here), _LOOK_COLUMNS))
    table[:, 0], table[:, 1] = here, number
    lanes = np.zeros((len(path), 2), np.int64) if path.lanes is None else path.lanes
    before = np.searchsorted(path.t_s, at_s[here] + slack_s, side="right") - 1
    table[:, 2:4] = lanes[np.maximum(before, 0)]
    rows = path.rows()
    for place, column in enumerate((_X, _Y, _TURN, _SPEED, _ACCELERATION)):
        table[:, 4 + place] = np.interp(at_s[here], path.t_s, rows[:, column])
    table[:, 9], table[:, 10] = path.length_m, path.width_m
    return table


def _begin_s(paths: Sequence[Path]) -> int:
    return math.floor(min((path.t_s[0] for path in paths), default=0.0))


def _by_ssam(paths: Sequence[Path]) -> list[Encounter]:
    kinds = {number: path.kind for number, path in enumerate(paths)}
    return listed(trajectories_of(paths), kinds, _begin_s(paths))


def listed(
    trajectories: Trajectories, kinds: Mapping[int, Kind], begin_s: float = 0.0
) -> list[Encounter]:
    """SSAM's list of conflicts in `trajectories`, with the kind of each vehicle; the time 0 of the
    file is `begin_s`."""
    return [
        Encounter(
            at_s=begin_s + each.at_s,
            place=Point(each.x_m, each.y_m),
            kinds=(kinds[each.first], kinds[each.second]),
            type=each.type,
            angle_deg=each.angle_deg,
            ttc_s=each.ttc_s,
            pet_s=each.pet_s,
            drac_m_s2=None,
            delta_s_m_s=each.delta_s_m_s,
            max_s_m_s=each.max_s_m_s,
            dr_m_s2=each.dr_m_s2 if each.dr_m_s2 < 0.0 else None,
            max_d_m_s2=each.max_d_m_s2,
            delta_v_m_s=each.delta_v_m_s,
            tet_s=None,
            tit_s2=None,
        )
        for each in conflicts(trajectories, TTC_S_MAX, PET_S_MAX)
    ]


def _user(path: Path, begin_s: float, step_s: float) -> User | None:
    """`path` as CriMe looks at it; None where it lasts for less than two steps."""
    steps = np.arange(math.floor((path.t_s[-1] - begin_s) / step_s + 1e-6) + 1)
    table = _looks(0, path, begin_s + step_s * steps)
    if len(table) < 2:
        return None
    x_m, y_m, heading, speed, acceleration = table[:, 4:9].T
    first = int(table[0, 0])
    return User(first, x_m, y_m, heading, speed, acceleration, path.length_m, path.width_m)


def _on_lanes(
    crime: Crime, one: int, other: int, path: Path, its: Path, begin_s: float
) -> tuple[Encounter, Path, Path] | None:
    """What passed between two on lanes: whichever of them came after the other."""
    follows = crime.pair(one, other), crime.pair(other, one)
    known = [each for each in follows if each is not None]
    crossed = crime.crossed(one, other)
    ttc_s = min((float(each.ttc_s.min()) for each in known), default=math.inf)
    pet_s = math.inf if crossed is None else (crossed.came - crossed.left) * crime.step_s
    if min(ttc_s, pet_s) > WITHIN_S:
        return None
    closes = ttc_s <= WITHIN_S
    if closes:
        behind = 0 if known[0].ttc_s.min() <= known[-1].ttc_s.min() else 1
        step = known[behind].first + int(known[behind].ttc_s.argmin())
        swapped = behind == 0
    else:
        assert crossed is not None
        step, swapped = crossed.came, not crossed.ego_first
    first, second = (other, one) if swapped else (one, other)
    paths = (its, path) if swapped else (path, its)
    return (
        _told_on_lanes(
            (crime.users[first], crime.users[second]),
            (paths[0].kind, paths[1].kind),
            known,
            crossed,
            step,
            begin_s,
            crime.step_s,
        ),
        *paths,
    )


def _told_on_lanes(
    users: tuple[User, User],
    kinds: tuple[Kind, Kind],
    known: Sequence[Criticality],
    crossed: Crossed | None,
    step: int,
    begin_s: float,
    step_s: float,
) -> Encounter:
    """`step`: of the smallest TTC, else of the second's arrival."""
    ttc_s = min((float(each.ttc_s.min()) for each in known), default=math.inf)
    pet_s = math.inf if crossed is None else (crossed.came - crossed.left) * step_s
    at = [min(max(step - user.first, 0), len(user) - 1) for user in users]
    if ttc_s > WITHIN_S and crossed is not None:  # of each where it is on the area
        at[0] = min(max(crossed.left - users[0].first, 0), len(users[0]) - 1)
    turns = [float(user.turn_rad[now]) for user, now in zip(users, at, strict=True)]
    speeds = [float(user.speed_m_s[now]) for user, now in zip(users, at, strict=True)]
    velocities = [
        speed * complex(math.cos(turn), math.sin(turn))
        for speed, turn in zip(speeds, turns, strict=True)
    ]
    delta_s_m_s = abs(velocities[1] - velocities[0])
    if crossed is not None and pet_s <= WITHIN_S:
        x_m, y_m = float(crossed.area.centroid.x), float(crossed.area.centroid.y)
    else:  # where the first's rear will be
        ahead_m = speeds[0] * ttc_s - 0.5 * users[0].length_m
        x_m = float(users[0].x_m[at[0]]) + ahead_m * math.cos(turns[0])
        y_m = float(users[0].y_m[at[0]]) + ahead_m * math.sin(turns[0])
    low = [each.first + np.flatnonzero(each.ttc_s <= TAU_S) for each in known]
    danger = [int(one) for steps in low for one in (steps[:1], steps[-1:]) for one in one]
    if crossed is not None and pet_s <= WITHIN_S:
        danger += [crossed.left, crossed.came]
    from_, to = min([step, *danger]), max([step, *danger])
    spans = [slice(max(from_ - user.first, 0), max(to - user.first, 0) + 1) for user in users]
    fast = [np.abs(user.speed_m_s[span]) for user, span in zip(users, spans, strict=True)]
    braking = users[1].acceleration_m_s2[spans[1]]
    first_braking = braking[braking < -_STEADY_M_S2]
    required = min((float(each.required_m_s2.min()) for each in known), default=0.0)
    masses = MASS_KG[kinds[0]], MASS_KG[kinds[1]]
    angle_deg = (math.degrees(turns[1] - turns[0]) + 180.0) % 360.0 - 180.0
    return Encounter(
        at_s=begin_s + step * step_s,
        place=Point(x_m, y_m),
        kinds=kinds,
        type=type_of(angle_deg),
        angle_deg=angle_deg,
        ttc_s=ttc_s if ttc_s <= WITHIN_S else None,
        pet_s=pet_s if pet_s <= WITHIN_S else None,
        drac_m_s2=-required if required < 0.0 else None,
        delta_s_m_s=delta_s_m_s,
        max_s_m_s=float(max([*map(abs, speeds), *np.concatenate(fast).tolist()])),
        dr_m_s2=float(first_braking[0]) if len(first_braking) else None,
        max_d_m_s2=float(braking.min(initial=float(users[1].acceleration_m_s2[at[1]]))),
        delta_v_m_s=(
            masses[1] / sum(masses) * delta_s_m_s,
            masses[0] / sum(masses) * delta_s_m_s,
        ),
        tet_s=float(sum(each.tet_s for each in known)),
        tit_s2=float(sum(each.tit_s2 for each in known)),
    )


def _encounter(row: Floats, paths: Sequence[Path]) -> Encounter:
    first, second = paths[int(row[_FIRST])], paths[int(row[_SECOND])]
    masses = MASS_KG[first.kind], MASS_KG[second.kind]
    delta_s_m_s = float(row[_DELTA_S])
    angle_deg = (math.degrees(row[_ANGLE]) + 180.0) % 360.0 - 180.0
    return Encounter(
        at_s=float(row[_AT]),
        place=Point(float(row[_PLACE_X]), float(row[_PLACE_Y])),
        kinds=(first.kind, second.kind),
        type=type_of(angle_deg),
        angle_deg=angle_deg,
        ttc_s=_known(row[_TTC]),
        pet_s=_known(row[_PET]),
        drac_m_s2=float(row[_DRAC]) if row[_DRAC] > 0.0 else None,
        delta_s_m_s=delta_s_m_s,
        max_s_m_s=float(row[_MAX_S]),
        dr_m_s2=float(row[_DR]) if row[_DR] < 0.0 else None,
        max_d_m_s2=float(row[_MAX_D]),
        delta_v_m_s=(
            masses[1] / sum(masses) * delta_s_m_s,
            masses[0] / sum(masses) * delta_s_m_s,
        ),
        tet_s=float(row[_TET]),
        tit_s2=float(row[_TIT]),
    )


def _known(seconds: float) -> float | None:
    return float(seconds) if seconds < NEVER else None


# A moment of a path.
_T = 0
_X, _Y, _TURN, _SPEED, _ACCELERATION = range(1, 6)
_COS, _SIN = 6, 7  # of the heading, between two moments not straight
PATH_COLUMNS = 8

# A knot of a path: a moment from which it goes straight and evenly to the next knot.
_KNOT_T, _KNOT_X, _KNOT_Y, _KNOT_COS, _KNOT_SIN = range(5)  # heading: half way to the next
_KNOT_COLUMNS = 5
_ALIKE = math.cos(math.radians(REAR_END_DEG_MAX))
_STRAIGHT_M = 0.005  # who strays less than this and
_STRAIGHT_RAD = 0.04  # turns less than this goes straight: 0.05 m at a car's corner, half each way
_PARTS_MAX = 4  # of the way between two moments, however much it turns
_STEADY_M_S2 = 0.01  # less is rounding, not braking
_KNOTS_TOGETHER = 8  # so many are first looked at as one

# What is found of a pair.
_FIRST, _SECOND = 0, 1
_TTC, _TTC_AT, _PET = 2, 3, 4
_FIRST_AT, _SECOND_AT = 5, 6  # the moments of the PET
_AT, _PLACE_X, _PLACE_Y = 7, 8, 9
_DRAC, _TET, _TIT = 10, 11, 12
_DANGER_FROM, _DANGER_TO = 13, 14  # first and last moment with a low TTC
_ANGLE, _DELTA_S, _MAX_S, _DR, _MAX_D = range(15, 20)
_FOUND_COLUMNS = 20


@numba.njit(cache=True, nogil=True)
def _search(
    rows: Floats,
    begins: Whole,
    sizes: Floats,
    knots: Floats,
    knot_begins: Whole,
    wanted: npt.NDArray[np.bool_],
    near_m: float,
    within_s: float,
    low_s: float,
) -> Floats:
    """The encounters, (N, _FOUND_COLUMNS), of the paths rows[begins[n] : begins[n + 1]], which
    begin one after the other; of each at least one must be `wanted`."""
    found = np.empty((64, _FOUND_COLUMNS))
    count = 0
    polygons = np.empty((2, 16, 2))
    paths = len(begins) - 1
    boxes, box_begins = _all_boxes(knots, knot_begins, sizes)
    reach = np.empty((paths, 4))
    for one in range(paths):
        x, y = rows[begins[one] : begins[one + 1], _X], rows[begins[one] : begins[one + 1], _Y]
        around_m = 0.5 * math.hypot(sizes[one, 0], sizes[one, 1])
        reach[one, 0], reach[one, 1] = x.min() - around_m, x.max() + around_m
        reach[one, 2], reach[one, 3] = y.min() - around_m, y.max() + around_m
    for one in range(paths):
        path = rows[begins[one] : begins[one + 1]]
        for two in range(one + 1, paths):
            other = rows[begins[two] : begins[two + 1]]
            if other[0, _T] > path[-1, _T] + within_s:
                break
            if not (wanted[one] or wanted[two]):
                continue
            if path[0, _T] > other[-1, _T] + within_s or _is_far(reach[one], reach[two], near_m):
                continue
            if count == len(found):
                found = np.concatenate((found, np.empty_like(found)))
            row = found[count]
            row[:] = 0.0
            row[_FIRST], row[_SECOND] = one, two
            _seek_ttc(path, other, sizes[one], sizes[two], near_m, within_s, low_s, row)
            _seek_pet(
                knots[knot_begins[one] : knot_begins[one + 1]],
                knots[knot_begins[two] : knot_begins[two + 1]],
                boxes[box_begins[one] : box_begins[one + 1]],
                boxes[box_begins[two] : box_begins[two + 1]],
                sizes[one],
                sizes[two],
                within_s,
                polygons,
                row,
            )
            if row[_TTC] == NEVER and row[_PET] == NEVER:
                continue
            if _is_swapped(path, other, row):
                row[_FIRST], row[_SECOND] = two, one
                row[_FIRST_AT], row[_SECOND_AT] = row[_SECOND_AT], row[_FIRST_AT]
                _describe(other, path, sizes[two], sizes[one], row)
            else:
                _describe(path, other, sizes[one], sizes[two], row)
            count += 1
    return found[:count]


@numba.njit(cache=True, nogil=True)
def _is_far(reach: Floats, other: Floats, near_m: float) -> bool:
    """Whether two ways lie so far apart that their users never were near each other."""
    return bool(
        reach[0] > other[1] + near_m
        or other[0] > reach[1] + near_m
        or reach[2] > other[3] + near_m
        or other[2] > reach[3] + near_m
    )


@numba.njit(cache=True, nogil=True)
def _seek_ttc(
    path: Floats,
    other: Floats,
    size: Floats,
    other_size: Floats,
    near_m: float,
    within_s: float,
    low_s: float,
    row: Floats,
) -> None:
    """The smallest TTC at the moments of either path, the greatest DRAC, TET and TIT."""
    row[_TTC], row[_DANGER_FROM], row[_DANGER_TO] = NEVER, NEVER, -NEVER
    nearest = NEVER  # squared, m2
    reach_m = 0.5 * (math.hypot(size[0], size[1]) + math.hypot(other_size[0], other_size[1]))
    begin_s, end_s = max(path[0, _T], other[0, _T]), min(path[-1, _T], other[-1, _T])
    at = np.searchsorted(path[:, _T], begin_s)
    other_at = np.searchsorted(other[:, _T], begin_s)
    before_s, before_ttc_s = NEVER, NEVER
    while at < len(path) and other_at < len(other):
        now_s = min(path[at, _T], other[other_at, _T])
        if now_s > end_s:
            break
        share, other_share = _share(path, at, now_s), _share(other, other_at, now_s)
        x_m = _between(other, other_at, other_share, _X) - _between(path, at, share, _X)
        y_m = _between(other, other_at, other_share, _Y) - _between(path, at, share, _Y)
        speed_m_s = _between(path, at, share, _SPEED)
        other_m_s = _between(other, other_at, other_share, _SPEED)
        apart = x_m * x_m + y_m * y_m
        nearest = min(nearest, apart)
        far_m = reach_m + within_s * (abs(speed_m_s) + abs(other_m_s))
        ttc_s = NEVER
        if apart <= far_m * far_m:
            cos, sin = _pointing(path, at, share)
            other_cos, other_sin = _pointing(other, other_at, other_share)
            x_m_s = other_m_s * other_cos - speed_m_s * cos
            y_m_s = other_m_s * other_sin - speed_m_s * sin
            if apart <= reach_m * reach_m or x_m * x_m_s + y_m * y_m_s < 0.0:
                ttc_s = time_left_s(
                    x_m,
                    y_m,
                    x_m_s,
                    y_m_s,
                    cos,
                    sin,
                    0.5 * size[0],
                    0.5 * size[1],
                    other_cos,
                    other_sin,
                    0.5 * other_size[0],
                    0.5 * other_size[1],
                )
            if 0.0 < ttc_s < NEVER:
                alike = cos * other_cos + sin * other_sin
                # Who has the other ahead follows; the gap is the closing speed times the TTC.
                follows = x_m * cos + y_m * sin > 0.0
                lead_m_s = alike * (other_m_s if follows else speed_m_s)
                closing_m_s = (speed_m_s if follows else other_m_s) - lead_m_s
                if alike > _ALIKE:
                    row[_DRAC] = max(row[_DRAC], closing_m_s / (2.0 * ttc_s))
            if ttc_s > within_s:
                ttc_s = NEVER
        if ttc_s < row[_TTC]:
            row[_TTC], row[_TTC_AT] = ttc_s, now_s
        if ttc_s < low_s:
            row[_DANGER_FROM] = min(row[_DANGER_FROM], now_s)
            row[_DANGER_TO] = now_s
        if before_s < NEVER:
            _add_exposure(before_ttc_s, ttc_s, now_s - before_s, low_s, row)
        before_s, before_ttc_s = now_s, ttc_s
        if path[at, _T] <= now_s:
            at += 1
        if other[other_at, _T] <= now_s:
            other_at += 1
    if nearest > near_m * near_m:
        row[_TTC] = NEVER


@numba.njit(cache=True, nogil=True)
def _add_exposure(
    before_s: float, now_s: float, passed_s: float, low_s: float, row: Floats
) -> None:
    """Adds to TET and TIT what passed between two moments with these TTC; it changes evenly, or
    half way where there is none at one of them."""
    before_low_s, now_low_s = low_s - before_s, low_s - now_s
    if before_low_s <= 0.0 and now_low_s <= 0.0:
        return
    share = 1.0
    if before_low_s <= 0.0 or now_low_s <= 0.0:
        deep_s, off_s = max(before_low_s, now_low_s), -min(before_low_s, now_low_s)
        share = deep_s / (deep_s + off_s) if off_s < NEVER else 0.5
    row[_TET] += share * passed_s
    row[_TIT] += 0.5 * share * passed_s * (max(0.0, before_low_s) + max(0.0, now_low_s))


@numba.njit(cache=True, nogil=True)
def _seek_pet(
    knots: Floats,
    other: Floats,
    boxes: Floats,
    other_boxes: Floats,
    size: Floats,
    other_size: Floats,
    within_s: float,
    polygons: Floats,
    row: Floats,
) -> None:
    """The least time between two moments, one of each path, at which the footprints share a spot,
    and these moments. Leads from the coarse boxes of many knots to single pairs of them."""
    best_s = within_s
    row[_PET] = NEVER
    begin = 0
    for place in range(len(boxes)):
        box = boxes[place]
        while begin < len(other_boxes) and other_boxes[begin, 5] < box[4] - within_s:
            begin += 1
        for other_place in range(begin, len(other_boxes)):
            far = other_boxes[other_place]
            if far[4] > box[5] + best_s:
                break
            if (
                far[5] < box[4] - best_s
                or far[0] > box[2]
                or far[2] < box[0]
                or far[1] > box[3]
                or far[3] < box[1]
            ):
                continue
            first = place * _KNOTS_TOGETHER
            other_first = other_place * _KNOTS_TOGETHER
            for knot in range(first, min(first + _KNOTS_TOGETHER, max(1, len(knots) - 1))):
                last = min(other_first + _KNOTS_TOGETHER, max(1, len(other) - 1))
                for other_knot in range(other_first, last):
                    best_s = _pet_s(
                        knots, other, knot, other_knot, size, other_size, best_s, polygons, row
                    )
                    if best_s == 0.0:
                        return


@numba.njit(cache=True, nogil=True)
def _pet_s(
    knots: Floats,
    other: Floats,
    knot: int,
    other_knot: int,
    size: Floats,
    other_size: Floats,
    best_s: float,
    polygons: Floats,
    row: Floats,
) -> float:
    """The best so far, or better: between two knots of each path."""
    next_, other_next = min(knot + 1, len(knots) - 1), min(other_knot + 1, len(other) - 1)
    from_s, other_from_s = knots[knot, _KNOT_T], other[other_knot, _KNOT_T]
    lasts_s = knots[next_, _KNOT_T] - from_s
    other_lasts_s = other[other_next, _KNOT_T] - other_from_s
    after_s = other_from_s - from_s
    if after_s - lasts_s >= best_s or after_s + other_lasts_s <= -best_s:
        return best_s
    x_m = other[other_knot, _KNOT_X] - knots[knot, _KNOT_X]
    y_m = other[other_knot, _KNOT_Y] - knots[knot, _KNOT_Y]
    go_x_m = knots[next_, _KNOT_X] - knots[knot, _KNOT_X]
    go_y_m = knots[next_, _KNOT_Y] - knots[knot, _KNOT_Y]
    other_go_x_m = other[other_next, _KNOT_X] - other[other_knot, _KNOT_X]
    other_go_y_m = other[other_next, _KNOT_Y] - other[other_knot, _KNOT_Y]
    cos_1, sin_1 = knots[knot, _KNOT_COS], knots[knot, _KNOT_SIN]
    cos_2, sin_2 = other[other_knot, _KNOT_COS], other[other_knot, _KNOT_SIN]
    ahead_1_m, aside_1_m = 0.5 * size[0], 0.5 * size[1]
    ahead_2_m, aside_2_m = 0.5 * other_size[0], 0.5 * other_size[1]
    # Shares u, v of the way to the next knot, 0..1, of the one and of the other.
    polygon, clipped = polygons[0], polygons[1]
    polygon[0, 0], polygon[0, 1] = 0.0, 0.0
    polygon[1, 0], polygon[1, 1] = 1.0, 0.0
    polygon[2, 0], polygon[2, 1] = 1.0, 1.0
    polygon[3, 0], polygon[3, 1] = 0.0, 1.0
    count = 4
    for axis in range(4):
        right, up, reach_m = axis_of(
            axis, cos_1, sin_1, ahead_1_m, aside_1_m, cos_2, sin_2, ahead_2_m, aside_2_m
        )
        off_m = right * x_m + up * y_m
        by_u_m = -(right * go_x_m + up * go_y_m)
        by_v_m = right * other_go_x_m + up * other_go_y_m
        least_m = off_m + min(0.0, by_u_m) + min(0.0, by_v_m)
        most_m = off_m + max(0.0, by_u_m) + max(0.0, by_v_m)
        if least_m > reach_m or most_m < -reach_m:
            return best_s
        if most_m > reach_m:
            count = clip(polygon, count, by_u_m, by_v_m, reach_m - off_m, clipped)
            polygon, clipped = clipped, polygon
        if least_m < -reach_m:
            count = clip(polygon, count, -by_u_m, -by_v_m, reach_m + off_m, clipped)
            polygon, clipped = clipped, polygon
        if count == 0:
            return best_s
    for corner in range(count):
        u, v = polygon[corner]
        gap_s = after_s + v * other_lasts_s - u * lasts_s
        after = corner + 1 if corner + 1 < count else 0
        next_s = after_s + polygon[after, 1] * other_lasts_s - polygon[after, 0] * lasts_s
        if gap_s * next_s < 0.0:  # at one moment between these corners they touch
            share = gap_s / (gap_s - next_s)
            u += share * (polygon[after, 0] - u)
            v += share * (polygon[after, 1] - v)
            gap_s = 0.0
        if abs(gap_s) < best_s:
            best_s = abs(gap_s)
            row[_PET] = best_s
            row[_FIRST_AT] = from_s + u * lasts_s
            row[_SECOND_AT] = other_from_s + v * other_lasts_s
    return best_s


@numba.njit(cache=True, nogil=True)
def _all_knots(rows: Floats, begins: Whole) -> tuple[Floats, Whole]:
    """The knots of every path, and where those of each begin. Who goes straight on or stands has
    few of them, and who turns between two moments has some there."""
    knots = np.empty((len(rows) * _PARTS_MAX, _KNOT_COLUMNS))
    knot_begins = np.zeros(len(begins), np.int64)
    count = 0
    for path in range(len(begins) - 1):
        start, last = begins[path], begins[path + 1] - 1
        _put_knot(rows[start], rows[start], 0.0, 0.0, knots[count])
        count += 1
        while start < last:
            stop = _straight_until(rows, start, last)
            turn = abs(rows[stop, _TURN] - rows[start, _TURN])
            parts = max(1, min(_PARTS_MAX, math.ceil(turn / _STRAIGHT_RAD)))
            for part in range(parts):
                # A way has the heading of its middle, and is told by the knot where it begins.
                share, middle, next_ = part / parts, (part + 0.5) / parts, (part + 1) / parts
                _put_knot(rows[start], rows[stop], share, middle, knots[count - 1])
                _put_knot(rows[start], rows[stop], next_, next_, knots[count])
                count += 1
            start = stop
        knot_begins[path + 1] = count
    return knots[:count].copy(), knot_begins


@numba.njit(cache=True, nogil=True)
def _put_knot(moment: Floats, later: Floats, share: float, middle: float, knot: Floats) -> None:
    knot[_KNOT_T] = moment[_T] + share * (later[_T] - moment[_T])
    knot[_KNOT_X] = moment[_X] + share * (later[_X] - moment[_X])
    knot[_KNOT_Y] = moment[_Y] + share * (later[_Y] - moment[_Y])
    turn = moment[_TURN] + middle * (later[_TURN] - moment[_TURN])
    knot[_KNOT_COS], knot[_KNOT_SIN] = math.cos(turn), math.sin(turn)


@numba.njit(cache=True, nogil=True)
def _straight_until(rows: Floats, start: int, last: int) -> int:
    """The last row to which a straight and even way from the row `start` passes all between by
    less than _STRAIGHT_M: each row leaves a range of velocities, and they must have one in common
    (swinging door; Bristol 1990)."""
    origin = rows[start]
    x_low, x_high, y_low, y_high = -NEVER, NEVER, -NEVER, NEVER
    for row in range(start + 1, last + 1):
        passed_s = rows[row, _T] - origin[_T]
        x_m_s = (rows[row, _X] - origin[_X]) / passed_s
        y_m_s = (rows[row, _Y] - origin[_Y]) / passed_s
        if row > start + 1 and not (
            x_low <= x_m_s <= x_high
            and y_low <= y_m_s <= y_high
            and abs(rows[row, _TURN] - origin[_TURN]) <= _STRAIGHT_RAD
        ):
            return row - 1
        stray_m_s = _STRAIGHT_M / passed_s
        x_low, x_high = max(x_low, x_m_s - stray_m_s), min(x_high, x_m_s + stray_m_s)
        y_low, y_high = max(y_low, y_m_s - stray_m_s), min(y_high, y_m_s + stray_m_s)
    return last


@numba.njit(cache=True, nogil=True)
def _all_boxes(knots: Floats, knot_begins: Whole, sizes: Floats) -> tuple[Floats, Whole]:
    """West, south, east, north, from and until when: of each _KNOTS_TOGETHER knots with the ways
    from them on, footprints and all. And where those of each path begin."""
    boxes = np.empty((len(knots) // _KNOTS_TOGETHER + len(sizes) + 1, 6))
    box_begins = np.zeros(len(knot_begins), np.int64)
    count = 0
    for path in range(len(sizes)):
        begin, end = knot_begins[path], knot_begins[path + 1]
        reach_m = 0.5 * math.hypot(sizes[path, 0], sizes[path, 1])
        for first in range(begin, max(begin + 1, end - 1), _KNOTS_TOGETHER):
            part = knots[first : min(first + _KNOTS_TOGETHER + 1, end)]
            boxes[count, 0] = part[:, _KNOT_X].min() - reach_m
            boxes[count, 1] = part[:, _KNOT_Y].min() - reach_m
            boxes[count, 2] = part[:, _KNOT_X].max() + reach_m
            boxes[count, 3] = part[:, _KNOT_Y].max() + reach_m
            boxes[count, 4], boxes[count, 5] = part[0, _KNOT_T], part[-1, _KNOT_T]
            count += 1
        box_begins[path + 1] = count
    return boxes[:count], box_begins


@numba.njit(cache=True, nogil=True)
def _is_swapped(path: Floats, other: Floats, row: Floats) -> bool:
    """Whether `path` is the second's. Where no PET tells, or 0: who has the other more ahead."""
    if 0.0 < row[_PET] < NEVER:
        return bool(row[_FIRST_AT] > row[_SECOND_AT])
    now_s = row[_TTC_AT] if row[_TTC] < NEVER else row[_FIRST_AT]
    one, two = _moment(path, now_s), _moment(other, now_s)
    x_m, y_m = two[_X] - one[_X], two[_Y] - one[_Y]
    ahead_m = x_m * math.cos(one[_TURN]) + y_m * math.sin(one[_TURN])
    other_ahead_m = -x_m * math.cos(two[_TURN]) - y_m * math.sin(two[_TURN])
    return bool(ahead_m > other_ahead_m)


@numba.njit(cache=True, nogil=True)
def _describe(path: Floats, other: Floats, size: Floats, other_size: Floats, row: Floats) -> None:
    """All that follows from when it was: `path` is the first's, `other` the second's."""
    met = row[_PET] < NEVER
    on_course = row[_TTC] < NEVER
    at_s = row[_TTC_AT] if on_course else row[_FIRST_AT]
    other_at_s = row[_TTC_AT] if on_course else row[_SECOND_AT]
    one, two = _moment(path, at_s), _moment(other, other_at_s)
    row[_AT] = other_at_s
    row[_ANGLE] = two[_TURN] - one[_TURN]
    if met:
        there = two[_TURN] - _turn_at(path, other, row)
        if math.cos(there) > math.cos(row[_ANGLE]):
            row[_ANGLE] = there
    east_m_s = two[_SPEED] * math.cos(two[_TURN]) - one[_SPEED] * math.cos(one[_TURN])
    north_m_s = two[_SPEED] * math.sin(two[_TURN]) - one[_SPEED] * math.sin(one[_TURN])
    row[_DELTA_S] = math.hypot(east_m_s, north_m_s)

    if met:
        first = _footprint(_moment(path, row[_FIRST_AT]), size, 0.0)
        second = _footprint(_moment(other, row[_SECOND_AT]), other_size, 0.0)
    else:
        first = _footprint(one, size, row[_TTC])
        second = _footprint(two, other_size, row[_TTC])
    _, row[_PLACE_X], row[_PLACE_Y] = spot_between(first, second)

    # From the first danger to the second's arrival, or to the last danger.
    from_s, to_s = min(row[_DANGER_FROM], at_s), max(row[_DANGER_TO], other_at_s)
    if met:
        from_s, to_s = min(from_s, row[_FIRST_AT]), max(to_s, row[_SECOND_AT])
    row[_MAX_S] = max(abs(one[_SPEED]), abs(two[_SPEED]))
    row[_DR], row[_MAX_D] = 0.0, two[_ACCELERATION]
    for moment in path:
        if from_s <= moment[_T] <= to_s:
            row[_MAX_S] = max(row[_MAX_S], abs(moment[_SPEED]))
    for moment in other:
        if from_s <= moment[_T] <= to_s:
            row[_MAX_S] = max(row[_MAX_S], abs(moment[_SPEED]))
            row[_MAX_D] = min(row[_MAX_D], moment[_ACCELERATION])
            if row[_DR] == 0.0 and moment[_ACCELERATION] < -_STEADY_M_S2:
                row[_DR] = moment[_ACCELERATION]


@numba.njit(cache=True, nogil=True)
def _turn_at(path: Floats, other: Floats, row: Floats) -> float:
    """Where the first pointed when it was where the second is as it gets to their spot: who follows
    another round a bend points where that did, and not where it does by now."""
    here = _moment(other, row[_SECOND_AT])
    nearest, turn = NEVER, here[_TURN]
    for moment in path:
        if moment[_T] > row[_SECOND_AT]:
            break
        apart = math.hypot(moment[_X] - here[_X], moment[_Y] - here[_Y])
        if apart < nearest:
            nearest, turn = apart, moment[_TURN]
    return float(turn)


@numba.njit(cache=True, nogil=True)
def _footprint(moment: Floats, size: Floats, ahead_s: float) -> Floats:
    """After `ahead_s` at the velocity of this moment."""
    cos, sin = math.cos(moment[_TURN]), math.sin(moment[_TURN])
    footprint = np.empty(FOOTPRINT_COLUMNS)
    footprint[X] = moment[_X] + ahead_s * moment[_SPEED] * cos
    footprint[Y] = moment[_Y] + ahead_s * moment[_SPEED] * sin
    footprint[HEADING], footprint[SPEED] = moment[_TURN], moment[_SPEED]
    footprint[LENGTH], footprint[WIDTH] = size
    return footprint


@numba.njit(cache=True, nogil=True)
def _moment(path: Floats, now_s: float) -> Floats:
    """The row of a path at any moment; the first or last one before it begins or after it ends."""
    at = min(int(np.searchsorted(path[:, _T], now_s)), len(path) - 1)
    share = _share(path, at, now_s)
    moment = np.empty(PATH_COLUMNS)
    for column in range(PATH_COLUMNS):
        moment[column] = _between(path, at, share, column)
    return moment


@numba.njit(cache=True, nogil=True)
def _share(path: Floats, at: int, now_s: float) -> float:
    """How far `now_s` is before the row `at`, as a share of the way from the row before it."""
    if at == 0 or now_s >= path[at, _T]:
        return 0.0
    return float((path[at, _T] - now_s) / (path[at, _T] - path[at - 1, _T]))


@numba.njit(cache=True, nogil=True)
def _pointing(path: Floats, at: int, share: float) -> tuple[float, float]:
    """Cosine and sine of the heading."""
    if share == 0.0:
        return path[at, _COS], path[at, _SIN]
    turn = _between(path, at, share, _TURN)
    return math.cos(turn), math.sin(turn)


@numba.njit(cache=True, nogil=True)
def _between(path: Floats, at: int, share: float, column: int) -> float:
    if share == 0.0:
        return float(path[at, column])
    return float(path[at, column] + share * (path[at - 1, column] - path[at, column]))
