"""A node that is stopped or killed: what was reported as stored is there, once, and gaps show."""

import csv
import io
import subprocess
import sys
import time
from pathlib import Path
from signal import SIGINT, SIGKILL
from typing import Any

from tests.journeys.node_process import NodeProcess, running

CONFIG = """
site = "Killed"
data = "data"
[[camera]]
id = "street"
url = "street:main?seed=5"
  [camera.notice]
  place = "Main street"
  purpose = "Test"
  legal_basis = "Test"
  owner = "Test"
  contact = "test@example.org"
  until = 2999-01-01
  [[camera.line]]
  name = "A"
  from_px = [480, 200]
  to_px = [480, 539]
[[camera]]
id = "unknown"
url = "street:main?seed=6"
[[camera]]
id = "over"
url = "street:main?seed=6"
  [camera.notice]
  place = "Old street"
  purpose = "Test"
  legal_basis = "Test"
  owner = "Test"
  contact = "test@example.org"
  until = 2020-01-01
"""
STOP_S = 2.0
Row = dict[str, str]


def exported(folder: Path) -> list[Row]:
    """All that `placewatch export` gives of the store."""
    done = subprocess.run(
        [sys.executable, "-m", "placewatch.cli", "export", "--from=2020-01-01", "--to=2100-01-01"],
        cwd=folder,
        capture_output=True,
        timeout=60,
        check=True,
    )
    return list(csv.DictReader(io.StringIO(done.stdout.decode())))


def watched_s(rows: list[Row], at: str) -> float:
    """Seconds of the minute `at` that were watched, all parts together."""
    return sum(
        float(row["coverage_s"])
        for row in rows
        if row["at"] == at and row["kind"] == "car" and row["direction"] == "left_to_right"
    )


def wait_for(node: NodeProcess, event: str, timeout_s: float) -> list[dict[str, Any]]:
    until_s = time.monotonic() + timeout_s
    while time.monotonic() < until_s:
        found = [one for one in node.events() if one["event"] == event]
        if found:
            return found
        time.sleep(0.3)
    raise AssertionError(f"no {event} in {timeout_s} s: {node.events()}")


def test_what_was_stored_survives_a_kill_and_a_stop(tmp_path: Path) -> None:
    (tmp_path / "placewatch.toml").write_text(CONFIG)

    with running(["run", "--port", "0"], tmp_path) as node:
        states = {one["id"]: one for one in node.get("/api/site")["cameras"]}
        assert states["unknown"]["state"] == "refused"
        assert "no notice" in states["unknown"]["why"]
        assert states["over"]["state"] == "refused"
        assert "2020-01-01" in states["over"]["why"]
        stored = wait_for(node, "facts.stored", 90)
        rows_stored = sum(one["rows"] for one in stored if one["what"] == "facts")
        time.sleep(3.0)  # in the middle of the next minute
        node.stop(SIGKILL)

    after_kill = exported(tmp_path)
    assert len(after_kill) == rows_stored

    with running(["run", "--port", "0"], tmp_path) as node:
        time.sleep(8.0)
        begun_s = time.monotonic()
        node.process.send_signal(SIGINT)  # terminals and wrappers often ask twice at once
        assert node.stop() == 0
        took_s = time.monotonic() - begun_s
    stopped = [one for one in node.events() if one["event"] == "node.stopped"]
    assert stopped[-1]["unstored_facts"] == 0
    # What the person at the keyboard is promised is 2 s; a machine that also runs other tests
    # gets some grace.
    assert took_s < 3 * STOP_S

    rows = exported(tmp_path)
    assert [row for row in rows if row in after_kill] == after_kill, "what was stored is there"
    cells = [
        (row["at"], row["line"], row["kind"], row["direction"], row["coverage_s"]) for row in rows
    ]
    assert len(set(cells)) == len(cells), "nothing is doubled"
    for at in {row["at"] for row in rows}:
        assert watched_s(rows, at) <= 60.0, "no second is watched twice"
    killed_in = max(row["at"] for row in rows)
    assert watched_s(rows, killed_in) < 58.0, "what the kill took is missing, and shown as that"
