"""Plain twins of SentencePiece: which pieces are valid, words of a line, BPE training; and writing a `.model`."""

from __future__ import annotations

import itertools
import struct
from collections import Counter

from lexmill.mixture.pieces import PieceRules
from lexmill.mixture.scripts import group_of

DIGITS = set("0123456789")


def valid(piece: str, rules: PieceRules) -> bool:
    """Whether the trainer may make the piece; spaces are spaces.  Follows the published rules one by one."""
    if not piece or len(piece) > rules.max_sentencepiece_length or "\t" in piece:
        return False
    previous = None  # any script
    for place, character in enumerate(piece):
        if character == " ":
            if rules.allow_whitespace_only_pieces and not piece.strip(" "):
                continue
            if rules.split_by_whitespace and place > 0:
                return False
            if not rules.split_by_whitespace and place > 0 and place == len(piece) - 1:
                return False
            continue
        script = group_of(character)
        if not rules.split_by_number and character in DIGITS:
            script = None
        if rules.split_digits and character in DIGITS and len(piece) > 1:
            return False
        if rules.split_by_unicode_script and None not in (script, previous) and script != previous:
            return False
        previous = script
    return True


def words_of_line(line: str, rules: PieceRules) -> list[str]:
    """At every space, or at every run of them where pieces of spaces are allowed."""
    if not rules.split_by_whitespace:
        return [line] if line else []
    words: list[str] = []
    for place, character in enumerate(line):
        starts = character == " " and not (rules.allow_whitespace_only_pieces and line[place - 1] == " ")
        if place == 0 or starts:
            words.append("")
        words[-1] += character
    return words


def apply(text: str, merges: list[tuple[str, str]]) -> list[str]:
    """The tokens of one word, merge by merge, each from the left."""
    tokens = list(text)
    for left, right in merges:
        out: list[str] = []
        i = 0
        while i < len(tokens):
            pair = tokens[i : i + 2] == [left, right]
            out.append(left + right if pair else tokens[i])
            i += 2 if pair else 1
        tokens = out
    return tokens


def pair_counts(words: list[str], merges: list[tuple[str, str]]) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for word in words:
        tokens = apply(word, merges)
        counts.update(itertools.pairwise(tokens))
    return counts


def train(text: str, rules: PieceRules, size: int) -> list[tuple[str, str]]:
    """The most frequent valid pair first; ties to the shorter piece, then by its characters."""
    words = [word for line in text.split("\n") for word in words_of_line(line, rules)]
    merges: list[tuple[str, str]] = []
    made: set[str] = set()
    while len(merges) < size:
        counts = pair_counts(words, merges)
        usable = {p: n for p, n in counts.items() if valid(p[0] + p[1], rules) and p[0] + p[1] not in made}
        if not usable:
            break
        best = min(usable, key=lambda p: (-usable[p], len(p[0] + p[1]), p[0] + p[1], p))
        merges.append(best)
        made.add(best[0] + best[1])
    return merges


def field(number: int, value: int | float | str | bytes) -> bytes:
    """One protobuf field on the wire."""
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def model_bytes(pieces: list[tuple[str, int]], trainer: dict[int, int], normalizer: bytes = b"") -> bytes:
    """A ModelProto: (piece, type) by id, trainer_spec fields by number."""
    out = b""
    for number, (piece, kind) in enumerate(pieces):
        out += field(1, field(1, piece) + field(2, -float(number)) + (field(3, kind) if kind != 1 else b""))
    out += field(2, b"".join(field(number, value) for number, value in trainer.items()))
    return out + field(3, normalizer)
