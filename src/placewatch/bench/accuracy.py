"""Accuracy: what is measured on streets whose truth is known: from perfect tracks, and by a camera.

How this works. SUMO fills a street, and its own loops in the lanes of the arms say who passed them
when. The same road users are followed twice: as perfect tracks on the plan of the street, which
shows whether counting itself errs; and as boxes of a detector that misses, trembles and sees what
is not there, through the tracker, the stage and the counting lines of a camera on a roof, where
some hide others. All runs of all streets are counted; none is left out.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from placewatch.bench import Extent, Figure
from placewatch.bench.roof import CAMERA, POSE, START, Roof, run_all
from placewatch.core.errors import PlacewatchError
from placewatch.core.facts import Crossing
from placewatch.core.kinds import Kind
from placewatch.measure.flow import FlowMeter
from placewatch.measure.interval import Check, count_between
from placewatch.measure.line import CountingLine
from placewatch.measure.replay import GroundTracks, Replay, on_plan
from placewatch.perceive.tracker import BEHIND_S
from placewatch.simulate.detections import Faults
from placewatch.simulate.folder import movements
from placewatch.simulate.layouts import layouts
from placewatch.simulate.pinhole import Pinhole
from placewatch.simulate.poses import camera_at, in_front
from placewatch.simulate.street import Street
from placewatch.simulate.streets import street_named
from placewatch.simulate.sumo import Everybody, Piece, SumoRun

MINUTE_S, MINUTES = 60.0, 15  # of a bin
MASKED_SHARE = 0.1  # of the minutes nothing is known, where intervals are asked for
FULL_MIN = 5
HELD, HELD_OFF_MAX = 0.95, 0.02  # share of bins whose interval holds the truth
WARM_S = 120.0  # who is inside when watching begins has come in unseen: all are gone by then
TOTAL_MAX = 0.01
GEH_MAX = 1.0
BIN_COUNT_MIN, BIN_OFF_MAX = 20, 0.05

_ON_FOOT = frozenset({Kind.PEDESTRIAN})

Way = tuple[str | None, str]
Cell = tuple[int, str | None, str, Kind]


@dataclass
class Counted:
    """Vehicles by minute, arm of origin, arm of destination and kind, of one run."""

    street: str
    seed: int
    true: Counter[Cell] = field(default_factory=Counter)
    perfect: Counter[Cell] = field(default_factory=Counter)
    camera: Counter[Cell] = field(default_factory=Counter)


def measure_counts(extent: Extent) -> list[Figure]:
    """Counts and turning movements over the twenty layouts, from perfect tracks and by camera."""
    names = [layout.name for layout in layouts()][: extent.streets]
    jobs = [(name, seed, extent.hours) for name in names for seed in range(1, extent.seeds + 1)]
    try:
        runs = list(run_all(count, jobs, extent.told))
    except PlacewatchError as error:
        return [_missing(name, unit, must, str(error)) for name, (unit, must) in _BOUNDS.items()]
    how = (
        f"{len(names)} layouts, {extent.seeds} seeds, {extent.hours:g} h each; "
        f"{sum(sum(run.true.values()) for run in runs)} vehicles left, as SUMO's loops say"
    )
    return [_perfect(runs, how), *_by_camera(runs, how), _intervals(runs, how)]


_BOUNDS = {
    "accuracy.counts.perfect": ("cells wrong", "<= 0"),
    "accuracy.counts.total": ("%", f"<= {100 * TOTAL_MAX:g}"),
    "accuracy.counts.geh": ("", f"< {GEH_MAX:g}"),
    "accuracy.counts.bins": ("% of bins", "<= 0"),
    "accuracy.counts.kinds": ("%", ""),
    "accuracy.intervals": ("% points", f"<= {100 * HELD_OFF_MAX:g}"),
}
"""Figure, its unit, what is demanded."""


def count(name: str, seed: int, hours: float, pose: str = POSE) -> Counted:
    """One run of the street `name`, counted in both ways. Raises Misconfigured."""
    street = street_named(name)
    camera = camera_at(street, pose)
    counted = Counted(name, seed)
    plan = _Plan(street)
    seen = _Seen(street, camera, seed)
    with SumoRun(street, WARM_S + hours * 3600.0, seed) as run:
        for piece in run:
            plan.follow(piece, run.everybody)
            seen.follow(piece, run.everybody)
        passages = run.passages()
        for at_s, came_by, left_by, kind in movements(passages, run.everybody):
            if at_s >= WARM_S:
                counted.true[_minute(at_s), came_by, left_by, kind] += 1
    counted.perfect.update(plan.cells())
    counted.camera.update(seen.cells())
    return counted


class _Plan:
    """Perfect tracks, looked at from straight above."""

    def __init__(self, street: Street) -> None:
        lines = [
            CountingLine(arm.name, on_plan(arm.start), on_plan(arm.end), arm.name)
            for arm in street.arms
        ]
        self._meter = FlowMeter(CAMERA, lines, START)
        self._replay = Replay(CAMERA, START)
        self._crossings: list[Crossing] = []

    def follow(self, piece: Piece, everybody: Everybody) -> None:
        tracks = GroundTracks(
            piece.moments_s, piece.at_s, piece.who, piece.x_m, piece.y_m, piece.heading_rad,
            piece.speed_m_s, everybody.kinds, everybody.sizes_m(),
        )  # fmt: skip
        for scene in self._replay.scenes(tracks):
            self._crossings += self._meter.measure(scene)

    def cells(self) -> Iterator[Cell]:
        return _cells([*self._crossings, *self._meter.leave()])


class _Seen:
    """What a detector that errs sees, followed and counted on the camera's picture."""

    def __init__(self, street: Street, camera: Pinhole, seed: int) -> None:
        lines = [
            CountingLine(
                arm.name, camera.to_picture(arm.start), camera.to_picture(arm.end), arm.name
            )
            for arm in street.arms
            if in_front(camera, arm.start) and in_front(camera, arm.end)
        ]
        self._roof = Roof(street, camera, seed, BEHIND_S)
        self._meter = FlowMeter(CAMERA, lines, START)
        self._crossings: list[Crossing] = []

    def follow(self, piece: Piece, everybody: Everybody) -> None:
        for scene in self._roof.scenes(piece, everybody):
            self._crossings += self._meter.measure(scene)

    def cells(self) -> Iterator[Cell]:
        return _cells([*self._crossings, *self._meter.leave()])


def _cells(crossings: Iterable[Crossing]) -> Iterator[Cell]:
    for crossing in crossings:
        at_s = (crossing.at - START) / 1e6
        if crossing.movement is not None and crossing.kind not in _ON_FOOT and at_s >= WARM_S:
            yield _minute(at_s), *crossing.movement, crossing.kind


def _minute(at_s: float) -> int:
    return int((at_s - WARM_S) // MINUTE_S)


def _perfect(runs: Sequence[Counted], how: str) -> Figure:
    both = [(_quarters(run.true), _quarters(run.perfect)) for run in runs]
    wrong = sum(true[cell] != found[cell] for true, found in both for cell in true | found)
    cells = sum(len(true) for true, _ in both)
    return _figure(
        "accuracy.counts.perfect",
        float(wrong),
        None,
        wrong == 0,
        f"of {cells} cells: quarter of an hour, arm of origin, arm of destination, kind; {how}",
    )


def _by_camera(runs: Sequence[Counted], how: str) -> list[Figure]:
    totals = [abs(sum(run.camera.values()) / max(1, sum(run.true.values())) - 1.0) for run in runs]
    true = sum(sum(run.true.values()) for run in runs)
    together = sum(sum(run.camera.values()) for run in runs) / max(1, true) - 1.0
    gehs = [geh for run in runs for geh in _hourly_gehs(run)]
    bins = [off for run in runs for off in _bins_off(run)]
    far = sum(off > BIN_OFF_MAX for off in bins)
    kinds_right = sum(
        sum((_by_kind(run.true) & _by_kind(run.camera)).values()) for run in runs
    ) / max(1, true)
    faults = Faults()
    noise = (
        f"by a camera on a roof whose detector misses {100 * faults.miss:g} %, sees "
        f"{100 * faults.false:g} % that is not there, trembles by {faults.jitter_px:g} px and does "
        "not see who is hidden; 10 frames a second"
    )
    return [
        _figure(
            "accuracy.counts.total",
            100 * max(totals),
            (100 * min(totals), 100 * max(totals)),
            max(totals) <= TOTAL_MAX,
            f"the worst of {len(runs)} runs, {100 * sum(totals) / len(totals):.2g} % on average, "
            f"{sum(total > TOTAL_MAX for total in totals)} by more than {100 * TOTAL_MAX:g} %; "
            f"all together {100 * together:+.2f} %; {noise}; {how}",
        ),
        _figure(
            "accuracy.counts.geh",
            max(gehs, default=0.0),
            None,
            max(gehs, default=0.0) < GEH_MAX,
            f"the worst of {len(gehs)} hourly movements, {sum(g >= GEH_MAX for g in gehs)} are not "
            f"below {GEH_MAX:g}; {noise}",
        ),
        _figure(
            "accuracy.counts.bins",
            100 * far / max(1, len(bins)),
            None,
            far == 0,
            f"of {len(bins)} quarters of an hour of a movement with {BIN_COUNT_MIN} vehicles or "
            f"more, those off by more than {100 * BIN_OFF_MAX:g} %; {noise}",
        ),
        _figure(
            "accuracy.counts.kinds",
            100 * kinds_right,
            None,
            True,
            f"vehicles whose kind is right, by totals of a run; {noise}",
        ),
    ]


def _hourly_gehs(run: Counted) -> Iterator[float]:
    """GEH of each movement's hours: √(2 (M − C)² / (M + C)), DMRB vol. 12."""
    hours: dict[tuple[int, Way], list[int]] = {}
    for side, cells in enumerate((run.true, run.camera)):
        for (number, came_by, left_by, _), found in cells.items():
            hours.setdefault((number // 60, (came_by, left_by)), [0, 0])[side] += found
    for (_, (came_by, _)), (true, found) in hours.items():
        if came_by is not None:
            yield math.sqrt(2.0 * (found - true) ** 2 / (found + true)) if found != true else 0.0


def _bins_off(run: Counted) -> Iterator[float]:
    """How far off, as a share, each well filled quarter of an hour of a movement is."""
    bins: dict[tuple[int, Way], list[int]] = {}
    for side, cells in enumerate((run.true, run.camera)):
        for (number, came_by, left_by, _), found in cells.items():
            bins.setdefault((number // MINUTES, (came_by, left_by)), [0, 0])[side] += found
    for (_, (came_by, _)), (true, found) in bins.items():
        if came_by is not None and true >= BIN_COUNT_MIN:
            yield abs(found - true) / true


def _quarters(cells: Counter[Cell]) -> Counter[Cell]:
    quarters: Counter[Cell] = Counter()
    for (number, came_by, left_by, kind), found in cells.items():
        quarters[number // MINUTES, came_by, left_by, kind] += found
    return quarters


def _intervals(runs: Sequence[Counted], how: str) -> Figure:
    """Whether the interval of each quarter of an hour of a movement holds the truth. Another hour
    of the same street was counted by hand, as it were, and says how the camera errs there."""
    dice = np.random.default_rng(7)
    held = bins = full_held = full_bins = 0
    for run in runs:
        others = [one for one in runs if one.street == run.street and one.seed != run.seed]
        if not others:
            continue
        nearest = min(others, key=lambda one: (one.seed - run.seed) % 1000)
        true, found = _minutes(run)
        check, varies = _checked(*_minutes(nearest))
        for way, counts in true.items():
            masked = dice.random(len(counts)) < MASKED_SHARE
            seen = np.where(masked, 0, found[way])
            for begin in range(0, len(counts) - MINUTES + 1, MINUTES):
                part = slice(begin, begin + MINUTES)
                watched_s = MINUTE_S * float((~masked[part]).sum())
                between = count_between(
                    int(seen[part].sum()), watched_s, MINUTE_S * MINUTES, check, varies
                )
                if between is not None:
                    holds = bool(between.low <= counts[part].sum() <= between.high)
                    bins, held = bins + 1, held + holds
                    if counts[part].sum() >= FULL_MIN:
                        full_bins, full_held = full_bins + 1, full_held + holds
    share = held / max(1, bins)
    return _figure(
        "accuracy.intervals",
        100 * abs(share - HELD),
        None,
        bins > 0 and abs(share - HELD) <= HELD_OFF_MAX,
        f"of {bins} quarters of an hour of a movement {100 * share:.1f} % have the truth within "
        f"their interval of 95 %, of {full_bins} with {FULL_MIN} vehicles or more "
        f"{100 * full_held / max(1, full_bins):.1f} %; {100 * MASKED_SHARE:g} % of the minutes are "
        "not watched, and the errors of the camera are known from another run of the same street; "
        f"{how}",
    )


Minutes = dict[Way, npt.NDArray[np.int64]]


def _minutes(run: Counted) -> tuple[Minutes, Minutes]:
    """True and found vehicles of each movement, minute by minute, whole quarters of an hour: of
    all pairs of arms, as they are written (an arm and itself, too)."""
    last = max((number for number, *_ in run.true | run.camera), default=-1)
    length = -(-(last + 1) // MINUTES) * MINUTES
    arms = [arm.name for arm in street_named(run.street).arms]
    ways: list[Way] = [(a, b) for a in arms for b in arms]
    true: Minutes = {way: np.zeros(length, np.int64) for way in ways}
    seen: Minutes = {way: np.zeros(length, np.int64) for way in ways}
    for side, cells in enumerate((run.true, run.camera)):
        for (number, came_by, left_by, _), counted in cells.items():
            if came_by is not None:
                (true, seen)[side][came_by, left_by][number] += counted
    return true, seen


def _checked(true: Minutes, found: Minutes) -> tuple[Check, float]:
    """How a camera errs, by an hour of which the truth is known; and how minutes vary there."""
    pairs = [
        (
            int(true[way][begin : begin + MINUTES].sum()),
            int(found[way][begin : begin + MINUTES].sum()),
        )
        for way in true
        for begin in range(0, len(true[way]), MINUTES)
    ]
    passages = sum(one for one, _ in pairs)
    missed = sum(max(0, one - other) for one, other in pairs)
    extra = sum(max(0, other - one) for one, other in pairs)
    check = Check(passages, missed, extra)
    m, f = missed / max(1, passages), extra / max(1, passages - missed + extra)
    off = sum((one - other * (1.0 - f) / (1.0 - m)) ** 2 for one, other in pairs)
    clumped = max(1.0, off / max(1e-9, (m + f) * passages))
    means = [counts.mean() for counts in true.values()]
    varies = sum(counts.var() for counts in true.values()) / max(1e-9, sum(means))
    return Check(check.passages, check.missed, check.extra, clumped), max(1.0, float(varies))


def _by_kind(cells: Counter[Cell]) -> Counter[Kind]:
    counts: Counter[Kind] = Counter()
    for (_, _, _, kind), found in cells.items():
        counts[kind] += found
    return counts


def _figure(
    name: str, value: float, between: tuple[float, float] | None, passed: bool, how: str
) -> Figure:
    unit, must = _BOUNDS[name]
    low, high = between or (None, None)
    return Figure(name, value, low, high, unit, must, "", passed, how)


def _missing(name: str, unit: str, must: str, why: str) -> Figure:
    return Figure(name, None, None, None, unit, must, "", False, why)
