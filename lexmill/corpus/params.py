"""Parameters of corpora and of their cleaning: the `corpora` and `cleaning` sections of pipelines.yaml."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from lexmill.archives import PackageRef
from lexmill.corpus.languages import CODE_SUFFIXES, DETECT, language_label

Format = Literal["text", "markdown", "jsonl", "csv", "parquet", "json", "json_catalog", "po", "code"]
CATALOG_FORMATS = ("json_catalog", "po")
COMPRESSIONS = (".gz", ".zst", ".bz2", ".xz")
_SUFFIX_FORMATS: dict[str, Format] = {
    **{".txt": "text", ".text": "text", ".md": "markdown", ".markdown": "markdown"},
    **{
        ".jsonl": "jsonl",
        ".ndjson": "jsonl",
        ".csv": "csv",
        ".parquet": "parquet",
        ".json": "json",
        ".po": "po",
    },
}


def _language_or_detect(code: str) -> str:
    return code if code == DETECT else language_label(code)


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
    return pattern


def _known_encoding(name: str) -> str:
    try:
        plain = "a\n".encode(name)
    except LookupError as error:
        raise ValueError(
            f"unknown encoding {name!r}; write a Python codec such as utf-8 or cp1252"
        ) from error
    if plain != b"a\n":  # lines are found as bytes
        raise ValueError(f"encoding {name!r} does not contain ASCII; convert the files to UTF-8 first")
    return name


Language = Annotated[str, AfterValidator(language_label)]
LanguageOrDetect = Annotated[str, AfterValidator(_language_or_detect)]
Regex = Annotated[str, AfterValidator(_regex)]
Word = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class _Params(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CorpusParams(_Params):
    """One source of documents: a pinned package archive, or local files."""

    name: Word
    """Stands in document ids and lineage; unique in a pipeline."""
    package: PackageRef | None = None
    """Exactly one of `package` and `path`."""
    path: str | None = None
    """A file, a folder (read recursively) or a glob; plain or .gz, .zst, .bz2, .xz.  Never part of the identity."""
    format: Format | None = None
    """Taken from each file's suffix when absent."""
    members: Regex | None = None
    """Which members of the archive (or relative paths under `path`) to read: the whole name must match.
    The named groups `language`, `group` and `domain` set those columns."""
    language: LanguageOrDetect = DETECT
    """Of all documents, unless `members` or `language_field` says it; `detect` leaves it to identification."""
    languages: tuple[Language, ...] | None = None
    """Read only these (by declared language)."""
    domain: Word = "general"
    license: str = Field(default="unknown", min_length=1)
    """SPDX expression where there is one."""
    encoding: Annotated[str, AfterValidator(_known_encoding)] = "utf-8"
    invalid_bytes: Literal["reject", "replace"] = "reject"
    """Text that is not valid in `encoding`: reject the document (or line), or replace the bytes by U+FFFD."""
    document: Literal["file", "paragraph", "line"] = "file"
    """What is one document in `text` and `markdown` files; paragraphs are parted by empty lines."""
    fields: tuple[str, ...] = ("text",)
    """Record formats: the fields joined by line ends to a document's text; a list gives one line an item."""
    language_field: str | None = None
    """Record formats: the field that holds the declared language."""
    group_field: str | None = None
    """Record formats: the field that holds the group of parallel documents."""
    source_language: Language = "eng_Latn"
    """Catalogs: the language of message ids, and the one a translation must differ from."""
    parallel: tuple[Language, ...] = ()
    """Catalogs: keep only the keys present in all of these, so that documents of a group match line by line."""
    key_group: Regex | None = None
    """Catalogs: matched in each key; the text of its first group splits a catalog into documents."""
    segments: int | None = Field(default=None, ge=1)
    """Catalogs without `key_group`: about this many messages a document.  Messages are spread by the hash of their key,
    so that translations stay in one group; without it a catalog is one document, and so lies in one split."""
    min_segment: int = Field(default=20, ge=1)
    """Catalogs: characters a segment must have; Han, kana and Hangul characters count double."""
    placeholders: Literal["keep", "drop_segment"] = "keep"
    """Catalogs: whether segments with `%(name)s`, `%s` or `{name}` stay."""
    max_bytes: int | None = Field(default=None, ge=1)
    """Most bytes of text a language; whole groups are chosen by hash, so parallel documents stay together."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.package is None) == (self.path is None):
            raise ValueError(f"corpus {self.name!r}: give exactly one of `package` and `path`")
        if self.package is not None and self.members is None:
            raise ValueError(f"corpus {self.name!r}: `members` must say which files of the package to read")
        if self.parallel and self.format not in CATALOG_FORMATS:
            raise ValueError(f"corpus {self.name!r}: `parallel` needs `format` json_catalog or po")
        if self.key_group is not None and self.segments is not None:
            raise ValueError(f"corpus {self.name!r}: give one of `key_group` and `segments`")
        if not self.fields:
            raise ValueError(f"corpus {self.name!r}: `fields` must name at least one field")
        return self


class LanguageParams(_Params):
    """Language and script identification.  Programming languages are never identified, only declared."""

    detect: bool = True
    min_score: Share = 0.35
    """Documents without a declared language need at least this score."""
    mismatch: Literal["drop", "keep", "relabel"] = "drop"
    """What happens when the detected language confidently differs from the declared one."""
    mismatch_score: Share = 0.7
    """How confident; closely related languages (Danish and Bokmål, Hindi and Marathi) never count as a mismatch."""
    mismatch_characters: int = Field(default=100, ge=0)
    """Shorter documents are too short to contradict a declaration."""
    min_script_share: Share = 0.35
    """Share of letters in the language's script; product names in Latin letters are common in short Korean text."""


class QualityParams(_Params):
    """Rules by document.  `null` switches one off."""

    min_characters: int | None = Field(default=20, ge=0)
    """Han, kana and Hangul characters count double."""
    min_letters: Share | None = 0.5
    """Letters and marks as a share of all characters but white space."""
    max_replacement: Share | None = 0.001
    """U+FFFD, left by wrong decoding, as a share of characters."""
    max_repeated_lines: Share | None = 0.3
    """Lines that appeared before in the document (Gopher, Rae et al. 2021, table A1: 0.30)."""
    max_repeated_line_characters: Share | None = 0.2
    """Characters in such lines (Gopher: 0.20)."""
    min_word_length: float | None = 2.0
    max_word_length: float | None = 20.0
    """Mean word length in letters where words are parted by spaces.  Gopher's 3-10 fit English; Finnish or Tamil
    interface text passes 10."""
    max_english: Share | None = 0.15
    """English function words as a share of Latin-letter words in documents that are not English."""
    max_line_characters: int | None = Field(default=1000, ge=1)
    """Source code: longest line (StarCoder, Li et al. 2023, appendix)."""
    min_code_alphanumeric: Share | None = 0.25
    """Source code: letters and digits as a share of characters (StarCoder)."""


class SplitParams(_Params):
    """Shares of the splits.  A group of parallel documents is never divided."""

    valid: Share = 0.1
    test: Share = 0.1
    salt: str = "0"
    """Another salt gives another, independent split."""

    @model_validator(mode="after")
    def _leaves_train(self) -> Self:
        if self.valid + self.test >= 1:
            raise ValueError(f"splits: valid {self.valid} and test {self.test} leave nothing to train on")
        return self


class CleaningParams(_Params):
    """From documents as read to clean, unique documents."""

    normalization: Literal["NFC", "NFKC", "none"] = "NFC"
    language: LanguageParams = LanguageParams()
    quality: QualityParams = QualityParams()
    exact_dedup: bool = True
    """Drop documents whose text equals an earlier one's but for case, width and white space, in any corpus."""
    splits: SplitParams = SplitParams()


def format_of(name: str) -> Format | None:
    """Format by a file's suffix, after that of its compression; None when the suffix says nothing."""
    path = PurePath(name.lower())
    if path.suffix in COMPRESSIONS:
        path = path.with_suffix("")

    return _SUFFIX_FORMATS.get(path.suffix) or ("code" if path.suffix in CODE_SUFFIXES else None)
