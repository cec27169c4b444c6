"""How exactly an exported `tokenizer.json` encodes like the exact encoder of its method: measured, never assumed.

Words are compared id by id, in the file's model alone.  Texts go through the whole file, so that a difference in
cutting or normalising is seen too; there, a token agrees when the file gives the same id to the same bytes of the text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tokenizers import Tokenizer, models

from lexmill.tokenizer.bytelevel import to_alphabet
from lexmill.tokenizer.encoders.encoder import Encoder, WordEncoder
from lexmill.tokenizer.encoders.fast import plain_ids
from lexmill.tokenizer.encoders.pieces import distinct_pieces
from lexmill.tokenizer.load import is_byte_level, token_bytes

MAX_WORDS = 100_000  # distinct words compared
MAX_WORD_BYTES = 512  # a WordPiece model of `tokenizers` takes time cubic in the length of a word
TEXTS, TEXT_WORDS = 64, 256  # texts made of drawn words, where no text is given


class Agreement(NamedTuple):
    """What was compared, and how much of it is the same.

    words: distinct words (0 for an encoder that does not work by words); texts: number of texts; agreement: share of
    the word occurrences that get the same ids (of the exact encoder's tokens in the texts, where there are no words);
    text_agreement: share of the exact encoder's tokens in the texts that the file has too; token_ratio: the file's
    tokens / the exact encoder's.
    """

    words: int
    texts: int
    agreement: float
    text_agreement: float
    token_ratio: float

    @property
    def identical(self) -> bool:
        """Whether no difference was found at all."""
        return self.agreement == 1 and self.text_agreement == 1 and self.token_ratio == 1


def measure_agreement(
    encoder: Encoder,
    tokenizer: Tokenizer,
    words: pa.Array,
    counts: np.ndarray,
    texts: Sequence[str] | None = None,
    seed: int = 0,
) -> Agreement:
    """Compare an exact encoder with the exported file.

    words: held-out words (Arrow binary, a word may be repeated); counts: int64[n].  At most MAX_WORDS distinct words
    are compared: the most frequent half of them, and a seeded sample of the others that stands for all of them; words
    longer than MAX_WORD_BYTES are left out.  texts: held-out texts; without them, TEXTS texts are made of words drawn
    by their counts, in which nothing longer than a word comes naturally: an encoder of superwords needs real ones.
    A WordPiece file does not get texts with a longer word either.
    Raises ValueError when there is nothing to compare.
    """
    chosen, spelled, weights = _sample(words, counts, seed)
    if not spelled:
        raise ValueError("there are no held-out words to compare the exported file with the exact encoder on")
    given = list(texts) if texts is not None else _drawn_texts(spelled, weights, seed)
    if isinstance(encoder, WordEncoder) and isinstance(tokenizer.model, models.WordPiece):
        given = _without_long_words(encoder, given)
    same, exact_tokens, file_tokens = _compare_texts(encoder, tokenizer, given)
    text_agreement = same / exact_tokens if exact_tokens else 1.0
    if not isinstance(encoder, WordEncoder):
        ratio = file_tokens / exact_tokens if exact_tokens else 1.0
        return Agreement(0, len(given), text_agreement, text_agreement, ratio)
    equal, exact_lengths, file_lengths = _compare_words(encoder, tokenizer, chosen, spelled)
    agreement = 1.0 if equal.all() else _share(weights, equal, np.ones(len(weights)))
    same_lengths = bool((exact_lengths == file_lengths).all())
    ratio = 1.0 if same_lengths else _share(weights, file_lengths, exact_lengths)
    return Agreement(len(spelled), len(given), agreement, text_agreement, ratio)


def _sample(words: pa.Array, counts: np.ndarray, seed: int) -> tuple[pa.Array, list[bytes], np.ndarray]:
    """Distinct words, the same as Python bytes, and float64 weights."""
    table = pa.table({"word": words.cast(pa.large_binary()), "count": np.asarray(counts, np.int64)})
    table = table.group_by("word", use_threads=False).aggregate([("count", "sum")])
    size = pc.binary_length(table["word"])
    table = table.filter(pc.and_(pc.less_equal(size, MAX_WORD_BYTES), pc.greater(table["count_sum"], 0)))
    weights = table["count_sum"].to_numpy().astype(np.float64)
    if table.num_rows > MAX_WORDS:
        order = np.argsort(-weights, kind="stable")
        often, rest = order[: MAX_WORDS // 2], order[MAX_WORDS // 2 :]
        drawn = np.random.default_rng(seed).permutation(rest)[: MAX_WORDS - len(often)]
        weights[drawn] *= weights[rest].sum() / weights[drawn].sum()
        chosen = np.concatenate((often, drawn))
        table, weights = table.take(chosen), weights[chosen]
    column = table["word"].combine_chunks()
    return column, column.to_pylist(), weights


def _drawn_texts(words: Sequence[bytes], weights: np.ndarray, seed: int) -> list[str]:
    drawn = np.random.default_rng(seed).choice(
        len(words), size=(TEXTS, TEXT_WORDS), p=weights / weights.sum()
    )
    return [b"".join(words[index] for index in row).decode("utf-8", "replace") for row in drawn.tolist()]


def _without_long_words(encoder: WordEncoder, texts: Sequence[str]) -> list[str]:
    """The texts of which no word is longer than MAX_WORD_BYTES."""
    pieces = distinct_pieces(texts, encoder.pretokenizer, encoder.normalizer)
    is_long = pc.greater(pc.binary_length(pieces.words), MAX_WORD_BYTES).to_numpy(zero_copy_only=False)
    before = np.concatenate((np.zeros(1, np.int64), np.cumsum(is_long[pieces.order])))
    return [text for text, number in zip(texts, np.diff(before[pieces.bounds]), strict=True) if not number]


def _share(weights: np.ndarray, some: np.ndarray, whole: np.ndarray) -> float:
    """Weighted sum of `some` / that of `whole`; not by `@`, whose last digit depends on the number of threads."""
    return float((weights * some).sum() / (weights * whole).sum())


def _compare_words(
    encoder: WordEncoder, tokenizer: Tokenizer, words: pa.Array, spelled: Sequence[bytes]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For every word: bool, whether the ids are the same; int64 tokens of the encoder; int64 tokens of the file."""
    ids, bounds = encoder.encode_words(words)
    flat, ends = ids.tolist(), bounds.tolist()
    byte_level = is_byte_level(json.loads(tokenizer.to_str()))
    model = tokenizer.model
    equal, lengths = np.zeros(len(spelled), np.bool_), np.zeros(len(spelled), np.int64)
    for index, word in enumerate(spelled):
        if byte_level:
            own = [token.id for token in model.tokenize(to_alphabet(word))]
        else:
            own = tokenizer.encode(word.decode("utf-8", "replace"), add_special_tokens=False).ids
        equal[index] = own == flat[ends[index] : ends[index + 1]]
        lengths[index] = len(own)
    return equal, np.diff(bounds), lengths


def _compare_texts(encoder: Encoder, tokenizer: Tokenizer, texts: Sequence[str]) -> tuple[int, int, int]:
    """Tokens that agree, tokens of the encoder, tokens of the file."""
    ids, bounds = encoder.encode_batch(texts)
    exact_size = np.array([len(data) for data in encoder.tokens], np.int64)
    file_size = np.array([len(data or b"") for data in token_bytes(tokenizer)], np.int64)
    same = file_tokens = 0
    for index, own_ids in enumerate(plain_ids(tokenizer, texts)):
        own = np.array(own_ids, np.int32)
        exact = ids[bounds[index] : bounds[index + 1]]
        same += _same_tokens(exact, exact_size[exact], own, file_size[own])
        file_tokens += len(own)
    return same, len(ids), file_tokens


def _same_tokens(exact: np.ndarray, exact_sizes: np.ndarray, own: np.ndarray, own_sizes: np.ndarray) -> int:
    """How many tokens of `exact` are in `own` at the same bytes; where sizes say nothing of places, all or none."""
    if exact_sizes.sum() != own_sizes.sum():
        return len(exact) if np.array_equal(exact, own) else 0
    starts, others = np.cumsum(exact_sizes) - exact_sizes, np.cumsum(own_sizes) - own_sizes
    shared = np.nonzero(np.isin(starts, others))[0]
    return int((own[np.searchsorted(others, starts[shared])] == exact[shared]).sum())
