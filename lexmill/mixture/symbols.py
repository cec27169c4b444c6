"""Words as sequences of a merge list's base symbols: bytes as they are, or numbers of characters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.words import WordTable


@dataclass(frozen=True)
class Symbols:
    """Pieces of words that merges can work in; piece i is symbol[offsets[i]:offsets[i+1]] of word word[i].

    Byte-level: the words' own bytes, one piece a word.  Character-level: symbol ids; a word is cut where it has a
    character outside the alphabet, whose pairs are never counted or merged, so a word has any number of pieces.
    """

    symbol: npt.NDArray[np.uint8] | npt.NDArray[np.int32]  # (symbols,)
    offsets: npt.NDArray[np.int64]  # (pieces + 1,)
    word: npt.NDArray[np.int64]  # (pieces,) ascending word numbers
    base: int  # number of base symbols: ids below it


def symbols_of(merges: MergeList, words: WordTable) -> Symbols:
    """The words in base symbols of `merges`.

    Raises ValueError when a character-level list meets words that are not UTF-8.
    """
    base = len(merges.alphabet)
    if merges.byte_level:
        count = len(words.offsets) - 1
        return Symbols(words.text, words.offsets, np.arange(count, dtype=np.int64), base)
    starts = np.flatnonzero((words.text & 0xC0) != 0x80)  # first bytes of characters
    points = np.frombuffer(_decoded(words.text), np.uint32)
    known = np.array([ord(symbol.decode()) for symbol in merges.alphabet], np.uint32)
    order = np.argsort(known)
    at = np.minimum(np.searchsorted(known[order], points), base - 1)
    symbol = order[at].astype(np.int32)
    inside = known[order][at] == points
    word = np.searchsorted(words.offsets, starts, side="right") - 1
    kept, kept_word = symbol[inside], word[inside]
    place = np.flatnonzero(
        inside
    )  # neighbours in the text are neighbours in `kept` unless something was left out
    new = np.ones(len(kept), bool)
    new[1:] = (kept_word[1:] != kept_word[:-1]) | (place[1:] != place[:-1] + 1)
    first = np.flatnonzero(new)
    return Symbols(kept, np.r_[first, len(kept)].astype(np.int64), kept_word[first].astype(np.int64), base)


def possible_pairs(
    merges: MergeList, left: npt.NDArray[np.int32], right: npt.NDArray[np.int32]
) -> npt.NDArray[np.bool_]:
    """Which pairs of token ids (see `MergeList.token_ids`) the trainer may have merged, bool (pairs,).

    All pairs of byte-level lists.  For SentencePiece lists not those whose piece would be too long, would have
    spaces before its last leading one or at its end, or only spaces where such pieces are not allowed
    (google/sentencepiece, `IsValidSentencePiece`).  Listed merges are always possible.
    """
    possible = np.ones(len(left), np.bool_)
    own_left, own_right = merges.token_ids()
    tokens = [*merges.alphabet, *(a + b for a, b in merges.merges)]
    if merges.longest is not None:
        unit = len if merges.byte_level else _characters
        length = np.array([unit(token) for token in tokens])
        possible &= length[left] + length[right] <= merges.longest
    rules = merges.rules
    if rules is not None and not rules.treat_whitespace_as_suffix:
        blank = np.array([not token.strip(b" ") for token in tokens])
        several = blank & (np.array([len(token) for token in tokens]) > 1)
        ends = np.array([token.endswith(b" ") for token in tokens])
        both = blank[left] & blank[right]
        possible &= both | ~ends[right]
        if rules.split_by_whitespace:
            possible &= both | ~several[left]
        if not rules.allow_whitespace_only_pieces:
            possible &= ~both
    listed = (own_left.astype(np.int64) << 32) | own_right
    return possible | np.isin((left.astype(np.int64) << 32) | right, listed)


def _characters(token: bytes) -> int:
    return len(token.decode())


def _decoded(text: npt.NDArray[np.uint8]) -> bytes:
    try:
        return text.tobytes().decode().encode("utf-32-le")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"a word is not UTF-8 at byte {error.start}: a character-level list cannot cut it"
        ) from None
