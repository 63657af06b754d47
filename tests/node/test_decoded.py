"""What the console says of how a camera is decoded: true, in one line, never better than it is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placewatch.capture.controller import upper_bound
from placewatch.core.facts import Decoding
from placewatch.node.decoded import decoded
from placewatch.node.views import MainStreamView

ASLEEP = Decoding(
    mode="keyframes",
    sleeps=True,
    gops=1000,
    gops_slept=612,
    audits=212,
    auc=0.99,
    passages_checked=212,
    passages_missed=0,
    missed_share_max=upper_bound(0, 212),
)


def test_a_sleeping_camera_says_what_audits_found() -> None:
    assert decoded(ASLEEP, None) == (
        "Only key frames are decoded while nobody is there; movement wakes it. "
        "Asleep 61 % of the time. "
        "Of 212 passages checked in full, 0 would have been missed: at most 1.5 % are."
    )


def test_what_was_missed_is_said_also_when_it_must_not_sleep_any_more() -> None:
    why = "An audit showed a road user that sleep would have missed."
    told = decoded(
        Decoding(
            "keyframes",
            why=why,
            gops=900,
            gops_slept=100,
            passages_checked=30,
            passages_missed=1,
            missed_share_max=upper_bound(1, 30),
        ),
        None,
    )
    assert told.startswith(f"Every frame is decoded for now. {why} ")
    assert "1 would have been missed: at most 15 % are." in told


def test_a_camera_that_never_slept_has_missed_nothing_and_claims_nothing() -> None:
    told = decoded(Decoding("keyframes", why="It is getting to know this camera."), None)
    assert told == "Every frame is decoded for now. It is getting to know this camera."


@pytest.mark.parametrize(
    ("main", "said"),
    [
        (MainStreamView(True, None, 50, 0), "The main stream is carried undecoded."),
        (
            MainStreamView(False, "it came to its end", 50, 1),
            "The main stream is not carried. It came to its end.",
        ),
    ],
)
def test_a_main_stream_that_is_not_decoded_is_told(main: MainStreamView, said: str) -> None:
    told = decoded(Decoding("full"), main)
    assert told == f"The small stream is analysed. Every frame is decoded. {said}"


@given(checked=st.integers(1, 5000), missed=st.integers(0, 20))
def test_the_bound_that_is_shown_is_never_below_the_true_one(checked: int, missed: int) -> None:
    bound = upper_bound(min(missed, checked), checked)
    told = decoded(Decoding("keyframes", True, "", 10, 5, missed_share_max=bound), None)
    shown = re.search(r"at most ([\d.]+) %", told)
    assert shown is not None
    assert float(shown[1]) / 100 >= bound - 1e-9


def test_before_it_begins_there_is_nothing_to_say() -> None:
    assert decoded(None, None) == ""
