"""What the mixture benchmark times: lexmill and the published loop on one set of merges and words."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mixture_corpus import log_error
from reference_mixture import CategoryCounts, ReferenceSolution, count_category, solve_reference

from lexmill.memory import peak_memory_bytes
from lexmill.mixture.counting import count_pairs
from lexmill.mixture.infer import infer_mixture
from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.program import MixtureProgram
from lexmill.mixture.separation import SCALE, frequencies
from lexmill.mixture.simulate import train_mixture
from lexmill.mixture.words import WordTable, word_table

FIVE = ("de", "fr", "ja", "ru", "tr")


@dataclass(frozen=True)
class Beside:
    """CPU seconds of lexmill's two halves of the work, and the optimum."""

    count: float
    solve: float
    objective: float  # in frequencies
    rounds: int


def warm_up() -> None:
    """Compile everything, so that no measurement includes it."""
    words = word_table(
        [(c, w.encode(), n) for c, n in (("a", 3), ("b", 5)) for w in ("abab" * n, "cabb", "ba")]
    )
    merges, _ = train_mixture(words, np.array([0.4, 0.6]), 6)
    infer_mixture(merges, words, use=3)
    left, right = merges.token_ids()
    solve_reference([_counted(words, merges, c, 3) for c in range(2)], left[:3], right[:3])


def ours_beside(merges: MergeList, words: WordTable, last: int) -> Beside:
    """Count, and solve merges 0..last-1 to optimality."""
    warm_up()
    begin = time.process_time()
    table = frequencies(count_pairs(merges, words, last))
    counted = time.process_time()
    solution = MixtureProgram(table).solve(0, last, 0.0)
    return Beside(counted - begin, time.process_time() - counted, solution.objective / SCALE, solution.rounds)


def reference_beside(
    merges: MergeList, words: WordTable, last: int, limit_seconds: float, **options: float
) -> tuple[float, int, ReferenceSolution]:
    """The same the published way: CPU seconds of counting, pairs compared while counting, and the solution."""
    warm_up()
    begin = time.process_time()
    counts = [_counted(words, merges, c, last) for c in range(len(words.categories))]
    counted = time.process_time() - begin
    left, right = merges.token_ids()
    found = solve_reference(counts, left[:last], right[:last], limit_seconds=limit_seconds, **options)
    return counted, sum(c.compared for c in counts), found


def _counted(words: WordTable, merges: MergeList, category: int, last: int) -> CategoryCounts:
    """Count one category from its own distinct words, as the published program does."""
    entries = np.flatnonzero(words.row_category == category)
    chosen = words.entry_words()[entries]
    lengths = words.word_lengths[chosen]
    offsets = np.zeros(len(chosen) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    text = words.text[np.repeat(words.offsets[chosen] - offsets[:-1], lengths) + np.arange(offsets[-1])]
    left, right = merges.token_ids()
    return count_category(text, offsets, words.count[entries], left[:last], right[:last])


def save_case(path: Path, merges: MergeList, words: WordTable, truth: np.ndarray) -> None:
    """Everything a measurement in another process needs, as plain arrays (.npz)."""
    left, right = merges.token_ids()
    np.savez(
        path, left=left, right=right, truth=truth, categories=np.array(words.categories), text=words.text,
        offsets=words.offsets, row_start=words.row_start, row_category=words.row_category, count=words.count,
    )  # fmt: skip


def _load_case(path: Path) -> tuple[MergeList, WordTable, np.ndarray]:
    with np.load(path, allow_pickle=False) as case:
        tokens = [bytes([i]) for i in range(256)]
        merges = []
        for a, b in zip(case["left"].tolist(), case["right"].tolist(), strict=True):
            merges.append((tokens[a], tokens[b]))
            tokens.append(tokens[a] + tokens[b])
        arrays = (case[name] for name in ("text", "offsets", "row_start", "row_category", "count"))
        words = WordTable(tuple(case["categories"].tolist()), *arrays)
        return MergeList.from_merges(merges, "benchmark"), words, case["truth"]


def large_cell(path: Path, gap: float) -> dict[str, float]:
    """Count and solve one case; seconds by phase, CPU seconds in all, and the process's peak memory."""
    merges, words, truth = _load_case(path)
    warm_up()
    seconds: dict[str, float] = {}
    begin = time.process_time()
    mixture = infer_mixture(merges, words, use=len(merges), gap=gap, seconds=seconds)
    cpu = time.process_time() - begin
    found = np.array([share.bytes for share in mixture.shares])
    return {
        "categories": len(words.categories), "merges": len(merges), "words": len(words.offsets) - 1,
        "bytes": int(words.category_bytes().sum()), "count": seconds["count"], "solve": seconds["solve"], "cpu": cpu,
        "peak_memory_bytes": peak_memory_bytes(), "gap": mixture.gap,
        "log10_mse": log_error(found, truth), "objective": mixture.objective,
    }  # fmt: skip
