"""Who may sign in is changed by commands, and each is an act."""

import asyncio
import fcntl
from pathlib import Path

import pytest
from tests.console.fake_node import PASSWORD

from placewatch.console.signin import SignIn
from placewatch.console.users import add_user, list_users, remove_user
from placewatch.core.errors import Corrupt, Misconfigured, Refused
from placewatch.core.time import SimulatedClock
from placewatch.node.users import LedgerUsers
from placewatch.register.journal import Journal, read
from placewatch.store.ledger import Ledger


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "placewatch.toml"
    path.write_text('site = "Kista"\ndata = "data"\n')
    return path


def acts_of(config: Path) -> list[tuple[str, str, object]]:
    _, *entries = read(config.parent / "data" / "journal")
    return [(entry.act, entry.actor, entry.details) for entry in entries]


def names_of(config: Path) -> list[str]:
    return [line.split()[0] for line in list_users(config)]


def test_a_user_is_added_listed_and_removed(config: Path) -> None:
    add_user(config, "road-desk-2", "technician", PASSWORD)
    add_user(config, "eva", "viewer", PASSWORD)
    assert names_of(config) == ["eva", "road-desk-2"]
    remove_user(config, "eva")
    assert names_of(config) == ["road-desk-2"]
    assert acts_of(config) == [
        ("user.add", "shell", {"user": "road-desk-2", "role": "technician"}),
        ("user.add", "shell", {"user": "eva", "role": "viewer"}),
        ("user.remove", "shell", {"user": "eva"}),
    ]
    assert PASSWORD.encode() not in b"".join(
        path.read_bytes() for path in (config.parent / "data").iterdir()
    )


def test_a_name_means_one_user_for_ever(config: Path) -> None:
    add_user(config, "eva", "viewer", PASSWORD)
    with pytest.raises(Misconfigured, match="already"):
        add_user(config, "eva", "technician", "another long password")
    remove_user(config, "eva")
    with pytest.raises(Misconfigured):
        add_user(config, "eva", "technician", "another long password")
    with pytest.raises(Misconfigured, match="no user"):
        remove_user(config, "adam")


def test_nobody_is_added_when_it_cannot_be_written_down(config: Path) -> None:
    add_user(config, "eva", "viewer", PASSWORD)
    journal = config.parent / "data" / "journal"
    content = journal.read_bytes()
    journal.write_bytes(content + b'{"a line":"of nobody"}\n')
    with pytest.raises(Corrupt, match="altered"):
        add_user(config, "adam", "technician", PASSWORD)
    journal.write_bytes(content)
    with journal.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Refused, match="nothing may be done"):
            add_user(config, "adam", "technician", PASSWORD)
    assert names_of(config) == ["eva"]


def test_a_password_that_is_too_short_leaves_no_trace(config: Path) -> None:
    with pytest.raises(Misconfigured):
        add_user(config, "eva", "viewer", "short")
    assert not list_users(config)
    assert acts_of(config) == []


async def signed_in(config: Path, name: str, password: str) -> str:
    """The role in which somebody is let in by the node's own ledger."""
    folder = config.parent / "data"
    ledger, clock = Ledger.in_folder(folder), SimulatedClock()
    journal = Journal(folder / "journal", clock)
    try:
        door = SignIn(LedgerUsers(ledger), clock, journal, demanded=True)
        token, _ = await door.begin(name, password, "127.0.0.1")
        return door.actor(token).role
    finally:
        journal.close()
        ledger.close()


def test_whoever_was_added_by_the_command_can_sign_in(config: Path) -> None:
    add_user(config, "eva", "operator", PASSWORD)
    assert asyncio.run(signed_in(config, "eva", PASSWORD)) == "operator"
