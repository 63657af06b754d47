"""Reading: blobs read beside who was there a moment ago."""

import numpy as np
import numpy.typing as npt
from hypothesis import example, given
from hypothesis import strategies as st
from tests.perceive.blobs import street

from placewatch.perceive import reading
from placewatch.perceive.reading import FILL, PLACE, SHARED

Floats = npt.NDArray[np.float64]


def places(*boxes: tuple[float, float, float, float]) -> Floats:
    return np.array(boxes, np.float64).reshape(-1, 4)


def read(
    pieces: npt.NDArray[np.int32],
    labels: npt.NDArray[np.int32],
    known: Floats,
    *doubtful: int,
) -> Floats:
    """The shapes, where the rows `doubtful` of `known` are of whom a look saw nobody."""
    flags = np.zeros(len(known), np.bool_)
    flags[list(doubtful)] = True
    shapes: Floats = reading.read(pieces, labels, known, flags)
    return shapes


def test_a_blob_where_nobody_was_is_somebody_new() -> None:
    shapes = read(*street((10, 20, 40, 50)), places())
    assert shapes[:, :4].tolist() == [[10, 20, 40, 50]]
    assert shapes[0, PLACE] == -1
    assert shapes[0, FILL] == 1.0


def test_pieces_of_one_known_road_user_are_joined() -> None:
    shapes = read(*street((10, 20, 22, 50), (24, 20, 40, 50)), places((10, 20, 40, 50)))
    assert len(shapes) == 1
    assert shapes[0, :4].tolist() == [10, 20, 40, 50]
    assert shapes[0, PLACE] == 0
    assert shapes[0, FILL] < 1.0


def test_a_blob_over_two_known_road_users_is_divided() -> None:
    left, right = (10.0, 20.0, 40.0, 50.0), (40.0, 20.0, 70.0, 50.0)
    shapes = read(*street((10, 20, 70, 50)), places(left, right))
    assert {tuple(shape[:4].tolist()) for shape in shapes} == {left, right}
    assert shapes[:, SHARED].tolist() == [1.0, 1.0]


def test_a_blob_as_large_as_one_of_two_known_is_that_one() -> None:
    both = places((10, 20, 40, 50), (15, 22, 45, 52))
    shapes = read(*street((10, 20, 40, 50)), both)
    assert len(shapes) == 1
    assert shapes[0, PLACE] == 0


def test_who_is_perhaps_nobody_takes_no_blob_from_who_is_somebody() -> None:
    somebody, perhaps = (10.0, 20.0, 40.0, 50.0), (12.0, 22.0, 62.0, 72.0)
    blob = street((12, 22, 60, 70))
    assert read(*blob, places(somebody, perhaps))[:, PLACE].tolist() == [1.0]
    assert read(*blob, places(somebody, perhaps), 1)[:, PLACE].tolist() == [0.0]
    assert read(*blob, places(perhaps, somebody), 0)[:, PLACE].tolist() == [1.0]


def test_who_is_perhaps_nobody_has_a_blob_that_is_nobody_elses() -> None:
    perhaps = places((10, 20, 40, 50), (12, 22, 42, 52))
    assert read(*street((10, 20, 40, 50)), perhaps, 0, 1)[:, PLACE].tolist() == [0.0]


def test_who_is_far_from_every_place_stays_apart() -> None:
    shapes = read(*street((10, 20, 40, 50), (100, 60, 130, 90)), places((10, 20, 40, 50)))
    assert sorted(shapes[:, PLACE].tolist()) == [-1.0, 0.0]


spans = st.tuples(
    st.integers(0, 150), st.integers(0, 80), st.integers(3, 45), st.integers(3, 35)
).map(lambda s: (s[0], s[1], s[0] + s[2], s[1] + s[3]))


@given(blobs=st.lists(spans, max_size=5), known=st.lists(spans, max_size=5))
def test_every_shape_lies_in_the_picture_and_every_place_speaks_once_at_most(
    blobs: list[tuple[int, int, int, int]], known: list[tuple[int, int, int, int]]
) -> None:
    pieces, labels = street(*blobs)
    # Where rectangles overlap the later one has the pixels: areas are what is left.
    for piece in pieces:
        piece[1] = max(1, int((labels == piece[0]).sum()))
    shapes = read(pieces, labels, places(*known))
    assert (shapes[:, 2] > shapes[:, 0]).all()
    assert (shapes[:, 3] > shapes[:, 1]).all()
    assert (shapes[:, FILL] > 0).all()
    single = shapes[(shapes[:, PLACE] >= 0) & (shapes[:, SHARED] == 0), PLACE].tolist()
    assert len(single) == len(set(single))


@example(blobs=[(0, 0, 3, 4)], known=[(0, 0, 3, 3), (0, 1, 3, 4)])  # both are as like it
@given(blobs=st.lists(spans, min_size=1, max_size=4), known=st.lists(spans, min_size=1, max_size=4))
def test_the_order_of_places_changes_nothing(
    blobs: list[tuple[int, int, int, int]], known: list[tuple[int, int, int, int]]
) -> None:
    known = list(dict.fromkeys(known))
    pieces, labels = street(*blobs)
    one = read(pieces, labels, places(*known))
    other = read(pieces, labels, places(*known[::-1]))
    assert sorted(one[:, :4].tolist()) == sorted(other[:, :4].tolist())
