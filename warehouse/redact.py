"""Keep credentials out of everything that is written: URLs with a user part, secret query keys, secret fields."""

from __future__ import annotations

import re
from typing import Any

MASK = "***"

# `scheme://user:password@host`: the whole user part goes, because a user name alone can be an access key.
_USER_PART = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*://)(?P<user>[^/?#\s'\"()\[\]\\]+)@")
_QUERY_PAIR = re.compile(r"(?P<key>[?&;][^=&#\s'\"]+)=(?P<value>[^&#\s'\"]*)")
_SECRET_QUERY_KEY = re.compile(r"key|token|secret|sig|pass|pwd|auth|cred|session", re.IGNORECASE)
_SECRET_FIELDS = frozenset(
    {
        "access_key",
        "access_token",
        "api_key",
        "apikey",
        "auth_token",
        "authorization",
        "client_secret",
        "passwd",
        "password",
        "secret",
        "secret_key",
    }
)


def redact_text(text: str) -> str:
    """Replace the user part and the values of secret query keys of every URL inside `text` by `***`."""
    if "://" not in text:
        return text
    text = _USER_PART.sub(lambda match: f"{match['scheme']}{MASK}@", text)
    return _QUERY_PAIR.sub(_redact_pair, text)


def redact(value: Any) -> Any:
    """Redact every string inside a JSON value, and every field whose name is that of a credential."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, dict):
        return {key: MASK if _is_secret(key, item) else redact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value


def _redact_pair(match: re.Match[str]) -> str:
    if _SECRET_QUERY_KEY.search(match["key"]):
        return f"{match['key']}={MASK}"
    return match[0]


def _is_secret(key: Any, item: Any) -> bool:
    return isinstance(key, str) and isinstance(item, str) and bool(item) and key.lower() in _SECRET_FIELDS
