"""Steps: quarters of an hour as a chart of crossings over time, by groups of kinds.

A day is shown by quarters, up to four days by hours, and a longer time as its mean day.
"""

import math
from collections.abc import Sequence

from placewatch.core.bins import Bin
from placewatch.core.time import UtcMicros, rfc3339
from placewatch.publish import drawing
from placewatch.publish.words import GROUP_WORDS, GROUPS, duration, whole

DAY_S, HOUR_S = 86400.0, 3600.0
FEW_DAYS = 4  # for so long each hour is shown; of longer times the hours of a mean day


def over_time(quarters: Sequence[Bin], since: UtcMicros, until: UtcMicros) -> tuple[str, str, str]:
    """A heading, the chart and its key, as HTML. What was not seen is grey, and no zero."""
    window_s = (until - since) / 1e6
    days = window_s / DAY_S
    unseen: list[tuple[float, float]] = []
    if days > FEW_DAYS:
        steps = _mean_day(quarters)
        heading = f"The mean day of {whole(days)}: crossings an hour, UTC"
        chart = drawing.profile(steps, (), lambda s: f"{int(s // HOUR_S) % 24:02d}:00")
    else:
        size_s = 900.0 if days <= 1.01 else HOUR_S
        steps = _in_order(quarters, since, window_s, size_s)
        unseen = _unseen(steps)

        def label(seconds: float) -> str:
            return rfc3339(UtcMicros(since + round(seconds) * 1_000_000))[11:16]

        chart = drawing.profile(steps, unseen, label, since / 1e6 % DAY_S)
        heading = f"Crossings every {duration(size_s)}, UTC"
    key = "".join(
        f'<span><i class="{name.replace(" ", "-")}"></i>{GROUP_WORDS[name]}</span>'
        for name in GROUPS
        if any(step.counts[name] for step in steps)
    )
    if unseen:
        key += '<span><i class="unseen"></i>not seen: unknown, not zero</span>'
    return heading, chart, key


def _in_order(
    quarters: Sequence[Bin], since: UtcMicros, window_s: float, size_s: float
) -> list[drawing.Bin]:
    number = max(1, math.ceil(window_s / size_s - 1e-9))
    counts = [dict.fromkeys(GROUPS, 0) for _ in range(number)]
    seen_s = [0.0] * number
    for start, (coverage_s, groups) in _by_start(quarters).items():
        place = min(number - 1, int((start - since) / 1e6 // size_s))
        seen_s[place] += coverage_s
        for name, count in groups.items():
            counts[place][name] += count
    steps = []
    for place, (told, watched_s) in enumerate(zip(counts, seen_s, strict=True)):
        begin = place * size_s
        end = min(begin + size_s, window_s)
        seen_to = min(end, begin + watched_s)
        if watched_s > 0.98 * (end - begin):
            seen_to = end
        pieces = ((begin, seen_to),) if seen_to > begin else ()
        steps.append(drawing.Bin(begin, end, pieces, told))
    return steps


def _mean_day(quarters: Sequence[Bin]) -> list[drawing.Bin]:
    """Crossings an hour of the seen time, by the hour of the day."""
    counts = [dict.fromkeys(GROUPS, 0) for _ in range(24)]
    seen_s = [0.0] * 24
    for start, (coverage_s, groups) in _by_start(quarters).items():
        hour = int(start / 1e6 % DAY_S // HOUR_S)
        seen_s[hour] += coverage_s
        for name, count in groups.items():
            counts[hour][name] += count
    return [
        drawing.Bin(
            hour * HOUR_S,
            (hour + 1) * HOUR_S,
            ((hour * HOUR_S, (hour + 1) * HOUR_S),) if seen_s[hour] else (),
            {
                name: round(count * HOUR_S / seen_s[hour]) if seen_s[hour] else 0
                for name, count in counts[hour].items()
            },
        )
        for hour in range(24)
    ]


def _by_start(quarters: Sequence[Bin]) -> dict[UtcMicros, tuple[float, dict[str, int]]]:
    found: dict[UtcMicros, tuple[float, dict[str, int]]] = {}
    for one in quarters:
        coverage_s, groups = found.get(one.start, (0.0, dict.fromkeys(GROUPS, 0)))
        group = next(name for name, kinds in GROUPS.items() if one.kind in kinds)
        groups[group] += one.count or 0
        found[one.start] = max(coverage_s, one.coverage_s), groups
    return found


def _unseen(steps: Sequence[drawing.Bin]) -> list[tuple[float, float]]:
    gaps: list[tuple[float, float]] = []
    for step in steps:
        begin = step.seen_s[-1][1] if step.seen_s else step.start_s
        if begin < step.end_s - 1e-6:
            if gaps and gaps[-1][1] >= begin - 1e-6:
                gaps[-1] = gaps[-1][0], step.end_s
            else:
                gaps.append((begin, step.end_s))
    return gaps
