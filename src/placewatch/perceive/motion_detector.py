"""Motion detector: finds road users by what moves, without a net.

How this works. What moves is read beside who was where a moment ago (`reading`); a blob with a neck
is parted there first, since nobody knows yet who is in it.

What kind somebody is shows in the outline and in the way of moving, both averaged over the time it
was in view: vehicles are wide and full, people and riders narrow; riders are faster for their
height; a rider from the side is square and full of gaps. Where that does not decide: unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from placewatch.core.ids import TrackId
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Box, Detection, Track
from placewatch.perceive.motion import Motion
from placewatch.perceive.pace import Pace
from placewatch.perceive.reading import FILL, PLACE, expected, read
from placewatch.pixels.frame import Frame

SCORE = 0.45
"""Enough to begin a track, too little to be certain without having travelled."""
DOUBTED = 0.42
"""While the street has hardly been seen, or snow falls: who travels far is somebody."""


class MotionDetector:
    """Finds road users by what moves. `name` is `motion`; there is nothing to download.

    It remembers how those in view looked and moved, as a few numbers each, and no picture.
    """

    name = "motion"

    def __init__(self) -> None:
        self._habits: dict[TrackId, _Habit] = {}
        self._media_s = 0.0

    def detect(self, frame: Frame, motion: Motion, tracks: Sequence[Track]) -> list[Detection]:
        elapsed_s = max(0.0, frame.media_s - self._media_s)
        self._media_s = frame.media_s
        known = [
            track
            for track in tracks
            if track.certain or (track.seen and track.age_s >= _KNOWN_AFTER_S)
        ]
        places = expected(known, 0.0 if frame.after_gap else elapsed_s, motion.scale)
        pieces = [part for piece in motion.pieces.tolist() for part in _parts(motion, piece)]
        rows = np.array(pieces, np.int32).reshape(-1, 6)
        width, height = frame.width_px, frame.height_px
        scale = motion.scale
        score = DOUBTED if motion.restless or motion.age_s < _YOUNG_S else SCORE
        found = []
        for shape in read(rows, motion.labels, places, np.zeros(len(places), np.bool_)):
            left, top, right, bottom = (shape[:4] * scale).tolist()
            box = Box(left, top, min(right, float(width)), min(bottom, float(height)))
            cut = _is_cut(box, width, height, scale)
            if shape[PLACE] >= 0:
                track = known[int(shape[PLACE])]
                habit = self._habits.setdefault(track.id, _Habit())
                if not cut:
                    habit.learn(box, float(shape[FILL]), width)
                    habit.pace.follow(track, elapsed_s)
            else:
                habit = _Habit()
                if not cut:
                    habit.learn(box, float(shape[FILL]), width)
            found.append(Detection(habit.kind(), box, score))
        living = {track.id for track in tracks}
        self._habits = {track: habit for track, habit in self._habits.items() if track in living}
        return found


_KNOWN_AFTER_S = 0.25
_YOUNG_S = 2.0  # before, a stream may still become sharper, and who stood there leaves a ghost
_PART_MIN = 8  # small pixels: less wide is no body
_NECK = 2.0
_SOLID = 0.88  # of its convex hull: more is one body


@dataclass(slots=True)
class _Habit:
    """What somebody looks like, averaged, and how it moves."""

    weight: float = 0.0
    tall: float = 0.0  # height for its width
    wide: float = 0.0  # share of the picture's width
    fill: float = 0.0
    pace: Pace = field(default_factory=Pace)

    def learn(self, box: Box, fill: float, width_px: float) -> None:
        self.weight = min(self.weight + 1.0, 50.0)
        share = 1.0 / self.weight
        self.tall += share * (box.height_px / box.width_px - self.tall)
        self.wide += share * (box.width_px / width_px - self.wide)
        self.fill += share * (fill - self.fill)

    def kind(self) -> Kind:
        if self.weight == 0.0:
            return Kind.UNKNOWN
        if self.tall >= 1.55 and not (self.fill >= 0.62 and self.wide >= 0.06):
            if not self.pace.known:
                return Kind.UNKNOWN
            return Kind.BICYCLE if self.pace.brisk else Kind.PEDESTRIAN
        if 0.9 <= self.tall < 1.55 and self.fill < 0.42:
            return Kind.BICYCLE
        # Seen from above a car is tall and full, and larger than people are on a picture.
        if self.tall < 1.25 or self.fill >= 0.6:
            return Kind.CAR
        return Kind.UNKNOWN


def _is_cut(box: Box, width: float, height: float, scale: int) -> bool:
    """Whether the picture's edge cuts somebody off: then the outline says little."""
    return (
        box.left_px <= scale
        or box.top_px <= scale
        or box.right_px >= width - 2 * scale
        or box.bottom_px >= height - 2 * scale
    )


def _parts(motion: Motion, piece: list[int]) -> list[list[int]]:
    """The piece, or its parts where it is two bodies that touch: each wider than the neck between.

    How wide a place is, is its distance to the outline. Bodies are what remains of the filled blob
    above a distance; they are two when both reach `_NECK` times as far as the neck between them.
    """
    label, area, left, top, right, bottom = piece
    wide, high = right + 1 - left, bottom + 1 - top
    if min(wide, high) < _PART_MIN or wide * high < 400:
        return [piece]
    window = (slice(top, bottom + 1), slice(left, right + 1))
    mine = (motion.labels[window] == label).astype(np.uint8)
    # Dark paint passes for shadow: it may hold a body together, never part it.
    dark = motion.foreground[window] == 1
    padded = np.pad(mine | dark.astype(np.uint8), 1)
    outlines, _ = cv2.findContours(padded, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outline = max(outlines, key=cv2.contourArea)
    hull_area = cv2.contourArea(cv2.convexHull(outline))
    if cv2.contourArea(outline) > _SOLID * hull_area:  # nothing to part: nearly convex
        return [piece]
    cv2.drawContours(padded, outlines, -1, 1, cv2.FILLED)
    deep = cv2.distanceTransform(padded, cv2.DIST_L2, 3)
    reach = float(deep.max())
    if reach < _PART_MIN / 2:
        return [piece]
    for share in (0.2, 0.33, 0.5):
        neck = share * reach
        count, cores, stats, _ = cv2.connectedComponentsWithStats(
            (deep > neck).astype(np.uint8), connectivity=8
        )
        if count == 2:
            continue
        bodies = [
            k
            for k in range(1, count)
            if stats[k, cv2.CC_STAT_AREA] > 0.1 * area
            and float(deep[cores == k].max()) >= max(_NECK * neck, _PART_MIN / 2)
        ]
        if len(bodies) > 1:
            break
    else:
        return [piece]
    seeds = np.where(np.isin(cores, bodies), 0, 255).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 3)
    parts = []
    for seed in [int(nearest[cores == k][0]) for k in bodies]:
        rows, columns = np.nonzero((nearest[1:-1, 1:-1] == seed) & (mine > 0))
        if len(rows):
            parts.append(
                [
                    label,
                    len(rows),
                    left + int(columns.min()),
                    top + int(rows.min()),
                    left + int(columns.max()),
                    top + int(rows.max()),
                ]
            )
    return parts
