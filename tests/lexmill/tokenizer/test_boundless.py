"""BoundlessBPE in two passes learns what its single pass does, and encodes by its events."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from lexmill.tokenizer.bpe import MergeList, train_bpe
from lexmill.tokenizer.encoders.load import load_encoder
from lexmill.tokenizer.export import write_tokenizer
from lexmill.tokenizer.label import measure_agreement
from lexmill.tokenizer.split import splitter
from lexmill.tokenizer.trainers.boundless import interleave, is_mergeable
from tests.lexmill.tokenizer.test_superbpe import learn, merged
from tests.lexmill.tokenizer.texts import SENTENCES, python_sources, real_texts, word_counts_of
from tests.lexmill.tokenizer.vocabulary_data import HARD_TEXTS

TEXTS = [*list(SENTENCES.values())[:6], python_sources()[0][:10_000]]


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("boundless")
    learned, spec, data = learn(
        folder / "sequences", real_texts(), algorithm="boundless", vocab_size=3000, pretokenizer="gpt4o"
    )
    return learned, write_tokenizer(learned, spec, data, folder), load_encoder(folder), folder


def single_pass(texts: list[str], size: int) -> list[tuple[bool, bytes, bytes, int]]:
    """The paper's one pass: both states live side by side, the better pair of the two is merged.

    Equal pairs are chosen by the ids of the two-pass method: those of plain BPE, then those of superwords.
    """
    documents = [splitter("gpt4o")(text) for text in texts]
    counts = Counter(word for document in documents for word in document)
    words = {word: [bytes([byte]) for byte in word.encode()] for word in counts}
    plain = train_bpe(*word_counts_of(texts, "gpt4o"), size - 256).token_bytes()
    number = {token: index for index, token in enumerate(plain)}
    rows: list[list[bytes | str]] = [list(document) for document in documents]
    events: list[tuple[bool, bytes, bytes, int]] = []
    while len(events) < size - 256:
        for row in rows:  # a word that has become one token is unlocked
            for at, item in enumerate(row):
                if isinstance(item, str) and len(words[item]) == 1 and is_mergeable(words[item][0]):
                    row[at] = words[item][0]
        inner: Counter[tuple[bytes, bytes]] = Counter()
        for word, tokens in words.items():
            for pair in pairwise(tokens):
                inner[pair] += counts[word]
        outer: Counter[tuple[bytes, bytes]] = Counter()
        for row in rows:
            for a, b in pairwise(row):
                if isinstance(a, bytes) and isinstance(b, bytes):
                    outer[a, b] += 1
        best = [
            min(pairs, key=lambda pair: (-pairs[pair], number[pair[0]], number[pair[1]]), default=None)
            for pairs in (inner, outer)
        ]
        superword = best[1] is not None and (best[0] is None or outer[best[1]] > inner[best[0]])
        left, right = best[superword]
        events.append((superword, left, right, (outer if superword else inner)[left, right]))
        number.setdefault(left + right, len(number))
        if superword:
            rows = [merged(row, (left, right), left + right) for row in rows]
        else:
            words = {word: merged(tokens, (left, right), left + right) for word, tokens in words.items()}
    return events


def test_two_passes_learn_what_one_pass_learns(tmp_path):
    learned, _, _ = learn(tmp_path, TEXTS, algorithm="boundless", vocab_size=800, pretokenizer="gpt4o")
    names = ("superword", "left_bytes", "right_bytes", "count")
    found = list(zip(*(learned.tables["events"][name].to_pylist() for name in names), strict=True))
    assert found == single_pass(TEXTS, 800)
    assert sum(superword for superword, *_ in found) > 10


def by_events(text: str, events, tokens: list[bytes]) -> list[int]:
    """Inference as published: the applicable event of the lowest index above the last one, until there is none."""
    base = {token: index for index, token in enumerate(tokens[:256])}
    chunks = [[base[bytes([byte])] for byte in word.encode()] for word in splitter("gpt4o")(text)]
    for superword, left, right, new in events:
        if not superword:
            chunks = [merged(chunk, (left, right), new) for chunk in chunks]
            continue
        out: list[list[int]] = []
        for chunk in chunks:
            if chunk == [right] and out and out[-1] == [left]:
                out[-1] = [new, -1]  # not to be joined again by this event
            else:
                out.append(chunk)
        chunks = [[new] if chunk[-1:] == [-1] else chunk for chunk in out]
    return [index for chunk in chunks for index in chunk]


def test_encoder_equals_the_events_one_by_one(stored):
    learned, _, encoder, _ = stored
    table = learned.tables["events"]
    names = ("superword", "left_id", "right_id", "new_id")
    events = list(zip(*(table[name].to_pylist() for name in names), strict=True))
    for text in [*list(SENTENCES.values())[::3], "", python_sources()[0][2000:3500]]:
        assert encoder.encode(text) == by_events(text, events, encoder.tokens)


def test_long_runs_take_the_other_way_to_the_same_ids(stored):
    learned, _, encoder, _ = stored
    table = learned.tables["events"]
    names = ("superword", "left_id", "right_id", "new_id")
    events = list(zip(*(table[name].to_pylist() for name in names), strict=True))
    text = " if not self" * 20 + " is not None" * 20
    assert encoder.encode(text) == by_events(text, events, encoder.tokens)
    assert len(encoder.encode(" is not" * 100_000)) <= 100_000


def test_every_text_comes_back_from_both(stored):
    _, tokenizer, encoder, _ = stored
    for text in [*HARD_TEXTS, *real_texts()[:25]]:
        assert encoder.decode(encoder.encode(text)) == text.encode()
        assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


def test_the_file_comes_close(stored):
    _, tokenizer, encoder, folder = stored
    words, counts = word_counts_of(real_texts()[-2:], "gpt4o")
    agreement = measure_agreement(encoder, tokenizer, words, counts, texts=real_texts())
    assert agreement.text_agreement > 0.99
    assert abs(agreement.token_ratio - 1) < 0.01
    assert json.loads((folder / "lexmill.json").read_text())["export"]["label"] == "approximate"


def test_superwords_shorten_text(stored, tmp_path):
    learned, _, encoder, _ = stored
    bpe, _, _ = learn(tmp_path, real_texts(), algorithm="bpe", vocab_size=3000, pretokenizer="gpt4o")
    before = sum(len(each.ids) for each in bpe.tokenizer.encode_batch(real_texts()))
    assert len(encoder.encode_batch(real_texts())[0]) < 0.985 * before
    assert learned.tokenizer.get_vocab_size() == 3000
    made = set(learned.tables["events"]["new_id"].to_pylist())
    assert made == set(range(256, 3000))  # no id is lost to a token that is gone


@pytest.mark.parametrize(
    "token", [b" of", b"the", b"a", " l\u2019été".encode(), b"_name", "的".encode(), b"don't"]
)
def test_words_of_letters_may_be_part_of_superwords(token):
    assert is_mergeable(token)


@pytest.mark.parametrize("token", [b" ", b"12", b" (a", b"x\n", b"_", b"'", "é".encode()[:1], b"a1"])
def test_other_words_may_not(token):
    assert not is_mergeable(token)


def test_interleaving_follows_counts_and_shares_spellings():
    a, b, c = 0, 1, 2
    words = MergeList(*(np.array(x) for x in ([a, b], [b, c], [10, 4])))  # ab 10, bc 4
    supers = tuple(np.array(x) for x in ([256, 258, a], [a, 256, b], [7, 4, 3]))  # ab+a 7, aba+ab 4, a+b 3
    tokens, events = interleave(words, supers, 1, 260)
    spell = words.token_bytes()
    assert [(event.superword, tokens[event.new]) for event in events] == [
        (False, spell[256]),
        (True, spell[256] + spell[a]),
        (False, spell[257]),  # ties go to merges within words
        (True, spell[256] + spell[a] + spell[256]),
    ]
    assert len(interleave(words, supers, 1, 258)[0]) == 258
    assert interleave(words, supers, 1, 300)[1][-1].new == 256  # a + b is spelled like an earlier token
