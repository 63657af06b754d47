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

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.ids import TrackId
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Box, Detection, Track
from placewatch.perceive import street_net
from placewatch.perceive.motion import Motion
from placewatch.perceive.reading import PLACE, SHARED, expected, read
from placewatch.perceive.witness import Witness
from placewatch.pixels.frame import Frame

RECOGNISED = 0.6
"""Score of movement whose road user the net has recognised before."""
GUESSED = 0.41
"""Score of movement that the net has not recognised: enough to begin a track."""

_FOUND = 0.3  # score of the net from which a box is somebody, if anything moves there
_FOUND_ALONE = 0.5  # and where nothing does
_KNOWN_S = 0.25  # a track younger than this, and never recognised, has no place of its own yet
_NEXT_LOOKS_S = (0.25, 0.6, 1.5, 4.0, 8.0)  # after the first, the second, … look
_CROWD_S = 0.4  # a blob shared by several is looked at so often,
_CROWD_LOOKS = 6  # and after so many looks
_CROWD_LONG_S = 1.5  # so often
_CHANGED = 1.4  # times its size: a blob that took something on, or lost a part, is looked at,
_CHANGED_S = 0.25  # this long after the last look
_LOST_S = 0.3  # whoever was recognised and is not seen is looked for so often
_FRUITLESS_S = 0.4  # where the net saw nobody it looks again after this, later each time
_FRUITLESS_S_MAX = 3.2
_SURE_LOOKS = 2  # so many looks that recognise somebody are sure,
_SURE_LOOK = 0.7  # or one with this score
_YOUNG_S = 1.5  # before, who stood there first is part of the street, and confuses the net
_IN_VAIN = 2  # looks that saw nobody: then it is nobody
_PACE_S = 0.11  # all looks of a camera keep so far apart
_MARGIN = 0.35  # of its size: what a look takes in around somebody
_MARGIN_MIN = 10  # small pixels
_WORTH_A_LOOK = 4000.0  # small pixels: what a look costs whatever its size
_TRIM_MAX = 0.5
_SURE_GROUP = 0.6  # share of people, or of vehicles, in all looks
_CUT_OFF = 0.3  # what a look tells of the kind of whom the picture's edge cuts off
_SURE_MOTOR = 2.0  # bicycles are many, and look alike to a small picture
_PEOPLE = 3  # kinds of people and riders come first
_BRISK = 1.2  # own heights a second, foreshortened: at 1.75 m that is 7.5 km/h, and who is
_BRISK_SPREAD = 0.35  # faster by this much is seldom on foot
_TALL = 1.3  # times its width; who is seen from above is not, and its height tells no pace
_TELLING = 30.0  # small pixels high: who is smaller tells less of its kind
_FORESHORTENED = 2.2  # a camera that looks 27 degrees down

# What is known of a track, as numbers: when to look again, how many looks recognised it, when the
# last one was, how many since then saw nobody, and the net's sides against the blob's.
_DUE_S, _LOOKS, _LOOKED_S, _MISSES, _TRIM = range(5)
_COLUMNS = _TRIM + 4

Floats = npt.NDArray[np.float64]


class _Eye:
    """What the net has said of one track."""

    def __init__(self, due_s: float) -> None:
        self.row = np.zeros(_COLUMNS)
        self.row[_DUE_S] = due_s
        self.kinds = np.zeros(len(street_net.KINDS))
        self.paces: list[float] = []  # own heights a second, at each look

    def recognise(self, found: Floats, now_s: float, whole: bool) -> None:
        """Takes in what a look said: a row of `street_net.look`, of somebody `whole` or cut off."""
        near = min(2.0, max(0.3, float(found[4] - found[2]) / _TELLING))
        self.kinds += found[5:] * found[0] * near * (1.0 if whole else _CUT_OFF)
        self.row[_MISSES] = 0.0
        looks = int(self.row[_LOOKS])
        self.row[_DUE_S] = now_s + _NEXT_LOOKS_S[min(looks, len(_NEXT_LOOKS_S) - 1)]
        self.row[_LOOKS], self.row[_LOOKED_S] = looks + 1, now_s

    def miss(self, now_s: float) -> None:
        """A look saw nobody here."""
        misses = float(self.row[_MISSES])
        if self.row[_LOOKS] > 0 and misses < 4:
            self.row[_DUE_S] = now_s + _LOST_S
        else:
            self.row[_DUE_S] = now_s + min(_FRUITLESS_S_MAX, _FRUITLESS_S * 2.0**misses)
        self.row[_LOOKED_S], self.row[_MISSES] = now_s, misses + 1

    def kind(self) -> Kind:
        """The sum of all looks, first between people and vehicles, then among either."""
        people, vehicles = self.kinds[:_PEOPLE], self.kinds[_PEOPLE:]
        walks = people.sum() >= vehicles.sum()
        group, everything = people if walks else vehicles, self.kinds.sum()
        best = int(group.argmax())
        if everything <= 0.0 or group.sum() < _SURE_GROUP * everything:
            return Kind.UNKNOWN
        if walks:
            walker, bicycle, motorcycle = people
            walker *= self._walks_so_fast()
            motorcycle /= _SURE_MOTOR
            best = 0 if walker >= max(bicycle, motorcycle) else 1 if bicycle >= motorcycle else 2
        return street_net.KINDS[best if walks else _PEOPLE + best]

    def _walks_so_fast(self) -> float:
        """How well the pace fits somebody on foot, 0..1; 1 while it is not known."""
        if len(self.paces) < 2:
            return 1.0
        pace = sorted(self.paces)[(len(self.paces) - 1) // 2]
        return math.exp(-max(0.0, pace - _BRISK) / _BRISK_SPREAD)


class StreetDetector:
    """Finds road users by what moves and by looks of the street net. `name` is `street`; the
    default, comes with the package. It remembers numbers about the tracks of the moment."""

    name = "street"

    def __init__(self) -> None:
        self._eyes: dict[TrackId, _Eye] = {}
        self._media_s = 0.0
        self._looked_s = -math.inf
        self._found: list[tuple[Floats, _Eye]] = []  # at the last look, for tracks that begin
        self._fruitless: list[tuple[float, Floats]] = []
        self._witness = Witness()
        self.looks = 0
        self.looked_px = 0  # of averaged pictures, in all looks

    def detect(self, frame: Frame, motion: Motion, tracks: Sequence[Track]) -> list[Detection]:
        elapsed_s = max(0.0, frame.media_s - self._media_s)
        self._media_s = now_s = frame.media_s
        if frame.after_gap or now_s < self._looked_s:
            self._eyes.clear()
            self._found, self._fruitless, self._looked_s = [], [], -math.inf
        scale = float(motion.scale)
        known = self._known(tracks, scale)
        if not known and not len(motion.pieces):
            return []
        places = expected(known, elapsed_s, scale)
        shapes = read(motion.pieces, motion.labels, places)
        eyes = [self._eyes[track.id] for track in known]
        table = np.array([eye.row for eye in eyes]).reshape(-1, _COLUMNS)
        found, due, lost, doubted = _answer(
            shapes, places, table, motion.small.shape, now_s, scale, frame.width_px, frame.height_px
        )
        moved = [
            Detection(Kind.UNKNOWN, Box(left, top, right, bottom), score)
            for left, top, right, bottom, score in found.tolist()
        ]
        self._fruitless = [(at, box) for at, box in self._fruitless if now_s - at < _FRUITLESS_S]
        vain = self._in_vain(shapes)
        doubted |= vain
        self._witness.follow(frame, [moved[k] for k in np.flatnonzero(doubted)])
        if self._witness.blind or motion.age_s < _YOUNG_S:
            doubted[:] = False
        elif motion.restless:  # among flakes and streaks only who was recognised is somebody
            recognised = np.append(table[:, _LOOKS] > 0, False)  # the last for who has no place
            doubted |= ~recognised[shapes[:, PLACE].astype(np.int64)]
        for p in np.flatnonzero(lost):
            lost[p] = known[int(p)].certain
        due &= ~vain
        boxes = [*shapes[due, :4], *places[lost]]
        if not boxes or now_s - self._looked_s < _PACE_S:
            told = [one for one, out in zip(moved, doubted.tolist(), strict=True) if not out]
            return _guessed(told) if motion.age_s < _YOUNG_S else told
        asked = {int(p) for p in (*shapes[due, PLACE], *np.flatnonzero(lost)) if p >= 0}
        told = self._look(frame, motion, shapes, places, known, eyes, boxes, asked, moved, doubted)
        return _guessed(told) if motion.age_s < _YOUNG_S else told

    def _known(self, tracks: Sequence[Track], scale: float) -> list[Track]:
        """Whose place is known."""
        known: list[Track] = []
        eyes: dict[TrackId, _Eye] = {}
        for track in tracks:
            eye = self._eyes.get(track.id)
            if eye is None:
                eye = self._new_eye(track.box, scale) if track.seen and self._found else None
                if eye is None and not (track.certain or (track.seen and track.age_s >= _KNOWN_S)):
                    continue
            eyes[track.id] = eye or _Eye(self._media_s)
            known.append(track)
        self._eyes, self._found = eyes, []
        return known

    def _new_eye(self, box_px: Box, scale: float) -> _Eye | None:
        """What the last look said of a track that has just begun."""
        best, most = None, 0.5
        box = np.array(box_px) / scale
        for other, eye in self._found:
            like = _overlap(box, other)
            if like > most:
                best, most = eye, like
        return best

    def _in_vain(self, shapes: Floats) -> npt.NDArray[np.bool_]:
        """Which shapes belong to nobody known and were just looked at without seeing anybody."""
        vain = np.zeros(len(shapes), np.bool_)
        if not self._fruitless:
            return vain
        for k in np.flatnonzero(shapes[:, PLACE] < 0):
            vain[k] = any(_shared(shapes[k], box) > 0.5 for _, box in self._fruitless)
        return vain

    @property
    def note(self) -> str | None:
        """What people should know of it just now."""
        if self._witness.blind:
            return "the street net does not know this view; motion alone finds road users"
        return None

    def _look(
        self,
        frame: Frame,
        motion: Motion,
        shapes: Floats,
        places: Floats,
        known: list[Track],
        eyes: list[_Eye],
        boxes: list[Floats],
        asked: set[int],
        moved: list[Detection],
        doubted: npt.NDArray[np.bool_],
    ) -> list[Detection]:
        """What the net sees in `boxes`, among them the places `asked`, and what moves elsewhere."""
        now_s = self._looked_s = self._media_s
        scale = float(motion.scale)
        views = _views(boxes, *motion.small.shape)
        result: list[Detection] = []
        seen = self._seen(motion, views)
        shares, parts, likes = _compared(seen, shapes, places)
        explained = np.zeros(len(shapes))
        answered: set[int] = set()
        for n, one in enumerate(seen):
            box, touched = one[1:5], shares[n]
            if one[0] < _FOUND_ALONE and touched.max(initial=0.0) < 0.3:
                continue
            explained += parts[n]
            place = _place_of(likes[n], answered)
            whole = _is_whole(box, motion.small.shape)
            if place >= 0:
                eye = eyes[place]
                answered.add(place)
                if eye.row[_LOOKS] == 1.0:
                    self._witness.recognised()
                if whole and box[3] - box[1] >= _TALL * (box[2] - box[0]):
                    eye.paces.append(_pace(known[place]))
            else:
                eye = _Eye(now_s)
                self._found.append((box, eye))
            eye.recognise(one, now_s, whole)
            # Whoever comes in grows: what is cut off now tells nothing of its sides later.
            eye.row[_TRIM:] = _trim(box, shapes, touched) if whole else 0.0
            sides = (box * scale).tolist()
            sides[2], sides[3] = min(sides[2], frame.width_px), min(sides[3], frame.height_px)
            result.append(Detection(eye.kind(), Box(*sides), _score(eye, float(one[0]))))
        for k, shape in enumerate(shapes):
            place = int(shape[PLACE])
            if explained[k] >= 0.5 or place in answered:
                continue  # the net has seen who it is, or whose part
            if place < 0 and any(_within(shape, view) for view in views):
                self._fruitless.append((now_s, shape[:4]))
                doubted[k] |= not self._witness.blind and motion.age_s >= _YOUNG_S
            if not doubted[k]:
                result.append(moved[k])
        for place in asked - answered:
            eyes[place].miss(now_s)
        return result

    def _seen(self, motion: Motion, views: list[tuple[int, int, int, int]]) -> Floats:
        """What the net sees in all windows, best first: rows of `street_net.look`."""
        seen = []
        for left, top, right, bottom in views:
            self.looks += 1
            self.looked_px += (right - left) * (bottom - top)
            part = (slice(top, bottom), slice(left, right))
            found = street_net.look(motion.small[part], motion.street[part], _FOUND)
            found[:, 1:5] += (left, top, left, top)
            whole = _whole_boxes(found[:, 1:5], (left, top, right, bottom), motion.small.shape)
            seen.append(found[whole].astype(np.float64))
        rows = np.concatenate(seen)
        return rows[np.argsort(-rows[:, 0], kind="stable")]


@numba.njit(cache=True, nogil=True)
def _answer(
    shapes: Floats,
    places: Floats,
    table: Floats,
    size: tuple[int, int],
    now_s: float,
    scale: float,
    width_px: float,
    height_px: float,
) -> tuple[Floats, npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Road users as movement shows them, corrected by what the net said of them before.

    Returns left, top, right, bottom in px of the picture and score (S, 5); which shapes are due
    for a look (S,); which places (P,), because whoever was recognised there is not seen; and
    which shapes (S,) the net has looked at in vain.
    """
    count, known = shapes.shape[0], places.shape[0]
    high, wide = size
    found = np.empty((count, 5))
    due = np.zeros(count, np.bool_)
    lost = np.ones(known, np.bool_)
    doubted = np.zeros(count, np.bool_)
    for k in range(count):
        left, top, right, bottom = shapes[k, 0], shapes[k, 1], shapes[k, 2], shapes[k, 3]
        place = int(shapes[k, PLACE])
        recognised = False
        due[k] = place < 0
        if place >= 0:
            row = table[place]
            lost[place] = False
            recognised = row[_LOOKS] > 0
            doubted[k] = not recognised and row[_MISSES] >= _IN_VAIN
            crowd = shapes[k, SHARED] > 0
            wait_s = _CROWD_S if row[_LOOKS] < _CROWD_LOOKS else _CROWD_LONG_S
            due[k] = now_s >= row[_DUE_S] or (crowd and now_s >= row[_LOOKED_S] + wait_s)
            box = places[place]
            grown = (right - left) * (bottom - top) / ((box[2] - box[0]) * (box[3] - box[1]))
            changed = grown > _CHANGED or grown < 1.0 / _CHANGED
            due[k] |= changed and now_s >= row[_LOOKED_S] + _CHANGED_S
            if recognised and not crowd:
                # A side on the picture's edge stays.
                w, h = right - left, bottom - top
                if left > 1 and right < wide - 1:
                    left, right = left + row[_TRIM] * w, right + row[_TRIM + 2] * w
                if top > 1 and bottom < high - 1:
                    top, bottom = top + row[_TRIM + 1] * h, bottom + row[_TRIM + 3] * h
        found[k, 0], found[k, 1] = left * scale, top * scale
        found[k, 2], found[k, 3] = min(right * scale, width_px), min(bottom * scale, height_px)
        twice = place >= 0 and table[place, _LOOKS] >= _SURE_LOOKS
        found[k, 4] = RECOGNISED if twice else GUESSED
    for p in range(known):
        box, row = places[p], table[p]
        inside = box[2] > 0 and box[3] > 0 and box[0] < wide and box[1] < high
        lost[p] = lost[p] and inside and row[_LOOKS] > 0 and now_s >= row[_DUE_S]
    return found, due, lost, doubted


@numba.njit(cache=True, nogil=True)
def _both(a: Floats, b: Floats) -> float:
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    return float(across * down) if across > 0 and down > 0 else 0.0


@numba.njit(cache=True, nogil=True)
def _compared(seen: Floats, shapes: Floats, places: Floats) -> tuple[Floats, Floats, Floats]:
    """Of what the net sees (N) against shapes (S) and places (P): the share of the smaller box
    that lies in the other (N, S), the part of each shape that it covers (N, S), and intersection
    over union with each place (N, P)."""
    shares = np.zeros((seen.shape[0], shapes.shape[0]))
    parts = np.zeros((seen.shape[0], shapes.shape[0]))
    likes = np.zeros((seen.shape[0], places.shape[0]))
    for n in range(seen.shape[0]):
        box = seen[n, 1:5]
        mine = (box[2] - box[0]) * (box[3] - box[1])
        for k in range(shapes.shape[0]):
            area = (shapes[k, 2] - shapes[k, 0]) * (shapes[k, 3] - shapes[k, 1])
            both = _both(shapes[k], box)
            shares[n, k], parts[n, k] = both / min(area, mine), both / area
        for p in range(places.shape[0]):
            area = (places[p, 2] - places[p, 0]) * (places[p, 3] - places[p, 1])
            both = _both(places[p], box)
            likes[n, p] = both / (area + mine - both)
    return shares, parts, likes


def _score(eye: _Eye, score: float) -> float:
    """How sure a detection is: one look alone may be taken in by a streak of snow."""
    if eye.row[_LOOKS] >= _SURE_LOOKS:
        return max(score, RECOGNISED)
    return score if score >= _SURE_LOOK else GUESSED


def _guessed(found: list[Detection]) -> list[Detection]:
    """The same, none of them sure: before the street is known the net compares with somebody who
    stood there, or with the first, coarse pictures of a stream."""
    return [Detection(one.kind, one.box, min(one.score, GUESSED)) for one in found]


def _is_whole(box: Floats, size: tuple[int, ...]) -> bool:
    """Whether the picture's edge cuts nothing off: who comes in grows, which looks like speed."""
    return bool(box[0] > 2 and box[1] > 2 and box[2] < size[1] - 2 and box[3] < size[0] - 2)


def _pace(track: Track) -> float:
    """Own heights a second; what goes away from the camera or towards it is foreshortened."""
    right, down = track.velocity_px_s
    return math.hypot(right, _FORESHORTENED * down) / max(1.0, track.box.height_px)


def _place_of(likes: Floats, answered: set[int]) -> int:
    """The place of the road user that the net sees, or -1."""
    best, most = -1, 0.25
    for place, like in enumerate(likes.tolist()):
        if like > most and place not in answered:
            best, most = place, like
    return best


def _trim(box: Floats, shapes: Floats, touched: Floats) -> Floats:
    """How the net's sides differ from those of the one shape that it saw, in the shape's sizes."""
    near = np.flatnonzero(touched > 0.5)
    if len(near) != 1 or shapes[near[0], SHARED] > 0.0:
        return np.zeros(4)
    shape = shapes[near[0]]
    size = np.array([shape[2] - shape[0], shape[3] - shape[1]] * 2)
    trim: Floats = np.clip((box - shape[:4]) / size, -_TRIM_MAX, _TRIM_MAX)
    return trim


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
                if _size(hull) <= _size(a) + _size(b) + _WORTH_A_LOOK:
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


def _whole_boxes(
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


def _shared(a: Floats, b: Floats) -> float:
    """The share of the smaller of two boxes that lies in the other."""
    least = min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    return _both(a, b) / float(least)


def _overlap(a: Floats, b: Floats) -> float:
    """Intersection over union."""
    both = _both(a, b)
    return both / float((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)
