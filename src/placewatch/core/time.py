"""Time: UTC in whole microseconds, and clocks that can be simulated."""

import datetime
import threading
import time
from typing import NewType, Protocol

UtcMicros = NewType("UtcMicros", int)
"""Microseconds since 1970-01-01 UTC; exact in JSON until the year 2255."""

MINUTE_US = 60_000_000


class Clock(Protocol):
    """Where the time comes from. Nobody else may ask the operating system."""

    def utc(self) -> UtcMicros: ...

    def monotonic_s(self) -> float:
        """Seconds from an arbitrary start; never steps back."""

    def sleep(self, duration_s: float) -> None: ...


class SystemClock:
    """The machine's clock. UTC never steps back while the process lives.

    The offset from the monotonic clock is taken once, at the start, and again on `synchronise`.
    """

    def __init__(self) -> None:
        self._offset_us = 0
        self.synchronise()

    def synchronise(self) -> None:
        """Takes over the machine's present idea of UTC."""
        self._offset_us = time.time_ns() // 1000 - time.monotonic_ns() // 1000

    def utc(self) -> UtcMicros:
        return UtcMicros(time.monotonic_ns() // 1000 + self._offset_us)

    def monotonic_s(self) -> float:
        return time.monotonic()

    def sleep(self, duration_s: float) -> None:
        time.sleep(max(0.0, duration_s))


class SimulatedClock:
    """A clock that moves only when somebody sleeps on it; days pass in milliseconds."""

    def __init__(self, start: UtcMicros = UtcMicros(1_767_225_600_000_000)) -> None:
        self._start = start
        self._elapsed_s = 0.0
        self._lock = threading.Lock()

    def utc(self) -> UtcMicros:
        return UtcMicros(self._start + round(self._elapsed_s * 1e6))

    def monotonic_s(self) -> float:
        return self._elapsed_s

    def sleep(self, duration_s: float) -> None:
        with self._lock:
            self._elapsed_s += max(0.0, duration_s)


def thread_cpu_s() -> float:
    """Processor seconds that the calling thread has used; only differences mean something."""
    return time.thread_time()


def minute_of(at: UtcMicros) -> UtcMicros:
    """The start of the UTC minute that `at` lies in."""
    return UtcMicros(at - at % MINUTE_US)


def rfc3339(at: UtcMicros) -> str:
    """`at` as RFC 3339 with Z, to the microsecond where there is any fraction."""
    moment = _EPOCH + datetime.timedelta(microseconds=at)
    return moment.isoformat().replace("+00:00", "Z")


def from_rfc3339(text: str) -> UtcMicros:
    """The instant that `text` names. A date alone is its first instant UTC. Raises ValueError."""
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return UtcMicros((moment - _EPOCH) // datetime.timedelta(microseconds=1))


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
