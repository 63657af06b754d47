"""Backdrop painter: nobody is in the only picture that leaves a node."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from placewatch.core.ids import camera_id
from placewatch.core.sightings import Track
from placewatch.core.time import UtcMicros
from placewatch.perceive.backdrop import GREY, BackdropPainter
from placewatch.perceive.motion import BackgroundModel
from placewatch.perceive.motion_detector import MotionDetector
from placewatch.perceive.tracker import Tracker
from placewatch.pixels.backdrop import Backdrop
from placewatch.pixels.frame import Frame

Picture = npt.NDArray[np.uint8]
WIDTH, HEIGHT, FPS = 320, 180, 5
COAT, SKIN, TROUSERS = (200, 30, 170), (230, 180, 150), (30, 60, 190)
"""Colours that the street does not have."""

dice = np.random.default_rng(5)
down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
texture = 110 + 12 * np.sin(across / 9) + 10 * np.sin(down / 7) + dice.normal(0, 4, (HEIGHT, WIDTH))
STREET = np.clip(np.stack([texture, texture + 6, texture - 4], axis=2), 0, 255)


def street(figures: list[tuple[float, float]], light: float = 1.0) -> Picture:
    """The street with a figure standing at each (x, y), with noise."""
    picture = STREET.copy()
    for x, y in figures:
        left, top = round(x), round(y)
        picture[top : top + 8, left + 4 : left + 12] = SKIN
        picture[top + 8 : top + 30, left : left + 16] = COAT
        picture[top + 30 : top + 50, left + 3 : left + 13] = TROUSERS
    noise = dice.normal(0, 2.0, picture.shape)
    return np.asarray(np.clip(picture * light + noise, 0, 255), np.uint8)


def frame(rgb: Picture, number: int) -> Frame:
    luma = np.clip(rgb @ np.array([0.299, 0.587, 0.114]), 0, 255).astype(np.uint8)
    return Frame(
        camera_id("t"), UtcMicros(0), number / FPS, number, luma, lambda width_px: rgb.copy()
    )


def paint(pictures: list[Picture], quarantine_s: float) -> list[Backdrop | None]:
    """What the backdrop was after each picture."""
    background, detector, tracker = BackgroundModel(), MotionDetector(), Tracker()
    painter, told = BackdropPainter(quarantine_s=quarantine_s), []
    tracks: Sequence[Track] = []
    for number, rgb in enumerate(pictures):
        one = frame(rgb, number)
        motion = background.learn(one)
        detections = detector.detect(one, motion, tracks)
        tracks = tracker.update(detections, one.media_s, width_px=WIDTH, height_px=HEIGHT)
        painter.learn(one, motion, tracks)
        told.append(painter.backdrop(UtcMicros(number)))
    return told


def figure_pixels(backdrop: Backdrop | None) -> int:
    """How many pixels of the picture are of a figure's colours and not of the street's."""
    if backdrop is None:
        return 0
    rgb = backdrop.rgb.astype(np.int32)
    return sum(
        int((np.abs(rgb - np.array(colour)).max(axis=2) < 40).sum())
        for colour in (COAT, TROUSERS, SKIN)
    )


def test_the_empty_street_is_known_after_the_quarantine_and_looks_like_itself() -> None:
    told = paint([street([]) for _ in range(100)], quarantine_s=10)
    assert told[FPS * 8] is None
    last = told[-1]
    assert last is not None
    assert last.known_share > 0.9
    assert np.abs(last.rgb[last.known].astype(float) - STREET[last.known]).mean() < 3


def test_what_is_unknown_is_flat_grey() -> None:
    last = paint([street([(150, 60)]) for _ in range(60)], quarantine_s=8)[-1]
    assert last is not None
    assert (last.rgb[~last.known] == GREY).all()


def test_somebody_who_comes_and_waits_is_not_in_it() -> None:
    steps = [street([]) for _ in range(30)]
    steps += [street([(n * 4, 60)]) for n in range(40)]
    steps += [street([(160 + (n % 7 == 0), 60)]) for n in range(90 * FPS)]
    assert all(figure_pixels(told) == 0 for told in paint(steps, quarantine_s=12)[::10])


@pytest.mark.parametrize("sway_px", [1.0, 2.0])
def test_somebody_who_stood_there_first_and_sways_is_not_in_it(sway_px: float) -> None:
    steps = [street([(150 + sway_px * math.sin(n / 4), 60)]) for n in range(90 * FPS)]
    assert max(figure_pixels(told) for told in paint(steps, quarantine_s=12)[::10]) == 0


def test_people_who_walk_by_all_the_time_are_not_in_it() -> None:
    steps = [
        street([((n * 3 + 110 * k) % 300, 40 + 30 * k) for k in range(3)]) for n in range(60 * FPS)
    ]
    told = paint(steps, quarantine_s=12)
    assert all(figure_pixels(one) == 0 for one in told[::10])
    assert told[-1] is not None
    assert told[-1].known_share > 0.4


def test_whoever_turns_out_to_have_been_part_of_it_is_taken_out_at_once() -> None:
    """Nobody stands so still; should a statue get in and walk away, it is gone within seconds."""
    steps = [street([(150, 60)]) for _ in range(20 * FPS)]
    steps += [street([(150 + 5 * n, 60)]) for n in range(30)]
    steps += [street([]) for _ in range(8 * FPS)]
    assert figure_pixels(paint(steps, quarantine_s=8)[-1]) == 0


def test_slow_dusk_is_followed() -> None:
    steps = [street([], light=1.0 - 0.3 * n / 500) for n in range(500)]
    last = paint(steps, quarantine_s=10)[-1]
    assert last is not None
    assert last.known_share > 0.8
    off = last.rgb[last.known].astype(float) - 0.7 * STREET[last.known]
    assert abs(off.mean()) < 5


def test_the_backdrop_is_no_wider_than_asked() -> None:
    painter = BackdropPainter(width_px=160)
    one = frame(street([]), 0)

    def small(width_px: int) -> Picture:
        return street([])[::2, ::2]

    one = Frame(one.camera, one.at, one.media_s, 0, one.luma, small)
    painter.learn(one, BackgroundModel().learn(one), [])
    assert painter.backdrop(UtcMicros(0)) is None


def test_a_painter_rests_when_no_more_becomes_known_and_still_keeps_people_out() -> None:
    quarantine_s, looks = 6.0, 0
    background, painter = BackgroundModel(), BackdropPainter(quarantine_s=quarantine_s)
    quarantine = round(quarantine_s * FPS)

    def watch(rgb: Picture, number: int) -> None:
        def to_rgb(width_px: int) -> Picture:
            nonlocal looks
            looks += 1
            return rgb

        one = dataclasses.replace(frame(rgb, number), to_rgb=to_rgb)
        painter.learn(one, background.learn(one), [])

    often = []
    for number in range(17 * quarantine):
        if number % quarantine == 0:
            often.append(looks)
            looks = 0
        watch(street([]), number)
    assert often[1] >= 15, "while nothing is known"
    assert sum(often[1:]) == pytest.approx(15 * (3 + 2 + 2), abs=17), "three, then two of six"
    assert often.count(0) - 1 >= 6, "whole quarantines without a look"
    backdrop = painter.backdrop(UtcMicros(0))
    assert backdrop is not None
    assert backdrop.known.mean() > 0.99
    for number in range(17 * quarantine, 30 * quarantine):
        watch(street([(150, 60)]), number)
        assert figure_pixels(painter.backdrop(UtcMicros(0))) == 0
