"""Commonroad: road users and lanelets of CommonRoad's scenario files.

A scenario is an XML document: lanelets, each with two bounds; crossings of roads, each with the
lanelets that lead onto it; and obstacles with their states, step by step (Althoff, Koschi and
Manzinger: CommonRoad: composable benchmarks for motion planning on roads. IEEE IV 2017; the
formats 2018b and 2020a, https://commonroad.in.tum.de). Read are those whose way is known. Obstacles
that never move, and those of which only is said where they may be, are left out, as are traffic
signs, lights and what a car is to plan.

A file is somebody else's: one that declares entities or is no XML is refused, and nothing it names
is ever fetched.
"""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from placewatch.core.errors import Rejected
from placewatch.core.kinds import Kind
from placewatch.measure.lanelet import Lanelet, LaneMap
from placewatch.measure.replay import GroundTracks

Floats = npt.NDArray[np.float64]

BYTES_MAX = 1 << 28
STEPS_MAX = 10_000_000

KIND_OF_TYPE = {
    "pedestrian": Kind.PEDESTRIAN,
    "bicycle": Kind.BICYCLE,
    "motorcycle": Kind.MOTORCYCLE,
    "car": Kind.CAR,
    "taxi": Kind.CAR,
    "parkedVehicle": Kind.CAR,
    "priorityVehicle": Kind.VAN,
    "bus": Kind.BUS,
    "truck": Kind.TRUCK,
}
"""CommonRoad's types of obstacles; all others (train, unknown) are unknown."""

_WHICH = "name a scenario of CommonRoad, .xml"
_SIDES = ("left", "right", "straight")


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """What is read of a file. `names` (M,) are the file's numbers of its road users: they mean
    nothing beyond it, and are for comparing with other programs only."""

    tracks: GroundTracks
    lanes: LaneMap
    names: tuple[int, ...]
    step_s: float


def read_commonroad(path: Path) -> Scenario:
    """The scenario in the file `path`. Raises Rejected where it is none, OSError where it cannot be
    read. Places are the middles of road users."""
    root = _document(path)
    with _told(path.name):
        return _scenario(root, path.name)


def read_lanelets(path: Path) -> LaneMap:
    """The lanelets alone: of a file that may hold no road users. Raises as `read_commonroad`."""
    root = _document(path)
    with _told(path.name):
        return _lanes(root)


@contextlib.contextmanager
def _told(name: str) -> Iterator[None]:
    """What is wrong with a file, in one sentence."""
    try:
        yield
    except KeyError as error:
        raise Rejected(f"{name} is no scenario of CommonRoad: no {error}", _WHICH) from error
    except (ValueError, OverflowError) as error:
        raise Rejected(f"{name} is no scenario of CommonRoad: {error}", _WHICH) from error


def _document(path: Path) -> ElementTree.Element:
    if path.stat().st_size > BYTES_MAX:
        raise Rejected(f"{path.name} is larger than {BYTES_MAX >> 20} MiB", _WHICH)
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Rejected(f"{path.name} is no scenario of CommonRoad: not UTF-8", _WHICH) from error
    # Entities, which can grow without end and point at other files, are declared nowhere else.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise Rejected(f"{path.name} declares entities, which no scenario does", _WHICH)
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise Rejected(f"{path.name} is no XML: {error}", _WHICH) from error
    if root.tag != "commonRoad":
        raise Rejected(f"{path.name} is no scenario of CommonRoad", _WHICH)
    return root


def _scenario(root: ElementTree.Element, name: str) -> Scenario:
    step_s = float(root.attrib["timeStepSize"])
    if not 0.0 < step_s <= 60.0:
        raise ValueError(f"its steps are {step_s:g} s")
    kept: list[tuple[int, Kind, tuple[float, float], Floats]] = []
    for obstacle in _moving(root):
        states = _states(obstacle)
        if len(states):
            kind = KIND_OF_TYPE.get(_text(obstacle, "type"), Kind.UNKNOWN)
            kept.append((int(obstacle.attrib["id"]), kind, _size_m(obstacle), states))
    if not kept:
        raise Rejected(f"{name} holds not a single track", _WHICH)
    count = [len(states) for *_, states in kept]
    step, x_m, y_m, heading, speed = np.concatenate([states for *_, states in kept]).T
    first, last = int(step.min()), int(step.max())
    return Scenario(
        GroundTracks(
            moments_s=np.arange(first, last + 1, dtype=np.float64) * step_s,
            at_s=step * step_s,
            who=np.repeat(np.arange(len(kept)), count),
            x_m=x_m,
            y_m=y_m,
            heading_rad=heading,
            speed_m_s=speed,
            kinds=[kind for _, kind, _, _ in kept],
            sizes_m=np.array([size for *_, size, _ in kept], np.float64),
        ),
        _lanes(root),
        tuple(number for number, *_ in kept),
        step_s,
    )


def _lanes(root: ElementTree.Element) -> LaneMap:
    lanelets = [_lanelet(one) for one in root.findall("lanelet")]
    if len({one.number for one in lanelets}) < len(lanelets):
        raise ValueError("two lanelets have one number")
    return LaneMap(lanelets, *_junctions(root))


def _lanelet(element: ElementTree.Element) -> Lanelet:
    left, right = element.find("adjacentLeft"), element.find("adjacentRight")
    return Lanelet(
        int(element.attrib["id"]),
        _bound(element, "leftBound"),
        _bound(element, "rightBound"),
        tuple(int(one.attrib["ref"]) for one in element.findall("predecessor")),
        tuple(int(one.attrib["ref"]) for one in element.findall("successor")),
        None if left is None else int(left.attrib["ref"]),
        None if right is None else int(right.attrib["ref"]),
        left is not None and left.get("drivingDir") == "opposite",
        right is not None and right.get("drivingDir") == "opposite",
    )


def _bound(element: ElementTree.Element, side: str) -> Floats:
    points = [
        (float(_text(point, "x")), float(_text(point, "y")))
        for point in element.findall(f"{side}/point")
    ]
    return np.array(points, np.float64).reshape(-1, 2)


def _junctions(root: ElementTree.Element) -> tuple[dict[int, int], set[int]]:
    """By which arm lanelets lead onto junctions, and the lanelets on them."""
    arms: dict[int, int] = {}
    turns = {
        int(one.attrib["id"])
        for one in root.findall("lanelet")
        if any((kind.text or "").strip() == "intersection" for kind in one.findall("laneletType"))
    }
    for junction in root.findall("intersection"):
        for incoming in junction.findall("incoming"):
            for one in incoming.findall("incomingLanelet"):
                arms[int(one.attrib["ref"])] = int(incoming.attrib["id"])
            # 2020a has an element for each of them, what came before one for all.
            for side in _SIDES:
                for one in incoming.findall(f"successors{side.capitalize()}"):
                    turns.add(int(one.attrib["ref"]))
    return arms, turns


def _moving(root: ElementTree.Element) -> Iterator[ElementTree.Element]:
    yield from root.findall("dynamicObstacle")
    for obstacle in root.findall("obstacle"):  # up to 2018b
        if _text(obstacle, "role") == "dynamic":
            yield obstacle


def _states(obstacle: ElementTree.Element) -> Floats:
    """(N, 5): step, x, y, heading, speed, in order of time; empty where its way is not known."""
    number = obstacle.get("id")
    initial, later = obstacle.find("initialState"), obstacle.findall("trajectory/state")
    if initial is None or not later:
        return np.empty((0, 5))
    rows = []
    for state in (initial, *later):
        point = state.find("position/point")
        if point is None:
            raise ValueError(f"obstacle {number} is not at one point")
        rows.append(
            (
                _exact(state, "time", number),
                float(_text(point, "x")),
                float(_text(point, "y")),
                _exact(state, "orientation", number),
                _exact(state, "velocity", number),
            )
        )
    table = np.array(rows, np.float64)
    if not np.isfinite(table).all():
        raise ValueError(f"obstacle {number} has a state that is no number")
    steps = table[:, 0]
    if (np.diff(steps) <= 0.0).any() or (steps != np.rint(steps)).any():
        raise ValueError(f"obstacle {number} goes back in time")
    if steps[0] < 0 or steps[-1] > STEPS_MAX:
        raise ValueError(f"obstacle {number} is there at step {steps[-1]:g}")
    return table


def _exact(state: ElementTree.Element, name: str, number: str | None) -> float:
    found = state.find(f"{name}/exact")
    if found is None or found.text is None:
        raise ValueError(f"the {name} of obstacle {number} is not told exactly")
    return float(found.text)


def _size_m(obstacle: ElementTree.Element) -> tuple[float, float]:
    """Length and width; of a shape that is no rectangle, those of one around it."""
    number = obstacle.get("id")
    rectangle = obstacle.find("shape/rectangle")
    circle = obstacle.find("shape/circle")
    corners = [
        (float(_text(point, "x")), float(_text(point, "y")))
        for point in obstacle.findall("shape/polygon/point")
    ]
    if rectangle is not None:
        size = float(_text(rectangle, "length")), float(_text(rectangle, "width"))
    elif circle is not None:
        size = (2.0 * float(_text(circle, "radius")),) * 2
    elif corners:
        x_m, y_m = np.array(corners).T
        size = 2.0 * float(np.abs(x_m).max()), 2.0 * float(np.abs(y_m).max())
    else:
        raise ValueError(f"obstacle {number} has no shape")
    if not all(0.0 < side < math.inf for side in size):
        raise ValueError(f"obstacle {number} has no size")
    return size


def _text(element: ElementTree.Element, name: str) -> str:
    found = element.find(name)
    if found is None or found.text is None:
        raise ValueError(f"{element.tag} {element.get('id', '')} has no {name}")
    return found.text.strip()
