"""Bodies: what the browser may send, checked once, here."""

import json
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.requests import Request

from placewatch.console.errors import Stop, WrongValue
from placewatch.core.kinds import Direction
from placewatch.node.config import LinkSettings
from placewatch.node.views import (
    ApproachView,
    AreaView,
    CameraView,
    CarriagewayView,
    EarthPoint,
    GroundPoint,
    GroundView,
    LineView,
    MetrePoint,
    Setup,
)
from placewatch.node.wrong_values import wrong_value

BODY_BYTES_MAX = 256 * 1024
PICTURE_PX_MAX = 16_384  # larger than any camera's picture, for those not seen yet
LINE_PX_MIN = 2.0  # two points that are the same to the eye make no line
AREA_PX2_MIN = 4.0


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


Coordinate = Annotated[float, Field(ge=-1e6, le=1e6)]
Pixel = tuple[Coordinate, Coordinate]
Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=60,
        pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]*$",
    ),
]
"""A name that can be printed: no control characters, none that turn the writing around."""


class LineBody(_Body):
    name: Name
    from_px: Pixel
    to_px: Pixel
    arm: Name | None = None


class AreaBody(_Body):
    name: Name
    corners_px: Annotated[tuple[Pixel, ...], Field(min_length=3, max_length=100)]


class GroundPointBody(_Body):
    x_px: Coordinate
    y_px: Coordinate
    x_m: Coordinate | None = None
    y_m: Coordinate | None = None
    latitude_deg: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude_deg: Annotated[float, Field(ge=-180, le=180)] | None = None


class GroundBody(_Body):
    points: Annotated[tuple[GroundPointBody, ...], Field(max_length=100)]


class ApproachBody(_Body):
    name: Name
    corners_px: Annotated[tuple[Pixel, ...], Field(max_length=4)] = ()
    middle_px: Annotated[tuple[Pixel, ...], Field(max_length=16)] = ()
    width_m: Annotated[float, Field(gt=0, le=100)] | None = None
    lanes: Annotated[int, Field(ge=1, le=8)] = 1
    signal: bool = True
    free_m_s: Annotated[float, Field(gt=0, le=60)] | None = None


class MarkBody(_Body):
    name: Name
    corners_px: Annotated[tuple[Pixel, ...], Field(min_length=3, max_length=64)]


class CarriagewayBody(_Body):
    name: Name
    corners_px: Annotated[tuple[Pixel, ...], Field(min_length=3, max_length=64)]
    middle_px: Annotated[tuple[Pixel, ...], Field(max_length=16)] = ()
    crossings: Annotated[tuple[MarkBody, ...], Field(max_length=20)] = ()


Approaches = Annotated[tuple[ApproachBody, ...], Field(max_length=50)]
Carriageways = Annotated[tuple[CarriagewayBody, ...], Field(max_length=50)]


class RoadBody(_Body):
    approaches: Approaches
    carriageways: Carriageways
    ground: GroundBody | None


class SetupBody(_Body):
    lines: Annotated[tuple[LineBody, ...], Field(max_length=100)]
    areas: Annotated[tuple[AreaBody, ...], Field(max_length=100)]
    ground: GroundBody | None
    approaches: Approaches | None = None
    carriageways: Carriageways | None = None
    revision: Annotated[str, Field(max_length=64)] | None = None


LinkedLine = Annotated[str, Field(min_length=1, max_length=140)]
LinkSpeed = Annotated[float, Field(ge=0.5, le=60)]


class LinkBody(_Body):
    name: Name
    from_line: LinkedLine | None = None
    from_direction: Direction | None = None
    to_line: LinkedLine | None = None
    to_direction: Direction | None = None
    length_m: Annotated[float, Field(ge=5, le=20_000)] | None = None
    speed_m_s_min: LinkSpeed = 4.0
    speed_m_s_max: LinkSpeed = 25.0
    through: Annotated[tuple[Name, ...], Field(max_length=20)] = ()


class LinksBody(_Body):
    links: Annotated[tuple[LinkBody, ...], Field(max_length=200)]
    revision: Annotated[str, Field(max_length=64)] | None = None


class SessionBody(_Body):
    user: Annotated[str, Field(max_length=60)]
    password: Annotated[str, Field(max_length=1024)]


Body = TypeVar("Body", bound=_Body)


async def read_body(request: Request, model: type[Body]) -> Body:
    """The JSON body of `request` as a `model`. Raises Stop or WrongValue."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Stop(415, "the body is not JSON", "send Content-Type: application/json")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES_MAX:
            raise Stop(413, f"the body is larger than {BODY_BYTES_MAX // 1024} kB")
    try:
        return model.model_validate_json(bytes(body))
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        if detail["type"] == "json_invalid":
            raise Stop(400, "the body is no JSON", "was it cut short?") from error
        path = ".".join(str(part) for part in detail["loc"])
        raise WrongValue(path, *_sentence(path, detail)) from error


def setup_of(body: SetupBody, camera: CameraView) -> Setup:
    """What `body` draws on the picture of `camera`. Raises WrongValue."""
    approaches, carriageways = body.approaches or (), body.carriageways or ()
    for key, names in (
        ("lines", [line.name for line in body.lines]),
        ("areas", [area.name for area in body.areas]),
        ("approaches", [way.name for way in approaches]),
        ("carriageways", [piece.name for piece in carriageways]),
        *(
            (f"carriageways.{number}.crossings", [mark.name for mark in piece.crossings])
            for number, piece in enumerate(carriageways)
        ),
    ):
        for index, name in enumerate(names):
            if name in names[:index]:
                raise WrongValue(
                    f"{key}.{index}.name", f'there is another "{name}"', "give each its own name"
                )
    for index, line in enumerate(body.lines):
        _within(camera, f"lines.{index}.from_px", line.from_px)
        _within(camera, f"lines.{index}.to_px", line.to_px)
        (x0, y0), (x1, y1) = line.from_px, line.to_px
        if abs(x1 - x0) + abs(y1 - y0) < LINE_PX_MIN:
            raise WrongValue(f"lines.{index}.to_px", f"{line.name} has no length", "draw it longer")
    for index, area in enumerate(body.areas):
        for number, corner in enumerate(area.corners_px):
            _within(camera, f"areas.{index}.corners_px.{number}", corner)
        if _size_px2(area.corners_px) < AREA_PX2_MIN:
            raise WrongValue(
                f"areas.{index}.corners_px", f"{area.name} encloses nothing", "draw it larger"
            )
    points = ground_points_of(body.ground, camera, "ground.points") if body.ground else ()
    if 0 < len(points) < 4:
        raise WrongValue(
            "ground.points", f"{len(points)} points do not make a plane", "place 4 or more, or none"
        )
    road = road_of(RoadBody(approaches=approaches, carriageways=carriageways, ground=None), camera)
    return Setup(
        tuple(LineView(line.name, line.from_px, line.to_px, line.arm) for line in body.lines),
        tuple(AreaView(area.name, area.corners_px) for area in body.areas),
        GroundView(points) if points else None,
        camera.approaches if body.approaches is None else road.approaches,
        camera.carriageways if body.carriageways is None else road.carriageways,
    )


def road_of(body: RoadBody, camera: CameraView) -> Setup:
    """The approaches and carriageways in `body`, with its ground. Raises WrongValue."""
    for index, way in enumerate(body.approaches):
        path = f"approaches.{index}"
        _all_within(camera, f"{path}.corners_px", way.corners_px)
        _all_within(camera, f"{path}.middle_px", way.middle_px)
        if way.middle_px and not way.corners_px:
            if len(way.middle_px) < 2:
                raise WrongValue(f"{path}.middle_px", "its middle is one point", "give 2 or more")
            if way.width_m is None:
                raise WrongValue(f"{path}.width_m", "its width is missing", "all lanes, in metres")
        elif len(way.corners_px) != 4 or way.middle_px or way.width_m is not None:
            raise WrongValue(
                f"{path}.corners_px",
                f"{way.name} has {len(way.corners_px)} corners",
                "give 4: left and right at the stop line, then right and left upstream; or where "
                "it bends its middle and its width",
            )
        elif _size_px2(way.corners_px) < AREA_PX2_MIN:
            raise WrongValue(f"{path}.corners_px", f"{way.name} encloses nothing", "draw it larger")
    for index, piece in enumerate(body.carriageways):
        path = f"carriageways.{index}"
        _all_within(camera, f"{path}.middle_px", piece.middle_px)
        if len(piece.middle_px) == 1:
            raise WrongValue(f"{path}.middle_px", "its middle is one point", "give 2 or more")
        for where, name, corners_px in (
            (path, piece.name, piece.corners_px),
            *(
                (f"{path}.crossings.{at}", mark.name, mark.corners_px)
                for at, mark in enumerate(piece.crossings)
            ),
        ):
            _all_within(camera, f"{where}.corners_px", corners_px)
            if _size_px2(corners_px) < AREA_PX2_MIN:
                raise WrongValue(
                    f"{where}.corners_px", f"{name} encloses nothing", "draw it larger"
                )
    points = ground_points_of(body.ground, camera, "ground.points") if body.ground else ()
    return Setup(
        (),
        (),
        GroundView(points) if len(points) >= 4 else None,
        tuple(
            ApproachView(
                way.name, way.corners_px, way.middle_px, way.width_m, way.lanes, way.signal,
                way.free_m_s,
            )
            for way in body.approaches
        ),
        tuple(
            CarriagewayView(
                piece.name,
                piece.corners_px,
                piece.middle_px,
                tuple(AreaView(mark.name, mark.corners_px) for mark in piece.crossings),
            )
            for piece in body.carriageways
        ),
    )  # fmt: skip


def links_of(body: LinksBody) -> tuple[LinkSettings, ...]:
    """The links in `body`."""
    return tuple(LinkSettings(**link.model_dump()) for link in body.links)


def ground_points_of(
    body: GroundBody, camera: CameraView, path: str = "points"
) -> tuple[GroundPoint, ...]:
    """The ground points in `body`. Raises WrongValue."""
    points: list[GroundPoint] = []
    for index, point in enumerate(body.points):
        _within(camera, f"{path}.{index}", (point.x_px, point.y_px))
        metres = (point.x_m, point.y_m)
        degrees = (point.latitude_deg, point.longitude_deg)
        if None not in metres and degrees == (None, None):
            assert point.x_m is not None
            assert point.y_m is not None
            points.append(MetrePoint(point.x_px, point.y_px, point.x_m, point.y_m))
        elif None not in degrees and metres == (None, None):
            assert point.latitude_deg is not None
            assert point.longitude_deg is not None
            points.append(
                EarthPoint(point.x_px, point.y_px, point.latitude_deg, point.longitude_deg)
            )
        else:
            raise WrongValue(
                f"{path}.{index}",
                "the point has no one place on the ground",
                "give x_m and y_m, or latitude_deg and longitude_deg",
            )
    return tuple(points)


def _all_within(camera: CameraView, path: str, points: tuple[Pixel, ...]) -> None:
    for number, point in enumerate(points):
        _within(camera, f"{path}.{number}", point)


def _within(camera: CameraView, path: str, point: Pixel) -> None:
    width_px = camera.width_px or PICTURE_PX_MAX
    height_px = camera.height_px or PICTURE_PX_MAX
    if not (0 <= point[0] <= width_px and 0 <= point[1] <= height_px):
        raise WrongValue(
            path,
            f"({point[0]:g}, {point[1]:g}) is outside the picture",
            f"it is {width_px} pixels wide and {height_px} high",
        )


def _size_px2(corners: tuple[Pixel, ...]) -> float:
    """The area inside, by the shoelace formula; 0 where all corners lie on a line."""
    pairs = zip(corners, corners[1:] + corners[:1], strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs)) / 2


def _sentence(path: str, detail: Any) -> tuple[str, str]:
    """What is wrong, and what to try."""
    name = path.rpartition(".")[2] or "the body"
    if detail["type"] == "extra_forbidden":
        return f"there is no {json.dumps(name[:60])} here", "take it out"
    what, remedy = wrong_value(detail)
    return f"{name} {what}", remedy
