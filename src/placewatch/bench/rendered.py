"""Rendered: counts through pictures: drawn films of SUMO's streets, watched as by default.

How this works. SUMO fills a street, its traffic is drawn with shadows, noise, night or rain, and
encoded as a camera would send it. `placewatch watch` then counts the film with all its defaults, at
the lines across the street's arms. Beside it stands whose middle passed the same lines, as SUMO
moved them: every vehicle, whether somebody or something hid it or not; people on foot are no
vehicles, and a vehicle that is taken for one of them is missed.

Drawing takes longer than watching, so films are kept in the user's cache under a name that holds
every parameter and the source of what draws.
"""

import dataclasses
import hashlib
import importlib.metadata
import json
import math
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import av

from placewatch import simulate
from placewatch.bench import Extent, Figure
from placewatch.bench.film import CAMERA, cache_folder
from placewatch.bench.roof import START, run_all
from placewatch.bench.tally import AnyCrossing, pairs
from placewatch.capture.source import SourceSpec
from placewatch.core.errors import PlacewatchError
from placewatch.core.facts import Crossing
from placewatch.core.kinds import Direction, Kind
from placewatch.core.space import Point
from placewatch.node import config as settings
from placewatch.node.offline import analyse
from placewatch.simulate.conditions import Conditions, conditions_of
from placewatch.simulate.crossing import Lines
from placewatch.simulate.film import write_film
from placewatch.simulate.folder import lines_px, movements
from placewatch.simulate.pinhole import Pinhole
from placewatch.simulate.poses import POSES, Pose, ground_points, hung
from placewatch.simulate.street import LANE_M, Arm, Street, across
from placewatch.simulate.streets import street_named
from placewatch.simulate.sumo import Piece, SumoRun

WARM_S = 5.0  # who is on a line when the film begins crossed it unseen
TOTAL_MAX, TOTAL_AIM = 0.03, 0.01
LEAP_M = 5.0  # between two pictures nobody drives so far


@dataclass(frozen=True, slots=True)
class View:
    """A camera of a street, how long its film is, so that some dozens pass its lines, where these
    lie, if not across the street's arms, and how far over the lanes they reach on either side."""

    pose: Pose
    film_s: float
    lines: tuple[Arm, ...] = ()
    over_m: float = 0.5  # to the kerb: an arm's line ends 0.3 m before it


VIEWS: Mapping[str, View] = {
    # On the roof of a house of six floors at the corner.
    "junction": View(Pose(1.5, 22.0, 0.5), 150.0),
    # On a gantry over the carriageway.
    "motorway": View(
        Pose(1.0, 12.0, 0.75, bearing_deg=262.0),
        100.0,
        (Arm("E", "", "merge", *across(90.0, -5.0, -0.3, 4 * LANE_M - 0.3)),),
        over_m=1.5,  # where nobody walks
    ),
    "rural": View(POSES["mast"], 240.0, over_m=1.5),
    # On a mast beside the street, which looks along it.
    "zebra": View(
        Pose(1.2, 12.0, 0.6, bearing_deg=255.0),
        180.0,
        (Arm("W", "east_in", "west_out", *across(270.0, 12.0, 4.4, 4.4)),),
    ),
}
"""Streets, and cameras as docs/guide/set-up-a-camera.md wants them: high and steep, lines in the
picture a car's length off its edge, where a car is 30 px long or more."""


@dataclass(frozen=True, slots=True)
class Weathered:
    """What a film is taken in, how long it is, by that of a day, and how many there are of each
    street for one of another condition."""

    conditions: Conditions
    share: float
    films: int


CONDITIONS: Mapping[str, Weathered] = {
    "day": Weathered(conditions_of("day", "clear"), 1.0, 2),
    "night": Weathered(conditions_of("night", "clear"), 0.4, 1),
    "rain": Weathered(conditions_of("day", "rain"), 0.4, 1),
}


@dataclass(frozen=True, slots=True)
class Take:
    """What is filmed."""

    street: str
    seconds: float
    light: str = "day"
    weather: str = "clear"
    seed: int = 1
    width_px: int = 1280
    height_px: int = 720
    fps: float = 12.5

    @property
    def title(self) -> str:
        return f"{self.street}-{self.light}-{self.weather}-{self.seed}"


@dataclass(frozen=True, slots=True)
class TrueCrossing:
    """Somebody's middle passed a line of the film."""

    media_s: float
    line: str
    direction: Direction
    kind: Kind


Way = tuple[str | None, str]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reel:
    """A film that is there, who crossed which line when, and who left by which arm (None: came in
    before the film began)."""

    take: Take
    path: Path
    crossings: tuple[TrueCrossing, ...]
    left: tuple[tuple[float, Way, Kind], ...]

    def camera(self) -> settings.CameraSettings:
        """The settings of a camera that shows it: the street's lines, and surveyed ground."""
        street, hung = _view(self.take)
        return settings.CameraSettings(
            id=CAMERA,
            url=str(self.path),
            line=tuple(
                settings.LineSettings(name, (a.x_px, a.y_px), (b.x_px, b.y_px), name)
                for name, a, b in lines_px(street, hung)
            ),
            ground=tuple(
                settings.GroundPointSettings(picture.x_px, picture.y_px, place.x_m, place.y_m)
                for picture, place in ground_points(hung, street)
            ),
        )


@dataclass
class Counted:
    """What one film told, beside what was true; vehicles alone, without those of the first
    seconds."""

    street: str
    condition: str
    true: Counter[tuple[str, Direction]]
    told: Counter[tuple[str, Direction]]
    found: int  # told within 1.5 s of the true moment
    right: int  # of those found, whose kind is right
    true_ways: Counter[Way]
    told_ways: Counter[Way]


def take_of(street: str, condition: str, seed: int, scale: float) -> Take:
    """The film of a street in a condition, `scale` times as long as usual."""
    view, taken = VIEWS[street], CONDITIONS[condition]
    seconds = max(WARM_S + 1.0, view.film_s * taken.share * scale)
    return Take(street, seconds, taken.conditions.light, taken.conditions.weather, seed)


def reel(take: Take, told: Callable[[str], None] = lambda text: None) -> Reel:
    """The film of `take`, from the cache or drawn now, which takes about its own length on one
    core. `told` hears how far it is. Raises Misconfigured where SUMO is not installed, FFmpegError
    where there is no H.264 encoder, OSError where the cache cannot be written."""
    folder = cache_folder() / f"{take.title}-{_key(take)}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".film-", dir=folder.parent))
        try:
            _make(take, draft, told)
            for older in folder.parent.glob(f"{take.title}-*"):
                shutil.rmtree(older)
            draft.replace(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    return Reel(
        take,
        folder / "film.mp4",
        tuple(
            TrueCrossing(float(at_s), line, Direction(way), Kind(kind))
            for at_s, line, way, kind in truth["crossings"]
        ),
        tuple((float(at_s), (a, b), Kind(kind)) for at_s, a, b, kind in truth["left"]),
    )


def _make(take: Take, folder: Path, told: Callable[[str], None]) -> None:
    lined, camera = _view(take)
    lines = Lines(lined.arms, LEAP_M)
    conditions = conditions_of(take.light, take.weather)
    with SumoRun(street_named(take.street), take.seconds, take.seed, step_s=1.0 / take.fps) as run:

        def kept() -> Iterator[Piece]:
            for piece in run:
                lines.look(piece.at_s, piece.who, *piece.middles_m(run.everybody.lengths_m()))
                yield piece

        film = write_film(folder / "film.mp4", run, kept(), camera, take.fps, conditions)
        for media_s in film:
            if media_s % 1.0 < 1.0 / take.fps:
                told(f"drawing {take.title}: {media_s:.0f} of {take.seconds:.0f} s")
        kinds = run.everybody.kinds
        crossings = [
            (
                one.at_s,
                one.arm,
                # Who comes in has the first end of the line on the right hand.
                Direction.LEFT_TO_RIGHT if one.inwards else Direction.RIGHT_TO_LEFT,
                kinds[one.who],
            )
            for one in sorted(lines.passages, key=lambda one: one.at_s)
        ]
        left = list(movements(run.passages(), run.everybody))
    document = json.dumps({"crossings": crossings, "left": left})
    (folder / "truth.json").write_text(document, "utf-8")


def _view(take: Take) -> tuple[Street, Pinhole]:
    """The street with the lines that are counted as its arms, and the camera."""
    street, view = street_named(take.street), VIEWS[take.street]
    reach_m = max(
        math.dist(street.middle_m, ((a.x_m + b.x_m) / 2, (a.y_m + b.y_m) / 2))
        for a, b in ((arm.start, arm.end) for arm in street.arms)
    )
    camera = hung(view.pose, reach_m, street.middle_m, take.width_px, take.height_px)
    lines = tuple(_longer(line, view.over_m) for line in view.lines or street.arms)
    return dataclasses.replace(street, arms=lines), camera


def _longer(arm: Arm, by_m: float) -> Arm:
    x_m, y_m = arm.end.x_m - arm.start.x_m, arm.end.y_m - arm.start.y_m
    x_m, y_m = (by_m / math.hypot(x_m, y_m) * side_m for side_m in (x_m, y_m))
    return dataclasses.replace(
        arm,
        start=Point(arm.start.x_m - x_m, arm.start.y_m - y_m),
        end=Point(arm.end.x_m + x_m, arm.end.y_m + y_m),
    )


def _key(take: Take) -> str:
    """A short hash of the parameters, of what draws and of what encodes."""
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(take), sort_keys=True).encode())
    street, camera = _view(take)
    digest.update(repr((street.arms, camera)).encode())
    digest.update(json.dumps(av.library_versions, sort_keys=True).encode())
    for package in ("eclipse-sumo", "opencv-python-headless"):
        digest.update(importlib.metadata.version(package).encode())
    sources = Path(next(iter(simulate.__path__)))
    for name in _DRAW:
        digest.update((sources / f"{name}.py").read_bytes())
    return digest.hexdigest()[:16]


_DRAW = (
    "conditions", "crossing", "drawing", "film", "furniture", "materials", "outdoors", "pinhole",
    "plan", "poses", "rain", "roads", "scenery", "sensor", "street", "streets", "sumo", "vehicles",
)  # fmt: skip


def count(name: str, seed: int, scale: float) -> Counted:
    """The film of `name`, a street and a condition with a space between, watched with all defaults.
    Raises as `reel` does."""
    street, condition = name.split(" ")
    return compared(watched := reel(take_of(street, condition, seed, scale)), _told(watched))


def _told(watched: Reel) -> list[Crossing]:
    spec = SourceSpec(CAMERA, str(watched.path))
    summary = analyse(spec, watched.camera(), started=START)
    return [crossing for line in summary.lines for crossing in line.crossings]


def compared(watched: Reel, told: Iterable[Crossing]) -> Counted:
    """What was told of a film, beside what was true. A crossing belongs to the first seconds, which
    are left out, by its true time; where there is none, by the time that was told."""
    true: list[AnyCrossing] = [one for one in watched.crossings if one.kind is not Kind.PEDESTRIAN]
    seen = [one for one in told if one.kind is not Kind.PEDESTRIAN]
    found = pairs(true, seen)
    late = [i for i, one in enumerate(true) if one.media_s >= WARM_S]
    paired = {j: i for i, j in found.items()}
    counted = [
        one
        for j, one in enumerate(seen)
        if (true[paired[j]] if j in paired else one).media_s >= WARM_S
    ]
    both = [(true[i], seen[found[i]]) for i in late if i in found]
    return Counted(
        watched.take.street,
        next(name for name, one in CONDITIONS.items() if _is_of(watched.take, one.conditions)),
        Counter((true[i].line, true[i].direction) for i in late),
        Counter((one.line, one.direction) for one in counted),
        len(both),
        sum(one.kind is other.kind for one, other in both),
        Counter(way for at_s, way, _ in _moved(watched) if at_s >= WARM_S),
        Counter(
            (one.movement.from_arm, one.movement.to_arm)
            for one in counted
            if one.movement is not None and one.movement.from_arm is not None
        ),
    )


def _moved(watched: Reel) -> Iterator[tuple[float, Way, Kind]]:
    """Vehicles that came in and left while they were filmed, where all arms have a line."""
    for at_s, way, kind in watched.left:
        whole = kind is not Kind.PEDESTRIAN and way[0] is not None
        if whole and not VIEWS[watched.take.street].lines:
            yield at_s, way, kind


def _is_of(take: Take, conditions: Conditions) -> bool:
    return (take.light, take.weather) == (conditions.light, conditions.weather)


def measure_film(extent: Extent) -> list[Figure]:
    """Vehicles over the lines of drawn streets, by day, at night and in rain."""
    jobs = [
        (f"{street} {condition}", seed, extent.hours)
        for condition, taken in CONDITIONS.items()
        for street in VIEWS
        for seed in range(1, extent.films * taken.films + 1)
    ]
    try:
        return figures_of(list(run_all(count, jobs, extent.told)))
    except (PlacewatchError, av.FFmpegError, OSError) as error:
        must, aim = f"<= {100 * TOTAL_MAX:g}", f"<= {100 * TOTAL_AIM:g}"
        return [Figure("accuracy.film.total", None, None, None, "%", must, aim, False, str(error))]


def figures_of(films: Sequence[Counted]) -> list[Figure]:
    """The figures of all films, in the order of their conditions; what is demanded is so by day."""
    figures: list[Figure] = []
    for condition in CONDITIONS:
        of_it = [film for film in films if film.condition == condition]
        if of_it:
            figures += _figures(condition, of_it)
    return figures


def _figures(condition: str, films: Sequence[Counted]) -> Iterator[Figure]:
    by_street = {name: [film for film in films if film.street == name] for name in VIEWS}
    by_street = {name: some for name, some in by_street.items() if some}
    totals = {name: _total(some) for name, some in by_street.items()}
    total, lines = _total(films), _lines(films)
    true, told = _true(films), _told_all(films)
    found = sum(film.found for film in films)
    by_day = condition == "day"
    name = "accuracy.film" if by_day else f"accuracy.film.{condition}"
    told_of = {"day": "by day", "night": "at night", "rain": "in rain by day"}[condition]
    how = (
        f"drawn films {told_of} of SUMO's streets, 1280x720, 12.5 frames a second, watched with "
        "all defaults; every vehicle whose middle passes a line, seen or hidden"
    )
    yield Figure(
        f"{name}.total",
        100 * total,
        100 * min(totals.values()),
        100 * max(totals.values()),
        "%",
        f"<= {100 * TOTAL_MAX:g}" if by_day else "",
        f"<= {100 * TOTAL_AIM:g}" if by_day else "",
        total <= TOTAL_MAX or not by_day,
        f"{told} told of {true}; {_each(by_street)}; the range is that of the streets; {how}",
    )
    yield _plain(
        f"{name}.lines",
        100 * lines,
        f"errors of each line and way, without their signs, by {true} true crossings: what is told "
        f"too much here does not make up for what is missing there; {found} of {true} were told "
        f"within 1.5 s of the true moment, {told - found} others; {how}",
    )
    yield _plain(
        f"{name}.kinds",
        100 * sum(film.right for film in films) / max(1, found),
        f"of {found} vehicles that were told at the right moment, those of the right kind: car, "
        f"van, truck, bus, motorcycle, bicycle; {how}",
    )
    if by_day:
        ways = sum((film.true_ways for film in films), start=Counter[Way]()).total()
        off = sum(_off(film.true_ways, film.told_ways) for film in films)
        yield _plain(
            f"{name}.movements",
            100 * off / max(1, ways),
            f"errors of each movement, from which arm to which, without their signs, by {ways} "
            f"vehicles that came in and left while they were filmed; {how}",
        )


def _each(by_street: Mapping[str, Sequence[Counted]]) -> str:
    return ", ".join(
        f"{name} {_told_all(some)} of {_true(some)} (by line and way {100 * _lines(some):.1f} %)"
        for name, some in by_street.items()
    )


def _plain(name: str, value: float, how: str) -> Figure:
    return Figure(name, value, None, None, "%", "", "", True, how)


def _true(films: Sequence[Counted]) -> int:
    return sum(film.true.total() for film in films)


def _told_all(films: Sequence[Counted]) -> int:
    return sum(film.told.total() for film in films)


def _total(films: Sequence[Counted]) -> float:
    true = _true(films)
    return abs(_told_all(films) - true) / true if true else math.inf


def _lines(films: Sequence[Counted]) -> float:
    true = _true(films)
    off = sum(_off(film.true, film.told) for film in films)
    return off / true if true else math.inf


def _off(true: Counter[T], told: Counter[T]) -> int:
    return sum(abs(told[one] - true[one]) for one in true | told)
