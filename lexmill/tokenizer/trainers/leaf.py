"""Leaf pruning (Purason et al. 2025, arXiv 2512.03989): a BPE made smaller from the ends of its merge graph.

More merges are learned than fit.  Of the tokens that no merge needs, the one used least in the training words goes
(of equals the youngest), its occurrences count for its two parts from then on, and so on until the rest fits.  What is
left is a plain BPE: every token can be reached, and the file is exact.  That a part set free may join another
neighbour is left out of the counts, as in the paper's own programs.
"""

from __future__ import annotations

import heapq

import numpy as np

from lexmill.tokenizer.bpe import TIE_BREAK, MergeList, train_bpe
from lexmill.tokenizer.export import merge_table
from lexmill.tokenizer.params import BYTES
from lexmill.tokenizer.specs.refined import LeafSpec
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.usage import merge_encode, occurrences
from lexmill.tokenizer.vessels import merges_vessel


def train(data: TrainingData, spec: LeafSpec) -> Learned:
    """Learn `overshoot` times the merges that fit, and prune them; fewer when the text has no more to give."""
    words, counts = data.words.words, data.words.counts
    learned = train_bpe(words, counts, int(spec.merges * spec.overshoot))
    data.progress(0.6, "counting the uses of tokens")
    ids, bounds = merge_encode(words, learned)
    merges = pruned(learned, occurrences(ids, bounds, counts, BYTES + len(learned)), spec.merges)
    pairs = list(zip(merges.left.tolist(), merges.right.tolist(), strict=True))
    tokenizer = merges_vessel(spec, merges.token_bytes(), pairs)
    figures = {"merges": len(merges), "pruned": len(learned) - len(merges)}
    return Learned(tokenizer, TIE_BREAK, {"merges": merge_table(merges)}, details=figures)


def pruned(merges: MergeList, uses: np.ndarray, size: int) -> MergeList:
    """At most `size` of the merges, in their order and numbered anew.

    uses: int64[256 + m], the occurrences of every token in the encoded training words.
    """
    use: list[int] = uses.tolist()
    parts = [(-1, -1)] * BYTES + list(zip(merges.left.tolist(), merges.right.tolist(), strict=True))
    needed = [0] * len(parts)
    for left, right in parts[BYTES:]:
        needed[left] += 1
        needed[right] += 1
    leaves = [(use[token], -token) for token in range(BYTES, len(parts)) if not needed[token]]
    heapq.heapify(leaves)
    kept = np.ones(len(parts), np.bool_)
    for _ in range(len(merges) - size):
        token = -heapq.heappop(leaves)[1]
        kept[token] = False
        for part in parts[token]:
            use[part] += use[token]
            needed[part] -= 1
        for part in dict.fromkeys(parts[token]):
            if part >= BYTES and not needed[part]:
                heapq.heappush(leaves, (use[part], -part))
    number = (np.cumsum(kept) - 1).astype(np.int32)
    rest = kept[BYTES:]
    return MergeList(
        number[merges.left[rest]], number[merges.right[rest]], merges.count[rest], merges.alphabet
    )
