"""Docs: the commands that README and the guide show as tried are run here."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TRIED = "<!-- tried by a test -->"
"""Stands on its own line above each console block that is run."""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with what a newcomer has at hand: a video of a street, and a placewatch.toml."""
    shutil.copy(ROOT / "placewatch.example.toml", tmp_path)
    with av.open(str(tmp_path / "street.mp4"), "w") as film:
        stream = film.add_stream("mpeg4", rate=25)
        stream.width, stream.height = 1280, 720
        for number in range(50):
            picture = np.full((720, 1280, 3), 120, np.uint8)
            picture[300:380, 20 * number : 20 * number + 120] = (200, 40, 40)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    return tmp_path


def commands(block: str) -> Iterator[tuple[str, int]]:
    """The commands of a console block, and the exit status each is shown with."""
    for line in block.splitlines():
        if line.startswith("$ "):
            command, _, remark = line[2:].partition("  # ")
            status = re.search(r"exit status (\d+)", remark)
            yield command, int(status[1]) if status else 0


def run(command: str, folder: Path, status: int) -> None:
    here = f'"{Path(sys.executable).parent / "placewatch"}" {command.removeprefix("placewatch ")}'
    done = subprocess.run(here, shell=True, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == status, f"{command}\n{done.stdout}\n{done.stderr}"


def tried() -> Iterator[tuple[str, Example]]:
    def skip(example: Example) -> None:
        """Blocks are run by the test, not by the parser."""

    book = Sybil(parsers=[CodeBlockParser(language="console", evaluator=skip)])
    for page in PAGES:
        document = book.parse(page)
        for example in document.examples():
            before = document.text[: example.region.start].rstrip().splitlines()
            if before and before[-1].strip() == TRIED:
                yield f"{page.relative_to(ROOT)}:{example.line}", example


BLOCKS = list(tried())


@pytest.mark.parametrize("example", [one for _, one in BLOCKS], ids=[where for where, _ in BLOCKS])
def test_what_the_page_shows_works(example: Example, desk: Path) -> None:
    shown = list(commands(str(example.parsed)))
    assert shown
    for command, status in shown:
        assert command.startswith("placewatch "), f"{command} is not ours to try"
        run(command, desk, status)


def test_the_readmes_way_to_watch_a_clip_works(desk: Path) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    shown = re.findall(r"(?m)^\$ \./run (watch .*)$", text)
    assert shown
    for command in shown:
        run(f"placewatch {command}", desk, 0)
    assert (desk / "report/report.html").exists()


def test_some_commands_are_tried() -> None:
    assert BLOCKS


def test_no_page_points_to_a_file_that_is_not_there() -> None:
    pages = [*PAGES, *ROOT.glob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            if "://" not in target and not target.startswith("mailto:"):
                there = (page.parent / target).resolve()
                assert there.exists(), f"{page.relative_to(ROOT)} points to {target}"


def test_the_tests_that_keep_the_promises_are_there() -> None:
    named = set(re.findall(r"`([a-z_]+/test_\w+\.py)`", (ROOT / "PRIVACY.md").read_text("utf-8")))
    assert len(named) >= 6
    assert [name for name in named if not (ROOT / "tests" / name).exists()] == []


def test_every_page_stands_on_a_shelf() -> None:
    shelves = (ROOT / "docs/README.md").read_text("utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").as_posix()
        assert name == "README.md" or f"]({name})" in shelves, f"name {name} in docs/README.md"
