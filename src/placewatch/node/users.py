"""Users: who may sign in to a node's console, kept in its ledger."""

from collections.abc import Sequence

from placewatch.core.acts import Role, User
from placewatch.core.errors import Misconfigured
from placewatch.store.ledger import Ledger
from placewatch.store.ledger import User as Row


class LedgerUsers:
    """The users of a ledger. What is changed holds at once, in every process."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def get(self, name: str) -> User | None:
        """The user of that name, None where there is none, or none any more."""
        row = self._ledger.user(name)
        return None if row is None or row.disabled else _user(row)

    def all(self) -> Sequence[User]:
        """Everybody who may sign in, by name."""
        return [_user(row) for row in self._ledger.users() if not row.disabled]

    def add(self, user: User) -> None:
        """Lets `user` sign in. Raises Misconfigured where the name is taken, also in the past:
        a name in the journal means one account for ever."""
        self._ledger.add_user(Row(user.name, user.password_hash, user.role.value, user.since))

    def remove(self, name: str) -> None:
        """Lets nobody sign in by `name` any more. Raises Misconfigured where nobody could."""
        if self.get(name) is None:
            raise Misconfigured(f'there is no user "{name}"', hint="placewatch user list")
        self._ledger.set_user(name, disabled=True)


def _user(row: Row) -> User:
    return User(row.name, Role(row.role), row.password_hash, row.created_at)
