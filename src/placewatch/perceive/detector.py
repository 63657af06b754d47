"""Detector: what finds road users in one frame."""

from collections.abc import Sequence
from typing import Protocol

from placewatch.core.sightings import Detection, Track
from placewatch.perceive.motion import Motion
from placewatch.pixels.frame import Frame


class Detector(Protocol):
    """Finds road users. `name` stands in reports: `motion`, or the file name of a net."""

    name: str

    def detect(self, frame: Frame, motion: Motion, tracks: Sequence[Track]) -> Sequence[Detection]:
        """All road users of `frame`. `motion` is what the background model saw in it, `tracks` who
        was where in the frame before."""
        ...
