"""What the street net learns from: who is to be found, and who is not."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from tools.train.cut import (
    CAR,
    PEDESTRIAN,
    Scene,
    camera_of,
    factor,
    fill,
    median_street,
    rounded,
    shoot,
    stage,
)
from tools.train.formats import Sprites

CARS = np.array([[40, 60, 80, 84], [140, 100, 190, 130], [230, 60, 262, 80]], np.float32)
NONE = np.zeros((0, 4), np.float32)


def road(seed: int = 0) -> npt.NDArray[np.uint8]:
    """A road in grain and morning light, brighter to the right, (180, 320)."""
    grain = np.random.default_rng(seed).normal(0, 3, (180, 320))
    return (90 + np.linspace(0, 60, 320) + grain).clip(0, 255).astype(np.uint8)


def street_with(boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """The road with a white car in each box."""
    picture = road()
    for left, top, right, bottom in boxes.astype(int):
        cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), 240, -1)
    return picture


def scene(boxes: npt.NDArray[np.float32]) -> Scene:
    picture = street_with(boxes)
    kinds = np.full(len(boxes), CAR, np.int8)
    return Scene(picture, boxes, kinds, NONE, [rounded(box, picture.shape) for box in boxes])


def test_the_street_behind_a_car_is_painted_in_with_its_light_and_grain() -> None:
    hole = np.zeros((180, 320), np.bool_)
    hole[95:135, 135:195] = True
    seen = street_with(CARS[1:2]).astype(np.float32)
    painted = fill(seen, hole, hole, np.random.default_rng(1))
    truth = road().astype(np.float32)
    assert abs(float((painted - truth)[hole].mean())) < 4
    assert 1.5 < float((painted - cv2.GaussianBlur(painted, (0, 0), 3))[hole].std()) < 5
    assert np.array_equal(painted[:80], seen[:80])


def test_who_is_told_differs_from_the_background_and_who_differs_was_there() -> None:
    for seed in range(8):
        shot = stage(scene(CARS), np.random.default_rng(seed), strength=0.0)
        if shot is None:
            continue
        told = {tuple(box) for box in shot.boxes.tolist()}
        assert told <= {tuple(box) for box in CARS.tolist()}
        for box in CARS.astype(int):
            part = slice(box[1] + 4, box[3] - 4), slice(box[0] + 4, box[2] - 4)
            now, ground = (p[part].astype(int) for p in (shot.now, shot.background))
            left = float(now.mean() - ground.mean()) > 40
            assert left == (tuple(box.tolist()) in told)


def test_a_parked_car_is_not_to_be_found_and_one_that_comes_is() -> None:
    parked, comes = CARS[:1], CARS[1:2]
    kinds = np.array([CAR, CAR], np.int8)
    both = np.concatenate([parked, comes])
    shot = shoot(street_with(both), street_with(parked), both, kinds, NONE)
    assert shot.boxes.tolist() == comes.tolist()
    assert not len(shot.ignore)


def test_what_differs_without_a_label_is_ignored() -> None:
    shot = shoot(street_with(CARS[:2]), road(), CARS[:1], np.array([CAR], np.int8), NONE)
    assert len(shot.ignore) == 1
    left, top, right, bottom = shot.ignore[0]
    assert left <= CARS[1, 0] + 1
    assert top <= CARS[1, 1] + 1
    assert right >= CARS[1, 2] - 1
    assert bottom >= CARS[1, 3] - 1


def test_the_median_street_has_no_car_that_stood_for_most_of_the_clip() -> None:
    pictures = [street_with(CARS[:1])] * 8 + [road()] * 5
    movers = [CARS[:1]] * 8 + [NONE] * 5
    assert np.array_equal(median_street(pictures, movers), road())


def test_sprites_come_back_as_they_were_cut(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cuts = [
        (rng.integers(0, 256, shape).astype(np.uint8), road()[: shape[0], : shape[1]], kind)
        for shape, kind in (((20, 9), PEDESTRIAN), ((14, 31), CAR))
    ]
    Sprites.of(cuts).save(tmp_path / "a.npz")
    back = Sprites.load(tmp_path / "a.npz")
    assert len(back) == 2
    for index, (luma, alpha, kind) in enumerate(cuts):
        assert np.array_equal(back[index][0], luma)
        assert np.array_equal(back[index][1], alpha)
        assert back[index][2] == kind


def test_pictures_are_averaged_to_the_size_the_product_looks_at() -> None:
    assert [factor(width) for width in (320, 352, 640, 768, 1280, 1920)] == [1, 1, 2, 2, 3, 4]
    assert factor(500) is None


def test_all_pictures_of_a_camera_are_held_back_together() -> None:
    assert camera_of("sg-lta-expressway", "4713_night_crop") == "sg-4713"
    assert camera_of("sg-lta-checkpoint-crops", "2026-01-21_camera_4713_21-38-13") == "sg-4713"
    name = "2019-06-28_13-02-35_503167_00001_03601_120"
    assert camera_of("tfl-jamcam-dssg", name) == "tfl-03601"
    assert camera_of("uk-trafficcams-ogl", "TfL_20200315_1300_00001_01251") == "uk-01251"
