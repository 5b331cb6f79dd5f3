"""What to do about words that do not fit their song: a longer song, a line in two, or fewer lines."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from composer.syllables import syllables
from song.errors import BadRequest
from song.lyrics import Line, Lyrics
from song.request import Song, fields, limits
from writing.fit import SectionFit, measure
from writing.rewrite import check, replaced

_STEP = 1.05  # how much longer the next length is that is tried
_COMMA = 1.5  # syllables that halves may differ more by where a line is parted at a comma


def more_seconds(words: str, asked: Mapping[str, Any]) -> int:
    """The shortest length, in whole seconds and to 5 %, in which all words have room. Raises BadRequest where none has
    it."""
    found = measure(words, asked)
    longest = int(limits(fields(Song)["duration"])[1] or 0)
    needed = sum(section.needs for section in found)
    seconds = max(5, math.ceil(needed * 0.8), math.floor(asked.get("duration") or 0) + 1)
    while seconds <= longest:
        if all(_fits(section) for section in measure(words, {**asked, "duration": float(seconds)})):
            return seconds
        seconds = math.ceil(seconds * _STEP)
    raise BadRequest("duration", f"even {longest} s are too short for these words; take some out, or split long lines")


def split(words: str, section: int, line: int) -> str:
    """The words with one line in two halves, parted at a comma where one is near the middle; both count from 0."""
    lyrics = Lyrics.parse(words)
    check(lyrics, section, line)
    old = lyrics.sections[section]
    said = old.lines[line].text.split()
    if len(said) < 2:
        raise BadRequest("line", "has one word only, so it cannot be split; choose a shorter word")
    cut = min(range(1, len(said)), key=lambda at: _uneven(said, at))
    first, second = " ".join(said[:cut]), " ".join(said[cut:])
    if first[:1].isupper():
        second = second[:1].upper() + second[1:]
    lines = (*old.lines[:line], Line(first), Line(second), *old.lines[line + 1 :])
    return str(replaced(lyrics, old, lines))


def fewer_lines(words: str, asked: Mapping[str, Any], section: int) -> str:
    """The words without as many of a section's last lines as it takes until the others have room, one line at least."""
    lyrics = Lyrics.parse(words)
    check(lyrics, section, None)
    while len((old := lyrics.sections[section]).lines) > 1:
        lyrics = replaced(lyrics, old, old.lines[:-1])
        if all(_fits(found) for found in measure(str(lyrics), asked) if found.place == section):
            break
    return str(lyrics)


def _fits(section: SectionFit) -> bool:
    return all(line.colour == "green" for line in section.lines)


def _uneven(said: Sequence[str], at: int) -> float:
    """How badly a line is parted before its word `at`."""
    first, second = (syllables(" ".join(part)) for part in (said[:at], said[at:]))
    return abs(first - second) - (_COMMA if said[at - 1][-1] in ",;:.!?" else 0.0)
