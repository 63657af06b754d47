"""Journey times on a camera's page: the last time of each link, how it is known, or why not."""

from playwright.sync_api import expect
from tests.browser.conftest import Visitor
from tests.browser.mock_journeys import SIGNAL

PAGE = "/cameras/kista-03"


def test_each_link_has_its_last_time_or_the_reason(visit: Visitor) -> None:
    page = visit("linked").open(PAGE)
    part = page.get_by_role("region", name="Journey times")
    links = part.get_by_role("listitem")
    expect(links).to_have_count(4)
    signal = links.nth(1)
    expect(signal).to_contain_text("31 s")
    expect(signal).to_contain_text("29 to 34 s")
    expect(signal).to_contain_text("inside one view")
    expect(signal).to_contain_text("7 km/h on the whole")
    expect(signal).to_contain_text("80 (74 to 86) of 100 came through")
    refused = links.nth(2)
    expect(refused).to_contain_text("not known")
    expect(refused).to_contain_text(SIGNAL)
    expect(refused).to_contain_text("45 of 60 min seen")
    expect(links.nth(3)).to_contain_text("not yet")
    station = links.nth(0)
    expect(station.get_by_role("img")).to_have_accessible_name(
        "Station road: known in 74 of 96 hours of the last 24 h"
    )
    expect(station.get_by_role("link", name="Market street, west")).to_have_attribute(
        "href", "/cameras/kista-04"
    )


def test_a_place_without_links_says_nothing_of_them(visit: Visitor) -> None:
    page = visit("day").open(PAGE)
    expect(page.locator("#notice")).to_be_visible()
    expect(page.get_by_text("Journey times")).to_have_count(0)
