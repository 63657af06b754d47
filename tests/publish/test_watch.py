"""Watch: what is published of a source, and what can never be in it."""

import dataclasses
import json
import math
import platform
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from jsonschema import Draft202012Validator, ValidationError

from placewatch.bench import Figure
from placewatch.bench.record import machine
from placewatch.core.errors import Misconfigured
from placewatch.core.facts import CameraHealth, Crossing
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import UtcMicros
from placewatch.publish.watch import (
    WatchedLine,
    WatchSummary,
    source_name,
    to_document,
    to_json,
    write_json,
)

SPEC = Path(__file__).parents[2] / "docs/spec"
NOON = UtcMicros(1_795_348_800_000_000)


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((SPEC / name).read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


WATCH = validator("watch.schema.json")
BENCH = validator("bench.schema.json")

seconds = st.floats(0, 1e6)
counts = st.integers(0, 10**9)
pixels = st.floats(-1e4, 1e5)
names = st.text(min_size=1, max_size=20)

crossings = st.builds(
    Crossing,
    at=st.just(NOON),
    media_s=seconds,
    frame=counts,
    camera=st.just(CameraId("street")),
    line=st.just("East"),
    kind=st.sampled_from(Kind),
    direction=st.sampled_from(Direction),
    speed_m_s=st.none() | st.floats(0, 100),
)
lines = st.builds(
    WatchedLine,
    name=names,
    from_px=st.tuples(pixels, pixels),
    to_px=st.tuples(pixels, pixels),
    crossings=st.lists(crossings, max_size=6).map(tuple),
)
healths = st.builds(
    CameraHealth,
    at=st.integers(0, 2**52).map(UtcMicros),
    window_s=seconds,
    coverage_s=seconds,
    camera=st.just(CameraId("street")),
    frames=counts,
    frames_dropped=counts,
    packets_corrupt=counts,
    timestamps_repaired=counts,
    gaps=counts,
    losses=counts,
    lateness_s_max=seconds,
)
summaries = st.builds(
    WatchSummary,
    source=names,
    width_px=counts,
    height_px=counts,
    fps=st.none() | st.floats(0, 1e3),
    detector=names,
    lines=st.lists(lines, max_size=4).map(tuple),
    health=healths,
    cpu_s=seconds,
    decode_cpu_s=seconds,
    wall_s=seconds,
    unseen_s=st.lists(st.tuples(seconds, seconds), max_size=3).map(tuple),
    calibrated=st.booleans(),
    backdrop_jpeg=st.none() | st.binary(max_size=64),
    density=st.just([[0.0, 1.5]]),
)


def quiet_street(**changes: Any) -> WatchSummary:
    """Ten seconds of a street in which nothing happens."""
    known: dict[str, Any] = {
        "source": "high-street.mp4",
        "width_px": 640,
        "height_px": 360,
        "fps": 25.0,
        "detector": "motion",
        "lines": (WatchedLine("East", (10.0, 20.0), (30.5, 40.0)),),
        "health": CameraHealth(NOON, 10.0, 10.0, CameraId("street"), 250, 0, 0, 0, 0, 0, 0.0),
        "cpu_s": 1.0,
        "decode_cpu_s": 0.7,
        "wall_s": 0.9,
    }
    return WatchSummary(**{**known, **changes})


def car_at(media_s: float, frame: int = 0, speed_m_s: float | None = None) -> Crossing:
    return Crossing(
        NOON,
        media_s,
        frame,
        CameraId("street"),
        "East",
        Kind.CAR,
        Direction.LEFT_TO_RIGHT,
        speed_m_s,
    )


@given(summaries)
def test_whatever_was_seen_is_told_in_the_published_format(summary: WatchSummary) -> None:
    WATCH.validate(json.loads(to_json(summary)))


@given(summaries)
def test_every_crossing_is_told_once_and_in_order_of_time(summary: WatchSummary) -> None:
    for line, told in zip(summary.lines, to_document(summary)["lines"], strict=True):
        assert told["name"] == line.name
        assert [crossing["media_s"] for crossing in told["crossings"]] == sorted(
            round(crossing.media_s, 6) for crossing in line.crossings
        )


def test_the_first_keys_are_those_that_were_promised() -> None:
    told = to_document(quiet_street(lines=(WatchedLine("East", (1, 2), (3, 4), (car_at(1.0),)),)))
    assert told["format"] == "placewatch.watch/1"
    assert {"frames", "duration_s", "width_px", "height_px", "fps"} <= told["source"].keys()
    assert told["lines"][0] == {
        "name": "East",
        "from_px": [1, 2],
        "to_px": [3, 4],
        "crossings": [{"media_s": 1.0, "frame": 0, "kind": "car", "direction": "left_to_right"}],
    }
    assert {"cpu_s", "decode_cpu_s"} <= told["cost"].keys()


def test_a_street_where_nobody_passed_has_an_empty_list_and_not_no_line() -> None:
    assert to_document(quiet_street())["lines"][0]["crossings"] == []


def test_a_speed_that_is_not_known_is_absent_and_not_zero() -> None:
    known, unknown = car_at(1.0, speed_m_s=0.0), car_at(2.0)
    line = WatchedLine("East", (1, 2), (3, 4), (known, unknown))
    told = to_document(quiet_street(lines=(line,)))["lines"][0]["crossings"]
    assert told[0]["speed_m_s"] == 0.0
    assert "speed_m_s" not in told[1]


@pytest.mark.parametrize("stranger", ["track", "id", "box", "path", "plate", "picture", "face"])
def test_the_schema_refuses_what_says_more_of_a_road_user(stranger: str) -> None:
    line = WatchedLine("East", (1, 2), (3, 4), (car_at(1.0),))
    for depth in range(4):
        told = to_document(quiet_street(lines=(line,)))
        places = (told, told["source"], told["lines"][0], told["lines"][0]["crossings"][0])
        places[depth][stranger] = "x"
        with pytest.raises(ValidationError):
            WATCH.validate(told)


def test_neither_pictures_nor_the_density_of_tracks_are_in_the_json() -> None:
    told = to_json(quiet_street(backdrop_jpeg=b"\xff\xd8picture", density=[[123.25]]))
    assert "picture" not in told
    assert "123.25" not in told


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("/home/ada/streets/high-street.mp4", "high-street.mp4"),
        ("high-street.mp4", "high-street.mp4"),
        ("rtsp://10.0.4.3:554/stream1", "rtsp://10.0.4.3:554/stream1"),
        ("rtsp://ada:secret@10.0.4.3/stream1", "rtsp://10.0.4.3/stream1"),
        ("rtsp://ada:se/cr?et@10.0.4.3/stream1", "rtsp://10.0.4.3/stream1"),
        ("rtsp://ada:s@cret@10.0.4.3/stream1?x=1", "rtsp://10.0.4.3/stream1"),
        ("http://camera/video.cgi?user=ada&password=secret", "http://camera/video.cgi"),
        ("rtsp://10.0.4.3/user=ada&password=secret&channel=1", "rtsp://10.0.4.3/…"),
        ("/dev/video0", "/dev/video0"),
        ("street:crossing?seed=1&light=dusk", "street:crossing?seed=1&light=dusk"),
        ("sim://junction?camera=roof&seed=1", "sim://junction?camera=roof&seed=1"),
    ],
)
def test_a_source_is_named_without_folder_login_or_query(source: str, printed: str) -> None:
    assert source_name(source) == printed


@given(
    login=st.from_regex(r"[!-~]{1,20}", fullmatch=True),
    scheme=st.sampled_from(["rtsp", "http", "https"]),
)
def test_no_password_is_ever_printed(login: str, scheme: str) -> None:
    assert source_name(f"{scheme}://{login}:{login}@host/live") == f"{scheme}://host/live"


def test_a_number_that_is_none_is_a_mistake_and_not_published() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(quiet_street(cpu_s=math.nan))


def test_the_file_is_the_document(tmp_path: Path) -> None:
    path = tmp_path / "new" / "watch.json"
    write_json(quiet_street(), path)
    assert json.loads(path.read_text()) == to_document(quiet_street())
    assert [file.name for file in path.parent.iterdir()] == ["watch.json"]


def test_a_folder_in_the_way_is_said_in_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "watch.json").mkdir()
    with pytest.raises(Misconfigured, match="cannot write"):
        write_json(quiet_street(), tmp_path / "watch.json")
    assert [file.name for file in tmp_path.iterdir()] == ["watch.json"]


def test_a_failed_write_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "watch.json"
    path.write_text("yesterday")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Misconfigured, match="No space left"):
        write_json(quiet_street(), path)
    assert path.read_text() == "yesterday"
    assert [file.name for file in tmp_path.iterdir()] == ["watch.json"]


def test_the_examples_in_the_description_are_valid() -> None:
    pages = (SPEC / "watch.md").read_text().split("```json")[1:]
    documents = [json.loads(page.split("```")[0]) for page in pages]
    assert len(documents) == 2
    WATCH.validate(documents[0])
    BENCH.validate(documents[1])


FIGURE = {
    "name": "cost",
    "value": 1.3,
    "low": 1.2,
    "high": 1.4,
    "unit": "",
    "must": "<= 1.5",
    "aim": "",
    "passed": True,
    "how": "measured",
}


def test_a_bench_that_could_not_run_has_not_passed() -> None:
    bench = {"format": "placewatch.bench/1", "machine": {}, "figures": [FIGURE]}
    BENCH.validate(bench)
    could_not = {**FIGURE, "value": None, "low": None, "high": None}
    BENCH.validate({**bench, "figures": [{**could_not, "passed": False}]})
    with pytest.raises(ValidationError):
        BENCH.validate({**bench, "figures": [could_not]})
    for wrong in ({"how": ""}, {"must": "about 1.5"}, {"must": 1.5}):
        with pytest.raises(ValidationError):
            BENCH.validate({**bench, "figures": [{**FIGURE, **wrong}]})


def test_every_bench_tells_its_figures_in_the_published_format() -> None:
    figure = Figure("cost", 1.2, 1.1, 1.3, "", "<= 1.5", "", True, "measured")
    told = {
        "format": "placewatch.bench/1",
        "machine": machine(),
        "figures": [dataclasses.asdict(figure)],
    }
    BENCH.validate(told)
    assert platform.node() not in machine().values()
