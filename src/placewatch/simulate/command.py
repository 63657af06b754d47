"""Command: `placewatch simulate`, with its progress and what came of it."""

import math
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from placewatch.core.errors import Misconfigured
from placewatch.simulate.detections import PERFECT, Faults
from placewatch.simulate.folder import Film, simulate_to
from placewatch.simulate.incidents import wish_of
from placewatch.simulate.streets import street_named

HOURS_MAX = 24.0 * 366


def simulate_street(
    name: str,
    out: Path,
    hours: float,
    seed: int,
    camera: str,
    *,
    perfect: bool = False,
    film: Film | None = None,
    incidents: Sequence[str] = (),
) -> None:
    """Simulates the street `name` into the folder `out`. Raises Misconfigured."""
    if not (math.isfinite(hours) and 0.0 < hours <= HOURS_MAX):
        raise Misconfigured(
            f"{hours:g} hours cannot be simulated", hint="more than 0, at most a year"
        )
    street = street_named(name)
    wishes = [wish_of(text) for text in incidents]
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task(f"{street.title}, {hours:g} h", total=1.0)
        done = simulate_to(
            out,
            street,
            hours * 3600.0,
            seed,
            camera,
            faults=PERFECT if perfect else Faults(),
            film=film,
            incidents=wishes,
            told=lambda share: progress.update(task, completed=share),
        )
        progress.update(task, completed=1.0)
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(done.kinds.items()))
    console = Console(highlight=False)
    console.print(f"{street.title}, {hours:g} h, seed {seed}: {kinds}", soft_wrap=True)
    console.print(f"{done.passages} passages of arms, {done.detections} detections in {out}")
