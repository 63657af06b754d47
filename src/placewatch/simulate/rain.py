"""Rain: what falls between a camera and a street: drops in streaks, and a veil over the far."""

import cv2
import numpy as np
import numpy.typing as npt

from placewatch.simulate.conditions import Conditions
from placewatch.simulate.pinhole import Pinhole
from placewatch.simulate.scenery import Scenery

Picture = npt.NDArray[np.uint8]

_TILES = 5
_SPARE_PX = 128  # tiles are larger than the picture by this, so that each is many
_DROPS = 900
_FALL_M_S = 7.5
_SLANT = 0.16
_SEEN_S = 1 / 80  # who looks for drops in a shorter exposure sees dots
_VISIBLE_M = 900.0  # contrast is down to 5 % there (Koschmieder 1924)
_LENS = 0.035  # scattered by the wet glass before the lens
_FAR_M = 600.0


class Rain:
    """The rain before one camera; where it does not rain, nothing is made."""

    def __init__(
        self, camera: Pinhole, scenery: Scenery, conditions: Conditions, shutter_s: float, seed: int
    ) -> None:
        if not conditions.wet:
            return
        gloss = np.rint(scenery.gloss * 255).astype(np.uint8)
        self.gloss: Picture = np.asarray(cv2.merge((gloss, gloss, gloss)), np.uint8)
        """(H, W, 3) 0..255: how much of a mirror the ground is."""
        self._size = (camera.height_px, camera.width_px)
        veil = _veil(camera, scenery)
        air = np.array(_AIR[conditions.light], np.float32)
        self._air = np.rint(veil[:, :, None] * air).astype(np.uint8)
        keep = np.rint(255 * (1.0 - veil)).astype(np.uint8)
        self._keep = cv2.merge((keep, keep, keep))
        dice = np.random.default_rng([seed, 53])
        strength = 30.0 if conditions.light == "day" else 24.0
        self._tiles = [_streaks(camera, shutter_s, strength, dice) for _ in range(_TILES)]
        self._where = dice.integers(0, _SPARE_PX, (257, 2)).tolist()
        self._lit: Picture | None = None
        if conditions.dark:  # drops are seen where there is light behind or before them
            grey = cv2.cvtColor(scenery.rgb, cv2.COLOR_RGB2GRAY)
            small = cv2.resize(grey, (camera.width_px // 8, camera.height_px // 8))
            spread = cv2.GaussianBlur(small, (0, 0), 5.0).astype(np.float32)
            lit = np.clip(spread * 3.0 + 30.0, 0, 255).astype(np.uint8)
            self._lit = np.asarray(cv2.resize(lit, (camera.width_px, camera.height_px)), np.uint8)

    def fall(self, canvas: Picture, number: int) -> None:
        """Lays the veil and the drops of picture `number` over `canvas`."""
        cv2.multiply(canvas, self._keep, dst=canvas, scale=1 / 255)
        cv2.add(canvas, self._air, dst=canvas)
        down, across = self._where[number % len(self._where)]
        height, width = self._size
        drops = self._tiles[number * 3 % _TILES][down : down + height, across : across + width]
        if self._lit is not None:
            drops = np.asarray(cv2.multiply(drops, self._lit, scale=1 / 255), np.uint8)
        cv2.add(canvas, cv2.merge((drops, drops, drops)), dst=canvas)


_AIR = {"day": (206, 210, 212), "dusk": (112, 108, 116), "night": (40, 37, 36)}


def _veil(camera: Pinhole, scenery: Scenery) -> npt.NDArray[np.float32]:
    """(H, W) the share of each pixel's light that comes from the air before it."""
    rays = camera.rays()
    down = np.maximum(-rays[:, :, 2], camera.height_m / _FAR_M)
    away_m = np.minimum(camera.height_m / down, _FAR_M)  # forward, to the ground
    away_m = np.minimum(away_m, scenery.depth_m)
    veil = 1.0 - (1.0 - _LENS) * np.exp(-3.0 / _VISIBLE_M * away_m)
    return np.asarray(veil, np.float32)


def _streaks(
    camera: Pinhole, shutter_s: float, strength: float, dice: np.random.Generator
) -> Picture:
    """A tile of drops that fell while the shutter was open."""
    height, width = camera.height_px + _SPARE_PX, camera.width_px + _SPARE_PX
    tile = np.zeros((height, width), np.uint8)
    # As many in each metre cubed: most are far away, and those near are large and faint.
    away_m = 1.2 + 7.0 * dice.random(_DROPS) ** 0.6
    for far_m, x, y, bright in zip(
        away_m, dice.random(_DROPS) * width, dice.random(_DROPS) * height, dice.random(_DROPS),
        strict=True,
    ):  # fmt: skip
        scale = camera.focal_px / far_m
        long_px = max(7.0, min(0.35 * height, _FALL_M_S * max(shutter_s, _SEEN_S) * scale))
        # The light of a drop is spread over its way: the longer it is, the fainter.
        grey = strength * (0.4 + 0.6 * bright) * min(1.0, (14.0 / long_px) ** 0.45)
        thick = 2 if 0.003 * scale > 2.0 else 1
        slant = _SLANT + 0.04 * (bright - 0.5)
        ends = [(x, y), (x + slant * long_px, y + long_px)]
        a, b = ((round(px * 16), round(py * 16)) for px, py in ends)
        cv2.line(tile, a, b, round(grey), thick, cv2.LINE_AA, 4)
    return np.asarray(cv2.GaussianBlur(tile, (0, 0), 0.5), np.uint8)
