"""Planted incidents: what was asked for happens, where and when the truth says, for all to see."""

import csv
import re
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from placewatch.cli import app
from placewatch.core.errors import Misconfigured
from placewatch.core.kinds import Kind
from placewatch.simulate.detections import PERFECT
from placewatch.simulate.drawing import Artist
from placewatch.simulate.folder import simulate_to
from placewatch.simulate.incidents import IncidentKind, Planted, Plants, Wish, wish_of
from placewatch.simulate.pinhole import Pinhole
from placewatch.simulate.scenery import View, paint
from placewatch.simulate.streets import street_named
from placewatch.simulate.sumo import Everybody, Network, SumoRun
from placewatch.simulate.traffic import RoadUser

pytest.importorskip("sumo", reason="SUMO is not installed: placewatch[simulate]")


class Told:
    """A run with incidents: where everybody was, and what is told of the incidents."""

    def __init__(self, name: str, duration_s: float, warm_s: float, *wishes: str) -> None:
        with SumoRun(street_named(name), duration_s, seed=1, warm_s=warm_s) as run:
            plants = Plants(run, [wish_of(wish) for wish in wishes])
            pieces = list(run)
            self.planted = {planted.kind: planted for planted in plants.planted()}
            self.everybody: Everybody = run.everybody
            self.network: Network = run.network
        self.moments_s = np.concatenate([piece.moments_s for piece in pieces])
        self.at_s = np.concatenate([piece.at_s for piece in pieces])
        self.who = np.concatenate([piece.who for piece in pieces])
        self.speed_m_s = np.concatenate([piece.speed_m_s for piece in pieces])
        self.heading_rad = np.concatenate([piece.heading_rad for piece in pieces])
        lengths_m = self.everybody.lengths_m()
        middles = [piece.middles_m(lengths_m) for piece in pieces]
        self.x_m, self.y_m = (np.concatenate([m[axis] for m in middles]) for axis in (0, 1))

    def near(self, planted: Planted, kind: Kind, reach_m: float = 1.0) -> np.ndarray:
        """The rows of that kind that lie at the place of an incident."""
        numbers = [n for n, one in enumerate(self.everybody.kinds) if one is kind]
        off_m = np.hypot(self.x_m - planted.x_m, self.y_m - planted.y_m)
        return np.asarray(np.isin(self.who, numbers) & (off_m < reach_m))

    def lane_way(self, name: str) -> np.ndarray:
        (lane,) = [lane for lane in self.network.lanes if lane.name == name]
        way = lane.shape[-1] - lane.shape[0]
        return np.asarray(way / np.hypot(*way))


@cache
def junction() -> Told:
    return Told(
        "junction", 90.0, 60.0,
        "stopped_vehicle@5+20:N", "wrong_way@10:W", "person_on_carriageway@8+6:E",
        "dropped_box@6.5+30:S",
    )  # fmt: skip


def test_a_street_with_incidents_tells_every_moment_once() -> None:
    assert np.allclose(junction().moments_s, np.arange(900) / 10)


def test_a_vehicle_stops_in_its_lane_for_so_long_and_drives_on() -> None:
    told = junction()
    planted = told.planted[IncidentKind.STOPPED_VEHICLE]
    assert planted.lane.startswith("N_in")
    assert planted.end_s - planted.begin_s == pytest.approx(20.0, abs=0.3)
    off_m = np.hypot(told.x_m - planted.x_m, told.y_m - planted.y_m)
    stands = (off_m < 0.3) & (told.speed_m_s < 0.1)
    (who,) = set(told.who[stands & np.isclose(told.at_s, planted.begin_s + 5.0)])
    its = told.who == who
    during = its & (told.at_s > planted.begin_s) & (told.at_s < planted.end_s - 0.15)
    assert during.sum() == pytest.approx(200, abs=4)
    assert told.speed_m_s[during].max() < 0.1
    before, after = its & (told.at_s < planted.begin_s), its & (told.at_s > planted.end_s + 3.0)
    assert before.any()
    assert told.speed_m_s[after].max() > 1.0


def test_a_car_comes_the_wrong_way_along_a_lane_and_then_keeps_to_its_side() -> None:
    told = junction()
    planted = told.planted[IncidentKind.WRONG_WAY]
    assert planted.lane.startswith("W_out")
    way = told.lane_way(planted.lane)
    start = told.near(planted, Kind.CAR, 4.0) & np.isclose(told.at_s, planted.begin_s)
    (who,) = set(told.who[start])
    its = (told.who == who) & (told.at_s > planted.begin_s + 0.05)
    wrong = its & (told.at_s < planted.end_s - 2.0)
    against = np.cos(told.heading_rad) * way[0] + np.sin(told.heading_rad) * way[1]
    assert (against[wrong] < -0.9).all()
    assert told.speed_m_s[wrong].min() > 5.0
    assert (np.abs(np.diff(told.x_m[wrong])) < 1.2).all()
    # West of the junction who drives east keeps south of the middle line.
    later = its & (told.at_s > planted.end_s + 2.0) & (told.x_m < -15.0)
    assert (told.y_m[wrong & (told.at_s < planted.end_s - 3.0)] > 0.0).all()
    assert later.any()
    assert (told.y_m[later] < 0.0).all()
    assert told.x_m[its].max() > 0.0  # it drove on


def test_somebody_steps_into_a_lane_stays_and_goes_back_and_is_not_run_over() -> None:
    told = junction()
    planted = told.planted[IncidentKind.PERSON_ON_CARRIAGEWAY]
    inside = told.near(planted, Kind.PEDESTRIAN, 1.6)
    times_s = told.at_s[inside]
    assert times_s.min() == pytest.approx(planted.begin_s, abs=0.2)
    assert times_s.max() == pytest.approx(planted.end_s, abs=0.2)
    assert planted.end_s - planted.begin_s > 6.0
    assert told.speed_m_s[inside].max() < 2.0
    vehicles = [n for n, kind in enumerate(told.everybody.kinds) if kind is not Kind.PEDESTRIAN]
    lengths_m = told.everybody.lengths_m()
    then = (told.at_s >= planted.begin_s) & (told.at_s <= planted.end_s)
    then &= np.isin(told.who, vehicles) & (np.abs(told.y_m - planted.y_m) < 1.0)
    off_m = np.abs(told.x_m[then] - planted.x_m) - lengths_m[told.who[then]] / 2
    assert off_m.min() > 0.5


def test_a_box_lies_in_a_lane_until_it_is_taken_away() -> None:
    told = junction()
    planted = told.planted[IncidentKind.DROPPED_BOX]
    lies = told.near(planted, Kind.UNKNOWN)
    assert told.everybody.kinds.count(Kind.UNKNOWN) == 1
    assert lies.sum() == (told.who == told.who[lies][0]).sum()
    assert told.at_s[lies].min() == pytest.approx(planted.begin_s, abs=0.11)
    assert told.at_s[lies].max() == pytest.approx(planted.end_s, abs=0.21)
    assert planted.end_s - planted.begin_s == pytest.approx(30.0, abs=0.2)
    assert told.speed_m_s[lies].max() == 0.0


def test_a_car_comes_the_wrong_way_where_there_is_no_other_side() -> None:
    told = Told("motorway", 30.0, 40.0, "wrong_way@2")
    (planted,) = told.planted.values()
    way = told.lane_way(planted.lane)
    numbers = [n for n, flow in enumerate(told.everybody.flows) if flow == -1]
    against = np.cos(told.heading_rad) * way[0] + np.sin(told.heading_rad) * way[1]
    its = np.isin(told.who, numbers) & (told.at_s > planted.begin_s + 0.05)
    assert (against[its] < -0.95).all()
    assert np.ptp(told.x_m[its]) > 350.0


@cache
def surge() -> Told:
    return Told("market-square", 45.0, 60.0, "crowd_surge@5:W", "dropped_box@3+20")


def test_a_crowd_surges_to_one_way_out() -> None:
    told = surge()
    planted = told.planted[IncidentKind.CROWD_SURGE]
    assert (planted.begin_s, planted.lane) == (5.0, "W")

    def at_the_mouth(at_s: float) -> int:
        now = np.isclose(told.at_s, at_s)
        off_m = np.hypot(told.x_m[now] - planted.x_m, told.y_m[now] - planted.y_m)
        return int((off_m < 6.0).sum())

    assert max(at_the_mouth(at_s) for at_s in (15.0, 20.0, 25.0, 30.0)) > 3 * at_the_mouth(4.0) + 10


def test_a_box_is_left_among_people() -> None:
    told = surge()
    planted = told.planted[IncidentKind.DROPPED_BOX]
    lies = told.near(planted, Kind.UNKNOWN, 0.3)
    assert lies.sum() == pytest.approx(200, abs=4)


def test_an_incident_is_in_the_files(tmp_path: Path) -> None:
    out = tmp_path / "sim"
    wishes = [Wish(IncidentKind.DROPPED_BOX, 3.0, 10.0, "S")]
    simulate_to(out, street_named("tee-priority"), 16.0, faults=PERFECT, incidents=wishes)
    with (out / "truth/incidents.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    assert row["kind"] == "dropped_box"
    assert float(row["end_s"]) - float(row["begin_s"]) == pytest.approx(10.0, abs=0.3)
    assert row["lane"].startswith("S_in")
    tracks = pq.read_table(out / "truth/tracks.parquet").to_pylist()
    boxes = [track for track in tracks if track["kind"] == "unknown"]
    assert len(boxes) == pytest.approx(100, abs=3)
    assert all(track["length_m"] == pytest.approx(0.6) for track in boxes)
    seen = pq.read_table(out / "detections.parquet").to_pylist()
    assert sum(one["kind"] == "unknown" for one in seen) > 80


def test_a_box_is_drawn() -> None:
    camera = Pinhole(-8.0, 0.0, 6.0, 0.0, 35.0, 0.6, 320, 180)
    artist = Artist(View((), ()), camera, "day", paint(View((), ()), camera, "day"))

    class Cast:
        def __init__(self, *users: RoadUser) -> None:
            self._users = list(users)

        def at(self, media_s: float) -> list[RoadUser]:
            return self._users

        def colour(self, zone: str, party: str, media_s: float) -> str:
            return "red"

    box = RoadUser(Kind.UNKNOWN, 0.0, 0.0, 0.3, 0.0, False, 0.0, 0)
    changed = np.abs(artist.draw(Cast(box), 0.0).astype(int) - artist.draw(Cast(), 0.0)) > 30
    rows, columns = np.nonzero(changed.any(axis=2))
    x_px, y_px = camera.project(np.array([[0.0, 0.0, 0.2]]))[0]
    assert len(rows) > 60
    assert abs(columns.mean() - x_px) < 6
    assert abs(rows.mean() - y_px) < 8


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("dropped_box@12", Wish(IncidentKind.DROPPED_BOX, 12.0, 60.0)),
        ("stopped_vehicle@1.5+30", Wish(IncidentKind.STOPPED_VEHICLE, 1.5, 30.0)),
        ("crowd_surge@0:W", Wish(IncidentKind.CROWD_SURGE, 0.0, 60.0, "W")),
        ("wrong_way@3+9:E_in_1+20", Wish(IncidentKind.WRONG_WAY, 3.0, 9.0, "E_in_1+20")),
    ],
)
def test_an_incident_is_asked_for_in_a_word(text: str, wish: Wish) -> None:
    assert wish_of(text) == wish


@pytest.mark.parametrize(
    ("street", "text", "why"),
    [
        ("junction", "meteor@10", 'there is no incident "meteor"'),
        ("junction", "dropped_box", '"dropped_box" asks for no incident'),
        ("junction", "dropped_box@-3", "asks for no incident"),
        ("junction", "dropped_box@60", "the simulation ends after 60 s"),
        ("junction", "dropped_box@1:Q", 'there is no lane "Q" in the street junction'),
        ("junction", "stopped_vehicle@1:W_in_1+900", "the lane W_in_1 is"),
        ("junction", "stopped_vehicle@1:W_in_0", 'there is no lane "W_in_0"'),  # a pavement
        ("junction", "wrong_way@1:Q", 'there is no arm "Q"'),
        ("junction", "crowd_surge@1", "there is no crowd in the street junction"),
        ("market-square", "stopped_vehicle@1", "nobody drives in the street market-square"),
        ("market-square", "dropped_box@1:moon", 'there is no place "moon"'),
        ("station-platform", "crowd_surge@1:N", 'there is no place "N"'),
    ],
)
def test_what_cannot_be_planted_is_told_in_a_sentence(street: str, text: str, why: str) -> None:
    def plant() -> None:
        with SumoRun(street_named(street), 60.0) as run:
            Plants(run, [wish_of(text)])

    with pytest.raises(Misconfigured, match=re.escape(why)) as caught:
        plant()
    assert caught.value.hint


def test_an_incident_for_which_nobody_came_is_told_in_a_sentence(tmp_path: Path) -> None:
    wishes = [Wish(IncidentKind.STOPPED_VEHICLE, 0.5, 10.0, "S_in_0+20")]
    with pytest.raises(Misconfigured, match=r"stopped_vehicle at 0\.5 s could not be planted"):
        simulate_to(tmp_path / "out", street_named("cross-rural"), 1.0, incidents=wishes)


def test_the_command_takes_incidents_and_says_what_is_wrong_with_one(tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    told = CliRunner().invoke(
        app, ["simulate", "rural", "--out", out, "--hours", "0.001", "--incident", "meteor@1"]
    )
    assert isinstance(told.exception, Misconfigured)
    assert "stopped_vehicle" in told.exception.hint
    assert not (tmp_path / "out").exists()
