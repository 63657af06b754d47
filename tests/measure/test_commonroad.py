"""Scenarios of CommonRoad: what is read of them, and that no other file is taken for one."""

from pathlib import Path

import numpy as np
import pytest
from tests.measure.scenarios import EAST, NORTH, car, drive, scenario, straight

from placewatch.core.errors import Rejected
from placewatch.core.kinds import Kind
from placewatch.measure.commonroad import read_commonroad, read_lanelets

SHARED = Path(__file__).parents[2] / "../shared/data/trajectories/vehicles-commonroad"


def test_road_users_and_lanelets_are_read(tmp_path: Path) -> None:
    cars = [
        car(11, drive(-60, 0, EAST, 10.0, steps=40)),
        car(12, drive(0, -50, NORTH, 8.0, steps=20, first=5), "truck"),
        car(13, drive(0, -80, NORTH, 8.0, steps=20), "train"),
    ]
    found = read_commonroad(scenario(tmp_path / "cross.xml", cars))
    assert found.names == (11, 12, 13)
    assert list(found.tracks.kinds) == [Kind.CAR, Kind.TRUCK, Kind.UNKNOWN]
    assert found.step_s == 0.1
    assert len(found.tracks) == 41 + 21 + 21
    assert len(found.tracks.moments_s) == 41
    truck = found.tracks.who == 1
    assert found.tracks.at_s[truck][0] == pytest.approx(0.5)
    assert found.tracks.y_m[truck][-1] == pytest.approx(-50 + 8.0 * 2.0)
    assert found.tracks.sizes_m.tolist() == [[4.0, 2.0]] * 3
    assert sorted(found.lanes.lanelets) == [1, 2, 3, 4, 5, 6]
    assert found.lanes.arms == {1: 91, 4: 92}
    assert found.lanes.turns == {2, 5}
    assert found.lanes.lanelets[2].before == (1,)
    assert found.lanes.arm_of(2) == (True, 91)
    assert found.lanes.arm_of(5) == (True, 92)


def test_places_lie_along_a_lane_and_those_before_it(tmp_path: Path) -> None:
    path = scenario(tmp_path / "cross.xml", [car(1, drive(-60, 0, EAST, 10.0))])
    way = read_commonroad(path).lanes.way(2)
    along, turn = way.place(
        np.array([-100.0, -60.0, 50.0, 101.0, 0.0]), np.array([0.0, 1.5, -19.0, 0.0, 20.5])
    )
    assert along[:3] == pytest.approx([0.0, 40.0, 150.0])
    assert turn[:3] == pytest.approx([0.0, 0.0, 0.0])
    assert np.isnan(along[3:]).all(), "beyond its end, and too far beside it"


def test_lanelets_alone_need_no_road_users(tmp_path: Path) -> None:
    path = scenario(tmp_path / "empty.xml", [])
    assert len(read_lanelets(path)) == 6
    with pytest.raises(Rejected, match="not a single track"):
        read_commonroad(path)


HEAD = '<commonRoad timeStepSize="0.1">'
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE commonRoad [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    f"{HEAD}&b;</commonRoad>"
)
OUTSIDE = (
    '<?xml version="1.0"?><!DOCTYPE commonRoad [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    f"{HEAD}&a;</commonRoad>"
)
ONE = car(1, drive(0, 0, EAST, 10.0, steps=3))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "declares entities"),
        (OUTSIDE, "declares entities"),
        ("not at all", "is no XML"),
        ("<html></html>", "is no scenario"),
        ("<commonRoad></commonRoad>", "no 'timeStepSize'"),
        (f'{HEAD[:-5]}0"></commonRoad>', "its steps are 0 s"),
        (f"{HEAD}</commonRoad>", "not a single track"),
        (f"{HEAD}{ONE.replace('<x>0.0</x>', '<x>nan</x>', 1)}</commonRoad>", "no number"),
        (f"{HEAD}{ONE.replace('<exact>3</exact>', '<exact>1</exact>')}</commonRoad>", "back in"),
        (
            f"{HEAD}{ONE.replace('<exact>3</exact>', '<exact>1e300</exact>')}</commonRoad>",
            "there at step",
        ),
        (f"{HEAD}{ONE.replace('<length>4.0', '<length>-4.0')}</commonRoad>", "has no size"),
        (f"{HEAD}{ONE.replace('exact', 'intervalStart')}</commonRoad>", "is not told exactly"),
        (f"{HEAD}{straight(1, (0, 0), (9, 0)) * 2}{ONE}</commonRoad>", "two lanelets"),
        (
            f"{HEAD}<lanelet id='1'><leftBound/><rightBound/></lanelet>{ONE}</commonRoad>",
            "two at least",
        ),
    ],
)
def test_what_is_no_scenario_is_refused_in_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "some.xml"
    path.write_text(text, "utf-8")
    with pytest.raises(Rejected, match=says) as refused:
        read_commonroad(path)
    assert "some.xml" in refused.value.message or "lanelet 1" in refused.value.message
    assert "\n" not in refused.value.message


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.xml"
    path.write_bytes(BOMB.encode("utf-16"))
    with pytest.raises(Rejected, match="not UTF-8"):
        read_commonroad(path)


def test_obstacles_whose_way_is_not_known_are_left_out(tmp_path: Path) -> None:
    still = ONE.split("<trajectory>")[0] + "</dynamicObstacle>"
    parked = still.replace("dynamicObstacle", "staticObstacle")
    path = scenario(tmp_path / "one.xml", [still, parked, car(7, drive(0, 0, EAST, 5.0, steps=2))])
    assert read_commonroad(path).names == (7,)


@pytest.mark.skipif(not SHARED.exists(), reason="the scenarios are not on this machine")
def test_both_forms_of_the_format_are_read() -> None:
    new = read_commonroad(SHARED / "USA_Peach-4_8_T-1.xml")
    old = read_commonroad(SHARED / "USA_US101-3_3_T-1.xml")
    assert (len(new.names), len(new.tracks), len(new.lanes)) == (9, 368, 79)
    assert (len(new.lanes.arms), len(new.lanes.turns)) == (13, 16)
    assert (len(old.names), len(old.tracks), len(old.lanes)) == (12, 384, 12)
