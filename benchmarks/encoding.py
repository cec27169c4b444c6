"""Encoding a corpus for statistics: MB per CPU second of our encoders and of other libraries, and whether ids agree.

    python benchmarks/encoding.py TOKENIZER_JSON CORPUS.jsonl.zst [...] [--megabytes 10] [--repeat 3]

The tokenizer is any byte-level BPE `tokenizer.json`.  `tiktoken` and `gigatoken` are measured where they are installed.
CPU seconds are those of the process and all its threads; ids are compared with `tokenizers` document by document.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zstandard
from tokenizers import Tokenizer

from lexmill.tokenizer.encoders.fast import encoder_for, plain_ids
from lexmill.tokenizer.load import model_bytes

Encode = Callable[[list[str]], Any]
Contender = tuple[str, Callable[[], Encode], Callable[[Any], list[list[int]]]]


def read_texts(paths: Sequence[Path], megabytes: float) -> list[str]:
    """Documents from the start of each file, an equal share of `megabytes` from each."""
    texts = []
    for path in paths:
        left = megabytes * 1e6 / len(paths)
        with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as stream:
            for line in io.TextIOWrapper(stream, encoding="utf-8"):
                texts.append(json.loads(line)["text"])
                left -= len(texts[-1].encode())
                if left <= 0:
                    break
    return texts


def contenders(path: Path, tokenizer: Tokenizer) -> Iterator[Contender]:
    """(name, what makes a function of texts, what turns its result into lists of ids or of numbers of tokens)."""
    encoder = encoder_for(tokenizer)
    if encoder is None:
        raise SystemExit(f"{path} is not a byte-level tokenizer that our encoders take")

    def rows(found: tuple[np.ndarray, np.ndarray]) -> list[list[int]]:
        ids, bounds = found
        return [ids[bounds[row] : bounds[row + 1]].tolist() for row in range(len(bounds) - 1)]

    yield "tokenizers encode_batch_fast", lambda: lambda texts: plain_ids(tokenizer, texts), list
    yield (
        "tokenizers encode_batch",
        lambda: lambda texts: tokenizer.encode_batch(texts, add_special_tokens=False),
        lambda found: [encoding.ids for encoding in found],
    )
    yield "ours encode_batch", lambda: encoder.encode_batch, rows
    yield "ours count_tokens", lambda: encoder.count_tokens, lambda found: [[int(number)] for number in found]
    yield from peers(path, tokenizer)


def peers(path: Path, tokenizer: Tokenizer) -> Iterator[Contender]:
    """Other libraries, where they are installed."""
    try:
        import tiktoken
    except ImportError:
        pass
    else:
        split = json.loads(tokenizer.to_str())["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]
        ranks = {data: index for index, data in enumerate(model_bytes(tokenizer)) if data}
        other = tiktoken.Encoding("file", pat_str=split, mergeable_ranks=ranks, special_tokens={})
        yield (
            "tiktoken encode_ordinary",
            lambda: lambda texts: [other.encode_ordinary(text) for text in texts],
            list,
        )
    try:
        import gigatoken
    except ImportError:
        pass
    else:
        # it remembers what it has encoded, so each run gets a new object
        yield (
            "gigatoken encode_batch",
            lambda: gigatoken.Tokenizer(str(path)).encode_batch,
            lambda found: found.to_list(),
        )
        known = gigatoken.Tokenizer(str(path))
        yield (
            "gigatoken encode_batch, same text again",
            lambda: known.encode_batch,
            lambda found: found.to_list(),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("corpus", type=Path, nargs="+")
    parser.add_argument("--megabytes", type=float, default=10)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(arguments.tokenizer))
    texts = read_texts(arguments.corpus, arguments.megabytes)
    size = sum(len(text.encode()) for text in texts) / 1e6
    expected = plain_ids(tokenizer, texts)
    lengths = [[len(ids)] for ids in expected]
    print(f"{size:.1f} MB in {len(texts):,} documents, {tokenizer.get_vocab_size():,} ids\n")
    print("| library | MB per CPU second | ids as `tokenizers` |\n|---|---:|---|")
    for name, prepare, listed in contenders(arguments.tokenizer, tokenizer):
        prepare()(texts[:5])  # compiles and warms up
        seconds = []
        for _ in range(arguments.repeat):
            encode = prepare()
            started = time.process_time()
            found = encode(texts)
            seconds.append(time.process_time() - started)
        result = listed(found)
        same = "yes" if result == expected else "numbers" if result == lengths else "NO"
        print(f"| {name} | {size / statistics.median(seconds):.1f} | {same} |")


if __name__ == "__main__":
    main()
