"""Supervise: keep a camera watched through everything that can be waited out."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from placewatch.core.errors import Misconfigured, Unavailable
from placewatch.core.time import Clock

RETRY_S_MIN = 1.0
RETRY_S_MAX = 20.0  # with 10 s to connect, a camera that is back is watched within 60 s
PROVEN_S = 30.0  # a session of this length shows that the settings are right
REFUSED_RETRY_S = 60.0  # a login that was right once; faster tries would lock the account


class Stop(Protocol):
    """What ends supervision; a `threading.Event` is one."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float) -> bool:
        """Waits, at most `timeout` seconds, for the wish to stop; says whether there is one."""
        ...


@dataclass(frozen=True, slots=True)
class Turn:
    """A change in how a camera is watched, in words for people.

    `lost`: it is tried again in `retry_in_s`, because of `reason`. `failed`: a person must act.
    """

    state: Literal["starting", "lost", "failed", "ended", "stopped"]
    reason: str = ""
    hint: str = ""
    retry_in_s: float = 0.0


def keep_going(
    session: Callable[[], None],
    clock: Clock,
    stop: Stop,
    dice: random.Random,
    on_turn: Callable[[Turn], None] = lambda turn: None,
) -> None:
    """Runs `session` again and again, until it returns, a person must act, or `stop` is set.

    What is Unavailable is waited out for 1 s, then twice as long each time up to 20 s. Every wait
    is shortened by up to half by `dice`, so that a thousand cameras behind one switch do not come
    back in the same second. Who sets `stop` must also close the source, which ends the session.

    A camera that was watched for a while is not misconfigured: then that, too, is waited out.
    """
    retry_s, proven = RETRY_S_MIN, False
    while not stop.is_set():
        on_turn(Turn("starting"))
        started_s = clock.monotonic_s()
        try:
            session()
        except (Unavailable, Misconfigured) as error:
            lasted_s = clock.monotonic_s() - started_s
            if stop.is_set():
                break
            if lasted_s >= PROVEN_S:
                retry_s, proven = RETRY_S_MIN, True
            if isinstance(error, Misconfigured):
                if not proven:
                    on_turn(Turn("failed", error.message, error.hint))
                    return
                retry_s = REFUSED_RETRY_S
            wait_s = retry_s * dice.uniform(0.5, 1.0)
            retry_s = min(2 * retry_s, RETRY_S_MAX)
            on_turn(Turn("lost", error.message, error.hint, wait_s))
            if stop.wait(wait_s):
                break
        else:
            if not stop.is_set():
                on_turn(Turn("ended"))
                return
    on_turn(Turn("stopped"))
