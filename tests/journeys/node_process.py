"""Node process: a real node in a process of its own, for journeys to start, ask and kill."""

import contextlib
import http.client
import json
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

START_S = 60.0


class NodeProcess:
    """`placewatch run` or `demo`, as a person starts it. `address` is its console's."""

    def __init__(self, words: list[str], cwd: Path, started_s: float = START_S) -> None:
        self.log = cwd / "node.log"
        self._log = self.log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "placewatch.cli", *words],
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.address = self._told_address(started_s)

    @property
    def port(self) -> int:
        return int(self.address.rsplit(":", 1)[1])

    def events(self) -> list[dict[str, Any]]:
        """The log so far, an event a line."""
        return [
            json.loads(line)
            for line in self.log.read_text().splitlines()
            if line.startswith("{") and line.endswith("}")
        ]

    def get(self, path: str) -> Any:
        """The JSON at `path`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200, (path, answer.status, body[:300])
            return json.loads(body)
        finally:
            connection.close()

    def stop(self, with_signal: signal.Signals = signal.SIGINT, timeout_s: float = 20.0) -> int:
        """Sends the signal, waits for the end, and returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        try:
            return self.process.wait(timeout_s)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            if self.process.stdout is not None:
                self.process.stdout.close()
            self._log.close()

    def _told_address(self, timeout_s: float) -> str:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], timeout_s)
        line = self.process.stdout.readline().decode() if ready else ""
        found = re.search(r"http://[^ ]+:\d+", line)
        if found is None:
            self.stop(signal.SIGKILL)
            raise AssertionError(f"the node did not start: {self.log.read_text()[-2000:]}")
        return found[0]


@contextlib.contextmanager
def running(words: list[str], cwd: Path) -> Iterator[NodeProcess]:
    """A node that runs as long as the block; it is killed if it does not end by itself."""
    node = NodeProcess(words, cwd)
    try:
        yield node
    finally:
        node.stop()
