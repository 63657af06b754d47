"""Queues and people across as parts of a page: whole, escaped, and absent where nothing is told."""

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from tests.node.test_site_road import QUEUES, WALKS
from tests.publish.test_report import Page, street

from placewatch.core.time import UtcMicros, from_rfc3339
from placewatch.node.config import ApproachSettings, CameraSettings
from placewatch.node.offline import deliver
from placewatch.node.road import approaches_told, carriageways_told
from placewatch.publish import road_parts
from placewatch.publish.report import page
from placewatch.publish.road import ApproachTold, CarriagewayTold, CrossedTold, LaneTold

NASTY = '<script>alert("x")</script>&'
START = from_rfc3339("2026-11-23")


class Whole(HTMLParser):
    """Every tag is closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script"
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ("rect", "path")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


numbers = st.integers(0, 10_000)
values = st.floats(0.0, 1e6)
maybe = st.none() | values
bins = st.just(()) | st.lists(numbers, min_size=3, max_size=3).map(tuple)
lanes = st.builds(
    LaneTold,
    lane=st.none() | st.integers(0, 7), watched_s=values, cycles=numbers,
    cycles_min=numbers, reached_share=st.none() | st.floats(0.0, 1.0), vehicles_max=numbers,
    back_m_max=values, at_least=st.booleans(), vehicles_max_mean=maybe,
    vehicles_mean=values, length_m_mean=values, departures=numbers, stops=numbers, delay_s=maybe,
    delay_count=numbers, level=st.none() | st.sampled_from("ABCDEF"),
)  # fmt: skip
approaches = st.builds(
    lambda name, told, steps, of_day: ApproachTold(
        name, tuple(told), "HCM", tuple(steps), 900.0, tuple("00:00" for _ in steps), of_day
    ),
    st.sampled_from(["North", NASTY]),
    st.lists(lanes, min_size=1, max_size=3),
    st.lists(maybe, max_size=5),
    st.booleans(),
)
crossed = st.builds(
    CrossedTold,
    crossing=st.none() | st.sampled_from(["Zebra", NASTY]), watched_s=values, count=numbers,
    an_hour=maybe, told=numbers, wait_count=numbers, wait_s=maybe, waits=bins,
    speed_count=numbers, speed_m_s=maybe, speed_m_s_p15=maybe, speeds=bins,
    rejected_count=numbers, rejected_s=maybe, accepted_count=numbers, accepted_s=maybe,
    due_count=numbers, yielded_count=numbers,
)  # fmt: skip
carriageways = st.builds(
    CarriagewayTold,
    name=st.sampled_from(["Mill Road", NASTY]), length_m=values,
    places=st.lists(crossed, min_size=1, max_size=3).map(tuple),
    wait_edges_s=st.just((1.0, 2.0)), speed_edges_m_s=st.just((0.4, 0.6)),
)  # fmt: skip


@settings(max_examples=60)
@given(st.lists(approaches, max_size=2), st.lists(carriageways, max_size=2), st.floats(1.0, 1e7))
def test_whatever_is_told_makes_whole_parts(
    ways: list[ApproachTold], pieces: list[CarriagewayTold], window_s: float
) -> None:
    html = (
        road_parts.queues(ways, window_s)
        + road_parts.people(pieces, window_s)
        + f"<ul>{road_parts.words(ways, pieces)}</ul>"
    )
    Whole(html)
    assert not re.search(r"\b(nan|inf|None)\b", html)
    assert bool(ways) == ("Queues" in html)


@given(lanes)
def test_cycles_of_several_lanes_are_told_of_one(told: LaneTold) -> None:
    words = dataclasses.replace(told, cycles=12, cycles_min=9).cycles_words
    assert words == ("9 to 12 a lane" if told.lane is None else "12")
    alike = dataclasses.replace(told, cycles=12, cycles_min=12).cycles_words
    assert alike == ("12 a lane" if told.lane is None else "12")


def test_a_watched_recording_tells_its_road_on_its_page_and_in_files(tmp_path: Path) -> None:
    camera = CameraSettings(
        id="a", url="b", approach=(ApproachSettings("North <arm>", ((1, 2),) * 4),)
    )
    until = UtcMicros(START + 7200 * 1_000_000)
    queues = approaches_told(QUEUES, camera, START, until)
    walks = carriageways_told(WALKS, camera)
    summary = street(
        queues=tuple(QUEUES), crossings_on_foot=tuple(WALKS), approaches=queues, carriageways=walks
    )
    read = Page(page(summary))
    assert "Queue: North <arm>" in read.text
    assert "48 passages from kerb to kerb" in read.text
    assert "Control delay" in read.text
    deliver(lambda: summary, tmp_path / "out", None)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"queues.csv", "queues.parquet", "crossings_on_foot.csv"} <= names


@pytest.mark.parametrize("told", ["Queues", "People crossing", "Control delay"])
def test_a_recording_without_a_road_says_nothing_of_one(told: str) -> None:
    assert told not in page(street())
