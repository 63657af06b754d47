"""Cameras on this machine. There is none where tests run: what can be shown is how it is said."""

from pathlib import Path

import pytest

from placewatch.capture import SOURCES, open_source
from placewatch.capture.device import device_source
from placewatch.capture.policy import FULL
from placewatch.capture.source import SourceSpec
from placewatch.core.errors import Misconfigured, PlacewatchError
from placewatch.core.ids import CameraId
from placewatch.core.time import Clock, SystemClock

CAMERA = CameraId("kista-03")


def test_a_device_that_is_not_there_is_named_with_a_hint() -> None:
    with pytest.raises(Misconfigured, match="there is no camera at /dev/video63") as failure:
        open_source(SourceSpec(CAMERA, "/dev/video63"), SystemClock())
    assert failure.value.hint


def test_a_device_that_is_no_camera_is_told_in_one_sentence_with_a_hint(tmp_path: Path) -> None:
    """FFmpeg's V4L2 reader meets something that answers no question of a camera's."""
    thing = tmp_path / "video0"
    thing.write_bytes(b"no camera")
    with pytest.raises(PlacewatchError, match="video0") as failure:
        device_source(SourceSpec(CAMERA, str(thing)), SystemClock(), lambda: False, FULL)
    assert failure.value.hint
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("street.mp4", "file"),
        ("/home/ada/street.mp4", "file"),
        ("/dev/video0", "device"),
        ("/dev/video12", "device"),
        ("/dev/videos/a.mp4", "file"),
        ("rtsp://10.0.4.3/main", "rtsp"),
        ("RTSP://10.0.4.3/main", "rtsp"),
        ("rtsps://10.0.4.3/main", "rtsps"),
        ("http://10.0.4.3/mjpeg", "http"),
        ("https://10.0.4.3/mjpeg", "https"),
        ("street:crossing?seed=1", "street"),
        ("sim://junction?camera=roof", "sim"),
        ("c:/street.mp4", "file"),
    ],
)
def test_every_address_has_one_opener(url: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    met: list[str] = []

    class Met(Exception):
        pass

    def opener(name: str) -> object:
        def open_it(spec: SourceSpec, clock: Clock, stopping: object, policy: object) -> None:
            met.append(name)
            raise Met

        return open_it

    monkeypatch.setattr("placewatch.capture.SOURCES", {name: opener(name) for name in SOURCES})
    with pytest.raises(Met):
        open_source(SourceSpec(CAMERA, url), SystemClock())
    assert met == [key]


@pytest.mark.parametrize(
    "url",
    ["ftp://c/x", "file:///etc/passwd", "device://x", "concat://a|b", "street://x", "udp://@:1"],
)
def test_a_scheme_that_is_not_known_lists_those_that_are(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"scheme|street|not known") as failure:
        open_source(SourceSpec(CAMERA, url), SystemClock())
    assert failure.value.hint
