"""Simulated: streets without pixels, whose truth is exact, and a detector that errs as nets do.

How this works. The road users of the drawn streets, and of two more (a two-way road with a stop
bar, a square that people cross in all directions), are seen by a pinhole camera whose height and
angles depend on the seed. What is nearer covers what is farther. The detector misses in
stretches, more so what is covered; its sides wobble from frame to frame and drift; it makes one
box of two that overlap, sees what is not there, mistakes kinds, and is less sure of what is small
or covered. All of it happens in seconds, so that the same street at another frame rate is as hard.
"""

import math
import random
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from placewatch.core.kinds import Kind
from placewatch.core.space import PicturePoint, Point
from placewatch.simulate.detections import TAKEN_FOR
from placewatch.simulate.drawn import STREETS
from placewatch.simulate.pinhole import Pinhole
from placewatch.simulate.traffic import (
    SIZES,
    Gate,
    GroundLine,
    RoadUser,
    Route,
    Signal,
    Stream,
    Traffic,
    TrueCrossing,
    path,
)

Floats = npt.NDArray[np.float64]

WIDTH_PX, HEIGHT_PX = 1280, 720
NAMES = (*STREETS, "road", "square")

_KINDS = tuple(Kind)
_SEEN_MIN = 0.35  # of a box inside the picture: less is nobody's duty to find
_HEIGHT_MIN_PX = 20.0


@dataclass(frozen=True, slots=True)
class Sequence:
    """What was there and what a detector saw of it.

    `truth` holds for each frame rows of who, left, top, right, bottom; `seen` rows of left, top,
    right, bottom, score and the index of the kind, as `Tracker.advance` takes them. `line` and
    `crossings` are there for the road only: its counting line on the picture and who passed it.
    """

    name: str
    fps: float
    seed: int
    truth: tuple[Floats, ...]
    seen: tuple[Floats, ...]
    line: tuple[PicturePoint, PicturePoint] | None = None
    crossings: tuple[TrueCrossing, ...] = ()


def simulate(name: str, fps: float, seed: int, duration_s: float = 40.0) -> Sequence:
    """The street `name`, one of NAMES, seen `fps` times a second. The same call gives the same."""
    streams, signals, lines, camera = _place(name, seed)
    traffic = Traffic(streams, signals, lines, seed, settle_s=60.0)
    detector = _Detector(fps, seed)
    who: dict[tuple[Kind, int], int] = {}
    truth, seen = [], []
    frames = round(duration_s * fps)
    for number in range(frames):
        users = traffic.at(number / fps)
        boxes, depths, kept = _boxes(users, camera)
        ids = np.array(
            [who.setdefault((u.kind, u.look), len(who)) for u in kept], np.float64
        ).reshape(-1, 1)
        truth.append(np.hstack([ids, boxes]))
        seen.append(detector.look(ids[:, 0], boxes, depths, [u.kind for u in kept]))
    line = None
    if name == "road":
        line = (
            camera.to_picture(lines[0].start),
            camera.to_picture(lines[0].end),
        )
    return Sequence(
        name,
        fps,
        seed,
        tuple(truth),
        tuple(seen),
        line,
        tuple(traffic.crossings(duration_s)) if line else (),
    )


def _place(
    name: str, seed: int
) -> tuple[tuple[Stream, ...], dict[str, Signal], tuple[GroundLine, ...], Pinhole]:
    dice = random.Random(f"{name}/{seed}")
    if name in STREETS:
        street = STREETS[name]
        busy = dice.uniform(1.0, 2.0)
        streams = tuple(
            replace(s, per_min=s.per_min * busy, headway_s=s.headway_s / busy)
            for s in street.streams
        )
        signals, lines = dict(street.signals), street.ground_lines()
        camera = street.camera(WIDTH_PX, HEIGHT_PX)
    elif name == "road":
        streams, signals, lines, camera = _road()
    else:
        streams, signals, lines, camera = _square(dice)
    camera = replace(
        camera,
        height_m=camera.height_m * dice.uniform(0.75, 1.25),
        yaw_deg=camera.yaw_deg + dice.uniform(-4.0, 4.0),
        pitch_deg=camera.pitch_deg + dice.uniform(-2.0, 3.0),
        focal_share=camera.focal_share * dice.uniform(0.85, 1.2),
    )
    return streams, signals, lines, camera


def _road() -> tuple[tuple[Stream, ...], dict[str, Signal], tuple[GroundLine, ...], Pinhole]:
    """A two-way road with a light; one stop bar lies 2 m before the counting line."""
    line_m, far_m = 0.0, 70.0
    out = Route(
        path((-far_m, -1.8), (far_m, -1.8)), gates=(Gate("bar", far_m + line_m - 2.0, far_m + 12),)
    )
    back = Route(path((far_m, 1.8), (-far_m, 1.8)), gates=(Gate("bar", far_m - 12.0, far_m + 2.0),))
    kinds = {Kind.CAR: 7, Kind.VAN: 2, Kind.TRUCK: 2, Kind.BUS: 1, Kind.MOTORCYCLE: 1}
    streams = tuple(
        Stream(name, "wheels", (route,), kinds, per_min=14.0, speed_m_s=12.0)
        for name, route in (("out", out), ("back", back))
    )
    # A second party that nobody belongs to has the other half of the cycle.
    signals = {"bar": Signal(30.0, {"wheels": (0.0, 14.0)})}
    line = GroundLine("line", Point(line_m, -5.0), Point(line_m, 5.0))
    camera = Pinhole(-4.0, -22.0, 7.0, 80.0, 15.0, 0.6, WIDTH_PX, HEIGHT_PX)
    return streams, signals, (line,), camera


def _square(
    dice: random.Random,
) -> tuple[tuple[Stream, ...], dict[str, Signal], tuple[GroundLine, ...], Pinhole]:
    """A square that people cross in all directions, some of whom stop to look."""
    streams = []
    for number in range(10):
        angle = dice.uniform(0.0, 2 * math.pi)
        turn = angle + math.pi + dice.uniform(-0.9, 0.9)
        start = (16 * math.cos(angle), 16 * math.sin(angle))
        end = (16 * math.cos(turn), 16 * math.sin(turn))
        middle = (dice.uniform(-4, 4), dice.uniform(-4, 4))
        route = Route(path(start, middle, end, radius_m=4.0))
        streams.append(
            Stream(
                f"way {number}",
                "feet",
                (route,),
                {Kind.PEDESTRIAN: 5, Kind.BICYCLE: 1} if number < 3 else {Kind.PEDESTRIAN: 1},
                per_min=7.0,
                speed_m_s=dice.uniform(1.1, 1.7),
                headway_s=2.5,
                spread_m=1.0,
                stand_share=0.2,
                stand_m=(8.0, 22.0),
            )
        )
    camera = Pinhole(0.0, -19.0, 4.5, 90.0, 13.0, 0.75, WIDTH_PX, HEIGHT_PX)
    return tuple(streams), {}, (), camera


def _boxes(users: list[RoadUser], camera: Pinhole) -> tuple[Floats, Floats, list[RoadUser]]:
    """(N, 4) boxes within the picture, how far off each is, and whose they are."""
    boxes, depths, kept = [], [], []
    for user in users:
        size = SIZES[user.kind]
        along = np.array([-1, -1, 1, 1, -1, -1, 1, 1]) * size.length_m / 2
        aside = np.array([-1, 1, 1, -1, -1, 1, 1, -1]) * size.width_m / 2
        cos, sin = math.cos(user.heading_rad), math.sin(user.heading_rad)
        corners = np.stack(
            [
                user.x_m + along * cos - aside * sin,
                user.y_m + along * sin + aside * cos,
                np.repeat([0.0, size.height_m], 4),
            ],
            axis=1,
        )
        view = camera.view(corners)
        if view[:, 2].min() < 1.0:
            continue
        flat = camera.flatten(view)
        whole = np.concatenate([flat.min(0), flat.max(0)])
        box = np.clip(whole, 0.0, [WIDTH_PX, HEIGHT_PX, WIDTH_PX, HEIGHT_PX])
        area = (box[2] - box[0]) * (box[3] - box[1])
        if (
            area < _SEEN_MIN * (whole[2] - whole[0]) * (whole[3] - whole[1])
            or whole[3] - whole[1] < _HEIGHT_MIN_PX
        ):
            continue
        boxes.append(box)
        depths.append(float(view[:, 2].mean()))
        kept.append(user)
    return np.array(boxes).reshape(-1, 4), np.array(depths), kept


class _Detector:
    """A net with its faults. It remembers who is just now hard to see, and how its sides drift."""

    def __init__(self, fps: float, seed: int) -> None:
        self._dice = np.random.default_rng([seed, 77])
        self._step_s = 1.0 / fps
        self._miss = self._dice.uniform(0.05, 0.15)
        self._false = self._dice.uniform(0.01, 0.03)
        self._blind: dict[int, bool] = {}
        self._drift: dict[int, Floats] = {}
        self._merged: dict[tuple[int, int], bool] = {}
        self._ghosts: list[tuple[Floats, float]] = []  # what is not there, until when
        self._media_s = 0.0

    def look(self, who: Floats, boxes: Floats, depths: Floats, kinds: list[Kind]) -> Floats:
        """What it sees of one frame."""
        dice, step_s = self._dice, self._step_s
        self._media_s += step_s
        visible, parts = _visible(boxes, depths)
        found: dict[int, Floats] = {}
        for k, name in enumerate(who.astype(int).tolist()):
            # A miss lasts 0.3 s on average.
            ends, begins = step_s / 0.3, step_s / 0.3 * self._miss / (1 - self._miss)
            blind = self._blind.get(name, dice.random() < self._miss)
            blind = dice.random() > ends if blind else dice.random() < begins
            self._blind[name] = blind
            drift = self._drift.get(name)
            fade = math.exp(-step_s / 0.4)
            fresh = dice.normal(0.0, 0.02, 4)
            drift = fresh if drift is None else fade * drift + math.sqrt(1 - fade**2) * fresh
            self._drift[name] = drift
            if blind or dice.random() > (visible[k] - 0.2) / 0.4:
                continue
            box = parts[k] if visible[k] < 0.6 else boxes[k]
            size = np.tile(box[2:] - box[:2], 2)
            box = box + size * (drift + dice.normal(0.0, 0.02, 4))
            small = min(1.0, float(boxes[k, 3] - boxes[k, 1]) / 60.0)
            sure = 0.35 + 0.3 * visible[k] + 0.22 * small + dice.normal(0.0, 0.09)
            kind = (
                kinds[k] if dice.random() > 0.08 else TAKEN_FOR[kinds[k]][int(dice.integers(0, 2))]
            )
            found[k] = np.array([*box, min(0.98, max(0.05, sure)), _KINDS.index(kind)])
        rows = self._merge(found, who)
        rows += self._see_ghosts(len(rows))
        seen = np.array(rows, np.float64).reshape(-1, 6)
        np.clip(seen[:, 0:3:2], 0.0, WIDTH_PX, out=seen[:, 0:3:2])
        np.clip(seen[:, 1:4:2], 0.0, HEIGHT_PX, out=seen[:, 1:4:2])
        return seen[(seen[:, 2] - seen[:, 0] > 2.0) & (seen[:, 3] - seen[:, 1] > 2.0)]

    def _merge(self, found: dict[int, Floats], who: Floats) -> list[Floats]:
        """One box for two that overlap much, for some of the time."""
        rows, gone = [], set()
        keys = sorted(found)
        for n, a in enumerate(keys):
            for b in keys[n + 1 :]:
                if a in gone or b in gone or _overlap(found[a], found[b]) < 0.3:
                    continue
                pair = (int(who[a]), int(who[b]))
                merged = self._merged.get(pair, self._dice.random() < 0.3)
                if self._dice.random() < self._step_s / 0.5:  # the state lasts half a second
                    merged = bool(self._dice.random() < 0.3)
                self._merged[pair] = merged
                if merged:
                    one, other = found[a], found[b]
                    low, high = np.minimum(one, other), np.maximum(one, other)
                    rows.append(np.array([*low[:2], *high[2:5], one[5]]))
                    gone |= {a, b}
        return [*rows, *(found[k] for k in keys if k not in gone)]

    def _see_ghosts(self, there: int) -> list[Floats]:
        """What is not there is seen for a third of a second on average."""
        dice = self._dice
        if dice.random() < self._false * max(there, 3) * self._step_s / 0.3:
            high = dice.uniform(20, 140)
            wide = high * dice.uniform(0.4, 2.0)
            left, top = dice.uniform(0, WIDTH_PX - wide), dice.uniform(100, HEIGHT_PX - high)
            ghost = np.array(
                [left, top, left + wide, top + high, dice.uniform(0.3, 0.75), dice.integers(0, 7)]
            )
            self._ghosts.append((ghost, self._media_s + float(dice.exponential(0.3))))
        self._ghosts = [(row, until) for row, until in self._ghosts if until >= self._media_s]
        rows = []
        for ghost, _ in self._ghosts:
            row = ghost.copy()
            row[:4] += dice.normal(0.0, 0.04, 4) * np.tile(ghost[2:4] - ghost[:2], 2)
            rows.append(row)
        return rows


def _visible(boxes: Floats, depths: Floats) -> tuple[Floats, Floats]:
    """The share of each box that nothing nearer covers, and the box of that part."""
    steps = (np.arange(10) + 0.5) / 10
    visible, parts = np.ones(len(boxes)), boxes.copy()
    for k, (left, top, right, bottom) in enumerate(boxes):
        nearer = boxes[depths < depths[k]]
        nearer = nearer[
            (nearer[:, 0] < right)
            & (nearer[:, 2] > left)
            & (nearer[:, 1] < bottom)
            & (nearer[:, 3] > top)
        ]
        if not len(nearer):
            continue
        x = (left + steps * (right - left))[None, :, None]
        y = (top + steps * (bottom - top))[:, None, None]
        # A body fills its box only in part: the outer tenth on each side hides nothing.
        wide, high = 0.1 * (nearer[:, 2] - nearer[:, 0]), 0.06 * (nearer[:, 3] - nearer[:, 1])
        covered = (
            (x > nearer[:, 0] + wide)
            & (x < nearer[:, 2] - wide)
            & (y > nearer[:, 1] + high)
            & (y < nearer[:, 3] - high)
        ).any(2)
        visible[k] = 1.0 - covered.mean()
        free = np.argwhere(~covered)
        if len(free):
            (y0, x0), (y1, x1) = free.min(0), free.max(0) + 1
            wide_px, high_px = right - left, bottom - top
            parts[k] = (
                left + wide_px * x0 / 10,
                top + high_px * y0 / 10,
                left + wide_px * x1 / 10,
                top + high_px * y1 / 10,
            )
    return visible, parts


def _overlap(a: Floats, b: Floats) -> float:
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    if across <= 0 or down <= 0:
        return 0.0
    both = across * down
    return float(both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both))
