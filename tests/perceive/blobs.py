"""Blobs: what moves, as the background model tells it, drawn by rectangles."""

import numpy as np
import numpy.typing as npt

WIDE, HIGH = 320, 180
Box = tuple[int, int, int, int]


def street(*blobs: Box) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Pieces and labels of full rectangles: left, top, right, bottom (exclusive)."""
    labels = np.zeros((HIGH, WIDE), np.int32)
    pieces = np.zeros((len(blobs), 6), np.int32)
    for k, (left, top, right, bottom) in enumerate(blobs):
        labels[top:bottom, left:right] = k + 1
        pieces[k] = (k + 1, (right - left) * (bottom - top), left, top, right - 1, bottom - 1)
    return pieces, labels
