"""Light and weather: what they do to a picture, and what they leave alone."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from placewatch.core.errors import Misconfigured
from placewatch.core.kinds import Kind
from placewatch.simulate.conditions import Conditions, conditions_of
from placewatch.simulate.outdoors import Outdoors
from placewatch.simulate.pinhole import Pinhole
from placewatch.simulate.poses import POSES, camera_at
from placewatch.simulate.roads import view_of
from placewatch.simulate.scenery import Surface, View, box_corners, paint
from placewatch.simulate.sensor import sensor_of
from placewatch.simulate.streets import street_named
from placewatch.simulate.sumo import build_network
from placewatch.simulate.traffic import RoadUser

Floats = npt.NDArray[np.float64]

CAMERA = Pinhole(0.0, -25.0, 9.0, 90.0, 20.0, 0.6, 320, 180)  # looks north
SUN = (0.7, 0.0, 0.7)  # in the east
ROAD = View(
    (Surface("asphalt", box_corners(-60, -20, 60, 60)),), (), base="asphalt", hills=0.0, sun=SUN
)
DAY, DUSK, NIGHT = Conditions("day"), Conditions("dusk"), Conditions("night")


class Standing:
    """A cast that never changes."""

    def __init__(self, *users: RoadUser) -> None:
        self.users = list(users)

    def at(self, media_s: float) -> list[RoadUser]:
        return self.users

    def colour(self, zone: str, party: str, media_s: float) -> str:
        return "red"


def car(
    heading_deg: float = 90.0, speed_m_s: float = 0.0, braking: bool = False, look: int = 0
) -> RoadUser:
    return RoadUser(
        Kind.CAR, 0.0, 0.0, float(np.radians(heading_deg)), speed_m_s, braking, 0.0, look
    )


def drawn(conditions: Conditions, *users: RoadUser, number: int = 0) -> Floats:
    artist = Outdoors(ROAD, CAMERA, conditions, fps=10.0)
    return artist.draw(Standing(*users), number / 10).astype(float)


def grey_at(picture: Floats, x_m: float, y_m: float) -> float:
    """The grey of the ground there, over a few pixels."""
    x, y = np.rint(CAMERA.project(np.array([[x_m, y_m, 0.0]]))[0]).astype(int)
    return float(picture[y - 1 : y + 2, x - 1 : x + 2].mean())


def test_the_sun_casts_a_shadow_away_from_itself_and_clouds_take_it() -> None:
    empty, full = drawn(DAY), drawn(DAY, car())
    assert grey_at(full, -1.7, 0.0) < 0.8 * grey_at(empty, -1.7, 0.0)
    assert grey_at(full, 2.2, 0.0) == pytest.approx(grey_at(empty, 2.2, 0.0), abs=3)
    clouded = Conditions("day", "overcast")
    empty, full = drawn(clouded), drawn(clouded, car())
    assert grey_at(full, -1.7, 0.0) == pytest.approx(grey_at(empty, -1.7, 0.0), abs=3)


def test_two_shadows_are_no_darker_than_one() -> None:
    other = replace(car(), x_m=0.4)
    one, two = drawn(DAY, car()), drawn(DAY, car(), other)
    assert grey_at(two, -1.7, 0.0) > grey_at(one, -1.7, 0.0) - 8


def test_it_is_darker_from_light_to_light_and_noisier() -> None:
    means = [drawn(Conditions(light)).mean() for light in ("day", "dusk", "night")]
    assert means[0] > 1.5 * means[1] > 2.0 * means[2]
    grey = np.full((180, 320, 3), 90, np.uint8)
    noises = [sensor_of(CAMERA, one, 10.0, 1).rgb(grey, 0).std() for one in (DAY, DUSK, NIGHT)]
    assert noises[0] < noises[1] < noises[2]
    assert noises[2] > 4.0


def test_headlights_light_the_road_before_a_car_and_not_behind_it() -> None:
    """The car drives to the left of the picture."""
    empty, full = drawn(NIGHT), drawn(NIGHT, car(heading_deg=180.0))
    assert grey_at(full, -8.0, 0.0) > 2.0 * grey_at(empty, -8.0, 0.0)
    assert grey_at(full, 8.0, 0.0) < 1.3 * grey_at(empty, 8.0, 0.0) + 3


@pytest.mark.parametrize("light", ["day", "dusk", "night"])
@pytest.mark.parametrize("weather", ["clear", "overcast", "rain"])
def test_a_train_stands_there_in_all_lights_and_weathers(light: str, weather: str) -> None:
    artist = Outdoors(ROAD, CAMERA, conditions_of(light, weather), fps=10.0)
    empty, train = (artist.draw(Standing(), 0.0, at).astype(float) for at in ((), [(0.0, 8.0)]))
    ends = np.rint(CAMERA.project(np.array([[-7.0, 6.6, 2.0], [7.0, 6.6, 0.2]]))).astype(int)
    (left, top), (right, bottom) = ends
    changed = np.abs(train - empty).max(axis=2)[top:bottom, left:right]
    assert (changed > 3).mean() > 0.8
    assert (changed > 25).mean() > 0.1


def test_who_stands_before_a_train_is_not_hidden_by_it() -> None:
    artist = Outdoors(ROAD, CAMERA, Conditions("day", "overcast"), fps=10.0)
    person = RoadUser(Kind.PEDESTRIAN, 0.0, 5.5, -1.57, 0.0, False, 0.0, 3)
    x, y = np.rint(CAMERA.project(np.array([[0.0, 5.5, 1.2]]))[0]).astype(int)
    alone, with_train, train = (
        artist.draw(Standing(*users), 0.0, at)[y, x].astype(float)
        for users, at in (((person,), ()), ((person,), [(0.0, 8.0)]), ((), [(0.0, 8.0)]))
    )
    assert np.abs(alone - with_train).max() < 3
    assert np.abs(alone - train).max() > 40


@pytest.mark.parametrize("conditions", [DUSK, NIGHT])
def test_the_windows_of_a_train_shine_in_the_dark(conditions: Conditions) -> None:
    train = Outdoors(ROAD, CAMERA, conditions, fps=10.0).draw(Standing(), 0.0, [(0.0, 8.0)])
    assert (train - drawn(conditions)).max() > 100


def redness_below(picture: Floats) -> float:
    """How much redder than green the road is on the near side of a car that drives away."""
    x, y = np.rint(CAMERA.project(np.array([[0.0, -4.2, 0.0]]))[0]).astype(int)
    patch = picture[y - 2 : y + 6, x - 8 : x + 9]
    return float((patch[..., 0] - patch[..., 1]).mean())


def test_a_wet_road_mirrors_tail_lamps_and_a_dry_one_does_not() -> None:
    away = car(heading_deg=90.0, braking=True)
    dry, wet = drawn(NIGHT, away), drawn(Conditions("night", "rain"), away)
    assert redness_below(wet) > redness_below(dry) + 8


def steepest(picture: Floats) -> float:
    """The strongest edge across the picture around the car."""
    x, y = np.rint(CAMERA.project(np.array([[0.0, 0.0, 0.8]]))[0]).astype(int)
    strip = picture[y - 3 : y + 4, x - 60 : x + 61].mean(axis=2)
    return float(np.abs(np.diff(strip, axis=1)).mean(axis=0).max())


def test_who_is_fast_at_night_is_smeared_and_by_day_is_not() -> None:
    def edges(conditions: Conditions) -> list[float]:
        speeds = (0.0, 30.0)
        return [steepest(drawn(conditions, car(180.0, speed, look=10))) for speed in speeds]

    still, fast = edges(NIGHT)
    assert fast < 0.8 * still
    still, fast = edges(DAY)
    assert fast == pytest.approx(still, rel=0.02)


def test_the_shutter_is_open_longer_as_light_falls_and_never_longer_than_half_a_frame() -> None:
    kinds: Sequence[Conditions] = (DAY, Conditions("day", "rain"), DUSK, NIGHT)
    open_s = [one.exposure_s(12.5) for one in kinds]
    assert open_s == sorted(open_s)
    assert open_s[0] < 0.002
    assert open_s[-1] > 0.03
    assert NIGHT.exposure_s(50.0) == 0.01


def test_rain_falls_anew_in_each_picture_veils_what_is_far_and_is_the_same_again() -> None:
    rain = Conditions("day", "rain")
    first, second = drawn(rain), drawn(rain, number=1)
    assert (first != second).any()
    assert (first == drawn(rain)).all()
    assert (drawn(DAY) == drawn(DAY, number=1)).all()
    view = replace(ROAD, surfaces=(), base="grass")
    far = [
        paint(view, CAMERA, "day").rgb,
        Outdoors(view, CAMERA, rain, 10.0).draw(Standing(), 0.0),
    ]
    colourful = [np.ptp(picture[60].astype(float), axis=1).mean() for picture in far]
    assert colourful[1] < 0.8 * colourful[0]


@pytest.mark.parametrize(
    ("light", "weather"),
    list(itertools.product(("day", "dusk", "night"), ("clear", "overcast", "rain"))),
)
def test_every_light_goes_with_every_weather(light: str, weather: str) -> None:
    picture = drawn(conditions_of(light, weather), car(), replace(car(0.0), y_m=8.0))
    assert picture.shape == (180, 320, 3)
    assert 4.0 < picture.mean() < 235.0


@pytest.mark.parametrize(("light", "weather"), [("noon", "clear"), ("day", "hail")])
def test_light_and_weather_that_there_are_not_are_told(light: str, weather: str) -> None:
    with pytest.raises(Misconfigured, match=r"noon|hail") as failure:
        conditions_of(light, weather)
    assert "or" in failure.value.hint


@pytest.mark.parametrize("name", ["junction", "zebra"])
def test_no_house_hides_the_street_from_any_camera(name: str, tmp_path: Path) -> None:
    pytest.importorskip("sumo", reason="SUMO is not installed: placewatch[simulate]")
    street = street_named(name)
    network = build_network(street, tmp_path)
    view = view_of(street, network)
    assert view.terraces
    assert view.lamps
    houses = replace(view, trees=(), lamps=(), paints=(), surfaces=())
    middle = np.array(street.middle_m)
    shown = [point for lane in network.lanes for point in lane.shape]
    near = np.array([point for point in shown if np.hypot(*(point - middle)) < 40.0])
    for pose in POSES:
        camera = camera_at(street, pose, 160, 90)
        depth_m = paint(houses, camera, "day").depth_m
        seen = camera.view(np.column_stack([near, np.zeros(len(near))]))
        seen = seen[seen[:, 2] > 2.0]
        columns, rows = np.floor(camera.flatten(seen)).astype(int).T
        inside = (columns >= 0) & (columns < 160) & (rows >= 0) & (rows < 90)
        assert inside.sum() > 10
        assert (depth_m[rows[inside], columns[inside]] > seen[inside, 2] - 1.0).all()
