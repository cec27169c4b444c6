"""One batch of reading for Less-is-Better: which chunks help, and which new ones were seen twice (compiled by numba).

Chunk ids: 0..255 are the bytes by value, 256 + r is the chunk of rank r.  A chunk is a stretch of `text`, whose first
256 bytes are all bytes in order.  The trie is a hash table from (node, byte) to node; node 0 is the root.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.tokenizer.ngram_kernel import spread
from lexmill.tokenizer.random_kernel import mixed, unit

FAR = 64  # runs of one letter never meet again


@njit(cache=True, inline="always")
def _cell(keys, node, byte):  # type: ignore[no-untyped-def]  # numba infers types
    """Where in the table the child of a node stands, or would go."""
    key = (np.int64(node) << 8) | byte
    at = spread(key, len(keys) - 1)
    while keys[at] >= 0 and keys[at] != key:
        at = (at + 1) & (len(keys) - 1)
    return at


@njit(cache=True)
def _add(keys, nodes, used, text, place, length):  # type: ignore[no-untyped-def]
    """Add a stretch of text; returns its node and the number of nodes."""
    node = 0
    for at in range(place, place + length):
        cell = _cell(keys, node, text[at])
        if keys[cell] < 0:
            keys[cell], nodes[cell] = (np.int64(node) << 8) | text[at], used
            used += 1
        node = nodes[cell]
    return node, used


@njit(cache=True)
def _with_room(keys, nodes, chunk_of, noted, used, more):  # type: ignore[no-untyped-def]
    """The trie with room for `more` nodes beside the `used` ones, at most half full."""
    if 2 * (used + more) <= len(keys):
        return keys, nodes, chunk_of, noted
    size = len(keys)
    while 2 * (used + more) > size:
        size *= 2
    new_keys, new_nodes = np.full(size, -1, np.int64), np.empty(size, np.int32)
    new_chunk_of, new_noted = np.full(size, -1, np.int32), np.zeros(size, np.int8)
    new_chunk_of[:used], new_noted[:used] = chunk_of[:used], noted[:used]
    for at in range(len(keys)):
        if keys[at] >= 0:
            cell = _cell(new_keys, keys[at] >> 8, keys[at] & 255)
            new_keys[cell], new_nodes[cell] = keys[at], nodes[at]
    return new_keys, new_nodes, new_chunk_of, new_noted


@njit(cache=True)
def _match(keys, nodes, chunk_of, text, place, stop):  # type: ignore[no-untyped-def]
    """(length, chunk) of the longest chunk at `place`, and of the longest but one (length 0 if there is none)."""
    length, chunk, second, other = 0, -1, 0, -1
    node = 0
    for at in range(place, stop):
        cell = _cell(keys, node, text[at])
        if keys[cell] < 0:
            break
        node = nodes[cell]
        if chunk_of[node] >= 0:
            second, other = length, chunk
            length, chunk = at + 1 - place, chunk_of[node]
    return length, chunk, second, other


@njit(cache=True)
def _redundant(keys, nodes, chunk_of, text, place, stop, match, bytes_rank):  # type: ignore[no-untyped-def]
    """Whether the word is cut better, up to where both cuts meet again (or for FAR chunks), when the longest chunk is
    not taken: into fewer chunks, or as many of better ranks."""
    long, chunk, short, other = match
    one, two = place + long, place + short
    balance, ranks = 0, _rank(chunk, bytes_rank) - _rank(other, bytes_rank)
    for _ in range(FAR):
        if one == two:
            break
        if one < two:
            length, chunk, _, _ = _match(keys, nodes, chunk_of, text, one, stop)
            one, balance, ranks = one + length, balance + 1, ranks + _rank(chunk, bytes_rank)
        else:
            length, chunk, _, _ = _match(keys, nodes, chunk_of, text, two, stop)
            two, balance, ranks = two + length, balance - 1, ranks - _rank(chunk, bytes_rank)
    return balance > 0 or (balance == 0 and ranks > 0)


@njit(cache=True, inline="always")
def _rank(chunk, bytes_rank):  # type: ignore[no-untyped-def]
    return np.int64(chunk - 256 if chunk >= 256 else bytes_rank)


@njit(cache=True, nogil=True)
def read_batch(text, offsets, words, places, lengths, longest, memory_in, counter):  # type: ignore[no-untyped-def]
    """Cut words by the longest chunk; judge every chunk taken, and note neighbours.

    text: uint8; offsets: int64[distinct + 1], words in it; words: int32, in reading order; places int64, lengths int32:
    the chunks by rank; longest: of a new chunk, in bytes; memory_in: probability that a pair of neighbours is noted;
    counter: uint64, of the random numbers.  Returns int64 votes by rank (above 0: redundant), and places and lengths of
    the stretches that were noted twice.
    """
    chunks = len(places)
    keys, nodes = np.full(1 << 12, -1, np.int64), np.empty(1 << 12, np.int32)
    chunk_of, noted, used = np.full(1 << 12, -1, np.int32), np.zeros(1 << 12, np.int8), 1
    for chunk in range(256 + chunks):
        place, length = (chunk, 1) if chunk < 256 else (places[chunk - 256], np.int64(lengths[chunk - 256]))
        keys, nodes, chunk_of, noted = _with_room(keys, nodes, chunk_of, noted, used, length)
        node, used = _add(keys, nodes, used, text, place, length)
        chunk_of[node] = chunk
    votes = np.zeros(chunks, np.int64)
    new_places, new_lengths = np.empty(1024, np.int64), np.empty(1024, np.int32)
    found = 0
    for word in words:
        place, stop = offsets[word], offsets[word + 1]
        before = 0  # length of the chunk before this one
        while place < stop:
            match = _match(keys, nodes, chunk_of, text, place, stop)
            length, chunk, short, other = match
            counter += np.uint64(1)
            if before and before + length <= longest and unit(mixed(counter)) < memory_in:
                keys, nodes, chunk_of, noted = _with_room(keys, nodes, chunk_of, noted, used, longest)
                node, used = _add(keys, nodes, used, text, place - before, before + length)
                noted[node] = min(3, noted[node] + 1)
                if noted[node] == 2:
                    if found == len(new_places):
                        new_places, new_lengths = _twice(new_places), _twice(new_lengths)
                    new_places[found], new_lengths[found] = place - before, before + length
                    found += 1
            if short:
                redundant = _redundant(keys, nodes, chunk_of, text, place, stop, match, chunks)
                votes[chunk - 256] += 1 if redundant else -1
                if redundant and other >= 256:
                    votes[other - 256] -= 1
            before = length
            place += length
    return votes, new_places[:found].copy(), new_lengths[:found].copy()


@njit(cache=True)
def _twice(array):  # type: ignore[no-untyped-def]
    bigger = np.empty(2 * len(array), array.dtype)
    bigger[: len(array)] = array
    return bigger
