"""What the writer writes with: lines that end on a rhyme, theme by theme, each in several wordings.

A theme is a text file: the words that call it, nouns that stand alone after "the", titles, then lines under [verse],
[chorus] and [bridge]. `{a|b|}` are wordings of which one is taken, so that a line fits a meter; `@` is what the song is
about; `h:` in front names the tones that suit a line, all where there is none.
"""

import itertools
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from composer.voice.letters import FUNCTION_WORDS, parts
from composer.voice.text import plain

HERE = Path(__file__).parent
TOPIC = "@"
ANY, ABOUT = "any", "topic"  # themes that suit every brief; those lines that name what it is about
TONES = {"h": "hopeful", "s": "sad", "t": "tender", "d": "defiant", "m": "dreamy"}
_TABLES = ("rhymes", "said")
_TAGGED = re.compile(r"^([a-z]{1,4}): (.*)$")
_WORDINGS = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Wording:
    """One way to say a line. `stresses` has a character for each syllable, "1" where it is strong; what the song is
    about is not counted."""

    text: str
    stresses: str


@dataclass(frozen=True)
class Stock:
    """A line: its theme, the kind of section that sings it, the tones that suit it, its last word and its wordings."""

    theme: str
    kind: str
    tones: frozenset[str]
    pattern: str
    end: str
    number: int  # its place in the theme: lines that belong together follow each other

    @cached_property
    def wordings(self) -> tuple[Wording, ...]:
        """Every wording of the line, counted when somebody first looks for a line of its kind."""
        return tuple(Wording(one, stresses(one.replace(TOPIC, " "))) for one in _worded(self.pattern))


@dataclass(frozen=True)
class Theme:
    """What songs are about: the words that call it, nouns among them, titles, and its lines."""

    name: str
    words: frozenset[str]
    nouns: frozenset[str]
    titles: tuple[str, ...]
    lines: tuple[Stock, ...]


def stresses(text: str) -> str:
    """A character for each syllable of a line, "1" where it is strong; words of grammar are weak."""
    return "".join(_beats(word) for word in plain(text))


@lru_cache(maxsize=4096)
def _beats(word: str) -> str:
    said = _said().get(word) or "".join(str(stress) for _, stress in parts(word))
    return "0" * len(said) if word in FUNCTION_WORDS else said


@lru_cache(maxsize=1)
def _said() -> dict[str, str]:
    """Words that the rules of letters count wrongly -> their syllables."""
    rows = (HERE / "said.txt").read_text("utf-8").splitlines()
    told = [word for row in rows if not row.startswith("#") for word in row.split()]
    return dict(zip(told[::2], told[1::2], strict=True))


@lru_cache(maxsize=1)
def themes() -> dict[str, Theme]:
    """All themes by name. Read once."""
    return {path.stem: _theme(path) for path in sorted(HERE.glob("*.txt")) if path.stem not in _TABLES}


@lru_cache(maxsize=1)
def families() -> dict[str, int]:
    """Rhyming words -> the number of their family: words of one number rhyme."""
    rows = (HERE / "rhymes.txt").read_text("utf-8").splitlines()
    return {word: number for number, row in enumerate(rows) if not row.startswith("#") for word in row.split()}


def _theme(path: Path) -> Theme:
    head: dict[str, str] = {}
    lines: list[Stock] = []
    kind = ""
    for row in path.read_text("utf-8").splitlines():
        if row.startswith("["):
            kind = row.strip("[]")
        elif not kind:
            name, _, said = row.partition(":")
            head[name] = said
        elif row:
            lines.append(_stock(path.stem, kind, row, len(lines)))
    titles = tuple(title.strip() for title in head["titles"].split("|") if title.strip())
    return Theme(path.stem, frozenset(head["words"].split()), frozenset(head["nouns"].split()), titles, tuple(lines))


def _stock(theme: str, kind: str, row: str, number: int) -> Stock:
    tagged = _TAGGED.match(row)
    letters, text = (tagged[1], tagged[2]) if tagged else ("", row)
    end = plain(_WORDINGS.sub("", text) or text)[-1]
    return Stock(theme, kind, frozenset(TONES[letter] for letter in letters), text, end, number)


def _worded(text: str) -> list[str]:
    """Every wording of a line."""
    pieces = _WORDINGS.split(text)
    options = [piece.split("|") if place % 2 else [piece] for place, piece in enumerate(pieces)]
    found = (" ".join("".join(chosen).split()) for chosen in itertools.product(*options))
    return [one[:1].upper() + one[1:] for one in found]
