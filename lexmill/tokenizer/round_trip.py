"""Whether texts come back from encoding and decoding: samples, and every scalar value of Unicode."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence

from tokenizers import Tokenizer

from lexmill.tokenizer.encoders.encoder import Encoder
from lexmill.tokenizer.encoders.fast import plain_ids
from lexmill.tokenizer.split import normalize, tokenizers_failed

MAX_LOST = 1000  # scalar values listed at most
_GROUP = 256  # scalar values encoded together
_LAST = 0x110000  # scalar values lie below it
_MARK = "\u2581"  # SentencePiece's space

Survivors = Callable[[Sequence[str]], list[bool]]  # whether each text comes back


def file_survivors(tokenizer: Tokenizer) -> Survivors:
    """Round trips through a `tokenizer.json`, special tokens read like any other text.

    A text also survives as its own normaliser writes it, and where that writes spaces as U+2581, with spaces again.
    """
    normalizer = tokenizer.normalizer
    spec = json.loads(tokenizer.to_str())
    marked = _MARK in json.dumps([spec.get("normalizer"), spec.get("decoder")], ensure_ascii=False)

    def normalised(text: str) -> tuple[str, ...]:
        changed = str(normalizer.normalize_str(text)) if normalizer is not None else text
        plain = changed.replace(_MARK, " ")
        return (changed, plain, plain.removeprefix(" ")) if marked else (changed,)

    def survive(texts: Sequence[str]) -> list[bool]:
        try:
            decoded = tokenizer.decode_batch(plain_ids(tokenizer, texts), skip_special_tokens=False)
        except BaseException as error:  # a model without an unknown token refuses what it does not know
            if not tokenizers_failed(error):
                raise
            return [survive([text])[0] for text in texts] if len(texts) > 1 else [False]
        return [back == text or back in normalised(text) for text, back in zip(texts, decoded, strict=True)]

    return survive


def encoder_survivors(encoder: Encoder) -> Survivors:
    """Round trips through an encoder; a text also survives as its normaliser writes it."""
    normal = normalize(getattr(encoder, "normalizer", "none"))

    def survive(texts: Sequence[str]) -> list[bool]:
        ids, bounds = encoder.encode_batch(texts)
        flat, ends = ids.tolist(), bounds.tolist()
        return [
            encoder.decode(flat[ends[row] : ends[row + 1]]) in (text.encode(), normal(text).encode())
            for row, text in enumerate(texts)
        ]

    return survive


def lost_texts(survivors: Survivors, seed: int, glue: str = "") -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Sample texts that do not come back, and scalar values that do not between two letters (the first MAX_LOST).

    Scalar values go by groups, joined by `glue`; those of a group that does not come back go one by one.
    """
    samples = _samples(seed)
    lost = [text for text, good in zip(samples, survivors(samples), strict=True) if not good]
    groups = [glue.join(map(chr, group)) for group in _scalar_groups()]
    scalars: list[int] = []
    for group, good in zip(groups, survivors(groups), strict=True):
        if good or len(scalars) >= MAX_LOST:
            continue
        members = dict.fromkeys(group)
        alone = survivors([f"a{scalar}a" for scalar in members])
        scalars += [ord(scalar) for scalar, kept in zip(members, alone, strict=True) if not kept]
        if all(alone):
            lost.append(group)
    return tuple(lost), tuple(sorted(set(scalars))[:MAX_LOST])


def _scalar_groups() -> Iterator[range]:
    for start in range(0, _LAST, _GROUP):
        if not 0xD800 <= start < 0xE000:
            yield range(start, start + _GROUP)


def _samples(seed: int) -> list[str]:
    rng = random.Random(seed)  # noqa: S311  # samples, not secrets
    texts = [rng.randbytes(64).decode("latin-1") for _ in range(256)]
    texts += ["".join(_scalar(rng.randrange(1, 0x110000)) for _ in range(24)) for _ in range(256)]
    return [*texts, "", " ", "  \n\n\t x  ", "a" * 1000]


def _scalar(code: int) -> str:
    return chr(code) if not 0xD800 <= code <= 0xDFFF else "\ufffd"
