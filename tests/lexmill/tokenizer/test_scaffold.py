"""Scaffold-BPE equals its definition, and does what its paper says."""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.tokenizer.algorithms import parse_spec
from lexmill.tokenizer.bytelevel import ID_OF_BYTE
from lexmill.tokenizer.train import train_tokenizer
from lexmill.tokenizer.usage import merged_places
from tests.lexmill.tokenizer.refining import (
    WORDS,
    agreement,
    assert_round_trip,
    event_encoder,
    learn,
    merged,
    real_data,
    small_data,
    words_of,
)


def plain_scaffold(words: dict[str, int], size: int) -> tuple[list[bytes], set[bytes], int]:
    """What the merges spell, in order; the scaffold tokens at the end; how often one came back."""
    texts = [[int(ID_OF_BYTE[byte]) for byte in word.encode()] for word in words]
    counts = list(words.values())
    spelling = {int(ID_OF_BYTE[byte]): bytes([byte]) for byte in range(256)}
    made: list[bytes] = []
    scaffold: set[int] = set()
    revived = 0

    def frequency(token: int) -> int:
        return sum(count * text.count(token) for text, count in zip(texts, counts, strict=True))

    def queue() -> list[tuple[int, int, tuple[int, ...]]]:
        """(-frequency, 0 for a scaffold token and 1 for a pair, the token or pair), the head first."""
        pairs: Counter[tuple[int, int]] = Counter()
        for text, count in zip(texts, counts, strict=True):
            for pair in pairwise(text):
                pairs[pair] += count
        entries = [(-uses, 1, pair) for pair, uses in pairs.items()]
        return sorted(entries + [(-frequency(token), 0, (token,)) for token in scaffold if frequency(token)])

    while len(spelling) - len(scaffold) < size:
        waiting = queue()
        if not waiting:
            break
        _, kind, head = waiting[0]
        if kind == 0:
            scaffold.remove(head[0])
            revived += 1
            continue
        token = len(spelling)
        spelling[token] = spelling[head[0]] + spelling[head[1]]
        made.append(spelling[token])
        texts = [merged(text, head, [token]) for text in texts]
        waiting = queue()
        best = -waiting[0][0] if waiting else 0
        scaffold |= {half for half in head if half >= 256 and half not in scaffold and frequency(half) < best}
    return made, {spelling[token] for token in scaffold}, revived


@settings(max_examples=80, deadline=None, derandomize=True)
@given(WORDS, st.integers(257, 275))
def test_merges_and_scaffold_tokens_equal_the_definition(words, size):
    data, spec = small_data(words, algorithm="scaffold", vocab_size=size)
    learned = learn(data, spec)
    made, scaffold, revived = plain_scaffold(words, size)
    rows = learned.tables["events"].to_pylist()
    assert [row["bytes"] for row in rows if len(row["target"]) == 1] == made
    assert {row["bytes"] for row in rows if len(row["source"]) == 1} == scaffold
    assert learned.details == {"merges": len(made), "scaffold": len(scaffold), "revived": revived}
    encoder = event_encoder(learned, spec)
    assert set(encoder.tokens[256:]) == set(made) - scaffold
    for word, ids in zip(words, words_of(encoder, [word.encode() for word in words]), strict=True):
        assert b"".join(encoder.tokens[index] for index in ids) == word.encode()


def test_places_of_merges_count_runs_once():
    from lexmill.tokenizer.bpe import train_bpe
    from lexmill.tokenizer.usage import merge_encode, occurrences

    data, _ = small_data({"aaaaa": 3, "aab": 2}, vocab_size=258)
    merges = train_bpe(data.words.words, data.words.counts, 2)
    ids, bounds = merge_encode(data.words.words, merges)
    made = merged_places(merges, occurrences(ids, bounds, data.words.counts, 258))
    letter = int(ID_OF_BYTE[ord("a")])
    assert merges.count.tolist()[0] == 4 * 3 + 2  # pairs
    assert (made[letter], made[256]) == (5 * 3 + 2 * 2, 2 * 3 + 2)  # letters, merges


def test_on_real_text_rare_tokens_make_room_and_the_file_agrees_mostly():
    data, spec = real_data(algorithm="scaffold")
    learned = train_tokenizer(data, spec)
    encoder = event_encoder(learned, spec)
    assert learned.tokenizer.get_vocab_size() == 2048
    assert learned.details["scaffold"] > 100
    assert learned.details["revived"] > 0
    ids, bounds = encoder.encode_words(data.words.words)
    uses = np.zeros(2048, np.int64)
    np.add.at(uses, ids, np.repeat(data.words.counts, np.diff(bounds)))
    last = learned.tables["events"]["count"].to_pylist()[learned.details["merges"] - 1]
    assert uses[256:].min() > 0.5 * last  # plain BPE has tokens here that never occur
    assert agreement(learned, encoder, data) > 0.85
    assert words_of(encoder, encoder.tokens) == [[index] for index in range(2048)]
    assert_round_trip(encoder, learned)


def test_the_vocabulary_holds_what_bpe_holds_but_for_the_scaffold():
    data, spec = real_data(algorithm="scaffold", vocab_size=1024)
    learned = learn(data, spec)
    merges = learned.details["merges"]
    bpe = learn(data, parse_spec({"name": "t", "vocab_size": 256 + merges})).tables["merges"]
    pairs = zip(bpe["left_bytes"].to_pylist(), bpe["right_bytes"].to_pylist(), strict=True)
    assert learned.tables["events"]["bytes"].to_pylist()[:merges] == [a + b for a, b in pairs]


def test_training_is_deterministic_and_stays_what_it_is():
    data, spec = real_data(algorithm="scaffold", vocab_size=1024)
    first, again = learn(data, spec), learn(data, spec)
    assert first.tables["events"].equals(again.tables["events"])
    assert first.tokenizer.to_str() == again.tokenizer.to_str()
    words = {"mill": 9, "miller": 7, "milling": 5, "grind": 8, "grinding": 6, "grinder": 3, "stone": 4}
    data, spec = small_data(words, algorithm="scaffold", vocab_size=266)
    rows = learn(data, spec).tables["events"].select(["source", "target"]).to_pylist()
    assert hashlib.sha256(repr(rows).encode()).hexdigest()[:16] == "caf22437b9ac3b2d"


def test_too_little_text_gives_fewer_tokens():
    data, spec = small_data({"abc": 2}, algorithm="scaffold", vocab_size=300)
    assert learn(data, spec).tokenizer.get_vocab_size() < 300
