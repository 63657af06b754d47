"""Long: a row for each bin, as CSV or Parquet (docs/spec/long.md)."""

import csv
import datetime
import functools
import io
import zoneinfo
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from placewatch.core.bins import Bin
from placewatch.core.time import UtcMicros
from placewatch.publish.words import KM_H, poisson_interval

FORMAT = "placewatch.long/1"
_BATCH = 20_000

_FIELDS: "list[pa.Field[Any]]" = [
    pa.field("site", pa.string(), nullable=False),
    pa.field("view", pa.string(), nullable=False),
    pa.field("start", pa.timestamp("us", tz="UTC"), nullable=False),
    pa.field("end", pa.timestamp("us", tz="UTC"), nullable=False),
    pa.field("element_id", pa.string(), nullable=False),
    pa.field("movement", pa.string()),
    pa.field("from_arm", pa.string()),
    pa.field("to_arm", pa.string()),
    pa.field("class", pa.string(), nullable=False),
    pa.field("count", pa.int64()),
    pa.field("valid_seconds", pa.float64(), nullable=False),
    pa.field("uncertainty_lo", pa.float64()),
    pa.field("uncertainty_hi", pa.float64()),
    pa.field("mean_speed_kmh", pa.float64()),
    pa.field("v85_kmh", pa.float64()),
    pa.field("occupancy_pct", pa.float64()),
]
SCHEMA = pa.schema(_FIELDS, metadata={"format": FORMAT})


def write_csv(bins: Iterable[Bin], stream: IO[bytes], zone: datetime.tzinfo = datetime.UTC) -> int:
    """Writes `bins` to `stream`, times in `zone` with their offset; how many rows that were.

    RFC 4180; an unknown value is an empty field.
    """

    @functools.lru_cache(maxsize=1024)
    def told(at: UtcMicros) -> str:
        return local(at, zone).isoformat(timespec="seconds")

    stream.write(_lines([SCHEMA.names]))
    written = 0
    for some in _batches(bins):
        stream.write(_lines(_row(one, told(one.start), told(one.end)) for one in some))
        written += len(some)
    return written


def write_parquet(
    bins: Iterable[Bin], stream: IO[bytes], zone: datetime.tzinfo = datetime.UTC
) -> int:
    """The same as Parquet: times are instants, shown in `zone` where it has a name."""
    schema = SCHEMA
    if isinstance(zone, zoneinfo.ZoneInfo):
        for name in ("start", "end"):
            at = schema.get_field_index(name)
            schema = schema.set(
                at, pa.field(name, pa.timestamp("us", tz=str(zone)), nullable=False)
            )
    written = 0
    with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for some in _batches(bins):
            rows = [_row(one, one.start, one.end) for one in some]
            columns = zip(*rows, strict=True)
            writer.write_table(
                pa.table(
                    [
                        pa.array(column, field.type)
                        for column, field in zip(columns, schema, strict=True)
                    ],
                    schema=schema,
                )
            )
            written += len(some)
    return written


def local(at: UtcMicros, zone: datetime.tzinfo) -> datetime.datetime:
    """The instant `at` on the clocks of `zone`."""
    utc = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(microseconds=at)
    return utc.astimezone(zone)


def interval(one: Bin) -> tuple[float, float] | tuple[None, None]:
    """The 95 % interval of a bin's count: that of the facts where they say one, else Poisson's."""
    if one.count is None:
        return None, None
    if one.lo is not None and one.hi is not None:
        return one.lo, one.hi
    return _poisson(one.count)


@functools.lru_cache(maxsize=4096)
def _poisson(count: int) -> tuple[float, float]:
    low, high = poisson_interval(count)
    return round(low, 2), round(high, 2)


def _row(one: Bin, start: object, end: object) -> tuple[object, ...]:
    low, high = interval(one)
    return (
        one.site,
        one.view,
        start,
        end,
        one.element,
        one.movement or None,
        one.from_arm,
        one.to_arm,
        one.kind.value,
        one.count,
        round(one.coverage_s, 3),
        low,
        high,
        _rounded(one.speed_m_s_mean, KM_H),
        _rounded(one.speed_m_s_p85, KM_H),
        _rounded(one.occupancy, 100.0),
    )


def _batches(bins: Iterable[Bin]) -> Iterator[list[Bin]]:
    rest = iter(bins)
    while some := list(islice(rest, _BATCH)):
        yield some


def _rounded(value: float | None, factor: float) -> float | None:
    return None if value is None else round(value * factor, 2)


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
