"""Movements between arms beside counts of lines: tables of their own, the same promises."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from placewatch.core.errors import Misconfigured
from placewatch.core.facts import LineCount, MovementCount
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import MINUTE_US, UtcMicros
from placewatch.node.export import export_facts
from placewatch.store.export import write_facts
from placewatch.store.facts import FactStore
from placewatch.store.rows import MOVEMENT_COUNTS
from placewatch.store.store import Store

NOON = UtcMicros(1_767_268_800_000_000)  # 2026-01-01 12:00 UTC
CAMERA = CameraId("t")


def moved(minute: int, came_by: str | None, left_by: str, count: int | None) -> MovementCount:
    at = UtcMicros(NOON + minute * MINUTE_US)
    return MovementCount(at, 60.0, 60.0, CAMERA, came_by, left_by, Kind.CAR, count)


def crossed(minute: int) -> LineCount:
    at = UtcMicros(NOON + minute * MINUTE_US)
    return LineCount(
        at, 60.0, 60.0, CAMERA, "East", Kind.CAR, Direction.LEFT_TO_RIGHT, 3, 0, None, None
    )


def test_each_sort_of_facts_goes_to_its_own_table(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append([crossed(0)])
    store.append([moved(0, "North", "East", 2), moved(0, None, "East", 1)])
    store.close()
    again = Store(tmp_path, writes=False)
    assert again.facts.between(NOON, UtcMicros(NOON + MINUTE_US)).num_rows == 1
    movements = again.table(MOVEMENT_COUNTS)
    assert movements is not None
    rows = movements.between(NOON, UtcMicros(NOON + MINUTE_US))
    assert rows["from_arm"].to_pylist() == ["North", None]
    assert rows["count"].to_pylist() == [2, 1]
    again.close()


def test_a_folder_of_an_earlier_version_has_no_movements_until_it_is_written(
    tmp_path: Path,
) -> None:
    FactStore(tmp_path / "facts").close()
    reader = Store(tmp_path, writes=False)
    assert reader.table(MOVEMENT_COUNTS) is None
    reader.close()
    Store(tmp_path).close()
    reader = Store(tmp_path, writes=False)
    assert reader.table(MOVEMENT_COUNTS) is not None
    reader.close()


def test_facts_of_two_sorts_are_not_one_append(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(AssertionError, match="one sort"):
        store.append([crossed(0), moved(0, "North", "East", 2)])
    store.append([])
    assert store.facts.between(UtcMicros(0), UtcMicros(2 * NOON)).num_rows == 0
    store.close()


def test_movements_are_exported_as_csv_with_unknown_as_an_empty_field(tmp_path: Path) -> None:
    (tmp_path / "placewatch.toml").write_text('site = "Kista"\ndata = "data"\n')
    store = Store(tmp_path / "data")
    store.append([moved(0, "North", "East", 2), moved(1, "North", "East", None)])
    store.close()
    out = tmp_path / "out.csv"
    asked = (tmp_path / "placewatch.toml", "2026-01-01", "2026-01-02", "csv", str(out))
    assert export_facts(*asked, what="movements") == 2
    assert out.read_bytes().decode() == (
        "at,window_s,coverage_s,camera,from_arm,to_arm,kind,count\r\n"
        "2026-01-01T12:00:00Z,60.0,60.0,t,North,East,car,2\r\n"
        "2026-01-01T12:01:00Z,60.0,60.0,t,North,East,car,\r\n"
    )
    with pytest.raises(Misconfigured, match="noise") as caught:
        export_facts(*asked, what="noise")
    assert "facts or movements or speeds or flows" in caught.value.hint


def test_a_file_of_movements_says_its_format(tmp_path: Path) -> None:
    path = tmp_path / "movements.parquet"
    write_facts([moved(0, None, "East", 1)], path, MOVEMENT_COUNTS)
    assert pq.read_schema(path).metadata[b"format"] == b"placewatch.movements/1"
