"""Crowds whose density is known by geometry, and the Jülich experiments as JPSreport saw them."""

import functools
import math
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placewatch.core.errors import Misconfigured
from placewatch.core.space import Point
from placewatch.measure.crowd import (
    PRESSURE_PER_S2_TURBULENT,
    Crowd,
    CrowdArea,
    CrowdGrid,
    Field,
    inside,
    pressure_over_time_per_s2,
    velocities_m_s,
)
from placewatch.measure.service import FRUIN_WALKWAY

JUELICH = Path(__file__).parents[2] / "../shared/data/trajectories/pedestrians-juelich"
CLASSIC_VORONOI = "results/Fundamental_Diagram/Classical_Voronoi"

Floats = npt.NDArray[np.float64]


def box(west: float, south: float, east: float, north: float) -> list[Point]:
    return [Point(west, south), Point(east, south), Point(east, north), Point(west, north)]


def polygon(*corners: tuple[float, float]) -> list[Point]:
    return [Point(x_m, y_m) for x_m, y_m in corners]


def places(*points: tuple[float, float]) -> Floats:
    return np.array(points, np.float64).reshape(-1, 2)


def lattice(step_m: float, size_m: float) -> Floats:
    """People in rows and columns, each in the middle of a square, on `size_m` by `size_m`."""
    axis = np.arange(step_m / 2, size_m, step_m)
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)


def walks(people: Floats, east_m_s: float, north_m_s: float = 0.0) -> Floats:
    return np.tile([east_m_s, north_m_s], (len(people), 1)).astype(np.float64)


HALL = box(0, 0, 12, 12)
MIDDLE = CrowdArea(box(4, 4, 8, 8), HALL)
CORNER = polygon((-3, 5), (0, 5), (0, 0), (5, 0), (5, -3), (-3, -3))  # an L

crowds = st.lists(
    st.tuples(st.floats(0.01, 11.99), st.floats(0.01, 11.99)), min_size=1, max_size=25
).map(lambda points: places(*points))


# What geometry says


@pytest.mark.parametrize("step_m", [0.4, 0.5, 1.0, 2.0])
def test_a_square_lattice_is_as_dense_as_its_squares(step_m: float) -> None:
    people = lattice(step_m, 12.0)
    crowd = MIDDLE.measure(people, walks(people, 1.5))
    density = 1 / step_m**2
    assert crowd.density_per_m2_voronoi == pytest.approx(density)
    assert crowd.density_per_m2_classic == pytest.approx(density)
    assert crowd.density_per_m2_min == pytest.approx(density)
    assert crowd.density_per_m2_max == pytest.approx(density)
    assert crowd.speed_m_s_voronoi == pytest.approx(1.5)
    assert crowd.flow_per_m_s == pytest.approx(1.5 * density)
    assert crowd.pressure_per_s2 == pytest.approx(0.0)


def test_one_person_owns_the_hall() -> None:
    crowd = MIDDLE.measure(places((5.0, 6.0)), places((0.3, -0.4)))
    assert crowd.count == 1
    assert crowd.density_per_m2_voronoi == pytest.approx(1 / 144)
    assert crowd.density_per_m2_classic == pytest.approx(1 / 16)
    assert crowd.speed_m_s_voronoi == pytest.approx(0.5)
    assert crowd.pressure_per_s2 is None  # one person varies from nobody


def test_one_person_with_a_cut_off_owns_no_more_than_its_circle() -> None:
    area = CrowdArea(box(4, 4, 8, 8), HALL, cut_off_m=1.0)
    crowd = area.measure(places((6.0, 6.0)))
    circle_m2 = 12 / 2 * math.sin(2 * math.pi / 12)  # a polygon of twelve edges, radius 1
    assert crowd.density_per_m2_max == pytest.approx(1 / circle_m2)
    assert crowd.density_per_m2_voronoi == pytest.approx(1 / 16)  # all of it is in the area
    assert crowd.density_per_m2_min == 0.0
    assert crowd.covered == pytest.approx(circle_m2 / 16)


def test_nobody_is_a_density_of_zero_and_no_speed() -> None:
    assert MIDDLE.measure(places(), places()) == Crowd(
        count=0,
        outside=0,
        covered=0.0,
        density_per_m2_classic=0.0,
        density_per_m2_voronoi=0.0,
        density_per_m2_min=0.0,
        density_per_m2_max=0.0,
        speed_m_s_classic=None,
        speed_m_s_voronoi=None,
        flow_per_m_s=None,
        pressure_per_s2=None,
    )


def test_people_in_one_line_share_the_hall_in_strips() -> None:
    people = places((1.5, 1.5), (4.5, 4.5), (7.5, 7.5), (10.5, 10.5))
    whole = CrowdArea(HALL, HALL)
    # The bisectors are x + y = 6, 12 and 18.
    assert whole.densities_per_m2(people) == pytest.approx([1 / 18, 1 / 54, 1 / 54, 1 / 18])
    row = CrowdArea(HALL, HALL).measure(places((2, 6), (6, 6), (10, 6)))
    assert row.density_per_m2_min == row.density_per_m2_max == pytest.approx(3 / 144)


@pytest.mark.parametrize("apart_m", [0.0, 1e-15, 1e-12, 1e-9])
def test_two_detections_at_one_place_are_two_people(apart_m: float) -> None:
    people = places((3.0, 6.0), (3.0 + apart_m, 6.0), (9.0, 6.0))
    crowd = CrowdArea(HALL, HALL).measure(people, places((1, 0), (2, 0), (3, 0)))
    assert crowd.density_per_m2_voronoi == pytest.approx(3 / 144)
    assert crowd.density_per_m2_max == pytest.approx(2 / 72)
    assert crowd.speed_m_s_voronoi == pytest.approx((1 * 36 + 2 * 36 + 3 * 72) / 144)


def test_who_is_not_on_walkable_ground_is_told_and_left_out() -> None:
    people = lattice(1.0, 12.0)
    astray = np.vstack([people, places((-0.5, 6.0), (30.0, 30.0))])
    crowd, same = MIDDLE.measure(astray, walks(astray, 1.0)), MIDDLE.measure(people)
    assert crowd.outside == 2
    assert crowd.density_per_m2_voronoi == same.density_per_m2_voronoi
    assert np.isnan(MIDDLE.densities_per_m2(astray)[-2:]).all()


def test_walls_bound_the_ground_that_is_somebodys() -> None:
    # Around the corner stands nobody: the first person's ground ends at the wall, x = 0.
    area = CrowdArea(box(-3, 0, 0, 5), CORNER)
    assert area.densities_per_m2(places((-1.5, 2.5)))[0] == pytest.approx(1 / 39)
    two = places((-0.5, 4.0), (4.5, -1.0))
    assert area.densities_per_m2(two)[0] > 1 / 39


def test_a_cell_that_a_wall_cuts_is_the_piece_with_its_person() -> None:
    # A horseshoe: both legs are 2 m wide, the gap between them 1 m, 10 m deep.
    horseshoe = polygon((0, 0), (5, 0), (5, 12), (3, 12), (3, 2), (2, 2), (2, 12), (0, 12))
    area = CrowdArea(horseshoe, horseshoe)
    people = places((1.0, 11.0), (2.5, 1.0))
    # The bisector goes through (1.75, 6) and rises by 0.15 a metre: the first person's cell has a
    # part in the other leg as well, which is nobody's.
    own_m2 = 2 * (12 - (6 - 0.15 * 0.75))
    assert area.densities_per_m2(people)[0] == pytest.approx(1 / own_m2)
    assert area.measure(people).covered < 1.0


def test_ground_that_is_not_walkable_is_no_part_of_an_area() -> None:
    area = CrowdArea(box(-3, -3, 5, 5), CORNER)
    assert area.ground_m2 == pytest.approx(39)
    assert area.measure(places((0.0, -1.0))).density_per_m2_classic == pytest.approx(1 / 39)


def test_an_area_may_touch_a_wall_beside_its_ground() -> None:
    # It overlaps the L below, and has an edge in common with it on the left above.
    area = CrowdArea(polygon((0, 4), (0, -1), (5, -1), (5, 4)), CORNER)
    assert area.ground_m2 == pytest.approx(5)
    assert area.bounds_m == (0, -1, 5, 0)
    crowd = area.measure(places((1.0, -0.5), (-1.0, 3.0)))
    assert crowd.count == 1
    assert crowd.covered == pytest.approx(1.0)


def test_open_ground_needs_no_walls() -> None:
    people = lattice(1.0, 12.0) - 6.0
    open_ground = CrowdArea(box(-2, -2, 2, 2), cut_off_m=1.5)
    far_off = np.vstack([people, places((500.0, 0.0))])
    crowd = open_ground.measure(far_off)
    assert crowd.outside == 0
    assert crowd.density_per_m2_voronoi == pytest.approx(1.0)


@given(seed=st.integers(0, 10_000), many=st.integers(1, 150))
@settings(max_examples=60, deadline=None)
def test_open_ground_is_a_hall_whose_walls_nobody_reaches(seed: int, many: int) -> None:
    people = np.random.default_rng(seed).uniform(0, 12, (many, 2))
    walled = CrowdArea(box(4, 4, 8, 8), box(-50, -50, 62, 62), cut_off_m=1.0)
    opened = CrowdArea(box(4, 4, 8, 8), cut_off_m=1.0)
    velocities = people[:, ::-1] / 10
    inside_walls, in_the_open = (area.measure(people, velocities) for area in (walled, opened))
    assert figures(in_the_open) == pytest.approx(figures(inside_walls), rel=1e-6, abs=1e-9)


def test_an_unknown_velocity_leaves_the_others() -> None:
    people = places((3.0, 6.0), (9.0, 6.0))
    crowd = CrowdArea(HALL, HALL).measure(people, places((math.nan, math.nan), (0.0, 1.2)))
    assert crowd.speed_m_s_voronoi == pytest.approx(1.2)
    assert crowd.speed_m_s_classic == pytest.approx(1.2)
    assert crowd.pressure_per_s2 is None


def test_pressure_is_density_times_the_variance_of_velocity() -> None:
    people = lattice(0.5, 12.0)
    velocities = np.where((np.arange(len(people)) % 2 == 0)[:, None], [0.1, 0.2], [-0.1, -0.2])
    crowd = CrowdArea(HALL, HALL).measure(people, velocities)
    assert crowd.pressure_per_s2 == pytest.approx(4.0 * (0.1**2 + 0.2**2))


# Who is in an area


def test_who_stands_on_the_edge_is_in_the_area_to_the_north_east_only() -> None:
    corners = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]])
    edges = places((0, 1), (1, 0), (2, 1), (1, 2), (0, 0), (2, 2), (1, 1))
    assert inside(corners, edges).tolist() == [True, True, False, False, True, False, True]


@given(
    cut=st.tuples(st.floats(0.1, 0.9), st.floats(0.1, 0.9)),
    people=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=30),
    along=st.floats(0, 1),
)
def test_areas_that_share_edges_count_everybody_once(
    cut: tuple[float, float], people: list[tuple[float, float]], along: float
) -> None:
    corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    crowd = places(*people, cut, (cut[0] * along, cut[1] * along))
    wedges = [
        np.array([corners[side], corners[(side + 1) % 4], cut][:: 1 - 2 * (side % 2)])
        for side in range(4)
    ]
    times = np.sum([inside(wedge, crowd) for wedge in wedges], axis=0)
    assert times.tolist() == inside(np.array(corners), crowd).astype(int).tolist()


# What cannot be measured


@pytest.mark.parametrize(
    ("corners", "why"),
    [
        (polygon((0, 0), (2, 2), (2, 0), (0, 2)), "not a simple polygon"),
        (polygon((0, 0), (4, 0), (1, 0), (4, 0.0)), "not a simple polygon"),
        (polygon((0, 0), (1, 1)), "fewer than three corners"),
        (polygon((0, 0), (1, 1), (0, 0), (1, 1)), "fewer than three corners"),
        (polygon((0, 0), (1, 0), (math.nan, 1)), "no number"),
        ([], "fewer than three corners"),
    ],
)
def test_an_area_must_be_a_simple_polygon(corners: list[Point], why: str) -> None:
    with pytest.raises(Misconfigured, match=f"the area.*{why}|corner of the area.*{why}"):
        CrowdArea(corners, HALL)
    with pytest.raises(Misconfigured, match="the walkable ground"):
        CrowdArea(HALL, corners)


def test_an_area_must_have_walkable_ground() -> None:
    with pytest.raises(Misconfigured, match="no part of the area is walkable"):
        CrowdArea(box(20, 20, 21, 21), HALL)


def test_a_circle_must_have_edges() -> None:
    with pytest.raises(Misconfigured, match="circle with 2 edges"):
        CrowdArea(HALL, HALL, cut_off_m=1.0, cut_off_edges=2)


def test_open_ground_must_have_a_cut_off() -> None:
    with pytest.raises(Misconfigured, match="open ground needs a cut-off"):
        CrowdArea(HALL)


@pytest.mark.parametrize("cut_off_m", [0.0, -1.0, math.inf, math.nan])
def test_a_cut_off_must_be_above_zero(cut_off_m: float) -> None:
    with pytest.raises(Misconfigured, match="cut-off"):
        CrowdArea(HALL, HALL, cut_off_m=cut_off_m)


@pytest.mark.parametrize(("step_m", "bell_m"), [(0.0, 1.0), (0.5, 0.0), (math.nan, 1.0)])
def test_a_grid_must_have_a_step_and_a_bell(step_m: float, bell_m: float) -> None:
    with pytest.raises(Misconfigured, match="grid"):
        CrowdGrid(MIDDLE, step_m, bell_m)


# What must never happen


def figures(crowd: Crowd) -> list[float]:
    return [
        crowd.density_per_m2_voronoi,
        crowd.density_per_m2_min,
        crowd.density_per_m2_max,
        crowd.speed_m_s_voronoi or 0.0,
        crowd.flow_per_m_s or 0.0,
        crowd.pressure_per_s2 or 0.0,
        crowd.covered,
    ]


@given(people=crowds)
@settings(deadline=None)
def test_nobody_is_lost_and_nobody_counts_twice(people: Floats) -> None:
    crowd = CrowdArea(HALL, HALL).measure(people)
    assert crowd.density_per_m2_voronoi * 144 == pytest.approx(len(people))
    assert crowd.covered == pytest.approx(1.0)


@given(people=crowds)
@settings(deadline=None)
def test_the_mean_density_lies_between_the_lowest_and_the_highest(people: Floats) -> None:
    crowd = MIDDLE.measure(people)
    assert crowd.density_per_m2_min <= crowd.density_per_m2_voronoi * (1 + 1e-9)
    assert crowd.density_per_m2_voronoi <= crowd.density_per_m2_max * (1 + 1e-9)


@given(people=crowds, turn=st.floats(-math.pi, math.pi), far_m=st.floats(-1e5, 1e5))
@settings(max_examples=60, deadline=None)
def test_a_crowd_that_is_turned_and_moved_as_a_whole_is_the_same(
    people: Floats, turn: float, far_m: float
) -> None:
    people = np.round(people, 3)  # whoever is nearer than a micrometre may share a cell or not
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])

    def moved(points: Floats) -> Floats:
        there: Floats = points @ rotation.T + [far_m, -far_m / 3]
        return there

    def corners(points: list[Point]) -> list[Point]:
        return polygon(*moved(np.array([(p.x_m, p.y_m) for p in points])).tolist())

    velocities = people[:, ::-1] / 10
    area = CrowdArea(corners(box(4, 4, 8, 8)), corners(HALL))
    turned = area.measure(moved(people), velocities @ rotation.T)
    assert figures(turned) == pytest.approx(
        figures(MIDDLE.measure(people, velocities)), rel=1e-3, abs=1e-6
    )


@given(people=crowds, dice=st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_people_does_not_matter(people: Floats, dice: object) -> None:
    order = list(range(len(people)))
    dice.shuffle(order)  # type: ignore[attr-defined]
    velocities = people[:, ::-1] / 10
    assert figures(MIDDLE.measure(people[order], velocities[order])) == pytest.approx(
        figures(MIDDLE.measure(people, velocities))
    )


@given(people=crowds, scale=st.floats(0.1, 10))
@settings(max_examples=60, deadline=None)
def test_twice_as_wide_is_a_quarter_as_dense(people: Floats, scale: float) -> None:
    people = np.round(people, 3)
    hall = box(0, 0, 12 * scale, 12 * scale)
    area = CrowdArea(box(4 * scale, 4 * scale, 8 * scale, 8 * scale), hall)
    assert area.measure(people * scale).density_per_m2_voronoi == pytest.approx(
        MIDDLE.measure(people).density_per_m2_voronoi / scale**2, rel=1e-3
    )


@given(people=crowds)
@settings(max_examples=25, deadline=None)
def test_ground_belongs_to_who_is_nearest(people: Floats) -> None:
    people = np.unique(np.floor(people * 10) / 10, axis=0)
    step_m = 0.05
    axis = np.arange(step_m / 2, 12, step_m)
    spots = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    nearest = ((spots[:, None] - people[None]) ** 2).sum(axis=2).argmin(axis=1)
    own_m2 = np.bincount(nearest, minlength=len(people)) * step_m**2
    # A raster is wrong by at most half a spot along a cell's edge, some 40 m at the longest.
    exact_m2 = 1 / CrowdArea(HALL, HALL).densities_per_m2(people)
    assert np.abs(own_m2 - exact_m2).max() < 40 * step_m / 2


# On a grid


def test_a_wide_lattice_has_the_density_of_its_squares_at_every_point() -> None:
    people = lattice(0.5, 12.0)
    grid = CrowdGrid(CrowdArea(HALL, HALL), step_m=1.0)
    field = grid.measure(people, walks(people, 0.7, -0.2))
    assert field.density_per_m2.shape == (len(grid.y_m), len(grid.x_m)) == (12, 12)
    assert np.abs(field.density_per_m2 - 4.0).max() < 0.06  # also against the walls
    assert field.velocity_m_s == pytest.approx(np.broadcast_to([0.7, -0.2], (12, 12, 2)))


def test_without_walls_the_bell_is_that_of_the_paper() -> None:
    grid = CrowdGrid(CrowdArea(box(-2, -2, 2, 2), cut_off_m=1.0), step_m=1.0, bell_m=1.0)
    field = grid.measure(places((0.5, 0.5)), places((1.0, 0.0)))
    assert grid.x_m.tolist() == [-1.5, -0.5, 0.5, 1.5]
    assert field.density_per_m2[2, 2] == pytest.approx(1 / math.pi)
    assert field.density_per_m2[2, 3] == pytest.approx(math.exp(-1) / math.pi)


def test_a_bell_keeps_what_the_walls_would_take() -> None:
    # At a distance d of a straight wall it has this share of itself before the wall.
    before = (1 + math.erf(0.5)) / 2
    in_hall = CrowdGrid(CrowdArea(HALL, HALL), step_m=1.0)
    field = in_hall.measure(places((0.5, 0.5)), places((0, 0)))
    assert field.density_per_m2[0, 0] == pytest.approx(1 / math.pi / before**2, rel=1e-3)

    # At the inner corner of the L a quarter is behind walls, and half a metre into its upper leg
    # only what is both east and north of that corner.
    in_leg = before + (1 - before) ** 2
    for west, south, kept in ((-0.5001, -0.5001, 0.75), (-1.0, 0.0, in_leg)):
        corner = CrowdGrid(CrowdArea(box(west, south, west + 1, south + 1), CORNER), step_m=1.0)
        field = corner.measure(places((west + 0.5, south + 0.5)), places((0, 0)))
        assert field.density_per_m2[0, 0] == pytest.approx(1 / math.pi / kept, rel=1e-3)


def test_a_field_is_unknown_outside_the_area_and_its_velocity_where_nobody_is() -> None:
    grid = CrowdGrid(CrowdArea(CORNER, CORNER), step_m=1.0)
    field = grid.measure(places((-2.5, 4.5)), places((0.4, 0.0)))
    north_east, far, near = (7, 7), (0, 7), (7, 0)
    assert np.isnan(field.density_per_m2[north_east])
    assert field.density_per_m2[far] == 0.0
    assert np.isnan(field.velocity_m_s[far]).all()
    assert field.velocity_m_s[near] == pytest.approx([0.4, 0.0])


def field_of(density_per_m2: float, east_m_s: float, north_m_s: float = 0.0) -> Field:
    return Field(np.full((1, 1), density_per_m2), np.array([[[east_m_s, north_m_s]]]))


def test_pressure_over_time_is_that_of_a_crowd_shoved_to_and_fro() -> None:
    shoved = [field_of(7.0, side * 0.1, side * 0.05) for side in (1, -1) * 20]
    steady = [field_of(7.0, 0.1)] * 40
    assert pressure_over_time_per_s2(shoved)[0, 0] == pytest.approx(7 * (0.1**2 + 0.05**2))
    assert pressure_over_time_per_s2(shoved)[0, 0] > PRESSURE_PER_S2_TURBULENT
    assert pressure_over_time_per_s2(steady)[0, 0] == pytest.approx(0.0)


def test_pressure_over_time_is_unknown_from_one_moment() -> None:
    empty = Field(np.zeros((1, 1)), np.full((1, 1, 2), np.nan))
    assert np.isnan(pressure_over_time_per_s2([field_of(7.0, 0.1), empty])[0, 0])


# Velocities


def test_a_velocity_is_that_over_the_time_around() -> None:
    at_s = np.tile(np.arange(20) / 10, 2)
    who = np.repeat([7, 3], 20)
    people = np.column_stack([np.where(who == 7, 1.5, -0.5) * at_s, at_s**2])
    mixed = np.random.default_rng(1).permutation(40)
    velocities = np.empty((40, 2))
    velocities[mixed] = velocities_m_s(at_s[mixed], who[mixed], people[mixed], over_s=0.6)
    assert velocities[:, 0] == pytest.approx(np.where(who == 7, 1.5, -0.5))
    assert velocities[3:17, 1] == pytest.approx(2 * at_s[3:17])
    # At the beginning only what came after is known: at 0 s, the 0.3 s from there on.
    assert velocities[0, 1] == pytest.approx(0.3)


def test_who_is_seen_once_has_no_velocity() -> None:
    assert np.isnan(velocities_m_s(np.array([5.0]), np.array([1]), places((1, 1)), 1.0)).all()
    assert velocities_m_s(np.zeros(0), np.zeros(0, np.int64), places(), 1.0).shape == (0, 2)


# The Jülich experiments: JPSreport's own results, printed to three digits


class Experiment(NamedTuple):
    frame: npt.NDArray[np.int64]
    people: Floats
    velocities: Floats
    area: list[Point]
    walkable: list[Point]


@functools.cache
def experiment(name: str) -> Experiment:
    """The trajectories of one, and the areas that JPSreport was given."""
    if not JUELICH.exists():
        pytest.skip("the Jülich experiments are not on this machine (shared data)")
    folder = JUELICH / name
    fps = 16
    who, frame, x_m, y_m = np.loadtxt(folder / "traj.txt", usecols=(0, 1, 2, 3)).T
    people = np.column_stack([x_m, y_m])
    settings_ = ElementTree.parse(folder / "ini.xml").getroot()
    step = settings_.find("velocity")
    assert step is not None
    over_s = int(step.attrib["frame_step"]) / fps
    area = settings_.find("measurement_areas/area_B[@id='1']")
    assert area is not None
    return Experiment(
        frame.astype(np.int64),
        people,
        velocities_m_s(frame / fps, who.astype(np.int64), people, over_s),
        [Point(float(v.attrib["x"]), float(v.attrib["y"])) for v in area.iter("vertex")],
        [
            Point(float(v.attrib["px"]), float(v.attrib["py"]))
            for v in ElementTree.parse(folder / "geo.xml").iter("vertex")
        ],
    )


@functools.cache
def crowds_of(name: str, cut_off_m: float | None) -> dict[int, Crowd]:
    """What we measure in each frame."""
    run = experiment(name)
    area = CrowdArea(run.area, run.walkable, cut_off_m)
    return {
        frame: area.measure(run.people[now], run.velocities[now])
        for frame in np.unique(run.frame).tolist()
        for now in [run.frame == frame]
    }


def compare(name: str, results: str, cut_off_m: float | None) -> tuple[list[Crowd], Floats]:
    """What we measure in each frame of JPSreport's `results`, and these: frame, density, speed."""
    ours = crowds_of(name, cut_off_m)
    (file,) = (JUELICH / name / CLASSIC_VORONOI).glob(results)
    theirs = np.loadtxt(file)
    return [ours[int(frame)] for frame in theirs[:, 0]], theirs


BOTH = pytest.mark.parametrize("name", ["bottleneck", "corner"])


@BOTH
@pytest.mark.parametrize("points", ["id_1.dat", "id_1_blind_points.dat"])
def test_voronoi_density_and_speed_are_those_of_jpsreport(name: str, points: str) -> None:
    ours, theirs = compare(name, f"rho_v_Voronoi_*{points}", None)
    density_off = np.abs([crowd.density_per_m2_voronoi for crowd in ours] - theirs[:, 1])
    speed_off = np.abs([crowd.speed_m_s_voronoi or 0.0 for crowd in ours] - theirs[:, 2])
    assert len(ours) > 700
    assert density_off.mean() <= 0.001
    assert density_off.max() <= 0.02  # blind points, where fewer than four people are
    assert speed_off.mean() <= 0.002
    assert np.quantile(speed_off, 0.98) <= 0.02  # beyond are beginnings and ends of paths


@BOTH
def test_voronoi_density_with_a_cut_off_is_that_of_jpsreport(name: str) -> None:
    ours, theirs = compare(name, "rho_v_Voronoi_*cut_off.dat", cut_off_m=0.8)
    density_off = np.abs([crowd.density_per_m2_voronoi for crowd in ours] - theirs[:, 1])
    speeds = [(crowd.speed_m_s_voronoi or 0.0) * crowd.covered for crowd in ours]
    speed_off = np.abs(speeds - theirs[:, 2])
    assert density_off.max() <= 0.0006  # half of the last printed digit
    assert speed_off.mean() <= 0.002


@BOTH
def test_classic_density_is_that_of_jpsreport_but_for_people_on_the_edge(name: str) -> None:
    ours, theirs = compare(name, "rho_v_Classic_*.dat", None)
    run = experiment(name)
    area_m2 = CrowdArea(run.area, run.walkable).ground_m2
    corners = np.array([(corner.x_m, corner.y_m) for corner in run.area])
    (west, south), (east, north) = corners.min(axis=0), corners.max(axis=0)
    for crowd, (frame, density_per_m2, _) in zip(ours, theirs, strict=True):
        x_m, y_m = run.people[run.frame == frame].T
        edge = ((np.isin(x_m, [west, east])) & (south <= y_m) & (y_m <= north)) | (
            np.isin(y_m, [south, north]) & (west <= x_m) & (x_m <= east)
        )
        assert abs(crowd.count - round(density_per_m2 * area_m2)) <= edge.sum()


@BOTH
def test_levels_of_service_are_those_of_jpsreports_densities(name: str) -> None:
    ours, theirs = compare(name, "rho_v_Voronoi_*id_1.dat", None)
    same = [
        FRUIN_WALKWAY.level(crowd.density_per_m2_voronoi) == FRUIN_WALKWAY.level(density_per_m2)
        for crowd, density_per_m2 in zip(ours, theirs[:, 1], strict=True)
    ]
    assert np.mean(same) >= 0.99


def test_an_orderly_bottleneck_is_not_turbulent() -> None:
    run = experiment("bottleneck")
    before_it = CrowdArea(box(-1.5, -4.5, 3.5, -0.6), run.walkable)
    grid = CrowdGrid(before_it, step_m=1.0)
    fields = []
    for frame in range(160, 320, 2):  # 10 s, people pressing on from behind
        now = run.frame == frame
        fields.append(grid.measure(run.people[now], run.velocities[now]))
    assert np.nanmax([field.density_per_m2 for field in fields]) > 5.0
    assert np.nanmax(pressure_over_time_per_s2(fields)) < PRESSURE_PER_S2_TURBULENT
