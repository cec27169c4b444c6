"""Small real things for the model tests: hand-written text, tokenizers trained on it, a documents table."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from lexmill.training.params import ArchitectureParams
from lexmill.training.vocabulary import END_OF_TEXT, Vocabulary, make_vocabulary

ENGLISH_SUBJECTS = (
    "The old miller",
    "A young engineer",
    "Her neighbour",
    "The river",
    "Our teacher",
    "The train",
)
ENGLISH_VERBS = ("crosses", "remembers", "follows", "repairs", "describes", "watches")
ENGLISH_OBJECTS = ("the wooden bridge", "a quiet village", "the morning market", "an ancient library")
FRENCH_SUBJECTS = ("Le vieux meunier", "Une jeune ingénieure", "Sa voisine", "La rivière", "Le train de nuit")
FRENCH_VERBS = ("traverse", "retrouve", "suit", "répare", "décrit", "regarde")
FRENCH_OBJECTS = ("le pont de bois", "un village tranquille", "le marché du matin", "la bibliothèque")

TINY = ArchitectureParams(
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
)


def sentences(language: str) -> list[str]:
    """All subject-verb-object sentences of `eng_Latn` or `fra_Latn`."""
    parts = {
        "eng_Latn": (ENGLISH_SUBJECTS, ENGLISH_VERBS, ENGLISH_OBJECTS),
        "fra_Latn": (FRENCH_SUBJECTS, FRENCH_VERBS, FRENCH_OBJECTS),
    }[language]
    return [f"{s} {v} {o}." for s in parts[0] for v in parts[1] for o in parts[2]]


def train_tokenizer(texts: list[str], vocab_size: int, special: bool = True) -> Tokenizer:
    """A byte-level BPE tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT] if special else [],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def config_of_tokenizer(tokenizer: Tokenizer) -> dict[str, str]:
    """`tokenizer_config.json` of a tokenizer of `train_tokenizer`."""
    config = {"tokenizer_class": "PreTrainedTokenizerFast"}
    return config | ({"eos_token": END_OF_TEXT} if tokenizer.token_to_id(END_OF_TEXT) is not None else {})


def vocabulary(texts: list[str], vocab_size: int, special: bool = True) -> Vocabulary:
    """A vocabulary of such a tokenizer."""
    tokenizer = train_tokenizer(texts, vocab_size, special)
    return make_vocabulary(tokenizer, config_of_tokenizer(tokenizer))


def save_tokenizer(folder: Path, tokenizer: Tokenizer) -> Path:
    """Write the files of a tokenizer artifact."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(config_of_tokenizer(tokenizer)))
    return folder


def documents_table(copies: int = 1) -> pa.Table:
    """Both languages; every 5th document valid, every 5th (offset 1) test; a document is three sentences."""
    rows = []
    for language in ("eng_Latn", "fra_Latn"):
        lines = sentences(language)
        for number in range(0, copies * len(lines), 3):
            text = f"{number}. " + " ".join(lines[(number * 7 + k) % len(lines)] for k in range(3))
            rows.append(
                {
                    "id": "tiny:" + hashlib.sha256(text.encode()).hexdigest()[:16],
                    "text": text,
                    "language": language,
                    "domain": "stories",
                    "bytes": len(text.encode()),
                    "split": {0: "valid", 1: "test"}.get(number // 3 % 5, "train"),
                }
            )
    return pa.Table.from_pylist(rows)


def write_documents(path: Path, copies: int = 1) -> Path:
    """`documents.parquet` with the columns that training reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(documents_table(copies), path)
    return path
