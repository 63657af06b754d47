"""Stage: tracks in, a scene out: who stands where on the ground, how fast and which way."""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.ids import CameraId, TrackId
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Box, Track
from placewatch.core.space import Point
from placewatch.core.time import UtcMicros
from placewatch.measure.ground import Ground
from placewatch.measure.scene import Mover, Scene, Step
from placewatch.measure.size import SizeSorter, agreed

SPEED_WINDOW_S = 0.8  # long enough to average a pixel of jitter, short enough to follow braking
SPEED_EVERY_S = 0.2
SORT_EVERY_S = 0.08
SPEED_STEPS_MIN = 4
SPEED_SPAN_S_MIN = 0.3
MEMORY_S = 2.0  # a slow camera gives its four steps within this, or no speed
SPEED_ERROR_M_S_MAX = 1.5  # a speed worse known than this (5 km/h) is unknown
STANDS_SIZES_S = (
    0.15  # own sizes a second below which somebody stands: a car 0.5, a person 0.15 m/s
)


@dataclass
class Stage:
    """Places the tracks of one view on its ground, where that is known.

    It remembers the last two seconds of every track's path, and forgets a track that ended.
    """

    ground: Ground | None
    camera: CameraId
    sorter: SizeSorter | None = None
    recognises: bool = False  # the detector itself tells kinds apart; size only where it fails
    _paths: dict[TrackId, deque[Step]] = field(default_factory=dict, init=False)
    _shown: set[TrackId] = field(default_factory=set, init=False)
    _speeds: dict[TrackId, tuple[float, float | None]] = field(default_factory=dict, init=False)
    _sized: dict[TrackId, Kind | None] = field(default_factory=dict, init=False)
    _sorted_s: float = field(default=-math.inf, init=False)

    def place(
        self,
        tracks: Sequence[Track],
        at: UtcMicros,
        media_s: float,
        frame: int,
        after_gap: bool,
    ) -> Scene:
        """The scene of one frame. Only tracks that are certain to be road users are in it."""
        if after_gap:
            self._paths.clear()
            self._shown.clear()
            self._speeds.clear()
        living = {track.id for track in tracks}
        self._paths = {track: path for track, path in self._paths.items() if track in living}
        self._shown &= living
        self._speeds = {track: told for track, told in self._speeds.items() if track in living}
        points = self._points(tracks)
        placed: list[tuple[Track, Point | None, float | None, tuple[Step, ...]]] = []
        for track, point in zip(tracks, points, strict=True):
            anchor = track.box.bottom_centre
            path = self._paths.setdefault(track.id, deque())
            while path and path[0].media_s < media_s - MEMORY_S:
                path.popleft()
            before = tuple(path) if track.certain and track.id not in self._shown else ()
            if track.seen:
                size_px = size_of(track.box)
                path.append(Step(at, media_s, frame, anchor.x_px, anchor.y_px, size_px, point))
            if not track.certain:
                continue
            self._shown.add(track.id)
            placed.append((track, point, self._speed_m_s(track, path, media_s), before))
        movers = [
            Mover(
                track=track.id,
                kind=kind,
                box=track.box,
                anchor=track.box.bottom_centre,
                point=point,
                speed_m_s=speed,
                heading_deg=_heading_deg(track),
                seen=track.seen,
                before=before,
            )
            for (track, point, speed, before), kind in zip(
                placed, self._kinds(placed, media_s), strict=True
            )
        ]
        return Scene(at, media_s, frame, self.camera, tuple(movers), after_gap)

    def _speed_m_s(self, track: Track, path: deque[Step], media_s: float) -> float | None:
        """The speed of one track, measured a few times a second: in between it hardly changes."""
        if self.ground is None:
            return None
        since_s, speed = self._speeds.get(track.id, (-math.inf, None))
        fresh = speed is None and media_s - path[0].media_s < SPEED_WINDOW_S if path else False
        if fresh or media_s - since_s >= SPEED_EVERY_S:
            speed = speed_m_s(_recent(path, media_s))
            self._speeds[track.id] = (media_s, speed)
        return speed

    def _kinds(
        self,
        placed: Sequence[tuple[Track, Point | None, float | None, tuple[Step, ...]]],
        media_s: float,
    ) -> list[Kind]:
        """By size and as the detector has it; without a net size comes first."""
        tracks = [track for track, _, _, _ in placed]
        if self.sorter is None:
            return [track.kind for track in tracks]
        if media_s - self._sorted_s >= SORT_EVERY_S or media_s < self._sorted_s:
            self._sorted_s = media_s
            sorted_as = self.sorter.sort(tracks, [speed for _, _, speed, _ in placed])
            both = zip(tracks, sorted_as, strict=True)
            self._sized = {track.id: kind for track, kind in both}
        sized = self._sized
        if self.recognises:
            return [agreed(track.kind, sized.get(track.id)) for track in tracks]
        return [sized.get(track.id) or track.kind for track in tracks]

    def _points(self, tracks: Sequence[Track]) -> list[Point | None]:
        if self.ground is None or not tracks:
            return [None] * len(tracks)
        anchors = [track.box.bottom_centre for track in tracks]
        places = self.ground.metres_of(np.array([(a.x_px, a.y_px) for a in anchors]))
        return [None if x_m != x_m else Point(x_m, y_m) for x_m, y_m in places.tolist()]


def size_of(box: Box) -> float:
    """The side of a square as large as `box`: the scale of a road user on the picture."""
    left_px, top_px, right_px, bottom_px = box
    if right_px <= left_px or bottom_px <= top_px:
        return 0.0
    return math.sqrt((right_px - left_px) * (bottom_px - top_px))


def speed_m_s(steps: Iterable[Step]) -> float | None:
    """The speed along `steps`: least squares, once more without outliers.

    0.0 where it does not differ from standing; None where the ground is unknown, the steps are
    too few or too close in time, or the speed would be worse known than 1.5 m/s.
    """
    placed = [(s.media_s, s.point.x_m, s.point.y_m) for s in steps if s.point is not None]
    if len(placed) < SPEED_STEPS_MIN or placed[-1][0] - placed[0][0] < SPEED_SPAN_S_MIN:
        return None
    speed = _fitted(np.array(placed))
    return None if speed < 0.0 else speed


@numba.njit(cache=True, nogil=True)
def _fitted(placed: npt.NDArray[np.float64]) -> float:
    """The speed along rows of (s, m east, m north); -1 where it is not known well enough."""
    east, north, error_m_s, off = _slope(placed)
    # A step off by more than three (robust) standard deviations is a box that jumped.
    kept = off <= 3 * 1.4826 * np.sort(off)[len(off) // 2] + 1e-9
    if SPEED_STEPS_MIN <= kept.sum() < len(placed):
        east, north, error_m_s, _ = _slope(placed[kept])
    if error_m_s > SPEED_ERROR_M_S_MAX:
        return -1.0
    speed = math.hypot(east, north)
    return 0.0 if speed < 2 * error_m_s else speed


@numba.njit(cache=True, nogil=True)
def _slope(
    placed: npt.NDArray[np.float64],
) -> tuple[float, float, float, npt.NDArray[np.float64]]:
    """Least squares: (m/s east, m/s north, their standard error, distance of each step, m)."""
    number = len(placed)
    t = placed[:, 0] - placed[:, 0].mean()
    x = placed[:, 1] - placed[:, 1].mean()
    y = placed[:, 2] - placed[:, 2].mean()
    spread = (t * t).sum()
    east, north = (t * x).sum() / spread, (t * y).sum() / spread
    off = np.hypot(x - east * t, y - north * t)
    variance = (off * off).sum() / (2 * number - 4)
    return east, north, math.sqrt(variance / spread), off


def _recent(path: deque[Step], media_s: float) -> list[Step]:
    """The steps of the speed window; at a low frame rate the last few of the memory."""
    recent = [step for step in path if step.media_s >= media_s - SPEED_WINDOW_S]
    if recent and len(recent) < SPEED_STEPS_MIN:
        return list(path)[-SPEED_STEPS_MIN:]
    return recent


def _heading_deg(track: Track) -> float | None:
    right, down = track.velocity_px_s
    if math.hypot(right, down) < STANDS_SIZES_S * size_of(track.box):
        return None
    return math.degrees(math.atan2(down, right)) % 360
