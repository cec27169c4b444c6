"""Which ids of a `tokenizer.json` its own model can produce.

An id is tested by its own text: merges, a longest match and a best path all find a token again when only its text is
given, if they find it anywhere (a best path up to ties).  A token of a form that needs a neighbour (a WordPiece
continuation, a BPE token without the end-of-word suffix) is tested behind or before the single-character tokens that
fewest other tokens hold.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from tokenizers import Tokenizer

from lexmill.tokenizer.load import BYTE_TOKEN, continuation_prefix, is_byte_level
from lexmill.tokenizer.split import tokenizers_failed

_NEIGHBOURS = 8


def unreachable_ids(tokenizer: Tokenizer) -> tuple[int, ...]:
    """Ids of the model, added tokens and byte-fallback tokens left out, that no text gives; dropout is switched off."""
    spec = json.loads(tokenizer.to_str())
    model = spec["model"]
    if model.get("dropout"):
        model["dropout"] = None
        tokenizer = Tokenizer.from_str(json.dumps(spec))
    added = tokenizer.get_added_tokens_decoder()
    vocabulary = {
        token: index
        for token, index in tokenizer.get_vocab(with_added_tokens=False).items()
        if index not in added and not (model.get("byte_fallback") and BYTE_TOKEN.fullmatch(token))
    }
    reaches = _test(tokenizer, model, vocabulary)
    return tuple(sorted(index for token, index in vocabulary.items() if not reaches(token, index)))


def cut_ids(tokenizer: Tokenizer) -> tuple[int, ...]:
    """Ids of a byte-level model whose own text is cut by the pre-tokenizer, so that they hardly ever occur.

    Only tokens that are complete UTF-8 are tested; none for another tokenizer, or one without a pre-tokenizer.
    """
    if tokenizer.pre_tokenizer is None or not is_byte_level(json.loads(tokenizer.to_str())):
        return ()
    cut, decode = (
        tokenizer.pre_tokenizer.pre_tokenize_str,
        tokenizer.decoder.decode if tokenizer.decoder else None,
    )
    added = tokenizer.get_added_tokens_decoder()
    found = []
    for token, index in tokenizer.get_vocab(with_added_tokens=False).items():
        text = decode([token]) if decode and index not in added else ""
        if text and "\ufffd" not in text and len(cut(text)) > 1:
            found.append(index)
    return tuple(sorted(found))


def _test(
    tokenizer: Tokenizer, model: Mapping[str, Any], vocabulary: Mapping[str, int]
) -> Callable[[str, int], bool]:
    """A function that says whether a token (and its id) can be produced."""
    tokenize = tokenizer.model.tokenize
    prefix, suffix = continuation_prefix(model), str(model.get("end_of_word_suffix") or "")

    def ids(text: str) -> list[int]:
        try:
            return [token.id for token in tokenize(text)]
        except BaseException as error:  # a model without an unknown token refuses what it does not know
            if not tokenizers_failed(error):
                raise
            return []

    if prefix:
        before = _rare_characters(vocabulary, lambda token: token, prefix)

        def continues(token: str, index: int) -> bool:
            body = token.removeprefix(prefix)
            if body == token:
                return ids(token) == [index]
            return any(ids(character + body)[-1:] == [index] for character in before)

        return continues
    if suffix:
        after = _rare_characters(vocabulary, lambda token: token.removesuffix(suffix), suffix)

        def ends(token: str, index: int) -> bool:
            body = token.removesuffix(suffix)
            if body != token:
                return ids(body) == [index]
            return any(ids(token + character)[:1] == [index] for character in after)

        return ends
    return lambda token, index: ids(token) == [index]


def _rare_characters(vocabulary: Mapping[str, int], text: Callable[[str], str], mark: str) -> list[str]:
    """The single-character tokens whose character fewest tokens hold."""
    held = Counter(character for token in vocabulary for character in set(token.replace(mark, "")))
    single = {text(token) for token in vocabulary if len(text(token)) == 1}
    return sorted(single, key=lambda character: (held[character], character))[:_NEIGHBOURS]
