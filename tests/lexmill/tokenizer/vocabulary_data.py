"""What the tests of the vocabulary methods share: training data of small texts, and what every such method promises."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lexmill.tokenizer.algorithms import parse_spec
from lexmill.tokenizer.encoders.load import load_encoder
from lexmill.tokenizer.export import write_tokenizer
from lexmill.tokenizer.params import TrainerSpec
from lexmill.tokenizer.split import splitter
from lexmill.tokenizer.train import train_tokenizer, training_data
from lexmill.tokenizer.trained import Learned, TrainingData
from tests.lexmill.tokenizer.texts import SENTENCES, real_texts

HARD_TEXTS = [*SENTENCES.values(), "", " ", "\x00\x7f", "a" * 1000, " \n\n\t x", "\U000f0000\U000f0002\uffff"]


def counts_table(texts: list[str], pretokenizer: str = "gpt4o", language: str = "xx") -> pa.Table:
    counter = Counter(piece for text in texts for piece in splitter(pretokenizer)(text))
    return pa.table(
        {
            "language": [language] * len(counter),
            "domain": ["web"] * len(counter),
            "split": ["train"] * len(counter),
            "word": pa.array([word.encode() for word in counter], pa.binary()),
            "count": pa.array(list(counter.values()), pa.int64()),
        }
    )


def write_sequences(
    texts: list[str], folder: Path, pretokenizer: str = "gpt4o", language: str = "xx"
) -> Path:
    documents = [[piece.encode() for piece in splitter(pretokenizer)(text)] for text in texts]
    words = sorted({word for document in documents for word in document})
    number = {word: index for index, word in enumerate(words)}
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"word": pa.array(words, pa.binary())}), folder / "words.parquet")
    columns: dict[str, Any] = {
        "language": [language] * len(texts),
        "domain": ["web"] * len(texts),
        "split": ["train"] * len(texts),
        "words": pa.array([[number[word] for word in each] for each in documents], pa.list_(pa.int32())),
    }
    pq.write_table(pa.table(columns), folder / "sequences.parquet")
    return folder


def trained(
    folder: Path | None = None, texts: list[str] | None = None, **settings: Any
) -> tuple[Learned, TrainerSpec, TrainingData]:
    """Train on texts; with a folder, sequences are written there for the methods that read them."""
    texts = real_texts() if texts is None else texts
    spec = parse_spec({"name": "test", **settings})
    sequences = write_sequences(texts, folder / "sequences") if folder is not None else None
    data = training_data(counts_table(texts), spec, sequences)
    return train_tokenizer(data, spec), spec, data


def tokens_of(learned: Learned) -> list[bytes]:
    return learned.tables["tokens"]["bytes"].to_pylist()


def require_exact_export(learned: Learned, spec: TrainerSpec, data: TrainingData, folder: Path) -> None:
    """The stored file and the exact encoder give the same ids for real and for hard texts, which come back."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = write_tokenizer(learned, spec, data, folder)
    encoder = load_encoder(folder)
    assert tokenizer.get_vocab_size() == spec.vocab_size
    assert list(encoder.tokens) == tokens_of(learned)
    for text in [*HARD_TEXTS, real_texts()[-1][:20_000]]:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        assert encoder.encode(text) == ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == text
        assert encoder.decode(ids) == text.encode()
