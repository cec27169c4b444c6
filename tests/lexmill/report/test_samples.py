from __future__ import annotations

import pyarrow as pa

from lexmill.report.samples import choose_group, sample_data
from tests.tasks.report_tables import SENTENCES, small_tokenizer


def documents(rows):
    return pa.Table.from_pylist(
        [dict(zip(("id", "language", "group", "bytes"), row, strict=True)) for row in rows]
    )


def test_the_reference_and_the_largest_language_of_each_script_are_shown():
    table = documents(
        [
            ("a1", "eng_Latn", "a", 50), ("a2", "deu_Latn", "a", 50),
            ("b1", "rus_Cyrl", "b", 60), ("b2", "eng_Latn", "b", 60), ("b3", "arb_Arab", "b", 60),
            ("b4", "deu_Latn", "b", 60),
            ("c1", "eng_Latn", "c", 9000), ("c2", "zho_Hans", "c", 9000),
            ("d1", "eng_Latn", None, 50),
        ]
    )  # fmt: skip
    assert choose_group(table) == {"eng_Latn": "b2", "rus_Cyrl": "b1", "arb_Arab": "b3", "deu_Latn": "b4"}
    assert list(choose_group(table, ("deu_Latn", "eng_Latn", "fin_Latn"))) == ["deu_Latn", "eng_Latn"]


def test_no_parallel_text():
    assert choose_group(documents([("a", "eng_Latn", "g", 50), ("b", "eng_Latn", None, 50)])) == {}


def test_tokens_join_to_the_text():
    tokenizers = {
        "small": small_tokenizer(300, list(SENTENCES.values())[:3]),
        "large": small_tokenizer(900, list(SENTENCES.values())),
    }
    rows = sample_data(SENTENCES, tokenizers)
    partial = 0
    for row in rows:
        assert [cut["tokenizer"] for cut in row["tokenizers"]] == ["small", "large"]
        for cut in row["tokenizers"]:
            raw = b"".join(
                bytes.fromhex(token["bytes"]) if "bytes" in token else token["text"].encode()
                for token in cut["tokens"]
            )
            assert raw.decode() == row["text"]
            assert cut["count"] == len(cut["tokens"])
            partial += sum("bytes" in token for token in cut["tokens"])
    assert partial > 0
    assert {row["language"]: row["direction"] for row in rows}["arb_Arab"] == "rtl"
