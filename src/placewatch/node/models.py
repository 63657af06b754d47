"""Models: the commands that list and add nets."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from placewatch.core.acts import SHELL
from placewatch.core.time import SystemClock
from placewatch.node.acts import perform
from placewatch.perceive.models import add_model, list_models, models_folder
from placewatch.register.journal import Journal


def show_models() -> None:
    """Prints every net that is known, its licence and source, and whether it is here."""
    table = Table("name", "here", "what", "licence", "MB", "from", box=None, pad_edge=False)
    for model, here in list_models():
        table.add_row(
            model.name,
            "yes" if here else "no",
            model.what,
            model.licence,
            f"{model.bytes / 1e6:.1f}",
            model.url,
        )
    console = Console()
    console.print(table)
    console.print(
        f'The built-in detector "motion" needs no net. Nets are kept in {models_folder()}.',
        style="dim",
    )


def add(name: str, file: Path | None) -> None:
    """Adds a net and says where it lies; the act stands in the journal beside the nets."""
    models_folder().mkdir(parents=True, exist_ok=True)
    journal = Journal(models_folder() / "journal", SystemClock())
    try:
        details = {"net": name, "from": "file" if file is not None else "network"}
        path = perform(
            journal, SHELL, "models.add", details, lambda: add_model(name, from_file=file)
        )
    finally:
        journal.close()
    print(f"{name} is at {path}; use it with --detector {name}")
