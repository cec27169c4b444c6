"""E-mail and public IP addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

# Letters of scripts that put spaces between words; in others an address stands in the middle of a sentence.
_LETTER = "A-Za-z0-9\u00c0-\u024f\u0370-\u052f\u0531-\u0587\u05d0-\u05ea\u0620-\u064a\u0900-\u0963"
_LABEL = rf"[{_LETTER}](?:[{_LETTER}-]{{0,61}}[{_LETTER}])?"
# The part before @ starts where no character of it goes before, so that a long run is tried once.
_EMAIL = re.compile(
    rf"(?<![{_LETTER}._%+-])[{_LETTER}_%+](?:[{_LETTER}._%+-]{{0,62}}[{_LETTER}_%+-])?@"
    rf"(?P<domain>(?:{_LABEL}\.){{1,8}}(?P<top>[A-Za-z\u0400-\u052f\u0620-\u064a\u0900-\u0963]{{2,24}}?))"
    rf"(?=E<|(?![{_LETTER}_@]))"  # `E<lt>name@host.orgE<gt>` of Perl's documentation
)
# Names that never are a person's (RFC 2606, RFC 6761), and file suffixes that look like domains (`icon@2x.png`).
_RESERVED = re.compile(r"(?:^|\.)(?:example\.(?:com|net|org|edu)|example|invalid|test|localhost|local)$")
_FILES = frozenset(
    "png jpg jpeg gif svg webp ico css scss js jsx ts tsx json html htm xml yml yaml txt pdf".split()  # noqa: SIM905
)
_SERVICES = frozenset({"git", "noreply", "no-reply", "donotreply", "do-not-reply"})

# A digit first and what goes before it second: `re` finds the places to look at by the first character.
_IPV4 = re.compile(
    r"[0-9](?<![\w.+-][0-9])[0-9]{0,2}\.(?:[0-9]{1,3}\.){2}[0-9]{1,3}(?![\w+]|[.-]\w|/[0-9])"  # no network prefix
)
_IPV6 = re.compile(r"[23](?<![\w:.][23])[0-9A-Fa-f]{3}:[0-9A-Fa-f:]{4,35}[0-9A-Fa-f](?![\w:/]|\.[0-9])")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # all of IPv6 that is in use as public addresses
# Words before a number with dots that make it a version or a section, in the languages of much technical text.
_VERSION = re.compile(
    r"(?:\b(?:v|ver|versi[oó]n|vers[aã]o|versio|version[es]?|versie|verzi[aeiy]|wersj[aiąę]|версі[яїю]|верси[яиюей]+|έκδοση"
    r"|sürüm|release|build|kernel|firmware|driver|rev|revision|section|sections|chapter|§|abschnitt|kapitel|sección"
    r"|раздел|глава|phiên bản)|版本|バージョン|버전|第|الإصدار|גרסה|נגסה|เวอร์ชัน)[\s.:(\"']{0,3}$",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"(?:\bip(?:v4)?|\baddr(?:ess)?|adresse?|адрес|地址|アドレス|host|server|from|://|@)[ :=(\"'\[]{0,4}$",
    re.IGNORECASE,
)
_CONTEXT = 24
_BEFORE, _BEHIND = 66, 600  # characters of an e-mail address around its @


def emails(text: str, language: str) -> Iterator[tuple[int, int]]:
    """(start, end) of e-mail addresses, domain names in Cyrillic, Arabic or Devanagari letters included.

    Not: reserved example domains, `git@host:path`, and mailboxes that nobody reads (`noreply@`).
    """
    last, sign = 0, text.find("@")
    while sign >= 0:
        close = text[sign - 1 : sign + 2].replace("_", "a").replace("@", "")
        found = None
        if len(close) == 2 and close.isalnum():
            found = _EMAIL.search(text, max(last, sign - _BEFORE), sign + _BEHIND)
        if found is None:
            sign = text.find("@", sign + 1)
            continue
        last, sign = found.end(), text.find("@", found.end())
        name = found.group()[: found.start("domain") - found.start() - 1].lower()
        domain, top = found["domain"].lower(), found["top"].lower()
        if ".." not in name and name not in _SERVICES and top not in _FILES and not _RESERVED.search(domain):
            yield found.span()


def ip_addresses(text: str, language: str) -> Iterator[tuple[int, int]]:
    """(start, end) of public IPv4 and IPv6 addresses.

    Four small numbers (all below 100) are a version or a section unless a word or a URL before them says otherwise;
    the others are addresses unless such a word says `version`.
    """
    for found in _IPV4.finditer(text):
        if _is_public_v4(found.group()) and _reads_as_address(text, *found.span()):
            yield found.span()
    for found in _IPV6.finditer(text):
        try:
            address = ipaddress.IPv6Address(found.group())
        except ValueError:
            continue
        if address.is_global and address in _GLOBAL_UNICAST:
            yield found.span()


def _is_public_v4(number: str) -> bool:
    try:
        address = ipaddress.IPv4Address(number)
    except ValueError:  # a part above 255, or with a leading zero
        return False
    return address.is_global and not address.is_multicast


def _reads_as_address(text: str, start: int, end: int) -> bool:
    before = text[max(0, start - _CONTEXT) : start]
    if _ADDRESS.search(before):
        return True
    if _VERSION.search(before) or before.endswith(("/", "§")):
        return False
    return any(int(part) >= 100 for part in text[start:end].split("."))
