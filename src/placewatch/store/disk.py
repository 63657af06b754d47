"""Disk: writes that survive a power cut, and what the disk refuses, said so that one can act."""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NoReturn

from placewatch.core.errors import Misconfigured, PlacewatchError, Unavailable

_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
_CLOSED = {errno.EROFS, errno.EACCES, errno.EPERM}
_FULL_WORDS = (
    "no space left",
    "file too large",
    "quota exceeded",
    "os error 28",
    "os error 27",
    "database or disk is full",
)
_CLOSED_WORDS = (
    "read-only file system",
    "permission denied",
    "operation not permitted",
    "os error 30",
    "os error 13",
    "readonly database",
    "unable to open database file",
)


def refusal(error: BaseException, path: Path) -> PlacewatchError | None:
    """What to tell a person when the disk refused to write `path`; None for other errors."""
    text = str(error).lower()
    number = error.errno if isinstance(error, OSError) else None
    if number in _FULL or any(words in text for words in _FULL_WORDS):
        return Unavailable(
            f"the disk under {path} is full", hint="free some space; nothing was half-written"
        )
    if number in _CLOSED or any(words in text for words in _CLOSED_WORDS):
        return Misconfigured(
            f"{path} cannot be written",
            hint="is the disk mounted read-only, or does the folder belong to another user?",
        )
    return None


def refused(error: BaseException, path: Path) -> NoReturn:
    """Raises what `refusal` says, or the error itself."""
    known = refusal(error, path)
    if known is None:
        raise error
    raise known from error


def sync(path: Path) -> None:
    """Returns when what was written to a file, or the names in a folder, survive a power cut."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A stream whose bytes stand at `path` when all is written, and leave no trace when not."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
        sync(path.parent)
    except FileNotFoundError as error:
        raise Misconfigured(
            f"the folder {path.parent} does not exist", hint="make it, or choose another"
        ) from error
    except OSError as error:
        refused(error, path)
    finally:
        part.unlink(missing_ok=True)
