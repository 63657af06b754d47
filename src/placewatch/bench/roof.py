"""Roof: a simulated street as one camera above it tells of it, and runs of it on all cores."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from placewatch.core.ids import camera_id
from placewatch.core.sightings import Tracks
from placewatch.core.time import UtcMicros
from placewatch.measure.ground import Ground
from placewatch.measure.scene import Scene
from placewatch.measure.stage import Stage
from placewatch.perceive.tracker import Tracker
from placewatch.simulate.detections import Eye, Faults
from placewatch.simulate.pinhole import Pinhole
from placewatch.simulate.poses import ground_points
from placewatch.simulate.street import Street
from placewatch.simulate.sumo import Everybody, Piece

CAMERA = camera_id("bench")
START = UtcMicros(1_767_225_600_000_000)
POSE = "roof"

Job = tuple[str, int, float]
Floats = npt.NDArray[np.float64]
T = TypeVar("T")


def run_all(
    run: Callable[[str, int, float], T], jobs: Sequence[Job], told: Callable[[str], None]
) -> Iterator[T]:
    """`run` of every street, seed and hours, in their order, on all cores; in this process where
    there is one, or one job. `run` must be a function of a module."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    if min(cores, len(jobs)) < 2:
        for number, job in enumerate(jobs):
            told(f"{job[0]}, {number + 1} of {len(jobs)}")
            yield run(*job)
        return
    context = multiprocessing.get_context("spawn")  # what is compiled does not survive a fork
    with ProcessPoolExecutor(cores, mp_context=context) as pool:
        for number, done in enumerate(pool.map(run, *zip(*jobs, strict=True))):
            told(f"{jobs[number][0]}, {number + 1} of {len(jobs)}")
            yield done


class Roof:
    """A camera whose detector errs, with the tracker and the ground behind it. `behind_s`: see
    Tracker."""

    def __init__(self, street: Street, camera: Pinhole, seed: int, behind_s: float = 0.0) -> None:
        points = ground_points(camera, street)
        self.ground = Ground.fit(
            np.array([(picture.x_px, picture.y_px) for picture, _ in points]),
            np.array([(place.x_m, place.y_m) for _, place in points]),
            size_px=(camera.width_px, camera.height_px),
        )
        self._camera = camera
        self._eye = Eye(camera, Faults(), seed)
        self._tracker = Tracker(riders_seem_walkers=False, behind_s=behind_s)
        self._stage = Stage(self.ground, CAMERA, sorts=True, recognises=True)
        self._frame = 0

    def scenes(
        self, piece: Piece, everybody: Everybody, moments_s: Floats | None = None
    ) -> Iterator[Scene]:
        """What it tells of a piece, scene by scene: of all its moments, or of those alone."""
        x_m, y_m = piece.middles_m(everybody.lengths_m())
        at_s, who, heading = piece.at_s, piece.who, piece.heading_rad
        if moments_s is None:
            moments_s = piece.moments_s
        else:
            here = np.isin(np.round(at_s, 3), np.round(moments_s, 3))
            x_m, y_m, at_s, heading = x_m[here], y_m[here], at_s[here], heading[here]
            who = who[here]
        kinds = everybody.kind_numbers()[who]
        seen = self._eye.look(moments_s, at_s, who, x_m, y_m, heading, kinds)
        for moment, media_s in enumerate(seen.at_s.tolist()):
            told = self._tracker.advance(
                np.ascontiguousarray(seen.at(moment)),
                media_s,
                width_px=self._camera.width_px,
                height_px=self._camera.height_px,
            )
            at = UtcMicros(START + round(media_s * 1e6))
            tracks = Tracks(self._tracker.ids, told)
            yield self._stage.place(tracks, at, media_s, self._frame, after_gap=False)
            self._frame += 1
