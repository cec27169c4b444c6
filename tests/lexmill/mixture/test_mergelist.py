"""Every file format gives the same ordered merges; what cannot be audited is refused with its reason."""

from __future__ import annotations

import base64
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lexmill.mixture.mergelist import MergeList, MergeListError
from lexmill.mixture.recover import merges_from_ranks
from lexmill.tokenizer.bytelevel import to_alphabet
from tests.lexmill.mixture.oracle import train

WORDS = {
    " the": 50,
    " then": 20,
    " that": 31,
    " hat": 12,
    " tête": 9,
    "aaaa": 7,
    " été": 11,
    "banana": 5,
    "étang": 3,
}
MERGES = train({w.encode(): n for w, n in WORDS.items()}, 24)
TOKENS = [bytes([i]) for i in range(256)] + [a + b for a, b in MERGES]


def _tokenizer_json(merges, **extra):
    vocab = {to_alphabet(token): i for i, token in enumerate(TOKENS)}
    model = {"type": "BPE", "vocab": vocab, "merges": merges}
    return {"model": model, "pre_tokenizer": {"type": "ByteLevel"}, "added_tokens": [], **extra}


def _written(tmp_path, name, value):
    path = tmp_path / name
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def _b64(token):
    return base64.b64encode(token).decode()


LINES = [f"{to_alphabet(a)} {to_alphabet(b)}" for a, b in MERGES]
FORMATS = {
    "vocab.bpe": "#version: 0.2\n" + "\n".join(LINES) + "\n",
    "ranks.tiktoken": "".join(f"{_b64(token)} {i}\n" for i, token in enumerate(TOKENS)),
    "tekken.json": {
        "config": {"pattern": "x", "default_vocab_size": len(TOKENS) + 2, "default_num_special_tokens": 2},
        "vocab": [{"rank": i, "token_bytes": _b64(t)} for i, t in enumerate([*TOKENS, b"unused one"])],
    },
    "claude.json": {"bpe_ranks": "! 5 " + " ".join(map(_b64, TOKENS)), "pat_str": "x"},
    "strings/tokenizer.json": _tokenizer_json(LINES),
    "pairs/tokenizer.json": _tokenizer_json([line.split(" ") for line in LINES]),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_merges(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    found = MergeList.load(_written(path.parent, path.name, FORMATS[name]))
    assert list(found.merges) == MERGES
    assert found.manual == ()
    assert found.redundant == 0


def test_our_own_merge_table_is_read_from_its_folder(tmp_path):
    left, right = zip(*MERGES, strict=True)
    columns = {"left_bytes": pa.array(left, pa.binary()), "right_bytes": pa.array(right, pa.binary())}
    pq.write_table(pa.table(columns), tmp_path / "merges.parquet")
    assert list(MergeList.load(tmp_path).merges) == MERGES


def test_redundant_merges_are_cleaned(tmp_path):
    """A converted list names every split of every token; only the one that training made is kept."""
    known = set(TOKENS)
    every = [(t[:i], t[i:]) for t in TOKENS for i in range(1, len(t)) if t[:i] in known and t[i:] in known]
    lines = [f"{to_alphabet(a)} {to_alphabet(b)}" for a, b in every]
    assert len(lines) > len(MERGES)
    found = MergeList.load(_written(tmp_path, "tokenizer.json", _tokenizer_json(lines)))
    assert list(found.merges) == MERGES
    assert found.redundant == len(lines) - len(MERGES)


def test_tokens_that_no_merge_makes_are_manual():
    merges, manual = merges_from_ranks([*TOKENS, b"    zzz", b" then zzz"])
    assert merges == MERGES
    assert manual == [b"    zzz", b" then zzz"]


def test_merges_of_manual_tokens_cannot_happen_and_are_set_aside():
    found = MergeList.from_ranks([*TOKENS, b"qxz", b"qxzq"], "test")
    assert list(found.merges) == MERGES
    assert found.manual == (b"qxz", b"qxzq")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("tokenizer.json", {"model": {"type": "Unigram", "vocab": []}}, "holds a Unigram model: only BPE"),
        ("tokenizer.json", {"model": {"type": "WordPiece", "vocab": {}}}, "WordPiece"),
        (
            "tokenizer.json",
            _tokenizer_json(LINES, pre_tokenizer={"type": "Metaspace"}),
            "BPE over characters",
        ),
        ("tokenizer.json", '{"model": ', "not valid JSON"),
        ("tokenizer.json", {"something": 1}, "neither tokenizer.json, tekken nor bpe_ranks"),
        ("tokenizer.json", _tokenizer_json([]), "has no merges"),
        ("vocab.bpe", "a b c\n", "line 1: expected two tokens"),
        ("vocab.bpe", "th e\n", "merge 0 .* joins b'th', which no earlier merge makes"),
        ("vocab.bpe", "a \u4e2d\n", "not written in the byte-level alphabet"),
        ("x.tiktoken", "???? 0\n", "line 1: expected base64 token and rank"),
    ],
)
def test_what_cannot_be_audited_is_refused(tmp_path, name, value, message):
    with pytest.raises(MergeListError, match=message):
        MergeList.load(_written(tmp_path, name, value))


def test_binary_files_are_refused(tmp_path):
    (tmp_path / "m.model").write_bytes(b"\x0a\xff\xfe\x00")
    with pytest.raises(MergeListError, match="not UTF-8"):
        MergeList.load(tmp_path / "m.model")
