"""Map: every module says what it is, has a good name, and stands in ARCHITECTURE.md."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src/placewatch"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "static" not in path.parts)
ARCHITECTURE = ROOT / "ARCHITECTURE.md"

NAMES_THAT_SAY_NOTHING = {"utils", "util", "common", "helpers", "helper", "manager", "base", "misc"}


def name_of(path: Path) -> str:
    inside = path.relative_to(PACKAGE)
    return str(inside.parent if path.name == "__init__.py" else inside)


def first_line(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n")[0]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_in_its_first_line_what_it_is(path: Path) -> None:
    first = first_line(path)
    match = re.fullmatch(r"([A-Za-z][^:]*): \S.*[.:]", first)
    assert match, f'begin {name_of(path)} with """Name: one sentence.""", not {first!r}'
    stem = path.parent.name if path.name == "__init__.py" else path.stem
    words = re.sub(r"[^a-z]", "", match[1].lower())
    # The name may say more than the file's: backdrop.py is the backdrop painter.
    assert stem.replace("_", "") in words, f"{name_of(path)} calls itself {match[1]}"


def test_no_module_has_a_name_that_says_nothing() -> None:
    for path in [*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "tools").rglob("*.py")]:
        parts = {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}
        vague = parts & NAMES_THAT_SAY_NOTHING
        assert not vague, f"{path.relative_to(ROOT)}: {vague} says nothing; name what is in it"


@pytest.mark.skipif(not ARCHITECTURE.exists(), reason="there is no ARCHITECTURE.md")
def test_the_map_names_every_package_and_module_and_nothing_else() -> None:
    text = ARCHITECTURE.read_text("utf-8")
    there = {str(path.relative_to(PACKAGE)) for path in MODULES if path.name != "__init__.py"}
    packages = {f"{path.parent.name}/" for path in MODULES if path.name == "__init__.py"}
    packages.remove("placewatch/")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    named = {match[1] for row in rows if (match := re.match(r"\| `([a-z_/]+\.py)` \|", row))}
    folders = {match[1] for row in rows if (match := re.match(r"\| \*\*([a-z_]+/)\*\* \|", row))}
    missing = [
        f"| `{path.relative_to(PACKAGE)}` | {first_line(path).partition(': ')[2].rstrip('.:')} |"
        for path in MODULES
        if str(path.relative_to(PACKAGE)) in there - named
    ]
    assert not missing, "\n".join(["add to the map in ARCHITECTURE.md:", *missing])
    assert named - there == set(), "ARCHITECTURE.md names what is not there"
    assert folders == packages


def test_the_map_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    for path in MODULES:
        print(f"{name_of(path):32} {first_line(path)}")
    assert len(capsys.readouterr().out.splitlines()) == len(MODULES)
