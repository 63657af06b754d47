"""Command: `placewatch simulate`, with its progress and what came of it."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from placewatch.core.errors import Misconfigured
from placewatch.simulate.detections import PERFECT, Faults
from placewatch.simulate.folder import Film, simulate_to
from placewatch.simulate.incidents import wish_of
from placewatch.simulate.scenery import Light
from placewatch.simulate.streets import street_named

HOURS_MAX = 24.0 * 366


def film_of(size: str, fps: float, light: str) -> Film:
    """The film that is asked for. Raises Misconfigured."""
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", size)
    if match is None or int(match[1]) % 2 or int(match[2]) % 2:
        raise Misconfigured(
            f"a film of {size} cannot be encoded", hint="write even pixels, as in 1280x720"
        )
    if not 1.0 <= fps <= 60.0:
        raise Misconfigured(f"{fps:g} frames a second cannot be drawn", hint="1 to 60 can")
    if 1000.0 % fps:
        raise Misconfigured(
            f"{fps:g} frames a second are no whole milliseconds apart, as SUMO's steps are",
            hint="take 10, 12.5, 20, 25, 40 or 50",
        )
    if light not in get_args(Light):
        known = " or ".join(get_args(Light))
        raise Misconfigured(f'light is "{light}"', hint=f"it may be {known}")
    return Film(int(match[1]), int(match[2]), fps, cast(Light, light))


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
