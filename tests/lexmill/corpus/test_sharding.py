"""Shards of records, and samples of documents."""

from __future__ import annotations

from collections import Counter

import pytest

from lexmill.corpus.params import CorpusParams
from lexmill.corpus.schema import Document, Refusal
from lexmill.corpus.sharding import (
    BLOCK_RECORDS,
    WHOLE,
    Shard,
    deal,
    in_sample,
    records_of,
    sampled_documents,
)


@pytest.mark.parametrize("records", [0, 1, BLOCK_RECORDS, 5 * BLOCK_RECORDS + 7])
@pytest.mark.parametrize("parts", [1, 2, 3, 8])
def test_shards_of_records_part_them(records: int, parts: int) -> None:
    found = [list(records_of(iter(range(records)), Shard(part, parts))) for part in range(parts)]
    assert sorted(item for shard in found for item in shard) == list(range(records))
    assert all(item // BLOCK_RECORDS % parts == part for part, shard in enumerate(found) for item in shard)


def test_few_items_are_read_by_every_shard() -> None:
    assert deal([1, 2, 3], Shard(1, 3)) == ([2], WHOLE)
    assert deal([1, 2], Shard(1, 3)) == ([1, 2], Shard(1, 3))
    assert deal([1, 2], WHOLE) == ([1, 2], WHOLE)


def documents(count: int) -> list[Document | Refusal]:
    texts = [Document("ä" * 10, "deu_Latn", "news", f"g{n // 2}", f"{n}") for n in range(count)]
    return [*texts, Refusal("bad_json", "", "x", 3)]


def test_a_sample_keeps_groups_together_and_counts_the_rest() -> None:
    corpus = CorpusParams(name="demo", path="x", sample=0.3, seed=5)
    skipped: Counter[tuple[str, str, str]] = Counter()
    kept = list(sampled_documents(documents(4000), corpus, skipped))
    assert isinstance(kept.pop(), Refusal)
    groups = Counter(item.group for item in kept)
    assert set(groups.values()) == {2}
    assert 0.27 < len(kept) / 4000 < 0.33
    assert skipped == {
        ("documents", "deu_Latn", "news"): 4000 - len(kept),
        ("bytes", "deu_Latn", "news"): 20 * (4000 - len(kept)),
    }
    everything = corpus.model_copy(update={"sample": 1.0})
    assert list(sampled_documents(documents(10), everything, skipped)) == documents(10)


def test_samples_nest_and_seeds_differ() -> None:
    keys = [f"k{number}" for number in range(2000)]
    small = {key for key in keys if in_sample(key, 0.1, 1)}
    large = {key for key in keys if in_sample(key, 0.5, 1)}
    other = {key for key in keys if in_sample(key, 0.1, 2)}
    assert small < large
    assert len(small & other) < len(small) / 2
    assert all(in_sample(key, 1.0, 1) for key in keys)
