"""The report of a place from what is stored, and what the console asks of it."""

import dataclasses
import math
from pathlib import Path

import pytest

from placewatch.core.errors import Misconfigured
from placewatch.core.facts import Conflict, LineCount, LineFlow, MovementCount, SpeedCount
from placewatch.core.ids import camera_id
from placewatch.core.kinds import ConflictType, Direction, Kind
from placewatch.core.time import MINUTE_US, UtcMicros, from_rfc3339
from placewatch.node import config as settings
from placewatch.node.site import place_view, report_site, site_report
from placewatch.publish.site import Range, page, percentile, share_over
from placewatch.store.store import Store

START = from_rfc3339("2026-11-23")
CAMERA = camera_id("kista-03")
RIGHT = Direction.LEFT_TO_RIGHT
TOML = """
site = "Kista"
data = "data"
[[camera]]
id = "kista-03"
url = "street:main"
check = { passages = 200, missed = 10, extra = 2 }
[camera.notice]
place = "Stationsplein <north>"
purpose = "Counts"
legal_basis = "Council decision"
owner = "City"
contact = "a@b.example"
until = 2027-12-31
[[camera.line]]
name = "North"
arm = "North"
from_px = [300, 220]
to_px = [520, 200]
[[camera.line]]
name = "South"
arm = "South"
from_px = [300, 620]
to_px = [900, 640]
[[camera.ground]]
x_px = 200
y_px = 300
x_m = -20
y_m = 40
[[camera.ground]]
x_px = 1080
y_px = 300
x_m = 20
y_m = 40
[[camera.ground]]
x_px = 1280
y_px = 700
x_m = 12
y_m = 8
[[camera.ground]]
x_px = 0
y_px = 700
x_m = -12
y_m = 8
"""


def minute(number: int, watched: bool = True, cars: int = 3) -> list[LineCount]:
    at = UtcMicros(START + number * MINUTE_US)
    coverage_s = 60.0 if watched else 0.0
    return [
        LineCount(
            at, 60.0, coverage_s, CAMERA, line, kind, way,
            (cars if kind is Kind.CAR and way is RIGHT else 0) if watched else None, 0, None, None,
        )
        for line in ("North", "South")
        for kind in Kind
        for way in Direction
    ]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "placewatch.toml").write_text(TOML)
    store = Store(tmp_path / "data")
    store.ledger.remember_picture(CAMERA, 1280, 720)
    store.append([one for n in range(120) for one in minute(n, watched=not 30 <= n < 45)])
    at = UtcMicros(START)
    store.append([MovementCount(at, 60.0, 60.0, CAMERA, "North", "South", Kind.CAR, 7)])
    store.append(
        [
            SpeedCount(at, 60.0, 60.0, CAMERA, "North", Kind.CAR, RIGHT, free, low, low + 0.5, n)
            for low, free, n in ((9.5, True, 4), (9.5, False, 4), (14.5, True, 2))
        ]
    )
    flow = LineFlow(at, 60.0, 60.0, CAMERA, "North", RIGHT, 10, 9, 6.0, 9, 5.5, 10, 10.5, 10.2, 4.4)
    store.append([flow])
    met = [
        Conflict(
            at, 900.0, CAMERA, 1.0, 20.0, Kind.CAR, Kind.BICYCLE, ConflictType.CROSSING,
            1.2, 1.4, None, 6.0, 9.0, None, 3.0, 2,
        )
    ]  # fmt: skip
    store.append(met * 5)
    store.close()
    return tmp_path


def test_the_report_is_of_stored_sums_and_says_what_was_not_seen(folder: Path) -> None:
    out = folder / "site.html"
    asked = folder / "placewatch.toml", "kista-03", "2026-11-23", "2026-11-23T02:00:00Z", out
    assert report_site(*asked, limit_km_h=50.0) == out
    text = out.read_text("utf-8")
    assert "Stationsplein &lt;north&gt;" in text
    assert "Seen 1 h 45 min of 2 h" in text
    assert "North to South: 7" in text
    assert "20 % are over 50." in text
    assert "of 200 passages 10 were missed" in text
    assert "<script" not in text
    assert "site.report" in (folder / "data/journal").read_text()


def test_totals_have_an_interval_that_knows_of_misses_and_of_time_that_was_not_seen(
    folder: Path,
) -> None:
    loaded = settings.load(folder / "placewatch.toml")
    store = Store(folder / "data", writes=False)
    until = UtcMicros(START + 120 * MINUTE_US)
    report = site_report(store, loaded, loaded.camera[0], START, until)
    store.close()
    total = report.totals["North", RIGHT, Kind.CAR]
    assert total.count == 105 * 3
    assert total.low is not None
    assert total.high is not None
    expected = 315 * (120 / 105) / (1 - 0.05)
    assert total.low < expected < total.high
    assert report.coverage_s == pytest.approx(105 * 60)
    assert report.following["North", RIGHT].occupancy == pytest.approx(4.4 / 60)
    assert report.spots[0].share == 1.0


def test_of_a_time_that_was_hardly_seen_there_are_counts_and_no_interval(folder: Path) -> None:
    loaded = settings.load(folder / "placewatch.toml")
    store = Store(folder / "data", writes=False)
    until = UtcMicros(START + 24 * 60 * MINUTE_US)
    report = site_report(store, loaded, loaded.camera[0], START, until)
    store.close()
    assert report.totals["North", RIGHT, Kind.CAR] == Range(105 * 3)
    # A line that was drawn just now has no facts, and that is not zero.
    line = dataclasses.replace(report.lines[0], name="New")
    told = page(dataclasses.replace(report, lines=(line,)))
    assert told.count('<td class="n all">–</td>') == 2


def test_a_time_of_which_nothing_is_stored_has_no_numbers(folder: Path) -> None:
    loaded = settings.load(folder / "placewatch.toml")
    store = Store(folder / "data", writes=False)
    since, until = from_rfc3339("2026-01-01"), from_rfc3339("2026-01-02")
    report = site_report(store, loaded, loaded.camera[0], since, until)
    store.close()
    assert report.coverage_s == 0.0
    assert report.totals == {}
    assert "Who crossed" not in page(report)


def test_the_console_gets_sums(folder: Path) -> None:
    loaded = settings.load(folder / "placewatch.toml")
    store = Store(folder / "data", writes=False)
    until = UtcMicros(START + 120 * MINUTE_US)
    view = place_view(store, loaded, loaded.camera[0], START, until)
    store.close()
    assert [(one.from_arm, one.to_arm, one.count) for one in view.movements] == [
        ("North", "South", 7)
    ]
    assert [(one.speed_m_s_from, one.count, one.free) for one in view.speeds] == [
        (9.5, 8, 4),
        (14.5, 2, 2),
    ]
    assert [(one.type, one.severity, one.count) for one in view.conflicts] == [
        (ConflictType.CROSSING, 2, 5)
    ]


@pytest.mark.parametrize(
    ("camera", "since", "until", "limit", "why"),
    [
        ("other", "2026-11-23", "2026-11-24", None, "has no camera"),
        ("kista-03", "2026-11-24", "2026-11-23", None, "nothing lies"),
        ("kista-03", "yesterday", "2026-11-23", None, "is no time"),
        ("kista-03", "2026-11-23", "2026-11-24", 900.0, "cannot be"),
    ],
)
def test_what_cannot_be_reported_is_said_in_a_sentence(
    folder: Path, camera: str, since: str, until: str, limit: float | None, why: str
) -> None:
    with pytest.raises(Misconfigured, match=why):
        report_site(folder / "placewatch.toml", camera, since, until, folder / "x.html", limit)
    assert not (folder / "x.html").exists()


def test_more_missed_than_passed_is_no_check(tmp_path: Path) -> None:
    text = TOML.replace("missed = 10", "missed = 300")
    with pytest.raises(Misconfigured, match="more were missed"):
        settings.parse(text)


def test_percentiles_and_shares_lie_within_bands() -> None:
    bands = [(9.0, 10.0, 8), (14.0, 15.0, 2)]
    assert percentile(bands, 0.4) == pytest.approx(9.5)
    assert percentile(bands, 0.9) == pytest.approx(14.5)
    assert percentile(bands[1:], 0.85) is None, "of two nothing is told"
    assert share_over(bands, 14.5) == pytest.approx(0.1)
    assert share_over([], 14.5) is None
    assert not math.isnan(share_over(bands, 0.0) or math.nan)
