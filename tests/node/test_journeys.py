"""Links on a node: what two cameras count becomes a stored time, or a stored reason why not."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from placewatch.bench.links import AMBIGUOUS, START, Drawn, drawn_link
from placewatch.core.errors import Misconfigured
from placewatch.core.facts import Crossing
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import MINUTE_US, SimulatedClock, UtcMicros, minute_of
from placewatch.measure.journey import CrossingSeries
from placewatch.measure.linked import LinkedLines
from placewatch.node import config
from placewatch.node.journeys import Journeys
from placewatch.node.node import Node
from placewatch.store.rows import JOURNEYS

CAMERA = """
[[camera]]
id = "{id}"
url = "street:main"
  [[camera.line]]
  name = "East arm"
  from_px = [0, 0]
  to_px = [9, 9]
  [[camera.line]]
  name = "Behind/it"
  from_px = [20, 0]
  to_px = [29, 9]
"""
LINK = """
[[link]]
name = "Station road"
from_line = "a/East arm"
from_direction = "left_to_right"
to_line = "b/East arm"
to_direction = "right_to_left"
length_m = 500.0
"""
SIGNAL = """
[[link]]
name = "Over the signal"
from_line = "b/East arm"
from_direction = "right_to_left"
to_line = "b/Behind/it"
to_direction = "right_to_left"
length_m = 60
"""
ROUTE = """
[[link]]
name = "Station to market"
through = ["Station road", "Over the signal"]
"""
CAMERAS = 'site = "Kista"\ndata = "data"\n' + "".join(CAMERA.format(id=one) for one in "ab")
TOML = CAMERAS + LINK + SIGNAL + ROUTE
A, B = CameraId("a"), CameraId("b")
OUT, BACK = Direction.LEFT_TO_RIGHT, Direction.RIGHT_TO_LEFT
LENGTH_M = 500.0
HOUR_S = 3600


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(START)


@pytest.fixture
def begin(tmp_path: Path, clock: SimulatedClock) -> Iterator[Callable[[], Node]]:
    """Nodes in one folder, one after the other, whose cameras have no notice: the test watches."""
    path = tmp_path / "placewatch.toml"
    path.write_text(TOML)
    made: list[Node] = []

    def start() -> Node:
        for old in made:
            old.stop()
        made.append(Node(path, config.load(path), clock, demo=False))
        return made[-1]

    yield start
    made[-1].stop()


def watch(
    node: Node,
    camera: CameraId,
    seen: CrossingSeries,
    seconds: range,
    away: range = range(0),
    direction: Direction = OUT,
) -> None:
    """The camera's meters see those who cross in `seconds`, a scene each second."""
    meters = node.cameras[camera]._meters
    for second in seconds:
        at = UtcMicros(START + (second + 1) * 1_000_000)
        crossing = Crossing(
            UtcMicros(at - 500_000), 0.0, 0, camera, "East arm", Kind.CAR, direction, None
        )
        if second not in away:
            meters.linked.measure(at, second - 1 in away, [crossing] * seen.counts[second])


def pass_signal(node: Node, rng: np.random.Generator, seconds: int) -> float:
    """Vehicles of one view wait at its signal, each cycle for as long; their mean time."""
    meters = node.cameras[B]._meters
    took_s = []
    for user, begin_s in enumerate(range(0, seconds - 100, 15)):
        wait_s = float(rng.uniform(10.0, 40.0))
        for line, at_s in (("East arm", begin_s), ("Behind/it", begin_s + wait_s)):
            at = UtcMicros(START + round(at_s * 1e6))
            one = Crossing(at, at_s, 0, B, line, Kind.CAR, BACK, None)
            meters.linked.spans.passed(user, one)
        took_s.append(wait_s)
    return float(np.mean(took_s))


def tell(node: Node, clock: SimulatedClock, until_s: float) -> list[dict[str, Any]]:
    """What is stored of links after `until_s` from the start."""
    clock.sleep(until_s - clock.monotonic_s())
    node._journeys.tell(clock.utc())
    node._tick(minute_of(clock.utc()))
    table = node.store.table(JOURNEYS)
    assert table is not None
    rows: list[dict[str, Any]] = table.between(
        UtcMicros(0), UtcMicros(START + 100 * HOUR_S * 1_000_000)
    ).to_pylist()
    return rows


def last(rows: list[dict[str, Any]], link: str = "Station road") -> dict[str, Any]:
    return [row for row in rows if row["link"] == link][-1]


def see(node: Node, drawn: Drawn, seconds: range = range(HOUR_S), away: range = range(0)) -> None:
    """Both cameras watch; the first is away for some of the time."""
    watch(node, A, drawn.left, seconds, away)
    watch(node, B, drawn.arrived, seconds, direction=BACK)


def test_what_two_cameras_count_is_stored_as_a_time_that_is_right(
    begin: Callable[[], Node], clock: SimulatedClock
) -> None:
    node = begin()
    drawn = drawn_link(1, LENGTH_M, "actuated")
    see(node, drawn)
    row = last(tell(node, clock, HOUR_S + 20.0))
    true_s = float(np.median(drawn.times_s))
    assert row["why"] is None, row["sentence"]
    assert (row["how"], row["window_s"], row["length_m"]) == ("counts", 3600.0, 500.0)
    assert (row["from_camera"], row["to_camera"], row["to_line"]) == ("a", "b", "East arm")
    assert row["coverage_s"] == pytest.approx(3599.0, abs=1.5)
    assert row["median_s"] == pytest.approx(true_s, rel=0.02, abs=1.0)
    assert row["median_s_low"] <= true_s <= row["median_s_high"], "holds 95 of 100 times"
    assert row["mean_s_low"] < row["mean_s"] < row["mean_s_high"]
    assert 0.5 < row["through_share"] < 1.1
    assert row["arrived"] > 300


@pytest.mark.parametrize("case", ["a fixed signal between", "nobody through, in bunches"])
def test_what_is_ambiguous_is_stored_as_a_reason(
    begin: Callable[[], Node], clock: SimulatedClock, case: str
) -> None:
    node = begin()
    see(node, AMBIGUOUS[case](2, LENGTH_M))
    row = last(tell(node, clock, HOUR_S + 20.0))
    assert row["why"] in ("signal", "cycle", "peaks", "through", "range", "shape", "width")
    assert row["sentence"].endswith(".")
    assert row["coverage_s"] > 3590.0, "it was watched; that is not the reason"
    assert all(row[name] is None for name in row if name.endswith(("_s_low", "_s_high")))
    assert row["mean_s"] is row["median_s"] is row["through_share"] is row["arrived"] is None


def test_a_camera_that_is_away_makes_the_time_no_other(
    begin: Callable[[], Node], clock: SimulatedClock
) -> None:
    node = begin()
    drawn = drawn_link(3, LENGTH_M, "actuated")
    see(node, drawn, away=range(1200, 1800))
    row = last(tell(node, clock, HOUR_S + 20.0))
    assert row["coverage_s"] == pytest.approx(3000.0, abs=3.0)
    assert row["why"] is None, row["sentence"]
    assert row["median_s"] == pytest.approx(float(np.median(drawn.times_s)), rel=0.03, abs=1.0)


def test_where_too_little_was_watched_there_is_a_reason(
    begin: Callable[[], Node], clock: SimulatedClock
) -> None:
    node = begin()
    see(node, drawn_link(3, LENGTH_M, "actuated"), away=range(600, 3600))
    row = last(tell(node, clock, HOUR_S + 20.0))
    assert row["why"] == "flow"
    assert row["coverage_s"] == pytest.approx(600.0, abs=2.0)


def test_there_is_a_row_for_each_link_and_quarter_from_the_first_on(
    begin: Callable[[], Node], clock: SimulatedClock
) -> None:
    node = begin()
    see(node, drawn_link(3, LENGTH_M, "actuated"))
    assert tell(node, clock, 905.0) == [], "its last crossings may still be told"
    rows = tell(node, clock, 920.0)
    assert {row["link"] for row in rows} == {"Station road", "Over the signal", "Station to market"}
    assert {row["why"] for row in rows} >= {"flow", "part"}
    rows = tell(node, clock, 2 * HOUR_S)
    ends = [row["at"].timestamp() for row in rows if row["link"] == "Station road"]
    assert np.diff(ends).tolist() == [900.0] * 6, "none is left out, none is told twice"
    assert len(rows) == 7 * 3


def test_a_node_that_starts_again_makes_nothing_up(
    begin: Callable[[], Node], clock: SimulatedClock
) -> None:
    drawn = drawn_link(3, LENGTH_M, "actuated")
    node = begin()
    see(node, drawn, range(2650))
    assert len(tell(node, clock, 2650.0)) == 2 * 3, "quarters that were over"
    node = begin()
    see(node, drawn, range(2650, HOUR_S))
    row = last(tell(node, clock, HOUR_S + 20.0))
    assert row["why"] == "flow"
    assert row["coverage_s"] == pytest.approx(950.0, abs=2.0)
    rows = tell(node, clock, HOUR_S + 30.0)
    assert len({(row["link"], row["at"]) for row in rows}) == len(rows) == 4 * 3


def test_a_route_is_its_link_and_the_delay_that_one_view_sees(
    begin: Callable[[], Node], clock: SimulatedClock
) -> None:
    node = begin()
    drawn = drawn_link(3, LENGTH_M, "actuated")
    see(node, drawn)
    delay_s = pass_signal(node, np.random.default_rng(1), HOUR_S)
    rows = tell(node, clock, HOUR_S + 20.0)
    link, view, route = (
        last(rows, name) for name in ("Station road", "Over the signal", "Station to market")
    )
    assert view["how"] == "view"
    assert view["median_s"] is None
    assert view["mean_s"] == pytest.approx(delay_s, abs=0.3)
    assert view["arrived"] > 200
    assert route["how"] == "parts"
    assert route["mean_s"] == pytest.approx(link["mean_s"] + view["mean_s"])
    half_s = math.hypot(*(one["mean_s_high"] - one["mean_s"] for one in (link, view)))
    assert route["mean_s_high"] - route["mean_s"] == pytest.approx(half_s)
    assert (route["length_m"], route["to_line"]) == (560.0, "Behind/it")


def test_a_bug_in_one_link_is_stored_as_that_and_others_go_on(
    begin: Callable[[], Node], clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("placewatch.measure.journey.view_time", broken)
    node = begin()
    see(node, drawn_link(3, LENGTH_M, "actuated"))
    rows = tell(node, clock, HOUR_S + 20.0)
    assert last(rows)["why"] is None
    assert last(rows, "Over the signal")["why"] == "bug"
    assert "ZeroDivisionError" in last(rows, "Over the signal")["sentence"]


def test_a_machine_that_slept_for_days_tells_one_day_in_arrears(clock: SimulatedClock) -> None:
    journeys = Journeys(config.parse(TOML).link, {A: LinkedLines, B: LinkedLines}, clock)
    clock.sleep(100 * 24 * HOUR_S + 20.0)
    journeys.tell(clock.utc())
    told = journeys.take()
    assert len(told) == 96 * 3
    assert told[-1].at == START + (100 * 24 - 1) * HOUR_S * 1_000_000
    assert {one.why for one in told} == {"flow", "part"}


def test_only_whole_quarters_are_in_the_table(
    begin: Callable[[], Node], clock: SimulatedClock
) -> None:
    node = begin()
    tell(node, clock, 2 * HOUR_S)
    table = node.store.table(JOURNEYS)
    assert table is not None
    at = table.between(UtcMicros(0), clock.utc())["at"].cast(pa.int64()).to_pylist()
    assert at
    assert all(one is not None and one % (15 * MINUTE_US) == 0 for one in at)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({'"Station road"\nfrom': '" "\nfrom'}, "link 1, name: is empty"),
        ({"a/East arm": "c/East arm"}, 'link 1, from_line: there is no camera "c"'),
        ({"b/East arm": "b/West arm"}, 'b has no line "West arm" (it has East arm, Behind/it'),
        ({"b/East arm": "a/East arm"}, "to_line: is the line at which it begins"),
        ({"a/East arm": "East arm"}, 'there is no camera "East arm"'),
        ({"length_m = 500.0": ""}, "link 1, length_m: is missing"),
        ({'from_direction = "left_to_right"': ""}, "link 1, from_direction: is missing"),
        ({'"left_to_right"': '"east"'}, "link 1, from_direction"),
        ({"length_m = 500.0": "length_m = 1"}, "link 1, length_m"),
        ({"length_m = 500.0": "length_m = 9000"}, "take longer than 30 min"),
        ({"500.0": "500.0\nspeed_m_s_min = 9\nspeed_m_s_max = 8"}, "speed_m_s_max: 8 does not go"),
        ({"500.0": "500.0\nspeed_m_s_min = 1\nspeed_m_s_max = 20"}, "at most 12 times as great"),
        ({"500.0": "500.0\nlenght_m = 2"}, 'lenght_m: there is no such setting; did you mean "len'),
        ({'"Over the signal"]': '"Nowhere"]'}, 'through: there is no link "Nowhere"'),
        ({'through = ["Station road", ': "through = ["}, "fewer than two links"),
        (
            {'["Station road", "Over the signal"]': '["Over the signal", "Station road"]'},
            'link 3, through: "Station road" does not begin where "Over the signal" ends',
        ),
        ({"through": "length_m = 30\nthrough"}, "length_m: a route has none of its own"),
        ({'"Over the signal"\nfrom': '"Station road"\nfrom'}, "is the name of two links"),
    ],
)
def test_a_link_that_cannot_be_is_said_to_be_none(changed: dict[str, str], said: str) -> None:
    config.parse(TOML)
    text = TOML
    for before, after in changed.items():
        assert before in text
        text = text.replace(before, after)
    with pytest.raises(Misconfigured) as raised:
        config.parse(text)
    assert said in str(raised.value)


def test_a_line_that_a_link_needs_cannot_be_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "placewatch.toml"
    path.write_text(TOML)
    with pytest.raises(Misconfigured, match="has to stay"):
        config.save_setup(path, A, {"line": [], "area": [], "ground": []})
    assert path.read_text() == TOML
