"""One sentence in several languages, cut into tokens by several tokenizers, ready to be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pyarrow as pa

from lexmill.report.languages import direction, language_name, script_of

MIN_CHARACTERS, MAX_BYTES = 20, 400  # of every sentence: long enough to say something, short enough to read
SHOWN = 8  # languages, when the user names none


def choose_group(
    documents: pa.Table, wanted: Sequence[str] = (), reference: str = "eng_Latn"
) -> dict[str, str]:
    """Language -> document id of the parallel group to show; empty when there is none with two languages.

    `documents` has the columns id, language, group, bytes.  Preferred are groups that hold most of the `wanted`
    languages, then the `reference` language, then most scripts, then the shortest text, then the smallest group id.
    Only short documents (at most MAX_BYTES) count.
    """
    groups: dict[str, dict[str, tuple[str, int]]] = {}
    for row in documents.select(["id", "language", "group", "bytes"]).to_pylist():
        if row["group"] is not None and MIN_CHARACTERS <= row["bytes"] <= MAX_BYTES:
            members = groups.setdefault(row["group"], {})
            members[row["language"]] = min(
                members.get(row["language"], (row["id"], row["bytes"])), (row["id"], row["bytes"])
            )
    candidates = {group: members for group, members in groups.items() if len(members) > 1}
    if not candidates:
        return {}

    def preference(item: tuple[str, dict[str, tuple[str, int]]]) -> tuple[int, bool, int, float, str]:
        group, members = item
        scripts = {script_of(language) for language in members}
        mean = sum(size for _, size in members.values()) / len(members)
        asked = sum(language in members for language in wanted)
        return (-asked, reference not in members, -len(scripts) - len(members), mean, group)

    _, members = min(candidates.items(), key=preference)
    return {language: members[language][0] for language in _shown(members, wanted, reference)}


def _shown(members: Mapping[str, object], wanted: Sequence[str], reference: str) -> list[str]:
    """The wanted languages that are there, or up to SHOWN: the reference first, then one of each script in turn."""
    present = [language for language in wanted if language in members]
    if present:
        return present
    by_script: dict[str, list[str]] = {}
    for language in sorted(members, key=lambda language: (language != reference, language)):
        by_script.setdefault(script_of(language), []).append(language)
    turns = [
        (turn, script, language)
        for script, languages in by_script.items()
        for turn, language in enumerate(languages)
    ]
    first = sorted(turns, key=lambda item: (item[0], item[2] != reference, item[1]))[:SHOWN]
    return [language for _, _, language in first]


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
