"""What the methods that learn a vocabulary share: where they start, how they prune, what they store."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from lexmill.tokenizer.ablation_kernel import cut_words
from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.bpe import train_bpe
from lexmill.tokenizer.bytelevel import BYTE_OF_ID
from lexmill.tokenizer.params import BYTES
from lexmill.tokenizer.trie import trie_of
from lexmill.tokenizer.words import TrainingWords

BYTE_TOKENS: tuple[bytes, ...] = tuple(bytes([byte]) for byte in BYTE_OF_ID.tolist())


def initial_vocabulary(words: TrainingWords, size: int, max_token_length: int) -> list[bytes]:
    """The 256 bytes and the tokens of byte-level BPE on the same counts, at most `size`, in the order of the merges.

    Shorter when the text has no more merges; `max_token_length` is in bytes, inclusive.
    """
    merges = train_bpe(words.words, words.counts, max(0, size - BYTES), 0, max_token_length)
    return list(dict.fromkeys(merges.token_bytes()))


def kept_tokens(scores: np.ndarray, keep: int) -> np.ndarray:
    """int64 numbers of the `keep` tokens with the largest scores and of the first 256, which are the bytes, ascending.

    Of equal scores the later token goes first, which BPE made of a rarer pair.
    """
    order = np.argsort(-scores[BYTES:], kind="stable")[: keep - BYTES] + BYTES
    return np.concatenate([np.arange(BYTES), np.sort(order)])


def token_table(tokens: Sequence[bytes], counts: np.ndarray) -> pa.Table:
    """The vocabulary by id.  Columns: id int32, bytes binary, count int64 (units of 1/`count_scale`)."""
    return pa.table(
        {
            "id": pa.array(range(len(tokens)), pa.int32()),
            "bytes": pa.array(tokens, pa.binary()),
            "count": pa.array(counts, pa.int64()),
        }
    )


def longest_prefix_uses(tokens: Sequence[bytes], words: TrainingWords) -> np.ndarray:
    """How often each token occurs when words are cut by the longest prefix: int64, weighted."""
    data, offsets = flat_bytes(words.words)
    ids, bounds, _ = cut_words(data, offsets, tuple(trie_of(tokens)))
    uses = np.zeros(len(tokens), np.int64)
    np.add.at(uses, ids, np.repeat(words.counts, np.diff(bounds)))
    return uses
