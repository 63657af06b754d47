"""Meters: all that is measured of one camera, scene by scene, and the facts that come of it."""

from collections.abc import Sequence

from placewatch.core.facts import (
    Conflict,
    Crossing,
    Fact,
    FootCrossings,
    LineCount,
    ZoneCount,
)
from placewatch.core.ids import CameraId
from placewatch.core.time import UtcMicros
from placewatch.measure.conflict import ConflictMeter
from placewatch.measure.flow import FlowMeter, Totals
from placewatch.measure.ground import Ground
from placewatch.measure.line import CountingLine
from placewatch.measure.linked import LinkedLines
from placewatch.measure.roadway import Road, RoadwayMeter
from placewatch.measure.scene import Scene
from placewatch.measure.zone import Zone, ZoneMeter

_NO_ROAD = Road()


class Meters:
    """Everything that is measured of the scenes of one camera, over its lines, in its `zones` and
    on its `road`. Without `ground` what takes metres is left out.

    `from_above`: scenes are a plan seen from straight above, on which places are known without a
    ground. `conflicts` False leaves conflicts out, where they are found otherwise.
    """

    def __init__(
        self,
        camera: CameraId,
        lines: Sequence[CountingLine],
        start: UtcMicros,
        ground: Ground | None = None,
        zones: Sequence[Zone] = (),
        road: Road = _NO_ROAD,
        linked: LinkedLines | None = None,
        *,
        from_above: bool = False,
        conflicts: bool = True,
    ) -> None:
        self.lines = tuple(lines)
        self.linked = linked or LinkedLines()  # what links to other places are measured by
        self._flow = FlowMeter(camera, lines, start, self.linked.spans)
        self._conflicts = ConflictMeter(
            camera, ground if conflicts else None, from_above=from_above and conflicts
        )
        self._zones = ZoneMeter(camera, zones, start)
        self._road = RoadwayMeter(camera, road, start, ground, from_above=from_above)
        self._before: list[Fact] = []  # of the road on the ground before
        self._id = camera
        self._met: list[Conflict] = []  # not taken yet

    def stand_on(
        self,
        ground: Ground | None,
        zones: Sequence[Zone],
        at: UtcMicros,
        road: Road = _NO_ROAD,
    ) -> None:
        """From `at` on scenes stand on `ground`, and on it lie `zones` and `road`."""
        self._met += self._conflicts.leave()
        self._road.leave()
        self._before += [fact for fact in self._road.close(at) if _watched(fact)]
        self._road = RoadwayMeter(self._id, road, at, ground)
        self._conflicts = ConflictMeter(self._id, ground)
        self._zones = ZoneMeter(self._id, zones, at)

    def measure(self, scene: Scene) -> list[Crossing]:
        """The crossings that `scene` settles. Scenes come in order, and also when empty."""
        self._met += self._conflicts.measure(scene)
        if self._zones.zones:
            self._zones.measure(scene)
        self._road.measure(scene)
        crossings = self._flow.measure(scene)
        self.linked.measure(scene.at, scene.after_gap or scene.starved, crossings)
        return crossings

    def leave(self) -> list[Crossing]:
        """The view is lost, or the recording ends: every path ends here. What that settles."""
        self._met += self._conflicts.leave()
        self._zones.leave()
        self._road.leave()
        crossings = self._flow.leave()
        self.linked.leave(crossings)
        return crossings

    def close_minutes(self, before: UtcMicros) -> list[Fact]:
        """The facts of all minutes that ended well before `before`, once."""
        return self._all(
            self._flow.close_minutes(before),
            self._zones.close_minutes(before),
            self._road.close_minutes(before),
        )

    def close(self, at: UtcMicros) -> list[Fact]:
        """The last facts, with the minute that `at` lies in as far as it was seen."""
        return self._all(self._flow.close(at), self._zones.close(at), self._road.close(at))

    def totals(self) -> Totals:
        """Today's counters."""
        return self._flow.totals()

    def _all(
        self, counts: list[LineCount], inside: list[ZoneCount], road: list[Fact]
    ) -> list[Fact]:
        met, self._met = self._met, []
        before, self._before = self._before, []
        return [
            *counts,
            *self._flow.take_movements(),
            *self._flow.take_followed(),
            *met,
            *inside,
            *self._zones.take_uses(),
            *before,
            *road,
        ]


def _watched(fact: Fact) -> bool:
    """Whether anything was seen of the window of `fact`: the rest of it is told by who follows."""
    return not isinstance(fact, FootCrossings) or fact.coverage_s > 0.0 or bool(fact.count)
