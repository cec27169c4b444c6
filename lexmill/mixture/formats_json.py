"""Merge lists of `tokenizer.json` (Hugging Face `tokenizers`): byte-level, or converted from SentencePiece."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from lexmill.mixture.mergelist import MergeList, MergeListError, printable
from lexmill.mixture.recover import Pair
from lexmill.mixture.sentencepiece import merge_list_of_pieces
from lexmill.tokenizer.bytelevel import from_alphabet
from lexmill.tokenizer.load import component_types

KIND = "tokenizer.json"
MAX_DEPTH = 32  # of a component; those in use have two or three sequences in each other


def from_tokenizer_json(data: dict[str, Any], name: str) -> MergeList:
    """From the parsed file.

    A list with one merge a token is in order.  One with several (conversions list every split of every token) is
    not: there the vocabulary's ids are the order, and no merge is made that is not listed.  Raises MergeListError for
    models that are not BPE, merges that name unknown tokens, and damaged components; KeyError, TypeError, ValueError
    or OverflowError for another layout.
    """
    model = data["model"]
    kind = model.get("type") or ("BPE" if "merges" in model else "unknown")
    if kind != "BPE":
        raise MergeListError(f"{name} holds a {printable(kind)} model: only BPE has a merge list to audit")
    for field in ("continuing_subword_prefix", "end_of_word_suffix"):
        if model.get(field):
            raise MergeListError(
                f"{name} marks parts of words ({field} {str(model[field])[:60]!r}): such lists cannot be audited"
            )
    listed = _listed([tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]], name)
    _check_known(listed, model["vocab"], name)
    added = {checked_text(token["content"]) or "" for token in data.get("added_tokens") or []}
    for field in ("normalizer", "pre_tokenizer", "decoder"):
        _check_depth(data.get(field), name)
        _check_component(data.get(field), name)
    pretokenizer, normalizer = _written(data.get("pre_tokenizer")), _written(data.get("normalizer"))
    byte_level = is_byte_level(data)
    in_order = not byte_level and _in_order(listed)
    products = {a + b for a, b in listed} if byte_level or in_order else set()
    own = added - products  # all of a conversion's, which lists splits of user-defined pieces too
    order = [t for _, t in sorted((int(i), t) for t, i in model["vocab"].items() if t not in own)]
    if byte_level:
        found = _byte_level(listed, order, name)
    else:
        user = tuple(sorted(t.replace("\u2581", " ") for t in own if "unused" not in t))
        found = merge_list_of_pieces(
            order,
            KIND,
            user_defined=user,
            byte_fallback=bool(model.get("byte_fallback")),
            listed=listed,
            in_order=in_order,
        )
        found = replace(found, redundant=len(listed) - len(found.merges))
    vocabulary = len(model["vocab"].keys() | added)
    return replace(found, pretokenizer=pretokenizer, normalizer=normalizer, vocabulary=vocabulary)


def is_byte_level(data: dict[str, Any]) -> bool:
    """Whether there is a ByteLevel pre-tokenizer or decoder, at any depth."""
    return "ByteLevel" in component_types([data.get("pre_tokenizer"), data.get("decoder")])


def checked_text(value: Any) -> str | None:
    """The same string, or None for none.  Raises TypeError for another value, ValueError for text without UTF-8."""
    if value is not None and not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__} where text should be")
    if value is not None:
        value.encode()
    return value


def _check_component(value: Any, name: str) -> None:
    """Raises MergeListError for what `tokenizers` would not write, ValueError for text without UTF-8."""
    if not value:
        return
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise MergeListError(
            f"{name} has a normalizer, pre-tokenizer or decoder without a type: it is damaged"
        )
    for field in ("pretokenizers", "normalizers", "decoders"):
        parts = value.get(field, [])
        if not isinstance(parts, list) or not all(parts):
            raise MergeListError(f"{name}: {field} is no list of components: the file is damaged")
        for part in parts:
            _check_component(part, name)
    pattern = value.get("pattern", {"String": ""})
    if not isinstance(pattern, dict) or not all(isinstance(text, str) for text in pattern.values()):
        raise MergeListError(f"{name} has a component whose pattern is no text: the file is damaged")
    json.dumps(value, ensure_ascii=False).encode()


def _check_depth(value: Any, name: str, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise MergeListError(f"{name} has a component nested more than {MAX_DEPTH} deep: the file is damaged")
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_depth(part, name, depth + 1)


def _in_order(listed: list[tuple[str, str]]) -> bool:
    """Whether every merge joins characters and tokens of merges before it to a new token."""
    made: set[str] = set()
    for a, b in listed:
        if a + b in made or not all(len(part) == 1 or part in made for part in (a, b)):
            return False
        made.add(a + b)
    return True


def _listed(merges: list[tuple[str, ...]], name: str) -> list[tuple[str, str]]:
    if not merges:
        raise MergeListError(f"{name} has no merges: give the file of a trained BPE tokenizer")
    found = []
    for number, merge in enumerate(merges):
        if len(merge) != 2:
            raise MergeListError(f"{name}: merge {number} has {len(merge)} parts: expected two")
        found.append((merge[0], merge[1]))
    return found


def _check_known(listed: list[tuple[str, str]], vocabulary: dict[str, int], name: str) -> None:
    for number, merge in enumerate(listed):
        for token in (*merge, merge[0] + merge[1]):
            if token not in vocabulary:
                raise MergeListError(
                    f"{name}: merge {number} names {token[:60]!r}, which is not in the vocabulary: the file is damaged"
                )


def _byte_level(listed: list[tuple[str, str]], order: list[str], name: str) -> MergeList:
    products = {a + b for a, b in listed}
    tokens = [_as_bytes(token, name) for token in order]
    merges: list[Pair] = [(_as_bytes(a, name), _as_bytes(b, name)) for a, b in listed]
    if len(products) < len(listed):
        found = MergeList.from_ranks(tokens, KIND, listed=set(merges))
        return replace(found, redundant=len(listed) - len(found.merges))
    by_hand = [rank for rank, token in enumerate(order) if len(token) > 1 and token not in products]
    made = MergeList.from_merges(merges, KIND, tuple(tokens[rank] for rank in by_hand))
    return replace(made, manual_ranks=tuple(by_hand))


def _as_bytes(token: str, name: str) -> bytes:
    data = from_alphabet(token)
    if data is None:
        raise MergeListError(
            f"{name} says it is byte-level, but token {token[:60]!r} is not written in the byte-level alphabet"
        )
    return data


def _written(component: Any) -> str | None:
    return json.dumps(component, ensure_ascii=False) if component else None
