"""What a camera's settings give its stages."""

import pytest

from placewatch.capture.controller import Controller
from placewatch.node.config import CameraSettings, Decode
from placewatch.node.equip import policy_of


@pytest.mark.parametrize("url", ["street:main", "sim://junction"])
@pytest.mark.parametrize("decode", ["auto", "keyframes"])
def test_a_drawn_street_has_no_key_frames_to_sleep_between(decode: Decode, url: str) -> None:
    drawn = policy_of(CameraSettings(id="a", url=url, decode=decode))
    assert drawn.report().why == ""
    assert isinstance(
        policy_of(CameraSettings(id="a", url="rtsp://a.example/", decode=decode)), Controller
    )
