"""Splits and byte limits by hash."""

import numpy as np
import pytest

from lexmill.corpus.dedup import split_of, splits_of, within_bytes
from lexmill.corpus.params import SplitParams


@pytest.mark.parametrize(
    "params", [SplitParams(), SplitParams(valid=0.3, test=0.0, salt="b"), SplitParams(valid=0.0, test=0.5)]
)
def test_splits_of_many_are_those_of_each(params: SplitParams) -> None:
    keys = [f"group/{number}" for number in range(4000)] + ["", "ü", "字"]
    found = splits_of(keys, params)
    assert found.tolist() == [split_of(key, params) for key in keys]
    for name, share in (("valid", params.valid), ("test", params.test)):
        assert np.mean(found == name) == pytest.approx(share, abs=0.025)
    assert splits_of([], params).tolist() == []


def test_another_salt_gives_another_split() -> None:
    keys = [f"corpus:{number:016x}" for number in range(1000)]
    assert splits_of(keys, SplitParams(salt="1")).tolist() != splits_of(keys, SplitParams()).tolist()


def test_byte_limit_takes_whole_groups_in_any_order() -> None:
    keys = [f"g{number // 2}" for number in range(200)]
    languages = ["deu_Latn", "eng_Latn"] * 100
    kept = within_bytes(keys, languages, [10] * 200, 250)
    assert kept.sum() == 50
    assert (kept[::2] == kept[1::2]).all()
    order = np.random.default_rng(0).permutation(100)
    shuffled = within_bytes([keys[2 * row] for row in order], ["deu_Latn"] * 100, [10] * 100, 250)
    assert (shuffled == kept[::2][order]).all()


def test_byte_limit_leaves_a_language_its_first_document() -> None:
    assert within_bytes(["a"], ["eng_Latn"], [10], 5).tolist() == [True]
