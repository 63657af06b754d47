"""Border: what every request must be, and what every answer says to the browser."""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from placewatch.console.errors import error_response

# Scripts and fonts come from here alone; MapLibre starts its worker from a blob.
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}

READING = ("GET", "HEAD")


class Border:
    """Refuses what no page of ours can have sent, before anything else looks at it.

    `allowed_hosts` are the names by which the console may be called; None: by any. They keep out
    a foreign page whose name was pointed at this machine (DNS rebinding), which a console without
    sign-in has to fear. Foreign pages cannot send `X-Placewatch`, and browsers say where a
    request comes from: together they keep out requests that another page makes in a user's name.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Collection[str] | None) -> None:
        self._app = app
        self._allowed_hosts = None if allowed_hosts is None else {h.lower() for h in allowed_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if scope["path"].startswith("/api/"):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        answer = self._refusal(scope["method"], scope["path"], Headers(scope=scope))
        await (answer or self._app)(scope, receive, send_marked)

    def _refusal(self, method: str, path: str, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        if self._allowed_hosts is not None and _name(host) not in self._allowed_hosts:
            return error_response(
                403, f'this console is not called "{host[:80]}"', "open it by the address it prints"
            )
        # `none` is somebody who typed the address; a browser that says nothing is none.
        origin_site = headers.get("sec-fetch-site", "none")
        if path.startswith("/api/") and origin_site not in ("same-origin", "none"):
            return error_response(403, "another page asked for this", "open the console itself")
        if method in READING:
            return None
        if headers.get("x-placewatch") != "console":
            return error_response(
                403, "the header X-Placewatch is missing", "send X-Placewatch: console"
            )
        origin = headers.get("origin")
        if origin is not None and "sec-fetch-site" not in headers and _netloc(origin) != host:
            return error_response(403, "another page asked for this", "open the console itself")
        return None


def _name(host: str) -> str:
    """The name in a Host header, without its port."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.rpartition(":")[0].lower() if ":" in host else host.lower()


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
