"""The transfer plan: for every row of the new embedding, which old rows it is made of, with which weights.

It is a table, so it can be stored, compared and read; `surgery.apply_plan` turns it into a model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from lexmill.training.vocabulary import ROLES, Vocabulary

Action = Literal["copy", "role", "compose", "fallback", "pad"]
ACTIONS: tuple[Action, ...] = ("copy", "role", "compose", "fallback", "pad")
Row = tuple[np.ndarray, np.ndarray]  # source ids int32, weights float32 that sum to 1

SCHEMA = pa.schema(
    [
        ("token_id", pa.int32()),
        ("token", pa.binary()),
        ("action", pa.string()),
        ("source_ids", pa.list_(pa.int32())),
        ("weights", pa.list_(pa.float32())),
    ]
)


def match_tokens(source: Vocabulary, target: Vocabulary) -> tuple[dict[int, int], dict[int, int]]:
    """(copies, roles): target id -> source id, for ordinary tokens of equal bytes and for special tokens.

    Ordinary tokens are compared as bytes, never as the strings of a vocabulary file; when the source spells the
    same bytes twice, its lowest id is taken.  A special token takes the document separator's row when it is the
    separator, else the row of the first role they share, else of the special token of equal content.
    """
    by_bytes: dict[bytes, int] = {}
    for index, token in enumerate(source.tokens):
        if token is not None:
            by_bytes.setdefault(token, index)
    copies = {
        index: by_bytes[token]
        for index, token in enumerate(target.tokens)
        if token is not None and token in by_bytes
    }
    by_content = {content: index for index, content in source.special_tokens().items()}
    roles = {}
    for index, content in target.special_tokens().items():
        match = _source_of_special(index, content, source, target, by_content)
        if match is not None:
            roles[index] = match
    return copies, roles


def _source_of_special(
    index: int, content: str, source: Vocabulary, target: Vocabulary, by_content: Mapping[str, int]
) -> int | None:
    if index == target.separator:
        return source.separator
    for role in ROLES:
        if target.roles.get(role) == index and role in source.roles:
            return source.roles[role]
    return by_content.get(content)


def new_tokens(source: Vocabulary, target: Vocabulary) -> dict[int, bytes]:
    """Ordinary target tokens whose bytes the source does not have: what a method must make a row for."""
    copies, _ = match_tokens(source, target)
    return {i: token for i, token in enumerate(target.tokens) if token is not None and i not in copies}


def make_plan(
    source: Vocabulary, target: Vocabulary, composed: Mapping[int, Row], pad_to_multiple: int
) -> pa.Table:
    """The plan, one row for each row of the new embedding, in order of `token_id`.

    Columns: `token_id` int32; `token` binary (bytes; of a special token, its content; empty for padding);
    `action`: `copy` (equal bytes), `role` (special token), `compose` (made by the method: `composed`),
    `fallback` (the method had nothing) or `pad` (no token; rounds the number of rows up); `source_ids`
    list<int32> and `weights` list<float32>, empty for the last two, which means the mean of all source tokens.
    """
    copies, roles = match_tokens(source, target)
    contents = target.special_tokens()
    one = np.ones(1, dtype=np.float32)
    nothing: Row = (np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32))
    rows: list[tuple[int, bytes, Action, np.ndarray, np.ndarray]] = []
    for index, token in enumerate(target.tokens):
        spelled = contents.get(index, "").encode() if token is None else token
        if index in copies:
            rows.append((index, spelled, "copy", np.array([copies[index]], dtype=np.int32), one))
        elif index in roles:
            rows.append((index, spelled, "role", np.array([roles[index]], dtype=np.int32), one))
        elif index in composed:
            rows.append((index, spelled, "compose", *composed[index]))
        else:
            rows.append((index, spelled, "fallback", *nothing))
    for index in range(target.size, padded_size(target.size, pad_to_multiple)):
        rows.append((index, b"", "pad", *nothing))
    columns = list(zip(*rows, strict=True))
    return pa.table([pa.array(c, type=f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def padded_size(tokens: int, multiple: int) -> int:
    """Rows of the embedding for `tokens` ids, rounded up."""
    return -(-tokens // multiple) * multiple


def summarize_plan(plan: pa.Table, source: Vocabulary, target: Vocabulary) -> dict[str, Any]:
    """Counts by action, shared tokens and the mean number of source rows behind a composed one (JSON)."""
    counts = Counter(plan["action"].to_pylist())
    sizes = [
        len(ids)
        for ids, action in zip(plan["source_ids"].to_pylist(), plan["action"].to_pylist(), strict=True)
        if action == "compose"
    ]
    return {
        "source_tokens": source.size,
        "target_tokens": target.size,
        "rows": plan.num_rows,
        "actions": {action: counts[action] for action in ACTIONS},
        "shared_tokens": counts["copy"] + counts["role"],
        "shared_share_of_target": (counts["copy"] + counts["role"]) / target.size,
        "sources_per_composed_row": float(np.mean(sizes)) if sizes else 0.0,
    }
