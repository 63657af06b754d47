"""Lines: from a feed's routes and trips to what stands on the vehicle, by the timetable (GTFS)."""

import csv
import io
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from placewatch.core.errors import Misconfigured

LABEL_CHARS_MAX = 24
TRIPS_MAX = 3_000_000  # about 300 MB; a whole country has a third of it


@dataclass(frozen=True, slots=True)
class Lines:
    """What people call the routes of a feed. Without a timetable that is the route's own id."""

    names: Mapping[str, str] = field(default_factory=dict)  # by route_id
    routes: Mapping[str, str] = field(default_factory=dict)  # by trip_id

    def label(self, route: str | None, trip: str | None) -> str | None:
        """The line's name, at most 24 printable characters; None where it is unknown."""
        if route is None and trip is not None:
            route = self.routes.get(trip)
        return None if route is None else label(self.names.get(route, route)) or None


def label(text: str) -> str:
    """`text` in one line of at most 24 printable characters."""
    words = "".join(one if one.isprintable() else " " for one in text).split()
    return " ".join(words)[:LABEL_CHARS_MAX]


def read_lines(path: Path) -> Lines:
    """The lines of the timetable at `path`: a GTFS zip file, or a folder with what is in one.

    `routes.txt` must be there; with `trips.txt` also vehicles that tell only their trip have a
    line. Raises Misconfigured.
    """
    try:
        names = {
            row["route_id"]: row.get("route_short_name") or row.get("route_long_name") or ""
            for row in _rows(path, "routes.txt", "route_id")
        }
        routes: dict[str, str] = {}
        for row in _rows(path, "trips.txt", "trip_id", optional=True):
            if len(routes) >= TRIPS_MAX:
                raise Misconfigured(
                    f"the timetable {path} has more than {TRIPS_MAX:,} trips",
                    hint="cut it to the region",
                )
            routes[row["trip_id"]] = sys.intern(row.get("route_id") or "")
    except OSError as error:
        raise Misconfigured(
            f"the timetable {path} cannot be read: {error.strerror or error}",
            hint="name a GTFS zip file, or a folder with routes.txt",
        ) from error
    except (zipfile.BadZipFile, UnicodeDecodeError, csv.Error, NotImplementedError) as error:
        raise Misconfigured(
            f"the timetable {path} is no GTFS: {error}",
            hint="name the operator's GTFS zip file, or a folder with routes.txt",
        ) from error
    return Lines({route: name for route, name in names.items() if name}, routes)


def _rows(path: Path, name: str, key: str, *, optional: bool = False) -> Iterator[dict[str, str]]:
    """The rows of the table `name` that have a `key`."""
    with _opened(path, name) as file:
        if file is None:
            if optional:
                return
            raise Misconfigured(
                f"the timetable {path} has no {name}", hint="name the operator's whole GTFS"
            )
        table = csv.DictReader(io.TextIOWrapper(file, "utf-8-sig", newline=""))
        if key not in (table.fieldnames or ()):
            raise Misconfigured(
                f"{name} of the timetable {path} has no column {key}", hint="is it GTFS?"
            )
        for row in table:
            if row[key]:
                yield row


@contextmanager
def _opened(path: Path, name: str) -> Iterator[IO[bytes] | None]:
    if path.is_dir():
        inside = path / name
        if not inside.exists():
            yield None
            return
        with inside.open("rb") as plain:
            yield plain
        return
    with zipfile.ZipFile(path) as archive:
        if name not in archive.namelist():
            yield None
            return
        with archive.open(name) as packed:
            yield packed
