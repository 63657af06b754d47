"""Borders: who may import whom, and that a breach is seen."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """What import-linter says of the sources in `root`, whatever is installed."""
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from importlinter.cli import lint_imports_command as c; c()",
            "--no-cache",
        ],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sources as they stand, to plant something in."""
    ignore = shutil.ignore_patterns("__pycache__", "static", "*.nbi", "*.nbc")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_border_is_kept() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


PRIVACY = "The privacy line: what publishes never sees a pixel"
SIGHTINGS = "Sightings stay on the node"
LAYERS = "Imports point down; stages do not know each other"


@pytest.mark.parametrize(
    ("planted", "border"),
    [
        ({"publish/planted": "import placewatch.pixels.frame"}, PRIVACY),
        ({"publish/planted": "from placewatch.pixels.frame import Frame"}, PRIVACY),
        ({"publish/planted": "def late() -> None:\n    import cv2"}, PRIVACY),
        ({"publish/planted": "import av"}, PRIVACY),
        ({"measure/planted": "import placewatch.pixels.backdrop"}, PRIVACY),
        ({"register/planted": "import placewatch.perceive.detector"}, PRIVACY),
        ({"store/planted": "import placewatch.capture.source"}, PRIVACY),
        (
            # Not even by way of somebody else.
            {
                "store/planted": "import placewatch.core.planted",
                "core/planted": "import placewatch.pixels.frame",
            },
            PRIVACY,
        ),
        ({"publish/planted": "import placewatch.core.sightings"}, SIGHTINGS),
        ({"store/planted": "import placewatch.core.sightings"}, SIGHTINGS),
        ({"register/planted": "import placewatch.core.sightings"}, SIGHTINGS),
        ({"perceive/planted": "import placewatch.measure.scene"}, LAYERS),
        ({"core/planted": "import placewatch.node.config"}, LAYERS),
        ({"gossip/__init__": ""}, LAYERS),
        (
            {"transit/planted": "import placewatch.core.facts"},
            "Vehicles that tell their position meet no camera and no store",
        ),
        ({"core/planted": "import numpy"}, "Core is words, not machinery"),
        (
            {
                "measure/planted": "import placewatch.measure.sown",
                "measure/sown": "import placewatch.measure.planted",
            },
            "No cycles anywhere",
        ),
    ],
    ids=lambda value: " + ".join(value) if isinstance(value, dict) else "",
)
def test_a_planted_import_is_seen(copy: Path, planted: dict[str, str], border: str) -> None:
    for name, code in planted.items():
        path = copy / "src/placewatch" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'"""Planted."""\n{code}\n')
    done = lint(copy)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = [line for line in done.stdout.splitlines() if line.endswith(" BROKEN")]
    assert f"{border} BROKEN" in broken
