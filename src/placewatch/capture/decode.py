"""Decode: a container's one video stream becomes pictures; sound and data are never read on."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from types import MappingProxyType

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from placewatch.capture.source import SourceHealth, StreamInfo
from placewatch.core.ids import CameraId
from placewatch.core.time import UtcMicros
from placewatch.pixels.frame import Frame

DAMAGED_READS_MAX = 100  # in a row; then the rest of a container is taken for lost
DAMAGED_PICTURES_MAX = 12  # in a row are left out; then a patched picture is better than none
DAMAGED_JPEGS_MAX = 3  # in a row are left out; then the camera's are all like that
FPS_MAX = 240.0
GENERATE_TICKS = 0x0001  # AVFMT_FLAG_GENPTS, which PyAV sets and does not type
PIXELS_MAX = 8192 * 8192  # a damaged header must not ask for the whole memory

TELL_NOTHING = frozenset({"hevc", "mjpeg"})
"""Decoders that patch damage over silently unless they are told to refuse it; H.264 flags it."""

DAMAGE = (
    av.error.InvalidDataError,
    av.error.PatchWelcomeError,
    av.error.ArgumentError,
    av.error.BufferTooSmallError,
    av.error.MemoryError,  # asked for by a damaged length
)

PLANAR_LUMA = frozenset(
    {"gray", "nv12", "nv16", "nv21", "nv24"}
    | {f"yuv{chroma}p" for chroma in (410, 411, 420, 422, 440, 444)}
    | {f"yuvj{chroma}p" for chroma in (411, 420, 422, 440, 444)}
    | {f"yuva{chroma}p" for chroma in (420, 422, 444)}
)
"""Pixel formats whose first plane is the luma in bytes, and needs no conversion."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture, still in the decoder's memory. `ticks` is the stream's own time."""

    image: VideoFrame
    ticks: int | None
    number: int
    damaged: bool  # packets before it were lost or broken


class NoVideo(Exception):
    """The container opened, and holds no video stream."""


class NoDecoder(Exception):
    """The video's codec cannot be decoded; the argument is its name."""


class Decoder:
    """One open container. Belongs to one thread at a time.

    `joins`: the stream was running before, so its first packets lack what they refer to; that is
    no damage. Raises FFmpeg's own errors, NoVideo and NoDecoder: who opens words them.
    """

    def __init__(
        self,
        target: str,
        health: SourceHealth,
        *,
        format: str | None = None,
        options: Mapping[str, str] = MappingProxyType({}),
        timeout_s: float | None = None,
        joins: bool = False,
    ) -> None:
        self._health = health
        container = av.open(
            target,
            format=format,
            options=dict(options),
            timeout=timeout_s,
            metadata_errors="replace",
        )
        assert isinstance(container, InputContainer)
        self._container = container
        try:
            self._stream = only_video(container)
        except BaseException:
            container.close()
            raise
        # One thread for each stream: the cores are shared by cameras, and threads within a
        # decoder cost CPU seconds and delay. See docs/design/capture.md.
        self._stream.codec_context.thread_count = 1
        # Made-up times are worse than none: FFmpeg's guesses go back and forth in an AVI with B
        # frames, and it holds packets back to make them.
        container.flags &= ~GENERATE_TICKS
        options = {"max_pixels": str(PIXELS_MAX)}
        if self._stream.codec_context.name in TELL_NOTHING:
            options["err_detect"] = "explode"
        self._stream.codec_context.options = options
        self.format = container.format.name
        self.time_base = self._stream.time_base or Fraction(1, 90_000)
        self.info = _info(container, self._stream)
        self.finite = self.info.duration_s is not None or (container.size or 0) > 0
        self.packets = 0
        self._number = 0
        self._damaged = False
        self._damaged_pictures = 0
        self._joining = joins
        self._lenient: VideoCodecContext | None = None
        self._ticks: int | None = None
        self._step_ticks = 0

    def pictures(self) -> Iterator[Picture]:
        """All pictures until the container ends. Damaged packets are counted and passed over."""
        damaged_reads = 0
        while damaged_reads < DAMAGED_READS_MAX:
            try:
                for packet in self._container.demux(self._stream):
                    damaged_reads = 0
                    yield from self._decode(packet)
                return
            except DAMAGE:
                damaged_reads += 1
                self._note_damage()

    def close(self) -> None:
        """Frees the container; pictures that were handed out stay valid."""
        self._container.close()

    def _decode(self, packet: "Packet[VideoStream]") -> Iterator[Picture]:
        self.packets += 1
        if packet.is_corrupt:
            self._note_damage()
        try:
            images = packet.decode() if self._lenient is None else self._lenient.decode(packet)
        except av.error.EOFError:  # flushed before, when a damaged read came in between
            return
        except av.error.FFmpegError:
            self._note_damage()
            self._damaged_pictures += 1
            if self._damaged_pictures >= DAMAGED_JPEGS_MAX and self.info.codec == "mjpeg":
                # A camera whose every JPEG lacks its end is still a camera.
                self._lenient = VideoCodecContext.create("mjpeg", "r")
            return
        for image in images:
            number = self._number
            self._number += 1
            ticks = self._ticks_of(image, drained=packet.size == 0)
            if image.is_corrupt:
                self._note_damage()
                self._damaged_pictures += 1
                if self._damaged_pictures <= DAMAGED_PICTURES_MAX:
                    continue
            else:
                self._damaged_pictures = 0
            if not self.info.width_px:  # joined where the stream did not say its size
                self.info = replace(self.info, width_px=image.width, height_px=image.height)
            self._joining = False
            damaged, self._damaged = self._damaged, False
            yield Picture(image, ticks, number, damaged)

    def _ticks_of(self, image: VideoFrame, *, drained: bool) -> int | None:
        """The time of `image`, that of the packet that completed it where it has none."""
        ticks = image.pts if image.pts is not None else image.dts
        if ticks is None and drained and self._ticks is not None:
            ticks = self._ticks + self._step_ticks  # no packet completes the last few
        if ticks is not None and self._ticks is not None:
            self._step_ticks = ticks - self._ticks
        self._ticks = ticks
        return ticks

    def _note_damage(self) -> None:
        if not self._joining:
            self._health.packets_corrupt += 1
        self._damaged = True


def only_video(container: InputContainer) -> VideoStream:
    """The first video stream, after telling the demuxer to drop all others: sound above all."""
    chosen: VideoStream | None = None
    for stream in container.streams:
        cover = stream.disposition & Disposition.attached_pic
        if isinstance(stream, VideoStream) and chosen is None and not cover:
            chosen = stream
        else:
            stream.discard = Discard.all
    if chosen is None:
        raise NoVideo
    if chosen.codec_context is None:
        raise NoDecoder(_codec_name(chosen))
    return chosen


class Darkroom:
    """Makes a session's frames from its pictures. `to_rgb` may be called from any thread.

    Where the size changes, the street lies elsewhere in the picture: that counts as a gap.
    """

    def __init__(self, camera: CameraId, health: SourceHealth) -> None:
        self._camera = camera
        self._health = health
        self._size_px: tuple[int, int] | None = None
        self._reformatter = VideoReformatter()  # keeps its tables from frame to frame
        self._lock = threading.Lock()

    def develop(self, picture: Picture, *, at: UtcMicros, media_s: float, after_gap: bool) -> Frame:
        image = picture.image
        size_px = (image.width, image.height)
        if self._size_px is not None and size_px != self._size_px and not after_gap:
            after_gap = True
            self._health.gaps += 1
        self._size_px = size_px
        self._health.frames += 1
        to_rgb: Callable[[int], npt.NDArray[np.uint8]] = partial(self._to_rgb, image)
        return Frame(
            self._camera, at, media_s, picture.number, self._luma(image), to_rgb, after_gap
        )

    def _luma(self, image: VideoFrame) -> npt.NDArray[np.uint8]:
        """A read-only view on the decoder's luma plane, which it keeps alive; rarely a copy."""
        plane = image.planes[0] if image.format.name in PLANAR_LUMA else None
        if plane is None or plane.line_size < image.width:
            with self._lock:
                image = self._reformatter.reformat(image, format="gray")
            plane = image.planes[0]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(image.height, plane.line_size)
        luma: npt.NDArray[np.uint8] = rows[:, : image.width]
        luma.flags.writeable = False
        return luma

    def _to_rgb(self, image: VideoFrame, width_px: int) -> npt.NDArray[np.uint8]:
        height_px = max(1, round(image.height * width_px / image.width))
        with self._lock:
            scaled = self._reformatter.reformat(
                image,
                width=width_px,
                height=height_px,
                format="rgb24",
                interpolation=Interpolation.AREA,
            )
        rgb: npt.NDArray[np.uint8] = scaled.to_ndarray().view(np.uint8)
        return rgb


def _info(container: InputContainer, stream: VideoStream) -> StreamInfo:
    duration_s: float | None = None
    if stream.duration is not None and stream.time_base is not None:
        duration_s = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        duration_s = container.duration / av.time_base
    if duration_s is not None and duration_s <= 0:
        duration_s = None
    frames = stream.frames or None
    # Some containers give the rate of their clock as a rate of frames.
    rates = [float(rate or 0) for rate in (stream.average_rate, stream.guessed_rate)]
    if frames and duration_s:
        rates.append(frames / duration_s)
    fps = next((rate for rate in rates if 0 < rate <= FPS_MAX), None)
    context = stream.codec_context
    return StreamInfo(context.width, context.height, _codec_name(stream), fps, duration_s, frames)


def _codec_name(stream: VideoStream) -> str:
    return stream.codec_context.name if stream.codec_context is not None else "unknown"
