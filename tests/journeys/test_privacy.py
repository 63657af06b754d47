"""No picture with a person in it leaves a node: every byte that it serves is searched."""

import base64
import binascii
import http.client
import io
import re
import threading
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError
from tests.journeys.node_process import NodeProcess, running

from placewatch.capture import open_source
from placewatch.capture.source import SourceSpec
from placewatch.core.ids import CameraId
from placewatch.core.time import SystemClock
from placewatch.simulate.drawing import exclusive

WATCHED_S = 45.0
URL = "street:main?seed=3"
"""People walk, wait and cross in clothes of hues that nothing else in that street has."""

CONFIG = f"""
site = "Privacy"
data = "data"
[[camera]]
id = "street"
url = "{URL}"
backdrop_quarantine_s = 12.0
  [camera.notice]
  place = "Main street"
  purpose = "Test"
  legal_basis = "Test"
  owner = "Test"
  contact = "test@example.org"
  until = 2999-01-01
  [[camera.line]]
  name = "A"
  from_px = [100, 300]
  to_px = [800, 300]
"""
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF", b"BM", b"II*\x00", b"MM\x00*")
_PERSON_PX_MIN = 12  # of an exclusive hue in one picture: a few may come from JPEG's ringing
_RUN = 16  # bytes of a figure's brightness in a row: by chance they occur nowhere


def pictures_in(blob: bytes) -> list[npt.NDArray[np.uint8]]:
    """Every picture that starts anywhere in `blob`, also behind base64."""
    found = []
    blobs = [blob]
    for text in re.findall(rb"[A-Za-z0-9+/]{400,}={0,2}", blob):
        with_padding = text + b"=" * (-len(text) % 4)
        try:
            blobs.append(base64.b64decode(with_padding))
        except binascii.Error:
            continue
    for one in blobs:
        for magic in _MAGIC:
            for match in re.finditer(re.escape(magic), one):
                try:
                    picture = Image.open(io.BytesIO(one[match.start() :]))
                    found.append(np.asarray(picture.convert("RGB")))
                except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
                    continue
    return found


def people_px(picture: npt.NDArray[np.uint8]) -> int:
    """Pixels of `picture` in hues that only people wear."""
    return int(exclusive(picture).sum())


def figures() -> tuple[list[npt.NDArray[np.uint8]], list[bytes]]:
    """Frames of the street with people in them, and rows of brightness cut out of the people."""
    source = open_source(SourceSpec(CameraId("street"), URL + "&duration_s=40"), SystemClock())
    frames, runs = [], []
    for frame in source.frames():
        if frame.number % 40:
            continue
        rgb = frame.to_rgb(frame.width_px)
        mask = exclusive(rgb)
        if mask.sum() < 200:
            continue
        frames.append(rgb.copy())
        for row in range(0, mask.shape[0], 2):
            columns = np.flatnonzero(mask[row])
            if len(columns) >= _RUN:
                run = frame.luma[row, columns[0] : columns[0] + _RUN].tobytes()
                if len(set(run)) > 4:
                    runs.append(run)
    source.close()
    return frames, runs


def served(node: NodeProcess) -> list[bytes]:
    """All that a browser could be given: pages, answers, pictures and the live stream."""
    stop_s = time.monotonic() + WATCHED_S
    blobs: list[bytes] = []

    def listen(path: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=15)
        connection.request("GET", path)
        answer = connection.getresponse()
        text = b""
        while time.monotonic() < stop_s:
            text += answer.read1(65536)
        blobs.append(text)
        connection.close()

    listener = threading.Thread(target=listen, args=("/api/events?camera=street",))
    listener.start()

    def fetch(path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=15)
        connection.request("GET", path)
        answer = connection.getresponse()
        head = repr(answer.getheaders()).encode()
        body = answer.read()
        connection.close()
        blobs.append(head + body)
        return body

    page = fetch("/")
    for asset in re.findall(rb'(?:src|href)="(/[^"]+)"', page):
        fetch(asset.decode())
    while time.monotonic() < stop_s:
        for path in (
            "/api/site",
            "/api/cameras/street",
            "/api/cameras/street/backdrop.jpg",
            "/api/cameras/street/profile?hours=1&step_min=1",
            "/api/cameras/street/health?hours=1&step_min=1",
            "/api/cameras/street/nosuch",
        ):
            fetch(path)
        time.sleep(1.0)
    listener.join()
    return blobs


def test_the_search_would_find_a_person() -> None:
    frames, runs = figures()
    assert len(frames) > 5
    assert len(runs) > 50
    stream = io.BytesIO()
    Image.fromarray(frames[0]).save(stream, "JPEG", quality=82)
    hidden = b"data: " + base64.b64encode(stream.getvalue())
    assert any(people_px(picture) > _PERSON_PX_MIN for picture in pictures_in(hidden))


def test_no_picture_with_a_person_leaves_the_node(tmp_path: Path) -> None:
    (tmp_path / "placewatch.toml").write_text(CONFIG)
    with running(["run", "--port", "0"], tmp_path) as node:
        blobs = served(node)
        scenes = [blob for blob in blobs if b"event: scene" in blob]
        assert scenes, "nothing was watched"
        assert any(b'"kind":' in blob for blob in scenes), "nobody was seen"
    _, runs = figures()
    pictures = [picture for blob in blobs for picture in pictures_in(blob)]
    assert pictures, "the street itself was never served"
    for picture in pictures:
        assert people_px(picture) <= _PERSON_PX_MIN, "a backdrop shows somebody"
    everything = b"".join(blobs)
    assert not [run for run in runs if run in everything], "rows of a frame were served"
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert not [run for run in runs if run in stored], "rows of a frame were stored"
    assert not [
        picture for picture in pictures_in(stored) if people_px(picture) > _PERSON_PX_MIN
    ], "a picture of somebody was stored"
