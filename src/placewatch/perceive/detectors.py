"""Detectors: the table from a name to what finds road users."""

from collections.abc import Callable
from pathlib import Path

from placewatch.core.errors import Misconfigured
from placewatch.perceive.detector import Detector
from placewatch.perceive.models import CATALOGUE, model_path
from placewatch.perceive.motion_detector import MotionDetector
from placewatch.perceive.runtime import Backend
from placewatch.perceive.street_detector import StreetDetector

BUILT_IN: dict[str, Callable[[], Detector]] = {
    "street": StreetDetector,
    "motion": MotionDetector,
}
"""Detectors that need no file."""

DEFAULT = "street"
"""The built-in one that is taken where none is asked for, and where a net is refused."""


def open_detector(
    name_or_path: str,
    *,
    models: Path | None = None,
    every_s: float = 0.0,
    cpu_share_max: float | None = None,
    backend: Backend = "auto",
) -> Detector:
    """The detector called `motion`, a net of the catalogue, or the net in FILE.onnx.

    `models` is the folder of `placewatch models add`. With `every_s` a net runs at most that often,
    with `cpu_share_max` at most for that share of a core, on `backend`. Raises Misconfigured with
    what to try.
    """
    if name_or_path in BUILT_IN:
        return BUILT_IN[name_or_path]()

    # Only now: `motion` does without.
    from placewatch.perceive.onnx import OnnxDetector

    path = None
    if name_or_path in CATALOGUE:
        path = model_path(name_or_path, models)
    elif name_or_path.endswith(".onnx"):
        path = Path(name_or_path)
    if path is not None:
        return OnnxDetector(path, every_s, cpu_share_max=cpu_share_max, backend=backend)
    raise Misconfigured(
        f'there is no detector "{name_or_path}"',
        hint=f"take one of {', '.join([*BUILT_IN, *CATALOGUE])}, or the path of an .onnx file",
    )
