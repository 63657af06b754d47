"""Variants of counted clips: their truth goes with the picture, and errors do not cancel."""

import json
from pathlib import Path
from typing import Any

import av
import pytest
from tests.capture.films import make_film
from tools.variants.make import altered_truth, make, variants
from tools.variants.score import direction, off

TRUTH: dict[str, Any] = {
    "video": {"file": "video/van.mp4"},
    "frame_range": [0, 49],
    "lines": [
        {
            "id": "A",
            "p1": [80, 0],
            "p2": [80, 119],
            "counts": {"vehicle": {"right": 1, "left": 0}, "person": {"any": 0}},
        }
    ],
}


def crossing(frame: int, kind: str, way: str) -> dict[str, Any]:
    return {"frame": frame, "kind": kind, "direction": way}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("data")
    (data / "video").mkdir()
    (data / "truth").mkdir()
    make_film(data / "video" / "van.mp4")
    (data / "truth" / "van.json").write_text(json.dumps(TRUTH))
    make(data, data / "films")
    return data / "films"


def test_each_variant_is_a_film_with_its_truth(made: Path) -> None:
    names = {one.name for one in variants()}
    assert len(names) == len(variants())
    assert {path.stem for path in made.glob("*.mp4")} == {f"van.{name}" for name in names}
    for name, size, frames in (
        ("small", (96, 72), 50),
        ("large", (240, 180), 50),
        ("half", (160, 120), 25),
    ):
        with av.open(str(made / f"van.{name}.mp4")) as container:
            stream = container.streams.video[0]
            assert (stream.codec_context.width, stream.codec_context.height) == size
            assert sum(1 for _ in container.decode(video=0)) == frames
    told = json.loads((made / "van.small.json").read_text())
    assert told["lines"][0]["p2"] == pytest.approx([48, 71.4])
    assert json.loads((made / "van.half.json").read_text())["frame_range"] == [0, 24]


def test_in_a_mirror_right_is_left() -> None:
    mirror = next(one for one in variants() if one.name == "mirror")
    told = altered_truth(TRUTH, mirror, 160)
    line = told["lines"][0]
    assert line["p1"] == (79, 0)
    assert line["counts"]["vehicle"] == {"left": 1, "right": 0}
    assert line["counts"]["person"] == {"any": 0}
    assert direction(TRUTH["lines"][0], "right") != direction(line, "left")
    assert TRUTH["lines"][0]["p1"] == [80, 0], "the clip's own truth stays"


def test_every_count_that_is_off_is_told() -> None:
    right = direction(TRUTH["lines"][0], "right")
    left = direction(TRUTH["lines"][0], "left")
    seen = [
        crossing(3, "car", left),
        crossing(9, "unknown", right),
        crossing(60, "car", right),  # after the counted stretch
    ]
    rows, unknown = off(TRUTH, {"lines": [{"name": "A", "crossings": seen}]})
    assert rows == [("A", "vehicle", "right", 1, 0), ("A", "vehicle", "left", 0, 1)]
    assert unknown == 1
