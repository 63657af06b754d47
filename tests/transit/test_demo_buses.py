"""The buses of the demonstration: on their streets, on time or not, and no faster than buses."""

import datetime
import itertools
import math
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.transit.feeds import NOW, NOW_S

from placewatch.core.time import SimulatedClock, UtcMicros
from placewatch.node import config
from placewatch.node.demo import ORIGIN, demo_toml, road
from placewatch.node.demo_buses import SPEED_M_S, feed_at
from placewatch.node.transit import Transit, WatchedFeed
from placewatch.transit.fleet import within
from placewatch.transit.reading import Reading, Seen

STREETS = [
    [ORIGIN.to_point(latitude_deg, longitude_deg) for longitude_deg, latitude_deg in road(name)]
    for name in ("Market Street", "Church Street", "Station Road", "Harbour Quay", "Ring Road")
]
LEGS = [leg for street in STREETS for leg in itertools.pairwise(street)]


def seen_at(now_s: int) -> dict[tuple[str, str | None], Seen]:
    reading = Reading(feed_at(now_s))
    now = UtcMicros(now_s * 1_000_000)
    vehicles, left_out = reading.vehicles(within(ORIGIN, 10_000), now)
    assert not left_out
    return {(one.key, one.trip): one for one in reading.with_delays(vehicles, now)}


def demo(town: str = "town:ekhamn") -> config.Settings:
    text = demo_toml(datetime.date(2026, 11, 23))
    return config.parse(text.replace("town:ekhamn", town))


def test_the_demonstration_shows_its_buses_with_lines_and_delays(tmp_path: Path) -> None:
    clock = SimulatedClock(NOW)
    site = demo()
    feed = WatchedFeed(site.transit[0], site, tmp_path, clock)
    feed.turn()
    view = feed.view(clock.utc())
    assert (view.state, view.why, view.notes) == ("fresh", None, ())
    assert len(view.vehicles) == 15
    assert {one.line for one in view.vehicles} == {"1", "2", "4", "7", "10"}
    delays_s = [one.delay_s for one in view.vehicles if one.delay_s is not None]
    assert len(delays_s) == 15
    assert min(delays_s) < -60 < 180 < max(delays_s), "early ones, and late ones"
    assert Transit(site, tmp_path, clock).view().feeds[0].state == "starting"


@settings(max_examples=30)
@given(now_s=st.integers(NOW_S, NOW_S + 86_400))
def test_they_drive_along_their_streets_no_faster_than_buses(now_s: int) -> None:
    before, after = seen_at(now_s), seen_at(now_s + 10)
    both = before.keys() & after.keys()
    assert both, "most trips go on"
    for key in both:
        a, b = (
            ORIGIN.to_point(one[key].latitude_deg, one[key].longitude_deg)
            for one in (before, after)
        )
        assert math.hypot(a.x_m - b.x_m, a.y_m - b.y_m) <= SPEED_M_S * 10 + 2
    for one in before.values():
        at = ORIGIN.to_point(one.latitude_deg, one.longitude_deg)
        off_m = min(_off_m(at.x_m, at.y_m, a.x_m, a.y_m, b.x_m, b.y_m) for a, b in LEGS)
        assert off_m < 2.0


def test_there_is_only_one_invented_town() -> None:
    site = demo("town:nowhere")
    feed = WatchedFeed(site.transit[0], site, Path(), SimulatedClock(NOW))
    feed.turn()
    assert "no invented town" in (feed.view(NOW).why or "")


def _off_m(x: float, y: float, ax: float, ay: float, bx: float, by: float) -> float:
    along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2)
    along = min(1.0, max(0.0, along))
    return math.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay))
