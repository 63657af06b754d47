"""SSAM: the files of FHWA's Surrogate Safety Assessment Model, and its own list of conflicts.

A `.trj` file says where vehicles were, step by step: a FORMAT record, a DIMENSIONS record, then
for every step a TIMESTEP record and a VEHICLE record for each vehicle (FHWA, Open Source SSAM File
Format v3.0). Vehicles are numbered within one file, and we number them anew in every file.

How SSAM finds conflicts (FHWA-HRT-08-051, chapter 2; SSAM 3.0). At every step each vehicle is
moved on along the way that it will really take, as far as its present speed carries it in the
threshold of the TTC. Two that overlap there begin an event:

    overlap at TTC 1.5 s ──▶ event: smallest TTC, in tenths ──▶ no overlap any more
                                      │                                │
                                      ▼                                ▼
                     one gets to where the other was: PET ──▶ settled: a conflict, if PET < 5 s

Once the event is over, it settles when the second vehicle has been where the first was last in
danger, or 5 s later. SSAM computes in single precision, so we do: equal widths in one lane make
rectangles that just touch, and TTC and PET are compared in tenths of a second.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.errors import Rejected
from placewatch.core.kinds import ConflictType

Floats = npt.NDArray[np.float32]
Whole = npt.NDArray[np.int64]

TTC_S_MAX = 1.5
PET_S_MAX = 5.0
REAR_END_DEG_MAX = 30.0
CROSSING_DEG_MIN = 80.0  # SSAM 3.0 and its data dictionary; the text of its manual says 85

_TTC_STEP_S = 0.1
_ZONE_M = 15.0
_LEVEL_M = 5.0  # further apart in height is on another level; SSAM says 5 of the file's units
_NONE = 99.0  # SSAM's word for a measure that does not exist


def type_of(
    angle_deg: float,
    rear_end_deg_max: float = REAR_END_DEG_MAX,
    crossing_deg_min: float = CROSSING_DEG_MIN,
) -> ConflictType:
    """By the angle from one's heading to the other's, -180..180."""
    if abs(angle_deg) < rear_end_deg_max:
        return ConflictType.REAR_END
    if abs(angle_deg) > crossing_deg_min:
        return ConflictType.CROSSING
    return ConflictType.LANE_CHANGE


@dataclass(frozen=True, slots=True, eq=False)
class Trajectories:
    """Where vehicles were: a row for each vehicle at each step, in order of steps.

    `at_s` (T,) are the steps, in rising order; `step` (N,) the step of each row; `vehicle`,
    `link`, `lane` (N,) whole numbers, link 0 where it is unknown. `front_m` and `rear_m` (N, 3)
    are the middles of the bumpers, x, y and height; the other columns are (N,). `bounds_m` is the
    area: least x and y, greatest x and y. All numbers are as exact as in a file: float32.
    """

    at_s: Floats
    step: Whole
    vehicle: Whole
    link: Whole
    lane: Whole
    front_m: Floats
    rear_m: Floats
    length_m: Floats
    width_m: Floats
    speed_m_s: Floats
    acceleration_m_s2: Floats
    bounds_m: tuple[float, float, float, float]

    def __len__(self) -> int:
        return len(self.step)

    @property
    def middle_m(self) -> Floats:
        """(N, 3)"""
        # From the rear on, in SSAM's order of rounding.
        ahead = (self.front_m - self.rear_m).astype(np.float64)
        middle: Floats = (self.rear_m + 0.5 * ahead).astype(np.float32)
        return middle


# --- files ---------------------------------------------------------------------------------------

_FORMAT, _DIMENSIONS, _TIMESTEP, _VEHICLE = range(4)
_VERSION_FLAT = 1.04  # later ones have heights
_VERSION = 3.0
_METRIC = 1
_FOOT_M = 0.3048
_FLAT_COLUMNS = ("front_x", "front_y", "rear_x", "rear_y", "length", "width", "speed", "accel")


def read_trj(path: Path) -> Trajectories:
    """All rows of a `.trj` file, in metres, whatever its units.

    Raises Rejected if it is not one, breaks off, or says what cannot be.
    """
    data = path.read_bytes()
    if len(data) < 7 or data[0] != _FORMAT or data[1:2] not in (b"L", b"B"):
        raise Rejected(f"{path.name} is no trajectory file of SSAM: its first record is no FORMAT")
    endian = "<" if data[1:2] == b"L" else ">"
    (version,) = struct.unpack_from(f"{endian}f", data, 2)
    if not 0.0 < version < 10.0:
        raise Rejected(f"{path.name} is of version {version:g}, which SSAM does not have")
    solid = version > np.float32(_VERSION_FLAT)
    begin = 7 if solid else 6
    if len(data) < begin + 22 or data[begin] != _DIMENSIONS:
        raise Rejected(f"{path.name} has no DIMENSIONS record after its FORMAT")
    units, scale, *bounds = struct.unpack_from(f"{endian}Bf4i", data, begin + 1)
    if units > _METRIC or not (math.isfinite(scale) and scale > 0.0):
        raise Rejected(f"{path.name} has units {units} and scale {scale:g}: no length follows")
    if bounds[0] >= bounds[2] or bounds[1] >= bounds[3]:
        raise Rejected(f"{path.name} spans no area: {bounds[0]}..{bounds[2]}, {bounds[1]}..")

    row = np.dtype(_layout(endian, solid))
    at_s, step, rows = _records(data, begin + 22, row, endian, path.name)
    numbers = [rows[name] for name in row.names or () if name not in ("kind", "lane")]
    if not all(np.isfinite(column).all() for column in numbers):
        raise Rejected(f"{path.name} has a vehicle whose place or speed is no number")
    if len(rows) and min(rows["length"].min(), rows["width"].min()) <= 0.0:
        raise Rejected(f"{path.name} has a vehicle without length or width")
    once = np.unique(step << 32 | rows["vehicle"].astype(np.int64) & 0xFFFF_FFFF)
    if len(once) < len(rows):
        raise Rejected(f"{path.name} has a vehicle twice in one step")
    unit_m = 1.0 if units == _METRIC else _FOOT_M
    grid_m = unit_m * scale
    height = [rows[name] if solid else np.zeros(len(rows)) for name in ("front_z", "rear_z")]
    return Trajectories(
        at_s=at_s,
        step=step,
        vehicle=rows["vehicle"].astype(np.int64),
        link=rows["link"].astype(np.int64),
        lane=rows["lane"].astype(np.int64),
        front_m=_metres(grid_m, rows["front_x"], rows["front_y"], height[0]),
        rear_m=_metres(grid_m, rows["rear_x"], rows["rear_y"], height[1]),
        length_m=_metres(unit_m, rows["length"])[:, 0],
        width_m=_metres(unit_m, rows["width"])[:, 0],
        speed_m_s=_metres(unit_m, rows["speed"])[:, 0],
        acceleration_m_s2=_metres(unit_m, rows["accel"])[:, 0],
        bounds_m=(
            bounds[0] * grid_m,
            bounds[1] * grid_m,
            bounds[2] * grid_m,
            bounds[3] * grid_m,
        ),
    )


def pack_trj(trajectories: Trajectories) -> bytes:
    """The bytes of a `.trj` file of version 3.0 in metres. Its area is rounded outwards to whole
    metres, as the format asks."""
    west, south, east, north = trajectories.bounds_m
    area = (math.floor(west), math.floor(south), math.ceil(east), math.ceil(north))
    row = np.dtype(_layout("<", solid=True))
    rows = np.zeros(len(trajectories), row)
    rows["kind"] = _VEHICLE
    rows["vehicle"], rows["link"] = trajectories.vehicle, trajectories.link
    rows["lane"] = trajectories.lane
    for axis, name in enumerate("xyz"):
        rows[f"front_{name}"] = trajectories.front_m[:, axis]
        rows[f"rear_{name}"] = trajectories.rear_m[:, axis]
    rows["length"], rows["width"] = trajectories.length_m, trajectories.width_m
    rows["speed"], rows["accel"] = trajectories.speed_m_s, trajectories.acceleration_m_s2
    ends = np.searchsorted(trajectories.step, np.arange(len(trajectories.at_s)), side="right")
    parts = [
        struct.pack("<BcfB", _FORMAT, b"L", _VERSION, 1),
        struct.pack("<BBf4i", _DIMENSIONS, _METRIC, 1.0, *area),
    ]
    begin = 0
    for at_s, end in zip(trajectories.at_s.tolist(), ends.tolist(), strict=True):
        parts += (struct.pack("<Bf", _TIMESTEP, at_s), rows[begin:end].tobytes())
        begin = end
    return b"".join(parts)


def _layout(endian: str, solid: bool) -> list[tuple[str, str]]:
    columns = (*_FLAT_COLUMNS, "front_z", "rear_z") if solid else _FLAT_COLUMNS
    whole = [
        ("kind", "u1"),
        ("vehicle", f"{endian}i4"),
        ("link", f"{endian}i4"),
        ("lane", "u1"),
    ]
    return whole + [(name, f"{endian}f4") for name in columns]


def _records(
    data: bytes, begin: int, row: np.dtype[np.void], endian: str, name: str
) -> tuple[Floats, Whole, npt.NDArray[np.void]]:
    """Steps, the step of each row, and the rows, from the byte `begin` on."""
    at_s: list[float] = []
    step: list[int] = []
    places: list[int] = []
    size, end = row.itemsize, len(data)
    while begin < end:
        record = data[begin]
        if record not in (_TIMESTEP, _VEHICLE):
            raise Rejected(f"{name} has a record of type {record} at byte {begin}")
        if begin + (size if record == _VEHICLE else 5) > end:
            raise Rejected(f"{name} breaks off within its last record")
        if record == _VEHICLE:
            if not at_s:
                raise Rejected(f"{name} has a vehicle before its first step")
            step.append(len(at_s) - 1)
            places.append(begin)
            begin += size
            continue
        (now_s,) = struct.unpack_from(f"{endian}f", data, begin + 1)
        if not math.isfinite(now_s) or (at_s and now_s <= at_s[-1]):
            raise Rejected(f"{name} goes back in time at byte {begin}")
        at_s.append(now_s)
        begin += 5
    octets = np.frombuffer(data, np.uint8)
    picked = octets[np.array(places, np.int64)[:, None] + np.arange(size)]
    rows = np.ascontiguousarray(picked).reshape(-1).view(row)
    return np.array(at_s, np.float32), np.array(step, np.int64), rows


def _metres(unit_m: float, *columns: npt.NDArray[np.generic]) -> Floats:
    # Metres stay what they are, to the last bit: that decides what just touches.
    stacked = np.column_stack(columns).astype(np.float32)
    return stacked if unit_m == 1.0 else (stacked * unit_m).astype(np.float32)


# --- conflicts -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Conflict:
    """One row of SSAM's conflict list, with its own words and definitions (FHWA-HRT-08-051,
    chapter 2). `first` and `second` are the vehicles' numbers in the file; the second is who gets
    to where the first was. Where they touched, TTC and PET are 0 and the second is the one with
    the greater number."""

    first: int
    second: int
    at_s: float  # of the smallest TTC
    x_m: float  # where the first was, of the smallest PET
    y_m: float
    ttc_s: float
    pet_s: float
    max_s_m_s: float
    delta_s_m_s: float
    dr_m_s2: float  # first braking of the second; its least acceleration where it never brakes
    max_d_m_s2: float
    max_delta_v_m_s: float
    delta_v_m_s: tuple[float, float]  # of the first and of the second, masses by area
    angle_deg: float
    type: ConflictType


def conflicts(
    trajectories: Trajectories,
    ttc_s_max: float = TTC_S_MAX,
    pet_s_max: float = PET_S_MAX,
    rear_end_deg_max: float = REAR_END_DEG_MAX,
    crossing_deg_min: float = CROSSING_DEG_MIN,
) -> list[Conflict]:
    """SSAM's list, in order of time and of the vehicles' numbers.

    As in SSAM, the last `pet_s_max` seconds begin no conflict, and an event whose vehicle leaves
    before it settles is none.
    """
    return list(_conflicts(trajectories, ttc_s_max, pet_s_max, rear_end_deg_max, crossing_deg_min))


def _conflicts(
    trajectories: Trajectories,
    ttc_s_max: float,
    pet_s_max: float,
    rear_end_deg_max: float,
    crossing_deg_min: float,
) -> Iterator[Conflict]:
    inside = _inside(trajectories)
    # A vehicle's rows are put in a row, so that the way it will take are the rows that follow.
    order = np.flatnonzero(inside)
    order = order[np.lexsort((trajectories.step[order], trajectories.vehicle[order]))]
    rows = np.empty((len(order), _COLUMNS), np.float32)
    rows[:, _FRONT_X : _FRONT_X + 2] = trajectories.front_m[order, :2]
    rows[:, _REAR_X : _REAR_X + 2] = trajectories.rear_m[order, :2]
    rows[:, _MID_X : _MID_X + 3] = trajectories.middle_m[order]
    rows[:, _LENGTH] = trajectories.length_m[order]
    rows[:, _WIDTH] = trajectories.width_m[order]
    rows[:, _SPEED] = trajectories.speed_m_s[order]
    rows[:, _ACCELERATION] = trajectories.acceleration_m_s2[order]
    step, vehicle = trajectories.step[order], trajectories.vehicle[order]
    rows[:, _AT] = trajectories.at_s[step]
    goes_on = np.zeros(len(order), np.bool_)
    goes_on[:-1] = (vehicle[1:] == vehicle[:-1]) & (step[1:] == step[:-1] + 1)

    # The rows of each step, in the file's order.
    by_step = np.lexsort((order, step))
    read_s = _read_s(trajectories.at_s, pet_s_max)
    begins = np.searchsorted(step[by_step], np.arange(len(read_s) + 1))
    found = _events(
        rows,
        vehicle,
        goes_on,
        by_step,
        begins,
        trajectories.at_s,
        read_s,
        np.array(_area(trajectories.bounds_m), np.float64),
        ttc_s_max,
        pet_s_max,
    )
    link, lane = trajectories.link[order], trajectories.lane[order]
    settled = [_conflict(event, rows, vehicle) for event in found]
    for conflict, event in sorted(
        zip(settled, found, strict=True),
        key=lambda each: (each[0].at_s, each[0].first, each[0].second),
    ):
        lanes = [(int(link[row]), int(lane[row])) for row in _ends(event)]
        type_ = _type_by_lanes(conflict.angle_deg, lanes, rear_end_deg_max, crossing_deg_min)
        yield replace(conflict, type=type_)


def _inside(trajectories: Trajectories) -> npt.NDArray[np.bool_]:
    west, south, east, north = trajectories.bounds_m
    x_m, y_m = trajectories.middle_m[:, 0], trajectories.middle_m[:, 1]
    inside: npt.NDArray[np.bool_] = (x_m >= west) & (x_m <= east) & (y_m >= south) & (y_m <= north)
    return inside


def _area(bounds_m: tuple[float, float, float, float]) -> tuple[float, ...]:
    """The bounds, then those of the whole zones around them."""
    west, south, east, north = bounds_m
    return (
        *bounds_m,
        math.floor(west / _ZONE_M) * _ZONE_M,
        math.floor(south / _ZONE_M) * _ZONE_M,
        math.ceil(east / _ZONE_M) * _ZONE_M,
        math.ceil(north / _ZONE_M) * _ZONE_M,
    )


def _read_s(at_s: Floats, pet_s_max: float) -> Floats:
    """How far SSAM has read when it analyses each step. A step has its turn once the one
    `pet_s_max` after the step before it has been read (and the first one a second earlier), so
    the last ones have none."""
    if not len(at_s):
        return at_s
    turn_s = np.float32(at_s[0] - np.float32(1.0))
    read_s: list[np.float32] = []
    for now_s in at_s:
        while len(read_s) < len(at_s) and np.float32(now_s - turn_s) >= pet_s_max:
            turn_s = at_s[len(read_s)]
            read_s.append(now_s)
    return np.array(read_s, np.float32)


def _type_by_lanes(
    angle_deg: float,
    lanes: list[tuple[int, int]],
    rear_end_deg_max: float,
    crossing_deg_min: float,
) -> ConflictType:
    """`lanes` are (link, lane) of the first and second at the start, then at the end."""
    by_angle = type_of(angle_deg, rear_end_deg_max, crossing_deg_min)
    if any(link == 0 for link, _ in lanes):
        return by_angle
    first, second, first_end, second_end = lanes
    changes = any(
        begin[0] == end[0] and begin[1] != end[1]
        for begin, end in ((first, first_end), (second, second_end))
    )
    if first == second:
        if first == first_end and second == second_end:
            return ConflictType.REAR_END
        if changes or by_angle is not ConflictType.REAR_END:
            return ConflictType.LANE_CHANGE
        return ConflictType.REAR_END
    if first_end == second_end and changes:
        return ConflictType.LANE_CHANGE
    return by_angle


# A vehicle at a step, float32.
_FRONT_X, _FRONT_Y, _REAR_X, _REAR_Y, _MID_X, _MID_Y, _MID_Z = range(7)
_LENGTH, _WIDTH, _SPEED, _ACCELERATION, _AT = range(7, 12)
_COLUMNS = 12

# A rectangle: four corners x, y from the left of the front on, clockwise, their bounds, its middle
# and its height.
_WEST, _SOUTH, _EAST, _NORTH = range(8, 12)
_AT_X, _AT_Y, _HEIGHT = range(12, 15)
_BOX_COLUMNS = 15

# An event of two vehicles, the one with the lower number and the other: rows, and what is known.
_LOW, _HIGH = 0, 1  # rows of the first step of the event
_STEPS = 2  # how many steps it has
_ACTIVE = 3
_TTC, _TTC_AT, _MAX_S = 4, 5, 6
_LAST_TTC_S, _LAST_TTC = 7, 8  # and its step, counted from the event's first
_PET, _PET_X, _PET_Y, _PET_DONE = 9, 10, 11, 12
_SECOND_IS = 13  # 0 the low, 1 the high, -1 nobody yet
_LAST_PET = 14  # step of the first, of the smallest PET
_END = 15  # step at which the second was last where the first had been in danger
_EVENT_COLUMNS = 16

_OPEN, _CONFLICT, _DROPPED = 0, 1, 2


def _ends(event: npt.NDArray[np.float64]) -> tuple[int, int, int, int]:
    """Rows of the first and of the second, at the start of the event and at its end."""
    low, high, end = int(event[_LOW]), int(event[_HIGH]), int(event[_END])
    first, second = (high, low) if event[_SECOND_IS] == 0 else (low, high)
    return first, second, first + end, second + end


def _conflict(event: npt.NDArray[np.float64], rows: Floats, vehicle: Whole) -> Conflict:
    first, second, first_end, second_end = _ends(event)
    ways = [
        _way(rows[begin].astype(float), rows[end].astype(float))
        for begin, end in ((first, first_end), (second, second_end))
    ]
    headings_deg = [math.degrees(math.atan2(y, x)) for x, y in ways]
    angle_deg = (headings_deg[1] - headings_deg[0] + 180.0) % 360.0 - 180.0
    velocities = [
        (float(rows[row, _SPEED]) * x, float(rows[row, _SPEED]) * y)
        for row, (x, y) in zip((first, second), ways, strict=True)
    ]
    (east, north), (second_east, second_north) = velocities
    delta_s_m_s = math.hypot(second_east - east, second_north - north)
    masses = [float(rows[row, _LENGTH]) * float(rows[row, _WIDTH]) for row in (first, second)]
    shares = masses[1] / sum(masses), masses[0] / sum(masses)
    accelerations = rows[second : second_end + 1, _ACCELERATION]
    braking = accelerations[accelerations < 0.0]
    return Conflict(
        first=int(vehicle[first]),
        second=int(vehicle[second]),
        at_s=float(event[_TTC_AT]),
        x_m=float(event[_PET_X]),
        y_m=float(event[_PET_Y]),
        ttc_s=float(event[_TTC]),
        pet_s=float(event[_PET]),
        max_s_m_s=float(event[_MAX_S]),
        delta_s_m_s=delta_s_m_s,
        dr_m_s2=float(braking[0] if len(braking) else accelerations.min()),
        max_d_m_s2=float(accelerations.min()),
        max_delta_v_m_s=max(shares) * delta_s_m_s,
        delta_v_m_s=(shares[0] * delta_s_m_s, shares[1] * delta_s_m_s),
        angle_deg=angle_deg,
        type=type_of(angle_deg),
    )


def _way(begin: npt.NDArray[np.float64], end: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The unit vector from where a vehicle was to where it got; along itself where it stood."""
    x_m, y_m = end[_MID_X] - begin[_MID_X], end[_MID_Y] - begin[_MID_Y]
    if x_m == 0.0 and y_m == 0.0:
        x_m, y_m = end[_FRONT_X] - end[_REAR_X], end[_FRONT_Y] - end[_REAR_Y]
    far_m = math.hypot(x_m, y_m)
    return (x_m / far_m, y_m / far_m) if far_m > 0.0 else (0.0, 0.0)


@numba.njit(cache=True, nogil=True)
def _events(
    rows: Floats,
    vehicle: Whole,
    goes_on: npt.NDArray[np.bool_],
    by_step: Whole,
    begins: Whole,
    at_s: Floats,
    read_s: Floats,
    area: npt.NDArray[np.float64],
    ttc_s_max: float,
    pet_s_max: float,
) -> npt.NDArray[np.float64]:
    """The events that settled as conflicts, (N, _EVENT_COLUMNS)."""
    open_ = np.empty((64, _EVENT_COLUMNS), np.float64)
    count = 0
    found = np.empty((64, _EVENT_COLUMNS), np.float64)
    conflicts = 0
    boxes = np.empty((4, _BOX_COLUMNS), np.float32)
    for step in range(len(begins) - 1):
        here = by_step[begins[step] : begins[step + 1]]
        now_s, until_s = at_s[step], read_s[step]
        pairs = _overlapping(rows, goes_on, here, vehicle, area, until_s, ttc_s_max, pet_s_max)
        for low, high in pairs:
            if _is_open(open_[:count], vehicle, low, high):
                continue
            if count == len(open_):
                open_ = np.concatenate((open_, np.empty_like(open_)))
            event = open_[count]
            event[:] = 0.0
            event[_LOW], event[_HIGH], event[_ACTIVE] = low, high, 1.0
            event[_TTC] = event[_PET] = _NONE
            event[_LAST_TTC] = event[_LAST_PET] = event[_SECOND_IS] = -1.0
            count += 1
        kept = 0
        for number in range(count):
            event = open_[number]
            steps = int(event[_STEPS])
            before_low, before_high = int(event[_LOW]) + steps - 1, int(event[_HIGH]) + steps - 1
            if steps > 0 and not (goes_on[before_low] and goes_on[before_high]):
                continue
            event[_STEPS] += 1.0
            state = _go_on(event, rows, goes_on, boxes, now_s, until_s, ttc_s_max, pet_s_max)
            if state == _CONFLICT:
                if conflicts == len(found):
                    found = np.concatenate((found, np.empty_like(found)))
                found[conflicts] = event
                conflicts += 1
            elif state == _OPEN:
                if kept != number:
                    open_[kept] = event
                kept += 1
        count = kept
    return found[:conflicts]


@numba.njit(cache=True, nogil=True)
def _is_open(events: npt.NDArray[np.float64], vehicle: Whole, low: int, high: int) -> bool:
    for event in events:
        if (
            vehicle[int(event[_LOW])] == vehicle[low]
            and vehicle[int(event[_HIGH])] == vehicle[high]
        ):
            return True
    return False


@numba.njit(cache=True, nogil=True)
def _go_on(
    event: npt.NDArray[np.float64],
    rows: Floats,
    goes_on: npt.NDArray[np.bool_],
    boxes: Floats,
    now_s: np.float32,
    read_s: np.float32,
    ttc_s_max: float,
    pet_s_max: float,
) -> int:
    """What becomes of an event by its newest step."""
    last = int(event[_STEPS]) - 1
    low, high = int(event[_LOW]) + last, int(event[_HIGH]) + last
    if event[_ACTIVE] == 1.0:
        ttc_s = _ttc_s(rows, goes_on, low, high, boxes, read_s, ttc_s_max, pet_s_max)
        if ttc_s == _NONE:
            event[_ACTIVE] = 0.0
        else:
            event[_LAST_TTC_S], event[_LAST_TTC] = now_s, last
            if ttc_s < event[_TTC]:
                event[_TTC], event[_TTC_AT] = ttc_s, now_s
            fastest_m_s = max(rows[low, _SPEED], rows[high, _SPEED])
            event[_MAX_S] = max(event[_MAX_S], fastest_m_s)
    for later in (1, 0):
        if event[_PET_DONE] == 0.0 and (event[_SECOND_IS] == -1.0 or event[_SECOND_IS] == later):
            _seek_pet(event, rows, boxes, later, last)
    if event[_ACTIVE] == 1.0:
        return _OPEN
    if (
        event[_PET_DONE] == 1.0
        or np.float32(now_s - np.float32(event[_LAST_TTC_S])) >= pet_s_max
        or event[_LAST_PET] >= event[_LAST_TTC]
    ):
        return _CONFLICT if event[_PET] < pet_s_max else _DROPPED
    return _OPEN


@numba.njit(cache=True, nogil=True)
def _ttc_s(
    rows: Floats,
    goes_on: npt.NDArray[np.bool_],
    low: int,
    high: int,
    boxes: Floats,
    read_s: np.float32,
    ttc_s_max: float,
    pet_s_max: float,
) -> float:
    """The lowest of the highest run of steps of TTC at which the two overlap."""
    least_s = _NONE
    ttc_s = np.float32(ttc_s_max)
    while ttc_s > -0.01:
        ttc_s = max(ttc_s, np.float32(0.0))
        _move_on(rows, goes_on, low, ttc_s, read_s, pet_s_max, boxes[0])
        _move_on(rows, goes_on, high, ttc_s, read_s, pet_s_max, boxes[1])
        if _overlap(boxes[0], boxes[1]):
            least_s = float(ttc_s)
        elif least_s != _NONE:
            break
        ttc_s = np.float32(ttc_s - np.float32(_TTC_STEP_S))
    return least_s


@numba.njit(cache=True, nogil=True)
def _seek_pet(
    event: npt.NDArray[np.float64],
    rows: Floats,
    boxes: Floats,
    later: int,
    last: int,
) -> None:
    """Whether the `later` vehicle (0 the low, 1 the high) is now where the other was in danger."""
    earlier_row = int(event[_LOW if later == 1 else _HIGH])
    now_row = int(event[_HIGH if later == 1 else _LOW]) + last
    _stand(rows, now_row, boxes[0])
    begin = max(0, int(event[_LAST_PET]) + 1)
    for step in range(begin, min(last, int(event[_LAST_TTC])) + 1):
        row = earlier_row + step
        _stand(rows, row, boxes[1])
        if not _overlap(boxes[0], boxes[1]):
            continue
        pet_s = max(np.float32(0.0), np.float32(rows[now_row, _AT] - rows[row, _AT]))
        if pet_s < event[_PET]:
            event[_PET] = pet_s
            event[_PET_X], event[_PET_Y] = rows[row, _MID_X], rows[row, _MID_Y]
            event[_SECOND_IS], event[_LAST_PET] = later, step
            if pet_s < 0.01:
                event[_PET_DONE] = 1.0
        event[_END] = last


@numba.njit(cache=True, nogil=True)
def _overlapping(
    rows: Floats,
    goes_on: npt.NDArray[np.bool_],
    here: Whole,
    vehicle: Whole,
    area: npt.NDArray[np.float64],
    read_s: np.float32,
    ttc_s_max: float,
    pet_s_max: float,
) -> Whole:
    """Rows (N, 2) of the pairs that overlap when moved on, the lower vehicle first. Only in the
    area, and only where they share a zone."""
    pairs, count = np.empty((64, 2), np.int64), 0
    boxes = np.empty((len(here), _BOX_COLUMNS), np.float32)
    for number in range(len(here)):
        _move_on(
            rows, goes_on, here[number], np.float32(ttc_s_max), read_s, pet_s_max, boxes[number]
        )
    order = np.argsort(boxes[:, _WEST])
    for place, number in enumerate(order):
        box = boxes[number]
        if not _in_area(box, area):
            continue
        for other in order[place + 1 :]:
            if boxes[other, _WEST] > box[_EAST]:
                break
            if not _in_area(boxes[other], area) or not _share_zone(box, boxes[other], area):
                continue
            if _overlap(box, boxes[other]):
                if count == len(pairs):
                    pairs = np.concatenate((pairs, np.empty_like(pairs)))
                one, two = here[number], here[other]
                if vehicle[one] > vehicle[two]:
                    one, two = two, one
                pairs[count, 0], pairs[count, 1] = one, two
                count += 1
    return pairs[:count]


@numba.njit(cache=True, nogil=True)
def _in_area(box: Floats, area: npt.NDArray[np.float64]) -> bool:
    x_m, y_m = box[_AT_X], box[_AT_Y]
    return bool(area[0] <= x_m <= area[2] and area[1] <= y_m <= area[3])


@numba.njit(cache=True, nogil=True)
def _share_zone(box: Floats, other: Floats, area: npt.NDArray[np.float64]) -> bool:
    for axis in range(2):
        begin_m, end_m = area[4 + axis], area[6 + axis]
        zones = round((end_m - begin_m) / _ZONE_M)
        first, last = 0, zones - 1
        for each in (box, other):
            first = max(first, math.floor((each[_WEST + axis] - begin_m) / _ZONE_M))
            last = min(last, math.floor((each[_EAST + axis] - begin_m) / _ZONE_M))
        if first > last:
            return False
    return True


@numba.njit(cache=True, nogil=True)
def _move_on(
    rows: Floats,
    goes_on: npt.NDArray[np.bool_],
    row: int,
    ahead_s: np.float32,
    read_s: np.float32,
    pet_s_max: float,
    box: Floats,
) -> None:
    """Where a vehicle is after `ahead_s` on its real way at its present speed. Where the way stops
    it stands as it will stand there. Where it ends, or has not been read any further, it goes
    straight for the rest of `ahead_s`, which is backwards if it took longer to get that far: so
    SSAM sees conflicts behind vehicles that will brake to a crawl."""
    now = rows[row]
    left_m = np.float32(ahead_s * now[_SPEED])
    while left_m > 0.0:
        last = rows[row]
        if not goes_on[row] or rows[row + 1, _AT] > read_s:
            passed_s = np.float32(last[_AT] - now[_AT])
            if passed_s >= pet_s_max:
                break
            left_s = np.float32(ahead_s - passed_s)
            x_m_s = np.float32(now[_SPEED] * (last[_FRONT_X] - last[_REAR_X]) / now[_LENGTH])
            y_m_s = np.float32(now[_SPEED] * (last[_FRONT_Y] - last[_REAR_Y]) / now[_LENGTH])
            _place(
                np.float32(last[_FRONT_X] + left_s * x_m_s),
                np.float32(last[_FRONT_Y] + left_s * y_m_s),
                np.float32(last[_REAR_X] + left_s * x_m_s),
                np.float32(last[_REAR_Y] + left_s * y_m_s),
                now,
                box,
            )
            return
        next_ = rows[row + 1]
        x_m = np.float32(next_[_MID_X] - last[_MID_X])
        y_m = np.float32(next_[_MID_Y] - last[_MID_Y])
        far_m = np.float32(math.sqrt(np.float32(x_m * x_m + y_m * y_m)))
        if far_m <= 0.0:
            break
        if left_m <= far_m:
            half_m = np.float32(now[_LENGTH] * np.float32(0.5))
            front = np.float32(np.float32(left_m + half_m) / far_m)
            rear = np.float32(np.float32(left_m - half_m) / far_m)
            _place(
                np.float32(last[_MID_X] + np.float32(front * x_m)),
                np.float32(last[_MID_Y] + np.float32(front * y_m)),
                np.float32(last[_MID_X] + np.float32(rear * x_m)),
                np.float32(last[_MID_Y] + np.float32(rear * y_m)),
                now,
                box,
            )
            return
        left_m = np.float32(left_m - far_m)
        row += 1
    _stand(rows, row, box)


@numba.njit(cache=True, nogil=True)
def _stand(rows: Floats, row: int, box: Floats) -> None:
    """The rectangle of a vehicle where it is."""
    at = rows[row]
    _place(at[_FRONT_X], at[_FRONT_Y], at[_REAR_X], at[_REAR_Y], at, box)


@numba.njit(cache=True, nogil=True)
def _place(
    front_x_m: np.float32,
    front_y_m: np.float32,
    rear_x_m: np.float32,
    rear_y_m: np.float32,
    of: Floats,
    box: Floats,
) -> None:
    """The rectangle between two bumpers, as wide and as high up as the row `of` says."""
    x_m, y_m = np.float32(front_x_m - rear_x_m), np.float32(front_y_m - rear_y_m)
    far_m = np.float32(math.hypot(x_m, y_m))
    half_m = np.float32(of[_WIDTH] * np.float32(0.5))
    right_m, up_m = half_m, np.float32(0.0)
    if far_m > 0.0:
        right_m = np.float32(half_m * np.float32(y_m / far_m))
        up_m = np.float32(-half_m * np.float32(x_m / far_m))
    box[0], box[1] = front_x_m - right_m, front_y_m - up_m
    box[2], box[3] = front_x_m + right_m, front_y_m + up_m
    box[4], box[5] = rear_x_m + right_m, rear_y_m + up_m
    box[6], box[7] = rear_x_m - right_m, rear_y_m - up_m
    box[_WEST] = min(box[0], box[2], box[4], box[6])
    box[_SOUTH] = min(box[1], box[3], box[5], box[7])
    box[_EAST] = max(box[0], box[2], box[4], box[6])
    box[_NORTH] = max(box[1], box[3], box[5], box[7])
    box[_AT_X] = rear_x_m + x_m * np.float32(0.5)
    box[_AT_Y] = rear_y_m + y_m * np.float32(0.5)
    box[_HEIGHT] = of[_MID_Z]


@numba.njit(cache=True, nogil=True)
def _overlap(box: Floats, other: Floats) -> bool:
    """Whether a side of one meets a side of the other: SSAM does not count parallel sides, nor one
    rectangle within another."""
    if abs(box[_HEIGHT] - other[_HEIGHT]) > _LEVEL_M:
        return False
    if (
        box[_EAST] < other[_WEST]
        or box[_WEST] > other[_EAST]
        or box[_NORTH] < other[_SOUTH]
        or box[_SOUTH] > other[_NORTH]
    ):
        return False
    for side in range(4):
        x_m, y_m = box[2 * side], box[2 * side + 1]
        after = 2 * ((side + 1) % 4)
        right_m, up_m = np.float32(box[after] - x_m), np.float32(box[after + 1] - y_m)
        for opposite in range(4):
            off_x_m = np.float32(x_m - other[2 * opposite])
            off_y_m = np.float32(y_m - other[2 * opposite + 1])
            after = 2 * ((opposite + 1) % 4)
            to_x_m = np.float32(other[after] - other[2 * opposite])
            to_y_m = np.float32(other[after + 1] - other[2 * opposite + 1])
            turn = np.float32(np.float32(right_m * to_y_m) - np.float32(to_x_m * up_m))
            if turn == 0.0:
                continue
            along = np.float32(np.float32(right_m * off_y_m) - np.float32(up_m * off_x_m)) / turn
            across = np.float32(np.float32(to_x_m * off_y_m) - np.float32(to_y_m * off_x_m)) / turn
            if 0.0 <= along <= 1.0 and 0.0 <= across <= 1.0:
                return True
    return False
