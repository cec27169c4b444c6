"""Lines and paragraphs that stand in an earlier document already: found out of core, cut when documents are written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from lexmill.corpus.params import RepeatedTextParams
from lexmill.corpus.units_kernel import unit_kernel
from lexmill.corpus.words import text_bytes

MEMORY = "256MB"  # of DuckDB; the rest waits on disk
_BLANK = " \t\r\x0b\x0c"


class Units(NamedTuple):
    """Lines or paragraphs of a batch of texts that are long enough to be looked for."""

    hash: np.ndarray
    """uint64 (units,): of the unit up to white space."""
    row: np.ndarray
    """int64 (units,): row in the batch."""
    number: np.ndarray
    """int32 (units,): place among all lines or paragraphs of the text, from 0."""


class Cuts:
    """Row number -> ascending numbers of the units to cut; 4 bytes a unit and 16 a row."""

    def __init__(self, rows: np.ndarray, numbers: np.ndarray) -> None:
        """int64 (units,) ascending row numbers and int32 (units,) unit numbers, ascending in a row."""
        self.rows, starts = np.unique(rows, return_index=True)
        self._starts = np.append(starts, len(rows))
        self._numbers = numbers

    def get(self, row: int) -> list[int]:
        """What to cut from the document in this row; empty where nothing is."""
        place = int(np.searchsorted(self.rows, row))
        if place == len(self.rows) or self.rows[place] != row:
            return []
        return self._numbers[self._starts[place] : self._starts[place + 1]].tolist()  # type: ignore[no-any-return]


def unit_hashes(texts: pa.Array, params: RepeatedTextParams) -> Units:
    """The units of a string array with at least `params.min_characters` characters, white space counted once."""
    data, offsets = text_bytes(texts)
    room = len(data) // params.min_characters + len(offsets)
    units = Units(np.empty(room, np.uint64), np.empty(room, np.int64), np.empty(room, np.int32))
    count = unit_kernel(data, offsets, params.unit == "paragraph", params.min_characters, *units)
    return Units(*(column[:count].copy() for column in units))


def repeated_units(batches: Iterable[tuple[np.ndarray, Units]], rank: np.ndarray, scratch: Path) -> Cuts:
    """The units of each document that stand in one of lower rank, however often.

    batches: (int64 row numbers of the texts of a batch, their units), in any order; rank: (rows,) distinct integers,
    by row number.  Repeats within a document stay.  Memory is that of the result and `MEMORY`; DuckDB spills the
    rest to `scratch`.
    """
    with duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute("SET temp_directory = ?", [str(scratch)])
        connection.execute("SET preserve_insertion_order = false")
        connection.execute("CREATE TABLE units (hash UBIGINT, rank BIGINT, row BIGINT, number INTEGER)")
        for rows, units in batches:
            row = rows[units.row]
            columns = [units.hash, rank[row].astype(np.int64), row, units.number]
            batch = pa.table(dict(zip(("hash", "rank", "row", "number"), columns, strict=True)))
            connection.register("batch", batch)
            connection.execute("INSERT INTO units SELECT hash, rank, row, number FROM batch")
            connection.unregister("batch")
        found = connection.sql(
            "WITH first AS (SELECT hash, min(rank) AS rank FROM units GROUP BY hash HAVING min(rank) < max(rank)) "
            "SELECT row, number FROM units JOIN first USING (hash) WHERE units.rank > first.rank ORDER BY row, number"
        )
        parts = [(part["row"].to_numpy(), part["number"].to_numpy()) for part in found.to_arrow_reader(2**16)]
    empty = (np.zeros(0, np.int64), np.zeros(0, np.int32))
    rows, numbers = (np.concatenate(column) for column in zip(empty, *parts, strict=True))
    return Cuts(rows, numbers)


def cut_units(text: str, numbers: Sequence[int], unit: Literal["line", "paragraph"]) -> str:
    """The text without the lines or paragraphs of these numbers (as in `Units.number`), and without line ends at the
    ends of what is left.  A paragraph goes with the blank lines after it."""
    dropped = set(numbers)
    kept = []
    number, inside = -1, False
    for line in text.split("\n"):
        if unit == "line":
            number += 1
        elif not line.strip(_BLANK):
            inside = False
        elif not inside:
            number, inside = number + 1, True
        if number not in dropped:
            kept.append(line)
    return "\n".join(kept).strip("\n")
