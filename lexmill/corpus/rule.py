"""What a quality rule is: a value of every document, a limit, and the words for a document that breaks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from lexmill.corpus.languages import script_of
from lexmill.corpus.scripts import UNSPACED

# Scripts in which `lexmill.corpus.words` makes every letter a token.
_SINGLE = (UNSPACED - {"Kore"}) | {"Hani", "Hira", "Kana", "Bopo", "Tale", "Talu", "Lana", "Tavt"}


class Rule(NamedTuple):
    """A limit on a value of every document."""

    reason: str
    values: np.ndarray
    """float64 (rows,)."""
    limits: np.ndarray
    """float64 (rows,); NaN where a document is not judged."""
    least: bool
    """Whether the limit is the smallest value allowed, else the largest."""
    unit: str

    @property
    def broken(self) -> np.ndarray:
        """bool (rows,)."""
        return self.values < self.limits if self.least else self.values > self.limits

    def detail(self, row: int) -> str:
        """What a person should know about a document that breaks the rule: its value, and the limit."""
        direction = "least" if self.least else "most"
        return f"{_number(self.values[row])} {self.unit}, at {direction} {_number(self.limits[row])}"


class Table:
    """Measures of a batch as float64 columns, and the languages of its documents."""

    def __init__(self, measures: pa.RecordBatch, languages: Sequence[str]) -> None:
        self._measures = measures
        self.languages = languages

    def __getitem__(self, name: str) -> np.ndarray:
        """float64 (rows,) of a column of `MEASURES`."""
        return self._measures[name].to_numpy().astype(np.float64)

    @cached_property
    def single(self) -> np.ndarray:
        """bool (rows,): documents in scripts without spaces, where a token is a character."""
        return np.array([script_of(label) in _SINGLE for label in self.languages], bool)

    @cached_property
    def unspaced(self) -> np.ndarray:
        """bool (rows,): documents in scripts where mean word lengths say nothing."""
        return np.array([script_of(label) in UNSPACED for label in self.languages], bool)

    def limits(self, limit: float | None, by_language: Mapping[str, float] | None = None) -> np.ndarray:
        """float64 (rows,): the limit, another one for some languages, NaN where there is none."""
        if limit is None:
            return np.full(len(self.languages), np.nan)
        if not by_language:
            return np.full(len(self.languages), float(limit))
        others = by_language
        return np.array([others.get(label, limit) for label in self.languages], np.float64)


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, and part where whole is 0."""
    return part / np.maximum(whole, 1)


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.3f}".rstrip("0")
