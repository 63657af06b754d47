"""Journey: how long vehicles take from one place to another, without knowing any of them.

How this works. Each of two cameras tells how many vehicles passed its line in every second or
longer bin, and nothing else: no track, no kind, no length, no look. Vehicles leave in bunches, and
the bunches arrive wider and later: what arrives is what left, spread by the travel times (their
kernel), less who turned off, plus who joined.

    leaves   ▂▇▇▂     ▅▇    ▃▇▇▅             y(t) = Σ x(t - τ) h(τ) + who joined
    arrives        ▁▄▆▅▂    ▃▅▃   ▂▅▆▄▁      the share that goes through is Σ h(τ)

1. Slow changes of the flow, and the cycle of a signal where there is one, are taken out of both,
   so that neither the rush hour nor a signal's clock is taken for travel.
2. Cross-correlation with kernels of a usual spread, over all plausible travel times, says where the
   travel time is, and whether it may as well be another.
3. Non-negative deconvolution (Lawson & Hanson 1974) says how travel times are spread around it,
   whatever their shape.
4. From there a log-normal kernel is fitted by weighted least squares: what arrives varies as counts
   do. Its error is taken from how blocks of a minute differ (Liang & Zeger, Biometrika 73, 1986),
   so that it knows of bunches.

It answers only where there is one answer, and else says in a sentence why not. Above all it refuses
a link with a signal in it, where what arrives follows the signal's clock. Cut the route there:
links between the views, and the delay inside the view that sees the signal; `compose` adds them up.
"""

import copy
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, nnls
from scipy.special import ndtr, stdtrit

from placewatch.core.errors import Misconfigured
from placewatch.core.time import UtcMicros

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]

BIN_S_MIN = 1.0  # finer bins would tell vehicles apart by their moments
WINDOW_S = 300.0  # of which fewer vehicles than these
WINDOW_VEHICLES_MIN = 5  # are not told: what is left of it is unknown, not zero
HOURS_MAX = 6.0  # of one estimate: travel times of a longer time are not one number
TIMES_MAX = 12.0  # the longest plausible travel time by the shortest

VEHICLES_MIN = 100  # at each line, in all
KNOWN_S_MIN = 900.0  # that both lines were watched, a travel time apart
KNOWN_SHARE_MIN = 0.95  # of a bin that was watched, to know its count

SPREAD = 0.09  # usual spread of travel times, as a share, by which peaks are sought
SPREADS = (0.02, 0.35)  # that are fitted
BUMP = 0.06  # width of the bumps of which deconvolution makes a kernel, as a share
AROUND = (0.55, 1.75)  # times the peak: where travel times are fitted
FINE = 0.025  # of the peak: finer bins are merged for the fit, since they tell no more
TREND_S = 600.0  # slower changes of the flow are no bunches
BLOCK_S = 60.0
HARMONICS = 4  # of a cycle
CYCLES_S = (8.0, 240.0)
CYCLE_POWER_MIN = 18.0  # above what is beside it in the spectrum

PEAK_Z_MIN = 4.0  # standard errors, which chance seldom gives over all plausible times
SECOND_PEAK_MAX = 0.8  # of the first
LOCKED_SHARE = 0.02  # of a cycle, by which a travel time lies near a multiple of it
BUNCHED_S = 12.0
BUNCHED_MAX = 1.6  # variance of what arrives unexplained, by that of independent vehicles
CYCLIC_SHARE_MAX = 0.05  # of the cycle in what arrives that what left does not explain
CYCLIC_POWER_MIN = 6.0  # by that of independent vehicles
SHAPE_SHARE_MAX = 0.06  # by which deconvolution and fit may differ, beside errors


@final
@dataclass(frozen=True, slots=True)
class CrossingSeries:
    """How many vehicles crossed a line, one way, in each bin: all that links are measured by.

    `line` names camera and line; `start` is when the first bin begins. `counts` (N,) are whole
    numbers, `watched_s` (N,) the seconds of each bin, 0..`bin_s`, that were watched. A bin that was
    not watched is unknown, whatever its count says. Of each `WINDOW_S` from the start in which
    fewer than `WINDOW_VEHICLES_MIN` crossed, nothing is kept: it is unknown, too, so that nobody is
    alone in a series.

    It holds numbers and cannot hold anything else: no track, mover, kind or length. Raises
    Misconfigured for anything that is not such a series.
    """

    line: str
    start: UtcMicros
    bin_s: float
    counts: tuple[int, ...]
    watched_s: tuple[float, ...]

    def __post_init__(self) -> None:
        if type(self.line) is not str or not 0 < len(self.line) <= 200:
            raise Misconfigured("a series needs the name of its line")
        if type(self.start) is not int:
            raise Misconfigured("a series starts at whole microseconds UTC")
        if type(self.bin_s) not in (int, float) or not BIN_S_MIN <= self.bin_s <= WINDOW_S:
            raise Misconfigured(
                f"bins of {self.bin_s!r} s are not allowed",
                hint=f"{BIN_S_MIN:g} s to {WINDOW_S:g} s: finer ones would tell vehicles apart",
            )
        if type(self.counts) is not tuple or type(self.watched_s) is not tuple:
            raise Misconfigured("counts and watched seconds are tuples of numbers")
        if not all(type(count) is int and count >= 0 for count in self.counts):
            raise Misconfigured("counts are whole numbers from 0 on, and nothing else")
        if not all(
            type(watched) in (int, float) and 0.0 <= watched <= self.bin_s
            for watched in self.watched_s
        ):
            raise Misconfigured(f"watched seconds are numbers from 0 to the bin's {self.bin_s:g}")
        if not 0 < len(self.counts) == len(self.watched_s):
            raise Misconfigured("a series has a count and watched seconds for each of its bins")
        self._keep_no_few()

    def _keep_no_few(self) -> None:
        counts, watched_s = list(self.counts), list(self.watched_s)
        bins = max(1, round(WINDOW_S / self.bin_s))
        for begin in range(0, len(counts), bins):
            window = slice(begin, begin + bins)
            if sum(counts[window]) < WINDOW_VEHICLES_MIN:
                counts[window] = [0] * len(counts[window])
                watched_s[window] = [0.0] * len(watched_s[window])
        object.__setattr__(self, "counts", tuple(counts))
        object.__setattr__(self, "watched_s", tuple(watched_s))

    @classmethod
    def of_moments(
        cls,
        line: str,
        start: UtcMicros,
        moments: Iterable[UtcMicros],
        watched_s: Sequence[float],
        bin_s: float = BIN_S_MIN,
    ) -> "CrossingSeries":
        """The series of those who crossed at `moments`, of which nothing but counts is kept. As
        many bins as `watched_s` has; moments outside of them are left out."""
        counts = [0] * len(watched_s)
        for moment in moments:
            number = int((moment - start) // round(bin_s * 1e6))
            if 0 <= number < len(counts):
                counts[number] += 1
        return cls(line, start, bin_s, tuple(counts), tuple(watched_s))


class Why(StrEnum):
    """Why a link has no answer."""

    FLOW = "flow"  # too few vehicles, or too little was watched
    THROUGH = "through"  # nothing of what left is seen to arrive
    RANGE = "range"  # the best time lies at the edge of the plausible ones
    PEAKS = "peaks"  # another time fits nearly as well
    CYCLE = "cycle"  # it may be a signal's clock
    SIGNAL = "signal"  # what arrives is bunched anew on the way
    SHAPE = "shape"  # travel times are not one stream's
    WIDTH = "width"  # not known well enough
    PART = "part"  # of a route has no answer


@dataclass(frozen=True, slots=True)
class Refusal:
    """There is no answer that could be trusted; `sentence` says why, for people."""

    why: Why
    sentence: str


@dataclass(frozen=True, slots=True)
class LinkTime:
    """How long vehicles took from one line to the next, with 95 % intervals.

    Both are of the stream: the few who are far slower than it (bicycles, who stops on the way) move
    the median hardly and are not in the mean. `through_share`, 0..1.5, is how many arrived of those
    that were counted upstream, between `through_low` and `through_high`; misses at the lines are in
    it. `arrived` counts who was seen to arrive while both lines were watched. The error of the two
    cameras' clocks is not in it, and adds to all times.
    """

    upstream: str
    downstream: str
    since: UtcMicros
    window_s: float
    median_s: float
    median_low_s: float
    median_high_s: float
    mean_s: float
    mean_low_s: float
    mean_high_s: float
    through_share: float
    through_low: float
    through_high: float
    arrived: int


@dataclass(frozen=True, slots=True)
class ViewTime:
    """How long vehicles took from one line to another inside one view, with a 95 % interval: the
    way over a signal, seen as a whole by one camera. A mean over `vehicles`, and of nobody."""

    view: str
    vehicles: int
    mean_s: float
    low_s: float
    high_s: float


@dataclass(frozen=True, slots=True)
class RouteTime:
    """The mean time along a route, with a 95 % interval, and the means of its parts in order."""

    mean_s: float
    low_s: float
    high_s: float
    parts_s: tuple[float, ...]


def plausible_s(
    length_m: float, fast_m_s: float = 25.0, slow_m_s: float = 4.0
) -> tuple[float, float]:
    """The travel times that are plausible over `length_m`: at 90 km/h, and at 14 km/h, unless the
    street is known better. Raises Misconfigured."""
    if not (0 < length_m < math.inf and 0 < slow_m_s < fast_m_s < math.inf):
        raise Misconfigured(
            f"{length_m:g} m at {slow_m_s:g} to {fast_m_s:g} m/s is no way to travel",
            hint="a length above 0 and two speeds, the slow one first in mind",
        )
    return length_m / fast_m_s, length_m / slow_m_s


def link_time(
    upstream: CrossingSeries,
    downstream: CrossingSeries,
    between_s: tuple[float, float],
    *,
    half_width_share_max: float = 0.03,
    half_width_s_max: float = 1.5,
) -> LinkTime | Refusal:
    """The travel time from the line of `upstream` to that of `downstream`, or why there is none.

    `between_s` are the shortest and the longest travel time that are plausible: see `plausible_s`.
    An answer whose interval reaches farther than both `half_width_share_max` of it and
    `half_width_s_max` is refused. Half an hour to some hours of common time is what it needs.

    Raises Misconfigured for anything but two series with the same bins, not longer than
    `HOURS_MAX`, and times in order.
    """
    for series in (upstream, downstream):
        if type(series) is not CrossingSeries:
            raise Misconfigured(
                f"a link is measured by series of counts, not by {type(series).__name__}",
                hint="nothing else may tell one camera about vehicles of another",
            )
    low_s, high_s = between_s
    if not 0 < low_s < high_s <= TIMES_MAX * low_s:
        raise Misconfigured(
            f"travel times from {low_s:g} to {high_s:g} s are not plausible",
            hint=f"the longest is at most {TIMES_MAX:g} times the shortest",
        )
    streams = _Streams(upstream, downstream)
    found = _measure(streams, max(low_s, streams.bin_s), high_s)
    if isinstance(found, Refusal):
        return found
    half_s = found.reach * found.median_s * found.error
    if half_s > max(half_width_share_max * found.median_s, half_width_s_max):
        return Refusal(
            Why.WIDTH,
            f"The travel time, about {found.median_s:.0f} s, is known to ±{half_s:.1f} s only; "
            "a longer time or more traffic would tell more.",
        )
    factor = math.exp(found.spread**2 / 2)
    mean_s = found.median_s * factor
    mean_half_s = found.reach * mean_s * found.error_of_mean
    share_half = found.reach * found.error_of_share
    return LinkTime(
        upstream.line,
        downstream.line,
        streams.since,
        streams.window_s,
        found.median_s,
        found.median_s - half_s,
        found.median_s + half_s,
        mean_s,
        mean_s - mean_half_s,
        mean_s + mean_half_s,
        found.share,
        max(0.0, found.share - share_half),
        found.share + share_half,
        found.arrived,
    )


def view_time(view: str, windows: Iterable[tuple[int, float]]) -> ViewTime | Refusal:
    """The mean time between two lines inside one view, from windows of some minutes, each with how
    many passed both lines and the sum of their seconds between them.

    Vehicles of one red light wait together, so its error is taken from how windows differ: give
    them the length of a cycle or more. Windows with fewer than `WINDOW_VEHICLES_MIN` are left out.
    """
    told = np.array(
        [(count, sum_s) for count, sum_s in windows if count >= WINDOW_VEHICLES_MIN], np.float64
    ).reshape(-1, 2)
    if len(told) < VIEW_WINDOWS_MIN:
        return Refusal(
            Why.FLOW,
            f"Only {len(told)} windows of {view} have {WINDOW_VEHICLES_MIN} vehicles; "
            f"{VIEW_WINDOWS_MIN} are needed.",
        )
    vehicles = float(told[:, 0].sum())
    mean_s = float(told[:, 1].sum()) / vehicles
    off_s = told[:, 1] - mean_s * told[:, 0]
    error_s = math.sqrt(float(off_s @ off_s) * len(told) / (len(told) - 1)) / vehicles
    half_s = _reach(len(told) - 1) * error_s
    return ViewTime(view, int(vehicles), mean_s, mean_s - half_s, mean_s + half_s)


VIEW_WINDOWS_MIN = 6


def compose(parts: Sequence[LinkTime | ViewTime | Refusal]) -> RouteTime | Refusal:
    """The mean time along links and views in order: the sum of their means, and the root of the sum
    of squares of their intervals. Refused where a part is. Raises Misconfigured without parts.

    Medians do not add up, so there is none. Who turns off on the way is in the parts it took.
    """
    if not parts:
        raise Misconfigured("a route has at least one part")
    means, halves = [], []
    for number, part in enumerate(parts, 1):
        if isinstance(part, Refusal):
            return Refusal(Why.PART, f"Part {number} of {len(parts)} has none: {part.sentence}")
        if isinstance(part, LinkTime):
            means.append(part.mean_s)
            halves.append((part.mean_high_s - part.mean_low_s) / 2)
        else:
            means.append(part.mean_s)
            halves.append((part.high_s - part.low_s) / 2)
    mean_s, half_s = sum(means), math.hypot(*halves)
    return RouteTime(mean_s, mean_s - half_s, mean_s + half_s, tuple(means))


def _reach(degrees: int) -> float:
    """Standard errors to each side that hold 95 %, by Student's t."""
    return float(stdtrit(max(1, degrees), 0.975))


class _Streams:
    """Both series on their common bins: counts, and which are known."""

    def __init__(self, upstream: CrossingSeries, downstream: CrossingSeries) -> None:
        self.bin_s = bin_s = float(upstream.bin_s)
        step_us = round(bin_s * 1e6)
        apart_us = downstream.start - upstream.start
        if downstream.bin_s != upstream.bin_s or apart_us % step_us:
            raise Misconfigured(
                f"the bins of {upstream.line} and {downstream.line} are not the same",
                hint="count both in bins of one length that begin at the same moments",
            )
        first = max(upstream.start, downstream.start)
        begins = [(first - series.start) // step_us for series in (upstream, downstream)]
        count = min(
            len(series.counts) - begin
            for series, begin in zip((upstream, downstream), begins, strict=True)
        )
        if count * bin_s > HOURS_MAX * 3600.0:
            raise Misconfigured(
                f"{count * bin_s / 3600:.1f} h have no single travel time",
                hint=f"cut the series into at most {HOURS_MAX:g} h",
            )
        self.since = UtcMicros(first)
        self.count = count = max(0, count)
        self.window_s = count * bin_s
        self.left, self.left_known = _known(upstream, begins[0], count)
        self.arrived, self.arrived_known = _known(downstream, begins[1], count)

    def merged(self, many: int) -> "_Streams":
        """The same in bins of `many` of these; one is known where all of them are."""
        if many < 2:
            return self
        other = copy.copy(self)
        other.bin_s, other.count = self.bin_s * many, self.count // many
        whole = other.count * many
        other.left, other.arrived = (
            counts[:whole].reshape(-1, many).sum(axis=1) for counts in (self.left, self.arrived)
        )
        other.left_known, other.arrived_known = (
            np.logical_and.reduce(known[:whole].reshape(-1, many), axis=1)
            for known in (self.left_known, self.arrived_known)
        )
        return other

    def rows(self, longest: int) -> Whole:
        """The bins that are known downstream and, for `longest` bins before, upstream."""
        unknown = np.concatenate([[0], np.cumsum(~self.left_known)])
        at = np.arange(longest, self.count)
        whole: Flags = np.equal(unknown[at + 1], unknown[at - longest])
        rows: Whole = at[self.arrived_known[at] & whole]
        return rows

    def passed(self, kernels: Floats, rows: Whole) -> Floats:
        """(R, K) what would arrive in `rows` of what left by each of `kernels` (lags, K)."""
        size = 1 << (self.count + len(kernels)).bit_length()
        left = np.fft.rfft(self.left, size)[:, np.newaxis]
        columns: Floats = np.fft.irfft(left * np.fft.rfft(kernels, size, axis=0), size, axis=0)
        return columns[rows]


def _known(series: CrossingSeries, begin: int, count: int) -> tuple[Floats, Flags]:
    counts = np.array(series.counts[begin : begin + count], np.float64)
    watched = np.array(series.watched_s[begin : begin + count], np.float64)
    known = watched >= KNOWN_SHARE_MIN * series.bin_s
    return np.where(known, counts, 0.0), known


class _Regression:
    """What arrived, explained by columns of what left, with the rest taken out of both.

    The rest (`nuisance`) is the slow change of the flow, and cycles where they are told.
    """

    def __init__(self, columns: Floats, arrived: Floats, nuisance: Floats, block: Whole) -> None:
        self.raw, self.arrived, self.nuisance, self.block = columns, arrived, nuisance, block
        self.weigh(np.full(len(arrived), 1.0 / max(float(arrived.mean()), 1e-9)))

    def weigh(self, weights: Floats) -> None:
        """Takes the rest out anew, with `weights` (R,): one by the variance of each row."""
        self.weights = weights
        weighted = self.nuisance * weights[:, np.newaxis]
        self._rest = np.linalg.pinv(self.nuisance.T @ weighted) @ weighted.T
        roots = self.raw * np.sqrt(weights)[:, np.newaxis]
        shared = weighted.T @ self.raw
        self.gram = roots.T @ roots - shared.T @ (self._rest @ self.raw)
        self.left_over = self.without_rest(self.arrived)
        self.met = self.raw.T @ (weights * self.left_over)

    def without_rest(self, values: Floats) -> Floats:
        """`values`, (R,) or (R, K), with the rest taken out."""
        left_over: Floats = values - self.nuisance @ (self._rest @ values)
        return left_over

    def expected(self, through: Floats) -> Floats:
        """(R,) what is expected to arrive where `through` (R,) comes from upstream."""
        rest = self.nuisance @ (self._rest @ (self.arrived - through))
        expected: Floats = through + rest
        return expected

    def meat(self, scores: Floats) -> Floats:
        """The variance of the sum of `scores` (R, K), by how blocks differ."""
        sums = np.zeros((int(self.block[-1]) + 1, scores.shape[1]))
        np.add.at(sums, self.block, scores)
        meat: Floats = sums.T @ sums * (len(sums) / max(1, len(sums) - 1))
        return meat


@dataclass(frozen=True, slots=True)
class _Fit:
    """A log-normal kernel; errors are of the logarithm but for that of `share`, one standard
    error."""

    median_s: float
    spread: float
    share: float
    error: float
    error_of_mean: float
    error_of_share: float
    reach: float
    arrived: int


def _measure(streams: _Streams, low_s: float, high_s: float) -> _Fit | Refusal:
    """All steps of the module, in order; the first that finds no single answer refuses."""
    bin_s = streams.bin_s
    longest = math.ceil(1.3 * high_s / bin_s)
    rows = streams.rows(longest) if streams.count > longest else np.zeros(0, np.int64)
    least = min(
        int(streams.left[streams.left_known].sum()),
        int(streams.arrived[streams.arrived_known].sum()),
    )
    if least < VEHICLES_MIN:
        return Refusal(
            Why.FLOW,
            f"Too few vehicles: {least} passed one of the lines while it was watched; "
            f"{VEHICLES_MIN} are needed.",
        )
    if len(rows) * bin_s < KNOWN_S_MIN:
        return _unwatched(len(rows) * bin_s)
    cycles_s = _cycles_s(streams)
    peak = _peak(streams, rows, longest, (low_s, high_s), cycles_s)
    if isinstance(peak, Refusal):
        return peak
    return _fit(streams, peak, cycles_s)


def _unwatched(known_s: float) -> Refusal:
    return Refusal(
        Why.FLOW,
        f"Both lines were watched for {known_s:.0f} s, a travel time apart; {KNOWN_S_MIN:.0f} s "
        "are needed.",
    )


def _peak(
    streams: _Streams,
    rows: Whole,
    longest: int,
    between_s: tuple[float, float],
    cycles_s: Sequence[float],
) -> float | Refusal:
    """The travel time whose kernel explains most of what arrives."""
    bin_s = streams.bin_s
    low, high = np.log(between_s)
    times_s = np.exp(np.linspace(low, high, max(3, math.ceil((high - low) / 0.02))))
    kernels = np.column_stack(
        [_kernel(np.arange(longest + 1), bin_s, time, _usual(time, bin_s)) for time in times_s]
    )
    told = _regression(streams, streams.passed(kernels, rows), rows, cycles_s)
    power = np.maximum(np.diag(told.gram), 1e-12)
    height = told.met / np.sqrt(power)
    best = int(height.argmax())
    share = told.met[best] / power[best]
    column = told.without_rest(told.raw[:, best])
    off = (told.weights * column * (told.left_over - share * column))[:, np.newaxis]
    z = float(told.met[best] / math.sqrt(max(float(told.meat(off)[0, 0]), 1e-12)))
    if height[best] <= 0.0 or z < PEAK_Z_MIN:
        locked = f" beside the cycle of {cycles_s[0]:.0f} s" if cycles_s else ""
        return Refusal(
            Why.CYCLE if cycles_s else Why.THROUGH,
            f"Nothing of what left is seen to arrive{locked}: no travel time from "
            f"{between_s[0]:.0f} to {between_s[1]:.0f} s stands out from chance.",
        )
    peaks = np.r_[True, height[1:] >= height[:-1]] & np.r_[height[:-1] >= height[1:], True]
    far = np.abs(np.log(times_s / times_s[best])) > 2.5 * _usual(times_s[best], bin_s)
    others = np.flatnonzero(peaks & far)
    if len(others):
        second = others[int(height[others].argmax())]
        if height[second] > SECOND_PEAK_MAX * height[best]:
            return Refusal(
                Why.PEAKS,
                f"Two travel times fit nearly alike, {times_s[best]:.0f} and "
                f"{times_s[second]:.0f} s.",
            )
    if best in (0, len(times_s) - 1):
        return Refusal(
            Why.RANGE,
            f"The best travel time lies at the edge of the plausible ones, {between_s[0]:.0f} to "
            f"{between_s[1]:.0f} s.",
        )
    return float(times_s[best])


def _fit(streams: _Streams, peak_s: float, cycles_s: Sequence[float]) -> _Fit | Refusal:
    """The kernel around `peak_s`, and whether it explains what arrives."""
    streams = streams.merged(int(FINE * peak_s / streams.bin_s))
    bin_s = streams.bin_s
    lags = np.arange(int(AROUND[0] * peak_s / bin_s), math.ceil(AROUND[1] * peak_s / bin_s) + 1)
    rows = streams.rows(int(lags[-1]))
    if len(rows) * bin_s < KNOWN_S_MIN:
        return _unwatched(len(rows) * bin_s)
    left = streams.left[rows[:, np.newaxis] - lags]
    link = _regression(streams, left, rows, ())
    shape_s, spread = _deconvolved(link, lags, bin_s, peak_s)
    kernel = _Kernel(link, lags, bin_s, shape_s, spread)

    unexplained = link.arrived - kernel.expected
    bunches = np.unique((rows * bin_s) // BUNCHED_S, return_inverse=True)[1]
    sums = np.bincount(bunches, unexplained)
    bunched = float(sums @ sums) / float(kernel.expected.sum())
    if bunched > BUNCHED_MAX:
        return Refusal(
            Why.SIGNAL,
            "Vehicles arrive in bunches that those who left do not explain: there seems to be a "
            "signal or a queue between the lines, or most of them join on the way.",
        )
    if cycles_s and (locked := _locked(streams, left, rows, lags, kernel, cycles_s)):
        return locked
    fit = kernel.told()
    apart = abs(math.log(shape_s / fit.median_s))
    if apart > SHAPE_SHARE_MAX + 4.0 * fit.error:
        return Refusal(
            Why.SHAPE,
            f"Travel times are not those of one stream: half of them are below {shape_s:.0f} s by "
            f"their own shape, and below {fit.median_s:.0f} s by a usual one.",
        )
    return fit


def _locked(
    streams: _Streams,
    left: Floats,
    rows: Whole,
    lags: Whole,
    kernel: "_Kernel",
    cycles_s: Sequence[float],
) -> Refusal | None:
    """Whether the cycle in what arrives is other than what left would bring with it.

    The kernel is fitted once more to what is left without the cycle. What it carries must be the
    cycle that arrives: a signal between the lines has a cycle of its own.
    """
    bin_s = streams.bin_s
    for cycle_s in cycles_s:
        turns = round(kernel.median_s / cycle_s)
        if turns and abs(kernel.median_s - turns * cycle_s) < LOCKED_SHARE * cycle_s:
            return Refusal(
                Why.CYCLE,
                f"A travel time of {kernel.median_s:.0f} s is what the cycle of {cycle_s:.0f} s "
                "would show without anybody travelling.",
            )
    free = _regression(streams, left, rows, cycles_s)
    alone = _Kernel(free, lags, bin_s, kernel.median_s, kernel.spread)
    waves = _waves(rows, bin_s, cycles_s)
    arrived = _power(waves, free.arrived)
    unexplained = _power(waves, free.arrived - alone.through)
    by_chance = waves.shape[1] * float(free.arrived.mean())
    if unexplained > max(CYCLIC_SHARE_MAX * arrived, CYCLIC_POWER_MIN * by_chance):
        return Refusal(
            Why.SIGNAL,
            f"Vehicles arrive by a cycle of {cycles_s[-1]:.0f} s that those who left do not "
            "explain: there seems to be a signal between the lines.",
        )
    return None


def _regression(
    streams: _Streams, columns: Floats, rows: Whole, cycles_s: Sequence[float]
) -> _Regression:
    """What arrived in `rows`, with slow changes and the cycles taken out."""
    bin_s = streams.bin_s
    count = max(2, round(streams.window_s / TREND_S) + 1)
    at = rows * (count - 1) / max(1, streams.count - 1)
    trend = np.maximum(0.0, 1.0 - np.abs(at[:, np.newaxis] - np.arange(count)))
    nuisance = np.column_stack([trend, _waves(rows, bin_s, cycles_s)])
    block = np.unique((rows * bin_s) // BLOCK_S, return_inverse=True)[1]
    return _Regression(columns, streams.arrived[rows], nuisance, block)


def _kernel(lags: Whole, bin_s: float, median_s: float, spread: float) -> Floats:
    """(lags,) the share of vehicles that arrives each number of bins later."""
    edges_s = (np.append(lags, lags[-1] + 1) - 0.5) * bin_s
    shares: Floats = np.diff(ndtr(np.log(np.maximum(edges_s, 1e-6) / median_s) / spread))
    return shares


def _usual(time_s: float, bin_s: float) -> float:
    """The spread by which a peak is sought: that of vehicles, and that of the bins."""
    return math.hypot(SPREAD, 0.6 * bin_s / time_s)


def _deconvolved(
    link: _Regression, lags: Whole, bin_s: float, peak_s: float
) -> tuple[float, float]:
    """The median of the kernel around the peak, and its spread, by non-negative deconvolution."""
    middles_s = [max(float(lags[0]) * bin_s, bin_s)]
    while middles_s[-1] < lags[-1] * bin_s:
        middles_s.append(middles_s[-1] + max(bin_s, BUMP * middles_s[-1]))
    times_s = lags * bin_s
    bumps = np.column_stack(
        [np.exp(-0.5 * ((times_s - mid) / max(bin_s, BUMP * mid)) ** 2) for mid in middles_s]
    )
    bumps /= bumps.sum(axis=0)
    gram = bumps.T @ link.gram @ bumps
    gram += 1e-4 * np.trace(gram) / len(gram) * np.eye(len(gram))
    root = np.linalg.cholesky(gram)
    heights, _ = nnls(root.T, np.linalg.solve(root, bumps.T @ link.met))
    kernel = bumps @ heights * (np.abs(np.log(np.maximum(times_s, 1e-6) / peak_s)) <= 0.35)
    if kernel.sum() <= 0.0:
        return peak_s, SPREAD
    grown = np.cumsum(kernel) / kernel.sum()
    at = [float(np.interp(share, grown, times_s + bin_s / 2)) for share in (0.16, 0.5, 0.84)]
    spread = math.log(max(at[2], 1e-6) / max(at[0], 1e-6)) / 2
    return at[1], min(max(spread, 1.5 * SPREADS[0]), 0.6 * SPREADS[1])


class _Kernel:
    """A log-normal kernel fitted to a regression on lags, and what it makes expected."""

    def __init__(
        self, link: _Regression, lags: Whole, bin_s: float, median_s: float, spread: float
    ) -> None:
        self._link, self._lags, self._bin_s = link, lags, bin_s
        self.median_s, self.spread = median_s, spread
        floor = 0.1 * float(link.arrived.mean())
        for _ in range(2):
            self._descend()
            link.weigh(1.0 / np.maximum(self.expected, floor))
        self._descend()

    def _at(self, median_s: float, spread: float) -> Floats:
        return _kernel(self._lags, self._bin_s, median_s, spread)

    def _descend(self) -> None:
        link = self._link

        def loss(logs: Floats) -> float:
            median_s, spread = np.exp(logs)
            if not SPREADS[0] <= spread <= SPREADS[1]:
                return math.inf
            kernel = self._at(median_s, spread)
            met = max(0.0, float(kernel @ link.met))
            return -(met**2) / max(float(kernel @ link.gram @ kernel), 1e-12)

        begin = np.log([self.median_s, self.spread])
        corners = begin + np.array([[0.0, 0.0], [0.05, 0.0], [0.0, -0.3]])
        found = minimize(
            loss,
            begin,
            method="Nelder-Mead",
            options={"initial_simplex": corners, "xatol": 1e-5, "fatol": 1e-6, "maxiter": 300},
        )
        self.median_s, self.spread = (float(value) for value in np.exp(found.x))
        kernel = self._at(self.median_s, self.spread)
        self.share = float(kernel @ link.met) / max(float(kernel @ link.gram @ kernel), 1e-12)
        self.through: Floats = self.share * (link.raw @ kernel)
        self.expected = link.expected(self.through)

    def told(self) -> _Fit:
        """The fit with its errors."""
        link, step = self._link, 1e-3
        median_s, spread = self.median_s, self.spread
        up, down = math.exp(step), math.exp(-step)
        slopes = [
            self.share * (self._at(median_s * up, spread) - self._at(median_s * down, spread)),
            self.share * (self._at(median_s, spread * up) - self._at(median_s, spread * down)),
            2.0 * step * self._at(median_s, spread),
        ]
        jacobian = link.without_rest(link.raw @ np.column_stack(slopes)) / (2.0 * step)
        weighted = jacobian * link.weights[:, np.newaxis]
        bread = np.linalg.pinv(jacobian.T @ weighted)
        meat = link.meat(weighted * (link.arrived - self.expected)[:, np.newaxis])
        errors = bread @ meat @ bread
        to_mean = np.array([1.0, spread**2, 0.0])  # of log mean = log median + spread² / 2
        return _Fit(
            median_s,
            spread,
            self.share,
            math.sqrt(float(errors[0, 0])),
            math.sqrt(float(to_mean @ errors @ to_mean)),
            math.sqrt(float(errors[2, 2])),
            _reach(int(link.block[-1])),
            int(link.arrived.sum()),
        )


def _waves(rows: Whole, bin_s: float, cycles_s: Sequence[float]) -> Floats:
    """(R, W) the harmonics of each cycle that bins can show."""
    waves = [
        wave(2.0 * np.pi * number / cycle_s * rows * bin_s)
        for cycle_s in cycles_s
        for number in range(1, HARMONICS + 1)
        if cycle_s / number >= max(3.0 * bin_s, 5.0)
        for wave in (np.cos, np.sin)
    ]
    return np.column_stack(waves) if waves else np.zeros((len(rows), 0))


def _power(waves: Floats, values: Floats) -> float:
    """The squares of what `waves` explain of `values`."""
    waves = waves - waves.mean(axis=0)
    off = values - values.mean()
    explained = waves @ np.linalg.lstsq(waves, off, rcond=None)[0]
    return float(explained @ explained)


def _cycles_s(streams: _Streams) -> list[float]:
    """The cycles that what left and what arrived follow; one where they are the same."""
    found: list[float] = []
    for counts, known in (
        (streams.left, streams.left_known),
        (streams.arrived, streams.arrived_known),
    ):
        cycle_s = _cycle_s(counts, known, streams.bin_s)
        if cycle_s is not None and all(
            abs(1.0 / cycle_s - 1.0 / other_s) * streams.window_s > 1.0 for other_s in found
        ):
            found.append(cycle_s)
    return found


def _cycle_s(counts: Floats, known: Flags, bin_s: float) -> float | None:
    """The cycle of a narrow line in the spectrum of `counts`; None where there is none."""
    rows = np.flatnonzero(known)
    window_s = len(counts) * bin_s
    trend = np.vander(rows / len(counts) - 0.5, 4)
    off = np.zeros(len(counts))
    off[rows] = counts[rows] - trend @ np.linalg.lstsq(trend, counts[rows], rcond=None)[0]
    fine = 8  # points of the spectrum by one over the window
    power = np.abs(np.fft.rfft(off, fine * len(counts))) ** 2
    # What is beside a line: for independent counts the mean is the median by ln 2.
    block = 30 * fine
    blocks = power[: len(power) // block * block].reshape(-1, block)
    if len(blocks) < 2:
        return None
    middles = block * (np.arange(len(blocks)) + 0.5)
    beside = np.interp(np.arange(len(power)), middles, np.median(blocks, axis=1)) / math.log(2.0)
    height = power / np.maximum(beside, 1e-12)
    low = math.ceil(fine * window_s / CYCLES_S[1])
    high = int(fine * window_s / max(CYCLES_S[0], 2.2 * bin_s))
    if high - low < 10:
        return None
    top = low + int(height[low:high].argmax())
    if height[top] < CYCLE_POWER_MIN:
        return None
    base = float(top)
    for number in (2, 3, 4):  # a line at a part of it is the cycle, of which it is a harmonic
        near = round(top / number)
        if near >= low and height[max(low, near - 3) : near + 4].max() >= CYCLE_POWER_MIN:
            base = top / number
    per_s = base / (fine * window_s) + np.linspace(-0.7, 0.7, 29) / window_s
    turn = np.exp(-2j * np.pi * np.outer(per_s, rows * bin_s))
    turned, strength = turn, np.zeros(len(per_s))
    for _ in range(HARMONICS):
        strength += np.abs(turned @ off[rows]) ** 2
        turned = turned * turn
    return float(1.0 / per_s[int(strength.argmax())])
