"""Audit real tokenizers and print the answers beside the paper's Table 4 (Hayase, Liu et al. 2024, arXiv 2407.16607).

    python benchmarks/reproduce_mixture.py TEXT.jsonl.zst CODE.jsonl.zst [--only GPT-2 Claude] [--merges 3000]
        [--results FOLDER] [--write docs/reproduction/mixture.md]

The packages in mixture_subjects.json are downloaded (pip, npm) into --cache.  FILEs have the fields text, language and
domain; every language is a category, every programming language (domain `code`) too, and English is split by domain.
With --results every answer is kept as JSON there, and a later run only makes those that are missing.  --write puts the
tables between the two marks of a Markdown file.  The exit code is 1 when a claim does not hold.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from mixture_corpus import category, machine, rows
from mixture_subjects import (
    CODE,
    ENGLISH,
    OTHERS,
    Subject,
    claims,
    grouped,
    load,
    paper_groups,
    subjects,
    summed,
)  # fmt: skip

from lexmill.memory import peak_memory_bytes
from lexmill.mixture.cutting import cutting_label, text_cutter
from lexmill.mixture.infer import infer_mixture
from lexmill.mixture.inherit import inherited_prefix
from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.words import WordTable, word_table_of

MIN_DOMAIN_BYTES = 200_000  # of an English domain that is a category of its own
MIN_CATEGORY_BYTES = 200_000
KNOWN = ("cl100k",)  # loaded even when it is not audited: two others inherit from it
MIN_SHOWN = 0.01  # a language is in the table when either share reaches this
BEGIN, END = "<!-- begin: tables -->", "<!-- end: tables -->"
Texts = dict[str, list[str]]


def read_texts(paths: list[Path], megabytes: float | None) -> Texts:
    """Documents by category, at most about `megabytes` of each, evenly from its documents."""
    texts: Texts = {}
    for row in rows(paths):
        name = category(row)
        texts.setdefault(f"en/{row.get('domain') or 'text'}" if name == "en" else name, []).append(
            row["text"]
        )
    size = {name: sum(len(text.encode()) for text in found) for name, found in texts.items()}
    for name in [n for n in texts if n.startswith("en/") and size[n] < MIN_DOMAIN_BYTES]:
        texts.setdefault("en/other", []).extend(texts.pop(name))
        size["en/other"] = size.get("en/other", 0) + size.pop(name)
    kept = {name: found for name, found in sorted(texts.items()) if size[name] >= MIN_CATEGORY_BYTES}
    if megabytes is None:
        return kept
    part = {name: min(1.0, megabytes * 1e6 / size[name]) for name in kept}
    return {
        name: [text for i, text in enumerate(found) if int((i + 1) * part[name]) > int(i * part[name])]
        for name, found in kept.items()
    }


def count_words(texts: Texts, cut: Callable[[str], list[str]]) -> WordTable:
    """Distinct pre-tokens of every category with their counts."""
    tables = []
    for name, found in texts.items():
        counter: Counter[str] = Counter()
        for text in found:
            counter.update(cut(text))
        words = pa.array(counter.keys(), pa.string()).cast(pa.binary())
        columns = {
            "category": pa.array([name] * len(words)),
            "word": words,
            "count": pa.array(counter.values()),
        }
        tables.append(pa.table(columns))
    return word_table_of(pa.concat_tables(tables))


def audit(
    subject: Subject,
    merges: MergeList,
    known: Mapping[str, MergeList],
    words: WordTable,
    use: int | None,
    gap: float,
) -> dict[str, Any]:
    """The answer about one tokenizer as JSON values; `use` merges after the inherited ones, None: as many as tell."""
    inherited = inherited_prefix(merges, known)
    start = inherited.start_merge if inherited else 0
    last = "auto" if use is None else min(len(merges), start + use)
    seconds: dict[str, float] = {}
    mixture = infer_mixture(merges, words, use=last, start_merge=start, gap=gap, seconds=seconds)
    return {
        "tokenizer": subject.name,
        "package": str(subject.package),
        "merges": len(merges),
        "start_merge": start,
        "merges_used": mixture.merges_used,
        "inherited": [inherited.name, inherited.merges, inherited.start_merge] if inherited else None,
        "inherited_sentence": inherited.sentence if inherited else None,
        "pairs": {share.category: share.pairs for share in mixture.shares},
        "bytes": {share.category: share.bytes for share in mixture.shares},
        "curve": [
            {"merges": p.merges, "unexplained": p.unexplained, "bytes": list(p.shares)} for p in mixture.curve
        ],
        "objective": mixture.objective,
        "gap": mixture.gap,
        "impossible": len(mixture.impossible),
        "unexplained": mixture.unexplained,
        "alarm": mixture.alarm,
        "seconds": {phase: round(value, 1) for phase, value in seconds.items()},
    }


def audit_all(args: argparse.Namespace, chosen: list[Subject]) -> list[dict[str, Any]]:
    """Answers about the chosen subjects, in their order."""
    done = {s.name: _kept(args.results, s.name) for s in chosen}
    texts = {} if all(done.values()) else read_texts(args.files, args.megabytes)
    known: dict[str, MergeList] = {}
    tables: dict[str, WordTable] = {}  # of the last way of cutting only: they are large
    for subject in subjects() if texts else []:
        if subject.name not in done and subject.name not in KNOWN:
            continue
        merges = load(subject, args.cache)
        if subject.name in done and done[subject.name] is None:
            begin = time.perf_counter()
            label = json.dumps(cutting_label(merges), sort_keys=True)
            if label not in tables:
                tables = {label: count_words(texts, text_cutter(merges))}
            cut = time.perf_counter() - begin
            answer = audit(subject, merges, known, tables[label], args.merges, args.gap)
            answer["cutting"] = json.loads(label)
            answer["seconds"]["cut"] = round(cut, 1)
            answer["peak_memory_bytes"] = peak_memory_bytes()
            answer["text_bytes"] = {n: sum(len(t.encode()) for t in found) for n, found in texts.items()}
            done[subject.name] = answer
            if args.results:
                (args.results / f"{subject.name}.json").write_text(json.dumps(answer, indent=1) + "\n")
            print(_line(answer), file=sys.stderr, flush=True)
        known[subject.name] = merges
    return [answer for answer in done.values() if answer]


def _kept(folder: Path | None, name: str) -> dict[str, Any] | None:
    path = folder / f"{name}.json" if folder else None
    return json.loads(path.read_text()) if path and path.is_file() else None


def _line(answer: dict[str, Any]) -> str:
    shares = ", ".join(f"{group} {share:.1%}" for group, share in summed(grouped(answer["pairs"])).items())
    merges = f"merges {answer['start_merge']}-{answer['merges_used']}"
    return f"{answer['tokenizer']}: {shares}; {merges}; {answer['seconds']}"


def markdown(answers: list[dict[str, Any]], command: str) -> tuple[str, bool]:
    """The tables, and whether all claims hold."""
    paper = {s.name: paper_groups(s.paper) if s.paper else {} for s in subjects()}
    ours = {a["tokenizer"]: grouped(a["pairs"]) for a in answers}
    inherited = {a["tokenizer"]: tuple(a["inherited"]) for a in answers if a["inherited"]}
    checked = list(claims(ours, inherited))
    size = answers[0]["text_bytes"]
    lines = [
        f"Made by `{command}`", f"on {machine()}.", "",
        f"Text: {sum(size.values()) / 1e6:.0f} MB in {len(size)} categories, {min(size.values()) / 1e6:.2f} to "
        f"{max(size.values()) / 1e6:.2f} MB each.", "",
        "### What must hold", "", "| claim | found | |", "|---|---|---|",
        *(f"| {c.text} | {c.found} | {'**pass**' if c.held else '**fail**'} |" for c in checked), "",
        "### In three groups", "",
        "Shares of pairs in per cent, as the paper gives them; the paper's beside, and ours in bytes.", "",
        "| tokenizer | English | paper | bytes | code | paper | bytes | other languages | paper | bytes |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    for a in answers:
        name = a["tokenizer"]
        mine, heavy = summed(ours[name]), summed(grouped(a["bytes"]))
        theirs = summed(paper[name]) if paper[name] else None
        cells = [
            f"{100 * mine[g]:.1f} | {100 * theirs[g]:.1f} | {100 * heavy[g]:.1f}" if theirs
            else f"{100 * mine[g]:.1f} | – | {100 * heavy[g]:.1f}"
            for g in (ENGLISH, CODE, OTHERS)
        ]  # fmt: skip
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [
        "",
        *_language_table(answers, ours, paper),
        "",
        *_run_table(answers),
        "",
        *_curve_table(answers),
    ]
    return "\n".join(lines), all(c.held for c in checked)


def _language_table(
    answers: list[dict[str, Any]], ours: dict[str, dict[str, float]], paper: dict[str, dict[str, float]]
) -> list[str]:
    """Every other language that is large anywhere: ours / the paper's."""
    both = [a["tokenizer"] for a in answers]
    names = {
        g for n in both for table in (ours[n], paper[n]) for g, share in table.items() if share >= MIN_SHOWN
    }
    largest = {g: max(table.get(g, 0.0) for n in both for table in (ours[n], paper[n])) for g in names}
    ordered = sorted(names - {ENGLISH, CODE}, key=lambda g: (-largest[g], g))
    lines = [
        "### Other languages", "",
        f"Shares of pairs in per cent, ours / the paper's, of languages with {MIN_SHOWN:.0%} or more somewhere.  "
        "`–`: not in the text, or not in the paper.", "",
        "| language | " + " | ".join(both) + " |", "|---|" + "---:|" * len(both),
    ]  # fmt: skip
    for g in ordered:
        cells = (f"{_cell(ours[n], g)} / {_cell(paper[n], g)}" for n in both)
        lines.append(f"| {g} | " + " | ".join(cells) + " |")
    return lines


def _cell(table: dict[str, float], group: str) -> str:
    return f"{100 * table[group]:.1f}" if group in table else "–"


def _run_table(answers: list[dict[str, Any]]) -> list[str]:
    lines = [
        "### Runs", "",
        "| tokenizer | package | merges | impossible | unexplained | gap | cut s | count s | solve s | alarm |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|---|",
    ]  # fmt: skip
    for a in answers:
        s = a["seconds"]
        lines.append(
            f"| {a['tokenizer']} | {a['package']} | {a['start_merge']:,}–{a['merges_used']:,} of {a['merges']:,} | "
            f"{a['impossible']} | {a['unexplained']:.1%} | {a['gap']:.1%} | {s['cut']} | {s['count']} | {s['solve']} | "
            f"{a['alarm'] or 'none'} |"
        )
    sentences = [f"{a['tokenizer']}: {a['inherited_sentence']}" for a in answers if a["inherited_sentence"]]
    return [*lines, "", *sentences]


def _curve_table(answers: list[dict[str, Any]]) -> list[str]:
    """How the three groups move with the number of merges."""
    lines = [
        "### By number of merges",
        "",
        "Shares of bytes in per cent: English, code, other languages.",
        "",
    ]
    lines += [
        "| tokenizer | merges | English | code | other | unexplained |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for a in answers:
        names = list(a["bytes"])
        for point in a["curve"]:
            parts = summed(grouped(dict(zip(names, point["bytes"], strict=True))))
            cells = " | ".join(f"{100 * share:.1f}" for share in parts.values())
            looked = point["merges"] - a["start_merge"]
            lines.append(f"| {a['tokenizer']} | {looked:,} | {cells} | {point['unexplained']:.1%} |")
    return lines


def write(path: Path, tables: str) -> None:
    """Put the tables between the marks of a Markdown file."""
    text = path.read_text()
    if BEGIN not in text or END not in text:
        sys.exit(f"{path} has no {BEGIN} and {END}: the tables go between them")
    head, rest = text.split(BEGIN, 1)
    path.write_text(f"{head}{BEGIN}\n\n{tables}\n\n{END}{rest.split(END, 1)[1]}")


def main(argv: list[str]) -> int:
    """Audit, compare, check."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="of " + ", ".join(s.name for s in subjects())
    )
    parser.add_argument(
        "--merges", type=int, help="merges after the inherited ones (default: as many as tell)"
    )
    parser.add_argument("--gap", type=float, default=0.01)
    parser.add_argument("--megabytes", type=float, help="at most so much text of each category")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "lexmill")
    parser.add_argument(
        "--results", type=Path, help="folder for the answers; those that are there are not made again"
    )
    parser.add_argument(
        "--write", type=Path, help="Markdown file to put the tables in (default: standard output)"
    )
    args = parser.parse_args(argv)
    everything = {s.name: s for s in subjects()}
    if unknown := set(args.only or ()) - set(everything):
        parser.error(f"there is no tokenizer {sorted(unknown)[0]!r}: choose from {', '.join(everything)}")
    if missing := [path for path in args.files if not path.is_file()]:
        parser.error(f"there is no file {missing[0]}")
    if args.results:
        args.results.mkdir(parents=True, exist_ok=True)
    chosen = [s for s in everything.values() if s.name in (args.only or everything)]
    answers = audit_all(args, chosen)
    command = "python benchmarks/reproduce_mixture.py " + " ".join(
        Path(a).name if "/" in a else a for a in argv
    )
    tables, held = markdown(answers, command)
    if args.write:
        write(args.write, tables)
    else:
        print(tables)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
