"""Controller: one camera sleeps between key frames, as far as it has proven to miss nobody.

How this works. Where a camera saves bits in quiet scenes, the packets of an empty street are small
and those of a passage large. A group of pictures (GOP) is quiet when nobody was in the street at
its key frame and its packets stay small; of a quiet one only the key frame is decoded. The first
large packet, or somebody in a key frame, wakes the camera up, and all of the GOP is decoded after
all, in order; it stays awake until a key frame finds the street empty.

Whether sizes tell anything depends on the camera: at a constant bit rate they are even inverted. So
nothing is believed before it was measured on this camera, on GOPs that were analysed in full:

    fitting   over so many GOPs the sizes must tell who is there (AUC); the threshold is set
    proving   over as many others that threshold must miss nobody
    proven    it sleeps; a share of all GOPs, drawn by dice, is analysed in full all the same

A road user that a drawn GOP shows and sleep would have missed takes the permission back, and the
next proof is twice as long; so does a street in which road users are found by key frames where the
sizes told nothing. Of all road users in drawn GOPs, how many would have been missed bounds the
share that is missed (Clopper and Pearson, Biometrika 26, 1934).

A GOP longer than `gop_s_max` is never slept through: key frames alone would leave holes in what was
watched. There is no clock here; time is that of the packets.
"""

import bisect
import math
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal, NamedTuple

from placewatch.capture.policy import PacketSeen
from placewatch.core.facts import Decoding
from placewatch.core.ids import TrackId
from placewatch.core.sightings import Track

Phase = Literal["fitting", "proving", "proven"]

SMOOTHED_PACKETS = 5  # a fifth of a second: one large packet is no passage
QUIET_GOPS = 31  # whose sizes are what is usual
QUIET_GOPS_MIN = 5
PACKETS_MIN = 8  # of a GOP: in a shorter one there is nothing to save
ONSETS = 20
SURPRISES_MAX = 5  # of so many: who comes in just before a key frame is seen by that first
RECORDS_MAX = 5_000
TRIALS_MAX = 5_000
LONGER_MAX = 64


@dataclass(frozen=True, slots=True)
class Demands:
    """What a camera must show before it may sleep."""

    gops: int = 150  # for fitting, and again for proving: five minutes each
    active_gops: int = 10  # among those, with road users
    auc_min: float = 0.95  # of packet sizes, as a test for road users
    audit_share: float = 0.05  # of all GOPs, always analysed in full
    gop_s_max: float = 2.05  # two seconds between key frames, and some jitter
    quiet_share_min: float = 0.5  # of the empty GOPs must be quiet, else there is little to save


class _Record(NamedTuple):
    score: float
    active: bool
    onset: bool  # its key frame showed an empty street
    tracks: int  # road users that were first seen in it


@dataclass
class _Gop:
    onset: bool
    sampled: bool  # for calibration or by dice: whatever is in it
    awake: bool
    after_sleep: bool  # of the GOP before only the key frame was decoded
    seconds: float = 0.0
    score: float = 0.0
    woken_by_size: bool = False
    key_heard: bool = False
    sizes: list[int] = field(default_factory=list)
    recent: deque[int] = field(default_factory=lambda: deque(maxlen=SMOOTHED_PACKETS))
    seen: set[TrackId] = field(default_factory=set)
    new: set[TrackId] = field(default_factory=set)


class Controller:
    """The policy of one camera that may sleep between key frames.

    `dice` draws the audits. `loop_filter`: whether what is decoded is decoded bit-exact.
    """

    references_only = False

    def __init__(
        self, dice: random.Random, demands: Demands | None = None, *, loop_filter: bool = True
    ) -> None:
        self.loop_filter = loop_filter
        self._dice = dice
        self._demands = demands or Demands()
        self._phase: Phase = "fitting"
        self._why = "It is getting to know this camera."
        self._longer = 1  # how many times the demanded length of a proof
        self._threshold = math.inf
        self._records: list[_Record] = []
        self._trials: deque[bool] = deque(maxlen=TRIALS_MAX)  # one a road user: missed?
        self._onsets: deque[bool] = deque(maxlen=ONSETS)  # one a sleep that ended: a surprise?
        self._quiet: deque[float] = deque(maxlen=QUIET_GOPS)
        self._usual: float | None = None  # bytes of a packet of the empty street
        self._reorders = False
        self._candidate = math.inf  # the threshold that is being proven
        self._lengths: deque[tuple[float, int]] = deque(maxlen=9)  # seconds, packets
        self._auc: float | None = None
        self._gops = self._slept = self._audits = 0
        self._gop: _Gop | None = None
        self._before: _Gop | None = None  # settled once it is known who of it was a road user
        self._living: set[TrackId] = set()
        self._certain: set[TrackId] = set()

    def choose(self, packet: PacketSeen) -> bool:
        """Whether `packet` is decoded now; see Policy."""
        if packet.is_key:
            self._begin(packet)
            return True
        gop = self._gop
        if gop is None:
            return True
        gop.seconds += packet.step_s
        gop.sizes.append(packet.size_bytes)
        gop.recent.append(packet.size_bytes)
        if self._usual is not None and len(gop.recent) == SMOOTHED_PACKETS:
            gop.score = max(gop.score, sum(gop.recent) / SMOOTHED_PACKETS / self._usual)
        if gop.score > self._threshold:
            gop.woken_by_size = gop.awake = True
        if gop.seconds > self._demands.gop_s_max:  # its key frame is overdue
            gop.awake = True
        return gop.awake

    def heed(self, tracks: Sequence[Track]) -> None:
        """Takes note of who is in the street; see Policy."""
        gop = self._gop
        ids = {track.id for track in tracks}
        self._certain |= {track.id for track in tracks if track.certain}
        if gop is not None:
            if gop.key_heard or not gop.after_sleep:  # else they came while it slept
                gop.new |= ids - self._living - gop.seen
            gop.seen |= ids
            if not gop.key_heard:
                gop.key_heard = True
                gop.onset = gop.onset and not ids
            if ids:
                gop.awake = True
        self._living = ids

    def report(self) -> Decoding:
        """What it does and how well."""
        missed, checked = sum(self._trials), len(self._trials)
        return Decoding(
            mode="keyframes",
            sleeps=self._phase == "proven" and self._unfit() is None,
            why=self._unfit() or self._why,
            gops=self._gops,
            gops_slept=self._slept,
            audits=self._audits,
            auc=self._auc,
            tracks_checked=checked,
            tracks_missed=missed,
            missed_share_max=upper_bound(missed, checked) if self._slept else None,
        )

    def _begin(self, packet: PacketSeen) -> None:
        if self._gop is not None:
            self._gop.seconds += packet.step_s
            self._end(self._gop)
        self._reorders |= packet.reorders
        proven = self._phase == "proven" and self._unfit() is None
        audit = self._dice.random() < self._demands.audit_share
        self._gops += 1
        self._audits += proven and audit
        sampled = audit or self._phase != "proven"
        onset = not self._living
        after_sleep = self._gop is not None and not self._gop.awake
        awake = sampled or not proven or not onset
        self._gop = _Gop(onset, sampled, awake, after_sleep)

    def _end(self, gop: _Gop) -> None:
        self._lengths.append((gop.seconds, len(gop.sizes) + 1))
        self._slept += not gop.awake
        before, self._before = self._before, gop
        if before is not None:
            self._settle(before)
        self._certain &= self._living | gop.seen

    def _settle(self, gop: _Gop) -> None:
        """Learns from a GOP, now that it is known who of it turned out to be a road user."""
        active = bool(gop.seen & self._certain)
        tracks = len(gop.new & self._certain)
        # Of one slept through only the key frame is known to have been empty.
        if not gop.seen and gop.sizes:
            self._quiet.append(median(gop.sizes))
            if len(self._quiet) >= QUIET_GOPS_MIN:
                self._usual = max(1.0, median(self._quiet))
        if self._phase == "proven":
            surprised = active and gop.after_sleep and not gop.onset
            if surprised or (active and gop.woken_by_size and gop.onset):
                self._onsets.append(surprised)
                if sum(self._onsets) > SURPRISES_MAX:
                    self._start_anew("Road users were in key frames before packet sizes told.")
                    return
        if gop.sampled and self._usual is not None and len(gop.sizes) >= SMOOTHED_PACKETS:
            self._learn(_Record(gop.score, active, gop.onset, tracks))

    def _learn(self, record: _Record) -> None:
        if self._phase == "proven":
            missed = record.onset and record.score <= self._threshold
            self._trials.extend([missed] * record.tracks)
            if missed and record.tracks:
                self._start_anew("An audit showed a road user that sleep would have missed.")
            return
        self._records.append(record)
        need = self._longer * self._demands.gops
        if len(self._records) > RECORDS_MAX:  # quieter than any proof can be
            del self._records[0]
        active = sum(one.active for one in self._records)
        if len(self._records) < min(need, RECORDS_MAX) or active < self._demands.active_gops:
            return
        if active == len(self._records):
            return  # without an empty street there is nothing to compare
        self._auc = auc(self._records)
        if self._phase == "fitting":
            self._fit()
        else:
            self._prove()

    def _fit(self) -> None:
        records, self._records = self._records, []
        if self._auc is not None and self._auc < self._demands.auc_min:
            self._why = f"Its packet sizes do not tell who is there (AUC {self._auc:.2f})."
            self._longer = min(LONGER_MAX, 2 * self._longer)
            return
        empty = sorted(one.score for one in records if not one.active)
        onsets = [one.score for one in records if one.active and one.onset]
        threshold = 1.05 * empty[int(0.98 * (len(empty) - 1))]
        threshold = min([threshold, *(0.8 * score for score in onsets)])
        quiet = bisect.bisect_right(empty, threshold) / len(empty)
        if quiet < self._demands.quiet_share_min:
            self._why = "Its packet sizes tell too little to sleep by."
            self._longer = min(LONGER_MAX, 2 * self._longer)
            return
        self._phase, self._why = "proving", "Its packet sizes tell who is there; it must prove it."
        self._candidate = threshold

    def _prove(self) -> None:
        records, self._records = self._records, []
        trials = [
            one.onset and one.score <= self._candidate for one in records for _ in range(one.tracks)
        ]
        if any(trials) or (self._auc is not None and self._auc < self._demands.auc_min):
            self._start_anew("In the proof it would have missed road users.")
            return
        self._trials.extend(trials)
        self._onsets.clear()
        self._threshold = self._candidate
        self._phase, self._why = "proven", ""

    def _start_anew(self, why: str) -> None:
        self._phase, self._why = "fitting", why
        self._threshold = math.inf
        self._records = []
        self._longer = min(LONGER_MAX, 2 * self._longer)

    def _unfit(self) -> str | None:
        """Why this stream cannot be slept through at all."""
        if self._reorders:
            return "Its frames come in another order than they are shown."
        if len(self._lengths) < 3:
            return "Its key frames have not been seen often enough."
        seconds = max(length_s for length_s, _ in self._lengths)
        if seconds > self._demands.gop_s_max:
            return f"Its key frames are {seconds:.1f} s apart; 2 s is as far as it may be."
        if seconds <= 0:
            return "Its packets carry no times."
        if max(packets for _, packets in self._lengths) < PACKETS_MIN:
            return "Nearly all its frames are key frames."
        return None


def auc(records: Sequence[_Record]) -> float | None:
    """The chance that an active GOP scores higher than an empty one; None without both."""
    empty = sorted(one.score for one in records if not one.active)
    active = [one.score for one in records if one.active]
    if not empty or not active:
        return None
    wins = sum(
        bisect.bisect_left(empty, score) + bisect.bisect_right(empty, score) for score in active
    )
    return wins / (2 * len(empty) * len(active))


def upper_bound(missed: int, checked: int, confidence: float = 0.95) -> float:
    """The largest share that still lets `missed` of `checked` or fewer happen in 5 % of cases.

    Clopper and Pearson's one-sided bound; for none missed about 3 / `checked`.
    """
    if missed >= checked:
        return 1.0
    low, high = missed / checked, 1.0
    for _ in range(50):
        share = (low + high) / 2
        if _chance_of_at_most(missed, checked, share) > 1 - confidence:
            low = share
        else:
            high = share
    return high


def _chance_of_at_most(missed: int, checked: int, share: float) -> float:
    if share >= 1.0:
        return 0.0
    logs = (
        math.lgamma(checked + 1)
        - math.lgamma(k + 1)
        - math.lgamma(checked - k + 1)
        + (k * math.log(share) if k else 0.0)
        + (checked - k) * math.log1p(-share)
        for k in range(missed + 1)
    )
    return sum(math.exp(log) for log in logs)
