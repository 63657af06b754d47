"""Capture: cameras, files, drawn and simulated streets become frames."""

import re
from collections.abc import Callable, Mapping

from placewatch.capture.address import DRAWN, clean
from placewatch.capture.device import device_source
from placewatch.capture.network import http_source, rtsp_source
from placewatch.capture.policy import FULL, Policy
from placewatch.capture.source import Source, SourceSpec
from placewatch.capture.video import FileSource
from placewatch.core.errors import Misconfigured
from placewatch.core.time import Clock

__all__ = ["SOURCES", "clean", "open_source"]

Opener = Callable[[SourceSpec, Clock, Callable[[], bool], Policy], Source]


def open_source(
    spec: SourceSpec,
    clock: Clock,
    *,
    stopping: Callable[[], bool] = lambda: False,
    policy: Policy = FULL,
) -> Source:
    """A session with what `spec` names, with its first frame in hand.

    `stopping` is asked while a camera is slow to answer. `policy` says how much of it is decoded;
    whoever analyses the frames lets it `heed` what was found. Raises Misconfigured where a person
    must change something, and Unavailable where trying again may help.
    """
    return SOURCES[_kind(spec.url)](spec, clock, stopping, policy)


def _file(spec: SourceSpec, clock: Clock, stopping: Callable[[], bool], policy: Policy) -> Source:
    return FileSource(spec, clock, policy)


def _street(spec: SourceSpec, clock: Clock, stopping: Callable[[], bool], policy: Policy) -> Source:
    from placewatch.capture.synthetic import SyntheticSource  # drawing is loaded where it is used

    return SyntheticSource(spec, clock)


def _simulated(
    spec: SourceSpec, clock: Clock, stopping: Callable[[], bool], policy: Policy
) -> Source:
    from placewatch.capture.simulated import SimulatedSource

    return SimulatedSource(spec, clock, stopping)


SOURCES: Mapping[str, Opener] = {
    "file": _file,
    "rtsp": rtsp_source,
    "rtsps": rtsp_source,
    "http": http_source,
    "https": http_source,
    "device": device_source,
    "street": _street,
    "sim": _simulated,
}
"""From what a URL begins with to what opens it; whatever has no scheme is a file."""


def _kind(url: str) -> str:
    """The key in SOURCES for `url`. Raises Misconfigured for a scheme that is not known."""
    if re.fullmatch(r"/dev/video\d+", url):
        return "device"
    if url.startswith(DRAWN):
        return "street"
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", url)
    if scheme is None:
        return "file"
    kind = scheme[1].lower()
    if kind in SOURCES and kind not in ("file", "device", "street"):
        return kind
    raise Misconfigured(
        f"{clean(url)} has a scheme that is not known",
        hint="give a path, rtsp://, rtsps://, http://, https://, /dev/videoN, street:NAME or sim://NAME",
    )
