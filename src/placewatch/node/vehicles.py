"""Vehicles: what a node shows of public transport; see docs/spec/console-api.md."""

from dataclasses import dataclass
from typing import Literal

from placewatch.core.time import UtcMicros

FeedState = Literal["starting", "fresh", "silent"]
"""What a feed does. `silent` comes with the time since when, and a sentence why."""


@dataclass(frozen=True, slots=True)
class VehicleView:
    """One vehicle that tells its own position. `id` is random and dies with its trip."""

    id: str
    line: str | None  # as people call it
    latitude_deg: float
    longitude_deg: float
    bearing_deg: float | None  # clockwise from north
    delay_s: float | None  # late is positive; None where the feed does not say
    at: UtcMicros  # when it was there


@dataclass(frozen=True, slots=True)
class FeedView:
    """One operator's feed. `attribution` must stand where its vehicles are shown."""

    name: str
    operator: str
    attribution: str
    state: FeedState
    since: UtcMicros  # when it was last heard; of a feed that never was, when the node began
    why: str | None  # what is wrong, in a sentence; also while its last news is still fresh
    notes: tuple[str, ...]  # what was left out, a sentence each
    every_s: float
    old_after_s: float  # a position that is older is shown as old …
    gone_after_s: float  # … and then no more
    vehicles: tuple[VehicleView, ...]


@dataclass(frozen=True, slots=True)
class TransitView:
    """All feeds of the node at one moment."""

    at: UtcMicros
    feeds: tuple[FeedView, ...]
