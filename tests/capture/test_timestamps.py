"""A stream's times may be anything; the street's time only goes forward."""

import itertools
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from placewatch.capture.timestamps import GAP_S_MIN, LiveUtc, MediaClock, Stamp
from placewatch.core.time import UtcMicros

RTP = Fraction(1, 90_000)
FRAME = 3600  # ticks, at 25 frames a second

ANY_TICKS = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 50).map(lambda number: number * FRAME),
    st.sampled_from([0, 2**32 - 1, 2**32, 2**33 - 1, 2**33]),
)
STEPS = st.lists(st.integers(1, int(GAP_S_MIN * 90_000) - 1), min_size=1, max_size=60)


def watch(
    ticks: list[int | None], fps: float | None = 25.0, arrivals_s: list[float] | None = None
) -> tuple[list[Stamp], MediaClock]:
    """The stamps of frames with these ticks; live, when `arrivals_s` are given."""
    clock = MediaClock(RTP, fps)
    if arrivals_s is None:
        return [clock.stamp(tick) for tick in ticks], clock
    pairs = zip(ticks, arrivals_s, strict=True)
    return [clock.stamp(tick, arrival_s) for tick, arrival_s in pairs], clock


def times_s(stamps: list[Stamp]) -> list[float]:
    return [stamp.media_s for stamp in stamps]


def gaps(stamps: list[Stamp]) -> list[int]:
    """The frames before which something is unknown, after the first."""
    return [number for number, stamp in enumerate(stamps) if stamp.after_gap and number]


@given(ticks=st.lists(ANY_TICKS, max_size=60), fps=st.sampled_from([None, 0.2, 25.0, 240.0]))
def test_a_recordings_time_never_steps_back(ticks: list[int | None], fps: float | None) -> None:
    stamps, _ = watch(ticks, fps)
    assert all(before < after for before, after in itertools.pairwise(times_s(stamps)))


@given(
    frames=st.lists(st.tuples(ANY_TICKS, st.floats(0, 100, allow_subnormal=False)), max_size=60),
)
def test_a_cameras_time_never_steps_back(frames: list[tuple[int | None, float]]) -> None:
    arrivals_s = list(itertools.accumulate(wait_s for _, wait_s in frames))
    stamps, _ = watch([tick for tick, _ in frames], None, arrivals_s)
    assert all(before < after for before, after in itertools.pairwise(times_s(stamps)))


@given(start=st.integers(-(2**40), 2**40), steps=STEPS)
def test_a_clean_stream_is_untouched_however_its_frame_rate_varies(
    start: int, steps: list[int]
) -> None:
    ticks = list(itertools.accumulate(steps, initial=start))
    stamps, clock = watch(list(ticks))
    assert times_s(stamps) == [float((tick - start) * RTP) for tick in ticks]
    assert (clock.repaired, clock.gaps, gaps(stamps)) == (0, 0, [])


@given(steps=STEPS, wrap=st.sampled_from([2**32, 2**33]), before=st.integers(1, 60 * FRAME))
def test_a_counter_that_runs_over_goes_on(steps: list[int], wrap: int, before: int) -> None:
    ticks = list(itertools.accumulate(steps, initial=wrap - before))
    stamps, clock = watch([tick % wrap for tick in ticks])
    expected_s = [float((tick - ticks[0]) * RTP) for tick in ticks]
    assert all(abs(a - b) < 1e-6 for a, b in zip(times_s(stamps), expected_s, strict=True))
    assert gaps(stamps) == []
    assert clock.repaired == (1 if ticks[-1] >= wrap else 0)


def test_the_first_frame_knows_nothing_of_the_time_before_it() -> None:
    stamps, clock = watch([77])
    assert stamps == [Stamp(0.0, after_gap=True)]
    assert clock.gaps == 0


def test_a_stream_without_times_runs_at_its_declared_rate() -> None:
    stamps, clock = watch([None] * 26)
    assert abs(stamps[-1].media_s - 1.0) < 1e-9
    assert clock.repaired == 25
    assert gaps(stamps) == []


def test_a_single_missing_time_is_filled_in_between_its_neighbours() -> None:
    stamps, clock = watch([0, FRAME, None, 3 * FRAME])
    assert [round(time_s, 6) for time_s in times_s(stamps)] == [0, 0.04, 0.08, 0.12]
    assert clock.repaired == 1


def test_a_repeated_time_moves_by_a_hair_and_the_next_is_right_again() -> None:
    stamps, clock = watch([0, FRAME, FRAME, 2 * FRAME])
    assert times_s(stamps) == [0, 0.04, 0.041, 0.08]
    assert clock.repaired == 1
    assert gaps(stamps) == []


def test_a_time_that_stands_still_for_ever_does_not_stop_the_street() -> None:
    stamps, clock = watch([0] * 100)
    assert 3.5 < stamps[-1].media_s <= 4.0
    assert clock.repaired == 99
    assert gaps(stamps) == []


def test_frames_in_the_wrong_order_are_put_right_without_a_gap() -> None:
    stamps, clock = watch([0, 2 * FRAME, FRAME, 3 * FRAME, 5 * FRAME, 4 * FRAME, 6 * FRAME])
    assert gaps(stamps) == []
    assert clock.repaired == 2
    assert stamps[-1].media_s == 0.24


def test_a_stream_that_starts_over_goes_on_after_a_gap() -> None:
    stamps, clock = watch([number * FRAME for number in [*range(50), *range(50)]])
    assert gaps(stamps) == [50]
    assert (clock.repaired, clock.gaps) == (1, 1)
    assert abs(stamps[-1].media_s - 3.96) < 1e-6


def test_a_pause_of_a_recording_is_a_gap_of_its_true_length() -> None:
    stamps, clock = watch([0, FRAME, FRAME + 60 * 90_000, 2 * FRAME + 60 * 90_000])
    assert gaps(stamps) == [2]
    assert stamps[-1].media_s == 60.08
    assert clock.repaired == 0


def test_a_leap_that_cannot_be_true_is_a_gap_of_unknown_length() -> None:
    leap = 10**12
    stamps, clock = watch([0, FRAME, FRAME + leap, 2 * FRAME + leap])
    assert gaps(stamps) == [2]
    assert stamps[-1].media_s < 1
    assert clock.repaired == 1


def test_a_camera_cannot_leap_further_than_time_has_passed() -> None:
    leap = 60 * 90_000
    arrivals_s = [10.0, 10.04, 10.08, 10.12]
    stamps, clock = watch([0, FRAME, FRAME + leap, 2 * FRAME + leap], arrivals_s=arrivals_s)
    assert gaps(stamps) == [2]
    assert abs(stamps[-1].media_s - 0.12) < 1e-6
    assert clock.repaired == 1


def test_a_camera_that_was_silent_for_a_minute_has_a_gap_of_a_minute() -> None:
    leap = 60 * 90_000
    arrivals_s = [10.0, 10.04, 70.1, 70.14]
    stamps, clock = watch([0, FRAME, FRAME + leap, 2 * FRAME + leap], arrivals_s=arrivals_s)
    assert gaps(stamps) == [2]
    assert stamps[-1].media_s == 60.08
    assert clock.repaired == 0


def test_frames_that_arrive_in_bursts_keep_the_streams_own_time() -> None:
    """Network jitter must not become speed."""
    ticks: list[int | None] = [number * FRAME for number in range(50)]
    stamps, clock = watch(ticks, arrivals_s=[number // 10 * 0.4 for number in range(50)])
    assert times_s(stamps) == [number / 25 for number in range(50)]
    assert (clock.repaired, clock.gaps) == (0, 0)


def test_a_camera_of_one_frame_in_four_seconds_is_not_all_gaps() -> None:
    stamps, _ = watch([number * 4 * 90_000 for number in range(20)], fps=0.25)
    assert gaps(stamps) == []
    learnt, _ = watch([number * 4 * 90_000 for number in range(20)], fps=None)
    assert len(gaps(learnt)) <= 1


def test_half_a_second_of_damage_is_a_gap_and_one_lost_frame_is_none() -> None:
    clock = MediaClock(RTP, 25.0)
    stamps = [clock.stamp(number * FRAME) for number in range(25)]
    stamps.append(clock.stamp(26 * FRAME, damaged=True))
    assert gaps(stamps) == []
    stamps.append(clock.stamp(26 * FRAME + 60_000, damaged=True))
    assert gaps(stamps) == [26]


def test_a_cameras_utc_follows_the_machines_however_its_own_clock_drifts() -> None:
    """A camera 200 parts in a million slow, over ten days: 173 s, were nothing done."""
    utc = LiveUtc(UtcMicros(0), arrival_s=0.0)
    day_s, last = 86_400, UtcMicros(-1)
    for arrival_s in range(0, 10 * day_s, 10):
        at = utc.at(Stamp(arrival_s * 0.9998, after_gap=False), float(arrival_s))
        assert at > last
        last = at
    assert abs(last / 1e6 - (10 * day_s - 10)) < 1.0


def test_a_cameras_utc_steps_over_a_gap_that_its_own_time_does_not_show() -> None:
    utc = LiveUtc(UtcMicros(0), arrival_s=0.0)
    utc.at(Stamp(0.0, after_gap=True), 0.0)
    assert utc.at(Stamp(1.0, after_gap=True), 61.0) == 61_000_000
    assert utc.at(Stamp(1.04, after_gap=False), 61.04) == 61_040_000
