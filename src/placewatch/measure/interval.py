"""Interval: between which numbers the truth lies, of a count that was seen in part and not quite.

How this works. Of the road users who passed while a place was watched some were missed, and some of
what was counted was nobody. How many, a check tells: somebody counted a number of passages by hand
and compared. It leaves both shares uncertain, by a beta distribution (Jeffreys; Brown, Cai and
DasGupta 2001, Statistical Science 16). Of the time that was not watched only the rate of the rest
is known: how many came then is as uncertain as that rate, and as chance (gamma-Poisson mixture).
Means and variances of these add up, and the truth is spread about them like a negative binomial
above what must be there, or like a normal distribution where there are many.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

SHARE = 0.95
MANY = 400  # of so many the distribution is as good as normal


@dataclass(frozen=True, slots=True)
class Check:
    """What came of comparing with a count by hand: of `passages` that really were, how many were
    `missed`, and how many were counted that were none (`extra`).

    `clumped` is how much more the errors of a bin vary than chance alone would have them: 1 where
    each road user is missed for itself; more where a hidden queue is missed as a whole.
    """

    passages: int
    missed: int
    extra: int
    clumped: float = 1.0

    def __post_init__(self) -> None:
        assert 0 <= self.missed <= self.passages, "more missed than passed"
        assert self.extra >= 0, "fewer than none extra"


CLIPS = Check(passages=46, missed=0, extra=0)
"""What stands for a place that nobody checked: the clips that were counted by hand."""


@dataclass(frozen=True, slots=True)
class Between:
    """The truth lies from `low` to `high`, both included, in 95 of 100 such bins."""

    low: int
    high: int


def count_between(
    count: int, coverage_s: float, window_s: float, check: Check = CLIPS, varies: float = 1.0
) -> Between | None:
    """Between which numbers the truth of a window lies, of which `coverage_s` were watched and in
    which `count` were counted. None where nothing was watched: then nothing is known.

    `varies` is how much the counts of such windows vary, as variance by mean: 1 for road users who
    come independently, more for platoons behind a signal; it widens the time that was not watched.
    """
    assert 0.0 <= coverage_s <= window_s * (1.0 + 1e-9), "more watched than there was"
    if coverage_s <= 0.0:
        return None
    m, m_var = _share_of(check.missed, check.passages)
    f, f_var = _share_of(check.extra, check.passages - check.missed + check.extra)
    # Counted and real: count * (1 - f). For each of them m / (1 - m) more were missed.
    odds = m / (1.0 - m)
    odds_var = m_var / (1.0 - m) ** 4
    real = count * (1.0 - f)
    real_var = check.clumped * count * f * (1.0 - f) + count * count * f_var
    seen = real * (1.0 + odds)
    seen_var = (
        real_var * (1.0 + odds) ** 2
        + check.clumped * real * odds * (1.0 + odds)
        + real * real * odds_var
    )
    unseen_s = window_s - coverage_s
    share = unseen_s / coverage_s
    unseen = (count + 0.5) * share * (1.0 + odds) * (1.0 - f) if unseen_s > 0.0 else 0.0
    unseen_var = unseen * (varies + share * varies) if unseen_s > 0.0 else 0.0
    return _between(seen + unseen, seen_var + unseen_var)


def _share_of(found: int, among: int) -> tuple[float, float]:
    """Mean and variance of a share of which `found` of `among` are known."""
    a, b = found + 0.5, among - found + 0.5
    return a / (a + b), a * b / ((a + b) ** 2 * (a + b + 1.0))


def _between(mean: float, variance: float) -> Between:
    """The interval whose share is nearest to SHARE: with whole numbers none has it exactly, and
    always the next wider one would hold the truth too often."""
    if mean > MANY:
        reach = NormalDist().inv_cdf(0.5 + SHARE / 2) * math.sqrt(variance)
        return Between(max(0, round(mean - reach)), round(mean + reach))
    weights = _spread(mean, variance)
    low = high = int(np.argmax(weights))
    held = float(weights[low])
    # From the likeliest outwards, always the likelier side; the last step only if it comes nearer.
    while held < SHARE:
        down = float(weights[low - 1]) if low > 0 else 0.0
        up = float(weights[high + 1]) if high + 1 < len(weights) else 0.0
        step = max(down, up)
        if step <= 0.0 or held + step - SHARE > SHARE - held:
            break
        held += step
        if down > up:
            low -= 1
        else:
            high += 1
    return Between(low, high)


def _spread(mean: float, variance: float) -> npt.NDArray[np.float64]:
    """How likely 0, 1, 2 ... are, with this mean and variance: a negative binomial distribution;
    with less variance than mean a normal one, cut into whole numbers."""
    last = math.ceil(mean + 10.0 * math.sqrt(max(variance, 1.0))) + 1
    if variance > mean * 1.001:
        p = mean / variance
        size = mean * p / (1.0 - p)
        logs = [
            math.lgamma(k + size) - math.lgamma(size) - math.lgamma(k + 1)
            + size * math.log(p) + k * math.log1p(-p)
            for k in range(last + 1)
        ]  # fmt: skip
        weights = np.exp(np.array(logs))
    else:
        normal = NormalDist(mean, math.sqrt(max(variance, 1e-12)))
        edges = np.array([normal.cdf(k - 0.5) for k in range(last + 2)])
        weights = np.diff(edges)
    told: npt.NDArray[np.float64] = weights / weights.sum()
    return told
