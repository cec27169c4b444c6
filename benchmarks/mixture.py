"""Mixture audit: accuracy and time against the number of merges and categories.  Prints one table.

    python benchmarks/mixture.py DOCUMENTS.parquet [--categories 5 10] [--merges 300 1000] [--vocab 8192] [--trials 3]

DOCUMENTS has the columns id, text, language (a `documents` artifact).  In every trial a random mixture of random
languages is drawn, a tokenizer is trained on one half of the documents at those weights, and the mixture is
inferred from the other half.  The uniform guess stands beside it.
"""

from __future__ import annotations

import argparse
import statistics
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from lexmill.mixture.infer import infer_mixture
from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.words import WordTable, word_table
from lexmill.tokenizer.bytelevel import from_alphabet
from lexmill.tokenizer.split import splitter

Halves = dict[str, tuple[Counter[str], Counter[str]]]


def read_halves(path: str, min_bytes: int, max_bytes: int, seed: int) -> Halves:
    """Word counts of two disjoint random halves of the documents of every language with enough text."""
    table = pq.read_table(path, columns=["id", "text", "language"])
    rng, cut = np.random.default_rng(seed), splitter("gpt4o")
    halves: Halves = {}
    sizes: Counter[str] = Counter()
    for i in rng.permutation(table.num_rows):
        text, language = table["text"][i].as_py(), table["language"][i].as_py()
        if sizes[language] >= max_bytes:
            continue
        sizes[language] += len(text.encode())
        halves.setdefault(language, (Counter(), Counter()))[rng.integers(2)].update(cut(text))
    return {language: halves[language] for language in sorted(halves) if sizes[language] >= min_bytes}


def train(halves: Halves, shares: dict[str, float], vocab: int) -> tuple[MergeList, dict[str, float]]:
    """Merges learned from the first halves at about `shares` of bytes, and the exact shares that were used."""
    size = {name: sum(len(w.encode()) * n for w, n in halves[name][0].items()) for name in shares}
    unit = min(size[name] / share for name, share in shares.items() if share > 0)
    mixed: Counter[str] = Counter()
    used = {}
    for name, share in shares.items():
        factor = (
            share * unit / size[name] * 8
        )  # eighths: rounding a word's count hardly changes its frequency
        counted = {word: round(n * factor) for word, n in halves[name][0].items()}
        used[name] = sum(len(word.encode()) * n for word, n in counted.items())
        mixed.update(counted)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocab, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator((w for w, n in mixed.items() for _ in range(n)), trainer)
    ordered = sorted(tokenizer.get_vocab(with_added_tokens=False).items(), key=lambda item: item[1])
    tokens = [token for token in (from_alphabet(t) for t, _ in ordered) if token is not None]
    total = sum(used.values())
    return MergeList.from_ranks(tokens, "benchmark"), {name: n / total for name, n in used.items()}


def sample_table(halves: Halves, names: list[str]) -> WordTable:
    """The second halves as the audit's sample."""
    return word_table([(name, w.encode(), n) for name in names for w, n in halves[name][1].items()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("documents")
    parser.add_argument("--categories", type=int, nargs="+", default=[5, 10])
    parser.add_argument("--merges", type=int, nargs="+", default=[300, 1000])
    parser.add_argument("--vocab", type=int, default=8192)
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--min-bytes", type=int, default=300_000)
    parser.add_argument("--max-bytes", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    halves = read_halves(args.documents, args.min_bytes, args.max_bytes, args.seed)
    rng = np.random.default_rng(args.seed)
    columns = ("categories", "merges", "log10 MSE", "sd", "uniform", "objective", "gap", "count s", "solve s")
    table = Table(*columns, title=f"{len(halves)} languages, {args.trials} trials, vocabulary {args.vocab}")
    for n in args.categories:
        if n > len(halves):
            continue
        found: dict[int, list[tuple[float, ...]]] = {merges: [] for merges in args.merges}
        for _ in range(args.trials):
            names = sorted(rng.choice(sorted(halves), n, replace=False).tolist())
            drawn = dict(zip(names, rng.dirichlet(np.ones(n)).tolist(), strict=True))
            merges, truth = train(halves, drawn, args.vocab)
            sample, true = sample_table(halves, names), np.array([truth[name] for name in names])
            for use in args.merges:
                seconds: dict[str, float] = {}
                mixture = infer_mixture(merges, sample, use=use, seconds=seconds)
                error = np.log10(np.mean((np.array([s.bytes for s in mixture.shares]) - true) ** 2))
                guess = np.log10(np.mean((1 / n - true) ** 2))
                found[use].append(
                    (error, guess, mixture.objective, mixture.gap, seconds["count"], seconds["solve"])
                )
        for use, rows in found.items():
            error, guess, objective, gap, count, solve = (statistics.mean(c) for c in zip(*rows, strict=True))
            spread = statistics.stdev([r[0] for r in rows]) if len(rows) > 1 else 0.0
            table.add_row(
                str(n), str(use), f"{error:.2f}", f"{spread:.2f}", f"{guess:.2f}", f"{objective:.4f}",
                f"{gap:.2%}", f"{count:.2f}", f"{solve:.2f}",
            )  # fmt: skip
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
