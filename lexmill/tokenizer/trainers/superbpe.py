"""SuperBPE (Liu et al. 2025, arXiv 2503.13423): BPE within words up to a transition, then across them."""

from __future__ import annotations

import numpy as np

from lexmill.tokenizer.bpe import TIE_BREAK, MergeList, train_bpe
from lexmill.tokenizer.export import merge_table
from lexmill.tokenizer.params import BYTES
from lexmill.tokenizer.specs.superwords import SuperBpeSpec
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.trainers.superwords import cut_spans, learn_across, read_documents, token_spans
from lexmill.tokenizer.vessels import byte_level, merges_vessel

MAX_WORDS = 4
_ENDS = (b" ", b":")  # what a token ends with: a space, a colon, anything else


def train(data: TrainingData, spec: SuperBpeSpec) -> Learned:
    """Learn merges within the words of the counts, then go on in the sampled documents without the words' walls.

    The second stage starts from the documents as the first stage's merges encode them when only the wide pattern cuts
    them, which is how the exported file encodes.  As in the authors' code no superword has more than four words or
    holds a colon before a space.
    """
    first = train_bpe(data.words.words, data.words.counts, spec.transition_size - BYTES)
    data.progress(0.5, f"{len(first)} merges within words")
    tokens = first.token_bytes()
    documents = read_documents(data, spec)
    spans = cut_spans(documents, spec.wide_pretokenizer)
    spans = token_spans(spans, first)
    data.progress(0.7, f"{len(spans.ids)} tokens between walls")
    classes, joined = superword_classes(tokens)
    left, right, count = learn_across(
        spans, len(tokens), spec.merges - len(first), classes=classes, joined=joined
    )
    units = spans.scale // data.words.scale
    merges = MergeList(
        np.concatenate([first.left, left]),
        np.concatenate([first.right, right]),
        np.concatenate([first.count, count // units]),
    )
    tokenizer = byte_level(
        merges_vessel(spec, merges.token_bytes(), _pairs(merges)), spec, spec.wide_pretokenizer
    )
    return Learned(
        tokenizer,
        TIE_BREAK,
        {"merges": merge_table(merges)},
        details={"merges": len(merges), "merges_within_words": len(first)},
        pretokenizer=spec.wide_pretokenizer,
    )


def _pairs(merges: MergeList) -> list[tuple[int, int]]:
    return list(zip(merges.left.tolist(), merges.right.tolist(), strict=True))


def superword_classes(tokens: list[bytes], most: int = MAX_WORDS) -> tuple[np.ndarray, np.ndarray]:
    """What decides which tokens may be joined: int8 class of every token, int8 `joined` (see `learn_symbol_merges`).

    A class is (words 0..most + 1, begins with a space, ends with space | colon | other).  Words are the stretches
    between spaces; a token that holds a colon before a space counts as one with too many.
    """

    def class_of(words: int, space_first: bool, end: int) -> int:
        return (min(words, most + 1) * 2 + space_first) * 3 + end

    def describe(token: bytes) -> int:
        words = most + 1 if b": " in token else len([part for part in token.split(b" ") if part])
        end = _ENDS.index(token[-1:]) if token[-1:] in _ENDS else 2
        return class_of(words, token.startswith(b" "), end)

    classes = np.array([describe(token) for token in tokens], np.int8)
    states = [(words, first, end) for words in range(most + 2) for first in (False, True) for end in range(3)]
    joined = np.full((len(states), len(states)), -1, np.int8)
    for left in states:
        for right in states:
            same_word = left[2] != 0 and not right[1]
            words = left[0] + right[0] - same_word
            if max(left[0], right[0], words) <= most and not (left[2] == 1 and right[1]):
                joined[class_of(*left), class_of(*right)] = class_of(words, left[1], right[2])
    return classes, joined
