"""All meters of one camera together: what comes of scenes, and when."""

import numpy as np

from placewatch.core.facts import Conflict, LineCount, LineFlow, SpeedCount, ZoneCount, ZoneUse
from placewatch.core.ids import camera_id
from placewatch.core.kinds import Kind
from placewatch.core.space import Point
from placewatch.core.time import MINUTE_US, UtcMicros
from placewatch.measure.ground import Ground
from placewatch.measure.line import CountingLine
from placewatch.measure.meters import Meters
from placewatch.measure.replay import GroundTracks, Replay, on_plan
from placewatch.measure.zone import Zone

CAMERA = camera_id("road")
START = UtcMicros(1_800_000_000_000_000 - 1_800_000_000_000_000 % MINUTE_US)
LINE = CountingLine("Road", on_plan(Point(10, -5)), on_plan(Point(10, 5)))


def plan() -> Ground:
    """The plan that replayed tracks are looked at on, as a calibrated picture."""
    metres = np.array([(0.0, -40.0), (40.0, -40.0), (40.0, 40.0), (0.0, 40.0)])
    pixels = [(point.x_px, point.y_px) for point in (on_plan(Point(x, y)) for x, y in metres)]
    return Ground.fit(np.array(pixels), metres)


def drive() -> GroundTracks:
    """A car that goes east at 10 m/s for four seconds, and six seconds of nobody."""
    moments = np.arange(0.0, 10.0, 0.1)
    there = moments[moments < 4.0]
    zeros = np.zeros(len(there))
    return GroundTracks(
        moments, there, zeros.astype(np.int64), 10.0 * there, zeros, zeros, zeros + 10.0,
        [Kind.CAR], np.array([(4.4, 1.8)]),
    )  # fmt: skip


def test_one_drive_gives_facts_of_every_sort_that_it_has() -> None:
    area = Zone("Box", (Point(5, -5), Point(15, -5), Point(15, 5), Point(5, 5)))
    meters = Meters(CAMERA, [LINE], START, plan(), [area])
    crossings = [
        one for scene in Replay(CAMERA, START).scenes(drive()) for one in meters.measure(scene)
    ]
    crossings += meters.leave()
    assert len(crossings) == 1
    facts = meters.close(UtcMicros(START + 10_000_000))
    by_sort: dict[type, list[object]] = {}
    for fact in facts:
        by_sort.setdefault(type(fact), []).append(fact)
    assert by_sort.keys() == {LineCount, LineFlow, SpeedCount, ZoneCount, ZoneUse}
    (speed,) = (fact for fact in facts if isinstance(fact, SpeedCount))
    assert speed.speed_m_s_from <= 10.0 < speed.speed_m_s_to + 0.5
    inside = next(f for f in facts if isinstance(f, ZoneCount) and f.kind is Kind.CAR)
    assert inside.presence_s is not None
    assert abs(inside.presence_s - 1.0) < 0.15, "ten metres at ten metres a second"
    assert not any(isinstance(fact, Conflict) for fact in facts)


def test_a_ground_that_is_found_later_is_stood_on_from_then() -> None:
    meters = Meters(CAMERA, [LINE], START)
    area = Zone("Box", (Point(5, -5), Point(15, -5), Point(15, 5), Point(5, 5)))
    meters.stand_on(plan(), [area], START)
    for scene in Replay(CAMERA, START).scenes(drive()):
        meters.measure(scene)
    facts = meters.close_minutes(UtcMicros(START + 2 * MINUTE_US))
    assert any(isinstance(fact, ZoneUse) and fact.count_max == 1 for fact in facts)
