"""Buckets of related languages: same family, same script (Abagyan et al. 2025, arXiv 2506.10766).

A family is a branch of ISO 639-5 (Germanic, Slavic, Indic ...), or the whole family where it is small; membership is
that of ISO 639-5 and Glottolog.  A language that is not listed is a family of its own.
"""

from __future__ import annotations

_MEMBERS: dict[str, str] = {
    "germanic": "afr dan deu eng fao frr fry gos gsw isl ltz nds nld nno nob nor sco stq swe swg vls yid zea",
    "romance": "arg ast cat cos fra frp fur glg ita lad lat lij lmo mwl nap oci pms por roh ron rup scn spa srd vec "
    "wln",
    "slavic": "bel bos bul ces chu cnr csb dsb hbs hrv hsb mkd pol rue rus slk slv srp szl ukr",
    "baltic": "lav lit ltg lvs sgs",
    "celtic": "bre cor cym gla gle glv sga",
    "greek": "ell grc pnt",
    "albanian": "aln als sqi",
    "armenian": "hye hyw",
    "iranian": "bal ckb diq fas glk hac kmr kur lrc mzn oss pbt pes prs pus sdh tgk zza",
    "indic": "asm awa bho ben bpy ctg dgo doi div gom guj hif hin kas kok mag mai mar nep npi new ori ory pan pli pnb "
    "rmy rom san sat sin skr snd syl urd",
    "dravidian": "brh kan mal tam tcy tel",
    "uralic": "ekk est fin fit fkv hun izh kom koi kpv krl liv mdf mhr mrj myv olo sjd sma sme smj smn udm vep vot vro",
    "turkic": "alt aze azb azj bak chv crh gag kaa kaz kir krc kum nog sah tat tuk tur tyv uig uzb uzn",
    "mongolic": "bxr khk mon mvf xal",
    "semitic": "acm acq aeb aii ajp amh apc ara arb arc ars ary arz heb mlt syr tig tir",
    "berber": "kab rif shi taq tmh tzm zgh",
    "cushitic": "aar gaz orm sid som",
    "chadic": "hau",
    "bantu": "bem cjk kam kik kin kmb kng kon lin lua lug nbl nde nso nya nyn run sna sot ssw swa "
    "swc swh tog tsn tso tum umb ven xho zul",
    "mande": "bam dyu",
    "atlantic-congo": "aka bbj ewe fon ful fuv gaa ibo mos ibb kbp tem twi wol yor",
    "nilotic": "dik din kln luo mas nus teo",
    "austronesian": "ace ami ban bcl bik bjn bug ceb cha dtp fij fil haw hil iba ilo ind jav mad mlg "
    "min mri msa nia pag pam plt rar smo sun tah tet tgl ton tvl war zlm zsm",
    "sinitic": "cdo cmn gan hak lzh nan wuu yue zho",
    "tibeto-burman": "bod dzo kac ksw lus mni mya",
    "kra-dai": "lao nod shn tha tts zha",
    "austroasiatic": "kha khm mnw unr vie",
    "japonic": "jpn ryu",
    "koreanic": "kor",
    "kartvelian": "kat lzz xmf",
    "northwest caucasian": "abk ady kbd",
    "northeast caucasian": "ava che dar inh lbe lez tab",
    "basque": "eus",
    "hmong-mien": "hmn hnj mww",
    "eskimo-aleut": "esu ike ikt ipk kal",
    "quechuan": "cuz que quy quz",
    "mayan": "cak kek mam quc tzh tzo yua",
    "uto-aztecan": "nah nch nhe nhi tar",
    "tupian": "grn gug",
    "aymaran": "aym ayr",
    "athabaskan": "nav",
    "algonquian": "cre crk ojb",
    "constructed": "avk epo ido ile ina jbo lfn nov qya tlh tok vol",
    "creole": "acf bis gcr hat jam kea mfe pap pcm pis rcf srm srn tpi",
}
_FAMILY_OF: dict[str, str] = {code: family for family, codes in _MEMBERS.items() for code in codes.split()}


def bucket_of(language: str) -> tuple[str, str]:
    """(family, script) of a label such as `deu_Latn`; a programming language is in the bucket of all code."""
    code, _, script = language.partition("_")
    if not script:
        return "code", ""
    return _FAMILY_OF.get(code, code), script


def bucket_weights(languages: list[str]) -> dict[str, float]:
    """The weight of each of the distinct languages: all buckets alike, and inside a bucket all languages alike.

    They add up to 1.
    """
    members: dict[tuple[str, str], int] = {}
    for language in languages:
        members[bucket_of(language)] = members.get(bucket_of(language), 0) + 1
    return {language: 1 / (len(members) * members[bucket_of(language)]) for language in languages}
