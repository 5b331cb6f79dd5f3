"""What a chat model is asked, word for word: lyrics of a brief, or a part of some lyrics anew."""

from collections.abc import Sequence

from song.lyrics import Lyrics
from song.sections import canonical
from song.writing import WriteLyrics
from writing.writer import KINDS

END = "[end]"  # what a model is to write after its last word
_RHYMES = {
    "AABB": "In every four lines the first rhymes with the second, the third with the fourth (AABB).",
    "ABAB": "In every four lines the first rhymes with the third, the second with the fourth (ABAB).",
    "ABBA": "In every four lines the first rhymes with the fourth, the second with the third (ABBA).",
    "ABCB": "In every four lines the second rhymes with the fourth (ABCB).",
    "AAAA": "In every four lines all rhyme with each other (AAAA).",
    "loose": "Lines end on similar vowels; they need not rhyme exactly.",
}


def song(request: WriteLyrics, names: Sequence[str], language: str) -> str:
    """Lyrics with the sections `names`."""
    tags = ", ".join(f"[{name}]" for name in names)
    played = sorted({f"[{name}]" for name in names if canonical(name) not in KINDS})
    said = [
        f"Write the lyrics of a song in {language}.",
        f"What it is about: {request.brief}",
        *_manner(request),
        f"Its sections, in this order, each tag alone on its line and exactly as it stands here: {tags}.",
        f"Under each tag come {request.lines} lines, each short enough to be sung in one breath.",
        *([f"Nobody sings in {' and '.join(played)}: write the tag and no lines under it."] if played else []),
        "A chorus comes back with the same words. No other line is used twice.",
        'Begin with a line "Title: " and the title of the song. Then write the lyrics and nothing else: no comments, '
        f"no markdown, no translation. After the last line write {END}",
    ]
    return "\n".join(said)


def anew(request: WriteLyrics, lyrics: Lyrics, section: int, line: int | None, language: str) -> str:
    """One line of a section written anew, or all of them where `line` is None; both count from 0."""
    old = lyrics.sections[section].lines
    wanted = [one.text for one in (old if line is None else old[line : line + 1])]
    what = "this line" if len(wanted) == 1 else f"these {len(wanted)} lines"
    said = [
        f"These are the lyrics of a song in {language}:",
        str(lyrics),
        f"What it is about: {request.brief}",
        *_manner(request),
        f"Write {what} of it anew, in other words, with about as many syllables each, rhyming as they do:",
        *wanted,
        f"Answer with {what} in its new words and nothing else: no tags, no comments, no quotes. After it write {END}",
    ]
    return "\n".join(said)


def _manner(request: WriteLyrics) -> list[str]:
    """How the words should feel, and rhyme."""
    return [*([] if request.tone == "auto" else [f"How it feels: {request.tone}."]), _RHYMES[request.rhyme]]
