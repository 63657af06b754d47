"""Measuring: what all measures cost, for a hundred road users at 25 frames a second.

How this works. A hundred vehicles drive around in the view of a camera, ten abreast, each in and
out of it again and again. Their tracks, made beforehand, are placed on the ground and measured by
everything that a node measures: lines across four arms, areas, conflicts, queues in ten lanes, and
twenty of the hundred who walk along a carriageway's kerb and over it. What of one core that
takes is told; what a detector and a decoder take is not in it (see `core`). An hour of a busy
junction is then measured once more from its tracks, as `placewatch replay tracks` does it.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from placewatch.bench import Extent, Figure
from placewatch.bench.roof import CAMERA, START
from placewatch.core.ids import TrackId, new_track_id
from placewatch.core.kinds import NUMBER_OF, Kind
from placewatch.core.sightings import (
    AGE_S,
    BOTTOM,
    CERTAIN,
    DOWN_PX_S,
    KIND,
    LEFT,
    RIGHT,
    RIGHT_PX_S,
    TOP,
    TRACK_COLUMNS,
    Tracks,
)
from placewatch.core.space import Point
from placewatch.core.time import UtcMicros
from placewatch.measure.carriageway import Carriageway
from placewatch.measure.ground import Ground
from placewatch.measure.line import CountingLine
from placewatch.measure.meters import Meters
from placewatch.measure.queue import Approach
from placewatch.measure.recorded import conflicts_among, paths_among
from placewatch.measure.replay import GroundTracks, Replay, on_plan
from placewatch.measure.roadway import Road
from placewatch.measure.stage import Stage
from placewatch.measure.zone import Zone
from placewatch.simulate.pinhole import Pinhole
from placewatch.simulate.streets import street_named
from placewatch.simulate.sumo import Everybody, Piece, SumoRun

USERS, LANES, FPS = 100, 10, 25.0
RUN_S, WARM_S = 60.0, 10.0
REACH_M = 60.0  # of the stretch, along which they are in view
SHARE_MAX, REPLAY_S_MAX = 10.0, 10.0
STREET = "junction"

Floats = npt.NDArray[np.float64]


def measure_cost(extent: Extent) -> list[Figure]:
    """The share of a core that all measures take, and the seconds of an hour's tracks."""
    extent.told("100 road users")
    shares = [_share(seed, RUN_S) for seed in range(min(3, extent.seeds))]
    share = 100 * float(np.median(shares))
    figures = [
        Figure(
            "accuracy.cost.measures",
            share,
            100 * min(shares),
            100 * max(shares),
            "% of a core",
            f"<= {SHARE_MAX:g}",
            "",
            share <= SHARE_MAX,
            f"processor time of placing and measuring {USERS} road users at {FPS:g} frames a "
            "second: four lines with movements, speeds and headways, two areas, conflicts, queues "
            "in ten lanes, people across a road (20 of the 100 walk); the "
            f"median of {len(shares)}",
        )
    ]
    extent.told("an hour of tracks")
    counts_s, all_s, users = _again(extent.hours)
    how = (
        f"processor time for {extent.hours:g} h of tracks of the street {STREET}, ten places a "
        f"second, {users} road users"
    )
    figures.append(
        Figure(
            "accuracy.cost.replay",
            counts_s,
            None,
            None,
            "s",
            f"<= {REPLAY_S_MAX:g}",
            "",
            counts_s <= REPLAY_S_MAX * extent.hours,
            f"counts, movements, speeds and headways, as `placewatch replay tracks` does; {how}",
        )
    )
    figures.append(
        Figure(
            "accuracy.cost.replay.all", all_s, None, None, "s", "", "", True,
            f"the same with conflicts; {how}",
        )
    )  # fmt: skip
    return figures


def _share(seed: int, run_s: float) -> float:
    """Processor time by time of the street, once everything is compiled."""
    camera = Pinhole(-20.0, -30.0, 14.0, 60.0, 22.0, 0.5, 1920, 1080)
    corners = [Point(0, -10), Point(REACH_M, -10), Point(REACH_M, 40), Point(0, 40)]
    corners += [Point(20, 5), Point(40, 20)]
    pixels = [camera.to_picture(corner) for corner in corners]
    ground = Ground.fit(
        [(one.x_px, one.y_px) for one in pixels], [(one.x_m, one.y_m) for one in corners]
    )
    lines = [
        CountingLine(
            name, camera.to_picture(Point(x, -5.0)), camera.to_picture(Point(x, 40.0)), name
        )
        for name, x in (("A", 5.0), ("B", 20.0), ("C", 35.0), ("D", 50.0))
    ]
    zones = [
        Zone(name, (Point(x, 0), Point(x + 15, 0), Point(x + 15, 30), Point(x, 30)))
        for name, x in (("near", 10.0), ("far", 30.0))
    ]
    road = Road(
        tuple(
            Approach(name, (Point(50.0, y), Point(5.0, y)), 15.0, 5)
            for name, y in (("right", 6.0), ("left", 21.0))
        ),
        (Carriageway("road", (Point(25, -5), Point(33, -5), Point(33, 35), Point(25, 35))),),
    )
    stage = Stage(ground, CAMERA, sorts=True, recognises=True)
    meters = Meters(CAMERA, lines, START, ground, zones, road)
    told = list(_traffic(camera, seed, WARM_S + run_s))
    took_s = 0.0
    for frame, tracks in enumerate(told):
        media_s = frame / FPS
        at = UtcMicros(START + round(media_s * 1e6))
        began_s = time.process_time()
        meters.measure(stage.place(tracks, at, media_s, frame, frame == 0))
        if frame % round(FPS) == 0:
            meters.close_minutes(at)
        if media_s >= WARM_S:
            took_s += time.process_time() - began_s
    return took_s / run_s


def _traffic(camera: Pinhole, seed: int, run_s: float) -> Iterator[Tracks]:
    """The tracks of each frame: everybody drives along its lane at its speed, and begins anew as
    somebody else once it is out."""
    dice = np.random.default_rng(seed)
    lane = np.arange(USERS) % LANES
    speed_m_s = np.where(lane < LANES - 2, dice.uniform(7.0, 15.0, LANES)[lane], 1.4)
    kinds = np.where(lane < LANES - 2, NUMBER_OF[Kind.CAR], NUMBER_OF[Kind.PEDESTRIAN])
    half_m = np.where((lane < LANES - 2)[:, None], (2.2, 0.9), (0.3, 0.3))
    aside_m = 3.0 * lane
    begun_m = dice.uniform(0.0, REACH_M, USERS)
    ids: list[TrackId] = [new_track_id() for _ in range(USERS)]
    lap = np.zeros(USERS, np.int64)
    sides = np.array([(x, y) for x in (-1.0, 1.0) for y in (-1.0, 1.0)] * 2)
    corners = np.empty((USERS, len(sides), 3))
    corners[..., :2] = half_m[:, None] * sides
    corners[..., 2] = np.repeat((0.0, 1.6), 4)
    for frame in range(round(run_s * FPS)):
        way_m = begun_m + speed_m_s * frame / FPS
        now = (way_m // REACH_M).astype(np.int64)
        if (now != lap).any():
            ids = [
                new_track_id() if fresh else one
                for one, fresh in zip(ids, (now != lap).tolist(), strict=True)
            ]
            lap = now
        x_m = way_m % REACH_M
        places = np.stack([x_m, aside_m, 0 * x_m], axis=1)[:, None] + corners
        flat = camera.project(places.reshape(-1, 3)).reshape(USERS, len(sides), 2)
        flat += dice.normal(0.0, 0.7, (USERS, 1, 2))
        ahead = camera.project(
            np.stack([x_m + speed_m_s / FPS, aside_m, 0 * x_m], axis=1)
        ) - camera.project(np.stack([x_m, aside_m, 0 * x_m], axis=1))
        rows = np.zeros((USERS, TRACK_COLUMNS))
        rows[:, LEFT], rows[:, TOP] = flat.min(axis=1).T
        rows[:, RIGHT], rows[:, BOTTOM] = flat.max(axis=1).T
        rows[:, RIGHT_PX_S], rows[:, DOWN_PX_S] = FPS * ahead.T
        rows[:, AGE_S], rows[:, CERTAIN], rows[:, KIND] = 1.0, 1.0, kinds
        yield Tracks(ids, rows)


def _again(hours: float) -> tuple[float, float, int]:
    """Processor time of measuring the tracks of a street once more, without and with conflicts;
    and how many road users there are."""
    street = street_named(STREET)
    lines = [
        CountingLine(arm.name, on_plan(arm.start), on_plan(arm.end), arm.name)
        for arm in street.arms
    ]
    with SumoRun(street, hours * 3600.0, 1) as run:
        pieces = list(run)
        everybody = run.everybody
    told = []
    for conflicts in (False, True):
        meters = Meters(CAMERA, lines, START, from_above=True, conflicts=False)
        replay, began_s = Replay(CAMERA, START), time.process_time()
        for piece in pieces:
            for scene in replay.scenes(_tracks([piece], everybody)):
                meters.measure(scene)
        meters.leave()
        meters.close(UtcMicros(START + round(hours * 3.6e9)))
        if conflicts:
            paths = paths_among(_tracks(pieces, everybody))
            conflicts_among(paths, "footprint", CAMERA, START)
        told.append(time.process_time() - began_s)
    return told[0], told[1], len(everybody.kinds)


def _tracks(pieces: Sequence[Piece], everybody: Everybody) -> GroundTracks:
    def whole(name: str) -> npt.NDArray[Any]:
        return np.concatenate([getattr(piece, name) for piece in pieces])

    return GroundTracks(
        whole("moments_s"), whole("at_s"), whole("who"), whole("x_m"), whole("y_m"),
        whole("heading_rad"), whole("speed_m_s"), everybody.kinds, everybody.sizes_m(),
    )  # fmt: skip
