"""Tracker: who is who stays so, whatever order, place or frame rate."""

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placewatch.core.kinds import Kind
from placewatch.core.sightings import (
    BEFORE,
    CERTAIN,
    LEFT,
    SEEN_AS,
    UNSEEN_S,
    Box,
    Detection,
    Track,
)
from placewatch.perceive.tracker import Tracker

WIDTH, HEIGHT = 640, 360


def seen(
    x: float, y: float, w: float = 60, h: float = 40, kind: Kind = Kind.CAR, score: float = 0.8
) -> Detection:
    return Detection(kind, Box(x, y, x + w, y + h), score)


def run(
    frames: list[list[Detection]], fps: float = 10.0, behind_s: float = 0.0
) -> list[Sequence[Track]]:
    tracker = Tracker(behind_s=behind_s)
    return [
        tracker.update(frame, number / fps, width_px=WIDTH, height_px=HEIGHT)
        for number, frame in enumerate(frames)
    ]


def shape(tracks: Sequence[Track]) -> list[tuple[object, ...]]:
    """All that is told of tracks but their ids, which are random."""
    return [
        (t.kind, t.box, t.velocity_px_s, t.age_s, t.seen, t.certain)
        for t in tracks
    ]  # fmt: skip


some_frames = st.lists(
    st.lists(
        st.builds(
            seen,
            x=st.floats(0, 560),
            y=st.floats(0, 300),
            w=st.floats(10, 120),
            h=st.floats(10, 90),
            kind=st.sampled_from(list(Kind)),
            score=st.floats(0.05, 1.0),
        ),
        max_size=7,
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(frames=some_frames, seed=st.integers(0, 1000))
def test_the_order_in_which_detections_are_given_changes_nothing(
    frames: list[list[Detection]], seed: int
) -> None:
    dice = random.Random(seed)
    shuffled = [dice.sample(frame, len(frame)) for frame in frames]
    for one, other in zip(run(frames), run(shuffled), strict=True):
        assert shape(one) == shape(other)


@settings(max_examples=40, deadline=None)
@given(dx=st.integers(-40, 40), dy=st.integers(-40, 40), speed=st.integers(2, 12))
def test_a_street_seen_from_a_little_aside_has_the_same_tracks(
    dx: int, dy: int, speed: int
) -> None:
    def drive(x: int, y: int) -> list[Sequence[Track]]:
        return run([[seen(x + speed * n, y), seen(x + 300, y + 60)] for n in range(12)])

    for here, there in zip(drive(100, 100), drive(100 + dx, 100 + dy), strict=True):
        for a, b in zip(here, there, strict=True):
            assert b.box.left_px - a.box.left_px == pytest.approx(dx, abs=1e-6)
            assert b.box.bottom_px - a.box.bottom_px == pytest.approx(dy, abs=1e-6)
            assert (a.kind, a.seen, a.certain) == (b.kind, b.seen, b.certain)


def test_a_car_keeps_its_identity_behind_a_lorry() -> None:
    frames = [[seen(20 + 12 * n, 150)] if not 12 <= n < 24 else [] for n in range(36)]
    told = run(frames)
    before = {t.id for t in told[11] if t.certain}
    assert before == {t.id for t in told[-1] if t.seen}
    assert all(not t.seen for t in told[18])


def test_whoever_is_hidden_for_long_waits_where_it_was_hidden() -> None:
    told = run([[seen(20 + 12 * n, 150)] for n in range(12)] + [[] for _ in range(15)])
    hidden = [t.box.left_px for tracks in told[15:] for t in tracks]
    assert hidden
    assert max(hidden) - min(hidden) < 1e-6


@pytest.mark.parametrize(
    ("stays", "behind_s", "waited_for"), [(True, 90, True), (True, 0, False), (False, 90, False)]
)
def test_who_stands_hidden_behind_somebody_is_waited_for(
    stays: bool, behind_s: float, waited_for: bool
) -> None:
    """A lorry stops before a car for half a minute, and drives on; or it does not stop, and the car
    is not seen for as long."""

    def street(lorry_px: float) -> list[Detection]:
        lorry = Detection(Kind.TRUCK, Box(lorry_px, 90, lorry_px + 130, 210), 0.8)
        hidden = lorry_px < 330 and lorry_px + 130 > 330
        return [lorry] if hidden else [lorry, seen(300, 120, 60, 40)]

    comes = [street(460 - 15 * n) for n in range(13)]
    goes = [street(265 - 15 * n) for n in range(14)]
    waits = [street(265)] * 300 if stays else [*goes[:5], *[[]] * 300]
    told = run([*comes, *waits, *goes, [seen(300, 120, 60, 40)]], behind_s=behind_s)
    before = {t.id for t in told[5] if t.seen and t.box.right_px < 370}
    assert len(before) == 1
    assert (before == {t.id for t in told[-1] if t.seen}) is waited_for


@pytest.mark.parametrize(("covers", "right_px"), [(True, 360), (False, 332)])
def test_who_stands_partly_covered_is_where_it_was(covers: bool, right_px: float) -> None:
    lorry = [Detection(Kind.TRUCK, Box(330, 90, 460, 210), 0.8)] if covers else []
    told = run(
        [[seen(300, 120, 60, 40)]] * 10 + [[seen(300, 120, 32, 40), *lorry]] * 30, behind_s=90
    )
    (car,) = [t for t in told[-1] if t.box.left_px < 310]
    assert car.box.right_px == pytest.approx(right_px, abs=3)


def test_a_frame_rate_that_varies_does_not_break_a_track() -> None:
    tracker, dice, media_s, ids = Tracker(), random.Random(3), 0.0, set()
    for _ in range(60):
        media_s += dice.choice([0.02, 0.04, 0.12, 0.2])
        ids |= {
            t.id
            for t in tracker.update(
                [seen(20 + 60 * media_s, 150)], media_s, width_px=WIDTH, height_px=HEIGHT
            )
        }
    assert len(ids) == 1


def test_at_five_frames_a_second_a_fast_car_is_one_car() -> None:
    told = run([[seen(10 + 55 * n, 100)] for n in range(10)], fps=5)
    assert len({t.id for tracks in told for t in tracks}) == 1


def test_what_only_moved_and_went_nowhere_is_never_certain() -> None:
    dice = random.Random(1)
    frames = [
        [seen(200 + dice.uniform(-4, 4), 100 + dice.uniform(-4, 4), score=0.45)] for _ in range(100)
    ]
    assert not any(t.certain for tracks in run(frames) for t in tracks)


def test_what_moved_and_went_somewhere_becomes_certain_and_stays_so() -> None:
    told = run([[seen(20 + 8 * n, 100, score=0.45)] for n in range(10)])
    assert told[-1][0].certain
    assert not told[0][0].certain


def test_a_parked_car_that_flickers_weakly_is_never_certain() -> None:
    dice = random.Random(2)
    frames = [
        [seen(200, 100, score=dice.uniform(0.1, 0.45))] if dice.random() < 0.6 else []
        for _ in range(200)
    ]
    assert not any(t.certain for tracks in run(frames) for t in tracks)


def test_after_a_gap_nobody_is_who_was_there_before() -> None:
    tracker = Tracker()
    for n in range(8):
        before = tracker.update([seen(100, 100)], n / 10, width_px=WIDTH, height_px=HEIGHT)
    after = tracker.update([seen(100, 100)], 0.8, width_px=WIDTH, height_px=HEIGHT, after_gap=True)
    assert {t.id for t in before}.isdisjoint({t.id for t in after})


def test_the_foot_of_a_car_that_leaves_goes_on_although_its_box_is_cut_off() -> None:
    frames = []
    for n in range(24):
        left = 300 - 16 * n
        frames.append([Detection(Kind.CAR, Box(max(0, left), 100, left + 120, 160), 0.9)])
    told = [t for tracks in run([f for f in frames if f[0].box.right_px > 8]) for t in tracks]
    last = told[-1]
    middle = (last.box.left_px + last.box.right_px) / 2
    assert last.seen
    assert middle < 0  # where the cut-off box would say 7


def test_a_rider_seen_now_as_a_person_now_as_a_bicycle_is_a_bicycle() -> None:
    frames = [
        [seen(20 + 6 * n, 100, 30, 60, Kind.BICYCLE if n % 3 == 0 else Kind.PEDESTRIAN)]
        for n in range(20)
    ]
    assert run(frames)[-1][0].kind is Kind.BICYCLE


def test_two_runs_of_the_same_street_share_no_id() -> None:
    frames = [[seen(100 + 5 * n, 100), seen(400, 200)] for n in range(20)]
    one, other = ({t.id for tracks in run(frames) for t in tracks} for _ in range(2))
    assert len(one) == len(other) == 2
    assert one.isdisjoint(other)


def test_cars_that_pass_each_other_do_not_swap() -> None:
    told = run([[seen(10 + 10 * n, 100), seen(500 - 10 * n, 130)] for n in range(45)])
    ways = {t.id: [] for t in told[5]}  # type: ignore[var-annotated]
    for tracks in told[5:]:
        for t in tracks:
            ways[t.id].append(t.box.left_px)
    right, left = sorted(ways.values(), key=lambda way: way[-1] - way[0], reverse=True)
    assert right == sorted(right)
    assert left == sorted(left, reverse=True)


@settings(max_examples=40, deadline=None)
@given(frames=some_frames, times=st.sampled_from([0.5, 2.0, 4.0]))
def test_a_larger_picture_of_the_same_street_has_the_same_tracks(
    frames: list[list[Detection]], times: float
) -> None:
    here, there = Tracker(), Tracker()
    for number, frame in enumerate(frames):
        large = [Detection(d.kind, Box(*(side * times for side in d.box)), d.score) for d in frame]
        told = [
            tracker.update(
                them,
                number / 10,
                width_px=round(WIDTH * zoom),
                height_px=round(HEIGHT * zoom),
            )
            for tracker, them, zoom in ((here, frame, 1.0), (there, large, times))
        ]
        for a, b in zip(*told, strict=True):
            assert b.box == pytest.approx([side * times for side in a.box])
            assert (a.kind, a.seen, a.certain) == (b.kind, b.seen, b.certain)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_street_has_as_many_road_users_at_any_frame_rate(seed: int) -> None:
    dice = random.Random(seed)
    lanes = [
        (top, dice.choice([-1, 1]) * dice.uniform(40, 160), dice.uniform(0, 200))
        for top in (40, 100, 160, 220, 280)
    ]

    def frame(media_s: float) -> list[Detection]:
        found = []
        for top, speed, start in lanes:
            left = 100 + start + speed * media_s
            if left > 8 and left + 60 < WIDTH - 8:
                found.append(seen(left, top))
        return found

    for fps in (5, 10, 25):
        told = run([frame(n / fps) for n in range(4 * fps)], fps)
        assert len({t.id for tracks in told for t in tracks}) == len(lanes)
        assert len({t.id for tracks in told for t in tracks if t.certain}) == len(lanes)


def test_everybody_ends_when_nobody_is_seen_any_more() -> None:
    told = run([[seen(100 + 5 * n, 100), seen(400, 200)] for n in range(20)] + [[]] * 25)
    assert len(told[25]) == 2
    assert not told[-1]


def test_two_people_who_cross_keep_who_they_are_although_one_hides_the_other() -> None:
    def frame(number: int) -> list[Detection]:
        right, left = 100.0 + 5 * number, 400.0 - 5 * number
        near = seen(right, 105, 24, 62, Kind.PEDESTRIAN)
        far = seen(left, 100, 24, 60, Kind.PEDESTRIAN)
        return [near] if abs(right - left) < 16 else [near, far]

    told = run([frame(n) for n in range(60)])
    first = {t.id: t.box.left_px for t in told[20]}
    last = {t.id: t.box.left_px for t in told[-1]}
    assert first.keys() == last.keys()
    assert all((first[who] < 250) == (last[who] > 250) for who in first)


def test_a_crowd_larger_than_ever_before_is_followed() -> None:
    frames = [
        [seen(12 * k + 0.5 * n, 20 * j, 10, 15) for k in range(40) for j in range(1, 6)]
        for n in range(6)
    ]
    told = run(frames)
    assert [len(tracks) for tracks in told] == [200] * 6
    assert len({t.id for tracks in told for t in tracks}) == 200


def test_rows_tell_which_detection_and_which_row_before_they_are() -> None:
    tracker = Tracker()
    one, other = [300.0, 100, 360, 140, 0.9, 3], [20.0, 100, 80, 140, 0.8, 3]
    tracker.advance(np.array([one, other]), 0.0, width_px=WIDTH, height_px=HEIGHT)
    ids = list(tracker.ids)
    told = tracker.advance(
        np.array([other, one, [200, 200, 230, 230, 0.05, 0]]), 0.1, width_px=WIDTH, height_px=HEIGHT
    )
    assert tracker.ids == ids
    assert told[:, BEFORE].tolist() == [0, 1]
    assert told[:, SEEN_AS].tolist() == [0, 1]
    assert told[:, LEFT] == pytest.approx([20, 300])
    assert not told[:, UNSEEN_S].any()
    assert set(told[:, CERTAIN].tolist()) <= {0.0, 1.0}
    told = tracker.advance(np.array([one]), 0.2, width_px=WIDTH, height_px=HEIGHT)
    assert told[:, SEEN_AS].tolist() == [-1, 0]


def test_what_is_no_box_is_ignored() -> None:
    bad = np.array(
        [
            [np.nan, 10, 50, 50, 0.9, 0],
            [50, 10, 20, 50, 0.9, 0],
            [10, 10, 50, 50, np.nan, 0],
        ]
    )
    assert len(Tracker().advance(bad, 0.0, width_px=WIDTH, height_px=HEIGHT)) == 0
