"""Task-adaptive vocabularies: the base keeps its ids, the task's text gets shorter."""

from __future__ import annotations

import json

import pytest
from tokenizers import Tokenizer, models

from lexmill.tokenizer.algorithms import parse_spec
from lexmill.tokenizer.export import finished_tokenizer
from lexmill.tokenizer.load import token_bytes
from lexmill.tokenizer.trainers.merge_vocabulary import base_pieces
from tests.lexmill.tokenizer.domain_texts import assert_round_trips, counts_of, exported, learn
from tests.lexmill.tokenizer.texts import SENTENCES, python_sources

BASE = parse_spec(
    {"algorithm": "bpe", "name": "b", "vocab_size": 500, "domains": ("prose",), "special_tokens": ("<s>",)}
)


@pytest.fixture(scope="module")
def counts():
    return counts_of()


@pytest.fixture
def base(tmp_path, counts):
    path = tmp_path / "tokenizer.json"
    finished_tokenizer(learn(BASE, counts), BASE).save(str(path))
    return path


def adapted(base, **options):
    return parse_spec(
        {"algorithm": "task_adaptive", "name": "t", "vocab_size": 900, "base": str(base), **options}
    )


def test_base_ids_stay_and_the_tasks_text_takes_fewer_tokens(base, counts):
    spec = adapted(base, domains=("code",))
    learned = learn(spec, counts, base=base)
    old, new = Tokenizer.from_file(str(base)), exported(learned, spec)
    assert_round_trips(new)
    assert new.get_vocab_size() == 900
    assert token_bytes(new)[:499] == token_bytes(old)[:499]
    assert learned.details == {"base_pieces": 499, "new_pieces": 401}
    code = python_sources()[0]
    assert len(new.encode(code).ids) < 0.75 * len(old.encode(code).ids)
    prose = SENTENCES["fra_Latn"]
    assert len(new.encode(prose).ids) <= 1.2 * len(old.encode(prose).ids)


def test_the_same_input_gives_the_same_file(base, counts):
    spec = adapted(base)
    assert (
        learn(spec, counts, base=base).tokenizer.to_str() == learn(spec, counts, base=base).tokenizer.to_str()
    )


def test_unsuitable_bases_are_refused(base, counts, tmp_path):
    with pytest.raises(ValueError, match="vocab_size 400 leaves no room for new tokens, base alone has 499"):
        learn(adapted(base, vocab_size=400), counts, base=base)
    written = json.loads(base.read_text())
    del written["model"]["vocab"]["Ā"]  # the byte 0
    written["model"]["vocab"]["Āz"] = 188
    other = tmp_path / "other.json"
    other.write_text(json.dumps(written))
    with pytest.raises(ValueError, match="base: the base tokenizer has no token for the byte 0x00"):
        base_pieces(other)
    Tokenizer(models.WordLevel({"": 0, "a": 1}, unk_token="a")).save(str(other))
    with pytest.raises(
        ValueError, match="base: id 0 of the base tokenizer is a special token or spells nothing"
    ):
        base_pieces(other)
