"""Source: one feed by HTTP or from a file, fetched only when it has changed."""

import base64
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlsplit, urlunsplit

from placewatch.core.errors import Misconfigured, Rejected, Unavailable
from placewatch.core.time import Clock

BYTES_MAX = 20_000_000  # a whole country's positions are a few MB
WAIT_S = 10.0  # for the whole answer
RETRY_AFTER_S_MAX = 3600.0
_CHUNK_BYTES = 65_536
_STATUS_HINTS = {
    401: ("wants a login", "put it into login_file"),
    403: ("refuses the login", "is the key in login_file right, and still valid?"),
    404: ("has no feed at this address", "did its operator move it?"),
    429: ("asks to be asked less often", "raise every_s"),
}


class Source(Protocol):
    """Where a feed comes from. `where` may stand in any message: it holds no key and no login."""

    where: str
    retry_after_s: float  # that the last answer asked to wait; 0: nothing was asked

    def fetch(self) -> bytes | None:
        """The feed as it is now; None when it is what it was. Raises Unavailable, Rejected or
        Misconfigured, and may be asked again afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class Login:
    """What opens a feed: a header, or a part of the query. Never shown."""

    header: tuple[str, str] | None = field(default=None, repr=False)
    query: str = field(default="", repr=False)


def login_of(text: str) -> Login:
    """The login in the line `text`: `user:password`, `Header-Name: value`, or `?name=key`.

    Raises Misconfigured, without showing any of it.
    """
    line = text.strip()
    if "\n" in line or not line.isascii() or not line.isprintable():
        raise Misconfigured("it is more than one line, or holds strange characters")
    if line.startswith("?") and "=" in line[2:]:
        return Login(query=line[1:])
    name, spaced, value = line.partition(": ")
    if spaced and value.strip() and name and set(name) <= _HEADER_CHARS:
        return Login(header=(name, value.strip()))
    user, colon, _ = line.partition(":")
    if colon and user and " " not in user:
        basic = base64.b64encode(line.encode()).decode()
        return Login(header=("Authorization", f"Basic {basic}"))
    raise Misconfigured("it holds no login")


_HEADER_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


class FileSource:
    """A feed that something else writes into a file."""

    retry_after_s = 0.0

    def __init__(self, path: Path) -> None:
        self.where = f"the file {path.name}"
        self._path = path
        self._state: tuple[int, int, int] | None = None

    def fetch(self) -> bytes | None:
        try:
            with self._path.open("rb") as file:
                content = file.read(BYTES_MAX + 1)
                told = self._path.stat()
        except OSError as error:
            self._state = None
            raise Unavailable(
                f"{self.where} cannot be read: {error.strerror}", hint="is it written already?"
            ) from error
        if len(content) > BYTES_MAX:
            raise _too_large(self.where)
        state = (told.st_mtime_ns, told.st_ino, len(content))
        if state == self._state:
            return None
        self._state = state
        return content


class HttpSource:
    """A feed behind http:// or https://. It is asked whether it has changed (RFC 9110, 13.1).

    A redirect is not followed: the login would go to whom nobody named. Where the environment
    names a proxy, it is used.
    """

    def __init__(
        self, url: str, clock: Clock, login: Login | None = None, *, wait_s: float = WAIT_S
    ) -> None:
        login = login or Login()
        parts = urlsplit(url)
        self.where = f"the server {parts.hostname}"
        self.retry_after_s = 0.0
        query = "&".join(part for part in (parts.query, login.query) if part)
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        self._url = urlunsplit(
            (parts.scheme, parts.netloc, path, quote(query, safe="=&%+/:,@"), "")
        )
        self._headers = dict([login.header] if login.header else [])
        self._clock = clock
        self._wait_s = wait_s
        self._known: dict[str, str] = {}  # what the last answer is recognised by
        self._opener: Any = None

    def fetch(self) -> bytes | None:
        # Only here: a node without feeds needs no network client, and it takes long to load.
        import http.client
        import urllib.error
        import urllib.request

        if self._opener is None:
            self._opener = _opener()
        self.retry_after_s = 0.0
        request = urllib.request.Request(
            self._url,
            headers={
                "User-Agent": "placewatch",
                "Accept": "application/x-protobuf, application/octet-stream;q=0.9, */*;q=0.1",
                "Accept-Encoding": "gzip",
                **self._known,
                **self._headers,
            },
        )
        until_s = self._clock.monotonic_s() + self._wait_s
        try:
            with self._opener.open(request, timeout=self._wait_s) as answer:
                content = self._read(answer, until_s)
                self._known = {
                    ask: answer.headers[told]
                    for ask, told in (
                        ("If-None-Match", "ETag"),
                        ("If-Modified-Since", "Last-Modified"),
                    )
                    if answer.headers[told]
                }
                return content
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 304 and self._known:
                    return None
                self._known = {}
                raise self._refused(error) from error
        except TimeoutError as error:
            raise self._late() from error
        except (OSError, http.client.HTTPException, ValueError, zlib.error) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise self._late() from error
            raise Unavailable(
                f"{self.where} cannot be reached: {_said(reason)}",
                hint="is the network there, and the address right?",
            ) from error

    def _read(self, answer: Any, until_s: float) -> bytes:
        """The body of `answer`, unpacked. Raises Rejected where it is too large."""
        packed = answer.headers.get("Content-Encoding", "").lower() in ("gzip", "x-gzip")
        unpack = zlib.decompressobj(zlib.MAX_WBITS | 16) if packed else None
        parts: list[bytes] = []
        size = 0
        while chunk := answer.read1(_CHUNK_BYTES):
            if unpack is not None:
                chunk = unpack.decompress(chunk, BYTES_MAX + 1 - size)
            size += len(chunk)
            if size > BYTES_MAX:
                raise _too_large(self.where)
            parts.append(chunk)
            if self._clock.monotonic_s() > until_s:  # one byte a second is an answer, too
                raise self._late()
        promised = answer.headers.get("Content-Length", "")
        short = unpack is None and promised.isdecimal() and size < int(promised)
        if short or (unpack is not None and not unpack.eof):
            raise Unavailable(f"{self.where} broke off in the middle of its answer")
        return b"".join(parts)

    def _late(self) -> Unavailable:
        return Unavailable(
            f"{self.where} did not answer within {self._wait_s:g} s",
            hint="it may be overloaded, or away",
        )

    def _refused(self, error: Any) -> Unavailable | Misconfigured:
        status = int(error.code)
        if 300 <= status < 400 and status != 304:
            to = urlsplit(error.headers.get("Location") or "")
            there = urlunsplit((to.scheme, to.netloc.rpartition("@")[2], to.path, "", ""))
            return Misconfigured(
                f"{self.where} says that the feed is elsewhere ({status})"
                + (f": {there}" if there else ""),
                hint="write the address that it has now into url",
            )
        asked = error.headers.get("Retry-After") or ""
        if asked.isdecimal():
            self.retry_after_s = min(float(asked), RETRY_AFTER_S_MAX)
        if status in _STATUS_HINTS:
            what, hint = _STATUS_HINTS[status]
            return Unavailable(f"{self.where} {what} ({status})", hint=hint)
        return Unavailable(f"{self.where} answered {status}", hint="it may be out of order")


def open_source(
    url: str, folder: Path, clock: Clock, login: Login | None = None, *, wait_s: float = WAIT_S
) -> Source:
    """The feed at `url`: http://, https://, or a file whose path is relative to `folder`."""
    if url.startswith(("http://", "https://")):
        return HttpSource(url, clock, login, wait_s=wait_s)
    return FileSource(folder / url)


def _opener() -> Any:
    import urllib.request

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any, **__: Any) -> None:
            return None

    return urllib.request.build_opener(NoRedirect)


def _said(reason: Any) -> str:
    """What the machine says of a failure, in as few words as there are."""
    if getattr(reason, "verify_message", ""):
        return f"its certificate is not valid ({reason.verify_message})"
    return str(getattr(reason, "strerror", None) or reason or type(reason).__name__)


def _too_large(where: str) -> Rejected:
    return Rejected(
        f"{where} sends more than {BYTES_MAX // 1_000_000} MB",
        hint="is there a feed of the region alone?",
    )
