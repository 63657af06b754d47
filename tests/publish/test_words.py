"""Words: what people read of numbers, ways and times."""

import math

import hypothesis.strategies as st
import pytest
from hypothesis import given

from placewatch.core.facts import Crossing
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import UtcMicros
from placewatch.publish import words

coordinates = st.floats(-1e4, 1e4)


def passing(kind: Kind, speed_m_s: float | None) -> Crossing:
    line, way = "East", Direction.LEFT_TO_RIGHT
    return Crossing(UtcMicros(0), 0.0, 0, CameraId("street"), line, kind, way, speed_m_s)


def test_on_a_line_drawn_towards_the_right_left_to_right_is_down() -> None:
    assert words.way((0, 5), (10, 5), Direction.LEFT_TO_RIGHT) == ("↓", "down")
    assert words.way((0, 5), (10, 5), Direction.RIGHT_TO_LEFT) == ("↑", "up")


def test_on_a_line_drawn_downwards_left_to_right_is_left() -> None:
    assert words.way((5, 0), (5, 10), Direction.LEFT_TO_RIGHT) == ("←", "left")


def test_a_slanted_line_is_crossed_on_the_slant() -> None:
    assert words.way((0, 10), (10, 0), Direction.LEFT_TO_RIGHT) == ("↘", "down right")


@given(x1=coordinates, y1=coordinates, x2=coordinates, y2=coordinates)
def test_the_two_ways_over_a_line_are_opposite(x1: float, y1: float, x2: float, y2: float) -> None:
    arrows = "→↘↓↙←↖↑↗"
    there, back = (words.way((x1, y1), (x2, y2), way)[0] for way in Direction)
    if math.hypot(x2 - x1, y2 - y1) > 1e-3:
        # A line at the very border of two arrows may round to either.
        assert (arrows.index(there) - arrows.index(back)) % 8 in (3, 4, 5)


@given(x1=coordinates, y1=coordinates, x2=coordinates, y2=coordinates)
def test_a_line_drawn_backwards_swaps_its_ways(x1: float, y1: float, x2: float, y2: float) -> None:
    forth = words.way((x1, y1), (x2, y2), Direction.LEFT_TO_RIGHT)
    assert forth == words.way((x2, y2), (x1, y1), Direction.RIGHT_TO_LEFT) or (x1, y1) == (x2, y2)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (4.25, "4.2 s"),
        (9.96, "10 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (18420, "5 h 07 min"),
        (3599.7, "1 h"),
    ],
)
def test_a_duration_is_said_as_people_say_it(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


@given(st.floats(0, 1e7))
def test_no_duration_has_sixty_of_anything(seconds: float) -> None:
    assert "60" not in words.duration(seconds).replace("60 h", "").split(" ")[-2:]


@pytest.mark.parametrize(
    ("seconds", "fraction", "said"),
    [
        (65.3, False, "1:05"),
        (65.3, True, "1:05.3"),
        (7265, False, "2:01:05"),
        (0.0, True, "0:00.0"),
    ],
)
def test_a_moment_is_written_as_on_a_player(seconds: float, fraction: bool, said: str) -> None:
    assert words.media_time(seconds, fraction=fraction) == said


def test_almost_all_is_never_called_all() -> None:
    assert words.percent(1.0) == "100 %"
    assert words.percent(0.9996) == "99.9 %"
    assert words.percent(0.001) == "under 1 %"
    assert words.percent(0.0) == "0 %"


def test_what_was_not_there_was_not_seen() -> None:
    assert words.seen(0, 0) == "nothing seen"
    assert words.seen(30, 30) == "all 30 s seen"
    assert words.seen(51, 60) == "seen 51 s of 1 min (85 %)"


@given(coverage=st.floats(0, 1e6), duration=st.floats(0.1, 1e6))
def test_all_is_said_only_where_less_than_a_frame_or_a_thousandth_is_missing(
    coverage: float, duration: float
) -> None:
    if words.seen(coverage, duration).startswith("all"):
        assert duration - coverage <= max(0.05, duration / 1000)


def _poisson_at_most(count: int, mean: float) -> float:
    return sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count + 1))


@given(st.integers(0, 400))
def test_the_interval_of_a_count_leaves_a_fortieth_out_on_each_side(count: int) -> None:
    low, high = words.poisson_interval(count)
    assert low <= count <= high
    assert _poisson_at_most(count, high) == pytest.approx(0.025, abs=2e-4)
    if count:
        assert 1 - _poisson_at_most(count - 1, low) == pytest.approx(0.025, abs=2e-4)


def test_a_short_clip_speaks_for_no_hour() -> None:
    assert words.hourly(12, 59.0) is None
    assert words.hourly(10, 3600) == ("10", "4.8 to 18")
    assert words.hourly(0, 3600) == ("0", "0 to 3.7")


@given(count=st.integers(0, 10**6), coverage=st.floats(60, 1e7))
def test_a_rate_lies_within_its_interval(count: int, coverage: float) -> None:
    told = words.hourly(count, coverage)
    assert told is not None
    rate, low, high = (
        float(text.replace("\u202f", "")) for text in (told[0], *told[1].split(" to "))
    )
    assert low <= rate <= high


def test_a_mean_over_walkers_and_cars_is_not_told() -> None:
    street = [passing(Kind.CAR, 10.0), passing(Kind.PEDESTRIAN, 1.2), passing(Kind.VAN, None)]
    assert words.speeds_told(street) == [10.0]
    assert words.speeds_told(street[1:]) == [1.2]
    assert words.speeds_told(street[2:]) == []


@given(st.lists(st.floats(0, 50), max_size=60))
def test_v85_needs_five_speeds_and_lies_among_them(speeds: list[float]) -> None:
    v85 = words.p85(speeds)
    if len(speeds) < 5:
        assert v85 is None
    else:
        assert v85 is not None
        assert min(speeds) <= v85 <= max(speeds)
        assert sum(speed <= v85 + 1e-9 for speed in speeds) >= 0.85 * len(speeds) - 1


@given(speed=st.floats(0, 50), number=st.integers(5, 40))
def test_equal_speeds_have_a_mean_without_error(speed: float, number: int) -> None:
    assert words.mean_error([speed] * number) == pytest.approx(0, abs=1e-6)


def test_one_is_singular() -> None:
    assert words.plural(1, "gap") == "1 gap"
    assert words.plural(1200, "gap") == "1\u202f200 gaps"


def test_every_kind_has_a_word_and_one_colour() -> None:
    assert set(words.KIND_WORDS) == set(Kind)
    grouped = [kind for kinds in words.GROUPS.values() for kind in kinds]
    assert sorted(grouped) == sorted(Kind)
    assert set(words.GROUP_WORDS) == set(words.GROUPS)
