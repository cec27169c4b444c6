"""A trained tokenizer as files: `tokenizer.json` that every client loads, its merge table, and its identity."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from lexmill.tokenizer.bpe import TIE_BREAK, MergeList
from lexmill.tokenizer.bytelevel import to_alphabet
from lexmill.tokenizer.checks import require_sound
from lexmill.tokenizer.params import BYTES
from lexmill.tokenizer.patterns import pattern_of, pretokenizer_label
from lexmill.tokenizer.train import TrainedTokenizer

# Special tokens with a usual role, so that `transformers` finds them.
_ROLES = {
    "bos_token": ("<s>", "<bos>", "<|begin_of_text|>", "<|startoftext|>"),
    "eos_token": ("</s>", "<eos>", "<|end_of_text|>", "<|endoftext|>"),
    "pad_token": ("<pad>", "[PAD]", "<|pad|>"),
    "unk_token": ("<unk>", "[UNK]"),
    "mask_token": ("<mask>", "[MASK]"),
}


def build_tokenizer(trained: TrainedTokenizer) -> Tokenizer:
    """The `tokenizers` object: Split(pattern) and ByteLevel, BPE, ByteLevel decoder; special tokens come last.

    Raises ValueError when a special token spells an ordinary token, whose id it would take.
    """
    params = trained.params
    tokens = [to_alphabet(data) for data in trained.merges.token_bytes()]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    pairs = zip(trained.merges.left.tolist(), trained.merges.right.tolist(), strict=True)
    merges = [(tokens[left], tokens[right]) for left, right in pairs]
    taken = [token for token in params.special_tokens if token in vocabulary]
    if taken:
        raise ValueError(
            f"tokenizer {params.name}: special token {taken[0]!r} is also an ordinary token of this vocabulary"
        )
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    if params.normalizer != "none":
        tokenizer.normalizer = {"NFC": normalizers.NFC, "NFKC": normalizers.NFKC}[params.normalizer]()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern_of(params.pretokenizer)), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    if params.special_tokens:
        tokenizer.add_special_tokens(list(params.special_tokens))
    return tokenizer


def write_tokenizer(trained: TrainedTokenizer, folder: Path) -> Tokenizer:
    """Check the tokenizer and write its files into `folder`; the same training gives the same bytes.

    Files: tokenizer.json, tokenizer_config.json, special_tokens_map.json (when there are special tokens),
    merges.parquet (step, left_id, right_id, new_id: int32; left_bytes, right_bytes: binary; count: int64 in units
    of 1/`count_scale`), lexmill.json.  Raises TokenizerCheckError, and writes nothing, when a check fails.
    """
    tokenizer = build_tokenizer(trained)
    require_sound(tokenizer, trained.params.name)
    tokenizer.save(str(folder / "tokenizer.json"))
    roles = special_roles(trained.params.special_tokens)
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "add_prefix_space": False,
            "clean_up_tokenization_spaces": False,
            **roles,
        },
    )
    if trained.params.special_tokens:
        others = [token for token in trained.params.special_tokens if token not in roles.values()]
        extra = {"additional_special_tokens": others} if others else {}
        _write_json(folder / "special_tokens_map.json", {**roles, **extra})
    pq.write_table(merge_table(trained.merges), folder / "merges.parquet", compression="zstd")
    _write_json(folder / "lexmill.json", identity(trained))
    return tokenizer


def special_roles(special_tokens: tuple[str, ...]) -> dict[str, str]:
    """{`eos_token`: token, ...} for the special tokens whose role their usual spelling says."""
    chosen = {role: [token for token in special_tokens if token in names] for role, names in _ROLES.items()}
    return {role: tokens[0] for role, tokens in chosen.items() if tokens}


def merge_table(merges: MergeList) -> pa.Table:
    """The merge list as a table, one row for each step."""
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


def identity(trained: TrainedTokenizer) -> dict[str, Any]:
    """What decides the merges, and the true mixture: shares of the weighted training data in bytes and in pairs."""
    params, data = trained.params, trained.data
    return {
        "algorithm": params.algorithm,
        "vocab_size": params.vocab_size,
        "merges": len(trained.merges),
        "tie_break": TIE_BREAK,
        "framing": "document",
        "encoder": "merges by rank, leftmost first, inside pre-tokens",
        "export": "exact",
        "pretokenizer": {
            "name": pretokenizer_label(params.pretokenizer),
            "pattern": pattern_of(params.pretokenizer),
        },
        "normalizer": params.normalizer,
        "min_frequency": params.min_frequency,
        "max_token_length": params.max_token_length,
        "special_tokens": list(params.special_tokens),
        "weights": dict(params.weights),
        "sampling_temperature": params.sampling_temperature,
        "count_scale": data.scale,
        "training_data": {
            "splits": ["train"],
            "distinct_words": len(data.words),
            "bytes": sum(data.mixture["bytes"].to_pylist()),
            "pairs": sum(data.mixture["pairs"].to_pylist()),
            "languages": data.shares("language"),
            "domains": data.shares("domain"),
            "categories": data.mixture.to_pylist(),
        },
    }


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
