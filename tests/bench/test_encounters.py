"""Which pairs of road users count in the bench of encounters, and which track is theirs."""

import math

import numpy as np
import pytest

from placewatch.bench.encounters import _pairs, _tracked
from placewatch.core.kinds import ConflictType, Kind
from placewatch.measure.encounter import Path


def drive(
    x_m: float, y_m: float, heading: float, speed_m_s: float, t_s: tuple[float, float]
) -> Path:
    """At a constant speed; at (x_m, y_m) at the time 0."""
    moments = np.arange(t_s[0], t_s[1], 0.1)
    return Path(
        moments,
        x_m + speed_m_s * math.cos(heading) * moments,
        y_m + speed_m_s * math.sin(heading) * moments,
        np.full_like(moments, heading),
        np.full_like(moments, speed_m_s),
        4.4,
        1.8,
        Kind.CAR,
    )


def test_a_pair_that_crosses_is_told_with_the_first_first_and_when_they_met() -> None:
    first = drive(-10.0, 0.0, 0.0, 10.0, (0.0, 3.0))
    second = drive(0.0, -43.1, math.pi / 2, 10.0, (0.0, 6.0))
    ((pair, true, (left_s, came_s)),) = _pairs({7: second, 3: first})
    assert pair == (3, 7)
    assert true.type is ConflictType.CROSSING
    assert left_s == pytest.approx(1.31)
    assert came_s == pytest.approx(4.0)


def test_who_follows_must_be_tracked_when_the_time_to_collision_is_smallest() -> None:
    ahead = drive(30.0, 0.0, 0.0, 5.0, (0.0, 2.3))
    behind = drive(0.0, 0.0, 0.0, 14.0, (0.0, 2.3))
    ((pair, true, moments),) = _pairs({1: behind, 2: ahead})
    assert pair == (2, 1)
    assert true.type is ConflictType.REAR_END
    assert moments == (true.at_s, true.at_s)


def test_of_several_tracks_the_one_counts_that_was_there_then() -> None:
    early, late = (drive(0.0, 0.0, 0.0, 10.0, t_s) for t_s in ((0.0, 2.0), (3.0, 9.0)))
    short = drive(0.0, 0.0, 0.0, 10.0, (3.5, 5.0))
    tracked = {4: [(20, early), (60, late), (15, short)]}
    assert _tracked(tracked, 4, 1.0) is early
    assert _tracked(tracked, 4, 4.0) is late
    assert _tracked(tracked, 4, 2.5) is None
    assert _tracked(tracked, 5, 1.0) is None
