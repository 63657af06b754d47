"""Everything that can be done is in one table, and is written down before it is done."""

import importlib
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import typer.main
from fastapi import FastAPI
from tests.console.browser import SETUP, Browser, drawing
from tests.console.fake_node import FakeNode

from placewatch.console.app import create_app, routes_of, undeclared
from placewatch.core.acts import LOOPBACK, STAFF, Act, Actor, Role
from placewatch.core.errors import Refused
from placewatch.core.time import SystemClock
from placewatch.node import acts
from placewatch.node.acts import ACTS, act_at, perform
from placewatch.register.journal import Journal, read

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")


@pytest.fixture
def app(node: FakeNode) -> FastAPI:
    return create_app(node, require_sign_in=False, allowed_hosts=None)


def declared_routes() -> set[str]:
    return {act.where for act in ACTS if act.where.startswith(METHODS)}


def declared_commands() -> set[str]:
    return {act.where for act in ACTS if not act.where.startswith(METHODS)}


def test_every_route_of_the_console_is_in_the_table_and_the_other_way_round(app: FastAPI) -> None:
    assert undeclared(app) == []
    assert set(routes_of(app)) == declared_routes()


def test_a_route_that_is_not_in_the_table_is_noticed_and_answers_nobody(node: FakeNode) -> None:
    browser = Browser(node)

    def secret() -> str:
        return "secret"

    # Before the page that answers every other path.
    browser.app.add_api_route("/api/secret", secret, methods=["GET", "DELETE"])
    browser.app.router.routes.insert(0, browser.app.router.routes.pop())
    browser.app.mount("/api/all", FastAPI())
    assert "GET /api/secret" in undeclared(browser.app)
    assert "DELETE /api/secret" in undeclared(browser.app)
    assert "Mount /api/all" in undeclared(browser.app)
    answer = browser.get("/api/secret")
    assert (answer.status_code, "secret" in answer.text) == (403, False)


def commands_of(app: typer.Typer) -> set[str]:
    """Every command of a typer app, as it is typed."""
    return _walk(typer.main.get_command(app), "")


def _walk(command: object, typed: str) -> set[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        return {typed}
    return {
        found for name, part in inner.items() for found in _walk(part, f"{typed} {name}".strip())
    }


def test_every_command_is_in_the_table_and_the_other_way_round() -> None:
    try:
        cli = importlib.import_module("placewatch.cli")
    except ModuleNotFoundError:
        pytest.skip("there is no command line yet")
    assert commands_of(cli.app) == declared_commands()


def test_a_command_that_is_not_in_the_table_is_noticed() -> None:
    app, inner = typer.Typer(), typer.Typer()
    app.command("watch")(lambda: None)
    inner.command("burn")(lambda: None)
    app.add_typer(inner, name="facts")
    assert commands_of(app) - declared_commands() == {"facts burn"}


def test_the_table_says_of_each_act_what_it_means() -> None:
    for act in ACTS:
        assert act.meaning.endswith("."), act
        assert act.name.count(".") == 1, act
        # What changes something is an act, unless it says that it changes nothing.
        if act.where.startswith(("PUT", "POST", "DELETE", "PATCH")):
            assert act.journalled or "changes nothing" in act.meaning, act


def test_every_act_of_the_table_is_performed_somewhere() -> None:
    package = Path(acts.__file__).parents[1]
    sources = [path for path in package.rglob("*.py") if path != Path(acts.__file__)]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    assert [act.name for act in ACTS if act.journalled and f'"{act.name}"' not in code] == []


def test_no_role_includes_what_it_was_not_given() -> None:
    may = {(role, needed) for role in Role for needed in (Role.ANYONE, *STAFF) if role.may(needed)}
    assert may == (
        {(role, Role.ANYONE) for role in Role}
        | {(role, Role.VIEWER) for role in STAFF}
        | {(Role.TECHNICIAN, Role.TECHNICIAN), (Role.OPERATOR, Role.OPERATOR)}
    )


def test_a_deed_is_done_after_it_is_written(node: FakeNode) -> None:
    seen: list[str] = []

    def deed() -> str:
        seen.extend(entry.act for entry in read(node.journal.path))
        return "done"

    assert perform(node.journal, LOOPBACK, "setup.put", {"lines": 1}, deed) == "done"
    assert seen == ["journal.begin", "setup.put"]


def test_a_deed_that_fails_keeps_its_entry_and_says_so(node: FakeNode) -> None:
    def deed() -> None:
        raise OSError("/secret/path")

    with pytest.raises(OSError, match="/secret/path"):
        perform(node.journal, LOOPBACK, "setup.put", {"lines": 1}, deed)
    _, first, second = node.journal.entries()
    assert first.details == {"lines": 1}
    assert second.details == {"failed": "OSError", "of": first.index}
    assert "/secret/path" not in node.journal.path.read_text()


def test_a_deed_that_is_not_allowed_is_not_done_but_written(node: FakeNode) -> None:
    done: list[int] = []
    with pytest.raises(Refused, match="technician"):
        perform(node.journal, Actor("eva", Role.OPERATOR), "setup.put", {}, lambda: done.append(1))
    assert not done
    *_, entry = node.journal.entries()
    assert (entry.actor, entry.details) == ("eva", {"refused": "needs the role technician"})


def test_without_a_journal_nothing_is_done(node: FakeNode) -> None:
    done: list[int] = []
    node.journal.path.unlink()
    with pytest.raises(Refused, match="cannot be written, so nothing may be done"):
        perform(node.journal, LOOPBACK, "setup.put", {}, lambda: done.append(1))
    assert not done


def test_an_act_that_is_not_journalled_is_never_performed(node: FakeNode) -> None:
    with pytest.raises(AssertionError):
        perform(node.journal, LOOPBACK, "site.get", {}, lambda: None)
    with pytest.raises(KeyError):
        perform(node.journal, LOOPBACK, "street.burn", {}, lambda: None)
    assert act_at("GET /api/burn") is None


JOURNALLED_ROUTES = [act for act in ACTS if act.journalled and act.where.startswith(METHODS)]
BODIES = {
    "setup.put": drawing("A"),
    "links.put": {"links": [{"name": "A", "through": ["B", "C"]}]},
    "session.begin": {"user": "technician", "password": "four random words here"},
    "session.end": None,
}


@pytest.mark.parametrize("how", ["deleted", "replaced", "altered", "shortened", "full", "unsynced"])
@pytest.mark.parametrize("act", JOURNALLED_ROUTES, ids=lambda act: act.name)
def test_no_route_acts_when_its_act_cannot_be_written(
    guarded: FakeNode, act: Act, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(guarded)
    assert browser.sign_in("technician").status_code == 200
    if act.name == "session.begin":
        browser.cookies.clear()
    path = guarded.journal.path
    content = path.read_bytes()
    if how == "deleted":
        path.unlink()
    elif how == "replaced":
        path.rename(path.with_suffix(".old"))
        path.write_bytes(content)
    elif how == "altered":
        path.write_bytes(content.replace(b'"technician"', b'"teknician"'))
    elif how == "shortened":
        path.write_bytes(content[:-10])
    else:
        broken = {"full": "write", "unsynced": "fsync"}[how]

        def fail(*_: object) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, broken, fail)

    method, _, place = act.where.partition(" ")
    answer = browser.ask(method, place.replace("{id}", "street"), json=BODIES[act.name])
    assert answer.status_code == 403
    assert "nothing may be done" in answer.json()["error"]["message"]
    assert not guarded.saved
    assert guarded.linked == ()
    assert "set-cookie" not in answer.headers
    seen = browser.get("/api/site").status_code
    assert seen == (401 if act.name == "session.begin" else 200)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_node_killed_at_its_deed_has_written_it_and_starts_again(
    tmp_path: Path, moment: str
) -> None:
    program = textwrap.dedent(
        """
        import os, signal, sys
        from pathlib import Path
        from placewatch.core.acts import LOOPBACK
        from placewatch.core.time import SystemClock
        from placewatch.node.acts import perform
        from placewatch.register.journal import Journal

        folder = Path(sys.argv[1])
        def deed():
            if sys.argv[2] == "after":
                (folder / "done").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        perform(Journal(folder / "j", SystemClock()), LOOPBACK, "setup.put", {"lines": 3}, deed)
        """
    )
    killed = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), moment], timeout=60, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "done").exists() is (moment == "after")
    journal = Journal(tmp_path / "j", SystemClock())
    assert journal.torn is None
    _, entry = journal.entries()
    assert (entry.act, entry.details) == ("setup.put", {"lines": 3})
    journal.append(LOOPBACK, "setup.put", {})
    assert journal.verify() == 3
    journal.close()


def test_the_setup_page_cannot_save_what_the_journal_does_not_have(node: FakeNode) -> None:
    browser = Browser(node)
    node.fails = RuntimeError("the power of the disk went")
    browser.raises = False
    assert browser.put(SETUP, drawing("A")).status_code == 500
    _, first, second = node.journal.entries()
    assert second.details == {"failed": "RuntimeError", "of": first.index}
