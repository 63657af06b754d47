"""Defects: what weather, light and cameras do to a picture, each as a short clip with its truth.

A street is drawn with a car or a person on it, and one thing is done to it that has fooled motion
detectors. The function's name says the defect. Everything is drawn from a seed.
"""

import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import av
import cv2
import numpy as np
import numpy.typing as npt

from placewatch.core.sightings import Box

WIDTH, HEIGHT = 320, 180
LINE_X = 160
"""A counting line from top to bottom."""

Luma = npt.NDArray[np.float64]
Picture = npt.NDArray[np.uint8]


@dataclass
class Clip:
    """Pictures at `fps`, and where everybody is in each: name to the box, by number of picture."""

    fps: float
    pictures: list[Picture] = field(default_factory=list)
    users: dict[str, dict[int, Box]] = field(default_factory=dict)

    def add(self, luma: Luma, **users: Box | None) -> None:
        """Adds a picture and who is in it; whoever is not wholly in it may be None."""
        for name, box in users.items():
            if box is not None:
                self.users.setdefault(name, {})[len(self.pictures)] = box
        self.pictures.append(np.clip(luma + 0.5, 0, 255).astype(np.uint8))


down, across = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)


def _street(seed: int = 1) -> Luma:
    """House fronts above, rough asphalt below, a kerb and a dashed marking."""
    dice = np.random.default_rng(seed)
    luma: Luma = 105 + 8 * np.sin(across / 37) + 0.06 * down
    luma[:56] += np.kron(dice.normal(0, 30, (14, 80)), np.ones((4, 4)))
    luma[56:60] = 160
    luma += cv2.GaussianBlur(dice.normal(0, 18, (HEIGHT, WIDTH)), (0, 0), 1.2)
    luma[118:120] = np.where((across[0] // 12) % 2 == 0, 205, luma[118:120])
    return luma


STREET = _street()


class _Noise:
    def __init__(self, seed: int, grain: float = 2.0) -> None:
        self.dice = np.random.default_rng(seed)
        self.grain = grain

    def __call__(self) -> Luma:
        return self.dice.normal(0, self.grain, (HEIGHT, WIDTH))


def _car(luma: Luma, left: float, top: int = 128, paint: float = 205) -> Box | None:
    """Draws a car of 56 x 26 px; its box if it is wholly in the picture."""
    x = round(left)
    for x0, x1, y0, y1, value in (
        (0, 56, 8, 22, paint), (10, 46, 0, 9, paint * 0.85), (14, 27, 2, 8, 35.0),
        (30, 42, 2, 8, 35.0), (0, 56, 14, 16, paint * 0.7), (6, 15, 18, 26, 20.0),
        (41, 50, 18, 26, 20.0),
    ):  # fmt: skip
        luma[top + y0 : top + y1, max(0, x + x0) : max(0, x + x1)] = value
    inside = 0 <= x <= WIDTH - 56
    return Box(x, top, x + 56, top + 26) if inside else None


def _person(luma: Luma, left: float, stride: float, top: int = 70) -> Box | None:
    x, step = round(left), round(4 * abs(math.sin(stride)))
    for x0, x1, y0, y1, value in (
        (3, 9, 0, 8, 215.0), (0, 12, 8, 28, 30.0),
        (1 - step, 5 - step, 28, 46, 25.0), (7 + step, 11 + step, 28, 46, 25.0),
    ):  # fmt: skip
        luma[top + y0 : top + y1, max(0, x + x0) : max(0, x + x1)] = value
    inside = 4 <= x <= WIDTH - 16
    return Box(x - step, top, x + 12 + step, top + 46) if inside else None


def _passage(clip: Clip, change: Callable[[Luma, int], Luma], empty: int = 20) -> Clip:
    """`empty` pictures of the street, then a car that drives through at 60 px/s, each changed."""
    step = 60 / clip.fps
    for n in range(empty + round((WIDTH + 60) / step)):
        luma = STREET.copy()
        box = _car(luma, step * (n - empty) - 58) if n >= empty else None
        clip.add(change(luma, n), car=box)
    return clip


def _moved(luma: Luma, right_px: int, down_px: int) -> Luma:
    reach = 8
    wide = np.pad(luma, reach, mode="reflect")
    top, left = reach + down_px, reach + right_px
    return wide[top : top + HEIGHT, left : left + WIDTH]


def camera_shakes() -> Clip:
    """Wind and lorries: steps of up to 4 px from one picture to the next, both ways."""
    noise, clip = _Noise(1), Clip(fps=10)
    dice = np.random.default_rng(4)
    step = 6.0
    for n in range(83):
        right, low = (0, 0) if n < 10 else dice.integers(-4, 5, 2).tolist()
        luma = STREET.copy()
        box = _car(luma, step * (n - 20) - 58) if n >= 20 else None
        if box is not None:
            box = Box(
                box.left_px - right, box.top_px - low, box.right_px - right, box.bottom_px - low
            )
        clip.add(_moved(luma, right, low) + noise(), car=box)
    return clip


def headlights_sweep_a_wet_road_at_night() -> Clip:
    """A lit stretch of road ahead of the car, longer than the car, and its mirror image below."""
    noise = _Noise(2, 3.0)

    def night(luma: Luma, n: int) -> Luma:
        dark = 0.16 * luma
        nose = 6.0 * (n - 20)
        if n >= 20:
            ahead = across - nose
            beam = np.where(ahead > 0, np.exp(-((ahead / 45) ** 2)), 0.0)
            beam *= np.exp(-(((down - 152) / (5 + np.maximum(ahead, 0) * 0.12)) ** 2))
            dark += beam * (0.6 * STREET + 40)
            lamp = np.exp(-((ahead / 4) ** 2 + ((down - 140) / 3) ** 2))
            wet = np.exp(-((ahead / 5) ** 2) - (((down - 166) / 9) ** 2))
            dark += 230 * lamp + 70 * wet
        return dark + noise()

    return _passage(Clip(fps=10), night)


def rain_streaks() -> Clip:
    noise, dice = _Noise(3), np.random.default_rng(8)

    def rain(luma: Luma, n: int) -> Luma:
        for x, y, length, light in zip(
            dice.integers(2, WIDTH - 2, 260), dice.integers(0, HEIGHT - 24, 260),
            dice.integers(6, 22, 260), dice.uniform(12, 45, 260), strict=True,
        ):  # fmt: skip
            luma[y : y + length, x] += light
        return 0.9 * luma + 10 + noise()

    return _passage(Clip(fps=10), rain)


def snow_streaks() -> Clip:
    """Small flakes everywhere and a few large ones near the camera."""
    noise, dice = _Noise(4), np.random.default_rng(9)

    def snow(luma: Luma, n: int) -> Luma:
        flakes = np.zeros_like(luma)
        for count, radius, long in ((160, 1, 2), (10, 3, 6)):
            for x, y in dice.integers((0, 0), (WIDTH, HEIGHT), (count, 2)).tolist():
                cv2.ellipse(flakes, (x, y), (radius, long), 15, 0, 360, 1.0, cv2.FILLED)
        return luma + flakes * (225 - luma) * 0.7 + noise()

    return _passage(Clip(fps=10), snow)


def cloud_shadow_hard_edge() -> Clip:
    """An edge one pixel sharp passes over rough asphalt, 25 % darker, and stays; slower than the
    car, which drives into the shadow."""
    noise = _Noise(5)

    def cloud(luma: Luma, n: int) -> Luma:
        return luma * np.where(across < 1.6 * (n - 15) - 0.3 * down, 0.75, 1.0) + noise()

    return _passage(Clip(fps=10), cloud)


def cloud_shadow_soft() -> Clip:
    noise = _Noise(6)

    def cloud(luma: Luma, n: int) -> Luma:
        edge = 1.6 * (n - 15) - 0.3 * down
        return np.asarray(luma * (1 - 0.25 / (1 + np.exp((across - edge) / 20))) + noise())

    return _passage(Clip(fps=10), cloud)


def car_waits_at_red_for_90_s_then_drives() -> Clip:
    noise, clip = _Noise(7), Clip(fps=5)
    where = [-58 + 10 * n for n in range(13)] + [72] * 450 + [72 + 10 * n for n in range(1, 27)]
    for _ in range(15):
        clip.add(STREET + noise())
    for left in where:
        luma = STREET.copy()
        box = _car(luma, left)
        clip.add(luma + noise(), car=box)
    for _ in range(25):
        clip.add(STREET + noise())
    return clip


def person_stands_for_60_s() -> Clip:
    noise, clip = _Noise(8), Clip(fps=5)
    for _ in range(15):
        clip.add(STREET + noise())
    for n in range(34 + 300 + 66):
        walked = n if n < 34 else max(34, n - 300)
        luma = STREET.copy()
        sway = 0.7 * math.sin(n / 6) if 34 <= n < 334 else 0.0
        stride = walked / 1.3 if walked != 34 else 0.0
        box = _person(luma, -14 + 3.5 * walked + sway, stride)
        clip.add(luma + noise(), person=box)
    for _ in range(15):
        clip.add(STREET + noise())
    return clip


def parked_car_leaves() -> Clip:
    """It stood there before anybody looked."""
    noise, clip = _Noise(9), Clip(fps=10)
    for n in range(100 + 55 + 50):
        luma = STREET.copy()
        box = _car(luma, 60 + 5 * max(0, n - 100)) if n < 155 else None
        clip.add(luma + noise(), car=box if n > 100 else None)
    return clip


def lights_switched_on() -> Clip:
    """Dusk, and within a picture two street lamps light the road unevenly, with a car on it."""
    noise = _Noise(10, 2.5)
    lamps = sum(
        np.exp(-(((across - x) / 70) ** 2) - ((down - 130) / 60) ** 2) for x in (60.0, 250.0)
    )

    def dusk(luma: Luma, n: int) -> Luma:
        return luma * (0.35 if n < 45 else 0.38 + 0.4 * lamps) + noise()

    return _passage(Clip(fps=10), dusk)


def auto_exposure_hunts() -> Clip:
    """Lighter and darker by a third within a second, and highlights that clip."""
    noise = _Noise(11)

    def exposed(luma: Luma, n: int) -> Luma:
        return np.asarray(luma * 1.33 ** math.sin(2 * math.pi * n / 11) * 1.15 + noise())

    return _passage(Clip(fps=10), exposed)


def compression_pumps() -> Clip:
    """Each key frame sharpens the street, then it smears until the next."""
    noise = _Noise(12, 3.0)
    return _encoded(_passage(Clip(fps=10), lambda luma, n: luma + noise()), 60_000, gop=8)


def compression_low_bitrate() -> Clip:
    noise = _Noise(13, 3.0)
    return _encoded(_passage(Clip(fps=10), lambda luma, n: luma + noise()), 30_000, gop=50)


def _encoded(clip: Clip, bit_rate: int, gop: int) -> Clip:
    """What a camera with this bit rate and distance of key frames makes of the clip."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=round(clip.fps))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = bit_rate
        stream.gop_size = gop
        stream.codec_context.options = {
            "preset": "veryfast", "bf": "0", "threads": "1", "sc_threshold": "0",
            "maxrate": str(bit_rate), "bufsize": str(bit_rate // 4),
        }  # fmt: skip
        for picture in clip.pictures:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray8")))
        out.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as container:
        pictures = [frame.to_ndarray(format="gray8") for frame in container.decode(video=0)]
    assert len(pictures) == len(clip.pictures)
    return Clip(clip.fps, [np.asarray(picture, np.uint8) for picture in pictures], clip.users)


DEFECTS: tuple[Callable[[], Clip], ...] = (
    camera_shakes,
    headlights_sweep_a_wet_road_at_night,
    rain_streaks,
    snow_streaks,
    cloud_shadow_hard_edge,
    cloud_shadow_soft,
    car_waits_at_red_for_90_s_then_drives,
    person_stands_for_60_s,
    parked_car_leaves,
    lights_switched_on,
    auto_exposure_hunts,
    compression_pumps,
    compression_low_bitrate,
)


def true_crossings(clip: Clip) -> int:
    """How many in the clip pass `LINE_X`."""
    count = 0
    for boxes in clip.users.values():
        sides: Iterator[bool] = iter(
            box.left_px + box.right_px > 2 * LINE_X for _, box in sorted(boxes.items())
        )
        first = next(sides)
        count += any(side != first for side in sides)
    return count
