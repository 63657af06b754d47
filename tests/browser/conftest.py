"""Conftest: real Chromium in front of a mock node, and what every page is held to."""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))  # so that tests import the mock beside them

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from tests.browser.mock_node import STATIC, MockNode

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
expect.set_options(timeout=20_000)  # two cores may have to draw a map without a graphics card


# Of a module, not of the session: while it is open, its event loop is that of the thread.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; Playwright downloads nothing."""
    if not CHROMIUM.exists():
        pytest.skip("no Chromium here (apt-get install chromium)")
    if not (STATIC / "index.html").exists():
        pytest.skip("the console is not built (uv sync builds it)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """One reader at a console. What the console must never do is checked when they leave."""

    node: MockNode
    context: BrowserContext
    page: Page
    expected: list[str] = field(default_factory=list)  # patterns of errors that are meant
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> Page:
        self.page.goto(self.node.url + path)
        expect(self.page.locator("h1")).to_be_visible()
        return self.page

    def check(self) -> None:
        unmeant = [one for one in self.errors if not any(re.search(p, one) for p in self.expected)]
        assert unmeant == []
        assert self.foreign == []


Visitor = Callable[..., Visit]


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visitor]:
    """`visit(scenario, width=…, theme=…)`: a reader who comes to a node in that state."""
    begun: list[Visit] = []

    def begin(
        scenario: str = "day",
        *,
        width: int = 1440,
        height: int = 900,
        theme: Any = "light",
        touch: bool = False,
        calm: bool = False,
    ) -> Visit:
        node = MockNode(scenario)
        node.__enter__()
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            has_touch=touch,
            reduced_motion="reduce" if calm else "no-preference",
            timezone_id="UTC",
        )
        page = context.new_page()
        visit = Visit(node, context, page)
        page.on(
            "console",
            lambda told: visit.errors.append(told.text) if told.type == "error" else None,
        )
        page.on("pageerror", lambda error: visit.errors.append(f"uncaught: {error}"))
        context.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((node.url, "blob:", "data:"))
                else visit.foreign.append(asked.url)
            ),
        )
        begun.append(visit)
        return visit

    yield begin
    for one in begun:
        one.context.close()
        one.node.__exit__()
    for one in begun:
        one.check()
