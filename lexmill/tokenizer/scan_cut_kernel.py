"""Where the pieces of texts begin (compiled by numba)."""

from __future__ import annotations

from numba import njit

from lexmill.tokenizer.scan_kernel import cut


@njit(cache=True, nogil=True)
def cut_rows(data, offsets, tables, form, digits, contractions, state, starts, bounds):  # type: ignore[no-untyped-def]
    """Fill `starts` and `bounds` of `scan.scan`; False where `starts` is full, and a call with a longer one goes on.

    data: uint8; offsets: int64[n + 1]; state: int64[3], the next row, the byte in it (-1: its beginning), the pieces so
    far; one entry of `starts` is kept free for the end.
    """
    rows = len(offsets) - 1
    while state[0] < rows:
        row, at, pieces = state[0], state[1], state[2]
        end = offsets[row + 1]
        if at < 0:
            at = offsets[row]
            bounds[row] = pieces
        while at < end:
            if pieces + 1 >= len(starts):
                state[1], state[2] = at, pieces
                return False
            starts[pieces] = at
            found = cut(data, at, end, tables, form, digits, contractions, starts[pieces + 1 :])
            pieces += found
            at = starts[pieces]
        state[0], state[1], state[2] = row + 1, -1, pieces
    bounds[rows] = state[2]
    return True
