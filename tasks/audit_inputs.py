"""What an audit reads: word counts by category, documents for the intervals, known tokenizers, the truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lexmill.archives import file_sha256
from lexmill.mixture.bootstrap import Document
from lexmill.mixture.category_counts import counted_documents
from lexmill.mixture.mergelist import MergeList, MergeListError
from lexmill.mixture.params import Categories
from lexmill.mixture.words import WordTable, word_table_of
from tasks.cutting import cutter_of, load_merges
from tasks.step import BuildContext, InputError

_COLUMNS = {"language": ("language",), "domain": ("domain",), "language_domain": ("language", "domain")}


def read_words(
    path: Path, params: Mapping[str, Any], name: str
) -> tuple[WordTable, dict[str, dict[str, Any]]]:
    """Word table of the audit's categories and splits, and {category: {bytes, reason}} of those left out."""
    table = pq.read_table(path)
    everywhere = pc.unique(_category(table, params)).to_pylist()
    table = table.filter(pc.is_in(table["split"], pa.array(params["splits"])))
    table = pa.table({"category": _category(table, params), "word": table["word"], "count": table["count"]})
    sizes = pc.multiply(pc.cast(pc.binary_length(table["word"]), pa.int64()), table["count"])
    totals = pa.table({"category": table["category"], "bytes": sizes}).group_by("category", use_threads=False)
    found = dict.fromkeys(everywhere, 0)
    found |= {row["category"]: row["bytes_sum"] for row in totals.aggregate([("bytes", "sum")]).to_pylist()}
    unknown = sorted((set(params["include"]) | set(params["exclude"])) - set(found))
    if unknown:
        raise InputError(
            f"{name}: {', '.join(unknown)} is not a {params['categories']} category of the counted text, "
            f"which has {', '.join(sorted(found))}: correct include and exclude"
        )
    left_out = {}
    for category, size in sorted(found.items()):
        if (params["include"] and category not in params["include"]) or category in params["exclude"]:
            left_out[category] = {"bytes": size, "reason": "excluded by the audit"}
        elif size < params["min_bytes"]:
            left_out[category] = {"bytes": size, "reason": f"less than {params['min_bytes']} bytes"}
    kept = sorted(set(found) - set(left_out))
    if len(kept) < 2:
        raise InputError(
            f"{name}: a mixture needs two categories with at least {params['min_bytes']} bytes, but only "
            f"{', '.join(kept) or 'none'} has them in {', '.join(params['splits'])}: lower min_bytes or add text"
        )
    return word_table_of(table, kept), left_out


def document_reader(
    context: BuildContext, merges: MergeList
) -> tuple[Callable[[], Iterable[Document]], dict[str, Any]]:
    """A function that reads the counted documents, and how their text was cut.

    Counts of local files hold their documents; those of a pipeline were made from its `documents` artifact.
    """
    counts = context.input("word_counts")
    settings = json.loads(counts.file("settings.json").read_text(encoding="utf-8"))
    label = settings.get("cutting") or settings
    if any(entry.path == "documents.parquet" for entry in counts.record.files):
        counts.file("documents.parquet")  # fetched, where the warehouse is not a local folder
        return (lambda: counted_documents(counts.file("counts.parquet").parent)), label
    if context.inputs.get("cut_by"):
        merges = load_merges(context.input("cut_by"), context.name)
    params = dict(context.params)
    cut, _ = cutter_of(merges, params["pretokenizer"], params["normalizer"], context.name)
    path = context.input("documents").file("documents.parquet")
    return (lambda: read_documents(path, params, cut)), label


def read_documents(
    path: Path, params: Mapping[str, Any], cut: Callable[[str], list[str]]
) -> Iterator[Document]:
    """Documents with their pre-tokens; those of one group are one unit, those of one corpus one source."""
    columns = ["id", "text", "language", "domain", "group", "corpus", "split"]
    present = pq.read_schema(path).names
    for batch in pq.ParquetFile(path).iter_batches(1024, columns=[c for c in columns if c in present]):
        table = pa.Table.from_batches([batch])
        table = table.filter(pc.is_in(table["split"], pa.array(params["splits"])))
        categories = _category(table, params).to_pylist()
        for row, category in zip(table.to_pylist(), categories, strict=True):
            unit, source = row["group"] or row["id"], row.get("corpus") or ""
            yield Document(unit, category, source, cut(row["text"]))


def known_tokenizers(context: BuildContext) -> dict[str, MergeList]:
    """Merge lists that the audited one may have inherited from, by name: inputs, then local files.

    A local file that is no merge list is passed over; one that changed since the plan is the user's to mend.
    """
    prefix = context.name.rpartition("-")[0] + "-"
    found = {
        artifact.record.name.removeprefix(prefix).removesuffix("-subject"): load_merges(
            artifact, context.name
        )
        for artifact in context.inputs.get("known", ())
    }
    for item in context.params.get("known", ()):
        path = Path(context.runtime["known"][item["name"]])
        if not path.is_file() or file_sha256(path) != item["sha256"]:
            raise InputError(f"{context.name}: the known tokenizer {item['name']} has changed: run again")
        try:
            found[item["name"]] = MergeList.load(path)
        except MergeListError as error:
            context.log(f"the known tokenizer {item['name']} cannot be compared: {error}")
    return found


def true_shares(identity: Mapping[str, Any], categories: Categories) -> dict[str, float] | None:
    """True byte shares of the training data by category, from the tokenizer's lineage; None when unknown."""
    known = identity.get("training_data")
    if not known:
        return None
    shares: dict[str, float] = {}
    for row in known["categories"]:
        name = "/".join(row[column] for column in _COLUMNS[categories])
        shares[name] = shares.get(name, 0.0) + row["bytes_share"]
    return dict(sorted(shares.items()))


def _category(table: pa.Table, params: Mapping[str, Any]) -> pa.ChunkedArray:
    columns = [table[column] for column in _COLUMNS[params["categories"]]]
    return columns[0] if len(columns) == 1 else pc.binary_join_element_wise(*columns, "/")
