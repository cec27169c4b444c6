"""Text of any script in Latin letters, by uroman (Hermjakob et al. 2018): a derived view, for people and for models
that share letters across languages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from lexmill.corpus.languages import is_code, script_of

# uroman cuts lines here and treats the parts alone.
_CUT = re.compile(r"([.,; ]*[ 。་][.,; ]*)")
_CACHED_PARTS = 1 << 18


class RomanizationError(ValueError):
    """Romanisation is not possible here: uroman is not installed."""


def is_romanizable(label: str) -> bool:
    """Whether a label is a human language in another script than Latin."""
    return not is_code(label) and script_of(label) not in ("", "Latn", "Zyyy")


def romanized(texts: Sequence[str], languages: Sequence[str]) -> list[str]:
    """The texts in Latin letters; the language of each (a label) decides where letters are read differently.

    Equal to uroman's `romanize_string` line by line; a word is romanised once and remembered.  Chinese is read as
    Mandarin, and so are the Chinese characters of Japanese.  Raises RomanizationError when uroman is missing.
    """
    uroman, cache = _uroman()
    found = []
    for text, label in zip(texts, languages, strict=True):
        code = label[:3]
        lines = []
        for line in text.split("\n"):
            parts = []
            for part in _CUT.split(line):
                key = (code, part)
                if key not in cache:
                    if len(cache) >= _CACHED_PARTS:
                        cache.clear()
                    cache[key] = uroman.romanize_string(part, lcode=code)
                parts.append(cache[key])
            lines.append("".join(parts))
        found.append("\n".join(lines))
    return found


@lru_cache(maxsize=1)
def _uroman() -> tuple[Any, dict[tuple[str, str], str]]:
    """The romaniser, loaded once a process, and what it said before."""
    try:
        from uroman import Uroman  # type: ignore[import-untyped]
    except ImportError as error:
        raise RomanizationError(
            "romanisation needs the package uroman: pip install 'lexmill[romanize]'"
        ) from error
    return Uroman(), {}
