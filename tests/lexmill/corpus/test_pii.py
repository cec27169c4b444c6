"""Personal data and secrets: what is found, what is not, and that redaction is complete."""

from __future__ import annotations

import time

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lexmill.corpus.pii import KINDS, TAGS, pii_spans, redacted
from lexmill.corpus.pii_numbers import luhn
from lexmill.corpus.pii_secrets import looks_random

# Put together here, so that no scanner takes this file for a leak.
GITHUB = "ghp" + "_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
AMAZON = "AKIA" + "IOSFODNN7QRSTUV2"
TOKEN = (
    "eyJ" + "hbGciOiJIUzI1NiJ9" + "." + "eyJ" + "zdWIiOiIxMjM0NSJ9" + "." + "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
)
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7\n-----END RSA PRIVATE KEY-----"


def found(text: str, language: str = "eng_Latn", kinds: tuple = KINDS) -> list[tuple[str, str]]:
    spans = pii_spans([text], [language], kinds)
    return [
        (k, text[s:e]) for k, s, e in zip(spans.kind, spans.start.tolist(), spans.end.tolist(), strict=True)
    ]


POSITIVES = [
    ("eng_Latn", "Write to jane.doe+news@mail.uni-graz.at today", "email", "jane.doe+news@mail.uni-graz.at"),
    ("zho_Hans", "请联系wang.li@sina.com.cn谢谢", "email", "wang.li@sina.com.cn"),
    (
        "jpn_Jpan",
        "メールはｔａｒｏ＠ｓａｋｕｒａ．ｎｅ．ｊｐまで",
        "email",
        "ｔａｒｏ＠ｓａｋｕｒａ．ｎｅ．ｊｐ",
    ),
    ("rus_Cyrl", "Пишите на иван@почта.рф или звоните", "email", "иван@почта.рф"),
    ("ara_Arab", "راسلنا على info@aljazeera.net الآن", "email", "info@aljazeera.net"),
    ("tha_Thai", "อีเมลsomchai@chula.ac.thครับ", "email", "somchai@chula.ac.th"),
    ("eng_Latn", "E<lt>k.k@cpan.orgE<gt>", "email", "k.k@cpan.org"),
    ("deu_Latn", "Die Adresse ist 93.184.216.34.", "ip", "93.184.216.34"),
    ("eng_Latn", "dns at 8.8.8.8 or server 8.8.4.4", "ip", "8.8.4.4"),
    ("eng_Latn", "host [2a00:1450:4001:81b::200e] is up", "ip", "2a00:1450:4001:81b::200e"),
    ("fas_Arab", "نشانی ۹۳.۱۸۴.۲۱۶.۳۴ است", "ip", "۹۳.۱۸۴.۲۱۶.۳۴"),
    ("deu_Latn", "Rufen Sie +49 30 901820 an", "phone", "+49 30 901820"),
    ("eng_Latn", "call (212) 736-5000 now", "phone", "(212) 736-5000"),
    ("fra_Latn", "au 01 42 68 53 00 demain", "phone", "01 42 68 53 00"),
    ("ara_Arab", "هاتف: ٠١١٤٦٢٢٢٢٢", "phone", "٠١١٤٦٢٢٢٢٢"),
    ("jpn_Jpan", "電話：０３-３２１３-１１１１", "phone", "０３-３２１３-１１１１"),
    ("hin_Deva", "फ़ोन: 011 2301 2312", "phone", "011 2301 2312"),
    ("kor_Kore", "전화 02-731-2114 로", "phone", "02-731-2114"),
    ("rus_Cyrl", "тел. 8 (495) 606-36-02", "phone", "8 (495) 606-36-02"),
    ("tur_Latn", "Bizi +90 312 442 53 50 numarasından", "phone", "+90 312 442 53 50"),
    ("deu_Latn", "IBAN DE89 3704 0044 0532 0130 00 BIC COBADEFF", "iban", "DE89 3704 0044 0532 0130 00"),
    ("pol_Latn", "konto PL61109010140000071219812874.", "iban", "PL61109010140000071219812874"),
    ("tur_Latn", "TR33 0006 1005 1978 6457 8413 26 hesabına", "iban", "TR33 0006 1005 1978 6457 8413 26"),
    ("eng_Latn", "card 4111 1111 1111 1234? no: 4539 1488 0343 6467.", "credit_card", "4539 1488 0343 6467"),
    ("spa_Latn", "tarjeta 5500-0055-5555-5559", "credit_card", "5500-0055-5555-5559"),
    ("ell_Grek", "κάρτα 378282246310005", "credit_card", "378282246310005"),
    ("fas_Arab", "کارت ۴۵۳۹۱۴۸۸۰۳۴۳۶۴۶۷", "credit_card", "۴۵۳۹۱۴۸۸۰۳۴۳۶۴۶۷"),
    ("python", f"TOKEN = '{GITHUB}'", "secret", GITHUB),
    ("shell", f"export AWS_ACCESS_KEY_ID={AMAZON}", "secret", AMAZON),
    ("javascript", f"Authorization: Bearer {TOKEN}", "secret", TOKEN),
    ("eng_Latn", f"my key:\n{KEY}\nkeep it", "secret", KEY),
    ("python", "api_key = 'q8Zr1Lk3Vt6Xw0Pb9Ns4Jd7'", "secret", "q8Zr1Lk3Vt6Xw0Pb9Ns4Jd7"),
    ("shell", "psql postgres://app:hunter2go@db.internal/x", "secret", "hunter2go"),
]


@pytest.mark.parametrize(("language", "text", "kind", "value"), POSITIVES)
def test_found(language: str, text: str, kind: str, value: str) -> None:
    assert (kind, value) in found(text, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("eng_Latn", "user@example.com, me@mail.example.org, root@localhost"),
        ("shell", "git clone git@github.com:owner/repository.git"),
        ("html", '<img src="icon@2x.png"> from left-pad@1.3.0 and @decorator.name'),
        ("eng_Latn", "192.168.1.254 10.0.0.255 127.0.0.1 203.0.113.200 255.255.255.0"),
        ("eng_Latn", "version 8.0.120.3 is newer than v1.20.300.4 and 1.2.3.4"),
        ("deu_Latn", "Siehe Abschnitt 3.4.12.1 und Version 2.10.101.4"),
        ("zho_Hans", "版本 12.0.150.1 已发布"),
        ("eng_Latn", "libfoo-4.19.208.1 and foo_1.2.200.4.tar.gz, prefix 69.208.0.0/16"),
        ("eng_Latn", "at 12:34:56 in std::deque, MAC 00:1a:2b:3c:4d:5e, fe80::1, 2001:db8::1"),
        ("eng_Latn", "born 1985-07-14, died 14.07.2012, in 1990-2000 and 2019/2020"),
        ("eng_Latn", "ISBN 978-3-16-148410-0, ISBN 0-306-40615-2, DOI 10.1000/182345678"),
        ("fra_Latn", "12 345 678 habitants, soit 1 234 567,89 euros"),
        ("deu_Latn", "Artikel 4711-0815-1234 kostet 1.234.567 Euro, RFC 7231"),
        ("rus_Cyrl", "ГОСТ 12.1.007-76, 2 000 000 рублей, 1941-1945"),
        ("jpn_Jpan", "２０１９年１２月３１日、１２３４５６７８円"),
        ("zho_Hant", "Unicode 字元 0xa9 = 1010 1001"),
        ("est_Latn", "näiteks 500-5000 ja"),
        ("deu_Latn", "Kanji nach JIS X 0212-1990"),
        ("kor_Kore", "2019-12-31 12:00, 1,234,567원"),
        ("ara_Arab", "عام ١٩٨٥/٠٧/١٤ و ١٢٣٤٥٦٧٨"),
        ("eng_Latn", "DE89 3704 0044 0532 0130 01 and GB82 WEST 1234 5698 7654 33 are wrong"),
        ("eng_Latn", "4539 1488 0343 6468, 1234567812345670, 4111-1111 1111-1111"),
        ("perl", "4199 4200 4201 4202 4203 4204 4205 4206 4207 4208"),
        ("eng_Latn", "9780306406157 and 4006381333931 are article numbers"),
        ("python", 'password = "correct_horse_battery_staple"'),
        ("python", 'api_key = "YOUR_API_KEY_GOES_HERE_123"'),
        ("python", "token = os.environ['GITHUB_TOKEN_NAME']"),
        ("shell", "curl https://user:password@host and https://$USER:$PASS@host"),
        ("eng_Latn", "commit 9fceb02d0ae598e95dc970b74767f19372d61af8"),
        ("eng_Latn", "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----"),
    ],
)
def test_left_alone(language: str, text: str) -> None:
    assert found(text, language) == []


def test_spans_by_row_and_language() -> None:
    texts = pa.array(["nothing", None, "a@b.at and c@d.at", "01 42 68 53 00", "01 42 68 53 00"])
    spans = pii_spans(texts, ["eng_Latn", "eng_Latn", "eng_Latn", "fra_Latn", "eng_Latn"], KINDS)
    assert spans.row.tolist() == [2, 2, 3]
    assert spans.kind == ["email", "email", "phone"]
    assert spans.start.tolist() == [0, 11, 0]
    assert spans.end.tolist() == [6, 17, 14]
    assert pii_spans(texts.slice(2, 1), ["eng_Latn"], ("email",)).row.tolist() == [0, 0]
    assert pii_spans([], [], KINDS).row.tolist() == []


def test_only_the_kinds_asked_for() -> None:
    text = "a@b.at, 93.184.216.34"
    assert [kind for kind, _ in found(text, kinds=("ip",))] == ["ip"]
    assert found(text, kinds=()) == []


def test_redaction() -> None:
    text = "💌 an a@b.at oder +49 30 901820!"
    spans = pii_spans([text], ["deu_Latn"], KINDS)
    triples = list(zip(spans.kind, spans.start.tolist(), spans.end.tolist(), strict=True))
    assert redacted(text, triples) == "💌 an <EMAIL> oder <PHONE>!"
    assert redacted(text, []) == text


def test_checks() -> None:
    assert luhn("4539148803436467")
    assert not luhn("4539148803436466")
    assert looks_random("d41d8cd98f00b204e9800998ecf8427e")
    assert not looks_random("get_the_value_of_key_2")


pieces = st.one_of(
    st.sampled_from([value for _, _, _, value in POSITIVES]),
    st.sampled_from(
        [*TAGS.values(), " ", "\n", "@", ".", "-", "+49 ", ":", "/", "tel ", "IP ", "version ", "((", "x"]
    ),
    st.text(alphabet="0123456789 .-:@aBZ٣３É中", max_size=8),
)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(pieces, max_size=8).map("".join), st.sampled_from(["eng_Latn", "fra_Latn", "zho_Hans", "python"])
)
@example("a@b.at0142685300", "fra_Latn")
def test_spans_are_sound_and_redaction_is_final(text: str, language: str) -> None:
    spans = pii_spans([text], [language], KINDS)
    triples = list(zip(spans.kind, spans.start.tolist(), spans.end.tolist(), strict=True))
    edge = 0
    for _, start, end in triples:
        assert edge <= start < end <= len(text)
        edge = end
    once = redacted(text, triples)
    assert found(once, language) == []


@pytest.mark.parametrize(
    "text",
    ["a" * 300_000, "a@" * 150_000, "1." * 150_000, "1 " * 150_000, "2001:" * 60_000, "a.b@c." * 50_000,
     "DE89 " * 60_000, "+1 (" * 75_000, "eyJa" * 75_000, "-----BEGIN PRIVATE KEY-----" * 10_000,
     "://a:b" * 50_000, "token='" * 40_000, "4111 " * 60_000],
)  # fmt: skip
def test_hostile_text_takes_linear_time(text: str) -> None:
    started = time.process_time()
    pii_spans([text], ["eng_Latn"], KINDS)
    assert time.process_time() - started < 10
