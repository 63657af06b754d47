"""Smooth paths of footprints from points that tremble."""

import math

import numpy as np
import pytest

from placewatch.core.kinds import Kind
from placewatch.core.space import PicturePoint, Point
from placewatch.measure.ground import Ground
from placewatch.measure.trajectory import SAMPLE_COLUMNS, path_of

T_S = np.arange(0, 6, 0.1)


def samples(x_m: np.ndarray, y_m: np.ndarray, t_s: np.ndarray = T_S) -> np.ndarray:
    rows = np.zeros((len(t_s), SAMPLE_COLUMNS))
    rows[:, 0], rows[:, 3], rows[:, 4] = t_s, x_m, y_m
    return rows


def test_even_braking_is_told_exactly() -> None:
    path = path_of(samples(10 * T_S - 0.5 * T_S**2, 0 * T_S), Kind.CAR)
    assert path is not None
    assert path.acceleration_m_s2 is not None
    assert path.speed_m_s == pytest.approx(10 - T_S, abs=1e-6)
    assert path.acceleration_m_s2 == pytest.approx(-1.0, abs=1e-6)
    assert path.heading_rad == pytest.approx(0.0, abs=1e-9)


def test_tremble_of_a_quarter_metre_leaves_a_tenth() -> None:
    dice = np.random.default_rng(4)
    x_m = 8 * T_S + dice.normal(0, 0.25, len(T_S))
    y_m = 3 * T_S + dice.normal(0, 0.25, len(T_S))
    path = path_of(samples(x_m, y_m), Kind.CAR)
    assert path is not None
    inner = slice(10, -10)
    off_m = np.hypot(path.x_m - 8 * T_S, path.y_m - 3 * T_S)[inner]
    assert off_m.mean() < 0.15
    assert path.speed_m_s[inner].mean() == pytest.approx(math.hypot(8, 3), abs=0.15)
    assert np.abs(path.heading_rad[inner] - math.atan2(3, 8)).max() < 0.2


def test_who_stands_keeps_the_course() -> None:
    dice = np.random.default_rng(5)
    t_s = np.arange(0, 20, 0.1)
    x_m = 8 * np.minimum(t_s, 3) + 8 * np.maximum(t_s - 16, 0) + dice.normal(0, 0.15, len(t_s))
    path = path_of(samples(x_m, dice.normal(0, 0.15, len(t_s)), t_s), Kind.CAR)
    assert path is not None
    assert np.abs(path.heading_rad).max() < 0.45
    assert np.abs(path.speed_m_s[(t_s > 5) & (t_s < 14)]).mean() < 0.3


@pytest.mark.parametrize("count", [0, 1, 4])
def test_too_few_samples_are_no_path(count: int) -> None:
    assert path_of(samples(10 * T_S, 0 * T_S)[:count], Kind.CAR) is None


def test_who_gets_nowhere_has_no_path() -> None:
    assert path_of(samples(0.2 * np.sin(T_S), 0 * T_S), Kind.PEDESTRIAN) is None


def street() -> Ground:
    """A road that leads away from a camera: 10 px are a metre at the foot of the picture."""
    pairs = [
        (PicturePoint(0, 700), Point(-20, 5)),
        (PicturePoint(1000, 700), Point(20, 5)),
        (PicturePoint(400, 300), Point(-20, 80)),
        (PicturePoint(600, 300), Point(20, 80)),
    ]
    return Ground.fit(
        np.array([(picture.x_px, picture.y_px) for picture, _ in pairs]),
        np.array([(place.x_m, place.y_m) for _, place in pairs]),
    )


def test_without_a_footprint_the_middle_lies_behind_the_edge_that_faces_the_camera() -> None:
    view = street().view
    ground = street()
    rows = samples(0 * T_S, 8 + 3 * T_S)
    for row in rows:
        picture = ground.to_picture(Point(row[3], row[4]))
        assert picture is not None
        row[1], row[2] = picture.x_px, picture.y_px
    edge, middle = path_of(rows, Kind.BICYCLE), path_of(rows, Kind.BICYCLE, view)
    assert edge is not None
    assert middle is not None
    assert middle.y_m - edge.y_m[: len(middle)] == pytest.approx(0.9, abs=0.05)
    assert middle.x_m == pytest.approx(0.0, abs=0.05)
    laid = path_of(rows, Kind.CAR, view)
    assert laid is not None
    assert laid.y_m == pytest.approx(edge.y_m[: len(laid)])


def test_what_is_so_far_that_a_pixel_is_deep_is_left_out() -> None:
    ground = street()
    rows = samples(0 * T_S, 40 + 10 * T_S)
    for row in rows:
        picture = ground.to_picture(Point(row[3], row[4]))
        assert picture is not None
        row[1], row[2] = picture.x_px, picture.y_px
    assert path_of(rows, Kind.CAR, ground.view) is None
