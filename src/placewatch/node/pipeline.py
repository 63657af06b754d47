"""Pipeline: what happens to a frame, in order, on one page."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from placewatch.capture.policy import FULL, Policy
from placewatch.capture.source import Source
from placewatch.core.facts import Crossing
from placewatch.core.sightings import Track
from placewatch.measure.meters import Meters
from placewatch.measure.scene import Scene
from placewatch.measure.stage import Stage
from placewatch.perceive.backdrop import BackdropPainter
from placewatch.perceive.detector import Detector
from placewatch.perceive.motion import BackgroundModel
from placewatch.perceive.tempo import Tempo
from placewatch.perceive.tracker import Tracker

STARVED_S = 0.5
"""A longer step between frames, where some were skipped because the machine is late, is none that
was watched: a car in town is farther by then than it is long, and need not be met twice."""


@dataclass
class Post:
    """One camera's equipment. It outlives a session: after a loss the street is still known."""

    background: BackgroundModel
    detector: Detector
    tracker: Tracker
    painter: BackdropPainter
    stage: Stage
    meters: Meters
    tempo: Tempo  # which frames are analysed
    policy: Policy = FULL  # how much of the stream is decoded: the one its source was opened with


def watch(source: Source, post: Post, tell: Callable[[Scene, list[Crossing]], None]) -> None:
    """Turns the frames of `source` into scenes and crossings until it ends. Raises Unavailable."""
    tracks: Sequence[Track] = ()
    dropped, last_s = source.health.frames_dropped, math.inf
    for frame in source.frames(post.tempo.takes):
        # Perceive: pixels end here.
        motion = post.background.learn(frame)
        detections = post.detector.detect(frame, motion, tracks)
        tracks = post.tracker.update(
            detections,
            frame.media_s,
            width_px=frame.width_px,
            height_px=frame.height_px,
            after_gap=frame.after_gap,
        )  # also when empty: so tracks end
        post.painter.learn(frame, motion, tracks)
        post.policy.heed(tracks)
        post.tempo.heed(
            tracks,
            width_px=frame.width_px,
            height_px=frame.height_px,
            unsteady=motion.turned or motion.restless,
        )

        # Measure: the ground begins here.
        late = source.health.frames_dropped > dropped and frame.media_s - last_s > STARVED_S
        dropped, last_s = source.health.frames_dropped, frame.media_s
        scene = post.stage.place(
            tracks, frame.at, frame.media_s, frame.number, frame.after_gap, starved=late
        )
        tell(scene, post.meters.measure(scene))
        del frame  # so that the decoder has its memory back for the next one
