"""Street detector: movement in every frame, and a look of the street net where it is needed.

How this works. What moves is read beside who was there a moment ago (`reading`); that is cheap and
right most of the time. The net is asked where it is not enough: who is new, who has not been looked
at for a while, who shares a blob with others, who was known and is not seen. It sees only that part
of the picture. What it says of a box against what moved (a shadow cut off, a dark side added) holds
for the same road user until the next look; kinds are the sum of all looks.

What the net looks at twice without seeing anybody is nobody: rain, leaves, light on a wet road. But
where it recognises hardly anybody of those who plainly travel, it does not know the view, and
movement speaks alone (`witness`): such a track must only travel further before it is certain.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from placewatch.core.ids import TrackId
from placewatch.core.sightings import (
    DETECTION_COLUMNS,
    SCORE,
    TRACK_COLUMNS,
    Detections,
    Track,
    Tracks,
)
from placewatch.perceive import street_net
from placewatch.perceive.looks import (
    COLUMNS,
    FRUITLESS_S,
    GUESSED,
    LOOKS,
    answer,
    in_vain,
    recall,
    understand,
    whole_boxes,
    windows,
)
from placewatch.perceive.motion import Motion
from placewatch.perceive.reading import PLACE
from placewatch.perceive.tracker import SCORE_START
from placewatch.perceive.witness import Witness
from placewatch.pixels.frame import Frame

_FOUND = 0.42  # score of the net from which a box is somebody, if anything moves there
_PACE_S = 0.2  # all looks of a camera keep so far apart: two at once cost less than two apart,
_AT_ONCE_S = 0.11  # and so far where one cannot wait
_CONTINUES = 0.99 * SCORE_START  # a score with which nobody begins
_YOUNG_S = 1.5  # before, who stood there first is part of the street, and confuses the net

_NOBODY = np.zeros((0, DETECTION_COLUMNS))

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]


class _Answer(NamedTuple):
    """What moves in one frame, beside who was there: see `looks.answer`."""

    found: Floats
    shapes: Floats
    places: Floats
    who: Whole
    due: Bools
    lost: Bools
    doubted: Bools
    asks: bool
    at_once: bool
    doubts: bool


class StreetDetector:
    """Finds road users by what moves and by looks of the street net. `name` is `street`; the
    default, comes with the package. It remembers numbers about the tracks of the moment."""

    name = "street"

    def __init__(self) -> None:
        self._ids: list[TrackId] = []
        self._table = np.zeros((0, COLUMNS))  # a row for each of them
        self._media_s = 0.0
        self._looked_s = -math.inf
        self._begun: Floats | None = None  # whom the last look saw without knowing
        self._fruitless: list[tuple[float, Floats]] = []  # when looks saw nobody, and where
        self._witness = Witness()
        self.looks = 0
        self.looked_px = 0  # of averaged pictures, in all looks

    def detect(self, frame: Frame, motion: Motion, tracks: Sequence[Track]) -> Detections:
        elapsed_s = max(0.0, frame.media_s - self._media_s)
        self._media_s = now_s = frame.media_s
        if frame.after_gap or now_s < self._looked_s:
            self._ids, self._begun, self._fruitless, self._looked_s = [], None, [], -math.inf
        told = Tracks.of(tracks)
        rows = np.ascontiguousarray(told.rows, np.float64).reshape(-1, TRACK_COLUMNS)
        if told.ids is not self._ids:
            self._follow(told.ids)
        if self._begun is not None:
            recall(rows, self._table, self._begun, float(motion.scale))
            self._begun = None
        width_px, height_px = frame.width_px, frame.height_px
        view = _Answer._make(
            answer(
                rows, self._table, motion.pieces, motion.labels, elapsed_s, now_s,
                float(motion.scale), width_px, height_px,
            )
        )  # fmt: skip
        doubted, doubts, asks = view.doubted, view.doubts, view.asks
        if self._fruitless:
            vain = self._in_vain(view.shapes)
            doubted |= vain
            view.due[vain] = False
            doubts, asks = bool(doubted.any()), bool(view.due.any() or view.lost.any())
        self._witness.follow(frame, view.found[doubted] if doubts else _NOBODY)
        if doubts and not self._is_trusted(motion):
            doubted[:], doubts = False, False
        elif motion.restless and self._is_trusted(motion):
            # Among flakes and streaks only who was recognised is somebody.
            recognised = np.append(self._table[view.who, LOOKS] > 0.0, False)  # last: of no place
            doubted |= ~recognised[view.shapes[:, PLACE].astype(np.int64)]
            doubts = bool(doubted.any())
        if asks and now_s - self._looked_s >= (_AT_ONCE_S if view.at_once else _PACE_S):
            found = self._look(motion, rows, view, width_px, height_px)
        else:
            found = view.found[~doubted] if doubts else view.found
        if motion.age_s < _YOUNG_S:
            # Before the street is known the net compares with somebody who stood there, or with the
            # first, coarse pictures of a stream: nobody is sure, and among many pieces that come
            # from nowhere nobody begins.
            most = _CONTINUES if motion.restless else GUESSED
            found[:, SCORE] = np.minimum(found[:, SCORE], most)
        return Detections(found)

    @property
    def note(self) -> str | None:
        """What people should know of it just now."""
        if self._witness.blind:
            return "the street net does not know this view; motion alone finds road users"
        return None

    def _follow(self, ids: list[TrackId]) -> None:
        """Puts what is known in the order of `ids`."""
        before = {track: row for row, track in enumerate(self._ids)}
        table = np.zeros((len(ids), COLUMNS))
        for row, track in enumerate(ids):
            if track in before:
                table[row] = self._table[before[track]]
        self._ids, self._table = ids, table

    def _in_vain(self, shapes: Floats) -> Bools:
        """Which shapes belong to nobody known and were just looked at without seeing anybody."""
        now_s = self._media_s
        self._fruitless = [one for one in self._fruitless if now_s - one[0] < FRUITLESS_S]
        if not self._fruitless:
            return np.zeros(len(shapes), np.bool_)
        vain: Bools = in_vain(shapes, np.concatenate([boxes for _, boxes in self._fruitless]))
        return vain

    def _is_trusted(self, motion: Motion) -> bool:
        """Whether whom the net does not see is nobody."""
        return not self._witness.blind and motion.age_s >= _YOUNG_S

    def _look(
        self, motion: Motion, rows: Floats, view: _Answer, width_px: int, height_px: int
    ) -> Floats:
        """What the net sees where somebody is due or lost, and what moves elsewhere."""
        now_s = self._looked_s = self._media_s
        size = motion.small.shape
        views, asked = windows(view.shapes, view.places, view.due, view.lost, *size)
        found, begun, vain, confirmed = understand(
            self._seen(motion, views), views, asked, view.shapes, view.places, view.who, view.found,
            view.doubted, rows, self._table, size, now_s, float(motion.scale), width_px, height_px,
            self._is_trusted(motion),
        )  # fmt: skip
        for _ in range(confirmed):
            self._witness.recognised()
        if len(begun):
            self._begun = begun
        if len(vain):
            self._fruitless.append((now_s, vain))
        return np.asarray(found)

    def _seen(self, motion: Motion, views: Whole) -> Floats:
        """What the net sees in all windows, best first: rows of `street_net.look`."""
        seen = []
        for view in views:
            left, top, right, bottom = view.tolist()
            self.looks += 1
            self.looked_px += (right - left) * (bottom - top)
            part = (slice(top, bottom), slice(left, right))
            found = np.asarray(
                street_net.look(motion.small[part], motion.street[part], _FOUND), np.float64
            )
            seen.append(found[whole_boxes(found, view, motion.small.shape)])
        if len(seen) == 1:
            return seen[0]
        rows: Floats = np.concatenate(seen)
        return rows[np.argsort(-rows[:, 0], kind="stable")]
