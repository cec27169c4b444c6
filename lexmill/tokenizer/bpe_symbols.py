"""BPE over any alphabet of symbols: sequences of ids with counts in, merges out.

`bpe.train_bpe` reads words over the bytes with it; methods whose units are something else (tokens of a first stage,
characters, codes) call it directly.
"""

from __future__ import annotations

import numpy as np

from lexmill.tokenizer.arrays import read_only
from lexmill.tokenizer.bpe_kernel import lay_out, learn, pack

_MAX_CELLS = (1 << 31) - 2
_MAX_TOTAL = 1 << 62
_NO_LIMIT = (1 << 31) - 1
_FIRST_FLOOR = 1 << 13  # share of all symbols that a pair of the first pass has
_DECLINE = 1.35
_ONE_CLASS = ((0,),)

Merges = tuple[np.ndarray, np.ndarray, np.ndarray]
"""left int32[m], right int32[m], count int64[m]"""


def learn_symbol_merges(
    symbols: np.ndarray,
    offsets: np.ndarray,
    counts: np.ndarray,
    base: int,
    merges: int,
    min_frequency: int = 1,
    sizes: np.ndarray | None = None,
    largest: int | None = None,
    classes: np.ndarray | None = None,
    joined: np.ndarray | None = None,
) -> Merges:
    """Learn at most `merges` merges: always the pair of the largest count, of equal ones the smallest (left, right).

    symbols: int32 (or uint8), ids below `base` of all sequences in a row; offsets: int64[n + 1] into them; counts:
    int64[n] >= 0, how often each sequence occurs.  Merge i makes the id `base + i` and is applied from the left
    ("aaa" holds the pair twice and becomes "aa", "a").  min_frequency: a pair with a smaller count is not merged.

    sizes: int32[base] > 0, and `largest`: the sizes of a token's symbols add up to no more than `largest` (bytes, words
    ...; without `sizes` every symbol has size 1).  classes: int8[base] below k, and joined: int8[k, k]: joined[a, b]
    is the class of the token made of classes a and b, negative where such tokens are never merged.

    Returns (left int32[m], right int32[m], count int64[m]); m < `merges` when no pair is left.  Raises ValueError when
    the sequences or the counts are too large for exact arithmetic.
    """
    symbols = np.ascontiguousarray(symbols, np.uint8 if symbols.dtype == np.uint8 else np.int32)
    offsets = np.ascontiguousarray(offsets, np.int64)
    counts = np.ascontiguousarray(counts, np.int64)
    check_range(offsets, counts)
    if len(symbols) and not 0 <= int(symbols.min()) <= int(symbols.max()) < base:
        raise ValueError(f"the sequences hold symbols outside 0 ... {base - 1}")
    vocabulary = base + merges
    if vocabulary > _NO_LIMIT:
        raise ValueError(f"{base} symbols and {merges} merges do not fit 31 bits: ask for fewer merges")
    order = np.argsort(-counts, kind="stable")
    words = lay_out(read_only(symbols), read_only(offsets), read_only(counts), order)
    ids = (
        np.ones(vocabulary, np.int32),
        _by_id(sizes, vocabulary, 1, np.int32),
        _by_id(classes, vocabulary, 0, np.int8),
    )
    table = np.array(_ONE_CLASS if joined is None else joined, np.int8, order="C")
    limit = _NO_LIMIT if largest is None else largest
    return _learn_by_floors(words, ids, table, base, merges, max(1, min_frequency), limit)


def _by_id(values: np.ndarray | None, size: int, default: int, dtype: type) -> np.ndarray:
    """`values` of the base symbols, with room for the others."""
    result: np.ndarray = np.full(size, default, dtype)
    if values is not None:
        result[: len(values)] = values
    return result


def _learn_by_floors(
    words: tuple[np.ndarray, np.ndarray, np.ndarray],
    ids: tuple[np.ndarray, np.ndarray, np.ndarray],
    joined: np.ndarray,
    base: int,
    merges: int,
    lowest: int,
    largest: int,
) -> Merges:
    """Learn with falling floors (see `bpe_kernel`): first the frequent merges, then as low as it has to be."""
    tokens, run_end, run_weight = words
    span = ids[0]
    out = np.empty(merges, np.int32), np.empty(merges, np.int32), np.empty(merges, np.int64)
    floor = max(lowest, int(np.diff(run_end, prepend=1) @ run_weight) // _FIRST_FLOOR)
    step = 0
    while True:
        step = learn(tokens, run_end, run_weight, ids, joined, base, out, step, floor, largest)
        if step == merges or floor == lowest:
            return out[0][:step], out[1][:step], out[2][:step]
        tokens = tokens[: pack(tokens, run_end, span)]
        span[: base + step] = 1
        # Counts fall faster than the inverse of the rank, so that the next floor is usually the last one.
        expected = int(floor * (max(step, 1) / merges) ** _DECLINE)
        floor = max(lowest, min(floor // 2, expected))


def check_range(offsets: np.ndarray, counts: np.ndarray) -> None:
    """Raise ValueError for what the kernels cannot count exactly."""
    if len(counts) != len(offsets) - 1:
        raise ValueError(f"{len(offsets) - 1} words came with {len(counts)} counts")
    if int(offsets[-1] - offsets[0]) + len(offsets) > _MAX_CELLS:
        raise ValueError("the distinct words hold more than 2^31 bytes: drop the rarest words first")
    if len(counts) and int(counts.min()) < 0:
        raise ValueError("a word count is negative")
    if float(np.dot(np.diff(offsets).astype(np.float64), counts.astype(np.float64))) > _MAX_TOTAL:
        raise ValueError("the word counts add up to more than 2^62 bytes: divide them first")
