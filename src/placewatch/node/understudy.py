"""Understudy: the built-in detector takes the place of a net that is refused, and it is said."""

from collections.abc import Callable, Sequence

from placewatch.core.errors import Misconfigured
from placewatch.core.sightings import Detection, Track
from placewatch.node import config as settings
from placewatch.perceive.detector import Detector
from placewatch.perceive.detectors import DEFAULT, open_detector
from placewatch.perceive.motion import Motion
from placewatch.pixels.frame import Frame


def open_asked(camera: settings.CameraSettings) -> Detector:
    """The detector that the camera's settings ask for. Raises Misconfigured."""
    return open_detector(
        camera.detector,
        every_s=camera.detector_every_s,
        cpu_share_max=camera.detector_cpu_share_max,
        backend=camera.detector_backend,
    )


class Understudied:
    """The detector that the camera's settings ask for, or the built-in one from when that is
    refused: before it begins, or when it goes bad while it runs.

    A street that is watched less well is better than one that is not watched, as long as everybody
    can see which of the two it is: `refused` is called once, with the reason.
    """

    def __init__(
        self, camera: settings.CameraSettings, refused: Callable[[Misconfigured], None]
    ) -> None:
        """Raises Misconfigured where it is the built-in one that is refused."""
        self.asked = camera.detector
        self.why_not: Misconfigured | None = None
        self._refused = refused
        try:
            self._detector = open_asked(camera)
        except Misconfigured as error:
            self._detector = self._take_over(error)
        self.name = self._detector.name  # of the one that is at work

    @property
    def runs_on(self) -> str | None:
        """What runs its net, if it has one."""
        told: str | None = getattr(self._detector, "runs_on", None)
        return told

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that people should read who rely on it just now."""
        notes = []
        if self.why_not is not None:
            notes.append(
                f'The built-in detector "{DEFAULT}" finds road users in place of "{self.asked}": '
                f"{self.why_not}."
            )
        note: str | None = getattr(self._detector, "note", None)
        if note is not None:
            notes.append(f"{note[:1].upper()}{note[1:]}.")
        return tuple(notes)

    def detect(self, frame: Frame, motion: Motion, tracks: Sequence[Track]) -> Sequence[Detection]:
        try:
            return self._detector.detect(frame, motion, tracks)
        except Misconfigured as error:
            self._detector = self._take_over(error)
            self.name = self._detector.name
            return self._detector.detect(frame, motion, tracks)

    def _take_over(self, error: Misconfigured) -> Detector:
        if self.asked == DEFAULT or self.why_not is not None:
            raise error  # there is nobody left
        self.why_not = error
        self._refused(error)
        return open_detector(DEFAULT)
