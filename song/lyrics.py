"""Lyrics -> Section -> Line. Tags as song writers type them: `[verse]`, `[chorus]`, one line of text a line."""

import re
from dataclasses import dataclass, field

from song.score import Score

_TAG = re.compile(r"^\[([^\]]+)\]$")


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
    """The words of a song."""

    sections: tuple[Section, ...] = field(default=())

    @classmethod
    def parse(cls, text: str) -> "Lyrics":
        """Read tagged text; empty lines are dropped, text before the first tag is a section without a name."""
        found: list[tuple[str, list[Line]]] = []
        for raw in text.splitlines():
            words = raw.strip()
            if tag := _TAG.match(words):
                found.append((tag[1].strip().lower(), []))
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
                found[-1][1].append(Line(said, score.seconds(words[0][0]), score.seconds(last)))
                stanza_over, words = text.endswith("\n"), []
        return cls(tuple(Section(name, tuple(lines)) for name, lines in found))

    def as_lrc(self) -> str:
        """Timed lines as players of music read them: `[01:23.45]line`; lines without a time are left out."""
        timed = [line for section in self.sections for line in section.lines if line.start is not None]
        return "".join(f"[{_clock(line.start or 0.0)}]{line.text}\n" for line in timed)

    def __str__(self) -> str:
        blocks = ("\n".join([f"[{s.name}]"] * bool(s.name) + [line.text for line in s.lines]) for s in self.sections)
        return "\n\n".join(blocks)


def _clock(seconds: float) -> str:
    hundredths = round(seconds * 100)
    return f"{hundredths // 6000:02d}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"
