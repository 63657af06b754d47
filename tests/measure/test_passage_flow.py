"""People over a line in metres: counted exactly, and the Jülich experiments beside JPSreport."""

import math
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placewatch.core.errors import Misconfigured
from placewatch.core.kinds import Kind
from placewatch.core.space import Point
from placewatch.measure.crowd import velocities_m_s
from placewatch.measure.passage_flow import Passages, passages
from placewatch.measure.replay import GroundTracks

JUELICH = Path(__file__).parents[2] / "../shared/data/trajectories/pedestrians-juelich"

Floats = npt.NDArray[np.float64]

SOUTH, NORTH = Point(0.0, 0.0), Point(0.0, 4.0)  # a line to the north: its right is east


def tracks(
    at_s: npt.ArrayLike, who: npt.ArrayLike, places_m: npt.ArrayLike, speed_m_s: npt.ArrayLike = 1.0
) -> GroundTracks:
    at, people = np.asarray(at_s, np.float64), np.asarray(who, np.int64)
    x_m, y_m = np.asarray(places_m, np.float64).reshape(-1, 2).T
    number = int(people.max(initial=0)) + 1
    return GroundTracks(
        moments_s=np.unique(at),
        at_s=at,
        who=people,
        x_m=x_m,
        y_m=y_m,
        heading_rad=np.zeros(len(at)),
        speed_m_s=np.broadcast_to(np.asarray(speed_m_s, np.float64), at.shape),
        kinds=[Kind.PEDESTRIAN] * number,
        sizes_m=np.full((number, 2), 0.5),
    )


def walk(*places_m: tuple[float, float]) -> GroundTracks:
    """One person, a place a second."""
    return tracks(np.arange(len(places_m)), np.zeros(len(places_m)), places_m)


def over(walked: GroundTracks, *, once: bool = True) -> Passages:
    return passages(walked, SOUTH, NORTH, once=once)


def test_the_moment_lies_between_the_two_sightings() -> None:
    passed = over(walk((-3.0, 1.0), (-1.0, 1.0), (3.0, 2.0)))
    assert passed.at_s.tolist() == [1.25]
    assert passed.to_right.tolist() == [True]


def test_the_count_rises_by_one_as_somebody_passes() -> None:
    passed = over(walk((-3.0, 1.0), (-1.0, 1.0), (3.0, 2.0)))
    assert passed.counts([2.0, 0.0, 1.25, 1.26]).tolist() == [1, 0, 0, 1]


def test_who_touches_the_line_and_turns_back_has_not_passed() -> None:
    assert len(over(walk((-1.0, 1.0), (0.0, 1.0), (0.0, 1.5), (-1.0, 1.0)))) == 0


def test_who_stands_on_the_line_and_goes_on_has_passed() -> None:
    passed = over(walk((-1.0, 1.0), (0.0, 1.0), (0.0, 1.5), (1.0, 1.5)))
    assert passed.counts([0, 1, 2, 3]).tolist() == [0, 0, 0, 1]


def test_who_comes_into_view_on_the_line_has_come_from_nowhere() -> None:
    assert len(over(walk((0.0, 1.0), (1.0, 1.0)))) == 0


def test_who_goes_around_the_end_has_not_passed() -> None:
    assert len(over(walk((-1.0, 3.0), (-1.0, 5.0), (1.0, 5.0), (1.0, 3.0)))) == 0


def test_two_lines_end_to_end_count_who_passes_their_joint_once() -> None:
    walked, joint = walk((-1.0, 4.0), (1.0, 4.0)), Point(0.0, 8.0)
    assert len(passages(walked, SOUTH, NORTH)) + len(passages(walked, NORTH, joint)) == 1


def test_who_comes_back_counts_once_or_at_each_passage() -> None:
    there_and_back = walk((-1.0, 1.0), (1.0, 1.0), (-1.0, 1.0), (1.0, 1.0))
    assert over(there_and_back).to_right.tolist() == [True]
    every = over(there_and_back, once=False)
    assert every.to_right.tolist() == [True, False, True]
    assert every.only(to_right=False).at_s.tolist() == [1.5]


def test_two_people_are_not_one_who_leaps() -> None:
    assert len(over(tracks([0, 1], [0, 1], [(-1.0, 1.0), (1.0, 1.0)]))) == 0


def test_nobody_is_no_flow_and_no_speed() -> None:
    passed = over(tracks([], [], []))
    assert passed.counts([0.0, 9.0]).tolist() == [0, 0]
    assert passed.flow_per_s(0.0, 60.0) == 0.0
    assert passed.speed_m_s_mean() is None


def test_flow_and_speed_between_two_times() -> None:
    # Somebody passes every half second from 0.25 s on, each 0.1 m/s faster than the one before.
    number = np.arange(20)
    at_s = np.concatenate([number / 2, number / 2 + 0.5])
    walked = tracks(
        at_s,
        np.tile(number, 2),
        np.vstack([np.tile([-1.0, 2.0], (20, 1)), np.tile([1.0, 2.0], (20, 1))]),
        np.tile(number / 10, 2),
    )
    passed = over(walked)
    assert passed.flow_per_s(0.0, 10.0) == pytest.approx(2.0)
    assert passed.flow_per_s(2.0, 4.0) == pytest.approx(2.0)
    assert passed.speed_m_s_mean(2.0, 4.0) == pytest.approx(np.mean([0.4, 0.5, 0.6, 0.7]))
    assert passed.speed_m_s_mean() == pytest.approx(0.95)


def test_a_speed_is_taken_where_it_is_known() -> None:
    places_m = [(-1.0, 1.0), (1.0, 1.0)]
    for speeds, known in (([math.nan, 2.0], 2.0), ([1.0, math.nan], 1.0), ([1.0, 2.0], 1.5)):
        assert over(tracks([0, 1], [0, 0], places_m, speeds)).speed_m_s_mean() == known
    unknown = over(tracks([0, 1], [0, 0], places_m, math.nan))
    assert len(unknown) == 1
    assert unknown.speed_m_s_mean() is None


def test_a_line_must_not_be_a_point() -> None:
    with pytest.raises(Misconfigured, match="a point"):
        passages(walk((0, 0)), SOUTH, SOUTH)


@pytest.mark.parametrize(("since_s", "until_s"), [(1.0, 1.0), (2.0, 1.0), (math.nan, 1.0)])
def test_a_flow_needs_time(since_s: float, until_s: float) -> None:
    with pytest.raises(Misconfigured, match="no time"):
        over(walk((0, 0))).flow_per_s(since_s, until_s)


paths = st.lists(
    st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 7)), min_size=1, max_size=8),
    min_size=1,
    max_size=6,
)


def together(people: list[list[tuple[int, int]]]) -> GroundTracks:
    at_s = np.concatenate([np.arange(len(path)) for path in people])
    who = np.repeat(np.arange(len(people)), [len(path) for path in people])
    return tracks(at_s, who, np.vstack([np.array(path, np.float64) for path in people]))


@given(people=paths)
def test_whatever_passes_an_endless_line_ends_on_its_other_side(
    people: list[list[tuple[int, int]]],
) -> None:
    every = passages(together(people), Point(0, -1e6), Point(0, 1e6), once=False)
    eastwards = int(every.to_right.sum()) - int((~every.to_right).sum())
    changed = 0
    for path in people:
        sides = [x > 0 for x, _ in path if x != 0]
        changed += (sides[-1] - sides[0]) if sides else 0
    assert eastwards == changed


@given(people=paths, once=st.booleans())
def test_the_line_the_other_way_around_swaps_left_and_right(
    people: list[list[tuple[int, int]]], once: bool
) -> None:
    walked = together(people)
    # Ends off the whole metres on which people walk: an end belongs to the line one way only.
    one = passages(walked, Point(0, -0.3), Point(0, 4.7), once=once)
    other = passages(walked, Point(0, 4.7), Point(0, -0.3), once=once)
    assert one.at_s == pytest.approx(other.at_s)
    assert sorted(one.to_right) == sorted(~other.to_right)


@given(people=paths)
def test_the_count_never_falls_and_ends_at_all(people: list[list[tuple[int, int]]]) -> None:
    passed = over(together(people), once=False)
    counts = passed.counts(np.linspace(-1, 10, 50))
    assert (np.diff(counts) >= 0).all()
    assert counts[-1] == len(passed)


# The Jülich experiments


@pytest.mark.parametrize(
    ("name", "line", "people"),
    [("bottleneck", "area_L[@id='4']", 348), ("corner", "area_B[@id='1']", 137)],
)
def test_the_count_over_time_is_that_of_jpsreport(name: str, line: str, people: int) -> None:
    folder = JUELICH / name
    if not folder.exists():
        pytest.skip("the Jülich experiments are not on this machine (shared data)")
    fps = 16
    who, frame, x_m, y_m = np.loadtxt(folder / "traj.txt", usecols=(0, 1, 2, 3)).T
    places_m = np.column_stack([x_m, y_m])
    speeds = np.hypot(*velocities_m_s(frame / fps, who.astype(np.int64), places_m, 10 / fps).T)
    element = ElementTree.parse(folder / "ini.xml").getroot().find(f"measurement_areas/{line}")
    assert element is not None
    # The corner's line is commented out in its settings; it is the first edge of its area.
    a, b = (Point(float(end.attrib["x"]), float(end.attrib["y"])) for end in list(element)[:2])

    passed = passages(tracks(frame / fps, who, places_m, speeds), a, b)

    (file,) = (folder / "results/Fundamental_Diagram/FlowVelocity").glob("Flow_NT_*")
    theirs = np.loadtxt(file)
    assert np.array_equal(passed.counts(theirs[:, 0] / fps), theirs[:, 2])
    assert len(passed) == people
    # Its mean speeds are of parts of the time that it does not tell: about as many people in each.
    (file,) = file.parent.glob("FDFlowVelocity_*")
    assert passed.speed_m_s_mean() == pytest.approx(np.loadtxt(file)[:, 1].mean(), rel=0.05)
