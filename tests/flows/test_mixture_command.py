"""`lexmill mixture`: the commands on small files, what they leave in the warehouse, and every mistake of a user."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from flows.adhoc_mixture import MixtureRequest, infer_files, tokenizer_file
from flows.cli import app
from lexmill.mixture.bootstrap import ReplicateError
from lexmill.mixture.infer import MixtureInputError
from lexmill.mixture.params import AuditParams
from lexmill.mixture.separation import SolverError
from lexmill.mixture.sources import parse_categories
from lexmill.tokenizer.bpe import train_bpe
from lexmill.tokenizer.bytelevel import from_alphabet, to_alphabet
from lexmill.tokenizer.patterns import PATTERNS
from lexmill.tokenizer.split import SplitError, splitter
from tasks.step import InputError
from warehouse.lineage import upstream
from warehouse.store import Warehouse

LETTERS = {"latin": "etaoinshr", "greek": "αβγδεζη"}
TRUTH = {"latin": 0.75, "greek": 0.25}
ISSUE_KEYS = {
    "shares", "objective", "gap", "merges_used", "start_merge", "inherited", "impossible_merges", "alarm",
    "evidence", "seconds", "peak_memory_bytes", "seed", "version",
}  # fmt: skip


class Quiet:
    """An observer that keeps what a run began."""

    def __init__(self):
        self.begun = []

    def started(self, planned):
        self.begun.append(planned.step.kind)

    def progress(self, planned, fraction, message): ...

    def log(self, planned, message): ...

    def finished(self, planned, result): ...

    def failed(self, planned, error): ...


def documents(name: str, count: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    shape = np.random.default_rng(len(name))  # the same words in every sample of a category
    lexicon = ["".join(shape.choice(list(LETTERS[name]), shape.integers(2, 8))) for _ in range(250)]
    weights = 1 / np.arange(1, 251)
    return [" ".join(rng.choice(lexicon, 120, p=weights / weights.sum())) for _ in range(count)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A tokenizer trained on a known mixture, and other text of its categories."""
    place = tmp_path_factory.mktemp("mixture")
    counts: dict[bytes, int] = {}
    cut = splitter("gpt2")
    for name in LETTERS:
        training = documents(name, 150, seed=1)
        weight = round(1e6 * TRUTH[name] / sum(len(text.encode()) for text in training))
        for text in training:
            for word in cut(text):
                counts[word.encode()] = counts.get(word.encode(), 0) + weight
    learned = train_bpe(pa.array(counts, pa.large_binary()), np.array(list(counts.values())), 300)
    tokens = learned.token_bytes()
    pairs = zip(learned.left.tolist(), learned.right.tolist(), strict=True)
    lines = ["#version: 0.2", *(f"{to_alphabet(tokens[a])} {to_alphabet(tokens[b])}" for a, b in pairs)]
    (place / "vocab.bpe").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (place / "latin.txt").write_text("\n\n".join(documents("latin", 60, seed=2)))
    records = [
        json.dumps({"text": text, "source": f"s{i % 2}"})
        for i, text in enumerate(documents("greek", 60, seed=3))
    ]
    (place / "greek.jsonl").write_text("\n".join(records))
    return place


def arguments(folder: Path, *more: str) -> list[str]:
    return [
        *("mixture", "infer", str(folder / "vocab.bpe")),
        *("--category", f"latin={folder / 'latin.txt'}", "--category", f"greek={folder / 'greek.jsonl'}"),
        *("--merges", "200", "--bootstrap", "4", "--warehouse", str(folder / "warehouse"), *more),
    ]


@pytest.fixture(scope="module")
def inferred(folder):
    """One finished run with all its outputs."""
    result = CliRunner().invoke(
        app, arguments(folder, "--json", str(folder / "out.json"), "--plot", str(folder / "out.svg"))
    )
    assert result.exit_code == 0, result.output
    return result


def test_the_answer_is_near_the_truth_and_has_every_key(folder, inferred):
    found = json.loads((folder / "out.json").read_text())
    assert found.keys() >= ISSUE_KEYS
    for name, share in found["shares"].items():
        assert share["bytes"] == pytest.approx(TRUTH[name], abs=0.04)
        assert share["lower"] <= share["bytes"] <= share["upper"]
    assert found["seconds"].keys() >= {"read", "count", "solve"}
    assert found["peak_memory_bytes"] > 1 << 20
    assert (found["merges_used"], found["start_merge"], found["inherited"]) == (200, 0, None)
    assert found["shares"]["greek"]["sources"] == 2
    assert found["read"]["latin"]["documents"] == 60
    assert found["cutting"]["pretokenizer"] == "gpt2"
    assert (folder / "out.svg").read_text().startswith("<svg xmlns=")
    for part in ("latin", "90% interval", "Merges 0 to 199 of 300 were looked at", "peak memory"):
        assert part in inferred.output


def test_a_repeat_builds_nothing_and_says_the_same(folder, inferred):
    before = json.loads((folder / "out.json").read_text())
    started = time.monotonic()
    result = CliRunner().invoke(app, arguments(folder, "--json", "-"))
    assert result.exit_code == 0
    assert time.monotonic() - started < 20
    assert json.loads(result.stdout) == before


def test_another_question_reuses_the_counts_and_lineage_leads_back(folder, inferred):
    audit = {"name": "adhoc", "tokenizer": {"path": "x"}, "merges": 100, "start_merge": 50, "bootstrap": 0}
    request = MixtureRequest(
        tokenizer=folder / "vocab.bpe",
        params=AuditParams.model_validate(audit),
        categories=parse_categories([f"greek={folder / 'greek.jsonl'}", f"latin={folder / 'latin.txt'}"]),
    )
    observer = Quiet()
    run = infer_files(request, str(folder / "warehouse"), observer)
    assert observer.begun == ["mixture"]
    assert (run.result["start_merge"], run.result["end_merge"]) == (50, 150)
    kinds = {
        node.kind for node in upstream(Warehouse(str(folder / "warehouse")), run.result["artifact"]).nodes
    }
    assert kinds == {"mixture", "word_counts", "tokenizer"}


def test_counts_of_the_warehouse_instead_of_files(folder, inferred):
    counts = next(v for v in Warehouse(str(folder / "warehouse")).versions("word_counts"))
    command = [*arguments(folder)[:3], "--counts", counts.name, *arguments(folder)[7:], "--json", "-"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    before = json.loads((folder / "out.json").read_text())
    again = json.loads(result.stdout)
    shares = [
        {name: share["bytes"] for name, share in answer["shares"].items()} for answer in (before, again)
    ]
    assert shares[0] == shares[1]


def test_an_interrupted_run_keeps_its_counts(folder, inferred, tmp_path):
    command = [sys.executable, "-m", "flows.cli", *arguments(folder)]
    command[command.index("--warehouse") + 1] = str(tmp_path / "warehouse")
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=os.environ
    )
    assert process.stderr is not None
    for line in process.stderr:
        if " audit " in line:
            process.send_signal(signal.SIGINT)
            break
    process.communicate(timeout=60)
    assert process.returncode == 130
    store = Warehouse(str(tmp_path / "warehouse"))
    assert {version.kind for version in store.versions()} == {"tokenizer", "word_counts"}
    assert not list((tmp_path / "warehouse").rglob(".building*"))


def test_inspect_prints_what_the_file_holds(folder):
    result = CliRunner().invoke(app, ["mixture", "inspect", str(folder / "vocab.bpe"), "--json"])
    found = json.loads(result.stdout)
    assert found.keys() >= {
        "kind",
        "vocabulary",
        "merges",
        "manual",
        "pretokenizer",
        "normalizer",
        "inherited",
    }
    assert (found["kind"], found["merges"], found["pretokenizer"]) == ("vocab.bpe", 300, "gpt2")
    plain = CliRunner().invoke(app, ["mixture", "inspect", str(folder / "vocab.bpe")])
    assert "300" in plain.output
    assert "redundant" in plain.output


def test_a_simulation_on_files(folder, tmp_path):
    command = [
        *("mixture", "simulate", "--category", f"latin={folder / 'latin.txt'}"),
        *("--category", f"greek={folder / 'greek.jsonl'}", "--trials", "2", "--categories", "2"),
        *(
            "--vocab-size",
            "500",
            "--bootstrap",
            "3",
            "--pretokenizer",
            "gpt2",
            "--json",
            str(tmp_path / "out.json"),
        ),
    ]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "out.json").read_text())
    assert len(found["rows"]) == 2
    assert found["summary"]["log10_mse"]["mixture"]["mean"] < found["summary"]["log10_mse"]["uniform"]["mean"]
    assert "linear program" in result.output


def test_a_tokenizer_that_does_not_say_how_it_cuts_wants_the_flag(folder, tmp_path):
    lines = [f"{token} {rank}\n" for rank, token in enumerate(["YQ==", "Yg==", "YWI="])]
    (tmp_path / "a.tiktoken").write_text("".join(lines))
    command = arguments(folder)
    command[2] = str(tmp_path / "a.tiktoken")
    command[command.index("--warehouse") + 1] = str(tmp_path / "warehouse")
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert "--pretokenizer" in result.output
    assert {version.kind for version in Warehouse(str(tmp_path / "warehouse")).versions()} == {"tokenizer"}


def two(folder: Path) -> list[str]:
    return ["--category", f"a={folder / 'latin.txt'}", "--category", f"b={folder / 'greek.jsonl'}"]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--category", "a={folder}/latin.txt"], "needs at least two categories, but there is 1"),
        (
            ["--category", "a={folder}/latin.txt", "--category", "a={folder}/greek.jsonl"],
            "'a' is given twice",
        ),
        (
            ["--category", "a={folder}/latin.txt", "--category", "b={folder}/no.txt"],
            "category 'b': .*no.txt does not exist",
        ),
        (["TWO", "--counts", "x"], "--category and --counts exclude each other"),
        (["TWO", "--plot", "{folder}/a.png"], "the chart is an SVG"),
        (["TWO", "--json", "{folder}/none/a.json"], "name a file in a folder that is there"),
        (["TWO", "--start-merge", "first"], "give auto or a whole number"),
        (["TWO", "--pretokenizer", "gpt5"], "--pretokenizer 'gpt5' is unknown"),
        (["TWO", "--known", "nowhere"], "--known 'nowhere': write NAME=PATH"),
        (["TWO", "--known", "x={folder}/latin.txt"], "latin.txt"),
        (["--counts", "nothing-here"], "--counts nothing-here"),
        (["--counts", "x", "--pretokenizer", "gpt2"], "cut already"),
        (["TWO", "--gap", "2"], "--gap"),
    ],
)
def test_mistakes_end_with_a_sentence_and_code_2(folder, tmp_path, more, sentence):
    given = [
        part.format(folder=folder) for word in more for part in (two(folder) if word == "TWO" else [word])
    ]
    command = [
        "mixture",
        "infer",
        str(folder / "vocab.bpe"),
        *given,
        "--warehouse",
        str(tmp_path / "warehouse"),
    ]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    flat = " ".join(result.output.replace("│", " ").split())
    assert re.search(sentence, flat), flat
    assert not (tmp_path / "warehouse").exists() or not Warehouse(str(tmp_path / "warehouse")).versions()


def test_a_file_that_is_no_tokenizer(tmp_path):
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"type": "WordPiece", "vocab": {}}}))
    result = CliRunner().invoke(app, ["mixture", "inspect", str(tmp_path / "tokenizer.json")])
    assert result.exit_code == 2
    assert "WordPiece" in result.output
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"has none of tokenizer\.json"):
        tokenizer_file(tmp_path / "empty")


def test_a_folder_of_our_own_is_inspected_and_audited(folder, tmp_path):
    """Its merge table comes with a tokenizer.json, which says how text is cut."""
    own = tmp_path / "own"
    own.mkdir()
    pairs = [line.split(" ") for line in (folder / "vocab.bpe").read_text(encoding="utf-8").splitlines()[1:]]
    tokens = [to_alphabet(bytes([i])) for i in range(256)] + [a + b for a, b in pairs]
    split = {"type": "Split", "pattern": {"Regex": PATTERNS["gpt2"]}, "behavior": "Isolated", "invert": False}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    value = {
        "model": {"type": "BPE", "vocab": {t: i for i, t in enumerate(tokens)}, "merges": pairs},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, level]},
        "normalizer": {"type": "NFC"},
    }
    (own / "tokenizer.json").write_text(json.dumps(value))
    identity = {"pretokenizer": {"pattern": PATTERNS["gpt2"]}, "normalizer": "NFC"}
    (own / "lexmill.json").write_text(json.dumps(identity))
    columns = {
        name: pa.array([from_alphabet(pair[side]) for pair in pairs], pa.binary())
        for side, name in enumerate(("left_bytes", "right_bytes"))
    }
    pq.write_table(pa.table(columns), own / "merges.parquet")
    command = arguments(folder, "--json", "-")
    command[2], command[command.index("--bootstrap") + 1] = str(own), "0"
    command[command.index("--warehouse") + 1] = str(tmp_path / "warehouse")
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["cutting"]["pretokenizer"] == "gpt2"
    command[2] = str(own / "merges.parquet")  # alone it does not say how text is cut
    result = CliRunner().invoke(app, command)
    assert (result.exit_code, "--pretokenizer" in result.output) == (2, True)
    command[2:3] = [str(own / "merges.parquet"), "--pretokenizer", "gpt2"]
    assert CliRunner().invoke(app, command).exit_code == 0


@pytest.mark.parametrize(
    ("error", "code"), [(MixtureInputError, 2), (ReplicateError, 2), (SplitError, 2), (SolverError, 1)]
)
def test_a_simulation_that_cannot_go_on_says_why(folder, monkeypatch, error, code):
    def fail(*_, **__):
        raise error("this is why")

    monkeypatch.setattr("flows.mixture_simulation.simulate", fail)
    command = ["mixture", "simulate", *two(folder), "--trials", "1", "--categories", "2"]
    result = CliRunner().invoke(app, command)
    assert (result.exit_code, "this is why" in result.output) == (code, True)


def test_a_tokenizer_that_cannot_be_read_is_named(folder, monkeypatch):
    def fail(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("lexmill.mixture.mergelist.MergeList.load", fail)
    result = CliRunner().invoke(app, ["mixture", "inspect", str(folder / "vocab.bpe")])
    assert (result.exit_code, "cannot be read: Permission denied" in result.output) == (2, True)
