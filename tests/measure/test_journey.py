"""Travel times by counts alone: what they say, what they refuse, and what cannot get in."""

import dataclasses
import gzip
import math
import re
import typing
from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placewatch.bench.links import TURNED_OFF, drawn_link
from placewatch.core.errors import Misconfigured
from placewatch.core.ids import CameraId, TrackId
from placewatch.core.kinds import Kind
from placewatch.core.time import UtcMicros
from placewatch.measure.journey import (
    WINDOW_VEHICLES_MIN,
    CrossingSeries,
    LinkTime,
    Refusal,
    RouteTime,
    ViewTime,
    Why,
    compose,
    link_time,
    plausible_s,
    view_time,
)
from placewatch.measure.scene import Movers

START = UtcMicros(1_767_225_600_000_000)
HALF_HOUR = 1800
CORRIDOR = Path(__file__).parents[2] / "../shared/data/sumo/corridor"

Floats = npt.NDArray[np.float64]


def series(
    at_s: Floats, seconds: int = HALF_HOUR, bin_s: float = 1.0, line: str = "kista-03/east"
) -> CrossingSeries:
    moments = [UtcMicros(START + round(moment_s * 1e6)) for moment_s in at_s.tolist()]
    return CrossingSeries.of_moments(
        line, START, moments, [bin_s] * int(seconds / bin_s), bin_s=bin_s
    )


def bunches(rng: np.random.Generator, seconds: int = HALF_HOUR, per_bunch: int = 8) -> Floats:
    """Bunches of vehicles that leave at irregular moments."""
    begins_s = np.cumsum(rng.uniform(20.0, 60.0, seconds // 20))
    sizes = rng.integers(2, 2 * per_bunch, len(begins_s))
    at_s = np.repeat(begins_s, sizes) + rng.uniform(0.0, 12.0, int(sizes.sum()))
    return np.sort(at_s[at_s < seconds])


def travel(rng: np.random.Generator, left_s: Floats, median_s: float) -> Floats:
    return left_s + median_s * np.exp(rng.normal(0.0, 0.1, len(left_s)))


def answered(found: LinkTime | Refusal) -> LinkTime:
    assert isinstance(found, LinkTime), found
    return found


def refused(found: LinkTime | ViewTime | RouteTime | Refusal) -> Refusal:
    assert isinstance(found, Refusal), found
    assert re.fullmatch(r"[A-Z].*\.", found.sentence)
    return found


@settings(deadline=None, max_examples=3)
@given(seed=st.integers(0, 10**6), median_s=st.floats(12.0, 60.0))
def test_the_travel_time_of_bunches_is_found(seed: int, median_s: float) -> None:
    rng = np.random.default_rng(seed)
    left_s = bunches(rng, 2 * HALF_HOUR)
    came_s = travel(rng, left_s, median_s)
    stay = rng.random(len(left_s)) < 0.8
    joined_s = rng.uniform(0.0, 2 * HALF_HOUR, len(left_s) // 5)
    found = link_time(
        series(left_s, 2 * HALF_HOUR),
        series(np.concatenate([came_s[stay], joined_s]), 2 * HALF_HOUR),
        (median_s / 2.5, median_s * 2.5),
        half_width_share_max=0.1,
    )
    told = answered(found)
    true_s = float(np.median((came_s - left_s)[stay]))
    assert told.median_s == pytest.approx(true_s, rel=0.04, abs=1.0)
    assert told.median_low_s < told.median_s < told.median_high_s
    assert told.mean_low_s < told.mean_s < told.mean_high_s
    assert told.through_share == pytest.approx(0.8, abs=0.2)


def test_coarser_bins_say_the_same_with_less_certainty() -> None:
    rng = np.random.default_rng(5)
    left_s = bunches(rng)
    came_s = travel(rng, left_s, 40.0)
    fine, coarse = (
        answered(link_time(series(left_s, bin_s=b), series(came_s, bin_s=b), (15.0, 100.0)))
        for b in (1.0, 3.0)
    )
    assert coarse.median_s == pytest.approx(fine.median_s, abs=1.0)
    assert fine.median_s == pytest.approx(40.0, abs=1.0)


def test_what_was_not_watched_is_unknown_and_not_empty() -> None:
    rng = np.random.default_rng(3)
    left_s = bunches(rng, 2 * HALF_HOUR)
    came_s = travel(rng, left_s, 30.0)
    left, came = series(left_s, 2 * HALF_HOUR), series(came_s, 2 * HALF_HOUR)
    away = range(600, 1500)  # the second camera is away, and its counts are nonsense
    counts, watched_s = list(came.counts), list(came.watched_s)
    for second in away:
        counts[second], watched_s[second] = 50 * (second % 7 == 0), 0.0
    holed = dataclasses.replace(came, counts=tuple(counts), watched_s=tuple(watched_s))
    told = answered(link_time(left, holed, (10.0, 90.0)))
    assert told.median_s == pytest.approx(30.0, abs=1.0)
    assert told.arrived == sum(
        count for second, count in enumerate(came.counts) if second not in away and second >= 53
    )
    never = dataclasses.replace(came, watched_s=(0.0,) * len(came.counts))
    assert refused(link_time(left, never, (10.0, 90.0))).why is Why.FLOW


def test_series_that_begin_at_different_moments_are_laid_side_by_side() -> None:
    rng = np.random.default_rng(9)
    left_s = bunches(rng)
    came = series(travel(rng, left_s, 30.0))
    later = CrossingSeries(
        came.line, UtcMicros(START + 300_000_000), 1.0, came.counts[300:], came.watched_s[300:]
    )
    told = answered(link_time(series(left_s), later, (10.0, 90.0)))
    assert told.median_s == pytest.approx(30.0, abs=1.0)
    assert told.since == later.start
    shifted = dataclasses.replace(later, start=UtcMicros(later.start + 400_000))
    with pytest.raises(Misconfigured, match="not the same"):
        link_time(series(left_s), shifted, (10.0, 90.0))


def test_nobody_is_alone_in_a_series() -> None:
    counts = [0] * 900
    for second in (10, 20, 30, 40):
        counts[second] = 1  # four vehicles in the first five minutes
    for second in range(300, 305):
        counts[second] = 1  # five in the second
    told = CrossingSeries("a", START, 1.0, tuple(counts), (1.0,) * 900)
    assert told.counts[:300] == (0,) * 300
    assert told.watched_s[:300] == (0.0,) * 300
    assert sum(told.counts[300:600]) == WINDOW_VEHICLES_MIN
    assert told.watched_s[300:600] == (1.0,) * 300
    assert told.watched_s[600:] == (0.0,) * 300


@given(
    counts=st.lists(st.integers(0, 3), min_size=1, max_size=60),
    bin_s=st.sampled_from([20.0, 37.5, 60.0]),
)
def test_no_window_that_is_told_has_fewer_than_five(counts: list[int], bin_s: float) -> None:
    told = CrossingSeries("a", START, bin_s, tuple(counts), (bin_s,) * len(counts))
    bins = round(300.0 / bin_s)
    for begin in range(0, len(counts), bins):
        window = slice(begin, begin + bins)
        few = sum(told.counts[window]) < WINDOW_VEHICLES_MIN
        assert few == (sum(told.watched_s[window]) == 0.0)


def test_only_counts_get_in_by_type() -> None:
    """Mypy says so of every line that is ignored here: an ignore without an error is one."""
    told = series(bunches(np.random.default_rng(1)))
    movers = Movers([TrackId("t")], np.zeros((1, 1)), {})
    with pytest.raises(Misconfigured):
        link_time([TrackId("t")], told, (10.0, 90.0))  # type: ignore[arg-type]
    with pytest.raises(Misconfigured):
        link_time(told, movers, (10.0, 90.0))  # type: ignore[arg-type]
    with pytest.raises(Misconfigured):
        CrossingSeries("a", START, 1.0, (TrackId("t"),), (1.0,))  # type: ignore[arg-type]
    with pytest.raises(Misconfigured):
        CrossingSeries("a", START, 1.0, (4.4,), (1.0,))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        CrossingSeries("a", START, 1.0, (4,), (1.0,), kinds=(Kind.CAR,))  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        CrossingSeries.of_moments("a", START, [(START, Kind.CAR)], [1.0])  # type: ignore[list-item]
    with pytest.raises((AttributeError, TypeError)):
        told.lengths_m = (4.4,)  # type: ignore[attr-defined]


def test_a_series_with_more_in_it_is_no_series() -> None:
    class Marked(CrossingSeries):  # type: ignore[misc]
        lengths_m = (4.4,)

    told = series(bunches(np.random.default_rng(1)))
    marked = Marked(told.line, told.start, told.bin_s, told.counts, told.watched_s)
    with pytest.raises(Misconfigured, match="not by Marked"):
        link_time(told, marked, (10.0, 90.0))


def test_a_series_is_a_name_a_moment_and_numbers() -> None:
    assert typing.get_type_hints(CrossingSeries) == {
        "line": str,
        "start": UtcMicros,
        "bin_s": float,
        "counts": tuple[int, ...],
        "watched_s": tuple[float, ...],
    }
    assert not hasattr(series(np.arange(100.0)), "__dict__")
    takes = typing.get_type_hints(link_time)
    assert takes.pop("return") == LinkTime | Refusal
    assert set(takes.values()) == {CrossingSeries, tuple[float, float], float}


@pytest.mark.parametrize(
    "changed",
    [
        {"bin_s": 0.5},
        {"bin_s": math.nan},
        {"counts": (-1,)},
        {"counts": (True,)},
        {"counts": [1]},
        {"counts": ()},
        {"watched_s": (1.5,)},
        {"watched_s": (math.nan,)},
        {"watched_s": (1.0, 1.0)},
        {"line": ""},
        {"line": CameraId},
        {"start": 1.5},
    ],
)
def test_what_is_no_series_is_said_to_be_none(changed: dict[str, object]) -> None:
    right: dict[str, object] = {
        "line": "a", "start": START, "bin_s": 1.0, "counts": (5,), "watched_s": (1.0,),
    }  # fmt: skip
    with pytest.raises(Misconfigured):
        CrossingSeries(**(right | changed))  # type: ignore[arg-type]


def test_lines_that_have_nothing_to_do_with_each_other_are_refused() -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        one, other = series(bunches(rng)), series(bunches(rng))
        assert refused(link_time(one, other, (10.0, 90.0))).why in {Why.THROUGH, Why.PEAKS}


def test_little_traffic_is_refused() -> None:
    rng = np.random.default_rng(1)
    left_s = np.sort(rng.uniform(0, HALF_HOUR, 60))
    found = refused(link_time(series(left_s), series(travel(rng, left_s, 30.0)), (10.0, 90.0)))
    assert found.why is Why.FLOW
    assert "100 are needed" in found.sentence


def test_two_ways_of_different_length_are_refused() -> None:
    rng = np.random.default_rng(1)
    left_s = bunches(rng, 2 * HALF_HOUR)
    times_s = np.where(rng.random(len(left_s)) < 0.5, 20.0, 60.0)
    came = series(left_s + times_s, 2 * HALF_HOUR)
    found = refused(link_time(series(left_s, 2 * HALF_HOUR), came, (10.0, 90.0)))
    assert found.why in {Why.PEAKS, Why.SIGNAL}


def test_a_signal_between_the_lines_is_refused() -> None:
    for seed in range(2):
        rng = np.random.default_rng(seed)
        left_s = np.sort(rng.uniform(0.0, 2 * HALF_HOUR, 800))
        there_s = travel(rng, left_s, 25.0)
        red_s = there_s % 80.0
        over_s = there_s + np.where(red_s < 45.0, 45.0 - red_s + rng.uniform(0, 15, 800), 0.0)
        found = link_time(
            series(left_s, 2 * HALF_HOUR), series(over_s, 2 * HALF_HOUR), (10.0, 100.0)
        )
        assert refused(found).why in {Why.SIGNAL, Why.CYCLE, Why.PEAKS}


def test_the_clock_of_two_signals_is_not_taken_for_travel() -> None:
    """The same green at both lines, and nobody who goes from one to the other."""
    for seed in range(2):
        rng = np.random.default_rng(seed)
        one_s, other_s = (
            np.sort(rng.integers(0, 45, 700) * 80.0 + rng.uniform(0.0, 30.0, 700)) for _ in range(2)
        )
        found = link_time(
            series(one_s, 2 * HALF_HOUR), series(other_s, 2 * HALF_HOUR), (10.0, 100.0)
        )
        assert refused(found).why in {Why.CYCLE, Why.SIGNAL, Why.PEAKS}


def test_an_answer_that_is_not_known_well_enough_is_refused() -> None:
    rng = np.random.default_rng(4)
    left_s = bunches(rng)
    one, other = series(left_s), series(travel(rng, left_s, 60.0))
    assert isinstance(link_time(one, other, (20.0, 150.0)), LinkTime)
    found = link_time(one, other, (20.0, 150.0), half_width_share_max=1e-3, half_width_s_max=1e-3)
    assert refused(found).why is Why.WIDTH


@pytest.mark.parametrize("between_s", [(0.0, 10.0), (20.0, 10.0), (1.0, 100.0)])
def test_times_that_are_not_plausible_are_said_to_be_none(between_s: tuple[float, float]) -> None:
    told = series(bunches(np.random.default_rng(1)))
    with pytest.raises(Misconfigured):
        link_time(told, told, between_s)
    with pytest.raises(Misconfigured):
        plausible_s(0.0)


def test_a_day_has_no_single_travel_time() -> None:
    told = CrossingSeries("a", START, 60.0, (5,) * 1440, (60.0,) * 1440)
    with pytest.raises(Misconfigured, match=r"24\.0 h"):
        link_time(told, told, (60.0, 600.0))


def test_a_route_is_the_sum_of_its_parts() -> None:
    link = LinkTime("a", "b", START, 3600.0, 24.0, 23.0, 25.0, 25.0, 22.0, 28.0, 0.8, 0.7, 0.9, 500)
    view = ViewTime("c", 300, 30.0, 26.0, 34.0)
    route = compose([link, view])
    assert isinstance(route, RouteTime)
    assert (route.mean_s, route.low_s, route.high_s) == (55.0, 50.0, 60.0)
    assert route.parts_s == (25.0, 30.0)
    found = refused(compose([link, Refusal(Why.PEAKS, "Two fit."), view]))
    assert found.why is Why.PART
    assert "Part 2 of 3" in found.sentence
    with pytest.raises(Misconfigured):
        compose([])


def test_vehicles_of_one_red_light_are_no_independent_witnesses() -> None:
    rng = np.random.default_rng(2)
    means_s = rng.uniform(10.0, 50.0, 20)  # each cycle has a delay of its own, the same for all
    told = view_time("c", [(10, 10 * mean_s) for mean_s in means_s.tolist()])
    assert isinstance(told, ViewTime)
    assert told.mean_s == pytest.approx(means_s.mean())
    error_s = means_s.std(ddof=1) / math.sqrt(20)
    assert told.high_s - told.mean_s == pytest.approx(2.09 * error_s, rel=0.01)
    assert refused(view_time("c", [(4, 100.0)] * 50 + [(5, 100.0)] * 5)).why is Why.FLOW


@pytest.mark.skipif(not CORRIDOR.exists(), reason="SUMO's corridor is not here")
def test_sumos_corridor_is_measured_as_its_loops_know_it() -> None:
    """Two hours: after a fixed signal at A 380 m to B, and over one of the same cycle to C."""
    entered: dict[str, dict[str, float]] = defaultdict(dict)
    text = gzip.decompress((CORRIDOR / "instantloops.xml.gz").read_bytes()).decode()
    for tag in re.findall(r"<instantOut [^>]*>", text):
        told = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if told["state"] == "enter":
            entered[told["id"][0]].setdefault(told["vehID"], float(told["time"]))
    rng = np.random.default_rng(1)
    seen = {}
    for line, moments in entered.items():
        at_s = np.array(sorted(moments.values()))
        seen[line] = series(at_s[rng.random(len(at_s)) >= 0.08], 7200, line=line)
    both = entered["A"].keys() & entered["B"].keys()
    true_s = float(np.median([entered["B"][who] - entered["A"][who] for who in both]))
    told_time = answered(link_time(seen["A"], seen["B"], plausible_s(380.0)))
    assert told_time.median_s == pytest.approx(true_s, abs=1.0)
    refused(link_time(seen["A"], seen["C"], plausible_s(460.0)))


def test_the_interval_of_the_share_holds_how_many_went_through() -> None:
    held = []
    for seed in range(12):
        drawn = drawn_link(seed, 400.0, "fixed")
        told = answered(link_time(drawn.left, drawn.arrived, plausible_s(400.0)))
        # Both lines miss alike: what one misses of who left, the other does of who arrived.
        held.append(told.through_low <= 1.0 - TURNED_OFF <= told.through_high)
        assert told.through_high - told.through_low < 0.25
    assert sum(held) >= 10
