"""The bench of travel times: that drawn links are what they are said to be, and that it can fail.

Their travel times are measured in tests/measure/test_journey.py, and by the hundred in the bench.
"""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from placewatch.bench import BENCHES, Extent, journeys
from placewatch.bench.journeys import StreetTried, Tried, try_ambiguous, try_links
from placewatch.bench.links import AMBIGUOUS, LEFT_PER_H, MISSED, PER_H, Arrivals, drawn_link
from placewatch.bench.page import accuracy_page
from placewatch.bench.record import record
from placewatch.bench.run import _meant

ROOT = Path(__file__).parents[2]
SCHEMA = Draft202012Validator(json.loads((ROOT / "docs/spec/bench.schema.json").read_text("utf-8")))

RIGHT = Tried("fixed, 500 m", "", 40.5, 0.6, 40.0)
WRONG = Tried("fixed, 500 m", "", 43.0, 0.6, 40.0)
SAID_NO = Tried("periodic", "cycle", true_s=40.0)


def test_a_drawn_link_has_the_traffic_and_the_times_that_it_is_said_to_have() -> None:
    flows: dict[Arrivals, float] = {"fixed": LEFT_PER_H, "actuated": LEFT_PER_H, "random": PER_H}
    for arrivals, per_h in flows.items():
        links = [drawn_link(seed, 700.0, arrivals) for seed in range(1, 9)]
        seen = np.mean([sum(link.left.counts) for link in links])
        assert seen == pytest.approx((1.0 - MISSED) * per_h, rel=0.05)
        for link in links:
            assert 700.0 / 16.5 < np.median(link.times_s) < 700.0 / 8.5
            assert len(link.times_s) < sum(link.arrived.counts)  # others joined


def test_links_are_measured_and_ambiguous_ones_refused() -> None:
    tried = try_links(30_001)[:3]
    assert all(one.answered and one.off <= 1.0 for one in tried), tried
    refused = try_ambiguous(30_000)
    assert [one.case for one in refused] == list(AMBIGUOUS)
    assert not any(one.answered for one in refused), refused


def test_wrong_answers_and_missing_refusals_are_not_passed() -> None:
    told = {one.name: one for one in journeys._drawn([RIGHT] * 9 + [WRONG] + [SAID_NO] * 5, 15)}
    assert told["accuracy.journeys.link"].value == pytest.approx(90.0)
    assert not told["accuracy.journeys.link"].passed
    assert told["accuracy.journeys.answered"].value == pytest.approx(100 * 10 / 15)
    assert told["accuracy.journeys.interval"].value == pytest.approx(5.0)
    assert not told["accuracy.journeys.interval"].passed
    answered = dataclasses.replace(SAID_NO, why="", median_s=41.0, half_s=0.5)
    refused = journeys._refused([SAID_NO] * 99 + [answered] * 20, 1)
    assert refused.value == pytest.approx(100 * 99 / 119)
    assert not refused.passed


def test_a_route_that_is_off_is_not_passed_and_the_page_says_so() -> None:
    good = StreetTried(RIGHT, SAID_NO, 60.0, 3.0, 61.0)
    bad = StreetTried(WRONG, RIGHT, 70.0, 3.0, 61.0)
    none = StreetTried(SAID_NO, SAID_NO, math.nan, math.nan, 61.0)
    figures = journeys._by_sumo([good, good, bad, none], Extent(streets=1, seeds=1))
    told = {one.name: one for one in figures}
    assert not any(one.passed for one in figures)
    assert told["accuracy.journeys.street.refused"].value == 75.0
    assert told["accuracy.journeys.street.route"].value == pytest.approx(100 * 9 / 61)
    assert all(one.passed for one in journeys._by_sumo([good, good], Extent()))
    document = record(figures)
    SCHEMA.validate(document)
    assert "medians of links" in accuracy_page(document)


def test_the_street_is_driven_by_sumo() -> None:
    pytest.importorskip("sumo", reason="SUMO is not installed: placewatch[simulate]")
    passed = journeys._passages(1, 180.0)
    came_s, times_s = journeys._between(passed, "first", "before")
    assert len(times_s) > 10
    assert np.median(times_s) == pytest.approx(290.0 / 12.7, rel=0.15)
    assert came_s.max() < 181.0


def test_the_bench_is_part_of_accuracy() -> None:
    assert "accuracy.journeys" in BENCHES
    assert "accuracy.journeys" in _meant("accuracy")
