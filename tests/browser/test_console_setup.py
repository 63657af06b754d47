"""Set-up: lines, areas and ground points drawn on the picture, saved, and in force."""

import re

import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect
from tests.browser.conftest import Visit, Visitor
from tests.browser.mock_node import HEIGHT_PX, WIDTH_PX

PAGE = "/cameras/kista-03/setup"


def open_stage(reader: Visit) -> Page:
    page = reader.open(PAGE)
    expect(page.locator(".stage .handle")).to_have_count(3 * 2 + 4 + 6)
    return page


def on_stage(page: Page, x_px: float, y_px: float) -> tuple[float, float]:
    """Where a pixel of the camera's picture lies on the screen."""
    box: FloatRect | None = page.locator(".stage").bounding_box()
    assert box is not None
    return (
        box["x"] + x_px / WIDTH_PX * box["width"],
        box["y"] + y_px / HEIGHT_PX * box["height"],
    )


def handle(page: Page, name: str) -> Locator:
    return page.locator(f'.handle[aria-label^="{name}"]')


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Saved at")).to_be_visible()


def test_a_line_is_drawn_in_one_stroke_named_and_saved(visit: Visitor) -> None:
    reader = visit("day")
    page = open_stage(reader)
    page.get_by_role("button", name="Line", exact=False).first.click()
    page.mouse.move(*on_stage(page, 200, 420))
    page.mouse.down()
    page.mouse.move(*on_stage(page, 230, 520), steps=4)
    expect(page.locator(".loupe")).to_be_visible()
    page.mouse.move(*on_stage(page, 240, 600), steps=4)
    page.mouse.up()
    expect(page.get_by_label("Name of line 4")).to_be_focused()
    page.keyboard.type("West arm")
    expect(page.get_by_text("Changed, not saved yet")).to_be_visible()
    save(page)
    line = reader.node.saved[-1]["lines"][-1]
    assert line["name"] == "West arm"
    for got, meant in zip(line["from_px"] + line["to_px"], [200, 420, 240, 600], strict=True):
        assert abs(got - meant) <= 2
    page.get_by_role("link", name="← Stationsplein").click()
    expect(page.locator('.tag[data-line="West arm"]')).to_be_visible()


def test_a_handle_is_dragged_and_undone(visit: Visitor) -> None:
    reader = visit("day")
    page = open_stage(reader)
    first = handle(page, "East arm, first point")
    expect(first).to_have_attribute("aria-label", re.compile("x 900, y 300"))
    page.mouse.move(*on_stage(page, 900, 300))
    page.mouse.down()
    page.mouse.move(*on_stage(page, 800, 250), steps=6)
    page.mouse.up()
    expect(first).to_have_attribute("aria-label", re.compile(r"x (799|800|801), y (249|250|251)"))
    page.keyboard.press("Control+z")
    expect(first).to_have_attribute("aria-label", re.compile("x 900, y 300"))
    expect(page.get_by_text("As in force")).to_be_visible()
    page.keyboard.press("Control+Shift+z")
    expect(first).to_have_attribute("aria-label", re.compile(r"x (799|800|801)"))


def test_everything_is_done_with_keys_alone(visit: Visitor) -> None:
    reader = visit("day")
    page = open_stage(reader)
    page.keyboard.press("n")
    made = handle(page, "Line 4, first point")
    expect(made).to_be_focused()
    spot = made.get_attribute("aria-label") or ""
    x_px, y_px = (int(number) for number in re.findall(r"[xy] (\d+)", spot))
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowDown")
    expect(made).to_have_attribute("aria-label", re.compile(f"x {x_px - 1}, y {y_px + 10} "))
    page.keyboard.press("Tab")
    expect(handle(page, "Line 4, second point")).to_be_focused()
    page.keyboard.press("Control+s")
    expect(page.get_by_role("status").filter(has_text="Saved at")).to_be_visible()
    assert reader.node.saved[-1]["lines"][-1]["from_px"] == [x_px - 1, y_px + 10]
    page.keyboard.press("Delete")
    expect(handle(page, "Line 4")).to_have_count(0)
    page.keyboard.press("a")
    expect(handle(page, "Area 2, corner 1")).to_be_focused()
    page.keyboard.press("g")
    expect(handle(page, "Ground point 7")).to_be_focused()


def test_a_handle_stays_in_the_picture(visit: Visitor) -> None:
    page = open_stage(visit("day"))
    first = handle(page, "North arm, first point")
    first.focus()
    for _ in range(12):
        page.keyboard.press("Shift+ArrowUp")
    expect(first).to_have_attribute("aria-label", re.compile("y 0 "))


def test_an_area_is_drawn_corner_by_corner(visit: Visitor) -> None:
    reader = visit("day")
    page = open_stage(reader)
    page.get_by_role("button", name="Area", exact=False).first.click()
    for x_px, y_px in [(700, 600), (800, 600), (820, 690)]:
        page.mouse.click(*on_stage(page, x_px, y_px))
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name of area 2")).to_be_focused()
    page.get_by_role("button", name="One more corner for Area 2").click()
    expect(page.locator("[data-item]", has_text="4 corners")).to_have_count(2)
    save(page)
    assert len(reader.node.saved[-1]["areas"][-1]["corners_px"]) == 4


def test_turning_a_line_round_swaps_what_is_left_to_right(visit: Visitor) -> None:
    reader = visit("day")
    page = open_stage(reader)
    item = page.locator('[data-line="North arm"]')
    expect(item).to_contain_text("left to right: down")
    item.get_by_role("button", name="Turn North arm round").click()
    expect(item).to_contain_text("left to right: up")
    save(page)
    assert reader.node.saved[-1]["lines"][1]["from_px"] == [800, 118]


def test_the_ground_is_checked_while_it_is_placed(visit: Visitor) -> None:
    reader = visit("day")
    page = open_stage(reader)
    ground = page.get_by_role("region", name="Ground")
    expect(ground).to_contain_text(re.compile(r"0\.0\d m off on average"))
    expect(ground).to_contain_text("Every point fits the others.")
    assert page.locator(".stage .grid line").count() >= 10
    field = page.get_by_label("Point 3, metres east")
    field.fill("29")
    expect(ground).to_contain_text(re.compile(r"Point \d fits the others worst\."))
    field.fill("")
    save_button = page.get_by_role("button", name="Save", exact=True)
    save_button.click()
    expect(ground).to_contain_text("Both numbers are needed")
    expect(field).to_be_focused()
    assert reader.node.saved == []
    page.keyboard.press("Control+z")
    expect(field).to_have_value(re.compile(r"\d"))


def test_too_few_points_are_told_before_saving(visit: Visitor) -> None:
    reader = visit("no-lines")
    page = reader.open(PAGE)
    page.get_by_role("button", name="Ground point", exact=False).first.click()
    page.mouse.click(*on_stage(page, 400, 600))
    expect(page.get_by_label("Point 1, metres east")).to_be_focused()
    page.keyboard.type("1,5")
    page.keyboard.press("Tab")
    page.keyboard.type("2")
    ground = page.get_by_role("region", name="Ground")
    expect(ground).to_contain_text("1 of at least 4 points are placed.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(ground).to_contain_text("Place more, or none.")
    assert reader.node.saved == []


def test_points_may_be_given_as_coordinates_of_the_earth(visit: Visitor) -> None:
    reader = visit("no-lines")
    page = reader.open(PAGE)
    page.get_by_role("button", name="WGS 84").click()
    spots = [(300, 650, 0, 0), (1000, 590, 18, 0), (900, 330, 22, 24), (470, 350, 2, 23)]
    for number, (x_px, y_px, east, north) in enumerate(spots, 1):
        page.get_by_role("button", name="Ground point", exact=False).first.click()
        page.mouse.click(*on_stage(page, x_px, y_px))
        page.get_by_label(f"Point {number}, latitude").fill(f"{59.4 + north / 111_195:.7f}")
        page.get_by_label(f"Point {number}, longitude").fill(f"{17.9 + east / 56_600:.7f}")
    ground = page.get_by_role("region", name="Ground")
    expect(ground).to_contain_text("m off on average")
    expect(ground).to_contain_text("A fifth point would say")
    save(page)
    points = reader.node.saved[-1]["ground"]["points"]
    assert len(points) == 4
    assert all(set(point) == {"x_px", "y_px", "latitude_deg", "longitude_deg"} for point in points)


def test_what_the_node_refuses_stands_beside_the_field(visit: Visitor) -> None:
    reader = visit("day")
    reader.expected.append("422")
    page = open_stage(reader)
    name = page.get_by_label("Name of line 2")
    name.fill("Forbidden")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("[data-item]", has=name)).to_contain_text("taken by another camera")
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_be_focused()
    name.fill("East arm")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("There is another line with this name.")).to_have_count(1)
    assert reader.node.saved == []


def test_two_people_do_not_overwrite_one_another(visit: Visitor) -> None:
    reader = visit("day")
    reader.expected.append("409")
    page = open_stage(reader)
    page.get_by_label("Name of line 1").fill("Mine")
    post = reader.node.post("kista-03")
    assert post is not None
    theirs = {
        "lines": [{**post.lines[0], "name": "Theirs"}],
        "areas": [],
        "ground": None,
        "revision": post.revision,
    }
    assert reader.node.set_up(post, theirs) is None
    alert = page.get_by_role("alert").first
    expect(alert).to_contain_text("Somebody else set this camera up meanwhile.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was set up anew meanwhile")).to_be_visible()
    assert post.lines[0]["name"] == "Theirs"
    page.get_by_role("button", name="Load theirs, drop mine").click()
    expect(page.get_by_label("Name of line 1")).to_have_value("Theirs")


def test_an_untouched_page_follows_what_somebody_else_saved(visit: Visitor) -> None:
    reader = visit("day")
    page = open_stage(reader)
    post = reader.node.post("kista-03")
    assert post is not None
    theirs = {"lines": [{**post.lines[0], "name": "Theirs"}], "areas": [], "ground": None}
    assert reader.node.set_up(post, theirs) is None
    expect(page.get_by_label("Name of line 1")).to_have_value("Theirs")


def test_what_was_saved_while_nothing_was_heard_is_shown_afterwards(visit: Visitor) -> None:
    reader = visit("day")
    reader.expected.append("ERR_|Failed to load resource")
    page = open_stage(reader)
    post = reader.node.post("kista-03")
    assert post is not None
    reader.node.silent = True  # the stream ends, and the page has to listen anew
    expect(page.get_by_role("alert").get_by_text("does not answer")).to_be_visible()
    theirs = {"lines": [{**post.lines[0], "name": "Theirs"}], "areas": [], "ground": None}
    assert reader.node.set_up(post, theirs) is None
    reader.node.silent = False
    # Whoever was away for long is asked for at longer and longer distances, up to 18 s.
    expect(page.get_by_label("Name of line 1")).to_have_value("Theirs", timeout=60_000)


def test_nobody_loses_a_drawing_by_leaving(visit: Visitor) -> None:
    reader = visit("day")
    page = reader.open("/cameras/kista-03")
    page.get_by_role("link", name="Set up").click()
    page.get_by_label("Name of line 1").fill("East")
    page.go_back()
    dialog = page.get_by_role("dialog", name="Leave without saving?")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Stay").click()
    expect(page.get_by_label("Name of line 1")).to_have_value("East")
    page.get_by_role("link", name="placewatch, all places").click()
    dialog.get_by_role("button", name="Save and leave").click()
    expect(page.locator("article")).to_have_count(4)
    assert reader.node.saved[-1]["lines"][0]["name"] == "East"


def test_whoever_may_only_look_cannot_set_up(visit: Visitor) -> None:
    reader = visit("day")
    reader.node.role_without = "viewer"
    page = reader.open("/cameras/kista-03")
    expect(page.get_by_text("Setting up needs the role technician")).to_be_visible()
    expect(page.get_by_role("link", name="Set up")).to_have_count(0)
    page = reader.open(PAGE)
    expect(page.get_by_text("needs the role technician")).to_be_visible()
    expect(page.locator(".stage")).to_have_count(0)


def test_a_camera_without_a_picture_cannot_be_drawn_on(visit: Visitor) -> None:
    page = visit("starting").open(PAGE)
    expect(page.get_by_text("has not sent a picture yet")).to_be_visible()


@pytest.mark.parametrize("width", [390])
def test_fingers_draw_too(visit: Visitor, width: int) -> None:
    reader = visit("day", width=width, height=844, touch=True)
    page = open_stage(reader)
    page.get_by_role("button", name="Line", exact=False).first.tap()
    page.touchscreen.tap(*on_stage(page, 200, 420))
    page.touchscreen.tap(*on_stage(page, 240, 640))
    expect(page.get_by_label("Name of line 4")).to_be_focused()
    save(page)
    line = reader.node.saved[-1]["lines"][-1]
    assert abs(line["from_px"][0] - 200) <= 4
    assert abs(line["to_px"][1] - 640) <= 4


def test_lines_are_given_arms_and_two_make_a_junction(visit: Visitor) -> None:
    reader = visit("day")
    page = open_stage(reader)
    arms = page.get_by_label("Arm of a junction")
    expect(arms).to_have_count(3)
    arms.nth(0).fill("East")
    expect(page.get_by_text("One arm alone is no junction")).to_be_visible()
    arms.nth(1).fill("North")
    expect(page.get_by_text("Counts who goes from which of the 2 arms to which.")).to_be_visible()
    save(page)
    lines = reader.node.saved[-1]["lines"]
    assert [line["arm"] for line in lines] == ["East", "North", None]
