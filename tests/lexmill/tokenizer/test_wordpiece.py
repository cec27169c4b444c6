"""WordPiece: merges over word starts and continuations, and its encoder."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, trainers

from lexmill.tokenizer.algorithms import parse_spec
from lexmill.tokenizer.bytelevel import CHAR_OF_BYTE, to_alphabet
from lexmill.tokenizer.encoders.wordpiece import WordPieceEncoder
from lexmill.tokenizer.trainers.wordpiece import CONTINUATION
from lexmill.tokenizer.vocabulary import BYTE_TOKENS
from tests.lexmill.tokenizer.domain_texts import AWKWARD, assert_round_trips, exported, learn
from tests.lexmill.tokenizer.texts import SENTENCES, document_batch, python_sources, reference_pretokenizer

SPEC = parse_spec({"algorithm": "wordpiece", "name": "w", "vocab_size": 1200})


@pytest.fixture(scope="module")
def learned():
    return learn(SPEC)


def encoder_of(learned) -> WordPieceEncoder:
    pieces = learned.tables["pieces"]
    return WordPieceEncoder(pieces["bytes"].to_pylist(), pieces["continues"].to_pylist(), "gpt4o")


def test_every_byte_can_start_and_continue_a_word(learned):
    vocabulary = exported(learned, SPEC).get_vocab()
    assert len(vocabulary) == 1200
    for char in CHAR_OF_BYTE.values():
        assert char in vocabulary
        assert CONTINUATION + char in vocabulary


def test_texts_come_back_also_long_words_and_the_prefix_itself(learned):
    tokenizer = exported(learned, SPEC)
    assert_round_trips(tokenizer)
    assert len(set(tokenizer.encode("q" * 3000).tokens)) > 1  # no [UNK]


def test_the_encoder_is_the_file(learned):
    tokenizer, encoder = exported(learned, SPEC), encoder_of(learned)
    for text in [*AWKWARD, *python_sources()[:1]]:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        assert encoder.encode(text) == ids
        assert encoder.decode(ids) == text.encode()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.sets(st.tuples(st.booleans(), st.text("ab", min_size=2, max_size=4)), max_size=8),
    st.text("abc", min_size=1, max_size=9),
)
def test_longest_match_from_the_left(extra, word):
    tokens = [(False, token) for token in BYTE_TOKENS] + [(True, token) for token in BYTE_TOKENS]
    tokens += sorted((continues, text.encode()) for continues, text in extra)
    encoder = WordPieceEncoder([token for _, token in tokens], [flag for flag, _ in tokens], "gpt4o")
    wanted, at, data = [], 0, word.encode()
    while at < len(data):
        size = max(
            size for size in range(1, len(data) - at + 1) if (at > 0, data[at : at + size]) in set(tokens)
        )
        wanted.append(tokens.index((at > 0, data[at : at + size])))
        at += size
    assert encoder.encode_words(pa.array([data], pa.binary()))[0].tolist() == wanted


def test_merges_are_those_of_the_definition(learned):
    """The first merges, by counting symbols anew before each."""
    from lexmill.tokenizer.train import training_data
    from tests.lexmill.tokenizer.domain_texts import counts_of

    words = training_data(counts_of(), SPEC).words
    spelled = [
        ([(0, data[:1]), *((1, data[i : i + 1]) for i in range(1, len(data)))], count)
        for data, count in zip(words.words.to_pylist(), words.counts.tolist(), strict=True)
    ]
    ids = {(i // 256, BYTE_TOKENS[i % 256]): i for i in range(512)}
    made = []
    for _ in range(30):
        pairs: Counter = Counter()
        for symbols, count in spelled:
            for pair in pairwise(symbols):
                pairs[pair] += count
        best = min(pairs, key=lambda pair: (-pairs[pair], ids[pair[0]], ids[pair[1]]))
        token = (best[0][0], best[0][1] + best[1][1])
        ids[token] = len(ids)
        made.append(token)
        spelled = [(joined(symbols, best, token), count) for symbols, count in spelled]
    pieces = learned.tables["pieces"]
    found = zip(pieces["continues"].to_pylist(), pieces["bytes"].to_pylist(), strict=True)
    assert list(found)[512:542] == [(bool(flag), data) for flag, data in made]


def joined(symbols, pair, token):
    out = []
    for symbol in symbols:
        if out and (out[-1], symbol) == pair:
            out[-1] = token
        else:
            out.append(symbol)
    return out


def test_the_vocabulary_is_nearly_that_of_tokenizers():
    """The same algorithm, except for the order among equal counts; our extra continuation bytes are left out."""
    texts = [*SENTENCES.values(), *python_sources()[:2]]
    reference = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    reference.pre_tokenizer = reference_pretokenizer("gpt4o")
    trainer = trainers.WordPieceTrainer(
        vocab_size=1200, initial_alphabet=list(CHAR_OF_BYTE.values()), show_progress=False, special_tokens=[]
    )
    reference.train_from_iterator(texts, trainer)
    theirs = {token for token in reference.get_vocab() if len(token.removeprefix("##")) > 1}
    from lexmill.tokenizer.counts import count_words

    counts = count_words([document_batch([(t, "l", "d", "train") for t in texts])], "gpt4o").counts
    pieces = learn(SPEC, counts).tables["pieces"]
    ours = {
        "##" * continues + to_alphabet(data)
        for continues, data in zip(pieces["continues"].to_pylist(), pieces["bytes"].to_pylist(), strict=True)
        if len(data) > 1
    }
    assert len(ours - theirs) <= 0.02 * len(ours)


def test_too_small_a_vocabulary_is_refused():
    with pytest.raises(ValueError, match="the 512 base symbols"):
        parse_spec({"algorithm": "wordpiece", "name": "w", "vocab_size": 511})
