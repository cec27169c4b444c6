"""Steps that train: the base model from scratch, and the transferred model on new languages with replay."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lexmill.evaluation.models import (
    LossyTokenizerError,
    encode_losslessly,
    score_tokens,
    total_bits_per_byte,
)
from lexmill.training.checkpoint import CheckpointError, load_model, save_model
from lexmill.training.llama import Llama
from lexmill.training.loop import DivergedError, HeldOut, train
from lexmill.training.params import AdaptationParams, BaseParams, TrainingParams
from lexmill.training.stream import NoTextError, PackedStream, Source, read_documents, sample_documents
from lexmill.training.vocabulary import Vocabulary, load_vocabulary
from tasks.step import BuildContext, InputError


def build_base_model(context: BuildContext) -> None:
    """Draw the weights, train them, save the model with its curve and the documents it saw."""
    params = BaseParams.model_validate(context.params["base"])
    folder = open_folder(context, "tokenizer")
    vocabulary = load_vocabulary(folder)
    model = Llama(params.architecture, vocabulary.size, seed=params.training.seed)
    _train_and_save(
        context, model, vocabulary, folder, params.training, {params.languages: 1.0}, params.domains, 0.0
    )


def build_adapted_model(context: BuildContext) -> None:
    """Train the transferred model on the new languages, replaying the old; save it the same way."""
    params = AdaptationParams.model_validate(context.params["adaptation"])
    folder = open_folder(context, "init")
    vocabulary = load_vocabulary(folder)
    model = load_model(folder)
    if params.training.sequence_length > model.architecture.max_position_embeddings:
        raise InputError(
            f"adaptation.training.sequence_length {params.training.sequence_length} exceeds the base model's "
            f"max_position_embeddings {model.architecture.max_position_embeddings}"
        )
    shares = {params.languages: 1.0 - params.replay_share}
    if params.replay_share > 0:
        shares[params.replay_languages or ()] = params.replay_share
    _train_and_save(
        context,
        model,
        vocabulary,
        folder,
        params.training,
        shares,
        params.domains,
        params.embeddings_first_share,
    )


def open_folder(context: BuildContext, role: str, position: int = 0) -> Path:
    """Folder of an artifact with all of its files local (a remote one fetches them one by one)."""
    artifact = context.inputs[role][position]
    files = [artifact.file(entry.path) for entry in artifact.record.files]
    return min(files, key=lambda file: len(file.parts)).parent


def _train_and_save(
    context: BuildContext,
    model: Llama,
    vocabulary: Vocabulary,
    tokenizer_folder: Path,
    training: TrainingParams,
    shares: Mapping[tuple[str, ...], float],
    domains: tuple[str, ...] | None,
    embeddings_first_share: float,
) -> None:
    """`shares` maps languages to their share of the bytes fed."""
    path = context.input("documents").file("documents.parquet")
    started = time.perf_counter()
    try:
        sources = [Source(read_documents(path, langs, domains), share) for langs, share in shares.items()]
        languages = list(dict.fromkeys(language for langs in shares for language in langs))
        stream = PackedStream(
            sources, vocabulary.tokenizer, vocabulary.separator, vocabulary.tokens, training.seed
        )
        held_out = make_held_out(path, vocabulary, languages, domains, training)
        curve = train(model, stream, training, held_out, context.progress, embeddings_first_share)
        save_model(model, vocabulary, tokenizer_folder, context.out)
    except (NoTextError, LossyTokenizerError, DivergedError, CheckpointError) as error:
        raise InputError(f"model {context.name}: {error}") from error
    seconds = time.perf_counter() - started
    _write_tables(context, curve, stream)
    fed = curve["tokens"][-1].as_py()
    context.stats["seconds"] = round(seconds, 3)
    context.stats["tokens_per_second"] = round(fed / seconds, 1)
    context.stats["parameters"] = sum(parameter.numel() for parameter in model.parameters())
    context.metric("training_tokens", fed, "tokens")
    context.metric("training_bits_per_byte", curve["bits_per_byte"][-1].as_py(), "bits/byte", split="train")


def _write_tables(context: BuildContext, curve: pa.Table, stream: PackedStream) -> None:
    pq.write_table(curve, context.out / "training.parquet")
    pq.write_table(stream.seen(), context.out / "documents_seen.parquet")


def make_held_out(
    documents: Path,
    vocabulary: Vocabulary,
    languages: Sequence[str],
    domains: tuple[str, ...] | None,
    training: TrainingParams,
) -> HeldOut:
    """A function that scores a model on a fixed sample of the valid split: language -> bits per byte.

    The sample is encoded once, here.  A language without valid documents has no column in the curve.
    Raises LossyTokenizerError when the tokenizer changes the text.
    """
    encoded: dict[str, list[list[int]]] = {}
    for language in languages:
        try:
            table = read_documents(documents, [language], domains, split="valid")
        except NoTextError:
            continue
        sample = sample_documents(table, training.evaluation_bytes, training.seed)
        encoded[language] = encode_losslessly(vocabulary, sample["text"].to_pylist())
    return _scorer(vocabulary, encoded, training.sequence_length)


def _scorer(
    vocabulary: Vocabulary, encoded: Mapping[str, Sequence[Sequence[int]]], window: int
) -> Callable[[Llama], Mapping[str, float]]:
    def score(model: Llama) -> dict[str, float]:
        return {
            language: total_bits_per_byte(score_tokens(model, vocabulary, documents, window))
            for language, documents in encoded.items()
        }

    return score
