"""A simulated street as a camera of a node: what is true beside what was counted, and no orphan."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from tests.node.test_camera import NOTICE, until, watched

from placewatch.capture.simulated import SimulatedSource
from placewatch.capture.source import Source
from placewatch.core.facts import Crossing
from placewatch.measure.scene import Scene
from placewatch.node import camera as module
from placewatch.node import config
from placewatch.node.camera import WatchedCamera
from placewatch.node.pipeline import Post

pytest.importorskip("sumo", reason="SUMO is not installed: placewatch[simulate]")

CAMERA = """
site = "Kista"
[[camera]]
id = "kista-03"
url = "sim://tee-right?camera=mast&size=160x90&fps=10"
detector = "motion"

  [[camera.line]]
  name = "my own"
  from_px = [20.0, 60.0]
  to_px = [140.0, 60.0]
"""
OPENED_S = 120.0


def lines_of(camera: WatchedCamera) -> dict[str, Any]:
    return {line.name: line.truth for line in camera.view().totals.lines}


def seen_without_looking(
    source: Source, post: Post, tell: Callable[[Scene, list[Crossing]], None]
) -> None:
    """Takes each frame for a scene where nobody is: what is true needs no detector."""
    for frame in source.frames():
        tell(Scene(frame.at, frame.media_s, frame.number, frame.camera, (), frame.after_gap), [])


def test_a_simulated_camera_knows_the_truth_of_any_line_and_takes_sumo_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "watch", seen_without_looking)
    monkeypatch.setattr(WatchedCamera, "_paint", lambda self, at, now_s: None)
    camera = watched(CAMERA + NOTICE, tmp_path)
    camera.start()
    try:
        until(lambda: lines_of(camera).get("my own") is not None, OPENED_S)
        process = cast(SimulatedSource, camera._source)._run._process
        assert process is not None
        assert process.poll() is None
        other = (config.LineSettings("another", (20.0, 70.0), (140.0, 70.0)),)
        camera.set_up(config.with_values(camera.settings, line=other), camera._site)
        until(lambda: lines_of(camera).get("another") is not None)
    finally:
        camera.stop()
        camera.join(10.0)
    assert process.poll() is not None


def test_a_node_without_sumo_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    camera = watched(CAMERA + NOTICE, tmp_path)
    camera.start()
    until(lambda: camera.view().state == "failed", OPENED_S)
    camera.join(5.0)
    assert "SUMO is not installed" in (camera.view().why or "")
    assert 'pip install "placewatch[simulate]"' in (camera.view().why or "")
