"""Chords and sections that stand in the words themselves: "chords Am F C G", "intro, verse, chorus, outro"."""

import re

from composer.reading import Reading
from song.chart import read_chart
from song.sections import NAMES, read_form

_SIGN = r"(?:#|b|♯|♭)?"
_KIND = (
    r"(?:maj|min|dim|aug|sus|add|m|M|°|ø|Δ|\+|-(?=\d))?(?:6/9|\d{1,2})?(?:sus[24]?|add\d{1,2}|maj7|alt|[b#]\d{1,2})*"
)
_CHORD = rf"[A-G]{_SIGN}{_KIND}(?:/[A-G]{_SIGN})?(?![\w#♯♭'])"
_ANNOUNCED = r"(?:chords?|progression|changes|chord sequence|vamp)\s*(?:is|are|of|on|like|:|=)?\s*"
_TAGGED = r"\b(?i:intro|verse|pre-?chorus|chorus|bridge|outro)(?: \d)?\s*:\s*"
_RUNS = (  # under section names; with bar lines; announced, in any writing; joined by dashes or arrows
    re.compile(rf"(?:{_TAGGED}\|?\s*{_CHORD}(?:[\s|,-]+{_CHORD})+[\s|,;.]*)+"),
    re.compile(rf"\|[\s:]*{_CHORD}(?:[\s|:%/]+{_CHORD}|[\s|]+[%/](?=[\s|]))+[\s:%/]*\|?"),
    re.compile(rf"\b{_ANNOUNCED}({_CHORD}(?:\s*(?:[,|>→-]+|\s)\s*{_CHORD})+)", re.IGNORECASE),
    re.compile(rf"(?<![\w#'-])({_CHORD}(?:\s+{_CHORD}){{2,}})(?=\s+(?:chords|changes|progression|loop)\b)"),
    re.compile(rf"(?<![\w#'-]){_CHORD}(?:\s?[-–→>]+\s?{_CHORD}){{2,}}(?!\s*(?:form|structure))"),
)
_PLAIN = sorted(
    (word for names in NAMES.items() for word in (names[0], *names[1]) if len(word) > 2), key=len, reverse=True
)
_SECTION = (
    rf"(?:\d{{1,3}}[ -]?bars? |\d[x×] ?)?\[?\b(?:{'|'.join(map(re.escape, _PLAIN))})\b\]?"
    r"(?:\s?[x×]\d|\s?\(?\d{1,3}(?:[ -]?bars?)?\)?(?![\w/:.%]))?"
)
_PLANNED = re.compile(rf"{_SECTION}(?:\s*(?:,|;|->|>|→|-|\bthen\b|\band\b|\s)+\s*{_SECTION}){{2,}}")
_SURE = re.compile(r"\b(?:intro|verse|chorus|refrain|outro|head)\b")


def chords(text: Reading) -> str:
    """A chart that is written out in the text; empty where there is none."""
    for pattern in _RUNS:
        for match in pattern.finditer(text.typed):
            written = match[match.lastindex or 0]
            if pattern is _RUNS[2] and not re.match(r"[A-G]", written):
                continue
            try:
                read_chart(written)
            except ValueError:
                continue
            text.take(*match.span())
            text.typed = text.typed[: match.start()] + " " * len(match[0]) + text.typed[match.end() :]
            return written.strip()
    return ""


def form(text: Reading) -> str:
    """Three sections or more in a row; empty where there are none."""
    match = _PLANNED.search(text.left)
    if not match or not _SURE.search(match[0]):
        return ""
    written = re.sub(r"\s+and\s+", ", ", match[0])
    try:
        read_form(written)
    except ValueError:
        return ""
    text.take(*match.span())
    return written.strip()
