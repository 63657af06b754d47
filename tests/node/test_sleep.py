"""A camera on the network that sleeps between key frames counts as one that never does."""

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.capture.cameras import RtspCamera, why_no_rtsp
from tests.capture.films import FPS, VBR, passages

from placewatch.capture import open_source
from placewatch.capture.controller import Controller, Demands
from placewatch.capture.policy import FULL, Policy
from placewatch.capture.source import Source, SourceSpec
from placewatch.core.errors import Unavailable
from placewatch.core.facts import Crossing
from placewatch.core.ids import CameraId
from placewatch.core.space import PicturePoint
from placewatch.core.time import SystemClock
from placewatch.measure.line import CountingLine
from placewatch.measure.meters import Meters
from placewatch.measure.scene import Scene
from placewatch.measure.stage import Stage
from placewatch.node.pipeline import Post, watch
from placewatch.perceive.backdrop import BackdropPainter
from placewatch.perceive.detectors import open_detector
from placewatch.perceive.motion import BackgroundModel
from placewatch.perceive.tempo import Tempo
from placewatch.perceive.tracker import Tracker

CAMERA = CameraId("kista-03")
LINE = CountingLine("Lane", PicturePoint(160, 20), PicturePoint(160, 170))
EVERY_FRAME = 240.0
NEVER_AUDITED = Demands(gops=25, active_gops=3, audit_share=0.0)


def counted(source: Source, policy: Policy) -> tuple[list[Crossing], list[int]]:
    """Who crossed the line, by the whole pipeline, and the numbers of the frames it looked at."""
    crossings: list[Crossing] = []
    numbers: list[int] = []
    meters = Meters(CAMERA, [LINE], SystemClock().utc())
    post = Post(
        BackgroundModel(),
        open_detector("motion"),
        Tracker(),
        BackdropPainter(),
        Stage(None, CAMERA),
        meters,
        Tempo(EVERY_FRAME),
        policy,
    )

    def tell(scene: Scene, found: list[Crossing]) -> None:
        numbers.append(scene.frame)
        crossings.extend(found)

    with contextlib.suppress(Unavailable):  # a camera on the network never ends; this film does
        watch(source, post, tell)
    return crossings + meters.leave(), numbers


def of_file(path: Path, policy: Policy) -> tuple[list[Crossing], list[int]]:
    return counted(open_source(SourceSpec(CAMERA, str(path)), SystemClock(), policy=policy), policy)


@pytest.fixture
def asleep(tmp_path: Path) -> Controller:
    """A policy that has got to know the camera, and may sleep."""
    controller = Controller(random.Random(1), NEVER_AUDITED)
    film = passages(tmp_path / "evening.mp4", 60, [3.3 + 9.7 * k for k in range(6)], VBR)
    for _ in range(5):
        of_file(film, controller)
        if controller.report().sleeps:
            return controller
    pytest.fail(f"it never slept: {controller.report()}")


@pytest.fixture
def night(tmp_path: Path) -> Iterator[tuple[Path, RtspCamera]]:
    """Half a minute of another film of that street, and a camera that sends it."""
    if reason := why_no_rtsp():
        pytest.skip(reason)
    film = passages(tmp_path / "night.mp4", 32, [9.1, 21.6], VBR)
    camera = RtspCamera(film=film)
    yield film, camera
    camera.kill()


def test_a_sleeping_camera_wakes_for_a_vehicle_and_counts_it_as_if_it_had_been_awake(
    asleep: Controller, night: tuple[Path, RtspCamera]
) -> None:
    film, camera = night
    everything, all_numbers = of_file(film, FULL)
    assert [one.line for one in everything] == ["Lane", "Lane"], "both cars"
    assert len(all_numbers) == 32 * FPS

    source = open_source(camera.spec("/film"), SystemClock(), policy=asleep)
    before = asleep.report()
    crossings, numbers = counted(source, asleep)

    def told(found: list[Crossing]) -> list[tuple[object, ...]]:
        begun_s = found[0].media_s
        return [
            (one.line, one.direction, one.kind, round(one.media_s - begun_s, 2)) for one in found
        ]

    assert told(crossings) == told(everything)
    # RTSP tells the time of the second frame first.
    assert crossings[0].media_s == pytest.approx(everything[0].media_s, abs=1.01 / FPS)
    slept = asleep.report().gops_slept - before.gops_slept
    assert slept >= 6, "of sixteen groups of pictures; two cars and what follows take the others"
    for car_s in (9.1, 21.6):
        first = round(car_s * FPS)
        key = first // 50 * 50
        assert set(range(key, first + 24)) <= set(numbers), "nothing of the passage is left out"
    assert len(numbers) < 32 * FPS - 40 * slept
    assert numbers == sorted(numbers)
    assert source.health.frames_dropped == source.health.packets_corrupt == 0
    assert source.health.gaps == 0, "what was slept through was watched"
