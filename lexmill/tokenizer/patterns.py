"""Pre-tokenizing patterns by their field names, and their labels.

A pre-token is a piece that merges never cross.  A pattern is matched from left to right; what no match covers
becomes a piece of its own, so that the pieces joined always give the text back (the *isolated* behaviour of
`tokenizers.pre_tokenizers.Split`).
"""

from __future__ import annotations

import hashlib

from tokenizers import Regex

# GPT-2 (openai/gpt-2, src/encoder.py, MIT).
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

# cl100k_base and o200k_base (openai/tiktoken, tiktoken_ext/openai_public.py, MIT).  Both files write possessive
# quantifiers or nested groups for speed; these are the plain forms that cut the same pieces.
GPT4 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
GPT4O = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

PATTERNS: dict[str, str] = {"gpt2": GPT2, "gpt4": GPT4, "gpt4o": GPT4O}


def pattern_of(pretokenizer: str) -> str:
    """The regular expression of a named pattern; any other string is taken as the expression itself (Oniguruma syntax).

    Raises ValueError for a word that looks like a name but is none, and for an expression that does not compile.
    """
    if pretokenizer in PATTERNS:
        return PATTERNS[pretokenizer]
    if pretokenizer.replace("-", "").replace("_", "").isalnum():
        raise ValueError(
            f"pretokenizer {pretokenizer!r} is unknown: give one of {', '.join(PATTERNS)}, or a regular expression"
        )
    try:
        Regex(pretokenizer)
    except Exception as error:  # `tokenizers` raises nothing narrower
        raise ValueError(
            f"pretokenizer {pretokenizer!r} is not a valid regular expression: {error}"
        ) from None
    return pretokenizer


def pretokenizer_label(pretokenizer: str) -> str:
    """A short name for files and artifacts: the pattern's name, or `regex` with 8 hex of its SHA-256."""
    if pretokenizer in PATTERNS:
        return pretokenizer
    return "regex" + hashlib.sha256(pattern_of(pretokenizer).encode()).hexdigest()[:8]
