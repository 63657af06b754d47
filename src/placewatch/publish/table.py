"""Table: what was found, on a terminal: counts per line and way, speeds, and what was not seen."""

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from placewatch.core.kinds import Direction, Kind
from placewatch.publish.conflicts import conflict_list
from placewatch.publish.street_tables import street_tables
from placewatch.publish.watch import WatchedLine, WatchSummary, source_name
from placewatch.publish.words import (
    GROUPS,
    KM_H,
    all_seen,
    duration,
    hourly,
    mean,
    p85,
    plural,
    seen,
    speeds_told,
    way,
    whole,
)

WIDE_COLUMNS = 110
"""Terminals narrower than this are shown groups of kinds, and no rates."""

_STYLES = {"on foot": "dark_orange3", "bicycle": "dark_cyan", "car": "blue", "heavy": "purple"}


def show(summary: WatchSummary, console: Console | None = None) -> None:
    """Prints `summary`, on standard output unless told otherwise."""
    console = console or Console(highlight=False)
    console.print(render(summary, console.width))


def render(summary: WatchSummary, width: int = WIDE_COLUMNS) -> RenderableType:
    """`summary` as something that rich prints on `width` columns."""
    parts: list[RenderableType] = [_heading(summary)]
    parts.append(_counts(summary, width) if summary.lines else _no_line(summary))
    if summary.arms and summary.coverage_s > 0:
        parts.append(_movements(summary))
    parts.extend(street_tables(summary))
    if summary.conflicts_by is not None:
        parts.append(conflict_list(summary.conflicts, summary.conflicts_by))
    parts.extend(Text(sentence, "yellow") for sentence in health_sentences(summary))
    if summary.lines and not summary.calibrated:
        parts.append(Text("No speeds: the ground is not calibrated.", "dim"))
    parts.append(Text(cost_sentence(summary), "dim"))
    return Group(*parts)


def health_sentences(summary: WatchSummary) -> list[str]:
    """What went wrong with the source, a sentence each; none where all is well."""
    health = summary.health
    found = []
    unseen_s = summary.duration_s - summary.coverage_s
    if health.gaps or not all_seen(summary.coverage_s, summary.duration_s):
        found.append(
            f"{plural(health.gaps, 'gap')}, {duration(max(0.0, unseen_s))} not seen: "
            "what happened then is unknown, not zero."
        )
    if health.losses:
        found.append(f"The source was lost {plural(health.losses, 'time')}.")
    if health.frames_dropped:
        found.append(
            f"{plural(health.frames_dropped, 'frame')} skipped, because the machine was late "
            f"(by {duration(health.lateness_s_max)} at most)."
        )
    if health.packets_corrupt:
        found.append(f"{plural(health.packets_corrupt, 'packet')} damaged and left out.")
    if health.timestamps_repaired:
        found.append(f"{plural(health.timestamps_repaired, 'timestamp')} repaired.")
    return found


_SPARED = {
    "no_loop_filter": "without the loop filter",
    "non_reference": "without frames that no other needs",
    "keyframes": "of key frames, and of all else where somebody came",
}
"""What was not decoded, by the mode."""


def cost_sentence(summary: WatchSummary) -> str:
    """What the analysis cost, in words."""
    said = f"{duration(summary.cpu_s)} of processor time"
    if summary.decode_cpu_s > 0:
        said += f", {summary.cpu_s / summary.decode_cpu_s:.2f} times the decoding alone"
        if summary.decode is not None and summary.decode.mode in _SPARED:
            said += f" ({_SPARED[summary.decode.mode]})"
    if summary.wall_s > 0:
        said += f"; {whole(summary.frames / summary.wall_s)} frames/s"
    return said + "."


def _heading(summary: WatchSummary) -> Text:
    fps = f", {summary.fps:.4g} frames/s" if summary.fps else ""
    text = Text(source_name(summary.source), "bold")
    text.append(
        f"  {seen(summary.coverage_s, summary.duration_s)}, "
        f"{summary.size_words}{fps}, detector {summary.detector}",
        "not bold dim",
    )
    return text


def _counts(summary: WatchSummary, width: int) -> Table:
    """A row per line and way; a column per kind, or group of kinds, that occurred anywhere."""
    occurred = {crossing.kind for crossing in summary.crossings}
    if width < WIDE_COLUMNS:
        sorts = {name: kinds for name, kinds in GROUPS.items() if kinds & occurred}
    else:
        sorts = {kind.value: frozenset({kind}) for kind in Kind if kind in occurred}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), collapse_padding=True)
    table.add_column("line", no_wrap=True)
    table.add_column("way", no_wrap=True)
    for name, kinds in sorts.items():
        style = next((_STYLES.get(group, "") for group in GROUPS if kinds <= GROUPS[group]), "")
        table.add_column(_HEADS.get(name, name), justify="right", header_style=style, no_wrap=True)
    table.add_column("all", justify="right", style="bold", no_wrap=True)
    if width >= WIDE_COLUMNS and hourly(0, summary.coverage_s):
        table.add_column("an hour", justify="right", no_wrap=True)
        table.add_column("95 %", justify="right", style="dim", no_wrap=True)
    if summary.calibrated:
        table.add_column("km/h", justify="right", no_wrap=True)
        table.add_column("V85", justify="right", no_wrap=True)
    for line in summary.lines:
        for direction in Direction:
            table.add_row(*_row(summary, line, direction, list(sorts.values()), width))
    return table


def _movements(summary: WatchSummary) -> Table:
    """A row per arm by which road users came in, a column per arm by which they left."""
    moved = summary.moved()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), collapse_padding=True)
    table.add_column("from", no_wrap=True)
    for arm in summary.arms:
        table.add_column(f"to {arm}", justify="right", no_wrap=True)
    table.add_column("all", justify="right", style="bold", no_wrap=True)
    froms: list[str | None] = list(summary.arms)
    if any(came_by is None for came_by, _ in moved):
        froms.append(None)
    for came_by in froms:
        counts = [moved.get((came_by, arm), 0) for arm in summary.arms]
        table.add_row(
            Text("not seen to come in", "dim") if came_by is None else Text(came_by),
            *(Text(whole(count), "" if count else "dim") for count in counts),
            whole(sum(counts)),
        )
    return table


def _row(
    summary: WatchSummary,
    line: WatchedLine,
    direction: Direction,
    sorts: list[frozenset[Kind]],
    width: int,
) -> list[Text | str]:
    crossings = [crossing for crossing in line.crossings if crossing.direction is direction]
    arrow, words = way(line.from_px, line.to_px, direction)
    first = direction is Direction.LEFT_TO_RIGHT
    row: list[Text | str] = [Text(line.name if first else ""), f"{arrow} {words}"]
    if summary.coverage_s <= 0:  # nothing was seen: there is no number, not even zero
        return [*row, Text("not seen", "dim")]
    for kinds in sorts:
        count = sum(crossing.kind in kinds for crossing in crossings)
        row.append(Text(whole(count), "" if count else "dim"))
    row.append(whole(len(crossings)))
    if width >= WIDE_COLUMNS:
        row.extend(hourly(len(crossings), summary.coverage_s) or ())
    if summary.calibrated:
        speeds_m_s = speeds_told(crossings)
        row.extend(_km_h(value) for value in (mean(speeds_m_s), p85(speeds_m_s)))
    return row


_HEADS = {
    "pedestrian": "foot",
    "on foot": "foot",
    "bicycle": "bike",
    "motorcycle": "moto",
    "not known": "?",
    "unknown": "?",
}


def _km_h(speed_m_s: float | None) -> Text | str:
    return Text("–", "dim") if speed_m_s is None else f"{speed_m_s * KM_H:.0f}"


def _no_line(summary: WatchSummary) -> Text:
    unit = "pixels" if summary.plan_px_per_m is None else "metres east and north"
    return Text(
        f"\nNo line was drawn, so nothing was counted: add --line NAME=x1,y1,x2,y2 in {unit}. "
        "The report (--out FOLDER) shows where road users moved.\n"
    )
