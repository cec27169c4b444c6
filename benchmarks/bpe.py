"""Plain BPE beside its peers: CPU seconds and peak memory from text to tokens, and whether the lists are equal.

    python benchmarks/bpe.py CORPUS ... [--vocab-size 32768] [--megabytes 100] [--peers PYTHON] [--runs 3] [--growth]

CORPUS: .jsonl or .jsonl.zst with a field `text` and, where there are any, `language` and `domain`.  PYTHON: the
interpreter of an environment with the peers (tokenizers, rustbpe, bpeasy, gigabpe, gigatoken); those it lacks are left
out.  Every row is a process of its own; of several runs the median of CPU seconds (of all threads) is given.

Peers get the documents in memory, or the file they want, before the clock starts; our own time includes reading them
from Parquet.  gigabpe and gigatoken have the pattern of GPT-2 only, and gigabpe reads lines: so ours runs in each way.
Tokens are compared in the order they are learned.  The last rows count by language and domain, as the pipeline does,
and start from such counts with other weights.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

sys.path.insert(0, str(Path(__file__).parent))
from bpe_peers import PEERS, SEPARATOR, digest, peak_mb

from lexmill.tokenizer.bpe import train_bpe
from lexmill.tokenizer.counts import count_file, count_words
from lexmill.tokenizer.params import TrainerSpec
from lexmill.tokenizer.patterns import pattern_of
from lexmill.tokenizer.words import training_words

Row = dict[str, Any]

PLAIN, LABELLED, COUNTS = "plain.parquet", "labelled.parquet", "counts.parquet"

# (pattern, framing, tie-break) of ours and the peers that learn in the same way
GROUPS: dict[str, tuple[tuple[str, str, str], tuple[str, ...]]] = {
    "gpt4 documents, hf": (("gpt4", "document", "hf"), ("tokenizers",)),
    "gpt4 documents, rustbpe": (("gpt4", "document", "rustbpe"), ("rustbpe", "bpeasy")),
    "gpt2 documents, hf": (("gpt2", "document", "hf"), ("gigatoken",)),
    "gpt2 lines, hf": (("gpt2", "line", "hf"), ("gigabpe",)),
}


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    with path.open("rb") as raw:
        stream = zstandard.ZstdDecompressor().stream_reader(raw) if path.suffix == ".zst" else raw
        for line in io.TextIOWrapper(stream, "utf-8"):
            yield json.loads(line)


def write_inputs(paths: Sequence[Path], megabytes: float, folder: Path) -> float:
    """Write about `megabytes` of documents taken evenly from the whole in every form; returns their size in MB."""
    sizes = [len(row["text"].encode()) for path in paths for row in rows_of(path)]
    step = max(1.0, sum(sizes) / (megabytes * 1e6))
    wanted = {int(index * step) for index in range(int(len(sizes) / step))}
    rows = [row for path in paths for row in rows_of(path)]
    rows = [row for index, row in enumerate(rows) if index in wanted]
    columns = {key: [row.get(key, "any") for row in rows] for key in ("text", "language", "domain")}
    texts = columns["text"]
    table = pa.table({**columns, "split": ["train"] * len(rows)})
    pq.write_table(table, folder / LABELLED, row_group_size=4096)
    for name in ("language", "domain"):
        index = table.schema.get_field_index(name)
        table = table.set_column(index, name, pa.array(["any"] * len(rows)))
    pq.write_table(table, folder / PLAIN, row_group_size=4096)
    (folder / "documents.jsonl").write_text("".join(json.dumps(text) + "\n" for text in texts), "utf-8")
    (folder / "lines.txt").write_text("\n".join(texts), "utf-8", newline="")
    (folder / "separated.txt").write_text(SEPARATOR.join(texts), "utf-8", newline="")
    return sum(len(text.encode()) for text in texts) / 1e6


def ours(folder: Path, vocab_size: int, pretokenizer: str, framing: str, tie_break: str, source: str) -> Row:
    """From the Parquet file `source`, documents or word counts (those at weights of their own), to merges."""
    labels = {name: ["any"] for name in ("language", "domain", "split")}
    count_words(
        [pa.record_batch({"text": ["warm up"], **labels})], pretokenizer, framing=framing
    )  # load the kernels
    train_bpe(pa.array([b"warm up"]), np.array([1]), 2)
    file = folder / source
    weights: dict[str, float] = {}
    if source == COUNTS:
        names = sorted(pq.read_table(file, columns=["language"])["language"].unique().to_pylist())
        weights = dict(zip(names, np.random.default_rng(7).uniform(0.1, 9, len(names)).tolist(), strict=True))
    started = time.process_time()
    counts = (
        pq.read_table(file) if source == COUNTS else count_file(file, pretokenizer, framing=framing).counts
    )
    counted = time.process_time()
    spec = TrainerSpec(name="bench", vocab_size=vocab_size, pretokenizer=pretokenizer, weights=weights)
    words = training_words(counts, spec)
    distinct = time.process_time()
    merges = train_bpe(words.words, words.counts, spec.merges, tie_break=tie_break)  # type: ignore[arg-type]
    done = time.process_time()
    peak = peak_mb()
    if source == LABELLED:
        pq.write_table(counts, folder / COUNTS, compression="zstd")
    tokens = merges.token_bytes()[256:]
    parts = {"count": counted - started, "words": distinct - counted, "train": done - distinct}
    return {"cpu": done - started, **parts, "peak": peak, "tokens": len(tokens), "digest": digest(tokens)}


def measured(command: list[str], runs: int) -> Row | None:
    """The row of a process, of the run with the median of CPU seconds; None when the peer is not installed."""
    found: list[Row] = []
    for _ in range(runs):
        done = subprocess.run(command, capture_output=True, text=True)
        if "ModuleNotFoundError" in done.stderr:
            return None
        if done.returncode:
            raise SystemExit(done.stderr[-2000:])
        found.append(json.loads(done.stdout.splitlines()[-1]))
    middle = statistics.median_low(row["cpu"] for row in found)
    return next(row for row in found if row["cpu"] == middle)


def own_row(folder: Path, size: int, way: tuple[str, str, str], runs: int, source: str = PLAIN) -> Row:
    """Our own row, in a process of its own."""
    arguments = [str(folder), str(size), *way, source]
    row = measured([sys.executable, __file__, "--own", *arguments], runs)
    assert row is not None
    return row


def print_row(*cells: object) -> None:
    shown = [f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in cells]
    print(f"| {' | '.join(shown)} |", flush=True)


def compare(folder: Path, size: int, peers: str, runs: int) -> None:
    """One table: in each way ours, the peers of that way, and whether the tokens are the same."""
    print_row("way", "trainer", "CPU s", "of it count", "words", "train", "peak MB", "tokens", "same as ours")
    print_row(*["---"] * 9)
    script = str(Path(__file__).parent / "bpe_peers.py")
    for title, (way, names) in GROUPS.items():
        mine = own_row(folder, size, way, runs)
        cells = [mine[key] for key in ("cpu", "count", "words", "train")]
        print_row(title, "lexmill", *cells, round(mine["peak"]), mine["tokens"], "")
        for name in names:
            row = measured(
                [peers, script, name, str(folder), str(size), pattern_of(way[0])], max(1, runs - 2)
            )
            if row is not None:
                same = "yes" if row["digest"] == mine["digest"] else "no"
                shown = f"{name} {row['version']}"
                print_row(title, shown, row["cpu"], "", "", "", round(row["peak"]), row["tokens"], same)
    for title, source in (
        ("the same by language and domain", LABELLED),
        ("the same from counts, reweighted", COUNTS),
    ):
        mine = own_row(folder, size, GROUPS["gpt4 documents, hf"][0], runs, source)
        cells = [mine[key] for key in ("cpu", "count", "words", "train")]
        print_row(title, "lexmill", *cells, round(mine["peak"]), mine["tokens"], "")


def grow(paths: Sequence[Path], runs: int) -> None:
    """Time and memory for more text and larger vocabularies."""
    print_row("MB", "vocab size", "CPU s", "of it count", "words", "train", "peak MB", "tokens")
    print_row(*["---"] * 8)
    for megabytes in (10, 100, 500):
        with tempfile.TemporaryDirectory() as folder:
            size = write_inputs(paths, megabytes, Path(folder))
            for vocabulary in (8192, 32768, 131072):
                row = own_row(Path(folder), vocabulary, ("gpt4", "document", "hf"), runs)
                cells = [row[key] for key in ("cpu", "count", "words", "train")]
                print_row(round(size), vocabulary, *cells, round(row["peak"]), row["tokens"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path, nargs="*")
    parser.add_argument("--vocab-size", type=int, default=32768)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--peers", default=sys.executable, help="interpreter of the peers' environment")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--own", nargs=6, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.own:
        folder, size, pretokenizer, framing, tie_break, source = options.own
        print(json.dumps(ours(Path(folder), int(size), pretokenizer, framing, tie_break, source)))
    elif options.growth:
        grow(options.corpus, options.runs)
    else:
        with tempfile.TemporaryDirectory() as name:
            size = write_inputs(options.corpus, options.megabytes, Path(name))
            print(f"{size:.1f} MB, {options.vocab_size} ids, peers: {', '.join(PEERS)}\n")
            compare(Path(name), options.vocab_size, options.peers, options.runs)


if __name__ == "__main__":
    main()
