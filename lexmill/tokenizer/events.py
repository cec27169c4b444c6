"""Merges and splits in their order: what a method learns whose tokens do not all last.

An event puts target tokens in the place of source tokens that stand side by side: (a, b) -> (ab) is a merge, also of
more than two; (ab) -> (a, b) a split.  Ids below the vocabulary's size are its tokens; larger ones are tokens that
exist only on the way and are never a result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.bytelevel import BYTE_OF_ID, ID_OF_BYTE
from lexmill.tokenizer.replay_kernel import index_events, replay

_LISTS = pa.list_(pa.int32())
EVENTS_SCHEMA = pa.schema(
    [
        ("event", pa.int32()),
        ("source", _LISTS),
        ("target", _LISTS),
        ("bytes", pa.binary()),
        ("count", pa.int64()),
    ]
)
_MOST_PARTS = 1 << 12  # of one event, for files of others


class Event(NamedTuple):
    """`target` takes the place of `source` (ids); uses: weighted occurrences in training, in units of 1/scale."""

    source: tuple[int, ...]
    target: tuple[int, ...]
    uses: int


def event_table(events: Sequence[Event], tokens: Sequence[bytes]) -> pa.Table:
    """The table `events`: event (its number), source, target, bytes that both spell, count.

    tokens: byte string of every id that occurs.
    """
    spelled = [b"".join(tokens[index] for index in event.target) for event in events]
    columns = [range(len(events)), [e.source for e in events], [e.target for e in events], spelled]
    arrays = [pa.array(c, field.type) for c, field in zip(columns, EVENTS_SCHEMA, strict=False)]
    return pa.Table.from_arrays(
        [*arrays, pa.array([e.uses for e in events], pa.int64())], schema=EVENTS_SCHEMA
    )


@dataclass(frozen=True)
class Replay:
    """Events ready to be replayed on words: flat arrays for the kernel, from `prepare`."""

    source: np.ndarray
    source_at: np.ndarray
    target: np.ndarray
    target_at: np.ndarray
    lengths: np.ndarray
    index: tuple[np.ndarray, ...]

    def encode(self, words: pa.Array, whole: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Ids (int32) of all words (Arrow binary) in a row, and int64 offsets[n + 1] into them.

        Beginning with its bytes, the earliest event that applies and does not come before the last one is performed,
        from the left, until none applies.  whole: int32[n], an id that is the result at once, or -1.
        """
        data, offsets = flat_bytes(words)
        given = np.full(len(words), -1, np.int32) if whole is None else whole
        events = (self.source, self.source_at, self.target, self.target_at)
        return replay(data, offsets, given, ID_OF_BYTE, events, self.lengths, self.index)


def prepare(table: pa.Table, tokens: Sequence[bytes]) -> Replay:
    """Check an event table against a vocabulary, and index it.

    tokens: byte string of every id of the vocabulary, the 256 bytes first in the order of `bytelevel.BYTE_OF_ID`.
    Raises ValueError when an event does not spell the same before and after, or uses an id that nothing made.
    """
    _check(table, tokens)
    source, source_at = _flat(table["source"])
    target, target_at = _flat(table["target"])
    size = max(len(tokens), 1 + max((int(ids.max()) for ids in (source, target) if len(ids)), default=0))
    lengths = np.zeros(size, np.int32)
    lengths[: len(tokens)] = [len(token) for token in tokens]
    for index, spelled in _merged(table):
        lengths[index] = len(spelled)
    return Replay(source, source_at, target, target_at, lengths, index_events(source, source_at, size))


def _flat(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    lists = column.combine_chunks()
    ends = np.concatenate([[0], np.cumsum(lists.value_lengths().to_numpy())]).astype(np.int64)
    return lists.flatten().to_numpy().astype(np.int32), ends


def _merged(table: pa.Table) -> list[tuple[int, bytes]]:
    """(id, byte string) of the target of every merge."""
    rows = zip(table["target"].to_pylist(), table["bytes"].to_pylist(), strict=True)
    return [(target[0], spelled) for target, spelled in rows if len(target) == 1]


def _check(table: pa.Table, tokens: Sequence[bytes]) -> None:
    if not table.schema.equals(EVENTS_SCHEMA):
        raise ValueError(
            f"the events have the columns {', '.join(table.schema.names)}, not those of an event list"
        )
    if [bytes([byte]) for byte in BYTE_OF_ID.tolist()] != list(tokens[:256]):
        raise ValueError("the first 256 ids of the tokenizer are not the bytes in byte-level order")
    known = dict(enumerate(tokens[:256]))
    for number, (source, target, spelled) in enumerate(
        zip(*(table[name].to_pylist() for name in ("source", "target", "bytes")), strict=True)
    ):
        where = f"event {number} of the tokenizer"
        if (
            {len(source), len(target)} & {0}
            or 1 not in (len(source), len(target))
            or len(source) == len(target)
        ):
            raise ValueError(f"{where} is neither a merge nor a split")
        if max(len(source), len(target)) > _MOST_PARTS:
            raise ValueError(f"{where} has more than {_MOST_PARTS} parts")
        if not 0 <= min(target) <= max(target) < len(tokens) + table.num_rows:
            raise ValueError(f"{where} makes an id that is out of range")
        if len(target) == 1:
            expected = tokens[target[0]] if target[0] < len(tokens) else spelled
            if known.setdefault(target[0], expected) != spelled:
                raise ValueError(f"{where} makes id {target[0]}, which spells something else")
        if any(index not in known for index in (*source, *target)):
            raise ValueError(f"{where} uses an id that no event before it made")
        if any(b"".join(known[index] for index in ids) != spelled for ids in (source, target)):
            raise ValueError(f"{where} does not spell the same before and after")
