"""Track memory: of a single road user nothing is left ten seconds after it left the view, and
nothing ever reaches the disk but sums."""

import gc
import types
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from placewatch.core.facts import Fact, FootCrossings, LaneQueue
from placewatch.core.ids import camera_id
from placewatch.core.kinds import Direction, Kind
from placewatch.core.space import Point
from placewatch.core.time import MINUTE_US, UtcMicros
from placewatch.measure.carriageway import Across, Carriageway
from placewatch.measure.ground import Ground
from placewatch.measure.line import CountingLine
from placewatch.measure.linked import LinkedLines
from placewatch.measure.meters import Meters
from placewatch.measure.queue import Approach
from placewatch.measure.replay import GroundTracks, Replay, on_plan
from placewatch.measure.roadway import Road
from placewatch.measure.zone import Zone
from placewatch.store.rows import JOURNEYS, MOVEMENT_COUNTS, SHAPES
from placewatch.store.store import Store

CAMERA = camera_id("road")
START = UtcMicros(1_800_000_000_000_000 - 1_800_000_000_000_000 % MINUTE_US)
LEFT_S, MEMORY_S = 6.0, 10.0
LATER = UtcMicros(START + 16 * MINUTE_US)
# Places that nothing else has: whoever finds one of these digits has found a road user.
WEST_M, NORTH_M, SPEED_M_S = 3.141592653589793, 1.7320508075688772, 9.869604401089358
WALKS_AT_M, WALKS_M_S = 70.71828182845904, 1.8392867552141612
PLACES_M = NORTH_M, WEST_M + 30.0, WALKS_AT_M
ROAD = Road(
    (Approach("East", (Point(60, 2), Point(5, 2)), width_m=6.0),),
    (Carriageway("Lane", (Point(60, -39), Point(80, -39), Point(80, -32), Point(60, -32))),),
)


def plan() -> Ground:
    metres = np.array([(0.0, -40.0), (80.0, -40.0), (80.0, 40.0), (0.0, 40.0)])
    pixels = [(point.x_px, point.y_px) for point in (on_plan(Point(x, y)) for x, y in metres)]
    return Ground.fit(np.array(pixels), metres)


def drives() -> GroundTracks:
    """Two cars that nearly meet, and somebody who crosses a lane; all gone after LEFT_S."""
    moments = np.arange(0.0, LEFT_S + MEMORY_S + 1.0, 0.1)
    there = moments[moments < LEFT_S]
    zeros = np.zeros(len(there))
    east = (WEST_M + SPEED_M_S * there, NORTH_M + zeros, zeros, zeros + SPEED_M_S)
    north = (
        WEST_M + 30.0 + zeros,
        NORTH_M - 44.0 + SPEED_M_S * there,
        zeros + np.pi / 2,
        zeros + SPEED_M_S,
    )
    walk = (
        WALKS_AT_M + zeros,
        WALKS_M_S * there - 40.5,
        zeros + np.pi / 2,
        zeros + WALKS_M_S,
    )
    x, y, heading, speed = (np.concatenate(each) for each in zip(east, north, walk, strict=True))
    who = np.repeat([0, 1, 2], len(there))
    return GroundTracks(
        moments, np.concatenate([there] * 3), who, x, y, heading, speed,
        [Kind.CAR, Kind.CAR, Kind.PEDESTRIAN], np.array([(4.4, 1.8), (4.4, 1.8), (0.5, 0.5)]),
    )  # fmt: skip


Measured = tuple[Meters, set[str], list[Fact]]
OUT, IN = ("Road", Direction.LEFT_TO_RIGHT), ("Road", Direction.RIGHT_TO_LEFT)
AFTER, BEFORE = ("Later", Direction.LEFT_TO_RIGHT), ("Later", Direction.RIGHT_TO_LEFT)


@pytest.fixture
def measured() -> Measured:
    """The meters after all are gone, the names they had, and what was told of them so far."""
    box = Zone("Box", (Point(5, -30), Point(60, -30), Point(60, 30), Point(5, 30)))
    line = CountingLine("Road", on_plan(Point(20, -9)), on_plan(Point(20, 9)))
    later = CountingLine("Later", on_plan(Point(40, -9)), on_plan(Point(40, 9)))
    linked = LinkedLines([OUT, IN], [(OUT, AFTER), (IN, BEFORE)])
    meters = Meters(CAMERA, [line, later], START, plan(), [box], ROAD, linked)
    names: set[str] = set()
    for scene in Replay(CAMERA, START).scenes(drives()):
        names |= {str(mover.track) for mover in scene.movers}
        meters.measure(scene)
    return meters, names, []


@pytest.fixture
def stored(measured: Measured, tmp_path: Path) -> Path:
    """The folder of a store with all that was told of them in the end."""
    meters, _, told = measured
    told += meters.close_minutes(LATER)
    meters.leave()
    told += meters.close(LATER)
    sorts = len({type(fact) for fact in told})
    assert sorts == len(SHAPES) - 2, "all sorts but movements, and journeys between views"
    assert [one.departures for one in told if isinstance(one, LaneQueue)] == [1]
    assert [one.count for one in told if isinstance(one, FootCrossings) if one.count] == [1]
    store = Store(tmp_path / "data")
    for sort in SHAPES:
        store.append([fact for fact in told if type(fact) is sort])
    store.close()
    return tmp_path


def test_ten_seconds_after_they_left_nothing_of_them_is_in_memory(
    measured: Measured,
) -> None:
    meters, names, _ = measured
    assert len(names) == 3
    seen: set[int] = set()
    waiting: list[object] = [meters]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type | types.ModuleType | types.FunctionType):
            continue
        seen.add(id(one))
        assert not (isinstance(one, str) and one in names), "an id is kept"
        assert not isinstance(one, Across), "a passage is kept"
        if isinstance(one, np.ndarray) and one.dtype == np.float64:
            for place in (*PLACES_M, SPEED_M_S, WALKS_M_S):
                assert not np.isclose(one, place, rtol=0, atol=1e-9).any(), "a place is kept"
        waiting += gc.get_referents(one)
    assert len(seen) > 50, "nothing was looked at"


def test_no_file_has_an_id_a_place_or_a_moment_of_them(measured: Measured, stored: Path) -> None:
    _, names, _ = measured
    files = [path for path in stored.rglob("*") if path.is_file()]
    assert any(path.suffix == ".parquet" for path in files)
    # Not their speed: a minute in which one passed tells it, as a count of one tells a passage.
    digits = [repr(value)[:12].encode() for value in PLACES_M]
    for path in files:
        content = path.read_bytes()
        for secret in [name.encode() for name in names] + digits:
            assert secret not in content, path
    store = Store(stored / "data", writes=False)
    for shape in SHAPES.values():
        table = store.table(shape)
        assert table is not None
        rows = table.between(START, LATER)
        assert rows.num_rows or shape in (MOVEMENT_COUNTS, JOURNEYS)
        for name in rows.column_names:
            column = rows[name]
            if pa.types.is_floating(column.type):
                values = [value for value in column.to_pylist() if value is not None]
                if name in ("x_m", "y_m", "length_m_max", "back_m_max"):
                    assert all((2 * value).is_integer() for value in values), "finer than 0.5 m"
            if pa.types.is_timestamp(column.type):
                micros = column.cast(pa.int64()).to_pylist()
                whole = [at is not None and at % MINUTE_US == 0 for at in micros]
                assert all(whole), "finer than a minute"
            assert name not in ("track", "id", "frame", "media_s"), name
    store.close()


def test_of_two_who_passed_a_linked_line_no_second_is_left(
    measured: Measured,
) -> None:
    """They were two in five minutes, so fewer than five: nothing of it is kept."""
    meters, _, _ = measured
    counts = meters.linked._counts
    assert int(counts.sum()) == 1, "the one who passed counts, while its five minutes last"
    spans = meters.linked.spans
    assert sum(map(len, spans._sums.values())) == 1, "and so does its time between two lines"
    assert spans._moments == {}, "but not when it passed which"
    over = UtcMicros(START + 310_000_000)
    meters.linked.measure(over, True, [])
    assert not counts.any()
    assert not any(spans._sums.values())
