"""Lines and paragraphs that repeat across documents."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.corpus import repeated
from lexmill.corpus.params import RepeatedTextParams
from lexmill.corpus.repeated import Units, cut_units, repeated_units, unit_hashes

LINES = RepeatedTextParams(unit="line", min_characters=3)
PARAGRAPHS = RepeatedTextParams(unit="paragraph", min_characters=3)


def plain_units(text: str, unit: str) -> list[str]:
    """The units, with white space as `unit_hashes` counts it."""
    if unit == "line":
        return [" ".join(line.split()) for line in text.split("\n")]
    paragraphs: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.strip():
            paragraphs[-1].append(line)
        else:
            paragraphs.append([])
    return [" ".join(" ".join(lines).split()) for lines in paragraphs if lines]


TEXTS = st.lists(st.text("ab é字\n\n \t", max_size=25), max_size=6)


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.sampled_from([LINES, PARAGRAPHS]), st.integers(1, 4))
def test_units_are_those_of_the_twin(texts: list[str], params: RepeatedTextParams, least: int) -> None:
    units = unit_hashes(pa.array(texts, pa.string()), params.model_copy(update={"min_characters": least}))
    expected = [
        (row, number, unit)
        for row, text in enumerate(texts)
        for number, unit in enumerate(plain_units(text, params.unit))
        if len(unit) >= least
    ]
    assert [*zip(units.row.tolist(), units.number.tolist(), strict=True)] == [e[:2] for e in expected]
    hashes = units.hash.tolist()
    assert len(set(zip(hashes, (e[2] for e in expected), strict=True))) == len(set(hashes))
    assert len(set(hashes)) == len({e[2] for e in expected})


@settings(max_examples=200, deadline=None)
@given(st.text("ab\n\n \t", max_size=40), st.sets(st.integers(0, 6)), st.sampled_from(["line", "paragraph"]))
def test_cutting_leaves_the_other_units(text: str, numbers: set[int], unit: str) -> None:
    left = cut_units(text, sorted(numbers), unit)  # type: ignore[arg-type]
    expected = [u for number, u in enumerate(plain_units(text, unit)) if number not in numbers and u]
    assert [u for u in plain_units(left, unit) if u] == expected


def test_cutting_keeps_indentation_and_blank_lines_elsewhere() -> None:
    text = "def f():\n    return 1\n\n\n# licence\n# of all\n\ndef g():\n    return 2"
    assert cut_units(text, [1], "paragraph") == "def f():\n    return 1\n\n\ndef g():\n    return 2"
    assert cut_units(text, [2], "paragraph") == "def f():\n    return 1\n\n\n# licence\n# of all"
    assert cut_units(text, [0, 1, 2], "paragraph") == ""
    assert cut_units("a\nb\nc", [1], "line") == "a\nc"
    assert cut_units("a\nb", [], "line") == "a\nb"


def plain_cuts(texts: list[str], rank: list[int], unit: str, least: int) -> dict[int, list[int]]:
    first: dict[str, int] = {}
    cuts: dict[int, list[int]] = {}
    for row in sorted(range(len(texts)), key=lambda row: rank[row]):
        for number, text in enumerate(plain_units(texts[row], unit)):
            if len(text) >= least and first.setdefault(text, row) != row:
                cuts.setdefault(row, []).append(number)
    return cuts


@settings(max_examples=25, deadline=None)
@given(TEXTS, st.randoms(), st.integers(1, 3))
def test_what_stands_in_an_earlier_document_is_found(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], random: object, size: int
) -> None:
    rank = list(range(len(texts)))
    random.shuffle(rank)  # type: ignore[attr-defined]
    batches: list[tuple[np.ndarray, Units]] = [
        (
            np.arange(start, min(start + size, len(texts))),
            unit_hashes(pa.array(texts[start : start + size], pa.string()), LINES),
        )
        for start in range(0, len(texts), size)
    ]
    random.shuffle(batches)  # type: ignore[attr-defined]
    cuts = repeated_units(batches, np.array(rank, np.uint64), tmp_path_factory.getbasetemp())
    expected = plain_cuts(texts, rank, "line", 3)
    assert {row: cuts.get(row) for row in range(len(texts)) if cuts.get(row)} == expected
    assert cuts.rows.tolist() == sorted(expected)


def test_repeats_within_a_document_stay(tmp_path: Path) -> None:
    texts = ["chorus\nverse\nchorus", "chorus\nchorus\nother"]
    batch = (np.array([10, 20]), unit_hashes(pa.array(texts), LINES))
    rank = np.zeros(21, np.int64)
    rank[[10, 20]] = 5, 6
    cuts = repeated_units([batch], rank, tmp_path)
    assert (cuts.get(10), cuts.get(20)) == ([], [0, 1])


@pytest.mark.slow
def test_more_than_fits_in_memory_waits_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated, "MEMORY", "64MB")
    generator = np.random.default_rng(3)
    count = 250_000

    def batches():  # type: ignore[no-untyped-def]
        for start in range(0, 40 * count, count):
            hashes = generator.integers(0, 2**62, count, dtype=np.uint64)
            hashes[0] = 7
            numbers = np.arange(count, dtype=np.int32)
            yield np.arange(start, start + count), Units(hashes, np.arange(count), numbers)

    cuts = repeated_units(batches(), np.arange(40 * count), tmp_path)
    assert cuts.rows.tolist() == [*range(count, 40 * count, count)]
    assert not list(tmp_path.iterdir())
