"""Live: cameras on the network and on this machine, read by a thread of their own.

How this works. FFmpeg may block for as long as a camera is silent, a name server slow or a driver
stuck, and nothing can stop it from outside. So a thread opens and reads, and puts packets into a
queue; whoever calls `frames` waits on that queue, with a deadline, decodes what the camera's policy
wants, and can be woken by `close`. A thread that is left behind frees its camera when FFmpeg comes
back.

Who is late by more than a few frames decodes without showing: those frames are dropped, and
counted. What a policy kept and wants after all is late for a good reason and is shown; the lateness
it brings is forgiven until it is made up for. Nobody can fall behind for ever: a queue that is full
is thrown away up to the next key frame.
"""

import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

import av.error
from av.packet import Packet
from av.video.stream import VideoStream

from placewatch.capture import failures
from placewatch.capture.decode import Darkroom, Decoder, NoDecoder, NoVideo, Picture
from placewatch.capture.policy import FULL, Policy
from placewatch.capture.source import SourceHealth, SourceSpec, StreamInfo, Takes, every
from placewatch.capture.timestamps import LiveUtc, MediaClock
from placewatch.core.errors import PlacewatchError, Unavailable
from placewatch.core.ids import CameraId
from placewatch.core.time import Clock, UtcMicros
from placewatch.pixels.frame import Frame

QUEUE_FRAMES = 8  # a third of a second; who is later does not show all it decodes
QUEUE_PACKETS_MAX = 750  # half a minute; then the decoder is too slow for this stream
QUEUE_BYTES_MAX = 32_000_000
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


def worded(error: BaseException, line: Line, camera: CameraId) -> BaseException:
    """`error` in words for people, where it is one of the outside world's."""
    if isinstance(error, NoVideo):
        return failures.no_video_in(line.shown)
    if isinstance(error, NoDecoder):
        return failures.unsupported(line.shown, str(error))
    if isinstance(error, TimeoutError) and not isinstance(error, av.error.FFmpegError):
        return Unavailable(
            f"{line.shown} showed no picture in time",
            hint="is the camera on, and does it answer a ping?",
        )
    if isinstance(error, socket.gaierror):
        return Unavailable(
            f"no host is known as {line.host}",
            hint="check its spelling, and that the name server answers",
        )
    if isinstance(error, av.error.FFmpegError):
        if line.wording is not None:
            return line.wording(error)
        return failures.failed_to_connect(camera, line.shown, error)
    return error


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
        policy: Policy = FULL,
    ) -> None:
        self.health = SourceHealth()
        self._spec, self._clock, self._line = spec, clock, line
        self._policy = policy
        self._change = threading.Condition()  # guards all below; told of every change
        self._queue: deque[_Arrived] = deque()
        self._queue_bytes = 0
        self._thrown_away = False  # the queue was full; nothing is taken before a key frame
        self._arrival_s = 0.0  # of the newest packet
        self._decoder: Decoder | None = None
        self._over = False
        self._error: BaseException | None = None
        self._closed = False
        thread = threading.Thread(target=self._read, name=f"capture-{spec.camera}", daemon=True)
        thread.start()
        try:
            self._pictures = self._shown(stopping)
            self._first: Picture | None = next(self._pictures)
        except BaseException:
            self.close()
            raise
        assert self._decoder is not None
        self.info = self._decoder.info

    def frames(self, takes: Takes = every) -> Iterator[Frame]:
        """Frames as they come. Raises Unavailable when none has come for `timeout_s`."""
        assert self._decoder is not None
        untimed = self._untimed(self._decoder)
        time_base = Fraction(1, 1_000_000) if untimed else self._decoder.time_base
        media_clock = MediaClock(time_base, self.info.fps)
        darkroom = Darkroom(self._spec.camera, self.health)
        utc: LiveUtc | None = None
        unknown = False
        passed: tuple[Picture, UtcMicros, float] | None = None  # the newest, where it was not taken
        for picture in self._in_time():
            arrival_s = picture.arrival_s or 0.0
            ticks = round(arrival_s * 1e6) if untimed else picture.ticks
            counted_s = None if self._ends else arrival_s
            stamp = media_clock.stamp(
                ticks,
                counted_s,
                damaged=picture.damaged,
                passed=picture.passed,
                hole_ticks=picture.hole_ticks,
            )
            media_clock.report(self.health)
            self.health.lateness_s = max(0.0, self._clock.monotonic_s() - arrival_s)
            if utc is None:
                opened_at = self._clock.utc() - round(self.health.lateness_s * 1e6)
                utc = LiveUtc(UtcMicros(opened_at), arrival_s)
            at, media_s = utc.at(stamp, counted_s), stamp.media_s
            unknown = darkroom.count(picture, after_gap=unknown or stamp.after_gap)
            if takes(media_s, unknown):
                passed = None
                yield darkroom.develop(picture, at=at, media_s=media_s, after_gap=unknown)
                unknown = False
            else:
                passed = picture, at, media_s
        if passed is not None and not self._closed:
            picture, at, media_s = passed
            yield darkroom.develop(picture, at=at, media_s=media_s, after_gap=unknown)

    def _in_time(self) -> Iterator[Picture]:
        """The pictures, without those that are too late to be shown."""
        burst = len(self._queue)  # what came in one burst at the opening was never due
        forgiven = 0
        damaged = False
        try:
            picture, self._first = self._first, None
            while picture is not None and not self._closed:
                behind = len(self._queue)
                forgiven = max(forgiven, behind) if picture.replayed else min(forgiven, behind)
                if not behind:
                    burst = 0
                damaged |= picture.damaged
                if behind > QUEUE_FRAMES + forgiven and not self._ends and not picture.replayed:
                    self.health.frames_dropped += not burst
                    burst = max(0, burst - 1)
                else:
                    yield picture._replace(damaged=damaged) if damaged else picture
                    damaged = False
                picture = next(self._pictures, None)
        finally:
            self.close()

    def close(self) -> None:
        with self._change:
            self._closed = True
            self._queue.clear()
            self._queue_bytes = 0
            self._change.notify_all()

    @property
    def _ends(self) -> bool:
        """Whether this is a recording behind an address, of which no frame may be lost."""
        decoder = self._decoder
        assert decoder is not None
        return self._line.ends and not self._untimed(decoder) and decoder.finite

    def _untimed(self, decoder: Decoder) -> bool:
        return decoder.format in self._line.untimed_formats

    def _shown(self, stopping: Callable[[], bool]) -> Iterator[Picture]:
        """All pictures that the policy wants, decoded by whoever asks for the next.

        Ends after `close`, and at an end. Until the first picture it raises what `frames` never
        can: that the camera did not open. One that sends something and no whole picture yet is
        given longer: joined in the middle, a stream shows nothing before its next key frame.
        """
        clock, timeout_s = self._clock, self._spec.timeout_s
        started_s = heard_s = clock.monotonic_s()
        shown, seen_s = False, 0.0
        while True:
            if shown:
                arrived = self._take()
            else:
                until_s = min(heard_s + timeout_s, started_s + max(timeout_s, KEY_S_MAX))
                arrived = self._take_first(until_s, stopping)
                heard_s = clock.monotonic_s()
            decoder = self._decoder
            assert decoder is not None or arrived is None
            if decoder is None or arrived is None:
                return
            if isinstance(arrived, _End):
                yield from decoder.replay()  # what was kept is not lost with the camera
                raise arrived.error
            for picture in decoder.decode(arrived.packet, arrived.arrival_s):
                shown, seen_s = True, arrived.arrival_s
                yield picture
            if decoder.kept:
                seen_s = arrived.arrival_s
            elif shown and arrived.arrival_s - seen_s > NOTICE * timeout_s:  # it sends rubbish
                raise failures.silent(self._spec.camera, self._line.shown, NOTICE * timeout_s)

    def _take_first(self, until_s: float, stopping: Callable[[], bool]) -> "_Arrived":
        """The next packet of a camera that has shown nothing yet."""
        with self._change:
            while not self._queue:
                if self._error is not None:
                    raise self._worded(self._error)
                if self._over or self._closed or stopping():
                    raise Unavailable(f"{self._line.shown} was closed before its first frame")
                left_s = until_s - self._clock.monotonic_s()
                if left_s <= 0:
                    raise self._worded(TimeoutError())
                self._change.wait(min(SLICE_S, left_s))
            return self._pop()

    def _take(self) -> "_Arrived | _End | None":
        """The oldest packet and when it arrived; None after `close`, and at an end."""
        camera, shown = self._spec.camera, self._line.shown
        with self._change:
            while not self._queue and not self._closed:
                error = self._error
                if isinstance(error, av.error.FFmpegError):
                    # Without `from error`: FFmpeg's own holds the address with its login.
                    return _End(failures.lost(camera, shown, error, self._spec.timeout_s))
                if error is not None:
                    return _End(error)
                if self._over:
                    if self._ends:
                        return None
                    return _End(failures.lost(camera, shown, None, self._spec.timeout_s))
                silence_s = NOTICE * self._spec.timeout_s
                left_s = self._arrival_s + silence_s - self._clock.monotonic_s()
                if left_s <= 0:
                    return _End(failures.silent(camera, shown, silence_s))
                self._change.wait(left_s)
            return None if self._closed else self._pop()

    def _pop(self) -> "_Arrived":
        arrived = self._queue.popleft()
        self._queue_bytes -= arrived.size_bytes
        self._change.notify_all()
        return arrived

    def _worded(self, error: BaseException) -> BaseException:
        return worded(error, self._line, self._spec.camera)

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
                policy=self._policy,
            )
            with self._change:
                self._decoder = decoder
            for packet in decoder.packets_read():
                if not self._put(packet, keeps_all=self._ends):
                    break
        except BaseException as error:  # raised again in the thread that reads `frames`
            self._error = error
        finally:
            if decoder is not None:
                decoder.close()
            with self._change:
                self._over = True
                self._change.notify_all()

    def _put(self, packet: "Packet[VideoStream] | None", *, keeps_all: bool) -> bool:
        """Queues `packet`, None for one that is broken. False after `close`."""
        size_bytes = packet.size if packet is not None else 0
        with self._change:
            while keeps_all and len(self._queue) >= QUEUE_FRAMES and not self._closed:
                self._change.wait()
            if self._closed:
                return False
            full = len(self._queue) >= QUEUE_PACKETS_MAX
            if not keeps_all and (full or self._queue_bytes + size_bytes > QUEUE_BYTES_MAX):
                self.health.frames_dropped += len(self._queue)
                self._queue.clear()
                self._queue_bytes = 0
                self._thrown_away = True
            self._arrival_s = self._clock.monotonic_s()
            if self._thrown_away:
                if packet is None or not packet.is_keyframe:
                    self.health.frames_dropped += 1
                    return True
                self._thrown_away = False
                self._queue.append(_Arrived(None, self._arrival_s, 0))  # something is missing
            self._queue.append(_Arrived(packet, self._arrival_s, size_bytes))
            self._queue_bytes += size_bytes
            self._change.notify_all()
            return True


class _Arrived(NamedTuple):
    """A packet in the queue. `packet` is None where one could not be read."""

    packet: "Packet[VideoStream] | None"
    arrival_s: float
    size_bytes: int


class _End(NamedTuple):
    """There is no next packet, and why."""

    error: BaseException
