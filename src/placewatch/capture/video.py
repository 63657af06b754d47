"""Video: files, at full speed or at the pace they were recorded."""

import threading
from collections.abc import Iterator
from pathlib import Path

import av.error

from placewatch.capture import failures
from placewatch.capture.decode import Darkroom, Decoder, NoDecoder, NoVideo, Picture
from placewatch.capture.policy import FULL, Policy
from placewatch.capture.source import SourceHealth, SourceSpec, StreamInfo, Takes, every
from placewatch.capture.timestamps import MediaClock
from placewatch.core.errors import Misconfigured
from placewatch.core.time import Clock, UtcMicros
from placewatch.pixels.frame import Frame

FORMATS = (
    "asf,avi,av1,dv,flv,gxf,h264,hevc,ivf,m4v,matroska,webm,mjpeg,mov,mp4,m4a,3gp,3g2,mj2,mpeg,"
    "mpegts,mpegvideo,mpjpeg,mxf,nut,obu,ogg,rm,vc1,wtv,yuv4mpegpipe"
)
"""What a file may be. FFmpeg would also play text, pictures, playlists and the network."""

SLICE_S = 0.2  # a real-pace wait looks up this often, so that `close` ends it
LATE_S_MAX = 1.0  # a real-pace reader that is later drops frames, as a camera would
DROPS_MAX = 25  # in a row, then one is shown however late it is


class FileSource:
    """A video file. Its UTC runs from the moment it was opened."""

    info: StreamInfo
    health: SourceHealth

    def __init__(self, spec: SourceSpec, clock: Clock, policy: Policy = FULL) -> None:
        path = Path(spec.url).expanduser()
        _check(path, spec.url)
        self.health = SourceHealth()
        self._spec, self._clock = spec, clock
        self._opened_at = clock.utc()
        self._closed = False
        self._busy = threading.Lock()  # held while the container is in use
        self._darkroom = Darkroom(spec.camera, self.health)
        try:
            self._decoder = Decoder(
                f"file:{path.resolve()}",
                self.health,
                policy=policy,
                options={"format_whitelist": FORMATS, "protocol_whitelist": "file"},
            )
        except NoVideo:
            raise failures.no_video_in(spec.url) from None
        except NoDecoder as error:
            raise failures.unsupported(spec.url, str(error)) from None
        except av.error.FFmpegError as error:
            raise failures.failed_to_open_file(spec.url, error) from error
        self._pictures = self._decoder.pictures()
        first = self._next()
        if first is None:
            self.close()
            raise failures.no_picture_in(spec.url, self.health.packets_corrupt)
        self._first: Picture | None = first
        self.info = self._decoder.info

    def frames(self, takes: Takes = every) -> Iterator[Frame]:
        """Frames to the end of the file."""
        media_clock = MediaClock(self._decoder.time_base, self.info.fps)
        started_s = self._clock.monotonic_s()
        unknown, drops = False, 0
        passed: tuple[Picture, float] | None = None  # the newest frame, where it was not taken
        picture, self._first = self._first, None
        try:
            while picture is not None:
                stamp = media_clock.stamp(
                    picture.ticks,
                    damaged=picture.damaged,
                    passed=picture.passed,
                    hole_ticks=picture.hole_ticks,
                )
                media_clock.report(self.health)
                unknown |= stamp.after_gap
                late_s = 0.0
                if self._spec.pace == "real":
                    late_s = self._wait_until(started_s + stamp.media_s)
                if self._closed:
                    break
                if late_s > LATE_S_MAX and drops < DROPS_MAX:
                    self.health.frames_dropped += 1
                    drops += 1
                else:
                    self.health.lateness_s, drops = late_s, 0
                    unknown = self._darkroom.count(picture, after_gap=unknown)
                    if takes(stamp.media_s, unknown):
                        passed = None
                        yield self._developed(picture, stamp.media_s, after_gap=unknown)
                        unknown = False
                    else:
                        passed = picture, stamp.media_s
                picture = self._next()
            if passed is not None and not self._closed:
                yield self._developed(*passed, after_gap=unknown)
        finally:
            self.close()

    def close(self) -> None:
        self._closed = True
        if self._busy.acquire(timeout=SLICE_S):  # else the reading thread is in it, and closes
            try:
                self._decoder.close()
            finally:
                self._busy.release()

    def _developed(self, picture: Picture, media_s: float, *, after_gap: bool) -> Frame:
        at = UtcMicros(self._opened_at + round(media_s * 1e6))
        return self._darkroom.develop(picture, at=at, media_s=media_s, after_gap=after_gap)

    def _next(self) -> Picture | None:
        """The next picture; None at the end, and after `close`."""
        with self._busy:
            if self._closed:
                self._decoder.close()
                return None
            try:
                return next(self._pictures, None)
            except av.error.FFmpegError as error:
                raise failures.failed_to_read_on(self._spec.url, error) from error

    def _wait_until(self, due_s: float) -> float:
        """Waits for `due_s` on the clock, or for `close`. Returns how late it is."""
        while not self._closed:
            ahead_s = due_s - self._clock.monotonic_s()
            if ahead_s <= 0:
                return -ahead_s
            self._clock.sleep(min(SLICE_S, ahead_s))
        return 0.0


def _check(path: Path, shown: str) -> None:
    """Raises Misconfigured unless there is a file with something in it."""
    try:
        if path.is_dir():
            raise Misconfigured(f"{shown} is a folder", hint="name one video file in it")
        if not path.exists():
            raise Misconfigured(
                f"there is no file {shown}",
                hint=f"looked in {path.resolve().parent}; cameras begin with rtsp:// or http://",
            )
        if not path.is_file():
            raise Misconfigured(f"{shown} is no regular file", hint="name a video file")
        if path.stat().st_size == 0:
            raise Misconfigured(f"{shown} is empty", hint="was it copied or recorded to its end?")
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{shown} cannot be looked at", hint="check the path") from error
