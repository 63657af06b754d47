"""Areas: who was in them for how long adds up, to the second; what was not seen is not zero."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placewatch.core.errors import Misconfigured
from placewatch.core.facts import ZoneCount
from placewatch.core.ids import CameraId, TrackId
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Box
from placewatch.core.space import PicturePoint, Point
from placewatch.core.time import MINUTE_US, UtcMicros
from placewatch.measure.scene import Mover, Scene
from placewatch.measure.zone import Zone, ZoneMeter, edie

NOON = UtcMicros(1_767_268_800_000_000)  # 2026-01-01 12:00 UTC
CAMERA = CameraId("t")
PX_PER_M = 10.0

Place = tuple[float, float, float | None]  # metres east and north, m/s
Path = Callable[[float], Place | None]  # by seconds since the start; None where it is not seen


def mover(name: str, place: Place, kind: Kind = Kind.CAR, ground: bool = True) -> Mover:
    """A car of 4 m by 2 m on the picture, its foot in the middle of that place."""
    x, y = place[0] * PX_PER_M, -place[1] * PX_PER_M
    box = Box(x - 20, y - 20, x + 20, y)
    point = Point(place[0], place[1]) if ground else None
    return Mover(TrackId(name), kind, box, PicturePoint(x, y), point, place[2], None, True)


def scenes(
    paths: Mapping[str, Path],
    until_s: float,
    fps: float = 10.0,
    clock: Callable[[float], float] = lambda media_s: media_s,
    gap: Callable[[float], bool] = lambda media_s: False,
    kinds: Mapping[str, Kind] | None = None,
    ground: bool = True,
) -> Iterator[Scene]:
    """What is there from second 0 to `until_s`; `clock` tells the time of day that it says, `gap`
    at which moments nothing was seen before."""
    told = kinds or {}
    for frame in range(round(until_s * fps) + 1):
        media_s = frame / fps
        movers = tuple(
            mover(name, place, told.get(name, Kind.CAR), ground)
            for name, path in paths.items()
            if (place := path(media_s)) is not None
        )
        at = UtcMicros(NOON + round(clock(media_s) * 1e6))
        yield Scene(at, media_s, frame, CAMERA, movers, gap(media_s))


def drive(speed_m_s: float, from_m: float, since_s: float = 0.0, until_s: float = 1e9) -> Path:
    """Eastwards along the axis."""

    def path(at_s: float) -> Place | None:
        if not since_s <= at_s <= until_s:
            return None
        return from_m + speed_m_s * (at_s - since_s), 0.0, speed_m_s

    return path


def square(west: float, east: float, name: str = "z", lane_m: float | None = None) -> Zone:
    return Zone(
        name, (Point(west, -5), Point(east, -5), Point(east, 5), Point(west, 5)), lane_m=lane_m
    )


def measured(meter: ZoneMeter, told: Iterator[Scene]) -> list[ZoneCount]:
    at = NOON
    for one in told:
        meter.measure(one)
        at = max(at, one.at)
    meter.leave()
    return meter.close(at)


def row(rows: list[ZoneCount], minute: int = 0, kind: Kind = Kind.CAR) -> ZoneCount:
    (found,) = [one for one in rows if (one.at, one.kind) == (NOON + minute * MINUTE_US, kind)]
    return found


@settings(max_examples=25, deadline=None)
@given(
    speed_m_s=st.floats(1.0, 40.0),
    from_m=st.floats(-30.0, -1.0),
    fps=st.sampled_from([5.0, 10.0, 25.0]),
    wide_m=st.floats(0.5, 60.0),
)
def test_who_passes_is_in_for_its_length_by_its_speed(
    speed_m_s: float, from_m: float, fps: float, wide_m: float
) -> None:
    meter = ZoneMeter(CAMERA, [square(0.0, wide_m)], NOON)
    until_s = min(55.0, (60.0 - from_m) / speed_m_s + 1.0)
    rows = measured(meter, scenes({"a": drive(speed_m_s, from_m)}, until_s, fps))
    found = row(rows)
    inside_m = min(wide_m, max(0.0, from_m + speed_m_s * round(until_s * fps) / fps))
    assert found.presence_s == pytest.approx(inside_m / speed_m_s, abs=1e-6)
    assert found.entries == (1 if inside_m > 0.0 else 0)
    if found.presence_s:
        assert found.speed_m_s_mean == pytest.approx(speed_m_s)
        assert found.occupancy == pytest.approx(found.presence_s / found.coverage_s)
    others = [one for one in rows if one.kind is not Kind.CAR]
    assert all((one.presence_s, one.entries) == (0.0, 0) for one in others)


@settings(max_examples=25, deadline=None)
@given(
    corners=st.lists(st.integers(-20, 20), min_size=3, max_size=3, unique=True),
    turns=st.lists(st.tuples(st.floats(-20, 20), st.floats(-4, 4)), min_size=5, max_size=30),
)
def test_areas_side_by_side_share_out_all_time(
    corners: list[int], turns: list[tuple[float, float]]
) -> None:
    edges = [-25.0, *sorted(corners), 25.0]
    parts = [
        square(west, east, f"p{number}")
        for number, (west, east) in enumerate(itertools.pairwise(edges))
    ]
    meter = ZoneMeter(CAMERA, [square(-25.0, 25.0, "all"), *parts], NOON)

    def path(at_s: float) -> Place | None:
        turn = round(at_s * 10)
        return (*turns[turn], 1.0) if turn < len(turns) else None

    rows = measured(meter, scenes({"a": path}, (len(turns) - 1) / 10))
    whole = sum(one.presence_s or 0.0 for one in rows if one.zone == "all")
    shared = sum(one.presence_s or 0.0 for one in rows if one.zone != "all")
    assert whole == pytest.approx((len(turns) - 1) / 10)
    assert shared == pytest.approx(whole)


def test_flow_density_and_speed_are_edies() -> None:
    zone = square(0.0, 100.0, lane_m=200.0)  # two lanes of 100 m
    paths = {f"a{n}": drive(10.0, -20.0, 3.0 * n) for n in range(8)}
    paths |= {f"b{n}": drive(20.0, -20.0, 3.0 * n) for n in range(8)}
    meter = ZoneMeter(CAMERA, [zone], NOON)
    found = edie(measured(meter, scenes(paths, 59.9)), zone)
    ways_m, times_s = 16 * 100.0, 8 * 10.0 + 8 * 5.0
    assert found.speed_m_s == pytest.approx(ways_m / times_s)  # not 15, the mean of the speeds
    assert found.flow_per_s == pytest.approx(ways_m / (200.0 * 59.9))
    assert found.density_per_km == pytest.approx(1000.0 * times_s / (200.0 * 59.9))
    assert found.flow_per_h == pytest.approx(
        (found.density_per_km or 0) * (found.speed_m_s or 0) * 3.6
    )


def test_an_area_without_lanes_has_a_density_by_square_metres() -> None:
    zone = square(0.0, 10.0)
    rows = measured(ZoneMeter(CAMERA, [zone], NOON), scenes({"a": lambda _: (5.0, 0.0, 0.0)}, 30.0))
    found = edie(rows, zone)
    assert found.density_per_m == pytest.approx(1 / 100.0)
    assert (found.flow_per_s, found.speed_m_s) == (0.0, 0.0)
    nobody = edie(measured(ZoneMeter(CAMERA, [zone], NOON), scenes({}, 30.0)), zone)
    assert (nobody.flow_per_s, nobody.density_per_m, nobody.speed_m_s) == (0.0, 0.0, None)


def test_time_over_a_minutes_end_is_shared_out() -> None:
    meter = ZoneMeter(CAMERA, [square(0.0, 10.0)], NOON)
    rows = measured(meter, scenes({"a": lambda _: (5.0, 0.0, 0.0)}, 150.0, fps=7.0))
    assert [row(rows, minute).presence_s for minute in range(3)] == pytest.approx([60, 60, 30])
    assert [row(rows, minute).coverage_s for minute in range(3)] == pytest.approx([60, 60, 30])
    assert [use.occupancy for use in meter.take_uses()] == pytest.approx([1.0, 1.0, 1.0])
    assert meter.take_uses() == []


def test_a_quiet_minute_is_zero_and_an_unseen_one_is_unknown() -> None:
    meter = ZoneMeter(CAMERA, [square(0.0, 10.0)], NOON)
    for one in scenes({}, 60.0):
        meter.measure(one)
    rows = meter.close_minutes(UtcMicros(NOON + 3 * MINUTE_US))
    assert (row(rows).presence_s, row(rows).entries, row(rows).occupancy) == (0.0, 0, 0.0)
    unseen = row(rows, 1)
    assert (unseen.presence_s, unseen.entries, unseen.occupancy) == (None, None, None)
    assert {one.at for one in rows} == {NOON, NOON + MINUTE_US}
    uses = meter.take_uses()
    assert (uses[0].count_max, uses[1].count_max, uses[1].count_mean) == (0, None, None)


def test_who_trembles_on_the_edge_comes_in_once() -> None:
    meter = ZoneMeter(CAMERA, [square(0.0, 10.0)], NOON)
    paths: dict[str, Path] = {
        "a": lambda at_s: (-1.0 if at_s < 5 else 0.3 * math.sin(9 * at_s), 0, 0.0)
    }
    assert row(measured(meter, scenes(paths, 30.0))).entries == 1


def test_who_leaves_and_comes_back_comes_in_again() -> None:
    meter = ZoneMeter(CAMERA, [square(0.0, 10.0)], NOON)
    paths: dict[str, Path] = {"a": lambda at_s: (-6 * math.sin(0.5 * at_s), 0, None)}
    assert row(measured(meter, scenes(paths, 50.0))).entries == 4


def test_who_was_there_before_watching_began_has_not_come_in_and_who_appears_has() -> None:
    meter = ZoneMeter(CAMERA, [square(0.0, 10.0)], NOON)
    there: dict[str, Path] = {
        "first": lambda at_s: (3.0, 0.0, 0.0) if at_s > 0.4 else None,
        "late": lambda at_s: (7.0, 0.0, 0.0) if at_s > 20 else None,
    }
    rows = measured(meter, scenes(there, 30.0, kinds={"late": Kind.PEDESTRIAN}))
    assert (row(rows).entries, row(rows, kind=Kind.PEDESTRIAN).entries) == (0, 1)


def test_a_track_that_breaks_is_the_same_road_user() -> None:
    zone = square(0.0, 60.0)
    whole = {"a": drive(5.0, -20.0)}
    broken = {"a": drive(5.0, -20.0, until_s=8.0), "b": drive(5.0, 26.0, since_s=9.2)}
    for paths in (whole, broken):
        found = row(measured(ZoneMeter(CAMERA, [zone], NOON), scenes(paths, 25.0)))
        assert found.entries == 1
        assert found.presence_s == pytest.approx(12.0)


@pytest.mark.parametrize(("lost_s", "entries", "presence_s"), [(8.0, 1, 30.0), (15.0, 2, 15.0)])
def test_who_stands_is_remembered_for_ten_seconds(
    lost_s: float, entries: int, presence_s: float
) -> None:
    there: dict[str, Path] = {
        "a": lambda at_s: (5.0, 0.0, 0.0) if 5 <= at_s <= 10 else None,
        "b": lambda at_s: (5.1, 0.0, 0.0) if 10 + lost_s <= at_s <= 35 else None,
    }
    found = row(measured(ZoneMeter(CAMERA, [square(0.0, 10.0)], NOON), scenes(there, 40.0)))
    assert found.entries == entries
    assert found.presence_s == pytest.approx(presence_s)


@pytest.mark.parametrize("by_s", [-0.7, 0.4, 3600.0, -3600.0])
def test_a_clock_that_is_set_loses_nobody(by_s: float) -> None:
    meter = ZoneMeter(CAMERA, [square(0.0, 100.0)], NOON)
    told = scenes(
        {"a": drive(10.0, -20.0)}, 40.0, clock=lambda at_s: at_s + (by_s if at_s >= 6 else 0)
    )
    rows = measured(meter, told)
    cars = [one for one in rows if one.kind is Kind.CAR]
    assert sum(one.presence_s or 0 for one in cars) == pytest.approx(10.0)
    assert sum(one.coverage_s for one in cars) == pytest.approx(40.0)
    assert sum(one.entries or 0 for one in cars) == 1
    assert all(one.coverage_s <= 60.0 for one in cars)


def test_seconds_that_a_clock_lives_twice_do_not_make_a_minute_longer() -> None:
    meter = ZoneMeter(CAMERA, [square(0.0, 10.0)], NOON)
    told = scenes({}, 70.0, clock=lambda at_s: at_s - (5 if at_s >= 55 else 0))
    rows = measured(meter, told)
    assert row(rows).coverage_s == 60.0


def test_nothing_is_known_of_a_gap() -> None:
    meter = ZoneMeter(CAMERA, [square(0.0, 10.0)], NOON)
    told = [
        one for one in scenes({"a": lambda _: (5.0, 0.0, 0.0)}, 50.0) if not 10 < one.media_s < 30
    ]
    found = row(measured(meter, iter(told)))
    assert found.coverage_s == pytest.approx(30.0)
    assert found.presence_s == pytest.approx(30.0)
    assert found.occupancy == pytest.approx(1.0)
    assert found.entries == 0  # of none is it known that it came in
    meter = ZoneMeter(CAMERA, [square(0.0, 10.0)], NOON)
    told = list(scenes({"a": lambda _: (5.0, 0.0, 0.0)}, 50.0, gap=lambda at_s: at_s == 20.0))
    assert row(measured(meter, iter(told))).coverage_s == pytest.approx(49.9)


def test_on_the_picture_there_is_time_but_no_speed_and_no_density() -> None:
    corners = (
        PicturePoint(0, -50),
        PicturePoint(100, -50),
        PicturePoint(100, 50),
        PicturePoint(0, 50),
    )
    zone = Zone("z", corners)
    meter = ZoneMeter(CAMERA, [zone, square(0, 10, "ground")], NOON)

    def path(at_s: float) -> Place:
        return (at_s - 5.0, 0.0, None)

    rows = measured(meter, scenes({"a": path}, 30.0, ground=False))
    found = next(one for one in rows if one.kind is Kind.CAR and one.zone == "z")
    assert found.presence_s == pytest.approx(10.0)
    assert (found.speed_m_s_mean, found.speed_s) == (None, 0.0)
    assert edie(rows, zone).density_per_m is None
    assert all(one.presence_s == 0.0 for one in rows if one.zone == "ground")


def test_who_has_no_known_speed_is_in_the_density_and_not_in_the_speed() -> None:
    zone = square(0.0, 100.0, lane_m=100.0)
    paths: dict[str, Path] = {
        "a": drive(10.0, -20.0),
        "b": lambda at_s: (5.0 * at_s - 20.0, 0.0, None),
    }
    found = edie(measured(ZoneMeter(CAMERA, [zone], NOON), scenes(paths, 40.0)), zone)
    assert found.speed_m_s == pytest.approx(10.0)
    assert found.density_per_m == pytest.approx(30.0 / (100.0 * 40.0))


def test_an_area_knows_how_many_were_in_at_most() -> None:
    meter = ZoneMeter(CAMERA, [square(0.0, 10.0)], NOON)
    paths: dict[str, Path] = {
        f"a{n}": lambda at_s, n=n: (2.0 * n, 0.0, 0.0) if n <= at_s < 10 + n else None  # type: ignore[misc]
        for n in range(1, 5)
    }
    for one in scenes(paths, 9.0):
        meter.measure(one)
    assert meter.counts()["z"][Kind.CAR] == 4
    rows = measured(meter, (one for one in scenes(paths, 40.0) if one.media_s > 9.0))
    (use,) = meter.take_uses()
    assert use.count_max == 4
    assert use.count_mean == pytest.approx(4 * 9.9 / 40.0)
    assert use.occupancy == pytest.approx(12.9 / 40.0)
    assert row(rows).entries == 4


def test_nothing_is_kept_of_who_is_gone() -> None:
    meter = ZoneMeter(CAMERA, [square(0.0, 10.0)], NOON)
    paths = {f"a{n}": drive(10.0, -20.0, 3.0 * n, 3.0 * n + 6) for n in range(60)}
    for one in scenes(paths, 220.0):
        meter.measure(one)
        meter.close_minutes(one.at)
    assert len(meter._roster) <= 16
    assert len(meter._roster.lost) == 0
    assert meter._entries == []
    assert len(meter._minutes) <= 2


@pytest.mark.parametrize(
    "corners",
    [
        (Point(0, 0), Point(1, 1)),
        (Point(0, 0), Point(1, 1), Point(2, 2)),
        (Point(0, 0), Point(1, 0), PicturePoint(1, 1)),
        tuple(Point(n, n * n) for n in range(80)),
    ],
)
def test_what_is_no_area_is_refused(corners: tuple[Point, ...]) -> None:
    with pytest.raises(Misconfigured):
        Zone("z", corners)


def test_a_road_without_length_is_refused() -> None:
    with pytest.raises(Misconfigured, match="lane"):
        square(0.0, 10.0, lane_m=0.0)
