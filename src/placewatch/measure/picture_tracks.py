"""Picture tracks: recorded boxes of road users become scenes again, as a camera's own would.

How this works. Every frame of the recording is a scene, also where nobody is in it. Where a track
has no box for a while, it is kept, unseen, on the way between the two around the break: so a path
goes on, and a line under the break is crossed once. Who a track is ends with the replay: each gets
a new random id.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from placewatch.core.ids import CameraId, TrackId, new_track_id
from placewatch.core.kinds import NUMBER_OF, Kind
from placewatch.core.sightings import (
    BEFORE,
    BOTTOM,
    CERTAIN,
    DOWN_PX_S,
    KIND,
    LEFT,
    RIGHT,
    RIGHT_PX_S,
    SEEN_AS,
    TOP,
    TRACK_COLUMNS,
    UNSEEN_S,
    Tracks,
)
from placewatch.core.time import UtcMicros
from placewatch.measure.ground import Ground
from placewatch.measure.replay import unrecorded_s
from placewatch.measure.scene import Scene
from placewatch.measure.stage import Stage

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

BREAK_S_MAX = 3.0
"""A longer break ends a path: what happened in it is not known."""

VELOCITY_S = 0.2  # before and after a frame, over which the velocity on the picture is taken


@dataclass(frozen=True, slots=True)
class PictureTracks:
    """Where road users were on a picture: a row for each box, ordered by frame, then by track.

    `frame` counts from 0 to below `frames`; `who` is a number that means a road user in this file
    alone; `boxes_px` (N, 4) are left, top, right, bottom. `label` is what a row was seen as, by its
    place in `labels`, the file's own words; `kinds` what each road user is taken for.
    """

    width_px: int
    height_px: int
    fps: float
    frames: int
    frame: Whole
    who: Whole
    boxes_px: Floats
    scores: Floats
    label: Whole
    labels: tuple[str, ...]
    kinds: Mapping[int, Kind]
    start: UtcMicros | None = None  # of frame 0, where that is known

    def __len__(self) -> int:
        return len(self.frame)


def scenes(
    tracks: PictureTracks, camera: CameraId, start: UtcMicros, ground: Ground | None = None
) -> Iterator[Scene]:
    """A scene for each frame of `tracks`; `start` is the instant of frame 0. With a `ground` road
    users have places and speeds."""
    rows, frame, who = _filled(tracks)
    stage = Stage(ground, camera, recognises=True)
    begins = np.searchsorted(frame, np.arange(tracks.frames + 1))
    named: dict[int, TrackId] = {}
    ids: list[TrackId] = []
    there = np.zeros(0, np.int64)
    unrecorded = np.rint(unrecorded_s(frame / tracks.fps, who) * tracks.fps).astype(np.int64)
    begin_again = dict(unrecorded.tolist())  # by the last frame before: the first one after
    number = 0
    after_gap = False
    while number < tracks.frames:
        begin, end = begins[number], begins[number + 1]
        here = who[begin:end]
        if not np.array_equal(here, there):
            named = {one: named.get(one) or new_track_id() for one in here.tolist()}
            there, ids = here, list(named.values())
        media_s = number / tracks.fps
        at = UtcMicros(start + round(media_s * 1e6))
        yield stage.place(Tracks(ids, rows[begin:end]), at, media_s, number, after_gap)
        after_gap = number in begin_again
        number = begin_again.get(number, number + 1)


def _filled(tracks: PictureTracks) -> tuple[Floats, Whole, Whole]:
    """Rows of Tracks, with their frames and whose they are, ordered by frame, then by track; short
    breaks are filled."""
    order = np.lexsort((tracks.frame, tracks.who))
    who, frame, boxes = tracks.who[order], tracks.frame[order], tracks.boxes_px[order]
    ends = np.flatnonzero(np.diff(who)) + 1
    parts = []
    for begin, end in zip([0, *ends.tolist()], [*ends.tolist(), len(who)], strict=True):
        if begin < end:
            parts.append(_one(int(who[begin]), frame[begin:end], boxes[begin:end], tracks))
    if not parts:
        return np.zeros((0, TRACK_COLUMNS)), np.zeros(0, np.int64), np.zeros(0, np.int64)
    rows, frames, whose = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.lexsort((whose, frames))
    return np.ascontiguousarray(rows[order]), frames[order], whose[order]


def _one(
    who: int, frame: Whole, boxes: Floats, tracks: PictureTracks
) -> tuple[Floats, Whole, Whole]:
    """One track, filled. A frame that has two boxes of it keeps the first."""
    frame, first = np.unique(frame, return_index=True)
    boxes = boxes[first]
    every = np.arange(frame[0], frame[-1] + 1)
    before = np.searchsorted(frame, every, side="right") - 1  # the last box at or before each
    after = np.minimum(before + 1, len(frame) - 1)
    seen = frame[before] == every
    short = (frame[after] - frame[before]) <= BREAK_S_MAX * tracks.fps
    kept = seen | short
    every, before, seen = every[kept], before[kept], seen[kept]
    rows = np.zeros((len(every), TRACK_COLUMNS))
    for side in (LEFT, TOP, RIGHT, BOTTOM):
        rows[:, side] = np.interp(every, frame, boxes[:, side])
    at_s = frame / tracks.fps
    now_s = every / tracks.fps
    for column, foot in (
        (RIGHT_PX_S, 0.5 * (boxes[:, LEFT] + boxes[:, RIGHT])),
        (DOWN_PX_S, boxes[:, BOTTOM]),
    ):
        early_s = np.clip(now_s - VELOCITY_S, at_s[0], at_s[-1])
        late_s = np.clip(now_s + VELOCITY_S, at_s[0], at_s[-1])
        moved = np.interp(late_s, at_s, foot) - np.interp(early_s, at_s, foot)
        rows[:, column] = moved / np.maximum(late_s - early_s, 1e-9)
    rows[:, UNSEEN_S] = np.where(seen, 0.0, (every - frame[before]) / tracks.fps)
    rows[:, CERTAIN] = 1.0
    rows[:, KIND] = NUMBER_OF[tracks.kinds[who]]
    rows[:, BEFORE] = rows[:, SEEN_AS] = -1.0
    return rows, every, np.full(len(every), who, np.int64)
