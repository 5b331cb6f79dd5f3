"""Sung words as they were typed: the singer is told "nineteen eighty four" in two breaths, a reader sees "1984"."""

from dataclasses import replace

from composer.stanzas import broken
from composer.voice.text import plain
from song.lyrics import Line, Lyrics, Section

Words = tuple[str, ...]


def as_typed(sung: Lyrics, typed: Lyrics) -> Lyrics:
    """Timed lines with the text that they have in `typed`, one line each however many breaths it took. What is not
    found there, a line that an edit has cut, stays as it is sung."""
    known: dict[tuple[Words, ...], str] = {}
    for line in typed.lines:
        known.setdefault(tuple(plain(piece) for piece in broken(line.text)), line.text)
    return replace(sung, sections=tuple(_section(section, known) for section in sung.sections))


def _section(section: Section, known: dict[tuple[Words, ...], str]) -> Section:
    breaths = [plain(line.text) for line in section.lines]
    most = max(map(len, known), default=1)
    lines: list[Line] = []
    at = 0
    while at < len(breaths):
        count = next((n for n in range(min(most, len(breaths) - at), 0, -1) if tuple(breaths[at : at + n]) in known), 0)
        first, last = section.lines[at], section.lines[at + max(1, count) - 1]
        text = known[tuple(breaths[at : at + count])] if count else first.text
        lines.append(Line(text, first.start, last.end))
        at += max(1, count)
    return replace(section, lines=tuple(lines))
