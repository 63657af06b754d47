"""A camera of a node: lost and back, without a notice, ended; its street stays known."""

import itertools
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from tests.capture.films import make_film
from tests.perceive.nets import net, yolox

from placewatch.capture import open_source
from placewatch.capture.policy import FULL, Policy
from placewatch.capture.source import (
    Source,
    SourceHealth,
    SourceSpec,
    StreamInfo,
    Takes,
    every,
)
from placewatch.core.errors import Misconfigured, Unavailable
from placewatch.core.facts import Crossing
from placewatch.core.ids import CameraId
from placewatch.core.space import Point
from placewatch.core.time import Clock, SimulatedClock, SystemClock, from_rfc3339
from placewatch.measure.scene import Scene
from placewatch.node import camera as module
from placewatch.node import config
from placewatch.node.camera import WatchedCamera
from placewatch.node.live import Live
from placewatch.perceive.detectors import DEFAULT
from placewatch.pixels.frame import Frame
from placewatch.simulate.poses import POSES, hung

NOTICE = """
[camera.notice]
place = "Market"
purpose = "Count"
legal_basis = "Council decision 1"
owner = "City"
contact = "city@example.org"
until = 2999-01-01
"""
CAMERA = """
site = "Kista"
[[camera]]
id = "kista-03"
url = "street:main?seed=1&duration_s=1.2&width=480&height=270"
"""


class Breaking:
    """A drawn street whose camera is lost when its time is over."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.info: StreamInfo = source.info
        self.health: SourceHealth = source.health

    def frames(self, takes: Takes = every) -> Iterator[Frame]:
        yield from self._source.frames(takes)
        raise Unavailable("the camera was unplugged", hint="plug it in")

    def close(self) -> None:
        self._source.close()


def watched(text: str, folder: Path) -> WatchedCamera:
    site = config.parse(text)
    sizes: list[Any] = []
    return WatchedCamera(
        site.camera[0],
        site,
        folder,
        SystemClock(),
        Live(),
        None,
        lambda camera, width, height: sizes.append((camera, width, height)),
    )


def until(reached: Callable[[], bool], timeout_s: float = 30.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < end_s, "it did not come to that"
        time.sleep(0.02)


def test_a_camera_that_comes_back_goes_on_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaking(
        spec: SourceSpec,
        clock: Clock,
        *,
        stopping: Callable[[], bool] = lambda: False,
        policy: Policy = FULL,
    ) -> Source:
        return Breaking(open_source(spec, clock, stopping=stopping, policy=policy))

    monkeypatch.setattr(module, "open_source", breaking)
    camera = watched(CAMERA + NOTICE, tmp_path)
    scenes: list[Scene] = []
    told = camera._tell

    def listen(scene: Scene, crossings: list[Crossing]) -> None:
        scenes.append(scene)
        told(scene, crossings)

    monkeypatch.setattr(camera, "_tell", listen)
    camera.start()
    until(lambda: sum(scene.after_gap for scene in scenes) >= 3)
    camera.stop()
    camera.join(5.0)
    times_s = [scene.media_s for scene in scenes]
    assert times_s == sorted(times_s), "a session's time goes on where the last one ended"
    health = camera.view().health
    assert health.losses >= 2
    assert health.last_loss_why == "the camera was unplugged"
    assert len(scenes) <= health.frames, "of 25 a second not all are analysed"


def test_a_lost_camera_says_why_and_when_it_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(spec: SourceSpec, clock: Clock, **_: object) -> Source:
        raise Unavailable("nobody answers")

    monkeypatch.setattr(module, "open_source", nobody)
    camera = watched(CAMERA + NOTICE, tmp_path)
    camera.start()
    until(lambda: camera.view().state == "lost")
    view = camera.view()
    assert view.why == "Nobody answers."
    assert view.retry_in_s is not None
    assert 0 <= view.retry_in_s <= 20
    began_s = time.monotonic()
    camera.stop()
    camera.join(5.0)
    assert time.monotonic() - began_s < 2.0, "a wait for the next try ends at once"


def test_a_camera_without_a_notice_does_not_start(tmp_path: Path) -> None:
    camera = watched(CAMERA, tmp_path)
    before = threading.active_count()
    camera.start()
    assert threading.active_count() == before
    view = camera.view()
    assert view.state == "refused"
    assert view.why is not None
    assert "no notice" in view.why


def test_a_recording_that_ends_is_no_loss(tmp_path: Path) -> None:
    camera = watched(CAMERA + NOTICE, tmp_path)
    camera.start()
    until(lambda: camera.view().state == "ended")
    camera.join(5.0)
    assert camera.view().health.losses == 0


def test_a_line_outside_the_picture_fails_with_a_sentence(tmp_path: Path) -> None:
    line = '[[camera.line]]\nname = "A"\nfrom_px = [0, 0]\nto_px = [4000, 1]\n'
    camera = watched(CAMERA + NOTICE + line, tmp_path)
    camera.start()
    until(lambda: camera.view().state == "failed")
    why = camera.view().why
    assert why is not None
    assert "outside the picture" in why
    camera.join(5.0)


def test_a_bug_in_one_camera_is_told_and_ends_only_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(spec: SourceSpec, clock: Clock, **_: object) -> Source:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(module, "open_source", broken)
    camera = watched(CAMERA + NOTICE, tmp_path)
    camera.start()
    until(lambda: camera.view().state == "failed")
    camera.join(5.0)
    assert "ZeroDivisionError" in str(camera.view().why)


def test_a_notice_that_ends_stops_the_camera_and_stays_told(tmp_path: Path) -> None:
    clock = SimulatedClock(from_rfc3339("2026-11-23T23:59:00Z"))
    site = config.parse(CAMERA + NOTICE.replace("2999-01-01", "2026-11-23"))
    opened: list[object] = []
    camera = WatchedCamera(
        site.camera[0], site, tmp_path, clock, Live(), None, lambda *size: opened.append(size)
    )
    camera.start()
    assert camera.view().state != "refused"
    clock.sleep(61.0)
    camera.heed_notice()
    assert camera.view().state == "refused"
    assert "2026-11-23" in str(camera.view().why)
    camera.join(10.0)
    camera._become("watching", None)
    assert camera.view().state == "refused", "what its thread says comes too late"
    threads = threading.active_count()
    camera.heed_notice()
    assert threading.active_count() == threads, "no session begins after that"


def test_a_notice_that_begins_starts_the_camera(tmp_path: Path) -> None:
    clock = SimulatedClock(from_rfc3339("2026-11-23T23:59:00Z"))
    site = config.parse(CAMERA + NOTICE + "since = 2026-11-24\n")
    camera = WatchedCamera(site.camera[0], site, tmp_path, clock, Live(), None, lambda *size: None)
    camera.start()
    assert camera.view().state == "refused"
    clock.sleep(61.0)
    camera.heed_notice()
    assert camera.view().state != "refused"
    camera.stop()
    camera.join(10.0)


def test_a_ledger_that_refuses_is_no_reason_to_stop_watching(tmp_path: Path) -> None:
    def refuse(camera: CameraId, width_px: int, height_px: int) -> None:
        raise Misconfigured("the ledger cannot be written")

    site = config.parse(CAMERA + NOTICE)
    camera = WatchedCamera(site.camera[0], site, tmp_path, SystemClock(), Live(), None, refuse)
    camera.start()
    until(lambda: camera.view().state == "ended")
    camera.join(5.0)


def test_a_set_up_that_cannot_be_leaves_all_as_it_was(tmp_path: Path) -> None:
    camera = watched(CAMERA + NOTICE, tmp_path)
    before = camera.settings
    points = tuple(config.GroundPointSettings(x, x, x, x) for x in (1.0, 2.0, 3.0, 4.0))
    with pytest.raises(Misconfigured):
        camera.set_up(config.with_values(before, ground=points), camera._site)
    assert camera.settings == before


def test_a_set_up_changes_only_what_is_drawn(tmp_path: Path) -> None:
    camera = watched(CAMERA + NOTICE, tmp_path)
    line = (config.LineSettings("A", (0.0, 0.0), (9.0, 9.0)),)
    camera.set_up(config.with_values(camera.settings, line=line, url="other"), camera._site)
    assert camera.settings.line == line
    assert camera.settings.url != "other", "the rest holds from the next start"
    assert [one.name for one in camera.view().totals.lines] == ["A"]


DUSK = """
site = "Kista"
[[camera]]
id = "kista-03"
url = "street:main?seed=1&light=dusk&duration_s=1.2&width=480&height=270"
detector = "net.onnx"
"""


def net_from_here(text: str, folder: Path) -> WatchedCamera:
    """The camera with `net.onnx` in `folder`, which is where nets are looked for by path."""
    return watched(text.replace("net.onnx", str(folder / "net.onnx")) + NOTICE, folder)


@pytest.mark.parametrize("sound", [(0.0, 1.0), (100.0, 200.0)])
def test_a_net_that_is_refused_is_replaced_and_it_is_said(
    tmp_path: Path, sound: tuple[float, float]
) -> None:
    """Before it begins, and where it goes bad on the first dark picture."""
    net(tmp_path / "net.onnx", (64, 64), yolox(), sound=sound)
    camera = net_from_here(DUSK, tmp_path)
    with structlog.testing.capture_logs() as lines:
        camera.start()
        until(lambda: camera.view().state == "ended")
        camera.join(5.0)
    view = camera.view()
    assert view.detector == DEFAULT
    [note] = view.health.notes
    assert f'"{DEFAULT}" finds road users in place of' in note
    assert "net.onnx answers with numbers that are none" in note
    assert camera.pulse().health.notes == (note,)
    assert view.health.frames, "it went on to the end"
    [told] = [line for line in lines if line["event"] == "detector.refused"]
    assert told["instead"] == DEFAULT
    assert "numbers that are none" in told["why"]


def test_a_net_that_is_sound_has_nothing_to_say(tmp_path: Path) -> None:
    net(tmp_path / "net.onnx", (64, 64), yolox())
    camera = net_from_here(DUSK, tmp_path)
    with structlog.testing.capture_logs() as lines:
        camera.start()
        until(lambda: camera.view().state == "ended")
        camera.join(5.0)
    assert camera.view().health.notes == ()
    assert camera.view().detector.endswith("net.onnx")
    [told] = [line for line in lines if line["event"] == "detector.opened"]
    assert told["detector"] == "net.onnx"
    assert told["runs_on"].startswith("ONNX Runtime")


def test_a_small_stream_is_analysed_and_lines_stay_where_people_drew_them(tmp_path: Path) -> None:
    """The main stream has twice the pixels across and four thirds down; then it is lost."""
    street = {"bf": "0", "g": "25", "preset": "veryfast"}
    make_film(tmp_path / "main.mp4", frames=50, size_px=(320, 160), options=street)
    make_film(tmp_path / "sub.mp4", frames=150, size_px=(160, 120), options=street)
    urls = 'url = "main.mp4"\nsub_url = "sub.mp4"\n'
    text = re.sub(r'url = ".*"\n', urls, CAMERA, count=1) + NOTICE
    line = '[[camera.line]]\nname = "Lane"\nfrom_px = [160, 0]\nto_px = [160, 160]\n'
    # An approach that is on the large picture, and would be outside the small one.
    line += '[[camera.approach]]\nname = "East"\nlanes = 1\n'
    line += "corners_px = [[180, 150], [260, 150], [240, 100], [190, 100]]\n"
    for x_px, y_px, x_m, y_m in (
        (60, 60, -8, 30),
        (260, 60, 8, 30),
        (310, 150, 5, 8),
        (10, 150, -5, 8),
    ):
        line += f"[[camera.ground]]\nx_px = {x_px}\ny_px = {y_px}\nx_m = {x_m}\ny_m = {y_m}\n"
    camera = watched(text + line, tmp_path)
    camera.start()
    until(lambda: camera.view().state == "ended")
    view = camera.view()
    assert (view.width_px, view.height_px) == (320, 160)
    assert view.lines[0].to_px == (160, 160), "people see what they drew"
    flow = camera._meters.lines[0]
    assert (flow.b.x_px, flow.b.y_px) == (80, 120), "it is counted in the small picture"
    assert view.health.frames + view.health.frames_dropped == 150
    main = view.health.main_stream
    assert main is not None
    assert main.packets == 50
    assert not main.carried
    assert main.why, "it ended after two of six seconds, and disturbed nothing"
    camera.stop()
    camera.join(5.0)


def test_without_the_main_streams_size_nothing_is_measured(tmp_path: Path) -> None:
    make_film(tmp_path / "sub.mp4", frames=150)
    urls = 'url = "main.mp4"\nsub_url = "sub.mp4"\n'
    camera = watched(re.sub(r'url = ".*"\n', urls, CAMERA, count=1) + NOTICE, tmp_path)
    camera.start()
    until(lambda: camera.view().state == "lost")
    assert "main stream" in (camera.view().why or "")
    camera.stop()
    camera.join(5.0)


def test_a_lens_that_bends_is_measured_by_once_the_picture_is_known(tmp_path: Path) -> None:
    """Twelve points of a street as a wide lens shows them, on a picture of 320 by 160."""
    bent = hung(replace(POSES["wide"], k1=-0.15, k2=0.0), 30.0, (0.0, 0.0), 320, 160)
    make_film(tmp_path / "film.mp4", frames=50, size_px=(320, 160))
    text = re.sub(r'url = ".*"\n', 'url = "film.mp4"\n', CAMERA, count=1) + NOTICE
    for x_m, y_m in itertools.product((-20.0, -7.0, 7.0, 20.0), (-15.0, 0.0, 15.0)):
        point = bent.to_picture(Point(x_m, y_m))
        text += f"[[camera.ground]]\nx_px = {point.x_px:.2f}\ny_px = {point.y_px:.2f}\n"
        text += f"x_m = {x_m}\ny_m = {y_m}\n"
    camera = watched(text, tmp_path)
    camera.start()
    until(lambda: camera.view().state == "ended")
    assert camera._post is not None
    ground = camera._post.stage.ground
    assert ground is not None
    assert ground.bend != 0.0
    camera.stop()
    camera.join(5.0)
