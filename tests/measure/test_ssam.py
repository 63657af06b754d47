"""SSAM's files are read and written as they are, and its list of conflicts is found again."""

import csv
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placewatch.core.errors import Rejected
from placewatch.core.kinds import ConflictType
from placewatch.measure.encounter import paths_of, trajectories_of
from placewatch.measure.ssam import (
    Conflict,
    Trajectories,
    conflicts,
    pack_trj,
    read_trj,
    type_of,
)

SHARED = Path(__file__).parents[2] / "../shared/data/conflicts"
needs_list = pytest.mark.skipif(not SHARED.exists(), reason="FHWA's sample is not here")

Floats = npt.NDArray[np.float64]
LENGTH_M, WIDTH_M = 4.0, 2.0


def drive(
    *ways: Floats,
    link: int = 0,
    height_m: tuple[float, ...] = (0.0, 0.0),
    bounds_m: tuple[float, float, float, float] = (-300.0, -300.0, 300.0, 300.0),
) -> Trajectories:
    """Vehicles that are at (x, y) of their `ways` (T, 2), one look each 0.1 s, NaN where they are
    not there."""
    tables = []
    for number, way in enumerate(ways):
        there = np.flatnonzero(~np.isnan(way[:, 0]))
        speed = np.gradient(way[there], 0.1, axis=0)
        size = np.hypot(*speed.T)
        ahead = np.where(size[:, None] > 0, speed / np.maximum(size, 1e-9)[:, None], [1.0, 0.0])
        braking = np.gradient(size, 0.1)
        tables.append(
            np.column_stack([there, 0 * there + number, way[there], ahead, size, braking])
        )
    table = np.concatenate(tables)
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    step, vehicle = table[:, :2].astype(np.int64).T
    middle, ahead = table[:, 2:4], 0.5 * LENGTH_M * table[:, 4:6]
    up = np.array(height_m)[vehicle][:, None]
    every = np.ones(len(table), np.float32)
    return Trajectories(
        at_s=(0.1 * np.arange(max(map(len, ways)))).astype(np.float32),
        step=step,
        vehicle=vehicle,
        link=np.full(len(table), link),
        lane=np.ones(len(table), np.int64),
        front_m=np.hstack([middle + ahead, up]).astype(np.float32),
        rear_m=np.hstack([middle - ahead, up]).astype(np.float32),
        length_m=LENGTH_M * every,
        width_m=WIDTH_M * every,
        speed_m_s=table[:, 6].astype(np.float32),
        acceleration_m_s2=table[:, 7].astype(np.float32),
        bounds_m=bounds_m,
    )


T_S = 0.1 * np.arange(300)


def east(from_m: float, speed_m_s: float, brakes_s: float = 99.0) -> Floats:
    """Along the x axis; brakes by 5 m/s within a second."""
    braked_s = np.clip(T_S - brakes_s, 0.0, 1.0)
    lost_m = 5.0 * braked_s * (0.5 * braked_s + np.maximum(0.0, T_S - brakes_s - 1.0))
    return np.column_stack([from_m + speed_m_s * T_S - lost_m, 0 * T_S])


def north(from_m: float, speed_m_s: float, slower_m_s: float, from_s: float) -> Floats:
    way_m = from_m + speed_m_s * T_S - (speed_m_s - slower_m_s) * np.maximum(0.0, T_S - from_s)
    return np.column_stack([0 * T_S, way_m])


FOLLOWS = drive(east(0, 15.0, brakes_s=4.8), east(34, 10.0))
# The first is in the way from 10 s to 12 s; the second would be there at 11 s, but brakes.
CROSS = east(-33.0, 3.0), north(-135.0, 12.0, 4.0, from_s=10.2)


# --- files ---------------------------------------------------------------------------------------


def assert_same(one: Trajectories, other: Trajectories) -> None:
    for name in Trajectories.__slots__:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)


def test_what_is_written_is_read_again_to_the_last_bit(tmp_path: Path) -> None:
    trajectories = drive(east(0, 15.0), east(34.1, 10.3), link=12, height_m=(0.5, 7.0))
    (tmp_path / "a.trj").write_bytes(pack_trj(trajectories))
    assert_same(read_trj(tmp_path / "a.trj"), trajectories)


def test_an_area_is_rounded_outwards(tmp_path: Path) -> None:
    (tmp_path / "a.trj").write_bytes(pack_trj(replace(FOLLOWS, bounds_m=(-1.5, -2.5, 399.2, 9.9))))
    assert read_trj(tmp_path / "a.trj").bounds_m == (-2.0, -3.0, 400.0, 10.0)


@needs_list
def test_the_sample_is_read_whole_and_written_as_it_was(tmp_path: Path) -> None:
    sample = SHARED / "junction_0-120s.trj"
    trajectories = read_trj(sample)
    assert len(trajectories) > 20_000
    (tmp_path / "again.trj").write_bytes(pack_trj(trajectories))
    assert_same(read_trj(tmp_path / "again.trj"), trajectories)


def one_vehicle(endian: str, version: float, units: int = 1, scale: float = 1.0) -> bytes:
    solid = version > 1.04
    mark = b"L" if endian == "<" else b"B"
    file = struct.pack(f"{endian}Bcf", 0, mark, version) + (b"\x01" if solid else b"")
    file += struct.pack(f"{endian}BBf4i", 1, units, scale, 0, 0, 100, 100)
    file += struct.pack(f"{endian}Bf", 2, 7.5)
    file += struct.pack(f"{endian}BiiB", 3, 42, 5, 2)
    file += struct.pack(f"{endian}8f", 20, 30, 10, 30, 20, 6, 40, -2)
    return file + (struct.pack(f"{endian}2f", 3, 1) if solid else b"")


@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize("version", [1.04, 3.0])
def test_bytes_come_in_either_order_and_heights_since_a_later_version(
    tmp_path: Path, endian: str, version: float
) -> None:
    (tmp_path / "a.trj").write_bytes(one_vehicle(endian, version))
    trajectories = read_trj(tmp_path / "a.trj")
    assert trajectories.at_s.tolist() == [7.5]
    assert (trajectories.vehicle[0], trajectories.link[0], trajectories.lane[0]) == (42, 5, 2)
    height_m = (3.0, 1.0) if version > 2 else (0.0, 0.0)
    assert trajectories.front_m.tolist() == [[20.0, 30.0, height_m[0]]]
    assert trajectories.rear_m.tolist() == [[10.0, 30.0, height_m[1]]]


def test_feet_and_a_scale_become_metres(tmp_path: Path) -> None:
    (tmp_path / "a.trj").write_bytes(one_vehicle("<", 3.0, units=0, scale=2.0))
    trajectories = read_trj(tmp_path / "a.trj")
    assert trajectories.front_m[0, 0] == pytest.approx(20 * 2 * 0.3048)
    assert trajectories.length_m[0] == pytest.approx(20 * 0.3048)
    assert trajectories.speed_m_s[0] == pytest.approx(40 * 0.3048)
    assert trajectories.bounds_m[2] == pytest.approx(100 * 2 * 0.3048)


GOOD = one_vehicle("<", 3.0)


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (b"", "no FORMAT"),
        (b"GIF89a..", "no FORMAT"),
        (struct.pack("<BcfB", 0, b"L", -1.0, 1), "version"),
        (GOOD[:7], "no DIMENSIONS"),
        (GOOD[:8] + b"\x07" + GOOD[9:], "units"),
        (GOOD[:9] + struct.pack("<f", 0.0) + GOOD[13:], "scale"),
        (GOOD[:21] + struct.pack("<i", -5) + GOOD[25:], "no area"),
        (GOOD[:-3], "breaks off"),
        (GOOD + b"\x09", "type 9"),
        (GOOD[:29] + GOOD[34:], "before its first step"),
        (GOOD + struct.pack("<Bf", 2, 7.5), "back in time"),
        (GOOD + struct.pack("<Bf", 2, float("nan")), "back in time"),
        (GOOD[:-8] + struct.pack("<2f", float("nan"), 0), "no number"),
        (GOOD + GOOD[34:], "twice in one step"),
        (GOOD[:-24] + struct.pack("<f", 0.0) + GOOD[-20:], "length or width"),
    ],
)
def test_a_damaged_file_is_rejected_in_one_sentence(tmp_path: Path, file: bytes, says: str) -> None:
    (tmp_path / "a.trj").write_bytes(file)
    with pytest.raises(Rejected, match=says):
        read_trj(tmp_path / "a.trj")


@given(at=st.integers(0, len(GOOD) - 1), byte=st.integers(0, 255), length=st.integers(0, 200))
def test_whatever_the_bytes_it_is_read_or_rejected(
    tmp_path_factory: pytest.TempPathFactory, at: int, byte: int, length: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "a.trj"
    path.write_bytes((GOOD[:at] + bytes([byte]) + GOOD[at + 1 :])[:length])
    try:
        trajectories = read_trj(path)
    except Rejected:
        return
    assert np.isfinite(trajectories.front_m).all()


# --- conflicts -----------------------------------------------------------------------------------


@needs_list
def test_the_list_of_ssam_is_found_again() -> None:
    found = conflicts(read_trj(SHARED / "junction_0-120s.trj"))
    text = (SHARED / "junction_0-120s.ssam.csv").read_text()
    rows = list(csv.reader(text[text.index("Time (min TTC)") :].strip().splitlines()))[1:]
    assert rows

    def matches(row: list[str], each: Conflict) -> bool:
        """The same two, at the same tenth of a second."""
        same_two = [int(row[5]), int(row[6])] == [each.first, each.second]
        return same_two and abs(float(row[0]) - each.at_s) < 0.05

    pairs = [(row, each) for row in rows for each in found if matches(row, each)]
    assert 2 * len(pairs) / (len(rows) + len(found)) >= 0.99
    for row, each in pairs:
        told = [float(word) for word in (*row[1:3], *row[7:13])]
        ours = [each.x_m, each.y_m, each.ttc_s, each.pet_s, each.max_s_m_s, each.delta_s_m_s]
        assert row[4] == each.type
        assert [*ours, each.dr_m_s2, each.max_d_m_s2] == pytest.approx(told, abs=1e-4)


def test_who_follows_too_near_is_the_second_of_a_rear_end_conflict() -> None:
    (found,) = conflicts(FOLLOWS)
    assert (found.first, found.second, found.type) == (1, 0, ConflictType.REAR_END)
    assert found.ttc_s == pytest.approx(1.2, abs=0.101)
    # It comes as near as 3.5 m, at 10 m/s.
    assert found.pet_s == pytest.approx(0.4, abs=1e-4)
    assert found.delta_s_m_s == pytest.approx(5.0, abs=0.1)
    assert found.max_d_m_s2 == pytest.approx(-5.0, abs=0.1)


def test_who_crosses_behind_another_is_the_second_of_a_crossing_conflict() -> None:
    (found,) = conflicts(drive(*CROSS))
    assert (found.first, found.second, found.type) == (0, 1, ConflictType.CROSSING)
    assert found.angle_deg == pytest.approx(90.0)
    # It arrives at 12.6 s where the first was last in danger.
    assert found.pet_s == pytest.approx(2.4, abs=0.201)
    assert max(found.delta_v_m_s) == found.max_delta_v_m_s == pytest.approx(0.5 * found.delta_s_m_s)


def test_on_different_levels_nobody_meets() -> None:
    assert conflicts(drive(*CROSS, height_m=(0.0, 4.0)))
    assert not conflicts(drive(*CROSS, height_m=(0.0, 6.0)))


def test_out_of_the_area_nobody_meets() -> None:
    assert not conflicts(drive(*CROSS, bounds_m=(5.0, -300.0, 300.0, 300.0)))


def test_who_leaves_before_it_settles_is_in_no_conflict() -> None:
    first, second = CROSS[0], CROSS[1].copy()
    second[123:] = np.nan
    assert not conflicts(drive(first, second))


def test_what_begins_in_the_last_five_seconds_is_not_analysed() -> None:
    assert conflicts(drive(*(way[:180] for way in CROSS)))
    assert not conflicts(drive(*(way[:135] for way in CROSS)))


def test_in_one_lane_to_the_end_it_is_a_rear_end_conflict_whatever_the_angle() -> None:
    (found,) = conflicts(drive(*CROSS, link=3))
    assert found.type is ConflictType.REAR_END


def test_who_comes_into_the_lane_makes_it_a_lane_change() -> None:
    lanes = drive(east(0, 15.0, brakes_s=4.8), east(34, 10.0), link=3)
    (start,) = conflicts(lanes)
    changed = np.where((lanes.vehicle == 1) & (lanes.at_s[lanes.step] < start.at_s), 2, lanes.lane)
    (found,) = conflicts(replace(lanes, lane=changed))
    assert found.type is ConflictType.LANE_CHANGE


def test_nobody_and_one_alone_are_in_no_conflict() -> None:
    assert conflicts(trajectories_of([])) == []
    assert conflicts(drive(east(0, 10.0))) == []


@pytest.mark.parametrize(
    ("angle_deg", "crossing_deg_min", "type_"),
    [
        (29.9, 80.0, ConflictType.REAR_END),
        (-30.0, 80.0, ConflictType.LANE_CHANGE),
        (80.0, 80.0, ConflictType.LANE_CHANGE),
        (-82.0, 80.0, ConflictType.CROSSING),
        (82.0, 85.0, ConflictType.LANE_CHANGE),  # as the text of the manual has it
    ],
)
def test_angles_have_thresholds(
    angle_deg: float, crossing_deg_min: float, type_: ConflictType
) -> None:
    assert type_of(angle_deg, crossing_deg_min=crossing_deg_min) is type_


# --- paths ---------------------------------------------------------------------------------------


def test_paths_of_a_file_are_its_vehicles_and_become_the_file_again() -> None:
    paths = paths_of(FOLLOWS)
    assert [len(path) for path in paths] == [300, 300]
    again = trajectories_of(paths)
    for name in ("at_s", "step", "vehicle", "front_m", "rear_m", "speed_m_s", "length_m"):
        one, other = getattr(again, name), getattr(FOLLOWS, name)
        np.testing.assert_allclose(one, other, atol=1e-3, err_msg=name)


def test_who_was_away_for_a_while_is_two() -> None:
    way = east(0, 10.0)
    way[100:120] = np.nan
    assert [len(path) for path in paths_of(drive(way, east(50, 10.0)))] == [100, 180, 300]
