"""Queues: the cycles and delays of simulated signals, from perfect tracks and by a camera.

How this works. SUMO's lane area detectors (E2) tell the longest jam of every lane second by second,
and its signals are known: so of every cycle the truth is how many vehicles stood at most. The same
road users are followed as perfect tracks, up to 160 m from the stop line, and by a camera, as far
as it sees the lanes with a pixel shorter than half a metre; there the truth is that of the same
stretch. Neither is told the signal: cycles are those that were recognised, and a cycle that was not
counts as one without a queue. What vehicles lost is SUMO's word as well (E3).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from placewatch.bench import Extent, Figure
from placewatch.bench.roof import CAMERA, POSE, START, Roof, run_all
from placewatch.core.errors import PlacewatchError
from placewatch.core.space import Point
from placewatch.measure.queue import Approach, QueueCycle, QueueMeter, delay_of
from placewatch.measure.replay import GroundTracks, Replay
from placewatch.simulate.detections import Faults
from placewatch.simulate.layouts import layouts
from placewatch.simulate.pinhole import Pinhole
from placewatch.simulate.poses import camera_at, in_front
from placewatch.simulate.queues import Jams, Losses, StopLine, detectors, jams, losses, stop_lines
from placewatch.simulate.street import Street
from placewatch.simulate.streets import street_named
from placewatch.simulate.sumo import WARM_S, Everybody, Network, Piece, SumoRun

Floats = npt.NDArray[np.float64]

REACH_M = 160.0
CAMERA_REACH_M, CAMERA_REACH_M_MIN = 80.0, 25.0
PIXEL_M_MAX = 0.5
WITHIN, SHARE_MIN = 1, 0.95
DELAY_VEHICLES_MIN = 20

_SEEN = "seen-"  # of detectors over what the camera sees


@dataclass(frozen=True, slots=True)
class Cycle:
    """The queue of one true cycle of a lane at its most: vehicles and metres, true and found;
    `parts` recognised cycles began to depart in it."""

    true: int
    found: int
    true_m: float
    found_m: float
    parts: int


@dataclass(frozen=True, slots=True)
class Delayed:
    """The mean delay of an approach, in s, true and found (None: not known), and of how many."""

    true_s: float
    found_s: float | None
    count: int


@dataclass
class Queued:
    """One run, followed in both ways."""

    street: str
    seed: int
    perfect: list[Cycle] = field(default_factory=list)
    camera: list[Cycle] = field(default_factory=list)
    perfect_delays: list[Delayed] = field(default_factory=list)
    camera_delays: list[Delayed] = field(default_factory=list)


_BOUNDS = {
    "accuracy.queues.perfect": ("% of cycles", f">= {100 * SHARE_MIN:g}"),
    "accuracy.queues.camera": ("% of cycles", f">= {100 * SHARE_MIN:g}"),
    "accuracy.queues.recognised": ("% of cycles", ""),
    "accuracy.queues.recognised.camera": ("% of cycles", ""),
    "accuracy.delays.perfect": ("s", ""),
    "accuracy.delays.camera": ("s", ""),
}
"""Figure, its unit, what is demanded."""


def measure_queues(extent: Extent) -> list[Figure]:
    """Queues and delays at the signals of the layouts, from perfect tracks and by camera."""
    names = [one.name for one in layouts() if one.control == "signal"][: extent.streets]
    jobs = [(name, seed, extent.hours) for name in names for seed in range(1, extent.seeds + 1)]
    try:
        runs = list(run_all(queue_up, jobs, extent.told))
    except PlacewatchError as error:
        return [
            Figure(name, None, None, None, unit, must, "", False, str(error))
            for name, (unit, must) in _BOUNDS.items()
        ]
    how = f"{len(names)} layouts with signals, {extent.seeds} seeds, {extent.hours:g} h each"
    return figures_of(runs, how)


def figures_of(runs: Sequence[Queued], how: str) -> list[Figure]:
    """The figures of `runs`, made as `how` says."""
    faults = Faults()
    noise = (
        f"by a camera on a {POSE} whose detector misses {100 * faults.miss:g} %, sees "
        f"{100 * faults.false:g} % that is not there, trembles by {faults.jitter_px:g} px and does "
        "not see who is hidden; 10 frames a second"
    )
    told = []
    for way, name, by in (
        ("perfect", "accuracy.queues.perfect", "perfect tracks"),
        ("camera", "accuracy.queues.camera", noise),
    ):
        cycles = [cycle for run in runs for cycle in getattr(run, way)]
        told.append(_within(name, cycles, f"{by}; {how}"))
    for way, name in (
        ("perfect", "accuracy.queues.recognised"),
        ("camera", "accuracy.queues.recognised.camera"),
    ):
        cycles = [cycle for run in runs for cycle in getattr(run, way)]
        told.append(_recognised(name, cycles))
    for way, name in (
        ("perfect_delays", "accuracy.delays.perfect"),
        ("camera_delays", "accuracy.delays.camera"),
    ):
        told.append(_delays(name, [one for run in runs for one in getattr(run, way)]))
    return told


def _within(name: str, cycles: Sequence[Cycle], how: str) -> Figure:
    unit, must = _BOUNDS[name]
    if not cycles:
        return Figure(name, None, None, None, unit, must, "", False, f"no cycle; {how}")
    right = sum(abs(cycle.found - cycle.true) <= WITHIN for cycle in cycles) / len(cycles)
    exact = sum(cycle.found == cycle.true for cycle in cycles) / len(cycles)
    queued = [cycle for cycle in cycles if cycle.true]
    off_m = [abs(cycle.found_m - cycle.true_m) for cycle in queued if cycle.found]
    off = [cycle.found - cycle.true for cycle in cycles]
    metres = (
        f"{np.median(off_m):.2g} m in the median and {np.percentile(off_m, 95):.2g} m in 19 of 20"
        if off_m
        else "not known"
    )
    return Figure(
        name, round(100 * right, 2), None, None, unit, must, "", right >= SHARE_MIN,
        f"the longest queue of a lane in a cycle, off by {WITHIN} vehicle at most from SUMO's E2: "
        f"of {len(cycles)} cycles, {len(queued)} with a queue, "
        f"{max((cycle.true for cycle in cycles), default=0)} vehicles at most; "
        f"{100 * exact:.3g} % exact, {sum(off) / len(off):+.2g} vehicles on average; length off by "
        f"{metres}; {how}",
    )  # fmt: skip


def _recognised(name: str, cycles: Sequence[Cycle]) -> Figure:
    unit, must = _BOUNDS[name]
    queued = [cycle for cycle in cycles if cycle.true]
    if not queued:
        return Figure(name, None, None, None, unit, must, "", False, "no cycle with a queue")
    once = sum(cycle.parts == 1 for cycle in queued)
    none = sum(cycle.parts == 0 for cycle in queued)
    return Figure(
        name, round(100 * once / len(queued), 2), None, None, unit, must, "", True,
        f"of {len(queued)} true cycles with a queue, those recognised as one; {none} were not, and "
        f"{len(queued) - once - none} as several",
    )  # fmt: skip


def _delays(name: str, delays: Sequence[Delayed]) -> Figure:
    unit, must = _BOUNDS[name]
    known = [
        (one, one.found_s)
        for one in delays
        if one.found_s is not None and one.count >= DELAY_VEHICLES_MIN
    ]
    if not known:
        return Figure(
            name, None, None, None, unit, must, "", False, "no approach with a known delay"
        )
    off = [abs(found_s - one.true_s) for one, found_s in known]
    bias = sum(found_s - one.true_s for one, found_s in known) / len(known)
    true_s = sum(one.true_s for one, _ in known) / len(known)
    return Figure(
        name, round(sum(off) / len(off), 2), round(min(off), 2), round(max(off), 2), unit, must,
        "", True,
        f"mean control delay of an approach in a run, off from SUMO's E3 (time lost against the "
        f"speed each would have had) on average; {bias:+.2g} s in sum, {true_s:.3g} s true; "
        f"{len(known)} of {len(delays)} approaches have {DELAY_VEHICLES_MIN} vehicles and a free "
        "time",
    )  # fmt: skip


def queue_up(
    name: str, seed: int, hours: float, pose: str = POSE, warm_s: float = WARM_S
) -> Queued:
    """One run of the street `name`, measured in both ways. Raises Misconfigured."""
    street = street_named(name)
    camera = camera_at(street, pose)
    far: list[StopLine] = []
    near: list[StopLine] = []

    def watch(network: Network, stored: Path) -> list[str]:
        far.extend(stop_lines(street, network, stored, REACH_M))
        near.extend(stop_lines(street, network, stored, seen_m(camera, far)))
        return [*detectors(far), *detectors(near, _SEEN)]

    queued = Queued(name, seed)
    with SumoRun(street, hours * 3600.0, seed, warm_s=warm_s, detectors=watch) as run:
        plan, seen = _Plan(far), _Seen(street, camera, near, seed)
        for piece in run:
            plan.follow(piece, run.everybody)
            seen.follow(piece, run.everybody)
        for lines, name_, found, cycles, delays in (
            (far, "", plan.ended(), queued.perfect, queued.perfect_delays),
            (near, _SEEN, seen.ended(), queued.camera, queued.camera_delays),
        ):
            if lines:
                cycles += _compared(lines, jams(run, name_), found, run)
                delays += _delayed(lines, losses(run, name_), found)
    return queued


def seen_m(camera: Pinhole, lines: Sequence[StopLine]) -> Mapping[str, float]:
    """How far upstream `camera` sees each approach with short enough pixels, by its edge; those
    alone of which it sees enough."""
    told = {}
    for line in lines:
        up = np.array([line.begin.x_m - line.stop.x_m, line.begin.y_m - line.stop.y_m])
        up /= np.hypot(*up)
        reach_m = -5.0  # so that whoever departs is seen, too
        while reach_m < CAMERA_REACH_M and _is_seen(camera, line, up, reach_m + 1.0):
            reach_m += 1.0
        if reach_m >= CAMERA_REACH_M_MIN:
            told[line.edge] = reach_m
    return told


def _is_seen(camera: Pinhole, line: StopLine, up: Floats, at_m: float) -> bool:
    here = Point(line.stop.x_m + up[0] * at_m, line.stop.y_m + up[1] * at_m)
    if not in_front(camera, here):
        return False
    picture = camera.to_picture(here)
    across, down = picture.x_px, picture.y_px
    if not (20.0 <= across <= camera.width_px - 20.0 and 60.0 <= down <= camera.height_px - 10.0):
        return False
    away = np.array([here.x_m - camera.x_m, here.y_m - camera.y_m])
    away /= np.hypot(*away)
    there = camera.to_picture(Point(here.x_m + away[0], here.y_m + away[1]))
    return math.hypot(there.x_px - across, there.y_px - down) >= 1.0 / PIXEL_M_MAX


def _approaches(lines: Sequence[StopLine]) -> list[Approach]:
    return [
        Approach(line.edge, (line.stop, line.begin), line.width_m, len(line.lanes))
        for line in lines
    ]


class _Plan:
    """Perfect tracks: the middle of everybody, its true speed and kind."""

    def __init__(self, lines: Sequence[StopLine]) -> None:
        self._meter = QueueMeter(CAMERA, _approaches(lines))
        self._replay = Replay(CAMERA, START)
        self._cycles: list[QueueCycle] = []

    def follow(self, piece: Piece, everybody: Everybody) -> None:
        x_m, y_m = piece.middles_m(everybody.lengths_m())
        tracks = GroundTracks(
            piece.moments_s, piece.at_s, piece.who, x_m, y_m, piece.heading_rad,
            piece.speed_m_s, everybody.kinds, everybody.sizes_m(),
        )  # fmt: skip
        for scene in self._replay.scenes(tracks):
            self._cycles += self._meter.measure(scene)

    def ended(self) -> list[QueueCycle]:
        return [*self._cycles, *self._meter.leave()]


class _Seen:
    """What a detector that errs sees, followed and placed on the ground."""

    def __init__(
        self, street: Street, camera: Pinhole, lines: Sequence[StopLine], seed: int
    ) -> None:
        self._roof = Roof(street, camera, seed)
        self._meter = QueueMeter(CAMERA, _approaches(lines), self._roof.ground)
        self._cycles: list[QueueCycle] = []

    def follow(self, piece: Piece, everybody: Everybody) -> None:
        for scene in self._roof.scenes(piece, everybody):
            self._cycles += self._meter.measure(scene)

    def ended(self) -> list[QueueCycle]:
        return [*self._cycles, *self._meter.leave()]


def _compared(
    lines: Sequence[StopLine], true: Mapping[str, Jams], found: Sequence[QueueCycle], run: SumoRun
) -> Iterator[Cycle]:
    """Every true cycle of every lane that lies in the run as a whole, and what was found in it: a
    recognised cycle belongs where its first vehicle departs."""
    for line in lines:
        begin_s = (line.red_s - run.warm_s) % line.cycle_s
        count = math.floor((run.duration_s - begin_s) / line.cycle_s)
        for number, lane in enumerate(line.lanes):
            parts: dict[int, list[QueueCycle]] = {}
            for cycle in found:
                if (cycle.approach, cycle.lane) == (line.edge, number) and cycle.green is not None:
                    green_s = (cycle.green - START) / 1e6
                    parts.setdefault(math.floor((green_s - begin_s) / line.cycle_s), []).append(
                        cycle
                    )
            for at in range(count):
                since_s = begin_s + at * line.cycle_s
                vehicles, metres = true[lane.name].most(since_s, since_s + line.cycle_s)
                here = parts.get(at, [])
                yield Cycle(
                    vehicles,
                    max((cycle.vehicles_max for cycle in here), default=0),
                    metres,
                    max((cycle.length_m_max for cycle in here), default=0.0),
                    len(here),
                )


def _delayed(
    lines: Sequence[StopLine], true: Mapping[str, Losses], found: Sequence[QueueCycle]
) -> Iterator[Delayed]:
    for line in lines:
        lost = true.get(line.edge)
        if lost is not None and lost.count:
            delay = delay_of(cycle for cycle in found if cycle.approach == line.edge)
            yield Delayed(lost.mean_s, delay.delay_s, delay.count)
