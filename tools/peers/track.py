"""Track: what the trackers of `trackers` (Roboflow, Apache-2.0) make of detections, and their cost.

Run with an interpreter that has them, which placewatch's own does not need:

    python -m venv peers && peers/bin/pip install trackers supervision
    peers/bin/python tools/peers/track.py bytetrack 25 detections.txt tracks.txt

Both files are in the form of MOTChallenge; frames are numbered from 1. Every tracker runs with the
settings it comes with, told the frame rate and the time of each frame. Prints a line of JSON with
its name, version, frames and CPU seconds; only `update` is timed, on detections that are ready.
"""

import importlib.metadata
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import supervision as sv  # type: ignore[import-not-found, unused-ignore]
import trackers as peers  # type: ignore[import-not-found, unused-ignore]


def tracker(name: str, fps: float):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """One of bytetrack, ocsort, botsort and sort, as it comes, without camera motion."""
    if name == "botsort":
        return peers.BoTSORTTracker(frame_rate=fps, enable_cmc=False)
    kinds = {
        "bytetrack": peers.ByteTrackTracker,
        "ocsort": peers.OCSORTTracker,
        "sort": peers.SORTTracker,
    }
    return kinds[name](frame_rate=fps)


def main(name: str, fps: str, detections: str, out: str) -> None:
    rows = np.loadtxt(detections, delimiter=",", ndmin=2)
    frames = int(rows[:, 0].max())
    seen = []
    for number in range(1, frames + 1):
        here = rows[rows[:, 0] == number]
        boxes = here[:, 2:6].copy()
        boxes[:, 2:] += boxes[:, :2]
        seen.append(
            sv.Detections(xyxy=boxes, confidence=here[:, 6]) if len(here) else sv.Detections.empty()
        )
    made = tracker(name, float(fps))
    told, begun = [], time.thread_time()
    for number, found in enumerate(seen):
        told.append(made.update(found, timestamp=number / float(fps)))
    spent_s = time.thread_time() - begun
    with Path(out).open("w", encoding="ascii") as file:
        for number, tracks in enumerate(told, 1):
            for box, who in zip(tracks.xyxy, tracks.tracker_id, strict=True):
                if who >= 0:
                    left, top, right, bottom = box
                    file.write(
                        f"{number},{who},{left:.3f},{top:.3f},{right - left:.3f},"
                        f"{bottom - top:.3f},1,-1,-1,-1\n"
                    )
    version = importlib.metadata.version("trackers")
    print(json.dumps({"name": name, "version": version, "frames": frames, "cpu_s": spent_s}))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(*sys.argv[1:])
