"""A login goes into the open call and nowhere else."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placewatch.capture.address import clean, parse_address
from placewatch.core.errors import Misconfigured

WORD = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://10.0.4.3/main", "rtsp://10.0.4.3/main"),
        ("rtsp://ada:s3cret@10.0.4.3:554/main", "rtsp://***@10.0.4.3:554/main"),
        ("rtsp://ada:p@ss@10.0.4.3/main", "rtsp://***@10.0.4.3/main"),
        ("rtsp://ada:pa/s?s@10.0.4.3/main", "rtsp://***@10.0.4.3/main"),
        ("rtsp://ada@10.0.4.3/main", "rtsp://***@10.0.4.3/main"),
        (
            "http://c/mjpg?user=ada&password=s3cret&size=2",
            "http://c/mjpg?user=***&password=***&size=2",
        ),
        (
            "rtsp://c:554/user=ada&password=s3cret&channel=1&stream=0.sdp",
            "rtsp://c:554/user=***&password=***&channel=1&stream=0.sdp",
        ),
        (
            "rtsp://c/user=ada_password=s3cret_channel=1_stream=0.sdp",
            "rtsp://c/user=***_password=***_channel=1_stream=0.sdp",
        ),
        ("https://c/live?token=abc.def-1", "https://c/live?token=***"),
        ("cannot open 'rtsp://ada:s3cret@c/x': refused", "cannot open 'rtsp://***@c/x': refused"),
        ("a@b.se wrote of rtsp://c/x", "a@b.se wrote of rtsp://c/x"),
    ],
)
def test_what_people_are_shown_of_an_address(address: str, shown: str) -> None:
    assert clean(address) == shown


@given(user=WORD, password=WORD)
def test_a_login_reaches_the_camera_and_no_message(user: str, password: str) -> None:
    address = parse_address("rtsp://10.0.4.3:554/main?size=2", (user, password))
    opened = urlsplit(address.with_login())
    assert (unquote(opened.username or ""), unquote(opened.password or "")) == (user, password)
    assert (opened.hostname, opened.port, opened.path) == ("10.0.4.3", 554, "/main")
    assert address.shown == "rtsp://10.0.4.3:554/main?size=2"
    assert repr(address) == "Address()"


def test_a_login_pasted_into_the_address_is_taken_out_of_it() -> None:
    address = parse_address("rtsp://ada:p%40ss@10.0.4.3/main", None)
    assert address.url == "rtsp://10.0.4.3/main"
    assert address.login == ("ada", "p@ss")


def test_the_login_of_the_configuration_wins_over_a_pasted_one() -> None:
    assert parse_address("rtsp://a:b@c/x", ("ada", "s3cret")).login == ("ada", "s3cret")


def test_an_address_of_ip_version_6_keeps_its_brackets() -> None:
    address = parse_address("rtsp://[fe80::1]:554/x", ("a", "b"))
    assert address.with_login() == "rtsp://a:b@[fe80::1]:554/x"
    assert address.host == "fe80::1"


@pytest.mark.parametrize(
    "url", ["rtsp://", "rtsp:///main", "http://c:99999/x", "rtsp://[::1/x", "rtsp://ada:s3cret/x@c"]
)
def test_an_address_that_is_none_is_said_to_be_none(url: str) -> None:
    with pytest.raises(Misconfigured) as failure:
        parse_address(url, None)
    assert "s3cret" not in str(failure.value)
