"""Fleet: the vehicles of one feed as of now, and what is forgotten of them at once.

Nothing of it is stored. An operator's own id of a vehicle stays in here, where it tells two of
them apart; who asks gets a random one that dies with the trip.
"""

import math
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from placewatch.core.space import Origin
from placewatch.core.time import UtcMicros
from placewatch.transit.lines import Lines
from placewatch.transit.reading import Near, Seen

VEHICLES_MAX = 1000
"""Of one feed; of more the nearest to the middle are kept. A map of more shows nothing."""
MOVED_M_MIN = 20.0  # less may be the error of its position


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One vehicle of public transport: all that is told of it. `id` dies with its trip."""

    id: str
    line: str | None  # as people call it
    latitude_deg: float
    longitude_deg: float
    bearing_deg: float | None  # clockwise from north, where it heads
    delay_s: float | None  # late is positive
    at: UtcMicros  # when it was there


class Fleet:
    """Remembers the last position of each vehicle of one feed, and nothing before it."""

    def __init__(self, gone_after_s: float) -> None:
        self._gone_after_s = gone_after_s
        self._vehicles: dict[tuple[str, str | None], Vehicle] = {}
        self.beyond = 0  # vehicles near enough that were too many

    def take(self, seen: Iterable[Seen], lines: Lines, at: UtcMicros, middle: Origin) -> None:
        """Takes over all of `seen`; who is not among them is forgotten. Whose time the feed does
        not tell was there at `at`."""
        ordered = sorted(
            seen, key=lambda one: distance_m(middle, one.latitude_deg, one.longitude_deg)
        )
        self.beyond = max(0, len(ordered) - VEHICLES_MAX)
        now: dict[tuple[str, str | None], Vehicle] = {}
        for one in ordered[:VEHICLES_MAX]:
            before = self._vehicles.get((one.key, one.trip))
            now[(one.key, one.trip)] = Vehicle(
                id=before.id if before else secrets.token_hex(8),
                line=lines.label(one.route, one.trip),
                latitude_deg=one.latitude_deg,
                longitude_deg=one.longitude_deg,
                bearing_deg=one.bearing_deg if one.bearing_deg is not None else _way(before, one),
                delay_s=one.delay_s,
                at=one.at if one.at is not None else at,
            )
        self._vehicles = now

    def vehicles(self, now: UtcMicros) -> tuple[Vehicle, ...]:
        """Who was somewhere not too long ago, by line."""
        return tuple(
            sorted(
                (
                    one
                    for one in self._vehicles.values()
                    if now - one.at <= self._gone_after_s * 1e6
                ),
                key=lambda one: (one.line is None, _natural(one.line or ""), one.id),
            )
        )


def within(middle: Origin, radius_m: float) -> Near:
    """Whether a point is at most `radius_m` from `middle`."""
    return lambda latitude_deg, longitude_deg: (
        distance_m(middle, latitude_deg, longitude_deg) <= radius_m
    )


def distance_m(middle: Origin, latitude_deg: float, longitude_deg: float) -> float:
    """Metres from `middle` on the plane that touches the earth there (good to some km)."""
    turn_deg = (longitude_deg - middle.longitude_deg + 180) % 360 - 180  # the short way round
    point = middle.to_point(latitude_deg, middle.longitude_deg + turn_deg)
    return math.hypot(point.x_m, point.y_m)


def _way(before: Vehicle | None, one: Seen) -> float | None:
    """Where a vehicle heads that does not say so, by its last two positions."""
    if before is None:
        return None
    step = Origin(before.latitude_deg, before.longitude_deg).to_point(
        one.latitude_deg, one.longitude_deg
    )
    if math.hypot(step.x_m, step.y_m) < MOVED_M_MIN:
        return before.bearing_deg
    return round(math.degrees(math.atan2(step.x_m, step.y_m)) % 360, 1) % 360


def _natural(line: str) -> tuple[int, str]:
    """So that line 9 comes before line 10."""
    digits = line[: next((i for i, one in enumerate(line) if not one.isdecimal()), len(line))]
    return int(digits) if digits.isascii() and digits else 1_000_000, line
