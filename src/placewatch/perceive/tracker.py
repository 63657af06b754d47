"""Tracker: which detection is which road user, from frame to frame.

How this works. Each road user is a box whose centre and size move with constant velocity between
frames; four independent two-state Kalman filters (centre across, centre down, width, height), all
in pixels and seconds, so that a varying frame rate changes nothing. Detections are joined to the
predictions in three rounds, each a best assignment as a whole: sure detections by overlap, sure
detections near by (nothing overlaps at low frame rates), and doubtful detections by overlap
(ByteTrack, Zhang et al. 2022; the widened boxes of the second round are C-BIoU, Yang et al. 2023).
A side of a detection that lies on the picture's edge is where the picture ends, not where the road
user ends: there the size known from before holds, and the box slides out of the picture. So it does
where a side lies at somebody nearer, who covers the rest. And who is hidden behind somebody is
waited for: only the time in which it could be seen counts.

Where it costs nothing it does nothing: pairs that nobody else could be part of are joined as they
are found, and only groups that compete are assigned. The rows of the state stay in place.
"""

import math
from collections.abc import Iterable

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.ids import TrackId, new_track_id
from placewatch.core.kinds import KINDS
from placewatch.core.sightings import (
    AGE_S,
    BEFORE,
    BOTTOM,
    CERTAIN,
    DETECTION_COLUMNS,
    DOWN_PX_S,
    KIND,
    LEFT,
    OFF_X,
    OFF_Y,
    RIGHT,
    RIGHT_PX_S,
    SEEN_AS,
    TOP,
    TRACK_COLUMNS,
    UNSEEN_S,
    Detection,
    Detections,
    Tracks,
)
from placewatch.perceive.assignment import assign

SCORE_SURE = 0.5
"""From here a detector knows what it sees; below, something that only moved (`motion`) or may be
an error. A track that never travelled is certain only if it was seen with such scores."""

SCORE_MOVED = 0.43
"""From here a detector has no doubt of what moved; below, it has looked and recognised nobody."""

SCORE_START = 0.4
"""From here a detection may begin a track; below, it can only continue one."""

SCORE_MIN = 0.1

BEHIND_S = 90.0
"""How long somebody may stand hidden behind somebody: a red light."""

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


class Tracker:
    """Carries the identity of road users across the frames of one camera.

    It remembers the boxes of the last seconds and nothing of what they look like.
    """

    def __init__(
        self, hidden_s: float = 2.0, *, riders_seem_walkers: bool = True, behind_s: float = 0.0
    ) -> None:
        """`hidden_s`: how long a certain road user may be hidden and still be the same one.
        `riders_seem_walkers`: the detector often sees a rider without the machine, so that a few
        votes for that outweigh many for a pedestrian. `behind_s`: how much longer it may be hidden
        behind somebody nearer, for a detector whose boxes are of what is seen of each; 0 also for
        one whose boxes are of movement."""
        self._behind_s = behind_s
        self._hidden_s = hidden_s
        self._ride_share = _RIDE_SHARE if riders_seem_walkers else math.inf
        self._state = np.zeros((32, _COLUMNS))
        self._told = np.zeros((32, TRACK_COLUMNS))
        self._count = 0
        self._ids: list[TrackId] = []
        self._media_s: float | None = None

    @property
    def ids(self) -> list[TrackId]:
        """The id of each row that `advance` returned last."""
        return self._ids

    def update(
        self,
        detections: Iterable[Detection],
        media_s: float,
        *,
        width_px: int,
        height_px: int,
        after_gap: bool = False,
    ) -> Tracks:
        """The road users of this moment; to be called with no detections, too.

        Tracks that are hidden are returned with `seen` false at the place where they should be.
        After a gap all begin anew.
        """
        rows = Detections.of(detections).rows
        seen = np.ascontiguousarray(rows, np.float64).reshape(-1, DETECTION_COLUMNS)
        told = self.advance(
            seen, media_s, width_px=width_px, height_px=height_px, after_gap=after_gap
        )
        return Tracks(self._ids, told.copy())

    def advance(
        self,
        seen: Floats,
        media_s: float,
        *,
        width_px: float,
        height_px: float,
        after_gap: bool = False,
    ) -> Floats:
        """The same as `update` in rows of numbers: `seen` (N, DETECTION_COLUMNS), C-contiguous, to
        (M, TRACK_COLUMNS), valid until the next call. `ids` holds the id of each row."""
        if after_gap:
            self._count, self._ids, self._media_s = 0, [], None
        elapsed_s = 0.0 if self._media_s is None else max(0.0, media_s - self._media_s)
        self._media_s = media_s
        most = self._count + len(seen)
        if most > len(self._state):
            self._state = _grown(self._state, 2 * most)
            self._told = _grown(self._told, 2 * most)
        count, same = _advance(
            self._state,
            self._count,
            seen,
            self._told,
            elapsed_s,
            width_px,
            height_px,
            self._hidden_s,
            self._ride_share,
            self._behind_s,
        )
        self._count = count
        told = self._told[:count]
        if not same:
            ids = self._ids
            self._ids = [
                new_track_id() if row < 0 else ids[int(row)] for row in told[:, BEFORE].tolist()
            ]
        return told


def _grown(rows: Floats, count: int) -> Floats:
    more = np.zeros((count, rows.shape[1]))
    more[: len(rows)] = rows
    return more


# One row of state for each track. Centre and size in px, their velocities in px/s, the
# covariance of each of the four pairs as (p00, p01, p11).
_X, _Y, _W, _H, _VX, _VY, _VW, _VH = range(8)
_P = 8
_AGE, _HITS, _UNSEEN, _CERTAIN = range(20, 24)
_BIRTH_X, _BIRTH_Y, _SCORES = range(24, 27)
_WHOLE_X, _WHOLE_Y = 27, 28  # 1 once both sides were seen inside the picture
_COVERED = 29  # hits inside the box of an older track: a part of it, not a road user of its own
_SHOWN_X, _SHOWN_Y = 30, 31  # the centre as it is told; stays where a road user was hidden
_LEAVING = 32  # 1 while a side is cut off that was seen before
_BEHIND = 33  # s that it was covered by who is seen, of the time that it is hidden
_LEFT, _TOP, _RIGHT, _BOTTOM = range(34, 38)  # the predicted box inside the picture
_CUT = 38  # 1 while somebody nearer covers a side of it
_VOTES = 39
_KINDS = len(KINDS)
_COLUMNS = _VOTES + _KINDS

_ACCELERATION = 3.0  # box sizes per s²: a braking car, growth by perspective, and parts that move
_ACCELERATION_SURE = 0.7  # of whom a detector is sure: then boxes tremble more than people do
_TOLD_MEASURED = 0.3  # of a box that a detector is sure of: the filter lags behind who turns
_MEASUREMENT = 0.06  # box sizes: how far sides wobble
_EDGE = 0.008  # share of the picture's width: a side nearer to the edge is cut off
_PREDICTED_S = 0.3
_HITS_MIN = 4
_AGE_MIN_S = 0.12
_RIDE_SHARE = 0.3
_TRAVEL_MIN = 0.4  # box sizes, as the crow flies
_TRAVEL_DOUBTED_MIN = 1.5  # where the detector looked and recognised nobody
_TENTATIVE_S = 0.25
_PARTLY_S = 0.5  # after somebody was lost from sight, a part of it may be seen
_ALIKE = 0.3  # of its speed: a part of it moves at most so much otherwise
_HIDDEN_COST_S, _HIDDEN_S = 0.1, 3.0  # what each second of being hidden costs, up to so many
_BEHIND_MIN = 0.45  # of a box: covered more than that, it is not seen
_SLOW_SIZES_S = 0.4  # who is slower stands in a queue, and goes on standing while it is hidden
_COVERED_MIN = 0.5  # of a side, along it
_COVERED_IN = 0.35  # of who is nearer: so deep its box may reach into what is seen of the other
_COVERED_LESS = (0.3, 0.88)  # of its size known from before is seen of who is covered


@numba.njit(cache=True, nogil=True)
def _advance(
    state: Floats,
    count: int,
    seen: Floats,
    told: Floats,
    elapsed_s: float,
    width: float,
    height: float,
    hidden_s: float,
    ride_share: float,
    behind_s: float,
) -> tuple[int, bool]:
    """Takes `seen` into the first `count` rows of `state`, in place, and tells them in `told`.

    Returns how many rows there are now, and whether they are the very same as before.
    """
    edge = max(1.5, _EDGE * width)
    fade = math.exp(-elapsed_s / 0.5)
    for t in range(count):
        _predict(state[t], elapsed_s, fade, width, height)

    order, sure = _ordered(seen)
    total = len(order)
    track_of = np.full(total, -1, np.int64)  # of each detection, in order
    taken = np.full(count, -1, np.int64)  # the detection of each track, in order
    if count > 0 and total > 0:
        late = _HIDDEN_COST_S if behind_s > 0.0 else 0.0
        _match(state, seen, order[:sure], track_of[:sure], taken, 0, 0, late)
        _match(state, seen, order[:sure], track_of[:sure], taken, 0, 1, late)
        _match(state, seen, order[sure:], track_of[sure:], taken, sure, 2, late)

    for t in range(count):
        row = state[t]
        if taken[t] >= 0:
            sides = _covered_sides(row, seen, order, taken[t]) if behind_s > 0.0 else 0
            _learn(row, seen[order[taken[t]]], sides, edge, width, height)
        else:
            row[_UNSEEN] += max(elapsed_s, 1e-9)
            waits = row[_CERTAIN] > 0.0 and row[_BEHIND] < behind_s
            if waits and _is_behind(row, seen, order[:sure]):
                row[_BEHIND] += max(elapsed_s, 1e-9)
                if _is_slow(row):
                    row[_VX] = row[_VY] = 0.0
        # A prediction is good for a moment, and for whoever leaves the picture. Else whoever is
        # hidden waits where it was hidden: a guess must not cross a line.
        trust_s = min(_PREDICTED_S, 0.3 * (row[_AGE] - row[_UNSEEN]))
        if row[_LEAVING] > 0.0 or row[_UNSEEN] <= trust_s:
            row[_SHOWN_X], row[_SHOWN_Y] = row[_X], row[_Y]

    _judge(state, count, taken)

    # Who stays: whoever was seen, whoever may only be hidden. Who comes: sure detections.
    n = 0
    for t in range(count):
        row = state[t]
        if taken[t] < 0:
            patience = hidden_s if row[_CERTAIN] > 0.0 else _TENTATIVE_S
            outside = (
                row[_X] + 0.5 * row[_W] < 0.0
                or row[_X] - 0.5 * row[_W] > width
                or row[_Y] + 0.5 * row[_H] < 0.0
                or row[_Y] - 0.5 * row[_H] > height
            )
            if outside or row[_UNSEEN] - row[_BEHIND] > patience:
                continue
        if n != t:
            state[n] = row
        _tell(state[n], told[n], t, order[taken[t]] if taken[t] >= 0 else -1, ride_share)
        if taken[t] >= 0 and row[_CUT] == 0.0:
            _sharpen(told[n], seen[order[taken[t]]], edge, width, height)
        n += 1
    same = n == count
    for d in range(sure):
        if track_of[d] < 0:
            _begin(state[n], seen[order[d]], edge, width, height)
            _tell(state[n], told[n], -1, order[d], ride_share)
            n += 1
            same = False
    return n, same


@numba.njit(cache=True, nogil=True)
def _ordered(seen: Floats) -> tuple[Whole, int]:
    """The rows of `seen` that can be used, sure ones first, each part by all its numbers, so that
    the order in which they are given changes nothing; and how many are sure."""
    order = np.empty(seen.shape[0], np.int64)
    n = sure = 0
    for d in range(seen.shape[0]):
        row = seen[d]
        # Also false where a number is none.
        if not (row[4] >= SCORE_MIN and row[2] > row[0] and row[3] > row[1]):
            continue
        certain = row[4] >= SCORE_START
        sure += certain
        k = n
        while k > 0:
            other = seen[order[k - 1]]
            if (other[4] >= SCORE_START) != certain:
                later = certain
            else:
                later = False
                for c in range(6):
                    if row[c] != other[c]:
                        later = row[c] < other[c]
                        break
            if not later:
                break
            order[k] = order[k - 1]
            k -= 1
        order[k] = d
        n += 1
    return order[:n], sure


@numba.njit(cache=True, nogil=True)
def _predict(row: Floats, elapsed_s: float, fade: float, width: float, height: float) -> None:
    sure = row[_SCORES] >= SCORE_SURE * row[_HITS]
    noise = (_ACCELERATION_SURE if sure else _ACCELERATION) ** 2 * row[_W] * row[_H]
    t = elapsed_s
    row[_VW] *= fade  # a size does not go on growing unseen
    row[_VH] *= fade
    for k in range(4):
        row[k] += row[4 + k] * t
        p01, p11 = row[_P + 3 * k + 1], row[_P + 3 * k + 2]
        row[_P + 3 * k] += 2 * t * p01 + t * t * p11 + noise * t * t * t * t / 4
        row[_P + 3 * k + 1] = p01 + t * p11 + noise * t * t * t / 2
        row[_P + 3 * k + 2] = p11 + noise * t * t
    row[_W] = max(row[_W], 1.0)
    row[_H] = max(row[_H], 1.0)
    row[_AGE] += t
    # Compare what is inside the picture: a detection is never outside it.
    row[_LEFT] = max(0.0, row[_X] - 0.5 * row[_W])
    row[_RIGHT] = min(width, row[_X] + 0.5 * row[_W])
    row[_TOP] = max(0.0, row[_Y] - 0.5 * row[_H])
    row[_BOTTOM] = min(height, row[_Y] + 0.5 * row[_H])


@numba.njit(cache=True, nogil=True)
def _match(
    state: Floats,
    seen: Floats,
    order: Whole,
    track_of: Whole,
    taken: Whole,
    first: int,
    stage: int,
    late: float,
) -> None:
    """One round: joins the detections of `order` that are free with the tracks still free.

    `first` is what is added to the place in `order` to give what `taken` holds; `late` what it
    costs a track for each second that it was hidden: who is seen comes before who may be gone.
    """
    count, total = len(taken), len(order)
    if total == 0:
        return
    pairs_t = np.empty(count * total, np.int64)
    pairs_d = np.empty(count * total, np.int64)
    costs = np.empty(count * total)
    of_track = np.zeros(count, np.int64)  # how many pairs each could be part of
    of_detection = np.zeros(total, np.int64)
    n = 0
    for t in range(count):
        if taken[t] >= 0:
            continue
        row = state[t]
        for d in range(total):
            if track_of[d] >= 0:
                continue
            detection = seen[order[d]]
            if stage != 1:
                if detection[0] >= row[_RIGHT]:
                    break  # they are in order
                if detection[2] <= row[_LEFT]:
                    continue
            cost = _cost(row, detection, stage)
            if cost < _NEVER:
                cost += late * min(_HIDDEN_S, row[_UNSEEN])
                pairs_t[n], pairs_d[n], costs[n] = t, d, cost
                of_track[t] += 1
                of_detection[d] += 1
                n += 1
    rest = 0
    for k in range(n):
        t, d = pairs_t[k], pairs_d[k]
        if of_track[t] == 1 and of_detection[d] == 1:
            taken[t], track_of[d] = first + d, t
        else:
            pairs_t[rest], pairs_d[rest], costs[rest] = t, d, costs[k]
            rest += 1
    if rest > 0:
        _settle(pairs_t[:rest], pairs_d[:rest], costs[:rest], track_of, taken, first)


@numba.njit(cache=True, nogil=True)
def _settle(
    pairs_t: Whole, pairs_d: Whole, costs: Floats, track_of: Whole, taken: Whole, first: int
) -> None:
    """Assigns those who compete, group by group."""
    count, total = len(taken), len(track_of)
    group = np.arange(count + total)
    for k in range(len(costs)):
        a, b = pairs_t[k], count + pairs_d[k]
        while group[a] != a:
            group[a] = group[group[a]]
            a = group[a]
        while group[b] != b:
            group[b] = group[group[b]]
            b = group[b]
        group[max(a, b)] = min(a, b)
    for k in range(len(group)):  # parents come before their children
        group[k] = group[group[k]]
    place = np.empty(count + total, np.int64)
    rows, columns = np.empty(count, np.int64), np.empty(total, np.int64)
    mark = np.zeros(count + total, np.bool_)
    for k in range(len(costs)):
        mark[pairs_t[k]] = mark[count + pairs_d[k]] = True
    for root in range(count):
        if not mark[root] or group[root] != root:
            continue
        m = n = 0
        for t in range(root, count):
            if mark[t] and group[t] == root:
                rows[m], place[t] = t, m
                m += 1
        for d in range(total):
            if mark[count + d] and group[count + d] == root:
                columns[n], place[count + d] = d, n
                n += 1
        cost = np.full((m, n), _NEVER)
        for k in range(len(costs)):
            if group[pairs_t[k]] == root:
                cost[place[pairs_t[k]], place[count + pairs_d[k]]] = costs[k]
        assigned = assign(cost)
        for i in range(m):
            j = assigned[i]
            if j >= 0 and cost[i, j] < _NEVER:
                taken[rows[i]], track_of[columns[j]] = first + columns[j], rows[i]


_NEVER = 1e3


@numba.njit(cache=True, nogil=True)
def _cost(row: Floats, detection: Floats, stage: int) -> float:
    """0 where track and detection are one box, `_NEVER` where they cannot be one road user."""
    wide_px, high_px = row[_RIGHT] - row[_LEFT], row[_BOTTOM] - row[_TOP]
    if wide_px < 1.0 or high_px < 1.0:
        return _NEVER
    det_w, det_h = detection[2] - detection[0], detection[3] - detection[1]
    grow_x = grow_y = det_x = det_y = 0.0
    if stage == 1:
        # What was not seen for a while, or only once, may be further off than half its size.
        wide = min(1.2, 0.35 + 0.6 * row[_UNSEEN] + (0.5 if row[_HITS] < 2 else 0.0))
        grow_x, grow_y = 0.5 * wide * wide_px, 0.5 * wide * high_px
        det_x, det_y = 0.5 * wide * det_w, 0.5 * wide * det_h
    overlap_x = min(row[_RIGHT] + grow_x, detection[2] + det_x) - max(
        row[_LEFT] - grow_x, detection[0] - det_x
    )
    overlap_y = min(row[_BOTTOM] + grow_y, detection[3] + det_y) - max(
        row[_TOP] - grow_y, detection[1] - det_y
    )
    if overlap_x <= 0.0 or overlap_y <= 0.0:
        return _NEVER
    both = overlap_x * overlap_y
    mine = (wide_px + 2 * grow_x) * (high_px + 2 * grow_y)
    other = (det_w + 2 * det_x) * (det_h + 2 * det_y)
    iou = both / (mine + other - both)
    near = 0.15 if detection[4] >= SCORE_SURE else 0.1
    if iou < (near if stage == 1 else (0.2 if stage == 0 else 0.3)):
        return _NEVER
    # A person does not become a car. Unknown (the last kind) agrees with all.
    kind = int(detection[5])
    people = row[_VOTES] + row[_VOTES + 1] + row[_VOTES + 2]
    motors = row[_VOTES + 3] + row[_VOTES + 4] + row[_VOTES + 5] + row[_VOTES + 6]
    if (kind <= 2 and motors > 2 * people) or (3 <= kind <= 6 and people > 2 * motors):
        iou *= 0.6
    return float(1.0 - iou)


@numba.njit(cache=True, nogil=True)
def _learn(
    row: Floats, detection: Floats, sides: int, edge: float, width: float, height: float
) -> None:
    """Takes a detection into its track. `sides`: bits of those that are covered."""
    noise = _MEASUREMENT**2 * row[_W] * row[_H] * (1.0 if detection[4] >= SCORE_START else 4.0)
    row[_LEAVING] = 0.0
    row[_CUT] = 1.0 if sides else 0.0
    for axis in range(2):
        low, high = detection[axis], detection[axis + 2]
        limit = width if axis == 0 else height
        cut_low, cut_high = low <= edge, high >= limit - edge
        leaves = cut_low or cut_high
        cut_low |= bool(sides & (1 << axis))
        cut_high |= bool(sides & (4 << axis))
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
            if leaves:
                row[_LEAVING] = max(row[_LEAVING], 1.0 if outwards > 0.0 else 0.0)
    row[_UNSEEN] = row[_BEHIND] = 0.0
    row[_HITS] += 1.0
    row[_SCORES] += detection[4]
    row[_VOTES + int(detection[5])] += _vote(detection)


@numba.njit(cache=True, nogil=True)
def _covered_sides(row: Floats, seen: Floats, order: Whole, own: int) -> int:
    """Which sides of a certain track's detection lie at somebody nearer: 1 left, 2 top, 4 right, 8
    bottom. Only where clearly less is seen of it than before, and only across or down at once."""
    if row[_CERTAIN] == 0.0 or row[_WHOLE_X] == 0.0 or row[_WHOLE_Y] == 0.0:
        return 0
    if not _is_slow(row):  # who drives also turns, and looks narrower therefore
        return 0
    one = seen[order[own]]
    sides = 0
    for axis in range(2):
        low, high = one[axis], one[axis + 2]
        share = (high - low) / row[_W + axis]
        if not _COVERED_LESS[0] <= share <= _COVERED_LESS[1]:
            continue
        across = 1 - axis
        for d in range(len(order)):
            if d == own:
                continue
            other = seen[order[d]]
            if other[4] < SCORE_START or other[3] <= one[3]:
                continue  # not nearer
            both = min(one[across + 2], other[across + 2]) - max(one[across], other[across])
            if both < _COVERED_MIN * (one[across + 2] - one[across]):
                continue
            deep = _COVERED_IN * (other[axis + 2] - other[axis])
            beside = 0.1 * row[_W + axis]
            if other[axis] - beside <= high <= other[axis] + deep and other[axis + 2] > high:
                sides |= 4 << axis
            if other[axis + 2] - deep <= low <= other[axis + 2] + beside and other[axis] < low:
                sides |= 1 << axis
    return sides


@numba.njit(cache=True, nogil=True)
def _is_slow(row: Floats) -> bool:
    return bool(math.hypot(row[_VX], row[_VY]) < _SLOW_SIZES_S * math.sqrt(row[_W] * row[_H]))


@numba.njit(cache=True, nogil=True)
def _is_behind(row: Floats, seen: Floats, order: Whole) -> bool:
    """Whether somebody nearer who is seen covers most of where a track was last."""
    left, right = row[_SHOWN_X] - 0.5 * row[_W], row[_SHOWN_X] + 0.5 * row[_W]
    top, bottom = row[_SHOWN_Y] - 0.5 * row[_H], row[_SHOWN_Y] + 0.5 * row[_H]
    covered = 0.0
    for d in range(len(order)):
        other = seen[order[d]]
        if other[3] <= bottom:
            continue
        across = min(right, other[2]) - max(left, other[0])
        down = min(bottom, other[3]) - max(top, other[1])
        if across > 0.0 and down > 0.0:
            covered += across * down  # two of them rarely cover the same
    return bool(covered >= _BEHIND_MIN * row[_W] * row[_H])


@numba.njit(cache=True, nogil=True)
def _vote(detection: Floats) -> float:
    """How much a detection's kind counts: where nothing was recognised, it is a guess."""
    return float(detection[4] if detection[4] >= SCORE_SURE else 0.03 * detection[4])


@numba.njit(cache=True, nogil=True)
def _correct(row: Floats, k: int, measured: float, noise: float) -> None:
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
def _begin(row: Floats, detection: Floats, edge: float, width: float, height: float) -> None:
    row[:] = 0.0
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
def _judge(state: Floats, count: int, taken: Whole) -> None:
    """Makes certain the tracks that have proven to be road users."""
    for t in range(count):
        row = state[t]
        if row[_CERTAIN] > 0.0 or taken[t] < 0:
            continue
        for other in range(count):
            if other != t and _is_part(row, state[other], taken[other] >= 0):
                row[_COVERED] += 1.0
                break
        size = math.sqrt(row[_W] * row[_H])
        travel = math.hypot(row[_X] - row[_BIRTH_X], row[_Y] - row[_BIRTH_Y])
        enough = row[_HITS] >= _HITS_MIN and row[_AGE] >= _AGE_MIN_S
        alone = row[_COVERED] < 0.5 * row[_HITS]
        mean = row[_SCORES] / row[_HITS]
        needed = _TRAVEL_MIN if mean >= SCORE_MOVED else _TRAVEL_DOUBTED_MIN
        if enough and alone and (travel >= needed * size or mean >= SCORE_SURE):
            row[_CERTAIN] = 1.0


@numba.njit(cache=True, nogil=True)
def _is_part(row: Floats, other: Floats, is_seen: bool) -> bool:
    """Whether `row` is most likely a part of `other`, who is certain: it lies in its box. Where
    `other` was just lost from sight it may be what is seen of it, if both move alike."""
    if other[_CERTAIN] == 0.0:
        return False
    if not is_seen:
        apart = math.hypot(row[_VX] - other[_VX], row[_VY] - other[_VY])
        alike = apart <= _ALIKE * math.hypot(other[_VX], other[_VY])
        if not alike or other[_UNSEEN] > min(row[_AGE], _PARTLY_S):
            return False
    across = min(row[_X] + row[_W] / 2, other[_X] + other[_W] / 2)
    across -= max(row[_X] - row[_W] / 2, other[_X] - other[_W] / 2)
    down = min(row[_Y] + row[_H] / 2, other[_Y] + other[_H] / 2)
    down -= max(row[_Y] - row[_H] / 2, other[_Y] - other[_H] / 2)
    return bool(across > 0 and down > 0 and across * down > 0.7 * row[_W] * row[_H])


@numba.njit(cache=True, nogil=True)
def _tell(row: Floats, told: Floats, before: int, seen_as: int, ride_share: float) -> None:
    half_width, half_height = 0.5 * row[_W], 0.5 * row[_H]
    told[LEFT], told[RIGHT] = row[_SHOWN_X] - half_width, row[_SHOWN_X] + half_width
    told[TOP], told[BOTTOM] = row[_SHOWN_Y] - half_height, row[_SHOWN_Y] + half_height
    # The velocity of the foot point, since that is what stands on the ground.
    told[RIGHT_PX_S], told[DOWN_PX_S] = row[_VX], row[_VY] + 0.5 * row[_VH]
    told[AGE_S], told[UNSEEN_S], told[CERTAIN] = row[_AGE], row[_UNSEEN], row[_CERTAIN]
    told[KIND], told[BEFORE], told[SEEN_AS] = _kind(row, ride_share), before, seen_as
    told[OFF_X] = told[OFF_Y] = 0.0


@numba.njit(cache=True, nogil=True)
def _sharpen(told: Floats, detection: Floats, edge: float, width: float, height: float) -> None:
    """Moves a told box towards the one that a detector is sure of, where all of it is seen."""
    cut = detection[0] <= edge or detection[1] <= edge
    cut |= detection[2] >= width - edge or detection[3] >= height - edge
    if detection[4] >= SCORE_SURE and not cut:
        told[LEFT] += _TOLD_MEASURED * (detection[0] - told[LEFT])
        told[TOP] += _TOLD_MEASURED * (detection[1] - told[TOP])
        told[RIGHT] += _TOLD_MEASURED * (detection[2] - told[RIGHT])
        told[BOTTOM] += _TOLD_MEASURED * (detection[3] - told[BOTTOM])
        told[OFF_X] = 0.5 * (detection[0] + detection[2] - told[LEFT] - told[RIGHT])
        told[OFF_Y] = detection[3] - told[BOTTOM]


@numba.njit(cache=True, nogil=True)
def _kind(row: Floats, ride_share: float) -> int:
    """The kind with most weight. A rider is often seen as a person alone: it is the machine.

    Unknown, the last, weighs little: who is known now was not always.
    """
    unknown = _KINDS - 1
    best, most, known = 0, -1.0, 0.0
    person, bicycle, motorcycle = row[_VOTES], row[_VOTES + 1], row[_VOTES + 2]
    rides = bicycle + motorcycle > ride_share * person
    for k in range(unknown):
        votes = row[_VOTES + k]
        known += votes
        if rides and k == 0:
            continue
        if rides and k == (1 if bicycle >= motorcycle else 2):
            votes += person
        if votes > most:
            best, most = k, votes
    if known == 0.0 or known < min(SCORE_SURE, 0.1 * (known + row[_VOTES + unknown])):
        return unknown
    return best
