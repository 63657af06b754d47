"""Count: what others' public tools count on a film, and the CPU seconds it takes them.

    VENV/bin/python tools/peers/count.py usual FILM LINES.json
    VENV/bin/python tools/peers/count.py yolox FILM LINES.json --net yolox_nano.onnx
    VENV/bin/python tools/peers/count.py norfair FILM LINES.json --net yolox_nano.onnx

`usual` is what a user would write from the tutorials: OpenCV's VideoCapture, a picture 640 across,
MOG2 with shadows, opening and closing, contours. `yolox` looks at every frame with YOLOX-nano
through onnxruntime. Both track with `trackers`' ByteTrack and count with supervision's LineZone at
the bottom centre; `norfair` tracks YOLOX-nano's boxes with Norfair. All run on one thread with the
settings they come with. LINES.json is a list of {"name", "from_px", "to_px"}.

Prints a line of JSON: versions, frames, CPU seconds from the second frame on and until then,
private bytes, and each crossing. It imports nothing of placewatch.
"""

import argparse
import importlib.metadata
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

WIDTH_PX = 640
AREA_PX_MIN = 120  # of a contour on the picture 640 across
NET_PX = 416
SCORE_MIN = 0.3
OVERLAP_MAX = 0.45
KINDS = {0: "pedestrian", 1: "bicycle", 2: "car", 3: "motorcycle", 5: "bus", 7: "truck"}
"""Classes of COCO that are road users."""

Boxes = npt.NDArray[np.float64]
"""(N, 6): left, top, right, bottom in the film's pixels, score, class of COCO (-1: unknown)."""


def moving(scale: float) -> Callable[[npt.NDArray[np.uint8]], Boxes]:
    """Boxes around what MOG2 sees move."""
    model = cv2.createBackgroundSubtractorMOG2(detectShadows=True)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))

    def boxes(picture: npt.NDArray[np.uint8]) -> Boxes:
        height = round(picture.shape[0] / scale)
        small = cv2.resize(picture, (WIDTH_PX, height), interpolation=cv2.INTER_AREA)
        mask = model.apply(small)
        mask = cv2.threshold(mask, 200, 255, cv2.THRESH_BINARY)[1]  # shadows are 127
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel)
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel)
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        found = [
            [x * scale, y * scale, (x + w) * scale, (y + h) * scale, 0.9, -1]
            for contour in contours
            if cv2.contourArea(contour) >= AREA_PX_MIN
            for x, y, w, h in [cv2.boundingRect(contour)]
        ]
        return np.array(found, float).reshape(-1, 6)

    return boxes


def seen_by_net(net: Path) -> Callable[[npt.NDArray[np.uint8]], Boxes]:
    """Boxes of YOLOX-nano: letterboxed at the top left on 114, non-maximum suppression of all kinds
    of vehicles together."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(net), options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0].name
    cells, strides = [], []
    for stride in (8, 16, 32):
        side = NET_PX // stride
        down, across = np.mgrid[0:side, 0:side]
        cells.append(np.stack([across.ravel(), down.ravel()], 1))
        strides.append(np.full((side * side, 1), stride))
    cell, step = np.concatenate(cells), np.concatenate(strides)
    wanted = np.array(sorted(KINDS))

    def boxes(picture: npt.NDArray[np.uint8]) -> Boxes:
        ratio = min(NET_PX / picture.shape[0], NET_PX / picture.shape[1])
        size = round(picture.shape[1] * ratio), round(picture.shape[0] * ratio)
        padded = np.full((NET_PX, NET_PX, 3), 114, np.uint8)
        padded[: size[1], : size[0]] = cv2.resize(picture, size)
        entered = padded.transpose(2, 0, 1)[None].astype(np.float32)
        raw = session.run(None, {entry: entered})[0][0]
        scores = raw[:, 4:5] * raw[:, 5 + wanted]
        best, score = scores.argmax(1), scores.max(1)
        kept = score >= SCORE_MIN
        middle = (raw[kept, :2] + cell[kept]) * step[kept]
        half = np.exp(raw[kept, 2:4]) * step[kept] / 2
        corners = np.concatenate([middle - half, middle + half], 1) / ratio
        kinds = wanted[best[kept]]
        found = []
        for group in ([0], [1, 2, 3, 5, 7]):
            here = np.flatnonzero(np.isin(kinds, group))
            if len(here):
                sides = corners[here].copy()
                sides[:, 2:] -= sides[:, :2]
                left = cv2.dnn.NMSBoxes(
                    sides.tolist(), score[kept][here].tolist(), SCORE_MIN, OVERLAP_MAX
                )
                found += [here[i] for i in np.ravel(left)]
        return np.concatenate(
            [corners[found], score[kept][found][:, None], kinds[found][:, None]], 1
        ).reshape(-1, 6)

    return boxes


class ByteTrack:
    """`trackers`' ByteTrack with supervision's LineZone."""

    packages = ("trackers", "supervision")

    def __init__(self, lines: list[dict[str, Any]], fps: float) -> None:
        import supervision  # type: ignore[import-not-found, unused-ignore]
        import trackers  # type: ignore[import-not-found, unused-ignore]

        self._sv = supervision
        self._tracker = trackers.ByteTrackTracker(frame_rate=fps)
        self._zones = [
            (
                line["name"],
                supervision.LineZone(
                    start=supervision.Point(*line["from_px"]),
                    end=supervision.Point(*line["to_px"]),
                    triggering_anchors=[supervision.Position.BOTTOM_CENTER],
                ),
            )
            for line in lines
        ]

    def step(self, boxes: Boxes, at_s: float) -> list[tuple[str, str, int]]:
        """(line, direction, class) of each crossing of this frame."""
        tracked = self._tracker.update(
            self._sv.Detections(
                xyxy=boxes[:, :4],
                confidence=boxes[:, 4].astype(np.float32),
                class_id=boxes[:, 5].astype(int),
            ),
            timestamp=at_s,
        )
        told = []
        if tracked.tracker_id is not None:  # all that are not confirmed share the id -1
            tracked = tracked[tracked.tracker_id >= 0]
        for name, zone in self._zones:
            entered, left = zone.trigger(tracked)
            for way, which in (("right_to_left", entered), ("left_to_right", left)):
                told += [(name, way, int(tracked.class_id[i])) for i in np.flatnonzero(which)]
        return told


class Norfair:
    """Norfair's tracker; it has no counting line, so a side that changes once is ours."""

    packages = ("norfair",)

    def __init__(self, lines: list[dict[str, Any]], fps: float) -> None:
        import norfair  # type: ignore[import-not-found, unused-ignore]

        self._norfair = norfair
        self._tracker = norfair.Tracker(distance_function="iou", distance_threshold=0.7)
        self._lines = lines
        self._before: dict[int, tuple[float, float]] = {}
        self._counted: set[tuple[int, str]] = set()

    def step(self, boxes: Boxes, at_s: float) -> list[tuple[str, str, int]]:
        """(line, direction, class) of each crossing of this frame."""
        tracked = self._tracker.update(
            [
                self._norfair.Detection(
                    points=box[:4].reshape(2, 2), scores=np.full(2, box[4]), data=int(box[5])
                )
                for box in boxes
            ]
        )
        told = []
        for one in tracked:
            (left, _), (right, bottom) = one.estimate
            here = ((left + right) / 2, bottom)
            before = self._before.get(one.id)
            self._before[one.id] = here
            for line in self._lines:
                way = passed(before, here, line) if before is not None else None
                if way is not None and (one.id, line["name"]) not in self._counted:
                    self._counted.add((one.id, line["name"]))
                    told.append((line["name"], way, one.last_detection.data))
        return told


def passed(
    before: tuple[float, float], here: tuple[float, float], line: dict[str, Any]
) -> str | None:
    """The way in which a step goes through a line, if it does."""
    (x1, y1), (x2, y2) = line["from_px"], line["to_px"]

    def side(a: tuple[float, float], b: tuple[float, float], point: tuple[float, float]) -> float:
        return (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])

    was, now = side((x1, y1), (x2, y2), before), side((x1, y1), (x2, y2), here)
    if (was < 0) == (now < 0):
        return None
    if (side(before, here, (x1, y1)) < 0) == (side(before, here, (x2, y2)) < 0):
        return None
    return "left_to_right" if now > was else "right_to_left"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=("usual", "yolox", "norfair"))
    parser.add_argument("film")
    parser.add_argument("lines", type=Path)
    parser.add_argument("--net", type=Path)
    parser.add_argument("--every", type=int, default=1, help="of so many frames one is looked at")
    asked = parser.parse_args()
    lines = json.loads(asked.lines.read_text("utf-8"))
    cv2.setNumThreads(1)
    video = cv2.VideoCapture(asked.film, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    fps = video.get(cv2.CAP_PROP_FPS) or 25.0
    across = video.get(cv2.CAP_PROP_FRAME_WIDTH)
    boxes = moving(across / WIDTH_PX) if asked.peer == "usual" else seen_by_net(asked.net)
    tracker = (Norfair if asked.peer == "norfair" else ByteTrack)(lines, fps / asked.every)
    crossings, frames, start_cpu_s = [], 0, 0.0
    while video.grab():
        if frames % asked.every:
            frames += 1
            continue
        there, picture = video.retrieve()
        if not there:
            break
        at_s = frames / fps
        for name, way, kind in tracker.step(boxes(np.asarray(picture, np.uint8)), at_s):
            crossings.append(
                {"media_s": at_s, "line": name, "direction": way, "kind": KINDS.get(kind)}
            )
        frames += 1
        if frames == 1:
            start_cpu_s = time.process_time()
    cpu_s = time.process_time() - start_cpu_s
    used = ("opencv-python-headless", "onnxruntime", *tracker.packages)
    print(
        json.dumps(
            {
                "peer": asked.peer,
                "versions": {name: importlib.metadata.version(name) for name in used},
                "frames": frames,
                "cpu_s": cpu_s,
                "start_cpu_s": start_cpu_s,
                "private_bytes": private_bytes(),
                "crossings": crossings,
            }
        )
    )


def private_bytes() -> int:
    """What this process has for itself alone."""
    rows = Path("/proc/self/smaps_rollup").read_text("ascii").splitlines()[1:]
    sizes = {row.partition(":")[0]: int(row.partition(":")[2].split()[0]) for row in rows}
    return 1024 * (sizes["Private_Clean"] + sizes["Private_Dirty"])


if __name__ == "__main__":
    main()
