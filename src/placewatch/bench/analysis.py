"""Analysis: one pass of the whole product over a film, what it cost, and a bare decode beside it.

The pass is the node's own: its source, its stages wired by `node/pipeline.py`, the backdrop
painted, the ground calibrated, every line of the street counted. Costs are CPU seconds of the whole
process, so that a thread which anything starts is paid for as well.
"""

import statistics
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import av

from placewatch.capture import open_source
from placewatch.capture.carried import Carriage, CarriedStream
from placewatch.capture.policy import FULL, Policy
from placewatch.capture.source import SourceSpec
from placewatch.core.facts import Crossing
from placewatch.core.ids import camera_id
from placewatch.core.time import Clock, SystemClock
from placewatch.measure.meters import Meters
from placewatch.measure.scene import SEEN, Movers, Scene
from placewatch.node import config as settings
from placewatch.node.equip import check_picture, counting_lines, stage_of, tempo_of, tracker_of
from placewatch.node.pipeline import Post, watch
from placewatch.perceive.backdrop import BackdropPainter
from placewatch.perceive.detectors import open_detector
from placewatch.perceive.motion import BackgroundModel

Boxes = list[tuple[float, float, float, float, float]]
"""(time in s, left, top, right, bottom), all but the time in shares of the picture."""


@dataclass(slots=True)
class Pass:
    """What one pass cost and found."""

    cpu_s: float = 0.0
    frames: int = 0  # that were analysed
    crossings: list[Crossing] = field(default_factory=list)
    paths: dict[str, Boxes] = field(default_factory=dict)
    """Of every certain road user, the boxes in which it was seen."""


def analyse(
    camera: settings.CameraSettings, *, policy: Policy = FULL, along: Path | None = None
) -> Pass:
    """Watches the camera's film to its end.

    `along` is a main stream that is carried beside it without being decoded, in a thread of its
    own as a node does. Raises Misconfigured.
    """
    clock = SystemClock()
    told = Pass()
    detector = open_detector(camera.detector)
    begun_s = time.process_time()
    name = camera_id(camera.id)
    source = open_source(SourceSpec(name, camera.url), clock, policy=policy)
    width_px, height_px = source.info.width_px, source.info.height_px
    carrying = _carry(along, clock) if along is not None else None
    try:
        check_picture(camera, width_px, height_px)
        stage = stage_of(camera, None, (width_px, height_px))
        meters = Meters(name, counting_lines(camera), clock.utc(), stage.ground)
        post = Post(
            background=BackgroundModel(),
            detector=detector,
            tracker=tracker_of(camera),
            painter=BackdropPainter(quarantine_s=camera.backdrop_quarantine_s),
            stage=stage,
            meters=meters,
            policy=policy,
            tempo=tempo_of(camera),
        )

        seen: list[tuple[float, Movers]] = []

        def tell(scene: Scene, crossings: list[Crossing]) -> None:
            told.frames += 1
            told.crossings += crossings
            seen.append((scene.media_s, Movers.of(scene.movers)))

        watch(source, post, tell)
        told.crossings += meters.leave()
    finally:
        source.close()
    if carrying is not None:
        carrying.join()
    told.cpu_s = time.process_time() - begun_s
    told.paths = _paths(seen, width_px, height_px)
    return told


def _paths(scenes: list[tuple[float, Movers]], width_px: int, height_px: int) -> dict[str, Boxes]:
    paths: dict[str, Boxes] = {}
    for media_s, movers in scenes:
        sides = movers.rows[:, :4] / (width_px, height_px, width_px, height_px)
        for track, seen, box in zip(movers.ids, movers.rows[:, SEEN], sides.tolist(), strict=True):
            if seen:
                paths.setdefault(track, []).append((media_s, *box))
    return paths


def bare(path: Path) -> float:
    """CPU seconds of a full decode of all frames by PyAV on one thread, and of nothing else."""
    begun_s = time.process_time()
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        for _ in container.decode(stream):
            pass
    return time.process_time() - begun_s


@dataclass(frozen=True, slots=True)
class Ratio:
    """A cost in bare decodes: median, lowest and highest of its pairs."""

    median: float
    low: float
    high: float


def in_bare_decodes(
    path: Path, runs: Mapping[str, Callable[[], float]], pairs: int
) -> tuple[dict[str, Ratio], float]:
    """Each run's CPU seconds by those of a bare decode of `path` just before it, and the median
    seconds of a bare decode.

    A machine that is busy with something else is so for both of a pair, and disturbs one pair, not
    the median.
    """
    quotients: dict[str, list[float]] = {name: [] for name in runs}
    bare_s: list[float] = []
    for _ in range(pairs):
        for name, run in runs.items():
            bare_s.append(bare(path))
            quotients[name].append(run() / bare_s[-1])
    return {
        name: Ratio(statistics.median(each), min(each), max(each))
        for name, each in quotients.items()
    }, statistics.median(bare_s)


def _carry(path: Path, clock: Clock) -> threading.Thread:
    stream = CarriedStream(SourceSpec(camera_id("carried"), str(path)), clock, Carriage())
    thread = threading.Thread(target=stream.carry, daemon=True)
    thread.start()
    return thread
