"""Source: a camera, a file or a drawn street that yields frames."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

from placewatch.core.ids import CameraId
from placewatch.pixels.frame import Frame


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """What it takes to open a source.

    `url` is a path, `rtsp://`, `http://` or `https://` (MJPEG), `/dev/videoN`, or
    `street:NAME?seed=1&light=dusk` for a drawn street, or `sim://NAME?camera=roof&seed=1` for a
    simulated one. `pace` `full` is as fast as the machine
    can, for files; `real` is at the pace of the recording. `login` is (user, password); it never
    stands in `url`, in a log line or in an error.
    """

    camera: CameraId
    url: str
    pace: Literal["full", "real"] = "full"
    transport: Literal["tcp", "udp"] = "tcp"
    login: tuple[str, str] | None = field(default=None, repr=False)
    timeout_s: float = 10.0  # a loss is noticed within this


@dataclass(slots=True)
class SourceHealth:
    """What a source met since it was opened; only its own thread writes here."""

    frames: int = 0  # decoded (or drawn) in time
    frames_dropped: int = 0  # beside them: too late, whether they were decoded yet or not
    packets_corrupt: int = 0
    timestamps_repaired: int = 0
    gaps: int = 0
    lateness_s: float = 0.0


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a stream says of itself; None where it says nothing."""

    width_px: int
    height_px: int
    codec: str
    fps: float | None
    duration_s: float | None
    frames: int | None


Takes = Callable[[float, bool], bool]
"""Asked once of every frame that is counted, by its `media_s` and `after_gap`: is it wanted?"""


def every(media_s: float, after_gap: bool) -> bool:
    """Takes every frame."""
    return True


class Source(Protocol):
    """One session with a camera. `frames` is used once; a new session is a new Source."""

    info: StreamInfo
    health: SourceHealth

    def frames(self, takes: Takes = every) -> Iterator[Frame]:
        """The frames that `takes` wants, in order, and always the last one of a file, with which
        they end. A frame that is not wanted is counted, and costs no more than its decoding.
        Raises Unavailable when the camera is lost."""
        ...

    def close(self) -> None:
        """May be called from any thread, more than once; `frames` ends within 1 s."""
        ...
