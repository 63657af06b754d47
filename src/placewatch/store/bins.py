"""Bins: minutes of facts, from a table or a file, added up to the windows of other tools.

How this works. Rows of one line, way and kind, or of one movement and kind, are summed in windows
that follow each other from a first instant. Coverage adds up like counts. A window of which nothing
is stored stays unknown: it has a bin with no count, as long as the view was heard of before and
comes back later. Zero is only said where somebody watched.
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from placewatch.core.bins import Bin
from placewatch.core.errors import Misconfigured
from placewatch.core.ids import CameraId
from placewatch.core.kinds import KINDS
from placewatch.core.time import MINUTE_US, UtcMicros
from placewatch.store.rows import LINE_COUNTS, LINE_FLOWS, MOVEMENT_COUNTS, Shape

DAY_US = 1440 * MINUTE_US
EVERY_MIN = (1, 5, 15, 60)
"""The windows that tools ask for, in minutes."""


class Facts(Protocol):
    """Facts of one sort, wherever they are kept."""

    @property
    def shape(self) -> Shape: ...

    def between(
        self, since: UtcMicros, until: UtcMicros, camera: CameraId | None = None
    ) -> pa.Table:
        """All facts with since ≤ at < until, ordered by time."""
        ...


Key = tuple[str, str, str | None, str | None, str]  # camera, line or "", way or arms, kind


def stored_bins(
    facts: Facts,
    since: UtcMicros,
    until: UtcMicros,
    every_us: int,
    site: str,
    camera: CameraId | None = None,
) -> Iterator[Bin]:
    """The facts with since ≤ at < until in windows of `every_us` from `since`, in order of time;
    it takes the memory of about a day at a time."""
    block_us = every_us * max(1, DAY_US // every_us)
    tables = (
        facts.between(UtcMicros(begin), UtcMicros(min(begin + block_us, until)), camera)
        for begin in range(since, until, block_us)
    )
    return bins_of(tables, facts.shape, since, until, every_us, site)


def bins_of(
    tables: Iterable[pa.Table],
    shape: Shape,
    since: UtcMicros,
    until: UtcMicros,
    every_us: int,
    site: str,
) -> Iterator[Bin]:
    """`tables` of `shape`, each of later windows than the one before, as bins; the last one ends
    at `until`."""
    assert every_us > 0
    assert every_us % MINUTE_US == 0, "facts are of minutes"
    known: dict[Key, None] = {}
    due = 0  # the next window, once anything is known
    for table in tables:
        if table.num_rows == 0:
            continue
        sums = _sums(table, shape, since, every_us)
        if not known:
            due = min(sums.windows)
        for _, told in sums.cells:
            known.setdefault(told)
        keys = sorted(known, key=_order)
        for window in range(due, max(sums.windows) + 1):
            start = UtcMicros(since + window * every_us)
            end = UtcMicros(min(start + every_us, until))
            for key in keys:
                yield sums.bin(window, key, start, end, site)
        due = max(sums.windows) + 1


@dataclass
class Occupied:
    """For what share of a window vehicles covered each line on their way, from stored flows. It
    keeps a day of windows; bins are asked for in order of time."""

    flows: Facts
    every_us: int
    until: UtcMicros  # where the last window ends
    _shares: dict[tuple[UtcMicros, str, str, str], float] = field(default_factory=dict, init=False)
    _since: int = field(default=0, init=False)
    _until: int = field(default=-1, init=False)

    def share(self, one: Bin) -> float | None:
        """Of the time that was watched; vehicles beside each other count each, so that several
        lanes may have more than 1. None where it is not known."""
        if not self._since <= one.start < self._until:
            self._since = one.start
            self._until = one.start + self.every_us * max(1, DAY_US // self.every_us)
            self._read()
        return self._shares.get((one.start, one.view, one.element, one.movement))

    def _read(self) -> None:
        until = UtcMicros(min(self._until, self.until))
        table = self.flows.between(UtcMicros(self._since), until, None)
        table = table.filter(pc.is_valid(table["occupied_s"]))
        window = pc.divide(pc.subtract(table["at"].cast(pa.int64()), self._since), self.every_us)
        sums = (
            table.append_column("window", window)
            .group_by(["window", "camera", "line", "direction"], use_threads=False)
            .aggregate([("occupied_s", "sum"), ("coverage_s", "sum")])
        )
        self._shares = {
            (
                UtcMicros(self._since + row["window"] * self.every_us),
                row["camera"],
                row["line"],
                row["direction"],
            ): row["occupied_s_sum"] / row["coverage_s_sum"]
            for row in sums.to_pylist()
            if row["coverage_s_sum"] > 0.0
        }


def read_facts(path: Path) -> tuple[pa.Table, Shape]:
    """The minute facts in a CSV or Parquet file that `placewatch` wrote, ordered by time, and of
    which sort they are. Raises Misconfigured."""
    table = _table_in(path)
    shape = next((one for one in _SHAPES if _fits(table, one)), None)
    if shape is None:
        raise Misconfigured(f"{path} holds no facts", hint=_WHICH_FILES)
    rows = _rows_of(table, shape, path)
    if rows.num_rows == 0:
        raise Misconfigured(f"{path} holds not a single row", hint="export a longer time")
    return rows, shape


@dataclass(frozen=True, slots=True)
class RecordedFacts:
    """Facts of one sort that a file holds, as a store's are."""

    shape: Shape
    table: pa.Table

    def between(
        self, since: UtcMicros, until: UtcMicros, camera: CameraId | None = None
    ) -> pa.Table:
        at = self.table["at"].cast(pa.int64()).to_numpy()  # ordered
        begin, end = np.searchsorted(at, [since, until]).tolist()
        rows = self.table.slice(begin, end - begin)
        return rows if camera is None else rows.filter(pc.field("camera") == str(camera))


def read_recorded_facts(path: Path) -> dict[str, RecordedFacts]:
    """All counts, movements and flows in `path`, by the name of their shape: a file, or the folder
    that `--out` of watch or replay made. Raises Misconfigured where there are none."""
    if not path.is_dir():
        table, shape = read_facts(path)
        return {shape.name: RecordedFacts(shape, table)}
    found = {}
    for shape in (*_SHAPES, LINE_FLOWS):
        file = path / f"{shape.name}.parquet"
        if file.exists():
            found[shape.name] = RecordedFacts(shape, _rows_of(_table_in(file), shape, file))
    if not any(one.table.num_rows for one in found.values()):
        raise Misconfigured(f"{path} holds no facts", hint="name the folder of a report")
    return found


def _table_in(path: Path) -> pa.Table:
    try:
        if path.suffix.lower() == ".parquet":
            table = pq.read_table(path)
        else:
            table = csv.read_csv(
                io.BytesIO(path.read_bytes()),
                csv.ReadOptions(use_threads=False),
                convert_options=csv.ConvertOptions(
                    column_types=_TYPES, null_values=[""], strings_can_be_null=True
                ),
            )
    except FileNotFoundError as error:
        raise Misconfigured(f"{path} does not exist", hint="name a file of facts") from error
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise Misconfigured(
            f"{path} holds no facts: {str(error).splitlines()[0]}", hint=_WHICH_FILES
        ) from error
    return table


def _rows_of(table: pa.Table, shape: Shape, path: Path) -> pa.Table:
    """`table` ordered by time, with the columns of `shape`."""
    try:
        at = table["at"].cast(pa.timestamp("us"))
        table = table.set_column(table.schema.get_field_index("at"), "at", at)
        # Files of other versions have other columns beside those that are needed.
        schema = pa.schema([field for field in shape.schema if field.name in table.schema.names])
        columns = {field.name: table[field.name].cast(field.type) for field in schema}
        return pa.table(columns).sort_by([("at", "ascending")]).cast(schema)
    except (pa.ArrowException, ValueError, KeyError) as error:
        raise Misconfigured(
            f"{path} holds no facts: {str(error).splitlines()[0]}", hint=_WHICH_FILES
        ) from error


_SHAPES = (LINE_COUNTS, MOVEMENT_COUNTS)
_TYPES = {field.name: field.type for shape in _SHAPES for field in shape.schema} | {
    "at": pa.timestamp("us", tz="UTC")
}
_WHICH_FILES = "facts.csv, facts.parquet, movements.csv or movements.parquet of watch or export"


def span_of(table: pa.Table) -> tuple[UtcMicros, UtcMicros]:
    """When the first minute of `table` begins and the last one ends."""
    at = table["at"].cast(pa.int64())
    return UtcMicros(pc.min(at).as_py()), UtcMicros(pc.max(at).as_py() + MINUTE_US)


def _fits(table: pa.Table, shape: Shape) -> bool:
    return {"coverage_s", *shape.keys, *_summed(shape)} <= set(table.schema.names)


def _summed(shape: Shape) -> list[str]:
    speeds = ["speed_count", "speed_m_s_mean", "speed_m_s_p85"]
    return ["count", *(speeds if shape is LINE_COUNTS else [])]


def _order(key: Key) -> tuple[str, ...]:
    return tuple(part or "" for part in key)


@dataclass(frozen=True, slots=True)
class _Sums:
    """What the rows of a table add up to: by window and key; and how much of a view was seen."""

    shape: Shape
    cells: dict[tuple[int, Key], dict[str, Any]]
    coverage_s: dict[tuple[int, str], float]
    windows: set[int]

    def bin(self, window: int, key: Key, start: UtcMicros, end: UtcMicros, site: str) -> Bin:
        camera, line, first, second, kind = key
        cell = self.cells.get((window, key))
        of_view_s = self.coverage_s.get((window, camera), 0.0)
        if self.shape is MOVEMENT_COUNTS:
            # Rows from an unknown arm are only there where there were any: else there were none.
            coverage_s = of_view_s
            count = cell["count"] if cell is not None else (0 if of_view_s > 0.0 else None)
            return Bin(
                site, CameraId(camera), f"{first or '?'}>{second}", "", first, second,
                _KIND[kind], start, end, count, coverage_s,
            )  # fmt: skip
        movement = first or ""
        if cell is None:
            return Bin(
                site, CameraId(camera), line, movement, None, None, _KIND[kind], start, end,
                None, 0.0,
            )  # fmt: skip
        speeds = cell["speed_count"] or 0
        p85s = cell["p85_speeds"] or 0
        return Bin(
            site, CameraId(camera), line, movement, None, None, _KIND[kind], start, end,
            cell["count"], cell["coverage_s"],
            speed_count=speeds,
            speed_m_s_mean=cell["mean_total"] / speeds if speeds else None,
            speed_m_s_p85=cell["p85_total"] / p85s if p85s else None,
        )  # fmt: skip


_KIND = {str(kind): kind for kind in KINDS}


def _sums(table: pa.Table, shape: Shape, since: UtcMicros, every_us: int) -> _Sums:
    window = pc.divide(pc.subtract(table["at"].cast(pa.int64()), since), every_us)
    table = table.append_column("window", window)
    sums = ["coverage_s", "count"]
    if shape is LINE_COUNTS:
        speeds, mean, p85 = table["speed_count"], table["speed_m_s_mean"], table["speed_m_s_p85"]
        table = (
            table.append_column("mean_total", pc.multiply(mean, speeds))
            .append_column("p85_speeds", pc.if_else(pc.is_valid(p85), speeds, 0))
            .append_column("p85_total", pc.multiply(p85, speeds))
        )
        sums += ["speed_count", "mean_total", "p85_speeds", "p85_total"]
    names = [name for name in shape.keys if name != "at"]
    grouped = table.group_by(["window", *names], use_threads=False).aggregate(
        [(name, "sum") for name in sums]
    )
    cells: dict[tuple[int, Key], dict[str, Any]] = {}
    coverage_s: dict[tuple[int, str], float] = {}
    for row in grouped.to_pylist():
        window, camera = row["window"], row["camera"]
        if shape is LINE_COUNTS:
            key: Key = (camera, row["line"], row["direction"], None, row["kind"])
        else:
            key = (camera, "", row["from_arm"], row["to_arm"], row["kind"])
        cells[window, key] = {name: row[f"{name}_sum"] for name in sums}
        seen_s = coverage_s.get((window, camera), 0.0)
        coverage_s[window, camera] = max(seen_s, row["coverage_s_sum"] or 0.0)
    return _Sums(shape, cells, coverage_s, {window for window, _ in cells})
