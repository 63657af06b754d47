"""Models: only the pinned bytes get in, and nothing half-written stays."""

import hashlib
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from placewatch.core.errors import Misconfigured, Refused, Unavailable
from placewatch.perceive import models
from placewatch.perceive.detectors import open_detector

SHARED = Path(__file__).parents[3] / "shared" / "data" / "models"
FILES = {"yolox-nano": "yolox_nano_bigisland.onnx", "fastestdet": "FastestDet.onnx"}


def test_every_net_of_the_catalogue_is_pinned_and_permissive() -> None:
    for name, model in models.CATALOGUE.items():
        assert model.name == name
        assert len(bytes.fromhex(model.sha256)) == 32
        assert model.url.startswith("https://")
        assert model.licence in {"Apache-2.0", "BSD-3-Clause", "MIT"}


@pytest.mark.parametrize("name", FILES)
def test_the_pinned_file_is_taken_offline_and_found_again(name: str, tmp_path: Path) -> None:
    source = SHARED / FILES[name]
    if not source.exists():
        pytest.skip(f"{source} is not here")
    path = models.add_model(name, tmp_path / "new" / "folder", source)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == models.CATALOGUE[name].sha256
    told = {model.name: here for model, here in models.list_models(tmp_path / "new" / "folder")}
    assert told == {known: known == name for known in models.CATALOGUE}
    assert open_detector(name, models=tmp_path / "new" / "folder").name == f"{name}.onnx"


def test_other_bytes_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(b"not the net")
    with pytest.raises(Refused, match="SHA-256"):
        models.add_model("yolox-nano", tmp_path / "models", other)
    assert not (tmp_path / "models").exists()


def test_an_altered_file_is_not_whole(tmp_path: Path) -> None:
    (tmp_path / "yolox-nano.onnx").write_bytes(b"altered")
    assert not any(here for _, here in models.list_models(tmp_path))


def test_a_net_that_is_not_in_the_catalogue_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no net"):
        models.add_model("facenet", tmp_path)


def test_a_missing_file_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot read"):
        models.add_model("yolox-nano", tmp_path, tmp_path / "absent.onnx")


def test_without_a_network_it_says_how_to_do_it_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*args: Any, **more: Any) -> Callable[[], None]:
        raise urllib.error.URLError("name resolution failed")

    monkeypatch.setattr(urllib.request, "urlopen", down)
    with pytest.raises(Unavailable, match="name resolution") as told:
        models.add_model("yolox-nano", tmp_path)
    assert "--from" in told.value.hint
    assert not list(tmp_path.iterdir())


def test_a_net_that_was_not_added_yet_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as told:
        open_detector("yolox-nano", models=tmp_path)
    assert "placewatch models add yolox-nano" in told.value.hint


def test_motion_is_a_detector_and_a_misspelt_one_is_not() -> None:
    assert open_detector("motion").name == "motion"
    with pytest.raises(Misconfigured, match="moton"):
        open_detector("moton")
