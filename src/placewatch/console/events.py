"""Events: the live stream to one browser, as server-sent events (HTML, section 9.2)."""

import asyncio
import contextlib
import threading
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from placewatch.console.errors import Stop
from placewatch.core.ids import CameraId
from placewatch.node.live import Live, Message
from placewatch.node.views import Pulse, to_json

PULSE_S = 1.0
HEARTBEAT_S = 10.0  # proxies close what is silent for long
STUCK_S = 30.0  # a browser that takes nothing for so long is gone
RETRY_MS = 2000  # after which a browser that lost the stream asks again


class Streams:
    """All open streams of a console: at most `limit` at once, and all end on `close`."""

    def __init__(self, live: Live, pulse: Callable[[], Pulse], limit: int) -> None:
        self._live = live
        self._pulse = pulse
        self._limit = limit
        self._open: set[Callable[[], None]] = set()
        self._lock = threading.Lock()
        self._text, self._text_at_s = "", float("-inf")
        self._asking = asyncio.Lock()
        self.closed = False

    def open(self, camera: CameraId | None, admitted: Callable[[], bool]) -> Response:
        """A stream of `camera` that ends when `admitted` says so. Raises Stop at the limit."""
        if self.closed:
            raise Stop(503, "the node is stopping")
        if len(self._open) >= self._limit:
            raise Stop(
                503, f"{self._limit} pages watch already", "close one, then load this again", 10
            )
        return _Stream(self, self._live, camera, admitted)

    def close(self) -> None:
        """Ends all streams at once; from any thread."""
        self.closed = True
        with self._lock:
            wakes = list(self._open)
        for wake in wakes:
            wake()

    def enter(self, wake: Callable[[], None]) -> None:
        with self._lock:
            self._open.add(wake)

    def leave(self, wake: Callable[[], None]) -> None:
        with self._lock:
            self._open.discard(wake)

    async def pulse(self) -> str:
        """All cameras as of now. It is asked for and written once for all streams."""
        async with self._asking:
            now_s = asyncio.get_running_loop().time()
            if now_s - self._text_at_s >= 0.8 * PULSE_S:
                self._text = await run_in_threadpool(lambda: to_json(self._pulse()))
                self._text_at_s = now_s
            return self._text


class _Stream(Response):
    media_type = "text/event-stream"

    def __init__(
        self,
        streams: Streams,
        live: Live,
        camera: CameraId | None,
        admitted: Callable[[], bool],
    ) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._streams, self._live = streams, live
        self._camera, self._admitted = camera, admitted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(ready.set)

        async def leave() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            ready.set()

        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        subscription = self._live.subscribe(self._camera, wake)
        self._streams.enter(wake)
        gone = asyncio.create_task(leave())
        try:
            text = f"retry: {RETRY_MS}\n\n"
            pulse_at_s = loop.time()
            heartbeat_at_s = pulse_at_s + HEARTBEAT_S
            while not gone.done() and not self._streams.closed:
                now_s = loop.time()
                if now_s >= pulse_at_s:
                    if not await run_in_threadpool(self._admitted):
                        break
                    text += _event(Message("cameras", await self._streams.pulse()))
                    pulse_at_s = now_s + PULSE_S
                if now_s >= heartbeat_at_s:
                    text += ": here\n\n"
                    heartbeat_at_s = now_s + HEARTBEAT_S
                text += "".join(map(_event, subscription.take()))
                if text:
                    body = {"type": "http.response.body", "body": text.encode(), "more_body": True}
                    await asyncio.wait_for(send(body), STUCK_S)
                    text = ""
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(ready.wait(), max(0.0, pulse_at_s - loop.time()))
                ready.clear()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            pass  # the browser takes nothing any more; the server closes the connection
        finally:
            self._streams.leave(wake)
            self._live.leave(subscription)
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gone


def _event(message: Message) -> str:
    # JSON holds no line feed, so that the data is one line.
    return f"event: {message.event}\ndata: {message.data}\n\n"
