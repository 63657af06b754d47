"""Ways: by which arms of a junction those come in who drive over a place in one direction.

How this works. The ground is cut into squares, and each has its counts: how often somebody drove
over it, by direction and by the arm it had come in by, seen to do so. A lane that leads in belongs
to one arm, the middle to several. So where somebody drives tells by which arm it may have come,
though its track broke. Counts of places are all that is kept, nothing of who it was.
"""

import math
from dataclasses import dataclass, field

import numba
import numpy as np
import numpy.typing as npt

CELL_M = 2.0
SECTORS = 8
ENOUGH = 12  # looks at a place, from which on it says something
RARE_SHARE = 0.03  # of them: an arm that is rarer was a mistake
LIKELIER = 5.0  # times as likely as all others together: then it was that arm
MOST = 1000  # looks that are kept of a place; then they count half

Floats = npt.NDArray[np.float64]
Place = tuple[int, int, int]


@dataclass
class Ways:
    """Counts by place and arm; arms are numbers from 0 to `arms`."""

    arms: int
    _counts: dict[Place, list[int]] = field(default_factory=dict)

    def learn(self, at: Place, arm: int) -> None:
        """Somebody who had come in by `arm` drove there."""
        counts = self._counts.setdefault(at, [0] * self.arms)
        counts[arm] += 1
        if sum(counts) > MOST:
            counts[:] = [count // 2 for count in counts]

    def shares(self, at: Place, enough: int = ENOUGH) -> Floats | None:
        """Of those who drive there, which share has come in by each arm; None where fewer looks
        than `enough` were taken."""
        counts = self._counts.get(at)
        total = 0 if counts is None else sum(counts)
        return None if total < enough else np.array(counts) / total


@numba.njit(cache=True, nogil=True)
def place_of(east_m: float, north_m: float, east_m_s: float, north_m_s: float) -> Place:
    """The square and the direction of somebody who moves."""
    sector = round(math.atan2(north_m_s, east_m_s) / (2.0 * math.pi) * SECTORS) % SECTORS
    return math.floor(east_m / CELL_M), math.floor(north_m / CELL_M), sector
