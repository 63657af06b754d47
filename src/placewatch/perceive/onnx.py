"""Onnx: detectors that are nets in ONNX files, run by `runtime.py`.

A net says by its inputs and outputs what layout it has; a table of layouts turns its numbers into
boxes. All know the 80 classes of COCO.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from placewatch.core.errors import Misconfigured
from placewatch.core.ids import TrackId
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Box, Detection, Track
from placewatch.core.time import thread_cpu_s
from placewatch.perceive.motion import Motion
from placewatch.perceive.motion_detector import SCORE, MotionDetector
from placewatch.perceive.runtime import (
    RUN_S_MAX,
    Array,
    Backend,
    Net,
    Port,
    Shape,
    is_finite,
    open_net,
    too_slow,
)
from placewatch.perceive.tracker import Tracker
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

    The net is asked at every analysed frame in which something moves or was seen a moment ago, else
    once a second; with `every_s` at most that often; with `cpu_share_max` as often as keeps it
    below that share of a core, by what its looks have cost so far (then two runs need not look at
    the same frames). In between motion alone carries the tracks on, at the cost of the motion
    detector. In a view that the net does not know (see `Witness`) motion alone speaks, and the net
    is asked once a second, in case that changes.
    """

    def __init__(
        self,
        path: Path,
        every_s: float = 0.0,
        *,
        cpu_share_max: float | None = None,
        backend: Backend = "auto",
        cpu_s: Callable[[], float] = thread_cpu_s,
    ) -> None:
        """`cpu_s` tells the processor time of the calling thread.

        Raises Misconfigured where `path` is no net of a known layout, or one that answers with
        what cannot be: not a number, boxes outside the picture, a crowd where nobody is.
        """
        self.name = path.name
        self._every_s = every_s
        self._cpu_share_max = cpu_share_max
        self._cpu_s = cpu_s
        self._look_s = 0.0  # what a look costs, averaged
        self._looks = 0
        self._absurd = 0  # looks in a row
        self._last_s: float | None = None
        self._movement = MotionDetector()
        self._witness = Witness()
        self._lately: list[tuple[float, Box]] = []  # what the net saw, and when
        self._net = open_net(path, backend=backend)
        self._layout = _layout(self._net)
        self._check()

    @property
    def runs_on(self) -> str:
        """What runs the net, in words for a log."""
        return self._net.runs_on

    @property
    def note(self) -> str | None:
        """What people should know of it just now."""
        if self._witness.blind:
            return f"{self.name} does not know this view; motion alone finds road users"
        return None

    def detect(self, frame: Frame, motion: Motion, tracks: Sequence[Track]) -> list[Detection]:
        """What the net sees, and what moves though the net does not see it.

        A net is blind to views that it never learnt, from straight above for one; what moves there
        is somebody all the same. And what the net takes for somebody with little confidence is one
        if it moves.

        Raises Misconfigured where the net goes bad.
        """
        moving = self._movement.detect(frame, motion, tracks)
        self._witness.follow(frame, moving)
        if not self._is_due(frame, bool(moving)):
            return moving
        self._last_s = frame.media_s
        began_s = self._cpu_s()
        seen = self._look(frame)
        self._charge(self._cpu_s() - began_s)
        self._witness.compare(seen)
        self._lately = [
            (at, box) for at, box in self._lately if 0.0 <= frame.media_s - at <= _LATELY_S
        ] + [(frame.media_s, one.box) for one in seen]
        if self._witness.blind:
            return moving
        return _confirmed(seen, moving, [box for _, box in self._lately])

    def _is_due(self, frame: Frame, moves: bool) -> bool:
        if self._last_s is None or frame.after_gap or frame.media_s < self._last_s:
            return True
        wait_s = self._every_s
        if self._cpu_share_max is not None:
            wait_s = max(wait_s, self._look_s / self._cpu_share_max)
        if self._witness.blind or not (moves or self._lately):
            wait_s = max(wait_s, AUDIT_S)
        return frame.media_s - self._last_s >= wait_s

    def _charge(self, cost_s: float) -> None:
        """Learns what a look costs. Raises Misconfigured where that is too much."""
        self._looks += 1
        self._look_s += (cost_s - self._look_s) / min(self._looks, 20)
        if self._looks >= 3 and self._look_s > RUN_S_MAX:
            raise too_slow(self.name, self._look_s)

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
        boxes, scores = self._decoded(self._net.run(_blob(picture, layout))[0])
        absurd = _absurdity(boxes, scores, layout)
        self._absurd = 0 if absurd is None else self._absurd + 1
        if absurd is not None and self._absurd >= _ABSURD_LOOKS:
            raise self._refused(absurd)
        scales = np.array([scale_x, scale_y, scale_x, scale_y], np.float32)
        limits = np.array([width, height, width, height], np.float32)
        return road_users(np.clip(boxes / scales, 0, limits).astype(np.float32), scores)

    def _check(self) -> None:
        """A file can hold any numbers: two pictures without anybody find a bad one beforehand."""
        layout = self._layout
        size = (layout.height, layout.width, 3)
        grey = np.full(size, 114, np.uint8)
        noise = np.random.default_rng(1).integers(0, 256, size, np.uint8)
        for picture in (grey, noise):
            raw = self._net.try_out(_blob(picture, layout), cpu_s=self._cpu_s)[0]
            boxes, scores = self._decoded(raw)
            absurd = _absurdity(boxes, scores, layout)
            crowd = int((_best(scores) >= _CONFIDENT).sum())
            if absurd is None and crowd > _NOBODY_MAX:
                absurd = f"sees {crowd} road users in a picture without any"
            if absurd is not None:
                raise self._refused(absurd)

    def _decoded(self, raw: Array) -> tuple[Floats, Floats]:
        with np.errstate(all="ignore"):
            boxes, scores = self._layout.decode(np.asarray(raw, np.float32))
        if not (is_finite(boxes) and is_finite(scores)):
            raise self._refused("answers with numbers that mean no boxes")
        return boxes, scores

    def _refused(self, why: str) -> Misconfigured:
        return Misconfigured(
            f"{self.name} {why}",
            hint=f"was it trained and converted as a {self._layout.name} net?",
        )


AUDIT_S = 1.0
"""How often the net looks at a street where nothing moves, or at a view that it does not know."""

_CONFIDENT = 0.5
_NOBODY_MAX = 30  # boxes in a picture without anybody; sound nets have none
_CROWD_MAX = 1000  # confident boxes, before those of the same road user are joined
_ABSURD_LOOKS = 10  # in a row: a single strange picture is no reason
_BOXES_MAX = 1000  # the strongest; more would take seconds to join


def _blob(picture: npt.NDArray[np.uint8], layout: "Layout") -> Floats:
    """`picture` (H, W, 3) as the net wants it: 1 x 3 x H x W."""
    values = picture.astype(np.float32)
    if layout.bgr:
        values = values[:, :, ::-1]
    scaled = (values - layout.mean) * layout.scale
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], dtype=np.float32)


def _best(scores: Floats) -> Floats:
    """The score (N,) of each box for the most likely kind of road user."""
    return np.asarray(scores[:, list(KINDS_OF_COCO)].max(axis=1), np.float32)


def _absurdity(boxes: Floats, scores: Floats, layout: "Layout") -> str | None:
    """What cannot be in these numbers, as `returns boxes outside the picture`; None if nothing."""
    if scores.size and (scores.min() < -0.01 or scores.max() > 1.01):
        return "gives scores that are no shares of 1"
    sure = boxes[_best(scores) >= _CONFIDENT]
    if len(sure) > _CROWD_MAX:
        return f"returns {len(sure)} boxes for one picture"
    sizes = sure[:, 2:] - sure[:, :2]
    if (sizes < 0).any():
        return "returns boxes of negative size"
    middles = (sure[:, 2:] + sure[:, :2]) / 2
    picture = np.array([layout.width, layout.height], np.float32)
    margin = 32  # one cell of the coarsest grid
    if ((middles < -margin) | (middles > picture + margin) | (sizes > 2 * picture)).any():
        return "returns boxes outside the picture"
    return None


class Witness:
    """Whether the net sees, in this view, those who travel through it.

    Who travels is somebody, whatever a net says: shadows, foliage and pieces of road users come and
    go where they are. So each road user whom motion followed over more than its own length bears
    witness once, when it has gone: did the net see it, or hardly ever? The last of them decide.
    """

    def __init__(self) -> None:
        self._tracker = Tracker(hidden_s=1.0)
        self._tracks: list[Track] = []
        self._paths: dict[TrackId, _Path] = {}
        self._seen: deque[bool] = deque(maxlen=_WITNESSES)

    @property
    def blind(self) -> bool:
        """Whether the net saw at most a third of those who travelled here lately."""
        return len(self._seen) >= _WITNESSES_MIN and 3 * sum(self._seen) <= len(self._seen)

    def follow(self, frame: Frame, moving: list[Detection]) -> None:
        """Takes over what moves in `frame`; to be called for each."""
        tracks = self._tracker.update(
            moving,
            frame.media_s,
            width_px=frame.width_px,
            height_px=frame.height_px,
            after_gap=frame.after_gap,
        )
        self._tracks = [track for track in tracks if track.certain and track.seen]
        for track in self._tracks:
            self._paths.setdefault(track.id, _Path(track.box)).go(track.box)
        living = {track.id for track in tracks}
        for track_id in [one for one in self._paths if one not in living]:
            path = self._paths.pop(track_id)
            if path.looks >= _LOOKS_MIN and path.far:
                self._seen.append(path.seen > path.looks / 4)

    def compare(self, found: list[Detection]) -> None:
        """Takes over what the net found in the frame that was followed last."""
        for track in self._tracks:
            path = self._paths[track.id]
            path.looks += 1
            path.seen += any(
                one.score >= _DOUBTFUL and _shared(one.box, track.box) >= 0.25 for one in found
            )


@dataclass(slots=True)
class _Path:
    """How far somebody came, and in how many looks of the net it was seen."""

    first: Box
    far: bool = False
    looks: int = 0
    seen: int = 0

    def go(self, box: Box) -> None:
        right = (box.left_px + box.right_px - self.first.left_px - self.first.right_px) / 2
        down = (box.top_px + box.bottom_px - self.first.top_px - self.first.bottom_px) / 2
        size = max(box.width_px, box.height_px, self.first.width_px, self.first.height_px)
        self.far = self.far or math.hypot(right, down) >= _FAR * size


_WITNESSES = 8
_WITNESSES_MIN = 3
_LOOKS_MIN = 2
_FAR = 1.5  # own lengths


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


def _layout(net: Net) -> Layout:
    """The layout that inputs and outputs tell. Raises Misconfigured where it is none we know."""
    if len(net.inputs) == 1 and len(net.inputs[0].shape) == 4 and len(net.outputs) == 1:
        wants, gives = net.inputs[0], net.outputs[0]
        height, width = (416 if side is None else side for side in wants.shape[2:])
        if wants.dtype != "float32":
            raise Misconfigured(
                f"{net.name} wants {wants.dtype} where nets of a known layout want float32",
                hint="convert it without quantising or halving its input",
            )
        if wants.matches((1, 3, None, None)) and not (height % 32 or width % 32) and height * width:
            for build in (_yolox, _nanodet, _fastestdet):
                layout = build(width, height, gives.shape)
                if layout is not None:
                    return layout
    told = (
        f"inputs {', '.join(str(port) for port in net.inputs) or 'none'}; "
        f"outputs {', '.join(str(port) for port in net.outputs) or 'none'}"
    )
    raise Misconfigured(
        f"{net.name} has a layout that is not known: {told}",
        hint="known are YOLOX, NanoDet and FastestDet nets with the 80 classes of COCO: one input "
        "1x3xHxW float32, H and W multiples of 32, and one output",
    )


def _matches(out: Shape, *wanted: int) -> bool:
    """Sizes that the file leaves open match."""
    return Port("", out, "").matches(wanted)


_NONE = np.zeros(3, np.float32)
_ONE = np.ones(3, np.float32)


def _yolox(width: int, height: int, out: Shape) -> Layout | None:
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


def _nanodet(width: int, height: int, out: Shape) -> Layout | None:
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


def _fastestdet(width: int, height: int, out: Shape) -> Layout | None:
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
    if good.sum() > _BOXES_MAX:
        good &= score >= np.partition(score[good], -_BOXES_MAX)[-_BOXES_MAX]
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
