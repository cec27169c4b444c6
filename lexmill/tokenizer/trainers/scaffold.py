"""Scaffold-BPE (Lian et al. 2025, arXiv 2404.17808) over the 256 bytes.

Pairs and scaffold tokens stand in one queue by frequency.  The head of the queue is a pair: it is merged, the token
joins the vocabulary, and each of the two halves that is now rarer than the new head leaves the vocabulary and becomes
a scaffold token (bytes never do).  Or the head is a scaffold token, which then comes back.  So it goes on until the
vocabulary is full.  Encoding merges with all tokens, and then takes the scaffold tokens apart.  Decision of ours: of
equals, scaffold tokens come before pairs, and the oldest first.

Scaffold tokens change no pair count, so the merges are those of plain BPE, whose list holds the head of the pairs at
each step; what is left is to follow the frequencies of the tokens.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from lexmill.tokenizer.bpe import TIE_BREAK, MergeList, train_bpe
from lexmill.tokenizer.events import Event, event_table
from lexmill.tokenizer.params import BYTES
from lexmill.tokenizer.specs.refined import ScaffoldSpec
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.usage import merge_encode, merged_places, most_used_vessel, occurrences

_SLACK = 4  # one scaffold token for so many tokens is expected, the paper has 6 %


@dataclass(frozen=True)
class Scaffolded:
    """How far the merges were followed, which of their tokens are scaffold at the end, how often any came back; and
    the frequency of every token (before scaffold tokens are taken apart)."""

    merges: int
    scaffold: frozenset[int]
    revived: int
    frequency: list[int]


def train(data: TrainingData, spec: ScaffoldSpec) -> Learned:
    """Learn until the vocabulary is full; the tokens are fewer when the text has no more to give."""
    words, counts = data.words.words, data.words.counts
    wanted = spec.merges + spec.merges // _SLACK + 1
    while True:
        merges = train_bpe(words, counts, wanted)
        data.progress(0.5, f"looking for scaffold tokens among {len(merges):,} merges")
        ids, bounds = merge_encode(words, merges)
        final = occurrences(ids, bounds, counts, BYTES + len(merges))
        exhausted = len(merges) < wanted
        found = follow(merges, merged_places(merges, final), spec.model_size, exhausted)
        if found is not None:
            return _learned(spec, merges, found)
        wanted *= 2


def follow(merges: MergeList, made: list[int], size: int, exhausted: bool) -> Scaffolded | None:
    """Keep the vocabulary of `size` tokens along a merge list.

    made: see `usage.merged_places`; exhausted: no pair is left after the last merge.
    None: the list is too short.
    """
    left, right, counts = merges.left.tolist(), merges.right.tolist(), merges.count.tolist()
    frequency = made[:BYTES]
    scaffold: set[int] = set()
    queue: list[tuple[int, int]] = []  # (-frequency, token) of scaffold tokens; it may be out of date
    step = revived = 0
    while BYTES + step - len(scaffold) < size:
        if step + 1 >= len(merges) and not exhausted:
            return None
        head = _head(queue, scaffold, frequency)
        if head > 0 and head >= (counts[step] if step < len(merges) else 0):
            scaffold.discard(heapq.heappop(queue)[1])
            revived += 1
            continue
        if step == len(merges):
            break
        frequency.append(made[BYTES + step])
        halves = (left[step], right[step])
        for half in halves:
            frequency[half] -= made[BYTES + step]
        step += 1
        head = max(counts[step] if step < len(merges) else 0, _head(queue, scaffold, frequency))
        for half in sorted(set(halves)):
            if half >= BYTES and half not in scaffold and frequency[half] < head:
                scaffold.add(half)
                heapq.heappush(queue, (-frequency[half], half))
    return Scaffolded(step, frozenset(scaffold), revived, frequency)


def _head(queue: list[tuple[int, int]], scaffold: set[int], frequency: list[int]) -> int:
    """Frequency of the most frequent scaffold token, which then stands first; 0 when there is none."""
    while queue:
        old, token = queue[0]
        if token in scaffold and -old == frequency[token]:
            return frequency[token]
        heapq.heappop(queue)
        if token in scaffold:
            heapq.heappush(queue, (-frequency[token], token))
    return 0


def _learned(spec: ScaffoldSpec, merges: MergeList, found: Scaffolded) -> Learned:
    """Number the vocabulary in the order of making, scaffold tokens behind; their splits follow the merges."""
    known = BYTES + found.merges
    order = sorted(range(known), key=lambda token: token in found.scaffold)
    number = {token: index for index, token in enumerate(order)}
    spelled = merges.token_bytes()
    pairs = list(zip(merges.left.tolist(), merges.right.tolist(), strict=True))[: found.merges]
    parts: dict[int, list[int]] = {token: [token] for token in range(known) if token not in found.scaffold}
    for token in sorted(found.scaffold):  # parts are older than what they make
        parts[token] = [part for half in pairs[token - BYTES] for part in parts[half]]

    events = [
        Event((number[a], number[b]), (number[BYTES + step],), int(merges.count[step]))
        for step, (a, b) in enumerate(pairs)
    ]
    uses = list(found.frequency)
    for token in sorted(found.scaffold):
        events.append(
            Event((number[token],), tuple(number[part] for part in parts[token]), found.frequency[token])
        )
        for part in parts[token]:
            uses[part] += found.frequency[token]
    tokens = [spelled[token] for token in order]
    vocabulary = known - len(found.scaffold)
    figures = {"merges": found.merges, "scaffold": len(found.scaffold), "revived": found.revived}
    tokenizer = most_used_vessel(spec, tokens[:vocabulary], [uses[token] for token in order[:vocabulary]])
    return Learned(tokenizer, TIE_BREAK, {"events": event_table(events, tokens)}, details=figures)
