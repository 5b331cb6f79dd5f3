"""A brief -> lyrics: the embedded English writer, and how the words fit a song. Knows no engine."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from composer.language import foreign
from song.errors import BadRequest
from song.lyrics import Lyrics, Section
from song.request import SEED_LIMIT
from song.sections import canonical, read_form
from song.writing import OTHERS, STRUCTURE, WriteLyrics
from writing.rewrite import rewritten
from writing.writer import KINDS, Writer

__all__ = ["Written", "growing", "rewritten", "write"]

MOST_LINES = 160  # that are not the same, in one song


@dataclass(frozen=True)
class Written:
    """What a writer wrote, and the seed with which it writes the same again."""

    title: str
    lyrics: Lyrics
    seed: int


def write(request: WriteLyrics) -> Written:
    """Write a song. Raises BadRequest for what cannot be written, CannotMake where the writer runs out of lines."""
    *_, last = growing(request)
    return last


def growing(request: WriteLyrics) -> Iterator[Written]:
    """Write a song and give it after every section. Raises as `write` does."""
    if language := foreign(request.brief):
        raise BadRequest("brief", f"seems to be in {language}; {OTHERS}")
    names = [wanted.name for wanted in read_form(request.structure or STRUCTURE)]
    _check(names, request.lines)
    seed = secrets.randbelow(SEED_LIMIT) if request.seed is None else request.seed
    writer = Writer(request, seed)
    title = writer.title()
    sections: list[Section] = []
    for number, name in enumerate(names):
        sections.append(writer.section(name, number))
        yield Written(title, Lyrics(tuple(sections)), seed)


def _check(names: list[str], lines: int) -> None:
    """A song must have something to sing, and not more than anybody would."""
    sung = [name for name in names if canonical(name) in KINDS]
    if not sung:
        raise BadRequest("structure", "nobody sings in these sections; name a verse or a chorus")
    different = [name for place, name in enumerate(sung) if name != "chorus" or name not in sung[:place]]
    if len(different) * lines > MOST_LINES:
        raise BadRequest(
            "structure",
            f"asks for {len(different) * lines} different lines; the writer has at most {MOST_LINES} for one song, so "
            "name fewer sections or ask for fewer lines in each",
        )
