"""Near-duplicate detection on planted pairs: recall by similarity, precision, order of rows, speed of signatures.

    python benchmarks/near_duplicates.py CORPUS [--documents 10000] [--pairs 300] [--seed 0]

CORPUS: .jsonl or .jsonl.zst with a field `text`, or .parquet with a column `text`; with a field `group`, whole groups
are sampled, so that translations stand beside one another.  For each step of similarity, `--pairs` documents are
copied and words replaced, deleted and inserted at random places until the exact Jaccard similarity of their sets of
word 5-grams is near the step.  A fifth as many pairs of unrelated documents get the same boilerplate (similarity 0.3
to 0.6).  Similarities are computed again, by Python sets.

A planted pair counts as found when not both of its documents stay (a third may be the reason).  Precision is the
share of dropped documents whose similarity with their representative is at least 0.8.  The rows "not verified" show
what band keys alone would give: a pair counts as found when it shares a band, and precision is the share of pairs
sharing a band that are similar.  rensa and datasketch stand beside them where they can be imported (`pip install
rensa datasketch` in an environment of its own, named in PYTHONPATH), with 120 minima of the same n-grams as strings.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
import zstandard

from lexmill.corpus.clusters import Clusters
from lexmill.corpus.duplicates import near_duplicates
from lexmill.corpus.minhash import band_keys
from lexmill.corpus.params import NearDedupParams
from lexmill.corpus.words import split_words

STEPS = (0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90, 0.95)
THRESHOLD = 0.8
BATCH = 2048


class Pair(NamedTuple):
    base: int
    copy: int
    similarity: float


def records(path: Path) -> Iterator[tuple[str, str]]:
    """(group or text, text) of each document."""
    if path.suffix == ".parquet":
        names = pq.read_schema(path).names
        for batch in pq.ParquetFile(path).iter_batches(
            1024, columns=[n for n in ("text", "group") if n in names]
        ):
            for row in batch.to_pylist():
                yield row.get("group") or row["text"], row["text"]
    else:
        with path.open("rb") as raw:
            stream = zstandard.ZstdDecompressor().stream_reader(raw) if path.suffix == ".zst" else raw
            for line in io.TextIOWrapper(stream, "utf-8"):
                row = json.loads(line)
                yield row.get("group") or row["text"], row["text"]


def sample(path: Path, count: int, seed: int) -> list[str]:
    """About `count` documents, by whole groups in the order of their hashes, without equal texts."""
    groups: dict[str, list[str]] = defaultdict(list)
    for group, text in records(path):
        groups[group].append(text)
    texts: list[str] = []
    for group in sorted(groups, key=lambda name: xxhash.xxh3_64_intdigest(name.encode(), seed)):
        texts += groups[group]
        if len(texts) >= count:
            break
    return [*dict.fromkeys(texts)][:count]


def batches(texts: list[str]) -> Iterator[pa.Array]:
    for start in range(0, len(texts), BATCH):
        yield pa.array(texts[start : start + BATCH], pa.string())


class Sets:
    """Sets of 5-grams of words as Python sets, made when asked for."""

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts
        self._sets: dict[int, set[tuple[int, ...]]] = {}

    def __call__(self, row: int) -> set[tuple[int, ...]]:
        if row not in self._sets:
            self._sets[row] = ngrams(self._texts[row])
        return self._sets[row]

    def similarity(self, one: int, other: int) -> float:
        return similarity(self(one), self(other))


def ngrams(text: str) -> set[tuple[int, ...]]:
    words = split_words(pa.array([text]))
    folded = np.where(words.kind == 1, words.hash, words.folded)[words.kind < 2].tolist()
    return {tuple(folded[i : i + 5]) for i in range(max(1, len(folded) - 4))}


def similarity(a: set[tuple[int, ...]], b: set[tuple[int, ...]]) -> float:
    return len(a & b) / len(a | b)


def tokens(text: str) -> list[str]:
    """Words and what stands between them, one string a word with what follows it."""
    words = split_words(pa.array([text]))
    raw = text.encode()
    starts = words.start[words.kind < 2].tolist()
    return [raw[a:b].decode() for a, b in zip(starts, [*starts[1:], len(raw)], strict=True)]


def edited(parts: list[str], edits: int, foreign: list[str], random: np.random.Generator) -> str:
    """A text with so many words replaced, deleted or inserted at random places."""
    result = [*parts]
    for place in random.choice(len(parts), edits, replace=False).tolist():
        word = foreign[int(random.integers(len(foreign)))]
        kind = int(random.integers(3))
        result[place] = (word, "", result[place] + word)[kind]
    return "".join(result)


def plant(texts: list[str], pairs: int, seed: int) -> list[Pair]:
    """Append edited copies and boilerplate pairs to `texts`."""
    random = np.random.default_rng(seed)
    chosen = random.permutation(len(texts)).tolist()
    long = [row for row in chosen if len(texts[row]) < 50_000 and len(tokens(texts[row])) >= 100]
    if len(long) < 2:
        raise SystemExit("the corpus has too few documents of 100 words to plant pairs")
    foreign = [token for row in long[:200] for token in tokens(texts[row])[:50]]
    planted = []
    for number in range(pairs * len(STEPS)):
        base, target = long[number % len(long)], STEPS[number % len(STEPS)]
        parts, own = tokens(texts[base]), ngrams(texts[base])
        # an edit breaks five 5-grams and makes up to five; small corrections come from the loop
        edits = max(1, round(len(own) * (1 - target) / (5 * (1 + target))))
        for _ in range(8):
            copy = edited(parts, min(edits, len(parts)), foreign, random)
            found = similarity(own, ngrams(copy))
            if abs(found - target) <= 0.012:
                break
            edits = max(1, edits + (1 if found > target else -1))
        if target - 0.025 <= found < min(target + 0.025, 1.0):
            planted.append(Pair(base, len(texts), found))
            texts.append(copy)
    for number in range(pairs // 5):
        one, other, block = (texts[row] for row in random.choice(long, 3, replace=False).tolist())
        shared = "".join(tokens(block)[:100])
        texts += [" ".join(tokens(text)[: 40 + number % 60]) + "\n\n" + shared for text in (one, other)]
    return planted


def keys_of(texts: list[str], params: NearDedupParams) -> np.ndarray:
    return np.concatenate([band_keys(split_words(batch), params) for batch in batches(texts)])


def detect(texts: list[str], keys: np.ndarray, rank: np.ndarray, params: NearDedupParams) -> Clusters:
    with tempfile.TemporaryDirectory() as scratch:
        return near_duplicates(
            lambda band: keys[:, band],
            rank,
            lambda rows: batches([texts[row] for row in rows.tolist()]),
            params,
            Path(scratch),
        )


def found_shares(planted: list[Pair], found: Callable[[Pair], bool]) -> tuple[list[str], float]:
    """Share of the pairs found by step, and of those that are duplicates."""
    by_step: dict[float, list[bool]] = {step: [] for step in STEPS}
    for pair in planted:
        # a step's pairs lie within 0.025 of it; at 0.8 only those count that are duplicates
        step = min(STEPS, key=lambda s: abs(s - pair.similarity))
        if step != THRESHOLD or pair.similarity >= THRESHOLD:
            by_step[step].append(found(pair))
    shares = [f"{np.mean(hits):.3f}" if hits else "" for hits in by_step.values()]
    return shares, float(np.mean([found(pair) for pair in planted if pair.similarity >= THRESHOLD]))


def our_row(
    texts: list[str], planted: list[Pair], sets: Sets, params: NearDedupParams, seed: int
) -> list[str]:
    keys = keys_of(texts, params)
    rank = np.arange(len(texts))
    result = detect(texts, keys, rank, params)
    shares, recall = found_shares(
        planted, lambda pair: result.representative[pair.base] >= 0 or result.representative[pair.copy] >= 0
    )
    dropped = np.flatnonzero(result.representative >= 0)
    right = [sets.similarity(row, int(result.representative[row])) >= THRESHOLD for row in dropped.tolist()]
    order = np.random.default_rng(seed).permutation(len(texts))
    shuffled = [texts[row] for row in order.tolist()]
    other = detect(shuffled, keys_of(shuffled, params), order, params)
    same = np.array_equal(
        np.where(other.representative < 0, -1, order[other.representative]), result.representative[order]
    )
    speed = megabytes(texts) / seconds(lambda: keys_of(texts, params))
    name = f"lexmill {params.bands} x {params.rows}, verified"
    note = f"{len(right)} dropped, {result.compared} compared"
    return [
        name,
        *shares,
        f"{recall:.4f}",
        f"{np.mean(right):.4f}",
        note,
        "yes" if same else "NO",
        f"{speed:.0f}",
    ]


def unverified_row(
    name: str, texts: list[str], planted: list[Pair], sets: Sets, signature: Callable[[], np.ndarray]
) -> list[str]:
    """Of pairs that share a band."""
    started = time.process_time()
    keys = signature()
    speed = megabytes(texts) / (time.process_time() - started)
    if keys.dtype == np.uint32:  # minima
        keys = banded(keys, NearDedupParams())
    pairs = banded_pairs(keys)
    shares, recall = found_shares(planted, lambda pair: bool(np.any(keys[pair.base] == keys[pair.copy])))
    right = [sets.similarity(one, other) >= THRESHOLD for one, other in sorted(pairs)]
    note = f"{len(right)} pairs"
    return [name, *shares, f"{recall:.4f}", f"{np.mean(right):.4f}", note, "", f"{speed:.0f}"]


def banded_pairs(keys: np.ndarray, largest: int = 200) -> set[tuple[int, int]]:
    """Rows that share a band key; buckets are cut to the first `largest` rows."""
    pairs: set[tuple[int, int]] = set()
    for band in range(keys.shape[1]):
        buckets: dict[int, list[int]] = defaultdict(list)
        for row, key in enumerate(keys[:, band].tolist()):
            buckets[key].append(row)
        for rows in buckets.values():
            pairs.update(combinations(rows[:largest], 2))
    return pairs


def banded(minima: np.ndarray, params: NearDedupParams) -> np.ndarray:
    """Band keys of uint32 minima (rows, bands * rows)."""
    bands = np.ascontiguousarray(minima.reshape(len(minima), params.bands, params.rows))
    keys = [
        [xxhash.xxh3_64_intdigest(band.tobytes(), number) for number, band in enumerate(row)] for row in bands
    ]
    return np.array(keys, np.uint64)


def string_ngrams(text: str) -> list[str]:
    words = [token.strip().lower() for token in tokens(text)]
    return [" ".join(words[i : i + 5]) for i in range(max(1, len(words) - 4))]


def peers(texts: list[str], params: NearDedupParams) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
    ready = [string_ngrams(text) for text in texts]
    size = params.bands * params.rows
    if importlib.util.find_spec("rensa"):
        import rensa

        def of_rensa() -> np.ndarray:
            minima = []
            for grams in ready:
                sketch = rensa.RMinHash(num_perm=size, seed=1)
                sketch.update(grams)
                minima.append(sketch.digest())
            return np.array(minima, np.uint32)

        yield "rensa RMinHash 20 x 6, from ready strings", of_rensa
    if importlib.util.find_spec("datasketch"):
        import datasketch

        def of_datasketch() -> np.ndarray:
            minima = []
            for grams in ready:
                sketch = datasketch.MinHash(num_perm=size, seed=1)
                sketch.update_batch([gram.encode() for gram in grams])
                minima.append(sketch.hashvalues)
            return np.array(minima, np.uint32)

        yield "datasketch MinHash 20 x 6, from ready strings", of_datasketch


def megabytes(texts: list[str]) -> float:
    return sum(len(text.encode()) for text in texts) / 1e6


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of the faster of two runs."""
    times = []
    for _ in range(2):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--pairs", type=int, default=300, help="planted pairs a step")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    texts = sample(arguments.corpus, arguments.documents, arguments.seed)
    real = len(texts)
    planted = plant(texts, arguments.pairs, arguments.seed)
    sets = Sets(texts)
    print(f"{real} real documents, {len(planted)} planted pairs, {megabytes(texts):.1f} MB\n")
    steps = [f"J = {step:.2f}" for step in STEPS]
    header = ["", *steps, "recall J >= 0.8", "precision", "counts", "same when shuffled", "MB per CPU second"]
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}")
    choices = (NearDedupParams(), NearDedupParams(bands=14, rows=8))
    for params in choices:
        expected = [f"{1 - (1 - s**params.rows) ** params.bands:.3f}" for s in STEPS]
        row = [f"{params.bands} x {params.rows}: candidates by theory", *expected, "", "", "", "", ""]
        print(f"| {' | '.join(row)} |")
        print(f"| {' | '.join(our_row(texts, planted, sets, params, arguments.seed))} |", flush=True)
    words = [split_words(batch) for batch in batches(texts)]
    ours = [
        (
            f"lexmill {p.bands} x {p.rows}, not verified; from ready words",
            lambda params=p: np.concatenate([band_keys(w, params) for w in words]),
        )
        for p in choices
    ]
    for name, signature in [*ours, *peers(texts, choices[0])]:
        print(f"| {' | '.join(unverified_row(name, texts, planted, sets, signature))} |", flush=True)


if __name__ == "__main__":
    main()
