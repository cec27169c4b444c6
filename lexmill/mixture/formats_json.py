"""Merge lists of `tokenizer.json` (Hugging Face `tokenizers`): byte-level, or converted from SentencePiece."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from lexmill.mixture.mergelist import MergeList, MergeListError
from lexmill.mixture.recover import Pair
from lexmill.mixture.sentencepiece import merge_list_of_pieces
from lexmill.tokenizer.bytelevel import from_alphabet
from lexmill.tokenizer.load import component_types

KIND = "tokenizer.json"


def from_tokenizer_json(data: dict[str, Any], name: str) -> MergeList:
    """From the parsed file.

    A list with one merge a token is in order.  One with several (conversions list every split of every token) is
    not: there the vocabulary's ids are the order.  Raises MergeListError for models that are not BPE and for
    merges that name unknown tokens; KeyError, TypeError or ValueError for another layout.
    """
    model = data["model"]
    kind = model.get("type") or ("BPE" if "merges" in model else "unknown")
    if kind != "BPE":
        raise MergeListError(f"{name} holds a {kind} model: only BPE has a merge list to audit")
    for field in ("continuing_subword_prefix", "end_of_word_suffix"):
        if model.get(field):
            raise MergeListError(
                f"{name} marks parts of words ({field} {model[field]!r}): such lists cannot be audited"
            )
    listed = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]
    if not listed:
        raise MergeListError(f"{name} has no merges: give the file of a trained BPE tokenizer")
    _check_known(listed, model["vocab"], name)
    added = {token["content"] for token in data.get("added_tokens") or []}
    order = [t for _, t in sorted((int(i), t) for t, i in model["vocab"].items() if t not in added)]
    pretokenizer, normalizer = _written(data.get("pre_tokenizer")), _written(data.get("normalizer"))
    if is_byte_level(data):
        found = _byte_level(listed, order, name)
    else:
        user = tuple(sorted(t.replace("\u2581", " ") for t in added if "unused" not in t))
        found = merge_list_of_pieces(
            order, KIND, user_defined=user, byte_fallback=bool(model.get("byte_fallback"))
        )
        found = replace(found, redundant=len(listed) - len(found.merges))
    vocabulary = len(model["vocab"].keys() | added)
    return replace(found, pretokenizer=pretokenizer, normalizer=normalizer, vocabulary=vocabulary)


def is_byte_level(data: dict[str, Any]) -> bool:
    """Whether there is a ByteLevel pre-tokenizer or decoder, at any depth."""
    return "ByteLevel" in component_types([data.get("pre_tokenizer"), data.get("decoder")])


def _check_known(listed: list[tuple[str, ...]], vocabulary: dict[str, int], name: str) -> None:
    for number, merge in enumerate(listed):
        if len(merge) != 2:
            raise MergeListError(f"{name}: merge {number} has {len(merge)} parts: expected two")
        for token in (*merge, merge[0] + merge[1]):
            if token not in vocabulary:
                raise MergeListError(
                    f"{name}: merge {number} names {token[:60]!r}, which is not in the vocabulary: the file is damaged"
                )


def _byte_level(listed: list[tuple[str, ...]], order: list[str], name: str) -> MergeList:
    products = {a + b for a, b in listed}
    tokens = [_as_bytes(token, name) for token in order]
    if len(products) < len(listed):
        found = MergeList.from_ranks(tokens, KIND)
        return replace(found, redundant=len(listed) - len(found.merges))
    merges: list[Pair] = [(_as_bytes(a, name), _as_bytes(b, name)) for a, b in listed]
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
