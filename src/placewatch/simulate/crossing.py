"""Crossing: passages of arms: by SUMO's loops, or by people's own steps over the lines."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from placewatch.simulate.street import Arm

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

LEAP_M = 1.0  # nobody walks so far in a step: it was taken from one place to another


@dataclass(frozen=True, slots=True)
class Passage:
    """Somebody passed an arm: a vehicle's front a loop there, which is SUMO's own word, or the
    middle of somebody on foot its line. The speed is the front's; None of who is on foot."""

    at_s: float
    who: int
    arm: str
    inwards: bool
    speed_m_s: float | None = None


@dataclass
class Lines:
    """The lines of arms, of a crowd's where not said otherwise. Pieces come in order; it remembers
    where everybody was last. Whoever moves `leap_m` in a step was taken somewhere else."""

    arms: Sequence[Arm]
    leap_m: float = LEAP_M
    passages: list[Passage] = field(default_factory=list, init=False)
    _last: Floats = field(default_factory=lambda: np.zeros((0, 4)), init=False)  # who, s, x, y

    def look(self, at_s: Floats, who: Whole, x_m: Floats, y_m: Floats) -> None:
        """Notes who stepped over a line between two moments, which may be in two pieces."""
        rows = np.column_stack([who, at_s, x_m, y_m])
        if len(self._last):
            rows = np.concatenate([self._last, rows])
        order = np.lexsort((rows[:, 1], rows[:, 0]))
        rows = rows[order]
        same = rows[1:, 0] == rows[:-1, 0]
        before, after = rows[:-1][same], rows[1:][same]
        steps = after[:, 2:] - before[:, 2:]
        near = np.abs(steps).max(axis=1, initial=0.0) < self.leap_m
        before, after, steps = before[near], after[near], steps[near]
        found = []
        for arm in self.arms:
            start = np.array([arm.start.x_m, arm.start.y_m])
            line = np.array([arm.end.x_m, arm.end.y_m]) - start
            offs = before[:, 2:] - start
            side = line[0] * offs[:, 1] - line[1] * offs[:, 0]
            turn = line[0] * steps[:, 1] - line[1] * steps[:, 0]
            over = (side > 0.0) != (side + turn > 0.0)
            share = np.where(over, -side / np.where(over, turn, 1.0), 0.0)
            along = (offs + share[:, None] * steps) @ line / float(line @ line)
            over &= (along >= 0.0) & (along <= 1.0)
            for row in np.flatnonzero(over):
                passed_s = float(after[row, 1] - before[row, 1])
                media_s = float(before[row, 1]) + float(share[row]) * passed_s
                # Who comes in has the start of the line on the right hand.
                found.append(Passage(media_s, int(before[row, 0]), arm.name, bool(turn[row] < 0.0)))
        self.passages += sorted(found, key=lambda passage: passage.at_s)
        if len(at_s):
            newest = rows[np.append(~same, True)]
            self._last = newest[newest[:, 1] == at_s.max()]
