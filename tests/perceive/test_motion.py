"""Motion: what is somebody and what is only light, noise, foliage or a ghost."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from placewatch.core.ids import camera_id
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Box, Track
from placewatch.core.time import UtcMicros
from placewatch.perceive.motion import BackgroundModel, Motion
from placewatch.perceive.motion_detector import MotionDetector
from placewatch.perceive.tracker import Tracker
from placewatch.pixels.frame import Frame

WIDTH, HEIGHT, FPS = 320, 180, 10
Luma = npt.NDArray[np.float64]

dice = np.random.default_rng(11)
down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
STREET: Luma = 110 + 10 * np.sin(across / 11) + 8 * np.sin(down / 9)
STREET[:60] += np.kron(dice.normal(0, 30, (15, 80)), np.ones((4, 4)))
STREET[120:122] = 210


def picture(*cars: tuple[float, float], noise: float = 2.0, light: float = 1.0) -> Luma:
    """The street with a car of 50 x 24 px at each (left, top)."""
    luma = STREET.copy()
    for left, top in cars:
        x, y = round(left), round(top)
        luma[max(0, y) : y + 24, max(0, x) : max(0, x + 50)] = 215
        luma[max(0, y + 4) : y + 12, max(0, x + 8) : max(0, x + 42)] = 40
    return np.asarray(luma * light + dice.normal(0, noise, luma.shape))


def frame(luma: Luma, number: int, padding: int = 0) -> Frame:
    whole = np.zeros((luma.shape[0], luma.shape[1] + padding), np.uint8)
    whole[:, : luma.shape[1]] = np.clip(luma, 0, 255).astype(np.uint8)

    def to_rgb(width_px: int) -> npt.NDArray[np.uint8]:
        raise AssertionError("motion needs no colour")

    view = whole[:, : luma.shape[1]]
    return Frame(camera_id("t"), UtcMicros(0), number / FPS, number, view, to_rgb)


def watch(pictures: list[Luma]) -> list[tuple[Motion, Sequence[Track]]]:
    background, detector, tracker = BackgroundModel(), MotionDetector(), Tracker()
    told: list[tuple[Motion, Sequence[Track]]] = []
    tracks: Sequence[Track] = []
    for number, luma in enumerate(pictures):
        one = frame(luma, number)
        motion = background.learn(one)
        tracks = tracker.update(
            detector.detect(one, motion, tracks),
            one.media_s,
            width_px=one.width_px,
            height_px=one.height_px,
        )
        told.append((motion, tracks))
    return told


def certain(told: list[tuple[Motion, Sequence[Track]]]) -> set[str]:
    return {track.id for _, tracks in told for track in tracks if track.certain}


def overlap(a: Box, b: Box) -> float:
    w = min(a.right_px, b.right_px) - max(a.left_px, b.left_px)
    h = min(a.bottom_px, b.bottom_px) - max(a.top_px, b.top_px)
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / (a.width_px * a.height_px + b.width_px * b.height_px - w * h)


def test_noise_alone_is_nobody() -> None:
    assert not certain(watch([picture(noise=5.0) for _ in range(60)]))


def test_a_car_that_drives_by_is_one_car_where_it_is() -> None:
    told = watch([picture() for _ in range(10)] + [picture((6 * n - 60, 90)) for n in range(60)])
    assert len(certain(told)) == 1
    track = next(t for t in told[40][1] if t.certain)
    assert track.kind is Kind.CAR
    assert overlap(track.box, Box(6 * 30 - 60, 90, 6 * 30 - 10, 114)) > 0.7


@pytest.mark.parametrize("light", [0.6, 1.5])
def test_a_sudden_change_of_light_is_nobody(light: float) -> None:
    told = watch([picture() for _ in range(30)] + [picture(light=light) for _ in range(30)])
    assert not certain(told)
    assert (told[31][0].foreground == 2).mean() < 0.05


def test_light_that_comes_and_goes_while_a_car_passes_hides_it_from_nobody() -> None:
    steps = [picture() for _ in range(10)]
    steps += [picture((6 * n - 60, 90), light=1 + 0.25 * math.sin(n / 5)) for n in range(60)]
    assert len(certain(watch(steps))) == 1


def test_the_shadow_of_a_cloud_over_a_part_of_the_street_is_nobody() -> None:
    def cloud(n: int) -> Luma:
        edge = 1 - 0.2 / (1 + np.exp((across - min(3 * n, 130)) / 30.0))
        return np.asarray(asphalt * edge + dice.normal(0, 2, STREET.shape))

    asphalt = 110 + 10 * np.sin(across / 11) + 8 * np.sin(down / 9)
    assert not certain(watch([cloud(-50) for _ in range(20)] + [cloud(n) for n in range(50)]))


def test_a_car_at_a_red_light_stays_a_car_and_leaves_no_ghost() -> None:
    steps = [picture() for _ in range(10)]
    steps += [picture((5 * n - 60, 90)) for n in range(40)]
    steps += [picture((140, 90)) for _ in range(90 * FPS)]
    told = watch(steps + [picture((140 + 5 * n, 90)) for n in range(60)])
    assert len(certain(told)) == 1
    waiting = told[50 + 85 * FPS][1]
    assert [t.seen for t in waiting if t.certain] == [True]
    assert (told[-1][0].foreground == 2).sum() < 30


def test_a_parked_car_that_leaves_travels_once_and_its_ghost_goes() -> None:
    steps = [picture((100, 90)) for _ in range(60)]
    steps += [picture((100 + 5 * n, 90)) for n in range(50)]
    told = watch(steps + [picture() for _ in range(60)])
    ways: dict[str, list[float]] = {}
    for _, tracks in told:
        for track in tracks:
            if track.certain and track.seen:
                ways.setdefault(track.id, []).append(track.box.bottom_centre.x_px)
    assert sum(max(way) - min(way) > 100 for way in ways.values()) == 1
    assert not any(track.seen for track in told[-1][1])
    assert (told[-1][0].foreground == 2).sum() < 30
    assert any(motion.ghosts is not None for motion, _ in told)


def test_a_camera_that_sways_by_two_pixels_in_the_wind_sees_nobody() -> None:
    steps = [picture() for _ in range(20)]
    for n in range(80):
        dx, dy = round(2 * math.sin(n / 5)), round(math.sin(n / 3))
        wide = np.pad(picture(noise=0.0), 4, mode="edge")
        noise = dice.normal(0, 2, (HEIGHT, WIDTH))
        steps.append(wide[4 + dy : 4 + dy + HEIGHT, 4 + dx : 4 + dx + WIDTH] + noise)
    assert not certain(watch(steps))


def test_two_cars_that_merge_and_part_stay_two() -> None:
    def pair(n: int) -> Luma:
        return picture((5 * n - 50, 80), (300 - 5 * n, 92))

    told = watch([picture() for _ in range(5)] + [pair(n) for n in range(66)])
    assert len(certain(told)) == 2


def test_a_picture_of_another_size_begins_anew() -> None:
    background = BackgroundModel()
    for number in range(10):
        background.learn(frame(picture(), number))
    small = background.learn(frame(picture()[::2, ::2], 10))
    assert small.foreground.shape == (HEIGHT // 2, WIDTH // 2)
    assert not small.blobs


def test_padding_between_rows_is_not_looked_at() -> None:
    one, other = BackgroundModel(), BackgroundModel()
    for number in range(20):
        luma = picture((8 * number, 90))
        plain = one.learn(frame(luma, number))
        padded = other.learn(frame(luma, number, padding=64))
        assert [b.box for b in plain.blobs] == [b.box for b in padded.blobs]


def test_1080p_is_averaged_to_320_by_180_and_boxes_are_in_its_pixels() -> None:
    background = BackgroundModel()
    empty: Luma = np.kron(STREET, np.ones((6, 6))).astype(np.float64)
    for number in range(10):
        background.learn(frame(empty, number))
    luma = empty.copy()
    luma[600:750, 900:1200] = 230
    motion = background.learn(frame(luma, 10))
    assert motion.foreground.shape == (180, 320)
    assert motion.scale == 6
    assert [b.box for b in motion.blobs] == [Box(900, 600, 1200, 750)]


def test_somebody_who_walks_is_a_pedestrian() -> None:
    def walk(n: int) -> Luma:
        luma = picture()
        x, stride = 30 + 2 * n, round(4 * abs(math.sin(n / 2)))
        luma[70:78, x + 3 : x + 9] = 220
        luma[78:98, x : x + 12] = 35
        luma[98:116, x + 1 - stride : x + 5 - stride] = 35
        luma[98:116, x + 7 + stride : x + 11 + stride] = 35
        return luma

    told = watch([picture() for _ in range(10)] + [walk(n) for n in range(50)])
    assert [t.kind for t in told[-1][1] if t.certain] == [Kind.PEDESTRIAN]
