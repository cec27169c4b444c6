"""Escapes of roff as plain text: fonts and motions go, special characters become Unicode (groff_char(7), groff(7))."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

_NAME = r"(?:\(..|\[[^\]\n]{0,80}\]|.)"
_QUOTED = r"(?:'[^'\n]{0,200}'|\"[^\"\n]{0,200}\"|.)"
_ESCAPE = re.compile(
    rf"""\\(?:
    f{_NAME} | [FmM]{_NAME} | s[-+]?(?:\[[^\]\n]{{0,20}}\]|\([-+]?..|'[^'\n]{{0,20}}'|[-+]?\d)
    | [hvwDlLbxXYRHSZAB]{_QUOTED} | k{_NAME} | [ngOVEg][-+]?{_NAME} | \${_NAME}
    | \*(?P<string>{_NAME}) | C'(?P<named>[^'\n]{{1,80}})' | N'(?P<number>\d{{1,6}})' | o'(?P<over>[^'\n]{{0,80}})'
    | (?P<special>\(..|\[[^\]\n]{{0,80}}\]) | (?P<one>.) | $ )""",
    re.X | re.S,
)
_ONE = {
    **dict.fromkeys("&/,%:^|)c{}udrzpaE!?", ""),
    **{"-": "-", "e": "\\", "t": "\t", "~": " ", "0": " ", " ": " ", "'": "´"},
}
_STRINGS = {"lq": "“", "rq": "”", "R": "®", "Tm": "™", "Aq": "'", 'L"': '"', 'R"': '"', "C`": "", "C'": ""}
_SPECIAL = {
    **{"bu": "•", "en": "–", "em": "—", "hy": "-", "aq": "'", "dq": '"', "lq": "“", "rq": "”", "oq": "‘"},
    **{"cq": "’", "Bq": "„", "bq": "‚", "Fo": "«", "Fc": "»", "fo": "‹", "fc": "›", "co": "©", "rg": "®"},
    **{"tm": "™", "de": "°", "mc": "µ", "at": "@", "sh": "#", "rs": "\\", "ti": "~", "ha": "^", "ga": "`"},
    **{"aa": "´", "Do": "$", "+-": "±", "mu": "×", "di": "÷", "<=": "≤", ">=": "≥", "!=": "≠", "==": "≡"},
    **{"~~": "≈", "~=": "≅", "~": "∼", "->": "→", "<-": "←", "<>": "↔", "ua": "↑", "da": "↓", "la": "⟨"},
    **{"ra": "⟩", "lB": "[", "rB": "]", "lC": "{", "rC": "}", "ba": "|", "bb": "¦", "bv": "|", "br": "|"},
    **{"ul": "_", "ru": "_", "sl": "/", "12": "½", "14": "¼", "34": "¾", "S1": "¹", "S2": "²", "S3": "³"},
    **{"dg": "†", "dd": "‡", "ps": "¶", "sc": "§", "ct": "¢", "Po": "£", "Ye": "¥", "eu": "€", "Eu": "€"},
    **{"Cs": "¤", "ss": "ß", "AE": "Æ", "ae": "æ", "OE": "Œ", "oe": "œ", "/O": "Ø", "/o": "ø", "-D": "Ð"},
    **{"Sd": "ð", "TP": "Þ", "Tp": "þ", "/L": "Ł", "/l": "ł", ".i": "ı", "r!": "¡", "r?": "¿", "mi": "−"},
    **{"pl": "+", "eq": "=", "**": "∗", "if": "∞", "in": "", "no": "¬", "lh": "☜", "rh": "☞", "OK": "✓"},
    **{"*a": "α", "*b": "β", "*g": "γ", "*d": "δ", "*e": "ε", "*l": "λ", "*m": "μ", "*p": "π", "*s": "σ"},
    **{"*w": "ω", "*W": "Ω", "*D": "Δ", "*S": "Σ", "ts": "ς", "fm": "′", "sd": "″", "is": "∫", "sr": "√"},
    **{"ff": "ff", "fi": "fi", "fl": "fl", "Fi": "ffi", "Fl": "ffl", "|=": "≃", "md": "⋅", "pc": "·"},
}
_ACCENTS = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", ":": "\u0308", "~": "\u0303", ",": "\u0327", "o": "\u030a",
    "v": "\u030c",
}  # fmt: skip
_UNICODE = re.compile(r"u([0-9A-F]{4,6}(?:_[0-9A-F]{4,6}){0,3})")


def plain_text(line: str, strings: Mapping[str, str]) -> str:
    """A line of roff without escapes; `strings` are those that the page defined (`.ds`), without escapes too."""
    if "\\" not in line:
        return line

    def replaced(found: re.Match[str]) -> str:
        if found["string"]:
            name = _bare(found["string"])
            return strings.get(name, _STRINGS.get(name, ""))
        if found["special"] or found["named"]:
            return _character(found["named"] or _bare(found["special"]))
        if found["number"]:
            return _code_point(int(found["number"]))
        if found["over"]:
            return _ESCAPE.sub(lambda inner: _ONE.get(inner["one"] or "", inner["one"] or ""), found["over"])
        one = found["one"] or ""
        return _ONE.get(one, one)

    return _ESCAPE.sub(replaced, line)


def without_comment(line: str) -> str:
    r"""The line before `\"` or `\#`; a doubled backslash hides none of them."""
    if '\\"' not in line and "\\#" not in line:
        return line
    position = 0
    while (position := line.find("\\", position)) >= 0:
        if line[position + 1 : position + 2] in ('"', "#"):
            return line[:position]
        position += 2
    return line


def _bare(name: str) -> str:
    return (
        name[1:-1]
        if name.startswith("[") and len(name) > 1
        else name.removeprefix("(")
        if len(name) > 1
        else name
    )


def _character(name: str) -> str:
    if name in _SPECIAL:
        return _SPECIAL[name]
    if code := _UNICODE.fullmatch(name):
        return unicodedata.normalize(
            "NFC", "".join(_code_point(int(part, 16)) for part in code[1].split("_"))
        )
    if name.startswith("char") and name[4:].isascii() and name[4:].isdigit() and len(name) < 9:
        return _code_point(int(name[4:]))
    if len(name) == 2 and name[0] in _ACCENTS and name[1].isascii() and name[1].isalpha():
        return unicodedata.normalize("NFC", name[1] + _ACCENTS[name[0]])
    return ""


def _code_point(number: int) -> str:
    return chr(number) if number <= 0x10FFFF and not 0xD800 <= number < 0xE000 else ""
