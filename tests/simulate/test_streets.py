"""Simulated streets: SUMO builds them all, and what it says of them is counted exactly."""

import collections
import csv
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from placewatch.core.errors import Misconfigured
from placewatch.core.kinds import NUMBER_OF, Kind
from placewatch.node import config
from placewatch.node.equip import counting_lines, ground_of
from placewatch.simulate.detections import NOBODY, PERFECT, Eye, Faults
from placewatch.simulate.folder import movements, simulate_to
from placewatch.simulate.layouts import layouts
from placewatch.simulate.pinhole import Pinhole
from placewatch.simulate.poses import POSES, camera_at, ground_points, in_front
from placewatch.simulate.street import Street
from placewatch.simulate.streets import SIMULATED, street_named
from placewatch.simulate.sumo import Piece, SumoRun, build_network
from placewatch.simulate.traffic import SIZES

pytest.importorskip("sumo", reason="SUMO is not installed: placewatch[simulate]")

NAMES = [*SIMULATED, *(layout.name for layout in layouts())]


def test_there_are_twenty_layouts_each_unlike_the_others() -> None:
    texts = {layout.street().edges + layout.street().nodes for layout in layouts()}
    assert len(layouts()) == len({layout.name for layout in layouts()}) == len(texts) == 20


@pytest.mark.parametrize("name", NAMES)
def test_sumo_builds_the_street_and_every_lane_of_an_arm_meets_its_line(
    name: str, tmp_path: Path
) -> None:
    street = street_named(name)
    network = build_network(street, tmp_path)
    for arm in street.arms:
        for edge in (arm.into, arm.out_of):
            lanes = [lane for lane in network.lanes if lane.edge == edge and not lane.walked]
            met = dict(network.met(edge, arm))
            assert set(met) == {lane.name for lane in lanes}
            assert all(0.0 < met[lane.name] < lane.length_m for lane in lanes)


def test_time_begins_when_the_street_is_full_and_every_moment_is_told_once() -> None:
    with SumoRun(street_named("junction"), 60.0, seed=3) as run:
        pieces = list(run)
    moments = np.concatenate([piece.moments_s for piece in pieces])
    assert np.allclose(moments, np.arange(600) / 10)
    first = pieces[0]
    assert (first.at_s == 0.0).sum() > 20
    for piece in pieces:
        assert np.isin(piece.at_s, piece.moments_s).all()
        assert (np.diff(piece.at_s) >= 0).all()


def test_nobody_is_there_at_some_moments_of_a_lonely_road() -> None:
    with SumoRun(street_named("cross-rural"), 900.0, seed=1) as run:
        pieces = list(run)
    moments = np.concatenate([piece.moments_s for piece in pieces])
    assert len(moments) == 9000


def test_the_same_seed_is_the_same_day_and_another_is_another() -> None:
    def day(seed: int) -> list[tuple[float, str, bool]]:
        with SumoRun(street_named("tee-priority"), 120.0, seed=seed) as run:
            collections.deque(run, maxlen=0)
            return [(one.at_s, one.arm, one.inwards) for one in run.passages()]

    assert day(1) == day(1) != day(2)
    assert len(day(1)) > 20


def test_who_passes_the_loops_went_the_way_that_its_flow_says() -> None:
    """Loops and routes are two of SUMO's own words of the same vehicle."""
    street = street_named("cross-signal")
    into = {arm.name: arm.into for arm in street.arms}
    out_of = {arm.name: arm.out_of for arm in street.arms}
    with SumoRun(street, 300.0, seed=1) as run:
        collections.deque(run, maxlen=0)
        passages = run.passages()
        came_by: dict[int, str] = {}
        told = 0
        for one in passages:
            flow = street.flows[run.everybody.flows[one.who]]
            if one.inwards:
                came_by[one.who] = one.arm
                assert flow.begin == into[one.arm]
            else:
                assert flow.end == out_of[one.arm]
                told += one.who in came_by
        assert told > 50
        counted = list(movements(passages, run.everybody))
    assert sum(came is not None for _, came, _, _ in counted) == told


def test_what_sumo_refuses_is_told_in_a_sentence(tmp_path: Path) -> None:
    street = street_named("junction")
    broken = Street("broken", "Broken", street.nodes, "<edges><edge id='a'/></edges>", ())
    with pytest.raises(Misconfigured, match=r"SUMO cannot build the street broken: .*edge 'a'"):
        build_network(broken, tmp_path)


def test_a_route_that_leads_nowhere_is_told_in_a_sentence() -> None:
    street = street_named("cross-signal")
    lost = replace(street, name="lost", flows=(replace(street.flows[0], end="nowhere"),))
    with SumoRun(lost, 30.0) as run, pytest.raises(Misconfigured, match="refused the street lost"):
        list(run)


def test_an_unknown_street_or_pose_is_told_with_those_there_are() -> None:
    with pytest.raises(Misconfigured, match="junktion") as caught:
        street_named("junktion")
    assert "junction" in caught.value.hint
    assert "ring-4" in caught.value.hint
    with pytest.raises(Misconfigured, match="attic"):
        camera_at(street_named("junction"), "attic")


@pytest.mark.parametrize("pose", POSES)
def test_a_camera_sees_the_arms_and_enough_ground_to_be_calibrated(pose: str) -> None:
    street = street_named("junction")
    camera = camera_at(street, pose)
    assert len(ground_points(camera, street)) >= 8
    for arm in street.arms:
        for end in (arm.start, arm.end):
            assert in_front(camera, end)
            picture = camera.to_picture(end)
            back = camera.to_ground(picture)
            assert abs(back.x_m - end.x_m) + abs(back.y_m - end.y_m) < 1e-3
            assert -20 <= picture.x_px <= camera.width_px + 20
            assert 0 <= picture.y_px <= camera.height_px


def test_a_bent_lens_shows_what_is_off_the_middle_nearer_to_it() -> None:
    straight = Pinhole(0, 0, 8.0, 0.0, 20.0, 0.4, 1280, 720)
    bent = Pinhole(0, 0, 8.0, 0.0, 20.0, 0.4, 1280, 720, -0.1, 0.01)
    corner = np.array([[12.0, 8.0, 0.0]])
    middle = np.array([640.0, 360.0])
    away, pulled = (np.hypot(*(camera.project(corner)[0] - middle)) for camera in (straight, bent))
    assert 0.7 * away < pulled < 0.98 * away
    rays = bent.rays()
    assert rays.shape == (720, 1280, 3)
    row, column = np.rint(bent.project(corner)[0][::-1] - 0.5).astype(int)
    ray = rays[row, column].astype(float)
    assert np.allclose(ray[:2] / ray[2], (corner[0] - [0, 0, 8.0])[:2] / -8.0, rtol=0.01)


def one_car(moments: int, x_m: float = 0.0) -> Piece:
    """A car that stands, seen ten times a second."""
    at_s = np.arange(moments) / 10
    return Piece(
        at_s, at_s, np.zeros(moments, np.int64), np.full(moments, x_m), np.zeros(moments),
        np.zeros(moments), np.zeros(moments),
    )  # fmt: skip


def look(eye: Eye, piece: Piece) -> tuple[np.ndarray, np.ndarray]:
    kinds = np.full(len(piece), NUMBER_OF[Kind.CAR])
    seen = eye.look(
        piece.moments_s, piece.at_s, piece.who, piece.x_m, piece.y_m, piece.heading_rad, kinds
    )
    return seen.rows, seen.who


CAMERA = Pinhole(-20.0, 0.0, 8.0, 0.0, 20.0, 0.6, 1280, 720)


def test_a_detector_that_never_errs_sees_the_box_of_whom_it_sees() -> None:
    rows, who = look(Eye(CAMERA, PERFECT, 1), one_car(20))
    assert len(rows) == 20
    assert (rows[:, :4] == rows[0, :4]).all()
    assert (rows[:, 5] == NUMBER_OF[Kind.CAR]).all()
    assert (who == 0).all()
    size = SIZES[Kind.CAR]
    corners = [
        (x * size.length_m / 2, y * size.width_m / 2, z * size.height_m)
        for x, y, z in itertools.product((-1, 1), (-1, 1), (0, 1))
    ]
    flat = CAMERA.project(np.array(corners))
    assert np.allclose(rows[0, :4], [*flat.min(axis=0), *flat.max(axis=0)])


def test_a_detector_errs_as_often_and_as_far_as_it_is_said_to() -> None:
    faults = Faults(miss=0.05, false=0.01, jitter_px=1.5, mistaken=0.05)
    rows, who = look(Eye(CAMERA, faults, 5), one_car(60_000))
    there = rows[who == 0]
    assert 1 - len(there) / 60_000 == pytest.approx(0.05, abs=0.01)
    assert (who == NOBODY).sum() / 60_000 == pytest.approx(0.01, abs=0.005)
    assert np.allclose(there[:, :4].std(axis=0), 1.5, atol=0.15)
    assert (there[:, 5] != NUMBER_OF[Kind.CAR]).mean() == pytest.approx(0.05, abs=0.01)


def test_who_stands_behind_a_bus_is_not_seen_but_by_a_detector_that_never_errs() -> None:
    moments_s = np.arange(5) / 10
    who = np.tile([0, 1], 5)
    x_m = np.tile([0.0, 6.0], 5)  # the second is behind the first, as the camera sees it
    kinds = np.tile([NUMBER_OF[Kind.BUS], NUMBER_OF[Kind.PEDESTRIAN]], 5)
    heading = np.full(10, np.pi / 2)  # the bus stands across the view
    camera = Pinhole(-20.0, 0.0, 2.0, 0.0, 3.0, 0.6, 1280, 720)
    for faults, expected in (
        (PERFECT, {0, 1}),
        (Faults(miss=0.0, false=0.0, jitter_px=0.0, mistaken=0.0), {0}),
    ):
        seen = Eye(camera, faults, 1).look(
            moments_s, np.repeat(moments_s, 2), who, x_m, np.zeros(10), heading, kinds
        )
        assert set(seen.who.tolist()) == expected
        assert len(seen.rows) == 5 * len(expected)


def test_a_folder_holds_truth_detections_and_a_camera_that_a_node_can_read(tmp_path: Path) -> None:
    out = tmp_path / "sim"
    done = simulate_to(out, street_named("tee-signal"), 120.0, seed=2)
    tracks = pq.read_table(out / "truth/tracks.parquet")
    seen = pq.read_table(out / "detections.parquet")
    assert tracks.num_rows > 1000
    assert sum(done.kinds.values()) == len(set(tracks["who"].to_pylist())), "those who were there"
    assert seen.num_rows == done.detections > 500
    assert len((out / "truth/passages.csv").read_text().splitlines()) == done.passages + 1 > 30
    counted = (out / "truth/movements.csv").read_text().splitlines()
    assert counted[0] == "at_s,window_s,from_arm,to_arm,kind,count"
    assert len(counted) > 5
    with (out / "truth/passages.csv").open(newline="") as stream:
        speeds = [float(row["speed_m_s"]) for row in csv.DictReader(stream)]
    assert 0.0 <= min(speeds) < max(speeds) < 20.0
    with (out / "truth/queues.csv").open(newline="") as stream:
        cycles = list(csv.DictReader(stream))
    assert {"E"} < {row["arm"] for row in cycles} <= {"E", "S", "W"}, "whole cycles alone"
    assert max(int(row["vehicles_max"]) for row in cycles) >= 1
    for row in cycles:
        assert (float(row["length_m_max"]) > 0.0) == (int(row["vehicles_max"]) > 0)
        assert float(row["at_s"]) + float(row["cycle_s"]) <= 120.0
    with (out / "truth/delays.csv").open(newline="") as stream:
        assert sum(int(row["vehicles"]) for row in csv.DictReader(stream)) > 10
    settings = config.load(out / "placewatch.toml")
    (camera,) = settings.camera
    assert {line.arm for line in counting_lines(camera)} == {"E", "S", "W"}
    assert ground_of(camera, None) is not None
    with pytest.raises(Misconfigured, match="is not empty"):
        simulate_to(out, street_named("tee-signal"), 10.0)
    assert settings.site == "Three arms, signals"
