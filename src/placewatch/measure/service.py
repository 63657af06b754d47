"""Service: what a density means to those in it, as a letter; and when it becomes dangerous.

How this works. A level of service is a table: six letters and the room that a person has at the
bound between two of them. Tables differ by book, country and use, so they are data here, and any
other may stand in their place. Letters are about comfort; danger begins far beyond the last one.

A forecast goes through the last minutes of a density as a straight line and says when it meets
the threshold. It speaks only when the rise is certain: the 95 % interval of the moment is bounded
exactly where the slope differs from zero at that level (Fieller 1954).
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from placewatch.core.errors import Misconfigured

Floats = npt.NDArray[np.float64]

M2_PER_FT2 = 0.3048**2

DENSITY_PER_M2_WALKING_DANGEROUS = 5.55
"""Where people walk, forces that nobody can resist begin; Fruin's, as printed by D. Helbing, P.
Mukerji: Crowd disasters as systemic failures, EPJ Data Science 1:7 (2012)."""

DENSITY_PER_M2_STANDING_CRITICAL = 7.1
"""Where people stand, nobody can move of their own will any more; the same source."""


@dataclass(frozen=True, slots=True)
class ServiceTable:
    """Levels of service by density: `levels` from the best, and the highest density of each but
    the last, `density_per_m2_max`. `source` is where the bounds stand.

    Raises Misconfigured unless the bounds rise from above zero and are one fewer than the levels.
    """

    name: str
    source: str
    density_per_m2_max: tuple[float, ...]
    levels: tuple[str, ...] = ("A", "B", "C", "D", "E", "F")

    def __post_init__(self) -> None:
        bounds = self.density_per_m2_max
        if len(bounds) + 1 != len(self.levels):
            raise Misconfigured(
                f'service table "{self.name}" has {len(self.levels)} levels and '
                f"{len(bounds)} bounds",
                hint="give the highest density of each level but the last",
            )
        rising = all(low < high for low, high in itertools.pairwise((0.0, *bounds, math.inf)))
        if not rising:
            raise Misconfigured(
                f'the bounds of service table "{self.name}" do not rise',
                hint="give people per m2 from the best level on, as in 0.31, 0.43",
            )

    @classmethod
    def by_room(cls, name: str, source: str, room_m2_min: Sequence[float]) -> "ServiceTable":
        """A table as most books print it: the least room per person of each level but the last."""
        if not all(room_m2 > 0 for room_m2 in room_m2_min):
            raise Misconfigured(
                f'service table "{name}" has a level without room', hint="give m2 per person"
            )
        return cls(name, source, tuple(1.0 / room_m2 for room_m2 in room_m2_min))

    def level(self, density_per_m2: float) -> str:
        """The letter of a density, 0 or more; on a bound, the better of the two."""
        assert density_per_m2 >= 0.0
        bounds = self.density_per_m2_max
        return self.levels[int(np.searchsorted(bounds, density_per_m2))]


def _feet(*room_ft2_min: float) -> tuple[float, ...]:
    return tuple(room_ft2 * M2_PER_FT2 for room_ft2 in room_ft2_min)


FRUIN_WALKWAY = ServiceTable.by_room(
    "Fruin, walkway",
    "J. J. Fruin: Pedestrian Planning and Design (1971), chapter 4: 35, 25, 15, 10, 5 ft2",
    _feet(35, 25, 15, 10, 5),
)

FRUIN_QUEUE = ServiceTable.by_room(
    "Fruin, queue",
    "J. J. Fruin: Pedestrian Planning and Design (1971), chapter 4: 13, 10, 7, 3, 2 ft2",
    _feet(13, 10, 7, 3, 2),
)

HCM_WALKWAY = ServiceTable.by_room(
    "HCM, walkway",
    "Highway Capacity Manual 2000, chapter 18, walkways at average flow: 60, 40, 24, 15, 8 ft2",
    _feet(60, 40, 24, 15, 8),
)

TABLES = {"fruin-walkway": FRUIN_WALKWAY, "fruin-queue": FRUIN_QUEUE, "hcm-walkway": HCM_WALKWAY}
"""The tables there are, by the name that settings use."""


BLOCK_S = 5.0  # shorter, and one person who steps in and out would count as news
BLOCKS_MIN = 8  # fewer tell no trend from chance
BLOCKS_MAX = 120  # more would take longer and tell no more: then blocks are longer
CONFIDENCE = 0.95
RANK_VARIANCE = math.pi / 3  # of a slope or level by medians of pairs, relative to least squares


@dataclass(frozen=True, slots=True)
class Reach:
    """When a density is reached, in seconds from the last moment of the series; 0 is now.

    The moment lies between `s_low` and `s_high` in 95 of 100 cases in which people keep coming as
    they did. What nobody can know from the past, a train that arrives, is not in it.
    """

    s: float
    s_low: float
    s_high: float


def time_to_density_s(
    series: npt.ArrayLike, density_per_m2: float, window_s: float = 180.0
) -> Reach | None:
    """When `density_per_m2` is reached if the density goes on as in the last `window_s`.

    `series` (N, 2) has rows of t_s, rising, and density; gaps and NaN densities are left out. None
    when the rise is not significant at the 5 % level (two-sided), when there are fewer than
    BLOCKS_MIN blocks, or when the series is empty. A level that is there already is reached now,
    risen or not.

    Method. Medians over blocks of BLOCK_S, so that single false readings do not matter. A line
    through them by the median of the slopes of all pairs (Theil 1950, Sen 1968) and the median of
    the means of all pairs of residuals (Hodges & Lehmann 1963): up to 29 % of false blocks do not
    carry them off. Scatter by the median absolute residual. Neighbouring blocks resemble each
    other, so their number is reduced to that of independent ones with the same information,
    n (1 - r) / (1 + r), r being the correlation of neighbours, corrected for its bias. The interval
    of the moment is Fieller's, with Student's t.
    """
    at_s, densities = _blocks(np.asarray(series, np.float64).reshape(-1, 2), window_s)
    if len(at_s) < BLOCKS_MIN:
        return None
    slope = float(np.median(_pairs(densities, at_s)))
    middle_s = float(at_s.mean())
    rest = densities - slope * (at_s - middle_s)
    level = float(np.median(_walsh(rest)))
    residuals = rest - level
    if level - slope * middle_s >= density_per_m2:
        return Reach(0.0, 0.0, 0.0)

    scatter2 = (float(np.median(np.abs(residuals))) / NormalDist().inv_cdf(0.75)) ** 2
    correlation = _neighbour_correlation(residuals)
    independent = len(at_s) * (1.0 - correlation) / (1.0 + correlation)
    if independent - 2.0 < 1.0:
        return None
    quantile = _student(independent - 2.0)
    level_var = RANK_VARIANCE * scatter2 / independent
    slope_var = level_var / float(((at_s - middle_s) ** 2).mean())
    # Fieller: all moments s with (away - slope s)^2 <= quantile^2 (level_var + slope_var s^2).
    away = density_per_m2 - level
    a = slope**2 - quantile**2 * slope_var
    if slope <= 0.0 or a <= 0.0:
        return None
    half = slope * away
    c = away**2 - quantile**2 * level_var
    root = math.sqrt(max(0.0, half**2 - a * c))
    s = away / slope
    low_s, high_s = (half - root) / a, (half + root) / a
    return Reach(*(max(0.0, middle_s + moment_s) for moment_s in (s, low_s, high_s)))


def _blocks(series: Floats, window_s: float) -> tuple[Floats, Floats]:
    """Mean moment, in seconds before the last one, and median density of each block."""
    if not len(series):
        return np.zeros(0), np.zeros(0)
    at_s = series[:, 0] - series[-1, 0]
    kept = (at_s > -window_s) & ~np.isnan(series[:, 1])
    at_s, densities = at_s[kept], series[kept, 1]
    block_s = max(BLOCK_S, window_s / BLOCKS_MAX)
    # Blocks end at the last moment: what is newest is always whole.
    block = np.floor(-at_s / block_s)
    cuts = np.flatnonzero(np.diff(block)) + 1
    medians = [float(np.median(part)) for part in np.split(densities, cuts) if len(part)]
    moments = [float(part.mean()) for part in np.split(at_s, cuts) if len(part)]
    return np.array(moments), np.array(medians)


def _pairs(values: Floats, at_s: Floats) -> Floats:
    first, second = np.triu_indices(len(values), 1)
    slopes: Floats = (values[second] - values[first]) / (at_s[second] - at_s[first])
    return slopes


def _walsh(values: Floats) -> Floats:
    first, second = np.triu_indices(len(values))
    means: Floats = (values[first] + values[second]) / 2
    return means


def _neighbour_correlation(residuals: Floats) -> float:
    """0..1. Residuals of a fitted line show (2 + 4 r) / n less than the true r (Shaman & Stine
    1988)."""
    total = float((residuals**2).sum())
    if total == 0.0:
        return 0.0
    seen = float((residuals[1:] * residuals[:-1]).sum()) / total
    count = len(residuals)
    corrected = (count * seen + 2.0) / (count - 4.0)
    return min(max(corrected, 0.0), 0.99)


def _student(freedom: float) -> float:
    """Student's t at CONFIDENCE, two-sided, within 1 % from 3 degrees of freedom on (Abramowitz &
    Stegun 1964, 26.7.5)."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return sum(term / freedom**power for power, term in enumerate(terms))
