"""A trained tokenizer as files: `tokenizer.json` that every client loads, what was learned, and its identity."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from lexmill.tokenizer.algorithms import algorithm_of
from lexmill.tokenizer.bpe import MergeList
from lexmill.tokenizer.params import BYTES, TrainerSpec
from lexmill.tokenizer.patterns import pattern_of, pretokenizer_label
from lexmill.tokenizer.trained import Learned, TrainingData

# Special tokens with a usual role, so that `transformers` finds them.
_ROLES = {
    "bos_token": ("<s>", "<bos>", "<|begin_of_text|>", "<|startoftext|>"),
    "eos_token": ("</s>", "<eos>", "<|end_of_text|>", "<|endoftext|>"),
    "pad_token": ("<pad>", "[PAD]", "<|pad|>"),
    "unk_token": ("<unk>", "[UNK]"),
    "mask_token": ("<mask>", "[MASK]"),
}


def finished_tokenizer(learned: Learned, spec: TrainerSpec) -> Tokenizer:
    """The learned tokenizer with its special and padding tokens behind the vocabulary.

    Raises ValueError when a special token spells an ordinary token, whose id it would take, or is there already.
    """
    tokenizer = learned.tokenizer
    vocabulary = tokenizer.get_vocab(with_added_tokens=False)
    special = [*spec.special_tokens, *spec.padding]
    added = tokenizer.get_added_tokens_decoder().values()
    ordinary = {token.content for token in added if not token.special}
    taken = [token for token in special if token in vocabulary or token in ordinary]
    if taken:
        of_base = {token.content for token in added} - ordinary
        what = (
            "a special token of the base already"
            if taken[0] in of_base
            else "also an ordinary token of this vocabulary"
        )
        raise ValueError(f"tokenizer {spec.name}: special_tokens: {taken[0]!r} is {what}; leave it out")
    if special:
        tokenizer.add_special_tokens(special)
    return tokenizer


def write_tokenizer(learned: Learned, spec: TrainerSpec, data: TrainingData, folder: Path) -> Tokenizer:
    """Write the files of a tokenizer into `folder`; the same training gives the same bytes.

    Files: tokenizer.json, tokenizer_config.json, special_tokens_map.json (when there are special tokens), a Parquet
    file for each table of `Learned`, lexmill.json (see `identity`).  Whoever stores them checks and labels them first:
    see `checks` and `label`.
    """
    tokenizer = finished_tokenizer(learned, spec)
    tokenizer.save(str(folder / "tokenizer.json"))
    added = sorted(tokenizer.get_added_tokens_decoder().items())  # also those of a base
    special = [token.content for _, token in added if token.special]
    roles = special_roles(tuple(special))
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "add_prefix_space": False,
            "clean_up_tokenization_spaces": False,
            **roles,
        },
    )
    if special:
        others = [token for token in special if token not in roles.values()]
        extra = {"additional_special_tokens": others} if others else {}
        _write_json(folder / "special_tokens_map.json", {**roles, **extra})
    for name, table in learned.tables.items():
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
    _write_json(folder / "lexmill.json", identity(learned, spec, data))
    return tokenizer


def special_roles(special_tokens: tuple[str, ...]) -> dict[str, str]:
    """{`eos_token`: token, ...} for the special tokens whose role their usual spelling says."""
    chosen = {role: [token for token in special_tokens if token in names] for role, names in _ROLES.items()}
    return {role: tokens[0] for role, tokens in chosen.items() if tokens}


def merge_table(merges: MergeList) -> pa.Table:
    """The merge list as a table, one row for each step.

    Columns: step, left_id, right_id, new_id: int32; left_bytes, right_bytes: binary; count: int64 in units of
    1/`count_scale`.
    """
    tokens = merges.token_bytes()
    steps = range(len(merges))
    return pa.table(
        {
            "step": pa.array(steps, pa.int32()),
            "left_id": pa.array(merges.left, pa.int32()),
            "right_id": pa.array(merges.right, pa.int32()),
            "new_id": pa.array((BYTES + step for step in steps), pa.int32()),
            "left_bytes": pa.array([tokens[index] for index in merges.left.tolist()], pa.binary()),
            "right_bytes": pa.array([tokens[index] for index in merges.right.tolist()], pa.binary()),
            "count": pa.array(merges.count, pa.int64()),
        }
    )


def identity(learned: Learned, spec: TrainerSpec, data: TrainingData) -> dict[str, Any]:
    """What decides the tokenizer, how it encodes, and the true mixture: shares of the weighted training data in bytes
    and in pairs.  `parameters` are those of the algorithm alone."""
    algorithm, words = algorithm_of(spec), data.words
    pretokenizer = learned.pretokenizer or spec.pretokenizer
    common = TrainerSpec.model_fields.keys() | {"algorithm"}
    return {
        "algorithm": algorithm.name,
        "paper": algorithm.paper,
        "vocab_size": spec.vocab_size + len(spec.padding),
        "tie_break": learned.tie_break,
        "framing": spec.framing,
        "encoder": {"name": algorithm.encoder, "settings": dict(learned.settings)},
        "export": {"label": algorithm.export},
        "lossy": algorithm.lossy,
        "pretokenizer": {"name": pretokenizer_label(pretokenizer), "pattern": pattern_of(pretokenizer)},
        "trained_with": {
            "name": pretokenizer_label(spec.pretokenizer),
            "pattern": pattern_of(spec.pretokenizer),
        },
        "normalizer": spec.normalizer,
        "parameters": {k: v for k, v in spec.model_dump(mode="json").items() if k not in common},
        "special_tokens": list(spec.special_tokens),
        "padding": len(spec.padding),
        "weights": dict(spec.weights),
        "sampling_temperature": spec.sampling_temperature,
        "bucket_weighting": spec.bucket_weighting,
        "count_scale": words.scale,
        **learned.details,
        "training_data": {
            "splits": ["train"],
            "distinct_words": len(words.words),
            "bytes": sum(words.mixture["bytes"].to_pylist()),
            "pairs": sum(words.mixture["pairs"].to_pylist()),
            "languages": words.shares("language"),
            "domains": words.shares("domain"),
            "categories": words.mixture.to_pylist(),
        },
    }


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
