"""Backdrop: a street picture without road users, the only picture that may leave a node."""

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from placewatch.core.time import UtcMicros


@dataclass(frozen=True, slots=True, eq=False)
class Backdrop:
    """The empty street as of `at`.

    `rgb` is (height, width, 3) uint8; `known` is (height, width) bool: false where the street was
    never seen empty for long enough, and there `rgb` is a flat grey that was never in a frame.
    """

    at: UtcMicros
    rgb: npt.NDArray[np.uint8]
    known: npt.NDArray[np.bool_]

    @property
    def known_share(self) -> float:
        """Share of the picture that is known, 0..1."""
        return float(self.known.mean())

    def jpeg(self, quality: int = 82) -> bytes:
        """The picture as a JPEG file, without metadata."""
        from PIL import Image  # only now: a process that just counts need not load it

        stream = io.BytesIO()
        Image.fromarray(self.rgb).save(stream, "JPEG", quality=quality, optimize=True)
        return stream.getvalue()
