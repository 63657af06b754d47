"""Street: a simulated street: its roads, who travels there, and where it is measured."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from placewatch.core.kinds import Kind
from placewatch.core.space import Point
from placewatch.simulate.crowd import Crowd

LANE_M = 3.2
SIDEWALK_M = 2.5

MIX: Mapping[Kind, float] = {
    Kind.CAR: 0.78,
    Kind.VAN: 0.08,
    Kind.TRUCK: 0.05,
    Kind.BUS: 0.02,
    Kind.MOTORCYCLE: 0.03,
    Kind.BICYCLE: 0.04,
}
"""Who drives in a usual street, by share."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Vehicles that come at random, `per_h` of them, from one edge of the network to another."""

    begin: str
    end: str
    per_h: float
    kinds: Mapping[Kind, float] = field(default_factory=lambda: MIX)


@dataclass(frozen=True, slots=True)
class Walk:
    """People who come at random and walk from one edge to another."""

    begin: str
    end: str
    per_h: float


@dataclass(frozen=True, slots=True)
class Arm:
    """A way into the street and out of it, with the counting line across it.

    `into` and `out_of` are its edges, towards the middle of the street and away from it; either may
    be empty.
    """

    name: str
    into: str
    out_of: str
    start: Point
    end: Point


@dataclass(frozen=True, slots=True)
class Street:
    """What SUMO needs to fill a street with traffic, and where to count.

    `nodes`, `edges` and `connections` are SUMO's plain XML; `options` go to netconvert. Where
    there is a `crowd`, nobody drives, and people are JuPedSim's.
    """

    name: str
    title: str
    nodes: str
    edges: str
    flows: tuple[Flow, ...]
    walks: tuple[Walk, ...] = ()
    arms: tuple[Arm, ...] = ()
    connections: str = ""
    options: tuple[str, ...] = ()
    middle_m: tuple[float, float] = (0.0, 0.0)  # what its cameras look at
    crowd: Crowd | None = None


def across(bearing_deg: float, at_m: float, right_m: float, left_m: float) -> tuple[Point, Point]:
    """The ends of a line across an arm that leaves the middle at `bearing_deg` (clockwise from
    north), `at_m` out: `right_m` and `left_m` far, as who comes in sees it."""
    out = math.sin(math.radians(bearing_deg)), math.cos(math.radians(bearing_deg))
    right = -out[1], out[0]
    here = out[0] * at_m, out[1] * at_m
    return (
        Point(here[0] + right[0] * right_m, here[1] + right[1] * right_m),
        Point(here[0] - right[0] * left_m, here[1] - right[1] * left_m),
    )
