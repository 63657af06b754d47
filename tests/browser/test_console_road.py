"""Set-up: approaches and carriageways drawn on the picture; and the form of links."""

import re

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Visit, Visitor
from tests.browser.test_console_setup import PAGE, handle, on_stage, save


def open_road(reader: Visit) -> Page:
    page = reader.open(PAGE)
    expect(page.locator(".stage .handle.approach")).to_have_count(4)
    return page


def tap(page: Page, *spots: tuple[float, float]) -> None:
    for x_px, y_px in spots:
        page.mouse.click(*on_stage(page, x_px, y_px))


def near(got: list[list[float]], meant: list[tuple[float, float]]) -> bool:
    pairs = zip(got, meant, strict=True)
    return all(abs(x - u) <= 2 and abs(y - v) <= 2 for (x, y), (u, v) in pairs)


def test_an_approach_is_four_taps_and_says_what_it_is_in_metres(visit: Visitor) -> None:
    reader = visit("day")
    page = reader.open(PAGE)
    page.get_by_role("button", name="Approach", exact=False).first.click()
    expect(page.get_by_text("Tap the two ends of the stop line")).to_be_visible()
    # From right to left, and crosswise: whoever comes up the picture has its left at the left.
    tap(page, (700, 420), (560, 420), (700, 640), (540, 640))
    name = page.get_by_label("Name of approach 1")
    expect(name).to_be_focused()
    page.keyboard.type("South arm")
    item = page.locator('[data-approach="South arm"]')
    expect(item).to_contain_text(re.compile(r"\d+ m long, 1 lane of \d\.\d m\."))
    item.get_by_label("Lanes").fill("2")
    page.keyboard.press("Tab")
    expect(item).to_contain_text("2 lanes of")
    expect(page.locator(".stage .road .lane")).to_have_count(1)
    item.get_by_label("Free km/h").fill("50")
    item.get_by_label("Stopped by").select_option("right of way")
    save(page)
    [way] = reader.node.saved[-1]["approaches"]
    assert near(way["corners_px"], [(560, 420), (700, 420), (700, 640), (540, 640)])
    assert (way["lanes"], way["signal"], way["free_m_s"]) == (2, False, 13.89)
    item.get_by_role("button", name="Turn South arm round").click()
    save(page)
    [way] = reader.node.saved[-1]["approaches"]
    assert near(way["corners_px"], [(700, 640), (540, 640), (560, 420), (700, 420)])


def test_what_is_not_touched_is_saved_as_it_was(visit: Visitor) -> None:
    reader = visit("road")
    page = open_road(reader)
    post = reader.node.post("kista-03")
    assert post is not None
    before = post.approaches, post.carriageways
    expect(page.get_by_label("Free km/h")).to_have_value("50")
    page.get_by_label("Name of area 1").fill("Kerb")
    save(page)
    saved = reader.node.saved[-1]
    assert (saved["approaches"], saved["carriageways"]) == before


def test_an_approach_that_bends_is_drawn_by_its_middle(visit: Visitor) -> None:
    reader = visit("road")
    page = open_road(reader)
    page.get_by_role("button", name="It bends").click()
    expect(page.locator(".stage .handle.approach")).to_have_count(3)
    expect(page.locator(".stage .vehicles .stop.under")).to_have_count(1)
    first = handle(page, "North arm, middle of the stop line")
    first.focus()
    page.keyboard.press("ArrowDown")
    page.get_by_role("button", name="Point of its middle").click()
    page.get_by_label("Width, m").fill("")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Its width is needed")).to_be_visible()
    page.get_by_label("Width, m").fill("6,5")
    save(page)
    [way] = reader.node.saved[-1]["approaches"]
    assert (len(way["middle_px"]), way["corners_px"], way["width_m"]) == (4, [], 6.5)
    for _ in range(8):
        page.keyboard.press("Control+z")
    expect(page.locator(".stage .handle.approach")).to_have_count(4)


def test_a_carriageway_and_its_crossing_are_drawn(visit: Visitor) -> None:
    reader = visit("day")
    page = reader.open(PAGE)
    page.get_by_role("button", name="Carriageway", exact=False).first.click()
    tap(page, (640, 380), (1040, 350), (1080, 540), (640, 580))
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name of carriageway 1")).to_be_focused()
    page.keyboard.type("Mill Road")
    item = page.locator('[data-carriageway="Mill Road"]')
    expect(item).to_contain_text("from kerb to kerb")
    expect(page.locator(".stage .people .middle")).to_have_count(1)
    item.get_by_role("button", name="Marked crossing").click()
    expect(page.get_by_text("Tap the corners of the crossing that is painted")).to_be_visible()
    tap(page, (740, 376), (800, 372), (810, 566), (742, 572), (741, 377))
    expect(page.get_by_label("Name of crossing 1 of Mill Road")).to_be_focused()
    page.keyboard.type("Zebra")
    item.get_by_role("button", name="Middle line").click()
    expect(handle(page, "Mill Road, middle line")).to_have_count(2)
    save(page)
    [piece] = reader.node.saved[-1]["carriageways"]
    assert [mark["name"] for mark in piece["crossings"]] == ["Zebra"]
    assert len(piece["crossings"][0]["corners_px"]) == 4
    assert len(piece["middle_px"]) == 2
    # All that is on it moves with it.
    page.mouse.move(*on_stage(page, 1000, 500))
    page.mouse.down()
    page.mouse.move(*on_stage(page, 1010, 520), steps=4)
    page.mouse.up()
    save(page)
    [moved] = reader.node.saved[-1]["carriageways"]
    for key in ("corners_px", "middle_px"):
        assert near(moved[key], [(x + 10, y + 20) for x, y in piece[key]])
    marks = moved["crossings"][0]["corners_px"], piece["crossings"][0]["corners_px"]
    assert near(marks[0], [(x + 10, y + 20) for x, y in marks[1]])


def test_a_road_is_drawn_with_keys_alone(visit: Visitor) -> None:
    reader = visit("day")
    page = reader.open(PAGE)
    expect(page.locator(".stage .handle")).to_have_count(16)
    page.keyboard.press("q")
    first = handle(page, "Approach 1, stop line, left")
    expect(first).to_be_focused()
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("k")
    expect(handle(page, "Carriageway 1, corner 1")).to_be_focused()
    page.keyboard.press("Control+s")
    expect(page.get_by_role("status").filter(has_text="Saved at")).to_be_visible()
    saved = reader.node.saved[-1]
    assert (len(saved["approaches"]), len(saved["carriageways"])) == (1, 1)
    handle(page, "Carriageway 1, corner 1").focus()
    page.keyboard.press("Delete")
    expect(handle(page, "Carriageway 1")).to_have_count(3)
    page.keyboard.press("Control+z")
    expect(handle(page, "Carriageway 1")).to_have_count(4)


def test_what_cannot_be_measured_is_told_beside_the_shape_before_and_after_saving(
    visit: Visitor,
) -> None:
    reader = visit("road")
    reader.expected.append("422")
    page = open_road(reader)
    item = page.locator('[data-approach="North arm"]')
    corner = handle(page, "North arm, upstream, left")
    corner.focus()
    for _ in range(4):
        page.keyboard.press("Shift+ArrowUp")
    expect(item.locator(".fault")).to_contain_text("is no ground but sky")
    expect(item.locator(".fault")).to_contain_text("below the horizon")
    expect(page.locator(".stage .road.wrong")).to_have_count(1)
    for _ in range(4):
        page.keyboard.press("Shift+ArrowDown")
    expect(item.locator(".fault")).to_have_count(0)
    page.get_by_label("Name of approach 1").fill("Forbidden")
    page.get_by_role("button", name="Save", exact=True).click()
    name = page.get_by_label("Name of approach 1")
    expect(page.locator("[data-item]", has=name)).to_contain_text("Its sides cross each other.")
    expect(name).to_be_focused()
    assert reader.node.saved == []


def test_without_ground_points_the_road_says_what_it_needs(visit: Visitor) -> None:
    reader = visit("no-lines")
    page = reader.open(PAGE)
    expect(page.get_by_text("It needs the ground: place four points first.")).to_have_count(2)
    page.keyboard.press("q")
    expect(page.locator("[data-approach] .fault")).to_contain_text("there are no ground points")


def test_a_line_says_which_link_needs_it(visit: Visitor) -> None:
    reader = visit("road")
    reader.expected.append("422")
    page = open_road(reader)
    item = page.locator('[data-line="East arm"]')
    expect(item).to_contain_text("A link begins here, which needs this name: Station road")
    page.get_by_label("Name of line 1").fill("Other")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("region", name="Lines")).to_contain_text("A link begins or ends at a")
    assert reader.node.saved == []


@pytest.mark.parametrize("width", [390])
def test_fingers_draw_an_approach(visit: Visitor, width: int) -> None:
    reader = visit("day", width=width, height=844, touch=True)
    page = reader.open(PAGE)
    page.get_by_role("button", name="Approach", exact=False).first.tap()
    for spot in [(560, 420), (700, 420), (720, 640), (540, 640)]:
        page.touchscreen.tap(*on_stage(page, *spot))
    expect(page.get_by_label("Name of approach 1")).to_be_focused()
    save(page)
    assert len(reader.node.saved[-1]["approaches"]) == 1


def open_links(reader: Visit) -> Page:
    page = reader.open("/links")
    expect(page.get_by_role("region", name="Link Station road")).to_be_visible()
    return page


def test_a_link_is_set_by_choosing_two_lines(visit: Visitor) -> None:
    reader = visit("road")
    page = open_links(reader)
    old = page.get_by_role("region", name="Link Station road")
    expect(old).to_contain_text("Times of 15 s to 95 s are looked for")
    expect(old).to_contain_text("301 m apart")
    last = old.get_by_role("group", name="What was measured last")
    expect(last).to_contain_text("31 s (31 to 32 s), hour to")
    expect(last).to_contain_text("80 (74 to 86) of 100 that were counted where it begins")
    page.get_by_role("button", name="Link", exact=True).click()
    expect(page.get_by_label("Name of link 2")).to_be_focused()
    page.keyboard.type("To the school")
    link = page.get_by_role("region", name="Link To the school")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(link).to_contain_text("Choose the line at which it begins.")
    expect(link).to_contain_text("Its length is needed")
    link.get_by_label("begins").select_option("kista-03/North arm")
    link.get_by_role("group", name="leaves").get_by_role("button", name="up").click()
    link.get_by_label("ends").select_option("kista-05/Path")
    link.get_by_label("Length along the street, m").fill("420,5")
    link.get_by_label("Fastest, km/h").fill("60")
    expect(link).to_contain_text("Times of 25 s to 105 s are looked for")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("status").filter(has_text="Saved at")).to_be_visible()
    first, made = reader.node.links
    assert (first["speed_m_s_min"], first["speed_m_s_max"]) == (4.0, 25.0), "not rounded"
    assert (made["from_line"], made["from_direction"]) == ("kista-03/North arm", "right_to_left")
    assert (made["to_line"], made["length_m"]) == ("kista-05/Path", 420.5)
    assert made["speed_m_s_max"] == 16.67


def test_a_route_is_made_of_links_and_one_that_is_refused_says_why(visit: Visitor) -> None:
    reader = visit("road")
    reader.expected.append("422")
    page = open_links(reader)
    page.get_by_role("button", name="Link", exact=True).click()
    link = page.get_by_role("region", name="Link Link 1")
    for end in ("begins", "ends"):
        link.get_by_label(end).select_option("kista-04/Both lanes")
    link.get_by_label("Length along the street, m").fill("60")
    page.get_by_role("button", name="Route of links").click()
    route = page.get_by_role("region", name="Route Route 1")
    route.get_by_label("First through").select_option(label="Station road")
    route.get_by_label("then through").select_option(label="Link 1")
    expect(route).to_contain_text("440 m in all")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(link).to_contain_text("is the line at which it begins.")
    assert len(reader.node.links) == 1
    link.get_by_label("ends").select_option("kista-05/Path")
    page.get_by_label("Name of link 1").fill("Station street")  # a route follows its links' names
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Saved at")).to_be_visible()
    assert reader.node.links[-1]["through"] == ["Station street", "Link 1"]


def test_two_people_do_not_overwrite_each_others_links(visit: Visitor) -> None:
    reader = visit("road")
    reader.expected.append("409")
    page = open_links(reader)
    assert reader.node.set_links({"links": []}) is None
    page.get_by_label("Name of link 1").fill("Mine")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The links were changed meanwhile.")
    page.get_by_role("button", name="Drop changes").click()
    expect(page.get_by_text("No link yet.")).to_be_visible()


def test_links_are_shown_though_their_times_cannot_be_read(visit: Visitor) -> None:
    reader = visit("road")
    reader.node.links_missing = "The times cannot be read: the facts in data/journeys are damaged."
    page = open_links(reader)
    expect(page.get_by_role("note")).to_have_text(reader.node.links_missing)
    link = page.get_by_role("region", name="Link Station road")
    expect(link.get_by_role("group", name="What was measured last")).to_have_count(0)
    page.get_by_label("Name of link 1").fill("Station street")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("status").filter(has_text="Saved at")).to_be_visible()


def test_whoever_may_only_look_reads_the_links(visit: Visitor) -> None:
    reader = visit("road")
    reader.node.role_without = "viewer"
    page = reader.open("/links")
    expect(page.get_by_role("region", name="Station road")).to_contain_text(
        "From East arm, Stationsplein, north-east (to the left) to Both lanes, Ringweg"
    )
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)


def test_the_live_scene_shows_what_of_the_road_is_measured(visit: Visitor) -> None:
    page = visit("road").open("/cameras/kista-03")
    expect(page.locator(".marks polygon.approach")).to_have_count(1)
    expect(page.locator(".marks polygon.carriageway")).to_have_count(1)
    expect(page.locator(".marks polygon.crossing")).to_have_count(1)
    expect(page.locator(".area-name.approach")).to_have_text("North arm")
