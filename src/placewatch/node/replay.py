"""Replay: recorded tracks measured again with other lines, and stored facts in other windows.

How this works. Boxes on a picture (`.ottrk`, or the detections of `placewatch simulate`, which say
whose they are) and places on the ground (its true tracks, SSAM's `.trj`, CommonRoad's scenarios)
become scenes, and go the way that a camera's scenes go: through lines, areas, approaches and
carriageways to facts. Tracks on the ground are looked at from straight above, as a plan of 20
pixels a metre, and their lines are in metres. Conflicts are found among all paths at once
(measure/recorded.py), by the definitions that are asked for.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from placewatch.capture.source import StreamInfo
from placewatch.core.bins import Bin
from placewatch.core.errors import Misconfigured, Rejected
from placewatch.core.facts import (
    CameraHealth,
    Conflict,
    Fact,
    FootCrossings,
    LaneQueue,
    LineCount,
    LineFlow,
    MovementCount,
    SpeedCount,
    ZoneCount,
    ZoneUse,
)
from placewatch.core.ids import CameraId, camera_id
from placewatch.core.kinds import KINDS, NUMBER_OF, Kind
from placewatch.core.space import PicturePoint, Point
from placewatch.core.time import MINUTE_US, SystemClock, UtcMicros, minute_of
from placewatch.measure.commonroad import read_commonroad, read_lanelets
from placewatch.measure.encounter import Mode, trajectories_of
from placewatch.measure.flow import UNSEEN_AFTER_S
from placewatch.measure.ground import Ground
from placewatch.measure.lanelet import LaneMap
from placewatch.measure.line import CountingLine
from placewatch.measure.meters import Meters
from placewatch.measure.ottrk import CLASS_OF_KIND, pack_ottrk, read_ottrk, read_sections
from placewatch.measure.picture_tracks import PictureTracks, scenes
from placewatch.measure.recorded import Gathered, conflicts_among, paths_among, tracks_of
from placewatch.measure.replay import PX_PER_M, GroundTracks, Replay, on_plan, unrecorded_s
from placewatch.measure.scene import Scene
from placewatch.measure.ssam import Trajectories, pack_trj, read_trj
from placewatch.node import config as settings
from placewatch.node.drawn_road import check_standpoint
from placewatch.node.equip import check_picture, ground_of, road_of, zones_of
from placewatch.node.interchange import zone_named
from placewatch.node.offline import Seen, deliver, instant_of, lines_of
from placewatch.node.road import approaches_told, carriageways_told
from placewatch.publish.watch import WatchedLine, WatchSummary
from placewatch.publish.whole import write_whole
from placewatch.store.bins import EVERY_MIN, bins_of, read_facts, span_of
from placewatch.store.disk import whole_file

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

MARGIN_M = 2.0
FAR_M = 100.0  # from all tracks: a line there is a mistake, as pixels for metres
"""Of the plan, around all that was recorded."""

_FILES = (
    "an .ottrk, a .trj of SSAM, an .xml of CommonRoad, or truth/tracks.parquet or "
    "detections.parquet of placewatch simulate"
)
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a file holds: tracks; and where it is one of CommonRoad lanelets, of SSAM its rows."""

    tracks: PictureTracks | GroundTracks
    lanes: LaneMap | None = None
    trajectories: Trajectories | None = None


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """What was asked on the command line, unchecked."""

    tracks: Path
    lines: tuple[str, ...] = ()
    arms: bool = False
    sections: Path | None = None
    config: Path | None = None
    camera: str | None = None
    start: str | None = None
    out: Path | None = None
    json: str | None = None
    ottrk: Path | None = None
    trj: Path | None = None
    conflicts: str | None = None
    lanelets: Path | None = None


def replay_tracks(request: ReplayRequest) -> None:
    """Does what `request` asks and prints the outcome. Raises Misconfigured, Rejected."""
    recorded = read_recorded(request.tracks)
    if request.lanelets is not None:
        recorded = replace(recorded, lanes=_lanes(request.lanelets))
    tracks = recorded.tracks
    if request.ottrk is not None:
        if isinstance(tracks, GroundTracks):
            raise Misconfigured(
                "an .ottrk holds boxes on a picture, and these tracks are on the ground",
                hint="take the detections.parquet beside them",
            )
        write_whole(request.ottrk, pack_ottrk(tracks, request.tracks.stem))
    if request.trj is not None:
        if not isinstance(tracks, GroundTracks):
            raise Misconfigured(
                "a .trj holds places in metres, and these tracks are on a picture",
                hint="take tracks on the ground, as tracks.parquet of placewatch simulate",
            )
        drivers = [path for path in paths_among(tracks) if path.kind is not Kind.PEDESTRIAN]
        write_whole(request.trj, pack_trj(trajectories_of(drivers)))
    camera, ground_lines = _camera(request, on_ground=isinstance(tracks, GroundTracks))
    started = instant_of(request.start)
    mode = _mode(request.conflicts, recorded, camera)
    deliver(
        lambda: measured(recorded, camera, str(request.tracks), started, ground_lines, mode),
        request.out,
        request.json,
    )


def read_tracks(path: Path) -> PictureTracks | GroundTracks:
    """The recorded tracks in a file. Raises Misconfigured, Rejected."""
    return read_recorded(path).tracks


def read_recorded(path: Path) -> Recorded:
    """The recorded tracks in a file, with what else it tells. Raises Misconfigured, Rejected."""
    kind = path.suffix.lower()
    try:
        if kind == ".trj":
            trajectories = read_trj(path)
            if not len(trajectories):
                raise Rejected(f"{path.name} holds not a single track", f"name {_FILES}")
            return Recorded(tracks_of(trajectories), trajectories=trajectories)
        if kind == ".xml":
            scenario = read_commonroad(path)
            return Recorded(scenario.tracks, scenario.lanes)
        if kind != ".parquet":
            return Recorded(read_ottrk(path))
        table = pq.read_table(path)
    except FileNotFoundError as error:
        raise Misconfigured(f"{path} does not exist", hint=f"name {_FILES}") from error
    except OSError as error:
        raise Misconfigured(
            f"{path} cannot be read: {error.strerror or error}", hint=f"name {_FILES}"
        ) from error
    except pa.ArrowException as error:
        raise Rejected(f"{path.name} is no Parquet: {error}", f"name {_FILES}") from error
    names = set(table.schema.names)
    if not table.num_rows:
        raise Rejected(f"{path.name} holds not a single track", f"name {_FILES}")
    try:
        if {"x_m", "y_m", "who", "at_s", "kind", "length_m", "width_m"} <= names:
            return Recorded(_ground_tracks(table))
        if {"left_px", "bottom_px", "who", "at_s", "kind"} <= names:
            return Recorded(_picture_tracks(table))
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise Rejected(f"{path.name} holds no tracks: {error}", f"name {_FILES}") from error
    raise Rejected(f"{path.name} holds no tracks", f"name {_FILES}")


def measured(
    recorded: Recorded | PictureTracks | GroundTracks,
    camera: settings.CameraSettings,
    name: str,
    started: UtcMicros | None = None,
    ground_lines: bool = True,
    conflicts: Mode | None = "footprint",
) -> WatchSummary:
    """All that `camera` would find in `recorded`, as `placewatch watch` tells it: on its lines, in
    its areas, before its stop lines and on its carriageways; and the conflicts, by one of the
    definitions, where metres are known. Of tracks on the ground the lines are in metres east and
    north with `ground_lines`, else in pixels of the camera's picture, as is all else that it has:
    that needs its ground. Raises Misconfigured."""
    if not isinstance(recorded, Recorded):
        recorded = Recorded(recorded)
    tracks = recorded.tracks
    clock = SystemClock()
    begun_s, cpu_s = clock.monotonic_s(), time.process_time()
    one = camera_id(camera.id)
    if isinstance(tracks, PictureTracks):
        started = started or tracks.start or minute_of(clock.utc())
        view = _picture_view(tracks, camera, one, started)
    else:
        started = started or minute_of(clock.utc())
        view = _plan_view(tracks, camera, one, started, ground_lines)
    above = isinstance(tracks, GroundTracks)
    zones = zones_of(camera, view.ground)
    for zone in zones:
        if above and not zone.on_ground:
            raise Misconfigured(
                f"the area {zone.name} reaches above the horizon", hint="move its corners down"
            )
    meters = Meters(
        one, view.lines, started, view.ground, zones, road_of(camera, view.ground),
        from_above=above, conflicts=False,
    )  # fmt: skip
    gathered = None
    if conflicts is not None and isinstance(tracks, PictureTracks) and view.ground is not None:
        gathered = Gathered(view.ground)
    seen = Seen(view.info, dense=False)  # of all at once: that is a quarter of the time
    seen.add_places(view.x_px, view.y_px, view.step_s)
    for scene in view.scenes:
        seen.add(scene, meters.measure(scene))
        if gathered is not None:
            gathered.add(scene)
    ended = UtcMicros(started + round(seen.last_s * 1e6))
    seen.crossings += meters.leave()
    facts: list[Fact] = meters.close(ended)
    paths = gathered.paths() if gathered is not None else []
    if conflicts is not None and isinstance(tracks, GroundTracks):
        paths = paths_among(tracks)
    if not above and gathered is None:
        conflicts = None
    if conflicts is not None:
        facts += conflicts_among(
            paths, conflicts, one, started, recorded.lanes, recorded.trajectories
        )
    queues, walks = _of(LaneQueue, facts), _of(FootCrossings, facts)
    return WatchSummary(
        source=name,
        width_px=view.info.width_px,
        height_px=view.info.height_px,
        fps=seen.fps,
        detector="none: recorded tracks",
        lines=tuple(
            WatchedLine(
                line.name,
                (line.a.x_px, line.a.y_px),
                (line.b.x_px, line.b.y_px),
                tuple(found for found in seen.crossings if found.line == line.name),
                line.arm,
            )
            for line in view.lines
        ),
        health=CameraHealth(
            at=started,
            window_s=seen.duration_s,
            coverage_s=seen.coverage_s,
            camera=one,
            frames=seen.scenes,
            frames_dropped=0,
            packets_corrupt=0,
            timestamps_repaired=0,
            gaps=len(seen.unseen_s),
            losses=0,
            lateness_s_max=0.0,
        ),
        unseen_s=tuple(seen.unseen_s),
        cpu_s=time.process_time() - cpu_s,
        decode_cpu_s=0.0,
        wall_s=clock.monotonic_s() - begun_s,
        facts=_of(LineCount, facts),
        movements=_of(MovementCount, facts),
        speeds=_of(SpeedCount, facts),
        flows=_of(LineFlow, facts),
        conflicts=_of(Conflict, facts),
        conflicts_by=conflicts,
        zones=_of(ZoneCount, facts),
        zone_uses=_of(ZoneUse, facts),
        queues=queues,
        crossings_on_foot=walks,
        approaches=approaches_told(queues, camera, started, ended),
        carriageways=carriageways_told(walks, camera),
        calibrated=view.calibrated,
        plan_px_per_m=PX_PER_M if isinstance(tracks, GroundTracks) else None,
        density=seen.density.tolist(),
        frames_analysed=seen.scenes,
    )


F = TypeVar("F", bound=Fact)


def _of(sort: type[F], facts: list[Fact]) -> tuple[F, ...]:
    return tuple(fact for fact in facts if isinstance(fact, sort))


def _mode(asked: str | None, recorded: Recorded, camera: settings.CameraSettings) -> Mode | None:
    """Which conflicts are asked for; where nothing is said, those that a camera finds. Raises
    Misconfigured where these are unknown, or where they cannot be found."""
    if asked is None:
        return "footprint"
    if asked == "none":
        return None
    found: list[Mode] = [mode for mode in MODES if mode == asked]
    if not found:
        raise Misconfigured(
            f'--conflicts "{asked}" is unknown', hint=f"it can be {', '.join(MODES)} or none"
        )
    if isinstance(recorded.tracks, PictureTracks) and not camera.ground:
        raise Misconfigured(
            "conflicts are in metres, and the ground under these boxes is not known",
            hint="name a camera that has ground points, with --config FILE and --camera ID",
        )
    if asked == "crime" and (recorded.lanes is None or not len(recorded.lanes)):
        raise Misconfigured(
            "the definitions of CommonRoad-CriMe are along lanelets, and none are known here",
            hint="add --lanelets FILE.xml, a scenario of CommonRoad in the same metres",
        )
    return found[0]


def _lanes(path: Path) -> LaneMap:
    try:
        return read_lanelets(path)
    except OSError as error:
        raise Misconfigured(
            f"{path} cannot be read: {error.strerror or error}",
            hint="name a scenario of CommonRoad, .xml",
        ) from error


@dataclass(frozen=True, slots=True)
class _View:
    """What is looked at: scenes, the lines in their pixels, whether metres are known, and the
    camera's ground; and where on the picture everybody was, at moments `step_s` apart."""

    info: StreamInfo
    lines: list[CountingLine]
    scenes: Iterator[Scene]
    calibrated: bool
    ground: Ground | None
    x_px: Floats
    y_px: Floats
    step_s: float


def _picture_view(
    tracks: PictureTracks, camera: settings.CameraSettings, one: CameraId, started: UtcMicros
) -> _View:
    lines = [
        CountingLine(line.name, PicturePoint(*line.from_px), PicturePoint(*line.to_px), line.arm)
        for line in camera.line
    ]
    for line in lines:
        line.check_inside(tracks.width_px, tracks.height_px)
    check_picture(camera, tracks.width_px, tracks.height_px)
    ground = ground_of(camera, None, (tracks.width_px, tracks.height_px))
    check_standpoint(ground, (tracks.width_px, tracks.height_px))
    info = StreamInfo(tracks.width_px, tracks.height_px, "", tracks.fps, None, tracks.frames)
    left, _, right, bottom = tracks.boxes_px.T
    return _View(
        info, lines, scenes(tracks, one, started, ground), ground is not None, ground,
        0.5 * (left + right), bottom, 1.0 / tracks.fps,
    )  # fmt: skip


def _plan_view(
    tracks: GroundTracks,
    camera: settings.CameraSettings,
    one: CameraId,
    started: UtcMicros,
    ground_lines: bool,
) -> _View:
    """The plan is cut to what was recorded, so that it is a picture with its corner at (0, 0)."""
    ends_m = _on_ground(camera, ground_lines)
    for name, ends in ends_m.items():
        _check_near(name, ends, tracks)
    everywhere = [
        (tracks.x_m, tracks.y_m),
        *(([a.x_m, b.x_m], [a.y_m, b.y_m]) for a, b in ends_m.values()),
    ]
    east_m = np.concatenate([x for x, _ in everywhere])
    north_m = np.concatenate([y for _, y in everywhere])
    left_m, top_m = float(east_m.min()) - MARGIN_M, float(north_m.max()) + MARGIN_M
    width_m, height_m = float(np.ptp(east_m)) + 2 * MARGIN_M, float(np.ptp(north_m)) + 2 * MARGIN_M

    def moved(point: Point) -> PicturePoint:
        return on_plan(Point(point.x_m - left_m, point.y_m - top_m))

    lines = []
    for line in camera.line:
        a, b = ends_m[line.name]
        lines.append(CountingLine(line.name, moved(a), moved(b), line.arm))
    info = StreamInfo(
        round(width_m * PX_PER_M), round(height_m * PX_PER_M), "", None, None, len(tracks.moments_s)
    )
    step_s = float(np.diff(tracks.moments_s).min()) if len(tracks.moments_s) > 1 else 0.0
    return _View(
        info, lines, Replay(one, started, (left_m, top_m)).scenes(tracks), True,
        _drawn_on(camera), (tracks.x_m - left_m) * PX_PER_M, (top_m - tracks.y_m) * PX_PER_M,
        step_s,
    )  # fmt: skip


def _drawn_on(camera: settings.CameraSettings) -> Ground | None:
    """The ground on which the areas and the road of `camera` lie; None where it has none of them.
    They are drawn on its picture, and tracks on the ground never were on that."""
    if not (camera.area or camera.approach or camera.carriageway):
        return None
    ground = ground_of(camera, None)
    if ground is None:
        raise Misconfigured(
            f"the ground of {camera.id} is not known, and these tracks are on the ground",
            hint="give the camera ground points: its areas and its road are drawn on its picture",
        )
    return ground


def _check_near(name: str, ends: tuple[Point, Point], tracks: GroundTracks) -> None:
    """Raises Misconfigured for a line that lies where nobody ever was, nor near."""
    if not len(tracks):
        return
    off_m = 0.0
    for line, places in (
        ([end.x_m for end in ends], tracks.x_m),
        ([end.y_m for end in ends], tracks.y_m),
    ):
        off_m = max(off_m, min(line) - float(places.max()), float(places.min()) - max(line))
    if off_m > FAR_M:
        raise Misconfigured(
            f'the line "{name}" lies {off_m:.0f} m from where anybody was',
            hint="give its ends in metres; the tracks go from "
            f"{tracks.x_m.min():.0f} to {tracks.x_m.max():.0f} m east and from "
            f"{tracks.y_m.min():.0f} to {tracks.y_m.max():.0f} m north",
        )


def _on_ground(
    camera: settings.CameraSettings, ground_lines: bool
) -> dict[str, tuple[Point, Point]]:
    """The ends of each line in metres."""
    if not camera.line:
        return {}
    if ground_lines:
        return {line.name: (Point(*line.from_px), Point(*line.to_px)) for line in camera.line}
    ground = ground_of(camera, None)
    if ground is None:
        raise Misconfigured(
            f"the ground of {camera.id} is not known, and these tracks are on the ground",
            hint="give the lines in metres, --line NAME=x1,y1,x2,y2, or the camera ground points",
        )
    found = {}
    for line in camera.line:
        a = ground.to_ground(PicturePoint(*line.from_px))
        b = ground.to_ground(PicturePoint(*line.to_px))
        if a is None or b is None:
            raise Misconfigured(
                f"the line {line.name} reaches above the horizon", hint="move its ends down"
            )
        found[line.name] = a, b
    return found


def _camera(request: ReplayRequest, on_ground: bool) -> tuple[settings.CameraSettings, bool]:
    """The camera with its lines, and whether those are in metres."""
    camera = settings.CameraSettings(id="recording", url=str(request.tracks))
    if request.config is not None:
        loaded = settings.load(request.config)
        found = [one for one in loaded.camera if request.camera in (None, one.id)]
        if len(found) != 1:
            known = ", ".join(one.id for one in loaded.camera) or "none"
            raise Misconfigured(
                f"{request.config} does not say which camera recorded {request.tracks.name}",
                hint=f"add --camera ID; it has {known}",
            )
        ground = tuple(
            settings.GroundPointSettings(picture.x_px, picture.y_px, place.x_m, place.y_m)
            for picture, place in settings.ground_pairs(found[0], loaded.origin)
        )
        camera = settings.with_values(found[0], ground=ground)
    elif request.camera is not None:
        raise Misconfigured("--camera names a camera of a TOML", hint="add --config FILE")
    if request.sections is not None:
        if on_ground:
            raise Misconfigured(
                "sections are on a picture, and these tracks are on the ground",
                hint="give the lines in metres, --line NAME=x1,y1,x2,y2",
            )
        try:
            sections = read_sections(request.sections)
        except OSError as error:
            raise Misconfigured(
                f"{request.sections} cannot be read: {error.strerror}", hint="name an .otflow"
            ) from error
        lines = tuple(
            settings.LineSettings(name, (a.x_px, a.y_px), (b.x_px, b.y_px))
            for name, a, b in sections
        )
        camera = settings.with_values(camera, line=lines)
    if request.lines:
        camera = settings.with_values(camera, line=lines_of(request.lines, request.arms))
    return camera, bool(request.lines)


def _ground_tracks(table: pa.Table) -> GroundTracks:
    at_s, who = _column(table, "at_s"), _column(table, "who").astype(np.int64)
    _check_clock(at_s, who)
    people = int(who.max()) + 1 if len(who) else 0
    kinds, sizes = _kinds(table), np.ones((people, 2))
    kind_of = np.full(people, NUMBER_OF[Kind.UNKNOWN])
    kind_of[who] = kinds
    sizes[who, 0], sizes[who, 1] = _column(table, "length_m"), _column(table, "width_m")
    return GroundTracks(
        _moments(at_s, who), at_s, who, _column(table, "x_m"), _column(table, "y_m"),
        np.radians(_column(table, "heading_deg")), _column(table, "speed_m_s"),
        [KINDS[number] for number in kind_of], sizes,
    )  # fmt: skip


def _picture_tracks(table: pa.Table) -> PictureTracks:
    """What a detector saw of each; what it saw of nobody is left out."""
    size = [
        int((table.schema.metadata or {}).get(name, b"0")) for name in (b"width_px", b"height_px")
    ]
    _check_clock(_column(table, "at_s"), _column(table, "who").astype(np.int64))
    table = table.filter(pa.array(_column(table, "who") >= 0.0))
    at_s, who = _column(table, "at_s"), _column(table, "who").astype(np.int64)
    step_s = _step_s(at_s)
    frame = np.rint(at_s / step_s).astype(np.int64)
    order = np.lexsort((who, frame))
    kinds = _kinds(table)[order]
    boxes = np.stack(
        [_column(table, name) for name in ("left_px", "top_px", "right_px", "bottom_px")], axis=1
    )[order]
    votes = np.zeros((int(who.max()) + 1 if len(who) else 0, len(KINDS)))
    np.add.at(votes, (who[order], kinds), 1.0)
    return PictureTracks(
        width_px=size[0] or _SIMULATED_PX[0],
        height_px=size[1] or _SIMULATED_PX[1],
        fps=1.0 / step_s,
        frames=int(frame.max()) + 1 if len(frame) else 0,
        frame=frame[order],
        who=who[order],
        boxes_px=boxes,
        scores=_column(table, "score")[order],
        label=kinds,
        labels=tuple(CLASS_OF_KIND[kind] for kind in KINDS),
        kinds={one: KINDS[int(np.argmax(row))] for one, row in enumerate(votes) if row.any()},
    )


_SIMULATED_PX = 1920, 1080
"""Of the picture of a simulated camera, where the file does not say it."""


def _kinds(table: pa.Table) -> Whole:
    words = table["kind"].cast(pa.string()).combine_chunks().dictionary_encode()
    known = [NUMBER_OF[Kind(str(word))] for word in words.dictionary.to_pylist()]
    numbers: Whole = np.array(known, np.int64)[words.indices.to_numpy()]
    return numbers


def _column(table: pa.Table, name: str) -> Floats:
    values: Floats = table[name].to_numpy().astype(np.float64)
    return values


def _check_clock(at_s: Floats, who: Whole) -> None:
    """Raises Rejected where a moment is no number, or moments lie too far apart to follow anybody;
    and where somebody is twice at one moment, or goes back in time. Who is -1 is nobody."""
    odd = np.flatnonzero(~np.isfinite(at_s))
    if len(odd):
        raise Rejected(f"at_s is no number at row {int(odd[0]) + 1:,}", "leave such rows out")
    if _step_s(at_s) > UNSEEN_AFTER_S:
        raise Rejected(
            f"its moments lie {_step_s(at_s):,.0f} s apart, and nobody is followed so: is at_s in "
            "seconds?",
            "give seconds, several moments of each",
        )
    rows = np.flatnonzero(who >= 0)
    rows = rows[np.argsort(who[rows], kind="stable")]
    back = (np.diff(who[rows]) == 0) & (np.diff(at_s[rows]) <= 0.0)
    if back.any():
        row = int(rows[1:][back].min())
        raise Rejected(
            f"the clock steps back at row {row + 1:,}: road user {who[row]} was seen before, and "
            f"not before {at_s[row]:g} s",
            "cut the file there, and measure both parts by themselves",
        )


def _step_s(at_s: Floats) -> float:
    """How far moments are apart, as a rule."""
    gaps_s = np.diff(np.unique(at_s))
    return max(1e-3, float(np.round(np.median(gaps_s), 3))) if len(gaps_s) else 0.1


def _moments(at_s: Floats, who: Whole) -> Floats:
    """All moments from the first to the last, also those in which nobody is there; but none of a
    stretch that was not recorded."""
    step_s, there = _step_s(at_s), np.unique(at_s)
    missing = np.maximum(0, np.rint(np.diff(there) / step_s).astype(np.int64) - 1)
    missing[np.isin(there[:-1], unrecorded_s(at_s, who)[:, 0])] = 0
    between = [
        left + np.arange(1, count + 1) * step_s
        for left, count in zip(there.tolist(), missing.tolist(), strict=False)
    ]
    moments: Floats = np.unique(np.concatenate([there, *between]))
    return moments


def replay_facts(
    path: Path,
    every_min: int = 15,
    zone: str | None = None,
    kinds: str | None = None,
    out: Path | None = None,
) -> None:
    """Shows the minutes of a file of facts in windows of `every_min`, with the peak hour and its
    factor; `kinds`, by commas, are those that are counted (else all but people on foot). With `out`
    writes them as a long table, too. Raises Misconfigured."""
    from placewatch.publish import bins as shown
    from placewatch.publish.formats import long

    if every_min not in EVERY_MIN:
        raise Misconfigured(
            f"there are no windows of {every_min} minutes",
            hint=f"take {', '.join(map(str, EVERY_MIN))}",
        )
    clocks, counted = zone_named(zone), _kinds_named(kinds)
    table, shape = read_facts(path)
    first, until = span_of(table)
    hour_us = 60 * MINUTE_US
    since = UtcMicros(first - first % hour_us)

    def told(minutes: int) -> list[Bin]:
        return list(bins_of([table], shape, since, until, minutes * MINUTE_US, path.stem))

    shown.show(told(every_min), told(15), counted, clocks)
    if out is not None:
        if out.suffix.lower() not in (".csv", ".parquet"):
            raise Misconfigured(
                f"{out.name} is neither .csv nor .parquet", hint="name the file after its format"
            )
        write = long.write_csv if out.suffix.lower() == ".csv" else long.write_parquet
        with whole_file(out) as stream:
            write(told(every_min), stream, clocks)


def _kinds_named(text: str | None) -> frozenset[Kind]:
    if text is None:
        return frozenset(Kind) - {Kind.PEDESTRIAN}
    words = [word.strip() for word in text.split(",")]
    known = [str(kind) for kind in Kind]
    for word in words:
        if word not in known:
            raise Misconfigured(f'there is no kind "{word}"', hint=f"take {', '.join(known)}")
    return frozenset(Kind(word) for word in words)
