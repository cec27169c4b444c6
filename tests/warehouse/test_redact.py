"""Nothing secret passes, and nothing else is touched."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.redact import redact, redact_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://user:pw@host/p", "https://***@host/p"),
        ("s3://AKIAXYZ@bucket/p", "s3://***@bucket/p"),
        ("postgresql+asyncpg://u:p%40w@db:5432/x", "postgresql+asyncpg://***@db:5432/x"),
        ("sftp://u:p@ss@host/p", "sftp://***@host/p"),
        ("https://h/p?token=abc&page=2", "https://h/p?token=***&page=2"),
        ("https://h/p?a=1&X-Amz-Signature=abc#frag", "https://h/p?a=1&X-Amz-Signature=***#frag"),
        ("see https://u:p@h and http://v:q@i.", "see https://***@h and http://***@i."),
        ("https://host/@scope/package", "https://host/@scope/package"),
        ("mail me at a@b.org", "mail me at a@b.org"),
        ("https://h/p?language=de", "https://h/p?language=de"),
        (r"https?://[^\s]+@", r"https?://[^\s]+@"),
    ],
)
def test_text(text: str, expected: str) -> None:
    assert redact_text(text) == expected


def test_fields() -> None:
    value = {
        "password": "x",
        "api_key": "",
        "tokens": 3,
        "nested": [{"secret": "y", "u": "ftp://a:b@c"}],
        "token": None,
    }
    assert redact(value) == {
        "password": "***",
        "api_key": "",
        "tokens": 3,
        "nested": [{"secret": "***", "u": "ftp://***@c"}],
        "token": None,
    }


word = st.text("abcdefghijklmnopqrstuvwxyz0123456789%._-", min_size=3, max_size=12).map(
    lambda text: f"SECRET{text}"
)


@settings(deadline=None)
@given(word, word, st.sampled_from(["https", "s3", "postgresql+asyncpg"]), st.text("abc/?=&", max_size=10))
def test_no_user_part_survives(user: str, password: str, scheme: str, rest: str) -> None:
    assert "SECRET" not in redact_text(f"at {scheme}://{user}:{password}@host/{rest} end")
    assert "SECRET" not in redact_text(f"{scheme}://host/x?{rest}&access_token={password}&z=1")
