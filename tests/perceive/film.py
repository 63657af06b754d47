"""Film: what weather, light and cameras do to real pictures, laid over clips from the street.

Each function makes a change: from a picture's luma (H, W) and its time to the changed luma. Sizes
are told in shares of the picture's width, so that a flake is as large in any clip.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

Luma = npt.NDArray[np.float32]
Change = Callable[[Luma, float], Luma]

MARGIN = 1 / 40
"""Share of the picture's width that `shaken` cuts off at each side, so that it can be moved."""


def shaken() -> Change:
    """Gusts: up to 1 % of the width from one picture to the next, both ways."""
    dice = np.random.default_rng(1)

    def change(luma: Luma, at_s: float) -> Luma:
        high, wide = luma.shape
        margin = margin_px(wide)
        reach = wide // 100
        right, down = dice.integers(-reach, reach + 1, 2).tolist() if at_s > 1.0 else (0, 0)
        rows = slice(margin + down, high - margin + down)
        return luma[rows, margin + right : wide - margin + right]

    return change


def margin_px(width_px: int) -> int:
    """`MARGIN` in whole, even pixels."""
    return 2 * round(MARGIN * width_px / 2)


def darkened() -> Change:
    """Night: a quarter of the light, and the noise that a camera adds to it."""
    dice = np.random.default_rng(2)

    def change(luma: Luma, at_s: float) -> Luma:
        noise = dice.standard_normal(luma.shape, dtype=np.float32)
        return np.asarray(0.25 * luma + 2.5 * noise, np.float32)

    return change


def rained_on() -> Change:
    dice = np.random.default_rng(3)

    def change(luma: Luma, at_s: float) -> Luma:
        streaks = np.zeros_like(luma)
        high, wide = luma.shape
        thick = max(1, wide // 320)
        for x, y, light in dice.uniform((0, 0, 12), (wide, high, 45), (220, 3)).tolist():
            end = (round(x + 0.01 * wide), round(y + float(dice.uniform(0.02, 0.07)) * wide))
            cv2.line(streaks, (round(x), round(y)), end, light, thick)
        return np.asarray(0.9 * luma + 10 + streaks, np.float32)

    return change


def snowed_on() -> Change:
    dice = np.random.default_rng(4)

    def change(luma: Luma, at_s: float) -> Luma:
        flakes = np.zeros_like(luma)
        high, wide = luma.shape
        for count, radius in ((160, 0.0025), (9, 0.008)):
            axes = (max(1, round(radius * wide)), max(1, round(2 * radius * wide)))
            for x, y in dice.integers((0, 0), (wide, high), (count, 2)).tolist():
                cv2.ellipse(flakes, (x, y), axes, 15, 0, 360, 1.0, cv2.FILLED)
        return luma + 0.7 * flakes * (225 - luma)

    return change


def clouded_over() -> Change:
    """The edge of a cloud's shadow, a few pixels wide, passes and stays; 30 % darker."""

    def change(luma: Luma, at_s: float) -> Luma:
        high, wide = luma.shape
        down, across = np.ogrid[0:high, 0:wide]
        edge = (0.05 * at_s - 0.1) * wide - 0.3 * down
        soft = np.clip((edge - across) / (0.006 * wide) + 0.5, 0, 1)
        return np.asarray(luma * (1 - 0.3 * soft), np.float32)

    return change


def lit_by_a_lamp() -> Change:
    """Dusk; after 6 s a lamp lights a part of the street."""

    def change(luma: Luma, at_s: float) -> Luma:
        if at_s < 6:
            return 0.5 * luma
        high, wide = luma.shape
        down, across = np.ogrid[0:high, 0:wide]
        far = ((across - 0.3 * wide) / (0.25 * wide)) ** 2 + (
            (down - 0.6 * high) / (0.3 * wide)
        ) ** 2
        return np.asarray(luma * (0.5 + 0.5 * np.exp(-far)), np.float32)

    return change


def exposed_by_a_hunting_camera() -> Change:
    def change(luma: Luma, at_s: float) -> Luma:
        return luma * np.float32(1.25 ** math.sin(2 * math.pi * at_s / 1.3))

    return change


def unchanged() -> Change:
    return lambda luma, at_s: luma


def write(source: Path, target: Path, change: Change, *, bit_rate: int = 0, gop: int = 50) -> None:
    """Writes `target` (MP4), a changed copy of `source`: nearly without loss, or at `bit_rate`."""
    with av.open(str(source)) as given, av.open(str(target), "w", format="mp4") as made:
        film = given.streams.video[0]
        rate = Fraction(film.average_rate or 25)
        out = made.add_stream("libx264", rate=rate)
        out.pix_fmt = "yuv420p"
        options = {"preset": "ultrafast", "threads": "1", "crf": "16"}
        if bit_rate:
            out.bit_rate = bit_rate
            options = {
                "preset": "veryfast", "bf": "0", "threads": "1", "sc_threshold": "0",
                "maxrate": str(bit_rate), "bufsize": str(bit_rate // 4),
            }  # fmt: skip
        out.gop_size = gop
        out.codec_context.options = options
        for number, picture in enumerate(given.decode(film)):
            plane = picture.to_ndarray(format="gray8").astype(np.float32)
            luma = np.clip(change(plane, number / float(rate)) + 0.5, 0, 255).astype(np.uint8)
            if number == 0:
                out.height, out.width = luma.shape
            made.mux(out.encode(av.VideoFrame.from_ndarray(luma, format="gray8")))
        made.mux(out.encode(None))
