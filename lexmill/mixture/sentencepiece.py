"""Merge lists of SentencePiece BPE models (`.model`), read without the `sentencepiece` package.

Field numbers and defaults are those of google/sentencepiece, src/sentencepiece_model.proto.  The order of creation
is the piece id: whitespace pieces have their scores overwritten, but their ids stay where they were learned.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from lexmill.mixture.mergelist import MAX_TOKENS, MergeList, MergeListError
from lexmill.mixture.pieces import MAX_USER_DEFINED, SPACE, PieceRules, rules_of_pieces
from lexmill.mixture.recover import Pair
from lexmill.mixture.wire import WireError, fields

NORMAL, USER_DEFINED = 1, 4
_MODEL_TYPES = {1: "Unigram", 2: "BPE", 3: "word", 4: "character"}
_BYTE_PIECE = re.compile(r"<0x[0-9A-F]{2}>")
_NEVER_LEARNED = frozenset("\n\t")  # the trainer reads lines, and keeps tabs as its own boundary mark


class Model(NamedTuple):
    """What a `.model` file says: (piece, type) by id, the model type's number, and the trainer's rules."""

    pieces: tuple[tuple[str, int], ...]
    model_type: int
    rules: PieceRules


def read_model(data: bytes) -> Model:
    """Parse a serialised ModelProto.  Raises WireError (or UnicodeDecodeError) when it is none."""
    pieces: list[tuple[str, int]] = []
    trainer: dict[int, int | float | memoryview] = {}
    normalizer: dict[int, int | float | memoryview] = {}
    for number, value in fields(data):
        if number == 1:
            piece = dict(fields(_message(value)))
            pieces.append((_text(piece.get(1, memoryview(b""))), _number(piece.get(3, NORMAL))))
            if len(pieces) > MAX_TOKENS:
                raise WireError(f"it has more than {MAX_TOKENS} pieces")
        elif number == 2:
            trainer = dict(fields(_message(value)))
        elif number == 3:
            normalizer = dict(fields(_message(value)))
    if not pieces:
        raise WireError("it has no pieces")
    rules = PieceRules(
        max_sentencepiece_length=_number(trainer.get(20, 16)),
        split_by_unicode_script=bool(_number(trainer.get(21, True))),
        split_by_number=bool(_number(trainer.get(23, True))),
        split_by_whitespace=bool(_number(trainer.get(22, True))),
        split_digits=bool(_number(trainer.get(25, False))),
        treat_whitespace_as_suffix=bool(_number(trainer.get(24, False))),
        allow_whitespace_only_pieces=bool(_number(trainer.get(26, False))),
        add_dummy_prefix=bool(_number(normalizer.get(3, True))),
        remove_extra_whitespaces=bool(_number(normalizer.get(4, True))),
        rule_name=_text(normalizer.get(1, memoryview(b""))) or "identity",
        charsmap=bytes(_message(normalizer.get(2, memoryview(b"")))),
        user_defined=tuple(piece.replace(SPACE, " ") for piece, kind in pieces if kind == USER_DEFINED),
    )
    return Model(tuple(pieces), _number(trainer.get(3, 1)), rules)


def merge_list_of_model(data: bytes, name: str) -> MergeList:
    """The merge list of a `.model` file's bytes.  Raises MergeListError with the reason when it has none."""
    try:
        model = read_model(data)
    except (WireError, UnicodeDecodeError) as error:
        raise MergeListError(
            f"{name} is neither text nor a SentencePiece model ({error}): give a tokenizer file, complete and unpacked"
        ) from None
    if model.model_type != 2:
        kind = _MODEL_TYPES.get(model.model_type, f"type {model.model_type}")
        raise MergeListError(f"{name} is a SentencePiece {kind} model: only BPE has a merge list to audit")
    learned = [piece for piece, kind in model.pieces if kind == NORMAL]
    found = merge_list_of_pieces(learned, "sentencepiece", rules=model.rules)
    manual = tuple(piece.encode() for piece in model.rules.user_defined)
    ids = tuple(i for i, (_, kind) in enumerate(model.pieces) if kind == USER_DEFINED)
    return replace(
        found,
        manual=manual + found.manual,
        manual_ranks=ids + found.manual_ranks,
        vocabulary=len(model.pieces),
        normalizer=model.rules.rule_name,
        longest=model.rules.max_sentencepiece_length,
    )


def merge_list_of_pieces(
    pieces: Sequence[str],
    kind: str,
    rules: PieceRules | None = None,
    user_defined: tuple[str, ...] = (),
    byte_fallback: bool = True,
    listed: Collection[tuple[str, str]] | None = None,
    in_order: bool = False,
) -> MergeList:
    """From learned pieces in order of creation, U+2581 for a space; special and user-defined pieces left out.

    Without `rules` they are read from the pieces themselves.  Byte pieces (`<0x0A>`) are no characters.  With `listed`
    there are no merges but those; `in_order` says that they are the order, and not the pieces.
    """
    tokens = [p.replace(SPACE, " ") for p in pieces if p and not (byte_fallback and _BYTE_PIECE.fullmatch(p))]
    by_hand = {token for token in tokens if _NEVER_LEARNED.intersection(token)}
    tokens = [token for token in dict.fromkeys(tokens) if token not in by_hand]
    characters = sorted(set("".join(tokens)))
    alphabet = tuple(character.encode() for character in characters)
    user_defined += tuple(sorted(token for token in by_hand if len(token) > 1))
    if rules is None:
        rules = rules_of_pieces(tokens, user_defined)
    if len(rules.user_defined) > MAX_USER_DEFINED:
        raise MergeListError(
            f"the {kind} file has {len(rules.user_defined)} user-defined pieces: more than {MAX_USER_DEFINED} "
            "cannot be cut at"
        )
    encoded = [token.encode() for token in tokens]
    merges = None
    if listed is not None:
        spaced = ((a.replace(SPACE, " "), b.replace(SPACE, " ")) for a, b in listed)
        merges = {(a.encode(), b.encode()): None for a, b in spaced if not _NEVER_LEARNED.intersection(a + b)}
    if merges and in_order:
        found = _in_order(list(merges), encoded, kind, alphabet)
    else:
        found = MergeList.from_ranks(encoded, kind, alphabet=alphabet, listed=merges)
    return replace(found, rules=rules, longest=rules.max_sentencepiece_length)


def _in_order(
    merges: Sequence[Pair], tokens: Sequence[bytes], kind: str, alphabet: tuple[bytes, ...]
) -> MergeList:
    """A list as it is; tokens of several characters that it does not make are manual."""
    made = {a + b for a, b in merges}.union(alphabet)
    by_hand = [(rank, token) for rank, token in enumerate(tokens) if token not in made]
    found = MergeList.from_merges(merges, kind, tuple(token for _, token in by_hand), alphabet=alphabet)
    return replace(found, manual_ranks=tuple(rank for rank, _ in by_hand))


def _message(value: int | float | memoryview) -> memoryview:
    if not isinstance(value, memoryview):
        raise WireError("a number stands where a message should")
    return value


def _number(value: int | float | memoryview) -> int:
    if not isinstance(value, int) or value >> 31:
        raise WireError("something else stands where a small number should")
    return value


def _text(value: int | float | memoryview) -> str:
    return bytes(_message(value)).decode()
