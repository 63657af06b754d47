"""Run: measures what was asked for, and shows or writes the figures (`placewatch.bench/1`)."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from placewatch.bench import BENCHES, Extent, Figure
from placewatch.bench.page import accuracy_page, page
from placewatch.bench.record import record
from placewatch.core.errors import Misconfigured
from placewatch.core.time import SystemClock
from placewatch.publish.whole import write_whole
from placewatch.publish.words import duration


def run_benches(
    names: list[str],
    out: str | None,
    *,
    report: Path | None = None,
    peers: Path | None = None,
    data: Path | None = None,
    net: Path | None = None,
    seeds: int | None = None,
    hours: float | None = None,
) -> bool:
    """Measures the benches of `names` (none: all of core), shows them, writes JSON to `out` (`-`:
    standard output) and a page to `report`, that of accuracy where all are of it. Whether all
    passed. Raises Misconfigured for a name that is none. `peers` and `net` are what the peers run
    in and with, `data` holds recorded tracks with their published results. `seeds`
    and `hours`: how often and how long each street of `accuracy` is simulated."""
    chosen = [name for wish in names or ["core"] for name in _meant(wish)]
    told = Console(stderr=True)
    figures: list[Figure] = []
    for name in dict.fromkeys(chosen):
        with _telling(told, name) as say:
            extent = Extent(peers=peers, data=data, net=net, told=say)
            extent = replace(
                extent,
                seeds=seeds or extent.seeds,
                films=seeds or extent.films,
                hours=hours or extent.hours,
            )
            figures += BENCHES[name](extent)
    document = json.dumps(record(figures), indent=1, allow_nan=False)
    if out == "-":
        sys.stdout.write(document + "\n")
    else:
        show(figures, Console())
        if out is not None:
            write_whole(Path(out), (document + "\n").encode())
    if report is not None:
        of_accuracy = all(figure.name.startswith("accuracy.") for figure in figures)
        shown = accuracy_page if of_accuracy else page
        write_whole(report, shown(json.loads(document)).encode())
    return all(figure.passed for figure in figures)


@contextlib.contextmanager
def _telling(told: Console, name: str) -> Iterator[Callable[[str], None]]:
    """Says on a terminal what is measured just now; in a file when it begins and when it ends."""
    if told.is_terminal:
        with told.status(f"measuring {name} …") as status:
            yield lambda text: status.update(f"measuring {name}: {text} …")
        return
    clock = SystemClock()
    begun_s = clock.monotonic_s()
    print(f"measuring {name} …", file=sys.stderr, flush=True)
    yield lambda text: None
    lasted = duration(clock.monotonic_s() - begun_s)
    print(f"measured {name} in {lasted}", file=sys.stderr, flush=True)


def _meant(wish: str) -> list[str]:
    """The benches that a name means: itself, or all that begin with it and a full stop."""
    found = [name for name in BENCHES if name == wish or name.startswith(f"{wish}.")]
    if not found:
        raise Misconfigured(
            f'there is no bench "{wish}"', hint=f"there are: core, {', '.join(BENCHES)}"
        )
    return found


def show(figures: list[Figure], console: Console) -> None:
    """The figures as a table, and under it how each was measured."""
    table = Table("figure", "value", "range", "must", "aim", "", box=None, pad_edge=False)
    for figure in figures:
        table.add_row(
            figure.name,
            "not measured" if figure.value is None else f"{figure.value:.3g} {figure.unit}",
            ""
            if figure.low is None or figure.high is None
            else f"{figure.low:.3g}–{figure.high:.3g}",
            figure.must,
            figure.aim,
            "passed" if figure.passed else "[bold red]not passed[/]",
        )
    console.print(table)
    for figure in figures:
        console.print(f"{figure.name}: {figure.how}", style="dim", markup=False)


def _range(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"{figure.low:.3g}–{figure.high:.3g}"
