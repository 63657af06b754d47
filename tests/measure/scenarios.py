"""Scenarios of CommonRoad, drawn for tests: straight roads, a crossing of two, cars that drive."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

Spot = tuple[float, float]
State = tuple[int, float, float, float, float]  # step, x, y, heading, speed

STEP_S = 0.1
HALF_M = 2.0  # of a lane's width
LENGTH_M, WIDTH_M = 4.0, 2.0
EAST, NORTH = 0.0, math.pi / 2


def _state(tag: str, state: State) -> str:
    step, x_m, y_m, turn, speed_m_s = state
    return (
        f"<{tag}><position>{_point(x_m, y_m)}</position>"
        f"<orientation><exact>{turn}</exact></orientation><time><exact>{step}</exact></time>"
        f"<velocity><exact>{speed_m_s}</exact></velocity></{tag}>"
    )


def _point(x_m: float, y_m: float) -> str:
    return f"<point><x>{x_m}</x><y>{y_m}</y></point>"


def drive(
    x_m: float,
    y_m: float,
    turn: float,
    speed_m_s: float,
    acceleration_m_s2: float = 0.0,
    steps: int = 100,
    first: int = 0,
) -> list[State]:
    """Straight on; who brakes stands in the end."""
    states = []
    for step in range(steps + 1):
        now_s = step * STEP_S
        if acceleration_m_s2 < 0.0:
            now_s = min(now_s, -speed_m_s / acceleration_m_s2)
        way_m = speed_m_s * now_s + 0.5 * acceleration_m_s2 * now_s**2
        states.append(
            (
                first + step,
                x_m + way_m * math.cos(turn),
                y_m + way_m * math.sin(turn),
                turn,
                speed_m_s + acceleration_m_s2 * now_s,
            )
        )
    return states


def car(number: int, states: Sequence[State], kind: str = "car") -> str:
    shape = f"<length>{LENGTH_M}</length><width>{WIDTH_M}</width>"
    later = "".join(_state("state", one) for one in states[1:])
    return (
        f'<dynamicObstacle id="{number}"><type>{kind}</type>'
        f"<shape><rectangle>{shape}</rectangle></shape>"
        f"{_state('initialState', states[0])}<trajectory>{later}</trajectory></dynamicObstacle>"
    )


def straight(
    number: int,
    begin: Spot,
    end: Spot,
    before: Iterable[int] = (),
    after: Iterable[int] = (),
    kind: str = "urban",
) -> str:
    """A straight lanelet by ten equal parts."""
    x_m, y_m = end[0] - begin[0], end[1] - begin[1]
    long_m = math.hypot(x_m, y_m)
    left = -y_m / long_m * HALF_M, x_m / long_m * HALF_M
    middle = [(begin[0] + x_m * part / 10, begin[1] + y_m * part / 10) for part in range(11)]
    bounds = [
        "".join(_point(x + side * left[0], y + side * left[1]) for x, y in middle)
        for side in (1, -1)
    ]
    joined = "".join(f'<predecessor ref="{one}"/>' for one in before)
    joined += "".join(f'<successor ref="{one}"/>' for one in after)
    return (
        f'<lanelet id="{number}"><leftBound>{bounds[0]}</leftBound>'
        f"<rightBound>{bounds[1]}</rightBound>{joined}<laneletType>{kind}</laneletType></lanelet>"
    )


CROSSROADS = [
    straight(1, (-100, 0), (-10, 0), after=[2]),
    straight(2, (-10, 0), (10, 0), before=[1], after=[3], kind="intersection"),
    straight(3, (10, 0), (100, 0), before=[2]),
    straight(4, (0, -100), (0, -10), after=[5]),
    straight(5, (0, -10), (0, 10), before=[4], after=[6], kind="intersection"),
    straight(6, (0, 10), (0, 100), before=[5]),
]
"""A road to the east and a road to the north, one lane each, that cross at (0, 0)."""

ARMS = (
    '<intersection id="90"><incoming id="91"><incomingLanelet ref="1"/>'
    '<successorsStraight ref="2"/></incoming><incoming id="92"><incomingLanelet ref="4"/>'
    '<successorsStraight ref="5"/></incoming></intersection>'
)


def scenario(path: Path, cars: Iterable[str], roads: Iterable[str] = CROSSROADS) -> Path:
    path.write_text(
        '<?xml version="1.0" ?><commonRoad commonRoadVersion="2020a" benchmarkID="ZAM_Cross-1_1" '
        f'timeStepSize="{STEP_S}">{"".join(roads)}{ARMS}{"".join(cars)}</commonRoad>',
        "utf-8",
    )
    return path
