"""Interchange: the stored facts of a time in the files of other people's tools.

How this works. Minutes become bins (store/bins.py); the settings say across which arms lines lie,
and, where the ground is known, which way the arms point; a module of publish/formats writes the
bins. What the settings cannot know, such as the name of an edge in somebody's network, is called
with `--call`.
"""

import contextlib
import dataclasses
import datetime
import itertools
import math
import sys
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from placewatch.core.acts import SHELL
from placewatch.core.bins import QUARTER_US, Bin, Part, PeakHour, peak_hour, screenline, volumes
from placewatch.core.errors import Misconfigured
from placewatch.core.ids import CameraId, camera_id
from placewatch.core.kinds import Direction
from placewatch.core.space import Origin, PicturePoint, Point
from placewatch.core.time import MINUTE_US, SystemClock, UtcMicros, rfc3339
from placewatch.measure import compass
from placewatch.measure.interval import Check, count_between
from placewatch.measure.movement import Arms
from placewatch.node import config as settings
from placewatch.node.acts import perform
from placewatch.node.equip import counting_lines, ground_of
from placewatch.node.export import instant
from placewatch.publish.formats import geojson, long, pems, sumo, utdf
from placewatch.register.journal import Details, Journal
from placewatch.store.bins import (
    EVERY_MIN,
    Facts,
    Occupied,
    RecordedFacts,
    read_recorded_facts,
    span_of,
    stored_bins,
)
from placewatch.store.disk import whole_file
from placewatch.store.facts import FactStore
from placewatch.store.rows import LINE_COUNTS, LINE_FLOWS, MOVEMENT_COUNTS, Shape

FORMS: dict[str, tuple[int | None, tuple[int, ...]]] = {
    "long": (15, EVERY_MIN),
    "utdf": (15, (15,)),
    "sumo": (15, EVERY_MIN),
    "pems": (5, (5,)),
    "geojson": (None, EVERY_MIN),
}
"""Each form: how many minutes a bin has where nothing is said (None: the whole time), and may."""

_PLACED = ("sumo", "geojson")  # the settings alone know which way leads in, and where on earth
SCREENLINES = "screenlines"  # what can be taken beside what is stored: sums of lines


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked on the command line, unchecked."""

    form: str
    since: str
    until: str
    out: str = "-"
    every_min: int | None = None
    format: str = "csv"
    what: str = LINE_COUNTS.name
    zone: str | None = None
    cameras: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()


def export_recorded(path: Path, config: Path | None, wanted: Wanted) -> int:
    """The same of facts that `--out` of watch or replay wrote to `path`, a folder or a file, from
    the first to the last where no time is said (""). The settings of `config` say where their lines
    lie, where there are any. Raises Misconfigured."""
    recorded = read_recorded_facts(path)
    if config is None and wanted.form in _PLACED:
        raise Misconfigured(
            f"{wanted.form} takes more of the lines than facts know",
            hint="name the TOML in which they are drawn with --config",
        )
    if config is None:
        loaded = settings.Settings(site=path.resolve().stem)
    else:
        loaded = settings.load(config)
    spans = [span_of(one.table) for one in recorded.values() if one.table.num_rows]
    begin, end = min(since for since, _ in spans), max(until for _, until in spans)
    wanted = dataclasses.replace(
        wanted, since=wanted.since or rfc3339(begin), until=wanted.until or rfc3339(end)
    )
    if config is None:
        views = _views_in(recorded, wanted.cameras)
    else:
        views = _views(loaded, wanted.cameras)
    request = _checked(wanted, loaded, views)
    with contextlib.ExitStack() as stack:
        data = _Data(path, request, stack, recorded)
        data.check()
        return _FORMS[wanted.form](data)


def export_form(config: Path, wanted: Wanted) -> int:
    """Writes what is wanted, and returns how many rows that were. A node may run meanwhile. Raises
    Misconfigured."""
    loaded = settings.load(config)
    request = _checked(wanted, loaded, _views(loaded, wanted.cameras))
    details: Details = {
        "what": wanted.form,
        "from": wanted.since,
        "to": wanted.until,
        "format": wanted.format,
    }
    with contextlib.ExitStack() as stack:
        folder = config.parent / loaded.data
        data = _Data(folder, request, stack)
        data.check()  # before anything is journalled
        journal = stack.enter_context(
            contextlib.closing(Journal(folder / "journal", SystemClock()))
        )
        return perform(journal, SHELL, "facts.export", details, lambda: _FORMS[wanted.form](data))


@dataclass(frozen=True, slots=True)
class _Request:
    wanted: Wanted
    site: str
    origin: Origin | None
    since: UtcMicros
    until: UtcMicros
    every_us: int
    zone: datetime.tzinfo
    views: "dict[CameraId, _View]"  # those that are exported
    calls: dict[str, str]
    screenlines: dict[str, dict[Part, bool]]  # by name: their parts, and which are reversed

    def called(self, view: CameraId, name: str) -> str | None:
        """What the other tool calls an arm or a line of a view."""
        return self.calls.get(f"{view}/{name}", self.calls.get(name))


@dataclass(frozen=True, slots=True)
class _View:
    """A camera as its facts need it: its number among all, its lines and its arms."""

    number: int
    name: CameraId
    place: str
    lines: tuple[str, ...]
    arms: dict[str, tuple[str, Direction]]  # by line: its arm, and the direction that leads in
    ends_m: dict[str, tuple[Point, Point]] = field(default_factory=dict)  # by line, on the ground
    check: Check | None = None  # what came of counting by hand
    other_arms: frozenset[str] = frozenset()  # those of which no line is known

    @property
    def arm_names(self) -> set[str]:
        return {arm for arm, _ in self.arms.values()} | self.other_arms

    @property
    def bearings_deg(self) -> dict[str, float]:
        return compass.bearings_deg(
            (arm, *self.ends_m[line]) for line, (arm, _) in self.arms.items() if line in self.ends_m
        )

    def middle(self) -> Point | None:
        points = [point for line in self.arms for point in self.ends_m.get(line, ())]
        if not points:
            return None
        return Point(
            sum(point.x_m for point in points) / len(points),
            sum(point.y_m for point in points) / len(points),
        )

    def travels_deg(self, line: str) -> float | None:
        """Which way, clockwise from north, who crosses a line left to right travels."""
        if line not in self.ends_m:
            return None
        a, b = self.ends_m[line]
        along_deg = math.degrees(math.atan2(b.x_m - a.x_m, b.y_m - a.y_m))
        return (along_deg + 90.0) % 360.0  # a picture shows the ground from above: right is right


@dataclass
class _Data:
    """The stored facts that are asked for, as bins."""

    folder: Path
    request: _Request
    stack: contextlib.ExitStack
    recorded: dict[str, RecordedFacts] | None = None  # in place of a node's store
    _stores: dict[str, FactStore] = field(default_factory=dict, init=False)
    _turns: dict[CameraId, dict[tuple[str, str], compass.Turn]] = field(
        default_factory=dict, init=False
    )

    def check(self) -> None:
        """Raises Misconfigured where that is not stored of which the form is made."""
        for shape in self._needed():
            self._store(shape)

    def bins(self, shape: Shape, every_us: int | None = None) -> Iterator[Bin]:
        """All bins of that sort, of the views that are exported, with their arms and turns."""
        request = self.request
        occupied = None
        if shape is LINE_COUNTS and self.has(LINE_FLOWS):
            flows = self._store(LINE_FLOWS)
            occupied = Occupied(flows, every_us or request.every_us, request.until)
        for one in stored_bins(
            self._store(shape),
            request.since,
            request.until,
            every_us or request.every_us,
            request.site,
        ):
            view = request.views.get(one.view)
            if occupied is not None and one.count is not None:
                one = dataclasses.replace(one, occupancy=occupied.share(one))
            if view is not None:
                yield self._told(view, one)
            elif not request.wanted.cameras:
                yield one  # of a camera that was there once

    def has(self, shape: Shape) -> bool:
        if self.recorded is not None:
            return shape.name in self.recorded
        return (self.folder / shape.name).exists()

    def write(self, write: Callable[[IO[bytes]], int]) -> int:
        """Lets `write` fill what stands at --out when all is written, and not before."""
        if self.request.wanted.out == "-":
            return write(sys.stdout.buffer)
        with whole_file(Path(self.request.wanted.out)) as stream:
            return write(stream)

    def _needed(self) -> list[Shape]:
        wanted = self.request.wanted
        if wanted.form == "utdf":
            return [MOVEMENT_COUNTS]
        if wanted.form == "long" and wanted.what == MOVEMENT_COUNTS.name:
            return [MOVEMENT_COUNTS]
        return [LINE_COUNTS]

    def _store(self, shape: Shape) -> Facts:
        if self.recorded is not None:
            if shape.name not in self.recorded:
                raise Misconfigured(
                    f"{self.folder} holds no {shape.name}",
                    hint="movements are counted between lines across arms (--arms, camera.line.arm)"
                    if shape is MOVEMENT_COUNTS
                    else "name the folder that --out made",
                )
            return self.recorded[shape.name]
        if shape.name not in self._stores:
            store = FactStore(self.folder / shape.name, writes=False, shape=shape)
            self._stores[shape.name] = self.stack.enter_context(contextlib.closing(store))
        return self._stores[shape.name]

    def _told(self, view: _View, one: Bin) -> Bin:
        if view.check is not None and one.count is not None and one.coverage_s > 0.0:
            # Of the part that was seen, as the count is.
            truth = count_between(one.count, one.coverage_s, one.coverage_s, view.check)
            if truth is not None:
                one = dataclasses.replace(one, lo=float(truth.low), hi=float(truth.high))
        if one.movement in tuple(Direction):  # of a line
            if one.element not in view.arms:
                return one
            arm, inwards = view.arms[one.element]
            into = one.movement == inwards
            return dataclasses.replace(
                one, from_arm=arm if into else None, to_arm=None if into else arm
            )
        if view.name not in self._turns:
            self._turns[view.name] = compass.turns(self.bearings_deg(view))
        turn = self._turns[view.name].get((one.from_arm or "", one.to_arm or ""), "")
        return dataclasses.replace(one, movement=turn)

    def bearings_deg(self, view: _View) -> dict[str, float]:
        """Where the arms of a view lie: as was said, else as its ground says."""
        said = {
            arm: compass.bearing_of(name)
            for arm in view.arm_names
            if (name := self.approach(view, arm)) is not None
        }
        return view.bearings_deg | said

    def approach(self, view: _View, arm: str) -> str | None:
        """The approach that `--call` gives an arm; None where it gives none."""
        called = self.request.called(view.name, arm)
        return called if called in compass.HEADINGS_DEG else None


def _long(data: _Data) -> int:
    wanted = data.request.wanted
    shape = MOVEMENT_COUNTS if wanted.what == MOVEMENT_COUNTS.name else LINE_COUNTS
    write = long.write_parquet if wanted.format == "parquet" else long.write_csv
    bins: Iterable[Bin] = data.bins(shape)
    if wanted.what == SCREENLINES:
        bins = itertools.chain.from_iterable(
            screenline(name, data.bins(shape), parts)
            for name, parts in data.request.screenlines.items()
        )
    return data.write(lambda stream: write(bins, stream, data.request.zone))


def _utdf(data: _Data) -> int:
    found: dict[CameraId, list[Bin]] = {}
    for one in data.bins(MOVEMENT_COUNTS):
        if one.view in data.request.views:
            found.setdefault(one.view, []).append(one)
    if not found:
        raise Misconfigured(
            f"no movements are stored from {data.request.wanted.since} to "
            f"{data.request.wanted.until}",
            hint="lines across arms count them: camera.line.arm",
        )
    junctions = [(data.request.views[view], bins) for view, bins in sorted(found.items())]
    approaches = {view.name: _approaches(data, view, bins) for view, bins in junctions}
    start = _common_peak([volumes(bins, utdf.VOLUME) for _, bins in junctions])
    told = [
        utdf.Junction(
            view.number,
            view.place,
            _hour_at(start, bins),
            bins,
            approaches[view.name],
            view.middle(),
        )
        for view, bins in junctions
    ]
    return data.write(lambda stream: utdf.write_utdf(told, stream, data.request.zone))


def _approaches(data: _Data, view: _View, bins: Iterable[Bin]) -> dict[str, str]:
    """The approach of every arm of a view. Raises Misconfigured where one is not known."""
    bearings = data.bearings_deg(view)
    arms = {arm for one in bins for arm in (one.from_arm, one.to_arm) if arm is not None}
    for arm in sorted(arms):
        if arm not in bearings:
            raise Misconfigured(
                f'which way the arm "{arm}" of {view.name} points is not known',
                hint="give the camera ground points, or say by which approach it is come in: "
                f'--call "{arm}=SB"',
            )
    try:
        found = compass.approaches({arm: bearings[arm] for arm in arms})
    except ValueError as error:
        raise Misconfigured(f"{view.name} has {error}", hint="UTDF has no more") from error
    found |= {arm: name for arm in arms if (name := data.approach(view, arm)) is not None}
    for name in found.values():
        alike = [arm for arm, other in sorted(found.items()) if other == name]
        if len(alike) > 1:
            raise Misconfigured(
                f"the arms {' and '.join(alike)} of {view.name} are both {name}",
                hint="give each its own with --call",
            )
    return found


def _common_peak(quarters: list[dict[UtcMicros, int | None]]) -> UtcMicros:
    """When the busiest hour of all junctions together begins. Raises Misconfigured."""
    together: dict[UtcMicros, int | None] = {}
    for start in sorted(set().union(*quarters)):
        counts = [one.get(start) for one in quarters]
        known = [count for count in counts if count is not None]
        together[start] = sum(known) if len(known) == len(counts) else None
    peak = peak_hour(together)
    if peak is None:
        raise Misconfigured(
            "no hour of that time was watched from end to end",
            hint="take a longer time, or fewer cameras with --camera",
        )
    return peak.start


def _hour_at(start: UtcMicros, bins: Iterable[Bin]) -> PeakHour:
    quarters = volumes(bins, utdf.VOLUME)
    first, second, third, fourth = (
        quarters[UtcMicros(start + step * QUARTER_US)] or 0 for step in range(4)
    )
    return PeakHour(start, (first, second, third, fourth))


def _sumo(data: _Data) -> int:
    edges: dict[tuple[CameraId, str], sumo.Edges] = {}
    left_out: set[str] = set()
    for view in data.request.views.values():
        for line in view.lines:
            name = view.arms[line][0] if line in view.arms else line
            called = data.request.called(view.name, name)
            if called is not None:
                into, _, out_of = called.partition(",")
                edges[view.name, name] = sumo.Edges(into.strip(), out_of.strip())
            else:
                left_out.add(name)
    if not edges:
        arms = sorted(
            {arm for view in data.request.views.values() for arm, _ in view.arms.values()}
        )
        raise Misconfigured(
            "no arm or line has an edge of the SUMO network",
            hint=f'say which with --call "{arms[0] if arms else "North"}=edge_in,edge_out", '
            "once for each",
        )
    if left_out:
        sys.stderr.write(
            f"left out, as no --call names their edges: {', '.join(sorted(left_out))}\n"
        )
    shapes = [LINE_COUNTS, *([MOVEMENT_COUNTS] if data.has(MOVEMENT_COUNTS) else [])]
    bins = itertools.chain.from_iterable(data.bins(shape) for shape in shapes)
    return data.write(
        lambda stream: sumo.write_sumo(map(_as_arm, bins), edges, data.request.since, stream)
    )


def _as_arm(one: Bin) -> Bin:
    """A line across no arm is one of its own: its left to right leads in."""
    if one.from_arm is None and one.to_arm is None:
        if one.movement == Direction.LEFT_TO_RIGHT:
            return dataclasses.replace(one, from_arm=one.element)
        return dataclasses.replace(one, to_arm=one.element)
    return one


def _pems(data: _Data) -> int:
    stations = _stations(data.request)
    written = data.write(
        lambda stream: pems.write_pems(data.bins(LINE_COUNTS), stations, stream, data.request.zone)
    )
    out = data.request.wanted.out
    if out != "-":
        beside = Path(out).with_suffix(".stations.txt")
        with whole_file(beside) as stream:
            pems.write_stations(stations.values(), stream)
        sys.stderr.write(f"stations: {beside}\n")
    return written


def _stations(request: _Request) -> dict[pems.Way, pems.Station]:
    """A station for each way over each line: numbers as said, else counted from 1."""
    stations: dict[pems.Way, pems.Station] = {}
    counted = itertools.count(1)
    for view in request.views.values():
        for line in view.lines:
            said = (request.called(view.name, line) or "").split(",")
            travels_deg = view.travels_deg(line)
            for at, direction in enumerate(Direction):
                number = next(counted)
                if at < len(said) and said[at].strip():
                    if not said[at].strip().isdigit():
                        raise Misconfigured(
                            f'"{said[at].strip()}" is no number of a station',
                            hint=f'write --call "{line}=400123,400124", a number for each way',
                        )
                    number = int(said[at])
                letter = ""
                if travels_deg is not None:
                    letter = "NESW"[round((travels_deg + 180.0 * at) / 90.0) % 4]
                place = _degrees(request.origin, view.ends_m.get(line))
                name = f"{view.place}, {line}, {direction.value.replace('_', ' ')}"
                station = pems.Station(number, name, letter, *place)
                stations[view.name, line, direction.value] = station
    numbers = [station.number for station in stations.values()]
    if len(set(numbers)) < len(numbers):
        raise Misconfigured(
            "two stations have the same number", hint="give every line its own with --call"
        )
    return stations


def _degrees(
    origin: Origin | None, ends: tuple[Point, Point] | None
) -> tuple[float, float] | tuple[None, None]:
    """Latitude and longitude of the middle of a line, where they are known."""
    if origin is None or ends is None:
        return None, None
    a, b = ends
    return origin.to_wgs84(Point((a.x_m + b.x_m) / 2, (a.y_m + b.y_m) / 2))


def _geojson(data: _Data) -> int:
    origin = data.request.origin
    lines: dict[tuple[str, str], geojson.LinePlace] = {}
    for view in data.request.views.values():
        for line, ends in view.ends_m.items():
            bearing_deg = view.travels_deg(line)
            if origin is not None and bearing_deg is not None:
                places = [origin.to_wgs84(end)[::-1] for end in ends]
                arm = view.arms[line][0] if line in view.arms else None
                lines[view.name, line] = geojson.LinePlace((places[0], places[1]), arm, bearing_deg)
    if not lines:
        raise Misconfigured(
            "where on the earth the lines lie is not known",
            hint="give the site an [origin] and the camera ground points",
        )
    return data.write(
        lambda stream: geojson.write_geojson(
            data.bins(LINE_COUNTS), lines, stream, data.request.zone
        )
    )


_FORMS: dict[str, Callable[[_Data], int]] = {
    "long": _long,
    "utdf": _utdf,
    "sumo": _sumo,
    "pems": _pems,
    "geojson": _geojson,
}


def _checked(wanted: Wanted, loaded: settings.Settings, views: "dict[CameraId, _View]") -> _Request:
    if wanted.form not in FORMS:
        raise Misconfigured(
            f'facts cannot be written as "{wanted.form}"', hint=f"take {_or(FORMS)}"
        )
    if wanted.format not in ("csv", "parquet"):
        raise Misconfigured(
            f'facts cannot be written as "{wanted.format}"', hint="take csv or parquet"
        )
    if wanted.format == "parquet" and wanted.form != "long":
        raise Misconfigured(
            f"{wanted.form} has a format of its own", hint="leave --format out, or take --as long"
        )
    if wanted.what not in (LINE_COUNTS.name, MOVEMENT_COUNTS.name, SCREENLINES):
        raise Misconfigured(
            f'there are no stored "{wanted.what}"',
            hint=f"take {LINE_COUNTS.name}, {MOVEMENT_COUNTS.name} or {SCREENLINES}",
        )
    if wanted.what == SCREENLINES and not loaded.screenline:
        raise Misconfigured(
            "the settings have no screenline", hint="name the lines of one in [[screenline]]"
        )
    if wanted.what == SCREENLINES and wanted.cameras:
        raise Misconfigured("a screenline has the cameras that it has", hint="leave --camera out")
    if wanted.what != LINE_COUNTS.name and wanted.form != "long":
        raise Misconfigured(
            f"{wanted.form} takes what it needs", hint="leave --what out, or take --as long"
        )
    zone = zone_named(wanted.zone)
    since, until = _instant("--from", wanted.since, zone), _instant("--to", wanted.until, zone)
    if until <= since:
        raise Misconfigured(
            f"nothing lies from {wanted.since} to {wanted.until}",
            hint="--to must be later than --from",
        )
    usual, known = FORMS[wanted.form]
    every_min = usual if wanted.every_min is None else wanted.every_min
    if every_min is not None and every_min not in known:
        raise Misconfigured(
            f"{wanted.form} has no bins of {every_min} minutes",
            hint=f"--every may be {_or(map(str, known))}",
        )
    whole_us = -(-(until - since) // MINUTE_US) * MINUTE_US
    return _Request(
        wanted,
        loaded.site,
        Origin(loaded.origin.latitude_deg, loaded.origin.longitude_deg) if loaded.origin else None,
        since,
        until,
        whole_us if every_min is None else every_min * MINUTE_US,
        zone,
        views,
        dict(map(_call, wanted.calls)),
        {
            one.name: {_part(line): line in one.reversed for line in one.lines}
            for one in loaded.screenline
        },
    )


def _part(named: str) -> Part:
    camera, line = settings.camera_and_line(named)
    return camera_id(camera), line


def _views(loaded: settings.Settings, wanted: tuple[str, ...]) -> dict[CameraId, _View]:
    known = [camera.id for camera in loaded.camera]
    for one in wanted:
        if one not in known:
            raise Misconfigured(
                f"there is no camera {one}", hint=f"the settings have {', '.join(known) or 'none'}"
            )
    return {
        camera_id(camera.id): _view(number, camera, loaded)
        for number, camera in enumerate(loaded.camera, 1)
        if not wanted or camera.id in wanted
    }


def _view(number: int, camera: settings.CameraSettings, loaded: settings.Settings) -> _View:
    lines = counting_lines(camera)
    told = Arms.of(lines)
    arms = {
        line.name: (arm, inwards)
        for line, arm, inwards in zip(lines, told.names, told.inwards, strict=True)
        if arm is not None and inwards is not None
    }
    ground = ground_of(camera, loaded.origin)
    ends_m: dict[str, tuple[Point, Point]] = {}
    for line in camera.line if ground is not None else ():
        assert ground is not None
        a = ground.to_ground(PicturePoint(*line.from_px))
        b = ground.to_ground(PicturePoint(*line.to_px))
        if a is not None and b is not None and a != b:
            ends_m[line.name] = a, b
    place = camera.notice.place if camera.notice is not None else camera.id
    hand = camera.check
    check = None if hand is None else Check(hand.passages, hand.missed, hand.extra)
    names = tuple(line.name for line in camera.line)
    return _View(number, camera_id(camera.id), place, names, arms, ends_m, check)


def _views_in(
    recorded: Mapping[str, RecordedFacts], wanted: tuple[str, ...]
) -> dict[CameraId, _View]:
    """The views that facts know of: their lines, and nothing of where these lie."""
    lines: dict[str, set[str]] = {}
    arms: dict[str, set[str]] = {}
    for one in recorded.values():
        keys = ["from_arm", "to_arm"] if one.shape is MOVEMENT_COUNTS else ["line"]
        ends = arms if one.shape is MOVEMENT_COUNTS else lines
        rows = one.table.group_by(["camera", *keys], use_threads=False).aggregate([])
        for row in rows.to_pylist():
            lines.setdefault(row["camera"], set())
            ends.setdefault(row["camera"], set()).update(row[key] for key in keys if row[key])
    for camera in wanted:
        if camera not in lines:
            raise Misconfigured(
                f"there is no camera {camera}", hint=f"the facts have {', '.join(sorted(lines))}"
            )
    return {
        camera_id(name): _View(
            number,
            camera_id(name),
            name,
            tuple(sorted(found)),
            {},
            other_arms=frozenset(arms.get(name, ())),
        )
        for number, (name, found) in enumerate(sorted(lines.items()), 1)
        if not wanted or name in wanted
    }


def zone_named(name: str | None) -> datetime.tzinfo:
    """The time zone `name`, UTC where there is none. Raises Misconfigured."""
    if name is None:
        return datetime.UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Misconfigured(
            f'there is no time zone "{name}"', hint="write it as Europe/Stockholm"
        ) from error


def _instant(option: str, text: str, zone: datetime.tzinfo) -> UtcMicros:
    """What --from and --to say; on the clocks of `zone` where they say no offset."""
    with contextlib.suppress(ValueError):
        moment = datetime.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            text = moment.replace(tzinfo=zone).isoformat()
    return instant(option, text)


def _call(text: str) -> tuple[str, str]:
    name, equals, called = text.rpartition("=")
    if not equals or not name.strip() or not called.strip():
        raise Misconfigured(
            f'--call "{text}" calls nothing',
            hint='write --call "NAME=…", an arm or a line and what the other tool calls it',
        )
    return name.strip(), called.strip()


def _or(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
