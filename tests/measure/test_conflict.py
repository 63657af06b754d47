"""Conflicts: who nearly met, and what is no pair of road users at all."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from placewatch.core.facts import Conflict
from placewatch.core.ids import camera_id
from placewatch.core.kinds import ConflictType, Kind
from placewatch.core.time import MINUTE_US, UtcMicros
from placewatch.measure.conflict import SETTLE_S, ConflictMeter
from placewatch.measure.encounter import WITHIN_S
from placewatch.measure.replay import GroundTracks, Replay

CAMERA = camera_id("junction")
START = UtcMicros(1_800_000_000_000_000)
STEP_S = 0.1
Way = Callable[[float], tuple[float, float] | None]


def straight(
    x_m: float, y_m: float, x_m_s: float, y_m_s: float, since_s: float = 0.0, until_s: float = 9.0
) -> Way:
    """Where somebody is that goes straight on; nowhere before and after."""

    def at(t: float) -> tuple[float, float] | None:
        if not since_s - 1e-6 <= t <= until_s + 1e-6:
            return None
        return x_m + x_m_s * t, y_m + y_m_s * t

    return at


def tracks(*ways: Way, until_s: float = 20.0, kind: Kind = Kind.CAR) -> GroundTracks:
    moments = np.arange(round(until_s / STEP_S) + 1, dtype=np.float64) * STEP_S
    rows = [
        (t, who, *place, 0.0, 0.0)
        for t in moments.tolist()
        for who, way in enumerate(ways)
        if (place := way(t)) is not None
    ]
    at_s, who, x_m, y_m, heading, speed = np.array(rows).reshape(-1, 6).T
    sizes = np.tile((4.4, 1.8), (len(ways), 1))
    return GroundTracks(
        moments, at_s, who.astype(np.int64), x_m, y_m, heading, speed, [kind] * len(ways), sizes
    )


def met(found: GroundTracks) -> list[Conflict]:
    meter = ConflictMeter(CAMERA, None, from_above=True)
    told = []
    for scene in Replay(CAMERA, START).scenes(found):
        told += meter.measure(scene)
    return told + meter.leave()


def test_who_crosses_shortly_after_another_is_in_conflict() -> None:
    # The first is at the crossing of their ways at 4 s, the second 1.62 s later; the rear of the
    # one leaves the way of the other 0.31 s after its middle, and so much before the front comes.
    (found,) = met(tracks(straight(-40, 0, 10, 0), straight(0, -56.2, 0, 10)))
    assert found.type is ConflictType.CROSSING
    assert found.pet_s == 1.0
    assert found.at == START - START % (15 * MINUTE_US)
    assert abs(found.x_m) <= 1.5
    assert abs(found.y_m) <= 1.5
    assert {found.first, found.second} == {Kind.CAR}
    assert found.severity == 2


def test_who_crosses_much_later_or_follows_at_a_distance_is_not() -> None:
    assert met(tracks(straight(-40, 0, 10, 0), straight(0, -75, 0, 10))) == []
    assert met(tracks(straight(-40, 0, 10, 0), straight(-60, 0, 10, 0))) == []


def test_who_turns_points_at_everybody_beside_the_bend_and_meets_none_of_them() -> None:
    def turns(t: float) -> tuple[float, float] | None:
        """Northwards at 6 m/s, and by a bend of 10 m to the east."""
        along_m = 6.0 * t - 30.0
        if not 0.0 <= t <= 9.0:
            return None
        turned = min(max(along_m / 10.0, 0.0), math.pi / 2)
        beyond_m = max(0.0, along_m - 5.0 * math.pi)
        return 10.0 - 10.0 * math.cos(turned) + beyond_m, min(along_m, 0.0) + 10.0 * math.sin(
            turned
        )

    def comes(t: float) -> tuple[float, float] | None:
        """Towards the bend from its far side, to a stop line 7 m before it, and waits there."""
        return (0.5, max(17.0, 32.0 - 4.0 * t)) if t <= 9.0 else None

    assert met(tracks(turns, comes)) == []


def test_who_brakes_hard_before_another_is_in_conflict_although_their_ways_do_not_meet() -> None:
    def stops(braking_m_s2: float) -> Way:
        """Northwards at 10 m/s, and stands 3 m before the way of the other."""
        braked_m = 50.0 / braking_m_s2

        def at(t: float) -> tuple[float, float] | None:
            along_m, end_m = 10.0 * t - 40.0, -6.1
            begin_m = end_m - braked_m
            braked_s = max(0.0, (along_m - begin_m) / 10.0)
            braked_s = min(braked_s, 10.0 / braking_m_s2)
            gone_m = min(along_m, begin_m) + 10.0 * braked_s - 0.5 * braking_m_s2 * braked_s**2
            return (0.0, gone_m) if t <= 9.0 else None

        return at

    crosses = straight(-37, 0, 10, 0, until_s=9.0)
    (found,) = met(tracks(stops(7.0), crosses))
    assert found.type is ConflictType.CROSSING
    assert found.pet_s is None
    assert met(tracks(stops(3.5), crosses)) == [], "so one stops at a light"


def test_who_comes_up_fast_behind_another_is() -> None:
    (found,) = met(
        tracks(straight(-40, 0, 5, 0, until_s=6.0), straight(-75, 0, 10, 0, until_s=6.0))
    )
    assert found.type is ConflictType.REAR_END
    assert found.ttc_s is not None
    assert found.ttc_s <= 0.2
    assert found.delta_s_m_s == 5.0


def test_a_track_that_breaks_and_goes_on_does_not_meet_itself() -> None:
    before, after = straight(-40, 0, 10, 0, 0.0, 4.0), straight(-40, 0, 10, 0, 4.8, 9.0)
    turned = straight(-4, -3, 1, 10, 5.0, 9.0)  # found again on another course
    assert met(tracks(before, after)) == []
    assert met(tracks(before, turned)) == []


def test_who_is_seen_twice_does_not_hit_itself() -> None:
    assert met(tracks(straight(-40, 0, 10, 0), straight(-40.3, 0.4, 10, 0))) == []


def test_footprints_that_touch_are_of_usual_size_and_no_collision() -> None:
    assert met(tracks(straight(-40, 0, 10, 0), straight(0, -41, 0, 10))) == []


def test_a_path_that_leaps_is_no_movement() -> None:
    def leaps(t: float) -> tuple[float, float] | None:
        x, y = -40 + 10 * t, (0.0 if t < 4.3 else 6.0)
        return (x, y) if t <= 9.0 else None

    assert met(tracks(leaps, straight(0, -56.2, 0, 10))) == []


def test_nothing_is_kept_of_who_left_but_for_the_last_seconds() -> None:
    meter = ConflictMeter(CAMERA, None, from_above=True)
    found = tracks(
        straight(-40, 0, 10, 0), straight(0, -56.2, 0, 10), until_s=9.0 + WITHIN_S + SETTLE_S + 0.3
    )
    told = [one for scene in Replay(CAMERA, START).scenes(found) for one in meter.measure(scene)]
    assert len(told) == 1
    assert meter._here == {}
    assert meter._gone == []


def test_a_conflict_bears_no_name_and_no_fine_time_or_place() -> None:
    (found,) = met(tracks(straight(-40, 0.13, 10, 0), straight(0, -56.2, 0, 10)))
    fields = dataclasses.asdict(found)
    assert not any("track" in name or name in ("id", "frame", "media_s") for name in fields)
    assert (found.x_m * 2).is_integer()
    assert (found.y_m * 2).is_integer()


def test_what_was_before_a_gap_meets_nobody_after_it() -> None:
    meter = ConflictMeter(CAMERA, None, from_above=True)
    found = tracks(straight(-40, 0, 10, 0, 0, 4.5), straight(0, -56.2, 0, 10, 4.6, 9.0))
    told = []
    for scene in Replay(CAMERA, START).scenes(found):
        if 4.55 < scene.media_s < 4.65:
            scene = dataclasses.replace(scene, after_gap=True)
        told += meter.measure(scene)
    assert told + meter.leave() == []


def test_without_a_ground_nothing_is_measured() -> None:
    meter = ConflictMeter(CAMERA, None)
    found = tracks(straight(-40, 0, 10, 0), straight(0, -56.2, 0, 10))
    assert [
        one for scene in Replay(CAMERA, START).scenes(found) for one in meter.measure(scene)
    ] == []
