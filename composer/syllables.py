"""How many syllables words of any language have, by the letters alone.

Rules, no dictionary: a syllable for each sign of Chinese, Hangul and kana (small ya, yu, yo belong to the one before);
for each vowel letter of Cyrillic; for each group of vowel letters of Latin and Greek, a diaeresis opening a new one;
for each consonant of an Indic script that no virama silences, and each vowel of its own. Where vowels are not written
(Arabic, Hebrew), and in all other scripts, two letters are taken for a syllable. So the count is an estimate; English
has a better one in composer.stanzas.
"""

import re
import unicodedata

_VOWELS = {"LATIN": "aeiouyæœøı", "GREEK": "αεηιουω", "CYRILLIC": "аеиоуыэюяіїєёў"}
_SIGNS = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL")
_SMALL = frozenset("ゃゅょャュョぁぃぅぇぉァィゥェォー")
_INDIC = ("DEVANAGARI", "BENGALI", "TAMIL", "TELUGU", "GURMUKHI")


def syllables(text: str) -> int:
    """Of a line; 0 where it has no letter."""
    return sum(_word(word) for word in _words(text))


def _words(text: str) -> list[str]:
    """Words with their marks: vowels of Indic scripts are marks, not letters."""
    kept = (one if one.isalpha() or unicodedata.category(one)[0] == "M" or one in "'’" else " " for one in text)
    return [word for word in "".join(kept).split() if any(one.isalpha() for one in word)]


def _word(word: str) -> int:
    script = _script(next(one for one in word if one.isalpha()))
    if script in _SIGNS:
        return max(1, sum(one.isalpha() and one not in _SMALL for one in word))
    if script == "CYRILLIC":
        return max(1, sum(one in _VOWELS[script] for one in unicodedata.normalize("NFC", word.lower())))
    if script in _VOWELS:
        return max(1, len(re.findall(f"[{_VOWELS[script]}]+", _plain(word))))
    if script in _INDIC:
        silent = sum(unicodedata.name(one, "").endswith(("VIRAMA", "PULLI")) for one in word)
        return max(1, sum(one.isalpha() for one in word) - silent)
    return max(1, (sum(one.isalpha() for one in word) + 1) // 2)


def _script(letter: str) -> str:
    return unicodedata.name(letter, "?").split()[0]


def _plain(word: str) -> str:
    """Without accents; a mark parts a vowel with a diaeresis from the vowel before it. The umlauts of German and its
    like follow consonants, mostly."""
    marked = unicodedata.normalize("NFD", re.sub(r"(?<=[aeiouy])(?=[ïëüö])", "-", word.lower()))
    return "".join(one for one in marked if not unicodedata.combining(one))
