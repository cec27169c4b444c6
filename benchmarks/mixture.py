"""Mixture audit: exactness, speed beside the published way, accuracy in simulations, size and growth.

    python benchmarks/mixture.py TABLE FILE.jsonl.zst [FILE ...] [options]      TABLE: one of the words below, or all

exact      the tokenizer's own training text is the sample: objective 0 and the shares to the last digits
reference  counting, and scan and solving, beside a re-creation of the published program, on the same data
trials     random mixtures of 5 and of 10 languages, beside the baselines and the paper's figures
large      60 languages and 8 programming languages, 20,000 merges: time and peak memory
growth     time and peak memory against merges and categories, with fitted exponents

FILEs have the fields text and language, and domain, source, group where known (.jsonl, .jsonl.zst or .parquet, e.g.
the documents.parquet of a corpus).  Tokenizers are trained on one random half of the documents, the other half is
counted; translations of one text are in the same half.  Nothing includes compiling.  Everything runs in one thread;
the seconds of `reference` and "CPU s" are CPU seconds, those of single phases elsewhere are wall-clock.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mixture_cells import FIVE, large_cell, ours_beside, reference_beside, save_case
from mixture_corpus import CODE, halves, largest, log_error, machine, sizes, thinned
from rich.console import Console
from rich.table import Table

from lexmill.mixture.infer import infer_mixture
from lexmill.mixture.simulate import Halves, simulate, train_mixture
from lexmill.mixture.simulate_halves import half_words

OURS = "mixture"  # what `simulate` calls the audit's own answer
PAPER = {5: (-7.30, 1.31), 10: (-7.66, 1.04)}  # mean and sd of log10 MSE, languages, Table 1
console = Console(width=140)


def exact(args: argparse.Namespace) -> None:
    """Sample == training text (documents in drawn proportions, not weighted), 5 languages, solved to optimality."""
    both = halves(args.files, FIVE, args.seed)
    rng = np.random.default_rng(args.seed)
    table = Table(
        "draw", "MB", "merges", "log10 MSE", "objective", "gap", title="Sample == training text, n = 5"
    )
    for number in range(args.draws):
        half = thinned(both.train, both.train_bytes, rng.dirichlet(np.ones(len(FIVE))), args.seed + number)
        words = half_words(both, half, range(len(FIVE)))
        natural = words.category_bytes()[:, 0] / words.category_bytes().sum()
        merges, truth = train_mixture(words, natural, args.merges)  # equal weights: the counts themselves
        mixture = infer_mixture(merges, words, use=len(merges), gap=0.0)
        found = np.array([share.bytes for share in mixture.shares])
        table.add_row(
            str(number + 1), f"{words.category_bytes().sum() / 1e6:.1f}", f"{mixture.merges_used:,}",
            f"{log_error(found, truth):.1f}", f"{mixture.objective:.1e}", f"{mixture.gap:.1e}",
        )  # fmt: skip
    console.print(table)


def reference(args: argparse.Namespace) -> None:
    """The published loop and lexmill on the same merges and the same words."""
    both = halves(args.files, FIVE, args.seed)
    shares = np.random.default_rng(args.seed).dirichlet(np.ones(len(FIVE)))
    learned, _ = train_mixture(half_words(both, both.train, range(5)), shares, max(args.merges))
    sample = half_words(both, both.sample, range(5))
    console.print(
        f"sample {sample.category_bytes().sum() / 1e6:.1f} MB, {len(sample.offsets) - 1:,} distinct words"
    )
    table = Table(
        "merges", "program", "objective", "count s", "scan s", "solver s", "ratio count", "ratio scan+solve",
        "epochs", "rows", title="The published loop and lexmill, n = 5",
    )  # fmt: skip
    notes = []
    for merges in args.merges:
        ours = ours_beside(learned, sample, merges)
        table.add_row(
            f"{merges:,}", "lexmill, gap 0", f"{ours.objective:.9f}", f"{ours.count:.2f}", "", f"{ours.solve:.2f}",
            "1", "1", str(ours.rounds), "",
        )  # fmt: skip
        for name, options in REFERENCE_SETTINGS.items():
            counted, compared, found = reference_beside(learned, sample, merges, args.limit, **options)
            ratio = (found.scan_seconds + found.solve_seconds) / ours.solve
            table.add_row(
                "", name, f"{found.objective:.9f}", f"{counted:.2f}", f"{found.scan_seconds:.2f}",
                f"{found.solve_seconds:.2f}", f"{counted / ours.count:.1f}",
                f"{'' if found.finished else '> '}{ratio:.1f}", str(found.epochs), f"{found.rows:,}",
            )  # fmt: skip
            end = (
                f"finished, objective differs by {abs(found.objective - ours.objective):.1e}"
                if found.finished
                else f"stopped after {args.limit:.0f} s at merge {found.reached:,} of {merges:,}"
            )
            notes.append(
                f"{merges:,} merges, {name}: {end}; {compared / 1e6:.0f} million pairs copied and compared"
            )
    console.print(table)
    console.print("\n".join(notes) + "\nlexmill scans and solves in one: both are under solver s")


REFERENCE_SETTINGS: dict[str, dict[str, float]] = {
    "published, tolerance 1e-6": {},
    "published, exact": {"scale": 1e6, "tolerance": 1e-6, "solver_tolerance": 1e-9},
}


def trials(args: argparse.Namespace) -> None:
    """Simulated mixtures beside the baselines and the paper's figures, with the coverage of 90 % intervals."""
    names = [
        n
        for n, size in sizes(args.files).items()
        if not n.startswith(CODE) and size >= args.min_megabytes * 1e6
    ]
    both = halves(args.files, names, args.seed)
    half = both.sample_bytes / 1e6
    console.print(
        f"{len(names)} languages of {args.min_megabytes} MB or more: {half.min():.2f} to {half.max():.2f} MB of each "
        "counted, as much trained on (the paper: 1 GB counted, 10 GB trained on in all)"
    )
    table = Table(
        "n", "method", "mean log10 MSE", "sd", "trials", "behind lexmill by", "seconds a trial", "90 % intervals cover",
        title=f"Random mixtures, vocabulary {args.vocab:,}, merges {args.merges}",
    )  # fmt: skip
    for n in args.categories:
        result = simulate(
            both, args.trials, n, args.vocab, seed=args.seed, bootstrap=args.bootstrap, merges=args.merges, gap=args.gap
        )  # fmt: skip
        summary = result.summary()
        ours = summary["log10_mse"][OURS]["mean"]
        for method, error in sorted(summary["log10_mse"].items(), key=lambda item: item[1]["mean"]):
            mine = method == OURS
            covered, spent = summary["coverage"], summary["seconds"]
            phases = ", ".join(f"{phase} {value:.1f}" for phase, value in spent.items()) if mine else ""
            cover = (
                f"{covered['share']:.0%} of {covered['intervals']}" if mine and covered["intervals"] else ""
            )
            table.add_row(
                str(n), "lexmill" if mine else method, f"{error['mean']:.2f}", f"{error['sd']:.2f}",
                str(error["trials"]), "" if mine else f"{error['mean'] - ours:.2f}", phases, cover,
            )  # fmt: skip
        if n in PAPER:
            paper = (f"{value:.2f}" for value in PAPER[n])
            table.add_row(str(n), "the paper reports", *paper, "100", "", "", "")
        used = sorted(row["merges_used"] for row in result.rows)
        console.print(f"n = {n}: merges used {used[0]:,} to {used[-1]:,}")
    console.print(table)


def large(args: argparse.Namespace) -> None:
    """All phases on many categories, in a process of its own."""
    size = sizes(args.files)
    names = largest(size, args.languages, args.code)
    both = halves(args.files, names, args.seed)
    rows = run_cells(both, [(args.merges, tuple(range(len(names))))], args)
    print_cells(rows, f"{args.languages} languages and {args.code} programming languages")


def growth(args: argparse.Namespace) -> None:
    """Two lines: merges at a fixed number of categories, categories at a fixed number of merges."""
    names = largest(sizes(args.files), max(*args.categories, args.at_categories), 0)
    both = halves(args.files, names, args.seed)
    order = np.random.default_rng(args.seed).permutation(len(names)).tolist()
    by_merges = [(merges, tuple(sorted(order[: args.at_categories]))) for merges in args.merges]
    by_categories = [(args.at_merges, tuple(sorted(order[:n]))) for n in args.categories]
    done = {cell: run_cells(both, [cell], args)[0] for cell in dict.fromkeys(by_merges + by_categories)}
    for cells, axis in ((by_merges, "merges"), (by_categories, "categories")):
        chosen = [done[cell] for cell in cells]
        print_cells(chosen, f"Growth with {axis}")
        for column in ("count", "solve", "cpu", "peak_memory_bytes"):
            exponent, low, high = slope([r[axis] for r in chosen], [r[column] for r in chosen])
            console.print(
                f"  {column} ~ {axis}^{exponent:.2f}   (between neighbours {low:.2f} to {high:.2f})"
            )


def slope(x: list[float], y: list[float]) -> tuple[float, float, float]:
    """Least-squares exponent of y ~ x^k, and the smallest and largest between neighbours; nan for one point."""
    if len(x) < 2:
        return float("nan"), float("nan"), float("nan")
    a, b = np.log(x), np.log(np.maximum(y, 1e-9))
    steps = np.diff(b) / np.diff(a)
    return float(np.polyfit(a, b, 1)[0]), float(steps.min()), float(steps.max())


def run_cells(
    both: Halves, cells: list[tuple[int, tuple[int, ...]]], args: argparse.Namespace
) -> list[dict[str, float]]:
    """Train here, then count and solve each (merges, categories) in a process of its own."""
    found = []
    for merges, chosen in cells:
        shares = np.random.default_rng(args.seed).dirichlet(np.ones(len(chosen)))
        learned, truth = train_mixture(half_words(both, both.train, chosen), shares, merges)
        with tempfile.TemporaryDirectory() as folder:
            case = Path(folder, "case.npz")
            save_case(case, learned, half_words(both, both.sample, chosen), truth)
            command = [sys.executable, __file__, "measure", str(case), "--gap", str(args.gap)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{merges} merges, {len(chosen)} categories: {done.stderr.strip()[-2000:]}")
        found.append(json.loads(done.stdout))
    return found


def print_cells(rows: list[dict[str, float]], title: str) -> None:
    table = Table(
        "categories", "merges", "sample MB", "distinct words", "count s", "solve s", "CPU s", "peak MiB", "gap",
        "log10 MSE", title=title,
    )  # fmt: skip
    for r in rows:
        table.add_row(
            str(r["categories"]), f"{r['merges']:,}", f"{r['bytes'] / 1e6:.1f}", f"{r['words']:,}",
            f"{r['count']:.1f}", f"{r['solve']:.1f}", f"{r['cpu']:.1f}", f"{r['peak_memory_bytes'] / 2**20:,.0f}",
            f"{r['gap']:.2%}", f"{r['log10_mse']:.2f}",
        )  # fmt: skip
    console.print(table)


def measure(args: argparse.Namespace) -> None:
    """One case in this process, as JSON (run by `large` and `growth`)."""
    print(json.dumps(large_cell(args.files[0], args.gap)))


TABLES: dict[str, Callable[[argparse.Namespace], None]] = {
    "exact": exact, "reference": reference, "trials": trials, "large": large, "growth": growth,
}  # fmt: skip


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    tables = parser.add_subparsers(dest="table", required=True, metavar="TABLE")
    added = {name: tables.add_parser(name) for name in (*TABLES, "all", "measure")}
    for name, table in added.items():
        table.add_argument("files", type=Path, nargs="+", metavar="FILE")
        table.add_argument("--seed", type=int, default=0)
        if name in ("trials", "large", "growth", "measure"):
            table.add_argument("--gap", type=float, default=0.01, help="certified gap to stop at")
    added["exact"].add_argument("--merges", type=int, default=1000)
    added["exact"].add_argument("--draws", type=int, default=5)
    added["reference"].add_argument("--merges", type=int, nargs="+", default=[1000, 3000])
    added["reference"].add_argument(
        "--limit", type=float, default=900, help="CPU seconds after which the published loop is stopped"
    )
    added["trials"].add_argument("--categories", type=int, nargs="+", default=[5, 10])
    added["trials"].add_argument("--trials", type=int, default=20)
    added["trials"].add_argument("--vocab", type=int, default=30_000)
    added["trials"].add_argument("--merges", type=_merges, default="auto")
    added["trials"].add_argument(
        "--bootstrap", type=int, default=20, help="replicates behind the intervals; 0: none"
    )
    added["trials"].add_argument(
        "--min-megabytes", type=float, default=2.0, help="leave out smaller languages"
    )
    added["large"].add_argument("--languages", type=int, default=60)
    added["large"].add_argument("--code", type=int, default=8)
    added["large"].add_argument("--merges", type=int, default=20_000)
    added["growth"].add_argument("--merges", type=int, nargs="+", default=[1000, 3000, 10_000, 30_000])
    added["growth"].add_argument("--categories", type=int, nargs="+", default=[5, 10, 30, 60])
    added["growth"].add_argument("--at-merges", type=int, default=3000, help="while the categories grow")
    added["growth"].add_argument("--at-categories", type=int, default=10, help="while the merges grow")
    return parser


def _merges(text: str) -> int | str:
    return text if text == "auto" else int(text)


def main(argv: list[str]) -> None:
    """Run one table, or all of them with their own defaults."""
    args = arguments().parse_args(argv)
    if args.table == "measure":
        measure(args)
        return
    missing = [str(path) for path in args.files if not path.is_file()]
    if missing:
        sys.exit(f"there is no file {missing[0]}")
    if args.table == "all":
        for name in TABLES:
            main([name, *map(str, args.files), "--seed", str(args.seed)])
        return
    console.print(f"[bold]{args.table}[/bold]  {machine()}", highlight=False)
    console.print("python benchmarks/mixture.py " + " ".join(Path(a).name if "/" in a else a for a in argv))
    begin = time.process_time()
    TABLES[args.table](args)
    console.print(f"{time.process_time() - begin:.0f} CPU seconds, without measurements in other processes\n")


if __name__ == "__main__":
    main(sys.argv[1:])
