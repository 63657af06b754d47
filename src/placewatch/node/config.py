"""Config: placewatch.toml as frozen dataclasses, checked once, where it enters."""

import contextlib
import dataclasses
import datetime
import difflib
import itertools
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config

from placewatch.core.errors import Misconfigured
from placewatch.core.ids import CameraId, camera_id
from placewatch.core.kinds import Direction
from placewatch.core.space import Origin, PicturePoint, Point
from placewatch.node.wrong_values import wrong_value
from placewatch.perceive.runtime import Backend
from placewatch.publish.whole import write_whole

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)

Pixel = tuple[float, float]
"""(x, y) on the camera's own picture: pixels from its left and top edge."""

Latitude = Annotated[float, Field(gt=-90, lt=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Seconds = Annotated[float, Field(ge=0, le=3600)]
Metres = Annotated[float, Field(ge=-10_000_000, le=10_000_000)]  # grids of countries, too
Share = Annotated[float, Field(ge=0.01, le=1)]
ANALYSED_FPS = (5.0, 240.0)
AnalysedFps = Annotated[float, Field(ge=ANALYSED_FPS[0], le=ANALYSED_FPS[1])]
Decode = Literal["auto", "full", "no_loop_filter", "keyframes", "non_reference"]
Pixels = Annotated[float, Field(ge=-1_000_000, le=1_000_000)]
LinkMetres = Annotated[float, Field(ge=5, le=20_000)]
LinkSpeed = Annotated[float, Field(ge=0.5, le=60)]
LINK_SPEEDS_MAX = 12.0  # the fastest by the slowest: beyond it no time stands out
LINK_S_MAX = 1800.0  # of an hour that is looked at, the slowest journey may take half
EverySeconds = Annotated[float, Field(ge=5, le=3600)]
AgeSeconds = Annotated[float, Field(ge=10, le=86_400)]


@with_config(_STRICT)
@dataclass(frozen=True, slots=True)
class OriginSettings:
    """Where (0, 0) of the ground lies on the earth. Needed for ground points in degrees."""

    latitude_deg: Latitude
    longitude_deg: Longitude


@with_config(_STRICT)
@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """The camera's public notice. Without one, or after its end, the camera does not start."""

    place: str  # what the public would call it
    purpose: str  # what the camera is for, in a sentence
    legal_basis: str  # the law or decision that allows it
    owner: str  # who answers for it
    contact: str  # where people can ask
    until: datetime.date  # the last day on which it may watch (UTC)
    since: datetime.date | None = None  # the first day; absent: at once


@with_config(_STRICT)
@dataclass(frozen=True, slots=True)
class PositionSettings:
    """Where the camera hangs, for the map."""

    latitude_deg: Latitude
    longitude_deg: Longitude
    bearing_deg: float | None = None  # clockwise from north, where it looks
    angle_deg: float | None = None  # width of its view
    range_m: float | None = None  # how far it sees


@with_config(_STRICT)
@dataclass(frozen=True, slots=True)
class LineSettings:
    """A counting line across a lane or a path."""

    name: str
    from_px: Pixel
    to_px: Pixel
    arm: str | None = None  # of a junction, that it lies across: who goes from which to which


@with_config(_STRICT)
@dataclass(frozen=True, slots=True)
class AreaSettings:
    """An area on the picture, by its corners."""

    name: str
    corners_px: tuple[Pixel, ...]


@with_config(_STRICT)
@dataclass(frozen=True, slots=True)
class ApproachSettings:
    """A way up to a stop line: by its corners where it is straight, else by its middle."""

    name: str
    corners_px: tuple[Pixel, ...] = ()  # left and right at the stop line, right and left upstream
    middle_px: tuple[Pixel, ...] = ()  # from the stop line upstream; needs width_m
    width_m: Annotated[float, Field(gt=0, le=100)] | None = None  # of all lanes together
    lanes: Annotated[int, Field(ge=1, le=8)] = 1
    signal: bool = True  # by a signal, else by a right of way: whose letters delay has
    free_m_s: Annotated[float, Field(gt=0, le=60)] | None = None  # of who is undisturbed


@with_config(_STRICT)
@dataclass(frozen=True, slots=True)
class MarkedCrossingSettings:
    """A crossing that is painted on a carriageway, by its corners."""

    name: str
    corners_px: tuple[Pixel, ...]


@with_config(_STRICT)
@dataclass(frozen=True, slots=True)
class CarriagewaySettings:
    """A piece of road between two kerbs, which people cross on foot."""

    name: str
    corners_px: tuple[Pixel, ...]
    middle_px: tuple[Pixel, ...] = ()  # along the road; without it the middle of its long side
    crossing: tuple[MarkedCrossingSettings, ...] = ()


@with_config(_STRICT)
@dataclass(frozen=True, slots=True)
class GroundPointSettings:
    """A point on the picture and on the ground: in metres, or in degrees (WGS 84)."""

    x_px: Pixels
    y_px: Pixels
    x_m: Metres | None = None  # metres east of the origin
    y_m: Metres | None = None  # metres north of the origin
    latitude_deg: Latitude | None = None
    longitude_deg: Longitude | None = None


@with_config(_STRICT)
@dataclass(frozen=True, slots=True)
class CheckSettings:
    """What came of counting here by hand and comparing; it decides how wide intervals are."""

    passages: Annotated[int, Field(ge=1)]  # that really were
    missed: Annotated[int, Field(ge=0)]  # of them, by the camera
    extra: Annotated[int, Field(ge=0)] = 0  # that the camera counted and that were none


@with_config(_STRICT)
@dataclass(frozen=True, slots=True)
class CameraSettings:
    """One fixed camera."""

    id: str  # small letters, digits, hyphens; permanent
    url: str  # rtsp://, http://, a file, /dev/video0, street:NAME or sim://NAME
    sub_url: str | None = None  # its small stream, analysed in place of `url`; pixels are `url`'s
    transport: Literal["tcp", "udp"] = "tcp"  # of RTSP
    decode: Decode = "auto"  # how much of the stream is decoded; see the guide
    decode_audit_share: Share = 0.05  # of a sleeping camera's GOPs, analysed in full all the same
    analysed_fps: AnalysedFps = 6.0  # frames a second at least, more where somebody is fast
    login_file: str | None = None  # a file with one line user:password
    detector: str = "street"  # or "motion", or the name or file of an ONNX net
    detector_every_s: Seconds = 0.0  # a net looks this often at most; 0: every analysed frame
    detector_cpu_share_max: Share = 0.5  # of one core, that a net's looks may take
    detector_backend: Backend = "auto"  # what runs a net: CUDA where usable, else the processor
    backdrop_quarantine_s: Seconds = 60.0  # how long the street must be empty to be shown
    notice: NoticeSettings | None = None
    position: PositionSettings | None = None
    check: CheckSettings | None = None
    line: tuple[LineSettings, ...] = ()
    area: tuple[AreaSettings, ...] = ()
    approach: tuple[ApproachSettings, ...] = ()
    carriageway: tuple[CarriagewaySettings, ...] = ()
    ground: tuple[GroundPointSettings, ...] = ()


@with_config(_STRICT)
@dataclass(frozen=True, slots=True)
class TransitSettings:
    """Vehicles of public transport that publish their own position, for the map."""

    name: str  # what the console calls them
    url: str  # their GTFS-Realtime positions: http://, https://, or a file
    operator: str  # who runs them
    attribution: str  # whose data it is and under what licence: stands on the map
    delays_url: str | None = None  # their delays, where they are a feed of their own
    timetable: str | None = None  # GTFS zip or folder, for the names of the lines
    login_file: str | None = None  # one line: user:password, Header-Name: value, or ?name=key
    every_s: EverySeconds = 15.0  # how often the feed is asked
    old_after_s: AgeSeconds = 120.0  # a position that is older is shown as old …
    gone_after_s: AgeSeconds = 600.0  # … and then no more
    within_m: Annotated[float, Field(ge=100, le=100_000)] = 10_000.0  # of the origin


@with_config(_STRICT)
@dataclass(frozen=True, slots=True)
class LinkSettings:
    """The way from one line to another, whose journey time is told; or a route of such links."""

    name: str  # what the street or the route is called
    from_line: str | None = None  # "camera/line" at which it begins …
    from_direction: Direction | None = None  # … and which way that is crossed
    to_line: str | None = None  # and at which it ends
    to_direction: Direction | None = None
    length_m: LinkMetres | None = None  # along the street, from line to line
    speed_m_s_min: LinkSpeed = 4.0  # whole journeys slower than this …
    speed_m_s_max: LinkSpeed = 25.0  # … and faster than this are not looked for
    through: tuple[str, ...] = ()  # of a route: the names of its links, in order


@with_config(_STRICT)
@dataclass(frozen=True, slots=True)
class ScreenlineSettings:
    """A line across a whole part of a town: counting lines, also of several cameras, that are added
    up because nobody gets past them."""

    name: str  # what it follows, as in River
    lines: tuple[str, ...] = ()  # its parts, each as "camera/line"
    reversed: tuple[str, ...] = ()  # those of them that were drawn the other way round


@with_config(_STRICT)
@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """Where the console listens. Anything but loopback demands a sign-in."""

    host: str = "127.0.0.1"
    port: int = 8420


@with_config(_STRICT)
@dataclass(frozen=True, slots=True)
class Settings:
    """A node: its cameras, its console and where it keeps what it stores."""

    site: str  # the name of the town or road
    data: str = "placewatch-data"  # folder, relative to the TOML
    map: str | None = None  # GeoJSON file of roads and buildings to draw under the cameras
    origin: OriginSettings | None = None
    console: ConsoleSettings = field(default_factory=ConsoleSettings)
    camera: tuple[CameraSettings, ...] = ()
    transit: tuple[TransitSettings, ...] = ()
    link: tuple[LinkSettings, ...] = ()
    screenline: tuple[ScreenlineSettings, ...] = ()


def load(path: Path) -> Settings:
    """The settings in the TOML file `path`. Raises Misconfigured, with the path of the key."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows editors put a mark before it
    except FileNotFoundError as error:
        raise Misconfigured(
            f"{path} does not exist",
            hint="copy placewatch.example.toml to it, or try `placewatch demo`",
        ) from error
    except UnicodeDecodeError as error:
        raise Misconfigured(f"{path} is no UTF-8 text", hint="save it as UTF-8") from error
    except OSError as error:
        raise Misconfigured(
            f"{path} cannot be read: {error.strerror}", hint="name the settings' TOML file"
        ) from error
    return parse(text, str(path))


def parse(text: str, name: str = "placewatch.toml") -> Settings:
    """The settings in the TOML `text`, which errors call `name`. Raises Misconfigured."""
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Misconfigured(
            f"{name} is no TOML: {error}", hint="compare with placewatch.example.toml"
        ) from error
    try:
        settings = TypeAdapter(Settings).validate_python(raw)
    except ValidationError as error:
        raise Misconfigured(
            _told(name, _complaints(raw, error)),
            hint="placewatch.example.toml shows every setting",
        ) from error
    faults = []
    for check in _checks(raw, name, settings):
        try:
            check()
        except Misconfigured as error:
            faults.append(error)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        complaints = [
            one.message.removeprefix(f"{name}: ") + (f" ({one.hint})" if one.hint else "")
            for one in faults
        ]
        raise Misconfigured(
            _told(name, complaints), hint="placewatch.example.toml shows every setting"
        )
    return settings


Check = Callable[[], object]
"""Looks at one thing. Raises Misconfigured."""


def _checks(raw: Any, name: str, settings: Settings) -> Iterator[Check]:
    """What is looked at once all values are of the right sort, each apart: whoever has made three
    mistakes is told all of them."""
    for number, camera in enumerate(settings.camera):
        yield from _camera_checks(
            f"{name}: {_spot(raw, ('camera', number))}", number, camera, settings
        )
    for number, feed in enumerate(settings.transit):
        yield partial(_check_feed, f"{name}: {_spot(raw, ('transit', number))}", feed, settings)
    for number, link in enumerate(settings.link):
        yield partial(check_link, f"{name}: {_spot(raw, ('link', number))}", link, settings)
    for number, screenline in enumerate(settings.screenline):
        where = f"{name}: {_spot(raw, ('screenline', number))}"
        yield partial(_check_screenline, where, screenline, settings)


def _camera_checks(
    where: str, number: int, camera: CameraSettings, settings: Settings
) -> Iterator[Check]:
    yield partial(_check_id, where, number, camera, settings)
    yield partial(_check_ground, where, camera, settings)
    for key in ("line", "area", "approach", "carriageway"):
        yield partial(_check_each, where, key, getattr(camera, key))
    for at, way in enumerate(camera.approach):
        yield partial(_check_approach, f"{where}, approach {at + 1}: {way.name}", way)
    for at, road in enumerate(camera.carriageway):
        yield partial(_check_carriageway, f"{where}, carriageway {at + 1}", road)
    yield partial(_check_metres, where, camera)
    for at, line in enumerate(camera.line):
        yield partial(_check_drawn_line, f"{where}, line {at + 1}", line)
    yield partial(_check_counted, where, camera)
    for at, area in enumerate(camera.area):
        yield partial(_check_area, f"{where}, area {at + 1}", area)


def camera_and_line(text: str) -> tuple[str, str]:
    """The camera and the line that "camera/line" names; a line's own name may hold slashes."""
    camera, _, line = text.partition("/")
    return camera.strip(), line.strip()


def parts_of(route: LinkSettings, links: tuple[LinkSettings, ...]) -> list[LinkSettings]:
    """The links of which a route is made, in order; a link is its own and only part."""
    by_name = {link.name: link for link in links}
    return [by_name[name] for name in route.through] if route.through else [route]


def ground_pairs(
    camera: CameraSettings, origin: OriginSettings | None
) -> list[tuple[PicturePoint, Point]]:
    """The camera's ground points in metres. Raises Misconfigured for half a point."""
    pairs = []
    earth = Origin(origin.latitude_deg, origin.longitude_deg) if origin else None
    for number, point in enumerate(camera.ground):
        picture = PicturePoint(point.x_px, point.y_px)
        metres, degrees = (point.x_m, point.y_m), (point.latitude_deg, point.longitude_deg)
        if metres != (None, None) and degrees != (None, None):
            raise Misconfigured(
                f"ground {number + 1}: both metres and degrees", hint="give one or the other"
            )
        if point.x_m is not None and point.y_m is not None:
            pairs.append((picture, Point(point.x_m, point.y_m)))
        elif point.latitude_deg is not None and point.longitude_deg is not None:
            if earth is None:
                raise Misconfigured(
                    f"ground {number + 1}: degrees need the site's origin",
                    hint="add [origin] with latitude_deg and longitude_deg",
                )
            pairs.append((picture, earth.to_point(point.latitude_deg, point.longitude_deg)))
        else:
            raise Misconfigured(
                f"ground {number + 1}: half a point",
                hint="give x_m and y_m, or latitude_deg and longitude_deg",
            )
    return pairs


def login_of(camera: CameraSettings, folder: Path) -> tuple[str, str] | None:
    """User and password from the camera's login file. Raises Misconfigured."""
    if camera.login_file is None:
        return None
    path = folder / camera.login_file
    try:
        user, colon, password = path.read_text(encoding="utf-8").strip().partition(":")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(
            f"the login file {path} of {camera.id} cannot be read",
            hint="make it a file with one line, user:password",
        ) from error
    if not colon or not user:
        raise Misconfigured(
            f"the login file {path} of {camera.id} holds no login",
            hint="make it one line, user:password",
        )
    return user, password


def save_setup(path: Path, camera: CameraId, setup: dict[str, Any]) -> None:
    """Replaces what `setup` holds of `camera` in the TOML file; keeps all the rest, comments too.
    `setup` holds lists of tables by their keys, such as `line`. The file is whole at any time.
    Raises Misconfigured."""
    document = _document(path)
    tables: Any = document.get("camera", [])
    table = next((table for table in tables if table.get("id") == camera), None)
    if table is None:
        raise Misconfigured(f"{path} has no camera {camera}", hint="was it changed meanwhile?")
    for key, entries in setup.items():
        _replace(table, key, entries)
    _save(path, document)


def save_links(path: Path, links: list[dict[str, Any]]) -> None:
    """Replaces all links in the TOML file; keeps all the rest. Raises Misconfigured."""
    document = _document(path)
    _replace(document, "link", links)
    _save(path, document)


def _document(path: Path) -> Any:
    import tomlkit  # only now: reading is done without
    from tomlkit.exceptions import TOMLKitError

    try:
        return tomlkit.parse(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, TOMLKitError) as error:
        raise Misconfigured(f"{path} cannot be read: {error}") from error


def _replace(table: Any, key: str, entries: list[dict[str, Any]]) -> None:
    """Puts `entries` in the place of what `table` has under `key`."""
    import tomlkit

    table.pop(key, None)
    if entries:
        array = _tables(entries)
        array[-1].add(tomlkit.nl())  # so that what follows stands apart
        table.add(key, array)


def _tables(entries: list[dict[str, Any]]) -> Any:
    import tomlkit

    array = tomlkit.aot()
    for entry in entries:
        item = tomlkit.table()
        for name, value in entry.items():
            nested = isinstance(value, list) and value and isinstance(value[0], dict)
            if value is not None:
                item.add(name, _tables(value) if nested else value)
        array.append(item)
    return array


def _save(path: Path, document: Any) -> None:
    import tomlkit

    text = tomlkit.dumps(document)
    parse(text, str(path))
    write_whole(path, text.encode())


def with_values(camera: CameraSettings, **values: Any) -> CameraSettings:
    """`camera` with some of its values replaced."""
    return dataclasses.replace(camera, **values)


def _check_id(where: str, number: int, camera: CameraSettings, settings: Settings) -> None:
    try:
        camera_id(camera.id)
    except Misconfigured as error:
        raise Misconfigured(f"{where}: {error.message}", error.hint) from error
    if camera.id in [one.id for one in settings.camera[:number]]:
        raise Misconfigured(
            f'{where}: id: "{camera.id}" is the id of two cameras', "give each its own"
        )


def _check_ground(where: str, camera: CameraSettings, settings: Settings) -> None:
    try:
        ground_pairs(camera, settings.origin)
    except Misconfigured as error:
        raise Misconfigured(f"{where}: {error.message}", error.hint) from error


def _check_drawn_line(where: str, line: LineSettings) -> None:
    if line.arm is not None and not line.arm.strip():
        raise Misconfigured(f"{where}, arm: is empty", "name the arm, or leave the key out")
    if line.from_px == line.to_px:
        raise Misconfigured(f"{where}: {line.name} has no length", "move one of its ends")


def _check_counted(where: str, camera: CameraSettings) -> None:
    if camera.check is not None and camera.check.missed > camera.check.passages:
        raise Misconfigured(
            f"{where}, check, missed: more were missed than passed",
            "passages are all that really were, missed those of them that were not counted",
        )


def _check_area(where: str, area: AreaSettings) -> None:
    if len(area.corners_px) < 3:
        raise Misconfigured(f"{where}: {area.name} has fewer than 3 corners", "add corners")
    if len(area.corners_px) > 64:
        raise Misconfigured(f"{where}: {area.name} has more than 64 corners", "take fewer")
    (x0, y0), *others = area.corners_px
    turned = [
        (ax - x0) * (by - y0) - (bx - x0) * (ay - y0)
        for (ax, ay), (bx, by) in itertools.pairwise(others)
    ]
    if not any(turned):
        raise Misconfigured(
            f"{where}: the corners of {area.name} lie on a line", "move one of them"
        )


def _check_each(where: str, key: str, named: Sequence[Any]) -> None:
    """Each has a name, and its own."""
    names = [item.name for item in named]
    for number, name in enumerate(names):
        if not name.strip():
            raise Misconfigured(f"{where}, {key} {number + 1}, name: is empty", "give it a name")
        if names.index(name) != number:
            raise Misconfigured(
                f'{where}, {key} {number + 1}, name: "{name}" is there twice',
                "give each its own",
            )


def _check_approach(here: str, way: ApproachSettings) -> None:
    """What is told of it is whole; what it is in metres shows later."""
    if bool(way.corners_px) == bool(way.middle_px):
        raise Misconfigured(
            f"{here} has {'both a middle and corners' if way.middle_px else 'no corners'}",
            "give corners_px where it is straight, else middle_px and width_m",
        )
    if way.corners_px and len(way.corners_px) != 4:
        raise Misconfigured(
            f"{here} has {len(way.corners_px)} corners, not 4",
            "give left and right at the stop line, then right and left upstream",
        )
    if way.middle_px and (not 2 <= len(way.middle_px) <= 16 or way.width_m is None):
        raise Misconfigured(
            f"{here} has {len(way.middle_px)} points of its middle"
            + (" and no width_m" if way.width_m is None else ""),
            "give 2 to 16 from the stop line upstream, and the width of all lanes in metres",
        )
    if way.corners_px and way.width_m is not None:
        raise Misconfigured(
            f"{here} has corners, which say how wide it is, and a width_m",
            "leave width_m out",
        )


def _check_carriageway(here: str, road: CarriagewaySettings) -> None:
    for what, corners in (
        (road.name, road.corners_px),
        *((f"the crossing {one.name}", one.corners_px) for one in road.crossing),
    ):
        if not 3 <= len(set(corners)) <= 64:
            raise Misconfigured(
                f"{here}: {what} has {len(set(corners))} corners", "give 3 to 64, once around it"
            )
    if len(road.middle_px) == 1:
        raise Misconfigured(f"{here}: the middle of {road.name} is one point", "give 2 or more")
    _check_each(here, "crossing", road.crossing)


def _check_metres(where: str, camera: CameraSettings) -> None:
    if not camera.ground and (camera.approach or camera.carriageway):
        raise Misconfigured(
            f"{where}: its {'approaches' if camera.approach else 'carriageways'} are measured in "
            "metres, and it has no ground points",
            "add four [[camera.ground]] or more, or set them in the console",
        )


def _check_feed(where: str, feed: TransitSettings, settings: Settings) -> None:
    for key in ("name", "url", "operator", "attribution"):
        if not getattr(feed, key).strip():
            raise Misconfigured(f"{where}, {key}: is empty", "say it; people will read it")
    if [one.name for one in settings.transit].count(feed.name) > 1:
        raise Misconfigured(
            f'{where}: name: "{feed.name}" is the name of two feeds', "give each its own"
        )
    for key, url in (("url", feed.url), ("delays_url", feed.delays_url or "")):
        scheme, colon, rest = url.partition("://")
        host = rest.split("/")[0].split("?")[0]
        if colon and (scheme not in ("http", "https") or not host):
            raise Misconfigured(
                f"{where}, {key}: is no address of a feed", "give http://, https:// or a file"
            )
        if "@" in host:
            raise Misconfigured(
                f"{where}, {key}: holds a login", "put it into a file, and name it in login_file"
            )
    if feed.gone_after_s < feed.old_after_s:
        raise Misconfigured(
            f"{where}, gone_after_s: is less than old_after_s", "a position is old before it goes"
        )
    if settings.origin is None and not any(one.position for one in settings.camera):
        raise Misconfigured(
            f"{where}: nothing says where the site is, near which vehicles are shown",
            "add [origin], or a camera's position",
        )


def check_link(where: str, link: LinkSettings, settings: Settings) -> None:
    """Raises Misconfigured, which begins with `where` and the key, for a link or a route of which
    no time could be told."""
    if not link.name.strip():
        raise Misconfigured(f"{where}, name: is empty", "name the street")
    if [one.name for one in settings.link].count(link.name) > 1:
        raise Misconfigured(
            f'{where}, name: "{link.name}" is the name of two links', "give each its own"
        )
    if link.through:
        _check_route(where, link, settings)
        return
    for key in ("from_line", "from_direction", "to_line", "to_direction", "length_m"):
        if getattr(link, key) is None:
            raise Misconfigured(
                f"{where}, {key}: is missing",
                "a link has two lines, their directions and a length; a route has through",
            )
    for key in ("from_line", "to_line"):
        hint = "; a line at which a link begins or ends has to stay"
        _check_line(f"{where}, {key}", getattr(link, key), settings, hint)
    assert link.from_line is not None
    assert link.to_line is not None
    assert link.length_m is not None
    if camera_and_line(link.from_line) == camera_and_line(link.to_line):
        raise Misconfigured(
            f"{where}, to_line: is the line at which it begins", "a link leads to another line"
        )
    slow_m_s, fast_m_s = link.speed_m_s_min, link.speed_m_s_max
    if not slow_m_s < fast_m_s <= LINK_SPEEDS_MAX * slow_m_s:
        raise Misconfigured(
            f"{where}, speed_m_s_max: {fast_m_s:g} does not go with a speed_m_s_min of "
            f"{slow_m_s:g}",
            f"it is greater, and at most {LINK_SPEEDS_MAX:g} times as great",
        )
    if link.length_m / slow_m_s > LINK_S_MAX:
        raise Misconfigured(
            f"{where}, length_m: {link.length_m:g} m at {slow_m_s:g} m/s take longer than "
            f"{LINK_S_MAX / 60:g} min, and one hour is looked at",
            "cut it into links at lines between, or raise speed_m_s_min",
        )


def _check_line(where: str, named: str, settings: Settings, stays: str) -> None:
    """That `named`, "camera/line", is there; `stays`: why it must."""
    camera, line = camera_and_line(named)
    found = next((one for one in settings.camera if one.id == camera), None)
    if found is None:
        known = ", ".join(one.id for one in settings.camera) or "none"
        raise Misconfigured(
            f'{where}: there is no camera "{camera}"',
            f'write it as "camera/line"; there are {known}',
        )
    if line not in [one.name for one in found.line]:
        known = ", ".join(one.name for one in found.line) or "none"
        raise Misconfigured(f'{where}: {camera} has no line "{line}"', f"it has {known}{stays}")


def _check_screenline(where: str, screenline: ScreenlineSettings, settings: Settings) -> None:
    if not screenline.name.strip():
        raise Misconfigured(f"{where}, name: is empty", "name what it follows, as in River")
    if [one.name for one in settings.screenline].count(screenline.name) > 1:
        raise Misconfigured(
            f'{where}, name: "{screenline.name}" is the name of two screenlines',
            "give each its own",
        )
    if len(screenline.lines) < 2 or len(set(screenline.lines)) < len(screenline.lines):
        raise Misconfigured(
            f"{where}, lines: names fewer than two lines, or one twice",
            'name each once, as in ["kista-03/Bridge", "kista-04/Quay"]',
        )
    for named in screenline.lines:
        _check_line(
            f"{where}, lines", named, settings, "; a screenline adds up lines that are there"
        )
    for named in screenline.reversed:
        if named not in screenline.lines:
            raise Misconfigured(
                f'{where}, reversed: "{named}" is none of its lines',
                "it names those of lines that were drawn the other way round",
            )


def _check_route(where: str, route: LinkSettings, settings: Settings) -> None:
    for key in ("from_line", "from_direction", "to_line", "to_direction", "length_m"):
        if getattr(route, key) is not None:
            raise Misconfigured(
                f"{where}, {key}: a route has none of its own", "its links say it; take it out"
            )
    if len(route.through) < 2 or len(set(route.through)) < len(route.through):
        raise Misconfigured(
            f"{where}, through: names fewer than two links, or one twice",
            "name each once, in order",
        )
    by_name = {link.name: link for link in settings.link if not link.through}
    for name in route.through:
        if name not in by_name:
            known = ", ".join(by_name) or "none"
            raise Misconfigured(
                f'{where}, through: there is no link "{name}"',
                f"there are {known}; a route is made of links, not of routes",
            )
    for before, after in itertools.pairwise(by_name[name] for name in route.through):
        end, begin = camera_and_line(before.to_line or ""), camera_and_line(after.from_line or "")
        if (end, before.to_direction) != (begin, after.from_direction):
            raise Misconfigured(
                f'{where}, through: "{after.name}" does not begin where "{before.name}" ends',
                "each begins at the line, and in the direction, at which the one before ends",
            )


def _told(name: str, complaints: list[str]) -> str:
    """One complaint on a line with the file's name; several below it, each on its own."""
    if len(complaints) == 1:
        return f"{name}: {complaints[0]}"
    return "\n  ".join((f"{name}: {len(complaints)} things are wrong:", *complaints))


def _spot(raw: Any, where: tuple[int | str, ...]) -> str:
    """A place in settings as people count: `camera "kista-03", line 2, to_px`."""
    told: list[str] = []
    for part in where:
        with contextlib.suppress(LookupError, TypeError):
            raw = raw[part]
        if not isinstance(part, int) or not told:
            told.append(str(part))
        elif told[-1] == "camera" and isinstance(raw, dict) and isinstance(raw.get("id"), str):
            told[-1] += f' "{raw["id"]}"'
        else:
            told[-1] += f" {part + 1}"
    return ", ".join(told)


def _complaints(raw: Any, error: ValidationError) -> list[str]:
    complaints = []
    for detail in error.errors():
        place = _spot(raw, detail["loc"])
        if detail["type"] == "unexpected_keyword_argument":
            complaints.append(f"{place}: there is no such setting{_nearest(detail)}")
            continue
        what, remedy = wrong_value(detail)
        complaints.append(f"{place}: {what}" + ("" if remedy == "add it" else f" ({remedy})"))
    return complaints


def _nearest(detail: Any) -> str:
    """`; did you mean …?` for a misspelt key."""
    known = {
        field_name
        for settings in (
            Settings,
            OriginSettings,
            ConsoleSettings,
            CameraSettings,
            NoticeSettings,
            PositionSettings,
            LineSettings,
            AreaSettings,
            ApproachSettings,
            CarriagewaySettings,
            GroundPointSettings,
            TransitSettings,
            LinkSettings,
        )
        for field_name in settings.__dataclass_fields__
    }
    near = difflib.get_close_matches(str(detail["loc"][-1]), sorted(known), 1)
    return f'; did you mean "{near[0]}"?' if near else ""
