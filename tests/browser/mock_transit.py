"""Mock transit: made-up vehicles on the mock node's streets, as docs/spec/console-api.md says."""

import datetime
import itertools
import math
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

ROADS: dict[str, tuple[tuple[float, float], ...]] = {
    "east": ((-420, 20), (-60, 25), (40, 30), (240, 60), (430, 140)),
    "north": ((30, -180), (25, 30), (10, 260)),
    "school": ((-165, 23), (-160, 250)),
    "ring": ((205, 52), (180, 260)),
    "quay": ((-420, -170), (420, -172)),
}
"""Metres east and north of the mock node's middle."""


@dataclass
class Bus:
    """One made-up vehicle on its way along a road."""

    id: str
    line: str | None
    road: str
    gone_m: float
    speed_m_s: float  # negative: the other way
    delay_s: float | None
    age_s: float = 6.0  # of its last position
    heads: bool = True

    def at(self) -> tuple[float, float, float]:
        """(east_m, north_m, bearing_deg)"""
        points = ROADS[self.road]
        left = self.gone_m % sum(itertools.starmap(math.dist, itertools.pairwise(points)))
        a, b = points[:2]
        for a, b in itertools.pairwise(points):
            if left <= math.dist(a, b):
                break
            left -= math.dist(a, b)
        share = left / math.dist(a, b)
        bearing = math.degrees(math.atan2(b[0] - a[0], b[1] - a[1]))
        if self.speed_m_s < 0:
            bearing += 180
        return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, bearing % 360


@dataclass
class MockTransit:
    """One operator's feed. Tests change it while a page looks at it."""

    buses: list[Bus] = field(
        default_factory=lambda: [
            Bus("b1", "4", "east", 110, 9, 35),
            Bus("b2", "178", "east", 560, -8, 380),
            Bus("b3", "4", "east", 820, 9, 130),
            Bus("b4", "9", "north", 90, 7, -95),
            Bus("b5", "178", "north", 400, -7, 205),
            Bus("b6", "Blue", "ring", 120, 7, None),
            Bus("b7", "43X", "school", 160, -6, 15, age_s=260),
            Bus("b8", "55", "quay", 250, 10, 0),
            Bus("b9", "55", "quay", 640, -10, 4020),
            Bus("b10", None, "quay", 470, 10, 60, heads=False),
        ]
    )
    state: str = "fresh"
    since_s: float | None = None
    why: str | None = None
    notes: list[str] = field(default_factory=list)
    name: str = "Kista buses"
    every_s: float = 9.0  # so that a page asks each 3 s

    def fall_silent(self, now_s: float, why: str) -> None:
        """Its server answers no more; what it told last is 5 min old."""
        self.state, self.since_s, self.why = "silent", now_s - 300, why
        for bus in self.buses:
            bus.age_s = max(bus.age_s, 300)

    def move(self, elapsed_s: float) -> None:
        for bus in self.buses:
            if bus.age_s < 100:
                bus.gone_m += bus.speed_m_s * elapsed_s

    def answer(self, now_s: float) -> Json:
        """What `GET /api/transit` tells of it."""
        vehicles = []
        for bus in self.buses:
            east_m, north_m, bearing_deg = bus.at()
            vehicles.append(
                {
                    "id": bus.id,
                    "line": bus.line,
                    "latitude_deg": 59.4036 + north_m / 111_195,
                    "longitude_deg": 17.9442 + east_m / 56_600,
                    "bearing_deg": bearing_deg if bus.heads else None,
                    "delay_s": bus.delay_s,
                    "at": rfc3339(now_s - bus.age_s),
                }
            )
        return {
            "name": self.name,
            "operator": "Storstaden Transit",
            "attribution": "Positions: Storstaden Transit, CC BY 4.0",
            "state": self.state,
            "since": rfc3339(self.since_s if self.since_s is not None else now_s - 4),
            "why": self.why,
            "notes": self.notes,
            "every_s": self.every_s,
            "old_after_s": 120.0,
            "gone_after_s": 600.0,
            "vehicles": vehicles,
        }


def rfc3339(at_s: float) -> str:
    return datetime.datetime.fromtimestamp(at_s, datetime.UTC).isoformat().replace("+00:00", "Z")
