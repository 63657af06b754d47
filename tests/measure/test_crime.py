"""CommonRoad-CriMe's definitions: on drawn roads the answer is known, and the program's own values
are found again.

`PROGRAM` are values of commonroad-crime 0.4.5 (with commonroad-io 2024.3) for the scenario of
`crossing_cars`, which is drawn here.
"""

import math
from pathlib import Path as File

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.measure.scenarios import EAST, NORTH, car, drive, scenario

from placewatch.bench.crime import crime_of
from placewatch.core.errors import Misconfigured
from placewatch.core.kinds import ConflictType
from placewatch.measure.commonroad import Scenario, read_commonroad
from placewatch.measure.crime import closed_s, required_m_s2
from placewatch.measure.encounter import encounters
from placewatch.measure.recorded import paths_among


def drawn(path: File, *cars: list[tuple[int, float, float, float, float]]) -> Scenario:
    return read_commonroad(
        scenario(path / "drawn.xml", [car(number, one) for number, one in enumerate(cars, 11)])
    )


@pytest.mark.parametrize("turn", [EAST, NORTH])
def test_who_follows_closes_the_gap_between_bumpers(tmp_path: File, turn: float) -> None:
    """Along either road, whichever way it runs: 36 m between bumpers, 5 m/s faster."""
    x, y = math.cos(turn), math.sin(turn)
    found = drawn(
        tmp_path,
        drive(-90 * x, -90 * y, turn, 15.0, steps=30),
        drive(-50 * x, -50 * y, turn, 10.0, steps=30),
    )
    follower = crime_of(found).pair(0, 1)
    assert follower is not None
    assert follower.headway_m[0] == pytest.approx(36.0)
    assert follower.ttc_s[0] == pytest.approx(36.0 / 5.0)
    assert follower.ttc_s[30] == pytest.approx(36.0 / 5.0 - 3.0)
    # Its front is where the other's rear is now after 36 m: 2.4 s, and the step that follows.
    assert follower.thw_s[0] in (pytest.approx(2.4), pytest.approx(2.5))
    assert follower.required_m_s2[0] == pytest.approx(-25.0 / 72.0)
    assert follower.dst_m_s2[0] == pytest.approx(1.5 * 25.0 / (36.0 - 20.0))
    leader = crime_of(found).pair(1, 0)
    assert leader is not None
    assert np.isinf(leader.ttc_s).all(), "who drives ahead follows nobody"
    assert np.isinf(leader.thw_s).all()
    assert (leader.required_m_s2 == 0.0).all()


def test_braking_ahead_is_braking(tmp_path: File) -> None:
    """26 m apart, both at 10 m/s, the one ahead brakes by 2 m/s²: closed after sqrt(26) s."""
    found = drawn(
        tmp_path, drive(-80, 0, EAST, 10.0, steps=20), drive(-50, 0, EAST, 10.0, -2.0, steps=20)
    )
    one = crime_of(found).pair(0, 1)
    assert one is not None
    assert one.ttc_s[0] == pytest.approx(math.sqrt(26.0))
    assert one.required_m_s2[1] == pytest.approx(-2.0 - 0.04 / (2.0 * 25.99), abs=1e-6)


def test_exposure_counts_what_is_below_two_seconds(tmp_path: File) -> None:
    """10 m between bumpers at 5 m/s: TTC falls from 2 s by a second a second, for 1 s."""
    found = drawn(
        tmp_path, drive(-64, 0, EAST, 15.0, steps=10), drive(-50, 0, EAST, 10.0, steps=10)
    )
    one = crime_of(found).pair(0, 1)
    assert one is not None
    assert one.tet_s == pytest.approx(1.1, abs=0.11)
    assert one.tit_s2 == pytest.approx(sum(0.1 * step for step in range(11)) * 0.1, abs=1e-6)


def test_pet_is_from_leaving_the_shared_area_to_coming_to_it(tmp_path: File) -> None:
    """The lanes share a square of 4 m. The first's rear leaves it at x = 2, its middle at 4 then:
    6.4 s after -60 at 10 m/s; the other's front comes to y = -2, its middle at -4, 8.444 s after
    -80 at 9 m/s."""
    found = drawn(tmp_path, drive(-60, 0, EAST, 10.0), drive(0, -80, NORTH, 9.0))
    crime = crime_of(found)
    for one, other in ((0, 1), (1, 0)):
        crossed = crime.crossed(one, other)
        assert crossed is not None
        assert crossed.area.area == pytest.approx(16.0)
        assert crossed.ego_first is (one == 0)
        assert crime.pet_s(one, other) == pytest.approx(76.0 / 9.0 - 6.4, abs=0.2)


def test_who_come_by_one_arm_have_no_conflict_area(tmp_path: File) -> None:
    found = drawn(tmp_path, drive(-60, 0, EAST, 10.0), drive(-85, 0, EAST, 10.0))
    assert crime_of(found).crossed(0, 1) is None
    assert math.isinf(crime_of(found).pet_s(1, 0))


def crossing_cars(path: File) -> Scenario:
    return drawn(
        path,
        drive(-60, 0, EAST, 10.0),
        drive(0, -80, NORTH, 9.3),
        drive(-90, 0.3, EAST, 14.0, -0.5),
        drive(-30, -0.2, EAST, 8.0, -0.7),
    )


# Of whom with regard to whom: PET, TET, TIT. None where the program ends with an error.
PROGRAM_WHOLE = [
    (11, 12, 1.6, None, None),
    (11, 13, 0.5, 0.0, 0.0),
    (11, 14, math.inf, 1.6, 1.765),
    (12, 11, 1.6, None, None),
    (12, 13, 0.2, None, None),
    (12, 14, 2.4, None, None),
    (13, 11, 0.5, 0.0, 0.0),
    (13, 12, 0.2, 0.0, 0.0),
    (13, 14, 1.3, 1.7, 1.837),
    (14, 11, math.inf, 0.0, 0.0),
    (14, 12, 2.4, None, None),
    (14, 13, 1.3, 0.0, 0.0),
]
# And at which step: HW, THW, TTC, DST.
PROGRAM = [
    (11, 14, 0, 26.0, 2.7, math.inf, 0.6),
    (11, 14, 10, 23.65, 2.4, math.inf, 1.21),
    (11, 14, 20, 20.6, 2.1, math.inf, 2.34),
    (11, 14, 30, 16.85, 1.7, math.inf, 4.99),
    (11, 14, 40, 12.4, 1.3, 3.45, 17.28),
    (11, 14, 50, 7.25, 0.8, 1.45, -25.93),
    (11, 14, 60, 1.4, 0.2, 0.23, -9.3),
    (12, 11, 60, 20.2, 2.2, None, 750.0),
    (12, 14, 40, 38.6, 4.2, None, 1.44),
    (12, 14, 50, 29.3, 3.2, None, 1.5),
    (13, 11, 0, 26.0, 2.0, math.inf, 4.0),
    (13, 11, 10, 22.25, 1.8, math.inf, 8.17),
    (13, 11, 20, 19.0, 1.6, math.inf, -13.5),
    (13, 11, 30, 16.25, 1.4, math.inf, -2.5),
    (13, 11, 40, 14.0, 1.2, math.inf, -1.0),
    (13, 11, 50, 12.25, 1.1, math.inf, -0.44),
    (13, 11, 60, 11.0, 1.1, math.inf, -0.17),
    (13, 11, 70, 10.25, 1.1, math.inf, -0.04),
    (13, 11, 80, 10.0, 1.1, math.inf, 0.0),
    (13, 11, 90, 10.25, math.inf, math.inf, -0.04),
    (13, 11, 100, 11.0, math.inf, math.inf, -0.17),
    (13, 14, 0, 56.0, 4.4, math.inf, 1.35),
    (13, 14, 10, 49.9, 4.0, math.inf, 1.63),
    (13, 14, 20, 43.6, 3.7, math.inf, 2.02),
    (13, 14, 30, 37.1, 3.2, math.inf, 2.58),
    (13, 14, 40, 30.4, 2.7, math.inf, 3.47),
    (13, 14, 50, 23.5, 2.2, math.inf, 5.07),
    (13, 14, 60, 16.4, 1.6, 3.06, 8.84),
    (13, 14, 70, 9.1, 0.9, 1.39, 28.32),
    (13, 14, 80, 1.6, 0.2, 0.21, -27.07),
    (14, 11, 80, 4.4, math.inf, math.inf, -5.55),
    (14, 11, 90, 12.35, math.inf, math.inf, -13.51),
    (14, 11, 100, 21.0, math.inf, math.inf, 121.5),
    (14, 13, 100, 6.0, math.inf, math.inf, -8.0),
]


@pytest.mark.parametrize(("ego", "other", "pet_s", "tet_s", "tit_s2"), PROGRAM_WHOLE)
def test_the_programs_values_over_a_whole_scenario_are_found_again(
    tmp_path: File,
    ego: int,
    other: int,
    pet_s: float,
    tet_s: float | None,
    tit_s2: float | None,
) -> None:
    crime = crime_of(crossing_cars(tmp_path), as_released=True)
    assert crime.pet_s(ego - 11, other - 11) == pytest.approx(pet_s, abs=0.001)
    one = crime.pair(ego - 11, other - 11)
    assert one is not None
    if tet_s is not None:
        assert one.tet_s == pytest.approx(tet_s, abs=0.001)
        assert one.tit_s2 == pytest.approx(tit_s2, abs=0.01)


def test_the_programs_values_at_each_step_are_found_again(tmp_path: File) -> None:
    crime = crime_of(crossing_cars(tmp_path), as_released=True)
    for ego, other, step, hw_m, thw_s, ttc_s, dst_m_s2 in PROGRAM:
        one = crime.pair(ego - 11, other - 11)
        assert one is not None
        where = f"{ego} with regard to {other} at step {step}"
        if hw_m is not None:
            assert one.headway_m[step] == pytest.approx(hw_m, abs=0.006), where
        if thw_s is not None:
            assert one.thw_s[step] == pytest.approx(thw_s, abs=0.001), where
        if ttc_s is not None:
            assert one.ttc_s[step] == pytest.approx(ttc_s, abs=0.02), where
        if dst_m_s2 is not None:
            assert one.dst_m_s2[step] == pytest.approx(dst_m_s2, rel=0.01, abs=0.02), where


def test_encounters_are_those_of_who_follows_and_of_who_crosses(tmp_path: File) -> None:
    found = crossing_cars(tmp_path)
    told = encounters(paths_among(found.tracks), "crime", lanes=found.lanes)
    pairs = {
        (ConflictType.CROSSING, None if each.pet_s is None else round(each.pet_s, 1))
        for each in told
        if each.type is ConflictType.CROSSING
    }
    assert (ConflictType.CROSSING, 1.6) in pairs
    behind = [each for each in told if each.type is ConflictType.REAR_END]
    assert behind
    for each in behind:
        assert each.pet_s is None, "by one arm they come"
        assert each.ttc_s is not None
        assert each.place.y_m == pytest.approx(0.0, abs=0.5)
        assert each.tet_s is not None
    with pytest.raises(Misconfigured, match="lanelets"):
        encounters(paths_among(found.tracks), "crime")


@given(
    gap=st.floats(0.1, 200.0),
    opens=st.floats(-30.0, 30.0),
    harder=st.floats(-6.0, 6.0).filter(lambda value: abs(value) > 1e-3),
)
def test_a_gap_is_closed_when_it_is_said_to_be(gap: float, opens: float, harder: float) -> None:
    told = float(closed_s(np.array([gap]), np.array([opens]), np.array([harder]))[0])
    even = abs(harder) <= 0.1 and opens < 0.0
    bent = 0.0 if even else harder
    if math.isinf(told):
        after_s = np.linspace(0.0, 30.0, 3001)
        assert (gap + opens * after_s + 0.5 * bent * after_s**2 > -1e-6).all()
        return
    assert told > 0.0
    assert gap + opens * told + 0.5 * bent * told**2 == pytest.approx(0.0, abs=1e-8 * (1 + told**2))
    before_s = np.linspace(0.0, told * 0.999, 200)
    assert (gap + opens * before_s + 0.5 * bent * before_s**2 > -1e-9).all(), "the first time"


def test_who_does_not_close_in_needs_no_braking() -> None:
    gap, its = np.array([10.0, 10.0, np.inf]), np.array([-3.0, 0.0, -3.0])
    needed = required_m_s2(gap, np.array([1.0, -2.0, -2.0]), its)
    assert needed.tolist() == pytest.approx([0.0, -0.2, 0.0])
