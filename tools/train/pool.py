"""Pool: samples in store for training, on the processor or on a graphics processor.

Composing a sample takes longer than learning from it, by far where there is a graphics processor.
So processes compose them all the time into a pool, the oldest give way, and each step takes some at
random and changes them in ways that cost little there: moved, larger or smaller, mirrored, another
light, more noise. Processes are waited for in turn, so that the same seed and number of processes
give each step the same samples, however fast the machine is.
"""

import mmap
import multiprocessing
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import cv2
import numpy as np
import numpy.typing as npt
import torch
from tools.train.net import STRIDE
from tools.train.samples import BOXES_MAX, HEIGHT, WIDTH, Composer, Stock
from torch import Tensor
from torch.nn import functional

_CHUNK = 16
_ROWS, _COLUMNS = HEIGHT // STRIDE, WIDTH // STRIDE


class _Chunk(NamedTuple):
    """Samples as the pool keeps them: see `Batch`; planes and what is unknown in whole numbers."""

    planes: npt.NDArray[np.uint8]
    unknown: npt.NDArray[np.uint8]
    boxes: npt.NDArray[np.float32]
    kinds: npt.NDArray[np.int8]

    @classmethod
    def shared(cls) -> Self:
        """An empty one, in memory that forked processes share."""
        shapes: list[tuple[tuple[int, ...], type]] = [
            ((2, HEIGHT, WIDTH), np.uint8),
            ((_ROWS, _COLUMNS), np.uint8),
            ((BOXES_MAX, 4), np.float32),
            ((BOXES_MAX,), np.int8),
        ]
        arrays: list[npt.NDArray[Any]] = []
        for shape, dtype in shapes:
            whole = (_CHUNK, *shape)
            memory = mmap.mmap(-1, int(np.prod(whole)) * np.dtype(dtype).itemsize)
            arrays.append(np.frombuffer(memory, dtype).reshape(whole))
        return cls(*arrays)

    def fill(self, composer: Composer) -> None:
        self.boxes[:], self.kinds[:] = 0.0, -1
        for k in range(_CHUNK):
            sample = composer.sample()
            self.planes[k] = np.clip(np.rint(sample.planes), 0, 255)
            share = sample.ignore.reshape(_ROWS, STRIDE, _COLUMNS, STRIDE).mean((1, 3))
            self.unknown[k] = np.rint(255 * share)
            self.boxes[k, : len(sample.boxes)] = sample.boxes
            self.kinds[k, : len(sample.kinds)] = sample.kinds


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """`planes` (N, 2, HEIGHT, WIDTH), 0..255; `unknown` (N, h, w) where nothing is known; `boxes`
    (N, BOXES_MAX, 4) px; `kinds` (N, BOXES_MAX), -1: nobody."""

    planes: Tensor
    unknown: Tensor
    boxes: Tensor
    kinds: Tensor


class Pool:
    """The latest `size` samples, composed by `workers` processes; to be closed."""

    def __init__(
        self, stock: Stock, seed: int, *, size: int, workers: int, device: torch.device
    ) -> None:
        slots = 8 * workers
        context = multiprocessing.get_context("fork")  # the stock is shared, not copied
        self._slots = [_Chunk.shared() for _ in range(slots)]
        self._free = [context.SimpleQueue() for _ in range(workers)]
        self._ready = [context.SimpleQueue() for _ in range(workers)]
        for slot in range(slots):
            self._free[slot % workers].put(slot)
        self._workers = [
            context.Process(target=self._compose, args=(stock, seed * 1009 + n, n), daemon=True)
            for n in range(workers)
        ]
        for worker in self._workers:
            worker.start()
        # No device may be touched before the fork.
        self._kept = tuple(
            torch.empty((size, *one.shape[1:]), dtype=torch.from_numpy(one).dtype, device=device)
            for one in self._slots[0]
        )
        self._device, self._size = device, size
        self.composed = 0
        """Samples that came in, in all."""

    def close(self) -> None:
        for worker in self._workers:
            worker.terminate()

    def fill(self, count: int) -> None:
        """Waits until so many samples have come in, in all."""
        while self.composed < count:
            self._take()

    def _take(self) -> None:
        turn = self.composed // _CHUNK % len(self._workers)
        slot = self._ready[turn].get()
        at = self.composed % self._size
        for kept, new in zip(self._kept, self._slots[slot], strict=True):
            kept[at : at + _CHUNK].copy_(torch.from_numpy(new))
        self._free[turn].put(slot)
        self.composed += _CHUNK

    def _compose(self, stock: Stock, seed: int, turn: int) -> None:
        cv2.setNumThreads(1)
        composer = Composer(stock, seed)
        while True:
            slot = self._free[turn].get()
            self._slots[slot].fill(composer)
            self._ready[turn].put(slot)

    def batch(self, size: int) -> Batch:
        """Some at random, each a little changed."""
        known = min(self.composed, self._size)
        taken = torch.randint(known, (size,), device=self._device)
        planes, unknown, boxes, kinds = (one[taken] for one in self._kept)
        return vary(Batch(planes.float(), unknown.float() / 255, boxes, kinds.long()))


def vary(batch: Batch) -> Batch:
    """The same samples, moved by up to 48 px, every second one 0.8 to 1.5 times as large; mirrored;
    lighter or darker; with noise."""
    planes, boxes, kinds = batch.planes, batch.boxes, batch.kinds
    count, device = len(planes), planes.device

    def dice(*shape: int) -> Tensor:
        return torch.rand((count, *shape), device=device)

    # From where in the sample a pixel comes: x * times + shift, about the middle.
    zoomed = dice() < 0.5
    times = torch.where(zoomed, torch.exp(0.22 - 0.62 * dice()), 1.0)
    shift = torch.round((2 * dice(2) - 1) * torch.tensor([48.0, 32.0], device=device))
    mirrored = torch.where(dice() < 0.5, -1.0, 1.0)
    theta = torch.zeros((count, 2, 3), device=device)
    theta[:, 0, 0] = times * mirrored
    theta[:, 1, 1] = times
    theta[:, 0, 2] = 2 * shift[:, 0] / WIDTH
    theta[:, 1, 2] = 2 * shift[:, 1] / HEIGHT
    grid = functional.affine_grid(theta, [count, 2, HEIGHT, WIDTH], align_corners=False)
    planes = functional.grid_sample(planes, grid, padding_mode="border", align_corners=False)
    coarse = functional.affine_grid(theta, [count, 1, _ROWS, _COLUMNS], align_corners=False)
    known = functional.grid_sample(1 - batch.unknown[:, None], coarse, align_corners=False)

    middle = torch.tensor([WIDTH / 2, HEIGHT / 2], device=device)
    points = boxes.reshape(count, -1, 2, 2) - middle - shift[:, None, None]
    points = points / times[:, None, None, None]
    x = points[..., 0] * mirrored[:, None, None]
    x = torch.where(mirrored[:, None, None] < 0, x.flip(-1), x)
    moved = torch.stack([x, points[..., 1]], -1) + middle
    moved = moved.reshape(count, -1, 4)
    cut = torch.stack(
        [
            moved[..., 0].clamp(0, WIDTH),
            moved[..., 1].clamp(0, HEIGHT),
            moved[..., 2].clamp(0, WIDTH),
            moved[..., 3].clamp(0, HEIGHT),
        ],
        -1,
    )
    sides = cut[..., 2:] - cut[..., :2]
    whole = (moved[..., 2:] - moved[..., :2]).prod(-1).clamp(min=1e-3)
    there = kinds >= 0
    shown = (sides.prod(-1) >= 0.35 * whole) & (sides.amin(-1) >= 3.0)
    unknown = torch.maximum(1 - known[:, 0], inside(cut, there & ~shown & (sides.amin(-1) > 0)))

    gain, lift = torch.exp(dice(1, 1, 1) * 0.9 - 0.5), 50 * dice(1, 1, 1) - 25
    planes = (planes - 128) * gain + 128 + lift
    sigma = torch.stack([4 * dice() ** 3, dice() ** 2], 1)[:, :, None, None]
    planes = (planes + sigma * torch.randn_like(planes)).clamp(0, 255)
    return Batch(planes, unknown, cut, torch.where(shown, kinds, -1))


def cells(device: torch.device) -> tuple[Tensor, Tensor]:
    """Middles of all cells in pixels: x (1, w), y (h, 1)."""
    x = (torch.arange(_COLUMNS, device=device, dtype=torch.float32) + 0.5) * STRIDE
    y = (torch.arange(_ROWS, device=device, dtype=torch.float32) + 0.5) * STRIDE
    return x[None], y[:, None]


def inside(boxes: Tensor, which: Tensor) -> Tensor:
    """1 at the cells whose middle lies in one of those `boxes` (N, B, 4) that `which` (N, B) says,
    else 0: (N, h, w)."""
    x, y = cells(boxes.device)
    left, top, right, bottom = (boxes[..., k, None, None] for k in range(4))
    covered = (x >= left) & (x <= right) & (y >= top) & (y <= bottom) & which[..., None, None]
    return covered.any(1).float()
