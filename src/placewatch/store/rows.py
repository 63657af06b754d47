"""Rows: facts as columns, the one shape for table, file and query (docs/spec/facts.md)."""

import datetime
from collections.abc import Iterable
from typing import Any, Literal

import pyarrow as pa

from placewatch.core.facts import LineCount
from placewatch.core.time import UtcMicros

FORMAT = "placewatch.facts/1"

_FIELDS: "list[pa.Field[Any]]" = [
    pa.field("at", pa.timestamp("us"), nullable=False),  # UTC, start of the window
    pa.field("window_s", pa.float64(), nullable=False),
    pa.field("coverage_s", pa.float64(), nullable=False),  # seconds of it that were watched
    pa.field("camera", pa.string(), nullable=False),
    pa.field("line", pa.string(), nullable=False),
    pa.field("kind", pa.string(), nullable=False),
    pa.field("direction", pa.string(), nullable=False),
    pa.field("count", pa.int64()),  # null: unknown, because nothing was watched
    pa.field("speed_count", pa.int64(), nullable=False),  # crossings with a known speed
    pa.field("speed_m_s_mean", pa.float64()),  # null: no speed known
    pa.field("speed_m_s_p85", pa.float64()),  # null: fewer than 5 speeds known
]
SCHEMA = pa.schema(_FIELDS)

ORDER: list[tuple[str, Literal["ascending", "descending"]]] = [
    (name, "ascending") for name in ("at", "camera", "line", "kind", "direction")
]


def rows_of(facts: Iterable[LineCount]) -> pa.Table:
    """`facts` as a table of `SCHEMA`, in their order."""
    facts = list(facts)
    columns = {
        name: [getattr(fact, name) for fact in facts] for name in SCHEMA.names if name != "at"
    }
    at = pa.array([fact.at for fact in facts], pa.int64()).cast(pa.timestamp("us"))
    return pa.table({"at": at, **columns}, schema=SCHEMA)


def naive(at: UtcMicros) -> datetime.datetime:
    """`at` as the table keeps time: UTC without saying so, which every engine reads alike."""
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=at)
