"""placewatch: a city camera network that watches places, never people."""

import hashlib
import os
from pathlib import Path

__version__ = "0.1.0"


def _keep_compiled() -> None:
    """Has numba keep what it compiles in the user's cache, in a folder for this state of sources.

    It looks at the file of a function alone, not at those whose functions and constants are
    compiled into it: after an update it would go on with parts of what was before.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    digest = hashlib.sha256(__version__.encode())
    for folder in ("core", "measure", "perceive"):
        with os.scandir(Path(__file__).parent / folder) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                if entry.name.endswith(".py"):
                    told = entry.stat()
                    digest.update(f"{entry.path} {told.st_size} {told.st_mtime_ns}\n".encode())
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        kept = cache / "placewatch" / "compiled" / digest.hexdigest()[:16]
        if not kept.is_dir():
            kept.mkdir(parents=True, exist_ok=True)
            _drop_old(kept.parent)
        if os.access(kept, os.W_OK):
            os.environ["NUMBA_CACHE_DIR"] = str(kept)
    except (OSError, RuntimeError):  # no home, or none that can be written: beside the sources
        pass


def _drop_old(folder: Path, kept: int = 8) -> None:
    """All but the newest: several installations may share a cache."""
    import shutil  # seldom needed

    for one in sorted(folder.iterdir(), key=lambda one: one.stat().st_mtime)[:-kept]:
        shutil.rmtree(one, ignore_errors=True)


_keep_compiled()
