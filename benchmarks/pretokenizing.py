"""Cutting and counting text: megabytes per CPU second of our scanners beside their peers, one thread each.

    python benchmarks/pretokenizing.py CORPUS [--megabytes 100] [--pretokenizer gpt4o]

CORPUS: .jsonl or .jsonl.zst with a field `text`, .parquet with a column `text`, or a .txt file (one document).  Every
row runs in a process of its own and gives the median of three runs; texts are in memory before the clock starts.  Rows
of peers that encode or train (none of them only counts) do a little more than cutting.  Peers that are not installed
are left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import regex
import zstandard
from tokenizers import Regex, pre_tokenizers

from lexmill.tokenizer.patterns import pattern_of
from lexmill.tokenizer.scan import scan, text_bytes
from lexmill.tokenizer.scan_words import WordTable

SEPARATOR = "\x00\x00<document>\x00\x00"
Run = Callable[[], int]


def documents(path: Path) -> Iterator[str]:
    if path.suffix == ".parquet":
        for batch in pq.ParquetFile(path).iter_batches(1024, columns=["text"]):
            yield from batch.column(0).to_pylist()
    elif path.suffix == ".txt":
        yield path.read_text("utf-8")
    else:
        with path.open("rb") as raw:
            stream = zstandard.ZstdDecompressor().stream_reader(raw) if path.suffix == ".zst" else raw
            for line in io.TextIOWrapper(stream, "utf-8"):
                yield json.loads(line)["text"]


def sample(path: Path, megabytes: float) -> list[str]:
    """Every n-th document, so that about `megabytes` are read from the whole file."""
    texts = list(documents(path))
    step = max(1, round(sum(len(text.encode()) for text in texts) / (megabytes * 1e6)))
    return texts[::step]


def scanner(texts: list[str], pretokenizer: str) -> Run:
    column = pa.array(texts, pa.large_string())
    scan(pretokenizer, column[:1])
    return lambda: len(scan(pretokenizer, column)[1]) - 1


def scanner_and_counts(texts: list[str], pretokenizer: str) -> Run:
    column = pa.array(texts, pa.large_string())
    WordTable().count(pretokenizer, *text_bytes(column[:1]))

    def run() -> int:
        table = WordTable()
        pieces = table.count(pretokenizer, *text_bytes(column))
        words, counts = table.words()
        assert len(words) == len(counts)
        assert int(np.sum(counts)) == pieces
        return pieces

    return run


def regex_package(texts: list[str], pretokenizer: str) -> Run:
    matches = regex.compile(pattern_of(pretokenizer)).findall
    return lambda: sum(len(matches(text)) for text in texts)


def regex_and_counter(texts: list[str], pretokenizer: str) -> Run:
    matches = regex.compile(pattern_of(pretokenizer)).findall

    def run() -> int:
        counter: Counter[str] = Counter()
        for text in texts:
            counter.update(matches(text))
        return counter.total()

    return run


def tokenizers_split(texts: list[str], pretokenizer: str) -> Run:
    cut = pre_tokenizers.Split(Regex(pattern_of(pretokenizer)), "isolated").pre_tokenize_str
    return lambda: sum(len(cut(text)) for text in texts if text)


def tiktoken_bytes(texts: list[str], pretokenizer: str) -> Run:
    """A vocabulary of the 256 bytes alone: cutting, and hardly any merging."""
    import tiktoken

    ranks = {bytes([byte]): byte for byte in range(256)}
    encode = tiktoken.Encoding(
        "bytes", pat_str=pattern_of(pretokenizer), mergeable_ranks=ranks, special_tokens={}
    )
    return lambda: sum(len(encode.encode_ordinary(text)) for text in texts) * 0  # ids, not pieces


def rustbpe_first_merge(texts: list[str], pretokenizer: str) -> Run:
    """Cutting and counting, and one merge."""
    import rustbpe

    def run() -> int:
        rustbpe.Tokenizer().train_from_iterator(iter(texts), 257, pattern=pattern_of(pretokenizer))
        return 0

    return run


def gigatoken_first_merge(texts: list[str], pretokenizer: str) -> Run:
    """Cutting by its own GPT-2 pattern and counting, and one merge."""
    import gigatoken

    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name) / "text.txt"
    path.write_text(SEPARATOR.join(texts), encoding="utf-8")
    source = gigatoken.TextFileSource([str(path)], separator=SEPARATOR.encode())

    def run() -> int:
        assert folder.name in str(path)  # keeps the folder
        gigatoken.train_bpe(source, 257, [])
        return 0

    return run


ROWS: dict[str, tuple[str | None, Callable[[list[str], str], Run]]] = {
    "lexmill: cut": (None, scanner),
    "lexmill: cut and count": (None, scanner_and_counts),
    "regex: cut": (None, regex_package),
    "regex and Counter: cut and count": (None, regex_and_counter),
    "tokenizers: cut": (None, tokenizers_split),
    "tiktoken: cut, bytes to ids": ("tiktoken", tiktoken_bytes),
    "rustbpe: cut, count, 1 merge": ("rustbpe", rustbpe_first_merge),
    "gigatoken: cut (gpt2), count, 1 merge": ("gigatoken", gigatoken_first_merge),
}


def measure(name: str, texts: list[str], pretokenizer: str) -> dict[str, object]:
    """Median CPU seconds of three runs, pieces (0: not told), megabytes of text, peak memory in MB."""
    run = ROWS[name][1](texts, pretokenizer)
    seconds = []
    for _ in range(3):
        started = time.process_time()
        pieces = run()
        seconds.append(time.process_time() - started)
    return {
        "seconds": statistics.median(seconds),
        "pieces": pieces,
        "megabytes": sum(len(text.encode()) for text in texts) / 1e6,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--pretokenizer", default="gpt4o")
    parser.add_argument("--row", choices=ROWS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        texts = sample(options.corpus, options.megabytes)
        print(json.dumps(measure(options.row, texts, options.pretokenizer)))
        return
    print("| what | MB | pieces | CPU s | MB per CPU s | peak MB, texts included |")
    print("|---|---|---|---|---|---|")
    for name, (package, _) in ROWS.items():
        if package is not None and importlib.util.find_spec(package) is None:
            continue
        command = [sys.executable, __file__, *sys.argv[1:], "--row", name]
        found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        row = json.loads(found.splitlines()[-1])
        print(
            f"| {name} | {row['megabytes']:.1f} | {row['pieces']:,} | {row['seconds']:.2f} "
            f"| {row['megabytes'] / row['seconds']:.1f} | {row['peak']:,.0f} |"
        )


if __name__ == "__main__":
    main()
