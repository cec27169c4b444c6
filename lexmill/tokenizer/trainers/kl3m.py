"""The KL3M presets: BPE with tokens made by rule, and BPE of very short tokens."""

from __future__ import annotations

from tokenizers import AddedToken

from lexmill.tokenizer.bpe import TIE_BREAK, MergeList, train_bpe
from lexmill.tokenizer.domain_tokens import domain_tokens
from lexmill.tokenizer.export import merge_table
from lexmill.tokenizer.params import BYTES
from lexmill.tokenizer.specs.domain import Kl3mCharSpec, Kl3mSpec
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.vessels import merges_vessel


def train(data: TrainingData, spec: Kl3mSpec) -> Learned:
    """Learn merges until, with the domain's strings that they do not make, the vocabulary is full."""
    words = data.words
    merges = train_bpe(words.words, words.counts, spec.merges, spec.min_frequency * words.scale)
    wanted = domain_tokens(spec.rules, spec.custom_tokens)
    kept = _merges_beside(merges, wanted, spec.merges)
    if kept < 0:
        raise ValueError(
            f"tokenizer {spec.name}: vocab_size {spec.vocab_size} is too small for the {len(wanted)} strings of "
            "rules and custom_tokens: name fewer rules, or ask for more"
        )
    merges = MergeList(merges.left[:kept], merges.right[:kept], merges.count[:kept], merges.alphabet)
    tokens = merges.token_bytes()
    added = _not_among(wanted, tokens)
    pairs = list(zip(merges.left.tolist(), merges.right.tolist(), strict=True))
    tokenizer = merges_vessel(spec, tokens, pairs)
    tokenizer.add_tokens(
        [AddedToken(text, single_word=text.isalnum(), normalized=False, special=False) for text in added]
    )
    details = {"merges": len(merges), "added_tokens": len(added)}
    return Learned(tokenizer, TIE_BREAK, {"merges": merge_table(merges)}, details=details)


def train_characters(data: TrainingData, spec: Kl3mCharSpec) -> Learned:
    """Plain BPE with a short longest token."""
    words = data.words
    floor = spec.min_frequency * words.scale
    merges = train_bpe(words.words, words.counts, spec.merges, floor, spec.longest)
    pairs = list(zip(merges.left.tolist(), merges.right.tolist(), strict=True))
    tokenizer = merges_vessel(spec, merges.token_bytes(), pairs)
    details = {"merges": len(merges), "longest": spec.longest}
    return Learned(tokenizer, TIE_BREAK, {"merges": merge_table(merges)}, details=details)


def _not_among(wanted: list[str], tokens: list[bytes]) -> list[str]:
    """The strings that are no tokens, neither alone nor behind a space."""
    known = set(tokens)
    return [text for text in wanted if text.encode() not in known and b" " + text.encode() not in known]


def _merges_beside(merges: MergeList, wanted: list[str], room: int) -> int:
    """The largest number of merges that leaves room for the wanted strings those merges do not make; -1 for none."""
    made_by = {token: index for index, token in enumerate(merges.token_bytes()[BYTES:])}
    none = len(made_by)
    steps = [
        min(made_by.get(text.encode(), none), made_by.get(b" " + text.encode(), none)) for text in wanted
    ]
    for kept in range(min(len(merges), room), -1, -1):
        if kept + sum(step >= kept for step in steps) <= room:
            return kept
    return -1
