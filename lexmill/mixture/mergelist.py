"""The ordered merge list of a BPE tokenizer, over bytes or over characters."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lexmill.mixture.recover import Pair, merges_from_ranks

if TYPE_CHECKING:
    from lexmill.mixture.pieces import PieceRules

BYTES = tuple(bytes([i]) for i in range(256))
MAX_TOKENS = 4_000_000  # the largest vocabularies have 262,144 tokens
MAX_SYMBOLS = 1024  # bytes of one token; the longest in use is one of Claude, of just so many


class MergeListError(ValueError):
    """The file is not a BPE tokenizer whose merge list can be audited."""


@dataclass(frozen=True)
class MergeList:
    """Ordered merges over symbols; merge t joins two tokens that symbols and merges before t make.

    Symbols are the 256 bytes, or characters written as UTF-8 with SentencePiece's U+2581 as a plain space.
    `manual` are tokens of several symbols that no merge makes (added by hand, or from another list); `late` are
    the numbers of merges that are applied, but whose token the file names before one of its parts: they change
    the text, yet were not the most frequent pair at their step.  `redundant` counts listed merges that were
    dropped because an earlier one already makes the same token.
    """

    kind: str  # file format
    merges: tuple[Pair, ...]
    manual: tuple[bytes, ...] = ()
    redundant: int = 0
    pretokenizer: str | None = None  # as the file describes it: JSON of `tokenizers`, or a regular expression
    normalizer: str | None = None
    alphabet: tuple[bytes, ...] = BYTES
    vocabulary: int = 0  # entries of the file's vocabulary, special tokens included
    longest: int | None = None  # most symbols a token may have
    late: tuple[int, ...] = ()
    manual_ranks: tuple[int, ...] = ()  # place of each manual token in the file's order
    rules: PieceRules | None = None  # which pieces a SentencePiece trainer would make

    def __len__(self) -> int:
        """Number of merges."""
        return len(self.merges)

    @property
    def byte_level(self) -> bool:
        """Whether the symbols are the 256 bytes."""
        return self.alphabet == BYTES

    def token_ids(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Left and right token ids of every merge, int32: 0.. the symbols, len(alphabet) + t merge t's product."""
        base = len(self.alphabet)
        ids = {symbol: i for i, symbol in enumerate(self.alphabet)}
        left = np.empty(len(self.merges), np.int32)
        right = np.empty(len(self.merges), np.int32)
        for t, (a, b) in enumerate(self.merges):
            left[t], right[t] = ids[a], ids[b]
            ids[a + b] = base + t
        return left, right

    def with_vocabulary(self, entries: int) -> MergeList:
        """The same list of a file whose vocabulary has so many entries."""
        return replace(self, vocabulary=entries)

    @classmethod
    def from_merges(
        cls,
        merges: Sequence[Pair],
        kind: str,
        manual: tuple[bytes, ...] = (),
        pretokenizer: str | None = None,
        normalizer: str | None = None,
        alphabet: tuple[bytes, ...] = BYTES,
    ) -> MergeList:
        """Check an ordered list: unknown parts are an error, a second merge for a token is dropped and counted."""
        if not merges:
            raise MergeListError(f"the {kind} file has no merges: give the file of a trained BPE tokenizer")
        _check_longest((len(a) + len(b) for a, b in merges), kind)
        known = set(alphabet)
        kept: list[Pair] = []
        for number, (a, b) in enumerate(merges):
            for part in (a, b):
                if part not in known:
                    raise MergeListError(
                        f"merge {number} of the {kind} file joins {part!r}, which no earlier merge makes: "
                        "the list is out of order or incomplete"
                    )
            if a + b not in known:
                known.add(a + b)
                kept.append((a, b))
        vocabulary = len(alphabet) + len(kept) + len(manual)
        redundant = len(merges) - len(kept)
        return cls(kind, tuple(kept), manual, redundant, pretokenizer, normalizer, alphabet, vocabulary)

    @classmethod
    def from_ranks(
        cls,
        tokens: Iterable[bytes],
        kind: str,
        pretokenizer: str | None = None,
        normalizer: str | None = None,
        alphabet: tuple[bytes, ...] = BYTES,
        listed: Collection[Pair] | None = None,
    ) -> MergeList:
        """From all tokens in creation order (see `lexmill.mixture.recover`); symbols may be among them or not.

        With `listed` only those merges exist: tokens that would need others are manual.
        """
        tokens = list(tokens)
        if len(tokens) > MAX_TOKENS:
            raise MergeListError(
                f"the {kind} file has {len(tokens)} tokens: more than {MAX_TOKENS} is no vocabulary"
            )
        _check_longest(map(len, tokens), kind)
        found = merges_from_ranks(tokens, characters=alphabet != BYTES, listed=listed)
        made = cls.from_merges(found.merges, kind, found.manual, pretokenizer, normalizer, alphabet)
        return replace(made, late=found.late, manual_ranks=found.manual_ranks, vocabulary=len(tokens))

    @classmethod
    def load(cls, path: Path) -> MergeList:
        """Read any supported file (see `lexmill.mixture.formats`), or a folder that holds one.

        Raises MergeListError with the reason when it is not a BPE tokenizer, OSError when it cannot be read.
        """
        from lexmill.mixture.formats import read_merge_list

        return read_merge_list(path)


def printable(text: object, most: int = 60) -> str:
    """The beginning of what a file says, for messages: what a terminal would obey or refuse is escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text)[:most])


def _check_longest(sizes: Iterable[int], kind: str) -> None:
    longest = max(sizes, default=0)
    if longest > MAX_SYMBOLS:
        raise MergeListError(
            f"the {kind} file has a token of {longest} bytes: more than {MAX_SYMBOLS} is no token"
        )
