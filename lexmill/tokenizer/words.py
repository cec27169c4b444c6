"""From stored word counts to the weighted words that a trainer reads, and what they are made of.

Weights become multiples of 2^-k (k as large as fits 64 bits, at most 20; 0 when all are whole numbers), so that
every weighted count is an exact integer in units of 2^-k: no rounding error, no order of summation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lexmill.tokenizer.language_buckets import bucket_weights
from lexmill.tokenizer.params import TrainerSpec

_MAX_TOTAL = 1 << 60
_MAX_BYTES = 1 << 62
_FINEST = 20


@dataclass(frozen=True)
class TrainingWords:
    """words: distinct pre-tokens (binary); counts: int64[n] in units of 1/scale; weights by (language, domain).

    `mixture` has one row for each language and domain: language, domain, weight, bytes and pairs (adjacent byte
    pairs inside words), both weighted (float64) and with their shares of the whole (0..1).
    """

    words: pa.Array
    counts: np.ndarray
    scale: int
    mixture: pa.Table

    def shares(self, column: str) -> dict[str, dict[str, float]]:
        """Weighted shares of the training data by the values of `language` or `domain`: {value: {bytes, pairs}}."""
        names = self.mixture[column].to_pylist()
        result: dict[str, dict[str, float]] = {
            name: {"bytes": 0.0, "pairs": 0.0} for name in sorted(set(names))
        }
        for unit in ("bytes", "pairs"):
            for name, share in zip(names, self.mixture[f"{unit}_share"].to_pylist(), strict=True):
                result[name][unit] += share
        return result


def select_counts(
    counts: pa.Table,
    languages: tuple[str, ...] | None = None,
    domains: tuple[str, ...] | None = None,
    splits: tuple[str, ...] = ("train",),
) -> pa.Table:
    """Rows of `counts` with the given languages, domains and splits (None: all).

    Raises ValueError when a language or domain is not there at all, or nothing is left.
    """
    for column, wanted in (("language", languages), ("domain", domains)):
        present = sorted(pc.unique(counts[column]).to_pylist())
        missing = sorted(set(wanted or ()) - set(present))
        if missing:
            raise ValueError(
                f"{column} {', '.join(missing)} is not in the word counts, which have: {', '.join(present)}"
            )
    for column, wanted in (("language", languages), ("domain", domains)):
        if wanted is not None:
            counts = counts.filter(pc.is_in(counts[column], pa.array(wanted)))
    counts = counts.filter(pc.is_in(counts["split"], pa.array(splits)))
    if not counts.num_rows:
        raise ValueError(
            f"no words are left for languages {languages or 'all'}, domains {domains or 'all'}, "
            f"splits {', '.join(splits)}: the corpus is empty or the selection too narrow"
        )
    return counts


def training_words(counts: pa.Table, params: TrainerSpec) -> TrainingWords:
    """Select, weight and add up the word counts of a tokenizer's training data (split `train`).

    counts: columns of `counts.COUNTS_SCHEMA`.  Raises ValueError when the selection is empty or a weight names
    neither a language nor a domain of it.
    """
    table, groups, scale, units = _weighted_rows(counts, params)
    table = table.group_by("word", use_threads=False).aggregate([("count", "sum")])
    words = table["word"].combine_chunks()
    mixture = _mixture(groups, units / scale)
    return TrainingWords(words, table["count_sum"].to_numpy(), scale, mixture)


@dataclass(frozen=True)
class LanguageWords:
    """The weighted words of each language, one language after another.

    languages: sorted; words: distinct within a language (binary); counts: int64[n] in units of 1/scale; bounds:
    int64[languages + 1], where each language's words start.
    """

    languages: tuple[str, ...]
    words: pa.Array
    counts: np.ndarray
    bounds: np.ndarray
    scale: int


def words_by_language(counts: pa.Table, params: TrainerSpec) -> LanguageWords:
    """The same as `training_words`, added up within each language only; raises the same."""
    table, _, scale, _ = _weighted_rows(counts, params)
    return _by_language(table, scale)


def held_out_words(counts: pa.Table, domains: tuple[str, ...] | None, split: str = "valid") -> LanguageWords:
    """Unweighted words of a held-out split by language; raises ValueError when there are none."""
    chosen = select_counts(counts, None, domains, (split,))
    return _by_language(chosen.select(["language", "word", "count"]), 1)


def _by_language(table: pa.Table, scale: int) -> LanguageWords:
    """Add up the counts of (language, word); columns language, word, count."""
    table = table.group_by(["language", "word"], use_threads=False).aggregate([("count", "sum")])
    table = table.sort_by([("language", "ascending"), ("word", "ascending")])
    sizes = pc.value_counts(table["language"].combine_chunks())
    bounds = np.concatenate([[0], np.cumsum(sizes.field("counts").to_numpy())]).astype(np.int64)
    names = tuple(sizes.field("values").to_pylist())
    return LanguageWords(names, table["word"].combine_chunks(), table["count_sum"].to_numpy(), bounds, scale)


def _weighted_rows(counts: pa.Table, params: TrainerSpec) -> tuple[pa.Table, pa.Table, int, np.ndarray]:
    """(rows language, word, count > 0 in units of 1/scale; the (language, domain) groups; scale; units by group)."""
    chosen = select_counts(counts, params.languages, params.domains)
    length = pc.cast(pc.binary_length(chosen["word"]), pa.int64())
    if float(np.dot(length.to_numpy().astype(np.float64), chosen["count"].to_numpy())) > _MAX_BYTES:
        raise ValueError(
            "the word counts stand for more than 2^62 bytes, which do not fit 64 bits: divide them"
        )
    chosen = chosen.append_column("bytes", pc.multiply(length, chosen["count"]))
    chosen = chosen.append_column("pairs", pc.multiply(pc.subtract(length, 1), chosen["count"]))
    groups = chosen.group_by(["language", "domain"], use_threads=False)
    groups = groups.aggregate([("bytes", "sum"), ("pairs", "sum")]).sort_by(
        [("language", "ascending"), ("domain", "ascending")]
    )
    scale, units = _exact(_weights(groups, params), groups["bytes_sum"].to_numpy())
    weighted = chosen["count"].to_numpy() * _row_units(chosen, groups, units)
    table = pa.table({"language": chosen["language"], "word": chosen["word"], "count": weighted})
    table = table.filter(pc.greater(table["count"], 0))
    if not table.num_rows:
        raise ValueError("all weights are 0: nothing is left to train on")
    return table, groups, scale, units


def _weights(groups: pa.Table, params: TrainerSpec) -> np.ndarray:
    """float64 weight of each (language, domain): temperature and buckets, the language's and the domain's factor."""
    languages, domains = groups["language"].to_pylist(), groups["domain"].to_pylist()
    unknown = sorted(set(params.weights) - set(languages) - set(domains))
    if unknown:
        raise ValueError(
            f"weights name {', '.join(unknown)}, which is neither a language nor a domain of the training data: "
            f"{', '.join(sorted(set(languages) | set(domains)))}"
        )
    balance = _balance(languages, groups["bytes_sum"].to_numpy(), params)
    factors = [
        params.weights.get(a, 1.0) * params.weights.get(b, 1.0)
        for a, b in zip(languages, domains, strict=True)
    ]
    return np.array([balance[a] for a in languages]) * np.array(factors)


def _balance(languages: list[str], sizes: np.ndarray, params: TrainerSpec) -> Mapping[str, float]:
    """Factor that moves each language from its share of the bytes to share^(1/T) x its bucket's weight, normalised."""
    names = sorted(set(languages))
    if params.sampling_temperature is None and not params.bucket_weighting:
        return dict.fromkeys(names, 1.0)
    names_at = np.array(languages)
    share = np.array([sizes[names_at == name].sum() for name in names], np.float64)
    share /= max(share.sum(), 1.0)
    target = share ** (1.0 / (params.sampling_temperature or 1.0))
    if params.bucket_weighting:
        weights = bucket_weights(names)
        target *= np.array([weights[name] for name in names])
    target /= max(target.sum(), 1e-300)
    factors = np.divide(target, share, out=np.zeros_like(share), where=share > 0)
    return dict(zip(names, factors.tolist(), strict=True))


def _exact(weights: np.ndarray, sizes: np.ndarray) -> tuple[int, np.ndarray]:
    """(scale, int64 weights x scale): the finest power of two whose weighted total still fits 60 bits.

    Raises ValueError when there is none, or a weight above 0 would become 0.
    """
    if np.array_equal(weights, np.rint(weights)) and float(np.dot(weights, sizes)) < _MAX_TOTAL:
        return 1, weights.astype(np.int64)
    for bits in range(_FINEST, -1, -1):
        units = np.rint(weights * (1 << bits))
        if float(np.dot(units, sizes.astype(np.float64))) < _MAX_TOTAL:
            lost = weights[(weights > 0) & (units == 0) & (sizes > 0)]
            if len(lost):
                raise ValueError(
                    f"the weights lie too far apart: {lost.min():g} would count as 0 in units of 1/{1 << bits}, which "
                    "is the finest that fits; give weights that are closer to each other, or multiply all of them"
                )
            return 1 << bits, units.astype(np.int64)
    raise ValueError("the weights are too large: the weighted counts do not fit 64 bits; divide all of them")


def _row_units(chosen: pa.Table, groups: pa.Table, units: np.ndarray) -> np.ndarray:
    """The unit weight of every row of `chosen`, looked up by its language and domain."""
    wanted, known = (pc.binary_join_element_wise(t["language"], t["domain"], "\t") for t in (chosen, groups))
    return units[pc.index_in(wanted, value_set=known.combine_chunks()).to_numpy()]


def _mixture(groups: pa.Table, weights: np.ndarray) -> pa.Table:
    columns: dict[str, object] = {
        "language": groups["language"],
        "domain": groups["domain"],
        "weight": weights,
    }
    for unit in ("bytes", "pairs"):
        weighted = groups[f"{unit}_sum"].to_numpy() * weights
        columns[unit] = weighted
        columns[f"{unit}_share"] = weighted / max(weighted.sum(), 1e-300)
    return pa.table(columns)
