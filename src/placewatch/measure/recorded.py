"""Recorded: conflicts among road users whose tracks lie in a file, by any of the definitions.

How this works. Of a camera the paths of those in view are compared while they pass (conflict.py).
A recording is known whole: all paths are compared at once, which spares looking at them again and
again, and the definitions that ask for all that happened can be taken, too. Tracks on the ground
have courses, speeds and sizes of their own; boxes on a picture are smoothed as a camera's are. What
is told of a conflict is no more than a camera tells.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from placewatch.core.facts import Conflict
from placewatch.core.ids import CameraId, TrackId
from placewatch.core.kinds import KINDS, Kind
from placewatch.core.time import UtcMicros
from placewatch.measure.conflict import SAMPLE_S, conflict_of, is_between_two, is_conflict
from placewatch.measure.encounter import Mode, Path, encounters, listed, met, met_on
from placewatch.measure.ground import Ground
from placewatch.measure.lanelet import LaneMap
from placewatch.measure.replay import GroundTracks
from placewatch.measure.scene import KIND, SEEN, Movers, Scene
from placewatch.measure.ssam import Trajectories
from placewatch.measure.trajectory import EAST, OF_MOVER, path_of

Floats = npt.NDArray[np.float64]

BREAK_S = 1.0
"""A track that is away for longer is two."""


def paths_among(tracks: GroundTracks) -> list[Path]:
    """The path of each road user, of each stretch that it was there for two moments or more."""
    order = np.lexsort((tracks.at_s, tracks.who))
    who, at_s = tracks.who[order], tracks.at_s[order]
    if len(who) < 2:
        return []
    once = np.concatenate([[True], (who[1:] != who[:-1]) | (at_s[1:] > at_s[:-1])])
    order, who, at_s = order[once], who[once], at_s[once]
    ends = np.flatnonzero((who[1:] != who[:-1]) | (at_s[1:] - at_s[:-1] > BREAK_S)) + 1
    found = []
    for rows in np.split(order, ends):
        if len(rows) < 2:
            continue
        one = int(tracks.who[rows[0]])
        found.append(
            Path(
                tracks.at_s[rows],
                tracks.x_m[rows],
                tracks.y_m[rows],
                tracks.heading_rad[rows],
                tracks.speed_m_s[rows],
                float(tracks.sizes_m[one, 0]),
                float(tracks.sizes_m[one, 1]),
                tracks.kinds[one],
            )
        )
    return found


def tracks_of(trajectories: Trajectories) -> GroundTracks:
    """The vehicles of a `.trj` file, which does not tell of what kind they are."""
    at_s = trajectories.at_s.astype(np.float64).round(4)
    vehicles, who = np.unique(trajectories.vehicle, return_inverse=True)
    ahead = (trajectories.front_m - trajectories.rear_m)[:, :2].astype(np.float64)
    middle = trajectories.rear_m[:, :2].astype(np.float64) + 0.5 * ahead
    sizes = np.ones((len(vehicles), 2))
    sizes[who, 0], sizes[who, 1] = trajectories.length_m, trajectories.width_m
    return GroundTracks(
        moments_s=at_s,
        at_s=at_s[trajectories.step],
        who=who.astype(np.int64),
        x_m=middle[:, 0],
        y_m=middle[:, 1],
        heading_rad=np.arctan2(ahead[:, 1], ahead[:, 0]),
        speed_m_s=trajectories.speed_m_s.astype(np.float64),
        kinds=[Kind.UNKNOWN] * len(vehicles),
        sizes_m=sizes,
    )


def conflicts_among(
    paths: Sequence[Path],
    mode: Mode,
    camera: CameraId,
    epoch: UtcMicros,
    lanes: LaneMap | None = None,
    trajectories: Trajectories | None = None,
) -> list[Conflict]:
    """All conflicts among `paths`, whose time 0 is the instant `epoch`.

    By `footprint` and by `crime`, which needs `lanes`, those that `conflict.is_conflict` takes for
    some; by `ssam` SSAM's own list, which is of vehicles alone, of `trajectories` where the paths
    came as such. Raises Misconfigured.
    """
    if mode == "ssam":
        if trajectories is None:
            vehicles = [path for path in paths if path.kind is not Kind.PEDESTRIAN]
            return [conflict_of(each, camera, epoch) for each in encounters(vehicles, "ssam")]
        kinds = dict.fromkeys(trajectories.vehicle.tolist(), Kind.UNKNOWN)
        return [conflict_of(each, camera, epoch) for each in listed(trajectories, kinds)]
    found = met(paths) if mode == "footprint" else met_on(paths, lanes)
    return [
        conflict_of(each, camera, epoch)
        for each, first, second in found
        if is_conflict(each, first, second) and is_between_two(each, first, second)
    ]


@dataclass
class Gathered:
    """The paths of all who are in the scenes of one recording, on its `ground`."""

    ground: Ground
    _samples: dict[TrackId, list[tuple[float, ...]]] = field(
        default_factory=lambda: defaultdict(list), init=False
    )
    _kinds: dict[TrackId, Kind] = field(default_factory=dict, init=False)
    _sampled_s: float = field(default=-math.inf, init=False)

    def add(self, scene: Scene) -> None:
        """Scenes come in order."""
        if scene.media_s - self._sampled_s < SAMPLE_S:
            return
        self._sampled_s = scene.media_s
        movers = Movers.of(scene.movers)
        columns = movers.rows[:, [SEEN, KIND, *OF_MOVER]].tolist()
        for track, (seen, kind, *sample) in zip(movers.ids, columns, strict=True):
            if seen == 1.0 and not math.isnan(sample[EAST - 1]):
                self._samples[track].append((scene.media_s, *sample))
                self._kinds[track] = KINDS[int(kind)]

    def paths(self) -> list[Path]:
        """Those that lead anywhere."""
        found = [
            path_of(np.array(samples), self._kinds[track], self.ground.view)
            for track, samples in self._samples.items()
        ]
        return [path for path in found if path is not None]
