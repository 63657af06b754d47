"""A street that SUMO fills is a source like any other; its process ends with it."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from placewatch.capture import open_source, simulated
from placewatch.capture.simulated import SimulatedSource
from placewatch.capture.source import SourceSpec
from placewatch.core.errors import Misconfigured, Unavailable
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction
from placewatch.core.space import PicturePoint
from placewatch.core.time import Clock, SimulatedClock, SystemClock
from placewatch.simulate import sumo

SMALL = "size=160x90&fps=10"
QUIET = f"sim://tee-right?{SMALL}"  # is full soon, and few come

needs_sumo = pytest.mark.skipif(
    subprocess.run([sys.executable, "-c", "import sumo"], capture_output=True).returncode != 0,
    reason="SUMO is not installed: placewatch[simulate]",
)


@pytest.fixture(autouse=True)
def soon_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sumo.SumoRun.__init__, "__kwdefaults__", SHORT)


SHORT = {**(sumo.SumoRun.__init__.__kwdefaults__ or {}), "warm_s": 30.0}


def source_of(url: str, pace: str = "full", clock: Clock | None = None) -> SimulatedSource:
    spec = SourceSpec(CameraId("t"), url, pace="real" if pace == "real" else "full")
    return SimulatedSource(spec, clock or SystemClock())


def pid_of(source: SimulatedSource) -> int:
    process = source._run._process
    assert process is not None
    return process.pid


def is_there(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone_within_s(pid: int, most_s: float) -> bool:
    until_s = time.monotonic() + most_s
    while is_there(pid) and time.monotonic() < until_s:
        time.sleep(0.05)
    return not is_there(pid)


@needs_sumo
def test_so_many_hours_are_so_many_frames_and_the_same_ones_again() -> None:
    url = f"{QUIET}&seed=3&hours=0.0005"
    source = source_of(url)
    frames = list(source.frames())
    assert source.info.frames == len(frames) == source.health.frames == 18
    assert [frame.media_s for frame in frames] == pytest.approx(np.arange(18) / 10)
    assert frames[0].luma.shape == (90, 160)
    assert frames[0].to_rgb(80).shape == (45, 80, 3)
    again = list(source_of(url).frames())
    assert all((a.luma == b.luma).all() for a, b in zip(frames, again, strict=True))


@needs_sumo
@pytest.mark.parametrize(
    "leave",
    [
        lambda source, frames: source.close(),
        lambda source, frames: frames.close(),
        lambda source, frames: threading.Thread(target=source.close).start(),
    ],
    ids=["close", "no-more-frames", "another-thread"],
)
def test_sumo_is_gone_and_nothing_is_left_after_close(
    leave: Callable[[SimulatedSource, object], None],
) -> None:
    source = source_of(QUIET)
    frames = source.frames()
    next(frames)
    pid, folder = pid_of(source), source._run._path
    assert is_there(pid)
    leave(source, frames)
    assert gone_within_s(pid, 5.0)
    assert next(frames, None) is None
    assert not folder.exists()


@needs_sumo
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_sumo_is_gone_when_who_opened_it_is_killed(how: signal.Signals) -> None:
    code = (
        "import signal, sys, time\n"
        # Who is started in the background of a shell ignores it otherwise.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from tests.capture.test_simulated import QUIET, pid_of, source_of\n"
        "source = source_of(QUIET)\n"
        "print(pid_of(source), flush=True)\n"
        "time.sleep(60)\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert is_there(pid)
        owner.send_signal(how)
        assert gone_within_s(pid, 10.0)
    finally:
        owner.kill()
        owner.wait()
        if owner.stdout is not None:
            owner.stdout.close()


@needs_sumo
def test_a_street_without_hours_keeps_real_pace_and_skips_what_is_late() -> None:
    clock = SimulatedClock()
    source = source_of(QUIET, clock=clock)
    frames = source.frames()
    begun_s = clock.monotonic_s()
    assert [next(frames).number for _ in range(3)] == [0, 1, 2]
    assert clock.monotonic_s() - begun_s == pytest.approx(0.2)
    clock.sleep(5.0)  # whoever takes the frames was busy
    assert next(frames).number > 40
    assert source.health.frames_dropped > 40
    source.close()


@needs_sumo
def test_a_day_that_is_over_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated, "_DAY_S", 1.0)
    source = source_of(QUIET, clock=SimulatedClock())
    frames = list(itertools.islice(source.frames(), 25))
    assert [frame.number for frame in frames] == list(range(25))
    assert [frame.number for frame in frames if frame.after_gap] == [10, 20]
    source.close()


@needs_sumo
def test_the_truth_is_whose_middle_crossed_a_line_and_any_line_can_be_asked() -> None:
    source = source_of(f"sim://cross-signal?{SMALL}&hours=0.01")
    assert {name for name, _, _ in source.street.lines_px()} == {"N", "E", "S", "W"}
    (line,) = [line for line in source.lines_px() if line[0] == "S"]
    assert source.truth(1e9) == []
    frames = source.frames()
    for frame in frames:
        if frame.media_s > 18.0:
            break
    early = source.truth(18.0)
    # The same line the other way round, and one in the sky.
    source.count([("round", line[2], line[1]), ("sky", PicturePoint(0, 1), PicturePoint(9, 1))])
    assert [name for name, _, _ in source.lines_px()] == ["round"]
    for _ in frames:
        pass
    assert early
    assert {one.line for one in early} <= {"N", "E", "S", "W"}
    assert [one for one in source.truth(18.0)][: len(early)] == early
    later = source.truth(1e9, since_media_s=18.3)
    assert {one.line for one in later} == {"round"}
    assert {one.direction for one in later} <= set(Direction)
    assert [one.media_s for one in later] == sorted(one.media_s for one in later)


@needs_sumo
@pytest.mark.parametrize("name", ["market-square", "station-platform"])
def test_a_place_on_foot_is_a_source_that_is_the_same_again_and_leaves_no_sumo(name: str) -> None:
    def seen() -> tuple[int, list[bytes]]:
        source = source_of(f"sim://{name}?{SMALL}&seed=2&light=night&weather=rain&hours=0.0003")
        pid = pid_of(source)
        return pid, [frame.luma.tobytes() for frame in source.frames()]

    pid, pictures = seen()
    assert len(set(pictures)) == len(pictures) == 11
    assert gone_within_s(pid, 5.0)
    assert seen()[1] == pictures


@needs_sumo
def test_sumo_that_somebody_else_ends_is_waited_for() -> None:
    source = source_of(QUIET)
    os.kill(pid_of(source), signal.SIGKILL)
    with pytest.raises(Unavailable, match="signal 9"):
        list(source.frames())


@needs_sumo
@pytest.mark.parametrize(
    ("url", "why", "hint"),
    [
        ("sim://", "names no street", "sim://junction"),
        ("sim://junktion", 'no simulated street "junktion"', "junction"),
        ("sim://rural?camera=attic", 'no camera pose "attic"', "roof"),
        ("sim://rural?size=3by4", "3by4", "1280x720"),
        ("sim://rural?seed=many", 'seed is "many"', "whole number from 0 to 2147483647"),
        ("sim://rural?fps=30", "milliseconds", "12.5"),
        ("sim://rural?light=noon", 'light is "noon"', "day, dusk or night"),
        ("sim://rural?weather=hail", 'weather is "hail"', "clear, overcast or rain"),
        ("sim://rural?hours=0", 'hours is "0"', "from 0.0001"),
        ("sim://rural?sed=1", 'no parameter "sed"', "did you mean seed?"),
        ("sim://rural?seed", "no list of parameters", "camera=roof&seed=1"),
    ],
)
def test_what_is_wrong_with_an_address_is_one_sentence(url: str, why: str, hint: str) -> None:
    with pytest.raises(Misconfigured) as failure:
        open_source(SourceSpec(CameraId("t"), url), SystemClock())
    assert why in failure.value.message
    assert hint in failure.value.hint
    assert "\n" not in str(failure.value)


def test_without_sumo_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(Misconfigured, match="SUMO is not installed") as failure:
        open_source(SourceSpec(CameraId("t"), QUIET), SystemClock())
    assert 'pip install "placewatch[simulate]"' in failure.value.hint


@needs_sumo
def test_a_camera_that_is_stopped_while_it_is_opened_is_not_opened() -> None:
    with pytest.raises(Unavailable, match="closed"):
        open_source(SourceSpec(CameraId("t"), QUIET), SystemClock(), stopping=lambda: True)
