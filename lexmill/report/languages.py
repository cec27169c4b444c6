"""English names of languages and scripts for labels; a code without a name is shown as it is."""

from __future__ import annotations

# Reference names of ISO 639-3 (SIL), shortened where the short form is the usual one.
_LANGUAGES = """
afr Afrikaans|als Albanian|amh Amharic|ara Arabic|arb Arabic|arz Egyptian Arabic|asm Assamese|ast Asturian
aze Azerbaijani|azj Azerbaijani|azb South Azerbaijani|bak Bashkir|bel Belarusian|ben Bengali|bod Tibetan|bos Bosnian
bre Breton|bul Bulgarian|cat Catalan|ceb Cebuano|ces Czech|chv Chuvash|ckb Central Kurdish|cmn Mandarin|cos Corsican
cym Welsh|dan Danish|deu German|div Dhivehi|dsb Lower Sorbian|dzo Dzongkha|ekk Estonian|ell Greek|eng English
epo Esperanto
est Estonian|eus Basque|fao Faroese|fas Persian|pes Persian|fil Filipino|fin Finnish|fra French|fry West Frisian
fuv Fulfulde|gla Scottish Gaelic|gle Irish|glg Galician|glv Manx|grn Guarani|guj Gujarati|hat Haitian Creole|hau Hausa
haw Hawaiian|heb Hebrew|hin Hindi|hmn Hmong|hrv Croatian|hsb Upper Sorbian|hun Hungarian|hye Armenian|ibo Igbo|ido Ido
ilo Ilocano
ina Interlingua|ind Indonesian|isl Icelandic|ita Italian|jav Javanese|jpn Japanese|kab Kabyle|kan Kannada|kat Georgian
kaz Kazakh|khk Mongolian|khm Khmer|kin Kinyarwanda|kir Kyrgyz|kmr Northern Kurdish|kor Korean|kur Kurdish|lao Lao
lat Latin|lav Latvian|lim Limburgish|lin Lingala|lit Lithuanian|ltz Luxembourgish|lug Ganda|lvs Latvian|mai Maithili
mal Malayalam|mar Marathi|mkd Macedonian|mlg Malagasy|plt Malagasy|mlt Maltese|mon Mongolian|mri Maori|msa Malay
zsm Malay|mya Burmese|nds Low German|nep Nepali|npi Nepali|nld Dutch|nno Norwegian Nynorsk|nob Norwegian Bokmål
nor Norwegian|nya Chichewa|oci Occitan|ori Odia|ory Odia|orm Oromo|oss Ossetian|pan Punjabi|pap Papiamento|pol Polish
por Portuguese|pus Pashto|pbt Pashto|que Quechua|quy Quechua|roh Romansh|ron Romanian|run Rundi|rus Russian
sah Yakut|san Sanskrit|scn Sicilian|shn Shan|sin Sinhala|slk Slovak|slv Slovenian|smo Samoan|sna Shona|snd Sindhi
som Somali|sot Southern Sotho|spa Spanish|sqi Albanian|srd Sardinian|srp Serbian|sun Sundanese|swa Swahili
swh Swahili|swe Swedish|szl Silesian|tam Tamil|tat Tatar|tel Telugu|tgk Tajik|tgl Tagalog|tha Thai|tir Tigrinya
tsn Tswana|tuk Turkmen|tur Turkish|udm Udmurt|uig Uyghur|ukr Ukrainian|urd Urdu|uzb Uzbek|uzn Uzbek|vie Vietnamese
vol Volapük
wln Walloon|wol Wolof|xho Xhosa|ydd Yiddish|yid Yiddish|yor Yoruba|yue Cantonese|zho Chinese|zul Zulu
"""
_CODE = {
    "c": "C", "cpp": "C++", "csharp": "C#", "css": "CSS", "go": "Go", "html": "HTML", "java": "Java",
    "javascript": "JavaScript", "json": "JSON", "kotlin": "Kotlin", "lua": "Lua", "perl": "Perl", "php": "PHP",
    "python": "Python", "ruby": "Ruby", "rust": "Rust", "shell": "Shell", "sql": "SQL", "typescript": "TypeScript",
    "xml": "XML", "yaml": "YAML",
}  # fmt: skip
_NAMES = {
    code: name
    for code, _, name in (
        entry.partition(" ") for line in _LANGUAGES.split("\n") if line for entry in line.split("|")
    )
}
# The script that needs no mention beside the name; only languages written in several are listed with theirs.
_SEVERAL_SCRIPTS = frozenset(
    {
        "zho",
        "cmn",
        "srp",
        "bos",
        "aze",
        "azj",
        "uzb",
        "uzn",
        "kaz",
        "mon",
        "khk",
        "pan",
        "snd",
        "uig",
        "kur",
        "tat",
        "msa",
    }
)
_SCRIPTS = {
    "Arab": "Arabic", "Cyrl": "Cyrillic", "Deva": "Devanagari", "Guru": "Gurmukhi", "Hans": "simplified",
    "Hant": "traditional", "Latn": "Latin", "Mong": "Mongolian",
}  # fmt: skip
_RIGHT_TO_LEFT = frozenset({"Arab", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm", "Rohg"})


def language_name(code: str) -> str:
    """`fra_Latn` -> `French`, `zho_Hant` -> `Chinese, traditional`, unknown -> the code itself."""
    language, _, script = code.partition("_")
    if not script and code in _CODE:
        return _CODE[code]
    name = _NAMES.get(language)
    if name is None:
        return code
    if script and language in _SEVERAL_SCRIPTS:
        return f"{name}, {_SCRIPTS.get(script, script)}"
    return name


def script_of(code: str) -> str:
    """The script part of `fra_Latn`, or the empty string."""
    return code.partition("_")[2]


def direction(code: str) -> str:
    """`rtl` for scripts written from right to left, else `ltr`."""
    return "rtl" if script_of(code) in _RIGHT_TO_LEFT else "ltr"
