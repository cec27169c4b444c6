"""Splinter: words as a root and the letters taken out of it (Gazit et al. 2025, arXiv 2503.14433), losing no text.

What is learned follows the authors' code (MeLeLBGU/Splintering, MIT); how text is written is our own, because theirs
drops punctuation and marks and puts the new letters among Chinese characters.  Only runs of 4 to 32 letters of the
alphabet are rewritten, as `root, reductions`; a reduction (which letter goes where) is one private-use character from
U+F0002 on, the most frequent first.  Everything else stays as it is, except that
- a character of U+F0000..U+FFFFD in the text gets U+F0000 before it;
- a rewritten run at the start of a pre-token gets U+F0001 before it, as letters may end the one before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lexmill.tokenizer.splinter_kernel import ROOT, reduce_words

SHORTEST, LONGEST = ROOT + 1, 32
_MIDDLE = LONGEST // 2
_ESCAPE, _START, _FIRST, _LAST = "\U000f0000", "\U000f0001", 0xF0002, 0xFFFFD
_TRIED = 3  # reductions of a word that learning looks at

ALPHABETS: dict[str, str] = {
    "hebrew": "".join(map(chr, range(0x5D0, 0x5EB))),
    "arabic": "".join(map(chr, range(0x621, 0x64B))),
    "malay": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
}
_FINALS = dict(zip("ךםןףץכמנפצ", "כמנפצךםןףץ", strict=True))

Reduction = tuple[int, int]
"""(offset, letter number): the place of a letter in the word that has it, negative from the end."""


@dataclass(frozen=True)
class Reductions:
    """The reductions of words of each length, and how text is rewritten with them.

    by_length: {length: {reduction: score, 0..1}}; codes: the reductions in the order of their characters.
    """

    alphabet: str
    by_length: Mapping[int, Mapping[Reduction, float]]
    codes: tuple[Reduction, ...]
    _known: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def rewrite(self, pretokens: Sequence[str]) -> list[str]:
        """The rewritten pre-tokens."""
        letters = ALPHABETS[self.alphabet]
        runs = re.compile(f"[{letters}]+|[{_ESCAPE}-{chr(_LAST)}]")
        self._learn({run for text in pretokens for run in runs.findall(text)})

        def replace(match: re.Match[str]) -> str:
            run = match.group()
            if run >= _ESCAPE:
                return _ESCAPE + run
            written = self._known.get(run, run)
            return _START + written if match.start() == 0 and written != run else written

        return [runs.sub(replace, text) for text in pretokens]

    def restore(self, text: str) -> str:
        """The text that was rewritten; of any other text something sensible."""
        letters = ALPHABETS[self.alphabet]
        last = chr(_FIRST + max(0, len(self.codes) - 1))
        written = re.compile(
            f"{_ESCAPE}(.)|{_START}?([{letters}]+)([{chr(_FIRST)}-{last}]+)|[{_START}-{chr(_LAST)}]",
            re.DOTALL,
        )

        def replace(match: re.Match[str]) -> str:
            if match[1]:
                return match[1]
            return self._joined(match[2], match[3]) if match[2] else ""

        return written.sub(replace, text)

    def _joined(self, root: str, reductions: str) -> str:
        """The word of a root and its reductions."""
        alphabet, word = ALPHABETS[self.alphabet], list(root)
        for char in reductions:
            offset, letter = self.codes[ord(char) - _FIRST]
            place = offset if offset >= 0 else max(0, len(word) + 1 + offset)
            word.insert(place, alphabet[letter])
        return swap_final("".join(word))

    def _learn(self, runs: set[str]) -> None:
        """Put the rewritten forms of words not met before into `_known`."""
        new = sorted(run for run in runs if SHORTEST <= len(run) <= LONGEST and run not in self._known)
        if not new or not self.codes:
            return
        alphabet = ALPHABETS[self.alphabet]
        number = {ord(letter): index for index, letter in enumerate(alphabet)}
        flat = "".join(map(swap_final, new)).translate(number).encode("latin-1")
        offsets = np.zeros(len(new) + 1, np.int64)
        np.cumsum([len(run) for run in new], out=offsets[1:])
        roots, out = reduce_words(np.frombuffer(flat, np.uint8), offsets, self._scores())
        char = {_slot(key, alphabet): chr(_FIRST + code) for code, key in enumerate(self.codes)}
        cells, ends = out.tolist(), offsets.tolist()
        for run, begin, end, root in zip(new, ends, ends[1:], roots.tolist(), strict=False):
            if root < len(run):
                kept = "".join(alphabet[cell] for cell in cells[begin : begin + root])
                self._known[run] = kept + "".join(char[cell] for cell in cells[begin + root : end])

    def _scores(self) -> np.ndarray:
        """float64[length, offset + middle, letter], as the kernel reads it."""
        scores = np.zeros((LONGEST + 1, 2 * _MIDDLE, len(ALPHABETS[self.alphabet])))
        for length, reductions in self.by_length.items():
            for (offset, letter), score in reductions.items():
                scores[length, offset + _MIDDLE, letter] = score
        return scores


def swap_final(word: str) -> str:
    """The word with its last letter in the other form, where Hebrew has a final one; twice gives the word back."""
    return word[:-1] + _FINALS.get(word[-1:], word[-1:])


def learn_reductions(alphabet: str, counts: Mapping[str, int], floor: int) -> Reductions:
    """Learn from words (runs of letters) with their weighted counts those that occur at least `floor` times.

    First every letter without which a word is another word counts for its place; then each word counts only the best of
    its three most frequent reductions, by the reduction's share and how frequent the shorter word is.
    """
    number = {letter: index for index, letter in enumerate(ALPHABETS[alphabet])}
    frequent: dict[str, int] = {}
    for word, count in counts.items():
        if count >= floor and 1 < len(word) <= LONGEST:
            frequent[swap_final(word)] = frequent.get(swap_final(word), 0) + count
    most = max(frequent.values(), default=1)
    score = {word: count / most for word, count in frequent.items()}
    by_length: dict[int, dict[Reduction, float]] = {}
    totals: dict[Reduction, int] = {}
    for length in range(SHORTEST, LONGEST + 1):
        words = sorted(word for word in score if len(word) == length)
        possible = {word: _attested(word, score, number) for word in words}
        shares = _shares([key for options in possible.values() for key, _ in options])
        chosen: list[Reduction] = []
        for word, options in possible.items():
            ranked = sorted(options, key=lambda option: (-shares[option[0]], option[0]))[:_TRIED]
            if ranked:
                best = max(ranked, key=lambda option: shares[option[0]] * score[option[1]])
                chosen.append(best[0])
                score[word] *= shares[best[0]] * score[best[1]]
        if chosen:
            by_length[length] = _shares(chosen)
        for key in chosen:
            totals[key] = totals.get(key, 0) + 1
    return Reductions(alphabet, by_length, tuple(sorted(totals, key=lambda key: (-totals[key], key))))


def _attested(
    word: str, score: Mapping[str, float], number: Mapping[str, int]
) -> list[tuple[Reduction, str]]:
    """The reductions of a word that leave another known word, with that word."""
    size = len(word)
    shorter = ((place, word[:place] + word[place + 1 :]) for place in range(size))
    return [
        ((place if place < size - size // 2 else place - size, number[word[place]]), rest)
        for place, rest in shorter
        if rest in score
    ]


def _shares(keys: Sequence[Reduction]) -> dict[Reduction, float]:
    counts: dict[Reduction, int] = {}
    for key in keys:
        counts[key] = counts.get(key, 0) + 1
    return {key: counts[key] / len(keys) for key in sorted(counts)}


def _slot(key: Reduction, alphabet: str) -> int:
    """The number that the kernel gives a reduction."""
    return (key[0] + _MIDDLE) * len(alphabet) + key[1]
