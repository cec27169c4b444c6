"""Which beginnings of a list count as another's, and which do not."""

from __future__ import annotations

import random

from lexmill.mixture.inherit import inherited_prefix, installed_tokenizers, readable
from lexmill.mixture.inspect import describe
from lexmill.mixture.mergelist import MergeList
from lexmill.tokenizer.bytelevel import to_alphabet

LETTERS = b"abcdefghijklmnopqrstuvwxyz"
PAIRS = [(bytes([a]), bytes([b])) for a in LETTERS for b in LETTERS]
TRIPLES = [(a + b, bytes([c])) for a, b in PAIRS[:100] for c in LETTERS]
DIGITS = [(bytes([a]), bytes([b])) for a in b"0123456789" for b in b"0123456789"]


def _list(merges, **extra):
    return MergeList.from_merges(merges, "test", **extra)


def _shuffled(merges, seed):
    merges = list(merges)
    random.Random(seed).shuffle(merges)
    return merges


def _mixed():
    """A known list with digit tokens all through, parts first."""
    order = _shuffled(PAIRS + DIGITS, 1) + _shuffled(TRIPLES[:700], 2)
    return order, [merge for merge in order if merge not in DIGITS]


NEW = [(a + b, b"!") for a, b in PAIRS] + [(a + b, b"?") for a, b in PAIRS]


def test_a_whole_list_that_goes_on_is_skipped():
    known = PAIRS + TRIPLES[:800]
    found = inherited_prefix(_list(known + NEW), {"old": _list(known)})
    assert (found.name, found.merges, found.removed, found.start_merge) == ("old", len(known), 0, len(known))
    assert found.sentence == "first 1,476 learned tokens are old in identical order"


def test_a_list_less_its_digit_tokens():
    known, kept = _mixed()
    found = inherited_prefix(_list(kept + NEW), {"old": _list(known)})
    assert (found.merges, found.removed, found.removed_kind) == (len(kept), 100, "digit")
    assert found.start_merge == len(kept)
    assert found.sentence == "first 1,376 learned tokens are old in identical order less 100 digit tokens"


def test_a_kind_must_say_exactly_what_is_left_out():
    """Half of the digit tokens are gone, the others kept: no rule, and too many to be an accident."""
    known, _ = _mixed()
    half = [merge for merge in known if merge not in DIGITS[::2]]
    assert inherited_prefix(_list(half + NEW), {"old": _list(known)}) is None


def test_a_part_of_a_longer_list():
    known = PAIRS + TRIPLES
    found = inherited_prefix(_list(known[:1300] + NEW), {"old": _list(known)})
    assert found.merges == 1300
    assert "are the beginning of old in identical order" in found.sentence


def test_few_removed_tokens_need_no_kind_but_many_do():
    known = PAIRS + TRIPLES
    one = known[:1200] + known[1201:]
    found = inherited_prefix(_list(one + NEW), {"old": _list(known)})
    assert (found.merges, found.removed, found.removed_kind) == (len(one), 1, "other")
    every_tenth = [merge for i, merge in enumerate(known) if i % 10 or merge in PAIRS]
    assert inherited_prefix(_list(every_tenth + NEW), {"old": _list(known)}) is None


def test_no_alarm_for_lists_that_share_tokens_in_another_order():
    known = _list(PAIRS + TRIPLES)
    swapped = [*PAIRS[:500], PAIRS[501], PAIRS[500], *PAIRS[502:], *TRIPLES]
    assert inherited_prefix(_list(swapped), {"old": known}) is None
    assert inherited_prefix(_list(PAIRS[:60] + _shuffled(PAIRS[60:], 3) + NEW), {"old": known}) is None
    assert inherited_prefix(_list(NEW[:0] + _shuffled(PAIRS, 4) + NEW), {"old": known}) is None


def test_nothing_to_skip_when_the_list_is_known_as_a_whole():
    known = _list(PAIRS + TRIPLES)
    found = inherited_prefix(_list(PAIRS + TRIPLES), {"copy": known})
    assert (found.start_merge, found.merges) == (0, len(known))
    assert found.sentence == "the whole list of 3,276 merges is copy in identical order: nothing to skip"
    part = inherited_prefix(_list(PAIRS), {"long": known})
    assert part.sentence.startswith("the whole list of 676 merges is the beginning of long")


def test_a_prefix_to_skip_goes_before_a_copy():
    ours = _list(PAIRS + TRIPLES[:800] + NEW)
    found = inherited_prefix(ours, {"a copy": ours, "old": _list(PAIRS + TRIPLES[:800])})
    assert found.name == "old"


def test_a_short_rest_is_not_audited_alone():
    known = PAIRS + TRIPLES[:800]
    found = inherited_prefix(_list(known + NEW[:24]), {"old": _list(known)})
    assert (found.merges, found.start_merge) == (len(known), 0)
    assert "the 24 merges after them are too few" in found.sentence


def test_bytes_and_characters_are_not_compared():
    characters = _list(PAIRS + TRIPLES, alphabet=tuple(bytes([c]) for c in LETTERS))
    assert inherited_prefix(_list(PAIRS + TRIPLES + NEW), {"old": characters}) is None


class _Distribution:
    def __init__(self, name, folder, files):
        self.name, self._folder, self.files = name, folder, files

    def locate_file(self, file):
        return self._folder / file


def test_installed_files_are_found_by_name(tmp_path, monkeypatch):
    class File(str):
        @property
        def name(self):
            return self.rsplit("/", 1)[-1]

    files = (
        "cl100k.tiktoken tokenizer.json tekken_1.json vocab.bpe tokenizer.model.v3 other.json gone.tiktoken"
    )
    names = [f"x/{name}" for name in files.split()]
    names.insert(0, "y/vocab.bpe")
    (tmp_path / "x").mkdir()
    (tmp_path / "y").mkdir()
    for name in names[:-1]:
        (tmp_path / name).write_text("")
    files = [File(n) for n in names]
    listed = [_Distribution(name, tmp_path, files) for name in ("b", None)] + [
        _Distribution("a", tmp_path, None)
    ]
    monkeypatch.setattr("lexmill.mixture.inherit.distributions", lambda: listed)
    assert list(installed_tokenizers()) == [
        "b/x/cl100k.tiktoken", "b/x/tekken_1.json", "b/x/tokenizer.json", "b/x/tokenizer.model.v3",
        "b/x/vocab.bpe", "b/y/vocab.bpe",
    ]  # fmt: skip
    assert readable(installed_tokenizers()) == {}


def test_inspection_says_everything(tmp_path):
    known = PAIRS + TRIPLES[:800]
    for name, merges in (("old", known), ("new", known + NEW)):
        lines = [f"{to_alphabet(a)} {to_alphabet(b)}" for a, b in merges]
        (tmp_path / f"{name}.bpe").write_text("\n".join(["#version: 0.2", *lines]))
    lists = {name: MergeList.load(tmp_path / f"{name}.bpe") for name in ("old", "new")}
    found = describe(lists.pop("new"), lists)
    assert found.pop("inherited")["start_merge"] == len(known)
    assert found.pop("compared") == ["old"]
    assert found == {
        "kind": "vocab.bpe", "unit": "bytes", "vocabulary": 256 + len(known + NEW), "alphabet": 256,
        "merges": len(known + NEW), "manual": 0, "manual_tokens": [], "late": 0, "redundant": 0, "longest": None,
        "pretokenizer": "gpt2", "pretokenizer_from": "format", "normalizer": None, "normalizer_from": "nowhere",
    }  # fmt: skip


def test_a_cousin_that_began_with_the_same_list_is_not_named_instead():
    known, kept = _mixed()
    cousin = [*known, *TRIPLES[700:2000]]
    lists = {"a_cousin": _list(cousin), "old": _list(known)}
    found = inherited_prefix(_list(kept + NEW), lists)
    assert (found.name, found.whole) == ("old", True)
