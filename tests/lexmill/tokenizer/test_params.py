"""Wrong tokenizer parameters are refused with a sentence that says why."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from lexmill.tokenizer.specs.bpe import BpeSpec


def test_defaults_and_the_number_of_merges():
    params = BpeSpec(name="t", vocab_size=1000, special_tokens=("<s>", "</s>"))
    assert params.merges == 1000 - 256 - 2
    assert BpeSpec.model_validate(params.model_dump(mode="json")) == params


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocab_size": 255}, "256"),
        (
            {"vocab_size": 257, "special_tokens": ("a", "b")},
            "256 base symbols and 2 special tokens alone need 258",
        ),
        ({"special_tokens": ("a", "a")}, "distinct"),
        ({"special_tokens": ("«s»",)}, "stand for bytes"),
        ({"special_tokens": ("\ud800",)}, "surrogate"),
        (
            {"special_tokens": ("<|pad_0|>",), "pad_to_multiple": 64},
            "special_tokens.*name of a padding token",
        ),
        ({"pretokenizer": "gpt9"}, "'gpt9' is unknown"),
        ({"pretokenizer": "("}, "not a valid regular expression"),
        ({"languages": ()}, "selects nothing"),
        ({"weights": {"x": -1.0}}, "greater than or equal to 0"),
        ({"weights": {"x": float("nan")}}, "finite"),
        ({"algorithm": "magic"}, "bpe"),
        ({"name": "../up"}, "pattern"),
        ({"max_token_length": 1}, "greater than or equal to 2"),
        ({"sampling_temperature": 0.5}, "greater than or equal to 1"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_bad_values_are_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        BpeSpec(**({"name": "t", "vocab_size": 1000} | options))
