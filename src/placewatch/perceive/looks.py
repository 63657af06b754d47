"""Looks: what is due to be looked at by the street net, and what its answer says of who is known.

All of it is compiled and in rows of numbers; `street_detector` says when what is done. Boxes are in
small pixels, those of the averaged picture, but for tracks and detections.
"""

import math

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.kinds import NUMBER_OF, Kind
from placewatch.core.sightings import (
    AGE_S,
    BOTTOM,
    CERTAIN,
    DETECTION_COLUMNS,
    DOWN_PX_S,
    LEFT,
    RIGHT,
    RIGHT_PX_S,
    TOP,
    UNSEEN_S,
)
from placewatch.perceive.reading import PLACE, SHARED, read
from placewatch.perceive.street_net import KINDS, SIDE

RECOGNISED = 0.6
"""Score of movement whose road user the net has recognised before."""
GUESSED = 0.41
"""Score of movement that the net has not recognised: enough to begin a track."""

_FOUND_ALONE = 0.5  # and where nothing does
_KNOWN_S = 0.25  # a track younger than this, and never recognised, has no place of its own yet
_NEXT_LOOKS_S = (0.25, 0.6, 1.5, 4.0, 8.0)  # after the first, the second, … look
_CROWD_S = 0.4  # a blob shared by several is looked at so often,
_CROWD_LOOKS = 6  # and after so many looks
_CROWD_LONG_S = 1.5  # so often
_CHANGED = 1.4  # times its size: a blob that took something on, or lost a part, is looked at,
_CHANGED_PX = 3.0  # small pixels of a side: less is a blob that trembles
_CHANGED_S = 0.25  # this long after the last look,
_CHANGED_LONG_S = 1.5  # or, after as many looks as in a crowd, this long
_LARGER = 2.0  # times as large as at the last look: who comes so much closer may be two
_LOST_S = 0.3  # whoever was recognised and is not seen is looked for so often
FRUITLESS_S = 0.4  # where the net saw nobody it looks again after this, later each time
_FRUITLESS_S_MAX = 3.2
_SURE_LOOKS = 2  # so many looks that recognise somebody are sure,
_SURE_LOOK = 0.7  # or one with this score
_IN_VAIN = 2  # looks that saw nobody: then it is nobody
_MARGIN = 0.35  # of its size: what a look takes in around somebody
_MARGIN_MIN = 10  # small pixels
_SMALL = 60.0  # small pixels: what is less, and new, is looked at if it is still there later
_WORTH_A_LOOK = 4000.0  # small pixels: what a look costs whatever its size
_HALF = 0.5  # of somebody
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

_KIND_NUMBERS = np.array([NUMBER_OF[kind] for kind in KINDS])
_UNKNOWN = NUMBER_OF[Kind.UNKNOWN]
_PACES = 8  # looks whose pace is kept

# What is known of a track, as numbers: 1 once it has a place of its own, when to look again, how
# many looks recognised it, when the last one was, how many since then saw nobody, how large it was
# and how much larger than its place it looked then, the net's sides against the blob's, what all
# looks said of its kind, and its pace at the last looks, own heights a second, after how many there
# were.
KNOWN, _DUE_S, LOOKS, _LOOKED_S, _MISSES, _AREA, _GROWN, _TRIM = range(8)
_KIND = _TRIM + 4
_PACED = _KIND + len(KINDS)
COLUMNS = _PACED + 1 + _PACES

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]


@numba.njit(cache=True, nogil=True)
def answer(
    tracks: Floats,
    table: Floats,
    pieces: npt.NDArray[np.int32],
    labels: npt.NDArray[np.int32],
    elapsed_s: float,
    now_s: float,
    scale: float,
    width_px: float,
    height_px: float,
) -> tuple[Floats, Floats, Floats, Whole, Bools, Bools, Bools, bool, bool, bool]:
    """Road users as movement shows them, corrected by what the net said of them before.

    Returns them (S, DETECTION_COLUMNS); the shapes that `read` made of what moves, and the places
    (P, 4) where those are expected whose rows in `tracks` follow; which shapes are due for a look;
    which places, because whoever was recognised there is not seen; which shapes the net has looked
    at in vain; and whether there are any to look at, any that cannot wait, and any in vain.
    """
    high, wide = labels.shape
    who = np.empty(len(tracks), np.int64)
    places = np.empty((len(tracks), 4))
    doubtful = np.zeros(len(tracks), np.bool_)
    known = 0
    for t in range(len(tracks)):
        track, row = tracks[t], table[t]
        if row[KNOWN] == 0.0 and (
            track[CERTAIN] == 1.0 or (track[UNSEEN_S] == 0.0 and track[AGE_S] >= _KNOWN_S)
        ):
            row[KNOWN], row[_DUE_S], row[_GROWN] = 1.0, now_s, 1.0
        if row[KNOWN] == 1.0:
            who[known] = t
            across, down = elapsed_s * track[RIGHT_PX_S], elapsed_s * track[DOWN_PX_S]
            places[known, 0] = (track[LEFT] + across) / scale
            places[known, 1] = (track[TOP] + down) / scale
            places[known, 2] = (track[RIGHT] + across) / scale
            places[known, 3] = (track[BOTTOM] + down) / scale
            doubtful[known] = row[LOOKS] == 0.0 and row[_MISSES] >= 1.0
            known += 1
    who, places = who[:known], places[:known]
    shapes = read(pieces, labels, places, doubtful)
    count = shapes.shape[0]
    found = np.empty((count, DETECTION_COLUMNS))
    due = np.zeros(count, np.bool_)
    lost = np.ones(known, np.bool_)
    doubted = np.zeros(count, np.bool_)
    asks = at_once = doubts = False
    for k in range(count):
        left, top, right, bottom = shapes[k, 0], shapes[k, 1], shapes[k, 2], shapes[k, 3]
        place = int(shapes[k, PLACE])
        twice = False
        due[k] = place < 0 and (right - left) * (bottom - top) >= _SMALL
        if place >= 0:
            row = table[who[place]]
            lost[place] = False
            recognised = row[LOOKS] > 0
            twice = row[LOOKS] >= _SURE_LOOKS
            doubted[k] = not recognised and row[_MISSES] >= _IN_VAIN
            crowd = shapes[k, SHARED] > 0
            often = row[LOOKS] < _CROWD_LOOKS
            wait_s = _CROWD_S if often else _CROWD_LONG_S
            due[k] = now_s >= row[_DUE_S] or (crowd and now_s >= row[_LOOKED_S] + wait_s)
            box = places[place]
            grown = _grown(shapes[k], box) / row[_GROWN]
            by = max(
                abs((right - left) - (box[2] - box[0])), abs((bottom - top) - (box[3] - box[1]))
            )
            if by > _CHANGED_PX and (grown > _CHANGED or grown < 1.0 / _CHANGED):
                due[k] |= now_s >= row[_LOOKED_S] + (_CHANGED_S if often else _CHANGED_LONG_S)
            if recognised and not crowd:
                # A side on the picture's edge stays.
                w, h = right - left, bottom - top
                if left > 1 and right < wide - 1:
                    left, right = left + row[_TRIM] * w, right + row[_TRIM + 2] * w
                if top > 1 and bottom < high - 1:
                    top, bottom = top + row[_TRIM + 1] * h, bottom + row[_TRIM + 3] * h
            larger = (right - left) * (bottom - top) > _LARGER * row[_AREA] > 0.0
            if larger and now_s >= row[_LOOKED_S] + _CHANGED_S:
                due[k] = at_once = True
        found[k, 0], found[k, 1] = left * scale, top * scale
        found[k, 2], found[k, 3] = min(right * scale, width_px), min(bottom * scale, height_px)
        found[k, 4] = RECOGNISED if twice else GUESSED
        found[k, 5] = _UNKNOWN
        asks |= due[k]
        doubts |= doubted[k]
    for p in range(known):
        box, row = places[p], table[who[p]]
        inside = box[2] > 0 and box[3] > 0 and box[0] < wide and box[1] < high
        sure = tracks[who[p], CERTAIN] == 1.0 and row[LOOKS] > 0
        lost[p] = lost[p] and inside and sure and now_s >= row[_DUE_S]
        asks |= lost[p]
    return found, shapes, places, who, due, lost, doubted, asks, at_once, doubts


@numba.njit(cache=True, nogil=True)
def windows(
    shapes: Floats, places: Floats, due: Bools, lost: Bools, high: int, wide: int
) -> tuple[Whole, Bools]:
    """Windows around what is to be looked at, joined where they meet, in whole net sizes: (W, 4)
    left, top, right, bottom; and whom they are for, of the places."""
    rows = np.empty((len(shapes) + len(places), 4))
    around = np.empty(4)
    asked = lost.copy()
    count = 0
    for k in range(len(shapes)):
        if due[k]:
            _around(shapes[k], rows[count])
            count += 1
            if shapes[k, PLACE] >= 0:
                asked[int(shapes[k, PLACE])] = True
    for p in range(len(places)):
        if lost[p]:
            _around(places[p], rows[count])
            count += 1
    count = _joined(rows, count)
    for w in range(count):
        for shape in shapes:
            # The net does not know whom it sees a part of: who is half in a window is all in it.
            if _both(shape, rows[w]) >= _HALF * _area(shape):
                _around(shape, around)
                rows[w, :2] = np.minimum(rows[w, :2], around[:2])
                rows[w, 2:] = np.maximum(rows[w, 2:], around[2:])
    count = _joined(rows, count)
    views = np.empty((count, 4), np.int64)
    for w in range(count):
        views[w, 0], views[w, 2] = _whole(rows[w, 0], rows[w, 2], wide)
        views[w, 1], views[w, 3] = _whole(rows[w, 1], rows[w, 3], high)
    return views, asked


@numba.njit(cache=True, nogil=True)
def _joined(rows: Floats, count: int) -> int:
    """Joins those of the first `count` windows that cost less as one; says how many are left."""
    joined = True
    while joined:
        joined = False
        for i in range(count):
            for j in range(i + 1, count):
                a, b = rows[i], rows[j]
                left, top = min(a[0], b[0]), min(a[1], b[1])
                right, bottom = max(a[2], b[2]), max(a[3], b[3])
                if (right - left) * (bottom - top) <= _area(a) + _area(b) + _WORTH_A_LOOK:
                    a[0], a[1], a[2], a[3] = left, top, right, bottom
                    count -= 1
                    rows[j:count] = rows[j + 1 : count + 1].copy()
                    joined = True
                    break
            if joined:
                break
    return count


@numba.njit(cache=True, nogil=True)
def _around(box: Floats, window: Floats) -> None:
    margin_x = max(_MARGIN_MIN, _MARGIN * (box[2] - box[0]))
    margin_y = max(_MARGIN_MIN, _MARGIN * (box[3] - box[1]))
    window[0], window[1] = box[0] - margin_x, box[1] - margin_y
    window[2], window[3] = box[2] + margin_x, box[3] + margin_y


@numba.njit(cache=True, nogil=True)
def _whole(low: float, high: float, limit: int) -> tuple[int, int]:
    """A span in whole net sizes over `low` to `high`, within 0 to `limit`."""
    low, high = max(0.0, low), min(float(limit), high)
    span = max(SIDE, math.ceil(math.ceil(high - low) / SIDE) * SIDE)
    if span >= limit:
        return 0, limit
    begin = int(min(max(0.0, (low + high - span) / 2), limit - span))
    return begin, begin + span


@numba.njit(cache=True, nogil=True)
def understand(
    seen: Floats,
    views: Whole,
    asked: Bools,
    shapes: Floats,
    places: Floats,
    who: Whole,
    moved: Floats,
    doubted: Bools,
    tracks: Floats,
    table: Floats,
    size: tuple[int, int],
    now_s: float,
    scale: float,
    width_px: float,
    height_px: float,
    doubts: bool,
) -> tuple[Floats, Floats, Floats, int]:
    """What a look at the windows `views` says of everybody in the picture.

    `seen` (N, 12) is what the net sees in all of them, rows of `street_net.look`, best first;
    `asked` whom it was asked for; the rest is of `answer`. `doubts`: what the net did not see is
    nobody. Takes it in `table`. Returns the detections (D, DETECTION_COLUMNS); who may begin, a box
    and a row of COLUMNS each (B, 4 + COLUMNS); what the net looked at without seeing anybody
    (V, 4); and how many were recognised for the second time.
    """
    high, wide = size
    found = np.empty((len(seen) + len(shapes), DETECTION_COLUMNS))
    begun = np.zeros((len(seen), 4 + COLUMNS))
    vain = np.empty((len(shapes), 4))
    explained = np.zeros(len(shapes))
    answered = np.zeros(len(places), np.bool_)
    count = new = none = confirmed = 0
    for n in range(len(seen)):
        score, box = seen[n, 0], seen[n, 1:5]
        mine = _area(box)
        most, near, only = 0.0, 0, -1
        for k in range(len(shapes)):
            share = _both(shapes[k], box) / min(_area(shapes[k]), mine)
            most = max(most, share)
            if share > _HALF:
                near += 1
                only = k
        alone = near == 1 and shapes[only, SHARED] == 0.0 and _is_alone(seen, n, shapes[only])
        if score < _FOUND_ALONE and most < 0.3:
            continue
        for k in range(len(shapes)):
            explained[k] += _both(shapes[k], box) / _area(shapes[k])
        # Whoever is cut off by the picture's edge grows as it comes in, which looks like speed.
        whole = box[0] > 2 and box[1] > 2 and box[2] < wide - 2 and box[3] < high - 2
        place, like = -1, 0.25
        for p in range(len(places)):
            both = _both(places[p], box)
            same = both / (_area(places[p]) + mine - both)
            if same > like and not answered[p]:
                place, like = p, same
        if place >= 0:
            answered[place] = True
            track, row = tracks[who[place]], table[who[place]]
            confirmed += row[LOOKS] == 1.0
            if whole and box[3] - box[1] >= _TALL * (box[2] - box[0]):
                row[_PACED + 1 + int(row[_PACED]) % _PACES] = _pace(track)
                row[_PACED] += 1.0
        else:
            begun[new, :4] = box
            row = begun[new, 4:]
            row[KNOWN], row[_GROWN] = 1.0, 1.0
            new += 1
        row[_DUE_S] = now_s + _NEXT_LOOKS_S[min(int(row[LOOKS]), len(_NEXT_LOOKS_S) - 1)]
        row[LOOKS] += 1.0
        row[_LOOKED_S], row[_MISSES], row[_AREA] = now_s, 0.0, mine
        weight = score * min(2.0, max(0.3, (box[3] - box[1]) / _TELLING))
        for k in range(len(KINDS)):
            row[_KIND + k] += weight * seen[n, 5 + k] * (1.0 if whole else _CUT_OFF)
        # What is cut off now tells nothing of its sides later.
        row[_TRIM : _TRIM + 4] = 0.0
        if whole and alone:
            shape = shapes[only]
            for side in range(4):
                length = shape[2] - shape[0] if side % 2 == 0 else shape[3] - shape[1]
                by = (box[side] - shape[side]) / length
                row[_TRIM + side] = min(_TRIM_MAX, max(-_TRIM_MAX, by))
        one = found[count]
        count += 1
        one[0], one[1] = box[0] * scale, box[1] * scale
        one[2], one[3] = min(box[2] * scale, width_px), min(box[3] * scale, height_px)
        # One look alone may be taken in by a streak of snow; a streak does not travel.
        one[4] = score if score >= _SURE_LOOK else GUESSED
        travelled = place >= 0 and tracks[who[place], CERTAIN] == 1.0
        if row[LOOKS] >= _SURE_LOOKS or travelled:
            one[4] = max(score, RECOGNISED)
        one[5] = _kind(row)
    for k in range(len(shapes)):
        shape, place = shapes[k], int(shapes[k, PLACE])
        if place >= 0 and (asked[place] or answered[place]):
            table[who[place], _GROWN] = _grown(shape, places[place])
        if explained[k] >= 0.5 or (place >= 0 and answered[place]):
            continue  # the net has seen who it is, or whose part
        nobody = doubted[k]
        if place < 0:
            for view in views:
                if (
                    shape[0] >= view[0]
                    and shape[1] >= view[1]
                    and shape[2] <= view[2]
                    and shape[3] <= view[3]
                ):
                    vain[none] = shape[:4]
                    none += 1
                    nobody |= doubts
                    break
        if not nobody:
            found[count] = moved[k]
            count += 1
    for p in range(len(places)):
        if asked[p] and not answered[p]:
            _miss(table[who[p]], now_s)
    return found[:count].copy(), begun[:new].copy(), vain[:none].copy(), confirmed


@numba.njit(cache=True, nogil=True)
def _is_alone(seen: Floats, n: int, shape: Floats) -> bool:
    """Whether the net sees nobody else in `shape` than in its box `n`, or about there."""
    box = seen[n, 1:5]
    for m in range(len(seen)):
        other = seen[m, 1:5]
        area = _area(other)
        apart = _both(box, other) <= _HALF * min(_area(box), area)
        if m != n and apart and _both(shape, other) > _HALF * area:
            return False
    return True


@numba.njit(cache=True, nogil=True)
def _miss(row: Floats, now_s: float) -> None:
    """A look saw nobody here."""
    misses = row[_MISSES]
    if row[LOOKS] > 0 and misses < 4:
        row[_DUE_S] = now_s + _LOST_S
    else:
        row[_DUE_S] = now_s + min(_FRUITLESS_S_MAX, FRUITLESS_S * 2.0**misses)
    row[_LOOKED_S], row[_MISSES] = now_s, misses + 1


@numba.njit(cache=True, nogil=True)
def recall(tracks: Floats, table: Floats, begun: Floats, scale: float) -> None:
    """Gives tracks that have just begun what the last look said of them."""
    for t in range(len(tracks)):
        if table[t, KNOWN] == 1.0 or tracks[t, UNSEEN_S] > 0.0:
            continue
        box, most = tracks[t, :4] / scale, 0.5
        for n in range(len(begun)):
            both = _both(box, begun[n])
            like = both / (_area(box) + _area(begun[n]) - both)
            if like > most:
                most = like
                table[t] = begun[n, 4:]


@numba.njit(cache=True, nogil=True)
def in_vain(shapes: Floats, fruitless: Floats) -> Bools:
    """Which `shapes` belong to nobody known and lie where a look saw nobody: boxes (V, 4)."""
    vain = np.zeros(len(shapes), np.bool_)
    for k in range(len(shapes)):
        for box in fruitless:
            if shapes[k, PLACE] < 0 and _both(shapes[k], box) > 0.5 * min(
                _area(shapes[k]), _area(box)
            ):
                vain[k] = True
    return vain


@numba.njit(cache=True, nogil=True)
def whole_boxes(seen: Floats, view: Whole, size: tuple[int, int]) -> Bools:
    """Which boxes, rows of `street_net.look` in the window `view`, are not cut off by its edge (the
    picture's own edge does not count). Moves them to where they are in the picture."""
    high, wide = size
    edge = 1.5
    whole = np.ones(len(seen), np.bool_)
    for n in range(len(seen)):
        box = seen[n, 1:5]
        box[0] += view[0]
        box[1] += view[1]
        box[2] += view[0]
        box[3] += view[1]
        whole[n] = not (
            (box[0] < view[0] + edge and view[0] > 0)
            or (box[1] < view[1] + edge and view[1] > 0)
            or (box[2] > view[2] - edge and view[2] < wide)
            or (box[3] > view[3] - edge and view[3] < high)
        )
    return whole


@numba.njit(cache=True, nogil=True)
def _grown(shape: Floats, place: Floats) -> float:
    """How many times as large as its place somebody looks."""
    return float(_area(shape) / _area(place))


@numba.njit(cache=True, nogil=True)
def _area(box: Floats) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


@numba.njit(cache=True, nogil=True)
def _both(a: Floats, b: Floats) -> float:
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    return float(across * down) if across > 0 and down > 0 else 0.0


@numba.njit(cache=True, nogil=True)
def _pace(track: Floats) -> float:
    """Own heights a second; what goes away from the camera or towards it is foreshortened."""
    speed = math.hypot(track[RIGHT_PX_S], _FORESHORTENED * track[DOWN_PX_S])
    return float(speed / max(1.0, track[BOTTOM] - track[TOP]))


@numba.njit(cache=True, nogil=True)
def _kind(row: Floats) -> int:
    """The sum of all looks, first between people and vehicles, then among either."""
    kinds = row[_KIND : _KIND + len(KINDS)]
    people, vehicles = kinds[:_PEOPLE].sum(), kinds[_PEOPLE:].sum()
    walks = people >= vehicles
    if people + vehicles <= 0.0 or max(people, vehicles) < _SURE_GROUP * (people + vehicles):
        return _UNKNOWN
    if not walks:
        return int(_KIND_NUMBERS[_PEOPLE + kinds[_PEOPLE:].argmax()])
    walker, bicycle, motorcycle = kinds[0] * _walks_so_fast(row), kinds[1], kinds[2] / _SURE_MOTOR
    best = 0 if walker >= max(bicycle, motorcycle) else 1 if bicycle >= motorcycle else 2
    return int(_KIND_NUMBERS[best])


@numba.njit(cache=True, nogil=True)
def _walks_so_fast(row: Floats) -> float:
    """How well the pace fits somebody on foot, 0..1; 1 while it is not known."""
    count = min(_PACES, int(row[_PACED]))
    if count < 2:
        return 1.0
    pace = np.sort(row[_PACED + 1 : _PACED + 1 + count])[(count - 1) // 2]
    return math.exp(-max(0.0, pace - _BRISK) / _BRISK_SPREAD)
