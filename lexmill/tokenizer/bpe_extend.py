"""Continued BPE: a byte-level BPE `tokenizer.json` goes on learning, and every id it has stays what it is.

The words are encoded by the base tokenizer, and BPE learns on its tokens; new tokens take the ids behind its last one,
its merges come before the new ones.  So a text without anything new keeps its ids, and weights of a model that were
trained for them keep their rows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tokenizers import Tokenizer

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.bpe_characters import JOINED, character_classes
from lexmill.tokenizer.bpe_symbols import learn_symbol_merges
from lexmill.tokenizer.bytelevel import CHAR_OF_BYTE, from_alphabet, to_alphabet
from lexmill.tokenizer.encode import encode_flat
from lexmill.tokenizer.load import load_tokenizer
from lexmill.tokenizer.patterns import PATTERNS, pattern_of

_RETRIES = 64  # how many tokens that its merges never make a base may have in the way of new ones


@dataclass
class BpeRules:
    """What a byte-level BPE file says, grown in place by `extend`.

    file: the tokenizer.json; vocabulary: {token as written: id} with the added tokens; added: what those are;
    merges: (left, right, new) ids in order; counts: that of every merge, None for those of the file.
    """

    file: dict[str, Any]
    vocabulary: dict[str, int]
    added: frozenset[str]
    merges: list[tuple[int, int, int]]
    counts: list[int | None]

    def token_bytes(self) -> list[bytes]:
        """The bytes of every id; b"" for added tokens and ids without a token."""
        tokens = [b""] * (max(self.vocabulary.values()) + 1)
        for token, index in self.vocabulary.items():
            if token not in self.added:
                tokens[index] = from_alphabet(token) or b""
        return tokens

    def tokenizer(self) -> Tokenizer:
        """The file with this vocabulary and these merges; added tokens stand in the vocabulary to keep their ids."""
        written = {index: token for token, index in self.vocabulary.items()}
        merges = [(written[left], written[right]) for left, right, _ in self.merges]
        model = {**self.file["model"], "vocab": self.vocabulary, "merges": merges}
        return Tokenizer.from_str(json.dumps({**self.file, "model": model}))

    def table(self) -> pa.Table:
        """All merges; columns as in `export.merge_table`, `count` null for those of the file."""
        tokens = self.token_bytes()
        left, right, new = zip(*self.merges, strict=True) if self.merges else ((), (), ())
        return pa.table(
            {
                "step": pa.array(range(len(self.merges)), pa.int32()),
                "left_id": pa.array(left, pa.int32()),
                "right_id": pa.array(right, pa.int32()),
                "new_id": pa.array(new, pa.int32()),
                "left_bytes": pa.array([tokens[index] for index in left], pa.binary()),
                "right_bytes": pa.array([tokens[index] for index in right], pa.binary()),
                "count": pa.array(self.counts, pa.int64()),
            }
        )


def read_rules(path: Path, pretokenizer: str, normalizer: str) -> BpeRules:
    """Open a byte-level BPE `tokenizer.json`, or the one in a folder, that cuts text as `pretokenizer` does.

    Raises ValueError naming `base` for a tokenizer that is none, `pretokenizer` or `normalizer` where they differ.
    """
    file: dict[str, Any] = json.loads(load_tokenizer(path).to_str())
    model = file["model"]
    if model["type"] != "BPE" or any(
        model.get(key) for key in ("dropout", "continuing_subword_prefix", "end_of_word_suffix")
    ):
        raise ValueError(
            f"base is a {model['type']} tokenizer of another kind: give one of plain byte-level BPE"
        )
    _check_cutting(file, pretokenizer, normalizer)
    vocabulary: dict[str, int] = dict(model["vocab"])
    if any(char not in vocabulary for char in CHAR_OF_BYTE.values()):
        raise ValueError(
            "base does not have all 256 bytes as tokens: give a complete byte-level BPE tokenizer"
        )
    pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
    merges = [(vocabulary[a], vocabulary[b], vocabulary[a + b]) for a, b in pairs]
    vocabulary |= {token["content"]: token["id"] for token in file["added_tokens"]}
    if len(set(vocabulary.values())) < len(vocabulary):
        raise ValueError("base gives one id to two tokens: give a tokenizer whose ids are distinct")
    added = frozenset(token["content"] for token in file["added_tokens"])
    return BpeRules(file, vocabulary, added, merges, [None] * len(merges))


def extend(
    rules: BpeRules,
    words: pa.Array,
    counts: np.ndarray,
    tokens: int,
    min_frequency: int = 0,
    max_token_length: int | None = None,
    whole_characters: bool = False,
) -> None:
    """Learn `tokens` new tokens, fewer when no pair is left; the other arguments are those of `train_bpe`.

    A merge that spells a token which is there already, but which no merge made, makes that token and takes no new id.
    Raises ValueError naming `base` when too many stand in the way, or an added token does.
    """
    wanted = len(rules.vocabulary) + tokens
    for _ in range(_RETRIES):
        spelled = rules.token_bytes()
        symbols, offsets, weights = _encoded(rules, words, counts)
        left, right, count = learn_symbol_merges(
            symbols,
            offsets,
            weights,
            len(spelled),
            wanted - len(rules.vocabulary),
            min_frequency,
            sizes=np.array([max(len(token), 1) for token in spelled], np.int32),
            largest=max_token_length,
            classes=character_classes(spelled) if whole_characters else None,
            joined=JOINED if whole_characters else None,
        )
        if _append(rules, spelled, zip(left.tolist(), right.tolist(), count.tolist(), strict=True)):
            return
    raise ValueError("base has too many tokens that its merges never make: give a tokenizer that is complete")


def _append(rules: BpeRules, spelled: list[bytes], learned: Any) -> bool:
    """Add merges up to one that spells a token there is; False when there was one, and the rest has to be relearned."""
    for left, right, count in learned:
        token = to_alphabet(spelled[left] + spelled[right])
        if token in rules.added:
            raise ValueError(f"base has the added token {token!r}, which this text spells: give another base")
        known = token in rules.vocabulary
        new = rules.vocabulary.setdefault(token, len(spelled))
        rules.merges.append((left, right, new))
        rules.counts.append(count)
        if known:
            return False
        spelled.append(spelled[left] + spelled[right])
    return True


def _encoded(
    rules: BpeRules, words: pa.Array, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Words as token ids: int32 ids, int64 offsets[n + 1] and int64 counts[n]."""
    if rules.file["model"].get("ignore_merges"):  # words that are tokens are never cut
        whole = pa.array([token for token in rules.token_bytes() if token], pa.binary())
        rest = pc.invert(pc.is_in(words.cast(pa.binary()), whole))
        words, counts = words.filter(rest), counts[rest.to_numpy(zero_copy_only=False)]
    data, offsets = flat_bytes(words)
    id_of_byte = np.array([rules.vocabulary[CHAR_OF_BYTE[byte]] for byte in range(256)], np.int32)
    left, right, new = np.array(rules.merges, np.int32).reshape(-1, 3).T.copy()
    symbols, bounds = encode_flat(data, offsets, id_of_byte, left, right, new)
    return symbols, bounds, counts


def _check_cutting(file: dict[str, Any], pretokenizer: str, normalizer: str) -> None:
    """Raise ValueError unless the file normalises and cuts text as the spec says."""
    theirs = (file["normalizer"] or {"type": "none"})["type"]
    if theirs != normalizer:
        raise ValueError(
            f"normalizer {normalizer} is not that of the base tokenizer: give normalizer {theirs}"
        )
    pattern = _pattern(file["pre_tokenizer"])
    if pattern is None:
        raise ValueError("base cuts text by more than one regular expression, so its words cannot be counted")
    if pattern != pattern_of(pretokenizer):
        names = [name for name in PATTERNS if PATTERNS[name] == pattern]
        raise ValueError(
            f"pretokenizer {pretokenizer!r} does not cut as the base tokenizer does: "
            f"give pretokenizer {names[0] if names else pattern!r}"
        )


def _pattern(part: dict[str, Any] | None) -> str | None:
    """The one expression that a byte-level pre_tokenizer cuts by; None when it cuts in another way."""
    part = part or {}
    steps = part.get("pretokenizers", []) if part.get("type") == "Sequence" else [part]
    if not steps or steps[-1].get("type") != "ByteLevel" or steps[-1].get("add_prefix_space"):
        return None
    if len(steps) == 1:
        return PATTERNS["gpt2"] if steps[0].get("use_regex") else None
    split = steps[0]
    plain = split.get("type") == "Split" and split["behavior"] == "Isolated" and not split["invert"]
    if len(steps) > 2 or not plain or steps[1].get("use_regex"):
        return None
    pattern = split["pattern"].get("Regex")
    return str(pattern) if pattern is not None else None
