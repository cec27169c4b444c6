"""Language models on held-out text: bits per byte, with an interval; and short generated samples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import torch

from lexmill.training.cross_entropy import token_nats
from lexmill.training.llama import Llama
from lexmill.training.vocabulary import Vocabulary

TOKENS_AT_ONCE = 4096  # of one forward pass
RESAMPLES = 1000
TEMPERATURE = 0.8
TOP_K = 40


class LossyTokenizerError(ValueError):
    """The tokens do not spell the text."""


@dataclass(frozen=True)
class Window:
    """Part of a document: the model reads `inputs`; of its predictions the last `scored` count."""

    document: int
    inputs: list[int]
    targets: list[int]
    scored: int


@dataclass(frozen=True)
class Scores:
    """Of each document: cost in nats (float64), tokens without the separator, UTF-8 bytes (int64)."""

    nats: np.ndarray
    tokens: np.ndarray
    bytes: np.ndarray


@dataclass(frozen=True)
class Estimate:
    """A ratio of sums over documents, with its bootstrap standard error and 95 % interval.

    The last three are None for fewer than two documents, which say nothing about their spread.
    """

    value: float
    standard_error: float | None
    lower: float | None
    upper: float | None


def encode_losslessly(vocabulary: Vocabulary, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text.

    Raises LossyTokenizerError when the tokens do not spell exactly the bytes of a text: its bits per byte would
    be those of another text.
    """
    encodings = vocabulary.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    result = []
    for text, encoding in zip(texts, encodings, strict=True):
        expected = text.encode()
        spelled = b"".join(vocabulary.tokens[index] or b"" for index in encoding.ids)
        if spelled != expected:
            same = next(i for i, (a, b) in enumerate(zip_longest(spelled, expected)) if a != b)
            raise LossyTokenizerError(
                f"the tokenizer spells {len(spelled)} bytes for the {len(expected)} of {text[:40]!r}, "
                f"the first {same} right: evaluate on text in the tokenizer's own normal form"
            )
        result.append(encoding.ids)
    return result


def cut_windows(documents: Sequence[Sequence[int]], separator: int, length: int) -> list[Window]:
    """Windows of at most `length` tokens in which every token of every document is a scored target exactly once.

    A document is read after its separator.  Longer ones are cut so that each window repeats the second half of
    the one before, and every token after the first window has at least length // 2 tokens of context.
    """
    stride = max(1, length // 2)
    windows = []
    for index, tokens in enumerate(documents):
        sequence = [separator, *tokens]
        done = 0
        for start in range(0, len(tokens), stride):
            end = min(start + length, len(tokens))
            windows.append(Window(index, sequence[start:end], sequence[start + 1 : end + 1], end - done))
            done = end
            if end == len(tokens):
                break
    return windows


def score_documents(model: Llama, vocabulary: Vocabulary, texts: Sequence[str], window: int) -> Scores:
    """Cost of each text under the model, in float32 arithmetic.

    Raises LossyTokenizerError as `encode_losslessly` does; for `window` see `score_tokens`.
    """
    return score_tokens(model, vocabulary, encode_losslessly(vocabulary, texts), window)


def score_tokens(
    model: Llama, vocabulary: Vocabulary, documents: Sequence[Sequence[int]], window: int
) -> Scores:
    """The same for what `encode_losslessly` returned.

    `window` is in tokens and at most the model's max_position_embeddings; use the length it was trained with.
    """
    lengths = np.array([len(token or b"") for token in vocabulary.tokens], dtype=np.int64)
    nats = np.zeros(len(documents))
    model.train(False)
    for batch in _batches(cut_windows(documents, vocabulary.separator, window)):
        for part, costs in zip(batch, _window_nats(model, batch), strict=True):
            nats[part.document] += float(costs[len(costs) - part.scored :].sum())
    model.train(True)
    return Scores(
        nats=nats,
        tokens=np.array([len(document) for document in documents], dtype=np.int64),
        bytes=np.array([lengths[np.array(d, dtype=np.int64)].sum() for d in documents], dtype=np.int64),
    )


def _batches(windows: Sequence[Window]) -> Iterator[list[Window]]:
    """Windows of similar length together: the padding of a batch costs time."""
    batch: list[Window] = []
    for window in sorted(windows, key=lambda w: (len(w.inputs), w.document)):
        if batch and len(window.inputs) * (len(batch) + 1) > TOKENS_AT_ONCE:
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


@torch.no_grad()
def _window_nats(model: Llama, batch: Sequence[Window]) -> list[torch.Tensor]:
    """Cost of each target of each window; the padding on the right is never read by a causal model."""
    inputs = torch.zeros(len(batch), max(len(window.inputs) for window in batch), dtype=torch.int64)
    for row, window in enumerate(batch):
        inputs[row, : len(window.inputs)] = torch.tensor(window.inputs)
    hidden = model.hidden_states(inputs)
    used = torch.cat([hidden[row, : len(window.inputs)] for row, window in enumerate(batch)])
    targets = torch.tensor([target for window in batch for target in window.targets])
    costs = token_nats(used, model.lm_head.weight, targets)
    return list(costs.split([len(window.inputs) for window in batch]))


def total_bits_per_byte(scores: Scores) -> float:
    """Sum of nats / (ln 2 * sum of bytes), without an interval."""
    return float(scores.nats.sum() / math.log(2) / scores.bytes.sum())


def bits_per_byte(scores: Scores, seed: int = 0) -> Estimate:
    """`total_bits_per_byte` with an interval, which resamples documents (Efron, 1979)."""
    return ratio_of_sums(scores.nats / math.log(2), scores.bytes, seed)


def bits_per_byte_difference(scores: Scores, reference: Scores, seed: int = 0) -> Estimate:
    """`scores` minus `reference` on the same documents, resampled together (negative: better).

    Raises ValueError when the documents differ.
    """
    if not np.array_equal(scores.bytes, reference.bytes):
        raise ValueError("a paired difference needs the same documents in the same order")
    return ratio_of_sums((scores.nats - reference.nats) / math.log(2), scores.bytes, seed)


def ratio_of_sums(numerators: np.ndarray, denominators: np.ndarray, seed: int) -> Estimate:
    """sum(numerators) / sum(denominators), with the bootstrap over their common index."""
    count = len(numerators)
    value = float(numerators.sum() / denominators.sum())
    if count < 2:
        return Estimate(value, None, None, None)
    rng = np.random.default_rng(seed)
    draws = np.empty(RESAMPLES)
    for index in range(RESAMPLES):
        chosen = rng.integers(0, count, count)
        draws[index] = numerators[chosen].sum() / denominators[chosen].sum()
    lower, upper = np.quantile(draws, (0.025, 0.975))
    return Estimate(
        value=value,
        standard_error=float(draws.std(ddof=1)),
        lower=float(lower),
        upper=float(upper),
    )


@torch.no_grad()
def generate(model: Llama, vocabulary: Vocabulary, prompt: str, tokens: int, seed: int) -> str:
    """At most `tokens` sampled tokens (temperature 0.8, top 40) after `prompt`; stops at a separator.

    Invalid UTF-8 becomes U+FFFD.
    """
    generator = torch.Generator().manual_seed(seed)
    limit = model.architecture.max_position_embeddings
    ids = [
        vocabulary.separator,
        *vocabulary.tokenizer.encode(prompt, add_special_tokens=False).ids,
    ]
    written: list[int] = []
    model.train(False)
    while len(written) < tokens and len(ids) < limit:
        logits = model(torch.tensor([ids]))[0, -1, : vocabulary.size] / TEMPERATURE
        best = logits.topk(min(TOP_K, vocabulary.size))
        choice = torch.multinomial(best.values.softmax(dim=0), 1, generator=generator)
        index = int(best.indices[choice])
        if index == vocabulary.separator:
            break
        ids.append(index)
        written.append(index)
    model.train(True)
    return b"".join(vocabulary.tokens[index] or b"" for index in written).decode(errors="replace")
