"""Roadway: queues before stop lines and people across the road, and of them what may leave.

How this works. The meters of approaches and carriageways tell cycles and windows as exactly as they
know them. What becomes a fact is less: a cycle has no moment at which anybody passed and no place
nearer than half a metre, and what is told of walkers beside their number is told of five together.
"""

from dataclasses import dataclass

from placewatch.core.facts import Fact, FootCrossings, LaneQueue
from placewatch.core.ids import CameraId
from placewatch.core.time import UtcMicros, minute_of
from placewatch.measure.carriageway import Carriageway, CarriagewayMeter, CrossingBehaviour
from placewatch.measure.ground import Ground
from placewatch.measure.queue import Approach, QueueCycle, QueueMeter
from placewatch.measure.scene import Scene

WALKERS_MIN = 5  # of whom together something is told
PLACE_M = 0.5


@dataclass(frozen=True, slots=True)
class Road:
    """What of the road of one view is measured: ways up to stop lines, and pieces between kerbs,
    all on its ground."""

    approaches: tuple[Approach, ...] = ()
    carriageways: tuple[Carriageway, ...] = ()


class RoadwayMeter:
    """Measures the road of one camera from `start` on, scene by scene. Costs nothing where there is
    no approach and no carriageway. Memory is of who is in view, and of ten seconds more.

    `from_above`: scenes are a plan seen from straight above, whose ground is known and whose points
    are the middle of road users."""

    def __init__(
        self,
        camera: CameraId,
        road: Road,
        start: UtcMicros,
        ground: Ground | None = None,
        *,
        from_above: bool = False,
    ) -> None:
        self.road = road
        view, known = None if from_above else ground, from_above or ground is not None
        self._queues = QueueMeter(camera, road.approaches, view) if road.approaches else None
        self._carriageways = [
            CarriagewayMeter(camera, one, start, ground_known=known) for one in road.carriageways
        ]
        self._told: list[Fact] = []  # not taken yet

    def measure(self, scene: Scene) -> None:
        """Takes one scene. Scenes come in order, and also when empty."""
        if self._queues is not None:
            self._told += map(lane_queue, self._queues.measure(scene))
        for meter in self._carriageways:
            meter.measure(scene)  # passages: they stay here

    def leave(self) -> None:
        """The view is lost, or the recording ends: cycles and passages end as far as they were
        seen."""
        if self._queues is not None:
            self._told += map(lane_queue, self._queues.leave())
        for meter in self._carriageways:
            meter.leave()

    def close_minutes(self, before: UtcMicros) -> list[Fact]:
        """The facts of all cycles that are over, and of all windows that ended well before
        `before`, once."""
        told, self._told = self._told, []
        for meter in self._carriageways:
            told += map(foot_crossings, meter.close_windows(before))
        return told

    def close(self, at: UtcMicros) -> list[Fact]:
        """The last facts, with the window that `at` lies in as far as it was seen."""
        told, self._told = self._told, []
        for meter in self._carriageways:
            told += map(foot_crossings, meter.close(at))
        return told


def lane_queue(cycle: QueueCycle) -> LaneQueue:
    """Of a cycle what may leave."""
    return LaneQueue(
        at=minute_of(cycle.at),
        window_s=_seconds(cycle.at, cycle.end),
        coverage_s=round(cycle.coverage_s, 1),
        camera=cycle.camera,
        approach=cycle.approach,
        lane=cycle.lane,
        whole=cycle.whole,
        stood_s=None if cycle.green is None else _seconds(cycle.at, cycle.green),
        vehicles_max=cycle.vehicles_max,
        vehicles_mean=round(cycle.vehicles_mean, 2),
        length_m_max=_place(cycle.length_m_max),
        length_m_mean=round(cycle.length_m_mean, 1),
        back_m_max=_place(cycle.back_m_max),
        at_least=cycle.at_least,
        departures=cycle.departures,
        stops=cycle.stops,
        travel_s_mean=_tenths(cycle.travel_s_mean),
        free_s=_tenths(cycle.free_s),
        delay_s_mean=_tenths(cycle.delay_s_mean),
        delay_count=cycle.delay_count,
    )


def foot_crossings(row: CrossingBehaviour) -> FootCrossings:
    """Of a window what may leave: sums over `WALKERS_MIN` or more, and how many there were."""
    told = _enough(row.count)
    waits, speeds = told and _enough(row.wait_count), told and _enough(row.speed_count)
    accepted = told and _enough(row.accepted_count)
    return FootCrossings(
        at=row.at,
        window_s=row.window_s,
        coverage_s=row.coverage_s,
        camera=row.camera,
        carriageway=row.carriageway,
        length_m=row.length_m,
        crossing=row.crossing,
        count=row.count,
        to_left=row.to_left if told else None,
        away_m_bins=row.away_m_bins if told else None,
        wait_count=row.wait_count if waits else None,
        wait_s_sum=row.wait_s_sum if waits else None,
        wait_s_bins=row.wait_s_bins if waits else None,
        speed_count=row.speed_count if speeds else None,
        speed_m_s_sum=row.speed_m_s_sum if speeds else None,
        speed_m_s_bins=row.speed_m_s_bins if speeds else None,
        rejected_count=row.rejected_count if told else None,
        rejected_s_sum=row.rejected_s_sum if told else None,
        rejected_s_bins=row.rejected_s_bins if told else None,
        accepted_count=row.accepted_count if accepted else None,
        accepted_s_sum=row.accepted_s_sum if accepted else None,
        accepted_s_bins=row.accepted_s_bins if accepted else None,
        open_count=row.open_count if told else None,
        given_count=row.given_count if told else None,
        due_count=row.due_count if told else None,
        yielded_count=row.yielded_count if told else None,
        excused_count=row.excused_count if told else None,
        unhindered_count=row.unhindered_count if told else None,
    )


def _enough(count: int | None) -> bool:
    return count is not None and count >= WALKERS_MIN


def _seconds(since: UtcMicros, until: UtcMicros) -> float:
    return float(round((until - since) / 1e6))


def _place(metres: float) -> float:
    return round(metres / PLACE_M) * PLACE_M


def _tenths(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
