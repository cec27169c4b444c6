"""Rebuild an ordered merge list from a vocabulary in creation order (ranks).

Each token is encoded with the tokens before it only; where two parts remain they are its merge, which is exact for
a list that BPE training made (Hayase et al. 2024, arXiv 2407.16607, appendix C.3).  A token with more parts was
added by hand, or comes from a list that was trained apart.  If it has two parts once every other token may be used
(as an encoder by ranks does), text does reach it, only later than its rank says: it is a *late* merge, placed
right after the later of its parts.  Otherwise no merge makes it, nor any token that is built on it: those would
only be merges that never occur, and read as signs of a missing category.  A character-level list comes from one
training (SentencePiece), where such tokens are user-defined symbols that text is cut at: they are never late.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Pair = tuple[bytes, bytes]

_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # of the rolling hash; substrings of equal hash are compared in full


class Recovered(NamedTuple):
    """Merges in the order in which they take effect; `late` are the numbers of those that stand too early."""

    merges: list[Pair]
    late: tuple[int, ...]
    manual: tuple[bytes, ...]
    manual_ranks: tuple[int, ...]  # place of each manual token in the vocabulary


def merges_from_ranks(
    tokens: Sequence[bytes], characters: bool = False, listed: Collection[Pair] | None = None
) -> Recovered:
    """Ordered merges of `tokens`, given in creation order; symbols are bytes, or the characters of UTF-8 tokens.

    Single symbols need not be listed.  A repeated token counts once, at its first place; empty tokens are ignored.
    With `listed` a token whose merge is not in it is manual.  Raises UnicodeDecodeError for a token that is not UTF-8
    when `characters` is set.
    """
    rank_of: dict[bytes, int] = {}
    for rank, token in enumerate(tokens):
        if token:
            rank_of.setdefault(token, rank)
    distinct, ranks = list(rank_of), list(rank_of.values())
    texts: list[Any] = [token.decode() for token in distinct] if characters else list(distinct)
    symbols, offsets = _flat(texts)
    early, any_rank = split_points(symbols, offsets)
    sizes = np.diff(offsets)
    if np.all((early > 0) | (sizes == 1)):  # a list of one training: nothing to place anew
        cuts = zip(texts, early.tolist(), strict=True)
        merges = [(_bytes(t[:c]), _bytes(t[c:])) for t, c in cuts if c > 0]
        if listed is None or all(merge in listed for merge in merges):
            return Recovered(merges, (), (), ())
    place: dict[bytes, int] = {}  # the rank from which on text can hold the token
    found: list[tuple[int, int, int, int, Pair]] = []
    manual: list[tuple[int, bytes]] = []
    for i in np.argsort(sizes, kind="stable").tolist():  # parts before what is made of them
        token, size = distinct[i], int(sizes[i])
        if size == 1:
            continue
        cut = int(early[i] if early[i] > 0 or characters else any_rank[i])
        left, right = (_bytes(texts[i][:cut]), _bytes(texts[i][cut:])) if cut > 0 else (b"", b"")
        known = all(part in place or _single(part, characters) for part in (left, right))
        if cut < 0 or not known or (listed is not None and (left, right) not in listed):
            manual.append((ranks[i], token))
            continue
        after = max(place.get(left, -1), place.get(right, -1))
        place[token] = max(ranks[i], after)
        found.append((place[token], int(after > ranks[i]), size, ranks[i], (left, right)))
    found.sort()
    manual.sort()
    late = tuple(number for number, entry in enumerate(found) if entry[1])
    return Recovered(
        [entry[4] for entry in found], late, tuple(t for _, t in manual), tuple(rank for rank, _ in manual)
    )


def _bytes(part: str | bytes) -> bytes:
    return part.encode() if isinstance(part, str) else part


def _single(part: bytes, characters: bool) -> bool:
    return len(part) == 1 or (characters and len(part.decode()) == 1)


def _flat(texts: list[Any]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """All symbols in a row, uint32, and offsets int64 (tokens + 1,)."""
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=offsets[1:])
    if texts and isinstance(texts[0], str):
        return np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32), offsets
    return np.frombuffer(b"".join(texts), np.uint8).astype(np.uint32), offsets


@njit(cache=True)
def _hash(prefix, power, first, last):  # type: ignore[no-untyped-def]
    return prefix[last] - prefix[first] * power[last - first]


@njit(cache=True)
def _same(symbols, a, b, size):  # type: ignore[no-untyped-def]
    matching = 0
    while matching < size and symbols[a + matching] == symbols[b + matching]:
        matching += 1
    return matching == size


@njit(cache=True)
def _find(table, hashes, symbols, offsets, value, at, size):  # type: ignore[no-untyped-def]
    """Number of the token that is symbols[at:at+size], or the number of tokens when there is none."""
    mask = len(table) - 1
    slot = (value ^ (value >> np.uint64(29))) & np.uint64(mask)
    while table[slot] >= 0:
        token = table[slot]
        same_size = offsets[token + 1] - offsets[token] == size
        if same_size and hashes[token] == value and _same(symbols, offsets[token], at, size):
            return token
        slot = (slot + np.uint64(1)) & np.uint64(mask)
    return len(hashes)


@njit(cache=True)
def _encode(token, limit, start, rank, table, hashes, prefix, power, symbols, offsets):  # type: ignore[no-untyped-def]
    """Parts of `token` under tokens below `limit` other than itself; their starts are left in `start`."""
    first, size = offsets[token], offsets[token + 1] - offsets[token]
    for i in range(size + 1):
        start[i] = first + i
    parts = size
    for i in range(parts - 1):
        value = _hash(prefix, power, start[i], start[i + 2])
        rank[i] = _find(table, hashes, symbols, offsets, value, start[i], 2)
    while parts > 1:
        best, at = limit, -1
        for i in range(parts - 1):
            if rank[i] < best and rank[i] != token:
                best, at = rank[i], i
        if at < 0:
            break
        for i in range(at + 1, parts):
            start[i] = start[i + 1]
            rank[i - 1] = rank[i]
        parts -= 1
        for i in range(max(at - 1, 0), min(at + 1, parts - 1)):
            value = _hash(prefix, power, start[i], start[i + 2])
            rank[i] = _find(table, hashes, symbols, offsets, value, start[i], start[i + 2] - start[i])
    return parts


@njit(cache=True)
def split_points(symbols, offsets):  # type: ignore[no-untyped-def]
    """Where each token (symbols[offsets[i]:offsets[i+1]], in rank order, distinct) falls into two parts.

    Returns int64 arrays (tokens,): symbols in the left part under lower ranks only, and under all ranks but its
    own; -1 where one or more than two parts remain.  The second is only looked for where the first is -1.
    """
    tokens = len(offsets) - 1
    longest = 1
    for i in range(tokens):
        longest = max(longest, offsets[i + 1] - offsets[i])
    power = np.ones(longest + 1, np.uint64)
    for i in range(longest):
        power[i + 1] = power[i] * _FACTOR
    prefix = np.zeros(len(symbols) + 1, np.uint64)
    for i in range(len(symbols)):
        prefix[i + 1] = prefix[i] * _FACTOR + (np.uint64(symbols[i]) + np.uint64(1)) * np.uint64(
            0xD6E8FEB86659FD93
        )
    size = 1 << 4
    while size < 3 * tokens:
        size *= 2
    table, hashes = np.full(size, -1, np.int64), np.zeros(tokens, np.uint64)
    for token in range(tokens):
        value = _hash(prefix, power, offsets[token], offsets[token + 1])
        hashes[token] = value
        slot = (value ^ (value >> np.uint64(29))) & np.uint64(size - 1)
        while table[slot] >= 0:
            slot = (slot + np.uint64(1)) & np.uint64(size - 1)
        table[slot] = token
    early, any_rank = np.full(tokens, -1, np.int64), np.full(tokens, -1, np.int64)
    start, rank = np.empty(longest + 2, np.int64), np.empty(longest + 1, np.int64)
    for token in range(tokens):
        if offsets[token + 1] - offsets[token] < 2:
            continue
        if _encode(token, token, start, rank, table, hashes, prefix, power, symbols, offsets) == 2:
            early[token] = start[1] - start[0]
        elif _encode(token, tokens, start, rank, table, hashes, prefix, power, symbols, offsets) == 2:
            any_rank[token] = start[1] - start[0]
    return early, any_rank
