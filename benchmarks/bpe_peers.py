"""One peer of plain BPE on one file: started by `benchmarks/bpe.py`, in an environment that has the peer.

    python benchmarks/bpe_peers.py PEER FOLDER VOCAB_SIZE PATTERN

FOLDER holds `documents.jsonl` (a string a line), `lines.txt` (the documents as plain text) and `separated.txt` (with
`SEPARATOR` between them).  The last line it prints is
JSON: CPU seconds, peak MB, and the digest of the tokens in the order they are learned.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

SEPARATOR = "<|separator|>"


def digest(tokens: Iterable[bytes]) -> str:
    return hashlib.sha256("\n".join(token.hex() for token in tokens).encode()).hexdigest()[:12]


def peak_mb() -> float:
    """Peak resident memory of this process alone (that of `resource` may be its parent's)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def byte_of_char() -> dict[str, int]:
    """The byte-level alphabet of GPT-2."""
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    moved = [byte for byte in range(256) if byte not in own]
    return {chr(byte): byte for byte in own} | {chr(0x100 + index): byte for index, byte in enumerate(moved)}


def from_pairs(pairs: Iterable[tuple[str, str]]) -> list[bytes]:
    byte = byte_of_char()
    return [bytes(byte[char] for char in left + right) for left, right in pairs]


def from_ranks(ranks: dict[bytes, int]) -> list[bytes]:
    return sorted(ranks, key=ranks.__getitem__)[256:]


def tokenizers(folder: Path, size: int, pattern: str) -> Callable[[], list[bytes]]:
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    texts = documents(folder)
    model = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(pattern), "isolated")
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    model.pre_tokenizer = pre_tokenizers.Sequence([split, level])
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)

    def run() -> list[bytes]:
        model.train_from_iterator(texts, trainer)
        return from_pairs(json.loads(model.to_str())["model"]["merges"])

    return run


def rustbpe(folder: Path, size: int, pattern: str) -> Callable[[], list[bytes]]:
    import rustbpe

    texts = documents(folder)
    model = rustbpe.Tokenizer()

    def run() -> list[bytes]:
        model.train_from_iterator(iter(texts), size, pattern=pattern)
        return from_ranks({bytes(token): rank for token, rank in model.get_mergeable_ranks()})

    return run


def bpeasy(folder: Path, size: int, pattern: str) -> Callable[[], list[bytes]]:
    import bpeasy

    texts = documents(folder)
    return lambda: from_ranks(bpeasy.train_bpe(iter(texts), pattern, 1 << 20, size))


def gigabpe(folder: Path, size: int, pattern: str) -> Callable[[], list[bytes]]:
    """Has GPT-2's pattern only, reads lines, and gives ids to the bytes that occur: it learns more merges then."""
    import gigabpe

    file = str(folder / "lines.txt")

    def run() -> list[bytes]:
        merges = gigabpe.train_bpe([file], size, special_tokens=[], pretokenizer="bytelevel")[1]
        return from_pairs(merges)[: size - 256]

    return run


def gigatoken(folder: Path, size: int, pattern: str) -> Callable[[], list[bytes]]:
    """Has GPT-2's pattern only."""
    import gigatoken

    source = gigatoken.TextFileSource([str(folder / "separated.txt")], separator=SEPARATOR.encode())
    return lambda: [left + right for left, right in gigatoken.train_bpe(source, size, [])[1]]


def documents(folder: Path) -> list[str]:
    with (folder / "documents.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


PEERS = {peer.__name__: peer for peer in (tokenizers, rustbpe, bpeasy, gigabpe, gigatoken)}


def main() -> None:
    name, folder, size, pattern = sys.argv[1:]
    run = PEERS[name](Path(folder), int(size), pattern)
    started = time.process_time()
    tokens = run()
    spent = time.process_time() - started
    peak = peak_mb()
    version = importlib.metadata.version(name)
    row = {"cpu": spent, "peak": peak, "tokens": len(tokens), "digest": digest(tokens), "version": version}
    print("\n" + json.dumps(row))  # peers print too


if __name__ == "__main__":
    main()
