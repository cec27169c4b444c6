"""Word counts equal a direct count, whatever the batches, the order and the number of workers."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from lexmill.tokenizer import counts as counts_module
from lexmill.tokenizer.counts import (
    COUNTS_SCHEMA,
    TOTALS_SCHEMA,
    count_file,
    count_pieces,
    count_words,
    named_cutter,
)
from lexmill.tokenizer.patterns import PATTERNS
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
    monkeypatch.setattr(counts_module, "_COLUMN_BYTES", 10)
    chunked = count_words([document_batch(ROWS[:7]), document_batch(ROWS[7:])], "gpt4o", workers=2)
    monkeypatch.setattr(counts_module, "_ROWS_IN_MEMORY", 10)
    spilled = count_pieces([document_batch(ROWS[:7]), document_batch(ROWS[7:])], named_cutter("gpt4o"))
    for other in (backwards, chunked, spilled):
        assert other.counts.equals(whole.counts)
        assert other.totals.equals(whole.totals)


@pytest.mark.parametrize("pretokenizer", ["gpt2", r"\p{L}+"])
def test_workers_change_nothing(tmp_path, monkeypatch, pretokenizer):
    path = tmp_path / "documents.parquet"
    pq.write_table(pa.Table.from_batches([document_batch(ROWS * 6)]), path)
    monkeypatch.setattr(counts_module, "_BATCH", 100)
    seen: list[int] = []
    one, two = count_file(path, pretokenizer, progress=seen.append), count_file(path, pretokenizer, workers=2)
    assert seen == sorted(seen)
    assert seen[-1] == len(ROWS) * 6
    assert one.counts.equals(two.counts)
    assert one.totals.equals(two.totals)


@pytest.mark.parametrize("pretokenizer", [*PATTERNS, r"\p{L}+"])
@pytest.mark.parametrize("framing", ["document", "line"])
def test_every_pattern_is_counted_as_its_cutter_cuts(pretokenizer, framing):
    batch = document_batch(ROWS[:12])
    counted = count_words([batch], pretokenizer, framing=framing)
    plain = count_pieces([batch], named_cutter(pretokenizer, framing=framing))
    assert counted.counts.equals(plain.counts)
    assert counted.totals.equals(plain.totals)


def test_a_line_is_what_tokenizers_trains_on_from_files():
    text = "a\n\n b\r\nc\x85d\u2028e"
    counted = count_words([document_batch([(text, "eng_Latn", "web", "train")])], "code3", framing="line")
    words = sorted(counted.counts["word"].to_pylist())
    assert words == sorted(line.encode() for line in ("a\n", "\n", " b\r\n", "c\x85d\u2028e"))
    assert counted.totals["documents"].to_pylist() == [1]


def test_one_line_of_megabytes_and_noise_take_linear_time_and_little_memory():
    noise = np.random.default_rng(1).integers(0, 256, 1 << 20, np.uint8).tobytes().decode("latin-1")
    texts = ["x" * (8 << 20), "ab " * (1 << 20), noise]
    batch = document_batch([(text, "zxx", "noise", "train") for text in texts])
    count_words([batch.slice(0, 1)], "gpt4o")
    started = time.process_time()
    counted = count_words([batch], "gpt4o")
    assert time.process_time() - started < 20
    total = counted.totals.to_pylist()[0]
    assert total["characters"] == sum(map(len, texts))
    lengths = pc.cast(pc.binary_length(counted.counts["word"]), pa.int64())
    assert pc.sum(pc.multiply(lengths, counted.counts["count"])).as_py() == total["bytes"]


@pytest.mark.parametrize(("normalizer", "word"), [("none", "ﬁ"), ("NFC", "ﬁ"), ("NFKC", "fi")])
def test_text_is_normalised_before_it_is_cut(normalizer, word):
    counted = count_words([document_batch([("ﬁ", "eng_Latn", "web", "train")])], "gpt4o", normalizer)
    assert counted.counts["word"].to_pylist() == [word.encode()]
    assert counted.totals["bytes"].to_pylist() == [len(word.encode())]


def test_no_documents_give_empty_tables():
    counted = count_words([], "gpt4o")
    assert counted.counts.num_rows == counted.totals.num_rows == 0
