"""Record: a run as `placewatch.bench/1`, and what it was measured on.

It loads nothing but the standard library: a machine with a graphics processor may have little else.
"""

import dataclasses
import importlib.metadata
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from placewatch import __version__
from placewatch.bench import Figure
from placewatch.core.time import SystemClock, rfc3339

FORMAT = "placewatch.bench/1"
_MEASURED_WITH = (
    "av",
    "numpy",
    "numba",
    "onnxruntime",
    "onnxruntime-gpu",
    "opencv-python-headless",
    "deltalake",
    "eclipse-sumo",
)


def record(figures: Sequence[Figure]) -> dict[str, Any]:
    """The figures of one run, measured now and here, in the form of docs/spec/bench.schema.json."""
    return {
        "format": FORMAT,
        "placewatch": __version__,
        "at": rfc3339(SystemClock().utc()),
        "machine": machine(),
        "figures": [dataclasses.asdict(figure) for figure in figures],
    }


def machine() -> dict[str, Any]:
    """What the figures were measured on, and with which versions of what is installed."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "placewatch": __version__,
        "versions": dict(_versions()),
    }


def _versions() -> list[tuple[str, str]]:
    """Not all are everywhere: onnxruntime-gpu, say, takes the place of onnxruntime."""
    found = []
    for name in _MEASURED_WITH:
        try:
            found.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
