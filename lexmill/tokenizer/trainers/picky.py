"""Picky BPE (Chizhov et al. 2024, arXiv 2409.04599) over the 256 bytes.

The most frequent pair (a, b) is merged, f places.  Then a, and after it b, is removed when its intersection over self,
IoS(a | a, b) = f / (occurrences of a before the merge), is larger than the threshold; where it still stands it is split
into the living tokens that it was made of.  A removed token comes back, with its id, when a pair spells it again.
Decisions of ours: occurrences of a before (a, a) is merged count both halves, as the formula says; removal acts on b
after a's remains were split.
"""

from __future__ import annotations

import numpy as np

from lexmill.tokenizer.arrays import flat_bytes, read_only
from lexmill.tokenizer.bpe_symbols import check_range
from lexmill.tokenizer.bytelevel import BYTE_OF_ID, ID_OF_BYTE
from lexmill.tokenizer.events import Event, event_table
from lexmill.tokenizer.params import BYTES
from lexmill.tokenizer.picky_kernel import lay_out, learn_events
from lexmill.tokenizer.specs.refined import PickySpec
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.usage import most_used_vessel

TIE_BREAK = (
    "largest count, then smallest (left id, right id) in the order of making; base ids in byte-level order"
)
_MERGES_PER_TOKEN = 8  # published settings need fewer than 2


def train(data: TrainingData, spec: PickySpec) -> Learned:
    """Learn events until the living tokens fill the vocabulary, fewer when the text has no more to give.

    Raises ValueError when tokens are removed as fast as they are made.
    """
    counts = read_only(np.ascontiguousarray(data.words.counts, np.int64))
    text, offsets = flat_bytes(data.words.words)
    check_range(offsets, counts)
    limit = _MERGES_PER_TOKEN * spec.merges
    tokens, cells, letters = lay_out(read_only(text), read_only(offsets), ID_OF_BYTE)
    rows, times, parts, uses = learn_events(
        tokens, cells, letters, counts, spec.model_size, spec.threshold, limit
    )
    alive = int((uses >= 0).sum())
    if alive < spec.model_size and int((rows[1] >= 0).sum()) == limit:
        raise ValueError(
            f"tokenizer {spec.name}: threshold {spec.threshold} removes tokens as fast as they are made "
            f"({limit} merges for {alive - BYTES} tokens): ask for a larger threshold"
        )
    return _learned(spec, rows, times, parts, uses)


def _learned(
    spec: PickySpec, rows: np.ndarray, times: np.ndarray, parts: np.ndarray, uses: np.ndarray
) -> Learned:
    """Number the living tokens in the order of their making, the removed ones behind them."""
    live = uses >= 0
    alive = int(live.sum())
    number = np.empty(len(live), np.int64)
    number[live] = np.arange(alive)
    number[~live] = np.arange(alive, len(live))
    tokens = [bytes([byte]) for byte in BYTE_OF_ID.tolist()] + [b""] * (len(live) - BYTES)
    events, at = [], 0
    for (left, right, token, pieces), count in zip(rows.T.tolist(), times.tolist(), strict=True):
        if right >= 0:
            merged = (int(number[left]), int(number[right]))
            tokens[number[token]] = b"".join(tokens[index] for index in merged)
            events.append(Event(merged, (int(number[token]),), count))
        else:
            into = tuple(number[parts[at : at + pieces]].tolist())
            at += pieces
            events.append(Event((int(number[left]),), into, count))
    merges = sum(len(event.target) == 1 for event in events)
    figures = {"merges": merges, "splits": len(events) - merges, "removed": len(live) - alive}
    return Learned(
        most_used_vessel(spec, tokens[:alive], uses[live].tolist()),
        TIE_BREAK,
        {"events": event_table(events, tokens)},
        {"whole_words": True},
        figures,
    )
