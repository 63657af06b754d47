"""Acts: who does what with the network's powers: roles, actors, users, and the form of an act."""

from dataclasses import dataclass, field
from enum import StrEnum

from placewatch.core.time import UtcMicros


class Role(StrEnum):
    """What somebody may do. `technician` and `operator` both see; neither includes the other."""

    ANYONE = "anyone"  # without a sign-in
    VIEWER = "viewer"  # sees
    TECHNICIAN = "technician"  # also sets cameras up
    OPERATOR = "operator"  # also handles incidents
    NODE = "node"  # the machine itself, by nobody's hand

    def may(self, needed: "Role") -> bool:
        """Whether this role suffices where `needed` is asked for."""
        if needed is Role.ANYONE:
            return True
        if needed is Role.VIEWER:
            return self in STAFF
        return self is needed


STAFF = (Role.VIEWER, Role.TECHNICIAN, Role.OPERATOR)
"""The roles that a user can have."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `name` is a user's handle, or one of those below; it stands in the journal."""

    name: str
    role: Role


NODE = Actor("node", Role.NODE)
NOBODY = Actor("anyone", Role.ANYONE)
LOOPBACK = Actor("loopback", Role.TECHNICIAN)
"""Whoever sits at the machine, on a console that asks for no sign-in."""
SHELL = Actor("shell", Role.TECHNICIAN)
"""Whoever runs a command on the machine."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that can be done with a node, and who may do it.

    `name` is `noun.verb`. `where` is the route (`PUT /api/site`) or the command (`user add`).
    `journalled`: it is written to the journal before it happens. `meaning` says it in a line.
    """

    name: str
    where: str
    role: Role
    journalled: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in. `name` is a handle such as `road-desk-2`, not a person's name:
    it stands in the journal, which is made to be published. `password_hash` is Argon2's."""

    name: str
    role: Role
    password_hash: str = field(repr=False)
    since: UtcMicros
