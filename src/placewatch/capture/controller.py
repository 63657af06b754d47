"""Controller: one camera sleeps between key frames, as far as it has proven to miss nobody.

How this works. Where a camera saves bits in quiet scenes, the packets of an empty street are small
and those of a passage large. An encoder makes up after a key frame for what that left out, so what
is usual depends on the place in the group of pictures (GOP): it is the median at that place in the
last quiet ones. The excess over it is added up as it comes (Page's CUSUM, Biometrika 41, 1954). A
GOP is quiet when nobody was in the street at its key frame and that sum stays small; of a quiet one
only the key frame is decoded. Large packets, or somebody in a key frame, wake the camera up, and
all of the GOP is decoded after all, in order; it stays awake until a key frame finds the street
empty.

Whether sizes tell anything depends on the camera: at a constant bit rate they are even inverted. So
nothing is believed before it was measured on this camera, on GOPs that were analysed in full:

    fitting   over so many GOPs the sizes must tell who is there (AUC); the threshold is set
    proving   over as many others that threshold must miss nobody
    proven    it sleeps; a share of all GOPs, drawn by dice, is analysed in full all the same

A drawn GOP disagrees where somebody came into the street and sleep would have missed it, so that
not even the next key frame had shown it within half a second. Who comes together is missed or seen
together; so what is counted are GOPs into which somebody came, passages, and their share that is
missed has an upper bound (Clopper and Pearson, Biometrika 26, 1934). A disagreement takes the
permission back, unless so many passages agreed that the bound is below `missed_max` all the same.
So does a street in which most road users are found by key frames where the sizes told nothing. The
threshold is then fitted anew, and the next proof is twice as long; after a long time without a
disagreement it need not be.

What is not whole is no evidence: the GOP in which packets were lost, the first of a session, and
the one before either are decoded in full and not learnt from.

A GOP longer than `gop_s_max` is never slept through: key frames alone would leave holes in what was
watched. There is no clock here; time is that of the packets.
"""

import bisect
import math
import random
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from placewatch.capture.policy import PacketSeen
from placewatch.core.facts import Decoding
from placewatch.core.ids import TrackId
from placewatch.core.sightings import CERTAIN, Track, Tracks

Phase = Literal["fitting", "proving", "proven"]

EXCESS_USUAL = 0.15  # packets of an empty street are that much larger at times
EXCESS_MAX = 1.0  # one huge packet is no passage; many that are a little larger are
QUIET_GOPS = 31  # whose sizes are what is usual
QUIET_GOPS_MIN = 15
PLACES = 2  # before and after one in a GOP: their usual sizes are much the same, and steadier
PACKETS_MIN = 8  # of a GOP: in a shorter one there is nothing to save
ONSETS = 20
SURPRISES_MAX = 10  # of so many: who comes in just before a key frame is seen by that first
JUST_BEFORE_S = 0.5  # whom a key frame shows after so short a time is not missed
RECORDS_MAX = 5_000
TRIALS_MAX = 5_000
RECENT = 500  # passages; one missed among so many is within the demanded bound, two are not
LONGER_MAX = 64
_NO_PACKET = np.iinfo(np.int64).max
FORGIVEN = 8  # proofs' lengths without a disagreement; then the next may be half as long again


@dataclass(frozen=True, slots=True)
class Demands:
    """What a camera must show before it may sleep."""

    gops: int = 150  # for fitting, and again for proving: five minutes each
    active_gops: int = 10  # among those, into which somebody came after the key frame
    auc_min: float = 0.95  # of packet sizes, as a test for road users
    audit_share: float = 0.05  # of all GOPs, always analysed in full
    gop_s_max: float = 2.05  # two seconds between key frames, and some jitter
    quiet_share_min: float = 0.5  # of the empty GOPs must be quiet, else there is little to save
    missed_max: float = 0.01  # of passages: the bound that holds in spite of a disagreement


class _Record(NamedTuple):
    score: float
    active: bool
    onset: bool  # its key frame showed an empty street
    passage: bool  # somebody was first seen in it

    @property
    def tells(self) -> bool:
        """Whether only its sizes could tell that somebody came."""
        return self.active and self.onset


@dataclass
class _Gop:
    onset: bool
    sampled: bool  # for calibration or by dice: whatever is in it
    awake: bool
    after_sleep: bool  # of the GOP before only the key frame was decoded
    fresh: bool = False  # what came before it is not known
    seconds: float = 0.0
    excess: float = 0.0
    score: float = 0.0  # the largest excess
    woken_by_size: bool = False
    key_heard: bool = False
    sizes: list[int] = field(default_factory=list)
    seen: set[TrackId] = field(default_factory=set)
    new: dict[TrackId, float] = field(default_factory=dict)  # and when, in it


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
        self._trials: deque[bool] = deque(maxlen=TRIALS_MAX)  # one a passage: missed?
        self._recent: deque[bool] = deque(maxlen=RECENT)  # those since it was last proven
        self._onsets: deque[bool] = deque(maxlen=ONSETS)  # one a sleep that ended: a surprise?
        self._quiet: deque[list[int]] = deque(maxlen=QUIET_GOPS)
        self._usual: list[float] = []  # bytes of a packet of the empty street, by place in a GOP
        self._reorders = False
        self._candidate = math.inf  # the threshold that is being proven
        self._lengths: deque[tuple[float, int]] = deque(maxlen=9)  # seconds, packets
        self._auc: float | None = None
        self._gops = self._slept = self._audits = 0
        self._gop: _Gop | None = None
        self._before: _Gop | None = None  # settled once it is known who of it was a road user
        self._living: set[TrackId] = set()
        self._certain: set[TrackId] = set()
        self._lost = True  # packets, since the last key frame; and of the time before a session
        self._faultless = 0  # GOPs since it was proven or last forgiven

    def choose(self, packet: PacketSeen) -> bool:
        """Whether `packet` is decoded now; see Policy."""
        if packet.after_loss or packet.step_s > self._demands.gop_s_max:
            self._gop = self._before = None
            self._living, self._certain = set(), set()
            self._lost = True
        if packet.is_key:
            self._begin(packet)
            return True
        gop = self._gop
        if gop is None:
            return True
        gop.seconds += packet.step_s
        place = min(len(gop.sizes), len(self._usual) - 1)
        gop.sizes.append(packet.size_bytes)
        if place >= 0:
            excess = packet.size_bytes / self._usual[place] - 1 - EXCESS_USUAL
            gop.excess = max(0.0, gop.excess + min(excess, EXCESS_MAX))
            gop.score = max(gop.score, gop.excess)
        if gop.score > self._threshold:
            gop.woken_by_size = gop.awake = True
        if gop.seconds > self._demands.gop_s_max:  # its key frame is overdue
            gop.awake = True
        # Not every frame is analysed: while nobody knows who is in the key frame, none is left out.
        return gop.awake or not gop.key_heard

    def heed(self, tracks: Sequence[Track]) -> None:
        """Takes note of who is in the street; see Policy."""
        gop = self._gop
        if not tracks and not self._living and gop is not None and gop.key_heard:
            return
        table = Tracks.of(tracks)
        ids = set(table.ids)
        self._certain.update(
            one for one, row in zip(table.ids, table.rows.tolist(), strict=True) if row[CERTAIN]
        )
        if gop is not None:
            if not gop.key_heard:
                gop.key_heard = True
                gop.onset = gop.onset and not ids
                self._take_over(gop, ids)
            elif new := ids - self._living - gop.seen:
                gop.new.update(dict.fromkeys(new, gop.seconds))
            gop.seen |= ids
            if ids:
                gop.awake = True
        self._living = ids

    def _take_over(self, gop: _Gop, ids: set[TrackId]) -> None:
        """Road users that came just before `gop` began belong to it: its key frame shows them."""
        before = self._before
        if before is not None:
            since_s = before.seconds - JUST_BEFORE_S
            late = {one for one, at_s in before.new.items() if at_s > since_s and one in ids}
            for one in late:
                del before.new[one]
            before.seen -= late
            gop.new.update(dict.fromkeys(late, 0.0))
        if not gop.after_sleep:  # else it is unknown for how long they have been there
            gop.new.update(dict.fromkeys(ids - self._living, 0.0))

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
            passages_checked=checked,
            passages_missed=missed,
            missed_share_max=upper_bound(missed, checked) if self._slept else None,
        )

    def _begin(self, packet: PacketSeen) -> None:
        if self._gop is not None:
            self._gop.seconds += packet.step_s
            self._end(self._gop)
        self._reorders |= packet.reorders
        proven = self._phase == "proven" and self._unfit() is None
        audit = self._dice.random() < self._demands.audit_share
        fresh, self._lost = self._lost, False
        self._gops += 1
        sampled = audit or self._phase != "proven"
        onset = not self._living and not fresh
        after_sleep = self._gop is not None and not self._gop.awake
        awake = sampled or not proven or not onset
        self._gop = _Gop(onset, sampled, awake, after_sleep, fresh)
        if proven:
            self._forgive()

    def _end(self, gop: _Gop) -> None:
        self._lengths.append((gop.seconds, len(gop.sizes) + 1))
        self._slept += not gop.awake
        before, self._before = self._before, gop
        if before is not None:
            self._settle(before)
        self._certain &= self._living | gop.seen

    def _settle(self, gop: _Gop) -> None:
        """Learns from a GOP, now that it is known who of it turned out to be a road user."""
        if gop.fresh:
            return
        active = bool(gop.seen & self._certain)
        passage = bool(gop.new.keys() & self._certain)
        # Of one slept through only the key frame is known to have been empty.
        if not gop.seen and gop.sizes:
            self._quiet.append(gop.sizes)
            if len(self._quiet) >= QUIET_GOPS_MIN:
                self._usual = usual_sizes(self._quiet)
        if self._phase == "proven":
            surprised = active and gop.after_sleep and not gop.onset
            if surprised or (active and gop.woken_by_size and gop.onset):
                self._onsets.append(surprised)
                if sum(self._onsets) > SURPRISES_MAX:
                    self._start_anew("Road users were in key frames before packet sizes told.")
                    return
        if gop.sampled and self._usual and len(gop.sizes) >= PACKETS_MIN - 1:
            self._learn(_Record(gop.score, active, gop.onset, passage))

    def _learn(self, record: _Record) -> None:
        if self._phase == "proven":
            self._audits += 1
            if record.passage:
                self._judge(record)
            return
        self._records.append(record)
        need = self._longer * self._demands.gops
        if len(self._records) > RECORDS_MAX:  # quieter than any proof can be
            del self._records[0]
        onsets = sum(one.tells for one in self._records)
        if len(self._records) < min(need, RECORDS_MAX) or onsets < self._demands.active_gops:
            return
        if all(one.active for one in self._records):
            return  # without an empty street there is nothing to compare
        self._auc = auc(self._records)
        if self._phase == "fitting":
            self._fit()
        else:
            self._prove()

    def _judge(self, record: _Record) -> None:
        """Takes in what an audit found of a passage."""
        missed = record.onset and record.score <= self._threshold
        self._trials.append(missed)
        self._recent.append(missed)
        bound = upper_bound(sum(self._recent), len(self._recent))
        if missed and bound > self._demands.missed_max:
            self._start_anew("An audit showed a road user that sleep would have missed.")

    def _forgive(self) -> None:
        """Lets the next proof be shorter again, after a long time without a disagreement."""
        self._faultless += 1
        if self._faultless >= FORGIVEN * self._longer * self._demands.gops:
            self._longer, self._faultless = max(1, self._longer // 2), 0

    def _fit(self) -> None:
        records, self._records = self._records, []
        if self._auc is not None and self._auc < self._demands.auc_min:
            self._why = f"Its packet sizes do not tell who is there (AUC {self._auc:.2f})."
            self._longer = min(LONGER_MAX, 2 * self._longer)
            return
        empty = sorted(one.score for one in records if not one.active)
        onsets = [one.score for one in records if one.tells]
        # As low as the empty street lets it be, and well below whatever came.
        threshold = 0.5 + 1.05 * empty[int(0.98 * (len(empty) - 1))]
        threshold = min([threshold, *(0.6 * score for score in onsets)])
        quiet = bisect.bisect_right(empty, threshold) / len(empty)
        if quiet < self._demands.quiet_share_min:
            self._why = "Its packet sizes tell too little to sleep by."
            self._longer = min(LONGER_MAX, 2 * self._longer)
            return
        self._phase, self._why = "proving", "Its packet sizes tell who is there; it must prove it."
        self._candidate = threshold

    def _prove(self) -> None:
        records, self._records = self._records, []
        trials = [one.onset and one.score <= self._candidate for one in records if one.passage]
        if any(trials) or (self._auc is not None and self._auc < self._demands.auc_min):
            self._start_anew("In the proof it would have missed road users.")
            return
        self._trials.extend(trials)
        self._recent = deque(trials, RECENT)
        self._faultless = 0
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


def usual_sizes(gops: Collection[Sequence[int]]) -> list[float]:
    """The usual bytes of a packet at each place in a group of pictures, at least 1."""
    table = np.full((len(gops), max(map(len, gops))), _NO_PACKET)
    for row, sizes in enumerate(gops):
        table[row, : len(sizes)] = sizes
    there = (table != _NO_PACKET).sum(axis=0)
    places = np.arange(table.shape[1])
    medians = np.sort(table, axis=0)[there // 2, places]
    sums = np.concatenate([[0], medians.cumsum()])
    first, end = np.maximum(0, places - PLACES), np.minimum(len(places), places + PLACES + 1)
    usual: list[float] = np.maximum(1.0, (sums[end] - sums[first]) / (end - first)).tolist()
    return usual


def auc(records: Sequence[_Record]) -> float | None:
    """The chance that a GOP in which somebody came scores higher than an empty one; None without
    both."""
    empty = sorted(one.score for one in records if not one.active)
    active = [one.score for one in records if one.tells]
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
