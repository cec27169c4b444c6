"""Kernels of `stochastic`."""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.tokenizer.random_kernel import below, mixed


@njit(cache=True, nogil=True)
def streams_of(keys, bounds):  # type: ignore[no-untyped-def]
    """uint64 stream of every word: of its document's key (uint64) and its place in the document."""
    out = np.empty(bounds[-1], np.uint64)
    for document in range(len(keys)):
        for word in range(bounds[document], bounds[document + 1]):
            out[word] = mixed(keys[document] + np.uint64(word - bounds[document]))
    return out


@njit(cache=True, nogil=True)
def split_ids(ids, offsets, left, right, steps, key):  # type: ignore[no-untyped-def]
    """Split `steps` random tokens of a linked list; a drawn token that cannot be split takes its step all the same.

    ids: int32[n]; offsets, left, right: see `Splits`; key: uint64.  Returns int32 ids.
    """
    count = len(ids)
    token = np.empty(count + steps, np.int32)
    following = np.empty(count + steps, np.int32)
    for place in range(count):
        token[place], following[place] = ids[place], place + 1
    draw = key
    for _ in range(steps):
        place = below(mixed(draw), count)
        own = token[place]
        ways = offsets[own + 1] - offsets[own]
        if ways > 0:
            way = offsets[own] + below(mixed(draw + np.uint64(1)), ways)
            token[place], token[count] = left[way], right[way]
            following[count] = following[place]
            following[place] = count
            count += 1
        draw += np.uint64(2)
    out = np.empty(count, np.int32)
    place = 0
    for index in range(count):
        out[index] = token[place]
        place = following[place]
    return out
