"""The ordered merge list of a byte-level BPE tokenizer, whatever file it comes in.

Formats: Hugging Face `tokenizer.json`, `.tiktoken` rank files, GPT-2 style `vocab.bpe`/`merges.txt`, tekken
JSON, Claude's `bpe_ranks` JSON, and the `merges.parquet` of our own tokenizer artifacts.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from lexmill.mixture.recover import Pair, merges_from_ranks
from lexmill.tokenizer.bytelevel import from_alphabet

MAX_FILE_BYTES = 256 << 20


class MergeListError(ValueError):
    """The file is not a byte-level BPE merge list that can be audited."""


@dataclass(frozen=True)
class MergeList:
    """Ordered merges over bytes; merge t joins two tokens that bytes and merges before t make.

    `manual` are multi-byte tokens no merge makes (added by hand, or from another list); `redundant` counts the
    listed merges that were dropped because an earlier one already makes the same token.
    """

    kind: str  # file format
    merges: tuple[Pair, ...]
    manual: tuple[bytes, ...] = ()
    redundant: int = 0
    pretokenizer: str | None = None  # as the file describes it, for people
    normalizer: str | None = None

    def __len__(self) -> int:
        """Number of merges."""
        return len(self.merges)

    def token_ids(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Left and right token ids of every merge, int32: 0-255 the bytes, 256 + t the product of merge t."""
        ids = {bytes([i]): i for i in range(256)}
        left = np.empty(len(self.merges), np.int32)
        right = np.empty(len(self.merges), np.int32)
        for t, (a, b) in enumerate(self.merges):
            left[t], right[t] = ids[a], ids[b]
            ids[a + b] = 256 + t
        return left, right

    @classmethod
    def from_merges(
        cls,
        merges: list[Pair],
        kind: str,
        manual: tuple[bytes, ...] = (),
        pretokenizer: str | None = None,
        normalizer: str | None = None,
    ) -> MergeList:
        """Check an ordered list: unknown parts are an error, a second merge for a token is dropped and counted."""
        if not merges:
            raise MergeListError(f"the {kind} file has no merges: give the file of a trained BPE tokenizer")
        known = {bytes([i]) for i in range(256)}
        kept: list[Pair] = []
        for number, (a, b) in enumerate(merges):
            for part in (a, b):
                if part not in known:
                    raise MergeListError(
                        f"merge {number} of the {kind} file joins {part!r}, which no earlier merge makes: "
                        "the list is out of order, incomplete, or not byte-level"
                    )
            if a + b not in known:
                known.add(a + b)
                kept.append((a, b))
        return cls(kind, tuple(kept), manual, len(merges) - len(kept), pretokenizer, normalizer)

    @classmethod
    def from_ranks(
        cls,
        tokens: list[bytes],
        kind: str,
        pretokenizer: str | None = None,
        normalizer: str | None = None,
    ) -> MergeList:
        """From all tokens in creation order (see `lexmill.mixture.recover`)."""
        merges, manual = merges_from_ranks(tokens)
        unreachable = set(manual)
        # a merge of a manual token cannot happen to text: the manual token itself never appears
        sound = []
        for a, b in merges:
            if a in unreachable or b in unreachable:
                unreachable.add(a + b)
            else:
                sound.append((a, b))
        return cls.from_merges(sound, kind, tuple(sorted(unreachable)), pretokenizer, normalizer)

    @classmethod
    def load(cls, path: Path) -> MergeList:
        """Read any supported file, or a folder that holds `merges.parquet` or `tokenizer.json`.

        Raises MergeListError with the reason when the file is not a byte-level BPE tokenizer.
        """
        if path.is_dir():
            for name in ("merges.parquet", "tokenizer.json"):
                if (path / name).is_file():
                    return cls.load(path / name)
            raise MergeListError(f"{path.name} has neither merges.parquet nor tokenizer.json")
        if path.suffix == ".parquet":
            return _from_parquet(path)
        if path.stat().st_size > MAX_FILE_BYTES:
            raise MergeListError(f"{path.name} is larger than {MAX_FILE_BYTES >> 20} MiB: not a merge list")
        try:
            text = path.read_bytes().decode()
        except UnicodeDecodeError as error:
            raise MergeListError(
                f"{path.name} is not UTF-8 text (byte {error.start}): not a merge list"
            ) from None
        if text.lstrip().startswith("{"):
            return _from_json(text, path.name)
        if path.suffix == ".tiktoken":
            return _from_tiktoken(text, path.name)
        return _from_merge_lines(text, path.name)


def _as_bytes(token: str) -> bytes:
    data = from_alphabet(token)
    if data is None:
        raise MergeListError(
            f"token {token!r} is not written in the byte-level alphabet: only byte-level BPE can be audited "
            "(not SentencePiece or character-level lists)"
        )
    return data


def _from_parquet(path: Path) -> MergeList:
    table = pq.read_table(path)
    if not {"left_bytes", "right_bytes"} <= set(table.column_names):
        raise MergeListError(f"{path.name} has no columns left_bytes and right_bytes: not a merge table")
    pairs = zip(table["left_bytes"].to_pylist(), table["right_bytes"].to_pylist(), strict=True)
    return MergeList.from_merges(list(pairs), "merges.parquet")


def _from_merge_lines(text: str, name: str) -> MergeList:
    merges = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line or (number == 1 and line.startswith("#version")):
            continue
        parts = line.split(" ")
        if len(parts) != 2:
            raise MergeListError(
                f"{name} line {number}: expected two tokens with one space between, got {line[:60]!r}"
            )
        merges.append((_as_bytes(parts[0]), _as_bytes(parts[1])))
    return MergeList.from_merges(merges, "vocab.bpe")


def _from_tiktoken(text: str, name: str) -> MergeList:
    ranked: list[tuple[int, bytes]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        token, _, rank = line.partition(" ")
        try:
            ranked.append((int(rank), base64.b64decode(token, validate=True)))
        except (ValueError, binascii.Error):
            raise MergeListError(
                f"{name} line {number}: expected base64 token and rank, got {line[:60]!r}"
            ) from None
    return MergeList.from_ranks([token for _, token in sorted(ranked)], "tiktoken")


def _from_json(text: str, name: str) -> MergeList:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise MergeListError(f"{name} is not valid JSON: {error}") from None
    try:
        if "bpe_ranks" in data:
            return _from_claude(data)
        if "vocab" in data and "config" in data:
            return _from_tekken(data)
        if "model" in data:
            return _from_tokenizer_json(data, name)
    except (KeyError, TypeError, binascii.Error) as error:
        raise MergeListError(f"{name} does not have the expected layout: {error!r}") from None
    raise MergeListError(f"{name} is JSON, but neither tokenizer.json, tekken nor bpe_ranks")


def _from_tekken(data: dict[str, Any]) -> MergeList:
    entries = sorted(data["vocab"], key=lambda entry: entry["rank"])
    tokens = [base64.b64decode(entry["token_bytes"], validate=True) for entry in entries]
    config = data["config"]
    used = config.get("default_vocab_size")
    if used is not None:
        tokens = tokens[: used - config.get("default_num_special_tokens", 0)]
    return MergeList.from_ranks(tokens, "tekken", config.get("pattern"))


def _from_claude(data: dict[str, Any]) -> MergeList:
    _, _, *tokens = data["bpe_ranks"].split()
    return MergeList.from_ranks(
        [base64.b64decode(token, validate=True) for token in tokens], "bpe_ranks", data.get("pat_str")
    )


def _from_tokenizer_json(data: dict[str, Any], name: str) -> MergeList:
    model = data["model"]
    kind = model.get("type") or ("BPE" if "merges" in model else "unknown")
    if kind != "BPE":
        raise MergeListError(f"{name} holds a {kind} model: only BPE has a merge list to audit")
    if not _is_byte_level(data):
        raise MergeListError(
            f"{name} is a BPE over characters (SentencePiece style), not over bytes: it cannot be audited"
        )
    pretokenizer = (
        json.dumps(data["pre_tokenizer"], ensure_ascii=False) if data.get("pre_tokenizer") else None
    )
    normalizer = json.dumps(data["normalizer"], ensure_ascii=False) if data.get("normalizer") else None
    listed = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]
    merges = [(_as_bytes(a), _as_bytes(b)) for a, b in listed]
    products = {a + b for a, b in merges}
    added = {token["content"] for token in data.get("added_tokens", [])}
    order = sorted((i, token) for token, i in model["vocab"].items() if token not in added)
    if len(products) < len(merges):  # every split of every token is listed: only the vocabulary has the order
        recovered = MergeList.from_ranks(
            [_as_bytes(token) for _, token in order], name, pretokenizer, normalizer
        )
        redundant = len(merges) - len(recovered.merges)
        return MergeList(
            "tokenizer.json", recovered.merges, recovered.manual, redundant, pretokenizer, normalizer
        )
    tokens = (_as_bytes(token) for _, token in order)
    manual = tuple(token for token in tokens if len(token) > 1 and token not in products)
    return MergeList.from_merges(merges, "tokenizer.json", manual, pretokenizer, normalizer)


def _is_byte_level(data: dict[str, Any]) -> bool:
    """A ByteLevel pre-tokenizer or decoder, at any depth of a Sequence."""
    nodes = [data.get("pre_tokenizer"), data.get("decoder")]
    while nodes:
        node = nodes.pop()
        if not node:
            continue
        if node.get("type") == "ByteLevel":
            return True
        nodes.extend(node.get("pretokenizers", []) + node.get("decoders", []))
    return False
