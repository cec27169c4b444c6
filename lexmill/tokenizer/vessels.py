"""`tokenizers` objects that hold a byte-level vocabulary: the kinds of model that a `tokenizer.json` can carry.

A vocabulary without merges travels in one of two vessels: a Unigram model whose scores are all equal takes the fewest
tokens (and of equal counts the one with the longest last tokens), a WordPiece model with an empty continuation prefix
takes the longest token from the left.
"""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from lexmill.tokenizer.bytelevel import to_alphabet
from lexmill.tokenizer.params import TrainerSpec
from lexmill.tokenizer.patterns import pattern_of

UNKNOWN = "[UNK]"  # never produced: every byte has a token
_NO_LIMIT = 10**9
# Bytes of a Unigram piece: `tokenizers` drops its trie by recursion, and from about 2^16 on that is a stack overflow.
_LONGEST = 1 << 14


def merges_vessel(spec: TrainerSpec, tokens: Sequence[bytes], merges: Sequence[tuple[int, int]]) -> Tokenizer:
    """BPE: `tokens` by id, `merges` as pairs of ids in their order."""
    spelled = [to_alphabet(data) for data in tokens]
    vocabulary = {token: index for index, token in enumerate(spelled)}
    pairs = [(spelled[left], spelled[right]) for left, right in merges]
    return byte_level(Tokenizer(models.BPE(vocab=vocabulary, merges=pairs)), spec)


def fewest_tokens_vessel(spec: TrainerSpec, tokens: Sequence[bytes]) -> Tokenizer:
    """Unigram with equal scores: the fewest tokens."""
    return unigram_vessel(spec, tokens, [-1.0] * len(tokens))


def unigram_vessel(spec: TrainerSpec, tokens: Sequence[bytes], scores: Sequence[float]) -> Tokenizer:
    """Unigram: the segmentation of the largest sum of scores (log probabilities).

    Raises ValueError for a token that is too long for `tokenizers` to read safely.
    """
    longest = max(map(len, tokens))
    if longest > _LONGEST:
        raise ValueError(
            f"tokenizer {spec.name}: a token of {longest:,} bytes was learned, but the file can hold {_LONGEST:,} at "
            "most: leave out the text that repeats itself so long, or give a pretokenizer that cuts it"
        )
    pieces = [(to_alphabet(data), float(score)) for data, score in zip(tokens, scores, strict=True)]
    return byte_level(Tokenizer(models.Unigram(pieces, unk_id=None, byte_fallback=False)), spec)


def longest_prefix_vessel(spec: TrainerSpec, tokens: Sequence[bytes]) -> Tokenizer:
    """WordPiece without a continuation prefix: the longest token from the left."""
    vocabulary = {to_alphabet(data): index for index, data in enumerate(tokens)}
    model = models.WordPiece(vocabulary, unk_token=UNKNOWN, max_input_chars_per_word=_NO_LIMIT)  # type: ignore[arg-type]
    model.continuing_subword_prefix = ""
    return byte_level(Tokenizer(model), spec)


def byte_level(tokenizer: Tokenizer, spec: TrainerSpec, pretokenizer: str | None = None) -> Tokenizer:
    """Give a model over the byte alphabet its normaliser, pre-tokenizer and decoder."""
    if spec.normalizer != "none":
        tokenizer.normalizer = {"NFC": normalizers.NFC, "NFKC": normalizers.NFKC}[spec.normalizer]()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern_of(pretokenizer or spec.pretokenizer)), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer
