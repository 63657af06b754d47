"""Materials: what ground and house fronts are made of, as colours at points in metres."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Rgb = tuple[float, float, float]
Reals = npt.NDArray[np.float32]


@cache
def cloud(roughness: float, seed: int, side: int = 512) -> Reals:
    """Tileable noise, (side, side), about -1..1; rougher is larger blotches."""
    dice = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
    frequency[0, 0] = 1.0
    spectrum = np.fft.rfft2(dice.standard_normal((side, side))) / frequency**roughness
    spectrum[0, 0] = 0.0
    noise: npt.NDArray[np.float64] = np.fft.irfft2(spectrum, s=(side, side))
    return np.asarray(noise / (2.2 * noise.std()), np.float32)


WALLS: tuple[Rgb, ...] = (
    (206, 192, 168),
    (196, 168, 140),
    (178, 136, 116),
    (214, 206, 192),
    (176, 178, 172),
    (190, 150, 126),
    (160, 168, 166),
    (204, 182, 150),
    (168, 128, 112),
)
ROOFS: tuple[Rgb, ...] = ((142, 96, 82), (116, 104, 100), (128, 88, 78), (104, 106, 110))


def reals(values: Any) -> Reals:
    """`values` as single precision."""
    return np.asarray(values, np.float32)


def sample(noise: Reals, x_m: Reals, y_m: Reals, period_m: float) -> Reals:
    """`noise` spread over the ground so that it repeats every `period_m`."""
    side = noise.shape[0]
    return reals(
        cv2.remap(
            noise,
            (x_m * np.float32(side / period_m)) % side,
            (y_m * np.float32(side / period_m)) % side,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP,
        )
    )


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The ground under each pixel of a window, (H, W) each: where it is, in metres, how much of it
    one pixel covers, and the unevenness that all materials share."""

    x_m: Reals
    y_m: Reals
    grain_m: Reals
    blotch: Reals
    patch: Reals
    speck: Reals

    @classmethod
    def at(cls, x_m: Reals, y_m: Reals, grain_m: Reals) -> "Ground":
        fine = reals(np.clip(1.15 - grain_m * 7, 0, 1))  # what a pixel cannot show is left out
        return cls(
            x_m,
            y_m,
            grain_m,
            blotch=sample(cloud(1.5, 1), x_m, y_m, 34.0),
            patch=sample(cloud(1.1, 9), x_m, y_m, 61.0),
            speck=sample(cloud(0.25, 2), x_m, y_m, 7.0) * fine,
        )

    def window(self, area: tuple[slice, slice]) -> "Ground":
        """The part of it under a part of the picture."""
        return Ground(
            self.x_m[area],
            self.y_m[area],
            self.grain_m[area],
            self.blotch[area],
            self.patch[area],
            self.speck[area],
        )


def _joints(ground: Ground, wide_m: float, deep_m: float) -> Reals:
    """0..1: how much of a pixel is joint between slabs of wide_m x deep_m."""
    row = np.floor(ground.y_m / deep_m)
    across = np.abs(((ground.x_m + row * wide_m * 0.5) / wide_m) % 1 - 0.5) * wide_m
    along = np.abs((ground.y_m / deep_m) % 1 - 0.5) * deep_m
    edge = np.minimum(wide_m / 2 - across, deep_m / 2 - along)
    fade = np.clip(1.1 - ground.grain_m * 4.5, 0, 1)
    return reals(np.clip(1 - edge / (0.016 + ground.grain_m * 0.5), 0, 1) * fade)


def material(name: str, ground: Ground) -> Reals:
    """(H, W, 3) colours of a material at each point of the ground."""
    x_m, y_m, grain_m = ground.x_m, ground.y_m, ground.grain_m
    blotch, speck = ground.blotch, ground.speck
    soft = np.clip(1.1 - grain_m * 1.2, 0, 1)
    if name in _SLABS:
        base, wide_m, deep_m, vary = _SLABS[name]
        slab_x = np.floor((x_m + np.floor(y_m / deep_m) * wide_m * 0.5) / wide_m)
        slab_y = np.floor(y_m / deep_m)
        shade = np.sin(slab_x * 127.1 + slab_y * 311.7) * 43758.5
        shade = (shade - np.floor(shade) - 0.5) * vary * soft
        value = blotch * 4 + speck * 3 + shade - _joints(ground, wide_m, deep_m) * 20
        return reals(np.array(base, np.float32) + value[:, :, None])
    if name == "grass":
        tuft = sample(cloud(0.7, 5), x_m, y_m, 9.0) * soft
        mown = np.sin(x_m * 1.6) * 1.5 * soft
        value = (blotch * 9 + tuft * 9 + speck * 7 + mown)[:, :, None]
        green, fade = np.array((124, 142, 100), np.float32), np.array((1.0, 0.95, 0.7), np.float32)
        return reals(green + value * fade)
    if name == "water":
        ripple = sample(cloud(0.9, 7), x_m * 0.35, y_m, 12.0) * np.clip(1.2 - grain_m, 0.15, 1)
        return reals(np.array((112, 134, 142)) + (ripple * 9 + blotch * 4)[:, :, None])
    value = blotch * 2.5 + speck * 7 + np.clip(ground.patch * 3, -1, 1) * 2.5
    return reals(np.array(_PLAIN[name], np.float32) + value[:, :, None])


_SLABS: dict[str, tuple[Rgb, float, float, float]] = {
    "pavement": ((184, 179, 169), 0.6, 0.4, 8.0),
    "square": ((190, 178, 160), 1.0, 1.0, 9.0),
    "clinker": ((160, 132, 118), 0.4, 0.2, 13.0),
    "quay": ((166, 164, 158), 1.6, 0.8, 8.0),
}
_PLAIN: dict[str, Rgb] = {
    "asphalt": (127, 127, 129),
    "worn": (132, 132, 132),
    "repair": (118, 118, 121),
    "cycle": (166, 116, 102),
    "kerb": (198, 195, 187),
    "gutter": (110, 110, 112),
    "soil": (112, 98, 80),
    "stone": (150, 148, 142),
}


def facade(
    wide_m: float, tall_m: float, wall: Rgb, dice: np.random.Generator, scale: float, shops: bool
) -> tuple[Reals, Reals]:
    """(colours, share that shines in the evening) of a house front, seen straight on."""
    width, height = max(8, round(wide_m * scale)), max(8, round(tall_m * scale))
    face = np.empty((height, width, 3), np.float32)
    face[:] = wall
    grain = cv2.resize(cloud(1.3, int(dice.integers(9))), (width, height))
    face += grain[:, :, None] * 5
    face *= np.linspace(1.03, 0.95, height, dtype=np.float32)[:, None, None]
    lit = np.zeros((height, width), np.float32)

    def rect(x: float, y: float, w: float, h: float, colour: Rgb, into: Reals = face) -> None:
        """A rectangle; (x, y) is its lower left corner in metres, y up from the street."""
        a = (round(x * scale), round((tall_m - y - h) * scale))
        b = (round((x + w) * scale) - 1, round((tall_m - y) * scale) - 1)
        if b[0] >= a[0] and b[1] >= a[1]:
            cv2.rectangle(into, a, b, colour if into is face else colour[0], -1)

    pale = tuple(min(238.0, c * 1.12 + 10) for c in wall)
    dark = tuple(c * 0.80 for c in wall)
    trim: Rgb = (pale[0], pale[1], pale[2])
    shade: Rgb = (dark[0], dark[1], dark[2])
    storey_m = 3.0
    ground_m = 3.7 if shops else 3.1
    floors = max(1, int((tall_m - ground_m - 0.5) / storey_m))
    columns = max(2, round(wide_m / 2.5))
    pitch_m = wide_m / columns
    win_w, win_h = min(1.25, pitch_m * 0.5), 1.65
    for floor in range(floors):
        y = ground_m + floor * storey_m + 0.75
        for column in range(columns):
            x = (column + 0.5) * pitch_m - win_w / 2
            rect(x - 0.12, y - 0.12, win_w + 0.24, win_h + 0.24, trim)
            glass = float(dice.uniform(0.88, 1.1))
            rect(x, y, win_w, win_h, (92 * glass, 104 * glass, 112 * glass))
            rect(x, y + win_h * 0.62, win_w, win_h * 0.38, (78 * glass, 90 * glass, 98 * glass))
            if dice.random() < 0.5:  # curtains
                rect(x, y, win_w * 0.24, win_h, (176, 172, 164))
                rect(x + win_w * 0.76, y, win_w * 0.24, win_h, (176, 172, 164))
            rect(x + win_w / 2 - 0.04, y, 0.08, win_h, trim)
            rect(x - 0.2, y - 0.22, win_w + 0.4, 0.12, shade)
            if dice.random() < 0.33:
                rect(x, y, win_w, win_h, (float(dice.uniform(0.55, 0.95)), 0, 0), lit)
    rect(0, tall_m - 0.35, wide_m, 0.35, trim)
    rect(0, tall_m - 0.48, wide_m, 0.13, shade)
    if shops:
        rect(0, ground_m - 0.05, wide_m, 0.3, trim)
        rect(0, ground_m - 0.18, wide_m, 0.13, shade)
        rect(0, 0, wide_m, ground_m - 0.35, shade)
        pane_w = (wide_m - 1.6) / 2
        for x, w in ((0.4, pane_w), (wide_m / 2 + 0.5, pane_w - 0.1)):
            rect(x, 0.45, w, ground_m - 1.25, (84, 96, 102))
            rect(x, 0.45, w, (ground_m - 1.25) * 0.45, (104, 112, 114))
            rect(x, 0.45, w, ground_m - 1.25, (float(dice.uniform(0.6, 1.0)), 0, 0), lit)
        rect(wide_m / 2 - 0.45, 0.0, 0.9, ground_m - 0.9, (72, 66, 60))
        awning = _AWNINGS[int(dice.integers(len(_AWNINGS)))]
        for strip in range(max(2, int(wide_m / 0.6))):
            w = wide_m / max(2, int(wide_m / 0.6))
            tone = awning if strip % 2 else tuple(min(232.0, c * 0.35 + 150) for c in awning)
            rect(strip * w, ground_m - 1.0, w, 0.62, (tone[0], tone[1], tone[2]))
        rect(0, ground_m - 1.0, wide_m, 0.62, (0.0, 0, 0), lit)
    else:
        rect(0, 0, wide_m, 0.6, shade)
        door = float(dice.uniform(0.15, 0.7)) * wide_m
        rect(door - 0.1, 0, 1.3, 2.5, trim)
        rect(door, 0, 1.1, 2.35, _DOORS[int(dice.integers(len(_DOORS)))])
        for column in range(columns):
            x = (column + 0.5) * pitch_m - win_w / 2
            if abs(x + win_w / 2 - door - 0.55) > win_w * 0.9 + 0.5:
                rect(x - 0.12, 0.9, win_w + 0.24, win_h + 0.14, trim)
                rect(x, 1.0, win_w, win_h, (88, 98, 104))
                rect(x + win_w / 2 - 0.04, 1.0, 0.08, win_h, trim)
                if dice.random() < 0.4:
                    rect(x, 1.0, win_w, win_h, (float(dice.uniform(0.55, 0.9)), 0, 0), lit)
    return face, lit


_AWNINGS: tuple[Rgb, ...] = ((150, 86, 74), (92, 116, 104), (104, 112, 128), (172, 140, 88))
_DOORS: tuple[Rgb, ...] = ((76, 92, 88), (96, 72, 60), (84, 88, 104), (108, 64, 56))
