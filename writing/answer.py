"""What a chat model answered, read as lyrics. Nothing is put right: what is not as it was asked for is said."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from song.lyrics import Lyrics
from song.names import one_line
from song.sections import canonical
from writing.prompt import END
from writing.writer import KINDS

STOPS = (END, "<|im_start|>", "<|im_end|>", "<|endoftext|>")  # behind these nothing belongs to the answer
_TITLE = re.compile(r"^[\s*#_\"]*title[\s*_\"]*:(.*)$", re.IGNORECASE)
_LONGEST_TITLE = 120


@dataclass(frozen=True)
class Answer:
    """Lyrics as a model wrote them, and sentences about what is not as it was asked for."""

    title: str
    lyrics: Lyrics
    notices: tuple[str, ...] = ()


def spoken(text: str) -> str:
    """What a model said aloud: without its think block, and up to the first stop sequence."""
    before, begun, thinking = text.partition("<think>")
    _, over, after = (thinking if begun else text).partition("</think>")
    aloud = after if over else before
    ends = [place for stop in STOPS if (place := aloud.find(stop)) >= 0]
    return _printable(aloud[: min(ends, default=len(aloud))])


def stopped(text: str) -> bool:
    """Whether a model that wrote this is past its last word."""
    return end(text, STOPS) is not None


def end(text: str, stops: Sequence[str]) -> int | None:
    """Where the first of `stops` begins that is no thought; None where a text has none."""
    begun = text.find("<think>")
    over = text.find("</think>", begun) if begun >= 0 else 0
    places = [place for stop in stops if over >= 0 and (place := text.find(stop, over)) >= 0]
    return min(places, default=None)


def read(aloud: str, names: Sequence[str], lines: int) -> Answer:
    """What was said as lyrics; `names` are the sections that were asked for, `lines` the lines in each."""
    title, words = _titled(aloud)
    lyrics = Lyrics.parse(words)
    return Answer(title, lyrics, tuple(_wrong(lyrics, names, lines)))


def lines_of(aloud: str) -> list[str]:
    """The lines of an answer that has no sections."""
    return [words for line in aloud.splitlines() if (words := " ".join(line.split()))]


def _titled(aloud: str) -> tuple[str, str]:
    """The title, where a line before the first section is one, and the rest."""
    lines = aloud.splitlines()
    tagged = next((at for at, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    for at, line in enumerate(lines[:tagged]):
        if found := _TITLE.match(line):
            return one_line(found[1].strip(' *#_"“”'), _LONGEST_TITLE), "\n".join(lines[:at] + lines[at + 1 :])
    return "", aloud


def _wrong(lyrics: Lyrics, names: Sequence[str], lines: int) -> list[str]:
    found = [canonical(section.name) for section in lyrics.sections if section.name]
    wanted = [canonical(name) for name in names]
    told = []
    if lyrics.sections and not lyrics.sections[0].name:
        first = lyrics.sections[0].lines[0].text[:60]
        told.append(f'It wrote lines without a section, from "{first}" on; give them a tag, or delete them.')
    if found != wanted:
        told.append(f"Asked for the sections {', '.join(names)}, it wrote {', '.join(found) or 'none'}.")
    counts = {len(one.lines) for one in lyrics.sections if canonical(one.name) in KINDS and one.lines}
    if counts - {lines}:
        told.append(f"Asked for {lines} lines in a section, it wrote {min(counts)} to {max(counts)}.")
    return told


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else "\n" if one == "\n" else " " * (one == "\t") for one in text)
