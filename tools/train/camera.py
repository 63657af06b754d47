"""Camera: what a lens, a shutter and the light make of meshes on flat ground."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
from tools.train.mesh import Floats, Light, Mesh, Singles, cover, fill, shade, turned

Dice = np.random.Generator
Rect = tuple[int, int, int, int]  # left, top, right, bottom, px


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A camera without distortion at `eye` (x, y, z); rows of `turn` are right, down, forward."""

    eye: Floats
    turn: Floats
    focal_px: float
    centre_px: tuple[float, float]

    def project(self, metres: Floats) -> tuple[Floats, Floats]:
        """(..., 3) points → (..., 2) px, and (...) metres forward; behind the camera is far off."""
        seen = (metres - self.eye) @ self.turn.T
        forward = seen[..., 2]
        safe = np.where(forward > 0.3, forward, np.nan)
        flat = seen[..., :2] * (self.focal_px / safe[..., None]) + self.centre_px
        return flat, forward

    def moved(self, left_px: float, top_px: float, times: int) -> "Camera":
        """The same view with its origin at (left, top), `times` as large."""
        return replace(
            self,
            focal_px=self.focal_px * times,
            centre_px=(
                (self.centre_px[0] - left_px) * times,
                (self.centre_px[1] - top_px) * times,
            ),
        )


def looking(
    eye: Floats,
    yaw_rad: float,
    pitch_rad: float,
    roll_rad: float,
    focal_px: float,
    centre_px: tuple[float, float],
) -> Camera:
    """A camera that looks towards `yaw`, `pitch` below the horizon, turned by `roll`."""
    cy, sy, cp, sp = math.cos(yaw_rad), math.sin(yaw_rad), math.cos(pitch_rad), math.sin(pitch_rad)
    right = np.array([sy, -cy, 0.0])
    down = np.array([-sp * cy, -sp * sy, -cp])
    forward = np.array([cp * cy, cp * sy, -sp])
    c, s = math.cos(roll_rad), math.sin(roll_rad)
    return Camera(
        eye, np.array([c * right + s * down, -s * right + c * down, forward]), focal_px, centre_px
    )


@dataclass(slots=True, eq=False)
class Placed:
    """A mesh put into the world, at (x, y) and turned to its heading."""

    mesh: Mesh
    heading_rad: float
    x_m: float
    y_m: float
    corners: Floats  # (T, 3, 3)
    normals: Floats

    @staticmethod
    def at(mesh: Mesh, heading_rad: float, x_m: float, y_m: float) -> "Placed":
        turn = turned(heading_rad)
        return Placed(
            mesh,
            heading_rad,
            x_m,
            y_m,
            mesh.corners @ turn.T + (x_m, y_m, 0.0),
            mesh.normals @ turn.T,
        )


def bounds(flat: Floats) -> tuple[float, float, float, float] | None:
    """Left, top, right, bottom of (..., 2) px; nothing if something is behind the camera."""
    if not np.isfinite(flat).all():
        return None
    low, high = flat.reshape(-1, 2).min(axis=0), flat.reshape(-1, 2).max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def day(dice: Dice) -> Light:
    """Sunny, hazy or overcast."""
    azimuth, height = dice.uniform(0, 2 * math.pi), math.radians(dice.uniform(18, 75))
    sun = dice.uniform(0.35, 0.9) if dice.random() < 0.62 else dice.uniform(0.0, 0.2)
    sky = dice.uniform(0.3, 0.65) if sun > 0.3 else dice.uniform(0.5, 0.9)
    return Light(
        (
            math.cos(height) * math.cos(azimuth),
            math.cos(height) * math.sin(azimuth),
            math.sin(height),
        ),
        sun=float(sun),
        sky=float(sky),
        zenith=float(dice.uniform(0.25, 1.5)),
        horizon=float(dice.uniform(0.4, 2.4)),
        ground=float(dice.uniform(0.05, 0.3)),
        night=False,
    )


def night(dice: Dice) -> Light:
    """A street lamp from somewhere above, a little light from everywhere, lamps lit."""
    azimuth, height = dice.uniform(0, 2 * math.pi), math.radians(dice.uniform(30, 85))
    return Light(
        (
            math.cos(height) * math.cos(azimuth),
            math.cos(height) * math.sin(azimuth),
            math.sin(height),
        ),
        sun=float(dice.uniform(0.04, 0.3)),
        sky=float(dice.uniform(0.03, 0.16)),
        zenith=float(dice.uniform(0.0, 0.08)),
        horizon=float(dice.uniform(0.02, 0.3)),
        ground=float(dice.uniform(0.01, 0.06)),
        night=True,
        head=float(dice.uniform(1.2, 6.0)),
        tail=float(dice.uniform(0.15, 0.9)),
    )


@dataclass(frozen=True, slots=True)
class Film:
    """How light becomes luma: gain, gamma, black level; blur by lens and shutter; grime."""

    gain: float
    gamma: float
    black: float
    blur_px: float
    grime: float
    sharpen: float = 0.0

    def luma(self, light: Singles) -> Singles:
        """0..1 and above → 0..1, by a table: a power of each pixel takes long."""
        table = np.linspace(0.0, 1.0, 4096) ** self.gamma
        table = (self.black + (1 - self.black) * table).astype(np.float32)
        steps = np.clip(light * np.float32(self.gain * 4095), 0, 4095).astype(np.uint16)
        result: Singles = table[steps]
        return result


def film(dice: Dice, dark: bool) -> Film:
    """Some camera's, set for the day or for the night."""
    return Film(
        gain=float(dice.uniform(1.0, 4.0) if dark else dice.uniform(0.75, 1.7)),
        gamma=float(dice.uniform(0.42, 0.72)),
        black=float(dice.uniform(0.0, 0.12) if dice.random() < 0.8 else dice.uniform(0.1, 0.3)),
        blur_px=float(dice.uniform(0.2, 0.6) if dice.random() < 0.7 else dice.uniform(0.6, 1.3)),
        grime=float(dice.uniform(0.0, 0.14)),
        sharpen=float(dice.uniform(0.2, 1.2)) if dice.random() < 0.4 else 0.0,
    )


@dataclass(slots=True, eq=False)
class Layer:
    """A road user alone: `paint` is luma times coverage, `shade` the light left to the street."""

    rect: Rect
    paint: Singles  # (h, w) 0..1
    alpha: Singles  # (h, w) 0..1
    shade: Singles  # (h, w) 0..1
    mask: npt.NDArray[np.bool_]  # (h, w) where anything of it is, thin parts too


_MASK_MIN = 0.2  # share of a pixel: the rim of a far bicycle's wheel covers a quarter of one


def blurred(plane: Singles, sigma_px: float) -> Singles:
    """A Gaussian blur."""
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma_px), np.float32)


def shrunk(plane: Singles | npt.NDArray[np.uint8], size: tuple[int, int]) -> Singles:
    """The mean of the pixels under each of `size` (width, height)."""
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def _smeared(plane: Singles, kernel: Singles) -> Singles:
    return np.asarray(cv2.filter2D(plane, -1, kernel, borderType=cv2.BORDER_CONSTANT), np.float32)


_TEXTURE = blurred(np.random.default_rng(7).standard_normal((512, 512)).astype(np.float32), 2.0)
_TEXTURE /= float(_TEXTURE.std())


def texture(dice: Dice, height: int, width: int, cell_px: float) -> Singles:
    """Smooth noise of mean 0 and deviation 1 whose lumps are about `cell_px` large."""
    scale = max(cell_px / 4.0, 0.25)
    h, w = min(512, max(2, int(height / scale) + 2)), min(512, max(2, int(width / scale) + 2))
    top, left = int(dice.integers(0, 513 - h)), int(dice.integers(0, 513 - w))
    piece = _TEXTURE[top : top + h, left : left + w]
    large = cv2.resize(piece, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.float32)


def photograph(
    body: Placed,
    camera: Camera,
    light: Light,
    exposed: Film,
    rect: Rect,
    times: int,
    dice: Dice,
    travel_m: float,
    shadow: float,
) -> Layer:
    """Renders one road user into `rect`, supersampled and averaged.

    `travel_m` is how far it goes along its heading while the shutter is open; `shadow` 0..1 is how
    dark its shadow on the ground is.
    """
    left, top, right, bottom = rect
    width, height = right - left, bottom - top
    fine = camera.moved(left, top, times)
    flat, forward = fine.project(body.corners)
    xy = np.nan_to_num(flat, nan=-1e5).astype(np.float32)
    depth = np.zeros((height * times, width * times), np.float32)
    picture = np.zeros_like(depth)
    ok = np.isfinite(flat).all(axis=(1, 2))
    lit = shade(body.mesh, body.corners, body.normals, camera.eye, light)
    fill(xy[ok], (1.0 / np.maximum(forward, 0.3)).astype(np.float32)[ok], lit[ok], depth, picture)
    alpha = (depth > 0).astype(np.float32)
    glare = np.maximum(picture - 1.0, 0.0) if light.night else None
    if exposed.grime:
        cell = float(dice.uniform(0.02, 0.25)) * max(height, width) * times
        picture *= np.clip(1 + exposed.grime * texture(dice, *picture.shape, cell), 0.3, 1.7)
    if exposed.sharpen and not light.night:  # cameras do: bright seams beside dark ones
        soft = blurred(picture, 0.9 * times)
        picture = np.where(
            alpha > 0, np.maximum(picture + exposed.sharpen * (picture - soft), 0), 0
        )
    paint = exposed.luma(picture) * alpha
    size = (width, height)
    paint = shrunk(paint, size)
    alpha = shrunk(alpha, size)
    if travel_m > 0:
        way = np.array([math.cos(body.heading_rad), math.sin(body.heading_rad), 0.0])
        middle = body.corners.reshape(-1, 3).mean(axis=0)
        ends, _ = fine.project(np.stack((middle - way * travel_m / 2, middle + way * travel_m / 2)))
        if np.isfinite(ends).all():
            kernel = _streak((ends[1] - ends[0]) / times)
            if kernel is not None:
                paint = _smeared(paint, kernel)
                alpha = _smeared(alpha, kernel)
    mask = alpha > _MASK_MIN
    if exposed.blur_px > 0.25:
        paint = blurred(paint, exposed.blur_px)
        alpha = blurred(alpha, exposed.blur_px)
    below = _shadow(body, fine, light, size, times, shadow, exposed)
    if glare is not None:
        glow = _bloom(shrunk(glare, size), body, dice)
        if body.mesh.beam_m:
            glow = np.maximum(glow, _beam(body, fine, size, times, dice))
        glow *= edgeless(*glow.shape)
        paint = glow + (1 - glow) * paint
        alpha = glow + (1 - glow) * alpha
    return Layer(rect, paint, alpha, below, mask)


def edgeless(height: int, width: int) -> Singles:
    """Weights that fall from 1 to 0 at the rim, so that light and shadow end softly there."""
    rows = np.minimum(np.arange(height), np.arange(height)[::-1]) / (0.08 * height + 2)
    columns = np.minimum(np.arange(width), np.arange(width)[::-1]) / (0.08 * width + 2)
    weights: Singles = np.minimum(np.minimum(rows[:, None], columns[None, :]), 1).astype(np.float32)
    return weights


def _streak(way: Floats) -> Singles | None:
    """A line kernel as long as `way`, px; nothing where it is shorter than a pixel."""
    length = float(np.hypot(way[0], way[1]))
    if length < 0.6:
        return None
    half = min(math.ceil(length / 2) + 1, 30)
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    steps = np.linspace(-0.5, 0.5, 4 * half + 1)
    for share in steps * min(1.0, 2 * (half - 1) / length):
        column, row = half + share * float(way[0]), half + share * float(way[1])
        x, y = math.floor(column), math.floor(row)
        fx, fy = column - x, row - y
        kernel[y, x] += (1 - fx) * (1 - fy)
        kernel[y, min(x + 1, 2 * half)] += fx * (1 - fy)
        kernel[min(y + 1, 2 * half), x] += (1 - fx) * fy
        kernel[min(y + 1, 2 * half), min(x + 1, 2 * half)] += fx * fy
    kernel /= float(kernel.sum())
    return kernel


def _shadow(
    body: Placed,
    fine: Camera,
    light: Light,
    size: tuple[int, int],
    times: int,
    strength: float,
    exposed: Film,
) -> Singles:
    """What is left of the light on the ground: under the body, and in its cast shadow."""
    width, height = size
    result = np.ones((height, width), np.float32)
    if strength <= 0:
        return result
    _, away = fine.project(np.array([body.x_m, body.y_m, 0.0]))
    metre_px = fine.focal_px / max(float(away), 0.5) / times
    flat_down = body.corners.copy()
    flat_down[..., 2] = 0.0
    under = _covered(fine, flat_down, size, times)
    under = blurred(under, max(0.3, 0.14 * metre_px))
    contact = 0.35 + 0.45 * (1 - light.sun)
    result -= np.float32(contact * strength) * under
    if light.sun > 0.25 and not light.night:
        sun = light.towards_sun
        cast = body.corners.copy()
        cast[..., 0] -= cast[..., 2] * (sun[0] / sun[2])
        cast[..., 1] -= cast[..., 2] * (sun[1] / sun[2])
        cast[..., 2] = 0.0
        dark = _covered(fine, cast, size, times)
        dark = blurred(dark, max(0.3, 0.03 * metre_px + exposed.blur_px))
        left = 1 - strength * dark * np.float32(
            1 - (light.sky / (light.sky + light.sun)) ** exposed.gamma
        )
        result = np.minimum(result, left)
    return np.clip(result, 0.05, 1.0)


def _covered(fine: Camera, corners: Floats, size: tuple[int, int], times: int) -> Singles:
    flat, _ = fine.project(corners)
    ok = np.isfinite(flat).all(axis=(1, 2))
    mask = np.zeros((size[1] * times, size[0] * times), np.uint8)
    cover(flat[ok].astype(np.float32), mask)
    return np.asarray(shrunk(mask, size) / 255, np.float32)


def _bloom(glare: Singles, body: Placed, dice: Dice) -> Singles:
    """Light that lens and haze scatter around a lamp, as coverage with white."""
    height, width = glare.shape
    size = max(height, width)
    wide = blurred(glare, max(0.6, 0.02 * size))
    wider = blurred(glare, max(1.2, float(dice.uniform(0.04, 0.09)) * size))
    glow: Singles = np.clip(wide * 1.2 + wider * 2.5, 0.0, None)
    bright = np.clip(glare * 2, 0, 1)
    return np.asarray(np.maximum(np.minimum(glow * 0.5, 0.46), bright), np.float32)


def _beam(body: Placed, fine: Camera, size: tuple[int, int], times: int, dice: Dice) -> Singles:
    """The pool of light on the road ahead, as coverage with white."""
    start, reach = body.mesh.beam_m, float(dice.uniform(5, 14))
    strength = float(dice.uniform(0.05, 0.4))
    turn = turned(body.heading_rad)
    pool = np.zeros((size[1], size[0]), np.float32)
    angle = np.linspace(-math.pi, math.pi, 20)
    for share, part in ((1.0, 0.35), (0.7, 0.35), (0.4, 0.3)):
        oval = np.stack(
            (
                start + reach * share * (0.5 + 0.5 * np.cos(angle)),
                1.9 * share * np.sin(angle) * (0.6 + 0.4 * np.cos(angle / 2)),
                np.zeros_like(angle),
            ),
            axis=1,
        )
        flat, _ = fine.project(oval @ turn.T + (body.x_m, body.y_m, 0.0))
        if not np.isfinite(flat).all():
            return np.zeros_like(pool)
        mask = np.zeros_like(pool)
        cv2.fillPoly(mask, [np.rint(flat / times).astype(np.int32)], 1.0)
        pool += part * mask
    soft = blurred(pool, max(1.0, 0.03 * max(size)))
    return np.asarray(np.minimum(soft * strength, 0.46), np.float32)
