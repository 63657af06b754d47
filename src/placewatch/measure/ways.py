"""Ways: by which arms of a junction those come in who drive over a place in one direction.

How this works. The ground is cut into squares, and each has its counts: how often somebody drove
over it, by direction and by the arm it had come in by, seen to do so. A lane that leads in belongs
to one arm, the middle to several. So where somebody drives tells by which arm it may have come,
though its track broke. Counts of places are all that is kept, nothing of who it was.
"""

import math
from dataclasses import dataclass, field

CELL_M = 2.0
SECTORS = 8
ENOUGH = 12  # looks at a place, from which on it says something
RARE_SHARE = 0.03  # of them: an arm that is rarer was a mistake
MOST = 1000  # looks that are kept of a place; then they count half

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

    def possible(self, at: Place, enough: int = ENOUGH) -> frozenset[int] | None:
        """By which arms somebody may have come in who drives there; None where fewer looks than
        `enough` were taken."""
        counts = self._counts.get(at)
        if counts is None or sum(counts) < enough:
            return None
        least = RARE_SHARE * sum(counts)
        return frozenset(arm for arm, count in enumerate(counts) if count > least)


def place_of(east_m: float, north_m: float, east_m_s: float, north_m_s: float) -> Place:
    """The square and the direction of somebody who moves."""
    sector = round(math.atan2(north_m_s, east_m_s) / (2.0 * math.pi) * SECTORS) % SECTORS
    return math.floor(east_m / CELL_M), math.floor(north_m / CELL_M), sector
