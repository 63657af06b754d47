"""Pace: whether somebody moves faster than people walk, told by their own height."""

import math
from dataclasses import dataclass

from placewatch.core.sightings import Track

_WATCHED_S = 0.4  # shorter is too short to tell how somebody moves
_FORESHORTENED = 2.2  # a camera that looks 27 degrees down
_BRISK = 1.3  # own heights a second: nobody walks so fast, at 1.75 m it is 8 km/h


@dataclass(slots=True)
class Pace:
    """How fast somebody moves, averaged over a second, and the most of it so far."""

    _right: float = 0.0  # own heights a second
    _down: float = 0.0
    _moving_s: float = 0.0
    _most: float = 0.0

    def follow(self, track: Track, elapsed_s: float) -> None:
        """Learns from where the road user went in the last `elapsed_s`."""
        height = track.box.height_px
        right, down = track.velocity_px_s
        self._moving_s += elapsed_s
        fade = min(1.0, elapsed_s / min(1.0, max(self._moving_s, 1e-3)))
        self._right += fade * (right / height - self._right)
        self._down += fade * (down / height - self._down)
        if self.known:
            # What goes away from the camera or towards it is foreshortened.
            self._most = max(self._most, math.hypot(self._right, _FORESHORTENED * self._down))

    @property
    def known(self) -> bool:
        """Whether it was watched for long enough."""
        return self._moving_s >= _WATCHED_S

    @property
    def brisk(self) -> bool:
        """Whether it was faster than anybody walks, in a view that is not from above."""
        return self._most > _BRISK
