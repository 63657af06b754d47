"""Labels: where words stand on a picture so that none covers another.

Greedy: each label in turn takes the cheapest of some spots around what it names. Covering another
label costs most, then covering a line, then being far away. The first stands where it likes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Spot = tuple[float, float]
Segment = tuple[Spot, Spot]

COVERED, CROSSED = 100.0, 6.0  # costs of a label that lies on another as a whole, and on a line
APART = 0.2  # between labels, in heights of one
STEPS = 6  # rows above and below that are tried
LEADER_FROM = 0.9  # heights away from what it names: farther, a thin line leads there


@dataclass(frozen=True, slots=True)
class Label:
    """Words of a known size that name `at`; `gap` is how near they may stand. `over`: they like to
    stand on it, as the name of an area does."""

    at: Spot
    wide: float
    high: float
    gap: float = 0.0
    over: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a label stands: its left and upper edge, and the end of its leader where it has one."""

    left: float
    top: float
    wide: float
    high: float
    leader: Spot | None = None


def place(
    labels: Sequence[Label], wide: float, high: float, lines: Sequence[Segment] = ()
) -> list[Placed]:
    """A place for each of `labels` on a picture of that size, in their order."""
    placed: list[Placed] = []
    for label in labels:
        best = min(
            (_cost(label, spot, placed, lines), number, spot)
            for number, spot in enumerate(_spots(label, wide, high))
        )[2]
        placed.append(Placed(*best, label.wide, label.high, _leader(label, best)))
    return placed


def _spots(label: Label, wide: float, high: float) -> list[Spot]:
    """Beside, above and below, those nearest first; all inside the picture."""
    x, y = label.at
    columns = (x + label.gap, x - label.gap - label.wide, x - label.wide / 2)
    row = label.high * (1.0 + APART)
    middle = y - label.high / 2
    beside = [(columns[0], middle), (columns[1], middle)]
    above = [(columns[2], y - label.gap - label.high), (columns[2], y + label.gap)]
    first = [(columns[2], middle)] if label.over else []
    spots = first + beside + above
    for step in range(1, STEPS + 1):
        for way in (-1, 1):
            spots += [(column, middle + way * step * row) for column in columns]
    edge = label.gap or APART * label.high
    return [
        (
            min(max(left, edge), max(edge, wide - label.wide - edge)),
            min(max(top, edge), max(edge, high - label.high - edge)),
        )
        for left, top in spots
    ]


def _cost(label: Label, spot: Spot, placed: Sequence[Placed], lines: Sequence[Segment]) -> float:
    left, top = spot
    margin = APART * label.high / 2
    covered = sum(
        max(
            0.0, min(left + label.wide + margin, one.left + one.wide) - max(left - margin, one.left)
        )
        * max(0.0, min(top + label.high + margin, one.top + one.high) - max(top - margin, one.top))
        for one in placed
    )
    crossed = 0 if label.over else sum(_crosses(label, spot, line) for line in lines)
    size = label.wide * label.high
    away = _away(label, spot) / label.high
    return (COVERED * (covered > 0.0) + COVERED * covered / size) + CROSSED * crossed + away


def _crosses(label: Label, spot: Spot, line: Segment) -> bool:
    """Whether the line passes below the label, by steps of half its height."""
    (x1, y1), (x2, y2) = line
    steps = max(1, math.ceil(math.hypot(x2 - x1, y2 - y1) / (label.high / 2)))
    left, top = spot
    return any(
        left < x1 + (x2 - x1) * at / steps < left + label.wide
        and top < y1 + (y2 - y1) * at / steps < top + label.high
        for at in range(steps + 1)
    )


def _nearest(label: Label, spot: Spot) -> Spot:
    """The point of the label that is nearest to what it names."""
    left, top = spot
    return (
        min(max(label.at[0], left), left + label.wide),
        min(max(label.at[1], top), top + label.high),
    )


def _away(label: Label, spot: Spot) -> float:
    return math.dist(_nearest(label, spot), label.at)


def _leader(label: Label, spot: Spot) -> Spot | None:
    far = _away(label, spot) > label.gap + LEADER_FROM * label.high
    return _nearest(label, spot) if far else None
