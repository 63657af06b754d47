"""Words: how kinds, directions, times, numbers and their certainty are said to people."""

import math
from collections.abc import Callable, Iterable, Sequence

from placewatch.core.facts import Crossing
from placewatch.core.kinds import MOTOR_VEHICLES, Direction, Kind

KM_H = 3.6
"""km/h in one m/s. SI inside; people's units only on pages."""

RATE_COVERAGE_S = 60.0
"""Below this much seen time no hourly rate is told: it would be mostly chance."""

KIND_WORDS = {
    Kind.PEDESTRIAN: "on foot",
    Kind.BICYCLE: "bicycle",
    Kind.MOTORCYCLE: "motorcycle",
    Kind.CAR: "car",
    Kind.VAN: "van",
    Kind.BUS: "bus",
    Kind.TRUCK: "truck",
    Kind.UNKNOWN: "kind not known",
}

GROUPS: dict[str, frozenset[Kind]] = {
    "on foot": frozenset({Kind.PEDESTRIAN}),
    "bicycle": frozenset({Kind.BICYCLE}),
    "car": frozenset({Kind.MOTORCYCLE, Kind.CAR, Kind.VAN}),
    "heavy": frozenset({Kind.BUS, Kind.TRUCK}),
    "not known": frozenset({Kind.UNKNOWN}),
}
"""The kinds that share a colour in drawings; every kind is in one of them."""

GROUP_WORDS = {
    "on foot": "on foot",
    "bicycle": "bicycle",
    "car": "car, van, motorcycle",
    "heavy": "bus, truck",
    "not known": "kind not known",
}

_COMPASS = (
    ("→", "right"),
    ("↘", "down right"),
    ("↓", "down"),
    ("↙", "down left"),
    ("←", "left"),
    ("↖", "up left"),
    ("↑", "up"),
    ("↗", "up right"),
)


FILE_WAYS = (
    "In files (CSV, JSON) the first way of a line here is left_to_right, the second right_to_left."
)
"""How pages, which show arrows, say what the files call them."""


def way(
    from_px: tuple[float, float], to_px: tuple[float, float], direction: Direction
) -> tuple[str, str]:
    """An arrow and words for a crossing of the line, as seen on the picture: ("↓", "down")."""
    # The right hand of somebody who walks along the line, y down.
    right, down = from_px[1] - to_px[1], to_px[0] - from_px[0]
    if direction is Direction.RIGHT_TO_LEFT:
        right, down = -right, -down
    return _COMPASS[round(math.atan2(down, right) / (math.pi / 4)) % 8]


def duration(seconds: float) -> str:
    """`seconds` as people say it: "4.2 s", "3 min 20 s", "5 h 07 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest_s = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest_s:02d} s" if rest_s else f"{minutes} min"
    hours, rest_min = divmod(round(seconds / 60), 60)
    return f"{hours} h {rest_min:02d} min" if rest_min else f"{hours} h"


def media_time(seconds: float, *, fraction: bool = False) -> str:
    """A moment of a recording: "1:05", "2:01:05"; with `fraction`, "1:05.3"."""
    tenths = math.floor(seconds * 10 + 1e-6)
    whole, tenth = divmod(tenths, 10)
    minutes, rest_s = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02d}:{rest_s:02d}" if hours else f"{minutes}:{rest_s:02d}"
    return f"{text}.{tenth}" if fraction else text


def whole(number: float) -> str:
    """A whole number with thin spaces between thousands."""
    return f"{round(number):,}".replace(",", "\u202f")


def plural(number: int, one: str, many: str | None = None) -> str:
    """ "1 gap", "3 gaps"."""
    return f"{whole(number)} {one if number == 1 else many or one + 's'}"


def seen_share(coverage_s: float, duration_s: float) -> float | None:
    """Share of the time that was seen, 0..1; None where there was no time at all."""
    return min(1.0, max(0.0, coverage_s / duration_s)) if duration_s > 0 else None


def all_seen(coverage_s: float, duration_s: float) -> bool:
    """Whether what is missing is no more than the edges of frames: 1/2000, or 0.05 s."""
    return duration_s > 0 and duration_s - coverage_s < max(0.05, 0.0005 * duration_s)


def seen(coverage_s: float, duration_s: float) -> str:
    """How much was seen, in words: "all 30 s seen", "seen 51 s of 60 s (85 %)"."""
    share = seen_share(coverage_s, duration_s)
    if share is None:
        return "nothing seen"
    if all_seen(coverage_s, duration_s):
        return f"all {duration(duration_s)} seen"
    return f"seen {duration(coverage_s)} of {duration(duration_s)} ({percent(share)})"


def percent(share: float) -> str:
    """ "85 %"; never "100 %" of less than all, nor "0 %" of more than nothing."""
    if 0.995 <= share < 1:
        return f"{math.floor(share * 1000) / 10:g} %"
    if 0 < share < 0.005:
        return "under 1 %"
    return f"{share:.0%}".replace("%", " %")


def poisson_interval(count: int) -> tuple[float, float]:
    """95 % interval of the mean that a count of independent events speaks for.

    Exact up to 50 (Garwood 1936); above, Byar's approximation, within 0.1 % there
    (Breslow & Day 1987, vol. II, p. 69).
    """
    if count <= 50:
        low = _mean_where(lambda mean: 1 - _poisson_at_most(count - 1, mean) > 0.025)
        return (low if count else 0.0), _mean_where(lambda m: _poisson_at_most(count, m) < 0.025)
    z, above = 1.959964, count + 1
    low = count * (1 - 1 / (9 * count) - z / (3 * math.sqrt(count))) ** 3
    return low, above * (1 - 1 / (9 * above) + z / (3 * math.sqrt(above))) ** 3


def hourly(count: int, coverage_s: float) -> tuple[str, str] | None:
    """The hourly rate and its 95 % interval, ("540", "430 to 660"); None below a minute seen."""
    if coverage_s < RATE_COVERAGE_S:
        return None
    low, high = (value * 3600 / coverage_s for value in poisson_interval(count))
    return _rate(count * 3600 / coverage_s), f"{_rate(low)} to {_rate(high)}"


def speeds_told(crossings: Iterable[Crossing]) -> list[float]:
    """The known speeds of the motor vehicles among `crossings`, or of all where there are none.

    A mean over people on foot and cars would say nothing of either.
    """
    known = [
        (crossing.kind, crossing.speed_m_s)
        for crossing in crossings
        if crossing.speed_m_s is not None
    ]
    of_vehicles = [speed_m_s for kind, speed_m_s in known if kind in MOTOR_VEHICLES]
    return of_vehicles or [speed_m_s for _, speed_m_s in known]


def mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return sum(known) / len(known) if known else None


def mean_error(values: Sequence[float]) -> float | None:
    """Half the 95 % interval of the mean of `values`; None below five of them."""
    if len(values) < 5:
        return None
    middle = sum(values) / len(values)
    variance = sum((value - middle) ** 2 for value in values) / (len(values) - 1)
    return 1.96 * math.sqrt(variance / len(values))


def p85(values: Sequence[float]) -> float | None:
    """The speed that 85 % stay below (linear between ranks); None below five values."""
    if len(values) < 5:
        return None
    ranked = sorted(values)
    place = 0.85 * (len(ranked) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (place - below) * (ranked[above] - ranked[below])


def _rate(value: float) -> str:
    """Three figures at most: a rate is never surer than that."""
    if value < 10:
        return f"{value:.1f}".replace(".0", "")
    return whole(round(value, 2 - math.floor(math.log10(value))))


def _poisson_at_most(count: int, mean: float) -> float:
    """The chance of `count` events or fewer where `mean` are usual."""
    return sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count + 1))


def _mean_where(true_above: Callable[[float], bool]) -> float:
    """Where a condition on the mean, false below and true above, turns true; by halving."""
    low, high = 1e-9, 200.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (low, middle) if true_above(middle) else (middle, high)
    return high
