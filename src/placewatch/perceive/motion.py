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
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.sightings import Box
from placewatch.pixels.frame import Frame

WIDTH_SMALL = 320
"""The least width in pixels that a picture is averaged down to."""


@dataclass(frozen=True, slots=True)
class Blob:
    """One connected piece of what moves. `box` is in pixels of the picture; `fill` is the share
    of the box that differs, 0..1; `label` marks its pixels in `Motion.labels`."""

    box: Box
    area_px: float
    fill: float
    label: int


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """What moved in one frame.

    `foreground` (h, w) uint8 of the averaged picture: 0 street, 1 shadow or changed light, 2 road
    user. `labels` (h, w) int32 names the blob of each pixel, 0 for none. A small pixel is `scale`
    px of the picture wide and high. `gain` is how much lighter the picture became since the
    frame before. `ghosts` (h, w) is where somebody turned out to have been part of the background
    and to have left, None where nobody did.
    """

    blobs: tuple[Blob, ...]
    foreground: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int32]
    ghosts: npt.NDArray[np.bool_] | None
    scale: int
    gain: float
    small: npt.NDArray[np.float32]
    street: npt.NDArray[np.float32]
    pieces: npt.NDArray[np.int32]


class BackgroundModel:
    """Learns what one camera's street looks like when empty, and says what differs."""

    def __init__(self, absorb_s: float = 600.0) -> None:
        """`absorb_s`: what stood still for so long belongs to the street."""
        self._absorb_s = absorb_s
        self._shape = (0, 0)
        self._media_s = 0.0
        self._ghosts_s = 0.0

    def learn(self, frame: Frame) -> Motion:
        """Learns from `frame` and says what moves in it. The first frame has no motion.

        After a gap the background stays as it was: streets seldom change. With another picture
        size it begins anew.
        """
        luma = frame.luma
        if luma.shape != self._shape:
            self._begin(luma)
            elapsed_s = 0.0
        else:
            elapsed_s = min(max(frame.media_s - self._media_s, 0.0), 1.0)
        self._media_s = frame.media_s
        fresh = self._age_s == 0.0 and elapsed_s == 0.0
        self._age_s += elapsed_s

        foreground = self._foreground
        labels = np.empty(self._mean.shape, np.int32)
        gain = _see(
            luma, self._scale, self._small, self._mean, self._var, self._street, self._still,
            self._still_s, foreground, self._shift, elapsed_s, self._age_s, fresh,
        )  # fmt: skip
        stats = _connect(foreground, labels, self._parents)
        self._ghosts_s += elapsed_s
        ghosts = None
        if self._ghosts_s >= _GHOSTS_EVERY_S:
            self._ghosts_s = 0.0
            left = np.zeros(self._mean.shape, np.bool_)
            if _exorcise(
                self._small, self._mean, self._var, self._street, self._still, self._still_s,
                foreground, self._ghost_labels, self._parents, labels, self._age_s,
                self._absorb_s, left,
            ):  # fmt: skip
                ghosts = left
        scale = float(self._scale)
        width, height = float(luma.shape[1]), float(luma.shape[0])
        blobs = tuple(
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
            for label, area, left, top, right, bottom in stats.tolist()
            if area >= _AREA_MIN
        )
        return Motion(
            blobs,
            foreground.copy(),
            labels,
            ghosts,
            self._scale,
            gain,
            self._small,
            self._street,
            stats[stats[:, 1] >= _AREA_MIN],
        )

    def _begin(self, luma: npt.NDArray[np.uint8]) -> None:
        self._shape = luma.shape
        self._scale = max(1, luma.shape[1] // WIDTH_SMALL)
        shape = (luma.shape[0] // self._scale, luma.shape[1] // self._scale)
        self._small, self._mean, self._var, self._street, self._still, self._still_s = (
            np.zeros(shape, np.float32) for _ in range(6)
        )
        self._ghost_labels = np.zeros(shape, np.int32)
        self._parents = np.zeros(shape[0] * shape[1] // 2 + 2, np.int32)
        self._foreground = np.zeros(shape, np.uint8)
        self._shift = np.zeros(2)
        self._age_s = 0.0


_GHOSTS_EVERY_S = 0.2
_AREA_MIN = 12  # small pixels; less is noise
_GHOST_S = 3.0
_GHOST_MIN = 16  # small pixels
_GHOST_EDGE = 6.0  # grey levels: a fainter outline proves nothing
_SPECK_S = 2.0
_STEP_MIN = 10.0  # grey levels: smaller differences are sensor noise and compression
_SIGMAS = 3.0


@numba.njit(cache=True, fastmath=True, nogil=True)
def _shrink(luma: npt.NDArray[np.uint8], scale: int, small: npt.NDArray[np.float32]) -> None:
    """The mean of every `scale` x `scale` pixels: columns first, so that rows are read in order."""
    height, width = small.shape
    if scale == 1:
        for y in range(height):
            for x in range(width):
                small[y, x] = luma[y, x]
        return
    line = np.empty(width * scale, np.uint16)
    share = np.float32(1.0 / (scale * scale))
    for y in range(height):
        row = luma[y * scale]
        for x in range(width * scale):
            line[x] = row[x]
        for k in range(1, scale):
            row = luma[y * scale + k]
            for x in range(width * scale):
                line[x] += row[x]
        if scale == 6:  # the usual one: 1080p; a known count lets the compiler do 16 at once
            for x in range(width):
                i = x * 6
                total = (
                    line[i] + line[i + 1] + line[i + 2] + line[i + 3] + line[i + 4] + line[i + 5]
                )
                small[y, x] = total * share
        else:
            for x in range(width):
                total = 0
                for k in range(scale):
                    total += line[x * scale + k]
                small[y, x] = total * share


@numba.njit(cache=True, fastmath=True, nogil=True)
def _shift(
    small: npt.NDArray[np.float32],
    mean: npt.NDArray[np.float32],
    before: npt.NDArray[np.uint8],
    gain: float,
    shift: npt.NDArray[np.float64],
) -> None:
    """How far the camera has turned since the background was learnt, in small pixels.

    `shift` (across, down) is the former one and becomes the new one: two steps of least squares
    over every fourth pixel that was no road user `before` (Lucas & Kanade 1981). It is zero unless
    that explains the picture clearly better.
    """
    height, width = small.shape
    dx, dy = shift[0], shift[1]
    still = moved = 0.0
    for step in range(3):
        xx = xy = yy = xt = yt = 0.0
        still = moved = 0.0
        for y in range(8, height - 8, 2):
            for x in range(8 + (y & 2) // 2, width - 8, 2):
                # Inside of somebody; a thin line may be a marking that moved with the camera.
                if (
                    before[y, x] != 0
                    and (before[y - 1, x] != 0 and before[y + 1, x] != 0)
                    and (before[y, x - 1] != 0 and before[y, x + 1] != 0)
                ):
                    continue
                gx = np.float32(0.5) * (mean[y, x + 1] - mean[y, x - 1])
                gy = np.float32(0.5) * (mean[y + 1, x] - mean[y - 1, x])
                if gx * gx + gy * gy < np.float32(9.0):
                    continue
                street = _between(mean, x + dx, y + dy) * gain
                off = small[y, x] - street
                still += min(30.0, abs(small[y, x] - mean[y, x] * gain))
                moved += min(30.0, abs(off))
                if abs(off) > 40.0:
                    continue
                xx += gx * gx
                xy += gx * gy
                yy += gy * gy
                xt += gx * off
                yt += gy * off
        if step == 2:
            break
        xx, yy = xx + 2000.0, yy + 2000.0  # where nothing has an edge, nothing moves
        det = xx * yy - xy * xy
        dx += (yy * xt - xy * yt) / det
        dy += (xx * yt - xy * xt) / det
        dx, dy = min(6.0, max(-6.0, dx)), min(6.0, max(-6.0, dy))
    if moved > 0.9 * still or dx * dx + dy * dy < 0.0025:
        dx = dy = 0.0
    shift[0], shift[1] = dx, dy


@numba.njit(cache=True, fastmath=True, nogil=True)
def _between(mean: npt.NDArray[np.float32], x: float, y: float) -> float:
    """The background between its pixels, bilinear."""
    column, row = int(x), int(y)
    fx, fy = np.float32(x - column), np.float32(y - row)
    one = np.float32(1.0)
    above = mean[row, column] * (one - fx) + mean[row, column + 1] * fx
    below = mean[row + 1, column] * (one - fx) + mean[row + 1, column + 1] * fx
    return float(above * (one - fy) + below * fy)


@numba.njit(cache=True, fastmath=True, nogil=True)
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


@numba.njit(cache=True, nogil=True)
def _turn(
    mean: npt.NDArray[np.float32],
    var: npt.NDArray[np.float32],
    shift: npt.NDArray[np.float64],
) -> None:
    """Turns the background with the camera by whole pixels, so that nothing blurs."""
    dx, dy = round(shift[0]), round(shift[1])
    shift[0] -= dx
    shift[1] -= dy
    height, width = mean.shape
    for field in (mean, var):
        old = field.copy()
        for y in range(height):
            row = old[min(height - 1, max(0, y + dy))]
            for x in range(width):
                field[y, x] = row[min(width - 1, max(0, x + dx))]


@numba.njit(cache=True, fastmath=True, nogil=True)
def _gain(small: npt.NDArray[np.float32], mean: npt.NDArray[np.float32]) -> float:
    """How much lighter the street became: the median of the ratios at every sixteenth pixel."""
    bins = np.zeros(801, np.int32)  # 0.25 to 4 times, logarithmic
    count = 0
    for y in range(2, small.shape[0], 4):
        for x in range(2, small.shape[1], 4):
            if small[y, x] > 12 and mean[y, x] > 12 and small[y, x] < 245:
                i = int(400.5 + 288.54 * math.log(small[y, x] / mean[y, x]))
                bins[min(800, max(0, i))] += 1
                count += 1
    if count < 50:
        return 1.0
    below, i = 0, 0
    while below + bins[i] < (count + 1) // 2:
        below += bins[i]
        i += 1
    inside = (0.5 * count - below) / bins[i]
    gain = math.exp((i - 400.0 - 0.5 + inside) / 288.54)
    return gain if abs(gain - 1.0) > 0.004 else 1.0


@numba.njit(cache=True, fastmath=True, nogil=True)
def _see(
    luma: npt.NDArray[np.uint8],
    scale: int,
    small: npt.NDArray[np.float32],
    mean: npt.NDArray[np.float32],
    var: npt.NDArray[np.float32],
    street: npt.NDArray[np.float32],
    still: npt.NDArray[np.float32],
    still_s: npt.NDArray[np.float32],
    foreground: npt.NDArray[np.uint8],
    shift: npt.NDArray[np.float64],
    elapsed_s: float,
    age_s: float,
    fresh: bool,
) -> float:
    """The one pass: shrink, follow the light, tell street from road users, learn. Says the gain."""
    _shrink(luma, scale, small)
    height, width = small.shape
    if fresh:
        for y in range(height):
            for x in range(width):
                mean[y, x] = still[y, x] = small[y, x]
                var[y, x] = 25.0
                still_s[y, x] = 0.0
                foreground[y, x] = 0
        return 1.0

    lighter = _gain(small, mean)
    _shift(small, mean, foreground, lighter, shift)
    if max(abs(shift[0]), abs(shift[1])) > 0.75:
        _turn(mean, var, shift)
    _expect(mean, lighter, shift, street)
    gain = np.float32(lighter)
    # Learns within a second when young, in 20 s when settled; by time, not by frame.
    alpha = np.float32(1.0 - math.exp(-elapsed_s / min(20.0, max(1.0, age_s))))
    dt = np.float32(elapsed_s)
    step2 = np.float32(_STEP_MIN * _STEP_MIN)
    sigmas2 = np.float32(_SIGMAS * _SIGMAS)
    busy = np.zeros(height, np.bool_)
    for y in range(height):
        far = 0
        for x in range(width):
            now = small[y, x]
            difference = now - street[y, x]
            d2 = difference * difference
            spread = var[y, x]
            away = d2 > max(step2, sigmas2 * spread)
            a = np.float32(0.0) if away else alpha
            mean[y, x] = mean[y, x] * gain + a * difference
            var[y, x] = min(np.float32(900.0), max(np.float32(4.0), spread + a * (d2 - spread)))
            foreground[y, x] = np.uint8(2) if away else np.uint8(0)
            far += away
        busy[y] = far > 0

    # What follows looks at the few pixels that differ. Those that show the street of a pixel beside
    # are marked: the camera shook, or a leaf did, where most of the pixels around are like that.
    for y in range(height):
        if not busy[y]:
            continue
        for x in range(width):
            if foreground[y, x] == 2:
                off = _off_neighbours(small, street, y, x)
                if off * off <= max(step2, sigmas2 * var[y, x]):
                    foreground[y, x] = 3
    for y in range(height):
        if not busy[y]:
            continue
        for x in range(width):
            if foreground[y, x] == 3:
                beside = 0
                for j in range(max(0, y - 2), min(height, y + 3)):
                    for i in range(max(0, x - 2), min(width, x + 3)):
                        beside += (foreground[j, i] >= 3) - (foreground[j, i] == 2)
                if beside > 0:
                    foreground[y, x] = 4
    for y in range(height):
        if not busy[y]:
            for x in range(width):
                still_s[y, x] = np.float32(0.0)
                still[y, x] = small[y, x]
            continue
        for x in range(width):
            candidate = still[y, x] * gain
            if foreground[y, x] == 4:
                foreground[y, x] = 0
                difference = small[y, x] - street[y, x]
                mean[y, x] += alpha * difference
                var[y, x] += alpha * (difference * difference - var[y, x])
                var[y, x] = min(np.float32(900.0), var[y, x])
            if foreground[y, x] == 0:
                still_s[y, x] = np.float32(0.0)
                still[y, x] = small[y, x]
                continue
            foreground[y, x] = 1 if _is_shadow(small, street, y, x) else 2
            off = small[y, x] - candidate
            if abs(off) < np.float32(7.0):
                still[y, x] = candidate + np.float32(0.2) * off
                still_s[y, x] += dt
            else:
                still[y, x] = small[y, x]
                still_s[y, x] = np.float32(0.0)
    return lighter


@numba.njit(cache=True, fastmath=True, nogil=True)
def _off_neighbours(
    small: npt.NDArray[np.float32], mean: npt.NDArray[np.float32], y: int, x: int
) -> float:
    """How far a pixel lies outside of what the street is within a pixel around it."""
    low = high = mean[y, x]
    for j in range(max(0, y - 1), min(small.shape[0], y + 2)):
        for i in range(max(0, x - 1), min(small.shape[1], x + 2)):
            low, high = min(low, mean[j, i]), max(high, mean[j, i])
    now = small[y, x]
    return float(max(np.float32(0.0), low - now, now - high))


@numba.njit(cache=True, fastmath=True, nogil=True)
def _is_shadow(
    small: npt.NDArray[np.float32], mean: npt.NDArray[np.float32], y: int, x: int
) -> bool:
    """Whether the street's own pattern shows through, darker by one factor all around."""
    if not (0 < y < small.shape[0] - 1 and 0 < x < small.shape[1] - 1):
        return False
    ratio = small[y, x] / max(np.float32(1.0), mean[y, x])
    if not (np.float32(0.4) < ratio < np.float32(0.95)):
        return False
    for j in range(-1, 2):
        for i in range(-1, 2):
            street = max(np.float32(8.0), mean[y + j, x + i])
            off = abs(small[y + j, x + i] - ratio * street)
            if off > np.float32(6.0) + np.float32(0.04) * street:
                return False
    return True


@numba.njit(cache=True, nogil=True)
def _root(parents: npt.NDArray[np.int32], i: int) -> int:
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i


@numba.njit(cache=True, nogil=True)
def _connect(
    foreground: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int32],
    parents: npt.NDArray[np.int32],
) -> npt.NDArray[np.int32]:
    """Labels the pieces of road users; pixels up to 2 apart belong together. Lone pixels are none.

    Returns rows of label, area, left, top, right, bottom.
    """
    height, width = foreground.shape
    count = 0
    busy = np.zeros(height, np.bool_)
    for y in range(height):
        some = 0
        for x in range(width):
            labels[y, x] = 0
            some += foreground[y, x] == 2
        busy[y] = some > 0
        if some == 0:
            continue
        for x in range(width):
            if foreground[y, x] != 2:
                continue
            # A pixel with fewer than two neighbours is noise.
            friends = 0
            for j in range(max(0, y - 1), min(height, y + 2)):
                for i in range(max(0, x - 1), min(width, x + 2)):
                    friends += foreground[j, i] == 2
            if friends < 4:
                continue
            mine = 0
            for j in range(max(0, y - 2), y + 1):
                reach = 2 if j < y else -1
                for i in range(max(0, x - 2), min(width, x + reach + 1)):
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
    stats = np.zeros((count, 6), np.int32)
    for k in range(count):
        stats[k, 0] = k + 1
        stats[k, 2], stats[k, 3] = width, height
    for y in range(height):
        if not busy[y]:
            continue
        for x in range(width):
            if labels[y, x]:
                root = _root(parents, labels[y, x])
                labels[y, x] = root
                row = stats[root - 1]
                row[1] += 1
                row[2], row[3] = min(row[2], x), min(row[3], y)
                row[4], row[5] = max(row[4], x), max(row[5], y)
    return stats[stats[:, 1] > 0]


@numba.njit(cache=True, fastmath=True, nogil=True)
def _exorcise(
    small: npt.NDArray[np.float32],
    mean: npt.NDArray[np.float32],
    var: npt.NDArray[np.float32],
    street: npt.NDArray[np.float32],
    still: npt.NDArray[np.float32],
    still_s: npt.NDArray[np.float32],
    foreground: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int32],
    parents: npt.NDArray[np.int32],
    blobs: npt.NDArray[np.int32],
    age_s: float,
    absorb_s: float,
    left: npt.NDArray[np.bool_],
) -> int:
    """Learns at once what stands still and is drawn in the background only; the rest in time.

    Marks in `left` where somebody has left and says how many pixels these are.
    """
    height, width = small.shape
    # A background that was learnt a moment ago is easily wrong, one that has stood for long seldom.
    # And a lorry's even side takes seconds to pass.
    still_min = np.float32(min(_GHOST_S, 0.5 + 0.2 * age_s))
    count = 0
    for y in range(height):
        for x in range(width):
            labels[y, x] = 0
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
    if count == 0:
        return 0
    # The even paint of somebody who passes stands still, too; then most of its blob does not.
    most = np.zeros(blobs.max() + 1, np.int32)
    for y in range(height):
        for x in range(width):
            if blobs[y, x]:
                most[blobs[y, x]] += 1 if labels[y, x] else -1
    # Of each piece: its area; where its outline meets street: how many pixels, how strong the edge
    # is in the picture and how strong in the background; and where it meets what moves: how many.
    pieces = np.zeros((count + 1, 6))
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            if labels[y, x] == 0:
                continue
            piece = pieces[_root(parents, labels[y, x])]
            piece[0] += 1
            inside = 0
            for k in range(4):
                j, i = y + (k == 0) - (k == 1), x + (k == 2) - (k == 3)
                if foreground[j, i] == 0:
                    piece[1] += 1
                    piece[2] += min(40.0, abs(small[y, x] - small[j, i]))
                    piece[3] += min(40.0, abs(street[y, x] - street[j, i]))
                elif labels[j, i] == 0:
                    piece[4] += 1
                else:
                    inside += 1
            piece[5] += inside == 4
    gone = 0
    for y in range(height):
        for x in range(width):
            if labels[y, x] == 0:
                continue
            area, meets, now, before, moves, inside = pieces[_root(parents, labels[y, x])]
            ghost = (
                area >= _GHOST_MIN
                and (blobs[y, x] == 0 or most[blobs[y, x]] > 0)
                and meets > moves
                and before > 2.0 * now
                and before > _GHOST_EDGE * meets
            )
            # Thinner than three pixels is nobody: noise that stayed, or a marking that came to lie
            # elsewhere because the camera was moved.
            speck = inside <= 0.05 * area and meets > 3 * moves and still_s[y, x] > _SPECK_S
            if ghost or speck or still_s[y, x] > absorb_s:
                mean[y, x] += still[y, x] - street[y, x]
                street[y, x] = still[y, x]
                var[y, x] = np.float32(25.0)
                still_s[y, x] = 0.0
                left[y, x] = ghost
                gone += ghost
    return gone
