"""Feeds: GTFS-Realtime made by the library itself, and a real server that gives them out."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.transit import gtfs_realtime_pb2 as pb

from placewatch.core.space import Origin, Point
from placewatch.core.time import UtcMicros

NOW_S = 1_795_428_000
NOW = UtcMicros(NOW_S * 1_000_000)  # 2026-11-23T10:00:00Z
KISTA = Origin(59.4035, 17.9442)


def feed(*, at_s: int | None = NOW_S, **header: Any) -> Any:
    """A feed of `at_s` without anything in it."""
    message = pb.FeedMessage()
    message.header.gtfs_realtime_version = header.pop("version", "2.0")
    if at_s is not None:
        message.header.timestamp = at_s
    for name, value in header.items():
        setattr(message.header, name, value)
    return message


def add_vehicle(
    message: Any,
    id: str = "9031005990500123",
    *,
    east_m: float = 0.0,
    north_m: float = 0.0,
    at_s: int | None = NOW_S,
    trip: str = "",
    route: str = "",
    bearing_deg: float | None = None,
    latitude_deg: float | None = None,
    longitude_deg: float | None = None,
) -> Any:
    """Adds a vehicle, in metres from KISTA, and returns its VehiclePosition."""
    entity = message.entity.add()
    entity.id = f"v{len(message.entity)}"
    vehicle = entity.vehicle
    if id:
        vehicle.vehicle.id = id
    latitude, longitude = KISTA.to_wgs84(Point(east_m, north_m))
    vehicle.position.latitude = latitude if latitude_deg is None else latitude_deg
    vehicle.position.longitude = longitude if longitude_deg is None else longitude_deg
    if bearing_deg is not None:
        vehicle.position.bearing = bearing_deg
    if at_s is not None:
        vehicle.timestamp = at_s
    if trip:
        vehicle.trip.trip_id = trip
    if route:
        vehicle.trip.route_id = route
    return vehicle


def add_trip(
    message: Any, trip: str, delay_s: int | None = None, *, route: str = "", vehicle: str = ""
) -> Any:
    """Adds a TripUpdate and returns it."""
    entity = message.entity.add()
    entity.id = f"t{len(message.entity)}"
    update = entity.trip_update
    update.trip.trip_id = trip
    if route:
        update.trip.route_id = route
    if vehicle:
        update.vehicle.id = vehicle
    if delay_s is not None:
        update.delay = delay_s
    return update


def add_stop(
    update: Any,
    sequence: int | None = None,
    *,
    arrival_delay_s: int | None = None,
    departure_delay_s: int | None = None,
    time_s: int | None = None,
    scheduled_s: int | None = None,
    stop: str = "",
    relation: int = 0,
) -> None:
    """Adds a StopTimeUpdate to a TripUpdate."""
    one = update.stop_time_update.add()
    if sequence is not None:
        one.stop_sequence = sequence
    if stop:
        one.stop_id = stop
    if arrival_delay_s is not None:
        one.arrival.delay = arrival_delay_s
    if departure_delay_s is not None:
        one.departure.delay = departure_delay_s
    if time_s is not None:
        one.arrival.time = time_s
    if scheduled_s is not None:
        one.arrival.scheduled_time = scheduled_s
    one.schedule_relationship = relation


def two_buses(at_s: int = NOW_S) -> bytes:
    """Line 4, 5 min late to the east, and line 178 on time without a way that it heads."""
    message = feed(at_s=at_s)
    add_vehicle(message, "1001", trip="a", route="4", at_s=at_s, bearing_deg=90.0)
    add_vehicle(message, "1002", trip="b", route="178", at_s=at_s, east_m=400)
    add_trip(message, "a", 300)
    add_trip(message, "b", 0)
    return bytes(message.SerializeToString())


@dataclass
class Server:
    """What the server gives out just now, and what it was asked for."""

    content: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    etag: str | None = None
    packs: bool = False
    drips_s: float = 0.0  # between two bytes
    before: Callable[[], None] = lambda: None
    asked: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def served(content: bytes = b"") -> Iterator[Server]:
    """A server on loopback; its answers can be changed while it runs."""
    told = Server(content)
    leaving = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            told.asked.append({name.lower(): value for name, value in self.headers.items()})
            told.paths.append(self.path)
            told.before()
            if told.etag is not None and self.headers.get("If-None-Match") == told.etag:
                self.send_response(304)
                self.end_headers()
                return
            body = gzip.compress(told.content) if told.packs else told.content
            self.send_response(told.status)
            headers = {"Content-Length": str(len(body)), **told.headers}
            if told.etag is not None:
                headers["ETag"] = told.etag
            if told.packs:
                headers["Content-Encoding"] = "gzip"
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                if told.drips_s:
                    for byte in body:
                        if leaving.wait(told.drips_s):
                            break
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                else:
                    self.wfile.write(body)
            except OSError:
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_address[1]}/feed.pb"
    try:
        yield told
    finally:
        leaving.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def unix_s() -> int:
    """Now, for feeds that a node with the machine's clock reads."""
    return int(time.time())  # noqa: TID251 - a server has a clock of its own
