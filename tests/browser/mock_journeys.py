"""Mock journeys: made-up times of links, as docs/spec/console-api.md tells them."""

import datetime
import math
from typing import Any

Json = dict[str, Any]
SIGNAL = (
    "Vehicles arrive in bunches that those who left do not explain: there seems to be a signal or "
    "a queue between the lines, or most of them join on the way."
)
FEW = "Too few vehicles: 41 passed one of the lines while it was watched; 100 are needed."


def journeys(now_s: float) -> list[Json]:
    """Three links at kista-03: a day of one, one that is refused, and one that just began."""
    last_s = now_s // 900 * 900
    ends = [last_s - 900 * back for back in range(95, -1, -1)]
    return [
        {
            **_link("Station road", "counts", "kista-03", "kista-04", 380.0),
            "windows": [_window(end, *_busy(end)) for end in ends],
        },
        {
            **_link("Over the signal", "view", "kista-03", "kista-03", 60.0),
            "windows": [_window(ends[-1], 31.4, 2.8)],
        },
        {
            **_link("Market street", "counts", "kista-04", "kista-03", 640.0),
            "windows": [_window(end, None, 0.0, SIGNAL) for end in ends[-20:]],
        },
        {**_link("Station to market", "parts", "kista-03", "kista-04", 440.0), "windows": []},
    ]


def _busy(end_s: float) -> tuple[float | None, float]:
    hour = end_s % 86_400 / 3600
    if hour < 5.5:
        return None, 0.0
    return 31.0 + 9.0 * math.exp(-((hour - 8.0) ** 2)) + 14.0 * math.exp(-((hour - 17) ** 2)), 0.9


def _link(name: str, how: str, begin: str, end: str, length_m: float) -> Json:
    places = {"kista-03": "Stationsplein, north-east", "kista-04": "Market street, west"}
    return {
        "link": name, "how": how, "from_camera": begin, "from_place": places[begin],
        "to_camera": end, "to_place": places[end], "length_m": length_m,
    }  # fmt: skip


def _window(end_s: float, time_s: float | None, half_s: float, why: str = FEW) -> Json:
    moment = datetime.datetime.fromtimestamp(end_s, datetime.UTC)
    known = time_s is not None
    return {
        "end": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "window_s": 3600.0,
        "coverage_s": 3600.0 if known else 2700.0,
        "time_s": time_s,
        "time_s_low": time_s - half_s if time_s is not None else None,
        "time_s_high": time_s + half_s if time_s is not None else None,
        "mean_s": time_s,
        "why": None if known else "flow",
        "sentence": None if known else why,
        "through_share": 0.8 if known else None,
        "through_share_low": 0.741 if known else None,
        "through_share_high": 0.859 if known else None,
    }


def last_times(now_s: float) -> Json:
    """The last hour of the one link that is set: see `mock_road.LINK`."""
    return {"Station road": _window(now_s // 900 * 900, 31.4, 0.9)}
