"""Word sequences: what they spell, which documents they take, and that nothing else decides them."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lexmill.tokenizer import counts as counts_module
from lexmill.tokenizer import sequences as sequences_module
from lexmill.tokenizer.sequences import (
    SEQUENCES_SCHEMA,
    WORDS_SCHEMA,
    read_sequences,
    sequence_table,
    word_sequences,
)
from lexmill.tokenizer.split import splitter
from tests.lexmill.tokenizer.texts import SENTENCES

ROWS = [
    (
        f"doc-{language}-{number}",
        f"{text}\n{number}\n",
        language,
        "web",
        "valid" if number % 9 == 0 else "train",
    )
    for number in range(60)
    for language, text in list(SENTENCES.items())[:: 1 + number % 3][:8]
] + [("empty", "", "eng_Latn", "web", "train")]


@pytest.fixture
def documents(tmp_path):
    path = tmp_path / "documents.parquet"
    write(path, ROWS)
    return path


def write(path, rows):
    names = ["id", "text", "language", "domain", "split"]
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    pq.write_table(pa.table(columns, names), path)


def spelled(words: pa.Table, sequences: pa.Table) -> list[tuple[str, str, str, list[bytes]]]:
    word = words["word"].to_pylist()
    return [
        (row["language"], row["domain"], row["split"], [word[index] for index in row["words"]])
        for row in sequences.to_pylist()
    ]


@pytest.mark.parametrize("pretokenizer", ["gpt4o", r"\p{L}+"])
@pytest.mark.parametrize("framing", ["document", "line"])
def test_everything_is_taken_where_it_fits_and_spells_the_documents(documents, pretokenizer, framing):
    words, sequences = word_sequences(documents, pretokenizer, framing=framing)
    assert (words.schema, sequences.schema) == (WORDS_SCHEMA, SEQUENCES_SCHEMA)
    assert words["word"].to_pylist() == sorted(set(words["word"].to_pylist()))
    cut = splitter(pretokenizer)
    units = [
        (*row[2:], [piece.encode() for piece in cut(unit)])
        for row in ROWS
        for unit in (re.findall(r"[^\n]*\n|[^\n]+", row[1]) if framing == "line" else [row[1]])
    ]
    found = spelled(words, sequences)
    assert sorted(found) == sorted(units)
    assert {word for *_, unit in found for word in unit} == set(words["word"].to_pylist())


def test_a_sample_has_the_share_of_every_category_and_whole_documents(documents):
    size, of = Counter(), sum(len(row[1].encode()) for row in ROWS)
    longest = max(len(row[1].encode()) for row in ROWS)
    for row in ROWS:
        size[row[2:]] += len(row[1].encode())
    words, sequences = word_sequences(documents, "gpt4o", sample_bytes=of // 4, seed=3)
    texts = {(*row[2:], row[1].encode()) for row in ROWS}
    taken: Counter[tuple[str, ...]] = Counter()
    for *category, pieces in spelled(words, sequences):
        assert (*category, b"".join(pieces)) in texts
        taken[tuple(category)] += len(b"".join(pieces))
    for category, total in size.items():
        assert total // 4 <= taken[category] + 1
        assert taken[category] <= total / 4 + longest


def test_the_seed_decides_the_order_and_neither_rows_nor_batches_do(documents, tmp_path, monkeypatch):
    first = word_sequences(documents, "gpt4o", sample_bytes=5000, seed=1)
    other = word_sequences(documents, "gpt4o", sample_bytes=5000, seed=2)
    assert spelled(*first) != spelled(*other)
    write(tmp_path / "backwards.parquet", ROWS[::-1])
    monkeypatch.setattr(counts_module, "_BATCH", 7)
    monkeypatch.setattr(sequences_module, "_CHUNK", 100)
    again = word_sequences(tmp_path / "backwards.parquet", "gpt4o", sample_bytes=5000, seed=1)
    assert again[1]["words"].num_chunks > 2
    for ours, theirs in zip(first, again, strict=True):
        assert ours.equals(theirs)


def test_a_larger_sample_holds_the_smaller_one(documents):
    small, large = (
        {
            (language, tuple(unit))
            for language, _, _, unit in spelled(*word_sequences(documents, "gpt2", sample_bytes=n))
        }
        for n in (3000, 9000)
    )
    assert small < large


def test_reading_gives_flat_arrays(documents, tmp_path):
    words, sequences = word_sequences(documents, "gpt4o", "NFC")
    pq.write_table(words, tmp_path / "words.parquet")
    pq.write_table(sequences, tmp_path / "sequences.parquet")
    table = read_sequences(tmp_path)
    assert (table.ids.dtype, table.offsets.dtype) == ("int32", "int64")
    word = table.words.to_pylist()
    flat = [[word[index] for index in table.ids[a:b]] for a, b in pairwise(table.offsets)]
    assert flat == [unit for *_, unit in spelled(words, sequences)]
    assert table.categories.column_names == ["language", "domain", "split"]
    assert table.categories.num_rows == len(flat) == len(ROWS)


def test_no_documents_give_empty_tables(tmp_path):
    path = tmp_path / "documents.parquet"
    pq.write_table(empty_documents(), path)
    words, sequences = word_sequences(path, "gpt4o")
    assert words.num_rows == sequences.num_rows == 0
    table = sequence_table(words["word"].combine_chunks(), sequences)
    assert table.offsets.tolist() == [0]


def empty_documents() -> pa.Table:
    return pa.schema(
        [(name, pa.string()) for name in ("id", "text", "language", "domain", "split")]
    ).empty_table()
