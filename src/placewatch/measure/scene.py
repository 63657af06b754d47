"""Scene: who is where in one view at one moment, with the ground under their feet."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, Self, overload

import numpy as np
import numpy.typing as npt

from placewatch.core.ids import CameraId, TrackId
from placewatch.core.kinds import KINDS, NUMBER_OF, Kind
from placewatch.core.sightings import Box
from placewatch.core.space import PicturePoint, Point
from placewatch.core.time import UtcMicros

Floats = npt.NDArray[np.float64]

# The columns of `Movers.rows`: the box, the anchor and the size in px, the place in m, the speed in
# m/s, the heading in degrees (NaN where one is unknown), 1 where it is seen, and a number in KINDS.
LEFT, TOP, RIGHT, BOTTOM, X, Y, SIZE, EAST, NORTH, SPEED, HEADING, SEEN, KIND = range(13)
MOVER_COLUMNS = 13

# The columns of a row that holds a `Step`; the place is NaN where it is unknown.
STEP_AT, STEP_S, STEP_FRAME, STEP_X, STEP_Y, STEP_SIZE, STEP_EAST, STEP_NORTH = range(8)
STEP_COLUMNS = 8


class Step(NamedTuple):
    """Where a road user was seen in one frame. `size_px` is the side of a square as large as its
    box; `point` is None where the ground is not calibrated."""

    at: UtcMicros
    media_s: float
    frame: int
    x_px: float
    y_px: float
    size_px: float
    point: Point | None


@dataclass(frozen=True, slots=True)
class Mover:
    """One road user. `point` and the speed are None where the ground is not calibrated.

    `anchor` is where it stands on the picture: the middle of its footprint (anchor.py), or of its
    box's lower edge where that is not known. `point` is the place of the latter, on the ground.
    `heading_deg` is on the picture: 0 right, 90 down; None while it stands. `before` is only
    there in a mover's first scene: the steps it took before it was certain to be a road user,
    oldest first, so that a line it crossed meanwhile still counts it.
    """

    track: TrackId
    kind: Kind
    box: Box
    anchor: PicturePoint
    point: Point | None
    speed_m_s: float | None
    heading_deg: float | None
    seen: bool
    before: tuple[Step, ...] = ()


class Movers(Sequence[Mover]):
    """The road users of one frame: rows of numbers, and a `Mover` for who asks for it.

    `ids` holds the id of each row; it is the very same list as long as the same road users follow
    each other in the same order. `before` has the first steps of those who are new, by row.
    """

    __slots__ = ("before", "ids", "rows")

    def __init__(
        self,
        ids: list[TrackId],
        rows: Floats,
        before: Mapping[int, tuple[Step, ...]] = MappingProxyType({}),
    ) -> None:
        """`rows` (N, MOVER_COLUMNS)."""
        assert len(ids) == len(rows)  # compiled code reads on where there are fewer
        self.ids, self.rows, self.before = ids, rows, before

    @classmethod
    def of(cls, movers: Iterable[Mover]) -> Self:
        if isinstance(movers, cls):
            return movers
        each = list(movers)
        rows = [
            (
                *one.box,
                one.anchor.x_px,
                one.anchor.y_px,
                size_of(one.box),
                math.nan if one.point is None else one.point.x_m,
                math.nan if one.point is None else one.point.y_m,
                math.nan if one.speed_m_s is None else one.speed_m_s,
                math.nan if one.heading_deg is None else one.heading_deg,
                float(one.seen),
                NUMBER_OF[one.kind],
            )
            for one in each
        ]
        return cls(
            [one.track for one in each],
            np.array(rows, np.float64).reshape(-1, MOVER_COLUMNS),
            {row: one.before for row, one in enumerate(each) if one.before},
        )

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, at: int) -> Mover: ...
    @overload
    def __getitem__(self, at: slice) -> list[Mover]: ...
    def __getitem__(self, at: int | slice) -> Mover | list[Mover]:
        rows = range(len(self.ids))[at]
        return self._mover(rows) if isinstance(rows, int) else [self._mover(row) for row in rows]

    def _mover(self, row: int) -> Mover:
        left, top, right, bottom, x, y, _, east, north, speed, heading, seen, kind = self.rows[
            row
        ].tolist()
        return Mover(
            track=self.ids[row],
            kind=KINDS[int(kind)],
            box=Box(left, top, right, bottom),
            anchor=PicturePoint(x, y),
            point=None if math.isnan(east) else Point(east, north),
            speed_m_s=None if math.isnan(speed) else speed,
            heading_deg=None if math.isnan(heading) else heading,
            seen=seen == 1.0,
            before=self.before.get(row, ()),
        )


@dataclass(frozen=True, slots=True)
class Scene:
    """All certain road users of a frame. `after_gap`: nothing is known of the time before it.
    `starved`: frames before it were skipped, more than one may, because the machine was late. Who
    was followed still is, but the time is none that was watched: others passed unseen in it.
    """

    at: UtcMicros
    media_s: float
    frame: int
    camera: CameraId
    movers: Sequence[Mover]
    after_gap: bool
    starved: bool = False


def size_of(box: Box) -> float:
    """The side of a square as large as `box`: the scale of a road user on the picture."""
    left_px, top_px, right_px, bottom_px = box
    if right_px <= left_px or bottom_px <= top_px:
        return 0.0
    return math.sqrt((right_px - left_px) * (bottom_px - top_px))


def step_of(row: Floats) -> Step:
    """The step that a row of STEP_COLUMNS holds."""
    at, media_s, frame, x, y, size, east, north = row.tolist()
    point = None if math.isnan(east) else Point(east, north)
    return Step(UtcMicros(int(at)), media_s, int(frame), x, y, size, point)


def row_of(step: Step) -> list[float]:
    """A row of STEP_COLUMNS that holds `step`."""
    east, north = (math.nan, math.nan) if step.point is None else (step.point.x_m, step.point.y_m)
    return [*step[:6], east, north]
