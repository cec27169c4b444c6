"""Word counts equal a direct count, whatever the batches, the order and the number of workers."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lexmill.tokenizer import counts as counts_module
from lexmill.tokenizer.counts import COUNTS_SCHEMA, TOTALS_SCHEMA, count_file, count_words
from lexmill.tokenizer.split import splitter
from tests.lexmill.tokenizer.texts import SENTENCES, document_batch

ROWS = [
    (f"{text}\n{number}", language, "web" if number % 2 else "news", "valid" if number % 5 == 0 else "train")
    for number in range(40)
    for language, text in list(SENTENCES.items())[:6]
]


def test_counts_and_totals_equal_a_direct_count():
    counted = count_words([document_batch(ROWS)], "gpt4o")
    direct = Counter(
        (language, domain, split, piece.encode())
        for text, language, domain, split in ROWS
        for piece in splitter("gpt4o")(text)
    )
    table = counted.counts.to_pylist()
    assert {(r["language"], r["domain"], r["split"], r["word"]): r["count"] for r in table} == direct
    order = [(r["language"], r["domain"], r["split"], -r["count"], r["word"]) for r in table]
    assert order == sorted(order)
    assert counted.counts.schema == COUNTS_SCHEMA
    assert counted.totals.schema == TOTALS_SCHEMA
    totals = counted.totals.to_pylist()
    assert sum(row["documents"] for row in totals) == len(ROWS)
    assert sum(row["bytes"] for row in totals) == sum(len(row[0].encode()) for row in ROWS)
    assert sum(row["characters"] for row in totals) == sum(len(row[0]) for row in ROWS)
    assert sum(row["words"] for row in totals) == direct.total()


def test_batches_order_and_spilling_change_nothing(monkeypatch):
    whole = count_words([document_batch(ROWS)], "gpt4o")
    backwards = count_words((document_batch([row]) for row in reversed(ROWS)), "gpt4o")
    monkeypatch.setattr(counts_module, "_ROWS_IN_MEMORY", 10)
    monkeypatch.setattr(counts_module, "_LONG", 50)
    spilled = count_words([document_batch(ROWS[:7]), document_batch(ROWS[7:])], "gpt4o")
    for other in (backwards, spilled):
        assert other.counts.equals(whole.counts)
        assert other.totals.equals(whole.totals)


def test_workers_change_nothing(tmp_path):
    path = tmp_path / "documents.parquet"
    pq.write_table(pa.Table.from_batches([document_batch(ROWS * 6)]), path)
    one, two = count_file(path, "gpt2"), count_file(path, "gpt2", workers=2)
    assert one.counts.equals(two.counts)
    assert one.totals.equals(two.totals)


@pytest.mark.parametrize(("normalizer", "word"), [("none", "ﬁ"), ("NFC", "ﬁ"), ("NFKC", "fi")])
def test_text_is_normalised_before_it_is_cut(normalizer, word):
    counted = count_words([document_batch([("ﬁ", "eng_Latn", "web", "train")])], "gpt4o", normalizer)
    assert counted.counts["word"].to_pylist() == [word.encode()]
    assert counted.totals["bytes"].to_pylist() == [len(word.encode())]


def test_no_documents_give_empty_tables():
    counted = count_words([], "gpt4o")
    assert counted.counts.num_rows == counted.totals.num_rows == 0
