"""Bench: what the claims of this project measure on this machine."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a bench loads what it measures, and nothing else does
    from placewatch.bench.film import Recipe


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure with its range, and what is demanded and aimed at.

    `value` is None, and `passed` false, where it could not be measured; `how` says how it was
    measured, or why it was not.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    must: str  # such as `<= 1.5`; empty where nothing is demanded
    aim: str
    passed: bool
    how: str


def _main() -> "Recipe":
    from placewatch.bench.film import Recipe

    return Recipe()


def _quiet() -> "Recipe":
    from placewatch.bench.film import Recipe

    return Recipe(seed=2, passages=3, platoon_s=12.0, cycle_s=280.0)


def _evening() -> "Recipe":
    from placewatch.bench.film import Recipe

    return Recipe(seed=1, passages=5, platoon_s=3.0, cycle_s=70.0)


def _silent(text: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Looks:
    """How many looks the bench `gpu` takes."""

    windows_px: tuple[tuple[int, int], ...] = ((64, 64), (96, 64), (160, 96), (320, 192))
    batches: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128, 256)  # windows a run; the first is 1
    runs: int = 50  # of each batch; on the processor fewer where they take long


@dataclass(frozen=True, slots=True)
class Extent:
    """How much a bench measures, and what it is lent. Tests make do with less."""

    pairs: int = 9
    main: "Recipe" = field(default_factory=_main)
    quiet: "Recipe" = field(default_factory=_quiet)
    evening: "Recipe" = field(default_factory=_evening)  # by which that camera gets to know itself
    cameras: int = 8
    watched_s: float = 20.0  # how long memory is left to grow
    detector: str | None = None  # the default one
    peers: Path | None = None  # a folder with the virtual environments of tools/peers
    data: Path | None = None  # recorded tracks with their published results
    net: Path | None = None  # YOLOX-nano for the peers; None: the one in the models' folder
    looks: Looks = Looks()
    streets: int = 20  # layouts of `accuracy`, and how often and how long each is simulated
    seeds: int = 5
    hours: float = 1.0
    films: int = 1  # of each street of `accuracy.film`, twice as many by day; `hours` scales them
    told: Callable[[str], None] = _silent  # how far it is


def _core_main(extent: Extent) -> list[Figure]:
    from placewatch.bench.core import measure_main

    return measure_main(extent)


def _core_sub(extent: Extent) -> list[Figure]:
    from placewatch.bench.core import measure_sub

    return measure_sub(extent)


def _core_quiet(extent: Extent) -> list[Figure]:
    from placewatch.bench.core import measure_quiet

    return measure_quiet(extent)


def _core_tracker(extent: Extent) -> list[Figure]:
    from placewatch.bench.tracking import measure

    return measure(extent)


def _core_stack(extent: Extent) -> list[Figure]:
    from placewatch.bench.peers import measure

    return measure(extent)


def _core_memory(extent: Extent) -> list[Figure]:
    from placewatch.bench.memory import measure

    return measure(extent)


def _core_start(extent: Extent) -> list[Figure]:
    from placewatch.bench.start import measure

    return measure(extent)


def _accuracy_counts(extent: Extent) -> list[Figure]:
    from placewatch.bench.accuracy import measure_counts

    return measure_counts(extent)


def _accuracy_speeds(extent: Extent) -> list[Figure]:
    from placewatch.bench.speeds import measure_speeds

    return measure_speeds(extent)


def _accuracy_reference(extent: Extent) -> list[Figure]:
    from placewatch.bench.reference import measure_reference

    return measure_reference(extent)


def _accuracy_cost(extent: Extent) -> list[Figure]:
    from placewatch.bench.measuring import measure_cost

    return measure_cost(extent)


def _accuracy_encounters(extent: Extent) -> list[Figure]:
    from placewatch.bench.encounters import measure_encounters

    return measure_encounters(extent)


def _accuracy_walkers(extent: Extent) -> list[Figure]:
    from placewatch.bench.walkers import measure_walkers

    return measure_walkers(extent)


def _accuracy_journeys(extent: Extent) -> list[Figure]:
    from placewatch.bench.journeys import measure_journeys

    return measure_journeys(extent)


def _accuracy_queues(extent: Extent) -> list[Figure]:
    from placewatch.bench.queues import measure_queues

    return measure_queues(extent)


def _accuracy_film(extent: Extent) -> list[Figure]:
    from placewatch.bench.rendered import measure_film

    return measure_film(extent)


def _gpu(extent: Extent) -> list[Figure]:
    from placewatch.bench.gpu import measure

    return measure(extent)


BENCHES: dict[str, Callable[[Extent], list[Figure]]] = {
    "core.main": _core_main,
    "core.sub": _core_sub,
    "core.quiet": _core_quiet,
    "core.tracker": _core_tracker,
    "core.stack": _core_stack,
    "core.memory": _core_memory,
    "core.start": _core_start,
    "accuracy.counts": _accuracy_counts,
    "accuracy.speeds": _accuracy_speeds,
    "accuracy.encounters": _accuracy_encounters,
    "accuracy.reference": _accuracy_reference,
    "accuracy.cost": _accuracy_cost,
    "accuracy.walkers": _accuracy_walkers,
    "accuracy.journeys": _accuracy_journeys,
    "accuracy.queues": _accuracy_queues,
    "accuracy.film": _accuracy_film,
    "gpu": _gpu,
}
"""Every bench by its name; `core` is all of `core.*`, and what `placewatch bench` runs. `accuracy`
is to be asked for, since it needs SUMO and some hours, and `gpu`, since few machines have one."""
