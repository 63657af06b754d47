"""Errors: how each of the five, and what HTTP knows besides, is told to the browser."""

import json

from starlette.responses import Response

from placewatch.core.errors import (
    Corrupt,
    Misconfigured,
    PlacewatchError,
    Refused,
    Rejected,
    Unavailable,
)
from placewatch.node.drawn_road import WrongSetting


class WrongValue(Misconfigured):
    """A value of a request is wrong; `path` names it, such as `lines.0.to_px`."""

    def __init__(self, path: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.path = path


class Stop(Exception):
    """A request ends here, with an HTTP status and a sentence."""

    def __init__(
        self, status: int, message: str, hint: str = "", wait_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.hint, self.wait_s = status, message, hint, wait_s


STATUS: tuple[tuple[type[PlacewatchError], int], ...] = (
    (Misconfigured, 422),
    (Unavailable, 503),
    (Rejected, 400),
    (Refused, 403),
    (Corrupt, 503),
)


def response_for(error: PlacewatchError) -> Response:
    """The answer that tells of `error`."""
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
    path = error.path if isinstance(error, WrongValue | WrongSetting) else None
    return error_response(status, error.message, error.hint, path)


def error_response(
    status: int, message: str, hint: str = "", path: str | None = None, wait_s: int | None = None
) -> Response:
    """`{"error": {"message", "hint", "path"}}`; `wait_s` says when to try again."""
    body = {"error": {"message": message, "hint": hint or None, "path": path}}
    headers = {} if wait_s is None else {"Retry-After": str(wait_s)}
    # ASCII, since a message may quote anything that came in, even half a character.
    return Response(json.dumps(body), status, headers, media_type="application/json")
