"""Opening any `tokenizer.json` and reading the bytes that its ids stand for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from lexmill.tokenizer.bytelevel import from_alphabet

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")


def load_tokenizer(path: Path | str) -> Tokenizer:
    """Open a `tokenizer.json`, or the one in a folder.  Raises ValueError when there is none or it is not valid."""
    path = Path(path)
    file = path / "tokenizer.json" if path.is_dir() else path
    if not file.is_file():
        raise ValueError(f"{file} does not exist: give a tokenizer.json or a folder that holds one")
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # `tokenizers` raises nothing narrower
        raise ValueError(f"{file} is not a tokenizer.json that `tokenizers` can read: {error}") from None


def component_types(part: Any) -> set[str]:
    """The `type` names of a tokenizer.json component and of everything inside it."""
    if isinstance(part, dict):
        own = {part["type"]} if isinstance(part.get("type"), str) else set()
        return own.union(*(component_types(value) for value in part.values()))
    if isinstance(part, list):
        return set().union(*(component_types(value) for value in part))
    return set()


def token_bytes(tokenizer: Tokenizer) -> list[bytes | None]:
    """The bytes of every id, from 0 to the largest id; None for special tokens and for ids without a token.

    Byte-level tokenizers: the byte alphabet is undone.  SentencePiece style (`Metaspace`, a `Replace` of U+2581,
    or `byte_fallback`): U+2581 is a space and `<0xNN>` one byte.  WordPiece: the continuation prefix is dropped.
    Added tokens that are not special stand for their own text.
    """
    spec = json.loads(tokenizer.to_str())
    model = spec["model"]
    types = component_types(spec.get("pre_tokenizer")) | component_types(spec.get("decoder"))
    byte_level = "ByteLevel" in types
    written = json.dumps([spec.get("normalizer"), spec.get("decoder")], ensure_ascii=False)
    spaces = not byte_level and ("Metaspace" in types or "\u2581" in written)
    prefix = model.get("continuing_subword_prefix") or "" if model["type"] == "WordPiece" else ""
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    added = tokenizer.get_added_tokens_decoder()
    result: list[bytes | None] = [None] * (max(vocabulary.values(), default=-1) + 1)
    for token, index in vocabulary.items():
        if index in added:
            result[index] = None if added[index].special else added[index].content.encode()
        elif byte_level:
            result[index] = from_alphabet(token)
        elif model.get("byte_fallback") and (match := _BYTE_TOKEN.fullmatch(token)):
            result[index] = bytes([int(match[1], 16)])
        else:
            text = token.removeprefix(prefix) if prefix else token
            result[index] = (text.replace("\u2581", " ") if spaces else text).encode()
    return result
