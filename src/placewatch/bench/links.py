"""Links: drawn links between two lines, without a street: who left when, and who arrived when.

How this works. Vehicles leave in the bunches of a signal, fixed or actuated, or at random, and
travel at speeds of their own, some slower; some are held up in their lane by who is before them.
A share turns off, others join at random, and each line misses some. It takes milliseconds, so that
a method can be tried on hundreds of links; it knows no acceleration and no queue that grows, which
SUMO does. Ambiguous links are those of which no honest method can tell a travel time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from placewatch.core.time import UtcMicros
from placewatch.measure.journey import CrossingSeries

Floats = npt.NDArray[np.float64]
Arrivals = Literal["actuated", "fixed", "random"]

START = UtcMicros(1_767_225_600_000_000)
HOUR_S = 3600.0
PER_H = 800.0  # come; who comes while a queue leaves is left out, so that
LEFT_PER_H = 690.0  # leave in the bunches of a signal, and all of them at random
MISSED, TURNED_OFF, JOINED = 0.08, 0.2, 0.2
SPEEDS_M_S = (9.0, 16.0)
SPREADS = (0.07, 0.13)  # of free speeds, as a share
SLOW, SLOWER = 0.06, 0.8  # a share of vehicles, and by how much they are slower
HELD = 0.5  # of vehicles stay behind who is before them in their lane
LANES = 2
BEHIND_S = 1.0
CYCLES_S, GREENS = (60.0, 110.0), (0.35, 0.55)
DISCHARGE_S = 1.1  # between vehicles that leave a queue on two lanes
WANDER = 0.3  # an actuated signal's cycles are longer or shorter by up to this share


@dataclass(frozen=True, slots=True)
class Drawn:
    """What both lines told of one link, and `times_s`, how long who went through really took."""

    left: CrossingSeries
    arrived: CrossingSeries
    times_s: Floats


def drawn_link(
    seed: int,
    length_m: float,
    arrivals: Arrivals,
    *,
    hours: float = 1.0,
    per_h: float = PER_H,
) -> Drawn:
    """A link without a signal, whose travel time can be told where its bunches suffice."""
    rng = np.random.default_rng(seed)
    speed_m_s, spread = rng.uniform(*SPEEDS_M_S), rng.uniform(*SPREADS)
    warm_s = 3.0 * length_m / speed_m_s
    until_s = warm_s + hours * HOUR_S
    left_s = _leaving(rng, until_s, per_h, arrivals)
    arrived_s = _held(rng, left_s, left_s + _times_s(rng, len(left_s), length_m, speed_m_s, spread))
    return _told(rng, left_s, arrived_s, warm_s, until_s)


def _leaving(
    rng: np.random.Generator,
    until_s: float,
    per_h: float,
    arrivals: Arrivals,
    cycle_s: float | None = None,
) -> Floats:
    """(N,) when vehicles pass the first line: those who queued at red, then those who come."""
    if arrivals == "random":
        return np.sort(rng.uniform(0.0, until_s, rng.poisson(per_h / 3600.0 * until_s)))
    cycle_s = cycle_s or rng.uniform(*CYCLES_S)
    green = rng.uniform(*GREENS)
    moments: list[float] = []
    begin_s = -rng.uniform(0.0, cycle_s)
    while begin_s < until_s:
        wander = WANDER if arrivals == "actuated" else 0.0
        long_s = cycle_s * rng.uniform(1.0 - wander, 1.0 + wander)
        green_s = long_s * green * rng.uniform(1.0 - wander / 2, 1.0 + wander / 2)
        at_s = begin_s
        for _ in range(rng.poisson(per_h / 3600.0 * (long_s - green_s))):
            at_s += max(0.6, rng.normal(DISCHARGE_S, 0.25))
            moments.append(at_s)
        while (at_s := at_s + rng.exponential(3600.0 / per_h)) <= begin_s + green_s:
            moments.append(at_s)
        begin_s += long_s
    left_s = np.sort(np.array(moments))
    return left_s[(left_s >= 0.0) & (left_s < until_s)]


def _times_s(
    rng: np.random.Generator, count: int, length_m: float, speed_m_s: float, spread: float
) -> Floats:
    speeds = speed_m_s * np.exp(rng.normal(0.0, spread, count))
    times_s: Floats = length_m / np.where(rng.random(count) < SLOW, SLOWER * speeds, speeds)
    return times_s


def _held(rng: np.random.Generator, left_s: Floats, arrived_s: Floats) -> Floats:
    """When they arrive, where some may not pass who is before them in their lane."""
    lanes, held = rng.integers(0, LANES, len(left_s)), rng.random(len(left_s)) < HELD
    last_s = [-np.inf] * LANES
    kept = arrived_s.copy()
    for number in np.argsort(left_s):
        if held[number]:
            lane = int(lanes[number])
            kept[number] = max(kept[number], last_s[lane] + BEHIND_S)
            last_s[lane] = kept[number]
    return kept


def _told(
    rng: np.random.Generator,
    left_s: Floats,
    arrived_s: Floats,
    warm_s: float,
    until_s: float,
    joined_s: Floats | None = None,
) -> Drawn:
    """What lines that miss some tell of who left, and of who went through or joined."""
    through = rng.random(len(left_s)) >= TURNED_OFF
    if joined_s is None:
        joined = rng.poisson(JOINED * len(left_s))
        joined_s = rng.uniform(0.0, until_s, joined)
    came_s = np.concatenate([arrived_s[through], joined_s])
    inside = through & (arrived_s >= warm_s) & (arrived_s < until_s)
    return Drawn(
        _series(rng, "left", left_s, warm_s, until_s),
        _series(rng, "arrived", came_s, warm_s, until_s),
        (arrived_s - left_s)[inside],
    )


def _series(
    rng: np.random.Generator, line: str, at_s: Floats, since_s: float, until_s: float
) -> CrossingSeries:
    seen_s = at_s[rng.random(len(at_s)) >= MISSED] - since_s
    bins = int(until_s - since_s)
    counts = np.bincount(seen_s[(seen_s >= 0.0) & (seen_s < bins)].astype(np.int64), minlength=bins)
    return CrossingSeries(line, START, 1.0, tuple(counts.tolist()), (1.0,) * bins)


def _over_a_signal(seed: int, length_m: float, arrivals: Arrivals, fixed: bool) -> Drawn:
    """A signal at seven tenths of the way; where who left came by a fixed one, of the same cycle.
    Those who join come before it."""
    rng = np.random.default_rng(seed)
    speed_m_s, spread = rng.uniform(*SPEEDS_M_S), rng.uniform(*SPREADS)
    cycle_s, green = rng.uniform(*CYCLES_S), rng.uniform(0.4, 0.55)
    warm_s = 600.0
    until_s = warm_s + HOUR_S
    left_s = _leaving(rng, until_s, PER_H, arrivals, cycle_s)
    goes = rng.random(len(left_s)) >= TURNED_OFF
    joined_s = rng.uniform(0.0, until_s, rng.poisson(JOINED * len(left_s)))
    count = len(left_s) + len(joined_s)
    times_s = _times_s(rng, count, length_m, speed_m_s, spread)
    before_s = np.concatenate([left_s + 0.7 * times_s[: len(left_s)], joined_s])
    wander = 0.0 if fixed else WANDER
    longs_s = cycle_s * rng.uniform(1.0 - wander, 1.0 + wander, int(3.0 * until_s / cycle_s))
    greens_s = np.cumsum(longs_s) - rng.uniform(1.0, 2.0) * cycle_s
    open_s = green * longs_s
    over_s, last_s = before_s.copy(), -np.inf
    for number in np.argsort(before_s):
        if number < len(left_s) and not goes[number]:
            continue
        at_s = max(before_s[number], last_s + 0.95)
        turn = int(np.searchsorted(greens_s, at_s, "right")) - 1
        if turn < 0 or at_s > greens_s[turn] + open_s[turn]:
            at_s = max(greens_s[turn + 1] + rng.uniform(0.5, 2.0), last_s + 0.95)
        over_s[number] = last_s = at_s
    ends_s = over_s + 0.3 * times_s
    mine, others = ends_s[: len(left_s)], ends_s[len(left_s) :]
    inside = goes & (mine >= warm_s) & (mine < until_s)
    return Drawn(
        _series(rng, "left", left_s, warm_s, until_s),
        _series(rng, "arrived", np.concatenate([mine[goes], others]), warm_s, until_s),
        (mine - left_s)[inside],
    )


def _periodic(seed: int, length_m: float) -> Drawn:
    """In every period the same bunch, to within a third of a second: any multiple of the period may
    be added to the travel time."""
    rng = np.random.default_rng(seed)
    period_s, bunch = rng.uniform(20.0, 60.0), int(rng.integers(2, 8))
    speed_m_s, spread = rng.uniform(*SPEEDS_M_S), rng.uniform(*SPREADS)
    warm_s = 600.0
    until_s = warm_s + HOUR_S
    begins_s = np.arange(0.0, until_s, period_s)
    within_s = rng.uniform(0.0, min(0.6 * period_s, 2.5 * bunch), bunch)
    left_s = (begins_s[:, np.newaxis] + within_s).ravel()
    left_s = np.sort(left_s + rng.normal(0.0, 0.3, len(left_s)))
    times_s = _times_s(rng, len(left_s), length_m, speed_m_s, spread)
    return _told(rng, left_s, left_s + times_s, warm_s, until_s)


def _too_few(seed: int, length_m: float) -> Drawn:
    """Ten to seventy vehicles in an hour."""
    arrivals: tuple[Arrivals, ...] = ("actuated", "fixed", "random")
    per_h = float(np.random.default_rng(seed).uniform(10.0, 70.0))
    return drawn_link(seed, length_m, arrivals[seed % 3], per_h=per_h)


def _nobody_through(seed: int, length_m: float, arrivals: Arrivals) -> Drawn:
    """Two lines that have nothing to do with each other; fixed signals have the same cycle."""
    rng = np.random.default_rng(seed)
    cycle_s = rng.uniform(*CYCLES_S)
    one, other = (_leaving(rng, HOUR_S, PER_H, arrivals, cycle_s) for _ in range(2))
    return Drawn(
        _series(rng, "left", one, 0.0, HOUR_S),
        _series(rng, "arrived", other, 0.0, HOUR_S),
        np.zeros(0),
    )


AMBIGUOUS: Mapping[str, Callable[[int, float], Drawn]] = {
    "a fixed signal between": lambda seed, length: _over_a_signal(seed, length, "random", True),
    "two fixed signals of one cycle": lambda seed, length: _over_a_signal(
        seed, length, "fixed", True
    ),
    "an actuated signal between": lambda seed, length: _over_a_signal(
        seed, length, "random", False
    ),
    "periodic arrivals": _periodic,
    "too few vehicles": _too_few,
    "nobody through, at random": lambda seed, length: _nobody_through(seed, length, "random"),
    "nobody through, in bunches": lambda seed, length: _nobody_through(seed, length, "actuated"),
    "nobody through, one cycle": lambda seed, length: _nobody_through(seed, length, "fixed"),
}
"""Links that must be refused, by what makes them ambiguous: from a seed and a length in m."""
