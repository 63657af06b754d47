"""Pems: five minutes of a station in a row, as the Californian PeMS hands them out.

The columns are those of PeMS's "Station 5-Minute" files, which have no header (PeMS Data
Clearinghouse, https://pems.dot.ca.gov): local time, station, district, freeway, direction,
lane type, station length, samples, % observed, total flow, average occupancy (0..1), average speed
(mph), and for each lane samples, flow, occupancy, speed and whether it was observed. A station is
one way over one counting line; its carriageway is one lane here, since a line does not tell lanes
apart. Who the stations are stands in a file of its own, tab-separated, as PeMS's metadata does.
"""

import csv
import datetime
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import IO

from placewatch.core.bins import Bin
from placewatch.core.kinds import Kind
from placewatch.core.time import UtcMicros
from placewatch.publish.formats.long import local

VEHICLES = frozenset(Kind) - {Kind.PEDESTRIAN, Kind.BICYCLE}
"""What flows: a loop in the road hears neither people nor, mostly, bicycles."""

SAMPLE_S = 30.0
MPH = 3600.0 / 1609.344
"""Miles an hour in one m/s."""

Way = tuple[str, str, str]  # view, line, direction


@dataclass(frozen=True, slots=True)
class Station:
    """One way over one line. `direction` is N, E, S or W where the ground is known, else empty."""

    number: int
    name: str
    direction: str = ""
    latitude_deg: float | None = None
    longitude_deg: float | None = None


def write_pems(
    bins: Iterable[Bin],
    stations: Mapping[Way, Station],
    stream: IO[bytes],
    zone: datetime.tzinfo = datetime.UTC,
) -> int:
    """Writes bins of five minutes of lines to `stream`, times on the clocks of `zone`; how many
    rows that were. What was not watched has 0 % observed and no flow."""
    rows: dict[tuple[UtcMicros, int], list[Bin]] = {}
    named: dict[int, Station] = {}
    for one in bins:
        station = stations.get((one.view, one.element, one.movement))
        if station is not None and one.kind in VEHICLES:
            rows.setdefault((one.start, station.number), []).append(one)
            named[station.number] = station
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for (start, number), some in sorted(rows.items()):
        writer.writerow(_row(start, named[number], some, zone))
    stream.write(text.getvalue().encode())
    return len(rows)


def write_stations(stations: Iterable[Station], stream: IO[bytes]) -> None:
    """Writes who the stations are to `stream`, tab-separated with a header."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, dialect="excel-tab")
    writer.writerow(["ID", "Dir", "Latitude", "Longitude", "Type", "Lanes", "Name"])
    for one in sorted(stations, key=lambda station: station.number):
        place = ["" if value is None else f"{value:.6f}" for value in
                 (one.latitude_deg, one.longitude_deg)]  # fmt: skip
        writer.writerow([one.number, one.direction, *place, "CH", 1, one.name])
    stream.write(text.getvalue().encode())


def _row(
    start: UtcMicros, station: Station, bins: list[Bin], zone: datetime.tzinfo
) -> list[object]:
    window_s = bins[0].window_s
    coverage_s = max(one.coverage_s for one in bins)
    counts = [one.count for one in bins if one.count is not None]
    flow: object = sum(counts) if counts else ""
    speeds = sum(one.speed_count for one in bins)
    total = sum((one.speed_m_s_mean or 0.0) * one.speed_count for one in bins)
    speed: object = f"{MPH * total / speeds:.1f}" if speeds else ""
    known = [one.occupancy for one in bins if one.occupancy is not None]
    occupancy: object = f"{max(known):.4f}" if known else ""
    samples = round(coverage_s / SAMPLE_S)
    observed = round(100.0 * min(1.0, coverage_s / window_s))
    return [
        local(start, zone).strftime("%m/%d/%Y %H:%M:%S"), station.number, "", "",
        station.direction, "CH", "", samples, observed, flow, occupancy, speed,
        samples, flow, occupancy, speed, int(bool(counts)),
    ]  # fmt: skip
