"""Facts as files: complete, or not there at all."""

import csv
import datetime
import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from placewatch.core.errors import Misconfigured
from placewatch.core.facts import LineCount
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import MINUTE_US, UtcMicros
from placewatch.store.export import export, write_facts
from placewatch.store.facts import FactStore
from placewatch.store.rows import LINE_COUNTS

NOON = UtcMicros(1_767_268_800_000_000)  # 2026-01-01 12:00 UTC
EARLY, LATE = UtcMicros(0), UtcMicros(2 * NOON)
HEADER = (
    "at,window_s,coverage_s,camera,line,kind,direction,"
    "count,speed_count,speed_m_s_mean,speed_m_s_p85"
)


def fact(minute: int, count: int | None, line: str = "East arm") -> LineCount:
    return LineCount(
        at=UtcMicros(NOON + minute * MINUTE_US),
        window_s=60.0,
        coverage_s=0.0 if count is None else 59.96,
        camera=CameraId("t"),
        line=line,
        kind=Kind.CAR,
        direction=Direction.LEFT_TO_RIGHT,
        count=count,
        speed_count=count or 0,
        speed_m_s_mean=12.5 if count else None,
        speed_m_s_p85=None,
    )


@pytest.fixture
def facts(tmp_path: Path) -> Iterator[FactStore]:
    facts = FactStore(tmp_path / "facts")
    facts.append([fact(0, 2), fact(1, None), fact(720, 0)])
    yield facts
    facts.close()


def test_csv_tells_zero_from_unknown(facts: FactStore, tmp_path: Path) -> None:
    assert export(facts, EARLY, LATE, "csv", tmp_path / "out.csv") == 3
    assert (tmp_path / "out.csv").read_bytes().decode() == (
        f"{HEADER}\r\n"
        "2026-01-01T12:00:00Z,60.0,59.96,t,East arm,car,left_to_right,2,2,12.5,\r\n"
        "2026-01-01T12:01:00Z,60.0,0.0,t,East arm,car,left_to_right,,0,,\r\n"
        "2026-01-02T00:00:00Z,60.0,59.96,t,East arm,car,left_to_right,0,0,,\r\n"
    )


def test_parquet_says_its_format_and_its_time_zone(facts: FactStore, tmp_path: Path) -> None:
    assert export(facts, EARLY, LATE, "parquet", tmp_path / "out.parquet") == 3
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.schema.metadata[b"format"] == b"placewatch.facts/1"
    assert table["at"].to_pylist()[0] == datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
    assert table["count"].to_pylist() == [2, None, 0]


def test_a_period_is_from_its_first_to_before_its_last_instant(facts: FactStore) -> None:
    out = io.BytesIO()
    assert export(facts, NOON, UtcMicros(NOON + MINUTE_US), "csv", out) == 1
    assert out.getvalue().count(b"\r\n") == 2


def test_an_empty_period_is_a_header(facts: FactStore, tmp_path: Path) -> None:
    out = io.BytesIO()
    assert export(facts, EARLY, UtcMicros(1), "csv", out) == 0
    assert out.getvalue().decode() == f"{HEADER}\r\n"
    export(facts, EARLY, UtcMicros(1), "parquet", tmp_path / "none.parquet")
    assert pq.read_table(tmp_path / "none.parquet").num_rows == 0


def test_a_period_that_ends_before_it_begins_is_refused(facts: FactStore) -> None:
    with pytest.raises(Misconfigured, match="nothing lies from 2026-01-01T12:00:00Z to 1970"):
        export(facts, NOON, EARLY, "csv", io.BytesIO())


def test_names_with_commas_quotes_and_breaks_survive(tmp_path: Path) -> None:
    name = 'East, "new"\r\narm'
    write_facts([fact(0, 1, name)], tmp_path / "facts.csv")
    with (tmp_path / "facts.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert rows[0]["line"] == name


def test_facts_become_files_without_a_store(tmp_path: Path) -> None:
    assert write_facts([fact(0, 1)], tmp_path / "facts.parquet") == 1
    assert pq.read_table(tmp_path / "facts.parquet").num_rows == 1
    assert write_facts([], tmp_path / "facts.csv") == 0
    with pytest.raises(Misconfigured, match=r"neither \.csv nor \.parquet"):
        write_facts([], tmp_path / "facts.xlsx")


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="does not exist"):
        write_facts([fact(0, 1)], tmp_path / "absent" / "facts.csv")
    (tmp_path / "taken.csv").mkdir()
    with pytest.raises((Misconfigured, OSError)):
        write_facts([fact(0, 1)], tmp_path / "taken.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.csv"]


def test_an_export_that_fails_midway_leaves_the_old_file(tmp_path: Path) -> None:
    out = tmp_path / "facts.csv"
    write_facts([fact(0, 1)], out)
    before = out.read_bytes()

    def failing() -> Iterator[LineCount]:
        yield fact(0, 2)
        raise RuntimeError("pulled the plug")

    with pytest.raises(RuntimeError):
        write_facts(failing(), out)
    assert out.read_bytes() == before
    assert list(tmp_path.iterdir()) == [out]


def test_every_column_is_explained_in_the_format() -> None:
    text = (Path(__file__).parents[2] / "docs/spec/facts.md").read_text(encoding="utf-8")
    for name in LINE_COUNTS.schema.names:
        assert f"\n| `{name}` |" in text, name
    for word in (*Kind, *Direction):
        assert f"`{word}`" in text, word
    assert LINE_COUNTS.format in text
    assert HEADER in text
