"""Peers: the same film watched by others' public tools, each in an environment of its own.

placewatch imports none of them. `tools/peers/count.py` runs in the environments that its README
tells how to make; it counts with their own counting lines and says what it cost. The stack a user
would write stands against ours in turns; nets on every frame, which take long, are run once.
"""

import json
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from av.error import FFmpegError

from placewatch.bench import Extent, Figure
from placewatch.bench.analysis import analyse, bare
from placewatch.bench.film import Film, film
from placewatch.bench.tally import Tally, tally
from placewatch.capture.policy import FULL, LEAN
from placewatch.core.errors import PlacewatchError
from placewatch.core.kinds import Direction, Kind
from placewatch.node.equip import policy_of
from placewatch.perceive.models import models_folder

SCRIPT = Path(__file__).parents[3] / "tools" / "peers" / "count.py"
TURNS_MAX = 3
THIRD = 3  # as often as ours looks at 25 frames a second
MUST, AIM = 3.0, 20.0
NET = "yolox-nano.onnx"

_VENVS = {"usual": "trackers", "yolox": "trackers", "norfair": "norfair"}


@dataclass(frozen=True, slots=True)
class PeerCrossing:
    """A crossing as a peer told it."""

    media_s: float
    line: str
    direction: Direction
    kind: Kind


@dataclass(frozen=True, slots=True)
class PeerPass:
    """What one pass of a peer cost and found."""

    cpu_s: float
    start_cpu_s: float
    private_bytes: int
    versions: dict[str, str]
    crossings: list[PeerCrossing]


def measure(extent: Extent) -> list[Figure]:
    """How many times as dear the usual stack is as ours, and its counts and ours."""
    turns = min(TURNS_MAX, extent.pairs)
    try:
        reel = film(extent.main, extent.told)
        camera = reel.camera(detector=extent.detector)
        small = reel.camera(sub=True, detector=extent.detector)
        default = policy_of(camera)
        analyse(small)
        theirs_s, main_s, lean_s, sub_s, sub_theirs_s, bare_s = [], [], [], [], [], []
        ours: list[Tally] = []
        ours_lean: list[Tally] = []
        ours_sub: list[Tally] = []
        theirs: list[Tally] = []
        told: PeerPass | None = None
        for _ in range(turns):
            told = _run(extent, "usual", reel)
            main = analyse(camera, policy=default)
            lean = analyse(camera, policy=LEAN)
            by_sub = analyse(small, policy=FULL, along=reel.main)
            on_sub = _run(extent, "usual", reel, sub=True)
            bare_s.append(bare(reel.main))
            theirs_s.append(told.cpu_s)
            main_s.append(told.cpu_s / main.cpu_s)
            lean_s.append(told.cpu_s / lean.cpu_s)
            sub_s.append(told.cpu_s / by_sub.cpu_s)
            sub_theirs_s.append(on_sub.cpu_s / by_sub.cpu_s)
            ours.append(tally(reel.truth, main.crossings))
            ours_lean.append(tally(reel.truth, lean.crossings))
            ours_sub.append(tally(reel.truth, by_sub.crossings))
            theirs.append(tally(reel.truth, told.crossings))
        seldom = _run(extent, "usual", reel, every=THIRD)
        theirs_seldom = tally(reel.truth, seldom.crossings)
        assert told is not None
    except (FFmpegError, OSError, PlacewatchError, subprocess.SubprocessError, ValueError) as error:
        return [
            Figure(
                name,
                None,
                None,
                None,
                "times",
                f">= {MUST:g}",
                "",
                False,
                f"could not run: {error}",
            )
            for name in ("core.stack", "core.stack.lean", "core.stack.sub")
        ]
    versions = ", ".join(f"{name} {version}" for name, version in told.versions.items())
    how = (
        f"{turns} turns on the same film; the usual stack is cv2.VideoCapture, MOG2 on 640 across, "
        f"contours, ByteTrack, LineZone ({versions}): {1000 * told.cpu_s / reel.frames:.2f} ms a "
        f"frame where bare decode takes {1000 * statistics.median(bare_s) / reel.frames:.2f} ms"
    )
    return [
        _times("core.stack", main_s, how + "; ours from the main stream"),
        _no_worse("core.stack.wrong", ours, theirs),
        _times("core.stack.lean", lean_s, how + "; ours from the main stream, no loop filter"),
        _no_worse("core.stack.lean.wrong", ours_lean, theirs),
        _times(
            "core.stack.sub",
            sub_s,
            how + "; ours from the sub-stream, the main stream carried; the usual stack on the "
            f"sub-stream, too, is {statistics.median(sub_theirs_s):.2g} times as dear",
            aim=f">= {AIM:g}",
        ),
        _no_worse("core.stack.sub.wrong", ours_sub, theirs),
        _told(
            "core.stack.peer",
            statistics.median([a / b for a, b in zip(theirs_s, bare_s, strict=True)]),
            "bare decodes",
            f"the usual stack on the main stream; {versions}",
        ),
        _told(
            "core.stack.peer.wrong", theirs[-1].share_wrong, "of true crossings", str(theirs[-1])
        ),
        _told(
            "core.stack.peer.third",
            seldom.cpu_s / statistics.median(bare_s),
            "bare decodes",
            f"the usual stack on one frame in {THIRD}, the others grabbed and not retrieved; once",
        ),
        _told(
            "core.stack.peer.third.wrong",
            theirs_seldom.share_wrong,
            "of true crossings",
            str(theirs_seldom),
        ),
        _told(
            "core.stack.peer.start",
            told.start_cpu_s,
            "CPU s",
            "the usual stack's process until its first frame",
        ),
        _told(
            "core.stack.peer.memory",
            told.private_bytes / 1e6,
            "MB",
            "private memory of the usual stack's process: one camera, one process",
        ),
        *[
            figure
            for peer in ("yolox", "norfair")
            for figure in _peer(extent, peer, reel, statistics.median(bare_s))
        ],
    ]


def _peer(extent: Extent, peer: str, reel: Film, bare_s: float) -> list[Figure]:
    """Cost and counts of a peer that looks at every frame with a net."""
    name = f"core.peer.{peer}"
    try:
        told = _run(extent, peer, reel)
    except (OSError, PlacewatchError, subprocess.SubprocessError, ValueError) as error:
        return [Figure(name, None, None, None, "bare decodes", "", "", False, f"not run: {error}")]
    found = tally(reel.truth, told.crossings)
    versions = ", ".join(f"{one} {version}" for one, version in told.versions.items())
    return [
        _told(name, told.cpu_s / bare_s, "bare decodes", f"once over the main stream; {versions}"),
        _told(f"{name}.wrong", found.share_wrong, "of true crossings", str(found)),
    ]


def _run(extent: Extent, peer: str, reel: Film, *, sub: bool = False, every: int = 1) -> PeerPass:
    """One pass of a peer that looks at one frame in `every`. Raises ValueError, which says what is
    missing, and OSError."""
    if extent.peers is None:
        raise ValueError("name the folder of the peers' environments: --peers (tools/peers)")
    python = extent.peers / _VENVS[peer] / "bin" / "python"
    if not python.is_file() or not SCRIPT.is_file():
        raise ValueError(f"{python} or {SCRIPT} is not there (tools/peers/README.md)")
    net = (extent.net or models_folder() / NET) if peer != "usual" else None
    if net is not None and not net.is_file():
        raise ValueError(f"{net} is not there (placewatch models add yolox-nano, or --net)")
    camera = reel.camera(sub=sub)
    extent.told(f"{peer} on the same film")
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as lines:
        json.dump(
            [
                {"name": line.name, "from_px": line.from_px, "to_px": line.to_px}
                for line in camera.line
            ],
            lines,
        )
        lines.flush()
        command = [str(python), str(SCRIPT), peer, camera.url, lines.name]
        done = subprocess.run(
            [
                *command,
                *(["--net", str(net)] if net is not None else []),
                *(["--every", str(every)] if every > 1 else []),
            ],
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )
    if done.returncode:
        raise ValueError(f"{peer} ended with {done.returncode}: {done.stderr.strip()[-200:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return PeerPass(
        told["cpu_s"],
        told["start_cpu_s"],
        told["private_bytes"],
        told["versions"],
        [
            PeerCrossing(
                one["media_s"],
                one["line"],
                Direction(one["direction"]),
                Kind(one["kind"] or "unknown"),
            )
            for one in told["crossings"]
        ],
    )


def _times(name: str, times: list[float], how: str, aim: str = "") -> Figure:
    value = statistics.median(times)
    return Figure(
        name=name,
        value=round(value, 2),
        low=round(min(times), 2),
        high=round(max(times), 2),
        unit="times",
        must=f">= {MUST:g}",
        aim=aim,
        passed=value >= MUST,
        how=how,
    )


def _no_worse(name: str, ours: Sequence[Tally], theirs: Sequence[Tally]) -> Figure:
    """How many more crossings we got wrong than the usual stack did."""
    more = [a.wrong - b.wrong for a, b in zip(ours, theirs, strict=True)]
    return Figure(
        name=name,
        value=statistics.median(more),
        low=min(more),
        high=max(more),
        unit="crossings (ours less theirs)",
        must="<= 0",
        aim="",
        passed=statistics.median(more) <= 0,
        how=f"ours: {ours[-1]}; theirs: {theirs[-1]}",
    )


def _told(name: str, value: float, unit: str, how: str) -> Figure:
    return Figure(name, round(value, 3), None, None, unit, "", "", True, how)
