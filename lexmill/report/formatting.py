"""Numbers and foreign text as the page shows them: fixed formats, no locale, nothing invisible."""

from __future__ import annotations

import math
import unicodedata

# Explicit directional formatting characters: they could reorder the page around a hostile name.
_DIRECTIONAL = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f"
)
_BYTE_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
MISSING = "–"


def count(value: float | None) -> str:
    """12345 -> `12,345`; None -> an en dash."""
    return MISSING if value is None else f"{round(value):,}"


def size(value: float | None) -> str:
    """Bytes in decimal units with three significant digits: 8312345 -> `8.31 MB`; None -> an en dash."""
    if value is None:
        return MISSING
    scaled, unit = float(value), 0
    while abs(scaled) >= 999.5 and unit < len(_BYTE_UNITS) - 1:
        scaled, unit = scaled / 1000, unit + 1
    return f"{scaled:.0f} B" if unit == 0 else f"{significant(scaled)} {_BYTE_UNITS[unit]}"


def tick_size(value: float) -> str:
    """Bytes as an axis shows them: 2000000 -> `2 MB`."""
    text, _, unit = size(value).partition(" ")
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {unit}"


def tick(value: float) -> str:
    """A round number as an axis shows it: at most six digits, no trailing zeros."""
    return f"{value:g}"


def percent(value: float | None) -> str:
    """A share of 1 in per cent: 0.1234 -> `12.3 %`; small but not zero -> `<0.1 %`; None -> an en dash."""
    if value is None:
        return MISSING
    if 0 < value < 0.0005:
        return "<0.1 %"
    return f"{100 * value:.1f} %".replace("-0.0 %", "0.0 %")


def number(value: float | None, digits: int = 3) -> str:
    """`digits` decimals with thousands separators; None -> an en dash."""
    if value is None:
        return MISSING
    text = f"{value:,.{digits}f}"
    return text[1:] if text.startswith("-") and not text.strip("-0.,") else text


def significant(value: float | None, digits: int = 3) -> str:
    """`digits` significant digits, scientific beyond 1e-4 and 1e7; None -> an en dash."""
    if value is None:
        return MISSING
    if value == 0:
        return "0"
    value = float(f"{value:.{digits - 1}e}")  # rounded first: 9.996 has the exponent of 10.0
    exponent = math.floor(math.log10(abs(value)) + 1e-12)
    if exponent < -4 or exponent >= 7:
        mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
        return f"{mantissa}e{int(power)}"
    return f"{value:,.{max(digits - 1 - exponent, 0)}f}"


def interval(lower: float | None, upper: float | None, digits: int = 3, scale: float = 1.0) -> str:
    """`[0.120, 0.140]`, or an en dash when either end is missing; values are multiplied by `scale` first."""
    if lower is None or upper is None:
        return MISSING
    return f"[{number(scale * lower, digits)}, {number(scale * upper, digits)}]"


def visible(text: object) -> str:
    """Text that cannot act on the page around it: controls, line breaks, surrogates and directional marks are spelled.

    `"a\\x00"` -> `a␀`, a right-to-left override -> `‹202E›`.  HTML escaping is the template's work.
    """
    return "".join(_visible_character(character) for character in str(text))


def _visible_character(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if (
        character in _DIRECTIONAL
        or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or _noncharacter(code)
    ):
        return f"‹{code:04X}›"
    return character


def _noncharacter(code: int) -> bool:
    return 0xFDD0 <= code <= 0xFDEF or (code & 0xFFFE) == 0xFFFE


def clip(text: str, length: int) -> str:
    """At most `length` characters, the last one an ellipsis when something was cut."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
