"""BPE training beside its peers: CPU seconds, peak memory, and whether the merge lists are equal.

    python benchmarks/bpe.py CORPUS [--vocab-size 32768] [--megabytes 100] [--pretokenizer gpt4o]

CORPUS: .jsonl or .jsonl.zst with a field `text`, .parquet with a column `text`, or a .txt file (one document).
Each row runs in a process of its own.  Peers that are not installed are left out (rustbpe is optional).
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import io
import json
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from lexmill.tokenizer.bpe import train_bpe
from lexmill.tokenizer.bytelevel import to_alphabet
from lexmill.tokenizer.patterns import pattern_of
from lexmill.tokenizer.split import splitter

Result = dict[str, object]


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
    """Every n-th document so that about `megabytes` are read from the whole file."""
    texts = list(documents(path))
    step = max(1, round(sum(len(text.encode()) for text in texts) / (megabytes * 1e6)))
    return texts[::step]


def digest(pairs: list[tuple[str, str]]) -> str:
    return hashlib.sha256(json.dumps(pairs).encode()).hexdigest()[:12]


def lexmill(texts: list[str], vocab_size: int, pretokenizer: str) -> Result:
    train_bpe(pa.array([b"warm up"]), np.array([1]), 2)  # load the compiled kernel
    started = time.process_time()
    counter: Counter[str] = Counter()
    cut = splitter(pretokenizer)
    for text in texts:
        counter.update(cut(text))
    words, counts = pa.array(counter.keys(), pa.string()), np.fromiter(counter.values(), np.int64)
    del counter
    counted = time.process_time()
    merges = train_bpe(words, counts, vocab_size - 256)
    done = time.process_time()
    tokens = [to_alphabet(data) for data in merges.token_bytes()]
    pairs = [(tokens[a], tokens[b]) for a, b in zip(merges.left.tolist(), merges.right.tolist(), strict=True)]
    return {
        "count": counted - started,
        "train": done - counted,
        "merges": len(pairs),
        "digest": digest(pairs),
    }


def huggingface(texts: list[str], vocab_size: int, pretokenizer: str) -> Result:
    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(pattern_of(pretokenizer)), "isolated")
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, level])
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    started = time.process_time()
    # With no merges to learn, what is left is counting.
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=256, initial_alphabet=alphabet, show_progress=False)
    )
    counted = time.process_time()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    done = time.process_time()
    count = counted - started
    pairs = [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]
    return {"count": count, "train": done - counted - count, "merges": len(pairs), "digest": digest(pairs)}


def rustbpe(texts: list[str], vocab_size: int, pretokenizer: str) -> Result:
    import rustbpe as peer

    tokenizer = peer.Tokenizer()
    started = time.process_time()
    tokenizer.train_from_iterator(iter(texts), vocab_size, pattern=pattern_of(pretokenizer))
    return {
        "count": None,
        "train": time.process_time() - started,
        "merges": vocab_size - 256,
        "digest": "(other order)",
    }


PEERS: dict[str, Callable[[list[str], int, str], Result]] = {
    "lexmill": lexmill,
    "tokenizers": huggingface,
    "rustbpe": rustbpe,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--vocab-size", type=int, default=32768)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--pretokenizer", default="gpt4o")
    parser.add_argument("--peer", choices=PEERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        texts = sample(options.corpus, options.megabytes)
        result = PEERS[options.peer](texts, options.vocab_size, options.pretokenizer)
        size = sum(len(text.encode()) for text in texts) / 1e6
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        print(json.dumps({**result, "megabytes": size, "documents": len(texts), "peak": peak}))
        return
    print(
        "| trainer | MB | documents | count CPU s | merges CPU s | all CPU s | peak MB | merges | digest of the list |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in PEERS:
        if name == "rustbpe" and importlib.util.find_spec(name) is None:
            continue
        command = [sys.executable, __file__, *sys.argv[1:], "--peer", name]
        row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        count = row["count"] or 0.0
        print(
            f"| {name} | {row['megabytes']:.1f} | {row['documents']:,} | {count:.1f} | {row['train']:.1f} | "
            f"{count + row['train']:.1f} | {row['peak']:.0f} | {row['merges']:,} | {row['digest']} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
