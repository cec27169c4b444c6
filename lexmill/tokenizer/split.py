"""Cutting text into pre-tokens exactly as the exported `tokenizer.json` will.

The file's `Split` runs on Oniguruma.  Named patterns have scanners that cut in the same places; any other expression is
run by `tokenizers` itself, because other engines differ in syntax (`\\h`, `\\w`, `$` ...) and in their Unicode tables.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Literal, cast

from tokenizers import Regex, normalizers, pre_tokenizers

from lexmill.tokenizer.patterns import pattern_of
from lexmill.tokenizer.scan import RULES, scan_text

# Where the tables of the `regex` package (Unicode 17) differ from those of Oniguruma (Unicode 16): code points
# assigned after Unicode 16, and U+0295, which moved from Ll to Lo.  tests/lexmill/tokenizer/test_split.py recomputes
# the classes over all scalar values.
_DISPUTED_BMP = (
    "\u0295\u0558\u058b-\u058c\u05c8-\u05c9\u088f\u0b53-\u0b54\u0c5c\u0cdc\u1acf-\u1af0\u208f"
    "\u209d-\u209f\u20c1-\u20c4\u2b96\u2e60-\u2e63\ua7ce-\ua7cf\ua7d2\ua7d4\ua7dd\ua7e2\ua7f1"
    "\uab6c-\uab6d\ufbc3-\ufbd2\ufd90-\ufd91\ufdc8-\ufdce"
)
_DISPUTED_ASTRAL = (
    "\U000107bb-\U000107bf\U00010940-\U00010959\U00010ec5-\U00010efb\U00011b0a\U00011b60-\U00011b67"
    "\U00011db0-\U00011df1\U0001246f\U00012475-\U0001247f\U00012550-\U00012686\U00016ea0-\U00016ed3"
    "\U00016ff2-\U00016ff6\U000187f8-\U000187ff\U00018cd6-\U00018cda\U00018d09-\U00018d20"
    "\U00018d80-\U000191d2\U0001b123-\U0001b128\U0001b168\U0001ccfa-\U0001ccfc\U0001ceba-\U0001cefd"
    "\U0001d127-\U0001d128\U0001d1eb-\U0001d1ff\U0001d250-\U0001d281\U0001d6a6\U0001db00-\U0001db1c"
    "\U0001df1f-\U0001df96\U0001dfcd-\U0001dfff\U0001e6c0-\U0001e6ff\U0001f1ae\U0001f6d8-\U0001f6d9"
    "\U0001f777-\U0001f77a\U0001f7da-\U0001f7db\U0001f7f1-\U0001f7ff\U0001f8d0-\U0001f8d8"
    "\U0001fa54-\U0001fa57\U0001fa8a-\U0001fa8e\U0001fac8-\U0001facd\U0001fadd\U0001faea-\U0001faef"
    "\U0001faf9-\U0001fafa\U0001fbfa\U0002b73a-\U0002b73f\U0002b81e\U0002cea2-\U0002cead"
    "\U000323b0-\U00033479\U0003d000-\U0003fc3f"
)
# Apart, because `re` searches a class of 16-bit characters by bitmap but walks through the ranges of a wider one.
_disputed_bmp = re.compile(f"[{_DISPUTED_BMP}]").search
_disputed_astral = re.compile(f"[{_DISPUTED_ASTRAL}]").search
_astral = re.compile("[\U00010000-\U0010ffff]").search


class SplitError(ValueError):
    """A regular expression that cannot be run on a text, such as one that tries too many ways to match."""


def tokenizers_failed(error: BaseException) -> bool:
    """Whether it comes from inside `tokenizers`, which panics, or raises nothing narrower than Exception."""
    return type(error).__name__ == "PanicException" or type(error) is Exception


def disputed(text: str) -> bool:
    """Whether the text holds a character that `regex` and Oniguruma class differently."""
    if text.isascii():
        return False
    return bool(_disputed_bmp(text) or (_astral(text) and _disputed_astral(text)))


@lru_cache(maxsize=32)
def splitter(pretokenizer: str) -> Callable[[str], list[str]]:
    """A function that cuts a string into its pre-tokens, in order; joined they give the string back.

    It raises UnicodeEncodeError (a ValueError) for a string with lone surrogates, and SplitError for a text on which an
    expression that has no name cannot be run.
    """
    if pretokenizer not in RULES:
        return _split_by_tokenizers(pretokenizer)

    def split(text: str) -> list[str]:
        data = text.encode()
        starts = scan_text(pretokenizer, data)
        if len(data) == len(text):
            return [text[a:b] for a, b in pairwise(starts)]
        return [data[a:b].decode() for a, b in pairwise(starts)]

    return split


def _split_by_tokenizers(pretokenizer: str) -> Callable[[str], list[str]]:
    cut = pre_tokenizers.Split(Regex(pattern_of(pretokenizer)), "isolated").pre_tokenize_str

    def split(text: str) -> list[str]:
        try:
            return [piece for piece, _ in cut(text)] if text else []
        except BaseException as error:
            if not tokenizers_failed(error):
                raise
            raise SplitError(
                f"the regular expression cannot be run on a text of {len(text)} characters: {error}"
            ) from None

    return split


@lru_cache(maxsize=4)
def normalize(normalizer: str) -> Callable[[str], str]:
    """The function of a normaliser name (`none`, `NFC`, `NFKC`), with the tables of `tokenizers`."""
    if normalizer == "none":
        return str
    form = cast(Literal["NFC", "NFKC"], normalizer)
    change = {"NFC": normalizers.NFC, "NFKC": normalizers.NFKC}[form]().normalize_str
    # Most text is normalised already.  Python's tables may be newer: what they leave alone, older ones do too.
    return lambda text: text if unicodedata.is_normalized(form, text) else change(text)
