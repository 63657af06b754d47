"""Queues and people across in the report of a place, from what is stored of them."""

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from placewatch.core.facts import Fact, FootCrossings, LaneQueue
from placewatch.core.ids import camera_id
from placewatch.core.time import MINUTE_US, UtcMicros, from_rfc3339
from placewatch.measure.carriageway import GAP_S_EDGES, SPEED_M_S_EDGES, WAIT_S_EDGES
from placewatch.node import config as settings
from placewatch.node.site import place_view, report_site, site_report
from placewatch.publish.site import SiteReport, page
from placewatch.store.store import Store

START = from_rfc3339("2026-11-23")
UNTIL = UtcMicros(START + 120 * MINUTE_US)
CAMERA = camera_id("kista-03")
TOML = """
site = "Kista"
data = "data"
[[camera]]
id = "kista-03"
url = "street:main"
[[camera.approach]]
name = "North <arm>"
corners_px = [[500, 500], [700, 500], [690, 330], [560, 330]]
lanes = 2
[[camera.approach]]
name = "West"
corners_px = [[500, 500], [700, 500], [690, 330], [560, 330]]
signal = false
[[camera.carriageway]]
name = "Mill Road"
corners_px = [[100, 600], [900, 600], [900, 400], [200, 400]]
[[camera.carriageway.crossing]]
name = "Zebra"
corners_px = [[500, 600], [600, 600], [600, 400], [500, 400]]
""" + "".join(
    f"[[camera.ground]]\nx_px = {x_px}\ny_px = {y_px}\nx_m = {x_m}\ny_m = {y_m}\n"
    for x_px, y_px, x_m, y_m in (
        (200, 300, -20, 40),
        (1080, 300, 20, 40),
        (1280, 700, 12, 8),
        (0, 700, -12, 8),
    )
)


def cycle(
    minute: int, lane: int = 0, approach: str = "North <arm>", **changes: object
) -> LaneQueue:
    told = LaneQueue(
        at=UtcMicros(START + minute * MINUTE_US), window_s=60.0, coverage_s=60.0, camera=CAMERA,
        approach=approach, lane=lane, whole=True, stood_s=35.0, vehicles_max=4, vehicles_mean=2.0,
        length_m_max=27.0, length_m_mean=12.0, back_m_max=28.5, at_least=False, departures=5,
        stops=4, travel_s_mean=30.0, free_s=5.0, delay_s_mean=25.0, delay_count=4,
    )  # fmt: skip
    return dataclasses.replace(told, **changes)  # type: ignore[arg-type]


def bins(edges: tuple[float, ...], at: int, count: int) -> tuple[int, ...]:
    return tuple(count if number == at else 0 for number in range(len(edges) + 1))


def walks(quarter: int, crossing: str | None, count: int | None) -> FootCrossings:
    at = UtcMicros(START + quarter * 15 * MINUTE_US)
    told = FootCrossings(
        at, 900.0, 0.0 if count is None else 900.0, CAMERA, "Mill Road", 24.0, crossing, count,
        *[None] * 20,
    )  # fmt: skip
    if count is None or count < 5:
        return told
    return dataclasses.replace(
        told, to_left=2, away_m_bins=(count, 0, 0, 0, 0, 0, 0),
        wait_count=count, wait_s_sum=4.0 * count, wait_s_bins=bins(WAIT_S_EDGES, 2, count),
        speed_count=count, speed_m_s_sum=1.3 * count,
        speed_m_s_bins=bins(SPEED_M_S_EDGES, 5, count),
        rejected_count=3, rejected_s_sum=6.0, rejected_s_bins=bins(GAP_S_EDGES, 2, 3),
        accepted_count=count, accepted_s_sum=9.0 * count,
        accepted_s_bins=bins(GAP_S_EDGES, 7, count),
        open_count=0, given_count=0, due_count=4, yielded_count=3, excused_count=1,
        unhindered_count=0,
    )  # fmt: skip


QUEUES = [
    *(cycle(minute) for minute in range(0, 100)),
    cycle(100, vehicles_max=9, back_m_max=61.5, at_least=True),
    *(cycle(minute, 1, vehicles_max=0, vehicles_mean=0.0, stood_s=None) for minute in (0, 1)),
    cycle(3, approach="West", delay_s_mean=None, free_s=None),
]
WALKS = [
    *(walks(quarter, "Zebra", 10) for quarter in range(4)),
    *(walks(quarter, None, 2) for quarter in range(4)),
    *(walks(4, crossing, None) for crossing in ("Zebra", None)),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "placewatch.toml").write_text(TOML)
    store = Store(tmp_path / "data")
    facts: list[list[Fact]] = [[*QUEUES], [*WALKS]]
    for part in facts:
        store.append(part)
    store.close()
    return tmp_path


def told(folder: Path, until: UtcMicros = UNTIL) -> SiteReport:
    loaded = settings.load(folder / "placewatch.toml")
    store = Store(folder / "data", writes=False)
    report = site_report(store, loaded, loaded.camera[0], START, until)
    store.close()
    return report


class Page(HTMLParser):
    """The text of a page, and its table rows."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.rows, self.open = "", [], []
        self.feed(html)
        assert self.open == []

    rows: list[str]
    open: list[str]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append("")
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + " "
        if "tr" in self.open:
            self.rows[-1] += data.replace("\xa0", " ") + "|"


def test_queues_are_told_by_approach_and_lane(folder: Path) -> None:
    north, west = told(folder).approaches
    right, left, both = north.lanes
    assert (right.lane, left.lane, both.lane) == (0, 1, None)
    assert (right.cycles, right.vehicles_max) == (101, 9)
    assert right.reached_share == pytest.approx(1 / 101)
    assert (right.back_m_max, right.at_least) == (61.5, True)
    assert right.vehicles_max_mean == pytest.approx((100 * 4 + 9) / 101)
    assert right.vehicles_mean == pytest.approx(2.0)
    assert (right.delay_s, right.delay_count, right.level) == (25.0, 404, "C")
    assert (left.cycles, left.vehicles_max_mean, left.watched_s) == (0, None, 120.0)
    assert both.departures == 103 * 5
    assert (both.cycles, both.cycles_min) == (101, 0), "lanes' cycles are not added up"
    assert both.watched_s == 101 * 60.0, "lanes are watched at the same time"
    assert north.steps[0] == pytest.approx((15 * 4) / 17)
    assert north.steps[1] == 4.0
    assert north.steps[-1] is None, "no cycle began"
    assert len(north.steps) == 8
    assert (west.lanes[0].delay_s, west.lanes[0].level) == (None, None)
    assert "stop or right of way" in west.table


def test_people_across_are_told_by_place_and_their_details_of_five_or_more(folder: Path) -> None:
    (mill,) = told(folder).carriageways
    zebra, beside = mill.places
    assert (zebra.crossing, zebra.count, zebra.told, zebra.watched_s) == ("Zebra", 40, 40, 3600.0)
    assert zebra.wait_s == pytest.approx(4.0)
    assert zebra.speed_m_s == pytest.approx(1.3)
    assert zebra.speed_m_s_p15 == pytest.approx(1.2 + 0.15 * 0.2)
    assert zebra.rejected_s == pytest.approx(2.0)
    assert zebra.rejected_count == 12
    assert (zebra.due_count, zebra.yielded_count, zebra.an_hour) == (16, 12, 40.0)
    assert (beside.crossing, beside.count, beside.told, beside.wait_s) == (None, 8, 0, None)


def test_the_page_has_both_parts_with_their_coverage_and_what_words_mean(folder: Path) -> None:
    out = folder / "site.html"
    report_site(folder / "placewatch.toml", "kista-03", "2026-11-23", "2026-11-23T02:00:00Z", out)
    read = Page(out.read_text("utf-8"))
    assert "North <arm>" in read.text
    right = next(row for row in read.rows if "1, right" in row)
    assert right == "North <arm>|1, right|1 h 41 min|101|≥ 9|≥ 62|4.0|2.0|12|1 %|505|25|of 404|C|"
    both = next(row for row in read.rows if row.startswith("all lanes"))
    assert both.split("|")[2] == "0 to 101 a lane", "each lane has cycles of its own"
    zebra = next(row for row in read.rows if row.startswith("Zebra"))
    assert zebra.split("|")[:5] == ["Zebra", "1 h", "40", "40", "4.0"]
    assert zebra.endswith("16|75 %|")
    beside = next(row for row in read.rows if row.startswith("off the marked"))
    assert beside == "off the marked crossings|1 h|8|8|–|–|–|–|–|–|–|"
    assert "48 passages from kerb to kerb on 24 m of road. 17 % of them off" in read.text
    assert "Watched for 1 h of 2 h" in read.text
    assert "Highway Capacity Manual 2000, exhibit 16-2" in read.text
    assert "exhibit 17-2" in read.text
    assert "Control delay" in read.text
    assert "Seen 1 h 41 min of 2 h" in read.text, "though no line is drawn"
    assert not re.search(r"\b(nan|inf|None)\b", read.text)


def test_where_there_are_no_such_facts_the_page_says_nothing_of_them(folder: Path) -> None:
    loaded = settings.load(folder / "placewatch.toml")
    store = Store(folder / "data", writes=False)
    since = from_rfc3339("2026-01-01")
    report = site_report(store, loaded, loaded.camera[0], since, UtcMicros(since + 60 * MINUTE_US))
    store.close()
    text = page(report)
    for word in ("Queues", "People crossing", "Control delay", "Passage across"):
        assert word not in text


def test_of_a_week_the_hours_of_the_day_are_told(folder: Path) -> None:
    north, _ = told(folder, UtcMicros(START + 7 * 1440 * MINUTE_US)).approaches
    assert north.of_day
    assert len(north.steps) == 24
    assert north.labels[0] == "00:00"
    assert [step is not None for step in north.steps[:3]] == [True, True, False]


def test_the_console_gets_the_same_sums(folder: Path) -> None:
    loaded = settings.load(folder / "placewatch.toml")
    store = Store(folder / "data", writes=False)
    view = place_view(store, loaded, loaded.camera[0], START, UNTIL)
    store.close()
    first = view.queues[0]
    assert (first.approach, first.lane, first.vehicles_max, first.level) == (
        "North <arm>",
        0,
        9,
        "C",
    )
    assert first.reached_share == pytest.approx(1 / 101)
    assert [(one.crossing, one.count) for one in view.crossings_on_foot] == [
        ("Zebra", 40),
        (None, 8),
    ]
    assert view.crossings_on_foot[0].yielding_rate == pytest.approx(0.75)


def test_a_delay_that_is_unknown_says_what_it_needs(tmp_path: Path) -> None:
    site, store = settings.parse(TOML), Store(tmp_path)
    west = cycle(1, approach="West", free_s=None, delay_s_mean=None)
    store.append([west, cycle(1, travel_s_mean=None, delay_s_mean=None, delay_count=0)])
    view = place_view(store, site, site.camera[0], START, UNTIL)
    html = page(site_report(store, site, site.camera[0], START, UNTIL))
    store.close()
    why = {one.approach: one.delay_why or "" for one in view.queues}
    assert why["West"].startswith("It needs 10 vehicles that came undisturbed")
    assert why["North <arm>"].startswith("Nobody was seen from the upstream end")
    assert "No delay of West: it needs 10 vehicles" in html
    assert "set free_m_s" in html
    assert '<polygon class="shape approach"' in html, "approaches are drawn on its street"
