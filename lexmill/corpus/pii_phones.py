"""Phone numbers, checked against the numbering plans of libphonenumber."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Countries whose national numbers a text of the language may hold; the likeliest first.
_REGIONS = {
    **{
        "afr": "ZA",
        "amh": "ET",
        "ara": "SA EG AE MA IQ",
        "aze": "AZ",
        "bel": "BY",
        "ben": "BD IN",
        "bos": "BA",
    },
    **{"bul": "BG", "cat": "ES", "ces": "CZ", "cym": "GB", "dan": "DK", "deu": "DE AT CH", "ell": "GR CY"},
    **{
        "eng": "US GB IN AU",
        "est": "EE",
        "eus": "ES",
        "fas": "IR AF",
        "fil": "PH",
        "fin": "FI",
        "fra": "FR BE CA CH",
    },
    **{
        "gle": "IE",
        "glg": "ES",
        "guj": "IN",
        "heb": "IL",
        "hin": "IN",
        "hrv": "HR",
        "hun": "HU",
        "hye": "AM",
    },
    **{
        "ind": "ID",
        "isl": "IS",
        "ita": "IT CH",
        "jpn": "JP",
        "kan": "IN",
        "kat": "GE",
        "kaz": "KZ",
        "khm": "KH",
    },
    **{
        "kir": "KG",
        "kor": "KR",
        "lao": "LA",
        "lav": "LV",
        "lit": "LT",
        "ltz": "LU",
        "mal": "IN",
        "mar": "IN",
    },
    **{
        "mkd": "MK",
        "mlt": "MT",
        "mon": "MN",
        "msa": "MY",
        "mya": "MM",
        "nep": "NP",
        "nld": "NL BE",
        "nno": "NO",
    },
    **{
        "nob": "NO",
        "ori": "IN",
        "pan": "IN PK",
        "pol": "PL",
        "por": "BR PT",
        "ron": "RO MD",
        "rus": "RU KZ BY",
    },
    **{"sin": "LK", "slk": "SK", "slv": "SI", "spa": "ES MX AR CO", "sqi": "AL", "srp": "RS", "swa": "KE TZ"},
    **{
        "swe": "SE FI",
        "tam": "IN LK",
        "tel": "IN",
        "tgk": "TJ",
        "tha": "TH",
        "tur": "TR",
        "ukr": "UA",
        "urd": "PK",
    },
    **{"uzb": "UZ", "vie": "VN", "zho": "CN TW HK"},
}
_GAP = r"[ .\-/]{0,2}"
_CANDIDATE = re.compile(
    r"[0-9+(](?<![\w.,=#+/@-][0-9+(])(?<![0-9]:[0-9+(])(?:(?<=[+(])[ +]?[0-9])?"
    rf"(?:\)?{_GAP}\(?[0-9]){{5,16}}\)?(?![\w@]|[.,:/-][0-9])"
)
_DATE = re.compile(
    r"(?:19|20)[0-9]{2}[./ -][01]?[0-9](?:[./ -][0-3]?[0-9]|\b)"
    r"|[0-3]?[0-9][./ -][01]?[0-9][./ -](?:19|20)[0-9]{2}|^[12][0-9]{3} ?[/-] ?[0-9]{4}$"
)
# Words that announce a number, right before it.
_ANNOUNCED = re.compile(
    r"(?:\b(?:tel|t[eé]l[eé]ph?one|telefon\w{0,3}|teléfono|phone|mobile?|cell|call|fax|hotline"
    r"|whatsapp|handy|gsm|puh|puhelin|тел|телефон\w{0,2}|факс|моб|τηλ|τηλέφωνο|điện thoại|đt|telp|hp)"
    r"|電話|电话|手机|手機|携帯|전화|휴대폰|هاتف|تلفون|تلفن|טלפון|נייד|फ़ोन|फोन|मोबाइल|ফোন|โทร|โทรศัพท์)[\s.:：(/)]{0,4}$",
    re.IGNORECASE,
)
_CONTEXT = 20


def phones(text: str, language: str) -> Iterator[tuple[int, int]]:
    """(start, end) of phone numbers.

    With `+` and a country code: any valid number.  Without: a valid number of a country of the language that is
    written in the groups of that country, three at least, or that a word such as `phone` announces.  Never dates and
    ISBNs.
    """
    for found in _CANDIDATE.finditer(text):
        start, end = found.span()
        while text[end - 1] == ")" and "(" not in text[start:end]:
            end -= 1
        number = text[start:end]
        if 7 <= sum(map(str.isdigit, number)) <= 15 and _is_phone(
            number, text[max(0, start - _CONTEXT) : start], language
        ):
            yield start, end


def _is_phone(number: str, before: str, language: str) -> bool:
    import phonenumbers

    if "+" in number:
        return _valid(number, None) is not None
    if _DATE.search(number) or _is_isbn(number):
        return False
    announced = _ANNOUNCED.search(before) is not None
    if (
        not announced and len(re.findall("[0-9]+", number)) < 3
    ):  # two groups are ranges, norms, binary numbers
        return False
    for region in _REGIONS.get(language[:3], "").split():
        parsed = _valid(number, region)
        if parsed is None:
            continue
        national = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
        if announced or _groups(national) == _groups(number):
            return True
    return False


def _valid(number: str, region: str | None):  # type: ignore[no-untyped-def]  # a PhoneNumber or None
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    if region is None:
        return parsed if phonenumbers.is_valid_number(parsed) else None
    return parsed if phonenumbers.is_valid_number_for_region(parsed, region) else None


def _groups(number: str) -> list[str]:
    """Runs of digits; one run says nothing."""
    groups = re.findall("[0-9]+", number)
    return groups if len(groups) > 1 else [number, ""]


def _is_isbn(number: str) -> bool:
    """Whether it is a valid ISBN-13 or a number of ten digits with the check digit of an ISBN-10 in its usual four
    groups."""
    digits = [int(d) for d in re.sub("[^0-9]", "", number)]
    if len(digits) == 13 and digits[:3] in ([9, 7, 8], [9, 7, 9]):
        return sum(d * (1, 3)[place % 2] for place, d in enumerate(digits)) % 10 == 0
    grouped = len(re.findall("[0-9]+", number)) == 4 and re.search(r"[-\s][0-9]$", number)
    return bool(grouped) and len(digits) == 10 and sum(d * (10 - p) for p, d in enumerate(digits)) % 11 == 0
