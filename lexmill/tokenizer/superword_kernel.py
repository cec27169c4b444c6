"""Sequences of word ids as flat arrays: spelled, cut anew, counted once each (compiled by numba).

A *span* is a stretch of ids that merges may not leave; spans lie one after another, `bounds` (int64[n + 1]) holds where
each begins.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.tokenizer.encode_kernel import NONE, SHORT, rank_of
from lexmill.tokenizer.encode_kernel import _merge_heap as merge_long
from lexmill.tokenizer.encode_kernel import _merge_short as merge_short

BYTES = 256


@njit(cache=True, inline="always")
def _mixed(key):  # type: ignore[no-untyped-def]  # numba infers types
    """A hash (int64 >= 0) of an int64 key: Fibonacci hashing."""
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((mixed ^ (mixed >> np.uint64(29))) >> np.uint64(16))


@njit(cache=True, inline="always")
def place_of(keys, key):  # type: ignore[no-untyped-def]  # numba infers types
    """Where an int64 key stands in an open-addressing table (a power of two long, -1: empty), or would stand."""
    mask = len(keys) - 1
    at = _mixed(key) & mask
    while keys[at] >= 0 and keys[at] != key:
        at = (at + 1) & mask
    return at


@njit(cache=True, nogil=True)
def spell(ids, data, offsets):  # type: ignore[no-untyped-def]  # numba infers types
    """The bytes (uint8) of words `ids` (int32) in a row, and int64 ends[n + 1] of each; words: data, offsets."""
    ends = np.zeros(len(ids) + 1, np.int64)
    for index in range(len(ids)):
        ends[index + 1] = ends[index] + offsets[ids[index] + 1] - offsets[ids[index]]
    text = np.empty(ends[-1], np.uint8)
    for index in range(len(ids)):
        source = offsets[ids[index]] - ends[index]
        for at in range(ends[index], ends[index + 1]):
            text[at] = data[source + at]
    return text, ends


@njit(cache=True, nogil=True)
def cut_words(ids, ends, starts):  # type: ignore[no-untyped-def]
    """Cut words (int32 ids, int64 ends[n + 1] in bytes) where other pieces start (int64, ascending, the first at 0).

    Returns pieces (int32): the id of a word that is whole, -1 - k for part k of one that is not; int64 bounds[m + 1] of
    the spans that begin at `starts`; and int64 begin and end of each part, in bytes.
    """
    room = len(ids) + 2 * len(starts)
    pieces = np.empty(room, np.int32)
    bounds = np.empty(len(starts) + 1, np.int64)
    begin = np.empty(2 * len(starts), np.int64)
    end = np.empty(2 * len(starts), np.int64)
    used = parts = span = 0
    for index in range(len(ids)):
        at, stop = ends[index], ends[index + 1]
        if span < len(starts) and starts[span] == at:
            bounds[span] = used
            span += 1
        if span == len(starts) or starts[span] >= stop:
            pieces[used] = ids[index]
            used += 1
            continue
        while at < stop:
            inside = span < len(starts) and starts[span] < stop
            begin[parts] = at
            end[parts] = starts[span] if inside else stop
            at = end[parts]
            pieces[used] = -1 - parts
            parts += 1
            used += 1
            if inside:
                bounds[span] = used
                span += 1
    bounds[span] = used
    return pieces[:used], bounds, begin[:parts], end[:parts]


@njit(cache=True)
def _hash(ids):  # type: ignore[no-untyped-def]
    state = np.uint64(len(ids))
    for item in ids:
        state = (state ^ np.uint64(item)) * np.uint64(0x9E3779B97F4A7C15)
        state ^= state >> np.uint64(29)
    return np.int64(state >> np.uint64(1))


@njit(cache=True)
def _same(left, right):  # type: ignore[no-untyped-def]
    if len(left) != len(right):
        return False
    for index in range(len(left)):  # noqa: SIM110  # numba has no all()
        if left[index] != right[index]:
            return False
    return True


@njit(cache=True, nogil=True)
def count_spans(ids, bounds, weights):  # type: ignore[no-untyped-def]
    """Sum the weights (int64[n]) of equal spans: (int64 number of the first of each, int64 sums), in that order."""
    size = 1 << 10
    while size < 2 * len(weights):
        size *= 2
    table = np.full(size, -1, np.int64)
    hashes = np.empty(len(weights), np.int64)
    kept = np.empty(len(weights), np.int64)
    sums = np.empty(len(weights), np.int64)
    used = 0
    for span in range(len(weights)):
        own = ids[bounds[span] : bounds[span + 1]]
        value = _hash(own)
        at = value & (size - 1)
        while table[at] >= 0:
            other = kept[table[at]]
            if hashes[table[at]] == value and _same(own, ids[bounds[other] : bounds[other + 1]]):
                break
            at = (at + 1) & (size - 1)
        if table[at] >= 0:
            sums[table[at]] += weights[span]
            continue
        table[at] = used
        hashes[used], kept[used], sums[used] = value, span, weights[span]
        used += 1
    return kept[:used].copy(), sums[:used].copy()


@njit(cache=True, nogil=True)
def take_spans(ids, bounds, kept):  # type: ignore[no-untyped-def]
    """The spans numbered `kept` (int64): their ids in a row and int64 bounds."""
    out_bounds = np.zeros(len(kept) + 1, np.int64)
    for index in range(len(kept)):
        out_bounds[index + 1] = out_bounds[index] + bounds[kept[index] + 1] - bounds[kept[index]]
    out = np.empty(out_bounds[-1], np.int32)
    for index in range(len(kept)):
        source = bounds[kept[index]] - out_bounds[index]
        for at in range(out_bounds[index], out_bounds[index + 1]):
            out[at] = ids[source + at]
    return out, out_bounds


@njit(cache=True, nogil=True)
def expand(ids, bounds, tokens, offsets):  # type: ignore[no-untyped-def]
    """Replace every piece of the spans by its tokens (int32 tokens, int64 offsets[pieces + 1]): ids and bounds."""
    total = 0
    for piece in ids:
        total += offsets[piece + 1] - offsets[piece]
    out = np.empty(total, np.int32)
    out_bounds = np.zeros(len(bounds), np.int64)
    used = 0
    for span in range(len(bounds) - 1):
        for index in range(bounds[span], bounds[span + 1]):
            for at in range(offsets[ids[index]], offsets[ids[index] + 1]):
                out[used] = tokens[at]
                used += 1
        out_bounds[span + 1] = used
    return out, out_bounds


@njit(cache=True)
def _crosses(left, right, parts, keys, ranks):  # type: ignore[no-untyped-def]
    """Whether some merge joins what stands at the boundary of two tokens before both are whole.

    Goes back through the history of both: at any time the left side ends with one of the tokens that `left` is made of,
    the right side begins with one that `right` is made of, and each lasts until its own next merge.
    """
    until_left = until_right = np.int64(NONE)
    while True:
        rank = rank_of(keys, ranks, left, right)
        if rank != NONE and rank < until_left and rank <= until_right:
            return True
        made_left, made_right = np.int64(left) - BYTES, np.int64(right) - BYTES
        if made_left < 0 and made_right < 0:
            return False
        if made_left > made_right:
            until_left, left = made_left, parts[1, made_left]
        else:
            until_right, right = made_right, parts[0, made_right]


@njit(cache=True, nogil=True)
def join_crossed(ids, bounds, first, last, meets, parts, keys, ranks, known):  # type: ignore[no-untyped-def]
    """Join neighbouring pieces of a span where some merge crosses the boundary between them.

    first, last: int32 tokens of every piece; meets: uint8 last byte and uint8 first byte by token, and bool[256, 256]
    whether any merge joins such bytes; parts: int32[2, m], left and right of merge i, which makes token 256 + i; keys,
    ranks: `rank_table` of the merges; known: boundaries between two pieces below it are not looked at again.
    Returns pieces (int32; -1 - k for joined piece k), int64 bounds of the same spans, and int64 first and end of the
    pieces in `ids` that each joined piece is made of.
    """
    tail, head, joins = meets
    apart = np.full(1 << 16, -1, np.int64)  # pairs of tokens that were seen to stay apart, by their hash
    out = np.empty(len(ids), np.int32)
    out_bounds = np.zeros(len(bounds), np.int64)
    begin, end = np.empty(1 << 10, np.int64), np.empty(1 << 10, np.int64)
    used = joined = 0
    for span in range(len(bounds) - 1):
        index = bounds[span]
        while index < bounds[span + 1]:
            stop = index + 1
            while stop < bounds[span + 1] and (ids[stop - 1] >= known or ids[stop] >= known):
                left, right = last[ids[stop - 1]], first[ids[stop]]
                if not joins[tail[left], head[right]]:
                    break
                key = (np.int64(left) << 32) | np.int64(right)
                at = _mixed(key) & (len(apart) - 1)
                if apart[at] != key:
                    if _crosses(left, right, parts, keys, ranks):
                        stop += 1
                        continue
                    apart[at] = key
                break
            out[used] = ids[index]
            if stop > index + 1:
                if joined == len(begin):
                    begin = np.concatenate((begin, np.empty(joined, np.int64)))
                    end = np.concatenate((end, np.empty(joined, np.int64)))
                out[used] = -1 - joined
                begin[joined], end[joined] = index, stop
                joined += 1
            used += 1
            index = stop
        out_bounds[span + 1] = used
    return out[:used], out_bounds, begin[:joined].copy(), end[:joined].copy()


@njit(cache=True, nogil=True)
def pair_totals(ids, bounds, counts, size):  # type: ignore[no-untyped-def]
    """Weighted counts of adjacent pairs, added up by hash in `size` (a power of two) places: int64 upper bounds."""
    totals = np.zeros(size, np.int64)
    for span in range(len(counts)):
        for index in range(bounds[span], bounds[span + 1] - 1):
            key = (np.int64(ids[index]) << 32) | np.int64(ids[index + 1])
            totals[_mixed(key) & (size - 1)] += counts[span]
    return totals


@njit(cache=True, nogil=True)
def split_rare(ids, bounds, totals, floor):  # type: ignore[no-untyped-def]
    """Split the spans between ids whose place in `totals` (of `pair_totals`) is below `floor`.

    Returns the parts of at least two ids: int32 ids in a row, int64 bounds[m + 1], int64 span of each.
    """
    out = np.empty(len(ids), np.int32)
    out_bounds = np.zeros(len(ids) // 2 + 2, np.int64)
    span_of = np.empty(len(ids) // 2 + 1, np.int64)
    used = parts = 0
    for span in range(len(bounds) - 1):
        for index in range(bounds[span], bounds[span + 1]):
            out[used] = ids[index]
            used += 1
            if index < bounds[span + 1] - 1:
                key = (np.int64(ids[index]) << 32) | np.int64(ids[index + 1])
                if totals[_mixed(key) & (len(totals) - 1)] >= floor:
                    continue
            if used - out_bounds[parts] > 1:
                span_of[parts] = span
                parts += 1
                out_bounds[parts] = used
            used = out_bounds[parts]
    return out[:used].copy(), out_bounds[: parts + 1].copy(), span_of[:parts].copy()


@njit(cache=True, nogil=True)
def random_bounds(bounds, shortest, longest, seed):  # type: ignore[no-untyped-def]
    """Cut every span into chunks of `shortest` to `longest` items, uniformly (splitmix64 from `seed`); the last takes
    what is left.  Returns int64 bounds of the chunks and int64 span of each."""
    room = bounds[-1] // shortest + len(bounds) + 1
    out = np.zeros(room + 1, np.int64)
    span_of = np.empty(room, np.int64)
    state = np.uint64(seed)
    used = 0
    for span in range(len(bounds) - 1):
        at = bounds[span]
        while at < bounds[span + 1]:
            state += np.uint64(0x9E3779B97F4A7C15)
            mixed = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            mixed ^= mixed >> np.uint64(31)
            length = shortest + np.int64(mixed % np.uint64(longest - shortest + 1))
            at = min(at + length, bounds[span + 1])
            span_of[used] = span
            used += 1
            out[used] = at
    return out[: used + 1], span_of[:used]


@njit(cache=True, nogil=True)
def runs_of(ids, bounds, token_of):  # type: ignore[no-untyped-def]
    """Maximal runs of two or more words that are single tokens: `token_of` (int32 by word), -1 for other words.

    Returns int32 tokens of the runs in a row, int64 bounds[m + 1], and int64 span of each run.
    """
    out = np.empty(len(ids), np.int32)
    out_bounds = np.zeros(len(ids) // 2 + 2, np.int64)
    span_of = np.empty(len(ids) // 2 + 1, np.int64)
    used = runs = 0
    for span in range(len(bounds) - 1):
        for index in range(bounds[span], bounds[span + 1]):
            token = token_of[ids[index]]
            if token >= 0:
                out[used] = token
                used += 1
            if token < 0 or index == bounds[span + 1] - 1:
                if used - out_bounds[runs] > 1:
                    span_of[runs] = span
                    runs += 1
                    out_bounds[runs] = used
                used = out_bounds[runs]
    return out[:used].copy(), out_bounds[: runs + 1].copy(), span_of[:runs].copy()


@njit(cache=True, nogil=True)
def merge_whole_words(ids, alone, bounds, keys, ranks, new):  # type: ignore[no-untyped-def]
    """Merge tokens that are words of their own by rank, the leftmost of equals.

    ids: int32 tokens of all texts in a row; alone: bool, the token is a whole word; bounds: int64[n + 1] of the texts;
    keys, ranks: of `rank_table`; new: int32 id that each merge makes.  Returns int32 ids and int64 bounds.
    """
    out = np.empty(len(ids), np.int32)
    out_bounds = np.zeros(len(bounds), np.int64)
    rank_at = np.empty(SHORT, np.int32)
    used = 0
    for text in range(len(bounds) - 1):
        at = bounds[text]
        while at < bounds[text + 1]:
            size = 0
            while at + size < bounds[text + 1] and alone[at + size]:
                out[used + size] = ids[at + size]
                size += 1
            at += size
            if size > SHORT:
                size = merge_long(out[used : used + size], size, keys, ranks, new, 0.0, np.uint64(0))
            elif size > 1:
                size = merge_short(out[used : used + size], size, rank_at, keys, ranks, new)
            used += size
            if at < bounds[text + 1] and not alone[at]:
                out[used] = ids[at]
                used += 1
                at += 1
        out_bounds[text + 1] = used
    return out[:used].copy(), out_bounds
