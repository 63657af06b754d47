"""Replay: recorded tracks say the same again, with whatever lines; facts add up to windows."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jsonschema import Draft202012Validator
from rich.console import Console

from placewatch.core.errors import Misconfigured, Rejected
from placewatch.core.facts import LineCount, MovementCount
from placewatch.core.ids import CameraId
from placewatch.core.kinds import KINDS, Direction, Kind
from placewatch.core.time import MINUTE_US, UtcMicros, from_rfc3339
from placewatch.measure import ottrk
from placewatch.measure.picture_tracks import PictureTracks
from placewatch.measure.replay import GroundTracks
from placewatch.node import config as settings
from placewatch.node.replay import (
    ReplayRequest,
    measured,
    read_tracks,
    replay_facts,
    replay_tracks,
)
from placewatch.publish import bins as shown
from placewatch.store.bins import bins_of
from placewatch.store.export import write_facts
from placewatch.store.rows import LINE_COUNTS, MOVEMENT_COUNTS, rows_of

SCHEMA = Draft202012Validator(
    json.loads((Path(__file__).parents[2] / "docs/spec/watch.schema.json").read_text("utf-8"))
)
SEVEN = from_rfc3339("2026-11-23T07:00:00Z")
STEP_S, SPEED_M_S, LENGTH_M, WIDTH_M = 0.1, 10.0, 4.5, 1.8


def rows(kinds: list[Kind], seconds: float) -> dict[str, list[Any]]:
    """Road users that drive east along y = 0 at 10 m/s from x = -50, two seconds apart."""
    found: dict[str, list[Any]] = {name: [] for name in ("at_s", "who", "kind", "x_m")}
    for step in range(round(seconds / STEP_S)):
        at_s = round(step * STEP_S, 3)
        for who, kind in enumerate(kinds):
            x_m = -50.0 + SPEED_M_S * (at_s - 2.0 * who)
            if -50.0 <= x_m <= 50.0:
                for name, value in (
                    ("at_s", at_s),
                    ("who", who),
                    ("kind", str(kind)),
                    ("x_m", x_m),
                ):
                    found[name].append(value)
    return found


def ground_file(path: Path, kinds: list[Kind], seconds: float = 16.0) -> Path:
    told = rows(kinds, seconds)
    count = len(told["at_s"])
    columns = {
        "at_s": told["at_s"], "who": pa.array(told["who"], pa.int32()),
        "kind": pa.array(told["kind"]).dictionary_encode(), "x_m": told["x_m"],
        "y_m": [0.0] * count, "heading_deg": [0.0] * count, "speed_m_s": [SPEED_M_S] * count,
        "length_m": [LENGTH_M] * count, "width_m": [WIDTH_M] * count,
    }  # fmt: skip
    pq.write_table(pa.table(columns), path)
    return path


def seen_file(path: Path, kinds: list[Kind]) -> Path:
    """The same seen on a picture of 1000 by 500 px, 10 px a metre; and a ghost beside the first."""
    told = rows(kinds, 16.0)
    ghost = [row for row, who in enumerate(told["who"]) if who == 0]
    told = {name: [*column, *(column[row] for row in ghost)] for name, column in told.items()}
    x = np.array(told["x_m"]) * 10.0 + 500.0
    count = len(x)
    columns = {
        "at_s": told["at_s"],
        "left_px": x - 20.0,
        "top_px": np.full(count, 230.0),
        "right_px": x + 20.0,
        "bottom_px": np.full(count, 250.0),
        "score": np.ones(count),
        "kind": told["kind"],
        "who": np.array(told["who"][: -len(ghost)] + [-1] * len(ghost), np.int32),
    }
    table = pa.table(columns)
    pq.write_table(table.replace_schema_metadata({"width_px": "1000", "height_px": "500"}), path)
    return path


KINDS_HERE = [Kind.CAR, Kind.BUS, Kind.CAR]


def test_tracks_on_the_ground_cross_a_line_in_metres_at_their_speed(tmp_path: Path) -> None:
    tracks = read_tracks(ground_file(tmp_path / "tracks.parquet", KINDS_HERE))
    camera = settings.CameraSettings(
        id="t", url="", line=(settings.LineSettings("L", (10.0, -5.0), (10.0, 5.0)),)
    )
    told = measured(tracks, camera, "tracks.parquet", SEVEN)
    assert [one.kind for one in told.crossings] == KINDS_HERE
    assert [one.media_s for one in told.crossings] == pytest.approx([6.0, 8.0, 10.0], abs=1e-6)
    assert [one.speed_m_s for one in told.crossings] == pytest.approx([10.0] * 3)
    # Who walks north along the line sees them pass from left to right: to the east.
    assert {one.direction for one in told.crossings} == {Direction.LEFT_TO_RIGHT}
    assert told.calibrated
    assert told.coverage_s == pytest.approx(14.1)  # until the last one has left
    assert sum(row.count or 0 for row in told.facts) == 3
    for line in told.lines:  # the plan is a picture
        for x_px, y_px in (line.from_px, line.to_px):
            assert 0.0 <= x_px <= told.width_px
            assert 0.0 <= y_px <= told.height_px


def test_boxes_cross_a_line_in_pixels_and_ghosts_do_not(tmp_path: Path) -> None:
    tracks = read_tracks(seen_file(tmp_path / "detections.parquet", KINDS_HERE))
    assert isinstance(tracks, PictureTracks)
    assert (tracks.width_px, tracks.height_px) == (1000, 500)
    assert tracks.fps == pytest.approx(10.0)
    camera = settings.CameraSettings(
        id="t", url="", line=(settings.LineSettings("L", (600.0, 400.0), (600.0, 100.0)),)
    )
    told = measured(tracks, camera, "detections.parquet", SEVEN)
    assert [one.kind for one in told.crossings] == KINDS_HERE
    assert [one.media_s for one in told.crossings] == pytest.approx([6.0, 8.0, 10.0], abs=0.02)
    assert not told.calibrated


def test_arms_give_movements(tmp_path: Path) -> None:
    replay_tracks(
        ReplayRequest(
            ground_file(tmp_path / "tracks.parquet", KINDS_HERE),
            ("W=-20,-5,-20,5", "E=20,-5,20,5"),
            arms=True,
            out=tmp_path / "report",
            start="2026-11-23T07:00:00Z",
        )
    )
    moved = pq.read_table(tmp_path / "report/movements.parquet").to_pylist()
    told = {(row["from_arm"], row["to_arm"], row["kind"]): row["count"] for row in moved}
    assert {way: count for way, count in told.items() if count} == {
        ("W", "E", "car"): 2, ("W", "E", "bus"): 1,
    }  # fmt: skip
    assert (tmp_path / "report/report.html").exists()


def test_the_lines_of_a_cameras_settings_are_laid_on_the_ground(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    # 10 px a metre, seen from straight above, as on the picture of the boxes.
    points = "".join(
        f"[[camera.ground]]\nx_px = {10 * x + 500}\ny_px = {250 - 10 * y}\nx_m = {x}\ny_m = {y}\n"
        for x, y in ((-40, -20), (40, -20), (40, 20), (-40, 20))
    )
    (tmp_path / "placewatch.toml").write_text(
        'site = "Kista"\n[[camera]]\nid = "kista-03"\nurl = "x.mp4"\n'
        f'[[camera.line]]\nname = "L"\nfrom_px = [600, 400]\nto_px = [600, 100]\n{points}'
    )
    for path in (
        ground_file(tmp_path / "tracks.parquet", KINDS_HERE),
        seen_file(tmp_path / "detections.parquet", KINDS_HERE),
    ):
        replay_tracks(ReplayRequest(path, config=tmp_path / "placewatch.toml", json="-"))
        document = json.loads(capsysbinary.readouterr().out)
        SCHEMA.validate(document)
        crossings = document["lines"][0]["crossings"]
        assert [one["kind"] for one in crossings] == KINDS_HERE
        assert [one["media_s"] for one in crossings] == pytest.approx([6.0, 8.0, 10.0], abs=0.05)
        assert [one["speed_m_s"] for one in crossings] == pytest.approx([10.0] * 3, rel=0.02)


def test_given_boxes_become_an_ottrk_and_count_the_same(tmp_path: Path) -> None:
    line = ("L=600,400,600,100",)
    seen = seen_file(tmp_path / "detections.parquet", KINDS_HERE)
    out = tmp_path / "out.ottrk"
    replay_tracks(ReplayRequest(seen, line, ottrk=out, json=str(tmp_path / "a.json")))
    replay_tracks(ReplayRequest(out, line, json=str(tmp_path / "b.json")))
    first, again = (
        json.loads((tmp_path / name).read_text())["lines"] for name in ("a.json", "b.json")
    )
    assert first == again
    ground = ground_file(tmp_path / "tracks.parquet", KINDS_HERE)
    with pytest.raises(Misconfigured, match="boxes on a picture"):
        replay_tracks(ReplayRequest(ground, ottrk=out))


def test_what_cannot_be_replayed_is_said_in_a_sentence(tmp_path: Path) -> None:
    ground = ground_file(tmp_path / "tracks.parquet", [Kind.CAR])
    seen = seen_file(tmp_path / "detections.parquet", [Kind.CAR])
    (tmp_path / "bare.toml").write_text(
        'site = "Kista"\n[[camera]]\nid = "a"\nurl = "x"\n'
        '[[camera.line]]\nname = "L"\nfrom_px = [1, 1]\nto_px = [9, 9]\n'
    )
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    pq.write_table(pq.read_table(ground).slice(0, 0), tmp_path / "none.parquet")
    for request, told in (
        (ReplayRequest(tmp_path / "absent.ottrk"), "does not exist"),
        (ReplayRequest(tmp_path / "absent.parquet"), "does not exist"),
        (ReplayRequest(tmp_path / "other.parquet"), "holds no tracks"),
        (ReplayRequest(tmp_path / "torn.parquet"), "is no Parquet"),
        (ReplayRequest(tmp_path / "none.parquet"), "not a single track"),
        (ReplayRequest(seen, ("L=0,0,2000,9",)), "leaves the picture"),
        (ReplayRequest(seen, ("L=0,0",)), "is no line"),
        (ReplayRequest(ground, ("L=500,0,510,9",)), '"L" lies 4.. m from where anybody was'),
        (ReplayRequest(ground, config=tmp_path / "bare.toml"), "the ground of a is not known"),
        (ReplayRequest(ground, camera="a"), "names a camera of a TOML"),
        (ReplayRequest(ground, config=tmp_path / "bare.toml", camera="b"), "which camera recorded"),
        (ReplayRequest(ground, sections=tmp_path / "a.otflow"), "sections are on a picture"),
        (ReplayRequest(seen, sections=tmp_path / "a.otflow"), "cannot be read"),
        (ReplayRequest(seen, start="noon"), "is no instant"),
    ):
        with pytest.raises((Misconfigured, Rejected), match=told) as caught:
            replay_tracks(request)
        assert caught.value.hint


def test_no_camera_leads_to_a_file_of_tracks() -> None:
    """Who writes tracks gets them from a file: nothing that watches knows the way."""
    package = Path(ottrk.__file__).parents[1]
    knowing = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "pack_ottrk" in path.read_text("utf-8")
    }
    assert knowing == {"measure/ottrk.py", "node/replay.py"}
    text = (package / "node/replay.py").read_text("utf-8")
    for word in ("open_source", "open_detector", "Tracker", "pipeline", "placewatch.perceive"):
        assert word not in text


def crossed(minute: int, count: int | None, kind: Kind = Kind.CAR) -> LineCount:
    return LineCount(
        UtcMicros(SEVEN + minute * MINUTE_US), 60.0, 0.0 if count is None else 60.0, CameraId("t"),
        "East", kind, Direction.LEFT_TO_RIGHT, count, 0, None, None,
    )  # fmt: skip


def moved(minute: int, to_arm: str, count: int) -> MovementCount:
    at = UtcMicros(SEVEN + minute * MINUTE_US)
    return MovementCount(at, 60.0, 60.0, CameraId("t"), "West", to_arm, Kind.CAR, count)


def printed(facts: list[LineCount] | list[MovementCount], minutes: int, every: int) -> str:
    shape = LINE_COUNTS if isinstance(facts[0], LineCount) else MOVEMENT_COUNTS
    until = UtcMicros(SEVEN + minutes * MINUTE_US)
    table = rows_of(facts, shape)

    def told(step: int) -> list[Any]:
        return list(bins_of([table], shape, SEVEN, until, step * MINUTE_US, "t"))

    console = Console(width=100, record=True)
    kinds = frozenset(KINDS) - {Kind.PEDESTRIAN}
    with console.capture() as capture:
        shown.show(told(every), told(15), kinds, console=console)
    return capture.get()


def test_facts_are_shown_in_windows_with_their_peak_hour() -> None:
    facts = [crossed(minute, 2 if 15 <= minute < 30 else 1) for minute in range(75)]
    facts += [crossed(minute, 9, Kind.PEDESTRIAN) for minute in range(75)]
    text = printed(facts, 75, 15)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "2026-11-23 07:00 07:15 07:30 07:45 08:00" in lines
    assert "East left to right 15 30 15 15 15" in lines
    assert "seen 100 % 100 % 100 % 100 % 100 %" in lines
    assert "peak hour from 07:00 volume PHF" in lines
    assert "East left to right 75 0.62" in lines  # 75 / (4 x 30)


def test_what_a_terminal_cannot_hold_goes_below_and_who_did_not_come_in_a_line() -> None:
    facts = [crossed(minute, 1) for minute in range(300)]
    text = printed(facts, 300, 15)
    assert text.count("2026-11-23") == 3
    assert "Nobody" not in text
    nobody = printed([moved(0, "East", 1), moved(0, "North", 0)], 1, 1)
    assert "Nobody: West>North." in nobody


def test_an_hour_with_fog_is_no_peak_hour_and_unknown_is_not_zero() -> None:
    facts = [crossed(minute, None if 15 <= minute < 30 else 1) for minute in range(60)]
    text = printed(facts, 60, 15)
    assert "not seen" in text
    assert "there is no peak hour" in text
    assert "seen 45 min of 1 h (75 %)" in text


def test_movements_add_up_and_lines_do_not() -> None:
    facts = [moved(minute, arm, 1) for minute in range(60) for arm in ("East", "North")]
    lines = [line.split() for line in printed(facts, 60, 60).splitlines()]
    assert ["West>East", "60", "1.00"] in lines
    assert ["all", "120", "1.00"] in lines
    of_lines = printed([crossed(minute, 1) for minute in range(60)], 60, 60)
    assert ["all", "60", "1.00"] not in [line.split() for line in of_lines.splitlines()]


@pytest.mark.parametrize("name", ["facts.csv", "facts.parquet"])
def test_a_file_is_shown_and_written_as_a_long_table(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_facts([crossed(minute, 3) for minute in range(60)], tmp_path / name)
    replay_facts(tmp_path / name, 60, "Europe/Stockholm", "car,van", tmp_path / "long.csv")
    out = capsys.readouterr().out
    assert "08:00" in out
    assert "180" in out
    assert "08:00:00+01:00" in (tmp_path / "long.csv").read_text()
    for more, told in (
        ({"every_min": 7}, "no windows of 7"),
        ({"kinds": "tank"}, 'no kind "tank"'),
        ({"zone": "Moon"}, 'no time zone "Moon"'),
        ({"out": tmp_path / "a.xlsx"}, "neither"),
    ):
        with pytest.raises(Misconfigured, match=told):
            replay_facts(tmp_path / name, **more)


def a_table(path: Path, at_s: list[float], who: list[int]) -> Path:
    """Cars that drive east at 10 m/s."""
    n = len(at_s)
    pq.write_table(
        pa.table(
            {
                "at_s": at_s, "who": pa.array(who, pa.int64()), "kind": ["car"] * n,
                "x_m": [10.0 * (at - 40.0 * one) - 50.0 for at, one in zip(at_s, who, strict=True)],
                "y_m": [0.0] * n, "heading_deg": [0.0] * n, "speed_m_s": [10.0] * n,
                "length_m": [4.5] * n, "width_m": [1.8] * n,
            }
        ),
        path,
    )  # fmt: skip
    return path


def drives(first_s: float, last_s: float, who: int) -> tuple[list[float], list[int]]:
    at_s = [round(0.1 * step, 1) for step in range(round(10 * first_s), round(10 * last_s) + 1)]
    return at_s, [who] * len(at_s)


@pytest.mark.parametrize(
    ("parts", "seen_s"),
    [
        ([(0.0, 3.0, 0), (8.0, 12.0, 0)], 7.0),  # who is there before is there after
        ([(0.0, 3.0, 0), (40.0, 43.0, 1)], 43.0),  # an empty road
        ([(0.0, 3.0, 0), (3640.0, 3643.0, 1)], 6.0),  # nobody knows whether it was recorded
    ],
)
def test_what_was_not_recorded_of_tracks_was_not_seen(
    tmp_path: Path, parts: list[tuple[float, float, int]], seen_s: float
) -> None:
    at_s: list[float] = []
    who: list[int] = []
    for part in parts:
        more_s, those = drives(*part)
        at_s, who = at_s + more_s, who + those
    tracks = read_tracks(a_table(tmp_path / "tracks.parquet", at_s, who))
    assert isinstance(tracks, GroundTracks)
    camera = settings.CameraSettings(
        id="t", url="", line=(settings.LineSettings("L", (0.0, -20.0), (0.0, 20.0)),)
    )
    told = measured(tracks, camera, "a", SEVEN)
    assert told.coverage_s == pytest.approx(seen_s, abs=0.2)
    minutes = {(one.at, one.coverage_s) for one in told.facts}
    assert sum(coverage_s for _, coverage_s in minutes) == pytest.approx(seen_s, abs=0.2)


def test_a_clock_that_steps_back_is_told_with_its_row(tmp_path: Path) -> None:
    at_s, who = drives(0.0, 3.0, 0)
    later_s, more = drives(1.0, 2.0, 0)
    path = a_table(tmp_path / "tracks.parquet", at_s + later_s, who + more)
    with pytest.raises(Rejected, match="steps back at row 32"):
        read_tracks(path)


def test_moments_that_are_none_or_are_in_milliseconds_are_told(tmp_path: Path) -> None:
    at_s, who = drives(0.0, 3.0, 0)
    path = a_table(tmp_path / "tracks.parquet", [*at_s[:5], float("nan"), *at_s[6:]], who)
    with pytest.raises(Rejected, match="no number at row 6"):
        read_tracks(path)
    path = a_table(tmp_path / "tracks.parquet", [1000.0 * one for one in at_s], who)
    with pytest.raises(Rejected, match="100 s apart, and nobody is followed so: is at_s in second"):
        read_tracks(path)


def test_the_vehicles_on_the_ground_become_a_trj(tmp_path: Path) -> None:
    path = a_table(tmp_path / "tracks.parquet", *drives(0.0, 9.0, 0))
    out = tmp_path / "out.trj"
    replay_tracks(ReplayRequest(path, ("L=0,-20,0,20",), trj=out, json=str(tmp_path / "a.json")))
    again = read_tracks(out)
    assert isinstance(again, GroundTracks)
    assert again.x_m[0] == pytest.approx(-50.0, abs=0.01)
    assert again.x_m[-1] == pytest.approx(40.0, abs=1.0)


def test_a_hole_right_at_the_beginning_makes_frames_no_longer(tmp_path: Path) -> None:
    at_s = [0.0, *drives(5.0, 8.0, 0)[0]]
    n = len(at_s)
    boxes = {"left_px": [100.0] * n, "top_px": [100.0] * n, "right_px": [140.0] * n}
    columns = {"at_s": at_s, "who": [0] * n, "kind": ["car"] * n, "score": [0.9] * n, **boxes}
    pq.write_table(pa.table({**columns, "bottom_px": [120.0] * n}), tmp_path / "detections.parquet")
    tracks = read_tracks(tmp_path / "detections.parquet")
    assert isinstance(tracks, PictureTracks)
    assert (tracks.fps, tracks.frames) == (10.0, 81)
    told = measured(tracks, settings.CameraSettings(id="t", url=""), "a", SEVEN)
    assert told.unseen_s == ((0.0, 5.0),)
