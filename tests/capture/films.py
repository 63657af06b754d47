"""Films: small videos for tests, made when they are needed."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

import av
import av.codec
import numpy as np
import pytest
from av.audio.stream import AudioStream
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

FPS = 25


def street(number: int, width_px: int = 160, height_px: int = 120) -> VideoFrame:
    """Grey asphalt with grain, and a white van that moves 2 px to the right with each frame."""
    grain = np.random.default_rng(number).integers(-4, 5, (height_px, width_px, 1))
    picture = np.clip(np.full((height_px, width_px, 3), 90) + grain, 0, 255).astype(np.uint8)
    left_px = 2 * number % (width_px - 30)
    picture[height_px // 2 : height_px // 2 + 16, left_px : left_px + 30] = 230
    return VideoFrame.from_ndarray(picture, format="rgb24")


def make_film(
    path: Path,
    codec: str = "libx264",
    *,
    frames: int = 2 * FPS,
    size_px: tuple[int, int] = (160, 120),
    ticks: Callable[[int], int] | None = None,
    format: str | None = None,
    options: Mapping[str, str] = MappingProxyType({}),
    pix_fmt: str = "yuv420p",
    sound: bool = False,
    data: bool = False,
    start_ticks: int = 0,
) -> Path:
    """`path` with a street in it. `ticks(i)` is the time of frame i, in 1/90 000 s."""
    try:
        av.codec.Codec(codec, "w")
    except ValueError:
        pytest.skip(f"this FFmpeg cannot encode {codec}")
    width_px, height_px = size_px
    with av.open(str(path), "w", format=format) as container:
        video = container.add_stream(codec, rate=FPS, options=dict(options))
        assert isinstance(video, VideoStream)
        video.width, video.height, video.pix_fmt = width_px, height_px, pix_fmt
        video.codec_context.thread_count = 1  # the same bytes on every machine
        # MPEG-4 counts in 16 bits.
        video.codec_context.time_base = Fraction(1, 25_000 if codec == "mpeg4" else 90_000)
        if codec == "libx265":
            video.options = {"x265-params": "log-level=none"}
        if sound:
            voice = container.add_stream("mp2", rate=44_100)
            assert isinstance(voice, AudioStream)
            voice.layout = "mono"

        facts = container.add_data_stream("klv") if data else None  # what drones send along

        def mux(packets: list[Any]) -> None:
            for packet in packets:
                if start_ticks:
                    packet.pts = (packet.pts or 0) + start_ticks
                    packet.dts = (packet.dts or 0) + start_ticks
                container.mux(packet)

        container.start_encoding()
        for number in range(frames):
            image = street(number, width_px, height_px)
            image.pts = ticks(number) if ticks else number * 90_000 // FPS
            image.time_base = Fraction(1, 90_000)
            mux(video.encode(image))
            if sound:
                mux(voice.encode(_hum(number)))
            if facts is not None:
                packet = Packet(b"where the camera is")
                packet.stream = facts
                packet.time_base = Fraction(1, 90_000)
                packet.pts = packet.dts = number * 90_000 // FPS
                container.mux(packet)
        mux(video.encode(None))
        if sound:
            mux(voice.encode(None))
    return path


VBR = {"crf": "24", "maxrate": "1M", "bufsize": "2M", "preset": "veryfast", "sc_threshold": "0"}
"""How a camera encodes that saves bits in quiet scenes."""


def passages(
    path: Path, seconds: int, cars: Sequence[float], options: Mapping[str, str], gop: int = 50
) -> Path:
    """A quiet street with noise; a car drives through for 2 s at each of `cars`."""
    dice = np.random.default_rng(1)
    noise = dice.normal(0, 2.0, (8, 180, 320))
    texture = 90 + np.kron(dice.normal(0, 12, (23, 40)), np.ones((8, 8)))[:180, :320]
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FPS, options={"bf": "0", **options})
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        video.codec_context.thread_count = 1
        video.codec_context.gop_size = gop
        for number in range(seconds * FPS):
            picture = texture + noise[dice.integers(8)]
            for car in cars:
                along = (number / FPS - car) / 2
                if 0 <= along < 1:
                    left = int(along * 360) - 40
                    picture[90:120, max(0, left) : max(0, left + 40)] = 220
            planes = np.full((270, 320), 128, np.uint8)
            planes[:180] = np.clip(picture, 0, 255)
            container.mux(video.encode(VideoFrame.from_ndarray(planes, format="yuv420p")))
        container.mux(video.encode(None))
    return path


def ts_packets(path: Path) -> list[bytes]:
    """The packets of an MPEG-TS file, which can be lost one by one."""
    whole = path.read_bytes()
    return [whole[at : at + 188] for at in range(0, len(whole), 188)]


def _hum(number: int) -> av.AudioFrame:
    samples = 44_100 // FPS
    phase = np.arange(number * samples, (number + 1) * samples) * 440 * 2 * np.pi / 44_100
    frame = av.AudioFrame.from_ndarray(
        (np.sin(phase) * 8000).astype(np.int16)[None, :], format="s16", layout="mono"
    )
    frame.sample_rate = 44_100
    frame.pts = number * samples
    return frame
