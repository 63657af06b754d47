"""Drawn: the drawn streets there are, each with its traffic, its scenery and its camera."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from placewatch.core.kinds import Kind
from placewatch.core.space import PicturePoint, Point
from placewatch.simulate.pinhole import Pinhole
from placewatch.simulate.scenery import (
    Bench,
    Corner,
    Hedge,
    Lamp,
    Paint,
    Post,
    Surface,
    Terrace,
    Tree,
    View,
    box_corners,
)
from placewatch.simulate.traffic import Gate, GroundLine, Path, Route, Signal, Stream, path

DRAWN_WIDTH_PX, DRAWN_HEIGHT_PX = 960, 540


@dataclass(frozen=True, slots=True)
class Street:
    """A drawn street: who travels there, what stands there, and where its camera is.

    Its own metres are turned by `turn_deg` and moved to (`east_m`, `north_m`) to lie in the town.
    `lines` and `areas` are given on its ground, `control` are points whose place was surveyed;
    `approaches` lead up to stop lines (left and right at the line, right and left upstream), and
    `carriageways`, with the crossings that are painted on them, are what people walk across.
    """

    name: str
    place: str
    streams: tuple[Stream, ...]
    signals: Mapping[str, Signal]
    view: View
    x_m: float
    y_m: float
    height_m: float
    yaw_deg: float
    pitch_deg: float
    focal_share: float
    lines: tuple[tuple[str, Corner, Corner], ...]
    areas: tuple[tuple[str, tuple[Corner, ...]], ...]
    control: tuple[Corner, ...]
    east_m: float
    north_m: float
    turn_deg: float
    range_m: float = 60.0
    approaches: tuple[tuple[str, tuple[Corner, ...]], ...] = ()
    carriageways: tuple[
        tuple[str, tuple[Corner, ...], tuple[tuple[str, tuple[Corner, ...]], ...]], ...
    ] = ()

    def camera(self, width_px: int = DRAWN_WIDTH_PX, height_px: int = DRAWN_HEIGHT_PX) -> Pinhole:
        """The street's camera with a picture of that size."""
        return Pinhole(
            self.x_m,
            self.y_m,
            self.height_m,
            self.yaw_deg,
            self.pitch_deg,
            self.focal_share,
            width_px,
            height_px,
        )

    def lines_px(self) -> tuple[tuple[str, tuple[int, int], tuple[int, int]], ...]:
        """(name, from, to) of the counting lines, whole pixels of a 960x540 picture."""
        return tuple((name, self._pixel(a), self._pixel(b)) for name, a, b in self.lines)

    def areas_px(self) -> tuple[tuple[str, tuple[tuple[int, int], ...]], ...]:
        """(name, corners) of the areas, whole pixels of a 960x540 picture."""
        return self._shapes_px(self.areas)

    def approaches_px(self) -> tuple[tuple[str, tuple[tuple[int, int], ...]], ...]:
        """(name, corners) of the approaches, whole pixels of a 960x540 picture."""
        return self._shapes_px(self.approaches)

    def carriageways_px(
        self,
    ) -> tuple[
        tuple[
            str, tuple[tuple[int, int], ...], tuple[tuple[str, tuple[tuple[int, int], ...]], ...]
        ],
        ...,
    ]:
        """(name, corners, (name, corners) of the crossings on it) of the carriageways, likewise."""
        return tuple(
            (name, tuple(self._pixel(c) for c in corners), self._shapes_px(marks))
            for name, corners, marks in self.carriageways
        )

    def _shapes_px(
        self, shapes: tuple[tuple[str, tuple[Corner, ...]], ...]
    ) -> tuple[tuple[str, tuple[tuple[int, int], ...]], ...]:
        return tuple((name, tuple(self._pixel(c) for c in corners)) for name, corners in shapes)

    def control_px(self) -> tuple[tuple[PicturePoint, Point], ...]:
        """Pairs of a point on a 960x540 picture and its place in the town, in metres."""
        camera = self.camera()
        return tuple(
            (camera.to_picture(Point(*corner)), self.in_town(Point(*corner)))
            for corner in self.control
        )

    def ground_lines(self) -> tuple[GroundLine, ...]:
        """The counting lines as they lie on the ground, from their whole pixels."""
        camera = self.camera()
        return tuple(
            GroundLine(name, camera.to_ground(PicturePoint(*a)), camera.to_ground(PicturePoint(*b)))
            for name, a, b in self.lines_px()
        )

    def in_town(self, point: Point) -> Point:
        """A point of the street in metres east and north of the town's origin."""
        turn = math.radians(self.turn_deg)
        return Point(
            self.east_m + point.x_m * math.cos(turn) - point.y_m * math.sin(turn),
            self.north_m + point.x_m * math.sin(turn) + point.y_m * math.cos(turn),
        )

    def near(self, x_m: float, y_m: float) -> bool:
        """Whether a point of the ground lies in the picture and within `range_m`."""
        camera = self.camera()
        if not 1.0 < math.hypot(x_m - self.x_m, y_m - self.y_m) < self.range_m:
            return False
        turn = math.atan2(y_m - self.y_m, x_m - self.x_m) - math.radians(self.yaw_deg)
        # A bus whose middle is beside the picture may still reach into it.
        return math.cos(turn) > math.cos(math.radians(camera.angle_deg / 2 + 20.0))

    @property
    def bearing_deg(self) -> float:
        """Where the camera looks: 0 north, 90 east."""
        return (90.0 - self.yaw_deg - self.turn_deg) % 360.0

    def _pixel(self, corner: Corner) -> tuple[int, int]:
        flat = self.camera().to_picture(Point(*corner))
        return round(flat.x_px), round(flat.y_px)


_HEAVY_TRAFFIC: Mapping[Kind, int] = {
    Kind.CAR: 6,
    Kind.VAN: 2,
    Kind.TRUCK: 2,
    Kind.BUS: 2,
    Kind.MOTORCYCLE: 2,
}
_MIXED_TRAFFIC: Mapping[Kind, int] = {
    Kind.CAR: 7,
    Kind.VAN: 2,
    Kind.TRUCK: 1,
    Kind.BUS: 1,
    Kind.MOTORCYCLE: 2,
}
_LIGHT_TRAFFIC: Mapping[Kind, int] = {Kind.CAR: 7, Kind.VAN: 2, Kind.MOTORCYCLE: 2}
_BIKES: Mapping[Kind, int] = {Kind.BICYCLE: 1}
_FEET: Mapping[Kind, int] = {Kind.PEDESTRIAN: 1}


def _bikes(name: str, party: str, route: Route, per_min: float) -> Stream:
    """Cyclists who come one by one."""
    return Stream(name, party, (route,), _BIKES, per_min, 5.0, headway_s=5.5, spread_m=0.12)


def _people(
    name: str,
    party: str,
    route: Route,
    per_min: float,
    stand_m: tuple[float, float] | None = None,
) -> Stream:
    """People on foot who come one by one; some stand for a while between the metres `stand_m`."""
    return Stream(
        name,
        party,
        (route,),
        _FEET,
        per_min,
        1.35,
        headway_s=9.0,
        spread_m=0.2,
        stand_share=0.0 if stand_m is None else 0.3,
        stand_m=stand_m or (0.0, 0.0),
    )


def _dashes(y: float, x0: float, x1: float, long_m: float, gap_m: float) -> tuple[Paint, ...]:
    """A broken line along x."""
    count = int((x1 - x0) / (long_m + gap_m))
    starts = [x0 + index * (long_m + gap_m) for index in range(count)]
    return tuple(Paint(box_corners(x, y - 0.06, x + long_m, y + 0.06)) for x in starts)


def _zebra(x0: float, x1: float, y0: float, y1: float, along_y: bool) -> tuple[Paint, ...]:
    """Stripes over a carriageway; `along_y` when people cross in the y direction."""
    stripes = []
    low, high = (y0, y1) if along_y else (x0, x1)
    count = round((high - low) / 1.0)
    pitch = (high - low) / count
    for index in range(count):
        a = low + index * pitch + pitch * 0.25
        b = a + pitch * 0.5
        corners = box_corners(x0, a, x1, b) if along_y else box_corners(a, y0, b, y1)
        stripes.append(Paint(corners, 0.2))
    return tuple(stripes)


def _main() -> Street:
    """A two-way main street with a planted median, a cycle track and a light at a zebra.

    Buses and lorries come through it one way only, eastbound."""
    far, near = 109.0, -45.0
    zebra = (23.5, 27.5)
    wheels_out = path((near, -3.7), (far, -3.7), (far, 60), radius_m=6.0)
    wheels_in = path((far - 4.5, 60), (far - 4.5, 3.7), (near, 3.7), radius_m=8.0)
    out_gate = Gate("zebra", 15.5 - near, zebra[1] + 0.5 - near)
    bend_m = wheels_in.nearest_m(far - 8.0, 3.7)
    in_stop = wheels_in.nearest_m(32.0, 3.7)
    in_gate = Gate("zebra", in_stop, wheels_in.nearest_m(zebra[0] - 0.5, 3.7))
    bikes_out = path((near, -8.75), (far, -8.75))
    bikes_in = path((far, -7.05), (near, -7.05))
    feet_over = path((25.2, -38), (25.2, 10.2), (100, 10.2), radius_m=1.5)
    feet_back = path((100, 11.3), (26.4, 11.3), (26.4, -38), radius_m=1.5)
    feet_east = path((-20, -11.7), (far, -11.7))
    feet_west = path((far, -14.1), (-20, -14.1))
    north_east = path((8.0, 10.2), (100, 10.2))
    north_west = path((100, 11.3), (8.0, 11.3))

    def over(way: Route, y_from: float, y_to: float, x: float) -> Route:
        stop = way.path.nearest_m(x, y_from)
        return Route(way.path, gates=(Gate("zebra", stop, way.path.nearest_m(x, y_to)),))

    wheels_out_route = Route(
        wheels_out,
        gates=(out_gate,),
        slow=((wheels_out.length_m - 70, wheels_out.length_m, 7.0),),
    )
    wheels_in_route = Route(wheels_in, gates=(in_gate,), slow=((bend_m - 16, bend_m, 6.0),))
    bikes_out_gate = Gate("zebra", 21.8 - near, zebra[1] + 0.3 - near)
    bikes_in_gate = Gate("zebra", far - 29.2, far - zebra[0] + 0.3)
    streams = (
        Stream("eastbound", "wheels", (wheels_out_route,), _HEAVY_TRAFFIC, 10.0, 12.2, 3.0),
        Stream("westbound", "wheels", (wheels_in_route,), _LIGHT_TRAFFIC, 10.0, 12.2, 3.0),
        _bikes("bikes east", "wheels", Route(bikes_out, gates=(bikes_out_gate,)), 3.2),
        _bikes("bikes west", "wheels", Route(bikes_in, gates=(bikes_in_gate,)), 3.2),
        _people("over", "feet", over(Route(feet_over), -10.0, 6.2, 25.2), 2.2),
        _people("back", "feet", over(Route(feet_back), 8.2, -10.0, 26.4), 2.2),
        _people("pavement east", "feet", Route(feet_east), 2.0),
        _people("pavement west", "feet", Route(feet_west), 2.0),
        _people("shops east", "feet", Route(north_east), 1.2, (30.0, 60.0)),
        _people("shops west", "feet", Route(north_west), 1.2, (20.0, 60.0)),
    )
    surfaces = (
        Surface("pavement", box_corners(-30, 6.0, 140, 12.0)),
        Surface("pavement", box_corners(-30, -14.6, 140, -11.0)),
        Surface("square", box_corners(28, -40, 60, -14.6)),
        Surface("square", box_corners(23.4, -60, 28.4, -14.5)),
        Surface("kerb", box_corners(-30, 5.35, 140, 6.05)),
        Surface("kerb", box_corners(-30, -6.35, 140, -5.35)),
        Surface("pavement", box_corners(-30, -6.2, 140, -5.55)),
        Surface("asphalt", box_corners(-30, -5.4, 140, 5.4)),
        Surface("asphalt", box_corners(far - 8.5, 5.0, far + 4.0, 80)),
        Surface("gutter", box_corners(-30, 5.15, far - 9, 5.4)),
        Surface("gutter", box_corners(-30, -5.4, far, -5.15)),
        Surface("worn", box_corners(-30, -4.7, far, -4.2)),
        Surface("worn", box_corners(-30, -3.2, far, -2.7)),
        Surface("worn", box_corners(-30, 2.7, far - 6, 3.2)),
        Surface("worn", box_corners(-30, 4.2, far - 6, 4.7)),
        Surface("repair", box_corners(15.2, 2.35, 21.0, 4.0)),
        Surface("repair", box_corners(36.0, -5.1, 47.0, -3.9)),
        Surface("cycle", box_corners(-30, -9.5, 140, -6.3)),
        Surface("kerb", box_corners(-30, -9.7, 140, -9.5)),
        Surface("kerb", box_corners(-30, -11.05, 140, -10.9)),
        Surface("pavement", box_corners(23.0, -11.0, 28.4, -9.6)),
        Surface("kerb", box_corners(-30, -2.15, 23.0, 2.15)),
        Surface("grass", box_corners(-30, -1.95, 22.8, 1.95)),
        Surface("kerb", box_corners(28.0, -2.15, far - 10, 2.15)),
        Surface("grass", box_corners(28.2, -1.95, far - 10.2, 1.95)),
        Surface("kerb", box_corners(10, -11.05, 10.4, -14.6)),
    )
    paints = (
        *_zebra(zebra[0], zebra[1], -5.3, -2.2, along_y=True),
        *_zebra(zebra[0], zebra[1], 2.2, 5.3, along_y=True),
        *_zebra(zebra[0], zebra[1], -9.4, -6.4, along_y=True),
        Paint(box_corners(15.6, -5.3, 16.1, -2.2)),
        Paint(box_corners(31.4, 2.2, 31.9, 5.3)),
        Paint(box_corners(21.9, -9.4, 22.2, -7.9)),
        Paint(box_corners(28.8, -7.9, 29.1, -6.4)),
        Paint(box_corners(-30, -5.08, 15.6, -4.96)),
        Paint(box_corners(28, -5.08, far, -4.96)),
        Paint(box_corners(-30, 4.96, 23, 5.08)),
        Paint(box_corners(32, 4.96, far - 9, 5.08)),
        *_dashes(-7.9, -6, 22, 1.0, 2.0),
        *_dashes(-7.9, 29, far, 1.0, 2.0),
    )
    trees = (
        *(
            Tree((x, 6.9), 6.8, 4.2, index)
            for index, x in enumerate((33.0, 45.0, 57.0, 69.0, 83.0))
        ),
        *(
            Tree((x, y), h, w, index + 1)
            for index, (x, y, h, w) in enumerate(
                (
                    (18.5, -21.0, 8.5, 5.6),
                    (19.0, -29.0, 9.5, 6.2),
                    (64.0, -17.0, 8.5, 5.6),
                    (74.0, -19.0, 9.0, 6.0),
                    (66.0, -25.0, 10.0, 6.4),
                    (86.0, -17.0, 8.0, 5.4),
                )
            )
        ),
    )
    view = View(
        surfaces,
        paints,
        terraces=(
            Terrace((2.0, 12.0), (99.0, 12.0), 4),
            Terrace((122.0, 60.0), (122.0, -60.0), 9, (11.0, 15.0)),
            Terrace((108.0, -21.0), (62.0, -29.0), 23, (8.0, 11.0), shops=False),
        ),
        trees=trees,
        hedges=(
            Hedge((29.5, 0.0), (44.0, 0.0), 0.55, 1.6),
            Hedge((47.0, 0.0), (62.0, 0.0), 0.55, 1.6),
            Hedge((66.0, 0.0), (80.0, 0.0), 0.55, 1.6),
        ),
        lamps=(
            Lamp((21.0, 5.75), (21.0, 0.0)),
            Lamp((42.0, 5.75), (42.0, 0.0)),
            Lamp((64.0, 5.75), (64.0, 0.0)),
            Lamp((30.0, -10.3), (30.0, -20.0)),
            Lamp((52.0, -10.3), (52.0, -20.0)),
            Lamp((74.0, -10.3), (74.0, -20.0)),
        ),
        benches=(Bench((33.0, -16.0), (34.8, -16.0)), Bench((38.0, -16.0), (39.8, -16.0))),
        posts=(
            Post((17.0, -5.85), "zebra", "wheels", (0.0, -5.85)),
            Post((31.0, 5.75), "zebra", "wheels", (60.0, 5.75)),
            Post((28.2, 5.75), "zebra", "feet", (28.2, -20.0), 2.6),
        ),
    )
    return Street(
        name="main",
        place="Market Street, at the square",
        streams=streams,
        signals={"zebra": Signal(44.0, {"wheels": (0.0, 22.0), "feet": (27.0, 33.0)})},
        view=view,
        x_m=-7.0,
        y_m=-10.2,
        height_m=9.0,
        yaw_deg=12.0,
        pitch_deg=15.5,
        focal_share=0.73,
        lines=(
            ("Stop line", (22.6, -1.6), (22.6, -5.6)),
            ("Westbound", (20.0, 6.0), (20.0, 1.0)),
            ("Cycle track", (14.0, -5.9), (14.0, -10.0)),
            ("Zebra", (21.8, -5.85), (29.6, -5.85)),
            ("South pavement", (20.5, -10.4), (20.5, -15.2)),
        ),
        areas=(
            ("Crossing", ((zebra[0], -9.5), (zebra[1], -9.5), (zebra[1], 5.4), (zebra[0], 5.4))),
            ("Waiting area", ((23.0, -9.7), (28.4, -9.7), (28.4, -14.4), (23.0, -14.4))),
        ),
        approaches=(("Westbound", ((32.0, 2.2), (32.0, 5.3), (66.0, 5.3), (66.0, 2.2))),),
        carriageways=(
            (
                "Westbound",
                box_corners(12, 2.2, 45, 5.35),
                (("Zebra", box_corners(zebra[0], 2.2, zebra[1], 5.35)),),
            ),
            (
                "Eastbound",
                box_corners(12, -5.35, 45, -2.2),
                (("Zebra", box_corners(zebra[0], -5.35, zebra[1], -2.2)),),
            ),
        ),
        control=(
            (15.6, -5.3),
            (15.6, -2.2),
            (31.9, 2.2),
            (31.9, 5.3),
            (23.0, 2.15),
            (28.0, -2.15),
            (47.0, -5.1),
            (15.2, 4.0),
        ),
        east_m=0.0,
        north_m=0.0,
        turn_deg=12.0,
    )


def _junction() -> Street:
    """A T-junction with a light for each arm and one for people."""
    reach = 105.0
    from_west, from_east, from_north = (-reach, -3.2), (reach, 3.2), (-2.3, reach)
    to_west, to_east, to_north = (-reach, 3.2), (reach, -3.2), (2.3, reach)
    ways = {
        "west": (
            (0.75, path(from_west, to_east)),
            (0.25, path(from_west, (2.3, -3.2), to_north, radius_m=7.0)),
        ),
        "east": (
            (0.7, path(from_east, to_west)),
            (0.3, path(from_east, (2.3, 3.2), to_north, radius_m=5.0)),
        ),
        "north": (
            (0.5, path(from_north, (-2.3, 3.2), to_west, radius_m=5.0)),
            (0.5, path(from_north, (-2.3, -3.2), to_east, radius_m=7.0)),
        ),
    }
    stops = {"west": (-9.5, -3.2), "east": (10.0, 3.2), "north": (-2.3, 14.2)}
    streams = []
    for arm, choices in ways.items():
        routes = []
        for share, way in choices:
            stop = way.nearest_m(*stops[arm])
            straight = len(way.corners) == 2
            if straight:
                clear = stop + 20.5
                slow: tuple[tuple[float, float, float], ...] = ()
            else:
                # Out of the box when past the zebra of the north arm, or past the mouths.
                end = way.corners[-1]
                out = (2.3, 12.5) if end.y_m > 20 else (10.0, -3.2) if end.x_m > 0 else (-9.5, 3.2)
                clear = way.nearest_m(*out)
                middle = way.nearest_m(way.corners[7].x_m, way.corners[7].y_m)
                slow = ((middle - 6.0, middle + 5.0, 5.6),)
            routes.append(Route(way, share, (Gate("box", stop, clear),), slow))
        streams.append(Stream(f"from {arm}", arm, tuple(routes), _MIXED_TRAFFIC, 7.0, 11.0, 3.0))
    walk_east = path((-44, 8.9), (50, 8.9))
    walk_west = path((50, 10.3), (-44, 10.3))
    for name, way, x_stop, x_clear in (
        ("zebra east", walk_east, -5.3, 5.3),
        ("zebra west", walk_west, 5.3, -5.3),
    ):
        y = way.corners[0].y_m
        gate = Gate("box", way.nearest_m(x_stop, y), way.nearest_m(x_clear, y))
        streams.append(_people(name, "feet", Route(way, gates=(gate,)), 2.2))
    south_east, south_west = path((-44, -8.4), (50, -8.4)), path((50, -10.8), (-44, -10.8))
    streams.append(_people("south east", "stroll", Route(south_east), 2.0))
    streams.append(_people("south west", "stroll", Route(south_west), 2.0, (20.0, 36.0)))
    surfaces = (
        Surface("pavement", box_corners(-70, 5.2, 180, 12.6)),
        Surface("pavement", box_corners(-9.0, 5.2, 9.0, 120)),
        Surface("pavement", box_corners(-70, -12.0, 180, -7.2)),
        Surface("kerb", box_corners(-70, -5.3, 180, 5.3)),
        Surface(
            "kerb", ((-9.2, 5.2), (9.2, 5.2), (4.9, 9.5), (4.9, 120), (-4.9, 120), (-4.9, 9.5))
        ),
        Surface("asphalt", box_corners(-70, -5.05, 180, 5.05)),
        Surface(
            "asphalt",
            ((-8.6, 5.0), (8.6, 5.0), (4.65, 9.2), (4.65, 120), (-4.65, 120), (-4.65, 9.2)),
        ),
        Surface("gutter", box_corners(-70, -5.05, 180, -4.85)),
        Surface("repair", box_corners(12.0, -4.6, 19.0, -3.0)),
        Surface("repair", box_corners(-4.0, 22.0, -1.4, 30.0)),
        Surface("worn", box_corners(-70, -3.9, 180, -3.5)),
        Surface("worn", box_corners(-70, 3.5, 180, 3.9)),
        Surface("kerb", box_corners(-70, -1.55, -9.8, 1.55)),
        Surface("grass", box_corners(-70, -1.35, -10.0, 1.35)),
        Surface("kerb", box_corners(10.2, -1.55, 150, 1.55)),
        Surface("grass", box_corners(10.4, -1.35, 149.8, 1.35)),
        Surface("kerb", box_corners(-0.55, 14.8, 0.55, 46)),
        Surface("stone", box_corners(-0.4, 15.0, 0.4, 46)),
    )
    paints = (
        *_zebra(-4.5, 4.5, 8.0, 11.4, along_y=False),
        Paint(box_corners(-9.9, -4.9, -9.4, -1.7)),
        Paint(box_corners(9.7, 1.7, 10.2, 4.9)),
        Paint(box_corners(-4.5, 14.0, -0.7, 14.5)),
        *(Paint(box_corners(x, -0.06, x + 1.0, 0.06), 0.45) for x in (-7.0, -4.0, -1.0, 2.0, 5.0)),
    )
    view = View(
        surfaces,
        paints,
        terraces=(
            Terrace((-62.0, 13.0), (-10.0, 13.0), 31, (8.5, 12.0)),
            Terrace((-9.5, 14.0), (-9.5, 64.0), 32, (8.5, 12.0), shops=False),
            Terrace((9.5, 64.0), (9.5, 34.0), 35, (9.0, 12.0), shops=False),
            Terrace((34.0, 14.0), (78.0, 14.0), 36, (9.0, 13.0)),
            Terrace((-30.0, 122.0), (50.0, 122.0), 37, (9.0, 14.0)),
            Terrace((92.0, 14.0), (150.0, 14.0), 38, (9.0, 12.0), shops=False),
            Terrace((122.0, -16.0), (52.0, -16.0), 39, (8.5, 11.0), shops=False),
        ),
        trees=(
            Tree((14.0, 17.5), 8.2, 5.4, 1),
            Tree((21.5, 20.0), 9.0, 6.0, 2),
            Tree((15.5, 25.5), 8.8, 5.8, 3),
            Tree((27.0, 15.8), 7.8, 5.0, 4),
            Tree((25.0, 26.0), 9.0, 6.0, 0),
            Tree((14.0, -17.5), 7.6, 5.2, 2),
            Tree((26.0, -16.5), 8.2, 5.6, 1),
            Tree((37.0, -18.0), 8.6, 5.8, 3),
            Tree((46.0, -16.0), 7.8, 5.2, 0),
            Tree((22.0, -23.0), 9.0, 6.2, 0),
        ),
        hedges=(
            Hedge((11.5, 13.2), (31.0, 13.2), 0.8, 0.8),
            Hedge((-9.0, -14.2), (4.0, -14.2), 0.6, 1.2),
            Hedge((7.0, -14.2), (20.0, -14.2), 0.6, 1.2),
            Hedge((20.0, 0.0), (34.0, 0.0), 0.5, 1.3),
            Hedge((37.0, 0.0), (52.0, 0.0), 0.5, 1.3),
        ),
        lamps=(
            Lamp((12.0, -6.2), (12.0, 0.0)),
            Lamp((34.0, -6.2), (34.0, 0.0)),
            Lamp((-8.4, 7.0), (-8.4, 0.0)),
            Lamp((5.6, 24.0), (0.0, 24.0)),
            Lamp((5.6, 44.0), (0.0, 44.0)),
        ),
        posts=(
            Post((-8.6, -5.9), "box", "west", (-60.0, -5.9)),
            Post((9.6, 5.9), "box", "east", (60.0, 5.9)),
            Post((-5.4, 14.2), "box", "north", (-5.4, 60.0)),
            Post((5.6, 7.4), "box", "feet", (-60.0, 7.4), 2.6),
        ),
    )
    return Street(
        name="junction",
        place="Station Road and Mill Lane",
        streams=tuple(streams),
        signals={
            "box": Signal(
                60.0,
                {
                    "west": (0.0, 10.0),
                    "east": (15.0, 25.0),
                    "north": (30.0, 39.0),
                    "feet": (45.0, 50.0),
                },
            )
        },
        view=view,
        x_m=-25.0,
        y_m=-20.0,
        height_m=9.0,
        yaw_deg=42.0,
        pitch_deg=17.0,
        focal_share=0.68,
        lines=(
            ("West arm", (-8.3, -7.4), (-8.3, 6.6)),
            ("East arm", (8.6, -7.4), (8.6, 6.6)),
            ("North arm", (-5.6, 12.7), (5.6, 12.7)),
            ("North pavement", (-14.0, 6.8), (-14.0, 12.2)),
            ("South pavement", (-7.0, -12.2), (-7.0, -7.0)),
        ),
        areas=(("Crossing", ((-4.6, 8.0), (4.6, 8.0), (4.6, 11.4), (-4.6, 11.4))),),
        control=(
            (-9.4, -4.9),
            (-9.4, -1.7),
            (9.7, 1.7),
            (9.7, 4.9),
            (-4.5, 14.0),
            (-0.7, 14.5),
            (10.2, -1.55),
            (12.0, -4.6),
        ),
        east_m=260.42,
        north_m=362.06,
        turn_deg=12.0,
    )


def _quay() -> Street:
    """A promenade and a two-way cycle track by the water, with a quiet lane beside them."""
    far, near = 120.0, -30.0
    bikes_out = path((near, -1.15), (far, -1.15))
    bikes_in = path((far, 1.15), (near, 1.15))
    lane = path((far, -6.1), (near, -6.1))
    crossing_x = 27.0
    feet_down = path(
        (60, -9.6), (crossing_x - 0.7, -9.6), (crossing_x - 0.7, 5.0), (near, 5.0), radius_m=1.2
    )
    feet_up = path(
        (near, 6.3), (crossing_x + 0.9, 6.3), (crossing_x + 0.9, -10.2), (60, -10.2), radius_m=1.2
    )

    bikes_out_gate = Gate("track", 23.4 - near, 29.8 - near)
    bikes_in_gate = Gate("track", far - 31.0, far - 24.4)
    cars_gate = Gate("lane", far - 32.5, far - 24.4)

    def gate(zone: str, way: Path, x: float, y_from: float, y_to: float) -> Gate:
        return Gate(zone, way.nearest_m(x, y_from), way.nearest_m(x, y_to), gives_way=True)

    down, up = crossing_x - 0.7, crossing_x + 0.9
    down_gates = (
        gate("lane", feet_down, down, -8.2, -3.8),
        gate("track", feet_down, down, -2.6, 2.6),
    )
    up_gates = (gate("track", feet_up, up, 2.6, -2.5), gate("lane", feet_up, up, -3.8, -8.2))
    stroll_out = path((near, 4.0), (far, 4.0))
    stroll_in = path((far, 7.6), (near, 7.6))
    cars = {Kind.CAR: 3, Kind.VAN: 1, Kind.MOTORCYCLE: 1}
    streams = (
        _bikes("bikes out", "bikes", Route(bikes_out, gates=(bikes_out_gate,)), 6.0),
        _bikes("bikes in", "bikes", Route(bikes_in, gates=(bikes_in_gate,)), 6.0),
        Stream("cars", "cars", (Route(lane, gates=(cars_gate,)),), cars, 6.0, 7.6, 5.0),
        _people("down", "feet", Route(feet_down, gates=down_gates), 2.0),
        _people("up", "feet", Route(feet_up, gates=up_gates), 2.0),
        _people("stroll out", "stroll", Route(stroll_out), 2.0, (58.0, 90.0)),
        _people("stroll in", "stroll", Route(stroll_in), 2.0, (60.0, 92.0)),
    )
    surfaces = (
        Surface("water", box_corners(-60, 10.0, 700, 600)),
        Surface("stone", box_corners(-60, 9.3, 220, 10.0)),
        Surface("quay", box_corners(-60, 2.9, 220, 9.3)),
        Surface("kerb", box_corners(-60, 2.4, 220, 2.9)),
        Surface("cycle", box_corners(-60, -2.4, 220, 2.4)),
        Surface("kerb", box_corners(-60, -2.6, 220, -2.4)),
        Surface("clinker", box_corners(-60, -8.2, 220, -4.0)),
        Surface("kerb", box_corners(-60, -4.05, 220, -3.85)),
        Surface("kerb", box_corners(-60, -8.3, 220, -8.1)),
        Surface("pavement", box_corners(-60, -11.6, 220, -8.3)),
        Surface("pavement", box_corners(25.0, -3.9, 29.2, -2.6)),
    )
    view = View(
        surfaces,
        (
            *_zebra(25.2, 29.0, -2.4, 2.4, along_y=True),
            *_zebra(25.2, 29.0, -8.0, -4.1, along_y=True),
            *_dashes(0.0, -10, 24, 1.0, 2.0),
            *_dashes(0.0, 30, 150, 1.0, 2.0),
        ),
        terraces=(
            Terrace((176.0, -11.6), (11.0, -11.6), 12, (9.0, 13.5)),
            Terrace((190.0, 6.0), (190.0, -14.0), 17, (10.0, 13.0)),
        ),
        trees=tuple(
            Tree((x, -3.3), 5.6, 3.2, index)
            for index, x in enumerate((36.0, 47.0, 58.0, 70.0, 84.0))
        ),
        hedges=(Hedge((12.0, -3.3), (22.0, -3.3), 0.45, 0.7),),
        lamps=(
            *(Lamp((x, 8.8), (x, 0.0), 4.6) for x in (20.0, 33.0, 46.0, 60.0, 76.0, 94.0)),
            Lamp((31.5, -8.7), (31.5, 0.0), 5.4),
            Lamp((54.0, -8.7), (54.0, 0.0), 5.4),
            Lamp((78.0, -8.7), (78.0, 0.0), 5.4),
        ),
        benches=(
            Bench((24.0, 8.7), (25.8, 8.7)),
            Bench((38.0, 8.7), (39.8, 8.7)),
            Bench((51.0, 8.7), (52.8, 8.7)),
        ),
        base="grass",
        hills=1.2,
    )
    return Street(
        name="quay",
        place="Harbour Quay, at the ferry steps",
        streams=streams,
        signals={},
        view=view,
        x_m=0.0,
        y_m=-1.8,
        height_m=8.0,
        yaw_deg=6.0,
        pitch_deg=16.0,
        focal_share=0.73,
        lines=(
            ("Cycle track", (19.5, 2.6), (19.5, -2.6)),
            ("Promenade", (19.5, 9.2), (19.5, 3.0)),
            ("Lane", (20.0, -3.9), (20.0, -8.3)),
            ("Zebra", (24.0, -3.2), (30.4, -3.2)),
        ),
        areas=(("Crossing", ((25.2, -2.4), (29.0, -2.4), (29.0, 2.4), (25.2, 2.4))),),
        control=(
            (25.2, -2.4),
            (29.0, -2.4),
            (25.2, 2.4),
            (29.0, 2.4),
            (25.2, -8.0),
            (29.0, -4.1),
            (24.0, 8.7),
            (38.0, 8.7),
        ),
        east_m=101.52,
        north_m=-285.23,
        turn_deg=192.0,
    )


STREETS: Mapping[str, Street] = {street.name: street for street in (_main(), _junction(), _quay())}
