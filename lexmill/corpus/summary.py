"""What a person needs to know of a document set: totals, warnings, and the dataset card."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import yaml

from lexmill.corpus.params import CleaningParams
from lexmill.corpus.tally import STAGES, Tally, dropped, stage_sums

MIN_DOCUMENTS_FOR_IDLE_WARNING = 1000  # on fewer documents a rule that drops nothing is no surprise
_CARD_LANGUAGES = 40


@dataclass
class Totals:
    """Documents and UTF-8 bytes by (language, domain), by licence, by corpus, and documents by split."""

    documents: Counter[tuple[str, str]] = field(default_factory=Counter)
    bytes: Counter[tuple[str, str]] = field(default_factory=Counter)
    licenses: Counter[str] = field(default_factory=Counter)
    corpora: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)

    def add(self, batch: pa.RecordBatch) -> None:
        """Count a batch of schema `DOCUMENTS`."""
        names = ("language", "domain", "license", "corpus", "split", "bytes")
        for language, domain, license, corpus, split, size in zip(
            *(batch[name].to_pylist() for name in names), strict=True
        ):
            self.documents[language or "", domain] += 1
            self.bytes[language or "", domain] += size
            self.licenses[license] += size
            self.corpora[corpus] += size
            self.splits[split or ""] += 1

    def by_language(self) -> dict[str, int]:
        """Bytes by language, most first."""
        sums: Counter[str] = Counter()
        for (language, _), size in self.bytes.items():
            sums[language] += size
        return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def stage_warnings(tally: Tally, enabled: Iterable[str]) -> list[str]:
    """A sentence for each corpus a stage drops whole, and for each enabled stage that drops nothing of many."""
    found = []
    for stage, corpus, reason in sorted(tally.documents):
        total = tally.documents[stage, corpus, "in"]
        if reason == "in" and total and not tally.documents[stage, corpus, "out"]:
            found.append(f"stage {stage} drops all {total} documents of corpus {corpus}")
    for stage, reasons in stage_sums(tally).items():
        if stage in enabled and reasons["in"] >= MIN_DOCUMENTS_FOR_IDLE_WARNING and not dropped(reasons):
            found.append(f"stage {stage} drops none of {reasons['in']} documents; check its settings")
    return found


def reason_sentence(counts: Counter[str]) -> str:
    """Reasons with their numbers, most first, e.g. `too_short 8, few_letters 2`."""
    return ", ".join(f"{reason} {number}" for reason, number in counts.most_common()) or "no content"


def drop_sentence(tally: Tally) -> str:
    """Where documents were lost, e.g. `quality drops 10 (too_short 8, few_letters 2)`."""
    sums = stage_sums(tally)
    parts = []
    for stage in STAGES:
        if drops := dropped(sums.get(stage, {})):
            reasons = ", ".join(f"{reason} {n}" for reason, n in drops.items())
            parts.append(f"{stage} drops {sum(drops.values())} ({reasons})")
    return "; ".join(parts) or "no stage dropped any"


def dataset_card(
    name: str, totals: Totals, tally: Tally, sources: Iterable[Mapping[str, Any]], params: CleaningParams
) -> str:
    """Markdown card with the YAML header of the Hugging Face Hub.  `sources` are the parameters of the corpora."""
    languages = totals.by_language()
    human = sorted({label[:3] for label in languages if "_" in label})
    size = sum(totals.bytes.values())
    licenses = sorted(totals.licenses.items(), key=lambda item: (-item[1], item[0]))
    header = {
        "pretty_name": name,
        "language": human,
        "license": _license_field([license for license, _ in licenses]),
        "size_categories": [_size_category(totals)],
    }
    lines = ["---", *yaml.safe_dump(header, sort_keys=False, allow_unicode=True).splitlines(), "---"]
    lines += ["", f"# {name}", ""]
    lines += [f"{sum(totals.documents.values()):,} documents, {size:,} bytes of text."]
    lines += ["", "## Sources", "", "| corpus | from | licence | bytes kept |", "|---|---|---|---:|"]
    for source in {source["name"]: source for source in sources}.values():
        kept = totals.corpora.get(source["name"], 0)
        lines.append(f"| {source['name']} | {_origin(source)} | {_cell(source['license'])} | {kept:,} |")
    lines += ["", "## Licences", "", "| licence | bytes |", "|---|---:|"]
    lines += [f"| {_cell(license)} | {n:,} |" for license, n in licenses]
    lines += ["", "## Languages", "", "| language | bytes |", "|---|---:|"]
    lines += [f"| {label} | {n:,} |" for label, n in list(languages.items())[:_CARD_LANGUAGES]]
    if len(languages) > _CARD_LANGUAGES:
        rest = list(languages.values())[_CARD_LANGUAGES:]
        lines.append(f"| {len(rest)} more | {sum(rest):,} |")
    lines += ["", "## Rules", "", "```yaml", *_rules(params), "```"]
    lines += ["", "## Dropped documents", "", "| stage | reason | documents | of |", "|---|---|---:|---:|"]
    for stage, reasons in sorted(stage_sums(tally).items(), key=lambda item: STAGES.index(item[0])):
        lines += [f"| {stage} | {r} | {n:,} | {reasons['in']:,} |" for r, n in dropped(reasons).items()]
    return "\n".join(lines) + "\n"


def _license_field(licenses: Sequence[str]) -> str:
    """The Hub knows one licence by its lower-case SPDX name, and `other`."""
    single = len(licenses) == 1 and re.fullmatch(r"[A-Za-z0-9.+-]+", licenses[0])
    return licenses[0].lower() if single else "other"


def _cell(text: str) -> str:
    """Text that cannot break a table."""
    return " ".join(text.replace("|", "\\|").split())


def _size_category(totals: Totals) -> str:
    """The Hub's classes of size, by documents."""
    documents = sum(totals.documents.values())
    names = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B")
    return next((name for place, name in enumerate(names) if documents < 10 ** (place + 3)), "n>1B")


def _rules(params: CleaningParams) -> list[str]:
    """The cleaning parameters as they would stand in pipelines.yaml."""
    return yaml.safe_dump(params.model_dump(mode="json"), sort_keys=False, width=100).splitlines()


def _origin(source: Mapping[str, Any]) -> str:
    packages = source.get("package")
    if not packages:
        return "local files" if "content" in source else "files"
    first, *others = [packages] if isinstance(packages, Mapping) else packages
    named = f"{first['registry']}:{first['name']}=={first['version']}"
    return f"{named} and {len(others)} more" if others else named
