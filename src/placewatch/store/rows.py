"""Rows: facts as columns, the one shape for table, file and query (docs/spec/facts.md)."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from placewatch.core.facts import Fact, LineCount, MovementCount
from placewatch.core.time import UtcMicros

_WINDOW: "list[pa.Field[Any]]" = [
    pa.field("at", pa.timestamp("us"), nullable=False),  # UTC, start of the window
    pa.field("window_s", pa.float64(), nullable=False),
    pa.field("coverage_s", pa.float64(), nullable=False),  # seconds of it that were watched
    pa.field("camera", pa.string(), nullable=False),
]


@dataclass(frozen=True, slots=True)
class Shape:
    """What one sort of facts looks like in a table: its columns, and by which its rows are ordered.

    `name` is that of the table and its files, `format` that of its published form.
    """

    name: str
    format: str
    says: str
    schema: pa.Schema
    keys: tuple[str, ...]

    @property
    def order(self) -> list[tuple[str, Literal["ascending", "descending"]]]:
        return [(key, "ascending") for key in self.keys]


LINE_COUNTS = Shape(
    "facts",
    "placewatch.facts/1",
    "what crossed which line, minute by minute",
    pa.schema(
        [
            *_WINDOW,
            pa.field("line", pa.string(), nullable=False),
            pa.field("kind", pa.string(), nullable=False),
            pa.field("direction", pa.string(), nullable=False),
            pa.field("count", pa.int64()),  # null: unknown, because nothing was watched
            pa.field("speed_count", pa.int64(), nullable=False),  # crossings with a known speed
            pa.field("speed_m_s_mean", pa.float64()),  # null: no speed known
            pa.field("speed_m_s_p85", pa.float64()),  # null: fewer than 5 speeds known
        ]
    ),
    ("at", "camera", "line", "kind", "direction"),
)

MOVEMENT_COUNTS = Shape(
    "movements",
    "placewatch.movements/1",
    "who went from which arm of a junction to which, minute by minute",
    pa.schema(
        [
            *_WINDOW,
            pa.field("from_arm", pa.string()),  # null: it was not seen to come in
            pa.field("to_arm", pa.string(), nullable=False),
            pa.field("kind", pa.string(), nullable=False),
            pa.field("count", pa.int64()),  # null: unknown, because nothing was watched
        ]
    ),
    ("at", "camera", "from_arm", "to_arm", "kind"),
)

SHAPES: dict[type[LineCount] | type[MovementCount], Shape] = {
    LineCount: LINE_COUNTS,
    MovementCount: MOVEMENT_COUNTS,
}
"""The shape of each sort of facts."""


def rows_of(facts: Iterable[Fact], shape: Shape = LINE_COUNTS) -> pa.Table:
    """`facts`, all of the sort that has that shape, as a table of its schema, in their order."""
    facts = list(facts)
    columns = {
        name: [getattr(fact, name) for fact in facts] for name in shape.schema.names if name != "at"
    }
    at = pa.array([fact.at for fact in facts], pa.int64()).cast(pa.timestamp("us"))
    return pa.table({"at": at, **columns}, schema=shape.schema)


def naive(at: UtcMicros) -> datetime.datetime:
    """`at` as the table keeps time: UTC without saying so, which every engine reads alike."""
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=at)
