"""Link memory: what one camera may tell another is counts, and no second of them reaches a disk."""

import json
import pickle
import typing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from placewatch.bench.links import START, drawn_link
from placewatch.core.facts import Crossing, JourneyTime
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import MINUTE_US, SimulatedClock, UtcMicros, minute_of
from placewatch.node import config
from placewatch.node.node import Node
from placewatch.store.rows import JOURNEYS
from placewatch.store.store import Store

CAMERA = """
[[camera]]
id = "{id}"
url = "street:main"
  [[camera.line]]
  name = "Line"
  from_px = [0, 0]
  to_px = [9, 9]
"""
TOML = (
    'site = "Kista"\ndata = "data"\n'
    + "".join(CAMERA.format(id=one) for one in "ab")
    + """
[[link]]
name = "Station road"
from_line = "a/Line"
from_direction = "left_to_right"
to_line = "b/Line"
to_direction = "left_to_right"
length_m = 500.0
"""
)
WAY = "Line", Direction.LEFT_TO_RIGHT
HOUR_S = 3600
RUN = 24  # seconds in a row whose counts nothing else has


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[int, ...]]]:
    """An hour of a link on a node, which is then stopped: its folder, and both lines' seconds."""
    folder = tmp_path_factory.mktemp("node")
    path = folder / "placewatch.toml"
    path.write_text(TOML)
    clock = SimulatedClock(START)
    node = Node(path, config.load(path), clock, demo=False)
    drawn = drawn_link(1, 500.0, "actuated")
    told = [drawn.left.counts, drawn.arrived.counts]
    for second in range(HOUR_S):
        at = UtcMicros(START + (second + 1) * 1_000_000)
        for camera, counts in zip("ab", told, strict=True):
            one = Crossing(
                UtcMicros(at - 500_000), 0.0, 0, CameraId(camera), WAY[0], Kind.CAR, WAY[1], None
            )
            linked = node.cameras[CameraId(camera)]._meters.linked
            linked.measure(at, False, [one] * counts[second])
    clock.sleep(HOUR_S + 20.0)
    for counts, camera in zip(told, "ab", strict=True):
        kept = node.cameras[CameraId(camera)].linked().series(camera, WAY, START, HOUR_S)
        assert kept.counts == counts, "in memory it is there"
    node._journeys.tell(clock.utc())
    node._tick(minute_of(clock.utc()))
    node.stop()
    return folder, told


def written_as(run: tuple[int, ...]) -> list[bytes]:
    """How a program could have put such seconds into a file."""
    kinds = (np.uint8, np.int16, np.int32, np.int64, np.float32, np.float64)
    texts = [f"{sign}".join(map(str, run)).encode() for sign in (",", ", ", "", " ", "\n")]
    return [np.array(run, kind).tobytes() for kind in kinds] + texts


def runs_of(counts: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Stretches of seconds in which many crossed: no other file has such by chance."""
    runs = [counts[begin : begin + RUN] for begin in range(0, HOUR_S - RUN, RUN)]
    return [run for run in runs if len(set(run)) >= 3 and np.count_nonzero(run) >= 6]


def told_by(folder: Path, counts: tuple[int, ...]) -> list[Path]:
    """The files in `folder` that hold a stretch of these seconds. Columns of tables are packed, so
    that they are looked at as what they are, below."""
    forms = [form for run in runs_of(counts) for form in written_as(run)]
    assert len(forms) > 150
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if any(form in path.read_bytes() for form in forms)]


def test_no_file_of_the_node_holds_a_stretch_of_seconds(
    watched: tuple[Path, list[tuple[int, ...]]],
) -> None:
    folder, told = watched
    assert len(list(folder.rglob("*"))) > 20
    for counts in told:
        assert told_by(folder, counts) == []


def test_a_file_that_held_them_would_be_found(tmp_path: Path) -> None:
    counts = drawn_link(1, 500.0, "actuated").left.counts
    (tmp_path / "a.csv").write_text("second,count\n" + "\n".join(map(str, counts)))
    (tmp_path / "b.bin").write_bytes(pickle.dumps(np.array(counts, np.int64)))
    (tmp_path / "c.json").write_text(json.dumps({"counts": counts}))
    (tmp_path / "d.txt").write_text("nothing of it")
    assert sorted(path.name for path in told_by(tmp_path, counts)) == ["a.csv", "b.bin", "c.json"]


def test_an_hour_leaves_one_row_of_single_numbers_a_quarter(
    watched: tuple[Path, list[tuple[int, ...]]],
) -> None:
    folder, _ = watched
    store = Store(folder / "data", writes=False)
    table = store.table(JOURNEYS)
    assert table is not None
    rows = table.between(UtcMicros(0), UtcMicros(START + 100 * HOUR_S * 1_000_000))
    store.close()
    assert rows.num_rows == 4
    starts = rows["at"].cast(pa.int64()).to_pylist()
    assert [at is not None and at % (15 * MINUTE_US) for at in starts] == [0] * 4
    for field in rows.schema:
        assert not pa.types.is_nested(field.type), field.name
        assert not pa.types.is_binary(field.type), field.name
    known = [row for row in rows.to_pylist() if row["why"] is None]
    assert known, "the hour is told"
    assert known[-1]["arrived"] >= 100, "of a hundred at least, and of nobody"


def test_a_journey_time_has_room_for_single_numbers_and_words_alone() -> None:
    hints = typing.get_type_hints(JourneyTime)
    for name, kind in hints.items():
        parts = set(typing.get_args(kind)) or {kind}
        assert parts <= {
            int, float, str, type(None), Direction, CameraId, UtcMicros,
        }, name  # fmt: skip
