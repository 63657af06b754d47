"""Preview: a few pictures from the beginning of a file, before it is watched.

Whoever is in view when watching begins is taken for a part of the street, until the street behind
is seen. A recording lies there as a whole, so that its street can be known beforehand.

A key frame is drawn anew and looks unlike all others of its group: a street that was learnt from
key frames alone is a little wrong nearly always. Large pictures are averaged, which hides that, and
dear to decode; so of those there are key frames, and of small ones all frames of a shorter span.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from placewatch.capture.decode import Darkroom, Picture
from placewatch.capture.source import SourceHealth, SourceSpec
from placewatch.capture.video import FORMATS
from placewatch.core.time import UtcMicros
from placewatch.pixels.frame import Frame

SPAN_S = 120.0  # for key frames: who waits at a red light stands there for half a minute
SPAN_ALL_S = 10.0
STEP_S = 0.3  # of all frames, one in so long
COUNT_MAX = 16
COUNT_MIN = 8
PIXELS = 8 * 1920 * 1080  # in all: a key frame of a large picture takes 20 ms
LARGE_PX = 1280  # wide: from here 4 x 4 pixels and more are averaged

T = TypeVar("T")
Timed = TypeVar("Timed", "Packet[VideoStream]", VideoFrame)


def preview(spec: SourceSpec) -> list[Frame]:
    """Up to `COUNT_MAX` frames from the beginning of the file, apart in time, and fewer of large
    pictures. Empty where it cannot be read: watching will say why."""
    path = Path(spec.url).expanduser()
    if not path.is_file():
        return []
    try:
        images = _key_frames(path)
        if len(images) < COUNT_MIN:
            images = list(_decoded(path, SPAN_ALL_S))
            images = _some(images, COUNT_MAX)
    except (av.error.FFmpegError, OSError, IndexError):
        return []
    darkroom = Darkroom(spec.camera, SourceHealth())
    return [
        darkroom.develop(
            Picture(image, None, number, damaged=False),
            at=UtcMicros(0),
            media_s=0.0,
            after_gap=False,
        )
        for number, image in enumerate(images)
    ]


def _key_frames(path: Path) -> list[VideoFrame]:
    """Key frames of large pictures, up to `SPAN_S` after the first."""
    with _opened(path) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        if context.width < LARGE_PX:
            return []
        packets = [
            packet for packet in _within(container.demux(stream), SPAN_S) if packet.is_keyframe
        ]
        count = min(COUNT_MAX, max(COUNT_MIN, PIXELS // (context.width * context.height)))
        frames = [frame for packet in _some(packets, count) for frame in context.decode(packet)]
        return frames + context.decode(None)


def _decoded(path: Path, span_s: float) -> Iterator[VideoFrame]:
    """Frames up to `span_s` after the first, one in `STEP_S`."""
    with _opened(path) as container:
        last_s = None
        for frame in _within(container.decode(container.streams.video[0]), span_s):
            time_s = float(frame.time or 0.0)
            if last_s is None or time_s - last_s >= STEP_S:
                last_s = time_s
                yield frame


def _within(items: Iterable[Timed], span_s: float) -> Iterator[Timed]:
    """Those of `items` up to `span_s` after the first; they end where one has no time."""
    first_s = None
    for item in items:
        ticks = item.pts if item.pts is not None else item.dts  # an AVI's packets have one only
        if ticks is None or item.time_base is None:
            return
        time_s = float(ticks * item.time_base)
        first_s = time_s if first_s is None else first_s
        if time_s - first_s > span_s:
            return
        yield item


def _some(items: list[T], count: int) -> list[T]:
    """At most `count` of them, evenly apart."""
    return items[:: max(1, round(len(items) / count))][:count]


def _opened(path: Path) -> InputContainer:
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    container = av.open(f"file:{path.resolve()}", options=options)
    container.streams.video[0].codec_context.thread_count = 1
    return container
