"""A tokenizer as a model sees it: its tokens' bytes, its special tokens by role, and the document separator."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from lexmill.tokenizer.load import load_tokenizer, token_bytes

ROLES = ("bos", "eos", "pad", "unk", "sep", "cls", "mask")
END_OF_TEXT = "<|endoftext|>"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


@dataclass(frozen=True)
class Vocabulary:
    """`tokens[i]` is what id i spells (None: a special token); `roles` maps bos, eos, ... to ids.

    `separator` stands before every document, in training and in evaluation.  The tokenizer cuts text that spells
    a special token like any other text, so that no document holds a separator.
    """

    tokenizer: Tokenizer
    tokens: tuple[bytes | None, ...]
    roles: Mapping[str, int]
    separator: int

    @property
    def size(self) -> int:
        """Number of ids, special tokens included, padding rows of a model not."""
        return len(self.tokens)

    def special_tokens(self) -> dict[int, str]:
        """Id -> content of every special token (an id that nothing uses is left out)."""
        content = {i: self.tokenizer.id_to_token(i) for i, token in enumerate(self.tokens) if token is None}
        return {index: text for index, text in content.items() if text is not None}


def load_vocabulary(folder: Path) -> Vocabulary:
    """Read `tokenizer.json` and, if there, `tokenizer_config.json` of a folder.

    The separator is the `eos_token` of `tokenizer_config.json`; without one, the special token `<|endoftext|>`;
    without that, the line feed, which every byte-level vocabulary has.
    Raises ValueError when the tokenizer has none of the three.
    """
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    config_file = folder / "tokenizer_config.json"
    config = json.loads(config_file.read_text(encoding="utf-8")) if config_file.exists() else {}
    return make_vocabulary(tokenizer, config)


def make_vocabulary(tokenizer: Tokenizer, config: Mapping[str, Any]) -> Vocabulary:
    """The same from an opened tokenizer, which it sets, and the content of its `tokenizer_config.json`."""
    tokenizer.encode_special_tokens = True
    tokens = tuple(token_bytes(tokenizer))
    roles = {}
    for role in ROLES:
        entry = config.get(f"{role}_token")
        content = entry.get("content") if isinstance(entry, Mapping) else entry
        index = tokenizer.token_to_id(content) if content else None
        if index is not None:
            roles[role] = index
    return Vocabulary(tokenizer, tokens, roles, _separator(tokenizer, tokens, roles))


def _separator(tokenizer: Tokenizer, tokens: tuple[bytes | None, ...], roles: Mapping[str, int]) -> int:
    if "eos" in roles:
        return roles["eos"]
    index = tokenizer.token_to_id(END_OF_TEXT)
    if index is not None and tokens[index] is None:
        return index
    if b"\n" in tokens:
        return tokens.index(b"\n")
    raise ValueError(
        "the tokenizer has neither an eos token nor a line feed to separate documents with: "
        f"train it with special_tokens: ['{END_OF_TEXT}']"
    )
