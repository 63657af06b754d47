"""Street detector: movement in every frame, and a look of the street net where it is needed.

How this works. What moves is read beside who was there a moment ago (`reading`); that is cheap and
right most of the time. The net is asked where it is not enough: who is new, who has not been looked
at for a while, who shares a blob with others, who was known and is not seen. It sees only that part
of the picture. What it says of a box against what moved (a shadow cut off, a dark side added) holds
for the same road user until the next look; kinds are the sum of all looks.

Where the net never recognises what plainly travels, from straight above for one, movement speaks
alone: such a track must only travel further before it is certain.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from placewatch.core.ids import TrackId
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Box, Detection, Track
from placewatch.perceive import street_net
from placewatch.perceive.gait import Gait
from placewatch.perceive.motion import Motion
from placewatch.perceive.reading import PLACE, SHARED, expected, read
from placewatch.pixels.frame import Frame

RECOGNISED = 0.6
"""Score of movement whose road user the net has recognised before."""
GUESSED = 0.41
"""Score of movement that the net has not recognised: enough to begin a track."""

_FOUND = 0.3  # score of the net from which a box is somebody, if anything moves there
_FOUND_ALONE = 0.5  # and where nothing does
_KNOWN_S = 0.25  # a track younger than this, and never recognised, has no place of its own yet
_NEXT_LOOKS_S = (0.2, 0.4, 0.8, 1.5)  # after the first, the second, … look; the last for ever
_CROWD_S = 0.25  # a blob shared by several is looked at so often
_LOST_S = 0.3
_FRUITLESS_S = 0.4  # a new blob in which the net saw nobody is looked at again after this
_PACE_S = 0.09  # all looks of a camera keep so far apart
_MARGIN = 0.35  # of its size: what a look takes in around somebody
_MARGIN_MIN = 10  # small pixels
_TRIM_MAX = 0.5
_SURE_KIND = 0.4  # share of its group: people, or vehicles
_SURE_WALKER = 0.5  # near by and from above everybody seems brisk: then the look decides
_SURE_MOTOR = 2.0  # bicycles are many, and look alike to a small picture
_PEOPLE = 3  # kinds of people and riders come first

Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class _Eye:
    """What the net has said of one track."""

    due_s: float  # when to look again
    looks: int = 0
    trim: Floats = field(default_factory=lambda: np.zeros(4))  # net's sides against the blob's
    kinds: Floats = field(default_factory=lambda: np.zeros(len(street_net.KINDS)))
    gait: Gait = field(default_factory=Gait)

    def kind(self) -> Kind:
        """The sum of all looks, first between people and vehicles, then among either."""
        people, vehicles = self.kinds[:_PEOPLE], self.kinds[_PEOPLE:]
        walks = people.sum() >= vehicles.sum()
        group = people if walks else vehicles
        total, best = group.sum(), int(group.argmax())
        if total <= 0.0:
            return Kind.UNKNOWN
        if walks and self.gait.brisk and people[0] < _SURE_WALKER * total:
            best = 1 if people[2] < _SURE_MOTOR * people[1] else 2
        elif group[best] < _SURE_KIND * total:
            return Kind.UNKNOWN
        return street_net.KINDS[best if walks else _PEOPLE + best]


class StreetDetector:
    """Finds road users by what moves and by looks of the street net. `name` is `street`; the
    default, comes with the package. It remembers numbers about the tracks of the moment."""

    name = "street"

    def __init__(self) -> None:
        self._eyes: dict[TrackId, _Eye] = {}
        self._media_s = 0.0
        self._looked_s = -1e9
        self._found: list[tuple[Floats, _Eye]] = []  # at the last look, for tracks that begin
        self._fruitless: list[tuple[float, Floats]] = []
        self.looks = 0
        self.looked_px = 0

    def detect(self, frame: Frame, motion: Motion, tracks: Sequence[Track]) -> list[Detection]:
        elapsed_s = max(0.0, frame.media_s - self._media_s)
        self._media_s = now_s = frame.media_s
        if frame.after_gap:
            self._eyes.clear()
            self._found, self._fruitless = [], []
        scale = float(motion.scale)
        known, places = self._known(tracks, elapsed_s, scale)
        shapes = read(motion.pieces, motion.labels, places)
        eyes = [self._eyes.get(track.id) for track in known]
        due = self._due(shapes, eyes, places, known, motion.small.shape, now_s)
        limits = (frame.width_px, frame.height_px)
        if not due:
            return [self._moved(shape, eyes, scale, limits, motion) for shape in shapes]
        return self._looked(motion, shapes, eyes, places, due, scale, limits)

    def _known(
        self, tracks: Sequence[Track], elapsed_s: float, scale: float
    ) -> tuple[list[Track], Floats]:
        """Whose place is known, and where each is expected by now, in small pixels."""
        known: list[Track] = []
        for track in tracks:
            if track.id not in self._eyes:
                eye = self._new_eye(track.box, scale) if track.seen else None
                if eye is None and not (track.certain or (track.seen and track.age_s >= _KNOWN_S)):
                    continue
                self._eyes[track.id] = eye or _Eye(self._media_s)
            if track.seen:
                self._eyes[track.id].gait.follow(track, elapsed_s)
            known.append(track)
        living = {track.id for track in tracks}
        self._eyes = {track: eye for track, eye in self._eyes.items() if track in living}
        self._found = []
        return known, expected(known, elapsed_s, scale)

    def _new_eye(self, box_px: Box, scale: float) -> _Eye | None:
        """What the last look said of a track that has just begun."""
        best, most = None, 0.5
        sides = (box_px.left_px, box_px.top_px, box_px.right_px, box_px.bottom_px)
        box = np.array(sides) / scale
        for other, eye in self._found:
            like = _overlap(box, other)
            if like > most:
                best, most = eye, like
        return best

    def _due(
        self,
        shapes: Floats,
        eyes: list[_Eye | None],
        places: Floats,
        known: list[Track],
        size: tuple[int, ...],
        now_s: float,
    ) -> list[Floats]:
        """Boxes in which to look now."""
        if now_s - self._looked_s < _PACE_S:
            return []
        self._fruitless = [
            (at, box) for at, box in self._fruitless if 0.0 <= now_s - at < _FRUITLESS_S
        ]
        due: list[Floats] = []
        seen = set()
        for shape in shapes:
            place = int(shape[PLACE])
            if place < 0:
                if not any(_shared(shape[:4], box) > 0.5 for _, box in self._fruitless):
                    due.append(shape[:4])
                continue
            seen.add(place)
            eye = eyes[place]
            if eye is not None and now_s >= eye.due_s - (
                0.0 if shape[SHARED] == 0.0 else _NEXT_LOOKS_S[-1] - _CROWD_S
            ):
                due.append(shape[:4])
        for place, eye in enumerate(eyes):
            if place not in seen and eye is not None and eye.looks > 0 and now_s >= eye.due_s:
                box = places[place]
                if known[place].certain and box[2] > 0 and box[0] < size[1] and box[3] > 0:
                    due.append(box)
        return due

    def _moved(
        self,
        shape: Floats,
        eyes: list[_Eye | None],
        scale: float,
        limits: tuple[int, int],
        motion: Motion,
    ) -> Detection:
        """A road user as movement shows it, corrected by what the net said of it before."""
        eye = eyes[int(shape[PLACE])] if shape[PLACE] >= 0 else None
        box = shape[:4]
        recognised = eye is not None and eye.looks > 0
        if eye is not None and recognised and shape[SHARED] == 0.0:
            box = _trimmed(box, eye.trim, motion.small.shape)
        return Detection(
            Kind.UNKNOWN, _box_px(box, scale, limits), RECOGNISED if recognised else GUESSED
        )

    def _looked(
        self,
        motion: Motion,
        shapes: Floats,
        eyes: list[_Eye | None],
        places: Floats,
        due: list[Floats],
        scale: float,
        limits: tuple[int, int],
    ) -> list[Detection]:
        """What the net sees where it was asked, and what moves elsewhere."""
        now_s = self._looked_s = self._media_s
        high, wide = motion.small.shape
        views = _views(due, high, wide)
        found: list[npt.NDArray[np.float32]] = []
        for left, top, right, bottom in views:
            self.looks += 1
            self.looked_px += (right - left) * (bottom - top)
            part = (slice(top, bottom), slice(left, right))
            seen = street_net.look(motion.small[part], motion.street[part], _FOUND)
            seen[:, 1:5] += (left, top, left, top)
            inner = _inner(seen[:, 1:5], (left, top, right, bottom), (high, wide))
            found += list(seen[inner])

        result: list[Detection] = []
        explained = np.zeros(len(shapes))
        answered: set[int] = set()
        for one in sorted(found, key=lambda cell: -cell[0]):
            box = one[1:5].astype(np.float64)
            covers = [_part(shape[:4], box) for shape in shapes]
            touched = [_shared(shape[:4], box) for shape in shapes]
            if one[0] < _FOUND_ALONE and (not touched or max(touched) < 0.3):
                continue
            explained += covers
            place = self._place_of(box, places, answered)
            score = max(float(one[0]), 0.5)
            eye = eyes[place] if place >= 0 else None
            if eye is None:
                eye = _Eye(now_s)
                self._found.append((box, eye))
            else:
                answered.add(place)
            eye.kinds += one[5:] * one[0]
            eye.due_s = now_s + _NEXT_LOOKS_S[min(eye.looks, len(_NEXT_LOOKS_S) - 1)]
            eye.looks += 1
            eye.trim = _trim(box, shapes, touched)
            result.append(Detection(eye.kind(), _box_px(box, scale, limits), score))
        for k, shape in enumerate(shapes):
            asked = any(_within(shape[:4], view) for view in views)
            if explained[k] >= 0.5:
                continue
            place = int(shape[PLACE])
            eye = eyes[place] if place >= 0 else None
            if asked and eye is not None and place not in answered:
                eye.due_s = now_s + (_LOST_S if eye.looks else _FRUITLESS_S)
            if asked and eye is None:
                self._fruitless.append((now_s, shape[:4]))
            if place in answered:
                continue  # what is left over of somebody the net has just seen
            result.append(self._moved(shape, eyes, scale, limits, motion))
        for place, eye in enumerate(eyes):
            if place not in answered and eye is not None and eye.due_s <= now_s:
                eye.due_s = now_s + _LOST_S
        return result

    def _place_of(self, box: Floats, places: Floats, answered: set[int]) -> int:
        """The place of the road user that the net sees in `box`, or -1."""
        best, most = -1, 0.25
        for place in range(len(places)):
            if place not in answered:
                like = _overlap(box, places[place])
                if like > most:
                    best, most = place, like
        return best


def _trim(box: Floats, shapes: Floats, touched: list[float]) -> Floats:
    """How the net's sides differ from those of the one shape that it saw, in the shape's sizes."""
    near = [k for k, share in enumerate(touched) if share > 0.5]
    if len(near) != 1 or shapes[near[0], SHARED] > 0.0:
        return np.zeros(4)
    shape = shapes[near[0]]
    size = np.array([shape[2] - shape[0], shape[3] - shape[1]] * 2)
    trim: Floats = np.clip((box - shape[:4]) / size, -_TRIM_MAX, _TRIM_MAX)
    return trim


def _trimmed(box: Floats, trim: Floats, size: tuple[int, ...]) -> Floats:
    """`box` with its sides moved; a side on the picture's edge stays."""
    high, wide = size
    moved: Floats = box + trim * np.array([box[2] - box[0], box[3] - box[1]] * 2)
    if box[0] <= 1 or box[2] >= wide - 1:
        moved[0], moved[2] = box[0], box[2]
    if box[1] <= 1 or box[3] >= high - 1:
        moved[1], moved[3] = box[1], box[3]
    return moved


def _views(due: list[Floats], high: int, wide: int) -> list[tuple[int, int, int, int]]:
    """Windows around what is to be looked at, joined where they meet, in whole net sizes."""
    windows = []
    for box in due:
        margin_x = max(_MARGIN_MIN, _MARGIN * (box[2] - box[0]))
        margin_y = max(_MARGIN_MIN, _MARGIN * (box[3] - box[1]))
        windows.append([box[0] - margin_x, box[1] - margin_y, box[2] + margin_x, box[3] + margin_y])
    joined = True
    while joined:
        joined = False
        for i in range(len(windows)):
            for j in range(i + 1, len(windows)):
                a, b = windows[i], windows[j]
                hull = [min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])]
                if _size(hull) <= 1.15 * (_size(a) + _size(b)):
                    windows[i] = hull
                    del windows[j]
                    joined = True
                    break
            if joined:
                break
    views = []
    for left, top, right, bottom in windows:
        x0, x1 = _whole(left, right, wide)
        y0, y1 = _whole(top, bottom, high)
        views.append((x0, y0, x1, y1))
    return views


def _size(window: list[float]) -> float:
    return (window[2] - window[0]) * (window[3] - window[1])


def _whole(low: float, high: float, limit: int) -> tuple[int, int]:
    """A span in whole net sizes over `low` to `high`, within 0 to `limit`."""
    low, high = max(0.0, low), min(float(limit), high)
    side = street_net.SIDE
    span = max(side, -(-int(np.ceil(high - low)) // side) * side)
    if span >= limit:
        return 0, limit
    begin = int(min(max(0.0, (low + high - span) / 2), limit - span))
    return begin, begin + span


def _inner(
    boxes: npt.NDArray[np.float32], view: tuple[int, int, int, int], size: tuple[int, ...]
) -> npt.NDArray[np.bool_]:
    """Which boxes are not cut off by the window's edge (the picture's own edge does not count)."""
    left, top, right, bottom = view
    high, wide = size
    edge = 1.5
    cut = (
        ((boxes[:, 0] < left + edge) & (left > 0))
        | ((boxes[:, 1] < top + edge) & (top > 0))
        | ((boxes[:, 2] > right - edge) & (right < wide))
        | ((boxes[:, 3] > bottom - edge) & (bottom < high))
    )
    return ~cut


def _within(box: Floats, view: tuple[int, int, int, int]) -> bool:
    return bool(box[0] >= view[0] and box[1] >= view[1] and box[2] <= view[2] and box[3] <= view[3])


def _both(a: Floats, b: Floats) -> float:
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    return float(across * down) if across > 0 and down > 0 else 0.0


def _part(a: Floats, b: Floats) -> float:
    """The share of `a` that lies in `b`."""
    return _both(a, b) / float((a[2] - a[0]) * (a[3] - a[1]))


def _shared(a: Floats, b: Floats) -> float:
    """The share of the smaller of two boxes that lies in the other."""
    least = min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    return _both(a, b) / float(least)


def _overlap(a: Floats, b: Floats) -> float:
    """Intersection over union."""
    both = _both(a, b)
    return both / float((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def _box_px(box: Floats, scale: float, limits: tuple[int, int]) -> Box:
    left, top, right, bottom = (box * scale).tolist()
    return Box(left, top, min(right, float(limits[0])), min(bottom, float(limits[1])))
