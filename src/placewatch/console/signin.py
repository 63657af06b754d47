"""Sign-in: who somebody is, for as long as they stay; refusals are counted, and slow down."""

import asyncio
import hashlib
import ipaddress
import math
import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from starlette.concurrency import run_in_threadpool

from placewatch.console.errors import Stop
from placewatch.core.acts import LOOPBACK, NOBODY, NODE, SHELL, STAFF, Actor, User
from placewatch.core.errors import Misconfigured
from placewatch.core.time import Clock, UtcMicros
from placewatch.node.acts import perform
from placewatch.register.journal import Journal

SESSION_S = 12 * 3600.0  # a shift; whoever works longer signs in again
SESSIONS_MAX = 1000
PASSWORD_MIN = 10  # characters; length is what counts (NIST SP 800-63B, section 3.1.1)
WAITING_MAX = 8  # sign-ins that queue for the one that is checked: each takes 64 MB for 0.1 s

FREE_FAILURES = 5  # typing errors cost nothing
NAME_WAIT_S_MAX = 60.0  # so that nobody can shut a colleague out for long
ADDRESS_WAIT_S_MAX = 900.0
FORGET_S = 3600.0

_HASHER = PasswordHasher()  # Argon2id, RFC 9106's second choice: 64 MB, 3 passes

# Checked where there is no such user, so that a refusal takes as long. Nobody knows its password.
_NOBODYS_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$BEoruXa+DennwCOV3vY58Q"
    "$n8+rQIAhRseA2HPLtbXUEO5AvKD11ysNCIRzdNWlev0"
)


class Users(Protocol):
    """Who may sign in. What is changed here holds at once, also for those who are signed in."""

    def get(self, name: str) -> User | None:
        """The user of that name, None where there is none, or none any more."""
        ...

    def all(self) -> Sequence[User]:
        """Everybody who may sign in."""
        ...


def new_user(name: str, role: str, password: str, since: UtcMicros) -> User:
    """A user with a fresh hash. Raises Misconfigured for what cannot be a name or a password."""
    if not (0 < len(name) <= 60 and name.isprintable() and name == name.strip()):
        raise Misconfigured(
            "a user's name has 1 to 60 characters", hint="use a handle such as road-desk-2"
        )
    if name in {actor.name for actor in (NODE, NOBODY, LOOPBACK, SHELL)}:
        raise Misconfigured(f'"{name}" is somebody else in the journal', hint="use another handle")
    if role not in STAFF:
        raise Misconfigured(f'there is no role "{role}"', hint=f"use one of {', '.join(STAFF)}")
    if len(password) < PASSWORD_MIN or password == name:
        raise Misconfigured(
            f"a password has {PASSWORD_MIN} characters or more", hint="four random words do well"
        )
    if len(password) > 1024:
        raise Misconfigured("the password has more than 1024 characters", hint="use fewer")
    return User(name, next(r for r in STAFF if r == role), _HASHER.hash(password), since)


@dataclass(frozen=True, slots=True)
class _Session:
    name: str
    password_hash: str  # a changed password ends all sessions
    ends_s: float


class SignIn:
    """The sessions of a console. They live in memory, and end with the process.

    `demanded`: also when there is no user yet, because the console is open to other machines.
    """

    def __init__(self, users: Users, clock: Clock, journal: Journal, *, demanded: bool) -> None:
        self._users = users
        self._clock = clock
        self._journal = journal
        self._demanded = demanded
        self._sessions: OrderedDict[bytes, _Session] = OrderedDict()
        self._lock = threading.Lock()
        self._names = Failures(clock, NAME_WAIT_S_MAX)
        self._addresses = Failures(clock, ADDRESS_WAIT_S_MAX)
        self._checking = asyncio.Semaphore(1)
        self._waiting = 0

    def required(self) -> bool:
        """Whether somebody must sign in before they see anything."""
        return self._demanded or bool(self._users.all())

    def actor(self, token: str | None) -> Actor:
        """Who comes with this cookie: a user, NOBODY, or LOOPBACK where no sign-in is required."""
        session = None
        if token:
            with self._lock:
                session = self._sessions.get(_key(token))
        if session is not None and self._clock.monotonic_s() < session.ends_s:
            user = self._users.get(session.name)
            if user is not None and user.password_hash == session.password_hash:
                return Actor(user.name, user.role)
        return NOBODY if self.required() else LOOPBACK

    async def begin(self, name: str, password: str, address: str) -> tuple[str, Actor]:
        """A new session's token, and whose it is. Raises Stop when it is refused."""
        network = _network(address)
        wait_s = max(self._names.wait_s(name), self._addresses.wait_s(network))
        if wait_s > 0:
            whole_s = math.ceil(wait_s)
            raise Stop(429, "too many sign-ins were refused", f"try again in {whole_s} s", whole_s)
        if self._waiting >= WAITING_MAX:
            raise Stop(503, "too many people sign in at once", "try again in a moment", 5)
        self._waiting += 1
        try:
            async with self._checking:
                return await run_in_threadpool(self._begin, name, password, network)
        finally:
            self._waiting -= 1

    def end(self, token: str | None) -> None:
        """Ends a session, if it is one."""
        actor = self.actor(token)
        if token and actor not in (NOBODY, LOOPBACK):
            perform(self._journal, actor, "session.end", {}, lambda: self._forget(token))

    def _begin(self, name: str, password: str, network: str) -> tuple[str, Actor]:
        user = self._users.get(name)
        if not _fits(password, user.password_hash if user else _NOBODYS_HASH) or user is None:
            self._names.add(name)
            self._addresses.add(network)
            # What was typed is not written: it may be a password in the wrong field.
            actor = Actor(user.name, NOBODY.role) if user else NOBODY
            self._journal.append(actor, "session.begin", {"refused": "wrong name or password"})
            raise Stop(401, "the name or the password is wrong", "check both, and try again")

        actor = Actor(user.name, user.role)
        token = secrets.token_urlsafe(32)
        session = _Session(user.name, user.password_hash, self._clock.monotonic_s() + SESSION_S)
        perform(self._journal, actor, "session.begin", {}, lambda: self._remember(token, session))
        self._names.forget(name)
        return token, actor

    def _remember(self, token: str, session: _Session) -> None:
        now_s = self._clock.monotonic_s()
        with self._lock:
            while self._sessions and (
                len(self._sessions) >= SESSIONS_MAX
                or next(iter(self._sessions.values())).ends_s <= now_s
            ):
                self._sessions.popitem(last=False)  # in order of their end
            self._sessions[_key(token)] = session

    def _forget(self, token: str) -> None:
        with self._lock:
            self._sessions.pop(_key(token), None)


class Failures:
    """How long to wait after so many refusals of one name or one address: 1, 2, 4 ... seconds.

    It remembers the last `KEPT` of them, in memory only.
    """

    KEPT = 10_000

    def __init__(self, clock: Clock, wait_s_max: float) -> None:
        self._clock = clock
        self._wait_s_max = wait_s_max
        self._met: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, who: str) -> float:
        """Seconds until the next try counts; 0 for at once."""
        with self._lock:
            count, last_s = self._met.get(_digest(who), (0, 0.0))
        if count < FREE_FAILURES:
            return 0.0
        wait_s = min(self._wait_s_max, 2.0 ** min(count - FREE_FAILURES, 20))
        return max(0.0, last_s + wait_s - self._clock.monotonic_s())

    def add(self, who: str) -> None:
        """Counts a refusal."""
        now_s, key = self._clock.monotonic_s(), _digest(who)
        with self._lock:
            count, last_s = self._met.pop(key, (0, now_s))
            self._met[key] = (1 if now_s - last_s > FORGET_S else count + 1, now_s)
            while len(self._met) > self.KEPT:
                self._met.popitem(last=False)

    def forget(self, who: str) -> None:
        """Starts anew, after a sign-in that succeeded."""
        with self._lock:
            self._met.pop(_digest(who), None)


def _fits(password: str, password_hash: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (Argon2Error, InvalidHashError, UnicodeEncodeError):
        return False


def _key(token: str) -> bytes:
    """What is kept of a token: a look at the memory gives nobody a session."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _digest(who: str) -> str:
    return hashlib.sha256(who.encode("utf-8", "replace")).hexdigest()[:16]


def _network(address: str) -> str:
    """Whom an address stands for: one IPv4 host, or one IPv6 customer (a /64)."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if ip.version == 6:
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
