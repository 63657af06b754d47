"""Network: how RTSP and HTTP cameras are reached."""

from collections.abc import Callable

from placewatch.capture.address import parse_address
from placewatch.capture.live import Line, LiveSource
from placewatch.capture.policy import Policy
from placewatch.capture.source import SourceSpec
from placewatch.core.time import Clock

HTTP_FORMATS = (
    "asf,av1,avi,flv,h264,hevc,hls,ivf,m4v,matroska,webm,mjpeg,mov,mp4,m4a,3gp,3g2,mj2,mpeg,mpegts,"
    "mpegvideo,mpjpeg,mxf,nut,obu,ogg"
)
AGENT = "placewatch"


def rtsp_source(
    spec: SourceSpec, clock: Clock, stopping: Callable[[], bool], policy: Policy
) -> LiveSource:
    """A camera at `rtsp://` or `rtsps://`. Sound is not even asked for."""
    return LiveSource(spec, clock, rtsp_line(spec), stopping=stopping, policy=policy)


def http_source(
    spec: SourceSpec, clock: Clock, stopping: Callable[[], bool], policy: Policy
) -> LiveSource:
    """Motion JPEG, or any video behind `http://` or `https://`."""
    return LiveSource(spec, clock, http_line(spec), stopping=stopping, policy=policy)


def rtsp_line(spec: SourceSpec) -> Line:
    """How the RTSP camera of `spec` is reached. Raises Misconfigured."""
    address = parse_address(spec.url, spec.login)
    options = {
        "rtsp_transport": spec.transport,
        "allowed_media_types": "video",  # other tracks are described, but never set up
        "timeout": _micros(spec.timeout_s),
        "user_agent": AGENT,
        **_PROBING,
    }
    return Line(address.shown, address.with_login(), "rtsp", options, address.host)


def http_line(spec: SourceSpec) -> Line:
    """How the video behind HTTP of `spec` is reached. Raises Misconfigured."""
    address = parse_address(spec.url, spec.login)
    options = {
        "format_whitelist": HTTP_FORMATS,
        "protocol_whitelist": "http,https,tls,tcp,crypto,httpproxy",
        "rw_timeout": _micros(spec.timeout_s),
        "user_agent": AGENT,
        **_PROBING,
    }
    return Line(
        address.shown,
        address.with_login(),
        None,
        options,
        address.host,
        untimed_formats=("mpjpeg", "mjpeg"),  # a row of JPEG files, without times
        ends=True,
    )


# A camera says what it sends in its description; FFmpeg would watch for 5 s to guess the rest.
_PROBING = {"analyzeduration": "1000000", "fpsprobesize": "2"}


def _micros(duration_s: float) -> str:
    return str(round(duration_s * 1e6))
