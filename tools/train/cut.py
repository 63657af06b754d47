"""Cuts training data for the street detector out of labelled stills, clips and unlabelled views.

    python -m tools.train.cut --data DIR --out DIR [--seed 0]

writes frames/, sprites/ and streets/ (see `formats`), and the held-back cameras of each under
held/. A road user counts when it differs from the background: of a still, the street behind its
labelled road users is painted in and *that* is the background; of a clip, the median picture is.
What differs without a label is told as `ignore`.
"""

import argparse
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime
from tools.train.formats import KINDS, Frames, Picture, Sprites, Streets

PEDESTRIAN, BICYCLE, MOTORCYCLE, CAR, VAN, BUS, TRUCK, VEHICLE, UNKNOWN = range(len(KINDS))
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating[Any]]

STEP_MIN = 12.0  # grey levels: smaller differences are noise
SHARE_MIN = 0.22  # of its box differs, or a road user is told as parked
SIDE_MAX_PX = 160  # of a sprite
HEIGHT_MIN_PX = 5  # of a road user in a frame: smaller ones are not asked for
WIDTH_MIN_PX = 3
HELD_TFL = ("03604",)
HELD_SINGAPORE_COUNT = 12
SOURCES = (
    "uk-trafficcams-ogl",
    "sg-lta-checkpoint-crops",
    "coco-mini-cc",
    "tfl-jamcam-dssg",
    "carla-dashcam",
    "sg-lta-expressway",
    "openimages-vehicles",
)
# Pictures whose labels leave out people and bicycles, or that no street camera would see.
SPRITES_ONLY = ("openimages-vehicles",)
# Where a camera took several pictures of one view in like light.
SAME_VIEW = ("uk-trafficcams-ogl", "sg-lta-checkpoint-crops")


def factor(width_px: int) -> int | None:
    """By how much a picture is averaged down to be 320 to 480 px wide, as the product does."""
    return next((f for f in range(1, 9) if 320 <= width_px // f <= 480), None)


def pool(luma: Picture, by: int) -> Picture:
    """Averages squares of `by` x `by` pixels."""
    if by == 1:
        return luma
    height, width = luma.shape[0] // by, luma.shape[1] // by
    whole = luma[: height * by, : width * by]
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def read_picture(path: Path) -> Picture:
    """A picture file, (H, W, 3) BGR."""
    picture = cv2.imread(str(path))
    if picture is None:
        raise SystemExit(f"{path} is no picture")
    return np.asarray(picture, np.uint8)


def grey(picture: Picture) -> Picture:
    """Luma of a BGR picture."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def overlap(boxes: Floats, others: Floats) -> Floats:
    """Area that box i and box j share, (N, M)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:4], others[None, :, 2:4])
    return np.asarray((high - low).clip(0).prod(axis=2))


def areas(boxes: Floats) -> Floats:
    """Area of each box."""
    return np.asarray((boxes[:, 2:4] - boxes[:, :2]).clip(0).prod(axis=1))


def iou(boxes: Floats, others: Floats) -> Floats:
    """Intersection over union, (N, M)."""
    shared = overlap(boxes, others)
    return shared / (areas(boxes)[:, None] + areas(others)[None] - shared + 1e-6)


def box_slice(box: Floats, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The pixels a box touches, cut off at the picture's edge."""
    left, top = np.floor(box[:2]).astype(int).clip(0)
    right, bottom = np.ceil(box[2:4]).astype(int)
    return slice(top, min(bottom, shape[0])), slice(left, min(right, shape[1]))


# -- Labelled stills ---------------------------------------------------------------------------


@dataclass(slots=True)
class Still:
    """A labelled picture; `boxes` (M, 4) and `ignore` (K, 4) in its pixels."""

    source: str
    camera: str
    name: str
    picture: Picture  # (H, W, 3), BGR
    boxes: Floats
    kinds: npt.NDArray[np.int8]
    ignore: Floats
    outlines: list["Outline | None"] = field(default_factory=list)


def camera_of(source: str, name: str) -> str:
    """The camera that took a picture: the unit by which data is held back."""
    if source == "tfl-jamcam-dssg":
        return "tfl-" + name.split("_")[-2]
    if source == "uk-trafficcams-ogl":
        return "uk-" + next(p for p in reversed(name.split("_")) if p[:1] in "A0" and len(p) > 4)
    if source == "sg-lta-expressway":
        return "sg-" + name[:4]
    if source == "sg-lta-checkpoint-crops":
        return "sg-" + name.split("_")[2]
    return {"carla-dashcam": "carla", "openimages-vehicles": "openimages"}.get(source, "coco")


def stills(data: Path, source: str) -> Iterator[Still]:
    """Reads the pictures of one source with their labels, in order of name."""
    folder = data / "train" / source
    for path in sorted((folder / "images").iterdir()):
        picture = read_picture(path)
        height, width = picture.shape[:2]
        scale = np.array([width, height, width, height], np.float32)
        rows = _rows(folder / "labels" / f"{path.stem}.txt", 5)
        kinds = rows[:, 0].astype(np.int8)
        centre, size = rows[:, 1:3], rows[:, 3:5]
        boxes = np.hstack([centre - size / 2, centre + size / 2]) * scale
        ignore = _rows(folder / "ignore" / f"{path.stem}.txt", 4) * scale
        camera = camera_of(source, path.stem)
        yield Still(source, camera, path.stem, picture, boxes, kinds, ignore)


def _rows(path: Path, columns: int) -> Floats:
    """Numbers of a text file; none where there is no file."""
    lines = path.read_text().split("\n") if path.exists() else []
    rows = [[float(word) for word in line.split()[:columns]] for line in lines if line.strip()]
    return np.array(rows, np.float32).reshape(-1, columns)


# -- Outlines and sprites ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outline:
    """Where in a picture a road user is: `mask` (h, w) with its corner at `left`, `top`."""

    mask: Mask
    left: int
    top: int

    def on(self, shape: tuple[int, int]) -> Mask:
        """The mask on a canvas as large as the picture."""
        canvas = np.zeros(shape, np.bool_)
        height, width = self.mask.shape
        canvas[self.top : self.top + height, self.left : self.left + width] = self.mask
        return canvas


def outline(picture: Picture, box: Floats, kind: int) -> Outline | None:
    """Finds a road user's pixels in its box by GrabCut (Rother et al. 2004); None where in doubt.

    The box must hold it closely: masks that fill little or all of it, fall apart or reach
    no side of the box are refused.
    """
    width, height = box[2] - box[0], box[3] - box[1]
    margin = 4 + 0.25 * max(width, height)
    grown = box + np.array([-margin, -margin, margin, margin], np.float32)
    rows, columns = box_slice(grown, picture.shape)
    part = picture[rows, columns]
    scale = float(np.clip(64 / max(width, height), 1.0, 3.0))
    scale = min(scale, 1.0) if max(width, height) > 64 else scale
    if max(width, height) > 112:  # GrabCut's time grows with the area
        scale = 112 / float(max(width, height))
    small = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    inner = (box - np.array([columns.start, rows.start] * 2, np.float32)) * scale
    inside = box_slice(inner, small.shape)
    marks = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
    marks[inside] = cv2.GC_PR_FGD
    centre = ((inner[:2] + inner[2:]) / 2).astype(int)
    axes = ((inner[2:] - inner[:2]) / 2 * (0.45 if kind > MOTORCYCLE else 0.3)).astype(int)
    cv2.ellipse(marks, centre.tolist(), axes.clip(1).tolist(), 0, 0, 360, int(cv2.GC_FGD), -1)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    try:
        cv2.grabCut(small, marks, (0, 0, 1, 1), *models, 3, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # one colour only: nothing to tell apart
        return None
    mask = ((marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if len(stats) < 2:
        return None
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    if stats[largest, cv2.CC_STAT_AREA] < 0.85 * stats[1:, cv2.CC_STAT_AREA].sum():
        return None
    mask = (labels == largest).astype(np.uint8)
    if kind > MOTORCYCLE or kind == PEDESTRIAN:  # windows look like the road
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(mask, contours, -1, 1, -1)
        if kind > MOTORCYCLE:
            size = 2 * (int(0.08 * max(axes)) // 2) + 3
            brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
            mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, brush)
    area = float((inner[2:] - inner[:2]).prod())
    low, high = (0.5, 0.97) if kind > MOTORCYCLE else (0.25, 0.85)
    if not low <= mask.sum() / area <= high:
        return None
    spread = stats[largest, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]] / (inner[2:] - inner[:2])
    if spread.min() < (0.85 if kind > MOTORCYCLE else 0.75):
        return None
    if kind == PEDESTRIAN and corners(mask[inside]) > 0.6:
        return None
    full = cv2.resize(mask * 255, (part.shape[1], part.shape[0]), interpolation=cv2.INTER_LINEAR)
    return Outline(full > 127, columns.start, rows.start)


def unobstructed(boxes: Floats, shape: tuple[int, ...], share_max: float = 0.12) -> Mask:
    """Which boxes no other box hides, and no edge of the picture cuts."""
    shared = overlap(boxes, boxes)
    np.fill_diagonal(shared, 0)
    hidden = shared.max(axis=1, initial=0) > share_max * areas(boxes)
    height, width = shape[:2]
    cut = (boxes[:, :2] < 2).any(axis=1) | (boxes[:, 2] > width - 2) | (boxes[:, 3] > height - 2)
    return np.asarray(~hidden & ~cut)


def sprite(luma: Picture, where: Outline, aspect: float = 1.0) -> tuple[Picture, Picture] | None:
    """Cuts one road user out: luma and alpha, slightly feathered, at most SIDE_MAX_PX a side."""
    ys, xs = np.nonzero(where.mask)
    margin = 4
    rows = slice(max(0, where.top + ys.min() - margin), where.top + ys.max() + 1 + margin)
    columns = slice(max(0, where.left + xs.min() - margin), where.left + xs.max() + 1 + margin)
    part = luma[rows, columns]
    alpha = where.on(luma.shape[:2])[rows, columns].astype(np.float32)
    height, width = part.shape
    scale = min(1.0, SIDE_MAX_PX / max(width * aspect, height))
    size = max(3, round(width * aspect * scale)), max(3, round(height * scale))
    # The mask is a shade too wide rather than too narrow: pull it in by half a pixel.
    alpha = np.asarray(cv2.GaussianBlur(alpha, (0, 0), 0.8), np.float32)
    alpha = ((alpha - 0.25) / 0.65).clip(0, 1)
    part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    alpha = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.float32)
    solid = np.nonzero(alpha > 0.02)
    if not len(solid[0]):
        return None
    part = np.pad(part, 2, mode="edge")
    alpha = np.pad(alpha, 2)
    top, left = solid[0].min(), solid[1].min()
    bottom, right = solid[0].max() + 5, solid[1].max() + 5  # keeps 2 px of margin at either end
    return part[top:bottom, left:right], (alpha[top:bottom, left:right] * 255).astype(np.uint8)


# -- Painting the street behind a road user ----------------------------------------------------


def membrane(values: Floats, known: Mask) -> Floats:
    """Smooth surface through the known pixels: inverse-distance weighting (Shepard 1968).

    The kernel, about the inverse fourth power of distance, is a sum of Gaussians.
    """
    weight = known.astype(np.float32)
    above = np.zeros_like(weight)
    below = np.full_like(weight, 1e-9)
    for sigma in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0):
        share = 1 / sigma**2
        above += share * cv2.GaussianBlur(values * weight, (0, 0), sigma)
        below += share * cv2.GaussianBlur(weight, (0, 0), sigma)
    return np.asarray(above / below, np.float32)


def fill(luma: Floats, hole: Mask, banned: Mask, rng: np.random.Generator) -> Floats:
    """Paints one hole with street: a shifted piece of the same picture that fits its rim.

    Copied street keeps texture and noise, which plain inpainting smears; the piece is brought to
    the rim's level by a membrane (as Poisson editing does, Pérez et al. 2003). Where no piece
    fits, the membrane and noise serve. `banned` pixels are never copied from.
    """
    height, width = luma.shape
    ys, xs = np.nonzero(hole)
    pad = 6
    top, bottom = max(0, ys.min() - pad), min(height, ys.max() + 1 + pad)
    left, right = max(0, xs.min() - pad), min(width, xs.max() + 1 + pad)
    window = slice(top, bottom), slice(left, right)
    patch, mask = luma[window], hole[window]
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    rim = (cv2.dilate(mask.astype(np.uint8), brush) > 0) & ~mask & ~banned[window]
    if rim.sum() < 8:
        rim = ~mask
    tall, wide = mask.shape
    best, best_cost = None, 11.0
    for _ in range(60):
        dx = int(rng.uniform(-1, 1) * 2.5 * wide)
        dy = int(rng.uniform(-1, 1) * (1.5 * tall if rng.random() < 0.5 else 0.3 * tall))
        y, x = top + dy, left + dx
        if y < 0 or x < 0 or y + tall > height or x + wide > width:
            continue
        source = slice(y, y + tall), slice(x, x + wide)
        if (banned | hole)[source][mask].mean() > 0.01:
            continue
        gap = (patch - luma[source])[rim]
        cost = float(gap.std()) + 0.15 * abs(float(gap.mean()))
        if cost < best_cost:
            best, best_cost = luma[source], cost
    known = ~(mask | banned[window])
    if best is not None:
        painted = best + membrane(patch - best, known)
    else:
        noise = patch - cv2.GaussianBlur(patch, (0, 0), 1.2)
        level = float(np.median(np.abs(noise[rim]))) * 1.48
        grain = rng.normal(0, 1, patch.shape).astype(np.float32)
        grain = cv2.GaussianBlur(grain, (0, 0), 0.7) * 2.4
        painted = membrane(patch, known) + grain * min(level, 6.0)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.9)
    out = luma.copy()
    out[window] = patch + (painted - patch) * np.maximum(soft, mask)
    return out


def hole_of(mask: Mask, box: Floats, shadow: bool) -> Mask:
    """A road user's pixels grown, with the shadow under it."""
    tall = float(box[3] - box[1])
    size = 3 + 2 * round(0.03 * tall)
    grown = cv2.dilate(
        mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    )
    if shadow:
        wide = float(box[2] - box[0])
        middle = int((box[0] + box[2]) / 2), round(float(box[3]) - 0.06 * tall)
        axes = round(0.54 * wide), max(1, round(0.14 * tall))
        cv2.ellipse(grown, middle, axes, 0, 0, 360, 1, -1)
    return grown > 0


def rounded(box: Floats, shape: tuple[int, int]) -> Mask:
    """A superellipse that nearly fills the box: the mask of a road user without outline."""
    ys, xs = np.mgrid[: shape[0], : shape[1]].astype(np.float32) + 0.5
    half = np.maximum((box[2:] - box[:2]) / 2, 1)
    middle = (box[:2] + box[2:]) / 2
    away = np.abs((xs - middle[0]) / half[0]) ** 4 + np.abs((ys - middle[1]) / half[1]) ** 4
    return np.asarray(away <= 1)


@dataclass(slots=True)
class Scene:
    """A still at the detector's size: luma, boxes, kinds, ignore regions, and one mask a box."""

    luma: Picture
    boxes: Floats
    kinds: npt.NDArray[np.int8]
    ignore: Floats
    masks: list[Mask]


def scene_of(still: Still, by: int) -> Scene:
    """Averages a still down by a whole factor."""
    shape = still.picture.shape[:2]
    luma = pool(grey(still.picture), by)
    masks = []
    for box, where in zip(still.boxes, still.outlines, strict=True):
        if where is None:
            masks.append(rounded(box / by, luma.shape))
        else:
            masks.append(pool(where.on(shape).astype(np.uint8) * 255, by) > 80)
    return Scene(luma, still.boxes / by, still.kinds, still.ignore / by, masks)


def near(scene: Scene, rng: np.random.Generator, width: int, height: int) -> Scene | None:
    """A window of a scene around one of its larger road users; None where there is none."""
    tall = scene.boxes[:, 3] - scene.boxes[:, 1]
    fits = np.nonzero((tall >= 14) & (tall < 0.8 * height))[0]
    if not len(fits):
        return None
    weights = tall[fits] / tall[fits].sum()
    box = scene.boxes[rng.choice(fits, p=weights)]
    middle = (box[:2] + box[2:]) / 2 + rng.uniform(-0.25, 0.25, 2) * (width, height)
    left = int(np.clip(middle[0] - width / 2, 0, scene.luma.shape[1] - width))
    top = int(np.clip(middle[1] - height / 2, 0, scene.luma.shape[0] - height))
    window = slice(top, top + height), slice(left, left + width)
    shift = np.array([left, top, left, top], np.float32)
    edge = np.array([width, height, width, height], np.float32)
    boxes = (scene.boxes - shift).clip(0, edge)
    ignore = (scene.ignore - shift).clip(0, edge)
    seen = areas(boxes) > 0.35 * areas(scene.boxes)
    return Scene(
        scene.luma[window],
        boxes[seen],
        scene.kinds[seen],
        ignore[areas(ignore) > 0],
        [mask[window] for mask, yes in zip(scene.masks, seen, strict=True) if yes],
    )


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame with its background and labels, as in `Frames`."""

    now: Picture
    background: Picture
    boxes: Floats  # (M, 4)
    kinds: npt.NDArray[np.int8]
    ignore: Floats  # (K, 4)


def groups(boxes: Floats) -> list[list[int]]:
    """Boxes that overlap, together: who is painted out must not take half a neighbour along."""
    near_by = overlap(boxes, boxes) > 0.04 * np.minimum(areas(boxes)[:, None], areas(boxes)[None])
    left, found = set(range(len(boxes))), []
    while left:
        group, todo = [], [left.pop()]
        while todo:
            one = todo.pop()
            group.append(one)
            more = {other for other in left if near_by[one, other]}
            left -= more
            todo += sorted(more)
        found.append(sorted(group))
    return found


def differs(now: Picture, background: Picture, step: float = STEP_MIN) -> Mask:
    """Which pixels differ by more than noise."""
    return np.abs(now.astype(np.int16) - background.astype(np.int16)) > step


def weather(luma: Floats, rng: np.random.Generator, strength: float) -> Picture:
    """The picture as a background model would hold it: smoother, and a little off in light."""
    out = cv2.GaussianBlur(luma, (0, 0), float(rng.uniform(0.3, 0.7)))
    if strength > 0:
        shift = rng.uniform(-0.6, 0.6, 2) * strength
        moved = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
        height, width = luma.shape
        out = cv2.warpAffine(out, moved, (width, height), borderMode=cv2.BORDER_REPLICATE)
        out = out * (1 + 0.05 * strength * rng.normal()) + 2 * strength * rng.normal()
        out = out + rng.normal(0, 1.2 * strength, out.shape)
    return np.asarray(out).clip(0, 255).astype(np.uint8)


def stage(scene: Scene, rng: np.random.Generator, strength: float) -> Shot | None:
    """Makes a frame of a still: most road users are painted out of its background.

    Some stay in both (parked), a few are painted out of `now` instead (they have left: a ghost,
    not to be found), and now and then street is painted over street. None where nobody is left.
    """
    shape = scene.luma.shape
    size = scene.boxes[:, 2:] - scene.boxes[:, :2]
    large = (size[:, 0] >= WIDTH_MIN_PX) & (size[:, 1] >= HEIGHT_MIN_PX)
    holes = [
        hole_of(mask, box, kind != PEDESTRIAN)
        for mask, box, kind in zip(scene.masks, scene.boxes, scene.kinds, strict=True)
    ]
    banned = np.any(holes, axis=0) if holes else np.zeros(shape, np.bool_)
    now = scene.luma.astype(np.float32)
    background = now.copy()
    share = rng.uniform(0.7, 1.0)
    shown: list[int] = []
    for group in groups(scene.boxes):
        draw = rng.random()
        if draw < share or len(scene.boxes) < 3:
            hole = np.any([holes[one] for one in group], axis=0)
            if hole.mean() > 0.3:
                continue
            background = fill(background, hole, banned, rng)
            shown += [one for one in group if large[one]]
        elif draw < share + (1 - share) * 0.4 and len(group) == 1:
            now = fill(now, holes[group[0]], banned, rng)
    for _ in range(rng.poisson(0.7)):
        wide, tall = np.exp(rng.uniform(np.log(8), np.log(50), 2))
        middle = rng.uniform((0, 0.2 * shape[0]), (shape[1], shape[0]))
        half = np.array([wide, tall]) / 2
        box = np.concatenate([middle - half, middle + half]).astype(np.float32)
        patch = rounded(box, shape)
        if patch.any() and not (patch & banned).any():
            background = fill(background, patch, banned, rng)
    if not shown and len(scene.boxes):
        return None
    now8 = now.clip(0, 255).astype(np.uint8)
    changed = differs(now8, background.clip(0, 255).astype(np.uint8), 10)
    chosen = np.array(shown, int)
    clear = np.array(
        [changed[box_slice(box, shape)].mean() >= 0.15 for box in scene.boxes[chosen]], np.bool_
    )
    faint = scene.boxes[chosen[~clear]]
    return Shot(
        now8,
        weather(background, rng, strength),
        scene.boxes[chosen[clear]],
        scene.kinds[chosen[clear]],
        np.concatenate([scene.ignore, faint]),
    )


def emptied(scene: Scene, rng: np.random.Generator) -> Picture:
    """The street of a still with every labelled road user painted out."""
    holes = [
        hole_of(mask, box, kind != PEDESTRIAN)
        for mask, box, kind in zip(scene.masks, scene.boxes, scene.kinds, strict=True)
    ]
    banned = np.any(holes, axis=0) if holes else np.zeros(scene.luma.shape, np.bool_)
    street = scene.luma.astype(np.float32)
    for group in groups(scene.boxes):
        street = fill(street, np.any([holes[one] for one in group], axis=0), banned, rng)
    return street.clip(0, 255).astype(np.uint8)


# -- The teacher: YOLOX-nano on enlarged tiles ---------------------------------------------------

COCO = {0: PEDESTRIAN, 1: BICYCLE, 2: CAR, 3: MOTORCYCLE, 5: BUS, 7: TRUCK}
SIDE_PX = 416


class Teacher:
    """YOLOX-nano (Ge et al. 2021) looking at a picture through enlarged, overlapping tiles."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name
        grids, steps = [], []
        for step in (8, 16, 32):
            cells = SIDE_PX // step
            ys, xs = np.mgrid[:cells, :cells]
            grids.append(np.stack([xs.ravel(), ys.ravel()], axis=1))
            steps.append(np.full((cells * cells, 1), step))
        self._grid = np.concatenate(grids).astype(np.float32)
        self._step = np.concatenate(steps).astype(np.float32)

    def look(
        self, picture: Picture, scale: float, score_min: float
    ) -> tuple[Floats, npt.NDArray[np.int8], Floats]:
        """Boxes (N, 4) in pixels of the picture, kinds (N,) and scores (N,).

        The whole picture is looked at once, and enlarged by `scale` in tiles. A person and the
        two-wheeler under it are one rider; a vehicle of doubtful type is just a vehicle.
        """
        whole = SIDE_PX / max(picture.shape[:2])
        rows = self._tiled(picture, whole, score_min)
        if scale > 1.3 * whole:
            # Only what a tile cannot hold comes from the whole picture.
            large = (rows[:, 2:4] - rows[:, :2]).max(axis=1) * scale > 0.45 * SIDE_PX
            rows = np.concatenate([rows[large], self._tiled(picture, scale, score_min)])
        rows = rows[_keep(rows)]
        sure = {CAR: 0.4, BUS: 0.6, TRUCK: 0.7}
        for row in rows:
            if row[4] < sure.get(int(row[5]), 0):
                row[5] = VEHICLE
        return _riders(rows)

    def _tiled(self, picture: Picture, scale: float, score_min: float) -> Floats:
        """Rows as of `_tile`, in pixels of the picture."""
        large = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale), np.uint8)
        height, width = large.shape[:2]
        found: list[Floats] = []
        for top in _tiles(height):
            for left in _tiles(width):
                tile = large[top : top + SIDE_PX, left : left + SIDE_PX]
                rows = self._tile(tile, score_min)
                tall, wide = tile.shape[:2]
                # Whoever a tile's inner edge cuts is whole in the next tile.
                cut = (
                    ((rows[:, 0] < 3) & (left > 0))
                    | ((rows[:, 1] < 3) & (top > 0))
                    | ((rows[:, 2] > wide - 3) & (left + wide < width))
                    | ((rows[:, 3] > tall - 3) & (top + tall < height))
                )
                rows = rows[~cut]
                rows[:, :4] += np.array([left, top, left, top], np.float32)
                found.append(rows)
        rows = np.concatenate(found)
        rows[:, :4] /= scale
        return rows

    def _tile(self, tile: Picture, score_min: float) -> Floats:
        """Rows of left, top, right, bottom, score, kind in pixels of the tile."""
        padded = np.full((SIDE_PX, SIDE_PX, 3), 114, np.uint8)
        padded[: tile.shape[0], : tile.shape[1]] = tile
        tensor = padded.transpose(2, 0, 1)[None].astype(np.float32)
        raw: Any = self._session.run(None, {self._input: tensor})[0]
        rows = raw[0]
        centre = (rows[:, :2] + self._grid) * self._step
        half = np.exp(rows[:, 2:4].clip(max=8)) * self._step / 2
        scores = rows[:, 4:5] * rows[:, 5 + np.array(list(COCO))]
        best = scores.argmax(axis=1)
        score = scores.max(axis=1)
        kinds = np.array(list(COCO.values()), np.float32)[best]
        out = np.column_stack([centre - half, centre + half, score, kinds]).astype(np.float32)
        return np.asarray(out[score >= score_min])


def _tiles(length: int) -> list[int]:
    """Where tiles that overlap by a third start along one side."""
    count = max(1, int(np.ceil((length - SIDE_PX) / (SIDE_PX * 0.67))) + 1)
    return [round(start) for start in np.linspace(0, max(0, length - SIDE_PX), count)]


def _keep(rows: Floats, iou_max: float = 0.5) -> list[int]:
    """Non-maximum suppression across vehicles, across two-wheelers, and across people."""
    order = list(np.argsort(-rows[:, 4], kind="stable"))
    family = np.array([0, 1, 1, 2, 2, 2, 2, 2, 3])[rows[:, 5].astype(int)]
    same = iou(rows, rows)
    inside = overlap(rows, rows) / (np.minimum(areas(rows)[:, None], areas(rows)[None]) + 1e-6)
    keep: list[int] = []
    for one in order:
        if all(
            family[one] != family[other]
            or (same[one, other] < iou_max and inside[one, other] < 0.8)
            for other in keep
        ):
            keep.append(int(one))
    return keep


def _riders(rows: Floats) -> tuple[Floats, npt.NDArray[np.int8], Floats]:
    """Joins people to the two-wheelers they sit on."""
    kinds = rows[:, 5].astype(np.int8)
    people = np.nonzero(kinds == PEDESTRIAN)[0]
    gone: set[int] = set()
    for wheels in np.nonzero((kinds == BICYCLE) | (kinds == MOTORCYCLE))[0]:
        box = rows[wheels]
        for person in people:
            other = rows[person]
            wide = min(box[2], other[2]) - max(box[0], other[0])
            tall = min(box[3], other[3]) - max(box[1], other[1])
            astride = wide > 0.5 * min(box[2] - box[0], other[2] - other[0])
            if astride and tall > 0.25 * (other[3] - other[1]) and person not in gone:
                rows[wheels, :2] = np.minimum(box[:2], other[:2])
                rows[wheels, 2:4] = np.maximum(box[2:4], other[2:4])
                gone.add(int(person))
    stay = np.array([one for one in range(len(rows)) if one not in gone], int)
    return rows[stay, :4], kinds[stay], rows[stay, 4]


# -- Clips and views seen again and again --------------------------------------------------------


def unexplained(changed: Mask, boxes: Floats) -> Floats:
    """Boxes of what differs outside all of `boxes`: nobody knows who that is."""
    rest = changed.astype(np.uint8)
    for box in boxes:
        grow = 1.5 + 0.08 * (box[2:] - box[:2])
        rest[box_slice(np.concatenate([box[:2] - grow, box[2:] + grow]), rest.shape)] = 0
    # Specks are foliage and noise, which a net must learn to pass over.
    solid = cv2.morphologyEx(rest, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    solid = cv2.dilate(solid, np.ones((5, 5), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(solid)
    stats = stats[1:][stats[1:, cv2.CC_STAT_AREA] >= 64].astype(np.float32)
    return np.column_stack([stats[:, :2], stats[:, :2] + stats[:, 2:4]]).reshape(-1, 4)


def shoot(
    now: Picture,
    background: Picture,
    boxes: Floats,
    kinds: npt.NDArray[np.int8],
    ignore: Floats,
    doubt: bool = True,
) -> Shot:
    """Labels a real frame: who differs is to be found, who differs in part is ignored.

    With `doubt`, so is whatever else differs; without, labels are known to be complete.
    """
    edge = np.array([now.shape[1], now.shape[0]] * 2, np.float32)
    boxes = boxes.clip(0, edge)
    size = boxes[:, 2:] - boxes[:, :2]
    large = (size[:, 0] >= WIDTH_MIN_PX) & (size[:, 1] >= HEIGHT_MIN_PX)
    boxes, kinds = boxes[large], kinds[large]
    changed = differs(now, background)
    share = np.array([changed[box_slice(box, now.shape)].mean() for box in boxes])
    clear = share >= SHARE_MIN if len(boxes) else np.zeros(0, np.bool_)
    partly = ~clear & (share >= 0.04) if len(boxes) else clear
    rest = unexplained(changed, boxes[clear | partly]) if doubt else ignore[:0]
    return Shot(
        now, background, boxes[clear], kinds[clear], np.concatenate([ignore, boxes[partly], rest])
    )


def read_clip(path: Path, every: int) -> Iterator[tuple[int, Picture, Picture]]:
    """Frame number, luma (h, w) as coded, and BGR of every so many frames of a clip."""
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % every == 0:
                plane = np.frombuffer(memoryview(frame.planes[0]), np.uint8)
                luma = plane.reshape(-1, frame.planes[0].line_size)[: frame.height, : frame.width]
                yield number, luma.copy(), np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


def median_street(lumas: list[Picture], movers: list[Floats]) -> Picture:
    """Median over time of what no mover covers; of everything where that is too little."""
    stack = np.stack(lumas).astype(np.float32)
    covered = np.zeros(stack.shape, np.bool_)
    for frame, boxes in zip(covered, movers, strict=True):
        for box in boxes:
            grow = 2 + 0.08 * (box[2:] - box[:2])
            frame[box_slice(np.concatenate([box[:2] - grow, box[2:] + grow]), frame.shape)] = True
    free = (~covered).sum(axis=0)
    plain = np.median(stack, axis=0)
    stack[covered] = np.nan
    stack[:, free < 4] = 0
    street = np.nanmedian(stack, axis=0)
    return np.where(free < 4, plain, street).astype(np.uint8)


def steady(found: list[tuple[Floats, npt.NDArray[np.int8], Floats]]) -> list[Mask]:
    """Which detections the frame before or after has too."""
    out = []
    for index, (boxes, _, scores) in enumerate(found):
        seen = scores > 0.75
        for other in (index - 1, index + 1):
            if 0 <= other < len(found) and len(boxes) and len(found[other][0]):
                grow = 0.35 * (boxes[:, 2:] - boxes[:, :2])
                wide = np.hstack([boxes[:, :2] - grow, boxes[:, 2:] + grow])
                kin = overlap(wide, found[other][0]) / areas(found[other][0])[None] > 0.6
                alike = areas(found[other][0])[None] / areas(boxes)[:, None]
                seen = seen | (kin & (alike > 0.5) & (alike < 2)).any(axis=1)
        out.append(seen)
    return out


def corners(mask: npt.NDArray[Any]) -> float:
    """Largest share of a corner of the box that the mask fills: a person leaves them free."""
    tall, wide = (max(1, side // 7) for side in mask.shape)
    parts = mask[:tall, :wide], mask[:tall, -wide:], mask[-tall:, :wide], mask[-tall:, -wide:]
    return max(float(part.mean()) for part in parts)


def difference_outline(now: Picture, street: Picture, box: Floats, upright: bool) -> Outline | None:
    """A mover's pixels by difference from the street, shadows taken off; None where in doubt."""
    rows, columns = box_slice(box, now.shape)
    ground = cv2.GaussianBlur(street, (3, 3), 0)[rows, columns].astype(np.float32)
    seen = cv2.GaussianBlur(now, (3, 3), 0)[rows, columns].astype(np.float32)
    step = np.abs(seen - ground)
    # A shadow scales the ground's light and keeps its texture (Prati et al. 2003).
    ratio = seen / np.maximum(ground, 1)
    texture = np.abs(cv2.Laplacian(seen - ground * np.median(ratio), cv2.CV_32F))
    shade = (ratio > 0.55) & (ratio < 0.97) & (cv2.GaussianBlur(texture, (0, 0), 1) < 4)
    mask = ((step > 9) & ~(shade & (step < 40))).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    size = 3 + 2 * (min(mask.shape) // 16)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, brush)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if len(stats) < 2:
        return None
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    mask = (labels == largest).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(mask, contours, -1, 1, -1)
    spread = stats[largest, [cv2.CC_STAT_HEIGHT, cv2.CC_STAT_WIDTH]] / np.array(mask.shape)
    if not 0.3 <= mask.mean() <= (0.85 if upright else 0.97) or spread.min() < 0.82:
        return None
    if upright and corners(mask) > 0.4:
        return None
    return Outline(mask > 0, columns.start, rows.start)


# -- The workshop: one method a source -------------------------------------------------------------


class Workshop:
    """Makes the data and keeps it by camera until `save`."""

    def __init__(self, data: Path, out: Path, seed: int) -> None:
        self._data, self._out, self._seed = data, out, seed
        self._teacher = Teacher(data / "models" / "yolox_nano_bigisland.onnx")
        self._shots: dict[str, list[Shot]] = defaultdict(list)
        self._sprites: dict[str, list[tuple[Picture, Picture, int]]] = defaultdict(list)
        self._streets: dict[str, list[tuple[Picture, Floats]]] = defaultdict(list)
        self._thumbs: dict[tuple[str, int], list[tuple[Floats, int]]] = defaultdict(list)
        self._count: Counter[tuple[str, str, int]] = Counter()
        self._held = {f"tfl-{camera}" for camera in HELD_TFL}

    def hold_back_singapore(self) -> None:
        """Draws the Singapore cameras that train no net, by a hash of their number."""
        names = {p.name[:4] for p in (self._data / "train/sg-lta-expressway/images").iterdir()}
        names |= {
            p.name[:4] for p in (self._data / "train/unlabelled/sg-lta-checkpoints").iterdir()
        }
        drawn = sorted(names, key=lambda name: zlib.crc32(f"{self._seed}/{name}".encode()))
        self._held |= {f"sg-{name}" for name in drawn[:HELD_SINGAPORE_COUNT]}

    def rng(self, *what: object) -> np.random.Generator:
        """A generator of its own for each picture: more of one source moves no other."""
        return np.random.default_rng([self._seed, zlib.crc32(repr(what).encode())])

    def cut_stills(self, source: str, variants: int) -> None:
        """Frames, sprites and streets of one labelled source."""
        views: dict[str, list[tuple[Scene, Picture]]] = defaultdict(list)
        for still in stills(self._data, source):
            rng = self.rng(source, still.name)
            count = self._complete(still)
            clear = unobstructed(still.boxes, still.picture.shape)
            clear[count:] = False
            self._outline(still)
            self._cut_sprites(still, clear, rng)
            by = factor(still.picture.shape[1])
            if source in SPRITES_ONLY or by is None:
                continue
            scene = scene_of(still, by)
            if source == "carla-dashcam" and not self._worthwhile(still):
                if not len(still.boxes):
                    self._streets["carla-empty"].append((scene.luma, scene.ignore))
                continue
            street = self._stage(still, scene, variants, rng)
            views[_key(still, scene)].append((scene, street))
            if by > 1:
                close = scene_of(still, 1)
                for _ in range(1 if source != "carla-dashcam" else 0):
                    part = near(close, rng, 384, 224)
                    if part is not None:
                        self._stage(still, part, 1, rng, "near-")
        if source in SAME_VIEW:
            for key, view in views.items():
                self._cross(source, key, view)

    def _cross(self, source: str, key: str, view: list[tuple[Scene, Picture]]) -> None:
        """Frames whose background is another still of the same view: real light and noise."""
        rng = self.rng("cross", key)
        for one, (scene, _) in enumerate(view):
            others = [other for other in range(len(view)) if other != one]
            taken = 0
            for other in rng.permutation(np.array(others, int)):
                gain, cost = _likeness(scene.luma, view[other][1])
                street = (view[other][1] * gain).clip(0, 255).astype(np.uint8)
                # Much that differs means that the camera was turned in between.
                if cost > 7 or taken == 2 or differs(scene.luma, street).mean() > 0.15:
                    continue
                taken += 1
                shot = shoot(scene.luma, street, scene.boxes, scene.kinds, scene.ignore, False)
                ignore = np.concatenate([shot.ignore, view[other][0].ignore])
                shot = Shot(shot.now, shot.background, shot.boxes, shot.kinds, ignore)
                self._add_shot(source, key, shot)

    def _worthwhile(self, still: Still) -> bool:
        """Of simulated dashcams, only pictures with two-wheelers are taken whole."""
        tall = still.boxes[:, 3] - still.boxes[:, 1]
        wheels = (still.kinds == BICYCLE) | (still.kinds == MOTORCYCLE)
        return bool((wheels & (tall > 14)).any())

    def _complete(self, still: Still) -> int:
        """Adds who photographs leave unlabelled, and says how many boxes may be cut out.

        Their motorcycles lack the rider, whom the teacher finds (without one they stand parked
        and are dropped); sure people and cyclists are added, and then doubtful ones, who only
        count as standing before others.
        """
        if still.source != "openimages-vehicles":
            return len(still.boxes)
        boxes, kinds, scores = self._teacher.look(still.picture, SIDE_PX / 240, 0.3)
        joined = np.zeros(len(boxes), np.bool_)
        keep = np.ones(len(still.boxes), np.bool_)
        for one in np.nonzero(still.kinds == MOTORCYCLE)[0]:
            box = still.boxes[one : one + 1]
            rider = (overlap(box, boxes)[0] > 0.3 * areas(boxes)) & (kinds < CAR)
            astride = rider & ((kinds == PEDESTRIAN) | (boxes[:, 1] < box[0, 1] - 5))
            tall = (box[0, 3] - box[0, 1]) > 1.3 * (box[0, 2] - box[0, 0])
            keep[one] = astride.any() or tall
            if rider.any():
                whole = np.concatenate([box, boxes[rider]])
                still.boxes[one] = [*whole[:, :2].min(axis=0), *whole[:, 2:].max(axis=0)]
                joined |= rider
        size = boxes[:, 2:] - boxes[:, :2]
        cyclist = (kinds == BICYCLE) & (size[:, 1] > 1.25 * size[:, 0])
        person = (kinds == PEDESTRIAN) & (size[:, 1] > 1.8 * size[:, 0])
        sure = (cyclist | person) & (scores > 0.55) & (size[:, 1] > 28) & ~joined
        doubtful = (kinds < CAR) & ~sure & ~joined
        still.boxes = np.concatenate([still.boxes[keep], boxes[sure], boxes[doubtful]])
        still.kinds = np.concatenate([still.kinds[keep], kinds[sure], kinds[doubtful]])
        return int(keep.sum() + sure.sum())

    def _outline(self, still: Still) -> None:
        for box, kind in zip(still.boxes, still.kinds, strict=True):
            large = box[3] - box[1] >= 10 and box[2] - box[0] >= 5
            still.outlines.append(outline(still.picture, box, int(kind)) if large else None)

    def _cut_sprites(self, still: Still, clear: Mask, rng: np.random.Generator) -> None:
        luma = grey(still.picture)
        aspect = float(rng.uniform(1.2, 1.5)) if still.source == "openimages-vehicles" else 1.0
        rows = zip(still.boxes, still.kinds, still.outlines, clear, strict=True)
        for box, kind, where, alone in rows:
            if where is None or not alone or box[3] - box[1] < 14:
                continue
            if still.source == "carla-dashcam" and kind == VEHICLE and rng.random() < 0.6:
                continue
            self._add_sprite(still.source, still.camera, sprite(luma, where, aspect), int(kind))

    def _add_sprite(
        self, source: str, camera: str, cut: tuple[Picture, Picture] | None, kind: int
    ) -> None:
        if cut is None or self._known(camera, kind, *cut):
            return
        self._sprites[camera].append((*cut, kind))
        self._count["sprites", source, kind] += 1

    def _known(self, camera: str, kind: int, luma: Picture, alpha: Picture) -> bool:
        """Whether the camera has this road user already: one who stands is cut out once."""
        seen = (luma.astype(np.float32) * alpha / 255).astype(np.float32)
        thumb = np.asarray(cv2.resize(seen, (12, 12), interpolation=cv2.INTER_AREA), np.float32)
        for other, height in self._thumbs[camera, kind]:
            alike = 0.8 < height / luma.shape[0] < 1.25
            if alike and float(np.abs(other - thumb).mean()) < 9:
                return True
        self._thumbs[camera, kind].append((thumb, luma.shape[0]))
        return False

    def _stage(
        self, still: Still, scene: Scene, variants: int, rng: np.random.Generator, mark: str = ""
    ) -> Picture:
        key = _key(still, scene, mark)
        for variant in range(variants):
            shot = stage(scene, rng, strength=variant * 0.7)
            if shot is not None:
                self._add_shot(still.source, key, shot)
        street = emptied(scene, rng)
        self._streets[key].append((street, scene.ignore))
        return street

    def _add_shot(self, source: str, key: str, shot: Shot) -> None:
        self._shots[key].append(shot)
        self._count["pictures", source, 0] += 1
        for kind in shot.kinds:
            self._count["frames", source, int(kind)] += 1

    def cut_clips(self, every: int = 8) -> None:
        """The street-camera clips: drawn tracks of vehicles, and the teacher for the others."""
        for path in sorted((self._data / "train/clips/tfl-jamcam").glob("*.mp4")):
            camera = "tfl-" + path.stem.split(".")[-1]
            table = path.with_suffix(".tracks.csv")
            numbers, lumas, pictures = zip(*read_clip(path, every), strict=True)
            found = [self._teacher.look(picture, 1.9, 0.2) for picture in pictures]
            lasting = steady(found)
            drawn = _tracks(table, numbers) if table.exists() else None
            labels: list[tuple[Floats, npt.NDArray[np.int8]]] = []
            movers: list[Floats] = []
            for index in range(len(numbers)):
                boxes, kinds, scores = found[index]
                sure = lasting[index] & (scores >= 0.35)
                if drawn is not None:
                    hand, hand_kinds, parked = drawn[index]
                    inside = overlap(boxes, hand).max(axis=1, initial=0) > 0.5 * areas(boxes)
                    sure &= (kinds < CAR) & ~inside
                    boxes = np.concatenate([hand, boxes[sure]])
                    kinds = np.concatenate([hand_kinds, kinds[sure]])
                    movers.append(np.concatenate([hand[~parked], boxes[len(hand) :]]))
                else:
                    boxes, kinds = boxes[sure], kinds[sure]
                    movers.append(boxes)
                labels.append((boxes, kinds))
            street = median_street(list(lumas), movers)
            clip = zlib.crc32(path.stem.encode()) % 1000
            key = f"{camera}-clip{clip:03d}-{street.shape[1]}x{street.shape[0]}"
            none = np.zeros((0, 4), np.float32)
            for now, (boxes, kinds) in zip(lumas, labels, strict=True):
                self._add_shot("tfl-jamcam clips", key, shoot(now, street, boxes, kinds, none))
            for index in range(0, len(numbers), 3):
                now, (boxes, kinds) = lumas[index], labels[index]
                alone = unobstructed(boxes, now.shape)
                changed = differs(now, street)
                for box, kind, clear in zip(boxes, kinds, alone, strict=True):
                    tall = box[3] - box[1]
                    if not clear or tall < 14 or changed[box_slice(box, now.shape)].mean() < 0.3:
                        continue
                    where = difference_outline(now, street, box, int(kind) == PEDESTRIAN)
                    if where is not None:
                        self._add_sprite("tfl-jamcam clips", camera, sprite(now, where), int(kind))
            self._streets[key].append((street, none))

    def cut_indoor(self, every: int = 9) -> None:
        """People one at a time indoors: nearly perfect cut-outs of pedestrians."""
        path = self._data / "video/indoor-people.mp4"
        _, lumas, pictures = zip(*read_clip(path, every), strict=True)
        found = [self._teacher.look(picture, SIDE_PX / 768, 0.3) for picture in pictures]
        free = [luma for luma, (boxes, _, _) in zip(lumas, found, strict=True) if not len(boxes)]
        street = median_street(free, [np.zeros((0, 4), np.float32)] * len(free))
        small_street = pool(street, 2)
        last = street
        key = f"indoor-{small_street.shape[1]}x{small_street.shape[0]}"
        for luma, (boxes, kinds, scores) in zip(lumas, found, strict=True):
            people = boxes[(kinds == PEDESTRIAN) & (scores > 0.5)]
            # The camera closes its iris for dark clothes: compare in the same light.
            gain = float(np.median(luma / np.maximum(street.astype(np.float32), 8)))
            lit = (street * gain).clip(0, 255).astype(np.uint8)
            changed = differs(luma, lit)
            blobs = unexplained(cv2.medianBlur(changed.astype(np.uint8), 7) > 0, people[:0])
            blobs = blobs[areas(blobs) > 1500]
            if not len(blobs) or float(cv2.absdiff(luma, last).mean()) < 2:
                continue
            last = luma
            boxes = np.zeros((0, 4), np.float32)
            for box in people:
                where = difference_outline(luma, lit, box, upright=True)
                if where is None:
                    continue
                ys, xs = np.nonzero(where.mask)
                tight = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], np.float32)
                tight += np.array([where.left, where.top] * 2, np.float32)
                boxes = np.vstack([boxes, tight])
                inside = tight[0] > 4 and tight[2] < luma.shape[1] - 4 and tight[1] > 4
                if inside and tight[3] < luma.shape[0] - 4 and len(people) == 1:
                    self._add_sprite("indoor-people", "indoor", sprite(luma, where), PEDESTRIAN)
            kinds = np.full(len(boxes), PEDESTRIAN, np.int8)
            none = np.zeros((0, 4), np.float32)
            shot = shoot(pool(luma, 2), pool(lit, 2), boxes / 2, kinds, none)
            self._add_shot("indoor-people", key, shot)
        self._streets[key].append((small_street, np.zeros((0, 4), np.float32)))

    def cut_checkpoints(self) -> None:
        """Views seen at many hours: medians of like pictures are streets, the teacher labels."""
        folder = self._data / "train/unlabelled/sg-lta-checkpoints"
        by_camera: dict[str, list[Path]] = defaultdict(list)
        for path in sorted(folder.glob("*.jpg")):
            by_camera["sg-" + path.name[:4]].append(path)
        for camera, paths in by_camera.items():
            pictures = [read_picture(path) for path in paths]
            lumas = [pool(grey(p), 2) for p in pictures]
            found = [self._teacher.look(picture, 1.9, 0.25) for picture in pictures]
            key = f"{camera}-hours-{lumas[0].shape[1]}x{lumas[0].shape[0]}"
            for one, now in enumerate(lumas):
                street = _like_street(lumas, [boxes / 2 for boxes, _, _ in found], one)
                if street is None:
                    continue
                boxes, kinds, scores = found[one]
                sure = scores >= 0.4
                none = np.zeros((0, 4), np.float32)
                shot = shoot(now, street, boxes[sure] / 2, kinds[sure], none)
                self._streets[key].append((street, none))
                away = np.zeros(now.shape, np.bool_)
                for box in shot.ignore:
                    away[box_slice(box, now.shape)] = True
                if len(shot.boxes) and away.mean() < 0.45:
                    self._add_shot("sg-lta-checkpoints", key, shot)

    def save(self) -> None:
        """Writes all files, held-back cameras apart."""
        for key, shots in self._shots.items():
            indexed = [np.full(len(s.boxes), i) for i, s in enumerate(shots)]
            boxes = np.concatenate(
                [np.column_stack([i, s.boxes]) for i, s in zip(indexed, shots, strict=True)]
            )
            ignore = np.concatenate(
                [
                    np.column_stack([np.full(len(s.ignore), i), s.ignore])
                    for i, s in enumerate(shots)
                ]
            )
            Frames(
                np.stack([s.now for s in shots]),
                np.stack([s.background for s in shots]),
                boxes.astype(np.float32),
                np.concatenate([s.kinds for s in shots]),
                ignore.astype(np.float32),
            ).save(self._folder(key, "frames") / f"{key}.npz")
        for camera, cuts in self._sprites.items():
            Sprites.of(cuts).save(self._folder(camera, "sprites") / f"{camera}.npz")
        for key, streets in self._streets.items():
            ignore = np.concatenate(
                [np.column_stack([np.full(len(g), i), g]) for i, (_, g) in enumerate(streets)]
            )
            Streets(np.stack([s for s, _ in streets]), ignore.astype(np.float32)).save(
                self._folder(key, "streets") / f"{key}.npz"
            )

    def _folder(self, key: str, what: str) -> Path:
        held = "-".join(key.split("-")[:2]) in self._held
        return self._out / "held" / what if held else self._out / what

    def table(self) -> str:
        """Counts by source and kind, for the model card."""
        lines = []
        for what in ("frames", "sprites"):
            lines += [
                "",
                f"| {what} | pictures | " + " | ".join(KINDS) + " |",
                "|---" * (2 + len(KINDS)) + "|",
            ]
            for source in sorted({source for w, source, _ in self._count if w == what}):
                pictures = self._count["pictures", source, 0] if what == "frames" else ""
                counts = [self._count[what, source, kind] for kind in range(len(KINDS))]
                lines.append(f"| {source} | {pictures} | " + " | ".join(map(str, counts)) + " |")
        return "\n".join(lines)


def _key(still: Still, scene: Scene, mark: str = "") -> str:
    """Name of the file for a camera's pictures of one size."""
    return f"{still.camera}-{mark}{scene.luma.shape[1]}x{scene.luma.shape[0]}"


def _likeness(here: Picture, there: Picture) -> tuple[float, float]:
    """Gain that brings `there` to the light of `here`, and how many grey levels still differ."""
    one, other = (cv2.GaussianBlur(p, (0, 0), 4).astype(np.float32) for p in (here, there))
    gain = float(np.median(one / np.maximum(other, 4)))
    cost = float(np.median(np.abs(one - other * gain)))
    return gain, cost + 20 * abs(float(np.log(max(gain, 1e-3))))


def _tracks(
    table: Path, numbers: tuple[int, ...]
) -> list[tuple[Floats, npt.NDArray[np.int8], Mask]]:
    """Boxes, kinds and whether parked, of each frame asked for."""
    by_frame: dict[int, list[list[str]]] = defaultdict(list)
    for line in table.read_text().split("\n")[1:]:
        words = line.split(",")
        if len(words) == 11 and words[7] not in ("1", "true"):
            by_frame[int(words[0])].append(words)
    out = []
    for number in numbers:
        rows = by_frame[number]
        boxes = np.array([[float(w) for w in row[3:7]] for row in rows], np.float32)
        kinds = np.array([int(row[2]) for row in rows], np.int8)
        parked = np.array([row[9] == "true" for row in rows], np.bool_)
        out.append((boxes.reshape(-1, 4), kinds, parked))
    return out


def _like_street(lumas: list[Picture], movers: list[Floats], one: int) -> Picture | None:
    """Median of pictures in the light of picture `one`, without it; None: too few are alike."""
    costs = []
    for other, luma in enumerate(lumas):
        gain, cost = _likeness(lumas[one], luma)
        if other != one:
            costs.append((cost, other, gain))
    best = [row for row in sorted(costs) if row[0] < 7][:9]
    if len(best) < 4:
        return None
    alike = [(lumas[i] * gain).clip(0, 255).astype(np.uint8) for _, i, gain in best]
    return median_street(alike, [movers[i] for _, i, _ in best])


def main() -> None:
    """Cuts everything and prints what there is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    shop = Workshop(arguments.data, arguments.out, arguments.seed)
    shop.hold_back_singapore()
    for step in (shop.cut_indoor, shop.cut_clips, shop.cut_checkpoints):
        step()
        print(step.__name__, flush=True)
    for source in SOURCES:
        shop.cut_stills(source, variants=2)
        print(source, flush=True)
    shop.save()
    print(shop.table())


if __name__ == "__main__":
    main()
