"""Reading merge lists from files, the format told by the content.

`tokenizer.json` (see `formats_json`), SentencePiece `.model`, tiktoken rank files (also when called `.model`),
GPT-2's `vocab.bpe`/`merges.txt`, tekken JSON, Claude's `bpe_ranks` JSON, the JavaScript of npm's llama-tokenizer-js,
and `merges.parquet` of our own tokenizer artifacts.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lexmill.mixture.formats_json import checked_text, from_tokenizer_json
from lexmill.mixture.mergelist import MAX_TOKENS, MergeList, MergeListError
from lexmill.mixture.recover import Pair
from lexmill.mixture.sentencepiece import merge_list_of_model, merge_list_of_pieces
from lexmill.tokenizer.bytelevel import from_alphabet

MAX_FILE_BYTES = 256 << 20
FOLDER_FILES = (
    "tokenizer.json",
    "merges.parquet",
    "tokenizer.model",
    "tekken.json",
    "vocab.bpe",
    "merges.txt",
)

_RANK_LINE = re.compile(rb"[A-Za-z0-9+/]*={0,2} \d{1,9}\r?(\n|$)")
_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ")
_PARTS = ("left_bytes", "right_bytes")
_JS_VOCABULARY = re.compile(r"vocab_base64\s*=\s*[\"'`]([A-Za-z0-9+/=]+)[\"'`]")


def read_merge_list(path: Path) -> MergeList:
    """The merge list of a file, or of the file that `tokenizer_in` finds in a folder.

    Raises MergeListError with the reason when it is not a BPE tokenizer, OSError when it cannot be read.
    """
    if path.is_dir():
        return read_merge_list(tokenizer_in(path))
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise MergeListError(f"{path.name} is larger than {MAX_FILE_BYTES >> 20} MiB: not a merge list")
    if not size:
        raise MergeListError(f"{path.name} is empty: give the file of a trained BPE tokenizer")
    if path.suffix == ".parquet":
        return _from_parquet(path)
    return merge_list_of_bytes(path.read_bytes(), path.name)


def merge_list_of_bytes(data: bytes, name: str) -> MergeList:
    """The merge list of a file's content; `name` is used in messages only."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    if data.startswith(_PACKED):
        raise MergeListError(f"{name} is compressed: unpack it and give the file inside")
    if _RANK_LINE.match(data):
        return _from_ranks(data, name)
    if data.lstrip()[:1] == b"{" and not data.startswith(b"\n"):
        return _from_json(data, name)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return merge_list_of_model(data, name)
    if "\x00" in text or any(c < " " and c not in "\n\r\t" for c in text[:4096]):
        return merge_list_of_model(data, name)
    if found := _JS_VOCABULARY.search(text):
        return _from_javascript(found[1], name)
    return _from_merge_lines(text, name)


def tokenizer_in(folder: Path) -> Path:
    """The tokenizer's file of a folder: the first of FOLDER_FILES, or the only `.tiktoken`.  Raises MergeListError."""
    for name in FOLDER_FILES:
        if (folder / name).is_file():
            return folder / name
    ranks = sorted(folder.glob("*.tiktoken"))
    if len(ranks) == 1:
        return ranks[0]
    raise MergeListError(
        f"the folder {folder.name} has none of {', '.join(FOLDER_FILES)}, or several .tiktoken files: name the file"
    )


def _from_parquet(path: Path) -> MergeList:
    try:
        columns = _parts(path)
    except KeyError:
        raise MergeListError(
            f"{path.name} has no columns left_bytes and right_bytes: not a merge table"
        ) from None
    except (pa.ArrowException, OSError) as error:
        raise MergeListError(f"{path.name} is not a readable Parquet file: {error}") from None
    if any(None in column or b"" in column for column in columns):
        raise MergeListError(f"{path.name} has a merge with an empty part: not a merge table")
    pretokenizer, normalizer = _identity(path.with_name("lexmill.json"))
    merges = list(zip(*columns, strict=True))
    return MergeList.from_merges(merges, "merges.parquet", (), pretokenizer, normalizer)


def _parts(path: Path) -> list[list[bytes | None]]:
    """Left and right parts of our own merge table; repeated values stay one object.  KeyError for other columns."""
    with pq.ParquetFile(path, read_dictionary=list(_PARTS)) as file:
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        size = sum(group.total_byte_size for group in groups)
        if file.metadata.num_rows > MAX_TOKENS or size > MAX_FILE_BYTES:
            raise MergeListError(
                f"{path.name} has {file.metadata.num_rows} rows of {size} bytes: that is no merge table"
            )
        table = file.read(columns=list(_PARTS))
    columns = []
    for name in _PARTS:
        column: list[bytes | None] = []
        for chunk in table[name].chunks:
            coded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
            values = coded.dictionary.cast(pa.binary()).to_pylist()
            column += [None if i is None else values[i] for i in coded.indices.to_pylist()]
        columns.append(column)
    return columns


def _identity(path: Path) -> tuple[str | None, str | None]:
    """Pre-tokenizing pattern and normaliser name from the `lexmill.json` beside our own merge table, if it is there."""
    if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
        return None, None
    try:
        value = json.loads(path.read_bytes())
        return checked_text(value["pretokenizer"]["pattern"]), checked_text(value["normalizer"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise MergeListError(
            f"{path.name} does not say how text is cut ({error!r}): the artifact is damaged"
        ) from None


def _from_merge_lines(text: str, name: str) -> MergeList:
    """GPT-2's format; it carries no pre-tokenizer, but its alphabet and its first user used one pattern only."""
    _check_lines(text.count("\n"), name)
    merges: list[Pair] = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.removesuffix("\r")
        if not line or (number == 1 and line.startswith(("#version", '"'))):
            continue
        parts = line.split(" ")
        if len(parts) != 2 or not all(parts):
            raise MergeListError(
                f"{name} line {number}: expected two tokens with one space between, got {line[:60]!r}"
            )
        if parts[1].endswith("</w>"):
            raise MergeListError(
                f"{name} marks ends of words with </w> (CLIP and older BPE code): such lists cannot be audited"
            )
        merges.append((_as_bytes(parts[0], name, number), _as_bytes(parts[1], name, number)))
    return MergeList.from_merges(merges, "vocab.bpe")


def _check_lines(lines: int, name: str) -> None:
    if lines > MAX_TOKENS:
        raise MergeListError(f"{name} has {lines} lines: more than {MAX_TOKENS} is no vocabulary")


def _as_bytes(token: str, name: str, number: int) -> bytes:
    data = from_alphabet(token)
    if data is None:
        raise MergeListError(
            f"{name} line {number}: token {token[:60]!r} is not written in the byte-level alphabet of GPT-2"
        )
    return data


def _from_ranks(data: bytes, name: str) -> MergeList:
    _check_lines(data.count(b"\n"), name)
    ranked: dict[int, bytes] = {}
    for number, line in enumerate(data.split(b"\n"), 1):
        token, _, rank = line.rstrip(b"\r").partition(b" ")
        if not line.strip():
            continue
        try:
            if not rank.isdigit():
                raise ValueError
            place, value = int(rank), base64.b64decode(b"" if token == b"=" else token, validate=True)
        except (ValueError, binascii.Error):
            shown = line[:60].decode(errors="replace")
            raise MergeListError(
                f"{name} line {number}: expected base64 token and rank, got {shown!r}"
            ) from None
        if ranked.setdefault(place, value) != value:
            raise MergeListError(f"{name} line {number}: rank {place} is given twice")
    return MergeList.from_ranks([ranked[place] for place in sorted(ranked)], "tiktoken")


def _from_json(data: bytes, name: str) -> MergeList:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise MergeListError(f"{name} is not valid JSON: {error}") from None
    try:
        if isinstance(value.get("bpe_ranks"), str):
            return _from_claude(value)
        if "vocab" in value and "config" in value:
            return _from_tekken(value)
        if "model" in value:
            return from_tokenizer_json(value, name)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError, RecursionError) as error:
        if isinstance(error, MergeListError):
            raise
        raise MergeListError(f"{name} does not have the expected layout: {error!r}") from None
    raise MergeListError(f"{name} is JSON, but neither tokenizer.json, tekken nor bpe_ranks")


def _from_tekken(data: dict[str, Any]) -> MergeList:
    """`config.default_vocab_size` may cut the list; special tokens come on top of `vocab`."""
    entries = sorted(data["vocab"], key=lambda entry: int(entry["rank"]))
    tokens = [base64.b64decode(entry["token_bytes"], validate=True) for entry in entries]
    config = data["config"]
    used = config.get("default_vocab_size")
    if used is not None:
        tokens = tokens[: max(int(used) - int(config.get("default_num_special_tokens", 0)), 0)]
    return MergeList.from_ranks(tokens, "tekken", checked_text(config.get("pattern")))


def _from_claude(data: dict[str, Any]) -> MergeList:
    """`! <offset> <base64> <base64> ...`"""
    mark, offset, *tokens = data["bpe_ranks"].split(" ")
    if mark != "!" or not offset.isdecimal():
        raise ValueError("bpe_ranks does not begin with '! <offset>'")
    pattern = checked_text(data.get("pat_str"))
    return MergeList.from_ranks([base64.b64decode(t, validate=True) for t in tokens], "bpe_ranks", pattern)


def _from_javascript(packed: str, name: str) -> MergeList:
    """A vocabulary as base64 of its pieces by id, one a line; the first three are special."""
    try:
        pieces = base64.b64decode(packed, validate=True).decode().split("\n")
    except (ValueError, binascii.Error):
        raise MergeListError(f"{name}: vocab_base64 is not base64 of UTF-8 text") from None
    if len(pieces) > MAX_TOKENS:
        raise MergeListError(f"{name} has {len(pieces)} pieces: more than {MAX_TOKENS} is no vocabulary")
    special = {"<unk>", "<s>", "</s>"}
    found = merge_list_of_pieces([piece for piece in pieces if piece not in special], "llama-tokenizer-js")
    return found.with_vocabulary(len(pieces))
