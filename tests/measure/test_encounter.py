"""How near two road users came: in a street of straight lines it can be computed by hand."""

import gzip
import math
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from pathlib import Path as File

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from placewatch.core.kinds import ConflictType, Kind
from placewatch.measure.encounter import (
    Encounter,
    Path,
    encounter,
    encounters,
    left_and_came_s,
)
from placewatch.measure.footprint import FOOTPRINT_COLUMNS, distances_m

Floats = npt.NDArray[np.float64]

SUMO = File(__file__).parents[2] / "../shared/data/sumo/junction"
FPS = 10.0
LENGTH_M, WIDTH_M = 4.0, 2.0
NORTH, WEST = math.pi / 2, math.pi


def follow(
    place_m: Callable[[Floats], tuple[Floats, Floats]],
    duration_s: float,
    begin_s: float = 0.0,
    fps: float = FPS,
    size_m: tuple[float, float] = (LENGTH_M, WIDTH_M),
    kind: Kind = Kind.CAR,
) -> Path:
    """A path that is at `place_m`(t) at each frame, and points where it goes."""
    t_s = begin_s + np.arange(round(duration_s * fps) + 1) / fps
    x_m, y_m = place_m(t_s)
    (x_1, y_1), (x_2, y_2) = place_m(t_s - 1e-4), place_m(t_s + 1e-4)
    heading = np.arctan2(y_2 - y_1, x_2 - x_1)
    speed = np.hypot(x_2 - x_1, y_2 - y_1) / 2e-4
    return Path(t_s, x_m, y_m, heading, speed, *size_m, kind)


def straight(
    x_m: float,
    y_m: float,
    heading_rad: float,
    speed_m_s: float,
    duration_s: float = 20.0,
    begin_s: float = 0.0,
    size_m: tuple[float, float] = (LENGTH_M, WIDTH_M),
    kind: Kind = Kind.CAR,
) -> Path:
    """At a constant speed; at (x_m, y_m) at the time 0."""
    t_s = begin_s + np.arange(round(duration_s * FPS) + 1) / FPS
    return Path(
        t_s,
        x_m + speed_m_s * math.cos(heading_rad) * t_s,
        y_m + speed_m_s * math.sin(heading_rad) * t_s,
        np.full_like(t_s, heading_rad),
        np.full_like(t_s, speed_m_s),
        *size_m,
        kind,
    )


def along(
    s_m: Floats, speed_m_s: Floats, heading_rad: float = 0.0, x_m: float = 0.0, y_m: float = 0.0
) -> Path:
    """At s_m of a straight way through (x_m, y_m), a frame each."""
    t_s = np.arange(len(s_m)) / FPS
    return Path(
        t_s,
        x_m + s_m * math.cos(heading_rad),
        y_m + s_m * math.sin(heading_rad),
        np.full_like(t_s, heading_rad),
        speed_m_s,
        LENGTH_M,
        WIDTH_M,
        Kind.CAR,
    )


def brake(s_m: float, speed_m_s: float, at_s: float, by_m_s2: float, to_m_s: float) -> Path:
    """East along the x axis; from `at_s` on it brakes, until it is as slow as `to_m_s`."""
    t_s = np.arange(201) / FPS
    last_s = (speed_m_s - to_m_s) / by_m_s2
    braked_s = np.clip(t_s - at_s, 0.0, last_s)
    lost_m = by_m_s2 * braked_s * (0.5 * braked_s + np.maximum(0.0, t_s - at_s - last_s))
    return along(s_m + speed_m_s * t_s - lost_m, speed_m_s - by_m_s2 * braked_s)


def met(one: Path, other: Path) -> Encounter:
    found = encounter(one, other)
    assert found is not None
    return found


# --- time to collision ---------------------------------------------------------------------------


def test_who_brakes_in_time_has_the_time_to_collision_of_that_moment() -> None:
    # 30 m bumper to bumper, closed by 5 m/s for 4 s: 10 m and 2 s are left.
    found = met(brake(0, 15.0, at_s=4.0, by_m_s2=4.0, to_m_s=10.0), straight(34, 0, 0.0, 10.0))
    assert found.ttc_s == pytest.approx(2.0)
    assert found.at_s == pytest.approx(4.0)
    assert found.type is ConflictType.REAR_END
    assert found.drac_m_s2 == pytest.approx(5.0**2 / (2 * 10.0))
    assert found.delta_s_m_s == pytest.approx(5.0)
    assert found.max_s_m_s == pytest.approx(15.0)
    assert found.dr_m_s2 is not None
    assert found.max_d_m_s2 == pytest.approx(-4.0)


def test_the_second_is_who_follows() -> None:
    leader = straight(34, 0, 0.0, 10.0, kind=Kind.TRUCK)
    found = met(leader, brake(0, 15.0, at_s=4.0, by_m_s2=4.0, to_m_s=10.0))
    assert found.kinds == (Kind.TRUCK, Kind.CAR)


def test_exposure_is_the_time_below_one_and_a_half_seconds() -> None:
    # The time left falls from 3 s to 1 s, and then the speeds are the same.
    t_s = np.arange(101) / FPS
    closing = np.minimum(t_s, 2.0)
    follower = along(10.0 * t_s + 5.0 * closing, np.where(t_s <= 2.0, 15.0, 10.0))
    found = met(follower, straight(LENGTH_M + 15.0, 0, 0.0, 10.0))
    assert found.ttc_s == pytest.approx(1.0)
    # Half a frame after the last moment with a time to collision counts too.
    assert found.tet_s == pytest.approx(0.5 + 0.5 / FPS)
    assert found.tit_s2 == pytest.approx(0.5 * 0.5 * 0.5 + 0.5 * 0.5 * 0.5 / FPS)


def test_who_crash_head_on_touch_and_both_are_changed_by_half_the_difference() -> None:
    found = met(straight(-50, 0, 0.0, 10.0), straight(50, 0, WEST, 10.0))
    assert found.ttc_s == found.pet_s == 0.0
    assert found.severity == 3
    assert found.delta_v_m_s == pytest.approx((10.0, 10.0))
    assert (found.place.x_m, found.place.y_m) == pytest.approx((0.0, 0.0), abs=1e-6)


def test_on_a_course_to_a_corner_the_time_left_is_known_though_nobody_arrives() -> None:
    # Both stop being seen 13 m before the middle of the crossing, 10 m before they touch.
    ways = [straight(-33, 0, 0.0, 10.0, 2.0), straight(0, -33, NORTH, 10.0, 2.0)]
    found = met(*ways)
    assert found.ttc_s == pytest.approx(1.0)
    assert found.pet_s is None
    assert found.type is ConflictType.CROSSING
    assert (found.place.x_m, found.place.y_m) == pytest.approx((-1.0, -1.0), abs=1e-6)


def test_in_opposite_lanes_three_metres_apart_nothing_happens() -> None:
    assert encounter(straight(-100, 0, 0.0, 14.0), straight(100, 3, WEST, 14.0)) is None


def test_passing_a_parked_car_is_nothing() -> None:
    assert encounter(straight(-100, 0, 0.0, 14.0), straight(0, 2.5, 0.0, 0.0)) is None


def test_who_are_far_apart_meet_nobody() -> None:
    # Straight towards each other, 4 s before they would touch.
    ways = [straight(-100, 0, 0.0, 10.0, 5.6), straight(100, 0, WEST, 10.0, 5.6)]
    assert encounter(*ways) is None


# --- post-encroachment time ----------------------------------------------------------------------


@given(
    speed_m_s=st.floats(3, 15),
    other_m_s=st.floats(3, 15),
    pet_s=st.floats(0.05, 4.9),
    phase_s=st.floats(0, 0.1),
)
def test_at_a_right_angle_it_is_from_rear_bumper_to_front_bumper(
    speed_m_s: float, other_m_s: float, pet_s: float, phase_s: float
) -> None:
    # The first has left when its rear is past the other's side, 3 m beyond the middle; the
    # second has arrived when its front is at the first's side, 3 m before it.
    reach_m = 0.5 * (LENGTH_M + WIDTH_M)
    first = straight(reach_m - 10.0 * speed_m_s, 0, 0.0, speed_m_s)
    begin_m = -reach_m - (10.0 + pet_s) * other_m_s
    second = straight(0, begin_m, NORTH, other_m_s, begin_s=phase_s)
    found = met(second, first)
    assert found.pet_s == pytest.approx(pet_s, abs=1e-6)
    assert found.type is ConflictType.CROSSING
    assert found.angle_deg == pytest.approx(90.0)
    assert (found.place.x_m, found.place.y_m) == pytest.approx((1.0, -1.0), abs=1e-5)


@given(pet_s=st.floats(0.05, 4.9), speed_m_s=st.floats(5, 20))
def test_in_one_lane_it_is_the_gap_in_time(pet_s: float, speed_m_s: float) -> None:
    behind_m = LENGTH_M + pet_s * speed_m_s
    found = encounter(straight(-behind_m, 0, 0.0, speed_m_s), straight(0, 0, 0.0, speed_m_s))
    if behind_m > 30.0 and found is None:
        return
    assert found is not None
    assert found.pet_s == pytest.approx(pet_s, abs=1e-6)
    assert found.ttc_s is None
    assert found.drac_m_s2 is None


def test_later_than_five_seconds_is_no_encounter() -> None:
    assert encounter(straight(-50, 0, 0.0, 10.0), straight(0, -107, NORTH, 10.0)) is None


def test_the_second_may_come_when_the_first_is_gone() -> None:
    first = straight(-10, 0, 0.0, 10.0, duration_s=2.0)
    second = straight(0, -43, NORTH, 10.0, duration_s=3.0, begin_s=2.5)
    found = met(second, first)
    assert found.pet_s == pytest.approx(4.0 - 1.3)
    assert found.at_s == pytest.approx(4.0)


def test_the_moments_of_leaving_and_coming_are_told_in_either_order() -> None:
    first = straight(-10, 0, 0.0, 10.0, duration_s=2.0)
    second = straight(0, -43, NORTH, 10.0, duration_s=3.0, begin_s=2.5)
    assert left_and_came_s(first, second) == pytest.approx((1.3, 4.0))
    assert left_and_came_s(second, first) == pytest.approx((1.3, 4.0))
    assert left_and_came_s(first, straight(0, -107, NORTH, 10.0)) is None


def test_a_thin_path_between_two_frames_is_not_missed() -> None:
    # At 30 m/s a motorcycle of 2 m leaves 1 m between two frames; a walker is 0.3 m thin.
    motorcycle = straight(-300, 0, 0.0, 30.0, size_m=(2.0, 0.4), kind=Kind.MOTORCYCLE)
    for x_m in np.arange(0.0, 3.0, 0.25):
        walker = straight(x_m, -1.5 * 11.5, NORTH, 1.5, size_m=(0.3, 0.3), kind=Kind.PEDESTRIAN)
        pet_s = (11.5 - 0.35 / 1.5) - (10.0 + (x_m + 1.15) / 30.0)
        assert met(motorcycle, walker).pet_s == pytest.approx(pet_s, abs=1e-6)


def least_gap_s(first: Path, second: Path) -> float:
    """The PET by looking at every pair of moments of two dense paths."""
    tables = []
    for path in (first, second):
        table = np.zeros((len(path), FOOTPRINT_COLUMNS))
        table[:, :3] = np.column_stack([path.x_m, path.y_m, path.heading_rad])
        table[:, 3:5] = path.length_m, path.width_m
        tables.append(table)
    gaps = []
    for number, row in enumerate(tables[0]):
        near = np.hypot(*(tables[1] - row)[:, :2].T) < 7.0
        others, at_s = tables[1][near], second.t_s[near]
        touch = distances_m(np.repeat(row[None], len(others), axis=0), others) == 0.0
        gaps += np.abs(at_s[touch] - first.t_s[number]).tolist()
    return float(min(gaps))


@pytest.mark.parametrize("late_s", [1.0, 2.5])
@pytest.mark.parametrize("turn_m", [8.0, 15.0])
def test_in_a_bend_ten_frames_a_second_are_within_a_twentieth_of_the_truth(
    late_s: float, turn_m: float
) -> None:
    def turns_left(t_s: Floats) -> tuple[Floats, Floats]:
        """East, then round a quarter of a circle, then north, at 7 m/s."""
        s_m = 7.0 * (t_s - 5.03)
        turn = np.clip(s_m / turn_m, 0.0, math.pi / 2)
        before, beyond = np.minimum(s_m, 0.0), np.maximum(s_m - turn_m * math.pi / 2, 0.0)
        return before + turn_m * np.sin(turn), turn_m * (1 - np.cos(turn)) + beyond

    def comes(t_s: Floats) -> tuple[Floats, Floats]:
        return 45.0 - 9.0 * (t_s - late_s), np.full_like(t_s, 0.4 * turn_m)

    truth_s = least_gap_s(
        follow(turns_left, 4.0, begin_s=4.5, fps=50), follow(comes, 4.0 + late_s, 2.0, fps=50)
    )
    found = met(follow(turns_left, 12.0), follow(comes, 12.0))
    assert found.pet_s == pytest.approx(truth_s, abs=0.05)


# --- what it is ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("angle_deg", "type_"),
    [
        (0.0, ConflictType.REAR_END),
        (25.0, ConflictType.REAR_END),
        (-50.0, ConflictType.LANE_CHANGE),
        (75.0, ConflictType.LANE_CHANGE),
        (-85.0, ConflictType.CROSSING),
        (175.0, ConflictType.CROSSING),
    ],
)
def test_the_type_goes_by_the_angle(angle_deg: float, type_: ConflictType) -> None:
    heading = math.radians(angle_deg)
    second = straight(-115 * math.cos(heading), -115 * math.sin(heading), heading, 10.0)
    found = met(straight(-100, 0, 0.0, 10.0), second)
    assert found.type is type_
    assert found.angle_deg == pytest.approx(angle_deg, abs=1e-6)


def test_a_walker_is_changed_by_nearly_all_of_the_difference() -> None:
    walker = straight(0, -15, NORTH, 1.5, size_m=(0.4, 0.5), kind=Kind.PEDESTRIAN)
    found = met(straight(-92, 0, 0.0, 10.0), walker)
    by_kind = dict(zip(found.kinds, found.delta_v_m_s, strict=True))
    assert by_kind[Kind.PEDESTRIAN] > 0.9 * found.delta_s_m_s > 9 * by_kind[Kind.CAR]
    assert found.max_delta_v_m_s == by_kind[Kind.PEDESTRIAN]


@pytest.mark.parametrize(("pet_s", "severity"), [(0.5, 3), (1.2, 2), (1.8, 1), (3.0, 0)])
def test_severity_goes_by_the_time_that_was_left(pet_s: float, severity: int) -> None:
    found = met(straight(-97, 0, 0.0, 10.0), straight(0, -103 - 10 * pet_s, NORTH, 10.0))
    assert found.severity == severity


def test_an_encounter_bears_no_name_of_anybody() -> None:
    found = met(straight(-50, 0, 0.0, 10.0), straight(0, -65, NORTH, 10.0))
    for name in (field.name for field in fields(found)):
        assert not isinstance(getattr(found, name), int)
        assert "track" not in name
        assert not name.endswith("id")


# --- whatever the map and the clock --------------------------------------------------------------

ways = st.builds(
    straight,
    x_m=st.floats(-60, 60),
    y_m=st.floats(-60, 60),
    heading_rad=st.floats(-math.pi, math.pi),
    speed_m_s=st.floats(0, 15),
    duration_s=st.floats(0.0, 15.0),
    begin_s=st.integers(0, 200).map(lambda number: number / 40),
    size_m=st.tuples(st.floats(0.3, 12.0), st.floats(0.3, 2.5)),
)


def moved(path: Path, turn_rad: float, x_m: float, y_m: float, later_s: float) -> Path:
    cos, sin = math.cos(turn_rad), math.sin(turn_rad)
    return Path(
        path.t_s + later_s,
        x_m + cos * path.x_m - sin * path.y_m,
        y_m + sin * path.x_m + cos * path.y_m,
        path.heading_rad + turn_rad,
        path.speed_m_s,
        path.length_m,
        path.width_m,
        path.kind,
    )


def grazes(one: Path, other: Path) -> bool:
    """Whether a millimetre decides what passed between them."""
    wide, slim = (
        encounter(
            *(
                replace(path, length_m=path.length_m + by_m, width_m=path.width_m + by_m)
                for path in (one, other)
            )
        )
        for by_m in (1e-3, -1e-3)
    )
    if wide is None or slim is None:
        return wide is not slim
    return not all(
        near is far or (near is not None and far is not None and abs(near - far) < 0.5)
        for near, far in ((wide.ttc_s, slim.ttc_s), (wide.pet_s, slim.pet_s))
    )


def same(one: float | None, other: float | None) -> bool:
    """Alike, or one is about to be too late for an encounter, and the other just is."""
    if one is None or other is None:
        known = one if other is None else other
        return known is None or known > 4.999
    return one == pytest.approx(other, abs=1e-5)


@given(
    one=ways,
    other=ways,
    turn_rad=st.floats(-math.pi, math.pi),
    x_m=st.floats(-300, 300),
    y_m=st.floats(-300, 300),
    later_s=st.integers(-1000, 100_000),
)
def test_it_does_not_matter_where_north_is_nor_when_it_was(
    one: Path, other: Path, turn_rad: float, x_m: float, y_m: float, later_s: int
) -> None:
    assume(not grazes(one, other))
    found = encounter(one, other)
    again = encounter(*(moved(path, turn_rad, x_m, y_m, later_s) for path in (one, other)))
    if found is None or again is None:
        known = found or again
        assert known is None or (same(known.pet_s, None) and same(known.ttc_s, None))
        return
    assert same(found.pet_s, again.pet_s)
    assert same(found.ttc_s, again.ttc_s)
    assert found.delta_s_m_s == pytest.approx(again.delta_s_m_s, abs=1e-4)


@given(one=ways, other=ways)
def test_it_does_not_matter_who_is_named_first(one: Path, other: Path) -> None:
    assume(not grazes(one, other))
    found, again = encounter(one, other), encounter(other, one)
    assert (found is None) == (again is None)
    if found is not None and again is not None:
        assert same(found.pet_s, again.pet_s)
        assert same(found.ttc_s, again.ttc_s)


@given(one=ways, other=ways)
def test_whoever_touches_has_no_time_left_and_the_other_way_round(one: Path, other: Path) -> None:
    assume(not grazes(one, other))
    found = encounter(one, other)
    if found is not None and found.ttc_s == 0.0:
        assert found.pet_s == pytest.approx(0.0, abs=1e-6)
    if found is not None and found.pet_s == 0.0:
        # They touch between two frames, and were on course at the frame before.
        assert found.ttc_s is not None
        assert found.ttc_s <= 0.1 + 1e-6


def test_a_search_among_many_finds_what_pairs_find() -> None:
    random = np.random.default_rng(7)
    paths = [
        straight(
            x_m,
            y_m,
            heading,
            speed,
            duration_s=12.0,
            begin_s=begin,
            size_m=(4.5, 1.8),
        )
        for x_m, y_m, heading, speed, begin in zip(
            random.uniform(-30, 30, 40),
            random.uniform(-30, 30, 40),
            random.uniform(-3, 3, 40),
            random.uniform(0, 15, 40),
            random.uniform(0, 8, 40),
            strict=True,
        )
    ]
    pairs = [
        encounter(one, other) for number, one in enumerate(paths) for other in paths[number + 1 :]
    ]
    by_pairs = sorted((each for each in pairs if each is not None), key=lambda each: each.at_s)
    together = encounters(paths)
    assert len(together) > 20
    assert [each.at_s for each in together] == [each.at_s for each in by_pairs]
    assert {each.pet_s for each in together} == {each.pet_s for each in by_pairs}


def test_nobody_and_one_alone_meet_nobody() -> None:
    assert encounters([]) == encounters([straight(0, 0, 0.0, 10.0)]) == []


def test_who_is_seen_once_can_be_met() -> None:
    stands = straight(0, 0, 0.0, 0.0, duration_s=0.0, begin_s=3.0)
    assert met(straight(-30, 0, 0.0, 10.0), stands).ttc_s == 0.0


# --- the definitions of SSAM ---------------------------------------------------------------------


def test_in_the_mode_of_ssam_times_come_in_tenths_and_the_gap_that_of_the_danger() -> None:
    # 6 m and 1.2 s are left when it brakes, and 2.875 m when it is as slow as the other.
    follower = brake(0, 15.0, at_s=4.8, by_m_s2=4.0, to_m_s=10.0)
    leader = straight(34, 0, 0.0, 10.0, kind=Kind.BUS)
    (found,) = encounters([follower, leader], mode="ssam")
    ours = met(follower, leader)
    assert (ours.ttc_s, ours.pet_s) == pytest.approx((1.2, 0.2875))
    assert found.ttc_s == pytest.approx(1.2, abs=0.101)
    assert found.pet_s is not None
    assert 10 * found.pet_s == pytest.approx(round(10 * found.pet_s), abs=1e-3)
    # SSAM does not look at spots where the first was when the danger was over.
    assert 0.2875 < found.pet_s < 0.6
    assert found.type is ConflictType.REAR_END
    assert found.kinds == (Kind.BUS, Kind.CAR)
    assert found.tet_s is None
    # By a clock of large numbers it is the same, as much later.
    later = [moved(path, 0.0, 0.0, 0.0, 1_800_000_000) for path in (follower, leader)]
    (again,) = encounters(later, mode="ssam")
    assert again.at_s - found.at_s == pytest.approx(1_800_000_000, abs=1e-3)
    assert (again.ttc_s, again.pet_s, again.type) == (found.ttc_s, found.pet_s, found.type)


# --- SUMO's truth --------------------------------------------------------------------------------

SIZES_M = {  # SUMO's defaults
    "car": (5.0, 1.8),
    "truck": (7.1, 2.4),
    "bus": (12.0, 2.5),
    "motorcycle": (2.2, 0.9),
    "bicycle": (1.6, 0.65),
}


def sumo_paths(rows: Iterable[str]) -> dict[str, Path]:
    """Vehicles of SUMO's trajectories, which tell where the front bumper is."""
    seen: dict[str, list[tuple[float, float, float, float, float]]] = defaultdict(list)
    types: dict[str, str] = {}
    now_s = 0.0
    for row in rows:
        if "<timestep" in row:
            now_s = float(row.split('"')[1])
        elif "<vehicle" in row:
            of = ElementTree.fromstring(row.strip()).attrib
            types[of["id"]] = of["type"]
            east = math.radians(90.0 - float(of["angle"]))
            seen[of["id"]].append((now_s, float(of["x"]), float(of["y"]), east, float(of["speed"])))
    paths = {}
    for name, table in seen.items():
        t_s, x_m, y_m, heading, speed = np.array(table).T
        length_m, width_m = SIZES_M[types[name]]
        middle_x_m = x_m - 0.5 * length_m * np.cos(heading)
        middle_y_m = y_m - 0.5 * length_m * np.sin(heading)
        paths[name] = Path(t_s, middle_x_m, middle_y_m, heading, speed, length_m, width_m)
    return paths


@pytest.mark.skipif(not SUMO.exists(), reason="the simulated junction is not here")
def test_who_follows_in_sumo_has_its_time_to_collision_within_a_fiftieth_of_a_second() -> None:
    with gzip.open(SUMO / "fcd_0-300s.xml.gz", "rt") as file:
        paths = sumo_paths(file)
    truth: dict[tuple[str, str], float] = {}
    with gzip.open(SUMO / "ssm.xml.gz", "rb") as log:
        for conflict in ElementTree.parse(log).getroot():
            least = conflict.find("minTTC")
            assert least is not None
            follows = least.get("type") == "2"  # SUMO's word for who follows a leader
            pair = conflict.attrib["ego"], conflict.attrib["foe"]
            if follows and float(conflict.attrib["end"]) < 300.0 and paths.keys() >= set(pair):
                truth[pair] = min(truth.get(pair, math.inf), float(least.attrib["value"]))
    errors = []
    for pair, truth_s in truth.items():
        ttc_s = met(paths[pair[0]], paths[pair[1]]).ttc_s
        assert ttc_s is not None
        errors.append(abs(ttc_s - truth_s))
    assert len(errors) > 50
    assert np.mean(errors) <= 0.02
