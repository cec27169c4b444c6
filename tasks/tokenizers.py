"""Task: train one tokenizer from stored word counts."""

from __future__ import annotations

import time

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from lexmill.tokenizer.checks import TokenizerCheckError
from lexmill.tokenizer.encode import WordEncoder
from lexmill.tokenizer.export import write_tokenizer
from lexmill.tokenizer.params import TokenizerParams
from lexmill.tokenizer.train import train_tokenizer
from tasks.step import BuildContext, InputError


def build_tokenizer(context: BuildContext) -> None:
    """Write the files of `lexmill.tokenizer.export.write_tokenizer`; measure bytes per token on split `valid`."""
    params = TokenizerParams.model_validate(dict(context.params))
    counts = pq.read_table(context.input("word_counts").file("counts.parquet"))
    context.progress(0.1, f"learning {params.merges:,} merges")
    started = time.process_time()
    try:
        trained = train_tokenizer(counts, params)
        context.stats["cpu_seconds_training"] = time.process_time() - started
        context.progress(0.8, "checking and writing")
        tokenizer = write_tokenizer(trained, context.out)
    except TokenizerCheckError:
        raise  # our defect, not the user's
    except ValueError as error:
        raise InputError(str(error)) from error
    context.stats["selection"] = {
        "splits": ["train"],
        "languages": list(params.languages) if params.languages is not None else None,
        "domains": list(params.domains) if params.domains is not None else None,
    }
    context.metric("vocab_size", tokenizer.get_vocab_size(with_added_tokens=True), "tokens")
    context.metric("merges", len(trained.merges), "merges")
    context.metric("distinct_words", len(trained.data.words), "words")
    for language, value in held_out_compression(tokenizer, counts, params).items():
        context.metric("bytes_per_token", value, "bytes/token", language=language, split="valid")


def held_out_compression(tokenizer: Tokenizer, counts: pa.Table, params: TokenizerParams) -> dict[str, float]:
    """{language: bytes / tokens} over the words of split `valid` with the tokenizer's languages and domains."""
    for column, wanted in (("language", params.languages), ("domain", params.domains)):
        if wanted is not None:
            counts = counts.filter(pc.is_in(counts[column], pa.array(wanted)))
    held = counts.filter(pc.equal(counts["split"], "valid"))
    if not held.num_rows:
        return {}
    lengths = pa.array(WordEncoder(tokenizer).lengths(held["word"]))
    table = pa.table(
        {
            "language": held["language"],
            "tokens": pc.multiply(lengths, held["count"]),
            "bytes": pc.multiply(pc.cast(pc.binary_length(held["word"]), pa.int64()), held["count"]),
        }
    )
    sums = table.group_by("language", use_threads=False).aggregate([("tokens", "sum"), ("bytes", "sum")])
    rows = sums.sort_by("language").to_pylist()
    return {row["language"]: row["bytes_sum"] / row["tokens_sum"] for row in rows}
