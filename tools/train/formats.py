"""Training data on disk: frames with their street, cut-out road users, and empty streets.

Three kinds of file, one a camera and picture size, all NumPy `.npz`. Pictures are luma, uint8,
at the size the detector sees them (320 to 480 px wide). Boxes are rows of frame index, left, top,
right, bottom in pixels, right and bottom exclusive.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

KINDS = (
    "pedestrian",
    "bicycle",  # with rider
    "motorcycle",  # with rider
    "car",
    "van",
    "bus",
    "truck",
    "vehicle",  # of unspecified type
    "unknown",  # a road user of unknown kind
)

Picture = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Frames:
    """What one camera saw, the same street empty, and who differs from it.

    `now` (N, h, w) and `background` (N, h, w), or (1, h, w) where one serves all; `boxes` (M, 5)
    and `kinds` (M,) tell the road users; in `ignore` (K, 5) nobody knows, and no background
    should be learnt.
    """

    now: Picture
    background: Picture
    boxes: Boxes
    kinds: npt.NDArray[np.int8]
    ignore: Boxes

    def save(self, path: Path) -> None:
        """Writes the file, and its folder where there is none."""
        assert self.background.shape in (self.now.shape, (1, *self.now.shape[1:]))
        assert self.boxes.shape == (len(self.kinds), 5)
        assert self.ignore.shape[1:] == (5,)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            path,
            now=self.now,
            background=self.background,
            boxes=self.boxes,
            kinds=self.kinds,
            ignore=self.ignore,
        )

    @classmethod
    def load(cls, path: Path) -> "Frames":
        """Reads what `save` wrote."""
        with np.load(path) as file:
            return cls(
                file["now"], file["background"], file["boxes"], file["kinds"], file["ignore"]
            )


@dataclass(frozen=True, slots=True)
class Sprites:
    """Road users cut out of pictures, flat one after the other.

    Sprite `i` of height and width `shapes[i]` starts at `offsets[i]` of `luma` and of `alpha`
    (0 outside, 255 inside). A margin of 1 to 2 px is empty; the road user's box is where
    alpha exceeds 127.
    """

    luma: Picture
    alpha: Picture
    shapes: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    kinds: npt.NDArray[np.int8]

    @classmethod
    def of(cls, cuts: list[tuple[Picture, Picture, int]]) -> "Sprites":
        """Lays (luma, alpha, kind) of each road user flat."""
        shapes = np.array([luma.shape for luma, _, _ in cuts], np.int32).reshape(-1, 2)
        sizes = shapes.astype(np.int64).prod(axis=1)
        return cls(
            np.concatenate([luma.ravel() for luma, _, _ in cuts] or [np.zeros(0, np.uint8)]),
            np.concatenate([alpha.ravel() for _, alpha, _ in cuts] or [np.zeros(0, np.uint8)]),
            shapes,
            np.concatenate([[0], np.cumsum(sizes)])[:-1].astype(np.int64),
            np.array([kind for _, _, kind in cuts], np.int8),
        )

    def __len__(self) -> int:
        return len(self.kinds)

    def __getitem__(self, index: int) -> tuple[Picture, Picture, int]:
        """Luma (h, w), alpha (h, w) and kind of one road user."""
        height, width = self.shapes[index]
        if not 0 <= index < len(self):
            raise IndexError(index)
        part = slice(self.offsets[index], self.offsets[index] + height * width)
        return (
            self.luma[part].reshape(height, width),
            self.alpha[part].reshape(height, width),
            int(self.kinds[index]),
        )

    def save(self, path: Path) -> None:
        """Writes the file, and its folder where there is none."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            path,
            luma=self.luma,
            alpha=self.alpha,
            shapes=self.shapes,
            offsets=self.offsets,
            kinds=self.kinds,
        )

    @classmethod
    def load(cls, path: Path) -> "Sprites":
        """Reads what `save` wrote."""
        with np.load(path) as file:
            return cls(file["luma"], file["alpha"], file["shapes"], file["offsets"], file["kinds"])


@dataclass(frozen=True, slots=True)
class Streets:
    """Pictures `street` (N, h, w) of streets without moving road users.

    In `ignore` (K, 5) there may still be some.
    """

    street: Picture
    ignore: Boxes

    def save(self, path: Path) -> None:
        """Writes the file, and its folder where there is none."""
        assert self.ignore.shape[1:] == (5,)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, street=self.street, ignore=self.ignore)

    @classmethod
    def load(cls, path: Path) -> "Streets":
        """Reads what `save` wrote."""
        with np.load(path) as file:
            return cls(file["street"], file["ignore"])
