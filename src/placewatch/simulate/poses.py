"""Poses: where the cameras of a simulated street hang."""

import math
from dataclasses import dataclass

from placewatch.core.errors import Misconfigured
from placewatch.core.space import PicturePoint, Point
from placewatch.simulate.pinhole import Pinhole
from placewatch.simulate.street import Street


@dataclass(frozen=True, slots=True)
class Pose:
    """How far from the middle of the street, in reaches of its arms, how high, and its lens."""

    away: float
    height_m: float
    focal_share: float
    bearing_deg: float = 225.0  # from the middle to the camera
    k1: float = 0.0
    k2: float = 0.0


POSES = {
    "roof": Pose(2.1, 16.0, 0.62),
    "mast": Pose(1.6, 12.0, 0.5),
    "pole": Pose(1.3, 8.0, 0.4),
    "wide": Pose(1.15, 10.0, 0.36, k1=-0.1, k2=0.012),
    "side": Pose(1.9, 10.0, 0.55, bearing_deg=190.0),
}
"""The poses by name: from a roof, where little is hidden, to a pole, where much is."""


def camera_at(street: Street, name: str, width_px: int = 1920, height_px: int = 1080) -> Pinhole:
    """The camera of `street` in that pose. Raises Misconfigured where there is none."""
    if name not in POSES:
        raise Misconfigured(
            f'there is no camera pose "{name}"', hint=f"there are {', '.join(POSES)}"
        )
    pose = POSES[name]
    reach_m = max(
        (
            math.hypot((a.x_m + b.x_m) / 2 - street.middle_m[0], (a.y_m + b.y_m) / 2)
            for a, b in ((arm.start, arm.end) for arm in street.arms)
        ),
        default=30.0,
    )
    return hung(pose, reach_m, street.middle_m, width_px, height_px)


def hung(
    pose: Pose,
    reach_m: float,
    middle_m: tuple[float, float] = (0.0, 0.0),
    width_px: int = 1920,
    height_px: int = 1080,
) -> Pinhole:
    """A camera that hangs in that pose over a street which reaches so far from its middle."""
    away_m = pose.away * reach_m
    bearing = math.radians(pose.bearing_deg)
    # Looks at the near edge of the middle, so that the near arms are in the picture, too.
    pitch_deg = math.degrees(math.atan2(pose.height_m, 0.9 * away_m))
    return Pinhole(
        middle_m[0] + away_m * math.sin(bearing),
        middle_m[1] + away_m * math.cos(bearing),
        pose.height_m,
        90.0 - pose.bearing_deg - 180.0,
        pitch_deg,
        pose.focal_share,
        width_px,
        height_px,
        pose.k1,
        pose.k2,
    )


def ground_points(camera: Pinhole, street: Street) -> list[tuple[PicturePoint, Point]]:
    """Surveyed points of the street's ground that the camera sees: its arms and what is between."""
    east, north = street.middle_m
    reach_m = max(math.hypot(arm.start.x_m - east, arm.start.y_m - north) for arm in street.arms)
    wished = [
        Point(east + reach_m * x, north + reach_m * y)
        for x in (-0.8, -0.3, 0.3, 0.8)
        for y in (-0.8, -0.3, 0.3, 0.8)
    ]
    seen = [(camera.to_picture(point), point) for point in wished if in_front(camera, point)]
    return [
        (picture, point)
        for picture, point in seen
        if 0 <= picture.x_px <= camera.width_px and 0 <= picture.y_px <= camera.height_px
    ]


def in_front(camera: Pinhole, point: Point) -> bool:
    """Whether a point of the ground lies before the camera at all."""
    dx, dy = point.x_m - camera.x_m, point.y_m - camera.y_m
    yaw = math.radians(camera.yaw_deg)
    return dx * math.cos(yaw) + dy * math.sin(yaw) > 2.0
