"""Whole: a file that is there is complete; a write that fails leaves what was there before."""

import contextlib
import os
import secrets
from pathlib import Path

from placewatch.core.errors import Misconfigured


def write_whole(path: Path, content: bytes) -> None:
    """Puts `content` at `path`, all of it or nothing. Makes its folder if need be.

    Written beside its place, synced, then renamed over it: a reader never meets half a file, also
    not after a power cut. Raises Misconfigured where that is impossible, and leaves no rest.
    """
    # In the same folder, so that the rename is atomic; hidden, so that nobody opens it meanwhile.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise Misconfigured(
            f"cannot write {path}: {error.strerror or error}",
            hint="is the disk full, the folder read-only, or the name that of a folder?",
        ) from error
