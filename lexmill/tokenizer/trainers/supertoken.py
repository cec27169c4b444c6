"""Supertokens (the idea of arXiv 2505.09738 and of KL3M's random chunks): BPE over random runs of words."""

from __future__ import annotations

from dataclasses import replace

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.bpe import TIE_BREAK, train_bpe
from lexmill.tokenizer.export import merge_table
from lexmill.tokenizer.specs.superwords import SupertokenSpec
from lexmill.tokenizer.superword_kernel import random_bounds, spell
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.trainers.superwords import (
    binary_array,
    cut_spans,
    once_each,
    read_documents,
)
from lexmill.tokenizer.vessels import byte_level, merges_vessel


def train(data: TrainingData, spec: SupertokenSpec) -> Learned:
    """Cut the sampled documents into random chunks of words and learn byte-level BPE within the chunks.

    Chunks do not reach over what the wide pattern cuts, so that every merge can happen in the exported file.  No
    training code of the paper is public; lengths are uniform, as in KL3M's `RandomChunkSplit`.
    """
    spans = cut_spans(read_documents(data, spec), spec.wide_pretokenizer, distinct=False)
    bounds, span_of = random_bounds(spans.bounds, spec.shortest_chunk, spec.longest_chunk, spec.seed)
    chunks = once_each(replace(spans, bounds=bounds, counts=spans.counts[span_of]))
    text, ends = spell(chunks.ids, *flat_bytes(chunks.words))
    data.progress(0.3, f"{len(chunks.counts)} distinct chunks")
    floor = spec.min_frequency * chunks.scale
    merges = train_bpe(binary_array(text, ends[chunks.bounds]), chunks.counts, spec.merges, floor)
    merges = replace(merges, count=merges.count // (chunks.scale // data.words.scale))
    pairs = list(zip(merges.left.tolist(), merges.right.tolist(), strict=True))
    tokenizer = byte_level(merges_vessel(spec, merges.token_bytes(), pairs), spec, spec.wide_pretokenizer)
    return Learned(
        tokenizer,
        TIE_BREAK,
        {"merges": merge_table(merges)},
        details={"merges": len(merges), "distinct_chunks": len(chunks.counts)},
        pretokenizer=spec.wide_pretokenizer,
    )
