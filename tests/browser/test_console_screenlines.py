"""Screenlines on a camera's page: what lines of several places add up to, both ways."""

from playwright.sync_api import expect
from tests.browser.conftest import Visitor

PAGE = "/cameras/kista-03"


def test_a_screenline_has_both_ways_by_kind_and_by_the_hour(visit: Visitor) -> None:
    page = visit("river").open(PAGE)
    part = page.get_by_role("region", name="Screenline River", exact=True)
    expect(part.get_by_role("link", name="Market street, west")).to_have_attribute(
        "href", "/cameras/kista-04"
    )
    rows = part.get_by_role("table", name="What all lines of River").get_by_role("row")
    expect(rows.nth(0)).to_contain_text("allcarlorrybicycleon foot")
    ways = [rows.nth(at).get_by_role("rowheader").inner_text().strip() for at in (1, 2)]
    own = page.locator("tr[data-line]").first.locator("td .hidden")
    expect(own).to_have_count(2)
    assert ways == own.all_inner_texts()[::-1], "this line was drawn the other way round"
    expect(part).to_contain_text("unknown, because one of them or more did not see it")
    for name in ways:
        title = f"River: {name}"
        expect(part.get_by_role("img", name=title)).to_be_visible()
