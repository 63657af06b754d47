"""Witness: whether a net knows a view, by who travels through it and whom it recognises.

Who travels far and straight is somebody, whatever a net says: rain, foliage, light and pieces of
road users come and go where they are. A net is blind to views that it never learnt.
"""

import math
from collections import deque

import numpy as np
import numpy.typing as npt

from placewatch.core.ids import TrackId
from placewatch.core.sightings import Box, Detections, Track
from placewatch.perceive.tracker import Tracker
from placewatch.pixels.frame import Frame

_KEPT = 8  # of the last travellers
_MIN = 3
_FAR = 3.0  # own lengths
_LONG_S = 1.0


class Witness:
    """Follows whom a net does not recognise, and compares them with those whom it does."""

    def __init__(self) -> None:
        self._tracker = Tracker(hidden_s=0.5)
        self._first: dict[TrackId, Box] = {}
        self._known: deque[bool] = deque(maxlen=_KEPT)

    @property
    def blind(self) -> bool:
        """Whether the net recognised at most a third of those who travelled here lately."""
        return len(self._known) >= _MIN and 3 * sum(self._known) <= len(self._known)

    def recognised(self) -> None:
        """A road user was recognised; to be told once of each."""
        self._known.append(True)

    def follow(self, frame: Frame, doubted: npt.NDArray[np.float64]) -> None:
        """Takes over what moves in `frame` and was looked at in vain: (N, DETECTION_COLUMNS)."""
        if not len(doubted) and not self._first:
            return
        tracks = self._tracker.update(
            Detections(doubted),
            frame.media_s,
            width_px=frame.width_px,
            height_px=frame.height_px,
            after_gap=frame.after_gap,
        )
        living = {track.id: track for track in tracks}
        for track in tracks:
            first = self._first.setdefault(track.id, track.box)
            if track.certain and track.age_s >= _LONG_S and _lengths(first, track) >= _FAR:
                self._first[track.id] = _FARAWAY  # told once
                if first is not _FARAWAY:
                    self._known.append(False)
        self._first = {one: box for one, box in self._first.items() if one in living}


_FARAWAY = Box(math.nan, math.nan, math.nan, math.nan)


def _lengths(first: Box, track: Track) -> float:
    """How far a track came from where it was first, in its own lengths; NaN once that was told."""
    box = track.box
    right = (box.left_px + box.right_px - first.left_px - first.right_px) / 2
    down = (box.top_px + box.bottom_px - first.top_px - first.bottom_px) / 2
    return math.hypot(right, down) / max(1.0, box.width_px, box.height_px)
