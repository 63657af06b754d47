"""placewatch: a city camera network that watches places, never people."""

import hashlib
import os
import shutil
from pathlib import Path

__version__ = "0.1.0"


def _keep_compiled() -> None:
    """Has numba keep what it compiles beside the sources, in a folder for this state of them.

    It looks at the file of a function alone, not at those whose functions and constants are
    compiled into it: after an update it would go on with parts of what was before.
    """
    here = Path(__file__).parent
    if "NUMBA_CACHE_DIR" in os.environ or not os.access(here, os.W_OK):
        return
    digest = hashlib.sha256(__version__.encode())
    for folder in ("core", "measure", "perceive"):
        with os.scandir(here / folder) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                if entry.name.endswith(".py"):
                    told = entry.stat()
                    digest.update(f"{entry.name} {told.st_size} {told.st_mtime_ns}\n".encode())
    kept = here / "__pycache__" / f"compiled-{digest.hexdigest()[:16]}"
    try:
        if not kept.is_dir():
            for older in kept.parent.glob("compiled-*"):
                shutil.rmtree(older, ignore_errors=True)
            kept.mkdir(parents=True, exist_ok=True)
    except OSError:  # then numba finds a place by itself
        return
    os.environ["NUMBA_CACHE_DIR"] = str(kept)


_keep_compiled()
