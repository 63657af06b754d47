"""Whatever is sent, the console answers with a sentence and never with its own mistake."""

import json
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.console.browser import SETUP, Browser, drawing
from tests.console.fake_node import FakeNode

# One console for all examples: it is the answers that vary.
FUZZ = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

numbers = st.one_of(
    st.integers(), st.floats(), st.sampled_from([0, 720, 1280, 1e308, -0.0, 10**400])
)
scalars = st.one_of(st.none(), st.booleans(), numbers, st.text())
anything = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)
pixels = st.lists(numbers, min_size=0, max_size=3)
lines = st.fixed_dictionaries(
    {}, optional={"name": scalars, "from_px": pixels, "to_px": pixels, "x": scalars}
)
areas = st.fixed_dictionaries(
    {}, optional={"name": scalars, "corners_px": st.lists(pixels, max_size=5)}
)
points = st.fixed_dictionaries(
    {},
    optional={
        key: numbers | st.none()
        for key in ("x_px", "y_px", "x_m", "y_m", "latitude_deg", "longitude_deg")
    },
)
setups = st.fixed_dictionaries(
    {},
    optional={
        "lines": st.lists(lines, max_size=4) | anything,
        "areas": st.lists(areas, max_size=3) | anything,
        "ground": st.none() | st.fixed_dictionaries({"points": st.lists(points)}) | anything,
        "revision": scalars,
    },
)


@pytest.fixture(scope="module")
def console() -> Browser:
    return Browser(FakeNode(Path(tempfile.mkdtemp())))


@FUZZ
@given(body=setups | anything)
def test_any_setup_is_saved_or_refused(console: Browser, body: Any) -> None:
    answer = send(console, "PUT", SETUP, json.dumps(body).encode())
    assert answer in (200, 400, 409, 422)


@FUZZ
@given(body=st.fixed_dictionaries({"points": st.lists(points, max_size=6)}) | anything)
def test_any_ground_is_checked_or_refused(console: Browser, body: Any) -> None:
    answer = send(console, "POST", "/api/cameras/street/ground", json.dumps(body).encode())
    assert answer in (200, 400, 422)


@FUZZ
@given(body=st.binary(max_size=200))
def test_any_bytes_are_refused(console: Browser, body: bytes) -> None:
    assert send(console, "PUT", SETUP, body) in (400, 422)


@FUZZ
@given(name=st.text(max_size=70))
def test_any_name_that_is_taken_is_shown_as_it_was_drawn(console: Browser, name: str) -> None:
    if send(console, "PUT", SETUP, json.dumps(drawing(name)).encode()) == 200:
        [line] = console.get("/api/cameras/street").json()["lines"]
        assert line["name"] == name.strip()
        assert line["name"].isprintable() or not line["name"].isascii()


@FUZZ
@given(
    path=st.text(max_size=60),
    query=st.dictionaries(st.sampled_from(["hours", "step_min", "camera"]), st.text(max_size=8)),
)
def test_any_path_is_answered(console: Browser, path: str, query: dict[str, str]) -> None:
    for start in ("/", "/api/", "/api/cameras/", "/assets/"):
        answer = console.get(start + quoted(path), params=query)
        assert answer.status_code in (200, 304, 404, 405, 422, 503)
    for deed in ("profile", "health"):
        answer = console.get(f"/api/cameras/street/{deed}", params=query)
        assert answer.status_code in (200, 422)


@FUZZ
@given(user=anything, password=anything)
def test_any_sign_in_is_refused(console: Browser, user: Any, password: Any) -> None:
    body = json.dumps({"user": user, "password": password}).encode()
    assert send(console, "POST", "/api/session", body) in (400, 401, 422, 429)


def send(console: Browser, method: str, path: str, body: bytes) -> int:
    """The status of the answer, which tells in the one form what is wrong."""
    headers = {"X-Placewatch": "console", "Content-Type": "application/json"}
    answer = console.ask(method, path, content=body, headers=headers)
    if answer.status_code != 200:
        error = answer.json()["error"]
        assert error.keys() == {"message", "hint", "path"}
        assert error["message"]
    return answer.status_code


def quoted(path: str) -> str:
    return quote(path.encode("utf-8", "replace"))
