"""Onnx: detectors that are nets in ONNX files, run by ONNX Runtime on one thread.

A net says by its inputs and outputs what layout it has; a table of layouts turns its numbers into
boxes. All know the 80 classes of COCO.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

from placewatch.core.errors import Misconfigured
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Box, Detection, Track
from placewatch.perceive.motion import Motion
from placewatch.perceive.motion_detector import SCORE, MotionDetector
from placewatch.pixels.frame import Frame

KINDS_OF_COCO = {
    0: Kind.PEDESTRIAN,
    1: Kind.BICYCLE,
    2: Kind.CAR,
    3: Kind.MOTORCYCLE,
    5: Kind.BUS,
    7: Kind.TRUCK,
}
"""COCO knows no van: vans are cars or trucks to these nets."""

SCORE_MIN = 0.1
"""Doubtful boxes are kept: the tracker may continue a track with them, never begin one."""

Floats = npt.NDArray[np.float32]


class OnnxDetector:
    """Finds road users with a net. `name` is the file's name.

    With `every_s` the net runs at most that often; in between motion alone carries the tracks on,
    at the cost of the motion detector.
    """

    def __init__(self, path: Path, every_s: float = 0.0) -> None:
        """Raises Misconfigured where `path` is no net of a known layout."""
        self.name = path.name
        self._every_s = every_s
        self._last_s: float | None = None
        self._movement = MotionDetector()
        self._lately: list[tuple[float, Box]] = []  # what the net saw, and when
        self._session = _open(path)
        self._layout = _layout(self._session, path)
        self._input = self._session.get_inputs()[0].name
        # A file can hold any numbers; a try on a grey picture finds a broken one before the street.
        self._raw(np.full((self._layout.height, self._layout.width, 3), 114, np.uint8))

    def detect(self, frame: Frame, motion: Motion, tracks: Sequence[Track]) -> list[Detection]:
        """What the net sees, and what moves though the net does not see it.

        A net is blind to views that it never learnt, from straight above for one; what moves there
        is somebody all the same. And what the net takes for somebody with little confidence is one
        if it moves.
        """
        moving = self._movement.detect(frame, motion, tracks)
        due = self._last_s is None or frame.after_gap or frame.media_s < self._last_s
        if not due and frame.media_s - (self._last_s or 0.0) < self._every_s:
            return moving
        self._last_s = frame.media_s
        seen = self._look(frame)
        self._lately = [
            (at, box) for at, box in self._lately if 0.0 <= frame.media_s - at <= _LATELY_S
        ] + [(frame.media_s, one.box) for one in seen]
        return _confirmed(seen, moving, [box for _, box in self._lately])

    def _look(self, frame: Frame) -> list[Detection]:
        layout = self._layout
        width, height = frame.width_px, frame.height_px
        if layout.letterbox:
            scale = min(layout.width / width, layout.height / height)
            small = frame.to_rgb(min(layout.width, max(1, round(width * scale))))
            rows, columns = min(small.shape[0], layout.height), small.shape[1]
            picture = np.full((layout.height, layout.width, 3), 114, np.uint8)
            picture[:rows, :columns] = small[:rows]
            scale_x, scale_y = columns / width, small.shape[0] / height
        else:
            small = frame.to_rgb(layout.width)
            picture = np.asarray(cv2.resize(small, (layout.width, layout.height)), np.uint8)
            scale_x, scale_y = layout.width / width, layout.height / height
        boxes, scores = layout.decode(self._raw(picture))
        scales = np.array([scale_x, scale_y, scale_x, scale_y], np.float32)
        limits = np.array([width, height, width, height], np.float32)
        return road_users(np.clip(boxes / scales, 0, limits).astype(np.float32), scores)

    def _raw(self, picture: npt.NDArray[np.uint8]) -> Floats:
        values = picture.astype(np.float32)
        if self._layout.bgr:
            values = values[:, :, ::-1]
        scaled = (values - self._layout.mean) * self._layout.scale
        blob = np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], dtype=np.float32)
        try:
            raw = self._session.run(None, {self._input: blob})[0]
        except Exception as error:
            raise Misconfigured(
                f"{self.name} does not run: {_first_line(error)}",
                hint="is it complete? `placewatch models list` names nets that are known to work",
            ) from error
        result: Floats = np.asarray(raw, np.float32)
        if not np.isfinite(result).all():
            raise Misconfigured(
                f"{self.name} answers with numbers that are none (NaN or infinite)",
                hint="the file is damaged or was converted wrongly; fetch it again",
            )
        return result


def _open(path: Path) -> Any:
    if not path.is_file():
        raise Misconfigured(
            f"no detector file {path}", hint="give a catalogue name or the path of an .onnx file"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own classes, none of them public
        raise Misconfigured(
            f"{path.name} is no ONNX model: {_first_line(error)}",
            hint="a detector is an .onnx file of the YOLOX, NanoDet or FastestDet layout",
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a net wants its picture and how its numbers are read.

    `decode` gives boxes (N, 4) in pixels of the net's picture and scores (N, 80).
    """

    name: str
    width: int
    height: int
    letterbox: bool
    bgr: bool
    mean: Floats
    scale: Floats
    decode: Callable[[Floats], tuple[Floats, Floats]]


def _layout(session: Any, path: Path) -> Layout:
    """The layout that inputs and outputs tell. Raises Misconfigured where it is none we know."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    told = f"inputs {[list(i.shape) for i in inputs]}, outputs {[list(o.shape) for o in outputs]}"
    shape = list(inputs[0].shape) if inputs else []
    if len(inputs) == 1 and len(shape) == 4 and inputs[0].type == "tensor(float)":
        height, width = (side if isinstance(side, int) else 416 for side in shape[2:])
        fits = shape[1] == 3 and height % 32 == 0 and width % 32 == 0 and height and width
        out = list(outputs[0].shape)
        if fits and len(outputs) == 1:
            for build in (_yolox, _nanodet, _fastestdet):
                layout = build(width, height, out)
                if layout is not None:
                    return layout
    raise Misconfigured(
        f"{path.name} has a layout that is not known: {told}",
        hint="known are YOLOX, NanoDet and FastestDet nets with the 80 classes of COCO",
    )


def _matches(out: list[Any], *wanted: int) -> bool:
    """Sizes that the file leaves open (names, None) match."""
    return len(out) == len(wanted) and all(
        not isinstance(size, int) or size == want for size, want in zip(out, wanted, strict=True)
    )


_NONE = np.zeros(3, np.float32)
_ONE = np.ones(3, np.float32)


def _yolox(width: int, height: int, out: list[Any]) -> Layout | None:
    """1x3549x85 for 416x416: offset in cells, log size, objectness, classes (Ge et al. 2021)."""
    centres, strides = _cells(width, height, (8, 16, 32))
    if not _matches(out, 1, len(centres), 85):
        return None

    def decode(raw: Floats) -> tuple[Floats, Floats]:
        middle = (raw[0, :, :2] + centres) * strides
        half = np.exp(np.clip(raw[0, :, 2:4], -20, 10)) * strides / 2
        scores = raw[0, :, 4:5] * raw[0, :, 5:]
        return np.concatenate([middle - half, middle + half], axis=1), scores

    return Layout("yolox", width, height, True, True, _NONE, _ONE, decode)


def _nanodet(width: int, height: int, out: list[Any]) -> Layout | None:
    """1xNx(80 + 4 (m + 1)): class scores, then each side's distance as a distribution over m + 1
    steps of a stride (Li et al. 2020). NanoDet-m has strides to 32, NanoDet-Plus to 64."""
    for levels, half in (((8, 16, 32), 0.5), ((8, 16, 32, 64), 0.0)):
        centres, strides = _cells(width, height, levels)
        for steps in (8, 11):
            if _matches(out, 1, len(centres), 80 + 4 * steps):
                return _gfl(width, height, centres, strides, half, steps)
    return None


def _gfl(
    width: int, height: int, centres: Floats, strides: Floats, half: float, steps: int
) -> Layout:
    """Generalised focal loss: a side's distance is the mean of a distribution over `steps`."""
    weights: Floats = np.arange(steps, dtype=np.float32)

    def decode(raw: Floats) -> tuple[Floats, Floats]:
        scores: Floats = raw[0, :, :80]
        if scores.min() < -0.01 or scores.max() > 1.01:
            scores = _sigmoid(scores)
        sides = raw[0, :, 80:].reshape(-1, 4, steps)
        sides = np.exp(sides - sides.max(axis=2, keepdims=True))
        reach = (sides / sides.sum(axis=2, keepdims=True)) @ weights * strides
        middle = (centres + half) * strides
        return np.concatenate([middle - reach[:, :2], middle + reach[:, 2:]], axis=1), scores

    mean = np.array([103.53, 116.28, 123.675], np.float32)
    scale = (1 / np.array([57.375, 57.12, 58.395])).astype(np.float32)
    return Layout("nanodet", width, height, False, True, mean, scale, decode)


def _fastestdet(width: int, height: int, out: list[Any]) -> Layout | None:
    """1x85x22x22 for 352x352: objectness, offset (tanh), size (sigmoid), 80 classes."""
    rows, columns = height // 16, width // 16
    if not _matches(out, 1, 85, rows, columns):
        return None
    centres, _ = _cells(width, height, (16,))

    def decode(raw: Floats) -> tuple[Floats, Floats]:
        cells = raw[0].reshape(85, -1).T
        middle = (centres + np.tanh(cells[:, 1:3])) * 16
        half = _sigmoid(cells[:, 3:5]) * np.array([width, height], np.float32) / 2
        scores = cells[:, :1] ** 0.6 * cells[:, 5:] ** 0.4
        return np.concatenate([middle - half, middle + half], axis=1), scores

    return Layout("fastestdet", width, height, False, True, _NONE, _ONE / np.float32(255), decode)


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -60, 60))), np.float32)


def _cells(width: int, height: int, strides: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Column and row of every cell (N, 2), level after level, and each one's stride (N, 1)."""
    centres, sizes = [], []
    for stride in strides:
        rows, columns = -(-height // stride), -(-width // stride)
        down, across = np.mgrid[0:rows, 0:columns]
        centres.append(np.stack([across.ravel(), down.ravel()], axis=1))
        sizes.append(np.full((rows * columns, 1), stride))
    return np.concatenate(centres).astype(np.float32), np.concatenate(sizes).astype(np.float32)


def road_users(boxes: Floats, scores: Floats) -> list[Detection]:
    """Detections out of a net's boxes (N, 4) in px and scores (N, 80): one for each road user.

    A vehicle that the net calls both car and truck is one; a rider and the machine are one.
    """
    wanted = np.array(list(KINDS_OF_COCO))
    ours = scores[:, wanted]
    best = ours.argmax(axis=1)
    score = ours[np.arange(len(ours)), best]
    good = (score >= SCORE_MIN) & (boxes[:, 2] - boxes[:, 0] > 1) & (boxes[:, 3] - boxes[:, 1] > 1)
    found = [
        Detection(
            KINDS_OF_COCO[int(wanted[best[i]])],
            Box(*(float(side) for side in boxes[i])),
            min(1.0, float(score[i])),
        )
        for i in np.flatnonzero(good)
    ]
    found.sort(key=lambda one: (-one.score, one.box.left_px, one.box.top_px))
    motors = _strongest([one for one in found if one.kind in (Kind.CAR, Kind.BUS, Kind.TRUCK)], 0.5)
    machines = _strongest([d for d in found if d.kind in (Kind.BICYCLE, Kind.MOTORCYCLE)], 0.5)
    people = _strongest([one for one in found if one.kind is Kind.PEDESTRIAN], 0.5)
    return motors + _riders(machines, people)


def _confirmed(
    seen: list[Detection], moving: list[Detection], lately: list[Box]
) -> list[Detection]:
    """The net's detections, stronger where something moves, and movement it has no idea of.

    A box within what moves as a whole, where the net also sees that whole, is likely a part of it:
    the same holds. Movement where the net saw somebody `lately` is a part or the shadow of that
    one, or the one itself missed just now: it may continue a track, never begin one.
    """
    result = []
    whole = [
        (other.box, max((one.score for one in seen if _iou(one.box, other.box) > 0.5), default=0.0))
        for other in moving
    ]
    for one in seen:
        moves = one.score < SCORE and any(_iou(one.box, other.box) > 0.4 for other in moving)
        part = one.score < _SURE and any(
            one.score < score and _inside(one.box, box) > 0.6 and _iou(one.box, box) < 0.5
            for box, score in whole
        )
        score = min(one.score, _DOUBTFUL) if part else max(one.score, SCORE if moves else 0.0)
        result.append(Detection(one.kind, one.box, score))
    for other in moving:
        if any(_shared(other.box, one.box) >= 0.25 for one in seen):
            continue
        known = any(_shared(other.box, box) >= 0.25 for box in lately)
        result.append(Detection(other.kind, other.box, _DOUBTFUL) if known else other)
    return result


_LATELY_S = 1.5
_SURE = 0.6
_DOUBTFUL = 0.35  # below `tracker.SCORE_START`


def _inside(a: Box, b: Box) -> float:
    """The part of `a` that lies in `b`."""
    across = min(a.right_px, b.right_px) - max(a.left_px, b.left_px)
    down = min(a.bottom_px, b.bottom_px) - max(a.top_px, b.top_px)
    return max(0.0, across) * max(0.0, down) / (a.width_px * a.height_px)


def _shared(a: Box, b: Box) -> float:
    """The part of the smaller of two boxes that lies in the other."""
    across = min(a.right_px, b.right_px) - max(a.left_px, b.left_px)
    down = min(a.bottom_px, b.bottom_px) - max(a.top_px, b.top_px)
    if across <= 0 or down <= 0:
        return 0.0
    return across * down / min(a.width_px * a.height_px, b.width_px * b.height_px)


def _strongest(found: list[Detection], overlap_max: float) -> list[Detection]:
    """Non-maximum suppression over all of `found`, strongest first."""
    kept: list[Detection] = []
    for one in found:
        if all(_iou(one.box, other.box) <= overlap_max for other in kept):
            kept.append(one)
    return kept


def _riders(machines: list[Detection], people: list[Detection]) -> list[Detection]:
    """A person on a machine and the machine become one detection of the machine's kind."""
    together: list[Detection] = []
    afoot = list(people)
    for machine in machines:
        if machine.score < 0.2 and not any(_rides(person.box, machine.box) for person in afoot):
            together.append(machine)
            continue
        rider = next((person for person in afoot if _rides(person.box, machine.box)), None)
        if rider is None:
            together.append(machine)
            continue
        afoot.remove(rider)
        together.append(
            Detection(machine.kind, _union(machine.box, rider.box), max(machine.score, rider.score))
        )
    return together + afoot


def _rides(person: Box, machine: Box) -> bool:
    """Whether the person sits on the machine: above it, and over its middle."""
    middle = (person.left_px + person.right_px) / 2
    across = machine.left_px <= middle <= machine.right_px
    overlap = min(person.bottom_px, machine.bottom_px) - max(person.top_px, machine.top_px)
    higher = person.top_px < machine.top_px + 0.25 * machine.height_px
    alike = 0.4 * machine.width_px < person.height_px < 6 * machine.height_px
    return across and higher and alike and overlap > 0.25 * machine.height_px


def _union(a: Box, b: Box) -> Box:
    return Box(
        min(a.left_px, b.left_px),
        min(a.top_px, b.top_px),
        max(a.right_px, b.right_px),
        max(a.bottom_px, b.bottom_px),
    )


def _iou(a: Box, b: Box) -> float:
    across = min(a.right_px, b.right_px) - max(a.left_px, b.left_px)
    down = min(a.bottom_px, b.bottom_px) - max(a.top_px, b.top_px)
    if across <= 0 or down <= 0:
        return 0.0
    both = across * down
    return both / (a.width_px * a.height_px + b.width_px * b.height_px - both)
