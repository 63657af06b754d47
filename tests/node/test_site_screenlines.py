"""Screenlines in the report of a place, and in what the console asks of it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from placewatch.core.facts import LineCount
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import MINUTE_US, UtcMicros, from_rfc3339
from placewatch.node import config as settings
from placewatch.node.links import line_in_use
from placewatch.node.site import place_view, report_site
from placewatch.store.store import Store

START = from_rfc3339("2026-11-23")
HOURS = 4
ONE_WAY, OTHER_WAY = Direction.LEFT_TO_RIGHT, Direction.RIGHT_TO_LEFT
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
name = "{line}"
from_px = [100, 300]
to_px = [100, 100]
"""
TOML = (
    'site = "Kista"\ndata = "data"\n'
    + CAMERA.format(id="a", place="Bridge <north>", line="Bridge")
    + CAMERA.format(id="b", place="Quay", line="Quay")
    + CAMERA.format(id="c", place="Harbour", line="Gate")
    + '[[screenline]]\nname = "The <river>"\nlines = ["a/Bridge", "b/Quay"]\n'
    'reversed = ["b/Quay"]\n'
)


def minutes() -> Iterator[LineCount]:
    """The bridge is watched for four hours, the quay only in the first and third of them."""
    for minute in range(60 * HOURS):
        at = UtcMicros(START + minute * MINUTE_US)
        for camera, line, cars in (("a", "Bridge", (2, 0)), ("b", "Quay", (1, 3))):
            if camera == "b" and minute // 60 not in (0, 2):
                continue
            for way, count in zip((ONE_WAY, OTHER_WAY), cars, strict=True):
                yield LineCount(
                    at, 60.0, 60.0, CameraId(camera), line, Kind.CAR, way, count, 0, None, None
                )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "placewatch.toml").write_text(TOML)
    store = Store(tmp_path / "data")
    store.append(list(minutes()))
    store.close()
    return tmp_path


def report(folder: Path, camera: str) -> str:
    out = folder / f"{camera}.html"
    report_site(folder / "placewatch.toml", camera, "2026-11-23", "2026-11-23T04:00:00Z", out)
    return out.read_text("utf-8")


@pytest.mark.parametrize(("camera", "arrow"), [("a", "→&nbsp;right"), ("b", "←&nbsp;left")])
def test_the_report_of_each_place_at_it_has_its_sums(folder: Path, camera: str, arrow: str) -> None:
    text = report(folder, camera)
    assert "<h2>Screenline The &lt;river&gt;</h2>" in text
    part = text[text.index("<h2>Screenline") :]
    one_way, other_way = re.findall(r'<tr><th scope="row" title="\w+ in files">.*?</tr>', part)[:2]
    # In the 120 minutes that both saw: 2 by the bridge and, drawn the other way, 3 by the quay.
    assert "left_to_right" in one_way
    assert arrow in one_way
    assert '<td class="n all">600</td><td class="n">300</td>' in one_way
    assert '<td class="n all">120</td><td class="n">60</td>' in other_way
    assert "50 % of the time that all parts saw" in part
    assert "Peak hour, vehicles both ways: <b>360</b>, from 11-23 00:00" in part
    assert part.count("not seen for 1 h") == 4, "two hours, both ways: a gap and no zero"
    assert "<td>→&nbsp;right</td><td>←&nbsp;left</td>" in part, "the bridge"
    assert "<td>←&nbsp;left</td><td>→&nbsp;right</td>" in part, "the quay"


def test_a_place_that_is_no_part_of_it_says_nothing_of_it(folder: Path) -> None:
    assert "Screenline" not in report(folder, "c")


def test_the_console_gets_it_by_the_hours_of_the_clock(folder: Path) -> None:
    loaded = settings.load(folder / "placewatch.toml")
    store = Store(folder / "data", writes=False)
    try:
        since = UtcMicros(START - 10 * MINUTE_US)
        until = UtcMicros(START + 230 * MINUTE_US)
        views = [place_view(store, loaded, one, since, until) for one in loaded.camera]
    finally:
        store.close()
    assert [len(view.screenlines) for view in views] == [1, 1, 0]
    (told,) = views[0].screenlines
    assert [(part.camera, part.line, part.reversed) for part in told.parts] == [
        ("a", "Bridge", False),
        ("b", "Quay", True),
    ]
    profile = told.profile
    assert profile.at == tuple(UtcMicros(START + hour * 60 * MINUTE_US) for hour in range(4))
    assert profile.coverage_s == (3600.0, 0.0, 3600.0, 0.0)
    counts = {(one.kind, one.direction): one.count for one in profile.series}
    assert counts[Kind.CAR, ONE_WAY] == (300, None, 300, None)
    assert counts[Kind.CAR, OTHER_WAY] == (60, None, 60, None)


def test_a_line_that_is_added_up_keeps_its_name(folder: Path) -> None:
    loaded = settings.load(folder / "placewatch.toml")
    assert line_in_use(loaded, "b", ["Other"]) == (
        "Quay",
        'the screenline "The <river>" adds it up',
    )
    assert line_in_use(loaded, "b", ["Quay"]) == ("", "")
