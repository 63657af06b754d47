"""Speeds: how exact the speed at a line is, from five poses through three lenses.

How this works. Somebody surveys eight points of a street, 5 cm wrong, and clicks on them, a pixel
wrong; they are far from each other on the picture, mostly, as people choose them. Then vehicles
drive straight over a line, somewhere between those points, on any course, at 20 to 130 km/h. A
*mark* on the road, seen a pixel wrong, shows what the ground is worth; a *car* is the box of a
detector that errs, through the tracker and all that follows. Every drive of every survey counts.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from placewatch.bench import Extent, Figure
from placewatch.bench.roof import CAMERA, START
from placewatch.core.ids import TrackId
from placewatch.core.kinds import NUMBER_OF, Kind
from placewatch.core.sightings import Box, Track, Tracks
from placewatch.core.space import PicturePoint, Point
from placewatch.core.time import UtcMicros
from placewatch.measure.flow import FlowMeter
from placewatch.measure.ground import Ground
from placewatch.measure.line import CountingLine
from placewatch.measure.stage import Stage
from placewatch.perceive.tracker import Tracker
from placewatch.simulate.detections import Eye, Faults
from placewatch.simulate.pinhole import Pinhole
from placewatch.simulate.poses import POSES, hung

LENSES = (0.0, -0.06, -0.12)  # k1
POINTS, SURVEY_M, CLICK_PX = 8, 0.05, 1.0
REACH_M = 30.0  # of the street on each side of its middle
SPEEDS_KMH = (20.0, 130.0)
SURVEYS, DRIVES = 3, 12  # of each pose and lens, for each seed; of each survey
BEFORE_S, FRAMES_S = 1.4, 25.0
LINE_M = 8.0
SPOT_S = 0.4  # for what is foretold: the shortest that is looked at
MAE_MAX, BIAS_MAX, P99_MAX, FORETOLD_MAX = 1.0, 0.3, 3.0, 1.5

Floats = npt.NDArray[np.float64]

_STREET = np.array(list(itertools.product(np.linspace(-27, 27, 13), repeat=2)))


@dataclass
class Errors:
    """How many km/h each speed is off, and what was foretold of it; how many drives there were."""

    off_kmh: list[float] = field(default_factory=list)
    foretold_kmh: list[float] = field(default_factory=list)
    drives: int = 0


def measure_speeds(extent: Extent) -> list[Figure]:
    """Mean and 99th percentile of the error, its bias, and whether it was foretold."""
    mark, car = Errors(), Errors()
    for seed in range(1, extent.seeds + 1):
        extent.told(f"seed {seed} of {extent.seeds}")
        drive(seed, mark, car)
    how = (
        f"{POINTS} points, {100 * SURVEY_M:g} cm and {CLICK_PX:g} px wrong; {len(POSES)} poses, "
        f"lenses with k1 of {', '.join(f'{k1:g}' for k1 in LENSES)}; {SPEEDS_KMH[0]:g} to "
        f"{SPEEDS_KMH[1]:g} km/h, {FRAMES_S:g} frames a second; {extent.seeds} seeds"
    )
    return [
        *_figures("mark", mark, f"a mark on the road that is seen 1 px wrong; {how}", True),
        *_figures(
            "car",
            car,
            f"boxes of a detector that errs as in the counts, a car 4.4 m long; {how}",
            False,
        ),
    ]


def drive(seed: int, mark: Errors, car: Errors) -> None:
    """Adds the drives of one seed to both."""
    dice = np.random.default_rng([seed, 5])
    for pose, k1 in itertools.product(POSES, LENSES):
        camera = hung(replace(POSES[pose], k1=k1, k2=0.0), REACH_M)
        places = in_view(camera)
        for _ in range(SURVEYS):
            points = chosen(camera, places, dice)
            ground = Ground.fit(
                seen(camera, points) + dice.normal(0, CLICK_PX, points.shape),
                points + dice.normal(0, SURVEY_M, points.shape),
                survey_m=SURVEY_M,
                size_px=(camera.width_px, camera.height_px),
            )
            inside = between(points, places)
            if not len(inside):
                continue
            for _ in range(DRIVES):
                way = Drive.drawn(inside, dice)
                _add(mark, camera, ground, way, _mark(camera, ground, way, dice))
                _add(car, camera, ground, way, _car(camera, ground, way, dice))


@dataclass(frozen=True, slots=True)
class Drive:
    """Straight over `place`, at the moment `BEFORE_S`."""

    place: Point
    course_rad: float
    speed_m_s: float

    @classmethod
    def drawn(cls, places: Floats, dice: np.random.Generator) -> "Drive":
        x_m, y_m = dice.choice(places).tolist()
        speed_m_s = float(dice.uniform(*SPEEDS_KMH)) / 3.6
        return cls(Point(x_m, y_m), float(dice.uniform(-math.pi, math.pi)), speed_m_s)

    def at(self, moments_s: Floats) -> Floats:
        """(N, 2) m."""
        driven_m = (moments_s - BEFORE_S) * self.speed_m_s
        way = np.array([math.cos(self.course_rad), math.sin(self.course_rad)])
        places: Floats = np.array([self.place.x_m, self.place.y_m]) + driven_m[:, None] * way
        return places

    def line(self, camera: Pinhole) -> CountingLine | None:
        """Across its way at the place; None where the picture does not hold it."""
        aside = np.array([-math.sin(self.course_rad), math.cos(self.course_rad)]) * LINE_M / 2
        middle = np.array([self.place.x_m, self.place.y_m])
        ends = seen(camera, np.array([middle - aside, middle + aside])).tolist()
        inside = all(0 <= x <= camera.width_px and 0 <= y <= camera.height_px for x, y in ends)
        a, b = (PicturePoint(*end) for end in ends)
        return CountingLine("line", a, b) if inside else None


def _moments() -> Floats:
    return np.arange(round(2 * BEFORE_S * FRAMES_S) + 1) / FRAMES_S


def _mark(camera: Pinhole, ground: Ground, way: Drive, dice: np.random.Generator) -> float | None:
    moments_s = _moments()
    line = way.line(camera)
    if line is None:
        return None
    ahead = np.array([_whole(camera, place) for place in way.at(moments_s)])
    pixels = seen(camera, way.at(moments_s[ahead])) + dice.normal(0, 1, (int(ahead.sum()), 2))
    stage, meter = Stage(ground, CAMERA), FlowMeter(CAMERA, [line], START)
    crossings = []
    for frame, (media_s, (x_px, y_px)) in enumerate(
        zip(moments_s[ahead].tolist(), pixels.tolist(), strict=True)
    ):
        box = Box(x_px - 20, y_px - 30, x_px + 20, y_px)
        track = Track(TrackId("mark"), Kind.UNKNOWN, box, (0.0, 0.0), 1.0, True, True)
        at = UtcMicros(START + round(media_s * 1e6))
        crossings += meter.measure(stage.place([track], at, media_s, frame, frame == 0))
    crossings += meter.leave()
    return crossings[0].speed_m_s if len(crossings) == 1 else None


def _car(camera: Pinhole, ground: Ground, way: Drive, dice: np.random.Generator) -> float | None:
    moments_s, line = _moments(), way.line(camera)
    if line is None:
        return None
    ahead = np.array([_whole(camera, place) for place in way.at(moments_s)])
    x_m, y_m = way.at(moments_s[ahead]).T
    alone = np.zeros(len(x_m), np.int64)
    eye = Eye(camera, Faults(), int(dice.integers(1 << 31)))
    looks = eye.look(
        moments_s, moments_s[ahead], alone, x_m, y_m, np.full(len(x_m), way.course_rad),
        alone + NUMBER_OF[Kind.CAR],
    )  # fmt: skip
    tracker, stage = Tracker(), Stage(ground, CAMERA, sorts=True, recognises=True)
    meter = FlowMeter(CAMERA, [line], START)
    crossings = []
    for moment, media_s in enumerate(moments_s.tolist()):
        told = tracker.advance(
            np.ascontiguousarray(looks.at(moment)),
            media_s,
            width_px=camera.width_px,
            height_px=camera.height_px,
        )
        at = UtcMicros(START + round(media_s * 1e6))
        tracks = Tracks(tracker.ids, told)
        crossings += meter.measure(stage.place(tracks, at, media_s, moment, moment == 0))
    crossings += meter.leave()
    return crossings[0].speed_m_s if len(crossings) == 1 else None


def _whole(camera: Pinhole, place: Floats) -> bool:
    """Whether the lens shows a place, before its fold."""
    (view,) = camera.view(np.array([[*place, 0.0]]))
    return bool(view[2] > 2.0 and math.hypot(view[0], view[1]) < _fold(camera) * view[2])


def _fold(camera: Pinhole) -> float:
    return 10.0 if camera.k1 >= 0 else 0.8 / math.sqrt(-3.0 * camera.k1)


def _add(
    errors: Errors, camera: Pinhole, ground: Ground, way: Drive, told_m_s: float | None
) -> None:
    if way.line(camera) is None:
        return
    errors.drives += 1
    if told_m_s is None:
        return
    errors.off_kmh.append(3.6 * (told_m_s - way.speed_m_s))
    ends = seen(camera, way.at(np.array([BEFORE_S - SPOT_S, BEFORE_S + SPOT_S]))).tolist()
    foretold = ground.speed_error_m_s(
        PicturePoint(*ends[0]), PicturePoint(*ends[1]), 2 * SPOT_S, round(2 * SPOT_S * FRAMES_S)
    )
    errors.foretold_kmh.append(math.nan if foretold is None else 3.6 * foretold)


def seen(camera: Pinhole, metres: Floats) -> Floats:
    """(N, 2) m on the ground to (N, 2) px."""
    return camera.project(np.column_stack([metres, np.zeros(len(metres))]))


def in_view(camera: Pinhole) -> Floats:
    """The places of the street that are on the picture."""
    there = _STREET[[_whole(camera, place) for place in _STREET]]
    pixels = seen(camera, there)
    inside = (pixels > 0) & (pixels < (camera.width_px, camera.height_px))
    return there[inside.all(axis=1)]


def chosen(camera: Pinhole, places: Floats, dice: np.random.Generator) -> Floats:
    """Some of `places`, as people choose them: far from each other on the picture, mostly."""
    pixels = seen(camera, places)
    picked = [int(dice.integers(len(places)))]
    apart = np.full(len(places), np.inf)
    while len(picked) < POINTS:
        apart = np.minimum(apart, np.hypot(*(pixels - pixels[picked[-1]]).T))
        picked.append(int(dice.choice(len(places), p=apart**3 / (apart**3).sum())))
    return places[picked]


def between(points: Floats, places: Floats) -> Floats:
    """Those of `places` that lie in a triangle of `points`."""
    inside = np.zeros(len(places), bool)
    for corners in itertools.combinations(points, 3):
        sides = np.array([_side(corners[k], corners[k - 2], places) for k in range(3)])
        inside |= (sides >= 0).all(axis=0) | (sides <= 0).all(axis=0)
    return places[inside]


def _side(start: Floats, end: Floats, places: Floats) -> Floats:
    (x, y), there = end - start, places - start
    side: Floats = x * there[:, 1] - y * there[:, 0]
    return side


def _figures(what: str, errors: Errors, how: str, demanded: bool) -> Iterator[Figure]:
    off = np.array(errors.off_kmh)
    name = f"accuracy.speed.{what}"
    if not len(off):
        yield Figure(f"{name}.mae", None, None, None, "km/h", "", "", False, "no drive")
        return
    told = f"{len(off)} of {errors.drives} drives told a speed; {how}"
    foretold = np.array(errors.foretold_kmh)
    known = np.isfinite(foretold)
    ratio = math.sqrt(float(np.mean(foretold[known] ** 2) / np.mean(off[known] ** 2)))
    rows = (
        ("mae", float(np.abs(off).mean()), MAE_MAX, "km/h", "the mean of how far off speeds are"),
        ("bias", abs(float(off.mean())), BIAS_MAX, "km/h", "the mean error, without its sign"),
        (
            "p99",
            float(np.quantile(np.abs(off), 0.99)),
            P99_MAX,
            "km/h",
            "99 of 100 speeds are off by less",
        ),
        (
            "foretold",
            max(ratio, 1.0 / ratio),
            FORETOLD_MAX,
            "times",
            f"the error that was foretold by the one that was made (root mean square): {ratio:.2f}",
        ),
    )
    for row, value, bound, unit, says in rows:
        must = f"<= {bound:g}" if demanded else ""
        yield Figure(
            f"{name}.{row}", value, None, None, unit, must, "", not demanded or value <= bound,
            f"{says}; {told}",
        )  # fmt: skip
