"""The bench of speeds: its form, and that a speed that is wrong is not passed."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from placewatch.bench import BENCHES, speeds
from placewatch.bench.page import accuracy_page
from placewatch.bench.record import record
from placewatch.bench.speeds import Drive, Errors, chosen, drive, in_view
from placewatch.core.space import PicturePoint, Point
from placewatch.measure.ground import Ground
from placewatch.simulate.poses import POSES, hung


def test_a_few_drives_are_measured_and_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speeds, "POSES", {"mast": POSES["mast"]})
    monkeypatch.setattr(speeds, "LENSES", (0.0,))
    monkeypatch.setattr(speeds, "SURVEYS", 1)
    mark, car = Errors(), Errors()
    drive(1, mark, car)
    assert mark.drives == car.drives > 5
    assert len(mark.off_kmh) == mark.drives
    assert np.abs(mark.off_kmh).max() < 5.0
    assert np.abs(car.off_kmh).mean() < 5.0
    figures = [*speeds._figures("mark", mark, "", True), *speeds._figures("car", car, "", False)]
    page = accuracy_page(record(figures))
    assert "speed at a line, the box of a car: 99 of 100 are off by less than" in page
    assert "accuracy.speeds" in BENCHES


def test_a_wrong_speed_is_not_passed() -> None:
    errors = Errors([3.1] * 100, [0.5] * 100, 100)
    assert not any(figure.passed for figure in speeds._figures("mark", errors, "", True))
    assert not any(figure.passed for figure in speeds._figures("mark", Errors(), "", True))


def test_the_error_of_a_speed_is_foretold() -> None:
    """Of 200 surveys, for one drive each: what the ground and a pixel's trembling do to it."""
    camera = hung(POSES["mast"], speeds.REACH_M)
    places, dice = in_view(camera), np.random.default_rng(4)
    way = Drive(Point(2.0, 3.0), 0.4, 14.0)
    moments_s = speeds.BEFORE_S + np.arange(-10, 11) / 25.0
    true_px = speeds.seen(camera, way.at(moments_s))
    made, foretold = [], []
    for _ in range(200):
        points = chosen(camera, places, dice)
        clicks = speeds.seen(camera, points) + dice.normal(0, 1, points.shape)
        ground = Ground.fit(clicks, points, size_px=(1920, 1080))
        east, north = ground.metres_of(true_px + dice.normal(0, 1, true_px.shape)).T
        slopes = (np.polyfit(moments_s, column, 1)[0] for column in (east, north))
        made.append((math.hypot(*slopes) - 14.0) ** 2)
        ends = (PicturePoint(*true_px[0]), PicturePoint(*true_px[-1]))
        error_m_s = ground.speed_error_m_s(*ends, 0.8, 21)
        assert error_m_s is not None
        foretold.append(error_m_s**2)
    assert 1 / 1.3 < math.sqrt(np.mean(foretold) / np.mean(made)) < 1.3


def test_a_speed_that_nothing_can_be_foretold_of() -> None:
    ground = Ground.fit(
        [(0.0, 400.0), (1000.0, 400.0), (0.0, 1000.0), (1000.0, 1000.0)],
        [(-10.0, 20.0), (10.0, 20.0), (-5.0, 5.0), (5.0, 5.0)],
    )
    here, there = PicturePoint(500.0, 600.0), PicturePoint(500.0, 700.0)
    assert ground.speed_error_m_s(here, there, 0.8, 20) is not None
    for wrong in ((here, here, 0.8, 20), (here, there, 0.0, 20), (here, there, 0.8, 1)):
        assert ground.speed_error_m_s(*wrong) is None
    sky = PicturePoint(500.0, -5000.0)
    assert ground.speed_error_m_s(here, sky, 0.8, 20) is None


def test_points_are_chosen_on_the_picture_and_far_from_each_other() -> None:
    for pose, k1 in itertools.product(POSES.values(), speeds.LENSES):
        camera = hung(replace(pose, k1=k1, k2=0.0), speeds.REACH_M)
        places = in_view(camera)
        pixels = speeds.seen(camera, chosen(camera, places, np.random.default_rng(1)))
        assert ((pixels > 0) & (pixels < (1920, 1080))).all()
        assert len(np.unique(pixels, axis=0)) == speeds.POINTS
