"""Pins of Debian packages are brought up to date, and nothing else in the file is."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.debian_pins import PIN, Offer, parse_offers, refreshed
from flows.config import load_pipelines
from lexmill.registries import PackageRef

CORPUS = Path(__file__).parents[2] / "corpora" / "debian.yaml"
OLD, NEW = "a" * 64, "b" * 64
TEXT = f"""\
x: # a comment
  - {{registry: deb, name: one-doc, version: '1:2.0-1', sha256: {OLD}}}
  - {{registry: deb, name: two, version: 3.1+dfsg~rc1-1, sha256: {OLD}}} # kept
  - {{registry: pypi, name: two, version: 3.1, sha256: {OLD}}}
"""


def test_versions_and_digests_of_debs_change_alone() -> None:
    offers = {"one-doc": Offer("1:2.0-1", OLD, 5), "two": Offer("12", NEW, 7)}
    text, changes = refreshed(TEXT, offers)
    assert text == TEXT.replace(f"version: 3.1+dfsg~rc1-1, sha256: {OLD}", f"version: '12', sha256: {NEW}")
    assert changes == ["two: 3.1+dfsg~rc1-1 -> 12"]
    assert refreshed(text, offers) == (text, [])


def test_a_package_that_is_gone_is_named() -> None:
    with pytest.raises(SystemExit, match="apt offers no two"):
        refreshed(TEXT, {"one-doc": Offer("1", OLD, 1)})


def test_listings_of_apt() -> None:
    listing = f"Package: one\nVersion: 1:2-3\nSize: 9\nSHA256: {OLD}\n x\n\nPackage: virtual\n"
    assert parse_offers(listing) == {"one": Offer("1:2-3", OLD, 9)}


def test_the_committed_corpus_is_pinned_in_this_form() -> None:
    corpora = load_pipelines(CORPUS)["debian"].corpora
    pins = [
        ref
        for corpus in corpora
        for ref in (corpus.package if isinstance(corpus.package, tuple) else (corpus.package,))
        if isinstance(ref, PackageRef) and ref.registry == "deb"
    ]
    found = [(match["name"], match["version"], match["sha256"]) for match in PIN.finditer(CORPUS.read_text())]
    assert found == [(ref.name, ref.version, ref.sha256) for ref in pins]
    assert len(found) > 200
    assert all(corpus.license != "unknown" for corpus in corpora)
