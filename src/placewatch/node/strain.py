"""Strain: how many of a camera's frames are skipped just now because the machine is late."""

from collections import deque
from dataclasses import dataclass, field

OVER_S = 30.0
SHORTEST_S = 5.0  # a shorter look says nothing
EVERY_S = 1.0
SKIPPED_MIN = 0.25  # from this share on somebody should know


@dataclass
class Strain:
    """Remembers half a minute of two sums: frames that were watched, and that were skipped."""

    _seen: deque[tuple[float, int, int]] = field(default_factory=deque, init=False)

    def note(self, now_s: float, frames: int, skipped: int) -> None:
        """What both sums are now; they only grow, but where the source is another."""
        if self._seen and now_s - self._seen[-1][0] < EVERY_S:
            return
        if self._seen and (frames < self._seen[-1][1] or skipped < self._seen[-1][2]):
            self._seen.clear()
        self._seen.append((now_s, frames, skipped))
        while now_s - self._seen[0][0] > OVER_S:
            self._seen.popleft()

    def skipped_share(self, now_s: float, frames: int, skipped: int) -> float | None:
        """Of the frames of the last half minute, 0..1; None while too little is known."""
        recent = [one for one in self._seen if now_s - one[0] <= OVER_S]
        if not recent or now_s - recent[0][0] < SHORTEST_S:
            return None
        watched, lost = frames - recent[0][1], skipped - recent[0][2]
        return lost / (watched + lost) if watched >= 0 and lost >= 0 and watched + lost else None


def strain_sentence(share: float | None) -> str | None:
    """What people should know who rely on the camera; None where it is little."""
    if share is None or share < SKIPPED_MIN:
        return None
    return (
        f"{100 * share:.0f} % of the frames of the last half minute were skipped, because this "
        "machine does not keep up: whoever passes meanwhile may be missed. Watch fewer cameras on "
        "it, or a smaller stream (sub_url), or give it more processor."
    )
