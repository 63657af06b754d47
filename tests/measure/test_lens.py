"""The ground under a lens that bends: straightened where it is known, found where it is not."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placewatch.core.errors import Misconfigured
from placewatch.core.ids import CameraId, TrackId
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Box, Track
from placewatch.core.space import PicturePoint, Point
from placewatch.core.time import UtcMicros
from placewatch.measure.ground import Ground, Lens, check_ground, place, vanishing_point
from placewatch.measure.stage import Stage
from placewatch.simulate import poses
from placewatch.simulate.pinhole import Pinhole
from placewatch.simulate.poses import POSES

Floats = npt.NDArray[np.float64]

SIZE_PX = WIDTH_PX, HEIGHT_PX = 1920, 1080
CENTRE_PX = (WIDTH_PX / 2, HEIGHT_PX / 2)
REACH_M = 30.0
STREET = np.array(list(itertools.product(np.linspace(-27, 27, 13), repeat=2)))


def hung(pose: str, k1: float, k2: float = 0.0) -> Pinhole:
    """A camera that hangs in that pose above a street of 60 m, with a lens of its own."""
    return poses.hung(replace(poses.POSES[pose], k1=k1, k2=k2), REACH_M)


def seen(camera: Pinhole, metres: Floats) -> Floats:
    return camera.project(np.column_stack([metres, np.zeros(len(metres))]))


def in_view(camera: Pinhole) -> Floats:
    """The places of the street that are on the picture, clear of where Brown's lens folds it."""
    view = camera.view(np.column_stack([STREET, np.zeros(len(STREET))]))
    ahead = STREET[view[:, 2] > 2.0]
    view = view[view[:, 2] > 2.0]
    fold = math.inf if camera.k1 >= 0 else 1.0 / math.sqrt(-3.0 * camera.k1)
    ahead = ahead[np.hypot(view[:, 0], view[:, 1]) < 0.8 * fold * view[:, 2]]
    pixels = seen(camera, ahead)
    return ahead[((pixels > 0) & (pixels < SIZE_PX)).all(axis=1)]


def chosen(camera: Pinhole, count: int, dice: np.random.Generator) -> Floats:
    """Places as people choose them: far from each other on the picture, mostly."""
    places = in_view(camera)
    pixels = seen(camera, places)
    picked = [int(dice.integers(len(places)))]
    apart = np.full(len(places), np.inf)
    while len(picked) < count:
        apart = np.minimum(apart, np.hypot(*(pixels - pixels[picked[-1]]).T))
        picked.append(int(dice.choice(len(places), p=apart**3 / (apart**3).sum())))
    return places[picked]


def between(points: Floats, places: Floats) -> Floats:
    """Those of `places` that lie in a triangle of `points`."""
    inside = np.zeros(len(places), bool)
    for a, b, c in itertools.combinations(points, 3):
        sides = [
            (end - start)[0] * (places - start)[:, 1] - (end - start)[1] * (places - start)[:, 0]
            for start, end in ((a, b), (b, c), (c, a))
        ]
        inside |= (np.array(sides) >= 0).all(axis=0) | (np.array(sides) <= 0).all(axis=0)
    return places[inside]


def surveys(
    camera: Pinhole, count: int, seed: int, times: int, survey_m: float = 0.0
) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Clicks 1 px wrong, the metres that were surveyed, and the true places between them."""
    dice = np.random.default_rng(seed)
    for _ in range(times):
        points = chosen(camera, count, dice)
        clicks = seen(camera, points) + dice.normal(0, 1, points.shape)
        surveyed = points + dice.normal(0, survey_m, points.shape)
        yield clicks, surveyed, between(points, in_view(camera))


def off_m(ground: Ground, camera: Pinhole, places: Floats) -> float:
    """How wrong places are on average."""
    return float(np.hypot(*(ground.metres_of(seen(camera, places)) - places).T).mean())


@settings(deadline=None)  # the first call waits for the compiler
@given(
    pose=st.sampled_from(list(POSES)),
    k1=st.floats(-0.12, 0.1),
    k2=st.floats(0.0, 0.02),
    east_m=st.floats(-20, 20),
    north_m=st.floats(-20, 20),
)
def test_a_place_is_found_again_through_a_known_lens(
    pose: str, k1: float, k2: float, east_m: float, north_m: float
) -> None:
    camera = hung(pose, k1, k2)
    lens = Lens(camera.focal_px, CENTRE_PX, k1, k2)
    corners = np.array([[-9.0, -9.0], [9.0, -9.0], [9.0, 9.0], [-9.0, 9.0], [0.0, 5.0]])
    ground = Ground.fit(seen(camera, corners), corners, lens=lens)
    here = np.array([[east_m, north_m]])
    np.testing.assert_allclose(ground.metres_of(seen(camera, here)), here, atol=1e-5)
    np.testing.assert_allclose(ground.pixels_of(here), seen(camera, here), atol=1e-4)


@pytest.mark.parametrize("k1", [0.0, -0.1])
def test_one_place_at_a_time_is_the_same_as_many(k1: float) -> None:
    camera = hung("mast", k1)
    points = in_view(camera)[::7]
    lens = Lens(camera.focal_px, CENTRE_PX, k1)
    here = np.random.default_rng(0).uniform((0, 0), SIZE_PX, (200, 2))
    for ground in (
        Ground.fit(seen(camera, points), points),
        Ground.fit(seen(camera, points), points, lens=lens),
        Ground.fit(seen(camera, points), points, size_px=SIZE_PX),
    ):
        one_by_one = [place(ground.view, x_px, y_px) for x_px, y_px in here.tolist()]
        np.testing.assert_allclose(one_by_one, ground.metres_of(here), rtol=1e-9, atol=1e-9)


def test_a_lens_that_bends_is_found_and_makes_places_far_better() -> None:
    shares = {}
    for k1 in (-0.05, -0.12):
        plain, bent = [], []
        for number, pose in enumerate(POSES):
            camera = hung(pose, k1)
            for clicks, metres, places in surveys(camera, 8, number, 12, survey_m=0.05):
                plain.append(off_m(Ground.fit(clicks, metres), camera, places))
                bent.append(off_m(Ground.fit(clicks, metres, size_px=SIZE_PX), camera, places))
        shares[k1] = np.mean(bent) / np.mean(plain)
    assert shares[-0.05] < 0.75
    assert shares[-0.12] < 0.45


def test_a_lens_that_bends_the_other_way_is_found_too() -> None:
    camera = hung("pole", 0.06)
    plain, bent = [], []
    for clicks, metres, places in surveys(camera, 8, 5, 20):
        ground = Ground.fit(clicks, metres, size_px=SIZE_PX)
        plain.append(off_m(Ground.fit(clicks, metres), camera, places))
        bent.append(off_m(ground, camera, places))
    assert ground.bend > 0.0
    assert np.mean(bent) < 0.7 * np.mean(plain)


def test_a_straight_lens_is_left_straight_and_places_as_good_as_they_are() -> None:
    plain, known, guessed, found = [], [], [], []
    for number, pose in enumerate(POSES):
        camera = hung(pose, 0.0)
        straight = Lens(camera.focal_px, CENTRE_PX, 0.0)
        for clicks, metres, places in surveys(camera, 8, number, 40):
            ground = Ground.fit(clicks, metres, size_px=SIZE_PX)
            plain.append(off_m(Ground.fit(clicks, metres), camera, places))
            known.append(off_m(Ground.fit(clicks, metres, lens=straight), camera, places))
            guessed.append(off_m(ground, camera, places))
            found.append(ground.bend != 0.0)
    assert np.mean(guessed) < np.mean(plain)  # least squares on the picture make up for the rest
    assert np.mean(guessed) < 1.04 * np.mean(known)
    assert 0.02 < np.mean(found) < 0.17  # a tenth of those that clicks make look bent


def test_the_bend_is_that_of_the_lens() -> None:
    camera = hung("mast", -0.06)
    points = in_view(camera)[::5]
    ground = Ground.fit(seen(camera, points), points, size_px=SIZE_PX)
    corner = np.array([WIDTH_PX, HEIGHT_PX]) / 2 / camera.focal_px
    straight = camera.straighten(corner)
    assert ground.bend == pytest.approx(
        float(np.hypot(*corner) / np.hypot(*straight)) - 1.0, abs=0.02
    )


@pytest.mark.parametrize("k1", [0.0, -0.05, -0.12])
def test_the_error_it_foretells_is_the_error_it_makes_whatever_the_lens(k1: float) -> None:
    """100 surveys of each lens from 5 poses, 5 cm and 1 px wrong, each place seen 1 px wrong."""
    dice = np.random.default_rng(9)
    all_made, all_foretold = [], []
    for number, pose in enumerate(POSES):
        camera = hung(pose, k1)
        made, foretold = [], []
        for clicks, metres, places in surveys(camera, 8, number, 20, survey_m=0.05):
            ground = Ground.fit(clicks, metres, survey_m=0.05, size_px=SIZE_PX)
            here = dice.choice(places, 4)
            pixels = seen(camera, here) + dice.normal(0, 1, here.shape)
            errors = [ground.error_m(PicturePoint(*pixel)) for pixel in pixels.tolist()]
            foretold += [error_m**2 for error_m in errors if error_m is not None]
            made += ((ground.metres_of(pixels) - here) ** 2).sum(axis=1).tolist()
        assert len(made) == len(foretold) == 80
        assert 1 / 1.5 < math.sqrt(np.mean(foretold) / np.mean(made)) < 1.5, pose
        all_made += made
        all_foretold += foretold
    assert 0.85 < math.sqrt(np.mean(all_foretold) / np.mean(all_made)) < 1.2


def test_the_error_of_surveying_is_told_with_the_rest() -> None:
    camera = hung("mast", 0.0)
    made, foretold = [], []
    for clicks, metres, places in surveys(camera, 8, 3, 60, survey_m=0.5):
        ground = Ground.fit(clicks, metres, survey_m=0.5)
        here = places[len(places) // 2]
        (pixel,) = seen(camera, here[None])
        made.append(((ground.metres_of(pixel[None])[0] - here) ** 2).sum())
        foretold.append((ground.error_m(PicturePoint(*pixel.tolist())) or math.inf) ** 2)
    ratio = math.sqrt(np.mean(foretold) / np.mean(made))
    assert 0.8 < ratio < 1.35  # more than 1: a click is part of the one and not of the other


@pytest.mark.parametrize("points", [4, 5, 6])
def test_too_few_points_show_no_bend(points: int) -> None:
    camera = hung("wide", -0.12)
    clicks = seen(camera, STREET[[27, 58, 66, 95, 123, 80][:points]])
    ground = Ground.fit(clicks, STREET[[27, 58, 66, 95, 123, 80][:points]], size_px=SIZE_PX)
    assert ground.bend == 0.0


def test_known_lengths_help_where_points_are_few() -> None:
    camera = hung("mast", 0.0)
    dice = np.random.default_rng(4)
    corners = np.array([[-5.0, -6.0], [4.0, -5.0], [5.0, 5.0], [-4.0, 6.0]])
    known = np.array(
        [
            [[-20.0, 5.0], [15.0, 10.0]],
            [[-15.0, -15.0], [20.0, 0.0]],
            [[0.0, -15.0], [5.0, 20.0]],
            [[10.0, 20.0], [22.0, 5.0]],
        ]
    )
    far = np.array([[-15.0, 12.0], [15.0, -10.0], [18.0, 12.0]])
    without, with_lengths = [], []
    for _ in range(60):
        clicks = seen(camera, corners) + dice.normal(0, 1, corners.shape)
        ends = seen(camera, known.reshape(-1, 2)) + dice.normal(0, 1, (8, 2))
        lengths = [
            ((a[0], a[1]), (b[0], b[1]), math.dist(*there))
            for (a, b), there in zip(ends.reshape(4, 2, 2), known, strict=True)
        ]
        without.append(off_m(Ground.fit(clicks, corners), camera, far))
        with_lengths.append(off_m(Ground.fit(clicks, corners, lengths=lengths), camera, far))
    assert np.mean(with_lengths) < 0.7 * np.mean(without)


def test_a_bent_grid_follows_its_lines_and_stays_in_the_picture() -> None:
    camera = hung("wide", -0.06)
    points = in_view(camera)[::5]
    ground = Ground.fit(seen(camera, points), points, size_px=SIZE_PX)
    assert ground.bend < 0.0
    pieces = np.array(ground.grid_px(*SIZE_PX))
    assert (pieces > -1e-6).all()
    assert (pieces < np.array(SIZE_PX) + 1e-6).all()
    inner = ((pieces > 1.0) & (pieces < np.array(SIZE_PX) - 1.0)).all(axis=(1, 2))
    assert inner.sum() > 100
    ends = ground.metres_of(pieces[inner].reshape(-1, 2)).reshape(-1, 2, 2)
    fixed = np.abs(ends / 5 - np.round(ends / 5)).max(axis=1).min(axis=1)
    assert np.nanmax(fixed) < 1e-3
    # In the middle of a piece the line on the ground is where the piece is, but for a few pixels.
    halves = ground.metres_of(pieces[inner].mean(axis=1))
    lines = np.where(np.abs(ends[:, 0] - ends[:, 1]) < 1e-2, np.round(ends[:, 0] / 5) * 5, halves)
    off_px = np.hypot(*(ground.pixels_of(lines) - pieces[inner].mean(axis=1)).T)
    assert np.nanmax(off_px) < 3.0


def test_a_check_tells_the_bend_and_a_mistaken_point() -> None:
    camera = hung("pole", -0.1)
    places = chosen(camera, 9, np.random.default_rng(2))
    points = [
        (PicturePoint(*pixel), Point(*metre))
        for pixel, metre in zip(seen(camera, places).tolist(), places.tolist(), strict=True)
    ]
    good = check_ground(points, *SIZE_PX)
    assert good.usable
    assert good.bend < -0.05
    assert good.error_m_rms is not None
    assert good.error_m_rms < 0.3

    points[3] = (points[3][0], Point(points[3][1].x_m + 15.0, points[3][1].y_m - 10.0))
    bad = check_ground(points, *SIZE_PX)
    assert not bad.usable
    assert bad.why is not None
    assert "point 4" in bad.why


def test_a_speed_through_a_bent_lens_is_the_speed() -> None:
    camera = hung("mast", -0.12)
    points = in_view(camera)[::6]
    told = {}
    for name, size_px in (("plain", None), ("bent", SIZE_PX)):
        stage = Stage(Ground.fit(seen(camera, points), points, size_px=size_px), CameraId("t"))
        off = []
        for frame in range(75):
            media_s = frame / 25
            (pixel,) = seen(camera, np.array([[-20.0 + 14.0 * media_s, 4.0]]))
            x_px, y_px = pixel.tolist()
            box = Box(x_px - 20, y_px - 30, x_px + 20, y_px)
            track = Track(TrackId("a"), Kind.CAR, box, (0.0, 0.0), 1.0, True, True)
            at = UtcMicros(frame * 40_000)
            (mover,) = stage.place([track], at, media_s, frame, frame == 0).movers
            if mover.speed_m_s is not None:
                off.append(abs(mover.speed_m_s - 14.0))
        assert len(off) > 60
        told[name] = max(off)
    assert told["bent"] < 0.15
    assert told["plain"] > 3 * told["bent"]


def vanishing(camera: Pinhole, course_rad: float) -> Floats:
    """Where lines on that course meet."""
    seen_as = camera.turn @ (math.cos(course_rad), math.sin(course_rad), 0.0)
    flat: Floats = seen_as[:2] / seen_as[2] * camera.focal_px
    return flat + np.array(SIZE_PX) / 2


def kerbs(camera: Pinhole, course_rad: float, noise: Floats) -> list[tuple[Floats, Floats]]:
    """Three lines, 20 m long and 4 m apart, on that course, as two places each on the picture."""
    along = np.array([math.cos(course_rad), math.sin(course_rad)])
    aside = np.array([-along[1], along[0]])
    ends = [along * a + aside * b for b in (-4.0, 0.0, 4.0) for a in (-10.0, 10.0)]
    pixels = (seen(camera, np.array(ends)) + noise).reshape(3, 2, 2)
    return [(a, b) for a, b in pixels]


@pytest.mark.parametrize("pose", list(POSES))
def test_lines_meet_where_they_vanish_as_far_as_is_told(pose: str) -> None:
    camera = hung(pose, 0.0)
    course_rad = math.radians(camera.yaw_deg) + 0.3
    exact = vanishing(camera, course_rad)
    at = vanishing_point(pairs(kerbs(camera, course_rad, np.zeros((6, 2))))).at
    assert math.dist((at.x_px, at.y_px), exact) < 1e-6

    dice = np.random.default_rng(6)
    made, foretold = [], []
    for _ in range(100):
        found = vanishing_point(pairs(kerbs(camera, course_rad, dice.normal(0, 1, (6, 2)))))
        made.append(math.dist((found.at.x_px, found.at.y_px), exact) ** 2)
        foretold.append(found.error_px**2)
    assert 0.75 < math.sqrt(np.mean(foretold) / np.mean(made)) < 1.33


def pairs(
    lines: list[tuple[Floats, Floats]],
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    return [((a[0], a[1]), (b[0], b[1])) for a, b in lines]


def test_lines_meet_on_the_straightened_picture_of_a_known_lens() -> None:
    camera = hung("mast", -0.1)
    lens = Lens(camera.focal_px, CENTRE_PX, -0.1)
    course_rad = math.radians(camera.yaw_deg) + 0.3
    found = vanishing_point(pairs(kerbs(camera, course_rad, np.zeros((6, 2)))), lens=lens)
    exact = vanishing(camera, course_rad)
    assert math.dist((found.at.x_px, found.at.y_px), exact) < 1e-3


def test_a_line_that_ends_where_a_lens_shows_nothing_is_refused() -> None:
    lens = Lens(300.0, CENTRE_PX, -0.3)
    lines = [((900.0, 500.0), (950.0, 600.0)), ((900.0, 700.0), (1900.0, 1000.0))]
    with pytest.raises(Misconfigured, match="nothing where line 2 ends"):
        vanishing_point(lines, lens=lens)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([((0.0, 0.0), (5.0, 5.0))], "two lines"),
        ([((0.0, 0.0), (5.0, 5.0)), ((3.0, 3.0), (3.0, 3.0))], "two lines"),
        ([((0.0, 0.0), (100.0, 0.0)), ((0.0, 50.0), (100.0, 50.0))], "too parallel"),
        ([((0.0, 0.0), (100.0, 0.0)), ((0.0, 50.0), (100.0, 49.0))], "too parallel"),
    ],
)
def test_lines_that_meet_nowhere_are_refused(
    lines: list[tuple[tuple[float, float], tuple[float, float]]], says: str
) -> None:
    with pytest.raises(Misconfigured, match=says):
        vanishing_point(lines)


@pytest.mark.parametrize(
    ("lens", "says"),
    [
        (Lens(0.0, CENTRE_PX, -0.1), "the lens is none"),
        (Lens(900.0, CENTRE_PX, math.nan), "the lens is none"),
        (Lens(300.0, CENTRE_PX, -0.3), "shows nothing where ground point"),
    ],
)
def test_a_lens_that_cannot_be_is_refused(lens: Lens, says: str) -> None:
    camera = hung("mast", 0.0)
    with pytest.raises(Misconfigured, match=says):
        Ground.fit(seen(camera, STREET[::20]), STREET[::20], lens=lens)


@pytest.mark.parametrize(
    ("length", "says"),
    [
        (((900.0, 600.0), (1000.0, 600.0), 0.0), "length 1 is no length"),
        (((900.0, 600.0), (1000.0, 600.0), math.inf), "length 1 is no length"),
        (((900.0, math.nan), (1000.0, 600.0), 3.0), "length 1 is no length"),
        (((900.0, 600.0), (900.0, 600.0), 3.0), "at the same place"),
        (((900.0, 600.0), (900.0, -900.0), 3.0), "length 1 does not lie on the ground"),
    ],
)
def test_a_length_that_cannot_be_is_refused(
    length: tuple[tuple[float, float], tuple[float, float], float], says: str
) -> None:
    camera = hung("mast", 0.0)
    with pytest.raises(Misconfigured, match=says):
        Ground.fit(seen(camera, STREET[::20]), STREET[::20], lengths=[length])


def test_a_picture_without_size_and_a_survey_without_error_are_refused() -> None:
    camera = hung("mast", 0.0)
    pixels = seen(camera, STREET[::20])
    with pytest.raises(Misconfigured, match="0 by 1080 pixels"):
        Ground.fit(pixels, STREET[::20], size_px=(0, 1080))
    with pytest.raises(Misconfigured, match="error of surveying"):
        Ground.fit(pixels, STREET[::20], survey_m=-1.0)
