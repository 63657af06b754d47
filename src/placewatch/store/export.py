"""Export: facts as a file for other people's tools (docs/spec/facts.md)."""

import contextlib
import csv
import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from placewatch.core.errors import Misconfigured
from placewatch.core.facts import Fact
from placewatch.core.time import UtcMicros, rfc3339
from placewatch.store.disk import whole_file
from placewatch.store.facts import FactStore
from placewatch.store.rows import LINE_COUNTS, Shape, rows_of

Format = Literal["csv", "parquet"]


def export(
    facts: FactStore,
    since: UtcMicros,
    until: UtcMicros,
    format: Format,
    out: Path | IO[bytes],
) -> int:
    """Writes the facts with since ≤ at < until, and returns how many rows they were.

    A file stands at `out` when all of it is written, not before; a stream (standard output) is
    written as it goes. It takes the memory of one day at a time.
    """
    if until <= since:
        raise Misconfigured(
            f"nothing lies from {rfc3339(since)} to {rfc3339(until)}",
            hint="the end must be later than the beginning",
        )
    return _write(facts.by_day(since, until), format, out, facts.shape)


def write_facts(facts: Iterable[Fact], path: Path, shape: Shape = LINE_COUNTS) -> int:
    """Writes `facts`, which have `shape`, to a file, as CSV or Parquet by the ending of its name.
    The rows written."""
    format = path.suffix.removeprefix(".").lower()
    if format not in ("csv", "parquet"):
        raise Misconfigured(
            f"{path.name} is neither .csv nor .parquet", hint="name the file after its format"
        )
    table = rows_of(facts, shape)
    return _write([table], "csv" if format == "csv" else "parquet", path, shape)


def _write(tables: Iterable[pa.Table], format: Format, out: Path | IO[bytes], shape: Shape) -> int:
    written = 0
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(whole_file(out)) if isinstance(out, Path) else out
        begin = _csv if format == "csv" else _parquet
        write = stack.enter_context(begin(stream, shape))
        for table in tables:
            write(table)
            written += table.num_rows
    return written


@contextlib.contextmanager
def _parquet(stream: IO[bytes], shape: Shape) -> Iterator[Callable[[pa.Table], None]]:
    """Times carry their zone here: a file, unlike the table, meets readers without this note."""
    schema = shape.schema.set(0, pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False))
    with pq.ParquetWriter(
        stream, schema.with_metadata({"format": shape.format}), compression="zstd"
    ) as writer:
        yield lambda table: writer.write_table(
            table.set_column(0, schema.field(0), table["at"].cast(schema.field(0).type)).cast(
                schema
            )
        )


@contextlib.contextmanager
def _csv(stream: IO[bytes], shape: Shape) -> Iterator[Callable[[pa.Table], None]]:
    """RFC 4180: a header, CRLF, quotes where needed; an unknown value is an empty field."""
    names = shape.schema.names
    stream.write(_lines([names]))

    def write(table: pa.Table) -> None:
        for batch in table.to_batches(max_chunksize=10_000):
            columns = [_cells(batch.column(name)) for name in names if name != "at"]
            micros: list[Any] = batch.column("at").cast(pa.int64()).to_pylist()
            at = [rfc3339(UtcMicros(us)) for us in micros]
            stream.write(_lines(zip(at, *columns, strict=True)))

    yield write


def _cells(column: "pa.Array[Any]") -> list[Any]:
    """The values of a column; a histogram is its numbers with spaces between."""
    values: list[Any] = column.to_pylist()
    if not pa.types.is_list(column.type):
        return values
    return [None if value is None else " ".join(map(str, value)) for value in values]


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
