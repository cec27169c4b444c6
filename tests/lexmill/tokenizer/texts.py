"""Real text for tests: our own sentences in many scripts, and Python's own standard library."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from lexmill.tokenizer.patterns import pattern_of
from lexmill.tokenizer.split import splitter

SENTENCES = {
    "eng_Latn": "The mill turns slowly; it's grinding 12,345 sacks — don't wait!\n\n  They've said: 'We'll come.'",
    "deu_Latn": "Die Mühle mahlt langsam. Straßenverkehrsordnung, ÄÖÜ und 3,5 % Fett.\r\n\tNächste Zeile.",
    "fra_Latn": "L'été dernier, l'œuvre d'art « moderne » coûtait déjà 1 234,50 €…",
    "tur_Latn": "İstanbul'da ılık bir gün; şişe çok ağır değil mi?",
    "vie_Latn": "Tiếng Việt có nhiều dấu: ắ ằ ẳ ẵ ặ, và cả chữ đ.",
    "rus_Cyrl": "Мельница мелет медленно. Съешь ещё этих мягких французских булок, 2024 год.",
    "ell_Grek": "Ο μύλος γυρίζει αργά· πόσο κοστίζει το ψωμί;",
    "hye_Armn": "Ջրաղացը դանդաղ է պտտվում։",
    "kat_Geor": "წისქვილი ნელა ბრუნავს. ᲬᲘᲡᲥᲕᲘᲚᲘ",
    "heb_Hebr": "הטחנה מסתובבת לאט, 42 שקים. שָׁלוֹם",
    "arb_Arab": "تدور الطاحونة ببطء، ١٢٣ كيسًا. السَّلامُ عليكم",
    "hin_Deva": "चक्की धीरे-धीरे घूमती है। १२३ बोरे, ठीक है?",
    "tam_Taml": "ஆலை மெதுவாகச் சுழல்கிறது.",
    "tha_Thai": "โรงสีหมุนช้าๆ ราคา ๑๒๓ บาท",
    "kor_Hang": "방앗간이 천천히 돌아간다. 값은 3,000원입니다.",
    "jpn_Jpan": "水車はゆっくり回る。ｶﾞﾗｽは１２３円、カタカナも。",
    "zho_Hans": "磨坊慢慢地转动，价格是一千二百三十四元。",
    "amh_Ethi": "ወፍጮው ቀስ ብሎ ይዞራል።",
    "emoji": "👩‍👩‍👧‍👦 🇩🇪 ☕️ ✅   a\u00a0b\u2003c\u3000d\u200be\x1cf\x85g ſ K '\u017f ǅ",
    "code": "def f(x):\n    if x >= 10:\n        return {'a': [1, 2]}\n\n\n# ----\t\n//path/to///x\r\n\r\n",
}
MODULES = (
    "argparse",
    "ast",
    "datetime",
    "decimal",
    "inspect",
    "locale",
    "pydoc",
    "subprocess",
    "tarfile",
    "typing",
)


def python_sources() -> list[str]:
    """The texts of some standard-library modules (about 0.7 MB)."""
    folder = Path(os.__file__).parent
    return [path.read_text("utf-8") for path in (folder / f"{name}.py" for name in MODULES) if path.exists()]


def real_texts() -> list[str]:
    return [*SENTENCES.values(), *python_sources()]


def word_counts_of(texts: list[str], pretokenizer: str) -> tuple[pa.Array, np.ndarray]:
    counter: Counter[str] = Counter()
    for text in texts:
        counter.update(splitter(pretokenizer)(text))
    return pa.array([word.encode() for word in counter], pa.binary()), np.array(
        list(counter.values()), np.int64
    )


def document_batch(rows: list[tuple[str, str, str, str]]) -> pa.RecordBatch:
    """(text, language, domain, split) rows as a batch."""
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    return pa.record_batch(columns, names=["text", "language", "domain", "split"])


def reference_tokenizer(texts: list[str], pretokenizer: str, vocab_size: int, **options: int) -> Tokenizer:
    """Train `tokenizers`' own byte-level BPE on the same documents, with the same pattern."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = reference_pretokenizer(pretokenizer)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        special_tokens=[],
        **options,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def reference_pretokenizer(pretokenizer: str) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern_of(pretokenizer)), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def merged(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    """A sequence after one merge, from the left."""
    out: list[int] = []
    index = 0
    while index < len(ids):
        if tuple(ids[index : index + 2]) == pair:
            out.append(new)
            index += 2
        else:
            out.append(ids[index])
            index += 1
    return out
