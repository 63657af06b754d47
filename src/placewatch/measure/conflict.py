"""Conflict: road users who nearly met, told of a place and without a name of anybody.

How this works. The path of everybody in view is kept while it lasts and five to eight seconds
longer, since so late somebody may still come to where it was. Then it is compared with all who were
near it (see encounter.py), together with who left about then, and forgotten. What remains of a pair
is one row: where, to half a metre, in which quarter of an hour, what kinds, and how near it was.

Tracks are not road users. One that breaks and is found again would meet itself, and one that is
seen twice would hit itself; so two tracks of which one goes on where the other ended, and two that
lie over each other for long, are no pair. Nor is a path a movement where it leaps as nobody can.
And whose footprints touch did not collide: they are of usual sizes, not of true ones.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from placewatch.core.facts import Conflict
from placewatch.core.ids import CameraId, TrackId
from placewatch.core.kinds import KINDS, ConflictType
from placewatch.core.time import MINUTE_US, UtcMicros
from placewatch.measure.encounter import WITHIN_S, Encounter, Path, met
from placewatch.measure.flow import UNSEEN_AFTER_S
from placewatch.measure.ground import Ground
from placewatch.measure.scene import KIND, SEEN, Movers, Scene
from placewatch.measure.ssam import TTC_S_MAX
from placewatch.measure.stage import longer
from placewatch.measure.trajectory import EAST, OF_MOVER, SAMPLE_COLUMNS, T, path_of

Floats = npt.NDArray[np.float64]

QUARTER_US = 15 * MINUTE_US
PLACE_M = 0.5  # to which a place is rounded
PET_S_MAX = 2.0  # of those who cross each other's way: the threshold of SUMO's SSM device
DELTA_S_MIN = 2.0  # m/s: slower than this against each other nobody is in danger
SAMPLE_S = 0.08  # between two samples of a path
SETTLE_S = 3.0  # how often those who left are compared with all others, at once
LASTS_S = 120.0  # whoever stays longer is told of in parts
GOES_ON_S = 3.0  # a track may go on after so long, this far from where it must be by now:
GOES_ON_M, GOES_ON_M_S = 3.0, 2.0
OVER_SHARE = 0.5  # of the time of both: so long two lie over each other only if they are one
EVADES_M_S2 = 5.0  # who brakes harder does not just stop at a light,
FOLLOWS_M_S2 = 3.0  # nor behind somebody who stands
LEAPS_M_S2 = 9.0  # nobody brakes or turns harder
LEAPS_WITHIN_S = 1.0  # of the encounter


@dataclass(slots=True, eq=False)
class _Walk:
    """The path of one track so far."""

    rows: Floats = field(default_factory=lambda: np.empty((64, SAMPLE_COLUMNS)))
    count: int = 0
    kind: int = 0

    def add(self, sample: Sequence[float]) -> None:
        if self.count == len(self.rows):
            self.rows = longer(self.rows)
        self.rows[self.count] = sample
        self.count += 1

    @property
    def first_s(self) -> float:
        return float(self.rows[0, T])

    @property
    def last_s(self) -> float:
        return float(self.rows[self.count - 1, T])

    def since(self, media_s: float, view: Floats | None) -> Path | None:
        """Its path from `media_s` on; None where it leads nowhere."""
        first = int(np.searchsorted(self.rows[: self.count, T], media_s))
        return path_of(self.rows[first : self.count], KINDS[self.kind], view)


class ConflictMeter:
    """Finds the conflicts of one camera. Without a ground there are none to be found.

    `from_above`: scenes are a plan seen from straight above, whose points are the middle of road
    users. All memory is of those in view and of who left within the last seconds.
    """

    def __init__(
        self, camera: CameraId, ground: Ground | None, *, from_above: bool = False
    ) -> None:
        self._camera = camera
        self._view = None if ground is None or from_above else ground.view
        self._works = ground is not None or from_above
        self._here: dict[TrackId, _Walk] = {}
        self._gone: list[_Walk] = []
        self._ids: list[TrackId] | None = None
        self._last: Scene | None = None
        self._sampled_s = self._settled_s = -math.inf
        self._epoch = UtcMicros(0)  # of media second 0

    def measure(self, scene: Scene) -> list[Conflict]:
        """The conflicts that are certain with `scene`. Scenes come in order, also when empty."""
        if not self._works:
            return []
        last, self._last = self._last, scene
        told: list[Conflict] = []
        if (
            last is None
            or scene.after_gap
            or not 0.0 <= scene.media_s - last.media_s <= UNSEEN_AFTER_S
        ):
            told += self._all()
            self._epoch = UtcMicros(scene.at - round(scene.media_s * 1e6))
        if scene.media_s - self._sampled_s >= SAMPLE_S or scene.media_s < self._sampled_s:
            self._sampled_s = scene.media_s
            self._sample(scene)
        if not 0.0 <= scene.media_s - self._settled_s < SETTLE_S:
            self._settled_s = scene.media_s
            told += self._settle(
                [walk for walk in self._gone if scene.media_s - walk.last_s > WITHIN_S]
            )
        return told

    def leave(self) -> list[Conflict]:
        """The view is lost, or the recording ends: what is certain now."""
        self._last = None
        return self._all()

    def _sample(self, scene: Scene) -> None:
        movers = Movers.of(scene.movers)
        if movers.ids is not self._ids:
            self._ids = movers.ids
            here = set(movers.ids)
            for track in [track for track in self._here if track not in here]:
                self._end(self._here.pop(track))
        columns = movers.rows[:, [SEEN, KIND, *OF_MOVER]].tolist()
        for track, (seen, kind, *sample) in zip(movers.ids, columns, strict=True):
            if seen != 1.0 or math.isnan(sample[EAST - 1]):
                continue
            walk = self._here.get(track)
            if walk is None:
                walk = self._here[track] = _Walk()
            elif walk.count and scene.media_s - walk.first_s > LASTS_S:
                self._end(walk)
                last = walk.rows[walk.count - 1]
                walk = self._here[track] = _Walk()
                walk.add(last.tolist())
            walk.kind = int(kind)
            walk.add((scene.media_s, *sample))

    def _end(self, walk: _Walk) -> None:
        if walk.count:
            self._gone.append(walk)

    def _all(self) -> list[Conflict]:
        for walk in self._here.values():
            self._end(walk)
        self._here.clear()
        self._ids, self._sampled_s = None, -math.inf
        return self._settle(list(self._gone))

    def _settle(self, due: list[_Walk]) -> list[Conflict]:
        """What those who are `due` met, who are forgotten."""
        if not due:
            return []
        since_s = min(walk.first_s for walk in due) - WITHIN_S
        until_s = max(walk.last_s for walk in due) + WITHIN_S
        self._gone = [walk for walk in self._gone if walk not in due]
        paths: list[Path] = []
        wanted: list[bool] = []
        for walk in (*due, *self._gone, *self._here.values()):
            if not walk.count or walk.last_s < since_s or walk.first_s > until_s:
                continue
            path = walk.since(since_s, self._view)
            if path is not None:
                paths.append(path)
                wanted.append(walk in due)
        return [
            conflict_of(each, self._camera, self._epoch)
            for each, first, second in met(paths, wanted)
            if is_conflict(each, first, second) and is_between_two(each, first, second)
        ]


def conflict_of(met: Encounter, camera: CameraId, epoch: UtcMicros) -> Conflict:
    """Of an encounter what is told: no more than the place to half a metre and the quarter of an
    hour. `epoch` is the instant of the time 0 of its clock."""
    at = epoch + round(met.at_s * 1e6)
    return Conflict(
        at=UtcMicros(at - at % QUARTER_US),
        window_s=QUARTER_US / 1e6,
        camera=camera,
        x_m=_rounded(met.place.x_m, PLACE_M),
        y_m=_rounded(met.place.y_m, PLACE_M),
        first=met.kinds[0],
        second=met.kinds[1],
        type=met.type,
        ttc_s=_kept(met.ttc_s, 0.1),
        pet_s=_kept(met.pet_s, 0.1),
        drac_m_s2=_kept(met.drac_m_s2, 0.1),
        delta_s_m_s=_rounded(met.delta_s_m_s, 0.5),
        max_s_m_s=_rounded(met.max_s_m_s, 0.5),
        max_d_m_s2=_kept(met.max_d_m_s2, 0.5),
        max_delta_v_m_s=_rounded(met.max_delta_v_m_s, 0.5),
        severity=met.severity,
    )


def is_between_two(met: Encounter, first: Path, second: Path) -> bool:
    """Whether two road users met, and not two tracks of one, nor one that leaped."""
    return not (is_one(first, second) or _leaps(first, met.at_s) or _leaps(second, met.at_s))


def is_conflict(met: Encounter, first: Path, second: Path) -> bool:
    """Whether an encounter is told: on a collision course within 1.5 s; or, of those who cross or
    change lanes, one came within 2 s to where the other had been. Who follows at a distance and who
    creeps up in a queue, slower than 2 m/s against each other, is in no conflict.

    A collision course counts where one came, within `WITHIN_S`, to where the other had been, as
    SSAM asks of every conflict (FHWA-HRT-08-051, chapter 2), or where one braked hard, so that it
    did not come there. Who turns points at everybody beside the bend for a moment, and would have
    hit none of them; and who passes close by in the next lane is seen to come close to touching.
    """
    if met.delta_s_m_s < DELTA_S_MIN or met.pet_s == 0.0 or met.ttc_s == 0.0:
        return False
    on_course = met.ttc_s is not None and met.ttc_s <= TTC_S_MAX
    follows = met.type is ConflictType.REAR_END
    if met.pet_s is None:
        hard_m_s2 = FOLLOWS_M_S2 if follows else EVADES_M_S2
        return on_course and max(_braking(path, met.at_s) for path in (first, second)) > hard_m_s2
    return on_course or (not follows and met.pet_s <= PET_S_MAX)


def _braking(path: Path, at_s: float) -> float:
    """The hardest of it about that moment, m/s²."""
    near = np.abs(path.t_s - at_s) <= TTC_S_MAX
    return float(np.max(-path.accelerations_m_s2(), initial=0.0, where=near))


def _leaps(path: Path, at_s: float) -> bool:
    velocity = path.speed_m_s * np.exp(1j * path.heading_rad)
    near = np.abs(path.t_s - at_s) <= LEAPS_WITHIN_S
    return bool((np.abs(np.gradient(velocity, path.t_s)[near]) > LEAPS_M_S2).any())


def is_one(path: Path, other: Path) -> bool:
    """Whether two tracks are one road user: one goes on where the other ended, or they lie over
    each other for half of the time that both are there. What a path leads on before and after it
    was seen does not make two that follow each other be there at once."""
    first, second = (path, other) if _seen_s(path)[1] <= _seen_s(other)[1] else (other, path)
    ended_s, began_s = _seen_s(first)[1], _seen_s(second)[0]
    gap_s = began_s - ended_s
    if gap_s > -0.5:
        if gap_s > GOES_ON_S:
            return False
        x_m, y_m, heading, speed = (
            float(np.interp(ended_s, first.t_s, column))
            for column in (first.x_m, first.y_m, np.unwrap(first.heading_rad), first.speed_m_s)
        )
        ahead_m = speed * max(0.0, gap_s)
        off_m = math.hypot(
            np.interp(began_s, second.t_s, second.x_m) - x_m - ahead_m * math.cos(heading),
            np.interp(began_s, second.t_s, second.y_m) - y_m - ahead_m * math.sin(heading),
        )
        return off_m <= GOES_ON_M + GOES_ON_M_S * max(0.0, gap_s)
    since_s = max(began_s, _seen_s(first)[0])
    both = path.t_s[(path.t_s >= since_s) & (path.t_s <= ended_s)]
    if not len(both):
        return False
    apart_m = np.hypot(
        np.interp(both, path.t_s, path.x_m) - np.interp(both, other.t_s, other.x_m),
        np.interp(both, path.t_s, path.y_m) - np.interp(both, other.t_s, other.y_m),
    )
    over_m = 0.25 * (path.width_m + other.width_m)
    return bool((apart_m < over_m).mean() >= OVER_SHARE)


def _seen_s(path: Path) -> tuple[float, float]:
    """From when on, and until when, it was seen."""
    return float(path.t_s[0]) + path.leads_s, float(path.t_s[-1]) - path.leads_s


def _rounded(value: float, to: float) -> float:
    return round(round(value / to) * to, 6)


def _kept(value: float | None, to: float) -> float | None:
    return None if value is None else _rounded(value, to)
