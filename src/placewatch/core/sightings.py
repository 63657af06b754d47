"""Sightings: what is seen in a frame, in pixels. They never leave the node."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self, overload

from placewatch.core.ids import TrackId
from placewatch.core.kinds import KINDS, NUMBER_OF, Kind
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


class Table(Protocol):
    """Rows of numbers, as numpy has them."""

    def __len__(self) -> int: ...

    def tolist(self) -> list[list[float]]: ...


class _List(list[list[float]]):
    """A table of one's own."""

    def tolist(self) -> list[list[float]]:
        return self


# The columns of `Detections.rows`. Sides in px of the picture, a score 0..1, a number in KINDS.
LEFT, TOP, RIGHT, BOTTOM, SCORE, SEEN_KIND = range(6)
DETECTION_COLUMNS = 6

# The columns of `Tracks.rows`, after the sides: the velocity of its foot, its age, how long it has
# not been seen (0: seen now), 1 where it is certain, a number in KINDS, its row in the frame before
# (-1: it is new), the row of the detection that it was seen as (-1: none), and how far to the right
# and down of the lower edge of its box that of this detection lies (0: not seen, or not whole).
RIGHT_PX_S, DOWN_PX_S, AGE_S, UNSEEN_S, CERTAIN, KIND, BEFORE, SEEN_AS, OFF_X, OFF_Y = range(4, 14)
TRACK_COLUMNS = 14

_new = tuple.__new__  # a Track and its Box in a third of the time


class Detections(Sequence[Detection]):
    """What a detector finds in one frame: rows of numbers, and a `Detection` for who asks."""

    __slots__ = ("_made", "rows")

    def __init__(self, rows: Table) -> None:
        """`rows` (N, DETECTION_COLUMNS)."""
        self.rows = rows
        self._made: list[Detection] | None = None

    @classmethod
    def of(cls, detections: Iterable[Detection]) -> Self:
        if isinstance(detections, cls):
            return detections
        return cls(_List([*one.box, one.score, NUMBER_OF[one.kind]] for one in detections))

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, at: int) -> Detection: ...
    @overload
    def __getitem__(self, at: slice) -> list[Detection]: ...
    def __getitem__(self, at: int | slice) -> Detection | list[Detection]:
        if self._made is None:
            self._made = self._all()
        return self._made[at]

    def _all(self) -> list[Detection]:
        return [
            Detection(KINDS[int(kind)], Box(left, top, right, bottom), score)
            for left, top, right, bottom, score, kind in self.rows.tolist()
        ]


class Tracks(Sequence[Track]):
    """The tracks of one frame: rows of numbers, and a `Track` for who asks for it.

    `ids` holds the id of each row; it is the very same list as long as the same tracks follow each
    other in the same order.
    """

    __slots__ = ("_made", "ids", "rows")

    def __init__(self, ids: list[TrackId], rows: Table) -> None:
        """`rows` (M, TRACK_COLUMNS)."""
        assert len(ids) == len(rows)  # compiled code reads on where there are fewer
        self.ids, self.rows = ids, rows
        self._made: list[Track] | None = None

    @classmethod
    def of(cls, tracks: Iterable[Track]) -> Self:
        if isinstance(tracks, cls):
            return tracks
        each = list(tracks)
        rows = _List(
            [
                *track.box,
                *track.velocity_px_s,
                track.age_s,
                0.0 if track.seen else 1.0,
                float(track.certain),
                NUMBER_OF[track.kind],
                -1.0,
                -1.0,
                0.0,
                0.0,
            ]
            for track in each
        )
        return cls([track.id for track in each], rows)

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, at: int) -> Track: ...
    @overload
    def __getitem__(self, at: slice) -> list[Track]: ...
    def __getitem__(self, at: int | slice) -> Track | list[Track]:
        if self._made is None:
            self._made = self._all()
        return self._made[at]

    def _all(self) -> list[Track]:
        return [
            _new(
                Track,
                (
                    one,
                    KINDS[int(kind)],
                    _new(Box, (left, top, right, bottom)),
                    (right_px_s, down_px_s),
                    age_s,
                    unseen_s == 0.0,
                    certain == 1.0,
                ),
            )
            for one, (
                left,
                top,
                right,
                bottom,
                right_px_s,
                down_px_s,
                age_s,
                unseen_s,
                certain,
                kind,
                *_,
            ) in zip(self.ids, self.rows.tolist(), strict=True)
        ]
