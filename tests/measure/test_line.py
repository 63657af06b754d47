"""Who has passed a counting line, and who only stood, crept, trembled or flickered on it."""

import itertools
import math
import random
from collections.abc import Callable, Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placewatch.core.errors import Misconfigured
from placewatch.core.facts import Crossing
from placewatch.core.ids import CameraId, TrackId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.sightings import Box
from placewatch.core.space import PicturePoint
from placewatch.core.time import UtcMicros
from placewatch.measure.flow import FlowMeter
from placewatch.measure.line import CountingLine
from placewatch.measure.scene import Mover, Scene

DOWN, UP = Direction.LEFT_TO_RIGHT, Direction.RIGHT_TO_LEFT  # of a line drawn to the right
LINE = CountingLine("across", PicturePoint(100, 200), PicturePoint(500, 200))
SIZE_PX = 40.0
BAND_PX = 6.0

Where = tuple[float, float] | None


def mover(
    name: str, where: tuple[float, float], size_px: float = SIZE_PX, seen: bool = True
) -> Mover:
    x_px, y_px = where
    box = Box(x_px - size_px / 2, y_px - size_px, x_px + size_px / 2, y_px)
    anchor = box.bottom_centre
    return Mover(TrackId(name), Kind.CAR, box, anchor, None, None, None, seen)


def count(
    scenes: Iterable[Sequence[Mover]],
    fps: float = 25.0,
    gaps: Sequence[int] = (),
    line: CountingLine = LINE,
) -> list[Crossing]:
    """What a meter counts in scenes that follow each other at `fps`, to the end."""
    meter = FlowMeter(CameraId("t"), [line], UtcMicros(0))
    crossings = []
    for number, movers in enumerate(scenes):
        media_s = number / fps
        at = UtcMicros(round(media_s * 1e6))
        after_gap = number in gaps
        scene = Scene(at, media_s, number, CameraId("t"), tuple(movers), after_gap)
        crossings += meter.measure(scene)
    return crossings + meter.leave()


def drive(
    y_px: Iterable[float], x_px: float = 300.0, size_px: float = SIZE_PX
) -> list[list[Mover]]:
    """One road user whose lower edge takes these heights on the picture, frame by frame."""
    return [[mover("a", (x_px, y), size_px)] for y in y_px]


def ways(crossings: Iterable[Crossing]) -> list[Direction]:
    return [crossing.direction for crossing in crossings]


def steady(from_px: float, to_px: float, speed_px_s: float, fps: float = 25.0) -> list[float]:
    steps = max(2, round(abs(to_px - from_px) / speed_px_s * fps))
    return [from_px + (to_px - from_px) * step / steps for step in range(steps + 1)]


# Passing


def test_downwards_over_a_line_drawn_to_the_right_is_left_to_right() -> None:
    assert ways(count(drive(steady(100, 300, 100)))) == [DOWN]
    assert ways(count(drive(steady(300, 100, 100)))) == [UP]


@pytest.mark.parametrize("angle_deg", range(0, 360, 15))
def test_the_direction_turns_with_the_line(angle_deg: int) -> None:
    """To its right, for who walks from the first point to the second with y down."""
    angle = math.radians(angle_deg)
    along, right = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
    line = CountingLine(
        "turned",
        PicturePoint(300 - 100 * along[0], 300 - 100 * along[1]),
        PicturePoint(300 + 100 * along[0], 300 + 100 * along[1]),
    )
    path = [[mover("a", (300 + off * right[0], 300 + off * right[1]))] for off in range(-80, 81, 4)]
    assert ways(count(path, line=line)) == [Direction.LEFT_TO_RIGHT]
    assert ways(count(path[::-1], line=line)) == [Direction.RIGHT_TO_LEFT]


def test_the_moment_is_that_at_the_line_not_that_of_certainty() -> None:
    (crossing,) = count(drive(steady(101, 301, 100)))
    assert crossing.media_s == pytest.approx(0.99, abs=1e-6)
    assert crossing.frame == 25
    assert crossing.at == 990_000


def test_who_passes_beside_the_line_is_not_counted() -> None:
    assert count(drive(steady(100, 300, 100), x_px=80.0)) == []
    assert count(drive(steady(100, 300, 100), x_px=520.0)) == []
    assert len(count(drive(steady(100, 300, 100), x_px=96.0))) == 1  # a small margin


def test_who_walks_around_the_end_and_back_over_the_line_is_counted_once() -> None:
    around = [(50.0, y) for y in steady(150, 250, 50)] + [(x, 250.0) for x in steady(50, 300, 100)]
    back = [(300.0, y) for y in steady(250, 150, 50)]
    assert ways(count([[mover("a", where)] for where in around + back])) == [UP]


def test_two_side_by_side_are_two() -> None:
    pair = [[mover("a", (250, y)), mover("b", (350, y))] for y in steady(100, 300, 100)]
    assert ways(count(pair)) == [DOWN, DOWN]


# Standing, creeping, trembling, flickering


@given(seed=st.integers(0, 10**6), middle_px=st.floats(-3, 3))
def test_whoever_stays_in_the_band_counts_nothing(seed: int, middle_px: float) -> None:
    dice = random.Random(seed)
    inside = [
        200 + middle_px + dice.uniform(-1, 1) * (BAND_PX - abs(middle_px)) for _ in range(200)
    ]
    assert count(drive(inside)) == []


@given(seed=st.integers(0, 10**6), noise_px=st.floats(0, 1.5))
def test_a_vehicle_that_stands_on_the_line_a_minute_counts_once(seed: int, noise_px: float) -> None:
    dice = random.Random(seed)
    path = steady(120, 200, 80, 10) + [200.0] * 600 + steady(200, 280, 80, 10)
    crossings = count(drive(y + dice.gauss(0, noise_px) for y in path), fps=10)
    assert ways(crossings) == [DOWN]


@pytest.mark.parametrize("seed", range(20))
def test_a_vehicle_that_creeps_over_the_line_counts_once(seed: int) -> None:
    dice = random.Random(seed)
    path = steady(160, 240, 2.0, 10)  # 20 s for its own length
    assert ways(count(drive(y + dice.gauss(0, 1.2) for y in path), fps=10)) == [DOWN]


@pytest.mark.parametrize("fps", [5, 10, 25, 60])
@pytest.mark.parametrize("flicker_px", [8, 15, 30, 60, 200])
@pytest.mark.parametrize("before_px", [1, 7, 20])
def test_a_flicker_counts_nothing(fps: int, flicker_px: float, before_px: float) -> None:
    near, far = 200 - before_px, 200 - before_px + flicker_px
    for pattern in ("AAABAAA", "AAAAAAAABAAAABAAAAABAAAA", "AAABABABABAAA", "BAAAAAA", "AAAAAAB"):
        assert count(drive(near if letter == "A" else far for letter in pattern), fps) == []


def test_a_box_that_leaps_to_another_road_user_and_back_counts_nothing() -> None:
    path = [150.0] * 20 + [330.0] * 20 + [150.0] * 20
    assert count(drive(path)) == []


def test_a_track_that_leaps_back_to_the_next_vehicle_counts_both_downwards() -> None:
    """The tracker mistakes the follower for the leader: nobody drove upwards."""
    path = steady(100, 280, 150) + steady(120, 300, 150)
    assert ways(count(drive(path))) == [DOWN, DOWN]


def test_turning_back_before_the_far_side_counts_nothing_and_after_it_both_ways() -> None:
    assert count(drive(steady(120, 204, 50) + steady(204, 120, 50))) == []
    assert ways(count(drive(steady(120, 240, 50) + steady(240, 120, 50)))) == [DOWN, UP]


# Beginnings and ends


def test_a_track_that_begins_in_the_band_and_comes_through_counts() -> None:
    assert ways(count(drive(steady(196, 300, 100)))) == [DOWN]


def test_a_track_that_begins_past_the_line_does_not_count() -> None:
    assert count(drive(steady(201, 300, 100))) == []


def test_a_track_that_ends_just_past_the_line_counts_if_it_came_through() -> None:
    assert ways(count(drive(steady(120, 203, 100)))) == [DOWN]


def test_a_track_that_ends_just_before_the_line_does_not_count() -> None:
    assert count(drive(steady(120, 199, 100))) == []


def test_a_vehicle_that_brakes_onto_the_line_and_is_lost_there_has_not_passed() -> None:
    braking = [200.5 - 80 * (1 - step / 100) ** 2 for step in range(101)]
    assert count(drive(braking + [200.5] * 5)) == []


def test_a_line_at_the_lower_edge_counts_who_leaves_and_who_enters_there() -> None:
    """The picture ends 5 px below the line: there boxes are clipped and their edge stays."""

    def clipped(y_px: float) -> list[Mover]:
        box = Box(280, y_px - SIZE_PX, 320, min(205.0, y_px))
        if box.height_px <= 4:
            return []
        return [Mover(TrackId("a"), Kind.CAR, box, box.bottom_centre, None, None, None, True)]

    leaving = [clipped(y) for y in steady(100, 260, 60)]
    assert ways(count(leaving)) == [DOWN]
    assert ways(count(leaving[::-1])) == [UP]


def test_a_road_user_that_is_hidden_on_the_line_is_counted_when_it_comes_out() -> None:
    path = [[mover("a", (300, y), seen=not 180 < y < 220)] for y in steady(100, 300, 100)]
    assert ways(count(path)) == [DOWN]


def test_who_is_only_foretold_beyond_the_line_is_not_counted() -> None:
    path = [[mover("a", (300, y), seen=y < 195)] for y in steady(100, 300, 100)]
    assert count(path) == []


def test_a_fast_vehicle_that_is_seen_four_times_is_counted() -> None:
    assert ways(count(drive([20, 120, 220, 320]), fps=5)) == [DOWN]
    assert ways(count(drive([20, 120, 220]), fps=5)) == [DOWN]


# Tracks that break


@pytest.mark.parametrize("broken_at_px", range(150, 250, 3))
@pytest.mark.parametrize("lost_frames", [0, 3, 15])
@pytest.mark.parametrize("speed_px_s", [30, 100, 300])
def test_a_track_that_breaks_near_the_line_counts_once(
    broken_at_px: int, lost_frames: int, speed_px_s: float
) -> None:
    path = steady(100, 500, speed_px_s)
    first = next(index for index, y in enumerate(path) if y >= broken_at_px)
    scenes: list[list[Mover]] = [[mover("a", (300, y))] for y in path[:first]]
    scenes += [[] for _ in path[first : first + lost_frames]]
    scenes += [[mover("b", (300, y))] for y in path[first + lost_frames :]]
    assert ways(count(scenes)) == [DOWN]


@pytest.mark.parametrize("stands_at_px", range(190, 211))
def test_a_vehicle_lost_while_it_waits_near_the_line_counts_once_when_it_goes_on(
    stands_at_px: int,
) -> None:
    """A background model absorbs who stands; the track that sets off is a new one."""
    arrives = steady(100, stands_at_px, 60) + [float(stands_at_px)] * 50
    leaves = [float(stands_at_px)] * 3 + steady(stands_at_px, 300, 60)
    scenes: list[list[Mover]] = [[mover("a", (300, y))] for y in arrives]
    scenes += [[] for _ in range(40 * 25)]
    scenes += [[mover("b", (300, y))] for y in leaves]
    assert ways(count(scenes)) == [DOWN]


def test_the_follower_that_first_appears_where_the_leader_was_lost_counts_too() -> None:
    leader = [[mover("a", (300, y))] for y in steady(100, 206, 200)]
    follower = [[mover("b", (300, y))] for y in steady(190, 300, 200)]
    assert ways(count(leader + [[]] * 30 + follower)) == [DOWN, DOWN]


# Properties


def swings(turns: Sequence[float], fps: float) -> list[float]:
    """Swings about the line, smoothly, to these heights, 1.6 s from one to the next."""
    path = []
    for from_px, to_px in itertools.pairwise(turns):
        steps = round(1.6 * fps)
        path += [
            from_px + (to_px - from_px) * (1 - math.cos(math.pi * step / steps)) / 2
            for step in range(steps)
        ]
    return [200 + y for y in [*path, turns[-1]]]


turning_points = st.lists(st.floats(20, 60), min_size=2, max_size=8).map(
    lambda sizes: [size if index % 2 else -size for index, size in enumerate(sizes)]
)


@given(turns=turning_points, fps=st.sampled_from([5, 10, 15, 25, 30, 60, 240]))
def test_who_passes_k_times_counts_k_times_to_and_fro_at_any_frame_rate(
    turns: list[float], fps: int
) -> None:
    expected = [DOWN if index % 2 == 0 else UP for index in range(len(turns) - 1)]
    assert ways(count(drive(swings(turns, fps)), fps)) == expected


@given(turns=turning_points, fps=st.sampled_from([10, 25]))
def test_a_film_run_backwards_counts_the_same_the_other_way(turns: list[float], fps: int) -> None:
    path = swings(turns, fps)
    there, back = count(drive(path), fps), count(drive(path[::-1]), fps)
    opposite = {DOWN: UP, UP: DOWN}
    assert ways(back) == [opposite[crossing.direction] for crossing in reversed(there)]
    length_s = (len(path) - 1) / fps
    for crossing, mirrored in zip(there, reversed(back), strict=True):
        assert mirrored.media_s == pytest.approx(length_s - crossing.media_s, abs=1e-6)


@given(
    seed=st.integers(0, 10**6),
    scale=st.floats(0.25, 6),
    angle=st.floats(0, 2 * math.pi),
    move=st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
)
def test_turning_moving_and_scaling_the_picture_changes_nothing(
    seed: int, scale: float, angle: float, move: tuple[float, float]
) -> None:
    def turned(x_px: float, y_px: float) -> tuple[float, float]:
        right = x_px * math.cos(angle) - y_px * math.sin(angle)
        down = x_px * math.sin(angle) + y_px * math.cos(angle)
        return scale * right + move[0], scale * down + move[1]

    dice = random.Random(seed)
    turns = [dice.choice([-1, 1]) * dice.uniform(0, 50) for _ in range(6)]
    path = [(300.0, y) for y in swings(turns, 25)]
    line = CountingLine("turned", PicturePoint(*turned(100, 200)), PicturePoint(*turned(500, 200)))
    here = count([[mover("a", where)] for where in path])
    there = count([[mover("a", turned(*where), SIZE_PX * scale)] for where in path], line=line)
    assert [(c.direction, c.frame) for c in there] == [(c.direction, c.frame) for c in here]


@pytest.mark.parametrize("seed", range(10))
def test_a_busy_street_is_counted_exactly(seed: int) -> None:
    """200 vehicles both ways at 10 fps, some of which stop at or on the line; 10 % of sightings
    missed, boxes trembling by 3 % of their size, 1 % of them leaping for one frame."""
    dice = random.Random(seed)
    scenes: dict[int, list[Mover]] = {}
    true = {DOWN: 0, UP: 0}
    for vehicle in range(200):
        way = dice.choice([DOWN, UP])
        true[way] += 1
        speed_px_s, size_px = dice.uniform(20, 250), dice.uniform(20, 60)
        path = steady(60, 340, speed_px_s, 10)
        stop = dice.randrange(len(path))
        if dice.random() < 0.5 and 185 < path[stop] < 215:
            path[stop:stop] = [path[stop]] * dice.randrange(10, 300)
        for index, y in enumerate(path if way is DOWN else path[::-1]):
            leap = dice.choice([-1, 1]) * dice.uniform(0.2, 3) * size_px * (dice.random() < 0.01)
            where = (
                300 + dice.gauss(0, 0.03 * size_px),
                y + dice.gauss(0, 0.03 * size_px) + leap,
            )
            seen = dice.random() > 0.1
            scenes.setdefault(vehicle * 20 + index, []).append(
                mover(f"v{vehicle}", where, size_px * dice.uniform(0.97, 1.03), seen)
            )
    crossings = count([scenes.get(number, []) for number in range(max(scenes) + 1)], fps=10)
    assert {way: ways(crossings).count(way) for way in true} == true


# Gaps


def test_nobody_crosses_in_a_gap() -> None:
    path = steady(100, 180, 100) + steady(220, 300, 100)
    assert count(drive(path), gaps=[path.index(220)]) == []


def test_who_has_passed_before_a_gap_is_counted() -> None:
    path = steady(100, 204, 100) + [300.0] * 20
    assert ways(count(drive(path), gaps=[path.index(300.0)])) == [DOWN]


# Drawing a line


@pytest.mark.parametrize(
    ("draw", "says"),
    [
        (lambda: CountingLine("", PicturePoint(0, 0), PicturePoint(9, 9)), "no name"),
        (lambda: CountingLine("x", PicturePoint(5, 5), PicturePoint(5, 5)), "is a point"),
        (lambda: LINE.check_inside(400, 300), "500,200 is not within 400 x 300"),
    ],
)
def test_a_line_that_cannot_count_is_refused(draw: Callable[[], object], says: str) -> None:
    with pytest.raises(Misconfigured, match=says):
        draw()


def test_a_line_to_the_edge_of_the_picture_is_fine() -> None:
    CountingLine("x", PicturePoint(0, 300), PicturePoint(640, 300)).check_inside(640, 300)
