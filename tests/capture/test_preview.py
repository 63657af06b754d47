"""Preview: the street of a recording is known before it is watched."""

from pathlib import Path

import numpy as np
import pytest
from tests.capture.films import FPS, make_film

from placewatch.capture import open_source
from placewatch.capture.preview import COUNT_MAX, preview
from placewatch.capture.source import SourceSpec
from placewatch.core.ids import camera_id
from placewatch.core.time import SystemClock
from placewatch.perceive.motion import BackgroundModel


def spec(path: Path) -> SourceSpec:
    return SourceSpec(camera_id("t"), str(path))


@pytest.mark.parametrize("gop", [12, 250])
def test_a_few_frames_of_the_beginning_come_apart_in_time(tmp_path: Path, gop: int) -> None:
    """Also where there are few key frames."""
    film = make_film(tmp_path / "f.mp4", frames=8 * FPS, options={"g": str(gop)})
    frames = preview(spec(film))
    assert 8 <= len(frames) <= COUNT_MAX
    assert all(frame.luma.shape == (120, 160) for frame in frames)


def test_what_cannot_be_read_has_no_preview(tmp_path: Path) -> None:
    broken = tmp_path / "b.mp4"
    broken.write_bytes(b"no film")
    assert preview(spec(broken)) == []
    assert preview(spec(tmp_path / "none.mp4")) == []
    assert preview(SourceSpec(camera_id("t"), "street:main?duration_s=1")) == []


def test_whoever_is_in_the_first_picture_is_not_part_of_a_street_that_is_known(
    tmp_path: Path,
) -> None:
    film = make_film(tmp_path / "f.mp4", frames=6 * FPS)
    background = BackgroundModel()
    background.prime(preview(spec(film)))
    source = open_source(spec(film), SystemClock())
    first = next(iter(source.frames()))
    motion = background.learn(first)
    source.close()
    [van] = motion.blobs
    assert van.box.left_px <= 4
    assert 26 <= van.box.width_px <= 36
    assert np.abs(motion.street[60:76, 0:30] - 90).max() < 20


def test_who_hardly_moves_for_half_a_minute_is_not_part_of_the_street_of_a_large_picture(
    tmp_path: Path,
) -> None:
    """A queue before a red light, of which all the first half minute tells the same."""
    film = make_film(
        tmp_path / "f.mp4",
        frames=60,
        size_px=(1280, 96),
        ticks=lambda number: number * 180_000,  # a picture in two seconds
        options={"g": "1"},
    )
    frames = preview(spec(film))
    assert 8 <= len(frames) <= COUNT_MAX
    background = BackgroundModel()
    background.prime(frames)
    source = open_source(spec(film), SystemClock())
    motion = background.learn(next(iter(source.frames())))
    source.close()
    assert np.abs(motion.street[12:16, 0:60] - 90).max() < 20
    [van] = motion.blobs
    assert van.box.left_px <= 4
    assert 26 <= van.box.width_px <= 40


def test_a_street_that_was_not_seen_before_holds_whoever_is_in_the_first_picture(
    tmp_path: Path,
) -> None:
    film = make_film(tmp_path / "f.mp4")
    background = BackgroundModel()
    background.prime([])
    source = open_source(spec(film), SystemClock())
    motion = background.learn(next(iter(source.frames())))
    source.close()
    assert motion.blobs == ()
    assert motion.age_s == 0.0
