"""Which character sequences a SentencePiece trainer may join, and cutting text accordingly.

SentencePiece has no pre-tokenizer: its BPE trainer cuts lines at spaces and refuses pieces that mix scripts, hold
digits, are too long, and so on (google/sentencepiece, src/trainer_interface.cc, `IsValidSentencePiece`).  Two
neighbouring characters that no valid piece holds side by side are a cut; what else is forbidden depends on whole
pieces (`lexmill.mixture.symbols.possible_pairs`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

import regex  # type: ignore[import-untyped]

from lexmill.mixture.scripts import COMMON, GROUPS, group_of

SPACE = "\u2581"  # SentencePiece writes a space so
DIGITS = "0-9\uff10-\uff19"
ENOUGH_PIECES = 2000  # rules are read from a vocabulary only when it is at least this large
MAX_USER_DEFINED = 16_384  # a pattern of more takes long to compile; Gemma has about 6,500
EXCEPTIONS = 1e-3  # share of pieces; Gemma's 4 of 234,807 and 1 of 236,249 are the largest seen
_DIGIT = regex.compile(f"[{DIGITS}]")


@dataclass(frozen=True)
class PieceRules:
    """The settings of SentencePiece's trainer that decide which pieces are valid; names and defaults are its own."""

    max_sentencepiece_length: int = 16
    split_by_unicode_script: bool = True
    split_by_number: bool = True
    split_by_whitespace: bool = True
    split_digits: bool = False
    treat_whitespace_as_suffix: bool = False
    allow_whitespace_only_pieces: bool = False
    add_dummy_prefix: bool = True
    remove_extra_whitespaces: bool = True
    rule_name: str = ""  # normaliser rule, e.g. nmt_nfkc or identity
    charsmap: bytes = b""  # the rule, compiled
    user_defined: tuple[str, ...] = ()  # never joined with anything; spaces as spaces

    def record(self) -> dict[str, int | bool | str]:
        """The settings as JSON values, without the normaliser's table and the user-defined pieces."""
        return {
            f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("charsmap", "user_defined")
        }


def rules_of_pieces(pieces: Iterable[str], user_defined: tuple[str, ...] = ()) -> PieceRules:
    """The rules that learned pieces of several characters (spaces as spaces) obey, for a file that does not say.

    A rule is assumed when at most EXCEPTIONS of the pieces break it (tokens added by hand look like learned ones);
    below ENOUGH_PIECES pieces only the spaces are cut at.
    """
    pieces = [piece for piece in pieces if len(piece) > 1]
    words = [piece.lstrip(" ") for piece in pieces]
    allowed = int(EXCEPTIONS * len(pieces))
    enough = len(pieces) >= ENOUGH_PIECES
    mixed = sum(len({group_of(c) for c in word} - {None}) > 1 for word in words if not _one_script(word))
    return PieceRules(
        max_sentencepiece_length=max(map(len, pieces), default=16),
        split_by_unicode_script=enough and mixed <= allowed,
        split_digits=enough and sum(bool(_DIGIT.search(piece)) for piece in pieces) <= allowed,
        split_by_whitespace=sum(" " in word for word in words) <= allowed,
        allow_whitespace_only_pieces=any(not word for word in words),
        add_dummy_prefix=False,  # the file's own normaliser adds it
        remove_extra_whitespaces=False,
        rule_name="from the vocabulary",
        user_defined=user_defined,
    )


def _one_script(word: str) -> bool:
    """Quickly, for most words: only ASCII letters, or only ASCII that is no letter."""
    return word.isascii() and (word.isalpha() or not any(map(str.isalpha, word)))


def piece_cutter(rules: PieceRules, prepare: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """A function that cuts text into the stretches inside which `rules` allow pieces; real spaces, lines apart.

    `prepare` normalises a line, and may cut it.  Line ends and tabs, and every character of a user-defined piece,
    stand alone.
    """
    matches = regex.compile(_pattern(rules), flags=regex.V1).findall
    parts = _user_defined(rules)

    def cut(text: str) -> list[str]:
        found: list[str] = []
        for number, line in enumerate(text.split("\n")):
            if number:
                found.append("\n")
            for part in prepare(line):
                found += cut_line(part.replace(SPACE, " "))
        return found

    def cut_line(line: str) -> list[str]:
        if rules.remove_extra_whitespaces:
            line = " ".join(part for part in line.split(" ") if part)
        if line and rules.add_dummy_prefix:
            line = line + " " if rules.treat_whitespace_as_suffix else " " + line
        if parts is None:
            return matches(line)  # type: ignore[no-any-return]
        found: list[str] = []
        for place, part in enumerate(parts(line)):
            found += part if place % 2 else matches(part)  # a user-defined piece: its characters
        return found

    return cut


def _user_defined(rules: PieceRules) -> Callable[[str], list[str]] | None:
    """A function that splits a line at user-defined pieces, the longest first; they have the odd places."""
    pieces = sorted((p for p in rules.user_defined if p and "\n" not in p), key=lambda p: (-len(p), p))
    if not pieces:
        return None
    first = "".join(sorted({regex.escape(p[0]) for p in pieces}))
    return regex.compile(f"((?=[{first}])(?:{'|'.join(map(regex.escape, pieces))}))").split  # type: ignore[no-any-return]


def _pattern(rules: PieceRules) -> str:
    """Stretches that together cover every character of a line."""
    digit = f"[{DIGITS}]|" if rules.split_digits else ""
    spaces = " ++|" if rules.allow_whitespace_only_pieces else ""
    return rf"{digit}\t|{_words(rules)}|{spaces}[\s\S]"


def _words(rules: PieceRules) -> str:
    """Words with their space, cut where the script changes or, with `split_digits`, at digits."""
    joker = rules.split_by_unicode_script and not rules.split_by_number and not rules.split_digits
    outside = rf" \t{DIGITS}" if rules.split_digits or joker else r" \t"
    classes = [rf"[^{outside}]"]
    if rules.split_by_unicode_script:
        classes = [rf"[{group}\p{{Inherited}}]" for group in GROUPS]
        classes.insert(1, rf"[{COMMON}\p{{Inherited}}--[{outside}]]")  # frequent, so tried early
    if not rules.split_by_whitespace:  # a space may stand inside a piece, so between stretches of one script
        return "|".join(rf" *+{c}++(?: ++{c}++)*+" for c in classes)
    run = "|".join(f"{c}++" for c in classes)
    if joker:  # a digit goes with any script
        run = rf"(?:{run})(?:[{DIGITS}]++(?:{run})?)*+|[{DIGITS}]++(?:(?:{run})[{DIGITS}]++)*+(?:{run})?"
    spaces = " *+" if rules.allow_whitespace_only_pieces else " ?"
    return f"(?:{run}){spaces}" if rules.treat_whitespace_as_suffix else f"{spaces}(?:{run})"
