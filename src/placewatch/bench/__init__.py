"""Bench: what the claims of this project measure on this machine."""

from collections.abc import Callable
from dataclasses import dataclass


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


def _cost() -> list[Figure]:
    from placewatch.bench.cost import measure  # only now: a bench loads what it measures

    return measure()


BENCHES: dict[str, Callable[[], list[Figure]]] = {"cost": _cost}
"""Every bench by its name. `placewatch bench` runs all of them."""
