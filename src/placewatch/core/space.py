"""Space: points on the ground in metres, tied to WGS 84 by an origin, and points on a picture."""

import math
from dataclasses import dataclass

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of WGS 84 (R1 = (2a + b) / 3); across a site its error is below 0.4 %."""


@dataclass(frozen=True, slots=True)
class Point:
    """A point on the ground: metres east and north of the site's origin."""

    x_m: float
    y_m: float


@dataclass(frozen=True, slots=True)
class PicturePoint:
    """A point on the picture: pixels right of its left edge and below its top edge."""

    x_px: float
    y_px: float


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a site's (0, 0) lies on the earth."""

    latitude_deg: float
    longitude_deg: float

    def to_point(self, latitude_deg: float, longitude_deg: float) -> Point:
        """Metres from here, on the plane that touches the earth here (good to a few km)."""
        north_m = math.radians(latitude_deg - self.latitude_deg) * EARTH_RADIUS_M
        east_m = (
            math.radians(longitude_deg - self.longitude_deg)
            * EARTH_RADIUS_M
            * math.cos(math.radians(self.latitude_deg))
        )
        return Point(east_m, north_m)

    def to_wgs84(self, point: Point) -> tuple[float, float]:
        """(latitude_deg, longitude_deg) of `point`; the inverse of `to_point`."""
        latitude_deg = self.latitude_deg + math.degrees(point.y_m / EARTH_RADIUS_M)
        longitude_deg = self.longitude_deg + math.degrees(
            point.x_m / (EARTH_RADIUS_M * math.cos(math.radians(self.latitude_deg)))
        )
        return latitude_deg, longitude_deg
