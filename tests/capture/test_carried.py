"""A large stream is carried undecoded, bounded, and its loss is said."""

from pathlib import Path

import pytest
from tests.capture.cameras import http_camera
from tests.capture.films import make_film

from placewatch.capture.carried import Carriage, CarriedStream
from placewatch.capture.source import SourceSpec
from placewatch.core.errors import PlacewatchError, Unavailable
from placewatch.core.ids import CameraId
from placewatch.core.time import SystemClock

CAMERA = CameraId("kista-03")
P_ONLY = {"bf": "0", "g": "25", "sc_threshold": "0", "preset": "veryfast"}


def test_a_stream_is_kept_from_a_key_frame_on_and_its_size_is_known(tmp_path: Path) -> None:
    film = make_film(tmp_path / "main.mp4", frames=100, options=P_ONLY)
    carriage = Carriage()
    stream = CarriedStream(SourceSpec(CAMERA, str(film)), SystemClock(), carriage)
    assert (stream.info.width_px, stream.info.height_px) == (160, 120)
    stream.carry()
    assert carriage.packets == len(stream.ring) == 100
    assert stream.ring.seconds == pytest.approx(4.0, abs=0.05)
    assert stream.ring.take()[0].is_key


def test_only_the_last_seconds_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("placewatch.capture.carried.RING_S_MAX", 2.0)
    film = make_film(tmp_path / "main.mp4", frames=200, options=P_ONLY)
    stream = CarriedStream(SourceSpec(CAMERA, str(film)), SystemClock(), Carriage())
    stream.carry()
    kept = stream.ring.take()
    assert 25 <= len(kept) <= 50
    assert kept[0].is_key


def test_a_stream_that_ends_on_the_network_is_lost(tmp_path: Path) -> None:
    make_film(tmp_path / "main.ts", options=P_ONLY)
    with http_camera(tmp_path) as address:
        carriage = Carriage()
        spec = SourceSpec(CAMERA, f"{address}/main.ts")
        stream = CarriedStream(spec, SystemClock(), carriage)
        with pytest.raises(Unavailable, match="kista-03"):
            stream.carry()
        assert carriage.packets == 50


@pytest.mark.parametrize("url", ["nowhere.mp4", "rtsp://kista:secret@127.0.0.1:1/main"])
def test_one_that_does_not_open_says_so_without_its_login(url: str) -> None:
    with pytest.raises(PlacewatchError) as failure:
        CarriedStream(SourceSpec(CAMERA, url, timeout_s=1.0), SystemClock(), Carriage())
    assert "secret" not in str(failure.value)
    assert failure.value.hint
