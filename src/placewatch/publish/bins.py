"""Bins: counts in windows on a terminal, with the peak hour and its factor."""

import datetime
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from placewatch.core.bins import QUARTER_US, Bin, PeakHour, peak_hour, volumes
from placewatch.core.kinds import Kind
from placewatch.core.time import UtcMicros
from placewatch.publish.formats.long import local
from placewatch.publish.words import seen, whole

Column = tuple[str, str, str]  # view, element, movement


def show(
    bins: Sequence[Bin],
    quarters: Sequence[Bin],
    kinds: frozenset[Kind],
    zone: datetime.tzinfo = datetime.UTC,
    console: Console | None = None,
) -> None:
    """Prints `bins`; the peak hour is that of `quarters`, the same counts a quarter of an hour
    each. Only `kinds` are counted."""
    (console or Console(highlight=False)).print(render(bins, quarters, kinds, zone))


def render(
    bins: Sequence[Bin],
    quarters: Sequence[Bin],
    kinds: frozenset[Kind],
    zone: datetime.tzinfo = datetime.UTC,
) -> RenderableType:
    """A row for each window, a column for each way over a line, or each movement."""
    columns = sorted({_column(one) for one in bins})
    cells: dict[tuple[UtcMicros, Column], list[Bin]] = {}
    for one in bins:
        if one.kind in kinds:
            cells.setdefault((one.start, _column(one)), []).append(one)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), collapse_padding=True)
    table.add_column("from", no_wrap=True)
    for column in columns:
        table.add_column(_head(column, columns), justify="right")
    table.add_column("seen", justify="right", style="dim", no_wrap=True)
    for start in sorted({one.start for one in bins}):
        found = [cells.get((start, column), []) for column in columns]
        watched = [one for some in found for one in some]
        window_s = watched[0].window_s if watched else 0.0
        coverage_s = max((one.coverage_s for one in watched), default=0.0)
        table.add_row(
            local(start, zone).strftime("%Y-%m-%d %H:%M"),
            *(_told(_sum(some)) for some in found),
            f"{100 * coverage_s / window_s:.0f} %" if window_s else "",
        )
    parts: list[RenderableType] = [_heading(bins, kinds), table]
    parts.append(_peak(quarters, columns, kinds, zone))
    return Group(*parts)


def _heading(bins: Sequence[Bin], kinds: frozenset[Kind]) -> Text:
    names = ", ".join(str(kind) for kind in Kind if kind in kinds)
    windows = {(one.view, one.start): one.window_s for one in bins}
    watched: dict[tuple[str, UtcMicros], float] = {}
    for one in bins:
        key = one.view, one.start
        watched[key] = max(watched.get(key, 0.0), one.coverage_s)
    text = Text(names, "bold")
    text.append(f"  {seen(sum(watched.values()), sum(windows.values()))}", "not bold dim")
    return text


def _peak(
    quarters: Sequence[Bin],
    columns: Sequence[Column],
    kinds: frozenset[Kind],
    zone: datetime.tzinfo,
) -> RenderableType:
    """The busiest hour of all columns together, and in it the volume and the factor of each."""
    peak = peak_hour(volumes(quarters, kinds))
    if peak is None:
        return Text("No hour was watched from end to end: there is no peak hour.", "yellow")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), collapse_padding=True)
    table.add_column(f"peak hour from {local(peak.start, zone):%H:%M}", no_wrap=True)
    for column in columns:
        table.add_column(_head(column, columns), justify="right")
    # One road user may pass two lines, but makes one movement.
    adds_up = all(one.to_arm is not None for one in quarters)
    if adds_up:
        table.add_column("all", justify="right", style="bold")
    hours = [_hour([one for one in quarters if _column(one) == column], peak, kinds)
             for column in columns]  # fmt: skip
    hours += [peak] if adds_up else []
    table.add_row("volume", *(whole(hour.volume) for hour in hours))
    table.add_row("PHF", *(_factor(hour) for hour in hours))
    return table


def _hour(quarters: Iterable[Bin], peak: PeakHour, kinds: frozenset[Kind]) -> PeakHour:
    counts = volumes(quarters, kinds)
    first, second, third, fourth = (
        counts.get(UtcMicros(peak.start + step * QUARTER_US)) or 0 for step in range(4)
    )
    return PeakHour(peak.start, (first, second, third, fourth))


def _factor(hour: PeakHour) -> str:
    return "–" if hour.factor is None else f"{hour.factor:.2f}"


def _column(one: Bin) -> Column:
    return one.view, one.element, one.movement


def _head(column: Column, columns: Sequence[Column]) -> str:
    view, element, movement = column
    several = len({other for other, _, _ in columns}) > 1
    words = [*([view] if several else []), element, movement.replace("_", " ")]
    return " ".join(word for word in words if word)


def _sum(bins: Iterable[Bin]) -> int | None:
    """None, unknown, where nothing was watched."""
    known = [one.count for one in bins if one.count is not None]
    return sum(known) if known else None


def _told(count: int | None) -> Text:
    return Text("not seen", "dim") if count is None else Text(whole(count), "" if count else "dim")
