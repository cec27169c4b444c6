"""Reader of MediaWiki dumps (`pages-articles.xml`): the articles as plain text, streamed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lexmill.corpus.languages import UnknownLanguageError, language_label
from lexmill.corpus.members import Member, ReadError, readable
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.schema import Document, Refusal
from lexmill.corpus.wikitext import Namespaces, WikitextError, wiki_text
from lexmill.corpus.xml_events import Event, XmlError, xml_events

MAX_PAGE_CHARACTERS = 8 * 2**20
"""Of markup; MediaWiki itself saves no page beyond 2 MiB unless it is set up otherwise."""
_FILES, _CATEGORIES = "6", "14"  # keys of namespaces
_FIELDS = ("title", "ns", "id", "text", "model")


@dataclass
class _Page:
    fields: dict[str, list[str]] = field(default_factory=dict)
    redirect: str | None = None
    characters: int = 0

    def value(self, name: str) -> str:
        return "".join(self.fields.get(name, ())).strip()


@dataclass
class _Site:
    language: str | None = None
    files: set[str] = field(default_factory=set)
    categories: set[str] = field(default_factory=set)


def read_mediawiki(member: Member, params: CorpusParams) -> Iterator[Document | Refusal]:
    """One document an article, in the dump's order; origins are `<file>#<page id>`.

    Pages of other namespaces, redirects, pages that are no wikitext and those beyond the limits are refused.  Of a page
    with several revisions the last is read.  The language is the dump's where none is declared.  Raises ReadError at
    the first damage of the XML.
    """
    count = 0
    site = _Site()
    try:
        with readable(member) as handle:
            for page in _pages(xml_events(handle, params), site):
                count += 1
                yield _page_document(
                    page, site, member, f"{member.name}#{page.value('id') or f'page {count}'}"
                )
    except XmlError as error:
        raise ReadError(f"{member.name} cannot be read after page {count}: {error}") from error


def _pages(events: Iterator[Event], site: _Site) -> Iterator[_Page]:
    page: _Page | None = None
    path: list[str] = []
    key, name = "", ""
    for kind, value, attributes in events:
        if kind == "start":
            path.append(value)
            if value == "mediawiki":
                site.language = _label(attributes.get("xml:lang", ""))
            elif value == "namespace":
                key, name = attributes.get("key", ""), ""
            elif value == "page":
                page = _Page()
            elif page and value == "redirect":
                page.redirect = attributes.get("title", "")
            elif page and value == "text":
                page.fields["text"], page.characters = [], 0
        elif kind == "text":
            if page:
                _add_text(page, path, value)
            elif path and path[-1] == "namespace":
                name += value[:200]
        else:
            path.pop()
            if value == "namespace":
                site.files |= {name.strip().lower()} if key == _FILES else set()
                site.categories |= {name.strip().lower()} if key == _CATEGORIES else set()
            elif value == "page" and page:
                yield page
                page = None


def _add_text(page: _Page, path: list[str], text: str) -> None:
    """Keep the fields of a page; the ids of revisions and contributors are no ids of pages."""
    name, parent = path[-1], path[-2] if len(path) > 1 else ""
    if name not in _FIELDS or (name == "id" and parent != "page"):
        return
    page.characters += len(text)
    if page.characters <= MAX_PAGE_CHARACTERS:
        page.fields.setdefault(name, []).append(text)


def _page_document(page: _Page, site: _Site, member: Member, origin: str) -> Document | Refusal:
    language = member.language or site.language
    markup = page.value("text")
    fault = _fault(page)
    if not fault:
        try:
            text = wiki_text(markup, _namespaces(site))
            return Document(text, language, member.domain, member.group, origin)
        except WikitextError as error:
            fault = "too_complex", str(error)
    size = page.characters if fault[0] == "too_large" else len(markup.encode())
    return Refusal(*fault, origin, size, language, member.domain, page.value("title")[:200])


def _fault(page: _Page) -> tuple[str, str] | None:
    if page.value("ns") not in ("", "0"):
        return "namespace", page.value("ns")
    if page.redirect is not None:
        return "redirect", page.redirect[:200]
    if page.value("model") not in ("", "wikitext"):
        return "not_wikitext", page.value("model")
    if page.characters > MAX_PAGE_CHARACTERS:
        return "too_large", f"more than {MAX_PAGE_CHARACTERS:,} characters"
    return None


def _namespaces(site: _Site) -> Namespaces:
    english = Namespaces()
    return Namespaces(english.files | site.files, english.categories | site.categories)


def _label(code: str) -> str | None:
    try:
        return language_label(code) if code else None
    except UnknownLanguageError:
        return None
