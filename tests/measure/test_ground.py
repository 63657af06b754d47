"""The ground under a camera: to metres and back, and how wrong that can be."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from placewatch.core.errors import Misconfigured
from placewatch.core.space import Origin, PicturePoint, Point
from placewatch.measure.ground import Ground, check_ground

Floats = npt.NDArray[np.float64]

WIDTH_PX, HEIGHT_PX, FOCAL_PX = 1280, 720, 900.0
STREET = np.array([[-6.0, 14.0], [6.0, 15.0], [7.0, 45.0], [-7.0, 42.0], [0.5, 27.0], [3.0, 20.0]])


def look(metres: Floats, height_m: float = 8.0, tilt_deg: float = 18.0) -> Floats:
    """Where a pinhole camera at `height_m`, looking north and down, sees points of the ground."""
    tilt = math.radians(tilt_deg)
    east, north = metres.T
    ahead = north * math.cos(tilt) + height_m * math.sin(tilt)
    down = height_m * math.cos(tilt) - north * math.sin(tilt)
    return np.column_stack(
        [WIDTH_PX / 2 + FOCAL_PX * east / ahead, HEIGHT_PX / 2 + FOCAL_PX * down / ahead]
    )


cameras = st.tuples(st.floats(3, 30), st.floats(5, 60))


@given(camera=cameras, east_m=st.floats(-20, 20), north_m=st.floats(5, 80))
def test_a_place_on_the_ground_is_found_again_from_its_picture(
    camera: tuple[float, float], east_m: float, north_m: float
) -> None:
    ground = Ground.fit(look(STREET, *camera), STREET)
    seen = ground.to_picture(Point(east_m, north_m))
    assert seen is not None
    exact = look(np.array([[east_m, north_m]]), *camera)[0]
    assert (seen.x_px, seen.y_px) == pytest.approx(tuple(exact), abs=1e-4)
    back = ground.to_ground(seen)
    assert back is not None
    assert math.dist((back.x_m, back.y_m), (east_m, north_m)) < 1e-6


@given(
    angle=st.floats(-math.pi, math.pi),
    scale=st.floats(0.01, 100),
    move=st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)),
)
def test_turning_scaling_and_moving_the_map_turns_scales_and_moves_every_place(
    angle: float, scale: float, move: tuple[float, float]
) -> None:
    turn = scale * np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    pixels = look(STREET)
    plain, turned = Ground.fit(pixels, STREET), Ground.fit(pixels, STREET @ turn.T + move)
    here = np.array([[600.0, 420.0], [200.0, 500.0], [900.0, 350.0]])
    np.testing.assert_allclose(
        turned.metres_of(here), plain.metres_of(here) @ turn.T + move, atol=1e-6 * (1e3 + scale)
    )


def test_four_points_suffice_and_many_agree_exactly() -> None:
    ground = Ground.fit(look(STREET[:4]), STREET[:4])
    assert ground.residuals_px.max() < 1e-6
    np.testing.assert_allclose(ground.metres_of(look(STREET)), STREET, atol=1e-6)


@given(camera=cameras)
def test_a_straight_lens_whose_points_agree_makes_the_same_plane_with_or_without_the_size(
    camera: tuple[float, float],
) -> None:
    corners = np.vstack([STREET, [[-2.0, 35.0], [4.0, 25.0]]])
    plain = Ground.fit(look(corners, *camera), corners)
    sized = Ground.fit(look(corners, *camera), corners, size_px=(WIDTH_PX, HEIGHT_PX))
    assert sized.bend == 0.0
    here = look(STREET, *camera)
    np.testing.assert_allclose(sized.metres_of(here), plain.metres_of(here), atol=1e-7)


def test_the_sky_has_no_place_on_the_ground() -> None:
    ground = Ground.fit(look(STREET), STREET)
    horizon_px = HEIGHT_PX / 2 - FOCAL_PX * math.tan(math.radians(18.0))
    assert ground.to_ground(PicturePoint(640, horizon_px - 1)) is None
    assert ground.to_ground(PicturePoint(640, -500)) is None
    assert ground.error_m(PicturePoint(640, horizon_px - 1)) is None
    assert ground.to_ground(PicturePoint(640, horizon_px + 60)) is not None


def test_what_lies_behind_the_camera_is_not_on_the_picture() -> None:
    assert Ground.fit(look(STREET), STREET).to_picture(Point(0.0, -40.0)) is None


@pytest.mark.parametrize(
    ("metres", "says"),
    [
        ([[0, 0], [1, 0], [0, 1]], "too few"),
        ([[0, 0], [5, 0], [10, 0], [0, 10]], "points 1, 2 and 3 lie in line on the ground"),
        ([[0, 0], [5, 0], [5, 0], [0, 10]], "2 and 3 are at the same place on the ground"),
        ([[0, 0], [1, 0], [2, 0], [3, 0], [0, 9]], "almost all ground points lie in line"),
        ([[0, 0], [math.nan, 0], [2, 0], [3, 0], [0, 9]], "no number"),
    ],
)
def test_points_that_determine_no_plane_are_refused_with_the_reason(
    metres: list[list[float]], says: str
) -> None:
    pixels = look(STREET[: len(metres)])
    with pytest.raises(Misconfigured, match=says):
        Ground.fit(pixels, metres)


def test_swapped_points_are_refused() -> None:
    with pytest.raises(Misconfigured, match="horizon"):
        Ground.fit(look(STREET[:4]), STREET[[0, 1, 3, 2]])


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1))
def test_four_points_leave_their_error_unknown_and_five_tell_it(seed: int) -> None:
    dice = np.random.default_rng(seed)
    pixels = look(STREET) + dice.normal(0, 1, (6, 2))
    assert Ground.fit(pixels[:4], STREET[:4]).error_m_rms is None
    error_m = Ground.fit(pixels, STREET).error_m_rms
    assert error_m is not None
    assert 0.001 < error_m < math.inf  # far where the others, by chance, say little of one


def test_points_that_are_placed_1_px_wrong_are_known_within_metres() -> None:
    dice = np.random.default_rng(1)
    errors_m = [
        Ground.fit(look(STREET) + dice.normal(0, 1, (6, 2)), STREET).error_m_rms or math.inf
        for _ in range(200)
    ]
    assert sorted(errors_m)[190] < 20


def test_the_error_it_foretells_is_the_error_it_makes() -> None:
    """Points placed 1 px wrong, 300 times: the foretold error matches within a fifth."""
    dice = np.random.default_rng(7)
    places = np.array([[0.0, 18.0], [2.0, 30.0], [-4.0, 40.0]])
    made, foretold = [], []
    for _ in range(300):
        ground = Ground.fit(look(STREET) + dice.normal(0, 1, (6, 2)), STREET)
        seen = look(places) + dice.normal(0, 1, (3, 2))
        made.append(((ground.metres_of(seen) - places) ** 2).sum(axis=1))
        errors = [ground.error_m(PicturePoint(*pixel)) for pixel in seen.tolist()]
        foretold.append([error**2 for error in errors if error is not None])
    ratio = np.sqrt(np.mean(foretold, axis=0) / np.mean(made, axis=0))
    assert ((ratio > 0.8) & (ratio < 1.25)).all(), ratio


def test_a_mistaken_point_is_named() -> None:
    points = [
        (PicturePoint(*pixel), Point(*metre))
        for pixel, metre in zip(look(STREET).tolist(), STREET.tolist(), strict=True)
    ]
    good = check_ground(points, WIDTH_PX, HEIGHT_PX)
    assert good.usable
    assert good.why is None
    assert good.error_m_rms is not None
    assert good.error_m_rms < 1e-6

    points[2] = (points[2][0], Point(20.0, 30.0))
    bad = check_ground(points, WIDTH_PX, HEIGHT_PX)
    assert not bad.usable
    assert bad.why is not None
    assert "point 3" in bad.why


def test_a_check_of_too_few_points_says_so_and_draws_nothing() -> None:
    check = check_ground([(PicturePoint(1, 2), Point(3, 4))], WIDTH_PX, HEIGHT_PX)
    assert not check.usable
    assert check.points == (None,)
    assert check.grid_px == []


@given(camera=cameras)
def test_the_grid_stays_in_the_picture_and_lies_on_whole_steps(camera: tuple[float, float]) -> None:
    ground = Ground.fit(look(STREET, *camera), STREET)
    lines = ground.grid_px(WIDTH_PX, HEIGHT_PX)
    assume(lines)
    ends = np.array(lines).reshape(-1, 2)
    assert (ends > -1e-6).all()
    assert (ends < [WIDTH_PX + 1e-6, HEIGHT_PX + 1e-6]).all()
    on_ground = ground.metres_of(ends).reshape(-1, 2, 2)
    fixed = np.abs(on_ground / 5 - np.round(on_ground / 5)).max(axis=1).min(axis=1)
    assert np.nanmax(fixed) < 1e-3


def test_a_grid_shows_the_street_of_the_points() -> None:
    lines = Ground.fit(look(STREET), STREET).grid_px(WIDTH_PX, HEIGHT_PX)
    assert 10 <= len(lines) <= 60


def test_points_by_latitude_and_longitude_give_the_same_ground() -> None:
    origin = Origin(59.4, 17.9)
    places = [origin.to_point(*origin.to_wgs84(Point(x_m, y_m))) for x_m, y_m in STREET.tolist()]
    ground = Ground.fit(look(STREET), [(place.x_m, place.y_m) for place in places])
    np.testing.assert_allclose(ground.metres_of(look(STREET)), STREET, atol=1e-5)


@pytest.mark.parametrize("wrong", range(8))
def test_the_table_points_at_the_one_point_that_is_wrong(wrong: int) -> None:
    places = np.vstack([STREET, [[-4.0, 33.0], [5.0, 33.0]]])
    rng = np.random.default_rng(wrong)
    pixels = look(places) + rng.normal(0.0, 1.0, places.shape)
    typed = places.copy()
    typed[wrong, 1] += 9.0  # a slip: 9 m too far north
    points = [
        (PicturePoint(*pixel), Point(*place))
        for pixel, place in zip(pixels.tolist(), typed.tolist(), strict=True)
    ]
    told = check_ground(points, WIDTH_PX, HEIGHT_PX)
    assert told.suspect == wrong
    errors_m = [one.error_m for one in told.points if one is not None]
    assert len(errors_m) == len(places)
    assert max(errors_m) == errors_m[wrong] == pytest.approx(9.0, abs=3.0)
    assert sorted(errors_m)[-2] < 0.5 * errors_m[wrong], "the others are as good as they are"


def test_no_point_is_blamed_where_all_are_as_good_as_clicks() -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        pixels = look(STREET) + rng.normal(0.0, 1.5, STREET.shape)
        points = [
            (PicturePoint(*pixel), Point(*place))
            for pixel, place in zip(pixels.tolist(), STREET.tolist(), strict=True)
        ]
        assert check_ground(points, WIDTH_PX, HEIGHT_PX).suspect is None
