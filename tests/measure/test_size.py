"""Size: what somebody is shows in metres and speed, whichever way they go."""

import math

import numpy as np
import pytest

from placewatch.core.ids import CameraId, TrackId
from placewatch.core.kinds import KINDS, NUMBER_OF, Kind
from placewatch.core.sightings import Box, Track
from placewatch.core.space import Point
from placewatch.core.time import UtcMicros
from placewatch.measure.ground import Ground
from placewatch.measure.size import VOTES_COLUMNS, agreed
from placewatch.measure.stage import Stage
from placewatch.simulate.pinhole import Pinhole

CAMERA = Pinhole(0.0, 0.0, 7.0, 90.0, 20.0, 0.9, 960, 540)
SIZES_M = {  # width, length, height
    Kind.PEDESTRIAN: (0.6, 0.4, 1.75),
    Kind.BICYCLE: (0.65, 1.8, 1.7),
    Kind.CAR: (1.8, 4.4, 1.5),
    Kind.TRUCK: (2.5, 8.0, 3.2),
    Kind.BUS: (2.5, 12.0, 3.1),
}
SPEEDS_M_S = {
    Kind.PEDESTRIAN: 1.4,
    Kind.BICYCLE: 5.0,
    Kind.CAR: 11.0,
    Kind.TRUCK: 9.0,
    Kind.BUS: 9.0,
}


def ground() -> Ground:
    corners = [(-8.0, 14.0), (8.0, 14.0), (-9.0, 30.0), (9.0, 32.0), (0.0, 22.0)]
    seen = [CAMERA.to_picture(Point(*corner)) for corner in corners]
    return Ground.fit(np.array([(p.x_px, p.y_px) for p in seen]), np.array(corners))


def seen(x_m: float, y_m: float, course_rad: float, kind: Kind) -> Box:
    """The box of a block of the kind's size whose middle is at (x_m, y_m)."""
    width_m, length_m, height_m = SIZES_M[kind]
    ahead = np.array([math.cos(course_rad), math.sin(course_rad)])
    aside = np.array([-ahead[1], ahead[0]])
    corners = [
        (*(np.array([x_m, y_m]) + a * length_m / 2 * ahead + b * width_m / 2 * aside), z)
        for a in (-1, 1)
        for b in (-1, 1)
        for z in (0.0, height_m)
    ]
    pixels = CAMERA.project(np.array(corners))
    left, top = pixels.min(axis=0)
    right, bottom = pixels.max(axis=0)
    return Box(float(left), float(top), float(right), float(bottom))


def sorted_as(kind: Kind, course_deg: float, speed_m_s: float) -> Kind:
    """What a block of the kind's size is sorted as after two seconds on that course."""
    stage = Stage(ground(), CameraId("t"), sorts=True)
    course = math.radians(course_deg)
    told = Kind.UNKNOWN
    for step in range(25):
        along_m = speed_m_s * (step - 12) / 12.5
        box = seen(along_m * math.cos(course), 22 + along_m * math.sin(course), course, kind)
        ahead = seen(
            (along_m + speed_m_s * 0.01) * math.cos(course),
            22 + (along_m + speed_m_s * 0.01) * math.sin(course),
            course,
            kind,
        ).bottom_centre
        here = box.bottom_centre
        velocity = (ahead.x_px - here.x_px) * 100, (ahead.y_px - here.y_px) * 100
        track = Track(TrackId("a"), Kind.UNKNOWN, box, velocity, step / 12.5, True, True)
        at = UtcMicros(step * 80_000)
        (mover,) = stage.place([track], at, step / 12.5, step, after_gap=step == 0).movers
        told = mover.kind
    return told


@pytest.mark.parametrize("course_deg", [0, 90, 180, 270, 20, 115])
@pytest.mark.parametrize("kind", list(SIZES_M))
def test_each_sort_is_told_by_its_size_whichever_way_it_goes(kind: Kind, course_deg: int) -> None:
    told = sorted_as(kind, course_deg, SPEEDS_M_S[kind])
    if kind in (Kind.TRUCK, Kind.BUS) and course_deg % 180 != 0:
        # Coming towards the camera both show their width, which is the same.
        assert told in (Kind.TRUCK, Kind.BUS)
    else:
        assert told == kind


def test_who_stands_is_not_sorted() -> None:
    assert sorted_as(Kind.CAR, 0.0, 0.0) == Kind.UNKNOWN


def test_a_fast_slim_rider_has_a_motor() -> None:
    assert sorted_as(Kind.BICYCLE, 90, 14.0) == Kind.MOTORCYCLE


@pytest.mark.parametrize(
    ("recognised", "sized", "kind"),
    [
        (Kind.PEDESTRIAN, Kind.BICYCLE, Kind.BICYCLE),  # nobody walks so fast
        (Kind.BICYCLE, Kind.MOTORCYCLE, Kind.MOTORCYCLE),
        (Kind.BICYCLE, Kind.PEDESTRIAN, Kind.BICYCLE),  # a slow one
        (Kind.VAN, Kind.CAR, Kind.VAN),
        (Kind.CAR, Kind.BUS, Kind.CAR),
        (Kind.UNKNOWN, Kind.TRUCK, Kind.TRUCK),
        (Kind.CAR, None, Kind.CAR),
    ],
)
def test_a_look_tells_more_than_a_size_but_not_how_fast_somebody_is(
    recognised: Kind, sized: Kind | None, kind: Kind
) -> None:
    assert KINDS[agreed(NUMBER_OF[recognised], votes_for(sized, 2.0))] is kind


def test_whoever_was_recognised_as_a_person_and_drives_by_is_a_car() -> None:
    person = NUMBER_OF[Kind.PEDESTRIAN]
    assert KINDS[agreed(person, votes_for(Kind.CAR, 9.0))] is Kind.CAR
    assert KINDS[agreed(person, votes_for(Kind.CAR, 3.0))] is Kind.PEDESTRIAN  # a group that runs
    assert KINDS[agreed(person, votes_for(Kind.PEDESTRIAN, 9.0))] is Kind.PEDESTRIAN


def test_one_speed_that_is_read_too_high_makes_nobody_ride() -> None:
    person = NUMBER_OF[Kind.PEDESTRIAN]
    assert KINDS[agreed(person, votes_for(Kind.BICYCLE, 4.0, rode=0.1))] is Kind.PEDESTRIAN


def votes_for(kind: Kind | None, fast_m_s: float, rode: float = 1.0) -> np.ndarray:
    votes = np.zeros(VOTES_COLUMNS)
    if kind is not None:
        votes[NUMBER_OF[kind]] = votes[len(KINDS)] = 10.0
    votes[len(KINDS) + 1 :] = fast_m_s, 10.0 * rode
    return votes
