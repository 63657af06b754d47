"""Places: a market square and a station platform, filled with people who walk, stand and board."""

import itertools
from collections.abc import Iterator

from placewatch.core.space import Point
from placewatch.simulate.crowd import (
    STANDS_M_S,
    Area,
    Corners,
    Crowd,
    Inflow,
    Stand,
    Surge,
    Trains,
    Way,
    edges_xml,
    nodes_xml,
)
from placewatch.simulate.materials import Rgb
from placewatch.simulate.scenery import Block, Corner, Lamp, box_corners
from placewatch.simulate.street import Arm, Street

_WOOD: Rgb = (150, 120, 88)
_POST: Rgb = (104, 100, 96)
_CONCRETE: Rgb = (176, 174, 168)
_STONE: Rgb = (158, 154, 146)
_WATER: Rgb = (112, 134, 142)
_WHITE: Rgb = (226, 224, 217)
_AWNINGS: tuple[Rgb, ...] = ((168, 76, 62), (86, 120, 100), (188, 150, 84), (92, 108, 136))


# The square: 40 m x 30 m, with an alley or a street into each side, stalls before the houses on its
# north, and a fountain. (0, 0) is its middle, y is north.

_WIDE_M, _DEEP_M = 20.0, 15.0  # from its middle to its sides
_OUT_M = 14.0  # how far its streets are walked
_GATES: dict[str, tuple[Corner, Corner, float]] = {  # middle of the mouth, outwards, half as wide
    "N": ((-6.0, _DEEP_M), (0.0, 1.0), 1.6),
    "E": ((_WIDE_M, 3.0), (1.0, 0.0), 3.0),
    "S": ((5.0, -_DEEP_M), (0.0, -1.0), 4.0),
    "W": ((-_WIDE_M, -2.0), (-1.0, 0.0), 3.0),
}
_STALLS_M = (-14.0, 2.0, 8.5, 15.0)  # east of the middle
_COUNTER_M = 11.2  # north of it
_TREES: tuple[Corner, ...] = ((-15.0, -9.5), (13.0, -10.5))
_LAMPS: tuple[Corner, ...] = (  # at its sides, beside the mouths
    (-19.6, -14.4), (-19.6, 3.5), (-19.6, 14.4), (19.6, -14.4), (19.6, -2.0), (19.6, 14.4),
)  # fmt: skip
_PER_H = 200.0  # from each gate to each other, on a quiet day
_BUSY = ((0.0, 1.0), (600.0, 1.0), (900.0, 3.0), (1200.0, 3.0), (1500.0, 1.0))
"""Twice an hour the square fills up and empties again."""


def market_square() -> Street:
    """A market square: people cross it every way, stand at stalls and around a fountain."""
    ways = [*_gate_ways(), *_spots(), Way("middle", (-5.0, -6.0), (-9.0, -6.0), 0.6)]
    stands = []
    inflows = []
    outs = tuple((f"{gate}_out{lane}",) for gate in _GATES for lane in range(3))
    for number, x in enumerate(_STALLS_M):
        ways += _stand(f"stall{number}", (x, _COUNTER_M - 0.3), (0.0, -1.0), 1.8)
        stands.append(Stand(f"stall{number}", 75.0, outs))
    # Whoever comes from behind a stand would take its slow way first: each has its own gates.
    ways += _stand("fountain_s", (2.0, -5.2), (0.0, -1.0), 1.5)
    ways += _stand("fountain_w", (-1.2, -2.0), (-1.0, 0.0), 1.5)
    stands += [Stand("fountain_s", 120.0, outs), Stand("fountain_w", 120.0, outs)]
    visitors = [(gate, f"stall{n}") for gate in "ESW" for n in range(len(_STALLS_M))]
    visitors += [("S", "fountain_s"), ("W", "fountain_w")]
    for number, (gate, stand) in enumerate(visitors):
        # Not more when it is busy: they come faster than they are served, and queues never end.
        route = (f"{gate}_in{number % 3}", f"{stand}_to", stand)
        inflows.append(Inflow(route, ((0.0, 55.0),)))
    number = 0
    for a, b in itertools.permutations(_GATES, 2):
        for spot in ("", f"spot{number % 6}", f"spot{(number + 3) % 6}"):
            route = (f"{a}_in{number % 3}", spot, f"{b}_out{(number + 1) % 3}")
            inflows.append(_inflow(tuple(way for way in route if way), _PER_H / 3))
            number += 1
    streets = tuple(_street(gate) for gate in _GATES)
    square = box_corners(-_WIDE_M, -_DEEP_M, _WIDE_M, _DEEP_M)
    stalls = [box_corners(x - 1.6, _COUNTER_M, x + 1.6, _DEEP_M + 0.1) for x in _STALLS_M]
    fountain = box_corners(0.0, -4.0, 4.0, 0.0)
    crowd = Crowd(
        left=("middle",),
        grounds=(square, *streets),
        ways=tuple(ways),
        inflows=tuple(inflows),
        seen=(-_WIDE_M - _OUT_M + 3.5, -_DEEP_M - _OUT_M + 3.5, _WIDE_M + _OUT_M - 3.5, 25.5),
        areas=(
            Area("square", square),
            Area("stalls", box_corners(-_WIDE_M, 6.5, _WIDE_M, _COUNTER_M)),
            Area("middle", box_corners(-6.0, -6.0, 6.0, 6.0)),
            Area("mouth N", box_corners(-9.0, 11.5, -3.0, _DEEP_M)),
        ),
        obstacles=(
            *stalls,
            fountain,
            *(box_corners(x - 0.6, y - 0.6, x + 0.6, y + 0.6) for x, y in _TREES),
        ),
        stands=tuple(stands),
        surges=tuple(
            (
                gate,
                Surge((f"{gate}_out1",), tuple(f"{a}_in1" for a in _GATES if a != gate)),
            )
            for gate in _GATES
        ),
        surfaces=(
            *(("pavement", street) for street in streets),
            ("square", square),
            ("clinker", box_corners(-0.8, -4.8, 4.8, 0.8)),
        ),
        paints=tuple(
            (box_corners(x, -_DEEP_M, x + 0.25, _DEEP_M), (172, 162, 146)) for x in (-10.0, 10.0)
        ),
        blocks=(*(block for n, x in enumerate(_STALLS_M) for block in _stall(n, x)), *_fountain()),
        houses=(
            ((-4.2, 15.4), (20.6, 15.4)),
            ((-36.0, 15.4), (-7.8, 15.4)),
            ((20.6, 15.0), (20.6, 6.4)),
            ((20.6, -0.4), (20.6, -24.0)),
        ),
        trees=_TREES,
        lamps=tuple(Lamp(at, (0.0, 0.8 * at[1])) for at in _LAMPS),
    )
    arms = tuple(Arm(gate, "", "", *_line(*_GATES[gate])) for gate in _GATES)
    return _on_foot("market-square", "Market square", crowd, arms, (0.0, 0.0))


def _gate_ways() -> Iterator[Way]:
    """Three ways in and three out at the far end of each street, each on its right-hand side."""
    for gate, (mouth, out, half_m) in _GATES.items():
        for lane in range(3):
            aside_m = half_m * (0.15 + 0.3 * lane)
            far, near = (_beside(mouth, out, by_m, -aside_m) for by_m in (_OUT_M, _OUT_M - 2.0))
            yield Way(f"{gate}_in{lane}", far, near, 0.6)
            near, far = (_beside(mouth, out, by_m, aside_m) for by_m in (_OUT_M - 2.0, _OUT_M))
            yield Way(f"{gate}_out{lane}", near, far, 0.6)


def _beside(at: Corner, out: Corner, by_m: float, right_m: float) -> Corner:
    """The point so far out from `at`, and so far to the right of who goes out."""
    return (
        at[0] + out[0] * by_m + out[1] * right_m,
        at[1] + out[1] * by_m - out[0] * right_m,
    )


def _spots() -> Iterator[Way]:
    """Where some pass on their way across: within a few metres of each."""
    spots = ((-10.0, 3.0), (-8.0, -8.0), (9.0, 4.0), (10.0, -6.0), (-2.0, 6.0), (0.0, -10.0))
    for number, (x, y) in enumerate(spots):
        yield Way(f"spot{number}", (x - 0.3, y), (x + 0.3, y), 7.0)


def _stand(name: str, at: Corner, out: Corner, half_m: float) -> tuple[Way, Way]:
    """A slow way along whatever is stood at, and before it the one from which people come."""
    ends = [_beside(at, out, 0.0, aside_m) for aside_m in (-half_m, half_m)]
    before = [_beside(at, out, 2.0, aside_m) for aside_m in (-half_m, half_m)]
    return (
        Way(name, ends[0], ends[1], 0.4, STANDS_M_S),
        Way(f"{name}_to", before[0], before[1], 2.0),
    )


def _inflow(ways: tuple[str, ...], per_h: float) -> Inflow:
    return Inflow(ways, tuple((at_s, per_h * times) for at_s, times in _BUSY))


def _street(gate: str) -> Corners:
    mouth, out, half_m = _GATES[gate]
    corners = [
        _beside(mouth, out, by_m, right_m)
        for by_m, right_m in (
            (-0.5, -half_m), (-0.5, half_m), (_OUT_M + 0.5, half_m), (_OUT_M + 0.5, -half_m),
        )
    ]  # fmt: skip
    return tuple(corners)


def _line(mouth: Corner, out: Corner, half_m: float) -> tuple[Point, Point]:
    """The line across a mouth: it starts on the right hand of who comes in."""
    ends = (_beside(mouth, out, 0.2, right_m) for right_m in (-half_m, half_m))
    start, end = (Point(*at) for at in ends)
    return start, end


def _stall(number: int, x: float) -> Iterator[Block]:
    """A counter, its posts and an awning over it."""
    front, back = _COUNTER_M, _COUNTER_M + 2.6
    for side in (-1.5, 1.5):
        for y in (front + 0.1, back):
            yield Block((x + side - 0.05, y), (x + side + 0.05, y), 0.1, 0.0, 2.2, _POST)
    yield Block((x - 1.5, front + 0.45), (x + 1.5, front + 0.45), 0.8, 0.0, 0.95, _WOOD)
    middle = (front + back) / 2
    yield Block((x - 1.8, middle), (x + 1.8, middle), 3.0, 2.2, 2.5, _AWNINGS[number])


def _fountain() -> Iterator[Block]:
    for start, end in (
        ((0.0, -3.8), (4.0, -3.8)), ((0.0, -0.2), (4.0, -0.2)),
        ((0.2, -3.6), (0.2, -0.4)), ((3.8, -3.6), (3.8, -0.4)),
    ):  # fmt: skip
        yield Block(start, end, 0.4, 0.0, 0.5, _STONE)
    yield Block((0.4, -2.0), (3.6, -2.0), 3.2, 0.2, 0.35, _WATER)
    yield Block((1.75, -2.0), (2.25, -2.0), 0.5, 0.0, 1.6, _STONE)


# The platform: 52 m along the track, 9 m deep, two stairs at its back. (0, 0) is the middle of its
# edge, the track lies north of it.

_ALONG_M, _BACK_M = 26.0, -9.0
_STAIRS_M, _STEPS_M, _HALF_M = (-14.0, 14.0), 8.0, 1.6  # east of the middle, long, half as wide
_DOORS_M = (-22.0, -13.0, -4.5, 4.5, 13.0, 22.0)
_CARRIAGES_M = (-17.5, 0.0, 17.5)
_BESIDE_M = 2.2  # a door: there they wait


def station_platform() -> Street:
    """A platform: people come by stairs, wait behind the line, board, and others alight."""
    ways: list[Way] = []
    stands: list[Stand] = []
    inflows: list[Inflow] = []
    for side, x in zip("WE", _STAIRS_M, strict=True):
        end = _BACK_M - _STEPS_M
        # Down on the right, up on the right: each keeps to its half of the steps.
        ways += [
            Way(f"{side}_in", (x + 0.8, end - 4.0), (x + 0.8, end - 2.0), 1.0),
            Way(f"{side}_down", (x + 0.8, end), (x + 0.8, _BACK_M - 0.5), 1.2, _STEPS_M_S),
            Way(f"{side}_up", (x - 0.8, _BACK_M - 0.5), (x - 0.8, end), 1.2, _STEPS_M_S),
            Way(f"{side}_out", (x - 0.8, end - 2.0), (x - 0.8, end - 4.0), 1.0),
        ]
    ways += [
        Way("bench", (5.0, -7.8), (9.0, -7.8), 0.6),
        Way("edge", (-0.5, -1.6), (3.5, -1.6), 0.6),
    ]
    away = {side: (f"{side}_up", f"{side}_out") for side in "WE"}
    alight = []
    number = 0
    for door, x in enumerate(_DOORS_M):
        near = "W" if x < 0.0 else "E"
        ways += [
            Way(f"board{door}", (x, -0.9), (x, 1.0), 1.3),
            Way(f"alight{door}", (x, 1.0), (x, -0.9), 1.3),
        ]
        alight.append((f"alight{door}", *away[near]))
        for beside_m in (-_BESIDE_M, _BESIDE_M):
            name = f"wait{number}"
            ways += _stand(name, (x + beside_m, -1.5), (0.0, -1.0), 0.8)
            stands.append(Stand(name, onwards=tuple(away.values()), door=f"board{door}"))
            for side, share in ((near, 0.7), ("E" if near == "W" else "W", 0.3)):
                per_h = tuple((at_s, share * rate) for at_s, rate in _COMING)
                route = (f"{side}_in", f"{side}_down", f"{name}_to", name)
                inflows.append(Inflow(route, per_h, _TRAIN_EVERY_S))
            number += 1
    platform = box_corners(-_ALONG_M, _BACK_M, _ALONG_M, 0.0)
    end = _BACK_M - _STEPS_M
    stairs = tuple(
        box_corners(x - _HALF_M, end - 5.0, x + _HALF_M, _BACK_M + 0.5) for x in _STAIRS_M
    )
    crowd = Crowd(
        left=("bench", "edge"),
        grounds=(platform, *stairs),
        ways=tuple(ways),
        inflows=tuple(inflows),
        seen=(-_ALONG_M, end - 0.5, _ALONG_M, 0.0),
        areas=(
            Area("platform", platform),
            Area("edge", box_corners(-_ALONG_M, _SAFE_M, _ALONG_M, 0.0)),
            *(
                Area(
                    f"stairs {side}",
                    box_corners(x - _HALF_M, end, x + _HALF_M, _BACK_M),
                )
                for side, x in zip("WE", _STAIRS_M, strict=True)
            ),
            *(
                Area(f"foot {side}", box_corners(x - 2.5, _BACK_M, x + 2.5, _BACK_M + 3.0))
                for side, x in zip("WE", _STAIRS_M, strict=True)
            ),
        ),
        obstacles=(
            box_corners(-3.0, _BACK_M - 0.1, 3.0, -6.6),
            *(box_corners(x - 0.6, -5.6, x + 0.6, -4.4) for x in _COLUMNS_M),
        ),
        stands=tuple(stands),
        surges=tuple((side, Surge(away[side], (f"{other}_in",))) for side, other in ("WE", "EW")),
        trains=Trains(
            _TRAIN_FIRST_S, _TRAIN_EVERY_S, _TRAIN_STOPS_S, 1.65, _CARRIAGES_M, tuple(alight)
        ),
        surfaces=(
            ("soil", box_corners(-90.0, 0.0, 90.0, 8.2)),
            ("stone", box_corners(-90.0, 0.7, 90.0, 7.4)),
            ("quay", box_corners(-90.0, 8.2, 90.0, 14.0)),
            ("quay", platform),
            *(("quay", box_corners(a, _BACK_M, b, 0.0)) for a, b in ((-90.0, -26.0), (26.0, 90.0))),
            ("kerb", box_corners(-90.0, -0.35, 90.0, 0.0)),
            ("kerb", box_corners(-90.0, 8.2, 90.0, 8.5)),
            *(("pavement", corners) for corners in stairs),
        ),
        paints=tuple(_platform_paints()),
        blocks=tuple(_platform_blocks()),
        trees=tuple((x, 18.0) for x in (-40.0, -27.0, -15.0, -2.0, 9.0, 22.0, 35.0)),
        lamps=tuple(
            Lamp((x, -5.0), (x + side, -5.0), 4.6) for x in _COLUMNS_M for side in (-1.0, 1.0)
        ),
    )
    arms = (
        *(
            Arm(side, "", "", Point(x + _HALF_M, _BACK_M - 0.2), Point(x - _HALF_M, _BACK_M - 0.2))
            for side, x in zip("WE", _STAIRS_M, strict=True)
        ),
        Arm("train", "", "", Point(-24.0, -0.4), Point(24.0, -0.4)),
    )
    return _on_foot("station-platform", "Station platform", crowd, arms, (0.0, -4.0))


_STEPS_M_S = 0.65  # on stairs
_SAFE_M = -0.9  # the line behind which one waits
_TRAIN_FIRST_S, _TRAIN_EVERY_S, _TRAIN_STOPS_S = 14.0, 240.0, 40.0
_COMING = ((0.0, 90.0), (60.0, 40.0), (220.0, 160.0))
"""People an hour for each place to wait: more of them the nearer the next train is."""
_COLUMNS_M = (-20.0, -9.0, 9.0, 20.0)
_YELLOW: Rgb = (216, 186, 92)
_RAIL: Rgb = (116, 108, 102)
_SHADE: Rgb = (74, 72, 70)
_SLEEPER: Rgb = (128, 122, 114)


def _platform_paints() -> Iterator[tuple[Corners, Rgb]]:
    yield box_corners(-90.0, 0.0, 90.0, 0.55), _SHADE  # the edge stands higher than the track
    for middle in (1.65, 6.3):
        for number in range(150):
            x = -90.0 + 1.2 * number
            yield box_corners(x, middle - 1.25, x + 0.26, middle + 1.25), _SLEEPER
        for rail in (-0.75, 0.75):
            yield box_corners(-90.0, middle + rail - 0.05, 90.0, middle + rail + 0.05), _RAIL
    yield box_corners(-90.0, _SAFE_M - 0.12, 90.0, _SAFE_M), _WHITE
    for number in range(130):  # studs that a stick feels
        x = -52.0 + 0.8 * number
        yield box_corners(x, -0.75, x + 0.7, -0.45), _YELLOW
    for x in _STAIRS_M:
        for step in range(round(_STEPS_M / 0.5)):
            y = _BACK_M - 0.5 * (step + 1)
            yield box_corners(x - _HALF_M, y, x + _HALF_M, y + 0.12), (122, 118, 112)
            yield box_corners(x - _HALF_M, y + 0.12, x + _HALF_M, y + 0.2), (206, 202, 192)


def _platform_blocks() -> Iterator[Block]:
    far = _BACK_M - _STEPS_M
    for x in _STAIRS_M:
        for side in (-_HALF_M - 0.15, _HALF_M + 0.15):
            yield Block((x + side, far - 5.0), (x + side, _BACK_M), 0.25, 0.0, 0.9, _CONCRETE)
    yield Block((-2.8, -7.8), (2.8, -7.8), 2.2, 0.0, 2.5, (112, 128, 132))  # a kiosk
    yield Block((-3.0, -7.8), (3.0, -7.8), 2.6, 2.5, 2.75, (90, 96, 100))
    for x in _COLUMNS_M:  # the plinths of lamps
        yield Block((x - 0.5, -5.0), (x + 0.5, -5.0), 1.0, 0.0, 0.45, _STONE)


def _on_foot(
    name: str, title: str, crowd: Crowd, arms: tuple[Arm, ...], middle_m: tuple[float, float]
) -> Street:
    return Street(
        name,
        title,
        nodes_xml(crowd),
        edges_xml(crowd),
        (),
        arms=arms,
        options=("--no-turnarounds", "true"),
        middle_m=middle_m,
        crowd=crowd,
    )
