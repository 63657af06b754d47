"""Offline: a source to its end, and how much of it was looked at."""

from pathlib import Path

import pytest
from tests.capture.films import FPS, make_film

from placewatch.capture.source import SourceSpec
from placewatch.core.ids import camera_id
from placewatch.node import config as settings
from placewatch.node.offline import analyse
from placewatch.publish.watch import WatchSummary


def watched(film: Path, **values: object) -> WatchSummary:
    camera = settings.with_values(
        settings.CameraSettings(id="clip", url=str(film), detector="motion"), **values
    )
    return analyse(SourceSpec(camera_id("clip"), str(film)), camera)


@pytest.mark.parametrize("frames", [2 * FPS, 2 * FPS + 1, 2 * FPS + 2])
def test_part_of_the_frames_is_analysed_and_all_of_the_time_was_seen(
    tmp_path: Path, frames: int
) -> None:
    told = watched(make_film(tmp_path / "street.mp4", frames=frames))
    assert told.frames == frames
    assert told.frames_analysed is not None
    assert frames / 4 <= told.frames_analysed <= frames / 2
    assert told.fps == pytest.approx(FPS)
    # Also the frames after the last that was due: the very last one is always looked at.
    assert told.duration_s == told.coverage_s == pytest.approx(frames / FPS)


def test_every_frame_is_analysed_where_that_is_asked_for(tmp_path: Path) -> None:
    told = watched(make_film(tmp_path / "street.mp4"), analysed_fps=240.0)
    assert told.frames_analysed == told.frames == 2 * FPS
    assert told.fps == pytest.approx(FPS)
