"""Identities: how well tracks keep apart who is who, in the measures of the field.

HOTA with its parts for detection and association (Luiten et al. 2021, International Journal of
Computer Vision 129, 548), IDF1 (Ristani et al. 2016) and the CLEAR measures (Bernardin and
Stiefelhagen 2008), with the matching rules of TrackEval 1.3, so that figures can be compared.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from placewatch.perceive.assignment import assign

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Rows = npt.NDArray[np.float64]
"""(N, 5): who, left, top, right, bottom; `who` is a whole number from 0, unique in a frame."""

ALPHAS = np.arange(0.05, 0.99, 0.05)  # how much boxes must overlap to be one, 19 steps
_EPS = np.finfo(np.float64).eps


@dataclass(frozen=True, slots=True)
class Identities:
    """All are shares, 0..1 (`mota` may be negative), but the last three, which are counts."""

    hota: float
    deta: float
    assa: float
    idf1: float
    mota: float
    switches: int
    fragments: int
    boxes: int  # true ones


def score(truth: Sequence[Rows], told: Sequence[Rows]) -> Identities:
    """Compares what was `told` with the `truth`, frame by frame, for one sequence."""
    return pooled([_Tally(truth, told)])


def score_all(sequences: Sequence[tuple[Sequence[Rows], Sequence[Rows]]]) -> Identities:
    """The same for many sequences as if they were one long one, as TrackEval combines them."""
    return pooled([_Tally(truth, told) for truth, told in sequences])


class _Tally:
    """What one sequence adds to each sum."""

    def __init__(self, truth: Sequence[Rows], told: Sequence[Rows]) -> None:
        assert len(truth) == len(told)
        self._truth, self._told = _renumbered(truth), _renumbered(told)
        self._alike = [
            overlaps(a[:, 1:], b[:, 1:]) for a, b in zip(self._truth, self._told, strict=True)
        ]
        self.gt_of = _counts(self._truth)
        self.told_of = _counts(self._told)
        self._hota()
        self._clear()
        self._identity()

    def _hota(self) -> None:
        potential = np.zeros((len(self.gt_of), len(self.told_of)))
        for a, b, alike in self._frames():
            both = alike.sum(0)[None, :] + alike.sum(1)[:, None] - alike
            share = np.divide(alike, both, out=np.zeros_like(alike), where=both > _EPS)
            potential[np.ix_(a, b)] += share
        together = self.gt_of[:, None] + self.told_of[None, :] - potential
        aligned = potential / np.maximum(together, 1.0)
        self.hits = np.zeros(len(ALPHAS))
        joined = np.zeros((len(ALPHAS), *potential.shape))
        for a, b, alike in self._frames():
            rows, columns = _best(aligned[np.ix_(a, b)] * alike)
            for k, alpha in enumerate(ALPHAS):
                good = alike[rows, columns] >= alpha - _EPS
                self.hits[k] += good.sum()
                joined[k, a[rows[good]], b[columns[good]]] += 1
        self.associated = np.zeros(len(ALPHAS))
        for k in range(len(ALPHAS)):
            of = np.maximum(1, self.gt_of[:, None] + self.told_of[None, :] - joined[k])
            self.associated[k] = (joined[k] * joined[k] / of).sum()

    def _clear(self) -> None:
        last = np.full(len(self.gt_of), -1)  # who each was the last time it was seen
        before = np.full(len(self.gt_of), -1)  # who each was in the frame before
        seen = np.zeros(len(self.gt_of), np.int64)
        self.matches = self.switches = self.fragments = 0
        for a, b, alike in self._frames():
            keep = before[a][:, None] == b[None, :]
            worth = np.where(alike >= 0.5 - _EPS, 1000.0 * keep + alike, 0.0)
            rows, columns = _best(worth)
            good = worth[rows, columns] > _EPS
            whom, who = a[rows[good]], b[columns[good]]
            self.switches += int(((last[whom] >= 0) & (last[whom] != who)).sum())
            self.fragments += int(((before[whom] < 0) & (seen[whom] > 0)).sum())
            last[whom] = who
            seen[whom] += 1
            before[:] = -1
            before[whom] = who
            self.matches += int(good.sum())

    def _identity(self) -> None:
        common = np.zeros((len(self.gt_of), len(self.told_of)))
        for a, b, alike in self._frames():
            common[np.ix_(a, b)] += alike >= 0.5
        rows, columns = _best(common)
        self.common = float(common[rows, columns].sum())

    def _frames(self) -> Iterator[tuple[Whole, Whole, Floats]]:
        for a, b, alike in zip(self._truth, self._told, self._alike, strict=True):
            yield a[:, 0].astype(int), b[:, 0].astype(int), alike


def pooled(tallies: Sequence[_Tally]) -> Identities:
    """The measures over all sequences together."""
    gt = sum(float(t.gt_of.sum()) for t in tallies)
    told = sum(float(t.told_of.sum()) for t in tallies)
    hits = sum((t.hits for t in tallies), np.zeros(len(ALPHAS)))
    associated = sum((t.associated for t in tallies), np.zeros(len(ALPHAS)))
    deta = hits / np.maximum(1.0, gt + told - hits)
    assa = associated / np.maximum(1.0, hits)
    matches = sum(t.matches for t in tallies)
    switches = sum(t.switches for t in tallies)
    common = sum(t.common for t in tallies)
    return Identities(
        hota=float(np.sqrt(deta * assa).mean()),
        deta=float(deta.mean()),
        assa=float(assa.mean()),
        idf1=2 * common / max(1.0, gt + told),
        mota=(matches - (told - matches) - switches) / max(1.0, gt),
        switches=switches,
        fragments=sum(t.fragments for t in tallies),
        boxes=int(gt),
    )


def overlaps(one: Floats, other: Floats) -> Floats:
    """(M, 4) and (N, 4) boxes → (M, N) intersection over union."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    both = np.prod(np.maximum(high - low, 0.0), axis=2)
    mine = np.prod(one[:, 2:] - one[:, :2], axis=1)[:, None]
    theirs = np.prod(other[:, 2:] - other[:, :2], axis=1)[None, :]
    union = mine + theirs - both
    return np.asarray(np.divide(both, union, out=np.zeros_like(both), where=union > 0.0))


def _best(worth: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The pairs, one for each of the smaller side, whose worth is the greatest in sum."""
    if worth.size == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    columns = assign(np.ascontiguousarray(-worth))
    rows = np.flatnonzero(columns >= 0)
    return rows, columns[rows]


def _renumbered(frames: Sequence[Rows]) -> list[Rows]:
    known: dict[float, int] = {}
    renumbered = []
    for rows in frames:
        rows = rows.copy()
        for row in rows:
            row[0] = known.setdefault(row[0], len(known))
        renumbered.append(rows)
    return renumbered


def _counts(frames: Sequence[Rows]) -> Floats:
    who = np.concatenate([rows[:, 0].astype(int) for rows in frames] or [np.zeros(0, int)])
    return np.bincount(who).astype(np.float64)
