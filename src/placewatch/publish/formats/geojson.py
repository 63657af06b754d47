"""Geojson: counting lines where they lie on the earth, with what was counted (RFC 7946)."""

import datetime
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import IO, Any

from placewatch.core.bins import Bin
from placewatch.core.kinds import MOTOR_VEHICLES, Kind
from placewatch.core.time import UtcMicros
from placewatch.publish.formats.long import local
from placewatch.publish.words import KM_H, poisson_interval


@dataclass(frozen=True, slots=True)
class LinePlace:
    """Where a counting line lies: (longitude, latitude) of its two ends in degrees, WGS 84; the
    arm that it lies across; and which way, clockwise from north, who crosses it left to right
    travels."""

    ends: tuple[tuple[float, float], tuple[float, float]]
    arm: str | None
    bearing_deg: float


def write_geojson(
    bins: Iterable[Bin],
    lines: Mapping[tuple[str, str], LinePlace],
    stream: IO[bytes],
    zone: datetime.tzinfo = datetime.UTC,
) -> int:
    """Writes a feature for each window, line and way of `bins` to `stream`, with the count of each
    kind; how many that were. `lines` are named by view and line; a line that is not among them lies
    nowhere that is known, and is left out."""
    found: dict[tuple[UtcMicros, str, str, str], list[Bin]] = {}
    for one in bins:
        if (one.view, one.element) in lines:
            found.setdefault((one.start, one.view, one.element, one.movement), []).append(one)
    features = [
        _feature(lines[view, element], some, zone)
        for (_, view, element, _), some in sorted(found.items())
    ]
    document = {"type": "FeatureCollection", "features": features}
    stream.write(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1).encode())
    stream.write(b"\n")
    return len(features)


def _feature(line: LinePlace, bins: list[Bin], zone: datetime.tzinfo) -> dict[str, Any]:
    first = bins[0]
    counts: dict[Kind, int | None] = {one.kind: one.count for one in bins}
    known = [count for count in counts.values() if count is not None]
    total = sum(known) if known else None
    low, high = poisson_interval(total) if total is not None else (None, None)
    back = first.movement == "right_to_left"
    return {
        "type": "Feature",
        "geometry": {
            "type": "LineString",
            "coordinates": [[round(degrees, 7) for degrees in end] for end in line.ends],
        },
        "properties": {
            "site": first.site,
            "view": first.view,
            "line": first.element,
            "arm": line.arm,
            "direction": first.movement,
            "bearing_deg": round((line.bearing_deg + 180.0 * back) % 360.0, 1),
            "start": local(first.start, zone).isoformat(timespec="seconds"),
            "end": local(first.end, zone).isoformat(timespec="seconds"),
            "valid_seconds": round(max(one.coverage_s for one in bins), 3),
            "count": total,
            "uncertainty_lo": None if low is None else round(low, 2),
            "uncertainty_hi": None if high is None else round(high, 2),
            **{kind.value: counts.get(kind) for kind in Kind},
            **_speeds(bins),
        },
    }


def _speeds(bins: list[Bin]) -> dict[str, float | None]:
    """Those of motor vehicles: a mean over people and cars would say nothing of either."""
    told = [one for one in bins if one.kind in MOTOR_VEHICLES]
    speeds = sum(one.speed_count for one in told if one.speed_m_s_mean is not None)
    total = sum((one.speed_m_s_mean or 0.0) * one.speed_count for one in told)
    with_p85 = [one for one in told if one.speed_m_s_p85 is not None]
    weight = sum(one.speed_count for one in with_p85)
    p85 = sum((one.speed_m_s_p85 or 0.0) * one.speed_count for one in with_p85)
    return {
        "mean_speed_kmh": round(KM_H * total / speeds, 2) if speeds else None,
        "v85_kmh": round(KM_H * p85 / weight, 2) if weight else None,
    }
