"""Size: what a road user is by its width in metres, its course and its speed.

How this works. Where the ground is known, a pixel at somebody's feet has a width in metres. How
wide a road user looks depends on its course: a car that comes towards the camera shows its width,
one that crosses the view its length. So what is seen is compared with what each sort would show on
that course, and each frame in which it moves is a vote. Who stands still casts none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from placewatch.core.ids import TrackId
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Track
from placewatch.measure.ground import Ground

# Between which widths, seen along and across the course, one sort ends and the next begins: the
# geometric mean of usual sizes (a bicycle 0.7 x 1.8 m, a car 1.8 x 4.4 m, a lorry 2.5 x 8 m).
SLIM_M = (1.15, 2.8)
HEAVY_M = (2.4, 6.6)
LONG_M = (3.2, 10.0)  # longer than a rigid lorry: a bus, or a lorry with a trailer
WALK_M_S_MAX = 2.6  # who is faster rides (HCM: walking 1.2, brisk 1.8, few joggers 2.5)
RIDE_M_S_MAX = 9.5  # 34 km/h: who is faster and slim has a motor
PERSON_M_MIN = 1.0  # lower than this is an animal, a shadow or a part
SPEED_M_S_MIN = 0.5  # slower, the course is noise
VOTES_MIN = 4
VOTES_KEPT = 0.98  # a vote's weight after each further one: the last seconds decide

_RIGHT, _DOWN = np.array([1.0, 0.0]), np.array([0.0, 1.0])

_Scale = tuple[float, float, float, float]
"""Metres east and north of a pixel to the right, then of a pixel down; NaN beyond the ground."""


@dataclass(slots=True)
class _Votes:
    weights: dict[Kind, float] = field(default_factory=dict)
    cast: int = 0
    fast_m_s: float = 0.0

    def kind(self) -> Kind | None:
        if self.cast < VOTES_MIN:
            return None
        best = max(self.weights, key=lambda kind: self.weights[kind])
        return best if self.weights[best] > 0.5 * sum(self.weights.values()) else None


class SizeSorter:
    """Sorts the road users of one view by their size. It remembers the votes of living tracks."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._votes: dict[TrackId, _Votes] = {}

    def sort(
        self, tracks: Sequence[Track], speeds_m_s: Sequence[float | None]
    ) -> list[Kind | None]:
        """The kind of each of `tracks`; None where its size does not tell, or not yet."""
        self._votes = {
            track.id: self._votes.get(track.id) or _Votes() for track in tracks if track.certain
        }
        scales = self._scales(tracks)
        kinds: list[Kind | None] = []
        for track, speed_m_s, scale in zip(tracks, speeds_m_s, scales, strict=True):
            votes = self._votes.get(track.id)
            if votes is None:
                kinds.append(None)
                continue
            if track.seen and speed_m_s is not None and speed_m_s >= SPEED_M_S_MIN:
                votes.fast_m_s = max(0.97 * votes.fast_m_s, speed_m_s)
                seen_as = _seen_as(track, votes.fast_m_s, scale)
                if seen_as is not None:
                    for kind in votes.weights:
                        votes.weights[kind] *= VOTES_KEPT
                    votes.weights[seen_as] = votes.weights.get(seen_as, 0.0) + 1.0
                    votes.cast += 1
            kinds.append(votes.kind())
        return kinds

    def _scales(self, tracks: Sequence[Track]) -> list[_Scale]:
        """On the ground, one pixel to the right and one pixel down, at their feet."""
        if not tracks:
            return []
        feet = np.array([((t.box.left_px + t.box.right_px) / 2, t.box.bottom_px) for t in tracks])
        places = self._ground.metres_of(np.concatenate([feet, feet + _RIGHT, feet + _DOWN]))
        here, right, down = places.reshape(3, len(tracks), 2)
        return [
            (*across, *downwards)
            for across, downwards in zip(
                (right - here).tolist(), (down - here).tolist(), strict=True
            )
        ]


def agreed(recognised: Kind, sized: Kind | None) -> Kind:
    """What a detector that knows kinds and the size in metres say together.

    A look tells more than a size, but not how fast somebody is: a person who is faster than
    people walk rides, and a bicycle that is faster than people pedal has a motor.
    """
    if sized is None:
        return recognised
    if recognised is Kind.UNKNOWN:
        return sized
    if recognised is Kind.PEDESTRIAN and sized in (Kind.BICYCLE, Kind.MOTORCYCLE):
        return sized
    if recognised is Kind.BICYCLE and sized is Kind.MOTORCYCLE:
        return sized
    return recognised


def _seen_as(track: Track, fast_m_s: float, scale: _Scale) -> Kind | None:
    """What a moving road user looks like in this frame."""
    # Plain numbers: this is asked of everybody in every frame, and arrays of two cost more.
    right_x, right_y, down_x, down_y = scale
    if not math.isfinite(right_x + right_y + down_x + down_y):
        return None
    metre_px = math.hypot(right_x, right_y)
    width_m = track.box.width_px * metre_px
    height_m = track.box.height_px * metre_px
    right_s, down_s = track.velocity_px_s
    east, north = right_s * right_x + down_s * down_x, right_s * right_y + down_s * down_y
    speed = math.hypot(east, north)
    if speed == 0.0 or metre_px == 0.0:
        return None
    across = min(1.0, abs(east * right_x + north * right_y) / (speed * metre_px))
    along = math.sqrt(1.0 - across**2)
    if width_m < _between(SLIM_M, along, across) or (
        fast_m_s < WALK_M_S_MAX and width_m < SLIM_M[0]
    ):
        if height_m < PERSON_M_MIN:
            return None
        if fast_m_s < WALK_M_S_MAX:
            return Kind.PEDESTRIAN
        return Kind.BICYCLE if fast_m_s < RIDE_M_S_MAX else Kind.MOTORCYCLE
    if width_m < _between(HEAVY_M, along, across):
        return Kind.CAR
    return Kind.TRUCK if width_m < _between(LONG_M, along, across) else Kind.BUS


def _between(sizes_m: tuple[float, float], along: float, across: float) -> float:
    """The width at which a sort ends, for a course `along` the view and `across` it (shares)."""
    return sizes_m[0] * along + sizes_m[1] * across
