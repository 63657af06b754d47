"""Sightings: what is seen in a frame, in pixels. They never leave the node."""

from dataclasses import dataclass
from typing import NamedTuple

from placewatch.core.ids import TrackId
from placewatch.core.kinds import Kind
from placewatch.core.space import PicturePoint


class Box(NamedTuple):
    """An upright rectangle on the picture; left < right, top < bottom, y down."""

    left_px: float
    top_px: float
    right_px: float
    bottom_px: float

    @property
    def width_px(self) -> float:
        return self.right_px - self.left_px

    @property
    def height_px(self) -> float:
        return self.bottom_px - self.top_px

    @property
    def bottom_centre(self) -> PicturePoint:
        """Where what is in the box stands on the ground."""
        return PicturePoint((self.left_px + self.right_px) / 2, self.bottom_px)


@dataclass(frozen=True, slots=True)
class Detection:
    """One road user in one frame, as a detector sees it. `score` is 0..1."""

    kind: Kind
    box: Box
    score: float


class Track(NamedTuple):
    """One road user in one view, as far as it is known in this frame.

    `kind` is the vote of all its frames so far. `box` is filtered; `seen` is false where it is
    only predicted, because the road user is hidden just now. `certain` is true once the track
    has proven to be a road user and not a flicker; only then may it be counted or shown, and it
    stays true. `velocity_px_s` is (right, down).
    """

    id: TrackId
    kind: Kind
    box: Box
    velocity_px_s: tuple[float, float]
    age_s: float
    seen: bool
    certain: bool
