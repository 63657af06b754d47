"""Who is where now: what is kept of a vehicle, for how long, and what never leaves."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st
from tests.transit.feeds import KISTA, NOW

from placewatch.core.space import Origin, Point
from placewatch.core.time import UtcMicros
from placewatch.transit import fleet as module
from placewatch.transit.fleet import Fleet, Vehicle, distance_m, within
from placewatch.transit.lines import Lines
from placewatch.transit.reading import Seen


def seen(
    key: str, east_m: float = 0.0, north_m: float = 0.0, *, trip: str | None = "t", age_s: float = 0
) -> Seen:
    latitude_deg, longitude_deg = KISTA.to_wgs84(Point(east_m, north_m))
    return Seen(
        key, trip, "4", latitude_deg, longitude_deg, None, at=UtcMicros(round(NOW - age_s * 1e6))
    )


def fleet_of(*each: Seen) -> Fleet:
    fleet = Fleet(gone_after_s=600)
    fleet.take(each, Lines(), NOW, KISTA)
    return fleet


def test_a_position_goes_when_it_is_too_old() -> None:
    fleet = fleet_of(seen("a", age_s=590), seen("b"))
    assert len(fleet.vehicles(NOW)) == 2
    assert len(fleet.vehicles(UtcMicros(NOW + 11_000_000))) == 1
    assert fleet.vehicles(UtcMicros(NOW + 601_000_000)) == ()


def test_the_operators_id_stays_inside_and_the_one_outside_dies_with_the_trip() -> None:
    fleet = fleet_of(seen("bus-1001", trip="morning"))
    [first] = fleet.vehicles(NOW)
    fleet.take([seen("bus-1001", 50, trip="morning")], Lines(), NOW, KISTA)
    [same] = fleet.vehicles(NOW)
    assert same.id == first.id
    assert "1001" not in repr(same)
    fleet.take([seen("bus-1001", 90, trip="noon")], Lines(), NOW, KISTA)
    [other] = fleet.vehicles(NOW)
    assert other.id != first.id


def test_who_is_told_no_more_is_forgotten_and_comes_back_as_somebody_else() -> None:
    fleet = fleet_of(seen("a"))
    [before] = fleet.vehicles(NOW)
    fleet.take([], Lines(), NOW, KISTA)
    assert fleet.vehicles(NOW) == ()
    fleet.take([seen("a")], Lines(), NOW, KISTA)
    assert fleet.vehicles(NOW)[0].id != before.id


def test_nothing_more_is_told_of_a_vehicle_than_was_promised() -> None:
    assert [field.name for field in dataclasses.fields(Vehicle)] == [
        "id", "line", "latitude_deg", "longitude_deg", "bearing_deg", "delay_s", "at",
    ]  # fmt: skip


def test_where_it_heads_is_found_from_two_positions_where_the_feed_does_not_say() -> None:
    fleet = fleet_of(seen("a"))
    assert fleet.vehicles(NOW)[0].bearing_deg is None
    fleet.take([seen("a", 60, 60)], Lines(), NOW, KISTA)
    found = fleet.vehicles(NOW)[0].bearing_deg
    assert found is not None
    assert abs(found - 45) < 1
    fleet.take([seen("a", 63, 60)], Lines(), NOW, KISTA)
    assert fleet.vehicles(NOW)[0].bearing_deg == found, "three metres are no way"


def test_of_too_many_the_nearest_are_kept() -> None:
    fleet = fleet_of(*(seen(str(east), 5 * (1200 - east)) for east in range(1200)))
    kept = fleet.vehicles(NOW)
    assert len(kept) == module.VEHICLES_MAX
    assert fleet.beyond == 200
    far_m = max(distance_m(KISTA, one.latitude_deg, one.longitude_deg) for one in kept)
    assert far_m < 5 * 1000 * 1.01


def test_line_9_comes_before_line_10() -> None:
    fleet = Fleet(600)
    each = [dataclasses.replace(seen(route), route=route) for route in ("10", "9", "X2", "9B")]
    fleet.take(each, Lines(), NOW, KISTA)
    assert [one.line for one in fleet.vehicles(NOW)] == ["9", "9B", "10", "X2"]


def test_near_is_near_also_across_the_line_where_the_date_changes() -> None:
    near = within(Origin(-16.8, 179.999), 1000)
    assert near(-16.8, -179.999)
    assert not near(-16.8, 179.9)


@given(
    steps=st.lists(
        st.lists(st.tuples(st.sampled_from("abc"), st.floats(-500, 500)), max_size=4), max_size=6
    )
)
def test_two_vehicles_never_share_an_id_and_only_the_last_answer_is_known(
    steps: list[list[tuple[str, float]]],
) -> None:
    fleet = Fleet(600)
    for step in steps:
        told = {key: seen(key, east_m) for key, east_m in step}
        fleet.take(told.values(), Lines(), NOW, KISTA)
        shown = fleet.vehicles(NOW)
        assert len({one.id for one in shown}) == len(shown) == len(told)
