"""Queues: how long SUMO itself says they are, and what they cost, before the signals of a street.

How this works. A lane area detector (E2) lies in every lane before a stop line and tells its jams
second by second; a multi entry exit detector (E3) over the same stretch tells what vehicles lost
there. When a signal's cycles begin stands in the network. None of it owes anything to the tracks by
which placewatch measures.
"""

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import numpy.typing as npt

from placewatch.core.space import Point
from placewatch.simulate.street import Street
from placewatch.simulate.sumo import Lane, Network, SumoRun

Floats = npt.NDArray[np.float64]

JAM_FILE, LOSS_FILE = "jams.xml", "losses.xml"
JAM_EVERY_S = 1.0
LOSS_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class StopLine:
    """The lanes of one edge up to a signal: `lanes` from the right, each straight, and the points
    of their common middle, `stop` at the line and `begin` `reach_m` upstream.

    The signal's cycle of `cycle_s` begins with red for all of them `red_s` after time 0, and every
    cycle after and before.
    """

    edge: str
    arm: str
    lanes: tuple[Lane, ...]
    stop: Point
    begin: Point
    reach_m: float
    cycle_s: float
    red_s: float

    @property
    def width_m(self) -> float:
        return sum(lane.width_m for lane in self.lanes)


@dataclass(frozen=True, slots=True)
class Jams:
    """The longest jam of one lane, as E2 has it: rows of seconds that begin at `at_s`."""

    at_s: Floats
    vehicles: Floats
    metres: Floats

    def most(self, begin_s: float, end_s: float) -> tuple[int, float]:
        """Vehicles and metres, each at their most in that time."""
        here = (self.at_s >= begin_s) & (self.at_s < end_s)
        if not here.any():
            return 0, 0.0
        return int(self.vehicles[here].max()), float(self.metres[here].max())


@dataclass(frozen=True, slots=True)
class Losses:
    """What `count` vehicles lost on one edge on average, against the speed they would have had."""

    count: int
    mean_s: float


def stop_lines(
    street: Street, network: Network, stored: Path, reach_m: Mapping[str, float] | float
) -> tuple[StopLine, ...]:
    """The ways into `street` that end at a signal, up to `reach_m` of each; by edge, those alone
    that are named. `stored` is the network's file."""
    root = ET.parse(stored).getroot()
    signals = {signal.attrib["id"]: signal for signal in root.iter("tlLogic")}
    found = []
    for arm in street.arms:
        wished = reach_m.get(arm.into) if isinstance(reach_m, Mapping) else reach_m
        lanes = tuple(lane for lane in network.lanes if lane.edge == arm.into and not lane.walked)
        links = [
            (link.attrib["tl"], int(link.attrib["linkIndex"]))
            for link in root.iter("connection")
            if link.get("from") == arm.into
            and link.get("tl") in signals
            and any(lane.name == f"{arm.into}_{link.get('fromLane')}" for lane in lanes)
        ]
        if not (wished and lanes and links):
            continue
        cycle_s, red_s = _red(signals[links[0][0]], [index for _, index in links])
        ends = np.array([lane.shape[-1] for lane in lanes]).mean(axis=0)
        begins = np.array([lane.shape[-2] for lane in lanes]).mean(axis=0)
        length_m = float(np.hypot(*(begins - ends)))
        reach = min(wished, length_m - 1.0)
        far = ends + (begins - ends) * reach / length_m
        found.append(
            StopLine(
                arm.into, arm.name, lanes, Point(*map(float, ends)), Point(*map(float, far)),
                reach, cycle_s, red_s,
            )
        )  # fmt: skip
    return tuple(found)


def detectors(lines: Sequence[StopLine], name: str = "") -> list[str]:
    """Elements of SUMO's additional file for the lanes of `lines`; `name` tells several sets apart,
    and their files."""
    rows = []
    for line in lines:
        entries, exits = [], []
        for lane in line.lanes:
            begin_m = lane.length_m - line.reach_m
            rows.append(
                f"<laneAreaDetector id={quoteattr(lane.name + name)} lane={quoteattr(lane.name)} "
                f'pos="{begin_m:.3f}" endPos="{lane.length_m - 0.01:.3f}" friendlyPos="true" '
                f'period="{JAM_EVERY_S:g}" file="{name}{JAM_FILE}"/>'
            )
            entries.append(f'<detEntry lane={quoteattr(lane.name)} pos="{begin_m:.3f}"/>')
            exits.append(f'<detExit lane={quoteattr(lane.name)} pos="{lane.length_m - 0.01:.3f}"/>')
        rows.append(
            f'<entryExitDetector id={quoteattr(line.edge + name)} period="{LOSS_EVERY_S:g}" '
            f'file="{name}{LOSS_FILE}">{"".join(entries + exits)}</entryExitDetector>'
        )
    return rows


def jams(run: SumoRun, name: str = "") -> dict[str, Jams]:
    """The jams of each lane by its name, after `run` is over."""
    rows: dict[str, list[tuple[float, float, float]]] = {}
    for _, element in ET.iterparse(run.folder / f"{name}{JAM_FILE}"):
        if element.tag == "interval":
            at_s = float(element.attrib["begin"]) - run.warm_s
            if at_s >= 0.0:
                lane = element.attrib["id"].removesuffix(name)
                rows.setdefault(lane, []).append(
                    (
                        at_s,
                        float(element.attrib["maxJamLengthInVehicles"]),
                        float(element.attrib["maxJamLengthInMeters"]),
                    )
                )
            element.clear()
    return {lane: Jams(*np.array(told).T) for lane, told in rows.items()}


def losses(run: SumoRun, name: str = "") -> dict[str, Losses]:
    """What vehicles lost on each edge, by its name, after `run` is over."""
    totals: dict[str, tuple[int, float]] = {}
    for _, element in ET.iterparse(run.folder / f"{name}{LOSS_FILE}"):
        if element.tag == "interval" and float(element.attrib["begin"]) >= run.warm_s:
            edge, count = element.attrib["id"].removesuffix(name), int(element.attrib["vehicleSum"])
            had, lost_s = totals.get(edge, (0, 0.0))
            mean_s = float(element.attrib["meanTimeLoss"]) if count else 0.0
            totals[edge] = had + count, lost_s + count * mean_s
    return {
        edge: Losses(count, lost_s / count if count else 0.0)
        for edge, (count, lost_s) in totals.items()
    }


def _red(signal: ET.Element, links: Sequence[int]) -> tuple[float, float]:
    """How long a cycle is, and how long after time 0 the red of all `links` begins. Whatever is
    yellow may still be driven into."""
    phases = [
        (float(phase.attrib["duration"]), any(phase.attrib["state"][n] in "gGyY" for n in links))
        for phase in signal.iter("phase")
    ]
    cycle_s = sum(duration for duration, _ in phases)
    at_s = float(signal.get("offset", "0"))
    for number, (duration, open_) in enumerate(phases):
        if not open_ and phases[number - 1][1]:
            return cycle_s, at_s % cycle_s
        at_s += duration
    return cycle_s, 0.0
