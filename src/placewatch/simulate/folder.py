"""Folder: a simulated street as files: what was true, what a detector saw, and a camera's settings.

truth/passages.csv    when and how fast each vehicle's front passed the loops of an arm: SUMO's word
truth/movements.csv   how many went from which arm to which, a quarter of an hour each
truth/tracks.parquet  where everybody was, in metres
truth/queues.csv      the longest queue of each lane in each cycle of a signal, as SUMO says
truth/delays.csv      what vehicles lost before each signal on average, likewise
truth/densities.csv   how many people were in each area of a square or platform, each second
truth/trains.csv      when trains stopped there
truth/incidents.csv   which incidents were planted, when and where
detections.parquet    what a detector that errs saw of them, in pixels
placewatch.toml       the camera, with its counting lines and ground points
film.mp4              what the camera sends, where a film is wished
"""

import collections
import contextlib
import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from placewatch.core.errors import Misconfigured
from placewatch.core.kinds import KINDS, Kind
from placewatch.core.space import PicturePoint, Point
from placewatch.simulate.conditions import DAY, Conditions
from placewatch.simulate.crossing import Passage
from placewatch.simulate.crowd import Crowd
from placewatch.simulate.densities import Densities
from placewatch.simulate.detections import Eye, Faults
from placewatch.simulate.incidents import Planted, Plants, Wish
from placewatch.simulate.pinhole import Pinhole
from placewatch.simulate.poses import camera_at, ground_points, in_front
from placewatch.simulate.queues import (
    Jams,
    Losses,
    StopLine,
    detectors,
    jams,
    losses,
    stop_lines,
)
from placewatch.simulate.street import Street
from placewatch.simulate.sumo import STEP_S, Everybody, Network, Piece, SumoRun

BIN_S = 900.0
QUEUE_REACH_M = 160.0  # before a stop line

_TRACK_FIELDS: "list[pa.Field[Any]]" = [
    pa.field("at_s", pa.float64()),
    pa.field("who", pa.int32()),
    pa.field("kind", pa.dictionary(pa.int8(), pa.string())),
    pa.field("x_m", pa.float32()),
    pa.field("y_m", pa.float32()),
    pa.field("heading_deg", pa.float32()),
    pa.field("speed_m_s", pa.float32()),
    pa.field("length_m", pa.float32()),
    pa.field("width_m", pa.float32()),
]
_TRACKS = pa.schema(_TRACK_FIELDS)
_DETECTIONS = pa.schema(
    [
        pa.field("at_s", pa.float64()),
        pa.field("left_px", pa.float32()),
        pa.field("top_px", pa.float32()),
        pa.field("right_px", pa.float32()),
        pa.field("bottom_px", pa.float32()),
        pa.field("score", pa.float32()),
        pa.field("kind", pa.dictionary(pa.int8(), pa.string())),
        pa.field("who", pa.int32()),  # -1: nobody is there
    ]
)
_KIND_NAMES = pa.array([str(kind) for kind in KINDS])


@dataclass(frozen=True, slots=True)
class Film:
    """What a film shall be like."""

    width_px: int = 1280
    height_px: int = 720
    fps: float = 25.0
    conditions: Conditions = DAY


@dataclass(frozen=True, slots=True)
class Simulated:
    """What was written: how many road users of each kind came, passages and detections."""

    kinds: dict[Kind, int]
    passages: int
    detections: int


def simulate_to(
    folder: Path,
    street: Street,
    duration_s: float,
    seed: int = 1,
    pose: str = "roof",
    *,
    faults: Faults | None = None,
    film: Film | None = None,
    incidents: Sequence[Wish] = (),
    told: Callable[[float], None] = lambda share: None,
) -> Simulated:
    """Fills `folder`, which must be empty or not be there. `told` hears the share that is done.

    Without a `film` ten moments a second are simulated, else as many as it has frames. The same
    call gives the same files. `incidents` are planted. Raises Misconfigured.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Misconfigured(f"{folder} is not empty", hint="name a new folder with --out")
    size_px = (1920, 1080) if film is None else (film.width_px, film.height_px)
    camera = camera_at(street, pose, *size_px)
    eye = Eye(camera, faults or Faults(), seed)
    detections = 0
    step_s = STEP_S if film is None else 1.0 / film.fps
    signals: list[StopLine] = []

    def detect(network: Network, stored: Path) -> list[str]:
        signals.extend(stop_lines(street, network, stored, QUEUE_REACH_M))
        return detectors(signals)

    with SumoRun(street, duration_s, seed, step_s=step_s, detectors=detect) as run:
        plants = Plants(run, incidents)
        densities = Densities(street.crowd.areas if street.crowd is not None else ())
        (folder / "truth").mkdir(parents=True, exist_ok=True)
        with (
            pq.ParquetWriter(folder / "truth/tracks.parquet", _TRACKS) as tracks,
            pq.ParquetWriter(
                folder / "detections.parquet",
                _DETECTIONS.with_metadata(
                    {"width_px": str(size_px[0]), "height_px": str(size_px[1])}
                ),
            ) as seen,
        ):
            came: set[int] = set()

            def kept() -> Iterator[Piece]:
                nonlocal detections
                for piece in run:
                    densities.look(piece, run.everybody)
                    came.update(np.unique(piece.who).tolist())
                    if len(piece):
                        tracks.write_table(_tracks(piece, run.everybody))
                        table = _seen(piece, run.everybody, eye)
                        detections += table.num_rows
                        seen.write_table(table)
                    yield piece

            if film is None:
                for piece in kept():
                    told(float(piece.moments_s[-1]) / duration_s)
            else:
                from placewatch.simulate.film import write_film  # drawing takes long to load

                path = folder / "film.mp4"
                for media_s in write_film(path, run, kept(), camera, film.fps, film.conditions):
                    told(media_s / duration_s)
        passages = run.passages()
        planted = plants.planted()
        kinds = collections.Counter(run.everybody.kinds[who] for who in came)
        if signals:
            _write_queues(folder / "truth/queues.csv", signals, jams(run), run)
            _write_delays(folder / "truth/delays.csv", signals, losses(run))
    write_passages(folder / "truth/passages.csv", passages, run.everybody)
    write_movements(folder / "truth/movements.csv", passages, run.everybody, duration_s)
    if street.crowd is not None:
        _write_crowd(folder, street.crowd, densities, duration_s)
    if incidents:
        _write_incidents(folder / "truth/incidents.csv", planted)
    (folder / "placewatch.toml").write_text(settings(street, camera), encoding="utf-8")
    return Simulated(dict(kinds), len(passages), detections)


def movements(
    passages: Iterable[Passage], everybody: Everybody
) -> Iterator[tuple[float, str | None, str, Kind]]:
    """When somebody left by an arm, by which it had come (None: before the beginning), by which it
    left, and what it was."""
    came_by: dict[int, str] = {}
    for passage in passages:
        if passage.inwards:
            came_by[passage.who] = passage.arm
        else:
            kind = everybody.kinds[passage.who]
            yield passage.at_s, came_by.pop(passage.who, None), passage.arm, kind


def write_passages(path: Path, passages: Iterable[Passage], everybody: Everybody) -> None:
    with _table(path, "at_s", "arm", "inwards", "kind", "who", "speed_m_s") as write:
        for one in passages:
            kind = everybody.kinds[one.who]
            speed = "" if one.speed_m_s is None else f"{one.speed_m_s:.2f}"
            write(f"{one.at_s:.3f}", one.arm, int(one.inwards), kind, one.who, speed)


def write_movements(
    path: Path, passages: Iterable[Passage], everybody: Everybody, duration_s: float
) -> None:
    counts = collections.Counter(
        (int(at_s // BIN_S), came_by or "", left_by, kind)
        for at_s, came_by, left_by, kind in movements(passages, everybody)
    )
    with _table(path, "at_s", "window_s", "from_arm", "to_arm", "kind", "count") as write:
        for (number, came_by, left_by, kind), count in sorted(counts.items()):
            begin_s = number * BIN_S
            write(
                f"{begin_s:g}", f"{min(BIN_S, duration_s - begin_s):g}", came_by, left_by, kind,
                count,
            )  # fmt: skip


def _write_queues(
    path: Path, signals: Sequence[StopLine], true: Mapping[str, Jams], run: SumoRun
) -> None:
    """Every cycle that lies in the run as a whole; it begins with red. Lanes count from the right,
    from 0."""
    with _table(path, "at_s", "cycle_s", "arm", "lane", "vehicles_max", "length_m_max") as write:
        for line in signals:
            begin_s = (line.red_s - run.warm_s) % line.cycle_s
            for number, lane in enumerate(line.lanes):
                at_s = begin_s
                while at_s + line.cycle_s <= run.duration_s and lane.name in true:
                    vehicles, metres = true[lane.name].most(at_s, at_s + line.cycle_s)
                    cell = f"{at_s:g}", f"{line.cycle_s:g}", line.arm, number
                    write(*cell, vehicles, f"{metres:.1f}")
                    at_s += line.cycle_s


def _write_delays(path: Path, signals: Sequence[StopLine], true: Mapping[str, Losses]) -> None:
    with _table(path, "arm", "vehicles", "delay_s_mean") as write:
        for line in signals:
            lost = true.get(line.edge)
            if lost is not None:
                write(line.arm, lost.count, f"{lost.mean_s:.2f}" if lost.count else "")


def _write_crowd(folder: Path, crowd: Crowd, densities: Densities, duration_s: float) -> None:
    with _table(folder / "truth/densities.csv", *densities.COLUMNS) as write:
        for at_s, area, people, per_m2 in densities.rows:
            write(f"{at_s:g}", area, people, f"{per_m2:.4f}")
    if crowd.trains is not None:
        with _table(folder / "truth/trains.csv", "stops_s", "leaves_s") as write:
            for at_s in crowd.trains.stops_s(0.0, duration_s):
                write(f"{at_s:g}", f"{at_s + crowd.trains.stop_s:g}")


def _write_incidents(path: Path, planted: Iterable[Planted]) -> None:
    with _table(path, "kind", "begin_s", "end_s", "x_m", "y_m", "lane") as write:
        for one in planted:
            write(
                one.kind, f"{one.begin_s:.3f}", f"{one.end_s:.3f}", f"{one.x_m:.3f}",
                f"{one.y_m:.3f}", one.lane,
            )  # fmt: skip


def lines_px(street: Street, camera: Pinhole) -> list[tuple[str, PicturePoint, PicturePoint]]:
    """(name, from, to) of the counting lines across the arms that the camera sees."""
    return [
        (
            arm.name,
            _inside(camera.to_picture(arm.start), camera),
            _inside(camera.to_picture(arm.end), camera),
        )
        for arm in street.arms
        if in_front(camera, arm.start) and in_front(camera, arm.end)
    ]


def settings(street: Street, camera: Pinhole) -> str:
    """The camera as settings of a node; of an arm that it does not see there is no line."""
    lines = [
        f"# {street.title}, simulated.",
        f"site = {json.dumps(street.title)}",
        "",
        "[[camera]]",
        f"id = {json.dumps(street.name)}",
        'url = "film.mp4"',
        "",
        "  [camera.notice]",
        f"  place = {json.dumps(street.title)}",
        '  purpose = "Simulation: nobody lives here"',
        '  legal_basis = "none is needed"',
        '  owner = "whoever runs the simulation"',
        '  contact = "nobody@example.org"',
        "  until = 2099-12-31",
    ]
    for name, start, end in lines_px(street, camera):
        lines += [
            "",
            "  [[camera.line]]",
            f"  name = {json.dumps(name)}",
            f"  arm = {json.dumps(name)}",
            f"  from_px = [{start.x_px:.1f}, {start.y_px:.1f}]",
            f"  to_px = [{end.x_px:.1f}, {end.y_px:.1f}]",
        ]
    for area in street.crowd.areas if street.crowd is not None else ():
        corners = [Point(*corner) for corner in area.corners]
        if all(in_front(camera, corner) for corner in corners):
            seen = [_inside(camera.to_picture(corner), camera) for corner in corners]
            told = ", ".join(f"[{corner.x_px:.1f}, {corner.y_px:.1f}]" for corner in seen)
            lines += [
                "",
                "  [[camera.area]]",
                f"  name = {json.dumps(area.name)}",
                f"  corners_px = [{told}]",
            ]
    for picture, place in ground_points(camera, street):
        lines += [
            "",
            "  [[camera.ground]]",
            f"  x_px = {picture.x_px:.2f}",
            f"  y_px = {picture.y_px:.2f}",
            f"  x_m = {place.x_m:.2f}",
            f"  y_m = {place.y_m:.2f}",
        ]
    return "\n".join(lines) + "\n"


def _inside(point: PicturePoint, camera: Pinhole) -> PicturePoint:
    return PicturePoint(
        min(max(point.x_px, 0.0), float(camera.width_px)),
        min(max(point.y_px, 0.0), float(camera.height_px)),
    )


def _tracks(piece: Piece, everybody: Everybody) -> pa.Table:
    sizes_m = everybody.sizes_m()[piece.who]
    x_m, y_m = piece.middles_m(everybody.lengths_m())
    columns = [
        piece.at_s,
        piece.who.astype(np.int32),
        _kinds(everybody.kind_numbers()[piece.who]),
        *(np.asarray(values, np.float32) for values in (x_m, y_m)),
        np.degrees(piece.heading_rad).astype(np.float32) % np.float32(360.0),
        piece.speed_m_s.astype(np.float32),
        *sizes_m.astype(np.float32).T,
    ]
    return pa.table(dict(zip(_TRACKS.names, columns, strict=True)), schema=_TRACKS)


def _seen(piece: Piece, everybody: Everybody, eye: Eye) -> pa.Table:
    kinds = everybody.kind_numbers()[piece.who]
    x_m, y_m = piece.middles_m(everybody.lengths_m())
    seen = eye.look(piece.moments_s, piece.at_s, piece.who, x_m, y_m, piece.heading_rad, kinds)
    columns = [
        np.repeat(seen.at_s, np.diff(seen.begins)),
        *seen.rows[:, :5].astype(np.float32).T,
        _kinds(seen.rows[:, 5]),
        seen.who.astype(np.int32),
    ]
    return pa.table(dict(zip(_DETECTIONS.names, columns, strict=True)), schema=_DETECTIONS)


def _kinds(numbers: "npt.NDArray[Any]") -> "pa.DictionaryArray[Any, Any]":
    return pa.DictionaryArray.from_arrays(numbers.astype(np.int8), _KIND_NAMES)


@contextlib.contextmanager
def _table(path: Path, *names: str) -> Iterator[Callable[..., None]]:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(names)
        yield lambda *values: writer.writerow(values)
