"""Checks that every tokenizer must pass before it is stored."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from tokenizers import Tokenizer

from lexmill.tokenizer.bytelevel import CHAR_OF_BYTE
from lexmill.tokenizer.load import token_bytes


class TokenizerCheckError(ValueError):
    """A tokenizer that must not be stored; the message names what failed."""


@dataclass(frozen=True)
class TokenizerCheck:
    """What was found wrong with a byte-level tokenizer.

    missing_bytes: bytes without a token; unreachable: ids whose own text never encodes to them; duplicates:
    byte strings that several ids stand for; lost: sample texts that do not come back from encode and decode.
    """

    missing_bytes: tuple[int, ...]
    unreachable: tuple[int, ...]
    duplicates: tuple[bytes, ...]
    lost: tuple[str, ...]

    @property
    def failures(self) -> list[str]:
        """One sentence for each kind of defect."""
        found: list[tuple[int, str, list[str]]] = [
            (
                len(self.missing_bytes),
                "bytes have no token",
                [f"0x{byte:02X}" for byte in self.missing_bytes],
            ),
            (len(self.unreachable), "ids can never be produced", [str(index) for index in self.unreachable]),
            (len(self.duplicates), "byte strings have several ids", [repr(data) for data in self.duplicates]),
            (
                len(self.lost),
                "sample texts do not come back from decoding",
                [repr(text[:40]) for text in self.lost],
            ),
        ]
        return [f"{number} {what}, e.g. {', '.join(some[:3])}" for number, what, some in found if number]


def check_tokenizer(tokenizer: Tokenizer, seed: int = 0) -> TokenizerCheck:
    """Check a byte-level tokenizer; round trips are compared after its own normaliser.

    Samples: 256 strings of random bytes read as Latin-1, 256 of random scalar values, and every 61st scalar value
    of Unicode (all planes, surrogates left out).
    """
    vocabulary = tokenizer.get_vocab(with_added_tokens=False)
    added = tokenizer.get_added_tokens_decoder()
    missing = tuple(byte for byte, char in CHAR_OF_BYTE.items() if char not in vocabulary)
    model = tokenizer.model
    unreachable = tuple(
        sorted(
            index
            for token, index in vocabulary.items()
            if index not in added and [piece.id for piece in model.tokenize(token)] != [index]
        )
    )
    strings = Counter(data for data in token_bytes(tokenizer) if data is not None)
    duplicates = tuple(sorted(data for data, number in strings.items() if number > 1))
    lost = tuple(text for text in _samples(seed) if not _survives(tokenizer, text))
    return TokenizerCheck(missing, unreachable, duplicates, lost)


def require_sound(tokenizer: Tokenizer, what: str) -> TokenizerCheck:
    """Check, and raise TokenizerCheckError with every defect when there is one."""
    check = check_tokenizer(tokenizer)
    if check.failures:
        raise TokenizerCheckError(f"tokenizer {what} is not stored: {'; '.join(check.failures)}")
    return check


def _survives(tokenizer: Tokenizer, text: str) -> bool:
    expected = tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer is not None else text
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return tokenizer.decode(ids, skip_special_tokens=False) == expected


def _samples(seed: int) -> list[str]:
    rng = random.Random(seed)  # noqa: S311  # samples, not secrets
    texts = [rng.randbytes(64).decode("latin-1") for _ in range(256)]
    texts += ["".join(_scalar(rng.randrange(1, 0x110000)) for _ in range(24)) for _ in range(256)]
    scalars = [_scalar(code) for code in range(0, 0x110000, 61)]
    texts += ["".join(scalars[start : start + 32]) for start in range(0, len(scalars), 32)]
    return [*texts, "", " ", "  \n\n\t x  ", "a" * 1000]


def _scalar(code: int) -> str:
    return chr(code) if not 0xD800 <= code <= 0xDFFF else "\ufffd"
