"""Roster: a row of numbers for each road user, which it keeps where its track breaks.

How this works. Measures that follow everybody for as long as they are in view keep what they know
in rows. Whoever comes gets a row, and whoever is gone keeps it for a moment: a new track that
begins where the old one must be by now is the same road user, by place, time and size within this
view and by nothing else. Then the row goes to somebody else. Nothing here outlives that.
"""

import math

import numba
import numpy as np
import numpy.typing as npt

from placewatch.core.ids import TrackId
from placewatch.measure.scene import KIND, SEEN, SIZE, Movers, X, Y
from placewatch.measure.stage import longer
from placewatch.measure.walk import STANDS_SIZES_S, TAKEN_UP_S, TAKEN_UP_SIZES

STANDING_TAKEN_UP_S = 10.0  # who stood when its track broke: a lorry drove by, a net looked away
VELOCITY_S = 0.6  # over which a velocity is taken: trembling fades, braking does not lag far
SIZE_RATIO_MAX = 2.0

# What is known of everybody: where it was seen last, its size, its velocity (NaN: seen once), when
# that was, and what it is.
_X, _Y, _SIZE, _RIGHT, _DOWN, _SEEN_S, _KIND = range(7)
_COLUMNS = 7

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


class Roster:
    """Who is in view, by rows. `users` (N,) are the rows of the movers of the last scene."""

    def __init__(self) -> None:
        self.users: Whole = np.zeros(0, np.int64)
        self._known: Floats = np.zeros((0, _COLUMNS))
        self._free: list[int] = []
        self._present: dict[TrackId, int] = {}
        self._ended: list[int] = []
        self._ids: list[TrackId] | None = None

    def __len__(self) -> int:
        """How many rows there are, given to somebody or not; they become more."""
        return len(self._known)

    def follow(self, movers: Movers, media_s: float) -> tuple[list[int], list[int]]:
        """Takes note of a scene. The rows of those who are new, of whom nothing is known, and of
        those who are forgotten now; a row may be in both, and is then somebody else's."""
        gone: list[int] = []
        new: list[int] = []
        if self._ended:
            gone = [user for user in self._ended if self._is_over(user, media_s)]
            if gone:
                self._ended = [user for user in self._ended if user not in gone]
                self._forget(gone)
        if movers.ids is not self._ids:
            new = self._meet(movers, media_s)
        _see(self.users, movers.rows, self._known, media_s)
        return new, gone

    def clear(self) -> list[int]:
        """Nothing is known of the time that comes: everybody is forgotten. Their rows."""
        gone = [*self._present.values(), *self._ended]
        self._forget(gone)
        self._present, self._ended, self._ids = {}, [], None
        self.users = np.zeros(0, np.int64)
        return gone

    def _forget(self, users: list[int]) -> None:
        """Nothing is left of them but what they were, until their rows are somebody else's."""
        self._known[users, :_KIND] = math.nan
        self._free += users

    @property
    def lost(self) -> Whole:
        """The rows of those who are not in view just now and may be taken up again."""
        return np.array(self._ended, np.int64)

    def kind(self, user: int) -> int:
        """What the road user in that row is by now, as a number in KINDS."""
        return int(self._known[user, _KIND])

    def _meet(self, movers: Movers, media_s: float) -> list[int]:
        here = set(movers.ids)
        for track in [track for track in self._present if track not in here]:
            self._ended.append(self._present.pop(track))
        new = []
        for row, track in enumerate(movers.ids):
            if track in self._present:
                continue
            user = self._taken_up(movers.rows[row], media_s)
            if user is None:
                user = self._new()
                new.append(user)
            self._present[track] = user
        self._ids = movers.ids
        self.users = np.array([self._present[track] for track in movers.ids], np.int64)
        return new

    def _new(self) -> int:
        if not self._free:
            had = len(self._known)
            self._known = longer(self._known)
            self._free = list(range(had, len(self._known)))
        user = self._free.pop()
        self._known[user] = math.nan
        self._known[user, _KIND] = 0.0
        return user

    def _is_over(self, user: int, media_s: float) -> bool:
        """Whether who ended is not expected back any more."""
        known = self._known[user]
        stood = math.hypot(known[_RIGHT], known[_DOWN]) < STANDS_SIZES_S * known[_SIZE]
        patience_s = STANDING_TAKEN_UP_S if stood else TAKEN_UP_S
        return not media_s - known[_SEEN_S] <= patience_s  # nor one that was never seen (NaN)

    def _taken_up(self, mover: Floats, media_s: float) -> int | None:
        """The row of who ended and must be where `mover` is by now."""
        if not self._ended:
            return None
        offs = [(self._sizes_off(user, mover, media_s), at) for at, user in enumerate(self._ended)]
        off, at = min(offs)
        return self._ended.pop(at) if off <= TAKEN_UP_SIZES else None

    def _sizes_off(self, user: int, mover: Floats, media_s: float) -> float:
        x, y, had_size, right, down, seen_s, _ = self._known[user].tolist()
        size = float(mover[SIZE])
        if not min(size, had_size) > 0.0 or max(size, had_size) > SIZE_RATIO_MAX * min(
            size, had_size
        ):
            return math.inf
        if math.isnan(right):
            right = down = 0.0
        elapsed_s = min(media_s - seen_s, TAKEN_UP_S)
        off_px = math.hypot(mover[X] - x - right * elapsed_s, mover[Y] - y - down * elapsed_s)
        return float(off_px / min(size, had_size))


@numba.njit(cache=True, nogil=True)
def _see(users: Whole, movers: Floats, known: Floats, media_s: float) -> None:
    for row in range(len(users)):
        one, mover = known[users[row]], movers[row]
        one[_KIND] = mover[KIND]
        if mover[SEEN] != 1.0:
            continue
        elapsed_s = media_s - one[_SEEN_S]
        if elapsed_s > 0.0:  # not where it is NaN
            right, down = (mover[X] - one[_X]) / elapsed_s, (mover[Y] - one[_Y]) / elapsed_s
            fade = 0.0 if math.isnan(one[_RIGHT]) else math.exp(-elapsed_s / VELOCITY_S)
            before = 0.0 if math.isnan(one[_RIGHT]) else one[_RIGHT]
            before_down = 0.0 if math.isnan(one[_DOWN]) else one[_DOWN]
            one[_RIGHT] = fade * before + (1.0 - fade) * right
            one[_DOWN] = fade * before_down + (1.0 - fade) * down
        one[_X], one[_Y], one[_SIZE], one[_SEEN_S] = mover[X], mover[Y], mover[SIZE], media_s
