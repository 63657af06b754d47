"""Assignment: which goes with which, so that the whole costs least."""

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(cache=True, nogil=True)
def assign(cost: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The column of each row of `cost` (M, N) so that their sum is least; -1 for a row without.

    Every row of the smaller side is assigned. Shortest augmenting paths, O(n³) (Jonker and
    Volgenant 1987, Computing 38, 325).
    """
    m, n = cost.shape
    if m > n:
        back = assign(np.ascontiguousarray(cost.T))
        rows = np.full(m, -1, np.int64)
        for j in range(n):
            if back[j] >= 0:
                rows[back[j]] = j
        return rows
    u, v = np.zeros(m + 1), np.zeros(n + 1)
    row_of = np.zeros(n + 1, np.int64)
    way = np.zeros(n + 1, np.int64)
    for i in range(1, m + 1):
        row_of[0] = i
        j0 = 0
        least = np.full(n + 1, np.inf)
        used = np.zeros(n + 1, np.bool_)
        while True:
            used[j0] = True
            i0, delta, j1 = row_of[j0], np.inf, 0
            for j in range(1, n + 1):
                if not used[j]:
                    reduced = cost[i0 - 1, j - 1] - u[i0] - v[j]
                    if reduced < least[j]:
                        least[j] = reduced
                        way[j] = j0
                    if least[j] < delta:
                        delta, j1 = least[j], j
            for j in range(n + 1):
                if used[j]:
                    u[row_of[j]] += delta
                    v[j] -= delta
                else:
                    least[j] -= delta
            j0 = j1
            if row_of[j0] == 0:
                break
        while j0 != 0:
            j1 = way[j0]
            row_of[j0] = row_of[j1]
            j0 = j1
    columns = np.full(m, -1, np.int64)
    for j in range(1, n + 1):
        if row_of[j] > 0:
            columns[row_of[j] - 1] = j - 1
    return columns
