"""Plan: junctions by a few numbers, as streets that SUMO can fill."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from xml.sax.saxutils import quoteattr

from placewatch.core.kinds import Kind
from placewatch.simulate.street import (
    LANE_M,
    MIX,
    SIDEWALK_M,
    Arm,
    Flow,
    Street,
    Walk,
    across,
)

Control = Literal["signal", "priority", "right_before_left", "roundabout"]


@dataclass(frozen=True, slots=True)
class Leg:
    """One arm of a junction; it leaves the middle at `bearing_deg`, clockwise from north.

    `per_h` vehicles come in by it; `major`: it has the right of way where there is no signal.
    """

    name: str
    bearing_deg: float
    lanes_in: int = 1
    lanes_out: int = 1
    per_h: float = 300.0
    speed_m_s: float = 13.89
    length_m: float = 180.0
    major: bool = False


@dataclass(frozen=True, slots=True)
class Junction:
    """Roads that meet at one point, or around a ring of `ring_m` radius.

    Whoever comes in leaves by any other leg, those that lie more straight ahead first
    (`straight` times as many as a right angle); `back` of all go round and leave where they came
    from, which a point has no room for. `people_per_h` walk between each two legs.
    """

    name: str
    title: str
    legs: tuple[Leg, ...]
    control: Control = "signal"
    counted_at_m: float = 30.0
    ring_m: float = 16.0
    ring_lanes: int = 1
    straight: float = 2.0
    back: float = 0.0
    people_per_h: float = 20.0
    kinds: Mapping[Kind, float] = field(default_factory=lambda: MIX)

    def street(self) -> Street:
        """The street that it is."""
        ring = self.control == "roundabout"
        nodes, edges = self._ring() if ring else self._point()
        options = ["--no-turnarounds", "true", "--junctions.corner-detail", "5"]
        walks: tuple[Walk, ...] = ()
        connections = ""
        if self.people_per_h:
            options += ["--walkingareas", "true"]
            if ring:
                zebras = (
                    f'<crossing node="{leg.name}_ring" edges="{leg.name}_in {leg.name}_out" '
                    'priority="true"/>'
                    for leg in self.legs
                )
                connections = f"<connections>{''.join(zebras)}</connections>"
            else:
                options += ["--crossings.guess", "true"]
            walks = tuple(
                Walk(f"{a.name}_in", f"{b.name}_out", self.people_per_h)
                for a in self.legs
                for b in self.legs
                if a is not b
            )
        if self.control == "signal":
            options += ["--tls.left-green.time", "6"]
        if ring:
            options += ["--roundabouts.guess", "true"]
        return Street(
            self.name,
            self.title,
            f"<nodes>{''.join(nodes)}</nodes>",
            f"<edges>{''.join(edges)}</edges>",
            self._flows(),
            walks,
            tuple(self._arm(leg) for leg in self.legs),
            connections,
            tuple(options),
        )

    def _point(self) -> tuple[list[str], list[str]]:
        kind = {"signal": "traffic_light"}.get(self.control, self.control)
        nodes = [node_xml("C", 0.0, 0.0, kind)]
        edges = []
        for leg in self.legs:
            nodes.append(node_xml(leg.name, *_out(leg.bearing_deg, leg.length_m)))
            edges += self._roads(leg, "C")
        return nodes, edges

    def _ring(self) -> tuple[list[str], list[str]]:
        """A node of the ring for each leg, in the order in which one drives around (on the right:
        against the clock)."""
        nodes, edges = [], []
        walk = SIDEWALK_M if self.people_per_h else 0.0
        order = sorted(self.legs, key=lambda leg: -leg.bearing_deg)
        for leg, after in zip(order, [*order[1:], order[0]], strict=True):
            here, there = f"{leg.name}_ring", f"{after.name}_ring"
            nodes.append(node_xml(leg.name, *_out(leg.bearing_deg, leg.length_m)))
            nodes.append(node_xml(here, *_out(leg.bearing_deg, self.ring_m), "priority"))
            edges += self._roads(leg, here)
            turn = (leg.bearing_deg - after.bearing_deg) % 360.0 or 360.0
            shape = [_out(leg.bearing_deg - turn * step / 16, self.ring_m) for step in range(17)]
            edges.append(
                edge_xml(
                    f"ring_{leg.name}", here, there, self.ring_lanes, 8.0, 3, walk,
                    shape=" ".join(f"{x:.3f},{y:.3f}" for x, y in shape),
                )
            )  # fmt: skip
        return nodes, edges

    def _roads(self, leg: Leg, middle: str) -> list[str]:
        walk = SIDEWALK_M if self.people_per_h else 0.0
        priority = 2 if leg.major else 1
        return [
            edge_xml(
                f"{leg.name}_in", leg.name, middle, leg.lanes_in, leg.speed_m_s, priority, walk
            ),
            edge_xml(
                f"{leg.name}_out", middle, leg.name, leg.lanes_out, leg.speed_m_s, priority, walk
            ),
        ]

    def _arm(self, leg: Leg) -> Arm:
        beside = -0.3  # nobody drives so close to the kerb, and beyond it people walk
        start, end = across(
            leg.bearing_deg,
            self.counted_at_m,
            leg.lanes_in * LANE_M + beside,
            leg.lanes_out * LANE_M + beside,
        )
        return Arm(leg.name, f"{leg.name}_in", f"{leg.name}_out", start, end)

    def _flows(self) -> tuple[Flow, ...]:
        flows = []
        for leg in self.legs:
            others = [other for other in self.legs if other is not leg]
            shares = [self._share(leg, other) for other in others]
            flows += [
                Flow(
                    f"{leg.name}_in",
                    f"{other.name}_out",
                    leg.per_h * (1.0 - self.back) * share / sum(shares),
                    self.kinds,
                )
                for other, share in zip(others, shares, strict=True)
            ]
            if self.back:
                flows.append(
                    Flow(f"{leg.name}_in", f"{leg.name}_out", leg.per_h * self.back, self.kinds)
                )
        return tuple(flows)

    def _share(self, leg: Leg, other: Leg) -> float:
        """How many go from one to the other, relative to a right angle."""
        bend_deg = abs((other.bearing_deg - leg.bearing_deg) % 360.0 - 180.0)
        return 1.0 + (self.straight - 1.0) * math.cos(math.radians(min(90.0, bend_deg)))


def _out(bearing_deg: float, by_m: float) -> tuple[float, float]:
    return by_m * math.sin(math.radians(bearing_deg)), by_m * math.cos(math.radians(bearing_deg))


def node_xml(name: str, x_m: float, y_m: float, kind: str = "") -> str:
    """A node of SUMO's plain XML."""
    told = f" type={quoteattr(kind)}" if kind else ""
    return f'<node id={quoteattr(name)} x="{x_m:.3f}" y="{y_m:.3f}"{told}/>'


def edge_xml(
    name: str,
    begin: str,
    end: str,
    lanes: int,
    speed_m_s: float,
    priority: int = 1,
    sidewalk_m: float = 0.0,
    shape: str = "",
    foot: bool = False,
) -> str:
    """An edge of SUMO's plain XML; `foot`: for people alone."""
    more = f' sidewalkWidth="{sidewalk_m:g}"' if sidewalk_m else ""
    more += f' shape="{shape}"' if shape else ""
    more += ' allow="pedestrian"' if foot else ""
    return (
        f"<edge id={quoteattr(name)} from={quoteattr(begin)} to={quoteattr(end)} "
        f'numLanes="{lanes}" speed="{speed_m_s:g}" priority="{priority}" width="{LANE_M}"{more}/>'
    )


def legs(bearings_deg: Sequence[float], **alike: object) -> tuple[Leg, ...]:
    """Legs at these bearings, named by the nearest of eight points of the compass."""
    names = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
    return tuple(
        Leg(names[round(bearing / 45.0) % 8], bearing, **alike)  # type: ignore[arg-type]
        for bearing in bearings_deg
    )
