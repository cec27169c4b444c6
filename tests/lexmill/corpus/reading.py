"""Reading small files in tests of readers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from lexmill.corpus.members import corpus_members
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.readers import read_documents
from lexmill.corpus.schema import Document, Refusal


def read(path: Path, **params: object) -> tuple[list[Document], list[Refusal]]:
    """Documents and refusals of a file or folder read as corpus `demo`."""
    encoding = params.pop("encoding", "utf-8")
    corpus = CorpusParams.model_validate({"name": "demo", "path": str(path), **params})
    corpus = corpus.model_copy(update={"encoding": encoding})
    with corpus_members(corpus, path) as members:
        items = list(read_documents(members, corpus, Counter()))
    return [i for i in items if isinstance(i, Document)], [i for i in items if isinstance(i, Refusal)]


def read_bytes(
    folder: Path, name: str, content: bytes | str, **params: object
) -> tuple[list[Document], list[Refusal]]:
    """Write one file and read it."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read(path, **params)
