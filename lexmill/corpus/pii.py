"""Personal data and secrets in text: e-mail and IP addresses, phone numbers, IBANs, payment cards, keys and tokens.

Each kind is a cheap test of whole batches (RE2 in Arrow), then a regex on the texts that pass, then a check of what
the regex found: `ipaddress`, `phonenumbers`, checksums, issuer ranges, entropy.  See `docs/pii.md` for what this
cannot find: names, postal addresses, national identity numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lexmill.corpus.params import PiiKind
from lexmill.corpus.pii_addresses import emails, ip_addresses
from lexmill.corpus.pii_numbers import credit_cards, ibans
from lexmill.corpus.pii_phones import phones
from lexmill.corpus.pii_secrets import HINT as _SECRET_HINT
from lexmill.corpus.pii_secrets import secrets

# Where spans overlap, the first kind of this order stays.
KINDS: tuple[PiiKind, ...] = ("secret", "email", "iban", "credit_card", "ip", "phone")
TAGS = {kind: f"<{kind.upper()}>" for kind in KINDS}
_TAGS = tuple(TAGS.values())

# RE2, on whole texts: what a text with a span of the kind has to contain.
_HINTS: dict[PiiKind, str] = {
    "secret": _SECRET_HINT,
    "email": r"[^\s@]@[^\s@]+\.",
    "iban": r"[A-Z]{2}[0-9]{2}[ -]?[A-Z0-9]{4}",
    "credit_card": r"[0-9](?:[ -]?[0-9]){12}",
    "ip": r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|\b[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]*:",
    "phone": r"[0-9](?:[ ().\-/]{0,3}[0-9]){6}",
}
# Full-width letters, digits of other scripts, hyphens and spaces that stand for ASCII ones: one character each, so that
# places stay.
_ASCII = {
    **{code: str(int(chr(code))) for code in range(0x660, 0xFF1A) if chr(code).isdecimal()},
    **{0xFEE0 + code: chr(code) for code in range(0x21, 0x7F) if chr(code).isalnum() or chr(code) in "@.-+_"},
    **dict.fromkeys((0x2010, 0x2011), "-"),
    **dict.fromkeys((0xA0, 0x202F, 0x2007), " "),
}
_FOREIGN = f"[{''.join(map(chr, _ASCII))}]"
_FINDERS: dict[PiiKind, Callable[[str, str], Iterator[tuple[int, int]]]] = {
    "secret": secrets,
    "email": emails,
    "iban": ibans,
    "credit_card": credit_cards,
    "ip": ip_addresses,
    "phone": phones,
}


class PiiSpans(NamedTuple):
    """Found spans by row, then place; those of a row never overlap."""

    row: np.ndarray
    """int64 (spans,)"""
    kind: list[str]
    start: np.ndarray
    """int64 (spans,): characters from the start of the text"""
    end: np.ndarray
    """int64 (spans,)"""


def pii_spans(texts: list[str] | pa.Array, languages: Sequence[str], kinds: Sequence[PiiKind]) -> PiiSpans:
    """Spans of `kinds` in each text; null has none.  `languages` are labels, which say in what countries a phone
    number without a country code may be."""
    array = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.large_string())
    wanted = [kind for kind in KINDS if kind in kinds]
    foreign = _matching(array, _FOREIGN) if wanted else []
    changed = {row: array[row].as_py().translate(_ASCII) for row in foreign}
    rows = _candidates(array, wanted)
    for place, some in _candidates(pa.array(changed.values(), pa.large_string()), wanted).items():
        rows[foreign[place]] = some
    found: list[tuple[int, int, int, PiiKind]] = []
    for row, some in sorted(rows.items()):
        text = changed[row] if row in changed else array[row].as_py()
        found += [(row, *span) for span in _spans(text, languages[row], some)]
    return PiiSpans(
        np.array([span[0] for span in found], np.int64),
        [span[3] for span in found],
        np.array([span[1] for span in found], np.int64),
        np.array([span[2] for span in found], np.int64),
    )


def redacted(text: str, spans: Iterable[tuple[str, int, int]]) -> str:
    """The text with each (kind, start, end), in order and without overlap, replaced by its tag, `<EMAIL>` say."""
    parts, last = [], 0
    for kind, start, end in spans:
        parts += [text[last:start], TAGS[kind]]  # type: ignore[index]
        last = end
    return "".join([*parts, text[last:]])


def _candidates(texts: pa.Array, kinds: Sequence[PiiKind]) -> dict[int, list[PiiKind]]:
    """Rows that may have spans -> kinds to look for, in the order of `kinds`."""
    rows: dict[int, list[PiiKind]] = {}
    for kind in kinds:
        for row in _matching(texts, _HINTS[kind]):
            rows.setdefault(row, []).append(kind)
    return rows


def _matching(texts: pa.Array, pattern: str) -> list[int]:
    hit = pc.fill_null(pc.match_substring_regex(texts, pattern), False)
    return np.flatnonzero(hit.to_numpy(zero_copy_only=False)).tolist()


def _spans(text: str, language: str, kinds: Sequence[PiiKind]) -> list[tuple[int, int, PiiKind]]:
    """(start, end, kind) in one text, by place and without overlap.  What touches a tag is left: it was looked at when
    the tag was written."""
    kept: list[tuple[int, int, PiiKind]] = []
    for kind in kinds:
        for start, end in _FINDERS[kind](text, language):
            apart = all(end <= other or start >= stop for other, stop, _ in kept)
            if apart and not text.endswith(_TAGS, 0, start) and not text.startswith(_TAGS, end):
                kept.append((start, end, kind))
    return sorted(kept)
