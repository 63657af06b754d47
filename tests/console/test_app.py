"""What the console's interface answers."""

import json
from pathlib import Path

import pytest
from tests.console.browser import SETUP, Browser, drawing
from tests.console.fake_node import AT, JPEG, STREET, FakeNode

from placewatch.core.errors import (
    Corrupt,
    Misconfigured,
    PlacewatchError,
    Refused,
    Rejected,
    Unavailable,
)
from placewatch.node.views import MetrePoint, SiteView


def test_the_site_shows_its_cameras_as_the_interface_describes_them(browser: Browser) -> None:
    site = browser.get("/api/site").json()
    assert site.keys() == {"site", "version", "demo", "at", "map", "cameras"}
    assert site["at"] == "2026-11-23T10:00:00Z"
    [camera] = site["cameras"]
    assert camera == browser.get("/api/cameras/street").json()
    assert camera.keys() == {
        *("id", "place", "state", "why", "since", "retry_in_s", "position", "width_px"),
        *("height_px", "notice", "detector", "lines", "areas", "ground", "backdrop"),
        *("health", "totals", "revision", "approaches", "carriageways"),
    }
    assert camera["notice"]["until"] == "2027-06-30"
    assert camera["lines"] == [
        {"name": "East arm", "from_px": [660, 210], "to_px": [690, 408], "arm": None}
    ]
    assert camera["totals"]["lines"][0]["left_to_right"]["pedestrian"] == 0


def test_public_transport_is_told_as_the_interface_describes_it(browser: Browser) -> None:
    body = browser.get("/api/transit").json()
    assert body.keys() == {"at", "feeds"}
    [feed] = body["feeds"]
    assert feed.keys() == {
        *("name", "operator", "attribution", "state", "since", "why", "notes", "every_s"),
        *("old_after_s", "gone_after_s", "vehicles"),
    }
    [vehicle] = feed["vehicles"]
    assert vehicle == {
        "id": "0af3",
        "line": "4",
        "latitude_deg": 59.4,
        "longitude_deg": 17.9,
        "bearing_deg": 12.5,
        "delay_s": 95.0,
        "at": "2026-11-23T10:00:00Z",
    }


@pytest.mark.parametrize(
    "path", ["", "/profile", "/health", "/backdrop.jpg", "/nothing", "%00", "/../../etc/passwd"]
)
def test_a_camera_that_is_not_there_is_said_to_be_missing(browser: Browser, path: str) -> None:
    answer = browser.get(f"/api/cameras/nowhere{path}")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"]


def test_what_is_long_is_sent_small_and_live_events_are_not_held_back(browser: Browser) -> None:
    profile = browser.get("/api/cameras/street/profile?hours=744&step_min=15")
    assert profile.headers["content-encoding"] == "gzip"
    assert len(profile.json()["at"]) == 744 * 4
    assert "content-encoding" not in browser.get("/api/session").headers


def test_a_profile_begins_and_ends_on_whole_steps(browser: Browser) -> None:
    profile = browser.get("/api/cameras/street/profile?hours=2&step_min=15").json()
    assert profile["step_s"] == 900
    assert len(profile["at"]) == 8
    assert all(at[14:19] in ("00:00", "15:00", "30:00", "45:00") for at in profile["at"])
    assert len(profile["series"][0]["count"]) == 8
    health = browser.get("/api/cameras/street/health").json()
    assert {len(column) for name, column in health.items() if name != "step_s"} == {96}


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("hours=0", "hours"),
        ("hours=745", "hours"),
        ("hours=many", "hours"),
        ("step_min=0", "step_min"),
        ("hours=744&step_min=1", "step_min"),
        ("hours=99999999999999999999999", "hours"),
    ],
)
def test_a_profile_of_too_many_steps_names_what_is_wrong(
    browser: Browser, query: str, path: str
) -> None:
    answer = browser.get(f"/api/cameras/street/profile?{query}")
    assert answer.status_code == 422
    assert answer.json()["error"]["path"] == path


def test_a_backdrop_is_sent_once_and_then_only_when_it_changed(
    browser: Browser, node: FakeNode
) -> None:
    answer = browser.get("/api/cameras/street/backdrop.jpg")
    assert (answer.content, answer.headers["content-type"]) == (JPEG, "image/jpeg")
    known = {"If-None-Match": answer.headers["etag"]}
    again = browser.get("/api/cameras/street/backdrop.jpg", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    node.backdrop = (JPEG, type(AT)(AT + 60_000_000))
    assert browser.get("/api/cameras/street/backdrop.jpg", headers=known).status_code == 200
    node.backdrop = None
    assert browser.get("/api/cameras/street/backdrop.jpg").status_code == 404


def test_a_setup_that_is_saved_is_in_force_and_in_the_journal(
    browser: Browser, node: FakeNode
) -> None:
    points = [
        {"x_px": x, "y_px": y, "x_m": x / 10, "y_m": y / 10}
        for x, y in ((1, 1), (900, 1), (900, 700), (1, 700))
    ]
    body = drawing("A", "B", ground={"points": points})
    body["areas"] = [{"name": "A", "corners_px": [[0, 0], [1280, 0], [1280, 720]]}]
    answer = browser.put(SETUP, body)
    assert answer.status_code == 200
    camera = answer.json()
    assert [line["name"] for line in camera["lines"]] == ["A", "B"]
    assert camera["ground"] == {"points": points}
    assert camera["revision"] != browser.get("/api/site").json()["site"]

    [(saved_camera, setup, actor)] = node.saved
    assert (saved_camera, actor.name) == (STREET, "loopback")
    assert setup.ground is not None
    assert isinstance(setup.ground.points[0], MetrePoint)
    *_, entry = node.journal.entries()
    assert (entry.act, entry.camera, entry.actor) == ("setup.put", STREET, "loopback")
    assert entry.details["lines"] == 2
    assert entry.details["before"] != entry.details["after"]


def test_of_two_who_draw_at_once_the_second_is_told(browser: Browser, node: FakeNode) -> None:
    revision = browser.get("/api/cameras/street").json()["revision"]
    assert browser.put(SETUP, drawing("First", revision=revision)).status_code == 200
    late = browser.put(SETUP, drawing("Second", revision=revision))
    assert late.status_code == 409
    assert "meanwhile" in late.json()["error"]["message"]
    assert len(node.saved) == 1


WRONG = [
    (drawing("A", "A"), "lines.1.name"),
    (drawing(" "), "lines.0.name"),
    (drawing("A\tB"), "lines.0.name"),
    (drawing("A\x00B"), "lines.0.name"),
    (drawing("evil \u202e"), "lines.0.name"),
    (drawing("x" * 61), "lines.0.name"),
    (drawing(*map(str, range(101))), "lines"),
    (drawing("A", extra=1), "extra"),
    ({"lines": [], "areas": []}, "ground"),
    ({"lines": [], "areas": [], "ground": 1}, "ground"),
    ({"lines": [{"name": "A", "from_px": [0, 0], "to_px": [0, 721]}]}, "lines.0.to_px"),
    ({"lines": [{"name": "A", "from_px": [-1, 0], "to_px": [0, 70]}]}, "lines.0.from_px"),
    ({"lines": [{"name": "A", "from_px": [5, 5], "to_px": [5, 5.5]}]}, "lines.0.to_px"),
    ({"lines": [{"name": "A", "from_px": [5], "to_px": [5, 5.5]}]}, "lines.0.from_px.1"),
    ({"lines": [{"name": "A", "from_px": ["a", 1], "to_px": [5, 5.5]}]}, "lines.0.from_px.0"),
    ({"areas": [{"name": "A", "corners_px": [[0, 0], [5, 5]]}]}, "areas.0.corners_px"),
    ({"areas": [{"name": "A", "corners_px": [[0, 0], [5, 5], [9, 9]]}]}, "areas.0.corners_px"),
    (
        {"areas": [{"name": "A", "corners_px": [[0, 0], [5, 0], [5, 900]]}]},
        "areas.0.corners_px.2",
    ),
    ({"ground": {"points": [{"x_px": 1, "y_px": 1, "x_m": 1, "y_m": 2}]}}, "ground.points"),
    ({"ground": {"points": [{"x_px": 1, "y_px": 1, "x_m": 1}] * 4}}, "ground.points.0"),
    (
        {"ground": {"points": [{"x_px": 1, "y_px": 1, "latitude_deg": 91, "longitude_deg": 0}]}},
        "ground.points.0.latitude_deg",
    ),
]


@pytest.mark.parametrize(("body", "path"), WRONG, ids=[path for _, path in WRONG])
def test_a_wrong_value_is_named_and_nothing_is_saved(
    browser: Browser, node: FakeNode, body: dict[str, object], path: str
) -> None:
    if path != "ground":
        body = {**drawing(), **body}
    answer = browser.put(SETUP, body)
    assert (answer.status_code, answer.json()["error"]["path"]) == (422, path)
    assert answer.json()["error"]["message"]
    assert not node.saved
    assert [entry.act for entry in node.journal.entries()] == ["journal.begin"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b"null", 422),
        (b'{"lines": [], "areas": [], "ground": NaN}', 422),
        (b" " * 300_000, 413),
    ],
)
def test_a_body_that_is_none_is_refused_in_one_sentence(
    browser: Browser, content: bytes, status: int
) -> None:
    headers = {"X-Placewatch": "console", "Content-Type": "application/json"}
    answer = browser.ask("PUT", SETUP, content=content, headers=headers)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    answer = browser.ask(
        "PUT", SETUP, content=content, headers={**headers, "Content-Type": "text/plain"}
    )
    assert answer.status_code == 415


def test_ground_points_are_checked_without_changing_anything(
    browser: Browser, node: FakeNode
) -> None:
    points = [{"x_px": 1, "y_px": 1, "latitude_deg": 59.4, "longitude_deg": 17.9}]
    check = browser.post("/api/cameras/street/ground", {"points": points}).json()
    assert check["usable"] is False
    check = browser.post("/api/cameras/street/ground", {"points": points * 4}).json()
    assert check["usable"] is True
    assert check["grid_px"] == [[[0.0, 0.0], [10.0, 0.0]]]
    assert len(list(node.journal.entries())) == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Misconfigured("a", "b"), 422),
        (Unavailable("a", "b"), 503),
        (Rejected("a", "b"), 400),
        (Refused("a", "b"), 403),
        (Corrupt("a", "b"), 503),
    ],
)
def test_each_of_the_five_errors_says_what_to_do(
    browser: Browser, node: FakeNode, error: PlacewatchError, status: int
) -> None:
    node.fails = error
    answer = browser.put(SETUP, drawing("A"))
    assert answer.status_code == status
    assert answer.json() == {"error": {"message": "a", "hint": "b", "path": None}}
    *_, entry = node.journal.entries()
    assert entry.details["failed"] == type(error).__name__


def test_built_files_are_kept_for_good_and_pages_are_asked_for_again(
    node: FakeNode, tmp_path: Path
) -> None:
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<title>placewatch</title>")
    (static / "assets" / "index-abc.js").write_text("let street;\n" * 1000)
    (static / ".secret").write_text("no")
    (tmp_path / "outside.txt").write_text("no")
    browser = Browser(node, static=static)

    script = browser.get("/assets/index-abc.js")
    assert "immutable" in script.headers["cache-control"]
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["content-encoding"] == "gzip"
    assert script.text.startswith("let street;")
    known = {"If-None-Match": script.headers["etag"]}
    assert browser.get("/assets/index-abc.js", headers=known).status_code == 304
    plain = browser.get("/assets/index-abc.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers

    for path in ("/", "/cameras/street", "/.secret", "/../outside.txt", "/%2e%2e/outside.txt"):
        page = browser.get(path)
        assert (page.status_code, page.text) == (200, "<title>placewatch</title>")
        assert page.headers["cache-control"] == "no-cache"
    assert browser.ask("HEAD", "/").status_code == 200
    assert browser.get("/assets/index-old.js").status_code == 404
    assert browser.get("/api/nothing").json()["error"]["message"]

    (static / "index.html").write_text("<title>built anew</title>")
    assert browser.get("/", headers=known).text == "<title>built anew</title>"


def test_a_console_that_was_not_built_says_so_on_a_page(node: FakeNode, tmp_path: Path) -> None:
    browser = Browser(node, static=tmp_path / "nothing")
    page = browser.get("/")
    assert page.status_code == 503
    assert "The console was not built" in page.text
    assert browser.get("/api/site").status_code == 200


def test_every_answer_tells_the_browser_to_trust_nothing_else(browser: Browser) -> None:
    for path in ("/", "/api/site", "/api/nothing", "/api/cameras/street/backdrop.jpg"):
        headers = browser.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in headers
    assert browser.get("/api/site").headers["cache-control"] == "no-store"


def test_a_method_that_a_route_does_not_have_is_refused(browser: Browser) -> None:
    for method in ("PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        answer = browser.ask(method, "/api/site")
        assert answer.status_code in (404, 405)
        assert json.loads(answer.content)["error"]["message"]


def test_a_bug_is_told_as_one_sentence_without_its_innards(
    browser: Browser, node: FakeNode
) -> None:
    def site() -> SiteView:
        raise RuntimeError("secret innards")

    node.site = site  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="secret innards"):  # it goes on, to the node's log
        browser.get("/api/site")
    browser.raises = False
    answer = browser.get("/api/site")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "mistake" in answer.json()["error"]["message"]
