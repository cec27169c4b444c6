"""Pre-tokenizing patterns by their field names, and their labels.

A pre-token is a piece that merges never cross.  A pattern is matched from left to right; what no match covers
becomes a piece of its own, so that the pieces joined always give the text back (the *isolated* behaviour of
`tokenizers.pre_tokenizers.Split`).  Every named pattern has a hand-written scanner (`scan`), which cuts in the same
places; the expressions here are what an exported `tokenizer.json` holds.
"""

from __future__ import annotations

import hashlib

from tokenizers import Regex

from lexmill.tokenizer.unicode_groups import SPACED_SCRIPTS, Group, groups

# GPT-2 (openai/gpt-2, src/encoder.py, MIT).
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

_SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_ONE_TO_THREE = r"\p{N}{1,3}"
# Groups of three counted from the right of a run of digits (Singh & Strouse 2024, arXiv 2402.14903).  The look-ahead is
# bounded so that a long run takes linear time: of one with more than 303 digits, the first ones go in threes.
_FROM_THE_RIGHT = r"\p{N}{1,3}(?=(?:\p{N}{3}){0,100}(?!\p{N}))|\p{N}{3}"


def _letters(digits: str) -> str:
    """Words of letters with one other character before them: the form of GPT-4."""
    return rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{_SPACES}"


def _cased(digits: str, contractions: str = "") -> str:
    """The form of GPT-4o: letters with their marks, a capital after small letters begins a new word."""
    upper, lower = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
    before = r"[^\r\n\p{L}\p{N}]?"
    words = f"{before}{upper}*{lower}+{contractions}|{before}{upper}+{lower}*{contractions}"
    return rf"{words}|{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_SPACES}"


# cl100k_base and o200k_base (openai/tiktoken, tiktoken_ext/openai_public.py, MIT).  Both files write possessive
# quantifiers or nested groups for speed; these are the plain forms that cut the same pieces.
GPT4 = _letters(_ONE_TO_THREE)
GPT4O = _cased(_ONE_TO_THREE, f"{_CONTRACTIONS}?")
# Qwen2 (tokenizer.json of Qwen/Qwen2-7B, Apache-2.0): as GPT-4, every digit alone.
QWEN = _letters(r"\p{N}")
# Tekken (mistralai/mistral-common, tekken.json, Apache-2.0): as GPT-4o without contractions, every digit alone.
TEKKEN = _cased(r"\p{N}")
# SuperBPE (PythonNut/superbpe, MIT): stage 1 as GPT-4o without contractions; stage 2 cuts out only digits, runs of
# punctuation and spaces before the last one, and leaves whole stretches of text together.
SUPERBPE = _cased(_ONE_TO_THREE)
SUPERBPE2 = r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]{2,}[\r\n/]*| +(?!\S)"

# How far a token of source code may reach: four levels after CodeBPE (Chirkova & Troshin 2023, arXiv 2308.00683),
# written by us: words, numbers and single punctuation marks; runs of punctuation; punctuation with the identifier
# behind it; whole lines.
_CODE_WORDS = r" ?[\p{L}\p{M}]+| ?\p{N}+"
CODE0 = rf"{_CODE_WORDS}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]|{_SPACES}"
CODE1 = rf"{_CODE_WORDS}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+|{_SPACES}"
CODE2 = (
    r" ?[^\s\p{L}\p{M}\p{N}_]*[\p{L}\p{M}\p{N}_]+| ?[^\s\p{L}\p{M}\p{N}_]+"  # punctuation and identifier
    rf"|{_SPACES}"
)
CODE3 = r"[^\n]*\n|[^\n]+"

_SKIPPED = (
    r"\p{Cn}\p{Co}"  # has no group: stays with the piece before it, at the beginning with the one behind it
)
_INHERITED = rf"\p{{Zinh}}\u30fc\uff70{_SKIPPED}"
_KINDS = {"LM": r"\p{L}\p{M}", "PS": r"\p{P}\p{S}", "N": r"\p{N}", "Z": r"\p{Z}", "C": r"\p{Cc}\p{Cf}"}


def _script_chunks() -> str:
    """Chunks of SCRIPT-BPE as one expression, with an alternative for each group of `unicode_groups`.

    Characters of one group stay together, with inherited ones behind them; so do Han and Hiragana.  A single space
    joins the letters of a script that uses spaces, and punctuation.
    """
    space = rf"(?: [{_SKIPPED}]*)?"
    spaced = [*((script, "LM") for script in SPACED_SCRIPTS), ("Zyyy", "PS")]
    first = [("Zyyy", "Z"), ("Zyyy", "N"), ("Hani", "LM"), ("Hira", "LM"), ("Kana", "LM")]
    others = [group for group in groups() if group not in spaced and group not in first]
    chunks = [space + _chunk(group) for group in spaced] + [_chunk(group) for group in (*first, *others)]
    return rf"[{_SKIPPED}]*(?:{'|'.join(chunks)})|[{_SKIPPED}]+"


def _chunk(group: Group) -> str:
    """A character of the group, and all behind it that stay with it."""
    with_it = {"Hani": "Hira", "Hira": "Hani"}.get(group[0])
    partner = _class((with_it, group[1])) if with_it else ""
    own = _class(group)
    return f"{own}[{own}{partner}{_INHERITED}]*"


def _class(group: Group) -> str:
    script, kind = group
    unicode = rf"\p{{{script}}}&&[{_KINDS[kind]}]"
    if group == ("Zyyy", "Z"):
        return rf"[\t\n[{unicode}]]"
    if group == ("Zinh", "LM"):
        return rf"[\u30fc\uff70[{unicode}]]"
    if group == ("Arab", "LM"):
        return rf"[\u0640[{unicode}]]"
    if script == "Zyyy" and kind in ("LM", "C"):
        return rf"[{unicode}&&[^\t\n\u0640\u30fc\uff70]]"
    return f"[{unicode}]"


# SCRIPT-BPE (sanderland/script_bpe, Apache-2.0), whose chunking is code there; unassigned and private characters, which
# it deletes before it cuts, are kept here.
SCRIPT = _script_chunks()

PATTERNS: dict[str, str] = {
    "gpt2": GPT2,
    "gpt4": GPT4,
    "gpt4o": GPT4O,
    "llama3": GPT4,  # meta-llama/llama3 (llama/tokenizer.py): the expression of GPT-4
    "qwen": QWEN,
    "tekken": TEKKEN,
    "superbpe": SUPERBPE,
    "superbpe2": SUPERBPE2,
    "gpt4_r2l": _letters(_FROM_THE_RIGHT),
    "gpt4o_r2l": _cased(_FROM_THE_RIGHT, f"{_CONTRACTIONS}?"),
    "code0": CODE0,
    "code1": CODE1,
    "code2": CODE2,
    "code3": CODE3,
    "script": SCRIPT,
}
COVERING = frozenset(PATTERNS) - {"superbpe2"}
"""Names of the patterns that match every character of any text."""


def pretokenizer_names() -> tuple[str, ...]:
    """The names that a pre-tokenizer may have, for messages and documentation."""
    return tuple(PATTERNS)


def pattern_of(pretokenizer: str) -> str:
    """The regular expression of a named pattern; any other string is taken as the expression itself (Oniguruma syntax).

    Raises ValueError for a word that looks like a name but is none, and for an expression that does not compile.
    """
    if pretokenizer in PATTERNS:
        return PATTERNS[pretokenizer]
    if not pretokenizer:
        raise ValueError("pretokenizer is empty: give a name or a regular expression")
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
