"""Recorded tracks are measured whole: areas, queues, people across the road, and conflicts by the
definitions that are asked for."""

import csv
import io
import math
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from tests.measure.scenarios import EAST, NORTH, car, drive, scenario
from tests.measure.test_roadway import street

from placewatch.core.errors import Misconfigured, Rejected
from placewatch.core.kinds import ConflictType, Kind
from placewatch.core.time import from_rfc3339
from placewatch.measure.encounter import trajectories_of
from placewatch.measure.picture_tracks import PictureTracks
from placewatch.measure.recorded import paths_among
from placewatch.measure.replay import GroundTracks
from placewatch.measure.ssam import conflicts, pack_trj, read_trj
from placewatch.node import config as settings
from placewatch.node.replay import (
    Recorded,
    ReplayRequest,
    measured,
    read_recorded,
    replay_tracks,
)
from placewatch.publish.table import show
from placewatch.store.rows import CONFLICTS

SEVEN = from_rfc3339("2026-11-23T07:00:00Z")
GROUND = tuple(
    settings.GroundPointSettings(10.0 * x + 100.0, 500.0 - 10.0 * y, x, y)
    for x, y in ((0.0, -40.0), (80.0, -40.0), (80.0, 40.0), (0.0, 40.0))
)
"""Of a picture of 10 px a metre, seen from straight above."""


def px(*corners: tuple[float, float]) -> tuple[tuple[float, float], ...]:
    return tuple((10.0 * x + 100.0, 500.0 - 10.0 * y) for x, y in corners)


CAMERA = settings.CameraSettings(
    id="t",
    url="",
    area=(settings.AreaSettings("Yard", px((0, -5), (40, -5), (40, 5), (0, 5))),),
    approach=(
        settings.ApproachSettings("East", px((60, 2), (60, -2), (0, -2), (0, 2)), free_m_s=10.0),
    ),
    carriageway=(
        settings.CarriagewaySettings(
            "Mill Road",
            px((70, -20), (77, -20), (77, 20), (70, 20)),
            crossing=(
                settings.MarkedCrossingSettings("Zebra", px((70, -2), (77, -2), (77, 2), (70, 2))),
            ),
        ),
    ),
    ground=GROUND,
)


def file_of(tracks: GroundTracks, path: Path) -> Path:
    kinds = pa.array([str(tracks.kinds[who]) for who in tracks.who]).dictionary_encode()
    pq.write_table(
        pa.table(
            {
                "at_s": tracks.at_s, "who": pa.array(tracks.who, pa.int32()), "kind": kinds,
                "x_m": tracks.x_m, "y_m": tracks.y_m,
                "heading_deg": np.degrees(tracks.heading_rad), "speed_m_s": tracks.speed_m_s,
                "length_m": tracks.sizes_m[tracks.who, 0], "width_m": tracks.sizes_m[tracks.who, 1],
            }
        ),
        path,
    )  # fmt: skip
    return path


def crossing(path: Path) -> Path:
    """One that drives north behind two that drive east, of which the second hits the first."""
    cars = [
        drive(-60, 0, EAST, 10.0, steps=150),
        drive(0, -80, NORTH, 9.3, steps=150),
        drive(-90, 0, EAST, 14.0, steps=150),
    ]
    return scenario(path, [car(number, one) for number, one in enumerate(cars, 11)])


def test_areas_queues_and_people_across_the_road_are_measured_of_recorded_tracks(
    tmp_path: Path,
) -> None:
    tracks = street()
    told = measured(tracks, CAMERA, "tracks.parquet", SEVEN)
    queued = [cycle for cycle in told.queues if cycle.vehicles_max]
    assert [cycle.vehicles_max for cycle in queued] == [3]
    assert [way.name for way in told.approaches] == ["East"]
    assert sum(window.count or 0 for window in told.crossings_on_foot) == 6
    assert {window.crossing for window in told.crossings_on_foot} == {"Zebra", None}
    assert [piece.name for piece in told.carriageways] == ["Mill Road"]
    assert {count.zone for count in told.zones} == {"Yard"}
    presence_s = sum(count.presence_s or 0.0 for count in told.zones)
    assert presence_s == pytest.approx(3 * 40.0 / 10.0), "three cars, 40 m at 10 m/s"


def test_what_watch_writes_is_written(tmp_path: Path) -> None:
    file_of(street(), tmp_path / "tracks.parquet")
    told = "\n".join(
        f"[[camera.ground]]\nx_px = {one.x_px}\ny_px = {one.y_px}\nx_m = {one.x_m}\ny_m = {one.y_m}"
        for one in GROUND
    )
    (corners,) = (one.corners_px for one in CAMERA.area)
    (tmp_path / "t.toml").write_text(
        f'site = "Kista"\n[[camera]]\nid = "t"\nurl = "x.mp4"\n[[camera.area]]\nname = "Yard"\n'
        f"corners_px = {[list(corner) for corner in corners]}\n{told}\n"
    )
    replay_tracks(
        ReplayRequest(
            tmp_path / "tracks.parquet", config=tmp_path / "t.toml", out=tmp_path / "out",
            start="2026-11-23T07:00:00Z", json=str(tmp_path / "out.json"),
        )
    )  # fmt: skip
    for name in ("report.html", "facts.csv", "zones.csv"):
        assert (tmp_path / "out" / name).exists(), sorted((tmp_path / "out").iterdir())
    bare = settings.with_values(CAMERA, ground=())
    with pytest.raises(Misconfigured, match="ground of t is not known"):
        measured(street(), bare, "tracks.parquet", SEVEN)


@pytest.mark.parametrize("mode", ["footprint", "ssam", "crime"])
def test_conflicts_are_listed_by_the_definitions_that_are_asked_for(
    tmp_path: Path, mode: str
) -> None:
    path = crossing(tmp_path / "cross.xml")
    replay_tracks(
        ReplayRequest(
            path, conflicts=mode, out=tmp_path / "out", start="2026-11-23T07:00:00Z",
            json=str(tmp_path / "out.json"),
        )
    )  # fmt: skip
    with (tmp_path / f"out/{CONFLICTS.name}.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert not {"who", "track", "id", "vehicle"} & rows[0].keys()
    for number in ("11", "12", "13"):
        assert number not in {value for row in rows for value in row.values()}, "a track's name"
    crossed = sorted(float(row["pet_s"]) for row in rows if row["type"] == ConflictType.CROSSING)
    # The one from the south comes 3 m before the middle of the crossing 8.28 s after it began, the
    # others are 3 m beyond it after 6.64 s and 6.30 s. Their lanes share 1 m more on either side.
    assert crossed == {"footprint": [1.6, 2.0], "ssam": [], "crime": [1.3, 1.6]}[mode]
    at_m = [float(row[side]) for row in rows for side in ("x_m", "y_m")]
    if mode == "crime":
        assert at_m == pytest.approx([0.0] * 4), "the middle of what the lanes share"
    if mode == "ssam":
        assert [row["type"] for row in rows] == [ConflictType.REAR_END]


def test_the_gravest_are_printed_with_whose_definitions_they_are_by(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replay_tracks(ReplayRequest(crossing(tmp_path / "cross.xml"), conflicts="crime"))
    out = " ".join(capsys.readouterr().out.split())
    assert "Definitions: those of CommonRoad-CriMe" in out
    assert "crossing" in out
    replay_tracks(ReplayRequest(crossing(tmp_path / "cross.xml"), conflicts="none"))
    assert "onflict" not in capsys.readouterr().out


def test_the_terminal_tells_of_areas_queues_and_people_across() -> None:
    told = measured(street(), CAMERA, "tracks.parquet", SEVEN)
    console = Console(width=100, record=True, file=io.StringIO())
    show(told, console)
    rows = [" ".join(row.split()) for row in console.export_text().splitlines()]
    assert "area came in mostly in it, mean most at once occupied" in rows
    assert any(row.startswith("Yard 3 car ") for row in rows), rows
    (queue,) = [row for row in rows if row.startswith("East 1 ")]
    assert " 3 " in queue, "three waited"
    zebra, beside = (row for row in rows if row.startswith("Mill Road: "))
    assert zebra.startswith("Mill Road: Zebra ")
    assert beside.startswith("Mill Road: off the marked crossings ")
    crossed = sum(window.count or 0 for window in told.crossings_on_foot)
    assert int(zebra.split()[3]) + int(beside.split()[6]) == crossed == 6


@pytest.mark.parametrize("lines", [(), (("A", 10.0, -5.0, 10.0, 5.0),)])
def test_a_report_of_tracks_on_the_ground_speaks_of_metres(
    tmp_path: Path, lines: tuple[tuple[str, float, float, float, float], ...]
) -> None:
    asked = tuple(f"{name}={','.join(map(str, ends))}" for name, *ends in lines)
    path = file_of(street(), tmp_path / "tracks.parquet")
    replay_tracks(ReplayRequest(path, lines=asked, conflicts="none", out=tmp_path / "out"))
    text = re.sub(
        r"<style>.*?</style>|<svg.*?</svg>", "", (tmp_path / "out/report.html").read_text()
    )
    assert "pixel" not in text
    assert " px" not in text
    assert re.search(r"<dt>Plan</dt><dd>\d+ × \d+ m from above", text)
    assert ("metres east and north" in text) == (not lines)


def test_none_leaves_them_out_and_what_cannot_be_found_is_said(tmp_path: Path) -> None:
    path = crossing(tmp_path / "cross.xml")
    recorded = read_recorded(path)
    camera = settings.CameraSettings(id="t", url="")
    assert measured(recorded, camera, "x", SEVEN, conflicts=None).conflicts == ()
    ground = file_of(street(), tmp_path / "tracks.parquet")
    hostile = tmp_path / "hostile.xml"
    hostile.write_text('<!DOCTYPE a [<!ENTITY b "c">]><commonRoad>&b;</commonRoad>', "utf-8")
    for request, says in (
        (ReplayRequest(path, conflicts="swedish"), "is unknown"),
        (ReplayRequest(ground, conflicts="crime"), "none are known"),
        (ReplayRequest(ground, conflicts="crime", lanelets=tmp_path / "no.xml"), "cannot be read"),
        (ReplayRequest(ground, conflicts="crime", lanelets=hostile), "declares entities"),
        (ReplayRequest(hostile), "declares entities"),
        (ReplayRequest(tmp_path / "no.trj"), "does not exist"),
    ):
        with pytest.raises((Misconfigured, Rejected), match=says) as caught:
            replay_tracks(request)
        assert caught.value.hint
    replay_tracks(ReplayRequest(ground, conflicts="crime", lanelets=path, json="-"))


def test_a_file_of_ssam_is_replayed_with_the_list_of_ssam(tmp_path: Path) -> None:
    tracks = read_recorded(crossing(tmp_path / "cross.xml")).tracks
    assert isinstance(tracks, GroundTracks)
    (tmp_path / "a.trj").write_bytes(pack_trj(trajectories_of(paths_among(tracks))))
    recorded = read_recorded(tmp_path / "a.trj")
    camera = settings.CameraSettings(
        id="t", url="", line=(settings.LineSettings("L", (-20.0, -5.0), (-20.0, 5.0)),)
    )
    told = measured(recorded, camera, "a.trj", SEVEN, conflicts="ssam")
    theirs = conflicts(read_trj(tmp_path / "a.trj"))
    assert len(told.conflicts) == len(theirs)
    assert [one.type for one in told.conflicts] == [one.type for one in theirs]
    assert [one.kind for one in told.crossings] == [Kind.UNKNOWN] * 2
    assert [one.speed_m_s for one in told.crossings] == pytest.approx([10.0, 14.0], abs=0.1)
    by_footprint = measured(recorded, camera, "a.trj", SEVEN)
    assert ConflictType.CROSSING in {one.type for one in by_footprint.conflicts}


def test_boxes_on_a_calibrated_picture_have_conflicts_by_each_definition_without_lanes() -> None:
    frames = np.arange(120)
    boxes, who, frame = [], [], []
    for number, (x0, y0, u, v, begin) in enumerate(
        [(0.0, 0.0, 10.0, 0.0, 0.0), (40.0, -38.0, 0.0, 10.0, 1.6)]
    ):
        for step in frames:
            x, y = x0 + u * (step / 10 - begin), y0 + v * (step / 10 - begin)
            if not (0.0 <= x <= 80.0 and -40.0 <= y <= 40.0):
                continue
            left, foot = 10.0 * x + 100.0, 500.0 - 10.0 * y
            boxes.append((left - 10.0, foot - 20.0, left + 10.0, foot))
            who.append(number)
            frame.append(int(step))
    order = np.lexsort((who, frame))
    tracks = PictureTracks(
        1000, 1000, 10.0, len(frames), np.array(frame)[order], np.array(who)[order],
        np.array(boxes)[order], np.ones(len(order)), np.zeros(len(order), np.int64), ("car",),
        {0: Kind.CAR, 1: Kind.CAR},
    )  # fmt: skip
    camera = settings.CameraSettings(id="t", url="", ground=GROUND)
    told = measured(Recorded(tracks), camera, "boxes", SEVEN)
    (one,) = told.conflicts
    assert one.type is ConflictType.CROSSING
    assert one.pet_s is not None
    assert math.hypot(one.x_m - 40.0, one.y_m) < 3.0
    assert measured(tracks, camera, "boxes", SEVEN, conflicts="ssam").conflicts is not None
    uncalibrated = settings.CameraSettings(id="t", url="")
    assert measured(tracks, uncalibrated, "boxes", SEVEN).conflicts == ()
