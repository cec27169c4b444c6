from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lexmill.training.stream import (
    NoTextError,
    PackedStream,
    Source,
    mixed_order,
    read_documents,
    sample_documents,
)
from lexmill.training.vocabulary import END_OF_TEXT, Vocabulary, load_vocabulary, make_vocabulary
from tests.lexmill.training.tiny import (
    config_of_tokenizer,
    documents_table,
    save_tokenizer,
    sentences,
    train_tokenizer,
    vocabulary,
    write_documents,
)

VOCABULARY = vocabulary(sentences("eng_Latn") + sentences("fra_Latn"), 400)


def stream(sources: list[Source], seed: int = 0, words: Vocabulary = VOCABULARY) -> PackedStream:
    return PackedStream(sources, words.tokenizer, words.separator, words.tokens, seed)


def english(tmp_path: Path) -> pa.Table:
    return read_documents(write_documents(tmp_path / "documents.parquet"), ["eng_Latn"])


def test_one_pass_feeds_every_token_of_every_document_once(tmp_path: Path) -> None:
    documents = english(tmp_path)
    encoded = {
        row["id"]: [VOCABULARY.separator, *VOCABULARY.tokenizer.encode(row["text"]).ids]
        for row in documents.to_pylist()
    }
    total = sum(map(len, encoded.values()))
    packed = stream([Source(documents, 1.0)])
    batch = packed.batch(1, total)
    fed = batch.targets.ravel().tolist()
    cuts = [i for i, token in enumerate(fed) if token == VOCABULARY.separator]
    pieces = [tuple(fed[a:b]) for a, b in zip(cuts, [*cuts[1:], total], strict=True)]
    assert Counter(pieces) == Counter(map(tuple, encoded.values()))
    assert pieces != [tuple(encoded[i]) for i in sorted(encoded)]  # shuffled
    assert batch.bytes == sum(documents["bytes"].to_pylist())
    assert packed.seen().to_pydict() == {
        "id": sorted(encoded),
        "tokens": [len(encoded[i]) for i in sorted(encoded)],
    }


def test_batches_continue_each_other_and_seen_counts_what_was_fed(tmp_path: Path) -> None:
    documents = english(tmp_path)
    long, short = stream([Source(documents, 1.0)]), stream([Source(documents, 1.0)])
    whole = long.batch(1, 60 * 32).targets.ravel()
    parts = [short.batch(4, 8) for _ in range(60)]
    np.testing.assert_array_equal(whole, np.concatenate([part.targets.ravel() for part in parts]))
    for part, following in pairwise(parts):
        flat_in, flat_out = part.inputs.ravel(), part.targets.ravel()
        np.testing.assert_array_equal(flat_in[1:], flat_out[:-1])
        assert following.inputs.ravel()[0] == flat_out[-1]
    assert sum(short.seen()["tokens"].to_pylist()) == 60 * 32


def test_shares_are_shares_of_bytes(tmp_path: Path) -> None:
    path = write_documents(tmp_path / "documents.parquet", copies=3)
    sources = [
        Source(read_documents(path, ["fra_Latn"]), 0.75),
        Source(read_documents(path, ["eng_Latn"]), 0.25),
    ]
    fed = np.zeros(2)
    for source, row in islice(mixed_order(sources, seed=0), 400):
        fed[source] += sources[source].documents["bytes"][row].as_py()
    assert fed[1] / fed.sum() == pytest.approx(0.25, abs=0.01)


def test_a_share_of_zero_is_never_fed(tmp_path: Path) -> None:
    documents = english(tmp_path)
    order = mixed_order([Source(documents, 1.0), Source(documents, 0.0)], seed=0)
    assert {source for source, _ in islice(order, 200)} == {0}


def test_a_source_repeats_only_after_all_of_it_was_fed(tmp_path: Path) -> None:
    documents = english(tmp_path)
    count = documents.num_rows
    rows = [row for _, row in islice(mixed_order([Source(documents, 1.0)], seed=0), 2 * count)]
    assert sorted(rows[:count]) == sorted(rows[count:]) == list(range(count))
    assert rows[:count] != rows[count:]


def test_the_seed_decides_the_order(tmp_path: Path) -> None:
    documents = english(tmp_path)

    def first(seed: int) -> list[int]:
        return stream([Source(documents, 1.0)], seed).batch(2, 50).targets.ravel().tolist()

    assert first(1) == first(1) != first(2)


def test_filters(tmp_path: Path) -> None:
    path = write_documents(tmp_path / "documents.parquet")
    table = read_documents(path, ["eng_Latn", "fra_Latn"], ["stories"], split="test")
    assert set(table["split"].to_pylist()) == {"test"}
    assert table["id"].to_pylist() == sorted(table["id"].to_pylist())
    with pytest.raises(
        NoTextError, match="train split for languages deu_Latn, domains stories: add a corpus"
    ):
        read_documents(path, ["deu_Latn"], ["stories"])


def test_empty_documents_are_left_out(tmp_path: Path) -> None:
    row = {"id": "a:0", "text": "", "language": "eng_Latn", "domain": "d", "bytes": 0, "split": "train"}
    pq.write_table(
        pa.Table.from_pylist([row, row | {"id": "a:1", "text": "x", "bytes": 1}]), tmp_path / "d.parquet"
    )
    assert read_documents(tmp_path / "d.parquet", ["eng_Latn"])["id"].to_pylist() == ["a:1"]


def test_a_sample_is_whole_documents_within_the_budget() -> None:
    documents = documents_table()
    sample = sample_documents(documents, 1000, seed=4)
    assert 800 < sum(sample["bytes"].to_pylist()) <= 1000
    assert sample.equals(sample_documents(documents, 1000, seed=4))
    assert not sample.equals(sample_documents(documents, 1000, seed=5))
    assert sample_documents(documents, 1, seed=4).num_rows == 1
    assert sample_documents(documents, 10**9, seed=4).num_rows == documents.num_rows


def test_a_document_two_sources_hold_is_counted_once(tmp_path: Path) -> None:
    documents = english(tmp_path)
    packed = stream([Source(documents, 0.5), Source(documents, 0.5)])
    packed.batch(8, 128)
    seen = packed.seen().to_pydict()
    assert seen["id"] == sorted(set(seen["id"]))
    assert sum(seen["tokens"]) == 8 * 128


def test_text_cannot_spell_a_special_token(tmp_path: Path) -> None:
    tokenizer = train_tokenizer(sentences("eng_Latn"), 320)
    words = load_vocabulary(save_tokenizer(tmp_path, tokenizer))
    text = f"use {END_OF_TEXT} here"
    documents = pa.table({"id": ["a:0"], "text": [text], "bytes": [len(text)]})
    packed = stream([Source(documents, 1.0)], words=words)
    length = 1 + len(words.tokenizer.encode(text).ids)
    targets = packed.batch(1, length).targets.ravel().tolist()
    assert targets[0] == words.separator
    assert b"".join(words.tokens[token] or b"" for token in targets[1:]) == text.encode()


def test_separator_is_eos_then_end_of_text_then_line_feed() -> None:
    with_special = train_tokenizer(sentences("eng_Latn"), 300)
    assert make_vocabulary(with_special, {}).separator == with_special.token_to_id(END_OF_TEXT)
    with_special.add_special_tokens(["<eos>"])
    chosen = make_vocabulary(with_special, {"eos_token": {"content": "<eos>"}})
    assert chosen.separator == chosen.roles["eos"] == with_special.token_to_id("<eos>")
    without = make_vocabulary(*_without_special())
    assert without.tokens[without.separator] == b"\n"


def _without_special() -> tuple:
    tokenizer = train_tokenizer(sentences("eng_Latn"), 300, special=False)
    return tokenizer, config_of_tokenizer(tokenizer)
