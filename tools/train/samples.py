"""Samples: what the net learns from, composed anew each time from frames, streets and cut-outs.

How this works. Two kinds of sample take turns. Either a piece of a real (or rendered) frame with
its empty street; or a piece of an empty street into which road users are put: some into both
pictures (parked: not to be found), some into the empty street only (they were there when it was
learnt and have left, or are just leaving: not to be found where they were), most into the picture
only. Then light, weather, noise, coding and the camera's shaking come over both, as they would.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[Any]  # float32; OpenCV does not tell
Rows = npt.NDArray[Any]  # float32, a box a row

WIDTH, HEIGHT = 256, 160
BOXES_MAX = 40
UNSPECIFIED, UNKNOWN = 7, 8  # a vehicle of some type; a road user of some kind

HEIGHT_M = (1.72, 1.75, 1.6, 1.5, 2.2, 3.1, 3.3, 1.6, 1.7)
KIND_SHARES = (0.2, 0.22, 0.12, 0.22, 0.08, 0.08, 0.08)


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """A road user cut out: brightness, how much it covers, what its shadow leaves of the light."""

    luma: npt.NDArray[np.uint8]
    alpha: npt.NDArray[np.uint8]
    shade: npt.NDArray[np.uint8] | None
    kind: int


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A frame with its empty street, who differs from it, and where nothing is known."""

    now: npt.NDArray[np.uint8]
    street: npt.NDArray[np.uint8]
    boxes: Rows  # (M, 4)
    kinds: npt.NDArray[np.int8]
    ignore: Rows  # (K, 4)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Planes (2, HEIGHT, WIDTH) float32 0..255, boxes (M, 4), kinds (M,), and where to look away
    (HEIGHT, WIDTH)."""

    planes: Plane
    boxes: Rows
    kinds: npt.NDArray[np.int8]
    ignore: npt.NDArray[np.bool_]


@dataclass
class Stock:
    """All that samples are made of."""

    scenes: dict[str, list[Scene]] = field(default_factory=dict)  # by camera
    streets: dict[str, list[tuple[npt.NDArray[np.uint8], Rows]]] = field(default_factory=dict)
    sprites: dict[int, dict[str, list[Sprite]]] = field(default_factory=dict)  # by kind, camera

    @classmethod
    def read(cls, folder: Path) -> "Stock":
        """Everything under `folder`/frames, streets and sprites."""
        stock = cls()
        for path in sorted((folder / "frames").glob("*.npz")):
            with np.load(path) as file:
                stock.scenes.setdefault(path.stem, []).extend(_scenes(dict(file)))
        for path in sorted((folder / "streets").glob("*.npz")):
            with np.load(path) as file:
                streets, ignore = file["street"], file["ignore"]
                stock.streets.setdefault(path.stem, []).extend(
                    (streets[k], ignore[ignore[:, 0] == k, 1:]) for k in range(len(streets))
                )
        for path in sorted((folder / "sprites").glob("*.npz")):
            with np.load(path) as file:
                for sprite in _sprites(dict(file)):
                    of_kind = stock.sprites.setdefault(sprite.kind, {})
                    of_kind.setdefault(path.stem, []).append(sprite)
        for camera, scenes in stock.scenes.items():
            if camera.startswith("render"):
                for scene in scenes[::4]:
                    stock.streets.setdefault(camera, []).append((scene.street, np.zeros((0, 4))))
        return stock


def _scenes(file: dict[str, npt.NDArray[Any]]) -> list[Scene]:
    now, street = file["now"], file["background"]
    boxes, kinds, ignore = file["boxes"], file["kinds"], file["ignore"]
    return [
        Scene(
            now[k],
            street[k if len(street) == len(now) else 0],
            boxes[boxes[:, 0] == k, 1:5].astype(np.float32),
            kinds[boxes[:, 0] == k],
            ignore[ignore[:, 0] == k, 1:5].astype(np.float32),
        )
        for k in range(len(now))
    ]


def _sprites(file: dict[str, npt.NDArray[Any]]) -> list[Sprite]:
    found = []
    for (high, wide), offset, kind in zip(
        file["shapes"].tolist(), file["offsets"].tolist(), file["kinds"].tolist(), strict=True
    ):
        part = slice(offset, offset + high * wide)
        shade = file["shade"][part].reshape(high, wide) if "shade" in file else None
        luma = file["luma"][part].reshape(high, wide)
        alpha = file["alpha"][part].reshape(high, wide)
        found.append(Sprite(luma, alpha, shade, kind))
    return found


class Composer:
    """Makes samples out of a stock, reproducibly from a seed."""

    def __init__(self, stock: Stock, seed: int) -> None:
        self._stock = stock
        self._dice = np.random.default_rng(seed)
        # Real views count more than rendered ones: they are what the net is for.
        self._scenes = _weighted(stock.scenes, 0.3)
        self._streets = _weighted(stock.streets, 0.25)
        self._sprites = {kind: _weighted(of, 0.55) for kind, of in stock.sprites.items()}

    def sample(self) -> Sample:
        """The next one."""
        dice = self._dice
        if self._scenes[0] and dice.random() < 0.45:
            scene = _pick(dice, self._stock.scenes, self._scenes)
            canvas = _Canvas.of_scene(dice, scene)
            extra = int(dice.integers(0, 4)) if dice.random() < 0.35 else 0
        else:
            street, ignore = _pick(dice, self._stock.streets, self._streets)
            canvas = _Canvas.of_street(dice, street, ignore)
            extra = int(dice.choice(10, p=_HOW_MANY))
        self._populate(canvas, extra)
        return canvas.finish()

    def _populate(self, canvas: "_Canvas", count: int) -> None:
        dice = self._dice
        ppm = float(np.exp(dice.uniform(np.log(4.0), np.log(36.0))))  # px a metre, mid picture
        slope = float(dice.uniform(0.0, 1.4))  # nearer is larger
        if dice.random() < 0.5:
            for _ in range(int(dice.integers(1, 4))):
                canvas.put(self._sprite(), *self._place(ppm, slope), where="both")
        if dice.random() < 0.15:
            canvas.put(self._sprite(), *self._place(ppm, slope), where="street")
        if dice.random() < 0.12:
            canvas.leave(self._sprite(), *self._place(ppm, slope))
        wanted: list[tuple[Sprite, float, float, float]] = []
        anchor: tuple[float, float] | None = None
        for _ in range(count):
            x, y, scale = self._place(ppm, slope)
            if anchor is not None and dice.random() < 0.45:  # close to the one before
                x = anchor[0] + float(dice.normal(0, 2.2)) * scale
                y = float(np.clip(anchor[1] + dice.normal(0, 1.0) * scale, 4, HEIGHT + 20))
            anchor = (x, y)
            wanted.append((self._sprite(), x, y, scale))
        for sprite, x, y, scale in sorted(wanted, key=lambda one: one[2]):
            canvas.put(sprite, x, y, scale, where="now")

    def _place(self, ppm: float, slope: float) -> tuple[float, float, float]:
        dice = self._dice
        x, y = float(dice.uniform(-8, WIDTH + 8)), float(dice.uniform(16, HEIGHT + 16))
        return x, y, max(2.5, ppm * (1 + slope * (y / HEIGHT - 0.5)))

    def _sprite(self) -> Sprite:
        dice = self._dice
        kinds = [k for k in range(7) if k in self._sprites]
        shares = np.array([KIND_SHARES[k] for k in kinds])
        kind = int(dice.choice(kinds, p=shares / shares.sum()))
        if kind == 3 and UNSPECIFIED in self._sprites and dice.random() < 0.1:
            kind = UNSPECIFIED
        return _pick(dice, self._stock.sprites[kind], self._sprites[kind])


_HOW_MANY = (0.14, 0.18, 0.16, 0.14, 0.12, 0.1, 0.07, 0.05, 0.03, 0.01)


@dataclass(frozen=True, slots=True, eq=False)
class _Posed:
    """A road user as it will be drawn; `body` is left, top, right, bottom of what covers the
    street, `solid_px` how many pixels it covers."""

    luma: Plane
    alpha: Plane
    shade: Plane | None
    kind: int
    body: tuple[float, float, float, float]
    solid_px: int


class _Canvas:
    """Both pictures of a sample while it is composed."""

    def __init__(
        self, dice: np.random.Generator, now: Plane, street: Plane, ignore: npt.NDArray[np.bool_]
    ) -> None:
        self._dice = dice
        self._now, self._street, self._ignore = now, street, ignore
        self._owner = np.zeros((HEIGHT, WIDTH), np.int16)  # who is seen where; 0 nobody
        self._boxes: list[tuple[float, float, float, float]] = []
        self._kinds: list[int] = []
        self._areas: list[float] = []  # 0: of a frame, not put here
        self._night = 1.0
        self._soft = float(dice.uniform(0.3, 1.0)) if dice.random() < 0.5 else 0.0
        self._sun = float(dice.uniform(0.5, 0.95))
        self._sun_x = float(dice.uniform(-1.2, 1.2))
        self._shadows = dice.random() < 0.6

    @classmethod
    def of_scene(cls, dice: np.random.Generator, scene: Scene) -> "_Canvas":
        high, wide = scene.now.shape
        scale = float(np.exp(dice.uniform(np.log(0.6), np.log(1.7))))
        centre = None
        if len(scene.boxes) and dice.random() < 0.75:
            centre = scene.boxes[int(dice.integers(len(scene.boxes)))]
        matrix, flip = _window(dice, wide, high, scale, centre)
        now, street = _warp(scene.now, matrix), _warp(scene.street, matrix)
        outside = _warp(np.full((high, wide), 255, np.uint8), matrix, 0) < 250
        ignore = _filled(_moved(scene.ignore, matrix, flip)) | outside
        canvas = cls(dice, now, street, ignore)
        whole = _moved(scene.boxes, matrix, flip)
        for box, kind in zip(whole, scene.kinds.tolist(), strict=True):
            cut = np.clip(box, 0, (WIDTH, HEIGHT, WIDTH, HEIGHT))
            area = max(0.0, cut[2] - cut[0]) * max(0.0, cut[3] - cut[1])
            full = (box[2] - box[0]) * (box[3] - box[1])
            if area <= 0.0:
                continue
            if area < 0.35 * full or min(cut[2] - cut[0], cut[3] - cut[1]) < 3.0:
                canvas._ignore |= _filled(cut[None])
                continue
            canvas._boxes.append(tuple(float(v) for v in cut))  # type: ignore[arg-type]
            canvas._kinds.append(kind)
            canvas._areas.append(0.0)
        return canvas

    @classmethod
    def of_street(
        cls, dice: np.random.Generator, street: npt.NDArray[np.uint8], ignore: Rows
    ) -> "_Canvas":
        high, wide = street.shape
        scale = float(np.exp(dice.uniform(np.log(0.6), np.log(2.2))))
        matrix, flip = _window(dice, wide, high, scale, None)
        plane = _warp(street, matrix)
        if dice.random() < 0.12:
            plane = _rough(dice, plane)
        return cls(dice, plane.copy(), plane, _filled(_moved(ignore, matrix, flip)))

    def put(self, sprite: Sprite, x: float, y: float, scale: float, where: str) -> None:
        """Puts somebody whose foot is at (x, y), `scale` px a metre."""
        self._lay(self._posed(sprite, scale), x, y, where)

    def leave(self, sprite: Sprite, x: float, y: float, scale: float) -> None:
        """Puts somebody who stood at (x, y) when the street was learnt: it is gone, or close by on
        its way; the street behind it may be known in part already."""
        dice = self._dice
        posed = self._posed(sprite, scale)
        body = posed.body
        learnt = self._learnt(*posed.alpha.shape) if dice.random() < 0.6 else None
        if learnt is None or dice.random() < 0.8:
            self._lay(posed, x, y, "street", learnt)
        if dice.random() < 0.7:
            far = float(dice.uniform(0.08, 1.3)) * (-1 if dice.random() < 0.5 else 1)
            down = float(dice.normal(0.0, 0.25)) * (body[3] - body[1])
            self._lay(posed, x + far * (body[2] - body[0]), y + down, "now")

    def _learnt(self, high: int, wide: int) -> Plane:
        """What is left of somebody of whom the street has forgotten a part: 0..1, (high, wide)."""
        dice = self._dice
        if dice.random() < 0.5:  # from one side on, as it drove away
            along: Plane = np.linspace(0.0, 1.0, wide, dtype=np.float32)[None].repeat(high, 0)
            along = along if dice.random() < 0.5 else 1 - along
        else:  # piece by piece
            along = dice.random((int(dice.integers(2, 5)), int(dice.integers(2, 6))), np.float32)
            along = cv2.resize(along, (wide, high), interpolation=cv2.INTER_CUBIC)
        sharp = float(np.exp(dice.uniform(np.log(3.0), np.log(40.0))))
        left: Plane = np.clip((along - float(dice.uniform(0.2, 0.8))) * sharp + 0.5, 0, 1)
        return left

    def _posed(self, sprite: Sprite, scale: float) -> _Posed:
        """Somebody as large as `scale` px a metre make it, in some light and look."""
        dice = self._dice
        high, wide = sprite.alpha.shape
        body = _body(sprite.alpha)
        seen_px = HEIGHT_M[sprite.kind] * scale * float(dice.uniform(0.85, 1.5))
        body_high, body_wide = body[3] - body[1], body[2] - body[0]
        times = min(
            seen_px / body_high, 110.0 / body_high, 170.0 / body_wide, 400.0 / max(high, wide)
        )
        size = (max(3, round(wide * times)), max(3, round(high * times)))
        how = cv2.INTER_AREA if times < 1 else cv2.INTER_LINEAR
        whole = cv2.resize(sprite.alpha, size, interpolation=how)
        alpha: Plane = whole.astype(np.float32) / 255
        luma: Plane = cv2.resize(sprite.luma, size, interpolation=how).astype(np.float32)
        shade: Plane | None = None
        if sprite.shade is not None:
            shade = cv2.resize(sprite.shade, size, interpolation=how).astype(np.float32) / 255
        if dice.random() < 0.5:
            body = (wide - body[2], body[1], wide - body[0], body[3])
            alpha, luma = alpha[:, ::-1], luma[:, ::-1]
            shade = None if shade is None else shade[:, ::-1]
        middle = float(luma[alpha > 0.5].mean()) if (alpha > 0.5).any() else 128.0
        luma = (luma - middle) * float(dice.uniform(0.6, 1.4)) + middle
        luma = luma * float(dice.uniform(0.7, 1.3)) + float(dice.uniform(-25, 25))
        if dice.random() < 0.12:
            luma = 255 - luma
        if self._soft > 0.0:
            luma = cv2.GaussianBlur(luma, (0, 0), self._soft)
            alpha = cv2.GaussianBlur(alpha, (0, 0), 0.7 * self._soft)
        sides = (body[0] * times, body[1] * times, body[2] * times, body[3] * times)
        return _Posed(luma, alpha, shade, sprite.kind, sides, int((whole > 102).sum()))

    def _lay(
        self, posed: _Posed, x: float, y: float, where: str, left: Plane | None = None
    ) -> None:
        """Draws somebody whose foot is at (x, y), of whom a share `left` is to be seen."""
        alpha, luma, body = posed.alpha, posed.luma, posed.body
        size = (alpha.shape[1], alpha.shape[0])
        from_x, from_y = round(x - (body[0] + body[2]) / 2), round(y - body[3])
        ys, xs, part = _overlap(from_x, from_y, size)
        if part is None:
            return
        alpha, luma = alpha[part], np.clip(luma[part], 0, 255)
        if left is not None:
            alpha = alpha * left[part]
        planes = {"now": [self._now], "street": [self._street], "both": [self._now, self._street]}
        if self._shadows and left is None:
            cast = posed.shade[part] if posed.shade is not None else None
            self._shadow(planes[where], ys, xs, alpha, cast, size)
        before = self._now[ys, xs].copy()
        for plane in planes[where]:
            plane[ys, xs] += alpha * (luma - plane[ys, xs])
        if where == "both":
            self._owner[ys, xs][alpha > 0.5] = 0
            return
        if where == "street":
            return
        solid = alpha > 0.4  # thin parts, such as wheels, cover little of a small pixel
        if not solid.any():
            return
        sides = np.clip(
            np.array(body) + np.array((from_x, from_y, from_x, from_y)),
            0,
            (WIDTH, HEIGHT, WIDTH, HEIGHT),
        )
        box = (float(sides[0]), float(sides[1]), float(sides[2]), float(sides[3]))
        shown = solid.sum() / max(1, posed.solid_px)
        now = self._now[ys, xs]
        differs = min(
            float(np.abs(now - before)[solid].mean()),
            float(np.abs(now - self._street[ys, xs])[solid].mean()),
        )
        if shown < 0.35 or differs < 5.0 or min(box[2] - box[0], box[3] - box[1]) < 3.0:
            self._ignore |= _filled(np.array([box]))
            return
        self._boxes.append(box)
        self._kinds.append(posed.kind)
        self._areas.append(float(solid.sum()))
        self._owner[ys, xs][solid] = len(self._boxes)

    def _shadow(
        self,
        planes: Sequence[Plane],
        ys: slice,
        xs: slice,
        alpha: Plane,
        cast: Plane | None,
        size: tuple[int, int],
    ) -> None:
        """The light that is left of the street: as drawn with the sprite, or its outline, laid
        over to where the sun is not."""
        if cast is not None:
            for plane in planes:
                plane[ys, xs] *= cast
            return
        flat = max(2, round(0.45 * alpha.shape[0]))
        laid = cv2.resize(alpha, (alpha.shape[1], flat), interpolation=cv2.INTER_AREA)
        dx = round(self._sun_x * 0.3 * size[0])
        laid_y, laid_x, part = _overlap(
            xs.start + dx, ys.stop - flat + max(1, flat // 4), (alpha.shape[1], flat)
        )
        if part is None:
            return
        dark = 1 - (1 - self._sun) * cv2.GaussianBlur(laid, (0, 0), 1.0)[part]
        for plane in planes:
            plane[laid_y, laid_x] *= dark

    def finish(self) -> Sample:
        """The sample: who is still to be seen, and both pictures as a camera would give them."""
        boxes, kinds = [], []
        for number, (box, kind, area) in enumerate(
            zip(self._boxes, self._kinds, self._areas, strict=True), start=1
        ):
            if area > 0.0:
                mine = self._owner == number
                left = float(mine.sum())
                if left < 0.3 * area or left < 9:
                    self._ignore |= _filled(np.array([box])) & mine
                    continue
                if left < 0.85 * area:
                    rows, columns = np.flatnonzero(mine.any(1)), np.flatnonzero(mine.any(0))
                    box = (
                        float(columns[0]),
                        float(rows[0]),
                        float(columns[-1] + 1),
                        float(rows[-1] + 1),
                    )
            elif self._covered(box) > 0.6:  # of a frame, behind somebody put before it
                self._ignore |= _filled(np.array([box]))
                continue
            boxes.append(box)
            kinds.append(kind)
        told = np.array(boxes[:BOXES_MAX], np.float32).reshape(-1, 4)
        now, street = weather(self._dice, self._now, self._street, told)
        return Sample(
            np.stack([now, street]),
            told,
            np.array(kinds[:BOXES_MAX], np.int8),
            self._ignore,
        )

    def _covered(self, box: tuple[float, float, float, float]) -> float:
        part = self._owner[int(box[1]) : int(box[3]) + 1, int(box[0]) : int(box[2]) + 1]
        return float((part > 0).mean()) if part.size else 0.0


def weather(
    dice: np.random.Generator, now: Plane, street: Plane, boxes: Rows
) -> tuple[Plane, Plane]:
    """Both pictures under the same camera: light, weather, sharpness, noise, coding, shaking.

    `boxes` (M, 4) are of the road users, who may have lamps."""
    if dice.random() < 0.15:  # dusk and night, with lamps that blind and light the road
        dark = float(np.exp(dice.uniform(np.log(0.12), np.log(0.7))))
        lit = street.copy()
        now, street = now * dark, street * dark
        for _ in range(int(dice.integers(0, 5))):
            _glare(dice, now)
        if dice.random() < 0.6:
            _headlights(dice, now, lit, boxes)
    if dice.random() < 0.1:
        now, street = _lamps(dice, now, street)
    if dice.random() < 0.12:
        _cloud(dice, now if dice.random() < 0.7 else street)
    if dice.random() < 0.08:
        _rain(dice, now)
    if dice.random() < 0.09:
        now = _snow(dice, now)
    if dice.random() < 0.12:
        _dapple(dice, now)
    if dice.random() < 0.35:
        street = _sway(dice, street)
    gain = float(np.exp(dice.uniform(np.log(0.35), np.log(1.5))))  # haze has little contrast
    lift = float(dice.uniform(-30, 30)) + 110 * max(0.0, 0.8 - gain)
    now, street = now * gain + lift, street * gain + lift
    if dice.random() < 0.4:  # the light's last change is not yet in the street
        now = now * float(dice.normal(1.0, 0.025)) + float(dice.normal(0.0, 1.5))
    if dice.random() < 0.4:
        sigma = float(dice.uniform(0.3, 1.2))
        now, street = cv2.GaussianBlur(now, (0, 0), sigma), cv2.GaussianBlur(street, (0, 0), sigma)
    if dice.random() < 0.3:  # a street that was learnt while the camera trembled
        street = cv2.GaussianBlur(street, (0, 0), float(dice.uniform(0.3, 0.9)))
    if dice.random() < 0.42:
        street = _shaken(dice, street)
    sigma = float(dice.choice((0.5, 1.5, 3.0, 6.0), p=(0.35, 0.35, 0.2, 0.1)))
    noise = dice.standard_normal((2, HEIGHT, WIDTH), dtype=np.float32)
    now = now + sigma * noise[0]
    street = street + float(dice.uniform(0.1, 0.5)) * noise[1]
    now, street = np.clip(now, 0, 255), np.clip(street, 0, 255)
    if dice.random() < 0.14:
        now = _coarse(dice, now)
        if dice.random() < 0.5:
            street = _coarse(dice, street)
    elif dice.random() < 0.25:
        quality = int(dice.integers(18, 60))
        now = _coded(now, quality)
    return now.astype(np.float32), street.astype(np.float32)


def _coded(plane: Plane, quality: int) -> Plane:
    _, data = cv2.imencode(
        ".jpg", np.clip(plane, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.float32)


def _coarse(dice: np.random.Generator, plane: Plane) -> Plane:
    """What a low bit rate leaves: blocks that are smeared, flat, too bright or not yet moved on.

    Blocks are as large as in a stream that is averaged down by some factor."""
    if dice.random() < 0.7:
        block = int(dice.choice((4, 8, 8, 16)))
        rows, columns = -(-HEIGHT // block), -(-WIDTH // block)

        def chosen(share: float) -> Plane:
            few = (dice.random((rows, columns)) < share).astype(np.float32)
            large = np.kron(few, np.ones((block, block), np.float32))
            return np.asarray(large[:HEIGHT, :WIDTH], np.float32)

        smear = cv2.GaussianBlur(plane, (0, 0), float(dice.uniform(0.8, 4.0)))
        plane = plane + chosen(float(dice.uniform(0.1, 1.0))) * (smear - plane)
        if dice.random() < 0.5:
            size = (columns, rows)
            flat = cv2.resize(
                cv2.resize(plane, size, interpolation=cv2.INTER_AREA),
                (columns * block, rows * block),
                interpolation=cv2.INTER_NEAREST,
            )[:HEIGHT, :WIDTH]
            plane = plane + chosen(float(dice.uniform(0.05, 0.5))) * (flat - plane)
        if dice.random() < 0.5:
            across, down = (int(v) for v in dice.integers(-3, 4, 2))
            moved = np.roll(plane, (down, across), (0, 1))
            plane = plane + chosen(float(dice.uniform(0.02, 0.3))) * (moved - plane)
        step = dice.normal(0, float(dice.uniform(0.0, 6.0)), (rows, columns)).astype(np.float32)
        plane = plane + np.kron(step, np.ones((block, block), np.float32))[:HEIGHT, :WIDTH]
    large = float(dice.choice((1.0, 1.0, 1.5, 2.0)))
    size = (round(WIDTH * large), round(HEIGHT * large))
    coded = _coded(cv2.resize(plane, size), int(dice.integers(3, 20)))
    return np.asarray(cv2.resize(coded, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.float32)


def _shaken(dice: np.random.Generator, street: Plane) -> Plane:
    """The street from where the camera pointed before: by parts of a pixel mostly, by several
    where the shift was misjudged; or judged well, and what came into view is not known."""
    draw = dice.random()
    if draw < 0.3:
        side = int(dice.integers(1, 9))
        reach = cv2.BORDER_REPLICATE
        top, left = int(dice.integers(-side, side + 1)), int(dice.integers(-side, side + 1))
        part = street[max(0, -top) : HEIGHT - max(0, top), max(0, -left) : WIDTH - max(0, left)]
        street = cv2.copyMakeBorder(
            part, max(0, -top), max(0, top), max(0, -left), max(0, left), reach
        )
    spread = 0.5 if draw < 0.75 else float(dice.uniform(0.7, 3.0))
    dx, dy = np.clip(dice.normal(0.0, spread, 2), -6, 6)
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    return np.asarray(
        cv2.warpAffine(
            street, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        ),
        np.float32,
    )


def _rough(dice: np.random.Generator, plane: Plane) -> Plane:
    """Gravel, setts, hedges and house fronts: texture that the streets at hand have little of."""
    noise = dice.standard_normal((HEIGHT, WIDTH), dtype=np.float32)
    sigma = float(np.exp(dice.uniform(np.log(0.6), np.log(3.0))))
    grain = np.asarray(cv2.GaussianBlur(noise, (0, 0), sigma), np.float32)
    grain *= float(dice.uniform(2, 14)) / float(grain.std())
    if dice.random() < 0.5:
        cell = int(dice.integers(3, 9))
        rows, columns = -(-HEIGHT // cell), -(-WIDTH // cell)
        blocks = dice.normal(0, float(dice.uniform(5, 32)), (rows, columns)).astype(np.float32)
        patch = np.kron(blocks, np.ones((cell, cell), np.float32))[:HEIGHT, :WIDTH]
        top, low = np.sort(dice.integers(0, HEIGHT + 1, 2)).tolist()
        left, right = np.sort(dice.integers(-WIDTH, 2 * WIDTH, 2)).clip(0, WIDTH).tolist()
        grain[top:low, left:right] += patch[top:low, left:right]
    return np.asarray(np.clip(plane + grain, 0, 255), np.float32)


def _headlights(dice: np.random.Generator, now: Plane, lit: Plane, boxes: Rows) -> None:
    """Cones of light ahead of road users, some of them outside the picture, and what a wet road
    mirrors of the lamps; `lit` is the street as by day."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    sources: list[tuple[float, float, float, float]] = []  # of the lamp; which way; how large
    for left, top, right, bottom in boxes.tolist():
        if right - left > 8 and dice.random() < 0.6:
            way = -1.0 if dice.random() < 0.5 else 1.0
            x = right if way > 0 else left
            if dice.random() < 0.25:  # from the front
                x = (left + right) / 2
            sources.append((x, top + 0.6 * (bottom - top), way, max(right - left, bottom - top)))
    if dice.random() < 0.4:
        x, y = float(dice.uniform(-30, WIDTH + 30)), float(dice.uniform(20, HEIGHT + 10))
        sources.append((x, y, float(dice.choice((-1.0, 1.0))), float(dice.uniform(12, 80))))
    for x, y, way, size in sources[:6]:
        turn = float(dice.normal(0.0, 0.35))
        if dice.random() < 0.2:  # towards the camera
            turn = float(dice.uniform(0.8, 2.3)) * way
        ahead = ((across - x) * np.cos(turn) + (down - y) * np.sin(turn) * way) * way
        aside = -(across - x) * np.sin(turn) * way + (down - y) * np.cos(turn)
        reach = size * float(dice.uniform(0.4, 2.2))
        wide = size * float(dice.uniform(0.06, 0.25)) + np.maximum(ahead, 0) * float(
            dice.uniform(0.05, 0.3)
        )
        drop = size * float(dice.uniform(0.0, 0.3))
        beam = np.exp(-((ahead / reach) ** 2) - ((aside - drop) / wide) ** 2)
        beam = np.where(ahead > 0, beam, 0).astype(np.float32)
        if dice.random() < 0.5:
            beam = cv2.GaussianBlur(beam, (0, 0), float(dice.uniform(0.5, 3.0)))
        strength = float(dice.uniform(0.15, 0.8))
        now += strength * beam * (lit + float(dice.uniform(0, 70)))
        lamp = max(1.0, size * float(dice.uniform(0.03, 0.1)))
        bright = float(dice.uniform(60, 250))
        spot = np.exp(-((across - x) ** 2 + (down - y) ** 2) / lamp**2)
        now += bright * spot.astype(np.float32)
        if dice.random() < 0.5:  # wet
            long, low = (
                size * float(dice.uniform(0.1, 0.6)),
                y + size * float(dice.uniform(0.2, 0.6)),
            )
            mirror = np.exp(-(((across - x) / lamp) ** 2) - ((down - low) / long) ** 2)
            now += float(dice.uniform(0.1, 0.6)) * bright * mirror.astype(np.float32)


def _lamps(dice: np.random.Generator, now: Plane, street: Plane) -> tuple[Plane, Plane]:
    """Lamps that light a part of the street only, switched on, or off, since it was learnt."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    light = np.zeros((HEIGHT, WIDTH), np.float32)
    for _ in range(int(dice.integers(1, 4))):
        x, y = float(dice.uniform(-40, WIDTH + 40)), float(dice.uniform(-20, HEIGHT + 20))
        wide, high = float(dice.uniform(12, 110)), float(dice.uniform(12, 90))
        far = ((across - x) / wide) ** 2 + ((down - y) / high) ** 2
        power = 1.0 if dice.random() < 0.7 else 4.0  # 4: a window's or cone's edge
        light += np.exp(-(far**power)).astype(np.float32)
    base = float(dice.uniform(0.6, 1.1))
    lit = base + float(dice.uniform(0.15, 1.3)) * light
    if dice.random() < 0.75:
        return now * lit, street
    return now, street * lit


def _snow(dice: np.random.Generator, plane: Plane) -> Plane:
    """Flakes: many small ones far off, a few large ones near the camera that are out of focus,
    all drawn out along their fall while the shutter is open."""
    lean = float(dice.uniform(-50, 50))  # degrees off the vertical
    light = float(dice.uniform(150, 255))
    stretch = float(dice.uniform(1.0, 4.0))
    for count, radius_min, radius_max, soft in (
        (int(dice.integers(10, 240)), 0.4, 1.6, 0.4),
        (int(dice.integers(0, 14)), 1.5, 5.0, float(dice.uniform(0.4, 2.5))),
    ):
        flakes = np.zeros_like(plane)
        for _ in range(count):
            radius = float(dice.uniform(radius_min, radius_max))
            x, y = float(dice.uniform(-4, WIDTH + 4)), float(dice.uniform(-4, HEIGHT + 4))
            cv2.ellipse(
                flakes,
                ((x, y), (2 * radius, 2 * radius * stretch), lean + float(dice.normal(0, 8))),
                float(dice.uniform(0.4, 1.0)),
                cv2.FILLED,
            )
        share = float(dice.uniform(0.3, 0.95)) * cv2.GaussianBlur(flakes, (0, 0), soft)
        plane = plane + share * (light - plane)
    return plane


def _glare(dice: np.random.Generator, plane: Plane) -> None:
    x, y = float(dice.uniform(0, WIDTH)), float(dice.uniform(0, HEIGHT))
    radius, stretch = float(dice.uniform(2, 22)), float(dice.uniform(0.5, 2.5))
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    far = ((across - x) / (radius * stretch)) ** 2 + ((down - y) / radius) ** 2
    plane += float(dice.uniform(20, 200)) * np.exp(-far)


def _cloud(dice: np.random.Generator, plane: Plane) -> None:
    """A shadow's edge, hard or soft, across the picture."""
    angle, offset = float(dice.uniform(0, 2 * np.pi)), float(dice.uniform(-60, 60))
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    along = (across - WIDTH / 2) * np.cos(angle) + (down - HEIGHT / 2) * np.sin(angle) - offset
    soft = float(np.exp(dice.uniform(np.log(0.2), np.log(30))))
    share = 1 / (1 + np.exp(-np.clip(along / soft, -30, 30)))
    plane *= (1 - float(dice.uniform(0.1, 0.5)) * share).astype(np.float32)


def _dapple(dice: np.random.Generator, plane: Plane) -> None:
    """Shadows without their owner: of branches, of somebody outside the picture."""
    shade = np.zeros_like(plane)
    for _ in range(int(dice.integers(1, 12))):
        middle = (int(dice.integers(0, WIDTH)), int(dice.integers(0, HEIGHT)))
        axes = (int(dice.integers(2, 30)), int(dice.integers(2, 14)))
        cv2.ellipse(shade, middle, axes, float(dice.uniform(0, 180)), 0, 360, 1.0, cv2.FILLED)
    plane *= 1 - float(dice.uniform(0.1, 0.5)) * cv2.GaussianBlur(
        shade, (0, 0), float(dice.uniform(0.6, 3.0))
    )


def _sway(dice: np.random.Generator, plane: Plane) -> Plane:
    """Leaves, flags and water are where they were not before: patches move by up to 4 px."""
    coarse = dice.standard_normal((3, 6, 9), dtype=np.float32)
    fine = dice.standard_normal((2, HEIGHT // 8, WIDTH // 8), dtype=np.float32)
    where = cv2.resize(coarse[2], (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    where = np.clip(where - float(dice.uniform(-0.5, 1.0)), 0, 1)
    reach = float(dice.uniform(0.4, 2.2))
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    moves = [
        cv2.resize(one, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
        + 0.6 * cv2.resize(other, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
        for one, other in zip(coarse[:2], fine, strict=True)
    ]
    return cv2.remap(
        plane,
        across + reach * where * moves[0],
        down + reach * where * moves[1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    ).astype(np.float32)


def _rain(dice: np.random.Generator, plane: Plane) -> None:
    lean = float(dice.uniform(-0.3, 0.3))
    streaks = np.zeros_like(plane)
    for _ in range(int(np.exp(dice.uniform(np.log(10), np.log(260))))):
        x, y = int(dice.integers(0, WIDTH)), int(dice.integers(0, HEIGHT))
        long = int(dice.integers(3, 26))
        cv2.line(streaks, (x, y), (x + round(lean * long), y + long), float(dice.uniform(5, 60)), 1)
    plane += cv2.GaussianBlur(streaks, (0, 0), float(dice.uniform(0.3, 0.8)))


def _window(
    dice: np.random.Generator, wide: int, high: int, scale: float, centre: Rows | None
) -> tuple[npt.NDArray[np.float32], bool]:
    """From a picture to the sample: scaled, moved, every second one mirrored."""
    flip = bool(dice.random() < 0.5)
    if centre is not None:
        x, y = (centre[0] + centre[2]) / 2 * scale, (centre[1] + centre[3]) / 2 * scale
        dx = float(dice.uniform(0.15, 0.85)) * WIDTH - x
        dy = float(dice.uniform(0.15, 0.85)) * HEIGHT - y
    else:
        dx = float(dice.uniform(min(0.0, WIDTH - wide * scale), max(0.0, WIDTH - wide * scale)))
        dy = float(dice.uniform(min(0.0, HEIGHT - high * scale), max(0.0, HEIGHT - high * scale)))
    matrix = np.array([[scale, 0, dx], [0, scale, dy]], np.float32)
    if flip:
        matrix[0] = (-scale, 0, WIDTH - dx)
    return matrix, flip


def _warp(
    plane: npt.NDArray[np.uint8], matrix: npt.NDArray[np.float32], fill: int | None = None
) -> Plane:
    if abs(matrix[0, 0]) < 0.75:
        plane = np.asarray(cv2.GaussianBlur(plane, (0, 0), 0.6), np.uint8)
    border = cv2.BORDER_REFLECT_101 if fill is None else cv2.BORDER_CONSTANT
    moved = cv2.warpAffine(
        plane, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=border
    )
    return moved.astype(np.float32)


def _moved(boxes: Rows, matrix: npt.NDArray[np.float32], flip: bool) -> Rows:
    if not len(boxes):
        return np.zeros((0, 4), np.float32)
    x = boxes[:, (0, 2)] * matrix[0, 0] + matrix[0, 2]
    y = boxes[:, (1, 3)] * matrix[1, 1] + matrix[1, 2]
    if flip:
        x = x[:, ::-1]
    return np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], 1).astype(np.float32)


def _filled(boxes: Rows) -> npt.NDArray[np.bool_]:
    plane = np.zeros((HEIGHT, WIDTH), np.bool_)
    for left, top, right, bottom in boxes:
        plane[
            max(0, int(top)) : max(0, int(np.ceil(bottom))),
            max(0, int(left)) : max(0, int(np.ceil(right))),
        ] = True
    return plane


def _overlap(
    left: int, top: int, size: tuple[int, int]
) -> tuple[slice, slice, tuple[slice, slice] | None]:
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(WIDTH, left + size[0]), min(HEIGHT, top + size[1])
    if x1 <= x0 or y1 <= y0:
        return slice(0, 0), slice(0, 0), None
    part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    return slice(y0, y1), slice(x0, x1), part


def _body(alpha: npt.NDArray[np.uint8]) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of what covers the street, without margin and shadow."""
    solid = alpha > 127
    rows, columns = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
    if not len(rows):
        return 0.0, 0.0, float(alpha.shape[1]), float(alpha.shape[0])
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


T = TypeVar("T")
Weights = tuple[list[str], npt.NDArray[np.float64]]


def _weighted(by_camera: Mapping[str, Sequence[object]], rendered: float) -> Weights:
    """How often each camera is taken: rendered ones `rendered` of the time, all together; among
    the rest, a source (the name's first word) by the square root of what it has, and so within."""
    names = sorted(by_camera)
    counts = np.array([len(by_camera[name]) for name in names], np.float64)
    sources = np.array([name.split("-")[0] for name in names])
    weights = np.sqrt(counts)
    for source in set(sources.tolist()):
        mine = sources == source
        weights[mine] *= np.sqrt(counts[mine].sum()) / weights[mine].sum()
    drawn = np.isin(sources, _RENDERED)
    if drawn.any() and not drawn.all():
        weights[drawn] *= rendered / weights[drawn].sum()
        weights[~drawn] *= (1 - rendered) / weights[~drawn].sum()
    return names, weights / weights.sum() if len(names) else weights


_RENDERED = ("render", "carla")


def _pick(dice: np.random.Generator, by_camera: Mapping[str, Sequence[T]], weights: Weights) -> T:
    names, shares = weights
    of_camera = by_camera[names[int(dice.choice(len(names), p=shares))]]
    return of_camera[int(dice.integers(len(of_camera)))]
