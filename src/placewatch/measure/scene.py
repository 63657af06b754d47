"""Scene: who is where in one view at one moment, with the ground under their feet."""

from dataclasses import dataclass
from typing import NamedTuple

from placewatch.core.ids import CameraId, TrackId
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Box
from placewatch.core.space import PicturePoint, Point
from placewatch.core.time import UtcMicros


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

    `anchor` is where it touches the ground on the picture: the middle of its box's lower edge.
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


@dataclass(frozen=True, slots=True)
class Scene:
    """All certain road users of a frame. `after_gap`: nothing is known of the time before it."""

    at: UtcMicros
    media_s: float
    frame: int
    camera: CameraId
    movers: tuple[Mover, ...]
    after_gap: bool
