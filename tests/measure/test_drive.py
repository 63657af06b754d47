"""The path of who drives, fitted to its boxes."""

import math

import numpy as np
import numpy.typing as npt
import pytest

from placewatch.core.kinds import NUMBER_OF, Kind
from placewatch.measure.conflict import is_one
from placewatch.measure.drive import HEIGHTS_M, LEADS_S
from placewatch.measure.encounter import Path
from placewatch.measure.ground import Ground
from placewatch.measure.trajectory import SAMPLE_COLUMNS, path_of

Floats = npt.NDArray[np.float64]

HIGH_M, FOCAL_PX, PITCH = 16.0, 1200.0, math.radians(17.0)
SIZE_PX = (1920, 1080)
AWAY_M = 50.0  # from the camera's foot to the middle of what it sees


def shown(metres: Floats) -> Floats:
    """(N, 2) px of (N, 3) metres: a camera south of the origin looks north."""
    right, ahead, up = metres[:, 0], metres[:, 1] + AWAY_M, metres[:, 2] - HIGH_M
    deep = ahead * math.cos(PITCH) - up * math.sin(PITCH)
    down = -ahead * math.sin(PITCH) - up * math.cos(PITCH)
    flat = FOCAL_PX * np.column_stack([right, down]) / deep[:, None]
    return np.asarray(flat + np.array(SIZE_PX) / 2)


def ground() -> Ground:
    places = np.array([(x, y, 0.0) for x in (-15.0, 0.0, 15.0) for y in (-15.0, 0.0, 20.0)])
    return Ground.fit(shown(places), places[:, :2], size_px=SIZE_PX)


def box(x_m: float, y_m: float, turn: float, size_m: tuple[float, float, float]) -> Floats:
    """Left, right and bottom of an upright box, px."""
    corners = np.array(
        [(a * size_m[0], b * size_m[1], c) for a in (-0.5, 0.5) for b in (-0.5, 0.5)
         for c in (0.0, size_m[2])]
    )  # fmt: skip
    cos, sin = math.cos(turn), math.sin(turn)
    placed = np.column_stack(
        [
            x_m + corners[:, 0] * cos - corners[:, 1] * sin,
            y_m + corners[:, 0] * sin + corners[:, 1] * cos,
            corners[:, 2],
        ]
    )
    px = shown(placed)
    return np.array([px[:, 0].min(), px[:, 0].max(), px[:, 1].max()])


def turn_left(t_s: Floats, speed_m_s: float = 7.0) -> Floats:
    """(N, 3) place and heading: straight on to the east, a quarter of a circle of 10 m, north."""
    way = speed_m_s * t_s - 10.0
    turn = np.clip(way / 10.0, 0.0, math.pi / 2)
    x_m = np.minimum(way, 0.0) + 10.0 * np.sin(turn)
    y_m = 10.0 * (1.0 - np.cos(turn)) + np.maximum(way - 10.0 * math.pi / 2, 0.0)
    return np.column_stack([x_m, y_m, turn])


def samples(
    t_s: Floats, poses: Floats, length_m: float = 4.4, noise_px: float = 0.0, seed: int = 3
) -> Floats:
    """What a camera knows of a car on these poses: its box, and its lower edge as its place."""
    dice, view = np.random.default_rng(seed), ground()
    rows = np.zeros((len(t_s), SAMPLE_COLUMNS))
    for row, at_s, (x_m, y_m, turn) in zip(rows, t_s, poses, strict=True):
        left, right, bottom = box(x_m, y_m, turn, (length_m, 1.8, 1.5))
        left, right, bottom = np.array([left, right, bottom]) + dice.normal(0.0, noise_px, 3)
        row[0], row[1], row[2] = at_s, 0.5 * (left + right), bottom
        row[3:5] = view.metres_of(row[None, 1:3])[0]
        row[5:8] = left, right, bottom
    return rows


def off_m(path: Path, t_s: Floats, poses: Floats) -> Floats:
    here = np.isin(path.t_s, t_s)
    there = np.isin(t_s, path.t_s)
    return np.asarray(np.hypot(path.x_m[here] - poses[there, 0], path.y_m[here] - poses[there, 1]))


T_S = np.arange(0.0, 5.0, 0.1)


def test_boxes_without_fault_tell_place_heading_and_length_of_who_turns() -> None:
    poses = turn_left(T_S)
    path = path_of(samples(T_S, poses), Kind.CAR, ground().view)
    assert path is not None
    assert off_m(path, T_S, poses).max() < 0.15
    here = np.isin(path.t_s, T_S)
    assert np.degrees(np.abs(path.heading_rad[here] - poses[:, 2])).max() < 4.0
    assert path.length_m == pytest.approx(4.4, abs=0.1)
    assert path.width_m == pytest.approx(1.8, abs=0.05)


def test_a_trembling_box_leaves_the_path_of_who_turns_within_a_hand() -> None:
    poses = turn_left(T_S)
    path = path_of(samples(T_S, poses, noise_px=1.5), Kind.CAR, ground().view)
    assert path is not None
    assert np.median(off_m(path, T_S, poses)) < 0.12
    here = np.isin(path.t_s, T_S)
    assert np.degrees(np.median(np.abs(path.heading_rad[here] - poses[:, 2]))) < 3.0


def test_a_longer_car_is_told_longer() -> None:
    poses = turn_left(T_S)
    short = path_of(samples(T_S, poses, 3.8), Kind.CAR, ground().view)
    long = path_of(samples(T_S, poses, 5.0), Kind.CAR, ground().view)
    assert short is not None
    assert long is not None
    # A little too long: it is as wide as one of 4.4 m.
    assert short.length_m == pytest.approx(3.8, abs=0.2)
    assert long.length_m == pytest.approx(5.0, abs=0.2)


def test_who_is_hidden_while_it_turns_is_led_around_the_bend_and_not_across() -> None:
    poses = turn_left(T_S)
    hidden = (T_S > 1.9) & (T_S < 2.9)
    path = path_of(samples(T_S, poses)[~hidden], Kind.CAR, ground().view)
    assert path is not None
    between = np.linspace(2.0, 2.8, 9)
    true = turn_left(between)
    off = np.hypot(
        np.interp(between, path.t_s, path.x_m) - true[:, 0],
        np.interp(between, path.t_s, path.y_m) - true[:, 1],
    )
    assert off.max() < 0.3  # a straight way across is off by 0.6


def test_a_path_leads_on_for_half_a_second_at_either_end() -> None:
    poses = turn_left(T_S)
    path = path_of(samples(T_S, poses), Kind.CAR, ground().view)
    assert path is not None
    assert path.t_s[0] == pytest.approx(T_S[0] - LEADS_S)
    assert path.t_s[-1] == pytest.approx(T_S[-1] + LEADS_S)
    true = turn_left(path.t_s[[0, -1]])
    assert path.x_m[[0, -1]] == pytest.approx(true[:, 0], abs=0.4)
    assert path.y_m[[0, -1]] == pytest.approx(true[:, 1], abs=0.4)


@pytest.mark.parametrize("kind", [Kind.CAR, Kind.BICYCLE])
@pytest.mark.parametrize("gap", [1, 3, 6])  # looks
def test_a_track_that_breaks_while_it_turns_is_one_though_each_part_leads_on(
    kind: Kind, gap: int
) -> None:
    rows = samples(T_S, turn_left(T_S, 6.0), noise_px=2.5)
    one, other = (path_of(part, kind, ground().view) for part in (rows[:20], rows[19 + gap :]))
    assert one is not None
    assert other is not None
    assert one.t_s[-1] > other.t_s[0]
    assert is_one(one, other)
    assert is_one(other, one)


def test_two_who_follow_each_other_are_two_though_each_path_leads_on() -> None:
    rows = samples(T_S, turn_left(T_S, 6.0))
    later = rows.copy()
    later[:, 0] += 1.5
    one, other = (path_of(part, Kind.CAR, ground().view) for part in (rows, later))
    assert one is not None
    assert other is not None
    assert not is_one(one, other)


def test_a_look_of_which_the_lens_shows_nothing_is_none() -> None:
    rows = samples(T_S, turn_left(T_S))
    rows[10, 5:8] = math.nan
    path = path_of(rows, Kind.CAR, ground().view)
    assert path is not None
    assert off_m(path, T_S, turn_left(T_S)).max() < 0.2


def test_a_box_that_is_half_covered_for_a_moment_moves_nothing() -> None:
    poses = turn_left(T_S)
    rows = samples(T_S, poses)
    clean = path_of(rows.copy(), Kind.CAR, ground().view)
    covered = rows.copy()
    covered[20:23, 7] -= 15.0  # its lower edge is hidden: it seems 3 m farther
    covered[20:23, 2] -= 15.0
    for row in covered[20:23]:
        row[3:5] = ground().metres_of(row[None, 1:3])[0]
    path = path_of(covered, Kind.CAR, ground().view)
    assert clean is not None
    assert path is not None
    assert np.hypot(path.x_m - clean.x_m, path.y_m - clean.y_m).max() < 0.35


def test_who_stands_at_a_light_keeps_its_heading() -> None:
    t_s = np.arange(0.0, 12.0, 0.1)
    way = np.interp(t_s, [0, 2, 9, 12], [-14.0, 0.0, 0.0, 20.0])
    poses = np.column_stack([way, 0 * way, 0 * way])
    path = path_of(samples(t_s, poses, noise_px=1.5), Kind.CAR, ground().view)
    assert path is not None
    stands = (path.t_s > 3.0) & (path.t_s < 8.0)
    assert np.degrees(np.abs(path.heading_rad[stands])).max() < 5.0
    assert np.abs(path.speed_m_s[stands]).max() < 0.3


def test_every_kind_has_a_height() -> None:
    assert len(HEIGHTS_M) == len(NUMBER_OF)
