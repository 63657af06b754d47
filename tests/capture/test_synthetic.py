"""A drawn street is a source like any other, and its pictures show what its truth says."""

from collections import defaultdict

import numpy as np
import numpy.typing as npt
import pytest

from placewatch.capture.source import SourceSpec
from placewatch.capture.synthetic import SyntheticSource, exclusive, exclusive_colours
from placewatch.core.errors import Misconfigured
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.space import Point
from placewatch.core.time import SimulatedClock
from placewatch.pixels.frame import Frame
from placewatch.simulate.drawing import Artist, is_exclusive
from placewatch.simulate.drawn import STREETS
from placewatch.simulate.scenery import Light, paint
from placewatch.simulate.traffic import Traffic

NAMES = sorted(STREETS)
SMALL = "width=320&height=180"


def source_of(url: str, clock: SimulatedClock | None = None) -> SyntheticSource:
    return SyntheticSource(SourceSpec(CameraId("t"), url), clock or SimulatedClock())


def frames_of(url: str) -> list[Frame]:
    return list(source_of(url).frames())


def test_a_street_of_two_seconds_has_as_many_frames_as_it_says() -> None:
    source = source_of(f"street:quay?duration_s=2&fps=10&{SMALL}")
    frames = list(source.frames())
    assert source.info.frames == len(frames) == source.health.frames == 20
    assert [frame.number for frame in frames] == list(range(20))
    assert [frame.media_s for frame in frames] == pytest.approx([n / 10 for n in range(20)])
    for frame in frames:
        assert (frame.width_px, frame.height_px) == (320, 180)
        assert not frame.luma.flags.writeable
        assert not frame.after_gap


def test_luma_is_the_brightness_of_the_colours() -> None:
    frame = frames_of(f"street:main?duration_s=0.2&{SMALL}")[-1]
    rgb = frame.to_rgb(320).astype(np.float64)
    assert rgb.shape == (180, 320, 3)
    grey = rgb @ (0.299, 0.587, 0.114)
    assert float(np.abs(grey - frame.luma).mean()) < 1.5
    assert frame.to_rgb(160).shape == (90, 160, 3)


def test_the_same_address_draws_the_same_pictures_and_another_seed_others() -> None:
    url = f"street:quay?light=dusk&duration_s=0.5&{SMALL}"
    once, again, other = frames_of(url), frames_of(url), frames_of(url + "&seed=9")
    for a, b, c in zip(once, again, other, strict=True):
        assert np.array_equal(a.luma, b.luma)
        assert not np.array_equal(a.luma, c.luma)


def test_without_a_duration_a_street_keeps_the_pace_of_the_clock() -> None:
    clock = SimulatedClock()
    source = source_of(f"street:quay?fps=10&{SMALL}", clock)
    started_us = clock.utc()
    for frame in source.frames():
        assert frame.at - started_us == pytest.approx(frame.number * 100_000, abs=2)
        assert clock.monotonic_s() == pytest.approx(frame.media_s, abs=1e-6)
        if frame.number == 12:
            source.close()
    assert source.info.frames is None
    assert source.health.frames == 13
    assert source.health.frames_dropped == 0


def test_a_node_that_is_late_loses_pictures_and_they_are_counted() -> None:
    clock = SimulatedClock()
    source = source_of(f"street:quay?fps=10&{SMALL}", clock)
    numbers = []
    for frame in source.frames():
        numbers.append(frame.number)
        clock.sleep(1.0 if len(numbers) == 3 else 0.0)
        if len(numbers) == 6:
            source.close()
    assert numbers[:3] == [0, 1, 2]
    assert numbers[3] > 8
    assert source.health.frames_dropped == numbers[3] - 3


def test_closing_ends_the_frames_at_once() -> None:
    source = source_of(f"street:quay?{SMALL}")
    frames = source.frames()
    next(frames)
    source.close()
    source.close()
    assert list(frames) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("street:mian", "main"),
        ("street:", "junction, main, quay"),
        ("street:main?sed=1", "seed"),
        ("street:main?light=noon", "day or dusk"),
        ("street:main?seed=many", "whole number"),
        ("street:main?fps=0", "from 1 to 60"),
        ("street:main?width=nan", "whole number"),
        ("street:main?seed", "seed=1"),
    ],
)
def test_a_misspelt_street_is_answered_with_what_there_is(url: str, words: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        source_of(url)
    assert words in str(caught.value)


def test_the_truth_may_be_asked_at_any_time_and_never_changes() -> None:
    source = source_of(f"street:main?duration_s=1&seed=4&{SMALL}")
    early = source.truth(30.0)
    list(source.frames())
    assert source.truth(30.0) == early
    assert [crossing for crossing in source.truth(60.0) if crossing.media_s <= 30.0] == early
    assert [c.media_s for c in early] == sorted(c.media_s for c in early)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("light", ["day", "dusk"])
def test_only_people_and_riders_wear_the_exclusive_hues(name: str, light: Light) -> None:
    street = STREETS[name]
    scenery = paint(street.view, street.camera(480, 270), light)
    assert not exclusive(scenery.rgb).any()
    noisy = np.clip(
        scenery.rgb.astype(np.int16) + np.random.default_rng(1).normal(0, 4, (270, 480, 1)), 0, 255
    ).astype(np.uint8)
    assert float(exclusive(noisy).mean()) < 1e-4

    url = f"street:{name}?light={light}&fps=1&duration_s=20&width=480&height=270"
    frame = frames_of(url)[-1]
    assert exclusive(frame.to_rgb(480)).sum() > 40


@pytest.mark.parametrize("name", NAMES)
def test_the_first_picture_shows_the_near_street_empty(name: str) -> None:
    street = STREETS[name]
    scenery = paint(street.view, street.camera(480, 270), "day")
    frame = frames_of(f"street:{name}?duration_s=0.1&width=480&height=270")[0]
    near = slice(140, 270)
    off = np.abs(frame.to_rgb(480)[near].astype(int) - scenery.rgb[near]).max(axis=2)
    assert float((off > 25).mean()) < 0.002


def test_every_exclusive_colour_is_found_as_such() -> None:
    for colour in exclusive_colours():
        assert is_exclusive(colour)
        assert exclusive(np.full((2, 2, 3), colour, np.uint8)).all()


@pytest.mark.parametrize("name", NAMES)
def test_whoever_follows_the_drawn_boxes_perfectly_counts_the_truth(name: str) -> None:
    """The lines lie where an exact count is possible: the middle of a box's lower edge passes
    each line once, the same way, and within seconds of the truth."""
    street = STREETS[name]
    camera = street.camera()
    traffic = Traffic(street.streams, street.signals, street.ground_lines(), seed=1)
    artist = Artist(street.view, camera, "day", paint(street.view, street.camera(96, 54), "day"))
    ended_s, fps = 60.0, 12.5
    before: dict[int, tuple[float, float]] = {}
    seen: dict[tuple[str, Kind, Direction], list[float]] = defaultdict(list)
    for number in range(round(ended_s * fps)):
        for user in traffic.at(number / fps):
            box = artist.box(user)
            if box is None:
                continue
            here = ((box[0] + box[2]) / 2, box[3])
            for line, a, b in street.lines_px():
                direction = _passed(a, b, before.get(user.look, here), here)
                if direction is not None:
                    seen[line, user.kind, direction].append(number / fps)
            before[user.look] = here
    settled_s = 4.0
    for crossing in traffic.crossings(ended_s):
        near = seen[crossing.line, crossing.kind, crossing.direction]
        matches = [at_s for at_s in near if abs(at_s - crossing.media_s) < settled_s]
        if matches:
            near.remove(min(matches, key=lambda at_s: abs(at_s - crossing.media_s)))
        else:
            assert not settled_s < crossing.media_s < ended_s - settled_s, crossing
    rest = [at_s for left in seen.values() for at_s in left]
    assert not [at_s for at_s in rest if settled_s < at_s < ended_s - settled_s]


def _passed(
    a: tuple[int, int], b: tuple[int, int], p: tuple[float, float], q: tuple[float, float]
) -> Direction | None:
    def side(m: tuple[float, float], n: tuple[float, float], o: tuple[float, float]) -> float:
        return (n[0] - m[0]) * (o[1] - m[1]) - (n[1] - m[1]) * (o[0] - m[0])

    if (side(a, b, p) > 0) == (side(a, b, q) > 0) or (side(p, q, a) > 0) == (side(p, q, b) > 0):
        return None
    return Direction.LEFT_TO_RIGHT if side(a, b, p) < 0 else Direction.RIGHT_TO_LEFT


@pytest.mark.parametrize("light", ["day", "dusk"])
def test_whoever_is_near_differs_clearly_from_the_empty_street(light: Light) -> None:
    """Simple background subtraction sees at least a quarter of everybody's box, 20 m away."""
    street = STREETS["main"]
    camera = street.camera()
    scenery = paint(street.view, camera, light)
    empty = _luma(scenery.rgb)
    traffic = Traffic(street.streams, street.signals, street.ground_lines(), seed=2)
    artist = Artist(street.view, camera, light, scenery)
    met = 0
    for number in range(20):
        picture = _luma(artist.draw(traffic, number * 1.5))
        for user in traffic.at(number * 1.5):
            box = artist.box(user)
            if box is None or not 22.0 < user.x_m + 7.0 < 45.0 or user.y_m > 5.4:
                continue
            area = np.s_[int(box[1]) : int(box[3]), int(box[0]) : int(box[2])]
            met += 1
            assert float((np.abs(picture[area] - empty[area]) > 10).mean()) > 0.25, user
    assert met > 30


def _luma(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    luma: npt.NDArray[np.float64] = rgb.astype(np.float64) @ (0.299, 0.587, 0.114)
    return luma


@pytest.mark.parametrize("name", NAMES)
def test_the_ground_points_lie_where_the_camera_sees_them(name: str) -> None:
    street = STREETS[name]
    assert len(street.control_px()) >= 6
    for (pixel, metres), corner in zip(street.control_px(), street.control, strict=True):
        assert 0 <= pixel.x_px <= 960
        assert 0 <= pixel.y_px <= 540
        back = street.camera().to_ground(pixel)
        assert (back.x_m, back.y_m) == pytest.approx(corner, abs=1e-6)
        assert metres == street.in_town(Point(*corner))
    for _, a, b in street.lines_px():
        for x, y in (a, b):
            assert 0 <= x < 960
            assert 0 <= y < 540
