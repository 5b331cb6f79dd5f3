"""Lyrics as people type them -> words that can be sung: a-z and apostrophes, numbers spelled out."""

import re
import unicodedata
from itertools import pairwise

_NUMBERS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen twenty thirty forty fifty sixty seventy eighty ninety
"""
_ONES, _TENS = _NUMBERS.split()[:20], _NUMBERS.split()[20:]
_SIGNS = {"&": " and ", "@": " at ", "%": " percent ", "+": " plus ", "’": "'", "‘": "'", "`": "'", "ß": "ss",
          "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l"}  # fmt: skip
_MONEY = re.compile(r"([$€£])(\d+)")
_COINS = {"$": "dollar", "€": "euro", "£": "pound"}
_TOKEN = re.compile(r"[a-z']+|\d+")
_LONGEST_WORD = 40


def plain(text: str) -> tuple[str, ...]:
    """The words of a text: `plain("It's 24 o’clock!")` is ("it's", "twenty", "four", "o'clock")."""
    folded = "".join(_SIGNS.get(mark, mark) for mark in text.lower())
    folded = _MONEY.sub(lambda sum: f"{sum[2]} {_COINS[sum[1]]}{'s' * (sum[2] != '1')}", folded)
    folded = unicodedata.normalize("NFKD", folded)
    words: list[str] = []
    for token in _TOKEN.findall("".join(mark for mark in folded if not unicodedata.combining(mark))):
        if token[0].isdigit():
            words += _spelled(token)
        elif any(mark != "'" for mark in token):
            words.append(_trimmed(token)[:_LONGEST_WORD])
    return tuple(words)


def _trimmed(token: str) -> str:
    """Quotation marks go; the apostrophe of 'cause, lovin' and its kind stays silent as well."""
    return re.sub(r"'+", "'", token).strip("'")


def _spelled(digits: str) -> list[str]:
    """A number in words; years in pairs, long numbers digit by digit."""
    value = int(digits[:12])
    if len(digits) > 4 or digits[0] == "0":
        return [_ONES[int(digit)] for digit in digits[:12]]
    if 1000 <= value < 10_000 and value % 1000 >= 10 and value % 100 and value // 100 % 10:
        return _below_hundred(value // 100) + (["oh"] if value % 100 < 10 else []) + _below_hundred(value % 100)
    words: list[str] = []
    for size, name in ((1000, "thousand"), (100, "hundred")):
        if value >= size:
            words += [_ONES[value // size], name]
            value %= size
    return words + _below_hundred(value) if value or not words else words


def _below_hundred(value: int) -> list[str]:
    if value < 20:
        return [_ONES[value]]
    return [_TENS[value // 10 - 2], *([_ONES[value % 10]] if value % 10 else [])]


def parted(word: str, count: int) -> tuple[str, ...]:
    """A written word in `count` syllables, as hyphens would part it: `parted("Walking,", 2)` is ("Walk", "ing,")."""
    groups = [found.span() for found in re.finditer(r"[aeiouyàáâäèéêëìíîïòóôöùúûü]+", word.lower())]
    while len(groups) > count and len(groups) > 1:
        groups.pop(_silent(word.lower(), groups))
    cuts = [0]
    for (_, end), (start, _) in pairwise(groups):
        cuts.append(end if start - end == 1 else end + (start - end) // 2)
    pieces = [word[a:b] for a, b in zip(cuts, [*cuts[1:], len(word)], strict=True)]
    while len(pieces) < count:  # more syllables than we see vowels: cut the longest piece
        place = max(range(len(pieces)), key=lambda place: (len(pieces[place]), -place))
        piece = pieces[place]
        if len(piece) < 2:
            return (*pieces, *[""] * (count - len(pieces)))
        pieces[place : place + 1] = [piece[: (len(piece) + 1) // 2], piece[(len(piece) + 1) // 2 :]]
    return tuple(pieces)


_MUTE = re.compile(r"[^aeiouy](e)(?:[sd]?|ly|ful|less|ment|ness)\W*$")


def _silent(word: str, groups: list[tuple[int, int]]) -> int:
    """Which vowel group to give up: a silent e, else the one nearest behind another."""
    mute = _MUTE.search(word)
    where = [span[0] for span in groups]
    if mute and mute.start(1) in where[1:]:
        return where.index(mute.start(1))
    return min(range(1, len(groups)), key=lambda place: groups[place][0] - groups[place - 1][1])
