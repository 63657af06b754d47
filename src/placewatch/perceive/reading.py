"""Reading: what moves, read with the knowledge of who was where a moment ago.

How this works. A blob alone cannot say whether it is one car, two that overlap, or half of one. So
it is read beside the places where known road users are expected: blobs within one road user's
place are its pieces and are joined; a blob over the places of several is divided among them, pixel
by pixel, by who is nearer in terms of its own size.
"""

import math
from collections.abc import Sequence

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.sightings import Track

LEFT, TOP, RIGHT, BOTTOM, FILL, PLACE, SHARED = range(7)

_GROW = 0.15  # how far, in its own sizes, somebody may be from where it was expected
_TOO_LARGE = 1.4  # times the size it had: then this is somebody else as well
_FREE_MIN = 0.15  # of a place that another one does not cover: less tells nothing
_FILLED_MIN = 0.35
_GAP_SIZES = 0.2
_SETTLED = 0.2  # own sizes: how far a side of somebody within a crowd may be from the expected
_AREA_MIN = 6  # small pixels of a share: less is a splinter

Floats = npt.NDArray[np.float64]


def expected(tracks: Sequence[Track], elapsed_s: float, scale: float) -> Floats:
    """Where each of `tracks` must be `elapsed_s` later: (P, 4) left, top, right, bottom, in pixels
    of a picture averaged by `scale`."""
    places = np.array(
        [
            (box.left_px, box.top_px, box.right_px, box.bottom_px, *track.velocity_px_s)
            for track in tracks
            for box in (track.box,)
        ],
        np.float64,
    ).reshape(-1, 6)
    moved: Floats = places[:, :4] + elapsed_s * places[:, [4, 5, 4, 5]]
    moved /= scale
    return moved


@numba.njit(cache=True, nogil=True)
def read(
    pieces: npt.NDArray[np.int32],
    labels: npt.NDArray[np.int32],
    places: Floats,
    doubtful: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float64]:
    """Road users as far as motion shows them, in the pixels of `labels`.

    `pieces` (N, 6): label, area, left, top, right, bottom (inclusive) of each blob or part of one;
    `places` (P, 4): left, top, right, bottom of where known road users are expected; `doubtful`
    (P) those who are perhaps nobody: they get no blob that somebody else's place explains. Returns
    (S, 7): left, top, right, bottom (exclusive), share of the box that differs, the row of the
    place or -1, and 1 where the blob was shared among several.
    """
    count, known = pieces.shape[0], places.shape[0]
    shapes = np.empty((2 * count + known * (count + 1), 7))
    made = 0
    claim = np.full(count, -1, np.int64)
    who = np.empty(known, np.int64)
    for k in range(count):
        box = _box(pieces[k])
        n = 0
        for p in range(known):
            if _belongs(box, places[p]):
                who[n] = p
                n += 1
        if n > 1:
            n = _believed(who, n, doubtful)
        if n > 1:
            # One of them alone may be all there is: the other is hidden, or gone.
            best = who[0]
            for i in range(1, n):
                more = _overlap(box, places[who[i]]) - _overlap(box, places[best])
                if more > 0.0 or (more == 0.0 and _precedes(places[who[i]], places[best])):
                    best = who[i]
            if _fits(box, places[best]):
                m = 0
                for i in range(n):
                    if who[i] == best or _shows(pieces[k], labels, places[who[i]], places[best]):
                        who[m] = who[i]
                        m += 1
                n = m
        if n == 0:
            shapes[made, :4] = box
            shapes[made, FILL] = pieces[k, 1] / _area(box)
            shapes[made, PLACE], shapes[made, SHARED] = -1.0, 0.0
            made += 1
        elif n == 1:
            claim[k] = who[0]
        else:
            made = _divide(pieces[k], labels, places, who[:n], shapes, made)
    for p in range(known):
        made = _join(pieces, claim, p, places[p], shapes, made)
    return shapes[:made].copy()


@numba.njit(cache=True, nogil=True)
def _believed(who: npt.NDArray[np.int64], n: int, doubtful: npt.NDArray[np.bool_]) -> int:
    """Keeps of the first `n` of `who` those that are not doubtful, if any is not; says how many."""
    left = 0
    for i in range(n):
        if not doubtful[who[i]]:
            who[left] = who[i]
            left += 1
    return left if left > 0 else n


@numba.njit(cache=True, nogil=True)
def _precedes(a: Floats, b: Floats) -> bool:
    """Which of two places comes first where nothing else decides: not how they are ordered."""
    for side in range(4):
        if a[side] != b[side]:
            return bool(a[side] < b[side])
    return False


@numba.njit(cache=True, nogil=True)
def _box(piece: npt.NDArray[np.int32]) -> Floats:
    return np.array([float(piece[2]), float(piece[3]), piece[4] + 1.0, piece[5] + 1.0])


@numba.njit(cache=True, nogil=True)
def _area(box: Floats) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


@numba.njit(cache=True, nogil=True)
def _belongs(box: Floats, place: Floats) -> bool:
    """Whether a good part of the blob lies where somebody is expected, or the reverse."""
    grow_x, grow_y = _GROW * (place[2] - place[0]), _GROW * (place[3] - place[1])
    across = min(box[2], place[2] + grow_x) - max(box[0], place[0] - grow_x)
    down = min(box[3], place[3] + grow_y) - max(box[1], place[1] - grow_y)
    if across <= 0.0 or down <= 0.0:
        return False
    both = across * down
    reach = (place[2] - place[0] + 2 * grow_x) * (place[3] - place[1] + 2 * grow_y)
    return bool(both > 0.5 * _area(box) or both > 0.6 * reach)


@numba.njit(cache=True, nogil=True)
def _overlap(a: Floats, b: Floats) -> float:
    """Intersection over union."""
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    if across <= 0.0 or down <= 0.0:
        return 0.0
    return float(across * down / (_area(a) + _area(b) - across * down))


@numba.njit(cache=True, nogil=True)
def _fits(box: Floats, place: Floats) -> bool:
    """Whether what is seen is not larger than who is expected."""
    return bool(
        box[2] - box[0] <= _TOO_LARGE * (place[2] - place[0])
        and box[3] - box[1] <= _TOO_LARGE * (place[3] - place[1])
    )


@numba.njit(cache=True, nogil=True)
def _shows(
    piece: npt.NDArray[np.int32], labels: npt.NDArray[np.int32], place: Floats, other: Floats
) -> bool:
    """Whether the blob fills what of `place` does not lie in `other`: then somebody is there."""
    filled = free = 0
    for y in range(max(0, int(place[1])), min(labels.shape[0], int(place[3]) + 1)):
        for x in range(max(0, int(place[0])), min(labels.shape[1], int(place[2]) + 1)):
            if other[0] <= x < other[2] and other[1] <= y < other[3]:
                continue
            free += 1
            filled += labels[y, x] == piece[0]
    return free >= _FREE_MIN * _area(place) and filled >= _FILLED_MIN * free


@numba.njit(cache=True, nogil=True)
def _gap(a: Floats, b: Floats) -> float:
    across = max(a[0], b[0]) - min(a[2], b[2])
    down = max(a[1], b[1]) - min(a[3], b[3])
    return float(max(0.0, across, down))


@numba.njit(cache=True, nogil=True)
def _join(
    pieces: npt.NDArray[np.int32],
    claim: npt.NDArray[np.int64],
    p: int,
    place: Floats,
    shapes: Floats,
    made: int,
) -> int:
    """The pieces that are one with the piece that is most like who is expected; the rest apart."""
    first, most = -1, -1.0
    for k in range(pieces.shape[0]):
        if claim[k] == p:
            like = _overlap(_box(pieces[k]), place)
            if like > most:
                first, most = k, like
    if first < 0:
        return made
    box = _box(pieces[first])
    area = float(pieces[first, 1])
    head = box.copy()
    mine = made
    made += 1
    claim[first] = -1
    while True:  # nearest first
        nearest, least = -1, 1e18
        for k in range(pieces.shape[0]):
            if claim[k] == p:
                gap = _gap(head, _box(pieces[k]))
                if gap < least:
                    nearest, least = k, gap
        if nearest < 0:
            break
        claim[nearest] = -1
        piece = _box(pieces[nearest])
        union = np.array(
            [
                min(box[0], piece[0]),
                min(box[1], piece[1]),
                max(box[2], piece[2]),
                max(box[3], piece[3]),
            ]
        )
        # Parted by a dark window or a marking; two road users are further apart, for their size.
        reach = _GAP_SIZES * math.sqrt(min(_area(box), _area(piece))) + 2.0
        parted = pieces[nearest, 0] == pieces[first, 0]  # at a neck: not to be joined again
        if not parted and _fits(union, place) and _gap(box, piece) <= reach:
            box = union
            area += pieces[nearest, 1]
        else:
            shapes[made, :4] = piece
            shapes[made, FILL] = pieces[nearest, 1] / _area(piece)
            shapes[made, PLACE], shapes[made, SHARED] = -1.0, 0.0
            made += 1
    shapes[mine, :4] = box
    shapes[mine, FILL] = area / _area(box)
    shapes[mine, PLACE], shapes[mine, SHARED] = p, 0.0
    return made


@numba.njit(cache=True, nogil=True)
def _divide(
    piece: npt.NDArray[np.int32],
    labels: npt.NDArray[np.int32],
    places: Floats,
    who: npt.NDArray[np.int64],
    shapes: Floats,
    made: int,
) -> int:
    """The blob's pixels, divided among those who are expected there."""
    n = len(who)
    shares = np.zeros((n, 5), np.int64)
    shares[:, 1:3] = 1 << 30
    shares[:, 3:5] = -1
    for y in range(piece[3], piece[5] + 1):
        for x in range(piece[2], piece[4] + 1):
            if labels[y, x] != piece[0]:
                continue
            nearest, least = 0, 1e18
            for i in range(n):
                box = places[who[i]]
                across = abs(x + 0.5 - 0.5 * (box[0] + box[2])) / (box[2] - box[0])
                down = abs(y + 0.5 - 0.5 * (box[1] + box[3])) / (box[3] - box[1])
                far = max(across, down)
                if far < least or (far == least and _precedes(box, places[who[nearest]])):
                    nearest, least = i, far
            row = shares[nearest]
            row[0] += 1
            row[1], row[2] = min(row[1], x), min(row[2], y)
            row[3], row[4] = max(row[3], x), max(row[4], y)
    for i in range(n):
        if shares[i, 0] < _AREA_MIN:
            continue
        place = places[who[i]]
        seen = np.array(
            [float(shares[i, 1]), float(shares[i, 2]), shares[i, 3] + 1.0, shares[i, 4] + 1.0]
        )
        for side in range(4):
            size = place[2] - place[0] if side % 2 == 0 else place[3] - place[1]
            low, high = place[side] - _SETTLED * size, place[side] + _SETTLED * size
            shapes[made, side] = min(high, max(low, seen[side]))
        shapes[made, FILL] = min(1.0, shares[i, 0] / _area(seen))
        shapes[made, PLACE], shapes[made, SHARED] = who[i], 1.0
        made += 1
    return made
