"""Cameras that speak HTTP: pictures in a row, or any video behind an address."""

import itertools
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.capture.cameras import LOGIN, http_camera
from tests.capture.films import make_film

from placewatch.capture import open_source
from placewatch.capture.source import SourceSpec
from placewatch.core.errors import Misconfigured, PlacewatchError, Unavailable
from placewatch.core.ids import CameraId
from placewatch.core.time import SystemClock

CAMERA = CameraId("kista-03")


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Where the camera is; its films are in `tmp_path`."""
    with http_camera(tmp_path) as address:
        yield address


def test_pictures_in_a_row_are_watched_and_timed_by_their_arrival(url: str) -> None:
    source = open_source(SourceSpec(CAMERA, f"{url}/mjpeg"), SystemClock())
    frames = list(itertools.islice(source.frames(), 20))
    source.close()
    assert source.info.codec == "mjpeg"
    assert frames[0].luma.shape == (120, 160)
    steps_s = [b.media_s - a.media_s for a, b in itertools.pairwise(frames)]
    assert all(step_s > 0 for step_s in steps_s)
    assert 0.02 * 10 < sum(steps_s) < 5
    assert source.health.timestamps_repaired == 0, "a missing time is no defect of such a camera"


def test_broken_pictures_are_counted_and_the_rest_is_watched(url: str) -> None:
    source = open_source(SourceSpec(CAMERA, f"{url}/broken"), SystemClock())
    frames = list(itertools.islice(source.frames(), 20))
    source.close()
    assert len(frames) == 20
    assert source.health.packets_corrupt > 0


def test_a_camera_whose_every_picture_lacks_its_end_is_watched(url: str) -> None:
    source = open_source(SourceSpec(CAMERA, f"{url}/shabby"), SystemClock())
    assert len(list(itertools.islice(source.frames(), 5))) == 5
    source.close()


@pytest.mark.parametrize("name", ["a.mkv", "a.ts"])
def test_a_film_behind_an_address_is_watched_to_its_end_without_loss(
    name: str, url: str, tmp_path: Path
) -> None:
    make_film(tmp_path / name, frames=100, sound=True)
    source = open_source(SourceSpec(CAMERA, f"{url}/{name}"), SystemClock())
    frames = []
    for frame in source.frames():
        frames.append(frame.number)
        time.sleep(0.002)
    assert frames == list(range(100))
    assert source.health.frames_dropped == 0


def test_a_stream_that_is_joined_between_two_key_frames_is_waited_for(url: str) -> None:
    """Its pictures show nothing for four seconds, but it is not silent."""
    source = open_source(SourceSpec(CAMERA, f"{url}/joined", timeout_s=2.8), SystemClock())
    frame = next(iter(source.frames()))
    assert (source.info.width_px, source.info.height_px) == frame.luma.shape[::-1] == (160, 120)
    assert source.health.packets_corrupt == 0, "what it joined too late for was not damaged"
    source.close()


def test_a_camera_that_ends_its_stream_is_lost(url: str) -> None:
    source = open_source(SourceSpec(CAMERA, f"{url}/ends"), SystemClock())
    with pytest.raises(Unavailable, match="kista-03"):
        list(source.frames())


def test_a_camera_that_freezes_is_lost_within_its_timeout(url: str) -> None:
    source = open_source(SourceSpec(CAMERA, f"{url}/freezes", timeout_s=1.0), SystemClock())
    started_s = time.monotonic()
    with pytest.raises(Unavailable, match=r"sent no frame for 0\.9 s"):
        list(source.frames())
    assert time.monotonic() - started_s < 5


def test_a_login_opens_the_camera_and_is_never_shown(url: str) -> None:
    spec = SourceSpec(CAMERA, f"{url}/locked", login=LOGIN)
    source = open_source(spec, SystemClock())
    assert next(source.frames()).camera == CAMERA
    source.close()
    wrong = SourceSpec(CAMERA, f"{url}/locked?token=t0ken", login=("ada", "s3cret"))
    with pytest.raises(Misconfigured, match="refused the login") as failure:
        open_source(wrong, SystemClock())
    told = "".join(traceback.format_exception(failure.value))
    assert "s3cret" not in told
    assert "t0ken" not in told


@pytest.mark.parametrize(
    ("path", "kind", "sentence"),
    [
        ("forbidden", Misconfigured, "refused the login"),
        ("nowhere", Unavailable, "is not known to its host"),
        ("busy", Unavailable, "could not be opened"),
        ("page", Unavailable, "answers with no video"),
    ],
)
def test_an_address_that_cannot_be_watched_is_told_in_one_sentence_with_a_hint(
    path: str, kind: type[PlacewatchError], sentence: str, url: str
) -> None:
    with pytest.raises(kind, match=sentence) as failure:
        open_source(SourceSpec(CAMERA, f"{url}/{path}"), SystemClock())
    assert failure.value.hint
    assert "\n" not in str(failure.value)
