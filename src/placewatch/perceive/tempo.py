"""Tempo: which frames are analysed.

How this works. A street changes little in a tenth of a second: what matters is that whoever moves
is met again where it is expected. So a frame is passed over while the next one still comes in time,
and it does where nobody would have moved by more than half its own size meanwhile. Who is faster
makes all frames be analysed that are needed for that, up to every one. Of a newcomer nobody knows
yet how fast it is: until it is certain, frames are analysed more often, and so they are in rain and
snow, and where the camera shakes.
"""

import math
from collections.abc import Sequence

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.sightings import (
    AGE_S,
    BOTTOM,
    CERTAIN,
    DOWN_PX_S,
    LEFT,
    RIGHT,
    RIGHT_PX_S,
    TOP,
    TRACK_COLUMNS,
    UNSEEN_S,
    Track,
    Tracks,
)

STRIDE_SIZES = 0.5
"""As far as somebody may move between two analysed frames, in its own sizes."""

ALERT_FPS = 8.0
"""Frames a second that are analysed at least while somebody has just come or little is steady."""

_NEW_S = 0.5  # who is not certain after that is hardly anybody
_EDGE = 0.01  # share of the picture's width
_ON_TIME_S = 1e-3  # times of streams are rounded
_USUAL = 0.2  # of the newest step between frames in what is usual
_STEADY_S = 1.0  # without shaking or flakes, and the picture is steady
_PAUSE_S = 0.5  # a longer step is a pause of the stream


class Tempo:
    """Says of each frame of one camera whether it is analysed. It outlives sessions."""

    def __init__(self, fps: float) -> None:
        """`fps`: frames a second that are analysed at least, where the stream has as many. Counts
        are as right from 6 as with every frame, and less so below (docs/design/perceive.md)."""
        self._longest_s = 1.0 / fps
        self._period_s = self._longest_s
        self._frame_s = 0.0  # usual, from frame to frame of the stream
        self._last_s = self._taken_s = self._unsteady_s = -math.inf

    def takes(self, media_s: float, after_gap: bool = False) -> bool:
        """Whether the frame of that moment is analysed: the first, the one after a gap, and each
        that is the last to come in time."""
        step_s = media_s - self._last_s
        self._last_s = media_s
        if 0.0 < step_s < _PAUSE_S:
            usual_s = self._frame_s
            self._frame_s = usual_s + _USUAL * (step_s - usual_s) if usual_s > 0.0 else step_s
        since_s = media_s - self._taken_s
        in_time = since_s >= 0.0 and since_s + self._frame_s <= self._period_s + _ON_TIME_S
        if in_time and not after_gap:
            return False
        self._taken_s = media_s
        return True

    def heed(
        self, tracks: Sequence[Track], *, width_px: int, height_px: int, unsteady: bool = False
    ) -> None:
        """Takes note of how fast those are who were found in the frame that was analysed last.
        `unsteady`: the camera shook in it, or flakes or streaks were all over it."""
        if unsteady or self._last_s < self._unsteady_s:
            self._unsteady_s = self._last_s
        alert = self._last_s - self._unsteady_s < _STEADY_S
        self._period_s = self._longest_s
        if len(tracks):
            rows = np.ascontiguousarray(Tracks.of(tracks).rows, np.float64)
            haste, newcomer = _haste(rows.reshape(-1, TRACK_COLUMNS), width_px, height_px)
            self._period_s = min(self._longest_s, STRIDE_SIZES / max(haste, 1e-9))
            alert |= newcomer
        if alert:
            self._period_s = min(self._period_s, 1.0 / ALERT_FPS)


@numba.njit(cache=True, nogil=True)
def _haste(
    tracks: npt.NDArray[np.float64], width_px: float, height_px: float
) -> tuple[float, bool]:
    """The speed of the fastest of those who are seen, in own sizes a second, of its box across or
    down, whichever is more; and whether somebody has just come. Who is cut off by the picture's
    edge shows no size."""
    most, newcomer = 0.0, False
    edge = _EDGE * width_px
    for track in tracks:
        if track[UNSEEN_S] > 0.0:
            continue
        newcomer |= track[CERTAIN] == 0.0 and track[AGE_S] < _NEW_S
        left, top, right, bottom = track[LEFT], track[TOP], track[RIGHT], track[BOTTOM]
        whole = left > edge and top > edge and right < width_px - edge and bottom < height_px - edge
        if whole and right > left and bottom > top:
            across = abs(track[RIGHT_PX_S]) / (right - left)
            most = max(most, across, abs(track[DOWN_PX_S]) / (bottom - top))
    return most, newcomer
