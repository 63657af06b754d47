"""Memory: what one more camera costs a node that watches.

A node in a process of its own watches the same main stream with 1 camera, then with all of them, at
the pace of the recording, as it would with cameras on the network. What the process has for itself
alone (its private pages, USS) is read from the kernel meanwhile; the slope is the figure.
"""

import dataclasses
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from av.error import FFmpegError

from placewatch.bench import Extent, Figure
from placewatch.bench.film import Recipe, film
from placewatch.core.errors import PlacewatchError
from placewatch.core.time import SystemClock
from placewatch.node import config as settings
from placewatch.node.node import Node

MUST_MB, AIM_MB = 40.0, 20.0
REPEATS = 2
_NO_END = datetime.date(2999, 12, 31)


def measure(extent: Extent) -> list[Figure]:
    """Megabytes for each camera beyond the first."""
    many = extent.cameras
    try:
        film(extent.main, extent.told)
        one_by_one = [(_of(extent, 1), _of(extent, many)) for _ in range(REPEATS)]
    except (
        FFmpegError,
        OSError,
        PlacewatchError,
        subprocess.SubprocessError,
        ValueError,
    ) as error:
        return [
            Figure(
                name="core.memory",
                value=None,
                low=None,
                high=None,
                unit="MB a camera",
                must=f"<= {MUST_MB:g}",
                aim=f"<= {AIM_MB:g}",
                passed=False,
                how=f"could not run: {error}",
            )
        ]
    slopes = [(all_["uss"] - one["uss"]) / (many - 1) / 1e6 for one, all_ in one_by_one]
    value = statistics.median(slopes)
    one, all_ = one_by_one[-1]
    return [
        Figure(
            name="core.memory",
            value=round(value, 1),
            low=round(min(slopes), 1),
            high=round(max(slopes), 1),
            unit="MB a camera",
            must=f"<= {MUST_MB:g}",
            aim=f"<= {AIM_MB:g}",
            passed=value <= MUST_MB,
            how=f"private memory of a node's process after {extent.watched_s:g} s of "
            f"{extent.main.width_px}x{extent.main.height_px} at real pace: {one['uss'] / 1e6:.0f} "
            f"MB with 1 camera, {all_['uss'] / 1e6:.0f} MB with {many} (proportional: "
            f"{all_['pss'] / 1e6:.0f} MB), which watched {all_['frames'] / many:.0f} frames each; "
            f"{REPEATS} repeats",
        )
    ]


def _of(extent: Extent, cameras: int) -> dict[str, int]:
    """Bytes and frames of a node with so many cameras, in a process of its own."""
    extent.told(f"a node with {cameras} cameras")
    wish = {
        "recipe": dataclasses.asdict(extent.main),
        "cameras": cameras,
        "watched_s": extent.watched_s,
    }
    done = subprocess.run(
        [sys.executable, "-m", "placewatch.bench.memory", json.dumps(wish)],
        capture_output=True,
        text=True,
        env={"OPENBLAS_NUM_THREADS": "1", **os.environ},
        timeout=extent.watched_s + 120,
        check=True,
    )
    told: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    if told["frames"] == 0:
        raise ValueError("the node's cameras saw nothing")
    return told


def _watch(recipe: Recipe, cameras: int, watched_s: float) -> dict[str, int]:
    """Runs the node, and tells what it took and how many frames all of its cameras watched."""
    drawn = film(recipe).camera()
    notice = settings.NoticeSettings(
        place="A drawn street",
        purpose="To measure memory",
        legal_basis="none needed",
        owner="nobody",
        contact="nobody",
        until=_NO_END,
    )
    site = settings.Settings(
        site="bench",
        camera=tuple(
            dataclasses.replace(drawn, id=f"bench-{number}", notice=notice)
            for number in range(cameras)
        ),
    )
    with tempfile.TemporaryDirectory() as folder:
        node = Node(Path(folder) / "placewatch.toml", site, SystemClock(), demo=False)
        node.start()
        try:
            node.clock.sleep(watched_s)
            told = _pages()
            frames = sum(camera.view().health.frames for camera in node.cameras.values())
        finally:
            node.stop()
    return {**told, "frames": frames}


def _pages() -> dict[str, int]:
    """This process's private and proportional bytes. Raises OSError where there is no /proc."""
    kibibytes: dict[str, int] = {}
    for line in Path("/proc/self/smaps_rollup").read_text("ascii").splitlines()[1:]:
        key, _, value = line.partition(":")
        kibibytes[key] = int(value.split()[0])
    return {
        "uss": 1024 * (kibibytes["Private_Clean"] + kibibytes["Private_Dirty"]),
        "pss": 1024 * kibibytes["Pss"],
    }


if __name__ == "__main__":
    # Numpy is loaded by now; the parent has set what `placewatch` sets for itself.
    asked = json.loads(sys.argv[1])
    told = _watch(Recipe(**asked["recipe"]), asked["cameras"], asked["watched_s"])
    sys.stdout.write(json.dumps(told) + "\n")
