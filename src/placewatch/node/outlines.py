"""Outlines: what is drawn in a camera's settings, as shapes on its picture."""

import shapely

from placewatch.core.errors import PlacewatchError
from placewatch.core.space import Point
from placewatch.measure.ground import Ground
from placewatch.measure.queue import Approach
from placewatch.node import config as settings
from placewatch.node.equip import road_of
from placewatch.publish.road import Shape


def shapes_of(camera: settings.CameraSettings, ground: Ground | None) -> tuple[Shape, ...]:
    """Areas, approaches, carriageways and their crossings, in that order. An approach that is given
    by its middle is as wide as it is on the ground."""
    shapes = [Shape(one.name, "area", one.corners_px) for one in camera.area]
    try:
        road = road_of(camera, ground)
    except PlacewatchError:  # it is told elsewhere what is wrong with it
        road = None
    for number, way in enumerate(camera.approach):
        outline = way.corners_px
        if not outline and ground is not None and road is not None:
            outline = approach_outline_px(road.approaches[number], ground)
        if outline:
            shapes.append(Shape(way.name, "approach", outline))
    for piece in camera.carriageway:
        shapes.append(Shape(piece.name, "carriageway", piece.corners_px))
        shapes += [Shape(one.name, "crossing", one.corners_px) for one in piece.crossing]
    return tuple(shapes)


def approach_outline_px(approach: Approach, ground: Ground) -> tuple[settings.Pixel, ...]:
    """The edges of all lanes of `approach` on the picture; () where a part of it is not before the
    camera."""
    middle = shapely.LineString([(point.x_m, point.y_m) for point in approach.middle])
    around = middle.buffer(approach.width_m / 2, cap_style="flat", join_style="mitre")
    if not isinstance(around, shapely.Polygon):
        return ()
    seen = [ground.to_picture(Point(x, y)) for x, y in list(around.exterior.coords)[:-1]]
    known = [(spot.x_px, spot.y_px) for spot in seen if spot is not None]
    return tuple(known) if len(known) == len(seen) else ()
