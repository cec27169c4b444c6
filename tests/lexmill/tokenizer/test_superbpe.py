"""SuperBPE learns what its two stages say, and its exported file encodes exactly so."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pyarrow as pa
import pytest
from pydantic import ValidationError

from lexmill.tokenizer.algorithms import parse_spec
from lexmill.tokenizer.bpe import train_bpe
from lexmill.tokenizer.encoders.load import load_encoder
from lexmill.tokenizer.export import write_tokenizer
from lexmill.tokenizer.split import splitter
from lexmill.tokenizer.train import train_tokenizer, training_data
from lexmill.tokenizer.trainers.superwords import encode_words
from tests.lexmill.tokenizer.texts import SENTENCES, python_sources, real_texts, word_counts_of
from tests.lexmill.tokenizer.vocabulary_data import HARD_TEXTS, counts_table, write_sequences

SIZE, TRANSITION = 3000, 2400


def learn(folder, texts, **settings):
    pretokenizer = settings.pop("pretokenizer", "superbpe")
    spec = parse_spec({"name": "t", "pretokenizer": pretokenizer, **settings})
    sequences = write_sequences(texts, folder, pretokenizer)
    data = training_data(counts_table(texts, pretokenizer), spec, sequences)
    return train_tokenizer(data, spec), spec, data


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sequences")
    return learn(folder, real_texts(), algorithm="superbpe", vocab_size=SIZE, transition=TRANSITION)


def tokens_of(learned) -> list[bytes]:
    table = learned.tables["merges"]
    return [
        a + b for a, b in zip(table["left_bytes"].to_pylist(), table["right_bytes"].to_pylist(), strict=True)
    ]


def plain_second_stage(texts, first, merges):
    """Stage 2 by its definition: every stretch as stage 1 encodes it, recounted before every merge."""
    stretches = Counter(piece for text in texts for piece in splitter("superbpe2")(text))
    ids, offsets = encode_words(pa.array([piece.encode() for piece in stretches], pa.binary()), first)
    rows = [ids[a:b].tolist() for a, b in pairwise(offsets.tolist())]
    tokens = first.token_bytes()
    learned = []
    while len(learned) < merges:
        pairs: Counter[tuple[int, int]] = Counter()
        for row, count in zip(rows, stretches.values(), strict=True):
            for pair in pairwise(row):
                pairs[pair] += count
        best = min((pair for pair in pairs if allowed(tokens, pair)), key=lambda pair: (-pairs[pair], pair))
        learned.append((*best, pairs[best]))
        tokens.append(tokens[best[0]] + tokens[best[1]])
        rows = [merged(row, best, len(tokens) - 1) for row in rows]
    return learned


def allowed(tokens, pair):
    token = tokens[pair[0]] + tokens[pair[1]]
    return b": " not in token and len([part for part in token.split(b" ") if part]) <= 4


def merged(row, pair, new):
    out = []
    while row:
        if tuple(row[:2]) == pair:
            out.append(new)
            row = row[2:]
        else:
            out.append(row[0])
            row = row[1:]
    return out


def test_both_stages_equal_their_definition(tmp_path):
    texts = [*list(SENTENCES.values())[:6], python_sources()[2][:6000]]
    learned, spec, _ = learn(tmp_path, texts, algorithm="superbpe", vocab_size=460, transition=400)
    first = train_bpe(*word_counts_of(texts, "superbpe"), 400 - 256)
    table = learned.tables["merges"]
    found = list(zip(*(table[name].to_pylist() for name in ("left_id", "right_id", "count")), strict=True))
    expected = list(zip(first.left.tolist(), first.right.tolist(), first.count.tolist(), strict=True))
    assert found[: len(first)] == expected
    assert found[len(first) :] == plain_second_stage(texts, first, 60)
    assert learned.pretokenizer == spec.wide_pretokenizer


def test_superwords_have_at_most_four_words_and_no_colon_before_a_space(trained):
    late = tokens_of(trained[0])[TRANSITION - 256 :]
    words = [len([part for part in token.split(b" ") if part]) for token in late]
    assert max(words) in (3, 4)
    assert sum(number > 1 for number in words) > len(late) / 3
    assert not any(b": " in token for token in late)
    assert b" is not" in late


def test_the_file_encodes_exactly_and_shorter_than_bpe(trained, tmp_path):
    learned, spec, data = trained
    tokenizer = write_tokenizer(learned, spec, data, tmp_path)
    encoder = load_encoder(tmp_path)
    for text in [*HARD_TEXTS, *real_texts()[:25]]:
        ids = encoder.encode(text)
        assert ids == tokenizer.encode(text).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == text
    bpe, _, _ = learn(tmp_path / "bpe", real_texts(), algorithm="bpe", vocab_size=SIZE)
    lengths = [
        sum(len(each.ids) for each in t.encode_batch(real_texts())) for t in (tokenizer, bpe.tokenizer)
    ]
    assert lengths[0] < 0.97 * lengths[1]


def test_without_a_second_stage_it_is_bpe(tmp_path):
    texts = list(SENTENCES.values())
    learned, _, _ = learn(tmp_path / "a", texts, algorithm="superbpe", vocab_size=500, transition=500)
    bpe, _, _ = learn(tmp_path / "b", texts, algorithm="bpe", vocab_size=500)
    assert learned.tables["merges"] == bpe.tables["merges"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"transition": 255}, "transition 255 means 255 ids"),
        ({"transition": 1001}, "transition 1001 means 1001 ids"),
        ({"transition": 0.2}, "transition 0.2 means 200 ids"),
        ({"transition": 300.5}, "whole number"),
        ({"wide_pretokenizer": "("}, "not a valid regular expression"),
    ],
)
def test_bad_parameters_are_named(settings, message):
    with pytest.raises(ValidationError, match=message):
        parse_spec({"name": "t", "algorithm": "superbpe", "vocab_size": 1000, **settings})


def test_supertokens_cross_words_within_the_walls(tmp_path):
    texts = real_texts()
    settings = {"algorithm": "supertoken", "vocab_size": 2000}
    learned, spec, data = learn(tmp_path, texts, **settings)
    assert tokens_of(learned) == tokens_of(learn(tmp_path / "again", texts, **settings)[0])
    assert tokens_of(learned) != tokens_of(learn(tmp_path / "other", texts, seed=1, **settings)[0])
    assert b" is not" in tokens_of(learned)
    longest = max(len(token.split()) for token in tokens_of(learned))
    assert 2 < longest <= 5
    out = tmp_path / "out"
    out.mkdir()
    tokenizer = write_tokenizer(learned, spec, data, out)
    encoder = load_encoder(out)
    for text in [*HARD_TEXTS, *texts[:25]]:
        ids = encoder.encode(text)
        assert ids == tokenizer.encode(text).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_a_chunk_of_one_word_is_bpe(tmp_path):
    texts = list(SENTENCES.values())
    one = {"shortest_chunk": 1, "longest_chunk": 1, "wide_pretokenizer": "superbpe"}
    learned, _, _ = learn(tmp_path / "a", texts, algorithm="supertoken", vocab_size=500, **one)
    bpe, _, _ = learn(tmp_path / "b", texts, algorithm="bpe", vocab_size=500)
    assert learned.tables["merges"] == bpe.tables["merges"]


def test_chunk_lengths_in_the_wrong_order_are_named():
    spec = {"name": "t", "algorithm": "supertoken", "vocab_size": 1000, "shortest_chunk": 6}
    with pytest.raises(ValidationError, match="shortest_chunk 6 is larger than longest_chunk 5"):
        parse_spec(spec)
