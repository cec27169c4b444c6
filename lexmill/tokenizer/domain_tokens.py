"""Strings that legal, financial and technical text is made of, by rule.

The families are those of the KL3M tokenizers (Bommarito et al. 2025, arXiv 2503.17247; alea-institute/kl3m-tokenizers,
MIT); what each holds is written down here anew.
"""

from __future__ import annotations

from collections.abc import Iterable

_TAGS = [
    "a",
    "abbr",
    "article",
    "aside",
    "b",
    "blockquote",
    "body",
    "br",
    "button",
    "code",
    "col",
    "dd",
    "div",
    "dl",
    "dt",
    "em",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "html",
    "i",
    "img",
    "input",
    "label",
    "li",
    "link",
    "main",
    "meta",
    "nav",
    "ol",
    "option",
    "p",
    "pre",
    "script",
    "section",
    "select",
    "small",
    "span",
    "strong",
    "style",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "textarea",
    "tfoot",
    "th",
    "thead",
    "title",
    "tr",
    "u",
    "ul",
    "video",
]
_ROMAN = ((50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


def roman(number: int) -> str:
    """A number from 1 to 89 in Roman numerals."""
    text = ""
    for value, letters in _ROMAN:
        text += letters * (number // value)
        number %= value
    return text


def _whitespace() -> list[str]:
    return [unit * times for unit in (" ", "\n", "\t") for times in range(2, 9)] + ["\r\n", "\r\n\r\n"]


def _markdown() -> list[str]:
    marks = [
        "**",
        "***",
        "__",
        "```",
        "~~",
        "---",
        "***",
        "===",
        "> ",
        "- ",
        "* ",
        "- [ ] ",
        "- [x] ",
        "](",
        "![",
        "| ",
    ]
    return ["#" * level + " " for level in range(1, 7)] + marks


def _html() -> list[str]:
    opened = [f"<{tag}>" for tag in _TAGS] + [f"<{tag} " for tag in _TAGS]
    entities = ["&amp;", "&lt;", "&gt;", "&quot;", "&nbsp;", "<!DOCTYPE html>"]
    return opened + [f"</{tag}>" for tag in _TAGS] + entities


def _json() -> list[str]:
    return [
        '{"',
        '"}',
        '":',
        '": ',
        '": "',
        '",',
        '", "',
        '"],',
        '["',
        '"]',
        "[]",
        "{}",
        "},",
        "}}",
        "null",
        "true",
        "false",
    ]


def _xml() -> list[str]:
    return [
        "<?xml",
        "?>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "/>",
        "</",
        'xmlns="',
        "xmlns:",
        "<!ENTITY",
        "<!ELEMENT",
    ]


def _enumerations() -> list[str]:
    letters = [f"({chr(code)})" for code in range(ord("a"), ord("z") + 1)]
    numerals = [f"({roman(number).lower()})" for number in range(1, 21)]
    return letters + numerals + [f"({number})" for number in range(1, 100)]


_RULES = {
    "whitespace": _whitespace,
    "markdown": _markdown,
    "html": _html,
    "json": _json,
    "xml": _xml,
    "years": lambda: [str(year) for year in range(1776, 2050)],
    "numbers": lambda: [str(number) for number in range(10, 1000)],
    "enumerations": _enumerations,
    "roman_numerals": lambda: [roman(number) for number in range(2, 51)],
}


def domain_tokens(rules: Iterable[str], more: Iterable[str] = ()) -> list[str]:
    """The distinct strings of the rules, then `more`, each once; none has fewer than two characters."""
    found = [text for rule in rules for text in _RULES[rule]()]
    return [text for text in dict.fromkeys([*found, *more]) if len(text) > 1]
