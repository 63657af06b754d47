"""Users: the commands that say who may sign in."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from placewatch.console.signin import new_user
from placewatch.core.acts import SHELL
from placewatch.core.time import SystemClock, rfc3339
from placewatch.node import config as settings
from placewatch.node.acts import perform
from placewatch.node.users import LedgerUsers
from placewatch.register.journal import Journal
from placewatch.store.ledger import Ledger


def add_user(config: Path, name: str, role: str, password: str) -> None:
    """Lets somebody sign in; it holds at once, also for a node that runs."""
    user = new_user(name, role, password, SystemClock().utc())
    with _opened(config) as (users, journal):
        perform(journal, SHELL, "user.add", {"user": name, "role": role}, lambda: users.add(user))


def list_users(config: Path) -> list[str]:
    """A line for everybody who may sign in."""
    with _opened(config) as (users, _):
        return [f"{user.name}  {user.role}  since {rfc3339(user.since)}" for user in users.all()]


def remove_user(config: Path, name: str) -> None:
    """Lets somebody sign in no more; it ends their sessions, and their acts stay journalled."""
    with _opened(config) as (users, journal):
        perform(journal, SHELL, "user.remove", {"user": name}, lambda: users.remove(name))


@contextlib.contextmanager
def _opened(config: Path) -> Iterator[tuple[LedgerUsers, Journal]]:
    folder = config.parent / settings.load(config).data
    ledger = Ledger.in_folder(folder)
    try:
        journal = Journal(folder / "journal", SystemClock())
        try:
            yield LedgerUsers(ledger), journal
        finally:
            journal.close()
    finally:
        ledger.close()
