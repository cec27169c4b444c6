"""Small but real inputs for the tasks that count words and train tokenizers."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.step import BuildContext

SENTENCES = {
    "eng_Latn": "The mill number {} turns slowly in the wind, and nobody knows why it never stops turning.",
    "deu_Latn": "Die Mühle Nummer {} dreht sich langsam im Wind, und niemand weiß, warum sie nie stehen bleibt.",
    "ell_Grek": "Ο μύλος αριθμός {} γυρίζει αργά στον άνεμο και κανείς δεν ξέρει γιατί δεν σταματά ποτέ.",
}


def documents_table(groups: int = 60) -> pa.Table:
    """Parallel documents: every group has each language once; a tenth is `valid`, a tenth `test`."""
    rows = []
    for group in range(groups):
        split = {0: "valid", 1: "test"}.get(group % 10, "train")
        for language, sentence in SENTENCES.items():
            text = sentence.format(group)
            rows.append(
                {
                    "id": f"c:{language}{group:04d}",
                    "text": text,
                    "language": language,
                    "domain": "web" if group % 2 else "news",
                    "corpus": "mills",
                    "group": f"g{group}",
                    "split": split,
                }
            )
    return pa.Table.from_pylist(rows)


def build_documents(context: BuildContext) -> None:
    """Write documents.parquet with as many groups as asked."""
    pq.write_table(documents_table(context.params["groups"]), Path(context.out) / "documents.parquet")
