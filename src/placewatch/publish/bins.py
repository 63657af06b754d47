"""Bins: counts in windows on a terminal, with the peak hour and its factor."""

import datetime
from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from placewatch.core.bins import QUARTER_US, Bin, PeakHour, peak_hour, volumes
from placewatch.core.kinds import Kind
from placewatch.core.time import UtcMicros
from placewatch.publish.formats.long import local
from placewatch.publish.words import percent, seen, whole

Row = tuple[str, str, str]  # view, element, movement

WIDTH = 100
_CELL = 8  # columns of the terminal that a window takes


def show(
    bins: Sequence[Bin],
    quarters: Sequence[Bin],
    kinds: frozenset[Kind],
    zone: datetime.tzinfo = datetime.UTC,
    console: Console | None = None,
) -> None:
    """Prints `bins`; the peak hour is that of `quarters`, the same counts a quarter of an hour
    each. Only `kinds` are counted."""
    console = console or Console(highlight=False)
    console.print(render(bins, quarters, kinds, zone, console.width))


def render(
    bins: Sequence[Bin],
    quarters: Sequence[Bin],
    kinds: frozenset[Kind],
    zone: datetime.tzinfo = datetime.UTC,
    width: int = WIDTH,
) -> RenderableType:
    """A row for each way over a line, or each movement, that anybody took; a column for each
    window, as many beside each other as `width` columns of a terminal hold."""
    cells: dict[tuple[UtcMicros, Row], list[Bin]] = {}
    for one in bins:
        if one.kind in kinds:
            cells.setdefault((one.start, _row(one)), []).append(one)
    every = sorted({_row(one) for one in bins})
    rows = sorted({row for (_, row), some in cells.items() if _sum(some)})
    names = {row: _name(row, every) for row in every}
    starts = sorted({one.start for one in bins})
    beside = max(1, (width - max(map(len, names.values()), default=0) - 4) // _CELL)
    parts: list[RenderableType] = [_heading(bins, kinds)]
    for first in range(0, len(starts), beside):
        parts.append(_windows(cells, rows, names, starts[first : first + beside], zone))
    nobody = [names[row] for row in every if row not in rows]
    if nobody:
        parts.append(Text(f"Nobody: {', '.join(nobody)}.", "dim"))
    parts.append(_peak(quarters, rows, names, kinds, zone))
    return Group(*parts)


def _windows(
    cells: Mapping[tuple[UtcMicros, Row], Sequence[Bin]],
    rows: Sequence[Row],
    names: Mapping[Row, str],
    starts: Sequence[UtcMicros],
    zone: datetime.tzinfo,
) -> Table:
    table = _table()
    table.add_column(f"{local(starts[0], zone):%Y-%m-%d}", no_wrap=True)
    for start in starts:
        table.add_column(f"{local(start, zone):%H:%M}", justify="right", no_wrap=True)
    for row in rows:
        table.add_row(names[row], *(_told(_sum(cells.get((start, row), []))) for start in starts))
    watched: list[Text] = []
    for start in starts:
        here = [one for (at, _), some in cells.items() if at == start for one in some]
        share = max((one.coverage_s / one.window_s for one in here), default=0.0)
        watched.append(Text(percent(min(1.0, share)), "dim"))
    table.add_row(Text("seen", "dim"), *watched)
    return table


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
    rows: Sequence[Row],
    names: Mapping[Row, str],
    kinds: frozenset[Kind],
    zone: datetime.tzinfo,
) -> RenderableType:
    """The busiest hour of all rows together, and in it the volume and the factor of each."""
    peak = peak_hour(volumes(quarters, kinds))
    if peak is None:
        return Text("No hour was watched from end to end: there is no peak hour.", "yellow")
    table = _table()
    table.add_column(f"peak hour from {local(peak.start, zone):%H:%M}", no_wrap=True)
    table.add_column("volume", justify="right")
    table.add_column("PHF", justify="right")
    for row in rows:
        hour = _hour([one for one in quarters if _row(one) == row], peak, kinds)
        table.add_row(names[row], whole(hour.volume), _factor(hour))
    if all(one.to_arm is not None for one in quarters):
        # One road user makes one movement, but may pass two lines.
        table.add_row(Text("all", "bold"), whole(peak.volume), _factor(peak))
    return table


def _hour(quarters: Iterable[Bin], peak: PeakHour, kinds: frozenset[Kind]) -> PeakHour:
    counts = volumes(quarters, kinds)
    first, second, third, fourth = (
        counts.get(UtcMicros(peak.start + step * QUARTER_US)) or 0 for step in range(4)
    )
    return PeakHour(peak.start, (first, second, third, fourth))


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), collapse_padding=True)


def _factor(hour: PeakHour) -> str:
    return "–" if hour.factor is None else f"{hour.factor:.2f}"


def _row(one: Bin) -> Row:
    return one.view, one.element, one.movement


def _name(row: Row, rows: Sequence[Row]) -> str:
    view, element, movement = row
    several = len({other for other, _, _ in rows}) > 1
    words = [*([view] if several else []), element, movement.replace("_", " ")]
    return " ".join(word for word in words if word)


def _sum(bins: Iterable[Bin]) -> int | None:
    """None, unknown, where nothing was watched."""
    known = [one.count for one in bins if one.count is not None]
    return sum(known) if known else None


def _told(count: int | None) -> Text:
    return Text("not seen", "dim") if count is None else Text(whole(count), "" if count else "dim")
