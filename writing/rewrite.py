"""One line or one section written anew, all others as they are."""

from collections.abc import Sequence
from dataclasses import replace

from composer.chance import chance
from composer.voice.text import plain
from song.errors import BadRequest
from song.lyrics import Line, Lyrics, Section
from song.sections import canonical
from song.writing import WriteLyrics
from writing import stock
from writing.writer import KINDS, Writer


def rewritten(lyrics: Lyrics, section: int, line: int | None, request: WriteLyrics, seed: int) -> Lyrics:
    """`lyrics` with one line of a section written anew, or all its lines where `line` is None; both count from 0.

    A line keeps its rhyme. Sections with the same words, a chorus that returns, change together. Raises BadRequest
    where there is no such line.
    """
    check(lyrics, section, line)
    old = lyrics.sections[section]
    writer = Writer(request, seed)
    writer.page.used |= {one.text.lower() for part in lyrics.sections for one in part.lines}
    kind = KINDS.get(canonical(old.name), "verse")
    writer.meters[kind] = _meter(old.lines)
    texts = [one.text for one in old.lines]
    if line is None:
        texts = writer.lines(kind, len(texts), seed % 1000)
    else:
        texts[line] = _line(writer, kind, texts, line, seed)
    return replaced(lyrics, old, tuple(Line(text) for text in texts))


def check(lyrics: Lyrics, section: int, line: int | None) -> None:
    """Raises BadRequest where there is no such line."""
    if not 0 <= section < len(lyrics.sections):
        raise BadRequest("section", f"there are {len(lyrics.sections)}; choose one of them")
    lines = lyrics.sections[section].lines
    if not lines or (line is not None and not 0 <= line < len(lines)):
        raise BadRequest("line", f"this section has {len(lines)} lines; choose one of them")


def replaced(lyrics: Lyrics, old: Section, new: tuple[Line, ...]) -> Lyrics:
    """`lyrics` with new lines in a section, and in those with the same words."""
    return Lyrics(
        tuple(
            replace(one, lines=new) if (one.name, one.lines) == (old.name, old.lines) else one
            for one in lyrics.sections
        )
    )


def _meter(lines: Sequence[Line]) -> int:
    """The meter of lines that are there: what most of them have, within what the writer can keep."""
    counts = sorted(len(stock.stresses(line.text)) for line in lines)
    return max(7, min(10, counts[len(counts) // 2]))


def _line(writer: Writer, kind: str, texts: Sequence[str], place: int, seed: int) -> str:
    """A line that rhymes with the one it replaces, and ends on no word that is there already."""
    family = stock.families().get((plain(texts[place]) or ("",))[-1])
    ends = {plain(text)[-1] for text in texts if plain(text)}
    found = writer.fitting(kind, chance(seed, "line", place))
    fits = [one for one in found if one.line.end not in ends and stock.families()[one.line.end] == family]
    fits = fits or [one for one in found if one.line.end not in ends]
    return max(fits, key=lambda one: (one.score, one.text)).text
