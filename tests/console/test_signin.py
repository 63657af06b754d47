"""Who may come in, what they may do, and for how long."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.console.browser import OUR_PAGE, SETUP, Browser, drawing
from tests.console.fake_node import AT, PASSWORD, FakeNode, user, users

from placewatch.console import signin
from placewatch.console.signin import Failures, new_user
from placewatch.core.acts import Role
from placewatch.core.errors import Misconfigured
from placewatch.core.time import SimulatedClock

READS = [
    "/api/site",
    "/api/cameras/street",
    "/api/cameras/street/backdrop.jpg",
    "/api/cameras/street/profile",
    "/api/cameras/street/health",
    "/api/events",
]


def acts_of(node: FakeNode) -> list[tuple[str, str, str]]:
    """The journal as (act, actor, refused or failed), without its begin."""
    return [
        (
            entry.act,
            entry.actor,
            str(entry.details.get("refused") or entry.details.get("failed", "")),
        )
        for entry in list(node.journal.entries())[1:]
    ]


def test_on_the_machine_itself_nobody_signs_in_until_there_is_a_user(
    browser: Browser, node: FakeNode
) -> None:
    session = browser.get("/api/session").json()
    assert session == {"required": False, "user": None, "role": "technician"}
    assert browser.get("/api/site").status_code == 200

    node.users.users["desk"] = user("desk", Role.VIEWER)
    session = browser.get("/api/session").json()
    assert session == {"required": True, "user": None, "role": None}
    assert browser.get("/api/site").status_code == 401


@pytest.mark.parametrize("path", READS)
def test_where_a_sign_in_is_demanded_nothing_is_shown_without(node: FakeNode, path: str) -> None:
    answer = Browser(node, demanded=True).get(path)
    assert answer.status_code == 401
    assert answer.json()["error"]["message"] == "nobody is signed in"


def test_whoever_is_not_signed_in_is_not_even_told_what_is_wrong_with_a_body(
    guarded: FakeNode,
) -> None:
    browser = Browser(guarded)
    assert browser.put(SETUP, {"nonsense": 1}).status_code == 401
    assert browser.put("/api/cameras/nowhere/setup", {}).status_code == 401


@pytest.mark.parametrize("role", [Role.VIEWER, Role.TECHNICIAN, Role.OPERATOR])
def test_each_role_sees_and_only_a_technician_sets_up(
    sign_in: Callable[[Role], Browser], guarded: FakeNode, role: Role
) -> None:
    browser = sign_in(role)
    assert browser.get("/api/session").json() == {"required": True, "user": role, "role": role}
    for path in READS[:-1]:
        assert browser.get(path).status_code == 200

    answer = browser.put(SETUP, drawing("A"))
    if role is Role.TECHNICIAN:
        assert answer.status_code == 200
        assert acts_of(guarded)[-1] == ("setup.put", role, "")
    else:
        assert answer.status_code == 403
        assert "technician" in answer.json()["error"]["message"]
        assert not guarded.saved
        assert acts_of(guarded)[-1] == ("setup.put", role, "needs the role technician")


def test_what_somebody_wrote_into_an_address_does_not_get_into_the_journal(
    sign_in: Callable[[Role], Browser], guarded: FakeNode
) -> None:
    browser = sign_in(Role.VIEWER)
    for camera in ("street", "eva-lives-in-number-5", "x" * 9000):
        assert browser.put(f"/api/cameras/{camera}/setup", {}).status_code == 403
    cameras = [entry.camera for entry in guarded.journal.entries()]
    assert cameras == [None, None, "street", None, None]


def test_the_cookie_is_out_of_reach_of_scripts_and_other_pages(guarded: FakeNode) -> None:
    cookie = Browser(guarded).sign_in(Role.VIEWER).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    far = Browser(guarded, base="https://127.0.0.1")
    cookie = far.sign_in(Role.VIEWER).headers["set-cookie"]
    assert cookie.startswith("__Host-placewatch=")
    assert "Secure" in cookie.split("; ")
    assert far.get("/api/site").status_code == 200


def test_whoever_signs_out_is_out(sign_in: Callable[[Role], Browser], guarded: FakeNode) -> None:
    browser = sign_in(Role.VIEWER)
    kept = dict(browser.cookies)
    session = browser.ask("DELETE", "/api/session").json()
    assert session == {"required": True, "user": None, "role": None}
    browser.cookies.update(kept)  # a cookie that was copied is worth nothing any more
    assert browser.get("/api/site").status_code == 401
    assert acts_of(guarded) == [("session.begin", "viewer", ""), ("session.end", "viewer", "")]


def test_a_shift_is_twelve_hours(tmp_path: Path) -> None:
    clock = SimulatedClock()
    browser = Browser(FakeNode(tmp_path, users(), clock))
    browser.sign_in(Role.VIEWER)
    clock.sleep(12 * 3600 - 1)
    assert browser.get("/api/site").status_code == 200
    clock.sleep(2)
    assert browser.get("/api/site").status_code == 401


def test_what_is_changed_of_a_user_holds_at_once(
    sign_in: Callable[[Role], Browser], guarded: FakeNode
) -> None:
    browser = sign_in(Role.VIEWER)
    old = guarded.users.users["viewer"]
    changed = type(old)(old.name, Role.TECHNICIAN, old.password_hash, old.since)
    guarded.users.users["viewer"] = changed
    assert browser.get("/api/session").json()["role"] == "technician"
    guarded.users.users["viewer"] = user("viewer", Role.VIEWER)  # a new password
    assert browser.get("/api/site").status_code == 401
    browser.sign_in("viewer")
    del guarded.users.users["viewer"]
    assert browser.get("/api/site").status_code == 401


@pytest.mark.parametrize(
    ("name", "password", "actor"),
    [
        ("viewer", "wrong", "viewer"),
        ("nobody of that name", PASSWORD, "anyone"),
        (PASSWORD, "viewer", "anyone"),
        ("viewer", "\ud800", "viewer"),
        ("", "", "anyone"),
    ],
)
def test_a_refused_sign_in_says_nothing_about_which_part_was_wrong(
    guarded: FakeNode, name: str, password: str, actor: str
) -> None:
    content = b'{"user": %s, "password": %s}' % (json_of(name), json_of(password))
    answer = Browser(guarded).ask(
        "POST",
        "/api/session",
        content=content,
        headers={**OUR_PAGE, "Content-Type": "application/json"},
    )
    if password == "\ud800":
        assert answer.status_code in (400, 401, 422)
        return
    assert answer.status_code == 401
    assert answer.json()["error"]["message"] == "the name or the password is wrong"
    assert "set-cookie" not in answer.headers
    assert acts_of(guarded) == [("session.begin", actor, "wrong name or password")]
    # What was typed may be a password: the journal cannot be unwritten.
    assert PASSWORD not in guarded.journal.path.read_text()


def test_a_guesser_waits_longer_and_longer_and_the_journal_does_not_fill(tmp_path: Path) -> None:
    clock = SimulatedClock()
    node = FakeNode(tmp_path, users(), clock)
    browser = Browser(node)
    answers = [browser.sign_in("viewer", "guess") for _ in range(20)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 15
    assert answers[-1].headers["retry-after"] == "1"
    assert len(acts_of(node)) == 5
    assert browser.sign_in("viewer").status_code == 429  # also with the right password
    clock.sleep(1.1)
    assert browser.sign_in("viewer", "guess").status_code == 401
    assert browser.sign_in("viewer").headers["retry-after"] == "2"
    clock.sleep(2.1)
    assert browser.sign_in("viewer").status_code == 200


def test_nobody_is_shut_out_for_long_by_somebody_elses_guesses(tmp_path: Path) -> None:
    clock = SimulatedClock()
    node = FakeNode(tmp_path, users(), clock)
    app = Browser(node).app
    for number in range(40):
        guesser = Browser(node, app=app, address=f"192.0.2.{number}")
        while guesser.sign_in("viewer", "guess").status_code == 429:
            clock.sleep(10)
    clock.sleep(signin.NAME_WAIT_S_MAX)
    assert Browser(node, app=app, address="198.51.100.1").sign_in("viewer").status_code == 200


def test_one_customers_many_ipv6_addresses_count_as_one(tmp_path: Path) -> None:
    node = FakeNode(tmp_path, users(), SimulatedClock())
    app = Browser(node).app
    codes = [
        Browser(node, app=app, address=f"2001:db8::{n}").sign_in(f"{n}", "x").status_code
        for n in range(7)
    ]
    assert codes == [401] * 5 + [429] * 2


def test_old_failures_are_forgotten_and_memory_is_bounded() -> None:
    clock = SimulatedClock()
    failures = Failures(clock, 60.0)
    for _ in range(30):
        failures.add("a")
    assert failures.wait_s("a") == 60.0
    clock.sleep(signin.FORGET_S + 1)
    failures.add("a")
    assert failures.wait_s("a") == 0.0
    for number in range(Failures.KEPT + 10):
        failures.add(str(number))
    assert len(failures._met) == Failures.KEPT


@pytest.mark.parametrize(
    ("name", "role", "password"),
    [
        ("", "viewer", PASSWORD),
        ("x" * 61, "viewer", PASSWORD),
        ("a\nb", "viewer", PASSWORD),
        (" a", "viewer", PASSWORD),
        ("a", "anyone", PASSWORD),
        ("a", "node", PASSWORD),
        ("shell", "viewer", PASSWORD),
        ("a", "admin", PASSWORD),
        ("a", "viewer", "short"),
        ("a-long-name", "viewer", "a-long-name"),
        ("a", "viewer", "x" * 1025),
    ],
)
def test_what_cannot_be_a_user_is_refused_with_a_hint(name: str, role: str, password: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        new_user(name, role, password, AT)
    assert refused.value.hint
    assert password not in str(refused.value) or password in ("short",)


def test_a_users_password_is_kept_as_a_slow_hash_only() -> None:
    made = new_user("desk-2", "operator", PASSWORD, AT)
    assert (made.name, made.role) == ("desk-2", Role.OPERATOR)
    assert made.password_hash.startswith("$argon2id$v=19$m=65536,t=3")
    assert PASSWORD not in repr(made)
    assert "argon2" not in repr(made)


def json_of(text: str) -> bytes:
    """`text` as JSON, half characters too."""
    return json.dumps(text).encode()
