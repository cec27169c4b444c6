"""The tables and texts of invented payloads: the contract's schemas, made-up numbers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

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
        "truth": {name: share["truth"] for name, share in shares.items()} if truth else None,
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
