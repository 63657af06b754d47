"""Demo: the configuration and the map of Ekhamn, an invented town whose cameras draw streets."""

import datetime
import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from placewatch.core.space import Origin, Point
from placewatch.simulate.drawn import STREETS

SITE = "Ekhamn"
ORIGIN = Origin(59.4, 17.9)
MAP_FILE = "town.geojson"  # beside the TOML
YEARS = 3  # how long the demonstration's notices last

_TURN_DEG = 12.0  # the town's streets run along this, counted from east towards north


@dataclass(frozen=True, slots=True)
class _DemoCamera:
    """A camera of the town and what its notice says."""

    id: str
    street: str
    light: str
    seed: int
    purpose: str


_CAMERAS = (
    _DemoCamera(
        "ekhamn-01",
        "main",
        "day",
        1,
        "Counting traffic and people who cross, to time the light at the zebra",
    ),
    _DemoCamera(
        "ekhamn-02",
        "junction",
        "day",
        2,
        "Counting turning traffic, to decide on the rebuilding of the junction",
    ),
    _DemoCamera(
        "ekhamn-03",
        "quay",
        "dusk",
        3,
        "Counting walkers and cyclists on the quay, for its lighting and width",
    ),
)


_TRANSIT_TOML = (
    "[[transit]]",
    f'name = "{SITE} buses"',
    'url = "town:ekhamn"',
    f'operator = "{SITE} Transit"',
    f'attribution = "Positions: {SITE} Transit, invented"',
    "every_s = 5.0",
)


def demo_toml(today: datetime.date) -> str:
    """The text of a complete placewatch.toml with three drawn streets; notices hold for years."""
    until = datetime.date(today.year + YEARS, 12, 31)
    lines = [
        f'site = "{SITE}"',
        f'map = "{MAP_FILE}"',
        "",
        "[origin]",
        f"latitude_deg = {ORIGIN.latitude_deg}",
        f"longitude_deg = {ORIGIN.longitude_deg}",
    ]
    lines += ["", *_TRANSIT_TOML]
    for camera in _CAMERAS:
        lines += ["", *_camera_toml(camera, until)]
    return "\n".join(lines) + "\n"


def _camera_toml(camera: _DemoCamera, until: datetime.date) -> Iterator[str]:
    street = STREETS[camera.street]
    latitude_deg, longitude_deg = ORIGIN.to_wgs84(street.in_town(Point(street.x_m, street.y_m)))
    yield "[[camera]]"
    yield f'id = "{camera.id}"'
    yield f'url = "street:{camera.street}?seed={camera.seed}&light={camera.light}"'
    yield "backdrop_quarantine_s = 12.0"
    yield ""
    yield "  [camera.notice]"
    yield f'  place = "{street.place}"'
    yield f'  purpose = "{camera.purpose}"'
    yield '  legal_basis = "GDPR Art. 6(1)(e), task in the public interest: road safety"'
    yield f'  owner = "Municipality of {SITE}, streets department"'
    yield '  contact = "streets@ekhamn.example"'
    yield f"  until = {until.isoformat()}"
    yield ""
    yield "  [camera.position]"
    yield f"  latitude_deg = {latitude_deg:.6f}"
    yield f"  longitude_deg = {longitude_deg:.6f}"
    yield f"  bearing_deg = {street.bearing_deg:.1f}"
    yield f"  angle_deg = {street.camera().angle_deg:.1f}"
    yield f"  range_m = {street.range_m:.1f}"
    for name, from_px, to_px in street.lines_px():
        yield ""
        yield "  [[camera.line]]"
        yield f'  name = "{name}"'
        yield f"  from_px = [{from_px[0]}, {from_px[1]}]"
        yield f"  to_px = [{to_px[0]}, {to_px[1]}]"
    for name, corners_px in street.areas_px():
        yield from _shape_toml("  [[camera.area]]", name, corners_px)
    for name, corners_px in street.approaches_px():
        yield from _shape_toml("  [[camera.approach]]", name, corners_px)
    for name, corners_px, crossings in street.carriageways_px():
        yield from _shape_toml("  [[camera.carriageway]]", name, corners_px)
        for mark, mark_px in crossings:
            yield from _shape_toml("    [[camera.carriageway.crossing]]", mark, mark_px)
    for pixel, metres in street.control_px():
        yield ""
        yield "  [[camera.ground]]"
        yield f"  x_px = {pixel.x_px:.2f}"
        yield f"  y_px = {pixel.y_px:.2f}"
        yield f"  x_m = {metres.x_m:.3f}"
        yield f"  y_m = {metres.y_m:.3f}"


def _shape_toml(table: str, name: str, corners_px: Sequence[tuple[int, int]]) -> Iterator[str]:
    indent = table[: len(table) - len(table.lstrip())]
    corners = ", ".join(f"[{x}, {y}]" for x, y in corners_px)
    yield ""
    yield table
    yield f'{indent}name = "{name}"'
    yield f"{indent}corners_px = [{corners}]"


# The map. Its own coordinates (u, v) run along the streets: u about east, v about north.

_Corner = tuple[float, float]

_ROADS: tuple[tuple[str, tuple[_Corner, ...]], ...] = (
    ("Market Street", ((-760, 40), (-640, 8), (-520, 0), (107, 0))),
    ("Church Street", ((107, -294), (107, 480), (96, 640), (60, 800))),
    (
        "Harbour Quay",
        ((-830, -246), (-640, -288), (-520, -294), (560, -294), (680, -262), (820, -190)),
    ),
    ("Station Road", ((-800, 250), (-660, 288), (-520, 300), (560, 300), (700, 322), (900, 390))),
    ("Mill Lane", ((330, 300), (330, 520), (352, 640), (410, 790))),
    ("Rope Walk", ((-210, -294), (-210, 480), (-222, 620), (-270, 760))),
    ("Oak Street", ((-420, -294), (-420, 300), (-430, 480), (-480, 640))),
    ("Tar Lane", ((-420, -150), (107, -150), (330, -150), (560, -150))),
    ("School Lane", ((-420, 150), (107, 150))),
    ("Garden Street", ((-640, 470), (-430, 480), (107, 480), (330, 480), (560, 490), (720, 540))),
    ("Hill Road", ((-480, 640), (-222, 620), (96, 640), (352, 640), (600, 660), (760, 720))),
    ("East Gate", ((560, -294), (560, 300), (560, 490), (600, 660))),
    ("Sail Lane", ((330, -294), (330, 300))),
    (
        "Ring Road",
        (
            (-820, -40),
            (-760, 40),
            (-700, 160),
            (-660, 288),
            (-640, 470),
            (-600, 640),
            (-480, 780),
            (-270, 860),
            (60, 890),
            (410, 880),
            (640, 830),
            (760, 720),
            (860, 560),
            (900, 390),
            (890, 200),
            (850, 0),
            (820, -190),
        ),
    ),
)

_SHORE: tuple[_Corner, ...] = (
    (-1600, -80),
    (-1300, -130),
    (-1080, -200),
    (-900, -252),
    (-760, -282),
    (-640, -304),
    (-520, -304.2),
    (-330, -304.2),
    (700, -304.2),
    (730, -270),
    (860, -205),
    (1000, -190),
    (1180, -120),
    (1420, -90),
    (1700, -10),
)
_GREENS: tuple[tuple[str, tuple[_Corner, ...]], ...] = (
    ("Market Square", ((28, -40), (60, -40), (60, -14.6), (28, -14.6))),
    ("Church Green", ((130, 12), (318, 12), (318, 138), (130, 138))),
    ("Mill Park", ((345, 313), (545, 313), (545, 468), (345, 468))),
    ("Oak Grove", ((-630, 30), (-436, 16), (-436, 136), (-650, 150))),
    ("East Meadow", ((900, -100), (1130, -60), (1180, 190), (1060, 320), (930, 260))),
    (
        "North Wood",
        (
            (-420, 900),
            (-180, 940),
            (120, 960),
            (420, 950),
            (660, 900),
            (720, 1010),
            (420, 1110),
            (-60, 1120),
            (-360, 1060),
        ),
    ),
    ("West Field", ((-1120, 40), (-880, 20), (-820, 200), (-790, 420), (-920, 560), (-1110, 420))),
)
_WATERS: tuple[tuple[str, tuple[_Corner, ...]], ...] = (
    (
        "Mill Pond",
        ((408, 372), (440, 352), (486, 356), (512, 384), (500, 420), (456, 438), (416, 420)),
    ),
)


def demo_map() -> dict[str, Any]:
    """The town around the cameras as GeoJSON (RFC 7946); features have a `class` and a `name`."""
    features = [_feature("water", "Ekhamn Bay", "Polygon", [_ring(_sea())])]
    features += [
        _feature("green", name, "Polygon", [_ring(_smooth(corners))]) for name, corners in _GREENS
    ]
    features += [
        _feature("water", name, "Polygon", [_ring(_smooth(corners, 3))])
        for name, corners in _WATERS
    ]
    features += [_feature("green", "Courtyard", "Polygon", [_ring(c)]) for c in _courtyards()]
    features += [
        _feature("road", name, "LineString", _line(_bent(corners))) for name, corners in _ROADS
    ]
    features += [
        _feature("building", name, "Polygon", [_ring(corners)]) for name, corners in _buildings()
    ]
    return {"type": "FeatureCollection", "features": features}


def road(name: str) -> list[list[float]]:
    """The street `name` of the town as it is drawn, [longitude, latitude] in degrees."""
    return next(_line(_bent(corners)) for known, corners in _ROADS if known == name)


def _feature(kind: str, name: str, shape: str, coordinates: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"class": kind, "name": name},
        "geometry": {"type": shape, "coordinates": coordinates},
    }


def _line(corners: Sequence[_Corner]) -> list[list[float]]:
    return [_wgs84(corner) for corner in corners]


def _ring(corners: Sequence[_Corner]) -> list[list[float]]:
    """A closed ring, counter-clockwise as RFC 7946 section 3.1.6 asks."""
    area = sum(
        a[0] * b[1] - b[0] * a[1] for a, b in zip(corners, [*corners[1:], corners[0]], strict=True)
    )
    turned = list(corners) if area > 0 else list(corners)[::-1]
    return [_wgs84(corner) for corner in [*turned, turned[0]]]


def _wgs84(corner: _Corner) -> list[float]:
    turn = math.radians(_TURN_DEG)
    u, v = corner
    latitude_deg, longitude_deg = ORIGIN.to_wgs84(
        Point(u * math.cos(turn) - v * math.sin(turn), u * math.sin(turn) + v * math.cos(turn))
    )
    return [round(longitude_deg, 6), round(latitude_deg, 6)]


def _sea() -> list[_Corner]:
    return [*_bent(_SHORE), (1900, -1500), (-1800, -1500)]


def _bent(corners: Sequence[_Corner]) -> list[_Corner]:
    """The line with its bends rounded (Chaikin 1974); straight parts stay where they are."""
    points = list(corners)
    for _ in range(2):
        cut = [points[0]]
        for a, b in itertools.pairwise(points):
            cut += [
                (a[0] * 0.75 + b[0] * 0.25, a[1] * 0.75 + b[1] * 0.25),
                (a[0] * 0.25 + b[0] * 0.75, a[1] * 0.25 + b[1] * 0.75),
            ]
        points = [*cut, points[-1]]
    return points


def _smooth(corners: Sequence[_Corner], times: int = 0) -> list[_Corner]:
    """The ring with its corners rounded `times` over."""
    points = list(corners)
    for _ in range(times):
        cut: list[_Corner] = []
        for a, b in zip(points, [*points[1:], points[0]], strict=True):
            cut += [
                (a[0] * 0.75 + b[0] * 0.25, a[1] * 0.75 + b[1] * 0.25),
                (a[0] * 0.25 + b[0] * 0.75, a[1] * 0.25 + b[1] * 0.75),
            ]
        points = cut
    return points


# Town blocks: (u from, v from, u to, v to) between the streets' middles.
_BLOCKS: tuple[tuple[float, float, float, float], ...] = (
    (-420, -294, -210, -150),
    (-210, -294, 107, -150),
    (107, -294, 330, -150),
    (330, -294, 560, -150),
    (-420, -150, -210, 0),
    (-210, -150, 107, 0),
    (107, -150, 330, 0),
    (330, -150, 560, 0),
    (-420, 0, -210, 150),
    (-210, 0, 107, 150),
    (330, 0, 560, 150),
    (-420, 150, -210, 300),
    (-210, 150, 107, 300),
    (107, 150, 330, 300),
    (330, 150, 560, 300),
    (-430, 300, -210, 480),
    (-210, 300, 107, 480),
    (107, 300, 330, 480),
)


def _fronts(block: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """How far the houses of a block stand from the middle of each street: west, south, east, north.

    Around the cameras it is what their pictures show.
    """
    u0, v0, u1, v1 = block
    west = east = 10.0
    south = {-294.0: 11.6 - 6.0, 0.0: 12.0, 300.0: 13.0}.get(v0, 10.0)
    north = {0.0: 16.0, 300.0: 13.0}.get(v1, 10.0)
    if u1 == 107:
        east = 8.0
    if u0 == 107:
        west = 15.0
    return west, south + (6.0 if v0 == -294 else 0.0), east, north


def _courtyards() -> Iterator[list[_Corner]]:
    for block in _BLOCKS:
        west, south, east, north = _fronts(block)
        u0, v0, u1, v1 = block
        yield [
            (u0 + west + 15, v0 + south + 15),
            (u1 - east - 15, v0 + south + 15),
            (u1 - east - 15, v1 - north - 15),
            (u0 + west + 15, v1 - north - 15),
        ]


def _buildings() -> Iterator[tuple[str, list[_Corner]]]:
    dice = random.Random(7)
    for block in _BLOCKS:
        west, south, east, north = _fronts(block)
        u0, v0, u1, v1 = block
        if block == (-210, -150, 107, 0):
            u1 = 8.0  # the market square lies east of it, open to the street
            east = 0.0
        yield from _houses(dice, u0 + west, v0 + south, u1 - east, v1 - north)
    yield "Market Hall", [(64, -46), (92, -46), (92, -22), (64, -22)]
    yield (
        "St Olav's Church",
        [
            (196, 62),
            (222, 62),
            (222, 54),
            (232, 54),
            (232, 62),
            (252, 62),
            (258, 68),
            (252, 74),
            (232, 74),
            (232, 82),
            (222, 82),
            (222, 74),
            (196, 74),
        ],
    )
    yield (
        "School",
        [
            (-590, 180),
            (-520, 180),
            (-520, 230),
            (-540, 230),
            (-540, 198),
            (-570, 198),
            (-570, 230),
            (-590, 230),
        ],
    )
    yield "Station", [(590, 330), (690, 350), (687, 366), (587, 346)]
    yield "Ferry Terminal", [(470, -318), (530, -318), (530, -338), (470, -338)]
    yield from _villas(dice)


def _houses(
    dice: random.Random, u0: float, v0: float, u1: float, v1: float
) -> Iterator[tuple[str, list[_Corner]]]:
    """Houses shoulder to shoulder around a block, with a gap here and there."""
    for along, (low, high) in (("u", (u0, u1)), ("v", (v0 + 14, v1 - 14))):
        for far_side in (False, True):
            at = low
            while at < high - 7:
                wide = min(dice.uniform(9, 22), high - at)
                deep = dice.uniform(9.5, 13)
                if dice.random() > 0.06:
                    if along == "u":
                        a, b = (v1 - deep, v1) if far_side else (v0, v0 + deep)
                        yield "House", [(at, a), (at + wide, a), (at + wide, b), (at, b)]
                    else:
                        a, b = (u1 - deep, u1) if far_side else (u0, u0 + deep)
                        yield "House", [(a, at), (b, at), (b, at + wide), (a, at + wide)]
                at += wide


def _villas(dice: random.Random) -> Iterator[tuple[str, list[_Corner]]]:
    """Detached houses along the outer streets."""
    for name, corners in _ROADS:
        if name not in (
            "Ring Road",
            "Hill Road",
            "Garden Street",
            "Mill Lane",
            "Rope Walk",
            "Oak Street",
            "Church Street",
        ):
            continue
        line = _bent(corners)
        for a, b in itertools.pairwise(line):
            length = math.dist(a, b)
            if length < 1:
                continue
            du, dv = (b[0] - a[0]) / length, (b[1] - a[1]) / length
            at = 6.0
            while at < length - 6:
                for side in (-1, 1):
                    u = a[0] + du * at - dv * side * 19
                    v = a[1] + dv * at + du * side * 19
                    if dice.random() < 0.8 and _outside(u, v):
                        wide, deep = dice.uniform(8, 13) / 2, dice.uniform(7, 9.5) / 2
                        yield (
                            "House",
                            [
                                (u + du * x - dv * y, v + dv * x + du * y)
                                for x, y in (
                                    (-wide, -deep),
                                    (wide, -deep),
                                    (wide, deep),
                                    (-wide, deep),
                                )
                            ],
                        )
                at += dice.uniform(21, 30)


def _outside(u: float, v: float) -> bool:
    """Whether a detached house may stand there: off the town's blocks, parks and other streets."""
    if any(u0 - 14 < u < u1 + 14 and v0 - 14 < v < v1 + 14 for u0, v0, u1, v1 in _BLOCKS):
        return False
    if 100 < u < 340 and 0 < v < 150:
        return False
    if 330 < u < 560 and 300 < v < 480:
        return False
    if v < -180 and -900 < u < 760:
        return False
    close = 0
    for _, corners in _ROADS:
        for a, b in itertools.pairwise(corners):
            du, dv = b[0] - a[0], b[1] - a[1]
            share = ((u - a[0]) * du + (v - a[1]) * dv) / (du * du + dv * dv)
            share = min(1.0, max(0.0, share))
            if math.hypot(a[0] + share * du - u, a[1] + share * dv - v) < 15:
                close += 1
    return close == 0
