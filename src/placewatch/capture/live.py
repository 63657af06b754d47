"""Live: cameras on the network and on this machine, read by a thread of their own.

How this works. FFmpeg may block for as long as a camera is silent, a name server slow or a driver
stuck, and nothing can stop it from outside. So a thread opens, reads and decodes, and puts
pictures into a short queue; whoever calls `frames` waits on that queue, with a deadline, and can
be woken by `close`. A thread that is left behind frees its camera when FFmpeg comes back.
"""

import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

import av.error

from placewatch.capture import failures
from placewatch.capture.decode import Darkroom, Decoder, NoDecoder, NoVideo, Picture
from placewatch.capture.source import SourceHealth, SourceSpec, StreamInfo
from placewatch.capture.timestamps import LiveUtc, MediaClock
from placewatch.core.errors import PlacewatchError, Unavailable
from placewatch.core.time import Clock, UtcMicros
from placewatch.pixels.frame import Frame

QUEUE_FRAMES = 8  # a third of a second; each keeps a picture of the decoder's
KEY_S_MAX = 30.0  # cameras that save bits send a key frame in up to 20 s
NOTICE = 0.9  # of the timeout: so that a loss is told, not only met, within it
SLICE_S = 0.2  # how often an opening that can be called off looks whether it was


@dataclass(frozen=True, slots=True)
class Line:
    """How a camera is reached: what FFmpeg is given, and what people are shown."""

    shown: str
    target: str = field(repr=False)  # with the login
    format: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    host: str = ""  # looked up first, because a name server's silence cannot be interrupted
    untimed_formats: tuple[str, ...] = ()  # containers whose times mean nothing: arrival counts
    ends: bool = False  # a file behind an address comes to an end; a camera never does
    wording: Callable[[Exception], PlacewatchError] | None = None


class LiveSource:
    """One session with a camera. Drops the oldest frame when its reader is late, and counts it."""

    info: StreamInfo
    health: SourceHealth

    def __init__(
        self,
        spec: SourceSpec,
        clock: Clock,
        line: Line,
        *,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.health = SourceHealth()
        self._spec, self._clock, self._line = spec, clock, line
        self._change = threading.Condition()  # guards all below; told of every change
        self._queue: deque[tuple[Picture, float]] = deque()
        self._arrival_s = 0.0  # of the newest picture
        self._decoder: Decoder | None = None
        self._watched = False
        self._over = False
        self._error: BaseException | None = None
        self._closed = False
        thread = threading.Thread(target=self._read, name=f"capture-{spec.camera}", daemon=True)
        thread.start()
        try:
            self._await_first(stopping)
        except BaseException:
            self.close()
            raise
        assert self._decoder is not None
        self.info = self._decoder.info

    def frames(self) -> Iterator[Frame]:
        """Frames as they come. Raises Unavailable when none has come for `timeout_s`."""
        assert self._decoder is not None
        untimed = self._untimed(self._decoder)
        time_base = Fraction(1, 1_000_000) if untimed else self._decoder.time_base
        media_clock = MediaClock(time_base, self.info.fps)
        darkroom = Darkroom(self._spec.camera, self.health)
        utc: LiveUtc | None = None
        self._watched = True
        try:
            while (taken := self._take()) is not None:
                picture, arrival_s = taken
                ticks = round(arrival_s * 1e6) if untimed else picture.ticks
                counted_s = None if self._ends else arrival_s
                stamp = media_clock.stamp(ticks, counted_s, damaged=picture.damaged)
                media_clock.report(self.health)
                self.health.lateness_s = max(0.0, self._clock.monotonic_s() - arrival_s)
                if utc is None:
                    opened_at = self._clock.utc() - round(self.health.lateness_s * 1e6)
                    utc = LiveUtc(UtcMicros(opened_at), arrival_s)
                yield darkroom.develop(
                    picture,
                    at=utc.at(stamp, counted_s),
                    media_s=stamp.media_s,
                    after_gap=stamp.after_gap,
                )
        finally:
            self.close()

    def close(self) -> None:
        with self._change:
            self._closed = True
            self._queue.clear()
            self._change.notify_all()

    @property
    def _ends(self) -> bool:
        """Whether this is a recording behind an address, of which no frame may be lost."""
        decoder = self._decoder
        assert decoder is not None
        return self._line.ends and not self._untimed(decoder) and decoder.finite

    def _untimed(self, decoder: Decoder) -> bool:
        return decoder.format in self._line.untimed_formats

    def _await_first(self, stopping: Callable[[], bool]) -> None:
        """Waits for the first picture. Raises what `frames` never can: that it did not open.

        A camera that sends something and no whole picture yet is given longer: joined in the
        middle, a stream shows nothing before its next key frame.
        """
        clock, timeout_s = self._clock, self._spec.timeout_s
        started_s = heard_s = clock.monotonic_s()
        packets = 0
        with self._change:
            while not self._queue:
                if self._error is not None:
                    raise self._worded(self._error)
                if self._over or self._closed or stopping():
                    raise Unavailable(f"{self._line.shown} was closed before its first frame")
                now_s = clock.monotonic_s()
                if self._decoder is not None and self._decoder.packets != packets:
                    packets, heard_s = self._decoder.packets, now_s
                left_s = min(heard_s + timeout_s, started_s + max(timeout_s, KEY_S_MAX)) - now_s
                if left_s <= 0:
                    raise self._worded(TimeoutError())
                self._change.wait(min(SLICE_S, left_s))

    def _take(self) -> tuple[Picture, float] | None:
        """The oldest picture and when it arrived; None after `close`, and at an end."""
        camera, shown = self._spec.camera, self._line.shown
        with self._change:
            while not self._queue and not self._closed:
                error = self._error
                if isinstance(error, av.error.FFmpegError):
                    # Without `from error`: FFmpeg's own holds the address with its login.
                    raise failures.lost(camera, shown, error, self._spec.timeout_s)
                if error is not None:
                    raise error
                if self._over:
                    if self._ends:
                        return None
                    raise failures.lost(camera, shown, None, self._spec.timeout_s)
                silence_s = NOTICE * self._spec.timeout_s
                left_s = self._arrival_s + silence_s - self._clock.monotonic_s()
                if left_s <= 0:
                    raise failures.silent(camera, shown, silence_s)
                self._change.wait(left_s)
            if self._closed:
                return None
            taken = self._queue.popleft()
            self._change.notify_all()
            return taken

    def _worded(self, error: BaseException) -> BaseException:
        """`error` in words for people, where it is one of the outside world's."""
        shown, camera = self._line.shown, self._spec.camera
        if isinstance(error, NoVideo):
            return failures.no_video_in(shown)
        if isinstance(error, NoDecoder):
            return failures.unsupported(shown, str(error))
        if isinstance(error, TimeoutError) and not isinstance(error, av.error.FFmpegError):
            return Unavailable(
                f"{shown} showed no picture in time",
                hint="is the camera on, and does it answer a ping?",
            )
        if isinstance(error, socket.gaierror):
            return Unavailable(
                f"no host is known as {self._line.host}",
                hint="check its spelling, and that the name server answers",
            )
        if isinstance(error, av.error.FFmpegError):
            if self._line.wording is not None:
                return self._line.wording(error)
            return failures.failed_to_connect(camera, shown, error)
        return error

    def _read(self) -> None:
        """The thread: opens, decodes and queues until the stream ends or nobody wants it."""
        decoder: Decoder | None = None
        try:
            if self._line.host:
                socket.getaddrinfo(self._line.host, None)
            decoder = Decoder(
                self._line.target,
                self.health,
                format=self._line.format,
                options=self._line.options,
                timeout_s=self._spec.timeout_s,
                joins=True,
            )
            self._decoder = decoder
            keeps_all = self._ends
            for picture in decoder.pictures():
                if not self._put(picture, keeps_all=keeps_all):
                    break
        except BaseException as error:  # raised again in the thread that reads `frames`
            self._error = error
        finally:
            if decoder is not None:
                decoder.close()
            with self._change:
                self._over = True
                self._change.notify_all()

    def _put(self, picture: Picture, *, keeps_all: bool) -> bool:
        """Queues `picture`, in place of the oldest when it is full. False after `close`."""
        with self._change:
            while keeps_all and len(self._queue) >= QUEUE_FRAMES and not self._closed:
                self._change.wait()
            if self._closed:
                return False
            if len(self._queue) >= QUEUE_FRAMES:
                dropped, _ = self._queue.popleft()
                # What came in one burst at the opening was never due.
                self.health.frames_dropped += self._watched
                if dropped.damaged:
                    after, after_s = self._queue[0]
                    self._queue[0] = (replace(after, damaged=True), after_s)
            self._arrival_s = self._clock.monotonic_s()
            self._queue.append((picture, self._arrival_s))
            self._change.notify_all()
            return True
