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
MORE = [
    "spa_Latn",
    "por_Latn",
    "ita_Latn",
    "nld_Latn",
    "swe_Latn",
    "dan_Latn",
    "fin_Latn",
    "pol_Latn",
    "ces_Latn",
    "ron_Latn",
    "hun_Latn",
    "bul_Cyrl",
    "ukr_Cyrl",
    "srp_Cyrl",
    "srp_Latn",
    "fas_Arab",
    "urd_Arab",
    "ben_Beng",
    "tam_Taml",
    "tel_Telu",
    "kan_Knda",
    "mal_Mlym",
    "jpn_Jpan",
    "kor_Hang",
    "vie_Latn",
    "ind_Latn",
    "cat_Latn",
    "eus_Latn",
]
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
            FileEntry(path=p, bytes=(place / p).stat().st_size, sha256=_digest((place / p).read_bytes()))
            for p in files
        ]
        record = Record(
            kind=kind,
            name=name,
            fingerprint=_digest(f"{kind}/{name}".encode())[:16],
            recipe_version=1,
            params=dict(params or {}),
            inputs=[
                InputRef(
                    role=r,
                    kind=a.record.kind,
                    name=a.record.name,
                    fingerprint=a.record.fingerprint,
                    content_digest=a.record.content_digest,
                )
                for r, a in made_from
            ],
            files=entries,
            content_digest=_digest("".join(e.sha256 for e in entries).encode()),
            build="test",
            stage="test",
            producer=Producer(
                run_id="r", created="2026-01-01T00:00:00Z", seconds=1.0, host="h", python="3.11", packages={}
            ),
        )
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
            text = SENTENCES.get(language, f"{language} text number {index} and some more words") + (
                evil if index else ""
            )
            documents.append(
                {
                    "id": f"{corpus}:{position:08x}{index:08x}",
                    "text": text,
                    "language": language,
                    "domain": ("law", "encyclopedia", "medical")[index % 3] + evil,
                    "corpus": corpus,
                    "license": ("CC0-1.0", "CC-BY-SA-4.0", None)[index % 3],
                    "group": "udhr/1" if index == 0 else None,
                    "origin": f"a/{index}.json",
                    "bytes": len(text.encode()),
                    "declared_language": language,
                    "detected_language": language,
                    "detection_score": 0.99,
                    "split": ("test", "train", "train", "valid")[index % 4],
                }
            )
    read = len(documents) + 60
    total = sum(row["bytes"] for row in documents)
    rejections = [
        {
            "id": f"wiki:{index:016x}",
            "corpus": "wiki",
            "language": "eng_Latn",
            "domain": "encyclopedia",
            "origin": "x",
            "bytes": 100,
            "stage": stage,
            "reason": reason,
            "detail": f"detail {index}{evil}",
            "duplicate_of": None,
            "excerpt": f"Some dropped text {index} {evil}",
        }
        for index in range(60)
        for stage, reason in [
            (
                ("language", "not_the_declared_language"),
                ("quality", "too_short"),
                ("deduplicate", "exact_duplicate"),
            )[index % 3]
        ]
    ]
    report, left = [], read
    for stage in ("read", "normalize", "language", "quality", "deduplicate"):
        dropped = [row for row in rejections if row["stage"] == stage]
        report.append(
            {
                "stage": stage,
                "corpus": "wiki",
                "reason": "in",
                "documents": left,
                "bytes": total + 100 * (left - len(documents)),
            }
        )
        for reason in sorted({row["reason"] for row in dropped}):
            report.append(
                {
                    "stage": stage,
                    "corpus": "wiki",
                    "reason": reason,
                    "documents": len(dropped),
                    "bytes": 100 * len(dropped),
                }
            )
        left -= len(dropped)
        report.append(
            {
                "stage": stage,
                "corpus": "wiki",
                "reason": "out",
                "documents": left,
                "bytes": total + 100 * (left - len(documents)),
            }
        )
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


def tokenizer_results(names: Sequence[str], languages: Sequence[str]) -> pa.Table:
    """Long rows as the tokenizer evaluation writes them."""
    draw = random.Random(2)
    rows: list[dict[str, Any]] = []

    def add(
        metric: str,
        value: float,
        tokenizer: str,
        language: str = "all",
        domain: str = "all",
        spread: float = 0.0,
    ) -> None:
        bounds = (
            {"lower": value - spread, "upper": value + spread} if spread else {"lower": None, "upper": None}
        )
        labels = {"tokenizer": tokenizer, "language": language, "domain": domain}
        rows.append({"metric": metric, "value": value, "unit": "unit"} | labels | bounds)

    for number, name in enumerate(names):
        for metric, value in (
            ("bytes_per_token", 4.1 - number / 2),
            ("fertility", 1.5 + number / 3),
            ("single_token_retention", 0.6 - number / 10),
            ("premium_gini", 0.08 + number / 20),
        ):
            add(metric, value, name)
        for place, language in enumerate(languages):
            premium = 1.1 + draw.random() * (1 + number * 3) * (1 + place / 20)
            if language != "eng_Latn":
                add("premium", premium, name, language, spread=0.04 * premium)
            add("bytes_per_token", 5 / premium + 0.5, name, language)
            for domain in ("law", "medical"):
                add("bytes_per_token", 5 / premium + 0.5, name, language, domain)
                add("tokens", 100.0, name, language, domain)
    return pa.Table.from_pylist(rows)


def mixture_files(languages: Sequence[str], truth: bool, evil: str = "") -> dict[str, Any]:
    """mixture.json and its tables."""
    draw = random.Random(3)
    weights = [draw.expovariate(1.0) for _ in languages]
    total = sum(weights)
    shares = {
        language: {
            "bytes": weight / total,
            "lower": max(weight / total - 0.01, 0.0),
            "upper": weight / total + 0.012,
            "pairs": weight / total,
            **({"truth": weight / total + 0.003 * (-1) ** place} if truth else {}),
        }
        for place, (language, weight) in enumerate(zip(languages, weights, strict=True))
    }
    mixture = {
        "tokenizer": "demo-multilingual" if truth else f"demo-gpt2{evil}-subject",
        "categories": "language",
        "shares": shares,
        "objective": 0.00231,
        "gap": 0.0071,
        "merges_used": 3000,
        "start_merge": 0,
        "inherited": None,
        "unexplained": 0.031,
        "median_count": 57.0,
        "sample_bytes": dict.fromkeys(languages, 500_000),
        "left_out": {"vol_Latn" + evil: {"bytes": 900, "reason": "less than 20000 bytes"}},
        "interval": {
            "level": 0.9,
            "replicates": 20,
            "resampled": "documents",
            "covers": "Sampling error of the text.",
        },
        "impossible_merges": 12,
        "seed": 0,
        "alarm": None
        if truth
        else "Some of the training data is of a kind that is not among the categories: "
        "31 of 3000 merges (1.0%) occur in no category. The shares are then only relative to each other."
        + evil,
    }
    curve = [
        {
            "merges": merges,
            "category": language,
            "bytes": entry["bytes"] * (1 + draw.uniform(-1, 1) / merges**0.4),
        }
        for merges in (100, 300, 1000, 3000)
        for language, entry in shares.items()
    ]
    evidence = [
        {
            "category": language,
            "direction": "raises",
            "step": step,
            "merge": f" {language[:2]}{evil}".encode(),
            "competitor": b"\xe2\x80",
            "weight": 0.5 / (step + 1),
            "effect": -0.1 / (step + 1),
        }
        for language in languages
        for step in range(3)
    ]
    return {
        "mixture.json": mixture,
        "curve.parquet": pa.Table.from_pylist(curve),
        "evidence.parquet": pa.Table.from_pylist(evidence),
    }


def training_table(languages: Sequence[str], start: float) -> pa.Table:
    """A curve that falls."""
    return pa.Table.from_pylist(
        [
            {
                "step": step,
                "tokens": 2048 * step,
                "bytes": 7000 * step,
                "loss": start / step**0.2,
                "bits_per_byte": start / step**0.12,
                "learning_rate": 3e-3,
                **{
                    f"bits_per_byte_{language}": start * (1.02 + place / 5) / step**0.1
                    for place, language in enumerate(languages)
                },
            }
            for step in range(25, 401, 25)
        ]
    )


def full_pipeline(folder: Path, languages: Sequence[str] = tuple(SENTENCES), evil: str = "") -> Pipeline:
    """Every kind of artifact, joined as the flows join them."""
    made = Pipeline(folder)
    documents, rejections, stages = documents_tables(languages, evil)
    sources = [
        made.add("sources", "source", corpus + evil, {"documents.parquet": documents.slice(0, 1)})
        for corpus in ("udhr", "wiki", "medical", "stdlib_python")
    ]
    corpus = made.add(
        "documents",
        "documents",
        "demo",
        {"documents.parquet": documents, "rejections.parquet": rejections, "stage_report.parquet": stages},
        [("sources", source) for source in sources],
    )
    counts = made.add(
        "word_counts", "word_counts", "demo-gpt4o", {"settings.json": {}}, [("documents", corpus)]
    )
    texts = documents["text"].to_pylist()
    tokenizers = [
        made.add(
            "tokenizers",
            "tokenizer",
            f"demo-{name}{evil}",
            {
                "tokenizer.json": small_tokenizer(size, texts),
                "lexmill.json": {
                    "algorithm": "bpe",
                    "pretokenizer": {"name": "gpt4o" + evil},
                    "vocab_size": size,
                    "training_data": {"bytes": 8_000_000, "languages": dict.fromkeys(languages, 0.1)},
                },
            },
            [("counts", counts)],
        )
        for name, size in (("multilingual", 1200), ("medical", 600), ("english", 400))
    ]
    names = [tokenizer.record.name for tokenizer in tokenizers]
    made.add(
        "evaluations",
        "evaluation",
        "demo-tokenizers",
        {
            "results.parquet": tokenizer_results(names, languages),
            "results.json": {
                "splits": ["valid", "test"],
                "documents": 117,
                "reference_language": "eng_Latn",
                "parallel_corpus": "udhr" + evil,
                "parallel_groups": dict.fromkeys(languages, 40),
                "interval": "percentile bootstrap over groups, 95 %",
                "segmenter": {"name": "s", "description": "runs of letters, marks and digits"},
            },
        },
        [("documents", corpus), *(("tokenizers", t) for t in tokenizers)],
        {"reference_language": "eng_Latn"},
    )
    for name, truth in (("own", True), ("gpt2", False)):
        made.add(
            "mixtures",
            "mixture",
            f"demo-{name}",
            mixture_files(languages, truth, evil),
            [("tokenizer", tokenizers[0]), ("documents", corpus)],
        )
    _add_models(made, corpus, tokenizers, evil)
    return made


def _add_models(made: Pipeline, corpus: Artifact, tokenizers: Sequence[Artifact], evil: str) -> None:
    methods, pair = ("subtoken_mean", "mean", "focus"), ("eng_Latn", "fra_Latn")
    base = made.add(
        "models",
        "model",
        "demo-french-base",
        {"training.parquet": training_table(pair[:1], 4.0)},
        [("documents", corpus), ("tokenizer", tokenizers[2])],
    )
    scored = [("base", "", 2.1, 3.6)]
    models = [base]
    for place, method in enumerate(methods):
        plan = made.add(
            "plans",
            "transfer_plan",
            f"demo-french-{method}",
            {
                "plan.json": {
                    "actions": {"copy": 400, "role": 1, "compose": 700 - place, "fallback": place, "pad": 47},
                    "rows": 1148,
                    "shared_share_of_target": 0.41,
                    "method": method,
                }
            },
            [("base", base), ("tokenizer", tokenizers[0])],
        )
        init = made.add(
            "models",
            "model",
            f"demo-french-{method}-init",
            {"config.json": {}},
            [("base", base), ("plan", plan)],
        )
        models.append(init)
        scored.append(("init", method, 2.6 + place / 5, 3.9 + place / 5))
    models.append(
        made.add(
            "models",
            "model",
            "demo-french-subtoken_mean-adapted",
            {"training.parquet": training_table(pair, 3.7)},
            [("init", models[1]), ("documents", corpus)],
        )
    )
    scored.append(("adapted", methods[0], 2.15, 2.3))
    rows = []
    for phase, method, *values in scored:
        for language, value in zip(pair, values, strict=True):
            labels = {
                "phase": phase,
                "method": method,
                "language": language,
                "split": "test",
                "documents": 55,
                "bytes": 120_000,
            }
            rows.append(
                {"metric": "bits_per_byte", "value": value, "lower": value - 0.05, "upper": value + 0.05}
                | labels
            )
            rows.append({"metric": "tokens_per_byte", "value": 0.3, "lower": 0.29, "upper": 0.31} | labels)
            if phase == "init" and method != methods[0]:
                rows.append(
                    {"metric": "bits_per_byte_difference", "value": value - 2.6, "lower": 0.1, "upper": 0.3}
                    | labels
                )
    samples = [
        {
            "phase": phase,
            "method": method,
            "language": language,
            "prompt": "Le roi est" + evil,
            "text": " mort, vive le roi" + evil,
        }
        for phase, method, *_ in scored
        for language in pair
    ]
    summary = {
        "window_tokens": 256,
        "split": "test",
        "seed": 0,
        "difference_reference": "init subtoken_mean",
        "interval": "95 %, bootstrap over documents",
        "samples": samples,
    }
    made.add(
        "evaluations",
        "evaluation",
        "demo-french",
        {"results.parquet": pa.Table.from_pylist(rows), "results.json": summary},
        [("documents", corpus), *(("models", m) for m in models)],
    )
