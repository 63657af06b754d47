"""Device: cameras on this machine, through V4L2."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from placewatch.capture import failures
from placewatch.capture.live import Line, LiveSource
from placewatch.capture.policy import Policy
from placewatch.capture.source import SourceSpec
from placewatch.core.errors import Misconfigured
from placewatch.core.time import Clock


def device_source(
    spec: SourceSpec, clock: Clock, stopping: Callable[[], bool], policy: Policy
) -> LiveSource:
    """The camera at `/dev/videoN`."""
    path = Path(spec.url)
    if not path.exists():
        others = sorted(str(other) for other in Path("/dev").glob("video*"))
        raise Misconfigured(
            f"there is no camera at {spec.url}",
            hint=f"there are {', '.join(others)}" if others else "this machine has no camera now",
        )
    line = Line(
        spec.url,
        spec.url,
        "video4linux2,v4l2",
        wording=partial(failures.failed_to_open_device, spec.url),
    )
    return LiveSource(spec, clock, line, stopping=stopping, policy=policy)
