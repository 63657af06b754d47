"""A node and its store: a disk that refuses and recovers, a bug, a clock that was set."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from placewatch.core.errors import PlacewatchError, Unavailable
from placewatch.core.facts import LineCount
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Kind
from placewatch.core.time import MINUTE_US, SimulatedClock, SystemClock, UtcMicros, minute_of
from placewatch.node import config
from placewatch.node import node as module
from placewatch.node.node import Node
from placewatch.store.rows import MOVEMENT_COUNTS

TOML = """
site = "Kista"
data = "data"
[[camera]]
id = "kista-03"
url = "street:main"
  [[camera.line]]
  name = "A"
  from_px = [0, 0]
  to_px = [9, 9]
"""
CAMERA = CameraId("kista-03")
ROWS_A_MINUTE = 16  # kinds times directions
FLOW_ROWS_A_MINUTE = 2  # directions


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def node(tmp_path: Path, clock: SimulatedClock) -> Iterator[Node]:
    """A node whose cameras have no notice, and whose minutes the test tells."""
    path = tmp_path / "placewatch.toml"
    path.write_text(TOML)
    made = Node(path, config.load(path), clock, demo=False)
    yield made
    made.stop()


def tick(node: Node, clock: SimulatedClock, minutes: int) -> None:
    minute = minute_of(clock.utc())
    for _ in range(minutes):
        clock.sleep(60.0)
        minute = node._tick(minute)


def stored(node: Node) -> int:
    until = UtcMicros(node.clock.utc() + MINUTE_US)
    return int(node.store.facts.between(UtcMicros(0), until).num_rows)


class Full:
    """A disk that is full for as long as the test wants."""

    def __init__(self, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = True
        self.tries = 0
        self._append = node.store.facts.append
        monkeypatch.setattr(node.store.facts, "append", self.append)

    def append(self, facts: Iterable[LineCount]) -> None:
        self.tries += 1
        if self.full:
            raise Unavailable("the disk is full", hint="free some space")
        self._append(facts)


def test_facts_and_health_wait_for_a_full_disk_and_are_stored_once(
    node: Node, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "APPEND_ROWS_MAX", 20)  # so that what waited comes in parts
    disk = Full(node, monkeypatch)
    tick(node, clock, 5)
    assert stored(node) == 0
    disk.full = False
    tick(node, clock, 1)
    clock.sleep(10.0)
    node._tick(minute_of(clock.utc()))
    assert stored(node) == 6 * ROWS_A_MINUTE
    health = node.store.ledger.health(CAMERA, UtcMicros(0), clock.utc())
    assert len(health) == 6, "no minute of health was lost meanwhile"
    tick(node, clock, 1)
    assert stored(node) == 7 * ROWS_A_MINUTE


def test_a_full_disk_is_not_asked_at_every_tick(
    node: Node, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Full(node, monkeypatch)
    tick(node, clock, 1)
    clock.sleep(10.0)
    for _ in range(40):
        clock.sleep(0.5)
        node._tick(minute_of(clock.utc()))
    assert disk.tries <= 3
    disk.full = False


def test_what_a_stop_could_not_store_is_told(
    node: Node, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    Full(node, monkeypatch)
    tick(node, clock, 1)
    node.stop()
    assert node.unstored == 2 * (ROWS_A_MINUTE + FLOW_ROWS_A_MINUTE)


def test_a_bug_in_the_storing_ends_the_node(
    node: Node, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(minute: UtcMicros) -> UtcMicros:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(module, "TICK_S", 0.01)
    monkeypatch.setattr(node, "_tick", broken)
    node.start()
    assert node.ending.wait(10.0)
    assert isinstance(node.bug, ZeroDivisionError)
    text = "".join(capsys.readouterr())
    assert "node.bug" in text
    assert "a bug" in text


def test_health_is_forgotten_after_a_quarter(node: Node, clock: SimulatedClock) -> None:
    tick(node, clock, 2)
    clock.sleep(100 * 86_400.0)
    tick(node, clock, 2)
    first = node.store.ledger.health(CAMERA, UtcMicros(0), clock.utc())[0]
    assert clock.utc() - first.at < 93 * 86_400_000_000


def test_a_clock_that_was_set_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "placewatch.toml"
    path.write_text(TOML)
    clock = SystemClock()
    node = Node(path, config.load(path), clock, demo=False)
    node._check_clock(clock.utc())
    assert "clock.off" not in "".join(capsys.readouterr())
    clock._offset_us -= 90_000_000
    node._check_clock(clock.utc())
    node._check_clock(clock.utc())
    node.stop()
    assert "".join(capsys.readouterr()).count("clock.off") == 1


def test_a_store_that_is_damaged_is_no_bug(
    node: Node, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(_: object) -> None:
        raise PlacewatchError("damaged")

    monkeypatch.setattr(node.store.ledger, "add_health", damaged)
    monkeypatch.setattr(node.store.ledger, "forget_health", damaged)
    tick(node, clock, 2)
    clock.sleep(30.0)  # after a refusal it waits a while
    node._tick(minute_of(clock.utc()))
    assert stored(node) == 2 * ROWS_A_MINUTE


def test_lines_across_two_arms_store_movements_beside_their_counts(
    tmp_path: Path, clock: SimulatedClock
) -> None:
    path = tmp_path / "placewatch.toml"
    line = '[[camera.line]]\nname = "{0}"\narm = "{0}"\nfrom_px = [0, {1}]\nto_px = [9, {1}]\n'
    path.write_text(TOML + line.format("North", 20) + line.format("South", 90))
    node = Node(path, config.load(path), clock, demo=False)
    try:
        tick(node, clock, 3)
        movements = node.store.table(MOVEMENT_COUNTS)
        assert movements is not None
        until = UtcMicros(clock.utc() + MINUTE_US)
        rows = movements.between(UtcMicros(0), until)
        assert rows.num_rows == 2 * 2 * 2 * len(Kind)  # minutes, arms to arms, kinds
        assert set(rows["from_arm"].to_pylist()) == {"North", "South"}
        assert set(rows["count"].to_pylist()) == {None}  # nothing was watched
    finally:
        node.stop()
