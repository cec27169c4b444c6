"""Every trainer on the same counts: CPU seconds, peak memory, label, compression, beside plain BPE.

    python benchmarks/trainers.py CORPUS [--megabytes 100] [--vocab-size 32768] [--only NAME,NAME] [--morphs FILE]

CORPUS: .jsonl or .jsonl.zst with the field `text` and, where they are there, `language` and `domain`; or a .parquet
with such columns.  The text is counted once for each pre-tokenizer and stored as sequences once for the methods that
read the order of words; each algorithm trains in a process of its own with its default settings, and is written and
labelled.  `benchmarks/bpe.py` compares plain BPE with its peers, `benchmarks/pretokenizing.py` counting,
`benchmarks/encoding.py` encoding.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import zstandard

from lexmill.tokenizer.algorithms import ALGORITHMS, parse_spec
from lexmill.tokenizer.counts import count_file
from lexmill.tokenizer.encoders.load import load_encoder
from lexmill.tokenizer.export import write_tokenizer
from lexmill.tokenizer.held_out import sample_texts
from lexmill.tokenizer.label import measure_agreement
from lexmill.tokenizer.params import SequenceSpec, TrainerSpec
from lexmill.tokenizer.sequences import word_sequences
from lexmill.tokenizer.train import train_tokenizer, training_data

COLUMNS = ("id", "text", "language", "domain", "split")
NEEDS_FILES = {"morph": "morphs", "knockout": "morphs", "matter": "terms"}


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    """Documents of a file, as rows of the columns that counting reads."""
    if path.suffix == ".parquet":
        for batch in pq.ParquetFile(path).iter_batches(1024):
            yield from batch.to_pylist()
        return
    with path.open("rb") as raw:
        stream = zstandard.ZstdDecompressor().stream_reader(raw) if path.suffix == ".zst" else raw
        yield from map(json.loads, io.TextIOWrapper(stream, "utf-8"))


def write_documents(path: Path, megabytes: float, out: Path) -> dict[str, float]:
    """Every n-th document, one in ten of them held out, as the Parquet file that counting reads."""
    found = list(rows_of(path))
    step = max(1, round(sum(len(row["text"].encode()) for row in found) / (megabytes * 1e6)))
    kept = found[::step]
    columns: dict[str, list[str]] = {name: [] for name in COLUMNS}
    for number, row in enumerate(kept):
        columns["id"].append(str(row.get("id", number)))
        columns["text"].append(row["text"])
        columns["language"].append(row.get("language") or "und")
        columns["domain"].append(row.get("domain") or "general")
        columns["split"].append("valid" if number % 10 == 9 else "train")
    pq.write_table(pa.table(columns), out, row_group_size=1024)
    return {"documents": len(kept), "megabytes": sum(len(t.encode()) for t in columns["text"]) / 1e6}


def spec_for(algorithm: str, vocab_size: int, files: dict[str, str], base: str) -> TrainerSpec:
    """The algorithm's defaults; files where it needs them."""
    model = ALGORITHMS[algorithm].spec
    values: dict[str, Any] = {"name": algorithm, "algorithm": algorithm, "vocab_size": vocab_size}
    values |= {key: files[key] for key in model.FILES if key in files}
    values |= dict.fromkeys((key for key in model.TOKENIZERS if model.model_fields[key].is_required()), base)
    return parse_spec(values)


def cut_key(spec: TrainerSpec) -> str:
    """A file name for one way to cut text."""
    return pc_name(f"{spec.pretokenizer}-{spec.normalizer}-{spec.framing}")


def pc_name(text: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in text)[:60]


def prepare(spec: TrainerSpec, folder: Path) -> dict[str, float]:
    """Count the text as the spec cuts it, and store sequences where it reads them; {what: CPU seconds}."""
    spent: dict[str, float] = {}
    counts = folder / f"{cut_key(spec)}.counts.parquet"
    documents = folder / "documents.parquet"
    if not counts.exists():
        count_file(folder / "warm.parquet", spec.pretokenizer, spec.normalizer, framing=spec.framing)
        started = time.process_time()
        found = count_file(documents, spec.pretokenizer, spec.normalizer, framing=spec.framing)
        spent["count"] = time.process_time() - started
        pq.write_table(found.counts, counts)
    sequences = folder / f"{cut_key(spec)}.sequences"
    if isinstance(spec, SequenceSpec) and not sequences.exists():
        started = time.process_time()
        words, rows = word_sequences(
            documents, spec.pretokenizer, spec.normalizer, spec.framing, spec.sample_bytes, spec.seed
        )
        spent["sequences"] = time.process_time() - started
        sequences.mkdir()
        pq.write_table(words, sequences / "words.parquet")
        pq.write_table(rows, sequences / "sequences.parquet")
    return spent


def train_one(spec: TrainerSpec, folder: Path, out: Path, warm: bool = False) -> dict[str, Any]:
    """Train, write, label; CPU seconds of each."""
    counts = pq.read_table(folder / f"{cut_key(spec)}.counts.parquet")
    if warm:
        counts = counts.slice(0, 2000)
    sequences = folder / f"{cut_key(spec)}.sequences"
    files = {key: Path(getattr(spec, key)) for key in spec.sources()}
    started = time.process_time()
    data = training_data(counts, spec, sequences if sequences.exists() else None, files)
    ready = time.process_time()
    learned = train_tokenizer(data, spec)
    trained = time.process_time()
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = write_tokenizer(learned, spec, data, out)
    encoder = load_encoder(out)
    held = data.counts.filter(pc.equal(data.counts["split"], "valid"))
    texts = sample_texts(data.sequences, "valid", 200) if data.sequences is not None else None
    agreement = measure_agreement(
        encoder, tokenizer, held["word"].combine_chunks(), held["count"].to_numpy(), texts
    )
    return {
        "algorithm": spec.algorithm_name,
        "select": ready - started,
        "train": trained - ready,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "export": ALGORITHMS[spec.algorithm_name].export,
        "agreement": agreement.agreement,
        "token_ratio": agreement.token_ratio,
        "details": {k: v for k, v in learned.details.items() if isinstance(v, int | float)},
    }


def child(arguments: argparse.Namespace) -> None:
    """One algorithm, in this process; prints JSON."""
    folder = Path(arguments.folder)
    files = {key: arguments.morphs or str(folder / f"{key}.txt") for key in ("morphs", "terms")}
    base = str(folder / "bpe")
    spec = spec_for(arguments.child, arguments.vocab_size, files, base)
    spent = prepare(spec, folder)
    small = spec_for(arguments.child, max(spec.alphabet_size() + 40, 400), files, base)
    try:  # load and compile what the algorithm needs
        train_one(small, folder, folder / "warm" / arguments.child, warm=True)
    except ValueError as error:
        print(f"{arguments.child}: not warmed up: {error}", file=sys.stderr)
    print(json.dumps({**train_one(spec, folder, folder / arguments.child), **spent}))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus")
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--vocab-size", type=int, default=32_768)
    parser.add_argument("--only", default=",".join(ALGORITHMS))
    parser.add_argument(
        "--morphs", help="word<TAB>morphs; default: Morfessor, as the algorithm's own default"
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        size = write_documents(Path(arguments.corpus), arguments.megabytes, folder / "documents.parquet")
        pq.write_table(pq.read_table(folder / "documents.parquet").slice(0, 50), folder / "warm.parquet")
        print(
            f"{size['megabytes']:.1f} MB in {size['documents']:,} documents, {arguments.vocab_size:,} ids\n"
        )
        print(
            "| algorithm | count s | sequences s | train CPU s | x bpe | peak MB | export | agreement | token ratio |"
        )
        print("|---|---|---|---|---|---|---|---|---|")
        plain = None
        names = arguments.only.split(",")
        for name in ["bpe", *(name for name in names if name != "bpe")]:
            command = [sys.executable, __file__, arguments.corpus, "--child", name, "--folder", scratch]
            command += ["--vocab-size", str(arguments.vocab_size)]
            command += ["--morphs", arguments.morphs] if arguments.morphs else []
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                print(f"| {name} | failed: {done.stderr.strip().splitlines()[-1][:120]} |", flush=True)
                continue
            row = json.loads(done.stdout.splitlines()[-1])
            plain = plain or row["train"]
            cells = [
                name, _seconds(row.get("count")), _seconds(row.get("sequences")), f"{row['train']:.2f}",
                f"{row['train'] / plain:.2f}", f"{row['peak_mb']:.0f}", row["export"],
                f"{row['agreement']:.4%}", f"{row['token_ratio']:.4f}",
            ]  # fmt: skip
            print(f"| {' | '.join(cells)} |", flush=True)


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    main()
