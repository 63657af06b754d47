"""Ottrk: what OTVision tracked is read, written and counted as it is."""

import bz2
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placewatch.core.errors import Rejected
from placewatch.core.ids import camera_id
from placewatch.core.kinds import Kind
from placewatch.core.space import PicturePoint
from placewatch.core.time import UtcMicros, from_rfc3339
from placewatch.measure.flow import FlowMeter
from placewatch.measure.line import CountingLine
from placewatch.measure.ottrk import KIND_OF_CLASS, pack_ottrk, read_ottrk, read_sections
from placewatch.measure.picture_tracks import PictureTracks, scenes

DATA = Path(__file__).parents[3] / "shared/data/tracks/opentrafficcam"
RECORDED = DATA / "Testvideo_Cars-Cyclist_FR20_2020-01-01_00-00-00.ottrk"
SECTIONS = DATA / "Testvideo_Cars-Cyclist.otflow"
CAMERA = camera_id("t")

recorded = pytest.mark.skipif(not RECORDED.exists(), reason="OTVision's files are not here")


def box(frame: int, who: int, left: float, word: str = "car", score: float = 0.9) -> dict[str, Any]:
    """A box of OTVision's, 40 by 30 px, standing at y 230."""
    return {
        "class": word, "confidence": score, "x": left, "y": 200.0, "w": 40.0, "h": 30.0,
        "frame": frame, "occurrence": 0.0, "track-id": who,
    }  # fmt: skip


def write(path: Path, boxes: list[dict[str, Any]], **video: object) -> Path:
    told = {
        "width": 800, "height": 600, "recorded_fps": 20.0, "number_of_frames": 60,
        "recorded_start_date": 1577836800.0,
    } | video  # fmt: skip
    document = {"metadata": {"video": told}, "data": {"detections": boxes}}
    path.write_bytes(bz2.compress(json.dumps(document).encode()))
    return path


def crossed(tracks: PictureTracks, *lines: tuple[float, float, float, float]) -> list[Any]:
    meter = FlowMeter(
        CAMERA,
        [
            CountingLine(str(at), PicturePoint(*line[:2]), PicturePoint(*line[2:]))
            for at, line in enumerate(lines)
        ],
        UtcMicros(0),
    )
    found = [one for scene in scenes(tracks, CAMERA, UtcMicros(0)) for one in meter.measure(scene)]
    return [*found, *meter.leave()]


@recorded
def test_a_recorded_file_is_read_and_comes_out_as_it_was(tmp_path: Path) -> None:
    tracks = read_ottrk(RECORDED)
    assert (tracks.width_px, tracks.height_px, tracks.fps, tracks.frames) == (800, 600, 20.0, 60)
    assert tracks.start == from_rfc3339("2020-01-01")
    assert tracks.kinds[15] is Kind.CAR
    assert tracks.kinds[17] is Kind.BICYCLE
    (tmp_path / "out.ottrk").write_bytes(pack_ottrk(tracks, "street"))
    before, after = (
        json.loads(bz2.decompress(path.read_bytes()))["data"]["detections"]
        for path in (RECORDED, tmp_path / "out.ottrk")
    )
    assert len(before) == len(after) == 309
    before.sort(key=lambda one: (one["frame"], one["track-id"]))
    for one, other in zip(before, after, strict=True):
        for key in ("class", "frame", "track-id", "confidence", "interpolated-detection"):
            assert one[key] == other[key]
        for key in ("x", "y", "w", "h", "occurrence"):
            assert one[key] == pytest.approx(other[key], abs=1e-6)
    again = read_ottrk(tmp_path / "out.ottrk")
    assert again.labels == tracks.labels
    assert again.kinds == tracks.kinds
    assert np.array_equal(again.frame, tracks.frame)
    assert np.allclose(again.boxes_px, tracks.boxes_px)


@recorded
def test_the_folder_of_who_tracked_it_is_not_passed_on() -> None:
    assert b"Users" in bz2.decompress(RECORDED.read_bytes())
    assert b"Users" not in bz2.decompress(pack_ottrk(read_ottrk(RECORDED), "street"))


@recorded
def test_one_car_and_one_bicycle_pass_the_junction() -> None:
    tracks = read_ottrk(RECORDED)
    # truth/junction-3s.json: counted by hand over x = 300, left to right on the picture.
    found = crossed(tracks, (300.0, 560.0, 300.0, 60.0))
    assert sorted((one.kind, one.direction) for one in found) == [
        ("bicycle", "left_to_right"), ("car", "left_to_right"),
    ]  # fmt: skip


@recorded
def test_one_car_and_one_bicycle_pass_its_sections() -> None:
    sections = read_sections(SECTIONS)
    assert len(sections) == 12  # four of four points each
    tracks = read_ottrk(RECORDED)
    for name, kinds in (("Süd", ["car"]), ("Nord", ["bicycle"]), ("West", [])):
        lines = [(a.x_px, a.y_px, b.x_px, b.y_px) for told, a, b in sections
                 if told.startswith(name)]  # fmt: skip
        assert [str(one.kind) for one in crossed(tracks, *lines)] == kinds


def test_a_road_user_is_what_its_surest_boxes_say(tmp_path: Path) -> None:
    boxes = [box(1, 7, 10.0, "truck", 0.3), box(2, 7, 14.0, "truck", 0.3), box(3, 7, 18.0, "bus")]
    assert read_ottrk(write(tmp_path / "a.ottrk", boxes)).kinds == {7: Kind.BUS}
    boxes = [box(1, 7, 10.0, "train")]
    assert read_ottrk(write(tmp_path / "a.ottrk", boxes)).kinds == {7: Kind.UNKNOWN}
    assert set(KIND_OF_CLASS.values()) == set(Kind) - {Kind.UNKNOWN}


def test_a_break_in_a_track_does_not_hide_a_crossing(tmp_path: Path) -> None:
    path = [box(frame, 1, 100.0 + 6.0 * frame) for frame in range(1, 60)]
    whole = read_ottrk(write(tmp_path / "a.ottrk", path))
    broken = read_ottrk(
        write(tmp_path / "a.ottrk", [one for one in path if not 25 < one["frame"] < 40])
    )
    line = (300.0, 500.0, 300.0, 100.0)
    assert len(crossed(whole, line)) == len(crossed(broken, line)) == 1
    assert math.isclose(
        crossed(whole, line)[0].media_s, crossed(broken, line)[0].media_s, abs_tol=0.06
    )


def test_an_empty_recording_still_has_its_frames(tmp_path: Path) -> None:
    tracks = read_ottrk(write(tmp_path / "a.ottrk", []))
    assert len(tracks) == 0
    told = list(scenes(tracks, CAMERA, UtcMicros(0)))
    assert len(told) == 60
    assert told[-1].media_s == pytest.approx(2.95)


def test_ids_of_a_file_do_not_outlive_it(tmp_path: Path) -> None:
    tracks = read_ottrk(write(tmp_path / "a.ottrk", [box(1, 7, 10.0), box(2, 7, 14.0)]))
    ids = [
        {mover.track for scene in scenes(tracks, CAMERA, UtcMicros(0)) for mover in scene.movers}
        for _ in range(2)
    ]
    assert len(ids[0]) == len(ids[1]) == 1
    assert not ids[0] & ids[1]
    assert "7" not in ids[0]


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(
        st.tuples(st.integers(0, 59), st.integers(0, 5)),
        st.tuples(st.floats(0, 700), st.floats(0, 500), st.floats(1, 90), st.floats(1, 90)),
        max_size=40,
    )
)
def test_whatever_was_tracked_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    boxes: dict[tuple[int, int], tuple[float, float, float, float]],
) -> None:
    keys = sorted(boxes)
    places = np.array([boxes[key] for key in keys]).reshape(-1, 4)
    places[:, 2:] += places[:, :2]
    tracks = PictureTracks(
        width_px=800,
        height_px=600,
        fps=12.5,
        frames=60,
        frame=np.array([frame for frame, _ in keys], np.int64),
        who=np.array([who for _, who in keys], np.int64),
        boxes_px=places,
        scores=np.ones(len(keys)),
        label=np.zeros(len(keys), np.int64),
        labels=("car",) if keys else (),
        kinds={who: Kind.CAR for _, who in keys},
        start=UtcMicros(1_577_836_800_000_000),
    )
    path = tmp_path_factory.mktemp("ottrk") / "a.ottrk"
    path.write_bytes(pack_ottrk(tracks, "a"))
    again = read_ottrk(path)
    assert np.allclose(again.boxes_px, tracks.boxes_px)
    for name in ("width_px", "height_px", "fps", "frames", "labels", "kinds", "start"):
        assert getattr(again, name) == getattr(tracks, name)
    for name in ("frame", "who", "scores", "label"):
        assert np.array_equal(getattr(again, name), getattr(tracks, name))
    told = list(scenes(tracks, CAMERA, UtcMicros(0)))
    assert sum(mover.seen for scene in told for mover in scene.movers) == len(keys)


def test_older_files_tell_instants_as_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ottrk", [], recorded_start_date="2022-05-06 07:08:09.500000")
    assert read_ottrk(path).start == from_rfc3339("2022-05-06T07:08:09.5Z")


@pytest.mark.parametrize(
    "content",
    [
        b"", b"BZh9 no", b"{}", b"[]", b"[" * 100_000, bz2.compress(b'{"metadata": 3}'),
        bz2.compress(b'{"metadata": {"video": {}}, "data": {}}'),
    ],
    ids=["empty", "torn", "object", "list", "deep", "number", "bare"],
)  # fmt: skip
def test_what_is_no_ottrk_is_rejected(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.ottrk").write_bytes(content)
    with pytest.raises(Rejected, match=r"a\.ottrk is no \.ottrk"):
        read_ottrk(tmp_path / "a.ottrk")
    with pytest.raises(Rejected, match=r"a\.ottrk is no \.otflow"):
        read_sections(tmp_path / "a.ottrk")


@pytest.mark.parametrize(
    "video", [{"recorded_fps": 0.0}, {"width": -3}, {"number_of_frames": 10**9}, {"height": None}]
)
def test_numbers_that_cannot_be_are_rejected(tmp_path: Path, video: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        read_ottrk(write(tmp_path / "a.ottrk", [], **video))
    nowhere = box(1, 1, math.nan)
    with pytest.raises(Rejected):
        read_ottrk(write(tmp_path / "a.ottrk", [nowhere]))
