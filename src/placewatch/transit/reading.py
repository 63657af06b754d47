"""Reading: what one answer of a GTFS-Realtime feed says of vehicles and of their delays.

GTFS Realtime Reference, version 2.0 (gtfs.org/documentation/realtime/reference). Much that a feed
may hold is never looked at: number plates, how full a vehicle is, names of trains and their cars.
"""

import functools
import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from placewatch.core.errors import Rejected
from placewatch.core.time import UtcMicros

AHEAD_S_MAX = 60.0
"""A time that is further ahead of the node's clock is wrong; less is how clocks differ."""
TIME_S_MAX = 253_402_300_800  # the year 10000: what is later is no time

LeftOut = Literal["nowhere", "future", "twice"]
"""Why a vehicle is not shown: no usable coordinates, a time to come, or there a second time."""

Near = Callable[[float, float], bool]
"""Whether (latitude_deg, longitude_deg) is near enough to the site to be kept."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One vehicle as its feed tells it. `key` and `trip` tell two of them apart in memory."""

    key: str
    trip: str | None
    route: str | None
    latitude_deg: float
    longitude_deg: float
    bearing_deg: float | None  # clockwise from north, 0..360
    at: UtcMicros | None  # when it was there; None where the feed does not say
    delay_s: float | None = None  # late is positive; None where it is unknown
    start: tuple[str, str] = ("", "")  # date and time at which the trip began, where told
    stop_sequence: int | None = None
    stop: str | None = None


class Reading:
    """One answer of a feed, decoded."""

    def __init__(self, content: bytes) -> None:
        """Decodes `content`. Raises Rejected, in one sentence, where it is no usable feed."""
        message = _decoded(content)
        if message.header.incrementality == message.header.DIFFERENTIAL:
            raise Rejected(
                "it sends only what changed (DIFFERENTIAL), which the format leaves undefined",
                hint="ask its operator for the full data set",
            )
        self._message = message
        self.at: UtcMicros | None = _instant(message.header.timestamp)

    def vehicles(self, near: Near, now: UtcMicros) -> tuple[list[Seen], Counter[LeftOut]]:
        """The vehicles near the site, each once, and how many were left out of which reason.

        Of two entries of one vehicle the newer counts. Their delays are not known yet.
        """
        found: dict[str, Seen] = {}
        left_out: Counter[LeftOut] = Counter()
        for entity in self._message.entity:
            if entity.is_deleted or not entity.HasField("vehicle"):
                continue
            vehicle = entity.vehicle
            latitude_deg, longitude_deg = _rounded(vehicle.position)
            if not _is_somewhere(vehicle, latitude_deg, longitude_deg):
                left_out["nowhere"] += 1
                continue
            if not near(latitude_deg, longitude_deg):
                continue
            at = _instant(vehicle.timestamp) or self.at
            if at is not None and at - now > AHEAD_S_MAX * 1e6:
                left_out["future"] += 1
                continue
            seen = _seen(entity, latitude_deg, longitude_deg, at)
            known = found.get(seen.key)
            if known is not None:
                left_out["twice"] += 1
                if (known.at or 0) >= (at or 0):
                    continue
            found[seen.key] = seen
        return list(found.values()), left_out

    def counts(self) -> tuple[int, int]:
        """How many vehicles and how many trips it speaks of, wherever they are."""
        entities = self._message.entity
        vehicles = sum(entity.HasField("vehicle") for entity in entities)
        return vehicles, sum(entity.HasField("trip_update") for entity in entities)

    def with_delays(self, vehicles: Iterable[Seen], now: UtcMicros) -> list[Seen]:
        """`vehicles` with the delays, and the routes, that this feed tells of their trips."""
        vehicles = list(vehicles)
        wanted = {one.trip for one in vehicles} | {one.key for one in vehicles}
        by_trip: dict[str, list[Any]] = {}
        by_vehicle: dict[str, Any] = {}
        for entity in self._message.entity:
            if entity.is_deleted or not entity.HasField("trip_update"):
                continue
            update = entity.trip_update
            if update.trip.trip_id and update.trip.trip_id in wanted:
                by_trip.setdefault(update.trip.trip_id, []).append(update)
            if update.vehicle.id and update.vehicle.id in wanted:
                by_vehicle[update.vehicle.id] = update
        told = []
        for one in vehicles:
            update = _of_trip(one, by_trip.get(one.trip or "", ())) or (
                by_vehicle.get(one.key) if one.trip is None else None
            )
            if update is not None:
                one = replace(
                    one,
                    delay_s=delay_of(update, one.stop_sequence, one.stop, now),
                    route=one.route or update.trip.route_id or None,
                )
            told.append(one)
        return told


def delay_of(
    update: Any, stop_sequence: int | None, stop: str | None, now: UtcMicros
) -> float | None:
    """How late the vehicle of the TripUpdate `update` is, in seconds; None where it is unknown.

    A delay is that of the stop where the vehicle is or which it comes to; it holds for later
    stops, until another is told (GTFS Realtime, Trip Updates, "StopTimeUpdate"). Where the
    vehicle does not say its stop, the next one by the predicted times counts.
    """
    relations = update.trip
    if relations.schedule_relationship in (relations.CANCELED, relations.DELETED):
        return None
    skipped = update.StopTimeUpdate.SKIPPED
    stops = [one for one in update.stop_time_update if one.schedule_relationship != skipped]
    here = _here(stops, stop_sequence, stop, now)
    if here is not None:
        return None if here.schedule_relationship == here.NO_DATA else _delay_at(here)
    return float(update.delay) if update.HasField("delay") else None


def _here(stops: list[Any], sequence: int | None, stop: str | None, now: UtcMicros) -> Any:
    """Of `stops` the one whose delay holds now; None where there is none."""
    if sequence is not None and any(one.HasField("stop_sequence") for one in stops):
        passed = [one for one in stops if one.stop_sequence <= sequence]
        return passed[-1] if passed else stops[0]
    if stop is not None:
        for one in stops:
            if one.stop_id == stop:
                return one
    for one in stops:
        times = [event.time for event in (one.arrival, one.departure) if event.time]
        if not times or max(times) * 1_000_000 >= now:
            return one
    return stops[-1] if stops else None


def _delay_at(stop: Any) -> float | None:
    """What a StopTimeUpdate says: the arrival before the departure, told or as a difference."""
    for event in (stop.arrival, stop.departure):
        if event.HasField("delay"):
            return float(event.delay)
        if event.HasField("scheduled_time") and event.HasField("time"):
            return float(event.time - event.scheduled_time)
    return None


def _of_trip(vehicle: Seen, updates: Iterable[Any]) -> Any:
    """Of `updates`, all of one trip_id, the one that began when the trip of `vehicle` did."""
    for update in updates:
        began = (update.trip.start_date, update.trip.start_time)
        if all(not a or not b or a == b for a, b in zip(began, vehicle.start, strict=True)):
            return update
    return None


def _seen(entity: Any, latitude_deg: float, longitude_deg: float, at: UtcMicros | None) -> Seen:
    vehicle = entity.vehicle
    trip, bearing_deg = vehicle.trip, vehicle.position.bearing
    knows = vehicle.position.HasField("bearing") and math.isfinite(bearing_deg)
    return Seen(
        key=vehicle.vehicle.id or f"entity {entity.id}",
        trip=trip.trip_id or None,
        route=trip.route_id or None,
        latitude_deg=latitude_deg,
        longitude_deg=longitude_deg,
        bearing_deg=round(bearing_deg % 360.0, 1) % 360.0 if knows else None,
        at=at,
        start=(trip.start_date, trip.start_time),
        stop_sequence=vehicle.current_stop_sequence
        if vehicle.HasField("current_stop_sequence")
        else None,
        stop=vehicle.stop_id or None,
    )


def _rounded(position: Any) -> tuple[float, float]:
    """Its coordinates; they come as 32-bit floats, a metre or so, and get no digits they lack."""
    return round(position.latitude, 6), round(position.longitude, 6)


def _is_somewhere(vehicle: Any, latitude_deg: float, longitude_deg: float) -> bool:
    """Whether its coordinates are some. (0, 0) is what devices send that do not know."""
    position = vehicle.position
    return (
        vehicle.HasField("position")
        and position.HasField("latitude")
        and position.HasField("longitude")
        and abs(latitude_deg) <= 90  # NaN is not
        and abs(longitude_deg) <= 180
        and (latitude_deg, longitude_deg) != (0.0, 0.0)
    )


def _instant(seconds: int) -> UtcMicros | None:
    """Seconds since 1970; 0 is not told. Milliseconds, sent by mistake, are taken for what they
    are."""
    if seconds >= TIME_S_MAX:
        seconds //= 1000
    return UtcMicros(seconds * 1_000_000) if 0 < seconds < TIME_S_MAX else None


def _decoded(content: bytes) -> Any:
    start = content[:200].lstrip().lower()
    if not content:
        raise Rejected("it is empty", hint="is it still being written?")
    if start.startswith(b"<"):
        raise Rejected(
            "it is a web page, not a feed", hint="take the address of the protocol buffers (.pb)"
        )
    if start.startswith((b"{", b"[")) and b'"' in start:
        raise Rejected(
            "it is JSON, not protocol buffers", hint="take the address of the protocol buffers"
        )
    if start.startswith(b"pk\x03\x04"):
        raise Rejected(
            "it is a zip file, such as a timetable",
            hint="name the timetable in timetable, and the feed of positions in url",
        )
    message = _feed_message()()
    try:
        message.ParseFromString(content)
    except _decode_error() as error:
        raise Rejected(
            "it cannot be decoded: it is cut short, or no GTFS-Realtime",
            hint="does it open with another program?",
        ) from error
    if not message.HasField("header") or not message.header.gtfs_realtime_version:
        raise Rejected("it has no GTFS-Realtime header", hint="is it another kind of feed?")
    return message


@functools.cache
def _feed_message() -> Any:
    # Only here: a node without such feeds does not load protocol buffers.
    from google.transit import gtfs_realtime_pb2

    return gtfs_realtime_pb2.FeedMessage


@functools.cache
def _decode_error() -> type[Exception]:
    from google.protobuf.message import DecodeError

    error: type[Exception] = DecodeError
    return error
