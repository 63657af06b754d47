"""Files: the pages that were built from web/, served as they are."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from placewatch.console.errors import Stop

STATIC = Path(__file__).parent / "static"
"""Where the build puts the console."""

GZIP_BYTES_MIN = 1024  # below a packet it saves nothing
_TYPES = {".js": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
_TEXT = ("text/", "image/svg+xml", "application/json")

NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>placewatch</title>
<style>body { font: 16px/1.5 system-ui, sans-serif; margin: 4rem auto; max-width: 36rem }</style>
<h1>The console was not built</h1>
<p>This node runs, and its interface answers under <code>/api/</code>. Its pages are missing.</p>
<p>Run <code>./run</code> in the folder of placewatch: it builds them, and starts the node.</p>
</body></html>
"""


@dataclass(frozen=True, slots=True)
class _File:
    stamp: tuple[int, int]  # when it was changed, and its size: a new build is served at once
    body: bytes
    zipped: bytes | None
    media_type: str
    etag: str


class Files:
    """The files below `folder`. Any path that is none of them is a page, and pages are one file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._kept: dict[Path, _File] = {}

    def answer(self, path: str, request: Request) -> Response:
        """The file at `path`, the console's page, or a page that says it was not built."""
        if path.startswith("api/") or path == "api":
            raise Stop(404, f"there is no /{path[:80]} in this interface")
        file = self._file(path) if path else None
        if file is None:
            # A chunk of an older build must not be answered with a page.
            if path.startswith("assets/"):
                raise Stop(404, f"there is no /{path[:80]}", "load the page again")
            file = self._file("index.html")
        if file is None:
            return Response(NOT_BUILT, 503, {"cache-control": "no-store"}, media_type="text/html")

        # Names in assets/ hold a hash of the content; all others may change with the next build.
        lasting = path.startswith("assets/")
        headers = {
            "cache-control": "public, max-age=31536000, immutable" if lasting else "no-cache",
            "etag": file.etag,
            "vary": "accept-encoding",
        }
        if matches(request, file.etag):
            return Response(status_code=304, headers=headers)
        body = file.body
        if file.zipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
            body = file.zipped
            headers["content-encoding"] = "gzip"
        return Response(body, headers=headers, media_type=file.media_type)

    def _file(self, path: str) -> _File | None:
        try:
            place = (self._folder / path).resolve()
            hidden = any(part.startswith(".") for part in place.parts[len(self._folder.parts) :])
            if hidden or not place.is_relative_to(self._folder) or not place.is_file():
                return None
            state = place.stat()
            stamp = (state.st_mtime_ns, state.st_size)
            kept = self._kept.get(place)
            if kept is None or kept.stamp != stamp:
                kept = self._kept[place] = _load(place, stamp)
        except (OSError, ValueError):  # gone meanwhile, a name too long, or one with a zero byte
            return None
        return kept


def matches(request: Request, etag: str) -> bool:
    """Whether the browser has this version already (RFC 9110, section 13.1.2)."""
    offered = request.headers.get("if-none-match", "")
    return any(tag.strip().removeprefix("W/") in (etag, "*") for tag in offered.split(","))


def _load(place: Path, stamp: tuple[int, int]) -> _File:
    body = place.read_bytes()
    media_type = _TYPES.get(place.suffix) or mimetypes.guess_type(place.name)[0]
    media_type = media_type or "application/octet-stream"
    zipped = None
    if len(body) >= GZIP_BYTES_MIN and media_type.startswith(_TEXT):
        zipped = gzip.compress(body, 6, mtime=0)
    return _File(stamp, body, zipped, media_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
