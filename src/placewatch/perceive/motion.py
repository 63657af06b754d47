"""Motion: what differs from the empty street, found in one pass over the picture's brightness.

How this works. The picture is averaged down to about 320 pixels across; each small pixel has a
mean and a variance of the empty street and, beside them, a candidate: the value it shows now and
for how long. Light that changes everywhere at once is a gain that the whole background follows.
What differs is foreground, except where the street's own pattern shows through darker: that is
shadow. What stands still is not learnt into the background for minutes, so that a car at a red
light stays a car. But where the difference stands still *and its outline is drawn in the
background, not in the picture*, somebody has left: such a ghost is learnt at once (after
Cucchiara et al. 2003).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from numba import carray, types  # type: ignore[attr-defined]  # it does not say what it exports
from numba.extending import intrinsic

from placewatch.core.sightings import Box
from placewatch.pixels.frame import Frame

WIDTH_SMALL = 320
"""The least width in pixels that a picture is averaged down to."""

PRIMED_S = 4.0
"""As if the street had been watched for so long, when it was learnt from many frames."""


@dataclass(frozen=True, slots=True)
class Blob:
    """One connected piece of what moves. `box` is in pixels of the picture; `fill` is the share
    of the box that differs, 0..1; `label` marks its pixels in `Motion.labels`."""

    box: Box
    area_px: float
    fill: float
    label: int


@dataclass(slots=True, eq=False)
class Motion:
    """What moved in one frame. Its planes are of the averaged picture, (h, w).

    `foreground` uint8: 0 street, 1 shadow or changed light, 2 road user. `labels` int32 names the
    piece of each pixel, 0 for none. `pieces` (n, 6) int32 has a row for each piece that is no
    noise: label, area, left, top, right, bottom (inclusive), in small pixels. `small` float32 is
    the averaged picture, `street` float32 what the empty street looks like in this light and from
    where the camera points. `ghosts` bool is where somebody turned out to have been part of the
    background and to have left, None where nobody did. A small pixel is `scale` px of the
    picture wide and high. `gain` is how much lighter the picture became since the frame before.

    `labels`, `small` and `street` belong to the model and hold until it learns the next frame.
    """

    foreground: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int32]
    pieces: npt.NDArray[np.int32]
    small: npt.NDArray[np.float32]
    street: npt.NDArray[np.float32]
    ghosts: npt.NDArray[np.bool_] | None
    scale: int
    gain: float
    width_px: int
    height_px: int
    age_s: float  # how long the street has been known
    restless: bool  # much comes from nowhere, as flakes do: less of what moves is somebody
    turned: bool  # the camera does not point where the street was learnt: it shakes or sways
    _blobs: tuple[Blob, ...] | None = None

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """The pieces with boxes in pixels of the picture."""
        if self._blobs is None:
            scale = float(self.scale)
            width, height = float(self.width_px), float(self.height_px)
            self._blobs = tuple(
                Blob(
                    Box(
                        left * scale,
                        top * scale,
                        min((right + 1) * scale, width),
                        min((bottom + 1) * scale, height),
                    ),
                    area * scale * scale,
                    area / ((right + 1 - left) * (bottom + 1 - top)),
                    label,
                )
                for label, area, left, top, right, bottom in self.pieces.tolist()
            )
        return self._blobs


class BackgroundModel:
    """Learns what one camera's street looks like when empty, and says what differs."""

    _planes: npt.NDArray[np.float32]  # (6, h, w), see _SMALL and so on
    _foreground: npt.NDArray[np.uint8]
    _marks: npt.NDArray[np.int8]
    _spans: npt.NDArray[np.int32]
    _labels: npt.NDArray[np.int32]
    _ghost_labels: npt.NDArray[np.int32]
    _runs: npt.NDArray[np.int32]
    _parents: npt.NDArray[np.int32]
    _pieces: npt.NDArray[np.int32]
    _points: npt.NDArray[np.int32]
    _around: npt.NDArray[np.float32]
    _shift: npt.NDArray[np.float64]
    _scale: int
    _age_s: float

    def __init__(self, absorb_s: float = 600.0) -> None:
        """`absorb_s`: what stood still for so long belongs to the street."""
        self._absorb_s = absorb_s
        self._begin((0, 0))
        self._media_s = 0.0
        self._ghosts_s = 0.0

    def learn(self, frame: Frame) -> Motion:
        """Learns from `frame` and says what moves in it. The first frame has no motion.

        After a gap the background stays as it was: streets seldom change. With another picture
        size it begins anew.
        """
        luma = frame.luma
        fresh = luma.shape != self._shape
        if fresh:
            self._begin(luma.shape)
        elapsed_s = 0.0 if fresh else min(max(frame.media_s - self._media_s, 0.0), 1.0)
        self._media_s = frame.media_s
        self._age_s += elapsed_s

        self._ghosts_s += elapsed_s
        asks = self._ghosts_s >= _GHOSTS_EVERY_S  # whether somebody has left

        small = self._planes[_SMALL]
        _shrink(luma, self._scale, small)
        before = self._foreground
        self._foreground = foreground = np.empty(small.shape, np.uint8)
        if fresh:
            foreground[:] = 0
            _begin(self._planes)
            gain, count, still_s, turned, spans = 1.0, 0, 0.0, False, 0
        else:
            gain, count, still_s, turned, spans = _watch(
                self._planes, before, foreground, self._marks, self._spans, self._labels,
                self._runs, self._parents, self._pieces, self._points, self._around, self._shift,
                elapsed_s, self._age_s, asks,
            )  # fmt: skip
        street = self._planes[_STREET if turned else _MEAN]
        ghosts = None
        if asks:
            self._ghosts_s = 0.0
            if still_s >= _still_min(self._age_s):
                left = np.zeros(small.shape, np.bool_)
                if _exorcise(
                    self._planes, street, foreground, self._spans[:spans], self._ghost_labels,
                    self._parents, self._labels, self._age_s, self._absorbing_s(), left,
                ):  # fmt: skip
                    ghosts = left
        return Motion(
            foreground, self._labels, self._pieces[:count].copy(), small, street, ghosts,
            self._scale, gain, luma.shape[1], luma.shape[0], self._age_s,
            bool(self._shift[10] > _RESTLESS), turned,
        )  # fmt: skip

    def _absorbing_s(self) -> float:
        """After how long what stands still belongs to the street.

        In the first moments that is more than half of all the time: then the first frames were
        not the street, be it that a stream began coarse or that somebody stood there.
        """
        if self._age_s < _YOUNG_S:
            return min(self._absorb_s, max(_YOUNG_STILL_S, _YOUNG_SHARE * self._age_s))
        return self._absorb_s

    def prime(self, frames: Sequence[Frame]) -> None:
        """Learns the street from frames some time apart, before the first is watched: at each
        place what most of them show. Those of another size than the first are left out."""
        if not frames:
            return
        self._begin(frames[0].luma.shape)
        small = self._planes[_SMALL]
        shown = []
        for frame in frames:
            if frame.luma.shape == self._shape:
                _shrink(frame.luma, self._scale, small)
                shown.append(small.copy())
        small[:] = np.median(np.stack(shown), axis=0)
        _begin(self._planes)
        self._age_s = min(PRIMED_S, 0.5 * len(shown))

    def _begin(self, shape: tuple[int, ...]) -> None:
        self._shape: tuple[int, ...] = shape
        self._scale = max(1, shape[1] // WIDTH_SMALL)
        height, width = shape[0] // self._scale, shape[1] // self._scale
        self._planes = np.zeros((6, height, width), np.float32)
        self._foreground = np.zeros((height, width), np.uint8)
        cells = -(-width // _CELL)
        self._marks = np.zeros((2, height + 4, cells * _CELL + 2 * _PAD), np.int8)
        self._spans = np.zeros((height * (cells // 2 + 1), 3), np.int32)
        self._labels = np.zeros((height, width), np.int32)
        self._ghost_labels = np.zeros((height, width), np.int32)
        self._runs = np.zeros((height * width // 4 + 2, 4), np.int32)
        self._parents = np.zeros(height * width // 2 + 2, np.int32)
        self._pieces = np.zeros((_PIECES_MAX, 6), np.int32)
        self._points = np.zeros((2, _POINTS_MAX + 1), np.int32)
        self._around = np.full((2, height + 2 * _AROUND, width + 2 * _AROUND), -1, np.float32)
        self._shift = np.array([0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0])
        self._age_s = 0.0


_SMALL, _MEAN, _VAR, _STREET, _STILL, _STILL_S = range(6)
_GHOSTS_EVERY_S = 0.2
_YOUNG_S = 4.0  # the street has been known for less
_FRESH_S = 2.0  # the first pictures of a stream may be coarse:
_STANDS_S = 0.3  # what differs from them and stands so long is street
_YOUNG_STILL_S = 0.7  # the even side of somebody who passes seldom takes so long
_YOUNG_SHARE = 0.6
_AREA_MIN = 12  # small pixels; less is noise
_PIECES_MAX = 1000
_GHOST_S = 3.0
_GHOST_MIN = 16  # small pixels
_GHOST_EDGE = 6.0  # grey levels: a fainter outline proves nothing
_SPECK_S = 2.0
_STEP_MIN = 10.0  # grey levels: smaller differences are sensor noise and compression
_SIGMAS = 3.0
_POINTS_MAX = 1500
_POINTS_EVERY_S = 2.0
_REACH = 8.0  # small pixels
_AROUND = 12  # small pixels: so much of the street beside the picture is remembered
_SWAY = 0.2  # small pixels
_SETTLED_S = 3.0
_CELL = 16  # small pixels
_PAD = 8  # columns of marks beside the picture, so that every cell is two words of 8 bytes
_LIT_MIN = 0.05  # of the picture: the cone of headlights is smaller
_LIT_STEP = 9.0  # grey levels: somebody begins with more, since what differs less is noise
_SKIRT = np.float32(0.08)  # of the light: so much darker than the shadow beside it is still shadow
_SKIRTS = 0.6  # of its area
_RESTLESS = 3.0  # pieces a frame that come from nowhere: rain, snow, coarse coding, not road users,
_RESTLESS_S = 1.0
_NEXT_S = 0.18  # who are near to where they were if the frame before is so near
_STAYS = 0.1  # of its area is where somebody was in the frame before;
_STAYS_RESTLESS = 0.4  # among so many that chance does it, more


def _pointer(typing: Any, rows: Any, of: Any) -> Any:
    """A pointer to the first of `rows`, to elements of the type of `of`.

    A decoder's rows are padded apart; a compiler that cannot see that each is in one piece
    reads them byte by byte.
    """

    def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.bitcast(data, context.get_value_type(signature.return_type))

    pointer: Any = types.CPointer
    return pointer(of)(rows, of), write


_address: Any = intrinsic(_pointer)


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _shrink(luma: npt.NDArray[np.uint8], scale: int, small: npt.NDArray[np.float32]) -> None:
    """The mean of every `scale` x `scale` pixels, of every other row of them where they are many.

    Columns first, so that rows are read in order; pairs of pixels at once where that is possible.
    """
    height, width = small.shape
    stride = luma.strides[0]
    step = max(1, scale // 3)
    rows = (scale + step - 1) // step
    if scale == 6 and stride % 2 == 0:
        _shrink_1080p(luma, small)
        return
    share = np.float32(1.0 / (scale * rows))
    if scale % 2 == 0 and stride % 2 == 0:
        half = scale // 2
        pairs = carray(_address(luma, np.uint16(0)), (luma.shape[0] * (stride // 2),))
        line = np.empty(width * half, np.uint16)
        low = np.uint16(255)
        for y in range(height):
            line[:] = 0
            for k in range(0, scale, step):
                at = (y * scale + k) * (stride // 2)
                row = pairs[at : at + width * half]
                for x in range(width * half):
                    line[x] += (row[x] & low) + (row[x] >> 8)
            out = small[y]
            if half == 1:
                for x in range(width):
                    out[x] = np.float32(line[x]) * share
            else:
                for x in range(width):
                    total = 0
                    for k in range(half):
                        total += line[x * half + k]
                    out[x] = np.float32(total) * share
        return
    flat = carray(_address(luma, np.uint8(0)), (luma.shape[0] * stride,))
    line = np.empty(width * scale, np.uint16)
    for y in range(height):
        line[:] = 0
        for k in range(0, scale, step):
            at = (y * scale + k) * stride
            row = flat[at : at + width * scale]
            for x in range(width * scale):
                line[x] += row[x]
        out = small[y]
        if scale == 1:
            for x in range(width):
                out[x] = np.float32(line[x])
        else:
            for x in range(width):
                total = 0
                for k in range(scale):
                    total += line[x * scale + k]
                out[x] = np.float32(total) * share


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _shrink_1080p(luma: npt.NDArray[np.uint8], small: npt.NDArray[np.float32]) -> None:
    """The same for 6 x 6 pixels: three rows of them at once, with counts that a compiler knows."""
    height, width = small.shape
    stride = luma.strides[0] // 2
    pairs = carray(_address(luma, np.uint16(0)), (luma.shape[0] * stride,))
    line = np.empty(width * 3, np.uint16)
    low, share = np.uint16(255), np.float32(1.0 / 18.0)
    for y in range(height):
        at = y * 6 * stride
        first = pairs[at : at + width * 3]
        second = pairs[at + 2 * stride : at + 2 * stride + width * 3]
        third = pairs[at + 4 * stride : at + 4 * stride + width * 3]
        for x in range(width * 3):
            line[x] = (
                ((first[x] & low) + (first[x] >> 8))
                + ((second[x] & low) + (second[x] >> 8))
                + ((third[x] & low) + (third[x] >> 8))
            )
        out = small[y]
        for x in range(width):
            out[x] = np.float32(line[3 * x] + line[3 * x + 1] + line[3 * x + 2]) * share


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _begin(planes: npt.NDArray[np.float32]) -> None:
    planes[_MEAN] = planes[_SMALL]
    planes[_VAR] = np.float32(25.0)


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _gain(small: npt.NDArray[np.float32], mean: npt.NDArray[np.float32]) -> float:
    """How much lighter the street became: the median of the ratios at every 32nd pixel."""
    bins = np.zeros(1025, np.int32)  # 0 to 4 times
    count = 0
    for y in range(2, small.shape[0], 8):
        now, street = small[y], mean[y]
        for x in range(2, small.shape[1], 4):
            if now[x] > 12 and street[x] > 12 and now[x] < 245:
                bins[min(1024, int(now[x] / street[x] * np.float32(256.0) + np.float32(0.5)))] += 1
                count += 1
    if count < 50:
        return 1.0
    below, i = 0, 0
    while below + bins[i] < (count + 1) // 2:
        below += bins[i]
        i += 1
    gain = (i - 0.5 + (0.5 * count - below) / bins[i]) / 256.0
    return gain if abs(gain - 1.0) > 0.004 else 1.0


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _choose(mean: npt.NDArray[np.float32], points: npt.NDArray[np.int32]) -> None:
    """Points on the street's edges, evenly, whose first column is their number."""
    height, width = mean.shape
    count = 0
    for pick in range(2):
        every = 1 + count // _POINTS_MAX
        count = 0
        for y in range(10, height - 10, 2):
            for x in range(10 + (y & 2) // 2, width - 10, 2):
                gx = mean[y, x + 1] - mean[y, x - 1]
                gy = mean[y + 1, x] - mean[y - 1, x]
                if gx * gx + gy * gy >= np.float32(36.0):
                    if pick and count % every == 0:
                        points[0, 1 + count // every] = y
                        points[1, 1 + count // every] = x
                    count += 1
        points[0, 0] = (count + every - 1) // every


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _shift(
    small: npt.NDArray[np.float32],
    mean: npt.NDArray[np.float32],
    before: npt.NDArray[np.uint8],
    points: npt.NDArray[np.int32],
    gain: float,
    shift: npt.NDArray[np.float64],
) -> None:
    """How far the camera has turned since the background was learnt, in small pixels.

    `shift` (across, down, and what usually remains unexplained at a point, in grey levels) is the
    former one and becomes the new one: two steps of least squares over the `points` that were no
    road user `before` (Lucas & Kanade 1981). Where that does not find the usual street, as after a
    jolt, the best of all whole steps near by is where they begin. The shift is zero unless it
    explains the picture clearly better.
    """
    dx, dy = shift[0], shift[1]
    still = moved = 0.0
    searched = False
    step = 0
    while True:
        right, down, still, moved, count = _step(small, mean, before, points, gain, dx, dy)
        if count == 0:
            break
        if step < 2 and (dx != 0.0 or dy != 0.0 or right * right + down * down > 0.0006):
            dx, dy = min(_REACH, max(-_REACH, dx + right)), min(_REACH, max(-_REACH, dy + down))
            step += 1
            continue
        off = moved / count
        if not searched and off > 2.0 * shift[2] + 2.0:
            searched = True
            x, y = _search(small, mean, before, points, gain)
            if x != 0 or y != 0:
                dx, dy, step = float(x), float(y), 0
                continue
        shift[2] += 0.05 * (off - shift[2])
        break
    if moved > 0.75 * still or dx * dx + dy * dy < 0.0025:
        dx = dy = 0.0
    shift[0], shift[1] = dx, dy


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _step(
    small: npt.NDArray[np.float32],
    mean: npt.NDArray[np.float32],
    before: npt.NDArray[np.uint8],
    points: npt.NDArray[np.int32],
    gain: float,
    dx: float,
    dy: float,
) -> tuple[float, float, float, float, int]:
    """How much further than (dx, dy) the camera seems to have turned; how much of the picture is
    unexplained without any shift and with that one; at how many points."""
    light = np.float32(gain)
    xx = xy = yy = xt = yt = still = moved = np.float32(0.0)
    count = 0
    for i in range(1, points[0, 0] + 1):
        y, x = points[0, i], points[1, i]
        if _covered(before, y, x):
            continue
        gx = np.float32(0.5) * (mean[y, x + 1] - mean[y, x - 1])
        gy = np.float32(0.5) * (mean[y + 1, x] - mean[y - 1, x])
        here = small[y, x] - mean[y, x] * light
        off = here
        if dx != 0.0 or dy != 0.0:
            off = small[y, x] - np.float32(_between(mean, x + dx, y + dy)) * light
        count += 1
        still += min(np.float32(30.0), abs(here))
        moved += min(np.float32(30.0), abs(off))
        if abs(off) <= np.float32(40.0):
            xx += gx * gx
            xy += gx * gy
            yy += gy * gy
            xt += gx * off
            yt += gy * off
    # Where nothing has an edge, nothing moves.
    a, b, c = float(xx) + 2000.0, float(xy), float(yy) + 2000.0
    det = a * c - b * b
    right, down = (c * xt - b * yt) / det, (a * yt - b * xt) / det
    return float(right), float(down), float(still), float(moved), count


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _search(
    small: npt.NDArray[np.float32],
    mean: npt.NDArray[np.float32],
    before: npt.NDArray[np.uint8],
    points: npt.NDArray[np.int32],
    gain: float,
) -> tuple[int, int]:
    """The whole steps across and down with which the street looks most as it usually does."""
    light = np.float32(gain)
    every = 1 + points[0, 0] // 200
    best, best_x, best_y = np.float32(1e30), 0, 0
    reach = int(_REACH)
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            total = np.float32(0.0)
            for i in range(1, points[0, 0] + 1, every):
                y, x = points[0, i], points[1, i]
                if not _covered(before, y, x):
                    off = abs(small[y, x] - mean[y + dy, x + dx] * light)
                    total += min(np.float32(30.0), off)
            if total < best:
                best, best_x, best_y = total, dx, dy
    return best_x, best_y


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _covered(before: npt.NDArray[np.uint8], y: int, x: int) -> bool:
    """Whether it is inside of somebody; a thin line may be a marking that moved with the camera."""
    return bool(
        before[y, x] != 0
        and (before[y - 1, x] != 0 and before[y + 1, x] != 0)
        and (before[y, x - 1] != 0 and before[y, x + 1] != 0)
    )


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _between(mean: npt.NDArray[np.float32], x: float, y: float) -> float:
    """The background between its pixels, bilinear."""
    column, row = int(x), int(y)
    fx, fy = np.float32(x - column), np.float32(y - row)
    one = np.float32(1.0)
    above = mean[row, column] * (one - fx) + mean[row, column + 1] * fx
    below = mean[row + 1, column] * (one - fx) + mean[row + 1, column + 1] * fx
    return float(above * (one - fy) + below * fy)


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _expect(
    mean: npt.NDArray[np.float32],
    gain: float,
    shift: npt.NDArray[np.float64],
    street: npt.NDArray[np.float32],
) -> None:
    """What the empty street looks like in this light and from where the camera points now."""
    height, width = mean.shape
    if shift[0] == 0.0 and shift[1] == 0.0:
        for y in range(height):
            for x in range(width):
                street[y, x] = mean[y, x] * gain
        return
    whole_x, whole_y = math.floor(shift[0]), math.floor(shift[1])
    fx, fy = np.float32(shift[0] - whole_x), np.float32(shift[1] - whole_y)
    a = (1 - fx) * (1 - fy) * gain
    b = fx * (1 - fy) * gain
    c = (1 - fx) * fy * gain
    d = fx * fy * gain
    for y in range(height):
        upper = mean[min(height - 1, max(0, y + whole_y))]
        lower = mean[min(height - 1, max(0, y + whole_y + 1))]
        for x in range(width):
            i = min(width - 1, max(0, x + whole_x))
            j = min(width - 1, max(0, x + whole_x + 1))
            street[y, x] = a * upper[i] + b * upper[j] + c * lower[i] + d * lower[j]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _turn(
    small: npt.NDArray[np.float32],
    mean: npt.NDArray[np.float32],
    var: npt.NDArray[np.float32],
    around: npt.NDArray[np.float32],
    gain: float,
    shift: npt.NDArray[np.float64],
) -> None:
    """Turns the background with the camera by whole pixels, so that nothing blurs.

    What leaves the view is remembered in `around` (mean in the light of the first frame, and
    variance; -1 where it was never seen) until the camera turns back. What comes into view for the
    first time is street as it is now: there is nothing that it could differ from.
    """
    dx, dy = round(shift[0]), round(shift[1])
    shift[0] -= dx
    shift[1] -= dy
    height, width = mean.shape
    left, top, light = int(shift[7]), int(shift[8]), np.float32(shift[9])
    if abs(left + dx) > _AROUND or abs(top + dy) > _AROUND:  # another view, not a shake
        around[:] = np.float32(-1.0)
        left = top = 0
    shift[7], shift[8] = left + dx, top + dy
    left, top = left + _AROUND, top + _AROUND
    for y in range(height):
        known, spread = around[0, top + y], around[1, top + y]
        for x in range(width):
            known[left + x] = mean[y, x] / light
            spread[left + x] = var[y, x]
    left, top = left + dx, top + dy
    for y in range(height):
        known, spread = around[0, top + y], around[1, top + y]
        for x in range(width):
            seen = spread[left + x] >= 0
            mean[y, x] = known[left + x] * light if seen else small[y, x] / np.float32(gain)
            var[y, x] = spread[left + x] if seen else np.float32(25.0)


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _watch(
    planes: npt.NDArray[np.float32],
    before: npt.NDArray[np.uint8],
    foreground: npt.NDArray[np.uint8],
    marks: npt.NDArray[np.int8],
    spans: npt.NDArray[np.int32],
    labels: npt.NDArray[np.int32],
    runs: npt.NDArray[np.int32],
    parents: npt.NDArray[np.int32],
    pieces: npt.NDArray[np.int32],
    points: npt.NDArray[np.int32],
    around: npt.NDArray[np.float32],
    shift: npt.NDArray[np.float64],
    elapsed_s: float,
    age_s: float,
    asks: bool,
) -> tuple[float, int, float, bool, int]:
    """The pass: follow the light and the camera, tell street from road users, learn, connect.

    Says the gain, how many `pieces` there are, for how long the most quiet foreground has stood
    (where it `asks`), whether the camera has turned, so that the street is not where it was learnt,
    and how many `spans` hold all foreground.
    """
    small, mean, var, street = planes[_SMALL], planes[_MEAN], planes[_VAR], planes[_STREET]
    lighter = _gain(small, mean)
    shift[3] -= elapsed_s
    if shift[3] <= 0.0:
        shift[3] = min(_POINTS_EVERY_S, 0.5 + age_s)
        _choose(mean, points)
    _shift(small, mean, before, points, lighter, shift)
    if max(abs(shift[0]), abs(shift[1])) > 0.75:
        _turn(small, mean, var, around, lighter, shift)
        shift[3] = 0.0
    shift[9] *= lighter
    turned = shift[0] != 0.0 or shift[1] != 0.0
    since = np.float32(lighter)  # how much lighter than the background
    if turned:
        _expect(mean, lighter, shift, street)
        if math.hypot(shift[0] - shift[4], shift[1] - shift[5]) > _SWAY:
            shift[4], shift[5], shift[6] = shift[0], shift[1], 0.0
        shift[6] += elapsed_s
        if shift[6] > _SETTLED_S:  # it does not sway, it was moved: this is its view from now on
            mean[:] = street
            shift[0] = shift[1] = 0.0
            turned, since = False, np.float32(1.0)
    # Learns within a second when young, in 20 s when settled; by time, not by frame.
    alpha = np.float32(1.0 - math.exp(-elapsed_s / min(20.0, max(1.0, age_s))))
    spans = spans[
        : _compare(small, mean, var, street, turned, since, alpha, foreground, marks[0], spans)
    ]
    # What follows looks at the few pixels that differ.
    if turned:
        most_s = _settle(
            planes, street, before, foreground, marks, spans, np.float32(lighter), alpha,
            np.float32(elapsed_s), asks,
        )  # fmt: skip
    else:  # nearly what was expected: what was learnt since is little
        most_s = _settle(
            planes, mean, before, foreground, marks, spans, np.float32(lighter), alpha,
            np.float32(elapsed_s), asks,
        )  # fmt: skip
    restless = elapsed_s <= _NEXT_S and shift[10] > _RESTLESS
    here = street if turned else mean
    found, born, lit = _connect(
        small, here, foreground, marks[1], spans, before, planes[_STILL_S], restless,
        age_s < _FRESH_S, labels, runs, parents, pieces,
    )  # fmt: skip
    if lit.any():
        _light(small, mean, var, here, foreground, before, labels, lit)
    memory_s = min(_RESTLESS_S, max(0.2, age_s))
    shift[10] += (born - shift[10]) * (1.0 - math.exp(-elapsed_s / memory_s))
    return lighter, found, most_s, turned, len(spans)


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _compare(
    small: npt.NDArray[np.float32],
    mean: npt.NDArray[np.float32],
    var: npt.NDArray[np.float32],
    street: npt.NDArray[np.float32],
    turned: bool,
    gain: np.float32,
    alpha: np.float32,
    foreground: npt.NDArray[np.uint8],
    marks: npt.NDArray[np.int8],
    spans: npt.NDArray[np.int32],
) -> int:
    """Makes 1 in `foreground` of what differs from the street, 0 of the rest, and learns that.

    Fills `spans` with the parts of rows that differ, in whole cells: rows of y, left, right
    (exclusive), and says how many there are. There `marks` become -1 of what differs.
    """
    height, width = small.shape
    step2 = np.float32(_STEP_MIN * _STEP_MIN)
    sigmas2 = np.float32(_SIGMAS * _SIGMAS)
    least, most = np.float32(4.0), np.float32(900.0)
    now, known, spread = small.reshape(-1), mean.reshape(-1), var.reshape(-1)
    expected, out = street.reshape(-1), foreground.reshape(-1)
    if turned:
        for i in range(height * width):
            off = now[i] - expected[i]
            off2 = off * off
            away = off2 > max(step2, sigmas2 * spread[i])
            a = np.float32(0.0) if away else alpha
            known[i] = known[i] * gain + a * off
            spread[i] = min(most, max(least, spread[i] + a * (off2 - spread[i])))
            out[i] = np.uint8(away)
    else:
        for i in range(height * width):
            here = known[i] * gain
            off = now[i] - here
            off2 = off * off
            away = off2 > max(step2, sigmas2 * spread[i])
            a = np.float32(0.0) if away else alpha
            known[i] = here + a * off
            spread[i] = min(most, max(least, spread[i] + a * (off2 - spread[i])))
            out[i] = np.uint8(away)
    whole = width % 8 == 0
    eight = out[: height * width // 8 * 8].view(np.int64)  # pixels at once
    count = 0
    for y in range(height):
        end = -1
        for left in range(0, width, _CELL):
            right = min(width, left + _CELL)
            some = np.int64(0)
            if whole:
                for at in range((y * width + left) // 8, (y * width + right) // 8):
                    some |= eight[at]
            else:
                cell, any_of_it = out[y * width + left : y * width + right], np.uint8(0)
                for x in range(right - left):
                    any_of_it |= cell[x]
                some |= any_of_it
            if some == 0:
                continue
            for x in range(left, right):
                marks[y + 2, x + _PAD] = -np.int8(foreground[y, x])
            if left == end:
                spans[count - 1, 2] = right
            else:
                spans[count, 0], spans[count, 1], spans[count, 2] = y, left, right
                count += 1
            end = right
    return count


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _settle(
    planes: npt.NDArray[np.float32],
    street: npt.NDArray[np.float32],
    before: npt.NDArray[np.uint8],
    foreground: npt.NDArray[np.uint8],
    marks: npt.NDArray[np.int8],
    spans: npt.NDArray[np.int32],
    gain: np.float32,
    alpha: np.float32,
    dt: np.float32,
    asks: bool,
) -> float:
    """Tells what is marked: street that moved a little, shadow, or road user; and for how long it
    has looked the same. Says the longest of these times, where it `asks`."""
    small, mean, var = planes[_SMALL], planes[_MEAN], planes[_VAR]
    still, still_s = planes[_STILL], planes[_STILL_S]
    mark, body = marks[0], marks[1]
    height, width = small.shape
    # Loops run from 0 over parts of rows: so the compiler sees that no index is negative, and does
    # many pixels at once.
    shaken = np.zeros(len(spans), np.bool_)
    for s in range(len(spans)):
        y, left, right = spans[s, 0], spans[s, 1], spans[s, 2]
        shaken[s] = _beside(small, street, var, mark, y, max(1, left), min(width - 1, right))
    column = np.empty(width + 4, np.int8)
    for s in range(len(spans)):
        y, left, right = spans[s, 0], spans[s, 1], spans[s, 2]
        count = right - left
        flag, out = mark[y + 2, left + _PAD : right + _PAD], foreground[y, left:right]
        if not shaken[s]:
            continue
        begin, end = left + _PAD - 2, right + _PAD + 2
        a, b, c = mark[y, begin:end], mark[y + 1, begin:end], mark[y + 2, begin:end]
        d, e = mark[y + 3, begin:end], mark[y + 4, begin:end]
        for x in range(count + 4):
            column[x] = a[x] + b[x] + c[x] + d[x] + e[x]
        now, here = small[y, left:right], street[y, left:right]
        known, spread = mean[y, left:right], var[y, left:right]
        for x in range(count):
            votes = column[x] + column[x + 1] + column[x + 2] + column[x + 3] + column[x + 4]
            calm = (flag[x] == 1) & (votes > 0)
            off = now[x] - here[x]
            share = alpha if calm else np.float32(0.0)
            known[x] += share * off
            spread[x] = min(np.float32(900.0), spread[x] + share * (off * off - spread[x]))
            out[x] = np.uint8((flag[x] != 0) & (not calm))

    most_s = np.float32(0.0)
    for s in range(len(spans)):
        y, left, right = spans[s, 0], spans[s, 1], spans[s, 2]
        now, out, was = small[y, left:right], foreground[y, left:right], before[y, left:right]
        old, old_s = still[y, left:right], still_s[y, left:right]
        for x in range(right - left):  # in numbers, not with `if`: so many are done at once
            candidate = old[x] * gain
            off = now[x] - candidate
            same = np.float32(was[x] != 0) * np.float32(abs(off) < np.float32(7.0))
            old[x] = same * (candidate + np.float32(0.2) * off) + (np.float32(1.0) - same) * now[x]
            old_s[x] = same * (old_s[x] + dt)
        if asks:
            for x in range(right - left):
                most_s = max(most_s, old_s[x] if out[x] != 0 else np.float32(0.0))
        if 0 < y < height - 1:
            _shade(small, street, foreground, y, max(1, left), min(width - 1, right))
        flag = body[y + 2, left + _PAD : right + _PAD]
        for x in range(right - left):
            out[x] = out[x] ^ np.uint8(3) if out[x] != 0 else np.uint8(0)
            flag[x] = np.int8(out[x] == 2)
        mark[y + 2, left + _PAD : right + _PAD] = 0
    return float(most_s)


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _beside(
    small: npt.NDArray[np.float32],
    street: npt.NDArray[np.float32],
    var: npt.NDArray[np.float32],
    mark: npt.NDArray[np.int8],
    y: int,
    left: int,
    right: int,
) -> bool:
    """Marks with 1 what shows the street of a pixel beside: the camera shook, or a leaf did, where
    most of the pixels around are like that. Says whether there are any."""
    up, low = max(0, y - 1), min(street.shape[0] - 1, y + 1)
    above, below = street[up, left - 1 : right + 1], street[low, left - 1 : right + 1]
    here, flag = street[y, left - 1 : right + 1], mark[y + 2, left + _PAD : right + _PAD]
    now, spread = small[y, left:right], var[y, left:right]
    step2 = np.float32(_STEP_MIN * _STEP_MIN)
    sigmas2 = np.float32(_SIGMAS * _SIGMAS)
    for x in range(right - left):
        least = min(
            min(min(above[x], above[x + 1]), min(above[x + 2], here[x])),
            min(min(here[x + 1], here[x + 2]), min(min(below[x], below[x + 1]), below[x + 2])),
        )
        most = max(
            max(max(above[x], above[x + 1]), max(above[x + 2], here[x])),
            max(max(here[x + 1], here[x + 2]), max(max(below[x], below[x + 1]), below[x + 2])),
        )
        off = max(np.float32(0.0), max(least - now[x], now[x] - most))
        near = off * off <= max(step2, sigmas2 * spread[x])
        flag[x] = -flag[x] if near else flag[x]
    some = 0
    for x in range(right - left):
        some += flag[x] > 0
    return some > 0


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _shade(
    small: npt.NDArray[np.float32],
    street: npt.NDArray[np.float32],
    foreground: npt.NDArray[np.uint8],
    y: int,
    left: int,
    right: int,
) -> None:
    """Makes 2 of each 1 where the street's own pattern shows through, darker by one factor all
    around: shadow."""
    above, below = small[y - 1, left - 1 : right + 1], small[y + 1, left - 1 : right + 1]
    up, low = street[y - 1, left - 1 : right + 1], street[y + 1, left - 1 : right + 1]
    now, here = small[y, left - 1 : right + 1], street[y, left - 1 : right + 1]
    out = foreground[y, left:right]
    for x in range(right - left):
        ratio = now[x + 1] / max(np.float32(1.0), here[x + 1])
        worst = _off(above[x], up[x], ratio)
        worst = max(worst, _off(above[x + 1], up[x + 1], ratio))
        worst = max(worst, _off(above[x + 2], up[x + 2], ratio))
        worst = max(worst, _off(now[x], here[x], ratio))
        worst = max(worst, _off(now[x + 1], here[x + 1], ratio))
        worst = max(worst, _off(now[x + 2], here[x + 2], ratio))
        worst = max(worst, _off(below[x], low[x], ratio))
        worst = max(worst, _off(below[x + 1], low[x + 1], ratio))
        worst = max(worst, _off(below[x + 2], low[x + 2], ratio))
        dark = (ratio > np.float32(0.4)) & (ratio < np.float32(0.95))
        out[x] = out[x] << np.uint8(dark & (worst <= np.float32(6.0)))


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _off(now: np.float32, street: np.float32, ratio: np.float32) -> np.float32:
    """How far a pixel is from the street in a shadow, less what its brightness forgives."""
    light = max(np.float32(8.0), street)
    return np.float32(abs(now - ratio * light) - np.float32(0.04) * light)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _root(parents: npt.NDArray[np.int32], i: int) -> int:
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _connect(
    small: npt.NDArray[np.float32],
    street: npt.NDArray[np.float32],
    foreground: npt.NDArray[np.uint8],
    body: npt.NDArray[np.int8],
    spans: npt.NDArray[np.int32],
    before: npt.NDArray[np.uint8],
    still_s: npt.NDArray[np.float32],
    restless: bool,
    young: bool,
    labels: npt.NDArray[np.int32],
    runs: npt.NDArray[np.int32],
    parents: npt.NDArray[np.int32],
    pieces: npt.NDArray[np.int32],
) -> tuple[int, int, npt.NDArray[np.bool_]]:
    """Labels the pieces of road users; pixels up to 2 apart belong together. Lone pixels are none.

    `body` is 1 where a road user is, with a margin. It is cleared, as are the labels of the
    last `runs` (rows of y, left, right, label; the first tells how many). Fills `pieces` with rows
    of label, area, left, top, right, bottom and says how many there are, and how many are where
    nobody was in the frame `before`; where it is `restless` those are left out. So is whose outline
    is drawn in the `street` and not in the picture: somebody has left. And a shadow's edge, where
    no one factor darkens the street all around. And what is large and begins softly, which is
    light: the last result says which labels that are.
    """
    height, width = labels.shape
    for k in range(1, runs[0, 0] + 1):
        y = runs[k, 0]
        for x in range(runs[k, 1], runs[k, 2] + 1):
            labels[y, x] = 0
    count = named = 0
    first = np.zeros(height + 3, np.int32)  # run of each row, with two rows above
    solid = np.empty(width + 1, np.int8)
    row = -1
    near = nearer = 0  # the first runs two rows above, and one, that do not end before this one
    for s in range(len(spans)):
        y, left, right = spans[s, 0], spans[s, 1], spans[s, 2]
        if row < y:
            while row < y:
                row += 1
                first[row + 2] = count
            near, nearer = first[y], first[y + 1]
        begin, end = left + _PAD - 1, right + _PAD + 1
        above, here, below = body[y + 1, begin:end], body[y + 2, begin:end], body[y + 3, begin:end]
        for x in range(right - left):
            # A pixel with fewer than three neighbours is noise.
            friends = (
                (above[x] + above[x + 1] + above[x + 2])
                + (here[x] + here[x + 1] + here[x + 2])
                + (below[x] + below[x + 1] + below[x + 2])
            )
            solid[x] = here[x + 1] & np.int8(friends >= 4)
        solid[right - left] = 0
        x = left
        while x < right:
            if solid[x - left] == 0:
                x += 1
                continue
            begin = x
            while solid[x - left] != 0:
                x += 1
            if count + 2 >= len(runs):
                continue
            # Neighbours: the run before in this row, and those of two rows above.
            mine = 0
            if count > first[y + 2] and runs[count, 2] >= begin - 2:
                mine = _root(parents, runs[count, 3])
            while near < first[y + 1] and runs[near + 1, 2] < begin - 2:
                near += 1
            mine = _join(parents, runs, near, first[y + 1], x + 1, mine)
            while nearer < first[y + 2] and runs[nearer + 1, 2] < begin - 2:
                nearer += 1
            mine = _join(parents, runs, nearer, first[y + 2], x + 1, mine)
            if mine == 0:
                named += 1
                parents[named] = named
                mine = named
            count += 1
            runs[count, 0], runs[count, 1], runs[count, 2], runs[count, 3] = y, begin, x - 1, mine
    runs[0, 0] = count
    for s in range(len(spans)):
        y, left, right = spans[s, 0], spans[s, 1], spans[s, 2]
        body[y + 2, left + _PAD : right + _PAD] = 0

    stats = np.zeros((named + 1, 7), np.int32)
    for k in range(1, count + 1):
        y, left, right = runs[k, 0], runs[k, 1], runs[k, 2]
        root = _root(parents, runs[k, 3])
        if stats[root, 1] == 0:
            stats[root, 0], stats[root, 2], stats[root, 3] = root, width, height
        stats[root, 1] += right + 1 - left
        stats[root, 2], stats[root, 3] = min(stats[root, 2], left), min(stats[root, 3], y)
        stats[root, 4], stats[root, 5] = max(stats[root, 4], right), max(stats[root, 5], y)
        total = 0
        for x in range(left, right + 1):
            labels[y, x] = root
            total += before[y, x] == 2
        stats[root, 6] += total
    outlines = _outlines(
        small, street, foreground, before, still_s, young, labels, runs, count, stats
    )
    found = born = largest = 0
    ghost = stats[0]
    lit = np.zeros(named + 1, np.bool_)
    lit_min = _LIT_MIN * height * width
    for k in range(1, named + 1):
        if stats[k, 1] >= _AREA_MIN and found < len(pieces):
            born += stats[k, 6] < max(1.0, _STAYS * stats[k, 1])
            new = restless and stats[k, 6] < _STAYS_RESTLESS * stats[k, 1]
            meets, now, past, begins, steps, beside, _ = outlines[k]
            sudden = stats[k, 1] >= max(lit_min, 2 * stats[k, 6])
            lit[k] = sudden and steps < _LIT_STEP * begins
            gone = past > 2.0 * now and past > _GHOST_EDGE * meets
            if gone and stats[k, 1] > largest:
                largest, ghost = stats[k, 1], stats[k]
            edge = beside > _SKIRTS * stats[k, 1]
            if young:  # a stream that becomes sharper stands still
                edge |= 2 * outlines[k, 6] > stats[k, 1]
            if not (gone or edge or lit[k] or new):
                pieces[found] = stats[k, :6]
                found += 1
    if largest > 0:
        found = _apart(pieces, found, ghost)
    return found, born, lit


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _join(
    parents: npt.NDArray[np.int32],
    runs: npt.NDArray[np.int32],
    first: int,
    end: int,
    right: int,
    mine: int,
) -> int:
    """Makes one piece of `mine` (0: none yet) and those of `runs`, from `first` on and before
    `end`, that begin no further than at `right`; says which it is."""
    for k in range(first, end):
        if runs[k + 1, 1] > right:
            break
        root = _root(parents, runs[k + 1, 3])
        if mine == 0:
            mine = root
        elif root != mine:
            parents[max(root, mine)] = min(root, mine)
            mine = min(root, mine)
    return mine


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _apart(pieces: npt.NDArray[np.int32], count: int, ghost: npt.NDArray[np.int32]) -> int:
    """Keeps of `pieces` those that are no parts of somebody who is just leaving the place of
    `ghost`: much smaller than that, and close by. Says how many are left."""
    reach = max(ghost[4] - ghost[2], ghost[5] - ghost[3]) // 2
    left = 0
    for k in range(count):
        piece = pieces[k]
        gap = max(
            max(piece[2] - ghost[4], ghost[2] - piece[4]),
            max(piece[3] - ghost[5], ghost[3] - piece[5]),
        )
        if gap > reach or 2 * piece[1] > ghost[1]:
            pieces[left] = piece
            left += 1
    return left


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _outlines(
    small: npt.NDArray[np.float32],
    street: npt.NDArray[np.float32],
    foreground: npt.NDArray[np.uint8],
    before: npt.NDArray[np.uint8],
    still_s: npt.NDArray[np.float32],
    young: bool,
    labels: npt.NDArray[np.int32],
    runs: npt.NDArray[np.int32],
    count: int,
    stats: npt.NDArray[np.int32],
) -> npt.NDArray[np.float32]:
    """Of each piece, a row: how many steps cross its outline, and how strong the edge is
    there, in all, in the picture and in the street; where nobody was `before`, how many steps cross
    it and how strong the edge of the difference is; how many pixels lie beside a shadow, asked of
    thin ones, and how many look as they did for a while, asked while `young`. `stats` has the area
    of each in its second column; nothing is asked of what is too small to be somebody."""
    found = np.zeros((len(stats), 7), np.float32)
    height, width = labels.shape
    for k in range(1, count + 1):
        y, left, right = runs[k, 0], runs[k, 1], runs[k, 2]
        name = labels[y, left]
        if stats[name, 1] < _AREA_MIN:
            continue
        for side in range(2):
            x, i = (left, left - 2) if side == 0 else (right, right + 2)
            if 0 <= i < width and labels[y, i] == 0:
                _cross(
                    found, name, small[y, x], small[y, i], street[y, x], street[y, i], before[y, x]
                )
            j, middle = (y - 2, y - 1) if side == 0 else (y + 2, y + 1)
            if j < 0 or j >= height:
                continue
            for x in range(left, right + 1):
                if labels[middle, x] == 0 and labels[j, x] == 0:
                    _cross(
                        found, name, small[y, x], small[j, x], street[y, x], street[j, x],
                        before[y, x],
                    )  # fmt: skip
    for k in range(1, count + 1):
        y, left, right = runs[k, 0], runs[k, 1], runs[k, 2]
        name = labels[y, left]
        if stats[name, 1] < _AREA_MIN:
            continue
        if 2 * found[name, 0] >= stats[name, 1]:  # thin, or in tatters
            for x in range(left, right + 1):
                found[name, 5] += _skirts(small, street, foreground, y, x)
        if young:
            for x in range(left, right + 1):
                found[name, 6] += still_s[y, x] >= _STANDS_S
    return found


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _cross(
    found: npt.NDArray[np.float32],
    name: int,
    now: np.float32,
    now_out: np.float32,
    street: np.float32,
    street_out: np.float32,
    before: np.uint8,
) -> None:
    """Adds a step across a piece's outline to its row of `_outlines`."""
    most = np.float32(40.0)
    edge, past = now - now_out, street - street_out
    found[name, 0] += 1
    found[name, 1] += min(most, abs(edge))
    found[name, 2] += min(most, abs(past))
    if before != 2:
        found[name, 3] += 1
        found[name, 4] += min(most, abs(edge - past))


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _light(
    small: npt.NDArray[np.float32],
    mean: npt.NDArray[np.float32],
    var: npt.NDArray[np.float32],
    street: npt.NDArray[np.float32],
    foreground: npt.NDArray[np.uint8],
    before: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int32],
    lit: npt.NDArray[np.bool_],
) -> None:
    """Learns the `lit` pieces at once, and where nobody is, for light fades out far beyond them;
    not where somebody was `before`."""
    for y in range(small.shape[0]):
        for x in range(small.shape[1]):
            label = labels[y, x]
            if before[y, x] == 0 and (label == 0 or lit[label]):
                mean[y, x] += small[y, x] - street[y, x]
                if foreground[y, x] != 0:
                    var[y, x] = np.float32(25.0)
                    foreground[y, x] = 0


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _skirts(
    small: npt.NDArray[np.float32],
    street: npt.NDArray[np.float32],
    foreground: npt.NDArray[np.uint8],
    y: int,
    x: int,
) -> bool:
    """Whether a pixel is darker than the street, beside a shadow, and no darker than it."""
    ratio = small[y, x] / max(np.float32(1.0), street[y, x])
    if ratio > np.float32(0.95):
        return False
    for j in range(max(0, y - 1), min(small.shape[0], y + 2)):
        for i in range(max(0, x - 1), min(small.shape[1], x + 2)):
            if foreground[j, i] == 1:
                shadow = small[j, i] / max(np.float32(1.0), street[j, i])
                if ratio >= shadow - _SKIRT:
                    return True
    return False


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _still_min(age_s: float) -> float:
    """How long the difference of a ghost must have stood still.

    A background that was learnt a moment ago is easily wrong, one that has stood for long seldom.
    And a lorry's even side takes seconds to pass.
    """
    return min(_GHOST_S, 0.5 + 0.2 * age_s)


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _exorcise(
    planes: npt.NDArray[np.float32],
    street: npt.NDArray[np.float32],
    foreground: npt.NDArray[np.uint8],
    spans: npt.NDArray[np.int32],
    labels: npt.NDArray[np.int32],
    parents: npt.NDArray[np.int32],
    blobs: npt.NDArray[np.int32],
    age_s: float,
    absorb_s: float,
    left: npt.NDArray[np.bool_],
) -> int:
    """Learns at once what stands still and is drawn in the background only; the rest in time.

    Looks at `spans` only, parts of rows that hold all foreground. `labels` are 0 all over, and are
    so afterwards. Marks in `left` where somebody has left and says how many pixels these are.
    """
    small, mean, var = planes[_SMALL], planes[_MEAN], planes[_VAR]
    still, still_s = planes[_STILL], planes[_STILL_S]
    height, width = small.shape
    still_min = np.float32(_still_min(age_s))
    stands = np.zeros(len(spans), np.bool_)
    count = 0
    for s in range(len(spans)):
        y, begin, end = spans[s, 0], spans[s, 1], spans[s, 2]
        for x in range(begin, end):
            if foreground[y, x] == 0 or still_s[y, x] < still_min:
                continue
            mine = 0
            for j in range(max(0, y - 1), y + 1):
                reach = 1 if j < y else -1
                for i in range(max(0, x - 1), min(width, x + reach + 1)):
                    other = labels[j, i]
                    if other:
                        root = _root(parents, other)
                        if mine == 0:
                            mine = root
                        elif root != mine:
                            low, high = min(root, mine), max(root, mine)
                            parents[high] = low
                            mine = low
            if mine == 0:
                if count + 1 >= len(parents):
                    continue
                count += 1
                parents[count] = count
                mine = count
            labels[y, x] = mine
            stands[s] = True
    if count == 0:
        return 0
    # The even paint of somebody who passes stands still, too; then most of its blob does not.
    names = 0
    for s in range(len(spans)):
        y, begin, end = spans[s, 0], spans[s, 1], spans[s, 2]
        names = max(names, blobs[y, begin:end].max())
    most = np.zeros(names + 1, np.int32)
    for s in range(len(spans)):
        y, begin, end = spans[s, 0], spans[s, 1], spans[s, 2]
        for x in range(begin, end):
            if blobs[y, x]:
                most[blobs[y, x]] += 1 if labels[y, x] else -1
    # Of each piece: its area; where its outline meets street: how many pixels, how strong the edge
    # is in the picture and how strong in the background; and where it meets what moves: how many.
    pieces = np.zeros((count + 1, 6))
    for s in range(len(spans)):
        y, begin, end = spans[s, 0], spans[s, 1], spans[s, 2]
        if not stands[s] or y == 0 or y == height - 1:
            continue
        for x in range(max(1, begin), min(width - 1, end)):
            if labels[y, x] == 0:
                continue
            piece = _root(parents, labels[y, x])
            pieces[piece, 0] += 1
            inside = 0
            for k in range(4):
                j, i = y + (k == 0) - (k == 1), x + (k == 2) - (k == 3)
                if foreground[j, i] == 0:
                    pieces[piece, 1] += 1
                    pieces[piece, 2] += min(40.0, abs(small[y, x] - small[j, i]))
                    pieces[piece, 3] += min(40.0, abs(street[y, x] - street[j, i]))
                elif labels[j, i] == 0:
                    pieces[piece, 4] += 1
                else:
                    inside += 1
            pieces[piece, 5] += inside == 4
    left_behind, thin = np.zeros(count + 1, np.bool_), np.zeros(count + 1, np.bool_)
    for piece in range(1, count + 1):
        area, meets, now = pieces[piece, 0], pieces[piece, 1], pieces[piece, 2]
        before, moves, inside = pieces[piece, 3], pieces[piece, 4], pieces[piece, 5]
        left_behind[piece] = (
            area >= _GHOST_MIN
            and meets > moves
            and before > 2.0 * now
            and before > _GHOST_EDGE * meets
        )
        # Thinner than three pixels is nobody: noise that stayed, or a marking that came to lie
        # elsewhere because the camera was moved.
        thin[piece] = inside <= 0.05 * area and meets > 3 * moves
    gone = 0
    for s in range(len(spans)):
        y, begin, end = spans[s, 0], spans[s, 1], spans[s, 2]
        for x in range(begin, end if stands[s] else begin):
            if labels[y, x] == 0:
                continue
            piece = _root(parents, labels[y, x])
            ghost = left_behind[piece] and (blobs[y, x] == 0 or most[blobs[y, x]] > 0)
            speck = thin[piece] and still_s[y, x] > _SPECK_S
            if ghost or speck or still_s[y, x] > absorb_s:
                mean[y, x] += still[y, x] - street[y, x]
                street[y, x] = still[y, x]
                var[y, x] = np.float32(25.0)
                still_s[y, x] = 0.0
                left[y, x] = ghost
                gone += ghost
    for s in range(len(spans)):
        if stands[s]:
            labels[spans[s, 0], spans[s, 1] : spans[s, 2]] = 0
    return gone
