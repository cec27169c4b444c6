"""The data stream: documents in a seeded order, mixed by byte shares, packed into windows without gaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from tokenizers import Tokenizer

COLUMNS = ("id", "text", "language", "domain", "bytes", "split")
ENCODE_AT_ONCE = 64  # documents handed to the tokenizer's threads together


class NoTextError(ValueError):
    """The filters leave no document."""


@dataclass(frozen=True)
class Source:
    """Documents (columns `id`, `text`, `bytes`) and their share of the bytes fed."""

    documents: pa.Table
    share: float


@dataclass(frozen=True)
class Batch:
    """`inputs` and `targets`, int64 [batch, length]: targets are the inputs one position on."""

    inputs: np.ndarray
    targets: np.ndarray
    bytes: int  # UTF-8 bytes that the targets spell


def read_documents(
    path: Path, languages: Sequence[str], domains: Sequence[str] | None = None, split: str = "train"
) -> pa.Table:
    """Rows of `documents.parquet` of these languages, domains (None: all) and split, sorted by id.

    Raises NoTextError when nothing is left.
    """
    wanted = (pc.field("split") == split) & pc.field("language").isin(list(languages))
    if domains:
        wanted &= pc.field("domain").isin(list(domains))
    table = pq.read_table(path, columns=list(COLUMNS), filters=wanted)
    table = table.filter(pc.greater(table["bytes"], 0)).sort_by("id")
    if table.num_rows == 0:
        where = f"languages {', '.join(languages)}" + (f", domains {', '.join(domains)}" if domains else "")
        raise NoTextError(f"no documents of the {split} split for {where}: add a corpus or change the filter")
    return table


def sample_documents(documents: pa.Table, max_bytes: int, seed: int) -> pa.Table:
    """Whole documents in a seeded order until the next would pass `max_bytes`; at least one.  Sorted by id."""
    order = np.random.default_rng(seed).permutation(documents.num_rows)
    sizes = documents["bytes"].to_numpy()[order]
    count = max(1, int(np.searchsorted(np.cumsum(sizes), max_bytes, side="right")))
    return documents.take(pa.array(np.sort(order[:count])))


def shuffled_forever(count: int, rng: np.random.Generator) -> Iterator[int]:
    """0..count-1 in a new random order, again and again."""
    while True:
        yield from rng.permutation(count).tolist()


def mixed_order(sources: Sequence[Source], seed: int) -> Iterator[tuple[int, int]]:
    """Endless (source, row): always the source whose fed bytes are furthest behind its share.

    Each source goes through all its documents before it repeats one.  Ties go to the first source.
    """
    sizes = [source.documents["bytes"].to_numpy() for source in sources]
    orders = [
        shuffled_forever(source.documents.num_rows, np.random.default_rng([seed, index]))
        for index, source in enumerate(sources)
    ]
    used = np.array([source.share > 0 for source in sources])
    shares = np.array([source.share if source.share > 0 else 1.0 for source in sources])
    fed = np.zeros(len(sources))
    while True:
        index = int(np.argmin(np.where(used, fed / shares, np.inf)))
        row = next(orders[index])
        fed[index] += sizes[index][row]
        yield index, row


class PackedStream:
    """Batches cut from one endless run of `separator document separator document ...`.

    Every token is a target exactly once and documents may cross the border of windows.  `seen()` says what the
    batches handed out so far contained.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        tokenizer: Tokenizer,
        separator: int,
        token_bytes: Sequence[bytes | None],
        seed: int,
    ) -> None:
        """`separator` precedes every document; `token_bytes` gives each id's bytes, None for special tokens."""
        self._sources = sources
        self._tokenizer = tokenizer
        self._separator = separator
        self._lengths = np.array([len(token or b"") for token in token_bytes], dtype=np.int64)
        self._order = mixed_order(sources, seed)
        self._starts = np.cumsum([0] + [source.documents.num_rows for source in sources])
        self._counts = np.zeros(int(self._starts[-1]), dtype=np.int64)
        self._ids = np.array([separator], dtype=np.int64)  # the first input is never a target
        self._owners = np.array([-1], dtype=np.int64)  # position in the concatenated sources

    def batch(self, batch_size: int, length: int) -> Batch:
        """The next batch_size * length tokens."""
        count = batch_size * length
        while len(self._ids) < count + 1:
            self._fill()
        window, owners = self._ids[: count + 1], self._owners[1 : count + 1]
        self._ids, self._owners = self._ids[count:], self._owners[count:]
        self._counts += np.bincount(owners[owners >= 0], minlength=len(self._counts))
        targets = window[1:]
        return Batch(
            inputs=window[:-1].reshape(batch_size, length),
            targets=targets.reshape(batch_size, length),
            bytes=int(self._lengths[targets].sum()),
        )

    def seen(self) -> pa.Table:
        """Columns `id` string, `tokens` int64: fed as targets, separators and repeats counted; sorted by id.

        A document that several sources hold has one row.
        """
        ids = pa.concat_arrays(
            [source.documents["id"].combine_chunks().cast(pa.string()) for source in self._sources]
        )
        table = pa.table({"id": ids, "tokens": pa.array(self._counts)})
        sums = table.group_by("id").aggregate([("tokens", "sum")]).rename_columns(["id", "tokens"])
        return sums.filter(pc.greater(sums["tokens"], 0)).sort_by("id")

    def _fill(self) -> None:
        chosen = [next(self._order) for _ in range(ENCODE_AT_ONCE)]
        texts = [self._sources[source].documents["text"][row].as_py() for source, row in chosen]
        encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        ids, owners = [self._ids], [self._owners]
        for (source, row), encoding in zip(chosen, encodings, strict=True):
            tokens = [self._separator, *encoding.ids]
            ids.append(np.array(tokens, dtype=np.int64))
            owners.append(np.full(len(tokens), self._starts[source] + row, dtype=np.int64))
        self._ids, self._owners = np.concatenate(ids), np.concatenate(owners)
