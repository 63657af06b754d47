"""Kinds: what a road user can be, and which way it can cross a line."""

from enum import StrEnum


class Kind(StrEnum):
    """What placewatch tells apart (TLS 5+1, with people and two-wheelers)."""

    PEDESTRIAN = "pedestrian"
    BICYCLE = "bicycle"  # with its rider
    MOTORCYCLE = "motorcycle"
    CAR = "car"
    VAN = "van"
    BUS = "bus"
    TRUCK = "truck"
    UNKNOWN = "unknown"


KINDS = tuple(Kind)
"""What a kind's number means, where kinds are kept as numbers."""

NUMBER_OF = {kind: number for number, kind in enumerate(KINDS)}

MOTOR_VEHICLES = frozenset({Kind.MOTORCYCLE, Kind.CAR, Kind.VAN, Kind.BUS, Kind.TRUCK})


class ConflictType(StrEnum):
    """How two road users come together (FHWA-HRT-08-051, chapter 2)."""

    REAR_END = "rear end"
    LANE_CHANGE = "lane change"
    CROSSING = "crossing"


class Direction(StrEnum):
    """Which way a line is crossed, seen by somebody who walks along it from its first point to
    its second on the picture (y down): on a line drawn towards the right, downwards is
    `left_to_right`."""

    LEFT_TO_RIGHT = "left_to_right"
    RIGHT_TO_LEFT = "right_to_left"
