"""MorphBPE (Asgari et al. 2025, arXiv 2502.00894): merges that never cross a morph boundary.

In training, a word with known morphs is presented as its morphs, each a word of its own; words without an analysis are
unconstrained.  Encoding is plain BPE and needs no analysis.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.bpe import TIE_BREAK, train_bpe
from lexmill.tokenizer.export import merge_table
from lexmill.tokenizer.morphs import Cuts, morph_cuts
from lexmill.tokenizer.specs.refined import MorphSpec
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.vessels import merges_vessel


def train(data: TrainingData, spec: MorphSpec) -> Learned:
    """Learn the merges that fill the vocabulary, fewer when the morphs have no more to give.

    Raises ValueError for a morph file that cannot be used.
    """
    cuts = morph_cuts(data, spec)
    data.progress(0.7, "learning merges inside morphs")
    units, counts = cut_units(data.words.words, data.words.counts, cuts)
    merges = train_bpe(units, counts, spec.merges)
    pairs = list(zip(merges.left.tolist(), merges.right.tolist(), strict=True))
    tokenizer = merges_vessel(spec, merges.token_bytes(), pairs)
    figures = {
        "merges": len(merges),
        "morphs": {"known_words": int(cuts.known.sum()), "cut_words": len(np.unique(cuts.words))},
    }
    return Learned(tokenizer, TIE_BREAK, {"merges": merge_table(merges)}, details=figures)


def cut_units(words: pa.Array, counts: np.ndarray, cuts: Cuts) -> tuple[pa.Array, np.ndarray]:
    """The distinct pieces (Arrow binary) of all words after cutting, and how often each occurs (int64)."""
    data, offsets = flat_bytes(words)
    ends = np.sort(np.concatenate([offsets, cuts.at]))
    pieces = 1 + np.bincount(cuts.words, minlength=len(words))
    buffers = [None, pa.py_buffer(ends.astype(np.int64)), pa.py_buffer(np.ascontiguousarray(data))]
    units = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(ends) - 1, buffers)
    table = pa.table({"unit": units, "count": np.repeat(counts, pieces)})
    table = table.group_by("unit", use_threads=False).aggregate([("count", "sum")])
    return table["unit"].combine_chunks(), table["count_sum"].to_numpy()
