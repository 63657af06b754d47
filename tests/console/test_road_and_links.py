"""Approaches, carriageways and links by the interface: saved, journalled, refused where wrong."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.console.browser import SETUP, Browser, drawing
from tests.console.fake_node import FakeNode

from placewatch.core.acts import Role
from placewatch.core.kinds import Direction
from placewatch.node.drawn_road import WrongSetting

ROAD = "/api/cameras/street/road"
FOUR = [[500, 500], [700, 500], [690, 330], [560, 330]]
APPROACH = {"name": "North", "corners_px": FOUR, "lanes": 2, "signal": False, "free_m_s": 13.9}
PIECE = {"name": "Mill Road", "corners_px": FOUR, "crossings": [{"name": "Z", "corners_px": FOUR}]}
LINK = {
    "name": "Station road", "from_line": "street/East arm", "from_direction": "left_to_right",
    "to_line": "other/West", "to_direction": "right_to_left", "length_m": 380.0,
}  # fmt: skip


def test_a_road_is_saved_shown_and_in_the_journal(browser: Browser, node: FakeNode) -> None:
    before = browser.get("/api/cameras/street").json()["revision"]
    answer = browser.put(SETUP, drawing("A", approaches=[APPROACH], carriageways=[PIECE]))
    assert answer.status_code == 200
    camera = answer.json()
    defaults: dict[str, Any] = {"middle_px": [], "width_m": None}
    assert camera["approaches"] == [{**APPROACH, **defaults}]
    assert camera["carriageways"][0]["crossings"] == PIECE["crossings"]
    assert camera["revision"] != before
    *_, entry = node.journal.entries()
    assert (entry.act, entry.details["approaches"], entry.details["carriageways"]) == (
        "setup.put", 1, 1,
    )  # fmt: skip


def test_who_does_not_speak_of_the_road_keeps_it(browser: Browser) -> None:
    browser.put(SETUP, drawing("A", approaches=[APPROACH], carriageways=[PIECE]))
    camera = browser.put(SETUP, drawing("B")).json()
    assert [one["name"] for one in camera["approaches"]] == ["North"]
    assert [one["name"] for one in camera["carriageways"]] == ["Mill Road"]
    assert browser.put(SETUP, drawing("B", approaches=[])).json()["approaches"] == []


def approach(**changes: Any) -> dict[str, Any]:
    return {"approaches": [{**APPROACH, **changes}]}


def piece(**changes: Any) -> dict[str, Any]:
    return {"carriageways": [{**PIECE, **changes}]}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (approach(name=""), "approaches.0.name"),
        ({"approaches": [APPROACH, APPROACH]}, "approaches.1.name"),
        (approach(corners_px=FOUR[:3]), "approaches.0.corners_px"),
        (approach(corners_px=[[5, 5], [6, 6], [7, 7], [8, 8]]), "approaches.0.corners_px"),
        (approach(corners_px=[*FOUR[:3], [560, 721]]), "approaches.0.corners_px.3"),
        (approach(middle_px=FOUR), "approaches.0.corners_px"),
        (approach(corners_px=[], middle_px=FOUR), "approaches.0.width_m"),
        (approach(corners_px=[], middle_px=FOUR[:1], width_m=3), "approaches.0.middle_px"),
        (approach(lanes=9), "approaches.0.lanes"),
        (approach(free_m_s=0), "approaches.0.free_m_s"),
        (piece(corners_px=FOUR[:2]), "carriageways.0.corners_px"),
        (piece(middle_px=FOUR[:1]), "carriageways.0.middle_px"),
        (piece(middle_px=[[0, 0], [2000, 0]]), "carriageways.0.middle_px.1"),
        (piece(crossings=[PIECE["crossings"][0]] * 2), "carriageways.0.crossings.1.name"),
        (
            piece(crossings=[{"name": "Z", "corners_px": [[1, 1], [2, 2], [3, 3]]}]),
            "carriageways.0.crossings.0.corners_px",
        ),
    ],
)
def test_a_road_that_is_wrong_is_named(
    browser: Browser, node: FakeNode, body: dict[str, Any], path: str
) -> None:
    answer = browser.put(SETUP, {**drawing(), **body})
    assert (answer.status_code, answer.json()["error"]["path"]) == (422, path)
    assert "Input" not in answer.json()["error"]["message"]
    assert not node.saved


def test_what_a_shape_is_on_the_ground_is_asked_without_changing_anything(
    browser: Browser, node: FakeNode
) -> None:
    body = {"approaches": [APPROACH, APPROACH], "carriageways": [PIECE], "ground": None}
    told = browser.post(ROAD, body).json()  # names may be those of two while they are typed
    assert [one["told"] for one in told["approaches"]] == ["40 m long, 1 lane of 3.2 m"] * 2
    assert len(told["carriageways"]) == 1
    assert len(list(node.journal.entries())) == 1


def test_what_the_node_refuses_is_told_with_its_place(browser: Browser, node: FakeNode) -> None:
    node.fails = WrongSetting("approaches.0", "its sides cross", "draw it anew")
    answer = browser.put(SETUP, drawing(approaches=[APPROACH]))
    assert answer.status_code == 422
    assert answer.json()["error"] == {
        "message": "its sides cross", "hint": "draw it anew", "path": "approaches.0",
    }  # fmt: skip


def test_links_are_saved_as_a_whole_and_journalled(browser: Browser, node: FakeNode) -> None:
    told = browser.get("/api/links").json()
    assert told["links"] == []
    answer = browser.put("/api/links", {"links": [LINK], "revision": told["revision"]})
    assert answer.status_code == 200
    [link] = answer.json()["links"]
    assert link["speed_m_s_min"] == 4.0
    assert node.linked[0].from_direction is Direction.LEFT_TO_RIGHT
    *_, entry = node.journal.entries()
    assert (entry.act, entry.details["links"]) == ("links.put", 1)
    late = browser.put("/api/links", {"links": [], "revision": told["revision"]})
    assert late.status_code == 409
    assert len(node.linked) == 1


def test_links_whose_times_cannot_be_read_are_told_with_a_sentence(
    browser: Browser, node: FakeNode
) -> None:
    assert browser.get("/api/links").json()["missing"] is None
    browser.put("/api/links", {"links": [LINK]})
    before = browser.get("/api/links").json()["revision"]
    node.times_missing = "The times cannot be read: they are damaged."
    answer = browser.get("/api/links")
    assert answer.status_code == 200
    told = answer.json()
    assert [one["name"] for one in told["links"]] == ["Station road"]
    assert (told["times"], told["missing"]) == ({}, node.times_missing)
    assert told["revision"] == before, "links can be set all the same"


def test_a_link_with_a_wrong_value_is_named(browser: Browser, node: FakeNode) -> None:
    for key, value in (("length_m", 1), ("from_direction", "west"), ("speed_m_s_max", 90)):
        answer = browser.put("/api/links", {"links": [{**LINK, key: value}]})
        assert answer.status_code == 422
        assert answer.json()["error"]["path"] == f"links.0.{key}"
        assert answer.json()["error"]["hint"]
    assert node.linked == ()


def test_only_a_technician_sets_links(sign_in: Callable[[Role], Browser]) -> None:
    viewer = sign_in(Role.VIEWER)
    assert viewer.get("/api/links").status_code == 200
    assert viewer.put("/api/links", {"links": []}).status_code == 403
    assert viewer.post(ROAD, {}).status_code == 403
    assert sign_in(Role.TECHNICIAN).put("/api/links", {"links": []}).status_code == 200
