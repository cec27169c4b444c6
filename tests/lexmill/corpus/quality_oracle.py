"""Words and quality measures in plain Python, from the papers' definitions: slow, and on its own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import regex

SINGLE_SCRIPTS = (
    *("Hani", "Hira", "Kana", "Bopo", "Thai", "Laoo", "Khmr"),
    *("Mymr", "Tibt", "Tale", "Talu", "Lana", "Tavt"),
)
_one = "".join(rf"\p{{scx={script}}}" for script in SINGLE_SCRIPTS)
_one = rf"[[\p{{L}}\p{{Nl}}]&&[{_one}]]"
_letter = rf"[\p{{L}}--{_one}]"
_number = rf"[\p{{N}}--{_one}]"
_inner = r"['\u2019\u00b7\u2027\u05f3\u05f4]"
_joiner = r"[\p{Cf}--\u200b]"
_in_word = rf"(?:{_letter}|\p{{M}}|{_number})"
TOKEN = regex.compile(
    rf"{_one}\p{{M}}*"
    rf"|{_in_word}(?:{_in_word}|(?<=[{_letter}\p{{M}}])[{_inner}{_joiner}](?={_letter}))*"
    r"|[^\p{L}\p{M}\p{N}\p{Z}\p{Cc}\p{Cf}]\p{M}*",
    regex.VERSION1,
)
_has_letter = regex.compile(r"[\p{L}\p{M}]|(?=\p{Nl})" + _one, regex.VERSION1)
_visible = regex.compile(r"[\p{L}\p{M}\p{N}]", regex.VERSION1)
_ends_sentence = regex.compile(r"\p{STerm}", regex.VERSION1)


def tokens(text: str) -> Iterator[tuple[str, int, int, int]]:
    """(token, kind, first character, end)."""
    for match in TOKEN.finditer(text):
        token = match.group()
        symbol = not _visible.match(token[0])
        kind = 2 if symbol else 0 if _has_letter.search(token) else 1
        yield token, kind, match.start(), match.end()


def measures(text: str) -> dict[str, int]:
    """The measures of one text but for sentences, script letters and English words."""
    return {**_characters(text), **_lines(text), **_words(text)}


def _characters(text: str) -> dict[str, int]:
    return {
        "characters": len(text),
        "alphabetic": len(regex.findall(r"\p{L}", text)),
        "numeric": len(regex.findall(r"\p{N}", text)),
        "space": sum(map(str.isspace, text)),
        "replacement": text.count("\ufffd"),
        "hashes": text.count("#"),
        "ellipses": text.count("...") + text.count("…"),
        "braces": text.count("{"),
        "newlines": text.count("\n"),
        "space_words": len(text.split()),
        "lorem_ipsum": int("lorem ipsum" in text.lower()),
        "xml_header": int("<?xml version=" in text[:100]),
    }


def _repeats(items: list[str]) -> tuple[int, int]:
    seen: set[str] = set()
    again = [item for item in items if item in seen or seen.add(item)]
    return len(again), sum(map(len, again))


def _lines(text: str) -> dict[str, int]:
    every = text.split("\n")
    lines = [line for line in every if line.strip()]
    paragraphs = [part.strip("\n") for part in re.split(r"\n\n+", text) if part.strip("\n")]
    repeated, characters = _repeats(lines)
    repeated_parts, part_characters = _repeats(paragraphs)
    return {
        "longest_line": max(map(len, every)),
        "lines": len(lines),
        "bullet_lines": sum(line.lstrip()[0] in "•-" for line in lines),
        "ellipsis_lines": sum(line.rstrip().endswith(("...", "…")) for line in lines),
        "terminal_lines": sum(bool(_ends_sentence.match(line[-1])) for line in lines),
        "short_lines": sum(len(line) <= 30 for line in lines),
        "repeated_lines": repeated,
        "repeated_line_characters": characters,
        "paragraphs": len(paragraphs),
        "repeated_paragraphs": repeated_parts,
        "repeated_paragraph_characters": part_characters,
    }


def _words(text: str) -> dict[str, int]:
    found = list(tokens(text))
    words = [token for token, kind, _, _ in found if kind != 2]
    merged = _merged(found)
    gopher_stop_words = {"the", "be", "to", "of", "and", "that", "have", "with"}
    return {
        "words": len(words),
        "word_characters": sum(map(len, words)),
        "alphabetic_words": sum(kind == 0 for _, kind, _, _ in found),
        "tokens": len(merged) - _inside_words(found),
        "longest_word": max(map(len, words), default=0),
        "stop_words": len(gopher_stop_words & {token for token, _, _, _ in found}),
        **{f"top_{n}gram_characters": _top(merged, n) for n in (2, 3, 4)},
        **{f"duplicate_{n}gram_characters": _duplicates(merged, n) for n in range(5, 11)},
    }


def _merged(found: list[tuple[str, int, int, int]]) -> list[str]:
    """Tokens with runs of one symbol joined."""
    merged: list[str] = []
    before = ("", 0, 0, -1)
    for token, kind, start, end in found:
        if kind == 2 and before[0] == token and before[3] == start:
            merged[-1] += token
        else:
            merged.append(token)
        before = (token, kind, start, end)
    return merged


def _inside_words(found: list[tuple[str, int, int, int]]) -> int:
    """ASCII symbols with a word on either side and nothing between."""
    return sum(
        b[1] == 2 and a[1] != 2 and c[1] != 2 and a[3] == b[2] and b[3] == c[2] and len(b[0].encode()) == 1
        for a, b, c in zip(found, found[1:], found[2:], strict=False)
    )


def _top(words: list[str], n: int) -> int:
    grams = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    if not grams:
        return 0
    most = max(grams.values())
    first = next(gram for gram, count in grams.items() if count == most)
    return len(" ".join(first)) * most


def _duplicates(words: list[str], n: int) -> int:
    seen: set[tuple[str, ...]] = set()
    total = place = 0
    while place + n <= len(words):
        gram = tuple(words[place : place + n])
        if gram in seen:
            total += sum(map(len, gram))
            place += n
        else:
            seen.add(gram)
            place += 1
    return total
