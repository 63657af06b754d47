"""Report in a browser: opened from disk, by day and by night, on a desk and on a phone."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from placewatch.core.facts import CameraHealth, Crossing
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import UtcMicros
from placewatch.publish.report import write_report
from placewatch.publish.watch import WatchedLine, WatchSummary

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
AXE = ROOT / "web/node_modules/axe-core/axe.min.js"
CAMERA = CameraId("street")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to open it in")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-background-networking", "--no-first-run"],
        )
        yield started
        started.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hour of a street with three lines, a long name, and ten minutes that were not seen."""
    kinds = list(Kind)
    lines = tuple(
        WatchedLine(
            name,
            (20.0, 40.0 + 90 * place),
            (610.0, 60.0 + 90 * place),
            tuple(
                Crossing(
                    UtcMicros(0),
                    second * 20.0,
                    second,
                    CAMERA,
                    name,
                    kinds[second % len(kinds)],
                    list(Direction)[second % 2],
                    5.0 + second % 10,
                )
                for second in range(120)
            ),
        )
        for place, name in enumerate(("East arm", "Übergang am Bahnhofsvorplatz Nord", "Z"))
    )
    summary = WatchSummary(
        source="rtsp://10.0.4.3/a-rather-long-path/that-does-not-break/stream1",
        width_px=640,
        height_px=360,
        fps=25.0,
        detector="motion",
        lines=lines,
        health=CameraHealth(UtcMicros(0), 3600.0, 3000.0, CAMERA, 75000, 3, 2, 1, 1, 0, 0.4),
        cpu_s=120.0,
        decode_cpu_s=100.0,
        wall_s=130.0,
        unseen_s=((2400.0, 3000.0),),
        calibrated=True,
        density=[[float(row * column) for column in range(64)] for row in range(36)],
    )
    return write_report(summary, tmp_path_factory.mktemp("report"))


@pytest.mark.parametrize(
    ("width", "light"), [(320, "dark"), (390, "light"), (820, "dark"), (1280, "light")]
)
def test_the_report_opens_from_disk_and_fits(
    browser: Browser, report: Path, width: int, light: Any
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=light, bypass_csp=True
    )
    page = context.new_page()
    asked: list[str] = []
    told: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: told.append(message.text))
    page.goto(report.as_uri())
    page.locator("summary").click()

    assert [url for url in asked if not url.startswith("data:")] == [report.as_uri()]
    assert told == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.scripts.length") == 0
    if AXE.exists():
        page.evaluate(AXE.read_text("utf-8"))
        found = page.evaluate("axe.run()")["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    context.close()


def test_what_is_wider_than_a_phone_scrolls_in_its_box_and_says_so(
    browser: Browser, report: Path
) -> None:
    hint = "element => getComputedStyle(element, '::before').height"
    wide = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    wide.goto(report.as_uri())
    table = wide.get_by_role("region", name="Counts by line and way")
    assert table.evaluate("element => element.scrollWidth <= element.clientWidth")
    assert table.evaluate(hint) == "0px", "nothing is hidden"
    wide.context.close()

    page = browser.new_context(viewport={"width": 390, "height": 800}).new_page()
    page.goto(report.as_uri())
    table = page.get_by_role("region", name="Counts by line and way")
    assert table.evaluate("element => element.scrollWidth > element.clientWidth")
    assert table.evaluate(hint) == "22px"
    table.evaluate("element => element.scrollTo(9999, 0)")
    box, way = table.bounding_box(), table.get_by_role("cell", name="↑").first.bounding_box()
    name = table.get_by_role("rowheader").first.bounding_box()
    assert box is not None
    assert name is not None
    assert way is not None
    assert name["x"] == box["x"], "whose row it is stays in sight"
    assert way["x"] == pytest.approx(name["x"] + name["width"], abs=1.0)
    page.context.close()


def test_the_report_prints_on_paper_in_the_light(browser: Browser, report: Path) -> None:
    context = browser.new_context(viewport={"width": 688, "height": 971}, color_scheme="dark")
    page = context.new_page()
    page.goto(report.as_uri())
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 688
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf(format="A4").startswith(b"%PDF")
    context.close()
