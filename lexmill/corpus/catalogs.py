"""Message catalogs: translations of one set of messages by key, read as parallel documents.

A catalog is one file in one language.  Catalogs of one group (the regex group `group` in `members`) translate each
other; each (group, language) becomes a document whose lines are its sentence-like messages, and with
`parallel` the documents of a group match line by line.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import xxhash

from lexmill.corpus.encoding import RefusedFileError, text_stream
from lexmill.corpus.fluent import FluentError, parse_fluent
from lexmill.corpus.languages import DETECT, script_of
from lexmill.corpus.markup import PLACEHOLDER, REFERENCE, segment_text
from lexmill.corpus.members import Member, ReadError, readable
from lexmill.corpus.mo import MoError, parse_mo
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.po import PoError, parse_po, po_charset
from lexmill.corpus.properties import parse_properties
from lexmill.corpus.records import load_json
from lexmill.corpus.schema import Document, Refusal
from lexmill.corpus.scripts import letter_count, script_counts, script_share, weighted_length

MAX_CATALOG_BYTES = 256 * 2**20
MIN_LETTERS = 0.5  # of a segment's characters
MIN_SCRIPT_SHARE = 0.35  # of its letters: product names in Latin letters are common in every interface
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")  # JSON escapes can spell them

Messages = dict[str, str]  # key -> message, in file order


def read_catalogs(
    members: Sequence[Member], params: CorpusParams, counts: Counter[str]
) -> Iterator[Document | Refusal]:
    """Documents of all catalogs, by group, then language.

    `counts` gains the number of segments by what became of them: `kept`, `untranslated`, `too_short`, `few_letters`,
    `wrong_script`, `placeholder`, `reference`, `repeated`, `not_in_all_languages`, `invalid_bytes`, `unparsed` (what is
    no Fluent).  Memory: the catalogs of one group, and one hash a kept segment.  Raises ReadError for a catalog that
    cannot be parsed.
    """
    for member in members:
        if member.language is None:
            raise ReadError(
                f"{member.name}: the language of a catalog must be set by `language` or `members`"
            )
    seen: set[tuple[str, int]] = set()
    ordered = sorted(members, key=lambda m: (m.group or m.name, m.language or "", len(m.name), m.name))
    for group, together in groupby(ordered, key=lambda m: m.group or m.name):
        chosen: dict[str, Member] = {}
        for member in together:
            language = str(member.language)
            if language in chosen:  # es_MX beside es: the shorter code stands for the language
                detail = f"{chosen[language].name} is read"
                yield Refusal("regional_variant", detail, member.name, 0, language, member.domain)
            else:
                chosen[language] = member
        yield from _group_documents(group, chosen, params, counts, seen)


def _group_documents(
    group: str,
    members: Mapping[str, Member],
    params: CorpusParams,
    counts: Counter[str],
    seen: set[tuple[str, int]],
) -> Iterator[Document | Refusal]:
    """Documents of one group; `seen` holds (language, hash) of the segments of earlier groups."""
    sources, catalogs = _load(members, params, counts)
    part_of = _part_function(params, len(sources) or max(map(len, catalogs.values())))
    if params.parallel:  # before the costly checks, and again after them
        catalogs = _in_all(catalogs, params, counts)
    kept = {
        language: _usable(language, messages, sources, params, counts)
        for language, messages in catalogs.items()
    }
    if params.parallel:
        kept = _in_all(kept, params, counts)
    _drop_repeated(kept, params, seen, counts)
    first = next(iter(members.values()))
    for language in sorted(kept):
        if params.languages is not None and language not in params.languages:
            continue
        member = members.get(language, first)
        for part, lines in _parts(kept[language], part_of):
            counts["kept"] += len(lines)
            origin = member.name if language in members else f"{group}#source"
            if part:
                yield Document(
                    "\n".join(lines), language, member.domain, f"{group}:{part}", f"{origin}#{part}"
                )
            else:
                yield Document("\n".join(lines), language, member.domain, group, origin)


def _load(
    members: Mapping[str, Member], params: CorpusParams, counts: Counter[str]
) -> tuple[Messages, dict[str, Messages]]:
    """(messages in the source language, catalogs by language); a gettext source is the union of message ids."""
    kind = next(iter(members.values())).format
    if kind in _KEYED:
        catalogs = {language: _KEYED[kind](member, params, counts) for language, member in members.items()}
        return catalogs.get(params.source_language, {}), catalogs
    sources: Messages = {}
    catalogs = {}
    for language, member in members.items():
        ids, translations = _gettext_messages(member, params)
        sources |= ids
        catalogs[language] = translations
    if not params.parallel or params.source_language in params.parallel:
        catalogs[params.source_language] = sources
    return sources, catalogs


def _gettext_messages(member: Member, params: CorpusParams) -> tuple[Messages, Messages]:
    """(key -> message id, key -> translation) of a `.po` or `.mo` file."""
    try:
        if member.format == "mo":
            with readable(member) as handle:
                raw = handle.read(MAX_CATALOG_BYTES + 1)
            default = "utf-8" if params.encoding == DETECT else params.encoding
            entries = list(parse_mo(_limited(raw, member), default))
        else:
            entries = list(parse_po(*_po_text(member, params)))
    except (PoError, MoError) as error:
        raise ReadError(
            f"{member.name} is not a readable {member.format.upper()} catalog: {error}"
        ) from error
    keys = [f"{entry.context}\x04{entry.source}" if entry.context else entry.source for entry in entries]
    ids = {key: segment_text(entry.source) for key, entry in zip(keys, entries, strict=True)}
    return ids, {key: segment_text(entry.translation) for key, entry in zip(keys, entries, strict=True)}


def _json_messages(member: Member, params: CorpusParams, counts: Counter[str]) -> Messages:
    return flattened(load_json(member, params))


def _properties_messages(member: Member, params: CorpusParams, counts: Counter[str]) -> Messages:
    return {key: segment_text(message) for key, message in parse_properties(_text(member, params))}


def _fluent_messages(member: Member, params: CorpusParams, counts: Counter[str]) -> Messages:
    found: Messages = {}
    try:
        for key, message in parse_fluent(_text(member, params)):
            if message is None:
                counts["unparsed"] += 1
            else:
                found[key] = segment_text(message)
    except FluentError as error:
        raise ReadError(f"{member.name} is not a readable Fluent catalog: {error}") from error
    return found


# Formats in which translations share a key and the source language is a catalog like the others.
_KEYED: dict[str, Callable[[Member, CorpusParams, Counter[str]], Messages]] = {
    "json_catalog": _json_messages,
    "fluent": _fluent_messages,
    "properties": _properties_messages,
}


def _text(member: Member, params: CorpusParams) -> str:
    """The whole text of a catalog.  Raises ReadError when it is not in the corpus's encoding."""
    return _decoded(member, params, lambda raw: None)[0]


def _po_text(member: Member, params: CorpusParams) -> tuple[str, str]:
    """(text, charset) of a `.po` file: the charset that its header names, else the corpus's encoding."""
    return _decoded(member, params, po_charset)


def _decoded(member: Member, params: CorpusParams, charset: Callable[[bytes], str | None]) -> tuple[str, str]:
    try:
        with text_stream(member, params) as (handle, known):
            raw = _limited(handle.read(MAX_CATALOG_BYTES + 1), member)
            errors = "strict" if params.invalid_bytes == "reject" else "replace"
            encoding = "utf-8" if raw.startswith(BOM_UTF8) else charset(raw) or known.encoding
            return raw.decode(encoding, errors).removeprefix("\ufeff"), encoding
    except (UnicodeDecodeError, RefusedFileError) as error:
        raise ReadError(f"{member.name} is not a readable catalog: {error}") from error


def _limited(raw: bytes, member: Member) -> bytes:
    if len(raw) > MAX_CATALOG_BYTES:
        raise ReadError(f"{member.name} is larger than {MAX_CATALOG_BYTES:,} bytes; split the catalog")
    return raw


def flattened(content: Any, prefix: str = "") -> Messages:
    """Strings of nested JSON objects and lists by dotted key, as plain text."""
    if isinstance(content, str):
        return {prefix: segment_text(content)}
    items: Iterator[tuple[Any, Any]] = iter(())
    if isinstance(content, dict):
        items = iter(content.items())
    elif isinstance(content, list):
        items = iter(enumerate(content))
    found: Messages = {}
    for key, value in items:
        found |= flattened(value, f"{prefix}.{key}" if prefix else str(key))
    return found


def _usable(
    language: str, messages: Messages, sources: Messages, params: CorpusParams, counts: Counter[str]
) -> Messages:
    """The sentence-like, translated messages."""
    source = sources if language != params.source_language else {}
    kept: Messages = {}
    for key, text in messages.items():
        reason = _refused(text, source.get(key), script_of(language), params)
        if reason:
            counts[reason] += 1
        else:
            kept[key] = text
    return kept


def _refused(text: str, source: str | None, script: str, params: CorpusParams) -> str:
    """Why a segment is not used, or ""."""
    if _LONE_SURROGATE.search(text):
        return "invalid_bytes"
    if text == source:
        return "untranslated"
    if REFERENCE.fullmatch(text):
        return "reference"
    if 2 * len(text) < params.min_segment:
        return "too_short"
    if params.placeholders == "drop_segment" and PLACEHOLDER.search(text):
        return "placeholder"
    counts = script_counts(text)
    if len(text) < params.min_segment and weighted_length(counts) < params.min_segment:
        return "too_short"
    if letter_count(counts) < MIN_LETTERS * len(text):
        return "few_letters"
    return "wrong_script" if script_share(counts, script) < MIN_SCRIPT_SHARE else ""


def _in_all(kept: dict[str, Messages], params: CorpusParams, counts: Counter[str]) -> dict[str, Messages]:
    """Only the keys that every parallel language has, in the order of the first language's file."""
    missing = [language for language in params.parallel if language not in kept]
    shared: set[str] = set()
    if not missing:
        shared = set.intersection(*(set(kept[language]) for language in params.parallel))
    counts["not_in_all_languages"] += sum(len(kept[language].keys() - shared) for language in kept)
    if not shared:
        return {}
    order = [key for key in kept[params.parallel[0]] if key in shared]
    return {language: {key: kept[language][key] for key in order} for language in params.parallel}


def _drop_repeated(
    kept: dict[str, Messages], params: CorpusParams, seen: set[tuple[str, int]], counts: Counter[str]
) -> None:
    """Drop, in place, segments that an earlier group (or line) of the corpus already has; parallel ones together."""
    judged = params.parallel[:1] if params.parallel else tuple(kept)
    for language in judged:
        for key, text in list(kept.get(language, {}).items()):
            mark = (language, xxhash.xxh3_64_intdigest(text.encode("utf-8", "replace")))
            if mark not in seen:
                seen.add(mark)
                continue
            for affected in params.parallel or (language,):
                del kept[affected][key]
                counts["repeated"] += 1


def _parts(messages: Messages, part_of: Callable[[str], str]) -> Iterator[tuple[str, list[str]]]:
    """(part, lines) of the documents that a catalog is split into, by part; lines in file order."""
    parts: dict[str, list[str]] = {}
    for key, text in messages.items():
        parts.setdefault(part_of(key), []).append(text)
    yield from sorted(parts.items())


def _part_function(params: CorpusParams, keys: int) -> Callable[[str], str]:
    """Which document of its group a key belongs to: the same for every language."""
    if params.key_group is not None:
        pattern = re.compile(params.key_group)
        return lambda key: match[1] if (match := pattern.search(key)) else ""
    count = -(-keys // params.segments) if params.segments else 1
    if count <= 1:
        return lambda key: ""
    width = len(str(count - 1))
    return lambda key: f"{xxhash.xxh3_64_intdigest(key.encode('utf-8', 'replace')) % count:0{width}d}"
