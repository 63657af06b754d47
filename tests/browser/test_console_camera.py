"""A camera's page: the live scene, its counts, and every state it can be in."""

import itertools
import random
import re

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import Visitor
from tests.browser.mock_node import ASLEEP, CARRIED, LANES, Walker

PAGE = "/cameras/kista-03"


def ink(page: Page) -> int:
    """How many pixels of the scene's canvas are painted."""
    return int(
        page.evaluate(
            """() => {
              const { width, height } = document.querySelector("figure canvas");
              const ink = document.querySelector("figure canvas").getContext("2d");
              const { data } = ink.getImageData(0, 0, width, height);
              let painted = 0;
              for (let at = 3; at < data.length; at += 4) painted += data[at] > 0;
              return painted;
            }"""
        )
    )


def cell(page: Page, line: str, direction: str) -> Locator:
    return page.locator(f'tr[data-line="{line}"] td[data-direction="{direction}"]')


def test_road_users_are_drawn_over_the_empty_street(visit: Visitor) -> None:
    reader = visit("day")
    page = reader.open(PAGE)
    expect(page.locator("img.backdrop")).to_have_attribute("src", re.compile(r"backdrop\.jpg\?at="))
    page.wait_for_function("() => document.querySelector('img.backdrop')?.naturalWidth === 1280")
    page.wait_for_function(
        """() => {
          const canvas = document.querySelector("figure canvas");
          const ink = canvas.getContext("2d");
          const { data } = ink.getImageData(0, 0, canvas.width, canvas.height);
          return data.some((value) => value > 0);
        }"""
    )
    assert ink(page) > 500


class Nobody(random.Random):
    """Dice by which nobody new comes along."""

    def random(self) -> float:
        return 1.0


def test_shapes_glide_and_never_step_back(visit: Visitor) -> None:
    reader = visit("empty")
    post = reader.node.post("kista-03")
    assert post is not None
    post.dice, post.empty = Nobody(), False
    reader.page.add_init_script(
        """window.drawn = [];
        const move = CanvasRenderingContext2D.prototype.translate;
        CanvasRenderingContext2D.prototype.translate = function (x, y) {
          if (this.canvas.closest("figure")) drawn.push(x);
          return move.call(this, x, y);
        };"""
    )
    page = reader.open(PAGE)
    expect(page.get_by_text("No road user right now")).to_be_visible()
    post.walkers.append(Walker("a", "car", LANES[0], 12.0))
    page.wait_for_function("() => drawn.length > 40 && drawn.at(-1) > drawn[0] + 200")
    drawn: list[float] = page.evaluate("drawn")
    steps = [after - before for before, after in itertools.pairwise(drawn)]
    assert min(steps) > -0.5, "nobody is drawn back to where they were"
    assert len(set(drawn)) > 30, "between two events there are places, too"


def test_counters_tick_to_what_the_node_counted(visit: Visitor) -> None:
    reader = visit("fresh")
    page = reader.open(PAGE)
    post = reader.node.post("kista-03")
    assert post is not None
    total = cell(page, "East arm", "left_to_right")
    expect(total).to_be_visible()
    before = int(total.get_attribute("data-count") or 0)
    page.wait_for_function(
        "before => +document.querySelector('tr[data-line=\"East arm\"] td').dataset.count > before",
        arg=before,
    )
    reader.node.frozen = True
    for line in post.lines:
        for direction in ("left_to_right", "right_to_left"):
            counted = sum(
                count
                for (name, way, _), count in post.counts.items()
                if (name, way) == (line["name"], direction)
            )
            there = cell(page, line["name"], direction)
            expect(there).to_have_attribute("data-count", str(counted))
            expect(there).to_contain_text(f"drawn truth {counted}")
        both = sum(count for (name, _, _), count in post.counts.items() if name == line["name"])
        expect(page.locator(f'.tag[data-line="{line["name"]}"]')).to_contain_text(f"{both:,}")


def test_a_miscount_is_not_hidden(visit: Visitor) -> None:
    reader = visit("fresh")
    reader.node.frozen = True
    post = reader.node.post("kista-03")
    assert post is not None
    post.missed = 2
    page = reader.open(PAGE)
    there = cell(page, "East arm", "left_to_right")
    expect(there.locator(".truth.off")).to_be_visible()
    counted = int(there.get_attribute("data-count") or 0)
    assert int(there.get_attribute("data-truth") or 0) == counted + 2
    expect(page.locator('tr[data-kind="car"]')).to_contain_text("drawn")


def test_choosing_a_line_shows_its_kinds_and_profile(visit: Visitor) -> None:
    page = visit("day").open(PAGE)
    page.get_by_role("button", name="Crossing").click()
    expect(page.get_by_role("region", name="Line Crossing")).to_contain_text("on foot")
    expect(page.get_by_role("region", name="Line Crossing")).to_contain_text("down")
    expect(
        page.get_by_role("img", name=re.compile("^Vehicles, last 24 h. Most at"))
    ).to_be_visible()


def test_a_number_says_how_much_of_the_hour_was_seen(visit: Visitor) -> None:
    reader = visit("fresh")
    page = reader.open(PAGE)
    expect(page.get_by_role("region", name="Line East arm")).to_contain_text(
        re.compile(r"[1-3] of 60 min seen")
    )
    whole = visit("day").open(PAGE)
    expect(whole.get_by_role("region", name="Line East arm")).to_contain_text("all 60 min seen")


def test_a_gap_is_neither_zero_nor_a_line(visit: Visitor) -> None:
    page = visit("day").open(PAGE)
    vehicles = page.get_by_role("region", name="Vehicles")
    expect(vehicles).to_contain_text("grey: not seen, 45 min")
    vehicles.get_by_text("As a table").click()
    gaps = vehicles.locator("tr", has_text="not seen")
    expect(gaps).to_have_count(1)
    expect(gaps).to_contain_text(re.compile(r"\d\d:\d\d to \d\d:\d\d"))
    expect(gaps.locator("td").first).to_have_text("–")


def test_speed_is_said_only_where_the_ground_is_measured(visit: Visitor) -> None:
    reader = visit("day")
    expect(reader.open(PAGE).locator(".figures")).to_contain_text("44 km/h")
    expect(reader.open("/cameras/kista-04").locator(".figures")).to_contain_text(
        "the ground is not measured"
    )


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ("starting", ["Starting", "Waiting for the first picture."]),
        ("learning", ["Learning the empty street", "Nobody is shown before"]),
        ("lost", ["No picture since", "Counting stopped then.", "Trying again in"]),
        ("ended", ["Ended at", "The file street.mp4 came to its end."]),
        ("refused", ["This camera does not start", "Its notice ended on 30 June 2025"]),
        ("failed", ["Failed at", "codec av2"]),
    ],
)
def test_a_camera_that_does_not_watch_says_so(
    visit: Visitor, scenario: str, words: list[str]
) -> None:
    page = visit(scenario).open(PAGE)
    told = page.locator("[data-told]")
    for word in words:
        expect(told).to_contain_text(word)
    expect(page.locator(".acts .pill")).not_to_contain_text("frames/s")


def test_a_lost_camera_comes_back_without_a_reload(visit: Visitor) -> None:
    reader = visit("lost")
    page = reader.open(PAGE)
    expect(page.locator("[data-told=lost]")).to_be_visible()
    post = reader.node.post("kista-03")
    assert post is not None
    post.state, post.why, post.retry_in_s = "watching", None, None
    expect(page.locator("[data-told]")).to_have_count(0)
    expect(page.locator(".acts .pill")).to_contain_text("25 frames/s")


def test_an_empty_street_says_that_nobody_is_there(visit: Visitor) -> None:
    page = visit("empty").open(PAGE)
    expect(page.get_by_text("No road user right now")).to_be_visible()


def test_a_late_picture_says_how_late(visit: Visitor) -> None:
    page = visit("late").open(PAGE)
    expect(page.locator(".street").get_by_text("2.4 s late")).to_be_visible()
    expect(page.locator(".acts .pill")).to_contain_text("2.4 s late")


def test_a_machine_that_skips_most_frames_is_no_green_camera(visit: Visitor) -> None:
    reader = visit("starved")
    page = reader.open(PAGE)
    pill = page.locator(".acts .pill")
    expect(pill).to_contain_text("96 % skipped")
    expect(pill.locator(".dot")).to_have_class(re.compile("watch"))
    expect(page.get_by_role("note")).to_contain_text("this machine does not keep up")
    reader.open("/")
    expect(page.get_by_text("1 of them not keeping up")).to_be_visible()
    tile = page.locator(".pill").filter(has_text="96 % skipped")
    expect(tile.locator(".dot")).to_have_class(re.compile("watch"))


def test_a_camera_without_a_line_leads_to_the_set_up(visit: Visitor) -> None:
    page = visit("no-lines").open(PAGE)
    page.get_by_role("link", name="Draw one").click()
    expect(page.locator("h1")).to_have_text("Set up")


def test_a_place_tells_movements_speeds_and_conflicts_of_the_day(visit: Visitor) -> None:
    page = visit("junction").open(PAGE)
    movements = page.get_by_role("region", name="Movements, last 24 h")
    expect(movements.locator("svg path.band")).to_have_count(6)
    row = movements.get_by_role("row", name="North")
    expect(row.get_by_role("cell")).to_have_text(["0", "137", "243"])
    speeds = page.get_by_role("region", name="Speeds, last 24 h")
    expect(speeds.get_by_text("V85")).to_have_text(re.compile(r"V85 5\d km/h"))
    conflicts = page.get_by_role("region", name="Conflicts, last 24 h")
    expect(conflicts.get_by_role("row", name="crossing").get_by_role("cell")).to_have_text(
        ["3", "6", "0"]
    )
    spots = page.locator("svg.marks circle.spot")
    expect(spots).to_have_count(0)
    conflicts.get_by_role("checkbox", name="Show on the street").check()
    expect(spots).to_have_count(9)


def test_a_place_tells_queues_and_people_who_cross(visit: Visitor) -> None:
    page = visit("junction").open(PAGE)
    queues = page.get_by_role("region", name="Queues, last 24 h")
    rows = queues.locator("tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(1).get_by_role("cell")).to_have_text(["40", "≥ 11", "5 %", "41 s", "D"])
    expect(rows.nth(1).get_by_role("rowheader")).to_have_text("North, lane 2")
    expect(rows.nth(2).get_by_role("rowheader")).to_have_text("North, all lanes")
    expect(rows.nth(2).get_by_role("cell").first).to_have_text("38 to 40a lane")
    walks = page.get_by_role("region", name="People crossing, last 24 h").locator("tbody tr")
    expect(walks.nth(0).get_by_role("cell")).to_have_text(["1,240", "3.6 s", "1.31", "83 %"])
    expect(walks.nth(1).get_by_role("cell")).to_have_text(["12", "–", "–", "–"])


@pytest.mark.parametrize("width", [390, 1440])
def test_tables_of_the_road_are_whole_or_say_that_they_are_wider(
    visit: Visitor, width: int
) -> None:
    page = visit("junction", width=width).open(PAGE)
    for name in ("Queues by approach and lane", "People crossing by place"):
        table = page.get_by_role("region", name=name)
        expect(table).to_be_visible()
        hidden = table.evaluate("element => element.scrollWidth > element.clientWidth")
        hint = table.evaluate("element => getComputedStyle(element, '::before').height")
        assert hint == ("22px" if hidden else "0px")
        assert not (hidden and width == 1440)
        table.evaluate("element => element.scrollTo(9999, 0)")
        box, row = table.bounding_box(), table.get_by_role("rowheader").first.bounding_box()
        assert box is not None
        assert row is not None
        assert row["x"] == box["x"], "whose row it is stays in sight"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_what_a_place_cannot_tell_is_said_and_the_rest_is_shown(visit: Visitor) -> None:
    reader = visit("junction")
    reader.expected.append("503")
    reader.node.place_damaged = "the facts in data/journeys are damaged: no such file"
    page = reader.open(PAGE)
    told = page.get_by_role("note").filter(has_text="cannot be shown")
    expect(told).to_contain_text(reader.node.place_damaged)
    expect(
        page.get_by_role("region", name="Vehicles", exact=True).locator("canvas")
    ).to_be_visible()
    expect(page.get_by_role("region", name="Queues, last 24 h")).to_have_count(0)


def test_a_place_without_a_road_says_nothing_of_it(visit: Visitor) -> None:
    page = visit("day").open(PAGE)
    expect(page.get_by_role("region", name="Speeds, last 24 h")).to_be_visible()
    expect(page.get_by_role("region", name="Queues, last 24 h")).to_have_count(0)


def test_the_report_of_a_place_is_a_file(visit: Visitor) -> None:
    page = visit("day").open(PAGE)
    with page.expect_download() as download:
        page.get_by_role("link", name="Report").click()
    assert download.value.url.endswith("/api/cameras/kista-03/report?hours=24")


def test_a_silent_node_is_told_and_found_again(visit: Visitor) -> None:
    reader = visit("day")
    reader.expected.append("ERR_|Failed to load resource")
    page = reader.open(PAGE)
    expect(page.locator(".acts .pill")).to_contain_text("25 frames/s")
    reader.node.silent = True
    banner = page.get_by_role("alert")
    expect(banner).to_contain_text("The node does not answer.")
    expect(page.locator(".street")).to_contain_text("not live")
    reader.node.silent = False
    expect(banner).to_have_count(0)
    expect(page.locator(".street")).not_to_contain_text("not live")


def test_a_node_that_is_not_there_yet_is_waited_for(visit: Visitor) -> None:
    reader = visit("day")
    reader.expected.append("ERR_|Failed to load resource")
    reader.node.silent = True
    page = reader.open(PAGE)
    expect(page.locator("h1")).to_have_text("The node does not answer")
    reader.node.silent = False
    expect(page.locator("h1")).to_have_text("Stationsplein, north-east")


def test_what_is_not_there_is_a_page_of_its_own(visit: Visitor) -> None:
    reader = visit("day")
    expect(reader.open("/cameras/nowhere").locator("h1")).to_have_text("There is no camera nowhere")
    expect(reader.open("/no/such/page").locator("h1")).to_have_text("There is no such page")
    reader.page.get_by_role("link", name="To the places").click()
    expect(reader.page.locator("article")).to_have_count(4)


def test_the_notice_is_on_the_page_in_words(visit: Visitor) -> None:
    reader = visit("day")
    page = reader.open("/cameras/kista-05")
    notice = page.locator("#notice")
    for word in ("City of Kista, Traffic", "Council decision 2026-118", "20 December 2026"):
        expect(notice).to_contain_text(word)
    expect(notice.get_by_role("link", name="traffic@kista.example")).to_be_visible()


def test_with_reduced_motion_nothing_is_animated(visit: Visitor) -> None:
    reader = visit("day", calm=True)
    page = reader.open(PAGE)
    page.wait_for_function(
        """() => {
          const canvas = document.querySelector("figure canvas");
          return canvas !== null && canvas.getContext("2d")
            .getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0);
        }"""
    )
    asked = page.evaluate(
        """() => new Promise((done) => {
          let frames = 0;
          const real = window.requestAnimationFrame;
          window.requestAnimationFrame = (paint) => { frames += 1; return real(paint); };
          setTimeout(() => done(frames), 1000);
        })"""
    )
    assert asked <= 20, "at most once for each scene that came, not sixty times a second"
    assert page.evaluate("document.getAnimations().length") == 0


def test_keys_lead_back_and_on(visit: Visitor) -> None:
    page = visit("day").open(PAGE)
    expect(page.locator("h1")).to_have_text("Stationsplein, north-east")
    page.keyboard.press("s")
    expect(page.locator("h1")).to_have_text("Set up")
    page.go_back()
    page.keyboard.press("p")
    expect(page.locator("article")).to_have_count(4)


def test_what_people_should_know_of_a_camera_is_on_its_page_and_hinted_at_elsewhere(
    visit: Visitor,
) -> None:
    page = visit("noted").open(PAGE)
    note = page.get_by_role("note")
    expect(note).to_be_visible()
    expect(note).to_contain_text("yolox.onnx answers with numbers that are none")
    page = visit("noted").open("/")
    tile = page.locator("article", has=page.locator('[data-place="kista-03"]')).first
    expect(tile).to_contain_text("a note under Health")
    page = visit("day").open(PAGE)
    expect(page.get_by_role("heading", name="Health")).to_be_visible()
    expect(page.get_by_role("note")).to_have_count(0)


@pytest.mark.parametrize(("scenario", "said"), [("asleep", ASLEEP), ("carried", CARRIED)])
@pytest.mark.parametrize("width", [1440, 390])
def test_how_it_is_decoded_and_what_that_may_miss_is_said(
    visit: Visitor, scenario: str, said: str, width: int
) -> None:
    page = visit(scenario, width=width).open(PAGE)
    line = page.get_by_role("region", name="Health").get_by_text(said)
    expect(line).to_be_visible()
    box = line.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


def test_a_camera_without_a_picture_is_not_decoded_in_any_way(visit: Visitor) -> None:
    page = visit("lost").open(PAGE)
    expect(page.get_by_role("region", name="Health")).to_be_visible()
    expect(page.locator(".decoded")).to_have_count(0)


@pytest.mark.parametrize("width", [1440, 390])
def test_no_words_on_the_street_cover_others(visit: Visitor, width: int) -> None:
    reader = visit("crowded", width=width, calm=True)
    page = reader.open(PAGE)
    tags = page.locator(".street .tag")
    expect(tags).to_have_count(len(reader.node.posts[0].lines))
    page.wait_for_timeout(300)
    boxes = [
        box
        for one in [*tags.all(), *page.locator(".street .area-name:visible").all()]
        if (box := one.bounding_box()) is not None
    ]
    for one, other in itertools.combinations(boxes, 2):
        across = min(one["x"] + one["width"], other["x"] + other["width"]) - max(
            one["x"], other["x"]
        )
        down = min(one["y"] + one["height"], other["y"] + other["height"]) - max(
            one["y"], other["y"]
        )
        assert min(across, down) <= 0, (one, other)
