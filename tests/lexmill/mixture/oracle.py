"""Plain-Python twins: brute-force BPE counting, a naive BPE trainer and the dense linear program."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.words import WordTable


def apply_merge(tokens: list[bytes], left: bytes, right: bytes) -> list[bytes]:
    """One merge, left to right, without overlaps."""
    out: list[bytes] = []
    i = 0
    while i < len(tokens):
        if i + 1 < len(tokens) and tokens[i] == left and tokens[i + 1] == right:
            out.append(left + right)
            i += 2
        else:
            out.append(tokens[i])
            i += 1
    return out


def split_words(words: dict[bytes, int]) -> dict[bytes, list[bytes]]:
    return {word: [word[i : i + 1] for i in range(len(word))] for word in words}


def pair_counts(words: dict[bytes, int], tokens: dict[bytes, list[bytes]]) -> dict[tuple[bytes, bytes], int]:
    counts: dict[tuple[bytes, bytes], int] = {}
    for word, count in words.items():
        for pair in zip(tokens[word], tokens[word][1:], strict=False):
            counts[pair] = counts.get(pair, 0) + count
    return counts


def train(words: dict[bytes, float], merges: int) -> list[tuple[bytes, bytes]]:
    """BPE training, the most frequent pair first, ties by bytes."""
    tokens = split_words(words)
    learned = []
    for _ in range(merges):
        counts = pair_counts(words, tokens)
        if not counts:
            break
        best = max(counts, key=lambda pair: (counts[pair], pair))
        learned.append(best)
        tokens = {word: apply_merge(t, *best) for word, t in tokens.items()}
    return learned


def encode_below(token: bytes, ranks: dict[bytes, int]) -> list[bytes]:
    """The parts of a token when only tokens of `ranks` may be made, the lowest rank first, leftmost first."""
    parts = [token[i : i + 1] for i in range(len(token))]
    while True:
        known = [i for i in range(len(parts) - 1) if parts[i] + parts[i + 1] in ranks]
        if not known:
            return parts
        best = min(known, key=lambda i: (ranks[parts[i] + parts[i + 1]], i))
        parts[best : best + 2] = [parts[best] + parts[best + 1]]


def counts_before(merges: list[tuple[bytes, bytes]], words: dict[bytes, int], step: int) -> dict:
    tokens = split_words(words)
    for pair in merges[:step]:
        tokens = {word: apply_merge(t, *pair) for word, t in tokens.items()}
    return pair_counts(words, tokens)


def words_of(table: WordTable, category: int) -> dict[bytes, int]:
    """The word counts of one category."""
    found = {}
    for w in range(len(table.offsets) - 1):
        for entry in range(table.row_start[w], table.row_start[w + 1]):
            if table.row_category[entry] == category:
                found[table.text[table.offsets[w] : table.offsets[w + 1]].tobytes()] = int(table.count[entry])
    return found


def dense_program(merges: MergeList, table: WordTable, first: int, last: int) -> float:
    """Optimum of the linear program with every constraint written out (frequencies, per-pair-normalised)."""
    n = len(table.categories)
    words = [words_of(table, c) for c in range(n)]
    sizes = [sum(count * (len(word) - 1) for word, count in w.items()) for w in words]
    rows, step_of, pair_of = [], [], []
    pairs: dict[tuple[bytes, bytes], int] = {}
    for t in range(first, last):
        counts = [counts_before(list(merges.merges), w, t) for w in words]
        target = merges.merges[t]
        here = np.array([counts[c].get(target, 0) / sizes[c] for c in range(n)])
        if not here.any():
            continue  # an impossible merge says nothing
        for pair in sorted({p for found in counts for p in found}):
            if pair != target:
                rows.append(here - [counts[c].get(pair, 0) / sizes[c] for c in range(n)])
                step_of.append(t - first)
                pair_of.append(pairs.setdefault(pair, len(pairs)))
    if not rows:
        return 0.0
    steps = last - first
    matrix = np.zeros((len(rows), n + steps + len(pairs)))
    matrix[:, :n] = rows
    matrix[np.arange(len(rows)), n + np.array(step_of)] = 1
    matrix[np.arange(len(rows)), n + steps + np.array(pair_of)] = 1
    cost = np.r_[np.zeros(n), np.ones(steps + len(pairs))]
    simplex = np.r_[np.ones(n), np.zeros(steps + len(pairs))][None]
    result = linprog(cost, A_ub=-matrix, b_ub=np.zeros(len(rows)), A_eq=simplex, b_eq=[1.0], method="highs")
    assert result.status == 0
    return float(result.fun)


def byte_pairs(table: WordTable, counts: np.ndarray | None = None) -> np.ndarray:
    """Adjacent byte pairs inside words, (categories, columns)."""
    return table.weigh(np.maximum(table.word_lengths - 1, 0), counts)
