"""Every option of every command says what it is for, and what is written is named."""

from typing import Any

import typer

from placewatch.cli import app
from placewatch.store.rows import SHAPES

ROOT = typer.main.get_command(app)


def commands(group: Any, name: str = "") -> dict[str, Any]:
    found = {name.strip(): group}
    for one, command in getattr(group, "commands", {}).items():
        found |= commands(command, f"{name} {one}")
    return found


def option(command: str, name: str) -> str:
    params = commands(ROOT)[command].params
    [found] = [one for one in params if name in one.opts]
    return str(getattr(found, "help", None) or "")


def test_every_option_has_words() -> None:
    silent = [
        f"{name} {one.opts[0]}"
        for name, command in commands(ROOT).items()
        for one in command.params
        if one.opts and one.opts[0].startswith("--") and not getattr(one, "help", None)
    ]
    assert silent == []


def test_out_names_all_that_is_written() -> None:
    written = {shape.name for shape in SHAPES.values()} - {"journeys"}  # these take two views
    for command in ("watch", "replay tracks"):
        assert "report.html" in option(command, "--out")
        for name in written:
            assert name in option(command, "--out"), name


def test_bench_says_what_its_json_is() -> None:
    assert "placewatch.bench/1" in option("bench", "--json")
