"""What the fact store promises: all or nothing, once, and known from unknown."""

import ctypes
import datetime
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from placewatch.core.errors import Corrupt, Misconfigured, Unavailable
from placewatch.core.facts import JourneyTime, LineCount
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import MINUTE_US, UtcMicros
from placewatch.store.facts import FactStore
from placewatch.store.rows import JOURNEYS

NOON = UtcMicros(1_767_268_800_000_000)  # 2026-01-01 12:00 UTC
CAMERA = CameraId("t")


def minute(
    number: int, count: int | None = 1, coverage_s: float = 60.0, **changes: Any
) -> list[LineCount]:
    """The facts of one minute after noon: a line, two kinds, two ways."""
    fact = LineCount(
        at=UtcMicros(NOON + number * MINUTE_US),
        window_s=60.0,
        coverage_s=coverage_s,
        camera=CAMERA,
        line="East arm",
        kind=Kind.CAR,
        direction=Direction.LEFT_TO_RIGHT,
        count=count,
        speed_count=0,
        speed_m_s_mean=None,
        speed_m_s_p85=None,
    )
    return [
        replace(fact, kind=kind, direction=direction, **changes)
        for kind in (Kind.CAR, Kind.PEDESTRIAN)
        for direction in Direction
    ]


def facts_of(table: pa.Table) -> list[LineCount]:
    micros = table["at"].cast(pa.int64()).to_pylist()
    return [
        LineCount(
            **{**row, "at": at, "kind": Kind(row["kind"]), "direction": Direction(row["direction"])}
        )
        for at, row in zip(micros, table.to_pylist(), strict=True)
    ]


def everything(store: FactStore) -> list[LineCount]:
    return facts_of(store.between(UtcMicros(0), UtcMicros(NOON * 2)))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FactStore]:
    store = FactStore(tmp_path / "facts")
    yield store
    store.close()


facts = st.builds(
    LineCount,
    at=st.integers(0, 2 * NOON - 1).map(UtcMicros),
    window_s=st.just(60.0),
    coverage_s=st.floats(0, 60),
    camera=st.sampled_from([CameraId("a"), CameraId("b-2")]),
    line=st.text(min_size=1, max_size=8).filter(lambda text: "\x00" not in text),
    kind=st.sampled_from(Kind),
    direction=st.sampled_from(Direction),
    count=st.none() | st.integers(0, 10**9),
    speed_count=st.integers(0, 10**6),
    speed_m_s_mean=st.none() | st.floats(0, 100),
    speed_m_s_p85=st.none() | st.floats(0, 100),
)


@settings(max_examples=15, deadline=None)
@given(batches=st.lists(st.lists(facts, max_size=6), max_size=3))
def test_what_is_stored_comes_back_as_it_was(
    batches: list[list[LineCount]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = FactStore(tmp_path_factory.mktemp("facts"))
    try:
        for batch in batches:
            store.append(batch)
        stored = [fact for batch in batches for fact in batch]
        assert sorted(map(repr, everything(store))) == sorted(map(repr, stored))
    finally:
        store.close()


def test_facts_come_in_order_from_since_to_before_until(store: FactStore) -> None:
    store.append(minute(2) + minute(0))
    store.append(minute(1, camera=CameraId("other")) + minute(1))
    rows = facts_of(store.between(NOON, UtcMicros(NOON + 2 * MINUTE_US), CAMERA))
    assert {fact.at for fact in rows} == {NOON, NOON + MINUTE_US}
    keys = [(fact.at, fact.camera, fact.line, fact.kind, fact.direction) for fact in rows]
    assert keys == sorted(keys)
    assert len(keys) == 8


def test_an_empty_store_answers_with_no_rows(store: FactStore) -> None:
    store.append([])
    assert everything(store) == []


def test_a_reader_in_another_process_sees_what_is_stored(store: FactStore) -> None:
    store.append(minute(0))
    code = (
        "import sys, pathlib; from placewatch.store.facts import FactStore;"
        "store = FactStore(pathlib.Path(sys.argv[1]), writes=False);"
        "print(store.between(0, 2**52).num_rows)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(store.folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "4"


def test_a_reader_sees_what_is_stored_after_it_opened(store: FactStore) -> None:
    reader = FactStore(store.folder, writes=False)
    store.append(minute(0))
    assert len(everything(reader)) == 4


def test_a_second_writer_is_refused_until_the_first_has_closed(store: FactStore) -> None:
    with pytest.raises(Misconfigured, match="another placewatch writes"):
        FactStore(store.folder)
    store.close()
    FactStore(store.folder).close()


def test_reading_where_nothing_was_stored_says_so(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no facts are stored"):
        FactStore(tmp_path, writes=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder_for_facts(tmp_path: Path) -> None:
    (tmp_path / "facts").write_text("hello")
    with pytest.raises(Misconfigured, match="cannot be the folder"):
        FactStore(tmp_path / "facts")


# Profile


def test_a_missing_minute_is_unknown_and_a_quiet_one_is_zero(store: FactStore) -> None:
    store.append(minute(0, count=3) + minute(1, count=0))
    store.append(minute(3, count=None, coverage_s=0.0))
    profile = store.profile(CAMERA, NOON, UtcMicros(NOON + 4 * MINUTE_US), 60)
    assert profile.at == [NOON + number * MINUTE_US for number in range(4)]
    assert profile.coverage_s == [60.0, 60.0, 0.0, 0.0]
    assert [series.count for series in profile.series] == [[3, 0, None, None]] * 4


def test_a_partly_watched_step_counts_what_was_watched(store: FactStore) -> None:
    for number in (0, 1, 7):
        store.append(minute(number, count=2, coverage_s=45.0))
    store.append(minute(7, count=1, coverage_s=10.0))  # the node restarted within the minute
    store.append(minute(8, count=None, coverage_s=0.0))
    profile = store.profile(CAMERA, NOON, UtcMicros(NOON + 15 * MINUTE_US), 300)
    assert profile.coverage_s == [90.0, 55.0, 0.0]
    assert profile.series[0].count == [4, 3, None]


def test_a_line_that_was_drawn_later_is_unknown_before(store: FactStore) -> None:
    store.append(minute(0))
    store.append(minute(1) + minute(1, line="New"))
    profile = store.profile(CAMERA, NOON, UtcMicros(NOON + 2 * MINUTE_US), 60)
    counts = {series.line: series.count for series in profile.series}
    assert counts == {"East arm": [1, 1], "New": [None, 1]}


def test_speeds_of_a_step_weigh_as_they_are_many(store: FactStore) -> None:
    store.append(minute(0, speed_count=10, speed_m_s_mean=9.0, speed_m_s_p85=10.0))
    store.append(minute(1, speed_count=30, speed_m_s_mean=9.0, speed_m_s_p85=14.0))
    store.append(minute(2, speed_count=2, speed_m_s_mean=20.0))
    store.append(minute(5))
    profile = store.profile(CAMERA, NOON, UtcMicros(NOON + 10 * MINUTE_US), 300)
    assert profile.series[0].speed_m_s_p85 == [13.0, None]


def test_a_profile_of_nothing_is_unknown_throughout(store: FactStore) -> None:
    profile = store.profile(CAMERA, NOON, UtcMicros(NOON + 30 * MINUTE_US), 900)
    assert profile.coverage_s == [0.0, 0.0]
    assert profile.series == []


# The table itself


def test_other_engines_read_days_and_naive_utc(store: FactStore) -> None:
    store.append(minute(0) + minute(720))
    table = DeltaTable(str(store.folder))
    assert table.metadata().partition_columns == ["day"]
    rows = table.to_pyarrow_table()
    assert rows.schema.field("at").type == pa.timestamp("us")
    assert set(rows["day"].to_pylist()) == {
        datetime.date(2026, 1, 1),
        datetime.date(2026, 1, 2),
    }


def test_hours_are_compacted_and_days_cleaned_up_without_losing_a_fact(store: FactStore) -> None:
    numbers = [*range(0, 150, 10), 700, 721, 722, 800]
    for number in numbers:
        store.append(minute(number))
    assert len(everything(store)) == 4 * len(numbers)
    assert len(DeltaTable(str(store.folder)).file_uris()) <= 4
    assert list((store.folder / "_delta_log").glob("*.checkpoint.parquet"))
    store.close()
    again = FactStore(store.folder)
    assert len(everything(again)) == 4 * len(numbers)
    again.append(minute(900))
    assert len(everything(again)) == 4 * len(numbers) + 4
    again.close()


# Trouble


def log_of(store: FactStore) -> list[Path]:
    return sorted((store.folder / "_delta_log").glob("*.json"))


def data_of(store: FactStore, commit: Path) -> Iterator[Path]:
    for line in commit.read_text().split("\n")[:-1]:
        action = json.loads(line)
        if "add" in action:
            yield store.folder / action["add"]["path"]


def tear_log(store: FactStore) -> None:
    log_of(store)[-1].write_bytes(b"")


def tear_half_log(store: FactStore) -> None:
    path = log_of(store)[-1]
    path.write_bytes(path.read_bytes()[:-20])


def tear_data(store: FactStore) -> None:
    for path in data_of(store, log_of(store)[-1]):
        path.write_bytes(b"")


def tear_data_to_zeros(store: FactStore) -> None:
    for path in data_of(store, log_of(store)[-1]):
        path.write_bytes(bytes(path.stat().st_size))


def lose_data(store: FactStore) -> None:
    for path in data_of(store, log_of(store)[-1]):
        path.unlink()


TEARS = [tear_log, tear_half_log, tear_data, tear_data_to_zeros, lose_data]


@pytest.mark.parametrize("tear", TEARS)
def test_a_commit_that_a_power_cut_tore_is_taken_back(store: FactStore, tear: Any) -> None:
    """As the disk may look when the power went before `append` returned."""
    store.append(minute(0))
    mark = (store.folder / "_synced").read_bytes()
    store.append(minute(1))
    (store.folder / "_synced").write_bytes(mark)
    tear(store)
    store.close()
    again = FactStore(store.folder)
    assert {fact.at for fact in everything(again)} == {NOON}
    again.append(minute(1))
    assert len(everything(again)) == 8
    again.close()


@pytest.mark.parametrize("tear", TEARS[:2])
def test_damage_to_what_was_promised_stops_the_store_and_is_not_written_over(
    store: FactStore, tear: Any
) -> None:
    store.append(minute(0))
    store.append(minute(1))
    tear(store)
    store.close()
    before = {path: path.read_bytes() for path in store.folder.rglob("*") if path.is_file()}
    with pytest.raises(Corrupt, match="damaged"):
        FactStore(store.folder)
    with pytest.raises(Corrupt, match="damaged"):
        FactStore(store.folder, writes=False)
    assert before == {path: path.read_bytes() for path in store.folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("tear", TEARS[2:])
def test_damaged_facts_are_reported_not_skipped(store: FactStore, tear: Any) -> None:
    store.append(minute(0))
    tear(store)
    with pytest.raises(Corrupt, match="damaged"):
        everything(store)


def test_a_log_that_ends_too_early_is_damage(store: FactStore) -> None:
    store.append(minute(0))
    store.append(minute(1))
    log_of(store)[-1].unlink()
    store.close()
    with pytest.raises(Corrupt, match="its log ends at 1"):
        FactStore(store.folder)


@pytest.mark.parametrize("torn", ["_last_checkpoint", "*.checkpoint.parquet"])
def test_a_torn_checkpoint_loses_nothing(store: FactStore, torn: str) -> None:
    for number in (0, 1, 721, 722):
        store.append(minute(number))
    (path,) = (store.folder / "_delta_log").glob(torn)
    path.write_bytes(b"")
    store.close()
    again = FactStore(store.folder)
    assert len(everything(again)) == 16
    again.close()


def test_an_append_that_committed_but_did_not_sync_is_stored_once_when_tried_again(
    store: FactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("placewatch.store.facts.sync", full)
        with pytest.raises(Unavailable, match="full"):
            store.append(minute(0))
    store.append(minute(0) + minute(1))
    assert len(everything(store)) == 8
    store.append(minute(0))  # the same again later is no second try
    assert len(everything(store)) == 12


def test_a_full_disk_is_said_and_nothing_is_half_written(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the full disk, in a process of its own."""
    code = """
import pathlib, resource, sys
sys.path.insert(0, sys.argv[2])
from test_facts import FactStore, Unavailable, everything, minute
store = FactStore(pathlib.Path(sys.argv[1]))
store.append(minute(0))
resource.setrlimit(resource.RLIMIT_FSIZE, (700, resource.RLIM_INFINITY))
try:
    store.append(minute(1))
except Unavailable as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(len(everything(store)), *store.folder.rglob("*#*"))
store.append(minute(1))
print(len(everything(store)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "facts"), str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=True,
    )
    said, half, whole = done.stdout.splitlines()
    assert "is full" in said
    assert (half, whole) == ("4", "8")


AS_NOBODY = """
import pathlib, sys
sys.path.insert(0, sys.argv[2])
from test_facts import FactStore, Misconfigured, everything, minute
folder = pathlib.Path(sys.argv[1])
def allow(mode):
    for path in (*folder.rglob("*"), folder):
        if path.is_dir():
            path.chmod(mode)
nobody, root = (lambda: allow(0o500)), (lambda: allow(0o700))
"""
LIBC = ctypes.CDLL(None)
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1


def run_as_nobody(code: str) -> list[str]:
    """What `code` prints; `nobody()` takes its right to write away, `root()` gives it back.

    Root writes where it may not, so the process starts without that right. Changing its user
    instead would signal every thread, and the C library aborts where one is just ending.
    """
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY + code, folder, str(Path(__file__).parent)],
            capture_output=True,
            text=True,
            check=True,
            preexec_fn=lambda: LIBC.prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE),
        )
    return done.stdout.splitlines()


def test_a_folder_that_may_not_be_written_is_said() -> None:
    (said,) = run_as_nobody("""
nobody()
try:
    FactStore(pathlib.Path(sys.argv[1]) / "facts")
except Misconfigured as error:
    print(error)
root()
""")
    assert "cannot be written" in said


def test_a_store_that_became_read_only_says_so_and_keeps_what_it_has() -> None:
    said, kept, after = run_as_nobody("""
store = FactStore(pathlib.Path(sys.argv[1]) / "facts")
store.append(minute(0))
nobody()
try:
    store.append(minute(1))
except Misconfigured as error:
    print(error)
root()
print(len(everything(store)))
store.append(minute(1))
print(len(everything(store)))
""")
    assert "cannot be written" in said
    assert (kept, after) == ("4", "8")


def test_a_table_of_an_older_version_gets_the_columns_that_came_later(tmp_path: Path) -> None:
    later = ("through_share_low", "through_share_high")
    schema = pa.schema([one for one in JOURNEYS.schema if one.name not in later])
    old = FactStore(tmp_path / "journeys", shape=replace(JOURNEYS, schema=schema))
    way = Direction.LEFT_TO_RIGHT
    fact = JourneyTime(
        NOON, 3600.0, 3600.0, "Road", "counts", CAMERA, "In", way, CAMERA, "Out", way, 400.0,
        40.0, 39.0, 41.0, 40.0, 39.0, 41.0, 0.8, 500, None, None,
    )  # fmt: skip
    old.append([fact])
    old.close()
    until = UtcMicros(NOON + 60 * MINUTE_US)
    reader = FactStore(tmp_path / "journeys", writes=False, shape=JOURNEYS)
    assert reader.between(NOON, until)["through_share_low"].to_pylist() == [None]

    now = FactStore(tmp_path / "journeys", shape=JOURNEYS)
    second = replace(
        fact,
        at=UtcMicros(NOON + 15 * MINUTE_US),
        through_share_low=0.74,
        through_share_high=0.86,
    )
    now.append([second])
    now.close()
    for store in (reader, FactStore(tmp_path / "journeys", shape=JOURNEYS)):
        rows = store.between(NOON, until)
        assert rows.schema == JOURNEYS.schema
        assert rows["through_share"].to_pylist() == [0.8, 0.8]
        assert rows["through_share_high"].to_pylist() == [None, 0.86]
        store.close()
