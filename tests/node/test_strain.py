"""Frames that a late machine skips: the share of the last half minute, and when it is said."""

from hypothesis import given
from hypothesis import strategies as st

from placewatch.node.strain import SHORTEST_S, Strain, strain_sentence


def after(steps: list[tuple[int, int]]) -> tuple[float | None, int, int]:
    """The share after seconds in each of which so many frames were watched and skipped."""
    strain, frames, skipped = Strain(), 0, 0
    strain.note(0.0, 0, 0)
    for second, (more, lost) in enumerate(steps, 1):
        frames, skipped = frames + more, skipped + lost
        strain.note(float(second), frames, skipped)
    return strain.skipped_share(float(len(steps)), frames, skipped), frames, skipped


def test_a_starved_machine_is_told_in_a_sentence() -> None:
    share, _, _ = after([(1, 24)] * 20)
    assert share == 0.96
    told = strain_sentence(share)
    assert told is not None
    assert told.startswith("96 % of the frames")


def test_one_that_keeps_up_again_is_well_after_half_a_minute() -> None:
    assert strain_sentence(after([(1, 24)] * 20 + [(25, 0)] * 5)[0]) is not None
    assert after([(1, 24)] * 20 + [(25, 0)] * 31)[0] == 0.0


def test_a_stumble_at_the_beginning_is_nothing_yet() -> None:
    assert after([(0, 25)] * int(SHORTEST_S - 1))[0] is None
    assert strain_sentence(None) is None
    assert strain_sentence(0.1) is None


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=80))
def test_it_is_a_share(steps: list[tuple[int, int]]) -> None:
    share, _, _ = after(steps)
    assert share is None or 0.0 <= share <= 1.0


def test_sums_that_begin_anew_are_another_source() -> None:
    strain = Strain()
    strain.note(0.0, 1000, 500)
    strain.note(2.0, 10, 0)
    assert strain.skipped_share(20.0, 460, 0) == 0.0
