"""Meters: all that is measured of one camera, scene by scene, and the facts that come of it."""

from collections.abc import Sequence

from placewatch.core.facts import Conflict, Crossing, Fact, LineCount, ZoneCount
from placewatch.core.ids import CameraId
from placewatch.core.time import UtcMicros
from placewatch.measure.conflict import ConflictMeter
from placewatch.measure.flow import FlowMeter, Totals
from placewatch.measure.ground import Ground
from placewatch.measure.line import CountingLine
from placewatch.measure.scene import Scene
from placewatch.measure.zone import Zone, ZoneMeter


class Meters:
    """Everything that is measured of the scenes of one camera, over its lines and in its `zones`.
    Without `ground` what takes metres is left out."""

    def __init__(
        self,
        camera: CameraId,
        lines: Sequence[CountingLine],
        start: UtcMicros,
        ground: Ground | None = None,
        zones: Sequence[Zone] = (),
    ) -> None:
        self.lines = tuple(lines)
        self._flow = FlowMeter(camera, lines, start)
        self._conflicts = ConflictMeter(camera, ground)
        self._zones = ZoneMeter(camera, zones, start)
        self._id = camera
        self._met: list[Conflict] = []  # not taken yet

    def stand_on(self, ground: Ground | None, zones: Sequence[Zone], at: UtcMicros) -> None:
        """From `at` on scenes stand on `ground`, and on it lie `zones`."""
        self._met += self._conflicts.leave()
        self._conflicts = ConflictMeter(self._id, ground)
        self._zones = ZoneMeter(self._id, zones, at)

    def measure(self, scene: Scene) -> list[Crossing]:
        """The crossings that `scene` settles. Scenes come in order, and also when empty."""
        self._met += self._conflicts.measure(scene)
        if self._zones.zones:
            self._zones.measure(scene)
        return self._flow.measure(scene)

    def leave(self) -> list[Crossing]:
        """The view is lost, or the recording ends: every path ends here. What that settles."""
        self._met += self._conflicts.leave()
        self._zones.leave()
        return self._flow.leave()

    def close_minutes(self, before: UtcMicros) -> list[Fact]:
        """The facts of all minutes that ended well before `before`, once."""
        return self._all(self._flow.close_minutes(before), self._zones.close_minutes(before))

    def close(self, at: UtcMicros) -> list[Fact]:
        """The last facts, with the minute that `at` lies in as far as it was seen."""
        return self._all(self._flow.close(at), self._zones.close(at))

    def totals(self) -> Totals:
        """Today's counters."""
        return self._flow.totals()

    def _all(self, counts: list[LineCount], inside: list[ZoneCount]) -> list[Fact]:
        met, self._met = self._met, []
        return [
            *counts,
            *self._flow.take_movements(),
            *self._flow.take_followed(),
            *met,
            *inside,
            *self._zones.take_uses(),
        ]
