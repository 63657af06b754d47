"""Meters: all that is measured of one camera, scene by scene, and the facts that come of it."""

from collections.abc import Sequence

from placewatch.core.facts import Conflict, Crossing, Fact, LineCount
from placewatch.core.ids import CameraId
from placewatch.core.time import UtcMicros
from placewatch.measure.conflict import ConflictMeter
from placewatch.measure.flow import FlowMeter, Totals
from placewatch.measure.ground import Ground
from placewatch.measure.line import CountingLine
from placewatch.measure.scene import Scene


class Meters:
    """Everything that is measured of the scenes of one camera. Without `ground` what takes metres
    is left out."""

    def __init__(
        self,
        camera: CameraId,
        lines: Sequence[CountingLine],
        start: UtcMicros,
        ground: Ground | None = None,
    ) -> None:
        self._id = camera
        self.lines = tuple(lines)
        self._flow = FlowMeter(camera, lines, start)
        self._conflicts = ConflictMeter(camera, ground)
        self._met: list[Conflict] = []  # not taken yet

    def stand_on(self, ground: Ground | None) -> None:
        """From now on scenes stand on `ground`."""
        self._met += self._conflicts.leave()
        self._conflicts = ConflictMeter(self._id, ground)

    def measure(self, scene: Scene) -> list[Crossing]:
        """The crossings that `scene` settles. Scenes come in order, and also when empty."""
        self._met += self._conflicts.measure(scene)
        return self._flow.measure(scene)

    def leave(self) -> list[Crossing]:
        """The view is lost, or the recording ends: every path ends here. What that settles."""
        self._met += self._conflicts.leave()
        return self._flow.leave()

    def close_minutes(self, before: UtcMicros) -> list[Fact]:
        """The facts of all minutes that ended well before `before`, once."""
        return self._all(self._flow.close_minutes(before))

    def close(self, at: UtcMicros) -> list[Fact]:
        """The last facts, with the minute that `at` lies in as far as it was seen."""
        return self._all(self._flow.close(at))

    def totals(self) -> Totals:
        """Today's counters."""
        return self._flow.totals()

    def _all(self, counts: list[LineCount]) -> list[Fact]:
        met, self._met = self._met, []
        return [*counts, *self._flow.take_movements(), *self._flow.take_followed(), *met]
