"""Backdrop painter: the street in colour without anybody, the only picture that leaves a node.

How this works. Fifteen times in a quarantine the picture is looked at in colour. Where motion or
any road user's box covers it, nothing is learnt. Elsewhere each pixel keeps a mean, a variance and
since when it has looked the same. A pixel becomes known when it looked the same through the
quarantine, and when nothing restless is near: somebody who stands since before we looked sways, and
the wavering outline betrays the whole figure, so its hull is left out too. A pixel that looks
different from now on is taken back, and what it shows then must stay much longer: whoever comes and
stands still is new, the street is old. Whatever turns out to have been somebody (a ghost in the
background model) is taken back at once. In doubt: unknown, grey.

Once no more of the street becomes known, the painter rests for a while, again and again. It keeps
time by a clock of its own that stands still meanwhile, so that nothing passes a quarantine by not
being looked at.
"""

import math
from collections.abc import Sequence

import cv2
import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.sightings import Track
from placewatch.core.time import UtcMicros
from placewatch.perceive.motion import Motion
from placewatch.pixels.backdrop import Backdrop
from placewatch.pixels.frame import Frame

GREY = 128
"""What is not known is shown in this."""

_SAMPLES = 12  # at most so many must agree
_STEP = 14.0  # grey levels: a sample further off than this, or 4 sigmas, is something else
_RESTLESS = 3.5  # times the typical standard deviation of the picture, and at least:
_RESTLESS_STEP = 3.0  # grey levels
_ODD_IN_ROW = 3  # samples that look different one after the other: it does
_ODD_RESTLESS = 2.5  # different samples within a quarantine: it wavers
_NEW_LOOK = 10.0  # quarantines for what comes to stand where the street was seen before
_MARGIN = 0.012  # of the picture's width: around whatever covers or wavers
_SIGHT = 0.15  # box sizes: around every road user
_COARSE_PX = 320  # who covers what, and what wavers, is kept no wider than this
_PHASES = 4  # what is known is looked at every fourth time: rows take turns
_GROWS = 0.01  # of the picture
_GROWS_IN = 2.0  # quarantines: if no more becomes known than that,
_RESTS_FOR = 4.0  # quarantines


class BackdropPainter:
    """Paints the empty street of one camera. It remembers colours of the street, no frame."""

    def __init__(self, width_px: int = 960, quarantine_s: float = 60.0) -> None:
        """The backdrop is at most `width_px` wide. Whoever stands still for less than
        `quarantine_s` cannot be in it; a short clip or a demonstration needs a shorter one."""
        self._width_max = width_px
        self._quarantine_s = quarantine_s
        self._every_s = quarantine_s / 15
        self._samples_min = _SAMPLES
        self._size: tuple[int, int] | None = None
        self._phase = 0
        self._media_s = 0.0
        self._own_s = 0.0  # the clock that stands still while the painter rests,
        self._rest_s = 0.0  # which it does for so long
        self._next_s = self._settle_s = 0.0
        self._gain = 1.0

    def learn(self, frame: Frame, motion: Motion, tracks: Sequence[Track]) -> None:
        """Looks at `frame` when it is time to; in between it only keeps account of the light."""
        size = (frame.width_px, frame.height_px)
        if size != self._size:
            self._begin(frame)
        self._gain *= motion.gain
        if motion.ghosts is not None:
            self._withdraw(motion.ghosts)
        elapsed_s, self._media_s = frame.media_s - self._media_s, frame.media_s
        if self._rest_s > 0.0:
            self._rest_s -= elapsed_s
            return
        self._own_s += elapsed_s
        now_s = self._own_s
        if now_s < self._next_s:
            return
        self._next_s = now_s + self._every_s
        rgb = np.ascontiguousarray(frame.to_rgb(self._known.shape[1])[: self._known.shape[0]])
        covered = self._covered(frame, motion, tracks)
        fade = math.exp(-self._every_s / self._quarantine_s)
        _sample(
            rgb, covered, self._coarse, self._mean, self._var, self._count, self._since_s,
            self._changed_s, self._row, self._odd, self._known, self._phase, now_s, self._gain,
            fade,
        )  # fmt: skip
        self._phase = (self._phase + 1) % _PHASES
        self._gain = 1.0
        if now_s >= self._settle_s:
            self._settle_s = now_s + self._quarantine_s / 6
            self._settle(now_s, covered)

    def backdrop(self, at: UtcMicros) -> Backdrop | None:
        """The street as far as it is known; None while nothing is."""
        if self._size is None or not self._known.any():
            return None
        rgb = np.where(self._known[:, :, None], self._picture, np.uint8(GREY))
        return Backdrop(at, rgb, self._known.copy())

    def _begin(self, frame: Frame) -> None:
        self._size = (frame.width_px, frame.height_px)
        width = min(self._width_max, frame.width_px)
        height, width = frame.to_rgb(width).shape[:2]
        self._mean = np.zeros((height, width, 3), np.float32)
        self._var = np.zeros((height, width), np.float32)
        self._count = np.zeros((height, width), np.int32)
        self._since_s = np.zeros((height, width), np.float32)
        self._changed_s = np.full((height, width), -np.inf, np.float32)  # when it changed its look
        self._row = np.zeros((height, width), np.uint8)  # odd samples one after the other
        self._odd = np.zeros((height, width), np.float32)  # odd samples within a quarantine
        self._picture = np.full((height, width, 3), GREY, np.uint8)
        self._known = np.zeros((height, width), np.bool_)
        self._media_s = frame.media_s
        self._own_s = self._next_s = self._rest_s = 0.0
        self._settle_s = self._quarantine_s
        self._share = 0.0  # of the picture, that is known,
        self._grown_s = 0.0  # and when it had become as much
        self._gain = 1.0
        self._phase = 0
        self._coarse = -(-width // _COARSE_PX)  # a coarse pixel is so many wide and high

    def _covered(
        self, frame: Frame, motion: Motion, tracks: Sequence[Track]
    ) -> npt.NDArray[np.uint8]:
        """1 where somebody may be, with a margin; 2 where something moves that is nobody known."""
        height, width = self._coarse_size
        covered = np.asarray(
            cv2.dilate(self._coarsely(motion.foreground != 0), self._disc(_MARGIN)), np.uint8
        )
        scale = width / frame.width_px
        # What flickers and belongs to nobody known may be the outline of somebody who sways.
        flicker = self._coarsely(motion.foreground != 0)
        for track in tracks:
            box = track.box
            aside = _SIGHT * max(box.width_px, box.height_px)
            left, right = (box.left_px - aside) * scale, (box.right_px + aside) * scale
            top, bottom = (box.top_px - aside) * scale, (box.bottom_px + aside) * scale
            place = (
                slice(max(0, int(top)), max(0, min(height, int(bottom) + 1))),
                slice(max(0, int(left)), max(0, min(width, int(right) + 1))),
            )
            covered[place] = 1
            if track.certain:
                flicker[place] = 0
        covered[flicker > 0] = 2
        return covered

    @property
    def _coarse_size(self) -> tuple[int, int]:
        height, width = self._known.shape
        return -(-height // self._coarse), -(-width // self._coarse)

    def _coarsely(self, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
        """`mask` at coarse size: 1 where any pixel of it is set."""
        height, width = self._coarse_size
        if mask.shape[1] <= width:
            how = cv2.INTER_NEAREST
            return np.asarray(
                cv2.resize(mask.astype(np.uint8), (width, height), interpolation=how), np.uint8
            )
        share = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        return (share > 0).astype(np.uint8)

    def _finely(self, coarse: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        """A coarse mask at the backdrop's size."""
        height, width = self._known.shape
        large = coarse.repeat(self._coarse, axis=0).repeat(self._coarse, axis=1)
        return large[:height, :width] > 0

    def _disc(self, share: float) -> npt.NDArray[np.uint8]:
        """A disc in coarse pixels, `share` of the picture's width in radius."""
        radius = max(1, math.ceil(share * self._coarse_size[1]))
        size = (2 * radius + 1, 2 * radius + 1)
        return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, size), np.uint8)

    def _withdraw(self, ghosts: npt.NDArray[np.bool_]) -> None:
        gone = self._finely(self._hulls(self._coarsely(ghosts)))
        self._known[gone] = False
        self._picture[gone] = GREY
        self._count[gone] = 0
        self._changed_s[gone] = -np.inf
        self._rest_s, self._grown_s = 0.0, self._own_s

    def _settle(self, now_s: float, covered: npt.NDArray[np.uint8]) -> None:
        """Makes known what has been the same through the quarantine and has nothing restless by."""
        unfit = self._restless(self._count > 3) | covered
        _paint(
            unfit, self._coarse, self._mean, self._count, self._since_s, self._changed_s,
            self._picture, self._known, now_s, self._quarantine_s, self._samples_min,
        )  # fmt: skip
        share = float(self._known.mean())
        if abs(share - self._share) > _GROWS:
            self._share, self._grown_s = share, now_s
        elif now_s - self._grown_s >= _GROWS_IN * self._quarantine_s:
            self._rest_s, self._grown_s = _RESTS_FOR * self._quarantine_s, now_s

    def _restless(self, seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
        """Whatever wavers, with all that its outline encloses, coarsely."""
        few = (slice(None, None, 4), slice(None, None, 4))
        typical = float(np.sqrt(np.median(self._var[few][seen[few]]))) if seen[few].any() else 0.0
        limit = max(_RESTLESS_STEP, _RESTLESS * typical)
        wavers = (seen & (self._var > limit * limit)) | (self._odd > _ODD_RESTLESS)
        beside = cv2.boxFilter(wavers.view(np.uint8), -1, (3, 3), normalize=False)
        return self._hulls(self._coarsely(wavers & (beside > 1)))

    def _hulls(self, mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """A coarse mask with all that its pieces enclose, and a margin."""
        closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, self._disc(0.02))
        outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        filled = np.zeros(mask.shape, np.uint8)
        for outline in outlines:
            # A figure is filled to its hull; foliage that spans the picture only to its outline.
            _, _, _, height = cv2.boundingRect(outline)
            whole = cv2.convexHull(outline) if height < 0.5 * mask.shape[0] else outline
            cv2.fillPoly(filled, [whole], 1)
        return np.asarray(cv2.dilate(filled, self._disc(_MARGIN)), np.uint8)


@numba.njit(cache=True, nogil=True)  # times may be infinite
def _paint(
    unfit: npt.NDArray[np.uint8],
    coarse: int,
    mean: npt.NDArray[np.float32],
    count: npt.NDArray[np.int32],
    since_s: npt.NDArray[np.float32],
    changed_s: npt.NDArray[np.float32],
    picture: npt.NDArray[np.uint8],
    known: npt.NDArray[np.bool_],
    now_s: float,
    quarantine_s: float,
    samples_min: int,
) -> None:
    """Shows every pixel that has been the same for long enough, where nothing speaks against it."""
    for y in range(known.shape[0]):
        for x in range(known.shape[1]):
            if (
                unfit[y // coarse, x // coarse] == 0
                and count[y, x] >= samples_min
                and now_s - since_s[y, x] >= 0.95 * quarantine_s
                and now_s - changed_s[y, x] >= _NEW_LOOK * quarantine_s
            ):
                known[y, x] = True
                for k in range(3):
                    picture[y, x, k] = np.uint8(min(255.0, mean[y, x, k] + 0.5))


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _sample(
    rgb: npt.NDArray[np.uint8],
    covered: npt.NDArray[np.uint8],
    coarse: int,
    mean: npt.NDArray[np.float32],
    var: npt.NDArray[np.float32],
    count: npt.NDArray[np.int32],
    since_s: npt.NDArray[np.float32],
    changed_s: npt.NDArray[np.float32],
    row: npt.NDArray[np.uint8],
    odd: npt.NDArray[np.float32],
    known: npt.NDArray[np.bool_],
    phase: int,
    now_s: float,
    gain: float,
    fade: float,
) -> None:
    """Takes one look into the statistics of every pixel that nothing covers. The means follow the
    light, which became `gain` times as bright; odd samples are forgotten by `fade`. Of what is
    known only one row in `_PHASES` is looked at. `now_s` is of the painter's own clock.

    Row by row: how far each pixel is from its mean; how much of it is learnt; learn it; and what is
    left, which is little. All but the last is in numbers without `if`, so that many pixels are done
    at once, and nothing raises where something is divided by zero, which forbids that.
    """
    height, width = known.shape
    covers = np.zeros(width, np.uint8)
    far = np.empty(width, np.float32)  # squared, in the worst of the three colours
    share = np.empty(width, np.float32)  # 0 where it is not this row's turn, -1 where it is odd
    none, one, least = np.float32(0.0), np.float32(1.0), np.float32(0.05)
    step2, sigmas2 = np.float32(_STEP * _STEP), np.float32(16.0)
    light, white, memory = np.float32(gain), np.float32(255.0), np.float32(fade)
    for y in range(height):
        if y % coarse == 0:
            for i in range(covered.shape[1]):
                covers[i * coarse : (i + 1) * coarse] = covered[y // coarse, i]
        now, usual = rgb[y].reshape(-1), mean[y].reshape(-1)
        spread, seen, odds, sure, strange = var[y], count[y], row[y], known[y], odd[y]
        waits = np.float32((y + phase) % _PHASES != 0)
        for x in range(3 * width):
            usual[x] = min(white, light * usual[x])
        for x in range(width):
            strange[x] *= memory
            red = np.float32(now[3 * x]) - usual[3 * x]
            green = np.float32(now[3 * x + 1]) - usual[3 * x + 1]
            blue = np.float32(now[3 * x + 2]) - usual[3 * x + 2]
            far[x] = max(max(red * red, green * green), blue * blue)
        for x in range(width):
            n = np.float32(seen[x])
            turn = one - waits * np.float32(sure[x]) * np.float32(odds[x] == 0)
            same = np.float32(n > none) * np.float32(far[x] <= max(step2, sigmas2 * spread[x]))
            learns = same * np.float32(covers[x] == 0)
            share[x] = turn * (learns * max(one / (n + one), least) - (one - learns))
        some = 0
        for x in range(width):
            some += share[x] < none
        for x in range(width):
            a = max(share[x], none)
            usual[3 * x] += a * (np.float32(now[3 * x]) - usual[3 * x])
            usual[3 * x + 1] += a * (np.float32(now[3 * x + 1]) - usual[3 * x + 1])
            usual[3 * x + 2] += a * (np.float32(now[3 * x + 2]) - usual[3 * x + 2])
            spread[x] += a * (far[x] - spread[x])
            learnt = a > none
            seen[x] += learnt
            odds[x] *= np.uint8(not learnt)
        if some == 0:
            continue
        for x in range(width):
            if share[x] >= none:
                continue
            if covers[x]:
                if covers[x] == 2:
                    strange[x] += one
                continue
            if seen[x] > 0:
                odds[x] += 1
                strange[x] += one
                if odds[x] < _ODD_IN_ROW:
                    continue  # perhaps somebody passes unnoticed
                changed_s[y, x] = now_s
                sure[x] = False
            odds[x], seen[x], since_s[y, x], spread[x] = 0, 1, now_s, none
            for k in range(3):
                usual[3 * x + k] = now[3 * x + k]
