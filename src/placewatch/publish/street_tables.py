"""Street tables: areas, queues and people across the road on a terminal."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from placewatch.core.facts import ZoneCount, ZoneUse
from placewatch.core.kinds import Kind
from placewatch.publish.road import ApproachTold, CarriagewayTold
from placewatch.publish.watch import WatchSummary
from placewatch.publish.words import KIND_WORDS, whole

MID_BLOCK = "off the marked crossings"


def street_tables(summary: WatchSummary) -> Iterator[RenderableType]:
    """A short table for each sort of thing that `summary` tells of; none where there is none."""
    if summary.zone_uses:
        yield _areas(summary.zone_uses, summary.zones)
    if summary.approaches:
        yield _queues(summary.approaches)
    if summary.carriageways:
        yield _people(summary.carriageways)


def _table(*heads: str) -> Table:
    """Where it is too narrow names go over two lines; numbers are never cut."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), collapse_padding=True)
    for number, head in enumerate(heads):
        table.add_column(head, justify="left" if number == 0 else "right", no_wrap=number > 0)
    return table


def _areas(uses: Sequence[ZoneUse], counts: Sequence[ZoneCount]) -> Table:
    """Over the time that each was watched: who came in, how many were in, and how busy it was."""
    table = _table("area", "came in", "mostly", "in it, mean", "most at once", "occupied")
    for name in dict.fromkeys(one.zone for one in uses):
        of = [one for one in uses if one.zone == name and one.coverage_s > 0.0]
        watched_s = sum(one.coverage_s for one in of)
        if not of:
            table.add_row(Text(name), Text("not seen", "dim"))
            continue
        came: dict[Kind, int] = {}
        for one in counts:
            if one.zone == name and one.entries:
                came[one.kind] = came.get(one.kind, 0) + one.entries
        most = max(came, key=lambda kind: came[kind], default=None)
        mean = sum((one.count_mean or 0.0) * one.coverage_s for one in of) / watched_s
        busy = sum((one.occupancy or 0.0) * one.coverage_s for one in of) / watched_s
        table.add_row(
            Text(name),
            whole(sum(came.values())),
            Text("–", "dim") if most is None else KIND_WORDS[most],
            f"{mean:.1f}",
            whole(max(one.count_max or 0 for one in of)),
            f"{100 * busy:.0f} %",
        )
    return table


def _queues(approaches: Sequence[ApproachTold]) -> Table:
    table = _table("approach", "lane", "cycles", "longest", "back, m", "departed", "delay, s", "")
    for approach in approaches:
        for number, one in enumerate(approach.lanes):
            least = "≥ " if one.at_least else ""
            table.add_row(
                Text(approach.name if number == 0 else ""),
                "all" if one.lane is None else str(one.lane + 1),
                one.cycles_words,
                f"{least}{one.vehicles_max}",
                f"{least}{one.back_m_max:.0f}" if one.vehicles_max else "–",
                whole(one.departures),
                "–" if one.delay_s is None else f"{one.delay_s:.0f}",
                one.level or "",
            )
    return table


def _people(carriageways: Sequence[CarriagewayTold]) -> Table:
    """Means are of quarters of an hour in which five or more crossed there."""
    table = _table("across", "crossed", "wait, s", "m/s", "yielded")
    for piece in carriageways:
        for one in piece.places:
            table.add_row(
                Text(f"{piece.name}: {one.crossing or MID_BLOCK}"),
                whole(one.count),
                "–" if one.wait_s is None else f"{one.wait_s:.1f}",
                "–" if one.speed_m_s is None else f"{one.speed_m_s:.2f}",
                f"{one.yielded_count} of {one.due_count}" if one.due_count else "–",
            )
    return table
