"""Queues and people across: from a street through the meters into the store, and out as files."""

import csv
import dataclasses
from pathlib import Path

import pyarrow.parquet as pq
from tests.measure.test_roadway import BOTH, CAMERA, NOON, facts_of, plan, street

from placewatch.core.facts import FootCrossings, LaneQueue
from placewatch.core.time import MINUTE_US, UtcMicros
from placewatch.measure.meters import Meters
from placewatch.node.export import export_facts
from placewatch.store.export import write_facts
from placewatch.store.rows import FOOT_CROSSINGS, LANE_QUEUES, SHAPES, rows_of
from placewatch.store.store import Store

SITE = 'site = "Kista"\ndata = "."\n'


def told() -> tuple[list[LaneQueue], list[FootCrossings]]:
    facts = facts_of(Meters(CAMERA, [], NOON, plan(), road=BOTH), street())
    return (
        [fact for fact in facts if isinstance(fact, LaneQueue)],
        [fact for fact in facts if isinstance(fact, FootCrossings)],
    )


def stored(folder: Path) -> tuple[list[LaneQueue], list[FootCrossings]]:
    queues, walks = told()
    store = Store(folder)
    store.append(queues)
    store.append(walks)
    store.close()
    return queues, walks


def test_what_was_measured_of_the_road_comes_back_as_it_was(tmp_path: Path) -> None:
    queues, walks = stored(tmp_path)
    store = Store(tmp_path, writes=False)
    for shape, facts in ((LANE_QUEUES, queues), (FOOT_CROSSINGS, walks)):
        table = store.table(shape)
        assert table is not None
        rows = table.between(NOON, UtcMicros(NOON + MINUTE_US), CAMERA)
        key = shape.keys[-1]
        expected = sorted(
            (dataclasses.asdict(fact) for fact in facts), key=lambda row: str(row[key])
        )
        found = sorted(rows.to_pylist(), key=lambda row: str(row[key]))
        assert len(found) == len(expected) > 0
        for row, fact in zip(found, expected, strict=True):
            for name in shape.schema.names:
                if name != "at":
                    value = fact[name]
                    assert row[name] == (list(value) if isinstance(value, tuple) else value), name
    store.close()


def test_a_queue_that_stood_and_people_who_crossed_are_exported(tmp_path: Path) -> None:
    stored(tmp_path)
    config = tmp_path / "placewatch.toml"
    config.write_text(SITE)
    asked = "2026-01-01", "2026-01-02", "csv"
    assert export_facts(config, *asked, str(tmp_path / "q.csv"), "queues") == 1
    assert export_facts(config, *asked, str(tmp_path / "w.csv"), "crossings_on_foot") == 2
    with (tmp_path / "q.csv").open(newline="") as stream:
        (queue,) = csv.DictReader(stream)
    assert queue["at"] == "2026-01-01T12:00:00Z"
    assert (queue["approach"], queue["lane"], queue["vehicles_max"]) == ("East", "0", "3")
    assert (queue["departures"], queue["delay_count"]) == ("3", "3")
    assert float(queue["delay_s_mean"]) > 20.0
    with (tmp_path / "w.csv").open(newline="") as stream:
        walks = {row["crossing"]: row for row in csv.DictReader(stream)}
    assert (walks["Zebra"]["count"], walks[""]["count"]) == ("5", "1")
    assert walks["Zebra"]["speed_m_s_bins"] == "0 0 0 0 0 0 5 0 0 0 0 0"
    assert walks[""]["speed_m_s_bins"] == walks[""]["wait_count"] == "", "one is no five"


def test_a_parquet_file_keeps_histograms_as_lists(tmp_path: Path) -> None:
    _, walks = told()
    write_facts(walks, tmp_path / "w.parquet", FOOT_CROSSINGS)
    table = pq.read_table(tmp_path / "w.parquet")
    assert table.schema.metadata[b"format"] == b"placewatch.crossings_on_foot/1"
    assert [5 in (row or []) for row in table["speed_m_s_bins"].to_pylist()] == [True, False]


def test_every_sort_of_facts_has_a_column_for_each_of_its_fields_and_no_other() -> None:
    for sort, shape in SHAPES.items():
        assert [field.name for field in dataclasses.fields(sort)] == shape.schema.names, shape.name
        assert rows_of([], shape).num_rows == 0
