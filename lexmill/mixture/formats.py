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

from lexmill.mixture.formats_json import from_tokenizer_json
from lexmill.mixture.mergelist import MAX_TOKENS, MergeList, MergeListError
from lexmill.mixture.recover import Pair
from lexmill.mixture.sentencepiece import merge_list_of_model, merge_list_of_pieces
from lexmill.tokenizer.bytelevel import from_alphabet

MAX_FILE_BYTES = 256 << 20
FOLDER_FILES = (
    "merges.parquet",
    "tokenizer.json",
    "tokenizer.model",
    "tekken.json",
    "vocab.bpe",
    "merges.txt",
)

_RANK_LINE = re.compile(rb"[A-Za-z0-9+/]*={0,2} \d{1,9}\r?(\n|$)")
_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ")
_JS_VOCABULARY = re.compile(r"vocab_base64\s*=\s*[\"'`]([A-Za-z0-9+/=]+)[\"'`]")


def read_merge_list(path: Path) -> MergeList:
    """The merge list of a file, or of the first of FOLDER_FILES (or the only `.tiktoken`) in a folder.

    Raises MergeListError with the reason when it is not a BPE tokenizer, OSError when it cannot be read.
    """
    if path.is_dir():
        return read_merge_list(_file_in(path))
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


def _file_in(folder: Path) -> Path:
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
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise MergeListError(f"{path.name} is not a readable Parquet file: {error}") from None
    if not {"left_bytes", "right_bytes"} <= set(table.column_names):
        raise MergeListError(f"{path.name} has no columns left_bytes and right_bytes: not a merge table")
    columns = [table[name].cast(pa.binary()).to_pylist() for name in ("left_bytes", "right_bytes")]
    if any(None in column or b"" in column for column in columns):
        raise MergeListError(f"{path.name} has a merge with an empty part: not a merge table")
    pretokenizer, normalizer = _identity(path.with_name("lexmill.json"))
    merges = list(zip(*columns, strict=True))
    return MergeList.from_merges(merges, "merges.parquet", (), pretokenizer, normalizer)


def _identity(path: Path) -> tuple[str | None, str | None]:
    """Pre-tokenizing pattern and normaliser name from the `lexmill.json` beside our own merge table, if it is there."""
    if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
        return None, None
    try:
        value = json.loads(path.read_bytes())
        return str(value["pretokenizer"]["pattern"]), str(value["normalizer"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MergeListError(
            f"{path.name} does not say how text is cut ({error!r}): the artifact is damaged"
        ) from None


def _from_merge_lines(text: str, name: str) -> MergeList:
    """GPT-2's format; it carries no pre-tokenizer, but its alphabet and its first user used one pattern only."""
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


def _as_bytes(token: str, name: str, number: int) -> bytes:
    data = from_alphabet(token)
    if data is None:
        raise MergeListError(
            f"{name} line {number}: token {token[:60]!r} is not written in the byte-level alphabet of GPT-2"
        )
    return data


def _from_ranks(data: bytes, name: str) -> MergeList:
    ranked: dict[int, bytes] = {}
    for number, line in enumerate(data.split(b"\n"), 1):
        token, _, rank = line.rstrip(b"\r").partition(b" ")
        if not line.strip():
            continue
        try:
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
    except (KeyError, TypeError, AttributeError, ValueError) as error:
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
    return MergeList.from_ranks(tokens, "tekken", config.get("pattern"))


def _from_claude(data: dict[str, Any]) -> MergeList:
    """`! <offset> <base64> <base64> ...`"""
    mark, offset, *tokens = data["bpe_ranks"].split(" ")
    if mark != "!" or not offset.isdigit():
        raise ValueError("bpe_ranks does not begin with '! <offset>'")
    pattern = data.get("pat_str")
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
