"""The audit of a tokenizer: any `tokenizer.json`, or an exact encoder of ours.

It tells defects, for which an artifact is refused, from what is worth knowing.  A vocabulary learned by merges must
use all of its ids; under a best path (Unigram), or in a file that only approximates its method, an id may rightly be
out of reach, so there such ids are counted and no defect.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

from lexmill.tokenizer.bytelevel import CHAR_OF_BYTE
from lexmill.tokenizer.encoders.encoder import Encoder, WordEncoder
from lexmill.tokenizer.load import continuation_prefix, is_byte_level, token_bytes
from lexmill.tokenizer.reachable import cut_ids, unreachable_ids
from lexmill.tokenizer.round_trip import MAX_LOST, encoder_survivors, file_survivors, lost_texts


class TokenizerCheckError(ValueError):
    """A tokenizer that must not be stored; the message names what failed."""


@dataclass(frozen=True)
class TokenizerCheck:
    """What an audit found.

    model: the kind of model, or the encoder's class; vocabulary: ids; missing_bytes: bytes without a token (byte-level
    and byte-fallback vocabularies); unreachable: ids that no text gives (see `reachable`); duplicates: byte strings
    that several ids of one form stand for; lost: sample texts that do not come back from encode and decode;
    lost_scalars: scalar values that do not come back between two letters, the first MAX_LOST of them; incomplete: ids
    whose bytes are no complete UTF-8; cut: ids whose own text the pre-tokenizer cuts.  Round trips are compared after
    the tokenizer's own normaliser.
    """

    model: str
    vocabulary: int
    missing_bytes: tuple[int, ...] = ()
    unreachable: tuple[int, ...] = ()
    duplicates: tuple[bytes, ...] = ()
    lost: tuple[str, ...] = ()
    lost_scalars: tuple[int, ...] = ()
    incomplete: tuple[int, ...] = ()
    cut: tuple[int, ...] = ()

    @property
    def failures(self) -> list[str]:
        """One sentence for each kind of defect."""
        return self.defects()

    def defects(self, lossy: bool = False, approximate: bool = False) -> list[str]:
        """The same for a method that may lose text, or a file that only approximates its method."""
        found = [_sentence(self.missing_bytes, "bytes have no token", lambda byte: f"0x{byte:02X}")]
        if self.model == "BPE" and not approximate:
            found.append(_sentence(self.unreachable, "ids can never be produced", str))
        found.append(_sentence(self.duplicates, "byte strings have several ids", repr))
        if not lossy:
            found.append(
                _sentence(
                    self.lost, "sample texts do not come back from decoding", lambda text: repr(text[:40])
                )
            )
            found.append(self._lost_scalars())
        return [sentence for sentence in found if sentence]

    def notes(self) -> list[str]:
        """One sentence for each thing worth knowing, whether or not it is a defect of this tokenizer."""
        found = [
            _sentence(self.unreachable, f"of {self.vocabulary} ids can never be produced", str),
            _sentence(self.incomplete, f"of {self.vocabulary} ids are no complete UTF-8 by themselves", str),
            _sentence(self.cut, f"of {self.vocabulary} ids spell a text that the pre-tokenizer cuts", str),
            _sentence(self.lost, "sample texts do not come back from decoding", lambda text: repr(text[:40])),
            self._lost_scalars(),
        ]
        return [sentence for sentence in found if sentence]

    def _lost_scalars(self) -> str:
        more = " or more" if len(self.lost_scalars) == MAX_LOST else ""
        return _sentence(
            self.lost_scalars, f"{more} scalar values do not come back from decoding".lstrip(), _code_point
        )


def check_tokenizer(tokenizer: Tokenizer, seed: int = 0) -> TokenizerCheck:
    """Audit a `tokenizer.json`: byte-level or not, of any model.

    Samples: strings of random bytes read as Latin-1, strings of random scalar values, spaces and runs (`seed`); and
    every scalar value of Unicode (all planes, surrogates left out).
    """
    spec = json.loads(tokenizer.to_str())
    spelled = token_bytes(tokenizer)
    # a WordPiece model of `tokenizers` takes time cubic in the length of a word, so it gets short ones
    glue = " " if spec["model"]["type"] == "WordPiece" else ""
    lost, scalars = lost_texts(file_survivors(tokenizer), seed, glue)
    return TokenizerCheck(
        model=spec["model"]["type"],
        vocabulary=tokenizer.get_vocab_size(with_added_tokens=True),
        missing_bytes=_missing_bytes(tokenizer, spec),
        unreachable=unreachable_ids(tokenizer),
        duplicates=_duplicates(tokenizer, spec, spelled),
        lost=lost,
        lost_scalars=scalars,
        incomplete=_incomplete(spelled),
        cut=cut_ids(tokenizer),
    )


def check_encoder(encoder: Encoder, seed: int = 0) -> TokenizerCheck:
    """Audit an exact encoder: round trips on the same texts, and for a `WordEncoder` the ids that are out of reach."""
    lost, scalars = lost_texts(encoder_survivors(encoder), seed)
    used = [index for index, data in enumerate(encoder.tokens) if data]
    unreachable: list[int] = []
    if isinstance(encoder, WordEncoder):
        ids, bounds = encoder.encode_words(
            pa.array([encoder.tokens[index] for index in used], pa.large_binary())
        )
        alone = np.diff(bounds) == 1
        first = (
            ids[np.minimum(bounds[:-1], max(len(ids) - 1, 0))] if len(ids) else np.zeros(len(used), np.int32)
        )
        unreachable = [index for index, good in zip(used, alone & (first == used), strict=True) if not good]
    return TokenizerCheck(
        model=type(encoder).__name__,
        vocabulary=len(encoder.tokens),
        unreachable=tuple(unreachable),
        lost=lost,
        lost_scalars=scalars,
        incomplete=_incomplete(encoder.tokens),
    )


def require_sound(
    tokenizer: Tokenizer | Encoder, what: str, lossy: bool = False, approximate: bool = False
) -> TokenizerCheck:
    """Audit, and raise TokenizerCheckError with every defect when there is one; see `TokenizerCheck.defects`."""
    check = check_encoder(tokenizer) if isinstance(tokenizer, Encoder) else check_tokenizer(tokenizer)
    defects = check.defects(lossy, approximate)
    if defects:
        raise TokenizerCheckError(f"tokenizer {what} is not stored: {'; '.join(defects)}")
    return check


def _sentence(items: Sequence[Any], what: str, shown: Callable[[Any], str]) -> str:
    return f"{len(items)} {what}, e.g. {', '.join(map(shown, items[:3]))}" if items else ""


def _code_point(code: int) -> str:
    return f"U+{code:04X}"


def _missing_bytes(tokenizer: Tokenizer, spec: dict[str, Any]) -> tuple[int, ...]:
    vocabulary, model = tokenizer.get_vocab(with_added_tokens=False), spec["model"]
    if is_byte_level(spec):
        prefix = continuation_prefix(model)
        return tuple(
            byte
            for byte, char in sorted(CHAR_OF_BYTE.items())
            if char not in vocabulary or prefix + char not in vocabulary
        )
    if model.get("byte_fallback"):
        return tuple(byte for byte in range(256) if f"<0x{byte:02X}>" not in vocabulary)
    return ()


def _duplicates(
    tokenizer: Tokenizer, spec: dict[str, Any], spelled: Sequence[bytes | None]
) -> tuple[bytes, ...]:
    """Byte strings of several ids; forms (at a word's begin, inside it, at its end, byte fallback) are kept apart."""
    model = spec["model"]
    prefix, suffix = continuation_prefix(model), str(model.get("end_of_word_suffix") or "")
    fallback = bool(model.get("byte_fallback"))
    counted: Counter[tuple[bytes, bool, bool]] = Counter()
    for token, index in tokenizer.get_vocab(with_added_tokens=True).items():
        data = spelled[index]
        if data and not (fallback and token.startswith("<0x") and len(data) == 1):
            inside, final = bool(prefix) and token.startswith(prefix), bool(suffix) and token.endswith(suffix)
            counted[data, inside, final] += 1
    return tuple(sorted({data for (data, _, _), number in counted.items() if number > 1}))


def _incomplete(spelled: Sequence[bytes | None]) -> tuple[int, ...]:
    found = []
    for index, data in enumerate(spelled):
        try:
            (data or b"").decode()
        except UnicodeDecodeError:
            found.append(index)
    return tuple(found)
