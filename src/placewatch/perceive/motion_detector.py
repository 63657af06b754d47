"""Motion detector: finds road users by what moves, without a net.

How this works. A blob alone cannot say whether it is one car, two that overlap, or half of one. So
the detector remembers who was where a moment ago (in a tracker of its own) and reads the blobs
with that: blobs within one road user's place are its pieces and are joined; a blob over the places
of two is divided among them, pixel by pixel, by who is nearer in terms of its own size.

What kind somebody is shows in the outline and in the way of moving, both averaged over the time it
was in view: vehicles are wide and full, people and riders narrow; riders are faster for their
height; a rider from the side is square and full of gaps. Where that does not decide: unknown.
"""

import math
from dataclasses import dataclass

import cv2
import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.ids import TrackId
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Box, Detection, Track
from placewatch.perceive.motion import Blob, Motion
from placewatch.perceive.tracker import Tracker
from placewatch.pixels.frame import Frame

SCORE = 0.45
"""Enough to begin a track, too little to be certain without having travelled."""


class MotionDetector:
    """Finds road users by what moves. `name` is `motion`; the default, nothing to download.

    It remembers boxes of the last seconds, like a tracker, and no picture.
    """

    name = "motion"

    def __init__(self) -> None:
        self._memory = Tracker(hidden_s=1.0)
        self._known: list[Track] = []
        self._habits: dict[TrackId, _Habit] = {}
        self._media_s = 0.0

    def detect(self, frame: Frame, motion: Motion) -> list[Detection]:
        elapsed_s = max(0.0, frame.media_s - self._media_s)
        self._media_s = frame.media_s
        if frame.after_gap:
            self._known = []
        places = [_later(track, elapsed_s) for track in self._known]
        shapes = _shapes(motion, places)
        width, height = frame.width_px, frame.height_px
        found = []
        for shape in shapes:
            cut = _is_cut(shape.box, width, height, motion.scale)
            if shape.place is not None:
                habit = self._habits.setdefault(shape.place.track, _Habit())
                if not cut:
                    habit.learn(shape, elapsed_s, width)
            else:
                habit = _Habit()
                if not cut:
                    habit.learn(shape, 0.0, width)
            found.append(Detection(habit.kind(), shape.box, SCORE))
        tracks = self._memory.update(
            found, frame.media_s, width_px=width, height_px=height, after_gap=frame.after_gap
        )
        self._known = [
            track
            for track in tracks
            if track.certain or (track.seen and track.age_s >= _KNOWN_AFTER_S)
        ]
        living = {track.id for track in tracks}
        self._habits = {track: habit for track, habit in self._habits.items() if track in living}
        return found


_KNOWN_AFTER_S = 0.25
_GROW = 0.15  # how far, in its own sizes, somebody may be from where it was expected
_TOO_LARGE = 1.4  # times the size it had: then this is somebody else as well


_GAP_SIZES = 0.2
_WATCHED_S = 0.4  # shorter is too short to tell how somebody moves
_FORESHORTENED = 2.2  # a camera that looks 27 degrees down
_BRISK = 1.3  # own heights a second: nobody walks so fast, at 1.75 m it is 8 km/h
_PART_MIN = 8  # small pixels: less wide is no body
_NECK = 2.0
_SOLID = 0.88  # of its convex hull: more is one body


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a known road user is expected."""

    track: TrackId
    box: Box
    right_px_s: float
    down_px_s: float


@dataclass(frozen=True, slots=True)
class _Shape:
    """One road user in this frame, as far as motion shows it."""

    box: Box
    fill: float
    place: _Place | None


def _later(track: Track, elapsed_s: float) -> _Place:
    right, down = track.velocity_px_s
    dx, dy = right * elapsed_s, down * elapsed_s
    box = track.box
    return _Place(
        track.id,
        Box(box.left_px + dx, box.top_px + dy, box.right_px + dx, box.bottom_px + dy),
        right,
        down,
    )


@dataclass(slots=True)
class _Habit:
    """What somebody looks like and how it moves, averaged; `brisk` is the most of it so far."""

    weight: float = 0.0
    tall: float = 0.0  # height for its width
    wide: float = 0.0  # share of the picture's width
    fill: float = 0.0
    right: float = 0.0  # own heights a second
    down: float = 0.0
    moving_s: float = 0.0
    brisk: float = 0.0

    def learn(self, shape: _Shape, elapsed_s: float, width_px: float) -> None:
        self.weight = min(self.weight + 1.0, 50.0)
        share = 1.0 / self.weight
        self.tall += share * (shape.box.height_px / shape.box.width_px - self.tall)
        self.wide += share * (shape.box.width_px / width_px - self.wide)
        self.fill += share * (shape.fill - self.fill)
        if shape.place is None:
            return
        height = shape.place.box.height_px
        self.moving_s += elapsed_s
        fade = min(1.0, elapsed_s / min(1.0, max(self.moving_s, 1e-3)))
        self.right += fade * (shape.place.right_px_s / height - self.right)
        self.down += fade * (shape.place.down_px_s / height - self.down)
        if self.moving_s >= _WATCHED_S:
            # What goes away from the camera or towards it is foreshortened.
            self.brisk = max(self.brisk, math.hypot(self.right, _FORESHORTENED * self.down))

    def kind(self) -> Kind:
        if self.weight == 0.0:
            return Kind.UNKNOWN
        if self.tall >= 1.55 and not (self.fill >= 0.62 and self.wide >= 0.06):
            if self.moving_s < _WATCHED_S:
                return Kind.UNKNOWN
            return Kind.BICYCLE if self.brisk > _BRISK else Kind.PEDESTRIAN
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


def _shapes(motion: Motion, places: list[_Place]) -> list[_Shape]:
    blobs = [part for blob in motion.blobs for part in _parts(motion, blob)]
    owners: list[list[int]] = [
        [p for p, place in enumerate(places) if _belongs(blob.box, place.box)] for blob in blobs
    ]
    shapes: list[_Shape] = []
    claimed: dict[int, list[Blob]] = {}
    for blob, who in zip(blobs, owners, strict=True):
        if len(who) > 1:
            # One of them alone may be all there is: the other is hidden, or gone.
            best = max(who, key=lambda p: _overlap(blob.box, places[p].box))
            if _fits(blob.box, places[best].box):
                who = [best]
        if not who:
            shapes.append(_Shape(blob.box, blob.fill, None))
        elif len(who) == 1:
            claimed.setdefault(who[0], []).append(blob)
        else:
            shapes += _divided(motion, blob, [places[p] for p in who])
    for p, pieces in claimed.items():
        shapes += _joined(pieces, places[p], motion.scale)
    return shapes


def _fits(seen: Box, place: Box) -> bool:
    """Whether what is seen is not larger than who is expected."""
    return (
        seen.width_px <= _TOO_LARGE * place.width_px
        and seen.height_px <= _TOO_LARGE * place.height_px
    )


def _overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    across = min(a.right_px, b.right_px) - max(a.left_px, b.left_px)
    down = min(a.bottom_px, b.bottom_px) - max(a.top_px, b.top_px)
    if across <= 0 or down <= 0:
        return 0.0
    both = across * down
    return both / (a.width_px * a.height_px + b.width_px * b.height_px - both)


def _belongs(blob: Box, place: Box) -> bool:
    """Whether a good part of the blob lies where somebody is expected, or the reverse."""
    grow_x, grow_y = _GROW * place.width_px, _GROW * place.height_px
    across = min(blob.right_px, place.right_px + grow_x) - max(blob.left_px, place.left_px - grow_x)
    down = min(blob.bottom_px, place.bottom_px + grow_y) - max(blob.top_px, place.top_px - grow_y)
    if across <= 0 or down <= 0:
        return False
    both = across * down
    return both > 0.5 * blob.width_px * blob.height_px or both > 0.6 * (
        (place.width_px + 2 * grow_x) * (place.height_px + 2 * grow_y)
    )


def _joined(pieces: list[Blob], place: _Place, scale: int) -> list[_Shape]:
    """The pieces that are one with the piece that is most like who is expected; the rest apart."""
    first = max(pieces, key=lambda piece: (_overlap(piece.box, place.box), piece.label))
    rest = sorted(
        (piece for piece in pieces if piece is not first),
        key=lambda piece: (_gap_px(first.box, piece.box), piece.label),
    )
    box, area = first.box, first.area_px
    apart: list[_Shape] = []
    for piece in rest:
        union = _union(box, piece.box)
        # Parted by a dark window or a marking; two road users are further apart, for their size.
        reach = _GAP_SIZES * min(_size_px(box), _size_px(piece.box)) + 2 * scale
        same = piece.label == first.label  # parted at a neck: not to be joined again
        if not same and _fits(union, place.box) and _gap_px(box, piece.box) <= reach:
            box, area = union, area + piece.area_px
        else:
            apart.append(_Shape(piece.box, piece.fill, None))
    return [_Shape(box, area / (box.width_px * box.height_px), place), *apart]


def _size_px(box: Box) -> float:
    return math.sqrt(box.width_px * box.height_px)


def _gap_px(a: Box, b: Box) -> float:
    across = max(a.left_px, b.left_px) - min(a.right_px, b.right_px)
    down = max(a.top_px, b.top_px) - min(a.bottom_px, b.bottom_px)
    return max(0.0, across, down)


def _parts(motion: Motion, blob: Blob) -> list[Blob]:
    """The blob, or its parts where it is two bodies that touch: each wider than the neck between.

    How wide a place is, is its distance to the outline. Bodies are what remains of the filled blob
    above a distance; they are two when both reach `_NECK` times as far as the neck between them.
    """
    scale = motion.scale
    left, top = int(blob.box.left_px) // scale, int(blob.box.top_px) // scale
    right, bottom = (
        -(-int(blob.box.right_px) // scale),
        -(-int(blob.box.bottom_px) // scale),
    )
    if min(right - left, bottom - top) < _PART_MIN or (right - left) * (bottom - top) < 400:
        return [blob]
    mine = (motion.labels[top:bottom, left:right] == blob.label).astype(np.uint8)
    # Dark paint passes for shadow: it may hold a body together, never part it.
    dark = motion.foreground[top:bottom, left:right] == 1
    padded = np.pad(mine | dark.astype(np.uint8), 1)
    outlines, _ = cv2.findContours(padded, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outline = max(outlines, key=cv2.contourArea)
    hull_area = cv2.contourArea(cv2.convexHull(outline))
    if cv2.contourArea(outline) > _SOLID * hull_area:  # nothing to part: nearly convex
        return [blob]
    cv2.drawContours(padded, outlines, -1, 1, cv2.FILLED)
    deep = cv2.distanceTransform(padded, cv2.DIST_L2, 3)
    reach = float(deep.max())
    if reach < _PART_MIN / 2:
        return [blob]
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
            if stats[k, cv2.CC_STAT_AREA] > 0.1 * blob.area_px / scale**2
            and float(deep[cores == k].max()) >= max(_NECK * neck, _PART_MIN / 2)
        ]
        if len(bodies) > 1:
            break
    else:
        return [blob]
    seeds = np.where(np.isin(cores, bodies), 0, 255).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 3)
    of_seed = {int(nearest[cores == k][0]): k for k in bodies}
    parts = []
    for seed in of_seed:
        rows, columns = np.nonzero((nearest[1:-1, 1:-1] == seed) & (mine > 0))
        if len(rows) == 0:
            continue
        box = Box(
            float((left + columns.min()) * scale),
            float((top + rows.min()) * scale),
            min(float((left + columns.max() + 1) * scale), blob.box.right_px),
            min(float((top + rows.max() + 1) * scale), blob.box.bottom_px),
        )
        area_px = float(len(rows) * scale * scale)
        parts.append(Blob(box, area_px, area_px / (box.width_px * box.height_px), blob.label))
    return parts


def _divided(motion: Motion, blob: Blob, places: list[_Place]) -> list[_Shape]:
    """The blob's pixels, divided among those who are expected there."""
    scale = motion.scale
    rows = np.array(
        [
            (p.box.left_px, p.box.top_px, p.box.right_px, p.box.bottom_px)
            for p in places
        ],
        np.float64,
    ) / scale  # fmt: skip
    left, top = int(blob.box.left_px) // scale, int(blob.box.top_px) // scale
    right = -(-int(blob.box.right_px) // scale)
    bottom = -(-int(blob.box.bottom_px) // scale)
    shares = _divide(motion.labels[top:bottom, left:right], blob.label, rows, left, top)
    shapes = []
    for place, (area, x0, y0, x1, y1) in zip(places, shares.tolist(), strict=True):
        if area < 6:
            continue
        seen = Box(x0 * scale, y0 * scale, (x1 + 1) * scale, (y1 + 1) * scale)
        box = _settled(seen, place.box)
        fill = area * scale * scale / (seen.width_px * seen.height_px)
        shapes.append(_Shape(box, fill, place))
    return shapes


def _settled(seen: Box, expected: Box) -> Box:
    """Each side where it was seen, unless that is far from where it was expected."""
    wide, high = 0.2 * expected.width_px, 0.2 * expected.height_px

    def side(one: float, other: float, reach: float) -> float:
        return one if abs(one - other) <= reach else other + math.copysign(reach, one - other)

    return Box(
        side(seen.left_px, expected.left_px, wide),
        side(seen.top_px, expected.top_px, high),
        side(seen.right_px, expected.right_px, wide),
        side(seen.bottom_px, expected.bottom_px, high),
    )


@numba.njit(cache=True, nogil=True)
def _divide(
    labels: npt.NDArray[np.int32],
    label: int,
    places: npt.NDArray[np.float64],
    left: int,
    top: int,
) -> npt.NDArray[np.int64]:
    """Area, left, top, right, bottom of each place's share of the pixels of `label`."""
    shares = np.zeros((places.shape[0], 5), np.int64)
    shares[:, 1:3] = 1 << 30
    shares[:, 3:5] = -1
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            if labels[y, x] != label:
                continue
            nearest, least = 0, 1e18
            for p in range(places.shape[0]):
                box = places[p]
                across = abs(left + x + 0.5 - 0.5 * (box[0] + box[2])) / (box[2] - box[0])
                down = abs(top + y + 0.5 - 0.5 * (box[1] + box[3])) / (box[3] - box[1])
                far = max(across, down)
                if far < least:
                    nearest, least = p, far
            row = shares[nearest]
            row[0] += 1
            row[1], row[2] = min(row[1], left + x), min(row[2], top + y)
            row[3], row[4] = max(row[3], left + x), max(row[4], top + y)
    return shares


def _union(a: Box, b: Box) -> Box:
    return Box(
        min(a.left_px, b.left_px),
        min(a.top_px, b.top_px),
        max(a.right_px, b.right_px),
        max(a.bottom_px, b.bottom_px),
    )
