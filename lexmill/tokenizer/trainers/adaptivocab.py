"""AdaptiVocab (Nakash et al. 2025, arXiv 2503.19693): n-grams of a domain in the place of tokens it hardly uses."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

from lexmill.tokenizer.encode import MergeRules
from lexmill.tokenizer.encoders.patches import flat_ngrams
from lexmill.tokenizer.load import load_tokenizer, token_bytes
from lexmill.tokenizer.patch_kernel import list_places, longer_ngrams, ngram_trie, patch, take_ngram
from lexmill.tokenizer.specs.superwords import AdaptiVocabSpec
from lexmill.tokenizer.superword_kernel import expand
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.trainers.superwords import Spans, read_documents
from lexmill.tokenizer.vessels import byte_level, unigram_vessel

TIE_BREAK = "most tokens saved, then the n-gram that occurs first in the sample"
_PROBE = "e\u0301 \ufb01 don't 'S 12345 aB//c\n/d  \n\t x"  # what patterns and normalisers differ on
VESSEL_PATTERN = "code3"  # whole lines: n-grams cross words and punctuation


@dataclass(frozen=True)
class Ngram:
    """ids: of the base, none of them removed; token: their bytes; count: how often it was taken."""

    ids: tuple[int, ...]
    token: bytes
    count: int


def train(data: TrainingData, spec: AdaptiVocabSpec) -> Learned:
    """Free the ids of the base's least used tokens, and give them to the n-grams that save most tokens.

    As in the authors' code: a token that is removed is spelled by the parts of its merge; only merged tokens can be;
    those that never occur go first, the longest of them before.  An n-gram is worth count x (ids - 1), the tokens it
    saves (their code ranks by count x ids); what overlaps a chosen n-gram no longer counts, exactly, place by place.
    No `tokenizer.json` can hold n-grams of a base: the exported Unigram model has the same tokens and other cuts.
    """
    base = load_tokenizer(data.files["base"])
    tokens, rules = open_base(base, data, spec)
    number = round(spec.replace if spec.replace >= 1 else spec.replace * len(tokens))
    removed = least_used(tokens, rules, data, number, spec)
    parts = decompositions(rules, removed, len(tokens))
    documents = read_documents(data, spec)
    words, offsets = rules.encode(documents.words)
    words, offsets = expand(words, offsets, *parts)
    ids, bounds = expand(documents.ids, documents.bounds, words, offsets)
    data.progress(0.3, f"{len(ids)} tokens of the base")
    wanted = len(removed) + spec.model_size - len(tokens)
    stream = replace(documents, ids=ids, bounds=bounds)
    chosen = choose_ngrams(stream, tokens, removed, wanted, spec.max_ngram)
    if len(chosen) < wanted:
        raise ValueError(
            f"tokenizer {spec.name}: replace {spec.replace:g} and vocab_size {spec.vocab_size} ask for {wanted} "
            f"n-grams, but only {len(chosen)} occur twice in the sample: ask for fewer, or add text"
        )
    new = [*removed, *range(len(tokens), spec.model_size)]
    vocabulary = [*tokens, *[b""] * (spec.model_size - len(tokens))]
    for index, ngram in zip(new, chosen, strict=True):
        vocabulary[index] = ngram.token
    scores = log_shares(stream, new, chosen, len(vocabulary))
    tokenizer = byte_level(unigram_vessel(spec, vocabulary, scores), spec, VESSEL_PATTERN)
    units = documents.scale // data.words.scale
    return Learned(
        tokenizer,
        TIE_BREAK,
        {
            "base": base_table(tokens, rules),
            "removed": removed_table(removed, parts),
            "ngrams": ngram_table(new, chosen, units),
        },
        settings={"pretokenizer": spec.pretokenizer},
        details={"removed_tokens": len(removed), "ngrams": len(chosen)},
        pretokenizer=VESSEL_PATTERN,
    )


def open_base(base: Tokenizer, data: TrainingData, spec: AdaptiVocabSpec) -> tuple[list[bytes], MergeRules]:
    """The tokens of the base by id, without special ones, and its merge rules.

    Raises ValueError when it is not byte-level BPE with ids from 0, is larger than `vocab_size`, or cuts or normalises
    text in another way than the spec.
    """
    where = f"tokenizer {spec.name}: base"
    try:
        rules = MergeRules(base)
    except ValueError as error:
        raise ValueError(f"{where} cannot be patched: {error}") from None
    size = base.get_vocab_size(with_added_tokens=False)
    tokens = token_bytes(base)[:size]
    if max(base.get_vocab(with_added_tokens=False).values()) != size - 1 or None in tokens:
        raise ValueError(f"{where} cannot be patched: the ids of its ordinary tokens are not 0 to {size - 1}")
    if size > spec.model_size:
        raise ValueError(
            f"{where} has {size} ordinary tokens: vocab_size must be at least {size + len(spec.special_tokens)}"
        )
    own = byte_level(Tokenizer(base.model), spec)
    sample = (
        b"".join(word.as_py() for word in islice(data.words.words, 20_000)).decode("utf-8", "replace")
        + _PROBE
    )
    for name in ("normalizer", "pre_tokenizer"):
        theirs, ours = getattr(base, name), getattr(own, name)
        if _effect(theirs, sample) != _effect(ours, sample):
            key = name.replace("_", "")
            raise ValueError(f"{where} was trained with another {key}: give the spec the {key} of the base")
    return [token or b"" for token in tokens], rules


def _effect(component: object, text: str) -> object:
    """What a normaliser or pre-tokenizer makes of a text."""
    if component is None:
        return text
    change = getattr(component, "pre_tokenize_str", None) or getattr(component, "normalize_str")  # noqa: B009
    return change(text)


def least_used(
    tokens: list[bytes], rules: MergeRules, data: TrainingData, number: int, spec: AdaptiVocabSpec
) -> list[int]:
    """The ids to remove, ascending: of the tokens that a merge makes, the rarest, of equals the longest."""
    ids, offsets = rules.encode(data.words.words)
    counts = np.zeros(len(tokens), np.int64)
    np.add.at(counts, ids, np.repeat(data.words.counts, np.diff(offsets)))
    merged = sorted(set(rules.new.tolist()))
    if number > len(merged):
        raise ValueError(
            f"tokenizer {spec.name}: replace {spec.replace:g} means {number} tokens, but only {len(merged)} of the "
            "base are made by merges: replace fewer"
        )
    merged.sort(key=lambda index: (int(counts[index]), -len(tokens[index]), index))
    return sorted(merged[:number])


def decompositions(rules: MergeRules, removed: list[int], size: int) -> tuple[np.ndarray, np.ndarray]:
    """What every id of the base becomes: itself, or for a removed one the kept tokens of its merge, and theirs.

    Returns int32 ids in a row and int64 offsets[size + 1].
    """
    parts: list[tuple[int, ...]] = [(index,) for index in range(size)]
    gone = set(removed)
    for left, right, new in zip(rules.left.tolist(), rules.right.tolist(), rules.new.tolist(), strict=True):
        if new in gone and parts[new] == (new,):
            parts[new] = parts[left] + parts[right]
    offsets = np.zeros(size + 1, np.int64)
    np.cumsum([len(part) for part in parts], out=offsets[1:])
    return np.array([index for part in parts for index in part], np.int32), offsets


def choose_ngrams(
    documents: Spans, tokens: list[bytes], removed: list[int], wanted: int, longest: int
) -> list[Ngram]:
    """The best n-grams one after another, at most `wanted`, in the order they are chosen.

    documents: spans of ids of `tokens`, none of `removed`.  N-grams of digits alone are left out, as in the authors'
    code, and those that spell a token that there is already.
    """
    ids, bounds, weights = documents.ids, documents.bounds, documents.counts
    rows, counts, places, firsts = [], [], [], []
    known = ids
    for size in range(2, longest + 1):
        known, count, often, first = longer_ngrams(ids, bounds, known, size, weights)
        rows.append(known)
        counts.append(count)
        places.append(list_places(known, often))
        firsts.append(first)
    offset_of_size = np.cumsum([0, *map(len, counts[:-1])])
    remaining = np.concatenate(counts)
    number_at, taken = np.stack(rows), np.zeros(len(ids), np.bool_)
    sizes = np.repeat(np.arange(2, longest + 1), list(map(len, counts)))
    starts = np.concatenate(firsts)
    # A million candidates is plenty for any vocabulary; the heap holds the most valuable.
    order = np.lexsort((starts, -remaining * (sizes - 1)))[: max(1 << 20, 4 * wanted)]
    heap = [(-int(remaining[c] * (sizes[c] - 1)), int(starts[c]), c) for c in order.tolist()]
    there = set(tokens) - {tokens[index] for index in removed}
    chosen: list[Ngram] = []
    while heap and len(chosen) < wanted:
        value, start, candidate = heapq.heappop(heap)
        size, now = int(sizes[candidate]), int(remaining[candidate])
        if now * (size - 1) != -value:
            if now > 0:
                heapq.heappush(heap, (-now * (size - 1), start, candidate))
            continue
        own = tuple(ids[start : start + size].tolist())
        token = b"".join(tokens[index] for index in own)
        if token in there or token.strip().isdigit():
            continue
        where_bounds, where = places[size - 2]
        number = candidate - int(offset_of_size[size - 2])
        where = where[where_bounds[number] : where_bounds[number + 1]]
        count = take_ngram(where, size, number_at, offset_of_size, remaining, taken, bounds, weights)
        there.add(token)
        chosen.append(Ngram(own, token, count))
    return chosen


def log_shares(stream: Spans, new: list[int], chosen: list[Ngram], size: int) -> list[float]:
    """Logarithm of each token's share of the sample as the exact encoder writes it, the nearest that a Unigram model
    comes to it; a token that never occurs counts as half a token."""
    flat, bounds = flat_ngrams([ngram.ids for ngram in chosen])
    longest = max((len(ngram.ids) for ngram in chosen), default=1)
    keys, nodes, rank = ngram_trie(flat, bounds)
    ids, _ = patch(stream.ids, stream.bounds, keys, nodes, rank, np.array(new, np.int32), longest)
    times = np.bincount(ids, minlength=size) + 0.5
    return [math.log(share) for share in (times / len(ids)).tolist()]


def base_table(tokens: list[bytes], rules: MergeRules) -> pa.Table:
    """The merges of the base in order (left_id, right_id, new_id: int32, and the bytes of the new token)."""
    return pa.table(
        {
            "left_id": pa.array(rules.left, pa.int32()),
            "right_id": pa.array(rules.right, pa.int32()),
            "new_id": pa.array(rules.new, pa.int32()),
            "bytes": pa.array([tokens[index] for index in rules.new.tolist()], pa.binary()),
        }
    )


def removed_table(removed: list[int], parts: tuple[np.ndarray, np.ndarray]) -> pa.Table:
    """The removed ids (id: int32) and what spells them (parts: list<int32>)."""
    ids, offsets = parts
    lists = [ids[offsets[index] : offsets[index + 1]].tolist() for index in removed]
    return pa.table({"id": pa.array(removed, pa.int32()), "parts": pa.array(lists, pa.list_(pa.int32()))})


def ngram_table(new: list[int], chosen: list[Ngram], units: int) -> pa.Table:
    """The n-grams in the order they were chosen: new_id int32, ids list<int32>, bytes, count int64 (rounded down)."""
    return pa.table(
        {
            "new_id": pa.array(new, pa.int32()),
            "ids": pa.array([ngram.ids for ngram in chosen], pa.list_(pa.int32())),
            "bytes": pa.array([ngram.token for ngram in chosen], pa.binary()),
            "count": pa.array([ngram.count // units for ngram in chosen], pa.int64()),
        }
    )
