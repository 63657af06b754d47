"""Director: gives a running SUMO orders at set times, beside the pipe through which it tells.

How this works. SUMO is told by TraCI, its own protocol, in a thread of its own: it walks from one
wished moment to the next in one step each, so that a street where nothing is ordered costs nothing
more. The client is the one that lies in SUMO's wheel, of the same version as SUMO.
"""

import importlib
import importlib.util
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from placewatch.core.errors import PlacewatchError, Unavailable

_PATIENCE_S = 60.0
_PAUSE_S = 0.02
_SAME_S = 1e-6  # times that differ by less are one


class Actor(Protocol):
    """Somebody who gives orders. Times are SUMO's own, which begin before ours."""

    def next_s(self) -> float:
        """When it wants to be asked; infinity when it is done."""

    def act(self, sumo: Any, at_s: float) -> None:
        """Gives its orders to `sumo`, a connection of TraCI's."""


class Director:
    """Lets actors act in one run of SUMO that listens at `port`."""

    def __init__(self, actors: Sequence[Actor], port: int, end_s: float) -> None:
        self.port = port
        self._actors, self._end_s = tuple(actors), end_s
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="director", daemon=True)
        self._failed: BaseException | None = None
        self._stopped = threading.Event()

    def start(self, process: "subprocess.Popen[bytes]") -> None:
        """Begins, as soon as SUMO listens."""
        self._process = process
        self._thread.start()

    def finish(self, ended: bool) -> None:
        """Waits for the thread and raises what an actor raised; call it when SUMO's pipe has ended
        (`ended`) or SUMO was stopped before its end, where nothing is raised."""
        self._stopped.set()
        self._thread.join()
        if ended and self._failed is not None:
            raise self._failed

    def _run(self) -> None:
        try:
            sumo = self._connected()
        except (OSError, PlacewatchError) as error:
            self._failed = error
            return
        try:
            now_s = 0.0
            while True:
                at_s = min((actor.next_s() for actor in self._actors), default=self._end_s)
                if at_s >= self._end_s:
                    break
                if at_s > now_s + _SAME_S:
                    sumo.simulationStep(at_s)
                    now_s = sumo.simulation.getTime()  # a whole step of SUMO's
                for actor in self._actors:
                    if actor.next_s() <= now_s + _SAME_S:
                        actor.act(sumo, now_s)
            sumo.simulationStep(self._end_s)
        except BaseException as error:  # it must reach who reads the pipe
            self._failed = error
        finally:
            try:
                sumo.close()
            except Exception:
                assert self._process is not None
                self._process.kill()  # it does not answer any more

    def _connected(self) -> Any:
        traci = _traci()
        assert self._process is not None
        waited_s = 0.0
        while True:
            try:
                return traci.connection.Connection("localhost", self.port, None, None, False)
            except OSError:
                waited_s += _PAUSE_S
                if self._process.poll() is not None or waited_s > _PATIENCE_S:
                    raise Unavailable("SUMO does not take orders", hint="try again") from None
                self._stopped.wait(_PAUSE_S)


def free_port() -> int:
    """A port of this machine that nobody listens at just now."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def _traci() -> Any:
    """The client in SUMO's wheel; it is no package that could be imported without its path."""
    if "traci" in sys.modules:
        return sys.modules["traci"]
    found = importlib.util.find_spec("sumo")
    assert found is not None, "SUMO runs"
    assert found.submodule_search_locations, "SUMO is a package"
    tools = str(Path(found.submodule_search_locations[0]) / "tools")
    sys.path.append(tools)
    try:
        return importlib.import_module("traci")
    finally:
        sys.path.remove(tools)
