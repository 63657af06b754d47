"""Decoded: how much of a camera's stream is decoded just now, and what that may miss, in a line."""

import math

from placewatch.core.facts import Decoding
from placewatch.node.views import MainStreamView

_STEADY = {
    "full": "Every frame is decoded.",
    "no_loop_filter": "Every frame is decoded, without the loop filter.",
    "non_reference": "Frames that no other frame needs are passed over.",
    "keyframes": "Every frame is decoded for now.",
}


def decoded(decoding: Decoding | None, main_stream: MainStreamView | None) -> str:
    """Sentences on one line; empty before the camera has begun.

    What audits found is told of whoever has slept, also while it must not any more.
    """
    if decoding is None:
        return ""
    said = [_STEADY[decoding.mode]]
    if decoding.sleeps:
        said = ["Only key frames are decoded while nobody is there; movement wakes it."]
    elif decoding.why:
        said.append(decoding.why)
    if decoding.gops_slept and decoding.missed_share_max is not None:
        checked, missed = decoding.passages_checked, decoding.passages_missed
        said.append(
            f"Asleep {_percent(decoding.gops_slept / decoding.gops)} of the time. "
            f"Of {checked} passages checked in full, {missed} would have been missed: "
            f"at most {_percent(decoding.missed_share_max, up=True)} are."
        )
    if main_stream is not None:
        said[0] = f"The small stream is analysed. {said[0]}"
        if main_stream.carried:
            said.append("The main stream is carried undecoded.")
        else:
            said.append(f"The main stream is not carried. {_sentence(main_stream.why or '')}")
    return " ".join(said)


def _percent(share: float, *, up: bool = False) -> str:
    """A share for people; `up`: never less than it is, as a bound must be."""
    tenths = 1000 * share if share < 0.1 else 100 * share
    whole = math.ceil(tenths - 1e-9) if up else round(tenths)
    return f"{whole / 10:.1f} %" if share < 0.1 else f"{whole} %"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "." if text else ""
