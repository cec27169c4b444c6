"""Choices decided by hashes: splits and byte limits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import xxhash

from lexmill.corpus.params import SplitParams

Split = Literal["train", "valid", "test"]


def split_of(key: str, params: SplitParams) -> Split:
    """Split of a document by the hash of its group (else of its id) and the salt; independent of all others."""
    point = xxhash.xxh3_64_intdigest(f"{params.salt}\0{key}".encode()) / 2**64
    if point < params.test:
        return "test"
    return "valid" if point < params.test + params.valid else "train"


def splits_of(keys: Sequence[str], params: SplitParams) -> np.ndarray:
    """Splits of documents by their keys (see `split_of`): array (keys,) of the strings `train`, `valid`, `test`."""
    salt = f"{params.salt}\0".encode()
    hashes = [xxhash.xxh3_64_intdigest(salt + key.encode()) for key in keys]
    points = np.array(hashes, np.uint64) / 2.0**64
    held_out = np.where(points < params.test, "test", "valid")
    return np.where(points < params.test + params.valid, held_out, "train")


def within_bytes(
    keys: Sequence[str], languages: Iterable[str | None], sizes: Sequence[int], max_bytes: int
) -> np.ndarray:
    """bool array: which documents to keep so that no language passes `max_bytes`.

    Documents are taken in the order of the hash of `keys` (group, else id), a random order that is the same for
    every run and for all languages, so parallel documents are kept together as long as each language has room.
    A document that does not fit is left out and the next one tried; a language whose first document is larger than
    all of `max_bytes` keeps that one.
    """
    order = sorted(range(len(keys)), key=lambda i: (xxhash.xxh3_64_intdigest(keys[i].encode()), i))
    named = list(languages)
    used: dict[str | None, int] = {}
    kept = np.zeros(len(keys), bool)
    for index in order:
        language = named[index]
        total = used.get(language, 0) + sizes[index]
        if total <= max_bytes or language not in used:
            used[language] = total
            kept[index] = True
    return kept
