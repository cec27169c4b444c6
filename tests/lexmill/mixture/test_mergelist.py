"""Every file format gives the same ordered merges; what cannot be audited is refused with its reason."""

from __future__ import annotations

import base64
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.mixture.mergelist import MergeList, MergeListError
from lexmill.mixture.recover import merges_from_ranks
from lexmill.tokenizer.bytelevel import to_alphabet
from tests.lexmill.mixture.oracle import encode_below, train

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
    found = MergeList.from_ranks([*TOKENS, b"    zzz", b" then zzz"], "test")
    assert list(found.merges) == MERGES
    assert found.manual == (b"    zzz", b" then zzz")
    assert found.manual_ranks == (len(TOKENS), len(TOKENS) + 1)
    assert found.late == ()


def test_merges_of_manual_tokens_cannot_happen_and_are_set_aside():
    found = MergeList.from_ranks([*TOKENS, b"qxz", b"qxzq"], "test")
    assert list(found.merges) == MERGES
    assert found.manual == (b"qxz", b"qxzq")


def test_a_token_before_its_part_is_a_late_merge():
    """ "qxz" stands before "xz", of which alone it can be made; what is made of it waits with it."""
    found = MergeList.from_ranks([*TOKENS, b"qxz", b"qxzw", b"xz", b"vw"], "test")
    late = [(b"x", b"z"), (b"q", b"xz"), (b"qxz", b"w"), (b"v", b"w")]
    assert list(found.merges) == MERGES + late
    assert found.late == (len(MERGES) + 1, len(MERGES) + 2)
    assert found.manual == ()


PARTS = st.lists(st.text("abc", min_size=2, max_size=7).map(str.encode), max_size=30)


@settings(deadline=None)
@given(PARTS)
def test_recovery_equals_encoding_below(tokens):
    """Two parts under lower ranks, for any list of tokens; every other token is late or manual."""
    distinct = list(dict.fromkeys(tokens))
    ranks = {token: rank for rank, token in enumerate(distinct)}
    early = {}
    for token, rank in ranks.items():
        parts = encode_below(token, {t: r for t, r in ranks.items() if r < rank})
        if len(parts) == 2:
            early[token] = tuple(parts)
    found = merges_from_ranks(tokens)
    made = {a + b: (a, b) for a, b in found.merges}
    assert made.keys() | set(found.manual) == set(distinct)
    assert not made.keys() & set(found.manual)
    assert {t: pair for t, pair in made.items() if t in early} == {t: early[t] for t in made if t in early}
    for number, (a, b) in enumerate(found.merges):
        before = {x + y for x, y in found.merges[:number]}
        assert all(len(part) == 1 or part in before for part in (a, b))
        if a + b not in early:
            assert number in found.late
            assert encode_below(a + b, {t: r for t, r in ranks.items() if t != a + b}) == [a, b]


def test_characters_are_symbols_of_a_converted_list(tmp_path):
    """The vocabulary's ids are the order; every split of every token is listed."""
    tokens = ["é", "t", "▁", "ét", "▁ét", "été", "▁été"]
    every = [(t[:i], t[i:]) for t in tokens for i in range(1, len(t)) if t[:i] in tokens and t[i:] in tokens]
    model = {
        "type": "BPE", "byte_fallback": True, "merges": [list(pair) for pair in every],
        "vocab": {t: i for i, t in enumerate(["<s>", "<0x0A>", *tokens[3:], "<b>", *tokens[:3]])},
    }  # fmt: skip
    value = {
        "model": model, "normalizer": {"type": "Prepend", "prepend": "▁"}, "pre_tokenizer": None,
        "added_tokens": [{"content": "<s>"}, {"content": "<b>"}, {"content": "<unused7>"}],
    }  # fmt: skip
    found = MergeList.load(_written(tmp_path, "tokenizer.json", value))
    expected = [("é", "t"), (" ", "ét"), ("ét", "é"), (" ét", "é")]
    assert [(a.decode(), b.decode()) for a, b in found.merges] == expected
    assert found.alphabet == (b" ", b"t", "é".encode())
    assert found.redundant == len(every) - 4
    assert found.longest == 4
    assert found.vocabulary == 11
    assert found.rules.user_defined == ("<b>", "<s>")
    assert json.loads(found.normalizer)["type"] == "Prepend"


def test_a_vocabulary_in_javascript(tmp_path):
    pieces = ["<unk>", "<s>", "</s>", "<0x00>", "▁t", "he", "▁the", "▁", "t", "h", "e"]
    packed = base64.b64encode("\n".join(pieces).encode()).decode()
    path = _written(tmp_path, "tokenizer.js", f'const a = 1;\nconst vocab_base64 = "{packed}";\n')
    found = MergeList.load(path)
    assert found.merges == ((b" ", b"t"), (b"h", b"e"), (b" t", b"he"))
    assert found.vocabulary == len(pieces)


def test_our_own_files_say_how_text_is_cut(tmp_path):
    test_our_own_merge_table_is_read_from_its_folder(tmp_path)
    identity = {"pretokenizer": {"name": "x", "pattern": "a|b"}, "normalizer": "NFC"}
    _written(tmp_path, "lexmill.json", identity)
    found = MergeList.load(tmp_path)
    assert (found.pretokenizer, found.normalizer) == ("a|b", "NFC")
    _written(tmp_path, "lexmill.json", {"pretokenizer": "x"})
    with pytest.raises(MergeListError, match=r"lexmill\.json does not say how text is cut"):
        MergeList.load(tmp_path)


def test_rank_files_are_known_by_content_and_empty_tokens_ignored(tmp_path):
    text = FORMATS["ranks.tiktoken"] + f"= {len(TOKENS)}\r\n"
    assert list(MergeList.load(_written(tmp_path, "tokenizer.model", text)).merges) == MERGES


HAN = {"type": "BPE", "vocab": {"漢": 0, "a": 1, "漢a": 2}, "merges": ["漢 a"]}
VOCABULARY = {c: i for i, c in enumerate(["a", "b", "ab"])}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("tokenizer.json", {"model": {"type": "Unigram", "vocab": []}}, "holds a Unigram model: only BPE"),
        ("tokenizer.json", {"model": {"type": "WordPiece", "vocab": {}}}, "WordPiece"),
        ("tokenizer.json", {"model": {"vocab": {}}}, "holds a unknown model"),
        ("tokenizer.json", '{"model": ', "not valid JSON"),
        ("tokenizer.json", '{"a":' + "[" * 100_000, "not valid JSON"),
        ("tokenizer.json", {"model": 7}, "does not have the expected layout"),
        ("tokenizer.json", {"something": 1}, "neither tokenizer.json, tekken nor bpe_ranks"),
        ("tokenizer.json", _tokenizer_json([]), "has no merges"),
        ("tokenizer.json", _tokenizer_json(["q z"]), "merge 0 names 'qz', which is not in the vocabulary"),
        ("tokenizer.json", _tokenizer_json(["a"]), "merge 0 has 1 parts"),
        (
            "tokenizer.json",
            {"model": {"type": "BPE", "vocab": VOCABULARY, "merges": ["a b"], "end_of_word_suffix": "</w>"}},
            "end_of_word_suffix",
        ),
        (
            "tokenizer.json",
            {**_tokenizer_json(LINES), "model": HAN},
            "'漢' is not written in the byte-level alphabet",
        ),
        ("tekken.json", {"vocab": [{"rank": 0, "token_bytes": "?"}], "config": {}}, "expected layout"),
        ("tekken.json", {"vocab": [], "config": {"pattern": 5}}, "int where text should be"),
        ("tekken.json", '{"vocab": [{"rank": 1e400}], "config": {}}', "expected layout"),
        ("claude.json", {"bpe_ranks": "! 5 YWI=", "pat_str": ["x"]}, "list where text should be"),
        ("claude.json", {"bpe_ranks": "! 5 YWI=", "pat_str": "\udc00"}, "expected layout"),
        (
            "tokenizer.json",
            '{"model": {"vocab": {"a": Infinity}, "merges": ["a a"]}}',
            "not in the vocabulary",
        ),
        (
            "tokenizer.json",
            '{"model": {"vocab": {"a": 1e400, "aa": 1}, "merges": ["a a"]}}',
            "expected layout",
        ),
        ("tokenizer.json", {"model": {"type": "\x1b[2J"}}, r"holds a \\x1b\[2J model"),
        ("claude.json", {"bpe_ranks": "5 abc"}, "does not begin with '! <offset>'"),
        ("vocab.bpe", "a b c\n", "line 1: expected two tokens"),
        ("vocab.bpe", "t h</w>\n", "marks ends of words with </w>"),
        ("vocab.bpe", "th e\n", "merge 0 .* joins b'th', which no earlier merge makes"),
        ("vocab.bpe", "a \u4e2d\n", "not written in the byte-level alphabet"),
        ("vocab.bpe", "#version: 0.2\n", "has no merges"),
        ("vocab.bpe", "", "is empty"),
        ("x.tiktoken", "YQ== 0\n???? 1\n", "line 2: expected base64 token and rank"),
        ("x.tiktoken", "YQ== 0\nYg== 0\n", "line 2: rank 0 is given twice"),
        ("x.tiktoken", "YQ== 0\nYg== 1_0\n", "line 2: expected base64 token and rank"),
        ("x.tiktoken", "YQ== 0\nYg== -1\n", "line 2: expected base64 token and rank"),
        ("x.tiktoken", f"{_b64(b'a' * 1025)} 0\n", "token of 1025 bytes"),
        ("x.js", 'vocab_base64 = "YQ"', "is not base64 of UTF-8"),
    ],
)
def test_what_cannot_be_audited_is_refused(tmp_path, name, value, message):
    with pytest.raises(MergeListError, match=message):
        MergeList.load(_written(tmp_path, name, value))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x0a\xff\xfe\x00", "neither text nor a SentencePiece model"),
        (b"\x1f\x8b\x08\x00", "is compressed: unpack it"),
        (b"PK\x03\x04\x00", "is compressed"),
    ],
)
def test_binary_files_are_refused(tmp_path, data, message):
    (tmp_path / "m.model").write_bytes(data)
    with pytest.raises(MergeListError, match=message):
        MergeList.load(tmp_path / "m.model")


def test_damaged_tables_and_large_files_are_refused(tmp_path, monkeypatch):
    (tmp_path / "merges.parquet").write_bytes(b"PAR1 damaged")
    with pytest.raises(MergeListError, match="not a readable Parquet file"):
        MergeList.load(tmp_path)
    columns = {"left_bytes": pa.array([b"a"]), "right_bytes": pa.array([None], pa.binary())}
    pq.write_table(pa.table(columns), tmp_path / "merges.parquet")
    with pytest.raises(MergeListError, match="empty part"):
        MergeList.load(tmp_path)
    monkeypatch.setattr("lexmill.mixture.formats.MAX_FILE_BYTES", 3)
    with pytest.raises(MergeListError, match="is larger than"):
        MergeList.load(_written(tmp_path, "vocab.bpe", FORMATS["vocab.bpe"]))


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    with pytest.raises(MergeListError, match=r"has none of tokenizer\.json, merges\.parquet"):
        MergeList.load(tmp_path)
    _written(tmp_path, "a.tiktoken", FORMATS["ranks.tiktoken"])
    assert list(MergeList.load(tmp_path).merges) == MERGES


def _nested(depth):
    part = {"type": "ByteLevel"}
    for _ in range(depth):
        part = {"type": "Sequence", "pretokenizers": [part]}
    return part


@pytest.mark.parametrize(
    "component",
    [
        _nested(300), _nested(40), "ByteLevel", [{"type": "ByteLevel"}], {"type": 5}, {"kind": "x"},
        {"type": "Sequence", "pretokenizers": None}, {"type": "Sequence", "pretokenizers": ["ByteLevel"]},
        {"type": "Sequence", "pretokenizers": {"0": {"type": "ByteLevel"}}},
        {"type": "Split", "pattern": "x"}, {"type": "Split", "pattern": {"Regex": ["x"]}},
        {"type": "Split", "pattern": {"Regex": "\udc00"}},
    ],
)  # fmt: skip
def test_damaged_components_are_refused(tmp_path, component):
    with pytest.raises(MergeListError, match=r"damaged|expected layout"):
        MergeList.load(_written(tmp_path, "tokenizer.json", _tokenizer_json(LINES, pre_tokenizer=component)))


def test_a_byte_order_mark_is_passed_over(tmp_path):
    text = "\ufeff" + json.dumps(FORMATS["strings/tokenizer.json"])
    assert list(MergeList.load(_written(tmp_path, "tokenizer.json", text)).merges) == MERGES


def test_other_tables_are_refused(tmp_path, monkeypatch):
    wrong = (
        ({"left_bytes": [1]}, "not a readable"),
        ({"left_bytes": [[b"a"]]}, "no columns"),
        ({}, "no columns"),
    )
    for columns, message in wrong:
        pq.write_table(pa.table({"right_bytes": [b"a"], **columns}), tmp_path / "merges.parquet")
        with pytest.raises(MergeListError, match=message):
            MergeList.load(tmp_path)
    pq.write_table(
        pa.table({"left_bytes": [b"a"] * 9, "right_bytes": [b"b"] * 9}), tmp_path / "merges.parquet"
    )
    data = bytearray((tmp_path / "merges.parquet").read_bytes())
    data[10:40] = b"\xff" * 30
    (tmp_path / "damaged.parquet").write_bytes(data)
    with pytest.raises(MergeListError, match="not a readable Parquet file"):
        MergeList.load(tmp_path / "damaged.parquet")
    monkeypatch.setattr("lexmill.mixture.formats.MAX_TOKENS", 8)
    with pytest.raises(MergeListError, match="9 rows"):
        MergeList.load(tmp_path)
    with pytest.raises(MergeListError, match="lines: more than 8"):
        MergeList.load(_written(tmp_path, "vocab.bpe", "a b\n" * 9))


def _listed(tmp_path, vocabulary, merges, added=(), **extra):
    model = {"type": "BPE", "vocab": {t: i for i, t in enumerate(vocabulary)}, "merges": merges}
    value = {"model": model, "added_tokens": [{"content": token} for token in added], **extra}
    found = MergeList.load(_written(tmp_path, "tokenizer.json", value))
    return [(a + b).decode() for a, b in found.merges], [t.decode() for t in found.manual], found.redundant


def test_only_listed_merges_are_made(tmp_path):
    """In the listed order where that is one, and by the vocabulary's ids where merges are listed twice."""
    clean = [["a", "b"], ["ab", "c"], ["c", "d"]]
    assert _listed(tmp_path, [*"abcd", "cd", "abc", "ab"], clean) == (["ab", "abc", "cd"], [], 0)
    assert _listed(tmp_path, [*"abcd", "ab", "cd", "da"], clean[:1]) == (["ab"], ["cd", "da"], 0)
    assert _listed(tmp_path, [*"abc", "ab", "abc"], clean[:2], ["ab"]) == (["ab", "abc"], [], 0)
    twice = [["a", "b"], ["b", "c"], ["ab", "c"], ["a", "bc"]]
    vocabulary = [*"abcd", "ab", "bc", "abc", "cd", "da"]
    for extra in ({}, {"pre_tokenizer": {"type": "ByteLevel"}}):
        assert _listed(tmp_path, vocabulary, twice, **extra) == (["ab", "bc", "abc"], ["cd", "da"], 1)


def test_too_many_user_defined_pieces_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("lexmill.mixture.sentencepiece.MAX_USER_DEFINED", 1)
    with pytest.raises(MergeListError, match="2 user-defined pieces"):
        _listed(tmp_path, ["a", "b", "ab"], [["a", "b"]], ["<x>", "<y>"])
