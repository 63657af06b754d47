"""Journey times in the report of a place, and in what the console asks of it."""

import dataclasses
import re
from pathlib import Path

import pytest

from placewatch.core.facts import JourneyTime
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction
from placewatch.core.time import MINUTE_US, UtcMicros, from_rfc3339
from placewatch.node import config as settings
from placewatch.node.export import export_facts
from placewatch.node.links import links_view
from placewatch.node.site import last_journeys, place_view, report_site
from placewatch.node.views import to_json
from placewatch.store.rows import JOURNEYS, rows_of
from placewatch.store.store import Store

START = from_rfc3339("2026-11-23")
OUT = Direction.LEFT_TO_RIGHT
CAMERA = """
[[camera]]
id = "{id}"
url = "street:main"
[camera.notice]
place = "{place}"
purpose = "Counts"
legal_basis = "Council decision"
owner = "City"
contact = "a@b.example"
until = 2027-12-31
[[camera.line]]
name = "In"
from_px = [300, 220]
to_px = [520, 200]
[[camera.line]]
name = "Out"
from_px = [300, 620]
to_px = [900, 640]
"""
LINK = """
[[link]]
name = "{name}"
from_line = "{begin}"
from_direction = "left_to_right"
to_line = "{end}"
to_direction = "left_to_right"
length_m = 500
"""
TOML = (
    'site = "Kista"\ndata = "data"\n'
    + CAMERA.format(id="a", place="Station <north>")
    + CAMERA.format(id="b", place="Market")
    + CAMERA.format(id="c", place="Harbour")
    + LINK.format(name="Station <road>", begin="a/Out", end="b/In")
    + LINK.format(name="Over the signal", begin="b/In", end="b/Out")
    + LINK.format(name="Quay", begin="c/In", end="c/Out")
    + '[[link]]\nname = "Through"\nthrough = ["Station <road>", "Over the signal"]\n'
)
UNKNOWN = JourneyTime(
    START, 3600.0, 3600.0, "", "counts", CameraId("a"), "Out", OUT, CameraId("b"), "In", OUT, 500.0,
    None, None, None, None, None, None, None, None, None, None,
)  # fmt: skip


def told(link: str, quarter: int, median_s: float | None, why: str = "signal") -> JourneyTime:
    at = UtcMicros(START + quarter * 15 * MINUTE_US)
    one = dataclasses.replace(UNKNOWN, at=at, link=link)
    if median_s is None:
        return dataclasses.replace(one, why=why, sentence=f"There seems to be a <{why}>.")
    return dataclasses.replace(
        one, median_s=median_s, median_s_low=median_s - 1.5, median_s_high=median_s + 1.5,
        mean_s=median_s + 1.0, mean_s_low=median_s - 1.0, mean_s_high=median_s + 3.0,
        through_share=0.8, through_share_low=0.7, through_share_high=0.9, arrived=400,
    )  # fmt: skip


FACTS = [
    *(told("Station <road>", quarter, 40.0 + quarter) for quarter in range(5)),
    told("Station <road>", 5, None),
    told("Station <road>", 6, None, "flow"),
    told("Station <road>", 7, 99.0),  # its hour is not over at the end of the report
    told("Over the signal", 0, None),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "placewatch.toml").write_text(TOML)
    store = Store(tmp_path / "data")
    store.append(FACTS)
    store.close()
    return tmp_path


def report(folder: Path, camera: str, until: str = "2026-11-23T02:30:00Z") -> str:
    out = folder / f"{camera}.html"
    report_site(folder / "placewatch.toml", camera, "2026-11-23", until, out)
    return out.read_text("utf-8")


def test_what_is_stored_of_links_comes_back_and_can_be_exported(folder: Path) -> None:
    store = Store(folder / "data", writes=False)
    table = store.table(JOURNEYS)
    assert table is not None
    rows = table.between(START, UtcMicros(START + 240 * MINUTE_US))
    store.close()
    in_order = sorted(FACTS, key=lambda one: (one.at, one.link))
    assert rows.equals(rows_of(in_order, JOURNEYS))
    out = folder / "journeys.csv"
    settings_path = folder / "placewatch.toml"
    written = export_facts(
        settings_path, "2026-11-23", "2026-11-24", "csv", str(out), what="journeys"
    )
    assert written == len(FACTS)
    lines = out.read_text().splitlines()
    assert lines[0].startswith("at,window_s,coverage_s,link,how,from_camera,from_line,")
    assert lines[2].startswith("2026-11-23T00:00:00Z,3600.0,3600.0,Station <road>,counts,a,Out,")


def test_the_report_has_the_links_of_its_place_with_times_and_reasons(folder: Path) -> None:
    text = report(folder, "a")
    assert "<h2>Journey times</h2>" in text
    assert "Station &lt;road&gt;" in text
    assert "→ Market" in text
    assert "Quay" not in text, "it has nothing to do with this place"
    assert "<b>Over the signal</b>" not in text, "that begins and ends elsewhere"
    row = re.search(r"<tr><th scope=\"row\">Station.*?</tr>", text)
    assert row is not None
    assert "<b>42 s</b>" in row[0], "the usual one"
    assert re.search(r"\(4[01] to 44 s\)", row[0]), "with its interval"
    assert ">40 s<" in row[0]
    assert ">44 s<" in row[0]
    assert f"{500.0 / 43.0 * 3.6:.0f}" in row[0], "the mean speed"
    assert "71 %" in row[0], "5 of 7 windows"
    assert "99 s" not in text
    assert "a signal or a queue seemed to lie between the lines (1)" in text
    assert "The last, to 11-23 02:30: There seems to be a &lt;flow&gt;." in text
    assert "<script" not in text
    assert "<b>Journey time</b>" in text, "and what the words mean"
    assert text.count('class="unseen" x=') >= 2


def test_a_place_at_the_end_of_a_link_has_it_too_and_routes(folder: Path) -> None:
    text = report(folder, "b")
    assert "Station &lt;road&gt;" in text
    assert "<b>Over the signal</b>: not known in 1 window of 1" in text
    assert "<b>Through</b>: no hour of this time was looked at." in text
    assert re.search(r"1.?000 m, a route", text)


def test_a_place_without_links_has_no_such_part(folder: Path) -> None:
    path = folder / "placewatch.toml"
    path.write_text(TOML[: TOML.index("[[link]]")])
    text = report(folder, "a")
    assert "Journey" not in text


def test_the_page_of_links_gets_the_last_hour_of_each(folder: Path) -> None:
    loaded = settings.load(folder / "placewatch.toml")
    store = Store(folder / "data", writes=False)
    told = last_journeys(store, UtcMicros(START + 125 * MINUTE_US))
    later = last_journeys(store, UtcMicros(START + 200 * MINUTE_US))
    store.close()
    view = links_view(loaded, told | {"Gone": told["Station <road>"]})
    assert set(view.times) == {"Station <road>"}, "the other's ended more than an hour ago"
    last = view.times["Station <road>"]
    assert (last.time_s, last.end) == (44.0, START + 120 * MINUTE_US)
    assert (last.through_share, last.through_share_low, last.through_share_high) == (0.8, 0.7, 0.9)
    assert later["Station <road>"].time_s == 99.0
    assert '"times":{"Station <road>":{"end":"2026-11-23T02:00' in to_json(view)


def test_the_console_gets_the_links_of_a_place_with_their_windows(folder: Path) -> None:
    loaded = settings.load(folder / "placewatch.toml")
    store = Store(folder / "data", writes=False)
    until = UtcMicros(START + 150 * MINUTE_US)
    view = place_view(store, loaded, loaded.camera[0], START, until)
    store.close()
    assert [(one.link, one.how, len(one.windows)) for one in view.journeys] == [
        ("Station <road>", "counts", 7),
        ("Through", "parts", 0),
    ]
    last = view.journeys[0].windows[-1]
    assert (last.time_s, last.why, last.end) == (None, "flow", until)
    first = view.journeys[0].windows[0]
    assert (first.time_s, first.time_s_low, first.time_s_high) == (40.0, 38.5, 41.5)
    assert '"end":"2026-11-23T02:30:00Z"' in to_json(view)
