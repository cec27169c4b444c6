"""Cleaning stages: normalisation, identification, quality rules, deduplication, splits, and the accounting."""

from __future__ import annotations

import unicodedata
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.corpus.dedup import DuplicateIndex, duplicate_key, split_of, within_bytes
from lexmill.corpus.identify import contradicts, detect_language, known_languages
from lexmill.corpus.normalize import normalized, normalized_code
from lexmill.corpus.params import CleaningParams, LanguageParams, QualityParams, SplitParams
from lexmill.corpus.quality import english_share, quality_finding, repeated_line_shares
from lexmill.corpus.schema import Document, document_batch
from lexmill.corpus.scripts import (
    chinese_script,
    dominant_script,
    script_counts,
    script_share,
    weighted_length,
)
from lexmill.corpus.stages import Tally, clean

# Article 1 of the Universal Declaration of Human Rights.
ARTICLE_1 = {
    "ara_Arab": "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق، وقد وهبوا عقلاً وضميراً.",
    "ces_Latn": "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni rozumem a svědomím.",
    "deu_Latn": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft begabt.",
    "ell_Grek": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "eng_Latn": "All human beings are born free and equal in dignity and rights. They are endowed with reason.",
    "fin_Latn": "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan.",
    "fra_Latn": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison.",
    "heb_Hebr": "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון.",
    "hin_Deva": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "hun_Latn": "Minden emberi lény szabadon születik és egyenlő méltósága és joga van. Az emberek ésszel bírnak.",
    "ita_Latn": "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Essi sono dotati di ragione.",
    "jpn_Jpan": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "kat_Geor": "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და უფლებებით.",
    "kor_Kore": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "pol_Latn": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw.",
    "rus_Cyrl": "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом.",
    "spa_Latn": "Todos los seres humanos nacen libres e iguales en dignidad y derechos, dotados como están de razón.",
    "swe_Latn": "Alla människor är födda fria och lika i värde och rättigheter. De är utrustade med förnuft.",
    "tam_Taml": "மனிதப் பிறிவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்; அவர்கள் மதிப்பிலும் உரிமைகளிலும் சமமானவர்கள்.",
    "tha_Thai": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม",
    "tur_Latn": "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler.",
    "ukr_Cyrl": "Всі люди народжуються вільними і рівними у своїй гідності та правах. Вони наділені розумом і совістю.",
    "vie_Latn": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi.",
    "zho_Hans": "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神互相对待。",
    "zho_Hant": "人人生而自由,在尊嚴和權利上一律平等。他們賦有理性和良心,並應以兄弟關係的精神互相對待。",
}
GOOD = ARTICLE_1["eng_Latn"]

# Text with every kind of character the stages treat specially.
odd_text = st.text(
    st.one_of(
        st.characters(exclude_categories=("Cs", "Cn")),
        st.sampled_from(list("\r\n\t \u00a0\u2028\ufeff\x00\x0b\u0301\u0300\u200d\u3000\uff21\ufffd가각")),
    ),
    max_size=60,
)


def one(function: object, text: str, *arguments: object) -> str:
    return function(pa.array([text], pa.string()), *arguments)[0].as_py()


@settings(max_examples=300, deadline=None)
@given(odd_text, st.sampled_from(["NFC", "NFKC", "none"]))
def test_normalisation_is_idempotent(text: str, form: str) -> None:
    once = one(normalized, text, form)
    assert one(normalized, once, form) == once
    if form != "none":
        assert unicodedata.is_normalized(form, once)
    assert not set(once) & set("\r\x00\ufeff\u2028\t\u00a0")
    code = one(normalized_code, text)
    assert one(normalized_code, code) == code


@pytest.mark.parametrize(
    ("text", "clean_text"),
    [
        ("e\u0301te\u0301", "été"),
        (" a \u00a0 b \r\n\r\n\r\n\n c\x00\x07 ", "a b\n\nc"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("e\x00\u0301", "é"),
    ],
)
def test_normalisation(text: str, clean_text: str) -> None:
    assert one(normalized, text, "NFC") == clean_text


def test_code_keeps_its_white_space_and_letters() -> None:
    assert one(normalized_code, "def f():\r\n\treturn 'ﬁ'  # x\x00\n\n") == "def f():\n\treturn 'ﬁ'  # x"


@pytest.mark.parametrize("label", sorted(ARTICLE_1))
def test_identification_of_one_sentence(label: str) -> None:
    found = detect_language(ARTICLE_1[label])
    assert found.language == label
    assert found.score > 0.5


def test_identification_votes_over_windows() -> None:
    mostly = " ".join([ARTICLE_1["deu_Latn"]] * 12 + [ARTICLE_1["eng_Latn"]])
    assert detect_language(mostly).language == "deu_Latn"
    assert detect_language(ARTICLE_1["eng_Latn"].upper()).language == "eng_Latn"
    assert detect_language("Home Assistant Cloud と Google アシスタントを設定する").language == "jpn_Jpan"
    assert detect_language("Ovo je rečenica na srpskom jeziku o našem gradu.").language[4:] == "Latn"
    assert detect_language("12345 -- 678") == ("und_Zyyy", 0.0)
    assert detect_language("") == ("und_Zyyy", 0.0)


def test_relatives_and_unknown_languages_do_not_contradict() -> None:
    assert contradicts("deu_Latn", "eng_Latn")
    assert not contradicts("dan_Latn", "nob_Latn")
    assert not contradicts("ibo_Latn", "eng_Latn")  # the model has no Igbo
    assert {"deu", "zho", "nob", "srp"} <= known_languages()


def test_scripts() -> None:
    for label, text in ARTICLE_1.items():
        script = label[4:]
        counts = script_counts(text)
        assert script_share(counts, script) > 0.99
        assert dominant_script(counts) == ("Hani" if script in ("Hans", "Hant") else script)
    assert chinese_script(ARTICLE_1["zho_Hant"]) == "Hant"
    assert script_share(script_counts("Привет abc"), "Cyrl") == pytest.approx(6 / 9)
    assert script_counts("aé, б\U0001f600")[:3] == [3, 2, 1]
    assert weighted_length(script_counts("日本a")) == 5


@pytest.mark.parametrize(
    ("text", "language", "reason"),
    [
        (GOOD, "eng_Latn", None),
        ("too short", "eng_Latn", "too_short"),
        ("日本語の文章です。", "jpn_Jpan", "too_short"),
        ("日本語の文章です。日本語", "jpn_Jpan", None),
        ("1234 5678 ---- 9012 abc 3456 7890", "eng_Latn", "few_letters"),
        ("the text was \ufffd\ufffd badly decoded", "eng_Latn", "replacement_characters"),
        ("same line\nsame line\nother line", "eng_Latn", "repeated_lines"),
        ("a b c d e f g h i j k l m n", "eng_Latn", "word_length"),
        ("averyveryverylongwordwithoutanyspaces", "eng_Latn", "word_length"),
        ("The word that is not translated and which they have here", "deu_Latn", "untranslated_english"),
        ("De man die in het huis was is of het been van de kat", "nld_Latn", None),
        ("x = 1", "python", "too_short"),
        ("x = '" + "a" * 1001 + "'", "python", "long_line"),
        ("(((((((((((((((((((((((a" + ")" * 40, "python", "few_alphanumeric"),
        ("def f(x):\n    return x\n", "python", None),
    ],
)
def test_quality_rules(text: str, language: str, reason: str | None) -> None:
    found = quality_finding(text, language, QualityParams())
    assert (found.reason if found else None) == reason


def test_quality_rules_can_be_switched_off() -> None:
    off = QualityParams.model_validate(dict.fromkeys(QualityParams.model_fields))
    for text in ("", "x", "1 1 1", "a\na\na", "\ufffd"):
        assert quality_finding(text, "deu_Latn", off) is None
        assert quality_finding(text, "python", off) is None


def test_quality_measures() -> None:
    assert repeated_line_shares("ab\nab\n\nabcd") == (pytest.approx(1 / 3), pytest.approx(2 / 8))
    assert repeated_line_shares("") == (0.0, 0.0)
    assert english_share("the and with this other words go here") == pytest.approx(4 / 8)
    assert english_share("the the the the") == 0.0


def test_duplicates_up_to_case_width_and_space() -> None:
    assert duplicate_key("Ａ  B\nc") == duplicate_key("a b C")
    assert duplicate_key("a b", code=True) != duplicate_key("A b", code=True)
    index = DuplicateIndex()
    assert [index.first(duplicate_key(text), str(i)) for i, text in enumerate(["a", "b", "A"])] == [
        None,
        None,
        "0",
    ]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=8), unique=True, max_size=30), st.randoms())
def test_splits_do_not_depend_on_other_documents(keys: list[str], random: object) -> None:
    params = SplitParams(valid=0.2, test=0.2)
    before = {key: split_of(key, params) for key in keys}
    random.shuffle(keys)
    assert {key: split_of(key, params) for key in keys[::2]} == {key: before[key] for key in keys[::2]}


def test_split_shares_and_salt() -> None:
    keys = [f"corpus:{i:016x}" for i in range(20_000)]
    shares = Counter(split_of(key, SplitParams(valid=0.1, test=0.2)) for key in keys)
    assert shares["test"] == pytest.approx(4000, abs=250)
    assert shares["valid"] == pytest.approx(2000, abs=200)
    other = [split_of(key, SplitParams(valid=0.1, test=0.2, salt="1")) for key in keys]
    assert other != [split_of(key, SplitParams(valid=0.1, test=0.2)) for key in keys]


def test_byte_limit_takes_whole_groups() -> None:
    keys = [f"g{i // 2}" for i in range(200)]
    languages = ["deu_Latn", "eng_Latn"] * 100
    kept = within_bytes(keys, languages, [10] * 200, 250)
    assert kept.sum() == 50
    assert (kept[::2] == kept[1::2]).all()
    assert within_bytes(["a"], ["eng_Latn"], [10], 5).tolist() == [True]
    reordered = np.random.default_rng(0).permutation(100)
    keys2 = [keys[2 * i] for i in reordered]
    assert (within_bytes(keys2, ["deu_Latn"] * 100, [10] * 100, 250) == kept[::2][reordered]).all()


documents = st.lists(
    st.tuples(
        st.one_of(odd_text, st.sampled_from([*ARTICLE_1.values(), "x\nx\nx\nx", "def f(x):\n    return x"])),
        st.sampled_from([None, "eng_Latn", "deu_Latn", "rus_Cyrl", "python"]),
        st.sampled_from([None, "g1", "g2"]),
        st.sampled_from(["one", "two"]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(documents, st.integers(1, 8))
def test_every_document_and_byte_is_accounted_for(rows: list[tuple], shard: int) -> None:
    batches = [
        document_batch([Document(text, language, "general", group, f"o:{i}")], corpus, "MIT")
        for i, (text, language, group, corpus) in enumerate(rows)
    ]
    whole = pa.Table.from_batches(batches).combine_chunks()
    results = list(clean(whole.to_batches(max_chunksize=shard), CleaningParams()))
    tally = Tally()
    for result in results:
        tally.merge(result.tally)
    kept = pa.Table.from_batches([r.batch for r in results])
    rejected = [row for r in results for part in r.rejections for row in part.to_pylist()]

    report = tally.table().to_pylist()
    for unit in ("documents", "bytes"):
        sums: Counter = Counter()
        for row in report:
            sign = 1 if row["reason"] == "in" else -1
            sums[row["stage"], row["corpus"]] += sign * row[unit]
        assert not any(sums.values())
    assert kept.num_rows + len(rejected) == len(rows)
    assert sorted(kept["id"].to_pylist() + [r["id"] for r in rejected]) == sorted(whole["id"].to_pylist())
    for row in rejected:
        assert row["stage"]
        assert row["reason"]
        assert (row["duplicate_of"] is not None) == (row["reason"] == "duplicate")
    assert kept["bytes"].to_pylist() == [len(text.encode()) for text in kept["text"].to_pylist()]
    assert kept["language"].null_count == kept["split"].null_count == 0
    pairs = zip(kept["text"].to_pylist(), kept["language"].to_pylist(), strict=True)
    assert len({duplicate_key(text, language == "python") for text, language in pairs}) == kept.num_rows
    for group in ("g1", "g2"):
        splits = {
            s for g, s in zip(kept["group"].to_pylist(), kept["split"].to_pylist(), strict=True) if g == group
        }
        assert len(splits) <= 1


@settings(max_examples=30, deadline=None)
@given(documents, st.integers(1, 8), st.integers(1, 8))
def test_shard_sizes_change_nothing(rows: list[tuple], first: int, second: int) -> None:
    batch = document_batch(
        [Document(t, lang, "general", g, f"o:{i}") for i, (t, lang, g, _) in enumerate(rows)], "c", "MIT"
    )
    tables = [
        pa.Table.from_batches([r.batch for r in clean(pa.table(batch).to_batches(size), CleaningParams())])
        for size in (first, second)
    ]
    assert tables[0].equals(tables[1])


@pytest.mark.parametrize(
    ("policy", "declared", "text", "outcome"),
    [
        ("drop", "deu_Latn", GOOD, "language_mismatch"),
        ("keep", "deu_Latn", GOOD, "deu_Latn"),
        ("relabel", "deu_Latn", GOOD, "eng_Latn"),
        ("drop", "rus_Cyrl", GOOD[:70], "script_mismatch"),
        ("drop", None, GOOD, "eng_Latn"),
        ("drop", None, "zq xv jj kw qpf xzz wqj vvk", "low_detection_score"),
    ],
)
def test_declared_against_detected(policy: str, declared: str | None, text: str, outcome: str) -> None:
    language = LanguageParams(mismatch=policy, mismatch_characters=80, min_score=0.5)
    params = CleaningParams(language=language, quality=QualityParams(max_english=None))
    (result,) = clean([document_batch([Document(text, declared, "general", None, "o")], "c", "MIT")], params)
    rejected = [row["reason"] for part in result.rejections for row in part.to_pylist()]
    assert [*result.batch["language"].to_pylist(), *rejected] == [outcome]
