"""Frame: one picture of a camera, the only type that holds one with people in it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from placewatch.core.errors import Refused
from placewatch.core.ids import CameraId
from placewatch.core.time import UtcMicros


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture. It lives in memory only: it refuses to be pickled, copied or printed.

    `luma` is a read-only view on the decoder's Y plane, (H, W) uint8, rows possibly padded apart;
    it is valid as long as this frame is. `to_rgb(width_px)` converts on demand and returns
    (height, width_px, 3) uint8, scaled with the aspect kept. `media_s` are seconds of the
    stream's own, repaired time and never step back; `number` counts decoded frames from 0.
    `after_gap` says that what happened between the previous frame and this one is unknown.
    """

    camera: CameraId
    at: UtcMicros
    media_s: float
    number: int
    luma: npt.NDArray[np.uint8]
    to_rgb: Callable[[int], npt.NDArray[np.uint8]]
    after_gap: bool = False

    @property
    def width_px(self) -> int:
        return int(self.luma.shape[1])

    @property
    def height_px(self) -> int:
        return int(self.luma.shape[0])

    def __repr__(self) -> str:
        return f"Frame({self.camera}, {self.number}, {self.width_px}x{self.height_px})"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise Refused("a frame does not leave the process that decoded it")
