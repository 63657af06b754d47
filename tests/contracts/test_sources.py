"""What every source promises, asked of every source in the table."""

import copy
import itertools
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pytest
from tests.capture.cameras import RtspCamera, http_camera, why_no_rtsp
from tests.capture.films import make_film

from placewatch.capture import SOURCES, open_source
from placewatch.capture.simulated import SimulatedSource
from placewatch.capture.source import Source, SourceSpec
from placewatch.capture.synthetic import SyntheticSource
from placewatch.core.errors import Refused, Unavailable
from placewatch.core.ids import CameraId
from placewatch.core.time import SystemClock

CAMERA = CameraId("square-01")


@contextmanager
def rtsp(_folder: Path) -> Iterator[str]:
    if reason := why_no_rtsp():
        pytest.skip(reason)
    camera = RtspCamera()
    try:
        yield camera.spec().url
    finally:
        camera.kill()


@contextmanager
def http(folder: Path) -> Iterator[str]:
    with http_camera(folder) as address:
        yield f"{address}/mjpeg"


def file(folder: Path) -> AbstractContextManager[str]:
    return nullcontext(str(make_film(folder / "street.mp4", frames=250)))


def street(_folder: Path) -> AbstractContextManager[str]:
    return nullcontext("street:main?seed=1&width=320&height=180&fps=25")


def sim(_folder: Path) -> AbstractContextManager[str]:
    pytest.importorskip("sumo", reason="SUMO is not installed: placewatch[simulate]")
    return nullcontext("sim://tee-right?seed=1&size=320x180&fps=25")


def device(_folder: Path) -> AbstractContextManager[str]:
    if not Path("/dev/video0").exists():
        pytest.skip("this machine has no camera at /dev/video0")
    return nullcontext("/dev/video0")


PLACES: dict[str, Callable[[Path], AbstractContextManager[str]]] = {
    "file": file,
    "rtsp": rtsp,
    "http": http,
    "street": street,
    "sim": sim,
    "device": device,
}
SAME_AS = {"rtsps": "rtsp", "https": "http"}  # TLS around what is asked here already


def test_every_source_in_the_table_is_asked() -> None:
    assert set(SOURCES) == set(PLACES) | set(SAME_AS)
    assert all(SOURCES[key] is SOURCES[other] for key, other in SAME_AS.items())


@pytest.fixture(params=PLACES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    """A session with each kind of source."""
    with PLACES[request.param](tmp_path) as url:
        opened = open_source(SourceSpec(CAMERA, url, pace="real"), SystemClock())
        yield opened
        opened.close()


def test_frames_come_in_order_of_time_and_number(source: Source) -> None:
    frames = list(itertools.islice(source.frames(), 15))
    assert len(frames) == 15
    for before, after in itertools.pairwise(frames):
        assert before.at < after.at
        assert before.media_s < after.media_s
        assert before.number < after.number


def test_frames_are_of_their_own_camera_and_of_the_size_that_was_told(source: Source) -> None:
    for frame in itertools.islice(source.frames(), 3):
        assert frame.camera == CAMERA
        assert (frame.width_px, frame.height_px) == (source.info.width_px, source.info.height_px)
        assert frame.luma.dtype == np.uint8
        assert frame.luma.ndim == 2
        assert not frame.luma.flags.writeable
        assert frame.to_rgb(64).shape == (round(frame.height_px * 64 / frame.width_px), 64, 3)


def test_frames_are_counted(source: Source) -> None:
    frames = source.frames()
    for _ in range(5):
        next(frames)
    assert source.health.frames == 5


def test_frames_that_are_not_wanted_are_asked_for_once_and_counted(source: Source) -> None:
    asked: list[tuple[float, bool]] = []

    def third(media_s: float, after_gap: bool) -> bool:
        asked.append((media_s, after_gap))
        return len(asked) % 3 == 1

    frames = list(itertools.islice(source.frames(third), 4))
    assert [frame.media_s for frame in frames] == [media_s for media_s, _ in asked[::3]]
    assert [frame.after_gap for frame in frames] == [after_gap for _, after_gap in asked[::3]]
    assert all(later > before for (before, _), (later, _) in itertools.pairwise(asked))
    assert source.health.frames == len(asked) == 10


@pytest.mark.parametrize("kind", ["file", "street"])
@pytest.mark.parametrize(("length", "last"), [(25, 24), (26, 25)])
def test_the_last_frame_is_there_whether_it_is_wanted_or_not(
    kind: str, length: int, last: int, tmp_path: Path
) -> None:
    url = f"street:main?width=320&height=180&fps=25&duration_s={length / 25}"
    if kind == "file":
        url = str(make_film(tmp_path / "street.mp4", frames=length))
    spec = SourceSpec(CAMERA, url)
    everything = {frame.number: frame for frame in open_source(spec, SystemClock()).frames()}
    source = open_source(spec, SystemClock())
    some = list(source.frames(lambda media_s, after_gap: round(media_s * 25) % 4 == 0))
    assert [frame.number for frame in some] == sorted({*range(0, length, 4), last})
    assert source.health.frames == length
    for frame in some:  # as it is where every frame is wanted
        same = everything[frame.number]
        assert frame.media_s == same.media_s
        assert np.array_equal(frame.luma, same.luma)


def test_what_is_unknown_before_a_frame_that_is_not_wanted_is_so_before_the_next(
    source: Source,
) -> None:
    second = iter((False, True))
    frame = next(source.frames(lambda media_s, after_gap: next(second)))
    assert frame.number > 0
    assert frame.after_gap or isinstance(source, SyntheticSource | SimulatedSource)


def test_a_frame_leaves_the_process_in_no_way(source: Source) -> None:
    frame = next(source.frames())
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(Refused):
            leave(frame)
    assert "array" not in repr(frame)


def test_close_from_another_thread_ends_the_frames_within_a_second(source: Source) -> None:
    frames = source.frames()
    next(frames)
    closed_s: list[float] = []

    def close() -> None:
        source.close()
        closed_s.append(time.monotonic())

    closer = threading.Timer(0.2, close)
    closer.start()
    for _ in frames:
        assert not closed_s or time.monotonic() - closed_s[0] < 0.1
    ended_s = time.monotonic()
    closer.join()
    assert ended_s - closed_s[0] < 1.0


def test_no_frame_comes_after_close(source: Source) -> None:
    frames = source.frames()
    next(frames)
    source.close()
    source.close()
    assert next(frames, None) is None


def test_closing_before_the_first_frame_is_possible(source: Source) -> None:
    source.close()
    assert list(source.frames()) == []


@pytest.mark.parametrize("kind", ["rtsp", "http"])
def test_a_loss_is_unavailable(kind: str, tmp_path: Path) -> None:
    if kind == "rtsp":
        if reason := why_no_rtsp():
            pytest.skip(reason)
        camera = RtspCamera()
        frames = open_source(camera.spec(), SystemClock()).frames()
        next(frames)
        camera.kill()
        with pytest.raises(Unavailable):
            list(frames)
        return
    with http_camera(tmp_path) as address:
        source = open_source(SourceSpec(CAMERA, f"{address}/ends"), SystemClock())
        with pytest.raises(Unavailable):
            list(source.frames())
