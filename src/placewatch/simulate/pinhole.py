"""Pinhole: a camera above flat ground, from metres to pixels and back."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from placewatch.core.space import PicturePoint, Point

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pinhole:
    """A camera at (x_m, y_m), `height_m` above the ground.

    It looks towards `yaw_deg`, counted from the x axis towards the y axis, and `pitch_deg` below
    the horizon. `focal_share` is the focal length in picture widths. Hartley & Zisserman 2004, 6.1.
    `k1` and `k2` bend what is off the middle (Brown 1971): a point that a straight lens shows at
    the distance r from it, in focal lengths, is shown at r (1 + k1 r² + k2 r⁴).
    """

    x_m: float
    y_m: float
    height_m: float
    yaw_deg: float
    pitch_deg: float
    focal_share: float
    width_px: int
    height_px: int
    k1: float = 0.0
    k2: float = 0.0
    _turn: Floats = field(init=False, repr=False, compare=False)  # rows: right, down, forward

    def __post_init__(self) -> None:
        yaw, pitch = math.radians(self.yaw_deg), math.radians(self.pitch_deg)
        forward = (
            math.cos(pitch) * math.cos(yaw),
            math.cos(pitch) * math.sin(yaw),
            -math.sin(pitch),
        )
        right = (math.sin(yaw), -math.cos(yaw), 0.0)
        down = (
            -math.sin(pitch) * math.cos(yaw),
            -math.sin(pitch) * math.sin(yaw),
            -math.cos(pitch),
        )
        object.__setattr__(self, "_turn", np.array([right, down, forward]))

    @property
    def turn(self) -> Floats:
        """(3, 3) from the world's axes to the camera's: its rows are right, down and forward."""
        return self._turn

    @property
    def focal_px(self) -> float:
        return self.focal_share * self.width_px

    @property
    def centre(self) -> Floats:
        """Where the camera is: (x, y, z) in metres."""
        return np.array([self.x_m, self.y_m, self.height_m])

    @property
    def angle_deg(self) -> float:
        """How wide it sees, from the left edge of the picture to the right."""
        return math.degrees(2 * math.atan(0.5 / self.focal_share))

    @property
    def horizon_px(self) -> float:
        return self.height_px / 2 - self.focal_px * math.tan(math.radians(self.pitch_deg))

    def scaled(self, times: int) -> "Pinhole":
        """The same camera with a picture `times` as large."""
        return Pinhole(
            self.x_m,
            self.y_m,
            self.height_m,
            self.yaw_deg,
            self.pitch_deg,
            self.focal_share,
            self.width_px * times,
            self.height_px * times,
            self.k1,
            self.k2,
        )

    def view(self, metres: Floats) -> Floats:
        """(N, 3) points in the camera's own axes: right, down, forward; metres."""
        seen: Floats = (metres - self.centre) @ self._turn.T
        return seen

    def flatten(self, seen: Floats) -> Floats:
        """(N, 3) points as `view` gives them → (N, 2) px. All must be in front of the camera."""
        flat: Floats = seen[..., :2] / seen[..., 2:3]
        if self.k1 or self.k2:
            flat *= self._bend((flat**2).sum(axis=-1, keepdims=True))
        flat *= self.focal_px
        flat += (self.width_px / 2, self.height_px / 2)
        return flat

    def _bend(self, r2: Floats) -> Floats:
        bend: Floats = 1.0 + r2 * (self.k1 + r2 * self.k2)
        return bend

    def straighten(self, flat: Floats) -> Floats:
        """(..., 2) places on the picture, in focal lengths from its middle, as a straight lens
        shows them."""
        if not (self.k1 or self.k2):
            return flat
        shown = np.sqrt((flat**2).sum(axis=-1, keepdims=True))
        r = shown.copy()
        for _ in range(10):  # Newton's steps
            r2 = r**2
            steep = 1.0 + r2 * (3.0 * self.k1 + r2 * 5.0 * self.k2)
            r = np.clip(r - (r * self._bend(r2) - shown) / np.maximum(0.05, steep), 0.0, 10.0)
        straight: Floats = flat * np.where(shown > 0.0, r / np.maximum(shown, 1e-12), 1.0)
        return straight

    def project(self, metres: Floats) -> Floats:
        """(N, 3) points in metres → (N, 2) px. All must be in front of the camera."""
        return self.flatten(self.view(metres))

    def to_picture(self, point: Point) -> PicturePoint:
        """Where a point on the ground is on the picture."""
        flat = self.project(np.array([[point.x_m, point.y_m, 0.0]]))[0]
        return PicturePoint(float(flat[0]), float(flat[1]))

    def to_ground(self, point: PicturePoint) -> Point:
        """The point on the ground that is seen at `point`, which lies below the horizon."""
        ray = self._ray(point)
        assert ray[2] < 0, "above the horizon"
        reach = -self.height_m / ray[2]
        return Point(float(self.x_m + ray[0] * reach), float(self.y_m + ray[1] * reach))

    def sees_ground(self, point: PicturePoint) -> bool:
        """Whether ground is seen at `point`, which is below the horizon then."""
        return bool(self._ray(point)[2] < -1e-3)

    def _ray(self, point: PicturePoint) -> Floats:
        flat = np.array([point.x_px - self.width_px / 2, point.y_px - self.height_px / 2])
        ray: Floats = np.append(self.straighten(flat / self.focal_px), 1.0) @ self._turn
        return ray

    def rays(self) -> npt.NDArray[np.float32]:
        """(height, width, 3): for each pixel the direction it looks, 1 m forward."""
        across = (np.arange(self.width_px) + 0.5 - self.width_px / 2) / self.focal_px
        down = (np.arange(self.height_px) + 0.5 - self.height_px / 2) / self.focal_px
        if self.k1 or self.k2:
            right, down = np.moveaxis(
                self.straighten(np.stack(np.meshgrid(across, down), axis=-1)), -1, 0
            )
        else:
            right, down = across[None, :], down[:, None]
        rays = np.empty((self.height_px, self.width_px, 3), np.float32)
        for axis in range(3):
            rays[:, :, axis] = (
                right * self._turn[0, axis] + down * self._turn[1, axis] + self._turn[2, axis]
            )
        return rays
