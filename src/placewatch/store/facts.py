"""Facts: the measurements of a node in a Delta Lake table, one commit a minute.

How this works. The table is a folder of Parquet files, one sub-folder a day, and a log of numbered
commits that say which files belong to it; other engines read it as it is (https://delta.io,
protocol). `deltalake` makes each commit all or nothing for who reads, but does not sync it to the
disk, so that a power cut could leave a commit whose files are empty. Therefore:

1. `append` writes and commits, then syncs the files of the commit, the commit and their folders,
   then writes the commit's number to `_synced`. Only then it returns.
2. Whoever opens the table to write looks at the commits after `_synced`: `append` has not returned
   from them. One that came out whole is kept; a torn one is taken back. A torn one before it means
   that the disk lost what it had promised: that is Corrupt, and nothing is written over it.
3. Each commit carries a running number (`Transaction`), so that an append that failed halfway and
   is tried again is stored once.

Every hour the small files of a day become one; every day a checkpoint is written and files that
no reader can need any more are deleted.
"""

import datetime
import fcntl
import json
import threading
import urllib.parse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import structlog
from deltalake import (
    CommitProperties,
    DeltaTable,
    Field,
    PostCommitHookProperties,
    Transaction,
    write_deltalake,
)
from deltalake.exceptions import DeltaError

from placewatch.core.errors import Corrupt, Misconfigured, PlacewatchError
from placewatch.core.facts import Fact
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import MINUTE_US, UtcMicros, from_rfc3339
from placewatch.store.disk import refusal, sync, whole_file
from placewatch.store.rows import LINE_COUNTS, Shape, naive, rows_of

APP = "placewatch"  # the writer's name in each commit
KEEP_HOURS = 48  # how long a replaced file stays for readers that began before
HOUR_US, DAY_US = 60 * MINUTE_US, 1440 * MINUTE_US
_DAY: "pa.Field[Any]" = pa.field("day", pa.date32(), nullable=False)

_FOREIGN = (DeltaError, OSError, pa.ArrowException, ValueError)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Series:
    """One line, kind and direction over the steps of a profile. None is unknown, 0 is nobody."""

    line: str
    kind: Kind
    direction: Direction
    count: list[int | None]
    speed_m_s_p85: list[float | None]


@dataclass(frozen=True, slots=True)
class Profile:
    """Counts of one camera in steps: `at` is the start of each, `coverage_s` the seconds of it
    that were watched."""

    step_s: float
    at: list[UtcMicros]
    coverage_s: list[float]
    series: list[Series]


class FactStore:
    """Append-only, one writer, many readers. What `append` returned from survives a power cut.

    `folder` is the table of the facts that have `shape`. With `writes` it is made where it does
    not exist, and no other process may write until `close`. Any thread may call. Raises
    Misconfigured where the folder cannot be used or has another writer, Corrupt where it is
    damaged.
    """

    def __init__(self, folder: Path, writes: bool = True, shape: Shape = LINE_COUNTS) -> None:
        self.folder, self.shape = folder, shape
        self._table_schema = pa.schema([_DAY, *shape.schema])
        self._log_folder = folder / "_delta_log"
        self._lock = threading.RLock()
        self._writer: IO[bytes] | None = None
        self._doubtful: tuple[int, pa.Table] | None = None  # an append that failed: did it commit?
        self._tidied_at: UtcMicros | None = None
        if writes:
            self._writer = self._become_writer()
            try:
                self._settle_tail()
                self._table = self._open_or_create()
                self._widen()
            except BaseException:
                self.close()
                raise
        else:
            if not DeltaTable.is_deltatable(str(folder)):
                raise Misconfigured(
                    f"no {shape.name} are stored in {folder}",
                    hint="is this the folder that the node writes to, and has it run?",
                )
            self._table = self._open()

    def append(self, facts: Iterable[Fact]) -> None:
        """Adds all of `facts`, or none of them. Raises Unavailable where the disk is full.

        Trying the same facts again after a failure, perhaps with newer ones behind them, stores
        them once.
        """
        rows = rows_of(facts, self.shape)
        if rows.num_rows == 0:
            return
        with self._lock:
            assert self._writer is not None, "opened to read, or closed"
            try:
                self._commit(rows)
                self._sync_commits()
            except _FOREIGN as error:
                self._sweep()
                self._translate(error)
            self._doubtful = None
            self._tidy(UtcMicros(pc.max(rows["at"].cast(pa.int64())).as_py()))

    def between(
        self, since: UtcMicros, until: UtcMicros, camera: CameraId | None = None
    ) -> pa.Table:
        """All facts with since ≤ at < until, ordered by time, camera and the other
        columns that say what a row is of."""
        filters: list[Any] = [
            ("day", ">=", naive(since).date()),
            ("day", "<=", naive(until).date()),
            ("at", ">=", naive(since)),
            ("at", "<", naive(until)),
        ]
        if camera is not None:
            filters.append(("camera", "=", camera))
        with self._lock:
            try:
                self._table.update_incremental()
                # On this thread alone: a process that ends while Arrow's own threads are still
                # starting is aborted by the C++ runtime, about once in eighty on a busy machine.
                stored = self._table.to_pyarrow_dataset()
                names = [name for name in self.shape.schema.names if name in stored.schema.names]
                table = stored.to_table(
                    columns=names, filter=pq.filters_to_expression(filters), use_threads=False
                )
            except _FOREIGN as error:
                self._translate(error)
        for name in self.shape.schema.names:
            if name not in names:  # written by a version that did not tell it
                kind = self.shape.schema.field(name).type
                table = table.append_column(name, pa.nulls(table.num_rows, kind))
        table = table.select(self.shape.schema.names)
        table = table.cast(self.shape.schema)
        return table.take(pc.sort_indices(table, sort_keys=self.shape.order))

    def by_day(self, since: UtcMicros, until: UtcMicros) -> Iterator[pa.Table]:
        """`between`, day by day, so that a year need not fit into memory."""
        with self._lock:
            try:
                self._table.update_incremental()
                days = sorted({str(partition["day"]) for partition in self._table.partitions()})
            except _FOREIGN as error:
                self._translate(error)
        for day in days:
            begin = from_rfc3339(day)
            first, end = max(since, begin), min(until, begin + DAY_US)
            if first < end:
                yield self.between(UtcMicros(first), UtcMicros(end))

    def profile(
        self, camera: CameraId, since: UtcMicros, until: UtcMicros, step_s: float
    ) -> Profile:
        """Line counts in steps from `since`. A step of which nothing is known has coverage 0.

        A partly watched step has the count of what was watched. The 85th percentile is the mean of
        those of its minutes, weighted by their speeds: an estimate.
        """
        step_us = round(step_s * 1e6)
        assert step_us > 0
        assert step_us % MINUTE_US == 0, "facts are of minutes"
        since = UtcMicros(since - since % MINUTE_US)
        steps = max(0, -(-(until - since) // step_us))
        rows = self.between(since, until, camera)
        p85, speeds = rows["speed_m_s_p85"], rows["speed_count"]
        sums = (
            rows.append_column(
                "step", pc.divide(pc.subtract(rows["at"].cast(pa.int64()), since), step_us)
            )
            .append_column("p85_speeds", pc.if_else(pc.is_valid(p85), speeds, 0))
            .append_column("p85_total", pc.multiply(p85, speeds))
            .group_by(["line", "kind", "direction", "step"])
            .aggregate(
                [(name, "sum") for name in ("coverage_s", "count", "p85_speeds", "p85_total")]
            )
        )
        coverage_s = [0.0] * steps
        series: dict[tuple[str, str, str], Series] = {}
        for row in sums.to_pylist():
            key = row["line"], row["kind"], row["direction"]
            if key not in series:
                series[key] = Series(
                    key[0], Kind(key[1]), Direction(key[2]), [None] * steps, [None] * steps
                )
            step = row["step"]
            coverage_s[step] = max(coverage_s[step], row["coverage_s_sum"])
            series[key].count[step] = row["count_sum"]
            if row["p85_speeds_sum"]:
                series[key].speed_m_s_p85[step] = row["p85_total_sum"] / row["p85_speeds_sum"]
        return Profile(
            step_s,
            [UtcMicros(since + step * step_us) for step in range(steps)],
            coverage_s,
            [series[key] for key in sorted(series)],
        )

    def close(self) -> None:
        """Lets another process write. May be called more than once."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def _commit(self, rows: pa.Table) -> None:
        """Puts `rows` into the table as the next transaction, unless a failed try did already."""
        self._table.update_incremental()
        done = self._table.transaction_version(APP) or 0
        if self._doubtful is not None:
            number, tried = self._doubtful
            if done >= number and rows.slice(0, tried.num_rows).equals(tried):
                rows = rows.slice(tried.num_rows)  # it did commit, and only failed to sync
                if rows.num_rows == 0:
                    return
        self._doubtful = done + 1, rows
        day = rows["at"].cast(pa.date32())
        write_deltalake(
            self._table,
            rows.add_column(0, _DAY, day).cast(self._table_schema),
            mode="append",
            commit_properties=CommitProperties(app_transactions=[Transaction(APP, done + 1)]),
            post_commithook_properties=_NO_HOOKS,
        )

    def _sync_commits(self) -> None:
        """Makes all commits survive a power cut, and notes that."""
        self._table.update_incremental()
        last = self._table.version()
        folders = {self.folder, self._log_folder}
        for number in range(self._synced() + 1, last + 1):
            for path, _ in self._files_of(number):
                sync(path)
                folders.add(path.parent)
            sync(self._log_folder / f"{number:020d}.json")
        for folder in sorted(folders):
            sync(folder)
        with whole_file(self.folder / "_synced") as stream:
            stream.write(b"%d\n" % last)

    def _synced(self) -> int:
        """The last commit that is known to survive a power cut; -1 before the first."""
        try:
            return int((self.folder / "_synced").read_text())
        except FileNotFoundError:
            return -1
        except ValueError as error:
            raise self._corrupt(f"{self.folder / '_synced'} holds no number") from error

    def _files_of(self, number: int) -> list[tuple[Path, int]]:
        """The files that a commit adds, with their sizes. Raises ValueError where it is torn."""
        text = (self._log_folder / f"{number:020d}.json").read_text()
        actions = [json.loads(line) for line in text.split("\n") if line]
        if not actions:
            raise ValueError("the commit is empty")
        added = [action["add"] for action in actions if "add" in action]
        return [(self.folder / urllib.parse.unquote(add["path"]), add["size"]) for add in added]

    def _commits(self) -> list[int]:
        return sorted(
            int(path.stem) for path in self._log_folder.glob("*.json") if path.stem.isdigit()
        )

    def _settle_tail(self) -> None:
        """Takes back what a power cut tore: commits and checkpoints that were not yet synced."""
        numbers = self._commits()
        if not numbers:
            if self._synced() >= 0:
                raise self._corrupt("its log is gone")
            return
        synced, last = self._synced(), numbers[-1]
        if synced > last:
            raise self._corrupt(f"commit {synced} was stored, but its log ends at {last}")
        if synced < 0 and last > 1:
            synced = last  # somebody took `_synced` away: every commit may have been promised
        torn = [number for number in range(synced + 1, last + 1) if not self._is_whole(number)]
        # What was committed after a torn commit was not promised either.
        for number in range(last, torn[0] - 1, -1) if torn else ():
            (self._log_folder / f"{number:020d}.json").unlink(missing_ok=True)
            _log.warning("facts.torn_commit_taken_back", table=str(self.folder), commit=number)
        self._settle_checkpoint()

    def _is_whole(self, number: int) -> bool:
        try:
            return all(
                path.exists() and path.stat().st_size == size and pq.read_metadata(path) is not None
                for path, size in self._files_of(number)
            )
        except (OSError, ValueError, KeyError, pa.ArrowException):
            return False

    def _settle_checkpoint(self) -> None:
        """A checkpoint only saves reading the log: one that is torn is taken away."""
        pointer = self._log_folder / "_last_checkpoint"
        try:
            number = json.loads(pointer.read_text())["version"]
            checkpoint = self._log_folder / f"{number:020d}.checkpoint.parquet"
            pq.read_metadata(checkpoint)
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
            pointer.unlink(missing_ok=True)
        for path in self._log_folder.glob("*.checkpoint.parquet"):
            try:
                pq.read_metadata(path)
            except (OSError, pa.ArrowException):
                path.unlink()

    def _become_writer(self) -> IO[bytes]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            stream = (self.folder / "_writer.lock").open("ab")
        except OSError as error:
            raise refusal(error, self.folder) or Misconfigured(
                f"{self.folder} cannot be the folder of facts: {error.strerror}",
                hint="choose another in the configuration",
            ) from error
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.close()
            raise Misconfigured(
                f"another placewatch writes to {self.folder} already",
                hint="stop that one first, or give this one a folder of its own",
            ) from error
        return stream

    def _open_or_create(self) -> DeltaTable:
        if not self._log_folder.exists() or not any(self._log_folder.glob("*.json")):
            try:
                DeltaTable.create(
                    str(self.folder),
                    schema=self._table_schema,
                    partition_by=["day"],
                    name=f"placewatch {self.shape.name}",
                    description=f"{self.shape.format}: {self.shape.says}",
                    configuration={"delta.logRetentionDuration": "interval 3 days"},
                )
            except _FOREIGN as error:
                self._translate(error)
        return self._open()

    def _open(self) -> DeltaTable:
        try:
            last = self._commits()[-1]
            self._files_of(last)  # `deltalake` takes an empty commit for one that changes nothing
            return DeltaTable(str(self.folder))
        except (*_FOREIGN, IndexError) as error:
            self._translate(error)

    def _widen(self) -> None:
        """Gives a table of an older version the columns that came later; its rows have nulls."""
        stored = {one.name for one in self._table.schema().fields}
        missing = [one for one in self._table_schema if one.name not in stored]
        if not missing:
            return
        assert all(one.nullable for one in missing), "rows of older versions cannot tell them"
        try:
            self._table.alter.add_columns(
                [Field.from_arrow(one) for one in missing], post_commithook_properties=_NO_HOOKS
            )
            self._sync_commits()
        except _FOREIGN as error:
            self._translate(error)

    def _tidy(self, at: UtcMicros) -> None:
        """Compacts when an hour is over, and cleans up when a day is. What fails is done later."""
        last, self._tidied_at = self._tidied_at, at
        if last is None or at // HOUR_US <= last // HOUR_US:
            return
        try:
            today = naive(at).date()
            for day in (today - datetime.timedelta(days=1), today):
                self._table.optimize.compact(
                    partition_filters=[("day", "=", day.isoformat())],
                    post_commithook_properties=_NO_HOOKS,
                )
            self._sync_commits()
            if at // DAY_US > last // DAY_US:
                self._clean_up()
        except (*_FOREIGN, PlacewatchError) as error:
            _log.warning("facts.not_tidied", table=str(self.folder), why=str(error))

    def _clean_up(self) -> None:
        self._table.create_checkpoint()
        pointer = self._log_folder / "_last_checkpoint"
        number = json.loads(pointer.read_text())["version"]
        sync(self._log_folder / f"{number:020d}.checkpoint.parquet")
        sync(pointer)
        sync(self._log_folder)
        self._table.cleanup_metadata()
        self._table.vacuum(
            retention_hours=KEEP_HOURS,
            dry_run=False,
            enforce_retention_duration=False,
            post_commithook_properties=_NO_HOOKS,
        )
        self._sync_commits()

    def _sweep(self) -> None:
        """Removes what a failed write left: files that were not finished."""
        for part in self.folder.glob("**/*#*"):
            with_suffix = part.name.rsplit("#", 1)
            if len(with_suffix) == 2 and with_suffix[1].isdigit():
                part.unlink(missing_ok=True)

    def _translate(self, error: Exception) -> NoReturn:
        if isinstance(error, PlacewatchError):
            raise error
        raise refusal(error, self.folder) or self._corrupt(
            str(error).splitlines()[0] if str(error) else type(error).__name__
        ) from error

    def _corrupt(self, why: str) -> Corrupt:
        return Corrupt(
            f"the facts in {self.folder} are damaged: {why}",
            hint="restore the folder from a backup, or move it away to begin anew; "
            "placewatch writes nothing over it",
        )


_NO_HOOKS = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
