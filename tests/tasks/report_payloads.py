"""Artifacts of a whole pipeline as the report reads them: real files of the contract's schemas, invented numbers."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from warehouse.record import FileEntry, InputRef, Producer, Record
from warehouse.store import Artifact

SENTENCES = {
    "eng_Latn": "All human beings are born free and equal in dignity and rights.",
    "deu_Latn": "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
    "fra_Latn": "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
    "tur_Latn": "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar.",
    "rus_Cyrl": "Все люди рождаются свободными и равными в своём достоинстве и правах.",
    "ell_Grek": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια.",
    "arb_Arab": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق.",
    "heb_Hebr": "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם.",
    "hin_Deva": "सभी मनुष्य जन्म से स्वतन्त्र तथा मर्यादा और अधिकारों में समान होते हैं।",
    "zho_Hans": "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心。",
    "kat_Geor": "ყველა ადამიანი იბადება თავისუფალი და თანასწორი.",
    "tha_Thai": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
}
MORE = (
    "spa_Latn por_Latn ita_Latn nld_Latn swe_Latn dan_Latn fin_Latn pol_Latn ces_Latn ron_Latn hun_Latn bul_Cyrl "
    "ukr_Cyrl srp_Cyrl srp_Latn fas_Arab urd_Arab ben_Beng tam_Taml tel_Telu kan_Knda mal_Mlym jpn_Jpan kor_Hang "
    "vie_Latn ind_Latn cat_Latn eus_Latn"
).split()
WIDE = (*SENTENCES, *MORE)  # 40 languages


class Pipeline:
    """Writes artifacts below a folder and keeps them by role."""

    def __init__(self, folder: Path, name: str = "demo") -> None:
        self.folder, self.name = folder, name
        self.inputs: dict[str, list[Artifact]] = {}

    def add(
        self,
        role: str,
        kind: str,
        name: str,
        files: Mapping[str, pa.Table | Mapping[str, Any] | str],
        made_from: Sequence[tuple[str, Artifact]] = (),
        params: Mapping[str, Any] | None = None,
    ) -> Artifact:
        """Publish one artifact made from others (role, artifact)."""
        place = self.folder / kind / hashlib.sha256(name.encode()).hexdigest()[:8]
        place.mkdir(parents=True)
        for path, content in files.items():
            if isinstance(content, pa.Table):
                pq.write_table(content, place / path)
            else:
                text = content if isinstance(content, str) else json.dumps(content)
                (place / path).write_text(text, encoding="utf-8")
        entries = [
            FileEntry(path=p, bytes=(place / p).stat().st_size, sha256=_digest((place / p).read_bytes())) for p in files
        ]
        record = Record(
            kind=kind, name=name, fingerprint=_digest(f"{kind}/{name}".encode())[:16], recipe_version=1,
            params=dict(params or {}),
            inputs=[
                InputRef(role=r, kind=a.record.kind, name=a.record.name, fingerprint=a.record.fingerprint,
                         content_digest=a.record.content_digest)
                for r, a in made_from
            ],
            files=entries, content_digest=_digest("".join(e.sha256 for e in entries).encode()), build="test", stage="test",
            producer=Producer(run_id="r", created="2026-01-01T00:00:00Z", seconds=1.0, host="h", python="3.11", packages={}),
        )  # fmt: skip
        artifact = Artifact(record=record, folder=place)
        self.inputs.setdefault(role, []).append(artifact)
        return artifact


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def documents_tables(languages: Sequence[str], evil: str = "") -> tuple[pa.Table, pa.Table, pa.Table]:
    """documents, rejections, stage report; `evil` is put into every text field that comes from outside."""
    draw = random.Random(1)
    documents, read = [], 0
    for position, language in enumerate(languages):
        for index in range(draw.randint(6, 30)):
            corpus = ("udhr", "wiki", "medical")[index % 3] + evil
            text = SENTENCES.get(language, f"{language} text number {index} and some more words") + (evil if index else "")
            documents.append(
                {
                    "id": f"{corpus}:{position:08x}{index:08x}", "text": text, "language": language,
                    "domain": ("law", "encyclopedia", "medical")[index % 3] + evil, "corpus": corpus,
                    "license": ("CC0-1.0", "CC-BY-SA-4.0", None)[index % 3], "group": "udhr/1" if index == 0 else None,
                    "origin": f"a/{index}.json", "bytes": len(text.encode()), "declared_language": language,
                    "detected_language": language, "detection_score": 0.99,
                    "split": ("test", "train", "train", "valid")[index % 4],
                }
            )  # fmt: skip
    read = len(documents) + 60
    total = sum(row["bytes"] for row in documents)
    rejections = [
        {
            "id": f"wiki:{index:016x}", "corpus": "wiki", "language": "eng_Latn", "domain": "encyclopedia", "origin": "x",
            "bytes": 100, "stage": stage, "reason": reason, "detail": f"detail {index}{evil}", "duplicate_of": None,
            "excerpt": f"Some dropped text {index} {evil}",
        }
        for index in range(60)
        for stage, reason in [
            (("language", "not_the_declared_language"), ("quality", "too_short"), ("deduplicate", "exact_duplicate"))[index % 3]
        ]
    ]  # fmt: skip
    report, left = [], read
    for stage in ("read", "normalize", "language", "quality", "deduplicate"):
        dropped = [row for row in rejections if row["stage"] == stage]
        report.append({"stage": stage, "corpus": "wiki", "reason": "in", "documents": left, "bytes": total + 100 * (left - len(documents))})
        for reason in sorted({row["reason"] for row in dropped}):
            report.append({"stage": stage, "corpus": "wiki", "reason": reason, "documents": len(dropped), "bytes": 100 * len(dropped)})
        left -= len(dropped)
        report.append({"stage": stage, "corpus": "wiki", "reason": "out", "documents": left, "bytes": total + 100 * (left - len(documents))})
    return pa.Table.from_pylist(documents), pa.Table.from_pylist(rejections), pa.Table.from_pylist(report)


def small_tokenizer(size: int, texts: Sequence[str]) -> str:
    """A real byte-level BPE `tokenizer.json`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    )
    return tokenizer.to_str()
