"""Scenery: the part of a drawn street that stands still, painted once, with its depth.

How this works: the ground is textured in metres, pixel by pixel, by casting each pixel's ray onto
it; what stands upright is painted over it from far to near. Everything is painted at twice the
size and halved at the end. `Scenery.depth_m` says how far away each upright thing is, so that road
users can pass behind it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from placewatch.simulate.conditions import Light as Light
from placewatch.simulate.conditions import Weather
from placewatch.simulate.materials import (
    ROOFS,
    WALLS,
    Ground,
    Reals,
    Rgb,
    cloud,
    facade,
    material,
    reals,
    sample,
)
from placewatch.simulate.pinhole import Pinhole

Corner = tuple[float, float]
Picture = npt.NDArray[np.uint8]

_TIMES = 2  # painted larger by this, for smooth edges
_NEAR_M = 0.4
SUN = (-0.40, -0.55, 0.73)  # from where it shines, as a direction
_FAR_M = 1e9
LAMP_M = 6.5  # how high a lamp usually hangs


@dataclass(frozen=True, slots=True)
class Surface:
    """A patch of ground. Later ones lie on earlier ones."""

    material: str
    corners: tuple[Corner, ...]


@dataclass(frozen=True, slots=True)
class Paint:
    """A painted marking; `wear` is the share that traffic has rubbed off."""

    corners: tuple[Corner, ...]
    wear: float = 0.25
    colour: Rgb = (226, 224, 217)


@dataclass(frozen=True, slots=True)
class Terrace:
    """A row of houses whose fronts run from `start` to `end`, their street on the right hand."""

    start: Corner
    end: Corner
    seed: int
    height_m: tuple[float, float] = (9.0, 13.0)
    shops: bool = True


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree of `height_m` whose crown is `crown_m` wide."""

    at: Corner
    height_m: float = 7.5
    crown_m: float = 4.6
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Hedge:
    """A low clipped hedge from `start` to `end`."""

    start: Corner
    end: Corner
    height_m: float = 0.7
    width_m: float = 0.9


@dataclass(frozen=True, slots=True)
class Lamp:
    """A street lamp whose arm reaches towards `over`."""

    at: Corner
    over: Corner
    height_m: float = LAMP_M


@dataclass(frozen=True, slots=True)
class Bench:
    """A bench from `start` to `end`."""

    start: Corner
    end: Corner


@dataclass(frozen=True, slots=True)
class Block:
    """A body with flat sides: a band from `start` to `end`, from `low_m` up to `high_m`."""

    start: Corner
    end: Corner
    width_m: float
    low_m: float
    high_m: float
    colour: Rgb


@dataclass(frozen=True, slots=True)
class Post:
    """A pole with a light for `party` of `zone`, whose face looks towards `faces`."""

    at: Corner
    zone: str
    party: str
    faces: Corner
    height_m: float = 3.2


@dataclass(frozen=True, slots=True)
class View:
    """Everything that stands still at a place."""

    surfaces: tuple[Surface, ...]
    paints: tuple[Paint, ...]
    terraces: tuple[Terrace, ...] = ()
    trees: tuple[Tree, ...] = ()
    hedges: tuple[Hedge, ...] = ()
    lamps: tuple[Lamp, ...] = ()
    benches: tuple[Bench, ...] = ()
    posts: tuple[Post, ...] = ()
    blocks: tuple[Block, ...] = ()
    base: str = "grass"
    hills: float = 1.0  # how much of a skyline there is
    sun: tuple[float, float, float] = SUN
    casts: bool = False  # houses and lamps cast shadows, and trees whole ones


@dataclass(frozen=True, slots=True, eq=False)
class Scenery:
    """The painted street: `rgb` (H, W, 3), `depth_m` (H, W) forward distance of upright things.

    `light_at(x_m, y_m)` is how much light (r, g, b) falls on a road user there; 1 is daylight.
    `albedo` (H, W, 3) is what the ground would be under the noon sky, black where none is seen;
    `gloss` (H, W), 0..1, how much of a mirror it is.
    """

    rgb: Picture
    depth_m: Reals
    light_at: Callable[[float, float], tuple[float, float, float]]
    albedo: Picture
    gloss: Reals


_AMBIENT: dict[Light, Rgb] = {
    "day": (1.0, 1.0, 1.0),
    "dusk": (0.36, 0.40, 0.53),
    "night": (0.15, 0.155, 0.18),
}
_CLOUDED: dict[Weather, Rgb] = {
    "clear": (1.0, 1.0, 1.0),
    "overcast": (0.90, 0.91, 0.93),
    "rain": (0.80, 0.82, 0.85),
}
_LAMP: Rgb = (0.62, 0.46, 0.24)
_LAMP_NIGHT: Rgb = (0.66, 0.56, 0.40)
_LAMP_REACH_M = 5.5  # of a lamp of the usual height
_LAMPS_FEW = 8
_UNLIT = 1.7
_SKIES: dict[tuple[Light, bool], tuple[Rgb, Rgb]] = {  # overhead and at the horizon; True: clouded
    ("day", False): ((176, 197, 212), (222, 228, 226)),
    ("day", True): ((168, 174, 180), (208, 211, 212)),
    ("dusk", False): ((64, 78, 112), (214, 158, 128)),
    ("dusk", True): ((66, 74, 92), (138, 130, 132)),
    ("night", False): ((11, 14, 24), (44, 40, 42)),
    ("night", True): ((26, 25, 28), (62, 54, 48)),
}
_CLOUDS: dict[Light, float] = {"day": 16, "dusk": 12, "night": 5}
_WINDOW: dict[Light, float] = {"day": 1.0, "dusk": 1.0, "night": 0.72}
_SKYLINE: dict[Light, Rgb] = {
    "day": (1.0, 1.0, 1.0),
    "dusk": (0.52, 0.5, 0.62),
    "night": (0.13, 0.12, 0.14),
}
_GLOSS = {  # of wet ground
    **dict.fromkeys(("asphalt", "worn", "repair", "gutter"), 1.0),
    **dict.fromkeys(("cycle", "stone", "quay"), 0.7),
    **dict.fromkeys(("pavement", "square", "clinker", "kerb"), 0.55),
}


def paint(view: View, camera: Pinhole, light: Light, weather: Weather = "clear") -> Scenery:
    """`view` as `camera` sees it."""
    return _Painter(view, camera, light, weather).paint()


def box_corners(x0: float, y0: float, x1: float, y1: float) -> tuple[Corner, ...]:
    """The corners of an upright rectangle on the ground."""
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))


@dataclass(eq=False)
class _Painter:
    """One painting in progress, at twice the size."""

    view: View
    small: Pinhole
    light: Light
    weather: Weather
    camera: Pinhole = field(init=False)
    ambient: Rgb = field(init=False)
    gloss: Reals = field(init=False)  # (H, W): how much of a mirror the ground is
    day: Reals = field(init=False)  # (H, W, 3): colours under the noon sky
    gain: Reals = field(init=False)  # (H, W, 3): the light of the hour
    glow: Reals = field(init=False)  # (H, W, 3): what shines by itself
    depth_m: Reals = field(init=False)
    earth: Ground = field(init=False)
    top_px: int = field(init=False)  # the first row of ground

    def __post_init__(self) -> None:
        self.camera = self.small.scaled(_TIMES)
        height, width = self.camera.height_px, self.camera.width_px
        self.day = np.zeros((height, width, 3), np.float32)
        self.gain = np.empty((height, width, 3), np.float32)
        bright, clouded = _AMBIENT[self.light], _CLOUDED[self.weather]
        # Where nothing is lit a camera amplifies what little there is.
        more = _UNLIT if self.light == "night" and not self.view.lamps else 1.0
        red, green, blue = (a * b * more for a, b in zip(bright, clouded, strict=True))
        self.ambient = (red, green, blue)
        self.gain[:] = self.ambient
        self.gloss = np.zeros((height, width), np.float32)
        self.glow = np.zeros((height, width, 3), np.float32)
        self.depth_m = np.full((height, width), _FAR_M, np.float32)
        self.top_px = max(0, math.ceil(self.camera.horizon_px) + 1)

    def paint(self) -> Scenery:
        self._sky()
        self._ground()
        things: list[tuple[float, Callable[[], None]]] = []
        for terrace in self.view.terraces:
            things += self._houses(terrace)
        for tree in self.view.trees:
            things.append((self._forward_m(tree.at), lambda tree=tree: self._tree(tree)))  # type: ignore[misc]
        for hedge in self.view.hedges:
            things += self._hedge(hedge)
        for lamp in self.view.lamps:
            things.append((self._forward_m(lamp.at), lambda lamp=lamp: self._lamp(lamp)))  # type: ignore[misc]
        for bench in self.view.benches:
            things.append((self._forward_m(bench.start), lambda bench=bench: self._bench(bench)))  # type: ignore[misc]
        for block in self.view.blocks:
            middle = tuple((a + b) / 2 for a, b in zip(block.start, block.end, strict=True))
            # What lies on something else is drawn after it.
            far_m = self._forward_m((middle[0], middle[1])) - 0.2 * block.low_m
            things.append((far_m, lambda block=block: self._block(block)))  # type: ignore[misc]
        for post in self.view.posts:
            things.append((self._forward_m(post.at), lambda post=post: self._post(post)))  # type: ignore[misc]
        for _, draw in sorted(things, key=lambda thing: -thing[0]):
            draw()
        return self._finish()

    # Sky and ground

    def _sky(self) -> None:
        rows = min(self.camera.height_px, self.top_px + 8)
        if rows <= 0:
            return
        share = np.linspace(0, 1, rows, dtype=np.float32)[:, None, None]
        high, low = (np.array(colour) for colour in _SKIES[self.light, self.weather != "clear"])
        sky = (high * (1 - share) + low * share).astype(np.float32)
        width = self.camera.width_px
        haze = cv2.resize(cloud(1.7, 3), (width, max(512, rows)))[:rows]
        sky = sky + np.clip(haze, 0, 1)[:, :, None] * _CLOUDS[self.light]
        self.day[:rows] = sky
        self.gain[:rows] = 1.0
        if self.view.hills > 0:
            self._skyline()

    def _skyline(self) -> None:
        """Distant roofs and trees, pale with haze, hiding the horizon."""
        dice = np.random.default_rng(11)
        horizon = self.camera.horizon_px
        width, focal = self.camera.width_px, self.camera.focal_px
        for far_m, tint in (
            (520.0, (188, 198, 200)),
            (330.0, (168, 180, 178)),
            (230.0, (146, 160, 150)),
        ):
            scale = focal / far_m
            x = -20.0
            ground_px = horizon + self.camera.height_m * scale
            while x < width + 20:
                wide = float(dice.uniform(9, 22)) * scale
                tall = float(dice.uniform(4, 13)) * scale * self.view.hills
                colour = tuple(float(c + dice.uniform(-5, 5)) for c in tint)
                dim = _SKYLINE[self.light]
                colour = tuple(c * f for c, f in zip(colour, dim, strict=True))
                top = ground_px - tall
                if dice.random() < 0.45:
                    cv2.ellipse(
                        self.day,
                        (round(x + wide / 2), round(ground_px)),
                        (round(wide * 0.7), round(tall)),
                        0,
                        180,
                        360,
                        colour,
                        -1,
                        cv2.LINE_AA,
                    )
                else:
                    roof = [
                        (x, ground_px),
                        (x, top + tall * 0.3),
                        (x + wide * 0.5, top),
                        (x + wide, top + tall * 0.3),
                        (x + wide, ground_px),
                    ]
                    self._fill(self.day, np.array(roof), colour)
                x += wide * float(dice.uniform(0.6, 1.0))
            self.gain[: max(0, round(ground_px)), :] = 1.0

    def _ground(self) -> None:
        rays = self.camera.rays()[self.top_px :]
        reach = -self.camera.height_m / np.minimum(rays[:, :, 2], -1e-4)
        self.earth = Ground.at(
            reals(self.camera.x_m + rays[:, :, 0] * reach),
            reals(self.camera.y_m + rays[:, :, 1] * reach),
            reals(reach * reach / (self.camera.focal_px * self.camera.height_m)),
        )
        height, width = self.earth.x_m.shape
        self._lay(self.view.base, np.full((height, width), 255, np.uint8), (0, 0, width, height))
        for surface in self.view.surfaces:
            outline = self._outline(surface.corners)
            if outline is not None:
                mask, window = self._mask(outline)
                if mask is not None:
                    self._lay(surface.material, mask, window)
        for marking in self.view.paints:
            self._mark(marking)
        self._shade_ground()
        if self.weather == "rain":
            self._wet_ground(rays)
        # Haze: far away everything nears the colour of the air.
        far = np.clip((reach - 40.0) / 420.0, 0, 0.75)[:, :, None].astype(np.float32)
        air = np.array((206, 212, 208), np.float32)
        ground = self.day[self.top_px :]
        ground += (air - ground) * far
        gain = self.gain[self.top_px :]
        gain[:] = self.ambient
        if self.light != "day":
            # What is far apart changes slowly: where there are many lamps, a few pixels tell.
            step = 1 if len(self.view.lamps) <= _LAMPS_FEW else 4
            x_m, y_m = self.earth.x_m[::step, ::step], self.earth.y_m[::step, ::step]
            light = np.zeros_like(x_m)
            for lamp in self.view.lamps:
                x, y = _lamp_foot(lamp)
                near2 = ((x_m - x) ** 2 + (y_m - y) ** 2) / _reach_m(lamp) ** 2
                light += 1.0 / (1.0 + near2) ** 2
            if step > 1:
                light = reals(cv2.resize(light, gain.shape[1::-1], interpolation=cv2.INTER_LINEAR))
            gain += light[:, :, None] * np.array(self._lamp_colour, np.float32)
            if self.weather == "rain":
                self._mirror_lamps()

    @property
    def _lamp_colour(self) -> Rgb:
        return _LAMP_NIGHT if self.light == "night" else _LAMP

    def _wet_ground(self, rays: Reals) -> None:
        """Water darkens the ground, and mirrors the sky the more the flatter one looks on it
        (Schlick 1994)."""
        gloss = self.gloss[self.top_px :]
        puddles = sample(cloud(1.4, 31), self.earth.x_m, self.earth.y_m, 23.0)
        gloss *= np.clip(0.62 + 0.5 * puddles, 0.25, 1.0)
        ground = self.day[self.top_px :]
        ground *= (1.0 - 0.42 * gloss)[:, :, None]
        steep = -rays[:, :, 2] / np.sqrt((rays**2).sum(axis=2))
        share = (0.02 + 0.55 * (1.0 - np.clip(steep, 0.0, 1.0)) ** 5) * gloss
        ground *= (1.0 - share)[:, :, None]
        sky = np.array(_SKIES[self.light, True][1], np.float32)
        self.glow[self.top_px :] += share[:, :, None] * sky * 0.9

    def _mirror_lamps(self) -> None:
        """What a lamp throws on wet ground: a long streak below its mirror image."""
        shine = np.zeros_like(self.gloss)
        for lamp in self.view.lamps:
            tip = _lamp_foot(lamp)
            seen = self.camera.view(np.array([(*tip, 0.0), (*tip, -lamp.height_m - 0.3)]))
            if seen[:, 2].min() < 3.0:
                continue
            foot, mirrored = self.camera.flatten(seen)
            scale = self.camera.focal_px / float(seen[1, 2])
            tall = max(4.0, 0.42 * float(mirrored[1] - foot[1]))
            _streak(shine, mirrored, max(1.5, 0.30 * scale), tall, 0.85)
        shine *= self.gloss
        self.glow += shine[:, :, None] * np.array((255, 226, 172), np.float32)

    def _mask(
        self, outline: npt.NDArray[np.float64]
    ) -> tuple[Picture | None, tuple[int, int, int, int]]:
        """(mask of the ground under `outline`, its window x0 y0 x1 y1 counted from the ground)."""
        height, width = self.earth.x_m.shape
        x0 = max(0, math.floor(outline[:, 0].min()))
        x1 = min(width, math.ceil(outline[:, 0].max()) + 1)
        y0 = max(0, math.floor(outline[:, 1].min()) - self.top_px)
        y1 = min(height, math.ceil(outline[:, 1].max()) + 1 - self.top_px)
        if x0 >= x1 or y0 >= y1:
            return None, (0, 0, 0, 0)
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        shifted = outline - (x0, y0 + self.top_px)
        cv2.fillPoly(mask, [_fixed(shifted)], 255, cv2.LINE_AA, _SHIFT)
        return mask, (x0, y0, x1, y1)

    def _lay(self, name: str, mask: Picture, window: tuple[int, int, int, int]) -> None:
        x0, y0, x1, y1 = window
        area = np.s_[y0:y1, x0:x1]
        colours = material(name, self.earth.window(area))
        if self.weather == "rain":
            gloss = self.gloss[self.top_px + y0 : self.top_px + y1, x0:x1]
            gloss += (_GLOSS.get(name, 0.0) - gloss) * (mask.astype(np.float32) / 255)
        share = (mask.astype(np.float32) / 255)[:, :, None]
        target = self.day[self.top_px + y0 : self.top_px + y1, x0:x1]
        target += (colours - target) * share

    def _mark(self, marking: Paint) -> None:
        outline = self._outline(marking.corners)
        if outline is None:
            return
        mask, (x0, y0, x1, y1) = self._mask(outline)
        if mask is None:
            return
        area = np.s_[y0:y1, x0:x1]
        worn = sample(cloud(0.9, 21), self.earth.x_m[area], self.earth.y_m[area], 3.1)
        fine = np.clip(1.2 - self.earth.grain_m[area] * 6, 0, 1)
        keep = 1 - marking.wear * (0.6 + np.clip(worn * 1.6, -0.6, 1.0) * fine)
        share = (mask.astype(np.float32) / 255 * keep)[:, :, None]
        target = self.day[self.top_px + y0 : self.top_px + y1, x0:x1]
        target += (np.array(marking.colour, np.float32) - target) * share

    def _shade_ground(self) -> None:
        """Soft shade where walls meet the ground, and under trees, hedges and benches."""
        height, width = self.earth.x_m.shape
        soft = np.zeros((height // 4 + 1, width // 4 + 1), np.uint8)
        for terrace in self.view.terraces:
            (ax, ay), (bx, by) = terrace.start, terrace.end
            length = math.dist(terrace.start, terrace.end)
            nx, ny = (by - ay) / length, -(bx - ax) / length  # to the street
            for reach_m, strength in ((1.6, 60), (0.8, 95)):
                self._soften(
                    soft,
                    (
                        (ax, ay),
                        (bx, by),
                        (bx + nx * reach_m, by + ny * reach_m),
                        (ax + nx * reach_m, ay + ny * reach_m),
                    ),
                    strength,
                )
        sunny = self.weather == "clear"
        sun = self.view.sun
        shift = (-sun[0] / sun[2], -sun[1] / sun[2]) if sunny else (0.0, 0.0)
        for tree in self.view.trees:
            x = tree.at[0] + shift[0] * tree.height_m * 0.45
            y = tree.at[1] + shift[1] * tree.height_m * 0.45
            for radius, strength in ((0.55, 70), (0.40, 105)):
                ring = [
                    (
                        x + math.cos(a) * tree.crown_m * radius,
                        y + math.sin(a) * tree.crown_m * radius,
                    )
                    for a in np.linspace(0, 2 * math.pi, 20, endpoint=False)
                ]
                self._soften(soft, tuple(ring), strength)
        for hedge in self.view.hedges:
            corners = _band(hedge.start, hedge.end, hedge.width_m + 0.5)
            moved = tuple((cx + shift[0] * 0.3, cy + shift[1] * 0.3) for cx, cy in corners)
            self._soften(soft, moved, 110)
        for bench in self.view.benches:
            self._soften(soft, _band(bench.start, bench.end, 0.8), 100)
        for block in self.view.blocks:
            corners = _band(block.start, block.end, block.width_m + 0.3)
            up_m = block.low_m + 0.3
            moved = tuple((cx + shift[0] * up_m, cy + shift[1] * up_m) for cx, cy in corners)
            self._soften(soft, moved, 90 if block.low_m else 110)
        soft = np.asarray(cv2.GaussianBlur(soft, (0, 0), 2.2), np.uint8)
        if self.view.casts and sunny and self.light == "day":
            np.maximum(soft, self._cast_shadows(soft), out=soft)
        full = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)
        share = 0.85 if self.light == "day" and sunny else 0.45
        dark = 1 - (full.astype(np.float32) / 255 * share)[:, :, None]
        cool = np.array((1.0, 0.99, 0.95), np.float32)
        self.day[self.top_px :] *= dark**cool

    def _cast_shadows(self, soft: Picture) -> Picture:
        """What houses, trees, lamps and blocks keep from the sun, small as the soft shade is."""
        cast = np.zeros_like(soft)
        sun = self.view.sun
        shift = np.array((-sun[0] / sun[2], -sun[1] / sun[2]))
        for terrace in self.view.terraces:
            (ax, ay), (bx, by) = terrace.start, terrace.end
            length = math.dist(terrace.start, terrace.end)
            back = np.array((-(by - ay), bx - ax)) / length * 9.0
            front = np.array([terrace.start, terrace.end])
            foot = np.concatenate([front, front + back])
            ridge = front + back / 2
            eaves_m = sum(terrace.height_m) / 2
            self._fall(cast, [foot, foot + shift * eaves_m, ridge + shift * (eaves_m + 3.0)])
        for tree in self.view.trees:
            at = np.array(tree.at)
            crown = at + shift * tree.height_m * 0.68
            ring = np.array(
                [
                    crown + np.array((math.cos(a), math.sin(a))) * tree.crown_m * 0.46
                    for a in np.linspace(0, 2 * math.pi, 16, endpoint=False)
                ]
            )
            self._fall(cast, [ring])
            self._fall(cast, [_thick(at, crown, 0.12)])
        for lamp in self.view.lamps:
            at = np.array(lamp.at)
            top, tip = at + shift * lamp.height_m, np.array(_lamp_foot(lamp))
            self._fall(cast, [_thick(at, top, 0.07)])
            self._fall(cast, [_thick(top, tip + shift * (lamp.height_m + 0.3), 0.09)])
        for block in self.view.blocks:
            corners = np.array(_band(block.start, block.end, block.width_m))
            self._fall(cast, [corners + shift * up_m for up_m in (block.low_m, block.high_m)])
        return np.asarray(cv2.GaussianBlur(cast, (0, 0), 0.8), np.uint8)

    def _fall(self, cast: Picture, parts: Sequence[npt.NDArray[np.float64]]) -> None:
        points = np.concatenate(parts).astype(np.float32)
        hull = cv2.convexHull(points)[:, 0, :]
        outline = self._outline([(float(x), float(y)) for x, y in hull])
        if outline is not None:
            small = (outline - (0, self.top_px)) / 4
            cv2.fillPoly(cast, [_fixed(small)], 135, cv2.LINE_AA, _SHIFT)

    def _soften(self, soft: Picture, corners: Sequence[Corner], strength: int) -> None:
        outline = self._outline(corners)
        if outline is not None:
            small = (outline - (0, self.top_px)) / 4
            layer = np.zeros_like(soft)
            cv2.fillPoly(layer, [_fixed(small)], strength, cv2.LINE_AA, _SHIFT)
            np.maximum(soft, layer, out=soft)

    # What stands upright

    def _houses(self, terrace: Terrace) -> list[tuple[float, Callable[[], None]]]:
        dice = np.random.default_rng(terrace.seed)
        (ax, ay), (bx, by) = terrace.start, terrace.end
        length = math.dist(terrace.start, terrace.end)
        dx, dy = (bx - ax) / length, (by - ay) / length
        things: list[tuple[float, Callable[[], None]]] = []
        along = 0.0
        while along < length - 0.1:
            wide = min(float(dice.uniform(7.0, 12.5)), length - along)
            if length - along - wide < 5.0:
                wide = length - along
            start = (ax + dx * along, ay + dy * along)
            end = (ax + dx * (along + wide), ay + dy * (along + wide))
            tall = float(dice.uniform(*terrace.height_m))
            seed = int(dice.integers(1 << 30))
            far_m = (self._forward_m(start) + self._forward_m(end)) / 2

            def draw(
                start: Corner = start, end: Corner = end, tall: float = tall, seed: int = seed
            ) -> None:
                self._house(start, end, tall, seed, terrace.shops)

            things.append((far_m, draw))
            along += wide
        return things

    def _house(self, start: Corner, end: Corner, tall: float, seed: int, shops: bool) -> None:
        dice = np.random.default_rng(seed)
        wall = WALLS[int(dice.integers(len(WALLS)))]
        length = math.dist(start, end)
        dx, dy = (end[0] - start[0]) / length, (end[1] - start[1]) / length
        nx, ny = dy, -dx  # outwards, to the street
        deep, roof_m = 9.0, float(dice.uniform(2.2, 3.6))
        back_s = (start[0] - nx * deep, start[1] - ny * deep)
        back_e = (end[0] - nx * deep, end[1] - ny * deep)
        plain = tuple(c * 0.86 for c in wall)
        for a, b in ((back_s, start), (end, back_e)):
            mx, my = (b[1] - a[1]), -(b[0] - a[0])
            towards = mx * (self.camera.x_m - a[0]) + my * (self.camera.y_m - a[1])
            if towards > 0:
                bright = self._facing(mx, my)
                self._upright(a, b, 0, tall, tuple(c * bright for c in plain))
                mid = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
                gable = [(*a, tall), (*b, tall), (*mid, tall + roof_m)]
                self._solid(gable, tuple(c * bright for c in plain), a, b)
        tile = ROOFS[int(dice.integers(len(ROOFS)))]
        mid_s = (start[0] - nx * deep / 2, start[1] - ny * deep / 2)
        mid_e = (end[0] - nx * deep / 2, end[1] - ny * deep / 2)
        bright = self._facing(nx, ny) * 0.98
        slope = [(*start, tall), (*end, tall), (*mid_e, tall + roof_m), (*mid_s, tall + roof_m)]
        self._solid(slope, tuple(c * bright for c in tile), start, end)
        if dice.random() < 0.8:
            share = float(dice.uniform(0.2, 0.8))
            cx = mid_s[0] + (mid_e[0] - mid_s[0]) * share
            cy = mid_s[1] + (mid_e[1] - mid_s[1]) * share
            self._upright(
                (cx - dx * 0.5, cy - dy * 0.5),
                (cx + dx * 0.5, cy + dy * 0.5),
                tall + roof_m - 0.8,
                tall + roof_m + 0.9,
                (126, 106, 98),
            )
        towards = nx * (self.camera.x_m - start[0]) + ny * (self.camera.y_m - start[1])
        if towards > 0:
            self._front(start, end, tall, wall, dice, shops)

    def _front(
        self,
        start: Corner,
        end: Corner,
        tall: float,
        wall: Rgb,
        dice: np.random.Generator,
        shops: bool,
    ) -> None:
        """A painted front with its windows, laid over the wall in perspective."""
        corners = np.array([(*start, tall), (*end, tall), (*end, 0.0), (*start, 0.0)])
        seen = self.camera.view(corners)
        if seen[:, 2].min() < 1.0:
            return
        flat = self.camera.flatten(seen)
        length = math.dist(start, end)
        bright = self._facing((end[1] - start[1]) / length, -(end[0] - start[0]) / length)
        tiny = self.camera.focal_px / float(seen[:, 2].min())  # px a metre
        scale = min(40.0, max(8.0, tiny))
        texture, lit = facade(length, tall, wall, dice, scale, shops)
        texture *= np.float32(bright)
        source = np.array(
            [
                (0, 0),
                (texture.shape[1], 0),
                (texture.shape[1], texture.shape[0]),
                (0, texture.shape[0]),
            ],
            np.float32,
        )
        warp = cv2.getPerspectiveTransform(source, flat.astype(np.float32))
        size = (self.camera.width_px, self.camera.height_px)
        x0, y0 = max(0, int(flat[:, 0].min()) - 2), max(0, int(flat[:, 1].min()) - 2)
        x1, y1 = min(size[0], int(flat[:, 0].max()) + 3), min(size[1], int(flat[:, 1].max()) + 3)
        if x0 >= x1 or y0 >= y1:
            return
        shift = np.array([[1, 0, -x0], [0, 1, -y0], [0, 0, 1]], np.float64)
        window = (x1 - x0, y1 - y0)
        colours = cv2.warpPerspective(
            texture, shift @ warp, window, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        shine = cv2.warpPerspective(lit, shift @ warp, window, flags=cv2.INTER_LINEAR)
        mask = np.zeros(window[::-1], np.uint8)
        cv2.fillPoly(mask, [_fixed(flat - (x0, y0))], 255, cv2.LINE_AA, _SHIFT)
        self._blend(mask, x0, y0, reals(colours), _plane(corners))
        if self.light != "day":
            share = (mask.astype(np.float32) / 255)[:, :, None] * shine[:, :, None]
            glow = self.glow[y0:y1, x0:x1]
            warm = np.array((236, 186, 112), np.float32) * _WINDOW[self.light]
            glow += (warm - glow) * share

    def _facing(self, nx: float, ny: float) -> float:
        """How bright a wall is whose outward direction is (nx, ny)."""
        size = math.hypot(nx, ny) or 1.0
        sunlit = max(0.0, (nx * self.view.sun[0] + ny * self.view.sun[1]) / size)
        sunny = self.light == "day" and self.weather == "clear"
        return 0.80 + 0.30 * sunlit if sunny else 0.95

    def _upright(
        self, a: Corner, b: Corner, low_m: float, high_m: float, colour: Sequence[float]
    ) -> None:
        self._solid([(*a, low_m), (*b, low_m), (*b, high_m), (*a, high_m)], colour, a, b)

    def _solid(
        self,
        corners: Sequence[tuple[float, float, float]],
        colour: Sequence[float],
        a: Corner,
        b: Corner,
    ) -> None:
        """A plane piece in one colour, clipped where it passes the camera."""
        clipped = _clip(self.camera.view(np.array(corners)))
        if len(clipped) < 3:
            return
        flat = self.camera.flatten(clipped)
        height, width = self.depth_m.shape
        x0, y0 = max(0, int(flat[:, 0].min()) - 1), max(0, int(flat[:, 1].min()) - 1)
        x1, y1 = min(width, int(flat[:, 0].max()) + 2), min(height, int(flat[:, 1].max()) + 2)
        if x0 >= x1 or y0 >= y1:
            return
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        cv2.fillPoly(mask, [_fixed(flat - (x0, y0))], 255, cv2.LINE_AA, _SHIFT)
        wall = np.array([(*a, 0.0), (*b, 0.0), (*b, 1.0)])
        self._blend(mask, x0, y0, reals(colour), _plane(wall))

    def _blend(
        self,
        mask: Picture,
        x0: int,
        y0: int,
        colours: Reals,
        plane: tuple[npt.NDArray[np.float64], float],
    ) -> None:
        """Lays `colours` over the picture and notes how far away each of their pixels is."""
        y1, x1 = y0 + mask.shape[0], x0 + mask.shape[1]
        share = (mask.astype(np.float32) / 255)[:, :, None]
        target = self.day[y0:y1, x0:x1]
        target += (colours - target) * share
        self.gain[y0:y1, x0:x1] += (
            np.array(self.ambient, np.float32) - self.gain[y0:y1, x0:x1]
        ) * share
        self.glow[y0:y1, x0:x1] *= 1 - share
        normal, offset = plane
        rays = self._rays[y0:y1, x0:x1]
        along = rays @ normal.astype(np.float32)
        base = offset - float(normal @ self.camera.centre)
        with np.errstate(divide="ignore", invalid="ignore"):
            depth = np.where(np.abs(along) > 1e-6, base / along, _FAR_M).astype(np.float32)
        depth[depth <= 0] = _FAR_M
        self.depth_m[y0:y1, x0:x1] = np.where(mask > 127, depth, self.depth_m[y0:y1, x0:x1])

    @property
    def _rays(self) -> Reals:
        return _rays_of(self.camera)

    def _stamp(self, mask: Picture, x0: int, y0: int, colours: Reals, depth_m: float) -> None:
        """Lays `colours` where `mask` is, all at one depth. The window may reach past the edges."""
        height, width = self.depth_m.shape
        left, top = max(0, -x0), max(0, -y0)
        mask = mask[top : max(top, height - y0), left : max(left, width - x0)]
        if mask.size == 0:
            return
        if colours.ndim == 3:
            colours = colours[top : top + mask.shape[0], left : left + mask.shape[1]]
        x0, y0 = x0 + left, y0 + top
        area = np.s_[y0 : y0 + mask.shape[0], x0 : x0 + mask.shape[1]]
        share = (mask.astype(np.float32) / 255)[:, :, None]
        self.day[area] += (colours - self.day[area]) * share
        self.gain[area] += (np.array(self.ambient, np.float32) - self.gain[area]) * share
        self.glow[area] *= 1 - share
        self.depth_m[area] = np.where(mask > 127, np.float32(depth_m), self.depth_m[area])

    def _foot(self, at: Corner) -> tuple[float, float, float, float]:
        """(x_px, y_px, px a metre upright, forward distance) of a point on the ground."""
        seen = self.camera.view(np.array([[at[0], at[1], 0.0], [at[0], at[1], 1.0]]))
        if seen[0, 2] < 1.0:
            return 0.0, 0.0, 0.0, 0.0
        flat = self.camera.flatten(seen)
        return (
            float(flat[0, 0]),
            float(flat[0, 1]),
            float(flat[0, 1] - flat[1, 1]),
            float(seen[0, 2]),
        )

    def _tree(self, tree: Tree) -> None:
        x, y, scale, far_m = self._foot(tree.at)
        if scale <= 0:
            return
        dice = np.random.default_rng(tree.seed)
        crown = tree.crown_m * scale
        side = int(crown * 1.5) + 4
        tall = int(tree.height_m * scale * 1.12) + 4
        mask = np.zeros((tall, side), np.uint8)
        colours = np.zeros((tall, side, 3), np.float32)
        colours[:] = (98, 84, 70)
        foot_x, foot_y = side / 2, float(tall - 2)
        trunk = max(1.5, 0.13 * scale)
        shape = np.array(
            [
                (foot_x - trunk, foot_y),
                (foot_x + trunk, foot_y),
                (foot_x + trunk * 0.6, foot_y - tree.height_m * scale * 0.55),
                (foot_x - trunk * 0.6, foot_y - tree.height_m * scale * 0.55),
            ]
        )
        cv2.fillPoly(mask, [_fixed(shape)], 255, cv2.LINE_AA, _SHIFT)
        centre_y = foot_y - tree.height_m * scale + crown * 0.48
        leaf = np.array(
            ((88, 112, 74), (96, 118, 80), (82, 108, 78), (104, 120, 76))[tree.seed % 4]
        )
        clumps = []
        for _ in range(130):
            angle, radius = dice.uniform(0, 2 * math.pi), math.sqrt(dice.random())
            up = math.sin(angle) * radius
            clumps.append((math.cos(angle) * radius, up, dice.uniform(0.10, 0.19)))
        clumps.sort(key=lambda clump: clump[1])
        for right, up, size in clumps:
            spot = (foot_x + right * crown * 0.42, centre_y - up * crown * 0.40)
            light = 0.86 + 0.17 * up - 0.09 * right + dice.uniform(-0.06, 0.06)
            if self.light != "day" or self.weather != "clear":
                light = 0.86 + 0.08 * up + dice.uniform(-0.05, 0.05)
            colour = tuple(float(c) for c in leaf * light)
            where = (round(spot[0] * 16), round(spot[1] * 16))
            cv2.circle(mask, where, round(size * crown * 16), 255, -1, cv2.LINE_AA, _SHIFT)
            cv2.circle(colours, where, round(size * crown * 16), colour, -1, cv2.LINE_8, _SHIFT)
        for _ in range(420):  # leaves that catch the light
            angle, radius = dice.uniform(0, 2 * math.pi), math.sqrt(dice.random())
            right, up = math.cos(angle) * radius, math.sin(angle) * radius
            spot = (foot_x + right * crown * 0.5, centre_y - up * crown * 0.47)
            light = 0.92 + 0.20 * up - 0.10 * right + dice.uniform(-0.13, 0.13)
            colour = tuple(float(c) for c in leaf * light)
            where = (round(spot[0] * 16), round(spot[1] * 16))
            cv2.circle(
                colours,
                where,
                round(dice.uniform(0.012, 0.03) * crown * 16),
                colour,
                -1,
                cv2.LINE_AA,
                _SHIFT,
            )
        self._stamp(mask, round(x - foot_x), round(y - foot_y), colours, far_m)

    def _hedge(self, hedge: Hedge) -> list[tuple[float, Callable[[], None]]]:
        corners = _band(hedge.start, hedge.end, hedge.width_m)
        centre = ((hedge.start[0] + hedge.end[0]) / 2, (hedge.start[1] + hedge.end[1]) / 2)

        def draw() -> None:
            for index in range(4):
                a, b = corners[index], corners[(index + 1) % 4]
                nx, ny = b[1] - a[1], -(b[0] - a[0])
                if nx * (self.camera.x_m - a[0]) + ny * (self.camera.y_m - a[1]) > 0:
                    bright = self._facing(nx, ny)
                    self._upright(a, b, 0, hedge.height_m, tuple(c * bright for c in (84, 104, 72)))
            top = [(*corner, hedge.height_m) for corner in corners]
            self._solid(top, (112, 132, 92), corners[0], corners[1])

        return [(self._forward_m(centre), draw)]

    def _lamp(self, lamp: Lamp) -> None:
        _, _, scale, far_m = self._foot(lamp.at)
        if scale <= 0:
            return
        tip = _lamp_foot(lamp)
        points = np.array(
            [
                (*lamp.at, 0.0),
                (*lamp.at, lamp.height_m),
                (*tip, lamp.height_m + 0.35),
                (
                    lamp.at[0] + (tip[0] - lamp.at[0]) * 0.62,
                    lamp.at[1] + (tip[1] - lamp.at[1]) * 0.62,
                    lamp.height_m + 0.3,
                ),
            ]
        )
        seen = self.camera.view(points)
        if seen[:, 2].min() < 1.0:
            return
        foot, top, end, neck = self.camera.flatten(seen)
        metal = (92, 98, 102)
        self._bar(foot, top, 0.075 * scale, 0.05 * scale, metal, far_m)
        self._bar(top, end, 0.045 * scale, 0.04 * scale, metal, far_m)
        self._bar(neck, end, 0.10 * scale, 0.09 * scale, (120, 124, 126), far_m)
        if self.light != "day":
            middle = (neck + end) / 2
            for radius, strength in ((0.16, 1.0), (0.5, 0.30), (1.1, 0.14), (2.4, 0.07)):
                self._shine(middle, radius * scale, (255, 214, 150), strength)

    def _shine(
        self, at: npt.NDArray[np.float64], radius: float, colour: Rgb, strength: float
    ) -> None:
        reach = math.ceil(radius * 2.2)
        x, y = round(float(at[0])), round(float(at[1]))
        height, width = self.depth_m.shape
        x0, x1 = max(0, x - reach), min(width, x + reach + 1)
        y0, y1 = max(0, y - reach), min(height, y + reach + 1)
        if x0 >= x1 or y0 >= y1:
            return
        across = (np.arange(x0, x1) - at[0]) / radius
        down = (np.arange(y0, y1) - at[1]) / radius
        bell = np.exp(-1.4 * (across[None, :] ** 2 + down[:, None] ** 2)) * strength
        self.glow[y0:y1, x0:x1] += bell[:, :, None].astype(np.float32) * np.array(
            colour, np.float32
        )

    def _bar(
        self,
        a: npt.NDArray[np.float64],
        b: npt.NDArray[np.float64],
        wide_a: float,
        wide_b: float,
        colour: Rgb,
        far_m: float,
    ) -> None:
        """A straight bar on the picture from `a` to `b`, half as wide as said at each end."""
        along = b - a
        length = float(np.hypot(*along)) or 1.0
        aside = np.array((-along[1], along[0])) / length
        wide_a, wide_b = max(0.9, wide_a), max(0.9, wide_b)
        shape = np.array(
            [a + aside * wide_a, b + aside * wide_b, b - aside * wide_b, a - aside * wide_a]
        )
        x0, y0 = math.floor(shape[:, 0].min()) - 1, math.floor(shape[:, 1].min()) - 1
        wide, tall = math.ceil(shape[:, 0].max()) - x0 + 2, math.ceil(shape[:, 1].max()) - y0 + 2
        mask = np.zeros((tall, wide), np.uint8)
        cv2.fillPoly(mask, [_fixed(shape - (x0, y0))], 255, cv2.LINE_AA, _SHIFT)
        self._stamp(mask, x0, y0, np.array(colour, np.float32), far_m)

    def _bench(self, bench: Bench) -> None:
        wood, metal = (150, 120, 88), (84, 88, 90)
        for low, high, half, colour in ((0.0, 0.42, 0.18, metal), (0.42, 0.48, 0.28, wood)):
            corners = _band(bench.start, bench.end, half * 2)
            for index in range(4):
                a, b = corners[index], corners[(index + 1) % 4]
                nx, ny = b[1] - a[1], -(b[0] - a[0])
                if nx * (self.camera.x_m - a[0]) + ny * (self.camera.y_m - a[1]) > 0:
                    bright = self._facing(nx, ny) * 0.9
                    self._upright(a, b, low, high, tuple(c * bright for c in colour))
            self._solid(
                [(*c, high) for c in corners],
                tuple(c * 1.08 for c in colour),
                corners[0],
                corners[1],
            )

    def _block(self, block: Block) -> None:
        corners = _band(block.start, block.end, block.width_m)
        top = self.camera.height_m > block.high_m
        if not top:
            self._lid(block, corners, block.low_m, 0.6)
        for index in range(4):
            a, b = corners[index], corners[(index + 1) % 4]
            nx, ny = b[1] - a[1], -(b[0] - a[0])
            if nx * (self.camera.x_m - a[0]) + ny * (self.camera.y_m - a[1]) > 0:
                bright = self._facing(nx, ny)
                self._upright(
                    a, b, block.low_m, block.high_m, tuple(c * bright for c in block.colour)
                )
        if top:
            self._lid(block, corners, block.high_m, 1.06)

    def _lid(self, block: Block, corners: tuple[Corner, ...], up_m: float, bright: float) -> None:
        """The upper side, or the lower one, at its own height: people pass below an awning."""
        clipped = _clip(self.camera.view(np.array([(*corner, up_m) for corner in corners])))
        if len(clipped) < 3:
            return
        flat = self.camera.flatten(clipped)
        height, width = self.depth_m.shape
        x0, y0 = max(0, int(flat[:, 0].min()) - 1), max(0, int(flat[:, 1].min()) - 1)
        x1, y1 = min(width, int(flat[:, 0].max()) + 2), min(height, int(flat[:, 1].max()) + 2)
        if x0 >= x1 or y0 >= y1:
            return
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        cv2.fillPoly(mask, [_fixed(flat - (x0, y0))], 255, cv2.LINE_AA, _SHIFT)
        colour = reals([c * bright for c in block.colour])
        level = np.array([(0.0, 0.0, up_m), (1.0, 0.0, up_m), (0.0, 1.0, up_m)])
        self._blend(mask, x0, y0, colour, _plane(level))

    def _post(self, post: Post) -> None:
        x, y, scale, far_m = self._foot(post.at)
        if scale <= 0:
            return
        top = np.array((x, y - post.height_m * scale))
        self._bar(np.array((x, y)), top, 0.06 * scale, 0.06 * scale, (86, 90, 92), far_m)
        head = np.array((x, y - (post.height_m - 0.95) * scale))
        self._bar(head, top, 0.17 * scale, 0.17 * scale, (44, 47, 50), far_m)

    def _finish(self) -> Scenery:
        size = (self.small.width_px, self.small.height_px)
        plain = self.light == "day" and self.weather == "clear"
        picture = self.day if plain else self.day * self.gain + self.glow
        if self.light != "day":
            halo = cv2.GaussianBlur(cv2.resize(self.glow, (size[0] // 4, size[1] // 4)), (0, 0), 4)
            picture += cv2.resize(halo, (picture.shape[1], picture.shape[0])) * 0.35
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        rgb = np.clip(small, 0, 255).astype(np.uint8)
        depth_m = np.ascontiguousarray(self.depth_m[::_TIMES, ::_TIMES])
        ground = depth_m >= _FAR_M
        ground[: math.ceil(self.small.horizon_px) + 1] = False
        albedo = cv2.resize(self.day, size, interpolation=cv2.INTER_AREA) * ground[:, :, None]
        gloss = cv2.resize(self.gloss, size, interpolation=cv2.INTER_AREA) * ground
        return Scenery(
            rgb, depth_m, self._light_at(), np.clip(albedo, 0, 255).astype(np.uint8), reals(gloss)
        )

    def _light_at(self) -> Callable[[float, float], tuple[float, float, float]]:
        ambient, colour = self.ambient, self._lamp_colour
        if self.light == "day":
            return lambda x_m, y_m: ambient
        feet = np.array([_lamp_foot(lamp) for lamp in self.view.lamps]).reshape(-1, 2)
        reach2 = np.array([_reach_m(lamp) ** 2 for lamp in self.view.lamps])

        def light_at(x_m: float, y_m: float) -> tuple[float, float, float]:
            away2 = (feet[:, 0] - x_m) ** 2 + (feet[:, 1] - y_m) ** 2
            more = float((1.0 / (1.0 + away2 / reach2) ** 2).sum())
            return (
                ambient[0] + colour[0] * more,
                ambient[1] + colour[1] * more,
                ambient[2] + colour[2] * more,
            )

        return light_at

    # Geometry

    def _forward_m(self, at: Corner) -> float:
        return float(self.camera.view(np.array([[at[0], at[1], 0.0]]))[0, 2])

    def _outline(self, corners: Sequence[Corner]) -> npt.NDArray[np.float64] | None:
        """A patch of ground on the picture, clipped before the camera; None if it is behind."""
        ground = np.array([(x, y, 0.0) for x, y in corners])
        clipped = _clip(self.camera.view(ground))
        return self.camera.flatten(clipped) if len(clipped) >= 3 else None

    @staticmethod
    def _fill(picture: Reals, flat: npt.NDArray[np.float64], colour: Sequence[float]) -> None:
        cv2.fillPoly(picture, [_fixed(flat)], tuple(float(c) for c in colour), cv2.LINE_AA, _SHIFT)


_SHIFT = 4  # OpenCV draws at sixteenths of a pixel


def _fixed(flat: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    return np.rint(np.clip(flat, -1e6, 1e6) * (1 << _SHIFT)).astype(np.int32)


@cache
def _rays_of(camera: Pinhole) -> Reals:
    return camera.rays()


def _clip(seen: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The part of a polygon that lies in front of the camera (Sutherland and Hodgman 1974)."""
    kept: list[npt.NDArray[np.float64]] = []
    for index, here in enumerate(seen):
        before = seen[index - 1]
        if (here[2] >= _NEAR_M) != (before[2] >= _NEAR_M):
            share = (_NEAR_M - before[2]) / (here[2] - before[2])
            kept.append(before + (here - before) * share)
        if here[2] >= _NEAR_M:
            kept.append(here)
    return np.array(kept) if kept else np.empty((0, 3))


def _plane(corners: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], float]:
    """(normal, offset) of the plane through the first three corners."""
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    normal = normal / np.linalg.norm(normal)
    return normal, float(normal @ corners[0])


def _band(start: Corner, end: Corner, wide_m: float) -> tuple[Corner, ...]:
    """The four corners, counter-clockwise, of a band from `start` to `end`."""
    length = math.dist(start, end)
    ax, ay = (start[1] - end[1]) / length * wide_m / 2, (end[0] - start[0]) / length * wide_m / 2
    return (
        (start[0] - ax, start[1] - ay),
        (end[0] - ax, end[1] - ay),
        (end[0] + ax, end[1] + ay),
        (start[0] + ax, start[1] + ay),
    )


def _streak(
    into: Reals, at: npt.NDArray[np.float64], wide_px: float, tall_px: float, strength: float
) -> None:
    """Adds a soft upright streak around `at` to a picture of one channel."""
    height, width = into.shape
    x0, x1 = max(0, int(at[0] - 3 * wide_px)), min(width, int(at[0] + 3 * wide_px) + 1)
    y0, y1 = max(0, int(at[1] - 3 * tall_px)), min(height, int(at[1] + 3 * tall_px) + 1)
    if x0 >= x1 or y0 >= y1:
        return
    across = np.exp(-(((np.arange(x0, x1) - at[0]) / wide_px) ** 2))
    down = np.exp(-(((np.arange(y0, y1) - at[1]) / tall_px) ** 2)) * strength
    into[y0:y1, x0:x1] += (down[:, None] * across[None, :]).astype(np.float32)


def _thick(
    a: npt.NDArray[np.float64], b: npt.NDArray[np.float64], half_m: float
) -> npt.NDArray[np.float64]:
    """The corners of a bar on the ground from `a` to `b`."""
    along = (b - a) / max(1e-9, float(np.hypot(*(b - a))))
    aside = np.array((-along[1], along[0])) * half_m
    return np.array([a + aside, b + aside, b - aside, a - aside])


def _reach_m(lamp: Lamp) -> float:
    """How far a lamp lights the ground well: higher ones farther."""
    return _LAMP_REACH_M * lamp.height_m / LAMP_M


def _lamp_foot(lamp: Lamp) -> Corner:
    """The point on the ground below the shining head."""
    length = math.dist(lamp.at, lamp.over)
    return (
        lamp.at[0] + (lamp.over[0] - lamp.at[0]) / length * 1.6,
        lamp.at[1] + (lamp.over[1] - lamp.at[1]) / length * 1.6,
    )
