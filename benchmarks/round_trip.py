"""Every tokenizer of a pipeline on every document of it: does each text come back?

    python benchmarks/round_trip.py WAREHOUSE PIPELINE

The exact encoder encodes and decodes all documents, `transformers.AutoTokenizer` every 97th.  Texts are compared after
the tokenizer's own normaliser.
"""

from __future__ import annotations

import json
import sys

import pyarrow.parquet as pq
from transformers import AutoTokenizer

from lexmill.tokenizer.encoders.load import load_encoder
from lexmill.tokenizer.split import normalize
from warehouse.store import Warehouse


def main(url: str, pipeline: str) -> None:
    store = Warehouse(url)
    documents = store.latest("documents", pipeline)
    if documents is None:
        sys.exit(f"{url} has no documents {pipeline}")
    texts = pq.read_table(documents.file("documents.parquet"), columns=["text"])["text"].to_pylist()
    print(f"{len(texts):,} documents, {sum(len(text.encode()) for text in texts) / 1e6:.1f} MB\n")
    print("| tokenizer | tokens | lost | lost by AutoTokenizer |\n|---|---:|---:|---:|")
    for name in sorted({version.name for version in store.versions("tokenizer")}):
        artifact = store.latest("tokenizer", name)
        if artifact is None or not name.startswith(f"{pipeline}-"):
            continue
        folder = artifact.file("lexmill.json").parent
        normal = normalize(json.loads((folder / "lexmill.json").read_text())["normalizer"])
        encoder = load_encoder(folder)
        ids, bounds = (array.tolist() for array in encoder.encode_batch(texts))
        lost = sum(
            encoder.decode(ids[bounds[row] : bounds[row + 1]]) != normal(text).encode()
            for row, text in enumerate(texts)
        )
        auto = AutoTokenizer.from_pretrained(str(folder))
        some = texts[::97]
        also = sum(auto.decode(auto.encode(text, add_special_tokens=False)) != normal(text) for text in some)
        print(f"| {name} | {len(ids):,} | {lost} | {also} of {len(some)} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
