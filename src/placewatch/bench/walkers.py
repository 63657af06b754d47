"""Walkers: how people cross a road, measured on streets whose truth is known.

How this works. SUMO fills three streets: a zebra with a refuge, a school street, and a road that
people cross at a zebra and at three places that are none. Where SUMO had each of them at every
moment is the truth of its place and its speed; how many went over each crossing SUMO also says
itself, and a test holds the two together. The same road users are followed as perfect tracks and as
boxes of a detector that errs, through the tracker and the stage of a camera on a roof; both ways
end in the same measure. All runs are counted, none is left out.
"""

import bisect
import itertools
import math
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from placewatch.bench import Extent, Figure
from placewatch.bench.roof import CAMERA, POSE, START, Roof, run_all
from placewatch.core.errors import PlacewatchError
from placewatch.core.kinds import Kind
from placewatch.core.space import Point
from placewatch.measure.carriageway import Across, Carriageway, CarriagewayMeter, MarkedCrossing
from placewatch.measure.replay import GroundTracks, Replay
from placewatch.measure.scene import Scene
from placewatch.simulate.detections import Faults
from placewatch.simulate.plan import edge_xml, node_xml
from placewatch.simulate.poses import camera_at
from placewatch.simulate.street import MIX, Arm, Flow, Street, Walk, across
from placewatch.simulate.streets import street_named
from placewatch.simulate.sumo import Everybody, Piece, SumoRun

Floats = npt.NDArray[np.float64]

STREETS = ("zebra", "school", "open")
COUNT_OFF_MAX = 0.02
PLACE_M_MAX = 1.0
SPEED_M_S_MAX = 0.05
MIDBLOCK_MIN = 0.98
SAME_S, SAME_M = 5.0, 3.0  # a passage told so near a true one is that one
FIRST_S = 10.0  # whoever was on the road when the run began is across by then
LAST_S = 10.0  # before its end nobody is counted any more: some are half across
STANDS_M_S = 0.4
QUARTER_S = 900.0
NEAR_CROSSING_M = 2.0  # half of what SUMO's crossings are wide

_PIECE_M = 28.0  # of the road, to either side of the middle, that is looked at
_FAR_M = 200.0
# Where people cross the open road, and whether there is a zebra.
_OPEN = {"A": (-22.0, False), "B": (-11.0, False), "C": (0.0, True), "D": (14.0, False)}


@dataclass(frozen=True, slots=True)
class Passage:
    """Somebody crossed, as SUMO had it, or as it was measured."""

    left_s: float
    x_m: float
    y_m: float
    speed_m_s: float | None  # None: it stopped on the way
    crossing: str | None  # None: mid-block


@dataclass
class Walked:
    """One run of a street: what was true and what either way told, by the name of the carriageway.
    `counted` is SUMO's own count by crossing."""

    street: str
    seed: int
    true: dict[str, list[Passage]] = field(default_factory=dict)
    perfect: dict[str, list[Passage]] = field(default_factory=dict)
    camera: dict[str, list[Passage]] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Road:
    """A carriageway from west to east of a street, between its kerbs at `south_m` and `north_m`,
    and where SUMO lets people cross it: its name there, x, and whether it is marked."""

    name: str
    south_m: float
    north_m: float
    crossings: tuple[tuple[str, float, bool], ...]

    def carriageway(self) -> Carriageway:
        return Carriageway(
            self.name,
            _box(-_PIECE_M, _PIECE_M, self.south_m, self.north_m),
            tuple(
                MarkedCrossing(name, _box(x - 2.0, x + 2.0, self.south_m, self.north_m))
                for name, x, marked in self.crossings
                if marked
            ),
        )


def roads_of(name: str) -> tuple[Road, ...]:
    """The carriageways of one of STREETS."""
    if name == "zebra":
        return (
            Road("eastwards", -4.7, -1.5, ((":east_c0", 1.6, True),)),
            Road("westwards", 1.5, 4.7, ((":west_c0", 1.6, True),)),
        )
    if name == "school":
        return (Road("road", -3.2, 3.2, ((":C_c0", 0.0, True),)),)
    places = tuple((f":{node}_c0", x, marked) for node, (x, marked) in _OPEN.items())
    return (Road("road", -3.2, 3.2, places),)


def street_of(name: str) -> Street:
    """One of STREETS."""
    return open_road() if name == "open" else street_named(name)


def open_road() -> Street:
    """A road that people cross at a zebra and, where they find a gap, at three places beside it."""
    nodes = [node_xml("W", -_FAR_M, 0.0), node_xml("E", _FAR_M, 0.0)]
    nodes += [node_xml("W_end", -_FAR_M - 1.0, 0.0), node_xml("E_end", _FAR_M + 1.0, 0.0)]
    nodes += [node_xml(name, x, 0.0, "priority") for name, (x, _) in _OPEN.items()]
    names = [*_OPEN]
    there = ["W", *names, "E_end"]
    back = ["E", *names[::-1], "W_end"]
    edges, crossings = [], []
    for ends in (there, back):
        for a, b in itertools.pairwise(ends):
            edges.append(edge_xml(f"{a}_{b}", a, b, 1, 13.89, 2, 2.5))
    for number, (name, (_, marked)) in enumerate(_OPEN.items()):
        before = "W" if number == 0 else names[number - 1]
        after = "W_end" if number == 0 else names[number - 1]
        crossings.append(
            f'<crossing node="{name}" edges="{before}_{name} {name}_{after}" '
            f'priority="{str(marked).lower()}" width="4"/>'
        )
    walks = [
        Walk(a, b, per_h)
        for a, b, per_h in (
            ("W_A", "A_W_end", 40.0), ("B_A", "A_B", 30.0), ("A_B", "B_A", 30.0),
            ("B_C", "C_B", 40.0), ("C_B", "B_C", 40.0), ("D_E_end", "E_D", 40.0),
            ("E_D", "D_E_end", 25.0), ("W_A", "E_D", 60.0), ("E_D", "W_A", 40.0),
            ("W_A", "D_E_end", 30.0),
        )
    ]  # fmt: skip
    arms = tuple(
        Arm(name, into, out_of, *across(bearing, 30.0, 2.9, 2.9))
        for name, into, out_of, bearing in (
            ("W", "W_A", "A_W_end", 270.0), ("E", "E_D", "D_E_end", 90.0)
        )
    )  # fmt: skip
    return Street(
        "open",
        "A road that is crossed anywhere",
        f"<nodes>{''.join(nodes)}</nodes>",
        f"<edges>{''.join(edges)}</edges>",
        (Flow("W_A", "D_E_end", 250.0, MIX), Flow("E_D", "A_W_end", 250.0, MIX)),
        tuple(walks),
        arms,
        f"<connections>{''.join(crossings)}</connections>",
        ("--no-turnarounds", "true", "--walkingareas", "true"),
    )


def measure_walkers(extent: Extent) -> list[Figure]:
    """How people cross, from perfect tracks and by camera."""
    names = STREETS[: extent.streets]
    jobs = [(name, seed, extent.hours) for name in names for seed in range(1, extent.seeds + 1)]
    try:
        runs = list(run_all(walk, jobs, extent.told))
    except PlacewatchError as error:
        return [
            Figure(name, None, None, None, unit, must, "", False, str(error))
            for name, (unit, must) in _BOUNDS.items()
        ]
    true = sum(len(each) for run in runs for each in run.true.values())
    how = (
        f"{', '.join(names)}; {extent.seeds} seeds, {extent.hours:g} h each; {true} passages "
        "of people, as SUMO had them"
    )
    faults = Faults()
    noise = (
        f"by a camera on a roof whose detector misses {100 * faults.miss:g} %, sees "
        f"{100 * faults.false:g} % that is not there and trembles by {faults.jitter_px:g} px"
    )
    return [
        *figures_of(runs, "perfect", f"perfect tracks; {how}"),
        *figures_of(runs, "camera", f"{noise}; {how}"),
    ]


_BOUNDS = {
    f"accuracy.walkers.{what}.{way}": (unit, must)
    for way in ("perfect", "camera")
    for what, unit, must in (
        ("counts", "%", f"<= {100 * COUNT_OFF_MAX:g}"),
        ("place", "m", f"<= {PLACE_M_MAX:g}"),
        ("speed", "m/s", f"<= {SPEED_M_S_MAX:g}"),
        ("speed.each", "m/s", ""),
        ("midblock", "", f">= {MIDBLOCK_MIN:g}"),
    )
}
"""Figure, its unit, what is demanded."""


def walk(name: str, seed: int, hours: float, pose: str = POSE) -> Walked:
    """One run of the street `name` of STREETS, measured in both ways. Raises Misconfigured."""
    street, roads = street_of(name), roads_of(name)
    walked = Walked(name, seed)
    truth = _Truth(roads)
    plan, seen = _Plan(roads), _Seen(street, roads, pose, seed)
    run = CountedRun(street, hours * 3600.0, seed)
    with run:
        for piece in run:
            truth.follow(piece, run.everybody)
            plan.follow(piece, run.everybody)
            seen.follow(piece, run.everybody)
        walked.counted = run.walked()
    for road in roads:
        walked.true[road.name] = truth.passages(road, run.until_s)
        walked.perfect[road.name] = plan.passages(road.name, run.until_s)
        walked.camera[road.name] = seen.passages(road.name, run.until_s)
    return walked


class CountedRun(SumoRun):
    """A run in which SUMO itself counts who has walked over each of its crossings."""

    @property
    def until_s(self) -> float:
        """The end of what is counted."""
        return self.duration_s - LAST_S

    def _write_loops(self, arms: Sequence[Arm]) -> None:
        super()._write_loops(arms)
        path = self._path / "loops.add.xml"
        told = (
            f'<edgeData id="walked" file="walked.xml" begin="{self.warm_s + FIRST_S:g}" '
            f'end="{self.warm_s + self.until_s:g}" withInternal="true" '
            'detectPersons="walk" excludeEmpty="true"/>'
        )
        path.write_text(path.read_text().replace("</additional>", f"{told}</additional>"))

    def walked(self) -> Counter[str]:
        """How many left each crossing from FIRST_S to `until_s`; after the run is over."""
        root = ET.parse(self._path / "walked.xml").getroot()
        return Counter(
            {
                edge.attrib["id"]: int(edge.attrib["left"])
                for edge in root.iter("edge")
                if "_c" in edge.attrib["id"]
            }
        )


class _Truth:
    """Where SUMO had everybody on foot, and what it says of their speed."""

    def __init__(self, roads: Sequence[Road]) -> None:
        self._roads = roads
        self._rows: list[Floats] = []

    def follow(self, piece: Piece, everybody: Everybody) -> None:
        walks = np.array([kind is Kind.PEDESTRIAN for kind in everybody.kinds])[piece.who]
        near = walks & (np.abs(piece.x_m) < _PIECE_M + 5.0)
        columns = piece.who, piece.at_s, piece.x_m, piece.y_m, piece.speed_m_s
        self._rows.append(np.column_stack([column[near] for column in columns]))

    def passages(self, road: Road, until_s: float) -> list[Passage]:
        """Of everybody who went from kerb to kerb, from FIRST_S to `until_s`."""
        rows = np.concatenate(self._rows)
        rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
        found = []
        for path in np.split(rows, np.flatnonzero(np.diff(rows[:, 0])) + 1):
            found += [one for one in _crossed(path, road) if FIRST_S <= one.left_s <= until_s]
        return sorted(found, key=lambda one: one.left_s)


def _crossed(path: Floats, road: Road) -> Iterator[Passage]:
    """The passages of one person: rows of who, when, x, y, speed."""
    south, north = road.south_m, road.north_m
    y = path[:, 3]
    zone = np.where(y <= south, -1, np.where(y >= north, 1, 0))
    last = None  # the last step beside the carriageway
    for step in range(len(path)):
        if step and path[step, 1] - path[step - 1, 1] > 1.0:
            last = None
        if zone[step] == 0:
            continue
        if last is not None and zone[last] == -zone[step] and step > last:
            kerbs = (south, north) if zone[last] < 0 else (north, south)
            begun, ended = _met(path[last : last + 2], kerbs[0]), _met(path[step - 1 :], kerbs[1])
            x_m = 0.5 * (begun[1] + ended[1])
            if abs(x_m) < _PIECE_M:
                yield Passage(
                    float(ended[0]),
                    float(x_m),
                    0.5 * (south + north),
                    _walked_m_s(path[last + 1 : step, 4]),
                    next(
                        (
                            name
                            for name, at, marked in road.crossings
                            if marked and abs(at - x_m) <= NEAR_CROSSING_M + 0.5
                        ),
                        None,
                    ),
                )
        last = step


def _walked_m_s(speeds_m_s: Floats) -> float | None:
    """The mean speed of somebody who did not stop."""
    if not len(speeds_m_s) or speeds_m_s.min() < STANDS_M_S:
        return None
    return float(speeds_m_s.mean())


def _met(steps: Floats, y_m: float) -> tuple[float, float]:
    """When, and at which x, the first of `steps` led over a line from west to east."""
    (_, t1, x1, y1, _), (_, t2, x2, y2, _) = steps[0], steps[1]
    share = 0.0 if y1 == y2 else (y_m - y1) / (y2 - y1)
    return float(t1 + share * (t2 - t1)), float(x1 + share * (x2 - x1))


class _Way:
    """One way from simulated road users to passages."""

    def __init__(self, roads: Sequence[Road]) -> None:
        self.meters = [CarriagewayMeter(CAMERA, road.carriageway(), START) for road in roads]
        self._told: dict[str, list[Passage]] = {road.name: [] for road in roads}

    def take(self, scene: Scene) -> None:
        for meter in self.meters:
            self._keep(meter.carriageway.name, meter.measure(scene))

    def passages(self, road: str, until_s: float) -> list[Passage]:
        for meter in self.meters:
            if meter.carriageway.name == road:
                self._keep(road, meter.leave())
        told = [one for one in self._told[road] if FIRST_S <= one.left_s <= until_s]
        return sorted(told, key=lambda one: one.left_s)

    def _keep(self, road: str, told: Sequence[Across]) -> None:
        self._told[road] += [
            Passage(
                (one.at - START) / 1e6, one.place.x_m, one.place.y_m, one.speed_m_s, one.crossing
            )
            for one in told
        ]


class _Plan(_Way):
    """Perfect tracks, looked at from straight above."""

    def __init__(self, roads: Sequence[Road]) -> None:
        super().__init__(roads)
        self._replay = Replay(CAMERA, START)

    def follow(self, piece: Piece, everybody: Everybody) -> None:
        tracks = GroundTracks(
            piece.moments_s, piece.at_s, piece.who, piece.x_m, piece.y_m, piece.heading_rad,
            piece.speed_m_s, everybody.kinds, everybody.sizes_m(),
        )  # fmt: skip
        for scene in self._replay.scenes(tracks):
            self.take(scene)


class _Seen(_Way):
    """What a detector that errs sees of them, from a camera."""

    def __init__(self, street: Street, roads: Sequence[Road], pose: str, seed: int) -> None:
        super().__init__(roads)
        self._roof = Roof(street, camera_at(street, pose), seed)

    def follow(self, piece: Piece, everybody: Everybody) -> None:
        for scene in self._roof.scenes(piece, everybody):
            self.take(scene)


def paired(
    true: Sequence[Passage], found: Sequence[Passage]
) -> list[tuple[Passage | None, Passage | None]]:
    """Each true passage with the nearest one that was told, at most SAME_S and SAME_M away; those
    that have no other stand alone. Both in order of time."""
    times = [one.left_s for one in found]
    offs = []
    for number, one in enumerate(true):
        first = bisect.bisect_left(times, one.left_s - SAME_S)
        for other in range(first, bisect.bisect_right(times, one.left_s + SAME_S)):
            off_m = abs(one.x_m - found[other].x_m)
            if off_m <= SAME_M:
                offs.append((off_m + abs(one.left_s - times[other]), number, other))
    met: dict[int, int] = {}
    taken: set[int] = set()
    for _, number, other in sorted(offs):
        if number not in met and other not in taken:
            met[number] = other
            taken.add(other)
    pairs: list[tuple[Passage | None, Passage | None]] = [
        (one, found[met[number]] if number in met else None) for number, one in enumerate(true)
    ]
    return pairs + [(None, one) for number, one in enumerate(found) if number not in taken]


def figures_of(runs: Sequence[Walked], way: str, how: str) -> list[Figure]:
    """The figures of one way, `perfect` or `camera`, over all runs."""
    counts_off, places_m, bias_m_s, quarters_m_s = [], [], [], []
    hits = told = real = 0
    for run in runs:
        found: dict[str, list[Passage]] = getattr(run, way)
        for road, true in run.true.items():
            by_true = Counter(one.crossing for one in true)
            by_found = Counter(one.crossing for one in found[road])
            if true:
                counts_off.append(abs(len(found[road]) / len(true) - 1.0))
            quarters_m_s += list(_quarters_off(true, found[road]))
            told += by_found[None]
            real += by_true[None]
            for one, other in paired(true, found[road]):
                if one is None or other is None:
                    continue
                hits += one.crossing is None and other.crossing is None
                places_m.append(math.hypot(one.x_m - other.x_m, one.y_m - other.y_m))
                if one.speed_m_s is not None and other.speed_m_s is not None:
                    bias_m_s.append(other.speed_m_s - one.speed_m_s)
    midblock = min(hits / told if told else 1.0, hits / real if real else 1.0)
    place_m = _percentile(places_m, 95)
    each = float(np.mean(np.abs(bias_m_s))) if bias_m_s else None
    mean = float(np.mean(quarters_m_s)) if quarters_m_s else None
    count = 100 * max(counts_off, default=0.0)
    return [
        _figure(
            f"accuracy.walkers.counts.{way}",
            count,
            count <= 100 * COUNT_OFF_MAX,
            f"the worst of {len(counts_off)} runs and carriageways, "
            f"{100 * float(np.mean(counts_off or [0.0])):.2g} % on average; {how}",
        ),
        _figure(
            f"accuracy.walkers.place.{way}",
            place_m,
            place_m is not None and place_m <= PLACE_M_MAX,
            f"19 of 20 passages are nearer to their true place, half of them than "
            f"{_percentile(places_m, 50) or 0.0:.2g} m; {how}",
        ),
        _figure(
            f"accuracy.walkers.speed.{way}",
            mean,
            mean is not None and mean <= SPEED_M_S_MAX,
            f"mean error of the mean walking speeds of {len(quarters_m_s)} quarters of an hour, "
            f"which are what is told; bias {float(np.mean(bias_m_s or [0.0])):+.2g} m/s; {how}",
        ),
        _figure(
            f"accuracy.walkers.speed.each.{way}",
            each,
            True,
            f"mean error of {len(bias_m_s)} walking speeds, of one person each, which nobody is "
            f"told; {how}",
        ),
        _figure(
            f"accuracy.walkers.midblock.{way}",
            midblock,
            midblock >= MIDBLOCK_MIN,
            f"the smaller of precision ({hits} of {told} told) and recall ({hits} of {real} true); "
            f"{how}",
        ),
    ]


def _quarters_off(true: Sequence[Passage], found: Sequence[Passage]) -> Iterator[float]:
    """How far off the mean walking speed of each quarter of an hour is."""
    means: list[dict[int, list[float]]] = [{}, {}]
    for side, passages in enumerate((true, found)):
        for one in passages:
            if one.speed_m_s is not None:
                means[side].setdefault(int(one.left_s // QUARTER_S), []).append(one.speed_m_s)
    for quarter in means[0].keys() & means[1].keys():
        yield abs(float(np.mean(means[1][quarter])) - float(np.mean(means[0][quarter])))


def _figure(name: str, value: float | None, passed: bool, how: str) -> Figure:
    unit, must = _BOUNDS[name]
    return Figure(name, value, None, None, unit, must, "", passed, how)


def _percentile(values: Sequence[float], share: float) -> float | None:
    return float(np.percentile(values, share)) if values else None


def _box(west_m: float, east_m: float, south_m: float, north_m: float) -> tuple[Point, ...]:
    return (
        Point(west_m, south_m), Point(east_m, south_m), Point(east_m, north_m),
        Point(west_m, north_m),
    )  # fmt: skip
