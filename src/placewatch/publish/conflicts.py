"""Conflicts: the nearest of them as a table on a terminal, with whose definitions they are by."""

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from placewatch.core.facts import Conflict
from placewatch.core.time import rfc3339
from placewatch.publish.words import plural

LISTED_MOST = 10

DEFINITIONS = {
    "footprint": "placewatch's own, between footprints",
    "ssam": "those of SSAM 3.0",
    "crime": "those of CommonRoad-CriMe, along lanelets",
}


HARDEST_M_S2 = 10.0
"""No tyre on a dry road brakes harder: about 1 g."""

IMPLAUSIBLE = (
    f"† It tells of braking beyond {HARDEST_M_S2:g} m/s², which no tyre can: two that touched, "
    "boxes that overlap, or a track that jumps. The definition counts it; look before you do."
)


def implausible(one: Conflict) -> bool:
    """Whether it could only have been avoided, or was braked for, as no vehicle can."""
    return any(
        value is not None and abs(value) > HARDEST_M_S2 for value in (one.drac_m_s2, one.max_d_m_s2)
    )


def conflict_list(conflicts: Sequence[Conflict], mode: str) -> RenderableType:
    """The gravest first, then in order of time: no more of each than its fact says. m/s is DeltaS,
    the difference of their velocities."""
    told = f"{plural(len(conflicts), 'conflict')}. Definitions: {DEFINITIONS[mode]}."
    if not conflicts:
        return Text(told)
    table = Table(box=box.SIMPLE, pad_edge=False)
    order = sorted(conflicts, key=lambda one: (-one.severity, one.at))
    rows = [
        (
            rfc3339(one.at)[11:16],
            f"{one.type.value}{' †' if implausible(one) else ''}",
            f"{one.first.value}, {one.second.value}",
            *map(_tenths, (one.ttc_s, one.pet_s, one.delta_s_m_s, one.x_m, one.y_m)),
        )
        for one in order[:LISTED_MOST]
    ]
    heads = ("from", "type", "between", "TTC s", "PET s", "m/s", "x m", "y m")
    for number, head in enumerate(heads):
        if head in ("type", "between"):  # words may go over two lines, numbers may not be cut
            table.add_column(head)
        else:
            wide = max(len(head), *(len(row[number]) for row in rows))
            table.add_column(head, justify="right" if number else "left", min_width=wide)
    for row in rows:
        table.add_row(*row)
    more = len(conflicts) - LISTED_MOST
    left = [Text(f"{more} more: --out writes all of them.", "dim")] if more > 0 else []
    number = sum(map(implausible, conflicts))
    if number:
        left.append(Text(f"{IMPLAUSIBLE} ({number} of {len(conflicts)})", "yellow"))
    return Group(Text(told), table, *left)


def _tenths(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
