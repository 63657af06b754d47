"""Export: the stored facts of a time, as a file for other people's tools."""

import sys
from pathlib import Path
from typing import Literal

from placewatch.core.acts import SHELL
from placewatch.core.errors import Misconfigured
from placewatch.core.time import SystemClock, UtcMicros, from_rfc3339
from placewatch.node import config as settings
from placewatch.node.acts import perform
from placewatch.register.journal import Journal
from placewatch.store.export import export
from placewatch.store.facts import FactStore
from placewatch.store.rows import LINE_COUNTS, SHAPES

FORMATS: tuple[Literal["csv", "parquet"], ...] = ("csv", "parquet")


def export_facts(
    config: Path, since: str, until: str, format: str, out: str, what: str = LINE_COUNTS.name
) -> int:
    """Writes `what`, a sort of facts, from `since` up to `until` to `out` (`-`: standard output),
    and returns how many rows they were. A node may run meanwhile. Raises Misconfigured."""
    folder = config.parent / settings.load(config).data
    chosen = next((one for one in FORMATS if one == format), None)
    if chosen is None:
        raise Misconfigured(
            f'facts cannot be written as "{format}"', hint=f"take {' or '.join(FORMATS)}"
        )
    target = sys.stdout.buffer if out == "-" else Path(out)
    begin, end = instant("--from", since), instant("--to", until)
    if end <= begin:  # before anything is opened, or journalled
        raise Misconfigured(
            f"nothing lies from {since} to {until}", hint="--to must be later than --from"
        )
    shape = next((one for one in SHAPES.values() if one.name == what), None)
    if shape is None:
        known = " or ".join(one.name for one in SHAPES.values())
        if what == "screenlines":
            known = "--as long: they are sums of lines"
        raise Misconfigured(f'there are no stored "{what}"', hint=f"take {known}")
    facts = FactStore(folder / shape.name, writes=False, shape=shape)
    journal = Journal(folder / "journal", SystemClock())
    try:
        return perform(
            journal,
            SHELL,
            "facts.export",
            {"what": what, "from": since, "to": until, "format": format},
            lambda: export(facts, begin, end, chosen, target),
        )
    finally:
        journal.close()
        facts.close()


def instant(option: str, text: str) -> UtcMicros:
    """The instant that the value of an option names. Raises Misconfigured."""
    try:
        return from_rfc3339(text)
    except ValueError as error:
        raise Misconfigured(
            f'{option} "{text}" is no time', hint="write it as 2026-11-23 or 2026-11-23T08:00:00Z"
        ) from error
