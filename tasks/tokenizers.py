"""Task: train one tokenizer from stored word counts, check it, and measure how exactly its file encodes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from lexmill.tokenizer.algorithms import algorithm_of, parse_spec
from lexmill.tokenizer.checks import TokenizerCheckError, require_sound
from lexmill.tokenizer.encoders.encoder import Encoder, WordEncoder
from lexmill.tokenizer.encoders.load import load_encoder
from lexmill.tokenizer.export import write_tokenizer
from lexmill.tokenizer.held_out import sample_texts
from lexmill.tokenizer.label import Agreement, measure_agreement
from lexmill.tokenizer.params import TrainerSpec
from lexmill.tokenizer.train import train_tokenizer, training_data
from lexmill.tokenizer.trained import TrainingData
from tasks.step import BuildContext, InputError

TEXTS = 200  # held-out documents that a method of word sequences is compared on


def build_tokenizer(context: BuildContext) -> None:
    """Write the files of `lexmill.tokenizer.export.write_tokenizer`, with the measured label in lexmill.json.

    Raises InputError for what the text cannot give, TokenizerCheckError when the result must not be stored.
    """
    spec = parse_spec(context.params)
    counts = pq.read_table(context.input("word_counts").file("counts.parquet"))
    context.progress(0.05, f"training {spec.name} ({spec.algorithm_name})")
    started = time.process_time()
    try:
        data = training_data(
            counts,
            spec,
            sequences=_folder(context, "sequences"),
            files=_files(context, spec),
            progress=lambda part, message: context.progress(0.05 + 0.7 * part, message),
        )
        learned = train_tokenizer(data, spec)
        context.stats["cpu_seconds_training"] = time.process_time() - started
        tokenizer = write_tokenizer(learned, spec, data, context.out)
    except TokenizerCheckError:
        raise  # our defect, not the user's
    except ValueError as error:
        raise InputError(str(error)) from error
    context.progress(0.8, "checking and measuring")
    _check(context, spec, data, tokenizer)
    context.stats["selection"] = {
        "splits": ["train"],
        "languages": list(spec.languages) if spec.languages is not None else None,
        "domains": list(spec.domains) if spec.domains is not None else None,
    }
    context.metric("vocab_size", tokenizer.get_vocab_size(with_added_tokens=True), "tokens")
    context.metric("distinct_words", len(data.words.words), "words")


def _folder(context: BuildContext, role: str) -> Path | None:
    """The local folder of an input's files, if the step has that input."""
    artifacts = context.inputs.get(role)
    return artifacts[0].file("words.parquet").parent if artifacts else None


def _files(context: BuildContext, spec: TrainerSpec) -> dict[str, Path]:
    """{key: path} of what the spec's keys name: a local file, or the folder of a tokenizer of the pipeline."""
    files = {key: Path(path) for key, path in context.runtime.get("files", {}).items()}
    for key in spec.TOKENIZERS:
        if context.inputs.get(key):
            files[key] = context.input(key).file("tokenizer.json").parent
    return files


def _check(context: BuildContext, spec: TrainerSpec, data: TrainingData, tokenizer: Tokenizer) -> None:
    """Audit what was written, label the export, and measure compression of held-out words."""
    algorithm = algorithm_of(spec)
    lossy, exact = bool(algorithm.lossy), algorithm.export == "exact"
    require_sound(tokenizer, spec.name, lossy=lossy, approximate=not exact)
    encoder = load_encoder(context.out)
    if not exact:
        require_sound(encoder, f"{spec.name} (encoder {algorithm.encoder})", lossy=lossy, approximate=True)
    held, split = _held_out(data.counts)
    texts = sample_texts(data.sequences, split, TEXTS) if data.sequences is not None else None
    words = held["word"].combine_chunks()
    agreement = measure_agreement(encoder, tokenizer, words, held["count"].to_numpy(), texts)
    if exact and not agreement.identical:
        raise TokenizerCheckError(
            f"tokenizer {spec.name} is not stored: its file claims to be exact, but {agreement.agreement:.4%} of the "
            f"words and {agreement.text_agreement:.4%} of the tokens in texts are those of the encoder "
            f"{algorithm.encoder}"
        )
    _label(context, agreement, algorithm.export, split)
    for language, value in compression(encoder, held).items():
        context.metric("bytes_per_token", value, "bytes/token", language=language, split=split)


def _held_out(counts: pa.Table) -> tuple[pa.Table, str]:
    """The word counts of split `valid`, or those of `train` where nothing is held out; and which."""
    for split in ("valid", "train"):
        found = counts.filter(pc.equal(counts["split"], split))
        if found.num_rows:
            return found, split
    raise InputError("the word counts hold neither of the splits train and valid")


def _label(context: BuildContext, agreement: Agreement, label: str, split: str) -> None:
    path = context.out / "lexmill.json"
    identity: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    identity["export"] = {"label": label, **agreement._asdict(), "split": split}
    text = json.dumps(identity, indent=2, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
    context.metric("export_agreement", agreement.agreement, "share of words", label=label, split=split)
    context.metric("export_token_ratio", agreement.token_ratio, "tokens/token", label=label, split=split)


def compression(encoder: Encoder, counts: pa.Table) -> dict[str, float]:
    """{language: bytes / tokens} over word counts, of encoders that look at one word at a time; else nothing."""
    if not isinstance(encoder, WordEncoder):
        return {}
    words = counts["word"].combine_chunks()
    tokens = encoder.lengths(words) * counts["count"].to_numpy()
    sizes = pc.binary_length(words).to_numpy().astype(np.int64) * counts["count"].to_numpy()
    table = pa.table({"language": counts["language"], "tokens": tokens, "bytes": sizes})
    sums = table.group_by("language", use_threads=False).aggregate([("tokens", "sum"), ("bytes", "sum")])
    rows = sums.sort_by("language").to_pylist()
    return {row["language"]: row["bytes_sum"] / row["tokens_sum"] for row in rows}
