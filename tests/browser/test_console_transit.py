"""Public transport on the map: where it says it is, how late, whose it is, when it is silent."""

import re

from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import Visit, Visitor
from tests.browser.mock_node import now_s
from tests.browser.mock_transit import Bus, MockTransit


def at_the_map(reader: Visit, path: str = "/") -> Page:
    """The map, with its vehicles standing still."""
    reader.node.frozen = True
    page = reader.open(path)
    page.get_by_role("button", name="Map", exact=True).click()
    expect(page.locator("a.camera")).to_have_count(3)
    return page


def mark(page: Page, id: str) -> Locator:
    return page.locator(f"[data-vehicle={id}]")


def panel(page: Page) -> Locator:
    return page.get_by_role("region", name="Public transport")


def only(*buses: Bus) -> list[MockTransit]:
    return [MockTransit(list(buses))]


def drawn(page: Page, id: str) -> dict[str, float]:
    """The middle of a vehicle's mark, in pixels of the page."""
    box = mark(page, id).bounding_box()
    assert box is not None
    return {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}


def test_each_vehicle_says_its_line_its_delay_and_where_it_heads(visit: Visitor) -> None:
    page = at_the_map(visit("transit"))
    expect(mark(page, "b2")).to_have_attribute(
        "aria-label",
        re.compile(r"Line 178, 6 min late, heads west, was here \d+ s ago\. Storstaden Transit"),
    )
    expect(mark(page, "b2")).to_have_text(re.compile("178.*6 min late"))
    expect(mark(page, "b4")).to_have_text(re.compile("9.*1 min early"))
    expect(mark(page, "b5")).to_have_text(re.compile("178.*3 min late"))
    expect(mark(page, "b7")).to_have_text(re.compile("43X.*4 min ago"))
    expect(mark(page, "b6")).to_have_text("Blue")


def test_a_delay_is_told_in_words_that_travellers_use(visit: Visitor) -> None:
    words = {
        None: "delay unknown",
        -60.0: "1 min early",
        -59.0: "on time",
        179.0: "on time",
        180.0: "3 min late",
        3599.0: "59 min late",
        4020.0: "1 h 7 min late",
    }
    reader = visit("transit")
    reader.node.feeds = only(
        *(Bus(f"b{n}", "4", "east", 350 + 30 * n, 9, delay_s) for n, delay_s in enumerate(words))
    )
    page = at_the_map(reader)
    for number, told in enumerate(words.values()):
        label = re.compile(f"^Line 4, {told}, heads")
        expect(mark(page, f"b{number}")).to_have_attribute("aria-label", label)


def test_the_outline_tells_the_delay_to_who_sees_no_colours(visit: Visitor) -> None:
    reader = visit("transit")
    ages = {
        "on time": (0.0, 5.0),
        "late": (300.0, 5.0),
        "early": (-120.0, 5.0),
        "old": (0.0, 200.0),
    }
    reader.node.feeds = only(
        *(
            Bus(f"b{number}", "4", "east", 350 + 60 * number, 9, delay_s, age_s)
            for number, (delay_s, age_s) in enumerate(ages.values())
        )
    )
    page = at_the_map(reader)
    expect(page.locator("[data-vehicle]")).to_have_count(4)
    outlines = page.locator("[data-vehicle] .plate").evaluate_all(
        "(all) => all.map((one) => one.getAttribute('d') + getComputedStyle(one).strokeDasharray)"
    )
    assert len(set(outlines)) == 4
    noses = page.locator("[data-vehicle] .nose")
    expect(noses).to_have_count(3)  # an old position heads nowhere


def test_a_vehicle_stands_where_it_says_and_goes_there_when_it_moved(visit: Visitor) -> None:
    reader = visit("transit", calm=True)
    reader.node.feeds = only(Bus("b", "4", "east", 400, 9, 0), Bus("c", "4", "east", 400, 9, 0))
    page = at_the_map(reader)
    expect(mark(page, "b")).to_be_visible()
    assert drawn(page, "b") == drawn(page, "c")
    reader.node.feeds[0].buses[0].gone_m += 100
    page.wait_for_function(
        """() => {
          const [b, c] = ["b", "c"].map((id) =>
            document.querySelector(`[data-vehicle=${id}]`).getBoundingClientRect());
          return b.left - c.left > 40;
        }"""
    )
    page.get_by_role("button", name="Nearer").click()
    page.wait_for_timeout(600)
    assert drawn(page, "b")["x"] - drawn(page, "c")["x"] > 80, "it stays with the ground"


def test_who_is_told_no_more_leaves_the_map_and_who_is_too_old_as_well(visit: Visitor) -> None:
    reader = visit("transit")
    page = at_the_map(reader)
    expect(mark(page, "b2")).to_be_visible()
    buses = reader.node.feeds[0].buses
    buses[:] = [bus for bus in buses if bus.id != "b2"]
    next(bus for bus in buses if bus.id == "b7").age_s = 601
    expect(mark(page, "b2")).to_have_count(0)
    expect(mark(page, "b7")).to_have_count(0)
    expect(mark(page, "b4")).to_be_visible()


def test_a_feed_that_is_silent_says_since_when_and_why(visit: Visitor) -> None:
    reader = visit("transit")
    page = at_the_map(reader)
    expect(panel(page)).to_contain_text("up to date")
    expect(page.get_by_text("silent since")).to_have_count(0)
    reader.node.feeds[0].fall_silent(now_s(), "The server gtfs.example.org answered 503.")
    expect(page.locator(".said")).to_contain_text(re.compile(r"Kista buses silent since \d\d:\d\d"))
    expect(panel(page)).to_contain_text(re.compile(r"silent since \d\d:\d\d"))
    expect(panel(page)).to_contain_text("answered 503")
    expect(panel(page)).to_contain_text("10 vehicles, all old")


def test_whose_the_data_is_stands_on_the_map_and_what_it_means_beside_it(visit: Visitor) -> None:
    page = at_the_map(visit("transit"))
    thanks = page.locator(".holder .thanks")
    expect(thanks).to_have_text("Positions: Storstaden Transit, CC BY 4.0")
    expect(thanks).to_be_in_viewport()
    legend = page.get_by_role("list", name="What the symbols mean")
    expect(legend.locator("li")).to_have_count(5)
    expect(legend).to_contain_text("old position, over 2 min")
    expect(panel(page)).to_contain_text("10 vehicles: 4 on time, 3 late, 1 early")
    page.get_by_text("All vehicles as a list").click()
    expect(panel(page).locator(".all li")).to_have_count(10)


def test_the_layer_is_switched_by_button_switch_and_key_and_remembered(visit: Visitor) -> None:
    page = at_the_map(visit("transit"))
    marks = page.locator("[data-vehicle]")
    expect(marks.first).to_be_visible()
    button = page.get_by_role("button", name="Public transport")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(marks).to_have_count(0)
    expect(page.locator(".thanks")).to_have_count(0)
    page.reload()
    expect(page.locator("a.camera")).to_have_count(3)
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(marks).to_have_count(0)
    page.keyboard.press("v")
    expect(marks.first).to_be_visible()
    page.get_by_role("switch").uncheck(force=True)
    expect(marks).to_have_count(0)


def test_keys_go_from_vehicle_to_vehicle_with_one_stop_for_tab(visit: Visitor) -> None:
    reader = visit("transit")
    reader.node.feeds = only(
        *(Bus(f"b{n}", str(n), "east", 330 + 50 * n, 9, 60.0 * n) for n in range(6))
    )
    page = at_the_map(reader)
    expect(page.locator("[data-vehicle]")).to_have_count(6)
    expect(page.locator("[data-vehicle][tabindex='0']")).to_have_count(1)
    mark(page, "b0").focus()
    for step in range(1, 4):
        page.keyboard.press("ArrowRight")
        expect(mark(page, f"b{step}")).to_be_focused()
    expect(page.locator(".card")).to_contain_text("Line 3")
    expect(page.locator(".card")).to_contain_text("3 min late")
    page.keyboard.press("ArrowLeft")
    expect(mark(page, "b2")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.dataset.vehicle") is None
    page.keyboard.press("Tab")
    expect(mark(page, "b2")).to_be_focused()


def test_the_focus_goes_to_the_nearest_when_its_vehicle_leaves(visit: Visitor) -> None:
    reader = visit("transit")
    reader.node.feeds = only(*(Bus(f"b{n}", "4", "east", 330 + 90 * n, 9, 0) for n in range(3)))
    page = at_the_map(reader)
    expect(page.locator("[data-vehicle]")).to_have_count(3)
    mark(page, "b2").focus()
    del reader.node.feeds[0].buses[2]
    expect(mark(page, "b2")).to_have_count(0)
    expect(mark(page, "b1")).to_be_focused()


def test_a_touch_shows_what_is_known_of_a_vehicle(visit: Visitor) -> None:
    reader = visit("transit", width=390, height=844, touch=True)
    reader.node.feeds = only(Bus("b", "55", "quay", 400, 10, 200))
    page = at_the_map(reader)
    mark(page, "b").tap()
    card = page.locator(".card")
    expect(card).to_contain_text("Line 55")
    expect(card).to_contain_text("3 min late")
    box = card.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


def test_of_too_many_the_nearest_to_the_middle_are_drawn_and_the_rest_is_told(
    visit: Visitor,
) -> None:
    reader = visit("transit")
    roads = ("east", "north", "ring", "school")
    reader.node.feeds = only(
        *(Bus(f"b{n}", str(n % 30), roads[n % 4], 3.0 * n, 9, 300.0) for n in range(600))
    )
    page = at_the_map(reader)
    expect(page.locator("[data-vehicle]")).to_have_count(250)
    expect(page.get_by_text(re.compile(r"^\d+ more vehicles; come nearer"))).to_be_visible()
    expect(page.locator("[data-vehicle] .words")).to_have_count(0)


def test_where_no_camera_says_its_place_the_vehicles_say_where_the_site_is(visit: Visitor) -> None:
    reader = visit("transit", calm=True)
    reader.node.frozen = True
    for post in reader.node.posts:
        post.position = None
    page = reader.open()
    page.get_by_role("button", name="Map", exact=True).click()
    expect(page.locator("[data-vehicle]")).to_have_count(10)
    page.wait_for_function(
        """() => {
          const all = [...document.querySelectorAll("[data-vehicle]")];
          const across = all.map((one) => one.getBoundingClientRect().left);
          return Math.max(...across) - Math.min(...across) > 300;
        }"""
    )


def test_a_node_without_feeds_is_asked_once_and_shows_no_trace_of_them(visit: Visitor) -> None:
    reader = visit("day")
    page = at_the_map(reader)
    page.wait_for_timeout(4500)
    assert reader.node.asked.count("GET /api/transit") == 1
    expect(panel(page)).to_have_count(0)
    expect(page.get_by_role("button", name="Public transport")).to_have_count(0)


def test_nobody_is_asked_while_the_tiles_are_shown(visit: Visitor) -> None:
    reader = visit("transit")
    page = at_the_map(reader)
    expect(panel(page)).to_be_visible()
    page.keyboard.press("t")
    expect(page.locator("article")).to_have_count(4)
    asked = reader.node.asked.count("GET /api/transit")
    page.wait_for_timeout(4000)
    assert reader.node.asked.count("GET /api/transit") == asked


def test_when_the_node_falls_silent_its_vehicles_stay_and_grow_old(visit: Visitor) -> None:
    reader = visit("transit")
    reader.expected.append("Failed to load|ERR_")
    page = at_the_map(reader)
    expect(mark(page, "b4")).to_be_visible()
    reader.node.silent = True
    page.wait_for_timeout(4000)
    expect(mark(page, "b4")).to_be_visible()
    reader.node.silent = False
    next(bus for bus in reader.node.feeds[0].buses if bus.id == "b4").delay_s = 600
    expect(mark(page, "b4")).to_have_attribute("aria-label", re.compile("10 min late"))


def test_who_asks_for_less_motion_sees_steps(visit: Visitor) -> None:
    reader = visit("transit", calm=True)
    reader.node.feeds = only(Bus("b", "4", "east", 400, 9, 0))
    page = at_the_map(reader)
    expect(mark(page, "b")).to_be_visible()
    page.evaluate(
        """() => {
          window.places = new Set();
          const watch = () => {
            const at = document.querySelector("[data-vehicle=b]");
            if (at) places.add(at.style.transform);
            requestAnimationFrame(watch);
          };
          watch();
        }"""
    )
    reader.node.feeds[0].buses[0].gone_m += 60
    page.wait_for_function("() => places.size >= 2")
    page.wait_for_timeout(1200)
    assert page.evaluate("places.size") == 2
