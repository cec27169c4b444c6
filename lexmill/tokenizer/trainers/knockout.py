"""BPE-knockout (Bauwens & Delobelle, NAACL 2024): a BPE without the merges that hide morph boundaries.

A BPE is trained, and encodes the training words whose morphs are known, each counted once.  Merge m closes N(m) gaps
between bytes in them, B(m) of these are morph boundaries; it is knocked out when B(m) / N(m) is at least `blame`.  Its
token is removed, and every merge that used it takes its parts instead, so that merges have two or more parts; their
order stays.  The BPE is larger by what it loses, so that the vocabulary is full afterwards; a surplus is taken from its
end.  The paper's later steps, annealing and reification, are left out.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.bpe import TIE_BREAK, MergeList, train_bpe
from lexmill.tokenizer.events import Event, event_table, prepare
from lexmill.tokenizer.knockout_kernel import count_gaps
from lexmill.tokenizer.morphs import Cuts, morph_cuts
from lexmill.tokenizer.params import BYTES
from lexmill.tokenizer.specs.refined import KnockoutSpec
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.usage import merge_encode, most_used_vessel, occurrences

_SLACK = 3  # one knocked-out token for so many is expected
_COMMON = 100_000  # most frequent words, from which the scores of the exported file are taken


def train(data: TrainingData, spec: KnockoutSpec) -> Learned:
    """Learn and knock out until what is left fills the vocabulary, fewer tokens when the text has no more to give.

    Raises ValueError for a morph file that cannot be used.
    """
    cuts = morph_cuts(data, spec)
    words, counts = data.words.words, data.words.counts
    size, asked = spec.merges, spec.merges + spec.merges // _SLACK + 1
    learned = train_bpe(words, counts, asked)
    while True:
        merges = first(learned, size)
        uses, blamed = blame(merges, words, cuts)
        out = (uses > 0) & (blamed >= spec.blame * uses)
        missing = spec.merges - (len(merges) - int(out.sum()))
        if missing <= 0 or (len(learned) < asked and size >= len(learned)):
            return _learned(data, spec, merges, out)
        data.progress(0.7, f"{int(out.sum()):,} of {size:,} merges are knocked out")
        size += missing
        if size > asked:
            asked = 2 * size
            learned = train_bpe(words, counts, asked)


def first(merges: MergeList, size: int) -> MergeList:
    """The first merges of a list."""
    return MergeList(merges.left[:size], merges.right[:size], merges.count[:size], merges.alphabet)


def blame(merges: MergeList, words: pa.Array, cuts: Cuts) -> tuple[np.ndarray, np.ndarray]:
    """(N, B), int64[m]: how many gaps in the known words each merge closes, and how many of these are boundaries."""
    known = np.flatnonzero(cuts.known)
    offsets = flat_bytes(words)[1]
    ids, bounds = merge_encode(words.take(pa.array(known)), merges)
    lengths = np.array([len(token) for token in merges.token_bytes()], np.int32)
    width = lengths[ids].astype(np.int64)
    taken = np.diff(offsets)[known]
    moved = offsets[:-1][known] - (np.cumsum(taken) - taken)  # the taken words stand one after another
    places = np.cumsum(width) - width + np.repeat(moved, np.diff(bounds))
    boundary = np.zeros(int(offsets[-1]) + 1, np.bool_)
    boundary[cuts.at] = True
    return count_gaps(
        ids, places, merges.left.astype(np.int32), merges.right.astype(np.int32), lengths, boundary
    )


def _learned(data: TrainingData, spec: KnockoutSpec, merges: MergeList, out: np.ndarray) -> Learned:
    """Splice what was knocked out into what used it, and number the rest in its order."""
    alive = [step for step in range(len(merges)) if not out[step]][: spec.merges]
    last = alive[-1] + 1 if alive else 0
    spelled = merges.token_bytes()
    number = {token: token for token in range(BYTES)}
    parts: list[tuple[int, ...]] = [
        (token,) for token in range(BYTES)
    ]  # of a token, as ids of the vocabulary
    events: list[Event] = []
    for step in range(last):
        halves = (int(merges.left[step]), int(merges.right[step]))
        spliced = tuple(part for half in halves for part in parts[half])
        if out[step]:
            parts.append(spliced)
            continue
        new = number[BYTES + step] = len(number)
        parts.append((new,))
        events.append(Event(spliced, (new,), int(merges.count[step])))
    tokens = [spelled[token] for token in number]
    table = event_table(events, tokens)
    counts = data.words.counts
    common = np.sort(np.argsort(-counts, kind="stable")[:_COMMON])
    ids, bounds = prepare(table, tokens).encode(data.words.words.take(pa.array(common)))
    uses = occurrences(ids, bounds, counts[common], len(tokens))
    figures = {
        "merges": len(events),
        "knocked_out": int(out[:last].sum()),
        "largest_merge": max((len(event.source) for event in events), default=0),
    }
    tokenizer = most_used_vessel(spec, tokens, uses.tolist())
    return Learned(tokenizer, TIE_BREAK, {"events": table}, details=figures)
