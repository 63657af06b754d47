"""Encounters: how exact the times between road users are, of perfect tracks and by a camera.

How this works. SUMO's junction runs at a hundred steps a second, and of all pairs that meet the
exact times are known: who follows and closes in (TTC below 3 s), and who crosses another's way (PET
below 5 s). The same road users are then looked at ten times a second: as they are, and as boxes of
a detector that errs, through tracker, ground and smoothing. A track belongs to whom it was nearest
to most of the time. All such pairs of all runs count, of which both were tracked when they met: of
who crosses, the first when it left the spot and the second when it came there; of who follows, both
at the moment of the smallest TTC. That is asked of where they were, and not of what was measured.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from placewatch.bench import Extent, Figure
from placewatch.bench.roof import POSE, Roof
from placewatch.core.errors import PlacewatchError
from placewatch.core.ids import TrackId
from placewatch.core.kinds import KINDS, ConflictType, Kind
from placewatch.measure.encounter import Encounter, Path, encounter, left_and_came_s, met
from placewatch.measure.scene import EAST, KIND, NORTH, SEEN, Movers
from placewatch.measure.trajectory import OF_MOVER, path_of
from placewatch.simulate.poses import camera_at
from placewatch.simulate.street import Street
from placewatch.simulate.streets import street_named
from placewatch.simulate.sumo import Everybody, Piece, SumoRun

STREET = "junction"
FINE_S, COARSE_S = 0.01, 0.1
RUN_S = 240.0
TTC_S, PET_S = 3.0, 5.0
MINE_M = 3.0  # a track is of whom it is nearest to, and nearer than this

Floats = npt.NDArray[np.float64]
Pair = tuple[int, int]
Tracked = dict[int, list[tuple[int, Path]]]  # the tracks of each road user, and how often seen

_BOUNDS = {
    "accuracy.ttc.perfect": ("s", "<= 0.02"),
    "accuracy.pet.perfect": ("s", "<= 0.05"),
    "accuracy.ttc.camera": ("s", "<= 0.2"),
    "accuracy.pet.camera": ("s", "<= 0.1"),
}


@dataclass
class Errors:
    """How far off the times of pairs were, s; and of how many pairs a camera knew none, since it
    did not track both when they met, or since they met nobody as it saw it."""

    ttc_perfect: list[float] = field(default_factory=list)
    pet_perfect: list[float] = field(default_factory=list)
    ttc_camera: list[float] = field(default_factory=list)
    pet_camera: list[float] = field(default_factory=list)
    pairs: int = 0
    untracked: int = 0
    unknown: int = 0


def measure_encounters(extent: Extent) -> list[Figure]:
    """TTC of who follows and PET of who crosses, against tracks of a hundred steps a second."""
    errors = Errors()
    try:
        for seed in range(1, extent.seeds + 1):
            extent.told(f"encounters, seed {seed} of {extent.seeds}")
            run(seed, min(RUN_S, extent.hours * 3600.0), errors)
    except PlacewatchError as error:
        return [
            Figure(name, None, None, None, unit, must, "", False, str(error))
            for name, (unit, must) in _BOUNDS.items()
        ]
    of = f"{extent.seeds} runs of {min(RUN_S, extent.hours * 3600.0):g} s of the street {STREET}"
    by = (
        f"by a camera on a roof, 10 frames a second, faults as in the counts; of {errors.pairs} "
        f"pairs {errors.untracked} were not both tracked when they met, far away, covered or out "
        f"of the picture, and {errors.unknown} met nobody as it saw it"
    )
    return [
        _figure("accuracy.ttc.perfect", errors.ttc_perfect, np.mean, f"mean; {of}"),
        _figure("accuracy.pet.perfect", errors.pet_perfect, np.mean, f"mean; {of}"),
        _figure("accuracy.ttc.camera", errors.ttc_camera, np.median, f"median; {by}; {of}"),
        _figure("accuracy.pet.camera", errors.pet_camera, np.median, f"median; {by}; {of}"),
    ]


def run(seed: int, duration_s: float, errors: Errors) -> None:
    """Adds what one run shows to `errors`. Raises Misconfigured where SUMO is not there."""
    street = street_named(STREET)
    fine: dict[int, list[Floats]] = defaultdict(list)
    seen = _Seen(street, seed)
    with SumoRun(street, duration_s, seed, step_s=FINE_S) as sumo:
        for piece in sumo:
            _keep(piece, sumo.everybody, fine)
            seen.look(piece, sumo.everybody)
        everybody = sumo.everybody
    exact = {who: _path(rows, who, everybody) for who, rows in fine.items()}
    coarse = {who: _thinned(path) for who, path in exact.items()}
    tracked = seen.paths()
    for (one, two), true, (first_s, second_s) in _pairs(exact):
        perfect = encounter(coarse[one], coarse[two])
        follows = true.type is ConflictType.REAR_END
        errors.pairs += 1
        _add(true, perfect, follows, errors.ttc_perfect, errors.pet_perfect)
        first, second = _tracked(tracked, one, first_s), _tracked(tracked, two, second_s)
        if first is None or second is None:
            errors.untracked += 1
            continue
        found = encounter(first, second)
        if not _add(true, found, follows, errors.ttc_camera, errors.pet_camera):
            errors.unknown += 1


def _pairs(paths: dict[int, Path]) -> list[tuple[Pair, Encounter, tuple[float, float]]]:
    """Who closes in on whom ahead, and vehicles that cross each other's way: the first and the
    second of each pair, and when they met."""
    told = []
    numbers = list(paths)
    alone = list(paths.values())
    reach = [
        (path.t_s[0], path.t_s[-1], path.x_m.min(), path.x_m.max(), path.y_m.min(), path.y_m.max())
        for path in alone
    ]
    for at, one in enumerate(numbers):
        for other in range(at + 1, len(numbers)):
            a, b = reach[at], reach[other]
            if a[0] > b[1] + PET_S or b[0] > a[1] + PET_S:
                continue
            if a[2] > b[3] or b[2] > a[3] or a[4] > b[5] or b[4] > a[5]:
                continue
            found = met([alone[at], alone[other]])
            if not found or Kind.PEDESTRIAN in found[0][0].kinds:
                continue
            true, first, _ = found[0]
            pair = (one, numbers[other]) if first is alone[at] else (numbers[other], one)
            if true.type is ConflictType.REAR_END:
                if true.ttc_s is not None and 0.0 < true.ttc_s < TTC_S:
                    told.append((pair, true, (true.at_s, true.at_s)))
            elif true.type is ConflictType.CROSSING and true.pet_s is not None and true.pet_s > 0.0:
                moments = left_and_came_s(alone[at], alone[other])
                assert moments is not None, "a PET without its moments"
                told.append((pair, true, moments))
    return told


def _add(
    true: Encounter, found: Encounter | None, follows: bool, ttc: list[float], pet: list[float]
) -> bool:
    """Adds how far off `found` is; False where it does not know the time that is asked for."""
    of, errors = ("ttc_s", ttc) if follows else ("pet_s", pet)
    value = None if found is None else getattr(found, of)
    if value is None:
        return False
    errors.append(abs(value - getattr(true, of)))
    return True


def _keep(piece: Piece, everybody: Everybody, fine: dict[int, list[Floats]]) -> None:
    x_m, y_m = piece.middles_m(everybody.lengths_m())
    rows = np.column_stack([piece.at_s, x_m, y_m, piece.heading_rad, piece.speed_m_s])
    for who in np.unique(piece.who).tolist():
        fine[who].append(rows[piece.who == who])


def _path(rows: list[Floats], who: int, everybody: Everybody) -> Path:
    t_s, x_m, y_m, heading, speed = np.concatenate(rows).T
    length_m, width_m = everybody.sizes_m()[who]
    return Path(t_s, x_m, y_m, heading, speed, length_m, width_m, everybody.kinds[who])


def _thinned(path: Path) -> Path:
    every = round(COARSE_S / FINE_S)
    columns = (path.t_s, path.x_m, path.y_m, path.heading_rad, path.speed_m_s)
    t_s, x_m, y_m, heading, speed = (column[::every] for column in columns)
    return Path(t_s, x_m, y_m, heading, speed, path.length_m, path.width_m, path.kind)


class _Seen:
    """The tracks of a camera, and of whom each is."""

    def __init__(self, street: Street, seed: int) -> None:
        self._roof = Roof(street, camera_at(street, POSE), seed)
        self._samples: dict[TrackId, list[tuple[float, ...]]] = defaultdict(list)
        self._kinds: dict[TrackId, Kind] = {}
        self._whose: dict[TrackId, Counter[int]] = defaultdict(Counter)

    def look(self, piece: Piece, everybody: Everybody) -> None:
        coarse = np.abs(piece.moments_s / COARSE_S - np.round(piece.moments_s / COARSE_S)) < 1e-3
        moments = piece.moments_s[coarse]
        if not len(moments):
            return
        x_m, y_m = piece.middles_m(everybody.lengths_m())
        for scene in self._roof.scenes(piece, everybody, moments):
            now = np.abs(piece.at_s - scene.media_s) < FINE_S / 2
            movers = Movers.of(scene.movers)
            self._take(scene.media_s, movers, x_m[now], y_m[now], piece.who[now])

    def _take(
        self, media_s: float, movers: Movers, x_m: Floats, y_m: Floats, who: npt.NDArray[np.int64]
    ) -> None:
        for track, row in zip(movers.ids, movers.rows, strict=True):
            if row[SEEN] != 1.0 or np.isnan(row[EAST]):
                continue
            self._samples[track].append((media_s, *row[[*OF_MOVER]].tolist()))
            self._kinds[track] = KINDS[int(row[KIND])]
            if len(who):
                apart_m = np.hypot(x_m - row[EAST], y_m - row[NORTH])
                nearest = int(np.argmin(apart_m))
                if apart_m[nearest] < MINE_M:
                    self._whose[track][int(who[nearest])] += 1

    def paths(self) -> Tracked:
        """The tracks of each road user."""
        told: Tracked = defaultdict(list)
        for track, samples in self._samples.items():
            path = path_of(np.array(samples), self._kinds[track], self._roof.ground.view)
            if path is not None and self._whose[track]:
                told[self._whose[track].most_common(1)[0][0]].append((len(samples), path))
        return told


def _tracked(tracked: Tracked, who: int, at_s: float) -> Path | None:
    """The track that one had at that moment; the one that was seen most, of several. What a path
    leads on before and after it was seen is no track."""
    then = [
        (looks, path)
        for looks, path in tracked.get(who, ())
        if path.t_s[0] + path.leads_s <= at_s <= path.t_s[-1] - path.leads_s
    ]
    return max(then, key=lambda one: one[0])[1] if then else None


def _figure(name: str, errors: list[float], of: Callable[[list[float]], float], how: str) -> Figure:
    unit, must = _BOUNDS[name]
    if not errors:
        return Figure(name, None, None, None, unit, must, "", False, f"nobody met; {how}")
    value = float(of(errors))
    return Figure(
        name,
        value,
        0.0,
        float(np.max(errors)),
        unit,
        must,
        "",
        value <= float(must.removeprefix("<= ")),
        f"{how}; {len(errors)} pairs",
    )
