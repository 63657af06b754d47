"""Replay: tracks in metres, from a simulation or a file, become scenes again.

How this works. The ground is looked at from straight above, north up, as if it were a picture of
`PX_PER_M` pixels a metre. So recorded and perfect tracks take the very same way through lines and
measures as those of a camera, and whoever wants other lines draws them on the plan.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from placewatch.core.ids import CameraId, TrackId, new_track_id
from placewatch.core.kinds import NUMBER_OF, Kind
from placewatch.core.space import PicturePoint, Point
from placewatch.core.time import UtcMicros
from placewatch.measure.flow import UNSEEN_AFTER_S
from placewatch.measure.scene import (
    BOTTOM,
    EAST,
    HEADING,
    KIND,
    LEFT,
    MOVER_COLUMNS,
    NORTH,
    RIGHT,
    SEEN,
    SIZE,
    SPEED,
    TOP,
    Movers,
    Scene,
    X,
    Y,
)

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

PX_PER_M = 20.0
NOBODY_S_MAX = 600.0  # of a road that is empty for longer it is not known whether it was recorded


def on_plan(point: Point) -> PicturePoint:
    """Where a point of the ground lies on the plan; x to the east, y to the south."""
    return PicturePoint(point.x_m * PX_PER_M, -point.y_m * PX_PER_M)


def unrecorded_s(at_s: Floats, who: Whole) -> Floats:
    """(G, 2) the stretches without a row that were not recorded, from the last moment before to the
    first one after: somebody is there before and after, or they are long."""
    order = np.argsort(at_s, kind="stable")
    there, begins = np.unique(at_s[order], return_index=True)
    begins = np.append(begins, len(order))
    found = []
    for gap in np.flatnonzero(np.diff(there) > UNSEEN_AFTER_S).tolist():
        before, after = (who[order[begins[n] : begins[n + 1]]] for n in (gap, gap + 1))
        if there[gap + 1] - there[gap] > NOBODY_S_MAX or np.intersect1d(before, after).size:
            found.append(there[gap : gap + 2])
    return np.array(found).reshape(-1, 2)


@dataclass(frozen=True, slots=True)
class GroundTracks:
    """Where road users were: a row for each at each of the moments `moments_s`, in order of time.
    At some moments nobody may be there.

    `who` numbers road users; `kinds` and `sizes_m` (M, 2), length and width, are theirs by that
    number. `x_m`, `y_m` is the point that is measured, `heading_rad` counts from east to north.
    """

    moments_s: Floats
    at_s: Floats
    who: Whole
    x_m: Floats
    y_m: Floats
    heading_rad: Floats
    speed_m_s: Floats
    kinds: Sequence[Kind]
    sizes_m: Floats

    def __len__(self) -> int:
        return len(self.at_s)


@dataclass
class Replay:
    """Makes scenes of tracks that come piece by piece, of one place.

    `start` is the instant of `at_s` 0, `corner_m` the place, east and north, at the corner (0, 0)
    of the plan. A road user keeps its id while it is there without a break.
    """

    camera: CameraId
    start: UtcMicros
    corner_m: tuple[float, float] = (0.0, 0.0)
    _ids: dict[int, TrackId] = field(default_factory=dict, init=False)
    _there: Whole = field(init=False)
    _names: list[TrackId] = field(default_factory=list, init=False)
    _frame: int = field(default=0, init=False)
    _last_s: float = field(default=math.inf, init=False)

    def __post_init__(self) -> None:
        self._there = np.zeros(0, np.int64)

    def scenes(self, tracks: GroundTracks) -> Iterator[Scene]:
        """A scene for each moment of `tracks`, which must be later than those before."""
        order = np.lexsort((tracks.who, tracks.at_s))
        at_s, who = tracks.at_s[order], tracks.who[order]
        rows = self._rows(tracks, order)
        begins = np.searchsorted(at_s, tracks.moments_s)
        ends = np.searchsorted(at_s, tracks.moments_s, side="right")
        for media_s, begin, end in zip(
            tracks.moments_s.tolist(), begins.tolist(), ends.tolist(), strict=True
        ):
            here = who[begin:end]
            if not np.array_equal(here, self._there):
                self._meet(here)
            at = UtcMicros(self.start + round(media_s * 1e6))
            movers = Movers(self._names, rows[begin:end])
            after_gap = media_s - self._last_s > UNSEEN_AFTER_S
            yield Scene(at, media_s, self._frame, self.camera, movers, after_gap)
            self._frame, self._last_s = self._frame + 1, media_s

    def _meet(self, here: Whole) -> None:
        named = {one: self._ids.get(one) or new_track_id() for one in here.tolist()}
        self._ids, self._there, self._names = named, here.copy(), list(named.values())

    def _rows(self, tracks: GroundTracks, order: Whole) -> Floats:
        kinds = np.array([NUMBER_OF[kind] for kind in tracks.kinds], np.float64)
        who = tracks.who[order]
        length, width = tracks.sizes_m[who].T
        heading = tracks.heading_rad[order]
        rows = np.empty((len(order), MOVER_COLUMNS))
        rows[:, X] = (tracks.x_m[order] - self.corner_m[0]) * PX_PER_M
        rows[:, Y] = -(tracks.y_m[order] - self.corner_m[1]) * PX_PER_M
        rows[:, EAST], rows[:, NORTH] = tracks.x_m[order], tracks.y_m[order]
        rows[:, SIZE] = np.sqrt(length * width) * PX_PER_M
        rows[:, SPEED] = tracks.speed_m_s[order]
        rows[:, HEADING] = np.degrees(-heading) % 360.0
        rows[:, SEEN], rows[:, KIND] = 1.0, kinds[who]
        cos, sin = np.abs(np.cos(heading)), np.abs(np.sin(heading))
        across = 0.5 * PX_PER_M * (length * cos + width * sin)
        down = 0.5 * PX_PER_M * (length * sin + width * cos)
        rows[:, LEFT], rows[:, RIGHT] = rows[:, X] - across, rows[:, X] + across
        rows[:, TOP], rows[:, BOTTOM] = rows[:, Y] - down, rows[:, Y] + down
        return rows
