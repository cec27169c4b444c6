"""Morphs of words: from a file, or found by Morfessor; and where they cut the pre-tokens of a corpus.

The word of a pre-token is what lies between its first and its last letter or mark: " (re)done" holds "re)done", " it's"
holds "it's", "42" nothing.  It is looked up as it is written, then in lower case.  What stands before it belongs to its
first morph, what stands behind to the last.
"""

from __future__ import annotations

import gzip
import io
import unicodedata
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import zstandard

from lexmill.streams import zstd_stream
from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.morfessor_morphs import morfessor_morphs
from lexmill.tokenizer.specs.refined import MORFESSOR, MorphsSpec
from lexmill.tokenizer.trained import TrainingData

Morphs = Mapping[str, tuple[int, ...]]
"""From a word to where its morphs end, in characters from its start, without the end of the word."""

_MOST_WORDS = 20_000_000
_LONGEST_LINE = 1 << 16  # bytes


@dataclass(frozen=True)
class Cuts:
    """Where morphs cut words (an Arrow array of n): `known` bool[n], whether a word was found; `at` int64, absolute
    offsets into the flat bytes of the array (see `arrays.flat_bytes`), ascending; `words` int64, the word of each."""

    known: np.ndarray
    at: np.ndarray
    words: np.ndarray


def read_morphs(path: Path) -> dict[str, tuple[int, ...]]:
    """Read lines `word<TAB>morph morph ...` (UTF-8, also inside .gz or .zst); the first line of a word counts.

    Further tab-separated columns are left out, empty lines too.  Raises ValueError, with file and line, for a line
    that is not like that or whose morphs do not spell its word.
    """
    result: dict[str, tuple[int, ...]] = {}
    with _opened(path) as file:
        for number, line in enumerate(_lines(file, path), 1):
            where = f"morphs: {path}:{number}"
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError:
                raise ValueError(f"{where} is not UTF-8") from None
            if not text:
                continue
            word, tab, rest = text.partition("\t")
            morphs = rest.partition("\t")[0].split()
            if not tab or not word or not morphs:
                raise ValueError(f"{where} is not a word, a tab and its morphs: {text[:80]!r}")
            if "".join(morphs) != word:
                raise ValueError(f"{where}: the morphs {' '.join(morphs)[:80]!r} do not spell {word[:80]!r}")
            if len(result) >= _MOST_WORDS:
                raise ValueError(f"{where}: more than {_MOST_WORDS:,} words; give a smaller file")
            result.setdefault(word, tuple(accumulate(map(len, morphs[:-1]))))
    if not result:
        raise ValueError(f"morphs: {path} holds no words")
    return result


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The plain bytes of a file; what goes wrong becomes a ValueError."""
    try:
        with path.open("rb") as raw:
            if path.suffix == ".gz":
                yield gzip.GzipFile(fileobj=raw)  # type: ignore[misc]
            elif path.suffix == ".zst":
                yield io.BufferedReader(zstd_stream(raw))
            else:
                yield raw
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise ValueError(f"morphs: {path} cannot be read: {error}") from None


def _lines(file: IO[bytes], path: Path) -> Iterator[bytes]:
    number = 0
    while line := file.readline(_LONGEST_LINE + 1):
        number += 1
        if len(line) > _LONGEST_LINE:
            raise ValueError(f"morphs: {path}:{number} is longer than {_LONGEST_LINE:,} bytes")
        yield line


def morph_cuts(data: TrainingData, spec: MorphsSpec) -> Cuts:
    """Cut the training words at the boundaries of their morphs, from the source that the spec names.

    Raises ValueError when none of the words is known.
    """
    if spec.morphs == MORFESSOR:
        morphs: Morphs = morfessor_morphs(word_types(data), spec.morfessor_words, data.progress)
    else:
        morphs = read_morphs(data.files["morphs"])
    cuts = cut_words(data.words.words, morphs)
    if not cuts.known.any():
        raise ValueError(f"tokenizer {spec.name}: morphs holds none of the training words")
    return cuts


def word_types(data: TrainingData) -> dict[str, dict[str, int]]:
    """{language: {word in lower case: count}} of the split `train`."""
    result: dict[str, dict[str, int]] = {}
    names = ("language", "split", "word", "count")
    for batch in data.counts.select(names).to_batches(max_chunksize=1 << 16):
        columns = [batch.column(name).to_pylist() for name in names]
        for language, split, piece, count in zip(*columns, strict=True):
            text = _decoded(piece) if split == "train" else ""
            start, stop = core(text)
            if start < stop:
                words = result.setdefault(language, {})
                word = text[start:stop].lower()
                words[word] = words.get(word, 0) + count
    return result


def cut_words(words: pa.Array, morphs: Morphs) -> Cuts:
    """Look every pre-token (Arrow binary, UTF-8) up; one that is not UTF-8 is not known."""
    known = np.zeros(len(words), np.bool_)
    start = flat_bytes(words)[1]
    at: list[int] = []
    owner: list[int] = []
    for index, piece in enumerate(words.to_pylist()):
        text = _decoded(piece)
        first, last = core(text)
        if first == last:
            continue
        word = text[first:last]
        ends = morphs.get(word)
        if ends is None:
            lower = word.lower()
            ends = morphs.get(lower) if len(lower) == len(word) else None
        if ends is None:
            continue
        known[index] = True
        for end in ends:
            at.append(int(start[index]) + len(text[: first + end].encode()))
            owner.append(index)
    return Cuts(known, np.array(at, np.int64), np.array(owner, np.int64))


def core(text: str) -> tuple[int, int]:
    """(start, stop) of what lies between the first and the last letter or mark; start = stop when there is none."""
    start, stop = 0, len(text)
    if text[1:].isalpha():  # most pre-tokens: a space and letters
        return 0 if _is_letter(text[0]) else 1, stop
    while start < stop and not _is_letter(text[start]):
        start += 1
    while stop > start and not _is_letter(text[stop - 1]):
        stop -= 1
    return start, stop


def _is_letter(char: str) -> bool:
    return char.isalpha() or unicodedata.category(char)[0] == "M"


def _decoded(piece: bytes) -> str:
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return ""
