"""Errors: five, each named by what its reader should do.

PlacewatchError
├── Misconfigured   fix it: a setting, a file, an argument is wrong (exit status 2)
├── Unavailable     wait: something outside is away and may come back
├── Rejected        drop it: one item from outside is damaged, the rest goes on
├── Refused         explain: the rules do not allow it, and the person is told why
└── Corrupt         stop: what we stored ourselves does not check out any more
"""


class PlacewatchError(Exception):
    """What happened, with names and numbers; `hint` says what to try."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class Misconfigured(PlacewatchError):
    """A person must change a setting, a file or an argument."""


class Unavailable(PlacewatchError):
    """Something outside is away and may come back."""


class Rejected(PlacewatchError):
    """One item from outside is damaged; it is dropped and counted."""


class Refused(PlacewatchError):
    """The rules do not allow it; the person who asked is told why."""


class Corrupt(PlacewatchError):
    """What we stored ourselves does not check out; nothing is written over it."""
