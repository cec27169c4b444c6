"""One sentence in several languages, cut into tokens by several tokenizers, ready to be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import zip_longest
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lexmill.report.languages import direction, language_name, script_of

MIN_CHARACTERS, MAX_BYTES = 20, 400  # of every sentence: long enough to say something, short enough to read
SHOWN = 8  # languages, when the user names none


def choose_group(
    documents: pa.Table, wanted: Sequence[str] = (), reference: str = "eng_Latn"
) -> dict[str, str]:
    """Language -> document id of the parallel group to show; empty when no group has two languages.

    `documents` has the columns id, language, group, bytes.  Shown are the `wanted` languages or, when none is named,
    the SHOWN that `leading_languages` gives.  The group that holds most of them is taken; among equals the one with
    the shortest texts, then the smallest group id.  Only short documents (at most MAX_BYTES) count.
    """
    asked = list(wanted) or leading_languages(documents, reference)
    groups: dict[str, dict[str, tuple[str, int]]] = {}
    for row in documents.select(["id", "language", "group", "bytes"]).to_pylist():
        if row["group"] is not None and MIN_CHARACTERS <= row["bytes"] <= MAX_BYTES:
            members = groups.setdefault(row["group"], {})
            found = (row["id"], row["bytes"])
            members[row["language"]] = min(members.get(row["language"], found), found)

    def preference(item: tuple[str, dict[str, tuple[str, int]]]) -> tuple[int, float, str]:
        group, members = item
        sizes = [members[language][1] for language in asked if language in members]
        return (-len(sizes), sum(sizes) / max(len(sizes), 1), group)

    candidates = [item for item in groups.items() if len(item[1]) > 1]
    if not candidates:
        return {}
    _, members = min(candidates, key=preference)
    shown = [language for language in asked if language in members] or sorted(members)[:SHOWN]
    return {language: members[language][0] for language in shown}


def leading_languages(documents: pa.Table, reference: str) -> list[str]:
    """SHOWN languages of parallel text: the reference, then of each script in turn the one with most text.

    Scripts come in the order of their largest language.
    """
    parallel = documents.filter(pc.is_valid(documents["group"]))
    totals = parallel.group_by("language").aggregate([("bytes", "sum")]).to_pylist()
    by_script: dict[str, list[str]] = {}
    for row in sorted(
        totals, key=lambda row: (row["language"] != reference, -row["bytes_sum"], row["language"])
    ):
        if script_of(row["language"]):
            by_script.setdefault(script_of(row["language"]), []).append(row["language"])
    turns = zip_longest(*by_script.values())
    return [language for turn in turns for language in turn if language is not None][:SHOWN]


def sample_data(texts: Mapping[str, str], tokenizers: Mapping[str, str]) -> list[dict[str, Any]]:
    """For every language its text and, per tokenizer, the tokens with their count.

    `texts` is language -> text, `tokenizers` name -> content of `tokenizer.json` (byte-level).  A token is
    `{"text": ...}` when its bytes are whole characters, else `{"bytes": "E2 80"}`.
    """
    from tokenizers import Tokenizer

    loaded = {name: Tokenizer.from_str(content) for name, content in tokenizers.items()}
    rows = []
    for language, text in texts.items():
        cuts = []
        for name, tokenizer in loaded.items():
            pieces = [
                _shown_token(token) for token in tokenizer.encode(text, add_special_tokens=False).tokens
            ]
            cuts.append({"tokenizer": name, "count": len(pieces), "tokens": pieces})
        rows.append(
            {
                "language": language,
                "name": language_name(language),
                "direction": direction(language),
                "bytes": len(text.encode("utf-8")),
                "text": text,
                "tokenizers": cuts,
            }
        )
    return rows


def _shown_token(token: str) -> dict[str, str]:
    alphabet = byte_alphabet()
    if not all(character in alphabet for character in token):
        return {"text": token}  # not byte-level, or a special token
    raw = bytes(alphabet[character] for character in token)
    try:
        return {"text": raw.decode("utf-8")}
    except UnicodeDecodeError:
        return {"bytes": raw.hex(" ").upper()}


@cache
def byte_alphabet() -> dict[str, int]:
    """The printable character of each byte in byte-level `tokenizer.json` files (GPT-2's map), inverted."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    return {chr(byte): byte for byte in printable} | {
        chr(256 + index): byte for index, byte in enumerate(others)
    }
