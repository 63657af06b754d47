"""Motion detector: finds road users by what moves, without a net."""

from placewatch.core.kinds import Kind
from placewatch.core.sightings import Detection
from placewatch.perceive.motion import Motion
from placewatch.pixels.frame import Frame

SCORE = 0.45
"""Enough to begin a track, too little to be certain without having travelled."""


class MotionDetector:
    """Finds road users by what moves. `name` is `motion`; the default, nothing to download."""

    name = "motion"

    def detect(self, frame: Frame, motion: Motion) -> list[Detection]:
        return [Detection(Kind.CAR, blob.box, SCORE) for blob in motion.blobs]
