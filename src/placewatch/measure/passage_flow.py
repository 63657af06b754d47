"""Passage flow: who has passed a line on the ground, how many by when, and how fast.

How this works. Everybody has a side of the line, and has passed when it changes; who stands on
the line keeps the side it came from. The moment is where the straight path between the two
sightings meets the line. The count over time, N(t), is a staircase: between two times it rises by
exactly those who passed, and the flow is that rise by the time it took.

This is for tracks that are true, of a simulation, a file or an experiment. For tracks of a camera,
which tremble and break, `line.py` has a band and its rules.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from placewatch.core.errors import Misconfigured
from placewatch.core.space import Point
from placewatch.measure.replay import GroundTracks

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Passages:
    """The passages of one line, in order of time; who passed is not told.

    `at_s` (P,) is when, in the tracks' own seconds. `to_right` (P,) is true for who went over to
    the right of the line, as seen by somebody who walks along it from a to b. `speed_m_s` (P,) is
    how fast, NaN where the tracks do not know.
    """

    at_s: Floats
    to_right: Flags
    speed_m_s: Floats

    def __len__(self) -> int:
        return len(self.at_s)

    def only(self, to_right: bool) -> "Passages":
        """Those one way."""
        these = self.to_right == to_right
        return Passages(self.at_s[these], self.to_right[these], self.speed_m_s[these])

    def counts(self, moments_s: npt.ArrayLike) -> Whole:
        """N(t): how many had passed before each of `moments_s` (M,), in any order."""
        return np.searchsorted(self.at_s, np.asarray(moments_s, np.float64)).astype(np.int64)

    def flow_per_s(self, since_s: float, until_s: float) -> float:
        """People a second from `since_s` on and before `until_s`, both ways together.

        Raises Misconfigured unless `until_s` is after `since_s`.
        """
        if not since_s < until_s < math.inf:
            raise Misconfigured(f"there is no time between {since_s:g} and {until_s:g} s")
        since, until = self.counts([since_s, until_s]).tolist()
        return float((until - since) / (until_s - since_s))

    def speed_m_s_mean(self, since_s: float = -math.inf, until_s: float = math.inf) -> float | None:
        """The time-mean speed (arithmetic, over people) of those who passed from `since_s` on and
        before `until_s`; None where there was nobody of known speed."""
        since, until = self.counts([since_s, until_s]).tolist()
        speeds = self.speed_m_s[since:until]
        speeds = speeds[~np.isnan(speeds)]
        return float(speeds.mean()) if len(speeds) else None


def passages(tracks: GroundTracks, a: Point, b: Point, *, once: bool = True) -> Passages:
    """Everybody of `tracks` who passes the line from `a` to `b`; `a` is part of it, `b` is not.

    With `once`, each road user counts at its first passage only, as in the N-t curve of JPSreport
    and PedPy; without, at each, so that who comes back is seen in both directions.

    Raises Misconfigured where the line is a point.
    """
    length_m = math.hypot(b.x_m - a.x_m, b.y_m - a.y_m)
    if not 0 < length_m < math.inf:
        raise Misconfigured("the line to pass is a point", hint="its two ends must lie apart")
    order = np.lexsort((tracks.at_s, tracks.who))
    at_s, who = tracks.at_s[order], tracks.who[order]
    east, north = tracks.x_m[order] - a.x_m, tracks.y_m[order] - a.y_m
    along_x, along_y = (b.x_m - a.x_m) / length_m, (b.y_m - a.y_m) / length_m
    right_m = along_y * east - along_x * north
    along_m = along_x * east + along_y * north

    side = _sides(right_m, who)
    before = np.flatnonzero((who[1:] == who[:-1]) & (side[1:] * side[:-1] < 0.0))
    after = before + 1
    share = right_m[before] / (right_m[before] - right_m[after])
    there_m = along_m[before] + share * (along_m[after] - along_m[before])
    on_line = (there_m >= 0.0) & (there_m < length_m)
    before, after, share = before[on_line], after[on_line], share[on_line]
    if once:
        first = np.unique(who[before], return_index=True)[1]
        before, after, share = before[first], after[first], share[first]

    passed_s = at_s[before] + share * (at_s[after] - at_s[before])
    in_time = np.argsort(passed_s, kind="stable")
    speeds = _speeds(tracks.speed_m_s[order], before, after, share)
    return Passages(passed_s[in_time], (side[after] > 0.0)[in_time], speeds[in_time])


def _sides(right_m: Floats, who: Whole) -> Floats:
    """1 right of the line, -1 left of it; on it the side before, and 0 while there was none."""
    side: Floats = np.sign(right_m)
    rows = np.arange(len(side))
    clear = np.maximum.accumulate(np.where(side != 0.0, rows, -1)) if len(side) else rows
    # Row -1 is no row: whoever it would be is not compared.
    kept = (clear >= 0) & (who[clear] == who)
    return np.where(kept, side[clear], 0.0)


def _speeds(speed_m_s: Floats, before: Whole, after: Whole, share: Floats) -> Floats:
    """Between the two sightings, or that of the one that has a speed."""
    one, other = speed_m_s[before], speed_m_s[after]
    one, other = np.where(np.isnan(one), other, one), np.where(np.isnan(other), one, other)
    speeds: Floats = one + share * (other - one)
    return speeds
