"""Licences: all that placewatch needs at run time may be used and passed on freely."""

import importlib.metadata
import json
import re
import tomllib
from importlib.metadata import Distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
REASONS = ROOT / "docs/design/dependencies.md"

ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause",
    "CC0-1.0", "ISC", "MIT", "MIT-0", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Unlicense", "Zlib",
}  # fmt: skip

SAID_IN_WORDS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""What packages wrote before there were SPDX expressions."""


def at_run_time(name: str, known: dict[str, Distribution]) -> dict[str, Distribution]:
    """`name` and all that it needs here, without what only its extras need."""
    requirement = Requirement(name)
    key = re.sub(r"[-_.]+", "-", requirement.name).lower()
    if key not in known:
        known[key] = importlib.metadata.distribution(requirement.name)
        for text in known[key].requires or []:
            needed = Requirement(text)
            extras = requirement.extras or {""}
            if not needed.marker or any(needed.marker.evaluate({"extra": e}) for e in extras):
                at_run_time(f"{needed.name}[{','.join(needed.extras)}]", known)
    return known


def licences(package: Distribution) -> set[str]:
    """The SPDX names of the licences of `package`; what is not understood stays as it is."""
    metadata = package.metadata
    expression = dict(metadata.json).get("license_expression")
    if isinstance(expression, str):
        return set(re.split(r" AND | OR ", expression.replace("(", "").replace(")", "")))
    said = [
        line.rpartition(" :: ")[2]
        for line in metadata.get_all("Classifier") or []
        if line.startswith("License :: ") and line != "License :: OSI Approved"
    ]
    return {SAID_IN_WORDS.get(one, one) for one in said or [metadata["License"]]}


PACKAGES = at_run_time("placewatch", {})


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_a_run_time_dependency_has_a_permissive_licence(name: str) -> None:
    found = licences(PACKAGES[name])
    assert found
    assert found <= ALLOWED, f"{name}: {found - ALLOWED}"


@pytest.mark.parametrize("licence", ["GPL-3.0-only", "AGPL-3.0-or-later", "LGPL-2.1-or-later"])
def test_the_gpl_and_its_kin_are_not_among_them(licence: str) -> None:
    assert licence not in ALLOWED


def in_the_pages() -> dict[str, str]:
    """The licences of all that is built into the console's pages, however indirectly."""
    lock = ROOT / "web/package-lock.json"
    if not lock.exists():
        return {}
    packages = json.loads(lock.read_text())["packages"]
    return {
        path.rpartition("node_modules/")[2]: told.get("license", "none")
        for path, told in packages.items()
        if path and not told.get("dev")
    }


@pytest.mark.parametrize(("name", "licence"), in_the_pages().items())
def test_what_is_built_into_the_pages_has_a_permissive_licence(name: str, licence: str) -> None:
    fonts = {"OFL-1.1"}  # may be passed on with anything, only not sold alone
    assert set(re.split(r" AND | OR ", licence.strip("()"))) <= ALLOWED | fonts, name


def test_every_dependency_we_chose_has_its_reason_written_down() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    chosen = [
        *project["project"]["dependencies"],
        *(one for extra in project["project"]["optional-dependencies"].values() for one in extra),
        *project["dependency-groups"]["dev"],
        *project["build-system"]["requires"],
    ]
    names = {Requirement(text).name for text in chosen}
    web = ROOT / "web/package.json"
    if web.exists():
        package = json.loads(web.read_text())
        names |= {*package.get("dependencies", {}), *package.get("devDependencies", {})}
    rows = [line for line in REASONS.read_text("utf-8").splitlines() if line.startswith("| `")]
    explained = {row.split("`")[1] for row in rows}
    assert names - explained == set(), f"say why in {REASONS.relative_to(ROOT)}"
    assert explained - names == set(), "no longer a dependency"


def test_what_the_video_library_brings_along_is_what_we_say_it_brings() -> None:
    """PyAV is BSD; its wheel also holds two encoders under the GPL. Nobody shall be surprised."""
    files = [file.name for file in PACKAGES["av"].files or []]
    copyleft = {name for name in ("libx264", "libx265") if any(f.startswith(name) for f in files)}
    text = REASONS.read_text("utf-8")
    for name in copyleft:
        assert name in text
