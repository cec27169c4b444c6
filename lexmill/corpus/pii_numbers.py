"""IBANs and payment card numbers: by their checksums, lengths and issuers."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Characters of an IBAN by country (SWIFT, IBAN registry).
_IBAN_LENGTHS = {
    **{"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27},
    **{"BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28},
    **{"EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23},
    **{"GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26},
    **{"IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21},
    **{"LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28},
    **{"NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22},
    **{"RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25},
    **{"SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30},
}
_IBAN_START = re.compile(r"[A-Z](?<![A-Za-z0-9][A-Z])[A-Z][0-9]{2}(?=[ -]?[A-Z0-9])")
_CARD = re.compile(r"[0-9](?<![\w.,+/-][0-9])(?:[ -]?[0-9]){12,18}(?![\w]|[.,-][0-9])")
_CARD_GROUPS = frozenset({(4, 4, 4, 4), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4), (4, 4, 4, 1), (4, 4, 4, 4, 2)})


def ibans(text: str, language: str) -> Iterator[tuple[int, int]]:
    """(start, end) of IBANs (ISO 13616) with a country's length and right check digits, plain or in groups."""
    for found in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(found.group()[:2])
        end = _end_of(text, found.start(), length) if length else 0
        if end and _mod_97(re.sub("[ -]", "", text[found.start() : end])) == 1:
            yield found.start(), end


def credit_cards(text: str, language: str) -> Iterator[tuple[int, int]]:
    """(start, end) of payment card numbers: a length and first digits of a large issuer (ISO/IEC 7812), the Luhn
    check digit, and digits in the groups that cards print or without any."""
    for found in _CARD.finditer(text):
        groups = tuple(len(group) for group in re.split("[ -]", found.group()))
        digits = re.sub("[ -]", "", found.group())
        mixed = " " in found.group() and "-" in found.group()
        grouped = len(groups) == 1 or (groups in _CARD_GROUPS and not mixed)
        if len(groups) > 1 and _in_a_table(text, *found.span()):
            continue
        if grouped and _is_issued(digits) and luhn(digits) and len(set(digits)) > 2:
            yield found.span()


def _in_a_table(text: str, start: int, end: int) -> bool:
    """Whether more groups of digits go before or come after."""
    before, after = text[max(0, start - 6) : start], text[end : end + 6]
    return bool(re.search(r"[0-9A-Fa-f]{3,5}[\s-]$", before) or re.match(r"[\s-][0-9A-Fa-f]{3,5}\b", after))


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _is_issued(digits: str) -> bool:
    """Whether the first digits and the length are those of Visa, Mastercard, American Express, Discover, JCB, Diners
    Club, UnionPay or Mir."""
    two, four, length = int(digits[:2]), int(digits[:4]), len(digits)
    if length == 15:
        return two in (34, 37)
    if length == 14:
        return 300 <= int(digits[:3]) <= 305 or two in (36, 38)
    if length == 13:
        return False  # old Visa numbers, and every second article number
    if length == 16:
        mastercard = 51 <= two <= 55 or 2221 <= four <= 2720
        discover = four == 6011 or 644 <= int(digits[:3]) <= 659
        mir_jcb = 2200 <= four <= 2204 or 3528 <= four <= 3589
        return digits[0] == "4" or mastercard or discover or mir_jcb or two == 62
    return two == 62 or (length == 19 and digits[0] == "4")


def _end_of(text: str, start: int, length: int) -> int:
    """End of `length` letters and digits in which single spaces or hyphens may stand; 0 when there is no such end."""
    place, count = start, 0
    while count < length and place < len(text):
        character = text[place]
        if character.isascii() and (character.isdigit() or character.isupper()):
            count += 1
        elif character not in " -" or text[place - 1] in " -":
            return 0
        place += 1
    ends = count == length and (place == len(text) or not (text[place].isascii() and text[place].isalnum()))
    return place if ends else 0


def _mod_97(iban: str) -> int:
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97
