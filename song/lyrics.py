"""Lyrics -> Section -> Line. Tags as song writers type them: `[verse]`, `[chorus]`, one line of text a line."""

import re
from dataclasses import dataclass, field

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

    def __str__(self) -> str:
        blocks = ("\n".join([f"[{s.name}]"] * bool(s.name) + [line.text for line in s.lines]) for s in self.sections)
        return "\n\n".join(blocks)
