"""Renders road users, alone and in street scenes, to train the detector that sees the empty street.

    python -m tools.train.render --out DIR --seed 1 --sprites 3000 --scenes 600

writes DIR/sprites/render-<seed>.npz and DIR/frames/render-<seed>.npz. The same seed gives the same
bytes. What the arrays mean is told at `Sprites` and in `tools/train/streets.py`.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from tools.train.camera import (
    Camera,
    Dice,
    Layer,
    Placed,
    bounds,
    day,
    edgeless,
    film,
    looking,
    night,
    photograph,
)
from tools.train.mesh import Singles
from tools.train.streets import frames
from tools.train.users import KINDS, model

Bytes = npt.NDArray[np.uint8]

SHARES = (0.30, 0.20, 0.12, 0.18, 0.06, 0.07, 0.07)
"""How often each of `KINDS` is drawn."""

_SIDE_PX_MAX = 200


@dataclass(slots=True, eq=False)
class Sprites:
    """Road users alone, one after the other in flat arrays."""

    luma: list[Bytes] = field(default_factory=list)  # each (h, w)
    alpha: list[Bytes] = field(default_factory=list)  # 255 = covers the street
    shade: list[Bytes] = field(default_factory=list)  # times this / 255: the street in its shadow
    kinds: list[int] = field(default_factory=list)  # index in KINDS
    views: list[float] = field(default_factory=list)  # degrees below the horizon it is seen at
    nights: list[bool] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Writes `luma`, `alpha`, `shade` (P,) u8, `shapes` (S, 2) i32, `offsets` (S,) i64,
        `kinds` (S,) i8, `view` (S,) f32 degrees and `night` (S,) bool."""
        shapes = np.array([piece.shape for piece in self.luma], np.int32).reshape(-1, 2)
        areas = shapes[:, 0].astype(np.int64) * shapes[:, 1]
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            path,
            luma=_flat(self.luma),
            alpha=_flat(self.alpha),
            shade=_flat(self.shade),
            shapes=shapes,
            offsets=np.cumsum(areas) - areas,
            kinds=np.array(self.kinds, np.int8),
            view=np.array(self.views, np.float32),
            night=np.array(self.nights, np.bool_),
        )


def _flat(pieces: list[Bytes]) -> Bytes:
    return np.concatenate([piece.ravel() for piece in pieces]) if pieces else np.empty(0, np.uint8)


def sprites(seed: int, count: int, shares: Sequence[float] = SHARES) -> Sprites:
    """`count` road users, each with its own shape, camera and light."""
    result = Sprites()
    order = np.random.default_rng([seed, 0]).permutation(
        np.repeat(np.arange(len(KINDS)), _quota(count, shares))
    )
    for number, kind in enumerate(order):
        dice = np.random.default_rng([seed, 1, number])
        while True:
            drawn = _sprite(int(kind), dice)
            if drawn is not None:
                break
        layer, view_deg, dark = drawn
        result.luma.append(_bytes(_filled(layer)))
        result.alpha.append(_bytes(layer.alpha))
        result.shade.append(_bytes(1 - edgeless(*layer.shade.shape) * (1 - layer.shade)))
        result.kinds.append(int(kind))
        result.views.append(view_deg)
        result.nights.append(dark)
    return result


def _bytes(plane: Singles) -> Bytes:
    return np.rint(np.clip(plane, 0, 1) * 255).astype(np.uint8)


def _filled(layer: Layer) -> Singles:
    """Luma, carried on outwards from the body: enlarging or shrinking leaves no dark fringe."""
    luma = layer.paint / np.maximum(layer.alpha, 1e-3)
    known = layer.alpha > 0.04
    height, width = luma.shape
    for cell_px in (3, 10, 40):
        size = (max(1, width // cell_px), max(1, height // cell_px))
        coarse = [
            cv2.resize(
                cv2.resize(plane, size, interpolation=cv2.INTER_AREA),
                (width, height),
                interpolation=cv2.INTER_LINEAR,
            )
            for plane in (layer.alpha, layer.paint)
        ]
        luma = np.where(known, luma, coarse[1] / np.maximum(coarse[0], 1e-6))
        known = known | (coarse[0] > 0.02)
    return luma.astype(np.float32)


def _quota(count: int, shares: Sequence[float]) -> npt.NDArray[np.int64]:
    """How many of each kind make `count`, by largest remainder."""
    exact = np.array(shares) / sum(shares) * count
    whole: npt.NDArray[np.int64] = np.floor(exact).astype(np.int64)
    rest = count - int(whole.sum())
    whole[np.argsort(whole - exact, kind="stable")[:rest]] += 1
    return whole


def _pitch_deg(dice: Dice) -> float:
    draw = dice.random()
    if draw < 0.2:
        return float(dice.uniform(60, 90))
    if draw < 0.65:
        return float(dice.uniform(5, 28))
    return float(dice.uniform(28, 60))


def _sprite(kind: int, dice: Dice) -> tuple[Layer, float, bool] | None:
    """A road user, its view in degrees and whether it is night; nothing if it does not fit."""
    mesh = model(kind, dice)
    heading = float(dice.uniform(0, 2 * math.pi))
    body = Placed.at(mesh, heading, 0.0, 0.0)
    corners = body.corners.reshape(-1, 3)
    tall = float(corners[:, 2].max())
    reach = float(np.hypot(corners[:, 0], corners[:, 1]).max())
    pitch_deg = _pitch_deg(dice)
    pitch = math.radians(pitch_deg)
    up = max(float(dice.uniform(2.5, 14)), tall * 0.8 + 1.2)
    away = max((up - tall / 2) / math.sin(pitch), reach * 1.6 + tall * 0.6 + 1.0)
    away = min(away, 90.0)
    eye = np.array([-math.cos(pitch) * away, 0.0, tall / 2 + math.sin(pitch) * away])
    aside, below = math.radians(dice.uniform(-22, 22)), math.radians(dice.uniform(-12, 12))
    roll = math.radians(dice.normal(0, 2.5))
    camera = looking(eye, aside, min(pitch + below, math.radians(90)), roll, 1000.0, (0.0, 0.0))
    box = bounds(camera.project(body.corners)[0])
    if box is None:
        return None
    wide, high = box[2] - box[0], box[3] - box[1]
    small = dice.random() < 0.2
    target = math.exp(dice.uniform(math.log(9 if small else 28), math.log(28 if small else 176)))
    scale = target / max(wide, high)
    if high * scale < 6:
        scale = 6 / high
    if max(wide, high) * scale > 184:
        return None
    camera = looking(eye, aside, min(pitch + below, math.radians(90)), roll, 1000.0 * scale, (0, 0))
    dark = bool(dice.random() < 0.11)
    light = night(dice) if dark else day(dice)
    exposed = film(dice, dark)
    travel = float(dice.exponential(0.12)) if kind >= 3 else float(dice.exponential(0.05))
    rect = _frame(body, camera, light.towards_sun, light.sun > 0.25 and not dark)
    times = min(8, max(2, round(260 / max(target, 1))))
    shadow = float(dice.uniform(0.5, 1.0)) if dice.random() < 0.9 else 0.0
    layer = photograph(body, camera, light, exposed, rect, times, dice, travel, shadow)
    if int((layer.alpha > 0.5).sum()) < 10:
        return None
    return layer, pitch_deg, dark


def _frame(
    body: Placed, camera: Camera, sun: tuple[float, float, float], sunny: bool
) -> tuple[int, int, int, int]:
    """The body with a margin, and as much of its shadow as fits."""
    box = bounds(camera.project(body.corners)[0])
    assert box is not None
    margin = 4 + 0.06 * max(box[2] - box[0], box[3] - box[1])
    left, top, right, bottom = box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin
    if sunny:
        cast = body.corners.copy()
        cast[..., :2] -= cast[..., 2:] * (np.array(sun[:2]) / sun[2])
        cast[..., 2] = 0.0
        spread = bounds(camera.project(cast)[0])
        if spread is not None:
            room = 0.6 * max(box[2] - box[0], box[3] - box[1])
            left = min(left, max(spread[0] - 2, box[0] - room))
            right = max(right, min(spread[2] + 2, box[2] + room))
            top = min(top, max(spread[1] - 2, box[1] - 0.3 * room))
            bottom = max(bottom, min(spread[3] + 2, box[3] + room))
    left = max(left, box[2] + 3 - _SIDE_PX_MAX, (box[0] + box[2]) / 2 - _SIDE_PX_MAX / 2 - 40)
    top = max(top, box[3] + 3 - _SIDE_PX_MAX, (box[1] + box[3]) / 2 - _SIDE_PX_MAX / 2 - 40)
    right = min(right, math.floor(left) + _SIDE_PX_MAX)
    bottom = min(bottom, math.floor(top) + _SIDE_PX_MAX)
    return math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sprites", type=int, default=3000)
    parser.add_argument("--scenes", type=int, default=600)
    parser.add_argument("--kind", action="append", choices=KINDS, help="sprites of this kind only")
    given = parser.parse_args()
    cv2.setNumThreads(1)  # many small pictures: threads would wait for each other
    if given.sprites:
        shares = [float(kind in given.kind) for kind in KINDS] if given.kind else SHARES
        sprites(given.seed, given.sprites, shares).save(
            given.out / "sprites" / f"render-{given.seed}.npz"
        )
    if given.scenes:
        frames(given.seed, given.scenes).save(given.out / "frames" / f"render-{given.seed}.npz")


if __name__ == "__main__":
    main()
