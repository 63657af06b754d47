"""Places: the wall of cameras, as tiles and on the map."""

import re

from playwright.sync_api import Page, expect
from tests.browser.conftest import Visitor

PLACES = ["Stationsplein, north-east", "Ringweg, km 4.2", "School path", "Markt, south"]


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.dataset.place ?? ''"))


def test_every_camera_is_on_the_wall_with_its_state_as_a_word(visit: Visitor) -> None:
    page = visit("day").open()
    for place in PLACES:
        expect(page.get_by_role("link", name=place)).to_be_visible()
    expect(page.locator("article .pill", has_text="watching")).to_have_count(3)
    expect(page.locator("article .pill", has_text="no picture")).to_have_count(1)
    states = page.get_by_role("status", name="State of the cameras")
    expect(states).to_contain_text("3 of 4 cameras watching")
    expect(states).to_contain_text("1 no picture")


def test_a_tile_counts_what_the_node_counted(visit: Visitor) -> None:
    reader = visit("day")
    reader.node.frozen = True
    page = reader.open()
    post = reader.node.post("kista-04")
    assert post is not None
    feet = sum(count for (_, _, kind), count in post.counts.items() if kind == "pedestrian")
    tile = page.locator("article", has_text="Ringweg")
    expect(tile.locator("dl div", has_text="on foot").locator("dd")).to_have_text(str(feet))


def test_the_tile_that_is_pointed_at_comes_alive_over_one_connection(visit: Visitor) -> None:
    reader = visit("day")
    page = reader.open()
    tile = page.locator("article", has_text="Ringweg")
    tile.hover()
    expect(tile.get_by_text("live", exact=True)).to_be_visible()
    expect(page.get_by_text("live", exact=True)).to_have_count(1)
    page.wait_for_function(
        """() => {
          const canvas = document.querySelectorAll("article canvas")[1];
          const ink = canvas?.getContext("2d");
          return ink && ink.getImageData(0, 0, canvas.width, canvas.height).data.some((v) => v);
        }"""
    )
    for _ in range(50):  # a closed stream is noticed when it is next written to
        if reader.node.streams == 1:
            break
        page.wait_for_timeout(100)
    assert reader.node.streams == 1


def test_cameras_are_found_by_words_and_by_state(visit: Visitor) -> None:
    page = visit("day").open()
    tiles = page.locator("article")
    expect(tiles).to_have_count(4)
    page.keyboard.press("/")
    page.keyboard.type("path school")
    expect(tiles).to_have_count(1)
    expect(tiles).to_contain_text("School path")
    page.keyboard.press("Escape")
    expect(tiles).to_have_count(4)
    page.get_by_label("State", exact=True).select_option("lost")
    expect(tiles).to_have_count(1)
    expect(tiles).to_contain_text("Markt, south")
    page.get_by_label("Filter by name").fill("nowhere")
    expect(page.get_by_text("No camera fits.")).to_be_visible()
    page.get_by_role("button", name="Show all 4").click()
    expect(tiles).to_have_count(4)


def test_arrows_go_from_tile_to_tile_and_enter_opens(visit: Visitor) -> None:
    page = visit("day").open()
    expect(page.locator("article")).to_have_count(4)
    page.keyboard.press("ArrowRight")
    assert focused(page) == "kista-03"
    page.keyboard.press("ArrowRight")
    assert focused(page) == "kista-04"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    assert focused(page) == "kista-07"
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/cameras/kista-07$"))
    expect(page.locator("h1")).to_have_text("Markt, south")
    assert page.evaluate("document.activeElement.tagName") == "H1"
    page.go_back()
    expect(page.locator("article")).to_have_count(4)


def test_the_keys_are_told_when_asked_for(visit: Visitor) -> None:
    page = visit("day").open()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog")
    expect(keys).to_contain_text("filter by name")
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()


def test_the_map_shows_who_has_a_place_and_lists_who_has_none(visit: Visitor) -> None:
    reader = visit("day")
    page = reader.open()
    expect(page.locator("article")).to_have_count(4)
    page.keyboard.press("m")
    marks = page.locator("a.camera")
    expect(marks).to_have_count(3)
    expect(page.locator("canvas.maplibregl-canvas")).to_be_visible()
    off = page.locator(".list ul").last
    expect(page.get_by_role("heading", name="Not on the map")).to_be_visible()
    expect(off).to_contain_text("Markt, south")
    page.get_by_role("button", name="Nearer").click()
    page.get_by_role("button", name="All cameras").click()
    marks.filter(has_text="School path").click()
    expect(page.locator("h1")).to_have_text("School path")


def test_the_view_is_remembered(visit: Visitor) -> None:
    reader = visit("day")
    page = reader.open()
    page.get_by_role("button", name="Map").click()
    expect(page.locator("a.camera")).to_have_count(3)
    page.reload()
    expect(page.locator("a.camera")).to_have_count(3)
    page.keyboard.press("t")
    expect(page.locator("article")).to_have_count(4)


def test_a_site_without_a_base_map_still_has_a_map(visit: Visitor) -> None:
    page = visit("mapless").open()
    page.get_by_role("button", name="Map").click()
    expect(page.locator("a.camera")).to_have_count(3)
    expect(page.get_by_text("No base map")).to_be_visible()


def test_a_browser_without_webgl_has_the_list(visit: Visitor) -> None:
    reader = visit("day")
    reader.page.add_init_script(
        "HTMLCanvasElement.prototype.getContext = ((known) => function (kind, ...rest) {"
        " return kind.startsWith('webgl') ? null : known.call(this, kind, ...rest);"
        "})(HTMLCanvasElement.prototype.getContext)"
    )
    reader.expected.append("(?i)webgl")
    page = reader.open()
    page.get_by_role("button", name="Map").click()
    expect(page.get_by_text("This browser draws no map")).to_be_visible()
    expect(page.locator(".list a")).to_have_count(4)


def test_a_camera_that_is_refused_says_why_on_the_wall(visit: Visitor) -> None:
    page = visit("refused").open()
    expect(page.locator("article").first).to_contain_text("Its notice ended on 30 June 2025")


def test_a_camera_that_was_taken_away_leaves_the_wall(visit: Visitor) -> None:
    reader = visit("day")
    reader.expected.append("404")  # what was asked of the camera that is no more
    page = reader.open()
    expect(page.locator("article")).to_have_count(4)
    reader.node.posts.pop()
    expect(page.locator("article")).to_have_count(3)
