"""Who may knock at the console, and from which page."""

import pytest
from tests.console.browser import SETUP, Browser, drawing
from tests.console.fake_node import FakeNode

from placewatch.core.acts import Role


@pytest.mark.parametrize("base", ["http://localhost:1", "http://127.0.0.1", "http://[::1]:8420"])
def test_the_machine_itself_is_answered_by_any_of_its_names(node: FakeNode, base: str) -> None:
    assert Browser(node, base=base).get("/api/site").status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.", "", "::1", "[::2]:8420", "@"]
)
def test_a_foreign_name_that_was_pointed_at_this_machine_is_refused(
    browser: Browser, host: str
) -> None:
    for path in ("/", "/api/site", "/assets/x.js"):
        answer = browser.get(path, headers={"Host": host})
        assert answer.status_code == 403
        assert "not called" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://127.0.0.1:8420"},
        {"X-Placewatch": "other"},
        {"X-Placewatch": "console", "Origin": "http://evil.example"},
        {"X-Placewatch": "console", "Origin": "null"},
        {"X-Placewatch": "console", "Origin": "http://127.0.0.1:3000"},
        {"X-Placewatch": "console", "Sec-Fetch-Site": "cross-site"},
        {"X-Placewatch": "console", "Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_another_page_cannot_change_anything_in_somebodys_name(
    browser: Browser, node: FakeNode, headers: dict[str, str]
) -> None:
    assert browser.put(SETUP, drawing("A"), headers=headers).status_code == 403
    assert browser.post("/api/session", {}, headers=headers).status_code == 403
    assert not node.saved
    assert len(list(node.journal.entries())) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Placewatch": "console"},
        {"X-Placewatch": "console", "Origin": "http://127.0.0.1:8420"},
        {"X-Placewatch": "console", "Sec-Fetch-Site": "same-origin"},
    ],
    ids=str,
)
def test_the_consoles_own_page_and_a_script_of_the_house_may(
    browser: Browser, headers: dict[str, str]
) -> None:
    assert browser.put(SETUP, drawing("A"), headers=headers).status_code == 200


def test_another_page_cannot_show_what_a_camera_sees(browser: Browser) -> None:
    path = "/api/cameras/street/backdrop.jpg"
    assert browser.get(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert browser.get(path, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200
    assert browser.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code != 403


@pytest.mark.parametrize(
    "headers", [{"X-Forwarded-For": "203.0.113.9"}, {"Forwarded": "for=a"}, {"Via": "1.1 proxy"}]
)
def test_a_console_without_sign_in_is_not_opened_to_the_world_by_a_proxy(
    node: FakeNode, headers: dict[str, str]
) -> None:
    answer = Browser(node).get("/api/site", headers=headers)
    assert answer.status_code == 403
    assert "placewatch user add" in answer.json()["error"]["hint"]
    assert Browser(node, address="203.0.113.9").get("/api/site").status_code == 403


def test_behind_a_proxy_whoever_signs_in_is_served(guarded: FakeNode) -> None:
    browser = Browser(guarded, address="203.0.113.9")
    headers = {"X-Forwarded-For": "203.0.113.9"}
    assert browser.get("/api/site", headers=headers).status_code == 401
    browser.sign_in(Role.VIEWER)
    assert browser.get("/api/site", headers=headers).status_code == 200
