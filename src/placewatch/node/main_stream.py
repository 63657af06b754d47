"""Main stream: keeps a camera's large stream carried while its small one is analysed."""

import random
import threading
from collections.abc import Callable

from placewatch.capture.carried import SILENT_S, Carriage, CarriedStream
from placewatch.capture.source import SourceSpec
from placewatch.core.errors import PlacewatchError
from placewatch.core.ids import CameraId
from placewatch.core.time import Clock
from placewatch.node import log, views
from placewatch.node.supervise import Turn, keep_going


class MainStream:
    """One camera's large stream, in a thread of its own. Its loss disturbs nothing else.

    `spec` is asked at each opening, because logins change; `opened` is told the picture's size.
    """

    def __init__(
        self,
        camera: CameraId,
        clock: Clock,
        spec: Callable[[], SourceSpec],
        opened: Callable[[int, int], None],
    ) -> None:
        self._camera, self._clock, self._spec, self._opened = camera, clock, spec, opened
        self._log = log.get(camera=camera)
        self._stop = threading.Event()
        self._lock = threading.Lock()  # guards the three below
        self._stream: CarriedStream | None = None
        self._why: str | None = "It is being opened."
        self._losses = 0
        self._carriage = Carriage()
        self._thread = threading.Thread(target=self._run, name=f"main {camera}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Asks it to end. A read that is stuck ends by its time-out, or with the process."""
        self._stop.set()
        with self._lock:
            if self._stream is not None:
                self._stream.close()

    def view(self) -> views.MainStreamView:
        """Whether it is carried just now, and why not."""
        with self._lock:
            why, losses, stream = self._why, self._losses, self._stream
        silent_s = self._clock.monotonic_s() - self._carriage.newest_s
        if stream is not None and silent_s > SILENT_S:
            why = "It sends nothing."
        return views.MainStreamView(why is None, why, self._carriage.packets, losses)

    def _run(self) -> None:
        try:
            dice = random.Random(f"main {self._camera}")
            keep_going(self._session, self._clock, self._stop, dice, self._turned)
        except PlacewatchError as error:
            self._become(error.message)
        except BaseException as error:  # a bug; the analysis goes on without
            self._log.error("main-stream.bug", why=f"{type(error).__name__}: {error}")
            self._become("a mistake in placewatch ended it; see the log")

    def _session(self) -> None:
        stream = CarriedStream(self._spec(), self._clock, self._carriage)
        try:
            with self._lock:
                if self._stop.is_set():
                    return
                self._stream = stream
            self._carriage.newest_s = self._clock.monotonic_s()
            self._opened(stream.info.width_px, stream.info.height_px)
            self._become(None)
            stream.carry()
        finally:
            stream.close()
            with self._lock:
                self._stream = None

    def _turned(self, turn: Turn) -> None:
        if turn.state in ("lost", "failed"):
            with self._lock:
                self._losses += self._why is None
            self._log.warning("main-stream.lost", why=turn.reason)
            self._become(turn.reason)
        elif turn.state == "ended":
            self._become("it came to its end")

    def _become(self, why: str | None) -> None:
        with self._lock:
            self._why = why
