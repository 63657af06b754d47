"""Utdf: turning movement counts of the peak hour as Synchro reads them.

UTDF is Synchro's Universal Traffic Data Format: one CSV with sections (Trafficware, Synchro Studio
8 user guide, chapter 15). A column is an approach, by the way that traffic heads that comes in, and
a turn: NBL is left from the south. Written are the rows that a count can fill, of the lane group
data: Volume, Bicycles, PHF and HeavyVehicles. Peds, the people who walk across the way of a right
turn, stays empty: counting lines lie across arms, and do not see who crosses one.
"""

import csv
import datetime
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from placewatch.core.bins import QUARTER_US, Bin, PeakHour, peak_hour_factor
from placewatch.core.kinds import Kind
from placewatch.core.space import Point
from placewatch.core.time import UtcMicros
from placewatch.publish.formats.long import local

VOLUME = frozenset(Kind) - {Kind.PEDESTRIAN, Kind.BICYCLE}
"""What a volume counts. Whose kind could not be told is mostly a vehicle."""

HEAVY = frozenset({Kind.BUS, Kind.TRUCK})

_MAIN, _BETWEEN = ("NB", "SB", "EB", "WB"), ("NE", "NW", "SE", "SW")
_TURNS = ("L", "T", "R")


@dataclass(frozen=True, slots=True)
class Junction:
    """A junction in its busiest hour. `movements` are bins of movements, a quarter of an hour each,
    whose `movement` is a turn; `approaches` gives each arm its approach."""

    number: int  # Synchro's INTID
    name: str
    peak: PeakHour
    movements: Sequence[Bin]
    approaches: Mapping[str, str]
    middle: Point | None = None


def write_utdf(
    junctions: Iterable[Junction], stream: IO[bytes], zone: datetime.tzinfo = datetime.UTC
) -> int:
    """Writes `junctions` to `stream`, which have their peak hour at the same time or each its own;
    how many rows of lanes that were."""
    junctions = list(junctions)
    columns = _columns(junctions)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    begin = local(min(one.peak.start for one in junctions), zone)
    writer.writerows(
        [
            ["[Network]"],
            ["Network Settings"],
            ["RECORDNAME", "DATA"],
            ["UTDFVERSION", 8],
            ["Metric", 1],
            ["ScenarioDate", begin.strftime("%m/%d/%Y")],
            ["ScenarioTime", begin.strftime("%H:%M")],
            [],
            ["[Nodes]"],
            ["Node Data"],
            ["INTID", "TYPE", "X", "Y", "Z", "DESCRIPTION"],
        ]
    )
    for one in junctions:
        x, y = (
            ("", "") if one.middle is None else (_metres(one.middle.x_m), _metres(one.middle.y_m))
        )
        writer.writerow([one.number, 0, x, y, 0, one.name])
    writer.writerows(
        [
            [],
            ["[Lanes]"],
            ["Lane Group Data"],
            ["RECORDNAME", "INTID", *columns, "PED", "HOLD"],
        ]
    )
    written = 0
    for one in junctions:
        for record, cells in _records(one).items():
            writer.writerow(
                [record, one.number, *(cells.get(column, "") for column in columns), "", ""]
            )
            written += 1
    # A count knows no signals; readers expect the section.
    writer.writerows(
        [[], ["[Timeplans]"], ["Timing Plan Settings"], ["RECORDNAME", "INTID", "DATA"]]
    )
    stream.write(text.getvalue().encode())
    return written


def _metres(value: float) -> str:
    return f"{round(value, 1) + 0.0:.1f}"  # no minus before a zero


def _records(junction: Junction) -> dict[str, dict[str, object]]:
    """The rows of a junction: what each says of which column."""
    cells: dict[str, list[Bin]] = {}
    for one in junction.movements:
        if one.from_arm is not None and _in_peak(one, junction.peak):
            cells.setdefault(junction.approaches[one.from_arm] + one.movement, []).append(one)
    volume = {column: _sum(bins, VOLUME) for column, bins in cells.items()}
    bicycles = {column: _sum(bins, frozenset({Kind.BICYCLE})) for column, bins in cells.items()}
    factors = {column: _factor(bins, junction.peak) for column, bins in cells.items()}
    heavy = {
        column: round(100.0 * _sum(bins, HEAVY) / volume[column])
        for column, bins in cells.items()
        if volume[column]
    }
    return {
        "Volume": dict(volume),
        "Peds": {},
        "Bicycles": {
            column: bicycles.get(f"{column[:-1]}T", 0) for column in cells if column.endswith("R")
        },
        "PHF": {column: f"{value:.2f}" for column, value in factors.items() if value is not None},
        "HeavyVehicles": dict(heavy),
    }


def _columns(junctions: Iterable[Junction]) -> list[str]:
    """The four main approaches always; one between them, and turning round, where it is needed."""
    named = {name for one in junctions for name in one.approaches.values()}
    turned = {
        one.approaches[count.from_arm]
        for one in junctions
        for count in one.movements
        if count.from_arm is not None
        and count.movement == "U"
        and count.count
        and count.kind in VOLUME
        and _in_peak(count, one.peak)
    }
    return [
        name + way
        for name in (*_MAIN, *(name for name in _BETWEEN if name in named))
        for way in (*(("U",) if name in turned else ()), *_TURNS)
    ]


def _in_peak(one: Bin, peak: PeakHour) -> bool:
    return peak.start <= one.start < peak.start + 4 * QUARTER_US


def _sum(bins: Iterable[Bin], kinds: frozenset[Kind]) -> int:
    return sum(one.count or 0 for one in bins if one.kind in kinds)


def _factor(bins: Sequence[Bin], peak: PeakHour) -> float | None:
    starts = [UtcMicros(peak.start + step * QUARTER_US) for step in range(4)]
    return peak_hour_factor(
        _sum((one for one in bins if one.start == start), VOLUME) for start in starts
    )
