"""The tables of the mixture benchmark on a small made-up corpus."""

from __future__ import annotations

import json
import re
from pathlib import Path

import mixture
import mixture_corpus
import numpy as np
import pytest
from mixture_cells import FIVE

LETTERS = dict(zip(FIVE, ("abcdef", "defghi", "かなきりす", "абвгде", "çğışöü"), strict=True))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five languages of random words over their own letters, 40 documents each, and two programming languages."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("corpus") / "text.jsonl"
    with path.open("w") as handle:
        for language, letters in [*LETTERS.items(), ("c", "{}();x"), ("python", "def:_x")]:
            words = ["".join(rng.choice(list(letters), rng.integers(2, 7))) for _ in range(300)]
            chance = 1 / np.arange(1, 301)
            for number in range(40):
                text = " ".join(rng.choice(words, 120, p=chance / chance.sum()))
                domain = "code" if language in ("c", "python") else "web"
                row = {"id": f"{language}{number}", "text": text, "language": language, "domain": domain}
                handle.write(json.dumps(row) + "\n")
    return path


def test_the_training_text_as_sample_gives_the_exact_shares(
    corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixture.main(["exact", str(corpus), "--merges", "300", "--draws", "2"])
    rows = re.findall(r"│ \d +│ [\d.]+ +│ 300 +│ (-[\d.]+) +│ ([\d.e+-]+) ", capsys.readouterr().out)
    assert len(rows) == 2
    for error, objective in rows:
        assert float(error) <= -12
        assert float(objective) < 1e-9


def test_both_programs_reach_the_same_objective(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mixture.main(["reference", str(corpus), "--merges", "150"])
    printed = capsys.readouterr().out
    [differs] = re.findall(r"published, exact: finished, objective differs by\s+([\d.e+-]+);", printed)
    assert float(differs) < 1e-9
    ours, published = re.findall(r"(?:lexmill, gap 0|published, exact) +│ ([\d.]+) ", printed)
    assert ours == published
    assert float(ours) > 0


def test_a_limit_stops_the_published_loop(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mixture.main(["reference", str(corpus), "--merges", "150", "--limit", "0"])
    printed = capsys.readouterr().out
    assert "stopped after 0 s at merge" in printed
    assert "> " in printed


def test_trials_stand_beside_baselines_and_the_paper(
    corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    size = ["--categories", "5", "--trials", "2", "--vocab", "456", "--min-megabytes", "0.01"]
    mixture.main(["trials", str(corpus), *size, "--merges", "150", "--bootstrap", "0"])
    printed = capsys.readouterr().out
    errors = {m: float(e) for m, e in re.findall(r"│ 5 │ ([\w' ]+?) +│ +(-[\d.]+) ", printed)}
    assert errors["the paper reports"] == -7.30
    assert errors["lexmill"] == min(error for name, error in errors.items() if name != "the paper reports")
    assert {"uniform", "random", "efficiency", "token_class"} < set(errors)


def test_growth_and_size_are_measured_in_other_processes(
    corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixture.main(["large", str(corpus), "--languages", "3", "--code", "2", "--merges", "100"])
    [row] = re.findall(r"│ 5 +│ 100 +│ [\d.]+ +│ ([\d,]+) +│ ", capsys.readouterr().out)
    assert int(row.replace(",", "")) > 0
    grid = ["--merges", "60", "120", "--categories", "2", "4", "--at-merges", "60", "--at-categories", "2"]
    mixture.main(["growth", str(corpus), *grid])
    assert "peak_memory_bytes ~ categories^" in capsys.readouterr().out


def test_exponents_are_slopes_in_logarithms() -> None:
    assert mixture.slope([1, 10, 100], [5, 500, 50_000]) == pytest.approx((2, 2, 2))
    assert mixture.slope([1, 10, 100], [1, 1, 100]) == pytest.approx((1, 0, 2))
    assert np.isnan(mixture.slope([3], [1])).all()


def test_too_few_categories_are_an_error(corpus: Path) -> None:
    sizes = mixture_corpus.sizes([corpus])
    assert mixture_corpus.largest(sizes, 5, 1)[-1] == "tr"
    with pytest.raises(SystemExit, match="9 languages and 1 programming languages were asked for"):
        mixture_corpus.largest(sizes, 9, 1)


def test_thinning_keeps_proportions_and_something_of_everything(corpus: Path) -> None:
    both = mixture_corpus.halves([corpus], FIVE, 0)
    shares = np.array([0.5, 0.3, 0.2, 0.0, 0.0])
    half = mixture_corpus.thinned(both.train, both.train_bytes, shares, 1)
    kept = np.bincount(half.category, minlength=5)
    assert kept[3] == kept[4] == 1
    assert kept[0] == np.bincount(both.train.category)[0] or kept[0] > kept[2]
    assert half.start[-1] == len(half.word) == len(half.count)
