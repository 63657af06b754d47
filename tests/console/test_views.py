"""What a node shows, as JSON."""

import dataclasses
import datetime
import json

import pytest
from tests.console.fake_node import AT

from placewatch.core.kinds import Kind
from placewatch.core.time import UtcMicros
from placewatch.node.views import (
    EarthPoint,
    GroundView,
    HealthHistory,
    HealthView,
    MetrePoint,
    SceneView,
    ShapeView,
    plain,
    to_json,
)


def test_instants_are_written_as_people_read_them_wherever_they_stand() -> None:
    at = (AT, UtcMicros(AT + 1))
    history = HealthHistory(60, at, (60.0, 0.0), (25, None), *[(None, None)] * 6)
    body = json.loads(to_json(history))
    assert body["at"] == ["2026-11-23T10:00:00Z", "2026-11-23T10:00:00.000001Z"]
    assert body["frames"] == [25, None]


def test_a_ground_point_has_metres_or_degrees_and_no_empty_places() -> None:
    view = GroundView((MetrePoint(1, 2, 3, 4), EarthPoint(1, 2, 59.4, 17.9)))
    assert [set(point) for point in plain(view)["points"]] == [
        {"x_px", "y_px", "x_m", "y_m"},
        {"x_px", "y_px", "latitude_deg", "longitude_deg"},
    ]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_unknown(number: float) -> None:
    shape = ShapeView("0af3", Kind.CAR, (0.1, 0.2, 0.3, 0.4), number, number, True)
    [written] = json.loads(to_json(SceneView(AT, 1.0, 0.0, (shape,))))["shapes"]
    assert (written["heading_deg"], written["speed_m_s"]) == (None, None)


def test_a_view_holds_nothing_that_json_does_not_know() -> None:
    assert plain({Kind.BUS: datetime.date(2027, 6, 30)}) == {"bus": "2027-06-30"}
    with pytest.raises(TypeError, match="a view holds a object"):
        to_json(object())
    with pytest.raises(TypeError, match="bytes"):  # such as a picture
        to_json([b"a picture"])


def test_notes_are_sentences_and_mostly_there_are_none() -> None:
    health = HealthView(25.0, 8.3, 0.1, 1, 0, 0, 0, 0, 0, None, None)
    assert json.loads(to_json(health))["notes"] == []
    noted = dataclasses.replace(health, notes=("The net was refused.",))
    assert json.loads(to_json(noted))["notes"] == ["The net was refused."]
