"""Settings: each is in the example and explained in the guide; the example is valid."""

import dataclasses
import re
import tomllib
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from placewatch.node import config

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "placewatch.example.toml"
GUIDE = ROOT / "docs/guide/settings.md"


def nested(kind: Any) -> type | None:
    """The dataclass in `kind`, where it is one, may be one, or is a row of them."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return kind
    if typing.get_origin(kind) in (typing.Union, types.UnionType, tuple):
        return next((found for part in typing.get_args(kind) if (found := nested(part))), None)
    return None


def keys_of(settings: type, path: str = "") -> Iterator[str]:
    """Every key there is, such as `camera.line.from_px`."""
    kinds = typing.get_type_hints(settings)
    for field in dataclasses.fields(settings):
        inner = nested(kinds[field.name])
        if inner:
            yield from keys_of(inner, f"{path}{field.name}.")
        else:
            yield f"{path}{field.name}"


def keys_in(table: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, value in table.items():
        rows = value if isinstance(value, list) else [value]
        if rows and all(isinstance(row, dict) for row in rows):
            for row in rows:
                yield from keys_in(row, f"{path}{name}.")
        else:
            yield f"{path}{name}"


KEYS = set(keys_of(config.Settings))


def uncommented() -> str:
    """The example with its commented settings switched on."""
    return re.sub(r"(?m)^(\s*)# (\w+ = )", r"\1\2", EXAMPLE.read_text("utf-8"))


def test_the_example_is_a_valid_configuration() -> None:
    settings = config.load(EXAMPLE)
    assert settings.camera
    config.parse(uncommented())


def test_the_example_shows_every_setting() -> None:
    shown = set(keys_in(tomllib.loads(uncommented())))
    assert KEYS - shown == set(), f"show them in {EXAMPLE.name}"
    assert shown - KEYS == set()


def test_the_guide_explains_every_setting_and_no_other() -> None:
    explained = set(re.findall(r"(?m)^\| `([a-z_.]+)` \|", GUIDE.read_text("utf-8")))
    assert KEYS - explained == set(), f"explain them in {GUIDE.relative_to(ROOT)}"
    assert explained - KEYS == set(), "there is no such setting"


def test_the_guide_states_the_defaults_that_the_code_has() -> None:
    rows = dict(re.findall(r"(?m)^\| `([a-z_.]+)` \| ([^|]+) \|", GUIDE.read_text("utf-8")))
    for path, field in _fields(config.Settings):
        told = rows[path].strip()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            assert told == "needed", path
        elif isinstance(field.default, str | int | float):
            assert told == f"`{_toml(field.default)}`", path


def _fields(settings: type, path: str = "") -> Iterator[tuple[str, Any]]:
    kinds = typing.get_type_hints(settings)
    for field in dataclasses.fields(settings):
        inner = nested(kinds[field.name])
        if inner:
            yield from _fields(inner, f"{path}{field.name}.")
        else:
            yield f"{path}{field.name}", field


def _toml(value: str | float) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()
