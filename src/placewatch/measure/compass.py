"""Compass: which way the arms of a junction point, and which turn leads from one to another.

How this works. A counting line lies across its arm, so the arm leads away at a right angle to it,
on the side on which the other arms do not lie. Traffic is named by the way it heads: who comes in
by the arm in the north is southbound.
"""

import math
from collections.abc import Iterable, Mapping
from itertools import permutations
from typing import Literal

from placewatch.core.space import Point

Turn = Literal["L", "T", "R", "U"]

HEADINGS_DEG = {
    "NB": 0.0,
    "EB": 90.0,
    "SB": 180.0,
    "WB": 270.0,
    "NE": 45.0,
    "SE": 135.0,
    "SW": 225.0,
    "NW": 315.0,
}
"""The approaches of a junction, by the way that traffic heads that comes in (degrees clockwise from
north): four, and four between them."""

THROUGH_DEG = 45.0
"""Who changes course by less goes straight on."""


def bearings_deg(lines: Iterable[tuple[str, Point, Point]]) -> dict[str, float]:
    """Where each arm lies, in degrees clockwise from north, as seen from the middle; from
    (arm, end, end) of the lines across them, on the ground. Several lines of an arm are averaged.
    Two arms at least, else there is no middle: then nothing is told."""
    lines = list(lines)
    if len({arm for arm, _, _ in lines}) < 2:
        return {}
    summed: dict[str, tuple[float, float]] = {}
    for arm, a, b in lines:
        others = [_middle(c, d) for other, c, d in lines if other != arm]
        here = _middle(a, b)
        away = (
            here.x_m - sum(point.x_m for point in others) / len(others),
            here.y_m - sum(point.y_m for point in others) / len(others),
        )
        across = b.y_m - a.y_m, a.x_m - b.x_m
        side = math.copysign(1.0, across[0] * away[0] + across[1] * away[1])
        east, north = summed.get(arm, (0.0, 0.0))
        summed[arm] = east + side * across[0], north + side * across[1]
    return {
        arm: math.degrees(math.atan2(east, north)) % 360.0 for arm, (east, north) in summed.items()
    }


def approaches(bearings: Mapping[str, float]) -> dict[str, str]:
    """The approach (NB, EB, …) of each arm, each given once: those that fit the bearings best, of
    the four main ones where all arms are within 45 degrees of theirs, else of all eight. Raises
    ValueError for more than eight arms."""
    arms = sorted(bearings)
    if len(arms) > len(HEADINGS_DEG):
        raise ValueError(f"{len(arms)} arms, and there are names for {len(HEADINGS_DEG)}")
    names = tuple(HEADINGS_DEG)
    for known in (names[:4], names):
        if len(arms) > len(known):
            continue
        ways = ((_off(arms, chosen, bearings), chosen) for chosen in permutations(known, len(arms)))
        offs, best = min(ways, key=lambda way: sum(off * off for off in way[0]))
        if max(offs, default=0.0) <= 45.0 or known is names:
            return dict(zip(arms, best, strict=True))
    raise AssertionError("eight names are enough for eight arms")


def bearing_of(approach: str) -> float:
    """Where the arm of an approach lies: behind who comes in by it."""
    return (HEADINGS_DEG[approach] + 180.0) % 360.0


def turn(from_deg: float, to_deg: float) -> Turn:
    """What who comes in by an arm at `from_deg` and leaves by another at `to_deg` does: T within 45
    degrees of straight on, L and R beyond. (U is for who leaves by the same arm.)"""
    off = signed_deg(to_deg - (from_deg + 180.0))
    if abs(off) < THROUGH_DEG:
        return "T"
    return "R" if off > 0.0 else "L"


def turns(bearings: Mapping[str, float]) -> dict[tuple[str, str], Turn]:
    """The turn from each arm to each."""
    return {
        (a, b): "U" if a == b else turn(bearings[a], bearings[b])
        for a in bearings
        for b in bearings
    }


def signed_deg(angle_deg: float) -> float:
    """The same angle, -180 to below 180."""
    return (angle_deg + 180.0) % 360.0 - 180.0


def _off(arms: list[str], chosen: tuple[str, ...], bearings: Mapping[str, float]) -> list[float]:
    return [
        abs(signed_deg(bearings[arm] - bearing_of(name)))
        for arm, name in zip(arms, chosen, strict=True)
    ]


def _middle(a: Point, b: Point) -> Point:
    return Point((a.x_m + b.x_m) / 2, (a.y_m + b.y_m) / 2)
