"""Less-is-Better: how a batch is read, how the lexicon is reordered, and the vocabulary that is left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.tokenizer.lib_kernel import FAR, read_batch
from lexmill.tokenizer.random_kernel import mixed, unit
from lexmill.tokenizer.trainers.lib import Lexicon, reorder
from tests.lexmill.tokenizer.texts import SENTENCES, real_texts
from tests.lexmill.tokenizer.vocabulary_data import require_exact_export, tokens_of, trained

SMALL_WORDS = st.lists(st.text("abc", min_size=1, max_size=9), min_size=1, max_size=5, unique=True)
READING = st.lists(st.integers(0, 4), min_size=1, max_size=30)
CHUNKS = st.lists(st.text("abc", min_size=2, max_size=5), max_size=8, unique=True)


def plain_read(
    words: list[str], chunks: list[str], longest: int, memory_in: float, seed: int
) -> tuple[list[int], list[str]]:
    """Votes by rank (above 0: redundant), and the pairs of neighbours noted twice, in order."""
    rank = {chunk: index for index, chunk in enumerate(chunks)}

    def matches(word: str) -> list[str]:
        """The chunks that the word starts with, the longest first; its first letter is one."""
        return [word[:size] for size in range(len(word), 0, -1) if size == 1 or word[:size] in rank]

    def cut(word: str, first: str) -> list[str]:
        pieces = [first]
        while sum(map(len, pieces)) < len(word):
            pieces.append(matches(word[sum(map(len, pieces)) :])[0])
        return pieces

    def up_to(pieces: list[str], end: int) -> list[str]:
        return pieces[: next(n for n in range(len(pieces) + 1) if sum(map(len, pieces[:n])) == end)]

    votes, noted, new, counter = [0] * len(chunks), dict[str, int](), [], seed
    for word in words:
        before = ""
        place = 0
        while place < len(word):
            rest = word[place:]
            chunk, *others = matches(rest)
            counter += 1
            pair = before + chunk
            if before and len(pair) <= longest and unit(np.uint64(mixed(np.uint64(counter)))) < memory_in:
                noted[pair] = noted.get(pair, 0) + 1
                if noted[pair] == 2:
                    new.append(pair)
            if others:
                long, short = cut(rest, chunk), cut(rest, others[0])
                ends = [
                    {sum(map(len, pieces[:n])) for n in range(1, len(pieces) + 1)} for pieces in (long, short)
                ]
                meet = min(ends[0] & ends[1])
                long, short = up_to(long, meet), up_to(short, meet)
                ranks = [sum(rank.get(piece, len(chunks)) for piece in pieces) for pieces in (long, short)]
                redundant = len(long) > len(short) or (len(long) == len(short) and ranks[0] > ranks[1])
                votes[rank[chunk]] += 1 if redundant else -1
                if redundant and others[0] in rank:
                    votes[rank[others[0]]] -= 1
            before = chunk
            place += len(chunk)
    return votes, new


def read(
    words: list[str], order: list[int], chunks: list[str], longest: int, memory_in: float, seed: int
) -> tuple[list[int], list[str]]:
    text = "".join(map(chr, range(256))) + "".join(words) + "".join(chunks)
    offsets = 256 + np.cumsum([0, *map(len, words)]).astype(np.int64)
    lengths = np.array([len(chunk) for chunk in chunks], np.int32)
    places = (offsets[-1] + np.cumsum([0, *lengths])[:-1]).astype(np.int64)
    votes, new_places, new_lengths = read_batch(
        np.frombuffer(text.encode("latin-1"), np.uint8).copy(),
        offsets,
        np.array(order, np.int32),
        places,
        lengths,
        longest,
        memory_in,
        np.uint64(seed),
    )
    found = zip(new_places.tolist(), new_lengths.tolist(), strict=True)
    return votes.tolist(), [text[place : place + length] for place, length in found]


@given(SMALL_WORDS, READING, CHUNKS, st.sampled_from([0.3, 1.0]), st.integers(0, 1000))
@settings(derandomize=True, deadline=None, max_examples=300)
def test_a_batch_is_read_as_the_definition_says(
    words: list[str], reading: list[int], chunks: list[str], memory_in: float, seed: int
) -> None:
    order = [index % len(words) for index in reading]
    expected = plain_read([words[index] for index in order], chunks, 6, memory_in, seed)
    assert read(words, order, chunks, 6, memory_in, seed) == expected


def test_a_chunk_is_redundant_when_the_word_is_better_off_without() -> None:
    assert read(["abcd"], [0], ["ab", "cd", "abc"], 8, 0.5, 0)[0] == [
        -1,
        0,
        1,
    ]  # abc d | ab cd: the ranks decide
    assert read(["abcd"], [0], ["abc", "ab", "cd"], 8, 0.5, 0)[0] == [-1, 0, 0]  # as good: it stays
    assert read(["abcde"], [0], ["cde", "abc", "ab"], 8, 0.5, 0)[0] == [
        0,
        1,
        -1,
    ]  # abc d e | ab cde: fewer chunks
    assert read(["abcd"], [0], ["abc"], 8, 0.5, 0)[0] == [-1]  # abc d | a b c d


def test_reordering_moves_chunks_by_their_rank_and_drops_the_last() -> None:
    def after(votes: list[int], rate: float, room: int) -> list[int]:
        lexicon = Lexicon(np.arange(len(votes)), np.full(len(votes), 2, np.int32))
        return reorder(lexicon, np.array(votes), rate, room).places.tolist()

    assert after([0, 0, 0, 0], 0.5, 10) == [0, 1, 2, 3]
    assert after([0, 0, 0, -3], 0.5, 10) == [0, 1, 3, 2]  # to 3 - 2 = 1, behind the one that is there
    assert after([5, 0, 0, 0], 0.5, 10) == [0, 1, 2, 3]  # to 1, and stays before the one that was behind
    assert after([0, 0, 2, 0], 0.5, 10) == [0, 1, 3]  # to 4: behind the end
    assert after([0, 0, 0, 0], 0.5, 2) == [0, 1]


def test_the_export_is_exact_and_the_seed_decides(tmp_path: Path) -> None:
    texts = [*SENTENCES.values()] * 4
    settings_ = {"algorithm": "lib", "vocab_size": 500, "batch_bytes": 2000, "epochs": 4}
    learned, spec, data = trained(tmp_path, texts, **settings_)
    require_exact_export(learned, spec, data, tmp_path / "files")
    assert max(map(len, tokens_of(learned))) <= 16
    again, _, _ = trained(tmp_path, texts, **settings_)
    assert again.tokenizer.to_str() == learned.tokenizer.to_str()
    other, _, _ = trained(tmp_path, texts, seed=1, **settings_)
    assert tokens_of(other) != tokens_of(learned)


def test_what_it_learns_shortens_text(tmp_path: Path) -> None:
    learned, _, _ = trained(tmp_path, algorithm="lib", vocab_size=1500, batch_bytes=20_000)
    tokens = sum(learned.tables["tokens"]["count"].to_pylist())
    size = sum(len(text.encode()) for text in real_texts())
    assert tokens < 0.45 * size
    assert len(set(tokens_of(learned))) == 1500


def test_a_long_run_takes_linear_time() -> None:
    chunks = ["a" * length for length in range(16, 1, -1)]
    votes, new = read(["a" * 200_000], [0], chunks, 16, 1.0, 0)
    assert sum(votes) < 0
    assert new == []
    assert FAR < 1000


def test_a_sample_that_is_too_small_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="vocab_size 5000 cannot be filled"):
        trained(tmp_path, ["a few words only"], algorithm="lib", vocab_size=5000)
    with pytest.raises(ValueError, match="lib needs word sequences"):
        trained(None, ["a few words only"], algorithm="lib", vocab_size=300)
