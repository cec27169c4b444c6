"""Replaying merges and splits: the kernel does what the definition says; damaged event lists are refused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.tokenizer.bytelevel import BYTE_OF_ID, ID_OF_BYTE
from lexmill.tokenizer.encoders.events import EventEncoder
from lexmill.tokenizer.events import Event, event_table, prepare
from tests.lexmill.tokenizer.refining import merged, words_of

BASE = [bytes([byte]) for byte in BYTE_OF_ID.tolist()]
A, B, C = (int(ID_OF_BYTE[ord(char)]) for char in "abc")


@st.composite
def event_lists(draw):
    """Merges of two or three known tokens and splits of what they made, in any order; all tokens of a, b, c."""
    tokens = {A: b"a", B: b"b", C: b"c"}
    parts: dict[int, tuple[int, ...]] = {}
    events = []
    for _ in range(draw(st.integers(0, 14))):
        if parts and draw(st.integers(0, 3)) == 0:
            token = draw(st.sampled_from(sorted(parts)))
            events.append(Event((token,), parts[token], 1))
            continue
        source = tuple(draw(st.lists(st.sampled_from(sorted(tokens)), min_size=2, max_size=3)))
        spelled = b"".join(tokens[index] for index in source)
        same = [index for index, data in tokens.items() if data == spelled]
        token = same[0] if same else 253 + len(tokens)
        tokens[token] = spelled
        parts.setdefault(token, source)
        events.append(Event(source, (token,), 1))
    spelled = BASE + [tokens[index] for index in range(256, 253 + len(tokens))]
    return events, spelled


def replayed(word: bytes, events: list[Event]) -> list[int]:
    """Every event in its turn, wherever it applies."""
    ids = [int(ID_OF_BYTE[byte]) for byte in word]
    for event in events:
        ids = merged(ids, event.source, event.target)
    return ids


@settings(max_examples=100, deadline=None, derandomize=True)
@given(event_lists(), st.lists(st.text("abc", max_size=20), max_size=6))
def test_words_are_replayed_as_by_the_definition(case, words):
    events, tokens = case
    encoder = EventEncoder(tokens, event_table(events, tokens), "gpt4o")
    texts = [word.encode() for word in words]
    assert words_of(encoder, texts) == [replayed(word, events) for word in texts]


def test_half_a_million_letters_take_no_time_and_a_whole_word_its_token():
    tokens = [*BASE, b"aa", b"aaaa", b"ab"]
    events = [Event((A, A), (256,), 1), Event((256, 256), (257,), 1), Event((257,), (256, 256), 1)]
    table = event_table([*events, Event((A, B), (258,), 1), Event((258,), (A, B), 1)], tokens)
    encoder = EventEncoder(tokens, table, "gpt4o", whole_words=True)
    assert words_of(encoder, [b"a" * 500_000, b"ab", b"abb"]) == [[256] * 250_000, [258], [A, B, B]]


def test_tokens_on_the_way_share_no_id_with_a_result():
    tokens = [*BASE, b"abc"]
    table = event_table(
        [Event((A, B), (257,), 2), Event((257, C), (256,), 2), Event((257,), (A, B), 2)], [*tokens, b"ab"]
    )
    assert words_of(EventEncoder([*tokens, b"", b""], table, "gpt4o"), [b"abc", b"abb"]) == [[256], [A, B, B]]


@pytest.mark.parametrize(
    ("source", "target", "spelled", "message"),
    [
        ([A, 300], [256], b"ab", "uses an id that no event before it made"),
        ([A, B], [256], b"ba", "makes id 256, which spells something else"),
        ([A, C], [256], b"ab", "does not spell the same"),
        ([A, B], [B, A], b"ab", "neither a merge nor a split"),
        ([A], [B], b"a", "neither a merge nor a split"),
        ([], [256], b"ab", "neither a merge nor a split"),
        ([A, B], [-5], b"ab", "out of range"),
        ([A, B], [1 << 30], b"ab", "out of range"),
    ],
)
def test_a_damaged_event_list_is_refused(source, target, spelled, message):
    good = event_table([Event((A, B), (256,), 1)], [*BASE, b"ab"])
    row = {"event": 0, "source": source, "target": target, "bytes": spelled, "count": 1}
    with pytest.raises(ValueError, match=message):
        prepare(pa.Table.from_pylist([row], good.schema), [*BASE, b"ab"])


def test_other_columns_and_other_bytes_are_refused():
    table = event_table([Event((A, B), (256,), 1)], [*BASE, b"ab"])
    with pytest.raises(ValueError, match="columns event, source"):
        prepare(table.drop_columns(["bytes"]), [*BASE, b"ab"])
    with pytest.raises(ValueError, match="not the bytes in byte-level order"):
        prepare(table, [*BASE[::-1], b"ab"])


def test_no_words_and_no_events():
    replay = prepare(event_table([], BASE), BASE)
    assert [part.tolist() for part in replay.encode(pa.array([], pa.binary()))] == [[], [0]]
    assert replay.encode(pa.array([b"ab", b""], pa.binary()))[1].tolist() == [0, 2, 2]
    assert np.diff(replay.encode(pa.array([b"a"], pa.binary()))[1]).tolist() == [1]
