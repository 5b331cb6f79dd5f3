"""A brief -> lyrics: by the embedded English writer, or by a chat model. Knows no engine.

The embedded writer needs a moment and may write anywhere; a model is loaded where engines are, see backend.py.
"""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from checkpoints.reading import check_intact
from composer.language import foreign
from song.errors import BadRequest, CannotMake
from song.lyrics import Line, Lyrics, Section
from song.names import one_line
from song.progress import Progress
from song.request import SEED_LIMIT
from song.sections import canonical, read_form
from song.writing import OTHERS, STRUCTURE, WriteLyrics
from writing import answer, chat, prompt, rewrite, writers
from writing.writer import KINDS
from writing.writer import Writer as Embedded
from writing.writers import Writer, chosen

__all__ = ["Part", "Written", "chosen", "growing", "model", "so_far", "unread", "write"]

MOST_LINES = 160  # that are not the same, in one song
CREDIT = 400  # characters that it takes to say who wrote some words
MODEL_KNOBS = ("temperature", "top_p", "top_k", "max_tokens")


@dataclass(frozen=True)
class Written:
    """What a writer wrote, the seed with which it writes the same again, and sentences that the user should see.

    credit  who wrote it: writer, version, licence, seed and brief; goes with the words
    stage   what is going on while it is not done
    """

    title: str
    lyrics: Lyrics
    seed: int
    writer: str = writers.EMBEDDED
    notices: tuple[str, ...] = ()
    credit: str = ""
    stage: str = ""

    def summary(self) -> dict[str, Any]:
        """As scripts see it, without the words."""
        told = {"title": self.title, "seed": self.seed, "writer": self.writer, "notices": list(self.notices)}
        return told | {"credit": self.credit}


@dataclass(frozen=True)
class Part:
    """What is written anew of some lyrics: a section, or one line of it; both count from 0."""

    lyrics: Lyrics
    section: int
    line: int | None = None

    def check(self) -> None:
        """Raises BadRequest where there is no such line."""
        rewrite.check(self.lyrics, self.section, self.line)


# --- the embedded writer ----------------------------------------------------------------------------------------------


def write(request: WriteLyrics) -> Written:
    """A song by the embedded writer. Raises as `growing` does."""
    *_, last = growing(request)
    return last


def growing(request: WriteLyrics, part: Part | None = None) -> Iterator[Written]:
    """A song by the embedded writer, after every section; or `part` of one anew. Raises BadRequest for what cannot be
    written, CannotMake where the writer runs out of lines."""
    who = chosen(request)
    seed = secrets.randbelow(SEED_LIMIT) if request.seed is None else request.seed
    done = Written("", Lyrics(), seed, who.name, _told(who, request), credit(who, request, seed))
    if part is not None:
        if language := foreign(str(part.lyrics)):
            raise BadRequest("lyrics", f"seem to be in {language}; {OTHERS}")
        yield replace(done, lyrics=rewrite.rewritten(part.lyrics, part.section, part.line, request, seed))
        return
    names = _sections(request)
    writer = Embedded(request, seed)
    title = writer.title()
    sections: list[Section] = []
    for number, name in enumerate(names, 1):
        sections.append(writer.section(name, number - 1))
        stage = "" if number == len(names) else "Writing"
        yield replace(done, title=title, lyrics=Lyrics(tuple(sections)), stage=stage)


def _sections(request: WriteLyrics) -> list[str]:
    """The sections that are asked for. There must be something to sing, and not more than anybody would."""
    names = [wanted.name for wanted in read_form(request.structure or STRUCTURE)]
    sung = [name for name in names if canonical(name) in KINDS]
    if not sung:
        raise BadRequest("structure", "nobody sings in these sections; name a verse or a chorus")
    different = [name for place, name in enumerate(sung) if name != "chorus" or name not in sung[:place]]
    if len(different) * request.lines > MOST_LINES:
        raise BadRequest(
            "structure",
            f"asks for {len(different) * request.lines} different lines; a song has at most {MOST_LINES}, so "
            "name fewer sections or ask for fewer lines in each",
        )
    return names


# --- a chat model -----------------------------------------------------------------------------------------------------


def model(
    request: WriteLyrics, part: Part | None, seed: int, hear: Callable[[str], None], progress: Progress
) -> Written:
    """Let the chat model write that `request` means. `hear` gets what it says, whole lines, as they come. Raises
    BadRequest, EngineMissing, NotEnoughMemory, CannotMake, and whatever `progress` raises."""
    who = chosen(request)
    assert who.folder is not None, who
    names = [] if part else _sections(request)
    asked = (
        prompt.anew(request, part.lyrics, part.section, part.line, who.language)
        if part
        else prompt.song(request, names, who.language)
    )
    check_intact(who.name, who.folder, progress)
    progress(0.0, f"Loading {who.name}")
    loaded = chat.loaded(who.name, who.folder, request.max_tokens)
    said = loaded.say(asked, request, seed, _line_by_line(hear), progress)
    aloud = answer.spoken(said.text)
    if not aloud.strip():
        raise CannotMake(f"{who.name} wrote no words; try another seed, more tokens or another writer.")
    done = Written("", Lyrics(), seed, who.name, _told(who, request), credit(who, request, seed))
    if said.cut:
        cut = f"{who.name} was cut off after {said.tokens} tokens; raise max tokens to let it go on."
        done = replace(done, notices=(*done.notices, cut))
    if said.unused:
        left = f"{who.name} was published with {one_line(', '.join(said.unused), 200)}, which the studio does not use."
        done = replace(done, notices=(*done.notices, left))
    if part:
        return _with(done, part, answer.lines_of(aloud))
    found = answer.read(aloud, names, request.lines)
    return replace(done, title=found.title, lyrics=found.lyrics, notices=(*done.notices, *found.notices))


def so_far(aloud: str, request: WriteLyrics, seed: int, stage: str, part: Part | None = None) -> Written:
    """A song in the making, of what was said aloud so far; of a part written anew, the song as it was."""
    if part is not None:
        return Written("", part.lyrics, seed, stage=stage)
    found = answer.read(aloud, (), request.lines)
    return Written(found.title, found.lyrics, seed, stage=stage)


def _line_by_line(hear: Callable[[str], None]) -> Callable[[str], None]:
    """Gets the text so far again and again, thoughts and all; gives what is new in whole lines."""
    told = 0

    def tell(text: str) -> None:
        nonlocal told
        whole = answer.spoken(text).rpartition("\n")[0]
        if len(whole) > told:
            hear(whole[told:])
            told = len(whole)

    return tell


def _with(done: Written, part: Part, lines: list[str]) -> Written:
    """The lyrics with the new lines in their place. As many as there were, or it is said."""
    old = part.lyrics.sections[part.section]
    wanted = len(old.lines) if part.line is None else 1
    if len(lines) < wanted:
        raise CannotMake(f"{done.writer} wrote {len(lines)} of {wanted} lines; try another seed, or another writer.")
    new = [Line(text) for text in lines[:wanted]]
    kept = list(old.lines)
    kept[slice(None) if part.line is None else slice(part.line, part.line + 1)] = new
    left = lines[wanted:]
    more = (
        (f'It wrote more than was asked for, which was left out: "{one_line(" / ".join(left), 200)}".',) if left else ()
    )
    return replace(done, lyrics=rewrite.replaced(part.lyrics, old, tuple(kept)), notices=(*done.notices, *more))


# --- who wrote --------------------------------------------------------------------------------------------------------


def credit(who: Writer, request: WriteLyrics, seed: int) -> str:
    """Who wrote some words, in one line: "qwen3-4b-instruct-2507 cdbee75f17c0 (Apache-2.0), seed 5: the sea"."""
    licence = f" ({who.licence})" if who.licence else ""
    return one_line(f"{who.name} {who.version}{licence}, seed {seed}: {request.brief}", CREDIT)


def unread(who: Writer, request: WriteLyrics) -> tuple[str, ...]:
    """Knobs that were turned but mean nothing to this writer."""
    fields = type(request).model_fields
    if who.folder is not None:
        return ()
    return tuple(name for name in MODEL_KNOBS if getattr(request, name) != fields[name].default)


def _told(who: Writer, request: WriteLyrics) -> tuple[str, ...]:
    idle = ", ".join(name.replace("_", " ") for name in unread(who, request))
    if who.folder is None:  # whoever is asked for by name, or expected, needs no introduction
        return (f"The embedded writer does not use: {idle}.",) if idle else ()
    return (f"Written in {who.language} by {who.name}: {who.why}.",)
