"""Bins: minutes add up, coverage too, and what nobody watched stays unknown."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placewatch.core.bins import (
    QUARTER_US,
    Bin,
    peak_hour,
    peak_hour_factor,
    volumes,
)
from placewatch.core.errors import Misconfigured
from placewatch.core.facts import Fact, LineCount, MovementCount
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import MINUTE_US, UtcMicros
from placewatch.store.bins import bins_of, read_facts, span_of, stored_bins
from placewatch.store.export import write_facts
from placewatch.store.facts import FactStore
from placewatch.store.rows import LINE_COUNTS, MOVEMENT_COUNTS, Shape, rows_of

NOON = UtcMicros(1_767_268_800_000_000)  # 2026-01-01 12:00 UTC
CAMERA = CameraId("t")
CARS = frozenset({Kind.CAR})


def crossed(
    minute: int, count: int | None, seen_s: float = 60.0, speed: float | None = None
) -> LineCount:
    speeds = (count or 0) if speed is not None else 0
    return LineCount(
        UtcMicros(NOON + minute * MINUTE_US), 60.0, seen_s, CAMERA, "East", Kind.CAR,
        Direction.LEFT_TO_RIGHT, count, speeds, speed, speed if speeds >= 5 else None,
    )  # fmt: skip


def moved(
    minute: int, came_by: str | None, count: int | None, seen_s: float = 60.0
) -> MovementCount:
    at = UtcMicros(NOON + minute * MINUTE_US)
    return MovementCount(at, 60.0, seen_s, CAMERA, came_by, "East", Kind.CAR, count)


def binned(
    facts: Iterable[Fact], minutes: int, every: int, shape: Shape = LINE_COUNTS
) -> list[Bin]:
    until = UtcMicros(NOON + minutes * MINUTE_US)
    table = rows_of(facts, shape)
    return list(bins_of([table], shape, NOON, until, every * MINUTE_US, "Kista"))


def test_minutes_add_up_with_their_coverage_and_speeds() -> None:
    (told,) = binned([crossed(0, 5, 60.0, 10.0), crossed(1, 15, 30.0, 14.0)], 15, 15)
    assert (told.count, told.coverage_s, told.window_s) == (20, 90.0, 900.0)
    assert told.speed_count == 20
    assert told.speed_m_s_mean == pytest.approx(13.0)
    assert told.speed_m_s_p85 == pytest.approx(13.0)


def test_a_quarter_of_fog_is_unknown_and_not_zero() -> None:
    facts = [crossed(minute, 1) for minute in range(15)]
    facts += [crossed(minute, None, 0.0) for minute in range(15, 30)]
    facts += [crossed(minute, 0) for minute in range(45, 60)]
    first, fog, absent, quiet = binned(facts, 60, 15)
    assert (first.count, fog.count, absent.count, quiet.count) == (15, None, None, 0)
    assert (fog.coverage_s, absent.coverage_s, quiet.coverage_s) == (0.0, 0.0, 900.0)


def test_three_minutes_of_fog_leave_a_count_of_what_was_seen() -> None:
    facts = [crossed(minute, 2) for minute in range(12)]
    facts += [crossed(minute, None, 0.0) for minute in range(12, 15)]
    (told,) = binned(facts, 15, 15)
    assert (told.count, told.coverage_s) == (24, 720.0)


def test_who_was_not_seen_to_come_in_is_zero_where_nobody_was() -> None:
    facts = [
        moved(0, "West", 3),
        moved(0, None, 1),
        moved(5, "West", 2),
        moved(10, "West", None, 0),
    ]
    told = {(one.start, one.from_arm): one for one in binned(facts, 15, 5, MOVEMENT_COUNTS)}
    five, ten = UtcMicros(NOON + 5 * MINUTE_US), UtcMicros(NOON + 10 * MINUTE_US)
    assert told[NOON, None].count == 1
    assert told[NOON, None].element == "?>East"
    assert (told[five, None].count, told[five, None].coverage_s) == (0, 60.0)
    assert told[ten, None].count is None
    assert told[NOON, "West"].element == "West>East"


def test_rows_of_the_same_minute_are_disjoint_parts_of_it() -> None:
    (told,) = binned([crossed(0, 1, 20.0), crossed(0, 2, 30.0)], 1, 1)
    assert (told.count, told.coverage_s) == (3, 50.0)


def test_the_last_bin_ends_where_the_time_does() -> None:
    *_, last = binned([crossed(minute, 1) for minute in range(20)], 20, 15)
    assert (last.count, last.window_s) == (5, 300.0)


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(st.integers(0, 179), st.one_of(st.none(), st.integers(0, 9)), min_size=1),
    st.sampled_from([1, 5, 15, 60]),
)
def test_nothing_is_lost_and_nothing_made_up(counts: dict[int, int | None], every: int) -> None:
    facts = [
        crossed(minute, count, 0.0 if count is None else 60.0) for minute, count in counts.items()
    ]
    told = binned(facts, 180, every)
    assert sum(one.count or 0 for one in told) == sum(count or 0 for count in counts.values())
    watched_s = 60.0 * sum(count is not None for count in counts.values())
    assert sum(one.coverage_s for one in told) == watched_s
    assert all((one.count is None) == (one.coverage_s == 0.0) for one in told)
    starts = [one.start for one in told]
    assert starts == sorted(set(starts))


def test_stored_facts_are_the_same_bins_over_many_days(tmp_path: Path) -> None:
    store = FactStore(tmp_path / "facts")
    facts = [crossed(minute, minute % 7) for minute in range(0, 4000, 9)]
    store.append(facts)
    until = UtcMicros(NOON + 4200 * MINUTE_US)
    told = list(stored_bins(store, NOON, until, 60 * MINUTE_US, "Kista"))
    store.close()
    assert told == binned(facts, 4200, 60)
    assert len(told) == 67  # hours; after the last minute nothing is said


@pytest.mark.parametrize("name", ["facts.csv", "facts.parquet"])
def test_a_file_of_facts_is_read_back(tmp_path: Path, name: str) -> None:
    facts = [crossed(0, 3, 60.0, 9.0), crossed(1, None, 0.0)]
    write_facts(facts, tmp_path / name)
    table, shape = read_facts(tmp_path / name)
    assert shape is LINE_COUNTS
    assert table.equals(rows_of(facts))
    assert span_of(table) == (NOON, NOON + 2 * MINUTE_US)


@pytest.mark.parametrize("name", ["movements.csv", "movements.parquet"])
def test_a_file_of_movements_is_read_back(tmp_path: Path, name: str) -> None:
    facts = [moved(0, "01", 3), moved(1, None, 2)]
    write_facts(facts, tmp_path / name, MOVEMENT_COUNTS)
    table, shape = read_facts(tmp_path / name)
    assert shape is MOVEMENT_COUNTS
    assert table.equals(rows_of(facts, MOVEMENT_COUNTS))


def test_a_file_of_another_version_may_have_other_columns(tmp_path: Path) -> None:
    text = (
        "at,coverage_s,camera,line,kind,direction,count,speed_count,speed_m_s_mean,speed_m_s_p85,new\n"
        "2026-01-01T12:00:00Z,60.0,t,East,car,left_to_right,3,0,,,9\n"
    )
    (tmp_path / "facts.csv").write_text(text)
    table, shape = read_facts(tmp_path / "facts.csv")
    until = UtcMicros(NOON + MINUTE_US)
    (told,) = bins_of([table], shape, NOON, until, MINUTE_US, "Kista")
    assert (told.count, told.coverage_s) == (3, 60.0)


@pytest.mark.parametrize("text", ["", "at,line\n2026,3\n", "\0\0", "at,window_s\n1,2,3\n"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "other.csv").write_text(text)
    with pytest.raises(Misconfigured, match="holds no facts"):
        read_facts(tmp_path / "other.csv")
    (tmp_path / "other.parquet").write_text(text)
    with pytest.raises(Misconfigured, match="holds no facts"):
        read_facts(tmp_path / "other.parquet")
    with pytest.raises(Misconfigured, match="does not exist"):
        read_facts(tmp_path / "absent.csv")


def test_a_peak_hour_is_four_quarters_that_were_watched() -> None:
    counts: list[int | None] = [10, 20, 30, 40, 30, None, 90, 90, 90]
    quarters = {UtcMicros(NOON + n * QUARTER_US): count for n, count in enumerate(counts)}
    peak = peak_hour(quarters)
    assert peak is not None
    assert (peak.start, peak.volume) == (NOON + QUARTER_US, 120)
    assert peak.factor == pytest.approx(120 / 160)
    assert peak_hour({NOON: 3}) is None


def test_a_factor_of_nobody_is_unknown_and_of_a_steady_hour_one() -> None:
    assert peak_hour_factor((0, 0, 0, 0)) is None
    assert peak_hour_factor((7, 7, 7, 7)) == 1.0
    assert peak_hour_factor((8, 0, 0, 0)) == 0.25


def test_a_volume_is_unknown_where_too_little_was_watched() -> None:
    told = binned([crossed(minute, 1) for minute in range(14)], 15, 15)
    assert volumes(told, CARS) == {NOON: None}
    told = binned([crossed(minute, 1) for minute in range(15)], 15, 15)
    assert volumes(told, CARS) == {NOON: 15}
    assert volumes(told, frozenset({Kind.BUS})) == {}
