"""What the tests of the refined tokenizers share: definitions in plain Python, small training data, real counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from lexmill.tokenizer.algorithms import algorithm_of, parse_spec
from lexmill.tokenizer.counts import COUNTS_SCHEMA
from lexmill.tokenizer.encoders.events import EventEncoder
from lexmill.tokenizer.load import token_bytes
from lexmill.tokenizer.train import training_data
from lexmill.tokenizer.trained import Learned, TrainingData
from tests.lexmill.tokenizer.texts import SENTENCES, real_texts, word_counts_of

# Distinct words with counts > 0; few letters, so that pairs repeat, overlap and come back.
WORDS = st.dictionaries(
    st.text("ab", min_size=1, max_size=12) | st.text("abcd", min_size=1, max_size=9),
    st.integers(1, 9),
    min_size=1,
    max_size=10,
)


def counts_table(words: Mapping[str | bytes, int], language: str = "eng_Latn") -> pa.Table:
    rows = [word.encode() if isinstance(word, str) else word for word in words]
    label = [[name] * len(rows) for name in (language, "news", "train")]
    return pa.table([*label, rows, list(words.values())], schema=COUNTS_SCHEMA)


def small_data(words: Mapping[str | bytes, int], files: Mapping[str, Path] | None = None, **options: Any):
    """(training data, spec) of a few words."""
    spec = parse_spec({"name": "t", "vocab_size": 280, **options})
    return training_data(counts_table(words), spec, files=files), spec


def learn(data: TrainingData, spec: Any) -> Learned:
    return algorithm_of(spec).train_function()(data, spec)


@cache
def real_counts() -> pa.Table:
    """Word counts of our sentences and some of Python's own modules."""
    words, counts = word_counts_of(real_texts(), "gpt4o")
    return counts_table(dict(zip(words.to_pylist(), counts.tolist(), strict=True)))


def real_data(files: Mapping[str, Path] | None = None, **options: Any):
    spec = parse_spec({"name": "t", "vocab_size": 2048, **options})
    return training_data(real_counts(), spec, files=files), spec


def event_encoder(learned: Learned, spec: Any) -> EventEncoder:
    tokens = [data or b"" for data in token_bytes(learned.tokenizer)]
    return EventEncoder(tokens, learned.tables["events"], spec.pretokenizer, **learned.settings)


def words_of(encoder: Any, words: Sequence[bytes]) -> list[list[int]]:
    """Ids of each word."""
    ids, bounds = encoder.encode_words(pa.array(words, pa.binary()))
    return [ids[a:b].tolist() for a, b in pairwise(bounds.tolist())]


def agreement(learned: Learned, encoder: Any, data: TrainingData) -> float:
    """Share of the training words' occurrences that the exported file encodes as the encoder does."""
    from lexmill.tokenizer.bytelevel import to_alphabet

    model = learned.tokenizer.model
    words = data.words.words.to_pylist()
    same = [
        [token.id for token in model.tokenize(to_alphabet(word))] == ids
        for word, ids in zip(words, words_of(encoder, words), strict=True)
    ]
    return sum(data.words.counts[same]) / sum(data.words.counts)


def merged(ids: Sequence[int], source: Sequence[int], target: Sequence[int]) -> list[int]:
    """Put `target` where `source` stands, from the left."""
    out: list[int] = []
    at = 0
    while at < len(ids):
        if tuple(ids[at : at + len(source)]) == tuple(source):
            out += target
            at += len(source)
        else:
            out.append(ids[at])
            at += 1
    return out


def assert_round_trip(encoder: Any, learned: Learned) -> None:
    for text in SENTENCES.values():
        assert encoder.decode(encoder.encode(text)).decode() == text
        assert learned.tokenizer.decode(learned.tokenizer.encode(text).ids) == text


@cache
def real_morphs() -> dict[str, str]:
    """A rough analysis of the English words of `real_counts`, enough for a test: a known ending is a morph."""
    found = {}
    for word in (piece.decode().strip() for piece in real_counts()["word"].to_pylist()):
        for ending in ("ation", "ment", "able", "ing", "ion", "ed", "er", "ly", "s"):
            stem = word[: -len(ending)]
            if (
                word.isascii()
                and word.islower()
                and word.isalpha()
                and word.endswith(ending)
                and len(stem) > 2
            ):
                found[word] = f"{stem} {ending}"
                break
    return found
