"""Lyrics -> Section -> Line. Tags as song writers type them: `[verse]`, `Verse 2:`, one line of text a line."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from song.score import Score
from song.sections import is_section

UNSUNG = 2  # lines for which a section without words, an intro or a solo, is taken
_TAG = re.compile(r"\[([^\]]+)\]")
_HEADING = re.compile(
    r"([A-Za-z][\w -]{2,30}):|\[\s*([^\[\]:]+):?"
)  # "Verse 2:" and "[verse": only with a section's name
Timing = Literal["exact", "aligned", "estimated"]  # the best first


@dataclass(frozen=True)
class Line:
    """One sung line; `start` and `end` in seconds where they are known."""

    text: str
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class Section:
    """Lines under one tag; `name` is lower case, e.g. "verse", and empty before the first tag."""

    name: str
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Lyrics:
    """The words of a song. `timing` says what its times are worth: "exact" where they are those of the notes,
    "aligned" where they were heard in the vocal, "estimated" where they were laid out by rule, None where there are
    none."""

    sections: tuple[Section, ...] = field(default=())
    timing: Timing | None = None

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(line for section in self.sections for line in section.lines)

    @classmethod
    def parse(cls, text: str) -> "Lyrics":
        """Read tagged text; empty lines are dropped, text before the first tag is a section without a name."""
        found: list[tuple[str, list[Line]]] = []
        for raw in text.splitlines():
            words = raw.strip()
            if name := _tag(words):
                found.append((name, []))
            elif words:
                if not found:
                    found.append(("", []))
                found[-1][1].append(Line(words))
        return cls(tuple(Section(name, tuple(lines)) for name, lines in found))

    @classmethod
    def sung(cls, score: Score, role: str = "vocals") -> "Lyrics":
        """The words of a score, with the seconds at which they are sung; sections are named by its markers."""
        ends = sorted(note.end for track in score.tracks if track.role == role for note in track.notes)
        found: list[tuple[str, list[Line]]] = []
        words: list[tuple[float, str]] = []
        stanza_over = False
        for place, (beat, text) in enumerate(score.lyrics):
            words.append((beat, text))
            after = score.lyrics[place + 1][0] if place + 1 < len(score.lyrics) else float("inf")
            if text.endswith(("\r", "\n")) or after == float("inf"):
                name = next((m.name.lower() for m in reversed(score.markers) if m.beat <= words[0][0] + 0.5), "")
                if not found or found[-1][0] != name or stanza_over:
                    found.append((name, []))
                last = max((end for end in ends if words[-1][0] < end <= after + 1e-6), default=beat)
                said = "".join(piece for _, piece in words).strip()
                found[-1][1].append(Line(said, _milli(score.seconds(words[0][0])), _milli(score.seconds(last))))
                stanza_over, words = text.endswith("\n"), []
        return cls(tuple(Section(name, tuple(lines)) for name, lines in found), "exact" if found else None)

    def spread(self, start: float, end: float) -> "Lyrics":
        """The same words laid evenly over the seconds from `start` to `end`: every line as long as any other, and a
        section without words as long as UNSUNG lines."""
        shares = sum(len(section.lines) or UNSUNG for section in self.sections)
        step, at, laid = (end - start) / max(1, shares), 0, []
        for section in self.sections:
            places = range(at, at + len(section.lines))
            times = ((_milli(start + step * place), _milli(start + step * (place + 1))) for place in places)
            lines = zip(section.lines, times, strict=True)
            laid.append(replace(section, lines=tuple(Line(line.text, *seconds) for line, seconds in lines)))
            at += len(section.lines) or UNSUNG
        return Lyrics(tuple(laid), "estimated" if self.lines else None)

    def left(self, regions: Iterable[tuple[float, float]], offset: float = 0.0) -> "Lyrics":
        """The timed lines that lie outside of all `regions`, seconds, once everything is `offset` later."""
        spans = tuple(regions)

        def moved(line: Line) -> Iterable[Line]:
            if line.start is None or line.end is None:
                return
            start, end = _milli(line.start + offset), _milli(line.end + offset)
            if start >= 0 and not any(start < last and first < end for first, last in spans):
                yield Line(line.text, start, end)

        parts = (replace(one, lines=tuple(line for old in one.lines for line in moved(old))) for one in self.sections)
        kept = tuple(section for section in parts if section.lines)
        return Lyrics(kept, self.timing if kept else None)

    def __add__(self, other: "Lyrics") -> "Lyrics":
        """Timed words of two, in the order they are sung; worth as much as the worse of them."""
        both = [section for section in (*self.sections, *other.sections) if section.lines]
        worth = [timing for timing in get_args(Timing) if timing in (self.timing, other.timing)]
        return Lyrics(
            tuple(sorted(both, key=lambda section: section.lines[0].start or 0.0)), worth[-1] if worth else None
        )

    def plain(self) -> str:
        """The words alone, with an empty line between sections."""
        return "\n\n".join("\n".join(line.text for line in one.lines) for one in self.sections if one.lines)

    def __str__(self) -> str:
        blocks = ("\n".join([f"[{s.name}]"] * bool(s.name) + [line.text for line in s.lines]) for s in self.sections)
        return "\n\n".join(blocks)


def _tag(words: str) -> str:
    """The name in a line that is a tag; "" in one that is sung."""
    if tag := _TAG.fullmatch(words):
        return tag[1].strip().lower()
    heading = _HEADING.fullmatch(words)
    name = (heading[1] or heading[2]).strip().lower() if heading else ""
    return name if is_section(name) else ""


def unclosed(text: str) -> tuple[str, ...]:
    """What became of each line whose bracket never closes, in a sentence."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        said = line.strip()
        if said.startswith("[") and "]" not in said:
            name = _tag(said)
            what = f"so it is taken for [{name}]" if name else "so it is sung"
            found.append(f'Line {number} begins with a bracket that never closes, {what}: "{said[:40]}"; add a ].')
    return tuple(found)


def _milli(seconds: float) -> float:
    return round(seconds, 3)
