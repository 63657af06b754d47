"""Warm: compiles all that measures, once, so that no camera waits for it while road users pass."""

import numpy as np

from placewatch.core.facts import Fact
from placewatch.core.ids import camera_id, new_track_id
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Box, Track
from placewatch.core.space import PicturePoint, Point
from placewatch.core.time import UtcMicros
from placewatch.measure.carriageway import Carriageway, MarkedCrossing
from placewatch.measure.ground import Ground, Lens
from placewatch.measure.line import CountingLine
from placewatch.measure.meters import Meters
from placewatch.measure.queue import Approach
from placewatch.measure.replay import GroundTracks, Replay, on_plan
from placewatch.measure.roadway import Road
from placewatch.measure.stage import Stage
from placewatch.measure.zone import Zone

_SIDE_M = 80.0


def warm() -> list[Fact]:
    """Measures cars on a plan, two of which nearly meet, and somebody who walks, with lines across
    arms, an area, an approach and a carriageway. The facts of it, which are nobody's."""
    camera = camera_id("warm")
    corners = np.array([(0.0, -40.0), (_SIDE_M, -40.0), (_SIDE_M, 40.0), (0.0, 40.0)])
    pixels = [(at.x_px, at.y_px) for at in (on_plan(Point(x, y)) for x, y in corners.tolist())]
    ground = Ground.fit(np.array(pixels), corners)
    lines = [
        CountingLine("West", on_plan(Point(10, -9)), on_plan(Point(10, 9)), "West"),
        CountingLine("East", on_plan(Point(60, -9)), on_plan(Point(60, 9)), "East"),
        CountingLine("South", on_plan(Point(20, -20)), on_plan(Point(50, -20)), "South"),
    ]
    box = Zone("Box", (Point(5, -30), Point(60, -30), Point(60, 30), Point(5, 30)))
    for point in (PicturePoint(200.0, 300.0), PicturePoint(900.0, 700.0)):
        ground.error_m(point)
    ground.metres_of(np.array(pixels))
    bent = Ground.fit(np.array(pixels), corners, lens=Lens(1600.0, (800.0, 800.0), -0.05))
    bent.metres_of(np.array(pixels))
    ground.grid_px(1600, 1600, 20.0)
    zebra = MarkedCrossing("Zebra", (Point(45, -9), Point(55, -9), Point(55, 0), Point(45, 0)))
    road = Road(
        (Approach("East", (Point(55, 0), Point(5, 0)), width_m=6.0),),
        (Carriageway("Road", (Point(5, -5), Point(75, -5), Point(75, 5), Point(5, 5)), (zebra,)),),
    )
    meters = Meters(camera, lines, UtcMicros(0), ground, [box], road)
    for scene in Replay(camera, UtcMicros(0)).scenes(_drives()):
        meters.measure(scene)
    meters.leave()
    name = new_track_id()
    stage = Stage(ground, camera, sorts=True, recognises=True)
    for number in range(20):
        left = 100.0 + 8.0 * number
        box_px = Box(left, 300.0, left + 80.0, 340.0)
        track = Track(name, Kind.CAR, box_px, (80.0, 0.0), number / 10, True, number > 3)
        scene = stage.place([track], UtcMicros(number * 100_000), number / 10, number, False)
        meters.measure(scene)
    return meters.close(UtcMicros(60_000_000))


def _drives() -> GroundTracks:
    moments = np.arange(0.0, 17.0, 0.1)
    there = moments[moments < 6.0]
    zeros = np.zeros(len(there))
    # The third comes when the others have just gone: it could be one of them.
    x_m = np.concatenate([10.0 * there, 30.0 + zeros, 60.0 + 2.0 * there, 50.0 + zeros])
    y_m = np.concatenate([zeros, 10.0 * there - 42.0, zeros, 2.2 * there - 6.5])
    heading = np.concatenate([zeros, zeros + np.pi / 2, zeros, zeros + np.pi / 2])
    speed = np.concatenate([zeros + 10.0, zeros + 10.0, zeros + 10.0, zeros + 2.2])
    who = np.repeat([0, 1, 2, 3], len(there))
    kinds = [Kind.CAR, Kind.CAR, Kind.CAR, Kind.PEDESTRIAN]
    sizes = np.array([(4.4, 1.8), (4.4, 1.8), (4.4, 1.8), (0.5, 0.5)])
    at_s = np.concatenate([there, there, there + 6.5, there])
    return GroundTracks(moments, at_s, who, x_m, y_m, heading, speed, kinds, sizes)


if __name__ == "__main__":
    warm()
