"""Small word-count tables, and what the tests of several trainers ask of what was learned."""

from __future__ import annotations

import pyarrow as pa
from tokenizers import Tokenizer

from lexmill.tokenizer.counts import count_words
from lexmill.tokenizer.export import finished_tokenizer
from lexmill.tokenizer.params import TrainerSpec
from lexmill.tokenizer.train import train_tokenizer, training_data
from lexmill.tokenizer.trained import Learned
from tests.lexmill.tokenizer.texts import SENTENCES, document_batch, python_sources

AWKWARD = [
    "",
    " ",
    "a" * 3000,
    "  \n\n\t x  \r\n",
    "## ### \ue000 \U000f0000\U000f0001 <0x41> [UNK]",
    "\x00\x18\x7f\x80\xad\xff\u0378\U0001f9ff\U0010ffff",
    "10 1999 (a)(1) XIV </div>  ```x``` 12345 x1999",
    *SENTENCES.values(),
]


def counts_of(pretokenizer: str = "gpt4o", normalizer: str = "none", sources: int = 2) -> pa.Table:
    """Word counts of the sentences (train and valid) and of some Python files (train)."""
    rows = [
        (text, label, "prose", split) for label, text in SENTENCES.items() for split in ("train", "valid")
    ]
    rows += [(text, "python", "code", "train") for text in python_sources()[:sources]]
    return count_words([document_batch(rows)], pretokenizer, normalizer).counts


def learn(spec: TrainerSpec, counts: pa.Table | None = None, **files: object) -> Learned:
    table = counts if counts is not None else counts_of(spec.pretokenizer, spec.normalizer)
    return train_tokenizer(training_data(table, spec, files=files), spec)  # type: ignore[arg-type]


def exported(learned: Learned, spec: TrainerSpec) -> Tokenizer:
    """The tokenizer as a client reads it from its file."""
    return Tokenizer.from_str(finished_tokenizer(learned, spec).to_str())


def normal(tokenizer: Tokenizer, text: str) -> str:
    return tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer is not None else text


def assert_round_trips(tokenizer: Tokenizer) -> None:
    for text in AWKWARD:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == normal(tokenizer, text), text
