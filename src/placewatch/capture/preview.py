"""Preview: a few pictures from the beginning of a file, before it is watched.

Whoever is in view when watching begins is taken for a part of the street, until the street behind
is seen. A recording lies there as a whole, so that its street can be known beforehand.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import av
import av.error

from placewatch.capture.decode import Darkroom, Picture
from placewatch.capture.source import SourceHealth, SourceSpec
from placewatch.capture.video import FORMATS
from placewatch.core.time import UtcMicros
from placewatch.pixels.frame import Frame

SPAN_S = 30.0
COUNT_MAX = 24
KEY_FRAMES_MIN = 8  # fewer say little; then all frames of a shorter span are decoded
SPAN_ALL_S = 10.0

_KEY: Literal["NONKEY"] = "NONKEY"  # FFmpeg's name for what is skipped


def preview(spec: SourceSpec) -> list[Frame]:
    """Up to `COUNT_MAX` frames of the file's first half minute, apart in time; key frames where
    there are enough. Empty where it cannot be read: watching will say why."""
    path = Path(spec.url).expanduser()
    if not path.is_file():
        return []
    try:
        images = list(_decoded(path, _KEY, SPAN_S))
        if len(images) < KEY_FRAMES_MIN:
            images = list(_decoded(path, "DEFAULT", SPAN_ALL_S))
    except (av.error.FFmpegError, OSError, IndexError):
        return []
    every = -(-len(images) // COUNT_MAX) if images else 1
    darkroom = Darkroom(spec.camera, SourceHealth())
    return [
        darkroom.develop(
            Picture(image, None, number, damaged=False),
            at=UtcMicros(0),
            media_s=0.0,
            after_gap=False,
        )
        for number, image in enumerate(images[::every])
    ]


def _decoded(
    path: Path, skip: Literal["NONKEY", "DEFAULT"], span_s: float
) -> Iterator[av.VideoFrame]:
    """Frames up to `span_s` after the first; of all frames one in a third of a second."""
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    with av.open(f"file:{path.resolve()}", options=options) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        stream.codec_context.skip_frame = skip
        first_s = last_s = None
        for frame in container.decode(stream):
            if frame.time is None:
                return
            first_s = frame.time if first_s is None else first_s
            if frame.time - first_s > span_s:
                return
            if last_s is None or frame.time - last_s >= 0.3:
                last_s = frame.time
                yield frame
