"""Timestamps: whatever times a stream carries become seconds that never step back.

How this works. A stream's ticks are right as long as they advance by little: then `media_s` is
exactly their distance from the first one. Everything else is a defect and is repaired:

    absent            the elapsed time is added
    repeated, or up   the frame is put a hair after the previous one; when that goes on, the
    to 5 frames back  ticks are dead and the elapsed time counts instead
    wrapped           2**32 or 2**33 ticks are added (RTP, MPEG-TS)
    further back      a new start: the elapsed time counts, and what happened is unknown
    far ahead         a gap; it is kept as long as it can be true, else it is a new start

The elapsed time is that of the arrivals where a camera delivers live, one frame time elsewhere.
A variable frame rate is no defect: the usual frame time is the median of the last few.
"""

from collections import deque
from fractions import Fraction
from typing import NamedTuple

from placewatch.capture.source import SourceHealth
from placewatch.core.time import UtcMicros

GAP_S_MIN = 2.0  # nothing is asked of the time between two frames that are further apart
GAP_FRAMES = 5  # or this many usual frame times, for cameras that send one frame in seconds
DAMAGE_S_MIN = 0.5  # the same where damaged packets lie between: a car leaves a line in this time
GAP_KEPT_S_MAX = 3600.0  # a recording may pause for so long; further ahead is a broken clock
HAIR_S = 0.001
STUCK_FRAMES_MAX = 5  # ticks that stand for longer than this are dead
WRAPS_TICKS = (1 << 32, 1 << 33)


class Stamp(NamedTuple):
    """When a frame was, in seconds since the first, and whether the time before it is unknown."""

    media_s: float
    after_gap: bool


class MediaClock:
    """One stream's time. Remembers the last frame, the last few distances and two counts."""

    def __init__(self, time_base: Fraction, fps: float | None = None) -> None:
        self.repaired = 0
        self.gaps = 0
        self._told = (0, 0)
        self._time_base = time_base.as_integer_ratio()
        self._distances_s: deque[float] = deque([1 / fps] if fps else [], maxlen=9)
        self.frame_s = 1 / fps if fps else 0.04  # the usual time from one frame to the next
        self._zero_ticks = 0  # where `_zero_s` is; both move when the ticks start anew
        self._zero_s = 0.0
        self._high_ticks: int | None = None
        self._stuck_frames = 0
        self._media_s: float | None = None
        self._arrival_s: float | None = None

    def stamp(
        self,
        ticks: int | None,
        arrival_s: float | None = None,
        *,
        damaged: bool = False,
        passed: int = 0,
        hole_ticks: int = 0,
    ) -> Stamp:
        """The time of the next frame, later than every one before it.

        `ticks` is the stream's own time; `arrival_s` the machine's monotonic time when a live
        frame came in, None for a recording. `damaged`: packets were lost or broken before it.
        `passed` frames before it came in and were not decoded; `hole_ticks` is the longest step
        between those: a stream that was there has no gap, however few frames are looked at.
        """
        before_s = self._media_s
        if before_s is None:
            self._start(ticks, 0.0)
            self._media_s, self._arrival_s = 0.0, arrival_s
            return Stamp(0.0, after_gap=True)

        elapsed_s = self.frame_s * (passed + 1)
        if arrival_s is not None and self._arrival_s is not None:
            elapsed_s = max(HAIR_S, arrival_s - self._arrival_s)
        live = arrival_s is not None
        media_s, restarted = self._next(ticks, before_s, elapsed_s, passed, live=live)

        gap_s = max(DAMAGE_S_MIN if damaged else GAP_S_MIN, GAP_FRAMES * self.frame_s)
        step_s = self._seconds(hole_ticks) if passed else media_s - before_s
        after_gap = restarted or step_s > gap_s
        self.gaps += after_gap
        self._media_s, self._arrival_s = media_s, arrival_s
        return Stamp(media_s, after_gap)

    def report(self, health: SourceHealth) -> None:
        """Adds what was repaired since the last call to `health`."""
        health.timestamps_repaired += self.repaired - self._told[0]
        health.gaps += self.gaps - self._told[1]
        self._told = (self.repaired, self.gaps)

    def _next(
        self, ticks: int | None, before_s: float, elapsed_s: float, passed: int, *, live: bool
    ) -> tuple[float, bool]:
        """(media_s, whether the ticks started anew and the time between is a guess)."""
        if ticks is None:
            self.repaired += 1
            return before_s + elapsed_s, False
        if self._high_ticks is None:  # RTSP: the first frame often comes without
            self._start(ticks, before_s + self.frame_s)
            return before_s + self.frame_s, False

        ticks = self._unwrapped(ticks)
        media_s = self._zero_s + self._seconds(ticks - self._zero_ticks)
        ahead_s = media_s - before_s
        usual_s = self.frame_s * (passed + 1)
        if ahead_s > max(GAP_S_MIN, GAP_FRAMES * usual_s) and not self._can_be_true(
            ahead_s, elapsed_s, live=live
        ):
            self.repaired += 1
            self._start(ticks, before_s + elapsed_s)
            return before_s + elapsed_s, True
        if ahead_s > 0 and ticks > self._high_ticks:
            self._high_ticks, self._stuck_frames = ticks, 0
            self._distances_s.append(ahead_s / (passed + 1))
            self.frame_s = sorted(self._distances_s)[len(self._distances_s) // 2]
            return media_s, False

        self.repaired += 1
        if self._seconds(self._high_ticks - ticks) > GAP_FRAMES * self.frame_s:
            self._start(ticks, before_s + elapsed_s)
            return before_s + elapsed_s, True
        self._stuck_frames += 1
        if self._stuck_frames > STUCK_FRAMES_MAX:
            self._start(ticks, before_s + elapsed_s)
            self._stuck_frames = STUCK_FRAMES_MAX  # still dead until they advance
            return before_s + elapsed_s, False
        return before_s + min(HAIR_S, elapsed_s), False

    def _unwrapped(self, ticks: int) -> int:
        """`ticks` in the count that this stream began with, when they only ran over."""
        assert self._high_ticks is not None
        if ticks > self._high_ticks - min(WRAPS_TICKS) // 2:
            return ticks
        numerator, denominator = self._time_base
        near_ticks = 10 * denominator // numerator
        for wrap_ticks in WRAPS_TICKS:
            if abs(ticks + wrap_ticks - self._high_ticks) < min(near_ticks, wrap_ticks // 4):
                self.repaired += 1
                self._zero_ticks -= wrap_ticks
                self._high_ticks -= wrap_ticks
        return ticks

    def _can_be_true(self, ahead_s: float, elapsed_s: float, *, live: bool) -> bool:
        """Whether so much time may really lie between two frames."""
        if live:
            return abs(ahead_s - elapsed_s) <= max(GAP_S_MIN, 0.5 * elapsed_s)
        return ahead_s <= GAP_KEPT_S_MAX

    def _seconds(self, ticks: int) -> float:
        numerator, denominator = self._time_base
        return ticks * numerator / denominator

    def _start(self, ticks: int | None, media_s: float) -> None:
        self._zero_ticks, self._zero_s = ticks or 0, media_s
        self._high_ticks, self._stuck_frames = ticks, 0


SLEW = 0.0005  # how fast a live stream's UTC follows the machine's: cheap cameras are 0.01 % off


class LiveUtc:
    """UTC of a live stream's frames: smooth as the stream's own time, true for weeks.

    Starts at `opened_at`, moves with `media_s`, and creeps after the machine's clock, so that the
    drift of a camera's own does not add up. Steps ahead at a gap only, and never back.
    """

    def __init__(self, opened_at: UtcMicros, arrival_s: float) -> None:
        self._opened_at = opened_at
        self._opened_s = arrival_s
        self._ahead_s = 0.0  # of the machine's time before the stream's
        self._media_s = 0.0

    def at(self, stamp: Stamp, arrival_s: float | None) -> UtcMicros:
        """When the frame of `stamp` was taken, which arrived at `arrival_s` (monotonic).

        None where arrivals mean nothing, as with a file that is fetched from afar.
        """
        if arrival_s is not None:
            wanted_s = arrival_s - self._opened_s - stamp.media_s
            step_s = SLEW * (stamp.media_s - self._media_s)
            if stamp.after_gap and wanted_s > self._ahead_s + GAP_S_MIN:
                self._ahead_s = wanted_s
            self._ahead_s += max(-step_s, min(step_s, wanted_s - self._ahead_s))
        self._media_s = stamp.media_s
        return UtcMicros(self._opened_at + round((stamp.media_s + self._ahead_s) * 1e6))
