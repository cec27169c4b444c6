"""Keys, tokens and passwords, by the formats that their issuers publish, and by names such as `api_key = "..."`."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

# Published formats.  Every one starts with literal characters, so that a search rarely starts.
_FORMATS = (
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}",  # Amazon access key ids
    r"gh[pousr]_[A-Za-z0-9]{36,255}",  # GitHub tokens
    r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
    r"glpat-[A-Za-z0-9_-]{20,64}",  # GitLab
    r"xox[abeoprs]-[A-Za-z0-9-]{10,250}",  # Slack
    r"AIza[A-Za-z0-9_-]{35}",  # Google API keys
    r"GOCSPX-[A-Za-z0-9_-]{28}",
    r"ya29\.[A-Za-z0-9_-]{30,250}",
    r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,250}",  # Stripe
    r"sk-(?:ant-|proj-|svcacct-|or-)?[A-Za-z0-9_-]{32,250}",  # model providers
    r"hf_[A-Za-z0-9]{34}",  # Hugging Face
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-[A-Za-z0-9_-]{50,250}",
    r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",  # SendGrid
    r"do[opr]_v1_[0-9a-f]{64}",  # DigitalOcean
    r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",  # Shopify
    r"dckr_pat_[A-Za-z0-9_-]{27}",
    r"eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,2000}",  # JSON web tokens (RFC 7519)
)
_TOKEN = re.compile(rf"(?<![A-Za-z0-9_-])(?:{'|'.join(_FORMATS)})(?![A-Za-z0-9_])")
_KEY_BEGIN = re.compile(r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_CHARACTERS = 16_384
_CREDENTIALS = re.compile(r"://[A-Za-z0-9._%+-]{1,64}:(?P<value>[^\s:/@<>{}$\[\]\"'*]{4,128})@[A-Za-z0-9]")
_ASSIGNED = re.compile(
    r"(?i:api_?-?key|secret_?-?(?:access_?-?)?key|access_?-?(?:token|key)|auth_?-?token|refresh_?-?token|bearer_?-?token"
    r"|client_?-?secret|private_?-?key|encryption_?-?key|password|passwd|secret|token)[\"']?\s{0,3}(?::=|=>|=|:)\s{0,3}"
    r"(?P<quote>[\"'`])(?P<value>[A-Za-z0-9+/_=.~-]{16,200})(?P=quote)"
)
_PLACEHOLDER = re.compile(
    r"(?i)example|placeholder|your|xxx|changeme|dummy|sample|redacted|1234567|abcdef|passw|secret"
)
_MIN_ENTROPY = 3.5  # bits a character; English words have less, random base64 of 20 characters about 4
_MIN_HEX_ENTROPY = 3.0

# RE2: what a text with a secret contains.
HINT = (
    r"AKIA|ASIA|ABIA|ACCA|gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|AIza|GOCSPX-|ya29\.|[sr]k_live_|[sr]k_test_|sk-[A-Za-z0-9]"
    r"|hf_|npm_|pypi-|SG\.|_v1_|shp[acps]|dckr_|eyJ|PRIVATE KEY|://[^\s/@]*:[^\s/@]*@"
    r"|(?i:key|token|secret|passw(?:or)?d)[\"']?\s{0,3}(?::=|=>|=|:)\s{0,3}[\"'`]"
)


def secrets(text: str, language: str) -> Iterator[tuple[int, int]]:
    """(start, end) of secrets: tokens of published formats, blocks of private keys (at most 16,384 characters),
    passwords in URLs, and quoted values of high entropy that are given a name such as `api_key`."""
    yield from (found.span() for found in _TOKEN.finditer(text))
    for begin in _KEY_BEGIN.finditer(text):
        finish = begin.group().replace("BEGIN", "END")
        end = text.find(finish, begin.end(), begin.end() + _KEY_CHARACTERS)
        if end > 0:
            yield begin.start(), end + len(finish)
    for found in _CREDENTIALS.finditer(text):
        if not _PLACEHOLDER.search(found["value"]) and found["value"].lower() != "pass":
            yield found.span("value")
    for found in _ASSIGNED.finditer(text):
        if looks_random(found["value"]):
            yield found.span("value")


def looks_random(value: str) -> bool:
    """Whether a value is a key rather than a name or a placeholder: digits and letters in it, no word of placeholders,
    Shannon entropy of at least 3.5 bits a character (3.0 for hexadecimal)."""
    digits = sum(map(str.isdigit, value))
    if digits < 2 or digits == len(value) or _PLACEHOLDER.search(value):
        return False
    hexadecimal = re.fullmatch("[0-9a-fA-F-]+", value) is not None
    counts = Counter(value).values()
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in counts)
    return entropy >= (_MIN_HEX_ENTROPY if hexadecimal else _MIN_ENTROPY)
