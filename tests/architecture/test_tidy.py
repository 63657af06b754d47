"""Tidy: habits that are easier kept by a test than by a reviewer."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
EVERYTHING = [
    path
    for folder in ("src", "tests", "tools", "web/src", "docs")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".md", ".js", ".ts", ".svelte", ".css", ".toml"}
    and not {"static", "node_modules"} & set(path.parts)
    and path != Path(__file__)
]

CLOCKS = {
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.monotonic_ns",
    "time.sleep",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
}


def dotted(node: ast.AST) -> str:
    """`a.b.c` of an attribute; empty where it is something else."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def clocks_read(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        name = ".".join(dotted(node).split(".")[-2:])
        if name in CLOCKS:
            yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)} reads {name}"
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            for alias in node.names:
                if f"time.{alias.name}" in CLOCKS:
                    yield f"{path.relative_to(ROOT)}:{node.lineno} imports time.{alias.name}"


def test_only_a_clock_knows_what_time_it_is() -> None:
    found = [told for path in SOURCES if path.name != "time.py" for told in clocks_read(path)]
    assert not found, f"time arrives in the data; ask a core.time.Clock: {found}"


@pytest.mark.parametrize("code", ["time.time()", "datetime.datetime.now()", "time.sleep(1)"])
def test_a_clock_read_elsewhere_is_seen(tmp_path: Path, code: str) -> None:
    path = tmp_path / "planted.py"
    path.write_text(f"import time, datetime\n{code}\n")
    global ROOT
    root, ROOT = ROOT, tmp_path
    try:
        assert list(clocks_read(path))
    finally:
        ROOT = root


def test_what_is_left_to_do_says_why() -> None:
    for path in EVERYTHING:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
                where = f"{path.relative_to(ROOT)}:{number}"
                assert re.search(r"TODO: \w+ \w+ .*because", line), f"{where}: {line.strip()}"


def test_whoever_silences_a_check_names_it() -> None:
    for path in EVERYTHING:
        if path.suffix == ".py":
            for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
                where = f"{path.relative_to(ROOT)}:{number}"
                assert not re.search(r"# noqa(?!: [A-Z]+\d)", line), where
                assert not re.search(r"# type: ignore(?!\[)", line), where
