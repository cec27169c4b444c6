"""Exact and near-duplicates: what stays, whatever the order of rows, and beside a brute-force twin."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.corpus import clusters, duplicates
from lexmill.corpus.clusters import Clusters, candidate_rows, near_clusters
from lexmill.corpus.duplicates import ShingleFile, first_of, near_duplicates
from lexmill.corpus.minhash import band_keys, jaccard, shingles
from lexmill.corpus.params import NearDedupParams
from lexmill.corpus.words import split_words

PARAMS = NearDedupParams(bands=6, rows=1, threshold=0.5)


def test_exact_duplicates_name_the_row_of_lowest_rank() -> None:
    keys = np.array([[1, 2], [1, 3], [1, 2], [0, 2], [1, 2]], np.uint64)
    assert first_of(keys, np.array([4, 3, 2, 1, 9])).tolist() == [2, -1, -1, -1, 2]
    assert first_of(keys[:0], np.zeros(0, np.uint64)).tolist() == []


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=30), st.randoms())
def test_exact_duplicates_beside_a_dictionary(keys: list[tuple[int, int]], random: object) -> None:
    rank = list(range(len(keys)))
    random.shuffle(rank)  # type: ignore[attr-defined]
    first: dict[tuple[int, int], int] = {}
    for row in np.argsort(rank):
        first.setdefault(keys[row], int(row))
    expected = [-1 if first[key] == row else first[key] for row, key in enumerate(keys)]
    assert first_of(np.array(keys, np.uint64).reshape(-1, 2), np.array(rank)).tolist() == expected


def plain_leaders(
    keys: np.ndarray, rank: np.ndarray, scores: np.ndarray, threshold: float, earlier: int
) -> list[bool]:
    """Which rows stay: in order of rank, those that match no candidate kept so far."""
    stays = np.zeros(len(keys), bool)
    for position, row in enumerate(np.argsort(rank)):
        candidates = np.flatnonzero(stays & np.any(keys == keys[row], axis=1))
        stays[row] = position < earlier or not np.any(scores[row, candidates] >= threshold)
    return stays.tolist()


@st.composite
def graphs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    rows = draw(st.integers(0, 14))
    seed = draw(st.integers(0, 2**32))
    generator = np.random.default_rng(seed)
    keys = generator.integers(0, draw(st.integers(1, 6)), (rows, PARAMS.bands)).astype(np.uint64)
    scores = np.round(generator.random((rows, rows)), 2)
    return keys, np.maximum(scores, scores.T), generator.permutation(rows), draw(st.integers(0, rows))


def run(
    keys: np.ndarray, scores: np.ndarray, rank: np.ndarray, earlier: np.ndarray, asked: list[tuple[int, int]]
) -> Clusters:
    def similarity(pairs: np.ndarray) -> np.ndarray:
        asked.extend(map(tuple, np.sort(pairs, axis=1).tolist()))
        return scores[pairs[:, 0], pairs[:, 1]]

    return near_clusters(lambda band: keys[:, band], rank, similarity, PARAMS, earlier)


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_what_stays_is_what_going_through_in_order_keeps(
    graph: tuple[np.ndarray, np.ndarray, np.ndarray, int],
) -> None:
    keys, scores, rank, count = graph
    earlier = rank < count
    asked: list[tuple[int, int]] = []
    found = run(keys, scores, rank, earlier, asked)
    assert [*(found.representative < 0)] == plain_leaders(keys, rank, scores, PARAMS.threshold, count)
    assert found.uncompared == 0
    assert len(asked) == len(set(asked)) == found.compared
    assert not any(earlier[a] and earlier[b] for a, b in asked)
    for row, representative in enumerate(found.representative.tolist()):
        if representative >= 0:
            assert found.representative[representative] == -1
            assert rank[representative] < rank[row]
            assert found.similarity[row] == np.float32(scores[row, representative]) >= PARAMS.threshold
        else:
            assert found.similarity[row] == 0


@settings(max_examples=100, deadline=None)
@given(graphs(), st.randoms())
def test_rows_in_another_order_give_the_same(
    graph: tuple[np.ndarray, np.ndarray, np.ndarray, int], random: object
) -> None:
    keys, scores, rank, count = graph
    order = list(range(len(rank)))
    random.shuffle(order)  # type: ignore[attr-defined]
    found = run(keys, scores, rank, rank < count, [])
    other = run(keys[order], scores[np.ix_(order, order)], rank[order], (rank < count)[order], [])
    again = [-1 if place < 0 else order[place] for place in other.representative.tolist()]
    assert again == found.representative[order].tolist()
    assert other.similarity.tolist() == found.similarity[order].tolist()


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_later_documents_against_the_cleaned_earlier_ones_equal_all_at_once(
    graph: tuple[np.ndarray, np.ndarray, np.ndarray, int],
) -> None:
    keys, scores, rank, count = graph
    nothing = np.zeros(len(rank), bool)
    at_once = run(keys, scores, rank, nothing, []).representative < 0
    old = np.flatnonzero(rank < count)
    old = old[run(keys[old], scores[np.ix_(old, old)], rank[old], nothing[old], []).representative < 0]
    rows = np.concatenate([old, np.flatnonzero(rank >= count)])
    second = run(keys[rows], scores[np.ix_(rows, rows)], rank[rows], rank[rows] < count, [])
    assert rows[second.representative < 0].tolist() == [row for row in rows.tolist() if at_once[row]]
    assert set(np.flatnonzero(at_once & (rank < count)).tolist()) == set(old.tolist())


def test_earlier_documents_must_come_first() -> None:
    with pytest.raises(ValueError, match="earlier datasets must have lower ranks"):
        near_clusters(
            lambda band: np.zeros(2, np.uint64),
            np.array([0, 1]),
            lambda pairs: np.ones(len(pairs)),
            PARAMS,
            np.array([False, True]),
        )


def test_pairs_of_a_large_bucket_that_are_left_out_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "ROUNDS", 3)
    keys = np.zeros((10, 1), np.uint64)
    params = NearDedupParams(bands=1, rows=1)
    found = near_clusters(
        lambda band: keys[:, band], np.arange(10), lambda pairs: np.zeros(len(pairs)), params
    )
    assert np.all(found.representative == -1)
    assert (found.compared, found.uncompared) == (9 + 8 + 7, 7 * 6 // 2)


def test_many_copies_cost_one_comparison_each() -> None:
    keys = np.zeros((5000, 2), np.uint64)
    params = NearDedupParams(bands=2, rows=1)
    found = near_clusters(
        lambda band: keys[:, band], np.arange(5000)[::-1], lambda pairs: np.ones(len(pairs)), params
    )
    assert found.compared == 4999
    assert found.representative[:-1].tolist() == [4999] * 4999


def test_candidates_share_a_band_and_are_not_all_of_earlier_datasets() -> None:
    keys = np.array([[1, 9], [1, 8], [2, 8], [3, 7], [4, 6], [4, 5]], np.uint64)
    params = NearDedupParams(bands=2, rows=1)
    assert candidate_rows(lambda band: keys[:, band], 6, params).tolist() == [0, 1, 2, 4, 5]
    earlier = np.array([True, True, False, False, True, True])
    assert candidate_rows(lambda band: keys[:, band], 6, params, earlier).tolist() == [1, 2]
    assert candidate_rows(lambda band: keys[:0, band], 0, params).tolist() == []


def sets_of(texts: list[str], params: NearDedupParams) -> list[np.ndarray]:
    hashes, offsets = shingles(split_words(pa.array(texts, pa.string())), params)
    return [hashes[offsets[row] : offsets[row + 1]] for row in range(len(texts))]


@pytest.mark.parametrize("block", [1, 7, 2**20])
def test_similarities_come_from_the_file_as_from_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(duplicates, "BLOCK_SHINGLES", block)
    params = NearDedupParams(words=2)
    texts = [" ".join("abcdefg"[(i * j) % 7] for j in range(3 * i)) for i in range(12)]
    sets = sets_of(texts, params)
    file = ShingleFile(tmp_path)
    for start in range(0, 12, 5):
        file.append(*shingles(split_words(pa.array(texts[start : start + 5])), params))
    assert file.count == 12
    pairs = np.array([(i, j) for i in range(12) for j in (11, i, 3)])
    expected = [jaccard(sets[i], sets[j]) for i, j in pairs]
    assert file.similarity(pairs).tolist() == expected
    above = file.similarity(pairs, 0.6)
    assert [score for score in above if score >= 0.6] == [score for score in expected if score >= 0.6]
    assert file.similarity(pairs[:0]).tolist() == []
    file.close()
    assert not list(tmp_path.iterdir())


def name(number: int) -> str:
    """A word without digits: those are folded."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def documents() -> list[str]:
    """60 texts of 80 words; every third is the one before with a few words changed."""
    generator = np.random.default_rng(5)
    texts: list[list[str]] = []
    for number in range(60):
        if number % 3 == 2:
            words = [*texts[-1]]
            for place in generator.integers(0, 80, 1 + number % 4):
                words[place] = f"neu{name(place)}"
        else:
            words = [name(n) for n in generator.integers(0, 4000, 80)]
        texts.append(words)
    return [" ".join(words) for words in texts]


@pytest.mark.parametrize("batch", [1, 7, 60])
def test_near_duplicates_of_texts_read_in_any_batches(tmp_path: Path, batch: int) -> None:
    params = NearDedupParams(threshold=0.7, bands=40, rows=3)
    texts = documents()
    keys = band_keys(split_words(pa.array(texts)), params)
    rank = np.random.default_rng(6).permutation(60)
    asked: list[int] = []

    def texts_of(rows: np.ndarray) -> Iterator[pa.Array]:
        asked.extend(rows.tolist())
        for start in range(0, len(rows), batch):
            yield pa.array([texts[row] for row in rows[start : start + batch]], pa.string())

    found = near_duplicates(lambda band: keys[:, band], rank, texts_of, params, tmp_path)
    sets = sets_of(texts, params)
    for row in range(2, 60, 3):
        similar = jaccard(sets[row], sets[row - 1])
        low, high = sorted((row, row - 1), key=lambda r: rank[r])
        assert found.representative[low] == -1
        assert found.representative[high] == (low if similar >= 0.7 else -1)
        assert found.similarity[high] == np.float32(similar if similar >= 0.7 else 0)
    assert 10 < np.count_nonzero(found.representative >= 0) < 20
    assert asked == sorted(asked)
    assert len(asked) < 60
    assert not list(tmp_path.iterdir())


def test_missing_texts_are_an_error(tmp_path: Path) -> None:
    params = NearDedupParams(bands=1, rows=1)
    with pytest.raises(ValueError, match="2 texts were asked for and 1 came"):
        near_duplicates(
            lambda band: np.zeros(2, np.uint64),
            np.arange(2),
            lambda rows: iter([pa.array(["a"])]),
            params,
            tmp_path,
        )


MILLION = """
import resource
import numpy as np
from lexmill.corpus.clusters import candidate_rows, near_clusters
from lexmill.corpus.params import NearDedupParams

ROWS = 1_000_000
params = NearDedupParams()

def column(band):  # every fifth row has the keys of the row before
    keys = np.random.default_rng(band).integers(0, 2**64, ROWS, dtype=np.uint64)
    keys[4::5] = keys[3::5]
    return keys

rows = candidate_rows(column, ROWS, params)
rank = np.arange(ROWS)[::-1]
found = near_clusters(lambda b: column(b)[rows], rank[rows], lambda pairs: np.ones(len(pairs)), params)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(len(rows), np.count_nonzero(found.representative >= 0), peak)
"""


@pytest.mark.slow
def test_a_million_documents_take_little_memory() -> None:
    result = subprocess.run([sys.executable, "-c", MILLION], check=True, capture_output=True, text=True)
    candidates, dropped, megabytes = map(int, result.stdout.split())
    assert (candidates, dropped) == (400_000, 200_000)
    assert megabytes < 400
