"""Tempo: enough frames are analysed, and no more."""

import itertools
import math
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placewatch.core.ids import new_track_id
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Box, Track
from placewatch.perceive.tempo import ALERT_FPS, STRIDE_SIZES, Tempo


def taken(tempo: Tempo, times_s: Iterable[float]) -> list[float]:
    return [at_s for at_s in times_s if tempo.takes(at_s)]


FPS = 8.0
MIDDLE = Box(100, 100, 140, 120)


def user(
    velocity_px_s: tuple[float, float],
    box: Box = MIDDLE,
    *,
    age_s: float = 1.0,
    seen: bool = True,
    certain: bool = True,
) -> Track:
    return Track(new_track_id(), Kind.CAR, box, velocity_px_s, age_s, seen, certain)


def steps(times_s: list[float]) -> list[float]:
    return [after - before for before, after in itertools.pairwise(times_s)]


@pytest.mark.parametrize(
    ("fps", "stride"), [(60, 7), (50, 6), (30, 3), (25, 3), (24, 3), (20, 2), (15, 1), (12.5, 1)]
)
def test_of_a_steady_stream_one_frame_in_so_many_is_analysed(fps: float, stride: int) -> None:
    times = taken(Tempo(FPS), [number / fps for number in range(400)])
    assert len(times) == math.ceil(400 / stride)
    assert max(steps(times)) <= 1 / FPS + 1e-3


@given(
    st.lists(st.floats(0.005, 0.12), min_size=20, max_size=200),
    st.floats(5.0, 240.0),
)
def test_a_frame_is_passed_over_only_shortly_after_one_that_was_analysed(
    gaps_s: list[float], fps: float
) -> None:
    times_s = [sum(gaps_s[:number]) for number in range(len(gaps_s))]
    times = taken(Tempo(fps), times_s)
    assert times[0] == 0.0
    longest_s = 1 / fps + max(gaps_s) + 1e-3
    assert max(steps(times), default=0.0) <= longest_s


def test_all_frames_are_analysed_where_that_is_asked_for() -> None:
    times = [number / 60 for number in range(100)]
    assert taken(Tempo(240.0), times) == times


def test_a_slow_camera_and_key_frames_are_analysed_as_they_come() -> None:
    times = [2.0 * number for number in range(20)]
    assert taken(Tempo(FPS), times) == times


def test_after_a_gap_and_when_time_begins_anew_the_frame_is_analysed() -> None:
    tempo = Tempo(FPS)
    assert tempo.takes(10.0)
    assert not tempo.takes(10.04)
    assert tempo.takes(10.08, after_gap=True)
    assert tempo.takes(0.0)


def period_s(*tracks: Track, fps: float = 100.0, least_fps: float = FPS) -> float:
    """The usual time between analysed frames, with these road users in each."""
    tempo = Tempo(least_fps)
    times = []
    for number in range(400):
        if tempo.takes(number / fps):
            times.append(number / fps)
            tempo.heed(tracks, width_px=640, height_px=360)
    return steps(times)[-1]


def test_who_is_fast_is_met_before_it_has_moved_by_half_its_size() -> None:
    assert period_s(user((0, 0))) == pytest.approx(0.12, abs=1e-6)
    for speed_px_s in (200, -400, 1000):
        moved_px = abs(speed_px_s) * period_s(user((speed_px_s, 0)))
        assert moved_px <= STRIDE_SIZES * 40 + 0.1
        assert moved_px > STRIDE_SIZES * 40 - abs(speed_px_s) / 100 - 0.1, "and no sooner"
    assert 200 * period_s(user((0, 200))) <= STRIDE_SIZES * 20 + 0.1, "down, its height counts"
    assert period_s(user((0, 0)), user((1e6, 0))) == pytest.approx(0.01), "every frame"


def test_who_is_hidden_or_cut_off_by_the_edge_makes_no_haste() -> None:
    slow_s = period_s()
    assert period_s(user((1000, 0), seen=False)) == slow_s
    assert period_s(user((1000, 0), Box(0, 100, 5, 120))) == slow_s
    assert period_s(user((0, 1000), Box(100, 355, 140, 360))) == slow_s


def test_while_somebody_has_just_come_more_frames_are_analysed() -> None:
    newcomer = user((0, 0), age_s=0.1, certain=False)
    slow_s = period_s(least_fps=5.0)
    assert slow_s == pytest.approx(0.2, abs=1e-6)
    soon_s = period_s(newcomer, least_fps=5.0)
    assert soon_s <= 1 / ALERT_FPS + 1e-3 < slow_s
    assert period_s(user((0, 0)), newcomer, least_fps=5.0) == soon_s
    assert period_s(newcomer, least_fps=20.0) == period_s(least_fps=20.0), "never fewer"
    known = (
        user((0, 0), age_s=0.1),
        user((0, 0), age_s=5.0, certain=False),
        user((0, 0), age_s=0.1, certain=False, seen=False),
    )
    assert period_s(*known, least_fps=5.0) == slow_s


def test_while_the_picture_is_unsteady_and_a_second_longer_more_frames_are_analysed() -> None:
    tempo = Tempo(5.0)
    times = []
    for number in range(400):
        at_s = number / 100
        if tempo.takes(at_s):
            times.append(at_s)
            tempo.heed([], width_px=640, height_px=360, unsteady=1.0 <= at_s < 1.5)
    assert max(steps([at_s for at_s in times if 1.2 <= at_s <= 2.3])) <= 1 / ALERT_FPS + 1e-3
    assert steps([at_s for at_s in times if at_s > 2.6])[0] == pytest.approx(0.2, abs=1e-6)


def test_it_calms_down_when_the_fast_one_has_left() -> None:
    tempo = Tempo(FPS)
    tempo.takes(0.0)
    tempo.heed([user((1000, 0))], width_px=640, height_px=360)
    assert tempo.takes(0.04)
    tempo.heed([], width_px=640, height_px=360)
    assert [tempo.takes(0.08), tempo.takes(0.12), tempo.takes(0.16)] == [False, False, True]
