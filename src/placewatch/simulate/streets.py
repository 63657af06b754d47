"""Streets: the simulated streets there are, each with its traffic, its arms and its cameras."""

from collections.abc import Mapping
from dataclasses import replace

from placewatch.core.errors import Misconfigured
from placewatch.core.kinds import Kind
from placewatch.simulate.layouts import layouts
from placewatch.simulate.places import market_square, station_platform
from placewatch.simulate.plan import Junction, Leg, edge_xml, legs, node_xml
from placewatch.simulate.street import LANE_M, MIX, Arm, Flow, Street, Walk, across

_SQUARE = (0.0, 90.0, 180.0, 270.0)
_NO_BUS: Mapping[Kind, float] = {kind: share for kind, share in MIX.items() if kind is not Kind.BUS}
_FAST = {Kind.CAR: 0.78, Kind.VAN: 0.06, Kind.TRUCK: 0.13, Kind.BUS: 0.01, Kind.MOTORCYCLE: 0.02}


def junction() -> Street:
    """Two streets of two lanes each way that cross, with signals and walkers at every arm."""
    return Junction(
        "junction",
        "Signalised four-arm junction",
        legs(_SQUARE, per_h=450.0, lanes_in=2, lanes_out=2),
        people_per_h=30.0,
    ).street()


def roundabout() -> Street:
    """Four arms around a ring, with zebras."""
    return Junction(
        "roundabout",
        "Roundabout",
        legs(_SQUARE, per_h=300.0),
        "roundabout",
        counted_at_m=45.0,
    ).street()


def rural() -> Street:
    """A side road that meets a country road, where nobody walks."""
    tee = (
        Leg("W", 270.0, per_h=260.0, speed_m_s=25.0, length_m=400.0, major=True),
        Leg("E", 90.0, per_h=260.0, speed_m_s=25.0, length_m=400.0, major=True),
        Leg("S", 180.0, per_h=80.0, speed_m_s=19.4, length_m=300.0),
    )
    return Junction(
        "rural", "Rural T-junction", tee, "priority", people_per_h=0.0, kinds=_NO_BUS
    ).street()


def zebra() -> Street:
    """Two carriageways with a refuge between them, and a marked crossing over each."""
    return _crossed("zebra", "Zebra with a refuge", 13.89, 500.0, 160.0, gap_m=3.0, kinds=MIX)


def school() -> Street:
    """A street of 30 km/h before a school: many on foot and by bicycle."""
    kinds = {Kind.CAR: 0.6, Kind.VAN: 0.06, Kind.BUS: 0.04, Kind.BICYCLE: 0.3}
    return _crossed("school", "School street", 8.33, 200.0, 400.0, gap_m=0.0, kinds=kinds)


def arterial() -> Street:
    """A main road through two signals 400 m apart, with a side street between them."""
    ways = (
        ("W", "A", 2), ("A", "M", 2), ("M", "B", 2), ("B", "E", 2), ("AN", "A", 1),
        ("AS", "A", 1), ("BN", "B", 1), ("BS", "B", 1), ("MS", "M", 1),
    )  # fmt: skip
    places = {
        "W": (-450.0, 0.0), "A": (-200.0, 0.0), "M": (20.0, 0.0), "B": (200.0, 0.0),
        "E": (450.0, 0.0), "AN": (-200.0, 180.0), "AS": (-200.0, -180.0), "BN": (200.0, 180.0),
        "BS": (200.0, -180.0), "MS": (20.0, -150.0),
    }  # fmt: skip
    lights = {"A": "traffic_light", "B": "traffic_light", "M": "priority"}
    nodes = [node_xml(name, *at, lights.get(name, "")) for name, at in places.items()]
    edges = [
        edge_xml(f"{a}_{b}", a, b, lanes, 13.89, 1 + (lanes > 1))
        for begin, end, lanes in ways
        for a, b in ((begin, end), (end, begin))
    ]
    flows = [
        ("W_A", "B_E", 500.0), ("E_B", "A_W", 380.0), ("W_A", "A_AN", 60.0), ("W_A", "B_BN", 50.0),
        ("W_A", "M_MS", 40.0), ("W_A", "B_BS", 50.0), ("E_B", "B_BN", 60.0), ("E_B", "A_AS", 50.0),
        ("AN_A", "A_AS", 70.0), ("AS_A", "A_AN", 70.0), ("AN_A", "B_E", 60.0),
        ("AS_A", "B_E", 60.0), ("BN_B", "B_BS", 90.0), ("BS_B", "B_BN", 90.0),
        ("BN_B", "A_W", 60.0), ("MS_M", "B_E", 50.0), ("MS_M", "A_W", 40.0),
    ]  # fmt: skip
    arms = (
        _arm("W", "W_A", "A_W", (-200.0, 0.0), 270.0, 30.0, 2),
        _arm("E", "M_A", "A_M", (-200.0, 0.0), 90.0, 30.0, 2),
        _arm("N", "AN_A", "A_AN", (-200.0, 0.0), 0.0, 30.0, 1),
        _arm("S", "AS_A", "A_AS", (-200.0, 0.0), 180.0, 30.0, 1),
    )
    return Street(
        "arterial",
        "Arterial with two signals",
        f"<nodes>{''.join(nodes)}</nodes>",
        f"<edges>{''.join(edges)}</edges>",
        tuple(Flow(begin, end, per_h) for begin, end, per_h in flows),
        arms=arms,
        options=("--no-turnarounds", "true", "--tls.left-green.time", "6"),
        middle_m=(-200.0, 0.0),
    )


def motorway() -> Street:
    """One carriageway of three lanes that a ramp joins, and the other beside it."""
    nodes = [
        node_xml("W", -600.0, 0.0), node_xml("J", -150.0, 0.0), node_xml("D", 150.0, 0.0),
        node_xml("E", 600.0, 0.0), node_xml("R", -500.0, -90.0), node_xml("E2", 600.0, 24.0),
        node_xml("W2", -600.0, 24.0),
    ]  # fmt: skip
    edges = [
        edge_xml("main", "W", "J", 3, 33.3, 3),
        edge_xml("ramp", "R", "J", 1, 22.2, 1, shape="-500,-90 -280,-40 -150,-14"),
        edge_xml("merge", "J", "D", 4, 33.3, 3),
        edge_xml("on", "D", "E", 3, 33.3, 3),
        edge_xml("back", "E2", "W2", 3, 33.3, 3),
    ]
    connections = "".join(
        f'<connection from="{a}" to="{b}" fromLane="{x}" toLane="{y}"/>'
        for a, b, pairs in (
            ("main", "merge", ((0, 1), (1, 2), (2, 3))),
            ("ramp", "merge", ((0, 0),)),
            ("merge", "on", ((1, 0), (2, 1), (3, 2))),
        )
        for x, y in pairs
    )
    flows = (
        Flow("main", "on", 2400.0, _FAST),
        Flow("ramp", "on", 400.0, _FAST),
        Flow("back", "back", 2200.0, _FAST),
    )
    right, left = 4 * LANE_M - 0.3, -0.3  # of the carriageway that the ramp joins
    arms = (
        Arm("W", "merge", "", *across(270.0, 45.0, right, left)),
        Arm("E", "", "merge", *across(90.0, 45.0, left, right)),
    )
    return Street(
        "motorway",
        "Motorway with a ramp",
        f"<nodes>{''.join(nodes)}</nodes>",
        f"<edges>{''.join(edges)}</edges>",
        flows,
        arms=arms,
        connections=f"<connections>{connections}</connections>",
        options=("--no-turnarounds", "true"),
    )


def _crossed(
    name: str,
    title: str,
    speed_m_s: float,
    per_h: float,
    people_per_h: float,
    gap_m: float,
    kinds: Mapping[Kind, float],
) -> Street:
    """A road from west to east that people cross at its middle: at once, or by a refuge as deep as
    the gap between its carriageways."""
    far = 200.0
    half = gap_m / 2
    nodes, edges = [], []
    crossings = []
    if gap_m:
        for y, way in ((-half, "east"), (half, "west")):
            nodes += [
                node_xml(f"W{way}", -far, y), node_xml(way, 0.0, y, "priority"),
                node_xml(f"E{way}", far, y),
            ]  # fmt: skip
            ends = (f"W{way}", f"E{way}") if way == "east" else (f"E{way}", f"W{way}")
            edges += [
                edge_xml(f"{way}_in", ends[0], way, 1, speed_m_s, 2, 2.5),
                edge_xml(f"{way}_out", way, ends[1], 1, speed_m_s, 2, 2.5),
            ]
            crossings.append(f'<crossing node="{way}" edges="{way}_in" priority="true" width="4"/>')
        edges.append(edge_xml("refuge", "east", "west", 1, 3.0, 1, foot=True))
        arms = (
            Arm("W", "east_in", "west_out", *across(270.0, 30.0, half + 2.9, half + 2.9)),
            Arm("E", "west_in", "east_out", *across(90.0, 30.0, half + 2.9, half + 2.9)),
        )
        flows = (
            Flow("east_in", "east_out", per_h, kinds),
            Flow("west_in", "west_out", per_h, kinds),
        )
        walks = tuple(
            Walk(a, b, people_per_h / 4)
            for a, b in (
                ("east_in", "west_out"), ("east_in", "west_in"),
                ("west_in", "east_out"), ("west_in", "east_in"),
            )
        )  # fmt: skip
    else:
        nodes = [node_xml("C", 0.0, 0.0, "priority")]
        for end, x in (("W", -far), ("E", far)):
            # The ways out end a metre further on: at a node of both, people would walk across.
            nodes += [node_xml(end, x, 0.0), node_xml(f"{end}_end", x * (1 + 1 / far), 0.0)]
            edges += [
                edge_xml(f"{end}_in", end, "C", 1, speed_m_s, 2, 2.5),
                edge_xml(f"{end}_out", "C", f"{end}_end", 1, speed_m_s, 2, 2.5),
            ]
        crossings.append('<crossing node="C" edges="W_in W_out" priority="true" width="4"/>')
        arms = (
            _arm("W", "W_in", "W_out", (0.0, 0.0), 270.0, 30.0, 1),
            _arm("E", "E_in", "E_out", (0.0, 0.0), 90.0, 30.0, 1),
        )
        flows = (Flow("W_in", "E_out", per_h, kinds), Flow("E_in", "W_out", per_h, kinds))
        walks = tuple(
            Walk(a, b, people_per_h / 4)
            for a, b in (("W_in", "W_out"), ("W_in", "E_in"), ("E_in", "E_out"), ("E_in", "W_in"))
        )
    return Street(
        name,
        title,
        f"<nodes>{''.join(nodes)}</nodes>",
        f"<edges>{''.join(edges)}</edges>",
        flows,
        walks,
        arms,
        f"<connections>{''.join(crossings)}</connections>",
        ("--no-turnarounds", "true", "--walkingareas", "true"),
    )


def _arm(
    name: str,
    into: str,
    out_of: str,
    middle: tuple[float, float],
    bearing_deg: float,
    at_m: float,
    lanes: int,
) -> Arm:
    wide = lanes * 3.2 - 0.3
    start, end = across(bearing_deg, at_m, wide, wide)
    return Arm(
        name,
        into,
        out_of,
        replace(start, x_m=start.x_m + middle[0], y_m=start.y_m + middle[1]),
        replace(end, x_m=end.x_m + middle[0], y_m=end.y_m + middle[1]),
    )


SIMULATED = {
    "junction": junction,
    "roundabout": roundabout,
    "zebra": zebra,
    "arterial": arterial,
    "motorway": motorway,
    "school": school,
    "rural": rural,
    "market-square": market_square,
    "station-platform": station_platform,
}
"""The streets by their names; `street_named` knows the twenty layouts, too."""


def street_named(name: str) -> Street:
    """The street of that name. Raises Misconfigured where there is none."""
    if name in SIMULATED:
        return SIMULATED[name]()
    for layout in layouts():
        if layout.name == name:
            return layout.street()
    raise Misconfigured(
        f'there is no simulated street "{name}"',
        hint=f"there are {', '.join(SIMULATED)}, and the layouts "
        f"{', '.join(layout.name for layout in layouts())}",
    )
