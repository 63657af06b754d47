"""Policy: how much of a stream is decoded, decided packet by packet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from placewatch.core.facts import Decoding
from placewatch.core.sightings import Track


class PacketSeen(NamedTuple):
    """What can be known of a packet without decoding it."""

    size_bytes: int
    is_key: bool
    step_s: float  # after the packet before it, in the stream's own time; 0 where that is unknown
    reorders: bool  # the stream has frames that come later than they are shown
    after_loss: bool = False  # packets before it were lost or broken, or a session begins with it


class Policy(Protocol):
    """Sits between packets and pictures. One a camera; it outlives sessions.

    `loop_filter` is read at key frames: without it, H.264 and H.265 decode a fifth cheaper, and
    edges of blocks stay visible. `references_only`: frames that no other needs are passed over.
    """

    @property
    def loop_filter(self) -> bool: ...

    @property
    def references_only(self) -> bool: ...

    def choose(self, packet: PacketSeen) -> bool:
        """Whether `packet` is decoded now, after all that was kept since the last key frame.

        Else it is kept undecoded, and passed over for good when the next key frame comes. A key
        frame is always decoded.
        """
        ...

    def heed(self, tracks: Sequence[Track]) -> None:
        """Takes note of what the analysis found in the frame that came last."""
        ...

    def report(self) -> Decoding:
        """How much is decoded, and what that may miss. May be called from any thread."""
        ...


@dataclass(frozen=True, slots=True)
class Steady:
    """The same for every packet, whatever is found."""

    loop_filter: bool = True
    references_only: bool = False

    def choose(self, packet: PacketSeen) -> bool:
        return True

    def heed(self, tracks: Sequence[Track]) -> None:
        pass

    def report(self) -> Decoding:
        if self.references_only:
            return Decoding("non_reference")
        return Decoding("full" if self.loop_filter else "no_loop_filter")


FULL = Steady()
"""Every frame, bit-exact."""

LEAN = Steady(loop_filter=False)
"""Every frame, without the loop filter."""
