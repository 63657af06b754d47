"""Squares and platforms: people walk, stand and board by JuPedSim, and their truth adds up."""

import collections
import csv
import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placewatch.core.errors import Misconfigured
from placewatch.core.kinds import Kind
from placewatch.core.space import Point
from placewatch.node import config
from placewatch.simulate.crossing import Lines, Passage
from placewatch.simulate.crowd import Area, Crowd, Inflow, Trains, inside, surface_m2
from placewatch.simulate.densities import Densities
from placewatch.simulate.folder import Film, simulate_to
from placewatch.simulate.poses import POSES, camera_at, in_front
from placewatch.simulate.scenery import box_corners
from placewatch.simulate.standing import boards
from placewatch.simulate.street import Arm, Street
from placewatch.simulate.streets import street_named
from placewatch.simulate.sumo import Everybody, Piece, SumoRun

PLACES = ("market-square", "station-platform")
pytest.importorskip("sumo", reason="SUMO is not installed: placewatch[simulate]")


class Day:
    """Some time at a place: where everybody was, and who passed what."""

    def __init__(self, name: str, duration_s: float, warm_s: float) -> None:
        self.street = street_named(name)
        assert self.street.crowd is not None
        self.crowd: Crowd = self.street.crowd
        densities = Densities(self.crowd.areas)
        with SumoRun(self.street, duration_s, seed=2, warm_s=warm_s) as run:
            self.pieces = []
            for piece in run:
                densities.look(piece, run.everybody)
                self.pieces.append(piece)
            self.passages = run.passages()
            self.lengths_m = run.everybody.lengths_m()
        self.densities = densities.rows
        self.at_s = np.concatenate([piece.at_s for piece in self.pieces])
        self.who = np.concatenate([piece.who for piece in self.pieces])
        self.speed_m_s = np.concatenate([piece.speed_m_s for piece in self.pieces])
        middles = [piece.middles_m(self.lengths_m) for piece in self.pieces]
        self.x_m, self.y_m = (np.concatenate([m[axis] for m in middles]) for axis in (0, 1))


@cache
def day(name: str) -> Day:
    return Day(name, 40.0, 60.0)


@pytest.mark.parametrize("name", PLACES)
def test_time_passes_in_even_steps_and_people_walk_as_people_do(name: str) -> None:
    there = day(name)
    moments = np.concatenate([piece.moments_s for piece in there.pieces])
    assert np.allclose(moments, np.arange(400) / 10)
    walking = there.speed_m_s > 0.3
    assert 0.5 < np.median(there.speed_m_s[walking]) < 1.6
    assert there.speed_m_s.max() < 2.5


@pytest.mark.parametrize("name", PLACES)
def test_everybody_is_on_the_ground_and_nobody_in_what_stands_there(name: str) -> None:
    there = day(name)
    on = np.zeros(len(there.x_m), bool)
    for ground in there.crowd.grounds:
        on |= inside(ground, there.x_m, there.y_m)
    assert on.mean() > 0.999  # who alights is on the sill for a step
    for obstacle in there.crowd.obstacles:
        assert not inside(obstacle, there.x_m, there.y_m).any()


@pytest.mark.parametrize("name", PLACES)
def test_nobody_walks_through_others(name: str) -> None:
    there = day(name)
    nearest = []
    for at_s in np.arange(0.0, 40.0, 2.0):
        now = np.isclose(there.at_s, at_s)
        points = np.column_stack([there.x_m[now], there.y_m[now]])
        away = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
        np.fill_diagonal(away, math.inf)
        nearest.append(away.min())
    assert min(nearest) > 0.2
    assert np.median(nearest) > 0.3


@pytest.mark.parametrize("name", PLACES)
def test_some_stand_and_others_walk_past(name: str) -> None:
    there = day(name)
    standing = there.speed_m_s < 0.02
    assert 0.1 < standing.mean() < 0.8
    stands = [way for way in there.crowd.ways if way.name in {s.way for s in there.crowd.stands}]
    near = np.zeros(len(standing), bool)
    for way in stands:
        middle = np.add(way.start, way.end) / 2
        near |= np.hypot(there.x_m - middle[0], there.y_m - middle[1]) < 4.0
    assert near[standing].mean() > 0.8


def test_people_alight_then_board_and_the_platform_empties() -> None:
    there = day("station-platform")
    trains = there.crowd.trains
    assert trains is not None
    assert list(trains.stops_s(0.0, 40.0)) == [14.0]
    over = [passage for passage in there.passages if passage.arm == "train"]
    out = [passage.at_s for passage in over if passage.inwards]
    aboard = [passage.at_s for passage in over if not passage.inwards]
    assert len(out) == trains.alighting * len(trains.alight)
    assert len(aboard) > 15
    assert 14.0 < min(out) < min(aboard) < 30.0
    waiting = [
        count for at_s, area, count, _ in there.densities if area == "platform" and at_s == 14.0
    ]
    assert waiting[0] >= len(aboard) / 2


def test_densities_say_how_many_are_there_each_second() -> None:
    there = day("market-square")
    seconds = collections.Counter(at_s for at_s, *_ in there.densities)
    assert sorted(seconds) == list(range(40))
    assert set(seconds.values()) == {len(there.crowd.areas)}
    whole = box_corners(-20.0, -15.0, 20.0, 15.0)
    for at_s, area, count, per_m2 in there.densities:
        if area == "square":
            now = np.isclose(there.at_s, at_s)
            assert count == inside(whole, there.x_m[now], there.y_m[now]).sum()
            assert per_m2 == pytest.approx(count / 1200.0)


def test_passages_are_the_changes_of_how_many_are_inside() -> None:
    there = day("market-square")
    inside_m = np.abs(there.y_m) <= 15.2
    inside_m &= np.abs(there.x_m) <= 20.2
    first, last = (inside_m & np.isclose(there.at_s, at_s) for at_s in (0.0, 39.9))
    gained = sum(1 if passage.inwards else -1 for passage in there.passages)
    assert len(there.passages) > 20
    assert gained == last.sum() - first.sum()


def test_the_same_seed_is_the_same_crowd() -> None:
    def crowd(seed: int) -> list[Passage]:
        with SumoRun(street_named("market-square"), 6.0, seed=seed, warm_s=30.0) as run:
            collections.deque(run, maxlen=0)
            return run.passages()

    first = crowd(4)
    assert first == crowd(4) != crowd(5)
    assert first


def test_a_place_that_sumo_refuses_is_told_in_a_sentence() -> None:
    street = street_named("market-square")
    assert street.crowd is not None
    (first, *others) = street.crowd.inflows
    lost = Inflow(("nowhere", *first.ways[1:]), first.ramp)
    broken = _with(street, inflows=(lost, *others))
    with (
        SumoRun(broken, 5.0, warm_s=60.0) as run,
        pytest.raises(Misconfigured, match=r"SUMO refused the street market-square: .*nowhere"),
    ):
        list(run)


def _with(street: Street, **changes: object) -> Street:
    assert street.crowd is not None
    return replace(street, crowd=replace(street.crowd, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", PLACES)
def test_a_folder_holds_the_same_as_that_of_a_street_and_densities(
    name: str, tmp_path: Path
) -> None:
    out = tmp_path / "sim"
    done = simulate_to(out, street_named(name), 3.0, seed=1, film=Film(320, 180, 10.0))
    tracks = pq.read_table(out / "truth/tracks.parquet")
    assert set(tracks["kind"].to_pylist()) == {"pedestrian"}
    assert done.kinds[Kind.PEDESTRIAN] > 20
    assert pq.read_table(out / "detections.parquet").num_rows == done.detections > 100
    with (out / "truth/densities.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    areas = {row["area"] for row in rows}
    assert len(rows) == 3 * len(areas)
    assert (out / "truth/trains.csv").exists() == (name == "station-platform")
    (camera,) = config.load(out / "placewatch.toml").camera
    assert {line.arm for line in camera.line} <= {arm.name for arm in street_named(name).arms}
    assert {area.name for area in camera.area} <= areas
    assert camera.area
    with av.open(str(out / "film.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == 30


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("pose", POSES)
def test_every_camera_looks_at_the_place(name: str, pose: str) -> None:
    street = street_named(name)
    camera = camera_at(street, pose)
    middle = Point(*street.middle_m)
    assert in_front(camera, middle)
    seen = camera.to_picture(middle)
    assert 0.2 * camera.width_px < seen.x_px < 0.8 * camera.width_px
    assert 0.2 * camera.height_px < seen.y_px < 0.9 * camera.height_px


# Parts


LINE = Arm("gate", "", "", Point(1.0, 0.0), Point(-1.0, 0.0))  # who comes in goes north


@given(
    north=st.booleans(),
    begin_m=st.floats(0.05, 0.4),
    end_m=st.floats(0.05, 0.4),
    x_m=st.floats(-2.0, 2.0),
    at_once=st.booleans(),
)
def test_a_step_over_a_line_is_a_passage_at_its_time(
    north: bool, begin_m: float, end_m: float, x_m: float, at_once: bool
) -> None:
    way = 1.0 if north else -1.0
    lines = Lines([LINE])
    at_s, who = np.array([5.0, 5.1]), np.array([3, 3])
    x, y = np.array([x_m, x_m]), np.array([-way * begin_m, way * end_m])
    if at_once:
        lines.look(at_s, who, x, y)
    else:
        lines.look(at_s[:1], who[:1], x[:1], y[:1])
        lines.look(at_s[1:], who[1:], x[1:], y[1:])
    if abs(x_m) > 1.0:
        assert not lines.passages
        return
    (passage,) = lines.passages
    assert passage.inwards == north
    assert (passage.who, passage.arm) == (3, "gate")
    assert passage.at_s == pytest.approx(5.0 + 0.1 * begin_m / (begin_m + end_m))


def test_who_is_put_from_one_place_to_another_passes_nothing() -> None:
    lines = Lines([LINE])
    lines.look(np.array([0.0, 0.1]), np.array([0, 0]), np.zeros(2), np.array([-3.0, 3.0]))
    assert not lines.passages


@given(x_m=st.floats(-3.0, 3.0), y_m=st.floats(-3.0, 3.0))
def test_who_is_inside_an_area_is_inside(x_m: float, y_m: float) -> None:
    corners = ((-2.0, -1.0), (2.0, -1.0), (2.0, 1.0), (0.0, 0.0), (-2.0, 1.0))  # with a notch
    expected = abs(x_m) < 2.0 and -1.0 < y_m < abs(x_m) / 2.0
    near = min(abs(abs(x_m) - 2.0), abs(y_m + 1.0), abs(y_m - abs(x_m) / 2.0))
    if near > 1e-9:
        assert inside(corners, np.array([x_m]), np.array([y_m]))[0] == expected
    assert surface_m2(corners) == pytest.approx(6.0)


def test_an_inflow_rises_and_falls_between_what_its_ramp_says_and_repeats() -> None:
    inflow = Inflow(("a",), ((0.0, 100.0), (60.0, 300.0), (120.0, 100.0)), every_s=200.0)
    assert [inflow.per_h(at_s) for at_s in (0.0, 30.0, 60.0, 90.0, 120.0, 160.0)] == [
        100.0, 200.0, 300.0, 200.0, 100.0, 100.0,
    ]  # fmt: skip
    assert inflow.per_h(-140.0) == inflow.per_h(60.0) == inflow.per_h(1060.0)


TRAINS = Trains(14.0, 240.0, 40.0, 1.65, (0.0,), (("a",),))


def test_a_train_comes_slows_down_stops_and_goes() -> None:
    assert list(TRAINS.stops_s(-300.0, 300.0)) == [-226.0, 14.0, 254.0]
    offs = [TRAINS.off_m(at_s) for at_s in (0.0, 8.0, 14.0, 40.0, 54.0, 60.0)]
    assert offs[0] is not None
    assert offs[1] is not None
    assert offs[0] < offs[1] < 0.0
    assert offs[2:5] == [0.0, 0.0, 0.0]
    assert offs[5] is not None
    assert offs[5] > 0.0
    assert TRAINS.off_m(150.0) is None


@given(at_s=st.floats(-500.0, 500.0))
def test_who_boards_finds_a_train_there(at_s: float) -> None:
    if boards(TRAINS, at_s):
        assert TRAINS.off_m(at_s) == 0.0


def test_a_dropped_box_is_nobody() -> None:
    everybody = Everybody()
    who = np.array([everybody.number("pedestrian_-1_a"), everybody.number("unknown_-1_box0")])
    at_s = np.zeros(2)
    densities = Densities([Area("all", box_corners(-5.0, -5.0, 5.0, 5.0))])
    piece = Piece(np.zeros(1), at_s, who, np.zeros(2), np.ones(2), np.zeros(2), np.zeros(2))
    densities.look(piece, everybody)
    assert densities.rows == [(0.0, "all", 1, 0.01)]
