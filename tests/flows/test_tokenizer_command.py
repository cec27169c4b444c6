"""`lexmill tokenizer`: training from files and from counts, what the warehouse keeps, and every mistake of a user."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer
from typer.testing import CliRunner

from flows.cli import app
from lexmill.tokenizer.algorithms import ALGORITHMS
from tests.lexmill.tokenizer.texts import SENTENCES, python_sources, reference_tokenizer

SIZE = 700


def lexmill(*arguments: str):
    return CliRunner().invoke(app, ["tokenizer", *arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("tokenizer")
    lines = [json.dumps({"text": text}, ensure_ascii=False) for text in SENTENCES.values()]
    (place / "many.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (place / "code").mkdir()
    for number, text in enumerate(python_sources()):
        (place / "code" / f"{number}.txt").write_text(text, encoding="utf-8")
    return place


def train(folder: Path, out: Path, *more: str):
    return lexmill("train", "--vocab-size", str(SIZE), "--out", str(out), "-w", str(folder / "w"), *more)


def corpus(folder: Path) -> list[str]:
    return ["--corpus", f"python={folder / 'code'}", "--corpus", str(folder / "many.jsonl")]


@pytest.fixture(scope="module")
def trained(folder):
    """A tokenizer from files; its answer as JSON."""
    result = train(
        folder, folder / "plain", "--algorithm", "bpe", *corpus(folder), "--pretokenizer", "gpt4", "--json"
    )
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_files_are_those_that_tokenizers_learns_from_the_same_documents(folder, trained):
    own = Tokenizer.from_file(str(folder / "plain" / "tokenizer.json"))
    reference = reference_tokenizer([*python_sources(), *SENTENCES.values()], "gpt4", SIZE)
    merges = json.loads(own.to_str())["model"]["merges"]
    assert merges == json.loads(reference.to_str())["model"]["merges"]
    assert (trained["algorithm"], trained["vocab_size"], trained["export"]["label"]) == ("bpe", SIZE, "exact")
    assert trained["export"]["agreement"] == 1
    assert {p.name for p in (folder / "plain").iterdir()} == {
        "tokenizer.json", "tokenizer_config.json", "merges.parquet", "lexmill.json",
    }  # fmt: skip


def test_other_weights_read_no_text_again(folder, trained):
    result = train(
        folder, folder / "weighted", "--algorithm", "bpe", "--counts", "adhoc-gpt4", "--weight", "python=0.01"
    )
    assert result.exit_code == 0, result.output
    runs = sorted((folder / "w" / "lineage" / "runs").rglob("*.json*"))
    assert runs
    events = [
        json.loads(line) for path in runs[-1:] for line in path.read_text().splitlines() if line.strip()
    ]
    built = {(e.get("kind"), e.get("status")) for e in events if e.get("status") == "built"}
    assert built <= {("tokenizer", "built")}
    one, two = (pq.read_table(folder / name / "merges.parquet") for name in ("plain", "weighted"))
    assert one["left_bytes"] != two["left_bytes"]
    identity = json.loads((folder / "weighted" / "lexmill.json").read_text())
    assert identity["weights"] == {"python": 0.01}


MISTAKES = [
    (["--algorithm", "bpee"], "did you mean 'bpe'"),
    (["--vocab-size", "100"], "256 base symbols"),
    (["--vocab-size", "1000000"], "ask for at most"),
    (["--weight", "klingon=2"], "weights name klingon"),
    (["--weight", "python"], "write LANGUAGE=NUMBER"),
    (["--weight", "python=-1"], "--weight: Input should be greater than or equal to 0"),
    (["--weight", "=2"], "write LANGUAGE=NUMBER"),
    (["--weight", "python=2", "--weight", "python=3"], "python is given twice"),
    (["--pretokenizer", ""], "pretokenizer is empty"),
    (["--set", "min_frequency=-5"], "--set min_frequency: Input should be"),
    (["--set", "vocab_size=500"], "vocab_size is given twice"),
    (["--set", "algorithm=unigram"], "algorithm is given twice"),
    (["--set", "tie_break=hf", "--set", "tie_break=rustbpe"], "tie_break is given twice"),
    (["--special-token", ""], "--special-token: special tokens must be"),
    (["--corpus", ""], "'' names no file"),
    (["--corpus", "python="], "'python=' names no file"),
    (["--pretokenizer", "("], "not a valid regular expression"),
    (["--pretokenizer", "gpt9"], "'gpt9' is unknown"),
    (["--seed", "3"], "bpe has nothing random"),
    (["--set", "colour=red"], "bpe has no setting 'colour'"),
    (["--set", "colour"], "write KEY=VALUE"),
    (["--special-token", "a"], "also an ordinary token"),
    (["--corpus", "nowhere.txt"], "nowhere.txt"),
]


@pytest.mark.parametrize(("more", "message"), MISTAKES)
def test_mistakes_exit_with_2_and_write_nothing(folder, trained, tmp_path, more, message):
    options = ["--algorithm", "bpe", "--vocab-size", "300", "--pretokenizer", "gpt4"]
    result = lexmill(
        "train", "--out", str(tmp_path / "out"), "-w", str(folder / "w"), *corpus(folder), *options, *more
    )
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.stderr.split())
    assert not list(tmp_path.iterdir())


def test_counts_that_contradict_or_are_not_there(folder, trained, tmp_path):
    for more, message in [
        (["--counts", "adhoc-gpt4", "--pretokenizer", "gpt2"], "--pretokenizer 'gpt2'"),
        (["--counts", "nothing"], "--counts nothing"),
        (["--counts", "adhoc-gpt4", *corpus(folder)], "and not both"),
        ([], "--counts ARTIFACT or as --corpus PATH"),
    ]:
        result = train(folder, tmp_path / "out", "--algorithm", "bpe", *more)
        assert result.exit_code == 2, result.output
        assert message in " ".join(result.stderr.split())
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_empty_is_left_alone(folder, trained):
    before = sorted(p.name for p in (folder / "plain").iterdir())
    result = train(folder, folder / "plain", "--algorithm", "bpe", *corpus(folder))
    assert result.exit_code == 2
    assert "not an empty folder" in " ".join(result.stderr.split())
    assert sorted(p.name for p in (folder / "plain").iterdir()) == before


def test_a_place_that_cannot_be_written_to_is_refused_before_anything_runs(folder, trained, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    for out, message in [("file/sub", "is not a folder"), ("dangling", "not an empty folder")]:
        result = train(folder, tmp_path / out, "--algorithm", "bpe", "--counts", "nothing")
        assert result.exit_code == 2
        assert message in " ".join(result.stderr.split())


def test_an_empty_folder_stays_the_folder_that_it_is(folder, trained, tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("real")
    inode = (tmp_path / "real").stat().st_ino
    result = train(folder, tmp_path / "link", "--algorithm", "bpe", *corpus(folder), "--pretokenizer", "gpt4")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").stat().st_ino == inode
    assert {p.name for p in (tmp_path / "real").iterdir()} == {
        "tokenizer.json", "tokenizer_config.json", "merges.parquet", "lexmill.json",
    }  # fmt: skip


def test_an_audit_says_when_text_comes_back_only_as_the_normalizer_writes_it(folder, trained, tmp_path):
    assert "every text comes back\n" in lexmill("audit", str(folder / "plain")).stdout
    lower = json.loads((folder / "plain" / "tokenizer.json").read_text(encoding="utf-8"))
    lower["normalizer"] = {"type": "Lowercase"}
    (tmp_path / "tokenizer.json").write_text(json.dumps(lower), encoding="utf-8")
    result = lexmill("audit", str(tmp_path))
    assert "every text comes back as its normalizer writes it" in result.stdout


def test_the_list_of_algorithms():
    rows = json.loads(lexmill("algorithms", "--json").stdout)
    assert [row["algorithm"] for row in rows] == list(ALGORITHMS)
    assert all(
        row["summary"] and row["paper"] and row["export"] in ("exact", "approximate", "none") for row in rows
    )
    assert "bpe" in lexmill("algorithms").stdout


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "no words are left for languages all, domains ('general',), splits valid"),
        (["--reference", "python"], "write LANGUAGE=SIZE"),
        (["--language", "klingon"], "klingon is not in the word counts"),
    ],
)
def test_sizes_need_parallel_text_that_is_held_out(folder, trained, more, message):
    given = ["--counts", "adhoc-gpt4", "--development-domain", "general", "-w", str(folder / "w")]
    result = lexmill("sizes", *given, *more)
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.stderr.split())
