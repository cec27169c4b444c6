"""Reading YAML with line numbers, environment variables and overrides."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flows.yaml_source import ConfigError, apply_override, read_yaml

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text("abcäß你 -:#'\"", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(data=PLAIN)
def test_reads_what_the_safe_loader_reads(tmp_path_factory: pytest.TempPathFactory, data: object) -> None:
    path = tmp_path_factory.mktemp("yaml") / "a.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    assert read_yaml(path).data == data


def test_every_key_knows_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("version: 1\n\npipelines:\n  demo:\n    corpora:\n      - name: a\n        path: b\n")
    source = read_yaml(path)
    assert source.line(("version",)) == 1
    assert source.line(("pipelines", "demo", "corpora", 0, "path")) == 7
    assert source.line(("pipelines", "demo", "corpora", 0, "absent")) == 6


def test_anchors_aliases_and_merge_keys(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: &a {x: 1, y: 2}\nb: &b {<<: *a, x: 3}\nc: *b\n")
    assert read_yaml(path).data == {"a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 2}, "c": {"x": 3, "y": 2}}


def test_only_braced_variables_expand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEXMILL_TEST_PLACE", "memory://x")
    path = tmp_path / "a.yaml"
    path.write_text("a: ${LEXMILL_TEST_PLACE}/w\nb: $LEXMILL_TEST_PLACE\nc: 'x{2}$'\n")
    assert read_yaml(path).data == {"a": "memory://x/w", "b": "$LEXMILL_TEST_PLACE", "c": "x{2}$"}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: [\n", 3, "not valid YAML"),
        ("a: 1\nb: 2\na: 3\n", 3, "twice"),
        ("a: 1\nb: ${LEXMILL_SURELY_NOT_SET}\n", 2, "LEXMILL_SURELY_NOT_SET is not set"),
        ("a:\n  1: x\n", 2, "must be text"),
        ("a: !!python/object/apply:os.system ['true']\n", 1, "not valid YAML"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(f"{path}:{line}:")


def test_a_missing_file_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--config"):
        read_yaml(tmp_path / "absent.yaml")


def test_overrides_reach_keys_items_and_named_items() -> None:
    data = {"corpora": [{"name": "a", "path": "x"}, {"name": "b", "path": "y"}], "runner": None}
    apply_override(data, "corpora.0.path=z")
    apply_override(data, "corpora.b.languages=[eng_Latn, fra_Latn]")
    apply_override(data, "runner.workers=4")
    assert data == {
        "corpora": [
            {"name": "a", "path": "z"},
            {"name": "b", "path": "y", "languages": ["eng_Latn", "fra_Latn"]},
        ],
        "runner": {"workers": 4},
    }


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("corpora.0.path", "key.path=value"),
        ("corpora.7.path=x", "no item 7; there are a"),
        ("corpora.0.name.deep=x", "plain value"),
        ("corpora.0.path=[", "not valid YAML"),
    ],
)
def test_wrong_overrides_are_explained(assignment: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        apply_override({"corpora": [{"name": "a"}]}, assignment)
