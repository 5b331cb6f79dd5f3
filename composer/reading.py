"""A text that is read piece by piece: what has been understood is blanked out, so that nothing is read twice."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache


@dataclass
class Reading:
    """The text in three shapes: as typed, lower case, and lower case with what was understood blanked out."""

    typed: str
    notices: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.typed = self.typed.replace("’", "'").replace("‘", "'").replace("–", "-").replace("—", ", ")
        self.low = "".join(map(_plain, self.typed))
        self.left = self.low

    def take(self, start: int, end: int) -> None:
        self.left = self.left[:start] + " " * (end - start) + self.left[end:]


@lru_cache(maxsize=1024)
def _plain(letter: str) -> str:
    """A letter in lower case without its accent; always one, so that places in the text stay what they are."""
    base = unicodedata.normalize("NFD", letter)[:1] if letter.isalpha() else letter
    return base.lower() if len(base.lower()) == 1 else letter


def phrase(words: Iterable[str]) -> re.Pattern[str]:
    """A pattern that finds any of some words or phrases, the longest first, not inside other words."""
    return _compiled(tuple(words))


@lru_cache(maxsize=64)
def _compiled(words: tuple[str, ...]) -> re.Pattern[str]:
    if not words:
        return re.compile(r"(?!)")  # an empty choice would be found between any two signs
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return re.compile(r"(?<![\w&'])(" + "|".join(re.escape(word) for word in longest_first) + r")(?![\w'])")


def first_phrase(text: Reading, words: Iterable[str], masked: bool = False) -> str | None:
    match = phrase(words).search(text.left)
    if match and masked and (" " in match[1] or "&" in match[1]):
        text.take(*match.span())  # "drum and bass" names no instruments
    return match[1] if match else None


def distance(one: str, other: str, limit: int) -> int:
    """Letters to add, drop, change or swap with their neighbour (Damerau 1964), counted up to `limit` + 1."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, against in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != against))
            if older and j > 1 and letter == other[j - 2] and one[i - 2] == against:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]
