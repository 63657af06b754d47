"""A real RTSP camera is watched, lost and found again."""

import itertools
import random
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator

import pytest
from tests.capture.cameras import RtspCamera, why_no_rtsp

from placewatch.capture import open_source
from placewatch.capture.source import Source, SourceSpec
from placewatch.core.errors import Misconfigured, Unavailable
from placewatch.core.ids import CameraId
from placewatch.core.time import SystemClock
from placewatch.node.supervise import Turn, keep_going
from placewatch.pixels.frame import Frame

CAMERA = CameraId("kista-03")


@pytest.fixture(scope="module")
def server_can_run() -> None:
    if reason := why_no_rtsp():
        pytest.skip(reason)


@pytest.fixture
def camera(server_can_run: None) -> Iterator[RtspCamera]:
    camera = RtspCamera()
    yield camera
    camera.kill()


def take(source: Source, count: int) -> list[Frame]:
    """The first `count` frames; the session ends with them."""
    frames = []
    for frame in source.frames():
        frames.append(frame)
        if len(frames) == count:
            break
    source.close()
    return frames


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_camera_is_watched_over(transport: str, camera: RtspCamera) -> None:
    source = open_source(camera.spec(transport=transport), SystemClock())
    frames = take(source, 25)
    assert (source.info.width_px, source.info.height_px, source.info.codec) == (320, 240, "h264")
    steps_s = [b.media_s - a.media_s for a, b in itertools.pairwise(frames[5:])]
    whole = [round(step_s / 0.04) * 0.04 for step_s in steps_s]  # a busy machine drops one
    assert steps_s == pytest.approx(whole, abs=0.001), "the camera's own time, not the network's"
    assert all(frame.camera == CAMERA for frame in frames)
    assert all(a.at < b.at for a, b in itertools.pairwise(frames))
    assert [frame.number for frame in frames if frame.after_gap] == [frames[0].number]
    assert source.health.packets_corrupt == 0


def test_a_camera_of_h265_is_watched(camera: RtspCamera) -> None:
    try:
        source = open_source(camera.spec("/tiles"), SystemClock())
    except Unavailable:
        pytest.skip("this GStreamer has no H.265 encoder")
    assert source.info.codec == "hevc"
    assert len(take(source, 10)) == 10


def test_a_cameras_sound_is_not_even_set_up(camera: RtspCamera) -> None:
    take(open_source(camera.spec("/sound"), SystemClock()), 10)
    camera.kill()
    assert [line for line in camera.said if "setup" in line] == [
        f"setup rtsp://127.0.0.1:{camera.port}/sound/stream=0"
    ]
    camera.start()


def test_a_camera_that_dies_is_missed_at_once(camera: RtspCamera) -> None:
    source = open_source(camera.spec(), SystemClock())
    frames = source.frames()
    next(frames)
    camera.kill()
    killed_s = time.monotonic()
    with pytest.raises(Unavailable, match="kista-03"):
        list(frames)
    assert time.monotonic() - killed_s < 10
    camera.start()


def test_a_camera_that_hangs_is_missed_within_its_timeout(camera: RtspCamera) -> None:
    source = open_source(camera.spec(timeout_s=2.0), SystemClock())
    frames = source.frames()
    next(frames)
    camera.freeze()
    frozen_s = time.monotonic()
    with pytest.raises(Unavailable, match=r"sent no frame for 1\.8 s"):
        list(frames)
    assert time.monotonic() - frozen_s < 4
    with pytest.raises(Unavailable, match=r"no picture in time|did not answer"):
        open_source(camera.spec(timeout_s=1.0), SystemClock())


def test_closing_does_not_wait_for_a_camera_that_hangs(camera: RtspCamera) -> None:
    source = open_source(camera.spec(), SystemClock())
    frames = source.frames()
    next(frames)
    camera.freeze()
    closer = threading.Timer(0.5, source.close)
    closer.start()
    started_s = time.monotonic()
    list(frames)
    assert time.monotonic() - started_s < 1.5
    closer.join()


def test_an_opening_is_called_off_when_the_node_stops(camera: RtspCamera) -> None:
    camera.freeze()
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    started_s = time.monotonic()
    with pytest.raises(Unavailable):
        open_source(camera.spec(), SystemClock(), stopping=stop.is_set)
    assert time.monotonic() - started_s < 1.5


def test_a_process_ends_while_a_camera_hangs(camera: RtspCamera) -> None:
    """FFmpeg sits in a thread that nobody can stop; the process must not care."""
    code = f"""
from placewatch.capture import open_source
from placewatch.capture.source import SourceSpec
from placewatch.core.time import SystemClock
source = open_source(SourceSpec("kista-03", {camera.spec().url!r}), SystemClock())
next(source.frames())
print("watching", flush=True)
input()
source.close()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "watching\n"
    camera.freeze()
    time.sleep(0.3)
    started_s = time.monotonic()
    _, said = process.communicate("\n", timeout=20)
    assert (process.returncode, said) == (0, "")
    assert time.monotonic() - started_s < 2


def test_a_camera_that_was_killed_is_watched_again_when_it_is_back(camera: RtspCamera) -> None:
    stop = threading.Event()
    sessions: list[Source] = []
    turns: list[tuple[float, Turn]] = []
    frames_by_session: list[int] = []

    def session() -> None:
        source = open_source(camera.spec(timeout_s=5.0), SystemClock(), stopping=stop.is_set)
        sessions.append(source)
        frames_by_session.append(0)
        for _ in source.frames():
            frames_by_session[-1] += 1

    def note(turn: Turn) -> None:
        turns.append((time.monotonic(), turn))

    watch = threading.Thread(
        target=keep_going, args=(session, SystemClock(), stop, random.Random(1), note)
    )
    watch.start()
    try:
        _await(lambda: bool(frames_by_session) and frames_by_session[0] > 5)
        camera.kill()
        killed_s = time.monotonic()
        _await(lambda: any(turn.state == "lost" for _, turn in turns))
        assert time.monotonic() - killed_s < 10
        camera.start()
        back_s = time.monotonic()
        _await(lambda: len(frames_by_session) > 1 and frames_by_session[-1] > 5)
        assert time.monotonic() - back_s < 60
    finally:
        stop.set()
        stopped_s = time.monotonic()
        sessions[-1].close()
        watch.join(5)
    assert time.monotonic() - stopped_s < 2
    assert turns[-1][1].state == "stopped"
    lost = next(turn for _, turn in turns if turn.state == "lost")
    assert "kista-03" in lost.reason


@pytest.mark.usefixtures("server_can_run")
def test_a_login_opens_the_camera_and_a_wrong_one_is_said_without_it() -> None:
    camera = RtspCamera(("ada", "pa:ss@w/rd é"))
    try:
        assert len(take(open_source(camera.spec(login=camera.login), SystemClock()), 5)) == 5
        for login in [None, ("ada", "s3cret")]:
            with pytest.raises(Misconfigured, match="refused the login") as failure:
                open_source(camera.spec(login=login), SystemClock())
            _assert_holds_no_secret(failure.value, "s3cret")
        pasted = SourceSpec(CAMERA, f"rtsp://ada:s3cret@127.0.0.1:{camera.port}/street")
        with pytest.raises(Misconfigured) as failure:
            open_source(pasted, SystemClock())
        _assert_holds_no_secret(failure.value, "s3cret")
    finally:
        camera.kill()


def test_a_path_that_the_camera_does_not_know_is_named(camera: RtspCamera) -> None:
    with pytest.raises(Unavailable, match=r"/nowhere is not known to its host"):
        open_source(camera.spec("/nowhere"), SystemClock())


def test_a_camera_that_is_off_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unavailable, match="refused the connection") as failure:
        open_source(SourceSpec(CAMERA, f"rtsp://127.0.0.1:{port}/x"), SystemClock())
    assert failure.value.hint


def test_a_host_that_nobody_knows_is_unavailable() -> None:
    with pytest.raises(Unavailable, match=r"no host is known as camera\.invalid"):
        open_source(SourceSpec(CAMERA, "rtsp://camera.invalid/x"), SystemClock())


def _await(condition: Callable[[], bool], limit_s: float = 30.0) -> None:
    deadline_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline_s, "it never happened"
        time.sleep(0.02)


def _assert_holds_no_secret(error: BaseException, secret: str) -> None:
    """Neither in what people see, nor in a traceback that somebody logs."""
    assert secret not in str(error)
    assert secret not in repr(error)
    assert secret not in "".join(traceback.format_exception(error))
