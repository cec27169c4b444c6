"""Cutting text into pre-tokens as the audited tokenizer's training did.

What the file says is run by `tokenizers` itself, or, where its pattern is one of ours or written in a syntax that
`regex` reads in the same way, by the faster `regex`.  SentencePiece lists are cut by their trainer's rules.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import regex  # type: ignore[import-untyped]
from tokenizers import Tokenizer, normalizers

from lexmill.mixture.mergelist import MergeList, printable
from lexmill.mixture.pieces import SPACE, piece_cutter
from lexmill.tokenizer.bytelevel import BYTE_OF_CHAR
from lexmill.tokenizer.load import component_types
from lexmill.tokenizer.patterns import COVERING, PATTERNS, pattern_of, pretokenizer_names
from lexmill.tokenizer.split import SplitError, disputed, normalize, splitter, tokenizers_failed

NORMALIZERS = ("none", "NFC", "NFKC")
_LATIN = {ord(character): byte for character, byte in BYTE_OF_CHAR.items()}
# Patterns of these parts alone cut alike in `regex` and in Oniguruma, except for characters that are `disputed`: no
# anchors, captures or quantified groups, and of folded case only the contractions that the named patterns have.  An
# alternative has few quantifiers, and no more to match after the second unbounded one, so none takes long to fail.
_ATOM = r"(?:\\p\{(?:L|N|M|Lu|Ll|Lt|Lm|Lo)\}|\\[sSrn]|[ /',!a-zA-Z0-9])"
_ONE = rf"(?:{_ATOM}|\[\^?{_ATOM}++\])"
_CONTRACTION = r"(?:\(\?i:'s\|'t\|'re\|'ve\|'m\|'ll\|'d\)\??)"
_BOUNDED = rf"(?:{_ONE}(?:\?|\{{1,[1-9]\}})?+(?![?*+{{])|{_CONTRACTION})"
_MANY = rf"(?:{_ONE}[*+](?![?*+{{]))"
_REST = rf"(?:{_MANY}{_CONTRACTION}?|{_BOUNDED}{{0,2}}(?:\(\?[!=]{_ONE}\))?)"
_ALTERNATIVE = rf"(?:{_BOUNDED}{{1,6}}|{_BOUNDED}{{0,4}}{_MANY}{_REST})"
_SHARED_SYNTAX = regex.compile(rf"{_ALTERNATIVE}(?:\|{_ALTERNATIVE})*")


class CutterError(ValueError):
    """It is not known, or not possible, to cut text for this tokenizer."""


def text_cutter(
    merges: MergeList, pretokenizer: str | None = None, normalizer: str | None = None
) -> Callable[[str], list[str]]:
    """A function from text to its pre-tokens, normalised, with plain spaces; None: as the tokenizer's file says.

    `pretokenizer` is a pattern's name (gpt2, gpt4, gpt4o) or a regular expression, `normalizer` one of NORMALIZERS.
    Raises CutterError when the file does not say how to cut and nothing was given, and for names that do not exist;
    the returned function raises it for text on which the file's own components fail.
    """
    change = _normalizer(merges, normalizer)
    if pretokenizer is not None:
        return _chain(change, _named(pretokenizer))
    if merges.rules is not None:
        component = _component(merges.pretokenizer)
        cut = _run(component, byte_level=False) if component else _whole
        return piece_cutter(merges.rules, _chain(change, cut))
    if merges.kind == "vocab.bpe":
        return _chain(change, splitter("gpt2"))
    if merges.pretokenizer is None:
        raise CutterError(
            f"a {merges.kind} file does not say how text is cut before merging: name its pattern with "
            f"--pretokenizer ({', '.join(pretokenizer_names())}, or a regular expression)"
        )
    component = _component(merges.pretokenizer)
    if component is None:
        return _chain(change, _pattern(merges.pretokenizer))
    return _chain(change, _run(component, byte_level=True))


def cutting_label(
    merges: MergeList, pretokenizer: str | None = None, normalizer: str | None = None
) -> dict[str, Any]:
    """How `text_cutter` cuts, as JSON values: pretokenizer, normalizer, and for each where it was taken from."""
    cut: Any = _name_of(merges.pretokenizer) if merges.pretokenizer else None
    source = "file" if merges.pretokenizer else "nowhere"
    if pretokenizer is not None:
        cut, source = pretokenizer, "given"
    elif merges.rules is not None:
        cut, source = merges.rules.record(), "file" if merges.kind == "sentencepiece" else "vocabulary"
    elif merges.kind == "vocab.bpe":
        cut, source = "gpt2", "format"  # GPT-2's own, which had one pattern
    return {
        "pretokenizer": cut,
        "pretokenizer_from": source,
        "normalizer": merges.normalizer if normalizer is None else normalizer,
        "normalizer_from": "given" if normalizer else "file" if merges.normalizer else "nowhere",
    } | (_table_label(merges) if normalizer is None else {})


def _table_label(merges: MergeList) -> dict[str, str]:
    """SentencePiece's compiled rule by its digest: files may hold one of their own under any name."""
    if merges.rules is None or not merges.rules.charsmap:
        return {}
    return {"normalizer_table": hashlib.sha256(merges.rules.charsmap).hexdigest()[:16]}


def _name_of(written: str) -> str:
    """The name of a pattern we have a name for; anything else as written."""
    component = _component(written)
    pattern = _only_pattern(component) if component else written
    return next((name for name, known in PATTERNS.items() if known == pattern), written)


def _chain(change: Callable[[str], str], cut: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    return lambda text: cut(change(text))


def _whole(text: str) -> list[str]:
    return [text] if text else []


def _named(pretokenizer: str) -> Callable[[str], list[str]]:
    try:
        pattern_of(pretokenizer)
    except ValueError as error:
        raise CutterError(str(error)) from None
    return _pattern(pretokenizer)


def _pattern(pattern: str) -> Callable[[str], list[str]]:
    """Pieces of a regular expression in Oniguruma's syntax, what it does not match apart."""
    try:
        name = next((name for name, known in PATTERNS.items() if known == pattern), pattern)
        reference = _guarded(splitter(name))
    except ValueError as error:
        raise CutterError(f"the tokenizer's own pattern cannot be used: {printable(error, 500)}") from None
    if pattern in PATTERNS or pattern in PATTERNS.values():
        return reference
    if not _SHARED_SYNTAX.fullmatch(pattern):
        return reference
    matches = regex.compile(pattern).findall

    def cut(text: str) -> list[str]:
        if disputed(text):
            return reference(text)
        pieces: list[str] = matches(text)
        whole = sum(map(len, pieces)) == len(text) and "" not in pieces
        return pieces if whole else reference(text)

    return cut


def _normalizer(merges: MergeList, given: str | None) -> Callable[[str], str]:
    if given is not None:
        if given not in NORMALIZERS:
            raise CutterError(f"normalizer {given!r} is unknown: give one of {', '.join(NORMALIZERS)}")
        return normalize(given)
    if merges.kind == "sentencepiece":
        table = b"" if merges.rules is None else merges.rules.charsmap
        if not table:
            return str
        try:
            return _guarded(_guarded(normalizers.Precompiled)(table).normalize_str)
        except Exception as error:  # `tokenizers` raises nothing narrower
            raise CutterError(f"the model's normaliser table cannot be read: {error}") from None
    if merges.normalizer is None:
        return str
    component = _component(merges.normalizer)
    if component is None:  # a name, as our own tokenizers have it
        return _normalizer(merges, merges.normalizer)
    part = _tokenizer(normalizer=component).normalizer
    return str if part is None else _guarded(part.normalize_str)


def _run(component: dict[str, Any], byte_level: bool) -> Callable[[str], list[str]]:
    """Pre-tokens as `tokenizers` makes them, in characters again where they were written as bytes."""
    pattern = _only_pattern(component)
    if pattern is not None:
        return _pattern(pattern)
    part = _tokenizer(pre_tokenizer=component).pre_tokenizer
    if part is None:
        raise CutterError(
            "the tokenizer's file has an empty pre-tokenizer: name its pattern with --pretokenizer"
        )
    pre_tokenize = _guarded(part.pre_tokenize_str)
    if byte_level and "ByteLevel" in component_types(component):
        # what is cut inside a character (no file in use does) shows as replacement characters
        return lambda text: [
            piece.translate(_LATIN).encode("latin-1", "replace").decode(errors="replace")
            for piece, _ in pre_tokenize(text)
        ]
    return lambda text: [piece.replace(SPACE, " ") for piece, _ in pre_tokenize(text)]


def _only_pattern(component: dict[str, Any]) -> str | None:
    """The regular expression of a pre-tokenizer that does nothing but cut by it; None for any other."""
    parts = component.get("pretokenizers", []) if component.get("type") == "Sequence" else [component]
    if parts and parts[-1].get("type") == "ByteLevel":
        if parts[-1].get("add_prefix_space"):
            return None
        if parts[-1].get("use_regex", True):
            return PATTERNS["gpt2"] if len(parts) == 1 else None
        parts = parts[:-1]
    if len(parts) != 1 or parts[0].get("type") != "Split":
        return None
    pattern = parts[0].get("pattern", {}).get("Regex")
    isolated = str(parts[0].get("behavior")).lower() == "isolated" and not parts[0].get("invert")
    # keeping what matches is the same for patterns that match every character
    inverted = str(parts[0].get("behavior")).lower() == "removed" and parts[0].get("invert")
    return pattern if isolated or (inverted and pattern in {PATTERNS[name] for name in COVERING}) else None


def _component(written: str | None) -> dict[str, Any] | None:
    """A component of tokenizer.json; None for a bare pattern or name."""
    if not written or not written.startswith("{"):
        return None
    try:
        value = json.loads(written)
    except ValueError:
        return None  # a pattern may begin with a brace
    return value if isinstance(value, dict) and "type" in value else None


def _tokenizer(**components: Any) -> Any:
    empty = {"type": "BPE", "vocab": {}, "merges": []}
    blank = dict.fromkeys(
        ("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder")
    )
    try:
        whole = {"version": "1.0", "added_tokens": [], **blank, **components, "model": empty}
        return _guarded(Tokenizer.from_str)(json.dumps(whole))
    except Exception as error:  # `tokenizers` raises nothing narrower
        names = ", ".join(components)
        raise CutterError(f"`tokenizers` cannot read the {names} of the tokenizer's file: {error}") from None


def _guarded(run: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same function; a panic inside `tokenizers` (damaged tables, hard patterns) becomes a CutterError."""

    def guarded(value: Any) -> Any:
        try:
            return run(value)
        except BaseException as error:
            if not tokenizers_failed(error) and not isinstance(error, SplitError):
                raise
            raise CutterError(
                f"`tokenizers` fails on the normaliser or pre-tokenizer of the file: {printable(error, 500)}"
            ) from None

    return guarded
