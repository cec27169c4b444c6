"""Parameters of corpora and of their cleaning: the `corpora` and `cleaning` sections of pipelines.yaml."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from lexmill.archives import PackageRef
from lexmill.corpus.fields import Params, Share
from lexmill.corpus.languages import CODE_SUFFIXES, DETECT, language_label
from lexmill.corpus.quality_params import QualityParams, stop_words_of

# fmt: off
Format = Literal[
    "text", "markdown", "html", "xml", "man", "code",
    "jsonl", "json", "csv", "tsv", "parquet", "tmx", "warc", "wet", "mediawiki",
    "json_catalog", "po", "mo", "fluent", "properties",
]
# fmt: on
CATALOG_FORMATS = ("json_catalog", "po", "mo", "fluent", "properties")
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
    **{".html": "html", ".htm": "html", ".xhtml": "html", ".xml": "xml", ".page": "xml", ".tsv": "tsv"},
    **{".tmx": "tmx", ".warc": "warc", ".wet": "wet", ".mo": "mo", ".ftl": "fluent"},
    ".properties": "properties",
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
    if name == DETECT or re.fullmatch(r"utf[-_]?(16|32)([-_]?[lb]e)?", name.lower()):
        return name
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


class CorpusParams(Params):
    """One source of documents: a pinned package archive, or local files."""

    name: Word
    """Stands in document ids and lineage; unique in a pipeline."""
    package: PackageRef | tuple[PackageRef, ...] | None = None
    """Exactly one of `package` and `path`; a list is read as one corpus (one package a language, say), and then the
    name of a member is `<package>/<name in the archive>`."""
    path: str | None = None
    """A file, a folder (read recursively), a glob, or any fsspec URL of these (`s3://`, `gs://`, `https://`,
    `hf://datasets/...`); plain or .gz, .zst, .bz2, .xz, or inside .zip and .tar.  Never part of the identity."""
    format: Format | None = None
    """Taken from each file's suffix when absent; `man` and `mediawiki` have none and must be named."""
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
    """A Python codec, or `detect`: by byte-order mark, UTF-8 where it is valid, else by statistics of each file."""
    invalid_bytes: Literal["reject", "replace"] = "reject"
    """Text that is not valid in `encoding`: reject the document (or line), or replace the bytes by U+FFFD."""
    document: Literal["file", "paragraph", "line"] = "file"
    """What is one document in `text`, `markdown`, `html`, `xml` and `man` files; empty lines part paragraphs."""
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
    sample: float = Field(default=1.0, gt=0.0, le=1.0)
    """Share of the documents to read, chosen by the hash of their group (else id) and `seed`."""
    seed: int = Field(default=0, ge=0)
    """Another seed gives another sample."""
    shards: int = Field(default=1, ge=1, le=4096)
    """Read and measure the corpus in this many parts, each a step of its own: the files of a folder or archive are
    dealt by name, a single file by records.  Not for catalogs, nor with `max_bytes`."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.package is None) == (self.path is None):
            raise ValueError(f"corpus {self.name!r}: give exactly one of `package` and `path`")
        if self.package is not None and self.members is None:
            raise ValueError(f"corpus {self.name!r}: `members` must say which files of the package to read")
        if self.parallel and self.format not in CATALOG_FORMATS:
            formats = ", ".join(CATALOG_FORMATS)
            raise ValueError(f"corpus {self.name!r}: `parallel` needs a catalog `format` ({formats})")
        if self.shards > 1 and (self.max_bytes is not None or self.format in CATALOG_FORMATS):
            raise ValueError(
                f"corpus {self.name!r}: `shards` goes neither with `max_bytes` nor with catalogs"
            )
        if self.package == ():
            raise ValueError(f"corpus {self.name!r}: the list of packages is empty")
        if self.key_group is not None and self.segments is not None:
            raise ValueError(f"corpus {self.name!r}: give one of `key_group` and `segments`")
        if not self.fields:
            raise ValueError(f"corpus {self.name!r}: `fields` must name at least one field")
        return self


class LanguageParams(Params):
    """Language and script identification.  Programming languages are never identified, only declared."""

    detect: bool = True
    min_score: Share = 0.35
    """Documents without a declared language need at least this score; 0 keeps even what is of no language."""
    mismatch: Literal["drop", "keep", "relabel"] = "drop"
    """What happens when the detected language confidently differs from the declared one."""
    mismatch_score: Share = 0.7
    """How confident; closely related languages (Danish and Bokmål, Hindi and Marathi) never count as a mismatch."""
    mismatch_characters: int = Field(default=100, ge=0)
    """Shorter documents are too short to contradict a declaration."""
    min_script_share: Share = 0.35
    """Share of letters in the language's script; product names in Latin letters are common in short Korean text."""


class SplitParams(Params):
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


class NearDedupParams(Params):
    """Near-duplicates by MinHash and locality-sensitive hashing (Broder 1997; Leskovec et al., Mining of Massive
    Datasets, ch. 3), each candidate verified on the texts themselves."""

    threshold: float = Field(default=0.8, gt=0.0, le=1.0)
    """Jaccard similarity of the sets of word n-grams from which two documents are duplicates."""
    words: int = Field(default=5, ge=1, le=32)
    """Words an n-gram."""
    bands: int = Field(default=20, ge=1, le=256)
    rows: int = Field(default=6, ge=1, le=64)
    """A pair of similarity s becomes a candidate with probability 1 - (1 - s**rows)**bands: 0.998 at 0.8."""
    seed: int = Field(default=1, ge=0, lt=2**32)


class RepeatedTextParams(Params):
    """Lines or paragraphs that stand in an earlier document already are cut out."""

    unit: Literal["line", "paragraph"] = "paragraph"
    min_characters: int = Field(default=60, ge=1)
    """Shorter ones stay: headings and list items repeat by nature."""


class DecontaminationParams(Params):
    """Documents that share long word n-grams with evaluation text are dropped."""

    corpora: tuple[Word, ...] = Field(min_length=1)
    """Corpora of this pipeline that are evaluation text: they are read, and are not part of the documents."""
    words: int = Field(default=13, ge=3, le=64)
    """Words an n-gram (13 as in Brown et al. 2020, appendix C)."""
    max_matches: int = Field(default=0, ge=0)
    """N-grams that a document may share."""


Normalization = Literal["NFC", "NFKC", "none", "as_is"]
PiiKind = Literal["email", "ip", "phone", "iban", "credit_card", "secret"]


class PiiParams(Params):
    """Personal data are replaced by a tag such as `<EMAIL>` when the documents are written."""

    kinds: tuple[PiiKind, ...] = ("email", "ip")
    """Of ip addresses only public ones count, as in FineWeb (Penedo et al. 2024)."""


class SamplingParams(Params):
    """Fewer bytes of some categories, filled by the hash of groups: parallel documents stay together as far as each of
    their categories has room."""

    by: Literal["language", "domain", "language_domain"] = "language"
    temperature: float = Field(default=1.0, ge=1.0)
    """A category's share of `max_bytes` grows with its bytes to the power of 1 / temperature; what it cannot fill
    goes to the others."""
    max_bytes: int | None = Field(default=None, ge=1)
    """Most bytes of all documents; needed for a temperature."""
    max_category_bytes: int | None = Field(default=None, ge=1)
    """Most bytes a category."""
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _has_a_limit(self) -> Self:
        if self.temperature != 1.0 and self.max_bytes is None:
            raise ValueError("sampling: a `temperature` needs `max_bytes`, the size to sample down to")
        return self


class CleaningParams(Params):
    """From documents as read to clean, unique documents."""

    normalization: Normalization = "NFC"
    """Also `none` cleans line ends, control characters and runs of spaces; `as_is` leaves every character as it is."""
    mojibake: Literal["keep", "repair"] = "keep"
    """Repair text that was decoded with the wrong encoding (ftfy)."""
    language: LanguageParams = LanguageParams()
    quality: QualityParams = QualityParams()
    decontamination: DecontaminationParams | None = None
    exact_dedup: bool = True
    """Drop documents whose text equals an earlier one's but for case, width and white space, in any corpus."""
    near_dedup: NearDedupParams | None = NearDedupParams()
    against: tuple[Word, ...] = ()
    """Names of documents in the warehouse (other pipelines, earlier ingests): what they hold already is a duplicate."""
    repeated_text: RepeatedTextParams | None = None
    pii: PiiParams = PiiParams()
    sampling: SamplingParams | None = None
    splits: SplitParams = SplitParams()


class AttributeParams(Params):
    """What is measured of every document of a corpus; the thresholds of `CleaningParams` are applied later."""

    normalization: Normalization = "NFC"
    mojibake: Literal["keep", "repair"] = "keep"
    c4_lines: bool = False
    detect: bool = True
    near_dedup: NearDedupParams | None = NearDedupParams()
    pii: tuple[PiiKind, ...] = ("email", "ip")
    contamination_words: int | None = None
    stop_words: dict[str, tuple[str, ...]]


def attribute_params(cleaning: CleaningParams) -> AttributeParams:
    """The part of the cleaning parameters that decides what is measured; equal parts share their attributes."""
    near = cleaning.near_dedup
    return AttributeParams(
        normalization=cleaning.normalization,
        mojibake=cleaning.mojibake,
        c4_lines=cleaning.quality.c4 is not None,
        detect=cleaning.language.detect,
        near_dedup=near.model_copy(update={"threshold": 1.0}) if near else None,
        pii=cleaning.pii.kinds,
        contamination_words=cleaning.decontamination.words if cleaning.decontamination else None,
        stop_words=stop_words_of(cleaning.quality),
    )


def format_of(name: str) -> Format | None:
    """Format by a file's suffix, after that of its compression; None when the suffix says nothing."""
    path = PurePath(name.lower())
    if path.suffix in COMPRESSIONS:
        path = path.with_suffix("")

    return _SUFFIX_FORMATS.get(path.suffix) or ("code" if path.suffix in CODE_SUFFIXES else None)
