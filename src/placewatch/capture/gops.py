"""Gops: packets that were not decoded, kept in memory by whole groups of pictures, bounded."""

from collections import deque
from typing import NamedTuple

from av.packet import Packet
from av.video.stream import VideoStream


class Kept(NamedTuple):
    """A packet, when it arrived (monotonic; None in a recording), and what it adds."""

    packet: "Packet[VideoStream]"
    arrival_s: float | None
    size_bytes: int
    step_s: float
    is_key: bool


class GopRing:
    """The newest packets, in order, at most `bytes_max` and `seconds_max` of them.

    Whole groups of pictures leave, the oldest first: what is left can be decoded from its start.
    Nothing of it is ever written anywhere. Belongs to one thread at a time.
    """

    def __init__(self, bytes_max: int, seconds_max: float) -> None:
        self.bytes_max, self.seconds_max = bytes_max, seconds_max
        self.size_bytes = 0
        self.seconds = 0.0
        self._packets: deque[Kept] = deque()

    def __len__(self) -> int:
        return len(self._packets)

    def keep(self, kept: Kept) -> bool:
        """Adds the next packet. False, and nothing is changed, where its group alone is too much:
        then whoever keeps must take what is there first."""
        while self._too_much(kept):
            if not self._drop_group():
                return False
        self._packets.append(kept)
        self.size_bytes += kept.size_bytes
        self.seconds += kept.step_s
        return True

    def take(self) -> list[Kept]:
        """All of it, oldest first; the ring is empty then."""
        taken = list(self._packets)
        self.clear()
        return taken

    def clear(self) -> int:
        """Forgets everything; how many packets that were."""
        count = len(self._packets)
        self._packets.clear()
        self.size_bytes, self.seconds = 0, 0.0
        return count

    def _too_much(self, kept: Kept) -> bool:
        return (
            self.size_bytes + kept.size_bytes > self.bytes_max
            or self.seconds + kept.step_s > self.seconds_max
        )

    def _drop_group(self) -> bool:
        """Drops the oldest group of pictures, unless it is the only one."""
        ends = next((n for n, kept in enumerate(self._packets) if n and kept.is_key), None)
        if ends is None:
            return False
        for _ in range(ends):
            dropped = self._packets.popleft()
            self.size_bytes -= dropped.size_bytes
            self.seconds -= dropped.step_s
        return True
