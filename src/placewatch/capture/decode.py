"""Decode: a container's one video stream becomes pictures; sound and data are never read on.

How this works. Packets come one by one (`packets`), maybe in another thread than that which decodes
(`decode`). For each the camera's policy says whether it is decoded now or kept. What is kept is
decoded later, in order and with its own times, when the policy wakes up before the next key frame,
when the ring is full, when a packet is broken and when the stream ends; else it is passed over, and
the next picture says how many were.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

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

from placewatch.capture.gops import GopRing, Kept
from placewatch.capture.policy import FULL, PacketSeen, Policy
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
KEPT_BYTES_MAX = 16_000_000  # of one camera's undecoded packets; two seconds at 60 Mbit/s
KEPT_S_MAX = 10.0

FILTERED = frozenset({"h264", "hevc"})
"""Decoders whose loop filter can be left out."""

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


class Picture(NamedTuple):
    """A decoded picture, still in the decoder's memory. `ticks` is the stream's own time."""

    image: VideoFrame
    ticks: int | None
    number: int  # counts the stream's frames from 0, also those that were passed over
    damaged: bool  # packets before it were lost or broken
    arrival_s: float | None = None  # when the packet that completed it came in
    passed: int = 0  # frames before it that were not decoded, because the policy wanted none
    hole_ticks: int = 0  # the longest step between the packets of those
    replayed: bool = False  # it was kept for a while, and is late for that reason


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
        policy: Policy = FULL,
        format: str | None = None,
        options: Mapping[str, str] = MappingProxyType({}),
        timeout_s: float | None = None,
        joins: bool = False,
    ) -> None:
        self._health = health
        self._policy = policy
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
        # Made-up times are worse than none: FFmpeg's guesses go back and forth in an AVI with B
        # frames, and it holds packets back to make them.
        container.flags &= ~GENERATE_TICKS
        self._filters = policy.loop_filter
        self._context = _set_up(self._stream.codec_context, loop_filter=self._filters)
        self._other: VideoCodecContext | None = None  # with the loop filter turned the other way
        self.format = container.format.name
        self.time_base = self._stream.time_base or Fraction(1, 90_000)
        self._tick_s = float(self.time_base)
        self.info = _info(container, self._stream)
        self.finite = self.info.duration_s is not None or (container.size or 0) > 0
        self.packets = 0
        self._ring = GopRing(KEPT_BYTES_MAX, KEPT_S_MAX)
        self._packet_ticks: int | None = None
        self._hole_ticks = 0
        self._passed = 0
        self._fed = 0
        self._number = 0
        self._damaged = False
        self._damaged_pictures = 0
        self._lost = True  # packets before the next; of what was before the first nothing is known
        self._joining = joins
        self._ticks: int | None = None
        self._step_ticks = 0

    def packets_read(self) -> "Iterator[Packet[VideoStream] | None]":
        """All packets until the container ends, and None for one that could not be read."""
        damaged_reads = 0
        while damaged_reads < DAMAGED_READS_MAX:
            try:
                for packet in self._container.demux(self._stream):
                    damaged_reads = 0
                    self.packets += 1
                    yield packet
                return
            except DAMAGE:
                damaged_reads += 1
                yield None

    def pictures(self) -> Iterator[Picture]:
        """All pictures until the container ends. Damaged packets are counted and passed over."""
        try:
            for packet in self.packets_read():
                yield from self.decode(packet)
        except av.error.FFmpegError:
            yield from self.replay()  # what was kept is not lost with the stream
            raise

    def close(self) -> None:
        """Frees the container. Pictures that were handed out stay valid, and packets that were
        read can still be decoded."""
        self._container.close()

    def decode(
        self, packet: "Packet[VideoStream] | None", arrival_s: float | None = None
    ) -> Iterator[Picture]:
        """The pictures that are due once `packet` is there; None: one was lost before it."""
        if packet is None:
            self._note_damage()
            return
        size_bytes = packet.size
        if size_bytes == 0:  # the end
            yield from self.replay()
            yield from self._decode(packet, arrival_s)
            return
        is_key, step_ticks = packet.is_keyframe, self._step_to(packet)
        step_s = step_ticks * self._tick_s
        lost, self._lost = self._lost or packet.is_corrupt, False
        wanted = self._policy.choose(
            PacketSeen(size_bytes, is_key, step_s, self._context.has_b_frames, lost)
        )
        if is_key:
            passed = self._ring.clear()
            self._passed += passed
            self._number += passed
            self._fed += passed
            if self._policy.loop_filter != self._filters:
                yield from self._turn_filter(arrival_s)
            self._context.skip_frame = "NONREF" if self._policy.references_only else "DEFAULT"
        self._hole_ticks = max(self._hole_ticks, step_ticks)
        if packet.is_corrupt:
            self._note_damage()
        elif not (wanted or is_key or self._joining) and self._ring.keep(
            Kept(packet, arrival_s, size_bytes, step_s, is_key)
        ):
            return
        if self._ring:
            yield from self.replay()
        yield from self._decode(packet, arrival_s)

    @property
    def kept(self) -> int:
        """How many packets wait undecoded for the next key frame."""
        return len(self._ring)

    def replay(self) -> Iterator[Picture]:
        """The pictures of all that was kept."""
        for kept in self._ring.take():
            for picture in self._decode(kept.packet, kept.arrival_s):
                yield picture._replace(replayed=True)

    def _decode(self, packet: "Packet[VideoStream]", arrival_s: float | None) -> Iterator[Picture]:
        drained = packet.size == 0
        self._fed += not drained
        try:
            images = self._context.decode(None if drained else packet)
        except av.error.EOFError:  # flushed before, when a damaged read came in between
            return
        except av.error.FFmpegError:
            self._note_damage()
            self._damaged_pictures += 1
            if self._damaged_pictures >= DAMAGED_JPEGS_MAX and self.info.codec == "mjpeg":
                # A camera whose every JPEG lacks its end is still a camera.
                self._context = VideoCodecContext.create("mjpeg", "r")
            return
        for image in images:
            picture = self._picture(image, arrival_s, drained=drained)
            if picture is not None:
                yield picture

    def _picture(
        self, image: VideoFrame, arrival_s: float | None, *, drained: bool
    ) -> Picture | None:
        """`image` with all that is known of it; None where it is left out as damaged."""
        if self._policy.references_only:
            self._pass_over()
        number = self._number
        self._number += 1
        ticks = self._ticks_of(image, drained=drained)
        if image.is_corrupt:
            self._note_damage()
            self._damaged_pictures += 1
            if self._damaged_pictures <= DAMAGED_PICTURES_MAX:
                return None
        else:
            self._damaged_pictures = 0
        if not self.info.width_px:  # joined where the stream did not say its size
            self.info = replace(self.info, width_px=image.width, height_px=image.height)
        self._joining = False
        damaged, self._damaged = self._damaged, False
        passed, self._passed = self._passed, 0
        hole_ticks, self._hole_ticks = self._hole_ticks, 0
        return Picture(image, ticks, number, damaged, arrival_s, passed, hole_ticks)

    def _pass_over(self) -> None:
        """Counts the frames that the decoder left out, which it does not tell."""
        late = self._fed - self._number - 1
        # What is shown out of order is held back by as many frames as the stream says, no more.
        left_out = max(0, late - int(self._context.reorder_depth))
        self._passed += left_out
        self._number += left_out

    def _turn_filter(self, arrival_s: float | None) -> Iterator[Picture]:
        """Goes on with the other decoder; what the old one holds back comes first."""
        before, after = self._context, self._other
        if before.name not in FILTERED:
            self._filters = self._policy.loop_filter
            return
        for image in before.decode(None):
            picture = self._picture(image, arrival_s, drained=True)
            if picture is not None:
                yield picture
        before.flush_buffers()
        self._filters = self._policy.loop_filter
        if after is None:
            created = VideoCodecContext.create(before.name, "r")
            assert isinstance(created, VideoCodecContext)
            after = created
            after.extradata = before.extradata
            _set_up(after, loop_filter=self._filters)
        self._context, self._other = after, before

    def step_s(self, packet: "Packet[VideoStream]") -> float:
        """The seconds from the packet before to this one, for who carries and does not decode."""
        return self._step_to(packet) * self._tick_s

    def _step_to(self, packet: "Packet[VideoStream]") -> int:
        """The ticks from the packet before to this one; 0 where one of them has no time."""
        before, now = self._packet_ticks, packet.dts if packet.dts is not None else packet.pts
        if now is not None:
            self._packet_ticks = now
        return max(0, now - before) if now is not None and before is not None else 0

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
        self._damaged = self._lost = True


def _set_up(context: VideoCodecContext, *, loop_filter: bool) -> VideoCodecContext:
    # One thread for each stream: the cores are shared by cameras, and threads within a decoder
    # cost CPU seconds and delay. See docs/design/capture.md.
    context.thread_count = 1
    options = {"max_pixels": str(PIXELS_MAX)}
    if context.name in TELL_NOTHING:
        options["err_detect"] = "explode"
    if not loop_filter and context.name in FILTERED:
        options["skip_loop_filter"] = "all"
    context.options = options
    return context


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

    def count(self, picture: Picture, *, after_gap: bool) -> bool:
        """Counts a picture that is shown. Whether what was before it is unknown."""
        size_px = (picture.image.width, picture.image.height)
        if self._size_px is not None and size_px != self._size_px and not after_gap:
            after_gap = True
            self._health.gaps += 1
        self._size_px = size_px
        self._health.frames += 1
        return after_gap

    def develop(self, picture: Picture, *, at: UtcMicros, media_s: float, after_gap: bool) -> Frame:
        image = picture.image
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
