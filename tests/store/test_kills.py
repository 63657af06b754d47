"""kill -9 in the middle of a minute: what was reported as stored is there, once."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.compute as pc
import pytest

from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import MINUTE_US, UtcMicros
from placewatch.store.facts import FactStore

START = 1_767_225_600_000_000 // MINUTE_US  # minutes since 1970; 2026-01-01 00:00 UTC

WRITER = """
import pathlib, sys
from placewatch.core.facts import LineCount
from placewatch.core.kinds import Direction, Kind
from placewatch.store.facts import FactStore
store = FactStore(pathlib.Path(sys.argv[1]))
print("open", flush=True)
minute = int(sys.argv[2])
while True:
    store.append(
        LineCount(
            minute * 60_000_000, 60.0, 60.0, "t", "a line", kind, way, minute % 7, 0, None, None
        )
        for kind in Kind
        for way in Direction
    )
    print("stored", minute, flush=True)
    minute += int(sys.argv[3])
"""


def write_until_killed(
    folder: Path, first_minute: int, every: int, appends: int, delay_s: float
) -> list[int]:
    """Starts a writer, kills it `delay_s` after its n-th append, and returns what it reported."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(first_minute), str(every)],
        stdout=subprocess.PIPE,
    )
    assert writer.stdout is not None
    lines = [writer.stdout.readline() for _ in range(1 + appends)]
    time.sleep(delay_s)  # somewhere within the next append, or just after it
    writer.kill()
    lines += writer.stdout.readlines()
    writer.wait()
    writer.stdout.close()
    assert lines[0] == b"open\n", lines
    return [int(line.split()[1]) for line in lines[1:] if line.endswith(b"\n")]


def check(folder: Path, reported: set[int], missing: set[int]) -> None:
    """Everything reported is there once, nothing is half there, and gaps are unknown."""
    store = FactStore(folder)
    rows = store.between(UtcMicros(0), UtcMicros(2**52))
    counts = {
        row["at"].timestamp() // 60: row["at_count"]
        for row in rows.set_column(0, "at", pc.assume_timezone(rows["at"], "UTC"))
        .group_by("at")
        .aggregate([("at", "count")])
        .to_pylist()
    }
    cells = len(Kind) * len(Direction)
    assert reported <= set(counts), f"lost: {sorted(reported - set(counts))}"
    assert set(counts.values()) <= {cells}, "a minute is doubled or half there"
    assert not missing & set(counts)

    last = int(max(counts)) + 1
    profile = store.profile(
        CameraId("t"), UtcMicros(START * MINUTE_US), UtcMicros(last * MINUTE_US), 60
    )
    for at, coverage_s, count in zip(
        profile.at, profile.coverage_s, profile.series[0].count, strict=True
    ):
        minute = at // MINUTE_US
        assert (coverage_s, count) == ((60.0, minute % 7) if minute in counts else (0.0, None))
    store.close()


def kill_again_and_again(folder: Path, seed: int, kills: int, every: int = 1) -> None:
    dice = random.Random(seed)
    reported: set[int] = set()
    missing: set[int] = set()
    minute = START
    for _ in range(kills):
        stored = write_until_killed(folder, minute, every, dice.randrange(3), dice.uniform(0, 0.06))
        reported.update(stored)
        # The minute in which it was killed may be there; the two after it were never watched.
        begun = stored[-1] + every if stored else minute
        minute = begun + 3
        missing.update((begun + 1, begun + 2))
    check(folder, reported, missing)


def test_a_writer_that_is_killed_twenty_times_loses_nothing_it_reported(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path / "facts", seed=1, kills=20)


def test_a_writer_that_is_killed_while_it_compacts_loses_nothing(tmp_path: Path) -> None:
    """40 minutes between the appends: at almost each an hour, at some a day is tidied."""
    kill_again_and_again(tmp_path / "facts", seed=1, kills=8, every=40)


@pytest.mark.long
@pytest.mark.parametrize("every", [1, 40])
@pytest.mark.parametrize("seed", [2, 3])
def test_a_writer_that_is_killed_on_and_on_loses_nothing_it_reported(
    tmp_path: Path, seed: int, every: int
) -> None:
    kill_again_and_again(tmp_path / "facts", seed, kills=50, every=every)
