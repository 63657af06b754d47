"""Tracker: which detection is which road user, from frame to frame.

How this works. Each road user is a box whose centre and size move with constant velocity between
frames; four independent two-state Kalman filters (centre across, centre down, width, height), all
in pixels and seconds, so that a varying frame rate changes nothing. Detections are joined to the
predictions in three rounds, each a best assignment as a whole: sure detections by overlap, sure
detections near by (nothing overlaps at low frame rates), and doubtful detections by overlap
(ByteTrack, Zhang et al. 2022; the widened boxes of the second round are C-BIoU, Yang et al. 2023).
A side of a detection that lies on the picture's edge is where the picture ends, not where the road
user ends: there the size known from before holds, and the box slides out of the picture.
"""

import math

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.ids import TrackId, new_track_id
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Box, Detection, Track

SCORE_SURE = 0.5
"""From here a detector knows what it sees; below, something that only moved (`motion`) or may be
an error. A track that never travelled is certain only if it was seen with such scores."""

SCORE_MOVED = 0.43
"""From here a detector has no doubt of what moved; below, it has looked and recognised nobody."""

SCORE_START = 0.4
"""From here a detection may begin a track; below, it can only continue one."""

SCORE_MIN = 0.1

KINDS = tuple(Kind)
_INDEX = {kind: i for i, kind in enumerate(KINDS)}


class Tracker:
    """Carries the identity of road users across the frames of one camera.

    It remembers the boxes of the last seconds and nothing of what they look like.
    """

    def __init__(self, hidden_s: float = 2.0) -> None:
        """`hidden_s`: how long a certain road user may be hidden and still be the same one."""
        self._hidden_s = hidden_s
        self._state = np.zeros((0, _COLUMNS))
        self._ids: list[TrackId] = []
        self._media_s: float | None = None

    def update(
        self,
        detections: list[Detection],
        media_s: float,
        *,
        width_px: int,
        height_px: int,
        after_gap: bool = False,
    ) -> list[Track]:
        """The road users of this moment; to be called with no detections, too.

        Tracks that are hidden are returned with `seen` false at the place where they should be.
        After a gap all begin anew.
        """
        if after_gap:
            self._state, self._ids, self._media_s = np.zeros((0, _COLUMNS)), [], None
        elapsed_s = 0.0 if self._media_s is None else max(0.0, media_s - self._media_s)
        self._media_s = media_s

        rows = sorted(
            (
                box.left_px,
                box.top_px,
                box.right_px,
                box.bottom_px,
                detection.score,
                _INDEX[detection.kind],
            )
            for detection in detections
            if detection.score >= SCORE_MIN
            and (box := detection.box).width_px > 0.0
            and box.height_px > 0.0
        )
        seen = np.array(rows, np.float64).reshape(-1, 6)
        state, origin = _advance(
            self._state, seen, elapsed_s, float(width_px), float(height_px), self._hidden_s
        )
        self._ids = [new_track_id() if i < 0 else self._ids[i] for i in origin.tolist()]
        self._state = state
        return [_track(track, row) for track, row in zip(self._ids, state.tolist(), strict=True)]


def _track(track: TrackId, row: list[float]) -> Track:
    half_width, half_height = row[_W] / 2, row[_H] / 2
    x, y = row[_SHOWN_X], row[_SHOWN_Y]
    box = Box(x - half_width, y - half_height, x + half_width, y + half_height)
    return Track(
        id=track,
        kind=_kind(row[_VOTES : _VOTES + len(KINDS)]),
        box=box,
        # The velocity of the foot point, since that is what stands on the ground.
        velocity_px_s=(row[_VX], row[_VY] + row[_VH] / 2),
        age_s=row[_AGE],
        seen=row[_UNSEEN] == 0.0,
        certain=row[_CERTAIN] > 0.0,
    )


def _kind(votes: list[float]) -> Kind:
    """The kind with most weight. A rider is often seen as a person alone: it is the machine.

    Unknown weighs little: who is known now was not always.
    """
    known = [
        vote if kind is not Kind.UNKNOWN else 0.0 for kind, vote in zip(KINDS, votes, strict=True)
    ]
    if sum(known) == 0.0 or sum(known) < min(SCORE_SURE, 0.1 * sum(votes)):
        return Kind.UNKNOWN
    person, bicycle, motorcycle = (
        known[_INDEX[kind]] for kind in (Kind.PEDESTRIAN, Kind.BICYCLE, Kind.MOTORCYCLE)
    )
    if bicycle + motorcycle > 0.3 * person:
        rider = Kind.BICYCLE if bicycle >= motorcycle else Kind.MOTORCYCLE
        known[_INDEX[rider]] += person
        known[_INDEX[Kind.PEDESTRIAN]] = 0.0
    return KINDS[max(range(len(KINDS)), key=known.__getitem__)]


# One row of state for each track. Centre and size in px, their velocities in px/s, the
# covariance of each of the four pairs as (p00, p01, p11).
_X, _Y, _W, _H, _VX, _VY, _VW, _VH = range(8)
_P = 8
_AGE, _HITS, _UNSEEN, _CERTAIN = range(20, 24)
_BIRTH_X, _BIRTH_Y, _SCORES = range(24, 27)
_WHOLE_X, _WHOLE_Y = 28, 29  # 1 once both sides were seen inside the picture
_COVERED = 30  # hits inside the box of an older track: a part of it, not a road user of its own
_SHOWN_X, _SHOWN_Y = 31, 32  # the centre as it is told; stays where a road user was hidden
_LEAVING = 33  # 1 while a side is cut off that was seen before
_VOTES = 34
_COLUMNS = _VOTES + len(KINDS)

_ACCELERATION = 3.0  # box sizes per s²: a braking car, and growth by perspective
_MEASUREMENT = 0.06  # box sizes: how far sides wobble
_EDGE = 0.008  # share of the picture's width: a side nearer to the edge is cut off
_PREDICTED_S = 0.3
_HITS_MIN = 4
_AGE_MIN_S = 0.12
_TRAVEL_MIN = 0.4  # box sizes, as the crow flies
_TRAVEL_DOUBTED_MIN = 1.5  # where the detector looked and recognised nobody
_STRAIGHT_MIN = 0.5  # of the way, as the crow flies: foliage swings, traffic goes somewhere

_PEOPLE = (1 << 0) | (1 << 1) | (1 << 2)


@numba.njit(cache=True, nogil=True)
def _advance(
    state: npt.NDArray[np.float64],
    seen: npt.NDArray[np.float64],
    elapsed_s: float,
    width: float,
    height: float,
    hidden_s: float,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """The state after `seen` (rows of left, top, right, bottom, score, kind), and for each of its
    rows the row that it was before, or -1."""
    tracks, detections = state.shape[0], seen.shape[0]
    edge = max(1.5, _EDGE * width)
    state = state.copy()
    for t in range(tracks):
        _predict(state[t], elapsed_s)

    track_of = np.full(detections, -1, np.int64)
    taken = np.zeros(tracks, np.bool_)
    for stage in range(3):
        _match(state, seen, track_of, taken, stage, edge, width, height)

    for d in range(detections):
        if track_of[d] >= 0:
            _learn(state[track_of[d]], seen[d], edge, width, height)
    for t in range(tracks):
        if not taken[t]:
            state[t, _UNSEEN] += max(elapsed_s, 1e-9)
        # A prediction is good for a moment, and for whoever leaves the picture. Else whoever is
        # hidden waits where it was hidden: a guess must not cross a line.
        row = state[t]
        trust_s = min(_PREDICTED_S, 0.3 * (row[_AGE] - row[_UNSEEN]))
        if row[_LEAVING] > 0.0 or row[_UNSEEN] <= trust_s:
            row[_SHOWN_X], row[_SHOWN_Y] = row[_X], row[_Y]

    _judge(state, taken)

    # Who stays: whoever was seen, whoever may only be hidden. Who comes: sure detections.
    keep = np.zeros(tracks, np.bool_)
    count = 0
    for t in range(tracks):
        row = state[t]
        patience = hidden_s if row[_CERTAIN] > 0.0 else 0.25
        outside = (
            row[_X] + 0.5 * row[_W] < 0.0
            or row[_X] - 0.5 * row[_W] > width
            or row[_Y] + 0.5 * row[_H] < 0.0
            or row[_Y] - 0.5 * row[_H] > height
        )
        keep[t] = taken[t] or (row[_UNSEEN] <= patience and not outside)
        count += keep[t]
    for d in range(detections):
        count += track_of[d] < 0 and seen[d, 4] >= SCORE_START

    after = np.zeros((count, _COLUMNS))
    origin = np.full(count, -1, np.int64)
    n = 0
    for t in range(tracks):
        if keep[t]:
            after[n] = state[t]
            origin[n] = t
            n += 1
    for d in range(detections):
        if track_of[d] < 0 and seen[d, 4] >= SCORE_START:
            _begin(after[n], seen[d], edge, width, height)
            n += 1
    return after, origin


@numba.njit(cache=True, nogil=True)
def _predict(row: npt.NDArray[np.float64], elapsed_s: float) -> None:
    size = math.sqrt(row[_W] * row[_H])
    noise = (_ACCELERATION * size) ** 2
    t = elapsed_s
    for k in range(4):
        if k >= 2:  # a size does not go on growing unseen
            row[4 + k] *= math.exp(-t / 0.5)
        row[k] += row[4 + k] * t
        p00, p01, p11 = row[_P + 3 * k], row[_P + 3 * k + 1], row[_P + 3 * k + 2]
        row[_P + 3 * k] = p00 + 2 * t * p01 + t * t * p11 + noise * t**4 / 4
        row[_P + 3 * k + 1] = p01 + t * p11 + noise * t**3 / 2
        row[_P + 3 * k + 2] = p11 + noise * t * t
    row[_W] = max(row[_W], 1.0)
    row[_H] = max(row[_H], 1.0)
    row[_AGE] += t


@numba.njit(cache=True, nogil=True)
def _match(
    state: npt.NDArray[np.float64],
    seen: npt.NDArray[np.float64],
    track_of: npt.NDArray[np.int64],
    taken: npt.NDArray[np.bool_],
    stage: int,
    edge: float,
    width: float,
    height: float,
) -> None:
    """One round: joins the detections that this stage looks at with the tracks still free."""
    rows = np.empty(state.shape[0], np.int64)
    columns = np.empty(seen.shape[0], np.int64)
    m = n = 0
    for t in range(state.shape[0]):
        if not taken[t]:
            rows[m] = t
            m += 1
    for d in range(seen.shape[0]):
        if track_of[d] < 0 and (seen[d, 4] >= SCORE_START) == (stage < 2):
            columns[n] = d
            n += 1
    if m == 0 or n == 0:
        return

    cost = np.full((m, n), _NEVER)
    for i in range(m):
        row = state[rows[i]]
        for j in range(n):
            cost[i, j] = _cost(row, seen[columns[j]], stage, width, height)
    assigned = _assign(cost)
    for i in range(m):
        j = assigned[i]
        if j >= 0 and cost[i, j] < _NEVER:
            taken[rows[i]] = True
            track_of[columns[j]] = rows[i]


_NEVER = 1e3


@numba.njit(cache=True, nogil=True)
def _cost(
    row: npt.NDArray[np.float64],
    detection: npt.NDArray[np.float64],
    stage: int,
    width: float,
    height: float,
) -> float:
    """0 where track and detection are one box, `_NEVER` where they cannot be one road user."""
    # Compare what is inside the picture: a detection is never outside it.
    left = max(0.0, row[_X] - 0.5 * row[_W])
    right = min(width, row[_X] + 0.5 * row[_W])
    top = max(0.0, row[_Y] - 0.5 * row[_H])
    bottom = min(height, row[_Y] + 0.5 * row[_H])
    if right - left < 1.0 or bottom - top < 1.0:
        return _NEVER
    wide = 0.0
    if stage == 1:
        # What was not seen for a while, or only once, may be further off than half its size.
        wide = min(1.2, 0.35 + 0.6 * row[_UNSEEN] + (0.5 if row[_HITS] < 2 else 0.0))
    grow_x, grow_y = 0.5 * wide * (right - left), 0.5 * wide * (bottom - top)
    det_w, det_h = detection[2] - detection[0], detection[3] - detection[1]
    det_x, det_y = 0.5 * wide * det_w, 0.5 * wide * det_h
    overlap_x = min(right + grow_x, detection[2] + det_x) - max(left - grow_x, detection[0] - det_x)
    overlap_y = min(bottom + grow_y, detection[3] + det_y) - max(top - grow_y, detection[1] - det_y)
    if overlap_x <= 0.0 or overlap_y <= 0.0:
        return _NEVER
    both = overlap_x * overlap_y
    mine = (right - left + 2 * grow_x) * (bottom - top + 2 * grow_y)
    other = (det_w + 2 * det_x) * (det_h + 2 * det_y)
    iou = both / (mine + other - both)
    if iou < (0.1 if stage == 1 else (0.2 if stage == 0 else 0.3)):
        return _NEVER
    # A person does not become a car. Unknown (the last kind) agrees with all.
    kind = int(detection[5])
    people = row[_VOTES] + row[_VOTES + 1] + row[_VOTES + 2]
    motors = row[_VOTES + 3] + row[_VOTES + 4] + row[_VOTES + 5] + row[_VOTES + 6]
    if (kind <= 2 and motors > 2 * people) or (3 <= kind <= 6 and people > 2 * motors):
        iou *= 0.6
    return float(1.0 - iou)


@numba.njit(cache=True, nogil=True)
def _assign(cost: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The column of each row so that the sum of costs is least; -1 where there is none.

    Kuhn-Munkres by shortest augmenting paths, O(n³) (Jonker & Volgenant 1987).
    """
    m, n = cost.shape
    if m > n:
        back = _assign(np.ascontiguousarray(cost.T))
        rows = np.full(m, -1, np.int64)
        for j in range(n):
            if back[j] >= 0:
                rows[back[j]] = j
        return rows
    u, v = np.zeros(m + 1), np.zeros(n + 1)
    row_of = np.zeros(n + 1, np.int64)
    way = np.zeros(n + 1, np.int64)
    for i in range(1, m + 1):
        row_of[0] = i
        j0 = 0
        least = np.full(n + 1, np.inf)
        used = np.zeros(n + 1, np.bool_)
        while True:
            used[j0] = True
            i0, delta, j1 = row_of[j0], np.inf, 0
            for j in range(1, n + 1):
                if not used[j]:
                    reduced = cost[i0 - 1, j - 1] - u[i0] - v[j]
                    if reduced < least[j]:
                        least[j] = reduced
                        way[j] = j0
                    if least[j] < delta:
                        delta, j1 = least[j], j
            for j in range(n + 1):
                if used[j]:
                    u[row_of[j]] += delta
                    v[j] -= delta
                else:
                    least[j] -= delta
            j0 = j1
            if row_of[j0] == 0:
                break
        while j0 != 0:
            j1 = way[j0]
            row_of[j0] = row_of[j1]
            j0 = j1
    columns = np.full(m, -1, np.int64)
    for j in range(1, n + 1):
        if row_of[j] > 0:
            columns[row_of[j] - 1] = j - 1
    return columns


@numba.njit(cache=True, nogil=True)
def _learn(
    row: npt.NDArray[np.float64],
    detection: npt.NDArray[np.float64],
    edge: float,
    width: float,
    height: float,
) -> None:
    """Takes a detection into its track."""
    size = math.sqrt(row[_W] * row[_H])
    noise = (_MEASUREMENT * size) ** 2 * (1.0 if detection[4] >= SCORE_START else 4.0)
    row[_LEAVING] = 0.0
    for axis in range(2):
        low, high = detection[axis], detection[axis + 2]
        limit = width if axis == 0 else height
        cut_low, cut_high = low <= edge, high >= limit - edge
        whole = _WHOLE_X + axis
        known = row[_W + axis]
        if not (cut_low or cut_high):
            _correct(row, axis, 0.5 * (low + high), noise)
            if row[whole] == 0.0 and row[_HITS] > 0:  # all of it at last: nothing to smooth
                row[_W + axis], row[_VW + axis] = high - low, 0.0
                row[axis] = 0.5 * (low + high)
            else:
                _correct(row, 2 + axis, high - low, 2 * noise)
            row[whole] = 1.0
        elif row[whole] == 0.0:  # coming in: its size is what can be seen of it
            _correct(row, axis, 0.5 * (low + high), noise)
            row[_W + axis] = high - low
        elif cut_low and cut_high:
            row[_W + axis] = max(known, high - low)
        else:  # going out: its size is as before, its inner side says where it is
            known = max(known, high - low)
            row[_W + axis], row[_VW + axis] = known, 0.0
            _correct(row, axis, high - 0.5 * known if cut_low else low + 0.5 * known, noise)
            outwards = -row[4 + axis] if cut_low else row[4 + axis]
            row[_LEAVING] = max(row[_LEAVING], 1.0 if outwards > 0.0 else 0.0)
    row[_UNSEEN] = 0.0
    row[_HITS] += 1.0
    row[_SCORES] += detection[4]
    row[_VOTES + int(detection[5])] += _vote(detection)


@numba.njit(cache=True, nogil=True)
def _vote(detection: npt.NDArray[np.float64]) -> float:
    """How much a detection's kind counts: where nothing was recognised, it is a guess."""
    return float(detection[4] if detection[4] >= SCORE_SURE else 0.03 * detection[4])


@numba.njit(cache=True, nogil=True)
def _correct(row: npt.NDArray[np.float64], k: int, measured: float, noise: float) -> None:
    p = _P + 3 * k
    innovation = measured - row[k]
    total = row[p] + noise
    gain, gain_velocity = row[p] / total, row[p + 1] / total
    row[k] += gain * innovation
    row[4 + k] += gain_velocity * innovation
    row[p + 2] -= gain_velocity * row[p + 1]
    row[p + 1] *= 1.0 - gain
    row[p] *= 1.0 - gain


@numba.njit(cache=True, nogil=True)
def _begin(
    row: npt.NDArray[np.float64],
    detection: npt.NDArray[np.float64],
    edge: float,
    width: float,
    height: float,
) -> None:
    row[_X], row[_Y] = 0.5 * (detection[0] + detection[2]), 0.5 * (detection[1] + detection[3])
    row[_W], row[_H] = detection[2] - detection[0], detection[3] - detection[1]
    size = math.sqrt(row[_W] * row[_H])
    for k in range(4):
        row[_P + 3 * k] = (_MEASUREMENT * size) ** 2
        row[_P + 3 * k + 2] = (4.0 * size if k < 2 else 0.5 * size) ** 2
    row[_WHOLE_X] = 1.0 if detection[0] > edge and detection[2] < width - edge else 0.0
    row[_WHOLE_Y] = 1.0 if detection[1] > edge and detection[3] < height - edge else 0.0
    row[_BIRTH_X], row[_BIRTH_Y] = row[_X], row[_Y]
    row[_SHOWN_X], row[_SHOWN_Y] = row[_X], row[_Y]
    row[_HITS], row[_SCORES] = 1.0, detection[4]
    row[_VOTES + int(detection[5])] = _vote(detection)


@numba.njit(cache=True, nogil=True)
def _judge(state: npt.NDArray[np.float64], taken: npt.NDArray[np.bool_]) -> None:
    """Makes certain the tracks that have proven to be road users."""
    for t in range(state.shape[0]):
        row = state[t]
        if row[_CERTAIN] > 0.0 or not taken[t]:
            continue
        area = row[_W] * row[_H]
        for other in range(state.shape[0]):
            if other != t and state[other, _CERTAIN] > 0.0 and state[other, _UNSEEN] == 0.0:
                o = state[other]
                across = min(row[_X] + row[_W] / 2, o[_X] + o[_W] / 2) - max(
                    row[_X] - row[_W] / 2, o[_X] - o[_W] / 2
                )
                down = min(row[_Y] + row[_H] / 2, o[_Y] + o[_H] / 2) - max(
                    row[_Y] - row[_H] / 2, o[_Y] - o[_H] / 2
                )
                if across > 0 and down > 0 and across * down > 0.7 * area:
                    row[_COVERED] += 1.0
                    break
        size = math.sqrt(area)
        travel = math.hypot(row[_X] - row[_BIRTH_X], row[_Y] - row[_BIRTH_Y])
        enough = row[_HITS] >= _HITS_MIN and row[_AGE] >= _AGE_MIN_S
        alone = row[_COVERED] < 0.5 * row[_HITS]
        mean = row[_SCORES] / row[_HITS]
        needed = _TRAVEL_MIN if mean >= SCORE_MOVED else _TRAVEL_DOUBTED_MIN
        if enough and alone and (travel >= needed * size or mean >= SCORE_SURE):
            row[_CERTAIN] = 1.0
