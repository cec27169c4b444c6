"""Shingles, minima and band keys beside plain-Python twins."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.corpus.minhash import band_keys, jaccard, permutations, shingles, tokens
from lexmill.corpus.ngrams import row_ngrams
from lexmill.corpus.params import NearDedupParams
from lexmill.corpus.words import Words, split_words

PARAMS = NearDedupParams()


def words_of(*texts: str) -> Words:
    return split_words(pa.array(texts, pa.string()))


def plain_shingles(text: str, n: int) -> set[tuple[str, ...]]:
    """For ASCII words and digits parted by spaces."""
    words = [
        word if word.isdigit() else "".join("0" if c.isdigit() else c for c in word.lower())
        for word in text.split()
    ]
    return {tuple(words[i : i + n]) for i in range(max(1, len(words) - n + 1))} if words else set()


def plain_band_keys(hashes: list[int], params: NearDedupParams) -> list[tuple[int, ...]]:
    """The minima of each band."""
    minima = []
    for a, b in zip(*(values.tolist() for values in permutations(params)), strict=True):
        minima.append(min(((a * (x >> 32) + b) % 2**32 for x in hashes), default=2**32 - 1))
    return [tuple(minima[i : i + params.rows]) for i in range(0, len(minima), params.rows)]


SENTENCES = st.lists(st.text("abAB12", min_size=1, max_size=2), max_size=12).map(" ".join)


@settings(max_examples=80, deadline=None)
@given(st.lists(SENTENCES, min_size=1, max_size=5), st.integers(1, 6))
def test_shingle_sets_are_those_of_the_twin(texts: list[str], n: int) -> None:
    params = NearDedupParams(words=n)
    hashes, offsets = shingles(words_of(*texts), params)
    twins = [plain_shingles(text, n) for text in texts]
    sets = [hashes[offsets[row] : offsets[row + 1]] for row in range(len(texts))]
    for found, twin in zip(sets, twins, strict=True):
        assert len(found) == len(twin)
        assert np.all(np.diff(found.astype(object)) > 0)
    for i, a in enumerate(sets):
        for j, b in enumerate(sets):
            union = len(twins[i] | twins[j])
            assert jaccard(a, b) == (len(twins[i] & twins[j]) / union if union else 1.0)


@settings(max_examples=40, deadline=None)
@given(st.lists(SENTENCES, min_size=2, max_size=5), st.integers(1, 4), st.integers(1, 3))
def test_band_keys_are_equal_where_the_minima_are(texts: list[str], bands: int, rows: int) -> None:
    params = NearDedupParams(bands=bands, rows=rows, words=2)
    words = words_of(*texts)
    keys = band_keys(words, params)
    hashes, offsets = row_ngrams(words.rows, words.kind, tokens(words), 2, True)
    twins = [plain_band_keys(hashes[offsets[r] : offsets[r + 1]].tolist(), params) for r in range(len(texts))]
    assert keys.shape == (len(texts), bands)
    for i in range(len(texts)):
        for j in range(len(texts)):
            assert [*(keys[i] == keys[j])] == [a == b for a, b in zip(twins[i], twins[j], strict=True)]


def test_bands_share_no_keys_among_each_other() -> None:
    keys = band_keys(words_of("one text"), NearDedupParams(bands=8, rows=1))
    assert len(set(keys[0].tolist())) == 8


def test_a_text_without_words_is_read_by_its_symbols() -> None:
    keys = band_keys(words_of("***", "* * *", "+++", "", ""), PARAMS)
    assert keys[0].tolist() == keys[1].tolist()
    assert keys[0].tolist() != keys[2].tolist()
    assert keys[3].tolist() == keys[4].tolist()
    assert keys[2].tolist() != keys[3].tolist()


def test_case_and_punctuation_are_passed_over_but_not_numbers() -> None:
    keys = band_keys(words_of("Type 1: diabetes.", "type 1 diabetes", "Type 2: diabetes."), PARAMS)
    assert keys[0].tolist() == keys[1].tolist()
    assert not np.any(keys[0] == keys[2])


def test_keys_do_not_depend_on_the_batch_but_on_the_seed() -> None:
    texts = [f"the {i} quick brown {'fox ' * i} jumps over the lazy dog {'x' * i}" for i in range(20)]
    whole = band_keys(words_of(*texts), PARAMS)
    assert np.array_equal(whole, np.concatenate([band_keys(words_of(text), PARAMS) for text in texts]))
    assert not np.any(whole == band_keys(words_of(*texts), NearDedupParams(seed=2)))


@pytest.mark.parametrize("similarity", [0.3, 0.6, 0.8, 0.95])
def test_minima_agree_as_often_as_the_sets_are_similar(similarity: float) -> None:
    """Over 400 pairs of random sets of 200 and 120 permutations: a standard error of about 0.002."""
    params = NearDedupParams(bands=120, rows=1, words=1)
    generator = np.random.default_rng(7)
    pairs, size = 400, 200
    common = round(2 * size * similarity / (1 + similarity))
    data = generator.integers(0, 2**64, (2 * pairs, size), dtype=np.uint64)
    data[1::2, :common] = data[::2, :common]
    rows = np.arange(0, data.size + 1, size)
    kind = np.zeros(data.size, np.uint8)
    empty = np.zeros(0, np.int64)
    words = Words(empty, rows, rows, empty, empty, kind, empty, data.ravel(), data.ravel())
    keys = band_keys(words, params)
    agreed = np.mean(keys[::2] == keys[1::2], axis=1)
    expected = common / (2 * size - common)
    assert np.mean(agreed) == pytest.approx(expected, abs=0.01)
    # independent permutations would spread by sqrt(J (1 - J) / 120)
    assert np.std(agreed) == pytest.approx(np.sqrt(expected * (1 - expected) / 120), rel=0.2)


def test_permutations_are_odd_distinct_and_by_seed() -> None:
    multipliers, increments = permutations(NearDedupParams(bands=256, rows=64))
    assert np.all(multipliers % 2 == 1)
    assert len(np.unique(multipliers)) > 0.999 * len(multipliers)
    assert multipliers.dtype == increments.dtype == np.uint32
    others = permutations(NearDedupParams(bands=256, rows=64, seed=2**32 - 1))
    assert len(np.intersect1d(increments, others[1])) < 100


def test_jaccard_of_two_empty_sets_is_one() -> None:
    empty = np.zeros(0, np.uint64)
    assert jaccard(empty, empty) == 1.0
    assert jaccard(empty, np.ones(1, np.uint64)) == 0.0
