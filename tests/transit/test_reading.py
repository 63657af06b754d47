"""What is read of a feed, what is left out, and what is refused in one sentence."""

import math

import pytest
from google.transit import gtfs_realtime_pb2 as pb
from hypothesis import given
from hypothesis import strategies as st
from tests.transit.feeds import (
    KISTA,
    NOW,
    NOW_S,
    add_stop,
    add_trip,
    add_vehicle,
    feed,
    two_buses,
)

from placewatch.core.errors import Rejected
from placewatch.core.time import UtcMicros
from placewatch.transit.fleet import within
from placewatch.transit.reading import Reading, Seen, delay_of

NEAR = within(KISTA, 5000)
STOPS = pb.TripUpdate.StopTimeUpdate


def read(message: object) -> Reading:
    return Reading(message.SerializePartialToString())  # type: ignore[attr-defined]


def seen_in(message: object) -> list[Seen]:
    reading = read(message)
    vehicles, _ = reading.vehicles(NEAR, NOW)
    return reading.with_delays(vehicles, NOW)


def test_a_vehicle_has_its_place_its_way_its_route_and_the_delay_of_its_trip() -> None:
    reading = Reading(two_buses())
    vehicles, left_out = reading.vehicles(NEAR, NOW)
    first, second = reading.with_delays(vehicles, NOW)
    assert (first.latitude_deg, first.longitude_deg) == pytest.approx((59.4035, 17.9442), abs=2e-6)
    assert (first.route, first.bearing_deg, first.delay_s, first.at) == ("4", 90.0, 300.0, NOW)
    assert (second.route, second.bearing_deg, second.delay_s) == ("178", None, 0.0)
    assert not left_out


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "it is empty"),
        (b"\n<!DOCTYPE html><html><body>Not found</body></html>", "web page"),
        (b"<?xml version='1.0'?><Siri/>", "web page"),
        (b'{"header": {"gtfsRealtimeVersion": "2.0"}}', "JSON"),
        (b"PK\x03\x04\x14\x00\x00\x00", "zip"),
        (b"\xff\xfe\xfd\xfc" * 20, "cannot be decoded"),
        (two_buses()[:-7], "cannot be decoded"),
        (b"\x12\x00", "no GTFS-Realtime header"),
    ],
)
def test_what_is_no_feed_is_refused_in_a_sentence(content: bytes, told: str) -> None:
    with pytest.raises(Rejected, match=told) as error:
        Reading(content)
    assert error.value.hint
    assert "\n" not in str(error.value)


def test_a_feed_of_changes_alone_is_refused() -> None:
    message = feed(incrementality=pb.FeedHeader.DIFFERENTIAL)
    with pytest.raises(Rejected, match="DIFFERENTIAL"):
        read(message)


def take(content: bytes) -> None:
    """Reads `content` to its end, or refuses it."""
    try:
        reading = Reading(content)
    except Rejected:
        return
    vehicles, _ = reading.vehicles(NEAR, NOW)
    reading.with_delays(vehicles, NOW)


@given(content=st.binary(max_size=400))
def test_whatever_comes_is_read_or_refused(content: bytes) -> None:
    take(content)


@given(at=st.integers(0, len(two_buses()) - 1), bit=st.integers(0, 7), cut=st.integers(0, 300))
def test_a_damaged_feed_is_read_or_refused(at: int, bit: int, cut: int) -> None:
    content = bytearray(two_buses())
    content[at] ^= 1 << bit
    take(bytes(content[: len(content) - cut]))


@pytest.mark.parametrize(
    ("latitude_deg", "longitude_deg"),
    [
        (math.nan, 17.9),
        (59.4, math.inf),
        (91.0, 17.9),
        (59.4, 181.0),
        (0.0, 0.0),
        (-math.inf, math.nan),
    ],
)
def test_a_vehicle_that_is_nowhere_is_left_out_and_the_others_are_read(
    latitude_deg: float, longitude_deg: float
) -> None:
    message = feed()
    add_vehicle(message, "lost", latitude_deg=latitude_deg, longitude_deg=longitude_deg)
    add_vehicle(message, "found")
    vehicles, left_out = read(message).vehicles(NEAR, NOW)
    assert [one.key for one in vehicles] == ["found"]
    assert left_out == {"nowhere": 1}


def test_a_vehicle_without_half_of_its_position_is_left_out() -> None:
    message = feed()
    add_vehicle(message, "half").position.ClearField("longitude")
    add_vehicle(message, "none").ClearField("position")
    vehicles, left_out = read(message).vehicles(NEAR, NOW)
    assert (vehicles, left_out) == ([], {"nowhere": 2})


def test_who_is_far_away_is_not_kept() -> None:
    message = feed()
    add_vehicle(message, "near", north_m=4900)
    add_vehicle(message, "far", north_m=5100)
    assert [one.key for one in seen_in(message)] == ["near"]


def test_a_position_of_the_future_is_left_out_but_clocks_may_differ_a_little() -> None:
    message = feed()
    add_vehicle(message, "soon", at_s=NOW_S + 30)
    add_vehicle(message, "future", at_s=NOW_S + 3600)
    vehicles, left_out = read(message).vehicles(NEAR, NOW)
    assert [one.key for one in vehicles] == ["soon"]
    assert left_out == {"future": 1}


def test_of_two_entries_of_one_vehicle_the_newer_counts_wherever_it_stands() -> None:
    for order in ((10, 40), (40, 10)):
        message = feed()
        for age_s in order:
            add_vehicle(message, "twin", at_s=NOW_S - age_s, east_m=age_s)
        vehicles, left_out = read(message).vehicles(NEAR, NOW)
        assert [one.at for one in vehicles] == [UtcMicros(NOW - 10_000_000)]
        assert left_out == {"twice": 1}


def test_a_vehicle_without_its_own_time_has_that_of_the_feed() -> None:
    message = feed(at_s=NOW_S - 20)
    add_vehicle(message, at_s=None)
    assert seen_in(message)[0].at == NOW - 20_000_000
    message = feed(at_s=None)
    add_vehicle(message, at_s=None)
    assert seen_in(message)[0].at is None


def test_a_time_in_milliseconds_is_taken_for_what_it_is() -> None:
    message = feed(at_s=NOW_S * 1000)
    add_vehicle(message, at_s=NOW_S * 1000)
    assert read(message).at == NOW
    assert seen_in(message)[0].at == NOW


@pytest.mark.parametrize(("told", "kept"), [(370.0, 10.0), (-90.0, 270.0), (math.nan, None)])
def test_a_way_that_it_heads_is_between_0_and_360_or_unknown(
    told: float, kept: float | None
) -> None:
    message = feed()
    add_vehicle(message, bearing_deg=told)
    assert seen_in(message)[0].bearing_deg == kept


def test_what_was_deleted_is_gone() -> None:
    message = feed()
    add_vehicle(message)
    message.entity[0].is_deleted = True
    assert seen_in(message) == []


# Delays


def at_stop(update: object, sequence: int | None = None, stop: str | None = None) -> float | None:
    return delay_of(update, sequence, stop, NOW)


def test_the_delay_is_that_of_the_stop_where_the_vehicle_is_and_holds_until_the_next() -> None:
    update = add_trip(feed(), "a", 999)
    add_stop(update, 2, arrival_delay_s=60)
    add_stop(update, 5, arrival_delay_s=180)
    assert [at_stop(update, sequence) for sequence in (1, 2, 4, 5, 9)] == [60, 60, 60, 180, 180]


def test_without_a_sequence_the_name_of_the_stop_tells_and_else_the_next_time() -> None:
    update = add_trip(feed(), "a")
    add_stop(update, stop="passed", departure_delay_s=10, time_s=NOW_S - 60)
    add_stop(update, stop="next", arrival_delay_s=240, time_s=NOW_S + 60)
    add_stop(update, stop="last", arrival_delay_s=300, time_s=NOW_S + 600)
    assert at_stop(update, stop="last") == 300
    assert at_stop(update) == 240
    assert at_stop(update, stop="unknown") == 240


def test_a_skipped_stop_is_passed_over_and_a_stop_without_data_is_unknown() -> None:
    update = add_trip(feed(), "a", 60)
    add_stop(update, 1, arrival_delay_s=500, relation=STOPS.SKIPPED)
    add_stop(update, 2, arrival_delay_s=120)
    add_stop(update, 3, relation=STOPS.NO_DATA)
    assert at_stop(update, 1) == 120
    assert at_stop(update, 3) is None


def test_two_times_make_a_delay_and_one_makes_none() -> None:
    update = add_trip(feed(), "a")
    add_stop(update, 1, time_s=NOW_S + 90, scheduled_s=NOW_S)
    assert at_stop(update, 1) == 90
    update = add_trip(feed(), "a")
    add_stop(update, 1, time_s=NOW_S + 90)
    assert at_stop(update, 1) is None


def test_a_cancelled_trip_has_no_delay() -> None:
    update = add_trip(feed(), "a", 60)
    update.trip.schedule_relationship = pb.TripDescriptor.CANCELED
    assert at_stop(update) is None


def test_a_vehicle_without_a_trip_has_the_delay_that_is_told_of_itself() -> None:
    message = feed()
    add_vehicle(message, "7")
    add_vehicle(message, "8", trip="its own")
    add_trip(message, "unknown", 120, route="55", vehicle="7")
    add_trip(message, "earlier", 120, vehicle="8")
    assert [(one.delay_s, one.route) for one in seen_in(message)] == [(120, "55"), (None, None)]


def test_of_trips_that_run_every_day_the_one_that_began_with_the_vehicle_counts() -> None:
    message = feed()
    add_vehicle(message, trip="a").trip.start_date = "20261123"
    add_trip(message, "a", 600).trip.start_date = "20261122"
    add_trip(message, "a", 30).trip.start_date = "20261123"
    assert seen_in(message)[0].delay_s == 30


@given(
    stops=st.lists(
        st.tuples(
            st.none() | st.integers(0, 9),
            st.none() | st.integers(-9000, 9000),
            st.none() | st.integers(NOW_S - 900, NOW_S + 900),
            st.sampled_from([0, 1, 2, 3]),
        ),
        max_size=5,
    ),
    sequence=st.none() | st.integers(0, 9),
)
def test_a_delay_is_one_that_the_feed_told_or_unknown(
    stops: list[tuple[int | None, int | None, int | None, int]], sequence: int | None
) -> None:
    update = add_trip(feed(), "a")
    for order, delay_s, time_s, relation in stops:
        add_stop(update, order, arrival_delay_s=delay_s, time_s=time_s, relation=relation)
    found = at_stop(update, sequence)
    assert found is None or found in [
        delay_s for _, delay_s, _, relation in stops if relation == 0 or relation == 3
    ]
