"""Detectors: the table from a name to what finds road users."""

from collections.abc import Callable
from pathlib import Path

from placewatch.core.errors import Misconfigured
from placewatch.perceive.detector import Detector
from placewatch.perceive.models import CATALOGUE, model_path
from placewatch.perceive.motion_detector import MotionDetector
from placewatch.perceive.street_detector import StreetDetector

BUILT_IN: dict[str, Callable[[], Detector]] = {
    "street": StreetDetector,
    "motion": MotionDetector,
}
"""Detectors that need no file. `motion` is the default."""


def open_detector(
    name_or_path: str, *, models: Path | None = None, every_s: float = 0.0
) -> Detector:
    """The detector called `motion`, a net of the catalogue, or the net in FILE.onnx.

    `models` is the folder of `placewatch models add`. With `every_s` a net runs at most that often.
    Raises Misconfigured with what to try.
    """
    if name_or_path in BUILT_IN:
        return BUILT_IN[name_or_path]()

    # Only now: ONNX Runtime takes a while to load and `motion` does without.
    from placewatch.perceive.onnx import OnnxDetector

    if name_or_path in CATALOGUE:
        return OnnxDetector(model_path(name_or_path, models), every_s)
    if name_or_path.endswith(".onnx"):
        return OnnxDetector(Path(name_or_path), every_s)
    raise Misconfigured(
        f'there is no detector "{name_or_path}"',
        hint=f"take one of {', '.join([*BUILT_IN, *CATALOGUE])}, or the path of an .onnx file",
    )
