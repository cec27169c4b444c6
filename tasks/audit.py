"""Task: infer what a tokenizer was trained on."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

from lexmill.mixture.answer import Mixture
from lexmill.mixture.bootstrap import ReplicateError, document_replicates
from lexmill.mixture.infer import MixtureInputError, infer_mixture
from lexmill.mixture.inherit import Inherited, inherited_prefix
from lexmill.mixture.mergelist import MergeList
from tasks.audit_files import rescaled, write_mixture
from tasks.audit_inputs import document_reader, known_tokenizers, read_words, true_shares
from tasks.cutting import cutting_note, load_merges, tokenizer_identity
from tasks.step import BuildContext, InputError


def build_mixture(context: BuildContext) -> None:
    """Write mixture.json, shares.svg, shares.parquet, curve.parquet and evidence.parquet."""
    params = dict(context.params)
    seconds: dict[str, float] = {}
    started = time.perf_counter()
    identity = tokenizer_identity(context.input("tokenizer"))
    merges = load_merges(context.input("tokenizer"), context.name)
    inherited = _inherited(context, merges)
    start, use, note = _range(params, merges, inherited)
    words, left_out = read_words(context.input("word_counts").file("counts.parquet"), params, context.name)
    documents, cutting = document_reader(context, merges)
    replicates = None
    try:
        if params["bootstrap"]:
            context.progress(0.02, "reading documents for the intervals")
            replicates = document_replicates(words, documents, params["bootstrap"], params["seed"])
        seconds["read"] = time.perf_counter() - started
        mixture = infer_mixture(
            merges,
            words,
            use=use,
            start_merge=start,
            gap=params["gap"],
            replicates=replicates,
            seed=params["seed"],
            progress=lambda fraction, message: context.progress(0.1 + 0.9 * fraction, message),
            seconds=seconds,
        )
    except (MixtureInputError, ReplicateError) as error:
        raise InputError(f"{context.name}: {error}") from error
    truth = true_shares(identity, params["categories"])
    about = {
        "tokenizer": context.input("tokenizer").record.name,
        "categories": params["categories"],
        "merges_listed": len(merges),
        "merges_note": note,
        "manual_tokens": len(merges.manual),
        "inherited": None if inherited is None else asdict(inherited),
        "splits": params["splits"],
        "cutting": cutting,
        "cutting_note": cutting_note(merges, cutting),
        "read": _what_was_read(context),
        "sample_bytes": dict(zip(words.categories, words.category_bytes()[:, 0].tolist(), strict=True)),
        "left_out": left_out,
        "truth": truth,
    }
    write_mixture(mixture, context.out, about, truth)
    _report(context, mixture, truth, inherited, note)
    context.stats["selection"] = {
        "splits": params["splits"],
        "languages": list(words.categories) if params["categories"] == "language" else None,
        "domains": list(words.categories) if params["categories"] == "domain" else None,
    }
    context.stats["seconds"] = seconds


def _inherited(context: BuildContext, merges: MergeList) -> Inherited | None:
    if not context.inputs.get("known") and not context.params.get("known"):
        return None
    context.progress(0.01, "looking for an inherited prefix")
    return inherited_prefix(merges, known_tokenizers(context))


def _range(
    params: Mapping[str, Any], merges: MergeList, inherited: Inherited | None
) -> tuple[int, int | Literal["auto"], str | None]:
    """First merge looked at, where to stop (exclusive), and what must be said about it."""
    start = params["start_merge"]
    if start == "auto":
        start = 0 if inherited is None else inherited.start_merge
    if params["merges"] == "auto":
        return start, "auto", None
    last = start + params["merges"]
    if last <= len(merges):
        return start, last, None
    note = (
        f"{params['merges']:,} merges from merge {start:,} on were asked for, but the tokenizer has "
        f"{len(merges):,}: all the others were used"
    )
    return start, len(merges), note


def _what_was_read(context: BuildContext) -> dict[str, Any] | None:
    """Files, documents and invalid UTF-8 by category, where local files were counted."""
    settings = json.loads(context.input("word_counts").file("settings.json").read_text(encoding="utf-8"))
    found: dict[str, Any] | None = settings.get("read")
    return found


def _report(
    context: BuildContext,
    mixture: Mixture,
    truth: Mapping[str, float] | None,
    inherited: Inherited | None,
    note: str | None,
) -> None:
    context.metric("objective", mixture.objective, "frequency")
    context.metric("unexplained", mixture.unexplained, "share")
    context.metric("gap", mixture.gap, "share")
    context.metric("merges_used", mixture.merges_used - mixture.start_merge, "merges")
    context.metric("impossible_merges", len(mixture.impossible), "merges")
    for share in mixture.shares:
        context.metric("share", share.bytes, "share of bytes", category=share.category)
    if truth is not None:
        _report_errors(context, mixture, truth)
    largest = sorted(mixture.shares, key=lambda share: -share.bytes)[:3]
    text = ", ".join(f"{share.category} {share.bytes:.1%}" for share in largest)
    context.log(f"{mixture.merges_used - mixture.start_merge} merges: {text} ...; gap {mixture.gap:.2%}")
    for sentence in (inherited and inherited.sentence, note, mixture.alarm):
        if sentence:
            context.log(sentence)
    if mixture.without_interval:
        context.log(f"no interval, too few documents: {', '.join(mixture.without_interval)}")


def _report_errors(context: BuildContext, mixture: Mixture, truth: Mapping[str, float]) -> None:
    """How far the answer is from the known truth of the audited categories."""
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
