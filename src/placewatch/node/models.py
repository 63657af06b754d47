"""Models: the commands that list and add nets."""

from pathlib import Path

from rich.console import Console

from placewatch.perceive.detectors import DEFAULT
from placewatch.perceive.models import add_model, list_models, models_folder
from placewatch.perceive.runtime import backends


def show_models() -> None:
    """Prints what nets can run on here, and every net that is known, its licence and source, and
    whether it is here."""
    console = Console(soft_wrap=True, highlight=False)
    for one in backends():
        console.print(f"[bold]{one.backend}[/]  {'usable' if one.usable else 'not usable'}")
        console.print(f"  {one.told}\n", markup=False)
    for model, here in list_models():
        console.print(f"[bold]{model.name}[/]  {'here' if here else 'not here'}")
        console.print(f"  {model.what}", markup=False)
        console.print(
            f"  {model.licence}, {model.bytes / 1e6:.1f} MB, {model.input_px[0]} x "
            f"{model.input_px[1]} px, layout {model.layout}",
            markup=False,
        )
        console.print(f"  from   {model.url}", markup=False)
        console.print(f"  sha256 {model.sha256}\n", markup=False)
    console.print(
        f'The built-in detector "{DEFAULT}" needs no file. Nets are kept in {models_folder()}.\n'
        "Add one: placewatch models add NAME, or with --from FILE where there is no network.",
        markup=False,
    )


def add(name: str, file: Path | None) -> None:
    """Adds a net to this person's folder, and says where it lies. It is in force nowhere yet:
    the TOML of a node names its detector."""
    path = add_model(name, from_file=file)
    print(f"{name} is at {path}; use it with --detector {name}")
