"""Start: the CPU seconds of a new process until it has watched the first frame of a file.

The kernel says what the process used, from its birth on: Python, what is imported, what was
compiled before and is loaded, the file opened, one frame through every stage. What an installation
does once (bytecode, compiled code) is done by a start that does not count.
"""

import contextlib
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the process that is measured loads this module, too
    from placewatch.bench import Extent, Figure
    from placewatch.capture.source import StreamInfo

STARTS = 5
_FIRST_FRAME = """
import sys
from placewatch import cli  # as the command does
cli.prepare()
from placewatch.bench.start import until_first_frame
until_first_frame(sys.argv[1])
"""
MUST_S, AIM_S = 1.0, 0.5


def measure(extent: "Extent") -> "list[Figure]":
    """Until the first frame of the main film, and of `placewatch --help`."""
    from av.error import FFmpegError

    from placewatch.bench import Figure
    from placewatch.bench.film import film

    figures = []
    try:
        path = str(film(extent.main, extent.told).main)
        first = _starts(["-c", _FIRST_FRAME, path])
        help_ = _starts(["-m", "placewatch.cli", "--help"])
    except (FFmpegError, OSError, subprocess.SubprocessError, ValueError) as error:
        why = f"could not run: {error}"
        return [
            Figure("core.start", None, None, None, "CPU s", "<= 1", "<= 0.5", False, why),
        ]
    for name, all_s, what, must, aim in (
        ("core.start", first, "until the first frame of a file was watched", MUST_S, AIM_S),
        ("core.start.help", help_, "for `placewatch --help`", None, None),
    ):
        value = statistics.median(all_s)
        figures.append(
            Figure(
                name=name,
                value=round(value, 3),
                low=round(min(all_s), 3),
                high=round(max(all_s), 3),
                unit="CPU s",
                must="" if must is None else f"<= {must:g}",
                aim="" if aim is None else f"<= {aim:g}",
                passed=must is None or value <= must,
                how=f"{STARTS} new processes {what}, as the kernel says; one before is not "
                "counted, which wrote bytecode and compiled code",
            )
        )
    return figures


def _starts(arguments: list[str]) -> list[float]:
    """CPU seconds of `STARTS` starts after the one that does what is done once."""
    surroundings = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    used = []
    for _ in range(STARTS + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, *arguments], env=surroundings, capture_output=True, check=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return used[1:]


def until_first_frame(path: str) -> None:
    """What `placewatch watch` does, and the end of the process at its first frame."""
    from placewatch.capture.source import SourceSpec
    from placewatch.core.ids import camera_id
    from placewatch.node import config as settings
    from placewatch.node.offline import analyse

    @contextlib.contextmanager
    def end_at_first(info: "StreamInfo") -> Iterator[Callable[[int], None]]:
        yield lambda frames: os._exit(0)

    camera = settings.CameraSettings(
        id="clip", url=path, line=(settings.LineSettings("line", (20.0, 20.0), (40.0, 40.0)),)
    )
    analyse(SourceSpec(camera_id("clip"), path), camera, progress=end_at_first)
