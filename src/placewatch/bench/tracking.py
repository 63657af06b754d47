"""Tracking: how well the tracker keeps identities on simulated streets, and what it costs.

How this works. The streets of `simulated.py` at 5, 10 and 25 frames a second give the same
detections to placewatch's tracker and, where they can be reached, to ByteTrack, OC-SORT and BoT-
SORT (without camera motion) as the package `trackers` has them, with the settings they come with.
They run in an interpreter of their own, `tools/peers/track.py`, which the variable
PLACEWATCH_PEERS_PYTHON or the folder of --peers names; the runs follow each other in turn, so that
a busy machine is busy for all. Costs are CPU seconds of `update` alone, from detections that are
ready. What is told as seen and certain is compared with the truth, as the peers tell only what they
matched.
"""

import dataclasses
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from placewatch.bench import Extent, Figure
from placewatch.bench.identities import Identities, score_all
from placewatch.bench.simulated import HEIGHT_PX, NAMES, WIDTH_PX, Sequence, simulate
from placewatch.core.kinds import KINDS
from placewatch.core.sightings import Box, Detection
from placewatch.perceive.tracker import Tracker

FRAME_RATES = (5.0, 10.0, 25.0)
SEED = 7
DURATION_S = 20.0
PEERS = ("bytetrack", "ocsort", "botsort")
PEERS_PYTHON = "PLACEWATCH_PEERS_PYTHON"
RATIO_MUST, RATIO_AIM = 10.0, 30.0
_CROWD, _CROWD_FRAMES, _ROUNDS = 12, 300, 5

Floats = npt.NDArray[np.float64]


def measure(extent: Extent) -> list[Figure]:
    """HOTA and switches on simulated streets, the cost of a frame, and both beside the peers."""
    streets = [simulate(name, fps, SEED, DURATION_S) for fps in FRAME_RATES for name in NAMES]
    ours = score_all([(s.truth, follow(s)) for s in streets])
    crowd = crowd_of(_CROWD, _CROWD_FRAMES)
    follow(dataclasses.replace(crowd, seen=crowd.seen[:5]))  # compiles, or loads what was compiled
    named = extent.peers / "trackers" / "bin" / "python" if extent.peers else None
    interpreter = os.environ.get(PEERS_PYTHON) or (str(named) if named and named.exists() else None)
    reason = f"no peers: name their folder by --peers, or an interpreter by {PEERS_PYTHON}"
    costs_us: list[float] = []
    peers_us: dict[str, list[float]] = {}
    theirs: dict[str, Identities] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(_ROUNDS):
            costs_us.append(cost_us(crowd))
            for name in PEERS if interpreter else ():
                try:
                    _, spent_us, version = _peer(str(interpreter), name, crowd, Path(folder))
                except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
                    interpreter, reason = None, f"the peers could not run: {error}"
                    break
                peers_us.setdefault(f"{name} {version}", []).append(spent_us)
        for name in PEERS if interpreter else ():
            theirs[name] = score_all(
                [(s.truth, _peer(str(interpreter), name, s, Path(folder))[0]) for s in streets]
            )
    how = (
        f"{len(streets)} simulated streets of {DURATION_S:g} s at 5, 10 and 25 frames a second, "
        f"{ours.boxes} true boxes"
    )
    return [
        *_cost(costs_us, peers_us if interpreter else {}, reason),
        _plain("core.tracker.hota", 100 * ours.hota, "%", f"HOTA, {how}"),
        _plain("core.tracker.switches", float(ours.switches), "switches", how),
        *_beside(ours, theirs, reason),
    ]


def _plain(name: str, value: float, unit: str, how: str) -> Figure:
    return Figure(name, round(value, 1), None, None, unit, "", "", True, how)


def _cost(costs_us: list[float], peers_us: dict[str, list[float]], reason: str) -> list[Figure]:
    own = Figure(
        "core.tracker.cost",
        round(statistics.median(costs_us), 1),
        round(min(costs_us), 1),
        round(max(costs_us), 1),
        "us a frame",
        "",
        "",
        True,
        f"`Tracker.update` with about {_CROWD} detections, CPU, {_ROUNDS} rounds",
    )
    must, aim = f">= {RATIO_MUST:g}", f">= {RATIO_AIM:g}"
    if not peers_us:
        return [own, _missing("core.tracker", "times", must, aim, reason)]
    fastest = min(peers_us, key=lambda name: statistics.median(peers_us[name]))
    ratios = [them / us for them, us in zip(peers_us[fastest], costs_us, strict=True)]
    value = statistics.median(ratios)
    told = ", ".join(f"{name} {statistics.median(us):.0f}" for name, us in peers_us.items())
    return [
        own,
        Figure(
            "core.tracker",
            round(value, 1),
            round(min(ratios), 1),
            round(max(ratios), 1),
            "times",
            must,
            aim,
            value >= RATIO_MUST,
            f"the fastest peer's cost ({fastest}) over ours, same detections, in turn; us: {told}",
        ),
    ]


def _beside(ours: Identities, theirs: dict[str, Identities], reason: str) -> list[Figure]:
    if not theirs:
        return [
            _missing("core.tracker.hota_ahead", "points", ">= 0", "", reason),
            _missing("core.tracker.switches_ahead", "switches", ">= 0", "", reason),
        ]
    told = ", ".join(
        f"{name} HOTA {100 * it.hota:.1f}, {it.switches} switches" for name, it in theirs.items()
    )
    ahead = 100 * (ours.hota - max(it.hota for it in theirs.values()))
    fewer = float(min(it.switches for it in theirs.values()) - ours.switches)
    return [
        Figure(
            name, round(value, 1), None, None, unit, ">= 0", "", value >= 0, f"best peer; {told}"
        )
        for name, value, unit in (
            ("core.tracker.hota_ahead", ahead, "points"),
            ("core.tracker.switches_ahead", fewer, "switches"),
        )
    ]


def _missing(name: str, unit: str, must: str, aim: str, reason: str) -> Figure:
    return Figure(name, None, None, None, unit, must, aim, False, reason)


def follow(sequence: Sequence) -> list[Floats]:
    """What the tracker tells of `sequence`: for each frame rows of who, left, top, right, bottom of
    whoever is seen and certain, within the picture."""
    tracker = Tracker()
    told, who = [], {}  # type: ignore[var-annotated]
    for number, detections in enumerate(_detections(sequence)):
        tracks = tracker.update(
            detections, number / sequence.fps, width_px=WIDTH_PX, height_px=HEIGHT_PX
        )
        rows = [
            (who.setdefault(track.id, len(who)), *track.box)
            for track in tracks
            if track.seen and track.certain
        ]
        frame = np.array(rows, np.float64).reshape(-1, 5)
        np.clip(frame[:, 1::2], 0.0, WIDTH_PX, out=frame[:, 1::2])
        np.clip(frame[:, 2::2], 0.0, HEIGHT_PX, out=frame[:, 2::2])
        told.append(frame)
    return told


def cost_us(sequence: Sequence) -> float:
    """Microseconds of CPU that `Tracker.update` takes for a frame."""
    tracker, frames = Tracker(), _detections(sequence)
    begun = time.thread_time()
    for number, detections in enumerate(frames):
        tracker.update(detections, number / sequence.fps, width_px=WIDTH_PX, height_px=HEIGHT_PX)
    return 1e6 * (time.thread_time() - begun) / len(frames)


def crowd_of(count: int, frames: int, seed: int = 1) -> Sequence:
    """`count` road users that wander about a picture and are nearly always seen; no truth."""
    dice = np.random.default_rng(seed)
    room = np.array([WIDTH_PX, HEIGHT_PX]) - 100.0
    places, speeds = dice.uniform(0, room, (count, 2)), dice.normal(0, 40.0, (count, 2))
    sizes = dice.uniform(30.0, 70.0, (count, 2))
    seen = []
    for number in range(frames):
        middle = (places + speeds * number / 25.0) % room + 50.0
        boxes = np.hstack([middle - sizes / 2, middle + sizes / 2])
        boxes += dice.normal(0.0, 0.02, boxes.shape) * np.tile(sizes, 2)
        rows = np.column_stack([boxes, dice.uniform(0.5, 0.95, count), np.full(count, 3.0)])
        seen.append(rows[dice.random(count) > 0.03])
    return Sequence("crowd", 25.0, seed, (), tuple(seen))


def _detections(sequence: Sequence) -> list[list[Detection]]:
    return [
        [
            Detection(KINDS[int(kind)], Box(left, top, right, bottom), sure)
            for left, top, right, bottom, sure, kind in rows.tolist()
        ]
        for rows in sequence.seen
    ]


def write_detections(sequence: Sequence, path: Path) -> None:
    """The detections in the form of MOTChallenge, which knows no kinds; frames count from 1."""
    with path.open("w", encoding="ascii") as file:
        for number, rows in enumerate(sequence.seen, 1):
            for left, top, right, bottom, sure, _ in rows.tolist():
                file.write(
                    f"{number},-1,{left:.3f},{top:.3f},{right - left:.3f},{bottom - top:.3f},"
                    f"{sure:.4f},-1,-1,-1\n"
                )


def read_tracks(path: Path, frames: int) -> list[Floats]:
    """Tracks in the form of MOTChallenge: for each frame (who, left, top, right, bottom)."""
    text = path.read_text(encoding="ascii").split("\n")
    rows = np.array([line.split(",")[:6] for line in text if line], np.float64).reshape(-1, 6)
    rows[:, 4:6] += rows[:, 2:4]
    return [rows[rows[:, 0] == number, 1:] for number in range(1, frames + 1)]


def _peer(
    interpreter: str, name: str, sequence: Sequence, folder: Path
) -> tuple[list[Floats], float, str]:
    """What a peer tells of `sequence`, its microseconds a frame, and its version."""
    script = Path(__file__).parents[3] / "tools" / "peers" / "track.py"
    seen, out = folder / "seen.txt", folder / "told.txt"
    write_detections(sequence, seen)
    done = subprocess.run(
        [interpreter, str(script), name, f"{sequence.fps:g}", str(seen), str(out)],
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    frames = len(sequence.seen)
    return read_tracks(out, frames), 1e6 * told["cpu_s"] / told["frames"], told["version"]
