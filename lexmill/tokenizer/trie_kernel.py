"""A trie of byte strings on flat arrays (compiled by numba), for finding all tokens that start at a place.

Double array (Aoe 1989): the child of `node` by `byte` is `base[node] + byte`, if `check` of that cell is `node`.
Node 0 is the root.  `value` is the id of the token that ends at a node, or -1.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def _grown(base, check, value, size):  # type: ignore[no-untyped-def]  # numba infers types
    room = 2 * len(base) + size
    new_base, new_check = np.zeros(room, np.int32), np.full(room, -1, np.int32)
    new_value = np.full(room, -1, np.int32)
    new_base[: len(base)], new_check[: len(base)], new_value[: len(base)] = base, check, value
    return new_base, new_check, new_value


@njit(cache=True, nogil=True)
def build_trie(data, offsets, order):  # type: ignore[no-untyped-def]
    """The trie of n distinct, non-empty tokens (uint8 data, int64 offsets[n + 1]); `order`: int64[n], their ids sorted
    bytewise.  Returns base, check, value: int32 cells; id i is the place of the token in `offsets`."""
    count = len(order)
    base, check = np.zeros(1024, np.int32), np.full(1024, -1, np.int32)
    value = np.full(1024, -1, np.int32)
    check[0] = 0
    used = 1
    # one range of the sorted tokens for each node whose children are still to be placed
    node_of, first_of, last_of = [0], [0], [count]
    depth_of = [0]
    symbols = np.empty(257, np.int64)
    starts = np.empty(257, np.int64)
    free = 1  # no cell below this is free
    while len(node_of):
        node, first, last, depth = node_of.pop(), first_of.pop(), last_of.pop(), depth_of.pop()
        if first < last and offsets[order[first] + 1] - offsets[order[first]] == depth:
            value[node] = order[first]
            first += 1
        if first >= last:
            continue
        found = 0
        for at in range(first, last):
            symbol = np.int64(data[offsets[order[at]] + depth])
            if found == 0 or symbols[found - 1] != symbol:
                symbols[found], starts[found] = symbol, at
                found += 1
        starts[found] = last
        while free < used and check[free] >= 0:
            free += 1
        at = max(free, symbols[0] + 1)
        tries = 0
        while True:
            shift = at - symbols[0]
            if shift + 256 >= len(base):
                base, check, value = _grown(base, check, value, 512)
            fits = True
            for index in range(found):
                if check[shift + symbols[index]] >= 0:
                    fits = False
                    break
            if fits:
                break
            tries += 1
            at = used if tries == 64 else at + 1  # behind everything there is room for sure
            at = max(at, symbols[0] + 1)
        base[node] = shift
        for index in range(found):
            child = shift + symbols[index]
            check[child] = node
            used = max(used, child + 1)
            node_of.append(child)
            first_of.append(starts[index])
            last_of.append(starts[index + 1])
            depth_of.append(depth + 1)
    while used + 256 > len(base):  # so that looking up any byte stays inside
        base, check, value = _grown(base, check, value, 512)
    return base[: used + 256].copy(), check[: used + 256].copy(), value[: used + 256].copy()


@njit(cache=True, inline="always")
def child(base, check, node, byte):  # type: ignore[no-untyped-def]
    """The node behind `node` by `byte`, or -1."""
    cell = base[node] + byte
    return cell if check[cell] == node else -1
