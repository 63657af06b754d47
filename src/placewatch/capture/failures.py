"""Failures: what FFmpeg says went wrong, as one sentence that tells people what to do."""

import errno

import av.error

from placewatch.core.errors import Misconfigured, PlacewatchError, Unavailable

# FFmpeg's own texts hold the address it was given, with the login. None of them is passed on:
# only the kind of error is, and every sentence is made here from the cleaned address.


def failed_to_open_file(name: str, error: Exception) -> Misconfigured:
    """Why the file `name` cannot be watched."""
    if isinstance(error, av.error.PermissionError):
        return Misconfigured(f"{name} may not be read", hint="check its permissions and its owner")
    if isinstance(error, av.error.DecoderNotFoundError):
        return unsupported(name)
    if isinstance(error, av.error.EOFError):
        return no_picture_in(name)
    if isinstance(error, OSError) and not isinstance(error, ValueError):
        return Misconfigured(
            f"{name} could not be read: {_reason(error)}", hint="is the disk still there?"
        )
    return not_a_video(name)


def failed_to_read_on(name: str, error: Exception) -> Unavailable:
    """That a file which was being read cannot be read any further."""
    return Unavailable(
        f"{name} could not be read to its end: {_reason(error)}", hint="is the disk still there?"
    )


def not_a_video(name: str) -> Misconfigured:
    return Misconfigured(
        f"{name} is no video that can be read",
        hint="MP4, MKV, WebM, AVI and MPEG-TS can, and raw H.264 or H.265; does a player open it?",
    )


def no_video_in(name: str) -> Misconfigured:
    return Misconfigured(f"there is no video in {name}", hint="it may hold sound or data only")


def no_picture_in(name: str, damaged: int = 0) -> Misconfigured:
    """That `name` opened and showed nothing; `damaged` packets could not be decoded."""
    if damaged:
        return Misconfigured(
            f"no picture in {name} can be decoded: {damaged} of its packets are damaged",
            hint="does a player show it?",
        )
    return Misconfigured(f"there is no picture in {name}", hint="was it recorded to its end?")


def unsupported(name: str, codec: str = "") -> Misconfigured:
    said = f"the codec {codec}" if codec else "a codec that cannot be decoded"
    return Misconfigured(
        f"{name} uses {said}",
        hint="set the camera, or convert the file, to H.264, H.265, VP9, MPEG-4 or MJPEG",
    )


def failed_to_connect(camera: str, shown: str, error: Exception) -> PlacewatchError:
    """Why the camera at the address `shown` cannot be watched now, or never."""
    if isinstance(error, (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError)):
        return Misconfigured(
            f"{shown} refused the login of camera {camera}",
            hint="check user and password in its login file; some cameras lock out for minutes",
        )
    if isinstance(error, av.error.HTTPNotFoundError):
        # Recorders and gateways say so too while the camera behind them is away.
        return Unavailable(
            f"{shown} is not known to its host",
            hint="the host answers, but not under this path; the camera's manual names it",
        )
    if isinstance(error, (av.error.HTTPBadRequestError, av.error.ProtocolNotFoundError)):
        return Misconfigured(
            f"{shown} is refused as an address", hint="check scheme, port and path"
        )
    if isinstance(error, av.error.DecoderNotFoundError):
        return unsupported(shown)
    if isinstance(error, (av.error.InvalidDataError, av.error.DemuxerNotFoundError)):
        return Unavailable(
            f"{shown} answers with no video", hint="does the path lead to a stream, not to a page?"
        )
    if isinstance(error, av.error.ConnectionRefusedError):
        return Unavailable(
            f"{shown} refused the connection", hint="is the camera on, and is the port right?"
        )
    if isinstance(error, (av.error.ExitError, av.error.TimeoutError)):
        return Unavailable(f"{shown} did not answer in time", hint="does the host answer a ping?")
    if isinstance(error, OSError) and error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return Unavailable(f"{shown} cannot be reached", hint="is the network up?")
    return Unavailable(
        f"{shown} could not be opened: {_reason(error)}", hint="is the camera on and reachable?"
    )


def lost(camera: str, shown: str, error: Exception | None, timeout_s: float) -> Unavailable:
    """That a camera which was being watched is gone."""
    if error is None:
        return Unavailable(f"camera {camera} ended its stream", hint=f"{shown} may be restarting")
    if isinstance(error, (av.error.ExitError, av.error.TimeoutError)):
        return silent(camera, shown, timeout_s)
    return Unavailable(f"camera {camera} is lost: {_reason(error)}", hint=f"is {shown} on?")


def silent(camera: str, shown: str, timeout_s: float) -> Unavailable:
    return Unavailable(
        f"camera {camera} sent no frame for {timeout_s:g} s", hint=f"does {shown} answer a ping?"
    )


def failed_to_open_device(path: str, error: Exception) -> PlacewatchError:
    """Why the V4L2 device at `path` cannot be watched."""
    number = error.errno if isinstance(error, av.error.FFmpegError) else None
    if number == errno.EBUSY:
        return Unavailable(f"{path} is in use by another program", hint="close it, or wait")
    if number in (errno.EACCES, errno.EPERM):
        return Misconfigured(
            f"{path} may not be opened", hint="add this user to the group video, and sign in again"
        )
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return Misconfigured(f"there is no camera at {path}", hint="is it plugged in?")
    return Misconfigured(f"{path} is no camera that can be read", hint="try another /dev/videoN")


def _reason(error: Exception) -> str:
    """FFmpeg's words for the kind of error, which never name an address."""
    if isinstance(error, av.error.FFmpegError):
        return str(error.strerror or "unknown error").lower()
    return type(error).__name__
