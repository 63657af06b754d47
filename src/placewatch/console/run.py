"""Run: a node with its console, from the first log line to Ctrl-C."""

import contextlib
import datetime
import json
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from placewatch.console.serve import Server
from placewatch.core.acts import SHELL
from placewatch.core.errors import Misconfigured, Unavailable
from placewatch.core.time import Clock, SystemClock
from placewatch.node import config as settings
from placewatch.node import log
from placewatch.node.acts import perform
from placewatch.node.node import Node

PATIENCE_S = 3.0
"""An end takes less than two seconds. Terminals and wrappers often ask twice at once."""


def run_node(
    config: Path, *, host: str | None = None, port: int | None = None, demo: bool = False
) -> None:
    """Runs the node of `config` until SIGINT, SIGTERM or SIGHUP.

    Raises Misconfigured before it starts, Unavailable at the end where the disk refused facts to
    the last, and what ended the node where that was a bug.
    """
    log.configure()
    site = settings.load(config)
    clock = SystemClock()
    log.get().info("node.starting", site=site.site, config=str(config))
    node = Node(config, site, clock, demo=demo)
    server = Server(
        node,
        host if host is not None else site.console.host,
        port if port is not None else site.console.port,
    )
    with _signals(node.ending, clock):
        try:
            address = server.start()
            log.get().info("console.ready", address=address)
            print(f"The console is at {address} (Ctrl-C ends it)", flush=True)
            perform(node.journal, SHELL, "node.run", {"cameras": len(site.camera)}, node.start)
            node.ending.wait()
        finally:
            server.stop()
            node.stop()
    if node.bug is not None:
        raise node.bug
    if node.unstored:
        raise Unavailable(
            f"{node.unstored} rows of facts could not be stored, and are lost",
            hint="the log above says why; they are missing coverage, not zero",
        )


def run_demo(
    folder: Path | None = None, *, host: str | None = None, port: int | None = None
) -> None:
    """Runs a node on drawn streets. Without `folder`, all it stores is dropped at the end."""
    with contextlib.ExitStack() as stack:
        if folder is None:
            name = stack.enter_context(tempfile.TemporaryDirectory(prefix="placewatch-demo-"))
            folder = Path(name)
        config = write_demo(folder, SystemClock())
        run_node(config, host=host, port=port, demo=True)


def write_demo(folder: Path, clock: Clock) -> Path:
    """Writes the demonstration's settings into `folder`, unless they are there. The TOML's path."""
    from placewatch.node.demo import demo_map, demo_toml

    config = folder / "placewatch.toml"
    if config.exists():
        return config
    today = datetime.datetime.fromtimestamp(clock.utc() / 1e6, datetime.UTC).date()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "town.geojson").write_text(json.dumps(demo_map()), encoding="utf-8")
        config.write_text(demo_toml(today), encoding="utf-8")
    except OSError as error:
        raise Misconfigured(
            f"{folder} cannot be written: {error.strerror}", hint="give another --folder"
        ) from error
    return config


@contextlib.contextmanager
def _signals(ending: threading.Event, clock: Clock) -> Iterator[None]:
    """Ctrl-C, SIGTERM and a terminal that closes set `ending`; asked again after `PATIENCE_S` the
    process ends at once. A terminal that closes stays ignored where it was from the start
    (`nohup`)."""
    asked_s: list[float] = []

    def end(number: int, frame: FrameType | None) -> None:
        now_s = clock.monotonic_s()
        if asked_s and now_s - asked_s[0] > PATIENCE_S:
            os._exit(128 + number)
        asked_s.append(now_s)
        ending.set()

    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {one: signal.getsignal(one) for one in wanted}
    if before[signal.SIGHUP] == signal.SIG_IGN:
        del before[signal.SIGHUP]
    for one in before:
        signal.signal(one, end)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
