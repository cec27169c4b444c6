"""SCRIPT-BPE: merges over blocks and indices that keep characters whole."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from lexmill.tokenizer.bpe_symbols import learn_symbol_merges
from lexmill.tokenizer.params import BYTES
from lexmill.tokenizer.patterns import pattern_of
from lexmill.tokenizer.script_encoding import JOINED, block_table, script_encoding
from lexmill.tokenizer.specs.script import ScriptSpec
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.vocabulary import BYTE_TOKENS

_TIE_BREAK = (
    "largest count, then smallest (left id, right id); base ids: bytes in byte-level character order, then indices, "
    "then blocks"
)
_PLACEHOLDER = "\U000f0000"  # of private use, and with another one behind it never a token of any text
_BYTE_NAME = re.compile("<0x[0-9A-F]{2}>")


def train(data: TrainingData, spec: ScriptSpec) -> Learned:
    """Learn the merges that fill the vocabulary, fewer when the text has no more to give."""
    words, encoding = data.words, script_encoding()
    symbols, offsets = encoding.encode(words.words)
    left, right, count = learn_symbol_merges(
        symbols,
        offsets,
        words.counts,
        encoding.symbols,
        spec.merges,
        max(1, spec.min_frequency * words.scale),
        classes=encoding.classes,
        joined=JOINED,
    )
    texts = token_texts(left, right)
    table = pa.table(
        {
            "step": pa.array(range(len(left)), pa.int32()),
            "left_id": pa.array(left, pa.int32()),
            "right_id": pa.array(right, pa.int32()),
            "new_id": pa.array(encoding.symbols + np.arange(len(left)), pa.int32()),
            "text": pa.array(texts, pa.string()),
            "count": pa.array(count, pa.int64()),
        }
    )
    merges = list(zip(left.tolist(), right.tolist(), strict=True))
    tokenizer = _vessel(spec, texts, merges)
    tables = {"merges": table, "blocks": block_table()}
    return Learned(tokenizer, _TIE_BREAK, tables, details={"merges": len(merges)})


def token_texts(left: np.ndarray, right: np.ndarray) -> list[str]:
    """The characters of the token that each merge makes."""
    encoding = script_encoding()
    texts: list[str] = []
    for a, b in zip(left.tolist(), right.tolist(), strict=True):
        if a < encoding.symbols:
            character = encoding.character(a, b)
            assert character is not None, "only a block and its index are merged"
            texts.append(character)
        else:
            texts.append(texts[a - encoding.symbols] + texts[b - encoding.symbols])
    return texts


def _vessel(spec: ScriptSpec, texts: list[str], merges: list[tuple[int, int]]) -> Tokenizer:
    """BPE over characters with byte fallback.

    It gives the ids of the method except for characters that have no token of their own: these are bytes here, a block
    and an index there.  Raises ValueError when a learned token is spelled like one of the byte tokens.
    """
    clash = next((text for text in texts if _BYTE_NAME.fullmatch(text)), None)
    if clash:
        raise ValueError(
            f"tokenizer {spec.name}: the text has {clash!r} so often that it became a token, which is the name of a "
            "byte token: ask for a smaller vocab_size"
        )
    symbols = script_encoding().symbols
    spelled = [f"<0x{token[0]:02X}>" for token in BYTE_TOKENS]
    spelled += [_PLACEHOLDER + chr(0xF0001 + index) for index in range(symbols - BYTES)] + texts
    vocabulary = {token: index for index, token in enumerate(spelled)}
    pairs = [(spelled[a], spelled[b]) for a, b in merges if a >= symbols]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs, byte_fallback=True))
    if spec.normalizer != "none":
        tokenizer.normalizer = {"NFC": normalizers.NFC, "NFKC": normalizers.NFKC}[spec.normalizer]()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern_of(spec.pretokenizer)), "isolated")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    return tokenizer
