"""Compass: arms are named by the way their traffic heads, and turns by what a driver does."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placewatch.core.space import Point
from placewatch.measure.compass import (
    approaches,
    bearing_of,
    bearings_deg,
    signed_deg,
    turn,
    turns,
)
from placewatch.simulate.layouts import layouts
from placewatch.simulate.plan import Junction


def line(bearing_deg: float, at_m: float = 30.0, aside_m: float = 0.0) -> tuple[Point, Point]:
    """The ends of a line across an arm, 8 m wide, which may lie to one side of the arm's axis."""
    out = math.sin(math.radians(bearing_deg)), math.cos(math.radians(bearing_deg))
    right = out[1], -out[0]
    return tuple(  # type: ignore[return-value]
        Point(
            at_m * out[0] + (aside_m + side) * right[0], at_m * out[1] + (aside_m + side) * right[1]
        )
        for side in (-4.0, 4.0)
    )


def test_who_comes_in_from_the_north_is_southbound() -> None:
    square = {"a": 3.0, "b": 92.0, "c": 178.0, "d": 265.0}
    told = bearings_deg((name, *line(deg)) for name, deg in square.items())
    assert told == pytest.approx(square)
    assert approaches(told) == {"a": "SB", "b": "WB", "c": "NB", "d": "EB"}


def test_a_driver_turns_as_one_would_say() -> None:
    told = turns({"N": 0.0, "E": 90.0, "S": 180.0, "W": 270.0})
    assert told["N", "S"] == told["E", "W"] == "T"
    assert told["N", "W"] == told["W", "S"] == told["S", "E"] == "R"
    assert told["N", "E"] == told["E", "S"] == told["W", "N"] == "L"
    assert told["N", "N"] == "U"


def test_a_side_road_turns_both_ways_and_the_main_road_goes_on() -> None:
    told = turns(bearings_deg((name, *line(deg)) for name, deg in
                              {"E": 90.0, "W": 270.0, "S": 180.0}.items()))  # fmt: skip
    assert (told["E", "W"], told["W", "E"]) == ("T", "T")
    assert (told["S", "E"], told["S", "W"]) == ("R", "L")
    assert (told["E", "S"], told["W", "S"]) == ("L", "R")


def test_lines_for_each_carriageway_are_one_arm() -> None:
    lines = [
        ("N", *line(0.0, aside_m=5.0)),
        ("N", *line(0.0, aside_m=-5.0)),
        ("E", *line(90.0)),
        ("W", *line(270.0)),
    ]
    assert bearings_deg(lines) == pytest.approx({"N": 0.0, "E": 90.0, "W": 270.0})


def test_one_arm_alone_points_nowhere() -> None:
    assert bearings_deg([("N", *line(0.0))]) == {}
    assert bearings_deg([]) == {}


def test_five_arms_take_a_name_from_between() -> None:
    told = approaches({"a": 0.0, "b": 72.0, "c": 144.0, "d": 216.0, "e": 288.0})
    assert told["a"] == "SB"
    assert len(set(told.values())) == 5
    with pytest.raises(ValueError, match="9 arms"):
        approaches({str(number): 40.0 * number for number in range(9)})


@pytest.mark.parametrize("layout", layouts(), ids=lambda layout: layout.name)
def test_the_arms_of_simulated_junctions_lie_where_they_were_planned(layout: Junction) -> None:
    told = bearings_deg((arm.name, arm.start, arm.end) for arm in layout.street().arms)
    for leg in layout.legs:
        assert abs(signed_deg(told[leg.name] - leg.bearing_deg)) < 1e-6
    assert len(set(approaches(told).values())) == len(layout.legs)


@given(st.lists(st.floats(0.0, 359.0), min_size=1, max_size=5, unique=True))
def test_every_arm_has_an_approach_of_its_own(bearings: list[float]) -> None:
    told = approaches({str(number): deg for number, deg in enumerate(bearings)})
    assert len(set(told.values())) == len(bearings)


@given(st.floats(0.0, 360.0), st.floats(0.0, 360.0), st.floats(-360.0, 360.0))
def test_a_turn_does_not_depend_on_where_north_is(a: float, b: float, turned_deg: float) -> None:
    off = signed_deg(b - a - 180.0)
    if min(abs(abs(off) - 45.0), 180.0 - abs(off)) > 1e-6:
        assert turn(a, b) == turn(a + turned_deg, b + turned_deg)


def test_an_approach_lies_behind_who_comes_in() -> None:
    assert bearing_of("SB") == 0.0
    assert bearing_of("NE") == 225.0
