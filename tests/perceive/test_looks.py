"""Looks: whom the street net is asked about, and where."""

from typing import Any

import numpy as np
import numpy.typing as npt
from tests.perceive.blobs import HIGH, WIDE, Box, street

from placewatch.core.sightings import AGE_S, BOTTOM, CERTAIN, LEFT, RIGHT, TOP, TRACK_COLUMNS
from placewatch.perceive import looks
from placewatch.perceive.looks import COLUMNS, windows
from placewatch.perceive.street_net import KINDS

Floats = npt.NDArray[np.float64]


def track(*box: float) -> Floats:
    """The row of somebody who is certain and stands in `box`."""
    row = np.zeros(TRACK_COLUMNS)
    row[[LEFT, TOP, RIGHT, BOTTOM]] = box
    row[AGE_S], row[CERTAIN] = 5.0, 1.0
    return row


class Street:
    """Somebody who is known, and what is asked about them as time goes on."""

    def __init__(self) -> None:
        self.table = np.zeros((1, COLUMNS))

    def view(self, box: Box, now_s: float) -> tuple[Any, ...]:
        """What movement says where they fill `box`."""
        rows = track(*box)[None]
        view: tuple[Any, ...] = looks.answer(
            rows, self.table, *street(box), 0.1, now_s, 1.0, WIDE, HIGH
        )
        return view

    def asks(self, box: Box, now_s: float) -> tuple[bool, bool]:
        """Whether a look is due where they fill `box`, and whether it cannot wait."""
        view = self.view(box, now_s)
        return bool(view[7]), bool(view[8])

    def told(self, box: Box) -> list[float]:
        """The box that is told of who fills `box`."""
        sides: list[float] = self.view(box, 9.0)[0][0, :4].tolist()
        return sides

    def recognise(self, box: Box, now_s: float, *cars: Box) -> None:
        """A look finds these `cars` in the blob `box`, or one that fills it."""
        found, shapes, places, who, _, _, doubted, *_ = self.view(box, now_s)
        seen = np.zeros((max(1, len(cars)), 5 + len(KINDS)))
        seen[:, 0], seen[:, 1:5], seen[:, 8] = 0.9, cars or (box,), 1.0
        whole = np.array([(0, 0, WIDE, HIGH)])
        looks.understand(
            seen, whole, np.ones(1, np.bool_), shapes, places, who, found, doubted,
            track(*box)[None], self.table, (HIGH, WIDE), now_s, 1.0, WIDE, HIGH, True,
        )  # fmt: skip


def test_who_was_just_recognised_is_not_asked_about() -> None:
    known = Street()
    assert known.asks((40, 40, 80, 60), 0.0) == (True, False)
    for now_s in (0.0, 1.0, 2.0, 4.0):
        known.recognise((40, 40, 80, 60), now_s)
    assert known.asks((41, 40, 81, 60), 5.0) == (False, False)


def test_who_has_come_twice_as_close_is_asked_about_at_once() -> None:
    known = Street()
    for now_s in (0.0, 1.0, 2.0, 4.0):
        known.recognise((40, 40, 80, 60), now_s)
    grown = (30, 36, 90, 66)  # 1.5 times as wide and high
    assert known.asks(grown, 4.1) == (False, False)  # not within a moment of the last look
    assert known.asks(grown, 5.0) == (True, True)


def test_what_a_look_says_of_sides_holds_later_only_for_who_is_alone_in_its_blob() -> None:
    blob, car = (40, 40, 100, 80), (40, 40, 100, 70)
    alone, one_of_two = Street(), Street()
    alone.recognise(blob, 0.0, car)  # the rest is its shadow
    assert alone.told(blob) == [40, 40, 100, 70]
    one_of_two.recognise(blob, 0.0, car, (50, 70, 90, 80))
    assert one_of_two.told(blob) == [40, 40, 100, 80]


def test_a_speck_that_is_new_is_not_asked_about() -> None:
    nobody, table = np.zeros((0, TRACK_COLUMNS)), np.zeros((0, COLUMNS))
    for box, due in (((40, 40, 46, 46), False), ((40, 40, 60, 50), True)):
        view = looks.answer(nobody, table, *street(box), 0.1, 1.0, 1.0, WIDE, HIGH)
        assert view[4].tolist() == [due]
        assert len(view[0]) == 1  # somebody is told all the same


def shapes_of(*boxes: Box) -> Floats:
    rows = np.zeros((len(boxes), 7))
    rows[:, :4] = boxes
    rows[:, 5] = -1
    return rows


def test_a_window_holds_all_of_whom_it_holds_half_of() -> None:
    asked, beside, apart = (100, 40, 130, 70), (128, 30, 150, 60), (250, 120, 300, 170)
    shapes = shapes_of(asked, beside, apart)
    due, lost = np.array([True, False, False]), np.zeros(0, np.bool_)
    views, _ = windows(shapes, np.zeros((0, 4)), due, lost, HIGH, WIDE)
    assert len(views) == 1
    left, top, right, bottom = views[0]
    assert left <= 100
    assert top <= 30 - 10  # with a margin, which a net needs to see where somebody ends
    assert right >= 150 + 10
    assert bottom >= 70
    assert right < 250
