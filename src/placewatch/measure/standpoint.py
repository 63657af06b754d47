"""Standpoint: where a camera stands and how wide it sees, as its ground tells.

How this works. East and north of the ground are at right angles and equally long: of a straight
lens with square pixels around the middle of its picture that tells the focal length (Zhang 2000,
section 3.1), and with it the camera's place. Who knows the pole knows whether the ground points are
right: feet for metres make it three times as high, and nothing else that is placed tells that.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from placewatch.core.space import Point
from placewatch.measure.ground import Ground

HEIGHT_M_MIN, HEIGHT_M_MAX = 1.0, 200.0
"""Between which heights above its street a camera is plausible: from a window sill to a tower."""

KNOWN_SHARE = 0.25
"""A height whose standard error is a larger share of it is not known."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Standpoint:
    """`at` is below the camera, `height_m` above the ground it hangs, with the standard error
    `height_error_m`, NaN where that is not known; `angle_deg` is how wide it sees from the left to
    the right of its picture."""

    at: Point
    height_m: float
    height_error_m: float
    angle_deg: float

    @property
    def known(self) -> bool:
        return self.height_error_m <= KNOWN_SHARE * self.height_m

    @property
    def plausible(self) -> bool:
        return HEIGHT_M_MIN <= self.height_m <= HEIGHT_M_MAX


def standpoint_of(ground: Ground, size_px: tuple[int, int]) -> Standpoint | None:
    """Where the camera stands whose picture has the width and height `size_px`. None where no
    straight lens shows the ground so, or where it looks straight down: then any focal length
    does."""
    middle = size_px[0] / 2, size_px[1] / 2
    pose = _pose(ground.to_metres, middle)
    if pose is None:
        return None
    place, focal = pose
    error_m = ground.error_of(lambda to_metres: _height_m(to_metres, middle))
    angle_deg = 2.0 * math.degrees(math.atan2(size_px[0] / 2, focal))
    return Standpoint(Point(*place[:2].tolist()), abs(float(place[2])), error_m, angle_deg)


def upwards(to_pixels: Floats, centre_px: tuple[float, float] | None) -> Floats:
    """(3,) what a metre of height adds to a point of the ground under the homography `to_pixels`
    (3, 3) of a straight lens, whose pixels are square around `centre_px`; all 0 where that is
    unknown, or no such lens shows the ground so."""
    nothing = np.zeros(3)
    if centre_px is None:
        return nothing
    east, north, _ = _around(to_pixels, centre_px)
    focal = _focal_px(east, north)
    if focal is None:
        return nothing
    scale = np.array([1.0 / focal, 1.0 / focal, 1.0])
    one, two = east * scale, north * scale
    up: Floats = np.cross(one, two) / math.sqrt(np.linalg.norm(one) * np.linalg.norm(two))
    up /= scale
    up[:2] += np.array(centre_px) * up[2]
    return up


def _pose(to_metres: Floats, centre_px: tuple[float, float]) -> tuple[Floats, float] | None:
    """The camera's place (3,) in metres, and its focal length in pixels."""
    try:
        east, north, here = _around(np.linalg.inv(to_metres).astype(np.float64), centre_px)
    except np.linalg.LinAlgError:
        return None
    focal = _focal_px(east, north)
    if focal is None:
        return None
    for column in (east, north, here):
        column[:2] /= focal
    size = math.sqrt(np.linalg.norm(east) * np.linalg.norm(north))
    # The nearest rotation: the columns are not quite at right angles, as points are not exact.
    left, _, right = np.linalg.svd(np.column_stack([east, north, np.cross(east, north) / size]))
    return -(left @ right).T @ (here / size), focal


def _height_m(to_metres: Floats, centre_px: tuple[float, float]) -> float:
    pose = _pose(to_metres, centre_px)
    return math.nan if pose is None else float(pose[0][2])


def _around(to_pixels: Floats, centre_px: tuple[float, float]) -> tuple[Floats, Floats, Floats]:
    """The columns of the homography, with pixels counted from `centre_px`."""
    columns = to_pixels.astype(np.float64).T.copy()
    columns[:, :2] -= np.outer(columns[:, 2], centre_px)
    return columns[0], columns[1], columns[2]


def _focal_px(east: Floats, north: Floats) -> float | None:
    """By least squares of two ways to it; None where neither is one."""
    across = east[:2] @ north[:2], -east[2] * north[2]
    alike = east[:2] @ east[:2] - north[:2] @ north[:2], north[2] ** 2 - east[2] ** 2
    down = across[1] ** 2 + alike[1] ** 2
    if down == 0.0:
        return None
    focal2 = (across[0] * across[1] + alike[0] * alike[1]) / down
    return math.sqrt(focal2) if focal2 > 0.0 else None
