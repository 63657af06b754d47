"""Journeys: travel times between places by counts alone, beside their truth.

How this works. Hundreds of drawn links (see links.py), of which every vehicle's travel time is
known, are measured by what two lines told of them; so are links that must be refused. The same on
SUMO's arterial: a link without a signal between two views, the way over the signal as if it were a
link, which must be refused, and the route of both, with the signal seen inside one view. The
constants of measure/journey.py were chosen on other seeds.
"""

import math
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from placewatch.bench import Extent, Figure
from placewatch.bench.links import (
    AMBIGUOUS,
    JOINED,
    LEFT_PER_H,
    MISSED,
    START,
    TURNED_OFF,
    Arrivals,
    Drawn,
    drawn_link,
)
from placewatch.core.errors import PlacewatchError
from placewatch.measure.journey import (
    CrossingSeries,
    LinkTime,
    Refusal,
    RouteTime,
    compose,
    link_time,
    plausible_s,
    view_time,
)
from placewatch.simulate.streets import street_named
from placewatch.simulate.sumo import SumoRun

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Job = TypeVar("Job")
Result = TypeVar("Result")

LENGTHS_M = (200.0, 350.0, 500.0, 750.0, 1000.0, 1500.0)
SEEDS_MANY = 20  # drawn seeds for each of the extent's
STREETS_MANY = 2  # runs of the arterial for each of the extent's seeds
OFF_SHARE_MAX, OFF_S_MAX = 0.02, 1.0  # an answer is right within the larger of both
ROUTE_OFF_MAX = 0.05
COVERED, COVERED_OFF_MAX = 95.0, 2.0  # % of intervals that hold the truth
RIGHT_MIN, REFUSED_MIN = 95.0, 95.0  # %

# Along SUMO's arterial, eastwards: after the first signal, before the queue of the second, and
# behind it, in m from its middle; and the lanes that lead there.
PLACES_M = {"first": -180.0, "before": 110.0, "behind": 225.0}
_LANES_M = (-7.0, 0.5)
_STREET, _STEP_S, _NEAR_M = "arterial", 0.5, 15.0
_VIEW_WINDOW_S = 180.0


@dataclass(frozen=True, slots=True)
class Tried:
    """One link that was measured: what it said, and what is true of it. Times are NaN where there
    are none; `why` is empty where it was answered."""

    case: str
    why: str
    median_s: float = math.nan
    half_s: float = math.nan
    true_s: float = math.nan

    @property
    def answered(self) -> bool:
        return not self.why

    @property
    def off(self) -> float:
        """How far off it is, by what is allowed."""
        return abs(self.median_s - self.true_s) / max(OFF_S_MAX, OFF_SHARE_MAX * self.true_s)

    @property
    def covered(self) -> bool:
        return abs(self.median_s - self.true_s) <= self.half_s


@dataclass(frozen=True, slots=True)
class StreetTried:
    """One run of the arterial: the link, the way over the signal as a link, and the route."""

    link: Tried
    over_signal: Tried
    route_s: float  # NaN where refused
    route_half_s: float
    route_true_s: float


def measure_journeys(extent: Extent) -> list[Figure]:
    """Travel times and refusals on drawn links, and on SUMO's arterial."""
    seeds = SEEDS_MANY * extent.seeds
    good = [tried for many in _spread(try_links, range(1, seeds + 1), extent) for tried in many]
    bad = [tried for many in _spread(try_ambiguous, range(1, seeds + 1), extent) for tried in many]
    figures = [*_drawn(good, seeds), _refused(bad, seeds)]
    street = partial(try_street, hours=extent.hours)
    try:
        runs = list(_spread(street, range(1, STREETS_MANY * extent.seeds + 1), extent))
    except PlacewatchError as error:
        return figures + [
            Figure(name, None, None, None, unit, must, "", False, str(error))
            for name, (unit, must) in _BOUNDS.items()
            if ".street" in name
        ]
    return figures + _by_sumo(runs, extent)


_BOUNDS = {
    "accuracy.journeys.link": ("%", f">= {RIGHT_MIN:g}"),
    "accuracy.journeys.answered": ("%", ""),
    "accuracy.journeys.interval": ("points from 95 %", f"<= {COVERED_OFF_MAX:g}"),
    "accuracy.journeys.refused": ("%", f">= {REFUSED_MIN:g}"),
    "accuracy.journeys.street": ("%", f">= {RIGHT_MIN:g}"),
    "accuracy.journeys.street.refused": ("%", f">= {REFUSED_MIN:g}"),
    "accuracy.journeys.street.route": ("% off", f"<= {100 * ROUTE_OFF_MAX:g}"),
}
"""Figure, its unit, what is demanded."""


def _spread(work: Callable[[Job], Result], jobs: Sequence[Job], extent: Extent) -> Iterator[Result]:
    """The results of all jobs in order, on all cores; in this process where there is one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    if min(cores, len(jobs) // 4) < 2:
        yield from map(work, jobs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, mp_context=context) as pool:
        for number, result in enumerate(pool.map(work, jobs)):
            extent.told(f"{number + 1} of {len(jobs)}")
            yield result


def try_links(seed: int) -> list[Tried]:
    """Links without a signal of all lengths, after a fixed signal where `seed` is even, after an
    actuated one where it is odd."""
    arrivals: Arrivals = "actuated" if seed % 2 else "fixed"
    return [
        _tried(f"{arrivals}, {length_m:g} m", drawn_link(seed, length_m, arrivals), length_m)
        for length_m in LENGTHS_M
    ]


def try_ambiguous(seed: int) -> list[Tried]:
    """One link of each kind that must be refused, of one of the lengths."""
    length_m = LENGTHS_M[seed % len(LENGTHS_M)]
    return [_tried(case, draw(seed, length_m), length_m) for case, draw in AMBIGUOUS.items()]


def _tried(case: str, drawn: Drawn, length_m: float) -> Tried:
    found = link_time(drawn.left, drawn.arrived, plausible_s(length_m))
    true_s = float(np.median(drawn.times_s)) if len(drawn.times_s) else math.nan
    return _said(case, found, true_s)


def _said(case: str, found: LinkTime | Refusal, true_s: float) -> Tried:
    if isinstance(found, Refusal):
        return Tried(case, str(found.why), true_s=true_s)
    half_s = (found.median_high_s - found.median_low_s) / 2
    return Tried(case, "", found.median_s, half_s, true_s)


def try_street(seed: int, hours: float) -> StreetTried:
    """One run of SUMO's arterial. Raises Misconfigured where there is no SUMO."""
    duration_s = hours * 3600.0
    passed = _passages(seed, duration_s)
    rng = np.random.default_rng(seed)
    series = {}
    for place, (at_s, _) in passed.items():
        seen_s = at_s[rng.random(len(at_s)) >= MISSED]
        counts = np.bincount(seen_s.astype(np.int64), minlength=int(duration_s))[: int(duration_s)]
        series[place] = CrossingSeries(
            place, START, 1.0, tuple(counts.tolist()), (1.0,) * int(duration_s)
        )
    link = _link(series, "first", "before")
    over = _link(series, "first", "behind")
    end_s, delays_s = _between(passed, "before", "behind")
    seen = rng.random(len(delays_s)) >= MISSED
    window = (end_s[seen] // _VIEW_WINDOW_S).astype(np.int64)
    view = view_time(
        "the view of the second signal",
        zip(
            np.bincount(window).tolist(), np.bincount(window, delays_s[seen]).tolist(), strict=True
        ),
    )
    route = compose([link, view])
    told = (route.mean_s, route.high_s - route.mean_s) if isinstance(route, RouteTime) else None
    return StreetTried(
        _said("link", link, float(np.median(_between(passed, "first", "before")[1]))),
        _said("over", over, float(np.median(_between(passed, "first", "behind")[1]))),
        *(told or (math.nan, math.nan)),
        float(np.mean(_between(passed, "first", "behind")[1])),
    )


def _link(series: dict[str, CrossingSeries], begin: str, end: str) -> LinkTime | Refusal:
    return link_time(series[begin], series[end], plausible_s(PLACES_M[end] - PLACES_M[begin]))


def _passages(seed: int, duration_s: float) -> dict[str, tuple[Floats, Whole]]:
    """When who passed each of the places, eastwards, by SUMO's own positions."""
    kept = []
    with SumoRun(street_named(_STREET), duration_s, seed, step_s=_STEP_S) as run:
        for piece in run:
            near = np.zeros(len(piece), np.bool_)
            for at_m in PLACES_M.values():
                near |= np.abs(piece.x_m - at_m) <= _NEAR_M
            near &= (piece.y_m > _LANES_M[0]) & (piece.y_m < _LANES_M[1])
            kept.append(
                np.column_stack([piece.who[near], piece.at_s[near], piece.x_m[near]]).reshape(-1, 3)
            )
    steps = np.concatenate(kept)
    steps = steps[np.lexsort((steps[:, 1], steps[:, 0]))]
    one, next_one = steps[:-1], steps[1:]
    follows = (one[:, 0] == next_one[:, 0]) & (next_one[:, 1] - one[:, 1] < 1.5 * _STEP_S)
    passed = {}
    for place, at_m in PLACES_M.items():
        over = follows & (one[:, 2] < at_m) & (next_one[:, 2] >= at_m)
        before, after = one[over], next_one[over]
        share = (at_m - before[:, 2]) / (after[:, 2] - before[:, 2])
        at_s = before[:, 1] + share * (after[:, 1] - before[:, 1])
        passed[place] = at_s, before[:, 0].astype(np.int64)
    return passed


def _between(
    passed: dict[str, tuple[Floats, Whole]], begin: str, end: str
) -> tuple[Floats, Floats]:
    """When those who passed both arrived, and how long they took."""
    (left_s, left), (came_s, came) = passed[begin], passed[end]
    _, ours, theirs = np.intersect1d(left, came, return_indices=True)
    return came_s[theirs], came_s[theirs] - left_s[ours]


def _drawn(tried: Sequence[Tried], seeds: int) -> list[Figure]:
    answered = [one for one in tried if one.answered]
    offs = [one.off for one in answered]
    right = _percent([off <= 1.0 for off in offs])
    covered = _percent([one.covered for one in answered])
    error_s = np.mean([abs(one.median_s - one.true_s) for one in answered]) if answered else 0.0
    how = (
        f"drawn links, {seeds} seeds, {min(LENGTHS_M):g} to {max(LENGTHS_M):g} m, an hour of "
        f"about {LEFT_PER_H:g} vehicles each in the bunches of a signal, {100 * MISSED:g} % missed "
        f"at both lines, {100 * TURNED_OFF:g} % turn off and {100 * JOINED:g} % join on the way"
    )
    cases = Counter(one.case for one in tried)
    by_case = ", ".join(
        f"{case} {sum(one.answered and one.case == case for one in tried)} of {count}"
        for case, count in cases.items()
    )
    return [
        _figure(
            "accuracy.journeys.link",
            right,
            right >= RIGHT_MIN,
            f"of {len(answered)} that were answered, medians within {100 * OFF_SHARE_MAX:g} % or "
            f"{OFF_S_MAX:g} s of the true one; off by {error_s:.2f} s on average, the worst by "
            f"{max(offs, default=0.0):.2f} times what is allowed; {how}",
        ),
        _figure(
            "accuracy.journeys.answered",
            _percent([one.answered for one in tried]),
            True,
            f"of {len(tried)} such links; {by_case}; the others were refused: "
            f"{_counted(one.why for one in tried if not one.answered)}",
        ),
        _figure(
            "accuracy.journeys.interval",
            abs(covered - COVERED),
            abs(covered - COVERED) <= COVERED_OFF_MAX,
            f"{covered:.1f} % of {len(answered)} intervals hold the true median; the same links",
        ),
    ]


def _refused(tried: Sequence[Tried], seeds: int) -> Figure:
    shares = {
        case: _percent([not one.answered for one in tried if one.case == case])
        for case in dict.fromkeys(one.case for one in tried)
    }
    least = min(shares.values(), default=0.0)
    everything = _percent([not one.answered for one in tried])
    return _figure(
        "accuracy.journeys.refused",
        least,
        least >= REFUSED_MIN,
        f"the least of {len(shares)} kinds of ambiguous links, {everything:.1f} % of all "
        f"{len(tried)}; {', '.join(f'{case} {share:.0f} %' for case, share in shares.items())}; "
        f"drawn, {seeds} seeds",
        (least, max(shares.values(), default=0.0)),
    )


def _by_sumo(runs: Sequence[StreetTried], extent: Extent) -> list[Figure]:
    links = [run.link for run in runs if run.link.answered]
    right = _percent([one.off <= 1.0 for one in links])
    error_s = np.mean([abs(one.median_s - one.true_s) for one in links]) if links else 0.0
    over = [run.over_signal for run in runs]
    refused = _percent([not one.answered for one in over])
    routes = [run for run in runs if not math.isnan(run.route_s)]
    offs = [abs(run.route_s / run.route_true_s - 1.0) for run in routes]
    how = (
        f"SUMO's arterial, {len(runs)} seeds, {extent.hours:g} h each, {100 * MISSED:g} % missed "
        "at the lines at random, a side street between"
    )
    length_m = PLACES_M["before"] - PLACES_M["first"]
    return [
        _figure(
            "accuracy.journeys.street",
            right,
            bool(links) and right >= RIGHT_MIN,
            f"of {len(links)} of {len(runs)} that were answered, over {length_m:g} m after a fixed "
            f"signal, medians within {100 * OFF_SHARE_MAX:g} % or {OFF_S_MAX:g} s; off by "
            f"{error_s:.2f} s on average; "
            f"{sum(one.covered for one in links)} intervals hold the true one; {how}",
        ),
        _figure(
            "accuracy.journeys.street.refused",
            refused,
            refused >= REFUSED_MIN,
            "the way over the second signal, of the same cycle, as if it were a link: "
            f"{_counted(one.why or 'answered' for one in over)}; {how}",
        ),
        _figure(
            "accuracy.journeys.street.route",
            100 * max(offs, default=0.0),
            bool(offs) and max(offs) <= ROUTE_OFF_MAX,
            f"the worst of {len(offs)} means of link and view, {100 * np.mean(offs or [0.0]):.1f} "
            "% on average, beside the true mean of those who went all the way; "
            f"{sum(abs(r.route_s - r.route_true_s) <= r.route_half_s for r in routes)} intervals "
            f"hold it; {how}",
            (100 * min(offs, default=0.0), 100 * max(offs, default=0.0)),
        ),
    ]


def _percent(flags: Sequence[bool]) -> float:
    return 100.0 * sum(flags) / max(1, len(flags))


def _counted(words: Iterator[str]) -> str:
    return ", ".join(f"{word} {count}" for word, count in Counter(words).most_common()) or "none"


def _figure(
    name: str,
    value: float,
    passed: bool,
    how: str,
    between: tuple[float, float] | None = None,
) -> Figure:
    unit, must = _BOUNDS[name]
    low, high = between or (None, None)
    return Figure(name, value, low, high, unit, must, "", passed, how)
