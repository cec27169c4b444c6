"""WordPiece: merges by frequency over word starts and continuations, a vocabulary without merges."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer, decoders, models

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.bpe_symbols import learn_symbol_merges
from lexmill.tokenizer.bytelevel import ID_OF_BYTE, to_alphabet
from lexmill.tokenizer.params import BYTES
from lexmill.tokenizer.specs.library import WordPieceSpec
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.vessels import UNKNOWN, byte_level
from lexmill.tokenizer.vocabulary import BYTE_TOKENS
from lexmill.tokenizer.words import TrainingWords

CONTINUATION = "\ue000"  # of private use: in the byte alphabet no text can hold it
_TIE_BREAK = (
    "largest count, then smallest (left id, right id); base ids: word starts, then continuations, each in "
    "byte-level character order"
)
_NO_LIMIT = 10**9  # characters of a word: a longer one would be one unknown token


def train(data: TrainingData, spec: WordPieceSpec) -> Learned:
    """Learn the tokens that fill the vocabulary, fewer when the text has no more to give."""
    tokens = _learned_tokens(data.words, spec)
    table = pa.table(
        {
            "id": pa.array(range(len(tokens)), pa.int32()),
            "continues": pa.array([continues for continues, _ in tokens], pa.bool_()),
            "bytes": pa.array([spelled for _, spelled in tokens], pa.binary()),
        }
    )
    return Learned(_vessel(spec, tokens), _TIE_BREAK, {"pieces": table})


def _learned_tokens(words: TrainingWords, spec: WordPieceSpec) -> list[tuple[bool, bytes]]:
    """(whether it continues a word, bytes) of the 512 base symbols and of what each merge makes."""
    data, offsets = flat_bytes(words.words)
    symbols = ID_OF_BYTE[data[offsets[0] : offsets[-1]]] + np.int32(BYTES)
    offsets = offsets - offsets[0]
    starts = offsets[:-1][np.diff(offsets) > 0]
    symbols[starts] -= BYTES
    left, right, _ = learn_symbol_merges(
        symbols,
        offsets,
        words.counts,
        2 * BYTES,
        spec.merges,
        max(1, spec.min_frequency * words.scale),
        largest=spec.max_token_length,
    )
    tokens = [(False, token) for token in BYTE_TOKENS] + [(True, token) for token in BYTE_TOKENS]
    for a, b in zip(left.tolist(), right.tolist(), strict=True):
        tokens.append((tokens[a][0], tokens[a][1] + tokens[b][1]))
    return tokens


def _vessel(spec: WordPieceSpec, tokens: list[tuple[bool, bytes]]) -> Tokenizer:
    """The WordPiece file: any byte can start and continue a word, no word is too long, decoding gives the bytes."""
    spelled = [CONTINUATION * continues + to_alphabet(token) for continues, token in tokens]
    vocabulary = {token: index for index, token in enumerate(spelled)}
    model = models.WordPiece(vocabulary, unk_token=UNKNOWN, max_input_chars_per_word=_NO_LIMIT)  # type: ignore[arg-type]
    model.continuing_subword_prefix = CONTINUATION
    tokenizer = byte_level(Tokenizer(model), spec)
    tokenizer.decoder = decoders.Sequence([decoders.Replace(CONTINUATION, ""), decoders.ByteLevel()])
    return tokenizer
