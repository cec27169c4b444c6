"""Parts of a corpus: shards that are read on their own, and a sample of its documents, both by rules that need no
knowledge of the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

import xxhash

from lexmill.corpus.params import CorpusParams
from lexmill.corpus.schema import Document, Refusal, document_id

BLOCK_RECORDS = 512
_HASHES = 2**64

Item = TypeVar("Item")


class Shard(NamedTuple):
    """Part number `part` (from 0) of `parts`."""

    part: int = 0
    parts: int = 1


WHOLE = Shard()


def deal(items: Sequence[Item], shard: Shard) -> tuple[list[Item], Shard]:
    """The items of a shard, and the shard of their records to read.

    With at least as many items as shards every `parts`-th item is the shard's, read whole; with fewer, each shard reads
    all items and keeps every `parts`-th block of `BLOCK_RECORDS` records (see `records_of`).
    """
    if len(items) >= shard.parts:
        return list(items[shard.part :: shard.parts]), WHOLE
    return list(items), shard


def records_of(items: Iterable[Item], shard: Shard) -> Iterator[Item]:
    """Blocks of `BLOCK_RECORDS` items of a stream: those whose number modulo `shard.parts` is `shard.part`."""
    if shard.parts == 1:
        yield from items
        return
    stream = iter(items)
    block = 0
    while True:
        # a block of another shard is read too: what comes before a record decides where it starts
        taken = list(islice(stream, BLOCK_RECORDS))
        if not taken:
            return
        if block % shard.parts == shard.part:
            yield from taken
        block += 1


def sampled_documents(
    items: Iterable[Document | Refusal], params: CorpusParams, skipped: Counter[tuple[str, str, str]]
) -> Iterator[Document | Refusal]:
    """The share `params.sample` of the documents, by `in_sample`; refusals all pass.

    `skipped` gains what is left out, by (unit, language or "", domain), where unit is "documents" or "bytes" of text.
    """
    if params.sample == 1.0:
        yield from items
        return
    for item in items:
        if isinstance(item, Refusal):
            yield item
            continue
        key = item.group or document_id(params.name, item.origin)
        if in_sample(key, params.sample, params.seed):
            yield item
            continue
        category = (item.language or "", item.domain)
        skipped["documents", *category] += 1
        skipped["bytes", *category] += len(item.text.encode("utf-8", "surrogatepass"))


def in_sample(key: str, share: float, seed: int) -> bool:
    """Whether a document with this group (else id) is in a sample: xxh3 of `<seed>\\0<key>` below `share` of 2**64.

    A larger share keeps what a smaller one with the same seed keeps.
    """
    return xxhash.xxh3_64_intdigest(f"{seed}\0{key}".encode("utf-8", "replace")) < share * _HASHES
