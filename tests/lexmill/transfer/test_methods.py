from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lexmill.transfer.cooccurrence import cooccurrences, ppmi, token_vectors, truncated_svd
from lexmill.transfer.focus import focus, sparsemax
from lexmill.transfer.subtoken_mean import segmenter, subtoken_mean
from tests.lexmill.training.tiny import sentences, vocabulary

ENGLISH = vocabulary(sentences("eng_Latn"), 320)


def test_pieces_spell_the_token_also_when_it_is_not_utf8() -> None:
    segment = segmenter(ENGLISH.tokenizer)
    for token in (b" village", b"\xc3", b"\xff\x00x", "traverse été".encode()):
        assert b"".join(ENGLISH.tokens[i] or b"" for i in segment(token)) == token


def test_the_pre_tokenizer_is_not_asked() -> None:
    # With it, the space would start a new word and the merge "e " could not be used.
    assert len(segmenter(ENGLISH.tokenizer)(b" the")) == 1


def test_a_repeated_piece_weighs_twice() -> None:
    rows = subtoken_mean({7: b"aab", 8: b""}, lambda token: list(token))
    assert set(rows) == {7}
    ids, weights = rows[7]
    assert ids.tolist() == [97, 98]
    np.testing.assert_allclose(weights, [2 / 3, 1 / 3], rtol=1e-6)


def simplex_projection(row: np.ndarray) -> np.ndarray:
    """Oracle: find the threshold by bisection."""
    low, high = row.min() - 1.0, row.max()
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.maximum(row - middle, 0).sum() > 1 else (low, middle)
    return np.maximum(row - low, 0)


@given(arrays(np.float64, (3, 6), elements=st.floats(-3, 3)))
def test_sparsemax_projects_onto_the_simplex(scores: np.ndarray) -> None:
    weights = sparsemax(scores)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-9)
    np.testing.assert_allclose(weights, [simplex_projection(row) for row in scores], atol=1e-9)


def test_focus_uses_near_anchors_and_leaves_out_tokens_without_a_vector() -> None:
    vectors = np.zeros((6, 3), dtype=np.float32)
    vectors[0], vectors[1], vectors[2] = [1, 0, 0], [0, 1, 0], [0, 0, 1]
    vectors[4] = np.array([2, 1, 0]) / np.sqrt(5)
    rows = focus(new=[4, 5], anchors=[0, 1, 2, 3], sources=[30, 20, 10, 40], vectors=vectors)
    assert set(rows) == {4}
    ids, weights = rows[4]
    assert ids.tolist() == [20, 30]  # token 2 is orthogonal, token 3 has no vector
    # cosines a > b with support {a, b}: weights (1 + a - b) / 2 and (1 - a + b) / 2
    gap = 1 / np.sqrt(5)
    np.testing.assert_allclose(weights, [(1 - gap) / 2, (1 + gap) / 2], rtol=1e-6)
    assert focus([4], [3], [40], vectors) == {}


def test_cooccurrences_against_counting_by_hand() -> None:
    rng = np.random.default_rng(0)
    documents = [rng.integers(0, 8, n) for n in (1, 2, 9, 30)]
    expected = np.zeros((8, 8))
    for document in documents:
        for i, left in enumerate(document):
            for j, right in enumerate(document):
                if i != j and abs(i - j) <= 3:
                    expected[left, right] += 1 / abs(i - j)
    np.testing.assert_allclose(cooccurrences(documents, 8, window=3).toarray(), expected)


def test_ppmi_against_its_formula() -> None:
    counts = cooccurrences([np.random.default_rng(1).integers(0, 6, 200)], 6, window=2)
    dense = counts.toarray()
    contexts = dense.sum(axis=0) ** 0.75
    with np.errstate(divide="ignore"):
        expected = np.log(
            (dense / dense.sum()) / np.outer(dense.sum(axis=1) / dense.sum(), contexts / contexts.sum())
        )
    np.testing.assert_allclose(ppmi(counts).toarray(), np.maximum(expected, 0), atol=1e-12)
    assert (ppmi(counts).data > 0).all()


def test_svd_finds_the_largest_singular_values() -> None:
    from scipy import sparse

    dense = np.random.default_rng(2).random((60, 40)) * (np.random.default_rng(3).random((60, 40)) < 0.3)
    left, values = truncated_svd(sparse.csr_matrix(dense), 5, seed=0)
    np.testing.assert_allclose(values, np.linalg.svd(dense, compute_uv=False)[:5], rtol=1e-4)
    np.testing.assert_allclose(left.T @ left, np.eye(5), atol=1e-9)


def test_tokens_used_alike_get_near_vectors() -> None:
    # 0 and 1 stand in the same places, 2 in others; 9 is too rare.
    rng = np.random.default_rng(0)
    documents = []
    for _ in range(200):
        documents += [np.array([3, rng.integers(0, 2), 4]), np.array([5, 2, 6])]
    documents.append(np.array([3, 9, 4]))
    vectors = token_vectors(documents, 10, dimensions=4, window=2, min_count=10, seed=0)
    assert vectors[0] @ vectors[1] > 0.99 > 0.5 > vectors[0] @ vectors[2]
    assert not vectors[9].any()
    np.testing.assert_allclose(np.linalg.norm(vectors[:7], axis=1), 1.0, rtol=1e-5)
    again = token_vectors(documents, 10, dimensions=4, window=2, min_count=10, seed=0)
    np.testing.assert_array_equal(vectors, again)


def test_too_little_text_gives_no_vectors() -> None:
    assert not token_vectors([np.array([1, 2])], 5, 3, 2, min_count=2, seed=0).any()


@pytest.mark.parametrize("rank", [1, 3, 50])
def test_rank_is_lowered_to_what_there_is(rank: int) -> None:
    from scipy import sparse

    _, values = truncated_svd(sparse.csr_matrix(np.eye(4)), rank, seed=0)
    np.testing.assert_allclose(values, np.ones(min(rank, 4)))
