"""Quality: what holds for every page, in every state, on every screen, in both lights."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Visit, Visitor

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
CAMERA, SETUP = "/cameras/kista-03", "/cameras/kista-03/setup"
THEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
PAGES = [
    ("day", "/"), ("day", "/#map"), ("mapless", "/#map"), ("refused", "/"), ("bare", "/"),
    ("day", CAMERA), ("fresh", CAMERA), ("learning", CAMERA), ("lost", CAMERA),
    ("refused", CAMERA), ("empty", CAMERA), ("late", CAMERA), ("no-lines", CAMERA),
    ("day", SETUP), ("starting", SETUP), ("sign-in", "/"), ("day", "/nowhere"),
    ("transit", "/#map"), ("silent-transit", "/#map"), ("linked", CAMERA),
    ("road", CAMERA), ("road", SETUP), ("road", "/links"), ("river", CAMERA),
    ("junction", CAMERA),
]  # fmt: skip


def arrive(reader: Visit, path: str) -> Page:
    """Opens `path` and waits until everything that will come is there."""
    page = reader.open(path.partition("#")[0])
    expect(page.locator("[aria-busy]")).to_have_count(0)
    if path.endswith("#map"):
        page.get_by_role("button", name="Map").click()
        expect(page.locator("a.camera")).to_have_count(3)
    if path == CAMERA:
        expect(page.locator("#notice")).to_be_visible()
        expect(page.locator(".side .bone")).to_have_count(0)
    if path == SETUP and reader.node.scenario == "day":
        expect(page.locator(".stage .grid line").first).to_be_attached()
    return page


@pytest.mark.parametrize(("scenario", "path"), PAGES)
def test_axe_finds_nothing_in_either_light(visit: Visitor, scenario: str, path: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed (npm ci in web/)")
    page = arrive(visit(scenario, calm=True), path)
    page.evaluate(AXE.read_text("utf-8"))
    for theme in THEMES:
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        found = page.evaluate(
            """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
              .map((one) => `${one.id}: ${one.nodes.map((n) => n.target).join(" | ")}`)"""
        )
        assert found == [], theme


@pytest.mark.parametrize(("scenario", "path"), PAGES)
def test_no_page_scrolls_sideways(visit: Visitor, scenario: str, path: str) -> None:
    page = arrive(visit(scenario, width=390, height=720, touch=True), path)
    for width in (390, 320, 820):
        page.set_viewport_size({"width": width, "height": 720})
        page.wait_for_timeout(100)
        wide = page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert wide[0] <= wide[1], width


@pytest.mark.parametrize("path", ["/", CAMERA, SETUP])
def test_nothing_jumps_when_data_arrives(visit: Visitor, path: str) -> None:
    reader = visit("day")
    reader.page.add_init_script(
        """window.moved = 0;
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) if (!entry.hadRecentInput) moved += entry.value;
        }).observe({ type: "layout-shift", buffered: true });"""
    )
    page = arrive(reader, path)
    page.wait_for_timeout(2500)
    assert page.evaluate("moved") < 0.03  # below 0.1 is called good


def test_the_light_is_the_systems_until_somebody_chooses(visit: Visitor) -> None:
    page = visit("day", theme="dark").open()
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "dark")
    page.emulate_media(color_scheme="light")
    expect(root).to_have_attribute("data-theme", "light")
    page.get_by_role("button", name="Light: As the system").click()
    page.get_by_role("button", name="Light: Light").click()
    expect(root).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(root).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Light: Dark").click()
    expect(root).to_have_attribute("data-theme", "light")


@pytest.mark.parametrize("path", ["/", CAMERA, SETUP])
def test_whoever_goes_by_tab_sees_where_they_are(visit: Visitor, path: str) -> None:
    page = arrive(visit("day"), path)
    seen = []
    for _ in range(22):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                """() => {
                  const at = document.activeElement;
                  if (at === document.body) return ""; // past the last: the browser's own
                  const shows = (s) => s.outlineStyle !== "none" || s.boxShadow !== "none";
                  const around = at.closest("article, tr, .camera") ?? at;
                  const label = around.querySelector(".label, button") ?? around;
                  return [at, around, label].some((one) =>
                    shows(getComputedStyle(one)) || shows(getComputedStyle(one, "::after")))
                    ? "" : at.outerHTML.slice(0, 120);
                }"""
            )
        )
    assert [one for one in seen if one] == []


def test_a_reader_by_ear_is_not_told_every_second(visit: Visitor) -> None:
    """Live regions may speak when a state changes, not each time a number does."""
    page = arrive(visit("fresh"), CAMERA)
    page.evaluate(
        """() => {
          window.spoken = 0;
          const regions = "[aria-live], [role=status], [role=alert]";
          for (const region of document.querySelectorAll(regions))
            new MutationObserver((changes) => {
              for (const { target } of changes) {
                const of = target.nodeType === 3 ? target.parentElement : target;
                if (!of.closest("[aria-hidden=true]")) spoken += 1;
              }
            }).observe(region, { subtree: true, childList: true, characterData: true });
        }"""
    )
    page.wait_for_timeout(3500)
    assert page.evaluate("spoken") == 0
