"""BoundlessBPE (Schmidt et al. 2025, arXiv 2504.00178) in two passes (Schmidt et al. 2026, arXiv 2604.05192).

A superword is made of whole words.  Two words next to each other are merged as soon as they are more frequent than the
best pair inside words; words only count once they are single tokens.  No token is ever deleted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import regex  # type: ignore[import-untyped]

from lexmill.tokenizer.bpe import TIE_BREAK, MergeList, train_bpe
from lexmill.tokenizer.params import BYTES
from lexmill.tokenizer.patterns import pattern_of
from lexmill.tokenizer.specs.superwords import BoundlessSpec
from lexmill.tokenizer.superword_kernel import runs_of
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.trainers.superwords import encode_words, learn_across, read_documents
from lexmill.tokenizer.vessels import byte_level, merges_vessel

# Which words may be part of a superword (paper, section 3): letters with their marks, spaces, underscores and
# apostrophes, at least one letter.
_MERGEABLE = regex.compile(r"(?=.*\p{L})(?:\p{L}\p{M}*|[ _'\u2019])+")

# What the exported file leaves whole, and the spec's pattern cuts the rest: runs of words made of letters, with at most
# one space, underscore or apostrophe between them.
_RUN = "(?>(?:[ _'\u2019]?[\\p{L}\\p{M}]+)+)"


class Event(NamedTuple):
    """One merge: ids `left` and `right` become `new`; `superword`: both are whole words, or superwords already."""

    superword: bool
    left: int
    right: int
    new: int
    times: int


def train(data: TrainingData, spec: BoundlessSpec) -> Learned:
    """Learn the merges within words, then those of whole words, and put both in the order of their counts.

    The exported file applies all of them by rank inside runs of letters, so it may join parts of words that are not
    single tokens: close, not exact.
    """
    words = train_bpe(data.words.words, data.words.counts, spec.merges)
    data.progress(0.5, f"{len(words)} merges within words")
    left, right, count, units = learn_superwords(data, spec, words)
    tokens, events = interleave(words, (left, right, count), units, spec.model_size)
    pairs = [(event.left, event.right) for event in events]
    wide = f"{_RUN}|{pattern_of(spec.pretokenizer)}"
    tokenizer = byte_level(merges_vessel(spec, tokens, pairs), spec, wide)
    superwords = sum(event.superword for event in events)
    return Learned(
        tokenizer,
        f"{TIE_BREAK}; merges within words before those of whole words",
        {"events": event_table(events, tokens, units)},
        details={"merges": len(events), "merges_of_words": superwords},
        settings={"pretokenizer": spec.pretokenizer},
        pretokenizer=wide,
    )


def learn_superwords(
    data: TrainingData, spec: BoundlessSpec, words: MergeList
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Merges of whole words, as far as they can be more frequent than the last merge within words.

    Ids are those of `words`, then one for each merge.  Returns left, right (int32), count (int64) and how many units of
    these counts make one of `words.count`.
    """
    documents = read_documents(data, spec)
    units = documents.scale // data.words.scale
    tokens = words.token_bytes()
    ids, offsets = encode_words(documents.words, words)
    mergeable = np.array([is_mergeable(token) for token in tokens])
    single = np.diff(offsets) == 1
    token_of = np.full(len(single), -1, np.int32)
    token_of[single] = ids[offsets[:-1][single]]
    token_of[single & ~mergeable[np.maximum(token_of, 0)]] = -1
    symbols, bounds, document = runs_of(documents.ids, documents.bounds, token_of)
    runs = replace(documents, ids=symbols, bounds=bounds, counts=documents.counts[document])
    data.progress(0.7, f"{len(document)} runs of whole words")
    floor = int(words.count[-1]) * units + 1 if len(words) == spec.merges and len(words) else 1
    return *learn_across(runs, len(tokens), spec.merges, floor), units


def is_mergeable(token: bytes) -> bool:
    """Whether a word may be part of a superword."""
    try:
        return _MERGEABLE.fullmatch(token.decode("utf-8")) is not None
    except UnicodeDecodeError:
        return False


def interleave(
    words: MergeList, superwords: tuple[np.ndarray, np.ndarray, np.ndarray], units: int, size: int
) -> tuple[list[bytes], list[Event]]:
    """Both lists in the order of their counts, merges within words first among equals, until there are `size` tokens.

    superwords: left, right, count, the latter in units of 1/`units`.  A merge of words follows those that make its
    parts.  A token that is spelled like an earlier one is that one.  Returns the tokens by id and the events.
    """
    spelled = words.token_bytes()
    final = {index: index for index in range(BYTES)}
    tokens = spelled[:BYTES]
    id_of = {token: index for index, token in enumerate(tokens)}
    events: list[Event] = []

    def add(number: int, left: int, right: int, count: int, superword: bool) -> None:
        token = tokens[final[left]] + tokens[final[right]]
        new = id_of.setdefault(token, len(tokens))
        if new == len(tokens):
            tokens.append(token)
        final[number] = new
        events.append(Event(superword, final[left], final[right], new, count))

    inner = list(zip(words.left.tolist(), words.right.tolist(), words.count.tolist(), strict=True))
    outer = list(zip(*(column.tolist() for column in superwords), strict=True))
    taken = 0
    for step, (left, right, count) in enumerate(inner):
        while taken < len(outer) and outer[taken][2] > count * units and len(tokens) < size:
            first, second, times = outer[taken]
            if first not in final or second not in final:
                break
            add(len(spelled) + taken, first, second, times, True)
            taken += 1
        if len(tokens) >= size:
            return tokens, events
        add(BYTES + step, left, right, count * units, False)
    for number, (left, right, count) in enumerate(outer[taken:], len(spelled) + taken):
        if len(tokens) < size:
            add(number, left, right, count, True)
    return tokens, events


def event_table(events: list[Event], tokens: list[bytes], units: int) -> pa.Table:
    """The events in order: step, superword, left_id, right_id, new_id, left_bytes, right_bytes, and count (int64) in
    units of 1/`count_scale`, rounded down."""
    return pa.table(
        {
            "step": pa.array(range(len(events)), pa.int32()),
            "superword": pa.array([event.superword for event in events], pa.bool_()),
            "left_id": pa.array([event.left for event in events], pa.int32()),
            "right_id": pa.array([event.right for event in events], pa.int32()),
            "new_id": pa.array([event.new for event in events], pa.int32()),
            "left_bytes": pa.array([tokens[event.left] for event in events], pa.binary()),
            "right_bytes": pa.array([tokens[event.right] for event in events], pa.binary()),
            "count": pa.array([event.times // units for event in events], pa.int64()),
        }
    )
