"""Carried: a camera's large stream, read and kept for a while, never decoded.

Where a camera offers a small stream beside it, that is analysed, at a tenth of the cost. The large
one is carried all the same, so that what only it shows can be had for the last seconds.
"""

import socket
from dataclasses import dataclass

import av.error

from placewatch.capture import failures
from placewatch.capture.decode import Decoder
from placewatch.capture.gops import GopRing, Kept
from placewatch.capture.live import Line, worded
from placewatch.capture.network import http_line, rtsp_line
from placewatch.capture.source import SourceHealth, SourceSpec, StreamInfo
from placewatch.capture.video import FORMATS
from placewatch.core.errors import Unavailable
from placewatch.core.time import Clock

RING_BYTES_MAX = 12_000_000
RING_S_MAX = 10.0
SLICE_S = 0.2
SILENT_S = 2.0  # without a packet for so long it is not being carried


@dataclass(slots=True)
class Carriage:
    """What was carried. Only the thread that carries writes here."""

    packets: int = 0
    newest_s: float = 0.0  # monotonic, of the newest packet


class CarriedStream:
    """One session with the stream of `spec`. `info` is known once it is open.

    Opening may block as long as FFmpeg does; so it belongs into a thread of its own. Raises
    Unavailable where trying again may help and Misconfigured where a person must act.
    """

    def __init__(self, spec: SourceSpec, clock: Clock, carriage: Carriage) -> None:
        self.ring = GopRing(RING_BYTES_MAX, RING_S_MAX)
        self._spec, self._clock, self._carriage = spec, clock, carriage
        self._line = _line_of(spec)
        self._closed = self._carrying = False
        try:
            if self._line.host:
                socket.getaddrinfo(self._line.host, None)
            self._decoder = Decoder(
                self._line.target,
                SourceHealth(),
                format=self._line.format,
                options=self._line.options,
                timeout_s=spec.timeout_s if self._line.host else None,
                joins=True,
            )
        except Exception as error:
            said = worded(error, self._line, spec.camera)
            raise said from (None if said is not error else error.__cause__)

    @property
    def info(self) -> StreamInfo:
        return self._decoder.info

    def carry(self) -> None:
        """Reads until the stream ends or `close` is called. Raises Unavailable when it is lost."""
        self._carrying = True
        complete, begun_s, media_s = False, self._clock.monotonic_s(), 0.0
        try:
            for packet in self._decoder.packets_read():
                if self._closed:
                    return
                if packet is None or packet.size == 0:
                    complete = complete and packet is not None
                    continue
                self._carriage.packets += 1
                self._carriage.newest_s = self._clock.monotonic_s()
                is_key, step_s = packet.is_keyframe, self._decoder.step_s(packet)
                media_s += step_s
                if not self._line.host and self._spec.pace == "real":
                    self._wait_until(begun_s + media_s)
                if is_key and not complete:
                    self.ring.clear()  # what is there can be decoded from its start, or is gone
                    complete = True
                kept = Kept(packet, self._carriage.newest_s, packet.size, step_s, is_key)
                complete = complete and self.ring.keep(kept)
        except av.error.FFmpegError as error:
            lost = failures.lost(self._spec.camera, self._line.shown, error, self._spec.timeout_s)
            raise lost from None
        finally:
            self._decoder.close()
        if not self._closed and self._line.host:
            raise failures.lost(self._spec.camera, self._line.shown, None, self._spec.timeout_s)

    def close(self) -> None:
        """May be called from any thread; `carry` ends with the next packet or time-out."""
        self._closed = True
        if not self._carrying:
            self._decoder.close()

    def _wait_until(self, due_s: float) -> None:
        while not self._closed and (ahead_s := due_s - self._clock.monotonic_s()) > 0:
            self._clock.sleep(min(SLICE_S, ahead_s))


def _line_of(spec: SourceSpec) -> Line:
    scheme = spec.url.partition("://")[0].lower()
    if scheme in ("rtsp", "rtsps"):
        return rtsp_line(spec)
    if scheme in ("http", "https"):
        return http_line(spec)
    return Line(
        spec.url,
        f"file:{spec.url}",
        options={"format_whitelist": FORMATS, "protocol_whitelist": "file"},
        wording=lambda error: Unavailable(
            f"{spec.url} cannot be carried", hint="is it a video file, or rtsp:// or http://?"
        ),
    )
