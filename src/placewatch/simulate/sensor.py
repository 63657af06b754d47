"""Sensor: what a camera's sensor makes of a clean picture: exposure that drifts, and noise."""

import math
from collections.abc import Mapping
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from placewatch.simulate.conditions import Conditions, Light
from placewatch.simulate.pinhole import Pinhole

GRAIN: Mapping[Light, float] = {"day": 1.8, "dusk": 2.8, "night": 5.5}  # grey levels of noise
_COLOURED_GRAIN = 4.0  # noisier than this, each colour has noise of its own
_GRAIN_RAIN = 1.2  # times as much: rain clouds take light, too
_TILES = 4


class Sensor:
    """The camera's sensor: exposure that drifts a little, and noise."""

    def __init__(
        self,
        width_px: int,
        height_px: int,
        fps: float,
        light: Light = "day",
        seed: int = 1,
        grain: float | None = None,
    ) -> None:
        dice = np.random.default_rng(seed)
        self._fps = fps
        self._size = (height_px, width_px)
        grain = GRAIN[light] if grain is None else grain
        self._coloured = grain > _COLOURED_GRAIN
        self._dice = [(int(a), int(b)) for a, b in dice.integers(0, 64, (257, 2))]
        self._noise: list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]] = []
        for _ in range(_TILES):
            noise = np.rint(dice.standard_normal((height_px + 64, width_px + 64)) * grain)
            self._noise.append(
                (np.maximum(noise, 0).astype(np.uint8), np.maximum(-noise, 0).astype(np.uint8))
            )

    def luma(self, canvas: npt.NDArray[np.uint8], number: int) -> npt.NDArray[np.uint8]:
        """The Y plane (BT.601, full range) of the picture as the sensor sees it."""
        luma = cv2.cvtColor(canvas, cv2.COLOR_RGB2GRAY)
        cv2.convertScaleAbs(luma, luma, self._gain(number))
        more, less = self._grain(number)
        cv2.add(luma, more, dst=luma)
        cv2.subtract(luma, less, dst=luma)
        luma.flags.writeable = False
        return cast("npt.NDArray[np.uint8]", luma)

    def rgb(self, canvas: npt.NDArray[np.uint8], number: int) -> npt.NDArray[np.uint8]:
        """The same picture in colour; little noise is that of the Y plane."""
        rgb = cv2.convertScaleAbs(canvas, None, self._gain(number))
        if self._coloured:
            grains = [self._grain(number + shift) for shift in (0, 7, 14)]
        else:
            grains = [self._grain(number)] * 3
        cv2.add(rgb, cv2.merge([more for more, _ in grains]), dst=rgb)
        cv2.subtract(rgb, cv2.merge([less for _, less in grains]), dst=rgb)
        return cast("npt.NDArray[np.uint8]", rgb)

    def _gain(self, number: int) -> float:
        at_s = number / self._fps
        return 1.0 + 0.010 * math.sin(at_s / 11.0) + 0.006 * math.sin(at_s / 3.7 + 1.0)

    def _grain(self, number: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        more, less = self._noise[number % _TILES]
        down, across = self._dice[number % len(self._dice)]
        area = np.s_[down : down + self._size[0], across : across + self._size[1]]
        return more[area], less[area]


def sensor_of(camera: Pinhole, conditions: Conditions, fps: float, seed: int) -> Sensor:
    """The sensor of `camera` in these conditions."""
    grain = GRAIN[conditions.light] * (_GRAIN_RAIN if conditions.wet else 1.0)
    return Sensor(camera.width_px, camera.height_px, fps, conditions.light, seed, grain)
