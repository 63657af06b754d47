"""Reference: what other programs say of recorded tracks, and whether placewatch says the same.

How this works. A folder holds trajectories with the published results of who measured them: SSAM's
list of conflicts of a junction (`conflicts/`), JPSreport's flow and densities of people in the
Jülich experiments (`trajectories/pedestrians-juelich/`), and two scenarios of CommonRoad
(`trajectories/vehicles-commonroad/`). They are not shipped with placewatch; whoever has them names
the folder (`--data`).
"""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from placewatch.bench import Extent, Figure
from placewatch.bench.crime import crime_share
from placewatch.core.errors import PlacewatchError
from placewatch.core.kinds import Kind
from placewatch.core.space import Point
from placewatch.measure.crowd import CrowdArea, velocities_m_s
from placewatch.measure.passage_flow import passages
from placewatch.measure.replay import GroundTracks
from placewatch.measure.ssam import conflicts, read_trj

F1_MIN, VORONOI_MAX = 0.99, 0.01
FPS, FLOW_FRAMES = 16.0, 10  # of the experiments; over which a speed was taken
ALIKE_S = 0.05  # half of a step of SSAM's list
FLOWS = (("bottleneck", "area_L[@id='4']"), ("corner", "area_B[@id='1']"))
"""Experiments, and the line over which people were counted."""

Floats = npt.NDArray[np.float64]

_BOUNDS = {
    "accuracy.conflicts.ssam": ("", f">= {F1_MIN:g}"),
    "accuracy.conflicts.crime": ("", f">= {F1_MIN:g}"),
    "accuracy.flow.people": ("people", "<= 0"),
    "accuracy.density.voronoi": ("/m²", f"<= {VORONOI_MAX:g}"),
}


def measure_reference(extent: Extent) -> list[Figure]:
    """Conflicts, people over a line and densities, beside what was published of them."""
    if extent.data is None:
        why = "needs recorded tracks and their published results: name their folder with --data"
        return [_none(name, why) for name in _BOUNDS]
    return [
        _told("accuracy.conflicts.ssam", extent.data, _conflicts),
        _told("accuracy.conflicts.crime", extent.data, crime_share),
        _told("accuracy.flow.people", extent.data, _flow),
        _told("accuracy.density.voronoi", extent.data, _density),
    ]


def _told(name: str, data: Path, measured: Callable[[Path], tuple[float, str]]) -> Figure:
    unit, must = _BOUNDS[name]
    try:
        value, how = measured(data)
    except (OSError, LookupError, ValueError, AttributeError, PlacewatchError) as error:
        return _none(name, f"{data} does not hold it: {error}")
    passed = value >= F1_MIN if must.startswith(">=") else value <= float(must[3:])
    return Figure(name, value, None, None, unit, must, "", passed, how)


def _none(name: str, why: str) -> Figure:
    return Figure(name, None, None, None, *_BOUNDS[name], "", False, why)


def _conflicts(data: Path) -> tuple[float, str]:
    """F1 of conflicts: the same two, at the same tenth of a second, of the same type."""
    found = same = listed = 0
    files = sorted((data / "conflicts").glob("*.trj"))
    for file in files:
        mine = conflicts(read_trj(file))
        text = file.with_suffix(".ssam.csv").read_text("utf-8")
        rows = list(csv.reader(text[text.index("Time (min TTC)") :].strip().splitlines()))[1:]
        found, listed = found + len(mine), listed + len(rows)
        same += sum(
            any(
                (int(row[5]), int(row[6]), row[4]) == (each.first, each.second, each.type)
                and abs(float(row[0]) - each.at_s) < ALIKE_S
                for each in mine
            )
            for row in rows
        )
    if not files:
        raise FileNotFoundError("no conflicts/*.trj")
    return 2.0 * same / (found + listed), (
        f"F1 of {found} conflicts that were found and {listed} of SSAM's list, of which {same} are "
        f"the same: the same two, tenth of a second and type; {len(files)} files"
    )


def _flow(data: Path) -> tuple[float, str]:
    """How many people the counts over a line are off, at the worst of all frames."""
    worst, frames, people = 0, 0, 0
    for name, line in FLOWS:
        folder = _folder(data, name)
        tracks, settings = _walked(folder), ElementTree.parse(folder / "ini.xml").getroot()
        element = _found(settings, f"measurement_areas/{line}")
        a, b = (Point(float(end.attrib["x"]), float(end.attrib["y"])) for end in element[:2])
        (file,) = (folder / "results/Fundamental_Diagram/FlowVelocity").glob("Flow_NT_*")
        theirs = np.loadtxt(file)
        passed = passages(tracks, a, b)
        off = np.abs(passed.counts(theirs[:, 0] / FPS) - theirs[:, 2])
        worst, frames = max(worst, int(off.max())), frames + len(off)
        people += len(passed)
    return float(worst), (
        f"the cumulative count of {people} people over the lines of {len(FLOWS)} experiments, at "
        f"the worst of {frames} frames, beside JPSreport's"
    )


def _density(data: Path) -> tuple[float, str]:
    """How far off Voronoi densities are, on average."""
    off = [each for name, _ in FLOWS for each in _densities_off(_folder(data, name))]
    return float(np.mean(off)), (
        f"the mean over {len(off)} frames of {len(FLOWS)} experiments, beside JPSreport's; at the "
        f"worst frame {max(off):.3f}"
    )


def _densities_off(folder: Path) -> Iterator[float]:
    tracks = _walked(folder)
    people = np.column_stack([tracks.x_m, tracks.y_m])
    settings = ElementTree.parse(folder / "ini.xml").getroot()
    area = _found(settings, "measurement_areas/area_B[@id='1']")
    around = ElementTree.parse(folder / "geo.xml")
    measured = CrowdArea(
        [Point(float(v.attrib["x"]), float(v.attrib["y"])) for v in area.iter("vertex")],
        [Point(float(v.attrib["px"]), float(v.attrib["py"])) for v in around.iter("vertex")],
        None,
    )
    results = folder / "results/Fundamental_Diagram/Classical_Voronoi"
    (file,) = results.glob("rho_v_Voronoi_*id_1.dat")
    frames = np.round(tracks.at_s * FPS).astype(np.int64)
    for frame, density, *_ in np.loadtxt(file):
        now = frames == int(frame)
        crowd = measured.measure(people[now], np.zeros((int(now.sum()), 2)))
        yield abs(crowd.density_per_m2_voronoi - density)


def _found(settings: ElementTree.Element, path: str) -> ElementTree.Element:
    element = settings.find(path)
    if element is None:
        raise LookupError(f"no {path} in its settings")
    return element


def _folder(data: Path, name: str) -> Path:
    return data / "trajectories/pedestrians-juelich" / name


def _walked(folder: Path) -> GroundTracks:
    """Everybody's way in an experiment."""
    who, frame, x_m, y_m = np.loadtxt(folder / "traj.txt", usecols=(0, 1, 2, 3)).T
    number = who.astype(np.int64)
    velocities = velocities_m_s(frame / FPS, number, np.column_stack([x_m, y_m]), FLOW_FRAMES / FPS)
    count = int(number.max()) + 1
    return GroundTracks(
        moments_s=np.unique(frame / FPS),
        at_s=frame / FPS,
        who=number,
        x_m=x_m,
        y_m=y_m,
        heading_rad=np.zeros(len(who)),
        speed_m_s=np.hypot(*velocities.T),
        kinds=[Kind.PEDESTRIAN] * count,
        sizes_m=np.full((count, 2), 0.5),
    )
