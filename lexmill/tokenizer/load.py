"""Opening any `tokenizer.json` and reading the bytes that its ids stand for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from lexmill.tokenizer.bytelevel import from_alphabet

LARGEST_ID = (1 << 24) - 1  # tables by id are made for every tokenizer that is opened
BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")


def load_tokenizer(path: Path | str) -> Tokenizer:
    """Open a `tokenizer.json`, or the one in a folder.

    Raises ValueError when there is none, it is not valid, or an id is larger than LARGEST_ID.
    """
    path = Path(path)
    file = path / "tokenizer.json" if path.is_dir() else path
    if not file.is_file():
        raise ValueError(f"{file} does not exist: give a tokenizer.json or a folder that holds one")
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # `tokenizers` raises nothing narrower
        raise ValueError(f"{file} is not a tokenizer.json that `tokenizers` can read: {error}") from None
    largest = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=0)
    if largest > LARGEST_ID:
        raise ValueError(f"{file} has a token with id {largest}: ids up to {LARGEST_ID} can be read")
    return tokenizer


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
    spell = _speller(spec)
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    added = tokenizer.get_added_tokens_decoder()
    result: list[bytes | None] = [None] * (max(vocabulary.values(), default=-1) + 1)
    for token, index in vocabulary.items():
        if index not in added:
            result[index] = spell(token)
        elif not added[index].special:
            result[index] = added[index].content.encode()
    return result


def model_bytes(tokenizer: Tokenizer) -> list[bytes]:
    """The bytes of every id of the model itself, which is what plain text can be encoded to.

    b"" for added tokens, which are matched before the model sees the text, and for ids without a token.
    """
    spell = _speller(json.loads(tokenizer.to_str()))
    vocabulary = tokenizer.get_vocab(with_added_tokens=False)
    added = tokenizer.get_added_tokens_decoder()
    result = [b""] * (max(vocabulary.values(), default=-1) + 1)
    for token, index in vocabulary.items():
        if index not in added:
            result[index] = spell(token) or b""
    return result


def continuation_prefix(model: Mapping[str, Any]) -> str:
    """What the model of a tokenizer.json writes before a token that does not begin a word ("" for most)."""
    return str(model.get("continuing_subword_prefix") or "") if model["type"] == "WordPiece" else ""


def is_byte_level(spec: Mapping[str, Any]) -> bool:
    """Whether the tokens of a tokenizer.json are written in the byte alphabet."""
    return "ByteLevel" in component_types(spec.get("pre_tokenizer")) | component_types(spec.get("decoder"))


def _speller(spec: Mapping[str, Any]) -> Callable[[str], bytes | None]:
    """A function from a token of this tokenizer.json to its bytes."""
    model = spec["model"]
    prefix = continuation_prefix(model)
    if is_byte_level(spec):
        return lambda token: from_alphabet(token.removeprefix(prefix) or token)
    types = component_types(spec.get("pre_tokenizer")) | component_types(spec.get("decoder"))
    written = json.dumps([spec.get("normalizer"), spec.get("decoder")], ensure_ascii=False)
    spaces = "Metaspace" in types or "\u2581" in written
    fallback = bool(model.get("byte_fallback"))

    def spell(token: str) -> bytes:
        if fallback and (match := BYTE_TOKEN.fullmatch(token)):
            return bytes([int(match[1], 16)])
        text = token.removeprefix(prefix) or token
        return (text.replace("\u2581", " ") if spaces else text).encode()

    return spell
