"""Demo buses: the invented town's own feed, in which vehicles drive along its streets by the clock.

They are made up like the town. The streets that its cameras draw know nothing of them.
"""

import functools
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from placewatch.core.space import Point
from placewatch.core.time import Clock
from placewatch.node.demo import ORIGIN, road

ADDRESS = "town:ekhamn"
"""Stands where a feed's address does."""

SPEED_M_S = 7.0  # stops included
REPORT_S = 10  # each vehicle tells its position this often, not all at once
TURN_S = 45  # a vehicle waits at the end of its line


@dataclass(frozen=True, slots=True)
class _Line:
    """A line back and forth along a street: how many vehicles, and how late they are on average."""

    name: str
    street: str
    vehicles: int
    delay_s: float


_LINES = (
    _Line("1", "Market Street", 2, 20.0),
    _Line("2", "Church Street", 3, 250.0),
    _Line("4", "Station Road", 3, 60.0),
    _Line("7", "Harbour Quay", 3, -70.0),
    _Line("10", "Ring Road", 4, 40.0),
)


class InventedFeed:
    """A source of GTFS-Realtime, as of now; the same moment always gives the same feed."""

    where = "the invented town"
    retry_after_s = 0.0

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def fetch(self) -> bytes | None:
        return feed_at(self._clock.utc() // 1_000_000)


def feed_at(now_s: int) -> bytes:
    """All vehicles of the town at `now_s`, seconds since 1970, in protocol buffers."""
    from google.transit import gtfs_realtime_pb2  # only here, as in transit/reading.py

    message = gtfs_realtime_pb2.FeedMessage()
    message.header.gtfs_realtime_version = "2.0"
    message.header.timestamp = now_s
    for line, number in _fleet():
        at_s = now_s - (now_s + 3 * number + len(line.street)) % REPORT_S
        run, longitude_deg, latitude_deg, bearing_deg = _position(line, number, at_s)
        trip = f"{line.name}-{number}-{run}"
        entity = message.entity.add(id=f"vehicle-{line.name}-{number}")
        entity.vehicle.vehicle.id = f"{line.name}-{number}"
        entity.vehicle.trip.trip_id = trip
        entity.vehicle.trip.route_id = line.name
        entity.vehicle.position.latitude = latitude_deg
        entity.vehicle.position.longitude = longitude_deg
        entity.vehicle.position.bearing = bearing_deg
        entity.vehicle.timestamp = at_s
        told = message.entity.add(id=f"trip-{line.name}-{number}").trip_update
        told.trip.trip_id = trip
        told.delay = round(line.delay_s + 110 * math.sin(at_s / 400 + 2.4 * number))
    return bytes(message.SerializeToString())


def _fleet() -> Iterator[tuple[_Line, int]]:
    for line in _LINES:
        for number in range(line.vehicles):
            yield line, number


@functools.cache
def _way(street: str) -> tuple[tuple[float, float], ...]:
    """The street in metres from the town's origin."""
    way = [
        ORIGIN.to_point(latitude_deg, longitude_deg) for longitude_deg, latitude_deg in road(street)
    ]
    return tuple((one.x_m, one.y_m) for one in way)


def _position(line: _Line, number: int, at_s: int) -> tuple[int, float, float, float]:
    """Which run it is on, its longitude and latitude, and where it heads."""
    points = _way(line.street)
    whole_m = sum(itertools.starmap(math.dist, itertools.pairwise(points)))
    run_s = whole_m / SPEED_M_S + TURN_S
    # Evenly along the way there and back.
    run, gone_s = divmod(at_s + number * 2 * run_s / line.vehicles, run_s)
    left_m = min(gone_s * SPEED_M_S, whole_m - 1e-6)
    if int(run) % 2:
        points = points[::-1]
    a, b = points[:2]
    for a, b in itertools.pairwise(points):
        if left_m <= math.dist(a, b):
            break
        left_m -= math.dist(a, b)
    share = left_m / math.dist(a, b)
    x_m, y_m = (p + (q - p) * share for p, q in zip(a, b, strict=True))
    latitude_deg, longitude_deg = ORIGIN.to_wgs84(Point(x_m, y_m))
    bearing_deg = math.degrees(math.atan2(b[0] - a[0], b[1] - a[1])) % 360
    return int(run), longitude_deg, latitude_deg, bearing_deg
